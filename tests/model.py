"""What signing up should come to, in as few lines as possible: lists and loops, no database, no locks. Real runs are held against it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Guest:
    """One registration: `state` as in storage.records.Registration; `place` in the order of asking."""

    who: int
    state: str
    place: int
    until: datetime | None = None
    told: list[str] = field(default_factory=list)  # offer, expired, link, reminder, feedback


class Model:
    """One event. `until(now)`: how long a seat that becomes free now is held."""

    def __init__(self, capacity, starts, until):
        self.capacity, self.starts, self.until = capacity, starts, until
        self.guests, self.asked = {}, 0

    def those(self, *states):
        return sorted((each for each in self.guests.values() if each.state in states), key=lambda each: each.place)

    def free(self):
        return self.capacity - len(self.those("confirmed", "offered"))

    def settle(self, now):
        """Offers whose time is over end; free seats are offered to whoever waits first."""
        for guest in self.those("offered"):
            if guest.until <= now:
                guest.state, guest.until = "expired", None
                guest.told.append("expired")
        for guest in self.those("waiting"):
            if self.free() > 0 and (self.starts - now).total_seconds() >= 900:
                guest.state, guest.until = "offered", self.until(now)
                guest.told.append("offer")

    def sign_up(self, who, now):
        guest = self.guests.get(who)
        if now >= self.starts or (guest and guest.state in {"confirmed", "waiting"}):
            return None
        if guest and guest.state == "offered":
            return self.take(who, now)
        self.asked += 1
        guest = self.guests.setdefault(who, Guest(who, "", 0))
        guest.state, guest.place = ("confirmed" if self.free() > 0 else "waiting"), self.asked
        self.settle(now)
        return None

    def take(self, who, now):
        guest = self.guests.get(who)
        if guest and guest.state == "offered" and guest.until > now:
            guest.state, guest.until = "confirmed", None
        if guest and guest.state != "confirmed":
            self.settle(now)

    def cancel(self, who, now):
        guest = self.guests.get(who)
        if guest and guest.state in {"confirmed", "offered", "waiting"} and now < self.starts:
            guest.state, guest.until = "cancelled", None
            self.settle(now)

    def widen(self, capacity, now):
        if capacity >= len(self.those("confirmed", "offered")):
            self.capacity = capacity
            self.settle(now)

    def states(self):
        return {who: guest.state for who, guest in self.guests.items()}
