"""Files that were asked for: fetched, cleaned, and handed to intake like anything else that comes in. Outside of any
transaction; the letter that asks for it stays in the outbox until its outcome is committed, so a crash fetches it again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from bot import pictures
from bot.errors import SendError
from bot.messages import Incoming, Kind
from storage.errors import StoreAway
from storage.records import Letter

SOURCE = "files"
LONGEST_CLEANING = 10.0  # seconds; a photo of 40 million pixels takes one
ENOUGH_TRIES = 4  # then they are asked to send it again: whatever else is to be said in that chat waits meanwhile


class Fetches(Protocol):
    """A channel where files can be sent."""

    async def fetch(self, reference: str, most: int) -> bytes:
        """At most `most` bytes. Raises SendError (too-large; bad-request: it is gone)."""


class Fetcher:
    def __init__(self, channel: Fetches, take_in: Callable[[Sequence[Incoming]], Awaitable[object]]) -> None:
        """`take_in` returns when it is committed. Raises StoreAway."""
        self._channel, self._take_in = channel, take_in
        self._one_at_a_time = asyncio.Semaphore(1)  # a decoder may take 200 MB

    async def bring(self, letter: Letter) -> None:
        """What a letter with `fetch` asks for; or why it can't be had. Returns when that is committed; a second time changes
        nothing. Raises SendError: again, later."""
        wanted = letter.content["fetch"]
        content, fault = b"", ""
        try:
            content = await self._cleaned(await self._channel.fetch(wanted["file"], wanted["most"]), wanted["most"])
        except pictures.BadPicture as error:
            fault = error.reason
        except SendError as error:
            fault = _fault(error, letter.tries)
        told = Incoming(SOURCE, str(letter.id), Kind.FETCHED, fault, wanted["person"], wanted["prompt"], letter.address, content=content)
        try:
            await self._take_in([told])
        except StoreAway:
            raise SendError("unreachable") from None

    async def _cleaned(self, data: bytes, most: int) -> bytes:
        async with self._one_at_a_time:
            try:
                return await asyncio.wait_for(asyncio.to_thread(pictures.clean, data, most), LONGEST_CLEANING)
            except TimeoutError:
                raise pictures.BadPicture("broken") from None


def _fault(error: SendError, tries: int) -> str:
    """What the person is told. Raises SendError: again, later."""
    if error.reason == "too-large":
        return "too-big"
    if error.reason == "bad-request" or (error.reason in {"server", "unreachable"} and tries >= ENOUGH_TRIES):
        return "gone"
    raise error
