"""Finding people by their coded answers, and by those of the organisations that they speak for."""

from __future__ import annotations

import json
from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Select, Subquery, distinct, func, select, union_all

from storage import answers, tables
from storage.answers import PEOPLE, Owners
from storage.errors import SealBroken
from storage.store import Unit

Chosen = Collection[tuple[str, str]]  # facet and value


async def counts(unit: Unit, chosen: Chosen) -> dict[tuple[str, str], int]:
    """Of the people with all of `chosen`: how many have which value of which facet."""
    told = _told()
    statement = select(told.c.name, told.c.value, func.count(distinct(told.c.person_id))).group_by(told.c.name, told.c.value)
    statement = statement.where(told.c.person_id.in_(_agreed()))
    for each in chosen:
        statement = statement.where(told.c.person_id.in_(_with(*each)))
    return {(name, value): number for name, value, number in await unit.connection.execute(statement)}


async def people(unit: Unit, chosen: Chosen) -> list[UUID]:
    """Those with all of `chosen`, who were heard of last first."""
    statement = select(tables.people.c.id).order_by(tables.people.c.heard_at.desc(), tables.people.c.id)
    statement = statement.where(tables.people.c.id.in_(_agreed()))
    for each in chosen:
        statement = statement.where(tables.people.c.id.in_(_with(*each)))
    return list((await unit.connection.execute(statement)).scalars())


async def said_by(unit: Unit, owners: Owners, questions: Collection[str]) -> list[tuple[UUID, str]]:
    """Person and what was answered to these, opened one by one: names are sealed, so no index could find them. What was told for
    an organisation is found under everybody who speaks for it."""
    columns, members, found = owners.answers.c, tables.members.c, []
    statement = select(owners.answers).where(columns.question.in_(list(questions)), columns.kind == "given")
    if owners is PEOPLE:
        statement = statement.add_columns(columns.person_id.label("who"))
    else:
        statement = statement.add_columns(members.person_id.label("who")).join(tables.members, members.organisation_id == columns.organisation_id)
    agreed = set((await unit.connection.execute(_agreed())).scalars())
    for row in await unit.connection.execute(statement.order_by(columns[owners.key], columns.question)):
        if row.who not in agreed:
            continue
        try:
            content = json.loads(unit.cipher.open(row.content, answers.place(owners, row[0], row.question, row.round)))
        except SealBroken:
            continue  # storage/answers.py logs it whenever the person writes
        found.append((row.who, str(content.get("value", ""))))
    return found


def _told() -> Subquery:
    """Person, facet, value: their own, and those of whom they speak for."""
    members, theirs = tables.members.c, tables.organisation_facets.c
    own = select(tables.facets.c.person_id, tables.facets.c.name, tables.facets.c.value)
    spoken = select(members.person_id, theirs.name, theirs.value).where(members.organisation_id == theirs.organisation_id)
    return union_all(own, spoken).subquery()


def _agreed() -> Select[tuple[UUID]]:
    """Who lets us keep their answers: who took that back is found by nobody."""
    consents = tables.consents.c
    newest = select(func.max(consents.id)).where(consents.purpose == "profile").group_by(consents.person_id)
    return select(consents.person_id).where(consents.id.in_(newest), consents.verdict == "given")


def _with(name: str, value: str) -> Select[tuple[UUID]]:
    told = _told()
    return select(told.c.person_id).where(told.c.name == name, told.c.value == value)
