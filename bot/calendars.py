r"""Events as calendars know them (RFC 5545): a file for one, feeds of many, the files of others read; and a QR code. Pure: no clock, no database.

The standard library is enough here, and better: icalendar 7.3 writes Berlin's spring change an hour late, writes changes as RDATE, which
Outlook ignores, and turns the title C:\Nord into two lines. Tests read what is written with it and with vobject."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from io import BytesIO
from itertools import groupby, pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from bot.messages import clean
from storage.records import Event, moment

Told = tuple[Event, str, str]  # an event, its title and its text, in one language

MOST_BYTES = 2_000_000  # of a calendar that is read; 500 events with long texts fit
MOST_EVENTS = 500  # of a calendar that is read: somebody has to look through them
LONGEST_TITLE, LONGEST_ABOUT, LONGEST_PLACE = 200, 3_000, 300  # characters, as they are stored
FRESH_FOR = "PT6H"  # how long a calendar may show a feed before it asks again


def in_zone(event: Event, zone: str) -> datetime:
    """When it starts, in this IANA zone."""
    return event.starts_at.astimezone(ZoneInfo(zone))


# What we write


def calendar_file(event: Event, title: str, about: str, *, now: datetime, organiser: str = "", url: str = "") -> str:
    """A calendar file with this event, and how to join it nowhere. A cancelled event makes a file that cancels."""
    method = "CANCEL" if event.state == "cancelled" else "PUBLISH"
    return _written([f"METHOD:{method}", *_zones([event]), *_happening(event, title, about, now, organiser or event.organiser, url)])


def feed(events: Sequence[Told], *, name: str, now: datetime, address: Callable[[Event], str]) -> str:
    """A calendar to subscribe to. `address`: of an event's own page."""
    called = [f"NAME:{_escaped(name)}", f"X-WR-CALNAME:{_escaped(name)}", f"REFRESH-INTERVAL;VALUE=DURATION:{FRESH_FOR}", f"X-PUBLISHED-TTL:{FRESH_FOR}"]
    happenings = (line for event, title, about in events for line in _happening(event, title, about, now, event.organiser, address(event)))
    return _written(["METHOD:PUBLISH", *called, *_zones([event for event, *_ in events]), *happenings])


def json_feed(events: Sequence[Told], *, name: str, now: datetime, address: Callable[[Event], str], languages: Collection[str]) -> dict[str, Any]:
    """The same for websites. `languages`: in which the feed can be had. Whether there is a seat is said, and never how many there are."""
    return {
        "version": 1,
        "title": name,
        "updated": now.astimezone(UTC).isoformat(timespec="seconds"),
        "languages": list(languages),
        "items": [_item(event, title, about, address(event)) for event, title, about in events],
    }


def _item(event: Event, title: str, about: str, url: str) -> dict[str, Any]:
    zone = ZoneInfo(event.zone)
    return {
        "id": str(event.id),
        "code": event.code,
        "url": url,
        "title": title,
        "about": about,
        "language": event.language,
        "interpretation": list(event.interpretation),
        "starts": event.starts_at.astimezone(zone).isoformat(),
        "ends": event.ends_at.astimezone(zone).isoformat(),
        "zone": event.zone,
        "place": event.place,
        "online": not event.place,
        "cost": event.cost,
        "free": not event.cost,
        "places": "open" if event.capacity is None else "free" if event.taken < event.capacity else "waiting-list",
        "organiser": event.organiser,
        "cancelled": event.state == "cancelled",
    }


def _written(lines: Sequence[str]) -> str:
    every = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Frontdoor//Frontdoor//EN", "CALSCALE:GREGORIAN", *lines, "END:VCALENDAR"]
    return "".join(f"{_folded(line)}\r\n" for line in every)


def _happening(event: Event, title: str, about: str, now: datetime, organiser: str, url: str) -> list[str]:
    texts = {"SUMMARY": title, "DESCRIPTION": about, "LOCATION": event.place, "CONTACT": organiser}  # an ORGANIZER needs an e-mail address
    starts, ends = event.starts_at, event.ends_at
    return [
        "BEGIN:VEVENT",
        f"UID:{event.id}@frontdoor",
        f"DTSTAMP:{_utc(now)}",
        f"LAST-MODIFIED:{_utc(now)}",
        f"SEQUENCE:{event.sequence}",
        f"DTSTART{_time(starts, event.zone)}",
        *([f"DTEND{_time(ends, event.zone)}"] if ends > starts else []),  # an hour that daylight saving skips may turn them round
        *(f"{key}:{_escaped(text)}" for key, text in texts.items() if text),
        f"STATUS:{'CANCELLED' if event.state == 'cancelled' else 'CONFIRMED'}",
        *([f"URL:{''.join(_NEVER.sub('', url).split())}"] if url else []),
        "END:VEVENT",
    ]


