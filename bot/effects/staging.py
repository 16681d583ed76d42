"""Events, for the staff: making, publishing, changing and calling them off. Whoever a change concerns is told in the same commit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from bot.effects import cards, due
from bot.effects.cards import Linking, Telling, Told, letters, still_coming, told
from bot.effects.nouns import Context, Desk, Outcome, said
from bot.effects.signups import code_of
from bot.effects.staff import refused
from bot.letters import Action, pack
from bot.rights import may
from bot.signups import is_released, offer_until
from dialogs.nouns import Fact, Message, Say
from dialogs.when import Misread, understand_befores, understand_moment
from storage import events, registrations
from storage.records import Chat, Draft, Event, EventText, Registration

REGION = re.compile(r"[A-Z]{2}[A-Z0-9]{3}")  # NUTS 3, as a postcode tells it
MOST_SEATS = 100_000
IS = {"draft": "manage.is-draft", "published": "manage.is-published", "cancelled": "manage.is-cancelled"}
DO = {
    "publish": "manage.do-publish",
    "glance": "manage.do-glance",
    "change": "manage.do-change",
    "wording": "manage.do-wording",
    "drop": "manage.do-drop",
    "guests": "manage.do-guests",
    "tell": "manage.do-tell",
    "sheet": "manage.do-sheet",
    "opinions": "manage.do-opinions",
    "calloff": "manage.do-calloff",
}
TEXT_IS = {
    "original": "wording.original",
    "human": "wording.human",
    "machine": "wording.machine",
    "outdated": "wording.outdated",
    "missing": "wording.missing",
}
CONCERNED = ("confirmed", "offered", "waiting")


async def managed(context: Context, act: str = "events", *, lock: bool = False) -> Told | Outcome:
    """The event of the dialog, if they may; or what is said instead."""
    if not may(context.staff, act):
        return refused(context, act)
    await context.write()
    code = code_of(context)
    event = await events.get(context.unit, code, lock=lock) if code else None
    return (await told(Desk.of(context), event))[0] if event else said("manage.none", "none")


def words_of(memo: Mapping[str, str], step: str) -> str:
    """What was typed; of a button that stands for something else, nothing."""
    return memo.get(f"{step}.words", "") if memo.get(step) == "other" else ""


# ---- making -------------------------------------------------------------------------------------------------------


async def mine(context: Context) -> Mapping[str, Fact]:
    """Events to make another one like: what is coming first."""
    if not may(context.staff, "see-events"):
        return {}
    labels = {}
    for it in await told(Desk.of(context), *await events.newest(context.unit, 40)):
        day: Fact = {"day": it.event.begins.date().isoformat()}
        labels[it.event.code] = {"say": "events.label", "with": {"title": it.title(*cards.reads(context.chat)), "day": day}}
    return labels


async def create(context: Context) -> Outcome:
    """A draft: new, like an earlier one, or another date of a series."""
    if not may(context.staff, "events"):
        return refused(context, "events")
    assert context.staff  # noqa: S101 - may() has looked
    await context.write()
    unit, memo = context.unit, context.memo
    begins, ends = span_of(memo["when"])
    if memo.get("like") == "new":
        event = Event(
            uuid4(),
            "",
            begins,
            ends,
            context.programme.zone,
            place="" if is_link(words_of(memo, "place")) else words_of(memo, "place"),
            link=words_of(memo, "link") or (words_of(memo, "place") if is_link(words_of(memo, "place")) else ""),
            language=memo.get("spoken", "en"),
            capacity=_capacity(memo.get("seats", "0")),
            roles=tuple(memo.get("roles", "").split()),
            asks=tuple(memo.get("asks", "").split()),
            organiser=context.programme.name,
        )
        written = [EventText(_language(context, memo["about"]), memo["title"], memo["about"], "original")]
    else:
        before = await events.get(unit, memo["which"], lock=memo.get("like") == "series")
        if before is None:
            return said("manage.none", "none")
        texts = (await events.texts(unit, [before.texts])).get(before.texts, {})
        written = list(texts.values())
        if memo.get("like") == "series" and before.series is None:  # from now on its texts are the series'
            before = replace(before, series=uuid4())
            await events.write(unit, before.texts, written)
            await events.save(unit, before)
        series = before.series if memo.get("like") == "series" else None
        event = replace(
            before, begins=begins, ends=ends, state="draft", taken=0, series=series, opens_at=None, closes_at=None, warned=(), next_at=None, link=""
        )
        written = [] if series else written
    event = await events.begin(unit, replace(event, staff_id=context.staff.id, run_until=None, next_at=None))
    await events.write(unit, event.texts, written)
    return await _shown(context, event.code, Say("newevent.made", {"code": event.code}))


def is_link(text: str) -> bool:
    """What was typed as the place, and must not be shown to everybody."""
    return "://" in text


def span_of(value: str) -> tuple[datetime, datetime]:
    begins, _, ends = value.partition("/")
    return datetime.fromisoformat(begins), datetime.fromisoformat(ends)


def _capacity(number: str) -> int | None:
    seats = int(number) if number.isdecimal() else 0
    return min(seats, MOST_SEATS) or None


def _language(context: Context, text: str) -> str:
    return context.language_of(text, context.chat.language)


# ---- looking ------------------------------------------------------------------------------------------------------


async def look_after(context: Context) -> Outcome:
    """How it stands: the card, the numbers, and buttons for what they may do."""
    it = await managed(context, "see-events")
    return it if isinstance(it, Outcome) else await _shown(context, it.event.code)


async def _shown(context: Context, code: str, *before: Say) -> Outcome:
    """The staff's card, after whatever there is to say first."""
    event = await events.get(context.unit, code)
    assert event  # noqa: S101 - whoever calls has just had it
    desk = Desk.of(context)
    it = (await told(desk, event))[0]
    card = await cards.card(desk, it, context.chat, None)
    counted = await registrations.counts(context.unit, event.id)
    wanted = await registrations.interpreters_wanted(context.unit, event.id)
    lines = [Say(IS[event.state], {"code": event.code})]
    if event.state != "draft":
        facts: dict[str, Fact] = {"n": counted["confirmed"], "waiting": counted["waiting"], "offered": counted["offered"], "cancelled": counted["cancelled"]}
        lines += [Say("manage.numbers", facts), Say("manage.seats", {"taken": event.taken, "of": event.capacity}) if event.capacity else Say("manage.no-limit")]
        lines += [Say("manage.wanted", {"language": cards.spoken(each), "n": number}) for each, number in sorted(wanted.items())]
        lines.append(Say("manage.spoken-code", {"code": event.spoken}))
    lines += _texts_left(it, context)
    parts = [[each.id, dict(each.facts), each.optional, each.line] for each in before]
    own = [[each.id, dict(each.facts), each.optional, number > 0] for number, each in enumerate(lines)]
    content = {**card, "parts": [*parts, *card["parts"], *own], "actions": [list(each) for each in buttons(event, may(context.staff, "events"))]}
    return Outcome((content,), "there")


