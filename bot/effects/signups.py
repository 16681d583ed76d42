"""Signing up: a seat or a place in the line, taking what is offered, "can't come", and how it was. Each verb holds the event's lock."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import replace

from bot.effects import cards, due
from bot.effects.cards import Told, told
from bot.effects.nouns import Context, Desk, Outcome, name_of, said
from bot.letters import pack
from bot.signups import MOST_SEATS, is_released, placed, why_not
from dialogs.nouns import Fact, Message, Say
from storage import chats, events, registrations, seats
from storage.records import Chat, Draft, Event, Registration

log = logging.getLogger(__name__)

NEAREST = 60  # events in the list: who looks for something later finds it by its name, or when it comes nearer
LOOKED_AT = 400  # events looked through for those that suit somebody
CODE = re.compile(r"([a-z][a-z0-9]{3,15})(?:-([0-9a-f]{8}))?")  # of an event; with the beginning of a registration's id, in a chat that a family shares
EVERYTHING = "everything"  # what is pressed to see what does not suit them, too
NOW = {"confirmed": "event.now-confirmed", "waiting": "event.now-waiting", "offered": "event.now-offered"}
SPOKEN = re.compile(r"\d{4}")


def code_of(context: Context) -> str:
    """The event that the dialog is about: chosen from a list, or named by a button, a link or a command."""
    wanted = next((context.memo[name] for name in ("every", "which", "code") if context.memo.get(name) not in {None, "", EVERYTHING}), "")
    found = CODE.fullmatch(wanted.strip().lower().removeprefix("event_"))
    return found[1] if found else ""


async def _event(context: Context, *, lock: bool = False) -> Event | None:
    """None: there is none of that code, or it is still a draft."""
    code = code_of(context)
    event = await events.get(context.unit, code, lock=lock) if code else None
    return event if event and (event.state != "draft" or context.staff) else None


async def _mine(context: Context, event: Event) -> Registration | None:
    """Of whoever speaks; or of the one of their family whom the button is about."""
    named = CODE.fullmatch(context.memo.get("code", "").strip().lower())
    if named and named[2]:
        here = [*await seats.of_chat(context.unit, context.chat.id), *([context.person.id] if context.person else [])]
        there = [await registrations.get(context.unit, event.id, each) for each in here]
        return next((each for each in there if each and each.id.hex.startswith(named[2])), None)
    return await registrations.get(context.unit, event.id, context.person.id) if context.person else None


async def _theirs(context: Context) -> tuple[Event, Registration] | None:
    """The event under its lock, and what they have there; None: nothing."""
    await context.write()
    event = await _event(context, lock=True)
    mine = await _mine(context, event) if event else None
    return (event, mine) if event and mine else None


def _nothing() -> Outcome:
    return said("event.none", "none")


# ---- looking ------------------------------------------------------------------------------------------------------


async def open_events(context: Context) -> Mapping[str, Fact]:
    """What is coming, the nearest first: what suits them; or everything, if they asked for that."""
    coming = await events.coming(context.unit, LOOKED_AT)
    suits = [each for each in coming if _suits(each, context)]
    everything = context.memo.get("which") == EVERYTHING
    shown = (coming if everything else suits)[:NEAREST]
    labels = {it.event.code: _label(it, context) for it in await told(Desk.of(context), *shown)}
    if not everything and len(suits) < len(coming):
        labels[EVERYTHING] = {"say": "events.show-everything"}
    return labels


async def my_signups(context: Context) -> Mapping[str, Fact]:
    """Events that they signed up for and that are not over, the nearest first; with how it stands."""
    if context.person is None:
        return {}
    mine = {each.event_id: each for each in await registrations.of_person(context.unit, context.person.id) if each.state in {"confirmed", "offered", "waiting"}}
    there = [event for each in mine if (event := await events.find(context.unit, each))]
    ahead = sorted((each for each in there if each.ends_at > context.unit.now), key=lambda event: event.starts_at)
    return {it.event.code: {"pair": [_label(it, context), cards.STATES[mine[it.event.id].state]]} for it in await told(Desk.of(context), *ahead)}


def _label(it: Told, context: Context) -> Fact:
    day: Fact = {"day": it.event.begins.date().isoformat()}
    return {"say": "events.label", "with": {"title": it.title(*cards.reads(context.chat)), "day": day}}


def _suits(event: Event, context: Context) -> bool:
    """By role, by region (unless it is online), by language. What we don't know of somebody keeps nothing from them."""
    codes = _codes(context)
    role, region = codes.get("role", ""), codes.get("region", "")
    if event.roles and role and role not in event.roles:
        return False
    if event.regions and event.place and region and not any(region[:4] == each[:4] for each in event.regions):  # NUTS 2: the same Land
        return False
    spoken = {event.language, *event.interpretation}
    understands = {*cards.reads(context.chat), *codes.get("speaks", "").split()}
    return "interpreter" in event.asks or bool(spoken & understands) or "speaks" not in codes


