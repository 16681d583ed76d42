"""People: what they answered, what they agreed to, and forgetting them."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, exists, insert, select, update

from storage import answers, tables
from storage.answers import PEOPLE
from storage.records import AnswerRow, ConsentRow, Person
from storage.store import Unit, new_id

BY_STAFF = "staff"  # the channel of a consent that staff wrote down, with the person in the room
NUMBERS = range(1000, 1_000_000)  # short enough to be said aloud; chosen at random, so that a number tells nothing


async def lock(unit: Unit, ids: Iterable[UUID], quietly: Collection[UUID] = ()) -> dict[UUID, Person]:
    """Lock these people until the commit, in sorted order, with all their answers and decisions. `quietly`: of these nothing
    was heard, it is we who act."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    people = tables.people.c
    rows = (await unit.connection.execute(select(tables.people).where(people.id.in_(wanted)).order_by(people.id).with_for_update())).all()
    heard = [each for each in wanted if each not in quietly]
    if heard:
        await unit.connection.execute(update(tables.people).where(people.id.in_(heard)).values(heard_at=unit.now))
    known, consents = await answers.read(unit, PEOPLE, wanted), await _consents(unit, wanted)
    return {row.id: _person(row, known[row.id], consents[row.id]) for row in rows}


async def get(unit: Unit, person_id: UUID) -> Person | None:
    """One person, without locking."""
    row = (await unit.connection.execute(select(tables.people).where(tables.people.c.id == person_id))).first()
    return _person(row, (await answers.read(unit, PEOPLE, [person_id]))[person_id], (await _consents(unit, [person_id]))[person_id]) if row else None


async def by_number(unit: Unit, number: int) -> Person | None:
    """The person of a number that can be said aloud, without locking."""
    person_id = (await unit.connection.execute(select(tables.people.c.id).where(tables.people.c.number == number))).scalar()
    return await get(unit, person_id) if person_id else None


async def begin(unit: Unit) -> Person:
    """A new person, at their first yes."""
    person_id = new_id(unit.now, os.urandom)
    for _ in range(50):
        number = random.SystemRandom().choice(NUMBERS)
        row = {"id": person_id, "number": number, "created_at": unit.now, "heard_at": unit.now}
        made = await unit.connection.execute(unit.insert(tables.people).values(row).on_conflict_do_nothing().returning(tables.people.c.id))
        if made.first():
            return Person(person_id, number, unit.now)
    raise RuntimeError("no free number was found in 50 draws; widen storage.people.NUMBERS")


async def numbers_of(unit: Unit, ids: Iterable[UUID]) -> dict[UUID, int]:
    """How people are called by staff."""
    wanted, found = sorted(set(ids)), dict[UUID, int]()
    for at in range(0, len(wanted), 500):
        statement = select(tables.people.c.id, tables.people.c.number).where(tables.people.c.id.in_(wanted[at : at + 500]))
        found |= {row.id: row.number for row in await unit.connection.execute(statement)}
    return found


async def decide(unit: Unit, decisions: Iterable[tuple[UUID, ConsentRow]]) -> None:
    rows = [
        {
            "person_id": person_id,
            "purpose": row.purpose,
            "version": row.version,
            "verdict": row.verdict,
            "text_hash": row.text_hash,
            "language": row.language,
            "channel": row.channel,
            "at": row.at,
        }
        for person_id, row in decisions
    ]
    if rows:
        await unit.connection.execute(insert(tables.consents), rows)


async def unfinish(unit: Unit, ids: Iterable[UUID]) -> None:
    """A consent was taken back: the profile is not complete any more, and no facet of it may stay."""
    ids = list(ids)
    if ids:
        await unit.connection.execute(delete(tables.facets).where(tables.facets.c.person_id.in_(ids)))
        await unit.connection.execute(update(tables.people).where(tables.people.c.id.in_(ids)).values(finished_at=None))


async def finish(unit: Unit, ids: Iterable[UUID]) -> None:
    """Their profiles are complete."""
    ids = list(ids)
    if ids:
        await unit.connection.execute(update(tables.people).where(tables.people.c.id.in_(ids)).values(finished_at=unit.now))


async def changed(unit: Unit, ids: Iterable[UUID]) -> None:
    """The shared database must look at them again. Duplicates are harmless."""
    rows = [{"entity": "person", "entity_id": person_id} for person_id in ids]
    if rows:
        await unit.connection.execute(insert(tables.changes), rows)


async def unclaimed(unit: Unit, since: datetime) -> list[UUID]:
    """Whose profile staff filled in before, and who never agreed to it on a phone of their own."""
    columns, agreed = tables.people.c, tables.consents.c
    theirs = exists(select(agreed.id).where(agreed.person_id == columns.id, agreed.channel != BY_STAFF))
    by_staff = exists(select(agreed.id).where(agreed.person_id == columns.id, agreed.channel == BY_STAFF))
    return list((await unit.connection.execute(select(columns.id).where(columns.heard_at < since, by_staff, ~theirs).order_by(columns.id))).scalars())


async def agreeing(unit: Unit, ids: Iterable[UUID], purpose: str) -> list[UUID]:
    """Those of them whose newest decision about a purpose is a yes, in order."""
    wanted = sorted(set(ids))
    found: list[UUID] = []
    for at in range(0, len(wanted), 500):
        there = await _consents(unit, wanted[at : at + 500])
        newest = {each: next((row.verdict for row in reversed(rows) if row.purpose == purpose), "") for each, rows in there.items()}
        found += [each for each in wanted[at : at + 500] if newest.get(each) == "given"]
    return found


async def _consents(unit: Unit, ids: Sequence[UUID]) -> dict[UUID, list[ConsentRow]]:
    consents: dict[UUID, list[ConsentRow]] = defaultdict(list)
    columns = tables.consents.c
    for row in await unit.connection.execute(select(tables.consents).where(columns.person_id.in_(ids)).order_by(columns.id)):
        consents[row.person_id].append(ConsentRow(row.purpose, row.version, row.verdict, row.text_hash, row.language, row.channel, row.at))
    return consents


def _person(row: Row[Any], known: Mapping[tuple[str, str], AnswerRow], consents: list[ConsentRow]) -> Person:
    away = (row.paused_at, row.asked_at, frozenset(row.reminded.split()), frozenset(row.quiet.split()))
    return Person(row.id, row.number, row.created_at, row.finished_at, known, tuple(consents), *away)
