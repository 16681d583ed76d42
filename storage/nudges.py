"""Reminders of our own: whom we left waiting, who has been silent for long, and what they want to hear no more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select, update

from storage import people, tables
from storage.chats import MAIL, address_of
from storage.records import Address, Person
from storage.store import Unit

HALF_WAY, STILL_LOOKING = "half-way", "still-looking"  # reminders, as people switch them off
NOT_LOOKING = "not-looking"  # stands beside them: paused by their own word, so a mere "hello" does not end it
AFTER, NO_LATER = timedelta(hours=18), timedelta(hours=72)  # of silence, until a dialog left half-way is recalled
LONG = timedelta(days=182)  # of silence, until we ask "still right?"
PATIENCE = timedelta(days=30)  # after that question, until silence is an answer
MOST_REMINDED = 400  # characters that the column holds


@dataclass(frozen=True, slots=True)
class Silent:
    """Somebody of whom nothing was heard, and the chat that they used last."""

    person_id: UUID
    chat_id: int
    address: Address
    stands_at: str
    heard_at: datetime


async def half_way(unit: Unit, only: UUID | None = None) -> list[Silent]:
    """Who stopped at a question a day or two ago, and was not reminded of that dialog yet."""
    chats, persons = tables.chats.c, tables.people.c
    whom = and_(persons.heard_at.between(unit.now - NO_LATER, unit.now - AFTER), ~persons.quiet.contains(HALF_WAY))
    there = _in_last_chat(whom, only, reachable=False).where(chats.stands_at != "", chats.unreachable.is_(None))
    return [_silent(unit, row) for row in await unit.connection.execute(there) if dialog_of(row.stands_at) not in row.reminded.split()]


async def still_looking(unit: Unit, only: UUID | None = None) -> list[Silent]:
    """Whose profile is complete, who has been silent for half a year, and was not asked yet in this silence."""
    persons = tables.people.c
    unasked = and_(or_(persons.asked_at.is_(None), persons.asked_at <= persons.heard_at), ~persons.quiet.contains(STILL_LOOKING))
    whom = and_(persons.heard_at <= unit.now - LONG, persons.finished_at.is_not(None), unasked)
    there = _in_last_chat(whom, only, reachable=True).where(tables.chats.c.unreachable.is_(None))
    return [_silent(unit, row) for row in await unit.connection.execute(there)]


async def fallen_silent(unit: Unit) -> list[tuple[UUID, datetime]]:
    """Whose silence is an answer by now, and since when they are silent."""
    persons = tables.people.c
    rows = await unit.connection.execute(select(persons.id, persons.heard_at).where(_fell_silent(unit)).order_by(persons.id))
    return [(row.id, row.heard_at) for row in rows]


async def pause(unit: Unit, person_id: UUID) -> bool:
    """Nobody is shown them any more, if they are still silent: one statement, so that a word of theirs just now counts."""
    persons = tables.people.c
    paused = update(tables.people).where(persons.id == person_id, _fell_silent(unit)).values(paused_at=unit.now)
    done = bool((await unit.connection.execute(paused)).rowcount)
    await people.changed(unit, [person_id] if done else [])
    return done


async def wake(unit: Unit, person: Person) -> Person:
    """They are shown again."""
    awake = replace(person, paused_at=None, quiet=person.quiet - {NOT_LOOKING})
    await save(unit, awake)
    await people.changed(unit, [person.id])
    return awake


async def save(unit: Unit, person: Person) -> None:
    """What they want to hear, and what they heard."""
    values: dict[str, Any] = {"paused_at": person.paused_at, "asked_at": person.asked_at}
    values |= {"reminded": " ".join(sorted(person.reminded)), "quiet": " ".join(sorted(person.quiet))}
    await unit.connection.execute(update(tables.people).where(tables.people.c.id == person.id).values(values))


def dialog_of(stands_at: str) -> str:
    return stands_at.partition(".")[0]


def _in_last_chat(whom: ColumnElement[bool], only: UUID | None, *, reachable: bool) -> Select[*tuple[Any, ...]]:
    """These people, each in the chat that they used last. They are found first, in a list of their own: few of many; joined
    with all chats, SQLite looks at every one of them (100,000 people: a second)."""
    chats, persons = tables.chats, tables.people
    few = select(persons.c.id, persons.c.heard_at, persons.c.reminded).where(whom, persons.c.paused_at.is_(None), *([persons.c.id == only] if only else []))
    found = few.cte()
    columns = (chats.c.id, chats.c.channel, chats.c.address, chats.c.address_key, chats.c.stands_at)
    there = select(found.c.id.label("person_id"), found.c.heard_at, found.c.reminded, *columns).join(chats, chats.c.person_id == found.c.id)
    return there.where(chats.c.channel != MAIL, _is_last(reachable=reachable))


def _is_last(*, reachable: bool) -> ColumnElement[bool]:
    """They have no chat (that can be reached) which they used later."""
    chats, other = tables.chats.c, tables.chats.alias().c
    later = or_(other.heard_at > chats.heard_at, and_(other.heard_at == chats.heard_at, other.id > chats.id))
    return ~exists(
        select(other.id).where(other.person_id == chats.person_id, other.channel != MAIL, later, *([other.unreachable.is_(None)] if reachable else []))
    )


def _fell_silent(unit: Unit) -> ColumnElement[bool]:
    """Nothing heard for a month since we asked; or, where we can't ask, for as long as that would have taken."""
    persons, chats = tables.people.c, tables.chats.c
    asked = and_(persons.asked_at > persons.heard_at, persons.asked_at <= unit.now - PATIENCE)
    ways = exists(select(chats.id).where(chats.person_id == persons.id, chats.channel != MAIL, chats.unreachable.is_(None)))
    unasked = and_(persons.heard_at <= unit.now - LONG - PATIENCE, or_(persons.quiet.contains(STILL_LOOKING), ~ways))
    return and_(persons.finished_at.is_not(None), persons.paused_at.is_(None), or_(asked, unasked))


def _silent(unit: Unit, row: Any) -> Silent:
    return Silent(row.person_id, row.id, Address(row.channel, address_of(unit, row)), row.stands_at, row.heard_at)
