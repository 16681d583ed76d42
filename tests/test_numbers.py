"""`/numbers`: right, and never so few that a number points at somebody."""

from __future__ import annotations

from collections import Counter
from itertools import combinations_with_replacement, pairwise, permutations
from uuid import uuid4

import pytest
from conftest import CANARIES
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, update
from test_intake import World

from bot.letters import word
from storage import numbers, staff, tables
from storage.numbers import FEW, Row, guarded, stepped, table

# ---- hiding -------------------------------------------------------------------------------------------------------


def test_a_cell_under_five_takes_the_next_smallest_along():
    assert guarded({"a": 40, "b": 17, "c": 9, "d": 3}) == {"a": 40, "b": 17, "c": None, "d": None}


def test_two_cells_that_are_one_each_take_a_third_along():
    assert guarded({"a": 40, "b": 9, "c": 1, "d": 1}) == {"a": 40, "b": None, "c": None, "d": None}


def test_nothing_is_hidden_where_nothing_is_few():
    assert guarded({"a": 5, "b": 6, "c": 0}) == {"a": 5, "b": 6, "c": 0}


@pytest.mark.parametrize("cells", [{"a": 3}, {"a": 1, "b": 3}, {"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}])
def test_where_hiding_does_not_help_there_is_no_table(cells):
    assert guarded(cells) == {}


def possible(hidden, total, largest):
    """All that hidden cells may be: one at least, no larger than what is shown, one of them few, together the total."""
    found = set()
    for values in combinations_with_replacement(range(1, min(total, largest) + 1), hidden):
        if sum(values) == total and min(values) < FEW:
            found.update(permutations(values))
    return found


@settings(max_examples=400, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=5))
def test_no_hidden_cell_can_be_worked_out_from_those_shown_and_the_total(values):
    cells = {f"cell-{number}": value for number, value in enumerate(values)}
    shown = guarded(cells)
    if not shown:
        assert sum(values) < FEW or len(values) == 1 or sum(values) == len(values)
        return
    assert all(number is None or number >= FEW for number in shown.values())
    assert {name: number for name, number in shown.items() if number is not None}.items() <= cells.items()
    hidden = [name for name, number in shown.items() if number is None]
    if hidden:
        visible = [number for number in shown.values() if number is not None]
        solutions = possible(len(hidden), sum(values) - sum(visible), min(visible, default=10**6))
        assert tuple(cells[name] for name in hidden) in solutions, "the control: the truth is one of them"
        for at in range(len(hidden)):
            assert len({solution[at] for solution in solutions}) > 1


def test_the_control_a_table_that_hides_only_what_is_few_is_worked_out():
    assert len(possible(1, 3, 9)) == 1
    assert len(possible(2, 2, 9)) == 1


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 14), st.integers(0, 14)).map(lambda pair: (pair[0], min(pair))), min_size=1, max_size=4))
def test_no_part_that_is_hidden_can_be_worked_out_either(pairs):
    """Of every row: how many there are, how many of them finished, and the totals of both are known."""
    rows = {f"row-{number}": pair for number, pair in enumerate(pairs)}
    shown = table(rows)
    for name, row in shown.items():
        there, done = rows[name]
        assert row.there in {None, there}
        if row.finished is not None:
            assert row.there is not None
            assert not 0 < done < FEW
            assert not 0 < there - done < FEW
    hidden = [name for name, row in shown.items() if row.finished is None]
    total = sum(done for _, done in pairs)
    few = 0 < total < FEW or 0 < sum(there for there, _ in pairs) - total < FEW
    if not hidden or len(hidden) == len(rows) or few or not shown:
        return  # all of it hidden tells no more than the totals do
    wholes, done = [rows[name][0] for name in hidden], sum(rows[name][1] for name in hidden)
    for at, whole in enumerate(wholes):
        least, most = max(0, done - (sum(wholes) - whole)), min(whole, done)
        assert most > least


