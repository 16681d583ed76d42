"""What a script may say. Unknown keys are refused, so that a typo is found at load and not by a tired person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints, model_validator

from dialogs.expressions import Expression, compile_expression

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]  # short: it travels in 64 bytes of button data
Condition = Annotated[
    Expression,
    BeforeValidator(lambda source: compile_expression(source) if isinstance(source, str) else source),
    PlainSerializer(lambda condition: condition.source, return_type=str),
]

Ask = Literal[
    "text", "number", "decimal", "date", "month", "phone", "email", "web-address", "town",
    "yes-no", "choice", "choices", "rating", "file", "consent", "withdrawal", "dialog", "review", "summary", "brought",
]  # fmt: skip
RANKS = ("", "viewer", "coordinator", "admin")  # what staff may do: each rank may what those before it may
RESERVED = frozenset(
    {"channel", "webchat", "today", "home-country", "staff", "speaks-for", "profile", "takes-files"}
)  # facts that every condition may use beside the dialog's own questions
FORBIDDEN = frozenset(  # TRUST.md, privacy 5: no dialog asks for these unless its step names a data protection impact assessment
    "asylum birth birthdate birthday children confession date-of-birth disability ethnicity flight gender health id-number illness "
    "marital nationality passport race religion residence-permit route sex street tribe".split()
)


TYPED = frozenset({"text", "number", "decimal", "date", "month", "phone", "email", "web-address", "town"})  # dialogs/kinds.py reads them
QUESTIONS = TYPED | {"yes-no", "choice", "choices", "rating", "file"}
CODED = frozenset({"yes-no", "choice", "choices", "rating", "brought"})  # the value is a code with a label


LARGEST_FILE = 10_000_000  # bytes; Telegram hands out 20 MB


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, populate_by_name=True)


class Step(Strict):
    """One block of a script. Its sentences are `dialog.step`, `dialog.step.hint`, `dialog.step.choice`, ...; nothing is written twice.

    Without `ask` it is said (or, with `effect` or `goto`, done). CONTRIBUTING.md explains every key with an example.
    """

    id: Name
    ask: Ask | None = None
    when: Condition | None = None  # only then
    choices: Annotated[tuple[Name, ...], Field(max_length=80)] = ()  # Telegram takes 100 buttons; skip, back and their like need some
    from_: Name | None = Field(None, alias="from")  # a source: a list with a name in bot/sources.py
    other: bool = False  # a typed answer that is none of the choices counts, in the person's own words
    columns: Annotated[int, Field(ge=1, le=2)] = 1
    check: Condition | None = None  # `.` is the answer
    calculate: Condition | None = None  # never asked: it follows from other answers, and follows them when they change
    most: int = 200  # characters of a text; rounds of a group; stars of a rating (with the default: 5); kilobytes of a file (5,000)
    types: tuple[Literal["photo"], ...] = ()  # of a file: what may be sent
    least: Annotated[int, Field(ge=0, le=1)] = 1  # of several choices: 0 lets somebody tick none of them
    unknown: bool = False  # "I don't know" is an answer too
    steps: tuple[Step, ...] = ()  # a group: asked again for each round ("another?")
    purpose: Name | None = None  # the consent that this answer needs; without one it is forgotten with the dialog
    class_: Literal["identity", "contact", "profile"] = Field("profile", alias="class")
    share: Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.[a-z_]+$")] | None = None  # the shared column it feeds
    facet: Name | None = None  # a coded answer that may select an audience
    sets: Literal["language"] | None = None
    argument: bool = False  # what follows the command on its line may answer it (`/quiet half-way`); never for what can't be undone
    gate: bool = False  # a yes-no that must be yes to go on; only "passed" is kept
    required: bool = False  # a consent or a choice without which this dialog can't go on
    version: int = 1  # of a consent's text: raise it when its meaning changes, and everybody is asked again
    seal: str | None = None  # of the English consent text; `frontdoor check` prints it, and refuses a changed text under an old version
    more: bool = False  # "tell me more" shows `dialog.step.more`
    effect: Name | None = None  # a verb with a name in bot/effects.py
    goto: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)?$")] | None = None  # another dialog, or a question of it
    ends: Literal["conversation"] | None = None  # nothing follows, not even the menu
    dpia: str | None = None  # the assessment that allows a forbidden question

    @model_validator(mode="after")
    def _makes_sense(self) -> Step:
        if self.id in RESERVED:
            raise ValueError(f"the id {self.id!r} is taken; choose another")
        offers = bool(self.choices or self.from_)
        if (self.ask in {"choice", "choices", "dialog", "review"}) is not offers:
            raise ValueError("`choices` or `from` belong to choice, choices, dialog and review, and these need one of them")
        if self.choices and self.from_:
            raise ValueError("takes `choices` or `from`, not both")
        if len(set(self.choices)) != len(self.choices):
            raise ValueError("a choice is written twice")
        if self.ask == "consent" and not self.purpose:
            raise ValueError("a consent needs its `purpose`")
        if self.gate and self.ask != "yes-no":
            raise ValueError("a gate is a yes-no")
        if self.argument and (self.ask != "choice" or self.purpose):
            raise ValueError("an `argument` answers a choice without `purpose`")
        if self.calculate and (self.ask or self.steps or self.effect or self.goto or self.ends):
            raise ValueError("what is calculated is not asked, and does nothing else")
        if self.facet and not self.calculate and self.ask not in {"choice", "choices", "brought", "town"}:
            raise ValueError("a facet needs coded answers (choice, choices, brought, town or calculate)")
        if self.ask == "brought" and not self.purpose:
            raise ValueError("what a link brought is kept, so it needs a `purpose`")
        if self.share and not self.purpose:
            raise ValueError("what is shared needs a `purpose`, the consent for it")
        if self.steps and (self.ask or self.effect or self.goto or any(inner.steps for inner in self.steps)):
            raise ValueError("a group only has steps, and no group inside")
        if self.steps and any(not inner.ask or inner.purpose != self.purpose for inner in self.steps):
            raise ValueError("every step of a group asks, under the group's own `purpose`")
        if any(inner.when or inner.ask not in {*TYPED, "choice", "rating"} for inner in self.steps):
            raise ValueError("a step of a group is typed, a choice or a rating, without `when`")
        if self.ask in {"phone", "email"} and self.class_ != "contact":
            raise ValueError("a phone number and an e-mail address are of `class: contact`")
        if (self.ask == "file") is not bool(self.types):
            raise ValueError("`types` belong to a file, and a file needs them: [photo]")
        if self.ask == "file" and (not self.purpose or self.class_ != "identity" or self.required or not 1 <= self.most_bytes <= LARGEST_FILE):
            raise ValueError("a file needs a `purpose` and `class: identity`, is never `required`, and has at most 10000 kilobytes")
        if FORBIDDEN & set(_words(self.id)) and not self.dpia:
            raise ValueError("asks for something that no dialog may ask; if it must be, name its impact assessment with `dpia:`")
        return self

    @property
    def depends_on(self) -> frozenset[str]:
        """What its condition and its calculation ask about."""
        return frozenset().union(*(each.questions for each in (self.when, self.calculate) if each))

    @property
    def most_bytes(self) -> int:
        """Of a file."""
        return (self.most if "most" in self.model_fields_set else 5000) * 1000

    @property
    def is_question(self) -> bool:
        """Counted in "3 of 9", offered for change in the summary."""
        return bool(self.steps) or (self.ask in QUESTIONS and self.purpose is not None)


def _words(name: str) -> Iterator[str]:
    yield name
    yield from name.split("-")


class Dialog(Strict):
    dialog: Name
    version: int = 1
    command: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")] | None = None  # /command starts it from anywhere
    of: Literal["person", "organisation"] = "person"  # whose answers these are
    staff: Literal["", "viewer", "coordinator", "admin"] = ""  # from which rank on it is theirs; "": everybody's
    listed: bool = True  # in the channel's menu of commands; those of staff never are
    steps: tuple[Step, ...]

    @model_validator(mode="after")
    def _agrees(self) -> Dialog:
        if self.dialog == "common":
            raise ValueError("`common` is the name of the sentences that every dialog uses; choose another")
        seen = set(RESERVED)
        for step in self.steps:
            for inner in (step, *step.steps):
                if inner.id in seen:
                    raise ValueError(f"the step {inner.id!r} is written twice")
                here = {name for name in inner.depends_on if "." not in name}  # Scripts looks after the others
                unknown = here - seen
                if unknown:
                    raise ValueError(f"{inner.id}: the condition asks for {', '.join(sorted(unknown))}, which no earlier step of this dialog asks")
                seen.add(inner.id)
            if step.ask == "file" and self.of == "organisation":
                raise ValueError(f"{step.id}: a file is a person's own, so a dialog of an organisation asks for none")
            if step.calculate and step.purpose and (forgotten := {name for name in here - RESERVED if not self.by_id[name].purpose}):
                raise ValueError(f"{step.id}: is kept, so it may not be calculated from {', '.join(sorted(forgotten))}, which is forgotten with the dialog")
        return self

    @cached_property
    def by_id(self) -> Mapping[str, Step]:
        return {step.id: step for step in self.steps}

    @cached_property
    def questions(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.is_question)

    @cached_property
    def takes(self) -> Step | None:
        """The first question, if the rest of the command's line may answer it."""
        first = next((step for step in self.steps if step.ask or step.steps), None)
        return first if first and not first.purpose and (first.ask in TYPED or first.sets or first.argument) else None

    @cached_property
    def awaited(self) -> frozenset[str]:
        """Effects whose outcome a later condition asks about."""
        asked = {name for step in self.steps if step.when for name in step.when.questions}
        return frozenset(step.id for step in self.steps if step.effect and step.id in asked)

    @cached_property
    def purposes(self) -> frozenset[str]:
        """Consents without which this dialog has nothing to ask."""
        return frozenset(step.purpose for step in self.questions if step.purpose)


