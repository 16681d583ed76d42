"""The functions of XLSForm's expressions, and what a value is as a number, as a text, as yes or no (source: the ODK XForms
specification, and XPath 1.0 where that is silent).

Values are strings, as XForms has them; whatever computes, or compares by order or with a number, takes numbers. A date counts as
its days since 1970, and a text that is neither is NaN. No clock and no chance in here: the same answers always lead the same way.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

Value = str | float | bool

LONGEST_TEXT = 10_000  # characters of what any function makes

_NUMBER, _DATE = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII), re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  a time that says no zone is taken as it stands


# ---- what a value is ----


def number(value: Value) -> float:
    if not isinstance(value, str):
        return float(value)
    if (value.isascii() and value.isdigit()) or _NUMBER.fullmatch(value.strip()):  # the first for speed only
        return float(value)
    if _DATE.fullmatch(value):
        try:
            return float(date.fromisoformat(value).toordinal() - 719_163)  # the ordinal of 1970-01-01
        except ValueError:
            return math.nan
    return _days(moment) if (moment := _moment_written(value)) else math.nan


def text(value: Value) -> str:
    """As XPath writes a number: 3 and not 3.0, never with an exponent."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return str(int(value)) if value.is_integer() and abs(value) < 2.0**63 else format(Decimal(repr(value)), "f")


def truth(value: Value) -> bool:
    return value == value and bool(value)  # NaN is false  # noqa: PLR0124


def same(left: Value, right: Value) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return truth(left) == truth(right)
    if isinstance(left, float) or isinstance(right, float):
        return number(left) == number(right)
    return left == right


# ---- days and times ----


def _moment_written(value: str) -> datetime | None:
    if len(value) > 40 or not (_MOMENT.fullmatch(value) or _DATE.fullmatch(value)):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _moment(value: Value) -> datetime | None:
    """What is written as one, or so many days after 1970 began."""
    if isinstance(value, str) and (written := _moment_written(value)):
        return written
    days = number(value)
    try:
        return _EPOCH + timedelta(milliseconds=round(days * 86_400_000)) if math.isfinite(days) else None
    except OverflowError:
        return None


def _days(moment: datetime) -> float:
    since = moment.replace(tzinfo=None) - _EPOCH - (moment.utcoffset() or timedelta())  # a moment in UTC may be before all there are
    return since / timedelta(days=1)


def _date(value: Value) -> str:
    moment = _moment(value)
    return moment.date().isoformat() if moment else ""


def _date_time(value: Value) -> str:
    moment = _moment(value)
    return moment.isoformat(timespec="milliseconds") if moment else ""


def _decimal_date_time(value: Value) -> float:
    moment = _moment(value)
    return _days(moment) if moment else math.nan


def _decimal_time(value: Value) -> float:
    """12:00 is half of a day."""
    moment = _moment_written(f"1970-01-01T{text(value)}")
    return _days(moment.replace(tzinfo=None)) if moment else math.nan


_MONTHS, _WEEKDAYS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), "Mon Tue Wed Thu Fri Sat Sun".split()
_WRITTEN: dict[str, Callable[[datetime], str]] = {
    "Y": lambda at: f"{at.year:04}",
    "y": lambda at: f"{at.year % 100:02}",
    "m": lambda at: f"{at.month:02}",
    "n": lambda at: str(at.month),
    "b": lambda at: _MONTHS[at.month - 1],  # JavaRosa's has the language of the device; what follows from it must not
    "d": lambda at: f"{at.day:02}",
    "e": lambda at: str(at.day),
    "a": lambda at: _WEEKDAYS[at.weekday()],
    "H": lambda at: f"{at.hour:02}",
    "h": lambda at: str(at.hour),
    "M": lambda at: f"{at.minute:02}",
    "S": lambda at: f"{at.second:02}",
    "3": lambda at: f"{at.microsecond // 1000:03}",
    "%": lambda _: "%",
}
_CODE = re.compile(r"%(.)")


def unknown_date_codes(form: str) -> list[str]:
    return [code for code in _CODE.findall(form) if code not in _WRITTEN]


def _format_date(value: Value, form: Value) -> str:
    moment = _moment(value)
    if moment is None:
        return ""
    return cut(_CODE.sub(lambda code: _WRITTEN[code[1]](moment) if code[1] in _WRITTEN else code[0], text(form)))


