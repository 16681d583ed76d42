"""What is due by itself (a reminder, a question after half a year): found here, done by intake like everything else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from bot.effects import calls, nudges
from bot.effects.due import due as events_due
from bot.messages import Incoming
from bot.settings import Programme
from storage.errors import StoreAway
from storage.lease import Lease
from storage.store import Store, Unit, undisturbed

log = logging.getLogger(__name__)

EVERY = 60.0  # seconds
BATCH = 100  # acts in one commit
Due = Callable[[Unit, Programme], Awaitable[list[Incoming]]]  # acts whose time has come; each key once
DUE: tuple[Due, ...] = (nudges.half_way_due, nudges.still_looking_due, nudges.pause_due, calls.due, events_due)


class Clock:
    def __init__(
        self,
        store: Store,
        handle: Callable[[Sequence[Incoming]], Awaitable[object]],
        programme: Programme,
        *,
        lease: Lease | None = None,
        due: Sequence[Due] = DUE,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`handle`: intake's. `lease`: one process need do this; twice does no harm, for an act has a key."""
        self._store, self._handle, self._programme = store, handle, programme
        self._lease, self._due, self._sleep = lease, due, sleep

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                if self._lease is None or await undisturbed(self._lease.take()):
                    await self.tick()
            except StoreAway:
                log.warning("the database is away; what is due waits")
            await self._sleep(EVERY)

    async def tick(self) -> None:
        """Whatever is due now. Raises StoreAway."""
        for due in self._due:
            try:
                acts = await undisturbed(self._look(due))
            except StoreAway:
                raise
            except Exception:  # one of them is broken: the others, and the bot, go on
                log.exception("what is due could not be looked up")
                continue
            for at in range(0, len(acts), BATCH):
                await self._handle(acts[at : at + BATCH])

    async def _look(self, due: Due) -> list[Incoming]:
        async with self._store.read() as unit:
            return await due(unit, self._programme)
