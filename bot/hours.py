"""When somebody of the team is there: opening hours of a week, and days on which nobody is. Pure; moments in, moments out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
AHEAD = 400  # days that are looked through for the next opening; whoever is closed for longer says so otherwise
MIDNIGHT = 24 * 60

Span = tuple[int, int]  # minutes since midnight: from, until

_SPAN = re.compile(r"(\d{1,2})(?::([0-5]\d))?-(\d{1,2})(?::([0-5]\d))?")


def read_spans(text: str) -> tuple[Span, ...]:
    """`9-17`, `9:30-17`, `9-12 13-17`. Raises ValueError with an example."""
    spans = tuple(_read(each) for each in text.replace("–", "-").split())
    if not spans:
        raise ValueError("names no hours; write them as 9-17, 9:30-17 or 9-12 13-17, and leave out days on which nobody is there")
    for before, after in pairwise(spans):
        if after[0] < before[1]:
            raise ValueError(f"{text!r}: the second time begins before the first one ends")
    return spans


def _read(text: str) -> Span:
    match = _SPAN.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is no time of opening; write 9-17, 9:30-17 or 9-12 13-17")
    begins, ends = int(match[1]) * 60 + int(match[2] or 0), int(match[3]) * 60 + int(match[4] or 0)
    if not begins < ends <= MIDNIGHT:
        raise ValueError(f"{text!r} must begin before it ends, on the same day (24 is midnight)")
    return begins, ends


@dataclass(frozen=True, slots=True)
class Hours:
    """Opening hours in a zone. Moments that come in and go out are aware; those that go out are in this zone."""

    zone: ZoneInfo
    week: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)  # mon ... sun
    closed: frozenset[date] = frozenset()

    @property
    def are_fixed(self) -> bool:
        """Are there any?"""
        return bool(self.week)

    def is_open(self, now: datetime) -> bool:
        return self.open_until(now) is not None

    def open_until(self, now: datetime) -> datetime | None:
        """When they close; None: nobody is there now. Spans that touch (over midnight too) are one."""
        until = None
        for begins, ends in self._spans(now.astimezone(self.zone).date() - timedelta(days=1)):
            if begins <= (until or now) < ends:
                until = ends
            elif begins > (until or now):
                break
        return until.astimezone(self.zone) if until else None

    def opens_next(self, now: datetime) -> datetime | None:
        """The next moment at which somebody comes; None: none is known."""
        spans = self._spans(now.astimezone(self.zone).date() - timedelta(days=1))
        return next((begins.astimezone(self.zone) for begins, _ in spans if begins > now), None)

    def _spans(self, first: date) -> Iterator[tuple[datetime, datetime]]:
        """In UTC, where an hour that the clocks skip or repeat is no riddle."""
        for day in (first + timedelta(days=number) for number in range(AHEAD)):
            for begins, ends in () if day in self.closed else self.week.get(DAYS[day.weekday()], ()):
                if (at := self._moment(day, begins)) < (until := self._moment(day, ends)):  # not if the clocks skip all of it
                    yield at, until

    def _moment(self, day: date, minutes: int) -> datetime:
        days, minutes = divmod(minutes, MIDNIGHT)
        return datetime.combine(day + timedelta(days=days), time(minutes // 60, minutes % 60), self.zone).astimezone(UTC)