# ---- numbers ----


def divided(left: float, right: float) -> float:
    if right:
        return left / right
    return math.nan if not left or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1.0, right)


def remainder(left: float, right: float) -> float:
    """With the sign of the first, as XPath has it."""
    return math.nan if not right or math.isinf(left) else math.fmod(left, right)


def _rounded(value: Value, places: Value = 0.0) -> float:
    """Half goes up, as XPath has it; `places` is ODK's."""
    amount, digits = number(value), number(places)
    if not math.isfinite(digits) or abs(digits) > 15:
        return math.nan
    scale = 10.0 ** int(digits)
    return math.floor(amount * scale + 0.5) / scale if math.isfinite(amount * scale) else amount


def _whole(cut_off: Callable[[float], int]) -> Callable[[Value], float]:
    def run(value: Value) -> float:
        amount = number(value)
        return float(cut_off(amount)) if math.isfinite(amount) else amount

    return run


def _power(base: float, exponent: float) -> float:
    if not base and exponent < 0:
        return math.inf
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and math.fmod(exponent, 2) else math.inf


def _logarithm(compute: Callable[[float], float]) -> Callable[[float], float]:
    return lambda amount: compute(amount) if amount else -math.inf


def _computed(compute: Callable[..., float]) -> Callable[..., float]:
    """Where mathematics knows no answer it is NaN, where it is too much it is infinite; nothing is raised."""

    def run(*values: Value) -> float:
        try:
            return compute(*map(number, values))
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return run


def _total(values: Sequence[Value]) -> float:
    return sum(map(number, values), 0.0)  # a float, of nothing too


def _extreme(choose: Callable[[list[float]], float]) -> Callable[[Sequence[Value]], float]:
    def run(values: Sequence[Value]) -> float:
        amounts = [number(value) for value in values]
        return math.nan if not amounts or any(map(math.isnan, amounts)) else choose(amounts)

    return run


# ---- texts ----


def cut(long: str) -> str:
    return long[:LONGEST_TEXT]


def _substr(value: Value, start: Value, end: Value = math.inf) -> str:
    """From `start` on, counted from 0, up to before `end`; below 0 it is counted from the end."""
    first, last, whole = number(start), number(end), text(value)
    if math.isnan(first) or math.isnan(last):
        return ""
    longest = len(whole)
    return whole[int(max(-longest, min(first, longest))) : int(max(-longest, min(last, longest)))]


def _translate(value: Value, old: Value, new: Value) -> str:
    letters, instead = text(old), text(new)
    table = {ord(letter): instead[at : at + 1] or None for at, letter in reversed(list(enumerate(letters)))}
    return text(value).translate(table)


def _before(value: Value, mark: Value) -> str:
    at = text(value).find(text(mark))
    return text(value)[:at] if at > 0 else ""


def _after(value: Value, mark: Value) -> str:
    at = text(value).find(text(mark))
    return text(value)[at + len(text(mark)) :] if at >= 0 else ""


def _selected_at(chosen: Value, at: Value) -> str:
    codes, place = text(chosen).split(), number(at)
    return codes[int(place)] if 0 <= place < len(codes) else ""


def _digest(value: Value, algorithm: Value, form: Value = "base64") -> str:
    name = text(algorithm).upper()
    if name not in {"MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"} or text(form) not in {"hex", "base64"}:
        return ""
    made = hashlib.new(name.replace("-", ""), text(value).encode(), usedforsecurity=False)
    return made.hexdigest() if text(form) == "hex" else base64.b64encode(made.digest()).decode("ascii")


# ---- yes and no ----


def _ticked(least: Value, most: Value, weight: float) -> bool:
    """-1 is no limit."""
    low, high = number(least), number(most)
    return (low < 0 or weight >= low) and (high < 0 or weight <= high)


def _checklist(least: Value, most: Value, *ticks: Value) -> bool:
    return _ticked(least, most, float(sum(map(truth, ticks))))


def _weighted(least: Value, most: Value, *ticks: Value) -> bool:
    return _ticked(least, most, sum(number(weight) for tick, weight in zip(ticks[::2], ticks[1::2], strict=False) if truth(tick)))


