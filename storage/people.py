"""People: what they answered, what they agreed to, and forgetting them."""

from __future__ import annotations

import json
import logging
import os
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, insert, select, tuple_, update

from storage import tables
from storage.errors import SealBroken
from storage.records import AnswerRow, ConsentRow, Person
from storage.store import Unit, new_id

log = logging.getLogger(__name__)

NUMBERS = range(1000, 1_000_000)  # short enough to be said aloud; chosen at random, so that a number tells nothing


async def lock(unit: Unit, ids: Iterable[UUID]) -> dict[UUID, Person]:
    """Lock these people until the commit, in sorted order, with all their answers and decisions."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    people = tables.people.c
    rows = (await unit.connection.execute(select(tables.people).where(people.id.in_(wanted)).order_by(people.id).with_for_update())).all()
    await unit.connection.execute(update(tables.people).where(people.id.in_(wanted)).values(heard_at=unit.now))
    answers, consents = await _answers(unit, wanted), await _consents(unit, wanted)
    return {row.id: _person(row, answers[row.id], consents[row.id]) for row in rows}


async def get(unit: Unit, person_id: UUID) -> Person | None:
    """One person, without locking."""
    row = (await unit.connection.execute(select(tables.people).where(tables.people.c.id == person_id))).first()
    return _person(row, (await _answers(unit, [person_id]))[person_id], (await _consents(unit, [person_id]))[person_id]) if row else None


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


async def save_answers(unit: Unit, rows: Mapping[UUID, Sequence[AnswerRow]]) -> None:
    """The last write wins."""
    values = [
        {
            "person_id": person_id,
            "question": answer.question,
            "round": answer.round,
            "kind": answer.kind,
            "code": answer.code,
            "content": unit.cipher.seal(json.dumps(dict(answer.content), ensure_ascii=False).encode(), _place(person_id, answer.question, answer.round)),
            "language": answer.language,
            "given_by": answer.given_by,
            "version": answer.version,
            "at": answer.at,
        }
        for person_id, answers in rows.items()
        for answer in answers
    ]
    if values:
        await unit.connection.execute(_saving(unit.insert), values)


@cache
def _saving(insert: Any) -> Any:
    statement = insert(tables.answers)
    changed = {name: statement.excluded[name] for name in ("kind", "code", "content", "language", "given_by", "version", "at")}
    return statement.on_conflict_do_update(index_elements=["person_id", "question", "round"], set_=changed)


async def drop_answers(unit: Unit, keys: Iterable[tuple[UUID, str, str]]) -> None:
    answers = tables.answers.c
    keys = list(keys)
    if keys:
        await unit.connection.execute(delete(tables.answers).where(tuple_(answers.person_id, answers.question, answers.round).in_(keys)))


async def set_facets(unit: Unit, facets: Mapping[tuple[UUID, str], Iterable[str]]) -> None:
    """(person, name) -> all of their values under that name."""
    if not facets:
        return
    columns = tables.facets.c
    await unit.connection.execute(delete(tables.facets).where(tuple_(columns.person_id, columns.name).in_(list(facets))))
    rows = [{"person_id": person, "name": name, "value": value} for (person, name), values in facets.items() for value in sorted(set(values))]
    if rows:
        await unit.connection.execute(insert(tables.facets), rows)


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


async def erase(unit: Unit, person_id: UUID) -> None:
    """Everything of a person, and every chat of theirs with what was still to be said there. What stays: id and time, so
    that an older backup can't bring them back, and a change row, so that the shared database forgets them too."""
    await unit.connection.execute(delete(tables.chats).where(tables.chats.c.person_id == person_id))
    await unit.connection.execute(delete(tables.people).where(tables.people.c.id == person_id))
    await unit.connection.execute(unit.insert(tables.erasures).values(person_id=person_id, at=unit.now).on_conflict_do_nothing())
    await changed(unit, [person_id])


async def erase_chat(unit: Unit, chat_id: int) -> None:
    """A chat of nobody we know, with what was still to be said there."""
    await unit.connection.execute(delete(tables.chats).where(tables.chats.c.id == chat_id))


async def _answers(unit: Unit, ids: Sequence[UUID]) -> dict[UUID, list[AnswerRow]]:
    answers: dict[UUID, list[AnswerRow]] = defaultdict(list)
    for row in await unit.connection.execute(select(tables.answers).where(tables.answers.c.person_id.in_(ids))):
        try:
            content = json.loads(unit.cipher.open(row.content, _place(row.person_id, row.question, row.round)))
        except SealBroken:  # refused, and asked again; the person must still be able to write, and to be forgotten
            log.error("an answer of %s does not open", row.person_id)
            continue
        answers[row.person_id].append(AnswerRow(row.question, row.round, row.kind, row.code, content, row.language, row.version, row.at, row.given_by))
    return answers


async def _consents(unit: Unit, ids: Sequence[UUID]) -> dict[UUID, list[ConsentRow]]:
    consents: dict[UUID, list[ConsentRow]] = defaultdict(list)
    columns = tables.consents.c
    for row in await unit.connection.execute(select(tables.consents).where(columns.person_id.in_(ids)).order_by(columns.id)):
        consents[row.person_id].append(ConsentRow(row.purpose, row.version, row.verdict, row.text_hash, row.language, row.channel, row.at))
    return consents


def _person(row: Row[Any], answers: list[AnswerRow], consents: list[ConsentRow]) -> Person:
    return Person(row.id, row.number, row.created_at, row.finished_at, {(answer.question, answer.round): answer for answer in answers}, tuple(consents))


def _place(person_id: UUID, question: str, round_: str) -> str:
    return f"answers/{person_id}/{question}/{round_}/content"
