"""What every address of ours needs: a body that is JSON and not too large, refusals in one sentence, and a limit for each caller."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request

PATIENCE = 20  # seconds for the whole body, on the slowest of lines
MOST_CALLERS = 10_000  # remembered at a time; then those who did nothing lately are forgotten


class Refused(Exception):
    """The request is not served: HTTP status, one sentence, and after how many seconds it may come again."""

    def __init__(self, status: int, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(status)
        self.status, self.sentence, self.retry_after = status, sentence, retry_after

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_after is None else {"Retry-After": str(max(1, round(self.retry_after)))}


async def json_object(request: Request, largest: int) -> dict[str, Any]:
    """`largest` in bytes; no more of it is read. Raises Refused."""
    body = b""
    try:
        async with asyncio.timeout(PATIENCE):
            async for piece in request.stream():
                body += piece
                if len(body) > largest:
                    raise Refused(413, f"This is too large: at most {largest} bytes.")
    except TimeoutError:
        raise Refused(408, "This took too long to arrive.") from None
    except ClientDisconnect:
        raise Refused(400, "The line broke.") from None  # nobody hears it
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "This is no JSON.") from None
    if not isinstance(value, dict):
        raise Refused(400, "This is no JSON object.")
    return value


class Buckets:
    """So many at once for each caller, and so many a second in the long run."""

    def __init__(self, burst: int, per_second: float, clock: Callable[[], float]) -> None:
        self._burst, self._each, self._clock = burst, 1 / per_second, clock
        self._full_at: dict[str, float] = {}  # the moment at which a caller's bucket would be full again

    def take(self, caller: str) -> float:
        """0: go on. Else seconds until the next one, and nothing was taken."""
        now = self._clock()
        full_at = max(self._full_at.get(caller, now), now)
        wait = full_at - (self._burst - 1) * self._each - now
        if wait > 0:
            return wait
        if len(self._full_at) >= MOST_CALLERS:
            self._full_at = {each: moment for each, moment in self._full_at.items() if moment > now}
            if len(self._full_at) >= MOST_CALLERS:
                return 1.0  # more callers at once than we ever meant to serve: they come in turn
        self._full_at[caller] = full_at + self._each
        return 0


def caller_of(request: Request) -> str:
    """Who calls, as far as a network tells: an IPv4 address, or the half of an IPv6 address that names a household."""
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return "?"
    address = getattr(address, "ipv4_mapped", None) or address
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
