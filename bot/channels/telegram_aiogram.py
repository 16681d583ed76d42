"""Telegram by aiogram, as an API client only: its dispatcher confirms updates that it has not finished (TRUST.md, 1)."""

from __future__ import annotations

from typing import Any

from aiogram import Bot, methods
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramNetworkError
from aiogram.methods import Response, TelegramMethod
from aiogram.types import BufferedInputFile
from aiohttp.payload import JsonPayload

from bot.channels.telegram import ALLOWED_UPDATES, Upload
from bot.channels.telegram_bot import check_token, result_of
from bot.errors import SendError

PATIENCE = 30  # seconds for one request


class _Plain(TelegramMethod[Any]):
    """Any method without a file: our requests are made by a pure function and held against the Bot API's description in tests;
    building them once more as typed objects would cost more than all the rest of a reply."""

    __returning__ = Any

    name: str
    parameters: dict[str, Any]

    @property
    def __api_method__(self) -> str:  # type: ignore[override]  # reason: aiogram reads it from the instance, and only writes it in class bodies
        return self.name


class _Session(AiohttpSession):
    """Requests as JSON where nothing is uploaded; answers stay plain JSON (see `result_of`)."""

    def build_form_data(self, bot: Bot, method: TelegramMethod[Any]) -> Any:
        if isinstance(method, _Plain):
            return JsonPayload(method.parameters)
        return super().build_form_data(bot, method)

    def check_response(self, bot: Bot, method: TelegramMethod[Any], status_code: int, content: str) -> Response[Any]:  # noqa: ARG002 - aiogram's signature
        """Raises SendError or Refused."""
        return Response[Any].model_construct(ok=True, result=result_of(status_code, content))


class Driver:
    def __init__(self, token: str, api: str, patience: float = PATIENCE) -> None:
        """Raises FrontdoorError for what can't be a token."""
        self._bot = Bot(check_token(token), session=_Session(api=TelegramAPIServer.from_base(api), limit=100))
        self._patience = patience

    async def fetch(self, offset: int | None, timeout: int) -> list[dict[str, Any]]:
        parameters = {"timeout": timeout, "allowed_updates": ALLOWED_UPDATES} | ({} if offset is None else {"offset": offset})
        return list(await self._do(_Plain(name="getUpdates", parameters=parameters), timeout + 10))

    async def call(self, method: str, parameters: dict[str, Any]) -> Any:
        """The result as JSON. Raises SendError or Refused."""
        files = {name: BufferedInputFile(value.content, value.name) for name, value in parameters.items() if isinstance(value, Upload)}
        if not files:
            return await self._do(_Plain(name=method, parameters=parameters), self._patience)
        typed = getattr(methods, method[0].upper() + method[1:])
        return await self._do(typed(**{**parameters, **files}), self._patience)

    async def _do(self, method: TelegramMethod[Any], timeout: float) -> Any:
        try:
            return await self._bot(method, request_timeout=timeout)  # type: ignore[arg-type]  # reason: it hands a float on as well
        except (TelegramNetworkError, UnicodeDecodeError) as error:  # the latter: an answer in no known writing
            raise SendError("unreachable") from error

    async def close(self) -> None:
        await self._bot.session.close()
