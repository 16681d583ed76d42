"""The German-Polish series: four meetings, two hundred invented people in eight languages at a real Bot API server, ten weeks in virtual time.

Everybody presses the buttons that they were sent. What should come of it is said by tests/model.py and by `Meeting` below, which know nothing of
the product: states, seats, letters and their moments, who was there, what they thought. A canary is in each link to join; whatever the server
ever received is searched for it, and compared with who had a seat at that moment.
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
import re
import time
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import yaml
from conftest import LOG, TRUST, until
from doors import Telegram, TelegramDoor
from fair import LINK, Fair
from model import Model
from sqlalchemy import func, select
from starlette.requests import Request

import bot.effects.cards as cards_module
from bot.app import House
from bot.clock import Clock
from bot.effects.staff import invite
from bot.settings import Settings
from bot.web.feeds import Feeds
from dialogs.asking import short
from dialogs.nouns import Say
from storage import chats, events, registrations, tables
from storage.records import Event, EventText

FIXTURE = yaml.safe_load((Path(__file__).parent / "series" / "german-polish.yaml").read_text("utf-8"))
CANARY = "zz-kanarienvogel"
LANGUAGES = ("de", "pl", "uk", "en", "ar", "ru", "tr", "fa")
CITIES = {"": "", "Kolkata": "Asia/Kolkata", "New York": "America/New_York", "Tokyo": "Asia/Tokyo"}  # nobody near Berlin is awake at night there
BERLIN = ZoneInfo("Europe/Berlin")
OPENS = datetime(2027, 2, 15, 9, tzinfo=BERLIN)
OVER = datetime(2027, 5, 24, 12, tzinfo=BERLIN)  # thirty days after the last meeting nobody knows any more who came
HOURS, NIGHT = (9, 11, 13, 17), (23,)  # half past these people take out their telephones; few sleep badly
MANY = 200
PEOPLE = MANY if TRUST else 60
REPEATED = 0.1  # of the updates come twice, as Telegram may
SENTENCES = {  # how each kind of letter begins
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
    """The model of one meeting, and who is told what by itself at which moment; who came, and what they said."""

    def __init__(self, event, zones):
        super().__init__(event.capacity, event.starts_at, self.hold)
        self.code, self.link, self.spoken, self.ends, self.zones = event.code, event.link, event.spoken, event.ends_at, zones
        self.asks_interpreter = event.language
        self.letters, self.files, self.came, self.said = [], Counter(), set(), {}

    def hold(self, now):
        """A day; near the meeting a quarter of what is left; who sleeps then has until nine, if that is two hours before it."""
        end = min(now + min(timedelta(hours=24), max((self.starts - now) / 4, timedelta(minutes=30))), self.starts)
        morning = not_at_night(end, BERLIN, later=True)
        return (morning if morning <= self.starts - timedelta(hours=2) else end).replace(microsecond=0)

    def moments(self, who):
        """(when, what) somebody with a seat is told by itself: on the day, before, and after; never at night where they are."""
        zone = ZoneInfo(self.zones[who] or "Europe/Berlin")
        yield self.link_at(who), "link"
        for minutes in FIXTURE["reminders"]:
            yield not_at_night(self.starts - timedelta(minutes=minutes), zone), "reminder"
        yield not_at_night(self.ends + timedelta(hours=1), zone, later=True), "feedback"

    def link_at(self, who):
        nine = self.starts.astimezone(BERLIN).replace(hour=9, minute=0)
        return not_at_night(nine.astimezone(UTC), ZoneInfo(self.zones[who] or "Europe/Berlin"))

    def next_after(self, now):
        offers = [guest.until for guest in self.those("offered")]
        told = [at for guest in self.those("confirmed") for at, _ in self.moments(guest.who)]
        return min([at for at in (*offers, *told) if at > now], default=None)

    def pass_(self, since, now):
        """What is due, then offers that run out."""
        for guest in self.those("confirmed"):
            due = {(at, what) for at, what in self.moments(guest.who) if since < at <= now}  # two reminders at one moment are one
            self.letters += [(guest.who, what, at) for at, what in due]
        self.settle(now)

    def settle(self, now):
        before = {who: len(guest.told) for who, guest in self.guests.items()}
        super().settle(now)
        self.letters += [(who, what, now) for who, guest in self.guests.items() for what in guest.told[before.get(who, 0) :]]

    def sign_up(self, who, now):
        self._news(who, now, super().sign_up)

    def take(self, who, now):
        self._news(who, now, super().take)

    def _news(self, who, now, act):
        before = self.states().get(who)
        act(who, now)
        if before != "confirmed" == self.states().get(who):
            self.files[who] += 1  # for their calendar
            if now >= self.link_at(who):
                self.letters.append((who, "confirmed", now))  # with the link in it: they are late

    def come(self, who, now):
        if self.states().get(who) == "confirmed" and self.starts - timedelta(hours=1) <= now <= self.ends + timedelta(hours=1):
            self.came.add(who)

    def tell(self, who, now, there, stars, words):
        if self.states().get(who) == "confirmed" and now >= self.starts:
            self.said[who] = (there, stars, words)

    def confirmed(self):
        return frozenset(guest.who for guest in self.those("confirmed"))

    def results(self):
        """Who -> state, place, came, said so, stars, words."""
        nothing = (None, None, "")
        return {who: (guest.state, guest.place, who in self.came, *self.said.get(who, nothing)) for who, guest in self.guests.items()}


def not_at_night(at, zone, *, later=False):
    """Between 21:00 and 8:00: half past eight in the evening before; or nine in the morning after."""
    local = at.astimezone(zone)
    if 8 <= local.hour < 21:
        return at
    if later:
        day = local + timedelta(days=1) if local.hour >= 21 else local
        return datetime(day.year, day.month, day.day, 9, tzinfo=zone).astimezone(UTC)
    day = local if local.hour >= 21 else local - timedelta(days=1)
    return datetime(day.year, day.month, day.day, 20, 30, tzinfo=zone).astimezone(UTC)


def numbers(results):
    """As staff would count them: people by state, who came, stars."""
    rows = list(results.values())
    came = sum(came or there is True for _, _, came, there, *_ in rows)
    return {**Counter(state for state, *_ in rows), "came": came, "said": sum(there is not None for *_, there, _, _ in rows), "stars": Counter(each[4] for each in rows if each[4])}


# ---- who takes part -----------------------------------------------------------------------------------------------


def plain(text):
    """Without marks of direction."""
    return re.sub(r"[\u200e\u200f\u2066-\u2069]", "", text)


@dataclass
class Sent:
    """What the server received: in which step, at which moment, for which chat (0: for none)."""

    step: int
    at: datetime
    chat: int
    method: str
    text: str
    everything: str
    codes: set = field(default_factory=set)  # of events, on its buttons


class Post:
    """Everything that the server ever received."""

    def __init__(self, emulator, clock):
        self.sent, self.step, self.refused, self.clock = [], 0, [], clock
        self.to = {}
        self.take_in, emulator.validate, emulator.max_assets = emulator.validate, self.receive, 10_000

    def receive(self, method, fields, uploads):
        try:
            result = self.take_in(method, fields, uploads)
        except Exception:
            self.refused.append((method, fields))
            raise
        if method != "getUpdates":
            files = [each["filename"] + each["data"].decode() for each in uploads.values()]
            everything = "\n".join([json.dumps(fields, ensure_ascii=False), *files])
            codes = {*re.findall(r"\bc:[a-z]+:([a-z0-9]{6})\b", everything)}
            sent = Sent(self.step, self.clock(), int(fields.get("chat_id", 0)), method, plain(fields.get("text", "")), everything, codes)
            self.sent.append(sent)
            self.to.setdefault(sent.chat, []).append(sent)
        return result


class Somebody(TelegramDoor):
    """Presses what they were sent. What they do is handed over once everybody has done something: one round."""

    def __init__(self, telegram, round_, words, language, name=""):
        super().__init__(telegram, language)
        self.round, self.words, self.language, self.name, self.since = round_, words, language, name, 0

    async def message(self, **content):
        self.round.append({"message": {"message_id": next(self.messages), "date": 1795000000, "from": self.user, "chat": self.chat, **content}})

    async def say(self, text):
        self.since = len(self.heard)
        await super().say(text)

    def button(self, data):
        """The newest message with this button: (it, how tests/doors.py calls the button)."""
        return next(((heard, code) for heard in reversed(self.heard) for code, each in heard.data.items() if re.fullmatch(data, each)), None)

    async def press_if_there(self, data):
        if found := self.button(data):
            self.since = len(self.heard)
            heard, code = found
            message = {"message_id": heard.message, "date": 1795000000, "chat": self.chat, "from": {"id": 7, "is_bot": True, "first_name": "F"}, "text": heard.text}
            query = {"id": str(next(self.messages)), "from": self.user, "chat_instance": "c", "data": heard.data[code], "message": message}
            self.round.append({"callback_query": query})
        return found is not None

    def asked(self):
        """Which question the last thing said to them asks."""
        said = "\n".join(plain(heard.text) for heard in self.heard[self.since :])
        return next((each for each in QUESTIONS if plain(self.words.tr(each, self.language)).split("\n")[0] in said), None)


class Guest(Somebody):
    def __init__(self, telegram, round_, words, language, number, city, rnd, clock):
        super().__init__(telegram, round_, words, language, f"Nobody Invented {number}")
        self.city, self.rnd, self.clock, self.steadfast = city, rnd, clock, False

    # Each deed is one press after the other; between two of them (`yield`) everybody else's come, and the answers.

    async def arrive(self, poster=""):
        await self.say(f"/start event_{poster}" if poster else "/start")
        yield
        await self.press_if_there(f"q:\\d+:{self.language}")
        yield
        if self.city:
            await self.say("/zone")
            yield
            await self.say(self.city)
            yield
            if await self.press_if_there(r"q:\d+:~\w+"):
                yield

    async def open(self, meeting):
        """By the list, or by a code that somebody gave them."""
        if self.rnd.random() < 0.8:
            await self.say(self.rnd.choice(["/events", "/events", "/mysignups"]))
            yield
            if await self.press_if_there(f"q:\\d+:{meeting.code}"):
                yield
        else:
            await self.say(f"/event {meeting.code}")
            yield

    async def sign_up(self, meeting):
        if not self.button(f"c:signup:{meeting.code}"):
            async for _ in self.open(meeting):
                yield
        if not await self.press_if_there(f"c:signup:{meeting.code}"):
            await self.say(f"/signup {meeting.code}")
        yield
        while (question := self.asked()) is not None:
            match question:
                case "signup.age" | "signup.agree":
                    await self.press_if_there(r"q:\d+:yes")
                case "signup.interpreter":
                    await self.press_if_there(r"q:\d+:" + self.rnd.choice(["yes", "no"]))
                case "signup.name":
                    await self.say(self.name)
            yield
        meeting.sign_up(self.id, self.clock())

    async def cancel(self, meeting):
        if await self.press_if_there(f"c:cantcome:{meeting.code}"):
            yield
            meeting.cancel(self.id, self.clock())

    async def take(self, meeting):
        if await self.press_if_there(f"c:takeplace:{meeting.code}"):
            yield
            meeting.take(self.id, self.clock())

    async def look(self, meeting):
        """At the card, at what is kept of them."""
        if self.rnd.random() < 0.2:
            await self.say("/mydata")
            yield
        async for _ in self.open(meeting):
            yield

    async def be_there(self, meeting):
        """Writes the code that is said aloud, in the digits of their telephone."""
        digits = {"ar": "٠١٢٣٤٥٦٧٨٩", "fa": "۰۱۲۳۴۵۶۷۸۹"}.get(self.language, "0123456789")
        await self.say("/here " + "".join(digits[int(each)] for each in meeting.spoken))
        yield
        meeting.come(self.id, self.clock())

    async def tell(self, meeting):
        """How it was, by buttons; some with a sentence."""
        if not await self.press_if_there(f"c:feedback:{meeting.code}"):
            return
        yield
        there, stars, words = None, None, ""
        while (question := self.asked()) is not None:
            match question:
                case "feedback.there":
                    there = self.rnd.random() < 0.9
                    await self.press_if_there(r"q:\d+:" + ("yes" if there else "no"))
                case "feedback.how":
                    stars = self.rnd.randint(1, 5)
                    await self.press_if_there(rf"q:\d+:r{stars}")
                case "feedback.words" if self.rnd.random() < 0.3:
                    words = f"An invented sentence {self.id}."
                    await self.say(words)
                case _:
                    await self.press_if_there(r"q:\d+:nothing")
            yield
        meeting.tell(self.id, self.clock(), there, stars, words)


class Organiser(Somebody):
    """Of the staff: publishes, and looks at everything that staff can look at."""

    async def begin(self, code):
        await self.say(f"/start staff-{code}")
        yield
        await self.press_if_there(r"q:\d+:en")
        yield

    async def publish(self, meetings):
        for meeting in meetings:
            await self.say(f"/manage {meeting.code}")
            yield
            await self.press_if_there(f"c:publish:{meeting.code}")
            yield

    async def look(self, meeting):
        for name, choice in (("manage", ""), ("glance", "pl"), ("guests", "list"), ("sheet", "table"), ("opinions", "")):
            await self.say(f"/{name} {meeting.code}")
            yield
            if choice and await self.press_if_there(rf"q:\d+:{choice}"):
                yield


# ---- the series ---------------------------------------------------------------------------------------------------


class Series:
    """The fixture, loaded; and everything that happens, moment by moment."""

    def __init__(self, house, telegram, clock, rnd):
        self.house, self.telegram, self.time, self.rnd = house, telegram, clock, rnd
        self.store, self.words = house.store, house.words
        self.clock = Clock(self.store, telegram.intake.handle, house.programme)
        self.post, self.round = Post(telegram.emulator, clock), []
        self.zones, self.guests, self.meetings, self.deeds = {}, {}, [], []
        self.count, self.seen, self.steps, self.updates = itertools.count(), 0, 0, 0
        self.seats, self.who_is, self.faults = [], {}, []  # seats: step -> meeting -> who has one
        self.kinds = {each: kinds_in(self.words, each) for each in LANGUAGES}

    async def load(self, people):
        """As drafts; capacities for so many people."""
        given = {name: FIXTURE[name] for name in ("organiser", "zone", "link_days", "offer_hours")} | {name: tuple(FIXTURE[name]) for name in ("reminders", "asks")}
        series, helper = uuid4(), Somebody
        async with self.store.begin() as unit:
            helper, code = await invite(unit, "Nobody Organises", "coordinator")
            for each in FIXTURE["meetings"]:
                when = {name: datetime.fromisoformat(each[name]) for name in ("begins", "ends")}
                capacity = max(len(CITIES) + 1, each["capacity"] * people // MANY)
                more = {"capacity": capacity, "interpretation": tuple(each["interpretation"])}
                event = await events.begin(unit, replace(Event(None, "", **when, **given, series=series, staff_id=helper.id), **{**each, **when, **more}))
                self.meetings.append(Meeting(event, self.zones))
            await events.write(unit, series, [EventText(each, **text, state="original" if each == "en" else "human") for each, text in FIXTURE["texts"].items()])
        self.organiser = Organiser(self.telegram, self.round, self.words, "en")
        return code

    def invite(self, people):
        """Everybody, in their language; a few far away. The first of each zone come first and stay."""
        cities = list(CITIES)
        for number in range(people):
            city = cities[number] if number < len(cities) else self.rnd.choice(cities[1:]) if self.rnd.random() < 0.15 else ""
            guest = Guest(self.telegram, self.round, self.words, LANGUAGES[number % len(LANGUAGES)], number, city, self.rnd, self.time)
            guest.steadfast = number < len(cities)
            self.guests[guest.id], self.zones[guest.id] = guest, CITIES[city]

    # ---- who does what, and when ----

    def slot(self, earliest, latest, days=(0, 3, 4)):
        """A moment between these two at which people take out their telephones, all at the same few; None: there is none."""
        first, number = earliest.astimezone(BERLIN), (latest - earliest).days + 2
        hours = HOURS if self.rnd.random() < 0.95 else NIGHT
        there = [
            at
            for day in range(number)
            for hour in hours
            if (at := (first + timedelta(days=day)).replace(hour=hour, minute=30, second=0, microsecond=0)).weekday() in days and earliest < at < latest
        ]
        return self.rnd.choice(there).astimezone(UTC) if there else None

    def later(self, at, who, deed, *about):
        if at:
            heapq.heappush(self.deeds, (at, next(self.count), who, deed, about))

    def plan(self):
        """Everybody's intentions; what they are sent will change some."""
        start = OPENS.astimezone(UTC)
        for guest in self.guests.values():
            arrives = start + timedelta(hours=2) if guest.steadfast else self.slot(start + timedelta(hours=3), start + timedelta(days=self.rnd.choice([1, 2, 4, 8, 30])))
            wanted = self.meetings if guest.steadfast else self.rnd.sample(self.meetings, self.rnd.choice([1, 2, 3, 4, 4]))
            poster = self.rnd.choice(wanted).code if self.rnd.random() < 0.3 else ""
            arrives = arrives or start + timedelta(hours=5)
            self.later(arrives, guest, Guest.arrive, poster)
            for number, meeting in enumerate(wanted):
                if guest.steadfast:
                    self.later(arrives + timedelta(minutes=1 + number), guest, Guest.sign_up, meeting)
                    self.later(meeting.starts + timedelta(minutes=30), guest, Guest.be_there, meeting)
                else:
                    self.plan_one(guest, meeting, arrives)

    def plan_one(self, guest, meeting, arrives):
        rnd = self.rnd
        signs = self.slot(arrives, arrives + timedelta(days=rnd.choice([1, 1, 1, 5, 20]))) or self.slot(arrives, meeting.starts)
        if signs is None:
            return
        self.later(signs, guest, Guest.sign_up, meeting)
        if rnd.random() < 0.35 and (gone := self.slot(signs, meeting.starts)):
            self.later(gone, guest, Guest.cancel, meeting)
            if rnd.random() < 0.35:
                self.later(self.slot(gone, meeting.starts), guest, Guest.sign_up, meeting)
        if rnd.random() < 0.25:  # on the day itself, when others get the link
            nine = meeting.starts - timedelta(hours=4)
            self.later(self.slot(nine, meeting.starts), guest, rnd.choice([Guest.cancel, Guest.sign_up]), meeting)
        for latest in (meeting.starts, meeting.ends + timedelta(days=3)):
            if rnd.random() < 0.3:
                self.later(self.slot(signs, latest), guest, Guest.look, meeting)
        if rnd.random() < 0.3:
            self.later(self.slot(meeting.starts - timedelta(hours=5), meeting.ends), guest, Guest.look, meeting)
        if rnd.random() < 0.1:
            self.later(self.slot(signs, meeting.ends), guest, Guest.take, meeting)  # an old button, if there is any
        if rnd.random() < 0.75:
            self.later(self.slot(meeting.starts, meeting.ends), guest, Guest.be_there, meeting)

    def react(self, now):
        """To what came meanwhile."""
        for sent in sorted(self.post.sent[self.seen :], key=lambda sent: sent.chat):
            guest = self.guests.get(sent.chat)
            kind = self.kind_of(sent) if guest and not guest.steadfast else None
            meeting = next((each for each in self.meetings if each.code in sent.codes), None)
            soon = self.slot(now, now + timedelta(days=self.rnd.choice([1, 1, 2])), range(7))
            if kind == "offer" and self.rnd.random() < 0.75:
                near = next((now + timedelta(minutes=each) for each in (20, 50) if (meeting.starts - now) < timedelta(hours=6)), soon)
                self.later(near, guest, Guest.take if self.rnd.random() < 0.8 else Guest.cancel, meeting)
            if kind == "expired" and self.rnd.random() < 0.4:
                self.later(soon, guest, Guest.sign_up, meeting)
            if kind == "feedback" and self.rnd.random() < 0.6:
                self.later(soon, guest, Guest.tell, meeting)
        self.seen = len(self.post.sent)

    def kind_of(self, sent):
        guest = self.guests.get(sent.chat)
        found = [kind for kind, beginnings in self.kinds[guest.language].items() if sent.text.startswith(beginnings)] if guest and sent.codes else []
        return found[0] if found else None

    # ---- moment by moment ----

    async def hold(self, code):
        """From the first day until nobody knows any more who came."""
        now = self.time.now = OPENS.astimezone(UTC)
        await self.rounds([self.organiser.begin(code)])
        await self.rounds([self.organiser.publish(self.meetings)])
        assert {event.state for event in await self.all_events()} == {"published"}
        self.plan()
        for meeting in self.meetings:
            for at in (OPENS + timedelta(days=9), meeting.starts - timedelta(hours=1), meeting.ends + timedelta(days=4)):
                self.later(at.astimezone(UTC), self.organiser, Organiser.look, meeting)
        while (now := await self.next_moment(now)) < OVER:
            await self.moment(now)
        await self.moment(OVER.astimezone(UTC))

    async def next_moment(self, now):
        due = [event.next_at for event in await self.all_events() if event.next_at] + [at for each in self.meetings if (at := each.next_after(now))]
        return min([at for at in [*due, *(each[0] for each in self.deeds[:1])] if at > now], default=OVER.astimezone(UTC))

    async def all_events(self):
        async with self.store.read() as unit:
            return [await events.get(unit, meeting.code) for meeting in self.meetings]

    async def moment(self, now):
        since, self.time.now = self.time.now, now
        if since.date() != now.date():
            await self.compare(since)
        await self.step(self.clock.tick())
        for meeting in self.meetings:
            meeting.pass_(since, now)
        self.seats.append(self.who_has_seats())
        self.react(now)
        deeds = {}
        while self.deeds and self.deeds[0][0] <= now:
            _, _, who, deed, about = heapq.heappop(self.deeds)
            deeds.setdefault(who, []).append((deed, about))
        await self.rounds([one_after_the_other(who, deeds[who]) for who in self.rnd.sample([*deeds], len(deeds))])
        self.react(now)

    async def rounds(self, deeds):
        """Everybody's next press, all at once; what the model says to those whose deed is done, in the order in which they pressed."""
        busy = [deed for deed in deeds if await going_on(deed)]
        while self.round:
            updates, self.round[:] = [*self.round], []
            await self.step(self.hand_in(updates))
            busy = [deed for deed in busy if await going_on(deed)]
            self.seats.append(self.who_has_seats())

    async def step(self, work):
        """Done, answered, and everything is said."""
        self.post.step = len(self.seats)
        await work
        await until(self.is_quiet, 120)

    async def hand_in(self, updates):
        state = self.telegram.emulator._update_queues._state(self.telegram.token)
        for update in updates:
            self.updates += 1
            number = await self.telegram.emulator.enqueue_update(update, token=self.telegram.token)
            if self.rnd.random() < REPEATED and state.updates and state.updates[-1]["update_id"] == number:
                state.updates.append(deepcopy(state.updates[-1]))

    def is_quiet(self):
        waiting = self.telegram.emulator._update_queues._state(self.telegram.token).updates
        return not waiting and self.telegram.delivery.is_idle() and not self.telegram.bot._receipts

    def who_has_seats(self):
        return {meeting.code: meeting.confirmed() for meeting in self.meetings}

    # ---- how it is ----

    async def results(self, meeting):
        """The same as the model's, out of the database."""
        async with self.store.read() as unit:
            event = await events.get(unit, meeting.code)
            found = {}
            for row in await registrations.of_event(unit, event.id):
                if row.chat_id not in self.who_is:
                    self.who_is[row.chat_id] = int((await chats.get(unit, row.chat_id)).address)
                who = self.who_is[row.chat_id]
                found[who] = (row.state, row.place, row.attended_at is not None, row.was_there, row.rating, row.content.get("words", ""))
                assert row.content["name"] == self.guests[who].name
                assert row.language == self.guests[who].language
        return found

    async def compare(self, now):
        """At the end of a day: states and seats. (Thirty days after a meeting nobody knows any more whose they were.)"""
        for meeting in self.meetings:
            if now < meeting.ends + timedelta(days=29):
                theirs, ours = meeting.results(), await self.results(meeting)
                if found := differences(theirs, ours):
                    self.faults.append((now.isoformat(), meeting.code, found))
                meeting.final = (theirs, ours)

    def hits(self):
        """(step, chat, code, is it wrong) of each canary that anybody received."""
        for sent in self.post.sent:
            if CANARY not in sent.everything:
                continue
            for meeting in self.meetings:
                if meeting.link.rpartition("/")[2] in sent.everything:
                    had_a_seat = sent.chat in self.seats[sent.step][meeting.code]
                    yield sent, meeting, not (had_a_seat and sent.at >= meeting.link_at(sent.chat))

    def leaks(self):
        return [(sent.at.isoformat(), sent.chat, meeting.code) for sent, meeting, wrong in self.hits() if wrong]

    def heard(self):
        """(code, chat, what, at): what people were told by itself, and the late ones' links."""
        told = Counter()
        for sent in self.post.sent:
            kind = self.kind_of(sent)
            if kind and (kind != "confirmed" or CANARY in sent.everything):
                (code,) = sent.codes
                told[code, sent.chat, kind, sent.at] += 1
        return told

    def should_hear(self):
        return Counter((meeting.code, who, what, at) for meeting in self.meetings for who, what, at in meeting.letters)


