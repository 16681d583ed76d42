"""Staff fill a profile in with somebody in the room, who confirms it later on a phone of their own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.effects.nouns import Context, Moved, Outcome, in_groups, private_questions, said
from bot.effects.profiles import goes_on
from bot.effects.staff import refused
from bot.letters import pack
from bot.rights import may
from dialogs.nouns import Frame, Message, Say, State
from storage import chats, codes, erasure, people, seats, staff
from storage.records import Person

LASTS = timedelta(days=7)
READING = "reading-"  # how whoever writes down reads, until they have their chat back


async def begin(context: Context) -> Outcome:
    """Somebody new speaks in this chat, with the age gate and consents of their own, read aloud; staff have no say meanwhile:
    the phone goes from hand to hand. Whoever has a profile of their own here takes a seat."""
    if not may(context.staff, "fill"):
        return refused(context, "fill")
    assert context.staff  # noqa: S101 - may() has looked
    await context.write()
    if context.person:
        await seats.give(context.unit, context.chat)
    before = _state(context)
    filling = {
        "by": str(context.staff.id),
        "language": before.language,
        **{f"{READING}{name}": value for name, value in before.reading.items()},
        **({"own": str(context.person.id)} if context.person else {}),
    }
    fresh = State(before.language, before.prompts, shared=True, filling=filling, frames=(Frame("menu"), Frame("join")))
    await staff.write_down(context.unit, context.staff.id, "fill", None)
    moved = replace(context.chat, person_id=None, organisation_id=None, state=fresh.to_json())
    return Outcome(said("fill.begins").letters, moved=Moved(moved, None))


async def hand_over(context: Context) -> Outcome:
    """A code for the person, and the chat is staff's again."""
    filling = _state(context).filling
    if not filling:
        return said("fill.no-fill")
    await context.write()
    if context.person is None:
        return await _back(context, said("fill.nothing-kept"))
    person, by = context.person, (await staff.everybody(context.unit, past=True))
    await staff.write_down(context.unit, next((each.id for each in by if str(each.id) == filling["by"]), None), "hand-over", person.id)
    code = await codes.make(context.unit, subject=person.id, lasts=LASTS)
    parts = [Say("fill.code-is", {"code": in_groups(code), "n": LASTS.days, "number": str(person.number)})]
    if webchat := context.words.constant("webchat"):
        parts.append(Say("staff.link", {"link": f"{webchat}?start=door-{code}"}))
    return await _back(context, Outcome((pack(Message(tuple(parts))),)))


async def abandon(context: Context, person: Person | None) -> Outcome:
    """They want everything erased after all; the chat is staff's again, and stays."""
    if person is None:
        return await _back(context, said("fill.nothing-kept"))
    await chats.part(context.unit, [context.chat.id])
    await erasure.of_person(context.unit, person.id, private_questions(context.scripts))
    return replace(await _back(context, said("family.erased", name=f"№ {person.number}")), forgotten=person.id)


async def _back(context: Context, told: Outcome) -> Outcome:
    """Where the member of staff stood before, in their language."""
    unit, chat, now = context.unit, context.chat, _state(context)
    seat = next((each for each in await seats.of_chat(unit, chat.id) if str(each) == now.filling.get("own")), None)
    free = await seats.take(unit, chat.id, seat) if seat else None
    own = (await people.lock(unit, [seat])).get(seat) if seat and free else None
    shared = await seats.are_taken(unit, chat.id)
    state = (
        goes_on(free.state, now, shared=shared)
        if free and own
        else State(now.filling["language"], now.prompts, shared=shared, frames=(Frame("menu"),), reading=_reading(now))
    )
    state = replace(state, frames=tuple(frame for frame in state.frames if frame.dialog != "fill") or (Frame("menu"),))
    moved = replace(
        chat, person_id=own.id if own else None, organisation_id=free.organisation_id if free and own else None, state=state.to_json(), language=state.language
    )
    return replace(told, moved=Moved(moved, own))


def _reading(now: State) -> dict[str, str]:
    return {name.removeprefix(READING): value for name, value in now.filling.items() if name.startswith(READING)}


def _state(context: Context) -> State:
    assert context.chat.state  # noqa: S101 - a turn was just taken in it
    return State.from_json(context.chat.state)
