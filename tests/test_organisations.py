"""Several people speak for one organisation, one person for several; several profiles share a phone. Nothing is mixed, nothing outlives its owner."""

from __future__ import annotations

import asyncio
import json
import random
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from test_intake import World

from storage import answers, codes, organisations, seats, tables
from storage.answers import ORGANISATIONS


class Town(World):
    """People who come for a business, and families."""

    async def come_for_a_business(self, person):
        await self.command(person, "start")
        for code in ("en", "yes", "yes", "no", "business"):
            await self.press(person, code)

    async def found(self, person, name="Invented Steel Ltd"):
        await self.come_for_a_business(person)
        await self.press(person, "found")
        await self.text(person, name)

    async def code_of(self, person):
        await self.command(person, "team")
        await self.press(person, "invite")
        said = [part for letter in self.letters if letter.address.address == str(person) for part in letter.content["parts"]]
        return next(facts["code"] for name, facts, *_ in reversed(said) if name == "team.code-is")

    async def door_code(self, person):
        """For another chat of theirs."""
        await self.command(person, "connect")
        await self.press(person, "give")
        parts = (part for letter in reversed(self.letters) if letter.address.address == str(person) for part in letter.content["parts"])
        return next(part[1]["code"] for part in parts if part[0] == "doors.code-is")

    async def connect(self, person, code):
        await self.command(person, "connect")
        await self.press(person, "enter")
        await self.text(person, code)

    async def join(self, person, code):
        await self.come_for_a_business(person)
        await self.press(person, "join")
        await self.text(person, code)

    async def told_of(self, person):
        """Question -> value, of the organisation that somebody speaks for."""
        chat = await self.chat(person)
        async with self.store.read() as unit:
            known = (await answers.read(unit, ORGANISATIONS, [chat.organisation_id]))[chat.organisation_id] if chat.organisation_id else {}
        return {question: row.content.get("words") or row.content.get("value", "") for (question, _), row in known.items()}

    def said_to(self, person):
        return [part[0] for letter in self.letters if letter.address.address == str(person) for part in letter.content["parts"]]


@pytest.fixture
def town(store, scripts, words, programme):
    return Town(store, scripts, words, programme)


async def test_a_colleague_sees_and_changes_what_the_first_one_told(town):
    await town.found(1)
    await town.join(2, await town.code_of(1))
    assert (await town.chat(1)).organisation_id == (await town.chat(2)).organisation_id
    await town.press(2, "small")
    assert await town.told_of(1) == {"business.name": "Invented Steel Ltd", "business.size": "small"}
    assert "business.name" not in town.said_to(2), "what is known is not asked again"
    assert (await town.person(1)).answers.keys() == (await town.person(2)).answers.keys() == {("join.role", "")}


async def test_a_code_lets_one_colleague_in_and_only_for_a_week(town, store, caplog):
    caplog.set_level("INFO")
    await town.found(1)
    code = await town.code_of(1)
    await town.join(2, code)
    await town.join(3, code)
    assert (await town.chat(3)).organisation_id is None
    later = await town.code_of(1)
    before = store.clock
    store.clock = lambda: before() + timedelta(days=7, minutes=1)
    await town.join(4, later)
    assert (await town.chat(4)).organisation_id is None
    assert sum("a code for an organisation" in record.getMessage() for record in caplog.records) == 2, "refused, and logged"
    assert code not in caplog.text
    assert town.said_to(3)[-2:] == town.said_to(4)[-2:] == ["organisation.begin", "organisation.begin.hint"]


async def test_a_code_for_another_chat_of_somebody_opens_no_organisation(town):
    await town.found(1)
    await town.join(2, await town.door_code(1))
    assert (await town.chat(2)).organisation_id is None


async def test_two_colleagues_who_use_one_code_at_once_are_not_both_let_in(town):
    await town.found(1)
    code = await town.code_of(1)
    for person in (2, 3):
        await town.come_for_a_business(person)
        await town.press(person, "join")
    await asyncio.gather(town.text(2, code), town.text(3, code))
    assert sum([(await town.chat(person)).organisation_id is not None for person in (2, 3)]) == 1


async def test_colleagues_who_answer_at_once_lose_nothing(town):
    await town.found(1)
    await town.join(2, await town.code_of(1))
    await asyncio.gather(town.press(1, "micro"), town.press(2, "small"))
    await asyncio.gather(town.text(1, "shipyard"), town.press(2, "c28"))
    known = await town.told_of(1)
    assert known["business.size"] in {"micro", "small"}
    assert known["business.sector"] in {"shipyard", "c28"}


async def test_who_is_forgotten_takes_the_contact_along_and_leaves_the_business(town):
    await town.found(1)
    for code in ("micro", "c28"):
        await town.press(1, code)
    for line in ("Rostock", ".skip", ".skip", ".skip", "Olena Invented", "olena@frontdoor.example"):
        await (town.press(1, line) if line.startswith(".") else town.text(1, line))
    await town.join(2, await town.code_of(1))
    assert {"business.contact", "business.reach"} <= (await town.told_of(2)).keys()
    await town.command(1, "forget")
    await town.press(1, "yes")
    known = await town.told_of(2)
    assert known["business.name"] == "Invented Steel Ltd"
    assert not {"business.contact", "business.reach"} & known.keys()