async def one_after_the_other(who, deeds):
    for deed, about in deeds:
        async for _ in deed(who, *about):
            yield


async def going_on(deed):
    return await anext(deed, "over") != "over"


def kinds_in(words, language):
    """How letters begin in a language: kind -> beginnings."""
    facts = {"title": "\x00", "moment": "\x00", "until": "\x00"}
    found = {kind: tuple({plain(words.tr(each, language, facts)).partition("\x00")[0] for each in sentences}) for kind, sentences in SENTENCES.items()}
    for one, other in itertools.permutations([(kind, each) for kind, beginnings in found.items() for each in beginnings], 2):
        assert one[0] == other[0] or not one[1].startswith(other[1]), (language, one, other)
    return found


def differences(theirs, ours):
    return {who: (theirs.get(who), ours.get(who)) for who in {*theirs, *ours} if theirs.get(who) != ours.get(who)}


async def run(everybody, store, clock, seed, people):
    """The whole series; what is left of it."""
    programme, scripts, words = everybody
    house = House(Settings(_env_file=None), programme, scripts, words, store)
    clock.now = OPENS.astimezone(UTC)
    async with Telegram(house) as telegram:
        series = Series(house, telegram, clock, random.Random(seed))
        code = await series.load(people)
        series.invite(people)
        await series.hold(code)
        series.violations = telegram.emulator.violations
        return series


async def test_proto(everybody, sqlite_store, clock, seed, show):
    began = time.perf_counter()
    series = await run(everybody, sqlite_store, clock, seed, PEOPLE)
    show("series", {"seconds": round(time.perf_counter() - began), "steps": len(series.seats), "updates": series.updates, "sent": len(series.post.sent), "faults": series.faults[:2], "leaks": series.leaks()[:3], "hits": len([*series.hits()]), "refused": series.post.refused[:2], "violations": series.violations[:2], **{str(n): numbers(m.results()) for n, m in enumerate(series.meetings)}})
    a, b = series.heard(), series.should_hear()
    show("more", [*(a - b).items()][:10])
    show("less", [*(b - a).items()][:10])
