"""Events: when and where, for whom, and what is due for them next."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, Select, and_, delete, func, insert, or_, select, update

from storage import tables
from storage.records import Event, EventText
from storage.store import Unit

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # of a code: none that is taken for another one
LENGTH = 6  # 31^6: nobody finds an unlisted event by guessing
SEVERAL = frozenset({"interpretation", "roles", "regions", "topics", "asks", "warned"})  # kept as words with spaces between
_events, _texts = tables.events.c, tables.event_texts.c
_LOCAL = "%Y-%m-%dT%H:%M"


async def begin(unit: Unit, event: Event, event_id: UUID | None = None) -> Event:
    """A new one, with the codes that it is called by. `event_id`: of one that comes from elsewhere, and may come again."""
    code = secrets.choice(LETTERS[:23]) + "".join(secrets.choice(LETTERS) for _ in range(LENGTH - 1))  # a letter first, as buttons want it
    event = _with(event, id=event_id or uuid4(), code=code, spoken=f"{secrets.randbelow(10_000):04}", created_at=unit.now, sequence=0)
    await unit.connection.execute(insert(tables.events).values(_row(unit, event)))
    return event


async def save(unit: Unit, event: Event) -> None:
    """As it is from now on; whoever calls holds its lock."""
    await unit.connection.execute(update(tables.events).where(_events.id == event.id).values(_row(unit, event)))


async def get(unit: Unit, code: str, *, lock: bool = False) -> Event | None:
    """By its code. `lock`: nobody else gives or takes a seat until the commit; a transaction locks one event, and nothing after it."""
    return await _one(unit, select(tables.events).where(_events.code == code), lock=lock)


async def find(unit: Unit, event_id: UUID, *, lock: bool = False) -> Event | None:
    return await _one(unit, select(tables.events).where(_events.id == event_id), lock=lock)


async def _one(unit: Unit, statement: Select[Any], *, lock: bool) -> Event | None:
    row = (await unit.connection.execute(statement.with_for_update() if lock else statement)).first()
    return _event(unit, row) if row else None


async def coming(unit: Unit, most: int, *, states: Collection[str] = ("published",), listed: bool = True) -> list[Event]:
    """What has not ended, the nearest first."""
    there = and_(_events.state.in_(states), _events.ends_at > unit.now, *([_events.listed] if listed else []))
    rows = await unit.connection.execute(select(tables.events).where(there).order_by(_events.starts_at, _events.id).limit(most))
    return [_event(unit, row) for row in rows]


async def of_series(unit: Unit, series: UUID) -> list[Event]:
    """Its dates, in order."""
    rows = await unit.connection.execute(select(tables.events).where(_events.series == series).order_by(_events.starts_at, _events.id))
    return [_event(unit, row) for row in rows]


async def between(unit: Unit, since: datetime, until: datetime) -> list[Event]:
    """Published ones that began in these days, in order."""
    there = and_(_events.state == "published", _events.starts_at >= since, _events.starts_at < until)
    return [_event(unit, row) for row in await unit.connection.execute(select(tables.events).where(there).order_by(_events.starts_at))]


async def newest(unit: Unit, most: int) -> list[Event]:
    """Whatever state they are in: what is coming first, then drafts and what is over, the latest first."""
    over = _events.ends_at <= unit.now
    rows = await unit.connection.execute(select(tables.events).order_by(over, func.abs(_seconds_from(unit))).limit(most))
    return [_event(unit, row) for row in rows]


def _seconds_from(unit: Unit) -> Any:
    epoch = func.extract("epoch", _events.starts_at) if unit.connection.dialect.name == "postgresql" else func.unixepoch(_events.starts_at)
    return epoch - unit.now.timestamp()


async def due(unit: Unit, most: int = 1000) -> list[tuple[UUID, datetime]]:
    """For which something is due, and since when; the longest first."""
    statement = select(_events.id, _events.next_at).where(_events.next_at <= unit.now).order_by(_events.next_at, _events.id).limit(most)
    return [(row.id, row.next_at) for row in await unit.connection.execute(statement)]


async def look_again(unit: Unit, ids: Collection[UUID]) -> None:
    """Somebody's seat in these is free now: whoever comes next is found by what is due. Sorted, so that no two wait for each other."""
    for event_id in sorted(ids):
        await unit.connection.execute(update(tables.events).where(_events.id == event_id).values(next_at=unit.now))


