"""Families share phones: several profiles in one chat. One of them speaks at a time; the others have a seat, and keep their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from bot.effects.nouns import Context, Moved, Outcome, name_of, private_questions, said
from dialogs.nouns import Fact, Frame, State
from storage import chats, erasure, people, seats
from storage.records import Person


async def add(context: Context) -> Outcome:
    """Somebody new begins, with the age gate and a consent of their own; whoever spoke takes a seat."""
    if context.staff:  # or the next one who has the phone could do what staff may
        return said("family.team")
    if context.person is None:
        return said("family.you-first")
    await context.write()
    await seats.give(context.unit, context.chat)
    before = State.from_json(_state(context))
    fresh = State(before.language, before.prompts, shared=True, frames=(Frame("menu"), Frame("join")))
    moved = replace(context.chat, person_id=None, organisation_id=None, state=fresh.to_json())
    return Outcome(said("family.somebody-new").letters, moved=Moved(moved, None))


async def switch(context: Context) -> Outcome:
    """Another one speaks, where they stood."""
    await context.write()
    return await seat(context, context.memo.get("whom", ""))


async def remove(context: Context) -> Outcome:
    """Off this phone. Who has no other door is erased: nobody could come back to that profile."""
    unit, chat = context.unit, context.chat
    await context.write()
    wanted = await _chosen(context, context.memo.get("who", ""))
    free = await seats.take(unit, chat.id, wanted) if wanted else None
    person = await people.get(unit, free.person_id) if free else None
    if person is None:
        return said("family.nobody")
    name = name_of(person, context.scripts)
    erased = not (await chats.of_person(unit, person.id) or await seats.of_person(unit, person.id))
    if erased:
        await erasure.of_person(unit, person.id, private_questions(context.scripts))
    alone = not await seats.are_taken(unit, chat.id)
    state = replace(State.from_json(_state(context)), shared=not alone)
    letters = said("family.erased" if erased else "family.removed", name=name).letters
    return Outcome(letters, moved=Moved(replace(chat, state=state.to_json()), context.person), forgotten=person.id if erased else None)


async def here(context: Context) -> Mapping[str, Fact]:
    """The other profiles of this chat, by name."""
    await context.write()
    return {_code(person): name_of(person, context.scripts) for person in await _others(context)}


async def _others(context: Context) -> list[Person]:
    there = [await people.get(context.unit, person_id) for person_id in await seats.of_chat(context.unit, context.chat.id)]
    return [person for person in there if person]


async def _chosen(context: Context, code: str) -> UUID | None:
    return next((person.id for person in await _others(context) if _code(person) == code), None)


def _code(person: Person) -> str:
    """Short enough for a button."""
    return f"p{person.number}"


async def seat(context: Context, wanted: str, *, leaving: bool = False) -> Outcome:
    """Whoever is wanted gives their seat up, whoever spoke takes one; `leaving`: or goes for good."""
    unit, chat, whom = context.unit, context.chat, await _chosen(context, wanted)
    there = (await people.lock(unit, [whom])).get(whom) if whom else None
    free = await seats.take(unit, chat.id, whom) if whom and there else None
    if free is None or there is None:
        return said("family.nobody")
    if context.person and not leaving:
        await seats.give(unit, chat)
    shared = await seats.are_taken(unit, chat.id)
    state = goes_on(free.state, State.from_json(_state(context)), shared=shared)
    moved = replace(chat, person_id=there.id, organisation_id=free.organisation_id, state=state.to_json())
    return Outcome(said("family.now", name=name_of(there, context.scripts)).letters, moved=Moved(moved, there))


def goes_on(theirs: Mapping[str, Any], before: State, *, shared: bool) -> State:
    """Where they stood; their question is asked anew, under a number that no button of this chat has yet."""
    state = State.from_json(theirs)
    frames = tuple(replace(frame, prompt=0, offered=()) for frame in state.frames if frame.dialog != "family")
    return replace(state, prompts=max(state.prompts, before.prompts), shared=shared, frames=frames or (Frame("menu"),))


def _state(context: Context) -> Mapping[str, Any]:
    assert context.chat.state  # noqa: S101 - a turn was just taken in it
    return context.chat.state