# ---- the tables: how many values a function takes, at least and at most ----

MANY = 1_000

OF_VALUES: dict[str, tuple[int, int, Callable[..., Value]]] = {
    "not": (1, 1, lambda value: not truth(value)),
    "true": (0, 0, lambda: True),
    "false": (0, 0, lambda: False),
    "boolean": (1, 1, truth),
    "boolean-from-string": (1, 1, lambda value: text(value).lower() in {"1", "true"}),
    "number": (1, 1, number),
    "string": (1, 1, text),
    "selected": (2, 2, lambda chosen, code: text(code).strip() in text(chosen).split()),
    "selected-at": (2, 2, _selected_at),
    "count-selected": (1, 1, lambda chosen: float(len(text(chosen).split()))),
    "checklist": (3, MANY, _checklist),
    "weighted-checklist": (4, MANY, _weighted),
    "string-length": (1, 1, lambda value: float(len(text(value)))),
    "substr": (2, 3, _substr),
    "substring-before": (2, 2, _before),
    "substring-after": (2, 2, _after),
    "contains": (2, 2, lambda value, part: text(part) in text(value)),
    "starts-with": (2, 2, lambda value, part: text(value).startswith(text(part))),
    "ends-with": (2, 2, lambda value, part: text(value).endswith(text(part))),
    "translate": (3, 3, _translate),
    "normalize-space": (1, 1, lambda value: " ".join(text(value).split(None))),
    "digest": (2, 3, _digest),
    "round": (1, 2, _rounded),
    "int": (1, 1, _whole(math.trunc)),
    "floor": (1, 1, _whole(math.floor)),
    "ceiling": (1, 1, _whole(math.ceil)),
    "abs": (1, 1, _computed(abs)),
    "pow": (2, 2, _computed(_power)),
    "sqrt": (1, 1, _computed(math.sqrt)),
    "exp": (1, 1, _computed(math.exp)),
    "exp10": (1, 1, _computed(lambda amount: _power(10.0, amount))),
    "log": (1, 1, _computed(_logarithm(math.log))),
    "log10": (1, 1, _computed(_logarithm(math.log10))),
    "pi": (0, 0, lambda: math.pi),
    "sin": (1, 1, _computed(math.sin)),
    "cos": (1, 1, _computed(math.cos)),
    "tan": (1, 1, _computed(math.tan)),
    "asin": (1, 1, _computed(math.asin)),
    "acos": (1, 1, _computed(math.acos)),
    "atan": (1, 1, _computed(math.atan)),
    "atan2": (2, 2, _computed(math.atan2)),
    "date": (1, 1, _date),
    "date-time": (1, 1, _date_time),
    "decimal-date-time": (1, 1, _decimal_date_time),
    "decimal-time": (1, 1, _decimal_time),
    "format-date": (2, 2, _format_date),
    "format-date-time": (2, 2, _format_date),
}
OF_LISTS: dict[str, tuple[int, int, Callable[[Sequence[Value]], Value]]] = {  # `${name}` in these is the list of its values, one a round
    "sum": (1, MANY, _total),
    "min": (1, MANY, _extreme(min)),
    "max": (1, MANY, _extreme(max)),
    "count": (1, 1, lambda values: float(len(values))),
    "count-non-empty": (1, 1, lambda values: float(sum(1 for value in values if text(value)))),
    "concat": (1, MANY, lambda values: cut("".join(map(text, values)))),
    "join": (2, MANY, lambda values: cut(text(values[0]).join(map(text, values[1:])))),
}
_CHANCE = "the same answers must always lead the same way"
_MAP = "works on places on a map, which are never asked here"
_LISTS = "looks into lists: choose with choice_filter, look up with pulldata()"
REFUSED: dict[str, str] = {
    "random": _CHANCE,
    "uuid": _CHANCE,
    "randomize": _CHANCE,
    **dict.fromkeys(("area", "distance", "geofence", "intersects"), _MAP),
    **dict.fromkeys(("instance", "current", "last", "id"), _LISTS),
    "jr:itext": "is written by programs: jr:choice-name() tells what a choice is called",
    "property": "tells about a device, which nobody here needs to know",
    "version": "tells about the form; write its version into a calculation of your own",
}
