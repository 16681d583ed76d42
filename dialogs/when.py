"""When does it take place? A line in plain words, in somebody's own language, and what it means; always read back before it counts.

A line becomes codes first (`Do, 18. März, 13 Uhr bis 15.15 Uhr` -> `W3 18. M03 13 H T 15.15 H`), codes become pieces (days, times, what stands
between them), and the order of the pieces (`dt-t`) tells what was meant. A word that nobody knows makes the whole line unreadable: it could be `not`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from itertools import product
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.dates import get_day_names, get_month_names
from babel.units import format_unit

from dialogs.kinds import LONGEST_LINE, _year, plain

Why = Literal["unreadable", "no-date", "no-time", "end-before-start", "past", "no-such-day", "wrong-weekday", "too-long", "too-far", "ambiguous"]

LONGEST = timedelta(days=31)
YEARS_AHEAD = 5
GUESSED = timedelta(hours=2)  # how long it takes, where only a beginning was typed
OVERNIGHT = timedelta(hours=16)  # 18:00-9:00 ends on the next day; 15:15-13:00 is a slip
MOST_BEFORES = 6
EARLIEST_BEFORE = 60 * 24 * 60  # minutes


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, in the local time of the place; `guessed_end`: only a beginning was typed."""

    begins: datetime
    ends: datetime
    guessed_end: bool = False


@dataclass(frozen=True, slots=True)
class Misread:
    """Why a line does not count. `detail`: the day that was typed (wrong-weekday), or two readings with a blank between (ambiguous), in ISO 8601."""

    fault: Why
    detail: str = ""


def understand_span(text: str, language: str, now: datetime) -> Span | Misread:
    """`now` is naive and local, as the answer is. Without a year it is the next such day; a weekday alone is never today."""
    read = _read(text, language, now)
    if isinstance(read, Misread):
        return read
    if fault := _ORDERS.get(read.order, "unreadable"):
        return Misread(fault)
    first, last = read.clocks[0], read.clocks[-1]
    if len(read.clocks) == 1 and not first.sure:
        return Misread("no-time")  # `18 March 13`, `Thursday 10`: an hour, a year, a day?
    minutes = _minutes(first, last, loosely=_has_halves(language) and len(read.days) == 1)
    if minutes is None:
        return Misread("unreadable")
    begins = _beginning(_lent(read.days[0], read.days[-1]), minutes[0], now)
    if isinstance(begins, Misread):
        return begins
    if _has_halves(language) and not (first.half or last.half) and _half_unknown(first) and last.hour <= 12:
        return _either_half(begins)
    if len(read.clocks) == 1:
        return Span(begins, begins + GUESSED, guessed_end=True)
    ends = _ending(read, begins, minutes)
    return ends if isinstance(ends, Misread) else Span(begins, ends)


def understand_moment(text: str, language: str, now: datetime, *, end_of_day: bool = False) -> datetime | Misread:
    """One moment; a day alone is its last minute, if `end_of_day`."""
    read = _read(text, language, now)
    if isinstance(read, Misread):
        return read
    order = read.order.removeprefix("-")  # "until 18 March"
    if order not in {"d", "t", "dt", "td"} or (order in {"dt", "td"} and not read.clocks[0].sure):
        return Misread("no-time" if order in {"dt", "td"} else "unreadable")
    if not read.days or not (read.clocks or end_of_day):
        return Misread("no-time" if read.days else "no-date")
    clock = read.clocks[0] if read.clocks else _Clock(23, 59, sure=True)
    minutes = _minute(clock, clock.half)
    if minutes is None:
        return Misread("unreadable")
    moment = _beginning(read.days[0], minutes, now)
    if isinstance(moment, datetime) and _has_halves(language) and not clock.half and _half_unknown(clock):
        return _either_half(moment)
    return moment


def understand_before(text: str, language: str) -> int | None:
    """`2 days before`, `1 h 30 min`: minutes."""
    found = _befores(text, language)
    return found[0] if found and len(found) == 1 else None


def understand_befores(text: str, language: str) -> tuple[int, ...] | None:
    """`7 days, 1 day and 1 hour before`: minutes, the most first."""
    found = _befores(text, language)
    return tuple(sorted(set(found), reverse=True)) if found and len(found) <= MOST_BEFORES else None


# ---- what was typed ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Day:
    """A day as it was typed: what it may mean, as (year, month, day) with 0 for what was left out; no reading: a weekday alone."""

    readings: tuple[tuple[int, int, int], ...] = ()
    weekday: int | None = None  # 0 is Monday
    following: bool = False  # "next Thursday"


@dataclass(frozen=True, slots=True)
class _Clock:
    """A time as it was typed. `half` of the day: one of _HALVES; `sure`: it was more than a bare number; `padded`: 01 is an hour of 24."""

    hour: int
    minute: int = 0
    half: str = ""
    sure: bool = False
    padded: bool = False


@dataclass(frozen=True, slots=True)
class _Piece:
    """A day, a time, or one that could be either (18.03, the 9 in `9 - 19 March`); neither: what stands between two, "-" or "&"."""

    day: _Day | None = None
    clock: _Clock | None = None
    between: str = ""

    @property
    def letter(self) -> str:
        return "d" if self.day else "t" if self.clock else self.between


@dataclass(frozen=True, slots=True)
class _Line:
    """The order of its pieces, as `dt-t`, and its days and times. `loose`: a dash between day and time was no "to"."""

    order: str
    days: tuple[_Day, ...]
    clocks: tuple[_Clock, ...]
    loose: bool = False


_ORDERS: Mapping[str, Why | Literal[""]] = {  # the first day and time begin it, the last end it
    **dict.fromkeys(("dt", "td", "dt-t", "t-td", "dt-dt", "td-td", "d-dt-t", "d&dt-t", "t-td-d", "t-td&d"), ""),
    **dict.fromkeys(("d", "d-d", "d&d", "d-dt", "d&dt"), "no-time"),
    **dict.fromkeys(("t", "t-t"), "no-date"),
}