def _codes(context: Context) -> Mapping[str, str]:
    """Of whoever speaks here: facet -> codes."""
    found: dict[str, str] = {}
    for row in context.person.answers.values() if context.person else ():
        step = context.scripts.question(row.question)
        if step and step.facet in {"role", "region", "speaks"} and row.code:
            found[step.facet] = f"{found.get(step.facet, '')} {row.code}".strip()
    return found


async def show_event(context: Context) -> Outcome:
    """Its card, with what they can do."""
    await context.write()
    event = await _event(context)
    if event is None:
        return _nothing()
    it = (await told(Desk.of(context), event))[0]
    return Outcome((await cards.card(Desk.of(context), it, context.chat, await _mine(context, event)),), "there")


# ---- signing up ---------------------------------------------------------------------------------------------------


async def look(context: Context) -> Outcome:
    """May they sign up, and what does the event ask of them? What we know is not asked again."""
    await context.write()
    event = await _event(context)
    if event is None:
        return _nothing()
    mine = await _mine(context, event)
    if mine and mine.state in {"confirmed", "waiting"}:
        return Outcome((await _as_it_stands(context, event, mine),), "there-already")
    if mine and mine.state == "offered":  # they told everything before
        return Outcome((), "open")
    if reason := why_not(event, context.unit.now):
        it = (await told(Desk.of(context), event))[0]
        return Outcome((await cards.card(Desk.of(context), it, context.chat, mine),), reason)
    known = context.person and name_of(context.person, context.scripts) != f"№ {context.person.number}"
    known_already = {"name"} if known else set()
    if mine:  # they told everything before
        known_already = {*event.asks}
    if event.language in cards.reads(context.chat):
        known_already.add("interpreter")
    if event.capacity is not None and event.capacity < MOST_SEATS:
        known_already.add("seats")  # a group that is larger than the event would wait for ever
    asks = [f"ask-{each}" for each in event.asks if each not in known_already]
    return Outcome((), " ".join(["open", *asks]))


async def sign_up(context: Context) -> Outcome:
    """A seat; or, when there is none left, the last place in the line."""
    await context.write()
    event = await _event(context, lock=True)
    if event is None or context.person is None:
        return _nothing()
    mine = await _mine(context, event)
    if mine and mine.state in {"confirmed", "waiting"}:  # pressed twice
        return Outcome((await _as_it_stands(context, event, mine),), mine.state)
    if mine and mine.state == "offered":
        return await accept_offer(context)
    if reason := why_not(event, context.unit.now):
        it = (await told(Desk.of(context), event))[0]
        return Outcome((await cards.card(Desk.of(context), it, context.chat, mine),), reason)
    earlier = await due.settled(Desk.of(context), (await told(Desk.of(context), event))[0])  # whoever waits comes first
    event = await events.find(context.unit, event.id) or event
    asked = placed(event, await _asked(context, event, mine))
    if mine:
        await registrations.save(context.unit, [asked])
    else:
        asked = await registrations.begin(context.unit, asked)
    after = await _after(context, event, asked)
    return replace(after, notices=(*earlier, *after.notices))


async def _asked(context: Context, event: Event, before: Registration | None) -> Registration:
    """What they told, as a registration that has no seat yet. Who asks again comes after those who are there."""
    assert context.person  # noqa: S101 - the caller has looked
    memo, codes = context.memo, _codes(context)
    known = name_of(context.person, context.scripts)
    content = {
        "name": memo.get("name", "") or (known if "name" in event.asks and known != f"№ {context.person.number}" else ""),
        "access": memo.get("access.words", ""),
    }
    wanted = int(memo["seats"][1:]) if re.fullmatch(rf"n[1-{MOST_SEATS}]", memo.get("seats", "")) else before.seats if before else 1
    new = Registration(event.id, event.id, context.person.id, context.chat.id, "waiting")  # its id comes with the row
    return replace(
        before or new,
        chat_id=(await _door(context)).id,
        place=1 + await registrations.last_place(context.unit, event.id),
        seats=wanted,
        language=context.chat.language,
        zone=cards.zone_of(context.chat),
        interpreter=context.chat.language if memo.get("interpreter") == "yes" else before.interpreter if before and "interpreter" not in memo else "",
        role=codes.get("role", ""),
        region=codes.get("region", "").partition(" ")[0],
        changed_at=context.unit.now,
        linked_at=None,
        still_at=None,
        content={**(before.content if before else {}), **{name: value for name, value in content.items() if value}},
    )


