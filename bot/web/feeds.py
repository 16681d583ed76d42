"""GET /events.ics and /events.json: what everybody may see of what is coming, for calendars and websites. Never a link to join, never a number of people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.calendars import MOST_EVENTS, feed, json_feed
from storage import events
from storage.errors import StoreAway
from storage.records import Event
from storage.store import Store
from translations.detect import closest

FRESH = 60  # seconds that a feed is kept: websites ask again and again
HEADERS = {"Cache-Control": f"public, max-age={FRESH}", "Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}

Listed = Sequence[tuple[Event, str, str]]


class Feeds:
    def __init__(self, store: Store, name: str, languages: Sequence[str], address: Callable[[Event], str]) -> None:
        """`name`: of the programme; `address`: where somebody signs up for an event."""
        self._store, self._name, self._languages, self._address = store, name, languages, address
        self._kept: dict[str, tuple[float, Listed]] = {}

    def routes(self) -> list[Route]:
        return [Route("/events.ics", self._calendar, methods=["GET"]), Route("/events.json", self._json, methods=["GET"])]

    async def _calendar(self, request: Request) -> Response:
        listed = await self._listed(request)
        if isinstance(listed, Response):
            return listed
        content = feed(listed, name=self._name, now=self._store.clock(), address=self._address)
        return Response(content, media_type="text/calendar; charset=utf-8", headers=HEADERS)

    async def _json(self, request: Request) -> Response:
        listed = await self._listed(request)
        if isinstance(listed, Response):
            return listed
        return JSONResponse(json_feed(listed, name=self._name, now=self._store.clock(), address=self._address, languages=self._languages), headers=HEADERS)

    async def _listed(self, request: Request) -> Listed | Response:
        """With the texts in the language that was asked for (`?lang=uk`), where there are any."""
        wanted = request.query_params.get("lang", "")
        language = closest(wanted, self._languages) or ""
        there = self._kept.get(language)
        if there and monotonic() - there[0] < FRESH:
            return there[1]
        try:
            async with self._store.read() as unit:
                coming = await events.coming(unit, MOST_EVENTS)
                texts = await events.texts(unit, [event.texts for event in coming])
        except StoreAway:
            return Response("The database can't be reached; please try again.\n", 503, {"Retry-After": "30"}, "text/plain")
        listed = [(event, *events.told(texts.get(event.texts, {}), language)) for event in coming]
        self._kept[language] = (monotonic(), listed)
        return listed
