"""Races for seats, by real processes on one database: `main()` is one of them.

Every client is somebody who agreed to sign-ups already; what they do are updates with keys of their own, so a process that was killed
does the same again and nothing is done twice. `broken`: seats are counted in one transaction and given in another.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from conftest import KEYS, ROOT

from bot.app import words_for
from bot.intake import Intake
from bot.languages import Languages
from bot.messages import Incoming, Kind
from bot.settings import read_programme
from bot.taxonomy import Taxonomy
from dialogs.files import load_scripts
from storage import chats, events, outbox, people, registrations, tables
from storage.errors import StoreAway
from storage.records import Address, ConsentRow, Event, EventText, Registration
from storage.store import Store

CHANNEL = "telegram"
CHILD = f"import sys; sys.path[:0] = {[str(ROOT / 'tests'), str(ROOT)]!r}; import races; races.main()"
BEGINS = datetime(2031, 5, 5, 13, 0)  # noqa: DTZ001 - local, far away


def intake_of(store):
    programme, scripts = read_programme(ROOT / "programme.yaml"), load_scripts()
    words = words_for(programme, scripts)
    return Intake(store, scripts, words, programme, Taxonomy(store, words), Languages((), ()), lambda _: None)


def update(client, key, name, code):
    return Incoming(f"{CHANNEL}/1", f"{client}.{key}", Kind.COMMAND, name, argument=code, address=Address(CHANNEL, str(client)), language_hint="en")


async def invite(store, clients):
    """So many people who agreed to sign-ups; (client -> person)."""
    intake, found = intake_of(store), {}
    await intake.handle([update(client, "hello", "start", "") for client in range(clients)])
    async with store.begin() as unit:
        for client in range(clients):
            person = await people.begin(unit)
            consent = ConsentRow("event", 1, "given", "-", "en", CHANNEL, unit.now)
            await people.decide(unit, [(person.id, consent)])
            key = unit.cipher.index(f"{CHANNEL}/{client}")
            await unit.connection.execute(tables.chats.update().where(tables.chats.c.address_key == key).values(person_id=person.id))
            found[client] = person.id
    for client in range(clients):  # old enough
        await intake.handle([update(client, "first", "menu", "")])
    async with store.begin() as unit:
        rows = await unit.connection.execute(tables.chats.select())
        for row in rows.all():
            chat = await chats.get(unit, row.id) if row.person_id else None
            if chat:
                await _pass_gate(unit, chat)
    return found


async def _pass_gate(unit, chat):
    state = {**chat.state, "passed": ["join.age"], "frames": [{"dialog": "menu"}]}
    await chats.save(unit, [replace(chat, state=state)])


async def stage(store, number, capacity):
    """So many fresh events: (id, code)."""
    found = []
    async with store.begin() as unit:
        for _ in range(number):
            event = await events.begin(unit, Event(None, "", BEGINS, BEGINS + timedelta(hours=2), "Europe/Berlin", "published", capacity=capacity, asks=()))
            event = replace(event, run_until=unit.now)
            await events.save(unit, event)
            await events.write(unit, event.id, [EventText("en", "A race", "", "original")])
            found.append((event.id, event.code))
    return found


# ---- one process ------------------------------------------------------------------------------------------------------


async def run(job):
    store = Store.at(job["url"], KEYS)
    intake, errors = intake_of(store), Counter()
    rnd = random.Random(job["seed"])
    orders = {client: rnd.sample(job["events"], len(job["events"])) for client in job["clients"]}
    print("ready", flush=True)
    sys.stdin.readline()

    async def insist(batch):
        while True:
            try:
                return await intake.handle(batch)
            except StoreAway:  # the channel brings it again, and nobody sees that
                errors["again"] += 1
                await asyncio.sleep(0.01)

    async def client(who):
        for _, code in orders[who]:
            await insist([update(who, f"{job['name']}.{code}", job["act"], code)])

    async def broken(who):
        for event, _ in orders[who]:
            while True:
                try:
                    async with store.read() as unit:
                        taken = await registrations.seats_taken(unit, UUID(event))
                    async with store.begin() as unit:
                        state = "confirmed" if taken < job["capacity"] else "waiting"
                        new = Registration(UUID(event), UUID(event), UUID(job["people"][str(who)]), None, state)
                        await registrations.begin(unit, new)
                    break
                except StoreAway:
                    errors["again"] += 1

    await asyncio.gather(*((broken if job.get("broken") else client)(who) for who in job["clients"]))
    await store.close()
    print(json.dumps(errors), flush=True)


# ---- many ---------------------------------------------------------------------------------------------------------------


class Racers:
    """Processes with a share of the clients each, all released at once."""

    def __init__(self, url, clients, processes, people_):
        self.url, self.shares, self.people = url, [list(range(clients))[at::processes] for at in range(processes)], people_

    def start(self, share, name, act, staged, seed, capacity, *, broken):
        job = {"url": self.url, "clients": share, "events": [[str(event), code] for event, code in staged], "seed": seed, "name": name, "act": act}
        job |= {"capacity": capacity, "broken": broken, "people": {str(who): str(person) for who, person in self.people.items()}}
        child = subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        child.stdin.write(json.dumps(job) + "\n")
        child.stdin.flush()
        return child

    def race(self, name, act, staged, rnd, capacity, *, kills=0, broken=False):
        """Everybody does `act` with every event, in an order of their own. How often the database said "again, later"."""
        begin = lambda share: self.start(share, name, act, staged, rnd.random(), capacity, broken=broken)
        children = [(share, begin(share)) for share in self.shares]
        for _, child in children:
            assert child.stdout.readline().strip() == "ready"
        for _, child in children:
            child.stdin.write("go\n")
            child.stdin.flush()
        for _ in range(kills):
            time.sleep(rnd.uniform(0.02, 0.3))
            at = rnd.randrange(len(children))
            share, victim = children[at]
            if victim.poll() is None:
                victim.kill()
                victim.communicate()
                children[at] = (share, begin(share))
                assert children[at][1].stdout.readline().strip() == "ready"
                children[at][1].stdin.write("go\n")
                children[at][1].stdin.flush()
        again = 0
        for _, child in children:
            out, _ = child.communicate()
            assert child.returncode == 0, out
            again += json.loads(out.strip().splitlines()[-1]).get("again", 0)
        return again


async def heard(store):
    """Sentence -> how often it waits to be said, by key of the letter's beginning."""
    async with store.read() as unit:
        rows = (await unit.connection.execute(tables.outbox.select())).all()
        letters = await outbox.read(unit, [row.id for row in rows])
        keys = {row.id: row.key for row in rows}
    found = Counter()
    for letter in letters:
        for part in letter.content["parts"]:
            found[part[0]] += 1
            found[part[0], keys[letter.id].split(".")[1]] += 1
    return found


def main():
    """One of the processes: its job comes by standard input."""
    asyncio.run(run(json.loads(sys.stdin.readline())))