_WITH_DASHES = {"d-t": "dt", "d-t-t": "dt-t", "t-d": "td", "t-t-d": "t-td"}  # "18 March - 13:00-15:15"


def _read(text: str, language: str, now: datetime) -> _Line | Misread:
    if len(text) > LONGEST_LINE:
        return Misread("unreadable")
    pieces = _pieces(_coded(_folded(text, language), _words(language), _pattern(language)), language, now)
    lines = [line for chosen in _choices(pieces) if (line := _line(chosen)).order.removeprefix("-") in _ORDERS]
    if not lines:
        return Misread("unreadable")
    closer = (line for line in lines if not line.loose and not _ORDERS.get(line.order, "unreadable"))
    return next(closer, lines[0]) if lines[0].loose else lines[0]  # `Thu 18.10-19.40` is not 18 October


def _choices(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    """What could be either is a day first, a time then."""
    either = [at for at, piece in enumerate(pieces) if piece.day and piece.clock]
    if len(either) > 4:
        return
    for choice in product((True, False), repeat=len(either)):
        days = dict(zip(either, choice, strict=True))
        yield [piece if at not in days else replace(piece, clock=None) if days[at] else replace(piece, day=None) for at, piece in enumerate(pieces)]


def _line(pieces: list[_Piece]) -> _Line:
    pieces = _with_weekdays(pieces)
    typed = "".join(piece.letter for piece in pieces).replace("t&t", "t-t")
    order = _WITH_DASHES.get(typed, typed)
    return _Line(order, tuple(piece.day for piece in pieces if piece.day), tuple(piece.clock for piece in pieces if piece.clock), loose=order != typed)


def _with_weekdays(pieces: list[_Piece]) -> list[_Piece]:
    """A weekday joins the date beside it; where there is one of each, they belong together wherever they stand."""
    alone = [at for at, piece in enumerate(pieces) if piece.day and not piece.day.readings]
    dated = [at for at, piece in enumerate(pieces) if piece.day and piece.day.readings]
    joined: dict[int, int] = {}
    for at in alone:
        beside = [other for other in (at + 1, at - 1) if other in dated and other not in joined.values()]
        if beside or len(alone) == len(dated) == 1:
            joined[at] = beside[0] if beside else dated[0]
    weekdays = {to: day.weekday for at, to in joined.items() if (day := pieces[at].day)}
    kept = ((at, piece) for at, piece in enumerate(pieces) if at not in joined)
    return [replace(piece, day=replace(piece.day, weekday=weekdays[at])) if piece.day and at in weekdays else piece for at, piece in kept]


# ---- which day --------------------------------------------------------------------------------------------------


def _lent(first: _Day, last: _Day) -> _Day:
    """`18.-19. March 2027`: what the first day leaves out, the last one says."""
    if len(first.readings) != 1 or len(last.readings) != 1:
        return first
    (year, month, day), (last_year, last_month, last_day) = first.readings[0], last.readings[0]
    month = month or last_month
    if last_year and not year:
        year = last_year - ((month, day) > (last_month, last_day))
    return replace(first, readings=((year, month, day),))


def _the_day(day: _Day, earliest: date) -> date | Misread:
    """Where the year was left out: the first such day that is not before `earliest`."""
    if not day.readings and day.weekday is not None:
        return earliest + timedelta(days=(day.weekday - earliest.weekday()) % 7)
    found = sorted({each for reading in day.readings if (each := _from(reading, earliest))})
    fitting = [each for each in found if day.weekday in {None, each.weekday()}]
    if len(fitting) == 1:
        return fitting[0]
    fault: Why = "ambiguous" if fitting else "wrong-weekday" if found else "no-such-day"
    return Misread(fault, " ".join(each.isoformat() for each in found))


def _from(reading: tuple[int, int, int], earliest: date) -> date | None:
    year, month, day = reading
    for each in (year,) if year else range(earliest.year, earliest.year + 9):  # 29 February may take eight years
        try:
            found = date(each, month, day)
        except ValueError:
            continue
        if year or found >= earliest:
            return found
    return None


def _beginning(day: _Day, minutes: int, now: datetime) -> datetime | Misread:
    today = now.date()
    still_ahead = bool(day.readings) and _at(today, minutes) > now
    found = _the_day(day, today if still_ahead else today + timedelta(days=1))
    if isinstance(found, Misread):
        return found
    if (found.year - YEARS_AHEAD, found.month, found.day) > (now.year, now.month, now.day):
        return Misread("too-far")
    if day.following and not day.readings and found <= today + timedelta(days=6 - today.weekday()):
        return Misread("ambiguous", f"{found.isoformat()} {(found + timedelta(days=7)).isoformat()}")  # "next Thursday", said on a Monday
    begins = _at(found, minutes)
    return begins if begins > now else Misread("past")


def _ending(read: _Line, begins: datetime, minutes: tuple[int, int]) -> datetime | Misread:
    began = (begins - timedelta(minutes=minutes[0])).date()
    day = _the_day(read.days[-1], began) if len(read.days) == 2 else began
    if isinstance(day, Misread):
        return day
    if "&" in read.order and day - began != timedelta(days=1):
        return Misread("unreadable")  # "18 and 25 March" are two events
    if day - began > LONGEST:
        return Misread("too-long")
    ends = _at(day, minutes[1])
    if len(read.days) == 1 and ends < begins and ends + timedelta(days=1) - begins < OVERNIGHT:
        ends += timedelta(days=1)
    if ends <= begins:
        return Misread("end-before-start")
    return ends if ends - begins <= LONGEST else Misread("too-long")


def _at(day: date, minutes: int) -> datetime:
    return datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001 - naive is the promise


# ---- which time -------------------------------------------------------------------------------------------------


_HALVES: Mapping[str, Sequence[int]] = {  # hours that a word leaves possible; 24 ends the day
    "": range(25),
    "A": range(12),  # a.m.
    "B": range(3, 13),  # in the morning
    "J": range(11, 16),  # at noon
    "P": range(12, 24),  # p.m.
    "E": range(16, 25),  # in the evening
    "N": (*range(18, 25), *range(6)),  # at night
    "K": (0, 24),  # at midnight
}


def _minute(clock: _Clock, half: str) -> int | None:
    """Of the day, up to 1440; nothing if there is no such time."""
    hours = (clock.hour, clock.hour + 12, *([0] if clock.hour == 12 else [])) if half else (clock.hour,)
    hour = next((hour for hour in hours if hour in _HALVES[half]), None)
    if hour is None or clock.minute > 59 or hour * 60 + clock.minute > 1440:
        return None
    return hour * 60 + clock.minute


def _minutes(first: _Clock, last: _Clock, *, loosely: bool) -> tuple[int, int] | None:
    """From `1-3pm`, `11-1pm`, `1pm-3`: of what they may mean, the shortest. `loosely`: so are `10-2` and `9-5`, which nobody means to take all night."""
    begins = [_minute(first, first.half)]
    ends = [_minute(last, last.half)]
    if first.hour <= 12 and last.half and not first.half:
        begins.append(_minute(first, last.half))
    if last.hour <= 12 and not last.half and not last.padded and (first.half or (loosely and first.hour <= 12)):
        ends.append(_minute(replace(last, hour=last.hour + 12), ""))
    if begins[0] is None or ends[0] is None:
        return None
    pairs = [(begin, end) for begin in begins for end in ends if begin is not None and end is not None]
    return min(pairs, key=lambda pair: (pair[1] - pair[0]) % 1440 or 1440)


def _either_half(moment: datetime) -> Misread:
    return Misread("ambiguous", f"{moment:%Y-%m-%dT%H:%M} {moment + timedelta(hours=12):%Y-%m-%dT%H:%M}")


def _half_unknown(clock: _Clock) -> bool:
    """Where hours are counted twice to twelve: from 1 to 7, both halves of the day are likely."""
    return 1 <= clock.hour <= 7 and not clock.padded


# ---- from codes to pieces ---------------------------------------------------------------------------------------

# W3 Thursday, M03 March, R1 tomorrow, H o'clock, T to, & and, Q to (after a time) or at, @ at, F from, O of or from, X next, and the halves of the day.

_HALF = r"(?: ?(?P<half>[ABPENJK]))?"
_NO_TIME = r"(?![\d:]|\.\d| ?[HABPENJK])"  # what follows makes it no time
_YEAR_AFTER = r"(?:[ /-]?(?P<y>[1-9]\d{3})(?![\d:]|\.\d))?"


@dataclass(frozen=True, slots=True)
class _Here:
    """What reading depends on, and what the words before said of a time that is still to come."""

    language: str
    now: datetime
    half: str = ""
    at: str = ""  # @ or F


def _named(found: re.Match[str], _: _Here) -> list[_Piece]:
    return [_Piece(_Day(((int(found["y"] or 0), int(found["m"]), int(found["d"])),)))]


def _named_two(found: re.Match[str], _: _Here) -> list[_Piece]:
    year, month = int(found["y"] or 0), int(found["m"])
    return [_Piece(_Day(((year, month, int(found["d"])),))), _between(found["til"]), _Piece(_Day(((year, month, int(found["e"])),)))]


def _lone(found: re.Match[str], _: _Here) -> list[_Piece]:
    return [_Piece(_Day(((0, 0, int(found["d"])),)), _Clock(int(found["d"]), padded=found["d"][0] == "0")), _between(found["til"])]


def _numbers(found: re.Match[str], here: _Here) -> list[_Piece]:
    """Day before month, unless it can't be. Where the month is usually first, both are possible, but for 18.3."""
    first, second, typed = int(found["d"]), int(found["m"]), found["y"] or ""
    try:
        year = _year(typed, here.now.date()) if len(typed) == 2 else int(typed or 0)
    except ValueError:
        return []
    if first > 12 or second > 12:
        first, second = (second, first) if second > 12 >= first else (first, second)
        return [_Piece(_Day(((year, second, first),)))]
    swapped = found["sign"] != "." and _month_first(here.language)
    return [_Piece(_Day(((year, second, first), (year, first, second)) if swapped else ((year, second, first),)))]


def _pair(found: re.Match[str], here: _Here) -> list[_Piece]:
    """18.03 is a day or a time, 18.3 a day, 18.30 a time."""
    first, second = int(found["d"]), int(found["m"])
    day = _Day(((0, second, first),)) if 1 <= second <= 12 and first and not (found["half"] or found["hour"] or here.at == "@") else None
    clock = _timed(found["d"], found["m"], found["half"], here, sure=True) if len(found["m"]) == 2 and first <= 24 else None
    return [_Piece(day, clock)]


def _weekday(found: re.Match[str], _: _Here) -> list[_Piece]:
    return [_Piece(_Day(weekday=int(found["w"]), following=bool(found["before"] or found["after"])))]


def _relative(found: re.Match[str], here: _Here) -> list[_Piece]:
    day = here.now.date() + timedelta(days=int(found["r"]))
    return [_Piece(_Day(((day.year, day.month, day.day),)))]


def _clock(found: re.Match[str], here: _Here) -> list[_Piece]:
    return [_Piece(clock=_timed(found["h"], found["min"] or "0", found["half"], here, sure=True))]


def _bare(found: re.Match[str], here: _Here) -> list[_Piece]:
    return [_Piece(clock=_timed(found["h"], "0", found["half"], here, sure=bool(here.at)))]


def _noon(found: re.Match[str], _: _Here) -> list[_Piece]:
    return [_Piece(clock=_Clock(12 if found[0] == "J" else 24, sure=True))]


def _link(found: re.Match[str], _: _Here) -> list[_Piece]:
    return [_between(found[0])]


def _timed(hour: str, minute: str, half: str | None, here: _Here, *, sure: bool) -> _Clock:
    return _Clock(int(hour), int(minute), half or here.half, sure=sure or bool(half or here.half), padded=hour[0] == "0")


def _between(sign: str) -> _Piece:
    return _Piece(between="&" if sign == "&" else "-")


_READERS: Sequence[tuple[re.Pattern[str], Callable[[re.Match[str], _Here], list[_Piece]]]] = [
    (re.compile(pattern), reader)
    for pattern, reader in (
        (r"(?P<y>[1-9]\d{3})(?P<sign>[-/.])(?P<m>\d{1,2})(?P=sign)(?P<d>\d{1,2})(?!\d)", _named),  # 2027-03-18
        (r"(?P<y>[1-9]\d{3})\.? ?M(?P<m>\d\d) ?(?P<d>\d{1,2})\.?" + _NO_TIME, _named),  # 2027 March 18
        (r"(?P<d>\d{1,2})\.? ?(?P<til>[-T&Q/]) ?(?=\d{1,2}(?:\.? ?M|\. ?\d{1,2}\.))", _lone),  # the 18 in 18.-19. March
        (r"(?P<d>\d{1,2})\.?[ /-]?M(?P<m>\d\d)\.?" + _YEAR_AFTER, _named),  # 18 March 2027
        (r"M(?P<m>\d\d) ?(?P<d>\d{1,2})\.? ?(?P<til>[-T&]) ?(?P<e>\d{1,2})\.?" + _NO_TIME + _YEAR_AFTER, _named_two),  # March 18-19
        (r"M(?P<m>\d\d)[ -]?(?P<d>\d{1,2})\.?" + _NO_TIME + _YEAR_AFTER, _named),  # March 18
        (r"(?P<d>\d{1,2})(?P<sign>[/-])(?P<m>\d{1,2})(?P=sign)(?P<y>[1-9]\d{3})(?!\d)", _numbers),  # 18/03/2027
        (r"(?P<d>\d{1,2})(?P<sign>/)(?P<m>\d{1,2})(?:/(?P<y>\d\d))?(?![\d/:])", _numbers),  # 18/3, 18/3/27
        (r"(?P<d>\d{1,2})(?P<sign>\.)(?P<m>\d{1,2})\.(?P<y>\d\d)" + _NO_TIME, _numbers),  # 18.3.27
        (r"(?P<d>\d{1,2})(?P<sign>\.) ?(?P<m>\d{1,2})\.(?: ?(?P<y>[1-9]\d{3})(?![\d:]|\.\d)|(?!\d))", _numbers),  # 18.3.2027, 18. 3.
        (r"(?:(?P<before>X) ?)?W(?P<w>\d)(?: ?(?P<after>X))?", _weekday),
        (r"R(?P<r>\d)", _relative),
        (r"(?P<h>\d{1,2}):(?P<min>\d\d)(?::\d\d)?(?!\d)(?: ?H)?" + _HALF, _clock),  # 13:00, 1:00 pm
        (r"(?P<h>\d{1,2}) ?H(?: ?(?P<min>\d\d)(?![\d.:/]| ?[MH]| ?[-T&Q/] ?\d\d?\.? ?M))?" + _HALF, _clock),  # 13 o'clock, 13h15
        (r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})(?![\d.])(?: ?(?P<hour>H))?" + _HALF, _pair),  # 18.3 or 13.15
        (r"(?P<h>\d{1,2})(?![\d:/])" + _HALF, _bare),  # the 10 in 10-12
        (r"[JK]", _noon),
        (r"[-T&]", _link),
    )
]
_ASIDE = re.compile(r"[ ,]+|[@FHQABPEN]|\.(?= |\Z)")


