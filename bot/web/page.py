"""What a browser is shown: the page of the web chat in somebody's language, its style and script, and the harmless calendar."""

from __future__ import annotations

import calendar
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from babel.dates import format_date
from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bot.messages import clean, language_of
from translations.detect import closest
from translations.words import Words, is_right_to_left, locale, own_name

HERE = Path(__file__).parent
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",  # not no-referrer: a form would then be sent with the origin `null`
    "X-Content-Type-Options": "nosniff",
}


class Page:
    def __init__(self, words: Words, name: str, now: Callable[[], datetime], pictures: Callable[[str], bytes | None] = lambda _: None) -> None:
        """`name`: of the programme. `now` in its time zone. `pictures`: name -> JPEG, if there is one."""
        self._words, self._name, self._now, self._pictures = words, name, now, pictures
        self._templates = Environment(loader=FileSystemLoader(HERE / "pages"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
        self._files = {path.name: (path.read_bytes(), TYPES[path.suffix]) for path in sorted((HERE / "static").iterdir()) if path.suffix in TYPES}
        self._version = hashlib.sha256(b"".join(content for content, _ in self._files.values())).hexdigest()[:12]
        self.sentences = cache(self._sentences)

    def routes(self) -> list[BaseRoute]:
        async def at_the_door(_: Request) -> Response:
            return RedirectResponse("/chat", 307)

        return [
            Route("/", at_the_door, methods=["GET"]),
            Route("/chat", self._chat, methods=["GET"]),
            Route("/chat/words", self._relabel, methods=["GET"]),
            Route("/chat/static/{name}", self._file, methods=["GET"]),
            Route("/chat/pictures/{form}/{name}", self._picture, methods=["GET"]),
            Route("/calendar", self._calendar, methods=["GET"]),
        ]

    def language(self, request: Request, *wanted: str) -> str:
        """The first of those asked for that is there, else what the browser prefers, else the programme's first."""
        there = self._words.languages
        preferred = [part.partition(";")[0].strip() for part in request.headers.get("accept-language", "")[:200].split(",")]
        return next((found for each in (*wanted, *preferred) if (found := closest(each[:35], there))), there[0])

    async def _chat(self, request: Request) -> Response:
        start = clean(request.query_params.get("start", ""))[:64]
        language = self.language(request, request.query_params.get("lang", ""), language_of(start))
        shown = {"language": language, "dir": _direction(language), "words": self.sentences(language)}
        facts = {
            **shown,
            "languages": [(each, own_name(each)) for each in self._words.languages],
            "w": shown["words"],
            "words_json": _for_a_script({**shown, "start": start, "exit": "/calendar"}),
            "version": self._version,
            "programme": self._name,
        }
        return HTMLResponse(self._templates.get_template("chat.html").render(facts), headers=HEADERS)

    async def _relabel(self, request: Request) -> Response:
        language = self.language(request, request.query_params.get("lang", ""))
        return JSONResponse({"language": language, "dir": _direction(language), "words": self.sentences(language)}, headers=HEADERS)

    async def _file(self, request: Request) -> Response:
        content, kind = self._files.get(request.path_params["name"], (None, ""))
        if content is None:
            return Response("There is no such file.\n", 404, media_type="text/plain")
        return Response(content, media_type=kind, headers={**HEADERS, "Cache-Control": "public, max-age=31536000, immutable"})

    async def _picture(self, request: Request) -> Response:
        """Of a form's question; the same for everybody, and nobody's."""
        content = self._pictures(f"{request.path_params['form']}/{request.path_params['name']}")
        if content is None:
            return Response("There is no such picture.\n", 404, media_type="text/plain")
        return Response(content, media_type="image/jpeg", headers=HEADERS)

    async def _calendar(self, request: Request) -> Response:
        """Where the quick exit leads: nothing on it tells where somebody was."""
        language, today = self.language(request), self._now().date()
        place = locale(language)
        weeks = calendar.Calendar(place.first_week_day).monthdayscalendar(today.year, today.month)
        days = [place.days["format"]["abbreviated"][(place.first_week_day + number) % 7] for number in range(7)]
        facts = {
            "language": language,
            "dir": _direction(language),
            "title": format_date(today, "LLLL y", locale=place),
            "days": days,
            "weeks": weeks,
            "today": today.day,
            "version": self._version,
        }
        return HTMLResponse(self._templates.get_template("calendar.html").render(facts), headers=HEADERS)

    def _sentences(self, language: str) -> dict[str, str]:
        """Everything that the page itself says; the bot's own words come as letters."""
        names = [name for name in self._words.catalogue("en").texts if name.startswith("web.")]
        return {name.removeprefix("web."): self._words.tr(name, language) for name in names}


def _direction(language: str) -> str:
    return "rtl" if is_right_to_left(language) else "ltr"


def _for_a_script(value: Any) -> str:
    """JSON that may stand inside <script>: nothing in it can end the element or begin a comment."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
