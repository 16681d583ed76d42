"""Opening hours: whether somebody is there, said truthfully at every minute of the year, the two odd nights included."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import FrontdoorError
from bot.hours import AHEAD, DAYS, Hours, read_spans
from bot.settings import read_programme

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = {day: read_spans("9-17") for day in DAYS[:4]} | {"fri": read_spans("9-12 13:30-14")}
CHRISTMAS = frozenset({date(2026, 12, 24), date(2026, 12, 25)})


def at(text, zone=BERLIN):
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("now", "until", "opens"),
    [
        ("2026-11-20 08:59:59", None, "2026-11-20 09:00"),
        ("2026-11-20 09:00", "2026-11-20 12:00", "2026-11-20 13:30"),
        ("2026-11-20 11:59:59", "2026-11-20 12:00", "2026-11-20 13:30"),
        ("2026-11-20 12:00", None, "2026-11-20 13:30"),
        ("2026-11-20 13:45", "2026-11-20 14:00", "2026-11-23 09:00"),
        ("2026-11-20 14:00", None, "2026-11-23 09:00"),
        ("2026-12-23 17:00", None, "2026-12-28 09:00"),
        ("2026-12-24 10:00", None, "2026-12-28 09:00"),
        ("2026-03-27 20:00", None, "2026-03-30 09:00"),  # the clocks go forward in between
        ("2026-10-23 20:00", None, "2026-10-26 09:00"),  # and back
    ],
)
def test_it_is_said_truthfully(now, until, opens):
    hours = Hours(BERLIN, OFFICE, CHRISTMAS)
    assert hours.open_until(at(now)) == (until and at(until))
    assert hours.opens_next(at(now)) == at(opens)


def test_a_moment_from_anywhere_is_understood():
    hours = Hours(BERLIN, OFFICE)
    assert hours.is_open(datetime(2026, 7, 1, 7, 0, tzinfo=UTC)), "nine in Rostock, in summer"
    assert not hours.is_open(datetime(2026, 12, 1, 7, 59, tzinfo=UTC)), "not yet nine, in winter"
    assert hours.opens_next(datetime(2026, 7, 1, 6, 0, tzinfo=UTC)).isoformat() == "2026-07-01T09:00:00+02:00"


def test_without_hours_nothing_is_claimed():
    hours = Hours(BERLIN)
    assert not hours.are_fixed
    assert hours.opens_next(at("2026-11-20 12:00")) is None
    assert not hours.is_open(at("2026-11-20 12:00"))


def test_around_the_clock_is_around_the_clock():
    hours = Hours(BERLIN, dict.fromkeys(DAYS, ((0, 24 * 60),)), frozenset({date(2026, 12, 24)}))
    assert hours.open_until(at("2026-12-01 03:00")) == at("2026-12-24 00:00")
    assert hours.opens_next(at("2026-12-24 03:00")) == at("2026-12-25 00:00")


def test_an_hour_that_the_clocks_skip_is_held_an_hour_later():
    hours = Hours(BERLIN, {"sun": read_spans("2:10-2:50 4-5")})
    assert hours.opens_next(at("2026-03-28 12:00")).isoformat() == "2026-03-29T03:10:00+02:00", "the clocks jump from 2 to 3 on 29 March"
    assert hours.opens_next(at("2026-03-29 03:50")) == at("2026-03-29 04:00")


SPANS = (
    st.lists(st.integers(0, 48), min_size=2, max_size=4, unique=True)
    .map(sorted)
    .map(lambda half: tuple((a * 30, b * 30) for a, b in zip(half[::2], half[1::2])))
)
WEEKS = st.dictionaries(st.sampled_from(DAYS), SPANS, max_size=7)
ZONES = st.sampled_from(["Europe/Berlin", "UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia", "Africa/Cairo"]).map(ZoneInfo)
MOMENTS = st.integers(0, 2 * 365 * 24 * 60).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))
DATES = st.frozensets(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=5)


def by_the_wall_clock(hours, now):
    here = now.astimezone(hours.zone)
    minute = here.hour * 60 + here.minute
    return here.date() not in hours.closed and any(a <= minute < b for a, b in hours.week.get(DAYS[here.weekday()], ()))


def is_odd(hours, now):
    """Within three hours of a change of the clocks: what a wall clock shows there, it shows twice or never."""
    return (now - timedelta(hours=3)).astimezone(hours.zone).utcoffset() != (now + timedelta(hours=3)).astimezone(hours.zone).utcoffset()


@given(ZONES, WEEKS, DATES, MOMENTS)
def test_it_agrees_with_the_clock_on_the_wall(zone, week, closed, now):
    hours = Hours(zone, week, closed)
    assert is_odd(hours, now) or hours.is_open(now) == by_the_wall_clock(hours, now)


@given(ZONES, WEEKS, DATES, MOMENTS)
def test_when_it_opens_next_it_is_open_and_was_not_begun_before(zone, week, closed, now):
    hours = Hours(zone, week, closed)
    following = hours.opens_next(now)
    if following is None:
        last = now.astimezone(zone).date() + timedelta(days=AHEAD - 2)
        days = (now.astimezone(zone).date() + timedelta(days=n) for n in range(1, (last - now.astimezone(zone).date()).days))
        assert all(day in closed or not week.get(DAYS[day.weekday()]) for day in days) or not any(b - a > 180 for spans in week.values() for a, b in spans)
        return
    assert following > now
    assert hours.is_open(following)
    if not hours.is_open(now):
        step = (following - now) / 7
        assert not any(hours.is_open(now + step * number) for number in range(7)), "nobody was there in between"


@given(ZONES, WEEKS, DATES, MOMENTS)
def test_until_it_closes_it_is_open_and_then_not(zone, week, closed, now):
    hours = Hours(zone, week, closed)
    until = hours.open_until(now)
    if until is None:
        assert not hours.is_open(now)
    elif until < now + timedelta(days=AHEAD - 5):  # else it never closes
        assert until > now
        assert not hours.is_open(until)
        assert all(hours.is_open(now + (until - now) * number / 8) for number in range(8))


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("mon: 9-17", "mon: 9-7", "12: hours.mon: '9-7' must begin before it ends, on the same day (24 is midnight)."),
        ("mon: 9-17", "mon: 9", "12: hours.mon: '9' is no time of opening; write 9-17, 9:30-17 or 9-12 13-17."),
        ("mon: 9-17", "mon: 9-12 11-14", "12: hours.mon: '9-12 11-14': the second time begins before the first one ends."),
        ("mon: 9-17", "mon: 9-25", "12: hours.mon: '9-25' must begin before it ends, on the same day (24 is midnight)."),
        ("mon: 9-17", "monday: 9-17", "'monday' is no day; the days are mon, tue, wed, thu, fri, sat, sun."),
        ("mon: 9-17", "mon: ''", "names no hours"),
        ("2026-12-24", "24.12.2026", "'24.12.2026' is no date; write it as 2026-12-24."),
        ("2026-12-24", "1798000000", "'1798000000' is no date; write it as 2026-12-24."),
    ],
)
def test_a_mistake_in_the_hours_is_told_with_its_line(tmp_path, before, after, complaint):
    text = (ROOT / "programme.yaml").read_text("utf-8")
    assert before in text
    path = tmp_path / "programme.yaml"
    path.write_text(text.replace(before, after, 1), "utf-8")
    with pytest.raises(FrontdoorError) as error:
        read_programme(path)
    line = next(number for number, line in enumerate(path.read_text("utf-8").split("\n"), 1) if after in line)
    assert complaint.replace("12: ", f"{line}: ", 1) in str(error.value)
    assert f"programme.yaml:{line}:" in str(error.value)


def test_the_hours_of_programme_yaml_are_read(programme):
    assert programme.opening.open_until(at("2026-11-20 13:00")) == at("2026-11-20 14:00")
    assert programme.opening.opens_next(at("2026-12-24 10:00")) == at("2026-12-28 09:00")


@pytest.mark.parametrize(
    ("language", "moment", "lasts"),
    [
        ("en", "Monday, November 23, 9:05", ["0 minutes", "119 minutes", "47 hours", "2 days", "20 days"]),
        ("de", "Montag, 23. November, 9:05", ["0 Minuten", "119 Minuten", "47 Stunden", "2 Tage", "20 Tage"]),
        ("ar", "الاثنين، 23 نوفمبر، 9:05", ["أقل من دقيقة", "119 دقيقة", "47 ساعة", "يومان", "20 يومًا"]),
        ("uk", "понеділок, 23 листопада, 9:05", ["0 хвилин", "119 хвилин", "47 годин", "2 дні", "20 днів"]),
    ],
)
def test_moments_and_lengths_of_time_are_said_in_every_language(words, language, moment, lasts):
    assert words.fact({"moment": "2026-11-23T09:05+01:00"}, language) == moment
    assert [words.fact({"lasts": seconds}, language) for seconds in (59, 7199, 172_799, 172_800, 20 * 86_400 + 86_399)] == lasts