def _pieces(coded: str, language: str, now: datetime) -> list[_Piece]:
    """None of them if anything is left over."""
    pieces: list[_Piece] = []
    here = _Here(language, now)
    at = 0
    while at < len(coded):
        if aside := _ASIDE.match(coded, at):
            at = aside.end()
            if aside[0] == "Q" and pieces and pieces[-1].letter == "t":
                if _may_be_a_day(pieces):
                    return []
                pieces.append(_between("T"))
            here = replace(here, at="@" if aside[0] in "@H" else "F" if aside[0] in "FQ" else here.at, half=aside[0] if aside[0] in "ABPEN" else here.half)
            continue
        found, new = next(((found, new) for pattern, reader in _READERS if (found := pattern.match(coded, at)) and (new := reader(found, here))), (None, []))
        if not found or len(pieces) > 12:  # two days, two times, their weekdays, and what stands between
            return []
        at = found.end()
        pieces += new
        here = _Here(language, now, here.half if new[-1].day or not new[-1].clock else "")  # "at" speaks of the next piece, "in the evening" of the next time
    return [] if any(not piece.letter for piece in pieces) else _with_half(pieces, here.half)


def _may_be_a_day(pieces: Sequence[_Piece]) -> bool:
    """`venerdì 9 alle 14`: on Friday the 9th at 14, or from 9 to 14?"""
    weekday = pieces[-2].day if len(pieces) > 1 else None
    return bool(weekday and not weekday.readings and pieces[-1].clock and not pieces[-1].clock.sure)


