"""Signing up: two taps, never oversold, an honest waiting list; the link comes in time, and to nobody else."""

from __future__ import annotations

import pytest
from fair import LINK, Fair

from bot.messages import Kind
from storage import tables


@pytest.fixture
def fair(store, clock, scripts, words, programme):
    return Fair(store, clock, scripts, words, programme)


async def test_two_taps_lead_from_the_list_to_a_seat(fair):
    event = await fair.event(title="Round table for newcomers", capacity=20, place="Invented Hall, Rostock")
    await fair.arrive(1)
    await fair.sign_up(1, await fair.event(title="Another one", days=12))  # the consent is asked once
    since = len(fair.letters)
    await fair.command(1, "events")
    await fair.press(1, event.code)
    assert "event.card" in fair.ids(1, since)
    await fair.command(1, "signup", event.code)
    assert (await fair.states(event)) == {1: "confirmed"}
    letter = next(each for each in fair.words_to(1, since) if each.document)
    assert letter.document[0] == f"{event.code}.ics"
    assert letter.picture.startswith("ticket/")


async def test_who_comes_for_an_event_needs_no_profile(fair):
    event = await fair.event(capacity=2)
    await fair.arrive(1)
    await fair.sign_up(1, event)
    person = await fair.person(1)
    assert {row.purpose for row in person.consents} == {"event"}
    assert not person.answers
    assert (await fair.states(event)) == {1: "confirmed"}


async def test_without_the_consent_nothing_is_kept(fair):
    event = await fair.event(capacity=2)
    await fair.arrive(1)
    await fair.command(1, "signup", event.code)
    await fair.press(1, "yes")
    assert "signup.agree" in fair.ids(1)[-2:]
    await fair.press(1, "no")
    assert await fair.count(tables.registrations) == 0
    assert await fair.person(1) is None


async def test_the_poster_of_an_event_leads_to_its_card_and_says_first_who_we_are(fair):
    event = await fair.event()
    await fair.command(1, "start", f"event_{event.code}_l-de")
    assert "welcome.hello" in fair.ids(1)
    await fair.press(1, "de")
    assert "event.card" in fair.ids(1)
    assert "join.age" not in fair.ids(1), "and nobody is asked about themselves"


async def test_a_full_event_has_a_waiting_list_with_honest_places(fair):
    event = await fair.event(capacity=1)
    for who in (1, 2, 3):
        await fair.arrive(who)
        await fair.sign_up(who, event)
    assert await fair.states(event) == {1: "confirmed", 2: "waiting", 3: "waiting"}
    assert "number 1" in fair.read(2)
    assert "number 2" in fair.read(3)
    await fair.command(2, "cantcome", event.code)
    await fair.command(3, "event", event.code)
    assert "number 1 " in fair.words_to(3)[-2].text


async def test_a_seat_that_is_given_back_is_offered_to_whoever_waits_first_and_held(fair):
    event = await fair.event(capacity=1)
    for who in (1, 2, 3):
        await fair.arrive(who)
        await fair.sign_up(who, event)
    since = len(fair.letters)
    await fair.command(1, "cantcome", event.code)
    assert await fair.states(event) == {1: "cancelled", 2: "offered", 3: "waiting"}
    assert "event.offer" in fair.ids(2, since)
    await fair.arrive(4)
    await fair.sign_up(4, event)
    assert (await fair.states(event))[4] == "waiting", "the seat is held for the second"
    await fair.command(2, "takeplace", event.code)
    assert (await fair.states(event))[2] == "confirmed"
    assert "waiting list" not in fair.read(2, since), "a confirmed person reads nothing of a waiting list"


async def test_an_offer_ends_by_itself_and_the_next_one_has_it(fair):
    event = await fair.event(days=20, capacity=1, offer_hours=4)
    for who in (1, 2, 3):
        await fair.arrive(who)
        await fair.sign_up(who, event)
    await fair.command(1, "cantcome", event.code)
    heard = await fair.pass_(hours=4, minutes=1)
    assert [(who, ids) for _, who, ids in heard] == [(3, ["event.offer", "event.you-may"]), (2, ["event.expired"])]
    assert await fair.states(event) == {1: "cancelled", 2: "expired", 3: "offered"}
    await fair.command(2, "takeplace", event.code)
    assert "event.too-late" in fair.ids(2)
    await fair.command(2, "signup", event.code)
    assert (await fair.states(event))[2] == "waiting", "who asks again waits again"


async def test_who_declined_is_not_offered_again_unless_they_ask(fair):
    event = await fair.event(days=20, capacity=1)
    for who in (1, 2):
        await fair.arrive(who)
        await fair.sign_up(who, event)
    await fair.command(1, "cantcome", event.code)
    await fair.command(2, "cantcome", event.code)
    assert await fair.states(event) == {1: "cancelled", 2: "cancelled"}
    await fair.pass_(hours=30)
    assert await fair.states(event) == {1: "cancelled", 2: "cancelled"}


