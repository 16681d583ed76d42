"""Files that somebody sent as an answer: sealed, each kept as long as the answer that names it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import delete, insert, select, tuple_

from storage import tables
from storage.errors import SealBroken
from storage.records import KeptFile
from storage.store import Unit

log = logging.getLogger(__name__)


async def keep(unit: Unit, files: Sequence[tuple[UUID, KeptFile]]) -> None:
    """Whose it is, and the file."""
    rows = [
        {
            "id": file.id,
            "person_id": person_id,
            "question": file.question,
            "round": file.round,
            "kind": file.kind,
            "size": len(file.content),
            "at": unit.now,
            "content": unit.cipher.seal(file.content, _place(person_id, file.id)),
        }
        for person_id, file in files
    ]
    if rows:
        await unit.connection.execute(insert(tables.files), rows)


async def drop(unit: Unit, theirs: Collection[tuple[UUID, UUID]]) -> None:
    """(person, file): nobody's words can name somebody else's."""
    files = tables.files.c
    if theirs:
        await unit.connection.execute(delete(tables.files).where(tuple_(files.person_id, files.id).in_(sorted(theirs))))


async def of_person(unit: Unit, person_id: UUID) -> list[KeptFile]:
    """The oldest first. One that does not open is left out, and the log says so."""
    files = tables.files.c
    found = []
    for row in await unit.connection.execute(select(tables.files).where(files.person_id == person_id).order_by(files.at, files.id)):
        try:
            content = unit.cipher.open(row.content, _place(person_id, row.id))
        except SealBroken:
            log.error("file %s does not open", row.id)
            continue
        found.append(KeptFile(row.id, row.question, row.round, row.kind, content, row.at))
    return found


def _place(person_id: UUID, file_id: UUID) -> str:
    return f"files/{person_id}/{file_id}/content"
