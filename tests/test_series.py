"""The German-Polish series: four meetings, two hundred invented people in eight languages at a real Bot API server, three months in virtual time.

Everybody presses the buttons that they were sent. What should come of it is said by tests/model.py and by `Meeting` below, which know nothing of
the product: states and seats, letters and their moments, who was there, what they thought. A canary is in each link to join: whatever the server
ever received is searched for it, and held against who had a seat at that moment.
"""

from __future__ import annotations

import heapq
import io
import itertools
import json
import logging
import random
import re
import time
import unicodedata
import zipfile
from collections import Counter, defaultdict
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import yaml
from conftest import KEYS, TRUST, until
from doors import Telegram, TelegramDoor
from fair import LINK, Fair
from model import Model
from sqlalchemy import func, select
from starlette.requests import Request

from bot.app import House
from bot.clock import Clock
from bot.effects import cards
from bot.effects.staff import invite
from bot.settings import Settings
from bot.web.feeds import Feeds
from dialogs.nouns import Say
from storage import chats, events, registrations, tables
from storage.records import Event, EventText
from storage.store import Store

FIXTURE = yaml.safe_load((Path(__file__).parent / "series" / "german-polish.yaml").read_text("utf-8"))
CANARY = "zz-kanarienvogel"
LANGUAGES = ("de", "pl", "uk", "en", "ar", "ru", "tr", "fa")
BERLIN = ZoneInfo("Europe/Berlin")
CITIES = {"Kolkata": "Asia/Kolkata", "New York": "America/New_York", "Tokyo": "Asia/Tokyo"}  # as somebody types them, far away
OPENS, OVER = datetime(2027, 2, 15, 9, tzinfo=BERLIN).astimezone(UTC), datetime(2027, 5, 24, 12, tzinfo=UTC)  # by then nobody knows who came
HOURS, NIGHT = (9, 11, 13, 17), (23,)  # half past these people take out their telephones; few sleep badly
EVERYBODY, QUICK, FEW = 200, 60, 20  # people
FEWEST = 4  # seats
REPEATED = 0.1  # of the updates come twice, as Telegram may
BEGINNINGS = {  # of each kind of letter
    "link": ["event.link-is-here"],
    "reminder": ["event.reminder"],
    "feedback": ["event.how-was-it"],
    "offer": ["event.offer", "event.now-offered"],
    "expired": ["event.expired"],
    "confirmed": ["event.now-confirmed"],
}
QUESTIONS = ("signup.age", "signup.agree", "signup.name", "signup.interpreter", "feedback.there", "feedback.how", "feedback.words")


# ---- what it should come to ---------------------------------------------------------------------------------------


class Meeting(Model):
    """The model of one meeting; and who is told what at which moment, who came, and what they said."""

    def __init__(self, event, zones):
        super().__init__(event.capacity, event.starts_at, self.hold)
        self.code, self.canary, self.spoken, self.ends, self.zones = event.code, event.link.rpartition("/")[2], event.spoken, event.ends_at, zones
        self.letters, self.files, self.came, self.said = Counter(), Counter(), set(), {}

    def hold(self, now):
        """A seat is held for a day; near the meeting a quarter of what is left. Who sleeps then has until nine, if that is two hours before it."""
        end = min(now + min(timedelta(hours=24), max((self.starts - now) / 4, timedelta(minutes=30))), self.starts)
        morning = awake(end, BERLIN, later=True)
        return (morning if morning <= self.starts - timedelta(hours=2) else end).replace(microsecond=0)

    def link_at(self, who):
        return awake(self.starts.astimezone(BERLIN).replace(hour=9, minute=0).astimezone(UTC), self.zones[who])

    def moments(self, who):
        """(when, what): what somebody with a seat is told by itself; two reminders at one moment are one."""
        reminders = {awake(self.starts - timedelta(minutes=minutes), self.zones[who]) for minutes in FIXTURE["reminders"]}
        feedback = awake(self.ends + timedelta(hours=1), self.zones[who], later=True)
        return [(self.link_at(who), "link"), (feedback, "feedback"), *((at, "reminder") for at in reminders)]

    def next_after(self, now):
        seated = [at for guest in self.those("confirmed") for at, _ in self.moments(guest.who)]
        return [at for at in (*seated, *(guest.until for guest in self.those("offered"))) if at > now]

    def pass_(self, since, now):
        """What is due for those who have a seat; then offers run out."""
        for guest in self.those("confirmed"):
            self.letters.update((guest.who, what, at) for at, what in self.moments(guest.who) if since < at <= now)
        self.settle(now)

    def settle(self, now):
        before = {who: len(guest.told) for who, guest in self.guests.items()}
        super().settle(now)
        self.letters.update((who, what, now) for who, guest in self.guests.items() for what in guest.told[before.get(who, 0) :])

    def ask(self, who, now, act):
        """For a seat: `act` is Model.sign_up or Model.take."""
        before = self.states().get(who)
        act(self, who, now)
        if before != "confirmed" == self.states().get(who):
            self.files[who] += 1  # for their calendar
            if now >= self.link_at(who):
                self.letters[who, "confirmed", now] += 1  # late: the link comes at once

    def come(self, who, now):
        if self.states().get(who) == "confirmed" and self.starts - timedelta(hours=1) <= now <= self.ends + timedelta(hours=1):
            self.came.add(who)

    def tell(self, who, now, said):
        if self.states().get(who) == "confirmed" and now >= self.starts:
            self.said[who] = said

    def seated(self):
        return frozenset(guest.who for guest in self.those("confirmed"))

    def results(self):
        """Who -> state, place, did they come, and as they say, stars, words."""
        return {who: (guest.state, guest.place, who in self.came, *self.said.get(who, (None, None, ""))) for who, guest in self.guests.items()}