async def _after(context: Context, event: Event, mine: Registration) -> Outcome:
    """The event settles, and they are told how it is with them."""
    desk = Desk.of(context)
    it = (await told(desk, event))[0]
    if mine.state == "confirmed" and mine.interpreter:
        event, warnings = await due.interpreters(desk, it)
        it = replace(it, event=event)
    else:
        warnings = []
    if mine.state == "confirmed" and is_released(event, mine.zone or context.programme.zone, context.unit.now):
        await registrations.link(context.unit, [mine.id])  # it stands in what they are told now
    notices = await due.settled(desk, it)
    now = await registrations.find(context.unit, mine.id) or mine
    event = await events.find(context.unit, event.id) or event
    if now.state == "offered":  # nobody waited before them, and a seat was free
        notices = [each for each in notices if not each.key.startswith(f"{registrations.LETTERS}.{mine.id}.")]
    letter = await _as_it_stands(context, event, now, news=True)
    door = await _door(context)
    copy = [Draft(cards.letter_key(mine, "copy"), letter, door)] if door.id != context.chat.id else []
    return Outcome((letter,), now.state, notices=(*notices, *warnings, *copy))


async def _door(context: Context) -> Chat:
    """Where letters about it go: by mail if they want that, else here."""
    mail = await chats.mail_of(context.unit, context.person.id) if context.person else None
    return mail or context.chat


async def _as_it_stands(context: Context, event: Event, mine: Registration, *, news: bool = False) -> dict[str, object]:
    """In one letter: what, when, where, and what they can do. With the file for their calendar and the ticket, when it is new."""
    desk = Desk.of(context)
    it = (await told(desk, event))[0]
    if event.state != "published" or mine.state not in NOW or context.unit.now >= event.ends_at:
        return await cards.card(desk, it, context.chat, mine)
    head = Say(NOW[mine.state], cards.heading(it, context.chat))
    own = cards.own_time(event, cards.zone_of(context.chat))
    name = [Say("common.for", {"name": mine.content["name"]}, line=True)] if mine.state == "confirmed" and "name" in mine.content else []
    where = Say("event.place", {"place": event.place}, line=True) if event.place else Say("event.online", line=True)
    parts = [head, *own, where, *name, *(await cards.stands(desk, it, context.chat, mine))[1 if mine.state == "confirmed" else 0 :]]
    confirmed = news and mine.state == "confirmed"
    return pack(
        Message(tuple(parts), picture=ticket_of(context, mine) if confirmed and event.place else ""),
        actions=cards.actions(it, mine, desk),
        document=cards.calendar_of(it, context.chat, desk) if confirmed else None,
    )


def ticket_of(context: Context, mine: Registration) -> str:
    """The picture of their ticket: a link that a member of staff opens at the door."""
    return f"ticket/{ticket(context.unit.cipher.index, mine)}"


def ticket(index: object, mine: Registration) -> str:
    """What stands in it: the registration, and that we made it."""
    assert callable(index)  # noqa: S101 - the cipher's own
    mac: bytes = index(f"ticket/{mine.id}")
    return f"{mine.id.hex}{mac.hex()[:20]}"


# ---- taking, leaving ----------------------------------------------------------------------------------------------


async def accept_offer(context: Context) -> Outcome:
    """The seat that was held for them is theirs, if its time is not over."""
    found = await _theirs(context)
    if found is None:
        return _nothing()
    event, mine = found
    if mine.state == "confirmed":
        return Outcome((await _as_it_stands(context, event, mine),), "confirmed")
    if event.state != "published":
        return Outcome((await _as_it_stands(context, event, mine),), event.state)
    if mine.state != "offered" or (mine.offered_until and mine.offered_until <= context.unit.now) or context.unit.now >= event.ends_at:
        return await _too_late(context, event, mine)
    mine = replace(mine, state="confirmed", offered_until=None, chat_id=(await _door(context)).id, changed_at=context.unit.now)
    await registrations.save(context.unit, [mine])
    return await _after(context, event, mine)


