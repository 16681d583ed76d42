"""What is asked, and what may be pressed: how a conversation stands, looked at. Changes nothing; `dialogs/turn.py` does."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice

from dialogs.expressions import LONGEST_VALUE, Expression, Surroundings
from dialogs.functions import number
from dialogs.kinds import TYPED as KINDS
from dialogs.kinds import Here
from dialogs.model import CODED, QUESTIONS, RANKS, RESERVED, SEVERAL, Dialog, Scripts, Step
from dialogs.nouns import Answer, Fact, Facts, Found, Frame, Known, Need, Option, Question, Say, State

LookedUp = Mapping[Need, Sequence[str] | Mapping[str, Fact] | Found]  # a source's codes; with labels where nobody else knows them; what was searched for
Rounds = tuple[int, ...]  # of the groups around a step, from the outermost on
Spot = tuple[Step, Rounds]  # a question in one of its rounds; a group with its own round: "another?"

NOTHING: Fact = {"say": "common.nothing"}
SKIP, DECLINE, UNKNOWN, BACK, KEEP, CLOSE, MORE, DONE, AGAIN, ENOUGH = ".skip .decline .unknown .back .keep .close .more .done .again .enough".split()
EARLIER, LATER, ALL = ".earlier", ".later", ".all"  # pages of a long list
OTHER, GROUPS = ".other", ".groups"  # of a search: none of these; look for it in groups
OWN_WORDS = "other"  # the value of an answer that no entry fits
LONGEST_FACET = 80  # characters of its value
BLANK = ".blank"  # a cell of a calendar that is no day
DAY = re.compile(r"d\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
FILE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # the id under which one is kept
FITS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")  # codes that go into a button's data as they are
YEARS_BEFORE, YEARS_AFTER = 120, 50  # as far as a calendar may be turned
LONG, PAGE = 24, 10  # options: a longer list is shown in pages, and may be searched by typing
STARS = 5
NONE_OFFERED = ".none"  # the words of an answer that was skipped because there was nothing to choose
LONGEST_CALCULATED = 4_000  # characters of what a form calculates
MOST_ROUNDS, MOST_SPOTS = (100, 20, 10, 5), 2_000  # of a group, of one in a group, ...; of a question in all of them: what somebody answers is far less
OWN = ("my-", "open-")  # how a source is called whose list, labels and all, is made for whoever asks


def short(code: str) -> str:
    """How a button names a code: forms have long ones, and in every script, but it has 64 bytes in all."""
    return code if FITS.fullmatch(code) else "~" + hashlib.sha256(code.encode()).hexdigest()[:12]


def in_round(rounds: Rounds) -> str:
    """As answers name it: "" outside of groups, "2" in one, "2.1" in a group in a group."""
    return ".".join(map(str, rounds)) if rounds else ""


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
    rounds: Rounds
    begun: dict[str, int]
    prompt: int
    offered: tuple[str, ...]
    picked: tuple[str, ...]
    found: tuple[str, ...]
    page: int
    anew: bool
    warned: bool
    looking: str
    looked_at: str
    done: list[str]
    memo: dict[str, str]
    words: str
    about: Mapping[str, Mapping[str, str]]
    waiting: dict[str, Sequence[str]]

    @classmethod
    def of(cls, frame: Frame, dialog: Dialog) -> Place:
        asked = (frame.prompt, frame.offered, frame.picked, frame.found, frame.page, frame.anew, frame.warned)
        seen = (frame.looking, frame.looked_at, list(frame.done), dict(frame.memo))
        return cls(dialog, frame.step, frame.inner, frame.rounds, dict(frame.begun), *asked, *seen, frame.words, frame.about, dict(frame.waiting))

    def frozen(self) -> Frame:
        step = self.dialog.find(self.at)
        offered = () if step and step.own_list else self.offered
        asked = (self.prompt, offered, self.picked, self.found, self.page, self.anew, self.warned)
        words = "" if step and step.words_of else self.words
        more = (self.looking, self.looked_at, tuple(self.done), self.memo, words, self.about, self.waiting)
        return Frame(self.dialog.dialog, self.step, self.inner, self.rounds, self.begun, *asked, *more)

    def turn_to(self, spot: Spot | None = None) -> None:
        """Another question (or, with nothing, whichever is open)."""
        self.step, self.inner, self.rounds = "", "", ()
        if spot:
            step, self.rounds = spot
            around = self.dialog.groups[step.id]
            self.step, self.inner = (around[0].id, step.id) if around else (step.id, step.id if step.steps else "")
        self.prompt, self.offered, self.picked, self.found, self.page, self.anew, self.warned = 0, (), (), (), 0, False, False
        self.words, self.about = "", {}

    @property
    def at(self) -> str:
        """The id of the pending step."""
        return self.inner or self.step


@dataclass(slots=True)
class Answers:
    """Answers before and during the turn, and which of them changed."""

    now: dict[Question, Answer]
    changed: dict[Question, Answer | None] = field(default_factory=dict)
    worked_out: dict[tuple[str, str, Rounds], str] = field(default_factory=dict)  # what follows from them: (what, of which step), until one changes
    index: dict[tuple[str, Rounds], int] = field(default_factory=dict)  # question of a group and the rounds around -> its last round

    def put(self, question: Question, answer: Answer) -> None:
        self.now[question] = self.changed[question] = answer
        self.stir()

    def drop(self, question: Question) -> None:
        if self.now.pop(question, None):
            self.changed[question] = None
            self.stir()

    def stir(self) -> None:
        """Something changed: what followed from it is worked out anew."""
        self.worked_out.clear()
        self.index.clear()

    def last_round(self, group: str, around: Rounds) -> int:
        """Of a group (its question id): the last round in which something was answered; 0 if there is none."""
        if not self.index:
            self.index["", ()] = 0
            for question, round_ in self.now:
                if not round_:
                    continue
                rounds, names = tuple(map(int, round_.split("."))), question.split(".")
                for depth in range(len(rounds)):
                    # dialog.outer.inner.question has as many groups as rounds, and those stand before its own name
                    key = (".".join(names[: len(names) - len(rounds) + depth]), rounds[:depth])
                    self.index[key] = max(self.index.get(key, 0), rounds[depth])
        return self.index.get((group, around), 0)


class _Seen(Surroundings):
    """The answers of a form as an expression sees them from where it stands."""

    def __init__(self, asking: Asking, place: Place, step: Step, rounds: Rounds) -> None:
        self.asking, self.place, self.step, self.around = asking, place, step, rounds

    def rounds(self, question: str) -> Sequence[str]:
        there = self.place.dialog.find(question)
        if there is None:
            return (self.get(question, ""),)
        spots = self.asking.rounds_seen(self.place, there, self.step, self.around, itself=bool(there.steps))
        return [("" if there.steps else self.asking.value_of(self.place, there, rounds)) for rounds in spots]

    def at(self, question: str, rounds: Rounds) -> str:
        there = self.place.dialog.find(question)
        if there is None:
            return super().at(question, rounds)
        spot = (*self.around[: len(self.place.dialog.groups[question]) - len(rounds)], *rounds)  # of the groups that were not named: this round
        return self.asking.value_of(self.place, there, spot) if spot in self.asking.rounds_seen(self.place, there, there, ()) else ""

    def position(self, up: int = 1) -> int:
        return self.around[-up] if up <= len(self.around) else 1

    def label(self, question: str, code: str) -> str:
        return self.asking.label_of(self.place, question, code)

    def pull(self, table: str, column: str, key: str, value: str) -> str:
        return self.asking.scripts.pull(self.place.dialog.dialog, table, column, key, value)


class Asking:
    """A conversation as it stands: its own copies of what a turn may change."""

    def __init__(self, scripts: Scripts, state: State, known: Known, looked_up: LookedUp) -> None:
        self.scripts, self.state, self.looked_up, self.facts = scripts, state, looked_up, known.facts
        self.language, self.prompts, self.passed, self.brought = state.language, state.prompts, list(state.passed), dict(state.brought)
        self.reading = dict(state.reading)
        self.answers, self.consents = Answers(dict(known.answers)), dict(known.consents)
        # A dialog that left the scripts, or that is not theirs any more, leaves the conversation too.
        self.frames = [Place.of(frame, scripts[frame.dialog]) for frame in state.frames if frame.dialog in scripts and self.may(scripts[frame.dialog])]
        if self.frames and self.top.dialog.dialog != state.frames[-1].dialog:  # what they say now was not meant for the question below
            self.top.prompt = 0
        elif self.frames and self.top.prompt and (step := self.pending(self.top)) and step.own_list:
            self.top.offered = self.contents(self.top, step)  # not kept with the conversation: it may have thousands of rows

    def may(self, dialog: Dialog) -> bool:
        """Is this dialog for them? Some are for staff."""
        allowed = RANKS.index(dialog.staff) <= RANKS.index(self.facts.get("staff", "")) and not (dialog.form and dialog.form.closed)
        return allowed and (dialog.when is None or dialog.when.holds(self.facts))

    def speaks_for_nobody(self, place: Place) -> bool:
        return place.dialog.of == "organisation" and not self.facts.get("speaks-for")

    @property
    def top(self) -> Place:
        return self.frames[-1]

    def id(self, place: Place, step: Step) -> str:
        return place.dialog.names[step.id]

    def group(self, place: Place) -> Step | None:
        """The outermost one that the pending question is in."""
        step = place.dialog.by_id.get(place.step)
        return step if step and step.steps else None

    def pending(self, place: Place) -> Step | None:
        """The step that waits for an answer; a group at "another?"."""
        step = place.dialog.find(place.at) if place.step else None
        if step is None or not (step.ask or step.steps) or len(place.rounds) != len(place.dialog.groups[step.id]) + bool(step.steps):
            return None
        return step if self.applies_there(place, step, place.rounds) else None

    def asks_for_phone(self) -> bool:
        step = self.pending(self.top) if self.frames and self.top.prompt else None
        return step is not None and step.ask == "phone"

    def settled(self, place: Place, step: Step, rounds: Rounds = ()) -> bool:
        if step.purpose and step.ask in QUESTIONS:  # the commonest first
            answer = self.answers.now.get((place.dialog.names[step.id], in_round(rounds)))
            return answer is not None and (place.dialog.form is None or self.stands(place, step, rounds, answer))
        if step.gate:
            return step.gate_of(self.id(place, step)) in self.passed
        if step.ask == "consent":
            consent = self.consents.get(str(step.purpose))
            return consent is not None and consent.version == step.version and (consent.given or not step.required)
        if step.ask == "summary":
            return step.id in place.done
        if step.ask == "brought":
            return self.id(place, step) not in self.brought
        return self.kept(place, step, rounds) is not None if step.purpose else step.id in place.memo

    def stands(self, place: Place, step: Step, rounds: Rounds, answer: Answer) -> bool:
        """Is an answer of a form still one, now that others may have changed?"""
        if answer.kind != "given":
            if answer.words == NONE_OFFERED and step.own_list and self.offers_anything(place, step, rounds):
                return False  # it was passed over unasked, and could be asked now
            return not self.is_required(place, step, rounds) or (step.filter is not None and not self.offers_anything(place, step, rounds))
        hangs_on_others = (step.check and step.check.questions - RESERVED) or step.filter
        return not hangs_on_others or self.fits(place, step, rounds, answer.value)

    def kept(self, place: Place, step: Step, rounds: Rounds) -> Answer | None:
        return self.answers.now.get((self.id(place, step), in_round(rounds)))

    def is_required(self, place: Place, step: Step, rounds: Rounds) -> bool:
        """Nobody is stopped by a question that can't be answered here: a photo, where none can be sent."""
        if step.ask == "file" and not self.facts.get("takes-files"):
            return False
        return self.holds(place, step, rounds, step.required) if isinstance(step.required, Expression) else step.required

    def fits(self, place: Place, step: Step, rounds: Rounds, value: str) -> bool:
        """Does an answer satisfy the step's `check:`, and is each of its choices offered?"""
        if step.filter and any(code in self.rows(place, step) and not self.is_offered(place, step, rounds, code) for code in value.split()):
            return False
        return step.check is None or not value or self.holds(place, step, rounds, step.check, value)

    # ---- conditions and calculations ----

    def holds(self, place: Place, step: Step, rounds: Rounds, condition: Expression, itself: str = "") -> bool:
        return condition.holds(self.values(place, step, rounds, condition.questions), itself)

    def applies(self, place: Place, step: Step, rounds: Rounds = ()) -> bool:
        """By its own condition; whoever asks has looked at the groups around."""
        if step.when is None:
            return True
        if place.dialog.form is None:
            return self.holds(place, step, rounds, step.when)
        key = ("applies", self.id(place, step), rounds)
        found = self.answers.worked_out.get(key)
        if found is None:
            found = self.work_out(key, "1" if self.holds(place, step, rounds, step.when) else "")
        return bool(found)

    def applies_there(self, place: Place, step: Step, rounds: Rounds) -> bool:
        """By its own condition, and those of the groups around."""
        around = place.dialog.groups[step.id]
        return all(self.applies(place, group, rounds[:depth]) for depth, group in enumerate((*around, step)))

    def work_out(self, key: tuple[str, str, Rounds], value: str) -> str:
        self.answers.worked_out[key] = value
        return value

    def prepare(self, place: Place) -> None:
        """Where long chains of needs are possible, everything is worked out in order, so that no chain runs out of stack."""
        key = ("prepared", place.dialog.dialog, ())
        if key in self.answers.worked_out or not place.dialog.in_order:
            return
        self.work_out(key, "1")
        for step in place.dialog.in_order:
            for rounds in self.rounds_seen(place, step, step, ()):
                if self.applies(place, step, rounds) and step.calculate:
                    self.value_of(place, step, rounds)

    def values(self, place: Place, step: Step, rounds: Rounds, questions: frozenset[str]) -> dict[str, str]:
        """What those questions come to, as seen from a step in its round."""
        # This runs for every condition at every turn, so what is commonest comes first.
        values, dialog, facts, memo, now = _Seen(self, place, step, rounds), place.dialog, self.facts, place.memo, self.answers.now
        simple = dialog.simple
        for name in questions:
            if name in memo:
                values[name] = memo[name]  # forgotten with the dialog
            elif question := simple.get(name):
                if answer := now.get(question):
                    values[name] = answer.value
            elif name == "now" and dialog.form and dialog.form.anonymous:
                values[name] = facts.get("today", "")  # by the minute, somebody could be found
            elif name in facts:
                values[name] = facts[name]
            elif name == "waits":
                values[name] = "yes" if self.frames and self.frames[0].dialog.for_guests else ""
            elif there := dialog.find(name):
                if not dialog.groups[name]:
                    values[name] = self.value_of(place, there, ())
                elif spots := self.rounds_seen(place, there, step, rounds):
                    values[name] = self.value_of(place, there, spots[0])
            elif answer := now.get((name, "")):  # of another dialog
                values[name] = answer.value
        return values

    def value_of(self, place: Place, step: Step, rounds: Rounds) -> str:
        """Of a question what was answered, of a calculation what it comes to. In a form what does not apply has no value."""
        if step.calculate:
            return self.calculated(place, step, rounds)
        if step.id in place.memo:  # forgotten with the dialog
            return place.memo[step.id]
        answer = self.kept(place, step, rounds)
        if answer is None or not answer.value or (place.dialog.form and not self.applies_there(place, step, rounds)):
            return ""
        return answer.value

    def calculated(self, place: Place, step: Step, rounds: Rounds = ()) -> str:
        """What follows from the answers as they are now; never looked up, so it can't be stale."""
        if not step.calculate:
            return ""
        key = ("value", self.id(place, step), rounds)
        found = self.answers.worked_out.get(key) if place.dialog.form else None
        if found is not None:
            return found
        if not self.applies_there(place, step, rounds):
            return ""
        before = self.kept(place, step, rounds) if step.purpose else None
        longest = LONGEST_FACET if step.facet else LONGEST_CALCULATED if place.dialog.form else LONGEST_VALUE
        value = step.calculate.value(self.values(place, step, rounds, step.calculate.questions), before.value if before else "", longest)
        return self.work_out(key, value) if place.dialog.form else value

    # ---- rounds of groups ----

    def last_round(self, place: Place, group: Step, around: Rounds) -> int:
        """Of a group in a round of those around it: how many rounds it has."""
        if group.count:
            wanted = number(group.count.value(self.values(place, group, around, group.count.questions)))
            most = MOST_ROUNDS[min(len(around), len(MOST_ROUNDS) - 1)]
            return int(min(max(wanted, 0), most)) if wanted == wanted else 0  # NaN: not answered yet  # noqa: PLR0124
        answered = self.answers.last_round(self.id(place, group), around)
        return max(answered, place.begun.get(f"{group.id} {in_round(around)}", 0), group.least)

    def rounds_seen(self, place: Place, there: Step, here: Step, rounds: Rounds, *, itself: bool = False) -> list[Rounds]:
        """Every round in which a question stands, as far as it is in the same rounds as whoever looks: out of a room one sees all
        windows of that room; from outside, those of every room. `itself`: the rounds of the group `there`."""
        around, own = (*place.dialog.groups[there.id], *((there,) if itself else ())), place.dialog.groups[here.id]
        shared = next((depth for depth, (one, other) in enumerate(zip(around, own, strict=False)) if one is not other), min(len(around), len(own)))
        shared = min(shared, len(rounds), len(place.dialog.groups[there.id]))
        spots = [rounds[:shared]]
        for group in around[shared:]:
            outer = (each for each in spots if place.dialog.form is None or self.applies(place, group, each))
            spots = list(islice(((*each, number_) for each in outer for number_ in range(1, self.last_round(place, group, each) + 1)), MOST_SPOTS))
        return spots

    def spots_back(self, place: Place, steps: Sequence[Step], rounds: Rounds = ()) -> Iterator[Spot]:
        """Every question in each of its rounds, from the last one back; whether it applies is still to be asked."""
        for step in reversed(steps):
            if step.steps and self.applies(place, step, rounds):
                last, answered = self.last_round(place, step, rounds), self.answers.last_round(self.id(place, step), rounds)
                if not step.count and (answered or not step.least):
                    yield step, (*rounds, last)
                elif not step.count and not answered and place.at not in {each.id for each in step.steps}:  # it was passed over
                    yield step.steps[0], (*rounds, 1)
                    continue
                for number_ in range(last, 0, -1):
                    yield from self.spots_back(place, step.steps, (*rounds, number_))
            elif step.is_question and not step.steps:
                yield step, rounds

    def before(self, place: Place) -> Spot | None:
        """The question before the pending one: looked for from there backwards, since a form may have hundreds of conditions."""
        spots = self.spots_back(place, place.dialog.steps)
        step = place.dialog.by_id.get(place.step)
        if step and not step.is_question and not place.dialog.form:
            return None
        for spot, rounds in spots if step is None or step.is_question else ():
            if spot.id == place.at and rounds == place.rounds:
                break
        return next((spot for spot in spots if spot[0].steps or self.applies(place, *spot)), None)

    def is_blank_round(self, place: Place) -> bool:
        """Was the round around the pending question asked for, and nothing answered in it yet?"""
        group, around = next(reversed(place.dialog.groups.get(place.at, ())), None), place.rounds[:-1]
        return group is not None and place.begun.get(f"{group.id} {in_round(around)}", 0) > self.answers.last_round(self.id(place, group), around)

    def allowed(self, purpose: str) -> bool:
        consent = self.consents.get(purpose)
        return consent is not None and consent.given and consent.version == self.scripts.consents[purpose][1].version

    def is_finished(self, place: Place, group: Step, around: Rounds = ()) -> bool:
        return self.kept(place, group, around) is not None

    def has_answer(self, place: Place, step: Step) -> bool:
        """The pending one, that is."""
        if place.dialog.form is None and (group := self.group(place)) and self.is_finished(place, group):
            return True
        if step.steps:
            return self.is_finished(place, step, place.rounds[:-1])
        return self.settled(place, step) if step.ask == "consent" else self.answered(place, step) is not None

    def answered(self, place: Place, step: Step) -> Answer | None:
        """What the pending question was answered before: then it is asked again, and may be kept."""
        return self.kept(place, step, place.rounds) if step.purpose and step.ask != "consent" and not step.steps else None

    def suggested(self, place: Place, step: Step) -> str:
        """An answer that the pending question has by default, while it has no other."""
        if step.default is None or self.answered(place, step):
            return ""
        return step.default.value(self.values(place, step, place.rounds, step.default.questions), longest=LONGEST_CALCULATED)

    # ---- what may be chosen ----

    def rows(self, place: Place, step: Step) -> Mapping[str, Sequence[Mapping[str, str]]]:
        return place.dialog.rows[step.own_list]

    def is_offered(self, place: Place, step: Step, rounds: Rounds, code: str) -> bool:
        if step.filter is None:
            return True
        values = self.values(place, step, rounds, step.filter.questions)
        return any(step.filter.holds({**values, **row}) for row in self.rows(place, step)[code])

    def offers_anything(self, place: Place, step: Step, rounds: Rounds) -> bool:
        """Or does its filter leave nothing to choose from?"""
        return any(self.is_offered(place, step, rounds, code) for code in self.rows(place, step))

    def contents(self, place: Place, step: Step) -> tuple[str, ...]:
        if step.own_list:
            return tuple(self.chosen_from(place, step))
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
            case "dialog" if not step.from_:
                return tuple(name for name in step.choices if name not in self.scripts or self.may(self.scripts[name]))
        return tuple(self.listed(place, step.from_)) if step.from_ else step.choices

    def chosen_from(self, place: Place, step: Step) -> Iterator[str]:
        if step.filter is None:
            yield from self.rows(place, step)
            return
        values = self.values(place, step, place.rounds, step.filter.questions)
        for code, rows in self.rows(place, step).items():
            for row in rows:
                values.update(row)
                if step.filter.holds(values):
                    yield code
                    break

    def listed(self, place: Place, source: str) -> Sequence[str] | Mapping[str, Fact]:
        need = Need(source, tuple(sorted(place.memo.items())) if source.startswith(OWN) else ())
        found = self.look_up(need)
        assert not isinstance(found, Found)  # noqa: S101 - lists are lists
        return found

    def look_up(self, need: Need) -> Sequence[str] | Mapping[str, Fact] | Found:
        if need not in self.looked_up:
            raise Missing(need)
        return self.looked_up[need]

    def searched(self, step: Step, **what: str) -> Found:
        """Entries of the taxonomy that a search step is `from`: by words, or of a group, or that belong to an occupation."""
        found = self.look_up(Need("taxonomy", tuple(sorted({"from": str(step.from_), "language": self.language, **what}.items()))))
        assert isinstance(found, Found)  # noqa: S101 - intake looks entries up so
        return found

    def code_of_button(self, place: Place, pressed: str) -> str:
        """The code that a button named, which may be a short name for it."""
        return next((code for code in place.offered if short(code) == pressed), "") if pressed.startswith("~") else pressed

    # ---- how it is asked ----

    def wording(self, place: Place, step: Step) -> tuple[Say, ...]:
        question = self.group(place) or step
        parts = [Say("common.for", {"name": self.called()})] if self.facts.get("profile") else []
        if question.is_question and len(lines := self.ahead(place)) > 1:
            at = next((number for number, line in enumerate(lines, 1) if line is question), 1)
            parts.append(Say("common.progress", {"at": at, "of": len(lines)}))
        name = self.id(place, step)
        if step.steps:
            parts += self.headings(place, place.dialog.groups[step.id])
            if self.last_round(place, step, place.rounds[:-1]) and not place.dialog.form:
                parts.append(Say("common.so-far", {"answer": self.told_rounds(place, step, place.rounds[:-1])}))
            parts.append(Say(name + ".another", self.facts_of(place, step, n=place.rounds[-1] + 1)))
            return tuple(parts)
        parts += self.headings(place, place.dialog.groups[step.id])
        facts = self.facts_of(place, step)
        if step.ask == "search" and (which := self.which_entry(place, step)):
            so_far = [Say("common.so-far", {"answer": self.told_of(step, name, place.rounds)})] if self.answered(place, step) else []
            return (*parts, which, *so_far)
        parts += [Say(name, facts), Say(name + ".hint", facts, optional=True)]
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
            inside = place.dialog.form is not None and question is not step
            parts.append(Say("common.so-far", {"answer": self.told_of(step, name, place.rounds) if inside else self.told(place, question)}))
        elif value := self.suggested(place, step):
            parts.append(Say("common.suggested", {"answer": told(step, name, Answer("given", value))}))
        return tuple(parts)

    def which_entry(self, place: Place, step: Step) -> Say | None:
        """What is asked once somebody wrote their words, or looks through the groups."""
        if any(about.get("opens") for about in place.about.values()):
            return Say("common.which-group")
        if step.words_of:
            return Say(self.id(place, step), {"words": self.words_of(place, step)})
        return Say("common.closest" if place.offered else "common.nothing-close", {"words": place.words}) if place.words else None

    def words_of(self, place: Place, step: Step) -> str:
        """What a search begins with: the words that the chosen label tells. Looked up every time: they are somebody else's, who may be forgotten."""
        before = place.dialog.step(str(step.words_of))
        listed = self.listed(place, str(before.from_))
        label = listed.get(place.memo.get(before.id, ""), "") if isinstance(listed, Mapping) else ""
        return str(label["with"]["words"] if isinstance(label, Mapping) else label) or "…"

    def picture_of(self, place: Place, step: Step) -> str:
        return f"{place.dialog.dialog}/{step.picture}" if step.picture else ""

    def headings(self, place: Place, groups: Sequence[Step]) -> list[Say]:
        """Whose round this is: "Person 2: Olena"."""
        return [
            Say(self.id(place, group) + ".heading", self.facts_of(place, group, place.rounds[: depth + 1], n=place.rounds[depth]), line=depth > 0)
            for depth, group in enumerate(groups)
            if group.heading
        ]

    def facts_of(self, place: Place, step: Step, rounds: Rounds | None = None, **more: int) -> Facts:
        """What stands in a step's sentences: answers to the questions that it `tells`, as they are told to people."""
        facts: dict[str, Fact] = dict(more)
        rounds = place.rounds if rounds is None else rounds
        for name in step.tells:
            there = place.dialog.find(name)
            inside = there is not None and step in place.dialog.groups[name]  # a group tells what was answered in its round
            spots = self.rounds_seen(place, there, there if inside else step, rounds) if there else []
            value = self.value_of(place, there, spots[0]) if there and spots else self.facts.get(name, "")
            kept = self.kept(place, there, spots[0]) if there and there.ask == "search" else None  # own words stand beside the value
            facts[name] = told(there, self.id(place, there), kept or Answer("given", value)) if there and value else value or "…"
        return facts

    def options(self, place: Place, step: Step) -> tuple[Option, ...]:
        return (*self.choosable(place, step), *self.navigation(place, step))

    def choosable(self, place: Place, step: Step, *, every: bool = False) -> tuple[Option, ...]:
        """`every`: all pages of a long list."""
        if step.steps:
            begun = place.rounds[-1]
            another = [Option(AGAIN, {"say": "common.add-another" if begun else "common.add-first"})] if begun < min(step.most, MOST_ROUNDS[0]) else []
            return (*another, Option(ENOUGH, {"say": "common.that-is-all" if begun else "common.none"}))
        name, toggles = self.id(place, step), step.ask in SEVERAL
        if step.ask == "date":
            return self.other_months(place, step)
        codes = place.offered if step.from_ or not step.choices else tuple(code for code in place.offered if code in step.choices)
        codes, turning = (codes, []) if every else self.page_of(place, codes)
        options = [
            Option(short(code), self.label(place, name, step, code), (code in place.picked) if toggles else None, self.group_of(place, code)) for code in codes
        ]
        if step.ask == "rank":
            options = [replace(each, label=self.ranked(place, code, each.label)) for each, code in zip(options, codes, strict=True)]
        options += turning
        if toggles:
            options.append(Option(DONE, {"say": "common.done"}))
        if step.ask == "summary":
            options.insert(0, Option(DONE, {"say": "common.all-correct"}))
        if step.more:
            options.append(Option(MORE, {"say": "common.more"}))
        if step.ask == "search":
            options += [Option(OTHER, {"say": "common.none-of-these"})] if place.words else []
            options += [Option(OTHER, {"say": "common.leave-words"})] if step.words_of else []
            options.append(Option(GROUPS, {"say": "common.show-groups"}))
        return tuple(options)

    def group_of(self, place: Place, code: str) -> Fact:
        """Of an entry: the second line tells a cook from a cook's helper."""
        about = place.about.get(code, {})
        return {"from": "groups", "code": about["isco"][:2]} if len(about.get("isco", "")) >= 2 and not about.get("opens") else ""

    def ranked(self, place: Place, code: str, label: Fact) -> Fact:
        """Its place in the order so far stands before it."""
        return {"say": "common.ranked", "with": {"n": place.picked.index(code) + 1, "name": label}} if code in place.picked else label

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
        if step.own_list:
            return {"from": f"{place.dialog.dialog}.{step.from_}", "code": code}
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

    def label_of(self, place: Place, question: str, code: str) -> str:
        """What a choice of a question is called, in the language of the conversation."""
        step = place.dialog.find(question)
        there = step is not None and (code in self.rows(place, step) if step.own_list else code in step.choices)
        return self.scripts.label(self.label(place, self.id(place, step), step, code), self.language) if step and there else code

    def navigation(self, place: Place, step: Step) -> tuple[Option, ...]:
        """Skip, back, "I'd rather not say": on every question of a profile dialog; the way back to what was interrupted on the others."""
        codes = []
        if step.steps:
            codes = [BACK] if self.before(place) else []
        elif step.is_question:
            may_keep, required = self.answered(place, step) is not None or bool(self.suggested(place, step)), self.is_required(place, step, place.rounds)
            codes = [KEEP] if may_keep else [] if required else [SKIP]
            codes += [UNKNOWN] if step.unknown else []
            codes += [] if required else [DECLINE]
            if self.before(place) or self.is_blank_round(place):
                codes.append(BACK)
        elif step.ask == "choice" and place.dialog.form:  # the last word: hand it in?
            codes = [BACK] if self.before(place) else []
        elif (
            len(self.frames) > 1 and place.dialog.dialog != "welcome" and not (step.ask == "consent" or step.gate)
        ):  # those are why we interrupted: nothing goes on without them
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
            code = self.code_of_button(place, code)
            return code in place.offered and (step.from_ is not None or not step.choices or code in step.choices)
        return any(option.code == code for option in self.options(place, step))

    def here(self) -> Here:
        """Today and the country are facts, so that the engine needs no clock."""
        facts = {name: value for name, value in self.facts.items() if value}
        return Here(self.language, date.fromisoformat(facts.get("today", "2026-01-01")), facts.get("home-country", "DE"), facts.get("now", "2026-01-01T00:00"))

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
        if place.dialog.form:  # with hundreds of conditions nobody counts on the sum
            return self.lines(place)
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

    # ---- what was told ----

    def told(self, place: Place, question: Step) -> Fact:
        """A question's answer as a fact, to be put into words at sending."""
        if question.steps and self.answers.now.get((self.id(place, question), ""), Answer("given")).kind == "given":
            return self.told_rounds(place, question, ())
        return self.told_of(question, self.id(place, question), ())

    def told_in(self, dialog: str) -> list[Say]:
        """What was answered in a dialog, line by line."""
        place = Place.of(Frame(dialog), self.scripts[dialog])
        return [self.line(place, each, follows=True) for each in self.lines(place) if self.has_told(place, each)]

    def has_told(self, place: Place, question: Step) -> bool:
        return self.is_finished(place, question) if question.steps else self.kept(place, question, ()) is not None

    def line(self, place: Place, question: Step, *, follows: bool) -> Say:
        return Say("common.line", {"name": {"say": self.id(place, question) + ".short"}, "answer": self.told(place, question)}, line=follows)

    def told_rounds(self, place: Place, group: Step, around: Rounds) -> Fact:
        """What was answered in a group, a round after the other; in a form, groups inside it only count."""
        questions = [inner for inner in group.steps if inner.is_question and not (inner.steps and place.dialog.form)]
        last = self.last_round(place, group, around) if group.count else self.answers.last_round(self.id(place, group), around)
        rounds = [(*around, number_) for number_ in range(1, last + 1)]
        told_ = [[self.told_inside(place, inner, each) for inner in questions if self.counts(place, inner, each)] for each in rounds]
        if not any(told_):
            return NOTHING
        return {"list": [{"pair": [first, *(fact for fact in rest if fact != NOTHING)]} for first, *rest in filter(None, told_)]}

    def told_inside(self, place: Place, inner: Step, rounds: Rounds) -> Fact:
        if not inner.steps:
            return self.told_of(inner, self.id(place, inner), rounds)
        answer = self.told_rounds(place, inner, rounds)
        return answer if answer == NOTHING else {"say": "common.line", "with": {"name": {"say": self.id(place, inner) + ".short"}, "answer": answer}}

    def counts(self, place: Place, step: Step, rounds: Rounds) -> bool:
        """Has it an answer, and (in a form) does that still apply?"""
        return self.kept(place, step, rounds) is not None and (place.dialog.form is None or self.applies(place, step, rounds))

    def told_of(self, step: Step, name: str, rounds: Rounds) -> Fact:
        fact = told(step, name, self.answers.now.get((name, in_round(rounds))))
        if rounds and step.ask in {"date", "month", "number", "integer", "decimal"} and fact != NOTHING:  # of two in a row, which is which?
            return {"say": "common.line", "with": {"name": {"say": name + ".short"}, "answer": fact}}
        return fact


