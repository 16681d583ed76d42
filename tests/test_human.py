"""A human being: two people write to each other through the bot. Nobody is lost, nothing is promised that is not so."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime

import pytest
from conftest import CANARIES, KEYS, until
from doors import Browser, Telegram, TelegramDoor, TerminalDoor, Web
from sqlalchemy import select, update
from test_doors import code_of
from test_intake import World

from bot.app import House
from bot.effects import ACTS
from bot.effects.calls import due
from bot.letters import word
from bot.messages import Incoming, Kind
from bot.settings import Settings
from storage import calls, outbox, sessions, staff, tables
from storage.errors import SealBroken, StoreAway
from storage.records import Address
from storage.store import Store

ISOLATES = dict.fromkeys(map(ord, "\u2068\u2069\u200e\u200f"))
ASKED = {
    "en": "How do I find a doctor here?",
    "de": "Wie finde ich hier eine Wohnung? Größe egal.",
    "ar": "كيف أجد دورة لغة في Rostock؟\nشكرًا (B1)",
    "uk": "Де тут знайти дитячий садок?\nДякую!",
}
ANSWERED = {"en": "Come on Monday.", "de": "Komm am Montag.", "ar": "تعال يوم الاثنين إلى Rostock.", "uk": "Приходьте в понеділок."}
NEXT = {"en": "de", "de": "ar", "ar": "uk", "uk": "en"}


# ---- two people, over real doors ----


@pytest.fixture
def house(scripts, words, programme, sqlite_store):
    return House(Settings(_env_file=None), programme, scripts, words, sqlite_store)


@asynccontextmanager
async def street(house):
    """Telegram, the web chat and a terminal, of one house."""
    async with AsyncExitStack() as stack:
        telegram, web, terminal = [await stack.enter_async_context(each) for each in (Telegram(house), Web(house), TerminalDoor(house, "en"))]
        browser = await stack.enter_async_context(Browser(web, "en"))
        ways = {"telegram": telegram.delivery.take, "web": web.boxes.take, "terminal": terminal.delivery.take}
        for name, place in (("telegram", telegram), ("web", web), ("terminal", terminal)):
            place.also += [take for other, take in ways.items() if other != name]
        yield {"telegram": TelegramDoor(telegram, "en"), "web": browser, "terminal": terminal}
        await browser.read_everything()
        assert telegram.emulator.violations == []


def pattern(house, sentence, language):
    text = house.words.catalogue(language).texts[sentence]
    return "|".join(re.sub(r"\\\{[a-z_]+\\\}", ".+?", re.escape(each)) for each in ([text] if isinstance(text, str) else text))


def plain(text):
    return text.translate(ISOLATES)


async def hears(house, door, language, *sentences, words="", since=0):
    """Waits until a message with these sentences (and words) is there; that message."""

    def found():
        return next(
            (
                heard
                for heard in door.heard[since:]
                if words in plain(heard.text) and all(re.search(pattern(house, each, language), plain(heard.text), re.DOTALL) for each in sentences)
            ),
            None,
        )

    return await until(found)


async def welcome(house, door, language):
    await door.say("/start")
    await door.press(language)


async def helper(house, door, language, name="Anna Example", rank="coordinator"):
    """Somebody of the staff at this door."""
    await welcome(house, door, language)
    async with house.store.begin() as unit:
        member = await staff.add(unit, name, rank)
        newest = select(tables.chats.c.id).where(tables.chats.c.channel == door.channel).order_by(tables.chats.c.id.desc()).limit(1)
        await unit.connection.execute(update(tables.chats).where(tables.chats.c.id == newest.scalar_subquery()).values(staff_id=member.id))
    return member


PAIRS = [("web", "telegram"), ("telegram", "web"), ("terminal", "telegram"), ("telegram", "terminal")]


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
@pytest.mark.parametrize("language", ["en", "de", "ar", "uk"])
async def test_a_question_reaches_the_team_and_the_answer_comes_back(language, theirs, ours, house):
    async with street(house) as doors:
        person, anna, spoken = doors[theirs], doors[ours], NEXT[language]
        await welcome(house, person, language)
        await helper(house, anna, spoken)
        await person.say("/human")
        await hears(house, person, language, "human.opens")
        question = await hears(house, person, language, "human.how", "human.how.hint")
        assert set(question.buttons) == {"phone", ".close"}
        assert (theirs == "web") is bool(re.search(pattern(house, "human.page", language), plain(question.text)))
        await person.say(ASKED[language])
        await hears(house, person, language, "human.with-the-team", "human.opens")
        notice = await hears(
            house, anna, spoken, "calls.new", "calls.somebody-new", words=ASKED[language] if theirs != "terminal" else ASKED[language].split("\n")[0]
        )
        assert list(notice.buttons) == ["answer", "take", "close"]

        await anna.press("answer")
        await hears(house, anna, spoken, "answer.free")
        await hears(house, anna, spoken, "answer.words")
        await anna.say(ANSWERED[spoken])
        await hears(house, anna, spoken, "answer.sent")
        answer = await hears(house, person, language, "human.answer", words=ANSWERED[spoken])
        assert "Anna Example" in plain(answer.text)
        assert list(answer.buttons) == ["human", "helped"]

        await person.press("human", None if theirs == "terminal" else answer)
        await hears(house, person, language, "human.answered")
        await hears(house, person, language, "human.more")
        await person.say("OK 👍 12:30?")
        await hears(house, anna, spoken, "calls.again", words="OK 👍 12:30?")
        await anna.say("/answer 1")
        await hears(house, anna, spoken, "answer.taken")
        await anna.say("Yes. Ja.")
        second = await hears(house, person, language, "human.answer", words="Yes. Ja.")
        await person.press("helped", None if theirs == "terminal" else second)
        await hears(house, person, language, "helped.closed")
        await hears(house, anna, spoken, "calls.helped")
    async with house.store.read() as unit:
        call = await calls.get(unit, 1)
        told = await calls.lines(unit, 1)
    assert call.closed_at
    assert call.answered_at
    assert [line.staff_id is None for line in told] == [True, False, True, False], "each once, though every update came twice"


async def look(house, intake):
    """The clock's act; how many were due."""
    async with house.store.read() as unit:
        acts = await due(unit, house.programme)
    await intake.handle(acts)
    return len(acts)


