"""One person, several chats: what is agreed, answered or taken back in one of them holds in all of them."""

from __future__ import annotations

import asyncio

import pytest
from conftest import KEYS
from sqlalchemy import select
from test_intake import World

from storage import outbox, tables
from storage.errors import StoreAway
from storage.store import Store


@pytest.fixture
def world(store, scripts, words, programme):
    return World(store, scripts, words, programme)


async def code_of(world, who):
    await world.command(who, "connect")
    await world.press(who, "give")
    said = [part for letter in world.letters if letter.address.address == str(who) for part in letter.content["parts"]]
    return next(facts["code"] for name, facts, *_ in reversed(said) if name == "doors.code-is")


async def join(world, who, code):
    await world.command(who, "connect")
    await world.press(who, "enter")
    await world.text(who, code)


async def two_chats_of_one(world):
    await world.onboard(1)
    await world.text(1, "Olena")
    await world.command(2, "start")
    await join(world, 2, await code_of(world, 1))
    assert (await world.chat(1)).person_id == (await world.chat(2)).person_id is not None


async def test_what_is_answered_here_after_the_consent_was_taken_back_there_is_not_kept(world):
    await two_chats_of_one(world)
    await world.command(1, "stop")
    await world.press(1, "profile")
    await world.text(2, "Rostock, a secret address")
    assert (await world.person(1)).answers == {}
    assert "join.keep" in [part[0] for part in world.letters[-1].content["parts"]], "and is asked for first"
    assert await world.count(tables.quarantine) == 0


async def test_a_profile_whose_consent_was_taken_back_absorbs_no_answers(world):
    await world.onboard(1)
    await world.command(1, "stop")
    await world.press(1, "profile")
    await world.onboard(2)
    await world.text(2, "Olena")
    await join(world, 2, await code_of(world, 1))
    assert (await world.person(1)).answers == {}


async def test_answers_given_in_both_chats_become_one_profile_and_nobody_is_left_over(world):
    await world.onboard(1)
    await world.text(1, "Olena")
    await world.onboard(2)
    await world.text(2, "Another")
    await world.text(2, "Rostock")
    await join(world, 2, await code_of(world, 1))
    person = await world.person(1)
    assert {name: row.content.get("value") for (name, _), row in person.answers.items()} == {
        "join.role": "newcomer",
        "newcomer.name": "Olena",
        "newcomer.town": "Rostock",
    }
    assert await world.count(tables.people) == 1
    assert await world.count(tables.erasures) == 1, "the shared database and old backups are told"


async def test_a_no_counts_though_another_chat_said_yes_a_moment_ago(world):
    await world.command(1, "start")
    for code in ("en", "yes", "yes"):
        await world.press(1, code)
    await world.command(2, "start")
    await join(world, 2, await code_of(world, 1))
    await world.press(2, "yes")
    await world.press(1, "no")
    verdicts = [row.verdict for row in (await world.person(1)).consents if row.purpose == "announcements"]
    assert verdicts == ["given", "withdrawn"]


async def test_a_parted_chat_is_told_nothing_that_waited_there(world):
    await two_chats_of_one(world)
    await world.command(2, "mydata")
    await world.command(1, "connect")
    await world.press(1, "part")
    parted = await world.chat(2)
    assert parted.person_id is None
    async with world.store.read() as unit:
        ids = (await unit.connection.execute(select(tables.outbox.c.id).where(tables.outbox.c.chat_id == parted.id))).scalars().all()
        letters = await outbox.read(unit, ids)
    assert [part[0] for letter in letters for part in letter.content["parts"]] == ["doors.was-parted"]


async def test_who_goes_on_elsewhere_is_not_asked_whether_to_erase_everything(world):
    await world.onboard(1)
    code = await code_of(world, 1)
    await world.command(1, "forget")
    await world.command(2, "start")
    await join(world, 2, code)
    said = [part[0] for part in world.letters[-1].content["parts"]]
    assert "forget.sure" not in said
    assert "newcomer.name" in said


async def test_what_a_link_said_is_forgotten_with_a_no_or_with_an_age_below_sixteen(world):
    await world.command(1, "start", "sme_c-hanse")
    assert (await world.chat(1)).state["brought"]
    for code in ("en", "yes", "no"):
        await world.press(1, code)
    assert "brought" not in (await world.chat(1)).state
    await world.command(2, "start", "sme_c-hanse")
    for code in ("en", "no"):
        await world.press(2, code)
    assert "brought" not in (await world.chat(2)).state


async def test_parting_while_the_other_chat_is_answering_loses_nothing(database, scripts, words, programme):
    """Two processes; each side holds what the other wants, so one of them has to come again."""
    worlds = [World(Store.at(database, KEYS), scripts, words, programme) for _ in range(2)]
    await two_chats_of_one(worlds[0])
    worlds[1].key = 10_000

    async def insist(world, update):
        """As a channel does: the same again, until it is taken in."""
        while True:
            try:
                return await world.intake.handle([update])
            except StoreAway:
                await asyncio.sleep(0.01)

    for _ in range(5):
        before = await worlds[0].count(tables.updates)
        await worlds[0].command(1, "connect")
        part, answer = worlds[0].pressed(1, "part"), worlds[1].update(2, value="Rostock")
        await asyncio.gather(insist(worlds[0], part), insist(worlds[1], answer))
        assert await worlds[0].count(tables.updates) == before + 3
        assert await worlds[0].count(tables.quarantine) == 0
        assert (await worlds[0].chat(2)).person_id is None
        await join(worlds[0], 2, await code_of(worlds[0], 1))
    for world in worlds:
        await world.store.close()
