"""Calls for a human being: what was asked, who took it, what was answered; nothing of it goes before it is closed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from statistics import median
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, bindparam, delete, func, insert, or_, select, update

from storage import chats, seats, tables
from storage.records import Call, CallLine, Chat
from storage.store import Unit

PATIENCE = timedelta(hours=24)  # after that the person is told the truth. By the clock on the wall, not by opening hours: that is how people count who wait
KEPT = timedelta(days=30)  # after it was closed
LETTERS = "call"  # how the keys of letters about a call begin; its number follows
LATELY, ENOUGH, MOST = timedelta(days=30), 5, 20  # of so many answers, and from so few on, is said how long one takes

_calls, _lines = tables.calls.c, tables.call_lines.c


async def open_of(unit: Unit, chat: Chat) -> Call | None:
    """The one that is open, of whoever speaks in this chat; locked until the commit."""
    statement = select(tables.calls).where(_theirs(chat), _calls.closed_at.is_(None)).order_by(_calls.id.desc()).limit(1).with_for_update()
    row = (await unit.connection.execute(statement)).first()
    return _call(row) if row else None


def _theirs(chat: Chat) -> ColumnElement[bool]:
    """A person's calls, from whichever chat; of somebody we don't know yet, this chat's."""
    return _calls.person_id == chat.person_id if chat.person_id else and_(_calls.chat_id == chat.id, _calls.person_id.is_(None))


async def begin(unit: Unit, chat: Chat, wish: str) -> Call:
    row = {"chat_id": chat.id, "person_id": chat.person_id, "wish": wish, "opened_at": unit.now}
    number = (await unit.connection.execute(insert(tables.calls).values(row).returning(_calls.id))).scalar_one()
    return Call(number, chat.id, chat.person_id, None, wish, unit.now)


async def write(unit: Unit, call: Call, staff_id: UUID | None, language: str, content: Mapping[str, str]) -> int:
    """One more line, and its number. `staff_id`: none is the person. Who wants to be called back now has said so."""
    sealed = unit.cipher.seal(json.dumps(dict(content), ensure_ascii=False).encode(), _place(call.id, staff_id, unit.now))
    row = {"call_id": call.id, "staff_id": staff_id, "language": language, "content": sealed, "at": unit.now}
    if "phone" in content and call.wish != "phone":
        await unit.connection.execute(update(tables.calls).where(_calls.id == call.id).values(wish="phone"))
    return int((await unit.connection.execute(insert(tables.call_lines).values(row).returning(_lines.id))).scalar_one())


async def get(unit: Unit, number: int) -> Call | None:
    """One call, closed or not, and whether it waits."""
    found = await _with_waits(unit, _calls.id == number)
    return found[0] if found else None


async def open_ones(unit: Unit) -> list[Call]:
    """Those that wait, the longest first; then those that were answered."""
    found = await _with_waits(unit, _calls.closed_at.is_(None))
    return sorted(found, key=lambda call: (call.waits is None, call.waits[1] if call.waits else call.opened_at, call.id))


async def overdue(unit: Unit) -> list[tuple[Call, Chat | None]]:
    """Open ones that wait too long, and whose person was not told yet; with the chat where that can be said."""
    late = [call for call in await open_ones(unit) if call.told_at is None and is_overdue(call, unit.now)]
    return [(call, await door(unit, call)) for call in late]


def is_overdue(call: Call, now: datetime) -> bool:
    return call.waits is not None and call.waits[1] <= now - PATIENCE


async def _with_waits(unit: Unit, which: ColumnElement[bool]) -> list[Call]:
    """Calls, each with its oldest line since staff last wrote. Two statements: lines of open calls are few."""
    found = {row.id: _call(row) for row in await unit.connection.execute(select(tables.calls).where(which).order_by(_calls.id))}
    lines = select(_lines.id, _lines.call_id, _lines.staff_id, _lines.at).where(_lines.call_id.in_(list(found))).order_by(_lines.id)
    for line in await unit.connection.execute(lines) if found else ():
        call = found[line.call_id]
        waits = None if line.staff_id else call.waits or (line.id, line.at)
        found[call.id] = replace(call, waits=waits)
    return [replace(call, waits=None) if call.closed_at else call for call in found.values()]