def _texts_left(it: Told, context: Context) -> list[Say]:
    """Languages that have no text of their own, or an old one."""
    missing = [each for each in context.words.languages if each not in it.texts]
    old = [each for each, text in it.texts.items() if text.state == "outdated"]
    lines = [Say("manage.missing", {"list": {"list": [cards.spoken(each) for each in missing]}})] if missing else []
    return lines + ([Say("manage.outdated", {"list": {"list": [cards.spoken(each) for each in old]}})] if old else [])


def buttons(event: Event, may_change: bool) -> Sequence[Action]:
    names = {"draft": "publish glance change wording drop", "published": "guests tell change wording glance sheet opinions calloff"}.get(
        event.state, "opinions sheet"
    )
    theirs = names.split() if may_change else [each for each in names.split() if each in {"glance", "opinions"}]
    return [(each, event.code, {"say": DO[each]}) for each in theirs]


async def preview(context: Context) -> Outcome:
    """The card as somebody reads it who has that language."""
    it = await managed(context, "see-events")
    if isinstance(it, Outcome):
        return it
    language = context.memo.get("language", context.chat.language)
    reader = replace(context.chat, language=language, state=None)
    return Outcome(({**await cards.card(Desk.of(context), it, reader, None), "in": language},))


# ---- publishing, dropping -----------------------------------------------------------------------------------------


