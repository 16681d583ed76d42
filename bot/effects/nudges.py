"""Reminders: whose time has come, what is said then, and switching them off. What is said tells a stranger who reads the lock
screen nothing: not who somebody is, not what we talk about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from bot.effects.nouns import Context, Desk, Outcome, answer_of, said
from bot.letters import pack
from bot.messages import Incoming, Kind
from bot.settings import Programme
from dialogs.asking import Asking, Place
from dialogs.nouns import Known, Message, Say, State
from storage import nudges, people
from storage.nudges import HALF_WAY, NOT_LOOKING, STILL_LOOKING, Silent
from storage.records import Draft, Person
from storage.store import Unit

CLOCK = "clock"  # the source of our own acts
PER_QUESTION = 20  # seconds


# ---- whose time has come ------------------------------------------------------------------------------------------


async def half_way_due(unit: Unit, programme: Programme) -> list[Incoming]:
    """Who left a dialog half-way, on another day."""
    if programme.is_quiet(unit.now):
        return []
    there = [each for each in await nudges.half_way(unit) if _another_day(each.heard_at, unit.now, programme)]
    return [_due(HALF_WAY, each, nudges.dialog_of(each.stands_at)) for each in there]


async def still_looking_due(unit: Unit, programme: Programme) -> list[Incoming]:
    """Who has been silent for half a year."""
    return [] if programme.is_quiet(unit.now) else [_due(STILL_LOOKING, each) for each in await nudges.still_looking(unit)]


async def pause_due(unit: Unit, _: Programme) -> list[Incoming]:
    """Whose silence is an answer; nothing is said, so it may be night."""
    silent = await nudges.fallen_silent(unit)
    return [Incoming(CLOCK, f"pause/{person_id}/{heard_at.timestamp():.0f}", Kind.DUE, "pause", str(person_id)) for person_id, heard_at in silent]


def _due(act: str, silent: Silent, *more: str) -> Incoming:
    """One act for each silence: the key has its beginning."""
    key = "/".join((act, str(silent.person_id), *more, f"{silent.heard_at.timestamp():.0f}"))
    return Incoming(CLOCK, key, Kind.DUE, act, str(silent.person_id), address=silent.address)


def _another_day(heard_at: datetime, now: datetime, programme: Programme) -> bool:
    return now.astimezone(programme.timezone).date() > heard_at.astimezone(programme.timezone).date()


# ---- acts: looked at again under the lock, for they may have written meanwhile --------------------------------------


async def remind(context: Context) -> Outcome:
    """One friendly word on a dialog left half-way, once."""
    person, dialog = context.person, nudges.dialog_of(context.chat.stands_at)
    if person is None or not _in_order(context, person) or not _agreed(context, person, dialog):
        return Outcome()
    there = await nudges.half_way(context.unit, person.id)
    minutes = _minutes(context, person, dialog)
    reminded = person.reminded | {dialog}
    if context.chat.id not in {each.chat_id for each in there} or not minutes or len(" ".join(reminded)) > nudges.MOST_REMINDED:
        return Outcome()
    reminder = Message((Say("quiet.half-way", {"n": minutes}),))
    actions = [("start", "", {"say": "quiet.go-on"}), ("quiet", HALF_WAY, {"say": "quiet.no-more"})]
    person = replace(person, reminded=reminded)
    await nudges.save(context.unit, person)
    return Outcome((pack(reminder, actions=actions, until=_until(context)),), person=person)


async def ask_still(context: Context) -> Outcome:
    """Is what they told us still right? Once in a silence."""
    person = context.person
    if person is None or not _in_order(context, person):
        return Outcome()
    if context.chat.id not in {each.chat_id for each in await nudges.still_looking(context.unit, person.id)}:
        return Outcome()
    labels = {code: {"say": f"still.right.{code}"} for code in ("yes", "change", "no")}
    actions = [("still", "yes", labels["yes"]), ("me", "", labels["change"]), ("still", "no", labels["no"]), ("quiet", STILL_LOOKING, {"say": "quiet.no-more"})]
    person = replace(person, asked_at=context.unit.now)
    await nudges.save(context.unit, person)
    return Outcome((pack(Message((Say("still.right"),)), actions=actions, until=_until(context)),), person=person)


async def pause(desk: Desk, person_id: str) -> Sequence[Draft]:
    """Silence is an answer too."""
    await nudges.pause(desk.unit, UUID(person_id))
    return ()


def _in_order(context: Context, person: Person) -> bool:
    """They still speak in this chat (families share phones), and it is day."""
    return str(person.id) == context.memo.get("argument") and not context.programme.is_quiet(context.unit.now)


def _agreed(context: Context, person: Person, dialog: str) -> bool:
    """It has questions about them, and they said yes to what these are for."""
    newest = {row.purpose: row.verdict for row in person.consents}
    return dialog in context.scripts and any(newest.get(purpose) == "given" for purpose in context.scripts[dialog].purposes)


def _minutes(context: Context, person: Person, dialog: str) -> int:
    """How long the rest takes, at least one; 0: nothing is open (an answer was being changed)."""
    rows = {**person.answers, **(context.organisation.answers if context.organisation else {})}
    state = State.from_json(context.chat.state) if context.chat.state else State("")
    asking = Asking(context.scripts, state, Known({question: answer_of(row) for question, row in rows.items()}), {})
    place = next((each for each in reversed(asking.frames) if each.dialog.dialog == dialog), None)
    if place is None:
        return 0
    still_open = sum(not _has_answer(asking, place, step.id) for step in asking.ahead(place))
    return max(1, -(-still_open * PER_QUESTION // 60)) if still_open or not person.finished_at else 0


def _has_answer(asking: Asking, place: Place, step: str) -> bool:
    return (f"{place.dialog.dialog}.{step}", "") in asking.answers.now


def _until(context: Context) -> str:
    """A reminder that can't be said today is not said at night."""
    return context.programme.quiet_from(context.unit.now).isoformat()


# ---- effects ------------------------------------------------------------------------------------------------------


async def be_quiet(context: Context) -> Outcome:
    """No reminder of this kind any more; or all of them again."""
    which, person = context.memo.get("which", ""), context.person
    if person is None:
        return said("quiet.nobody")
    quiet = person.quiet - {HALF_WAY, STILL_LOOKING} if which == "on" else person.quiet | ({which} & {HALF_WAY, STILL_LOOKING})
    person = replace(person, quiet=quiet)
    await nudges.save(context.unit, person)
    return replace(said("quiet.on-again" if which == "on" else "quiet.off"), person=person)


async def answer_still(context: Context) -> Outcome:
    """Still looking, or not any more: then nobody is shown them."""
    person = context.person
    if person is None:
        return said("still.nobody")
    if context.memo.get("right") != "no":
        return await _woken(context, person) if person.paused_at else said("still.thanks")
    person = replace(person, paused_at=person.paused_at or context.unit.now, quiet=person.quiet | {NOT_LOOKING})
    await nudges.save(context.unit, person)
    await people.changed(context.unit, [person.id])
    return replace(said("still.paused"), person=person)


async def come_back(context: Context) -> Outcome:
    """Who looks at their profile means it to count again."""
    return await _woken(context, context.person) if context.person and context.person.paused_at else Outcome()


async def _woken(context: Context, person: Person) -> Outcome:
    return replace(said("still.back"), person=await nudges.wake(context.unit, person))
