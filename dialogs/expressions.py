"""Conditions and calculations of scripts (`when:`, `check:`, `calculate:`), in XLSForm's own expression language, compiled once
to closures.

A subset: `${question}`, `.` (the answer being checked), strings, numbers, `= != < <= > >=`, `+ - * div mod`, `and`, `or`, and
the functions below. Values are strings, as XForms has them; whatever computes, or compares by order or with a number, takes
numbers. A date counts as its days since 1970, and a text that is neither is NaN (source: ODK XForms, XPath 1.0).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

LONGEST, DEEPEST = 2_000, 40  # characters and nesting: no real form comes near, a hostile one must not go further
LONGEST_VALUE = 200  # characters of what is calculated

Value = str | float | bool
Answers = Mapping[str, str]  # question -> value; "" where there is no answer
Compiled = Callable[[Answers, str], Value]

_TOKENS = re.compile(
    r"""\s*(?:(?P<question>\$\{[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)?\})|(?P<text>'[^']*'|"[^"]*")|(?P<number>\d+(?:\.\d+)?)"""
    r"""|(?P<name>[a-z][a-z-]*)|(?P<sign>!=|<=|>=|[=<>(),.+*-]))"""
)


class ExpressionError(ValueError):
    """An expression that can't be understood: what, and where in it."""


@dataclass(frozen=True, slots=True)
class Expression:
    source: str
    questions: frozenset[str]  # what it depends on
    run: Compiled

    def holds(self, answers: Answers, itself: str = "") -> bool:
        return _truth(self.run(answers, itself))

    def value(self, answers: Answers) -> str:
        """What it comes to, as an answer would be; empty where that is no number that anybody could use."""
        value = self.run(answers, "")
        return "" if isinstance(value, float) and not math.isfinite(value) else _text(value)[:LONGEST_VALUE]


def compile_expression(source: str) -> Expression:
    """Raises ExpressionError."""
    if len(source) > LONGEST:
        raise ExpressionError(f"a condition may have at most {LONGEST} characters, this one has {len(source)}")
    parser = _Parser(source)
    run = parser.either(0)
    parser.end()
    return Expression(source, frozenset(parser.questions), run)


class _Parser:
    """Recursive descent: either > both > comparison > sum > product > signed > value. What stands in a row is one loop, not a
    tower of closures: a long one must not run out of stack."""

    def __init__(self, source: str) -> None:
        self.source, self.questions, self.tokens, self.at = source, set[str](), list[tuple[str, str, int]](), 0
        position = 0
        while source[position:].strip():
            token = _TOKENS.match(source, position)
            if not token:
                raise ExpressionError(f"can't be understood from {source[position:].strip()[:20]!r} on")
            kind = str(token.lastgroup)
            self.tokens.append((kind, token[kind], position))
            position = token.end()

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at][:2] if self.at < len(self.tokens) else ("end", "")

    def take(self, text: str) -> bool:
        if self.peek() in {("sign", text), ("name", text)}:
            self.at += 1
            return True
        return False

    def need(self, text: str) -> None:
        if not self.take(text):
            raise ExpressionError(f"{text!r} is missing before {self.peek()[1] or 'the end'!r}")

    def end(self) -> None:
        if self.at < len(self.tokens):
            raise ExpressionError(f"{self.peek()[1]!r} is one too many")

    def either(self, depth: int) -> Compiled:
        if depth > DEEPEST:
            raise ExpressionError(f"is nested deeper than {DEEPEST}")
        parts = [self.both(depth)]
        while self.take("or"):
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else lambda answers, itself: any(_truth(part(answers, itself)) for part in parts)

    def both(self, depth: int) -> Compiled:
        parts = [self.comparison(depth)]
        while self.take("and"):
            parts.append(self.comparison(depth))
        return parts[0] if len(parts) == 1 else lambda answers, itself: all(_truth(part(answers, itself)) for part in parts)

    def comparison(self, depth: int) -> Compiled:
        left = self.row(depth, ("+", "-"), self.product)
        for sign in ("!=", "<=", ">=", "=", "<", ">"):
            if self.take(sign):
                return _compare(sign, left, self.row(depth, ("+", "-"), self.product))
        return left

    def product(self, depth: int) -> Compiled:
        return self.row(depth, ("*", "div", "mod"), self.signed)

    def row(self, depth: int, signs: tuple[str, ...], part: Callable[[int], Compiled]) -> Compiled:
        """Computed from left to right."""
        first, more = part(depth), list[tuple[Callable[[float, float], float], Compiled]]()
        while sign := next((each for each in signs if self.take(each)), ""):
            more.append((_ARITHMETIC[sign], part(depth)))
        if not more:
            return first

        def run(answers: Answers, itself: str) -> float:
            total = _number(first(answers, itself))
            for compute, operand in more:
                total = compute(total, _number(operand(answers, itself)))
            return total

        return run

    def signed(self, depth: int) -> Compiled:
        minuses = 0
        while self.take("-"):
            minuses += 1
        value = self.value(depth)
        sign = -1.0 if minuses % 2 else 1.0
        return (lambda answers, itself: sign * _number(value(answers, itself))) if minuses else value

    def value(self, depth: int) -> Compiled:
        kind, text = self.peek()
        self.at += 1
        match kind:
            case "question":
                name = text[2:-1]
                self.questions.add(name)
                return lambda answers, _: answers.get(name, "")
            case "text":
                constant = text[1:-1]
                return lambda *_: constant
            case "number":
                number = float(text)
                return lambda *_: number
            case "sign" if text == ".":
                return lambda _, itself: itself
            case "sign" if text == "(":
                inner = self.either(depth + 1)
                self.need(")")
                return inner
            case "name":
                return self.call(text, depth)
        raise ExpressionError(f"a value is missing before {text or 'the end'!r}")

    def call(self, name: str, depth: int) -> Compiled:
        if name not in _FUNCTIONS:
            raise ExpressionError(f"the function {name}() is not known; known are {', '.join(sorted(_FUNCTIONS))}")
        self.need("(")
        arguments: list[Compiled] = []
        while not self.take(")"):
            if arguments:
                self.need(",")
            arguments.append(self.either(depth + 1))
        (least, most), function = _FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            raise ExpressionError(f"{name}() takes {least if least == most else f'{least} or more'} value(s), not {len(arguments)}")
        if name == "today":
            self.questions.add(name)
            return lambda answers, _: answers.get("today", "")
        return lambda answers, itself: function(*(argument(answers, itself) for argument in arguments))


