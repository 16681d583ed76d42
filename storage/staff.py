"""Those who help: their ranks, and the audit log of what they did."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, or_, select, update

from storage import tables
from storage.records import Audited, Staff
from storage.store import Unit, new_id


async def add(unit: Unit, name: str, rank: str) -> Staff:
    """A new member of staff, who comes in by a code."""
    staff_id = new_id(unit.now, os.urandom)
    row = {"id": staff_id, "name": unit.cipher.seal(name.encode(), _place(staff_id)), "rank": rank, "created_at": unit.now}
    await unit.connection.execute(insert(tables.staff).values(row))
    return Staff(staff_id, name, rank, unit.now)


async def get(unit: Unit, ids: Iterable[UUID]) -> dict[UUID, Staff]:
    """Whoever of them is still there."""
    staff, wanted = tables.staff.c, sorted(set(ids))
    if not wanted:
        return {}
    rows = await unit.connection.execute(select(tables.staff).where(staff.id.in_(wanted), staff.removed_at.is_(None)))
    return {row.id: _staff(unit, row) for row in rows}


async def everybody(unit: Unit, *, past: bool = False) -> list[Staff]:
    """In the order in which they came; `past`: those too who left, for the audit log."""
    statement = select(tables.staff).order_by(tables.staff.c.id)
    rows = await unit.connection.execute(statement if past else statement.where(tables.staff.c.removed_at.is_(None)))
    return [_staff(unit, row) for row in rows]


async def set_rank(unit: Unit, staff_id: UUID, rank: str) -> bool:
    """False: they are the last admin who can be reached, or gone; nothing was changed."""
    if rank != "admin" and await _is_last_admin(unit, staff_id):
        return False
    done = await unit.connection.execute(update(tables.staff).where(tables.staff.c.id == staff_id, tables.staff.c.removed_at.is_(None)).values(rank=rank))
    return bool(done.rowcount)


async def remove(unit: Unit, staff_id: UUID) -> bool:
    """From this commit on nothing that they press counts. False: they are the last admin, or gone."""
    if await _is_last_admin(unit, staff_id):
        return False
    staff, chats, codes = tables.staff.c, tables.chats.c, tables.codes.c
    done = await unit.connection.execute(update(tables.staff).where(staff.id == staff_id, staff.removed_at.is_(None)).values(removed_at=unit.now))
    theirs = tables.outbox.c.chat_id.in_(select(chats.id).where(chats.staff_id == staff_id))
    words = tables.outbox.c.key.like("call.%.call.%")  # what somebody wrote to the team (bot/effects/calls.py), and they have not read yet
    await unit.connection.execute(tables.outbox.delete().where(theirs, or_(words, tables.outbox.c.state == "held")))
    await unit.connection.execute(update(tables.chats).where(chats.staff_id == staff_id).values(staff_id=None))
    await unit.connection.execute(tables.codes.delete().where(codes.subject == staff_id))
    return bool(done.rowcount)


async def _is_last_admin(unit: Unit, staff_id: UUID) -> bool:
    """Locks the admins, so that two who remove each other do it one after the other."""
    staff = tables.staff.c
    admins = select(staff.id).where(staff.rank == "admin", staff.removed_at.is_(None)).order_by(staff.id).with_for_update()
    return list((await unit.connection.execute(admins)).scalars()) == [staff_id]


async def write_down(unit: Unit, staff_id: UUID | None, action: str, subject: UUID | None, reason: str = "") -> None:
    """A line of the audit log. Codes only: somebody may be forgotten, the log may not."""
    row = {"at": unit.now, "staff_id": staff_id, "action": action, "subject": subject, "reason": reason}
    await unit.connection.execute(insert(tables.audit).values(row))


async def log_of(unit: Unit, subject: UUID) -> list[Audited]:
    """What was done about somebody, the newest last."""
    audit = tables.audit.c
    rows = await unit.connection.execute(select(tables.audit).where(audit.subject == subject).order_by(audit.id))
    return [Audited(row.at, row.staff_id, row.action, row.subject, row.reason) for row in rows]


def _staff(unit: Unit, row: Row[Any]) -> Staff:
    created: datetime = row.created_at
    return Staff(row.id, unit.cipher.open(row.name, _place(row.id)).decode(), row.rank, created, row.removed_at)


def _place(staff_id: UUID) -> str:
    return f"staff/{staff_id}/name"
