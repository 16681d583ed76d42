"""Somebody's record: a masked card by its number, opened with a reason that the audit log keeps; notes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import chain

from bot.effects import mydata
from bot.effects.nouns import Context, Outcome, agreed, said
from bot.effects.staff import refused
from bot.letters import pack
from bot.rights import may
from dialogs.asking import NOTHING
from dialogs.model import FORM
from dialogs.nouns import Fact, Message, Say
from storage import chats, notes, organisations, people, staff
from storage.records import AnswerRow, Organisation, Person, Staff

PRIVATE = frozenset({"identity", "contact"})  # classes of answers that a viewer is not shown
NOBODY = said("person.nobody", "nobody")


@dataclass(frozen=True, slots=True)
class Record:
    """Somebody, for a member of staff."""

    helper: Staff
    person: Person
    organisations: Collection[Organisation]

    @property
    def answers(self) -> list[AnswerRow]:
        return list(chain(self.person.answers.values(), *(each.answers.values() for each in self.organisations)))


async def look(context: Context) -> Outcome:
    """The masked card: nothing in it says who it is."""
    record = await _found(context, "look")
    if isinstance(record, Outcome):
        return record
    return Outcome((pack(Message(tuple(await card(context, record)))),), "found")


async def open_(context: Context) -> Outcome:
    """What was answered. That it was opened is written down first."""
    record = await _found(context, "open")
    if isinstance(record, Outcome):
        return record
    if not await _write_down(context, record):
        return refused(context, "open")
    private = may(record.helper, "open-private")
    there = [row for row in record.answers if not _is_nobodys(context, row)]
    rows = [row for row in there if private or _class(context, row) not in PRIVATE]
    lines = mydata.answer_lines(rows, context.scripts, f"person/{record.person.id}")
    hidden = [Say("person.hidden")] if len(rows) < len(there) else []
    opened = Say("person.opened" if lines else "person.empty", {"number": str(record.person.number)})
    return Outcome((pack(Message((opened, *lines, *hidden))),))


def _is_nobodys(context: Context, row: AnswerRow) -> bool:
    """An answer to a form that is handed in without a name: until then it waits with the person, and nobody else sees it."""
    name = row.question.partition(".")[0]
    form = context.scripts[name].form if name in context.scripts else None
    return form.anonymous if form else name.startswith(FORM)


async def read_notes(context: Context) -> Outcome:
    """What staff wrote about somebody; reading it is opening the record."""
    record = await _found(context, "read-notes")
    if isinstance(record, Outcome):
        return record
    if not await _write_down(context, record):
        return refused(context, "read-notes")
    there = await notes.of_person(context.unit, record.person.id)
    if not there:
        return said("person.no-notes", number=str(record.person.number))
    names = {each.id: each.name for each in await staff.everybody(context.unit, past=True)}
    lines = [_noted(context, note.at.astimezone(context.programme.timezone).date().isoformat(), names.get(note.staff_id, "?"), note.text) for note in there]
    return Outcome((pack(Message((Say("person.notes-are", {"number": str(record.person.number)}), *lines))),))


async def write_note(context: Context) -> Outcome:
    """About somebody, who may read it."""
    record = await _found(context, "write-note")
    if isinstance(record, Outcome):
        return record
    await notes.add(context.unit, record.person.id, record.helper.id, context.memo.get("note", ""))
    await staff.write_down(context.unit, record.helper.id, "note", record.person.id)
    return said("person.noted", number=str(record.person.number))


async def card(context: Context, record: Record) -> list[Say]:
    """Coded answers only: a town is words of theirs, and may be a street."""
    person, zone = record.person, context.programme.timezone
    begun = {row.question.partition(".")[0] for row in record.answers}
    filled = [{"say": f"me.what.{name}"} for name in context.scripts if name in begun and context.words.exists(f"me.what.{name}")]
    modules: Fact = {"list": list(filled)} if filled else NOTHING
    lines: list[tuple[str, Fact]] = [
        ("person.role", told(context, record.answers, "role")),
        ("person.languages", told(context, record.answers, "speaks")),
        ("person.modules", modules),
        ("person.since", {"date": person.created_at.astimezone(zone).date().isoformat()}),
        ("person.finished", {"say": "common.yes" if person.finished_at else "common.no"}),
        ("person.paused", {"say": "common.yes" if person.paused_at else "common.no"}),
        ("person.notes", str(await notes.count(context.unit, person.id))),
    ]
    spoken = [f"№ {each.number}" for each in record.organisations]
    lines += [("person.speaks-for", {"list": list(spoken)})] if spoken else []
    return [
        Say("person.card", {"number": str(person.number)}),
        *(Say("common.line", {"name": {"say": name}, "answer": fact}, line=True) for name, fact in lines),
    ]


def told(context: Context, rows: Collection[AnswerRow], facet: str) -> Fact:
    """The codes that feed a facet, in words."""
    labels: list[Fact] = []
    for row in rows:
        step = context.scripts.question(row.question)
        if step and step.facet == facet and row.code:
            labels += [label_of(context, row.question, code) for code in row.code.split()]
    return {"list": labels} if labels else NOTHING


def label_of(context: Context, question: str, code: str) -> Fact:
    step = context.scripts.question(question)
    return {"from": step.from_, "code": code} if step and step.from_ else {"say": f"{question}.{code}"}


async def record_of(context: Context, helper: Staff, person: Person) -> Record:
    ids = await organisations.of_person(context.unit, person.id)
    return Record(helper, person, list((await organisations.lock(context.unit, ids)).values()))


async def _found(context: Context, act: str) -> Record | Outcome:
    """Whose record it is, if they may. Who took back their yes is as unknown as a number that nobody has."""
    if not may(context.staff, act):
        return refused(context, act)
    assert context.staff  # noqa: S101 - may() has looked
    await context.write()
    number = context.memo.get("number", "")
    person = await people.by_number(context.unit, int(number)) if number.isdecimal() and len(number) < 10 else None
    if person is None or not agreed(person):
        return NOBODY
    own = person.id in {chat.person_id for chat in await chats.of_staff(context.unit, [context.staff.id])}
    if own and not may(context.staff, act, own=True):
        return said("person.yourself", "own")
    return await record_of(context, context.staff, person)


async def _write_down(context: Context, record: Record) -> bool:
    """Who, whom, when, why; False: no reason that we know was given."""
    reason = context.memo.get("reason", "")
    if reason not in mydata.REASONS:
        return False
    await staff.write_down(context.unit, record.helper.id, "open", record.person.id, reason)
    return True


def _class(context: Context, row: AnswerRow) -> str:
    """Of a question that the scripts no longer know, nobody can tell."""
    step = context.scripts.question(row.question)
    return step.class_ if step else "identity"


def _noted(_: Context, day: str, name: str, text: str) -> Say:
    facts: Mapping[str, Fact] = {"date": {"date": day}, "name": name, "text": text}
    return Say("person.one-note", facts)
