"""Organisations, and who speaks for them. What is known of one is its own: it stays when a colleague leaves, and goes with the last."""

from __future__ import annotations

import os
import random
from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import delete, exists, insert, or_, select, update

from storage import answers, tables
from storage.answers import ORGANISATIONS
from storage.people import NUMBERS
from storage.records import Organisation
from storage.store import Unit, new_id


async def lock(unit: Unit, ids: Iterable[UUID]) -> dict[UUID, Organisation]:
    """Lock these until the commit, in sorted order, with all their answers and members."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    organisations, members = tables.organisations.c, tables.members.c
    rows = (await unit.connection.execute(select(tables.organisations).where(organisations.id.in_(wanted)).order_by(organisations.id).with_for_update())).all()
    speak: dict[UUID, set[UUID]] = {row.id: set() for row in rows}
    for row in await unit.connection.execute(select(tables.members).where(members.organisation_id.in_(wanted))):
        speak[row.organisation_id].add(row.person_id)
    known = await answers.read(unit, ORGANISATIONS, wanted)
    return {row.id: Organisation(row.id, row.number, frozenset(speak[row.id]), known[row.id]) for row in rows}


async def found(unit: Unit, person_id: UUID) -> Organisation:
    """A new one, with its first member."""
    organisation_id = new_id(unit.now, os.urandom)
    for _ in range(50):
        number = random.SystemRandom().choice(NUMBERS)
        row = {"id": organisation_id, "number": number, "created_at": unit.now}
        made = await unit.connection.execute(unit.insert(tables.organisations).values(row).on_conflict_do_nothing().returning(tables.organisations.c.id))
        if made.first():
            await join(unit, organisation_id, person_id)
            return Organisation(organisation_id, number, frozenset({person_id}))
    raise RuntimeError("no free number was found in 50 draws; widen storage.people.NUMBERS")


async def join(unit: Unit, organisation_id: UUID, person_id: UUID) -> None:
    row = {"organisation_id": organisation_id, "person_id": person_id, "since": unit.now}
    await unit.connection.execute(unit.insert(tables.members).values(row).on_conflict_do_nothing())


async def of_person(unit: Unit, person_id: UUID) -> list[UUID]:
    """Those that they speak for, the oldest first."""
    members = tables.members.c
    rows = await unit.connection.execute(select(members.organisation_id).where(members.person_id == person_id).order_by(members.since, members.organisation_id))
    return list(rows.scalars())


async def leave(unit: Unit, person_id: UUID, ids: Collection[UUID], private: Collection[str] = ()) -> None:
    """They no longer speak for these. What they told of themselves there goes (`private`: the questions that ask for that);
    with the last member everything goes."""
    if not ids:
        return
    told = tables.organisation_answers.c
    by = or_(told.given_by == str(person_id), told.given_by.startswith("staff:"))  # what staff wrote down may be theirs: rather too much goes
    mine = (told.organisation_id.in_(ids), by, told.question.in_(list(private)))
    await unit.connection.execute(delete(tables.organisation_answers).where(*mine))
    members, chats, seats = tables.members, tables.chats, tables.seats
    await unit.connection.execute(delete(members).where(members.c.person_id == person_id, members.c.organisation_id.in_(ids)))
    for table in (chats, seats):
        theirs = (table.c.person_id == person_id, table.c.organisation_id.in_(ids))
        await unit.connection.execute(update(table).where(*theirs).values(organisation_id=None))
    organisations = tables.organisations.c
    nobody = ~exists(select(members.c.person_id).where(members.c.organisation_id == organisations.id))
    await unit.connection.execute(delete(tables.organisations).where(organisations.id.in_(ids), nobody))
    await changed(unit, ids)


async def inherit(unit: Unit, before: UUID, now: UUID) -> None:
    """Somebody is the same person as somebody else, who is about to go."""
    for each in await of_person(unit, before):
        await join(unit, each, now)


async def changed(unit: Unit, ids: Iterable[UUID]) -> None:
    """The shared database must look at them again. Duplicates are harmless."""
    rows = [{"entity": "organisation", "entity_id": each} for each in ids]
    if rows:
        await unit.connection.execute(insert(tables.changes), rows)