def awake(at, zone, *, later=False):
    """That moment; from 21:00 to 8:00 half past eight in the evening before it, or nine in the morning after."""
    local = at.astimezone(zone)
    if 8 <= local.hour < 21:
        return at
    day = (local + timedelta(days=(local.hour >= 21) - (not later))).date()
    return datetime(day.year, day.month, day.day, *((9, 0) if later else (20, 30)), tzinfo=zone).astimezone(UTC)


def numbers(results):
    """As staff count: people by state, who came, who said something, stars."""
    rows = [*results]
    return {
        **Counter(state for state, *_ in rows),
        "came": sum(came or there is True for _, _, came, there, _, _ in rows),
        "said": sum(there is not None for _, _, _, there, _, _ in rows),
        "stars": Counter(stars for *_, stars, _ in rows if stars),
    }


def differences(theirs, ours):
    return {who: (theirs.get(who), ours.get(who)) for who in {*theirs, *ours} if theirs.get(who) != ours.get(who)}


# ---- who takes part -----------------------------------------------------------------------------------------------


class Round:
    """What everybody does at the same time, gathered; to a TelegramDoor it looks like the bot's server."""

    def __init__(self, telegram):
        self.emulator, self.delivery, self.updates = telegram.emulator, telegram.delivery, []

    async def inject(self, update):
        self.updates.append(update)


class Somebody(TelegramDoor):
    """Presses what they were sent."""

    def __init__(self, round_, words, language):
        super().__init__(round_, language)
        self.words, self.language, self.since = words, language, 0

    async def say(self, text):
        self.since = len(self.heard)
        await super().say(text)

    async def press(self, pattern):
        """The newest button of such data. Is there one?"""
        buttons = ((heard, code) for heard in reversed(self.heard) for code, data in heard.data.items() if re.fullmatch(pattern, data))
        heard, code = next(buttons, (None, None))
        if heard:
            self.since = len(self.heard)
            await super().press(code, heard)
        return heard is not None

    def question(self):
        """Which one of the dialogs that are walked through here was asked last."""
        said = "\n".join(plain(heard.text) for heard in self.heard[self.since :])
        return next((each for each in QUESTIONS if plain(self.words.tr(each, self.language)).partition("\n")[0] in said), None)


