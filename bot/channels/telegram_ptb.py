"""Telegram by python-telegram-bot (extra `ptb`), as an API client only: its updater confirms what was not handled (TRUST.md, 1)."""

from __future__ import annotations

import warnings
from typing import Any

import httpx
from telegram import Bot, InputFile
from telegram.error import TelegramError
from telegram.request import HTTPXRequest

from bot.channels.telegram import ALLOWED_UPDATES, Upload
from bot.channels.telegram_bot import CHUNK, Refused, check_token, failed_download, result_of
from bot.errors import SendError

PATIENCE = 30  # seconds for one request
CONNECTIONS = 16  # at a time; httpx walks all of them for every request (100 cost it 2.5 ms)

# do_api_request() is its public way to plain JSON (see `result_of`); it would rather have us use the typed methods.
warnings.filterwarnings("ignore", message="Please use 'Bot")


class _Request(HTTPXRequest):
    """Judges answers by status and JSON, before the library turns them into exceptions that forget both."""

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """Raises SendError or Refused (the library wraps them; `_do` takes them out again)."""
        status, payload = await super().do_request(*args, **kwargs)
        result_of(status, payload.decode("utf-8", "replace"))
        return status, payload


class Driver:
    def __init__(self, token: str, api: str, patience: float = PATIENCE) -> None:
        """Raises FrontdoorError for what can't be a token."""
        self._requests = (_Request(connection_pool_size=1), _Request(connection_pool_size=CONNECTIONS, pool_timeout=patience))
        polling, calling = self._requests
        self._bot = Bot(check_token(token), f"{api}/bot", f"{api}/file/bot", request=calling, get_updates_request=polling)
        self._patience = patience

    async def fetch(self, offset: int | None, timeout: int) -> list[dict[str, Any]]:
        parameters = {"timeout": timeout, "allowed_updates": ALLOWED_UPDATES} | ({} if offset is None else {"offset": offset})
        return list(await self._do("getUpdates", parameters, timeout + 10))

    async def call(self, method: str, parameters: dict[str, Any]) -> Any:
        """The result as JSON. Raises SendError or Refused."""
        files = {name: InputFile(value.content, filename=value.name) for name, value in parameters.items() if isinstance(value, Upload)}
        return await self._do(method, {**parameters, **files}, self._patience)

    async def _do(self, method: str, parameters: dict[str, Any], timeout: float) -> Any:
        try:
            return await self._bot.do_api_request(method, parameters, read_timeout=timeout, write_timeout=timeout, connect_timeout=timeout)
        except TelegramError as error:
            if isinstance(error.__cause__, Refused | SendError):
                raise error.__cause__ from None
            raise SendError("unreachable") from error

    async def download(self, path: str, most: int) -> bytes:
        """Raises SendError; its cause must not be kept, because it quotes an address that holds the token. (The library's own
        way reads everything before anybody can say stop.)"""
        data = bytearray()
        try:
            async with httpx.AsyncClient(timeout=self._patience) as client, client.stream("GET", f"{self._bot.base_file_url}/{path}") as answer:
                if answer.status_code != 200:
                    raise failed_download(answer.status_code)
                async for piece in answer.aiter_bytes(CHUNK):
                    data += piece
                    if len(data) > most:
                        raise SendError("too-large")
        except httpx.HTTPError:
            raise SendError("unreachable") from None
        return bytes(data)

    async def close(self) -> None:
        for request in self._requests:
            await request.shutdown()
