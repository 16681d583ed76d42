"""A store is an engine and its keys; a unit is one transaction's worth of work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage.connect import READING, connect, database_url, insert_for, is_passing, is_sqlite
from storage.crypto import Cipher
from storage.errors import StoreAway

T = TypeVar("T")
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Unit:
    """One transaction. The topics of this package (`chats`, `people`, `outbox`, ...) are functions over it."""

    connection: AsyncConnection
    cipher: Cipher
    insert: Any  # the dialect's own, with ON CONFLICT
    now: datetime


class Store:
    def __init__(self, engine: AsyncEngine, cipher: Cipher, clock: Clock = utc_now) -> None:
        self.engine, self.cipher, self.clock = engine, cipher, clock
        self.insert = insert_for(engine)  # with ON CONFLICT
        # SQLite has one writer. Waiting here is fair and instant; its own busy handler sleeps and polls.
        self._writing = asyncio.Lock() if is_sqlite(engine) else None
        self.unscrubbed = True  # a crash may have come between an erasure and the emptying of the log

    @classmethod
    def at(cls, url: str, cipher: Cipher, clock: Clock = utc_now) -> Store:
        """Raises StoreError. Touches nothing yet."""
        return cls(connect(database_url(url)), cipher, clock)

    @property
    def file(self) -> Path | None:
        """The SQLite file, if it is one."""
        return Path(str(self.engine.url.database)) if is_sqlite(self.engine) else None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Unit]:
        """Everything inside is committed together, or not at all. Raises StoreAway when the same again may do."""
        with _translated():
            if self._writing:
                async with self._writing, self.engine.begin() as connection:
                    yield Unit(connection, self.cipher, self.insert, self.clock())
            else:
                async with self.engine.begin() as connection:
                    yield Unit(connection, self.cipher, self.insert, self.clock())

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Unit]:
        """One consistent look; writes nothing, blocks nobody. Raises StoreAway."""
        with _translated():
            async with self.engine.connect() as connection:
                await connection.execution_options(**READING, **({} if is_sqlite(self.engine) else {"isolation_level": "REPEATABLE READ"}))
                async with connection.begin():
                    yield Unit(connection, self.cipher, self.insert, self.clock())

    async def is_reachable(self) -> bool:
        async def look() -> None:
            async with self.read() as unit:
                await unit.connection.execute(text("SELECT 1"))

        try:
            await undisturbed(look())
        except StoreAway:
            return False
        return True

    async def scrub(self) -> None:
        """After an erasure: SQLite's log still holds the old pages until it is emptied. Who reads just now (a backup, say)
        prevents it; then `unscrubbed` stays, for another try. PostgreSQL's log is its administrator's."""
        self.unscrubbed = True
        if self._writing:
            with suppress(StoreAway), _translated():
                async with self._writing, self.engine.connect() as connection:
                    self.unscrubbed = not await _empty_log(connection)
        else:
            self.unscrubbed = False

    async def close(self) -> None:
        await self.engine.dispose()


async def _empty_log(connection: AsyncConnection) -> bool:
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver  # noqa: S101 - a live connection has one
    await driver.execute("PRAGMA busy_timeout=100")  # nobody else may wait long for this
    try:
        row = await (await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")).fetchone()
    finally:
        await driver.execute("PRAGMA busy_timeout=10000")
    return bool(row and row[0] == 0)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if is_passing(error):
            raise StoreAway(type(error).__name__) from error
        raise


def new_id(now: datetime, randomness: Callable[[int], bytes]) -> UUID:
    """A UUID of version 7 (RFC 9562): the time in milliseconds, then randomness."""
    milliseconds = int(now.timestamp() * 1000)
    value = int.from_bytes(milliseconds.to_bytes(6) + randomness(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


async def undisturbed(work: Coroutine[Any, Any, T]) -> T:
    """Finish what touches the database, and only then be cancelled: a driver that is cancelled half-way leaves a connection,
    and with SQLite a thread, that keeps the process from ending."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:  # once or many times: later
            cancelled = True
    if cancelled:
        if not task.cancelled():
            task.exception()  # looked at, so that nobody warns of it
        raise asyncio.CancelledError
    return task.result()