async def test_reminders_come_and_never_at_night(fair):
    event = await fair.event(days=10, hours=2, begins=fair.in_days(10, hour=8, minute=30))
    await fair.arrive(1)
    await fair.sign_up(1, event)
    heard = await fair.pass_(days=11)
    when = [(at, ids[0]) for at, who, ids in heard]
    berlin = [(at.astimezone(fair.programme.timezone).strftime("%d %H:%M"), name) for at, name in when]
    assert berlin == [
        ("24 08:30", "event.reminder"),
        ("30 08:30", "event.reminder"),
        ("30 20:30", "event.reminder"),
        ("01 11:30", "event.how-was-it"),
    ]


async def test_the_link_goes_to_confirmed_people_alone_and_to_late_ones_at_once(fair):
    event = await fair.event(days=10, capacity=1, link=LINK, link_days=2)
    for who in (1, 2):
        await fair.arrive(who)
        await fair.sign_up(who, event)
    assert LINK not in fair.read(1)
    await fair.pass_(days=9)
    assert LINK in fair.read(1)
    await fair.command(2, "events")
    await fair.press(2, event.code)
    assert LINK not in fair.read(2)
    await fair.command(1, "cantcome", event.code)
    assert LINK not in fair.read(2)
    since = len(fair.letters)
    await fair.command(2, "takeplace", event.code)
    assert LINK in fair.read(2, since)
    since = len(fair.letters)
    await fair.command(1, "event", event.code)
    assert LINK not in fair.read(1, since)


async def test_a_forgotten_person_frees_their_seat(fair):
    event = await fair.event(days=20, capacity=1)
    for who in (1, 2):
        await fair.arrive(who)
        await fair.sign_up(who, event)
    await fair.command(1, "forget")
    await fair.press(1, "yes")
    heard = await fair.tick()
    assert (2, ["event.offer", "event.you-may"]) in heard
    assert (await fair.now(event)).taken == 1


async def test_taking_the_consent_back_erases_the_registrations(fair):
    event = await fair.event(days=20, capacity=1)
    await fair.arrive(1)
    await fair.sign_up(1, event)
    await fair.command(1, "stop")
    await fair.press(1, "event")
    assert await fair.count(tables.registrations) == 0


async def test_after_the_time_for_reports_nobody_knows_who_it_was(fair):
    event = await fair.event(days=5)
    await fair.arrive(1)
    await fair.sign_up(1, event)
    await fair.pass_(days=5 + 31)
    (row,) = await fair.all_of(event)
    assert (row.person_id, row.chat_id, row.content, row.state) == (None, None, {}, "confirmed")


async def test_two_in_one_batch_are_served_in_their_order(fair):
    event = await fair.event(capacity=1)
    for who in (1, 2, 3):
        await fair.arrive(who)
        await fair.sign_up(who, await fair.event(days=12))
    await fair.intake.handle([fair.update(who, Kind.COMMAND, "signup", argument=event.code) for who in (2, 1, 3)])
    assert await fair.states(event) == {2: "confirmed", 1: "waiting", 3: "waiting"}


async def test_an_old_button_of_an_event_that_is_gone_says_so(fair):
    await fair.arrive(1)
    for name in ("signup", "cantcome", "takeplace", "coming", "event", "feedback"):
        since = len(fair.letters)
        await fair.command(1, name, "k7m2qx")
        assert fair.ids(1, since)[0] == "event.none", name
    assert await fair.count(tables.registrations) == 0


async def test_a_button_of_somebody_elses_event_changes_nothing(fair):
    event = await fair.event(capacity=1)
    for who in (1, 2):
        await fair.arrive(who)
    await fair.sign_up(1, event)
    await fair.command(2, "cantcome", event.code)
    await fair.command(2, "takeplace", event.code)
    assert await fair.states(event) == {1: "confirmed"}


async def test_feedback_takes_two_taps_and_a_sentence(fair):
    event = await fair.event(days=5)
    await fair.arrive(1)
    await fair.sign_up(1, event)
    await fair.pass_(days=6)
    await fair.command(1, "feedback", event.code)
    await fair.press(1, "yes")
    await fair.press(1, "r5")
    await fair.text(1, "It was very good.")
    (row,) = await fair.all_of(event)
    assert (row.was_there, row.rating, row.content["words"]) == (True, 5, "It was very good.")


async def test_the_code_that_is_said_aloud_notes_who_is_there(fair):
    event = await fair.event(days=5, link=LINK, spoken="0042")
    await fair.arrive(1)
    await fair.sign_up(1, event)
    spoken = (await fair.now(event)).spoken
    await fair.command(1, "here", spoken)
    assert "here.wrong" in fair.ids(1), "it has not begun"
    await fair.pass_(days=5, hours=2)
    await fair.command(1, "here", spoken)
    assert "here.noted" in fair.ids(1)
    assert (await fair.all_of(event))[0].attended_at
