"""The terminal: talk to the bot without any token. Buttons have numbers; #1 presses the first one, and 1 too where no words are asked for."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import count
from typing import TextIO
from uuid import uuid4

from bot.messages import Choice, Incoming, Kind, Outgoing, clean, read_button, read_words
from storage.errors import StoreAway
from storage.records import Address

CHANNEL = "terminal"


class Terminal:
    def __init__(self, out: TextIO | None = None, address: str = "here", language_hint: str = "") -> None:
        self._out, self._address, self._hint = out or sys.stdout, Address(CHANNEL, address), language_hint
        self._session, self._numbers = uuid4().hex, count()
        self._choices: tuple[Choice, ...] = ()
        self._typing = False

    def read(self, line: str, key: str | None = None) -> Incoming | None:
        """One line; None for an empty one. The same `key` is the same update."""
        key = key or f"{self._session}/{next(self._numbers)}"
        text = clean(line)
        if not text:
            return None
        number = re.fullmatch(r"#(\d{1,3})", text) or (None if self._typing else re.fullmatch(r"(\d{1,3})", text))
        if number and 0 < int(number[1]) <= len(self._choices):
            return self._incoming(key, *read_button(self._choices[int(number[1]) - 1].data))
        return self._incoming(key, *read_words(text))

    def _incoming(self, key: str, kind: Kind, value: str, argument: str = "", prompt: int = 0) -> Incoming:
        return Incoming(CHANNEL, key, kind, value, argument, prompt, self._address, self._hint)

    async def send(self, outgoing: Outgoing) -> None:
        """Prints; a terminal takes everything."""
        if outgoing.rows or outgoing.typing:  # a question; what is only said leaves the last one as it is
            self._choices, self._typing = tuple(choice for row in outgoing.rows for choice in row), outgoing.typing
        print("\n" + "\n".join(self._page(outgoing)), file=self._out, flush=True)

    def _page(self, outgoing: Outgoing) -> Iterator[str]:
        if outgoing.picture:
            yield f"[{outgoing.picture}.jpg]"
        yield outgoing.text  # and no calendar: it would be forty lines, and here one types anyway
        for number, choice in enumerate((choice for row in outgoing.rows for choice in row), 1):
            yield f"  #{number}  {choice.label}"
        if outgoing.document:
            name, content = outgoing.document
            yield f"  [{name}]\n{content}" if isinstance(content, str) else f"  [{name}, {len(content)} bytes]"

    async def receive(self, handle: Callable[[Sequence[Incoming]], Awaitable[None]], source: TextIO | None = None) -> None:
        """Until the end of the input (Ctrl-D)."""
        lines = _lines(source or sys.stdin)
        while (line := await lines.get()) is not None:
            incoming = self.read(line)
            while incoming:
                try:
                    await handle([incoming])
                    break
                except StoreAway:
                    print("(the database is away; your message waits)", file=self._out, flush=True)
                    await asyncio.sleep(1)


def _lines(source: TextIO) -> asyncio.Queue[str | None]:
    """Lines from a thread of their own: a blocked read must not keep the process from ending."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[str | None]()

    def pump() -> None:
        for line in source:
            loop.call_soon_threadsafe(queue.put_nowait, line)
        loop.call_soon_threadsafe(queue.put_nowait, None)

    threading.Thread(target=pump, daemon=True, name="terminal").start()
    return queue
