"""Telegram by aiogram, as an API client only: its dispatcher confirms updates that it has not finished (TRUST.md, 1)."""

from __future__ import annotations

from typing import Any, NamedTuple

from aiogram import Bot, methods
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramNetworkError
from aiogram.types import BufferedInputFile
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar
from aiohttp.payload import JsonPayload

from bot.channels.telegram import ALLOWED_UPDATES, Upload
from bot.channels.telegram_bot import CHUNK, check_token, failed_download, result_of
from bot.errors import SendError

PATIENCE = 30  # seconds for one request
CONNECTIONS = 100  # at a time


class _Plain:
    """Any method without a file: our requests are made by a pure function and held against the Bot API's description in tests;
    building them once more as typed objects would cost more than all the rest of a reply."""

    __slots__ = ("__api_method__", "parameters")

    def __init__(self, name: str, parameters: dict[str, Any]) -> None:
        self.__api_method__, self.parameters = name, parameters


class _Told(NamedTuple):
    result: Any


class _Session(AiohttpSession):
    """Requests as JSON where nothing is uploaded; answers stay plain JSON (see `result_of`)."""

    async def create_session(self) -> ClientSession:
        if self._session is None or self._session.closed:
            self._session = ClientSession(connector=self._connector_type(**self._connector_init), cookie_jar=DummyCookieJar())
        return self._session

    def build_form_data(self, bot: Bot, method: Any) -> Any:
        if isinstance(method, _Plain):
            return JsonPayload(method.parameters)
        return super().build_form_data(bot, method)

    def check_response(self, bot: Bot, method: Any, status_code: int, content: str) -> Any:  # noqa: ARG002 - aiogram's signature
        """Raises SendError or Refused."""
        return _Told(result_of(status_code, content))


class Driver:
    def __init__(self, token: str, api: str, patience: float = PATIENCE) -> None:
        """Raises FrontdoorError for what can't be a token."""
        self._bot = Bot(check_token(token), session=_Session(api=TelegramAPIServer.from_base(api), limit=CONNECTIONS))
        self._patience = patience

    async def fetch(self, offset: int | None, timeout: int) -> list[dict[str, Any]]:
        parameters = {"timeout": timeout, "allowed_updates": ALLOWED_UPDATES} | ({} if offset is None else {"offset": offset})
        return list(await self._do(_Plain("getUpdates", parameters), timeout + 10))

    async def call(self, method: str, parameters: dict[str, Any]) -> Any:
        """The result as JSON. Raises SendError or Refused."""
        files = {name: BufferedInputFile(value.content, value.name) for name, value in parameters.items() if isinstance(value, Upload)}
        if not files:
            return await self._do(_Plain(method, parameters), self._patience)
        typed = getattr(methods, method[0].upper() + method[1:])
        return await self._do(typed(**{**parameters, **files}), self._patience)

    async def _do(self, method: Any, timeout: float) -> Any:
        try:
            return await self._bot.session.make_request(self._bot, method, timeout)  # type: ignore[arg-type]  # reason: it hands a float on as well
        except (TelegramNetworkError, UnicodeDecodeError) as error:  # the latter: an answer in no known writing
            raise SendError("unreachable") from error

    async def download(self, path: str, most: int) -> bytes:
        """Raises SendError; its cause must not be kept, because it quotes an address that holds the token."""
        session, data = await self._bot.session.create_session(), bytearray()  # type: ignore[attr-defined]  # reason: ours, see _Session
        try:
            async with session.get(
                self._bot.session.api.file_url(self._bot.token, path), timeout=ClientTimeout(self._patience), allow_redirects=False
            ) as answer:
                if answer.status != 200:
                    raise failed_download(answer.status)
                async for piece in answer.content.iter_chunked(CHUNK):
                    data += piece
                    if len(data) > most:
                        raise SendError("too-large")
        except (ClientError, TimeoutError):
            raise SendError("unreachable") from None
        return bytes(data)

    async def close(self) -> None:
        await self._bot.session.close()
