"""Conditions and calculations (`when:`, `check:`, `calculate:`, and a form's relevant, constraint, calculation), in XLSForm's own
expression language, compiled once to closures.

XPath 1.0 without paths: `${question}`, `.` (the answer being checked), strings, numbers, `= != < <= > >=`, `+ - * div mod`, `and`,
`or`, and the functions of `functions.py`. Neither ranges nor loops: what an expression costs is bounded by its length and by the
rounds of a repeat. `Answers` may be any mapping; what a mapping can't tell (rounds, labels, attached tables) a `Surroundings` does.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dialogs.functions import MANY, OF_LISTS, OF_VALUES, REFUSED, Value, cut, divided, number, remainder, same, text, truth, unknown_date_codes
from dialogs.patterns import Pattern, PatternError

LONGEST, DEEPEST, LARGEST = 2_000, 40, 2_000  # characters, nesting, and parts: no real script comes near, a hostile one must not go further
LONGEST_OF_FORM, DEEPEST_OF_FORM = 20_000, 60  # as people upload them: long tables of if(..., if(..., ...))
LONGEST_VALUE = 200  # characters of what is calculated

Answers = Mapping[str, str]  # question -> value; "" where there is no answer
Compiled = Callable[[Answers, str], Value]

OURS = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)?")  # `${join.role}` is another dialog's question
OF_FORMS = re.compile(r"[^\W\d][\w.-]*")  # as XLSForm allows them, in any script

_TOKENS = re.compile(
    r"""\s*(?:\$\{\s*(?P<question>[^{}'"$]*?)\s*\}|(?P<text>'[^']*'|"[^"]*")|(?P<number>\d+(?:\.\d*)?|\.\d+)"""
    r"""|(?P<name>[^\W\d][\w-]*(?::[^\W\d][\w-]*)?)|(?P<sign>!=|<=|>=|\.\.|::|//|[][=<>(),.+*|/@$&-]))"""
)
_UNKNOWN_SIGNS = {
    "|": "lists can't be put together with `|`: write `or` between two conditions",
    "/": "paths are not known here: write ${name}, and `div` to divide",
    "//": "paths are not known here: write ${name}",
    "..": "`..` stands in position(..) only",
    "@": "attributes are not known here",
    "[": "nothing is picked from a list with [ ]: write indexed-repeat(), or use choice_filter",
    "$": "a question is written ${name}",
    "&": "texts are put together with concat(), conditions with `and`",
    "‘": "a text stands between straight quotes, as in 'yes': the program that this was written in made them curly",
}
_UNKNOWN_SIGNS |= dict.fromkeys("’“”„", _UNKNOWN_SIGNS["‘"])
_STRAIGHT = str.maketrans("‘’“”", "''\"\"")  # text processors curl the quotes of half the forms there are; pyxform makes them straight too


class ExpressionError(ValueError):
    """An expression that can't be understood: what, and where in it."""


class Surroundings(dict[str, str]):
    """Answers where there is more to ask than answers; a form that has rounds, labels or tables overrides what it has."""

    def rounds(self, question: str) -> Sequence[str]:
        """All values of a question of a repeat, or one "" for every round of a repeat, as seen from where this is asked."""
        return (self.get(question, ""),)

    def at(self, question: str, rounds: tuple[int, ...]) -> str:
        """The value in one round, or in one of a repeat in a repeat (the outer one first); "" if there is none."""
        there = self.rounds(question)
        return there[rounds[0] - 1] if rounds[0] <= len(there) else ""

    def position(self, up: int = 1) -> int:
        """Which round this is asked in, from 1 on; `up`: 2 for that of the repeat around the repeat."""
        del up
        return 1

    def label(self, question: str, code: str) -> str:
        """What a choice of a question is called."""
        del question
        return code

    def pull(self, table: str, column: str, key: str, value: str) -> str:
        """From the row of an attached table whose `key` is `value`."""
        del table, column, key, value
        return ""


_PLAIN = Surroundings()


@dataclass(frozen=True, slots=True)
class Expression:
    source: str
    questions: frozenset[str]  # what it depends on
    run: Compiled
    tables: frozenset[str] = frozenset()  # that pulldata() looks into
    columns: frozenset[str] = frozenset()  # of a list, whose rows it chooses

    def holds(self, answers: Answers, itself: str = "") -> bool:
        return truth(self.run(answers, itself))

    def value(self, answers: Answers, itself: str = "", longest: int = LONGEST_VALUE) -> str:
        """What it comes to, as an answer would be; empty where that is no number that anybody could use. `itself` is what it
        came to before, for once()."""
        value = self.run(answers, itself)
        return "" if isinstance(value, float) and not math.isfinite(value) else text(value)[:longest]


def compile_expression(source: str, *, of_form: bool = False, of_rows: bool = False) -> Expression:
    """Raises ExpressionError. `of_form`: names are as XLSForm allows them, curly quotes count as straight, and it may be longer.
    `of_rows`: it chooses rows of a list, and a name that stands alone is a column of it (`@name` among the answers)."""
    longest = LONGEST_OF_FORM if of_form else LONGEST
    if len(source) > longest:
        raise ExpressionError(f"a condition may have at most {longest} characters, this one has {len(source)}")
    parser = _Parser(source.translate(_STRAIGHT) if of_form else source, of_form=of_form, of_rows=of_rows)
    part = parser.either(0)
    parser.end()
    return Expression(source, frozenset(parser.questions), part.run, frozenset(parser.tables), frozenset(parser.columns))


def refuse_circles(expressions: Mapping[str, Iterable[Expression]]) -> None:
    """Of every question what it is calculated from and what decides whether it is asked. Raises ExpressionError."""
    circle = find_circle({name: frozenset().union(*(each.questions for each in mine)) for name, mine in expressions.items()})
    if circle:
        raise ExpressionError(f"{' needs '.join(circle)}: that goes round in a circle, so nobody could say what it comes to")


def find_circle(needs: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """A way from a question back to itself, both ends told; nothing if there is none."""
    done = set[str]()
    for start in needs:
        way, ahead = [start], [iter(sorted(needs[start]))]  # a chain of a thousand calculations must not run out of stack
        while way and way[-1] not in done:
            name = next(ahead[-1], None)
            if name is None:
                done.add(way.pop())
                ahead.pop()
            elif name in way:
                return (*way[way.index(name) :], name)
            elif name in needs and name not in done:
                way.append(name)
                ahead.append(iter(sorted(needs[name])))
    return ()


class _Part(NamedTuple):
    run: Compiled
    question: str | None = None  # it is nothing but ${question}
    constant: str | None = None  # it is nothing but this text


class _Parser:
    """Recursive descent: either > both > row (of _LEVELS) > signed > value. What stands in a row is one loop,
    not a tower of closures: a long one must not run out of stack."""

    def __init__(self, source: str, *, of_form: bool, of_rows: bool) -> None:
        self.names, self.deepest, self.of_rows = *((OF_FORMS, DEEPEST_OF_FORM) if of_form else (OURS, DEEPEST)), of_rows
        self.questions, self.tables, self.columns = set[str](), set[str](), set[str]()
        self.tokens, self.at, self.parts = list[tuple[str, str]](), 0, 0
        source, position = source.rstrip(), 0
        while position < len(source):
            token = _TOKENS.match(source, position)
            if not token:
                rest = source[position:].lstrip()
                hint = _UNKNOWN_SIGNS.get(rest[0])
                raise ExpressionError(f"can't be understood from {rest[:20]!r} on" + (f": {hint}" if hint else ""))
            kind = str(token.lastgroup)
            self.tokens.append((kind, token[kind]))
            position = token.end()

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self, *signs: str) -> str:
        """Which of them stands here; it is passed."""
        kind, sign = self.peek()
        if kind in {"sign", "name"} and sign in signs:
            self.at += 1
            return sign
        return ""

    def need(self, sign: str) -> None:
        if not self.take(sign):
            raise ExpressionError(f"{sign!r} is missing before {self.here()}")

    def here(self) -> str:
        kind, found = self.peek()
        if kind == "sign" and found in _UNKNOWN_SIGNS:
            return f"{found!r}: {_UNKNOWN_SIGNS[found]}"
        return repr(found[:20] or "the end")

    def end(self) -> None:
        if self.at < len(self.tokens):
            raise ExpressionError(f"{self.here()} is one too many")

    # ---- operators ----

    def either(self, depth: int) -> _Part:
        if depth > self.deepest:
            raise ExpressionError(f"is nested deeper than {self.deepest}")
        parts = [self.both(depth)]
        while self.take("or"):
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else _Part(_any([part.run for part in parts]))

    def both(self, depth: int) -> _Part:
        parts = [self.row(depth, 0)]
        while self.take("and"):
            parts.append(self.row(depth, 0))
        return parts[0] if len(parts) == 1 else _Part(_all([part.run for part in parts]))

    def row(self, depth: int, level: int) -> _Part:
        """Computed from left to right."""
        if level == len(_LEVELS):
            return self.signed(depth)
        first, more = self.row(depth, level + 1), list[tuple[str, _Part]]()
        while sign := self.take(*_LEVELS[level]):
            more.append((sign, self.row(depth, level + 1)))
        return _Part(_row(first, more)) if more else first

    def signed(self, depth: int) -> _Part:
        minuses = 0
        while self.take("-"):
            minuses += 1
        part = self.value(depth)
        if not minuses:
            return part
        sign, run = -1.0 if minuses % 2 else 1.0, part.run
        return _Part(lambda answers, itself: sign * number(run(answers, itself)))

    # ---- values ----

    def value(self, depth: int) -> _Part:
        self.parts += 1
        if self.parts > LARGEST:
            raise ExpressionError(f"has more than {LARGEST} parts")
        kind, found = self.peek()
        self.at += 1
        match kind:
            case "question":
                name = self.asked(found)
                return _Part(lambda answers, _: answers.get(name, ""), question=name)
            case "text":
                constant = found[1:-1]
                return _Part(lambda *_: constant, constant=constant)
            case "number":
                amount = float(found)
                return _Part(lambda *_: amount)
            case "sign" if found == ".":
                return _Part(lambda _, itself: itself)
            case "sign" if found == "(":
                inner = self.either(depth + 1)
                self.need(")")
                return inner
            case "name" if self.of_rows and found not in {"and", "or", "div", "mod"} and self.peek() != ("sign", "("):
                self.columns.add(found)
                column = f"@{found}"
                return _Part(lambda answers, _: answers.get(column, ""))
            case "name" if found not in {"and", "or", "div", "mod"}:
                return self.call(found, depth)
        self.at -= 1
        raise ExpressionError(f"a value is missing before {self.here()}")

    def asked(self, name: str) -> str:
        """The question of `${name}`, noted."""
        if name.startswith("last-saved#"):
            raise ExpressionError(f"${{{name[:40]}}}: what was answered in an earlier form is not at hand")
        if not self.names.fullmatch(name):
            raise ExpressionError(f"${{{name[:40]}}} is no name of a question")
        self.questions.add(name)
        return name

    def call(self, name: str, depth: int) -> _Part:
        if name in REFUSED:
            raise ExpressionError(f"{name}() is refused: {REFUSED[name]}")
        if name == "position":
            return self.position()
        if name not in OF_VALUES and name not in OF_LISTS and name not in _OF_THE_LANGUAGE:
            near = difflib.get_close_matches(name, [*OF_VALUES, *OF_LISTS, *_OF_THE_LANGUAGE], 1) if len(name) < 40 else []
            if self.tokens[self.at : self.at + 1] != [("sign", "(")]:
                raise ExpressionError(f"{name[:40]!r} stands alone: a question is written ${{{name[:40]}}}, a text '{name[:40]}'")
            raise ExpressionError(f"the function {name[:40]}() is not known" + (f"; is it {near[0]}()?" if near else ""))
        self.need("(")
        arguments = list[_Part]()
        while not self.take(")"):
            if arguments:
                self.need(",")
            arguments.append(self.either(depth + 1))
        least, most, make = _OF_THE_LANGUAGE.get(name) or (*(OF_VALUES.get(name) or OF_LISTS[name])[:2], None)
        if not least <= len(arguments) <= most:
            raise ExpressionError(f"{name}() takes {_between(least, most)} value(s), not {len(arguments)}")
        if make:
            return _Part(make(self, *arguments))
        return _Part(_of_list(name, arguments) if name in OF_LISTS else self.of_values(name, arguments))

    def position(self) -> _Part:
        """The one place where `..` means something: the repeat around."""
        ups, there = 1, bool(self.take("(") and self.take(".."))
        while there and self.take("/"):
            ups, there = ups + 1, bool(self.take(".."))
        if not there or not self.take(")"):
            raise ExpressionError("which round it is, is written position(..)")
        return _Part(lambda answers, _: float((answers if isinstance(answers, Surroundings) else _PLAIN).position(ups)))

    def of_values(self, name: str, arguments: list[_Part]) -> Compiled:
        if name.startswith("format-date") and (codes := unknown_date_codes(arguments[1].constant or "")):
            raise ExpressionError(f"{name}() does not know %{codes[0]}; known are %Y %y %m %n %b %d %e %a %H %h %M %S %3")
        if name == "selected" and arguments[0].question and arguments[1].constant:
            return _selected(arguments[0].question, arguments[1].constant.strip())
        return _applied(OF_VALUES[name][2], [each.run for each in arguments])

    # ---- functions that know more than values ----

    def choice(self, condition: _Part, then: _Part, otherwise: _Part) -> Compiled:
        test, yes, no = condition.run, then.run, otherwise.run
        return lambda answers, itself: yes(answers, itself) if truth(test(answers, itself)) else no(answers, itself)

    def coalesce(self, *parts: _Part) -> Compiled:
        runs = [part.run for part in parts]

        def run(answers: Answers, itself: str) -> Value:
            return next((value for each in runs if text(value := each(answers, itself))), "")

        return run

    def once(self, part: _Part) -> Compiled:
        run = part.run
        return lambda answers, itself: itself or run(answers, itself)

    def today(self) -> Compiled:
        self.questions.add("today")
        return lambda answers, _: answers.get("today", "")

    def now(self) -> Compiled:
        self.questions.add("now")
        return lambda answers, _: answers.get("now", "")

    def regex(self, part: _Part, pattern: _Part) -> Compiled:
        if pattern.constant is None:
            raise ExpressionError("regex() takes its pattern from the form and not from an answer: write it in quotes")
        try:
            fits = Pattern(pattern.constant).fits
        except PatternError as error:
            raise ExpressionError(f"regex(): {error}") from None
        run = part.run
        return lambda answers, itself: fits(cut(text(run(answers, itself))))

    def choice_name(self, part: _Part, question: _Part) -> Compiled:
        """The question stands in quotes, as in jr:choice-name(${role}, '${role}')."""
        inside = re.fullmatch(r"\s*\$\{\s*([^{}]*?)\s*\}\s*", question.constant or "")
        if not inside:
            raise ExpressionError("jr:choice-name() names the question in quotes: jr:choice-name(${role}, '${role}')")
        name, run = self.asked(inside[1]), part.run

        def label(answers: Answers, itself: str) -> str:
            code = text(run(answers, itself))
            return cut(answers.label(name, code)) if isinstance(answers, Surroundings) else code

        return label

    def pulldata(self, table: _Part, column: _Part, key: _Part, value: _Part) -> Compiled:
        if not table.constant:
            raise ExpressionError("pulldata() names its table in quotes: pulldata('villages', 'name', 'code', ${village})")
        self.tables.add(table.constant)
        runs = [each.run for each in (table, column, key, value)]
        return lambda answers, itself: cut((answers if isinstance(answers, Surroundings) else _PLAIN).pull(*(text(run(answers, itself)) for run in runs)))

    def indexed_repeat(self, value: _Part, repeat: _Part, at: _Part, *inner: _Part) -> Compiled:
        repeats, places = [repeat, *inner[::2]], [at.run, *(each.run for each in inner[1::2])]
        if not value.question or len(repeats) != len(places) or not all(each.question for each in repeats):
            raise ExpressionError("indexed-repeat() is written indexed-repeat(${question}, ${repeat}, 2), or with a repeat inside it and its number after that")
        name = value.question

        def pick(answers: Answers, itself: str) -> str:
            wanted = [number(run(answers, itself)) for run in places]
            if not all(1 <= each < math.inf for each in wanted):  # none of them is NaN either
                return ""
            rounds = tuple(int(each) for each in wanted)
            return answers.at(name, rounds) if isinstance(answers, Surroundings) else answers.get(name, "") if set(rounds) == {1} else ""

        return pick


_OF_THE_LANGUAGE: dict[str, tuple[int, int, Callable[..., Compiled]]] = {
    "if": (3, 3, _Parser.choice),
    "coalesce": (2, MANY, _Parser.coalesce),
    "once": (1, 1, _Parser.once),
    "today": (0, 0, _Parser.today),
    "now": (0, 0, _Parser.now),
    "regex": (2, 2, _Parser.regex),
    "jr:choice-name": (2, 2, _Parser.choice_name),
    "pulldata": (4, 4, _Parser.pulldata),
    "indexed-repeat": (3, 7, _Parser.indexed_repeat),
}


def _between(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} or more" if most == MANY else f"{least} to {most}"


# ---- operators ----

_LEVELS = (("=", "!="), ("<=", ">=", "<", ">"), ("+", "-"), ("*", "div", "mod"))  # from the loosest to the tightest
_OPERATORS: dict[str, Callable[[Value, Value], Value]] = {
    "=": same,
    "!=": lambda a, b: not same(a, b),
    "<": lambda a, b: number(a) < number(b),
    "<=": lambda a, b: number(a) <= number(b),
    ">": lambda a, b: number(a) > number(b),
    ">=": lambda a, b: number(a) >= number(b),
    "+": lambda a, b: number(a) + number(b),
    "-": lambda a, b: number(a) - number(b),
    "*": lambda a, b: number(a) * number(b),
    "div": lambda a, b: divided(number(a), number(b)),
    "mod": lambda a, b: remainder(number(a), number(b)),
}


# ---- closures; each is written for its number of parts, since a condition runs at every turn ----


def _any(runs: Sequence[Compiled]) -> Compiled:
    def run(answers: Answers, itself: str) -> bool:
        for each in runs:  # noqa: SIM110  a generator in any() costs twice the time
            if truth(each(answers, itself)):
                return True
        return False

    return run


def _all(runs: Sequence[Compiled]) -> Compiled:
    def run(answers: Answers, itself: str) -> bool:
        for each in runs:  # noqa: SIM110
            if not truth(each(answers, itself)):
                return False
        return True

    return run


def _row(first: _Part, more: Sequence[tuple[str, _Part]]) -> Compiled:
    start, steps = first.run, [(_OPERATORS[sign], part.run) for sign, part in more]
    if len(more) == 1:
        sign, second = more[0]
        if sign in {"=", "!="} and first.question and second.constant is not None:
            return _equal(first.question, second.constant, wanted=sign == "=")
        operator, other = steps[0]
        return lambda answers, itself: operator(start(answers, itself), other(answers, itself))

    def run(answers: Answers, itself: str) -> Value:
        total = start(answers, itself)
        for operator, other in steps:
            total = operator(total, other(answers, itself))
        return total

    return run


def _equal(name: str, constant: str, *, wanted: bool) -> Compiled:
    return lambda answers, _: (answers.get(name, "") == constant) is wanted


def _selected(name: str, code: str) -> Compiled:
    return lambda answers, _: code in answers.get(name, "").split()


def _applied(function: Callable[..., Value], runs: Sequence[Compiled]) -> Compiled:
    match runs:
        case [one]:
            return lambda answers, itself: function(one(answers, itself))
        case [one, two]:
            return lambda answers, itself: function(one(answers, itself), two(answers, itself))
    return lambda answers, itself: function(*[run(answers, itself) for run in runs])


def _of_list(name: str, arguments: Sequence[_Part]) -> Compiled:
    function, runs = OF_LISTS[name][2], [each.run for each in arguments]
    lists = ["" if name == "join" and at == 0 else each.question for at, each in enumerate(arguments)]  # what joins is one value
    if name == "concat" and len(arguments) == 1 and not arguments[0].question:
        raise ExpressionError("concat() takes 2 or more value(s), or one question of a repeat")
    if name.startswith("count") and not arguments[0].question:
        raise ExpressionError(f"{name}() counts the rounds of a repeat: {name}(${{name}})")

    def run(answers: Answers, itself: str) -> Value:
        values = list[Value]()
        for each, listed in zip(runs, lists, strict=True):
            values.extend(_rounds(answers, listed)) if listed else values.append(each(answers, itself))
        return function(values)

    return run


def _rounds(answers: Answers, question: str) -> Sequence[str]:
    return answers.rounds(question) if isinstance(answers, Surroundings) else (answers.get(question, ""),)
