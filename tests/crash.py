"""The library of the crash proofs: a town of people, a small Bot API that they live behind, and a nursery of bots to be killed.

The bot is the real one (what `frontdoor run` runs, on its event loop; either library, polling or by webhook; real HTTP, a real
database) in a process of its own; what is invented is only the world around it. A crash is SIGKILL at a random moment.
Afterwards `audit` holds the database against what the people remember: they note down each of their answers at the moment they
give it.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import itertools
import json
import logging
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict, deque
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import uvicorn
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web
from conftest import CANARIES, KEYS, LOG, ROOT, until
from sqlalchemy import event, func, select

from bot import app, logs
from bot.__main__ import go
from bot.app import House
from bot.channels.telegram import read_update
from bot.channels.telegram_bot import TelegramBot
from bot.letters import PICKED
from bot.settings import Settings, read_programme
from bot.sources import NAMERS, SENTENCES
from dialogs.files import load_scripts
from storage import chats, people, tables
from storage.errors import StoreAway
from storage.schema import prepare
from storage.store import Store
from translations import words as catalogues
from translations.words import Words

TOKEN = CANARIES["token"]
BOT = TOKEN.partition(":")[0]
SECRET = "an-invented-secret"
DATE, PACKET = 1795000000, 65536
MARKS = dict.fromkeys(map(ord, "\u200e\u200f\u2068\u2069"))  # what words.py adds around right-to-left text


@cache
def furniture():
    """Programme, scripts and words, as `app.build` reads them; once, because a zygote hands them down."""
    programme = read_programme(ROOT / "programme.yaml")
    return programme, load_scripts(), Words(programme.languages, constants=programme.constants, namers=NAMERS, sentences=SENTENCES)


def house(url):
    settings = Settings(_env_file=None, database_url=url, limits="off")  # with limits, a chat would take a second per reply
    return House(settings, *furniture(), Store.at(url, KEYS))


async def migrated(url):
    """The address of a database, once its tables are there."""
    home = house(url)
    await prepare(home.store)
    await home.store.close()
    return url


# ---- people ---------------------------------------------------------------------------------------------------------


@cache
def asked(language):
    """Every question of the dialogs that our people meet: its sentence in a language -> its id."""
    _, scripts, words = furniture()
    names = []
    for dialog in ("welcome", "join", "newcomer", "menu"):
        for step in scripts[dialog].steps:
            names += [f"{dialog}.{step.id}"] if step.ask else []
            names += [f"{dialog}.{step.id}.{inner.id}" for inner in step.steps] + ([f"{dialog}.{step.id}.another"] if step.steps else [])
    asked = {words.tr(name, language).translate(MARKS): name for name in names}
    asked |= {words.tr(f"common.{name}", language).translate(MARKS): "newcomer.can.what" for name in ("closest", "nothing-close")}
    return {text.partition("{what}")[2] or text.partition("{words}")[2].strip() or text: name for text, name in asked.items()}  # what comes after a fact


FIRST = {"newcomer.languages.language": "newcomer.languages", "newcomer.can.what": "newcomer.can"}  # of a group


@dataclass
class Person:
    """Reads the last message, answers it once, and notes what they answered. Takes one step at a time, so that it is certain
    which question an answer belongs to; a second copy of a message is ignored, as people do."""

    id: int
    language: str
    town: Town
    prompt: int = 0  # the highest number heard on a button
    waiting: bool = False  # for a reply to what they sent
    gone: bool = False  # has said all there is to say
    sent: list[int] = field(default_factory=list)  # their updates
    answers: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)  # question, round -> kind, words or codes
    decisions: list[tuple[str, str]] = field(default_factory=list)  # purpose, verdict
    heard: list[tuple[int, str, str]] = field(default_factory=list)  # prompt, text, buttons; in the order they came
    inversions: int = 0
    pressed: str = ""  # the last button
    slipped: int = 0  # the prompt at which they last pressed an old one
    ticked: int = 0  # the prompt at which they last ticked a box
    words: str = ""  # in which they told what they can do

    def hear(self, text, buttons, message):
        """`buttons`: (data, label) in the order shown."""
        asked = [(data, label) for data, label in buttons if data.startswith("q:")]  # without those that are in order at any time
        prompt = int(asked[0][0].split(":")[1]) if asked else self.prompt
        known = (prompt, text, str(buttons)) in self.heard
        self.heard.append((prompt, text, str(buttons)))
        if known:
            return
        self.inversions += prompt < self.prompt
        self.prompt, self.waiting = max(prompt, self.prompt), False
        self.gone |= not asked  # "that went wrong, please say it again": they don't, and the referee will hear of it
        if not self.gone and not self.town.hushed and len(self.sent) < self.town.limit:
            self.act(self.question(text), {data.rpartition(":")[2]: (data, label) for data, label in asked}, message)

    @property
    def copies(self):
        """Messages that came again."""
        return len(self.heard) - len(set(self.heard))

    def question(self, text):
        """The id of the question that stands last in a message."""
        plain = text.translate(MARKS)
        return max((plain.rfind(sentence), name) for sentence, name in asked(self.language).items())[1]

    def act(self, question, buttons, message):
        is_old = self.pressed and f":{self.prompt}:" not in self.pressed
        if is_old and self.slipped != self.prompt and self.town.rnd.random() < 0.05:
            self.slipped = self.prompt  # a thumb on an old button answers nothing, and the question is asked again
            self.press(self.pressed, message)
        elif code := self.choice(question, [code for code in buttons if not code.startswith(".")], buttons):
            self.pressed = buttons[code][0]
            self.press(self.pressed, message)
        else:
            self.type(question)

    def choice(self, question, offered, buttons):
        """The button to press; "": this one is typed."""
        match question:
            case "welcome.language":
                return self.language
            case "join.age":
                return "yes"
            case "join.keep":
                return self.decide("profile", "yes")
            case "join.news":
                return self.decide("announcements", "no")
            case "join.role":
                return self.note(question, "newcomer")
            case "menu.choose":
                return "role"  # answers the role again, and stands before the summary again
            case "newcomer.languages.another" | "newcomer.can.another":
                return ".enough"
            case "newcomer.summary":
                return self.change_or_go(offered)
            case "newcomer.wants" | "newcomer.times":
                return self.tick(question, offered, buttons)
        if ".skip" in buttons and self.town.rnd.random() < 0.08:
            self.note(question, "", "skipped")
            return ".skip"
        if question == "newcomer.can.what":  # typed, and then one of the closest entries or none: their words are kept in any case
            if ".other" not in buttons:
                return ""
            self.note(question, self.words)
            return self.town.rnd.choice([*offered, ".other"])
        if question.count(".") == 2:
            return self.note(question, self.town.rnd.choice(offered))
        return ""

    def decide(self, purpose, code):
        self.decisions.append((purpose, "given" if code == "yes" else "refused"))
        return code

    def change_or_go(self, lines):
        if self.town.rnd.random() < 0.85:
            return self.town.rnd.choice(lines)
        self.gone = self.town.rnd.random() < 0.3
        return ".done"

    def tick(self, question, offered, buttons):
        picked = [code for code in offered if buttons[code][1].startswith(PICKED)]
        free = [code for code in offered if code not in picked]
        if picked and (self.ticked == self.prompt or not free):
            self.note(question, " ".join(picked))
            return ".done"
        self.ticked = self.prompt
        return self.town.rnd.choice(free)

    def note(self, question, value, kind="given"):
        if question in FIRST:  # another language, another level
            self.answers = {key: answer for key, answer in self.answers.items() if not key[0].startswith(FIRST[question])}
        if question not in FIRST or kind == "given":  # without a first one, the whole group is skipped
            self.answers[question, "1" if question.count(".") == 2 else ""] = (kind, value)  # our people go through one round only
        return value

    def type(self, question):
        number = next(self.town.numbers)
        text = f"w{number}"
        if question == "newcomer.town":  # where a number would be part of an address
            text = text.translate(str.maketrans("0123456789", "abcdefghij"))
        if question == "newcomer.can.what":
            self.words = text  # an answer only when an entry is chosen, or none
        else:
            self.note(question, text)
        self.say(text)

    def say(self, text):
        self.town.post(self, {"message": {"message_id": next(self.town.numbers), "date": DATE, "from": self.user, "chat": self.chat, "text": text}})

    def press(self, data, message):
        shown = {"message_id": message, "date": DATE, "chat": self.chat, "from": {"id": 7, "is_bot": True, "first_name": "F"}}
        query = {"id": str(next(self.town.numbers)), "from": self.user, "chat_instance": "c", "data": data, "message": shown}
        self.town.post(self, {"callback_query": query})

    @property
    def user(self):
        return {"id": self.id, "is_bot": False, "first_name": CANARIES["name"], "language_code": self.language}

    @property
    def chat(self):
        return {"id": self.id, "type": "private"}


class Town:
    """Telegram as the bot meets it: everybody's updates, kept and repeated until an offset beyond them is asked for or, once a
    webhook is set, until they were handed in and answered 200. May be used as a Driver, without HTTP."""

    def __init__(self, rnd, limit=10**9):
        """`limit`: nobody sends more updates than that."""
        self.rnd, self.limit, self.people = rnd, limit, {}
        self.numbers, self.update_ids = itertools.count(1), itertools.count(rnd.randrange(10**6, 10**8))
        self.log: dict[int, dict] = {}  # every update there ever was
        self.pending: list[int] = []
        self.confirmed: deque[int] = deque()
        self.hushed = False  # nobody begins anything new
        self.lives = 0  # a poll of a dead bot must not hear what comes later
        self.begun = asyncio.Event()  # the present bot got updates, or said something
        self.speakers: list[str] = []  # who said something: one name, until another one says something
        self.answers: Counter[int] = Counter()  # to what was handed in: status -> how often
        self._news = asyncio.Event()
        self._webhook: tuple[str, str] | None = None  # address, secret
        self._connections = asyncio.Semaphore(0)
        self._queues = defaultdict(asyncio.Lock)

    # ---- people's side ----

    def fill(self, crowd):
        """As many people who talk. Somebody always waits to be heard, even where a broken bot has left all others hanging."""
        for _ in range(crowd - sum(not person.gone for person in self.people.values())):
            self.somebody()
        if not self.pending:
            self.somebody()

    def somebody(self, kind=Person):
        person = kind(1001 + len(self.people), self.rnd.choice(furniture()[0].languages), self)
        self.people[person.id] = person
        person.say("/start")
        return person

    def post(self, person, content):
        """`person`: who expects an answer to it."""
        update = next(self.update_ids)
        self.log[update] = {"update_id": update, **content}
        self.pending.append(update)
        if person:
            person.sent.append(update)
            person.waiting = True
        self._wake()

    def again(self, town):
        """The same people say the same once more, in `town`, all at once and without listening."""
        town.hushed = True
        for person in self.people.values():
            town.people[person.id] = Person(person.id, person.language, town, answers=person.answers, decisions=person.decisions)
        whose = {update: person.id for person in self.people.values() for update in person.sent}
        for update, content in self.log.items():
            town.post(town.people[whose[update]], {key: value for key, value in content.items() if key != "update_id"})
        return town

    def begin_life(self):
        self.lives += 1
        self.begun.clear()
        self._wake()

    def _wake(self):
        news, self._news = self._news, asyncio.Event()
        news.set()

    # ---- the bot's side ----

    async def fetch(self, offset, timeout):
        """getUpdates, at least once: what is not confirmed comes again, and some of it more often than it must."""
        life, end = self.lives, asyncio.get_running_loop().time() + timeout
        while offset is not None and self.pending and self.pending[0] < offset:
            self.confirmed.append(self.pending.pop(0))
        while not self.pending and life == self.lives and end > asyncio.get_running_loop().time():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), end - asyncio.get_running_loop().time())
        if not self.pending or life != self.lives:
            return []
        self.begun.set()
        batch = self.pending[: self.rnd.randint(1, 100)]
        batch += [self.rnd.choice(batch)] if self.rnd.random() < 0.1 else []
        late = [self.confirmed[-self.rnd.randint(1, min(20, len(self.confirmed)))]] if self.confirmed and self.rnd.random() < 0.05 else []
        return [self.log[update] for update in late + batch]

    async def hand_in(self):
        """For ever: POST to the webhook, as Telegram's own server does."""
        async with ClientSession(connector=TCPConnector(force_close=True), timeout=ClientTimeout(30)) as client, asyncio.TaskGroup() as carriers:
            begun = set()
            while True:
                news = self._news
                for update in [each for each in self.pending if self._webhook and each not in begun]:
                    begun.add(update)
                    carriers.create_task(self._carry(client, update))
                await news.wait()

    async def _carry(self, client, update):
        """Texts and presses of a chat travel in queues of their own, each in order; some come more often than they must."""
        kind = "message" if "message" in self.log[update] else "callback_query"
        async with self._queues[kind, self.log[update][kind]["from"]["id"]]:
            while not await self._is_taken(client, update):
                await asyncio.sleep(self.rnd.uniform(0.01, 0.1))
            self.pending.remove(update)
            self.confirmed.append(update)
        if self.rnd.random() < 0.1:
            await self._is_taken(client, self.confirmed[-self.rnd.randint(1, min(20, len(self.confirmed)))])

    async def _is_taken(self, client, update):
        url, secret = self._webhook
        with suppress(ClientError, ConnectionError, TimeoutError):
            async with self._connections, client.post(url, json=self.log[update], headers={"X-Telegram-Bot-Api-Secret-Token": secret}) as answer:
                self.answers[answer.status] += 1
                self.begun.set()
                return answer.status == 200
        return False

    async def call(self, method, fields):
        if method == "getMe":
            return {"id": int(BOT), "is_bot": True, "first_name": "F", "username": "frontdoor_bot"}
        if method == "setWebhook":
            if self._webhook is None:
                self._connections = asyncio.Semaphore(int(fields["max_connections"]))
            self._webhook = fields["url"], fields["secret_token"]
            self._wake()
        if method in {"sendMessage", "editMessageText"}:
            self.begun.set()
            person, message = self.people[int(fields["chat_id"])], int(fields.get("message_id") or next(self.numbers))
            keyboard = (fields.get("reply_markup") or {}).get("inline_keyboard", [])
            person.hear(fields["text"], [(button["callback_data"], button["text"]) for row in keyboard for button in row], message)
            return {"message_id": message, "date": DATE, "chat": person.chat, "text": fields["text"]}
        return True

    async def close(self):
        pass


