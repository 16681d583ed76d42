"""Forgetting people, with all that hangs on them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, exists, select, update

from storage import calls, chats, organisations, people, registrations, tables, translations
from storage.store import Unit

UNCLAIMED = timedelta(days=14)


async def of_person(unit: Unit, person_id: UUID, private: Collection[str] = ()) -> None:
    """Everything of a person, and every chat of theirs with what was still to be said there. What stays: id and time, so
    that an older backup can't bring them back, and a change row, so that the shared database forgets them too.

    A chat that they share with others of their family stays theirs; an organisation stays with those who still speak for it,
    without what this person told of themselves there (`private`: the questions that ask for that).
    """
    await registrations.erase_of(unit, person_id)  # first: who gives a seat away holds the event and then looks for chats
    columns, seats, outbox = tables.chats.c, tables.seats.c, tables.outbox.c
    theirs = select(columns.id).where(columns.person_id == person_id)
    shared = list((await unit.connection.execute(theirs.where(exists(select(seats.chat_id).where(seats.chat_id == columns.id))))).scalars())
    if shared:
        await unit.connection.execute(delete(tables.outbox).where(outbox.chat_id.in_(shared)))
        await unit.connection.execute(
            update(tables.chats).where(columns.id.in_(shared)).values(person_id=None, organisation_id=None, staff_id=None, state=None)
        )
    await calls.erase_of(unit, person_id)
    await calls.erase_nobodys(unit, list((await unit.connection.execute(theirs)).scalars()))
    await translations.erase(unit, chats=shared)
    await unit.connection.execute(delete(tables.chats).where(columns.person_id == person_id))
    await organisations.leave(unit, person_id, await organisations.of_person(unit, person_id), private)
    await unit.connection.execute(delete(tables.people).where(tables.people.c.id == person_id))
    await unit.connection.execute(unit.insert(tables.erasures).values(person_id=person_id, at=unit.now).on_conflict_do_nothing())
    await people.changed(unit, [person_id])


async def of_unclaimed(unit: Unit, private: Collection[str] = ()) -> int:
    """Profiles that staff filled in with somebody who never came to confirm it. The chat that they were written in is staff's."""
    ids = await people.unclaimed(unit, unit.now - UNCLAIMED)
    for person_id in ids:
        await chats.part(unit, [each.id for each in await chats.of_person(unit, person_id) if each.staff_id])
        await of_person(unit, person_id, private)
    return len(ids)


async def of_chat(unit: Unit, chat_id: int) -> None:
    """A chat of nobody we know, with what was still to be said there, and what was asked of the team."""
    await calls.erase_nobodys(unit, [chat_id])
    await unit.connection.execute(delete(tables.chats).where(tables.chats.c.id == chat_id))
