"""What an effect may work with, and what it gives back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bot.letters import pack
from bot.settings import Programme
from dialogs.model import Scripts
from dialogs.nouns import Answer, Fact, Message, Question, Say
from storage.people import BY_STAFF
from storage.records import AnswerRow, Chat, Draft, Organisation, Person, Staff
from storage.store import Unit
from translations.words import Words


@dataclass(frozen=True, slots=True)
class Context:
    """What an effect, or a list of somebody's own, may work with."""

    unit: Unit
    chat: Chat
    person: Person | None
    organisation: Organisation | None  # for which they speak in this chat
    staff: Staff | None  # who helps from this chat
    scripts: Scripts
    words: Words
    programme: Programme
    write: Callable[[], Awaitable[None]]  # what the batch changed so far; before an effect looks at the tables, or empties them
    memo: Mapping[str, str]  # what was answered in the dialog that calls it
    dialog: str = ""  # its name
    language_of: Callable[[str, str], str] = lambda _, chosen: chosen  # of a text, by somebody who chose a language


@dataclass(frozen=True, slots=True)
class Desk:
    """What we may work with where no chat is at hand."""

    unit: Unit
    scripts: Scripts
    words: Words
    programme: Programme

    @classmethod
    def of(cls, context: Context) -> Desk:
        return cls(context.unit, context.scripts, context.words, context.programme)


@dataclass(frozen=True, slots=True)
class Moved:
    """A chat that is another person's from now on (or nobody's), or speaks for another organisation."""

    chat: Chat
    person: Person | None
    absorbed: bool = False  # who it was before is no more: their answers come along


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is said, and what became of the chat."""

    letters: tuple[Mapping[str, Any], ...] = ()
    code: str = ""  # how it went, for a script that asks (`when: ${found} = 'nobody'`)
    erased: bool = False
    scrub: bool = False  # something was erased, and the conversation goes on
    finished: bool = False  # the person's profile is complete
    moved: Moved | None = None
    parted: frozenset[int] = frozenset()  # other chats that are nobody's any more
    over: frozenset[int] = frozenset()  # other chats that are gone
    notices: tuple[Draft, ...] = ()  # to other chats
    person: Person | None = None  # as they are from now on, where the effect changed what is kept beside their answers
    forgotten: UUID | None = None  # who was erased, though the chat lives on
    handed_in: frozenset[Question] = frozenset()  # answers that are the person's no more
    changed: frozenset[UUID] = frozenset()  # people and organisations whose answers the effect changed itself
    ranks: frozenset[UUID] = frozenset()  # members of staff whose rank changed, or who are no more
    originals: bool = False  # what is said next is shown, this once, without what a machine translated


ABOUT = ("isco", "score")  # what is kept of an entry beside its code

Effect = Callable[[Context], Awaitable[Outcome]]
Chore = Callable[[Desk, str], Awaitable[Sequence[Draft]]]  # an act of our own that concerns no chat, and what it is about: what is said
Listing = Callable[[Context], Awaitable[Mapping[str, Fact] | tuple[str, ...]]]  # codes, with labels where nobody else knows them


def said(sentence: str, code: str = "", /, **facts: Fact) -> Outcome:
    """One sentence, and how it went."""
    return Outcome((pack(Message((Say(sentence, facts),))),), code)


def answer_of(row: AnswerRow) -> Answer:
    """The engine's noun for what the store kept."""
    about = {name: str(row.content[name]) for name in ABOUT if name in row.content}
    return Answer(row.kind, str(row.content.get("value", "")), str(row.content.get("words", "")), about)  # type: ignore[arg-type]  # reason: the store keeps what the engine said


def name_of(person: Person, scripts: Scripts) -> str:
    """How they want to be called; else their number."""
    names = (
        row
        for (question, _), row in sorted(person.answers.items())
        if row.kind == "given" and (step := scripts.question(question)) and step.class_ == "identity" and step.ask != "file"
    )
    return next((str(row.content.get("value", "")) for row in names), f"№ {person.number}")


def confirmed(person: Person) -> bool:
    """Did they agree themselves? What staff wrote down with them in the room they confirm on a phone of their own."""
    return any(row.channel != BY_STAFF for row in person.consents)


def is_filling(chat: Chat) -> bool:
    """Does somebody of the staff write here for somebody in the room?"""
    return bool((chat.state or {}).get("filling"))


def agreed(person: Person) -> bool:
    """Do they let us keep their answers? Who took that back is found by nobody."""
    newest = {row.purpose: row.verdict for row in person.consents}
    return newest.get("profile") == "given"


def in_groups(code: str) -> str:
    """A one-time code as it is read aloud: 123 456 789 012."""
    return " ".join(code[at : at + 3] for at in range(0, len(code), 3))


def private_questions(scripts: Scripts) -> set[str]:
    """Questions of an organisation's dialog that ask for something of the person who answers."""
    return {f"{dialog.dialog}.{step.id}" for dialog in scripts.values() if dialog.of == "organisation" for step in dialog.steps if step.class_ != "profile"}