def _with_half(pieces: list[_Piece], half: str) -> list[_Piece]:
    """`7 o'clock on Thursday evening`: if no time comes after it, it speaks of the last one."""
    last = max((at for at, piece in enumerate(pieces) if piece.clock and not piece.clock.half), default=-1)
    return [
        replace(piece, clock=replace(piece.clock, half=half, sure=True)) if half and at == last and piece.clock else piece for at, piece in enumerate(pieces)
    ]


# ---- from words to codes ----------------------------------------------------------------------------------------


_ALIKE = str.maketrans(
    {
        **dict.fromkeys("'’ʼ‘`´ʹ′", " "),  # all'una, 13:00'ten
        **dict.fromkeys("‐‑‒–—―−~〜→﹣", "-"),
        **dict.fromkeys('()[]{}"«»„“”;|·•،؛、\t\n\r\v\f', " "),
        "\u0640": None,  # draws an Arabic word long
        **dict(zip("łıøđىیېکةە", "liodيييكهه", strict=True)),
    }
)
_SMALL_MINUTES = re.compile(r"(?<=\d)(?=[⁰¹²³⁴⁵][⁰¹²³⁴-⁹](?!\w))")  # 13⁰⁰, as Polish notices write it
_ORDINAL = re.compile(r"(?<=\d)-?(?:st|nd|rd|th|er|re|e|eme|o|te|ten|go|ego|ej|tego|tej|го|ого|е|ое|ше|те|шого)(?!\w)\.?")
_HALF_WORD = re.compile(r"(?<![^\W\d_])([ap])\. ?m(?!\w)\.?")  # a.m., p. m.
_OF = re.compile(r"O ?(?=M\d|\d{4})")  # 18 de marzo de 2027 de 10 a 12
_AFTER_YEAR = re.compile(r"(?<=\d{4}) ?م(?!\w)\.?")  # of our era; after a time it is p.m.


