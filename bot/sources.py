"""The lists that a script may name with `from:`. A source gives codes; `NAMERS` say how a language calls a code. The codes of a
source without a namer are sentences: `sectors.c28`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

from babel import Locale

from dialogs.nouns import Option
from translations.words import Namer, Words, language_name, own_name

# Spoken by newcomers in Mecklenburg-Vorpommern and most asked for by the projects; any other one can be typed.
SPOKEN = ("de", "en", "uk", "ar", "fa", "fa_AF", "ps", "ru", "tr", "ku", "ckb", "ti", "so", "am", "pl", "ro", "bg", "sq", "sr", "fr", "es", "pt", "it", "vi")

Source = Callable[[Sequence[str]], tuple[str, ...]]  # languages offered -> codes

# ISO 3166 as CLDR has it, without regions of regions and what is no country people come from.
NO_COUNTRIES = frozenset("EU EZ UN XA XB ZZ QO AC CP DG EA IC TA CQ".split())
COUNTRIES = tuple(code for code in sorted(map(str, Locale("en").territories)) if re.fullmatch(r"[A-Z]{2}", code) and code not in NO_COUNTRIES)

# NACE Rev. 2.1: the four sectors that the projects are about, then the sections (of A and C: what else is in them), without
# those that no small business is in (public administration, households, international bodies).
SECTORS = ("c28", "a01", "d35", "f", "a", "b", "c", "e", "g", "h", "i", "j", "k", "l", "m", "n", "o", "q", "r", "s", "t")

SOURCES: Mapping[str, Source] = {
    "countries": lambda _: COUNTRIES,
    "languages": tuple,
    "sectors": lambda _: SECTORS,
    "spoken-languages": lambda _: SPOKEN,
}

ALPHABETICAL = frozenset({"countries"})  # in the person's language; the others come in an order of their own

NAMERS: Mapping[str, Namer] = {
    "countries": lambda code, language: str(Locale.parse(language).territories.get(code) or Locale("en").territories.get(code) or code),
    "languages": lambda code, _: own_name(code),
    "spoken-languages": language_name,
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
    plain = unicodedata.normalize("NFKC", label).casefold()
    return " ".join("".join(character if character.isalnum() else " " for character in plain).split())
