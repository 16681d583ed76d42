"""What stands on a poster, and what it brings along."""

from __future__ import annotations

import re

import pytest
from doors import Browser, Web
from sqlalchemy import select

from bot.app import House
from bot.check import check
from bot.errors import FrontdoorError
from bot.links import draw, links_of, payload_of
from bot.settings import Programme, Settings
from bot.sources import SOURCES
from dialogs.nouns import Answer, Command, Consent, Known, Need, Press, State
from dialogs.turn import take_turn
from storage import tables
from storage.people import get

WHO = {"name": "Example", "controller": "Example e.V.", "contact": "Example, 0381 000000", "privacy": "privacy@frontdoor.example"}


def programme_with(**more):
    return Programme.model_validate({**WHO, **more})


def test_a_link_says_who_comes_from_where_and_in_which_language():
    programme = programme_with(languages="en de fa_AF")
    assert payload_of(programme, "sme", "hanse-2027", "de") == "sme_c-hanse-2027_l-de"
    assert payload_of(programme, "newcomer", language="fa_AF") == "newcomer_l-fa-AF"
    assert programme.brought("sme_c-hanse-2027_l-de") == {"join.role": "business", "join.campaign": "hanse-2027"}
    assert programme.brought("newcomer_l-fa-AF") == {"join.role": "newcomer"}


@pytest.mark.parametrize("payload", ["", "_", "x", "sme-", "c-hanse", "x_c-", "x_c-GROSS", "x_c-" + "a" * 31, "x_c-<b>", "event_7", "_c-"])
def test_what_a_link_of_somebody_else_says_brings_nothing(payload):
    assert programme_with().brought(payload) == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("baker",), "newcomer, sme, partner"),
        (("sme", "Hanse Sail"), "a-z 0-9"),
        (("sme", "a" * 31), "30"),
        (("sme", "", "xx"), "en, de, ar, uk"),
    ],
)
def test_a_link_that_can_not_be_is_refused_with_a_sentence(arguments, words):
    with pytest.raises(FrontdoorError, match=words):
        payload_of(programme_with(), *arguments)


def test_a_link_that_telegram_would_cut_is_refused():
    programme = programme_with(entrances={"a-very-long-entrance": {}, "x" * 20: {}}, languages="en fa_AF")
    assert len(payload_of(programme, "a-very-long-entrance", "c" * 30, "fa_AF")) == 61
    with pytest.raises(FrontdoorError, match="no door"):
        links_of("sme", "", "")
    with pytest.raises(FrontdoorError, match="no name"):
        links_of("sme", "not a bot!", "")


def test_each_door_has_its_link_and_its_picture(tmp_path):
    links = links_of("sme_c-hanse", "example_bot", "https://bot.frontdoor.example")
    assert links == {"telegram": "https://t.me/example_bot?start=sme_c-hanse", "web": "https://bot.frontdoor.example/chat?start=sme_c-hanse"}
    picture = draw(links["telegram"], tmp_path / "new" / "sme.svg").read_text()
    assert re.match(r"<svg .*<title>https://t.me/example_bot\?start=sme_c-hanse</title>", picture)
    (tmp_path / "file").touch()
    with pytest.raises(FrontdoorError, match="can't be written"):
        draw(links["web"], tmp_path / "file" / "sme.svg")


def test_an_entrance_that_brings_no_answer_of_the_scripts_is_found(scripts, words):
    assert check(scripts, words, {"sme": {"join.role": "business"}}) == []
    for brought in ({"join.role": "baker"}, {"join.rolle": "business"}, {"newcomer.town": "Rostock"}):
        assert "the entrance sme" in check(scripts, words, {"sme": brought})[0]


# ---- what happens to it ----

ROLE, CAMPAIGN = {"join.role": "business"}, {"join.campaign": "hanse"}
AGREED = {"profile": Consent(1, given=True), "announcements": Consent(1, given=False)}


def begin(scripts, brought, known=None):
    """Somebody who is old enough follows a link."""
    state = State("en", passed=("join.age",))
    return take_turn(scripts, state, known or Known(facts={"channel": "web", "webchat": ""}), Command("start", "", brought), LISTS)


LISTS = {Need(name): source(("en", "de")) for name, source in SOURCES.items()}


def test_what_a_link_brings_is_no_answer_before_the_consent(scripts):
    turn = begin(scripts, ROLE | CAMPAIGN)
    assert turn.answered == {}
    assert State.from_json(turn.state.to_json()).brought == ROLE | CAMPAIGN


def walk(scripts, turn, known, *codes):
    said = []
    for code in codes:
        consents = {each.purpose: Consent(each.version, each.verdict == "given") for each in turn.decided}
        known = Known({**known.answers, **turn.answered}, {**known.consents, **consents}, known.facts)
        turn = take_turn(scripts, turn.state, known, Press(turn.state.frames[-1].prompt, code), LISTS)
        said = [part.id for message in turn.said for part in message.parts]
    return turn, said


def test_after_the_consent_it_is_an_answer_and_the_question_is_not_asked(scripts):
    known = Known(facts={"channel": "web", "webchat": ""})
    turn, said = walk(scripts, begin(scripts, ROLE | CAMPAIGN), known, "en", "yes", "no")
    assert turn.answered == {("join.campaign", ""): Answer("given", "hanse"), ("join.role", ""): Answer("given", "business")}
    assert "join.role.brought" in said
    assert [frame.dialog for frame in turn.state.frames] == ["business", "organisation"]
    assert turn.state.brought == {}


def test_without_the_consent_it_is_never_an_answer(scripts):
    known = Known(facts={"channel": "web", "webchat": ""})
    turn, _ = walk(scripts, begin(scripts, ROLE | CAMPAIGN), known, "en", "no")
    assert turn.answered == {}


def test_a_poster_does_not_change_who_somebody_said_they_are(scripts):
    known = Known({("join.role", ""): Answer("given", "newcomer")}, AGREED, {"channel": "web", "webchat": ""})
    turn = begin(scripts, ROLE, known)
    assert turn.state.brought == {}
    assert ("join.role", "") not in turn.answered


def test_a_choice_that_the_script_does_not_know_is_asked_as_ever(scripts):
    known = Known(facts={"channel": "web", "webchat": ""})
    turn, said = walk(scripts, begin(scripts, {"join.role": "baker"}), known, "en", "yes", "no")
    assert said[-2:] == ["join.role", "join.role.hint"]
    assert turn.answered == {}


async def test_who_scans_a_poster_is_asked_no_question_that_it_answers(scripts, words, programme, sqlite_store):
    house = House(Settings(_env_file=None), programme, scripts, words, sqlite_store)
    async with Web(house) as web, Browser(web, "en") as browser:
        await browser.hello("sme_c-hanse_l-de")
        assert "Welche Sprache" in browser.heard[-1].text
        for code in ("de", "yes", "yes", "no"):
            await browser.press(code)
        assert words.tr("organisation.begin", "de") in browser.heard[-1].text
        async with sqlite_store.read() as unit:
            person = await get(unit, (await unit.connection.execute(select(tables.people.c.id))).scalar())
            facets = {(row.name, row.value) for row in await unit.connection.execute(select(tables.facets))}
        assert {question: row.code for (question, _), row in person.answers.items()} == {"join.role": "business", "join.campaign": "hanse"}
        assert facets == {("role", "business"), ("campaign", "hanse")}
        await browser.say("/mydata")
        assert "hanse" in browser.heard[-2].text
