"""The nouns of a turn: what the engine is given, and what it gives back. All frozen, all plain, all ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self

# What may stand in a sentence's {placeholder}: a plain value, or a reference that is put into words at sending:
# {"say": sentence id}, {"from": source, "code": code}, {"list": [facts]}, {"pair": [fact, more facts]}, {"date": "2026-11-21"}, {"day": "2026-11-21"}, {"month": "2026-11"}.
Fact = str | int | Mapping[str, Any]
Facts = Mapping[str, Fact]


# ---- what a person did ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """Words that are no button's label and no command; cleaned by the channel boundary."""

    text: str
    found: tuple[str, ...] = ()  # codes of a long list whose labels hold these words


@dataclass(frozen=True, slots=True)
class Press:
    """A button of a question, pressed or typed."""

    prompt: int
    code: str


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    argument: str = ""
    brought: Mapping[str, str] = field(default_factory=dict)  # answers that came with a link: question id -> value


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact that was shared; `number` only if it is the sender's own."""

    number: str
    own: bool


@dataclass(frozen=True, slots=True)
class Location:
    """A place on the map that was shared, as "54.09 12.13"; it counts only where one was asked for."""

    point: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A sticker, a voice message, an edited message, ...: `kind` names it."""

    kind: str


@dataclass(frozen=True, slots=True)
class File:
    """Somebody sent a file; it stays where it is until the pending question is one that asks for it."""

    reference: str  # how the channel calls it
    size: int  # bytes, as the channel says


@dataclass(frozen=True, slots=True)
class Fetched:
    """The file that answers a question was fetched and cleaned, or could not be: `fault` says why."""

    prompt: int  # of the question that it answers
    file: str  # the id under which it is kept
    fault: str = ""  # one of FILE_FAULTS (dialogs/turn.py)


@dataclass(frozen=True, slots=True)
class Resume:
    """Nothing was said: who they are has changed, and the conversation goes on from there."""


Heard = Text | Press | Command | Contact | Location | Unreadable | File | Fetched | Resume


# ---- what is known of them --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    kind: Literal["given", "skipped", "declined", "unknown"]
    value: str = ""  # a code, codes with spaces between, a number, or the words themselves
    words: str = ""  # what was typed, where that differs from the value
    about: Mapping[str, str] = field(default_factory=dict)  # of an entry: its `isco` group, and how close the words came (`score`, 0 to 100)


@dataclass(frozen=True, slots=True)
class Consent:
    version: int
    given: bool


Question = tuple[str, str]  # question id (`newcomer.languages.level`), round of its group ("" outside, "1", "2", "2.1" in a group in a group)


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows of a person, and facts that conditions may use (`${channel}`)."""

    answers: Mapping[Question, Answer] = field(default_factory=dict)
    consents: Mapping[str, Consent] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)


# ---- where a conversation stands --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Frame:
    """One dialog under way. What interrupts it stands above it and gives way to it again."""

    dialog: str
    step: str = ""  # the pending question, or the outermost group that it is in; "" asks for whatever is open
    inner: str = ""  # inside a group: the question; the id of a group asks for another round of it
    rounds: tuple[int, ...] = ()  # of the groups around it, from the outermost on; of the group itself, where another is asked for
    begun: Mapping[str, int] = field(default_factory=dict)  # rounds that were asked for: group and the rounds around it -> how many
    prompt: int = 0  # the number on the pending question's buttons; 0: not asked yet
    offered: tuple[str, ...] = ()  # codes of the pending question, frozen when it was asked
    picked: tuple[str, ...] = ()  # toggled so far
    found: tuple[str, ...] = ()  # of a long list: what was searched for
    page: int = 0  # of a long list
    anew: bool = False  # it is asked though it has an answer (to be changed)
    warned: bool = False  # told that the text looks private; the same again is meant
    looking: str = ""  # a counted group that is looked through again, question by question
    looked_at: str = ""  # in it: the last one that was shown, and its round
    done: tuple[str, ...] = ()  # what was said or done
    memo: Mapping[str, str] = field(default_factory=dict)  # answers that go with the dialog
    words: str = ""  # in which an entry is searched for
    about: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # of what is offered: code -> what is known of it
    waiting: Mapping[str, Sequence[str]] = field(default_factory=dict)  # a search question -> what else was written there, and is searched for next