@pytest.mark.parametrize("language", ["en", "de", "ar", "uk"])
async def test_nobody_answers_for_a_day_and_the_person_is_told_the_truth(language, house, clock):
    async with street(house) as doors:
        person, anna, spoken = doors["telegram"], doors["terminal"], NEXT[language]
        await helper(house, anna, spoken)
        await welcome(house, person, language)
        await person.say("/human")
        await person.say(ASKED[language])
        await hears(house, person, language, "human.with-the-team", "human.opens")
        intake = person.telegram.intake
        clock.turn(hours=23, minutes=59)
        assert await look(house, intake) == 0
        clock.turn(minutes=2)
        assert await look(house, intake) == 1
        told = await hears(house, person, language, "human.overdue", "human.opens")
        assert house.programme.contact in plain(told.text)
        await hears(house, anna, spoken, "calls.reminder", "calls.longest")
        before = len(person.heard), len(anna.heard)
        for _ in range(3):
            clock.turn(hours=30)
            assert await look(house, intake) == 0
        await until(person.telegram.delivery.is_idle)
        assert (len(person.heard), len(anna.heard)) == before, "once"
        await person.say("/human")
        await hears(house, person, language, "human.waits", since=before[0])
        await anna.say("/calls")
        await hears(house, anna, spoken, "calls.waiting", "calls.item-waits", since=before[1])
        await anna.say("/answer 1")
        await hears(house, anna, spoken, "common.by", words=plain(ASKED[language]), since=before[1])
        await anna.say(ANSWERED[spoken])
        await hears(house, person, language, "human.answer", words=ANSWERED[spoken])


