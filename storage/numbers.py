"""How many: counted in the database, and never so few that a number points at somebody.

What is under five is not shown, and neither is whatever would let it be worked out from the rest. Nothing leaves this file
before that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select

from storage import tables
from storage.store import Unit

FEW = 5
PLACES = 10  # where most people stop
SPANS = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
Hidden = None
Shown = int | None  # None: hidden


@dataclass(frozen=True, slots=True)
class Row:
    """Of one role, language, ...: how many there are, and how many of them finished."""

    there: Shown
    finished: Shown


@dataclass(frozen=True, slots=True)
class Numbers:
    begun: Shown  # conversations: people, and chats of those who said no yes (yet)
    agreed: Shown  # people: who said yes to keeping their answers
    finished: Shown  # a profile
    languages: Mapping[str, Row]  # of who began; "" stands for unknown; empty: too few for any row
    roles: Mapping[str, Row]  # of people
    regions: Mapping[str, Row]
    stops: Mapping[str, int]  # question -> how many stopped there and have been silent for a day
    heard: tuple[Shown, ...]  # people who wrote in the last day, week, month
    calls: Shown  # for a human being that are open


async def read(unit: Unit) -> Numbers:
    """Without staff, who try things out."""
    languages = await _by(unit, _last_language())
    agreed, finished = (sum(each) for each in zip(*languages.values(), strict=True)) if languages else (0, 0)
    for language, count in (await _count(unit, tables.chats.c.language, _is_nobody())).items():
        there, done = languages.get(language, (0, 0))
        languages[language] = (there + count, done)
    begun = sum(there for there, _ in languages.values())
    heard = [await _heard(unit, span) for span in SPANS]
    finished_, agreed_ = stepped((finished, agreed), begun)
    known = agreed_ is not Hidden  # else a table of people would tell by its sum
    return Numbers(
        begun=begun if not is_few(begun) else Hidden,
        agreed=agreed_,
        finished=finished_,
        languages=table(languages),
        roles=table(await _by(unit, _facet("role"))) if known else {},
        regions=table(await _by(unit, _facet("region"))) if known else {},
        stops=await _stops(unit),
        heard=stepped(heard, agreed) if known else (Hidden,) * len(SPANS),
        calls=calls if not is_few(calls := await _calls(unit)) else Hidden,
    )


# ---- hiding: pure -------------------------------------------------------------------------------------------------


def is_few(number: int) -> bool:
    return 0 < number < FEW


def stepped(numbers: Sequence[int], total: int) -> tuple[Shown, ...]:
    """Each number holds the one before it, the total all: one is shown where neither it, nor what it adds to the last one shown,
    nor what is left, is few."""
    shown: list[Shown] = []
    last = 0
    for number in numbers:
        hide = is_few(total) or is_few(number - last) or is_few(total - number)
        shown.append(Hidden if hide else number)
        last = last if hide else number
    return tuple(shown)


def table(rows: Mapping[str, tuple[int, int]]) -> dict[str, Row]:
    """Rows that make up a known total, and what part of each is finished, of a known total too."""
    whole, part = {name: there for name, (there, _) in rows.items() if there}, {name: done for name, (_, done) in rows.items()}
    there = guarded(whole)
    if not there:
        return {}
    hidden = {name for name in whole if there[name] is Hidden or is_few(part[name]) or is_few(whole[name] - part[name])}

    def is_safe(names: Collection[str]) -> bool:
        done = sum(part[name] for name in names)
        rest = sum(whole[name] for name in names) - done
        return len(names) > 1 and done >= FEW and rest >= FEW

    hidden = _widened(whole, hidden, is_safe)
    return {name: Row(there[name], Hidden if name in hidden else part[name]) for name in sorted(whole, key=lambda name: (-whole[name], name))}


def guarded(cells: Mapping[str, int]) -> dict[str, Shown]:
    """Cells that make up a known total: those that are few are hidden, and the next smallest ones until nothing can be worked
    out. Empty: that can't be had."""

    def is_safe(names: Collection[str]) -> bool:
        together = sum(cells[name] for name in names)
        return len(names) > 1 and together >= FEW and together > len(names)  # five cells that make five are one each

    hidden = _widened(cells, {name for name, number in cells.items() if is_few(number)}, is_safe)
    return {name: Hidden if name in hidden else number for name, number in cells.items()} if not hidden or is_safe(hidden) else {}


def _widened(cells: Mapping[str, int], hidden: set[str], is_safe: Callable[[Collection[str]], bool]) -> set[str]:
    """With the next smallest ones, until it is safe."""
    for name in sorted(cells, key=lambda name: (cells[name], name)):
        if not hidden or is_safe(hidden):
            break
        hidden = hidden | {name}
    return hidden


# ---- counting -----------------------------------------------------------------------------------------------------


def _counts() -> ColumnElement[bool]:
    """People who are not of the staff."""
    chats = tables.chats.c
    return ~exists(select(chats.id).where(chats.person_id == tables.people.c.id, chats.staff_id.is_not(None)))


def _is_nobody() -> ColumnElement[bool]:
    """A conversation of somebody who said no yes (yet). A group chat was told once where we talk, and stands nowhere."""
    chats = tables.chats.c
    return and_(chats.person_id.is_(None), chats.staff_id.is_(None), or_(chats.turn > 1, chats.stands_at != ""))


def _last_language() -> Any:
    chats = tables.chats.c
    last = select(chats.language).where(chats.person_id == tables.people.c.id).order_by(chats.heard_at.desc(), chats.id.desc()).limit(1)
    return last.correlate(tables.people).scalar_subquery()


def _facet(name: str) -> Any:
    facets = tables.facets.c
    one = select(func.min(facets.value)).where(facets.person_id == tables.people.c.id, facets.name == name)
    return one.correlate(tables.people).scalar_subquery()


async def _by(unit: Unit, value: Any) -> dict[str, tuple[int, int]]:
    """Value ("": unknown) -> people, and how many of them finished."""
    finished = case((tables.people.c.finished_at.is_not(None), 1), else_=0).label("finished")
    each = select(func.coalesce(value, "").label("value"), finished).select_from(tables.people).where(_counts()).subquery()
    rows = await unit.connection.execute(select(each.c.value, func.count(), func.sum(each.c.finished)).group_by(each.c.value))
    return {name: (int(there), int(done)) for name, there, done in rows}


async def _count(unit: Unit, column: ColumnElement[str], where: ColumnElement[bool]) -> dict[str, int]:
    rows = await unit.connection.execute(select(column, func.count()).where(where).group_by(column))
    return {value: int(count) for value, count in rows}


async def _stops(unit: Unit) -> dict[str, int]:
    chats = tables.chats.c
    stopped = await _count(unit, chats.stands_at, and_(chats.staff_id.is_(None), chats.stands_at != "", chats.heard_at < unit.now - SPANS[0]))
    most = sorted(stopped, key=lambda question: (-stopped[question], question))[:PLACES]
    return {question: stopped[question] for question in most if not is_few(stopped[question])}


async def _heard(unit: Unit, span: timedelta) -> int:
    statement = select(func.count()).select_from(tables.people).where(_counts(), tables.people.c.heard_at > unit.now - span)
    return int((await unit.connection.execute(statement)).scalar() or 0)


async def _calls(unit: Unit) -> int:
    statement = select(func.count()).select_from(tables.calls).where(tables.calls.c.closed_at.is_(None))
    return int((await unit.connection.execute(statement)).scalar() or 0)
