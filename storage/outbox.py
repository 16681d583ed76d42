"""The outbox: everything that is to be said, until it is said. A letter that was sent is deleted at once: what is gone can't leak."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, delete, insert, or_, select, update

from storage import tables
from storage.chats import address_of
from storage.errors import SealBroken
from storage.records import Address, Draft, Letter
from storage.store import Unit

log = logging.getLogger(__name__)

UNSAID = ("queued", "held")
KEPT_FAILED = timedelta(hours=48)  # long enough to see what was refused; then it goes
LAST_WORDS = timedelta(minutes=1)  # only a page that is open just now can show a farewell: its chat is gone
KEPT_FAREWELL = timedelta(hours=24)  # the last word to somebody who was forgotten keeps their address no longer than this


async def enqueue(unit: Unit, drafts: Sequence[Draft]) -> list[Letter]:
    """Put them in order into the outbox; those that come back are due, and may be sent as soon as this unit is committed."""
    rows = []
    drafts = [_as_they_read(draft) for draft in drafts]
    for draft in drafts:
        content = dict(draft.content) if draft.chat else {**draft.content, "to": draft.address.address if draft.address else "", "language": draft.language}
        address = _address(draft)
        rows.append(
            {
                "channel": address.channel,
                "chat_id": draft.chat.id if draft.chat else None,
                "key": draft.key,
                "state": "held" if draft.held else "queued",
                "due_at": draft.due_at or unit.now,
                "content": unit.cipher.seal(_packed(content), _place(draft.key)),
            }
        )
    if not rows:
        return []
    numbers = {row.key: row.id for row in await unit.connection.execute(_ENQUEUING, rows)}
    return [
        Letter(
            numbers[draft.key],
            draft.chat.id if draft.chat else None,
            _address(draft),
            draft.chat.language if draft.chat else draft.language,
            draft.content,
            draft.due_at or unit.now,
        )
        for draft in drafts
        if not draft.held and (draft.due_at is None or draft.due_at <= unit.now)
    ]


_ENQUEUING = insert(tables.outbox).returning(tables.outbox.c.key, tables.outbox.c.id)  # asking for them in order would send one statement a row


async def due(unit: Unit, channels: Collection[str]) -> list[int]:
    """The ids of what is due, oldest first."""
    outbox = tables.outbox.c
    statement = select(outbox.id).where(outbox.state.in_(UNSAID), outbox.due_at <= unit.now, outbox.channel.in_(channels)).order_by(outbox.id)
    return list((await unit.connection.execute(statement)).scalars())


async def held(unit: Unit, most: int) -> list[int]:
    """The ids of what waits to be translated, oldest first."""
    outbox = tables.outbox.c
    statement = select(outbox.id).where(outbox.state == "held", outbox.due_at > unit.now).order_by(outbox.id).limit(most)
    return list((await unit.connection.execute(statement)).scalars())


def thread_of(key: str) -> str:
    """What a letter belongs to: a call (`call.17`), or a turn of a chat (`4.23`)."""
    return ".".join(key.split(".")[:2])


async def held_threads(unit: Unit, chat_ids: Collection[int]) -> set[tuple[int, str]]:
    """(chat, thread) of what is held in these chats."""
    outbox = tables.outbox.c
    if not chat_ids:
        return set()
    rows = await unit.connection.execute(select(outbox.chat_id, outbox.key).where(outbox.state == "held", outbox.chat_id.in_(list(chat_ids))))
    return {(row.chat_id, thread_of(row.key)) for row in rows}


async def release(unit: Unit, letter: Letter, content: Mapping[str, Any]) -> bool:
    """It needs to wait no longer, and says this. True: it is gone already."""
    outbox = tables.outbox.c
    key = (await unit.connection.execute(select(outbox.key).where(outbox.id == letter.id, outbox.state == "held").with_for_update())).scalar()
    if key is None:
        return True
    values = {"state": "queued", "due_at": unit.now, "content": unit.cipher.seal(_packed(content), _place(key))}
    await unit.connection.execute(update(tables.outbox).where(outbox.id == letter.id).values(values))
    return False


async def read(unit: Unit, ids: Sequence[int]) -> list[Letter]:
    """These letters, oldest first. One that does not open is left out, and the log says so."""
    outbox, chats = tables.outbox.c, tables.chats
    statement = select(tables.outbox, chats.c.address, chats.c.address_key, chats.c.language).outerjoin(chats, chats.c.id == outbox.chat_id)
    letters = []
    for row in await unit.connection.execute(statement.where(outbox.id.in_(ids)).order_by(outbox.id)):
        try:
            content = json.loads(unit.cipher.open(row.content, _place(row.key)))
            address, language = (address_of(unit, row), row.language) if row.chat_id is not None else (content["to"], content["language"])
        except SealBroken:
            log.error("letter %s does not open", row.id)
            continue
        letters.append(Letter(row.id, row.chat_id, Address(row.channel, address), language, content, row.due_at))
    return letters


async def waiting(unit: Unit, channel: str, addresses: Collection[str]) -> list[int]:
    """The ids of what is due in these chats (and fresh farewells of the channel, which belong to no chat), oldest first."""
    outbox = tables.outbox.c
    keys = [unit.cipher.index(f"{channel}/{address}") for address in addresses]
    theirs = outbox.chat_id.in_(select(tables.chats.c.id).where(tables.chats.c.channel == channel, tables.chats.c.address_key.in_(keys)))
    farewells = and_(outbox.chat_id.is_(None), outbox.due_at > unit.now - LAST_WORDS)
    statement = select(outbox.id).where(outbox.channel == channel, outbox.state.in_(UNSAID), outbox.due_at <= unit.now, or_(theirs, farewells))
    return list((await unit.connection.execute(statement.order_by(outbox.id))).scalars())


async def seen(unit: Unit, channel: str, shown: Iterable[tuple[str, int]]) -> None:
    """(address, letter): somebody saw it there, so it was said. Letters of other chats stay, whoever names them."""
    chats, outbox = tables.chats, tables.outbox.c
    theirs = select(chats.c.id).where(chats.c.channel == channel, chats.c.address_key == bindparam("_key")).scalar_subquery()
    rows = [{"_key": unit.cipher.index(f"{channel}/{address}"), "_id": letter_id} for address, letter_id in sorted(shown)]
    if rows:
        await unit.connection.execute(delete(tables.outbox).where(outbox.id == bindparam("_id"), outbox.chat_id == theirs), rows)


async def sent(unit: Unit, ids: Iterable[int]) -> None:
    ids = list(ids)
    if ids:
        await unit.connection.execute(delete(tables.outbox).where(tables.outbox.c.id.in_(ids)))


async def failed(unit: Unit, letter_id: int, reason: str) -> None:
    """The channel will never take it: its words go, the fact stays a while."""
    values = {"state": "failed", "reason": reason, "content": b""}
    await unit.connection.execute(update(tables.outbox).where(tables.outbox.c.id == letter_id).values(values))


async def drop_for(unit: Unit, chat_id: int) -> None:
    """Nothing more can be said in this chat."""
    await unit.connection.execute(delete(tables.outbox).where(tables.outbox.c.chat_id == chat_id))


async def forget_old(unit: Unit) -> None:
    """Failed letters after two days, farewells that never got through after one."""
    outbox = tables.outbox.c
    await unit.connection.execute(delete(tables.outbox).where(outbox.state == "failed", outbox.due_at < unit.now - KEPT_FAILED))
    await unit.connection.execute(delete(tables.outbox).where(outbox.chat_id.is_(None), outbox.due_at < unit.now - KEPT_FAREWELL))


async def pause(unit: Unit, channel: str, until: datetime) -> None:
    """The channel asked us to be silent until then; a restart must not forget it, nor another process."""
    row = {"name": f"pause.{channel}", "value": until.isoformat()}
    await unit.connection.execute(unit.insert(tables.meta).values(row).on_conflict_do_update(index_elements=["name"], set_={"value": row["value"]}))


async def pauses(unit: Unit) -> dict[str, float]:
    """Channel -> seconds that it still wants silence."""
    rows = await unit.connection.execute(select(tables.meta.c.name, tables.meta.c.value).where(tables.meta.c.name.like("pause.%")))
    seconds = {name.removeprefix("pause."): (datetime.fromisoformat(until) - unit.now).total_seconds() for name, until in rows}
    return {channel: left for channel, left in seconds.items() if left > 0}


async def backlog(unit: Unit) -> tuple[int, datetime | None]:
    """How many letters wait, and since when the oldest."""
    rows = (
        (await unit.connection.execute(select(tables.outbox.c.due_at).where(tables.outbox.c.state.in_(UNSAID)).order_by(tables.outbox.c.due_at)))
        .scalars()
        .all()
    )
    return len(rows), rows[0] if rows else None


def _packed(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _as_they_read(draft: Draft) -> Draft:
    """A second language, digits: a letter keeps them, for the state that they are part of is sealed."""
    reading = draft.chat.reading if draft.chat else {}
    return replace(draft, content={**draft.content, "reading": dict(reading)}) if reading else draft


def _address(draft: Draft) -> Address:
    if draft.chat:
        return Address(draft.chat.channel, draft.chat.address)
    assert draft.address  # noqa: S101 - a draft has one or the other
    return draft.address


def _place(key: str) -> str:
    return f"outbox/{key}/content"