@pytest.mark.parametrize(
    "text", ["x" * 1990 + " 🎉 Ende", "ا" * 1900 + " Rostock 18055 (B1) " + "ب" * 70, "Zeile 1\n\nZeile 2\n  eingerückt", "Ruf 0381 5551234 an"]
)
async def test_what_somebody_writes_arrives_as_it_is(text, house):
    assert len(text) <= 2000
    async with street(house) as doors:
        person, anna = doors["telegram"], doors["web"]
        await helper(house, anna, "ar")
        await welcome(house, person, "en")
        await person.say("/human")
        await person.say("y" * 2001)
        await hears(house, person, "en", "common.too-long")
        await person.say(text)
        await hears(house, anna, "ar", "calls.new", words=text)
        await anna.press("answer")
        await anna.say(text)
        await hears(house, person, "en", "human.answer", words=text)


# ---- on both databases ----


class Office(World):
    """A world with staff; everything that somebody writes comes twice."""

    async def text(self, person, text, **more):
        incoming = self.update(person, Kind.TEXT, text, **more)
        await self.intake.handle([incoming, incoming])
        await self.intake.handle([incoming])

    async def command(self, person, name, argument=""):
        incoming = self.update(person, Kind.COMMAND, name, argument=argument)
        await self.intake.handle([incoming, incoming])

    async def newcomer(self, person, language="en"):
        await self.command(person, "start")
        await self.press(person, language)

    async def helper(self, person, name="Anna Example", rank="coordinator"):
        await self.newcomer(person)
        chat = await self.chat(person)
        async with self.store.begin() as unit:
            member = await staff.add(unit, name, rank)
            await unit.connection.execute(update(tables.chats).where(tables.chats.c.id == chat.id).values(staff_id=member.id))
        return member

    async def ask(self, person, text="Please help"):
        await self.command(person, "human")
        await self.text(person, text)

    async def answer(self, person, call, text):
        await self.command(person, "answer", str(call))
        await self.text(person, text)

    async def look(self):
        """The clock's act, twice over."""
        async with self.store.read() as unit:
            acts = await due(unit, self.programme)
        await self.intake.handle([*acts, *acts])
        await self.intake.handle(acts)
        return len(acts)

    def since(self):
        self.letters.clear()

    def told(self, person):
        """The sentences that somebody was told since."""
        return [part[0] for letter in self.letters if letter.address.address == str(person) for part in letter.content["parts"]]

    def texts(self, person):
        return [plain(word(letter, self.words).text) for letter in self.letters if letter.address.address == str(person)]

    async def call(self, number=1):
        async with self.store.read() as unit:
            return await calls.get(unit, number)

    async def lines(self, number=1):
        async with self.store.read() as unit:
            return [line.content.get("words", line.content.get("phone")) for line in await calls.lines(unit, number)]


@pytest.fixture
def office(store, scripts, words, programme):
    return Office(store, scripts, words, programme)


async def test_nothing_is_lost_when_the_bot_starts_anew(office, scripts, words, programme, clock, store):
    await office.helper(1)
    await office.newcomer(2)
    await office.ask(2, "Are you there?")
    async with store.begin() as unit:  # what was said till then was sent, but for what the team was told
        await outbox.sent(unit, [letter.id for letter in office.letters if letter.address.address == "2"])
    again = Office(store, scripts, words, programme)
    again.key = 10_000
    async with store.read() as unit:
        waiting = await outbox.read(unit, await outbox.due(unit, ["telegram"]))
    assert any("Are you there?" in str(letter.content) for letter in waiting), "the notice is still to be said"
    clock.turn(hours=25)
    assert await again.look() == 1
    assert again.told(2) == ["human.overdue", "human.opens"]
    assert again.told(1) == ["calls.reminder", "calls.longest"]
    assert await again.look() == 0
    assert await again.lines() == ["Are you there?"]
    third = Office(store, scripts, words, programme)
    third.key = 20_000
    await third.answer(1, 1, "Yes!")
    assert "human.answer" in third.told(2)
    assert (await third.call()).waits is None