class Scripts(Mapping[str, Dialog]):
    """All dialogs, and what follows from having them all."""

    def __init__(self, dialogs: Iterable[Dialog]) -> None:
        """Raises ValueError when they don't agree with each other."""
        self._dialogs = {dialog.dialog: dialog for dialog in dialogs}
        self.commands = {dialog.command: dialog.dialog for dialog in self.values() if dialog.command}
        self.menu = [command for command, name in self.commands.items() if self[name].listed and not self[name].staff]  # what a channel lists
        self.consents = {step.purpose: (dialog.dialog, step) for dialog in self.values() for step in dialog.steps if step.ask == "consent" and step.purpose}
        self.calculated = [(dialog, step) for dialog in self.values() for step in dialog.steps if step.calculate and step.purpose]
        for name in ("welcome", "menu"):
            if name not in self:
                raise ValueError(f"the script {name}.yaml is missing: every conversation begins with it.")
        if "organisation" not in self and any(dialog.of == "organisation" for dialog in self.values()):
            raise ValueError("the script organisation.yaml is missing: it asks for whom somebody speaks.")
        for dialog in self.values():
            for step in dialog.steps:
                self._agree(dialog, step)

    @property
    def legal(self) -> tuple[str, ...]:
        """The sentences that somebody agrees to."""
        return tuple(f"{dialog}.{step.id}" for dialog, step in self.consents.values())

    def _agree(self, dialog: Dialog, step: Step) -> None:
        where = f"{dialog.dialog}.yaml: {step.id}"
        for target in (step.goto, *(step.choices if step.ask in {"dialog", "review"} else ())):
            if target and target not in self and not self.question(target):
                raise ValueError(f"{where}: there is no dialog or question {target!r}.")
        for name in step.depends_on:
            if "." in name and not self.question(name):
                raise ValueError(f"{where}: the condition asks for {name}, which is no question of any dialog.")
        if step.purpose and step.purpose not in self.consents:
            raise ValueError(f"{where}: no dialog asks for the consent {step.purpose!r}.")
        if step.is_question and not self.consents[str(step.purpose)][1].required:
            raise ValueError(f"{where}: questions hang on the consent {step.purpose!r}, so its step must be `required`.")

    def __getitem__(self, name: str) -> Dialog:
        return self._dialogs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._dialogs)

    def __len__(self) -> int:
        return len(self._dialogs)

    def question(self, name: str) -> Step | None:
        """The step of a question id (`newcomer.region`, `newcomer.languages.level`), if the scripts still have it."""
        dialog, _, rest = name.partition(".")
        step = self[dialog].by_id.get(rest.partition(".")[0]) if dialog in self else None
        for inner in rest.split(".")[1:]:
            step = next((each for each in step.steps if each.id == inner), None) if step else None
        return step
