"""Who signed up, for the staff: lists, tickets at the door, messages, sheets to print, what was said, and what a funder asks for."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from hmac import compare_digest
from typing import Any
from uuid import UUID, uuid4

from bot.effects import cards, due
from bot.effects.cards import Telling, Told, letters, told
from bot.effects.nouns import Context, Desk, Outcome, name_of, said
from bot.effects.signups import is_going_on, ticket
from bot.effects.staff import refused
from bot.effects.staging import managed
from bot.letters import pack
from bot.rights import FEW, may
from bot.signups import placed, why_not
from bot.sources import ordered
from dialogs.nouns import Fact, Message, Say
from storage import chats, events, numbers, people, registrations, staff
from storage.records import Chat, Draft, Event, Person, Registration
from storage.registrations import PURPOSE
from translations.words import is_right_to_left

LISTED = 60  # people in one message
WHOM = {"confirmed": ("confirmed",), "waiting": ("waiting", "offered"), "everybody": ("confirmed", "offered", "waiting")}
IS = {
    "confirmed": "guests.is-confirmed",
    "offered": "guests.is-offered",
    "waiting": "guests.is-waiting",
    "expired": "guests.is-expired",
    "cancelled": "guests.is-cancelled",
}
TICKET = re.compile(r"([0-9a-f]{32})([0-9a-f]{20})")


# ---- at the door --------------------------------------------------------------------------------------------------


async def check_in(context: Context) -> Outcome:
    """Somebody's ticket, opened by a member of staff. A second time, or for another event: said so, and nothing changes."""
    if not may(context.staff, "check-in"):
        return refused(context, "check-in")
    await context.write()
    found = TICKET.fullmatch(context.memo.get("ticket", "").strip().lower().removeprefix("checkin_"))
    mine = await registrations.find(context.unit, UUID(found[1])) if found else None
    if found is None or mine is None or not compare_digest(ticket(context.unit.cipher.index, mine), found[0]):
        return said("checkin.none", "none")
    event = await events.find(context.unit, mine.event_id)
    assert event  # noqa: S101 - a registration has one
    facts = {**cards.heading((await told(Desk.of(context), event))[0], context.chat), "name": mine.content.get("name", "") or "–", "n": mine.seats}
    if mine.state != "confirmed":
        return said("checkin.not-confirmed", "wrong", **facts)
    if not is_going_on(event, context):
        return said("checkin.another-day", "wrong", **facts)
    if mine.attended_at:
        since = {"moment": mine.attended_at.astimezone(context.programme.timezone).isoformat(timespec="minutes")}
        return said("checkin.again", "again", **facts, since=since)
    await registrations.attend(context.unit, mine.id)
    assert context.staff  # noqa: S101 - may() has looked
    await staff.write_down(context.unit, context.staff.id, "check-in", mine.person_id, event.code)
    return said("checkin.welcome", "welcome", **facts)


# ---- lists --------------------------------------------------------------------------------------------------------


async def listed(context: Context) -> Outcome:
    """By number, name and how it stands; all of them, or those whose name has these words. That it was looked at is written down."""
    it = await managed(context)
    if isinstance(it, Outcome):
        return it
    await _write_down(context, it.event)
    wanted = ordered(context.memo.get("name", ""))
    rows = await registrations.of_event(context.unit, it.event.id)
    there = [each for each in rows if each.person_id and (not wanted or f" {wanted}" in f" {ordered(each.content.get('name', ''))}")]
    there.sort(key=lambda each: (("confirmed", "offered", "waiting", "expired", "cancelled").index(each.state), each.place))
    if not there:
        return said("guests.nobody")
    numbers = await _numbers(context, there[:LISTED])
    lines = [Say("guests.found", {"n": len(there)})]
    for each in there[:LISTED]:
        facts: dict[str, Fact] = {
            "number": f"№ {numbers[each.id]}",
            "name": each.content.get("name", "") or "–",
            "state": {"say": IS[each.state]},
            "language": cards.spoken(each.language),
        }
        lines.append(Say("guests.line", facts, line=True))
    return Outcome((pack(Message(tuple(lines))),))


async def _numbers(context: Context, rows: Iterable[Registration]) -> dict[UUID, int]:
    numbers_ = await people.numbers_of(context.unit, [each.person_id for each in rows if each.person_id])
    return {each.id: numbers_.get(each.person_id, 0) if each.person_id else 0 for each in rows}


