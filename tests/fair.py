"""Events and whoever comes to them, in virtual time: what every test about signing up uses."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from test_staff import Office

from bot.clock import Clock
from bot.effects import due
from bot.effects.cards import told
from bot.effects.nouns import Desk
from bot.letters import word
from storage import events, registrations
from storage.records import Event, EventText

LINK = "https://meet.frontdoor.example/zz-kanarienvogel-link"
BERLIN = ZoneInfo("Europe/Berlin")


class Fair(Office):
    """An office with events, and a clock to turn."""

    def __init__(self, store, clock, scripts, words, programme, **more):
        super().__init__(store, scripts, words, programme, **more)
        self.time, self.there = clock, []
        self.clock = Clock(store, self.intake.handle, programme)

    def in_days(self, days, hour=13, minute=0):
        """A local time in Berlin, so many days from now."""
        day = (self.time().astimezone(BERLIN) + timedelta(days=days)).date()
        return datetime.combine(day, time(hour, minute))

    async def event(self, days=10, *, title="Round table", about="We talk.", hours=2, **more):
        """A published event; capacity, link, place, ... as in storage.records.Event."""
        begins = more.pop("begins", None) or self.in_days(days)
        new = Event(None, "", begins, more.pop("ends", begins + timedelta(hours=hours)), more.pop("zone", "Europe/Berlin"))
        asks = more.pop("asks", ())
        async with self.store.begin() as unit:
            event = await events.begin(unit, replace(new, state="published", run_until=unit.now, asks=asks, **more))
            await events.write(unit, event.texts, [EventText(event.language, title, about, "original")])
            desk = self.desk(unit)
            assert await due.settled(desk, (await told(desk, event))[0]) == []
        return event

    def desk(self, unit):
        return Desk(unit, self.scripts, self.words, self.programme)

    async def arrive(self, who, language="en"):
        """Somebody new, in the menu; nothing is known of them."""
        self.there.append(who)
        await self.command(who, "start")
        await self.press(who, language)

    async def sign_up(self, who, event):
        """With the consent, the first time."""
        await self.command(who, "signup", event.code)
        for _ in range(2):
            if {"signup.age", "signup.agree"} & {*self.ids(who)[-2:]}:
                await self.press(who, "yes")

    async def now(self, event):
        async with self.store.read() as unit:
            return await events.find(unit, event.id)

    async def all_of(self, event):
        async with self.store.read() as unit:
            return await registrations.of_event(unit, event.id)

    async def states(self, event):
        """Chat -> how it stands."""
        rows = await self.all_of(event)
        found = {}
        for who in self.there:
            person = await self.person(who)
            found |= {who: row.state for row in rows if person and row.person_id == person.id}
        return found

    async def tick(self):
        """Whatever is due now: (who was told, which sentences)."""
        before = len(self.letters)
        await self.clock.tick()
        who = [int(address) if address.isdecimal() else address for address in (letter.address.address for letter in self.letters[before:])]
        return [(each, [part[0] for part in letter.content["parts"]]) for each, letter in zip(who, self.letters[before:], strict=True)]

    async def pass_(self, **delta):
        """Time goes by; everything that becomes due on the way is done in its minute or soon after."""
        end, heard = self.time() + timedelta(**delta), []
        while self.time() < end:
            async with self.store.read() as unit:
                upcoming = [each.next_at for each in await events.newest(unit, 100) if each.next_at]
            at = min([each for each in upcoming if each > self.time()], default=end)
            self.time.now = min(max(at, self.time()), end)
            heard += [(self.time(), *each) for each in await self.tick()]
            if self.time() < end and not upcoming:
                self.time.now = end
        return heard

    def words_to(self, who, since=0):
        return [word(letter, self.words) for letter in self.letters[since:] if letter.address.address == str(who)]

    def buttons(self, who):
        """Of the last letter that has any of its own: label -> data."""
        for outgoing in reversed(self.words_to(who)):
            found = {choice.label: choice.data for row in outgoing.rows for choice in row if choice.data.startswith("c:")}
            if found:
                return found
        return {}
