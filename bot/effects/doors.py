"""One person, several chats: connecting them by a one-time code, and parting them again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

from bot.effects.nouns import Context, Moved, Outcome, confirmed, in_groups, said
from bot.letters import pack
from dialogs.model import Scripts
from dialogs.nouns import Fact, Frame, Message, Say, State
from storage import calls, chats, codes, erasure, organisations, people, registrations, seats, sessions
from storage.records import Chat, Draft

log = logging.getLogger(__name__)


async def give_code(context: Context) -> Outcome:
    """A one-time code: who types it in another chat is the person of this one."""
    if context.person is None:
        return said("doors.nothing")
    code = await codes.make(context.unit, context.chat.id, subject=context.person.id)
    return said("doors.code-is", code=in_groups(code), n=int(codes.LASTS.total_seconds() // 60))


async def join_by_code(context: Context) -> Outcome:
    """Make this chat one of the person in whose other chat the code was made, going on where that one stands. Somebody
    who has no other chat than this one is absorbed: their answers come along where the other has none."""
    unit, chat, mine = context.unit, context.chat, context.person
    await context.write()
    giver, subject = await codes.redeem(unit, codes.digits(context.memo.get("code", "")), chat.id, handed_over=not context.staff) or (None, None)
    there = await chats.get(unit, giver) if giver else None
    person = (await people.lock(unit, [subject])).get(subject) if subject else None
    if person is None or (giver and there is None):  # absorbed or erased meanwhile
        log.info("chat %s: a code that is none, or no more", chat.id)
        return said("doors.wrong", "wrong")
    if mine and mine.id == person.id:
        return said("doors.already")
    if chat.id in await seats.of_person(unit, person.id):  # /family is the way to them, and absorbs nobody
        return said("doors.already")
    others = await chats.of_person(unit, person.id)
    await chats.belong(unit, chat.id, person.id)
    if mine is None:
        await calls.claim(unit, {chat.id: person.id})
    absorbed = mine is not None and not await chats.of_person(unit, mine.id) and not await seats.of_person(unit, mine.id)
    if mine and absorbed:
        await organisations.inherit(unit, mine.id, person.id)
        await calls.inherit(unit, mine.id, person.id)
        await registrations.inherit(unit, mine.id, person.id)
        if (mail := await chats.mail_of(unit, mine.id)) and not await chats.mail_of(unit, person.id):
            await chats.belong(unit, mail.id, person.id)
        await erasure.of_person(unit, mine.id)
    await people.changed(unit, [person.id])
    state = there.state if there and there.person_id == person.id else None  # else another one of their family speaks there just now
    organisation_id = there.organisation_id if there and state else None
    moved = replace(chat, person_id=person.id, organisation_id=organisation_id, state=_goes_on(state, chat, context.scripts))
    if not confirmed(person):
        moved = replace(moved, state=_confirms(moved.state))
    news = pack(Message((Say("doors.new-door", {"channel": channel(chat.channel)}),)))
    notices = tuple(Draft(f"{each.id}.joined.{uuid4()}", news, each) for each in others)
    return Outcome(said("doors.joined").letters, moved=Moved(moved, person, absorbed), notices=notices)


async def claim(context: Context) -> Outcome:
    """The profile that staff filled in with somebody becomes theirs, on their own phone: staff can't confirm it in their stead."""
    if context.staff:
        return said("fill.not-yours", "not-yours")
    outcome = await join_by_code(context)
    if outcome.code == "wrong":
        return said("fill.wrong", "wrong")
    if outcome.moved is None or outcome.moved.chat.state is None:
        return outcome
    state = State.from_json(outcome.moved.chat.state)
    state = replace(state, frames=(*state.frames, Frame("claim", done=("claim",), memo=dict(context.memo))))  # it has something to say
    return replace(outcome, letters=(), code="claimed", moved=replace(outcome.moved, chat=replace(outcome.moved.chat, state=state.to_json())))


