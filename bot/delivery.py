"""The one way out: letters of the outbox, in words, to their channel; in order per chat, within the limits, until they are through.

Replies are marked after they were sent: none is missed, and a crash can at most repeat those in flight. (The Bot API has no
idempotency key, so "exactly once" can't be had.)
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Protocol

from bot.errors import SendError
from bot.letters import is_too_late, word
from bot.logs import Code
from bot.messages import Outgoing
from storage import chats, outbox
from storage.errors import StoreAway
from storage.lease import Lease
from storage.records import Address, Letter
from storage.store import Store, Unit, undisturbed
from translations.words import Words

log = logging.getLogger(__name__)

BURST, REFILL = 5, 1.0  # replies to one chat at once, and seconds until one more: Telegram tolerates short bursts, then about 1/s
ENOUGH_TRIES = 5  # "server error" to one letter while others got through: it is the letter
TOO_MANY_TRIES = 30  # and when nothing gets through (half an hour of them): it may still be the letter
LONGEST_WAIT = 60.0  # seconds between two tries
SWEEP = 1.0  # seconds between two looks for letters that are due, or that a crash left behind
PAGE = 500  # letters read at once
MARKS_GATHERED = 0.05  # seconds: one commit for what was sent meanwhile
GRACE = 4.0  # seconds for what is in flight when we are asked to stop


class Channel(Protocol):
    """What a channel must do: carry one message, or say how it failed."""

    async def send(self, outgoing: Outgoing) -> None:
        """Raises SendError."""


@dataclass(slots=True, eq=False)
class _Lane:
    """One chat's letters, in order. Others never wait for it."""

    letters: deque[Letter] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None
    next_free: float = 0.0  # the bucket, as the moment at which it would be full again
    taken: int = 0  # of the first letter: requests that were taken before one was refused
    through: int = 0  # letters of the whole channel that were through when this lane's first one was last sent anew


