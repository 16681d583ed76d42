"""Sessions of the web chat: which browser may speak in which chat. A session ends with its chat, and the chat with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, insert, or_, select, update

from storage import chats, tables
from storage.records import Address
from storage.store import Unit

IDLE = timedelta(minutes=30)  # a shared computer: whoever sits down next must not find us
REMEMBERED = timedelta(days=180)  # a phone of one's own, by choice
CHANNEL = "web"


@dataclass(frozen=True, slots=True)
class Session:
    address: Address
    remembered: bool


async def begin(unit: Unit, key: bytes, address: str, language: str) -> Session:
    """A new chat, and the right to speak in it. `key`: the hash of a secret that only the browser has."""
    where = Address(CHANNEL, address)
    chat = (await chats.lock(unit, {where: language}))[where]
    await unit.connection.execute(insert(tables.sessions).values(key=key, chat_id=chat.id, remembered=False))
    return Session(where, remembered=False)


async def look(unit: Unit, key: bytes) -> Session | None:
    """None: there is no such session, or it is over."""
    sessions, chats_ = tables.sessions, tables.chats
    statement = select(chats_.c.address, chats_.c.address_key, sessions.c.remembered).join(chats_, chats_.c.id == sessions.c.chat_id)
    row = (await unit.connection.execute(statement.where(sessions.c.key == key, ~_is_idle(unit)))).first()
    return Session(Address(CHANNEL, chats.address_of(unit, row)), row.remembered) if row else None


async def remember(unit: Unit, key: bytes, *, remembered: bool) -> None:
    await unit.connection.execute(update(tables.sessions).where(tables.sessions.c.key == key).values(remembered=remembered))


async def end(unit: Unit, key: bytes) -> None:
    """Nobody can open this chat any more, so it goes, with what was still to be said in it. What the person answered stays theirs."""
    mine = select(tables.sessions.c.chat_id).where(tables.sessions.c.key == key)
    await unit.connection.execute(delete(tables.chats).where(tables.chats.c.id.in_(mine)))


async def end_idle(unit: Unit) -> None:
    """Every session that nobody used for too long, and chats that lost theirs (a message crossed the end of its session)."""
    chats_, sessions = tables.chats.c, tables.sessions
    over = exists().where(sessions.c.chat_id == chats_.id, _is_idle(unit))
    lost = and_(~exists().where(sessions.c.chat_id == chats_.id), chats_.heard_at < unit.now - IDLE)
    await unit.connection.execute(delete(tables.chats).where(chats_.channel == CHANNEL, or_(over, lost)))


def _is_idle(unit: Unit) -> ColumnElement[bool]:
    heard, remembered = tables.chats.c.heard_at, tables.sessions.c.remembered
    return or_(heard < unit.now - REMEMBERED, and_(~remembered, heard < unit.now - IDLE))
