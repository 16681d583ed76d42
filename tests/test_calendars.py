"""Events in the calendars of others, and others' calendars here."""

from __future__ import annotations

import ast
import json
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import icalendar
import pytest
import vobject
import zxingcpp
from conftest import ROOT
from dateutil.tz import tzical
from PIL import Image

from bot import calendars
from bot.calendars import MOST_BYTES, Read, calendar_file, feed, in_zone, json_feed, qr_picture, read_calendar
from storage.records import Event, moment

NOW = datetime(2027, 1, 5, 9, 30, tzinfo=UTC)
CANARY = "https://canary.example/join/8f2b"
REAL = sorted((ROOT / "tests" / "calendars").glob("*.ics"))
ZONES = "Europe/Berlin America/New_York Asia/Kolkata Europe/Dublin Africa/Casablanca Australia/Lord_Howe America/Santiago Asia/Jerusalem Asia/Kathmandu Africa/Cairo Pacific/Apia UTC".split()


def local(*numbers: int) -> datetime:
    return datetime(*numbers)  # noqa: DTZ001 - as events keep it


def event_of(begins: datetime | None = None, hours: float = 2, number: int = 1, **more) -> Event:
    begins = begins or local(2027, 5, 12, 13)
    return Event(
        **{
            "id": UUID(int=number),
            "code": f"e{number}",
            "begins": begins,
            "ends": begins + timedelta(hours=hours),
            "zone": "Europe/Berlin",
            "link": CANARY,
            **more,
        }
    )


def written(event: Event, title: str = "Recognition", about: str = "", **more) -> str:
    return calendar_file(event, title, about, now=NOW, **more)


def by_vobject(text: str):
    return vobject.readOne(text).vevent


def by_icalendar(text: str) -> icalendar.Event:
    [event] = icalendar.Calendar.from_ical(text).walk("VEVENT")
    return event


def unfolded(text: str) -> list[str]:
    return text.replace("\r\n ", "").split("\r\n")


# What we write


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata"])
def test_another_library_reads_the_local_time_and_the_moment(zone):
    event = event_of(zone=zone)
    found = by_vobject(written(event))
    assert found.dtstart.value.replace(tzinfo=None) == local(2027, 5, 12, 13)
    assert found.dtend.value.replace(tzinfo=None) == local(2027, 5, 12, 15)
    assert found.dtstart.value.astimezone(UTC) == event.starts_at
    assert f"DTSTART;TZID={zone}:20270512T130000" in unfolded(written(event))


