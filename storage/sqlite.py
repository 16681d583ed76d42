"""SQLite for an event loop: statements run where they are called, only what may wait for the disk goes to a thread.

aiosqlite sends every call through a thread and back: twelve statements of a batch are some forty hops, and each of them may wait
5 ms for Python's lock while the loop is at work. A statement inside a transaction takes microseconds; what may take long is to
begin writing while another process writes, to commit (`fsync`), and to empty the log.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

T = TypeVar("T")

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # NORMAL loses acknowledged rows at a power cut (TRUST.md, 6)
    "foreign_keys=ON",
    "secure_delete=ON",  # what is erased is overwritten
    "cache_size=-32000",
)
PATIENCE = 10_000  # milliseconds that a writer waits for one in another process


class Cursor:
    """The asynchronous face of a cursor, as SQLAlchemy's aiosqlite dialect wants it."""

    def __init__(self, connection: Connection, cursor: sqlite3.Cursor) -> None:
        self._connection, self._cursor = connection, cursor

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Self:
        if statement == "BEGIN IMMEDIATE":
            await self._begin_writing()
        elif statement.startswith("PRAGMA wal_checkpoint"):
            await in_thread(lambda: self._cursor.execute(statement))
        else:
            self._cursor.execute(statement, parameters)
        return self

    async def _begin_writing(self) -> None:
        """At once where nobody else writes; who does is waited for in a thread."""
        self._connection.is_writing = True
        self._cursor.execute("PRAGMA busy_timeout=0")
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
        else:
            return
        finally:
            self._cursor.execute(f"PRAGMA busy_timeout={PATIENCE}")
        waiting = asyncio.ensure_future(in_thread(lambda: self._cursor.execute("BEGIN IMMEDIATE")))
        try:
            await asyncio.shield(waiting)
        except asyncio.CancelledError:  # whoever no longer waits must not keep the lock that still comes
            waiting.add_done_callback(self._give_back)
            raise

    def _give_back(self, begun: asyncio.Future[Any]) -> None:
        if not begun.cancelled() and not begun.exception():
            self._connection.rollback_now()

    async def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> Self:
        self._cursor.executemany(statement, rows)
        return self

    async def fetchone(self) -> Any:
        return self._cursor.fetchone()

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        return self._cursor.fetchmany(size or self._cursor.arraysize)

    async def fetchall(self) -> list[Any]:
        return self._cursor.fetchall()

    async def close(self) -> None:
        self._cursor.close()

    def __getattr__(self, name: str) -> Any:  # description, rowcount, lastrowid, arraysize
        return getattr(self._cursor, name)


class Connection:
    """The same for a connection."""

    def __init__(self, path: str) -> None:
        """Raises sqlite3.Error."""
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=PATIENCE / 1000)
        self.is_writing = False
        for pragma in PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")

    @property
    def _conn(self) -> sqlite3.Connection:  # the dialect looks at it
        return self._connection

    isolation_level = None  # transactions are ours, not the driver's

    def cursor(self) -> Cursor:
        return Cursor(self, self._connection.cursor())

    async def execute(self, statement: str) -> Cursor:
        return await self.cursor().execute(statement)

    async def commit(self) -> None:
        if not self._connection.in_transaction:
            return
        if self.is_writing:
            await in_thread(self._connection.commit)
        else:  # it only looked
            self._connection.commit()
        self.is_writing = False

    async def rollback(self) -> None:
        self.rollback_now()

    def rollback_now(self) -> None:
        if self._connection.in_transaction:
            self._connection.rollback()
        self.is_writing = False

    async def create_function(self, name: str, arguments: int, function: Callable[..., Any], **options: Any) -> None:
        self._connection.create_function(name, arguments, function, **options)

    async def close(self) -> None:
        self.stop()

    def stop(self) -> None:
        self._connection.close()


async def open_sqlite(path: str | Path) -> Connection:
    """Raises sqlite3.Error. In a thread: the first to come may have to mend what a crash left."""
    return await in_thread(lambda: Connection(str(path)))


async def in_thread(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, work)
