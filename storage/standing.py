"""How many people stand where, and what they answered: numbers only, for whoever is about to change a script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Select, distinct, func, select

from storage import tables
from storage.answers import ORGANISATIONS, PEOPLE, Owners
from storage.store import Unit


@dataclass(frozen=True, slots=True)
class Standing:
    answers: Mapping[str, int] = field(default_factory=dict)  # question -> people, or organisations, who answered it
    versions: Mapping[str, int] = field(default_factory=dict)  # question -> the newest version of its script that an answer is from
    codes: Mapping[tuple[str, str], int] = field(default_factory=dict)  # question and choice -> answers that hold it
    dialogs: Mapping[str, int] = field(default_factory=dict)  # dialog -> people, or organisations, who answered anything in it
    places: Mapping[str, int] = field(default_factory=dict)  # pending question -> chats that stand there
    consents: Mapping[tuple[str, int], int] = field(default_factory=dict)  # purpose and version -> people whose newest decision is a yes to it


async def standing(unit: Unit) -> Standing:
    """Everything at once. Nobody's words are read, and no name: ids of questions, codes and counts."""
    answers, versions, codes, dialogs = Counter[str](), dict[str, int](), Counter[tuple[str, str]](), Counter[str]()
    for owners in (PEOPLE, ORGANISATIONS):
        for question, count, version in await unit.connection.execute(_questions(owners)):
            answers[question] += count
            versions[question] = max(version, versions.get(question, 0))
        for question, held, count in await unit.connection.execute(_codes(owners)):
            for code in held.split():
                codes[question, code] += count
        for dialog in sorted({question.partition(".")[0] for question in answers}):
            dialogs[dialog] += (await unit.connection.execute(_in_dialog(owners, dialog))).scalar() or 0
    places = {row.stands_at: row[1] for row in await unit.connection.execute(_places())}
    consents = {(row.purpose, row.version): row[2] for row in await unit.connection.execute(_consents())}
    return Standing(answers, versions, codes, dialogs, places, consents)


def _questions(owners: Owners) -> Select[str, int, int]:
    rows = owners.answers.c
    return select(rows.question, func.count(distinct(rows[owners.key])), func.max(rows.version)).group_by(rows.question)


def _codes(owners: Owners) -> Select[str, str, int]:
    rows = owners.answers.c
    return select(rows.question, rows.code, func.count()).where(rows.code.is_not(None)).group_by(rows.question, rows.code)


def _in_dialog(owners: Owners, dialog: str) -> Select[int]:
    rows = owners.answers.c
    return select(func.count(distinct(rows[owners.key]))).where(rows.question.startswith(f"{dialog}.", autoescape=True))


def _places() -> Select[str, int]:
    chats = tables.chats.c
    return select(chats.stands_at, func.count()).where(chats.stands_at != "").group_by(chats.stands_at)


def _consents() -> Select[str, int, int]:
    consents = tables.consents.c
    newest = select(func.max(consents.id)).group_by(consents.person_id, consents.purpose)
    given = select(consents.purpose, consents.version, func.count()).where(consents.id.in_(newest), consents.verdict == "given")
    return given.group_by(consents.purpose, consents.version)
