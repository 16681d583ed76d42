"""Events, for the staff: a dialog makes one, publishes, moves, calls it off; whoever it concerns is told once; nobody is dropped in silence."""

from __future__ import annotations

import io

import pytest
from fair import LINK, Fair
from openpyxl import load_workbook

from storage import events


@pytest.fixture
def fair(store, clock, scripts, words, programme):
    return Fair(store, clock, scripts, words, programme)


async def make(fair, who, *, when="18 March 2027 13:00-15:15", title="Meeting one", place="online", link=LINK, seats="20", like="new"):
    """Through the dialog; the new event."""
    await fair.command(who, "newevent")
    await fair.press(who, "new")
    await fair.text(who, title)
    await fair.text(who, "We talk about working together.")
    await fair.press(who, "en")
    await fair.text(who, when)
    await (fair.press(who, "online") if place == "online" else fair.text(who, place))
    if place == "online":
        await fair.text(who, link)
    await fair.text(who, seats)
    await fair.press(who, ".done")
    await fair.press(who, ".done")
    async with fair.store.read() as unit:
        return max(await events.newest(unit, 100), key=lambda event: event.created_at)


async def full(fair, event, people):
    for who in people:
        await fair.arrive(who)
        await fair.sign_up(who, event)


async def test_a_dialog_makes_a_draft_and_reads_the_day_back_with_its_weekday(fair):
    await fair.hire(100, "coordinator")
    since = len(fair.letters)
    event = await make(fair, 100)
    assert "Thursday, March 18, 13:00" in fair.read(100, since)
    assert (event.state, event.begins.isoformat(), event.ends.isoformat(), event.zone) == (
        "draft",
        "2027-03-18T13:00:00",
        "2027-03-18T15:15:00",
        "Europe/Berlin",
    )
    assert (event.capacity, event.link, event.place) == (20, LINK, "")
    await fair.arrive(1)
    await fair.command(1, "event", event.code)
    assert "event.none" in fair.ids(1), "nobody sees a draft"
    await fair.command(100, "publish", event.code)
    assert "manage.published" in fair.ids(100)
    await fair.command(1, "event", event.code)
    assert "event.card" in fair.ids(1)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("18 March 2027 15:00-13:00", "common.span-end-before-start"),
        ("18 March 2020 13:00-15:00", "common.span-past"),
        ("31 February 2027 13:00-15:00", "common.span-no-such-day"),
        ("Monday 18 March 2027 13:00-15:00", "common.span-wrong-weekday"),
        ("next week perhaps", None),
    ],
)
async def test_a_day_that_can_not_be_is_refused_in_one_sentence(fair, typed, sentence):
    await fair.hire(100, "coordinator")
    await fair.command(100, "newevent")
    await fair.press(100, "new")
    await fair.text(100, "T")
    await fair.text(100, "A")
    await fair.press(100, "en")
    since = len(fair.letters)
    await fair.text(100, typed)
    said = fair.ids(100, since)
    assert said[0].startswith("common.span-")
    assert sentence in {None, said[0]}
    assert "newevent.when" in said


async def test_a_viewer_makes_and_changes_nothing(fair):
    event = await fair.event()
    await fair.hire(100, "viewer")
    for name in ("newevent", "publish", "change", "wording", "guests", "tell", "sheet", "calloff", "drop"):
        since = len(fair.letters)
        await fair.command(100, name, event.code)
        assert fair.ids(100, since)[0] == "common.unknown-command", name
    assert await fair.now(event) == event or (await fair.now(event)).state == "published"


async def test_a_moved_event_tells_everybody_once_and_asks_whether_they_come(fair):
    event = await fair.event(capacity=1)
    await full(fair, event, (1, 2))
    await fair.hire(100, "coordinator")
    since = len(fair.letters)
    await fair.command(100, "change", event.code)
    await fair.press(100, "when")
    await fair.text(100, "5 December 2026 10:00-12:00")
    assert not fair.ids(1, since), "before that it is asked once more"
    await fair.press(100, "yes")
    assert [each for each in fair.ids(1, since) if each.startswith("event.")] == ["event.moved", "event.do-you-come"]
    assert [each for each in fair.ids(2, since) if each.startswith("event.")] == ["event.moved"]
    assert "waiting list" not in fair.read(1, since)
    assert (await fair.now(event)).sequence == 1
    await fair.command(1, "coming", event.code)
    assert next(row for row in await fair.all_of(event) if row.state == "confirmed").still_at


