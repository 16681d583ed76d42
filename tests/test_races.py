"""Many processes want the same seats: none is sold twice, who came first is first, and nobody sees a lock. Quick here; TRUST=1 makes it long."""

from __future__ import annotations

import random

from conftest import KEYS, TRUST
from fair import Fair
from model import Model
from races import Racers, heard, invite, stage
from sqlalchemy import func, select

from bot.signups import offer_until
from storage import events, registrations, tables
from storage.store import Store

CLIENTS, EVENTS, REPETITIONS, CAPACITY = (64, 20, 30, 20) if TRUST else (16, 4, 1, 5)
PROCESSES = 4
HISTORIES = 1000 if TRUST else 12


async def audit(store, staged, capacity):
    """(oversold, wrongly seated, wrong counters) of freshly run events to which everybody came once."""
    oversold = unfair = wrong = 0
    async with store.read() as unit:
        for event_id, _ in staged:
            rows = await registrations.of_event(unit, event_id)
            event = await events.find(unit, event_id)
            confirmed = [each for each in rows if each.state == "confirmed"]
            oversold += max(0, len(confirmed) - capacity)
            unfair += sum((each.place <= capacity) is not (each.state == "confirmed") for each in rows)
            wrong += event.taken != sum(each.holds for each in rows) or sorted(each.place for each in rows) != list(range(1, CLIENTS + 1))
    return oversold, unfair, wrong


async def troubles(store):
    async with store.read() as unit:
        quarantined = (await unit.connection.execute(select(func.count()).select_from(tables.quarantine))).scalar()
    return quarantined + (await heard(store))["common.trouble"]


async def test_no_seat_is_sold_twice_and_who_came_first_is_first(database, show, seed):
    rnd, store = random.Random(seed), Store.at(database, KEYS)
    racers = Racers(database, CLIENTS, PROCESSES, await invite(store, CLIENTS))
    totals, again = [0, 0, 0], 0
    offers = promoted = 0
    for repetition in range(REPETITIONS):
        staged = await stage(store, EVENTS, CAPACITY)
        again += racers.race(f"in{repetition}", "signup", staged, rnd, CAPACITY, kills=2 if repetition % 3 == 0 else 0)
        totals = [each + more for each, more in zip(totals, await audit(store, staged, CAPACITY), strict=True)]
        said = await heard(store)
        async with store.read() as unit:
            for event_id, _ in staged:
                for each in await registrations.of_event(unit, event_id):
                    assert said["event.offer", str(each.id)] == 0, "nobody gave a seat back yet"
        # Now those who have a seat give it back, and as many of those who wait are offered one, in their order, once.
        leavers = rnd.sample(range(CLIENTS), CLIENTS // 2)
        some = Racers(database, CLIENTS, PROCESSES, racers.people)
        some.shares = [[client for client in share if client in leavers] for share in racers.shares]
        again += some.race(f"out{repetition}", "cantcome", staged, rnd, CAPACITY)
        said = await heard(store)
        async with store.read() as unit:
            for event_id, _ in staged:
                rows = await registrations.of_event(unit, event_id)
                offered, waiting = ([each for each in rows if each.state == state] for state in ("offered", "waiting"))
                free = CAPACITY - sum(each.holds for each in rows)
                totals[0] += max(0, -free)
                totals[1] += sum(one.place > other.place for one in offered for other in waiting) + (free > 0 and bool(waiting))
                promoted += len(offered)
                offers += sum(said["event.offer", str(each.id)] for each in offered)
                gone = [each for each in rows if each.state == "cancelled"]
                totals[2] += sum(said["event.offer", str(each.id)] > 1 for each in gone)
    trouble = await troubles(store)
    await store.close()
    facts = {"clients": CLIENTS, "events": EVENTS, "repetitions": REPETITIONS, "oversold": totals[0], "unfair": totals[1], "wrong": totals[2]}
    show(f"races on {database.partition(':')[0]}", {**facts, "promoted": promoted, "notices": offers, "tried_again": again, "troubles": trouble})
    assert (totals, trouble) == ([0, 0, 0], 0)
    assert offers == promoted


async def test_the_control_oversells(database, show, seed):
    rnd, store = random.Random(seed), Store.at(database, KEYS)
    racers = Racers(database, CLIENTS, PROCESSES, await invite(store, CLIENTS))
    oversold = 0
    for attempt in range(5):
        staged = await stage(store, EVENTS, CAPACITY)
        racers.race(f"control{attempt}", "signup", staged, rnd, CAPACITY, broken=True)
        async with store.read() as unit:
            for event_id, _ in staged:
                oversold += max(0, await registrations.seats_taken(unit, event_id) - CAPACITY)
        if oversold:
            break
    await store.close()
    show(f"control on {database.partition(':')[0]}", {"oversold": oversold})
    assert oversold


async def test_random_histories_come_to_what_the_model_says(store, clock, scripts, words, programme, seed, show):
    rnd, fair, steps = random.Random(seed), Fair(store, clock, scripts, words, programme), 0
    people = range(1, 8)
    event = await fair.event(days=3)
    for who in people:
        await fair.arrive(who)
        await fair.sign_up(who, event)
    for _ in range(HISTORIES):
        event = await fair.event(days=rnd.randint(1, 20), capacity=rnd.randint(1, 3), offer_hours=rnd.choice([1, 4, 24, 72]), reminders=())
        model = Model(event.capacity, event.starts_at, lambda now, event=event: offer_until(event, now))
        for _ in range(rnd.randint(10, 40)):
            steps += 1
            who, now = rnd.choice(people), clock()
            match rnd.random():
                case x if x < 0.45:
                    await fair.command(who, "signup", event.code)
                    model.sign_up(who, now)
                case x if x < 0.65:
                    await fair.command(who, "cantcome", event.code)
                    model.cancel(who, now)
                case x if x < 0.85:
                    await fair.command(who, "takeplace", event.code)
                    model.take(who, now)
                case _:
                    clock.turn(minutes=rnd.choice([1, 30, 90, 400, 2000]))
                    await fair.tick()
                    if clock() < event.ends_at:
                        model.settle(clock())
            if clock() >= event.starts_at:
                break
            assert await fair.states(event) == model.states(), f"seed {seed}"
            rows = await fair.all_of(event)
            assert {row.place for row in rows} == {guest.place for guest in model.guests.values()}
        fair.letters = [letter for letter in fair.letters if "prompt" in letter.content][-40:]
    show("histories", {"histories": HISTORIES, "steps": steps})