class Guest(Somebody):
    """What they do is one press after the other; at each `yield` it is everybody else's turn, and the answers come. What the model is told
    then is in the order in which people pressed."""

    def __init__(self, round_, words, number, rnd, clock, zones):
        super().__init__(round_, words, LANGUAGES[number % len(LANGUAGES)])
        self.name, self.rnd, self.clock, self.zones = f"Nobody Invented {number}", rnd, clock, zones
        zones[self.id] = BERLIN

    async def arrive(self, poster):
        await self.say(f"/start event_{poster}" if poster else "/start")
        yield
        await self.press(rf"q:\d+:{self.language}")
        yield

    async def move(self, city):
        await self.say("/zone")
        yield
        await self.say(city)
        yield
        if await self.press(r"q:\d+:~\w+"):
            yield
        self.zones[self.id] = ZoneInfo(CITIES[city])

    async def open(self, meeting):
        """Its card: by a list, or by a code that somebody gave them."""
        await self.say(self.rnd.choice(["/events", "/events", "/mysignups", f"/event {meeting.code}"]))
        yield
        if await self.press(rf"q:\d+:{meeting.code}"):
            yield

    async def look(self, meeting):
        if self.rnd.random() < 0.2:
            await self.say("/mydata")
            yield
        async for _ in self.open(meeting):
            yield

    async def sign_up(self, meeting):
        if not await self.press(f"c:signup:{meeting.code}"):
            async for _ in self.open(meeting):
                yield
            if not await self.press(f"c:signup:{meeting.code}"):
                await self.say(f"/signup {meeting.code}")
        yield
        while question := self.question():
            match question:
                case "signup.name":
                    await self.say(self.name)
                case "signup.interpreter":
                    await self.press(rf"q:\d+:{self.rnd.choice(['yes', 'no'])}")
                case _:
                    await self.press(r"q:\d+:yes")
            yield
        meeting.ask(self.id, self.clock(), Model.sign_up)

    async def cancel(self, meeting):
        if await self.press(f"c:cantcome:{meeting.code}"):
            yield
            meeting.cancel(self.id, self.clock())

    async def take(self, meeting):
        if await self.press(f"c:takeplace:{meeting.code}"):
            yield
            meeting.ask(self.id, self.clock(), Model.take)

    async def be_there(self, meeting):
        """Writes the code that is said aloud, in the digits of their telephone."""
        await self.say(
            "/here " + meeting.spoken.translate(str.maketrans("0123456789", {"ar": "٠١٢٣٤٥٦٧٨٩", "fa": "۰۱۲۳۴۵۶۷۸۹"}.get(self.language, "0123456789")))
        )
        yield
        meeting.come(self.id, self.clock())

    async def tell(self, meeting):
        """How it was, by buttons; some with a sentence."""
        if not await self.press(f"c:feedback:{meeting.code}"):
            return
        yield
        there, stars, words = None, None, ""
        while question := self.question():
            match question:
                case "feedback.there":
                    there = self.rnd.random() < 0.9
                    await self.press(rf"q:\d+:{'yes' if there else 'no'}")
                case "feedback.how":
                    stars = self.rnd.randint(1, 5)
                    await self.press(rf"q:\d+:r{stars}")
                case _ if self.rnd.random() < 0.3:
                    words = f"An invented sentence {self.id}."
                    await self.say(words)
                case _:
                    await self.press(r"q:\d+:nothing")
            yield
        meeting.tell(self.id, self.clock(), (there, stars, words))


class Organiser(Somebody):
    """Of the staff: publishes, and looks at everything that staff can look at."""

    async def begin(self, code, meetings):
        await self.say(f"/start staff-{code}")
        yield
        await self.press(r"q:\d+:en")
        yield
        for meeting in meetings:
            await self.say(f"/manage {meeting.code}")
            yield
            await self.press(f"c:publish:{meeting.code}")
            yield

    async def look(self, meeting):
        for name, choice in (("manage", ""), ("glance", "pl"), ("guests", "list"), ("sheet", "table"), ("opinions", "")):
            await self.say(f"/{name} {meeting.code}")
            yield
            if choice and await self.press(rf"q:\d+:{choice}"):
                yield


# ---- what was sent ------------------------------------------------------------------------------------------------


def plain(text):
    """Without marks of direction."""
    return re.sub(r"[\u200e\u200f\u2066-\u2069]", "", text)


@dataclass
class Sent:
    """Something that the server received, or that anybody can fetch: in which step, when, for which chat (0: for none)."""

    step: int
    at: datetime
    chat: int
    text: str
    everything: str  # keyboards and files too
    files: tuple[str, ...] = ()

    @property
    def codes(self):
        """The events on its buttons."""
        return {*re.findall(r"\bc:[a-z]+:([a-z0-9]{6})\b", self.everything)}


class Post:
    """Stands between the server and what it received."""

    def __init__(self, emulator, clock):
        self.sent, self.refused, self.step, self.clock = [], [], 0, clock
        self.take_in, emulator.validate, emulator.max_assets = emulator.validate, self.receive, 100_000

    def receive(self, method, fields, uploads):
        files = {name: unpacked(each["data"]) for name, each in uploads.items()}
        texts = {name: {**each, "data": files[name].encode()} for name, each in uploads.items()}  # tests/doors.py shows texts
        try:
            result = self.take_in(method, fields, texts)
        except Exception as error:
            self.refused.append((method, repr(error)))
            raise
        names = tuple(each["filename"] for each in uploads.values())
        everything = "\n".join([json.dumps(fields, ensure_ascii=False), *names, *files.values()])
        self.note(int(fields.get("chat_id", 0)), plain(fields.get("text", "")), everything, names)
        return result

    def note(self, chat, text, everything, files=()):
        self.sent.append(Sent(self.step, self.clock(), chat, text, everything, files))