async def lines(unit: Unit, number: int) -> list[CallLine]:
    """Everything that was written in it, the oldest first."""
    rows = await unit.connection.execute(select(tables.call_lines).where(_lines.call_id == number).order_by(_lines.id))
    return [_line(unit, row) for row in rows]


async def line_for(unit: Unit, chat: Chat, number: int) -> CallLine | None:
    """One line of a call of whoever speaks in this chat; None: there is none, or it is somebody else's."""
    statement = select(tables.call_lines).join(tables.calls, _calls.id == _lines.call_id).where(_lines.id == number, _theirs(chat))
    row = (await unit.connection.execute(statement)).first()
    return _line(unit, row) if row else None


async def take(unit: Unit, call: Call, staff_id: UUID) -> bool:
    """From now on it is theirs, unless somebody else was faster: then whoever `call` says has it, has it no more."""
    mine = update(tables.calls).where(_calls.id == call.id, _calls.closed_at.is_(None), _calls.staff_id.is_not_distinct_from(call.staff_id))
    return bool((await unit.connection.execute(mine.values(staff_id=staff_id))).rowcount)


async def answered(unit: Unit, number: int) -> None:
    """Staff wrote: nobody waits any more, and who waits again later is told again."""
    values = {"answered_at": func.coalesce(_calls.answered_at, bindparam("_now", type_=tables.calls.c.answered_at.type)), "told_at": None}
    await unit.connection.execute(update(tables.calls).where(_calls.id == number).values(values), {"_now": unit.now})


async def told(unit: Unit, number: int) -> bool:
    """That nobody has answered yet is said now. False: it was said already, or is not so any more."""
    statement = update(tables.calls).where(_calls.id == number, _calls.told_at.is_(None), _calls.closed_at.is_(None))
    return bool((await unit.connection.execute(statement.values(told_at=unit.now))).rowcount)


async def close(unit: Unit, number: int) -> bool:
    """False: it was closed already."""
    statement = update(tables.calls).where(_calls.id == number, _calls.closed_at.is_(None))
    return bool((await unit.connection.execute(statement.values(closed_at=unit.now))).rowcount)


async def door(unit: Unit, call: Call) -> Chat | None:
    """Where the person can be told something: the chat in which they asked, if it is still theirs (nobody finds another one's
    answer on a phone that was lost), else another one of theirs that can be reached."""
    chat = await chats.get(unit, call.chat_id) if call.chat_id else None
    if call.person_id is None:
        return chat
    if chat and not chat.unreachable and (chat.person_id == call.person_id or chat.id in await seats.of_person(unit, call.person_id)):
        return chat
    theirs = await chats.of_person(unit, call.person_id)
    return next((each for each in theirs if not each.unreachable), theirs[0] if theirs else None)


async def usual_wait(unit: Unit) -> timedelta | None:
    """How long a first answer took lately (the median); None: too few to say. Who waits longer than that just now counts too:
    of answers alone the few quick ones would promise what the many silent ones break."""
    answered_ = select(_calls.opened_at, _calls.answered_at).where(_calls.answered_at >= unit.now - LATELY).order_by(_calls.answered_at.desc()).limit(MOST)
    waits = [row.answered_at - row.opened_at for row in await unit.connection.execute(answered_)]
    if len(waits) < ENOUGH:
        return None
    silent = select(_calls.opened_at).where(_calls.answered_at.is_(None), _calls.closed_at.is_(None))
    still = [unit.now - opened for opened in (await unit.connection.execute(silent)).scalars()]
    usual: timedelta = median([*waits, *(wait for wait in still if wait > median(waits))])
    return usual