async def test_who_waits_again_is_told_again_and_once(office, clock):
    await office.helper(1)
    await office.newcomer(2)
    await office.ask(2)
    clock.turn(hours=25)
    assert await office.look() == 1
    await office.answer(1, 1, "Sorry. Here we are.")
    clock.turn(hours=25)
    assert await office.look() == 0, "answered"
    await office.ask(2, "And then?")
    clock.turn(hours=25)
    office.since()
    assert (await office.look(), await office.look()) == (1, 0)
    assert office.told(2) == ["human.overdue", "human.open"], "it is Tuesday by now"


@pytest.mark.parametrize(
    ("now", "sentence", "says"),
    [
        ("2026-11-20T07:59Z", "human.opens", "Friday, November 20, 9:00"),
        ("2026-11-20T08:00Z", "human.open", "until 14:00."),
        ("2026-11-20T12:59Z", "human.open", "until 14:00."),
        ("2026-11-20T13:00Z", "human.opens", "Monday, November 23, 9:00"),
        ("2026-03-27T20:00Z", "human.opens", "Monday, March 30, 9:00"),
        ("2026-03-30T06:59Z", "human.opens", "Monday, March 30, 9:00"),
        ("2026-03-30T07:00Z", "human.open", "until 17:00."),  # two hours before Greenwich now
        ("2026-10-26T07:30Z", "human.opens", "Monday, October 26, 9:00"),  # and one again
        ("2026-10-26T08:00Z", "human.open", "until 17:00."),
        ("2026-12-24T09:00Z", "human.opens", "Monday, December 28, 9:00"),
        ("2026-12-30T16:00Z", "human.opens", "Monday, January 4, 9:00"),
    ],
)
async def test_who_is_there_is_said_as_it_is(office, clock, now, sentence, says):
    clock.now = datetime.fromisoformat(now)
    await office.helper(1)
    await office.newcomer(2)
    office.since()
    await office.command(2, "human")
    assert office.told(2)[0] == sentence
    assert says in office.texts(2)[0]


@pytest.mark.parametrize(("days", "says"), [("mon tue wed thu fri sat sun", "human.open-always"), ("sat sun mon", "human.open")])
async def test_day_and_night_is_said_only_of_day_and_night(store, scripts, words, programme, days, says):
    office = Office(store, scripts, words, programme.model_copy(update={"hours": dict.fromkeys(days.split(), ((0, 1440),)), "closed": ()}))
    await office.helper(1)
    await office.newcomer(2)
    office.since()
    await office.command(2, "human")
    assert office.told(2)[0] == says
    assert says == "human.open-always" or "until Tuesday, November 24, 0:00" in office.texts(2)[0]


async def test_without_fixed_hours_none_are_claimed(store, scripts, words, programme):
    office = Office(store, scripts, words, programme.model_copy(update={"hours": {}}))
    await office.helper(1)
    await office.newcomer(2)
    office.since()
    await office.command(2, "human")
    assert office.told(2)[0] == "human.no-hours"


async def answered_after(office, clock, *waits):
    """As many calls, each answered after so long."""
    for number, wait in enumerate(waits):
        person = 100 + number
        await office.newcomer(person)
        await office.ask(person)
        clock.turn(hours=wait)
        await office.answer(1, number + 1, "Here we are")


@pytest.mark.parametrize(
    ("waits", "claims"),
    [
        ((0.1, 0.1, 0.1, 0.1), None),
        ((0.1, 0.5, 0.9, 30, 30), "within an hour"),
        ((0.1, 0.5, 1.5, 2, 3), "within a day"),
        ((1, 2, 23, 40, 50), "within a day"),
        ((1, 2, 25, 40, 50), "within 2 days"),
    ],
)
async def test_how_long_it_takes_is_the_median_of_what_it_took(office, clock, waits, claims):
    await office.helper(1)
    await office.newcomer(2)
    await answered_after(office, clock, *waits)
    office.since()
    await office.command(2, "human")
    text = office.texts(2)[0]
    assert (claims in text) if claims else "Lately" not in text


