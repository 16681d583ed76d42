"""POST /telegram/webhook: 200 only after the commit, so that Telegram repeats whatever we have not on disk."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bot.batches import Full
from bot.web.requests import Refused, json_object
from storage.errors import StoreAway

PATH = "/telegram/webhook"
LARGEST_BODY = 1_000_000  # bytes; an update of 4,096 emoji with a keyboard has about 60,000
COME_AGAIN = {"Retry-After": "2"}  # seconds; Telegram honours it

TakeIn = Callable[[dict[str, Any]], Awaitable[None]]


def route(secret: str, take_in: TakeIn) -> Route:
    """`take_in` returns when the update is on disk; raises Full or StoreAway when the sender must come again."""

    async def receive(request: Request) -> PlainTextResponse:
        told = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if not hmac.compare_digest(told.encode("utf-8", "replace"), secret.encode()):
            return PlainTextResponse("the secret is missing or wrong\n", 401)
        try:
            update = await json_object(request, LARGEST_BODY)
        except Refused as refused:
            return PlainTextResponse(f"{refused.sentence}\n", refused.status)
        if type(update.get("update_id")) is not int:
            return PlainTextResponse("no update\n", 400)
        try:
            await take_in(update)
        except (Full, StoreAway):
            return PlainTextResponse("not now, please come again\n", 503, COME_AGAIN)
        return PlainTextResponse("")

    return Route(PATH, receive, methods=["POST"])