async def publish(context: Context) -> Outcome:
    """From now on it is there for everybody."""
    it = await managed(context, lock=True)
    if isinstance(it, Outcome):
        return it
    event = it.event
    if event.state != "draft":
        return said("manage.not-a-draft")
    if event.starts_at <= context.unit.now:
        return said("manage.in-the-past")
    event = replace(event, state="published", run_until=context.unit.now)
    notices = await due.settled(Desk.of(context), replace(it, event=event))
    shown = await _shown(context, event.code, Say("manage.published", {"code": event.code}))
    return replace(shown, notices=tuple(notices))


async def drop(context: Context) -> Outcome:
    """A draft that nobody ever saw goes."""
    it = await managed(context, lock=True)
    if isinstance(it, Outcome):
        return it
    if it.event.state != "draft":
        return said("manage.not-a-draft")
    await events.remove(context.unit, it.event.id)
    return said("manage.dropped")


async def call_off(context: Context) -> Outcome:
    """It does not take place: everybody who signed up is told at once."""
    it = await managed(context, lock=True)
    if isinstance(it, Outcome):
        return it
    if it.event.state != "published":
        return said("manage.not-published")
    desk, there = Desk.of(context), await registrations.of_event(context.unit, it.event.id, CONCERNED)
    offers = [replace(each, state="expired", offered_until=None, changed_at=context.unit.now) for each in there if each.state == "offered"]
    it = replace(it, event=replace(it.event, state="cancelled", sequence=it.event.sequence + 1))
    notices = await letters(desk, there, "called-off", Telling(desk, it, "event.cancelled-now", calendar=True))
    await registrations.save(context.unit, offers)
    await due.settled(desk, it)
    return replace(said("manage.called-off", n=len(there)), notices=tuple(notices))


# ---- changing -----------------------------------------------------------------------------------------------------


async def may_change(context: Context) -> Outcome:
    """Is there something to change, and are they the one to do it?"""
    it = await managed(context)
    if isinstance(it, Outcome):
        return it
    return Outcome((), "yes") if it.event.state != "cancelled" else said("manage.not-published", "no")


async def tell_commands(context: Context) -> Outcome:
    """With what events begin, for those who may."""
    return said("manage.commands") if may(context.staff, "events") else Outcome()


async def sure(context: Context) -> Outcome:
    """The card once more, before something that everybody is told of."""
    it = await managed(context)
    return it if isinstance(it, Outcome) else Outcome((await cards.card(Desk.of(context), it, context.chat, None),), "there")


async def change(context: Context) -> Outcome:
    """One thing of it. Where that is something people rely on, they are told and asked whether they still come."""
    it = await managed(context, lock=True)
    if isinstance(it, Outcome):
        return it
    changed = await changed_by(it.event, context)
    if isinstance(changed, Outcome):
        return changed
    before, event = it.event, changed
    if _schedule(before) != _schedule(event):  # what is over by the new one is not caught up on
        event = replace(event, run_until=context.unit.now)
        offered = await registrations.of_event(context.unit, event.id, ["offered"])
        until = offer_until(event, context.unit.now)
        await registrations.save(context.unit, [replace(each, offered_until=min(each.offered_until or until, until)) for each in offered])
    it, desk, notices = replace(it, event=event), Desk.of(context), list[Draft]()
    if before.state == "published":
        if _calendar(before) != _calendar(event):
            it = replace(it, event=replace(event, sequence=event.sequence + 1))
        notices += await _tell_of_change(desk, it, before)
        notices += await due.settled(desk, it)
    else:
        await events.save(context.unit, event)
    shown = await _shown(context, event.code, Say("manage.changed"))
    return replace(shown, code="done", notices=tuple(notices))


def _schedule(event: Event) -> tuple[Any, ...]:
    """What everything that is due follows from."""
    return (event.starts_at, event.ends_at, event.zone, event.reminders)


def _calendar(event: Event) -> tuple[Any, ...]:
    """What stands in people's calendars."""
    return (event.starts_at, event.ends_at, event.zone, event.place)


