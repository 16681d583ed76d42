"""What is asked, and what may be pressed: how a conversation stands, looked at. Changes nothing; `dialogs/turn.py` does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from dialogs.kinds import TYPED as KINDS
from dialogs.kinds import Here
from dialogs.model import CODED, RANKS, Dialog, Scripts, Step
from dialogs.nouns import Answer, Fact, Facts, Frame, Known, Need, Option, Question, Say, State

LookedUp = Mapping[Need, Sequence[str] | Mapping[str, Fact]]  # a source's codes; with labels where nobody else knows them

NOTHING: Fact = {"say": "common.nothing"}
SKIP, DECLINE, UNKNOWN, BACK, KEEP, CLOSE, MORE, DONE, AGAIN, ENOUGH = ".skip .decline .unknown .back .keep .close .more .done .again .enough".split()
EARLIER, LATER, ALL = ".earlier", ".later", ".all"  # pages of a long list
LONGEST_FACET = 80  # characters of its value
BLANK = ".blank"  # a cell of a calendar that is no day
DAY = re.compile(r"d\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
FILE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # the id under which one is kept
YEARS_BEFORE, YEARS_AFTER = 120, 50  # as far as a calendar may be turned
LONG, PAGE = 24, 10  # options: a longer list is shown in pages, and may be searched by typing
STARS = 5
OWN = "my-"  # how a source is called whose list, labels and all, is somebody's own


class Missing(Exception):
    """A list must be looked up before anybody can go on."""

    def __init__(self, need: Need) -> None:
        super().__init__(need.source)
        self.need = need


@dataclass(slots=True, eq=False)
class Place:
    """A Frame that may change while the turn lasts."""

    dialog: Dialog
    step: str
    inner: str
    round: int
    prompt: int
    offered: tuple[str, ...]
    picked: tuple[str, ...]
    found: tuple[str, ...]
    page: int
    anew: bool
    warned: bool
    done: list[str]
    memo: dict[str, str]

    @classmethod
    def of(cls, frame: Frame, dialog: Dialog) -> Place:
        asked = (frame.step, frame.inner, frame.round, frame.prompt, frame.offered, frame.picked, frame.found, frame.page, frame.anew, frame.warned)
        return cls(dialog, *asked, list(frame.done), dict(frame.memo))

    def frozen(self) -> Frame:
        asked = (self.step, self.inner, self.round, self.prompt, self.offered, self.picked, self.found, self.page, self.anew, self.warned)
        return Frame(self.dialog.dialog, *asked, tuple(self.done), self.memo)

    def turn_to(self, step: str = "", inner: str = "", round_: int = 1) -> None:
        """Another question (or, with nothing, whichever is open)."""
        self.step, self.inner, self.round = step, inner, round_
        self.prompt, self.offered, self.picked, self.found, self.page, self.anew, self.warned = 0, (), (), (), 0, False, False


@dataclass(slots=True)
class Answers:
    """Answers before and during the turn, and which of them changed."""

    now: dict[Question, Answer]
    changed: dict[Question, Answer | None] = field(default_factory=dict)

    def put(self, question: Question, answer: Answer) -> None:
        self.now[question] = self.changed[question] = answer

    def drop(self, question: Question) -> None:
        if self.now.pop(question, None):
            self.changed[question] = None


class Asking:
    """A conversation as it stands: its own copies of what a turn may change."""

    def __init__(self, scripts: Scripts, state: State, known: Known, looked_up: LookedUp) -> None:
        self.scripts, self.state, self.looked_up, self.facts = scripts, state, looked_up, known.facts
        self.language, self.prompts, self.passed, self.brought = state.language, state.prompts, list(state.passed), dict(state.brought)
        self.answers, self.consents = Answers(dict(known.answers)), dict(known.consents)
        # A dialog that left the scripts, or that is not theirs any more, leaves the conversation too.
        self.frames = [Place.of(frame, scripts[frame.dialog]) for frame in state.frames if frame.dialog in scripts and self.may(scripts[frame.dialog])]
        if self.frames and self.top.dialog.dialog != state.frames[-1].dialog:  # what they say now was not meant for the question below
            self.top.prompt = 0

    def may(self, dialog: Dialog) -> bool:
        """Is this dialog for them? Some are for staff."""
        return RANKS.index(dialog.staff) <= RANKS.index(self.facts.get("staff", ""))

    def speaks_for_nobody(self, place: Place) -> bool:
        return place.dialog.of == "organisation" and not self.facts.get("speaks-for")

    @property
    def top(self) -> Place:
        return self.frames[-1]

    def id(self, place: Place, step: Step, inner: Step | None = None) -> str:
        name = f"{place.dialog.dialog}.{step.id}"
        return f"{name}.{inner.id}" if inner else name

    def group(self, place: Place) -> Step | None:
        step = place.dialog.by_id.get(place.step)
        return step if step and step.steps else None

    def pending(self, place: Place) -> Step | None:
        """The step that waits for an answer: of a group, the inner one (or the group itself at "another?")."""
        step = place.dialog.by_id.get(place.step)
        if step is None or not self.applies(place, step) or not (step.ask or step.steps):
            return None
        if not step.steps or place.inner == "another":
            return step
        return next((inner for inner in step.steps if inner.id == place.inner), None)

    def asks_for_phone(self) -> bool:
        step = self.pending(self.top) if self.frames and self.top.prompt else None
        return step is not None and step.ask == "phone"

    def settled(self, place: Place, step: Step) -> bool:
        if step.gate:
            return self.id(place, step) in self.passed
        if step.ask == "consent":
            consent = self.consents.get(str(step.purpose))
            return consent is not None and consent.version == step.version and (consent.given or not step.required)
        if step.ask == "summary":
            return step.id in place.done
        if step.ask == "brought":
            return self.id(place, step) not in self.brought
        if step.purpose:
            return (self.id(place, step), "") in self.answers.now
        return step.id in place.memo

    def applies(self, place: Place, step: Step) -> bool:
        return step.when is None or step.when.holds(self.values(place, step.when.questions))

    def values(self, place: Place, questions: frozenset[str]) -> dict[str, str]:
        values, steps, facts, memo, now = {}, place.dialog.by_id, self.facts, place.memo, self.answers.now  # at hand: this runs for every condition
        for name in questions:
            step = steps.get(name)
            if step and step.calculate:
                values[name] = self.calculated(place, step)
            elif name in facts:
                values[name] = facts[name]
            elif name in memo:
                values[name] = memo[name]
            elif answer := now.get((name if "." in name else f"{place.dialog.dialog}.{name}", "")):
                values[name] = answer.value
        return values

    def calculated(self, place: Place, step: Step) -> str:
        """What follows from the answers as they are now; never looked up, so it can't be stale."""
        if not step.calculate or not self.applies(place, step):
            return ""
        return step.calculate.value(self.values(place, step.calculate.questions))[: LONGEST_FACET if step.facet else None]

    def allowed(self, purpose: str) -> bool:
        consent = self.consents.get(purpose)
        return consent is not None and consent.given and consent.version == self.scripts.consents[purpose][1].version

    def is_finished(self, place: Place, group: Step) -> bool:
        return (self.id(place, group), "") in self.answers.now

    def has_answer(self, place: Place, step: Step) -> bool:
        group = self.group(place)
        if group and self.is_finished(place, group):
            return True
        return self.settled(place, step) if step.ask == "consent" else self.answered(place, step) is not None

    def answered(self, place: Place, step: Step) -> Answer | None:
        """What the pending question was answered before: then it is asked again, and may be kept."""
        group = self.group(place)
        if group:
            return self.answers.now.get((self.id(place, group, step), str(place.round)))
        return self.answers.now.get((self.id(place, step), "")) if step.purpose and step.ask != "consent" else None

    def contents(self, place: Place, step: Step) -> tuple[str, ...]:
        match step.ask:
            case "yes-no" | "consent":
                return ("yes", "no")
            case "withdrawal":
                given = tuple(purpose for purpose, consent in self.consents.items() if consent.given)
                return (*given, "everything") if len(given) > 1 else given
            case "rating":
                return tuple(f"r{number + 1}" for number in range(step.most if step.most <= 10 else STARS))
            case "summary":
                return tuple(question.id for question in self.lines(place))
            case "review":
                return tuple(name for name in step.choices if self.told_in(name))
        return tuple(self.listed(place, step.from_)) if step.from_ else step.choices

    def listed(self, place: Place, source: str) -> Sequence[str] | Mapping[str, Fact]:
        need = Need(source, tuple(sorted(place.memo.items())) if source.startswith(OWN) else ())
        if need not in self.looked_up:
            raise Missing(need)
        return self.looked_up[need]

    def wording(self, place: Place, step: Step) -> tuple[Say, ...]:
        group = self.group(place)
        question = group or step
        parts = [Say("common.for", {"name": self.called()})] if self.facts.get("profile") else []
        if question.is_question and len(lines := self.ahead(place)) > 1:
            at = next((number for number, line in enumerate(lines, 1) if line is question), 1)
            parts.append(Say("common.progress", {"at": at, "of": len(lines)}))
        if group and place.inner == "another":
            parts += [Say("common.so-far", {"answer": self.rounds(place, group)}), Say(self.id(place, group) + ".another")]
            return tuple(parts)
        name = self.id(place, group, step) if group else self.id(place, step)
        parts += [Say(name), Say(name + ".hint", optional=True)]
        if len(place.offered) > LONG:
            parts.append(Say("common.search"))
        if step.ask == "file":
            parts.append(Say("common.send-photo", megabytes(step)) if self.facts.get("takes-files") else Say("common.no-photo-here"))
        if step.ask == "summary":
            parts += [self.line(place, line, follows=number > 0) for number, line in enumerate(self.lines(place))]
            if aside := self.put_aside(place):
                parts.append(Say("common.put-aside", {"list": {"list": [{"say": self.id(place, each) + ".short"} for each in aside]}}))
        elif step.ask == "review":
            for code in place.offered:
                parts += [Say(f"{name}.{code}"), *self.told_in(code)]
        elif self.answered(place, step):
            parts.append(Say("common.so-far", {"answer": self.told(place, question)}))
        return tuple(parts)

    def options(self, place: Place, step: Step) -> tuple[Option, ...]:
        return (*self.choosable(place, step), *self.navigation(place, step))

    def choosable(self, place: Place, step: Step, *, every: bool = False) -> tuple[Option, ...]:
        """`every`: all pages of a long list."""
        group = self.group(place)
        if group and place.inner == "another":
            another = [Option(AGAIN, {"say": "common.add-another"})] if place.round < group.most else []
            return (*another, Option(ENOUGH, {"say": "common.that-is-all"}))
        name = self.id(place, group, step) if group else self.id(place, step)
        toggles = step.ask == "choices"
        if step.ask == "date":
            return self.other_months(place, step)
        codes = place.offered if step.from_ or not step.choices else tuple(code for code in place.offered if code in step.choices)
        codes, turning = (codes, []) if every else self.page_of(place, codes)
        options = [Option(code, self.label(place, name, step, code), (code in place.picked) if toggles else None) for code in codes]
        options += turning
        if toggles:
            options.append(Option(DONE, {"say": "common.done"}))
        if step.ask == "summary":
            options.insert(0, Option(DONE, {"say": "common.all-correct"}))
        if step.more:
            options.append(Option(MORE, {"say": "common.more"}))
        return tuple(options)

    def month(self, place: Place, step: Step) -> str:
        """What a calendar shows: the month of the earlier answer, else this one, and on from there."""
        before = self.answered(place, step)
        is_date = before is not None and DAY.fullmatch(f"d{before.value}")  # the question may have been of another kind
        shown = date.fromisoformat(before.value) if before and is_date else self.here().today
        year, month = divmod(shown.year * 12 + shown.month - 1 + place.page, 12)
        return f"{year:04}-{month + 1:02}"

    def other_months(self, place: Place, step: Step) -> tuple[Option, ...]:
        year, today = int(self.month(place, step)[:4]), self.here().today.year
        turning = [(EARLIER, "before", year > today - YEARS_BEFORE), (LATER, "after", year < today + YEARS_AFTER)]
        return tuple(Option(code, {"say": f"common.month-{which}"}) for code, which, there in turning if there)

    def page_of(self, place: Place, codes: tuple[str, ...]) -> tuple[tuple[str, ...], list[Option]]:
        """What of a list is shown, and the buttons that lead on."""
        if len(codes) <= LONG:
            return codes, []
        shown = tuple(code for code in place.found if code in codes) or codes
        at = min(place.page * PAGE, (len(shown) - 1) // PAGE * PAGE)
        turning = [(EARLIER, at > 0), (LATER, at + PAGE < len(shown)), (ALL, len(shown) < len(codes))]
        return shown[at : at + PAGE], [Option(code, {"say": f"common.{code[1:]}"}) for code, there in turning if there]

    def label(self, place: Place, name: str, step: Step, code: str) -> Fact:
        if step.from_:
            named = self.listed(place, step.from_) if step.from_.startswith(OWN) else ()
            return named.get(code, code) if isinstance(named, Mapping) else {"from": step.from_, "code": code}
        if step.ask == "summary":
            return {"say": f"{name.rpartition('.')[0]}.{code}.short"}
        if step.ask == "rating":
            return "\u2b50" * int(code[1:])
        if step.ask == "consent" or (step.ask == "yes-no" and not step.gate):
            return {"say": f"common.{code}"}
        return {"say": f"{name}.{code}"}

    def navigation(self, place: Place, step: Step) -> tuple[Option, ...]:
        """Skip, back, "I'd rather not say": on every question of a profile dialog; the way back to what was interrupted on the others."""
        group = self.group(place)
        codes = []
        if group and place.inner == "another":
            codes = [BACK]
        elif (group or step).is_question:
            again = self.answered(place, step) is not None
            codes = [KEEP] if again else [] if step.required else [SKIP]
            codes += [UNKNOWN] if step.unknown else []
            codes += [] if step.required else [DECLINE]
            if (group and (place.round > 1 or step is not group.steps[0])) or self.before(place):
                codes.append(BACK)
        elif len(self.frames) > 1 and not (step.ask == "consent" or step.gate):  # those are why we interrupted: nothing goes on without them
            codes = [CLOSE]
        return tuple(Option(code, {"say": f"common.{code[1:]}"}) for code in codes)

    def takes(self, code: str) -> bool:
        """Is this one of the pending question's buttons?"""
        place = self.top
        step = self.pending(place) if place.prompt else None
        if step is None:
            return False
        if step.ask == "date" and (code == BLANK or DAY.fullmatch(code)):
            return True
        if not code.startswith("."):
            return code in place.offered and (step.from_ is not None or not step.choices or code in step.choices)
        return any(option.code == code for option in self.options(place, step))

    def here(self) -> Here:
        """Today and the country are facts, so that the engine needs no clock."""
        facts = {name: value for name, value in self.facts.items() if value}
        return Here(self.language, date.fromisoformat(facts.get("today", "2026-01-01")), facts.get("home-country", "DE"))

    def called(self) -> str:
        """Whose turn it is, where several people share a chat: as they want to be called, if they said it."""
        names = (
            answer.value
            for (question, _), answer in sorted(self.answers.now.items())
            if answer.kind == "given" and (step := self.scripts.question(question)) and step.class_ == "identity" and step.ask != "file"
            if self.scripts[question.partition(".")[0]].of == "person"
        )
        return next(names, self.facts["profile"])

    def lines(self, place: Place) -> list[Step]:
        """The questions that this person is asked, in order."""
        return [step for step in place.dialog.questions if step.when is None or self.applies(place, step)]

    def ahead(self, place: Place) -> list[Step]:
        """The same, with those that may still turn out to apply: "3 of 9" must not become "3 of 10"."""
        return [step for step in place.dialog.questions if step.when is None or self.is_open(place, step.when.questions) or self.applies(place, step)]

    def is_open(self, place: Place, questions: frozenset[str]) -> bool:
        """Does it hang on a question that has no answer yet?"""
        for name in questions:
            step = place.dialog.by_id.get(name)
            if step and (self.is_open(place, step.depends_on) if step.calculate else (self.id(place, step), "") not in self.answers.now):
                return True
        return False

    def put_aside(self, place: Place) -> list[Step]:
        """Questions that have an answer, and no longer apply: kept until somebody confirms that they may go."""
        return [each for each in place.dialog.questions if each.when and (self.id(place, each), "") in self.answers.now and not self.applies(place, each)]

    def previous(self, group: Step, step: Step) -> Step:
        return next(earlier for earlier, later in zip(group.steps, group.steps[1:], strict=False) if later is step)

    def before(self, place: Place) -> Step | None:
        """The question before the pending one: looked for from there backwards, since a form may have hundreds of conditions."""
        questions = place.dialog.questions
        at = next((number for number, step in enumerate(questions) if step.id == place.step), 0)
        return next((step for step in reversed(questions[:at]) if self.applies(place, step)), None)

    def told(self, place: Place, question: Step) -> Fact:
        """A question's answer as a fact, to be put into words at sending."""
        if question.steps and self.answers.now.get((self.id(place, question), ""), Answer("given")).kind == "given":
            return self.rounds(place, question)
        return self.told_of(question, self.id(place, question), "")

    def told_in(self, dialog: str) -> list[Say]:
        """What was answered in a dialog, line by line."""
        place = Place.of(Frame(dialog), self.scripts[dialog])
        return [self.line(place, each, follows=True) for each in self.lines(place) if self.has_answer(place, each)]

    def line(self, place: Place, question: Step, *, follows: bool) -> Say:
        return Say("common.line", {"name": {"say": self.id(place, question) + ".short"}, "answer": self.told(place, question)}, line=follows)

    def numbers(self, place: Place, group: Step) -> list[int]:
        """The rounds that were answered."""
        first = self.id(place, group, group.steps[0])
        return sorted(int(round_) for question, round_ in self.answers.now if question == first)

    def rounds(self, place: Place, group: Step) -> Fact:
        names = [self.id(place, group, inner) for inner in group.steps]
        told_ = [[self.told_of(*each, str(number)) for each in zip(group.steps, names, strict=True)] for number in self.numbers(place, group)]
        return {"list": [{"pair": [first, *(fact for fact in rest if fact != NOTHING)]} for first, *rest in told_]}

    def told_of(self, step: Step, name: str, round_: str) -> Fact:
        fact = told(step, name, self.answers.now.get((name, round_)))
        if round_ and step.ask in {"date", "month", "number", "decimal"} and fact != NOTHING:  # of two in a row, which is which?
            return {"say": "common.line", "with": {"name": {"say": name + ".short"}, "answer": fact}}
        return fact


def megabytes(step: Step) -> Facts:
    return {"most": {"decimal": f"{step.most_bytes / 1_000_000:.1f}".removesuffix(".0")}}


def told(step: Step, name: str, answer: Answer | None) -> Fact:
    """An answer as a fact: codes as references to their labels, the person's own words as they are."""
    if answer is None or answer.kind == "skipped" or (step.ask == "choices" and not answer.value and answer.kind == "given"):
        return NOTHING
    if answer.kind != "given":
        return {"say": f"common.{answer.kind}"}
    if step.ask == "town":
        return answer.words or answer.value
    if step.ask and step.ask in KINDS:
        return KINDS[step.ask].told(answer.value)
    if step.ask == "file":
        return {"say": "common.photo"} if FILE.fullmatch(answer.value) else answer.value  # or was it kept while the question was another?
    if step.ask == "rating":
        return "\u2b50" * int(answer.value[1:]) if re.fullmatch(r"r\d{1,3}", answer.value, re.ASCII) else answer.value
    if step.ask not in CODED or step.ask == "brought":
        return answer.value
    if answer.words and step.other:
        return answer.words
    of = "common" if step.ask == "yes-no" else name
    there = {"yes", "no"} if step.ask == "yes-no" else set(step.choices)  # what the script no longer has keeps its code
    labels: list[Fact] = [
        {"from": step.from_, "code": code} if step.from_ else {"say": f"{of}.{code}"} if code in there else code for code in answer.value.split()
    ]
    return labels[0] if len(labels) == 1 else {"list": labels}


def code_of(step: Step, answer: Answer) -> str | None:
    """What an answer may be matched by, in every language; None for somebody's own words."""
    if answer.kind != "given":
        return None
    coded = bool(answer.words) if step.ask == "town" else bool(step.facet) if step.calculate else step.ask in CODED and not answer.words
    return answer.value if coded else None
