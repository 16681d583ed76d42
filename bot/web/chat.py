"""/chat: the whole bot in a browser, for people without Telegram or who don't trust it.

The page itself knows nobody: it is the same for everyone, and sets no cookie (one that is SameSite=Strict does not come along
when somebody follows a link from elsewhere, so a page that set one would throw the remembered session away). Its script then
says hello, and gets a session. Everything that is said goes through intake like any update.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from bot.batches import Full
from bot.channels import webchat
from bot.channels.webchat import BadMessage
from bot.letters import word
from bot.messages import Incoming, language_of
from bot.web.mailboxes import Mailboxes
from bot.web.page import Page
from bot.web.requests import Buckets, Refused, caller_of, json_object
from storage import sessions
from storage.errors import StoreAway
from storage.records import Address, Letter
from storage.sessions import REMEMBERED, Session
from storage.store import Store, Unit, undisturbed
from translations.words import Words

log = logging.getLogger(__name__)

LARGEST_BODY = 65_536  # bytes; 4,096 characters, each written as two \u.... escapes, have 49,152
HEARTBEAT = 15.0  # seconds of silence after which the page is told that the line still stands
SESSION_CHECKED = 4  # heartbeats: so often an open page is asked whether its session still lives
AFTER_GOODBYE = 40  # heartbeats: everything was erased, the session too, and the last words may be read in peace
MOST_PAGES, MOST_OF_A_CALLER = 2_000, 250  # open at once in one process, and of one address
UNREAD = 20.0  # seconds that a page may take no byte; then its line is dead
HARMLESS = "/calendar"

TakeIn = Callable[[Incoming], Awaitable[bool]]  # on disk; was it new? Raises Full, StoreAway


@dataclass(slots=True)
class Limits:
    """Before anything is stored. A shelter or a workshop has one address for many, so addresses get much more than people."""

    clock: Callable[[], float] = field(default_factory=lambda: asyncio.get_running_loop().time)
    on: bool = True
    beginnings: Buckets = field(init=False)  # new chats of an address
    addresses: Buckets = field(init=False)  # requests of an address
    chats: Buckets = field(init=False)  # messages of one chat

    def __post_init__(self) -> None:
        self.beginnings = Buckets(60, 0.2, self.clock)
        self.addresses = Buckets(400, 40, self.clock)
        self.chats = Buckets(20, 1, self.clock)

    def take(self, buckets: Buckets, caller: str) -> None:
        """Raises Refused."""
        if self.on and (wait := buckets.take(caller)):
            raise Refused(429, "That was fast. Please wait a moment.", wait)


class WebChat:
    def __init__(self, store: Store, words: Words, boxes: Mailboxes, take_in: TakeIn, page: Page, limits: Limits, *, origin: str = "") -> None:
        """`origin`: where the world reaches us, as https://bot.example.org; without it, the host that the browser names."""
        self._store, self._words, self._boxes, self._take_in, self._limits = store, words, boxes, take_in, limits
        self._page, self._origin = page, origin
        self._streams: Counter[str] = Counter()  # open, of each caller

    def routes(self) -> list[BaseRoute]:
        return [
            *self._page.routes(),
            Route("/chat/letters", self._explained(self.letters), methods=["GET"]),
            Route("/chat/hello", self._explained(self.hello), methods=["POST"]),
            Route("/chat/say", self._explained(self.say), methods=["POST"]),
            Route("/chat/seen", self._explained(self.seen), methods=["POST"]),
            Route("/chat/remember", self._explained(self.remember), methods=["POST"]),
            Route("/chat/leave", self._explained(self.leave), methods=["POST"]),
        ]

    def _explained(self, serve: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """Whatever is refused is refused with one sentence, and never as a fault of ours."""

        async def serve_or_explain(request: Request) -> Response:
            try:
                self._check_origin(request)
                self._limits.take(self._limits.addresses, caller_of(request))
                return await serve(request)
            except Refused as refused:
                response = JSONResponse({"error": refused.sentence}, refused.status, {**NEVER_KEPT, **refused.headers})
                if refused.status == 401 and serve != self.seen:  # a goodbye may still be on its way to be confirmed
                    self._take_cookie_away(request, response)
                return response
            except BadMessage as bad:
                return JSONResponse({"error": str(bad)}, 400, NEVER_KEPT)
            except (Full, StoreAway):
                return JSONResponse({"error": "Not now; please try again."}, 503, {**NEVER_KEPT, "Retry-After": "2"})

        return serve_or_explain

    # ---- what the page asks for ----

    async def hello(self, request: Request) -> Response:
        token, is_new = self._token(request), False
        session = await self._session(request) if token else None
        body = await json_object(request, LARGEST_BODY)
        incoming = webchat.read_hello(body, session.address if session else Address(webchat.CHANNEL, secrets.token_hex(16)))
        if session is None or token is None:
            self._limits.take(self._limits.beginnings, caller_of(request))
            token, is_new, address = secrets.token_urlsafe(32), True, incoming.address
            assert address  # noqa: S101 - read_hello() was given one
            language = self._page.language(request, language_of(incoming.argument), incoming.language_hint)
            session = await self._write(partial(sessions.begin, key=_key(token), address=address.address, language=language))
        self._limits.take(self._limits.chats, session.address.address)
        await self._take_in(incoming)
        response = JSONResponse({"saved": True, "remembered": session.remembered, "session": "new" if is_new else "known"}, headers=NEVER_KEPT)
        self._give_cookie(request, response, token, remembered=session.remembered)
        return response

    async def say(self, request: Request) -> Response:
        session = await self._session(request)
        body = await json_object(request, LARGEST_BODY)
        incoming, seen = webchat.read_said(body, session.address), webchat.read_seen(body)
        self._limits.take(self._limits.chats, session.address.address)
        self._boxes.seen(session.address.address, seen)
        if await self._take_in(incoming):
            return JSONResponse({"saved": True}, headers=NEVER_KEPT)
        return JSONResponse({"saved": True, "error": "This message was saved already."}, 409, NEVER_KEPT)

    async def seen(self, request: Request) -> Response:
        session = await self._session(request)
        body = await json_object(request, LARGEST_BODY)
        self._boxes.seen(session.address.address, webchat.read_seen(body))
        return Response(status_code=204, headers=NEVER_KEPT)

    async def remember(self, request: Request) -> Response:
        await self._session(request)
        remembered = (await json_object(request, LARGEST_BODY)).get("on") is True
        token = str(self._token(request))
        await self._write(partial(sessions.remember, key=_key(token), remembered=remembered))
        response = JSONResponse({"remembered": remembered}, headers=NEVER_KEPT)
        self._give_cookie(request, response, token, remembered=remembered)
        return response

    async def leave(self, request: Request) -> Response:
        """The quick exit: over on the server too, whatever happens to the page."""
        if token := self._token(request):
            session = await self._read(partial(sessions.look, key=_key(token)))
            await self._write(partial(sessions.end, key=_key(token)))
            self._store.unscrubbed = True
            if session:
                self._boxes.end(session.address.address, "left")
        response = RedirectResponse(HARMLESS, 303, NEVER_KEPT)
        self._take_cookie_away(request, response)
        return response

    async def letters(self, request: Request) -> Response:
        session = await self._session(request)
        caller = caller_of(request)
        if self._streams.total() >= MOST_PAGES or self._streams[caller] >= MOST_OF_A_CALLER:
            raise Full
        headers = {**NEVER_KEPT, "X-Accel-Buffering": "no"}
        return _EventStream(self._stream(session, _key(str(self._token(request))), caller), headers)

    async def _stream(self, session: Session, key: bytes, caller: str) -> AsyncIterator[bytes]:
        """Server-sent events (WHATWG HTML, 9.2)."""
        self._streams[caller] += 1
        try:
            async with aclosing(self._events(session, key)) as events:
                async for event in events:
                    yield event
        finally:
            self._streams[caller] -= 1
            self._streams += Counter()  # without those who have none left

    async def _events(self, session: Session, key: bytes) -> AsyncGenerator[bytes, None]:
        silences, was_goodbye = 0, False
        with self._boxes.opened(session.address.address) as page:
            yield b"retry: 2000\n\n"
            while True:
                match await page.next(HEARTBEAT):
                    case Letter() as letter:
                        was_goodbye = letter.chat_id is None
                        if event := await self._worded(letter):
                            yield event
                    case str() as why:
                        if why in {"left", "idle"}:
                            yield _event("ended", {"why": why})
                        return
                    case _:
                        silences += 1
                        patience = AFTER_GOODBYE if was_goodbye else SESSION_CHECKED
                        if silences % patience == 0 and not await self._lives(key):
                            page.end("idle")
                        yield b":\n\n"

    async def _worded(self, letter: Letter) -> bytes | None:
        """None: it can't be put into words (a fact of an unknown shape, ...), and must not block those behind it."""
        try:
            return _event("letter", webchat.write(letter, word(letter, self._words)), letter.id)
        except Exception as error:
            log.error("letter %s could not be put into words", letter.id, exc_info=error)
            with suppress(StoreAway):
                await self._boxes.give_up([letter.id], "bad-request")
            return None

    # ---- sessions ----

    async def _session(self, request: Request) -> Session:
        """Raises Refused (401) for a cookie that we did not give, or whose session is over."""
        token = self._token(request)
        session: Session | None = await self._read(partial(sessions.look, key=_key(token))) if token else None
        if session is None:
            raise Refused(401, "This chat is closed.")
        return session

    async def _lives(self, key: bytes) -> bool:
        try:
            return await self._read(partial(sessions.look, key=key)) is not None
        except StoreAway:
            return True

    async def _read(self, work: Callable[[Unit], Awaitable[Any]]) -> Any:
        async def once() -> Any:
            async with self._store.read() as unit:
                return await work(unit)

        return await undisturbed(once())

    async def _write(self, work: Callable[[Unit], Awaitable[Any]]) -> Any:
        async def once() -> Any:
            async with self._store.begin() as unit:
                return await work(unit)

        return await undisturbed(once())

    def _check_origin(self, request: Request) -> None:
        """Only our own page may speak for somebody. Raises Refused."""
        if request.method == "GET":
            if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
                raise Refused(403, "Only the page of this chat may ask for this.")
            return
        origin, host = request.headers.get("origin"), request.headers.get("host", "")
        if origin is None:
            fine = request.headers.get("sec-fetch-site") == "same-origin"
        else:
            fine = origin == self._origin if self._origin else origin.partition("://")[2] == host
        if not fine:
            raise Refused(403, "Only the page of this chat may send this.")

    def _give_cookie(self, request: Request, response: Response, token: str, *, remembered: bool) -> None:
        name, secure = self._cookie(request)
        age = int(REMEMBERED.total_seconds()) if remembered else None
        response.set_cookie(name, token, max_age=age, path="/", secure=secure, httponly=True, samesite="strict")

    def _cookie(self, request: Request) -> tuple[str, bool]:
        """Its name, and whether it may only travel encrypted. The prefix keeps a neighbouring subdomain from planting one."""
        secure = self._origin.startswith("https:") if self._origin else request.url.scheme == "https"
        return ("__Host-frontdoor" if secure else "frontdoor"), secure

    def _token(self, request: Request) -> str | None:
        return request.cookies.get(self._cookie(request)[0]) or None

    def _take_cookie_away(self, request: Request, response: Response) -> None:
        name, secure = self._cookie(request)
        response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="strict")


NEVER_KEPT: Mapping[str, str] = {"Cache-Control": "no-store"}


class _EventStream(Response):
    """Sends until there is nothing more, the page is gone, or it no longer reads."""

    def __init__(self, events: AsyncIterator[bytes], headers: Mapping[str, str]) -> None:
        super().__init__(headers=dict(headers), media_type="text/event-stream")
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        tasks = {asyncio.create_task(self._send(send)), asyncio.create_task(_until_gone(receive))}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        try:
            async for event in self._events:
                async with asyncio.timeout(UNREAD):
                    await send({"type": "http.response.body", "body": event, "more_body": True})
            async with asyncio.timeout(UNREAD):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await self._events.aclose()  # type: ignore[attr-defined]  # reason: it is a generator


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _event(name: str, data: Mapping[str, Any], number: int | None = None) -> bytes:
    head = f"event: {name}\n" + (f"id: {number}\n" if number is not None else "")
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
