"""What is due for an event: offers that run out, seats that are free again, reminders, the link, "how was it?", and forgetting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from bot.effects.cards import Linking, Offering, Telling, Told, letters, still_coming, told
from bot.effects.nouns import Desk
from bot.messages import Incoming, Kind
from bot.settings import Programme
from bot.signups import Due, agenda, due_now, next_due, settle
from storage import chats, events, registrations, staff
from storage.records import Chat, Draft, Event, Registration
from storage.store import Unit

CLOCK = "clock"  # the source of acts of our own
EVENT = "event-due"
WAITING_AT_ONCE = 200  # who wait, looked at to find whom a free seat fits


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
    event = replace(event, taken=await registrations.seats_taken(unit, event.id))
    overdue = await registrations.overdue(unit, event.id)
    waiting = (
        await registrations.of_event(unit, event.id, ["waiting"], WAITING_AT_ONCE) if event.capacity is None or overdue or event.taken < event.capacity else []
    )
    changed = [replace(each, changed_at=unit.now) for each in settle(event, unit.now, overdue, waiting)]
    if changed:
        await registrations.save(unit, changed)
        event = replace(event, taken=await registrations.seats_taken(unit, event.id))
    items = agenda(event, await registrations.zones(unit, event.id), desk.programme.zone, _kept(desk))
    event = replace(event, next_at=next_due(items, await registrations.next_offer_ends(unit, event.id), unit.now))
    await events.save(unit, event)
    return await _tell_changes(desk, replace(it, event=event), changed)


async def _tell_changes(desk: Desk, it: Told, changed: Sequence[Registration]) -> list[Draft]:
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
        there = [each for each in await registrations.of_event(desk.unit, event.id, ["confirmed"]) if each.zone == item.zone]
        match item.what:
            case "link" if desk.unit.now < event.ends_at:
                telling: Telling = Linking(desk, it, "event.link-is-here", actions=still_coming(event)[1:], until=event.ends_at.isoformat())
                drafts += await letters(desk, there, "link", telling)
            case "reminder" if desk.unit.now < event.starts_at and item.zone not in reminded:
                reminded.add(item.zone)
                drafts += await letters(desk, there, f"reminder-{item.at.timestamp():.0f}", reminder(desk, it))
            case "feedback":
                ask = [("feedback", event.code, {"say": "event.tell-how"})]
                drafts += await letters(desk, there, "feedback", Telling(desk, it, "event.how-was-it", actions=ask))
    return drafts


def reminder(desk: Desk, it: Told) -> Telling:
    """What a stranger may read over somebody's shoulder: what and when, and one tap if they can't."""
    return Telling(desk, it, "event.reminder", actions=still_coming(it.event)[1:], until=it.event.starts_at.isoformat())


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