def _folded(text: str, language: str) -> str:
    """As little as tells words apart: small letters without marks, digits and dashes of one kind."""
    words = _SMALL_MINUTES.sub(":", plain(text))
    if language.startswith("uk"):
        words = re.sub("['’ʼ‘`´]", "", words)  # п'ятниця, which many write without it
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", words.translate(_ALIKE)).casefold()).translate(_ALIKE)
    if len(letters) > 2 * LONGEST_LINE:  # one sign may stand for eighteen
        return "?"
    kept = "".join(" " if kind in _BLANKS else letter for letter in letters if (kind := unicodedata.category(letter)) not in _DROPPED)
    return " ".join(kept.split())


_BLANKS = {"Zs", "Zl", "Zp", "So", "Sk"}  # an emoji is one
_DROPPED = {"Mn", "Mc", "Me", "Cf", "Cc"}  # accents, and signs that nobody sees


def _coded(folded: str, words: Mapping[str, str], pattern: re.Pattern[str]) -> str:
    """Words that are known become their codes; others stay small, and no piece begins with a small letter."""

    def code(found: re.Match[str]) -> str:
        known = words[found[1]]
        if "|" not in known:
            return known or " "
        month, weekday = known.split("|")  # `mar` is marzo and martes
        return month if folded[: found.start()].rstrip(" .-/de")[-1:].isdecimal() else weekday

    folded = _AFTER_YEAR.sub(" ", _ORDINAL.sub(".", folded))
    folded = _HALF_WORD.sub(lambda found: "A" if found[1] == "a" else "P", folded)
    coded = " ".join(pattern.sub(code, folded).replace(",", " ").split()).rstrip(" .!")
    return _OF.sub("", coded).replace("O", "F")


def _alternatives(words: Mapping[str, str]) -> re.Pattern[str]:
    longest_first = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<![^\W\d_])({longest_first})(?![^\W\d_])\.?")


_CONTEXTS: Sequence[Literal["format", "stand-alone"]] = ("format", "stand-alone")
_WIDTHS: Sequence[Literal["wide", "abbreviated"]] = ("wide", "abbreviated")
_UNIT_WIDTHS: Sequence[Literal["long", "short", "narrow"]] = ("long", "short", "narrow")


@cache
def _pattern(language: str) -> re.Pattern[str]:
    return _alternatives(_words(language))


@cache
def _words(language: str) -> Mapping[str, str]:
    """Every word that is known in a language, as _folded() leaves it, and its code; English ones too, where they say nothing else there."""
    base = re.split("[-_]", language)[0]
    return {**_own_words("en"), **(_own_words(language) if base != "en" else {})}


def _own_words(language: str) -> dict[str, str]:
    base = re.split("[-_]", language)[0]
    names: dict[str, set[str]] = {}
    for variant in (language, *_ALSO_SPOKEN.get(base, ())):
        for name, code in _names(_locale(variant)):
            names.setdefault(_folded(name, language).strip(" ."), set()).add(code)
    words = {name: code for name, codes in names.items() if (code := _one_of(codes)) and name and not any(sign.isdecimal() or sign in ".,:/" for sign in name)}
    for code, line in _SAID.get(base, {}).items():
        words |= {_folded(word, language): code for word in line.split(",")}
    return words


def _names(here: Locale) -> Iterator[tuple[str, str]]:
    """Of months, weekdays and halves of the day, however long and in whatever case."""
    for context, width in product(_CONTEXTS, _WIDTHS):
        yield from ((name, f"M{month:02}") for month, name in get_month_names(width, context, here).items())
        yield from ((name, f"W{day}") for day, name in get_day_names(width, context, here).items())
    yield from ((name, f"W{day}") for day, name in get_day_names("short", "format", here).items())
    for name, code in (("am", "A"), ("pm", "P")):
        yield here.day_periods["format"]["abbreviated"].get(name, ""), code


def _one_of(codes: set[str]) -> str:
    """A word for a month and for a weekday is told by what stands before it; one for two months is no help."""
    months, others = sorted(code for code in codes if code[0] == "M"), sorted(code for code in codes if code[0] != "M")
    return "|".join(months + others) if len(months) <= 1 and len(others) <= 1 else ""


@cache
def _locale(language: str) -> Locale:
    """English, where CLDR does not know the language."""
    try:
        return Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        base = re.split("[-_]", language)[0]
        return _locale(base) if base != language else Locale("en")


@cache
def _has_halves(language: str) -> bool:
    """Whether a clock there goes twice to twelve."""
    return "h" in _locale(language).time_formats["short"].pattern


@cache
def _month_first(language: str) -> bool:
    pattern = _locale(language).date_formats["short"].pattern
    return bool(re.match("M[^y]*d", pattern))


# ---- how long before --------------------------------------------------------------------------------------------

# I a minute, H an hour, D a day, W a week; `2D` is the dual of a day.

