"""Where families, staff, fills, calls and codes meet: what is one person's stays theirs. On both databases."""

from __future__ import annotations

import pytest
from conftest import NullCipher
from sqlalchemy import delete
from test_organisations import Town
from test_staff import Office, fill, hand_over

from bot.letters import word
from bot.messages import Kind
from storage import staff, tables
from storage.schema import prepare
from storage.store import Store

WORDS = "An invented plea for help"


class Together(Office):
    async def ask(self, who, words=WORDS):
        await self.command(who, "human")
        await self.text(who, words)

    async def door_code(self, who):
        await self.command(who, "connect")
        await self.press(who, "give")
        return next(part[1]["code"] for part in reversed(self.said(who)) if part[0] == "doors.code-is")

    async def join(self, who, code):
        await self.command(who, "connect")
        await self.press(who, "enter")
        await self.text(who, code)

    async def add(self, who, name):
        await self.command(who, "family")
        await self.press(who, "add")
        for code in ("yes", "yes", "no", "newcomer"):
            await self.press(who, code)
        await self.text(who, name)

    async def elsewhere(self, who, code):
        await self.command(who, "start")
        await self.press(who, "en")
        await self.join(who, code)


@pytest.fixture
def office(store, scripts, words, programme):
    return Together(store, scripts, words, programme)


async def test_a_phone_that_was_lost_keeps_no_seat_no_code_and_no_place_in_the_team(office):
    await office.onboard(1)
    await office.text(1, "Olena Invented")
    _, staff_code = await office.code("coordinator")
    await office.command(1, "enter", staff_code)
    await office.elsewhere(2, await office.door_code(1))
    olena = (await office.person(2)).id
    late = await office.door_code(1)
    await office.add(1, "Iryna Invented")  # Olena only has a seat there now
    await office.command(2, "connect")
    await office.press(2, "part")
    assert "doors.parted" in office.ids(2)
    assert [row.person_id for row in await office.rows(tables.seats)] == []
    seen = len(office.letters)
    await office.command(1, "family")
    assert "Olena Invented" not in office.read(1, seen)
    await office.elsewhere(3, late)
    assert (await office.chat(3)).person_id != olena
    assert (await office.chat(2)).person_id == olena


async def test_a_parted_chat_of_staff_is_staffs_no_more(office):
    await office.onboard(1)
    _, code = await office.code("coordinator")
    await office.command(1, "enter", code)
    await office.elsewhere(2, await office.door_code(1))
    await office.command(2, "connect")
    await office.press(2, "part")
    assert (await office.chat(1)).staff_id is None


async def test_who_is_in_the_room_reads_nothing_that_somebody_else_wrote_to_the_team(office):
    await office.hire(100, "coordinator")
    await office.newcomer(1)
    await fill(office, 100)
    seen = len(office.letters)
    await office.ask(1)
    assert WORDS not in office.read(100, seen)
    assert "calls.new" in office.ids(100, seen), "but the team hears of it"
    await hand_over(office, 100)
    await office.command(100, "answer", "1")
    assert WORDS in office.read(100, seen)


async def test_what_staff_asked_themselves_is_not_the_persons_whose_profile_they_fill_in(office):
    await office.hire(100, "coordinator")
    await office.hire(101, "coordinator")
    await office.ask(100)
    await office.command(100, "fill")
    await office.press(100, "begin")
    seen = len(office.letters)
    await office.command(100, "mydata")
    assert WORDS not in office.read(100, seen)
    for code in ("yes", "yes", "no"):
        await office.press(100, code)
    assert [row.person_id for row in await office.rows(tables.calls)] == [None]


async def test_nothing_that_was_asked_in_a_chat_outlives_its_erasure(office):
    await office.hire(100, "coordinator")
    await office.onboard(1)
    await office.text(1, "Olena Invented")
    await office.command(1, "family")
    await office.press(1, "add")
    await office.ask(1)
    await office.command(1, "family")
    await office.press(1, "switch")
    await office.text(1, "Olena Invented")
    await office.command(1, "forget")
    await office.press(1, "yes")
    assert await office.count(tables.call_lines) == 0


async def test_with_somebody_goes_what_still_waits_for_the_team_to_read(office):
    await office.hire(100, "coordinator")
    await office.newcomer(1)
    await office.ask(1)

    async def waiting():
        return [row.key for row in await office.rows(tables.outbox) if ".call." in row.key or row.key.startswith("call.")]

    assert await waiting(), "the letter was not sent yet"
    await office.command(1, "forget")
    await office.press(1, "yes")
    assert await waiting() == []


