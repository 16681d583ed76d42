"""What comes back from the store, and what goes in: plain, frozen, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


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
    """Words that are to be translated, and whose they are, or about whom (`person/ID`, `chat/ID`)."""

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
