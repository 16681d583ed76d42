"""Only one process may do certain things at a time (send for a bot, poll for a bot): it holds the lease until it ends."""

from __future__ import annotations

import hashlib
import os
from types import TracebackType
from typing import Self

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.connect import is_passing
from storage.store import Store


class Lease:
    """On PostgreSQL an advisory lock on a connection of its own; on SQLite a lock on a file beside the database. Both end
    with the process, however it ends."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name
        self._connection: AsyncConnection | None = None
        self._file: int | None = None

    async def take(self) -> bool:
        """Is it ours (from now on, or still)? False: another process has it, or the database is away."""
        if self._store.file:
            return self._lock_file()
        try:
            if self._connection is None:
                connection = await self._store.engine.connect()
                self._connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
                taken = (await self._connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": self._key})).scalar()
                if not taken:
                    await self.leave()
                return bool(taken)
            await self._connection.execute(text("SELECT 1"))  # a lock ends with its connection: is it still alive?
        except Exception as error:
            if not is_passing(error):
                raise
            await self.leave()
            return False
        return True

    async def leave(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.invalidate()  # closing the connection is what gives the lock back, whatever state it is in
            await connection.close()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.leave()

    @property
    def _key(self) -> int:
        return int.from_bytes(hashlib.sha256(f"frontdoor/{self._name}".encode()).digest()[:8], signed=True)

    def _lock_file(self) -> bool:
        if self._file is not None:
            return True
        import fcntl  # noqa: PLC0415 - POSIX only; on Windows one bot per folder is the operator's care

        file = os.open(f"{self._store.file}.{self._name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        self._file = file
        return True
