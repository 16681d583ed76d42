"""A person at a door: types, presses, sends a sticker, and hears what the bot says. One class a channel, one interface."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import io
import itertools
import json
import secrets
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout, CookieJar, web
from conftest import CANARIES, SHARED, until
from lo_bot_api_emulator import LoBotApiEmulator

from bot.app import House, picture_of
from bot.batches import Batches
from bot.channels import telegram_aiogram
from bot.channels.telegram_bot import TelegramBot
from bot.channels.terminal import Terminal
from bot.delivery import Delivery
from bot.fetching import Fetcher
from bot.web.chat import Limits, WebChat
from bot.web.health import application, listen, serve
from bot.web.mailboxes import Mailboxes
from bot.web.page import Page
from bot.web.webhook import PATH, route
from storage import outbox, sessions

SECRET = "an-invented-secret"


@dataclass
class Heard:
    """One message as a person sees it: its text, and code -> label of its buttons."""

    text: str
    buttons: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    message: int = 0
    document: str = ""
    picture: str = ""  # its name; of Telegram, that there was one


def code_of(data: str) -> str:
    """How a test calls a button: by its option, or by the command that it is (`c:answer:17` is answer)."""
    kind, name, rest = data.split(":", 2)
    return rest if kind == "q" else name


class TerminalDoor:
    """The terminal channel, in process; every line is handed in twice."""

    channel = "terminal"

    def __init__(self, house: House, language: str, address: str = "here") -> None:
        self.house, self.out, self.keys = house, io.StringIO(), itertools.count()
        self.terminal = Terminal(self.out, address, language)
        self.heard: list[Heard] = []
        self.prefix = id(self)

    async def __aenter__(self):
        terminal = self.terminal

        class Listening:
            async def send(_, outgoing):  # noqa: N805 - `self` is the door
                await terminal.send(outgoing)
                choices = [choice for row in outgoing.rows for choice in row]
                codes = [code_of(choice.data) for choice in choices]
                document = outgoing.document[1] if outgoing.document else ""
                labels = {code: choice.label for code, choice in zip(codes, choices, strict=True)}
                self.heard.append(Heard(outgoing.text, labels, document=document, picture=outgoing.picture))

        self.delivery = Delivery(self.house.store, self.house.words, {"terminal": Listening()}, limits=False)
        self.also = []  # who else is handed the letters
        self.intake = self.house.intake(self._hand_over)
        self.running = asyncio.create_task(self.delivery.run())
        return self

    async def __aexit__(self, *_):
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    def _hand_over(self, letters):
        for take in [self.delivery.take, *self.also]:
            take(letters)

    async def _do(self, line: str) -> None:
        incoming = self.terminal.read(line, f"{self.prefix}/{next(self.keys)}")
        await self.intake.handle([incoming])
        await self.intake.handle([incoming])
        await until(self.delivery.is_idle)

    async def say(self, text: str) -> None:
        await self._do(text)

    async def press(self, code: str, heard: Heard | None = None) -> None:
        number = [code_of(choice.data) for choice in self.terminal._choices].index(code) + 1
        await self._do(f"#{number}")


class Emulator(LoBotApiEmulator):
    """The independent emulator, in process; every request is also held against the Bot API's own description."""

    def __init__(self):
        super().__init__(enable_control=True, allow_insecure_loopback_webhooks=True)
        self.calls, self.violations, self.chats, self.pictured = [], [], {}, set()
        if (SHARED / "data" / "botapi").exists():
            sys.path.insert(0, str(SHARED / "data" / "botapi"))
            from validate import validate

            self.describe = validate
        else:
            self.describe = lambda *_: []

    def validate(self, method, fields, uploads):
        self.calls.append((method, dict(fields)))
        if method != "getUpdates":
            self.violations += self.describe(method, {**fields, **{name: "<file>" for name in uploads if name not in str(fields)}})
        result = super().validate(method, fields, uploads)
        if method in {"sendMessage", "editMessageText", "sendDocument", "sendPhoto"}:
            self._show(method, fields, uploads, result)
        return result

    def _show(self, method, fields, uploads, result):
        shown = self.chats.setdefault(int(fields["chat_id"]), [])
        if method == "sendPhoto":
            assert next(iter(uploads.values()))["data"].startswith(b"\xff\xd8\xff")
            self.pictured.add(int(fields["chat_id"]))
            return
        if method == "sendDocument":
            shown[-1].document = next(iter(uploads.values()))["data"].decode()
            return
        markup = fields.get("reply_markup")
        markup = json.loads(markup) if isinstance(markup, str) else markup or {}
        buttons = [button for row in markup.get("inline_keyboard", []) for button in row if "callback_data" in button]
        codes = {code_of(button["callback_data"]): button for button in buttons}
        heard = Heard(
            fields["text"],
            {code: button["text"] for code, button in codes.items()},
            {code: button["callback_data"] for code, button in codes.items()},
            result["message_id"],
            picture="shown" if int(fields["chat_id"]) in self.pictured else "",
        )
        self.pictured.discard(int(fields["chat_id"]))
        shown.append(heard)


