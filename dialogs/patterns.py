r"""Patterns of `regex()`, in linear time: no pattern that somebody uploads can hold the bot up.

Python's own `re` goes back and tries again: `(a+)+$` against forty letters takes it hours. Here all ways through a pattern are
walked at once (Thompson, 1968), and what a character leads to is remembered, so that a text costs about its length. Known are
characters, classes, groups, alternatives, `* + ? {2,5}`, `^ $ \d \w \s \p{L}`; what a pattern would have to look back or
ahead for is refused. RE2's bindings would do the same, at the price of 0.6 MB of C++ for one function.

Like Java's, which ODK speaks: the whole text has to fit, and `\d`, `\w` and `\s` are of ASCII.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

LONGEST, DEEPEST, LARGEST = 500, 20, 1_200  # characters, nesting, and nodes when every {2,5} is written out
MOST_TIMES = 500  # in {2,5}
REMEMBERED = 100_000  # nodes in what is remembered, then all is forgotten: memory has a cap too (about 8 MB)

Fits = Callable[[str], bool]


class PatternError(ValueError):
    """A pattern that can't be understood, or would not be linear: what, and where in it."""


@dataclass(frozen=True, slots=True)
class _One:
    """A character."""

    fits: Fits


@dataclass(frozen=True, slots=True)
class _Edge:
    """`^` or `$`."""

    at_end: bool


@dataclass(frozen=True, slots=True)
class _Row:
    parts: tuple[_Tree, ...]


@dataclass(frozen=True, slots=True)
class _Either:
    ways: tuple[_Tree, ...]


@dataclass(frozen=True, slots=True)
class _Times:
    part: _Tree
    least: int
    most: int | None


_Tree = _One | _Edge | _Row | _Either | _Times
_Node = tuple[_One | _Edge | None, tuple[int, ...]]  # what is asked here, and where it goes on; nothing is asked at a fork


@dataclass(slots=True, eq=False)
class _State:
    """All places in the pattern where the text may have come to."""

    nodes: frozenset[int]
    accepts: bool
    moves: dict[str, _State] = field(default_factory=dict)


class Pattern:
    """Raises PatternError."""

    def __init__(self, source: str) -> None:
        if len(source) > LONGEST:
            raise PatternError(f"a pattern may have at most {LONGEST} characters, this one has {len(source)}")
        self.source, self.nodes = source, list[_Node]([(None, ())])  # node 0 is where all is said
        self.states, self.remembered = dict[frozenset[int], _State](), 0
        self.work = 0  # nodes looked at so far: what it costs, without a clock
        begin = self.reach([self.lay(_Reader(source).read(), 0)], at_start=True)
        self.begin = _State(begin, 0 in self.reach(begin, at_start=True, at_end=True))  # an empty text begins and ends at once

    def lay(self, tree: _Tree, onward: int) -> int:
        """Writes the nodes of a part that goes on at `onward`; returns where it begins."""
        match tree:
            case _One() | _Edge():
                return self.node(tree, onward)
            case _Row(parts):
                for part in reversed(parts):
                    onward = self.lay(part, onward)
                return onward
            case _Either(ways):
                return self.node(None, *(self.lay(way, onward) for way in ways))
            case _Times(part, least, most):
                if most is None:
                    onward = self.loop(part, onward)
                for _ in range((most or least) - least):
                    onward = self.node(None, self.lay(part, onward), onward)
                for _ in range(least):
                    onward = self.lay(part, onward)
                return onward

    def loop(self, part: _Tree, onward: int) -> int:
        fork = self.node(None)
        self.nodes[fork] = (None, (self.lay(part, fork), onward))
        return fork

    def node(self, asked: _One | _Edge | None, *onward: int) -> int:
        if len(self.nodes) >= LARGEST:
            raise PatternError(f"the pattern comes to more than {LARGEST} steps when all its repetitions are written out")
        self.nodes.append((asked, onward))
        return len(self.nodes) - 1

    def reach(self, nodes: Iterable[int], *, at_start: bool = False, at_end: bool = False) -> frozenset[int]:
        """Where one can get to from these without reading on."""
        seen, ahead = set[int](), list(nodes)
        while ahead:
            node = ahead.pop()
            if node in seen:
                continue
            seen.add(node)
            self.work += 1
            asked, onward = self.nodes[node]
            if asked is None or (isinstance(asked, _Edge) and (at_end if asked.at_end else at_start)):
                ahead.extend(onward)
        return frozenset(node for node in seen if node == 0 or self.nodes[node][0])

    def state(self, nodes: frozenset[int]) -> _State:
        if nodes not in self.states:
            self.states[nodes] = _State(nodes, 0 in self.reach(nodes, at_end=True))
        return self.states[nodes]

    def move(self, state: _State, char: str) -> _State:
        if self.remembered >= REMEMBERED:
            for each in (self.begin, *self.states.values()):
                each.moves.clear()
            self.states, self.remembered = {}, 0
        onward = list[int]()
        for node in state.nodes:
            asked, after = self.nodes[node]
            self.work += 1
            if isinstance(asked, _One) and asked.fits(char):
                onward.extend(after)
        state.moves[char] = self.state(self.reach(onward))
        self.remembered += 1 + len(state.moves[char].nodes)
        return state.moves[char]

    def fits(self, text: str) -> bool:
        """The whole of it."""
        state = self.begin
        for char in text:
            state = state.moves.get(char) or self.move(state, char)
            if not state.nodes:
                return False
        return state.accepts