def _time(at: datetime, zone: str) -> str:
    """A moment as a property's rest. In local time, as what counts; a skipped hour is written as the one after it, which every calendar understands."""
    return f":{_utc(at)}" if zone in _UTC else f";TZID={zone}:{_local(at.astimezone(ZoneInfo(zone)))}"


def _utc(at: datetime) -> str:
    return f"{_local(at.astimezone(UTC))}Z"


def _local(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S}"


def _escaped(text: str) -> str:
    text = _NEVER.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> str:
    """At most 75 bytes a line, and no character torn apart."""
    whole = line.encode()
    pieces, start, room = [], 0, 75
    while len(whole) - start > room:
        end = start + room
        while whole[end] & 0xC0 == 0x80:  # in the midst of a character
            end -= 1
        pieces.append(whole[start:end].decode())
        start, room = end, 74  # the blank that goes before counts
    return "\r\n ".join([*pieces, whole[start:].decode()])


_NEVER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")  # one of them, and a calendar refuses the whole feed
_UTC = frozenset("UTC UCT Zulu Universal Etc/UTC Etc/UCT Etc/Zulu Etc/Universal".split())


# Time zones as we write them


@dataclass(frozen=True, slots=True)
class _Change:
    """Clocks are changed. `at`: local, by the clock as it was before; that is how VTIMEZONE counts."""

    at: datetime
    before: timedelta
    after: timedelta
    name: str  # afterwards

    @property
    def kind(self) -> tuple[Any, ...]:
        """Equal for changes that may follow one rule."""
        return self.after > self.before, self.before, self.after, self.name, self.at.month, self.at.weekday(), self.at.time()


def _zones(events: Sequence[Event]) -> Iterator[str]:
    """What these zones' clocks do in the years of these events, each zone once."""
    years: dict[str, set[int]] = {}
    for event in events:
        if event.zone not in _UTC:
            years.setdefault(event.zone, set()).update((event.begins.year, event.ends.year))
    for zone, each in sorted(years.items()):
        yield from _zone(zone, min(each), max(each))


@lru_cache(maxsize=1024)  # a few milliseconds each; a feed of the whole world has 600
def _zone(zone: str, first: int, last: int) -> tuple[str, ...]:
    """A VTIMEZONE that is right in these years. By yearly rules if there are any, because Outlook reads nothing else."""
    changes = _changes(zone, first - 1, last + 1)
    kinds = [list(same) for _, same in groupby(sorted(changes, key=lambda change: (change.kind, change.at)), key=lambda change: change.kind)]
    rules = [_rule(same, last - first + 3) for same in kinds]
    if changes and all(rules):
        parts = [_observance(same[0], rule) for same, rule in zip(kinds, rules, strict=True)]
    else:
        start = datetime(first - 1, 1, 1, tzinfo=ZoneInfo(zone))
        parts = [_observance(each) for each in [_Change(start.replace(tzinfo=None), _offset(start), _offset(start), start.tzname() or ""), *changes]]
    return "BEGIN:VTIMEZONE", f"TZID:{zone}", *(line for part in parts for line in part), "END:VTIMEZONE"


