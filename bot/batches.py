"""Updates that arrive one by one (webhooks) become batches: whatever queued while the last commit ran, no timer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from bot.messages import Incoming
from storage.errors import StoreAway

LARGEST = 100  # updates in one commit
WAITING = 1_000  # updates that may wait; then the sender is told to come again


class Full(Exception):
    """Too much waits already, or we are about to stop: the sender must come again."""


class Batches:
    def __init__(self, handle: Callable[[Sequence[Incoming]], Awaitable[None]]) -> None:
        self._handle = handle
        self._queue: asyncio.Queue[tuple[Incoming, asyncio.Future[None]]] = asyncio.Queue(WAITING)
        self._draining = False

    async def take_in(self, incoming: Incoming) -> None:
        """Returning means that it is on disk. Who stops waiting (a dropped connection) stops nothing. Raises Full, StoreAway."""
        done = asyncio.get_running_loop().create_future()
        if self._draining:
            raise Full
        try:
            self._queue.put_nowait((incoming, done))
        except asyncio.QueueFull:
            raise Full from None
        await asyncio.shield(done)

    async def run(self) -> None:
        """Until cancelled; then nothing new is taken, and what is being committed is committed."""
        try:
            while True:
                batch = [await self._queue.get()]
                while len(batch) < LARGEST and not self._queue.empty():
                    batch.append(self._queue.get_nowait())
                await self._commit(batch)
        finally:
            self._draining = True
            while not self._queue.empty():
                self._settle([self._queue.get_nowait()], Full())

    async def _commit(self, batch: list[tuple[Incoming, asyncio.Future[None]]]) -> None:
        try:
            await self._handle([incoming for incoming, _ in batch])
        except asyncio.CancelledError:
            self._settle(batch, None)  # handle() commits before it lets itself be cancelled
            raise
        except StoreAway as error:
            self._settle(batch, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the sender must come again
            self._settle(batch, StoreAway(type(error).__name__))
        else:
            self._settle(batch, None)

    def _settle(self, batch: list[tuple[Incoming, asyncio.Future[None]]], error: Exception | None) -> None:
        for _, done in batch:
            if not done.done():
                done.set_exception(error) if error else done.set_result(None)
            if error and not done.cancelled():
                done.exception()  # looked at: who waited may be gone
