"""The verbs that a script may name with `effect:`. Each makes something true in the same commit as the turn itself."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from bot.letters import pack
from bot.settings import Programme
from dialogs.model import Scripts
from dialogs.nouns import Answer, Fact, Message, Say
from dialogs.turn import told
from storage import chats, people
from storage.records import AnswerRow, Chat, ConsentRow, Person
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is said before the turn's own words, and whether the chat is gone now."""

    letters: tuple[Mapping[str, Any], ...] = ()
    erased: bool = False


async def finish_profile(context: Context) -> Outcome:
    """The profile is complete, until it is changed."""
    if context.person:
        await people.finish(context.unit, context.person.id)
        await people.changed(context.unit, [context.person.id])
    return Outcome()


async def erase(context: Context) -> Outcome:
    """Really everything: the person with every chat of theirs, or the chat alone."""
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
        _line("mydata.doors", {"list": list(doors)}, follows=True),
        *_consent_lines(person.consents, context.programme),
        Say("mydata.answers", {"n": len(lines)}),
        *lines,
        Say("mydata.rights"),
    ]
    file = json.dumps(_document(person, doors, context), ensure_ascii=False, indent=2)
    return Outcome((pack(Message(tuple(parts)), document=("my-data.json", file)),))


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
        "conversation": {key: value for key, value in (context.chat.state or {}).items() if key in {"language", "passed", "frames"}},
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
}