def unpacked(data):
    """A file as text; of a workbook, everything in it."""
    if not data.startswith(b"PK"):
        return data.decode()
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        return "\n".join(book.read(name).decode() for name in book.namelist())


def kinds_in(words, language):
    """Kind of letter -> how it begins in a language."""
    facts = dict.fromkeys(("title", "moment", "until"), "\x00")
    found = {kind: tuple({plain(words.tr(each, language, facts)).partition("\x00")[0] for each in sentences}) for kind, sentences in BEGINNINGS.items()}
    for (kind, one), (other, two) in itertools.permutations([(kind, each) for kind, several in found.items() for each in several], 2):
        assert kind == other or not one.startswith(two), f"{language}: {kind} and {other} begin alike"
    return found


# ---- the series ---------------------------------------------------------------------------------------------------


class Series:
    """The fixture, loaded; and everything that happens, moment by moment."""

    def __init__(self, house, telegram, clock, seed):
        self.house, self.telegram, self.time, self.rnd = house, telegram, clock, random.Random(seed)
        self.store, self.words = house.store, house.words
        self.clock = Clock(self.store, telegram.intake.handle, house.programme)
        self.post, self.round = Post(telegram.emulator, clock), Round(telegram)
        self.organiser = Organiser(self.round, self.words, "en")
        self.guests, self.zones, self.meetings, self.deeds, self.count = {}, {}, [], [], itertools.count()
        self.seats = []  # step -> meeting -> who has one
        self.faults, self.numbers = [], {}
        self.seen = self.updates = 0
        self.kinds = {each: kinds_in(self.words, each) for each in LANGUAGES}

    async def load(self, people):
        """As drafts of one series, with seats for so many people; the code by which the organiser comes in."""
        shared = {name: FIXTURE[name] for name in ("organiser", "zone", "link_days", "offer_hours")}
        shared |= {name: tuple(FIXTURE[name]) for name in ("reminders", "asks")} | {"series": uuid4()}
        async with self.store.begin() as unit:
            helper, code = await invite(unit, "Nobody Organises", "coordinator")
            for each in FIXTURE["meetings"]:
                when = {name: datetime.fromisoformat(each[name]) for name in ("begins", "ends")}
                capacity = max(FEWEST, each["capacity"] * people // EVERYBODY)
                new = Event(None, "", **when, **shared, staff_id=helper.id, language=each["language"], link=each["link"], capacity=capacity)
                event = await events.begin(unit, replace(new, interpretation=tuple(each["interpretation"])))
                self.meetings.append(Meeting(event, self.zones))
            texts = [EventText(each, **text, state="original" if each == "en" else "human") for each, text in FIXTURE["texts"].items()]
            await events.write(unit, shared["series"], texts)
        return code

    def invite(self, people):
        for number in range(people):
            guest = Guest(self.round, self.words, number, self.rnd, self.time, self.zones)
            self.guests[guest.id] = guest

    # ---- who does what, and when ----

    def slot(self, earliest, latest, days=(0, 3, 4)):
        """A moment between these two at which people take out their telephones, on Mondays, Thursdays and Fridays; None: there is none."""
        first, hours = earliest.astimezone(BERLIN), HOURS if self.rnd.random() < 0.95 else NIGHT
        moments = (
            (first + timedelta(days=day)).replace(hour=hour, minute=30, second=0, microsecond=0)
            for day in range((latest - earliest).days + 2)
            for hour in hours
        )
        there = [at for at in moments if at.weekday() in days and earliest < at < latest]
        return self.rnd.choice(there).astimezone(UTC) if there else None

    def later(self, at, who, deed, *about):
        if at:
            heapq.heappush(self.deeds, (at, next(self.count), who, deed, about))

    def plan(self):
        """Everybody's intentions; what they are sent will change some."""
        for guest in self.guests.values():
            wanted = self.rnd.sample(self.meetings, self.rnd.choice([1, 2, 3, 4, 4]))
            if arrives := self.slot(OPENS + timedelta(hours=2), OPENS + timedelta(days=self.rnd.choice([1, 2, 9, 30]))):
                self.later(arrives, guest, Guest.arrive, self.rnd.choice(wanted).code if self.rnd.random() < 0.3 else "")
                if self.rnd.random() < 0.25:  # before anything is due, for what is over where they come to is a question of its own (test_moving.py)
                    moves = arrives if self.rnd.random() < 0.5 else self.slot(arrives, OPENS + timedelta(days=14))
                    self.later(moves, guest, Guest.move, self.rnd.choice([*CITIES]))
                for meeting in wanted:
                    self.plan_one(guest, meeting, arrives)

    def plan_one(self, guest, meeting, arrives):
        chance = lambda share: self.rnd.random() < share
        signs = self.slot(arrives, min(meeting.starts, arrives + timedelta(days=self.rnd.choice([1, 1, 5, 30]))))
        if signs is None:
            return
        self.later(signs, guest, Guest.sign_up, meeting)
        if chance(0.35) and (gone := self.slot(signs, meeting.starts)):
            self.later(gone, guest, Guest.cancel, meeting)
            self.later(self.slot(gone, meeting.starts) if chance(0.35) else None, guest, Guest.sign_up, meeting)
        day = meeting.starts - timedelta(hours=5)  # when some get the link, and others wait for it
        if chance(0.3):
            self.later(self.slot(max(day, signs), meeting.starts), guest, self.rnd.choice([Guest.cancel, Guest.sign_up]), meeting)
        if chance(0.3):
            self.later(self.slot(max(day, signs), meeting.ends), guest, Guest.look, meeting)
        if chance(0.3):
            self.later(self.slot(signs, meeting.ends + timedelta(days=3)), guest, Guest.look, meeting)
        if chance(0.1):
            self.later(self.slot(signs, meeting.ends), guest, Guest.take, meeting)  # an old button, if there is any
        if chance(0.75):
            self.later(self.slot(meeting.starts, meeting.ends, range(7)), guest, Guest.be_there, meeting)

    def react(self, now):
        """To what came meanwhile."""
        for sent in sorted(self.post.sent[self.seen :], key=lambda each: each.chat):
            guest, kind = self.guests.get(sent.chat), self.kind_of(sent)
            if kind is None:
                continue
            meeting = next(each for each in self.meetings if each.code in sent.codes)
            soon = self.slot(now, now + timedelta(days=self.rnd.choice([1, 2])), range(7))
            match kind:
                case "offer" if self.rnd.random() < 0.75:
                    near = meeting.starts - now < timedelta(hours=6)
                    at = now + timedelta(minutes=self.rnd.choice([10, 20, 50])) if near else soon
                    self.later(at, guest, Guest.take if self.rnd.random() < 0.8 else Guest.cancel, meeting)
                case "expired" if self.rnd.random() < 0.4:
                    self.later(soon, guest, Guest.sign_up, meeting)
                case "feedback" if self.rnd.random() < 0.6:
                    self.later(soon, guest, Guest.tell, meeting)
        self.seen = len(self.post.sent)

    def kind_of(self, sent):
        """Which kind of letter about an event it is, by how it begins; None: another one."""
        guest = self.guests.get(sent.chat)
        kinds = self.kinds[guest.language] if guest and len(sent.codes) == 1 else {}
        return next((kind for kind, beginnings in kinds.items() if sent.text.startswith(beginnings)), None)

    # ---- moment by moment ----

    async def hold(self, code, over):
        """From the first day until `over`."""
        self.time.now = OPENS
        await self.rounds([self.organiser.begin(code, self.meetings)])
        self.plan()
        for meeting in self.meetings:
            for at in (OPENS + timedelta(days=9), meeting.starts - timedelta(hours=1), meeting.ends + timedelta(days=4)):
                self.later(at, self.organiser, Organiser.look, meeting)
        while (now := await self.next_moment()) < over:
            await self.moment(now)
        await self.moment(over)

    async def next_moment(self):
        """At which something is due, or should be, or somebody does something."""
        now = self.time.now
        async with self.store.read() as unit:
            theirs = [event.next_at for event in await events.newest(unit, 10) if event.next_at]
        ours = [at for meeting in self.meetings for at in meeting.next_after(now)]
        return min((at for at in (*theirs, *ours, *(deed[0] for deed in self.deeds[:1])) if at > now), default=OVER)

    async def moment(self, now):
        since, self.time.now = self.time.now, now
        if since.date() != now.date():
            await self.compare(since)
        await self.step(self.clock.tick())
        for meeting in self.meetings:
            meeting.pass_(since, now)
        self.seats.append({meeting.code: meeting.seated() for meeting in self.meetings})
        self.react(now)
        deeds = defaultdict(list)
        while self.deeds and self.deeds[0][0] <= now:
            _, _, who, deed, about = heapq.heappop(self.deeds)
            deeds[who].append((deed, about))
        if self.organiser in deeds:
            await self.look_from_outside()
        await self.rounds([one_after_the_other(who, deeds[who]) for who in self.rnd.sample([*deeds], len(deeds))])
        self.react(now)

    async def rounds(self, deeds):
        """Everybody's next press, all at once, until nobody has anything to do. A look waits for nobody who gives or takes a seat, so who asks
        for one (which looks first) is handed in first: then the order of presses is the order in which they count."""
        busy = await self.presses(deeds)
        while busy:
            busy.sort(key=lambda each: "signup" not in json.dumps(each[1]))
            await self.step(self.hand_in([update for _, update in busy]))
            busy = await self.presses([deed for deed, _ in busy])
            self.seats.append({meeting.code: meeting.seated() for meeting in self.meetings})

    async def presses(self, deeds):
        """The model hears of the deeds that are done, and the others go on: (deed, its next press)."""
        return [(deed, self.round.updates.pop()) for deed in deeds if await anext(deed, "over") != "over"]

    async def step(self, work):
        """Done, and everything is said."""
        self.post.step = len(self.seats)
        await work
        await until(self.is_quiet, 120)

    async def hand_in(self, updates):
        waiting = self.telegram.emulator._update_queues._state(self.telegram.token).updates
        for update in updates:
            await self.telegram.emulator.enqueue_update(update, token=self.telegram.token)
            if self.rnd.random() < REPEATED:
                waiting.append(deepcopy(waiting[-1]))
        self.updates += len(updates)

    def is_quiet(self):
        waiting = self.telegram.emulator._update_queues._state(self.telegram.token).updates
        return not waiting and self.telegram.delivery.is_idle() and not self.telegram.bot._receipts

    async def look_from_outside(self):
        """What is there for everybody to see: the feeds."""
        feeds = Feeds(self.store, self.house.programme.name, self.words.languages, lambda event: event.code)
        for language, feed in itertools.product(("de", "ar"), (feeds._json, feeds._calendar)):
            request = Request({"type": "http", "method": "GET", "path": "/", "query_string": f"lang={language}".encode(), "headers": []})
            self.post.note(0, "", (await feed(request)).body.decode())

    # ---- how it is ----

    async def compare(self, now):
        """At the end of each day, until nobody knows any more who was there."""
        for meeting in self.meetings:
            if now < meeting.ends + timedelta(days=29):
                theirs, ours = meeting.results(), await self.results(meeting)
                if found := differences(theirs, ours):
                    self.faults.append((now.isoformat(), meeting.code, found))
                self.numbers[meeting.code] = (numbers(theirs.values()), numbers(ours.values()))

    async def results(self, meeting):
        """The same as the model's, as the database has it."""
        found = {}
        async with self.store.read() as unit:
            for row in await self.rows(unit, meeting):
                guest = self.guests[int((await chats.get(unit, row.chat_id)).address)]
                assert (row.content["name"], row.language, row.seats) == (guest.name, guest.language, 1)
                found[guest.id] = self.result(row)
        return found

    async def rows(self, unit, meeting):
        return await registrations.of_event(unit, (await events.get(unit, meeting.code)).id)

    @staticmethod
    def result(row):
        return (row.state, row.place, row.attended_at is not None, row.was_there, row.rating, row.content.get("words", ""))

    def canaries(self):
        """(what was sent, of which meeting, had they a seat, and was it time)."""
        for sent in self.post.sent:
            for meeting in self.meetings if CANARY in sent.everything else ():
                if meeting.canary in sent.everything:
                    yield sent, meeting, sent.chat in self.seats[sent.step][meeting.code] and sent.at >= meeting.link_at(sent.chat)

    def leaks(self):
        return [(sent.at.isoformat(), sent.chat, meeting.code) for sent, meeting, right in self.canaries() if not right]

    def letters(self):
        """(of those that nobody asked for, what was sent and should not have been; what should have been and was not)."""
        should = Counter({(meeting.code, *letter): count for meeting in self.meetings for letter, count in meeting.letters.items()})
        found = Counter()
        for sent in self.post.sent:
            kind = self.kind_of(sent)
            if kind and (kind != "confirmed" or CANARY in sent.everything):
                found[*sent.codes, sent.chat, kind, sent.at] += 1
        asked_for = [each for each in found if each[2] == "confirmed"]  # somebody with a seat presses an old button, and is told so again
        return {each: count for each, count in (found - should).items() if each not in asked_for}, dict(should - found)


async def one_after_the_other(who, deeds):
    for deed, about in deeds:
        async for _ in deed(who, *about):
            yield


async def held(everybody, store, clock, seed, people, *, over=OVER, before=lambda series: None):
    """The whole series, and what is left of it. `before`: is given it before anything happens."""
    programme, scripts, words = everybody
    house = House(Settings(_env_file=None), programme, scripts, words, store)
    async with Telegram(house) as telegram:
        series = Series(house, telegram, clock, seed)
        clock.now = OPENS
        code = await series.load(people)
        series.invite(people)
        before(series)
        await series.hold(code, over)
        assert (telegram.emulator.violations, series.post.refused) == ([], [])
    return series


# ---- the proofs ---------------------------------------------------------------------------------------------------


class Overhears(logging.Handler):
    """Log lines with a canary in them."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        if CANARY in record.getMessage():
            self.lines.append(record.name)


@pytest.fixture
async def place(database, clock):
    """A store; its SQL is not logged, which would take a third of the time (every other test logs it)."""
    sql, level = logging.getLogger("sqlalchemy"), logging.getLogger("sqlalchemy").level
    sql.setLevel(logging.WARNING)
    store = Store.at(database, KEYS, clock)
    yield store
    await store.close()
    sql.setLevel(level)


LONG = [pytest.param(each, EVERYBODY, marks=pytest.mark.trust) for each in ("sqlite", "postgres")] if TRUST else []


@pytest.mark.parametrize(("database", "people"), [("sqlite", QUICK), *LONG], indirect=["database"])
async def test_a_series_comes_to_what_the_model_says_and_its_links_reach_nobody_else(everybody, place, clock, seed, show, people):
    began, log = (time.perf_counter(), time.process_time()), Overhears()
    logging.getLogger().addHandler(log)
    try:
        series = await held(everybody, place, clock, seed, people)
    finally:
        logging.getLogger().removeHandler(log)
    shown, (more, less) = [*series.canaries()], series.letters()
    model = [ours for ours, _ in series.numbers.values()]
    facts = {
        "people": people,
        "languages": len({guest.language for guest in series.guests.values()}),
        "updates": series.updates,
        "sent": len(series.post.sent),
        "steps": len(series.seats),
        **{name: sum(each.get(name, 0) for each in model) for name in ("confirmed", "waiting", "expired", "cancelled", "came", "said")},
        "offers": sum(kind == "offer" for meeting in series.meetings for _, kind, _ in meeting.letters.elements()),
        "stars": sum(each["stars"].total() for each in model),
        "differences": len(series.faults) + len(more) + len(less),
        "links": len(shown),
        "leaks": len(series.leaks()),
        "seconds": round(time.perf_counter() - began[0]),
        "cpu": round(time.process_time() - began[1]),
    }
    show(f"series on {place.engine.dialect.name}", facts)
    assert series.faults == [], "states, places, who came and what they said, at the end of each day"
    assert all(ours == theirs for ours, theirs in series.numbers.values())
    assert (more, less) == ({}, {}), "links, reminders, offers, questions: each once, at its moment, to whom it is for"
    assert series.leaks() == []
    assert log.lines == []
    assert all(CANARY.encode() not in path.read_bytes() for path in place.file.parent.glob(f"{place.file.name}*")) if place.file else True
    assert len(shown) >= facts["confirmed"], "each of them has it"
    assert min(facts[name] for name in ("confirmed", "waiting", "expired", "cancelled", "came", "said", "stars", "offers")) > 0, "it was a full series"
    check_what_was_said(series)
    await check_what_is_left(series)


def check_what_was_said(series):
    """By night nobody is woken; times are told as they are where people are; nothing went wrong; staff are told the same numbers."""
    trouble = {plain(series.words.tr("common.trouble", each)) for each in LANGUAGES}
    files = Counter()
    for sent in series.post.sent:
        assert not any(each in sent.text for each in trouble)
        assert not re.search(r"\{[a-z-]+\}", sent.text), "a placeholder"
        if sent.chat not in series.guests:
            continue
        files.update((sent.chat, name) for name in sent.files if name.endswith(".ics"))
        zone = series.zones[sent.chat]
        if (kind := series.kind_of(sent)) in {"link", "reminder", "feedback"}:
            assert 8 <= sent.at.astimezone(zone).hour < 21, f"{kind} at night"
            if zone is not BERLIN:
                meeting = next(each for each in series.meetings if each.code in sent.codes)
                ends = meeting.ends.astimezone(zone)
                assert f"{ends.hour}:{ends.minute:02}" in "".join(str(unicodedata.digit(each, each)) for each in sent.text)
    assert files == Counter({(who, f"{each.code}.ics"): count for each in series.meetings for who, count in each.files.items()})
    for meeting in series.meetings:
        told = "\n".join(sent.text for sent in series.post.sent if sent.chat == series.organiser.id and sent.at == meeting.ends + timedelta(days=4))
        result, _ = series.numbers[meeting.code]
        counted = {"n": result["confirmed"], **{each: result.get(each, 0) for each in ("waiting", "offered", "cancelled")}}
        for sentence, facts in (
            ("manage.numbers", counted),
            ("opinions.there", {"n": result["came"], "of": result["confirmed"]}),
            ("opinions.said", {"n": result["said"]}),
            *(("opinions.stars", {"stars": "⭐" * number, "n": count}) for number, count in result["stars"].items()),
        ):
            assert plain(series.words.tr(sentence, "en", facts)) in told


async def check_what_is_left(series):
    """Numbers, and nobody who they belong to; nothing unsaid, nothing set apart."""
    async with series.store.read() as unit:
        for meeting in series.meetings:
            rows = await series.rows(unit, meeting)
            assert {(row.person_id, row.chat_id, *row.content) for row in rows} == {(None, None)}
            assert numbers(series.result(row) for row in rows) == series.numbers[meeting.code][0]
        for table in (tables.quarantine, tables.outbox):
            assert (await unit.connection.execute(select(func.count()).select_from(table))).scalar() == 0


ONE_PLACE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
SHORT = {"people": FEW, "over": datetime(2027, 3, 12, 12, tzinfo=UTC)}  # the first meeting alone


@ONE_PLACE
async def test_a_link_that_everybody_sees_is_found(everybody, place, clock, seed, monkeypatch):
    """The control: a card that says it to whoever looks."""

    async def stands(desk, it, chat, mine):
        return [*await honest(desk, it, chat, mine), Say("event.link", {"link": it.event.link})]

    honest = cards.stands
    monkeypatch.setattr(cards, "stands", stands)
    series = await held(everybody, place, clock, seed, **SHORT)
    assert len({chat for _, chat, _ in series.leaks()} & series.guests.keys()) > FEW / 4
    assert series.organiser.id in {chat for _, chat, _ in series.leaks()}
    assert series.faults == [], "nothing else is wrong"


@ONE_PLACE
async def test_a_link_that_is_shown_too_early_is_found(everybody, place, clock, seed, monkeypatch):
    monkeypatch.setattr(cards, "link_line", lambda it, chat, desk: [Say("event.link", {"link": it.event.link})])
    series = await held(everybody, place, clock, seed, **SHORT)
    assert series.leaks()


@ONE_PLACE
async def test_a_model_without_a_seat_and_without_reminders_is_found_wrong(everybody, place, clock, seed):
    def perturb(series):
        series.meetings[0].capacity -= 1
        forgetful = series.meetings[1]
        forgetful.moments = lambda who: [(at, what) for at, what in Meeting.moments(forgetful, who) if what != "reminder"]

    series = await held(everybody, place, clock, seed, people=FEW, over=datetime(2027, 3, 19, 12, tzinfo=UTC), before=perturb)
    more, _ = series.letters()
    assert series.meetings[0].code in {code for _, code, _ in series.faults}
    assert "reminder" in {what for code, _, what, _ in more if code == series.meetings[1].code}


@ONE_PLACE
async def test_who_was_given_the_link_at_once_is_not_sent_it_again(place, clock, scripts, words, programme):
    """The first of all to sign up does so on the day, when it would have gone out."""
    fair = Fair(place, clock, scripts, words, programme)
    event = await fair.event(days=10, link=LINK, link_days=0)
    await fair.pass_(days=10, hours=-2)
    await fair.arrive(1)
    await fair.sign_up(1, event)
    assert LINK in fair.read(1)
    assert "event.link-is-here" not in [each for _, _, ids in await fair.pass_(hours=4) for each in ids]