async def test_quick_answers_promise_nothing_while_many_wait(office, clock):
    await office.helper(1)
    await answered_after(office, clock, *[0.1] * 5)
    for person in range(200, 220):
        await office.newcomer(person)
        await office.ask(person)
    clock.turn(hours=60)
    office.since()
    await office.command(200, "human")
    assert "within 3 days" in office.texts(200)[0]


async def test_what_was_long_ago_is_promised_to_nobody(office, clock):
    await office.helper(1)
    await answered_after(office, clock, *[0.1] * 5)
    clock.turn(days=31)
    await office.newcomer(2)
    office.since()
    await office.command(2, "human")
    assert "Lately" not in office.texts(2)[0]


async def test_without_staff_the_truth_is_told_and_nothing_is_kept(office, programme):
    await office.newcomer(2)
    office.since()
    await office.command(2, "human")
    assert office.told(2)[0] == "human.nobody"
    assert programme.contact in office.texts(2)[0]
    await office.helper(3, rank="viewer")
    await office.command(2, "human")
    assert "human.how" not in office.told(2), "who may only look answers nobody"
    assert await office.count(tables.calls) == 0


async def test_a_viewer_answers_nobody(office):
    await office.helper(1)
    await office.helper(3, "Vera Example", "viewer")
    await office.newcomer(2)
    office.since()
    await office.ask(2)
    assert office.told(3) == [], "and is told nothing"
    for command in ("answer", "take", "close", "calls"):
        await office.command(3, command, "1")
        assert office.told(3)[0] == "common.unknown-command"
        office.since()
    assert (await office.call()).staff_id is None


async def test_removed_staff_can_do_nothing_more_and_the_log_says_so(office, caplog):
    anna = await office.helper(1)
    await office.helper(3, "Boris Example", "admin")
    await office.newcomer(2)
    await office.ask(2)
    await office.command(1, "take", "1")
    await office.command(1, "answer", "1")  # she is about to write
    async with office.store.begin() as unit:
        assert await staff.remove(unit, anna.id)
    office.since()
    await office.text(1, "Words of somebody who left")
    for command in ("answer", "take", "close"):
        await office.command(1, command, "1")
    assert "answer.sent" not in office.told(1)
    assert office.told(1).count("common.unknown-command") == 3
    assert office.told(2) == []
    assert await office.lines() == ["Please help"]
    assert sum("was refused, it is for staff" in record.getMessage() for record in caplog.records) == 3
    await office.ask(2, "Who looks after it now?")
    assert "calls.again" in office.told(3), "who took it left, so everybody hears of it"
    assert "calls.again" not in office.told(1)
    office.since()
    await office.command(3, "take", "1")
    assert office.told(3)[0] == "take.yours"


async def test_what_follows_goes_to_whoever_took_it(office, clock):
    anna = await office.helper(1)
    await office.helper(3, "Boris Example")
    await office.newcomer(2)
    await office.ask(2)
    office.since()
    await office.command(1, "take", "1")
    assert office.told(3) == ["calls.taken"]
    await office.command(3, "take", "1")
    assert "take.taken" in office.told(3)
    assert (await office.call()).staff_id == anna.id
    office.since()
    await office.ask(2, "More")
    assert "calls.again" in office.told(1)
    assert office.told(3) == []
    clock.turn(hours=24)
    office.since()
    await office.ask(2, "Still nobody?")
    assert "calls.again" in office.told(3), "she left it lying for a day"
    await office.command(3, "take", "1")
    assert "take.yours" in office.told(3)


