"""Chats: where a conversation takes place, and where it stands."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, bindparam, case, delete, select, update

from storage import tables
from storage.errors import SealBroken
from storage.records import Address, Chat
from storage.store import Unit

log = logging.getLogger(__name__)

MAIL = "email"  # the channel in which only we speak: letters about events, nothing else
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


async def lock(unit: Unit, wanted: Mapping[Address, str], quietly: Collection[Address] = ()) -> dict[Address, Chat]:
    """Lock these chats until the commit, over all processes, and make those that are missing (address -> language).
    `quietly`: there nothing was heard, it is we who act.

    One statement, rows in sorted order: it inserts, or touches and thereby locks, and gives the row back.
    """
    keys = {unit.cipher.index(f"{where.channel}/{where.address}"): where for where in wanted}
    rows = [
        {
            "channel": where.channel,
            "address_key": key,
            "address": unit.cipher.seal(where.address.encode(), _place(key, "address")),
            "language": wanted[where],
            "turn": 0,
            "created_at": unit.now,
            "heard_at": LONG_AGO if where in quietly else unit.now,
        }
        for key, where in sorted(keys.items())
    ]
    found = await unit.connection.execute(_locking(unit.insert), rows)
    return {keys[row.address_key]: _chat(unit, row, keys[row.address_key].address) for row in found}


@cache
def _locking(insert: Any) -> Any:
    statement = insert(tables.chats)
    heard_at = tables.chats.c.heard_at
    heard = {"heard_at": case((statement.excluded.heard_at > heard_at, statement.excluded.heard_at), else_=heard_at)}
    return statement.on_conflict_do_update(index_elements=["channel", "address_key"], set_=heard).returning(tables.chats)


async def save(unit: Unit, chats: Iterable[Chat]) -> None:
    """Where they stand now."""
    rows = []
    for chat in chats:
        key = unit.cipher.index(f"{chat.channel}/{chat.address}")
        state = unit.cipher.seal(json.dumps(chat.state, ensure_ascii=False, separators=(",", ":")).encode(), _place(key, "state"))
        rows.append(
            {
                "row": chat.id,
                "_state": state,
                "_turn": chat.turn,
                "_language": chat.language,
                "_person": chat.person_id,
                "_unreachable": chat.unreachable,
                "_staff": chat.staff_id,
                "_organisation": chat.organisation_id,
                "_stands": chat.stands_at,
            }
        )
    if rows:
        await unit.connection.execute(_SAVING, rows)


_SAVED = {
    "state": "state",
    "turn": "turn",
    "language": "language",
    "person_id": "person",
    "unreachable": "unreachable",
    "staff_id": "staff",
    "organisation_id": "organisation",
    "stands_at": "stands",
}
_SAVING = (
    update(tables.chats)
    .where(tables.chats.c.id == bindparam("row"))
    .values({name: bindparam(f"_{short}", type_=tables.chats.c[name].type) for name, short in _SAVED.items()})
)


async def mark_unreachable(unit: Unit, chat_id: int, reason: str | None) -> None:
    await unit.connection.execute(update(tables.chats).where(tables.chats.c.id == chat_id).values(unreachable=reason))


async def get(unit: Unit, chat_id: int) -> Chat | None:
    """One chat, without locking."""
    row = (await unit.connection.execute(select(tables.chats).where(tables.chats.c.id == chat_id))).first()
    return _chat(unit, row, address_of(unit, row)) if row else None


async def at(unit: Unit, where: Address) -> Chat | None:
    """The chat of an address, without locking; None: there is none."""
    key = unit.cipher.index(f"{where.channel}/{where.address}")
    row = (await unit.connection.execute(select(tables.chats).where(tables.chats.c.channel == where.channel, tables.chats.c.address_key == key))).first()
    return _chat(unit, row, where.address) if row else None


async def mail_of(unit: Unit, person_id: UUID) -> Chat | None:
    """Where they want letters by e-mail, if they do."""
    theirs = select(tables.chats).where(tables.chats.c.person_id == person_id, tables.chats.c.channel == MAIL)
    row = (await unit.connection.execute(theirs)).first()
    return _chat(unit, row, address_of(unit, row)) if row else None


async def doors(unit: Unit, wanted: Mapping[UUID, int | None]) -> dict[UUID, Chat]:
    """Where each person is told something that they wait for: in the chat that is named, if it is still theirs (or they have a seat there) and
    can be reached, else in the one that they used last. Who has none is left out."""
    chats, seats, found = tables.chats.c, tables.seats.c, dict[UUID, Chat]()
    ids = sorted(wanted)
    for at in range(0, len(ids), 500):
        some = ids[at : at + 500]
        owned = select(tables.chats, chats.person_id.label("whose")).where(chats.person_id.in_(some))
        seated = select(tables.chats, seats.person_id.label("whose")).join(tables.seats, seats.chat_id == chats.id).where(seats.person_id.in_(some))
        for statement in (owned.order_by(chats.unreachable.is_not(None), chats.heard_at.desc()), seated):
            stays = statement.with_for_update(read=True, key_share=True, of=tables.chats)  # a letter must not come to a chat that ends just now
            for row in await unit.connection.execute(stays):
                named = row.id == wanted[row.whose] and row.unreachable is None
                if named or row.whose not in found:
                    found[row.whose] = _chat(unit, row, address_of(unit, row))
    return found


async def belong(unit: Unit, chat_id: int, person_id: UUID) -> None:
    """From now on this chat is theirs."""
    await unit.connection.execute(update(tables.chats).where(tables.chats.c.id == chat_id).values(person_id=person_id))


async def part(unit: Unit, ids: Iterable[int]) -> None:
    """These chats are nobody's any more, and begin anew: what was still to be said there goes, and codes that were made there."""
    ids = list(ids)
    await unit.connection.execute(delete(tables.outbox).where(tables.outbox.c.chat_id.in_(ids)))
    await unit.connection.execute(delete(tables.codes).where(tables.codes.c.chat_id.in_(ids)))
    await unit.connection.execute(update(tables.chats).where(tables.chats.c.id.in_(ids)).values(person_id=None, organisation_id=None, state=None))