def _compare(sign: str, left: Compiled, right: Compiled) -> Compiled:
    test = _ORDERS.get(sign)
    if test:
        return lambda answers, itself: test(_number(left(answers, itself)), _number(right(answers, itself)))
    wanted = sign == "="
    return lambda answers, itself: _same(left(answers, itself), right(answers, itself)) is wanted


def _same(left: Value, right: Value) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return _truth(left) == _truth(right)
    if isinstance(left, float) or isinstance(right, float):
        return _number(left) == _number(right)
    return left == right


def _number(value: Value) -> float:
    if not isinstance(value, str):
        return float(value)
    if _NUMBER.fullmatch(value.strip()):
        return float(value)
    try:
        return float((date.fromisoformat(value) - date(1970, 1, 1)).days) if _DATE.fullmatch(value) else math.nan
    except ValueError:
        return math.nan


_NUMBER, _DATE = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII), re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _text(value: Value) -> str:
    """As XPath writes a number: 3 and not 3.0, never with an exponent."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")


def _truth(value: Value) -> bool:
    return value == value and bool(value)  # NaN is false  # noqa: PLR0124


_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _divided(left: float, right: float) -> float:
    if right:
        return left / right
    return math.nan if not left or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1.0, right)


def _remainder(left: float, right: float) -> float:
    """With the sign of the first, as XPath has it."""
    return math.nan if not right or math.isinf(left) else math.fmod(left, right)


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "div": _divided,
    "mod": _remainder,
}


def _rounded(value: Value, places: Value = 0.0) -> float:
    """Half goes up, as XPath has it; `places` is ODK's."""
    number, digits = _number(value), _number(places)
    if not math.isfinite(digits) or abs(digits) > 15:
        return math.nan
    scale = 10.0 ** int(digits)
    return math.floor(number * scale + 0.5) / scale if math.isfinite(number * scale) else number


def _whole(value: Value) -> float:
    number = _number(value)
    return float(math.trunc(number)) if math.isfinite(number) else number


_FUNCTIONS: dict[str, tuple[tuple[int, int], Callable[..., Value]]] = {  # how many values it takes, at least and at most
    "not": ((1, 1), lambda value: not _truth(value)),
    "true": ((0, 0), lambda: True),
    "false": ((0, 0), lambda: False),
    "selected": ((2, 2), lambda chosen, code: _text(code) in _text(chosen).split()),
    "count-selected": ((1, 1), lambda chosen: float(len(_text(chosen).split()))),
    "string-length": ((1, 1), lambda text: float(len(_text(text)))),
    "if": ((3, 3), lambda condition, then, otherwise: then if _truth(condition) else otherwise),
    "coalesce": ((2, 2), lambda first, second: first if _text(first) else second),
    "concat": ((2, 100), lambda *parts: "".join(map(_text, parts))),
    "round": ((1, 2), _rounded),
    "int": ((1, 1), _whole),
    "number": ((1, 1), _number),
    "today": ((0, 0), str),  # the parser reads it as the fact `today`
}
