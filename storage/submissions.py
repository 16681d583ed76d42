"""Answers to forms: handed in without a name, or kept with somebody's profile."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, func, insert, select

from storage import answers, people, tables
from storage.answers import PEOPLE
from storage.errors import SealBroken
from storage.records import AnswerRow, Submission
from storage.store import Unit

log = logging.getLogger(__name__)

SLICE = 500  # people whose answers are opened at a time


async def hand_in(unit: Unit, form: str, version: int, language: str, day: str, filled: Mapping[str, Any]) -> None:
    """`filled`: ready for JSON. Nothing of whoever answered comes along."""
    id_ = uuid4()
    content = unit.cipher.seal(json.dumps(filled, ensure_ascii=False).encode(), _place(id_))
    row = {"id": id_, "form": form, "version": version, "language": language, "day": day, "mixed": False, "content": content}
    await unit.connection.execute(insert(tables.submissions).values(row))


async def of_form(unit: Unit, form: str) -> list[Submission]:
    """In no order that means anything. One that does not open is left out, and the log says so."""
    found = []
    for row in await unit.connection.execute(select(tables.submissions).where(tables.submissions.c.form == form).order_by(tables.submissions.c.id)):
        try:
            filled = json.loads(unit.cipher.open(row.content, _place(row.id)))
        except SealBroken:
            log.error("submission %s does not open", row.id)
            continue
        found.append(Submission(row.id, row.form, row.version, row.language, row.day, filled))
    return found


async def counted(unit: Unit) -> dict[str, int]:
    """How many were handed in to each form."""
    columns = tables.submissions.c
    return {row.form: row.number for row in await unit.connection.execute(select(columns.form, func.count().label("number")).group_by(columns.form))}


async def mix(unit: Unit) -> int:
    """What was handed in since the last time is written anew, in the order of its random ids: neither its place in the file nor the
    number of its transaction is that of whoever handed it in any more. How many."""
    columns = tables.submissions.c
    rows = [dict(row._mapping) for row in await unit.connection.execute(select(tables.submissions).where(columns.mixed.is_(False)).order_by(columns.id))]  # noqa: SLF001 - SQLAlchemy's own name for it
    if rows:
        await unit.connection.execute(delete(tables.submissions).where(columns.id.in_([row["id"] for row in rows])))
        await unit.connection.execute(insert(tables.submissions), [{**row, "mixed": True} for row in rows])
    return len(rows)


async def of_people(unit: Unit, form: str, purpose: str) -> AsyncIterator[tuple[UUID, Mapping[tuple[str, str], AnswerRow]]]:
    """Whoever answered something of a form that is bound to the profile, and agrees to that, with what they answered to it."""
    columns = tables.answers.c
    there = (await unit.connection.execute(select(columns.person_id).where(columns.question.startswith(f"{form}.", autoescape=True)).distinct())).scalars()
    ids = await people.agreeing(unit, there, purpose)
    for at in range(0, len(ids), SLICE):
        found = defaultdict[UUID, dict[tuple[str, str], AnswerRow]](dict)
        for person_id, rows in (await answers.read(unit, PEOPLE, ids[at : at + SLICE])).items():
            found[person_id] = {question: row for question, row in rows.items() if question[0].startswith(f"{form}.")}
        for person_id in ids[at : at + SLICE]:
            yield person_id, found[person_id]


def _place(id_: UUID) -> str:
    return f"submissions/{id_}/content"
