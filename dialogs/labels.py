"""What stands in the cells of a form: languages, by whatever name people give them, and texts with Markdown and HTML in them."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cache

from babel import Locale, localedata


def readable(text: str) -> str:
    """A label as plain text: forms have Markdown and HTML in it."""
    text = re.sub(r"<br\s*/?>", "\n", text)
    text = html.unescape(re.sub(r"</?[A-Za-z][^<>]{0,200}>", "", text))
    text = re.sub(r"^#{1,6}\s+", "", text, flags=re.MULTILINE)
    text = re.sub(r"(?<![\w*])(\*\*|__)(?=\S)([^*_]+?)(?<=\S)\1(?![\w*])", r"\2", text)
    text = re.sub(r"\[([^\[\]]{1,200})\]\((https?://[^\s()]{1,300})\)", r"\1 (\2)", text)
    text = "".join(
        each
        for each in text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
        if each == "\n" or each.isprintable() or each in "\u200c\u200d" or unicodedata.category(each) == "Zs"
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def slug(name: str, longest: int, *, keep_case: bool = False) -> str:
    """Letters, digits and dashes; what is in another script goes."""
    plain = unicodedata.normalize("NFKD", name if keep_case else name.casefold()).encode("ascii", "ignore").decode()
    made = re.sub(r"[^A-Za-z0-9_]+" if keep_case else r"[^a-z0-9]+", "-", plain).strip("-")
    made = made if not made or made[0].isalpha() or (keep_case and made[0] == "_") else f"f-{made}"
    return made[:longest].strip("-")


# ---- languages ----


def code_of_language(called: str) -> str:
    """The code that we use (CLDR) for "English (EN)", "english", "en", "العربية (ar)" or "Dari"; empty if nobody knows."""
    inside = re.search(r"\(\s*([A-Za-z]{2,3}(?:[-_][A-Za-z]{2,4})?)\s*\)\s*$", called)
    name = _names_of_languages().get(re.sub(r"\s*\(.*\)\s*$", "", called).strip().casefold(), "")
    code = _known_code(inside[1] if inside else called.strip())
    return name if name and inside and code.partition("_")[0] != name else code or name  # "English (UK)" is no Ukrainian


def _known_code(code: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z]{2,4})?", code):
        return ""
    language, _, region = code.replace("-", "_").partition("_")
    language = {"prs": "fa_AF", "kmr": "ku", "kur": "ku"}.get(language.lower(), language.lower())
    if (language, region.upper()) == ("fa", "AF"):  # the only region that has words of its own here
        return "fa_AF"
    return language if localedata.exists(language) else ""


@cache
def _names_of_languages() -> dict[str, str]:
    """How languages are called, in English, in themselves and in those that forms are written in."""
    names = dict[str, str]()
    for there in ("en", "de", "fr", "es", "ar", "uk", "ru", "pl", "tr", "it", "pt"):
        names = {str(name).casefold(): str(code) for code, name in Locale(there).languages.items() if localedata.exists(str(code))} | names
    for code in (str(code) for code in Locale("en").languages if localedata.exists(str(code))):
        if own := Locale.parse(code).get_display_name(code):
            names.setdefault(own.casefold(), code)
    extra = {
        "dari": "fa_AF",
        "دری": "fa_AF",
        "farsi": "fa",
        "kurmanji": "ku",
        "kurmancî": "ku",
        "sorani": "ckb",
        "tigrigna": "ti",
        "pashtu": "ps",
        "francais": "fr",
        "espanol": "es",
    }
    return {name: code for name, code in names.items() if "_" not in code} | extra