async def test_two_who_answer_at_the_same_time_are_both_heard_and_one_takes_it(database, scripts, words, programme):
    offices = [Office(Store.at(database, KEYS), scripts, words, programme) for _ in range(2)]
    offices[1].key = 10_000
    helpers = [await offices[0].helper(1), await offices[0].helper(3, "Boris Example")]
    await offices[0].newcomer(2)
    await offices[0].ask(2)
    for person in (1, 3):
        await offices[0].command(person, "answer", "1")

    async def insist(office, incoming):
        while True:
            try:
                return await office.intake.handle([incoming])
            except StoreAway:
                await asyncio.sleep(0.01)

    for office in offices:
        office.since()
    answers = [offices[number].update(person, Kind.TEXT, f"From {number}") for number, person in enumerate((1, 3))]
    await asyncio.gather(*[insist(office, answer) for office, answer in zip(offices, answers, strict=True)])
    assert sorted(await offices[0].lines()) == ["From 0", "From 1", "Please help"]
    assert (await offices[0].call()).staff_id in {each.id for each in helpers}
    told = [*offices[0].told(2), *offices[1].told(2)]
    assert told.count("human.answer") == 2
    assert sum(office.told(person).count("calls.taken") for office in offices for person in (1, 3)) == 1
    assert await offices[0].count(tables.quarantine) == 0
    for office in offices:
        await office.store.close()


async def test_a_number_to_call_is_masked_until_somebody_opens_it_and_that_is_written_down(office):
    anna = await office.helper(1)
    await office.newcomer(2)
    await office.command(2, "human")
    await office.press(2, "phone")
    await office.text(2, "a lot of words")
    assert "common.not-a-phone" in office.told(2)
    office.since()
    await office.text(2, CANARIES["phone"])
    number = CANARIES["phone"].replace(" ", "")
    assert "human.will-be-called" in office.told(2)
    await office.command(1, "calls")
    assert "calls.phone" in office.told(1)
    assert all(number not in text.replace(" ", "") for text in office.texts(1))
    assert await office.count(tables.audit) == 0
    await office.command(1, "answer", "1")
    assert any(number in text.replace(" ", "") for text in office.texts(1))
    async with office.store.read() as unit:
        row = (await unit.connection.execute(select(tables.audit))).one()
    assert (row.staff_id, row.action, row.reason) == (anna.id, "call", "call-1")
    assert (await office.call()).wish == "phone"


async def test_whoever_closes_the_browser_is_still_called_back(office, store, clock):
    await office.helper(1)
    where = Address("web", "a-browser")
    async with store.begin() as unit:
        await sessions.begin(unit, b"k" * 32, where.address, "en")

    async def do(kind, value, prompt=0):
        office.key += 1
        await office.intake.handle([Incoming("web", str(office.key), kind, value, prompt=prompt, address=where)])

    def prompt():
        return next(letter.content["prompt"] for letter in reversed(office.letters) if letter.address == where and "prompt" in letter.content)

    await do(Kind.COMMAND, "human")
    assert any(part[0] == "human.page" for letter in office.letters if letter.address == where for part in letter.content["parts"])
    await do(Kind.PRESS, "phone", prompt())
    await do(Kind.TEXT, CANARIES["phone"])
    clock.turn(hours=25)
    async with store.begin() as unit:
        await sessions.end_idle(unit)
    assert await office.look() == 0, "there is nobody to tell"
    office.since()
    await office.command(1, "calls")
    assert "calls.phone" in office.told(1)
    await office.answer(1, 1, "Hello")
    assert "answer.no-door-phone" in office.told(1)
    await office.command(1, "close", "1")
    assert "close.done" in office.told(1)
    clock.turn(days=31)
    async with store.begin() as unit:
        await calls.forget_old(unit)
    assert await office.count(tables.calls) == await office.count(tables.call_lines) == 0


