"""How an event is told: its card, its letters, each to one reader in their language and their time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from bot.calendars import calendar_file
from bot.effects.nouns import Desk, name_of
from bot.letters import Action, pack
from bot.signups import free, is_released, why_not
from dialogs.nouns import Fact, Message, Say
from storage import chats, events, people, registrations
from storage.records import Chat, Draft, Event, EventText, Registration
from storage.registrations import LETTERS

ABOUT_ONE = frozenset({"signup", "cantcome", "takeplace", "coming", "feedback"})  # what a button does with one registration


ROLES: Mapping[str, Fact] = {
    "newcomer": {"say": "event.role-newcomer"},
    "business": {"say": "event.role-business"},
    "partner": {"say": "event.role-partner"},
}
STATES: Mapping[str, Fact] = {
    "confirmed": {"say": "event.state-confirmed"},
    "offered": {"say": "event.state-offered"},
    "waiting": {"say": "event.state-waiting"},
    "expired": {"say": "event.state-expired"},
    "cancelled": {"say": "event.state-cancelled"},
}


@dataclass(frozen=True, slots=True)
class Told:
    """An event with its texts: what may be said of it."""

    event: Event
    texts: Mapping[str, EventText] = field(default_factory=dict)

    def title(self, *languages: str) -> str:
        """In the first of these languages that there is, else as it was written."""
        return self.text(*languages).title

    def text(self, *languages: str) -> EventText:
        return events.best(self.texts, *languages) or EventText(self.event.language, self.event.code, "", "original")

    @property
    def original(self) -> EventText:
        return events.original(self.texts) or self.text()


async def told(desk: Desk, *wanted: Event) -> list[Told]:
    texts = await events.texts(desk.unit, [each.texts for each in wanted])
    return [Told(each, texts.get(each.texts, {})) for each in wanted]


def reads(chat: Chat) -> tuple[str, ...]:
    """The languages of whoever speaks there, the dearest first."""
    return tuple(each for each in (chat.language, chat.reading.get("second", "")) if each)


def zone_of(chat: Chat) -> str:
    """Theirs, if it is not the programme's."""
    return chat.reading.get("zone", "")


# ---- facts --------------------------------------------------------------------------------------------------------


def when(event: Event, zone: str = "") -> dict[str, Fact]:
    """From when until when: in the event's zone, or in somebody's own."""
    there = zone or event.zone
    begins, ends = (each.astimezone(ZoneInfo(there)) for each in (event.starts_at, event.ends_at))
    until: Fact = f"{ends.hour}:{ends.minute:02}" if begins.date() == ends.date() else {"moment": ends.isoformat(timespec="minutes")}
    return {"moment": {"moment": begins.isoformat(timespec="minutes"), "zone": there}, "until": until}


def own_time(event: Event, zone: str) -> list[Say]:
    """When it is for somebody who is elsewhere, if clocks are different there."""
    if not zone or event.starts_at.astimezone(ZoneInfo(zone)).utcoffset() == event.starts_at.astimezone(ZoneInfo(event.zone)).utcoffset():
        return []
    return [Say("event.yours", when(event, zone), line=True)]


def brief(event: Event, zone: str = "") -> Fact:
    """The moment alone."""
    return when(event, zone)["moment"]


def heading(it: Told, chat: Chat) -> dict[str, Fact]:
    """What every letter about an event begins with: what, and when."""
    return {"title": it.title(*reads(chat)), **when(it.event)}


def spoken(code: str) -> Fact:
    return {"from": "spoken-languages", "code": code}


def about(it: Told, chat: Chat) -> list[Say]:
    """Its text: as somebody wrote it in their language, or the original with a machine's translation beside it."""
    text = it.text(*reads(chat))
    if not text.about:
        return []
    words: Fact = {"free": text.about, "in": text.language, "of": f"event/{it.event.code}"}
    mark = [Say("event.machine")] if text.state == "machine" else []
    return [Say("common.words", {"words": words}), *mark]


# ---- the card -----------------------------------------------------------------------------------------------------