def _changes(zone: str, first: int, last: int) -> list[_Change]:
    """All from the first day of the one year to the last of the other."""
    info, found = ZoneInfo(zone), []
    days = [datetime(first, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range((last - first + 1) * 366)]
    for earlier, later in pairwise(days):
        before, after = _offset(earlier.astimezone(info)), _offset(later.astimezone(info))
        if before == after:
            continue
        low, high = 0, 24 * 3600  # seconds after `earlier`; nowhere are clocks changed twice a day
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset((earlier + timedelta(seconds=middle)).astimezone(info)) == before else (low, middle)
        at = earlier + timedelta(seconds=high)
        found.append(_Change((at + before).replace(tzinfo=None), before, after, at.astimezone(info).tzname() or ""))
    return [change for change in found if change.at.year <= last]


def _rule(same: Sequence[_Change], years: int) -> str:
    """As in "the last Sunday of March", if that holds once in every one of so many years; else ""."""
    if len(same) != years or len({change.at.year for change in same}) != years:
        return ""
    weeks = {(change.at.day + 6) // 7 for change in same}
    if all((change.at + timedelta(days=7)).month != change.at.month for change in same):
        week = -1
    elif len(weeks) == 1:
        week = weeks.pop()
    else:
        return ""
    return f"RRULE:FREQ=YEARLY;BYMONTH={same[0].at.month};BYDAY={week}{_DAYS[same[0].at.weekday()]}"


def _observance(change: _Change, rule: str = "") -> list[str]:
    kind = "DAYLIGHT" if change.after > change.before else "STANDARD"  # by the clock, as everybody says it; in law, Ireland's winter is the exception
    about = [f"DTSTART:{_local(change.at)}", f"TZOFFSETFROM:{_hours(change.before)}", f"TZOFFSETTO:{_hours(change.after)}"]
    return [f"BEGIN:{kind}", *about, *([f"TZNAME:{change.name}"] if change.name else []), *([rule] if rule else []), f"END:{kind}"]


def _offset(at: datetime) -> timedelta:
    return at.utcoffset() or timedelta()


def _hours(offset: timedelta) -> str:
    minutes = round(abs(offset).total_seconds() / 60)
    return f"{'-' if offset < timedelta() else '+'}{minutes // 60:02}{minutes % 60:02}"


_DAYS = "MO TU WE TH FR SA SU".split()


# What we read


@dataclass(frozen=True, slots=True)
class Read:
    """An event from somebody's calendar."""

    uid: str  # theirs; "": none
    begins: datetime  # local, without a zone, as in Event
    ends: datetime
    zone: str  # IANA
    title: str
    about: str
    place: str
    link: str = field(repr=False)  # an address to join it, or its page: nobody can tell, so it is kept like the one to join
    cancelled: bool
    sequence: int


class _Refused(Exception):
    """What is wrong with an event and what to do about it, as the rest of a sentence."""


@dataclass(frozen=True, slots=True)
class _Property:
    value: str
    zone: str = ""  # as the file calls it


@dataclass(slots=True)
class _Part:
    """A component of a file: of every line that we want the first, and of those with links to join all."""

    line: int
    whole: bool = False
    properties: dict[str, list[_Property]] = field(default_factory=dict)

    def first(self, name: str) -> _Property:
        return self.properties.get(name, [_Property("")])[0]


def read_calendar(content: bytes, *, zone: str) -> tuple[list[Read], list[str]]:
    """The events of a calendar file, and a sentence for whatever can't be read. `zone`: of times that have none of their own, and the one
    that UTC is told in. Raises nothing that `content` could cause."""
    if problem := _unreadable(content):
        return [], [problem]
    calendar, zones, events = _parts(content)
    if not events:
        return [], ["There are no events in this calendar; export it again with its events."]
    if len(events) > MOST_EVENTS:
        return [], [f"There are {len(events)} events in this calendar, and at most {MOST_EVENTS} are read; export fewer, as of one year."]
    cancels = calendar.first("METHOD").value.strip().upper() == "CANCEL"
    known = {each.first("TZID").value.strip(): each.first("X-LIC-LOCATION").value.strip() for each in zones}
    found, problems = list[Read](), list[str]()
    for event in events:
        try:
            found.append(_read(event, known, zone, cancels=cancels))
        except _Refused as refused:
            problems.append(f"{_called(event)} {refused}")
        except Exception:  # noqa: BLE001 - whatever a hostile file thinks up costs one event, not the others
            problems.append(f"{_called(event)} can't be read; write it by hand.")
    return _without_doubles(found, problems), problems


def _unreadable(content: bytes) -> str:
    """Why this is no calendar at all, or ""."""
    if len(content) > MOST_BYTES:
        return f"This file has more than {MOST_BYTES // 1_000_000} MB; export fewer events, as of one year."
    if not content.strip(b"\xef\xbb\xbf \t\r\n\0"):
        return "This file is empty; export the calendar again."
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return "This is a web page, not a calendar; save the file that its link leads to, which ends in .ics."
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "This file is not written in UTF-8; export the calendar again, or save it as UTF-8."
    if not re.search(rb"(?:^|[\r\n])[ \t]*BEGIN:VCALENDAR", content[:10_000].removeprefix(b"\xef\xbb\xbf"), re.IGNORECASE):
        return "This is not a calendar file: it does not begin with BEGIN:VCALENDAR; export the calendar as iCalendar, which ends in .ics."
    for number, line in _lines(content):
        try:
            line.decode()
        except UnicodeDecodeError:
            return f"Line {number} is not written in UTF-8; export the calendar again, or save it as UTF-8."
    return ""


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Numbered, and whole again where they were folded. As bytes, because some programs fold in the midst of a character."""
    number, pieces = 1, list[bytes]()
    for at, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        if line[:1] in {b" ", b"\t"}:
            pieces.append(line[1:])
        elif line:
            yield number, b"".join(pieces)
            number, pieces = at, [line]
    yield number, b"".join(pieces)


def _parts(content: bytes) -> tuple[_Part, list[_Part], list[_Part]]:
    """The calendar's own lines, its zones and its events; of alarms and all the rest, nothing."""
    calendar = now = _Part(1)
    found: dict[str, list[_Part]] = {"VTIMEZONE": [], "VEVENT": []}
    inside = ""  # something that we do not want
    for number, raw in _lines(content):
        line = raw[:LONGEST_LINE].decode("utf-8", "ignore")
        key, _, name = line.strip().upper().partition(":")
        if key == "BEGIN" and name in found:
            now, inside = _Part(number), ""
            found[name].append(now)
        elif key == "END" and (name in found or name == "VCALENDAR"):
            now.whole = now.whole or name == "VEVENT"
            now, inside = calendar, ""
        elif key == "BEGIN" and name != "VCALENDAR":
            inside = inside or name
        elif key == "END" and name == inside:
            inside = ""
        elif not inside and (property_ := _property(line)):
            kept = now.properties.setdefault(property_[0], [])
            if not kept or property_[0] in {"CONFERENCE", "X"}:
                kept.append(property_[1])
    return calendar, found["VTIMEZONE"], found["VEVENT"]


LONGEST_LINE = 30_000  # characters: of a longer text nobody keeps the rest


def _property(line: str) -> tuple[str, _Property] | None:
    """Name and value, if it is one that we want. All the names under which programs hide links are X."""
    match = _LINE.fullmatch(line)
    if not match:
        return None
    name = match[1].upper()
    if _JOIN.fullmatch(name):
        name = "X"
    elif name not in _WANTED:
        return None
    if name in {"DTSTART", "DTEND"}:  # a time has no colon, but Outlook's zones do, and not everybody puts them in quotation marks
        head, _, value = line.rpartition(":")
        zone = _TZID.search(head)
        return name, _Property(value, (zone[1] or zone[2]).strip() if zone else "")
    return name, _Property(_ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], match[3]))


