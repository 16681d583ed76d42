"""Everything we hold of a person: to read, to take away, to erase."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from bot.effects import cards, fill, profiles
from bot.effects.calls import written
from bot.effects.cards import Told
from bot.effects.doors import channel
from bot.effects.nouns import Context, Desk, Outcome, answer_of, is_filling, private_questions, said
from bot.effects.organisations import named, spoken_for_by
from bot.letters import pack
from bot.settings import Programme
from dialogs.asking import is_free, told
from dialogs.model import Scripts
from dialogs.nouns import Fact, Message, Say
from storage import calls, chats, erasure, events, files, notes, nudges, registrations, staff
from storage.records import AnswerRow, Audited, Call, CallLine, ConsentRow, KeptFile, Note, Organisation, Person, Registration

Asked = Sequence[tuple[Call, Sequence[CallLine]]]

SMALL_FILE = 200_000  # bytes: so much of a photo goes into the document that somebody takes away

REMINDERS = {nudges.HALF_WAY: "mydata.quiet-half-way", nudges.STILL_LOOKING: "mydata.quiet-still-looking"}
REASONS: Mapping[str, Fact] = {  # why staff open somebody's record; a code in the audit log, for ever, so never a person's words
    "asked-for-help": {"say": "mydata.reason-asked-for-help"},
    "matching": {"say": "mydata.reason-matching"},
    "event": {"say": "mydata.reason-event"},
    "correction": {"say": "mydata.reason-correction"},
    "complaint": {"say": "mydata.reason-complaint"},
}


async def finish_profile(context: Context) -> Outcome:
    """The profile is complete, until it is changed. Staff who wrote it down with somebody are told how to hand it over."""
    if not is_filling(context.chat):
        return Outcome(finished=True)
    ready = pack(Message((Say("fill.ready"),)), actions=[("handover", "", {"say": "fill.hand-over"})])
    return Outcome((ready,), finished=True)


async def erase(context: Context) -> Outcome:
    """Really everything: the person with every chat of theirs, or the chat alone. Others of their family who share the chat keep it."""
    unit, person = context.unit, context.person
    await context.write()
    if is_filling(context.chat):
        return await fill.abandon(context, person)
    if person:
        await erasure.of_person(unit, person.id, private_questions(context.scripts))
    family = await profiles.here(context)
    if family:
        await calls.erase_nobodys(unit, [context.chat.id])
        after = await profiles.seat(replace(context, chat=replace(context.chat, staff_id=None)), next(iter(family)), leaving=True)
        return replace(after, letters=said("family.forgotten").letters, forgotten=person.id if person else None)
    await erasure.of_chat(unit, context.chat.id)
    return Outcome(erased=True)


async def send_my_data(context: Context) -> Outcome:
    """A message to read and a file for the computer (GDPR, Articles 15 and 20)."""
    person = context.person
    await context.write()
    nobody_yet = person is None and is_filling(context.chat)  # what was asked here before is a member of staff's
    asked = [] if nobody_yet else await calls.of_chat(context.unit, context.chat)
    team = {each.id: each.name for each in await staff.everybody(context.unit, past=True)} if asked else {}
    if person is None and asked:
        parts = [*_call_lines(asked, team, context), Say("mydata.rights")]
        return Outcome((pack(Message(tuple(parts)), document=("my-data.json", _file({"language": context.chat.language, "calls": _calls(asked, team)}))),))
    if person is None:
        nothing = Say("mydata.nothing", {"language": {"from": "languages", "code": context.chat.language}})
        return Outcome((pack(Message((nothing,))),))
    mail = await chats.mail_of(context.unit, person.id)
    doors = sorted({chat.channel for chat in await chats.of_person(context.unit, person.id)} | {context.chat.channel} | ({mail.channel} if mail else set()))
    opened = [each for each in await staff.log_of(context.unit, person.id) if each.action == "open"]
    noted = await notes.of_person(context.unit, person.id)
    sent = await files.of_person(context.unit, person.id)
    signed_up = await _signed_up(context, person)
    lines, spoken_for = answer_lines(person.answers.values(), context.scripts), await spoken_for_by(context)
    parts = [
        Say("mydata.intro"),
        _line("mydata.number", str(person.number)),
        _line("mydata.language", {"from": "languages", "code": context.chat.language}, follows=True),
        _line("mydata.since", {"date": person.created_at.astimezone(context.programme.timezone).date().isoformat()}, follows=True),
        _line("mydata.doors", {"list": [channel(door) for door in doors]}, follows=True),
        *_reminder_lines(person, context.programme),
        *_consent_lines(person.consents, context.programme),
        Say("mydata.answers", {"n": len(lines)}),
        *lines,
        *(line for each in spoken_for for line in _organisation_lines(each, context)),
        *_file_lines(sent, context.programme),
        *_call_lines(asked, team, context),
        *_signup_lines(signed_up, context),
        *_staff_lines(opened, noted, context.programme),
        Say("mydata.rights"),
    ]
    theirs = [{"number": each.number, "name": named(each, context), "answers": _answers(_theirs(each, context), context)} for each in spoken_for]
    file = _file(
        {
            **_document(person, doors, context, opened, noted),
            "organisations": theirs,
            "files": [_sent(each) for each in sent],
            "calls": _calls(asked, team),
            "letters by e-mail to": mail.address if mail else None,
            "sign-ups": [_signup(it, mine) for it, mine in signed_up],
            "classification": context.words.tr("help.esco", "en"),  # what ESCO's licence asks for
        }
    )
    return Outcome((pack(Message(tuple(parts)), document=("my-data.json", file)),))


def _file(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2)


def _call_lines(asked: Asked, team: Mapping[UUID, str], context: Context) -> list[Say]:
    """What they wrote to the team, and what was answered."""
    parts = [Say("mydata.calls", {"n": calls.KEPT.days})] if asked else []
    for line in (line for _, lines in asked for line in lines):
        at: Fact = {"date": line.at.astimezone(context.programme.timezone).date().isoformat()}
        parts.append(Say("common.by", {"name": team.get(line.staff_id, "?") if line.staff_id else {"say": "mydata.you"}, "moment": at}))
        parts.append(Say("common.words", {"words": written(line)}, line=True))
    return parts


def _calls(asked: Asked, team: Mapping[UUID, str]) -> list[dict[str, Any]]:
    return [
        {
            "wish": call.wish,
            "opened": call.opened_at.isoformat(),
            "closed": call.closed_at.isoformat() if call.closed_at else None,
            "lines": [
                {
                    "by": f"team: {team.get(line.staff_id, '?')}" if line.staff_id else "you",
                    "at": line.at.isoformat(),
                    "language": line.language,
                    **line.content,
                }
                for line in lines
            ],
        }
        for call, lines in asked
    ]


async def _signed_up(context: Context, person: Person) -> list[tuple[Told, Registration]]:
    """What they signed up for, the oldest first."""
    mine = {each.event_id: each for each in await registrations.of_person(context.unit, person.id)}
    held = [event for each in mine if (event := await events.find(context.unit, each))]
    return [(it, mine[it.event.id]) for it in await cards.told(Desk.of(context), *sorted(held, key=lambda event: event.starts_at))]


def _signup_lines(signed_up: Sequence[tuple[Told, Registration]], context: Context) -> list[Say]:
    lines = [Say("mydata.signups")] if signed_up else []
    for it, mine in signed_up:
        day: Fact = {"date": it.event.begins.date().isoformat()}
        lines.append(Say("mydata.signup", {"date": day, "title": it.title(*cards.reads(context.chat)), "state": cards.STATES[mine.state]}, line=True))
    return lines


def _signup(it: Told, mine: Registration) -> dict[str, Any]:
    moments = ("created_at", "changed_at", "offered_until", "attended_at", "still_at")
    told_ = {name: getattr(mine, name) for name in ("state", "place", "seats", "language", "zone", "interpreter", "role", "region", "was_there", "rating")}
    event = {"event": it.event.code, "title": it.original.title, "begins": it.event.begins.isoformat(), "time zone of the event": it.event.zone}
    return {**event, **told_, **{name: at.isoformat() if (at := getattr(mine, name)) else None for name in moments}, **mine.content}


def _line(name: str, answer: Fact, *, follows: bool = False) -> Say:
    return Say("common.line", {"name": {"say": name}, "answer": answer}, line=follows)


def _reminder_lines(person: Person, programme: Programme) -> list[Say]:
    """What they switched off, and since when nobody is shown them."""
    off: list[Fact] = [{"say": sentence} for kind, sentence in REMINDERS.items() if kind in person.quiet]
    lines = [_line("mydata.quiet", {"list": off}, follows=True)] if off else []
    if person.paused_at:
        lines.append(_line("mydata.paused", {"date": person.paused_at.astimezone(programme.timezone).date().isoformat()}, follows=True))
    return lines


def _consent_lines(consents: tuple[ConsentRow, ...], programme: Programme) -> list[Say]:
    lines = []
    for number, consent in enumerate(consents):
        facts: dict[str, Fact] = {
            "purpose": {"say": f"mydata.purpose-{consent.purpose}"},
            "decision": {"say": f"mydata.{consent.verdict}"},
            "date": {"date": consent.at.astimezone(programme.timezone).date().isoformat()},
        }
        lines.append(Say("mydata.consent", facts, line=number > 0))
    return lines


def answer_lines(answers: Collection[AnswerRow], scripts: Scripts, whose: str = "") -> list[Say]:
    """`whose`: as in `Passage.of`, for those who may not read the language that it is written in; what are words of theirs has a
    translation beside it then."""
    lines = []
    for row in _in_order(answers, scripts):
        step = scripts.question(row.question)
        if step and step.steps:  # the group itself only counts its rounds
            continue
        name: Fact = {"say": f"{row.question}.short"}
        answer = told(step, row.question, answer_of(row)) if step else str(row.content.get("value", ""))
        if whose and step and is_free(step, answer_of(row)):
            answer = {"free": str(answer), "in": row.language, "of": whose}
        lines.append(Say("common.line", {"name": name if step else row.question, "answer": answer}, line=True))
    return lines


def _in_order(answers: Collection[AnswerRow], scripts: Scripts) -> list[AnswerRow]:
    order = {f"{dialog}.{step.id}": (name, number) for name, dialog in enumerate(scripts) for number, step in enumerate(scripts[dialog].steps)}
    last = (len(order), 0)
    return sorted(answers, key=lambda row: (order.get(".".join(row.question.split(".")[:2]), last), _numbers(row.round), row.question))


def _numbers(round_: str) -> tuple[int, ...]:
    """Round 10 comes after round 9."""
    return tuple(map(int, round_.split("."))) if round_ else ()


def _staff_lines(opened: Sequence[Audited], noted: Sequence[Note], programme: Programme) -> list[Say]:
    """How often our team looked, when and why; what they wrote down. Who of the team is not the person's to know."""
    lines = [Say("mydata.opened", {"n": str(len(opened))})]
    for each in opened:
        facts: dict[str, Fact] = {"date": {"date": each.at.astimezone(programme.timezone).date().isoformat()}, "reason": REASONS.get(each.reason, each.reason)}
        lines.append(Say("mydata.one-opening", facts, line=True))
    if noted:
        lines.append(Say("mydata.notes"))
    dates = [{"date": note.at.astimezone(programme.timezone).date().isoformat()} for note in noted]
    lines += [Say("mydata.one-note", {"date": date, "text": note.text}, line=True) for date, note in zip(dates, noted, strict=True)]
    return lines