async def test_who_takes_the_consent_back_no_longer_speaks_for_the_business(town):
    await town.found(1)
    await town.join(2, await town.code_of(1))
    await town.command(1, "stop")
    await town.press(1, "profile")
    assert (await town.chat(1)).organisation_id is None
    assert await town.count(tables.members) == 1
    assert (await town.told_of(2))["business.name"] == "Invented Steel Ltd"
    await town.command(2, "stop")
    await town.press(2, "profile")
    assert await town.count(tables.organisations) == 0
    assert await town.count(tables.quarantine) == 0


async def test_leaving_and_answering_from_another_chat_in_one_batch_harms_nobody(town):
    await town.found(1)
    await town.command(2, "start")
    code = await town.door_code(1)
    await town.press(2, "en")
    await town.connect(2, code)
    await town.command(1, "team")
    await town.press(1, "leave")
    await town.intake.handle([town.pressed(1, "yes"), town.pressed(2, "micro")])
    assert await town.count(tables.organisations) == 0
    assert await town.count(tables.quarantine) == 0


async def test_with_the_last_who_speaks_for_it_a_business_goes(town):
    await town.found(1)
    await town.press(1, "micro")
    await town.command(1, "forget")
    await town.press(1, "yes")
    for table in (tables.organisations, tables.members, tables.organisation_answers, tables.organisation_facets, tables.people):
        assert await town.count(table) == 0, table.name


async def test_who_no_longer_speaks_for_a_business_changes_nothing_there(town):
    await town.found(1)
    await town.join(2, await town.code_of(1))
    chat = await town.chat(2)
    async with town.store.begin() as unit:
        await unit.connection.execute(tables.members.delete().where(tables.members.c.person_id == chat.person_id))
    await town.press(2, "small")
    assert await town.told_of(1) == {"business.name": "Invented Steel Ltd"}
    assert "organisation.begin" in [part[0] for part in town.letters[-1].content["parts"]], "and is asked for whom they speak"
    assert await town.count(tables.quarantine) == 0


async def test_who_speaks_for_two_answers_for_the_one_that_was_chosen(town):
    await town.found(1)
    await town.command(1, "team")
    for code in ("other", "found"):
        await town.press(1, code)
    await town.text(1, "Example Bakery")
    assert (await town.told_of(1))["business.name"] == "Example Bakery"
    await town.command(1, "team")
    for code in ("other", "speak"):
        await town.press(1, code)
    await town.text(1, "Invented Steel Ltd")
    await town.press(1, "micro")
    assert await town.told_of(1) == {"business.name": "Invented Steel Ltd", "business.size": "micro"}


async def test_a_coded_answer_of_a_business_selects_it_and_a_change_row_says_so(town):
    await town.found(1)
    await town.press(1, "micro")
    chat = await town.chat(1)
    async with town.store.read() as unit:
        facets = [tuple(row) for row in await unit.connection.execute(select(tables.organisation_facets))]
        changes = (await unit.connection.execute(select(func.count()).where(tables.changes.c.entity_id == chat.organisation_id))).scalar()
    assert facets == [(chat.organisation_id, "size", "micro")]
    assert changes >= 2


async def test_my_data_holds_what_is_known_of_the_business_and_names_no_colleague(town):
    await town.found(1)
    await town.join(2, await town.code_of(1))
    await town.press(2, "small")
    await town.command(2, "mydata")
    letter = next(each for each in reversed(town.letters) if each.address.address == "2" and "document" in each.content)
    (business,) = json.loads(letter.content["document"][1])["organisations"]
    assert {each["question"]: each["given by"] for each in business["answers"]} == {"business.name": "colleague", "business.size": "person"}
    assert str((await town.person(1)).id) not in letter.content["document"][1]
    assert "mydata.organisation" in [part[0] for part in letter.content["parts"]]


async def test_two_accounts_of_one_person_become_one_and_keep_what_they_speak_for(town):
    await town.found(1)
    await town.onboard(2)
    code = await town.door_code(2)
    await town.connect(1, code)
    person = await town.person(1)
    async with town.store.read() as unit:
        assert len(await organisations.of_person(unit, person.id)) == 1
    assert await town.count(tables.people) == 1


# ---- families ----


class Family(Town):
    """One phone; whoever has it says their own name in every answer."""

    async def add(self, name):
        if self.letters:
            await self.command(1, "family")
            await self.press(1, "add")
        else:
            await self.command(1, "start")
            await self.press(1, "en")
        for code in ("yes", "yes", "no", "newcomer"):
            await self.press(1, code)
        await self.text(1, f"{name} Invented")

    async def switch(self, name):
        await self.command(1, "family")
        await self.press(1, "switch")
        await self.text(1, f"{name} Invented")


