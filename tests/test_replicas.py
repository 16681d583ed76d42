"""Two of us on one PostgreSQL, behind a load balancer: either may be killed, and people notice a pause at most.

What Telegram hands in and what browsers say goes to whichever lives; one of the two sends, and when it dies the other takes over.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace

from aiohttp import ClientError, ClientSession
from conftest import until
from crash import Person, Town, at_work, audit, bot_api, count, drained, free_port, house, lifetime, queued
from doors import Browser
from sqlalchemy import select, text

from bot.channels.webchat import _key
from storage import tables
from storage.records import Address


class Chatterbox(Person):
    """Once they stand before the summary, they change their name several times without waiting for replies; when all are
    answered, again."""

    line = ""  # what one says there to change one's name

    @property
    def replies(self):
        return len(self.heard) - self.copies

    def act(self, question, buttons, message):
        if question == "newcomer.summary":
            self.line = buttons["name"][1]
        if not self.line:
            super().act(question, buttons, message)
        elif self.replies == len(self.sent):
            self.chatter()

    def chatter(self):
        for _ in range(self.town.rnd.randint(2, 4)):
            self.say(self.line)
            self.type("newcomer.name")


class Visitor(Browser):
    """The same in a browser: every line is said until it is answered, and a stream that ends is opened again."""

    def __init__(self, web, rnd):
        super().__init__(web, "en")
        self.rnd, self.said, self.streams, self.again = rnd, [], 0, 0

    async def post(self, path, body=None, **more):
        while True:
            with suppress(ClientError, ConnectionError, TimeoutError):
                status, told = await super().post(path, body, **more)
                if status != 503:
                    return status, told
            await asyncio.sleep(self.rnd.uniform(0.01, 0.1))

    async def _listen(self):
        while True:
            self.streams += 1
            with suppress(ClientError, ConnectionError, TimeoutError):
                await super()._listen()
            await asyncio.sleep(self.rnd.uniform(0.01, 0.1))

    def _show(self, letter):
        self.again += letter["id"] in self.shown
        super()._show(letter)

    async def talk(self, is_over):
        while not is_over():
            for _ in range(self.rnd.randint(1, 3)):
                self.said.append(f"{self.rnd.getrandbits(128):032x}")
                _, told = await self.post("say", {"id": self.said[-1], "kind": "text", "value": "and", "seen": self.shown[-20:]})
                assert told["saved"]
            await until(lambda: len(self.heard) > len(self.said))  # hello was answered too
        await self.read_everything()

    async def faults(self):
        """What must not be, in words."""
        (address,) = await self._address()
        keys = [_key({"id": each}, Address("web", address)) for each in self.said]
        async with self.web.house.store.read() as unit:
            saved = await count(unit, tables.updates, tables.updates.c.source == "web", tables.updates.c.key.in_(keys))
            chat = tables.chats.c.address_key == unit.cipher.index(f"web/{address}")
            turns = (await unit.connection.execute(select(tables.chats.c.turn).where(chat))).scalar()
        found = {
            f"{saved} of {len(self.said)} lines saved": saved == len(self.said),
            f"{turns} turns of {len(self.said)} lines and hello": turns == len(self.said) + 1,
            f"{len(self.shown)} letters of {turns} turns": len(self.shown) == turns,
            f"letters in the order {self.shown}": self.shown == sorted(set(self.shown)),
        }
        return [fault for fault, is_fine in found.items() if not is_fine]


@asynccontextmanager
async def balancer(rnd, doors):
    """Each connection goes to one of our ports, and past one that nobody listens at; yields its address."""

    async def carry(reader, writer):
        for door in rnd.sample(doors, len(doors)):
            with suppress(ConnectionError):
                back_reader, back_writer = await asyncio.open_connection("127.0.0.1", door)
                await asyncio.gather(pass_on(reader, back_writer), pass_on(back_reader, writer))
                return
        writer.close()

    async def pass_on(reader, writer):
        with suppress(ConnectionError):
            while piece := await reader.read(65536):
                writer.write(piece)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def is_up(port):
    with suppress(ClientError):
        async with ClientSession() as client, client.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status == 200


async def takeovers(nursery, url, rnd, kills, *, broken=""):
    """Kill the one that sends, see the other take over, start the killed one again; and so on, in turn. Returns what the referee
    says, and everything else that must not be."""
    town, home, left, waits = Town(rnd), house(url), 0, []
    ports = {"one": free_port(), "other": free_port()}

    async def birth(name):
        alive[name] = await nursery.bear_bot(url, f"{api}/{name}", port=ports[name], public=public, broken=broken)
        await until(lambda: is_up(ports[name]))

    def said():
        return sum(len(person.heard) for person in town.people.values())

    boxes = [town.somebody(Chatterbox) for _ in range(4)]
    async with at_work(home, town):  # until they chatter
        await until(lambda: all(box.line for box in boxes))
        town.hushed = True
        await until(lambda: drained(home.store, town))
        town.hushed = False
    async with balancer(rnd, [*ports.values()]) as public, bot_api(town) as api:
        alive, web = {}, SimpleNamespace(base=public, house=home)
        for name in ports:
            await birth(name)
        async with Visitor(web, rnd) as ann, Visitor(web, rnd) as ben, asyncio.TaskGroup() as talks:
            visitors = ann, ben
            for visitor in visitors:
                await visitor.hello()
                talks.create_task(visitor.talk(lambda: town.hushed))
            for box in boxes:
                box.chatter()
            await until(lambda: town.speakers)
            for _ in range(kills):
                town.begin_life()
                town.fill(12)
                await asyncio.sleep(await lifetime(town))
                speaker, before = town.speakers[-1], said()
                left += await queued(home.store, tables.outbox.c.channel == "telegram")
                await nursery.kill(alive.pop(speaker))
                left, began = left + said() - before, time.monotonic()
                await until(lambda: town.speakers[-1] != speaker)
                waits.append(time.monotonic() - began)
                await birth(speaker)
            town.hushed = True
            await until(lambda: drained(home.store, town), 60)
        for child in alive.values():
            await nursery.kill(child)
    report = await audit(home.store, town)
    async with home.store.read() as unit:
        deadlocks = (await unit.connection.execute(text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))).scalar()
    faults = [*report.faults, *[fault for visitor in visitors for fault in await visitor.faults()]]
    faults += [f"chat {box.id}: {box.replies} replies to {len(box.sent)} updates" for box in boxes if box.replies != len(box.sent)]
    faults += [f"{report.extra_copies} copies of {left} letters"] if report.extra_copies > left else []
    faults += [f"who sent: {town.speakers}"] if len(town.speakers) != kills + 1 else []
    faults += [f"answers to Telegram: {dict(town.answers)}"] if town.answers.keys() != {200} else []
    faults += [f"{deadlocks} deadlocks"] if deadlocks else []
    await home.store.close()
    report.figures = {"in_flight": left, "people": len(town.people), "deadlocks": deadlocks}
    report.figures |= {"takeover_median": f"{statistics.median(waits):.2f}s", "takeover_max": f"{max(waits):.2f}s"}
    report.figures |= {
        name: sum(map(of, visitors)) for name, of in {"web_lines": lambda each: len(each.said), "web_streams": lambda each: each.streams}.items()
    }
    report.figures |= {"web_letters": sum(len(each.shown) for each in visitors), "handed_again": sum(each.again for each in visitors)}
    return report, faults


async def prove_takeovers(nursery, url, rnd, kills, show):
    report, faults = await takeovers(nursery, url, rnd, kills)
    show("two replicas by webhook, the sender killed", f"kills={kills} {report}")
    assert not faults


async def test_when_the_replica_that_sends_is_killed_the_other_takes_over_and_nothing_is_lost(postgres, nursery, rnd, show):
    await prove_takeovers(nursery, postgres(), rnd, 4, show)  # a hundred in trust/test_kill_loop.py


async def test_two_replicas_that_both_send_are_caught(postgres, nursery, rnd, show):
    report, faults = await takeovers(nursery, postgres(), rnd, 1, broken="both send")
    show("two replicas by webhook, the control that must be caught", f"kills=1 {report}")
    assert any(fault.startswith("who sent") for fault in faults)
