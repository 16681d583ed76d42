"""An event with a thousand people moves over a night in which clocks are changed: one notice each, with a calendar file that replaces the old
one, and every reminder at the right moment where its reader is. Moments are written down here, not taken from the code that is tested."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import icalendar
import pytest
import vobject
from fair import LINK, Fair
from sqlalchemy import func, insert, select

from bot.calendars import calendar_file
from bot.effects import due
from bot.effects.cards import told
from bot.letters import word
from dialogs.nouns import Frame, State
from storage import chats, events, registrations, tables
from storage.records import Address, Registration

STAFF = 10_000  # the chat of whoever moves it; everybody else has a lower number
LANGUAGES = ("de", "pl", "uk", "en", "ar")
FAR = ("Asia/Kolkata", "America/New_York")  # where every twentieth of them is
BEFORE_WINTERS_END = datetime(2027, 3, 10, 10, tzinfo=UTC)  # 28 March: Berlin's clocks go from 2:00 to 3:00
BEFORE_SUMMERS_END = datetime(2027, 10, 10, 10, tzinfo=UTC)  # 31 October: from 3:00 back to 2:00


def local(*numbers):
    return datetime(*numbers)  # noqa: DTZ001 - as events keep it


def utc(text):
    """As in 03-23 11:00; of 2027."""
    return datetime.strptime(f"2027-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


class Crowd(Fair):
    """A fair whose people come all at once, and who remember how long they had the database's write lock."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.zones, self.locked, begin = {}, [], self.store.begin

        @asynccontextmanager
        async def timed():
            async with begin() as unit:
                began = time.perf_counter()
                yield unit
            self.locked.append(time.perf_counter() - began)

        self.store.begin = timed

    async def come(self, event, many, state="confirmed", zone=None):
        """So many more people with a seat, who read in five languages, one in twenty of them far away: as if they had signed up one by one."""
        fresh = range(len(self.zones) + 1, len(self.zones) + many + 1)
        self.zones |= {who: zone if zone is not None else FAR[who // 20 % 2] if who % 20 == 0 else "" for who in fresh}
        async with self.store.begin() as unit:
            people = {who: uuid4() for who in fresh}
            common = {"created_at": unit.now, "heard_at": unit.now}
            await unit.connection.execute(insert(tables.people), [{"id": each, "number": 1000 + who, **common} for who, each in people.items()])
            there = await chats.lock(unit, {Address("telegram", str(who)): LANGUAGES[who % 5] for who in fresh})
            await chats.save(unit, [replace(chat, person_id=people[int(chat.address)], state=self.stands(chat)) for chat in there.values()])
            ids = {int(chat.address): chat.id for chat in there.values()}
            signed = [
                Registration(
                    uuid4(), event.id, people[who], ids[who], state, who, 1, LANGUAGES[who % 5], self.zones[who], created_at=unit.now, changed_at=unit.now
                )
                for who in fresh
            ]
            await unit.connection.execute(insert(tables.registrations), [registrations._row(unit, each) for each in signed])
            desk = self.desk(unit)
            await due.settled(desk, (await told(desk, await events.find(unit, event.id, lock=True)))[0])
        self.there += fresh

    def stands(self, chat):
        zone = self.zones[int(chat.address)]
        return State(chat.language, passed=("join.age",), frames=(Frame("menu"),), reading={"zone": zone} if zone else {}).to_json()

    async def move(self, event, typed):
        """By a member of staff, through the dialog; what everybody was told, and as it is now."""
        if STAFF not in self.there:
            self.there.append(STAFF)
            await self.hire(STAFF, "coordinator")
        await self.command(STAFF, "change", event.code)
        await self.press(STAFF, "when")
        since = len(self.letters)
        await self.text(STAFF, typed)
        assert {"change.when-is", "change.sure"} <= {*self.ids(STAFF, since)}
        self.locked = []
        await self.press(STAFF, "yes")
        assert "manage.changed" in self.ids(STAFF, since)
        return self.to_people(self.letters[since:]), await self.now(event)

    def to_people(self, letters):
        return [each for each in letters if each.address.address != str(STAFF)]

    async def live_until(self, moment, look=lambda: None):
        """Time goes by, event by event; what people were told: (when, who, sentence)."""
        found = []
        while True:
            found += [(self.time(), who, each) for who, sentences in await self.tick() for each in sentences if each.startswith("event.")]
            look()
            if self.time() >= moment:
                return found
            async with self.store.read() as unit:
                following = select(func.min(tables.events.c.next_at)).where(tables.events.c.next_at > self.time())
                at = (await unit.connection.execute(following)).scalar()
            self.time.now = min(at or moment, moment)

    async def notices(self, event, what):
        """How many letters of this kind were ever written for each registration."""
        rows = await self.rows(tables.outbox)
        return Counter(row.key.split(".")[1] for row in rows if row.key.startswith("event.") and row.key.split(".")[2].startswith(what))


@pytest.fixture
def crowd(store, clock, everybody):
    programme, scripts, words = everybody
    return Crowd(store, clock, scripts, words, programme)


def said(heard, sentence, crowd, zone):
    """When people of a zone were told that: moment -> how many of them, each once at most."""
    found = Counter((at, who) for at, who, each in heard if each == sentence and crowd.zones.get(who) == zone)
    assert all(times == 1 for times in found.values()), "nobody is told the same thing twice"
    return Counter(at for at, _ in found)


def nobody_wakes(heard, crowd, home="Europe/Berlin"):
    for at, who, sentence in heard:
        hour = at.astimezone(ZoneInfo(crowd.zones[who] or home)).hour
        assert 8 <= hour < 21, f"{sentence} at {at.isoformat()}, where {crowd.zones[who] or home} has {hour} o'clock"


def all_read_the_same(letters, event, *, begins, starts, ends, sequence):
    """Each letter has a calendar file; two libraries of others read the same in it: the same event, later, at this local time, at that moment."""
    zone, files = ZoneInfo(event.zone), {each.content["document"][1] for each in letters}
    assert all(each.content["document"][0] == f"{event.code}.ics" for each in letters)
    for file in files:
        [one] = icalendar.Calendar.from_ical(file).walk("VEVENT")
        other = vobject.readOne(file).vevent
        assert one["UID"] == other.uid.value == f"{event.id}@frontdoor"
        assert int(one["SEQUENCE"]) == int(other.sequence.value) == sequence
        for dtstart, dtend in ((one["DTSTART"].dt, one["DTEND"].dt), (other.dtstart.value, other.dtend.value)):
            assert dtstart.replace(tzinfo=None) == begins
            assert (dtstart.astimezone(UTC), dtend.astimezone(UTC)) == (starts, ends)
            assert dtstart.astimezone(zone).utcoffset() == dtstart.utcoffset(), "and its own rules of daylight saving are the zone's"
        assert LINK not in file
    return files


MOVES = {  # now, from, as it is typed, begins, starts, ends; then the reminders: zone -> moments
    "to summer time": (
        BEFORE_WINTERS_END,
        local(2027, 3, 27, 13),
        "30 March 2027 13:00-15:15",
        local(2027, 3, 30, 13),
        utc("03-30 11:00"),
        utc("03-30 13:15"),
        {
            "": ["03-23 11:00", "03-29 11:00", "03-30 10:00"],
            "Asia/Kolkata": ["03-23 11:00", "03-29 11:00", "03-30 10:00"],  # 16:30, 16:30, 15:30 there
            "America/New_York": ["03-23 00:30", "03-29 00:30", "03-30 00:30"],  # it begins at 7:00 there, so each is said at 20:30 of the evening before
        },
    ),
    "to winter time": (
        BEFORE_SUMMERS_END,
        local(2027, 10, 30, 13),
        "2 November 2027 13:00-15:15",
        local(2027, 11, 2, 13),
        utc("11-02 12:00"),
        utc("11-02 14:15"),
        {
            "": ["10-26 12:00", "11-01 12:00", "11-02 11:00"],
            "Asia/Kolkata": ["10-26 12:00", "11-01 12:00", "11-02 11:00"],
            "America/New_York": ["10-26 12:00", "11-01 12:00", "11-02 00:30"],  # 8:00 is no night any more, 7:00 is one
        },
    ),
}


@pytest.mark.parametrize("move", MOVES)
async def test_a_thousand_people_are_told_once_and_reminded_at_the_new_time(crowd, clock, show, move):
    clock.now, begins_before, typed, begins, starts, ends, schedule = MOVES[move]
    event = await crowd.event(begins=begins_before, ends=begins_before + timedelta(hours=2, minutes=15), capacity=1000)
    await crowd.come(event, 1000)
    before = icalendar.Calendar.from_ical(calendar_file(event, "Round table", "We talk.", now=clock()))
    assert [str(each["UID"]) for each in before.walk("VEVENT")] == [f"{event.id}@frontdoor"]
    assert [int(each["SEQUENCE"]) for each in before.walk("VEVENT")] == [0]

    letters, event = await crowd.move(event, typed)
    locks = {"move": max(crowd.locked)}
    assert Counter(int(each.address.address) for each in letters) == dict.fromkeys(crowd.zones, 1), "one letter each"
    assert {tuple(part[0] for part in each.content["parts"] if part[0] != "event.yours") for each in letters} == {("event.moved", "event.do-you-come")}
    assert await crowd.notices(event, "moved") == {str(each.id): 1 for each in await crowd.all_of(event)}
    files = all_read_the_same(letters, event, begins=begins, starts=starts, ends=ends, sequence=1)
    assert len(files) == 1, "its title is the same in all languages here"
    assert (event.starts_at, event.ends_at, event.sequence) == (starts, ends, 1)
    for letter in letters:  # whoever is elsewhere reads their own time too
        yours = [part[1]["moment"] for part in letter.content["parts"] if part[0] == "event.yours"]
        zone = crowd.zones[int(letter.address.address)]
        assert yours == ([{"moment": starts.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes"), "zone": zone}] if zone else [])

    rounds = []

    def look():
        rounds.append(max(crowd.locked, default=0))
        crowd.locked = []

    crowd.locked = []
    heard = await crowd.live_until(ends - timedelta(minutes=1), look)
    nobody_wakes(heard, crowd)
    people = Counter(crowd.zones.values())
    for zone, moments in schedule.items():
        assert said(heard, "event.reminder", crowd, zone) == {utc(each): people[zone] for each in moments}, zone or "Berlin"
    assert {each for _, _, each in heard} == {"event.reminder", "event.yours"}, "and nothing else"
    locks["rounds"] = sorted(rounds, reverse=True)[:3]
    ms = {name: [round(each * 1000) for each in (took if isinstance(took, list) else [took])] for name, took in locks.items()}
    show(f"moving, {crowd.store.engine.dialect.name}, {move}", {"write lock, ms": ms})


async def test_whoever_waits_is_told_too_and_has_nothing_to_put_into_a_calendar(crowd, clock):
    clock.now = BEFORE_WINTERS_END
    event = await crowd.event(begins=local(2027, 3, 27, 13), capacity=20)
    await crowd.come(event, 20)
    await crowd.come(event, 20, "waiting")
    letters, event = await crowd.move(event, "30 March 2027 13:00-15:00")
    assert Counter(int(each.address.address) for each in letters) == dict.fromkeys(crowd.zones, 1)
    waiting = [each for each in letters if int(each.address.address) > 20]
    assert not any("document" in each.content for each in waiting)
    assert {tuple(action[0] for action in each.content["actions"]) for each in waiting} == {("cantcome",)}
    heard = await crowd.live_until(utc("03-30 10:59"))
    assert {who for _, who, _ in heard} == set(range(1, 21)), "and is reminded of nothing"


async def test_everybody_reads_the_notice_in_their_own_words_and_hours(crowd, clock):
    clock.now = BEFORE_WINTERS_END
    event = await crowd.event(begins=local(2027, 3, 27, 13), ends=local(2027, 3, 27, 15, 15))
    await crowd.come(event, 5)
    await crowd.come(event, 5, zone="Asia/Kolkata")
    letters, event = await crowd.move(event, "30 March 2027 13:00-15:15")
    read = defaultdict(set)
    for letter in letters:
        shown = word(letter, crowd.words)
        read[letter.language, crowd.zones[int(letter.address.address)]].add(shown.text)
        assert len(shown.rows) == 2, "still coming, or not"
    assert all(len(texts) == 1 for texts in read.values())
    assert len({text for texts in read.values() for text in texts}) == 10, "in five languages, here and there"
    [english], [there] = read["en", ""], read["en", "Asia/Kolkata"]
    for each in ("Saturday, March 27", "Tuesday, March 30", "13:00"):
        assert each in english
    assert "16:30" not in english
    assert "16:30" in there


async def test_moved_there_and_back_each_notice_replaces_the_one_before(crowd, clock):
    clock.now = BEFORE_WINTERS_END
    event = await crowd.event(begins=local(2027, 3, 27, 13), ends=local(2027, 3, 27, 15, 15))
    await crowd.come(event, 40)
    _, event = await crowd.move(event, "30 March 2027 13:00-15:15")
    clock.turn(days=9)  # 19 March: the old time's first reminder is a day away, the new one's four
    letters, event = await crowd.move(event, "27 March 2027 13:00-15:15")
    all_read_the_same(letters, event, begins=local(2027, 3, 27, 13), starts=utc("03-27 12:00"), ends=utc("03-27 14:15"), sequence=2)
    heard = await crowd.live_until(utc("03-27 14:00"))
    nobody_wakes(heard, crowd)
    people = Counter(crowd.zones.values())
    for zone in ("", "Asia/Kolkata"):
        assert said(heard, "event.reminder", crowd, zone) == {utc(each): people[zone] for each in ("03-20 12:00", "03-26 12:00", "03-27 11:00")}
    early = {utc(each): people["America/New_York"] for each in ("03-20 12:00", "03-26 12:00", "03-27 00:30")}  # 8:00, 8:00; 7:00 becomes 20:30
    assert said(heard, "event.reminder", crowd, "America/New_York") == early


async def test_an_event_that_was_reminded_of_and_moves_on_is_reminded_of_again(crowd, clock):
    clock.now = BEFORE_WINTERS_END
    event = await crowd.event(begins=local(2027, 3, 27, 13))
    await crowd.come(event, 19)
    heard = await crowd.live_until(utc("03-26 18:00"))
    assert said(heard, "event.reminder", crowd, "") == {utc("03-20 12:00"): 19, utc("03-26 12:00"): 19}
    _, event = await crowd.move(event, "4 April 2027 13:00-15:00")
    heard = await crowd.live_until(utc("04-04 10:59"))
    assert said(heard, "event.reminder", crowd, "") == {utc("03-28 11:00"): 19, utc("04-03 11:00"): 19, utc("04-04 10:00"): 19}


async def test_an_hour_that_does_not_exist_is_the_one_after_it_for_everybody(crowd, clock):
    """On 28 March Berlin has no 2:30."""
    clock.now = BEFORE_WINTERS_END
    event = await crowd.event(begins=local(2027, 3, 27, 13))
    await crowd.come(event, 40)
    letters, event = await crowd.move(event, "28 March 2027 02:30-04:30")
    all_read_the_same(letters, event, begins=local(2027, 3, 28, 3, 30), starts=utc("03-28 01:30"), ends=utc("03-28 02:30"), sequence=1)
    english = next(word(each, crowd.words).text for each in letters if each.language == "en")
    assert "Sunday, March 28, 3:30" in english
    assert "2:30" not in english
    heard = await crowd.live_until(utc("03-28 01:29"))
    nobody_wakes(heard, crowd)
    people = Counter(crowd.zones.values())
    schedule = {
        "": ["03-20 19:30", "03-26 19:30", "03-27 19:30"],  # 20:30 of the evenings before, all in winter time
        "Asia/Kolkata": ["03-20 15:00", "03-26 15:00", "03-27 15:00"],  # it begins at 7:00 there
        "America/New_York": ["03-21 00:30", "03-27 00:30", "03-28 00:30"],  # 20:30 of the same evening; it begins at 21:30
    }
    for zone, moments in schedule.items():
        assert said(heard, "event.reminder", crowd, zone) == {utc(each): people[zone] for each in moments}, zone or "Berlin"


async def test_an_offer_ends_before_an_event_that_comes_earlier(crowd, clock):
    clock.now = BEFORE_WINTERS_END
    event = await crowd.event(begins=local(2027, 4, 20, 13), capacity=1)
    await crowd.come(event, 1)
    await crowd.come(event, 2, "waiting")
    await crowd.command(1, "cantcome", event.code)
    assert [each.state for each in await crowd.all_of(event)] == ["cancelled", "offered", "waiting"]
    _, event = await crowd.move(event, "10 March 2027 14:00-16:00")
    await crowd.live_until(event.starts_at)
    assert [each.offered_until for each in await crowd.all_of(event) if each.state == "offered" and each.offered_until > event.starts_at] == []


async def test_an_hour_that_comes_twice_is_the_first_one_for_everybody(crowd, clock):
    """On 31 October Berlin has 2:30 twice."""
    clock.now = BEFORE_SUMMERS_END
    event = await crowd.event(begins=local(2027, 10, 30, 13))
    await crowd.come(event, 20)
    letters, event = await crowd.move(event, "31 October 2027 02:30-04:30")
    all_read_the_same(letters, event, begins=local(2027, 10, 31, 2, 30), starts=utc("10-31 00:30"), ends=utc("10-31 03:30"), sequence=1)
    heard = await crowd.live_until(utc("10-31 00:29"))
    nobody_wakes(heard, crowd)
    assert said(heard, "event.reminder", crowd, "") == {utc(each): 19 for each in ("10-23 18:30", "10-29 18:30", "10-30 18:30")}


@pytest.mark.parametrize("far", [False, True], ids=["all at home", "some far away"])
async def test_what_has_passed_at_the_new_time_is_not_caught_up_on(crowd, clock, far):
    """Moved to a day so near that a reminder's moment is over: the notice of the move says it."""
    clock.now = BEFORE_WINTERS_END
    event = await crowd.event(begins=local(2027, 4, 20, 13))
    await crowd.come(event, 40 if far else 19)
    clock.now = utc("03-25 10:00")
    _, event = await crowd.move(event, "30 March 2027 13:00-15:00")
    heard = await crowd.live_until(utc("03-30 10:59"))
    people = Counter(crowd.zones.values())
    nobody_wakes(heard, crowd)
    assert said(heard, "event.reminder", crowd, "") == {utc(each): people[""] for each in ("03-29 11:00", "03-30 10:00")}
    if far:
        assert said(heard, "event.reminder", crowd, "America/New_York") == {utc(each): people["America/New_York"] for each in ("03-29 00:30", "03-30 00:30")}


async def test_moved_into_the_next_hour_nobody_is_reminded_of_what_they_have_just_read(crowd, clock):
    clock.now = BEFORE_WINTERS_END
    event = await crowd.event(begins=local(2027, 4, 20, 13))
    await crowd.come(event, 19)
    clock.now = utc("03-27 11:20")
    await crowd.move(event, "27 March 2027 13:00-15:00")
    assert await crowd.live_until(utc("03-27 14:00")) == []


async def test_the_link_that_is_due_at_the_new_time_comes_before_it_begins(crowd, clock):
    clock.now = BEFORE_WINTERS_END
    event = await crowd.event(begins=local(2027, 4, 20, 13), link=LINK, link_days=2)
    await crowd.come(event, 19)
    clock.now = utc("03-27 11:20")
    letters, event = await crowd.move(event, "27 March 2027 13:00-15:00")
    heard = await crowd.live_until(event.starts_at)
    had = Counter(int(each.address.address) for each in letters if LINK in str(each.content))
    had += Counter(who for _, who, each in heard if each == "event.link-is-here")
    assert had == dict.fromkeys(crowd.zones, 1)


@pytest.mark.parametrize("first", ["the link", "its days"])
async def test_a_link_that_is_due_when_it_is_set_comes_at_once_and_once(crowd, clock, first):
    clock.now = BEFORE_WINTERS_END
    event = await crowd.event(begins=local(2027, 3, 30, 13), link="" if first == "the link" else LINK, link_days=2 if first == "the link" else 0)
    await crowd.come(event, 19)
    heard = await crowd.live_until(utc("03-28 18:00"))
    await crowd.hire(STAFF, "coordinator")
    await crowd.command(STAFF, "change", event.code)
    await crowd.press(STAFF, "link" if first == "the link" else "link-days")
    since = len(crowd.letters)
    await crowd.text(STAFF, LINK if first == "the link" else "5")
    at_once = Counter(int(each.address.address) for each in crowd.to_people(crowd.letters[since:]) if LINK in str(each.content))
    assert at_once == dict.fromkeys(crowd.zones, 1)
    heard = await crowd.live_until(event.starts_at)
    assert "event.link-is-here" not in {each for _, _, each in heard}


async def test_somebody_who_is_forgotten_brings_nothing_back_that_has_passed(crowd, clock):
    """A seat that is free makes us look at the event, at any hour."""
    clock.now = BEFORE_WINTERS_END
    event = await crowd.event(begins=local(2027, 4, 20, 13))
    await crowd.come(event, 19)
    clock.now = utc("03-25 10:00")
    await crowd.move(event, "30 March 2027 13:00-15:00")
    clock.now = utc("03-26 02:00")
    async with crowd.store.begin() as unit:
        await events.look_again(unit, [event.id])
    assert await crowd.tick() == []


async def test_whoever_comes_late_and_from_afar_is_not_reminded_of_what_was_before_them(crowd, clock):
    clock.now = BEFORE_WINTERS_END
    event = await crowd.event(begins=local(2027, 3, 30, 13))
    await crowd.come(event, 19)
    await crowd.live_until(utc("03-29 05:00"))
    await crowd.come(event, 1, zone="America/New_York")  # whose reminder of the day before was due at 00:30
    heard = await crowd.live_until(utc("03-30 10:59"))
    nobody_wakes(heard, crowd)
    assert said(heard, "event.reminder", crowd, "America/New_York") == {utc("03-30 00:30"): 1}


async def test_whoever_says_later_where_they_are_is_woken_by_nothing(crowd, clock):
    clock.now = BEFORE_WINTERS_END
    event = await crowd.event(begins=local(2027, 3, 27, 20), reminders=(60,))
    await crowd.arrive(1)
    await crowd.sign_up(1, event)
    await crowd.command(1, "zone")
    await crowd.text(1, "Kolkata")
    await crowd.press(1, "Asia/Kolkata")
    assert (await crowd.chat(1)).reading == {"zone": "Asia/Kolkata"}
    crowd.zones[1] = "Asia/Kolkata"
    heard = await crowd.live_until(event.starts_at)  # 19:00 there is 0:30 here
    assert "event.reminder" in {each for _, _, each in heard}
    nobody_wakes(heard, crowd)


async def test_a_reminder_that_is_held_up_until_night_is_not_said_any_more(crowd, clock):
    """A channel may be away for hours; a letter carries the moment after which it is not said."""
    clock.now = BEFORE_WINTERS_END
    event = await crowd.event(begins=local(2027, 3, 30, 13))
    await crowd.come(event, 40)
    await crowd.live_until(event.starts_at)
    reminders = [each for each in crowd.to_people(crowd.letters) if each.content["parts"][0][0] == "event.reminder"]
    assert len(reminders) == 120
    for letter in reminders:
        there = ZoneInfo(crowd.zones[int(letter.address.address)] or "Europe/Berlin")
        due_at, until = (each.astimezone(there) for each in (letter.due_at, datetime.fromisoformat(letter.content["until"])))
        assert due_at < until <= min(event.starts_at, due_at.replace(hour=21, minute=0))


async def test_an_event_that_ends_in_the_hour_that_does_not_exist_does_not_end_before_it_begins(crowd, clock):
    clock.now = BEFORE_WINTERS_END
    event = await crowd.event(begins=local(2027, 3, 27, 13))
    await crowd.come(event, 5)
    await crowd.move(event, "28 March 2027 02:30-03:15")
    event = await crowd.now(event)
    assert event.starts_at < event.ends_at


async def test_a_random_walk_through_the_year_wakes_nobody_and_repeats_nothing(crowd, clock, rnd, seed):
    """Moved a dozen times while time goes by, wherever chance leads: what is said is exactly what the times that held asked for, and nothing
    of a moment that was over when the event came to its time."""
    clock.now = BEFORE_WINTERS_END
    event = await crowd.event(begins=local(2027, 3, 27, 13))
    await crowd.come(event, 40)
    heard, wanted, people = [], Counter(), Counter(crowd.zones.values())
    for number in range(12):
        earliest = clock().astimezone(ZoneInfo("Europe/Berlin")).replace(tzinfo=None, hour=0, minute=0)
        begins = earliest + timedelta(days=rnd.randrange(1, 15), hours=rnd.randrange(24), minutes=rnd.choice([0, 30]))
        _, event = await crowd.move(event, f"{begins:%d.%m.%Y %H:%M}-{begins + timedelta(hours=2):%H:%M}")
        assert (event.begins, event.sequence) == (begins, number + 1)
        since, until = clock(), min(clock() + timedelta(hours=rnd.randrange(1, 150)), event.starts_at - timedelta(minutes=1))
        heard += await crowd.live_until(until)
        wanted += Counter({(at, zone): people[zone] for zone in people for at in evenings(event, zone or "Europe/Berlin") if since < at <= until})
    nobody_wakes(heard, crowd)
    assert Counter((at, crowd.zones[who]) for at, who, each in heard if each == "event.reminder") == wanted, f"seed {seed}"


def evenings(event, zone):
    """When people in a zone are reminded, said once more in other words: of 21:00 to 7:59 it is 20:30 before that."""
    found = set()
    for before in (timedelta(days=7), timedelta(days=1), timedelta(hours=1)):
        at = (event.starts_at - before).astimezone(ZoneInfo(zone))
        while not 8 <= at.hour < 21:
            at = (at.astimezone(UTC) - timedelta(minutes=1)).astimezone(ZoneInfo(zone))
            at = at.replace(minute=30) if at.hour == 20 else at
        found.add(at.astimezone(UTC))
    return found