def _goes_on(there: Mapping[str, Any] | None, chat: Chat, scripts: Scripts) -> Mapping[str, Any]:
    """Where the other chat stands, in this one: its questions are asked here anew, under numbers of this chat's own. What a
    command opened there (erase everything?) stays there."""
    assert chat.state  # noqa: S101 - a turn was just taken in it
    mine, theirs = State.from_json(chat.state), State.from_json(there or chat.state)
    stays = [frame.dialog for frame in theirs.frames if frame.dialog not in scripts or (scripts[frame.dialog].command and not scripts[frame.dialog].form)]
    frames = [replace(frame, prompt=0, offered=()) for frame in theirs.frames if frame.dialog not in stays]
    reading, frames_ = mine.reading or theirs.reading, (Frame("menu"), *frames)
    return State(mine.language, mine.prompts, theirs.passed, theirs.brought, frames_, shared=mine.shared, reading=reading, heard=mine.heard).to_json()


def _confirms(there: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Staff wrote this profile down; before anything else its owner is asked whether it may be kept, and looks it over."""
    assert there  # noqa: S101 - _goes_on() has just made it
    state = State.from_json(there)
    begun = any(frame.dialog == "welcome" for frame in state.frames)  # which leads there
    return replace(state, frames=(*(frame for frame in state.frames if frame.dialog != "join"), *(() if begun else (Frame("join"),)))).to_json()


async def part_others(context: Context) -> Outcome:
    """Only this chat stays the person's: for a phone that was lost, or a computer that others use. Nothing of theirs stays there:
    no seat beside others of their family, no code, and no place in the team."""
    unit, others, seated = context.unit, await _others(context), await _seated(context)
    others += [mail] if context.person and (mail := await chats.mail_of(unit, context.person.id)) else []
    if context.person is None or not (others or seated):
        return said("doors.parted-none")
    parted = [each for each in others if each.channel not in {sessions.CHANNEL, chats.MAIL}]
    over = [each for each in others if each not in parted]  # a browser: whoever sits there now is shown nothing any more
    await chats.part(unit, [each.id for each in parted])
    await chats.dismiss(unit, [each.id for each in parted])
    await chats.remove(unit, [each.id for each in over])
    await seats.leave_all(unit, context.person.id)
    await codes.forget_doors_of(unit, context.person.id)
    news = pack(Message((Say("doors.was-parted"),)))
    names: Fact = {"list": [channel(each.channel) for each in (*others, *seated)]}
    return Outcome(
        said("doors.parted", list=names).letters,
        parted=frozenset(each.id for each in parted),
        over=frozenset(each.id for each in over),
        notices=tuple(Draft(f"{each.id}.parted.{uuid4()}", news, each) for each in parted),
    )


async def leave_person(context: Context) -> Outcome:
    """The chat is nobody's any more; the answers stay with the other chats."""
    helps = context.person is None and context.staff is not None  # they have nothing of their own here
    if not helps and not await _others(context):
        return said("doors.left-none" if context.person else "doors.nothing")
    await chats.part(context.unit, [context.chat.id])
    gone = replace(context.chat, person_id=None, organisation_id=None, staff_id=None, state=None)
    return Outcome(said("doors.left-team" if helps else "doors.left").letters, moved=Moved(gone, None))


async def _others(context: Context) -> list[Chat]:
    there = await chats.of_person(context.unit, context.person.id) if context.person else []
    return [each for each in there if each.id != context.chat.id]


async def _seated(context: Context) -> list[Chat]:
    """Chats that they share with others of their family, who speak there just now."""
    ids = await seats.of_person(context.unit, context.person.id) if context.person else []
    there = [await chats.get(context.unit, each) for each in ids if each != context.chat.id]
    return [each for each in there if each]


def channel(channel: str) -> Fact:
    return {"say": f"doors.channel-{channel}"}
