import asyncio, time
from datetime import datetime, UTC
import pytest
from conftest import CANARIES, until
from doors import Telegram, TelegramDoor
from bot.app import House
from bot.settings import Settings
from bot.clock import Clock
from storage import events
from storage.records import Event, EventText
from bot.effects import due
from bot.effects.cards import told
from bot.effects.nouns import Desk

async def test_proto(everybody, sqlite_store, clock, capsys):
    programme, scripts, words = everybody
    clock.now = datetime(2027,2,1,9,tzinfo=UTC)
    house = House(Settings(_env_file=None), programme, scripts, words, sqlite_store)
    async with sqlite_store.begin() as unit:
        ev = await events.begin(unit, Event(None, "", datetime(2027,3,11,13), datetime(2027,3,11,15,15), "Europe/Berlin", state="published", run_until=unit.now, link="https://canary/x", capacity=1, asks=("name","interpreter"), language="pl"))
        await events.write(unit, ev.texts, [EventText("en","Title","About","original")])
        d = Desk(unit, scripts, words, programme)
        await due.settled(d, (await told(d, ev))[0])
    async with Telegram(house) as telegram:
        door = TelegramDoor(telegram, "ar")
        def show(n=3):
            with capsys.disabled():
                for h in door.heard[-n:]:
                    print(repr(h.text[:300]), h.data)
        t=time.time()
        await door.say("/start"); show()
        await door.press("en"); show(1)
        await door.say("/zone"); show(1)
        await door.say("Kolkata"); show(1)
        if "Asia/Kolkata" not in door.heard[-1].text:
            try: await door.press("Asia/Kolkata"); show(2)
            except StopIteration: show(1)
        await door.say("/events"); show(1)
        await door.press(ev.code); show(2)
        await door.press("signup"); show(2)
        await door.press("yes"); show(2)
        await door.press("yes"); show(2)
        await door.say("Nobody Invented 17"); show(2)
        await door.press("yes"); show(3)
        await door.say("/mysignups"); show(2)
        with capsys.disabled(): print(time.time()-t, telegram.emulator.calls[-3:], telegram.emulator.violations)
