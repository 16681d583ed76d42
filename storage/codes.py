"""One-time codes: who types one in another chat is the same person."""

from __future__ import annotations

import secrets
import unicodedata
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, insert, or_, select

from storage import tables
from storage.store import Unit

LASTS = timedelta(minutes=10)
MOST, AGAIN = 3, timedelta(minutes=3)  # codes of one kind for one chat; and no second one for the same before that
DIGITS = 12  # with 100 codes about and 600,000 guesses in ten minutes, one in 16,000 is found


async def make(unit: Unit, chat_id: int | None = None, *, kind: str = "door", subject: UUID | None = None, lasts: timedelta = LASTS) -> str:
    """A new code; an older one of this kind, chat and subject counts no more. What it opens: another chat of this chat's
    person (door), an organisation or a place among the staff (`subject`)."""
    code = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
    codes = tables.codes.c
    await unit.connection.execute(delete(tables.codes).where(codes.kind == kind, codes.chat_id == chat_id, codes.subject == subject))
    row = {"key": _key(unit, code), "kind": kind, "chat_id": chat_id, "subject": subject, "until": unit.now + lasts}
    await unit.connection.execute(insert(tables.codes).values(row))
    return code


async def are_too_many(unit: Unit, chat_id: int, kind: str, subject: UUID) -> bool:
    """Was one made for the same just now, or are there several already?"""
    codes = tables.codes.c
    there = (await unit.connection.execute(select(codes.subject, codes.until).where(codes.kind == kind, codes.chat_id == chat_id))).all()
    return len(there) >= MOST or any(row.subject == subject and row.until > unit.now + LASTS - AGAIN for row in there)


async def redeem(unit: Unit, code: str, chat_id: int, *, handed_over: bool = True) -> tuple[int | None, UUID] | None:
    """The chat that it was made in (none: staff made it, to hand somebody's profile over) and whose code it is, once, and not
    for that chat itself; None: no such code, or no more. Without `handed_over` those that staff made open nothing."""
    codes = tables.codes
    elsewhere = or_(codes.c.chat_id != chat_id, codes.c.chat_id.is_(None)) if handed_over else codes.c.chat_id != chat_id
    statement = delete(codes).where(codes.c.key == _key(unit, code), codes.c.kind == "door", elsewhere, codes.c.until > unit.now)
    row = (await unit.connection.execute(statement.returning(codes.c.chat_id, codes.c.subject))).first()
    return (row.chat_id, row.subject) if row else None


async def redeem_for(unit: Unit, kind: str, code: str) -> UUID | None:
    """What it opens (an organisation, a place among the staff), once; None: no such code, or no more."""
    codes = tables.codes
    statement = delete(codes).where(codes.c.key == _key(unit, code), codes.c.kind == kind, codes.c.until > unit.now)
    return (await unit.connection.execute(statement.returning(codes.c.subject))).scalar()


async def forget_doors_of(unit: Unit, person_id: UUID) -> None:
    """Codes that open another chat to somebody, wherever they were made, count no more."""
    codes = tables.codes.c
    await unit.connection.execute(delete(tables.codes).where(codes.kind == "door", codes.subject == person_id))


def digits(text: str) -> str:
    """A code as people type it: with blanks, in digits of any script."""
    return "".join(str(unicodedata.decimal(each)) for each in text if each.isdecimal())


async def forget_old(unit: Unit) -> None:
    await unit.connection.execute(delete(tables.codes).where(tables.codes.c.until <= unit.now))


def _key(unit: Unit, code: str) -> bytes:
    return unit.cipher.index(f"code/{code}")