@asynccontextmanager
async def bot_api(town):
    """The town over HTTP; yields its address, to which each bot adds its own name."""

    async def answer(request):
        if request.content_type == "application/json":  # nested values as a form would carry them
            fields = {name: value if isinstance(value, str) else json.dumps(value) for name, value in (await request.json()).items()}
        else:
            fields = dict(await request.post())
        if request.match_info["method"] == "getUpdates":
            result = await town.fetch(int(fields["offset"]) if "offset" in fields else None, int(fields["timeout"]))
        else:
            if "text" in fields and town.speakers[-1:] != [who := request.match_info["who"]]:
                town.speakers.append(who)
            markup = {"reply_markup": json.loads(fields["reply_markup"])} if "reply_markup" in fields else {}
            result = await town.call(request.match_info["method"], {**fields, **markup})
        return web.json_response({"ok": True, "result": result})

    application = web.Application()
    application.router.add_post(f"/{{who}}/bot{TOKEN}/{{method}}", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    handing_in = asyncio.create_task(town.hand_in())
    try:
        yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    finally:
        handing_in.cancel()
        with suppress(asyncio.CancelledError):
            await handing_in
        town.begin_life()  # whoever still polls goes home
        await runner.cleanup()


# ---- bots -----------------------------------------------------------------------------------------------------------


class HastyBot(TelegramBot):
    """The positive control: confirms what it has not committed, as the stock frameworks do (TRUST.md, 1)."""

    async def _take_in(self, raw, handle):
        await self._driver.fetch(max(update["update_id"] for update in raw) + 1, 0)
        return await super()._take_in(raw, handle)

    async def hand_in(self, update, take_in):
        self._receipts.add(asyncio.create_task(super().hand_in(update, take_in)))


@asynccontextmanager
async def at_work(home, driver, seen=lambda letters: None):
    """A bot put together as in app.py; yields its tasks, which end only if it breaks. `seen` is given each commit's letters."""
    bot = TelegramBot(driver, BOT)
    await bot.introduce(home.commands())
    delivery = home.delivery({"telegram": bot})
    intake = home.intake(lambda letters: (seen(letters), delivery.take(letters)))
    await delivery.sweep()  # takes the lease, for which the first poll would else wait half a second
    tasks = [asyncio.create_task(delivery.run()), asyncio.create_task(bot.receive(intake.handle, delivery.may_send))]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await bot.close()
        for lease in delivery._leases.values():
            await lease.leave()  # in app.py the end of the process does that


async def live(tell, broken, **settings):
    """`frontdoor run`, until it is killed; or something that the referee must catch."""
    match broken:
        case "hasty":
            app.TelegramBot = HastyBot
        case "both send":
            app.Lease.take = lambda _: asyncio.sleep(0, result=True)
    await app.run(Settings(_env_file=None, **settings))


async def hand_in(tell, url, file, seed):
    """One of several processes that are given the same updates: in batches of its own, in an order of its own."""
    updates, rnd, home, away = json.loads(Path(file).read_text()), random.Random(seed), house(url), 0
    intake = home.intake(lambda letters: None)
    rnd.shuffle(updates)
    while updates:
        size = rnd.randint(1, 30)
        try:
            await intake.handle([read_update(update, BOT) for update in updates[:size]])
            updates = updates[size:]
        except StoreAway:
            away += 1
    await home.store.close()
    tell(away=away)


JOBS = {"live": live, "hand_in": hand_in}


def zygote(control):
    """Has done everything once, and runs nothing any more: no loop, no thread. It forks on demand, so that a birth costs
    milliseconds instead of the seconds of importing aiogram and reading every file."""
    logs.install("WARNING")
    app.load_scripts, catalogues.read_catalogue = cache(load_scripts), cache(catalogues.read_catalogue)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_warm_up(f"sqlite:///{folder}/warm.db"))
    house("postgresql://nobody@nowhere/nothing")  # imports what belongs to it, connects to nothing
    gc.collect()
    gc.freeze()  # else a child's first collection copies every page
    children = set()
    while packet := control.recv(PACKET):
        order = json.loads(packet)
        if child := order.get("kill"):
            children.discard(child)
            control.send(json.dumps({"dead": child, "by_itself": not _killed(child)}).encode())
        elif child := os.fork():
            children.add(child)
            control.send(json.dumps({"born": child}).encode())
        else:
            _be_born(control, **order)
    for child in children:
        _killed(child)


