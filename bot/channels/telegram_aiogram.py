"""Telegram by aiogram, as an API client only: its dispatcher confirms updates that it has not finished (TRUST.md, 1)."""

from __future__ import annotations

import json
from typing import Any

from aiogram import Bot, methods
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramNetworkError
from aiogram.methods import Response, TelegramMethod
from aiogram.types import BufferedInputFile

from bot.channels.telegram import ALLOWED_UPDATES, Upload
from bot.channels.telegram_bot import Refused
from bot.errors import FrontdoorError, SendError


class _Session(AiohttpSession):
    """Answers stay plain JSON. Typed, one update that aiogram can't parse would block all behind it (TRUST.md, 3), and a message
    that was sent but comes back in a new shape would be sent for ever. And aiogram's exceptions forget the status: a 413 is a
    network error to them, a 429 without `retry_after` has no name."""

    def check_response(self, bot: Bot, method: TelegramMethod[Any], status_code: int, content: str) -> Response[Any]:  # noqa: ARG002 - aiogram's signature
        """Raises SendError or Refused."""
        try:
            told = json.loads(content)
            accepted, description = told["ok"], str(told.get("description") or "")
        except (ValueError, TypeError, KeyError):
            if status_code == 413:
                raise Refused(413, "") from None  # a proxy's page; the same again would be as large
            raise SendError("unreachable") from None
        if accepted is not True or status_code >= 300:
            raise Refused(status_code, description, (told.get("parameters") or {}).get("retry_after"))
        return Response[Any].model_construct(ok=True, result=told.get("result"))


class _RawUpdates(TelegramMethod[list[dict[str, Any]]]):
    __returning__ = list[dict[str, Any]]
    __api_method__ = "getUpdates"

    offset: int | None = None
    timeout: int
    allowed_updates: list[str]


class Driver:
    def __init__(self, token: str, api: str) -> None:
        """Raises FrontdoorError for what can't be a token."""
        session = _Session(api=TelegramAPIServer.from_base(api), limit=100)
        try:
            self._bot = Bot(token, session=session)
        except Exception as error:
            raise FrontdoorError("FRONTDOOR_TELEGRAM_TOKEN has not the shape of a token (digits, colon, letters). Copy it again from @BotFather.") from error

    async def fetch(self, offset: int | None, timeout: int) -> list[dict[str, Any]]:
        method = _RawUpdates(offset=offset, timeout=timeout, allowed_updates=ALLOWED_UPDATES)
        return list(await self._do(method, timeout + 10))

    async def call(self, method: str, parameters: dict[str, Any]) -> Any:
        """The result as JSON. Raises SendError or Refused."""
        typed = getattr(methods, method[0].upper() + method[1:])
        files = {name: BufferedInputFile(value.content, value.name) for name, value in parameters.items() if isinstance(value, Upload)}
        return await self._do(typed(**{**parameters, **files}), 30)

    async def _do(self, method: TelegramMethod[Any], timeout: int) -> Any:
        try:
            return await self._bot(method, request_timeout=timeout)
        except (TelegramNetworkError, UnicodeDecodeError) as error:  # the latter: an answer in no known writing
            raise SendError("unreachable") from error

    async def close(self) -> None:
        await self._bot.session.close()
