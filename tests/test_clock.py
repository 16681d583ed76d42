"""What we do by ourselves, in virtual time: reminders come once, never at night, never after "no more"; silence pauses."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from conftest import KEYS, ROOT, TRUST, until
from sqlalchemy import select
from test_doors import code_of, join
from test_intake import World

from bot import clock as clock_module
from bot.clock import Clock
from bot.delivery import Delivery
from bot.effects import nudges as acts
from bot.errors import FrontdoorError
from bot.letters import word
from bot.messages import Incoming, Kind
from bot.settings import read_programme
from dialogs.model import Step
from storage import nudges, people, tables
from storage.errors import StoreAway
from storage.nudges import HALF_WAY, NOT_LOOKING
from storage.records import Address
from storage.store import Store

DAYS, HOURLY = 400, ((0, 5), (51, 53), (182, 184), (205, 214))  # days after the third of September: summer time ends on the 52nd
REMINDER, QUESTION, WELCOME = "quiet.half-way", "still.right", "still.back"


class Town(World):
    """People who write, and our own clock; who was told what, and when."""

    def __init__(self, store, clock, scripts, words, programme, due=None):
        super().__init__(store, scripts, words, programme)
        self.time, self.programme, self.scripts = clock, programme, scripts
        self.clock = Clock(store, self.intake.handle, programme, due=due or clock_module.DUE)
        self.begin = clock.now

    async def finish(self, who):
        """The whole first dialog, with nothing told."""
        await self.onboard(who)
        for _ in range(9):
            await self.press(who, ".skip") if "newcomer.summary" not in self.says(self.letters[-1]) else None
        await self.press(who, ".done")

    async def tick(self):
        """Acts of our own: (who was told, which sentence), and the moment is noted."""
        before = len(self.letters)
        await self.clock.tick()
        return [(int(letter.address.address), self.says(letter)[0]) for letter in self.letters[before:]]

    def says(self, letter):
        return [part[0] for part in letter.content.get("parts", ())]

    def told(self, who):
        return [name for letter in self.letters if letter.address.address == str(who) for name in self.says(letter)]

    async def button(self, who, data):
        """An action of a reminder: a command that is in order at any time."""
        _, name, argument = data.split(":")
        await self.command(who, name, argument)

    async def chat(self, who):
        """Without being heard."""
        async with self.store.begin() as unit:
            key = unit.cipher.index(f"telegram/{who}")
            return (await unit.connection.execute(select(tables.chats).where(tables.chats.c.address_key == key))).first()

    async def changes(self):
        return await self.count(tables.changes)


@pytest.fixture
def town(store, clock, scripts, words, programme):
    return Town(store, clock, scripts, words, programme)


@pytest.fixture
async def quick_town(database, clock, scripts, words, programme):
    """Thousands of looks at the database: SQLAlchemy says nothing of them (it asks for its level when it is made)."""
    loggers = [logging.getLogger(name) for name in ("sqlalchemy.engine.Engine", "sqlalchemy.pool")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    store = Store.at(database, KEYS, clock)
    yield Town(store, clock, scripts, words, programme)
    await store.close()
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


@pytest.fixture
def sqlite_town(sqlite_store, clock, scripts, words, programme):
    return Town(sqlite_store, clock, scripts, words, programme)


def local(moment, programme):
    return moment.astimezone(programme.timezone)


# ---- 400 days, hour by hour ---------------------------------------------------------------------------------------

LEFT, CAME_BACK, NO_MORE, FINISHED, ACTIVE, TWO_A, TWO_B, BLOCKED, NO_YES, WITHDRAWN, GONE, RETURNS = range(1, 13)


async def settle_in(town):
    """Everybody's habits; what comes later stands in LATER."""
    for who in (LEFT, CAME_BACK, NO_MORE, TWO_A, BLOCKED, WITHDRAWN):
        await town.onboard(who)
        await town.text(who, "Somebody Else")
    for who in (FINISHED, ACTIVE, GONE, RETURNS):
        await town.finish(who)
    await town.command(TWO_B, "start")
    await join(town, TWO_B, await code_of(town, TWO_A))
    await town.intake.handle([town.update(BLOCKED, Kind.STATUS, "blocked"), town.update(GONE, Kind.STATUS, "blocked")])
    await town.command(NO_YES, "start")
    for code in ("en", "yes"):
        await town.press(NO_YES, code)
    await town.command(WITHDRAWN, "stop")
    await town.press(WITHDRAWN, "profile")
    await town.command(NO_MORE, "quiet", "half-way")