async def of_chat(unit: Unit, chat: Chat) -> list[tuple[Call, list[CallLine]]]:
    """Every call of whoever speaks in this chat, for their own eyes."""
    rows = (await unit.connection.execute(select(tables.calls).where(_theirs(chat)).order_by(_calls.id))).all()
    return [(_call(row), await lines(unit, row.id)) for row in rows]


async def claim(unit: Unit, begun: Mapping[int, UUID]) -> None:
    """Who asked before we knew them is known now: chat -> person."""
    rows = [{"_chat": chat_id, "_person": person_id} for chat_id, person_id in sorted(begun.items())]
    if rows:
        await unit.connection.execute(_CLAIMING, rows)


_CLAIMING = (
    update(tables.calls)
    .where(_calls.chat_id == bindparam("_chat"), _calls.person_id.is_(None))
    .values(person_id=bindparam("_person", type_=tables.calls.c.person_id.type))
)


async def inherit(unit: Unit, before: UUID, now: UUID) -> None:
    """Somebody is the same person as somebody else, who is about to go."""
    await unit.connection.execute(update(tables.calls).where(_calls.person_id == before).values(person_id=now))


async def erase_nobodys(unit: Unit, ids: Collection[int]) -> None:
    """What somebody whom we don't know asked in these chats."""
    await _erase(unit, and_(_calls.chat_id.in_(ids), _calls.person_id.is_(None)))


async def erase_of(unit: Unit, person_id: UUID) -> None:
    """What somebody asked."""
    await _erase(unit, _calls.person_id == person_id)


async def _erase(unit: Unit, which: ColumnElement[bool]) -> None:
    """Calls, their lines, and the letters about them that wait for the team to read."""
    for number in (await unit.connection.execute(delete(tables.calls).where(which).returning(_calls.id))).scalars().all():
        await unit.connection.execute(delete(tables.outbox).where(tables.outbox.c.key.startswith(f"{LETTERS}.{number}.")))


async def still_told(unit: Unit, keys: Iterable[str]) -> set[str]:
    """Those of these keys of letters whose call was not erased meanwhile; letters about something else stay too."""
    about = {key: int(key.split(".")[1]) if key.startswith(f"{LETTERS}.") else None for key in keys}
    there = set((await unit.connection.execute(select(_calls.id).where(_calls.id.in_({each for each in about.values() if each})))).scalars())
    return {key for key, number in about.items() if number is None or number in there}


async def forget_old(unit: Unit) -> None:
    """What was closed a while ago; and what nobody can be answered to any more (a browser that was closed, and nobody whom we
    know), when staff had as long to call back."""
    long_ago = unit.now - KEPT
    unanswerable = and_(_calls.chat_id.is_(None), _calls.person_id.is_(None), _calls.opened_at < long_ago)
    await unit.connection.execute(delete(tables.calls).where(or_(_calls.closed_at < long_ago, unanswerable)))


def newest_phone(told_: Iterable[CallLine]) -> str:
    """The number to call; empty: none was given."""
    return next((line.content["phone"] for line in reversed(list(told_)) if "phone" in line.content), "")


def _call(row: Row[Any]) -> Call:
    return Call(row.id, row.chat_id, row.person_id, row.staff_id, row.wish, row.opened_at, row.answered_at, row.told_at, row.closed_at)


def _line(unit: Unit, row: Row[Any]) -> CallLine:
    content = json.loads(unit.cipher.open(row.content, _place(row.call_id, row.staff_id, row.at)))
    return CallLine(row.id, row.staff_id, row.language, content, row.at)


def _place(number: int, staff_id: UUID | None, at: datetime) -> str:
    """Bound to its call, its author and its moment: nobody's words can be put into another one's mouth."""
    return f"call_lines/{number}/{staff_id or 'person'}/{at.timestamp():.6f}/content"
