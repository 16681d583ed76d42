"""A Telegram bot over any driver: receive (commit first, confirm afterwards), send, introduce itself."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from bot.channels import telegram
from bot.errors import FrontdoorError, SendError
from bot.logs import Code
from bot.messages import Incoming, Outgoing
from storage.errors import StoreAway

log = logging.getLogger(__name__)

LONG_POLL = 25  # seconds; Telegram allows 50
CHUNK = 65536  # bytes of a file at a time
LONGEST_WAIT = 30.0  # seconds between two tries while something is away


class Refused(Exception):
    """The Bot API said no: HTTP status, description, seconds to wait."""

    def __init__(self, status: int, description: str, retry_after: float | None = None) -> None:
        super().__init__(status)  # never the description: it may quote what was sent
        self.status, self.description, self.retry_after = status, description, retry_after

    @property
    def meaning(self) -> SendError:
        return telegram.classify(self.status, self.description, self.retry_after)


def result_of(status: int, content: str) -> Any:
    """What the server's answer holds, as plain JSON. A library's typed result must not come between: one update that it can't
    parse would block all behind it (TRUST.md, 3), a sent message that comes back in a new shape would be sent for ever; and
    its exceptions forget the status. Raises SendError or Refused."""
    try:
        told = json.loads(content)
        accepted, description = told["ok"], str(told.get("description") or "")
    except (ValueError, TypeError, KeyError, RecursionError):
        if status == 413:
            raise Refused(413, "") from None  # a proxy's page; the same again would be as large
        raise SendError("unreachable") from None
    if accepted is not True or status >= 300:
        raise Refused(status, description, (told.get("parameters") or {}).get("retry_after"))
    return told.get("result")


def check_token(token: str) -> str:
    """Raises FrontdoorError for what can't be a token."""
    if not re.fullmatch(r"\d{1,20}:[A-Za-z0-9_-]{3,}", token):
        raise FrontdoorError("FRONTDOOR_TELEGRAM_TOKEN has not the shape of a token (digits, colon, letters). Copy it again from @BotFather.")
    return token


_PATH = re.compile(r"[\w-][\w./-]{0,300}", re.ASCII)  # what getFile may name: below the bot's own address


def failed_download(status: int) -> SendError:
    """What it means that a file's address answers so."""
    return SendError("bad-request" if 400 <= status < 500 and status != 429 else "server")


class Driver(Protocol):
    """What a library must do for us."""

    async def fetch(self, offset: int | None, timeout: int) -> list[dict[str, Any]]:
        """Raw updates, not yet confirmed."""

    async def call(self, method: str, parameters: dict[str, Any]) -> Any:
        """Any method of the Bot API. Raises SendError (unreachable) or Refused."""

    async def download(self, path: str, most: int) -> bytes:
        """A file that getFile named, at most so many bytes. Raises SendError (too-large; bad-request: it is gone; unreachable)."""

    async def close(self) -> None: ...


_BAD_TOKEN = "Telegram refuses the token in FRONTDOOR_TELEGRAM_TOKEN. Copy it again from @BotFather (/mybots, API Token)."  # noqa: S105 - a sentence


