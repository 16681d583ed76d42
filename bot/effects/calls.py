"""A human being: what somebody asks is brought to the team, and the answer back. Who is there is said truthfully, and nothing is lost."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID

from bot.effects.nouns import Context, Outcome, is_filling, name_of, said
from bot.letters import Action, pack
from bot.messages import Incoming, Kind
from bot.rights import RIGHTS, may
from bot.settings import Programme
from dialogs.kinds import TYPED as KINDS
from dialogs.model import RANKS
from dialogs.nouns import Fact, Message, Say
from storage import calls, chats, people, staff
from storage.records import Address, Call, CallLine, Chat, Draft, Staff
from storage.store import Unit

log = logging.getLogger(__name__)

SHOWN = 6  # lines of a call that staff see at once; each may have 2,000 characters
LISTED = 20  # calls in one message: each has a button
CLOCK = "clock"  # the source of acts of our own
NOBODY_ANSWERED = "call-overdue"
REPLY: Sequence[Action] = (("human", "", {"say": "human.reply"}), ("helped", "", {"say": "human.that-helped"}))


# ---- who asks ----


async def look_for_team(context: Context) -> Outcome:
    """Is somebody there now, when again, and how long does an answer take? Nobody at all: whom to turn to instead."""
    await context.write()
    team = await _team(context)
    if not await chats.of_staff(context.unit, team):
        return said("human.nobody", "nobody")
    there = await calls.open_of(context.unit, context.chat)
    parts = [*(await _how_it_stands(there, team, context) if there else ()), _who_is_there(context), *await _how_long(context)]
    return Outcome((pack(Message(tuple(parts))),), "open" if there else "new")


async def _how_it_stands(call: Call, team: Mapping[UUID, Staff], context: Context) -> list[Say]:
    now = await calls.get(context.unit, call.id)
    since = now.waits[1] if now and now.waits else None
    if since is None:
        return [Say("human.answered")]
    if name := _holder(call, team):
        return [Say("human.taken", {"since": _moment(since, context), "name": name})]
    return [Say("human.waits", {"since": _moment(since, context)})]


def _who_is_there(context: Context) -> Say:
    """Opening hours, as they are: the moment with its day, so that it is true whenever it is read."""
    hours, now = context.programme.opening, context.unit.now
    until, opens = hours.open_until(now), hours.opens_next(now)
    if until and until - now > timedelta(days=300):
        return Say("human.open-always")
    if until:
        soon = until - now < timedelta(days=1)
        return Say("human.open", {"until": f"{until.hour}:{until.minute:02}" if soon else _moment(until, context)})
    if opens:
        return Say("human.opens", {"moment": {**_moment(opens, context), "zone": context.programme.zone}})
    return Say("human.closed" if hours.are_fixed else "human.no-hours")


async def _how_long(context: Context) -> list[Say]:
    """How long an answer took lately; nothing is claimed of a few."""
    wait = await calls.usual_wait(context.unit)
    if wait is None:
        return []
    if wait <= timedelta(hours=1):
        return [Say("human.within-an-hour")]
    return [Say("human.within-days", {"n": ceil(wait / timedelta(days=1))})]


async def call_human(context: Context) -> Outcome:
    """Keep what they wrote, or the number to call, and bring it to the team."""
    await context.write()
    unit, memo = context.unit, context.memo
    if not await chats.of_staff(unit, await _team(context)):  # the last one left while they wrote
        return said("human.nobody")
    words = next((memo[f"{step}.words"] for step in ("how", "more") if memo.get(step) == "other"), "")
    content = {"words": words} if words else {"phone": memo.get("number", "")}
    before = await calls.open_of(unit, context.chat)
    call = before or await calls.begin(unit, context.chat, "write" if words else "phone")
    listening = await _listening(call, context)
    language = context.language_of(words, context.chat.language) if words else context.chat.language
    await calls.write(unit, call, None, language, content)
    notices = await _brought(call, content, listening, context, first=before is None, language=language)
    parts = (Say("human.with-the-team" if words else "human.will-be-called"), _who_is_there(context), Say("human.also"))
    return Outcome((pack(Message(parts)),), notices=notices)


async def _brought(call: Call, content: Mapping[str, str], listening: Sequence[Chat], context: Context, *, first: bool, language: str) -> tuple[Draft, ...]:
    """What they wrote, as they wrote it (and beside it what a machine makes of it), to those who listen. A phone number is for whoever opens the call; words are not for
    somebody in the room, who holds the phone just now."""
    facts: dict[str, Fact] = {"who": await _who(call, context.unit), "language": _language(language), "since": _moment(context.unit.now, context)}
    text = (
        Say("common.words", {"words": {"free": content["words"], "in": language, "of": _whose(call)}})
        if "words" in content
        else Say("calls.phone", {"number": _masked(content["phone"])})
    )
    header = Say("calls.new" if first else "calls.again", facts)
    news, discreet = (pack(Message(parts), actions=_actions(call)) for parts in ((header, text), (header,)))
    alone, in_company = ([each for each in listening if is_filling(each) is filling] for filling in (False, True))
    return (*_notices(call, news, alone, "call", context), *_notices(call, discreet, in_company, "call", context))


async def close_my_call(context: Context) -> Outcome:
    """They need nothing more; whoever looked after it is told."""
    await context.write()
    call = await calls.open_of(context.unit, context.chat)
    if call is None:
        return said("helped.none")
    listening = await _listening(call, context)
    await calls.close(context.unit, call.id)
    news = pack(Message((Say("calls.helped", {"who": await _who(call, context.unit)}),)))
    return Outcome(said("helped.closed").letters, notices=_notices(call, news, listening, "helped", context))


# ---- who answers ----


async def list_calls(context: Context) -> Outcome:
    """Who waits, the longest first. Phone numbers are shown to whoever opens the call, and that is written down."""
    team = await _team(context)
    if not _may(context):
        return said("common.unknown-command")
    await context.write()
    there = await calls.open_ones(context.unit)
    parts = [Say("calls.none")] if not there else [Say("calls.waiting", {"n": sum(call.waits is not None for call in there)})]
    for call in there[:LISTED]:
        parts += await _item(call, team, context)
    if len(there) > LISTED:
        parts.append(Say("calls.not-shown", {"n": len(there) - LISTED}))
    actions = [("answer", str(call.id), {"say": "calls.open", "with": {"number": call.id}}) for call in there[:LISTED]]
    return Outcome((pack(Message(tuple(parts)), actions=actions),))


async def _item(call: Call, team: Mapping[UUID, Staff], context: Context) -> list[Say]:
    told = await calls.lines(context.unit, call.id)
    facts: dict[str, Fact] = {
        "number": call.id,
        "who": await _who(call, context.unit),
        "language": _language(next(line.language for line in reversed(told) if line.staff_id is None)),
        "name": _holder(call, team) or {"say": "calls.nobody"},
    }
    if call.waits:
        waits = Say("calls.item-waits", {**facts, "time": {"lasts": int((context.unit.now - call.waits[1]).total_seconds())}})
    else:
        waits = Say("calls.item-answered", facts)
    phone = calls.newest_phone(told)
    return [waits, *([Say("calls.phone", {"number": _masked(phone)}, line=True)] if phone else [])]


async def look_at_call(context: Context) -> Outcome:
    """What was written to and fro, in the words it was written in. That it was opened is written down."""
    team = await _team(context)
    if not _may(context):
        return said("common.unknown-command")
    await context.write()
    call = await calls.get(context.unit, int(context.memo["which"]))
    if call is None:
        return said("answer.none", "none")
    assert context.staff  # noqa: S101 - _may() has looked
    await staff.write_down(context.unit, context.staff.id, "call", call.person_id, f"call-{call.id}")
    told = await calls.lines(context.unit, call.id)
    names = {each.id: each.name for each in await staff.everybody(context.unit, past=True)}
    letters = [pack(Message((await _header(call, team, context),)))]
    letters += [pack(Message(tuple(_lines([line], names, await _who(call, context.unit), call, context)))) for line in told[-SHOWN:]]
    return Outcome(tuple(letters), "there")


async def _header(call: Call, team: Mapping[UUID, Staff], context: Context) -> Say:
    facts: dict[str, Fact] = {"number": call.id, "who": await _who(call, context.unit), "since": _moment(call.opened_at, context)}
    if call.closed_at:
        return Say("answer.closed", facts)
    name = _holder(call, team)
    return Say("answer.taken", {**facts, "name": name}) if name else Say("answer.free", facts)


def _lines(told: Sequence[CallLine], names: Mapping[UUID, str], who: Fact, call: Call, context: Context) -> list[Say]:
    parts = []
    for line in told:
        parts.append(Say("common.by", {"name": names.get(line.staff_id, "?") if line.staff_id else who, "moment": _moment(line.at, context)}))
        words: Fact = {"free": line.content["words"], "in": line.language, "of": _whose(call)} if "words" in line.content else written(line)
        parts.append(Say("common.words", {"words": words}, line=True))
    return parts


def written(line: CallLine) -> Fact:
    """Words as they are, a phone number as one reads it."""
    return line.content.get("words") or KINDS["phone"].told(line.content["phone"])


async def answer_call(context: Context) -> Outcome:
    """The answer, to the person. The first who answers looks after it from now on; a second answer arrives too."""
    unit, team = context.unit, await _team(context)
    if not _may(context):
        return said("common.unknown-command")
    await context.write()
    assert context.staff  # noqa: S101 - _may() has looked
    call = await calls.get(unit, int(context.memo["which"]))
    if call is None:
        return said("answer.none")
    door = await calls.door(unit, call)
    if door is None:
        phone = calls.newest_phone(await calls.lines(unit, call.id))
        return said("answer.no-door-phone", number=KINDS["phone"].told(phone)) if phone else said("answer.no-door")
    taken = _is_free(call, team, unit.now) and await calls.take(unit, call, context.staff.id)
    language = context.language_of(context.memo["words"], context.chat.language)
    number = await calls.write(unit, call, context.staff.id, language, {"words": context.memo["words"]})
    words: Fact = {"free": context.memo["words"], "in": language, "of": _whose(call), "original": number}
    await calls.answered(unit, call.id)
    parts = (*await _for(call, door, context), Say("human.answer", {"name": context.staff.name}), Say("common.words", {"words": words}))
    notices = _notices(call, pack(Message(parts), actions=REPLY), [door], "answer", context)
    return Outcome(said("answer.sent", who=await _who(call, unit)).letters, notices=notices + (await _taken(call, team, context) if taken else ()))


async def take_call(context: Context) -> Outcome:
    """From now on it is theirs, and the others know."""
    team = await _team(context)
    if not _may(context):
        return said("common.unknown-command")
    await context.write()
    assert context.staff  # noqa: S101 - _may() has looked
    call = await calls.get(context.unit, int(context.memo["which"]))
    if call is None or call.closed_at:
        return said("answer.none")
    if call.staff_id == context.staff.id:
        return said("take.yours")
    if not _is_free(call, team, context.unit.now) or not await calls.take(context.unit, call, context.staff.id):
        now = await calls.get(context.unit, call.id)
        return said("take.taken", name=(now and _holder(now, team)) or {"say": "calls.nobody"})
    return Outcome(said("take.yours").letters, notices=await _taken(call, team, context))


async def close_call(context: Context) -> Outcome:
    """It needs nothing more; the person is told, and may ask again."""
    if not _may(context):
        return said("common.unknown-command")
    await context.write()
    assert context.staff  # noqa: S101 - _may() has looked
    call = await calls.get(context.unit, int(context.memo["which"]))
    if call is None or not await calls.close(context.unit, call.id):
        return said("answer.none")
    door = await calls.door(context.unit, call)
    news = pack(Message((*(await _for(call, door, context) if door else ()), Say("human.was-closed", {"name": context.staff.name}))), actions=REPLY[:1])
    return Outcome(said("close.done", who=await _who(call, context.unit)).letters, notices=_notices(call, news, [door] if door else [], "closed", context))


# ---- when nobody answers ----


async def due(unit: Unit, programme: Programme) -> list[Incoming]:
    """Whoever waits too long and was not told yet, as acts of our own for intake. The same ones again until they are done;
    the oldest unanswered line is in the key, so that each wait is told of once."""
    found: list[Incoming] = []
    if programme.is_quiet(unit.now):  # bad news can wait till the morning, and nobody would read it in the team
        return found
    for call, chat in await calls.overdue(unit):
        if chat and call.waits:
            where = Address(chat.channel, chat.address)
            found.append(Incoming(CLOCK, f"call/{call.id}/told/{call.waits[0]}/{chat.id}", Kind.DUE, NOBODY_ANSWERED, str(call.id), address=where))
    return found


async def tell_that_nobody_answered(context: Context) -> Outcome:
    """The truth, once, to whoever waits; and the team hears how many do."""
    call = await calls.get(context.unit, int(context.memo["argument"]))
    if call is None or call.waits is None or not calls.is_overdue(call, context.unit.now):
        return Outcome()
    door = await calls.door(context.unit, call)
    if door is None or door.id != context.chat.id or not await calls.told(context.unit, call.id):  # theirs no more: the next look finds another way
        return Outcome()
    waiting = sum(each.waits is not None for each in await calls.open_ones(context.unit))
    since = _moment(call.waits[1], context)
    letter = pack(Message((*await _for(call, context.chat, context), Say("human.overdue", {"since": since}), _who_is_there(context))))
    reminder = Message((Say("calls.reminder", {"n": waiting}), Say("calls.longest", {"who": await _who(call, context.unit), "since": since})))
    listening = await chats.of_staff(context.unit, await _team(context))
    drafts = [Draft(f"call.{call.id}.late.{call.waits[0]}.{each.id}", pack(reminder, actions=_actions(call)), each) for each in listening]
    return Outcome((letter,), notices=tuple(drafts))


# ---- who is who ----


async def _team(context: Context) -> dict[UUID, Staff]:
    """Those who may answer."""
    least = RANKS.index(RIGHTS["calls"].rank)
    return {each.id: each for each in await staff.everybody(context.unit) if RANKS.index(each.rank) >= least}


def _may(context: Context) -> bool:
    """The second lock on that door: an old frame may reach us after a rank is gone."""
    if may(context.staff, "calls"):
        return True
    log.warning("chat %s may answer no calls; nothing was done", context.chat.id)
    return False


def _holder(call: Call, team: Mapping[UUID, Staff]) -> str:
    """The name of whoever took it, if they are still there."""
    there = team.get(call.staff_id) if call.staff_id else None
    return there.name if there else ""


def _is_free(call: Call, team: Collection[UUID], now: datetime) -> bool:
    """Nobody has it, or who had it left, or left it lying too long."""
    return call.staff_id not in team or calls.is_overdue(call, now)


async def _listening(call: Call, context: Context) -> list[Chat]:
    """Whoever took it; everybody while that is nobody."""
    team = await _team(context)
    stands = await calls.get(context.unit, call.id) or call
    holder = [call.staff_id] if call.staff_id and not _is_free(stands, team, context.unit.now) else []
    return await chats.of_staff(context.unit, holder) or await chats.of_staff(context.unit, team)


async def _taken(call: Call, team: Collection[UUID], context: Context) -> tuple[Draft, ...]:
    assert context.staff  # noqa: S101 - who took it is of the staff
    others = await chats.of_staff(context.unit, [each for each in team if each != context.staff.id])
    news = pack(Message((Say("calls.taken", {"name": context.staff.name, "who": await _who(call, context.unit), "number": call.id}),)))
    return _notices(call, news, others, "taken", context)


async def _who(call: Call, unit: Unit) -> Fact:
    """By their number: a name is for whoever opens the person's record."""
    person = await people.get(unit, call.person_id) if call.person_id else None
    return f"№ {person.number}" if person else {"say": "calls.somebody-new"}