async def test_what_was_asked_is_shown_to_who_asked_and_erased_with_everything(office):
    await office.helper(1)
    await office.newcomer(2)
    await office.ask(2, "My own words")
    await office.answer(1, 1, "Our answer")
    office.since()
    await office.command(2, "mydata")
    document = next(letter.content["document"][1] for letter in office.letters if "document" in letter.content)
    for words in ("My own words", "Our answer", "Anna Example"):
        assert any(words in text for text in office.texts(2))
        assert words in document
    await office.newcomer(3)
    await office.command(3, "mydata")
    assert all("My own words" not in text for text in office.texts(3))
    await office.command(2, "forget")
    await office.press(2, "yes")
    assert await office.count(tables.calls) == await office.count(tables.call_lines) == 0
    office.since()
    await office.command(1, "answer", "1")
    assert "answer.none" in office.told(1)


async def test_the_call_of_somebody_who_was_erased_is_gone_and_the_clock_brings_nobody_back(office, clock):
    await office.helper(1)
    await office.onboard(2)
    await office.ask(2)
    clock.turn(hours=25)
    async with office.store.read() as unit:
        acts = await due(unit, office.programme)
    assert len(acts) == 1
    await office.command(2, "forget")
    await office.press(2, "yes")
    chats_before, letters = await office.count(tables.chats), len(office.letters)
    await office.intake.handle(acts)
    assert await office.count(tables.calls) == 0
    assert await office.count(tables.chats) == chats_before, "no chat was made for an act"
    assert len(office.letters) == letters


async def test_what_somebody_asked_before_we_knew_them_is_theirs_afterwards(office):
    await office.helper(1)
    await office.newcomer(2)
    await office.ask(2, "Before")
    for code in ("yes", "yes"):
        await office.press(2, code)
    person = await office.person(2)
    assert (await office.call()).person_id == person.id
    await office.ask(2, "After")
    assert await office.lines() == ["Before", "After"], "one call"


async def test_an_answer_does_not_go_to_a_phone_that_was_lost(office):
    await office.helper(1)
    await office.onboard(2)
    await office.text(2, "Olena")
    await office.ask(2, "From the phone")
    await office.command(4, "start")
    await office.command(4, "connect")
    code = await code_of(office, 2)
    await office.press(4, "enter")
    await office.text(4, code)
    await office.command(4, "connect")
    await office.press(4, "part")
    office.since()
    await office.answer(1, 1, "Private answer")
    assert "human.answer" in office.told(4)
    assert office.told(2) == []


async def test_a_chat_that_was_parted_while_the_clock_looked_is_told_nothing(office, clock):
    await office.helper(1)
    await office.onboard(2)
    await office.text(2, "Olena")
    await office.ask(2, "From the phone")
    await office.command(4, "start")
    await office.command(4, "connect")
    code = await code_of(office, 2)
    await office.press(4, "enter")
    await office.text(4, code)
    clock.turn(hours=25)
    async with office.store.read() as unit:
        acts = await due(unit, office.programme)
    await office.command(4, "connect")
    await office.press(4, "part")
    office.since()
    await office.intake.handle(acts)
    assert office.told(2) == []
    assert await office.look() == 1
    assert office.told(4) == ["human.overdue", "human.opens"]
    assert await office.look() == 0


async def test_after_it_is_closed_somebody_asks_anew(office, clock, store):
    await office.helper(1)
    await office.newcomer(2)
    await office.ask(2, "First")
    office.since()
    await office.command(1, "close", "1")
    assert office.told(2) == ["human.was-closed"]
    await office.command(1, "close", "1")
    assert office.told(2) == ["human.was-closed"], "once"
    await office.ask(2, "Second")
    assert (await office.lines(1), await office.lines(2)) == (["First"], ["Second"])
    clock.turn(days=29)
    async with store.begin() as unit:
        await calls.forget_old(unit)
    assert await office.count(tables.calls) == 2
    clock.turn(days=2)
    async with store.begin() as unit:
        await calls.forget_old(unit)
    assert [await office.lines(1), await office.lines(2)] == [[], ["Second"]], "what is open stays"


