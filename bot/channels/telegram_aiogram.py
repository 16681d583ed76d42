"""Telegram by aiogram, as an API client only: its dispatcher confirms updates that it has not finished (TRUST.md, 1)."""

from __future__ import annotations

from typing import Any

from aiogram import Bot, methods
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import ClientDecodeError, TelegramAPIError, TelegramNetworkError, TelegramRetryAfter
from aiogram.methods import TelegramMethod
from aiogram.types import BufferedInputFile

from bot.channels.telegram import ALLOWED_UPDATES, Upload
from bot.channels.telegram_bot import Refused
from bot.errors import FrontdoorError, SendError

_STATUS = {"TelegramBadRequest": 400, "TelegramNotFound": 404, "TelegramConflictError": 409, "TelegramUnauthorizedError": 401, "TelegramForbiddenError": 403}
_STATUS |= {"TelegramMigrateToChat": 400, "TelegramEntityTooLarge": 413, "TelegramRetryAfter": 429, "TelegramServerError": 500, "RestartingTelegram": 500}


class _RawUpdates(TelegramMethod[list[dict[str, Any]]]):
    """getUpdates as plain JSON: typed, one update that aiogram can't parse would block all behind it (TRUST.md, 3)."""

    __returning__ = list[dict[str, Any]]
    __api_method__ = "getUpdates"

    offset: int | None = None
    timeout: int
    allowed_updates: list[str]


class Driver:
    def __init__(self, token: str, api: str) -> None:
        """Raises FrontdoorError for what can't be a token."""
        session = AiohttpSession(api=TelegramAPIServer.from_base(api), limit=100)
        try:
            self._bot = Bot(token, session=session)
        except Exception as error:
            raise FrontdoorError("FRONTDOOR_TELEGRAM_TOKEN has not the shape of a token (digits, colon, letters). Copy it again from @BotFather.") from error

    async def fetch(self, offset: int | None, timeout: int) -> list[dict[str, Any]]:
        method = _RawUpdates(offset=offset, timeout=timeout, allowed_updates=ALLOWED_UPDATES)
        return list(await self._do(method, timeout + 10))

    async def call(self, method: str, parameters: dict[str, Any]) -> Any:
        """Raises SendError or Refused."""
        typed = getattr(methods, method[0].upper() + method[1:])
        files = {name: BufferedInputFile(value.content, value.name) for name, value in parameters.items() if isinstance(value, Upload)}
        return await self._do(typed(**{**parameters, **files}), 30)

    async def _do(self, method: TelegramMethod[Any], timeout: int) -> Any:
        try:
            return await self._bot(method, request_timeout=timeout)
        except (TelegramNetworkError, ClientDecodeError) as error:
            raise SendError("unreachable") from error
        except TelegramAPIError as error:
            wait = float(error.retry_after) if isinstance(error, TelegramRetryAfter) else None
            raise Refused(_STATUS.get(type(error).__name__, 400), error.message, wait) from error

    async def close(self) -> None:
        await self._bot.session.close()
