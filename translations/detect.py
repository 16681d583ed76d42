"""Which language is this? For now: what a channel's language code means, and the script that somebody writes."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

from translations.words import own_name


def closest(code: str, offered: Sequence[str]) -> str | None:
    """The offered language that a channel's IETF tag (`de`, `pt-br`, `fa-AF`) means, if there is one. A close relative is
    none: Belarusian is not Russian."""
    tag = code.replace("_", "-").lower()
    for candidate in (tag, tag.partition("-")[0]):
        for language in offered:
            if language.replace("_", "-").lower() == candidate:
                return language
    return None


def script_of(text: str) -> str | None:
    """LATIN, CYRILLIC, ARABIC, ...: the script of most letters; None without letters."""
    names = Counter(unicodedata.name(character, "?").split()[0] for character in text if character.isalpha())
    return names.most_common(1)[0][0] if names else None


def by_script(text: str, offered: Sequence[str]) -> str | None:
    """The only offered language written in the script of `text`; None when several are, or none. Latin letters say
    nothing: everybody with a borrowed phone has them."""
    script = script_of(text)
    if script in {None, "LATIN"}:
        return None
    fitting = [language for language in offered if script_of(own_name(language)) == script]
    return fitting[0] if len(fitting) == 1 else None
