"""Which letters follow each other in a language: profiles made of our own catalogues, in `profiles.txt`.

They know the languages that no library at hand knows (Tigrinya, Sorani, Kurmanji), and say their word about the others.
Made anew by `python -m translations.profiles` whenever the catalogues have grown a lot; not at every change.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from translations.catalogues import LOCALES, PLACEHOLDER, TAG, URL, read_file, text_of

FILE = Path(__file__).parent / "profiles.txt"
LONGEST, MOST = 4, 2_600  # letters of a gram; grams kept of each length, of a language
SMOOTHING = 0.4
SAME = {"fa_AF": "fa"}  # nobody can tell these apart by a sentence
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def same(language: str) -> str:
    """The name under which it is known here."""
    return SAME.get(language, language)


def words_of(text: str) -> list[str]:
    return WORD.findall(text.lower())


def grams(text: str) -> Iterator[str]:
    """One to four letters that stand together; a blank is where a word begins and ends."""
    for word in words_of(text):
        edged = f" {word} "
        for length in range(1, LONGEST + 1):
            yield from (gram for at in range(len(edged) - length + 1) if (gram := edged[at : at + length]) != " ")


class Profiles:
    """A backend of the detector (see `translations/detect.py`)."""

    def __init__(self, path: Path = FILE) -> None:
        self._counts = read(path)
        self.languages = frozenset(self._counts)

    @cached_property
    def _tables(self) -> dict[str, tuple[Mapping[str, float], tuple[float, ...]]]:
        """Language -> gram -> log of its share among those of its length; and of one that never came, by length."""
        tables: dict[str, tuple[Mapping[str, float], tuple[float, ...]]] = {}
        for language, counts in self._counts.items():
            totals = [sum(count for gram, count in counts.items() if len(gram) == length) + SMOOTHING * MOST for length in range(1, LONGEST + 1)]
            logs = {gram: math.log((count + SMOOTHING) / totals[len(gram) - 1]) for gram, count in counts.items()}
            tables[language] = (logs, (0.0, *(math.log(SMOOTHING / total) for total in totals)))
        return tables

    def scores(self, text: str, candidates: Collection[str]) -> dict[str, float]:
        """Logarithms of how likely each language would write so, on a scale of their own, tempered by length."""
        there = list(grams(text))
        temper = math.sqrt(len(there)) or 1.0
        scores = {}
        for language in candidates:
            known, unknown = self._tables[language]
            scores[language] = sum(known.get(gram, unknown[len(gram)]) for gram in there) / temper
        return scores

    def is_foreign(self, text: str, language: str) -> bool:  # noqa: ARG002 - the shape of a backend; these know no others
        return False

    def of(self, language: str, longest: int) -> dict[str, int]:
        """Its grams up to that length, and how often each came."""
        return {gram: count for gram, count in self._counts[language].items() if len(gram) <= longest}


def read(path: Path = FILE) -> dict[str, dict[str, int]]:
    """Language -> gram -> count. A line is a language and a count, and the grams that came so often."""
    counts: dict[str, dict[str, int]] = {}
    for line in path.read_text("utf-8").splitlines():
        language, count, there = line.split("\t")
        counts.setdefault(language, {}).update(dict.fromkeys(there.split("|"), int(count)))
    return counts


def make(folder: Path = LOCALES) -> str:
    """The text of `profiles.txt`, from every sentence of the catalogues."""
    found: dict[str, Counter[str]] = {}
    for path in sorted(folder.glob("*/*.po")):
        language = path.parent.name
        counter = found.setdefault(same(language), Counter())
        for entry in read_file(path):
            text = entry.msgid if language == "en" else text_of(entry)
            for each in (text,) if isinstance(text, str) else text or ():
                counter.update(grams(URL.sub(" ", TAG.sub(" ", PLACEHOLDER.sub(" ", each)))))
    lines = []
    for language, counter in sorted(found.items()):
        kept = Counter[str]()
        for length in range(1, LONGEST + 1):
            kept.update(dict(Counter({gram: count for gram, count in counter.items() if len(gram) == length and count > 1}).most_common(MOST)))
        by_count: dict[int, list[str]] = {}
        for gram, count in kept.items():
            by_count.setdefault(count, []).append(gram)
        lines += [f"{language}\t{count}\t{'|'.join(sorted(there))}" for count, there in sorted(by_count.items(), reverse=True)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(make(), "utf-8")