@settings(max_examples=400, deadline=None)
@given(st.lists(st.integers(0, 15), min_size=1, max_size=4), st.integers(0, 15))
def test_numbers_that_hold_each_other_give_no_few_away_by_their_differences(steps, rest):
    chain = [sum(steps[: at + 1]) for at in range(len(steps))]
    total = chain[-1] + rest
    shown = stepped(chain, total)
    known = [0, *(number for number in shown if number is not None)]
    assert not any(0 < later - earlier < FEW for earlier, later in pairwise(known))
    if len(known) > 1:
        assert not 0 < total - known[-1] < FEW
    assert all(number in {None, true} for number, true in zip(shown, chain, strict=True))


# ---- counting -----------------------------------------------------------------------------------------------------


class Population:
    """People by the dozen, written straight into the tables."""

    def __init__(self, store):
        self.store, self.serial = store, 1000

    async def add(self, count, *, role="", language="en", region="", finished=False, stands_at="", person=True, staff_id=None, silent=0):
        async with self.store.begin() as unit:
            heard = unit.now - numbers.SPANS[0] * silent
            for _ in range(count):
                self.serial += 1
                person_id = uuid4() if person else None
                if person:
                    row = {"id": person_id, "number": self.serial, "created_at": heard, "heard_at": heard, "finished_at": heard if finished else None}
                    await unit.connection.execute(insert(tables.people).values(row))
                    facets = [{"person_id": person_id, "name": name, "value": value} for name, value in (("role", role), ("region", region)) if value]
                    if facets:
                        await unit.connection.execute(insert(tables.facets), facets)
                row = {
                    "channel": "telegram",
                    "address_key": str(self.serial).encode(),
                    "address": b"x",
                    "language": language,
                    "person_id": person_id,
                    "turn": 3,
                }
                row |= {"created_at": heard, "heard_at": heard, "stands_at": stands_at, "staff_id": staff_id}
                await unit.connection.execute(insert(tables.chats).values(row))

    async def read(self):
        async with self.store.read() as unit:
            return await numbers.read(unit)


@pytest.fixture
def population(store):
    return Population(store)


async def test_the_funnel_counts_everybody_once(population):
    await population.add(20, role="newcomer", language="uk", region="DE80K", finished=True)
    await population.add(10, role="newcomer", language="uk", region="DE80K", stands_at="newcomer.town", silent=3)
    await population.add(8, role="business", language="de", region="DE80L", finished=True, silent=10)
    await population.add(7, role="business", language="de", stands_at="business.sector", silent=40)
    await population.add(6, person=False, language="ar", stands_at="join.age", silent=2)
    found = await population.read()
    assert (found.begun, found.agreed, found.finished) == (51, 45, 28)
    assert found.roles == {"newcomer": Row(30, 20), "business": Row(15, 8)}
    assert found.languages == {"uk": Row(30, 20), "de": Row(15, 8), "ar": Row(6, 0)}
    assert found.regions == {"DE80K": Row(30, 20), "DE80L": Row(8, 8), "": Row(7, 0)}
    assert found.stops == {"newcomer.town": 10, "business.sector": 7, "join.age": 6}
    assert found.heard == (20, 30, 38)
    assert found.calls == 0


async def test_somebody_with_two_chats_is_one_person_in_the_language_they_used_last(population):
    await population.add(6, language="uk")
    async with population.store.begin() as unit:
        people = (await unit.connection.execute(tables.people.select())).all()
        for person in people:
            row = {"channel": "web", "address_key": person.id.bytes, "address": b"x", "language": "de", "person_id": person.id, "turn": 1}
            row |= {"created_at": unit.now, "heard_at": unit.now + numbers.SPANS[0], "stands_at": ""}
            await unit.connection.execute(insert(tables.chats).values(row))
    found = await population.read()
    assert (found.begun, found.agreed) == (6, 6)
    assert found.languages == {"de": Row(6, 0)}