def test_one_o_clock_in_berlin_is_that_everywhere():
    event = event_of(local(2027, 5, 12, 13))
    told = {zone: in_zone(event, zone).strftime("%H:%M") for zone in ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC")}
    assert told == {"Europe/Berlin": "13:00", "America/New_York": "07:00", "Asia/Kolkata": "16:30", "UTC": "11:00"}
    starts = by_vobject(written(event)).dtstart.value
    assert [starts.astimezone(ZoneInfo(zone)).strftime("%H:%M") for zone in told] == list(told.values())


@pytest.mark.parametrize(
    ("begins", "utc"),
    [
        (local(2027, 3, 28, 1, 30), "00:30"),
        (local(2027, 3, 28, 3, 0), "01:00"),
        (local(2027, 3, 28, 3, 30), "01:30"),
        (local(2027, 3, 28, 18), "16:00"),
        (local(2027, 10, 31, 1, 30), "23:30"),
        (local(2027, 10, 31, 2, 30), "00:30"),
        (local(2027, 10, 31, 3, 0), "02:00"),
        (local(2027, 10, 31, 18), "17:00"),
    ],
)
def test_around_both_changes_of_the_clock_the_moment_stays_right(begins, utc):
    event = event_of(begins)
    for starts in (by_vobject(written(event)).dtstart.value, by_icalendar(written(event)).start):
        assert starts.replace(tzinfo=None) == begins
        assert starts.astimezone(UTC) == event.starts_at
        assert starts.astimezone(UTC).strftime("%H:%M") == utc


def test_a_time_in_the_skipped_hour_is_written_as_the_hour_after_it():
    event = event_of(local(2027, 3, 28, 2, 30), hours=1)
    assert "DTSTART;TZID=Europe/Berlin:20270328T033000" in written(event)
    assert by_vobject(written(event)).dtstart.value.astimezone(UTC) == event.starts_at
    turned_round = event_of(local(2027, 3, 28, 2, 30), hours=0.75)  # by the clock it ends at 3:15, which comes before
    assert "DTEND;TZID=Europe/Berlin:20270328T041500" in written(turned_round)
    assert read_calendar(written(turned_round).encode(), zone="UTC")[1] == []


@pytest.mark.parametrize("zone", [zone for zone in ZONES if zone != "UTC"])
def test_our_time_zones_are_those_of_the_time_zone_database(zone):
    theirs = tzical(StringIO("\r\n".join(calendars._zone(zone, 2026, 2028)) + "\r\n")).get(zone)
    for hour in range(0, 3 * 365 * 24, 3):
        at = local(2026, 1, 1, 0, 30) + timedelta(hours=hour)
        ours = at.replace(tzinfo=ZoneInfo(zone))
        if ours.astimezone(UTC).astimezone(ours.tzinfo).replace(tzinfo=None) != at or ours.replace(fold=1).utcoffset() != ours.utcoffset():
            continue  # skipped or twice: there libraries differ
        assert at.replace(tzinfo=theirs).utcoffset() == ours.utcoffset(), at


def test_a_regular_zone_is_told_by_rules_as_outlook_needs_it():
    zone = calendars._zone("Europe/Berlin", 2027, 2027)
    assert [line for line in zone if line.startswith("RRULE")] == ["RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"]
    assert "DTSTART:20260329T020000" in zone  # by the clock as it was before
    assert "BEGIN:DAYLIGHT" in calendars._zone("Europe/Dublin", 2027, 2027)


def test_utc_needs_no_time_zone():
    text = written(event_of(zone="UTC"))
    assert "VTIMEZONE" not in text
    assert "DTSTART:20270512T130000Z" in unfolded(text)


def test_a_calendar_file_says_which_version_of_which_event_it_is():
    lines = unfolded(written(event_of(sequence=7, place="IHK, Saal 1", organiser="Frontdoor e.V."), url="https://x.example/e/e1"))
    for line in [
        "METHOD:PUBLISH",
        "UID:00000000-0000-0000-0000-000000000001@frontdoor",
        "SEQUENCE:7",
        "DTSTAMP:20270105T093000Z",
        "LAST-MODIFIED:20270105T093000Z",
        "STATUS:CONFIRMED",
        "LOCATION:IHK\\, Saal 1",
        "CONTACT:Frontdoor e.V.",
        "URL:https://x.example/e/e1",
    ]:
        assert lines.count(line) == 1, line
    assert "CONTACT:IHK" in unfolded(written(event_of(organiser="Frontdoor e.V."), organiser="IHK"))


def test_a_cancelled_event_makes_a_file_that_cancels():
    text = written(event_of(state="cancelled", sequence=3))
    assert by_vobject(text).status.value == "CANCELLED"
    assert "METHOD:CANCEL" in unfolded(text)
    assert by_vobject(text).sequence.value == "3"


@pytest.mark.parametrize(
    "title",
    [
        "Приходьте на каву",
        "مقهى اللغات",
        "می‌خواهم کار کنم",
        "ትምህርት ቤት",
        "语言咖啡馆",
        "👩‍👩‍👧‍👦 Familien-Café ☕️",
        "Kommas, Semikolons; und: Doppelpunkte",
        "Zwei\nZeilen",
        r"C:\Nord \n \; \\",
        '"quoted" ^n <b>',
        "ä" * 200,
        "👩‍🔧" * 66,
        "x" * 63 + "🧰" * 30,
        "END:VEVENT\r\nBEGIN:VEVENT",
        "a\x00b\x0bc\x1f\x7f\ud800",
    ],
)
def test_every_title_comes_back_whole(title):
    text = written(event_of(), title, title * 10)
    text.encode()
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert "\n" not in text.replace("\r\n", "")
    expected = calendars._NEVER.sub("", title.replace("\r\n", "\n"))
    assert by_vobject(text).summary.value == expected
    assert str(by_icalendar(text)["SUMMARY"]) == expected
    assert by_vobject(text).description.value == calendars._NEVER.sub("", (title * 10).replace("\r\n", "\n"))


def many(count: int) -> list[tuple[Event, str, str]]:
    day = local(2027, 1, 2, 17)
    return [
        (
            event_of(day + timedelta(days=number % 363), number=number, zone=ZONES[number % 12], capacity=9, taken=9 * (number % 2)),
            f"Café {number}",
            "Про роботу\n" * 40,
        )
        for number in range(count)
    ]


def fed(events: list[tuple[Event, str, str]]) -> str:
    return feed(events, name="Events, all", now=NOW, address=lambda event: f"https://x.example/{event.code}")


def test_a_feed_of_300_events_in_12_zones_has_every_zone_once():
    events = many(300)
    text = fed(events)
    assert sorted(line[5:] for line in unfolded(text) if line.startswith("TZID:")) == sorted(set(ZONES) - {"UTC"})
    assert "X-WR-CALNAME:Events\\, all" in unfolded(text)
    assert any(line.startswith("REFRESH-INTERVAL;VALUE=DURATION:P") for line in unfolded(text))
    found = {str(each["UID"]): each for each in icalendar.Calendar.from_ical(text).walk("VEVENT")}
    assert len(found) == 300
    for event, title, _ in events:
        theirs = found[f"{event.id}@frontdoor"]
        assert theirs.start.astimezone(UTC) == event.starts_at
        assert theirs.end.astimezone(UTC) == event.ends_at
        assert str(theirs["SUMMARY"]) == title


def test_a_feed_without_events_is_a_calendar_too():
    assert vobject.readOne(fed([])).name == "VCALENDAR"


def test_a_feed_of_500_events_takes_no_second():
    calendars._zone.cache_clear()
    started = time.perf_counter()
    fed(many(500))
    assert time.perf_counter() - started < 1


def test_a_feed_for_websites_says_whether_there_is_a_seat_and_not_how_many():
    event = event_of(place="", cost="", interpretation=("uk", "ar"), capacity=987, taken=654, organiser="IHK", language="de")
    told = json_feed([(event, "Title", "About")], name="Events", now=NOW, address=lambda event: f"https://x.example/{event.code}", languages=["de", "uk"])
    assert (told["title"], told["languages"]) == ("Events", ["de", "uk"])
    [item] = told["items"]
    assert item == {
        "id": str(event.id),
        "code": "e1",
        "url": "https://x.example/e1",
        "title": "Title",
        "about": "About",
        "language": "de",
        "interpretation": ["uk", "ar"],
        "starts": "2027-05-12T13:00:00+02:00",
        "ends": "2027-05-12T15:00:00+02:00",
        "zone": "Europe/Berlin",
        "place": "",
        "online": True,
        "cost": "",
        "free": True,
        "places": "free",
        "organiser": "IHK",
        "cancelled": False,
    }
    assert not any(number in json.dumps(told) for number in ("987", "654", "333"))


@pytest.mark.parametrize(("capacity", "taken", "places"), [(None, 5, "open"), (5, 4, "free"), (5, 5, "waiting-list"), (5, 6, "waiting-list")])
def test_places_are_free_or_a_waiting_list_or_open(capacity, taken, places):
    told = json_feed([(event_of(capacity=capacity, taken=taken, cost="5 EUR", place="IHK"), "", "")], name="", now=NOW, address=lambda _: "", languages=[])
    [item] = told["items"]
    assert (item["places"], item["free"], item["online"]) == (places, False, False)


def test_how_to_join_is_never_told():
    events = many(12)
    assert all(event.link == CANARY for event, *_ in events)
    told = [
        fed(events),
        json.dumps(json_feed(events, name="", now=NOW, address=lambda _: "", languages=[])),
        *(written(*each, url="https://x.example") for each in events),
    ]
    assert not any("canary" in text.replace("\r\n ", "") for text in told)


def test_nothing_in_the_source_looks_at_how_to_join():
    tree = ast.parse(Path(calendars.__file__).read_text("utf-8"))
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "link"]
    assert not {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & {"getattr", "vars", "asdict", "astuple", "replace", "fields"}


def test_what_is_heavy_is_imported_when_it_is_used():
    code = "import sys, bot.calendars; print([name for name in ('icalendar', 'segno', 'PIL', 'babel', 'dateutil') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() == "[]"


# What we read


def calendar_of(*lines: str, before: tuple[str, ...] = (), end: str = "\r\n") -> bytes:
    return end.join(["BEGIN:VCALENDAR", "VERSION:2.0", *before, "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""]).encode()


def read_one(*lines: str, **more) -> Read:
    [event], problems = read_calendar(calendar_of(*lines, **more), zone="Europe/Berlin")
    assert problems == []
    return event


def refused(*lines: str, **more) -> str:
    found, [problem] = read_calendar(calendar_of(*lines, **more), zone="Europe/Berlin")
    assert found == []
    return problem


def test_what_we_write_we_read():
    events = many(300)
    found, problems = read_calendar(fed(events).encode(), zone="UTC")
    assert problems == []
    assert found == [
        Read(
            uid=f"{event.id}@frontdoor",
            begins=event.begins,
            ends=event.ends,
            zone=event.zone,
            title=title,
            about=about.strip(),
            place="",
            link=f"https://x.example/{event.code}",
            cancelled=False,
            sequence=0,
        )
        for event, title, about in events
    ]


def test_a_calendar_of_google_is_read():
    found, problems = read_calendar(Path(ROOT / "tests/calendars/google.ics").read_bytes(), zone="Europe/Berlin")
    online, off = found
    assert (online.begins, online.ends, online.zone) == (local(2027, 5, 12, 13), local(2027, 5, 12, 14, 30), "Europe/Berlin")
    assert (online.title, online.link, online.place, online.sequence) == ("Recognition, step by step", "https://meet.google.com/abc-defg-hij", "", 2)
    assert "meet.google.com" not in online.about
    assert online.about.startswith("How qualifications are recognised.\n\n-::")
    assert (off.title, off.place, off.cancelled) == ("Welding, first steps", "Werkstatt, Hafenstr. 1, 18147 Rostock", True)
    assert problems == [
        "“Day of open doors” (line 30) has a day as its beginning, but no time; give it one.",
        "“Language café” (line 37) is one of a series; write its dates one by one, each as an event of its own.",
    ]


def test_a_calendar_of_outlook_is_read():
    found, problems = read_calendar(Path(ROOT / "tests/calendars/outlook.ics").read_bytes(), zone="Asia/Kolkata")
    teams, breakfast, boston = found
    assert (teams.begins, teams.zone, teams.title) == (local(2027, 5, 12, 13), "Europe/Berlin", "Beratung für Betriebe")
    assert teams.place == ""
    assert teams.link == "https://teams.microsoft.com/l/meetup-join/19%3ameeting_X%40thread.v2/0?context=%7b%22Tid%22%3a%221%22%7d"
    assert "teams.microsoft.com" not in teams.about
    assert moment(breakfast.begins, breakfast.zone) == datetime(2027, 11, 3, 8, tzinfo=UTC)
    assert breakfast.ends == local(2027, 11, 3, 10, 30)
    assert boston.zone == "America/New_York"
    assert problems == ["“Somewhere” (line 62) is in a time zone that is not known here, “Customized Time Zone”; write it as in Europe/Berlin."]


def test_a_calendar_of_apple_is_read():
    found, problems = read_calendar(Path(ROOT / "tests/calendars/apple.ics").read_bytes(), zone="Europe/Berlin")
    assert problems == []
    cafe, floating = found
    assert (cafe.title, cafe.begins, cafe.place) == ("مقهى اللغات ☕", local(2027, 3, 30, 18), "Peter-Weiss-Haus: Saal, Lange Straße 40, 18055 Rostock")
    assert cafe.link == "https://example.org/cafe"
    assert (floating.begins, floating.ends, floating.zone) == (local(2027, 4, 2, 18), local(2027, 4, 2, 19), "Europe/Berlin")


def test_a_calendar_of_evolution_is_read():
    found, problems = read_calendar(Path(ROOT / "tests/calendars/evolution.ics").read_bytes(), zone="Europe/Berlin")
    assert problems == []
    club, talk = found
    assert (club.zone, club.begins, club.link, club.about) == ("Europe/Kyiv", local(2027, 5, 12, 19), "https://bbb.example.org/b/abc-def", "Приходьте:")
    assert (talk.zone, talk.ends, talk.link, talk.place) == ("Asia/Tehran", local(2027, 5, 12, 19, 45), "https://zoom.example/j/99", "")


@pytest.mark.parametrize(
    ("written_as", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ('"Europe/Berlin"', "Europe/Berlin"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("W. Europe Standard Time 1", "Europe/Berlin"),
        ("FLE Standard Time", "Europe/Kiev"),
        ("/citadel.org/20210210_1/America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ('"(UTC+03:30) Tehran"', "Asia/Tehran"),
        ('"(GMT-03:00) Buenos Aires"', "America/Argentina/Buenos_Aires"),
        ('"(UTC) Dublin, Edinburgh, Lisbon, London"', "Europe/Dublin"),
        ("(UTC+03:30) Tehran", "Asia/Tehran"),
        ("tzone://Microsoft/Utc", "Asia/Kolkata"),
        ("UTC", "Asia/Kolkata"),
    ],
)
def test_a_zone_is_known_by_many_names(written_as, zone):
    [event], problems = read_calendar(calendar_of("SUMMARY:x", f"DTSTART;TZID={written_as}:20270512T130000"), zone="Asia/Kolkata")
    assert problems == []
    assert ZoneInfo(event.zone).utcoffset(local(2027, 5, 12)) == ZoneInfo(zone).utcoffset(local(2027, 5, 12))
    assert event.zone.partition("/")[0] == zone.partition("/")[0]


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Europe", "Europe/", "localtime", "Factory", "(UTC+14:59) Berlin", "x" * 5000, "\x00"]
)
def test_a_zone_that_nobody_knows_is_refused(name):
    assert "in a time zone that is not known here" in refused("SUMMARY:x", f"DTSTART;TZID={name}:20270512T130000")


def test_utc_in_the_hour_that_comes_twice_stays_utc():
    first, second = (read_one("SUMMARY:x", f"DTSTART:20271031T{hour}3000Z", "DURATION:PT15M") for hour in ("00", "01"))
    assert (first.begins, first.zone) == (local(2027, 10, 31, 2, 30), "Europe/Berlin")
    assert (second.begins, second.ends, second.zone) == (local(2027, 10, 31, 1, 30), local(2027, 10, 31, 1, 45), "UTC")


def test_the_end_may_be_missing_or_a_length_or_in_another_zone():
    start = "DTSTART;TZID=Europe/Berlin:20270512T130000"
    assert read_one("SUMMARY:x", start).ends == local(2027, 5, 12, 14)
    assert read_one("SUMMARY:x", start, "DTEND;TZID=Europe/Berlin:20270512T130000").ends == local(2027, 5, 12, 14)
    assert read_one("SUMMARY:x", start, "DURATION:PT1H30M").ends == local(2027, 5, 12, 14, 30)
    assert read_one("SUMMARY:x", start, "DURATION:P1DT2H").ends == local(2027, 5, 13, 15)
    assert read_one("SUMMARY:x", start, "DTEND;TZID=Europe/London:20270512T143000").ends == local(2027, 5, 12, 15, 30)
    assert read_one("SUMMARY:x", start, "DTEND:20270512T123000Z").ends == local(2027, 5, 12, 14, 30)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["DTSTART:20270512T130000"], "The event in line 3 has no title"),
        (["SUMMARY:Café"], "“Café” (line 3) has no beginning"),
        (["SUMMARY:Café", "DTSTART;VALUE=DATE:20270512"], "“Café” (line 3) has a day as its beginning, but no time"),
        (["SUMMARY:Café", "DTSTART:20271312T130000"], "can't be read, “20271312T130000”; write it as in"),
        (["SUMMARY:Café", "DTSTART:tomorrow"], "can't be read, “TOMORROW”"),
        (["SUMMARY:Café", "DTSTART:٢٠٢٧٠٥١٢T١٣٠٠٠٠"], "can't be read"),
        (["SUMMARY:Café", "DTSTART:00010101T000000Z"], "in the year 1; correct it"),
        (["SUMMARY:Café", "DTSTART:99991231T235959"], "in the year 9999; correct it"),
        (["SUMMARY:Café", "DTSTART:20270512T130000", "DTEND:20270512T120000"], "ends before it begins"),
        (["SUMMARY:Café", "DTSTART:20270512T130000", "DURATION:-PT1H"], "ends before it begins"),
        (["SUMMARY:Café", "DTSTART:20270512T130000", "DURATION:an hour"], "a length that can't be read, “an hour”"),
        (["SUMMARY:Café", "DTSTART:20270512T130000", "DURATION:P99999999999999D"], "a length that can't be read"),
        (["SUMMARY:Café", "DTSTART:20270512T130000", "DTEND;VALUE=DATE:20270513"], "has a day as its end, but no time"),
        (["SUMMARY:Café", "DTSTART:20270512T130000", "RRULE:FREQ=WEEKLY;COUNT=10"], "write its dates one by one"),
        (["SUMMARY:Café", "DTSTART:20270512T130000", "RDATE:20270519T130000"], "write its dates one by one"),
        (["SUMMARY:" + "x" * 500], "“" + "x" * 59 + "…” (line 3)"),
    ],
)
def test_an_event_that_cannot_be_read_gets_a_sentence(lines, says):
    problem = refused(*lines)
    assert says in problem
    assert problem.endswith(".")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n", "empty"),
        (b"\0\0\0", "empty"),
        (b"<!DOCTYPE html><html></html>", "a web page, not a calendar"),
        (b"\n <html>BEGIN:VCALENDAR", "a web page, not a calendar"),
        (b"Name;Date\nCafe;12.5.2027", "not a calendar file"),
        (b"\x89PNG\r\n\x1a\n", "not a calendar file"),
        (b"PK\x03\x04", "not a calendar file"),
        ("BEGIN:VCALENDAR\r\n".encode("utf-16"), "UTF-8"),
        (calendar_of("SUMMARY:x").replace(b"x", "Café".encode("latin-1")), "Line 4 is not written in UTF-8"),
        (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "no events"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\nSUMMARY:x\r\nEND:VTODO\r\nEND:VCALENDAR\r\n", "no events"),
        (b"BEGIN:VCALENDAR\r\n" + b"x" * 10_000_000, "more than 2 MB"),
        (b"BEGIN:VCALENDAR\n" + b"BEGIN:VEVENT\nEND:VEVENT\n" * 501, "501 events"),
    ],
)
def test_a_file_that_is_no_calendar_gets_one_sentence(content, says):
    found, [problem] = read_calendar(content, zone="Europe/Berlin")
    assert found == []
    assert says in problem
    assert problem.endswith(".")