async def postpone(unit: Unit, event_id: UUID, until: datetime) -> None:
    """What is due could not be done: not every minute again."""
    await unit.connection.execute(update(tables.events).where(_events.id == event_id).values(next_at=until))


async def remove(unit: Unit, event_id: UUID) -> None:
    """A draft that nobody ever saw."""
    await unit.connection.execute(delete(tables.events).where(_events.id == event_id, _events.state == "draft"))


# ---- texts ----


async def texts(unit: Unit, subjects: Collection[UUID]) -> Mapping[UUID, Mapping[str, EventText]]:
    """Of each subject (`Event.texts`) its titles and texts, by language."""
    found: dict[UUID, dict[str, EventText]] = defaultdict(dict)
    ids = sorted(set(subjects))
    for at in range(0, len(ids), 500):
        for row in await unit.connection.execute(select(tables.event_texts).where(_texts.subject.in_(ids[at : at + 500]))):
            found[row.subject][row.language] = EventText(row.language, row.title, row.about, row.state)
    return found


async def write(unit: Unit, subject: UUID, written: Iterable[EventText]) -> None:
    """These texts, in place of those that were there."""
    for text in written:
        row = {"subject": subject, "language": text.language, "title": text.title, "about": text.about, "state": text.state}
        statement = unit.insert(tables.event_texts).values(row)
        changed = {name: statement.excluded[name] for name in ("title", "about", "state")}
        await unit.connection.execute(statement.on_conflict_do_update(index_elements=["subject", "language"], set_=changed))


async def outdate(unit: Unit, subject: UUID, language: str) -> None:
    """The original changed: what others made of it is of an older one."""
    others = and_(_texts.subject == subject, _texts.language != language, or_(_texts.state == "human", _texts.state == "machine"))
    await unit.connection.execute(update(tables.event_texts).where(others).values(state="outdated"))


def told(texts: Mapping[str, EventText], *languages: str) -> tuple[str, str]:
    """Title and text in the first of these languages that there is and that is not old; else as it was written."""
    text = best(texts, *languages)
    return (text.title, text.about) if text else ("", "")


def best(texts: Mapping[str, EventText], *languages: str) -> EventText | None:
    found = next((texts[each] for each in (*languages, "en") if each in texts and texts[each].state != "outdated"), None)
    return found or original(texts)


def original(texts: Mapping[str, EventText]) -> EventText | None:
    """As it was written first."""
    return next((each for each in texts.values() if each.state == "original"), None) or next(iter(texts.values()), None)


# ---- rows ----


def _with(event: Event, **changed: Any) -> Event:
    return Event(**({each.name: getattr(event, each.name) for each in fields(Event)} | changed))


def _row(unit: Unit, event: Event) -> dict[str, Any]:
    row = {each.name: getattr(event, each.name) for each in fields(Event)}
    row |= {name: " ".join(row[name]) for name in SEVERAL} | {"reminders": " ".join(map(str, event.reminders))}
    row |= {"begins": event.begins.strftime(_LOCAL), "ends": event.ends.strftime(_LOCAL), "starts_at": event.starts_at, "ends_at": event.ends_at}
    row["link"] = unit.cipher.seal(event.link.encode(), _place(event.id)) if event.link else None
    return row


def _event(unit: Unit, row: Row[Any]) -> Event:
    values = {each.name: getattr(row, each.name) for each in fields(Event)}
    values |= {name: tuple(values[name].split()) for name in SEVERAL} | {"reminders": tuple(map(int, row.reminders.split()))}
    values |= {"begins": datetime.strptime(row.begins, _LOCAL), "ends": datetime.strptime(row.ends, _LOCAL)}  # noqa: DTZ007 - local, on purpose
    values["link"] = unit.cipher.open(row.link, _place(row.id)).decode() if row.link else ""
    return Event(**values)


def _place(event_id: UUID) -> str:
    return f"events/{event_id}/link"