def _file_lines(sent: Sequence[KeptFile], programme: Programme) -> list[Say]:
    lines = [Say("mydata.files")] if sent else []
    for each in sent:
        date: Fact = {"date": each.at.astimezone(programme.timezone).date().isoformat()}
        lines.append(Say("mydata.one-file", {"date": date, "kind": {"say": f"common.{each.kind}"}, "size": -(-len(each.content) // 1000)}, line=True))
    return lines


def _sent(file: KeptFile) -> dict[str, Any]:
    is_small = len(file.content) <= SMALL_FILE
    return {
        "id": str(file.id),
        "question": file.question,
        "round": file.round or None,
        "kind": file.kind,
        "bytes": len(file.content),
        "at": file.at.isoformat(),
        "jpeg in base64": base64.b64encode(file.content).decode() if is_small else None,
        **({} if is_small else {"note": "larger than 200 KB, so it is not in this file; ask our team for it"}),
    }


def _document(person: Person, doors: list[str], context: Context, opened: Sequence[Audited], noted: Sequence[Note]) -> dict[str, Any]:
    programme = context.programme
    return {
        "number": person.number,
        "id": str(person.id),
        "with us since": person.created_at.isoformat(),
        "profile finished": person.finished_at.isoformat() if person.finished_at else None,
        "paused since": person.paused_at.isoformat() if person.paused_at else None,
        "not looking any more": nudges.NOT_LOOKING in person.quiet,
        "reminders switched off": [kind for kind in REMINDERS if kind in person.quiet],
        "reminded of": sorted(person.reminded),
        "asked whether all is still right": person.asked_at.isoformat() if person.asked_at else None,
        "language": context.chat.language,
        "channels": doors,
        "last message": context.unit.now.isoformat(),
        "conversation": {key: value for key, value in (context.chat.state or {}).items() if key in {"language", "passed", "brought", "frames", "reading"}},
        "agreed to": [
            {
                "purpose": row.purpose,
                "decision": row.verdict,
                "at": row.at.isoformat(),
                "text version": row.version,
                "text sha256": row.text_hash,
                "language": row.language,
                "channel": row.channel,
            }
            for row in person.consents
        ],
        "answers": _answers(person.answers.values(), context),
        **({"helps in our team": {"name": context.staff.name, "rank": context.staff.rank}} if context.staff else {}),
        "opened by our team": [{"at": each.at.isoformat(), "reason": each.reason} for each in opened],
        "notes of our team": [{"at": note.at.isoformat(), "text": note.text} for note in noted],
        "responsible": programme.controller,
        "data protection": programme.privacy,
        "recipients": [programme.controller],
        "kept until": f"{programme.months} months after your last message, or until you erase it with /forget",
    }


def _answers(rows: Collection[AnswerRow], context: Context) -> list[dict[str, Any]]:
    return [
        {
            "question": row.question,
            "round": row.round or None,
            "kind": row.kind,
            "value": row.content.get("value"),
            "own words": row.content.get("words"),
            "as shown": row.content.get("label"),
            "language": row.language,
            "given by": _giver(row, context),
            "script version": row.version,
            "at": row.at.isoformat(),
        }
        for row in _in_order(rows, context.scripts)
    ]


def _giver(row: AnswerRow, context: Context) -> str:
    """Never who it was: of a colleague, and of the team, only that."""
    kind = row.given_by.partition(":")[0]
    if kind in {"person", "staff", "import"}:
        return kind
    return "person" if context.person and row.given_by == str(context.person.id) else "colleague"


def _organisation_lines(organisation: Organisation, context: Context) -> list[Say]:
    return [Say("mydata.organisation", {"name": named(organisation, context)}), *answer_lines(_theirs(organisation, context), context.scripts)]


def _theirs(organisation: Organisation, context: Context) -> list[AnswerRow]:
    """What is known of it, but for what a colleague told of themselves."""
    assert context.person  # noqa: S101 - who speaks for it
    private, mine = private_questions(context.scripts), str(context.person.id)
    return [row for row in organisation.answers.values() if row.given_by == mine or row.question not in private]
