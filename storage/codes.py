"""One-time codes: who types one in another chat is the same person."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import delete, insert

from storage import tables
from storage.store import Unit

LASTS = timedelta(minutes=10)
DIGITS = 12  # with 100 codes about and 600,000 guesses in ten minutes, one in 16,000 is found


async def make(unit: Unit, chat_id: int) -> str:
    """A new code for this chat's person; an older one of this chat counts no more."""
    code = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
    await unit.connection.execute(delete(tables.codes).where(tables.codes.c.chat_id == chat_id))
    await unit.connection.execute(insert(tables.codes).values(key=_key(unit, code), chat_id=chat_id, until=unit.now + LASTS))
    return code


async def redeem(unit: Unit, code: str, chat_id: int) -> int | None:
    """The chat that it was made in, once, and not for that chat itself; None: no such code, or no more."""
    codes = tables.codes
    statement = delete(codes).where(codes.c.key == _key(unit, code), codes.c.chat_id != chat_id, codes.c.until > unit.now)
    return (await unit.connection.execute(statement.returning(codes.c.chat_id))).scalar()


async def forget_old(unit: Unit) -> None:
    await unit.connection.execute(delete(tables.codes).where(tables.codes.c.until <= unit.now))


def _key(unit: Unit, code: str) -> bytes:
    return unit.cipher.index(f"code/{code}")