_UNITS = {"I": 1, "H": 60, "D": 24 * 60, "W": 7 * 24 * 60}
_CLDR_UNITS = {"I": "duration-minute", "H": "duration-hour", "D": "duration-day", "W": "duration-week"}
_HALF_COMMA = re.compile(r"(?<=\d),(?=5 ?[^\W\d_])")
_HALF_HOURS = re.compile(r"(?<![\d.])(\d{1,4})\.5 ?H")  # 1,5 hours
_BEFORE = re.compile(r"(?:(\d{1,5}) ?)?(?:([DW])|(H)(?: ?(\d{1,2})(?: ?I)?)?|(I))")


def _befores(text: str, language: str) -> list[int] | None:
    """In minutes, as they stand; nothing if one of them is no such thing. `7, 3 and 1 days`: the unit of the last is the unit of all."""
    if len(text) > LONGEST_LINE:
        return None
    folded = _HALF_COMMA.sub(".", _folded(re.sub("[;،؛、\n]", ",", text), language)).replace(",", "&")
    coded = _HALF_HOURS.sub(lambda found: f"{int(found[1]) * 60 + 30}I", _coded(folded, _unit_words(language), _unit_pattern(language)))
    minutes: list[int] = []
    unit = ""
    for each in reversed([each.strip(" .") for each in coded.split("&")]):
        found = _BEFORE.fullmatch(f"{each}{unit}" if each.isdecimal() else each)
        if not found or not 0 < (value := _before(found)) <= EARLIEST_BEFORE:
            return None
        unit = found[2] or found[3] or found[5]
        minutes.insert(0, value)
    return minutes


def _before(found: re.Match[str]) -> int:
    return int(found[1] or 1) * _UNITS[found[2] or found[3] or found[5]] + int(found[4] or 0)


@cache
def _unit_pattern(language: str) -> re.Pattern[str]:
    return _alternatives(_unit_words(language))


@cache
def _unit_words(language: str) -> Mapping[str, str]:
    base = re.split("[-_]", language)[0]
    return {**_own_unit_words("en"), **(_own_unit_words(language) if base != "en" else {})}


def _own_unit_words(language: str) -> dict[str, str]:
    """Units in every case and number that CLDR has, and what else people write."""
    words = {}
    for (code, unit), width, count in product(_CLDR_UNITS.items(), _UNIT_WIDTHS, (1, 1.5, 2, 3, 5, 11, 21)):
        written = plain(format_unit(count, unit, width, locale=_locale(language)))
        name = _folded(re.sub(r"[\d.,\u066b]", "", written), language)
        if len(name) > 1 or not name.isascii():  # a single Latin letter is what _BEFORE_SAID makes of it: a Turkish h would be a week
            words[name] = code if any(sign.isdecimal() for sign in written) or count == 1 else f"{count}{code}"
    for code, line in _BEFORE_SAID.get(re.split("[-_]", language)[0], {}).items():
        words |= {_folded(word, language): code for word in line.split(",")}
    words.pop("", None)
    return words


# ---- what people say beside the names of CLDR ------------------------------------------------------------------

_ALSO_SPOKEN: Mapping[str, Sequence[str]] = {"ar": ("ar_SY", "ar_DZ", "ar_MA", "ar_TN"), "de": ("de_AT",)}  # آذار, Jänner