async def _warm_up(url):
    """A short life over HTTP, so that whatever is made at its first use (CLDR data, a library's classes) is there."""
    from bot.web import chat, health, webhook  # noqa: F401

    home, rnd = house(await migrated(url)), random.Random(0)
    uvicorn.Config(health.application(home.store.is_reachable)).load()
    for library, steps in (("aiogram", 30), ("ptb", 2)):
        town = Town(rnd, steps)
        async with bot_api(town) as api, at_work(home, app._driver(library, TOKEN, f"{api}/warm")):
            town.fill(8)
            await until(lambda: not any(person.waiting for person in town.people.values()), 60)
    await home.store.close()


def _killed(child):
    """False: it was dead already."""
    dead, _ = os.waitpid(child, os.WNOHANG)
    if not dead:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return not dead


def _be_born(control, job, **arguments):
    try:
        go(JOBS[job](lambda **news: control.send(json.dumps(news).encode()), **arguments))
    except BaseException as error:
        logging.getLogger("bot").critical("a bot died by itself", exc_info=error)
    finally:
        os._exit(0)


class Nursery:
    """The zygote, seen from a test."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        keys = Path(self._folder.name) / "keys"
        keys.touch(0o600)
        keys.write_text("".join(f"{name}: {base64.b64encode(key).decode()}\n" for name, key in (("index", b"i" * 32), ("1", b"k" * 32))))
        self._every_bot = {"key_file": str(keys), "telegram_token": TOKEN, "limits": "off"}
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, __file__, str(theirs.fileno())]
        with theirs, LOG.open("ab") as log:  # what the bots log is searched for secrets at the end, like all the rest
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=ROOT, env=environment, stdout=log, stderr=log)
        self._control.setblocking(False)
        self._news: list[dict] = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._control.close()  # the zygote takes its children along
        self._process.wait(30)
        self._folder.cleanup()

    async def bear_bot(self, url, api, *, library="aiogram", port=None, public="", broken=""):
        """One that polls; with a `port`, one that takes webhooks there. `public`: where the world reaches it instead."""
        here = f"127.0.0.1:{port}" if port else "off"
        world = {"http": here, "public_url": public or f"http://{here}", "webhook_secret": SECRET} if port else {"http": here, "public_url": ""}
        more = {"database_url": url, "telegram_api": api, "telegram_library": library}
        return await self.bear("live", broken=broken, **self._every_bot, **more, **world)

    async def bear(self, job, **arguments):
        await asyncio.get_running_loop().sock_sendall(self._control, json.dumps({"job": job, **arguments}).encode())
        return await self.hear("born")

    async def kill(self, child):
        """SIGKILL; when this returns, nothing of it runs any more."""
        await asyncio.get_running_loop().sock_sendall(self._control, json.dumps({"kill": child}).encode())
        by_itself = await self.hear("by_itself")
        assert not by_itself, f"a bot died by itself; the log ends with: {LOG.read_text('utf-8')[-3000:]}"

    async def hear(self, key):
        """The first news of that name; other news is kept for whoever asks."""
        while True:
            for news in self._news:
                if key in news:
                    self._news.remove(news)
                    return news[key]
            packet = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self._control, PACKET), 60)
            assert packet, f"the zygote is gone; the log ends with: {LOG.read_text('utf-8')[-3000:]}"
            self._news.append(json.loads(packet))


# ---- the referee ----------------------------------------------------------------------------------------------------


@dataclass
class Report:
    """What the database and the people say of each other."""

    acked: int = 0
    lost: list[str] = field(default_factory=list)  # of what was acknowledged
    doubled: list[str] = field(default_factory=list)
    extra_copies: int = 0
    inversions: int = 0
    unanswered: int = 0  # people who still wait
    unconfirmed: int = 0  # updates
    unsaid: int = 0  # letters, queued or given up
    quarantined: int = 0
    figures: dict[str, object] = field(default_factory=dict)

    @property
    def faults(self):
        """Everything that must not be, in words; extra copies apart, which have a bound instead."""
        counts = {name: getattr(self, name) for name in ("inversions", "unanswered", "unconfirmed", "unsaid", "quarantined")}
        return [*self.lost, *self.doubled, *(f"{count} {name}" for name, count in counts.items() if count)]

    def __str__(self):
        counts = {"acked": self.acked, "lost": len(self.lost), "doubled": len(self.doubled), "inversions": self.inversions}
        counts |= {"quarantined": self.quarantined, "extra_copies": self.extra_copies}
        return " ".join(f"{name}={value}" for name, value in {**counts, **self.figures}.items())


async def audit(store, town):
    report = Report(len(town.confirmed), extra_copies=sum(person.copies for person in town.people.values()))
    report.inversions = sum(person.inversions for person in town.people.values())
    report.unanswered = sum(person.waiting for person in town.people.values())
    report.unconfirmed = len(town.pending)
    async with store.read() as unit:
        telegrams = select(tables.updates.c.key).where(tables.updates.c.source == f"telegram/{BOT}")
        taken = {int(key) for key in (await unit.connection.execute(telegrams)).scalars()}
        report.lost += [f"update {update}" for update in town.confirmed if update not in taken]
        talks = select(tables.chats).where(tables.chats.c.channel == "telegram")
        rows = {int(chats.address_of(unit, row)): row for row in await unit.connection.execute(talks)}
        for person in town.people.values():
            await _audit_person(unit, report, person, rows.get(person.id))
        humans = await count(unit, tables.people)
        agreed = sum(("profile", "given") in person.decisions for person in town.people.values())
        report.doubled += [f"{humans - agreed} people too many"] if humans > agreed else []
        report.unsaid, report.quarantined = await count(unit, tables.outbox), await count(unit, tables.quarantine)
    return report


async def _audit_person(unit, report, person, chat):
    turns = chat.turn if chat else 0
    if turns != len(person.sent):
        (report.lost if turns < len(person.sent) else report.doubled).append(f"chat {person.id}: {turns} turns of {len(person.sent)} updates")
    record = await people.get(unit, chat.person_id) if chat and chat.person_id else None
    decided = Counter((consent.purpose, consent.verdict) for consent in record.consents) if record else Counter()
    report.lost += [f"chat {person.id}: consent {each}" for each in (Counter(person.decisions) - decided).elements()]
    report.doubled += [f"chat {person.id}: consent {each}" for each in (decided - Counter(person.decisions)).elements()]
    groups = {f"{dialog}.{step.id}" for dialog, script in furniture()[1].items() for step in script.steps if step.steps}  # their own rows only count
    there = {question: row for question, row in record.answers.items() if question[0] not in groups} if record else {}
    for question, (kind, value) in person.answers.items():
        row = there.pop(question, None)
        if row is None or row.kind != kind or (value and value not in {row.content.get("value"), row.content.get("words")}):
            report.lost.append(f"chat {person.id}: answer {question}")
    report.doubled += [f"chat {person.id}: answer {question} that nobody gave" for question in there]


async def count(unit, table, *which):
    return (await unit.connection.execute(select(func.count()).select_from(table).where(*which))).scalar()


def announce(capsys, seed, name, facts):
    """One line per proof, seen even where output is captured."""
    with capsys.disabled():
        print(f"\n{name}: {facts} seed={seed}", flush=True)


# ---- the proofs -----------------------------------------------------------------------------------------------------


async def kill_loop(nursery, url, rnd, kills, *, library="aiogram", webhook=False, crowd=12, broken=""):
    """Kill a bot that talks with people, again and again; let the last one finish; then look. `in_flight`: how many letters the
    killed ones left, sent or not, summed over the kills; there can't be more extra copies than that."""
    town, home, left = Town(rnd), house(url), 0
    async with bot_api(town) as api:
        birth = partial(nursery.bear_bot, url, f"{api}/bot", library=library, port=free_port() if webhook else None, broken=broken)
        await nursery.kill(await birth())  # the zygote is warm: from here on we measure
        began = time.monotonic()
        for _ in range(kills):
            town.fill(crowd)
            await _one_life(nursery, town, birth)
            left += await queued(home.store)
        rate = kills / (time.monotonic() - began)
        town.hushed = True
        last = await birth()
        await until(lambda: drained(home.store, town), 60)
        await nursery.kill(last)
    report = await audit(home.store, town)
    await home.store.close()
    report.figures = {"in_flight": left, "people": len(town.people), "kills/s": round(rate, 1)}
    return report