async def card(desk: Desk, it: Told, chat: Chat, mine: Registration | None) -> dict[str, Any]:
    """Everything somebody must know, and what they can do. The link to join is never on it."""
    event, zone = it.event, zone_of(chat)
    parts = [Say("event.card", {"title": it.title(*reads(chat))}), Say("event.when", when(event), line=True)]
    parts += own_time(event, zone)
    parts.append(Say("event.place", {"place": event.place}, line=True) if event.place else Say("event.online", line=True))
    parts.append(Say("event.spoken", {"language": spoken(event.language)}, line=True))
    if event.interpretation:
        parts.append(Say("event.interpretation", {"languages": {"list": [spoken(each) for each in event.interpretation]}}, line=True))
    if event.roles:
        parts.append(Say("event.for", {"who": {"list": [ROLES[each] for each in event.roles if each in ROLES]}}, line=True))
    if event.series and len(dates := [each for each in await events.of_series(desk.unit, event.series) if each.state == "published"]) > 1:
        at = next((number for number, each in enumerate(dates, 1) if each.id == event.id), 0)
        parts += [Say("event.part", {"at": at, "of": len(dates)}, line=True)] if at else []
    parts.append(Say("event.cost", {"cost": event.cost}, line=True) if event.cost else Say("event.free", line=True))
    parts.append(Say("event.from", {"name": event.organiser or desk.programme.name}, line=True))
    parts += about(it, chat)
    parts += await stands(desk, it, chat, mine)
    return pack(Message(tuple(parts)), actions=actions(it, mine, desk))


async def stands(desk: Desk, it: Told, chat: Chat, mine: Registration | None) -> list[Say]:
    """How it is with them and this event, truthfully."""
    event, now = it.event, desk.unit.now
    if event.state == "cancelled":
        return [Say("event.was-cancelled")]
    if mine and mine.state == "confirmed" and now < event.ends_at:
        return [Say("event.you-come"), *link_line(it, chat, desk)]
    if mine and mine.state == "waiting" and now < event.starts_at:
        return [Say("event.you-wait", {"n": 1 + await registrations.waiting_before(desk.unit, mine)})]
    if mine and mine.state == "offered" and mine.offered_until:
        return [Say("event.you-may", {"until": at_their_clock(mine, it.event, chat)})]
    match why_not(event, now):
        case "over":
            return [Say("event.over")]
        case "not-yet":
            opens = event.opens_at.astimezone(ZoneInfo(event.zone)).isoformat(timespec="minutes") if event.opens_at else ""
            return [Say("event.not-yet", {"moment": {"moment": opens, "zone": event.zone}})]
        case "closed":
            return [Say("event.closed")]
    return [Say("event.places-left" if free(event) else "event.full")]


def at_their_clock(mine: Registration, event: Event, chat: Chat) -> Fact:
    """When the seat that is held for them goes on."""
    there = zone_of(chat) or event.zone
    assert mine.offered_until  # noqa: S101 - it is an offer
    return {"moment": mine.offered_until.astimezone(ZoneInfo(there)).isoformat(timespec="minutes"), "zone": there}


def link_line(it: Told, chat: Chat, desk: Desk) -> list[Say]:
    """The link, for a confirmed person, once it may be had."""
    event = it.event
    if not event.link:
        return []
    if is_released(event, zone_of(chat) or desk.programme.zone, desk.unit.now):
        return [Say("event.link", {"link": event.link})]
    return [Say("event.link-comes", {"n": event.link_days}) if event.link_days else Say("event.link-comes-that-day")]


def actions(it: Told, mine: Registration | None, desk: Desk) -> Sequence[Action]:
    """Buttons that are in order at any time: whoever presses an old one is told how it stands."""
    event, state = it.event, mine.state if mine else ""
    buttons: list[Action] = []
    if state == "confirmed" and desk.unit.now < event.ends_at and event.state == "published":
        buttons.append(("cantcome", event.code, {"say": "event.cant-come"}))
    elif state == "waiting" and desk.unit.now < event.starts_at and event.state == "published":
        buttons.append(("cantcome", event.code, {"say": "event.wait-no-more"}))
    elif state == "offered":
        buttons += [("takeplace", event.code, {"say": "event.take"}), ("cantcome", event.code, {"say": "event.leave"})]
    elif state == "confirmed" and event.state == "published":
        buttons.append(("feedback", event.code, {"say": "event.tell-how"}))
    elif not why_not(event, desk.unit.now):
        buttons.append(("signup", event.code, {"say": "event.sign-up" if free(event) else "event.wait"}))
    if event.form and event.form in desk.scripts.commands and state == "confirmed":
        buttons.append((event.form, "", {"say": "event.questionnaire"}))
    return buttons


def still_coming(event: Event) -> Sequence[Action]:
    return [("coming", event.code, {"say": "event.still-coming"}), ("cantcome", event.code, {"say": "event.cant-come"})]