async def test_what_is_asked_and_erased_in_one_batch_is_never_said(office):
    await office.hire(100, "coordinator")
    await office.newcomer(1)
    await office.command(1, "human")
    seen = len(office.letters)
    erase = [office.update(1, Kind.COMMAND, "forget"), office.update(1, value="Yes")]
    await office.intake.handle([office.update(1, value=WORDS), *erase])
    assert await office.count(tables.people) == 0, "they are erased"
    assert office.ids(100, seen) == []
    assert await office.count(tables.quarantine) == 0


async def test_who_loses_the_rank_while_writing_an_answer_has_not_written_it_elsewhere(office):
    await office.hire(101, "admin")
    await office.onboard(100)
    helper, code = await office.code("coordinator")
    await office.command(100, "enter", code)
    await office.newcomer(1)
    await office.ask(1)
    await office.command(100, "answer", "1")
    async with office.store.begin() as unit:
        assert await staff.remove(unit, helper.id)
    await office.text(100, "The invented answer")
    assert ("newcomer.name", "") not in (await office.person(100)).answers


async def test_a_family_phone_stays_one_when_somebody_connects_it(office):
    await office.onboard(2)
    await office.text(2, "Taras Invented")
    code = await office.door_code(2)
    await office.onboard(1)
    await office.text(1, "Olena Invented")
    await office.add(1, "Iryna Invented")
    await office.join(1, code)
    assert (await office.chat(1)).state["shared"]


async def test_a_code_of_somebody_who_has_a_seat_on_this_phone_absorbs_nobody(office):
    await office.onboard(1)
    await office.text(1, "Olena Invented")
    await office.elsewhere(2, await office.door_code(1))
    await office.add(1, "Iryna Invented")
    iryna = (await office.person(1)).id
    await office.join(1, await office.door_code(2))
    assert iryna in {row.id for row in await office.rows(tables.people)}
    assert (await office.chat(1)).person_id == iryna


@pytest.mark.parametrize("number", ["9" * 25, "-5", "0"])
async def test_a_number_of_no_call_is_told_so(office, number):
    await office.hire(100, "coordinator")
    for command in ("answer", "take", "close"):
        await office.command(100, command, number)
    assert await office.count(tables.quarantine) == 0


async def test_who_helps_and_forgets_themselves_leaves_their_family_no_place_in_the_team(office):
    await office.onboard(1)
    await office.text(1, "Olena Invented")
    await office.add(1, "Iryna Invented")
    _, code = await office.code("admin")
    await office.command(1, "enter", code)
    await office.command(1, "forget")
    await office.press(1, "yes")
    assert (await office.chat(1)).staff_id is None


async def test_what_somebody_told_of_themselves_for_a_business_is_in_their_data_and_in_no_colleagues(store, scripts, words, programme):
    town = Town(store, scripts, words, programme)
    await town.found(1)
    for _ in range(6):
        await town.press(1, ".skip")
    await town.text(1, "Olena Contact")
    await town.join(2, await town.code_of(1))
    for who, theirs in ((1, True), (2, False)):
        seen = len(town.letters)
        await town.command(who, "mydata")
        file = next(letter.content["document"][1] for letter in town.letters[seen:] if "document" in letter.content)
        told = word(town.letters[seen], words).text
        assert "Invented Steel Ltd" in file
        assert "Invented Steel Ltd" in told
        assert ("Olena Contact" in file) is theirs
        assert ("Olena Contact" in told) is theirs


async def test_of_somebody_who_used_everything_nothing_is_left(tmp_path, scripts, words, programme):
    store = Store.at(f"sqlite:///{tmp_path}/frontdoor.db", NullCipher())
    await prepare(store)
    office, marks = Together(store, scripts, words, programme), (b"Olena Invented", b"plea for help", b"invented note", b"Inventedtown")

    def left():
        content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        return [mark for mark in marks if mark in content]

    await office.hire(100, "coordinator")
    await fill(office, 100, "Olena Invented")
    code = await hand_over(office, 100)
    await office.command(1, "start")
    await office.press(1, "en")
    await office.command(1, "claim", code)
    for each in ("yes", "yes", "no"):
        await office.press(1, each)
    await office.text(1, "Inventedtown")
    await office.ask(1)
    await office.command(100, "person", str((await office.person(1)).number))
    await office.press(100, "note")
    await office.text(100, "An invented note")
    await office.door_code(1)
    await office.add(1, "Iryna Invented")
    await office.command(1, "family")
    await office.press(1, "switch")
    await office.text(1, "Olena Invented")
    async with store.begin() as unit:  # everything was sent, but what the team has not read yet
        await unit.connection.execute(delete(tables.outbox).where(~tables.outbox.c.key.startswith("call.")))
    assert left() == list(marks), "the control"
    await office.command(1, "forget")
    await office.press(1, "yes")
    assert left() == []
    assert await office.count(tables.people) == 1, "Iryna keeps hers"
    await store.close()


