"""Families share phones: the profiles that a chat has beside the one that speaks just now, and where each stands."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select

from storage import tables
from storage.records import Chat, Seat
from storage.store import Unit


async def of_chat(unit: Unit, chat_id: int) -> list[UUID]:
    seats = tables.seats.c
    return list((await unit.connection.execute(select(seats.person_id).where(seats.chat_id == chat_id).order_by(seats.person_id))).scalars())


async def give(unit: Unit, chat: Chat) -> None:
    """Whoever speaks in this chat now may come back to where they stand."""
    assert chat.person_id  # noqa: S101 - nobody has no seat
    assert chat.state  # noqa: S101 - they have just spoken
    row = {
        "chat_id": chat.id,
        "person_id": chat.person_id,
        "organisation_id": chat.organisation_id,
        "state": _sealed(unit, chat.id, chat.person_id, chat.state),
    }
    statement = unit.insert(tables.seats).values(row)
    changed = {name: statement.excluded[name] for name in ("organisation_id", "state")}
    await unit.connection.execute(statement.on_conflict_do_update(index_elements=["chat_id", "person_id"], set_=changed))


async def take(unit: Unit, chat_id: int, person_id: UUID) -> Seat | None:
    """Somebody speaks again, or goes: their seat is free. None: they have none here."""
    seats = tables.seats
    statement = delete(seats).where(seats.c.chat_id == chat_id, seats.c.person_id == person_id).returning(seats.c.organisation_id, seats.c.state)
    row = (await unit.connection.execute(statement)).first()
    if row is None:
        return None
    return Seat(person_id, row.organisation_id, json.loads(unit.cipher.open(row.state, _place(chat_id, person_id))))


async def of_person(unit: Unit, person_id: UUID) -> list[int]:
    """The chats where they have a seat."""
    seats = tables.seats.c
    return list((await unit.connection.execute(select(seats.chat_id).where(seats.person_id == person_id).order_by(seats.chat_id))).scalars())


async def leave_all(unit: Unit, person_id: UUID) -> list[int]:
    """They give up every seat that they have; the chats where that was."""
    seats = tables.seats.c
    return list((await unit.connection.execute(delete(tables.seats).where(seats.person_id == person_id).returning(seats.chat_id))).scalars())


async def are_taken(unit: Unit, chat_id: int) -> bool:
    seats = tables.seats.c
    return bool((await unit.connection.execute(select(func.count()).select_from(tables.seats).where(seats.chat_id == chat_id))).scalar())


def _sealed(unit: Unit, chat_id: int, person_id: UUID, state: Any) -> bytes:
    return unit.cipher.seal(json.dumps(state, ensure_ascii=False, separators=(",", ":")).encode(), _place(chat_id, person_id))


def _place(chat_id: int, person_id: UUID) -> str:
    return f"seats/{chat_id}/{person_id}/state"
