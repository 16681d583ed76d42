"""Registrations: who signed up for what, in the order of their coming. Whoever gives or takes a seat holds the event's lock (storage/events.py)."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Row, and_, bindparam, delete, func, insert, select, update

from storage import events, tables
from storage.records import Registration
from storage.store import Unit

LETTERS = "event"  # how the keys of letters about a registration begin; its id follows
PURPOSE = "event"  # what somebody who signs up agrees to
HOLDING = ("confirmed", "offered")  # their seats are nobody else's
_registrations = tables.registrations.c
_NAMES = [each.name for each in fields(Registration)]
_BETTER = ("confirmed", "offered", "waiting", "expired", "cancelled")


async def get(unit: Unit, event_id: UUID, person_id: UUID) -> Registration | None:
    found = await _some(unit, and_(_registrations.event_id == event_id, _registrations.person_id == person_id))
    return found[0] if found else None


async def find(unit: Unit, registration_id: UUID) -> Registration | None:
    found = await _some(unit, _registrations.id == registration_id)
    return found[0] if found else None


async def of_event(unit: Unit, event_id: UUID, states: Collection[str] = ()) -> list[Registration]:
    """In the order of their coming; of these states, or all."""
    return await _some(unit, and_(_registrations.event_id == event_id, *([_registrations.state.in_(states)] if states else [])))


async def waiting(unit: Unit, event_id: UUID, seats: int | None, most: int) -> list[Registration]:
    """The first who wait, and whom so many free seats would do (None: any number)."""
    fits = [_registrations.seats <= seats] if seats is not None else []
    return await _some(unit, and_(_registrations.event_id == event_id, _registrations.state == "waiting", *fits), most)


async def of_person(unit: Unit, person_id: UUID) -> list[Registration]:
    return await _some(unit, _registrations.person_id == person_id)


async def _some(unit: Unit, which: ColumnElement[bool], most: int | None = None) -> list[Registration]:
    statement = select(tables.registrations).where(which).order_by(_registrations.place, _registrations.id).limit(most)
    return [_registration(unit, row) for row in await unit.connection.execute(statement)]


async def overdue(unit: Unit, event_id: UUID) -> list[Registration]:
    """Offers whose time is over."""
    late = and_(_registrations.event_id == event_id, _registrations.state == "offered", _registrations.offered_until <= unit.now)
    return await _some(unit, late)


async def seats_taken(unit: Unit, event_id: UUID) -> int:
    """Counted, not remembered: somebody may have been forgotten meanwhile."""
    taken = select(func.coalesce(func.sum(_registrations.seats), 0)).where(_registrations.event_id == event_id, _registrations.state.in_(HOLDING))
    return int((await unit.connection.execute(taken)).scalar_one())


async def attend(unit: Unit, registration_id: UUID) -> None:
    """They are there; the first time counts. Only that: nobody holds the event's lock for it."""
    came = func.coalesce(_registrations.attended_at, bindparam("_now", type_=tables.registrations.c.attended_at.type))
    await unit.connection.execute(update(tables.registrations).where(_registrations.id == registration_id).values(attended_at=came), {"_now": unit.now})


async def write_to(unit: Unit, person_id: UUID, chat_id: int) -> None:
    """From now on they are told there."""
    await unit.connection.execute(update(tables.registrations).where(_registrations.person_id == person_id).values(chat_id=chat_id))


async def silence(unit: Unit, ids: Collection[UUID]) -> None:
    """What was still to be said about these registrations is not said any more: the link, above all."""
    for each in ids:
        await unit.connection.execute(delete(tables.outbox).where(tables.outbox.c.key.startswith(f"{LETTERS}.{each}.")))


async def last_place(unit: Unit, event_id: UUID) -> int:
    statement = select(func.coalesce(func.max(_registrations.place), 0)).where(_registrations.event_id == event_id)
    return int((await unit.connection.execute(statement)).scalar_one())


async def waiting_before(unit: Unit, registration: Registration) -> int:
    """How many wait who came earlier."""
    earlier = and_(_registrations.event_id == registration.event_id, _registrations.state == "waiting", _registrations.place < registration.place)
    return int((await unit.connection.execute(select(func.count()).where(earlier))).scalar_one())


async def counts(unit: Unit, event_id: UUID) -> Counter[str]:
    """People by state."""
    statement = select(_registrations.state, func.count()).where(_registrations.event_id == event_id).group_by(_registrations.state)
    return Counter({row[0]: row[1] for row in await unit.connection.execute(statement)})


async def zones(unit: Unit, event_id: UUID) -> set[str]:
    """Of those who are confirmed."""
    statement = select(_registrations.zone).where(_registrations.event_id == event_id, _registrations.state == "confirmed").distinct()
    return set((await unit.connection.execute(statement)).scalars())


async def unlinked(unit: Unit, event_id: UUID) -> list[Registration]:
    """Confirmed people who were not given the link yet."""
    without = and_(_registrations.event_id == event_id, _registrations.state == "confirmed", _registrations.linked_at.is_(None))
    return await _some(unit, without)


async def unlink(unit: Unit, event_id: UUID) -> None:
    """The link is another one: nobody has it yet."""
    await unit.connection.execute(update(tables.registrations).where(_registrations.event_id == event_id).values(linked_at=None))


async def link(unit: Unit, ids: Collection[UUID]) -> None:
    """They have it now."""
    for at in range(0, len(ids), 500):
        some = _registrations.id.in_(list(ids)[at : at + 500])
        await unit.connection.execute(update(tables.registrations).where(some).values(linked_at=unit.now))


