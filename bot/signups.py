"""The rules of signing up, pure: who has a seat, who is offered one, what is due when. storage/ holds the locks, bot/effects/ says the words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from math import inf
from zoneinfo import ZoneInfo

from storage.records import Event, Registration

NIGHT_BEGINS, NIGHT_ENDS = time(21), time(8)  # nobody is reminded of anything then, where they are
EVENING, MORNING = time(20, 30), time(9)  # when it is said instead
SHORTEST_OFFER = timedelta(minutes=30)
LAST_OFFER = timedelta(minutes=15)  # before the start: nobody could come any more
FEEDBACK_AFTER, FEEDBACK_UNTIL = timedelta(hours=1), timedelta(days=7)
MOST_SEATS = 5  # for one person and those who come along


# ---- seats --------------------------------------------------------------------------------------------------------


def why_not(event: Event, now: datetime) -> str:
    """Why nobody can sign up; "" if anybody can."""
    if event.state == "cancelled":
        return "cancelled"
    if event.state != "published":
        return "none"  # a draft is nobody's business
    if now >= event.ends_at:
        return "over"
    if event.opens_at and now < event.opens_at:
        return "not-yet"
    return "closed" if now >= closes_at(event) else ""


def closes_at(event: Event) -> datetime:
    return min(event.closes_at, event.starts_at) if event.closes_at else event.starts_at


def free(event: Event) -> float:
    """Seats that nobody has; any number where they are not counted."""
    return inf if event.capacity is None else max(0, event.capacity - event.taken)


def placed(event: Event, registration: Registration) -> Registration:
    """Whoever asks for a seat: confirmed while there are enough, else the last of those who wait."""
    return replace(registration, state="confirmed" if registration.seats <= free(event) else "waiting", offered_until=None)


def settle(event: Event, now: datetime, overdue: Iterable[Registration], waiting: Sequence[Registration]) -> list[Registration]:
    """Offers that nobody took are over, and free seats are offered to the first who waits and fits: a group of three does not keep an
    empty seat from whoever comes alone. What changes, in order; `waiting` in the order of coming, `event.taken` counts the overdue."""
    expired = [replace(each, state="expired", offered_until=None) for each in overdue]
    if event.state != "published" or now > event.starts_at - LAST_OFFER:
        return expired
    left, until, offered = free(event) + sum(each.seats for each in expired), offer_until(event, now), list[Registration]()
    for each in waiting:
        if each.seats <= left:
            left -= each.seats
            offered.append(replace(each, state="offered", offered_until=until))
    return [*expired, *offered]


def offer_until(event: Event, now: datetime) -> datetime:
    """A seat is held for as long as staff said, and near the event for a quarter of what is left. Who sleeps then has until the morning,
    if that leaves two hours."""
    held = min(timedelta(hours=event.offer_hours), max((event.starts_at - now) / 4, SHORTEST_OFFER))
    until = min(now + held, event.starts_at)
    if is_night(until, event.zone) and (morning := after_night(until, event.zone)) <= event.starts_at - timedelta(hours=2):
        until = morning
    return until.replace(microsecond=0)


# ---- nights -------------------------------------------------------------------------------------------------------


def is_night(at: datetime, zone: str) -> bool:
    local = at.astimezone(ZoneInfo(zone)).time()
    return local >= NIGHT_BEGINS or local < NIGHT_ENDS


def before_night(at: datetime, zone: str) -> datetime:
    """That moment; or, at night, the evening before: a reminder that comes too late is none."""
    local = at.astimezone(ZoneInfo(zone))
    if not is_night(at, zone):
        return at
    evening = local if local.time() >= NIGHT_BEGINS else local - timedelta(days=1)
    return datetime.combine(evening.date(), EVENING, ZoneInfo(zone)).astimezone(at.tzinfo)


def after_night(at: datetime, zone: str) -> datetime:
    """That moment; or, at night, the next morning."""
    local = at.astimezone(ZoneInfo(zone))
    if not is_night(at, zone):
        return at
    morning = local if local.time() < NIGHT_ENDS else local + timedelta(days=1)
    return datetime.combine(morning.date(), MORNING, ZoneInfo(zone)).astimezone(at.tzinfo)


# ---- what is due --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """Something that happens at its time. It follows from the event and is never kept: so it moves when the event does."""

    at: datetime
    what: str  # reminder, feedback, anonymise
    zone: str = ""  # of the people whom it is for


def agenda(event: Event, zones: Collection[str], home: str, keep: timedelta) -> list[Due]:
    """Everything of an event, in order. `zones`: of those who are confirmed ("" is `home`, the programme's); `keep`: after its end."""
    items = [Due(event.ends_at + keep, "anonymise")]
    if event.state != "published":
        return items if event.state == "cancelled" else []
    for zone in zones:
        there = zone or home
        moments = {before_night(event.starts_at - timedelta(minutes=minutes), there) for minutes in event.reminders}
        items += [Due(at, "reminder", zone) for at in moments]
        items.append(Due(after_night(event.ends_at + FEEDBACK_AFTER, there), "feedback", zone))
    return sorted(items)


def link_at(event: Event, zone: str) -> datetime:
    """When the link goes to people in this zone: so many days before, in the morning of the event's own zone; an hour before at the latest."""
    morning = datetime.combine(event.begins.date() - timedelta(days=event.link_days), MORNING, ZoneInfo(event.zone))
    return before_night(min(morning.astimezone(event.starts_at.tzinfo), event.starts_at - timedelta(hours=1)), zone)


def night_after(at: datetime, zone: str) -> datetime:
    """When nobody is to be disturbed any more that day."""
    local = at.astimezone(ZoneInfo(zone))
    return datetime.combine(local.date(), NIGHT_BEGINS, ZoneInfo(zone)).astimezone(at.tzinfo)


def is_released(event: Event, zone: str, now: datetime) -> bool:
    """May a confirmed person in this zone have the link?"""
    return bool(event.link) and event.state == "published" and now >= link_at(event, zone)


def due_now(event: Event, items: Iterable[Due], now: datetime) -> list[Due]:
    """What has become due since it was last looked at."""
    since = event.run_until or now
    return [each for each in items if since < each.at <= now]


def next_due(items: Iterable[Due], others: Iterable[datetime | None], now: datetime) -> datetime | None:
    """When to look again; None: nothing will ever be due. `others`: when an offer ends, when the link goes out."""
    return min([each.at for each in items if each.at > now] + [each for each in others if each], default=None)
