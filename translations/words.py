"""Sentence id + language + facts -> text. The only file that knows PO.

A folder under `locales/` is a language; there is no list of languages to keep. English lives once, as `msgid` in
`locales/en`; `msgctxt` is the sentence id. A missing sentence falls back to English, never to a blank.
"""

from __future__ import annotations

import gettext
import hashlib
import math
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import polib
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_timedelta
from babel.lists import format_list
from babel.numbers import format_decimal

LOCALES = Path(__file__).parent / "locales"
FIRST_STRONG, POP, LEFT_TO_RIGHT_MARK, RIGHT_TO_LEFT_MARK = "\u2068", "\u2069", "\u200e", "\u200f"  # FSI, PDI, LRM, RLM (UAX 9)
MOST_KNOWN = 20_000  # sentences kept ready: all of them, many times over
ARABIC_COMMA = frozenset({"ar", "fa", "ps", "ckb", "ur"})
COMMAND = re.compile(r"(?<!\S)/(?=[a-z])")
LASTING: tuple[tuple[Literal["day", "hour", "minute"], int], ...] = (("day", 86400), ("hour", 3600), ("minute", 60))  # 119 minutes, 47 hours, then days
PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")

Fact = str | int | Mapping[str, Any]  # the shapes are explained in `Words.fact`
Namer = Callable[[str, str], str]  # (code, language) -> how that language calls it


class WordsError(Exception):
    """A catalogue can't be used; the message names the file, the line and the remedy."""


@dataclass(frozen=True)
class Catalogue:
    """One language's sentences: id -> text, or -> plural forms."""

    language: str
    texts: Mapping[str, str | tuple[str, ...]]
    english: Mapping[str, str]  # what each was translated from
    fuzzy: frozenset[str]  # English changed since
    files: Mapping[str, str]  # id -> where it is written, for complaints
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_reviewed(self) -> bool:
        """By somebody who speaks it: the header X-Review of every file names them (English has its author)."""
        return self.headers.get("X-Review", "none") != "none"

    @cached_property
    def plural(self) -> Callable[[int], int]:
        """Number -> which of the forms. Raises WordsError."""
        match = re.search(r"plural=(.+?);?$", self.headers.get("Plural-Forms", "").strip())
        if not match:
            raise WordsError(f"locales/{self.language}: the header Plural-Forms is missing; copy it from CONTRIBUTING.md.")
        return gettext.c2py(match[1])