_SAID: Mapping[str, Mapping[str, str]] = {  # code -> words; "" is what may be left out
    "en": {
        "": "the,of,on,in,this,coming,between,both,t",
        "R0": "today",
        "R0 E": "tonight,this evening",
        "R1": "tomorrow,tmrw",
        "R2": "day after tomorrow,the day after tomorrow",
        "T": "to,till,til,until,through,thru,up to,by",
        "&": "and",
        "@": "at",
        "F": "from,starting,beginning",
        "H": "h,hr,hrs,hour,hours,o'clock,oclock",
        "A": "am",
        "B": "morning",
        "P": "pm,afternoon",
        "E": "evening",
        "N": "night",
        "J": "noon,midday",
        "K": "midnight",
        "X": "next",
        "W1": "tues",
        "W2": "weds",
        "W3": "thur,thurs",
        "M09": "sept",
    },
    "de": {
        "": "am,den,der,dem,im,diesen,dieser,kommenden,kommender,zwischen,vom",
        "R0": "heute",
        "R1": "morgen",
        "R2": "übermorgen,uebermorgen",
        "T": "bis,bis zum,bis um",
        "&": "und",
        "@": "um",
        "F": "ab,von",
        "H": "uhr,std,h",
        "B": "früh,morgens,vormittags,vormittag",
        "P": "nachmittags,nachmittag",
        "E": "abends,abend",
        "N": "nachts,nacht",
        "J": "mittags,mittag",
        "K": "mitternacht",
        "X": "nächster,nächsten,nächste,nächstes,nächstem,naechsten",
        "W5": "sonnabend",
        "M01": "jaenner",
        "M03": "maerz,mrz",
    },
    "pl": {
        "": "w,we,dnia,dniu,dni,r,rok,roku,najbliższy,najbliższą,najbliższa,ten,tę,tą,ta,między,pomiędzy",
        "R0": "dziś,dzisiaj",
        "R1": "jutro",
        "R2": "pojutrze",
        "T": "do,aż do",
        "&": "i,a,oraz",
        "@": "o,godz,godzina,godzinie,godziny,godzinach,g",
        "F": "od,z",
        "H": "h",
        "B": "rano,przed południem",
        "P": "po południu,popołudniu",
        "E": "wieczorem,wieczór",
        "N": "w nocy,nocą",
        "J": "południe,w południe,południa",
        "K": "północ,o północy,północy",
        "X": "przyszły,przyszła,przyszłą,przyszłe,następny,następna,następną",
        "W0": "pn,poniedziałku",
        "W1": "wtorku",
        "W2": "środę,środy",
        "W3": "cz,czwartku",
        "W4": "pt,piątku",
        "W5": "sobotę,soboty,sb,so",
        "W6": "niedzielę,niedzieli,nd,ndz",
        "M02": "ii",
        "M03": "iii",
        "M04": "iv",
        "M05": "v",
        "M06": "vi",
        "M07": "vii",
        "M08": "viii",
        "M09": "ix",
        "M10": "x",
        "M11": "xi",
        "M12": "xii",
    },
    "fr": {
        "": "le,d,du,des,la,les,ce,entre,l",
        "R0": "aujourd'hui",
        "R0 E": "ce soir",
        "R1": "demain",
        "R2": "après-demain,après demain",
        "Q": "à",
        "T": "jusqu'à,jusqu'au,jusque,au",
        "&": "et",
        "O": "de",
        "F": "dès,à partir de,à partir du",
        "H": "h,heure,heures",
        "B": "du matin,matin",
        "P": "de l'après-midi,après-midi,l'après-midi,de l'après midi,après midi",
        "E": "du soir,soir",
        "N": "nuit",
        "J": "midi",
        "K": "minuit",
        "X": "prochain,prochaine",
        "M02": "fev",
        "M07": "juill",
        "W2": "merc",
        "W4": "vend",
    },
    "it": {
        "": "il,del,di,dal,da,le,lo,la,l,questo,questa,tra,fra,della,nel,giorno",
        "R0": "oggi",
        "R0 E": "stasera,questa sera",
        "R1": "domani",
        "R2": "dopodomani,dopo domani",
        "Q": "alle,all,alla,a",
        "T": "al,fino a,fino al,fino alle,fino all,entro,entro il,entro le",
        "&": "e,ed",
        "@": "ore,ora",
        "F": "dalle,dall,dalla,a partire dalle",
        "H": "h",
        "B": "di mattina,del mattino,mattina,mattino",
        "P": "del pomeriggio,pomeriggio,di pomeriggio",
        "E": "di sera,della sera,sera",
        "N": "di notte,notte",
        "J": "mezzogiorno",
        "K": "mezzanotte",
        "X": "prossimo,prossima",
        "M09": "sett",
        "W1": "mart",
        "W2": "merc",
        "W3": "giov",
    },
    "es": {
        "": "el,del,la,las,los,este,esta,entre,día",
        "R0": "hoy",
        "R0 E": "esta noche",
        "R1": "mañana",
        "R2": "pasado mañana",
        "Q": "a,a las,a la",
        "T": "al,hasta,hasta las,hasta la,hasta el",
        "&": "y,e",
        "O": "de",
        "F": "desde,desde las,a partir de,a partir de las",
        "H": "h,hs,hrs,hora,horas",
        "B": "de la mañana,por la mañana",
        "P": "de la tarde,por la tarde,tarde",
        "N": "de la noche,por la noche,noche,de la madrugada",
        "J": "mediodía,del mediodía",
        "K": "medianoche",
        "X": "próximo,próxima",
        "M09": "set,sep",
        "W2": "mierc",
        "W3": "juev",
        "W4": "vier",
    },
    "pt": {
        "": "do,da,no,na,o,os,as,este,esta,entre,dia,das,dos,feira",
        "R0": "hoje",
        "R1": "amanhã",
        "R2": "depois de amanhã",
        "Q": "a,à,às,ao",
        "T": "até,até as,até às",
        "&": "e",
        "O": "de",
        "F": "desde,a partir das",
        "H": "h,hora,horas",
        "B": "da manhã",
        "P": "da tarde",
        "N": "da noite",
        "J": "meio-dia",
        "K": "meia-noite",
        "X": "próximo,próxima",
    },
    "uk": {
        "": "року,рік,р,цей,цю,ця,це,між,числа,найближчий,найближчу,найближча,найближчої,день",
        "R0": "сьогодні",
        "R1": "завтра",
        "R2": "післязавтра",
        "T": "до,по",
        "&": "і,й,та",
        "@": "о,об",
        "F": "з,із,зі,від,в,у",
        "H": "год,година,годині,годин,години,годину,ч",
        "B": "ранку,зранку,вранці,ранок",
        "P": "дня,пополудні,після обіду",
        "E": "вечора,ввечері,увечері,вечір",
        "N": "ночі,вночі,уночі",
        "J": "опівдні,полудень,полудня",
        "K": "опівночі,північ,півночі",
        "X": "наступний,наступна,наступну,наступного,наступної",
        "W0": "понеділка,пон",
        "W1": "вівторка",
        "W2": "середу,середи",
        "W3": "четверга",
        "W4": "п'ятницю,п'ятниці",
        "W5": "суботу,суботи,суб",
        "W6": "неділю,неділі",
    },
    "ru": {
        "": "г,год,года,году,этот,эту,эта,это,между,числа,ближайший,ближайшую,ближайшая,ближайшее,день",
        "R0": "сегодня",
        "R1": "завтра",
        "R2": "послезавтра",
        "T": "до,по",
        "&": "и",
        "F": "с,со,от,в,во,к,начиная с",
        "H": "ч,час,часа,часов,часам",
        "B": "утра,утром,утро",
        "P": "дня,днем,пополудни,после обеда",
        "E": "вечера,вечером,вечер",
        "N": "ночи,ночью",
        "J": "полдень,полудня",
        "K": "полночь,полуночи",
        "X": "следующий,следующую,следующая,следующее,следующего,следующей",
        "W0": "понедельника,пон",
        "W1": "вторника",
        "W2": "среду,среды",
        "W3": "четверга",
        "W4": "пятницу,пятницы",
        "W5": "субботу,субботы,суб",
        "W6": "воскресенья,воскр",
    },
    "ar": {
        "": "يوم,في,شهر,عام,سنة,هذا,بين,القادم,القادمة,المقبل,المقبلة,الموافق,بتاريخ,تاريخ,تمام",
        "R0": "اليوم",
        "R0 E": "الليلة,هذا المساء,مساء اليوم",
        "R1": "غدا,غد,يوم غد,بكرا,بكرة",
        "R2": "بعد غد,بعد بكرا,بعد بكرة",
        "T": "حتى,إلى,لغاية,الى غاية,إلى غاية",
        "&": "و",
        "@": "الساعة,ساعة,للساعة",
        "F": "من,منذ,ابتداء من,اعتبارا من",
        "A": "ص,صباحا,صباح,الصبح,الصباح",
        "P": "م,مساء,المساء,عصرا,العصر,بعد الظهر,بعد العصر",
        "N": "ليلا,الليل",
        "J": "ظهرا,الظهر",
        "K": "منتصف الليل",
    },
    "fa": {
        "": "روز,در,این,بین,سال,ماه",
        "R0": "امروز",
        "R1": "فردا",
        "R2": "پس فردا",
        "T": "تا,الی",
        "&": "و",
        "@": "ساعت",
        "F": "از",
        "A": "صبح",
        "P": "بعدازظهر,بعد از ظهر,عصر",
        "N": "شب",
        "J": "ظهر",
        "K": "نیمه شب,نیمه‌شب",
    },
    "tr": {
        "": "e,a,ye,ya,te,ta,de,da,kadar,arası,arasında,günü,gün,itibaren,ten itibaren,tan itibaren,den itibaren,dan itibaren,tarihinde,yılı,bu,önümüzdeki",
        "R0": "bugün",
        "R0 E": "bu akşam",
        "R1": "yarın",
        "R2": "öbür gün,ertesi gün,yarından sonra",
        "T": "ile,ila,ve kadar,ten,tan,den,dan",
        "&": "ve",
        "@": "saat,saati,saatleri,saatler",
        "B": "sabah,sabahı,sabahleyin,öğleden önce",
        "P": "öğleden sonra",
        "E": "akşam,akşamı,akşamleyin",
        "N": "gece,geceleyin",
        "J": "öğlen,öğle",
        "K": "gece yarısı",
        "X": "gelecek",
    },
}