_LINE = re.compile(r'\s*([A-Za-z0-9-]+)\s*((?:;(?:[^:"]|"[^"]*")*+)?):(.*)', re.DOTALL)
_TZID = re.compile(r';\s*TZID\s*=\s*(?:"([^"]*)"|([^;"]*))', re.IGNORECASE)
_ESCAPED = re.compile(r"\\([\\,;:nN])")
_WANTED = frozenset(
    "METHOD TZID X-LIC-LOCATION UID DTSTART DTEND DURATION RRULE RDATE RECURRENCE-ID SUMMARY DESCRIPTION LOCATION URL CONFERENCE STATUS SEQUENCE".split()
)
_JOIN = re.compile(r"X-[A-Z0-9-]*(?:CONFERENCE|MEETING|JOIN|ZOOM|TEAMS|WEBEX|SKYPE)[A-Z0-9-]*")


def _called(event: _Part) -> str:
    """How a sentence about it begins."""
    title = " ".join(clean(event.first("SUMMARY").value).split())
    short = title if len(title) <= 60 else f"{title[:59]}…"
    return f"“{short}” (line {event.line})" if short else f"The event in line {event.line}"


def _read(event: _Part, known: Mapping[str, str], zone: str, *, cancels: bool) -> Read:
    """Raises _Refused."""
    if not event.whole:
        raise _Refused("has no end: something is missing in the file; export the calendar again.")
    _refuse_series(event)
    title = " ".join(clean(event.first("SUMMARY").value).split())[:LONGEST_TITLE].rstrip()
    if not title:
        raise _Refused("has no title (SUMMARY); give it one.")
    starts, zone = _starts(event, known, zone)
    ends = _ends(event, known, starts, zone)
    begins, finishes = (at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) for at in (starts, ends))
    if (moment(begins, zone), moment(finishes, zone)) != (starts, ends):  # in the hour that comes twice, the second time: no local time says so
        begins, finishes, zone = starts.replace(tzinfo=None), ends.replace(tzinfo=None), "UTC"
    link, about, place = _links(event)
    sequence = event.first("SEQUENCE").value.strip()
    return Read(
        uid=clean(event.first("UID").value)[:255],
        begins=begins,
        ends=finishes,
        zone=zone,
        title=title,
        about=clean(about)[:LONGEST_ABOUT].rstrip(),
        place=place,
        link=link,
        cancelled=cancels or event.first("STATUS").value.strip().upper() == "CANCELLED",
        sequence=int(sequence) if re.fullmatch(r"[0-9]{1,9}", sequence) else 0,
    )


