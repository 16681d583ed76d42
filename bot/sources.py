"""The lists that a script may name with `from:`. A source gives codes; `NAMERS` say how a language calls a code. The codes of a
source without a namer are sentences: `sectors.c28`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from babel import Locale

from dialogs.model import TAXONOMIES
from dialogs.nouns import Option
from translations.words import Namer, Words, city, language_name, own_name

# Spoken by newcomers in Mecklenburg-Vorpommern and most asked for by the projects; any other one can be typed.
SPOKEN = ("de", "en", "uk", "ar", "fa", "fa_AF", "ps", "ru", "tr", "ku", "ckb", "ti", "so", "am", "pl", "ro", "bg", "sq", "sr", "fr", "es", "pt", "it", "vi")

ESCO = "http://data.europa.eu/esco/"  # where the EU's classification names its entries


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """An occupation or skill that is there without any import; its words are the sentences `occupations.welder`, `occupations.welder.also`."""

    kind: str
    key: str
    isco: str  # ISCO-08: of an occupation its unit group, of a skill the sub-major group where it is at home

    @property
    def sentence(self) -> str:
        return f"{self.kind}.{self.key}"


def _built_in() -> dict[str, BuiltIn]:
    lines = (Path(__file__).parent / "entries.tsv").read_text("utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {ESCO + uri: BuiltIn(kind, key, isco) for kind, key, isco, uri in rows}


BUILT_IN: Mapping[str, BuiltIn] = _built_in()  # by their ESCO URI
# ISCO-08's major and sub-major groups, as `groups.7` and `groups.72` call them.
GROUPS = tuple(
    "0 1 2 3 4 5 6 7 8 9 01 02 03 11 12 13 14 21 22 23 24 25 26 31 32 33 34 35 41 42 43 44 51 52 53 54 61 62 63 71 72 73 74 75 81 82 83 91 92 93 94 95 96".split()
)


def group_code(group: str) -> str:
    """As ESCO names an ISCO group."""
    return f"{ESCO}isco/C{group}"


# Codes with a sentence of their own, whatever list they come from.
SENTENCES: Mapping[str, str] = {code: entry.sentence for code, entry in BUILT_IN.items()} | {group_code(group): f"groups.{group}" for group in GROUPS}

Source = Callable[[Sequence[str]], tuple[str, ...]]  # languages offered -> codes

# ISO 3166 as CLDR has it, without regions of regions and what is no country people come from.
NO_COUNTRIES = frozenset("EU EZ UN XA XB ZZ QO AC CP DG EA IC TA CQ".split())
COUNTRIES = tuple(code for code in sorted(map(str, Locale("en").territories)) if re.fullmatch(r"[A-Z]{2}", code) and code not in NO_COUNTRIES)

# Time zones, each by the city that it is named after (IANA); without those that are named after none.
ZONES = tuple(
    sorted(line.split("\t")[2] for line in (files("tzdata") / "zoneinfo" / "zone1970.tab").read_text("utf-8").splitlines() if line and line[0] != "#")
)

# NACE Rev. 2.1: the four sectors that the projects are about, then the sections (of A and C: what else is in them), without
# those that no small business is in (public administration, households, international bodies).
SECTORS = ("c28", "a01", "d35", "f", "a", "b", "c", "e", "g", "h", "i", "j", "k", "l", "m", "n", "o", "q", "r", "s", "t")

SOURCES: Mapping[str, Source] = {
    "countries": lambda _: COUNTRIES,
    "languages": tuple,
    "sectors": lambda _: SECTORS,
    "spoken-languages": lambda _: SPOKEN,
    "zones": lambda _: ZONES,
    **dict.fromkeys(TAXONOMIES, lambda _: ()),  # searched, not listed (bot/taxonomy.py)
}

ALPHABETICAL = frozenset({"countries", "zones"})  # in the person's language; the others come in an order of their own

NAMERS: Mapping[str, Namer] = {
    "countries": lambda code, language: str(Locale.parse(language).territories.get(code) or Locale("en").territories.get(code) or code),
    "languages": lambda code, _: own_name(code),
    "spoken-languages": language_name,
    "zones": city,
}


def listed(source: str, language: str, words: Words) -> tuple[str, ...]:
    """Its codes, in the order in which somebody who reads `language` meets them."""
    codes = SOURCES[source](words.languages)
    if source not in ALPHABETICAL:
        return codes
    return tuple(sorted(codes, key=lambda code: ordered(words.fact({"from": source, "code": code}, language))))


def searched(text: str, options: Sequence[Option], language: str, words: Words) -> tuple[str, ...]:
    """Of a long list: what begins with these words, and then what has a word that does. In their language, then in others."""
    wanted = ordered(text)
    for languages in ((language,), words.languages) if len(wanted) > 1 else ():
        labels = {option.code: [ordered(words.fact(option.label, each)) for each in languages] for option in options if option.code[0] != "."}
        first = [code for code, each in labels.items() if any(label.startswith(wanted) for label in each)]
        later = [code for code, each in labels.items() if code not in first and any(f" {wanted}" in label for label in each)]
        if first or later:
            return (*first, *later)
    return ()


def ordered(label: str) -> str:
    """As `folded`, and as a dictionary puts it in order: Ä with A, Ø with O, أ with ا; Ukrainian і after и, є after е."""
    apart = unicodedata.normalize("NFKD", folded(label).translate(_NEIGHBOURS))
    return "".join(character for character in apart if unicodedata.category(character) != "Mn")


_NEIGHBOURS = str.maketrans(
    {"ґ": "г\uffff", "є": "е\uffff", "і": "и\uffff", "ї": "и\uffff\uffff", "й": "и\uffff\uffff\uffff", "ø": "o", "đ": "d", "ł": "l", "ß": "ss"}
)


def folded(label: str) -> str:
    """Letters and digits only, case and width away: `✅ Done!` is `done`."""
    plain = "".join(character for character in unicodedata.normalize("NFKC", label).casefold() if unicodedata.category(character) != "Mn")  # Arabic vowels
    return " ".join("".join(character if character.isalnum() else " " for character in plain).split())
