"""A backup is one file: every row of every table, from one consistent look, while the bot runs. Sealed values stay sealed
(keep the key file apart); a backup of one kind of database can be restored into the other."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text

from storage import tables
from storage.connect import is_sqlite
from storage.errors import StoreError
from storage.schema import HEAD, prepare, revision
from storage.store import Store, Unit

FORMAT = 1
SLICE = 500  # rows in memory at a time


async def save(store: Store, path: Path) -> dict[str, int]:
    """Returns the rows per table; changes nothing in the database. Raises FileExistsError, StoreError, StoreAway. Half a file
    never gets the name `path`."""
    if path.exists():
        raise FileExistsError(path)
    now = await revision(store)
    if now != HEAD:
        raise StoreError(f"The database has schema {now or 'none'}, this code has {HEAD}. Make the backup with the version that the bot runs.")
    half = path.with_name(path.name + ".half")
    counts: dict[str, int] = {}
    try:
        with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw:
            with gzip.open(raw, "wt", encoding="utf-8") as file:
                async with store.read() as unit:
                    file.write(json.dumps({"frontdoor": FORMAT, "schema": HEAD, "key": store.cipher.fingerprint, "at": unit.now.isoformat()}) + "\n")
                    for table in tables.metadata.sorted_tables:
                        counts[table.name] = 0
                        async for row in await unit.connection.stream(select(table).order_by(*table.primary_key.columns).execution_options(yield_per=SLICE)):
                            file.write(json.dumps([table.name, [_plain(value) for value in row]]) + "\n")
                            counts[table.name] += 1
                file.write(json.dumps({"end": counts}) + "\n")
            raw.flush()
            os.fsync(raw.fileno())
        _give_name(half, path)
    finally:
        half.unlink(missing_ok=True)
    return counts


def _give_name(half: Path, path: Path) -> None:
    """Unlike a rename, this never replaces a file that came meanwhile. (A memory stick may know no links.)"""
    try:
        os.link(half, path)
    except FileExistsError:
        raise
    except OSError:
        with path.open("xb") as new, half.open("rb") as old:
            shutil.copyfileobj(old, new)
            os.fsync(new.fileno())


async def load(store: Store, path: Path) -> dict[str, int]:
    """Into an empty database only, all or nothing. Raises StoreError, StoreAway."""
    await prepare(store)
    counts = {table.name: 0 for table in tables.metadata.sorted_tables}
    async with store.begin() as unit:
        for table in tables.metadata.sorted_tables:
            if table is not tables.meta and (await unit.connection.execute(select(func.count()).select_from(table))).scalar():
                raise StoreError("The database is not empty. Restore into a new one: set FRONTDOOR_DATABASE_URL, or move the old file away.")
        await unit.connection.execute(tables.meta.delete())
        lines = _lines(path)
        head = next(lines, None)
        _check(head, store, path)
        rows: list[dict[str, Any]] = []
        name = end = None
        for line in lines:
            if isinstance(line, dict):
                end = line.get("end")
                break
            if rows and (line[0] != name or len(rows) >= SLICE):
                await _insert(unit, str(name), rows)
            name = line[0]
            rows.append(_row(name, line[1]))
            counts[name] += 1
        await _insert(unit, str(name), rows)
        if end != counts:
            raise StoreError(f"{path} is cut off or damaged: it holds {sum(counts.values())} rows, and its end is missing or says otherwise.")
        await unit.connection.execute(tables.meta.update().where(tables.meta.c.name == "epoch").values(value=str(uuid.uuid4())))  # another life
        if not is_sqlite(store.engine):
            await _go_on_counting(unit)
    return counts


def _lines(path: Path) -> Iterator[Any]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)
    except (OSError, EOFError, ValueError) as error:
        raise StoreError(f"{path} can't be read as a backup of Frontdoor ({type(error).__name__}).") from error


def _check(head: Any, store: Store, path: Path) -> None:
    if not isinstance(head, dict) or head.get("frontdoor") != FORMAT:
        raise StoreError(f"{path} is no backup of Frontdoor that this version knows.")
    if head["schema"] != HEAD:
        raise StoreError(f"{path} was made by another version (schema {head['schema']}, this code has {HEAD}). Restore it with that version, then update.")
    if head["key"] != store.cipher.fingerprint:
        raise StoreError(f"{path} was sealed with another key file. Put that key file in place (FRONTDOOR_KEY_FILE).")


async def _insert(unit: Unit, name: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        await unit.connection.execute(insert(tables.metadata.tables[name]), rows)
        rows.clear()


async def _go_on_counting(unit: Unit) -> None:
    """PostgreSQL does not notice rows that bring their own numbers."""
    for table in tables.metadata.sorted_tables:
        column = table.autoincrement_column
        if column is not None:
            await unit.connection.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), (SELECT COALESCE(MAX({column.name}), 0) + 1 FROM {table.name}), false)"  # noqa: S608 - names from our own tables
                )
            )


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return {"b": base64.b64encode(value).decode()}
        case datetime():
            return {"t": value.isoformat()}
        case UUID():
            return {"u": str(value)}
    return value


def _row(name: str, values: list[Any]) -> dict[str, Any]:
    with contextlib.suppress(KeyError, ValueError):
        columns = tables.metadata.tables[name].columns
        return {column.name: _value(value) for column, value in zip(columns, values, strict=True)}
    raise StoreError("The backup holds a table or a column that this version does not know.")


def _value(value: Any) -> Any:
    match value:
        case {"b": text_}:
            return base64.b64decode(text_)
        case {"t": text_}:
            return datetime.fromisoformat(text_)
        case {"u": text_}:
            return UUID(text_)
    return value