async def live(town, hour):
    """What people do in this hour, counted from the start."""
    if hour == 12:
        await town.text(CAME_BACK, "Rostock")  # on its own; and silent again from here on
    if hour and hour % (24 * 60) == 0:
        await town.text(ACTIVE, "hello")
    if hour == 24 * 240:
        await town.text(RETURNS, "hello")


async def four_hundred_days(town, hours):
    """Every hour, where something happens (the first days, the end of summer time, the half year); in steps of so many elsewhere."""
    told = defaultdict(list)
    await settle_in(town)
    paused, hour = {}, 0
    while hour < DAYS * 24:
        step = 1 if any(begin <= hour // 24 < end for begin, end in HOURLY) else hours
        town.time.turn(hours=step)
        hour += step
        await live(town, hour)
        for who, sentence in await town.tick():
            told[who].append((sentence, hour, town.time.now))
        if hour % 24 == 0:
            for who in (FINISHED, GONE, RETURNS, ACTIVE, LEFT):
                row = await town.chat(who)
                async with town.store.read() as unit:
                    person = await people.get(unit, row.person_id)
                if person.paused_at and who not in paused:
                    paused[who] = hour // 24
    return told, paused


@pytest.mark.parametrize("hours", [6, *([pytest.param(1, marks=pytest.mark.trust)] if TRUST else [])])  # six: by day and by night
async def test_in_400_days_everybody_hears_of_us_as_rarely_as_promised(quick_town, hours):
    town = quick_town
    town.time.now = datetime(2026, 9, 3, 20, 30, tzinfo=UTC)  # in summer time, in the evening; DST ends, begins, and ends again
    told, paused = await four_hundred_days(town, hours)
    reminders = {who: [hour for sentence, hour, _ in heard if sentence == REMINDER] for who, heard in told.items()}
    questions = {who: [hour / 24 for sentence, hour, _ in heard if sentence == QUESTION] for who, heard in told.items()}
    assert {who for who, hours in reminders.items() if hours} == {LEFT, CAME_BACK, TWO_B}, "in two chats: where they wrote last"
    assert all(len(reminders[who]) == 1 for who in (LEFT, CAME_BACK, TWO_B))
    assert 13 <= reminders[LEFT][0] <= 36
    assert 36 <= reminders[CAME_BACK][0] <= 60, "a day after what they wrote last"
    asked = {who: days for who, days in questions.items() if days}
    assert {who: len(days) for who, days in asked.items()} == {FINISHED: 1, RETURNS: 1}, "once in a silence"
    assert all(182 <= days[0] < 183 for who, days in asked.items())
    moments = [local(moment, town.programme) for heard in told.values() for _, _, moment in heard]
    assert moments
    assert all(10 <= moment.hour < 19 for moment in moments)
    assert {moment.utcoffset() for moment in moments} == {timedelta(hours=2), timedelta(hours=1)}
    assert {who: day - 212 for who, day in paused.items()} == {FINISHED: 1, RETURNS: 1, GONE: 0}, "30 days after the question, or its time"
    assert town.told(RETURNS).count(WELCOME) == 1
    assert {sentence for heard in told.values() for sentence, _, _ in heard} == {REMINDER, QUESTION}, "nothing else is said by itself"


async def test_a_clock_that_forgets_whom_it_reminded_is_caught(sqlite_town, monkeypatch):
    """The control: the walk above would see it."""

    async def forgetful(unit, person):
        await save(unit, replace(person, reminded=frozenset()))

    save = nudges.save
    monkeypatch.setattr(nudges, "save", forgetful)
    town = sqlite_town
    town.time.now = datetime(2026, 9, 3, 8, 0, tzinfo=UTC)
    await town.onboard(LEFT)
    told = []
    for _ in range(24 * 4):
        town.time.turn(hours=1)
        async with town.store.begin() as unit:  # nor does it remember what it did
            await unit.connection.execute(tables.updates.delete())
            await unit.connection.execute(tables.outbox.delete())
        told += await town.tick()
    assert told.count((LEFT, REMINDER)) > 1


# ---- one by one ---------------------------------------------------------------------------------------------------


async def test_a_reminder_tells_a_stranger_nothing_and_has_two_buttons(town, words):
    await town.onboard(1)
    town.time.turn(hours=24)
    assert await town.tick() == [(1, REMINDER)]
    shown = word(town.letters[-1], words)
    assert [choice.data for row in shown.rows for choice in row] == ["c:start:", "c:quiet:half-way"]
    for language in words.languages:
        text = word(replace(town.letters[-1], language=language), words).text
        assert "{" not in text
        assert not any(each in text for each in ("refugee", "Flüchtling", "لاجئ", "біженець", "HIE-RO", "profile", "Profil"))
    assert "3" in shown.text, "nine questions are open, 20 seconds each"


async def test_go_on_leads_back_to_the_question(town):
    await town.onboard(1)
    town.time.turn(hours=24)
    await town.tick()
    await town.button(1, "c:start:")
    assert town.says(town.letters[-1])[-1] == "newcomer.name.hint" or "newcomer.name" in town.says(town.letters[-1])


@pytest.mark.parametrize("hours", [24, 25, 26])
async def test_no_more_is_no_more_for_every_dialog(town, hours):
    await town.onboard(1)
    town.time.turn(hours=hours - 1)
    await town.button(1, "c:quiet:half-way")
    await town.button(1, "c:quiet:half-way")  # twice is the same
    assert town.told(1).count("quiet.off") == 2
    for _ in range(100):
        town.time.turn(hours=1)
        assert await town.tick() == []
    assert (await town.person(1)).quiet == {HALF_WAY}
    await town.command(1, "quiet", "on")
    assert (await town.person(1)).quiet == frozenset()


async def test_what_is_no_reminder_is_asked_and_never_stored(town):
    await town.onboard(1)
    await town.command(1, "quiet", "not-looking")
    assert town.says(town.letters[-1])[0] == "quiet.which"
    assert (await town.person(1)).quiet == frozenset()


@pytest.mark.parametrize(
    "step", [{"ask": "yes-no"}, {"ask": "choice", "choices": ("yes", "no"), "purpose": "profile"}, {"ask": "consent", "purpose": "profile"}]
)
def test_only_a_choice_that_keeps_nothing_may_be_answered_on_the_line_of_its_command(step):
    with pytest.raises(ValueError, match="argument"):
        Step(id="sure", argument=True, **step)


async def test_nobody_is_reminded_on_the_same_day(town):
    town.time.now = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # half past midnight in Berlin
    await town.onboard(1)
    town.time.now = datetime(2026, 11, 21, 17, 59, tzinfo=UTC)  # 18 hours later, the same day
    assert await town.tick() == []
    town.time.now = datetime(2026, 11, 22, 8, 59, tzinfo=UTC)
    assert await town.tick() == []
    town.time.turn(minutes=1)
    assert await town.tick() == [(1, REMINDER)]


async def test_who_writes_a_moment_before_is_not_reminded(town):
    await town.onboard(1)
    town.time.turn(hours=24)
    async with town.store.read() as unit:
        due = await acts.half_way_due(unit, town.programme)
    await town.text(1, "Somebody Else")
    before = len(town.letters)
    await town.intake.handle(due)
    assert len(town.letters) == before
    assert (await town.person(1)).reminded == frozenset()


async def test_an_act_is_not_heard_and_moves_nothing(town):
    await town.onboard(1)
    before = await town.chat(1)
    town.time.turn(hours=24)
    assert await town.tick() == [(1, REMINDER)]
    after = await town.chat(1)
    assert (after.heard_at, after.stands_at) == (before.heard_at, before.stands_at)
    await town.text(1, "Somebody Else")
    assert (await town.person(1)).answers["newcomer.name", ""].content["value"] == "Somebody Else", "the question of yesterday is still the question"


async def test_two_clocks_at_once_say_it_once(town):
    await town.onboard(1)
    town.time.turn(hours=24)
    other = Clock(town.store, town.intake.handle, town.programme)
    await asyncio.gather(town.clock.tick(), other.tick(), town.clock.tick())
    assert town.told(1).count(REMINDER) == 1


async def test_an_act_whose_memory_is_gone_is_still_done_once(town):
    """Updates are remembered for two days; the person's row remembers for good."""
    await town.onboard(1)
    town.time.turn(hours=24)
    async with town.store.read() as unit:
        due = await acts.half_way_due(unit, town.programme)
    for _ in range(2):
        await town.intake.handle(due)
        async with town.store.begin() as unit:
            await unit.connection.execute(tables.updates.delete())
    assert town.told(1).count(REMINDER) == 1


class Ears:
    def __init__(self):
        self.heard = []

    async def send(self, outgoing):
        self.heard.append(outgoing)


async def said_after_a_crash(town, ears):
    """Another process takes up what is in the outbox."""
    delivery = Delivery(town.store, town.words, {"telegram": ears}, limits=False)
    await delivery.sweep()
    await until(delivery.is_idle)
    await delivery._write_marks()


async def test_a_crash_between_commit_and_delivery_says_it_once(town):
    await town.onboard(1)
    await said_after_a_crash(town, Ears())
    town.time.turn(hours=24)
    await town.tick()  # handed over, and lost with the process
    ears = Ears()
    await said_after_a_crash(town, ears)
    await town.tick()
    await said_after_a_crash(town, ears)
    assert len(ears.heard) == 1


async def test_a_reminder_that_was_held_up_until_night_is_not_said(town):
    await town.onboard(1)
    await said_after_a_crash(town, Ears())
    town.time.now = datetime(2026, 11, 22, 17, 59, tzinfo=UTC)
    assert await town.tick() == [(1, REMINDER)]
    town.time.turn(minutes=1)
    ears = Ears()
    await said_after_a_crash(town, ears)
    assert ears.heard == []
    async with town.store.read() as unit:
        rows = (await unit.connection.execute(select(tables.outbox.c.state, tables.outbox.c.reason))).all()
    assert [tuple(row) for row in rows] == [("failed", "too-late")]


async def test_a_chat_that_was_forgotten_meanwhile_is_not_made_again(town):
    await town.onboard(1)
    town.time.turn(hours=24)
    async with town.store.read() as unit:
        due = await acts.half_way_due(unit, town.programme)
    await town.command(1, "forget")
    await town.press(1, "yes")
    await town.intake.handle(due)
    assert await town.count(tables.chats) == 0
    assert town.told(1).count(REMINDER) == 0


async def test_who_shares_the_phone_is_not_reminded_of_what_another_left(town):
    await town.onboard(1)
    town.time.turn(hours=24)
    async with town.store.read() as unit:
        due = await acts.half_way_due(unit, town.programme)
    assert len(due) == 1
    await town.intake.handle([replace(due[0], key="another", argument="00000000-0000-7000-8000-000000000000")])
    assert town.told(1).count(REMINDER) == 0


async def test_what_breaks_in_an_act_is_set_apart_and_nobody_is_troubled(town, monkeypatch):
    await town.onboard(1)
    before = len(town.letters)
    await town.intake.handle([Incoming("clock", "broken", Kind.DUE, "no-such-act", "1", address=Address("telegram", "1"))])
    assert len(town.letters) == before
    assert await town.count(tables.quarantine) == 1


# ---- half a year --------------------------------------------------------------------------------------------------


async def silent_for(town, days):
    await town.finish(1)
    town.time.turn(days=days)


async def test_the_question_after_half_a_year_has_four_buttons_and_yes_settles_it(town, words):
    await silent_for(town, 182)
    assert await town.tick() == [(1, QUESTION)]
    shown = word(town.letters[-1], words)
    assert [choice.data for row in shown.rows for choice in row] == ["c:still:yes", "c:me:", "c:still:no", "c:quiet:still-looking"]
    await town.button(1, "c:still:yes")
    assert "still.thanks" in town.told(1)
    for _ in range(181):
        town.time.turn(days=1)
        assert await town.tick() == []
    town.time.turn(days=1)
    assert await town.tick() == [(1, QUESTION)], "a new silence, a new question"


async def test_not_looking_any_more_pauses_until_something_is_answered(town):
    await silent_for(town, 182)
    await town.tick()
    changes = await town.changes()
    await town.button(1, "c:still:no")
    person = await town.person(1)
    assert person.paused_at == town.time.now
    assert await town.changes() == changes + 1
    await town.text(1, "thank you")
    assert (await town.person(1)).paused_at, "a thank-you is not a change of mind"
    assert WELCOME not in town.told(1)
    await town.command(1, "me")
    person = await town.person(1)
    assert person.paused_at is None
    assert NOT_LOOKING not in person.quiet
    assert town.told(1).count(WELCOME) == 1
    assert await town.changes() == changes + 2


async def test_who_is_not_looking_comes_back_by_an_answer(town):
    await town.onboard(1)
    await town.command(1, "still", "no")
    assert (await town.person(1)).paused_at
    await town.text(1, "Somebody Else")
    assert (await town.person(1)).paused_at is None
    assert town.told(1).count(WELCOME) == 1


async def test_who_is_not_looking_comes_back_by_saying_so(town):
    await town.finish(1)
    await town.command(1, "still", "no")
    await town.command(1, "still", "yes")
    assert (await town.person(1)).paused_at is None
    assert town.told(1).count(WELCOME) == 1


async def test_whoever_fell_silent_is_welcomed_back_once_and_first(town):
    await silent_for(town, 182)
    await town.tick()
    changes = await town.changes()
    town.time.turn(days=30)
    assert await town.tick() == [], "silence pauses, and says nothing"
    assert (await town.person(1)).paused_at == town.time.now
    assert await town.changes() == changes + 1
    before = len(town.letters)
    await town.text(1, "hello")
    assert town.says(town.letters[before]) == [WELCOME]
    assert (await town.person(1)).paused_at is None
    assert await town.changes() == changes + 2
    await town.text(1, "hello")
    assert town.told(1).count(WELCOME) == 1


async def test_the_paused_hear_nothing_of_us(town):
    await town.finish(1)
    await town.command(1, "still", "no")
    for _ in range(60):
        town.time.turn(days=10)
        assert await town.tick() == []


@pytest.mark.parametrize("why", ["no more of it", "cannot be reached"])
async def test_who_can_not_be_asked_is_paused_by_silence_alone(town, why):
    await town.finish(1)
    if why == "no more of it":
        await town.command(1, "quiet", "still-looking")
    else:
        await town.intake.handle([town.update(1, Kind.STATUS, "blocked")])
    town.time.turn(days=211)
    assert await town.tick() == []
    assert (await town.person(1)).paused_at is None
    town.time.turn(days=1)
    assert await town.tick() == []
    assert (await town.person(1)).paused_at


async def test_who_writes_a_moment_before_the_pause_is_not_paused(town):
    await silent_for(town, 182)
    await town.tick()
    town.time.turn(days=30)
    async with town.store.read() as unit:
        due = await acts.pause_due(unit, town.programme)
    assert len(due) == 1
    await town.text(1, "hello")
    await town.intake.handle(due)
    assert (await town.person(1)).paused_at is None


async def test_mydata_tells_what_is_off_and_since_when_they_are_paused(town):
    await town.finish(1)
    await town.command(1, "quiet", "half-way")
    await town.command(1, "still", "no")
    await town.command(1, "mydata")
    letter = next(each for each in reversed(town.letters) if "document" in each.content)
    names = [part[1]["name"]["say"] for part in letter.content["parts"] if part[0] == "common.line" and isinstance(part[1]["name"], dict)]
    assert {"mydata.quiet", "mydata.paused"} <= set(names)
    assert '"reminders switched off": [\n    "half-way"\n  ]' in letter.content["document"][1]
    assert '"not looking any more": true' in letter.content["document"][1]


# ---- the loop -----------------------------------------------------------------------------------------------------


async def test_the_clock_goes_on_when_the_database_is_away_or_a_source_is_broken(sqlite_town):
    town, rounds = sqlite_town, []

    async def away(unit, programme):
        rounds.append("away")
        raise StoreAway("gone")

    async def broken(unit, programme):
        rounds.append("broken")
        raise ValueError("an invented fault")

    async def fine(unit, programme):
        rounds.append("fine")
        return [Incoming("clock", f"x{number}", Kind.DUE, "pause", "00000000-0000-7000-8000-000000000000") for number in range(250)]

    async def sleep(seconds):
        rounds.append(seconds)
        if len(rounds) > 5:
            raise asyncio.CancelledError

    batches = []

    async def handle(batch):
        batches.append(len(batch))

    with pytest.raises(asyncio.CancelledError):
        await Clock(town.store, handle, town.programme, due=(broken, fine, away), sleep=sleep).run()
    assert rounds == ["broken", "fine", "away", 60.0, "broken", "fine", "away", 60.0]
    assert batches == [100, 100, 50] * 2


async def test_a_day_of_a_thousand_who_stopped_is_taken_in_batches(sqlite_town):
    town = sqlite_town
    for who in range(1, 121):
        await town.onboard(who)
    town.time.turn(hours=24)
    assert len(await town.tick()) == 120
    assert await town.tick() == []


@pytest.mark.parametrize(("hours", "fine"), [("19-10", True), ("20-9", True), ("22-7", True), ("23-6", False), ("10-19", False), ("0-24", False), ("x", False)])
def test_quiet_hours_always_hold_the_night(tmp_path, hours, fine):
    text = (ROOT / "programme.yaml").read_text("utf-8").replace("quiet_hours: 19-10", f"quiet_hours: {hours}")
    path = tmp_path / "programme.yaml"
    path.write_text(text, "utf-8")
    if fine:
        programme = read_programme(path)
        for hour in (22, 23, 0, 3, 6):
            assert programme.is_quiet(datetime(2026, 7, 1, hour, 30, tzinfo=programme.timezone))
        assert not programme.is_quiet(datetime(2026, 7, 1, 14, 0, tzinfo=programme.timezone))
        return
    with pytest.raises(FrontdoorError, match="between 13 and 22"):
        read_programme(path)