async def _write_down(context: Context, event: Event) -> None:
    assert context.staff  # noqa: S101 - managed() has looked
    await staff.write_down(context.unit, context.staff.id, "guests", event.id, event.code)


async def _person(context: Context) -> Person | None:
    number = context.memo.get("number", "")
    return await people.by_number(context.unit, int(number)) if number.isdecimal() and len(number) < 10 else None


async def add(context: Context) -> Outcome:
    """Somebody who agreed to sign-ups has a seat, or a place in the line; who did not is asked: nobody can say yes for them."""
    it = await managed(context, lock=True)
    if isinstance(it, Outcome):
        return it
    person, desk = await _person(context), Desk.of(context)
    if person is None:
        return said("guests.no-person")
    if reason := why_not(it.event, context.unit.now):
        return said("guests.not-open", reason)
    doors = await chats.doors(context.unit, {person.id: None})
    if person.id not in await people.agreeing(context.unit, [person.id], PURPOSE):
        if not (door := doors.get(person.id)):
            return said("guests.no-door")
        invitation = await cards.card(desk, it, door, None)
        return replace(said("guests.asked"), notices=(Draft(f"event.{it.event.id}.invitation.{uuid4().hex}", invitation, door),))
    before = await registrations.get(context.unit, it.event.id, person.id)
    if before and before.state in {"confirmed", "offered", "waiting"}:
        return said("guests.there-already")
    earlier = await due.settled(desk, it)  # whoever waits comes first
    it = replace(it, event=await events.find(context.unit, it.event.id) or it.event)
    event = it.event
    name = name_of(person, context.scripts)
    language = doors[person.id].language if person.id in doors else context.chat.language
    content = {"name": name} if name != f"№ {person.number}" else {}
    fresh = Registration(event.id, event.id, person.id, None, "waiting", language=language, content=content)
    mine = placed(event, replace(before or fresh, place=1 + await registrations.last_place(context.unit, event.id)))
    if before:
        await registrations.save(context.unit, [replace(mine, changed_at=context.unit.now)])
    else:
        mine = await registrations.begin(context.unit, mine)
    notices = await due.settled(desk, replace(it, event=event))
    sentence = "event.was-added" if mine.state == "confirmed" else "event.now-waiting"
    telling = Telling(desk, it, sentence, actions=cards.actions(it, mine, desk), calendar=mine.state == "confirmed")
    return replace(
        said("guests.added-confirmed" if mine.state == "confirmed" else "guests.added-waiting"),
        notices=(*earlier, *notices, *await letters(desk, [mine], "added", telling)),
    )


async def remove(context: Context) -> Outcome:
    """Their seat goes to whoever waits, and they are told."""
    it = await managed(context, lock=True)
    if isinstance(it, Outcome):
        return it
    person, desk = await _person(context), Desk.of(context)
    mine = await registrations.get(context.unit, it.event.id, person.id) if person else None
    if mine is None or mine.state not in {"confirmed", "offered", "waiting"}:
        return said("guests.no-person")
    mine = replace(mine, state="cancelled", offered_until=None, changed_at=context.unit.now)
    await registrations.save(context.unit, [mine])
    await registrations.silence(context.unit, [mine.id])
    notices = await due.settled(desk, it)
    return replace(said("guests.removed"), notices=(*notices, *await letters(desk, [mine], "removed", Telling(desk, it, "event.was-removed"))))


# ---- telling them -------------------------------------------------------------------------------------------------


class Message_(Telling):  # noqa: N801 - a message is a noun of the engine already
    """What a member of staff wrote, in their words; a machine's translation beside it."""

    def __init__(self, desk: Desk, it: Told, by: str, words: Fact) -> None:
        super().__init__(desk, it, "event.message", until=it.event.ends_at.isoformat())
        self.by, self.words = by, words

    def make(self, registration: Registration, chat: Chat) -> dict[str, Any]:
        facts: dict[str, Fact] = {**cards.heading(self.it, chat), "name": self.by}
        return pack(Message((Say("event.message", facts), Say("common.words", {"words": self.words}))), actions=cards.actions(self.it, registration, self.desk))

    def apart(self, registration: Registration) -> tuple[Any, ...]:
        return (registration.state,)