async def move_to(unit: Unit, person_id: UUID, zone: str) -> None:
    """Somebody says where they are; what is due for their events is worked out anew. The events come first, as in `erase_of`."""
    theirs = _registrations.person_id == person_id
    await events.look_again(unit, set((await unit.connection.execute(select(_registrations.event_id).where(theirs))).scalars()))
    await unit.connection.execute(update(tables.registrations).where(theirs).values(zone=zone))


async def next_offer_ends(unit: Unit, event_id: UUID) -> datetime | None:
    statement = select(func.min(_registrations.offered_until)).where(_registrations.event_id == event_id, _registrations.state == "offered")
    ends: datetime | None = (await unit.connection.execute(statement)).scalar()
    return ends


async def interpreters_wanted(unit: Unit, event_id: UUID) -> Counter[str]:
    """Language -> people who are confirmed and want one."""
    wanted = and_(_registrations.event_id == event_id, _registrations.state == "confirmed", _registrations.interpreter != "")
    statement = select(_registrations.interpreter, func.count()).where(wanted).group_by(_registrations.interpreter)
    return Counter({row[0]: row[1] for row in await unit.connection.execute(statement)})


async def begin(unit: Unit, registration: Registration) -> Registration:
    registration = replace(registration, id=uuid4(), created_at=unit.now, changed_at=unit.now)
    await unit.connection.execute(insert(tables.registrations).values(_row(unit, registration)))
    return registration


async def save(unit: Unit, changed: Iterable[Registration]) -> None:
    """As they are from now on."""
    rows = [{f"_{name}": value for name, value in _row(unit, each).items()} for each in changed]
    if rows:
        await unit.connection.execute(_SAVING, rows)


_SAVED = [name for name in _NAMES if name not in {"id", "event_id", "created_at"}]
_SAVING = (
    update(tables.registrations)
    .where(_registrations.id == bindparam("_id", type_=tables.registrations.c.id.type))
    .values({name: bindparam(f"_{name}", type_=tables.registrations.c[name].type) for name in _SAVED})
)


async def erase_of(unit: Unit, person_id: UUID) -> None:
    """Somebody is forgotten. Their seats are free as soon as what is due for the events is looked at. The events come first: who gives a
    seat away holds the event and then changes registrations."""
    theirs = _registrations.person_id == person_id
    await events.look_again(unit, set((await unit.connection.execute(select(_registrations.event_id).where(theirs))).scalars()))
    gone = (await unit.connection.execute(delete(tables.registrations).where(theirs).returning(_registrations.id))).scalars().all()
    await silence(unit, gone)


async def inherit(unit: Unit, before: UUID, now: UUID) -> None:
    """Somebody is the same person as somebody else, who is about to go: of two registrations for one event the better one stays."""
    both = [*await of_person(unit, before), *await of_person(unit, now)]
    await events.look_again(unit, {each.event_id for each in both})  # and locks them: what is read before may change
    theirs = {each.event_id: each for each in await of_person(unit, before)}
    consents = tables.consents.c
    agreed = and_(consents.person_id == before, consents.purpose == PURPOSE)
    await unit.connection.execute(update(tables.consents).where(agreed).values(person_id=now))
    for mine in await of_person(unit, now):
        if other := theirs.pop(mine.event_id, None):
            keep, drop = sorted((mine, other), key=lambda each: (_BETTER.index(each.state), each.place))
            await unit.connection.execute(delete(tables.registrations).where(_registrations.id == drop.id))
            await save(unit, [replace(keep, person_id=now)])
    await save(unit, [replace(each, person_id=now) for each in theirs.values()])


async def anonymise(unit: Unit, event_id: UUID) -> None:
    """What is left for reports: codes, and that somebody was there. Nobody finds out any more who it was."""
    rows = await of_event(unit, event_id)
    random.SystemRandom().shuffle(rows)
    await unit.connection.execute(delete(tables.registrations).where(_registrations.event_id == event_id))
    fresh = [_nobodys(each, place) for place, each in enumerate(rows, 1)]
    for at in range(0, len(fresh), 500):
        await unit.connection.execute(insert(tables.registrations), [_row(unit, each) for each in fresh[at : at + 500]])


def _nobodys(each: Registration, place: int) -> Registration:
    """By the minute, or by its number, somebody could be found."""
    days: dict[str, Any] = {name: _day(getattr(each, name)) for name in ("created_at", "changed_at", "attended_at", "still_at")}
    nothing: dict[str, Any] = {"person_id": None, "chat_id": None, "content": {}, "zone": "", "offered_until": None, "linked_at": None}
    return replace(each, id=uuid4(), place=place, **nothing, **days)


def _day(at: datetime | None) -> datetime | None:
    return at.replace(hour=0, minute=0, second=0, microsecond=0) if at else None


def _row(unit: Unit, registration: Registration) -> dict[str, Any]:
    row = {name: getattr(registration, name) for name in _NAMES}
    content: Mapping[str, str] = {name: value for name, value in registration.content.items() if value}
    row["content"] = unit.cipher.seal(json.dumps(content, ensure_ascii=False).encode(), _place(registration.id)) if content else None
    return row


def _registration(unit: Unit, row: Row[Any]) -> Registration:
    values = {name: getattr(row, name) for name in _NAMES}
    values["content"] = json.loads(unit.cipher.open(row.content, _place(row.id))) if row.content else {}
    return Registration(**values)


def _place(registration_id: UUID) -> str:
    return f"registrations/{registration_id}/content"
