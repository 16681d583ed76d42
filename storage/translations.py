"""What a machine made of somebody's words: kept a while, by a keyed hash of the text, so that nobody waits for the same twice; and gone with them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import timedelta

from sqlalchemy import delete, select

from storage import tables
from storage.records import Passage
from storage.store import Unit

KEPT = timedelta(days=30)


async def look(unit: Unit, wanted: Collection[Passage]) -> dict[Passage, str]:
    """Those that are there."""
    columns = tables.translations.c
    keys = {_key(unit, each): each for each in wanted}
    rows = await unit.connection.execute(select(tables.translations).where(columns.key.in_(list(keys)))) if keys else ()
    return {keys[row.key]: json.loads(unit.cipher.open(row.content, _place(row.key)))["text"] for row in rows}


async def keep(unit: Unit, made: Mapping[Passage, str]) -> None:
    rows = []
    for passage, text in made.items():
        key = _key(unit, passage)
        content = unit.cipher.seal(json.dumps({"text": text}, ensure_ascii=False).encode(), _place(key))
        rows.append({"key": key, "owner": owner(unit, passage.of), "content": content, "at": unit.now})
    if rows:
        await unit.connection.execute(unit.insert(tables.translations).on_conflict_do_nothing(), rows)


async def erase(unit: Unit, whose: Collection[str]) -> None:
    """`whose`: as in `Passage.of`."""
    await unit.connection.execute(delete(tables.translations).where(tables.translations.c.owner.in_([owner(unit, each) for each in whose])))


async def forget_old(unit: Unit) -> None:
    await unit.connection.execute(delete(tables.translations).where(tables.translations.c.at < unit.now - KEPT))


def owner(unit: Unit, of: str) -> bytes:
    return unit.cipher.index(f"words/{of}")


def _key(unit: Unit, passage: Passage) -> bytes:
    return unit.cipher.index(json.dumps(["translation", passage.of, passage.from_, passage.to, passage.text]))


def _place(key: bytes) -> str:
    return f"translations/{key.hex()}/content"
