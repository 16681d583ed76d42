"""Conditions of scripts (`when:`, `check:`), in XLSForm's own expression language, compiled once to closures.

A first subset: `${question}`, `.` (the answer being checked), strings, numbers, `= != < <= > >=`, `and`, `or`, `not()`,
`selected()`, `count-selected()`, `string-length()`, `true()`, `false()`. Values are strings, as XForms has them; a
comparison by order, or with a number, compares numbers, and a text that is no number is NaN (source: ODK XForms, XPath 1.0).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

LONGEST, DEEPEST = 2_000, 40  # characters and nesting: no real form comes near, a hostile one must not go further

Value = str | float | bool
Answers = Mapping[str, str]  # question -> value; "" where there is no answer
Compiled = Callable[[Answers, str], Value]

_TOKENS = re.compile(
    r"""\s*(?:(?P<question>\$\{[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)?\})|(?P<text>'[^']*'|"[^"]*")|(?P<number>\d+(?:\.\d+)?)"""
    r"""|(?P<name>[a-z][a-z-]*)|(?P<sign>!=|<=|>=|[=<>(),.]))"""
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


def compile_expression(source: str) -> Expression:
    """Raises ExpressionError."""
    if len(source) > LONGEST:
        raise ExpressionError(f"a condition may have at most {LONGEST} characters, this one has {len(source)}")
    parser = _Parser(source)
    run = parser.either(0)
    parser.end()
    return Expression(source, frozenset(parser.questions), run)


class _Parser:
    """Recursive descent: either > both > comparison > value."""

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
        left = self.both(depth)
        while self.take("or"):
            left = _or(left, self.both(depth))
        return left

    def both(self, depth: int) -> Compiled:
        left = self.comparison(depth)
        while self.take("and"):
            left = _and(left, self.comparison(depth))
        return left

    def comparison(self, depth: int) -> Compiled:
        left = self.value(depth)
        for sign in ("!=", "<=", ">=", "=", "<", ">"):
            if self.take(sign):
                return _compare(sign, left, self.value(depth))
        return left

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
        count, function = _FUNCTIONS[name]
        if len(arguments) != count:
            raise ExpressionError(f"{name}() takes {count} value(s), not {len(arguments)}")
        return lambda answers, itself: function(*(argument(answers, itself) for argument in arguments))


def _or(left: Compiled, right: Compiled) -> Compiled:
    return lambda answers, itself: _truth(left(answers, itself)) or _truth(right(answers, itself))


def _and(left: Compiled, right: Compiled) -> Compiled:
    return lambda answers, itself: _truth(left(answers, itself)) and _truth(right(answers, itself))


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
    try:
        return float(value)
    except ValueError:
        return math.nan


def _truth(value: Value) -> bool:
    return value == value and bool(value)  # NaN is false  # noqa: PLR0124


_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}

_FUNCTIONS: dict[str, tuple[int, Callable[..., Value]]] = {
    "not": (1, lambda value: not _truth(value)),
    "true": (0, lambda: True),
    "false": (0, lambda: False),
    "selected": (2, lambda chosen, code: str(code) in str(chosen).split()),
    "count-selected": (1, lambda chosen: float(len(str(chosen).split()))),
    "string-length": (1, lambda text: float(len(str(text)))),
}
