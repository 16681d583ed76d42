"""The lists that a script may name with `from:`. A source gives codes; `NAMERS` say how a language calls a code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from translations.words import Namer, language_name, own_name

# Spoken by newcomers in Mecklenburg-Vorpommern and most asked for by the projects; any other one can be typed.
SPOKEN = ("de", "en", "uk", "ar", "fa", "fa_AF", "ps", "ru", "tr", "ku", "ckb", "ti", "so", "am", "pl", "ro", "bg", "sq", "sr", "fr", "es", "pt", "it", "vi")

Source = Callable[[Sequence[str]], tuple[str, ...]]  # languages offered -> codes

SOURCES: Mapping[str, Source] = {
    "languages": tuple,
    "spoken-languages": lambda _: SPOKEN,
}

NAMERS: Mapping[str, Namer] = {
    "languages": lambda code, _: own_name(code),
    "spoken-languages": language_name,
}