def test_a_file_that_was_cut_off_gives_what_is_whole():
    whole = fed(many(3)).encode()
    found, problems = read_calendar(whole[: whole.rindex(b"SUMMARY")], zone="UTC")
    assert len(found) == 2
    assert len(problems) == 1
    assert "something is missing in the file" in problems[0]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\r\r\n", "\n\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_every_kind_of_line_end_is_read(end, mark):
    content = mark + calendar_of("SUMMARY:Приходьте", "DTSTART:20270512T130000", end=end)
    content = content.replace("хо".encode(), "х".encode()[:1] + end.encode() + b" " + "хо".encode()[1:])  # folded in the midst of a character
    [event], problems = read_calendar(content, zone="Europe/Berlin")
    assert problems == []
    assert event.title == "Приходьте"


def test_what_is_read_is_clean_and_short():
    event = read_one(
        "SUMMARY:\u202eA\tB\\nC\x00" + "x" * 300, "DESCRIPTION:" + "y" * 9_000, "LOCATION:" + "z" * 900, "DTSTART:20270512T130000", "UID:" + "u" * 900
    )
    assert event.title.startswith("A B Cxx")
    assert (len(event.title), len(event.about), len(event.place), len(event.uid)) == (200, 3_000, 300, 255)


def test_an_alarm_says_nothing_about_the_event():
    event = read_one("BEGIN:VALARM", "SUMMARY:Alarm", "DESCRIPTION:Alarm", "DURATION:PT5M", "END:VALARM", "SUMMARY:Café", "DTSTART:20270512T130000")
    assert (event.title, event.about, event.ends.hour) == ("Café", "", 14)