async def tell(context: Context) -> Outcome:
    """To everybody who is confirmed, who waits, or both."""
    it = await managed(context, lock=True)
    if isinstance(it, Outcome):
        return it
    assert context.staff  # noqa: S101 - managed() has looked
    to = await registrations.of_event(context.unit, it.event.id, WHOM[context.memo["whom"]])
    text = context.memo["text"]
    if it.event.link and it.event.link in text and context.memo["whom"] != "confirmed":
        return said("tell.link", "wrong")
    words: Fact = {"free": text, "in": context.language_of(text, context.chat.language), "of": f"event/{it.event.code}"}
    notices = await letters(Desk.of(context), to, "message", Message_(Desk.of(context), it, context.staff.name, words))
    return replace(said("tell.sent", n=len(notices)), notices=tuple(notices))


# ---- to print -----------------------------------------------------------------------------------------------------


async def sheet(context: Context) -> Outcome:
    """A file for the computer, in the reader's language. That it was made is written down."""
    it = await managed(context)
    if isinstance(it, Outcome):
        return it
    await _write_down(context, it.event)
    rows = [each for each in await registrations.of_event(context.unit, it.event.id) if each.person_id]
    numbers = await _numbers(context, rows)
    paper = context.memo["paper"]
    there = rows if paper == "table" else [each for each in rows if each.state == "confirmed"]
    there.sort(key=lambda each: (each.state != "confirmed", ordered(each.content.get("name", "")), each.place))
    columns = _columns(paper, numbers, context)
    table = [[title for title, _ in columns], *([cell(each) for _, cell in columns] for each in there)]
    title = it.title(*cards.reads(context.chat))
    said_ = Message((Say("sheet.here", {"n": len(there), "title": title}),))
    from_right = is_right_to_left(context.chat.language)
    book, plain = (f"{it.event.code}-{paper}.xlsx", as_xlsx(table, from_right=from_right)), (f"{it.event.code}-{paper}.csv", as_csv(table))
    return Outcome((pack(said_, document=book), pack(said_, document=plain)))


Columns = Sequence[tuple[str, Callable[[Registration], str]]]


def _columns(paper: str, numbers: Mapping[UUID, int], context: Context) -> Columns:
    def say(sentence: str) -> str:
        return context.words.tr(sentence, context.chat.language)

    def moment(at: datetime | None) -> str:
        return at.astimezone(context.programme.timezone).strftime("%Y-%m-%d %H:%M") if at else ""

    name = (say("sheet.name"), lambda each: each.content.get("name", "") or f"№ {numbers[each.id]}")
    language = (say("sheet.language"), lambda each: context.words.fact(cards.spoken(each.language), context.chat.language))
    if paper == "badges":
        return [name, language]
    if paper == "attendance":
        return [name, language, (say("sheet.seats"), lambda each: str(each.seats)), (say("sheet.signature"), lambda _: "")]
    return [
        (say("sheet.number"), lambda each: str(numbers[each.id])),
        name,
        (say("sheet.state"), lambda each: context.words.tr(IS[each.state], context.chat.language)),
        (say("sheet.seats"), lambda each: str(each.seats)),
        language,
        (say("sheet.interpreter"), lambda each: context.words.fact(cards.spoken(each.interpreter), context.chat.language) if each.interpreter else ""),
        (say("sheet.needs"), lambda each: each.content.get("access", "")),
        (say("sheet.role"), lambda each: each.role),
        (say("sheet.region"), lambda each: each.region),
        (say("sheet.since"), lambda each: moment(each.created_at)),
        (say("sheet.came"), lambda each: moment(each.attended_at)),
    ]


def as_csv(table: Sequence[Sequence[str]]) -> str:
    """As spreadsheets read it in Europe, and no cell is a formula: a name that begins with = gets an apostrophe."""
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerows(
        [[f"'{cell}" if cell[:1] in "=+-@\t\r" and cell else cell for cell in row] for row in table]
    )
    return "\ufeff" + out.getvalue()


def as_xlsx(table: Sequence[Sequence[str]], *, from_right: bool = False) -> bytes:
    """A workbook whose cells are words, whatever they begin with."""
    import xlsxwriter  # noqa: PLC0415 - needed here only

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}) as book:
        sheet_, bold = book.add_worksheet(), book.add_format({"bold": True, "bottom": 1})
        if from_right:
            sheet_.right_to_left()
        for row, cells in enumerate(table):
            for column, cell in enumerate(cells):
                sheet_.write_string(row, column, cell[:32_000], *([] if row else [bold]))
        for column, cells in enumerate(zip(*table, strict=True)):
            sheet_.set_column(column, column, min(50, max(10, *(len(cell) + 2 for cell in cells))))
        sheet_.freeze_panes(1, 0)
        sheet_.repeat_rows(0)
    return out.getvalue()


