"""What staff wrote down about somebody. The person may read it (GDPR, Article 15), and it goes with them."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import delete, func, insert, select

from storage import tables
from storage.errors import SealBroken
from storage.records import Note
from storage.store import Unit

log = logging.getLogger(__name__)


async def add(unit: Unit, person_id: UUID, staff_id: UUID, text: str) -> None:
    row = {"person_id": person_id, "staff_id": staff_id, "content": unit.cipher.seal(text.encode(), _place(person_id, unit.now)), "at": unit.now}
    await unit.connection.execute(insert(tables.notes).values(row))


async def of_person(unit: Unit, person_id: UUID) -> list[Note]:
    """The oldest first. One that does not open is left out, and the log says so."""
    notes = []
    for row in await unit.connection.execute(select(tables.notes).where(tables.notes.c.person_id == person_id).order_by(tables.notes.c.id)):
        try:
            text = unit.cipher.open(row.content, _place(person_id, row.at)).decode()
        except SealBroken:
            log.error("note %s does not open", row.id)
            continue
        notes.append(Note(row.at, row.staff_id, text))
    return notes


async def erase(unit: Unit, person_id: UUID) -> None:
    """Without their yes nothing is written down about them."""
    await unit.connection.execute(delete(tables.notes).where(tables.notes.c.person_id == person_id))


async def count(unit: Unit, person_id: UUID) -> int:
    statement = select(func.count()).select_from(tables.notes).where(tables.notes.c.person_id == person_id)
    return int((await unit.connection.execute(statement)).scalar() or 0)


def _place(person_id: UUID, at: datetime) -> str:
    """Bound to whom it is about and when it was written: the row has no number before it is there."""
    return f"notes/{person_id}/{at.astimezone(UTC).isoformat()}/content"