def test_of_an_event_that_is_there_twice_the_latest_version_is_read():
    one = calendar_of("UID:1", "SUMMARY:Old", "DTSTART:20270512T130000", "SEQUENCE:1").replace(b"END:VCALENDAR\r\n", b"")
    other = calendar_of("UID:1", "SUMMARY:New", "DTSTART:20270512T150000", "SEQUENCE:2").partition(b"VERSION:2.0\r\n")[2]
    found, problems = read_calendar(one + other, zone="Europe/Berlin")
    assert [event.title for event in found] == ["New"]
    assert problems == ["“New” is there twice, with the same UID; the version with the higher SEQUENCE was read."]


def test_a_calendar_that_cancels_is_read_as_cancelled():
    assert read_calendar(written(event_of(state="cancelled")).encode(), zone="UTC")[0][0].cancelled
    assert read_one("SUMMARY:x", "DTSTART:20270512T130000", before=("METHOD:CANCEL",)).cancelled


def test_what_joins_a_meeting_is_kept_apart_from_what_everybody_reads():
    event = read_one(
        "SUMMARY:x",
        "DTSTART:20270512T130000",
        "LOCATION:https://zoom.example/j/1?pwd=2",
        "DESCRIPTION:Join https://zoom.example/j/1?pwd=3 now",
        "URL:https://a.example",
    )
    assert (event.link, event.place, event.about) == ("https://zoom.example/j/1?pwd=2", "", "Join  now")
    assert "zoom" not in repr(event)
    assert read_one("SUMMARY:x", "DTSTART:20270512T130000", "URL:javascript:alert(1)").link == ""


