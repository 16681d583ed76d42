"""The one way in, on both databases: a batch becomes one commit, or nothing at all."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import replace
from string import ascii_uppercase

import pytest
from conftest import CANARIES
from sqlalchemy import func, select

from bot import intake as intake_module
from bot.intake import Intake
from bot.interpreter import Interpreter
from bot.languages import Languages
from bot.letters import word
from bot.messages import Incoming, Kind
from bot.sources import SENTENCES
from bot.taxonomy import Taxonomy
from dialogs.asking import short
from storage import answers, chats, outbox, people, tables
from storage.answers import PEOPLE
from storage.errors import StoreAway
from storage.records import Address

ENTRIES = {sentence: code for code, sentence in SENTENCES.items()}  # occupations.welder -> its code


class World:
    """An intake, and people who write to it; what it hands over is kept, never sent."""

    def __init__(self, store, scripts, words, programme, languages=None, machine=None):
        self.store, self.words, self.programme, self.letters, self.key = store, words, programme, [], 0
        self.interpreter = Interpreter(store, machine, self.letters.extend) if machine else None
        more = (languages or Languages((), ()), self.letters.extend, self.interpreter)
        self.intake = Intake(store, scripts, words, programme, Taxonomy(store, words), *more)

    def update(self, person, kind=Kind.TEXT, value="", **more):
        self.key += 1
        return Incoming("telegram/1", str(self.key), kind, value, address=Address("telegram", str(person)), **more)

    async def text(self, person, text, **more):
        await self.intake.handle([self.update(person, Kind.TEXT, text, **more)])

    async def command(self, person, name, argument=""):
        await self.intake.handle([self.update(person, Kind.COMMAND, name, argument=argument)])

    async def press(self, person, code):
        await self.intake.handle([self.pressed(person, code)])

    def pressed(self, person, code):
        prompt = next(letter.content["prompt"] for letter in reversed(self.letters) if letter.address.address == str(person) and "prompt" in letter.content)
        return self.update(person, Kind.PRESS, short(ENTRIES[code]) if code in ENTRIES else code, prompt=prompt)

    async def onboard(self, person, *, news="no"):
        await self.command(person, "start")
        for code in ("en", "yes", "yes", news, "newcomer"):
            await self.press(person, code)

    def last(self, person):
        return word(next(letter for letter in reversed(self.letters) if letter.address.address == str(person)), self.words).text

    async def chat(self, person):
        async with self.store.begin() as unit:
            return (await chats.lock(unit, {Address("telegram", str(person)): "en"}))[Address("telegram", str(person))]

    async def chat_in(self, unit, person):
        where = Address("telegram", str(person))
        return (await chats.lock(unit, {where: "en"}))[where]

    async def person(self, person):
        chat = await self.chat(person)
        async with self.store.read() as unit:
            return await people.get(unit, chat.person_id) if chat.person_id else None

    async def count(self, table):
        async with self.store.read() as unit:
            return (await unit.connection.execute(select(func.count()).select_from(table))).scalar()


@pytest.fixture
def world(store, scripts, words, programme):
    return World(store, scripts, words, programme)


async def test_the_second_copy_of_an_update_changes_nothing(world):
    await world.onboard(1)
    update = world.update(1, Kind.TEXT, "Olena")
    await world.intake.handle([update, update])
    before = (await world.chat(1)).turn, len(world.letters)
    await world.intake.handle([update])
    assert ((await world.chat(1)).turn, len(world.letters)) == before
    assert (await world.person(1)).answers["newcomer.name", ""].content["value"] == "Olena"


async def test_many_updates_of_one_person_in_one_batch_are_turns_in_their_order(world):
    await world.onboard(1)
    await world.intake.handle([world.update(1, Kind.TEXT, text) for text in ("Olena", "Rostock")] + [world.update(1, Kind.COMMAND, "back")])
    answers = (await world.person(1)).answers
    assert (answers["newcomer.name", ""].content["value"], answers["newcomer.town", ""].content["value"]) == ("Olena", "Rostock")
    assert "Rostock" in world.last(1), "back at the town, whose answer the same batch gave"


async def test_a_whole_onboarding_fits_into_one_batch_of_many_people(world):
    everybody = range(1, 31)
    await world.intake.handle([world.update(person, Kind.COMMAND, "start") for person in everybody])
    for code in ("de", "yes", "yes", "yes", "newcomer"):
        await world.intake.handle([world.pressed(person, code) for person in everybody])
    await world.intake.handle([world.update(person, Kind.TEXT, f"Name {person}") for person in everybody])
    assert await world.count(tables.people) == 30
    assert [(await world.person(person)).answers["newcomer.name", ""].content["value"] for person in (1, 15, 30)] == ["Name 1", "Name 15", "Name 30"]


async def test_before_the_first_yes_the_store_knows_only_the_chat(world):
    await world.command(1, "start")
    await world.press(1, "uk")
    await world.press(1, "yes")
    await world.text(1, "My name is Olena and I live in Rostock")
    for table in (tables.people, tables.answers, tables.consents, tables.facets, tables.changes):
        assert await world.count(table) == 0, table.name
    assert "Olena" not in str((await world.chat(1)).state)


async def test_a_refusal_before_any_yes_leaves_no_trace(world):
    await world.command(1, "start")
    for code in ("en", "yes", "no"):
        await world.press(1, code)
    assert await world.count(tables.people) == await world.count(tables.consents) == 0


async def test_a_consent_keeps_version_language_channel_and_the_hash_of_the_text_shown(world, words):
    await world.command(1, "start")
    for code in ("uk", "yes", "yes"):
        await world.press(1, code)
    (row,) = (await world.person(1)).consents
    assert (row.purpose, row.version, row.verdict, row.language, row.channel) == ("profile", 1, "given", "uk", "telegram")
    assert row.text_hash == words.fingerprint("join.keep", "uk") != words.fingerprint("join.keep", "en")


async def test_coded_answers_feed_their_facets_and_every_change_is_noted(world):
    await world.onboard(1)
    await world.text(1, "Olena")
    await world.text(1, "18055 Rostock")
    for code in ("uk", "first", ".again", "de", "a-little", ".enough", "job", "training", ".done"):
        await world.press(1, code)
    async with world.store.read() as unit:
        facets = {tuple(row) for row in await unit.connection.execute(select(tables.facets.c.name, tables.facets.c.value))}
    assert facets == {("role", "newcomer"), ("region", "DE803"), ("speaks", "uk"), ("speaks", "de"), ("wants", "job"), ("wants", "training")}
    assert await world.count(tables.changes) >= 5


async def test_own_words_are_sealed_and_codes_are_not(world):
    await world.onboard(1)
    await world.text(1, "Olena")
    async with world.store.read() as unit:
        rows = {row.question: row for row in await unit.connection.execute(select(tables.answers))}
    assert rows["join.role"].code == "newcomer"
    assert rows["newcomer.name"].code is None
    assert b"Olena" not in rows["newcomer.name"].content


@pytest.mark.parametrize(
    ("argument", "hint", "text", "language"),
    [
        ("sme_l-de", "uk", "hi", "de"),
        ("", "uk-UA", "hi", "uk"),
        ("", "", "Привіт, я шукаю роботу", "uk"),
        ("", "be", "hello", "en"),
        ("", "", "مرحبا", "ar"),
        ("", "", "hello", "en"),
        ("l-xx", "de", "", "de"),
    ],
)
async def test_a_newcomer_is_greeted_in_the_likeliest_language(world, argument, hint, text, language):
    if text:
        await world.text(1, text, language_hint=hint, argument=argument)
    else:
        await world.intake.handle([world.update(1, Kind.COMMAND, "start", argument=argument, language_hint=hint)])
    assert (await world.chat(1)).language == language
    assert world.words.tr("welcome.language", language) in world.last(1).replace("\u200f", "")


@pytest.mark.parametrize(("typed", "code"), [("Так", "yes"), ("✅ yes!", "yes"), ("ja", "yes"), ("НІ", "no"), ("perhaps", None)])
async def test_a_typed_label_counts_as_its_button_in_their_own_language_first(world, typed, code):
    await world.command(1, "start")
    for press in ("uk", "yes"):
        await world.press(1, press)
    await world.text(1, typed)
    person = await world.person(1)
    if code == "yes":
        assert person
    else:
        assert person is None
    assert (world.words.tr("common.press-a-button", "uk") in world.last(1)) is (code is None)


async def test_a_turn_that_fails_is_set_apart_and_the_others_of_its_batch_are_not(world, monkeypatch):
    await world.onboard(1)
    await world.onboard(2)
    real = intake_module.take_turn

    def failing(scripts, state, known, heard, looked_up=None):
        if getattr(heard, "text", "") == CANARIES["text"]:
            raise KeyError(CANARIES["text"])
        return real(scripts, state, known, heard, looked_up)

    monkeypatch.setattr(intake_module, "take_turn", failing)
    bad = world.update(1, Kind.TEXT, CANARIES["text"])
    await world.intake.handle([world.update(2, Kind.TEXT, "Before"), bad, world.update(1, Kind.TEXT, "After")])
    assert (await world.person(1)).answers["newcomer.name", ""].content["value"] == "After"
    assert (await world.person(2)).answers["newcomer.name", ""].content["value"] == "Before"
    said = [word(letter, world.words).text for letter in world.letters if letter.address.address == "1"]
    assert sum(world.words.tr("common.trouble", "en") in text for text in said) == 1
    await world.intake.handle([bad])
    assert await world.count(tables.quarantine) == 1
    async with world.store.read() as unit:
        row = (await unit.connection.execute(select(tables.quarantine))).one()
    assert CANARIES["text"] not in str(row)


async def test_while_the_database_is_away_nothing_is_taken_in_nor_set_apart(world, monkeypatch):
    await world.onboard(1)

    @asynccontextmanager
    async def away():
        raise StoreAway
        yield

    update = world.update(1, Kind.TEXT, "Olena")
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "begin", away)
        with pytest.raises(StoreAway):
            await world.intake.handle([update])
    assert await world.count(tables.quarantine) == 0
    await world.intake.handle([update])
    assert (await world.person(1)).answers["newcomer.name", ""].content["value"] == "Olena"


async def test_forgetting_in_the_middle_of_a_batch_begins_anew_for_what_follows(world):
    await world.onboard(1)
    await world.text(1, "Olena")
    await world.command(1, "forget")
    await world.intake.handle([world.pressed(1, "yes"), world.update(1, Kind.TEXT, "hello again")])
    assert await world.count(tables.people) == 0
    assert await world.count(tables.erasures) == 1
    assert world.words.tr("welcome.language", "en") in world.last(1)
    farewell = next(letter for letter in reversed(world.letters) if letter.chat_id is None)
    assert farewell.address == Address("telegram", "1")
    assert world.words.tr("forget.done", "en") in word(farewell, world.words).text


async def test_a_group_hears_one_sentence_and_then_nothing(world):
    for _ in range(3):
        await world.intake.handle([world.update(-100, Kind.GROUP)])
    assert len(world.letters) == 1
    assert world.letters[0].content["private_chat"]


async def test_who_blocked_us_is_reachable_again_as_soon_as_they_write(world):
    await world.onboard(1)
    await world.intake.handle([world.update(1, Kind.STATUS, "blocked")])
    assert (await world.chat(1)).unreachable == "blocked"
    await world.intake.handle([world.update(1, Kind.STATUS, "reachable")])
    assert (await world.chat(1)).unreachable is None
    await world.intake.handle([world.update(1, Kind.STATUS, "blocked")])
    await world.text(1, "Olena")
    assert (await world.chat(1)).unreachable is None


async def test_overlapping_batches_at_the_same_time_lose_double_and_reorder_nothing(world, rnd):
    """Three tasks hand in the same stream, differently cut, as redelivery over several processes may."""
    everybody = range(1, 9)
    for person in everybody:
        await world.onboard(person)
    stream = [world.update(person, Kind.TEXT, f"{ascii_uppercase[number]} words") for number in range(12) for person in everybody]

    async def consume(chance):
        at = 0
        while at < len(stream):
            size = chance.randrange(1, 25)
            await world.intake.handle(stream[max(0, at - chance.randrange(10)) : at + size])
            at += size

    await asyncio.gather(*(consume(random.Random(rnd.random())) for _ in range(3)))
    assert await world.count(tables.quarantine) == 0
    assert [(await world.chat(person)).turn for person in everybody] == [6 + 12] * 8
    for person in everybody:
        answers = (await world.person(person)).answers
        assert (answers["newcomer.name", ""].content["value"], answers["newcomer.town", ""].content["value"]) == ("A words", "B words")


async def test_my_data_holds_everything_and_nobody_elses(world):
    await world.onboard(1)
    await world.onboard(2)
    await world.text(1, CANARIES["name"])
    await world.text(2, "Somebody Else")
    await world.command(1, "mydata")
    letter = next(letter for letter in reversed(world.letters) if "document" in letter.content)
    outgoing = word(letter, world.words)
    for text in (outgoing.text, outgoing.document[1]):
        assert CANARIES["name"] in text
        assert "Somebody Else" not in text
    assert str((await world.person(1)).number) in outgoing.text


async def test_a_letter_follows_the_language_that_the_chat_has_when_it_is_sent(world):
    await world.onboard(1)
    letter = world.letters[-1]
    assert world.words.tr("newcomer.name", "en") in word(letter, world.words).text
    assert world.words.tr("newcomer.name", "uk") in word(replace(letter, language="uk"), world.words).text


async def test_who_was_forgotten_and_then_blocks_us_stays_forgotten(world):
    await world.onboard(1)
    await world.command(1, "forget")
    await world.press(1, "yes")
    await world.intake.handle([world.update(1, Kind.STATUS, "blocked")])
    assert await world.count(tables.chats) == 0


async def test_every_decision_is_a_change_for_the_shared_database(world):
    await world.onboard(1, news="yes")
    before = await world.count(tables.changes)
    await world.command(1, "stop")
    await world.press(1, "announcements")
    assert await world.count(tables.changes) > before


async def test_a_withdrawn_consent_leaves_no_facet_not_even_of_a_question_that_is_gone(world):
    await world.onboard(1)
    async with world.store.begin() as unit:
        person = (await world.chat_in(unit, 1)).person_id
        await answers.set_facets(unit, PEOPLE, {(person, "of-a-question-that-is-gone"): ["x"]})
        await people.finish(unit, [person])
    await world.command(1, "stop")
    await world.press(1, "profile")
    assert await world.count(tables.facets) == await world.count(tables.answers) == 0
    assert (await world.person(1)).finished_at is None


async def test_a_damaged_row_costs_an_answer_and_never_the_bot(world):
    from sqlalchemy import update

    await world.onboard(1)
    await world.text(1, "Olena")
    async with world.store.begin() as unit:
        for table, column in ((tables.chats, "state"), (tables.answers, "content"), (tables.outbox, "content")):
            await unit.connection.execute(update(table).values({column: b"damaged"}))
    await world.text(1, "hello?")
    assert world.words.tr("welcome.language", "en") in world.last(1)
    async with world.store.read() as unit:
        assert len(await outbox.read(unit, await outbox.due(unit, ["telegram"]))) == 1, "the others are sent"
    await world.command(1, "forget")
    await world.press(1, "yes")
    assert await world.count(tables.people) == await world.count(tables.answers) == 0


async def test_an_update_of_a_chat_that_cannot_be_taken_in_at_all_is_still_set_apart(world, monkeypatch):
    async def broken(*_):
        raise KeyError

    monkeypatch.setattr(chats, "lock", broken)
    await world.text(1, "hello")
    assert await world.count(tables.quarantine) == 1
    assert world.words.tr("common.trouble", "en") in world.last(1)


async def test_a_log_that_somebody_reads_is_emptied_later_and_holds_nobody_up(sqlite_store, scripts, words, programme):
    world = World(sqlite_store, scripts, words, programme)
    await world.onboard(1)
    async with world.store.read() as unit:
        await unit.connection.execute(select(tables.people))
        await world.command(1, "forget")
        await asyncio.wait_for(world.press(1, "yes"), 5)
        assert world.store.unscrubbed
    await world.store.scrub()
    assert not world.store.unscrubbed


# ---- set aside: a turn that needs a search ------------------------------------------------------------------------------


async def at_work(world, person):
    """They stand before "what can you do?"."""
    await world.onboard(person)
    await world.text(person, "Olena")
    for code in (".skip", ".skip", ".skip"):
        await world.press(person, code)


async def test_a_search_runs_outside_of_any_transaction_and_the_others_are_through_before_it(world, monkeypatch):
    await at_work(world, 1)
    await world.onboard(2)
    begun, search = [], world.intake._taxonomy.search

    @asynccontextmanager
    async def watched():
        begun.append("begin")
        async with type(world.store).begin(world.store) as unit:
            yield unit
        begun.append("commit")

    async def looking(need):
        assert begun.count("begin") == begun.count("commit"), "no transaction is open"
        begun.append("search")
        return await search(need)

    monkeypatch.setattr(world.store, "begin", watched)
    monkeypatch.setattr(world.intake._taxonomy, "search", looking)
    await world.intake.handle([world.update(1, Kind.TEXT, "welder"), world.update(2, Kind.TEXT, "Amina")])
    assert begun == ["begin", "commit", "search", "begin", "commit"]
    spoke = [letter.address.address for letter in world.letters[-2:]]
    assert spoke == ["2", "1"]
    assert "closest" in str(world.letters[-1].content["parts"])


async def test_what_follows_in_the_same_chat_waits_with_it_in_its_order(world):
    await at_work(world, 1)
    first, second, again = world.update(1, Kind.TEXT, "welder"), world.update(1, Kind.TEXT, "cook"), world.update(1, Kind.COMMAND, "help")
    fresh = await world.intake.handle([first, first, second, again])
    assert fresh == {(each.source, each.key) for each in (first, second, again)}, "each is new once"
    words = [part[1].get("words") for letter in world.letters for part in letter.content["parts"] if part[0] == "common.closest"]
    assert words == ["welder", "cook", "cook"], "and /help repeats the question"
    assert (await world.chat(1)).state["frames"][-1]["words"] == "cook"
    assert await world.intake.handle([first, second, again]) == set()


async def test_a_database_that_goes_away_between_the_two_transactions_loses_and_doubles_nothing(world, monkeypatch):
    await at_work(world, 1)
    await world.onboard(2)
    batch = [world.update(1, Kind.TEXT, "welder"), world.update(2, Kind.TEXT, "Amina")]
    search, tries = world.intake._taxonomy.search, []

    async def away(need):
        tries.append(need)
        if len(tries) == 1:
            raise StoreAway("gone")
        return await search(need)

    monkeypatch.setattr(world.intake._taxonomy, "search", away)
    with pytest.raises(StoreAway):
        await world.intake.handle(batch)
    assert (await world.person(2)).answers["newcomer.name", ""].content["value"] == "Amina", "what was committed is"
    before = len(world.letters)
    fresh = await world.intake.handle(batch)
    assert fresh == {(batch[0].source, batch[0].key)}
    assert [letter.address.address for letter in world.letters[before:]] == ["1"]


async def test_who_pastes_a_hundred_lines_has_the_first_few_searched_and_all_of_them_answered(world, monkeypatch):
    await at_work(world, 1)
    searched, search = [], world.intake._taxonomy.search

    async def counted(need):
        searched.append(need)
        return await search(need)

    monkeypatch.setattr(world.intake._taxonomy, "search", counted)
    before = len(world.letters)
    await world.intake.handle([world.update(1, Kind.TEXT, f"welder {number}") for number in range(30)])
    assert len(searched) == 8
    assert len(world.letters) - before == 30


async def test_a_search_that_fails_finds_nothing_and_costs_nobody_anything(world, monkeypatch):
    await at_work(world, 1)
    await world.onboard(2)

    async def broken(need):
        raise ZeroDivisionError

    monkeypatch.setattr(world.intake._taxonomy, "search", broken)
    await world.intake.handle([world.update(1, Kind.TEXT, "welder"), world.update(2, Kind.TEXT, "Amina")])
    said = [letter.content for letter in world.letters if letter.address.address == "1"][-1]
    assert "common.nothing-close" in str(said["parts"])
    assert [option[0] for option in said["options"]][:2] == [".other", ".groups"], "their words can be kept"
    assert (await world.person(2)).answers["newcomer.name", ""].content["value"] == "Amina"
    assert await world.count(tables.quarantine) == 0
    monkeypatch.undo()
    await world.text(1, "welder")
    assert "common.closest" in str(world.letters[-1].content["parts"])


async def test_an_answer_from_the_taxonomy_keeps_code_words_group_and_score_and_feeds_entry_and_group(world):
    await at_work(world, 1)
    await world.text(1, "I have worked as a welder")
    await world.press(1, "occupations.welder")
    row = (await world.person(1)).answers["newcomer.can.what", "1"]
    assert (row.code, row.language, row.given_by) == (ENTRIES["occupations.welder"], "en", "person")
    assert {**row.content, "score": int(row.content["score"]) > 80} == {
        "value": ENTRIES["occupations.welder"], "words": "I have worked as a welder", "label": "Welder", "isco": "7212", "score": True,
    }  # fmt: skip
    async with world.store.read() as unit:
        facets = (
            (await unit.connection.execute(select(tables.facets.c.value).where(tables.facets.c.name == "can").order_by(tables.facets.c.value))).scalars().all()
        )
    assert facets == ["http://data.europa.eu/esco/isco/C72", ENTRIES["occupations.welder"]]


async def test_words_that_nothing_fits_have_no_code_and_are_sealed(world):
    await at_work(world, 1)
    await world.text(1, CANARIES["text"])
    await world.press(1, ".other")
    row = (await world.person(1)).answers["newcomer.can.what", "1"]
    assert (row.code, row.content) == (None, {"value": "other", "words": CANARIES["text"]})
    async with world.store.read() as unit:
        for table in (tables.answers, tables.chats, tables.facets):
            assert CANARIES["text"] not in str((await unit.connection.execute(select(table))).all())


@pytest.mark.parametrize("number", ["2", "٢", "2."])
async def test_an_entry_may_be_chosen_by_the_number_that_it_stands_under(world, number):
    await at_work(world, 1)
    await world.text(1, "welder")
    second = world.letters[-1].content["options"][1][1]["code"]
    await world.text(1, number)
    assert (await world.person(1)).answers["newcomer.can.what", "1"].code == second
    await world.text(1, "77")
    assert "newcomer.can.how-well" in str(world.letters[-1].content["parts"])
