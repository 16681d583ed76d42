"""For whom somebody speaks: founding an organisation's profile, joining one by a code, inviting colleagues, leaving."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from bot.effects.nouns import Context, Moved, Outcome, in_groups, private_questions, said
from dialogs.nouns import Fact, Frame, State
from storage import codes, organisations
from storage.records import Organisation

log = logging.getLogger(__name__)

INVITED = timedelta(days=7)


async def found(context: Context) -> Outcome:
    """A new organisation; whoever tells of it speaks for it."""
    assert context.person  # noqa: S101 - the engine asks for an organisation only after the consent
    await context.write()
    new = await organisations.found(context.unit, context.person.id)
    return _speaks(context, new.id, "founded")


async def join(context: Context) -> Outcome:
    """By a code that a colleague, or staff, was given."""
    await context.write()
    if context.person is None:
        return said("organisation.wrong-code", "wrong")
    subject = await codes.redeem_for(context.unit, "colleague", codes.digits(context.memo.get("code", "")))
    if subject is None or not await organisations.lock(context.unit, [subject]):
        log.info("chat %s: a code for an organisation that is none, or no more", context.chat.id)
        return said("organisation.wrong-code", "wrong")
    await organisations.join(context.unit, subject, context.person.id)
    await organisations.changed(context.unit, [subject])
    return _speaks(context, subject, "joined")


async def speak_for(context: Context) -> Outcome:
    """For another one of theirs, from now on and in this chat."""
    await context.write()
    chosen = next((each for each in await spoken_for_by(context) if _code(each) == context.memo.get("which", "")), None)
    return _speaks(context, chosen.id, "speaks") if chosen else said("organisation.wrong-code", "wrong")


async def invite(context: Context) -> Outcome:
    """A code for one colleague, for a week."""
    if context.organisation is None:
        return said("team.none")
    code = await codes.make(context.unit, context.chat.id, kind="colleague", subject=context.organisation.id, lasts=INVITED)
    return said("team.code-is", code=in_groups(code), n=INVITED.days)


async def leave(context: Context) -> Outcome:
    """They no longer speak for it; with the last one, its profile goes."""
    if context.organisation is None or context.person is None:
        return said("team.none")
    await context.write()
    await organisations.leave(context.unit, context.person.id, [context.organisation.id], private_questions(context.scripts))
    last = len(context.organisation.members) == 1
    letters = said("team.left-last" if last else "team.left", name=named(context.organisation, context)).letters
    return replace(_speaks(context, None), letters=letters)


async def mine(context: Context) -> Mapping[str, Fact]:
    """Those that they speak for, by name."""
    await context.write()
    return {_code(each): named(each, context) for each in await spoken_for_by(context)}


async def spoken_for_by(context: Context) -> list[Organisation]:
    """By whoever writes here, the oldest first."""
    ids = await organisations.of_person(context.unit, context.person.id) if context.person else []
    there = await organisations.lock(context.unit, ids)
    return [there[each] for each in ids if each in there]


def _code(organisation: Organisation) -> str:
    """Short enough for a button."""
    return f"o{organisation.number}"


async def portals(context: Context) -> tuple[str, ...]:
    """Partners' portals of this programme."""
    return tuple(context.programme.portals)


def named(organisation: Organisation, context: Context) -> str:
    """As it calls itself; else its number."""
    names = (f"{name}.name" for name, dialog in context.scripts.items() if dialog.of == "organisation")
    given = (organisation.answers.get((name, "")) for name in names)
    return next((str(row.content.get("value", "")) for row in given if row and row.kind == "given"), f"№ {organisation.number}")


def _speaks(context: Context, organisation_id: UUID | None, how: str = "") -> Outcome:
    """From now on, and in this chat; what was asked about another one is asked anew."""
    assert context.chat.state  # noqa: S101 - a turn was just taken in it
    state = State.from_json(context.chat.state)
    frames = tuple(Frame(each.dialog) if context.scripts[each.dialog].of == "organisation" else each for each in state.frames)
    chat = replace(context.chat, organisation_id=organisation_id, state=replace(state, frames=frames).to_json())
    return Outcome(code=how, moved=Moved(chat, context.person))
