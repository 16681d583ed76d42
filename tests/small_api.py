"""A small Bot API server of our own, for what the independent emulator (doors.py) lacks: refusals of every kind, lines that
break before or after a message was delivered, silence, a second poller, updates that come twice or out of order.

What it does by itself: tokens, getMe, getUpdates (at least once: an update comes again until an offset confirms it), sending,
editing. Everything else is scripted: `api.script("sendMessage", BLOCKED, chat=1001)`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web
from conftest import SHARED

NAME = "frontdoor_invented_bot"


@dataclass(frozen=True)
class Answer:
    """What becomes of one request."""

    status: int = 200
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    delivered: bool = False  # did it take effect all the same?
    cut: bool = False  # the line breaks instead of an answer
    body: bytes | None = None  # this instead of JSON
    gate: asyncio.Event | None = None  # the answer waits for it; one that nobody opens: silence


FINE = Answer(delivered=True)
CUT_BEFORE, CUT_AFTER = Answer(cut=True), Answer(cut=True, delivered=True)
BLOCKED = Answer(403, "Forbidden: bot was blocked by the user")
DEACTIVATED = Answer(403, "Forbidden: user is deactivated")
KICKED = Answer(403, "Forbidden: bot was kicked from the group chat")
NOT_FOUND = Answer(400, "Bad Request: chat not found")
MIGRATED = Answer(400, "Bad Request: group chat was upgraded to a supergroup chat", {"migrate_to_chat_id": -1001000000042})
BAD_REQUEST = Answer(400, "Bad Request: can't parse entities: unsupported start tag at byte offset 0")
TOO_LONG = Answer(400, "Bad Request: message is too long")
TOO_LARGE = Answer(413, "Request Entity Too Large")
UNAUTHORISED = Answer(401, "Unauthorized")
CONFLICT = Answer(409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running")
NOT_MODIFIED = Answer(400, "Bad Request: message is not modified: specified new message content and reply markup are exactly the same")
NOT_THERE = Answer(400, "Bad Request: message to edit not found")
TOO_OLD = Answer(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")


def too_many(seconds: int) -> Answer:
    return Answer(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})


def server_error(status: int = 500, description: str = "Internal Server Error") -> Answer:
    return Answer(status, description)


@dataclass
class Request:
    method: str
    parameters: dict[str, Any]
    files: dict[str, bytes]

    @property
    def chat(self) -> int | None:
        return int(self.parameters["chat_id"]) if "chat_id" in self.parameters else None


class SmallApi:
    def __init__(self, token: str) -> None:
        self.token, self.port = token, 0
        self.requests: list[Request] = []
        self.violations: list[str] = []  # of the Bot API's own description, where a developer has it
        self.messages: dict[int, dict[int, dict[str, Any]]] = defaultdict(dict)  # chat -> number -> what stands there now
        self.updates: list[dict[str, Any]] = []  # not confirmed yet
        self._numbers, self._scripts = itertools.count(1), dict[tuple[str, int | None], Iterator[Answer]]()
        self._changed, self._poller, self._gates = asyncio.Condition(), 0, list[asyncio.Event]()
        self._describe = lambda *_: []
        if (SHARED / "data" / "botapi").exists():
            sys.path.insert(0, str(SHARED / "data" / "botapi"))
            from validate import validate

            self._describe = validate

    # ---- for tests ----

    def script(self, method: str, *answers: Answer, chat: int | None = None, then: Answer | None = None) -> None:
        """These answers, one a request; afterwards `then` for ever (none: as if nothing were scripted)."""
        earlier = self._scripts.get((method, chat), iter(()))
        self._scripts[method, chat] = itertools.chain(earlier, answers, itertools.repeat(then) if then else ())

    async def put(self, *updates: dict[str, Any]) -> None:
        async with self._changed:
            self.updates += updates
            self._changed.notify_all()

    def said(self, chat: int) -> list[str]:
        """The texts that stand in a chat now, in order."""
        return [message["text"] for message in self.messages[chat].values()]

    def asked(self, method: str, chat: int | None = None) -> list[dict[str, Any]]:
        return [request.parameters for request in self.requests if request.method == method and chat in {None, request.chat}]

    # ---- living ----

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/bot{token}/{method}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        for gate in self._gates:
            gate.set()
        await self._come_first()
        await self._runner.cleanup()

    # ---- answering ----

    async def _answer(self, http: web.Request) -> web.StreamResponse:
        request = Request(http.match_info["method"], *await _read(http))
        self.requests.append(request)
        self.violations += self._describe(request.method, request.parameters)
        answer = self._scripted(request) or (FINE if http.match_info["token"] == self.token else UNAUTHORISED)
        done = await self._do(request) if answer.delivered else None
        if answer.gate:
            self._gates.append(answer.gate)
            await answer.gate.wait()
        if answer.cut:
            assert http.transport
            http.transport.abort()
        if answer.body is not None:
            return web.Response(body=answer.body, status=answer.status, content_type="application/json")
        return _json(done if isinstance(done, Answer) else answer, done)

    def _scripted(self, request: Request) -> Answer | None:
        for_everybody = self._scripts.get((request.method, None), iter(()))
        return next(self._scripts.get((request.method, request.chat), iter(())), None) or next(for_everybody, None)

    async def _do(self, request: Request) -> Any:
        """What really happens: a result, or the refusal as an Answer."""
        match request.method:
            case "getMe":
                return {"id": int(self.token.partition(":")[0]), "is_bot": True, "first_name": "Frontdoor", "username": NAME}
            case "getUpdates":
                return await self._updates(int(request.parameters.get("offset") or 0), float(request.parameters.get("timeout") or 0))
            case "sendMessage" | "sendDocument" | "editMessageText":
                return self._write(request)
        return True

    async def _come_first(self) -> int:
        """Whoever polls already is sent away."""
        async with self._changed:
            self._poller += 1
            self._changed.notify_all()
            return self._poller

    async def _updates(self, offset: int, timeout: float) -> Any:
        me = await self._come_first()
        self.updates = [update for update in self.updates if update["update_id"] >= offset]
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: self.updates or self._poller != me), timeout)
            except TimeoutError:
                return []
            return CONFLICT if self._poller != me else self.updates[:100]

    def _write(self, request: Request) -> Any:
        assert request.chat is not None
        there, parameters = self.messages[request.chat], request.parameters
        content = {
            "text": parameters.get("text", ""),
            "buttons": json.loads(parameters.get("reply_markup", "{}")).get("inline_keyboard", []),
            "files": request.files,
        }
        number = int(parameters["message_id"]) if request.method == "editMessageText" else next(self._numbers)
        if request.method == "editMessageText" and (number not in there or there[number] == content):
            return NOT_MODIFIED if number in there else NOT_THERE
        there[number] = content
        return {"message_id": number, "date": 1795262400, "chat": {"id": request.chat, "type": "private", "first_name": "?"}, "text": content["text"]}


def _json(answer: Answer, result: Any) -> web.Response:
    if answer.status == 200:
        return web.json_response({"ok": True, "result": result})
    refusal = {"ok": False, "error_code": answer.status, "description": answer.description}
    return web.json_response({**refusal, **({"parameters": answer.parameters} if answer.parameters else {})}, status=answer.status)


async def _read(http: web.Request) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Parameters and files, whichever way a library sends them."""
    if http.content_type == "application/json":
        return {name: value if isinstance(value, str) else json.dumps(value) for name, value in (await http.json()).items()}, {}
    form = await http.post()
    files = {value.filename: value.file.read() for value in form.values() if isinstance(value, web.FileField)}
    direct = {name: "<file>" for name, value in form.items() if isinstance(value, web.FileField) and name == "document"}  # not by attach://
    return {name: value for name, value in form.items() if isinstance(value, str)} | direct, files