async def test_staff_do_not_confirm_a_profile_in_somebodys_stead(office):
    await office.onboard(100)
    await office.text(100, "Anna Example")
    _, code = await office.code("coordinator")
    await office.command(100, "enter", code)
    mine = (await office.chat(100)).person_id
    await fill(office, 100)
    code = await hand_over(office, 100)
    await office.command(100, "claim", code)
    assert (await office.chat(100)).person_id == mine, "and nobody is absorbed"
    assert "fill.not-yours" in office.ids(100)
    await office.command(1, "start")
    await office.press(1, "en")
    await office.command(1, "claim", code)
    assert "claim.yours" in office.ids(1), "the code is not used up"


async def test_who_is_removed_reads_nothing_any_more_that_somebody_wrote_to_the_team(office):
    await office.hire(101, "admin")
    helper = await office.hire(100, "coordinator", "Ben Example")
    await office.newcomer(1)
    await office.ask(1)
    async with office.store.begin() as unit:
        assert await staff.remove(unit, helper.id)
    gone, there = (await office.chat(100)).id, (await office.chat(101)).id
    waiting = {row.chat_id for row in await office.rows(tables.outbox) if row.key.startswith("call.")}
    assert gone not in waiting
    assert there in waiting


async def test_staff_can_not_take_over_what_they_hand_over_by_any_door(office):
    await office.hire(100, "coordinator")
    await fill(office, 100)
    filled = await office.person(100)
    code = await hand_over(office, 100)
    await office.join(100, code)
    assert (await office.chat(100)).person_id != filled.id
    await office.command(1, "start")
    await office.press(1, "en")
    await office.command(1, "claim", code)
    assert (await office.chat(1)).person_id == filled.id, "and the code is not used up"


async def test_a_chat_that_begins_anew_still_knows_that_others_use_it(office):
    await office.onboard(1)
    await office.text(1, "Olena Invented")
    await office.elsewhere(2, await office.door_code(1))
    await office.add(1, "Iryna Invented")
    await office.command(1, "family")
    await office.press(1, "switch")
    await office.text(1, "Olena Invented")
    await office.command(1, "connect")
    await office.press(1, "leave")
    await office.onboard(1)
    assert "common.for" in [part[0] for part in office.letters[-1].content["parts"]]


async def test_a_chat_is_the_teams_or_a_familys_never_both(office):
    await office.onboard(1)
    await office.text(1, "Olena Invented")
    await office.add(1, "Iryna Invented")
    _, code = await office.code("coordinator")
    await office.command(1, "enter", code)
    assert (await office.chat(1)).staff_id is None
    await office.onboard(2)
    await office.command(2, "enter", code)
    assert (await office.chat(2)).staff_id is not None, "the code is not used up"
    before = (await office.chat(2)).person_id
    await office.command(2, "family")
    await office.press(2, "add")
    assert (await office.chat(2)).person_id == before


async def test_staff_without_a_profile_can_leave_a_borrowed_computer(office):
    await office.hire(100, "coordinator")
    await office.command(100, "connect")
    await office.press(100, "leave")
    assert (await office.chat(100)).staff_id is None


async def test_with_the_consent_go_the_notes(office):
    await office.hire(100, "coordinator")
    number = await office.newcomer(1)
    await office.command(100, "person", str(number))
    await office.press(100, "asked-for-help")
    for code in ("write", "note"):
        if code in str(office.letters[-1].content.get("options")):
            await office.press(100, code)
    await office.text(100, "Speaks about an invented ship")
    assert await office.count(tables.notes) == 1
    await office.command(1, "stop")
    await office.press(1, "profile")
    assert await office.count(tables.notes) == 0