async def test_a_called_off_event_tells_everybody_at_once_and_reminds_nobody(fair):
    event = await fair.event(capacity=1)
    await full(fair, event, (1, 2))
    await fair.hire(100, "coordinator")
    since = len(fair.letters)
    await fair.command(100, "calloff", event.code)
    await fair.press(100, "yes")
    assert "event.cancelled-now" in fair.ids(1, since)
    assert "event.cancelled-now" in fair.ids(2, since)
    assert await fair.pass_(days=12) == []


async def test_fewer_places_than_people_drops_nobody(fair):
    event = await fair.event(capacity=3)
    await full(fair, event, (1, 2, 3, 4))
    await fair.hire(100, "coordinator")
    await fair.command(100, "change", event.code)
    await fair.press(100, "seats")
    await fair.text(100, "2")
    assert "manage.too-many" in fair.ids(100)
    assert (await fair.now(event)).capacity == 3
    await fair.press(100, "no-more")
    assert (await fair.now(event)).capacity == 3
    assert sorted((await fair.states(event)).values()) == ["confirmed", "confirmed", "confirmed", "waiting"]


async def test_more_places_are_offered_at_once(fair):
    event = await fair.event(capacity=1)
    await full(fair, event, (1, 2, 3))
    await fair.hire(100, "coordinator")
    since = len(fair.letters)
    await fair.command(100, "change", event.code)
    await fair.press(100, "seats")
    await fair.text(100, "2")
    assert "event.offer" in fair.ids(2, since)
    assert await fair.states(event) == {1: "confirmed", 2: "offered", 3: "waiting"}


async def test_a_series_shares_its_texts_but_each_date_has_its_own_sign_up(fair):
    await fair.hire(100, "coordinator")
    first = await make(fair, 100)
    await fair.command(100, "newevent")
    await fair.press(100, "series")
    await fair.press(100, first.code)
    await fair.text(100, "25 March 2027 13:00-15:15")
    async with fair.store.read() as unit:
        one, two = sorted(await events.newest(unit, 10), key=lambda event: event.starts_at)
    assert one.texts == two.texts
    assert one.code != two.code
    for event in (one, two):
        await fair.command(100, "publish", event.code)
    await fair.command(100, "wording", one.code)
    await fair.press(100, "uk")
    await fair.text(100, "Зустріч")
    await fair.text(100, "Ми говоримо про співпрацю.")
    await fair.arrive(1, "uk")
    await fair.command(1, "event", two.code)
    assert "Ми говоримо про співпрацю." in fair.read(1)


async def test_a_new_original_makes_the_other_texts_old(fair):
    event = await fair.event()
    await fair.hire(100, "coordinator")
    for language, title in (("de", "Runder Tisch"), ("en", "Round table, new")):
        await fair.command(100, "wording", event.code)
        await fair.press(100, language)
        await fair.text(100, title)
        await fair.text(100, f"About: {title}")
    await fair.command(100, "manage", event.code)
    assert "manage.outdated" in fair.ids(100)
    await fair.arrive(1, "de")
    await fair.command(1, "event", event.code)
    assert "Round table, new" in fair.read(1), "what is old is not shown as if it were true"


async def test_a_new_link_reaches_those_who_had_the_old_one(fair):
    event = await fair.event(days=3, link=LINK, link_days=1)
    await full(fair, event, (1,))
    await fair.pass_(days=2, hours=12)
    await fair.hire(100, "coordinator")
    since = len(fair.letters)
    await fair.command(100, "change", event.code)
    await fair.press(100, "link")
    await fair.text(100, "https://meet.frontdoor.example/another")
    assert "event.link-changed" in fair.ids(1, since)
    assert "https://meet.frontdoor.example/another" in fair.read(1, since)


async def test_enough_wishes_for_an_interpreter_are_told_to_staff_and_then_to_those_who_wished(fair):
    helper = await fair.hire(100, "coordinator")
    event = await fair.event(asks=("interpreter",), threshold=2, staff_id=helper.id)
    since = len(fair.letters)
    for who in (1, 2, 3):
        await fair.arrive(who, "uk")
        await fair.sign_up(who, event)
        await fair.press(who, "yes")
    assert fair.ids(100, since).count("manage.interpreter-needed") == 1
    since = len(fair.letters)
    await fair.command(100, "change", event.code)
    await fair.press(100, "interpretation")
    await fair.press(100, "uk")
    await fair.press(100, ".done")
    assert [fair.ids(who, since).count("event.interpreter-comes") for who in (1, 2, 3)] == [1, 1, 1]


