"""What a script may say. Unknown keys are refused, so that a typo is found at load and not by a tired person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints, model_validator

from dialogs.expressions import Expression, compile_expression, find_circle
from dialogs.nouns import Fact

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]  # short: it travels in 64 bytes of button data
StepName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,31}$")]  # a form's questions keep their names
Condition = Annotated[
    Expression,
    BeforeValidator(lambda source: compile_expression(source, of_form=True) if isinstance(source, str) else source),
    PlainSerializer(lambda condition: condition.source, return_type=str),
]
Filter = Annotated[  # which rows of a list are offered: the names of its columns stand as they are
    Expression,
    BeforeValidator(lambda source: compile_expression(source, of_form=True, of_rows=True) if isinstance(source, str) else source),
    PlainSerializer(lambda condition: condition.source, return_type=str),
]
Needed = Annotated[bool | Condition, BeforeValidator(lambda source: {"true": True, "false": False}.get(source, source) if isinstance(source, str) else source)]
Gate = Annotated[bool | str, BeforeValidator(lambda name: {"true": True, "false": False}.get(name, name) if isinstance(name, str) else name)]
Row = Annotated[Mapping[str, str], BeforeValidator(lambda row: {"name": row} if isinstance(row, str) else row)]  # `name` is the code; and columns to choose by

Ask = Literal[
    "text", "number", "integer", "decimal", "date", "time", "date-time", "month", "span", "phone", "email", "web-address", "town", "place", "places",
    "yes-no", "choice", "choices", "rank", "rating", "search", "file", "consent", "withdrawal", "dialog", "review", "summary", "brought",
]  # fmt: skip
RANKS = ("", "viewer", "coordinator", "admin")  # what staff may do: each rank may what those before it may
RESERVED = frozenset(
    {"channel", "webchat", "today", "now", "home-country", "staff", "speaks-for", "profile", "takes-files", "forms", "waits", "from-the-right"}
)  # facts that every condition may use beside the dialog's own questions
FORBIDDEN = frozenset(  # TRUST.md, privacy 5: no dialog asks for these unless its step names a data protection impact assessment
    "asylum birth birthdate birthday children confession date-of-birth disability ethnicity flight gender health id-number illness "
    "marital nationality passport race religion residence-permit route sex street tribe".split()
)


TYPED = frozenset(  # dialogs/kinds.py reads them
    "text number integer decimal date time date-time month span phone email web-address town place places".split()
)
SEVERAL = frozenset({"choices", "rank"})  # toggled one by one, then done
QUESTIONS = TYPED | SEVERAL | {"yes-no", "choice", "rating", "search", "file"}
CODED = frozenset({"yes-no", "choice", "choices", "rank", "rating", "search", "brought"})  # the value is a code with a label


TAXONOMIES: Mapping[str, tuple[str, ...]] = {  # what a search is `from:` -> the kinds of entries
    "occupations": ("occupations",),
    "skills": ("skills",),
    "abilities": ("occupations", "skills"),
}

FORM, KEPT = "form-", "-kept"  # how dialogs that were XLSForms begin, and how the consent to keep their answers with the profile ends
OWN_SENTENCES = frozenset("hint short more another none wrong needed brought heading".split())  # `dialog.group.hint`: no step of a group may be called that

LONG_CHAIN = 50  # needs that need others: more are worked out in order, so that no chain runs out of stack
LARGEST_FILE = 10_000_000  # bytes; Telegram hands out 20 MB


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, populate_by_name=True)


class Step(Strict):
    """One block of a script. Its sentences are `dialog.step`, `dialog.step.hint`, `dialog.step.choice`, ...; nothing is written twice.

    Without `ask` it is said (or, with `effect` or `goto`, done). CONTRIBUTING.md explains every key with an example.
    """

    id: StepName
    ask: Ask | None = None
    when: Condition | None = None  # only then
    choices: Annotated[tuple[Name, ...], Field(max_length=80)] = ()  # Telegram takes 100 buttons; skip, back and their like need some
    from_: Annotated[str, StringConstraints(pattern=r"^(lists\.[A-Za-z_][A-Za-z0-9_-]{0,31}|[a-z][a-z0-9-]{0,31})$")] | None = Field(
        None, alias="from"
    )  # a source: a list with a name in bot/sources.py; or `lists.towns`, a list of this dialog
    skills_of: StepName | None = Field(None, alias="skills-of")  # of a search: the question for an occupation; the skills that belong to it are proposed
    relation: Literal["essential", "optional"] = "essential"  # how they belong to it
    words_of: StepName | None = Field(None, alias="words-of")  # of a search: the choice whose words are searched for to begin with
    filter: Filter | None = None  # of a list of this dialog: the rows that are offered
    other: bool = False  # a typed answer that is none of the choices counts, in the person's own words
    columns: Annotated[int, Field(ge=1, le=2)] = 1
    check: Condition | None = None  # `.` is the answer
    calculate: Condition | None = None  # never asked: it follows from other answers, and follows them when they change
    most: int = 200  # characters of a text; rounds of a group; stars of a rating (with the default: 5); kilobytes of a file (5,000)
    types: tuple[Literal["photo"], ...] = ()  # of a file: what may be sent
    least: Annotated[int, Field(ge=0, le=1)] = (
        1  # of several choices: 0 lets somebody tick none; of a group: 0 asks before the first round too; of places: 1 is an area, 0 a way
    )
    count: Condition | None = None  # of a group: so many rounds, and nobody is asked for another
    default: Condition | None = None  # an answer that is suggested
    wrong: bool = False  # `.wrong` says why an answer does not pass the `check`
    needed: bool = False  # `.needed` says why a required question can't be skipped
    heading: bool = False  # of a group: `.heading` stands above the questions of each round
    tells: tuple[StepName, ...] = ()  # questions whose answers stand in this step's sentences, as {name}
    picture: Name | None = None  # stands above its sentence: pictures/NAME.jpg beside the script
    column: str | None = None  # how a form calls it, from its outermost group on: house/rooms/size
    unknown: bool = False  # "I don't know" is an answer too
    steps: tuple[Step, ...] = ()  # a group: asked again for each round ("another?")
    purpose: Name | None = None  # the consent that this answer needs; without one it is forgotten with the dialog
    class_: Literal["identity", "contact", "profile"] = Field("profile", alias="class")
    share: Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.[a-z_]+$")] | None = None  # the shared column it feeds
    facet: Name | None = None  # a coded answer that may select an audience
    sets: Literal["language", "second", "digits", "boxes", "zone"] | None = None  # how they are spoken to from now on
    argument: bool = False  # what follows the command on its line may answer it (`/quiet half-way`); never for what can't be undone
    gate: Gate = False  # a yes-no that must be yes to go on; only "passed" is kept; the name of another one: whoever passed that need not again
    required: Needed = False  # it can't be skipped; in a form, a condition may decide
    version: int = 1  # of a consent's text: raise it when its meaning changes, and everybody is asked again
    seal: str | None = None  # of the English consent text; `frontdoor check` prints it, and refuses a changed text under an old version
    more: bool = False  # "tell me more" shows `dialog.step.more`
    effect: Name | None = None  # a verb with a name in bot/effects.py
    goto: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)?$")] | None = None  # another dialog, or a question of it
    ends: Literal["conversation"] | None = None  # nothing follows, not even the menu
    dpia: str | None = None  # the assessment that allows a forbidden question

    @model_validator(mode="after")
    def _makes_sense(self) -> Step:
        if self.id in RESERVED or self.id == "lists":
            raise ValueError(f"the id {self.id!r} is taken; choose another")
        offers = bool(self.choices or self.from_)
        if (self.ask in {"choice", "choices", "rank", "dialog", "review", "search"}) is not offers:
            raise ValueError("`choices` or `from` belong to choice, choices, rank, search, dialog and review, and these need one of them")
        if (self.ask == "search") is not (self.from_ in TAXONOMIES):
            raise ValueError(f"a search is `from:` {', '.join(TAXONOMIES)}, and nothing else is")
        if (self.skills_of or self.words_of) and self.ask != "search":
            raise ValueError("`skills-of` and `words-of` belong to a search")
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
        if self.facet and not self.calculate and self.ask not in {"choice", "choices", "search", "brought", "town"}:
            raise ValueError("a facet needs coded answers (choice, choices, search, brought, town or calculate)")
        if self.ask == "brought" and not self.purpose:
            raise ValueError("what a link brought is kept, so it needs a `purpose`")
        if self.share and not self.purpose:
            raise ValueError("what is shared needs a `purpose`, the consent for it")
        if self.steps and (self.ask or self.effect or self.goto):
            raise ValueError("a group only has steps")
        if not self.steps and (self.count or self.heading):
            raise ValueError("`count` and `heading` belong to a group")
        if self.steps and any(inner.is_question and inner.purpose != self.purpose for inner in self.steps):
            raise ValueError("every question of a group hangs on the group's own `purpose`")
        if any(
            inner.effect or inner.goto or inner.ends or inner.ask in {"consent", "withdrawal", "dialog", "review", "summary", "brought"} for inner in self.steps
        ):
            raise ValueError("a step of a group asks a question, is said or is calculated")
        if wrong := [inner.id for inner in self.steps if inner.id in OWN_SENTENCES]:
            raise ValueError(f"a step of a group may not be called {wrong[0]!r}: the group has a sentence of that name")
        if (self.filter and not self.own_list) or (self.wrong and not self.check) or (self.needed and not self.required):
            raise ValueError("`filter` belongs to a list of the dialog's own (`from: lists.name`), `wrong` to `check`, `needed` to `required`")
        if self.ask in {"phone", "email"} and self.class_ != "contact":
            raise ValueError("a phone number and an e-mail address are of `class: contact`")
        if (self.ask == "file") is not bool(self.types):
            raise ValueError("`types` belong to a file, and a file needs them: [photo]")
        if self.ask == "file" and (
            not self.purpose or self.class_ != "identity" or (self.required and not self.column) or not 1 <= self.most_bytes <= LARGEST_FILE
        ):
            raise ValueError("a file needs a `purpose` and `class: identity`, is `required` in a form only, and has at most 10000 kilobytes")
        return self

    @property
    def depends_on(self) -> frozenset[str]:
        """What decides whether it is asked and what it comes to."""
        return frozenset().union(*(each.questions for each in (self.when, self.calculate, self.count) if each))

    @property
    def asks_about(self) -> frozenset[str]:
        """The same, with what its answer is held against, and what is told in its words."""
        needed = self.required if isinstance(self.required, Expression) else None
        named = {name for name in (self.skills_of, self.words_of) if name}
        return self.depends_on.union(self.tells, named, *(each.questions for each in (self.check, self.filter, self.default, needed) if each))

    @property
    def own_list(self) -> str:
        """The list of the dialog that it offers; "" if it offers none."""
        return self.from_.removeprefix("lists.") if self.from_ and self.from_.startswith("lists.") else ""

    def gate_of(self, name: str) -> str:
        """Under which name it is noted that somebody passed; `name`: the step's own."""
        return self.gate if isinstance(self.gate, str) else name

    @property
    def is_delicate(self) -> bool:
        """Does it ask for what could harm somebody (TRUST.md, privacy 5)?"""
        return bool(self.ask) and not FORBIDDEN.isdisjoint(_words(self.id.casefold()))

    @property
    def most_bytes(self) -> int:
        """Of a file."""
        return (self.most if "most" in self.model_fields_set else 5000) * 1000

    @property
    def is_question(self) -> bool:
        """Counted in "3 of 9", offered for change in the summary."""
        return bool(self.steps) or (self.ask in QUESTIONS and self.purpose is not None)