def read_catalogue(language: str, folders: Iterable[Path]) -> Catalogue:
    """Every PO file of one language, wherever there are any; its headers are those of the first folder. Raises WordsError with file and line."""
    texts: dict[str, str | tuple[str, ...]] = {}
    english, files, fuzzy, headers = dict[str, str](), dict[str, str](), set[str](), dict[str, str]()
    first, *more = [folder / language for folder in folders]
    for path in (*sorted(first.glob("*.po")), *(path for folder in more for path in sorted(folder.glob("*.po")))):
        try:
            catalogue = polib.pofile(str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise WordsError(f"{path}: is no PO file that can be read ({error}); compare it with locales/en/{path.name}.") from error
        headers = headers | catalogue.metadata if path.parent == first or not headers else headers
        for entry in catalogue:
            name, where = entry.msgctxt, f"{path}:{entry.linenum}"
            if entry.obsolete or not name:
                continue
            if name in files:
                raise WordsError(f"{where}: the sentence {name} stands at {files[name]} already; delete one.")
            files[name], english[name] = where, entry.msgid
            if language == "en":
                texts[name] = (entry.msgid, entry.msgid_plural) if entry.msgid_plural else entry.msgid
            elif entry.msgid_plural and all(entry.msgstr_plural.values()):
                texts[name] = tuple(entry.msgstr_plural[index] for index in sorted(entry.msgstr_plural))
            elif entry.msgstr:
                texts[name] = entry.msgstr
            if entry.fuzzy:
                fuzzy.add(name)
    if not files:
        raise WordsError(f"{first}: holds no PO file; copy those of locales/en, or remove the folder.")
    return Catalogue(language, texts, english, frozenset(fuzzy), files, headers)


def words_of_entries(kind: str, folder: Path = LOCALES) -> dict[str, dict[str, str]]:
    """Of occupations or skills what each language calls them, languages that nobody offers yet included: people write what they
    write. Language -> sentence id -> text. Raises WordsError."""
    found = {}
    for path in sorted(folder.glob(f"*/{kind}.po")):
        language = path.parent.name
        try:
            found[language] = {str(entry.msgctxt): entry.msgid if language == "en" else entry.msgstr for entry in polib.pofile(str(path))}
        except (OSError, UnicodeDecodeError) as error:
            raise WordsError(f"{path}: is no PO file that can be read ({error}).") from error
    return found


@cache
def locale(language: str) -> Locale:
    """A form may be in a language that CLDR does not know; its dates and numbers are written as in English."""
    try:
        return Locale.parse(language)
    except UnknownLocaleError:
        return Locale("en")


def is_right_to_left(language: str) -> bool:
    return locale(language).character_order == "right-to-left"


def own_name(language: str) -> str:
    """How a language calls itself: Deutsch, العربية, Українська (CLDR)."""
    name = str(locale(language).get_language_name(language) or language)
    return name[:1].upper() + name[1:]


def language_name(code: str, language: str) -> str:
    """How `language` calls the language `code` (CLDR)."""
    name = str(locale(language).languages.get(code) or locale("en").languages.get(code) or code)
    return name[:1].upper() + name[1:]


def week_of(language: str) -> list[tuple[int, str]]:
    """Its days, from the one that it begins with there: (0 for Monday, a name of at most three letters)."""
    here = locale(language)
    short, narrow = (here.days["stand-alone"][width] for width in ("short", "narrow"))
    names = short if all(len(name.rstrip(".")) <= 3 for name in short.values()) else narrow
    return [(day % 7, str(names[day % 7]).rstrip(".")) for day in range(here.first_week_day, here.first_week_day + 7)]


class Words:
    """All catalogues of an installation."""

    def __init__(
        self,
        languages: Iterable[str] = (),
        *,
        constants: Mapping[str, str] | None = None,
        namers: Mapping[str, Namer] | None = None,
        sentences: Mapping[str, str] | None = None,
        legal: Collection[str] = (),
        folder: Path = LOCALES,
        more: Iterable[Path] = (),
    ) -> None:
        """`languages`: those offered, in order (none: every folder). `constants`: facts that every sentence may use.
        `namers`: what `{"from": name, "code": ...}` means. `sentences`: of codes that mean the same in every list. `legal`: sentences that somebody agrees to; an outdated
        translation of these is not shown, and one that nobody reviewed has the English beside it. `more`: folders of forms, which
        may have languages that nothing else is in. Raises WordsError."""
        there = sorted(path.parent.name for path in folder.glob("*/common.po"))  # with that a language begins; before, it has words to search by only
        self.languages = tuple(languages) or tuple(there)
        for language in self.languages:
            if language not in there:
                raise WordsError(f"{folder / language}: the programme offers the language {language!r}, but this folder is missing.")
        self._constants, self._namers, self._sentences, self._legal = constants or {}, namers or {}, sentences or {}, frozenset(legal)
        self._learned: Mapping[str, Mapping[str, str]] = {}
        self._said: dict[tuple[str, str], str] = {}
        folders = (folder, *more)
        of_forms = {path.name for each in folders[1:] for path in each.iterdir() if path.is_dir()} - {*there}
        self._catalogues = {language: read_catalogue(language, folders) for language in {*self.languages, *of_forms, "en"}}

    def become(self, other: Words) -> None:
        """Whoever holds these words says those of the other from now on: a form was added while the bot runs. What was learned stays."""
        vars(self).update({**vars(other), "_learned": self._learned})

    def learn(self, names: Mapping[str, Mapping[str, str]]) -> None:
        """What codes are called that no catalogue knows: language -> code -> name."""
        self._learned = names

    def catalogue(self, language: str) -> Catalogue:
        return self._catalogues[language]

    def constant(self, name: str) -> str:
        """A fact that every sentence may use; empty where there is none."""
        return self._constants.get(name, "")

    def exists(self, sentence: str) -> bool:
        return sentence in self._catalogues["en"].texts

    def tr(self, sentence: str, language: str, facts: Mapping[str, Fact] | None = None) -> str:
        """The sentence in `language` (else in English, else its id, so that nobody ever meets a blank)."""
        if not facts and (known := self._said.get((sentence, language))) is not None:
            return known  # most of what is said has no facts of its own: buttons above all
        text = self._tr(sentence, language, {**self._constants, **(facts or {})})
        if not facts and len(self._said) < MOST_KNOWN:
            self._said[sentence, language] = text
        return text

    def _tr(self, sentence: str, language: str, facts: Mapping[str, Fact]) -> str:
        language = language if language in self._catalogues else "en"
        here = self._catalogues[language]
        text = None if sentence in self._legal and sentence in here.fuzzy else here.texts.get(sentence)
        if text is None:
            language, text = "en", self._catalogues["en"].texts.get(sentence, sentence)
        if isinstance(text, tuple):
            number = int(str(facts.get("n", 0)))
            text = text[min(self._catalogues[language].plural(number), len(text) - 1)]
        return PLACEHOLDER.sub(lambda match: self.fact(facts[match[1]], language) if match[1] in facts else match[0], text)

    def in_full(self, sentence: str, language: str, facts: Mapping[str, Fact] | None = None) -> str:
        """As it is shown: a legal text that nobody reviewed in this language says so, and has the reviewed one beside it."""
        text = self.tr(sentence, language, facts)
        here = self._catalogues.get(language)
        if sentence not in self._legal or here is None or here.is_reviewed or sentence not in here.texts or sentence in here.fuzzy:
            return text
        english = self.tr(sentence, "en", facts)
        if is_right_to_left(language):
            english = "\n".join(LEFT_TO_RIGHT_MARK + line if line else line for line in english.split("\n"))
        return f"{text}\n\n{self.tr('common.not-reviewed', language)}\n\n{english}"

    def fact(self, fact: Fact, language: str) -> str:
        """A plain value (kept apart from the writing direction around it), or a reference: {"say": sentence id},
        {"from": source, "code": code}, {"list": [facts]}, {"pair": [fact, more facts]}, {"date": "2026-11-21"}, {"month": "2026-11"},
        {"decimal": "1.5"}, {"moment": "2026-11-23T09:00+01:00"} (with its weekday: "Monday" alone is wrong when it is read a week later),
        {"lasts": seconds}; {"say": ..., "with": facts} for a sentence that has facts of its own."""
        if not isinstance(fact, Mapping):
            return _isolated(str(fact), language)
        match fact:
            case {"say": sentence, "with": facts}:
                return self.tr(sentence, language, facts)
            case {"say": sentence}:
                return self.tr(sentence, language)
            case {"from": source, "code": code}:
                return self._called(source, code, language)
            case {"list": facts}:
                return str(format_list([self.fact(each, language) for each in facts], style="standard", locale=locale(language))) if facts else ""
            case {"pair": [first, *more]}:
                comma = "، " if language.partition("_")[0] in ARABIC_COMMA else ", "
                inside = comma.join(self.fact(each, language) for each in more)
                return self.fact(first, language) + (f" ({inside})" if inside else "")
            case {"date": day}:
                return str(format_date(date.fromisoformat(day), "long", locale=locale(language)))
            case {"moment": moment}:
                at = datetime.fromisoformat(moment)
                comma = "، " if language.partition("_")[0] in ARABIC_COMMA else ", "
                day = format_skeleton("MMMMd", at, tzinfo=at.tzinfo, locale=locale(language))
                return f"{format_date(at, 'EEEE', locale=locale(language))}{comma}{day}{comma}{at.hour}:{at.minute:02}"
            case {"lasts": seconds}:
                unit, length = next(((unit, length) for unit, length in LASTING if seconds >= 2 * length), LASTING[-1])
                return str(format_timedelta(seconds // length * length, granularity=unit, threshold=math.inf, locale=locale(language)))
            case {"decimal": number}:
                return str(format_decimal(Decimal(number), locale=locale(language)))
            case {"month": month}:
                return str(format_skeleton("yMMMM", date.fromisoformat(f"{month}-01"), locale=locale(language)))
        raise ValueError(f"a fact of no known shape: {sorted(fact)}")

    def _called(self, source: str, code: str, language: str) -> str:
        """By the source's namer, else by the code's own sentence, what was learned, or the sentence `source.code`, in their language or
        else in English; a code that nothing knows stands as it is."""
        if source in self._namers:
            return self._namers[source](code, language)
        sentence = self._sentences.get(code, f"{source}.{code}")
        for each in (language, "en"):
            if each in self._catalogues and sentence in self._catalogues[each].texts:
                return self.tr(sentence, each)
            if name := self._learned.get(each, {}).get(code):
                return _isolated(name, language)
        return _isolated(code, language)

    def fingerprint(self, sentence: str, language: str) -> str:
        """SHA-256 of the text as it was shown: what a consent was given to."""
        return hashlib.sha256(self.in_full(sentence, language).encode()).hexdigest()

    def seal(self, sentence: str) -> str:
        """A short hash of the English text of a consent, placeholders unfilled: scripts carry it, `frontdoor check` compares it."""
        return seal_of(str(self._catalogues["en"].texts.get(sentence, "")))


def seal_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def write_catalogue(path: Path, language: str, english: Mapping[str, str], texts: Mapping[str, str], source: str = "en") -> None:
    """A PO file. `english`: what each sentence is in the language that it was written in (`source`), in order; `texts`: in this one."""
    file = polib.POFile(wrapwidth=0)
    file.metadata = {
        "Project-Id-Version": path.stem,
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "X-Source-Language": source,
        "X-Review": "none",
    }
    for name, original in english.items():
        if language == "en" or name in texts:
            file.append(polib.POEntry(msgctxt=name, msgid=original, msgstr="" if language == "en" else texts[name]))
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(str(path))


def laid_out(text: str, language: str) -> str:
    """Telegram, and most others, give each line the direction of its first strong letter: in a right-to-left language every
    line must begin with one that says so. And the slash of a /command must stay on its left."""
    if not is_right_to_left(language):
        return text
    return "\n".join(_turned(line) for line in text.split("\n"))


def _turned(line: str) -> str:
    if line.startswith(LEFT_TO_RIGHT_MARK):  # a line in another language, that says so itself
        return line
    line = COMMAND.sub(LEFT_TO_RIGHT_MARK + "/", line)
    return RIGHT_TO_LEFT_MARK + line if _first_strong(line) == "L" else line


def _isolated(text: str, language: str) -> str:
    """A name in Latin letters must not turn an Arabic sentence around, nor an Arabic name a German one."""
    foreign = any(unicodedata.bidirectional(character) in {"R", "AL", "AN"} for character in text)
    return f"{FIRST_STRONG}{text}{POP}" if foreign or is_right_to_left(language) else text


def _first_strong(line: str) -> str:
    return next((direction for direction in map(unicodedata.bidirectional, line) if direction in {"L", "R", "AL"}), "")
