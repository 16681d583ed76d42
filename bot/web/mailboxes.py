"""The way out to the web chat: a letter waits in the outbox until the page says that it stands there.

A page that is open is handed what is new at once, in order; one that comes back after its line broke is handed again whatever
it has not confirmed (it knows letters by their ids, so nobody reads one twice).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from bot.channels.webchat import CHANNEL
from storage import outbox
from storage.errors import StoreAway
from storage.records import Letter
from storage.store import Store, undisturbed

SWEEP = 1.0  # seconds between two looks for what other processes said, or what is due by now
SEEN_GATHERED = 0.25  # seconds: one commit for what was seen meanwhile
PAGES = 4  # open pages of one chat (tabs); a further one closes the oldest
MOST_SEEN = 50_000  # letters that wait to be noted as seen
SLICE = 500  # letters read at once
WAITING = 200  # letters that a page may be behind; then it must come again


class Page:
    """One open page: letters to come, in order."""

    def __init__(self) -> None:
        self._letters: asyncio.Queue[Letter | None] = asyncio.Queue()
        self.handed: set[int] = set()
        self._ended = ""
        self.is_new = True  # it has not been handed yet what waited

    def put(self, letter: Letter) -> None:
        if letter.id not in self.handed and not self._ended:
            self.handed.add(letter.id)
            self._letters.put_nowait(letter)
            if self._letters.qsize() > WAITING:
                self.end("slow")

    def end(self, why: str) -> None:
        self._ended = self._ended or why
        self._letters.put_nowait(None)

    async def next(self, patience: float) -> Letter | str | None:
        """A letter; why there will be no more; or None after `patience` seconds."""
        try:
            async with asyncio.timeout(patience):
                letter = await self._letters.get()
        except TimeoutError:
            return None
        return letter or self._ended


class Mailboxes:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._alone = store.file is not None  # SQLite has one server process: nobody else says anything in between
        self._pages: dict[str, list[Page]] = {}  # address -> its open pages, the oldest first
        self._unread: set[str] = set()  # addresses for which the outbox is to be looked at
        self._looking: set[str] = set()  # and those for which that happens just now
        self._look = asyncio.Event()
        self._seen: set[tuple[str, int]] = set()
        self._farewells: list[int] = []
        self._something_seen = asyncio.Event()

    # ---- in ----

    def take(self, letters: Sequence[Letter]) -> None:
        """Letters that were just committed."""
        for letter in letters:
            address = letter.address.address
            if letter.address.channel != CHANNEL or address not in self._pages:
                continue  # whoever opens the page finds it in the outbox
            if self._alone and address not in self._unread | self._looking:
                self._hand(letter)
            else:  # something older may wait there, said by another process or before this page was open
                self._unread.add(address)
                self._look.set()

    def _hand(self, letter: Letter) -> None:
        for page in self._pages.get(letter.address.address, ()):
            page.put(letter)
            if letter.chat_id is None and letter.id not in self._farewells:  # its chat is gone, so nobody can confirm it
                self._farewells.append(letter.id)
                self._something_seen.set()

    # ---- out ----

    @contextmanager
    def opened(self, address: str) -> Iterator[Page]:
        """A page that somebody has open, first with all that waits for it."""
        page, pages = Page(), self._pages.setdefault(address, [])
        pages.append(page)
        if len(pages) > PAGES:
            pages.pop(0).end("elsewhere")
        self._unread.add(address)
        self._look.set()
        try:
            yield page
        finally:
            if page in pages:
                pages.remove(page)
            if not pages and self._pages.get(address) is pages:
                del self._pages[address]

    def seen(self, address: str, ids: Iterable[int]) -> None:
        """The page shows them, so they are said. On disk a moment later: until then they would only be handed again."""
        if len(self._seen) < MOST_SEEN:  # the database is away; what is not noted is only handed again
            self._seen.update((address, letter_id) for letter_id in ids)
        if self._seen:
            self._something_seen.set()

    def end(self, address: str, why: str) -> None:
        """The session is over: every page of it is told."""
        for page in self._pages.get(address, ()):
            page.end(why)

    # ---- living ----

    async def run(self) -> None:
        """Until cancelled; then every page is let go (it comes again), and what was seen is written down."""
        tasks = [asyncio.create_task(self._keep_looking()), asyncio.create_task(self._keep_writing())]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for address in self._pages:
                self.end(address, "restart")
            with suppress(StoreAway):
                await asyncio.shield(undisturbed(self._write()))

    async def _keep_looking(self) -> None:
        loop = asyncio.get_running_loop()
        all_looked_at = loop.time()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(all_looked_at + SWEEP):
                    await self._look.wait()
            self._look.clear()
            if loop.time() >= all_looked_at + SWEEP:
                self._unread.update(self._pages)
                all_looked_at = loop.time()
            self._looking, self._unread = self._unread & self._pages.keys(), set()
            try:
                letters = await undisturbed(self._waiting(self._looking)) if self._looking else []
            except StoreAway:
                self._unread |= self._looking
                letters = []
                await asyncio.sleep(SWEEP)
            self._looking = set()
            for letter in letters:
                self._hand(letter)

    async def _waiting(self, addresses: set[str]) -> list[Letter]:
        """What waits there and was not handed to every page yet. Raises StoreAway."""
        async with self._store.read() as unit:
            ids = await outbox.waiting(unit, CHANNEL, addresses)
            pages = [page for address in addresses for page in self._pages.get(address, ())]
            known = set() if any(page.is_new for page in pages) else {letter_id for page in pages for letter_id in page.handed}
            wanted = [each for each in ids if each not in known]
            letters = [letter for at in range(0, len(wanted), SLICE) for letter in await outbox.read(unit, wanted[at : at + SLICE])]
        for page in pages:
            page.is_new = False
        if damaged := {*wanted} - {letter.id for letter in letters}:
            await self.give_up(damaged, "damaged")
        return [letter for letter in letters if (letter.address.address, letter.id) not in self._seen]

    async def give_up(self, ids: Iterable[int], reason: str) -> None:
        """Nobody can be shown these, now or later. Raises StoreAway."""

        async def once() -> None:
            async with self._store.begin() as unit:
                for letter_id in ids:
                    await outbox.failed(unit, letter_id, reason)

        await undisturbed(once())

    async def _keep_writing(self) -> None:
        while True:
            await self._something_seen.wait()
            await asyncio.sleep(SEEN_GATHERED)
            try:
                await undisturbed(self._write())
            except StoreAway:
                await asyncio.sleep(1)

    async def _write(self) -> None:
        seen, farewells = self._seen, self._farewells
        self._seen, self._farewells = set(), []
        self._something_seen.clear()
        if not (seen or farewells):
            return
        try:
            async with self._store.begin() as unit:
                await outbox.seen(unit, CHANNEL, seen)
                await outbox.sent(unit, farewells)
        except BaseException:
            self._seen |= seen
            self._farewells += farewells
            self._something_seen.set()
            raise
