"""URL -> engine: every difference between SQLite and PostgreSQL lives here."""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import Any

import psycopg
from sqlalchemy import Connection, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from storage.errors import StoreError
from storage.sqlite import open_sqlite

READING = {"frontdoor_reading": True}  # execution option: this transaction writes nothing

_SQLITE_PASSING = {5, 6, 7, 8, 10, 13, 14, 15}  # BUSY LOCKED NOMEM READONLY IOERR FULL CANTOPEN PROTOCOL
_POSTGRES_PASSING = {
    "08",
    "25",
    "40",
    "53",
    "55",
    "57",
    "58",
}  # SQLSTATE classes: connection, read-only (failover), rollback, resources, lock, operator, system


def database_url(text: str) -> URL:
    """Accepts the short forms `sqlite:///file` and `postgresql://...`. Raises StoreError."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise StoreError("FRONTDOOR_DATABASE_URL is no database address. Examples: sqlite:///var/frontdoor.db, postgresql://user@host/name") from error
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
    name = url.drivername.partition("+")[0]
    if name not in drivers:
        raise StoreError(f"FRONTDOOR_DATABASE_URL names {name!r}; this bot knows sqlite:///FILE and postgresql://...")
    if name == "sqlite" and url.database in {None, "", ":memory:"}:
        raise StoreError("FRONTDOOR_DATABASE_URL: SQLite needs a file here, as in sqlite:///var/frontdoor.db")
    return url.set(drivername=drivers[name])


def is_sqlite(engine: AsyncEngine) -> bool:
    return engine.dialect.name == "sqlite"


def connect(url: URL) -> AsyncEngine:
    """An engine whose writing transactions begin as `BEGIN IMMEDIATE` on SQLite: with the driver's default, concurrent
    turns overwrite each other without any error (TRUST.md, 6). Statement parameters never reach an error message."""
    if url.drivername.startswith("sqlite"):
        engine = create_async_engine(url, hide_parameters=True, pool_size=5, async_creator=partial(open_sqlite, str(url.database)))
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    keepalive = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"  # a vanished machine gives its lease back
    timeouts = {"connect_timeout": 5, "options": f"-c lock_timeout=15000 -c timezone=UTC {keepalive}", "tcp_user_timeout": 15000}
    return create_async_engine(url, hide_parameters=True, pool_size=10, pool_pre_ping=False, connect_args=timeouts)


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("frontdoor_reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def insert_for(engine: AsyncEngine) -> Any:
    """`insert` with `on_conflict_do_nothing` and `on_conflict_do_update`; both dialects spell it the same."""
    return sqlite.insert if is_sqlite(engine) else postgresql.insert


def is_passing(error: BaseException) -> bool:
    """Will the same again a little later do? Disconnect, deadlock, serialization failure, busy, full: yes."""
    if isinstance(error, PoolTimeout | ConnectionError | TimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    origin = error.orig
    if error.connection_invalidated:
        return True
    if isinstance(origin, sqlite3.Error):
        return getattr(origin, "sqlite_errorcode", 0) & 0xFF in _SQLITE_PASSING
    if isinstance(origin, psycopg.Error):
        return (origin.sqlstate is None and isinstance(origin, psycopg.OperationalError)) or (origin.sqlstate or "")[:2] in _POSTGRES_PASSING
    return False