async def test_the_list_has_the_longest_wait_first(office, clock):
    await office.helper(1)
    for person in (2, 3, 4):
        await office.newcomer(person)
        await office.ask(person, f"From {person}")
        clock.turn(hours=2)
    await office.answer(1, 1, "Answered")
    office.since()
    await office.command(1, "calls")
    letter = next(letter for letter in office.letters if "actions" in letter.content)
    assert [argument for _, argument, _ in letter.content["actions"]] == ["2", "3", "1"]
    assert [facts["time"]["lasts"] for name, facts, *_ in letter.content["parts"] if name == "calls.item-waits"] == [4 * 3600, 2 * 3600]


async def test_who_types_the_name_of_a_button_has_not_pressed_it(office):
    """A choice that takes words as well keeps them apart from its codes."""
    await office.helper(1)
    await office.newcomer(2)
    await office.ask(2, "phone")
    assert await office.lines() == ["phone"]


async def test_a_phone_that_a_family_shares_says_for_whom_an_answer_is(office):
    await office.helper(1)
    await office.onboard(2)
    await office.text(2, "Olena")
    await office.ask(2, "Olena asks")
    await office.command(2, "family")
    await office.press(2, "add")
    office.since()
    await office.answer(1, 1, "For Olena")
    assert "common.for" in office.told(2)
    assert any("Olena" in text and "For Olena" in text for text in office.texts(2))


async def test_where_the_bot_can_not_help_a_human_being_is_one_press_away(office):
    await office.helper(1)
    await office.newcomer(2)
    for kind, value in ((Kind.UNREADABLE, "voice"), (Kind.TEXT, "what?"), (Kind.COMMAND, "nonsense")):
        await office.intake.handle([office.update(2, kind, value)])
        said = word(office.letters[-1], office.words)
        assert said.rows[-1][-1].data == "c:human:", "below the answers"
    await office.command(2, "human")
    assert "c:human:" not in str(word(office.letters[-1], office.words).rows)


async def test_a_call_that_another_one_wrote_does_not_open_as_theirs(office, store):
    """A line is sealed to its author: the database's keeper can't put words into somebody's mouth."""
    anna = await office.helper(1)
    await office.newcomer(2)
    await office.ask(2, "Mine")
    async with store.begin() as unit:
        await unit.connection.execute(update(tables.call_lines).values(staff_id=anna.id))
    async with store.read() as unit:
        with pytest.raises(SealBroken):
            await calls.lines(unit, 1)


async def test_an_act_of_our_own_is_no_message_of_theirs(office, clock, store):
    """It takes no turn, and nobody seems to have been there."""
    await office.helper(1)
    await office.onboard(2)
    await office.ask(2)
    before = await seen(store)
    clock.turn(hours=25)
    await office.look()
    assert await seen(store) == before


async def seen(store):
    async with store.read() as unit:
        chats = (await unit.connection.execute(select(tables.chats.c.heard_at, tables.chats.c.turn, tables.chats.c.stands_at))).all()
        people = (await unit.connection.execute(select(tables.people.c.heard_at))).all()
        return sorted(map(str, chats)), people


async def test_an_act_that_fails_is_set_apart_and_asks_nobody_to_say_it_again(office, clock, monkeypatch):
    await office.helper(1)
    await office.newcomer(2)
    await office.ask(2)
    clock.turn(hours=25)

    async def break_down(_):
        raise ZeroDivisionError

    monkeypatch.setitem(ACTS, "call-overdue", break_down)
    office.since()
    await office.look()
    assert office.letters == []
    assert await office.count(tables.quarantine) == 1


async def test_two_copies_of_an_update_in_one_batch_are_one(office):
    await office.helper(1)
    await office.newcomer(2)
    await office.command(2, "human")
    incoming = office.update(2, Kind.TEXT, "Once")
    await office.intake.handle([incoming, incoming, replace(incoming)])
    assert await office.lines() == ["Once"]


async def test_a_day_that_has_not_passed_yet_is_no_day(office, clock):
    await office.helper(1)
    await office.newcomer(2)
    await office.ask(2)
    clock.turn(hours=23, minutes=59, seconds=59)
    assert await office.look() == 0
    clock.turn(seconds=1)
    assert await office.look() == 1