async def _too_late(context: Context, event: Event, mine: Registration) -> Outcome:
    """The seat went on; what is due for it is done now."""
    desk = Desk.of(context)
    it = (await told(desk, event))[0]
    notices = await due.settled(desk, it)
    now = await registrations.find(context.unit, mine.id) or mine
    notices = [each for each in notices if not each.key.startswith(f"{registrations.LETTERS}.{mine.id}.")]
    event = await events.find(context.unit, event.id) or event
    late = Say("event.too-late", cards.heading(it, context.chat))
    return Outcome((pack(Message((late,)), actions=cards.actions(replace(it, event=event), now, desk)),), "too-late", notices=tuple(notices))


async def cancel(context: Context) -> Outcome:
    """One tap: their seat goes to whoever waits; or they wait no more; or an offer is left to the next."""
    found = await _theirs(context)
    if found is None:
        return _nothing()
    event, mine = found
    desk = Desk.of(context)
    it = (await told(desk, event))[0]
    heading = cards.heading(it, context.chat)
    if mine.state in {"cancelled", "expired"}:
        return Outcome((pack(Message((Say("event.gone-already", heading),)), actions=cards.actions(it, mine, desk)),), "cancelled")
    if context.unit.now >= event.starts_at:
        return said("event.over")
    before, mine = mine.state, replace(mine, state="cancelled", offered_until=None, changed_at=context.unit.now)
    await registrations.save(context.unit, [mine])
    await registrations.silence(context.unit, [mine.id])
    notices = await due.settled(desk, it)
    event = await events.find(context.unit, event.id) or event
    sentence = {"confirmed": "event.seat-given-back", "offered": "event.offer-left", "waiting": "event.waits-no-more"}[before]
    return Outcome(
        (pack(Message((Say(sentence, heading),)), actions=cards.actions(replace(it, event=event), mine, desk)),), "cancelled", notices=tuple(notices)
    )


async def set_zone(context: Context) -> Outcome:
    """Where they are now, so that nothing of their events wakes them there."""
    if context.person:
        await context.write()
        await registrations.move_to(context.unit, context.person.id, context.memo.get("which", ""))
    return Outcome()


async def still_coming(context: Context) -> Outcome:
    """After a change: yes."""
    found = await _theirs(context)
    if found is None:
        return _nothing()
    event, mine = found
    if mine.state == "confirmed":
        mine = replace(mine, still_at=context.unit.now)
        await registrations.save(context.unit, [mine])
    return Outcome((await _as_it_stands(context, event, mine),), mine.state)


# ---- there, and after ---------------------------------------------------------------------------------------------


async def was_here(context: Context) -> Outcome:
    """By the code that is said aloud there."""
    await context.write()
    typed = "".join(each for each in context.memo.get("code", "") if each.isdecimal())
    for each in await registrations.of_person(context.unit, context.person.id) if context.person else ():
        event = await events.find(context.unit, each.event_id)
        if each.state == "confirmed" and event and is_going_on(event, context) and SPOKEN.fullmatch(typed) and event.spoken == str(int(typed)).zfill(4):
            await registrations.attend(context.unit, each.id)
            it = (await told(Desk.of(context), event))[0]
            return said("here.noted", "noted", **cards.heading(it, context.chat))
    return said("here.wrong", "wrong")


def is_going_on(event: Event, context: Context) -> bool:
    """With an hour before and after."""
    return event.state == "published" and event.starts_at.timestamp() - 3600 <= context.unit.now.timestamp() <= event.ends_at.timestamp() + 3600


async def look_back(context: Context) -> Outcome:
    """Is there an event of theirs to tell about?"""
    await context.write()
    event = await _event(context)
    mine = await _mine(context, event) if event else None
    if event is None or mine is None or mine.state != "confirmed":
        return _nothing()
    if context.unit.now < event.starts_at:
        return said("feedback.too-early", "too-early")
    return said("feedback.about", "there", **cards.heading((await told(Desk.of(context), event))[0], context.chat))


async def give_feedback(context: Context) -> Outcome:
    """Were they there, how was it, and what else they say. Said again, the newer counts."""
    found = await _theirs(context)
    if found is None:
        return _nothing()
    _, mine = found
    there, stars, words = context.memo.get("there"), context.memo.get("how", ""), context.memo.get("words.words", "")
    content = {name: value for name, value in {**mine.content, "words": words}.items() if value}
    rating = int(stars[1:]) if re.fullmatch(r"r[1-5]", stars) else None
    await registrations.save(context.unit, [replace(mine, was_there=there == "yes", rating=rating, content=content)])
    return Outcome()
