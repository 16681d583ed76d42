"""What was answered, by a person or for an organisation: rows, and the facets that follow from them."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Table, delete, insert, select, tuple_

from storage import tables
from storage.errors import SealBroken
from storage.records import AnswerRow
from storage.store import Unit

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Owners:
    """Whose answers these are, and where they stand."""

    answers: Table
    facets: Table
    key: str


PEOPLE = Owners(tables.answers, tables.facets, "person_id")
ORGANISATIONS = Owners(tables.organisation_answers, tables.organisation_facets, "organisation_id")


async def read(unit: Unit, owners: Owners, ids: Sequence[UUID]) -> dict[UUID, dict[tuple[str, str], AnswerRow]]:
    """Owner -> (question, round) -> answer. One that does not open is left out, and the log says so."""
    found = await _opened(unit, owners, select(owners.answers).where(owners.answers.c[owners.key].in_(ids)))
    return defaultdict(dict, {owner: {(row.question, row.round): row for row in rows} for owner, rows in found.items()})


async def _opened(unit: Unit, owners: Owners, wanted: Any) -> dict[UUID, list[AnswerRow]]:
    found: dict[UUID, list[AnswerRow]] = defaultdict(list)
    for row in await unit.connection.execute(wanted):
        owner = row[0]
        try:
            content = json.loads(unit.cipher.open(row.content, place(owners, owner, row.question, row.round)))
        except SealBroken:  # refused, and asked again; the person must still be able to write, and to be forgotten
            log.error("an answer of %s does not open", owner)
            continue
        found[owner].append(AnswerRow(row.question, row.round, row.kind, row.code, content, row.language, row.version, row.at, row.given_by))
    return found


async def uncoded(unit: Unit, owners: Owners, questions: Sequence[str], most: int) -> dict[UUID, list[AnswerRow]]:
    """Owner -> answers to these questions that were given in words without a code, the oldest first."""
    columns = owners.answers.c
    wanted = columns.question.in_(questions), columns.code.is_(None), columns.kind == "given"
    return await _opened(unit, owners, select(owners.answers).where(*wanted).order_by(columns.at).limit(most))


async def save(unit: Unit, owners: Owners, rows: Mapping[UUID, Sequence[AnswerRow]]) -> None:
    """The last write wins."""
    values = [
        {
            owners.key: owner,
            "question": answer.question,
            "round": answer.round,
            "kind": answer.kind,
            "code": answer.code,
            "content": unit.cipher.seal(json.dumps(dict(answer.content), ensure_ascii=False).encode(), place(owners, owner, answer.question, answer.round)),
            "language": answer.language,
            "given_by": answer.given_by,
            "version": answer.version,
            "at": answer.at,
        }
        for owner, answers in rows.items()
        for answer in answers
    ]
    if values:
        await unit.connection.execute(_saving(unit.insert, owners), values)


@cache
def _saving(insert: Any, owners: Owners) -> Any:
    statement = insert(owners.answers)
    changed = {name: statement.excluded[name] for name in ("kind", "code", "content", "language", "given_by", "version", "at")}
    return statement.on_conflict_do_update(index_elements=[owners.key, "question", "round"], set_=changed)


async def drop(unit: Unit, owners: Owners, keys: Iterable[tuple[UUID, str, str]]) -> None:
    """(owner, question, round)."""
    columns, keys = owners.answers.c, list(keys)
    if keys:
        await unit.connection.execute(delete(owners.answers).where(tuple_(columns[owners.key], columns.question, columns.round).in_(keys)))


async def set_facets(unit: Unit, owners: Owners, facets: Mapping[tuple[UUID, str], Iterable[str]]) -> None:
    """(owner, name) -> all of their values under that name."""
    if not facets:
        return
    columns = owners.facets.c
    await unit.connection.execute(delete(owners.facets).where(tuple_(columns[owners.key], columns.name).in_(list(facets))))
    rows = [{owners.key: owner, "name": name, "value": value} for (owner, name), values in facets.items() for value in sorted(set(values))]
    if rows:
        await unit.connection.execute(insert(owners.facets), rows)


async def add_facets(unit: Unit, owners: Owners, facets: Iterable[tuple[UUID, str, str]]) -> None:
    """(owner, name, value), beside those that are there."""
    rows = [{owners.key: owner, "name": name, "value": value} for owner, name, value in sorted(facets)]
    if rows:
        await unit.connection.execute(unit.insert(owners.facets).on_conflict_do_nothing(), rows)


def place(owners: Owners, owner: UUID, question: str, round_: str) -> str:
    return f"{owners.answers.name}/{owner}/{question}/{round_}/content"