async def _for(call: Call, door: Chat, context: Context) -> list[Say]:
    """In a chat that a family shares: whom it is for."""
    person = await people.get(context.unit, call.person_id) if call.person_id and door.state and door.state.get("shared") else None
    return [Say("common.for", {"name": name_of(person, context.scripts)})] if person else []


def _notices(call: Call, content: Mapping[str, Any], to: Sequence[Chat], what: str, context: Context) -> tuple[Draft, ...]:
    """Their keys say which call they tell of: they go with it (storage/erasure.py)."""
    return tuple(Draft(f"call.{call.id}.{what}.{context.chat.id}.{context.chat.turn}.{each.id}", content, each) for each in to)


def _actions(call: Call) -> list[Action]:
    return [
        ("answer", str(call.id), {"say": "calls.answer"}),
        ("take", str(call.id), {"say": "calls.take"}),
        ("close", str(call.id), {"say": "calls.close"}),
    ]


def _whose(call: Call) -> str:
    """Under which name the translation of their words is kept, so that it goes with them."""
    return f"person/{call.person_id}" if call.person_id else f"chat/{call.chat_id}"


def _language(code: str) -> Fact:
    return {"from": "spoken-languages", "code": code}


def _moment(at: datetime, context: Context) -> Mapping[str, str]:
    return {"moment": at.astimezone(context.programme.timezone).isoformat(timespec="minutes")}


def _masked(phone: str) -> str:
    """+49 ••• 45: enough to find it again, too little to call."""
    return f"{phone[:3]} ••• {phone[-2:]}"
