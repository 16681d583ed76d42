"""/mail/...: what the links of our mails lead to. Opening one does nothing, for programs open them too; the press on the page does it, as an update like
any other. The mail program's own "unsubscribe" presses by itself (RFC 8058)."""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot.batches import Full
from bot.channels.email import CHANNEL, PATH, STOP, Pressed, open_link
from bot.messages import Incoming, Kind
from bot.web.requests import Buckets, caller_of
from storage import chats
from storage.errors import StoreAway
from storage.records import Address, Chat
from storage.store import Store, undisturbed
from translations.words import Words, is_right_to_left

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
}


class MailPages:
    def __init__(self, store: Store, words: Words, take_in: Callable[[Incoming], Awaitable[bool]], clock: Callable[[], float]) -> None:
        self._store, self._words, self._take_in = store, words, take_in
        self._callers = Buckets(20, 1.0, clock)

    def routes(self) -> list[Route]:
        return [Route(PATH + "{token}", self.show, methods=["GET"]), Route(PATH + "{token}", self.do, methods=["POST"])]

    async def show(self, request: Request) -> Response:
        return await self._answer(request, press=False)

    async def do(self, request: Request) -> Response:
        return await self._answer(request, press=True)

    async def _answer(self, request: Request, *, press: bool) -> Response:
        if self._callers.take(caller_of(request)):
            return Response("That was fast; please try again in a minute.\n", 429, {"Retry-After": "60"}, "text/plain")
        pressed = open_link(self._store.cipher, request.path_params["token"])
        try:
            chat = await undisturbed(self._chat(pressed)) if pressed else None
            if pressed is None or chat is None:
                return self._page("en", "email.old", status=410)
            if not press:
                return self._page(chat.language, "email.sure", ask=True)
            if pressed.command == STOP:
                await undisturbed(self._stop(chat))
                return self._page(chat.language, "email.stopped")
            where = Address(CHANNEL, pressed.address)
            await self._take_in(Incoming(CHANNEL, uuid4().hex, Kind.COMMAND, pressed.command, pressed.argument, address=where))
        except (StoreAway, Full):
            return Response("Not now; please try again.\n", 503, {"Retry-After": "5"}, "text/plain")
        return self._page(chat.language, "email.acted")

    async def _chat(self, pressed: Pressed) -> Chat | None:
        """Theirs, as long as they want mail there."""
        async with self._store.read() as unit:
            return await chats.at(unit, Address(CHANNEL, pressed.address))

    async def _stop(self, chat: Chat) -> None:
        async with self._store.begin() as unit:
            await chats.remove(unit, [chat.id])
        self._store.unscrubbed = True

    def _page(self, language: str, sentence: str, *, ask: bool = False, status: int = 200) -> Response:
        said = html.escape(self._words.tr(sentence, language))
        button = html.escape(self._words.tr("common.yes", language))
        form = f'<form method="post"><button style="font:inherit;padding:12px 24px">{button}</button></form>' if ask else ""
        direction = "rtl" if is_right_to_left(language) else "ltr"
        page = (
            f'<!doctype html><html lang="{language.replace("_", "-")}" dir="{direction}"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{html.escape(str(self._words.constant("programme")))}</title></head>'
            f'<body style="font:18px/1.5 system-ui,sans-serif;max-width:32em;margin:2em auto;padding:0 1em"><p>{said}</p>{form}</body></html>'
        )
        return HTMLResponse(page, status, HEADERS)