def calendar_of(it: Told, chat: Chat, desk: Desk) -> tuple[str, str]:
    """The file for their calendar: everything but the link."""
    text = it.text(*reads(chat))
    organiser = it.event.organiser or desk.programme.name
    return f"{it.event.code}.ics", calendar_file(it.event, text.title, text.about, now=desk.unit.now, organiser=organiser)


# ---- letters to others --------------------------------------------------------------------------------------------


async def letters(desk: Desk, to: Sequence[Registration], what: str, say: Telling) -> list[Draft]:
    """One letter for each of them, at the door where they signed up or where they are now. `what` says what it is for: with it and the
    registration the letter has its key. In a chat that a family shares: whom it is for."""
    doors = await chats.doors(desk.unit, {each.person_id: each.chat_id for each in to if each.person_id})
    drafts = []
    for each in to:
        chat = doors.get(each.person_id) if each.person_id else None
        content = say(each, chat) if chat else None
        if chat is None or content is None:
            continue
        if chat.state and chat.state.get("shared"):
            content = await _for_one_of_several(desk, each, content)
        drafts.append(Draft(letter_key(each, what), content, chat))
    return drafts


def letter_key(registration: Registration, what: str) -> str:
    """So that they go with the registration (storage/registrations.py)."""
    return f"{LETTERS}.{registration.id}.{what}.{uuid4().hex[:12]}"


async def _for_one_of_several(desk: Desk, mine: Registration, content: dict[str, Any]) -> dict[str, Any]:
    """Whom it is for stands above it, and its buttons are about their registration, whoever speaks there just now."""
    name = mine.content.get("name", "") or await _name(desk, mine.person_id)
    parts = [*([["common.for", {"name": name}, False, False]] if name else []), *content["parts"]]
    actions = [
        [command, f"{argument}-{mine.id.hex[:8]}" if command in ABOUT_ONE else argument, label] for command, argument, label in content.get("actions", ())
    ]
    return {**content, "parts": parts, **({"actions": actions} if actions else {})}


async def _name(desk: Desk, person_id: UUID | None) -> str:
    person = await people.get(desk.unit, person_id) if person_id else None
    return name_of(person, desk.scripts) if person else ""


class Telling:
    """What somebody is told, once for all who read alike: a thousand letters need few different words."""

    def __init__(self, desk: Desk, it: Told, *sentences: str, actions: Sequence[Action] = (), until: str = "", calendar: bool = False) -> None:
        self.desk, self.it, self.sentences, self.actions, self.until, self.calendar = desk, it, sentences, actions, until, calendar
        self._made: dict[tuple[Any, ...], dict[str, Any]] = {}

    def __call__(self, registration: Registration, chat: Chat) -> dict[str, Any] | None:
        key = (*reads(chat), zone_of(chat), *self.apart(registration))
        if key not in self._made:
            self._made[key] = self.make(registration, chat)
        return self._made[key]

    def apart(self, registration: Registration) -> tuple[Any, ...]:  # noqa: ARG002 - for those who tell more
        return ()

    def make(self, registration: Registration, chat: Chat) -> dict[str, Any]:
        facts = heading(self.it, chat)
        parts = [*(Say(each, facts) for each in self.sentences), *own_time(self.it.event, zone_of(chat))]
        parts += self.more(registration, chat)
        document = calendar_of(self.it, chat, self.desk) if self.calendar else None
        return pack(Message(tuple(parts)), actions=self.actions, until=self.until, document=document)

    def more(self, registration: Registration, chat: Chat) -> list[Say]:  # noqa: ARG002 - for those who tell more
        return []

    def plain(self, chat: Chat, sentence: str, **facts: Fact) -> dict[str, Any]:
        """One sentence about the event, to somebody who has no registration: staff."""
        return pack(Message((Say(sentence, {**heading(self.it, chat), **facts}),)), actions=self.actions)


class Offering(Telling):
    """A seat is free, and held until then."""

    def apart(self, registration: Registration) -> tuple[Any, ...]:
        return (registration.offered_until,)

    def more(self, registration: Registration, chat: Chat) -> list[Say]:
        return [Say("event.you-may", {"until": at_their_clock(registration, self.it.event, chat)})]


class Linking(Telling):
    """With the link to join: for confirmed people alone."""

    def make(self, registration: Registration, chat: Chat) -> dict[str, Any]:
        if registration.state != "confirmed":
            raise PermissionError("the link is for confirmed people")
        return super().make(registration, chat)

    def more(self, registration: Registration, chat: Chat) -> list[Say]:  # noqa: ARG002 - the same for all of them
        return [Say("event.link", {"link": self.it.event.link})]