def _words(name: str) -> Iterator[str]:
    yield name.replace("_", "-")
    yield from name.replace("_", "-").split("-")


def _unfolded(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from _unfolded(step.steps)


class Form(Strict):
    """Which XLSForm a dialog was."""

    id: str
    version: str = ""
    anonymous: bool = True  # what was answered is handed in without a name; else it belongs to the profile
    closed: bool = False  # nobody is asked it any more; what was answered stays, and can be exported


class Dialog(Strict):
    dialog: Name
    version: int = 1
    command: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")] | None = None  # /command starts it from anywhere
    of: Literal["person", "organisation"] = "person"  # whose answers these are
    staff: Literal["", "viewer", "coordinator", "admin"] = ""  # from which rank on it is theirs; "": everybody's
    listed: bool = True  # in the channel's menu of commands; those of staff never are
    when: Condition | None = None  # of the facts that every condition may use: else nobody is led here
    afresh: bool = False  # its command begins it anew, whatever was chosen before
    guests: bool = False  # who comes straight for it, by a link, is told first who we are, and not asked about themselves
    form: Form | None = None  # it was an XLSForm: its questions may ask about later ones, and its answers are held against each other
    lists: Mapping[StepName, tuple[Row, ...]] = {}  # what `from:` may name: rows of a `name` (the code) and the columns that `filter:` chooses by
    tables: tuple[StepName, ...] = ()  # files that pulldata() looks into: tables/NAME.csv beside the script
    attached: Mapping[str, tuple[Mapping[str, str], ...]] = Field({}, exclude=True)  # their rows, read with the script
    steps: tuple[Step, ...]

    @model_validator(mode="after")
    def _agrees(self) -> Dialog:
        if self.dialog == "common":
            raise ValueError("`common` is the name of the sentences that every dialog uses; choose another")
        seen, here, ids, listed = set(RESERVED), set[str](), [step.id for step in self.every], {step.own_list for step in self.every if step.own_list}
        for name in ids:
            if name in here or name in RESERVED:
                raise ValueError(f"the step {name!r} is written twice")
            here.add(name)
        if strange := listed - self.lists.keys():
            raise ValueError(f"there is no list {', '.join(sorted(strange))} under `lists:`")
        for step in self.every:
            at_hand = here | RESERVED if self.form else seen
            unknown = {name for name in step.asks_about if "." not in name} - at_hand  # Scripts looks after the others
            if unknown:
                which = "no step of this dialog asks" if self.form else "no earlier step of this dialog asks"
                raise ValueError(f"{step.id}: the condition asks for {', '.join(sorted(unknown))}, which {which}")
            seen.add(step.id)
            if step.is_delicate and not step.dpia and not (self.form and self.form.anonymous):
                raise ValueError(f"{step.id}: asks for something that no dialog may ask; if it must be, name its impact assessment with `dpia:`")
            if step.steps and not step.purpose:
                raise ValueError(f"{step.id}: a group needs a `purpose`, the consent for its answers")
            if step.ask == "file" and self.of == "organisation":
                raise ValueError(f"{step.id}: a file is a person's own, so a dialog of an organisation asks for none")
            if (
                step.calculate
                and step.purpose
                and not self.form
                and (forgotten := {name for name in step.depends_on - RESERVED if "." not in name and not self.step(name).purpose})
            ):
                raise ValueError(f"{step.id}: is kept, so it may not be calculated from {', '.join(sorted(forgotten))}, which is forgotten with the dialog")
        if self.form and (circle := find_circle(self.needs)):
            raise ValueError(f"{circle[0]}: {' needs '.join(circle)}, so nobody could say what it comes to")
        return self

    @property
    def for_guests(self) -> bool:
        return self.guests or self.form is not None

    @cached_property
    def by_id(self) -> Mapping[str, Step]:
        return {step.id: step for step in self.steps}

    @cached_property
    def every(self) -> tuple[Step, ...]:
        """All steps, those of groups after their group."""
        return tuple(_unfolded(self.steps))

    @cached_property
    def groups(self) -> Mapping[str, tuple[Step, ...]]:
        """Of every step the groups around it, from the outermost on."""
        found = dict[str, tuple[Step, ...]]()
        for step in self.every:
            found |= {inner.id: (*found.get(step.id, ()), step) for inner in step.steps}
        return {step.id: found.get(step.id, ()) for step in self.every}

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Of every step its question id: `newcomer.languages.level`."""
        return {step.id: ".".join([self.dialog, *(each.id for each in self.groups[step.id]), step.id]) for step in self.every}

    @cached_property
    def simple(self) -> Mapping[str, tuple[str, str]]:
        """Questions whose answer is their value, whatever else there is, and where it is found."""
        return {step.id: (self.names[step.id], "") for step in self.steps if not (step.calculate or step.steps or (self.form and step.when))}

    @cached_property
    def _steps(self) -> Mapping[str, Step]:
        return {step.id: step for step in self.every}

    def step(self, name: str) -> Step:
        """Wherever it stands. Raises KeyError."""
        return self._steps[name]

    def find(self, name: str) -> Step | None:
        return self._steps.get(name)

    @cached_property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """Of every step the steps that decide whether it is asked and what it comes to."""
        return {step.id: step.depends_on.union(*(group.depends_on for group in self.groups[step.id])) & self._steps.keys() for step in self.every}

    @cached_property
    def in_order(self) -> tuple[Step, ...]:
        """All steps, each after those that it needs; nothing if no chain of needs is long enough to matter."""
        order, depth = list[str](), dict[str, int]()
        for start in self.needs:
            way = [start]
            while way:  # a chain of a thousand calculations must not run out of stack
                name = way[-1]
                ahead = [each for each in sorted(self.needs[name]) if each not in depth]
                if name in depth:
                    way.pop()
                elif ahead:
                    way += ahead
                else:
                    depth[way.pop()] = 1 + max((depth[each] for each in self.needs[name]), default=0)
                    order.append(name)
        return tuple(map(self.step, order)) if max(depth.values(), default=0) > LONG_CHAIN else ()

    @cached_property
    def rows(self) -> Mapping[str, Mapping[str, tuple[Mapping[str, str], ...]]]:
        """Of every list its codes, each with its rows as `filter:` reads them: a town may stand in two districts."""
        found: dict[str, dict[str, tuple[Mapping[str, str], ...]]] = {name: {} for name in self.lists}
        for name, rows in self.lists.items():
            for row in rows:
                columns = {f"@{key}": value for key, value in row.items()}
                found[name][row["name"]] = (*found[name].get(row["name"], ()), columns)
        return found

    def pulled(self, table: str, key: str) -> Mapping[str, Mapping[str, str]]:
        """The first row of a table, or of a list, for each value of its column `key`."""
        if (table, key) not in self._pulled:
            rows = self.attached.get(table) or self.lists.get(table, ())
            self._pulled[table, key] = {row[key]: row for row in reversed(rows) if key in row}
        return self._pulled[table, key]

    @cached_property
    def _pulled(self) -> dict[tuple[str, str], Mapping[str, Mapping[str, str]]]:
        return {}

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
        self.label: Callable[[Fact, str], str] = lambda fact, _: str(fact["code"]) if isinstance(fact, Mapping) else str(fact)  # of a choice, in a language
        self.consents = {step.purpose: (dialog.dialog, step) for dialog in self.values() for step in dialog.steps if step.ask == "consent" and step.purpose}
        self.calculated = [(dialog, step) for dialog in self.values() for step in dialog.every if step.calculate and step.purpose]
        for name in ("welcome", "menu"):
            if name not in self:
                raise ValueError(f"the script {name}.yaml is missing: every conversation begins with it.")
        if "organisation" not in self and any(dialog.of == "organisation" for dialog in self.values()):
            raise ValueError("the script organisation.yaml is missing: it asks for whom somebody speaks.")
        for dialog in self.values():
            for step in dialog.steps:
                self._agree(dialog, step)

    def become(self, other: Scripts) -> None:
        """Whoever holds these scripts has the others from now on: a form was added while the bot runs."""
        vars(self).update(vars(other))

    @property
    def forms(self) -> tuple[str, ...]:
        """Dialogs that were XLSForms."""
        return tuple(name for name, dialog in self.items() if dialog.form)

    @property
    def open_forms(self) -> tuple[str, ...]:
        """Those that are still asked."""
        return tuple(name for name in self.forms if (form := self[name].form) and not form.closed)

    @property
    def legal(self) -> tuple[str, ...]:
        """The sentences that somebody agrees to."""
        return tuple(f"{dialog}.{step.id}" for dialog, step in self.consents.values())

    def _agree(self, dialog: Dialog, step: Step) -> None:
        where = f"{dialog.dialog}.yaml: {step.id}"
        for target in (step.goto, *(step.choices if step.ask in {"dialog", "review"} else ())):
            if target and target not in self and not self.question(target):
                raise ValueError(f"{where}: there is no dialog or question {target!r}.")
        if isinstance(step.gate, str) and not getattr(self.question(step.gate), "gate", False):
            raise ValueError(f"{where}: there is no gate {step.gate!r}.")
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

    def pull(self, dialog: str, table: str, column: str, key: str, value: str) -> str:
        """From the row of a dialog's attached table whose `key` is `value`; "" if there is none."""
        return self[dialog].pulled(table, key).get(value, {}).get(column, "")

    def question(self, name: str) -> Step | None:
        """The step of a question id (`newcomer.region`, `newcomer.languages.level`), if the scripts still have it."""
        dialog, _, rest = name.partition(".")
        step = self[dialog].find(rest.rpartition(".")[2]) if dialog in self else None
        return step if step and self[dialog].names[step.id] == name else None
