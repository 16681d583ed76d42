"""`frontdoor words`: the catalogues follow the scripts; how far each language is; whether anything is wrong with one."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.check import check, may_lack, needed_sentences
from dialogs.model import Scripts
from translations.catalogues import LOCALES, PLACEHOLDER, Catalogue, Text, WordsError, extract, languages, merge
from translations.detect import script_of
from translations.words import Words, language_name, own_name

WORD = re.compile(r"[A-Za-z]{3,}")
NO_TRANSLATION = frozenset("Telegram Frontdoor".split())


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a language is. Numbers of sentences."""

    language: str
    wanted: int  # what its readers may meet
    there: int
    fuzzy: int
    machine: int
    review: str  # who read it all, or none

    def line(self) -> str:
        share = self.there * 100 // self.wanted
        old, machine = (f"{number:>4} {name}" for number, name in ((self.fuzzy, "outdated"), (self.machine, "by machine")))
        return f"{self.language:<6} {language_name(self.language, 'en'):<22} {share:>3} % of {self.wanted:>5} {old} {machine}   review: {self.review}"


def update(scripts: Scripts, words: Words, folder: Path = LOCALES, only: Sequence[str] = ()) -> list[str]:
    """English gets what scripts and code need, and loses what nothing says; every language follows English. What was done, a line each.
    Raises WordsError."""
    needed = needed_sentences(scripts, words)
    done = extract((name for name, kind in needed.items() if kind != "optional"), (name for name, kind in needed.items() if kind == "optional"), folder)
    said = [f"en: {what} {name}" for what, names in done.items() for name in names]
    _there(only, languages(folder))
    for language in (each for each in only or languages(folder) if each != "en"):
        numbers = merge(language, folder, may_lack(scripts))
        if any(numbers.values()):
            said.append(f"{language}: " + ", ".join(f"{number} {what}" for what, number in numbers.items() if number))
    return said


def _there(only: Sequence[str], languages: Sequence[str]) -> None:
    for language in only:
        if language not in languages:
            raise WordsError(f"{LOCALES / language}: there is no such language yet; it begins with a common.po (CONTRIBUTING.md).")


def standing(scripts: Scripts, words: Words) -> list[Standing]:
    """Of every language that these words hold."""
    return [_standing(words.catalogue(language), words.catalogue("en"), may_lack(scripts)) for language in sorted(words.languages)]


def _standing(here: Catalogue, english: Catalogue, rooms: frozenset[str]) -> Standing:
    begun = {name.partition(".")[0] for name in here.files}
    wanted = [name for name in english.texts if (room := name.partition(".")[0]) in begun or room not in rooms]
    there = [name for name in wanted if name in here.texts]
    return Standing(here.language, len(wanted), len(there), len(here.fuzzy), len(here.machine), here.headers.get("X-Review", "none"))


def faults(scripts: Scripts, words: Words, entrances: Mapping[str, Mapping[str, str]], only: Sequence[str] = ()) -> list[str]:
    """Everything that is wrong with the catalogues: what `frontdoor check` says of them, what gettext says, what is still English."""
    _there(only, words.languages)
    said = check(scripts, words, entrances)
    for language in only or words.languages:
        said += _msgfmt(language)
        said += _forgotten(words.catalogue(language), words.catalogue("en"))
    return [each for each in said if not only or any(f"/{language}/" in each for language in only)]


def _msgfmt(language: str) -> Iterator[str]:
    """GNU's own opinion, where it is installed (Debian: gettext)."""
    if not (msgfmt := shutil.which("msgfmt")):
        return
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted((LOCALES / language).glob("*.po")):
            done = subprocess.run([msgfmt, "-c", "-o", f"{folder}/x.mo", str(path)], capture_output=True, text=True, check=False)  # noqa: S603 - our own files
            yield from (line for line in done.stderr.splitlines() if done.returncode and ":" in line)


def _forgotten(here: Catalogue, english: Catalogue) -> Iterator[str]:
    """Sentences that were copied and not translated."""
    for name, text in here.texts.items():
        if here.language != "en" and name in english.texts and not name.endswith(".also") and is_english_still(text, english.texts[name], here.language):
            yield f"{here.files[name]}: {name} is still English; translate it, or empty its msgstr."


def is_english_still(text: Text, english: Text, language: str) -> bool:
    """The same, and of several words that are no placeholders. Two that are the same may be right where one writes in Latin letters
    ("social media", "minute, minutes")."""
    if text != english:
        return False
    whole = text if isinstance(text, str) else " ".join(text)
    words = [word for word in WORD.findall(PLACEHOLDER.sub("", whole)) if word not in NO_TRANSLATION]
    return len(words) >= (3 if script_of(own_name(language)) == "LATIN" else 1)