async def test_a_message_goes_to_whom_it_is_meant_for_and_never_carries_the_link_to_others(fair):
    event = await fair.event(capacity=1, link=LINK)
    await full(fair, event, (1, 2))
    await fair.hire(100, "coordinator")
    for whom, text, reach in (("confirmed", "Bring a pen.", [1, 0]), ("everybody", f"Join: {LINK}", [0, 0]), ("waiting", "Please be patient.", [0, 1])):
        since = len(fair.letters)
        await fair.command(100, "tell", event.code)
        await fair.press(100, whom)
        await fair.text(100, text)
        await fair.press(100, "yes")
        assert [fair.ids(who, since).count("event.message") for who in (1, 2)] == reach, whom


async def test_staff_find_add_and_take_off_somebody_who_is_told(fair):
    event = await fair.event(capacity=5, asks=("name",))
    await fair.hire(100, "coordinator")
    await fair.arrive(1)
    await fair.sign_up(1, event)
    await fair.text(1, "Nobody Invented")
    number = (await fair.person(1)).number
    await fair.command(100, "guests", event.code)
    await fair.press(100, "search")
    await fair.text(100, "invented")
    assert "Nobody Invented" in fair.read(100)
    await fair.command(100, "guests", event.code)
    await fair.press(100, "remove")
    await fair.text(100, str(number))
    await fair.press(100, "yes")
    assert "event.was-removed" in fair.ids(1)
    await fair.command(100, "guests", event.code)
    await fair.press(100, "add")
    await fair.text(100, str(number))
    assert "event.was-added" in fair.ids(1)
    assert await fair.states(event) == {1: "confirmed"}


async def test_a_ticket_is_scanned_once_and_for_its_own_event(fair):
    event = await fair.event(days=2, place="Invented Hall", asks=())
    await full(fair, event, (1,))
    ticket = next(each.picture for each in fair.words_to(1) if each.picture).removeprefix("ticket/")
    await fair.hire(100, "viewer")
    await fair.command(100, "start", f"checkin_{ticket}")
    assert fair.ids(100)[-2] != "checkin.welcome"
    assert "checkin.another-day" in fair.ids(100)
    await fair.pass_(days=2)
    for sentence in ("checkin.welcome", "checkin.again"):
        since = len(fair.letters)
        await fair.command(100, "start", f"checkin_{ticket}")
        assert fair.ids(100, since)[0] == sentence
    forged = ticket[:-1] + ("0" if ticket[-1] != "0" else "1")
    since = len(fair.letters)
    await fair.command(100, "start", f"checkin_{forged}")
    assert fair.ids(100, since)[0] == "checkin.none"
    await fair.command(1, "start", f"checkin_{ticket}")
    assert "checkin.welcome" not in fair.ids(1), "only staff check somebody in"


async def test_a_sheet_has_everybody_and_no_formula(fair):
    event = await fair.event(capacity=5, asks=("name",))
    await fair.arrive(1)
    await fair.sign_up(1, event)
    await fair.text(1, "=1+1 Invented")
    await fair.hire(100, "coordinator")
    for paper in ("attendance", "badges", "table"):
        await fair.command(100, "sheet", event.code)
        await fair.press(100, paper)
        (book, content), (name, text) = [each.document for each in fair.words_to(100) if each.document][-2:]
        assert (book, name) == (f"{event.code}-{paper}.xlsx", f"{event.code}-{paper}.csv")
        assert "'=1+1 Invented" in text
        cells = [cell for row in load_workbook(io.BytesIO(content)).active.iter_rows() for cell in row]
        assert any(cell.value == "=1+1 Invented" and cell.data_type == "s" for cell in cells), "words, and no formula"


async def test_a_report_hides_what_is_less_than_five(fair):
    event = await fair.event(days=2)
    await full(fair, event, range(1, 7))
    await fair.hire(100, "viewer")
    await fair.pass_(days=3)
    await fair.command(100, "report")
    await fair.text(100, "1.11.2026")
    await fair.text(100, "31.12.2026")
    said = {part[1]["name"]["say"]: part[1]["answer"] for part in fair.said(100) if part[0] == "common.line" and "say" in str(part[1]["name"])}
    assert said["report.signups"] == 6
    assert said["report.people"] == 6
    assert said["report.attended"] == 0