class Telegram:
    """A bot at the emulator over real HTTP, by aiogram; people are chats of it."""

    token = CANARIES["token"]

    def __init__(self, house: House, library=telegram_aiogram.Driver, *, webhook: bool = False) -> None:
        self.house, self.library, self.webhook = house, library, webhook

    async def __aenter__(self):
        self.emulator = Emulator()
        self.runner = web.AppRunner(self.emulator.app(), access_log=None, shutdown_timeout=0.1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.base = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        self.bot = TelegramBot(self.library(self.token, self.base), self.token.partition(":")[0], partial(picture_of, self.house))
        fetcher = Fetcher(self.bot, lambda batch: self.intake.handle(batch))
        self.delivery = Delivery(self.house.store, self.house.words, {"telegram": self.bot}, limits=False, bring=fetcher.bring)
        self.also = []  # who else is handed the letters
        self.intake = self.house.intake(self._hand_over)
        parts = [self.delivery.run()]
        if self.webhook:
            self.batches = Batches(self.intake.handle)
            door = listen("127.0.0.1:0")
            self.url = f"http://127.0.0.1:{door.getsockname()[1]}{PATH}"
            routes = [route(SECRET, partial(self.bot.hand_in, take_in=self.batches.take_in))]
            parts += [self.batches.run(), serve(application(self.house.store.is_reachable, routes), door)]
            await self.bot.introduce(self.house.commands(), (self.url, SECRET))
        else:
            await self.bot.introduce(self.house.commands())
            parts.append(self.bot.receive(self.intake.handle))
        self.tasks = [asyncio.create_task(part) for part in parts]
        return self

    async def __aexit__(self, *_):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.bot.close()
        await self.runner.cleanup()

    def _hand_over(self, letters):
        for take in [self.delivery.take, *self.also]:
            take(letters)

    async def inject(self, update: dict, copies: int = 2) -> None:
        """Twice, with the same update_id, as Telegram may; then wait until it is confirmed and answered."""
        number = await self.emulator.enqueue_update(update, token=self.token)
        if self.webhook:  # it was handed in, and answered 200, before this line
            for _ in range(copies - 1):
                assert await self.post({**update, "update_id": number}) == 200
            await until(self.delivery.is_idle)
            return
        state = self.emulator._update_queues._state(self.token)
        if state.updates:  # else it was fetched already; then the second copy would be an honest redelivery of nothing
            state.updates += [copy.deepcopy(state.updates[-1]) for _ in range(copies - 1)]
        await until(lambda: not state.updates)
        await until(self.delivery.is_idle)

    async def post(self, update: object = None, *, body: bytes | None = None, secret: str | None = SECRET) -> int:
        """What Telegram, or somebody who would like to be, sends; the status of the answer."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret is not None else {}
        async with (
            ClientSession() as client,
            client.post(self.url, data=io.BytesIO(body) if body is not None else json.dumps(update), headers=headers) as answer,
        ):
            return answer.status


class TelegramDoor:
    """One person at a Telegram bot."""

    channel = "telegram"
    people = itertools.count(1001)

    def __init__(self, telegram: Telegram, language: str) -> None:
        self.telegram, self.id = telegram, next(self.people)
        self.user = {"id": self.id, "is_bot": False, "first_name": CANARIES["name"], "language_code": language}
        self.chat = {"id": self.id, "type": "private", "first_name": CANARIES["name"]}
        self.messages = itertools.count(1)

    async def is_quiet(self) -> bool:
        return self.telegram.delivery.is_idle()

    @property
    def heard(self) -> list[Heard]:
        return self.telegram.emulator.chats.setdefault(self.id, [])

    async def message(self, **content) -> None:
        await self.telegram.inject({"message": {"message_id": next(self.messages), "date": 1795000000, "from": self.user, "chat": self.chat, **content}})

    async def say(self, text: str) -> None:
        await self.message(text=text)

    async def press(self, code: str, heard: Heard | None = None) -> None:
        heard = heard or next(each for each in reversed(self.heard) if code in each.data)
        message = {"message_id": heard.message, "date": 1795000000, "chat": self.chat, "from": {"id": 7, "is_bot": True, "first_name": "F"}, "text": heard.text}
        query = {"id": str(next(self.messages)), "from": self.user, "chat_instance": "c", "data": heard.data[code], "message": message}
        await self.telegram.inject({"callback_query": query})


class Web:
    """The web chat over real HTTP, as `frontdoor run` serves it; people are browsers."""

    def __init__(self, house: House, *, limits: Limits | None = None, origin: str = "", now=None) -> None:
        self.house, self.limits, self.origin = house, limits or Limits(on=False), origin
        self.now = now or (lambda: datetime(2026, 11, 21, 12, tzinfo=UTC))

    async def __aenter__(self):
        house = self.house
        self.boxes = Mailboxes(house.store)
        self.also = []  # who else is handed the letters
        self.intake = house.intake(self._hand_over)
        self.batches = Batches(self.intake.handle)
        page = Page(house.words, house.programme.name, self.now)
        self.chat = WebChat(house.store, house.words, self.boxes, self.batches.take_in, page, self.limits, origin=self.origin)
        door = listen("127.0.0.1:0")
        self.base = f"http://127.0.0.1:{door.getsockname()[1]}"
        parts = [self.boxes.run(), self.batches.run(), serve(application(house.store.is_reachable, self.chat.routes()), door)]
        self.tasks = [asyncio.create_task(part) for part in parts]
        return self

    def _hand_over(self, letters):
        for take in [self.boxes.take, *self.also]:
            take(letters)

    async def __aexit__(self, *_):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class Browser:
    """One browser at the web chat: what the page's script does, without the page."""

    channel = "web"

    def __init__(self, web: Web, language: str) -> None:
        self.web, self.language, self.said_hello = web, language, False
        self.heard: list[Heard] = []
        self.shown: list[int] = []
        self.ended = ""

    async def __aenter__(self):
        self.client = ClientSession(cookie_jar=CookieJar(unsafe=True), headers={"Origin": self.web.base})
        self.listening = None
        return self

    async def __aexit__(self, *_):
        await self.cut()
        await self.client.close()

    async def post(self, path: str, body: object = None, *, data: bytes | None = None, **more) -> tuple[int, dict]:
        async with self.client.post(f"{self.web.base}/chat/{path}", data=io.BytesIO(data) if data is not None else json.dumps(body), **more) as answer:
            content = await answer.read()
            return answer.status, json.loads(content) if answer.content_type == "application/json" else {}

    async def hello(self, start: str = "") -> dict:
        status, told = await self.post("hello", {"id": secrets.token_hex(16), "lang": self.language, "start": start})
        assert status == 200, told
        self.said_hello = True
        if self.listening is None:
            self.listening = asyncio.create_task(self._listen())
        await self._until_quiet(0)
        return told

    async def cut(self) -> None:
        """The line breaks."""
        if self.listening:
            self.listening.cancel()
            await asyncio.gather(self.listening, return_exceptions=True)
            self.listening = None

    async def come_back(self) -> None:
        self.listening = asyncio.create_task(self._listen())
        await self._until_quiet(0)

    async def _listen(self) -> None:
        async with self.client.get(f"{self.web.base}/chat/letters", timeout=ClientTimeout(total=None)) as stream:
            name = ""
            async for line in stream.content:
                if line.startswith(b"event: "):
                    name = line[7:].decode().strip()
                elif line.startswith(b"data: ") and name == "letter":
                    self._show(json.loads(line[6:]))
                elif line.startswith(b"data: ") and name == "ended":
                    self.ended = json.loads(line[6:])["why"]

    def _show(self, letter: dict) -> None:
        if letter["id"] in self.shown:
            return
        self.shown.append(letter["id"])
        buttons = [button for row in letter["rows"] for button in row]
        data = {code_of(button["data"]): button for button in buttons}
        labels = {code: button["label"] for code, button in data.items()}
        document = letter["document"]["text"] if letter["document"] else ""
        self.heard.append(
            Heard(letter["text"], labels, {code: button["data"] for code, button in data.items()}, letter["id"], document, letter["picture"] or "")
        )

    async def _until_quiet(self, before: int) -> None:
        async def all_shown():
            return len(self.heard) > before and await self.is_quiet()

        await until(all_shown)
        await self.post("seen", {"seen": self.shown[-20:]})

    async def waiting(self) -> list[int]:
        where = await self._address()
        async with self.web.house.store.read() as unit:
            return await outbox.waiting(unit, "web", where)

    async def is_quiet(self) -> bool:
        """Everything that was said to it stands on the page."""
        return set(await self.waiting()) <= set(self.shown)

    async def read_everything(self) -> None:
        await until(self.is_quiet)
        await self.post("seen", {"seen": self.shown[-20:]})

    async def _address(self) -> list[str]:
        cookie = next((each.value for each in self.client.cookie_jar if each.key == "frontdoor"), "")
        async with self.web.house.store.read() as unit:
            session = await sessions.look(unit, hashlib.sha256(cookie.encode()).digest())
        return [session.address.address] if session else []

    async def _do(self, **body) -> None:
        before, message = len(self.heard), {"id": secrets.token_hex(16), **body}
        status, told = await self.post("say", message)
        if status == 401:  # the chat is over (everything was erased): the page offers to start again
            await self.cut()
            await self.hello()
            return
        assert (status, told) == (200, {"saved": True})
        assert (await self.post("say", message))[0] in {409, 401}, "the second copy of a line changes nothing (401: that line erased everything)"
        await self._until_quiet(before)

    async def say(self, text: str) -> None:
        if not self.said_hello:
            await self.hello()  # opening the page is the first line, whatever it is
        else:
            await self._do(kind="text", value=text)

    async def press(self, code: str, heard: Heard | None = None) -> None:
        heard = heard or next(each for each in reversed(self.heard) if code in each.data)
        await self._do(kind="press", value=heard.data[code], message=str(heard.message))


def path_of(name: str) -> Path:
    return Path(__file__).parent / "conversations" / f"{name}.yaml"
