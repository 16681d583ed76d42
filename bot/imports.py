"""`frontdoor events`: what is coming, and events of a calendar file that somebody downloaded. They come in as drafts, for staff to look at."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from bot.app import opened
from bot.calendars import Read, read_calendar
from bot.errors import FrontdoorError
from bot.settings import Settings
from storage import events
from storage.records import Event, EventText
from storage.store import Unit
from translations.catalogues import PLURALS


async def import_events(settings: Settings, path: Path, language: str) -> list[str]:
    """What became of each of them, a line each. The same file again changes drafts and leaves what was published. Raises FrontdoorError."""
    if language not in PLURALS:
        raise FrontdoorError(f"{language!r} is no language that is known here; there are {', '.join(sorted(PLURALS))}.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FrontdoorError(f"{path} can't be read ({error.strerror}).") from error
    async with opened(settings) as house:
        found, complaints = read_calendar(content, zone=house.programme.zone)
        done, lines = Counter[str](), list[str]()
        async with house.store.begin() as unit:
            for read in (each for each in found if not each.cancelled):
                what, code = await _keep(unit, read, language, house.programme.name)
                done[what] += 1
                lines.append(f"{code}  {read.begins:%Y-%m-%d %H:%M}  {what:9}  {read.title}")
    told = ", ".join(f"{number} {what}" for what, number in done.items()) or "none"
    return [*complaints, *lines, f"{path.name}: {told}. Drafts are published in the chat: /manage CODE. Look at them first: a link may stand in the text."]


async def _keep(unit: Unit, read: Read, language: str, organiser: str) -> tuple[str, str]:
    """What was done, and the code."""
    event_id = uuid5(NAMESPACE_URL, f"frontdoor/{read.uid or (read.title, read.begins)}")
    before = await events.find(unit, event_id, lock=True)
    if before and before.state != "draft":
        return "published", before.code
    new = Event(event_id, "", read.begins, read.ends, read.zone, place=read.place, link=read.link, language=language, organiser=organiser)
    event = await _again(unit, before, new) if before else await events.begin(unit, new, event_id)
    await events.write(unit, event.texts, [EventText(language, read.title, read.about, "original")])
    return ("changed" if before else "new"), event.code


async def _again(unit: Unit, before: Event, new: Event) -> Event:
    event = replace(before, begins=new.begins, ends=new.ends, zone=new.zone, place=new.place, link=new.link)
    await events.save(unit, event)
    return event


async def list_events(settings: Settings) -> list[str]:
    """What is coming and what is a draft, a line each."""
    async with opened(settings) as house, house.store.read() as unit:
        there = await events.newest(unit, 200)
        texts = await events.texts(unit, [each.texts for each in there])
        return [
            f"{each.code}  {each.begins:%Y-%m-%d %H:%M}  {each.state:9}  {each.taken:4}/{each.capacity or '-':<5}  {events.told(texts.get(each.texts, {}))[0]}"
            for each in there
        ] or ["There is no event yet. /newevent makes one in the chat, `frontdoor events import FILE` takes them from a calendar file."]