class TelegramBot:
    def __init__(self, driver: Driver, bot_id: str, pictures: Callable[[str], bytes | None] = lambda _: None) -> None:
        """`pictures`: name -> JPEG, if there is one."""
        self._driver, self._id, self._pictures = driver, bot_id, pictures
        self._name: str | None = None
        self._receipts: set[asyncio.Task[None]] = set()

    async def introduce(self, commands: Mapping[str | None, Mapping[str, str]], webhook: tuple[str, str] | None = None) -> None:
        """Ask who we are, say where updates go (`webhook`: address and secret; else they are fetched), and register the
        commands per language (two-letter codes only; None: everybody else). Waits for Telegram if it can't be reached; raises
        FrontdoorError when the token or the webhook is refused."""
        await self.ask_name()
        if webhook:
            url, secret = webhook
            where = {"url": url, "secret_token": secret, "allowed_updates": telegram.ALLOWED_UPDATES, "max_connections": 40}
            await self._insist("setWebhook", where, "Telegram refuses the webhook; FRONTDOOR_PUBLIC_URL must be https and reachable from outside.")
        else:
            await self._insist("deleteWebhook", {}, _BAD_TOKEN)  # one that was left would keep every update from us
        for language, names in commands.items():
            parameters = {"commands": telegram.commands(names), **({"language_code": language} if language else {})}
            await self._try("setMyCommands", parameters)

    async def ask_name(self) -> str:
        """Waits for Telegram if it can't be reached. Raises FrontdoorError when the token is refused."""
        self._name = (await self._insist("getMe", {}, _BAD_TOKEN)).get("username")
        return self._name or ""

    @property
    def name(self) -> str:
        """How it is called at Telegram, without the @; "" before it introduced itself."""
        return self._name or ""

    async def _insist(self, method: str, parameters: dict[str, Any], refused: str) -> Any:
        """Until Telegram can be reached. Raises FrontdoorError with `refused`."""
        wait = 0.5
        while True:
            try:
                return await self._driver.call(method, parameters)
            except (Refused, SendError) as error:
                meaning = error.meaning if isinstance(error, Refused) else error
                if meaning.reason == "unauthorised":
                    raise FrontdoorError(_BAD_TOKEN) from error
                if meaning.reason in SendError.REFUSED:
                    raise FrontdoorError(refused) from error
                log.warning("Telegram can't be reached: %s; trying again", Code(meaning.reason))
                await asyncio.sleep(meaning.retry_after or wait)
                wait = min(wait * 2, LONGEST_WAIT)

    async def _try(self, method: str, parameters: dict[str, Any]) -> None:
        """What is good to have, and no reason not to start."""
        try:
            await self._driver.call(method, parameters)
        except (Refused, SendError) as error:
            meaning = error.meaning if isinstance(error, Refused) else error
            log.warning("%s was refused: %s", Code(method), Code(meaning.reason))

    async def receive(self, handle: Callable[[Sequence[Incoming]], Awaitable[object]], may: Callable[[], bool] = lambda: True) -> None:
        """For ever: fetch, commit, and only then confirm (by asking for what comes after). `may`: is it our turn to poll?"""
        offset, wait = None, 0.5
        while True:
            if not may():
                await asyncio.sleep(0.5)
                continue
            try:
                raw = await self._driver.fetch(offset, LONG_POLL)
                wait = 0.5
            except (Refused, SendError) as error:
                meaning = error.meaning if isinstance(error, Refused) else error
                log.warning("Telegram can't be asked for updates: %s", Code(meaning.reason))
                await asyncio.sleep(meaning.retry_after or wait)
                wait = min(wait * 2, LONGEST_WAIT)
                continue
            if raw:
                offset = await self._take_in(raw, handle)

    async def _take_in(self, raw: list[dict[str, Any]], handle: Callable[[Sequence[Incoming]], Awaitable[object]]) -> int:
        batch = [incoming for update in raw if (incoming := telegram.read_update(update, self._id))]
        wait = 0.1
        while True:
            try:
                await handle(batch)
                break
            except StoreAway:  # nothing is confirmed, so nothing can be lost
                log.warning("the database is away; %s updates wait", len(batch))
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)
        for update in raw:
            self._acknowledge(update)
        return max(int(update["update_id"]) for update in raw) + 1

    async def hand_in(self, update: dict[str, Any], take_in: Callable[[Incoming], Awaitable[object]]) -> None:
        """One update that came by webhook; returning confirms it. Raises what `take_in` raises."""
        if incoming := telegram.read_update(update, self._id):
            await take_in(incoming)
        self._acknowledge(update)

    def _acknowledge(self, update: dict[str, Any]) -> None:
        """Best effort, if it was a press: the button stops spinning. Nothing depends on it."""
        query = telegram.receipt(update)
        if query is None:
            return

        async def answer() -> None:
            try:
                await self._driver.call("answerCallbackQuery", {"callback_query_id": query})
            except (Refused, SendError):
                log.debug("a press could not be acknowledged")

        task = asyncio.create_task(answer())
        self._receipts.add(task)
        task.add_done_callback(self._receipts.discard)

    async def send(self, outgoing: Outgoing) -> None:
        """Raises SendError."""
        for number, (method, parameters) in enumerate(telegram.write(outgoing, self._name, self._pictures(outgoing.picture))):
            if number < outgoing.taken:
                continue
            try:
                await self._driver.call(method, parameters)
            except SendError as error:
                error.taken = number
                raise
            except Refused as error:
                if telegram.is_fine(error.description) or (method == "sendPhoto" and error.meaning.reason in {"bad-request", "too-large"}):
                    continue  # a picture that Telegram does not take must not keep the question from anybody
                if method == "editMessageText" and telegram.cannot_edit(error.description):
                    await self.send(replace(outgoing, replaces=""))
                    return
                meaning = error.meaning
                meaning.taken = number
                raise meaning from error

    async def fetch(self, reference: str, most: int) -> bytes:
        """A file that somebody sent. Raises SendError (too-large; bad-request: it is gone)."""
        try:
            told = await self._driver.call("getFile", {"file_id": reference})
        except Refused as error:
            raise error.meaning from error
        path = told.get("file_path") if isinstance(told, dict) else None
        if not isinstance(path, str) or not _PATH.fullmatch(path) or ".." in path:
            raise SendError("bad-request")
        if int(told.get("file_size") or 0) > most:
            raise SendError("too-large")
        return await self._driver.download(path, most)

    async def close(self) -> None:
        for task in self._receipts:
            task.cancel()
        await asyncio.gather(*self._receipts, return_exceptions=True)
        await self._driver.close()