async def _one_life(nursery, town, birth):
    town.begin_life()
    child = await birth()
    await asyncio.sleep(await lifetime(town))
    await nursery.kill(child)


def free_port():
    """One that nobody is given by chance: below those that systems hand out by themselves (49152, on Linux 32768)."""
    while True:
        port = random.SystemRandom().randrange(20000, 32000)
        with socket.socket() as door, suppress(OSError):
            door.bind(("127.0.0.1", port))
            return port


async def lifetime(town):
    """Seconds. Most bots die at their first updates, some while they get up, some live long enough to put things in order (else
    what was sent is hardly ever marked as sent, and they would do little but repeat it)."""
    fate = town.rnd.random()
    if fate < 0.1:
        return town.rnd.uniform(0, 0.3)
    await asyncio.wait_for(town.begun.wait(), 30)
    return town.rnd.uniform(0.003, 0.15) if fate < 0.8 else town.rnd.uniform(0.15, 0.5)


async def drained(store, town):
    """Everything confirmed, and everything said."""
    return not (town.pending or await queued(store))


async def queued(store, *which):
    """How many letters wait."""
    async with store.read() as unit:
        return await count(unit, tables.outbox, tables.outbox.c.state == "queued", *which)


async def rehearsal(url, rnd, crowd, steps):
    """`crowd` people send up to `steps` updates each, and are answered; returns their town."""
    town, home = Town(rnd, steps), house(url)
    async with at_work(home, town):
        town.fill(crowd)
        await until(lambda: not any(person.waiting for person in town.people.values()), 60)
        await until(lambda: drained(home.store, town))
    await home.store.close()
    return town


