"""What people must be able to trust when machines fail (TRUST.md): crashes, repetitions, poison, delays, a database that is away."""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict

import pytest
from conftest import CANARIES, until
from crash import (
    BOT,
    Town,
    at_work,
    audit,
    count,
    drained,
    house,
    kill_loop,
    migrated,
    outage,
    rehearsal,
    stopped,
    write_locked,
)
from sqlalchemy import select

from bot.channels.telegram import read_update
from bot.letters import word
from dialogs.nouns import Text
from dialogs.turn import take_turn
from storage import tables

# ---- crashes --------------------------------------------------------------------------------------------------------


async def prove_kills(nursery, url, rnd, kills, show, *, library="aiogram", webhook=False):
    report = await kill_loop(nursery, url, rnd, kills, library=library, webhook=webhook)
    show(f"kill loop on {url.partition(':')[0]}, {library} {'by webhook' if webhook else 'polling'}", f"kills={kills} {report}")
    assert not report.faults
    assert report.extra_copies <= report.figures["in_flight"]
    assert report.acked > kills  # else it was no proof


@pytest.mark.parametrize(
    ("library", "webhook", "database", "kills"),
    [
        ("aiogram", False, "sqlite", 12),  # hundreds of each, and of the other two, in trust/test_kill_loop.py
        ("aiogram", False, "postgres", 12),
        ("aiogram", True, "sqlite", 6),
        ("aiogram", True, "postgres", 6),
        ("ptb", False, "sqlite", 6),
        ("ptb", True, "postgres", 6),
    ],
    indirect=["database"],
)
async def test_a_crash_loses_no_acknowledged_answer(library, webhook, database, kills, nursery, rnd, show):
    await prove_kills(nursery, database, rnd, kills, show, library=library, webhook=webhook)


@pytest.mark.parametrize("webhook", [False, True], ids=["polling", "webhook"])
async def test_a_bot_that_confirms_before_it_commits_is_caught(webhook, sqlite, nursery, rnd, show):
    report = await kill_loop(nursery, sqlite(), rnd, 12, webhook=webhook, broken="hasty")
    show(f"kill loop {'by webhook' if webhook else 'polling'}, the control that must lose", f"kills=12 {report}")
    assert any(loss.startswith("update") for loss in report.lost)


# ---- repetitions ----------------------------------------------------------------------------------------------------


@pytest.fixture
def same_prompts(monkeypatch):
    """A chat's first prompt number is random, and buttons carry it; who repeats a rehearsal must begin with the same."""
    monkeypatch.setattr("bot.intake.secrets.randbelow", lambda _: 0)


@pytest.fixture(scope="module")
def rehearsed(request, tmp_path_factory):
    """20 people who have sent 20 updates each, to be repeated on other databases."""

    async def rehearse(url):
        return await rehearsal(await migrated(url), random.Random(request.config.seed), 20, 20)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("bot.intake.secrets.randbelow", lambda _: 0)
        return asyncio.run(rehearse(f"sqlite:///{tmp_path_factory.mktemp('rehearsal') / 'frontdoor.db'}"))


def pieces_of(updates, rnd):
    """Cut into batches of 1 to 8."""
    pieces = []
    while updates:
        size = rnd.randint(1, 8)
        pieces.append(updates[:size])
        updates = updates[size:]
    return pieces


def five_times_shuffled(pieces, rnd):
    """Every order of five copies each in which the first copies come in order, as Telegram's do."""
    order = [number for number in range(len(pieces)) for _ in range(5)]
    rnd.shuffle(order)
    renumbered = {number: rank for rank, number in enumerate(dict.fromkeys(order))}
    return [pieces[renumbered[number]] for number in order]


async def hand_in_five_times(url, town, updates, rnd):
    """Returns what the referee says. Nobody delivers: the letters stay in the outbox."""
    home = house(url)
    intake = home.intake(lambda letters: None)
    for piece in five_times_shuffled(pieces_of(updates, rnd), rnd):
        await intake.handle([read_update(update, BOT) for update in piece])
    report = await audit(home.store, town)
    await home.store.close()
    return report