def sound(content: bytes) -> None:
    """Whatever is read can be stored, written again, and is told in whole sentences."""
    found, problems = read_calendar(content, zone="Europe/Berlin")
    for event in found:
        assert event.title
        assert moment(event.begins, event.zone) < moment(event.ends, event.zone)
        assert all(len(problem) < 400 for problem in problems)
        again = event_of(event.begins, zone=event.zone, place=event.place)
        written(again, event.title, event.about).encode()
    assert all(problem.endswith(".") for problem in problems)
    assert len(found) + len(problems) > 0


def test_the_calendars_with_which_icalendar_tests_itself_raise_nothing():
    files = sorted((Path(icalendar.__file__).parent / "tests").rglob("*.ics"))
    assert len(files) > 100
    for path in files:
        sound(path.read_bytes())


def test_no_bytes_raise():
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    dice = random.Random(seed)
    originals = [path.read_bytes() for path in REAL] + [fed(many(4)).encode()]
    for _ in range(300):
        content = bytearray(dice.choice(originals))
        for _ in range(dice.choice((1, 3, 20))):
            at, until = sorted(dice.randrange(len(content) + 1) for _ in range(2))
            match dice.randrange(6):
                case 0:
                    content[at : at + 1] = bytes([dice.randrange(256)])
                case 1:
                    del content[at : min(until, at + 40)]
                case 2:
                    content[at:at] = content[at : min(until, at + 60)]
                case 3:
                    content[at:at] = dice.choice(
                        (b"\r\n", b";", b":", b'"', b"\\", b"\0", b"\xff", b"TZID=", b"\nEND:VEVENT\n", b"\nBEGIN:VEVENT\n", b"99999999")
                    )
                case 4:
                    lines = content.split(b"\r\n")
                    dice.shuffle(lines)
                    content = bytearray(b"\r\n".join(lines))
                case 5:
                    digits = [place for place, each in enumerate(content) if 48 <= each <= 57]
                    if digits:
                        content[dice.choice(digits)] = 48 + dice.randrange(10)
            content = content or bytearray(b"x")
        sound(bytes(content))


