"""GET /healthz (the process is alive) and /readyz (the database answers)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Route

from bot.errors import FrontdoorError


def application(is_ready: Callable[[], Awaitable[bool]], more: Sequence[BaseRoute] = ()) -> Starlette:
    """`more`: what else answers."""

    async def alive(_: Request) -> PlainTextResponse:
        return PlainTextResponse("alive\n")

    async def ready(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ready\n") if await is_ready() else PlainTextResponse("the database does not answer\n", 503)

    return Starlette(routes=[Route("/healthz", alive), Route("/readyz", ready), *more])


def listen(address: str) -> socket.socket:
    """Raises FrontdoorError when the port is taken or not ours to take."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, int(port)))
        sock.listen()  # who comes before we are ready waits a moment instead of being refused
    except OSError as error:
        sock.close()
        raise FrontdoorError(
            f"FRONTDOOR_HTTP: {address} can't be used ({error.strerror}). Is another Frontdoor running? Choose another port, or `off`."
        ) from error
    return sock


async def serve(app: Starlette, sock: socket.socket, proxies: str = "127.0.0.1") -> None:
    """Until cancelled. `proxies`: whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", forwarded_allow_ips=proxies, server_header=False))
    task = asyncio.create_task(server._serve([sock]))  # noqa: SLF001 - serve() would take over the process's signal handlers, which are ours
    try:
        await asyncio.shield(task)
    finally:
        server.should_exit = True
        await asyncio.wait([task], timeout=1)
