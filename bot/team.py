"""`frontdoor staff`: the first admin comes in this way, everybody else by /staff."""

from __future__ import annotations

from bot.app import opened
from bot.effects import staff as helpers
from bot.effects.nouns import in_groups
from bot.errors import FrontdoorError
from bot.links import links_of
from bot.messages import clean
from bot.settings import Settings
from dialogs.model import RANKS
from storage import staff
from storage.store import undisturbed


async def invite(settings: Settings, name: str, rank: str, bot: str = "") -> list[str]:
    """A new member of staff: what to tell them. `bot`: its @username, if there is one. Raises FrontdoorError."""
    called = clean(name)[:60]
    if rank not in RANKS[1:]:
        raise FrontdoorError(f"{rank!r} is no rank; there are {', '.join(RANKS[1:])}.")
    if not called:
        raise FrontdoorError("Give --name, so that the team knows who it is.")

    async def write() -> str:
        async with house.store.begin() as unit:
            return (await helpers.invite(unit, called, rank))[1]

    async with opened(settings) as house:
        code = await undisturbed(write())
    doors = links_of(f"staff-{code}", bot, settings.public_url).values() if bot or settings.public_url else ()
    lasts = f"It works once, for {helpers.LASTS.days} days. Hand it to nobody else: whoever has it may do what {rank} staff may."
    return [f"{called} ({rank}): send the bot  /enter {in_groups(code)}", *(f"or open  {link}" for link in doors), lasts]


async def listed(settings: Settings) -> list[str]:
    """One line for each of them, in the order in which they came. Raises FrontdoorError."""
    async with opened(settings) as house, house.store.read() as unit:
        there = await staff.everybody(unit)
    zone = house.programme.timezone
    return [f"{each.rank:<12} {each.created_at.astimezone(zone):%Y-%m-%d}  {each.name}" for each in there] or [
        "Nobody yet: frontdoor staff invite --rank admin"
    ]