_BEFORE_SAID: Mapping[str, Mapping[str, str]] = {
    "en": {
        "": "before,the,earlier,ahead,prior,in advance,beforehand,before the event,before it begins,before the start,each",
        "&": "and",
        "1": "a,an,one",
        "2": "two",
        "3": "three",
        "30I": "half an hour,half hour,half a hour",
        "I": "m,min,mins",
        "H": "h,hr,hrs",
        "D": "d,the day before",
        "W": "w,wk,wks",
    },
    "de": {
        "": "vorher,davor,vor,zuvor,im voraus,vor beginn,vor dem beginn,vor der veranstaltung,am,je",
        "&": "und",
        "1": "ein,eine,einen,einer,einem",
        "2": "zwei",
        "3": "drei",
        "30I": "halbe stunde,eine halbe stunde,einer halben stunde",
        "H": "std,stdn",
        "D": "t,tg,tage,tagen,vortag",
        "W": "wo,woche,wochen",
    },
    "pl": {
        "": "przed,wcześniej,przed wydarzeniem,przed rozpoczęciem,na",
        "&": "i,oraz",
        "1": "jeden,jedną,jedna,jedno",
        "2": "dwa,dwie",
        "3": "trzy",
        "30I": "pół godziny",
        "I": "minutę",
        "H": "godz,g,godzinę",
        "D": "dn,dz",
        "W": "tyg,tydz",
    },
    "fr": {
        "": "avant,à l'avance,auparavant,plus tôt,la,le,avant l'événement,avant le début",
        "&": "et",
        "1": "un,une",
        "2": "deux",
        "3": "trois",
        "30I": "demi-heure,une demi-heure,demi heure,une demi heure",
        "D": "j,jr,jrs,veille",
        "W": "sem",
    },
    "it": {
        "": "prima,in anticipo,prima dell'evento,prima dell'inizio",
        "&": "e",
        "1": "un,una,uno",
        "2": "due",
        "3": "tre",
        "30I": "mezz'ora,mezza ora,una mezz'ora",
        "D": "g,gg",
        "W": "sett",
    },
    "es": {
        "": "antes,con antelación,de antelación,antes del evento,antes del inicio,antes del comienzo",
        "&": "y",
        "1": "un,una",
        "2": "dos",
        "3": "tres",
        "30I": "media hora",
        "W": "sem",
    },
    "pt": {
        "": "antes,antes do evento,de antecedência",
        "&": "e",
        "1": "um,uma",
        "2": "dois,duas",
        "3": "três",
        "30I": "meia hora",
        "W": "sem",
    },
    "uk": {
        "": "до,за,раніше,перед,до початку,перед початком,до події,наперед",
        "&": "і,й,та",
        "1": "один,одну,одна",
        "2": "два,дві",
        "3": "три",
        "30I": "півгодини,пів години",
        "I": "хв,хвилину",
        "H": "год,г,годину",
        "D": "д,дн",
        "W": "тиж",
    },
    "ru": {
        "": "до,за,раньше,перед,до начала,перед началом,до события,заранее",
        "&": "и",
        "1": "один,одну,одна",
        "2": "два,две",
        "3": "три",
        "30I": "полчаса,пол часа",
        "I": "м,мин,минуту",
        "H": "ч",
        "D": "д,дн,сутки,суток,накануне",
        "W": "н,нед,неделю",
    },
    "ar": {
        "": "قبل,من,الموعد,قبل الموعد,قبل البداية,قبل البدء,واحد,واحدة",
        "&": "و",
        "3": "ثلاثة,ثلاث",
        "30I": "نصف ساعة",
        "I": "د,دقائق,دقيقة",
        "2I": "دقيقتين",
        "H": "س,ساعات",
        "2H": "ساعتين",
        "D": "أيام,بيوم,يوما",
        "2D": "يومين,بيومين",
        "W": "أسابيع",
        "2W": "أسبوعين",
    },
    "fa": {"": "قبل,پیش,از,قبل از,شروع", "&": "و", "1": "یک", "2": "دو", "3": "سه", "30I": "نیم ساعت"},
    "tr": {
        "": "önce,öncesi,öncesinde,önceden,başlamadan,evvel",
        "&": "ve",
        "1": "bir",
        "2": "iki",
        "3": "üç",
        "30I": "yarım saat",
        "I": "dk",
        "H": "sa",
        "D": "gün",
        "W": "hf",
    },
}
