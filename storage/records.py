"""What comes back from the store, and what goes in: plain, frozen, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Address:
    """Where a chat is: a channel, and how that channel calls it."""

    channel: str
    address: str


@dataclass(frozen=True, slots=True)
class Chat:
    id: int
    channel: str
    address: str
    language: str
    person_id: UUID | None
    state: Mapping[str, Any] | None  # None: a new chat
    turn: int
    unreachable: str | None
    staff_id: UUID | None = None  # who helps from here
    organisation_id: UUID | None = None  # for which whoever speaks here speaks
    stands_at: str = ""  # the pending question; "": at rest

    @property
    def reading(self) -> Mapping[str, str]:
        """How whoever speaks here reads, beside the language."""
        reading: Mapping[str, str] = (self.state or {}).get("reading", {})
        return reading


@dataclass(frozen=True, slots=True)
class AnswerRow:
    question: str
    round: str
    kind: str
    code: str | None  # of a coded answer
    content: Mapping[str, Any]  # value, words, label
    language: str
    version: int
    at: datetime
    given_by: str = "person"


@dataclass(frozen=True, slots=True)
class ConsentRow:
    purpose: str
    version: int
    verdict: str
    text_hash: str
    language: str
    channel: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    id: UUID
    number: int
    created_at: datetime
    finished_at: datetime | None = None
    answers: Mapping[tuple[str, str], AnswerRow] = field(default_factory=dict)  # by question and round
    consents: tuple[ConsentRow, ...] = ()  # oldest first
    paused_at: datetime | None = None  # silent for so long that nobody is shown to others
    asked_at: datetime | None = None  # when "still looking?" was asked
    reminded: frozenset[str] = frozenset()  # dialogs left half-way that were recalled once
    quiet: frozenset[str] = frozenset()  # reminders that they want no more


@dataclass(frozen=True, slots=True)
class Organisation:
    """A business or a network partner; its answers are its own, whoever of its members gave them."""

    id: UUID
    number: int
    members: frozenset[UUID] = frozenset()
    answers: Mapping[tuple[str, str], AnswerRow] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Staff:
    """Somebody who helps. `rank`: viewer, coordinator, admin."""

    id: UUID
    name: str
    rank: str
    created_at: datetime
    removed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Audited:
    """A line of the audit log."""

    at: datetime
    staff_id: UUID | None
    action: str
    subject: UUID | None
    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """What a member of staff wrote down about somebody."""

    at: datetime
    staff_id: UUID
    text: str


@dataclass(frozen=True, slots=True)
class KeptFile:
    """What somebody sent as the answer to a question, cleaned."""

    id: UUID
    question: str
    round: str
    kind: str  # photo
    content: bytes = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True)
class Seat:
    """A profile of a chat that does not speak just now, and where it stands."""

    person_id: UUID
    organisation_id: UUID | None
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody asked for a human being."""

    id: int
    chat_id: int | None  # none: that chat is over
    person_id: UUID | None
    staff_id: UUID | None  # who took it
    wish: str  # write, phone
    opened_at: datetime
    answered_at: datetime | None = None  # the first answer
    told_at: datetime | None = None  # that nobody has answered yet
    closed_at: datetime | None = None
    waits: tuple[int, datetime] | None = None  # the oldest line without an answer, and since when; filled by those who ask for it


@dataclass(frozen=True, slots=True)
class CallLine:
    """What was written in a call; `content` has `words`, or the `phone` number to call."""

    id: int
    staff_id: UUID | None  # none: the person
    language: str
    content: Mapping[str, str]
    at: datetime


