"""Those who help: what each rank may, what is written down, and what nobody gets who should not. On both databases."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from conftest import CANARIES, KEYS, ROOT
from sqlalchemy import delete, select, update
from test_intake import ENTRIES, World

from bot import rights, team
from bot.app import tidy
from bot.effects import EFFECTS, LISTS
from bot.effects.nouns import Context
from bot.effects.staff import invite
from bot.errors import FrontdoorError
from bot.letters import word
from bot.messages import Kind
from bot.settings import Settings
from dialogs.model import RANKS
from storage import events, people, staff, tables
from storage.crypto import read_keys
from storage.errors import StoreAway
from storage.records import Event, EventText
from storage.store import Store

TOWN, PHONE = CANARIES["text"], CANARIES["phone"]


class Office(World):
    """A world with staff in it: chats 100 and more are theirs."""

    def __init__(self, store, scripts, words, programme, **more):
        super().__init__(store, scripts, words, programme, **more)
        self.scripts = scripts

    async def code(self, rank, name="Anna Example"):
        async with self.store.begin() as unit:
            helper, code = await invite(unit, name, rank)
        return helper, code

    async def hire(self, who, rank, name="Anna Example"):
        helper, code = await self.code(rank, name)
        await self.command(who, "start")
        await self.press(who, "en")
        await self.command(who, "enter", code)
        assert "enter.welcome" in self.ids(who)
        return helper

    def said(self, who, since=0):
        return [part for letter in self.letters[since:] if letter.address.address == str(who) for part in letter.content["parts"]]

    def ids(self, who, since=0):
        return [part[0] for part in self.said(who, since)]

    def read(self, who, since=0):
        """Everything that somebody read, in words, buttons and files."""
        shown = [word(letter, self.words) for letter in self.letters[since:] if letter.address.address == str(who)]
        return "\n".join(
            [*(each.text for each in shown), *(choice.label for each in shown for row in each.rows for choice in row), *(str(each.document) for each in shown)]
        )

    async def newcomer(self, who, *, name=CANARIES["name"], languages=("uk",)):
        """Somebody with a profile that holds every canary; returns their number."""
        await self.onboard(who)
        await self.text(who, name)
        await self.text(who, "Rostock")
        for at, language in enumerate(languages):
            await self.press(who, language)
            await self.press(who, "first")
            await self.press(who, ".again" if at + 1 < len(languages) else ".enough")
        for code in ("job", ".done"):
            await self.press(who, code)
        await self.text(who, "welder")
        for code in ("occupations.welder", "alone", "to-10", "now", ".enough"):
            await self.press(who, code)
        await self.text(who, PHONE)
        for code in ("morning", ".done"):
            await self.press(who, code)
        await self.text(who, TOWN)
        await self.press(who, ".done")
        person = await self.person(who)
        assert person.finished_at
        return person.number

    async def rows(self, table):
        async with self.store.read() as unit:
            return (await unit.connection.execute(select(table).order_by(*table.primary_key.columns))).all()

    async def log(self):
        return [(row.action, row.subject, row.reason) for row in await self.rows(tables.audit)]


@pytest.fixture
def office(store, scripts, words, programme):
    return Office(store, scripts, words, programme)


def private(text):
    return [each for each in (CANARIES["name"], PHONE, PHONE.replace(" ", ""), TOWN) if each in text]


# ---- coming in, and going --------------------------------------------------------------------------------------


async def test_a_code_makes_a_chat_staff_once(office):
    helper, code = await office.code("coordinator")
    await office.command(100, "start")
    await office.command(100, "enter", f"{code[:3]} {code[3:]}")
    assert (await office.chat(100)).staff_id == helper.id
    await office.command(101, "enter", code)
    assert (await office.chat(101)).staff_id is None, "used up"
    assert "enter.wrong" in office.ids(101)
    await office.command(101, "person", "1000")
    assert office.ids(101)[-2:] != [], "something is said"
    assert "common.unknown-command" in office.ids(101)


async def test_a_link_brings_the_code_along(office):
    helper, code = await office.code("viewer")
    await office.command(100, "start", f"staff-{code}")
    assert (await office.chat(100)).staff_id == helper.id
    assert {"enter.welcome", "welcome.hello"} <= set(office.ids(100)), "and who is new is welcomed too"


async def test_an_expired_code_and_a_guess_are_refused_and_logged_without_the_code(office, clock, caplog):
    _, code = await office.code("admin")
    clock.turn(days=7, seconds=1)
    with caplog.at_level(logging.INFO):
        for guess in (code, "000000000000", "no digits at all"):
            await office.command(100, "enter", guess)
    assert office.ids(100).count("enter.wrong") == 3
    assert (await office.chat(100)).staff_id is None
    lines = [record.getMessage() for record in caplog.records if "code for staff" in record.getMessage()]
    assert len(lines) == 3
    assert code not in caplog.text


async def test_a_member_of_staff_has_several_chats_and_each_ends_with_the_removal(office):
    await office.hire(100, "admin")
    helper = await office.hire(101, "coordinator", "Ben Example")
    await office.command(101, "staff")
    await office.press(101, "own-code")
    code = next(part[1]["code"] for part in reversed(office.said(101)) if part[0] == "staff.own-code-is")
    await office.command(102, "enter", code)
    assert (await office.chat(101)).staff_id == (await office.chat(102)).staff_id == helper.id
    await dismiss(office, 100, helper)
    for who in (101, 102):
        assert (await office.chat(who)).staff_id is None
        assert "staff.you-left" in office.ids(who)


async def dismiss(office, admin, helper):
    await office.command(admin, "staff")
    await office.press(admin, "change")
    await office.press(admin, f"s{helper.id.hex[-16:]}")
    await office.press(admin, "remove")
    await office.press(admin, "yes")


async def test_a_removed_member_of_staff_can_do_nothing_more(office, caplog):
    number = await office.newcomer(1)
    await office.hire(100, "admin")
    helper = await office.hire(101, "coordinator", "Ben Example")
    await office.command(101, "person", str(number))
    await office.press(101, "open")
    pending = office.pressed(101, "matching")
    card, before = office.update(101, Kind.COMMAND, "person", argument=str(number)), await office.log()
    await dismiss(office, 100, helper)
    seen = len(office.letters)
    with caplog.at_level(logging.INFO):
        await office.intake.handle([pending])
        await office.intake.handle([card])
        for command in ("find", "staff", "fill"):
            await office.command(101, command)
    assert set(office.ids(101, seen)) & {"person.opened", "person.card", "find.how", "find.facet", "staff.mine", "fill.read-aloud"} == set()
    assert {"common.old-button", "common.unknown-command"} <= set(office.ids(101, seen))
    assert private(office.read(101, seen)) == []
    assert [each for each in await office.log() if each not in before] == [("remove", helper.id, "")]
    chat = (await office.chat(101)).id
    said = [record.getMessage() for record in caplog.records]
    assert f"chat {chat}: the dialog person was taken away, it is for staff" in said
    assert f"chat {chat}: /person was refused, it is for staff" in said


async def test_who_is_removed_in_the_same_batch_can_do_nothing_more(office):
    number = await office.newcomer(1)
    await office.hire(100, "admin")
    helper = await office.hire(101, "coordinator", "Ben Example")
    await office.command(101, "person", str(number))
    await office.press(101, "open")
    await office.command(100, "staff")
    await office.press(100, "change")
    await office.press(100, f"s{helper.id.hex[-16:]}")
    await office.press(100, "remove")
    seen = len(office.letters)
    await office.intake.handle([office.pressed(100, "yes"), office.pressed(101, "matching"), office.update(101, Kind.COMMAND, "person", argument=str(number))])
    assert private(office.read(101, seen)) == []
    assert "person.card" not in office.ids(101, seen)


async def test_the_last_admin_stays_admin(office):
    helper = await office.hire(100, "admin")
    await dismiss(office, 100, helper)
    assert "staff.last-admin" in office.ids(100)
    await office.command(100, "staff")
    await office.press(100, "change")
    await office.press(100, f"s{helper.id.hex[-16:]}")
    await office.press(100, "viewer")
    assert office.ids(100).count("staff.last-admin") == 2
    assert [(row.rank, row.removed_at) for row in await office.rows(tables.staff)] == [("admin", None)]


async def test_two_admins_who_remove_each_other_at_once_leave_one(database, scripts, words, programme):
    worlds = [Office(Store.at(database, KEYS), scripts, words, programme) for _ in range(2)]
    worlds[1].key = 10_000

    async def insist(world, incoming):
        while True:
            try:
                return await world.intake.handle([incoming])
            except StoreAway:
                await asyncio.sleep(0.01)

    helpers = [await worlds[0].hire(100, "admin"), await worlds[0].hire(101, "admin", "Ben Example")]
    for who, other in ((100, helpers[1]), (101, helpers[0])):
        await worlds[0].command(who, "staff")
        await worlds[0].press(who, "change")
        await worlds[0].press(who, f"s{other.id.hex[-16:]}")
        await worlds[0].press(who, "remove")
    presses = [worlds[0].pressed(100, "yes"), worlds[0].pressed(101, "yes")]
    await asyncio.gather(insist(worlds[0], presses[0]), insist(worlds[1], presses[1]))
    assert [row.removed_at is None for row in await worlds[0].rows(tables.staff)].count(True) == 1
    assert await worlds[0].count(tables.quarantine) == 0
    for world in worlds:
        await world.store.close()


async def test_an_admin_invites_and_changes_ranks_and_all_of_it_is_written_down(office):
    admin = await office.hire(100, "admin")
    await office.command(100, "staff")
    await office.press(100, "invite")
    await office.text(100, "Cem Example")
    await office.press(100, "viewer")
    code = next(part[1]["code"] for part in reversed(office.said(100)) if part[0] == "staff.invited")
    await office.command(101, "enter", code)
    cem = next(row for row in await office.rows(tables.staff) if row.id != admin.id)
    await office.command(100, "staff")
    await office.press(100, "change")
    await office.press(100, f"s{cem.id.hex[-16:]}")
    await office.press(100, "coordinator")
    assert "staff.your-rank" in office.ids(101)
    await office.command(101, "fill")
    assert "fill.read-aloud" in office.ids(101), "the new rank counts at once"
    assert await office.log() == [
        ("invite", admin.id, "admin"),
        ("enter", admin.id, ""),
        ("invite", cem.id, "viewer"),
        ("enter", cem.id, ""),
        ("rank", cem.id, "coordinator"),
    ]
    assert [row.staff_id for row in await office.rows(tables.audit)] == [None, admin.id, admin.id, cem.id, admin.id], "none: the command line"


async def test_the_audit_log_can_only_grow(office):
    await office.hire(100, "admin")
    for statement in (update(tables.audit).values(reason="nothing"), delete(tables.audit)):
        with pytest.raises(Exception, match="append-only"):
            async with office.store.begin() as unit:
                await unit.connection.execute(statement)
    assert len(await office.log()) == 2


async def test_the_command_line_invites_the_first_admin_and_lists_who_helps(tmp_path, scripts, words, programme):
    settings = Settings(_env_file=None, data_dir=tmp_path, programme=ROOT / "programme.yaml", public_url="https://bot.frontdoor.example")
    lines = await team.invite(settings, "Anna\u202e Example", "admin", "example_bot")
    code = re.search(r"staff-(\d{12})", lines[1])[1]
    assert lines[0] == f"Anna Example (admin): send the bot  /enter {code[:3]} {code[3:6]} {code[6:9]} {code[9:]}"
    assert lines[1:3] == [f"or open  https://t.me/example_bot?start=staff-{code}", f"or open  https://bot.frontdoor.example/chat?start=staff-{code}"]
    (line,) = await team.listed(settings)
    assert line.startswith("admin")
    assert line.endswith("Anna Example")
    for name, rank in (("Anna", "boss"), (" ", "admin")):
        with pytest.raises(FrontdoorError):
            await team.invite(settings, name, rank)
    store = Store.at(settings.url, read_keys(settings.keys))
    office = Office(store, scripts, words, programme)
    await office.command(100, "start", f"staff-{code}")
    assert "enter.welcome" in office.ids(100)
    await store.close()


# ---- somebody's record -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", RANKS[1:])
async def test_a_masked_card_holds_no_name_no_contact_and_no_words_of_theirs(office, rank):
    number = await office.newcomer(1)
    await office.hire(100, rank)
    seen, before = len(office.letters), len(await office.log())
    await office.command(100, "person", str(number))
    assert "person.card" in office.ids(100, seen)
    shown = office.read(100, seen)
    assert private(shown) == []
    assert "Rostock" not in shown
    assert "welder" not in shown
    assert "Ukrainian" in shown
    assert len(await office.log()) == before, "looking at a mask opens nothing"


@pytest.mark.parametrize(("rank", "sees"), [("viewer", False), ("coordinator", True), ("admin", True)])
async def test_an_opened_record_shows_what_the_rank_may_see_and_is_written_down_with_its_reason(office, rank, sees):
    number = await office.newcomer(1)
    helper = await office.hire(100, rank)
    await office.command(100, "person", str(number))
    if rank != "viewer":
        await office.press(100, "open")
    assert private(office.read(100)) == [], "nothing before the reason"
    await office.press(100, "matching")
    shown = office.read(100)
    assert "Rostock" in shown
    assert (CANARIES["name"] in shown, PHONE in shown) == (sees, sees)
    assert ("person.hidden" in office.ids(100)) is not sees
    row = (await office.rows(tables.audit))[-1]
    assert (row.staff_id, row.action, row.subject, row.reason) == (helper.id, "open", (await office.person(1)).id, "matching")


async def test_who_took_back_their_yes_and_a_number_of_nobody_sound_the_same(office):
    number = await office.newcomer(1)
    await office.command(1, "stop")
    await office.press(1, "profile")
    await office.hire(100, "admin")
    for asked in (str(number), "999999" if number != 999999 else "999998"):
        seen = len(office.letters)
        await office.command(100, "person", asked)
        assert "person.nobody" in office.ids(100, seen)
        assert "person.card" not in office.ids(100, seen)


async def test_staff_do_not_open_their_own_record(office):
    number = await office.newcomer(100)
    helper, code = await office.code("admin")
    await office.command(100, "enter", code)
    await office.command(100, "person", str(number))
    assert "person.yourself" in office.ids(100)
    await office.command(101, "start")
    async with office.store.begin() as unit:
        chat = await office.chat_in(unit, 101)
        await unit.connection.execute(update(tables.chats).where(tables.chats.c.id == chat.id).values(staff_id=helper.id))
    await office.command(101, "person", str(number))
    assert "person.yourself" in office.ids(101), "nor from another chat of theirs"


async def test_the_person_reads_how_often_they_were_opened_and_why_and_every_note_but_not_by_whom(office):
    number = await office.newcomer(1)
    await office.hire(100, "coordinator", "Zora Example")
    await office.command(100, "person", str(number))
    await office.press(100, "note")
    await office.text(100, "Looks for a place in a choir")
    for reason in ("event", "complaint"):
        await office.command(100, "person", str(number))
        await office.press(100, "notes")
        await office.press(100, reason)
    assert "Looks for a place in a choir" in office.read(100)
    seen = len(office.letters)
    await office.command(1, "mydata")
    shown = office.read(1, seen)
    assert shown.count("Looks for a place in a choir") == 2, "to read, and in the file"
    assert "looked into your answers: 2" in shown
    assert "Zora" not in shown
    file = json.loads(next(letter.content["document"][1] for letter in office.letters[seen:] if letter.content.get("document")))
    assert [each["reason"] for each in file["opened by our team"]] == ["event", "complaint"]
    assert [each["text"] for each in file["notes of our team"]] == ["Looks for a place in a choir"]


async def test_a_note_is_sealed_and_goes_with_its_person_but_the_log_stays(office):
    number = await office.newcomer(1)
    person = await office.person(1)
    await office.hire(100, "coordinator")
    await office.command(100, "person", str(number))
    await office.press(100, "note")
    await office.text(100, "Looks for a choir")
    (row,) = await office.rows(tables.notes)
    assert b"choir" not in row.content
    await office.command(1, "forget")
    await office.press(1, "yes")
    assert await office.rows(tables.notes) == []
    assert ("note", person.id, "") in await office.log()


async def test_a_note_that_looks_private_is_asked_about_once(office):
    number = await office.newcomer(1)
    await office.hire(100, "coordinator")
    await office.command(100, "person", str(number))
    await office.press(100, "note")
    await office.text(100, "call +49 381 5551234")
    assert "common.looks-private" in office.ids(100)
    assert await office.count(tables.notes) == 0


# ---- finding ----------------------------------------------------------------------------------------------------


async def test_a_name_is_found_without_case_and_accents_by_coordinators_and_the_search_is_written_down(office):
    number = await office.newcomer(1, name="Zoë Żółkiewska-Invented")
    await office.newcomer(2, name="Other Invented")
    await office.hire(100, "coordinator")
    await office.command(100, "find")
    await office.press(100, "name")
    seen = len(office.letters)
    await office.text(100, "ZOE ZOL")
    assert f"№ {number}" in office.read(100, seen)
    assert "Zoë" not in office.read(100, seen), "a masked line"
    assert next(part[1]["n"] for part in office.said(100, seen) if part[0] == "find.found") == 1
    assert (await office.log())[-1] == ("search", None, "")
    await office.hire(101, "viewer", "Ben Example")
    await office.command(101, "find")
    assert "find.how" not in office.ids(101)
    assert "find.facet" in office.ids(101)


async def test_small_groups_are_not_counted_out_to_viewers(office):
    for who in range(1, 6):
        await office.newcomer(who, languages=("uk", "ar") if who < 3 else ("uk",))
    await office.hire(100, "viewer")
    await office.command(100, "find")
    await office.press(100, "speaks")
    shown = office.read(100)
    assert "Ukrainian (5)" in shown
    assert "Arabic (fewer than 5)" in shown
    await office.press(100, "ar")
    await office.press(100, "show")
    assert "find.too-few" in office.ids(100)
    assert "find.found" not in office.ids(100)
    await office.command(100, "find")
    for code in ("speaks", "uk", "narrow", "role", "newcomer", "show"):
        await office.press(100, code)
    assert next(part[1]["n"] for part in office.said(100) if part[0] == "find.found") == 5
    await office.hire(101, "coordinator", "Ben Example")
    await office.command(101, "find")
    for code in ("answers", "speaks", "ar", "show"):
        await office.press(101, code)
    assert "Arabic (2)" in office.read(101)
    assert next(part[1]["n"] for part in office.said(101) if part[0] == "find.found") == 2


async def test_who_took_back_their_yes_is_neither_found_nor_counted(office):
    await office.newcomer(1)
    await office.newcomer(2)
    await office.command(2, "stop")
    await office.press(2, "profile")
    await office.hire(100, "admin")
    await office.command(100, "find")
    for code in ("answers", "role", "newcomer", "show"):
        await office.press(100, code)
    assert next(part[1]["n"] for part in office.said(100) if part[0] == "find.found") == 1


# ---- filling in, with somebody in the room ----------------------------------------------------------------------


async def fill(office, who, name="Nobody Invented"):
    await office.command(who, "fill")
    await office.press(who, "begin")
    for code in ("yes", "yes", "no", "newcomer"):
        await office.press(who, code)
    await office.text(who, name)


async def hand_over(office, who):
    await office.command(who, "handover")
    return next(part[1]["code"] for part in reversed(office.said(who)) if part[0] == "fill.code-is")


async def test_a_profile_is_filled_in_with_somebody_handed_over_and_confirmed_on_their_own_phone(office):
    helper = await office.hire(100, "coordinator")
    await fill(office, 100)
    person = await office.person(100)
    assert {row.given_by for row in person.answers.values()} == {f"staff:{helper.id}"}
    assert {row.channel for row in person.consents} == {"staff"}
    code = await hand_over(office, 100)
    assert (await office.chat(100)).person_id is None, "the chat is staff's again"
    await office.command(100, "find")
    assert "find.how" in office.ids(100)
    await office.command(1, "start")
    await office.press(1, "en")
    seen = len(office.letters)
    await office.command(1, "claim", code)
    assert (await office.chat(1)).person_id == person.id
    assert {"claim.yours", "join.age"} <= set(office.ids(1, seen))
    assert "Nobody Invented" not in office.read(1, seen), "before the yes nothing is shown"
    await office.press(1, "yes")
    assert "join.keep" in office.ids(1, seen), "asked once more, by us"
    await office.press(1, "yes")
    await office.press(1, "no")
    now = await office.person(1)
    assert [(row.purpose, row.verdict, row.channel) for row in now.consents][-2:] == [
        ("profile", "given", "telegram"),
        ("announcements", "refused", "telegram"),
    ]
    assert now.answers["newcomer.name", ""].given_by == f"staff:{helper.id}", "who gave it is kept"
    await office.command(2, "claim", code)
    assert (await office.chat(2)).person_id is None, "used up"
    assert "fill.wrong" in office.ids(2)


async def test_a_link_leads_to_a_handed_over_profile_and_a_no_erases_the_answers(office):
    await office.hire(100, "coordinator")
    await fill(office, 100)
    code = (await hand_over(office, 100)).replace(" ", "")
    await office.command(1, "start", f"door-{code}")
    for each in ("en", "yes", "no"):
        await office.press(1, each)
    person = await office.person(1)
    assert person.answers == {}
    assert person.consents[-1].verdict == "withdrawn"


async def test_while_a_profile_is_filled_in_the_chat_is_not_staffs(office):
    number = await office.newcomer(1)
    await office.hire(100, "admin")
    await fill(office, 100)
    before = await office.log()
    seen = len(office.letters)
    for command in ("person", "find", "staff", "fill"):
        await office.command(100, command, str(number) if command == "person" else "")
    assert office.ids(100, seen).count("common.unknown-command") == 4
    await office.command(100, "connect")
    await office.press(100, "give")
    await office.command(100, "family")
    await office.press(100, "add")
    assert office.ids(100, seen).count("fill.not-now") == 2
    assert await office.log() == before


async def test_staff_with_a_profile_of_their_own_come_back_to_where_they_stood(office):
    await office.onboard(100)
    await office.text(100, "Anna Example")
    _, code = await office.code("coordinator")
    await office.command(100, "enter", code)
    mine = (await office.chat(100)).person_id
    await fill(office, 100)
    assert (await office.chat(100)).person_id != mine
    await hand_over(office, 100)
    assert (await office.chat(100)).person_id == mine
    assert (await office.chat(100)).stands_at == "newcomer.town"
    assert await office.count(tables.seats) == 0
    await office.text(100, "Wismar")
    assert (await office.person(100)).answers["newcomer.town", ""].given_by == "person"


@pytest.mark.parametrize("own", [False, True])
async def test_who_wants_it_all_erased_after_all_leaves_staff_their_chat(office, own):
    if own:
        await office.onboard(100)
    helper = await (office.hire(100, "coordinator") if not own else _enter(office, 100))
    mine = (await office.chat(100)).person_id
    await fill(office, 100, CANARIES["name"])
    await office.command(100, "forget")
    await office.press(100, "yes")
    chat = await office.chat(100)
    assert (chat.staff_id, chat.person_id) == (helper.id, mine)
    assert await office.count(tables.people) == int(own)
    assert "filling" not in chat.state


async def _enter(office, who):
    helper, code = await office.code("coordinator")
    await office.command(who, "enter", code)
    return helper


async def test_a_no_in_the_room_keeps_nothing(office):
    await office.hire(100, "coordinator")
    await office.command(100, "fill")
    await office.press(100, "begin")
    await office.press(100, "yes")
    await office.press(100, "no")
    await office.command(100, "handover")
    assert "fill.nothing-kept" in office.ids(100)
    assert await office.count(tables.people) == 0


async def test_who_is_removed_while_filling_in_loses_sight_of_it(office):
    await office.hire(100, "admin")
    helper = await office.hire(101, "coordinator", "Ben Example")
    await fill(office, 101)
    await dismiss(office, 100, helper)
    assert (await office.chat(101)).person_id is None
    seen = len(office.letters)
    await office.command(101, "mydata")
    await office.command(101, "handover")
    assert "Nobody Invented" not in office.read(101, seen)
    assert "fill.no-fill" in office.ids(101, seen)


async def test_what_nobody_claims_in_fourteen_days_is_erased(office, clock, scripts):
    helper = await office.hire(100, "coordinator")
    await fill(office, 100)
    forgotten = await office.person(100)
    await hand_over(office, 100)
    await fill(office, 100, "Somebody Invented")
    claimed = await hand_over(office, 100)
    await fill(office, 100, "Still Invented")  # and never handed over
    await office.command(1, "start")
    await office.press(1, "en")
    await office.command(1, "claim", claimed)
    for code in ("yes", "yes", "no"):
        await office.press(1, code)
    kept = (await office.person(1)).id
    clock.turn(days=14)
    await tidy(office.store, scripts)
    assert await office.count(tables.people) == 3, "not a moment too early"
    clock.turn(seconds=1)
    await tidy(office.store, scripts)
    assert [row.id for row in await office.rows(tables.people)] == [kept]
    assert forgotten.id in {row.person_id for row in await office.rows(tables.erasures)}
    assert (await office.chat(100)).staff_id == helper.id, "the chat that it was written in stays"
    assert (await office.chat(100)).person_id is None


# ---- the rights matrix -------------------------------------------------------------------------------------------

ROLES = ("nobody", "newcomer", "viewer", "coordinator", "admin", "removed")
EVERYBODY, HELPERS, COORDINATORS = set(ROLES), {"viewer", "coordinator", "admin"}, {"coordinator", "admin"}
RULES = {  # command -> who may open its dialog; a command that is not here fails the test
    "menu": EVERYBODY,
    "language": EVERYBODY,
    "reading": EVERYBODY,
    "original": EVERYBODY,
    "help": EVERYBODY,
    "me": EVERYBODY,
    "more": EVERYBODY,
    "family": EVERYBODY,
    "team": EVERYBODY,
    "connect": EVERYBODY,
    "mydata": EVERYBODY,
    "stop": EVERYBODY,
    "forget": EVERYBODY,
    "enter": EVERYBODY,
    "claim": EVERYBODY,
    "human": EVERYBODY,
    "helped": EVERYBODY,
    "quiet": EVERYBODY,
    "still": EVERYBODY,
    "numbers": HELPERS,
    "calls": COORDINATORS,
    "uncoded": COORDINATORS,
    "answer": COORDINATORS,
    "take": COORDINATORS,
    "close": COORDINATORS,
    "handover": EVERYBODY,  # without a profile that was filled in it gives nothing
    "staff": HELPERS,
    "person": HELPERS,
    "find": HELPERS,
    "fill": COORDINATORS,
    "forms": set(),  # as long as there are none
    **dict.fromkeys("events event signup mysignups cantcome takeplace coming here feedback email zone".split(), EVERYBODY),
    **dict.fromkeys("manage glance opinions checkin report".split(), HELPERS),
    **dict.fromkeys("newevent publish drop change wording guests tell sheet calloff".split(), COORDINATORS),
}
OF_EVENTS = (
    "create-event publish-event drop-event show-once-more tell-commands may-change-event change-event take-no-more write-event call-off-event "
    "list-registered add-registered remove-registered message-registered event-sheet"
).split()
OWNERS = ("own", "another's", "an organisation's", "nobody's")
ACTS = {  # effect of staff -> (who may do it, about whose record)
    "look-at-person": (HELPERS, {"another's", "an organisation's"}),
    "open-person": (HELPERS, {"another's", "an organisation's"}),
    "read-notes": (COORDINATORS, {"another's", "an organisation's"}),
    "write-note": (COORDINATORS, {"another's", "an organisation's"}),
    "find-by-answers": (COORDINATORS, set(OWNERS)),  # viewers: only groups of five and more; here are two
    "find-by-name": (COORDINATORS, set(OWNERS)),
    "fill-profile": (COORDINATORS, set(OWNERS)),
    "invite-staff": ({"admin"}, set(OWNERS)),
    "change-staff": ({"admin"}, {"another's"}),
    "staff-code": (HELPERS, set(OWNERS)),
    "tell-numbers": (HELPERS, set(OWNERS)),
    "list-calls": (COORDINATORS, set(OWNERS)),
    "code-words": (COORDINATORS, set(OWNERS)),
    "look-at-call": (COORDINATORS, set(OWNERS)),
    "answer-call": (COORDINATORS, set(OWNERS)),
    "take-call": (COORDINATORS, set(OWNERS)),
    "close-call": (COORDINATORS, set(OWNERS)),
    **dict.fromkeys("look-after-event preview-event event-feedback report-events check-in".split(), (HELPERS, set(OWNERS))),
    **dict.fromkeys(OF_EVENTS, (COORDINATORS, set(OWNERS))),
}
DONE = {
    "person.card", "person.opened", "person.notes-are", "person.no-notes", "person.noted", "find.found", "fill.begins",
    "staff.invited", "staff.changed", "staff.own-code-is", "numbers.all",
    "newevent.made", "manage.commands", "manage.is-published", "manage.published", "event.card", "manage.dropped", "manage.changed", "manage.called-off",
    "guests.nobody", "guests.asked", "guests.no-person", "guests.no-door", "tell.sent", "sheet.here", "opinions.there", "report.from", "checkin.none",
    "calls.waiting", "answer.free", "answer.sent", "take.yours", "close.done", "uncoded.coded",
}  # fmt: skip


class Matrix:
    """Somebody of each role, and records of each owner."""

    def __init__(self, office):
        self.office, self.tried, self.unexpected = office, 0, []

    async def begin(self):
        office = self.office
        self.another = await office.newcomer(1)
        await office.command(2, "start")
        for code in ("en", "yes", "yes", "no", "business", "found"):
            await office.press(2, code)
        await office.text(2, "Zz Works Invented")
        self.organisation = (await office.person(2)).number
        self.chats = {"newcomer": 3}
        await office.onboard(3)
        for at, role in enumerate(("viewer", "coordinator", "admin", "removed"), 100):
            await office.onboard(at)
            await office.text(at, f"{role} Invented")
            helper, code = await office.code("admin" if role == "removed" else role, f"{role} Example")
            await office.command(at, "enter", code)
            self.chats[role] = at
        async with office.store.begin() as unit:
            await staff.remove(unit, helper.id)
        self.gone = await office.hire(110, "viewer", "Ben Example")
        await office.command(1, "human")
        await office.text(1, "Please help")
        self.event, self.draft = await self.stage("published"), await self.stage("draft")
        self.helpers = {role: await office.chat(who) for role, who in self.chats.items()}

    async def stage(self, state):
        """The code of a fresh event."""
        begins = datetime.fromisoformat("2031-05-05T13:00")
        async with self.office.store.begin() as unit:
            event = await events.begin(unit, Event(None, "", begins, begins + timedelta(hours=2), "Europe/Berlin", state, capacity=5))
            await events.write(unit, event.id, [EventText("en", "An event", "", "original")])
        return event.code

    def judge(self, what, expected, happened):
        self.tried += 1
        if expected != happened:
            self.unexpected.append((*what, "succeeded" if happened else "was refused"))

    async def opens(self, role, command):
        """Does the command open its dialog for them?"""
        office = self.office
        self.fresh = getattr(self, "fresh", 1000) + 1
        who = self.fresh if role == "nobody" else self.chats[role]
        if role == "nobody":
            await office.command(who, "start")
            await office.press(who, "en")
        seen = len(office.letters)
        await office.command(who, command)
        return "common.unknown-command" not in office.ids(who, seen)

    async def does(self, role, effect, owner):
        """Is the effect, reached somehow (an old frame, say), carried out for them?"""
        office = self.office
        async with office.store.begin() as unit:
            chat = await office.chat_in(unit, 5000 if role == "nobody" else self.chats[role])
            chat = replace(chat, state=chat.state or {"language": "en", "prompts": 1, "passed": [], "frames": []})
            helpers = await staff.get(unit, {chat.staff_id} if chat.staff_id else set())
            person = await people.get(unit, chat.person_id) if chat.person_id else None
            number = {"own": person.number if person else 7, "another's": self.another, "an organisation's": self.organisation}.get(owner, 7)
            memo = {"number": str(number), "reason": "matching", "note": "x", "name": "Invented", "rank": "viewer", "facet": "role", "value": "business"}
            memo |= {"which": "1", "words": "x", "entry": "http://data.europa.eu/esco/isco/C72"}  # the call of somebody else
            memo |= {"like": "new", "title": "T", "about": "A", "when": "2031-05-06T13:00/2031-05-06T15:00", "field": "cost", "cost": "free", "tongue": "de"}
            memo |= {"whom": "everybody", "text": "x", "paper": "table", "since": "2031-01-01", "until": "2031-12-31", "ticket": "x", "language": "de"}
            if "event" in effect or "registered" in effect or effect in {"take-no-more", "show-once-more"}:
                memo["which"] = self.draft if effect in {"publish-event", "drop-event"} else self.event
            helper = self.gone if owner == "another's" else next(iter(helpers.values()), None) if owner == "own" else None
            memo |= {"deed": "coordinator"} | ({"whom": f"s{helper.id.hex[-16:]}" if helper else "s0"} if effect == "change-staff" else {})

            async def write():
                pass

            context = Context(unit, chat, person, None, helpers.get(chat.staff_id), office.scripts, office.words, office.intake._programme, write, memo)
            outcome = await EFFECTS[effect](context)
            said = {part[0] for letter in outcome.letters for part in letter["parts"]}
            await unit.connection.rollback()  # each cell by itself
        return bool(said & DONE) or outcome.code == "yes"


STAFFS = {
    name
    for name, effect in EFFECTS.items()
    if effect.__module__.rpartition(".")[2] in {"staff", "person", "find", "fill", "calls", "numbers", "coding", "staging", "attending"}
} - {
    "enter-staff",
    "hand-over",
    "look-for-team",
    "call-human",
    "close-my-call",
}


async def whole(matrix):
    office = matrix.office
    assert ACTS.keys() == STAFFS, "an effect of staff has no rule"
    for role in ROLES:
        for effect, (ranks, owners) in ACTS.items():
            for owner in OWNERS:
                expected = role in ranks and owner in owners
                if effect == "change-staff" and owner == "own" and role == "admin":
                    continue  # the last admin: proved above
                matrix.judge((role, effect, owner), expected, await matrix.does(role, effect, owner))
        for command in office.scripts.commands:
            matrix.judge((role, f"/{command}"), role in RULES[command], await matrix.opens(role, command))
            if role == "coordinator" and command == "forget":
                await office.press(matrix.chats[role], "no")
    for name in ("my-staff", "my-facets", "my-values", "my-uncoded", "my-events", "my-event-words"):
        matrix.judge(("nobody", name), expected=False, happened=bool(await lists(matrix, name)))


async def lists(matrix, name):
    office = matrix.office
    async with office.store.begin() as unit:
        chat = await office.chat_in(unit, matrix.chats["removed"])
        return await LISTS[name](Context(unit, chat, None, None, None, office.scripts, office.words, office.intake._programme, None, {"facet": "role"}))


async def test_every_role_may_what_the_table_says_and_nothing_else(sqlite_store, scripts, words, programme, show):
    assert scripts.commands.keys() == RULES.keys(), "a command without a rule"
    matrix = Matrix(Office(sqlite_store, scripts, words, programme))
    await matrix.begin()
    await whole(matrix)
    show("rights", f"tried={matrix.tried} unexpected={len(matrix.unexpected)}")
    assert matrix.unexpected == []
    assert matrix.tried > 300


async def test_a_broken_rule_is_caught(sqlite_store, scripts, words, programme, monkeypatch):
    """The positive control: somebody lets viewers read notes."""
    monkeypatch.setitem(rights.RIGHTS, "read-notes", rights.Right("viewer", own=True))
    matrix = Matrix(Office(sqlite_store, scripts, words, programme))
    await matrix.begin()
    await whole(matrix)
    assert ("viewer", "read-notes", "another's", "succeeded") in matrix.unexpected
    assert ("admin", "read-notes", "own", "succeeded") in matrix.unexpected


def test_commands_of_staff_are_in_no_public_menu(scripts):
    assert not {"staff", "person", "find", "fill", "enter", "claim", "handover"} & set(scripts.menu)


# ---- words that nothing fitted ------------------------------------------------------------------------------------------


async def embroiders(office, who, words="embroidery"):
    """Somebody who kept their own words."""
    await office.onboard(who)
    await office.text(who, "Olena")
    for code in (".skip", ".skip", ".skip"):
        await office.press(who, code)
    await office.text(who, words)
    await office.press(who, ".other")


async def listed(office, who=100):
    """The words that /uncoded lists, and the codes of their buttons."""
    await office.command(who, "uncoded")
    return {option[1]["with"]["words"]: option[0] for option in office.letters[-1].content.get("options", ()) if "with" in option[1]}


async def test_the_same_words_of_several_get_their_entry_at_once_and_the_log_says_who_gave_it(office):
    for who in (1, 2):
        await embroiders(office, who, ("Embroidery", "embroidery!")[who - 1])
    await embroiders(office, 3, "juggling")
    helper = await office.hire(100, "coordinator")
    there = await listed(office)
    assert set(there) == {"Embroidery", "juggling"}
    await office.press(100, there["Embroidery"])
    await office.text(100, "to sew things")
    await office.press(100, "skills.sewing")
    for who in (1, 2):
        row = (await office.person(who)).answers["newcomer.can.what", "1"]
        assert (row.code, row.content["chosen"], row.content["isco"]) == (ENTRIES["skills.sewing"], "staff", "75")
        assert row.content["words"].casefold().startswith("embroidery"), "and their words stay"
    facets = [(row.name, row.value) for row in await office.rows(tables.facets) if row.name == "can"]
    assert facets.count(("can", ENTRIES["skills.sewing"])) == 2
    assert [(row.staff_id, row.action) for row in await office.rows(tables.audit)].count((helper.id, "code")) == 2
    assert set(await listed(office)) == {"juggling"}


async def test_who_took_back_their_yes_while_staff_were_choosing_is_not_written_to(office):
    await embroiders(office, 1)
    await office.hire(100, "coordinator")
    await office.press(100, (await listed(office))["embroidery"])
    await office.text(100, "to sew things")
    await office.command(1, "stop")
    await office.press(1, "profile")
    await office.press(100, "skills.sewing")
    assert await office.count(tables.answers) == 0
    assert await office.count(tables.facets) == 0


async def test_no_skill_is_given_where_an_occupation_was_asked_for(office):
    await office.command(2, "start")
    for code in ("en", "yes", "yes", "no", "business", "found"):
        await office.press(2, code)
    await office.text(2, "Zz Works Invented")
    await office.command(2, "more")
    await office.press(2, "request")
    await office.text(2, "embroiderer")
    await office.press(2, ".other")
    await office.hire(100, "coordinator")
    await office.press(100, (await listed(office))["embroiderer"])
    await office.text(100, "to sew things")
    await office.press(100, "skills.sewing")
    (row,) = [row for row in await office.rows(tables.organisation_answers) if row.question == "request.wanted.occupation"]
    assert row.code is None
    await office.press(100, (await listed(office))["embroiderer"])
    await office.text(100, "who sews clothes")
    await office.press(100, "occupations.tailor")
    (row,) = [row for row in await office.rows(tables.organisation_answers) if row.question == "request.wanted.occupation"]
    assert row.code == ENTRIES["occupations.tailor"]


async def test_what_staff_gave_and_the_person_adds_in_one_batch_both_select_audiences(office):
    await embroiders(office, 1)
    for code in ("alone", "to-10", "now", ".again"):
        await office.press(1, code)
    await office.text(1, "welder")
    await office.hire(100, "coordinator")
    await office.press(100, (await listed(office))["embroidery"])
    await office.text(100, "to sew things")
    await office.intake.handle([office.pressed(100, "skills.sewing"), office.pressed(1, "occupations.welder")])
    assert {row.value for row in await office.rows(tables.facets) if row.name == "can"} >= {ENTRIES["skills.sewing"], ENTRIES["occupations.welder"]}


async def test_words_of_somebody_who_is_forgotten_stay_in_no_conversation_of_staffs(office):
    await embroiders(office, 1, "Kreuzstichtischdecken")
    await office.hire(100, "coordinator")
    await office.press(100, next(iter((await listed(office)).values())))
    assert "Kreuzstichtischdecken" in office.read(100)
    await office.command(1, "forget")
    await office.press(1, "yes")
    assert "Kreuzstich" not in str((await office.chat(100)).state)
    await office.press(100, ".other")
    assert await listed(office) == {}


async def test_how_staff_read_is_theirs_again_when_a_profile_was_written_down(office):
    await office.hire(100, "coordinator")
    await office.command(100, "reading")
    await office.press(100, "de")
    await office.command(100, "fill")
    await office.press(100, "begin")
    assert dict((await office.chat(100)).reading) == {}, "whoever is in the room reads in their own way"
    await office.command(100, "handover")
    assert dict((await office.chat(100)).reading) == {"second": "de"}