@pytest.fixture
def family(store, scripts, words, programme):
    return Family(store, scripts, words, programme)


async def everybody(world):
    """Name -> everything they answered in words."""
    async with world.store.read() as unit:
        ids = list((await unit.connection.execute(select(tables.people.c.id))).scalars())
        known = await answers.read(unit, answers.PEOPLE, ids)
    told = {each: {question: row.content.get("words") or row.content.get("value", "") for question, row in known[each].items()} for each in ids}
    return {each["newcomer.name", ""].split()[0]: list(each.values()) for each in told.values()}


async def test_profiles_on_one_phone_never_mix(family, seed):
    rnd, names = random.Random(seed), ["Olena", "Iryna", "Taras"]
    now = ""
    for name in names:
        await family.add(name)
        now = name
    for number in range(40):
        if rnd.random() < 0.4:
            now = rnd.choice([each for each in names if each != now])
            await family.switch(now)
        options = [option[0] for option in family.letters[-1].content.get("options", ())]
        if family.letters[-1].content.get("typing") and not any(each[0] != "." for each in options):
            await family.text(1, f"{now} says {number}")
        else:
            await family.press(1, rnd.choice([each for each in options if each != "name"]))  # a name is said once
    told = await everybody(family)
    assert set(told) == set(names)
    for name, words in told.items():
        assert all(each.startswith(name) for each in words if "says" in each or "Invented" in each), f"seed={seed}: {name} has {words}"


async def test_an_old_button_of_one_profile_answers_nothing_for_another(family):
    await family.add("Olena")
    await family.press(1, ".skip")
    old = family.pressed(1, "uk")
    await family.add("Iryna")
    await family.press(1, ".skip")
    await family.intake.handle([old])
    assert (await family.person(1)).answers.keys() == {("join.role", ""), ("newcomer.name", ""), ("newcomer.town", "")}
    assert "common.old-button" in [part[0] for part in family.letters[-1].content["parts"]]


async def test_each_profile_stands_where_it_stood(family):
    await family.add("Olena")
    await family.text(1, "Rostock")
    await family.add("Iryna")
    await family.switch("Olena")
    asked = [part[0] for part in family.letters[-1].content["parts"]]
    assert {"common.for", "newcomer.languages.language"} <= set(asked)


async def test_who_is_removed_from_the_only_phone_is_erased_and_the_others_stay(family):
    await family.add("Olena")
    await family.add("Iryna")
    await family.command(1, "family")
    await family.press(1, "remove")
    await family.text(1, "Olena Invented")
    await family.press(1, "yes")
    assert set(await everybody(family)) == {"Iryna"}
    assert await family.count(tables.seats) == 0
    assert await family.count(tables.erasures) == 1
    await family.text(1, "Wismar")
    assert "common.for" not in [part[0] for part in family.letters[-1].content["parts"]], "and alone, nobody needs to be named"


async def test_who_has_another_chat_stays_there_when_removed_from_the_phone(family):
    await family.add("Olena")
    code = await family.door_code(1)
    await family.command(2, "start")
    await family.press(2, "en")
    await family.connect(2, code)
    await family.add("Iryna")
    await family.command(1, "family")
    await family.press(1, "remove")
    await family.text(1, "Olena Invented")
    await family.press(1, "yes")
    assert set(await everybody(family)) == {"Olena", "Iryna"}
    assert (await family.person(2)).number != (await family.person(1)).number


async def test_who_forgets_themselves_on_a_shared_phone_leaves_the_others_in_peace(family):
    await family.add("Olena")
    await family.add("Iryna")
    await family.command(1, "forget")
    await family.press(1, "yes")
    assert set(await everybody(family)) == {"Olena"}
    chat = await family.chat(1)
    async with family.store.begin() as unit:
        assert chat.person_id is not None
        assert not await seats.are_taken(unit, chat.id)
    assert await family.count(tables.outbox) == 0 or "Iryna" not in str([letter.content for letter in family.letters[-1:]])


async def test_somebody_new_on_a_shared_phone_is_asked_age_and_consent_of_their_own(family):
    await family.add("Olena")
    await family.command(1, "family")
    await family.press(1, "add")
    await family.text(1, "Iryna, who has not agreed")
    assert (await family.chat(1)).person_id is None
    assert await family.count(tables.people) == 1
    assert "join.age" in [part[0] for part in family.letters[-1].content["parts"]]


async def test_a_code_made_for_one_profile_never_opens_another(family):
    await family.add("Olena")
    code = await family.door_code(1)
    olena = await family.person(1)
    await family.add("Iryna")  # who speaks when the code is used
    await family.command(2, "start")
    await family.press(2, "en")
    await family.connect(2, code)
    assert (await family.person(2)).id == olena.id


async def test_codes_are_forgotten_when_their_time_is_over(town, store):
    await town.found(1)
    await town.code_of(1)
    before = store.clock
    store.clock = lambda: before() + timedelta(days=8)
    async with store.begin() as unit:
        await codes.forget_old(unit)
    assert await town.count(tables.codes) == 0
