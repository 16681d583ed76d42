"""Sentence id + reader + facts -> text: fallback chain, plural rules, digits, directions.

A missing sentence falls back along the reader's own chain (the language they chose, one more that they read well, what the language's
readers understand best, English), never to a blank; a `Voice` remembers that it did, so that the message can say so.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import format_date, format_skeleton
from babel.lists import format_list
from babel.numbers import format_decimal

from translations.catalogues import LOCALES, PLACEHOLDER, Catalogue, Text, WordsError, read_catalogue, seal_of
from translations.catalogues import languages as begun

FIRST_STRONG, POP, LEFT_TO_RIGHT_MARK, RIGHT_TO_LEFT_MARK = "\u2068", "\u2069", "\u200e", "\u200f"  # FSI, PDI, LRM, RLM (UAX 9)
ISOLATES = re.compile(f"[{FIRST_STRONG}{POP}]")
MOST_READERS = 100  # of whom sentences are kept ready: every language, with the usual wishes
COMMAS = {**dict.fromkeys(("ar", "fa", "ps", "ckb", "ur"), "، "), **dict.fromkeys(("am", "ti"), "፣ ")}
COMMAND = re.compile(r"(?<!\S)/(?=[a-z])")
LASTING: tuple[tuple[str, int], ...] = (("common.days", 86400), ("common.hours", 3600), ("common.minutes", 60))  # 119 minutes, 47 hours, then days
LATIN_DIGITS = "0123456789"
DIGITS = {"latn": LATIN_DIGITS, "arab": "٠١٢٣٤٥٦٧٨٩", "arabext": "۰۱۲۳۴۵۶۷۸۹"}  # CLDR's numbering systems
SAMPLES = "reading.digits."  # sentences that show digits as they are
NUMBER = re.compile(  # of a sentence; not those of an address, a telephone, a command or a name, which are found first and left alone
    r"(?:https?://|www\.)\S+|\S+@\S+|\+\d[\d ]+|(?P<number>(?<![\w@/.:+-])\d+(?:[.:–-]\d+)*(?![\w@/]))"
)

Fact = str | int | Mapping[str, Any]  # the shapes are explained in `Voice.fact`
Namer = Callable[[str, str], str]  # (code, language) -> how that language calls it
Translated = Mapping[tuple[str, str, str], str | None]  # (text, from, to) -> by machine; None: no machine can; missing: not yet


@dataclass(frozen=True, slots=True)
class Reader:
    """How somebody reads."""

    language: str
    second: str = ""  # one more language that they read well
    digits: str = ""  # latn, arab, arabext; "": as is usual in the language
    bare: bool = False  # their phone shows invisible marks as boxes: leave them out
    wants_originals: bool = False  # this once, instead of what a machine translated

    @classmethod
    def of(cls, language: str, reading: Mapping[str, str] | None = None) -> Self:
        """`reading`: second, digits, boxes, as they were answered."""
        chosen = reading or {}
        digits, second = chosen.get("digits", ""), chosen.get("second", "")
        return cls(language, "" if second == language else second, digits if digits in DIGITS else "", chosen.get("boxes") == "yes")


@cache
def locale(language: str) -> Locale:
    """A form may be in a language that CLDR does not know; its dates and numbers are written as in English."""
    try:
        return Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return Locale("en")


@cache
def is_right_to_left(language: str) -> bool:
    return locale(language).character_order == "right-to-left"


def own_name(language: str) -> str:
    """How a language calls itself: Deutsch, العربية, Українська (CLDR)."""
    return language_name(language, language)


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


@dataclass(frozen=True, slots=True)
class _Found:
    """A sentence where it was found."""

    language: str
    text: Text
    remark: Literal["", "fell-back", "outdated", "machine"] = ""


@dataclass(frozen=True, slots=True)
class _Known:
    """What one kind of reader was told already."""

    found: dict[str, _Found] = field(default_factory=dict)  # where their version of a sentence stands
    said: dict[str, tuple[str, _Found]] = field(default_factory=dict)  # those without facts of their own, in words: buttons above all


class Words:
    """All catalogues of an installation."""

    def __init__(
        self,
        languages: Iterable[str] = (),
        *,
        constants: Mapping[str, str | int] | None = None,
        namers: Mapping[str, Namer] | None = None,
        sentences: Mapping[str, str] | None = None,
        legal: Collection[str] = (),
        folder: Path = LOCALES,
        more: Iterable[Path] = (),
    ) -> None:
        """`languages`: those offered, in order (none: every folder). `constants`: facts that every sentence may use.
        `namers`: what `{"from": name, "code": ...}` means. `sentences`: of codes that mean the same in every list. `legal`: sentences that
        somebody agrees to; an outdated or a machine's translation of these is not shown, and one that nobody reviewed has a reviewed one
        beside it. `more`: folders of forms, which may have languages that nothing else is in. Raises WordsError."""
        there = begun(folder)
        self.languages = tuple(languages) or tuple(there)
        for language in self.languages:
            if language not in there:
                raise WordsError(f"{folder / language}: the programme offers the language {language!r}, but this folder is missing.")
        self.constants, self.namers, self.sentences, self.legal = constants or {}, namers or {}, sentences or {}, frozenset(legal)
        self.learned: Mapping[str, Mapping[str, str]] = {}
        self.known: dict[Reader, _Known] = {}
        folders = (folder, *more)
        of_forms = {path.name for each in folders[1:] for path in each.iterdir() if path.is_dir()} - {*there}
        english = read_catalogue("en", folders)
        self.catalogues = {"en": english}
        open_ = [*self.languages, *of_forms]
        while open_:
            language = open_.pop()
            if language not in self.catalogues:
                here = self.catalogues[language] = read_catalogue(language, folders, english)
                open_ += [each for each in here.fallback if each in there]  # nobody needs to offer Persian for Dari to fall back to it

    def become(self, other: Words) -> None:
        """Whoever holds these words says those of the other from now on: a form was added, or a catalogue changed, while the bot runs.
        What was learned stays."""
        vars(self).update({**vars(other), "learned": self.learned})

    def learn(self, names: Mapping[str, Mapping[str, str]]) -> None:
        """What codes are called that no catalogue knows: language -> code -> name."""
        self.learned, self.known = names, {}

    def catalogue(self, language: str) -> Catalogue:
        return self.catalogues[language]

    def constant(self, name: str) -> str:
        """A fact that every sentence may use; empty where there is none."""
        return str(self.constants.get(name, ""))

    def exists(self, sentence: str) -> bool:
        return sentence in self.catalogues["en"].texts

    def voice(self, reader: str | Reader, translated: Translated | None = None) -> Voice:
        """Who says one message to one reader. `translated`: what a machine made of the free text in it; None: there is no machine."""
        return Voice(self, Reader(reader) if isinstance(reader, str) else reader, translated)

    def tr(self, sentence: str, reader: str | Reader, facts: Mapping[str, Fact] | None = None) -> str:
        return self.voice(reader).tr(sentence, facts)

    def fact(self, fact: Fact, reader: str | Reader) -> str:
        return self.voice(reader).fact(fact)

    def in_full(self, sentence: str, reader: str | Reader, facts: Mapping[str, Fact] | None = None) -> str:
        return self.voice(reader).in_full(sentence, facts)

    def fingerprint(self, sentence: str, reader: str | Reader) -> str:
        """SHA-256 of the text as it was shown: what a consent was given to."""
        return hashlib.sha256(self.in_full(sentence, reader).encode()).hexdigest()

    def seal(self, sentence: str) -> str:
        """A short hash of the English text of a consent, placeholders unfilled: scripts carry it, `frontdoor check` compares it."""
        return seal_of(str(self.catalogues["en"].texts.get(sentence, "")))

    def chain(self, reader: Reader) -> Iterator[str]:
        """The languages to look in, the best first: theirs, the second that they read, what its readers understand, English."""
        seen = set[str]()
        open_ = [reader.language, *([reader.second] if reader.second else ()), *self._fallback(reader.language), "en"]
        for language in open_:
            if language in self.catalogues and language not in seen:
                seen.add(language)
                yield language

    def _fallback(self, language: str) -> tuple[str, ...]:
        return self.catalogues[language].fallback if language in self.catalogues else ()

    def known_to(self, reader: Reader) -> _Known:
        known = self.known.get(reader)
        if known is None:
            if len(self.known) >= MOST_READERS:
                self.known = {}
            known = self.known[reader] = _Known()
        return known

    def find(self, sentence: str, reader: Reader) -> _Found:
        """Where the reader's best version of a sentence stands; what nobody ever wrote stands as its id."""
        known = self.known_to(reader).found
        found = known.get(sentence)
        if found is None:
            found = self._look(sentence, reader)
            if sentence in self.catalogues["en"].texts:  # and not whatever somebody asks for
                known[sentence] = found
        return found

    def _look(self, sentence: str, reader: Reader) -> _Found:
        is_legal = sentence in self.legal
        for language in self.chain(reader):
            here = self.catalogues[language]
            text = here.texts.get(sentence)
            if language == "en" and sentence in here.machine and (is_legal or reader.wants_originals):
                text = here.english[sentence]
            elif text is None or (is_legal and sentence in here.fuzzy) or (sentence in here.machine and (is_legal or reader.wants_originals)):
                continue
            written_in = here.source_of.get(sentence, language) if text == here.english[sentence] else language
            if written_in != reader.language:
                return _Found(written_in, text, "fell-back")
            return _Found(written_in, text, "machine" if sentence in here.machine else "outdated" if sentence in here.fuzzy else "")
        return _Found("en", sentence)