class _Reader:
    """Recursive descent: either > row > repeated > one."""

    def __init__(self, source: str) -> None:
        self.source, self.at = source, 0

    def read(self) -> _Tree:
        tree = self.either(0)
        if self.at < len(self.source):
            raise PatternError("the pattern has a ')' too many")
        return tree

    def peek(self) -> str:
        return self.source[self.at : self.at + 1]

    def take(self, text: str) -> bool:
        if self.source.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def next(self) -> str:
        if not self.peek():
            raise PatternError("the pattern ends too early")
        self.at += 1
        return self.source[self.at - 1]

    def either(self, depth: int) -> _Tree:
        if depth > DEEPEST:
            raise PatternError(f"the pattern is nested deeper than {DEEPEST}")
        ways = [self.row(depth)]
        while self.take("|"):
            ways.append(self.row(depth))
        return ways[0] if len(ways) == 1 else _Either(tuple(ways))

    def row(self, depth: int) -> _Tree:
        parts = list[_Tree]()
        while self.peek() not in {"", "|", ")"}:
            parts.append(self.repeated(self.one(depth)))
        return _Row(tuple(parts))

    def repeated(self, part: _Tree) -> _Tree:
        least, most = self.times()
        if (least, most) == (1, 1):
            return part
        if isinstance(part, _Edge):
            raise PatternError("`^` and `$` can't be repeated")
        self.take("?")  # as few as possible: whether the whole fits is the same
        if self.peek() in {"*", "+", "?"}:
            raise PatternError(f"the pattern repeats what is repeated, at {self.source[self.at :][:10]!r}")
        return _Times(part, least, most)

    def times(self) -> tuple[int, int | None]:
        for sign, times in {"*": (0, None), "+": (1, None), "?": (0, 1)}.items():
            if self.take(sign):
                return times
        if not self.take("{"):
            return 1, 1
        inside, closed, _ = self.source[self.at :].partition("}")
        least, comma, most = inside.partition(",")
        numbers = [each for each in (least, most) if each]
        if not closed or not least or not all(each.isascii() and each.isdigit() and len(each) < 5 and int(each) <= MOST_TIMES for each in numbers):
            raise PatternError(f"how often is written {{2}}, {{2,}} or {{2,5}}, at most {MOST_TIMES} times; a brace itself is \\{{")
        self.at += len(inside) + 1
        if most and int(most) < int(least):
            raise PatternError(f"{{{inside}}} is never: the second number is less than the first")
        return int(least), (int(most) if most else None if comma else int(least))

    def one(self, depth: int) -> _Tree:
        char = self.next()
        match char:
            case "(":
                return self.group(depth)
            case "[":
                return _One(self.several())
            case "\\":
                return _One(_fits(self.escaped()))
            case ".":
                return _One(lambda char: char not in "\n\r\x85\u2028\u2029")
            case "^" | "$":
                return _Edge(char == "$")
            case "*" | "+" | "?" | "{":
                raise PatternError(f"nothing stands before {char!r} that could be repeated")
        return _One(char.__eq__)

    def group(self, depth: int) -> _Tree:
        if self.peek() == "?" and not self.take("?:"):
            raise PatternError(f"({self.source[self.at :][:2]}...) looks ahead or back, or gives an option: a pattern here knows plain groups only")
        inner = self.either(depth + 1)
        if not self.take(")"):
            raise PatternError("the pattern lacks a ')'")
        return inner

    def escaped(self) -> str | Fits:
        """A character, or a whole kind of them."""
        char = self.next()
        if char in _KINDS:
            return _KINDS[char]
        if char in {"p", "P"}:
            return self.category(wanted=char == "p")
        if char in {"u", "x"}:
            return self.code(4 if char == "u" else 2)
        if char.isascii() and char.isalnum() and char not in _CONTROLS:
            raise PatternError(f"\\{char} is not known here (a pattern can't look back at what it found, nor at the edges of words)")
        return _CONTROLS.get(char, char)

    def code(self, length: int) -> str:
        digits = self.source[self.at : self.at + length]
        if len(digits) < length or not set(digits) <= set(string.hexdigits):
            raise PatternError(f"{length} hexadecimal digits are missing before {digits!r}")
        self.at += length
        return chr(int(digits, 16))

    def category(self, *, wanted: bool) -> Fits:
        """As Unicode has them: L letters, Lu capital ones, N numbers, P punctuation ..."""
        inside, closed, _ = self.source[self.at :].partition("}")
        name = inside.removeprefix("{").removeprefix("Is")
        if not closed or not inside.startswith("{") or name not in _CATEGORIES:
            raise PatternError("a category of characters is written \\p{L}, \\p{Lu}, \\p{N} ...")
        self.at += len(inside) + 1
        return lambda char: unicodedata.category(char).startswith(name) is wanted

    def several(self) -> Fits:
        """`[a-z0-9_]`, `[^,]`."""
        wanted, tests = not self.take("^"), list[Fits]()
        while not self.take("]"):
            tests.append(self.span())
        if not tests:
            raise PatternError("a class of characters is empty: a bracket in it is \\]")
        return lambda char: any(test(char) for test in tests) is wanted

    def span(self) -> Fits:
        if self.peek() == "[" or self.source.startswith("&&", self.at):
            raise PatternError("a class of characters holds characters and spans only, as [a-z0-9_]; a bracket in it is \\[")
        first = self.end()
        if not isinstance(first, str) or self.peek() != "-" or self.source[self.at + 1 : self.at + 2] in {"]", ""}:
            return _fits(first)
        self.at += 1
        last = self.end()
        if not isinstance(last, str) or last < first:
            raise PatternError(f"[{first}-...] is no span of characters")
        return lambda char: first <= char <= last

    def end(self) -> str | Fits:
        char = self.next()
        return self.escaped() if char == "\\" else char


def _fits(asked: str | Fits) -> Fits:
    return asked.__eq__ if isinstance(asked, str) else asked


def _among(characters: str, *, wanted: bool) -> Fits:
    known = frozenset(characters)
    return lambda char: (char in known) is wanted


_WORDS = string.ascii_letters + string.digits + "_"
_KINDS = {
    kind: _among(characters, wanted=kind.islower())
    for lower, characters in {"d": string.digits, "w": _WORDS, "s": " \t\n\x0b\f\r"}.items()
    for kind in (lower, lower.upper())
}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r"}
_CATEGORIES = frozenset("L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp".split())