async def changed_by(event: Event, context: Context) -> Event | Outcome:
    """The event with the one thing changed; or why not."""
    memo, field = context.memo, context.memo.get("field", "")
    local = context.unit.now.astimezone(ZoneInfo(event.zone)).replace(tzinfo=None)
    match field:
        case "when" if context.unit.now >= event.ends_at:
            return said("event.over", "wrong")
        case "when":
            begins, ends = span_of(memo["when"])
            return replace(event, begins=begins, ends=ends)
        case "zone":
            return replace(event, zone=memo["zone"])
        case "seats":
            capacity = _capacity(memo["seats"])
            taken = await registrations.seats_taken(context.unit, event.id)
            if capacity is not None and capacity < taken:
                return said("manage.too-many", "too-many", n=taken, seats=capacity)
            return replace(event, capacity=capacity, taken=taken, shrink_to=None)
        case "opens" | "closes":
            if not (typed := words_of(memo, "moment")):
                return replace(event, opens_at=None) if field == "opens" else replace(event, closes_at=None)
            moment = understand_moment(typed, context.chat.language, local, end_of_day=field == "closes")
            if isinstance(moment, Misread):
                return said("manage.no-moment", "wrong")
            at = moment.replace(tzinfo=ZoneInfo(event.zone))
            if field == "opens" and at >= event.starts_at:  # nobody could ever sign up
                return said("manage.no-moment", "wrong")
            return replace(event, opens_at=at) if field == "opens" else replace(event, closes_at=at)
        case "form" if not memo.get("form"):  # there is none, and that was said
            return Outcome((), "wrong")
        case "reminders":
            typed = words_of(memo, "before")
            minutes = understand_befores(typed, context.chat.language) if typed else ()
            return said("manage.no-reminders", "wrong") if minutes is None else replace(event, reminders=minutes)
        case "town":
            return replace(event, regions=(memo["town"],)) if REGION.fullmatch(memo["town"]) else said("manage.no-town", "wrong")
    return replace(event, **_plainly(field, memo))


def _plainly(field: str, memo: Mapping[str, str]) -> dict[str, Any]:
    """What is as it was typed or pressed."""
    match field:
        case "place" if is_link(words_of(memo, field)):
            return {"place": "", "link": words_of(memo, field)}
        case "place" | "link" | "cost" | "organiser":
            return {field: words_of(memo, field)}
        case "roles" | "topics" | "asks" | "interpretation":
            return {field: tuple(memo.get(field, "").split())}
        case "everywhere":
            return {"regions": ()}
        case "link-days":
            return {"link_days": int(memo["days"])}
        case "offers":
            return {"offer_hours": int(memo["hours"])}
        case "spoken":
            return {"language": memo["spoken"]}
        case "listed":
            return {"listed": memo["listed"] == "yes"}
        case "threshold":
            return {"threshold": int(memo["threshold"])}
        case "form":
            return {"form": memo["form"].replace("-", "_")}
    return {}


async def take_no_more(context: Context) -> Outcome:
    """Nobody loses a seat, and nobody gets one that is given back, until there are as few as staff want."""
    it = await managed(context, lock=True)
    if isinstance(it, Outcome):
        return it
    taken = await registrations.seats_taken(context.unit, it.event.id)
    wanted = _capacity(context.memo.get("seats", "")) or taken
    it = replace(it, event=replace(it.event, capacity=max(taken, 1), taken=taken, shrink_to=wanted))
    notices = await due.settled(Desk.of(context), it)
    return replace(await _shown(context, it.event.code, Say("manage.changed")), notices=tuple(notices))


async def _tell_of_change(desk: Desk, it: Told, before: Event) -> list[Draft]:
    """One letter for each of them, whatever changed in one go."""
    event, unit = it.event, desk.unit
    until = event.starts_at.isoformat()
    if (event.starts_at, event.ends_at) != (before.starts_at, before.ends_at):
        return await letters(desk, await _concerned(desk, event), "moved", Moving(desk, it, before, until))
    if event.place != before.place:
        sentence = "event.new-place" if event.place else "event.now-online"
        return await letters(
            desk, await _concerned(desk, event), "placed", Placing(desk, it, sentence, actions=still_coming(event), until=until, calendar=True)
        )
    if event.link != before.link and event.link:
        had = [each for each in await registrations.of_event(unit, event.id, ["confirmed"]) if each.linked_at]
        await registrations.unlink(unit, event.id)
        if not before.link:
            return []
        now = [each for each in had if is_released(event, each.zone or desk.programme.zone, unit.now)]
        await registrations.link(unit, [each.id for each in now])
        return await letters(desk, now, "link", Linking(desk, it, "event.link-changed", until=event.ends_at.isoformat()))
    drafts = []
    for language in (each for each in event.interpretation if each not in before.interpretation):
        wanted = [each for each in await _concerned(desk, event) if each.interpreter == language]
        drafts += await letters(desk, wanted, f"interpreter-{language}", Interpreted(desk, it, language))
    return drafts


