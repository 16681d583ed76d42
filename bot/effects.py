"""The verbs that a script may name with `effect:`. Each makes something true in the same commit as the turn itself."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from bot.letters import pack
from bot.settings import Programme
from dialogs.model import Scripts
from dialogs.nouns import Answer, Fact, Frame, Message, Say, State
from dialogs.turn import told
from storage import chats, codes, people, sessions
from storage.records import AnswerRow, Chat, ConsentRow, Draft, Person
from storage.store import Unit
from translations.words import Words


@dataclass(frozen=True, slots=True)
class Context:
    """What an effect may work with."""

    unit: Unit
    chat: Chat
    person: Person | None
    scripts: Scripts
    words: Words
    programme: Programme
    memo: Mapping[str, str]  # what was answered in the dialog that calls it
    write: Callable[[], Awaitable[None]]  # what the batch changed so far; before an effect looks at the tables, or empties them


@dataclass(frozen=True, slots=True)
class Moved:
    """A chat that is another person's from now on (or nobody's)."""

    chat: Chat
    person: Person | None
    absorbed: bool = False  # who it was before is no more: their answers come along


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is said before the turn's own words, and what became of the chat."""

    letters: tuple[Mapping[str, Any], ...] = ()
    erased: bool = False
    finished: bool = False  # the person's profile is complete
    moved: Moved | None = None
    parted: frozenset[int] = frozenset()  # other chats that are nobody's any more
    over: frozenset[int] = frozenset()  # other chats that are gone
    notices: tuple[Draft, ...] = ()  # to other chats


async def finish_profile(_: Context) -> Outcome:
    """The profile is complete, until it is changed."""
    return Outcome(finished=True)


async def erase(context: Context) -> Outcome:
    """Really everything: the person with every chat of theirs, or the chat alone."""
    await context.write()
    if context.person:
        await people.erase(context.unit, context.person.id)
    await people.erase_chat(context.unit, context.chat.id)
    return Outcome(erased=True)


async def send_my_data(context: Context) -> Outcome:
    """A message to read and a file for the computer (GDPR, Articles 15 and 20)."""
    person = context.person
    if person is None:
        nothing = Say("mydata.nothing", {"language": {"from": "languages", "code": context.chat.language}})
        return Outcome((pack(Message((nothing,))),))
    doors = sorted({chat.channel for chat in await chats.of_person(context.unit, person.id)} | {context.chat.channel})
    lines = _answer_lines(person.answers.values(), context.scripts)
    parts = [
        Say("mydata.intro"),
        _line("mydata.number", str(person.number)),
        _line("mydata.language", {"from": "languages", "code": context.chat.language}, follows=True),
        _line("mydata.since", {"date": person.created_at.astimezone(context.programme.timezone).date().isoformat()}, follows=True),
        _line("mydata.doors", {"list": [_channel(door) for door in doors]}, follows=True),
        *_consent_lines(person.consents, context.programme),
        Say("mydata.answers", {"n": len(lines)}),
        *lines,
        Say("mydata.rights"),
    ]
    file = json.dumps(_document(person, doors, context), ensure_ascii=False, indent=2)
    return Outcome((pack(Message(tuple(parts)), document=("my-data.json", file)),))