def megabytes(step: Step) -> Facts:
    return {"most": {"decimal": f"{step.most_bytes / 1_000_000:.1f}".removesuffix(".0")}}


def told(step: Step, name: str, answer: Answer | None) -> Fact:
    """An answer as a fact: codes as references to their labels, the person's own words as they are."""
    if answer is None or answer.kind == "skipped" or (step.ask in SEVERAL and not answer.value and answer.kind == "given"):
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
    if answer.words and (step.other or (step.ask == "search" and answer.value == OWN_WORDS)):
        return answer.words
    if step.ask == "search" and not answer.value.startswith("http"):  # kept while the question was a text
        return answer.value
    of = "common" if step.ask == "yes-no" else name
    there = {"yes", "no"} if step.ask == "yes-no" else set(step.choices)  # what the script no longer has keeps its code
    source = f"{name.partition('.')[0]}.{step.from_}" if step.own_list else step.from_
    labels: list[Fact] = [{"from": source, "code": code} if source else {"say": f"{of}.{code}"} if code in there else code for code in answer.value.split()]
    return labels[0] if len(labels) == 1 else {"list": labels}


def is_free(step: Step, answer: Answer) -> bool:
    """Is it sentences of theirs, that somebody may have to translate? A name and a town are the same in every language."""
    if answer.kind != "given" or step.class_ != "profile":
        return False
    return step.ask == "text" or bool(answer.words and (step.other or (step.ask == "search" and answer.value == OWN_WORDS)))


def code_of(step: Step, answer: Answer) -> str | None:
    """What an answer may be matched by, in every language; None for somebody's own words."""
    if answer.kind != "given":
        return None
    if step.ask == "search":
        return answer.value if answer.value.startswith("http") else None
    coded = bool(answer.words) if step.ask == "town" else bool(step.facet) if step.calculate else step.ask in CODED and not answer.words
    return answer.value if coded else None