async def _concerned(desk: Desk, event: Event) -> list[Registration]:
    return await registrations.of_event(desk.unit, event.id, CONCERNED)


class Moving(Telling):
    """Another time: was, is, and "do you still come?" for those who have a seat."""

    def __init__(self, desk: Desk, it: Told, before: Event, until: str) -> None:
        super().__init__(desk, it, "event.moved", actions=still_coming(it.event), until=until, calendar=True)
        self.before = before

    def apart(self, registration: Registration) -> tuple[Any, ...]:
        return (registration.state, registration.offered_until)

    def make(self, registration: Registration, chat: Chat) -> dict[str, Any]:
        facts = {**cards.heading(self.it, chat), "before": cards.brief(self.before)}
        parts = [Say("event.moved", facts), *cards.own_time(self.it.event, cards.zone_of(chat))]
        return _asking(parts, registration, self, chat)


class Placing(Telling):
    """Another place."""

    def apart(self, registration: Registration) -> tuple[Any, ...]:
        return (registration.state, registration.offered_until)

    def make(self, registration: Registration, chat: Chat) -> dict[str, Any]:
        facts = {**cards.heading(self.it, chat), **({"place": self.it.event.place} if self.it.event.place else {})}
        return _asking([Say(self.sentences[0], facts)], registration, self, chat)


def _asking(parts: list[Say], registration: Registration, telling: Telling, chat: Chat) -> dict[str, Any]:
    """Whoever has a seat is asked whether they still come; whoever waits can wait no more."""
    confirmed = registration.state == "confirmed"
    parts += [Say("event.do-you-come")] if confirmed else []
    if registration.state == "offered":
        parts += [Say("event.you-may", {"until": cards.at_their_clock(registration, telling.it.event, chat)})]
    actions = telling.actions if confirmed else cards.actions(telling.it, registration, telling.desk)
    document = cards.calendar_of(telling.it, chat, telling.desk) if confirmed else None
    return pack(Message(tuple(parts)), actions=actions, until=telling.until, document=document)


class Interpreted(Telling):
    """An interpreter will be there."""

    def __init__(self, desk: Desk, it: Told, language: str) -> None:
        super().__init__(desk, it, "event.interpreter-comes", until=it.event.starts_at.isoformat())
        self.language = language

    def make(self, registration: Registration, chat: Chat) -> dict[str, Any]:  # noqa: ARG002 - the same for all of them
        facts = {**cards.heading(self.it, chat), "language": cards.spoken(self.language)}
        return pack(Message((Say("event.interpreter-comes", facts),)), until=self.until)


# ---- its words ----------------------------------------------------------------------------------------------------


async def text_states(context: Context) -> Mapping[str, Fact]:
    """Every language that is offered, and how its text stands: original, human, outdated, missing."""
    it = await managed(context)
    if isinstance(it, Outcome):
        return {}
    codes = list(dict.fromkeys([*it.texts, *context.words.languages]))
    state = {each: it.texts[each].state if each in it.texts else "missing" for each in codes}
    return {each: {"pair": [cards.spoken(each), {"say": TEXT_IS[state[each]]}]} for each in codes}


async def write(context: Context) -> Outcome:
    """Title and text in one language. A new original makes what others made of it old."""
    it = await managed(context, lock=True)
    if isinstance(it, Outcome):
        return it
    language, unit = context.memo["tongue"], context.unit
    original = it.original.language == language
    if original:
        await events.outdate(unit, it.event.texts, language)
    await events.write(unit, it.event.texts, [EventText(language, context.memo["title"], context.memo["about"], "original" if original else "human")])
    if it.event.state == "published":
        await events.save(unit, replace(it.event, sequence=it.event.sequence + 1))
    return await _shown(context, it.event.code, Say("manage.changed"))