def _refuse_series(event: _Part) -> None:
    """Raises _Refused."""
    rule = event.first("RRULE").value
    if event.properties.keys() & {"RDATE", "RECURRENCE-ID"} or (rule and "COUNT=1" not in rule.upper().replace(" ", "").split(";")):
        raise _Refused("is one of a series; write its dates one by one, each as an event of its own.")


def _starts(event: _Part, known: Mapping[str, str], zone: str) -> tuple[datetime, str]:
    """The moment in UTC, and the zone that it was told in. Raises _Refused."""
    written = event.first("DTSTART")
    if not written.value.strip():
        raise _Refused("has no beginning (DTSTART); give it a day and a time.")
    return _moment(written, known, zone, "beginning")


def _ends(event: _Part, known: Mapping[str, str], starts: datetime, zone: str) -> datetime:
    """In UTC; an hour later if the file does not say. Raises _Refused."""
    if (written := event.first("DTEND")).value.strip():
        ends = _moment(written, known, zone, "end")[0]
    elif (length := event.first("DURATION").value.strip()) and (match := _LENGTH.fullmatch(length.upper())):
        weeks, days, hours, minutes, seconds = (int(each or 0) for each in match.groups()[1:])
        ends = starts + (-1 if match[1] == "-" else 1) * timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    elif length:
        raise _Refused(f"has a length that can't be read, “{clean(length)[:40]}”; write it as in PT1H30M.")
    else:
        ends = starts
    if ends < starts:
        raise _Refused("ends before it begins; correct one of them.")
    return ends if ends > starts else starts + timedelta(hours=1)


_LENGTH = re.compile(r"([+-]?)P(?:(\d{1,3})W)?(?:(\d{1,3})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?", re.ASCII)  # at most some years


def _moment(written: _Property, known: Mapping[str, str], zone: str, what: str) -> tuple[datetime, str]:
    """In UTC, and the zone that it was told in. `zone`: of a time without any. Raises _Refused."""
    value = written.value.strip().upper()
    match = _TIME.fullmatch(value)
    if match and not match[4]:
        raise _Refused(f"has a day as its {what}, but no time; give it one.")
    try:
        local = datetime(*(int(each or 0) for each in match.groups()[:6]))  # type: ignore[arg-type, union-attr]  # noqa: DTZ001 - local
    except (AttributeError, ValueError):
        raise _Refused(f"has a time as its {what} that can't be read, “{clean(value)[:40]}”; write it as in 20270314T130000.") from None
    if not 1970 <= local.year <= 2199:  # what databases and calendars can do
        raise _Refused(f"has its {what} in the year {local.year}; correct it.")
    own = "UTC" if match and match[7] else _zone_of(written.zone, known) if written.zone else zone
    if not own:
        raise _Refused(f"is in a time zone that is not known here, “{clean(written.zone)[:60]}”; write it as in Europe/Berlin.")
    return moment(local, own), zone if own in _UTC else own


_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z?))?", re.ASCII)


