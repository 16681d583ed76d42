"""Updates that arrive one by one (webhooks) become batches: whatever queued while the last commit ran, no timer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

from bot.messages import Incoming
from storage.errors import StoreAway

LARGEST = 100  # updates in one commit
WAITING = 1_000  # updates that may wait; then the sender is told to come again


class Full(Exception):
    """Too much waits already, or we are about to stop: the sender must come again."""


_Waiting = tuple[Incoming, asyncio.Future[bool]]


class Batches:
    def __init__(self, handle: Callable[[Sequence[Incoming]], Awaitable[Collection[tuple[str, str]]]]) -> None:
        self._handle = handle
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(WAITING)
        self._draining = False

    async def take_in(self, incoming: Incoming) -> bool:
        """Returning means that it is on disk; was it new? Who stops waiting (a dropped connection) stops nothing. Raises Full, StoreAway."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self._draining:
            raise Full
        try:
            self._queue.put_nowait((incoming, done))
        except asyncio.QueueFull:
            raise Full from None
        return await asyncio.shield(done)

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

    async def _commit(self, batch: list[_Waiting]) -> None:
        try:
            fresh = await self._handle([incoming for incoming, _ in batch])
        except asyncio.CancelledError:
            self._settle(batch, None)  # handle() commits before it lets itself be cancelled
            raise
        except StoreAway as error:
            self._settle(batch, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the sender must come again
            self._settle(batch, StoreAway(type(error).__name__))
        else:
            self._settle(batch, None, fresh)

    def _settle(self, batch: list[_Waiting], error: Exception | None, fresh: Collection[tuple[str, str]] | None = None) -> None:
        for incoming, done in batch:
            if not done.done():
                done.set_exception(error) if error else done.set_result(fresh is None or (incoming.source, incoming.key) in fresh)
            if error and not done.cancelled():
                done.exception()  # looked at: who waited may be gone