class Delivery:
    def __init__(
        self,
        store: Store,
        words: Words,
        channels: Mapping[str, Channel],
        *,
        limits: bool = True,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        leases: Mapping[str, Lease] | None = None,
        bring: Callable[[Letter], Awaitable[None]] | None = None,
    ) -> None:
        """`clock` in seconds, monotonic; it and `sleep` are injected by tests. `leases`: who may send on a channel (default: we).
        `bring`: does what a letter asks that is not said but fetches a file."""
        self._store, self._words, self._channels, self._limits = store, words, channels, limits
        self._clock, self._sleep, self._leases = clock or asyncio.get_running_loop().time, sleep, leases or {}
        self._bring = bring
        self._lanes: dict[Address, _Lane] = {}
        self._held: set[int] = set()  # letters in our hands: sent ones too, until that is on disk
        self._over: set[int] = set()  # let go since the last sweep began: what it read before may still hold them
        self._sent: list[int] = []
        self._something_sent = asyncio.Event()
        self._paused: dict[str, float] = {}  # channel -> until when
        self._ours = {channel for channel in channels if channel not in self._leases}
        self._new = set(self._ours)  # just come into our hands: what were they told before?
        self._through: Counter[str] = Counter()  # channel -> letters that got through
        self._sweeping = asyncio.Lock()
        self._alone = store.file is not None  # SQLite has one server process: nobody else says anything in between
        self._unread: set[Address] = set()  # chats for which the outbox is to be looked at
        self._looking: set[Address] = set()  # and those for which that happens just now
        self._look = asyncio.Event()
        self._stopping = False

    # ---- in ----

    def take(self, letters: Sequence[Letter]) -> None:
        """Letters that were just committed. Where other processes commit too, something older may wait in the outbox for the same
        chat: then they are found there, in order."""
        for letter in letters:
            if self._alone or letter.address.channel not in self._leases:
                self._line_up([letter])
            elif letter.address.channel in self._ours:
                self._unread.add(letter.address)
                self._look.set()

    def _line_up(self, letters: Sequence[Letter]) -> None:
        for letter in letters:
            channel = letter.address.channel
            if letter.id in self._held or letter.id in self._over or channel not in self._ours or self._stopping:
                continue  # whoever may send finds it in the outbox
            self._held.add(letter.id)
            lane = self._lanes.setdefault(letter.address, _Lane())
            self._drop_older_edit(lane, letter)
            lane.letters.append(letter)
            if lane.task is None:
                lane.task = asyncio.create_task(self._run_lane(letter.address, lane))

    def _drop_older_edit(self, lane: _Lane, letter: Letter) -> None:
        """Three toggles in a row need one edit: the last."""
        replaces = letter.content.get("replaces")
        if not replaces:
            return
        in_flight = lane.letters[0] if lane.letters and lane.task else None
        for older in [each for each in lane.letters if each.content.get("replaces") == replaces and each is not in_flight]:
            lane.letters.remove(older)
            self._mark(older)

    # ---- out ----

    async def _run_lane(self, address: Address, lane: _Lane) -> None:
        try:
            while lane.letters and not self._stopping and address.channel in self._ours:
                await self._wait_for_turn(address.channel, lane)
                if address.channel in self._ours:
                    await self._send(lane, lane.letters[0])
        finally:  # whatever is left (another process sends now, or we broke down) is in the outbox, and found there
            lane.task = None
            self._held.difference_update(letter.id for letter in lane.letters)
            lane.letters.clear()

    def _forget_quiet_lanes(self) -> None:
        """A lane outlives its letters until its bucket is full: or who presses fast would get a new bucket with each press."""
        now = self._clock()
        for address in [each for each, lane in self._lanes.items() if not lane.letters and lane.task is None and lane.next_free <= now]:
            del self._lanes[address]

    async def _wait_for_turn(self, channel: str, lane: _Lane) -> None:
        while (wait := max(self._paused.get(channel, 0), lane.next_free - (BURST - 1) * REFILL) - self._clock()) > 0:
            await self._sleep(wait)  # and look again: somebody else may have been told to be silent meanwhile
        if self._limits:
            lane.next_free = max(lane.next_free, self._clock()) + REFILL

    async def _send(self, lane: _Lane, letter: Letter) -> None:
        channel = letter.address.channel
        if is_too_late(letter, self._store.clock):
            await self._give_up(lane, letter, "too-late")
            return
        try:
            if self._bring and "fetch" in letter.content:
                await self._bring(letter)
            else:
                await self._channels[channel].send(replace(word(letter, self._words), taken=lane.taken))
        except SendError as error:
            lane.taken = max(lane.taken, error.taken)
            await self._refused(lane, letter, error)
        except Exception as error:  # our own fault (a fact of an unknown shape, ...): this letter must not block those behind it
            log.exception("letter %s could not be put into words", letter.id, exc_info=error)
            await self._give_up(lane, letter, "bad-request")
        else:
            lane.letters.popleft()
            lane.taken = 0
            self._through[channel] += 1
            self._mark(letter)

    async def _refused(self, lane: _Lane, letter: Letter, error: SendError) -> None:
        log.info("letter %s was not taken: %s", letter.id, Code(error.reason))
        channel = letter.address.channel
        if error.reason in SendError.GONE:
            await self._close(lane, letter, error.reason)
        elif error.reason in SendError.REFUSED:
            await self._give_up(lane, letter, error.reason)
        elif error.reason == "unauthorised":
            self._paused[channel] = self._clock() + LONGEST_WAIT  # until an operator mends the token, and starts anew
        elif error.retry_after is not None:
            await self._pause(channel, error.retry_after)
        else:
            tries = letter.tries + 1
            lane.through = self._through[channel] if tries == 1 else lane.through
            alone = self._through[channel] > lane.through
            if error.reason == "server" and tries >= (ENOUGH_TRIES if alone else TOO_MANY_TRIES):
                await self._give_up(lane, letter, error.reason)
            else:
                lane.letters[0] = replace(letter, tries=tries)
                await self._sleep(min(2.0 ** min(tries, 10) / 2, LONGEST_WAIT))

    async def _pause(self, channel: str, seconds: float) -> None:
        """Silence for everything that shares this bot, over a restart too."""
        self._paused[channel] = max(self._paused.get(channel, 0), self._clock() + seconds)
        await self._on_disk(lambda unit: outbox.pause(unit, channel, unit.now + timedelta(seconds=seconds)))

    async def _give_up(self, lane: _Lane, letter: Letter, reason: str) -> None:
        lane.letters.popleft()
        lane.taken = 0
        await self._on_disk(lambda unit: outbox.failed(unit, letter.id, reason))
        self._let_go([letter.id])

    async def _close(self, lane: _Lane, letter: Letter, reason: str) -> None:
        """Nothing more can be said here, until they write again."""
        ids = [each.id for each in lane.letters]
        lane.letters.clear()
        lane.taken = 0

        async def close(unit: Unit) -> None:
            await outbox.sent(unit, ids)
            if letter.chat_id is not None:
                await outbox.drop_for(unit, letter.chat_id)
                await chats.mark_unreachable(unit, letter.chat_id, reason)

        await self._on_disk(close)
        self._let_go(ids)

    def _let_go(self, ids: Sequence[int]) -> None:
        self._held.difference_update(ids)
        self._over.update(ids)

    # ---- marking ----

    def _mark(self, letter: Letter) -> None:
        self._sent.append(letter.id)
        self._something_sent.set()

    async def _on_disk(self, work: Callable[[Unit], Awaitable[None]]) -> None:
        """Until it is."""

        async def once() -> None:
            async with self._store.begin() as unit:
                await work(unit)

        wait = 0.1
        while True:
            try:
                return await undisturbed(once())
            except StoreAway:
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)

    async def _write_marks(self) -> None:
        ids, self._sent = self._sent, []
        self._something_sent.clear()
        try:
            async with self._store.begin() as unit:
                await outbox.sent(unit, ids)
        except BaseException:
            self._sent = ids + self._sent
            self._something_sent.set()
            raise
        self._let_go(ids)

    async def _keep_marking(self) -> None:
        while True:
            await self._something_sent.wait()
            await asyncio.sleep(MARKS_GATHERED)
            try:
                await undisturbed(self._write_marks())
            except StoreAway:
                await asyncio.sleep(1)

    # ---- living ----

    async def run(self) -> None:
        """Until cancelled; then what is in flight is finished, and what was sent is written down."""
        tasks = [asyncio.create_task(keep()) for keep in (self._keep_marking, self._keep_sweeping, self._keep_looking)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.shield(self._stop())

    async def _keep_sweeping(self) -> None:
        while True:
            try:
                await undisturbed(self.sweep())
            except StoreAway:
                log.warning("the database is away; letters wait")
            await asyncio.sleep(SWEEP)

    async def sweep(self) -> None:
        """Take up whatever is due and in nobody's hands. Raises StoreAway."""
        async with self._sweeping:
            self._forget_quiet_lanes()
            self._over.clear()
            leased = {channel for channel, lease in self._leases.items() if await lease.take()}
            self._ours -= self._leases.keys() - leased
            gained = leased - self._ours
            async with self._store.read() as unit:
                if self._new | gained:
                    self._obey(await outbox.pauses(unit), self._new | gained)
                ids = [each for each in await outbox.due(unit, self._ours | gained) if each not in self._held]
                letters = [letter for at in range(0, len(ids), PAGE) for letter in await outbox.read(unit, ids[at : at + PAGE])]
            for damaged in {*ids} - {letter.id for letter in letters}:  # or erased a moment ago, then this does nothing
                await self._on_disk(partial(outbox.failed, letter_id=damaged, reason="damaged"))
            self._new = set()
            self._ours |= gained  # only now: what others left unsaid comes before what is said next
            self._line_up(letters)

    async def _keep_looking(self) -> None:
        while True:
            await self._look.wait()
            self._look.clear()
            try:
                await undisturbed(self._look_up())
            except StoreAway:
                log.warning("the database is away; letters wait")  # for the sweep

    async def _look_up(self) -> None:
        """Whatever waits in the chats of letters that were just committed. Raises StoreAway."""
        async with self._sweeping:
            self._looking, self._unread = self._unread, set()
            self._over.clear()
            try:
                async with self._store.read() as unit:
                    found: set[int] = set()
                    for channel in {where.channel for where in self._looking}:
                        found.update(await outbox.waiting(unit, channel, {where.address for where in self._looking if where.channel == channel}))
                    letters = await outbox.read(unit, sorted(found - self._held))
                self._line_up(letters)
            finally:
                self._looking = set()

    def _obey(self, pauses: Mapping[str, float], channels: Collection[str]) -> None:
        """The silence that a channel asked of whoever had it before us."""
        for channel in set(channels) & pauses.keys():
            self._paused[channel] = max(self._paused.get(channel, 0), self._clock() + pauses[channel])

    async def _stop(self) -> None:
        self._stopping = True
        tasks = [lane.task for lane in self._lanes.values() if lane.task]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._sent:
            with suppress(StoreAway):
                await self._write_marks()

    def may_send(self) -> bool:
        """Is this process the one that sends (and polls)?"""
        return bool(self._ours)

    def is_idle(self) -> bool:
        """Is everything said that we were given to say?"""
        return not (self._unread or self._looking or any(lane.letters or lane.task for lane in self._lanes.values()))