def _zone_of(name: str, known: Mapping[str, str]) -> str:
    """The IANA name of what a file calls a zone: IANA's (with a prefix, as Evolution's), Windows', Outlook's; or what the file says of it; else ""."""
    from babel.core import get_global  # noqa: PLC0415 - CLDR's windowsZones, for the files of others only

    for each in (name, known.get(name, "")):
        tail = "/".join(each.split("/")[-2:])
        for candidate in (each, tail, "/".join(each.split("/")[-3:])):
            if found := _iana().get(candidate.casefold()):
                return found
        windows: Mapping[str, str] = get_global("windows_zone_mapping")
        if found := windows.get(re.sub(r"\s+\d+$", "", each)):  # Outlook numbers those of which a file has several
            return found
    return _zone_of_outlook(name)


@cache
def _iana() -> dict[str, str]:
    """Names as everybody writes them, by how they are typed."""
    return {name.casefold(): name for name in available_timezones() - {"localtime", "Factory"}}


def _zone_of_outlook(name: str) -> str:
    """As in "(UTC+01:00) Amsterdam, Berlin, Bern, Rome", in any language: by the first city that has this offset in winter; else ""."""
    match = re.fullmatch(r"\((?:UTC|GMT)(?:([+-])(\d\d)[:.](\d\d))?\)\s*(.+)", name)
    if not match:
        return "UTC" if name.casefold() == "tzone://microsoft/utc" else ""
    if match[4] in _AMERICAN:
        return f"America/{_AMERICAN[match[4]]}"
    offset = timedelta(hours=int(match[2] or 0), minutes=int(match[3] or 0)) * (-1 if match[1] == "-" else 1)
    for city in match[4].split(",")[:20]:
        ending = f"/{city.strip().casefold().replace(' ', '_')}"
        for key, zone in _iana().items():
            if key.endswith(ending) and offset in {_offset(datetime(2025, month, 1, tzinfo=ZoneInfo(zone))) for month in (1, 7)}:
                return zone
    return ""


_AMERICAN = {
    "Eastern Time (US & Canada)": "New_York",
    "Central Time (US & Canada)": "Chicago",
    "Mountain Time (US & Canada)": "Denver",
    "Pacific Time (US & Canada)": "Los_Angeles",
}


def _links(event: _Part) -> tuple[str, str, str]:
    """The link, and text and place without it: what joins a meeting stands in all three, and must not be read by everybody."""
    place = event.first("LOCATION").value
    sources = [*(each.value for name in ("CONFERENCE", "X") for each in event.properties.get(name, [])), place, event.first("URL").value]
    links = [match[0].rstrip(".,;:)") for source in sources if (match := _LINK.search(source))]
    roots = tuple(link.partition("?")[0] for link in links)  # with another password behind it, it is still the same meeting
    about = _LINK.sub(lambda match: "" if match[0].startswith(roots) else match[0], event.first("DESCRIPTION").value)
    place = ", ".join(clean(_LINK.sub("", place)).split("\n")).strip(" ,;:-()<>|")[:LONGEST_PLACE].rstrip()
    link = clean(links[0]) if links else ""
    return (link if len(link) <= LONGEST_LINK else ""), about, ("" if place.casefold() in _ONLINE else place)


LONGEST_LINK = 2_000  # characters; browsers take no more for sure
_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_ONLINE = frozenset(
    {"online", "zoom", "zoom meeting", "google meet", "microsoft teams", "microsoft teams meeting", "microsoft teams-besprechung", "webex", "jitsi"}
)


def _without_doubles(events: Sequence[Read], problems: list[str]) -> list[Read]:
    """Of those with the same UID, the latest version; the others are added to `problems`."""
    latest: dict[object, Read] = {}
    for at, event in enumerate(events):
        key = event.uid or at
        if key in latest:
            problems.append(f"“{event.title}” is there twice, with the same UID; the version with the higher SEQUENCE was read.")
        if key not in latest or event.sequence > latest[key].sequence:
            latest[key] = event
    return list(latest.values())


# On paper


def qr_picture(text: str) -> bytes:
    """A JPEG of its QR code, about 600 pixels wide, with the white margin that cameras need. Raises ValueError if the text is too long for one."""
    import segno  # noqa: PLC0415 - for whoever asks for a picture
    from PIL import Image  # noqa: PLC0415 - the same

    code = segno.make(text, error="m", micro=False)
    rows = [bytes(0 if dark else 255 for dark in row) for row in code.matrix_iter(border=4)]
    side = len(rows)
    out = BytesIO()
    Image.frombytes("L", (side, side), b"".join(rows)).resize((side * -(-600 // side),) * 2, Image.Resampling.NEAREST).save(out, "JPEG", quality=85)
    return out.getvalue()
