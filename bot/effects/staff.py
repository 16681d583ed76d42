"""Those who help: coming in by a code, inviting, changing ranks, saying goodbye."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

from bot.effects.nouns import Context, Moved, Outcome, in_groups, is_filling, said
from bot.letters import pack
from bot.logs import Code
from bot.rights import may
from dialogs.model import RANKS
from dialogs.nouns import Fact, Frame, Message, Say, State
from storage import chats, codes, staff
from storage.records import Chat, Draft, Staff
from storage.store import Unit

log = logging.getLogger(__name__)

LASTS = timedelta(days=7)
RANK_IS: Mapping[str, Fact] = {
    "viewer": {"say": "staff.rank.viewer"},
    "coordinator": {"say": "staff.rank.coordinator"},
    "admin": {"say": "staff.rank.admin"},
}


async def invite(unit: Unit, name: str, rank: str, by: UUID | None = None) -> tuple[Staff, str]:
    """A new member of staff, and the code by which they come in. `by`: none is the command line."""
    new = await staff.add(unit, name, rank)
    await staff.write_down(unit, by, "invite", new.id, rank)
    return new, await codes.make(unit, kind="staff", subject=new.id, lasts=LASTS)


async def enter(context: Context) -> Outcome:
    """By a code that an admin, or the command line, gave them."""
    await context.write()
    if (context.chat.state or {}).get("shared"):  # a rank belongs to a chat, and this one is several people's
        return said("enter.shared", "wrong")
    subject = await codes.redeem_for(context.unit, "staff", codes.digits(context.memo.get("code", "")))
    helper = (await staff.get(context.unit, [subject])).get(subject) if subject else None
    if helper is None:
        log.info("chat %s: a code for staff that is none, or no more", context.chat.id)
        return said("enter.wrong", "wrong")
    await staff.write_down(context.unit, helper.id, "enter", helper.id)
    letters = said("enter.welcome", name=helper.name, rank=RANK_IS[helper.rank]).letters
    chat = replace(context.chat, staff_id=helper.id)
    if context.person is None and chat.state:  # they came to help: nobody need tell of themselves for that
        state = State.from_json(chat.state)
        frames = (Frame("menu"), *(frame for frame in state.frames if frame.dialog != "join"))
        chat = replace(chat, state=replace(state, frames=frames).to_json())
    return Outcome(letters, "entered", moved=Moved(chat, context.person))


async def invite_one(context: Context) -> Outcome:
    """An admin invites somebody from the chat."""
    name, rank = context.memo.get("name", ""), context.memo.get("rank", "")
    if not may(context.staff, "invite") or not name or rank not in RANKS[1:]:
        return refused(context, "invite")
    assert context.staff  # noqa: S101 - may() has looked
    _, code = await invite(context.unit, name, rank, context.staff.id)
    return _code_is("staff.invited", code, context, name=name)


async def own_code(context: Context) -> Outcome:
    """Another chat of the same member of staff."""
    if not may(context.staff, "own-code", own=True):
        return refused(context, "own-code")
    assert context.staff  # noqa: S101 - may() has looked
    await staff.write_down(context.unit, context.staff.id, "code", context.staff.id)
    code = await codes.make(context.unit, kind="staff", subject=context.staff.id, lasts=LASTS)
    return _code_is("staff.own-code-is", code, context)


async def change(context: Context) -> Outcome:
    """Another rank, or the end. The last admin stays one: nobody could invite any more."""
    unit, deed = context.unit, context.memo.get("deed", "")
    await context.write()
    whom = next((each for each in await staff.everybody(unit) if _code(each) == context.memo.get("whom")), None)
    own = whom is not None and context.staff is not None and whom.id == context.staff.id
    if not may(context.staff, "change-staff", own=own) or deed not in {*RANKS[1:], "remove"}:
        return refused(context, "change-staff")
    assert context.staff  # noqa: S101 - may() has looked
    if whom is None:
        return said("staff.gone")
    theirs = await chats.of_staff(unit, [whom.id])
    done = await (staff.remove(unit, whom.id) if deed == "remove" else staff.set_rank(unit, whom.id, deed))
    if not done:
        return said("staff.last-admin", name=whom.name)
    await staff.write_down(unit, context.staff.id, "remove" if deed == "remove" else "rank", whom.id, "" if deed == "remove" else deed)
    others = [each for each in theirs if each.id != context.chat.id]
    news = Say("staff.you-left") if deed == "remove" else Say("staff.your-rank", {"rank": RANK_IS[deed]})
    notices = tuple(Draft(f"{each.id}.rank.{uuid4()}", pack(Message((news,))), each) for each in others)
    parted = await _interrupted(unit, others) if deed == "remove" else frozenset[int]()
    letters = (said("staff.removed", name=whom.name) if deed == "remove" else said("staff.changed", name=whom.name, rank=RANK_IS[deed])).letters
    return Outcome(letters, notices=tuple(each for each in notices if each.chat and each.chat.id not in parted), parted=parted, ranks=frozenset({whom.id}))


async def _interrupted(unit: Unit, theirs: list[Chat]) -> frozenset[int]:
    """Chats in which they were just filling in somebody's profile: that person's answers are not theirs to read on."""
    filling = frozenset(each.id for each in theirs if is_filling(each))
    await chats.part(unit, filling)
    return filling


async def everybody(context: Context) -> Mapping[str, Fact]:
    """All of the staff, with their ranks."""
    if not may(context.staff, "change-staff", own=True):
        return {}
    return {_code(each): {"pair": [each.name, RANK_IS[each.rank]]} for each in await staff.everybody(context.unit)}


def refused(context: Context, act: str) -> Outcome:
    """Somebody without the rank, or no longer with it. Ids only."""
    log.info("chat %s: %s was refused, staff %s", context.chat.id, Code(act), context.chat.staff_id)
    return said("staff.refused", "refused")


def _code_is(sentence: str, code: str, context: Context, **facts: Fact) -> Outcome:
    """The code and, if the world can reach our web chat, a link that brings it along."""
    webchat = context.words.constant("webchat")
    parts = [Say(sentence, {"code": in_groups(code), "n": LASTS.days, **facts})]
    if webchat:
        parts.append(Say("staff.link", {"link": f"{webchat}?start=staff-{code}"}))
    return Outcome((pack(Message(tuple(parts))),))


def _code(helper: Staff) -> str:
    """Short enough for a button; random bits of the id, so that it means nobody else."""
    return f"s{helper.id.hex[-16:]}"
