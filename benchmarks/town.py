"""The town: people who talk with a bot, behind a small Bot API of their own, in a process of its own.

Everybody answers at once, as soon as they read a question: the first button, or a few words. After the last question somebody
new begins, so that no bot profits from what it knows. Every question is held against the survey: its order, copies, omissions.

What happens is told in lines of JSON on stdout: the port, a window's begin and end, the reckoning. It ends when stdin ends.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import random
import sys
import time
from collections import deque
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

import orjson
import uvloop
from aiohttp import web
from survey import QUESTIONS, THANKS

BOT = {"id": 4242, "is_bot": True, "first_name": "Bot", "username": "measured_bot"}
DATE = 1_795_000_000
ATTEMPT = 20.0  # seconds until a bot must have answered somebody
LAST_REPLIES = 30.0  # seconds that are waited for them at the end
NAMES = "Olena Ahmad Yuliia Fatima John Сергій سمير Selam Azadeh Nguyễn".split()
WORDS = (
    "Rostock",
    "Київ, потім Росток",
    "حلب",
    "ich war Köchin in einem kleinen Restaurant",
    "зварювальник",
    "عامل بناء منذ سنوات",
    "welder, then a driver",
    "መምህር",
    "دری و کمی آلمانی",
    "کارگر ساختمان",
    "українська, трохи німецької",
    "Tiếng Việt",
    "nothing more, thank you 🙏",
)


class Person:
    """One conversation, from /start to the thank-you."""

    __slots__ = ("asked", "chat", "name", "since", "update", "waiting")

    def __init__(self, chat: int, name: str) -> None:
        self.chat, self.name = chat, name
        self.asked = -1  # the number of the last question; -1: none yet
        self.waiting = False  # for the bot
        self.since = 0.0  # when our update became available to it
        self.update: dict[str, Any] = {}  # what we say next


class Town:
    def __init__(self, rnd: random.Random) -> None:
        self.rnd = rnd
        self.people: dict[int, Person] = {}
        self.updates: deque[tuple[int, bytes]] = deque()  # not confirmed yet
        self.chats, self.update_ids = (itertools.count(rnd.randrange(10**8, 10**9)) for _ in range(2))  # nobody whom a bot knows from another run
        self.numbers = itertools.count(1)
        self.news, self.quiet, self.first_reply = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.ready: deque[Person] | None = None  # paced: who has an answer, and waits for their turn
        self.hushed = False  # nobody says anything any more
        self.window: list[float] | None = None  # seconds from update to reply
        self.answered = self.finished = self.doubled = self.disorder = self.waiting = 0
        self.firsts: dict[str, float] = {}  # method -> moment of its first request

    # ---- people ----

    def somebody(self) -> None:
        """Somebody new says /start."""
        person = Person(next(self.chats), self.rnd.choice(NAMES))
        self.people[person.chat] = person
        start = {"text": "/start", "entities": [{"type": "bot_command", "offset": 0, "length": 6}]}
        person.update = {"message": self.message(person) | start}
        self.say(person)

    def say(self, person: Person) -> None:
        if self.hushed:
            return
        number = next(self.update_ids)
        person.waiting, self.waiting = True, self.waiting + 1
        self.updates.append((number, orjson.dumps({"update_id": number} | person.update)))
        person.since = time.perf_counter()
        self.news.set()

    def hear(self, fields: dict[str, Any], arrived: float) -> dict[str, Any]:
        """A message of the bot: is it the right one? Then it is answered, once the bot knows that it arrived."""
        person = self.people.get(int(fields["chat_id"]))
        if person is None or not person.waiting:
            self.doubled += 1
            return {"message_id": next(self.numbers), "date": DATE, "chat": {"id": int(fields["chat_id"]), "type": "private"}, "text": fields["text"]}
        self.first_reply.set()
        person.waiting, self.waiting = False, self.waiting - 1
        text, markup = fields["text"], fields.get("reply_markup")
        sent = self.message(person) | {"from": BOT, "text": text} | ({"reply_markup": markup} if markup else {})
        if person.asked == len(QUESTIONS) - 1 and THANKS in text:
            self.count(person, arrived)
            self.finished += 1
            del self.people[person.chat]
            self.next_one()
        elif person.asked < len(QUESTIONS) - 1 and QUESTIONS[person.asked + 1][0] in text:
            if person.asked >= 0:
                self.count(person, arrived)
            person.asked += 1
            self.answer(person, sent, QUESTIONS[person.asked][1])
        elif person.asked == -1 and markup:  # not one of the survey's: may we keep your answers?
            self.press(person, sent)
            asyncio.get_running_loop().call_soon(self.say, person)
        else:
            self.disorder += 1
            del self.people[person.chat]
            self.next_one()
        if self.hushed and not self.waiting:
            self.quiet.set()
        return sent

    def next_one(self) -> None:
        if not self.hushed:
            asyncio.get_running_loop().call_soon(self.somebody)

    def count(self, person: Person, arrived: float) -> None:
        self.answered += 1
        if self.window is not None:
            self.window.append(arrived - person.since)

    def answer(self, person: Person, sent: dict[str, Any], choices: tuple[str, ...]) -> None:
        if choices:
            self.press(person, sent)
        else:
            person.update = {"message": self.message(person) | {"text": self.rnd.choice(WORDS)}}
        if self.ready is None:
            asyncio.get_running_loop().call_soon(self.say, person)
        else:
            self.ready.append(person)

    def press(self, person: Person, sent: dict[str, Any]) -> None:
        data = sent["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
        query = {"id": str(next(self.numbers)), "from": self.user(person), "message": sent, "chat_instance": str(person.chat), "data": data}
        person.update = {"callback_query": query}

    def message(self, person: Person) -> dict[str, Any]:
        chat = {"id": person.chat, "first_name": person.name, "type": "private"}
        return {"message_id": next(self.numbers), "from": self.user(person), "chat": chat, "date": DATE}

    def user(self, person: Person) -> dict[str, Any]:
        return {"id": person.chat, "is_bot": False, "first_name": person.name, "language_code": "en"}

    # ---- the Bot API ----

    async def serve(self, request: web.BaseRequest) -> web.Response:
        arrived = time.perf_counter()
        method = request.path.rpartition("/")[2]
        self.firsts.setdefault(method, time.monotonic())
        fields = await read(request)
        match method:
            case "getUpdates":
                return ok(b"[" + b",".join(await self.fetch(int(fields.get("offset") or 0), float(fields.get("timeout") or 0), fields.get("limit"))) + b"]")
            case "sendMessage" | "editMessageText":
                return ok(orjson.dumps(self.hear(fields, arrived)))
            case "getMe":
                return ok(orjson.dumps(BOT))
        return ok(b"true")

    async def fetch(self, offset: int, timeout: float, limit: str | int | None) -> list[bytes]:
        """An update comes again until a later one is asked for."""
        while self.updates and self.updates[0][0] < offset:
            self.updates.popleft()
        if not self.updates:
            self.news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self.news.wait()
        return [update for _, update in itertools.islice(self.updates, int(limit or 100))]

    # ---- the clock ----

    async def measure(self, mode: str, warm: float, seconds: float) -> None:
        await asyncio.sleep(warm)
        tell(begin=mode)
        self.window, began, cpu = [], time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        times, took = sorted(self.window), time.perf_counter() - began
        self.window = None
        figures = {"rate": len(times) / took, "p50": percentile(times, 50), "p99": percentile(times, 99), "seconds": took}
        tell(end=mode, answers=len(times), town_cpu=(time.process_time() - cpu) / took, **figures)

    async def pace(self, rate: float) -> None:
        """Whoever has an answer gives it when it is their turn; turns come at random, `rate` a second."""
        due = time.perf_counter()
        while self.ready is not None:
            due += self.rnd.expovariate(rate)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if self.ready:
                self.say(self.ready.popleft())

    def hurry(self) -> None:
        """Everybody at once from now on."""
        ready, self.ready = self.ready or (), None
        for person in ready:
            self.say(person)

    async def hush(self) -> dict[str, int]:
        """The last replies; then the reckoning."""
        self.hushed = True
        if self.waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_REPLIES):
                    await self.quiet.wait()
        return {"answered": self.answered, "finished": self.finished, "doubled": self.doubled, "disorder": self.disorder, "missing": self.waiting}


async def read(request: web.BaseRequest) -> dict[str, Any]:
    """Whichever way a library sends its parameters."""
    if request.content_type == "application/json":
        return orjson.loads(await request.read())
    if request.content_type == "application/x-www-form-urlencoded":
        fields: dict[str, Any] = dict(parse_qsl((await request.read()).decode()))
    else:
        fields = dict(request.query) | dict(await request.post())
    if "reply_markup" in fields:
        fields["reply_markup"] = orjson.loads(fields["reply_markup"])
    return fields


def ok(result: bytes) -> web.Response:
    return web.Response(body=b'{"ok":true,"result":' + result + b"}", content_type="application/json")


def percentile(times: list[float], percent: int) -> float | None:
    """Of sorted times, by nearest rank."""
    return times[-(-len(times) * percent // 100) - 1] if times else None


def tell(**news: Any) -> None:
    print(json.dumps(news), flush=True)


async def stdin_ends() -> None:
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def main(options: argparse.Namespace) -> None:
    town = Town(random.Random(options.seed))
    server = web.ServerRunner(web.Server(town.serve, access_log=None), shutdown_timeout=0.1)
    await server.setup()
    site = web.TCPSite(server, "127.0.0.1", 0)
    await site.start()
    gc.freeze()
    tell(port=server.addresses[0][1])
    if options.rate:
        town.ready = deque()
    for _ in range(options.people):
        town.somebody()
    try:
        async with asyncio.timeout(ATTEMPT):
            await town.first_reply.wait()
    except TimeoutError:
        tell(silent=ATTEMPT)
    else:
        tell(firsts=town.firsts)
        if options.rate:
            pacing = asyncio.create_task(town.pace(options.rate))
            await town.measure("paced", options.warm, options.seconds)
            town.hurry()
            await pacing
        if options.seconds:
            await town.measure("saturated", options.warm, options.seconds)
        tell(reckoning=await town.hush())
    await stdin_ends()
    await server.cleanup()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--warm", type=float, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=30, help="answers a second in the paced window; 0: no such window")
    parser.add_argument("--seed", type=int, default=1)
    uvloop.run(main(parser.parse_args()))