async def give_code(context: Context) -> Outcome:
    """A one-time code: who types it in another chat is the person of this one."""
    if context.person is None:
        return _said("doors.nothing")
    code = await codes.make(context.unit, context.chat.id)
    groups = " ".join(code[at : at + 3] for at in range(0, len(code), 3))
    return _said("doors.code-is", code=groups, n=int(codes.LASTS.total_seconds() // 60))


async def join_by_code(context: Context) -> Outcome:
    """Make this chat one of the person in whose other chat the code was made, going on where that one stands. Somebody
    who has no other chat than this one is absorbed: their answers come along where the other has none."""
    unit, chat, mine = context.unit, context.chat, context.person
    digits = "".join(str(unicodedata.decimal(each)) for each in context.memo.get("code", "") if each.isdecimal())
    await context.write()
    giver = await codes.redeem(unit, digits, chat.id)
    there = await chats.get(unit, giver) if giver else None
    if there is None or there.person_id is None:
        return _said("doors.wrong")
    person = (await people.lock(unit, [there.person_id])).get(there.person_id)
    if person is None:  # absorbed or erased this very moment, by another process
        return _said("doors.wrong")
    if mine and mine.id == person.id:
        return _said("doors.already")
    others = await chats.of_person(unit, person.id)
    await chats.belong(unit, chat.id, person.id)
    absorbed = mine is not None and not await chats.of_person(unit, mine.id)
    if mine and absorbed:
        await people.erase(unit, mine.id)
    await people.changed(unit, [person.id])
    moved = replace(chat, person_id=person.id, state=_goes_on(there.state, chat, context.scripts))
    news = pack(Message((Say("doors.new-door", {"channel": _channel(chat.channel)}),)))
    notices = tuple(Draft(f"{each.id}.joined.{uuid4()}", news, each) for each in others)
    return Outcome(_said("doors.joined").letters, moved=Moved(moved, person, absorbed), notices=notices)


def _goes_on(there: Mapping[str, Any] | None, chat: Chat, scripts: Scripts) -> Mapping[str, Any]:
    """Where the other chat stands, in this one: its questions are asked here anew, under numbers of this chat's own. What a
    command opened there (erase everything?) stays there."""
    assert chat.state  # noqa: S101 - a turn was just taken in it
    mine, theirs = State.from_json(chat.state), State.from_json(there or chat.state)
    frames = [replace(frame, prompt=0, offered=()) for frame in theirs.frames if frame.dialog in scripts and not scripts[frame.dialog].command]
    return State(mine.language, mine.prompts, theirs.passed, theirs.brought, (Frame("menu"), *frames)).to_json()


async def part_others(context: Context) -> Outcome:
    """Only this chat stays the person's: for a phone that was lost, or a computer that others use."""
    others = await _others(context)
    if not others:
        return _said("doors.parted-none")
    parted = [each for each in others if each.channel != sessions.CHANNEL]
    over = [each for each in others if each not in parted]  # a browser: whoever sits there now is shown nothing any more
    await chats.part(context.unit, [each.id for each in parted])
    await chats.remove(context.unit, [each.id for each in over])
    news = pack(Message((Say("doors.was-parted"),)))
    names: Fact = {"list": [_channel(each.channel) for each in others]}
    return Outcome(
        _said("doors.parted", list=names).letters,
        parted=frozenset(each.id for each in parted),
        over=frozenset(each.id for each in over),
        notices=tuple(Draft(f"{each.id}.parted.{uuid4()}", news, each) for each in parted),
    )


async def leave_person(context: Context) -> Outcome:
    """The chat is nobody's any more; the answers stay with the other chats."""
    if not await _others(context):
        return _said("doors.left-none" if context.person else "doors.nothing")
    await chats.part(context.unit, [context.chat.id])
    gone = replace(context.chat, person_id=None, state=None)
    return Outcome(_said("doors.left").letters, moved=Moved(gone, None))


async def _others(context: Context) -> list[Chat]:
    there = await chats.of_person(context.unit, context.person.id) if context.person else []
    return [each for each in there if each.id != context.chat.id]


def _said(sentence: str, **facts: Fact) -> Outcome:
    return Outcome((pack(Message((Say(sentence, facts),))),))


def _channel(channel: str) -> Fact:
    return {"say": f"doors.channel-{channel}"}


def _line(name: str, answer: Fact, *, follows: bool = False) -> Say:
    return Say("common.line", {"name": {"say": name}, "answer": answer}, line=follows)


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


def _answer_lines(answers: Collection[AnswerRow], scripts: Scripts) -> list[Say]:
    lines = []
    for row in _in_order(answers, scripts):
        step = scripts.question(row.question)
        if step and step.steps:  # the group itself only counts its rounds
            continue
        name: Fact = {"say": f"{row.question}.short"}
        answer = told(step, row.question, answer_of(row)) if step else str(row.content.get("value", ""))
        lines.append(Say("common.line", {"name": name if step else row.question, "answer": answer}, line=True))
    return lines


def _in_order(answers: Collection[AnswerRow], scripts: Scripts) -> list[AnswerRow]:
    order = {f"{dialog}.{step.id}": (name, number) for name, dialog in enumerate(scripts) for number, step in enumerate(scripts[dialog].steps)}
    last = (len(order), 0)
    return sorted(answers, key=lambda row: (order.get(".".join(row.question.split(".")[:2]), last), row.round, row.question))


def answer_of(row: AnswerRow) -> Answer:
    """The engine's noun for what the store kept."""
    return Answer(row.kind, str(row.content.get("value", "")), str(row.content.get("words", "")))  # type: ignore[arg-type]  # reason: the store keeps what the engine said


def _document(person: Person, doors: list[str], context: Context) -> dict[str, Any]:
    programme = context.programme
    return {
        "number": person.number,
        "id": str(person.id),
        "with us since": person.created_at.isoformat(),
        "profile finished": person.finished_at.isoformat() if person.finished_at else None,
        "language": context.chat.language,
        "channels": doors,
        "last message": context.unit.now.isoformat(),
        "conversation": {key: value for key, value in (context.chat.state or {}).items() if key in {"language", "passed", "brought", "frames"}},
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
        "answers": [
            {
                "question": row.question,
                "round": row.round or None,
                "kind": row.kind,
                "value": row.content.get("value"),
                "own words": row.content.get("words"),
                "as shown": row.content.get("label"),
                "language": row.language,
                "given by": row.given_by,
                "script version": row.version,
                "at": row.at.isoformat(),
            }
            for row in _in_order(person.answers.values(), context.scripts)
        ],
        "responsible": programme.controller,
        "data protection": programme.privacy,
        "recipients": [programme.controller],
        "kept until": f"{programme.months} months after your last message, or until you erase it with /forget",
    }


Effect = Callable[[Context], Awaitable[Outcome]]

EFFECTS: Mapping[str, Effect] = {
    "finish-profile": finish_profile,
    "erase": erase,
    "send-my-data": send_my_data,
    "give-code": give_code,
    "join-by-code": join_by_code,
    "part-others": part_others,
    "leave-person": leave_person,
}