async def test_an_update_that_comes_five_times_has_one_effect(database, rehearsed, same_prompts, rnd, show):
    report = await hand_in_five_times(database, rehearsed, list(rehearsed.log.values()), rnd)
    show(f"each update five times, shuffled, on {database.partition(':')[0]}", report)
    report.unsaid -= len(rehearsed.log)  # one reply each
    assert not report.faults


async def test_an_intake_that_forgets_what_it_has_seen_is_caught(sqlite, rehearsed, same_prompts, rnd, monkeypatch, show):
    async def all_new(unit, keys):
        return set(keys)

    monkeypatch.setattr("bot.intake.updates.first_sights", all_new)
    one_person = [rehearsed.log[update] for update in rehearsed.people[1001].sent]
    report = await hand_in_five_times(sqlite(), rehearsed, one_person, rnd)
    show("each update five times, the control that must double", f"doubled={report.doubled}")
    assert report.doubled


async def test_two_processes_with_overlapping_batches_neither_deadlock_nor_double(postgres, nursery, rehearsed, tmp_path, rnd, show):
    database, file = postgres(), tmp_path / "updates.json"
    file.write_text(json.dumps(list(rehearsed.log.values())))
    for _ in range(2):
        await nursery.bear("hand_in", url=database, file=str(file), seed=rnd.randrange(10**9))
    away = [await nursery.hear("away") for _ in range(2)]
    home = house(database)
    async with home.store.read() as unit:
        turns = sum((await unit.connection.execute(select(tables.chats.c.turn))).scalars())
        letters, taken, apart = [await count(unit, table) for table in (tables.outbox, tables.updates, tables.quarantine)]
    await home.store.close()
    show("two processes", f"updates={len(rehearsed.log)} taken={taken} turns={turns} letters={letters} deadlocks={sum(away)} quarantined={apart}")
    assert taken == turns == letters == len(rehearsed.log)
    assert (away, apart) == ([0, 0], 0)


# ---- poison ---------------------------------------------------------------------------------------------------------


def values(update):
    """Every string and number in an update, keys apart."""
    if isinstance(update, dict | list):
        return {each for part in (update.values() if isinstance(update, dict) else update) for each in values(part)}
    return {update}


async def quarantined(home):
    async with home.store.read() as unit:
        return (await unit.connection.execute(select(tables.quarantine))).all()


async def test_an_update_that_nobody_can_read_is_set_apart_without_its_words(database, rnd):
    home, town = house(database), Town(rnd, limit=0)
    person = town.somebody()
    query = {"id": "77", "from": person.user, "data": [CANARIES["text"]], "message": {"chat": person.chat, "text": CANARIES["text"], "message_id": "x"}}
    town.post(None, {"callback_query": query})
    town.post(None, {"callback_query": CANARIES["text"]})
    person.say("/help")
    async with at_work(home, town):
        await until(lambda: drained(home.store, town))
    rows = await quarantined(home)
    await home.store.close()
    assert len(person.heard) == 2  # to /start and to /help
    assert len(rows) == 2
    for row in rows:
        assert not {row.error, *values(json.loads(row.shape))} & {each for update in town.log.values() for each in values(update)}


async def test_an_update_that_breaks_the_engine_is_set_apart_and_the_next_one_answered(database, rnd, monkeypatch):
    def breaks(scripts, state, known, heard, looked_up=None):
        if heard == Text("poison"):
            raise ZeroDivisionError(heard.text)
        return take_turn(scripts, state, known, heard, looked_up)

    monkeypatch.setattr("bot.intake.take_turn", breaks)
    home, town = house(database), Town(rnd, limit=0)
    ann, ben = town.somebody(), town.somebody()
    for text in ("hello", "poison", "hello again"):
        ann.say(text)
        ben.say("and me")
    async with at_work(home, town):
        await until(lambda: drained(home.store, town))
    (row,) = await quarantined(home)
    await home.store.close()
    assert (len(ann.heard), len(ben.heard)) == (4, 4)  # every one is answered, the poison with "say it again"
    trouble = home.words.tr("common.trouble", ann.language)
    assert [trouble in text for _, text, _ in ann.heard].count(True) == 1
    assert "poison" not in row.shape + row.error