@pytest.mark.parametrize(
    "content",
    [
        b"\n" * 1_900_000,
        b" \n" * 950_000,
        b'BEGIN:VEVENT\nDTSTART;"' + b'"' * 1_900_000,
        b"BEGIN:VEVENT\n" * 140_000,
        b"BEGIN:VEVENT\nSUMMARY:" + b"\\n" * 900_000,
        b"BEGIN:VEVENT\n" + b"X-ZOOM:https://a\n" * 100_000,
        b"BEGIN:VEVENT\nDTSTART;TZID=" + b"/" * 1_900_000,
    ],
    ids=range(7),
)
def test_no_hostile_file_takes_long(content):
    content = b"BEGIN:VCALENDAR\n" + content
    assert len(content) <= MOST_BYTES
    started = time.perf_counter()
    read_calendar(content + b"\nEND:VEVENT\n", zone="Europe/Berlin")
    assert time.perf_counter() - started < 5  # about half a second on a small machine


# On paper


@pytest.mark.parametrize("text", ["https://frontdoor.example/e/cafe-1", "https://t.me/example_bot?start=event_7_l-fa-AF", "Приходьте ☕", "x" * 1_000])
def test_a_qr_picture_is_read_by_a_camera(text):
    picture = Image.open(BytesIO(qr_picture(text)))
    assert picture.format == "JPEG"
    assert picture.width == picture.height
    assert 600 <= picture.width <= 750
    assert [code.text for code in zxingcpp.read_barcodes(picture)] == [text]
    assert picture.crop((0, 0, picture.width, 4)).getextrema()[0] > 200


def test_a_text_that_is_too_long_for_a_qr_picture_is_a_value_error():
    with pytest.raises(ValueError, match="Data too large"):
        qr_picture("x" * 5_000)
