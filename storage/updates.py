"""What was taken in already, and what could not be."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import delete, insert, select, tuple_

from storage import tables
from storage.records import Poison
from storage.store import Unit

SLICE = 5_000  # rows deleted at once: nobody waits long for it
REMEMBERED = timedelta(hours=48)  # Telegram repeats an update for 24 hours at most; twice that


async def first_sights(unit: Unit, keys: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those (source, key) that were never taken in before; from now on they were. In sorted order, so that two processes
    with overlapping batches wait for each other instead of deadlocking."""
    rows = [{"source": source, "key": key, "at": unit.now} for source, key in sorted(set(keys))]
    return {(row.source, row.key) for row in await unit.connection.execute(_seeing(unit.insert), rows)}


async def take_back(unit: Unit, keys: Iterable[tuple[str, str]]) -> None:
    """They were set aside, and come again in a transaction of their own."""
    if keys := list(keys):
        await unit.connection.execute(delete(tables.updates).where(tuple_(tables.updates.c.source, tables.updates.c.key).in_(keys)))


@cache
def _seeing(insert: Any) -> Any:
    return insert(tables.updates).on_conflict_do_nothing().returning(tables.updates.c.source, tables.updates.c.key)


async def set_apart(unit: Unit, poison: Poison) -> None:
    """Into quarantine."""
    values = {"source": poison.source, "key": poison.key, "shape": json.dumps(poison.shape)[:20_000], "error": poison.error[:200], "at": unit.now}
    await unit.connection.execute(insert(tables.quarantine).values(values))


async def forget_old(unit: Unit) -> int:
    """Drop the memory of updates that can't come again, a slice of it; returns how many. Fewer than SLICE: that was all."""
    old = select(tables.updates.c.source, tables.updates.c.key).where(tables.updates.c.at < unit.now - REMEMBERED).limit(SLICE)
    pair = tuple_(tables.updates.c.source, tables.updates.c.key)
    return (await unit.connection.execute(delete(tables.updates).where(pair.in_(old)))).rowcount