@dataclass(frozen=True, slots=True)
class State:
    """Where a chat stands: nothing that the engine needs is kept anywhere else."""

    language: str
    prompts: int = 0  # the last prompt number given
    passed: tuple[str, ...] = ()  # gates
    brought: Mapping[str, str] = field(default_factory=dict)  # answers that came with a link, until they may be kept
    frames: tuple[Frame, ...] = ()  # the last one is on top
    shared: bool = False  # others have profiles in this chat too
    filling: Mapping[str, str] = field(default_factory=dict)  # staff write for somebody in the room: `by` whom; then `language` and profile (`own`) of before
    reading: Mapping[str, str] = field(
        default_factory=dict
    )  # how they read: one more language (`second`), `digits`, `boxes` that their phone shows, their time `zone`
    heard: str = ""  # the other language in which their last message surely was; `offered`: they were asked whether to go on in it

    @property
    def stands_at(self) -> str:
        """The pending question, as `newcomer.town`; empty at rest, in the menu."""
        top = self.frames[-1] if self.frames else None
        return f"{top.dialog}.{top.step}" if top and top.step and top.dialog != "menu" else ""

    def to_json(self) -> dict[str, Any]:
        """Defaults left out: a state travels with every turn."""
        frames = [{key: value for key, blank in _BLANK.items() if (value := getattr(frame, key)) != blank} for frame in self.frames]
        brought = {"brought": dict(self.brought)} if self.brought else {}
        shared = {"shared": True} if self.shared else {}
        filling = {"filling": dict(self.filling)} if self.filling else {}
        reading = {"reading": dict(self.reading)} if self.reading else {}
        heard = {"heard": self.heard} if self.heard else {}
        return {"language": self.language, "prompts": self.prompts, "passed": self.passed, **brought, **shared, **filling, **reading, **heard, "frames": frames}

    def after(self, step: str, outcome: str) -> Self:
        """The dialog on top learns how its effect went."""
        *below, top = self.frames
        return replace(self, frames=(*below, replace(top, memo={**top.memo, step: outcome})))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Forgiving: a key that this version does not know is left behind, a missing one has its default."""
        frames = tuple(_frame(frame) for frame in data["frames"])
        more = (data.get("brought", {}), frames, data.get("shared", False), data.get("filling", {}), data.get("reading", {}), data.get("heard", ""))
        return cls(data["language"], data["prompts"], tuple(data["passed"]), *more)


def _frame(data: Mapping[str, Any]) -> Frame:
    if data.get("inner") and "rounds" not in data:  # as it was kept when groups did not stand in groups
        inner = data["step"] if data["inner"] == "another" else data["inner"]
        data = {**data, "inner": inner, "rounds": [data.get("round", 1)]}
    known: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items() if key in _BLANK}
    return Frame(**known)


_BLANK: dict[str, Any] = asdict(replace(Frame("?"), dialog=""))


# ---- what follows -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    """One sentence: its id and the facts in it."""

    id: str
    facts: Facts = field(default_factory=dict)
    optional: bool = False  # left out where English has no such sentence (hints)
    line: bool = False  # follows on the next line, not after a blank one


@dataclass(frozen=True, slots=True)
class Option:
    code: str
    label: Fact
    picked: bool | None = None  # None: not a toggle
    detail: Fact = ""  # a second line, where there is room for one


@dataclass(frozen=True, slots=True)
class Message:
    """What is said in one go; with a question, its options and the prompt number that its buttons carry."""

    parts: tuple[Say, ...]
    options: tuple[Option, ...] = ()
    prompt: int = 0
    columns: int = 1
    typing: bool = False  # a typed answer is expected
    edits: bool = False  # replaces the message whose button was pressed, where the channel can
    calendar: str = ""  # a month, as 2027-03: each of its days may be pressed, as d2027-03-15
    picture: str = ""  # of a form, as form-arrival/house
    contact: Literal["", "offered", "over"] = ""  # a shared contact may answer, where the channel can; or may no longer


@dataclass(frozen=True, slots=True)
class Decision:
    """A consent given, refused or withdrawn; `sentence` is the text that was shown."""

    purpose: str
    version: int
    verdict: Literal["given", "refused", "withdrawn"]
    sentence: str


@dataclass(frozen=True, slots=True)
class Effect:
    """A named verb that the front door makes true in the same commit."""

    name: str
    memo: Mapping[str, str] = field(default_factory=dict)  # what was answered in this dialog, and goes with it
    dialog: str = ""  # that calls it
    awaited: str = ""  # the step whose outcome the script asks about: told by `State.after()`, and the conversation is resumed


@dataclass(frozen=True, slots=True)
class Need:
    """A list that the engine must be given before it can go on; somebody's own may depend on what this dialog was told."""

    source: str
    memo: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What was looked up for a search question: entries, the closest first, and what is known of each."""

    words: str
    entries: Mapping[str, Mapping[str, str]]  # code -> isco, score; `opens`: it is a group of others
    rest: tuple[str, ...] = ()  # what else was written


@dataclass(frozen=True, slots=True)
class Turn:
    state: State
    said: tuple[Message, ...] = ()
    answered: Mapping[Question, Answer | None] = field(default_factory=dict)  # None: taken back
    decided: tuple[Decision, ...] = ()
    effects: tuple[Effect, ...] = ()
    needs: tuple[Need, ...] = ()  # not empty: nothing else counts; look these up and take the turn again