# ---- what was said, and how many ----------------------------------------------------------------------------------


async def opinions(context: Context) -> Outcome:
    """Stars and sentences, without names."""
    it = await managed(context, "see-events")
    if isinstance(it, Outcome):
        return it
    rows = await registrations.of_event(context.unit, it.event.id, ["confirmed"])
    if numbers.is_few(len(rows)) and not may(context.staff, "events"):  # what one of four said is no secret
        return said("numbers.hidden")
    stars = Counter(each.rating for each in rows if each.rating)
    came, said_so = sum(was_there(each) for each in rows), sum(each.was_there is not None for each in rows)
    parts = [Say("opinions.there", {"n": came, "of": len(rows)}), Say("opinions.said", {"n": said_so}, line=True)]
    if len(rows) and context.unit.now > it.event.ends_at:
        parts.append(Say("opinions.no-show", {"n": round(100 * (len(rows) - came) / len(rows))}, line=True))
    parts += [Say("opinions.stars", {"stars": "⭐" * number, "n": stars[number]}, line=True) for number in range(5, 0, -1) if stars[number]]
    if may(context.staff, "events"):
        wrote = sorted((each for each in rows if "words" in each.content), key=lambda each: each.content["words"])  # in no order that tells who
        parts += [Say("common.words", {"words": {"free": each.content["words"], "in": each.language, "of": f"person/{each.person_id}"}}) for each in wrote]
    return Outcome((pack(Message(tuple(parts))),))


def was_there(each: Registration) -> bool:
    """Checked in, or so they say; and who was checked in was there, whatever they say."""
    return each.attended_at is not None or each.was_there is True


async def report(context: Context) -> Outcome:
    """Between two days: events, sign-ups, people, attendance, by role, region and language. What is under five is hidden."""
    if not may(context.staff, "see-events"):
        return refused(context, "see-events")
    await context.write()
    since, until = (date.fromisoformat(context.memo[each]) for each in ("since", "until"))
    if until < since:
        return said("report.turned")
    zone = context.programme.timezone
    begin, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (since, until + timedelta(days=1)))
    held = await events.between(context.unit, begin, end)
    rows = [each for event in held for each in await registrations.of_event(context.unit, event.id, ["confirmed"])]
    unknown = sum(each.person_id is None for each in rows)
    facts: dict[str, Fact] = {"since": {"date": since.isoformat()}, "until": {"date": until.isoformat()}}
    parts = [
        Say("report.from", facts),
        _line("report.events", len(held)),
        _line("report.signups", _shown(len(rows))),
        _line("report.people", _shown(len({each.person_id for each in rows if each.person_id}) + unknown)),
        _line("report.attended", _told(numbers.stepped([sum(was_there(each) for each in rows)], len(rows))[0])),
    ]
    tables: Sequence[tuple[str, list[str], Callable[[str], Fact]]] = (
        ("report.roles", [each.role for each in rows], lambda code: cards.ROLES.get(code, code)),
        ("report.languages", [each.language for each in rows], cards.spoken),
        ("report.regions", [each.region for each in rows], lambda code: code),
    )
    for title, codes, label in tables:
        counted = numbers.guarded(Counter(codes))
        lines = [_row(label(code) if code else {"say": "report.unknown"}, _told(number)) for code, number in counted.items()]
        parts += [Say(title), *lines] if lines else []
    return Outcome((pack(Message((*parts, Say("report.footnote", {"few": FEW, "event_days": context.programme.event_days})))),))


def _shown(number: int) -> Fact:
    return _told(numbers.Hidden if numbers.is_few(number) else number)


def _told(number: numbers.Shown) -> Fact:
    return {"say": "numbers.hidden"} if number is None else number


def _line(name: str, number: Fact) -> Say:
    return Say("common.line", {"name": {"say": name}, "answer": number}, line=True)


def _row(name: Fact, number: Fact) -> Say:
    return Say("common.line", {"name": name, "answer": number}, line=True)