async def test_staff_and_groups_do_not_count(population):
    await population.add(9, role="newcomer", finished=True)
    async with population.store.begin() as unit:
        helper = await staff.add(unit, CANARIES["name"], "viewer")
    await population.add(3, role="newcomer", stands_at="newcomer.town", silent=2, staff_id=helper.id)
    await population.add(3, person=False, staff_id=helper.id)
    await population.add(2, person=False)
    async with population.store.begin() as unit:
        await unit.connection.execute(update(tables.chats).where(tables.chats.c.person_id.is_(None)).values(turn=1))
    found = await population.read()
    assert (found.begun, found.agreed, found.finished) == (9, 9, 9)
    assert found.roles == {"newcomer": Row(9, 9)}


async def test_few_are_hidden_everywhere(population):
    await population.add(3, role="newcomer", language="uk", finished=True, stands_at="newcomer.town", silent=2)
    found = await population.read()
    assert (found.begun, found.agreed, found.finished, found.calls) == (None, None, None, 0)
    assert (found.roles, found.languages, found.regions, found.stops) == ({}, {}, {}, {})
    assert all(number in {None, 0} for number in found.heard)
    await population.add(40, role="newcomer", language="de", finished=True)
    found = await population.read()
    assert (found.begun, found.agreed, found.finished) == (43, 43, 43)
    assert found.languages == {"de": Row(None, None), "uk": Row(None, None)}


async def test_a_few_who_said_no_are_not_told_by_the_sum_of_the_others(population):
    await population.add(40, role="newcomer", finished=True)
    await population.add(2, person=False, stands_at="join.age")
    found = await population.read()
    assert (found.begun, found.agreed, found.finished) == (42, None, None)
    assert found.roles == {}
    assert found.heard == (None, None, None)


async def test_an_empty_house_has_numbers_too(population):
    found = await population.read()
    assert (found.begun, found.agreed, found.finished, found.heard, found.calls) == (0, 0, 0, (0, 0, 0), 0)


# ---- saying -------------------------------------------------------------------------------------------------------


@pytest.fixture
def world(store, scripts, words, programme):
    return World(store, scripts, words, programme)


async def be_staff(world, who, rank="viewer"):
    await world.command(who, "start")
    await world.press(who, "en")
    chat = await world.chat(who)
    async with world.store.begin() as unit:
        helper = await staff.add(unit, CANARIES["name"], rank)
        await unit.connection.execute(update(tables.chats).where(tables.chats.c.id == chat.id).values(staff_id=helper.id))


async def test_numbers_are_for_staff(world):
    await world.onboard(1)
    await world.command(1, "numbers")
    assert "numbers.all" not in [part[0] for part in world.letters[-1].content["parts"]]
    await be_staff(world, 2)
    await world.command(2, "numbers")
    assert any(part[0] == "numbers.all" for letter in world.letters for part in letter.content["parts"])


async def test_numbers_hold_no_names_and_no_words_of_anybody(world, words):
    for who in range(1, 8):
        await world.onboard(who)
        await world.text(who, CANARIES["name"])
        await world.text(who, CANARIES["text"])
    async with world.store.begin() as unit:
        await unit.connection.execute(update(tables.chats).values(heard_at=unit.now - numbers.SPANS[1]))
    await be_staff(world, 99)
    await world.command(99, "numbers")
    letter = next(letter for letter in world.letters if any(part[0] == "numbers.all" for part in letter.content["parts"]))
    said = Counter()
    for language in words.languages:
        text = word(type(letter)(**{**{name: getattr(letter, name) for name in letter.__slots__}, "language": language}), words).text
        assert not any(each in text for each in CANARIES.values())
        assert "{" not in text
        assert words.tr("numbers.stops", language) in text
        assert words.tr("newcomer.languages.short", language) in text, "the question is called as people know it"
        assert words.tr("join.role.newcomer", language) in text
        said[text] += 1
    assert len(said) == len(words.languages)