# ---- order ----------------------------------------------------------------------------------------------------------


class SlowTown(Town):
    """Every message takes its own time; those to `stalled` wait for `released`."""

    def __init__(self, rnd, stalled=0):
        super().__init__(rnd)
        self.stalled, self.released = stalled, asyncio.Event()

    async def call(self, method, fields):
        if int(fields.get("chat_id", -1)) == self.stalled:
            await self.released.wait()
        await asyncio.sleep(self.rnd.uniform(0, 0.03))
        return await super().call(method, fields)


class Minutes:
    """What was committed to be said, per chat, in the order of the commits."""

    def __init__(self, words):
        self._words, self.chats = words, defaultdict(list)

    def __call__(self, letters):
        for letter in letters:
            outgoing = word(letter, self._words)
            self.chats[int(letter.address.address)].append((int(outgoing.rows[0][0].data.split(":")[1]), outgoing.text))


def heard_by(person):
    return [(prompt, text) for prompt, text, _ in person.heard]


async def test_replies_keep_the_order_of_a_chat_however_slow_the_network(database, rehearsed, same_prompts, rnd, show):
    home, town = house(database), rehearsed.again(SlowTown(rnd))
    minutes = Minutes(home.words)
    async with at_work(home, town, seen=minutes):
        await until(lambda: drained(home.store, town), 60)
    report = await audit(home.store, town)
    await home.store.close()
    disorder = [person.id for person in town.people.values() if heard_by(person) != minutes.chats[person.id]]
    show("order", f"chats={len(town.people)} messages={sum(map(len, minutes.chats.values()))} inversions={report.inversions} other_disorder={len(disorder)}")
    assert not disorder
    assert not report.faults
    assert report.extra_copies == 0


async def test_a_reply_is_said_once_as_long_as_nothing_crashes(database, rnd, monkeypatch, show):
    """The sweep reads the outbox while letters are being marked as sent; here it does so all the time."""
    monkeypatch.setattr("bot.delivery.SWEEP", 0.005)
    home, town = house(database), Town(rnd, limit=25)
    async with at_work(home, town):
        town.fill(20)
        await until(lambda: not any(person.waiting for person in town.people.values()), 60)
        await until(lambda: drained(home.store, town))
    report = await audit(home.store, town)
    await home.store.close()
    show(f"busy sweeps on {database.partition(':')[0]}", report)
    assert not report.faults
    assert report.extra_copies == 0


async def test_a_chat_that_stalls_delays_no_other(database, rehearsed, same_prompts, rnd):
    home, town = house(database), rehearsed.again(SlowTown(rnd, stalled=1001))
    minutes = Minutes(home.words)
    others = [person for person in town.people.values() if person.id != town.stalled]
    async with at_work(home, town, seen=minutes):
        await until(lambda: all(len(person.heard) == len(person.sent) for person in others))
        assert not town.people[town.stalled].heard
        town.released.set()
        await until(lambda: drained(home.store, town))
    await home.store.close()
    assert all(heard_by(person) == minutes.chats[person.id] for person in town.people.values())


# ---- the database is away -------------------------------------------------------------------------------------------


async def test_the_bot_waits_until_sqlite_can_be_written_again(tmp_path, rnd, show):
    url = await migrated(f"sqlite:///{tmp_path / 'away.db'}")
    report = await outage(url, rnd, write_locked(url), 3, busy_timeout=300)  # ms; with its 10 s the bot would hardly notice
    show("outage of SQLite", report)
    assert not report.faults
    assert report.extra_copies == 0


async def test_the_bot_waits_until_postgres_is_back(postgres, rnd, show):
    report = await outage(postgres(), rnd, stopped(postgres.server), 3)
    show("outage of PostgreSQL", report)
    assert not report.faults
    assert report.extra_copies == 0
