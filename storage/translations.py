"""What a machine made of somebody's words: kept a while, by a keyed hash of the text, so that nobody waits for the same twice; and gone with them."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select

from storage import tables
from storage.errors import SealBroken
from storage.records import Passage
from storage.store import Unit

log = logging.getLogger(__name__)

KEPT = timedelta(days=30)
_columns = tables.translations.c


async def look(unit: Unit, wanted: Collection[Passage]) -> dict[Passage, str]:
    """Those that are there. One that does not open is as good as none."""
    keys = {_key(unit, each): each for each in wanted}
    rows = await unit.connection.execute(select(tables.translations).where(_columns.key.in_(list(keys)))) if keys else ()
    found = {}
    for row in rows:
        try:
            found[keys[row.key]] = json.loads(unit.cipher.open(row.content, _place(row.key)))["text"]
        except SealBroken:
            log.error("a translation does not open")
    return found


async def keep(unit: Unit, made: Mapping[Passage, str]) -> None:
    """Of people and chats that are still there; and instead of one that does not open."""
    there = await owners(unit, made)
    rows = []
    for passage, text in made.items():
        if passage.of in there:
            key = _key(unit, passage)
            content = unit.cipher.seal(json.dumps({"text": text}, ensure_ascii=False).encode(), _place(key))
            rows.append({"key": key, **_owner(passage.of), "content": content, "at": unit.now})
    if rows:
        statement = unit.insert(tables.translations)
        await unit.connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"content": statement.excluded.content}), rows)


async def owners(unit: Unit, passages: Collection[Passage]) -> set[str]:
    """Of those whose words these are (as in `Passage.of`), who is still there."""
    people = {each.of: UUID(each.of.partition("/")[2]) for each in passages if each.of.startswith("person/")}
    chats = {each.of: int(each.of.partition("/")[2]) for each in passages if each.of.startswith("chat/")}
    found: set[Any] = set()
    for table, wanted in ((tables.people, people), (tables.chats, chats)):
        if wanted:
            found.update((await unit.connection.execute(select(table.c.id).where(table.c.id.in_(list(wanted.values()))))).scalars())
    everybodys = {each.of for each in passages if each.of.startswith("event/")}
    return {name for name, number in {**people, **chats}.items() if number in found} | everybodys


async def erase(unit: Unit, *, person: UUID | None = None, chats: Collection[int] = ()) -> None:
    """What is left of somebody who stays, or of chats that do; with a person or a chat that goes they go by themselves."""
    theirs = _columns.person_id == person if person else _columns.chat_id.in_(list(chats))
    await unit.connection.execute(delete(tables.translations).where(theirs))


async def forget_old(unit: Unit) -> None:
    await unit.connection.execute(delete(tables.translations).where(_columns.at < unit.now - KEPT))


def _owner(of: str) -> dict[str, Any]:
    kind, _, number = of.partition("/")
    return {"person_id": UUID(number) if kind == "person" else None, "chat_id": int(number) if kind == "chat" else None}


def _key(unit: Unit, passage: Passage) -> bytes:
    return unit.cipher.index(json.dumps(["translation", passage.of, passage.from_, passage.to, passage.text]))


def _place(key: bytes) -> str:
    return f"translations/{key.hex()}/content"