@dataclass(frozen=True, slots=True)
class Letter:
    """A row of the outbox, with all that delivery needs. `tries`: how often it was sent in vain, in this process."""

    id: int
    chat_id: int | None
    address: Address
    language: str
    content: Mapping[str, Any]
    due_at: datetime
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Submission:
    """Answers to a form that were handed in without a name; `day` is a date."""

    id: UUID
    form: str
    version: int
    language: str
    day: str
    filled: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Event:
    """A happening that people sign up for. What counts is its local time; the moments follow from it, and are kept to be searched by."""

    id: UUID
    code: str  # as people type it, and links name it
    begins: datetime  # local, without a zone: so it stays right whatever becomes of daylight saving
    ends: datetime
    zone: str  # IANA
    state: str = "draft"  # draft, published, cancelled
    place: str = ""  # "": online
    link: str = field(default="", repr=False)  # to join; only confirmed people may ever see it
    link_days: int = 2  # how long before it is sent
    language: str = "en"  # spoken there
    interpretation: tuple[str, ...] = ()  # languages for which an interpreter is there
    capacity: int | None = None  # seats; None: as many as come
    taken: int = 0  # seats of those who are confirmed or hold an offer
    shrink_to: int | None = None  # the capacity that staff want, when more seats were given already
    opens_at: datetime | None = None  # for signing up
    closes_at: datetime | None = None
    roles: tuple[str, ...] = ()  # who it is for; (): everybody
    regions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    asks: tuple[str, ...] = ("name",)  # of who signs up: name, interpreter, seats, access
    form: str = ""  # a questionnaire (the command of a form) that is offered after signing up
    reminders: tuple[int, ...] = (7 * 24 * 60, 24 * 60, 60)  # minutes before
    offer_hours: int = 24  # so long a freed seat is held
    cost: str = ""  # "": free
    organiser: str = ""
    listed: bool = True  # for everybody to see, in the feeds too
    series: UUID | None = None  # events of one series share their texts
    threshold: int = 5  # so many who want an interpreter make it worth telling staff
    warned: tuple[str, ...] = ()  # the languages of which they were told
    spoken: str = ""  # a code that is said aloud there: who types it was there
    sequence: int = 0  # of its calendar file; raised by whatever calendars show
    run_until: datetime | None = None  # everything that was due by then is done
    next_at: datetime | None = None  # when something is due again
    staff_id: UUID | None = None  # who made it
    created_at: datetime | None = None

    @property
    def starts_at(self) -> datetime:
        return moment(self.begins, self.zone)

    @property
    def ends_at(self) -> datetime:
        """After the start, whatever becomes of an hour that daylight saving skips."""
        ends = moment(self.ends, self.zone)
        return ends if ends > self.starts_at else self.starts_at + (self.ends - self.begins)

    @property
    def texts(self) -> UUID:
        """Under which its title and text are kept."""
        return self.series or self.id


def moment(local: datetime, zone: str) -> datetime:
    """A local time as a moment in UTC. An hour that daylight saving skips is the one after it; of one that comes twice, the first."""
    return local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class EventText:
    """What an event is called and about, in one language. `state`: original, human, machine (a draft that nobody has confirmed), outdated."""

    language: str
    title: str
    about: str
    state: str


@dataclass(frozen=True, slots=True)
class Registration:
    """That somebody signed up, and what became of it."""

    id: UUID
    event_id: UUID
    person_id: UUID | None  # None: nobody knows any more who it was
    chat_id: int | None  # where they did it
    state: str  # confirmed, waiting, offered, expired (an offer that was not taken), cancelled
    place: int = 0  # in the order of coming; who asks again comes last
    seats: int = 1
    language: str = "en"
    zone: str = ""  # theirs, if it is not the programme's
    interpreter: str = ""  # the language into which they want one
    role: str = ""
    region: str = ""
    offered_until: datetime | None = None
    created_at: datetime | None = None
    changed_at: datetime | None = None
    attended_at: datetime | None = None
    linked_at: datetime | None = None  # when they were given the link to join as it is now
    still_at: datetime | None = None  # when they said that they come, after a change
    was_there: bool | None = None  # as they say
    rating: int | None = None  # 1 to 5
    content: Mapping[str, str] = field(default_factory=dict, repr=False)  # name, access, words

    @property
    def holds(self) -> int:
        """Seats that nobody else can have."""
        return self.seats if self.state in {"confirmed", "offered"} else 0


@dataclass(frozen=True, slots=True)
class Draft:
    """A letter to be. `key` says what it is for, and is unique; without `chat` it carries its own address (a farewell)."""

    key: str
    content: Mapping[str, Any]
    chat: Chat | None = None
    address: Address | None = None
    language: str = ""
    due_at: datetime | None = None  # None: now
    held: bool = False  # until a machine has translated what is in it; `due_at` is when it goes out anyway


@dataclass(frozen=True, slots=True)
class Passage:
    """Words that are to be translated, and whose they are, or about whom (`person/ID`, `chat/ID`; `event/CODE` for everybody's)."""

    text: str
    from_: str
    to: str
    of: str


@dataclass(frozen=True, slots=True)
class Poison:
    """An update that can't be taken in: structure without strings, and the name of the error."""

    source: str
    key: str
    shape: Any = field(repr=False)
    error: str = ""