class Voice:
    """Who says one message to one reader, and remembers what must be said of it: that something is not in their language, that a machine
    translated it, that it is old."""

    def __init__(self, words: Words, reader: Reader, translated: Translated | None = None) -> None:
        self.words, self.reader, self._translated = words, reader, translated
        self.language, self._known = reader.language, words.known_to(reader)
        self.original = 0  # the line of a call whose translation is shown
        self._remarks: dict[str, str] = {}  # sentence -> the language that it names

    def tr(self, sentence: str, facts: Mapping[str, Fact] | None = None) -> str:
        """The sentence for this reader, a whole line or more."""
        text, found = self._say(sentence, facts)
        return _from_the_left(text) if self._is_against(found.language) else text

    def _say(self, sentence: str, facts: Mapping[str, Fact] | None) -> tuple[str, _Found]:
        if not facts and (ready := self._known.said.get(sentence)):
            text, found = ready
        else:
            found = self._known.found.get(sentence) or self.words.find(sentence, self.reader)
            text = str(found.text) if sentence.startswith(SAMPLES) else self._fill(found, facts or {})
            if not facts and sentence in self._known.found:
                self._known.said[sentence] = (text, found)
        if found.remark:
            self._remark(found)
        return text, found

    def _remark(self, found: _Found) -> None:
        sentence = {"fell-back": "common.fell-back", "outdated": "common.outdated", "machine": "common.by-machine"}[found.remark]
        self._remarks.setdefault(sentence, found.language if found.remark == "fell-back" else "en")

    @property
    def by_machine(self) -> bool:
        return "common.by-machine" in self._remarks

    def remarks(self) -> list[str]:
        """What must be said under the message, in short lines."""
        quiet = self.words.voice(self.reader)
        there = [(sentence, language) for sentence, language in self._remarks.items() if self.words.exists(sentence)]
        return [quiet.tr(sentence, {"language": language_name(language, self.language)}) for sentence, language in there]

    def _fill(self, found: _Found, facts: Mapping[str, Fact]) -> str:
        text, language = found.text, found.language
        if isinstance(text, tuple):
            number = int(str(facts.get("n", 0)))
            home = language if language in self.words.catalogues else "en"
            text = text[min(self.words.catalogue(home).plural(number), len(text) - 1)]
        if "{" not in text:
            return self._digits(text, language)
        pieces, at, constants = [], 0, self.words.constants
        for match in PLACEHOLDER.finditer(text):  # digits of the sentence change, those of a fact only where it is a number
            name = match[1]
            fact = facts[name] if name in facts else constants.get(name)
            pieces += [self._digits(text[at : match.start()], language), match[0] if fact is None else self._fact(fact, language)]
            at = match.end()
        return "".join([*pieces, self._digits(text[at:], language)])

    def in_full(self, sentence: str, facts: Mapping[str, Fact] | None = None) -> str:
        """As it is shown: a legal text that nobody reviewed in this language says so, and has a reviewed one beside it."""
        text = self.tr(sentence, facts)
        if sentence not in self.words.legal or self._is_reviewed((found := self.words.find(sentence, self.reader)).language):
            return text
        checked = next((each for each in self.words.chain(self.reader) if self._is_reviewed(each) and self._has(sentence, each)), None)
        if checked is None or checked == found.language:
            return text
        beside = Voice(self.words, replace(self.reader, language=checked, second="", digits="")).tr(sentence, facts)
        return f"{text}\n\n{self.tr('common.not-reviewed')}\n\n{_from_the_left(beside) if self._is_against(checked) else beside}"

    def _is_reviewed(self, language: str) -> bool:
        return language not in self.words.catalogues or self.words.catalogue(language).is_reviewed

    def _has(self, sentence: str, language: str) -> bool:
        here = self.words.catalogue(language)
        return sentence in here.texts and sentence not in here.fuzzy

    def fact(self, fact: Fact) -> str:
        """A plain value (kept apart from the writing direction around it; a number in the reader's digits), or a reference:
        {"say": sentence id}, {"say": ..., "with": facts} for one that has facts of its own, {"from": source, "code": code},
        {"list": [facts]}, {"pair": [fact, more facts]}, {"date": "2026-11-21"}, {"day": "2026-11-21"} (with its weekday), {"month": "2026-11"}, {"decimal": "1.5"}, {"lasts": seconds},
        {"moment": "2026-11-23T09:00+01:00"} (with its weekday: "Monday" alone is wrong when it is read a week later; {"zone": "Europe/Berlin"}
        beside it says whose time that is), {"free": text, "in": language} for what a person wrote, with a machine's
        translation beside it; with {"original": line of a call} the translation alone, and a button that shows that line."""
        return self._fact(fact, self.language)

    def _fact(self, fact: Fact, language: str) -> str:
        if isinstance(fact, int):
            return self._digits(str(fact), language)
        if isinstance(fact, str):
            return self._isolated(fact, language)
        match fact:
            case {"say": sentence}:
                text, found = self._say(sentence, fact.get("with"))
                return f"{FIRST_STRONG}{text}{POP}" if is_right_to_left(found.language) is not is_right_to_left(language) and not self.reader.bare else text
            case {"from": source, "code": code}:
                return self._called(source, code, language)
            case {"list": facts}:
                return str(format_list([self._fact(each, language) for each in facts], style="standard", locale=locale(language))) if facts else ""
            case {"pair": [first, *more]}:
                inside = _comma(language).join(self._fact(each, language) for each in more)
                return self._fact(first, language) + (f" ({inside})" if inside else "")
            case {"moment": moment}:
                return self._moment(datetime.fromisoformat(moment), fact.get("zone", ""), language, year="year" in fact)
            case {"day": day}:
                return self._digits(self._day(date.fromisoformat(day), language), language)
            case {"lasts": seconds}:
                unit, length = next(((unit, length) for unit, length in LASTING if seconds >= 2 * length), LASTING[-1])
                return self._fact({"say": unit, "with": {"n": seconds // length}}, language)
            case {"free": text, "in": from_}:
                return self._free(str(text), from_, language, fact)
        return self._digits(_of_calendar(fact, language), language)

    def number(self, number: int) -> str:
        """As it stands alone on a button."""
        return str(number).translate(_TABLES[self.reader.digits or usual_digits(self.language)])

    def _moment(self, at: datetime, zone: str, language: str, *, year: bool = False) -> str:
        if zone:
            at = at.astimezone(ZoneInfo(zone))
        said = self._digits(f"{self._day(at.date(), language, year=year)}{_comma(language)}{at.hour}:{at.minute:02}", language)
        return self._fact({"say": "common.at-place", "with": {"time": said, "place": city(zone, language)}}, language) if zone else said

    def _day(self, day: date, language: str, *, year: bool = False) -> str:
        """With its weekday: Thursday, 18 March."""
        weekday = format_date(day, "EEEE", locale=locale(language))
        return f"{weekday}{_comma(language)}{format_skeleton('yMMMMd' if year else 'MMMMd', day, locale=locale(language))}"

    def _free(self, text: str, from_: str, language: str, fact: Mapping[str, Any]) -> str:
        """What somebody wrote, and what a machine makes of it: instead of it, with the original a tap away, or beside it."""
        own, key = self._isolated(text, language), (text, from_, language)
        if self._translated is None or not from_ or is_as_good(from_, language):
            return own
        if key not in self._translated:  # in time; or they switched language since: then the one that there is
            key = next((each for each, made in self._translated.items() if each[:2] == key[:2] and made), key)
        if key not in self._translated:
            return f"{own}\n\n{self.tr('common.machine-works')}"
        names = {"language": language_name(from_, language), "other": language_name(key[2], language)}
        if (translation := self._translated[key]) is None:
            return f"{own}\n\n{self.tr('common.no-machine', names)}"
        if "original" in fact:
            self._remarks["common.by-machine"], self.original = from_, fact["original"]
            return self._isolated(translation, language)
        return f"{own}\n\n{self.tr('common.machine-says', {'language': names['other']})}\n{self._isolated(translation, language)}"

    def _called(self, source: str, code: str, language: str) -> str:
        """By the source's namer, else by the code's own sentence, what was learned, or the sentence `source.code`, in the reader's best
        language that has one; a code that nothing knows stands as it is."""
        words = self.words
        if source in words.namers:
            return words.namers[source](code, language)
        sentence = words.sentences.get(code, f"{source}.{code}")
        for each in words.chain(replace(self.reader, language=language)):
            if sentence in words.catalogue(each).texts:
                return self._fact({"say": sentence}, language)
            if name := words.learned.get(each, {}).get(code):
                if each != language:
                    self._remark(_Found(each, name, "fell-back"))
                return self._isolated(name, language)
        return self._isolated(code, language)

    def _digits(self, text: str, language: str) -> str:
        """In the digits that the reader wants; in a language that is not theirs, in those that are usual there."""
        wanted = (self.reader.digits if language == self.language else "") or usual_digits(language)
        return text if wanted == "latn" else NUMBER.sub(lambda match: match[0].translate(_TABLES[wanted]) if match["number"] else match[0], text)

    def _isolated(self, text: str, language: str) -> str:
        """A name in Latin letters must not turn an Arabic sentence around, nor an Arabic name a German one."""
        if self.reader.bare:
            return text
        foreign = any(unicodedata.bidirectional(character) in {"R", "AL", "AN"} for character in text)
        return f"{FIRST_STRONG}{text}{POP}" if foreign or is_right_to_left(language) else text

    def _is_against(self, language: str) -> bool:
        """Does that language run from the left, in a message that runs from the right?"""
        return is_right_to_left(self.language) and not is_right_to_left(language)

    def laid_out(self, text: str) -> str:
        """Telegram, and most others, give each line the direction of its first strong letter: in a right-to-left language every
        line must begin with one that says so. And the slash of a /command must stay on its left."""
        if not is_right_to_left(self.language):
            return text
        return "\n".join(_turned(line) for line in text.split("\n"))


_TABLES = {name: str.maketrans(LATIN_DIGITS, digits) for name, digits in DIGITS.items()}


@cache
def usual_digits(language: str) -> str:
    """The numbering system that readers of a language expect (CLDR), as far as it is one of ours."""
    usual = str(locale(language).default_numbering_system)
    return usual if usual in DIGITS else "latn"


def is_as_good(language: str, wanted: str) -> bool:
    """Nobody needs Persian translated into Dari."""
    return language == wanted or language.partition("_")[0] == wanted.partition("_")[0]


def _of_calendar(fact: Mapping[str, Any], language: str) -> str:
    match fact:
        case {"date": day}:
            return str(format_date(date.fromisoformat(day), "long", locale=locale(language)))
        case {"decimal": number}:
            return str(format_decimal(Decimal(number), locale=locale(language)))
        case {"month": month}:
            return str(format_skeleton("yMMMM", date.fromisoformat(f"{month}-01"), locale=locale(language)))
    raise ValueError(f"a fact of no known shape: {sorted(fact)}")


def city(zone: str, language: str) -> str:
    """The city that a zone is named after, as the language calls it (CLDR)."""
    known = get_global("zone_aliases").get(zone, zone)  # CLDR says Europe/Kiev, IANA Europe/Kyiv
    there = locale(language).time_zones.get(known) or locale("en").time_zones.get(known) or {}
    return str(there.get("city") or zone.rpartition("/")[2].replace("_", " "))


def _comma(language: str) -> str:
    return COMMAS.get(language.partition("_")[0], ", ")


def _from_the_left(text: str) -> str:
    return "\n".join(LEFT_TO_RIGHT_MARK + line if line and not line.startswith(LEFT_TO_RIGHT_MARK) else line for line in text.split("\n"))


def _turned(line: str) -> str:
    if line.startswith(LEFT_TO_RIGHT_MARK):  # a line in another language, that says so itself
        return line
    line = COMMAND.sub(LEFT_TO_RIGHT_MARK + "/", line)
    return RIGHT_TO_LEFT_MARK + line if _first_strong(line) == "L" else line


def _first_strong(line: str) -> str:
    return next((direction for direction in map(unicodedata.bidirectional, line) if direction in {"L", "R", "AL"}), "")
