"""What websites and calendars may read of events; events that come from a calendar file; and the picture of a ticket."""

from __future__ import annotations

import io

import icalendar
import pytest
import zxingcpp
from conftest import ROOT
from fair import LINK, Fair
from httpx import ASGITransport, AsyncClient
from PIL import Image

from bot.app import House, link_to, picture_of
from bot.errors import FrontdoorError
from bot.imports import import_events, list_events
from bot.settings import Settings
from bot.web.feeds import Feeds
from bot.web.health import application
from storage import events
from storage.errors import StoreAway
from storage.records import EventText


@pytest.fixture
def fair(store, clock, scripts, words, programme):
    return Fair(store, clock, scripts, words, programme)


def browser(fair):
    feeds = Feeds(fair.store, "Example", fair.words.languages, lambda event: f"https://bot.frontdoor.example/chat?start=event_{event.code}")
    return AsyncClient(transport=ASGITransport(application(fair.store.is_reachable, feeds.routes())), base_url="http://frontdoor.example")


async def test_feeds_show_what_everybody_may_see_in_the_language_that_is_asked_for(fair):
    event = await fair.event(title="Round table", link=LINK, capacity=1)
    await fair.event(title="Not for everybody", days=5, listed=False)
    async with fair.store.begin() as unit:
        await events.write(unit, event.texts, [EventText("uk", "Круглий стіл", "Ми говоримо.", "human")])
    async with browser(fair) as visitor:
        calendar = await visitor.get("/events.ics?lang=uk")
        (entry,) = icalendar.Calendar.from_ical(calendar.text).walk("VEVENT")
        assert (entry["SUMMARY"], calendar.headers["content-type"]) == ("Круглий стіл", "text/calendar; charset=utf-8")
        for path in ("/events.json", "/events.json?lang=de", "/events.json?lang=<script>"):
            (item,) = (await visitor.get(path)).json()["items"]
            assert (item["title"], item["places"], item["url"].endswith(event.code)) == ("Round table", "free", True)
        everything = calendar.text + (await visitor.get("/events.json")).text
    assert LINK not in everything
    assert "Not for everybody" not in everything


async def test_a_feed_says_so_when_the_database_is_away(fair, monkeypatch):
    def away():
        raise StoreAway("away")

    monkeypatch.setattr(fair.store, "read", away)
    async with browser(fair) as visitor:
        answer = await visitor.get("/events.json")
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)


@pytest.fixture
def settings(tmp_path):
    return Settings(_env_file=None, data_dir=tmp_path / "var", programme=ROOT / "programme.yaml")


async def test_a_calendar_file_becomes_drafts_and_the_same_file_again_changes_nothing_published(settings, capsys):
    path = ROOT / "tests" / "calendars" / "google.ics"
    first = await import_events(settings, path, "de")
    assert "new" in first[-1]
    listed = await list_events(settings)
    assert all("draft" in line for line in listed)
    again = await import_events(settings, path, "de")
    assert "new" not in again[-1]
    assert await list_events(settings) == listed


@pytest.mark.parametrize(("name", "language", "words"), [("nowhere.ics", "de", "can't be read"), ("google.ics", "xx", "is no language")])
async def test_a_wrong_file_or_language_is_refused_in_one_sentence(settings, name, language, words):
    with pytest.raises(FrontdoorError, match=words):
        await import_events(settings, ROOT / "tests" / "calendars" / name, language)


def test_a_ticket_s_picture_leads_a_camera_to_the_bot(scripts, words, programme, sqlite_store):
    house = House(Settings(_env_file=None), programme, scripts, words, sqlite_store)
    ticket = "0123456789abcdef" * 3 + "0123"
    for bots, public, address in (
        ({"telegram": "example_bot"}, "", f"https://t.me/example_bot?start=checkin_{ticket}"),
        ({}, "https://bot.frontdoor.example", f"https://bot.frontdoor.example/chat?start=checkin_{ticket}"),
        ({}, "", f"checkin_{ticket}"),
    ):
        there = replace_house(house, bots, public)
        (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture_of(there, f"ticket/{ticket}"))))
        assert found.text == address == link_to(there, f"checkin_{ticket}")
        assert len(f"checkin_{ticket}") <= 64, "as much as Telegram lets a link carry"
    assert picture_of(house, "ticket/../../keys") is None


def replace_house(house, bots, public):
    return House(house.settings.model_copy(update={"public_url": public}), house.programme, house.scripts, house.words, house.store, bots)