async def outage(url, rnd, away, seconds, *, busy_timeout=None):
    """The database goes away for `seconds` while people talk and new ones come, and comes back; nobody touches the bot."""
    town, home = Town(rnd), house(url)
    if busy_timeout is not None:
        event.listen(home.store.engine.sync_engine, "connect", lambda connection, _: connection.execute(f"PRAGMA busy_timeout={busy_timeout}"))
    async with at_work(home, town) as tasks:
        town.fill(8)
        await until(lambda: len(town.confirmed) > 100)
        async with away:
            for _ in range(20):
                town.somebody()
                await asyncio.sleep(seconds / 20)
            waited, confirmed, back = len(town.pending), len(town.confirmed), time.monotonic()
        await until(lambda: len(town.confirmed) > confirmed + waited + 100, 60)
        recovery = time.monotonic() - back
        town.hushed = True
        await until(lambda: drained(home.store, town), 60)
        assert not any(task.done() for task in tasks)
        report = await audit(home.store, town)
    await home.store.close()
    report.figures = {"outage": f"{seconds}s", "waited": waited, "caught_up_after": f"{recovery:.1f}s"}
    return report


@asynccontextmanager
async def write_locked(url):
    """SQLite, away: another process has the write lock and keeps it."""
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False, timeout=30)
    await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")  # in a thread, because the bot, which must let go first, lives in this loop
    try:
        yield
    finally:
        await asyncio.to_thread(other.close)


@asynccontextmanager
async def stopped(server):
    """PostgreSQL, away: the server is shut down and started again. Tests share it, but none runs beside this one."""
    await asyncio.to_thread(server.stop)
    try:
        yield
    finally:
        await asyncio.to_thread(server.ensure_postgres_running)


if __name__ == "__main__":
    zygote(socket.socket(fileno=int(sys.argv[1])))