async def dismiss(unit: Unit, ids: Iterable[int]) -> None:
    """Nobody helps from these chats any more."""
    await unit.connection.execute(update(tables.chats).where(tables.chats.c.id.in_(list(ids))).values(staff_id=None))


async def remove(unit: Unit, ids: Iterable[int]) -> None:
    """These chats are over, with their sessions and all that was still to be said there."""
    await unit.connection.execute(delete(tables.chats).where(tables.chats.c.id.in_(list(ids))))


async def of_staff(unit: Unit, ids: Iterable[UUID]) -> list[Chat]:
    """Every chat from which one of these helps."""
    rows = await unit.connection.execute(select(tables.chats).where(tables.chats.c.staff_id.in_(list(ids))).order_by(tables.chats.c.id))
    return [_chat(unit, row, address_of(unit, row)) for row in rows]


async def of_person(unit: Unit, person_id: Any) -> list[Chat]:
    """Where they can be spoken with; not where they only get mail."""
    theirs = and_(tables.chats.c.person_id == person_id, tables.chats.c.channel != MAIL)
    rows = await unit.connection.execute(select(tables.chats).where(theirs).order_by(tables.chats.c.id))
    return [_chat(unit, row, address_of(unit, row)) for row in rows]


def address_of(unit: Unit, row: Row[*tuple[Any, ...]]) -> str:
    return unit.cipher.open(row.address, _place(row.address_key, "address")).decode()


def _chat(unit: Unit, row: Row[Any], address: str) -> Chat:
    try:
        state = json.loads(unit.cipher.open(row.state, _place(row.address_key, "state"))) if row.state else None
    except SealBroken:  # refused; the conversation begins anew, what was answered is not lost
        log.error("the state of chat %s does not open", row.id)
        state = None
    return Chat(row.id, row.channel, address, row.language, row.person_id, state, row.turn, row.unreachable, row.staff_id, row.organisation_id, row.stands_at)


def _place(key: bytes, column: str) -> str:
    return f"chats/{key.hex()}/{column}"
