"""What is due for an event: offers that run out, seats that are free again, reminders, the link, "how was it?", and forgetting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from bot.effects.cards import Linking, Offering, Telling, Told, letters, still_coming, told
from bot.effects.nouns import Desk
from bot.messages import Incoming, Kind
from bot.settings import Programme
from bot.signups import Due, after_night, agenda, due_now, is_released, link_at, next_due, night_after, settle
from storage import chats, events, registrations, staff
from storage.records import Chat, Draft, Event, Registration
from storage.store import Unit

CLOCK = "clock"  # the source of acts of our own
EVENT = "event-due"
WAITING_AT_ONCE = 500  # offers made in one go; the next look makes more


async def due(unit: Unit, _: Programme) -> list[Incoming]:
    """Events for which something is due. The minute is in the key: what could not be done is tried again, and twice does no harm."""
    now = unit.now.strftime("%Y-%m-%dT%H:%M")
    return [Incoming(CLOCK, f"event/{event_id}/{at.timestamp():.0f}/{now}", Kind.DUE, EVENT, str(event_id)) for event_id, at in await events.due(unit)]


async def run(desk: Desk, argument: str) -> Sequence[Draft]:
    """Everything that is due for one event, under its lock."""
    event = await events.find(desk.unit, UUID(argument), lock=True)
    if event is None:
        return ()
    it = (await told(desk, event))[0]
    zones = await registrations.zones(desk.unit, event.id)
    items = due_now(event, agenda(event, zones, desk.programme.zone, _kept(desk)), desk.unit.now)
    drafts = await _carry_out(desk, it, items)
    return [*drafts, *await settled(desk, replace(it, event=replace(event, run_until=desk.unit.now)))]


async def settled(desk: Desk, it: Told) -> list[Draft]:
    """After anything that may have freed a seat, or moved the event: who waits is offered what is free, and the next look has its time. The
    event is saved; whoever calls holds its lock. What is to be said to others."""
    unit, event = desk.unit, it.event
    event = shrunk(replace(event, taken=await registrations.seats_taken(unit, event.id)))
    overdue = await registrations.overdue(unit, event.id)
    left = None if event.capacity is None else event.capacity - event.taken + sum(each.seats for each in overdue)
    waiting = await registrations.waiting(unit, event.id, left, WAITING_AT_ONCE) if left is None or left > 0 else []
    changed = [replace(each, changed_at=unit.now) for each in settle(event, unit.now, overdue, waiting)]
    if changed:
        await registrations.save(unit, changed)
        event = replace(event, taken=await registrations.seats_taken(unit, event.id))
    it = replace(it, event=event)
    linked, link_next = await _link(desk, it)
    items = agenda(event, await registrations.zones(unit, event.id), desk.programme.zone, _kept(desk))
    event = replace(event, next_at=next_due(items, [await registrations.next_offer_ends(unit, event.id), link_next], unit.now))
    await events.save(unit, event)
    return [*await _tell_changes(desk, replace(it, event=event), changed), *linked]


def shrunk(event: Event) -> Event:
    """Seats that are given back go to nobody until there are as few as staff want."""
    if event.shrink_to is None or event.capacity is None:
        return event
    capacity = max(event.shrink_to, event.taken)
    return replace(event, capacity=capacity, shrink_to=event.shrink_to if capacity > event.shrink_to else None)


async def _link(desk: Desk, it: Told) -> tuple[list[Draft], datetime | None]:
    """Whoever is confirmed and may have the link by now gets it, once; and when the next of them may."""
    event, now = it.event, desk.unit.now
    if not event.link or event.state != "published" or now >= event.ends_at:
        return [], None
    without = await registrations.unlinked(desk.unit, event.id)
    may = [each for each in without if is_released(event, each.zone or desk.programme.zone, now)]
    await registrations.link(desk.unit, [each.id for each in may])
    telling = Linking(desk, it, "event.link-is-here", actions=still_coming(event)[1:], until=event.ends_at.isoformat())
    later = min((link_at(event, zone or desk.programme.zone) for zone in {each.zone for each in without if each not in may}), default=None)
    return await letters(desk, may, "link", telling), later


async def _tell_changes(desk: Desk, it: Told, changed: Sequence[Registration]) -> list[Draft]:
    if it.event.state != "published":
        return []
    offered = [each for each in changed if each.state == "offered"]
    expired = [each for each in changed if each.state == "expired"]
    take = [("takeplace", it.event.code, {"say": "event.take"}), ("cantcome", it.event.code, {"say": "event.leave"})]
    again = [("signup", it.event.code, {"say": "event.wait-again"})]
    drafts = await letters(desk, offered, "offer", Offering(desk, it, "event.offer", actions=take, until=it.event.starts_at.isoformat()))
    return [*drafts, *await letters(desk, expired, "expired", Telling(desk, it, "event.expired", actions=again))]


async def _carry_out(desk: Desk, it: Told, items: Iterable[Due]) -> list[Draft]:
    """Of several reminders that an outage held up, only one is said."""
    event, drafts, reminded = it.event, list[Draft](), set[str]()
    for item in items:
        if item.what == "anonymise":
            await registrations.anonymise(desk.unit, event.id)
            continue
        confirmed = await registrations.of_event(desk.unit, event.id, ["confirmed"])
        there = [each for each in confirmed if each.zone == item.zone and each.changed_at and each.changed_at <= item.at]
        match item.what:
            case "reminder" if desk.unit.now < event.starts_at and item.zone not in reminded:
                reminded.add(item.zone)
                drafts += await letters(desk, there, f"reminder-{item.at.timestamp():.0f}", reminder(desk, it, item))
            case "feedback":
                ask = [("feedback", event.code, {"say": "event.tell-how"})]
                asked = await letters(desk, there, "feedback", Telling(desk, it, "event.how-was-it", actions=ask))
                morning = after_night(desk.unit.now, item.zone or desk.programme.zone)
                drafts += [replace(each, due_at=morning) for each in asked]
    return drafts


def reminder(desk: Desk, it: Told, item: Due) -> Telling:
    """What a stranger may read over somebody's shoulder: what and when, and one tap if they can't. Held up until night, it is not said any more."""
    until = min(it.event.starts_at, night_after(item.at, item.zone or desk.programme.zone))
    return Telling(desk, it, "event.reminder", actions=still_coming(it.event)[1:], until=until.isoformat())


def _kept(desk: Desk) -> timedelta:
    return timedelta(days=desk.programme.event_days)


# ---- staff --------------------------------------------------------------------------------------------------------


async def interpreters(desk: Desk, it: Told) -> tuple[Event, list[Draft]]:
    """Staff are told once for each language in which enough people want an interpreter, and none is there yet."""
    event = it.event
    wanted = await registrations.interpreters_wanted(desk.unit, event.id)
    many = [
        each for each in sorted(wanted) if wanted[each] >= event.threshold and each not in event.warned and each not in (*event.interpretation, event.language)
    ]
    drafts = []
    for language in many:
        for chat in await _staff_chats(desk, event):
            content = Telling(desk, it, actions=[("manage", event.code, {"say": "manage.open"})]).plain(
                chat, "manage.interpreter-needed", n=wanted[language], language={"from": "spoken-languages", "code": language}
            )
            drafts.append(Draft(f"event.{event.id}.interpreter.{language}.{chat.id}", content, chat))
    return replace(event, warned=(*event.warned, *many)), drafts


async def _staff_chats(desk: Desk, event: Event) -> list[Chat]:
    """Whoever made it; if they are gone, everybody who may look after events."""
    team = {each.id for each in await staff.everybody(desk.unit) if each.rank in {"coordinator", "admin"}}
    return await chats.of_staff(desk.unit, [event.staff_id] if event.staff_id in team else team)
