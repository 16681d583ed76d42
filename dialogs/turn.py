"""One turn of a conversation: a pure function. No clock, no database, no await; it can be tested by reading it aloud.

Where to go next is never stored, it follows: the next question is the first one of the dialog that is not settled yet.
So a script may change under a person, a loop may break and years may pass: what is answered stays, only what is new is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from dialogs.kinds import TYPED as KINDS
from dialogs.kinds import Fault, Here, understand
from dialogs.model import CODED, TYPED, Dialog, Scripts, Step
from dialogs.nouns import (
    Answer,
    Command,
    Consent,
    Decision,
    Effect,
    Fact,
    Frame,
    Heard,
    Known,
    Message,
    Need,
    Option,
    Press,
    Question,
    Resume,
    Say,
    State,
    Text,
    Turn,
)

LookedUp = Mapping[Need, tuple[str, ...]]  # a source's codes

NOTHING: Fact = {"say": "common.nothing"}
FURTHEST = 200  # steps that one turn may walk before we call it a circle of `goto`
SKIP, DECLINE, UNKNOWN, BACK, KEEP, CLOSE, MORE, DONE, AGAIN, ENOUGH = ".skip .decline .unknown .back .keep .close .more .done .again .enough".split()
EARLIER, LATER, ALL = ".earlier", ".later", ".all"  # pages of a long list
LONG, PAGE = 24, 10  # options: a longer list is shown in pages, and may be searched by typing
STARS = 5
BY_NAME = {"skip": SKIP, "back": BACK, "done": DONE}  # commands that press the button of that name


def take_turn(scripts: Scripts, state: State, known: Known, heard: Heard, looked_up: LookedUp | None = None) -> Turn:
    """What follows when a person in `state`, of whom we know `known`, does `heard`. Raises nothing that `heard` could cause."""
    walk = _Walk(scripts, state, known, looked_up or {})
    try:
        walk.hear(heard)
    except _Missing as missing:
        return Turn(state, needs=(missing.need,))
    return walk.turn()


def offered(scripts: Scripts, state: State, known: Known) -> Message | None:
    """The options that stand on the table (of a long list: all of them), so that a typed label can be recognised; None at a
    question that is typed."""
    walk = _Walk(scripts, state, known, {})
    if not walk.frames:
        return None
    frame = walk.top
    step = walk.pending(frame)
    if step is None or frame.prompt == 0 or step.ask in TYPED:
        return None
    return Message((), (*walk.choosable(frame, step, every=True), *walk.navigation(frame, step)), frame.prompt)


class _Missing(Exception):
    def __init__(self, need: Need) -> None:
        super().__init__(need.source)
        self.need = need


@dataclass(slots=True, eq=False)
class _Place:
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
    def of(cls, frame: Frame, dialog: Dialog) -> _Place:
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
class _Answers:
    """Answers before and during the turn, and which of them changed."""

    now: dict[Question, Answer]
    changed: dict[Question, Answer | None] = field(default_factory=dict)

    def put(self, question: Question, answer: Answer) -> None:
        self.now[question] = self.changed[question] = answer

    def drop(self, question: Question) -> None:
        if self.now.pop(question, None):
            self.changed[question] = None


class _Walk:
    """The engine at work: everything it changes is its own copy."""

    def __init__(self, scripts: Scripts, state: State, known: Known, looked_up: LookedUp) -> None:
        self.scripts, self.state, self.looked_up, self.facts = scripts, state, looked_up, known.facts
        self.language, self.prompts, self.passed, self.brought = state.language, state.prompts, list(state.passed), dict(state.brought)
        self.answers, self.consents = _Answers(dict(known.answers)), dict(known.consents)
        # A dialog that left the scripts leaves the conversation too.
        self.frames = [_Place.of(frame, scripts[frame.dialog]) for frame in state.frames if frame.dialog in scripts]
        self.parts: list[Say] = []
        self.question: Message | None = None
        self.decided: list[Decision] = []
        self.effects: list[Effect] = []
        self.over = False

    @property
    def top(self) -> _Place:
        return self.frames[-1]

    def turn(self) -> Turn:
        state = State(self.language, self.prompts, tuple(self.passed), self.brought, tuple(place.frozen() for place in self.frames))
        message = self.question or Message(())
        said = replace(message, parts=(*self.parts, *message.parts)) if self.parts else message
        return Turn(state, (said,) if said.parts else (), self.answers.changed, tuple(self.decided), tuple(self.effects))

    # ---- hearing ----

    def hear(self, heard: Heard) -> None:
        first = not self.frames
        if first:
            self.open("menu" if self.state.frames else "welcome")  # the menu: their dialog was taken out of the scripts
        brought = {**self.brought, **(heard.brought if isinstance(heard, Command) else {})}
        self.brought = {question: value for question, value in brought.items() if (question, "") not in self.answers.now}
        withdrawn = self.is_withdrawn()
        if withdrawn:
            self.top.turn_to()
        overtaken = not withdrawn and self.is_overtaken(resumed=isinstance(heard, Resume))
        if overtaken:
            group = self.group(self.top)
            self.top.turn_to(*((group.id, "", self.top.round) if group and not self.is_finished(self.top, group) else ()))
        match heard:
            case Command(name, argument) if name in self.scripts.commands and not (name == "menu" and self.is_unwelcomed()):
                self.command(self.scripts.commands[name], argument)
            case _ if first or isinstance(heard, Resume):
                self.go_on()
            case Press() | Text() if withdrawn:  # no answer without its consent, whenever that was taken back
                self.go_on()
            case Press() | Text() if overtaken:  # it was meant for a question that has its answer by now
                self.again("common.meanwhile")
            case Command("start"):
                self.again("common.welcome-back")
            case Command(name) if name in BY_NAME and self.takes(BY_NAME[name]):
                self.choose(BY_NAME[name])
            case Command(name) if name in BY_NAME or name == "menu":
                self.again("common.press-a-button")
            case Command():
                self.again("common.unknown-command")
            case Press(prompt, code):
                if prompt == self.top.prompt and self.takes(code):
                    self.choose(code)
                else:
                    self.again("common.old-button")
            case Text(text, found):
                self.type(text, found)
            case _:
                self.again("common.edited" if heard.kind == "edited" else "common.unreadable")

    def is_withdrawn(self) -> bool:
        """Was the consent for the pending question taken back, in another chat of theirs?"""
        step = self.pending(self.top)
        return step is not None and step.ask != "consent" and step.purpose is not None and not self.consents.get(step.purpose, Consent(0, given=False)).given

    def is_overtaken(self, *, resumed: bool) -> bool:
        """Was the pending question answered in another chat of theirs meanwhile?"""
        place = self.top
        step = self.pending(place) if (place.prompt or resumed) and not place.anew else None
        return step is not None and step.ask != "consent" and self.has_answer(place, step)

    def has_answer(self, place: _Place, step: Step) -> bool:
        group = self.group(place)
        if group and self.is_finished(place, group):
            return True
        return self.settled(place, step) if step.ask == "consent" else self.answered(place, step) is not None

    def is_finished(self, place: _Place, group: Step) -> bool:
        return (self.id(place, group), "") in self.answers.now

    def command(self, dialog: str, argument: str) -> None:
        self.open(dialog)
        self.go_on()
        step = self.pending(self.top)
        if step and step.sets and argument in self.top.offered and self.top.dialog.dialog == dialog:  # `/language de`; never `/forget yes`
            self.parts, self.question = [], None
            self.choose(argument)

    def is_unwelcomed(self) -> bool:
        """Still before "who we are, and which language": the menu comes after that."""
        return any(place.dialog.dialog == "welcome" for place in self.frames)

    def again(self, *sentences: str) -> None:
        """Say something, and the pending question again."""
        self.parts += [Say(sentence) for sentence in sentences]
        self.go_on()

    def type(self, text: str, found: tuple[str, ...]) -> None:
        place = self.top
        step = self.pending(place)
        if step is None or place.prompt == 0:
            self.go_on()
        elif len(place.offered) > LONG and (found := tuple(code for code in found if code in place.offered)):
            place.found, place.page = found, 0
            self.go_on()
        elif step.ask in TYPED or (step.other and step.ask == "choice"):
            answer = understand(step, text, self.here(), insisted=place.warned)
            if isinstance(answer, Fault):
                place.warned = answer.sentence == "common.looks-private"
                self.parts.append(Say(answer.sentence, answer.facts))
                self.go_on()
            else:
                self.settle(place, step, answer)
        elif len(place.offered) > LONG:
            self.again("common.none-found")
        else:
            self.again("common.press-a-button")

    def here(self) -> Here:
        """Today and the country are facts, so that the engine needs no clock."""
        facts = {name: value for name, value in self.facts.items() if value}
        return Here(self.language, date.fromisoformat(facts.get("today", "2026-01-01")), facts.get("home-country", "DE"))

    # ---- choosing ----

    def choose(self, code: str) -> None:
        place = self.top
        step = self.pending(place)
        if step is None:
            return self.go_on()
        navigate = _NAVIGATION.get(code)
        if navigate:
            navigate(self, place, step)
        else:
            _CHOICES[str(step.ask)](self, place, step, code)
        return None

    def skip(self, place: _Place, step: Step) -> None:
        self.pass_over(place, step, Answer("skipped"))

    def decline(self, place: _Place, step: Step) -> None:
        self.pass_over(place, step, Answer("declined"))

    def know_not(self, place: _Place, step: Step) -> None:
        self.pass_over(place, step, Answer("unknown"))

    def turn_page(self, place: _Place, by: int) -> None:
        place.page += by
        self.go_on()
        assert self.question  # noqa: S101 - the pending question, another page of it
        self.question = replace(self.question, edits=True)

    def earlier(self, place: _Place, _step: Step) -> None:
        self.turn_page(place, -1)

    def later(self, place: _Place, _step: Step) -> None:
        self.turn_page(place, 1)

    def show_all(self, place: _Place, _step: Step) -> None:
        place.found = ()
        self.turn_page(place, -place.page)

    def pass_over(self, place: _Place, step: Step, answer: Answer) -> None:
        group = self.group(place)
        if group and step is group.steps[0]:
            if place.round > 1:
                self.drop_round(place, group, group.steps)
                return self.enough(place, step)
            self.clear(place, group)
            self.answers.put((self.id(place, group), ""), answer)
            place.turn_to()
            return self.go_on()
        return self.settle(place, step, answer)

    def keep(self, place: _Place, _step: Step) -> None:
        group = self.group(place)
        place.turn_to(*((group.id, "", place.round) if group else ()))
        self.go_on()

    def close(self, place: _Place, _step: Step) -> None:
        self.frames.remove(place)
        self.go_on()

    def tell_more(self, place: _Place, step: Step) -> None:
        self.again(self.id(place, step) + ".more")

    def done(self, place: _Place, step: Step) -> None:
        if place.picked:
            self.settle(place, step, Answer("given", " ".join(place.picked)))
        else:
            self.again("common.pick-one")

    def one_more(self, place: _Place, _step: Step) -> None:
        place.turn_to(place.step, "", place.round + 1)
        self.go_on()

    def enough(self, place: _Place, _step: Step) -> None:
        group = place.dialog.by_id[place.step]
        self.answers.put((self.id(place, group), ""), Answer("given", str(len(self.numbers(place, group)))))
        place.turn_to()
        self.go_on()

    def back(self, place: _Place, step: Step) -> None:
        group = self.group(place)
        if group and place.inner == "another":
            place.turn_to(group.id, group.steps[-1].id, place.round)
        elif group and step is not group.steps[0]:
            place.turn_to(group.id, self.previous(group, step).id, place.round)
        elif group and place.round > 1:
            place.turn_to(group.id, group.steps[-1].id, place.round - 1)
        elif before := self.before(place):
            place.turn_to(before.id)
        self.go_on()

    def toggle(self, place: _Place, step: Step, code: str) -> None:
        if code == DONE:
            return self.done(place, step)
        picked = set(place.picked) ^ {code}
        place.picked = tuple(each for each in place.offered if each in picked)  # in the order offered, however they were pressed
        self.ask(place, step)
        assert self.question  # noqa: S101 - ask() has just made it
        self.question = replace(self.question, edits=True)
        return None

    def take(self, place: _Place, step: Step, code: str) -> None:
        self.settle(place, step, Answer("given", code))

    def decide(self, place: _Place, step: Step, code: str) -> None:
        purpose = str(step.purpose)
        had = self.consents.get(purpose, Consent(0, given=False)).given
        verdict: Literal["given", "refused", "withdrawn"] = "given" if code == "yes" else "withdrawn" if had else "refused"
        self.decided.append(Decision(purpose, step.version, verdict, self.id(place, step)))
        self.consents[purpose] = Consent(step.version, verdict == "given")
        self.parts.append(Say(f"{self.id(place, step)}.after-{code}", optional=True))
        place.turn_to()
        if verdict != "given":
            self.forget(purpose, place)
            if step.required:
                self.frames.remove(place)
        self.go_on()

    def pass_gate(self, place: _Place, step: Step, code: str) -> None:
        if not step.gate:
            return self.take(place, step, code)
        place.turn_to()
        if code == "yes":
            self.passed.append(self.id(place, step))
        else:
            self.brought.clear()  # nothing that a link said of somebody too young is kept
            self.parts.append(Say(f"{self.id(place, step)}.after-no"))
            self.frames.remove(place)
        return self.go_on()

    def withdraw(self, place: _Place, step: Step, code: str) -> None:
        given = [purpose for purpose, consent in self.consents.items() if consent.given]
        for purpose in given if code == "everything" else [code]:
            self.decided.append(Decision(purpose, self.consents[purpose].version, "withdrawn", self.id(place, step)))
            self.consents[purpose] = Consent(self.consents[purpose].version, given=False)
            self.forget(purpose, place)
        self.settle(place, step, Answer("given", code))

    def forget(self, purpose: str, place: _Place) -> None:
        """Without the consent its dialogs and answers go; the store does the same in the same commit."""
        self.frames = [each for each in self.frames if each is place or purpose not in each.dialog.purposes]
        for question in list(self.answers.now):
            step = self.scripts.question(question[0])
            if step and step.purpose == purpose:
                self.answers.now.pop(question)
        self.brought = {name: value for name, value in self.brought.items() if (step := self.scripts.question(name)) and step.purpose != purpose}

    def open_chosen(self, place: _Place, _step: Step, code: str) -> None:
        self.frames.remove(place)
        self.open(code)
        self.go_on()

    def change(self, place: _Place, step: Step, code: str) -> None:
        if code == DONE:
            place.done.append(step.id)
            place.turn_to()
            self.drop_what_no_longer_applies(place)
        else:
            place.turn_to(code)
        self.go_on()

    def drop_what_no_longer_applies(self, place: _Place) -> None:
        """The summary did not show it, and was confirmed."""
        for question in place.dialog.questions:
            if not self.applies(place, question):
                self.clear(place, question)

    def settle(self, place: _Place, step: Step, answer: Answer) -> None:
        """The pending question has its answer; on to whatever is open."""
        group = self.group(place)
        if group and step is group.steps[0] and answer != self.answered(place, step):
            self.drop_round(place, group, group.steps[1:])  # another language, another level
        if step.purpose:
            self.answers.put((self.id(place, group, step) if group else self.id(place, step), str(place.round) if group else ""), answer)
        else:
            place.memo[step.id] = answer.value
        if step.sets == "language" and answer.kind == "given":
            self.set_language(answer.value)
        place.turn_to(*((group.id, "", place.round) if group else ()))
        self.go_on()

    def set_language(self, language: str) -> None:
        """From now on; whoever else was about to ask for it (the welcome) need not."""
        self.language = language
        for place in self.frames:
            for step in place.dialog.steps:
                if step.sets == "language" and place is not self.top:
                    place.memo[step.id] = language
                    place.turn_to()

    def drop_round(self, place: _Place, group: Step, steps: Sequence[Step]) -> None:
        for inner in steps:
            self.answers.drop((self.id(place, group, inner), str(place.round)))

    def clear(self, place: _Place, group: Step) -> None:
        prefix = self.id(place, group)
        for question in [each for each in self.answers.now if each[0] == prefix or each[0].startswith(prefix + ".")]:
            self.answers.drop(question)

    # ---- going on ----

    def open(self, name: str) -> None:
        """On top; a dialog that is under way already comes up again as it stands."""
        under_way = next((place for place in self.frames if place.dialog.dialog == name), None)
        if under_way:
            self.frames.remove(under_way)
        self.frames.append(under_way or _Place.of(Frame(name), self.scripts[name]))

    def go_on(self) -> None:
        """Walk until something is asked, or the conversation ends."""
        for _ in range(FURTHEST):
            if self.over:
                return
            if not self.frames:
                self.open("menu")
            place = self.top
            step = self.pending(place) or self.next(place)
            if self.over or not self.frames or place is not self.top:
                continue  # a `goto` or an end on the way
            if step is None:
                self.frames.pop()
            elif step.purpose and step.ask != "consent" and not self.allowed(step.purpose):
                self.open(self.scripts.consents[step.purpose][0])
                self.top.turn_to()  # whatever was pending there: first things first
            elif not self.take_brought(place, step) and self.ask(place, step):
                return
        raise RecursionError(f"the dialog {self.top.dialog.dialog} walks in a circle")

    def take_brought(self, place: _Place, step: Step) -> bool:
        """An answer that came with a link counts as soon as it may be kept."""
        value = self.brought.pop(self.id(place, step), None)
        if value is None or (step.ask == "choice" and value not in step.choices):
            return False
        name, answer = self.id(place, step), Answer("given", value)
        self.answers.put((name, ""), answer)
        self.parts.append(Say(name + ".brought", {"answer": told(step, name, answer)}, optional=True))
        place.turn_to()
        return True

    def allowed(self, purpose: str) -> bool:
        consent = self.consents.get(purpose)
        return consent is not None and consent.given and consent.version == self.scripts.consents[purpose][1].version

    def pending(self, place: _Place) -> Step | None:
        """The step that waits for an answer: of a group, the inner one (or the group itself at "another?")."""
        step = place.dialog.by_id.get(place.step)
        if step is None or not self.applies(place, step) or not (step.ask or step.steps):
            return None
        if not step.steps or place.inner == "another":
            return step
        return next((inner for inner in step.steps if inner.id == place.inner), None)

    def next(self, place: _Place) -> Step | None:
        """The first step that is not settled; what is only said or done on the way is said and done."""
        group = place.dialog.by_id.get(place.step)
        if group and group.steps and self.applies(place, group):
            return self.next_inside(place, group)
        for step in place.dialog.steps:
            if step.when is not None and not self.applies(place, step):
                continue
            if step.ask is None and not step.steps:
                if step.id not in place.done:
                    self.do(place, step)
                    if self.over or not self.frames or place is not self.top:
                        return None
            elif not self.settled(place, step):
                place.turn_to(step.id)
                return self.next_inside(place, step) if step.steps else step
        return None

    def next_inside(self, place: _Place, group: Step) -> Step:
        self.answers.drop((self.id(place, group), ""))  # a finished group that is looked at again is open again
        for inner in group.steps:
            if (self.id(place, group, inner), str(place.round)) not in self.answers.now:
                place.turn_to(group.id, inner.id, place.round)
                return inner
        place.turn_to(group.id, "another", max([place.round, *self.numbers(place, group)]))
        return group

    def do(self, place: _Place, step: Step) -> None:
        place.done.append(step.id)
        self.parts.append(Say(self.id(place, step), optional=bool(step.effect or step.goto)))
        if step.effect:
            self.effects.append(Effect(step.effect, dict(place.memo)))
        if step.ends:
            self.frames, self.over = [], True
        elif step.goto:
            self.frames.remove(place)
            dialog, _, question = step.goto.partition(".")
            self.open(dialog)
            if question and all(self.settled(self.top, gate) for gate in self.top.dialog.steps if gate.gate):
                self.top.turn_to(question)

    def settled(self, place: _Place, step: Step) -> bool:
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

    def applies(self, place: _Place, step: Step) -> bool:
        return step.when is None or step.when.holds(self.values(place, step.when.questions))

    def values(self, place: _Place, questions: frozenset[str]) -> dict[str, str]:
        values = {}
        for name in questions:
            if name in self.facts:
                values[name] = self.facts[name]
            elif name in place.memo:
                values[name] = place.memo[name]
            elif answer := self.answers.now.get((name if "." in name else f"{place.dialog.dialog}.{name}", "")):
                values[name] = answer.value
        return values

    # ---- asking ----

    def ask(self, place: _Place, step: Step) -> bool:
        """False: there is nothing to ask after all."""
        if place.prompt == 0 or not (step.from_ or step.ask == "withdrawal"):
            place.offered = self.contents(place, step)  # a list from outside is frozen; what the script says is as the script says
        if place.prompt == 0:
            if not place.offered and step.ask in {"choice", "choices", "withdrawal"}:
                self.parts.append(Say(self.id(place, step) + ".none"))
                place.memo[step.id] = ""
                place.turn_to()
                return False
            before = self.answered(place, step)
            if step.ask == "choices" and before and before.kind == "given":
                place.picked = tuple(code for code in before.value.split() if code in place.offered)
            self.prompts += 1
            place.prompt, place.anew = self.prompts, self.has_answer(place, step)
        typing = step.ask in TYPED or step.other or len(place.offered) > LONG
        self.question = Message(self.wording(place, step), self.options(place, step), place.prompt, step.columns, typing)
        return True

    def contents(self, place: _Place, step: Step) -> tuple[str, ...]:
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
        if step.from_:
            need = Need(step.from_)
            if need not in self.looked_up:
                raise _Missing(need)
            return self.looked_up[need]
        return step.choices

    def wording(self, place: _Place, step: Step) -> tuple[Say, ...]:
        group = self.group(place)
        question = group or step
        parts = []
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
        if step.ask == "summary":
            parts += [self.line(place, line, follows=number > 0) for number, line in enumerate(self.lines(place))]
        elif self.answered(place, step):
            parts.append(Say("common.so-far", {"answer": self.told(place, question)}))
        return tuple(parts)

    def options(self, place: _Place, step: Step) -> tuple[Option, ...]:
        return (*self.choosable(place, step), *self.navigation(place, step))

    def choosable(self, place: _Place, step: Step, *, every: bool = False) -> tuple[Option, ...]:
        """`every`: all pages of a long list."""
        group = self.group(place)
        if group and place.inner == "another":
            another = [Option(AGAIN, {"say": "common.add-another"})] if place.round < group.most else []
            return (*another, Option(ENOUGH, {"say": "common.that-is-all"}))
        name = self.id(place, group, step) if group else self.id(place, step)
        toggles = step.ask == "choices"
        codes = place.offered if step.from_ or not step.choices else tuple(code for code in place.offered if code in step.choices)
        codes, turning = (codes, []) if every else self.page_of(place, codes)
        options = [Option(code, self.label(name, step, code), (code in place.picked) if toggles else None) for code in codes]
        options += turning
        if toggles:
            options.append(Option(DONE, {"say": "common.done"}))
        if step.ask == "summary":
            options.insert(0, Option(DONE, {"say": "common.all-correct"}))
        if step.more:
            options.append(Option(MORE, {"say": "common.more"}))
        return tuple(options)

    def page_of(self, place: _Place, codes: tuple[str, ...]) -> tuple[tuple[str, ...], list[Option]]:
        """What of a list is shown, and the buttons that lead on."""
        if len(codes) <= LONG:
            return codes, []
        shown = tuple(code for code in place.found if code in codes) or codes
        at = min(place.page * PAGE, (len(shown) - 1) // PAGE * PAGE)
        turning = [(EARLIER, at > 0), (LATER, at + PAGE < len(shown)), (ALL, len(shown) < len(codes))]
        return shown[at : at + PAGE], [Option(code, {"say": f"common.{code[1:]}"}) for code, there in turning if there]

    def label(self, name: str, step: Step, code: str) -> Fact:
        if step.from_:
            return {"from": step.from_, "code": code}
        if step.ask == "summary":
            return {"say": f"{name.rpartition('.')[0]}.{code}.short"}
        if step.ask == "rating":
            return "\u2b50" * int(code[1:])
        if step.ask == "consent" or (step.ask == "yes-no" and not step.gate):
            return {"say": f"common.{code}"}
        return {"say": f"{name}.{code}"}

    def navigation(self, place: _Place, step: Step) -> tuple[Option, ...]:
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
        if not code.startswith("."):
            return code in place.offered and (step.from_ is not None or not step.choices or code in step.choices)
        return any(option.code == code for option in self.options(place, step))

    # ---- looking around ----

    def id(self, place: _Place, step: Step, inner: Step | None = None) -> str:
        name = f"{place.dialog.dialog}.{step.id}"
        return f"{name}.{inner.id}" if inner else name

    def group(self, place: _Place) -> Step | None:
        step = place.dialog.by_id.get(place.step)
        return step if step and step.steps else None

    def lines(self, place: _Place) -> list[Step]:
        """The questions that this person is asked, in order."""
        return [step for step in place.dialog.questions if step.when is None or self.applies(place, step)]

    def ahead(self, place: _Place) -> list[Step]:
        """The same, with those that may still turn out to apply: "3 of 9" must not become "3 of 10"."""
        return [step for step in place.dialog.questions if step.when is None or self.is_open(place, step.when.questions) or self.applies(place, step)]

    def is_open(self, place: _Place, questions: frozenset[str]) -> bool:
        return any("." not in name and (f"{place.dialog.dialog}.{name}", "") not in self.answers.now for name in questions if name in place.dialog.by_id)

    def previous(self, group: Step, step: Step) -> Step:
        return next(earlier for earlier, later in zip(group.steps, group.steps[1:], strict=False) if later is step)

    def before(self, place: _Place) -> Step | None:
        """The question before the pending one."""
        lines = self.lines(place)
        at = next((number for number, step in enumerate(lines) if step.id == place.step), 0)
        return lines[at - 1] if at else None

    def answered(self, place: _Place, step: Step) -> Answer | None:
        """What the pending question was answered before: then it is asked again, and may be kept."""
        group = self.group(place)
        if group:
            return self.answers.now.get((self.id(place, group, step), str(place.round)))
        return self.answers.now.get((self.id(place, step), "")) if step.purpose and step.ask != "consent" else None

    def told(self, place: _Place, question: Step) -> Fact:
        """A question's answer as a fact, to be put into words at sending."""
        if question.steps and self.answers.now.get((self.id(place, question), ""), Answer("given")).kind == "given":
            return self.rounds(place, question)
        return self.told_of(question, self.id(place, question), "")

    def line(self, place: _Place, question: Step, *, follows: bool) -> Say:
        return Say("common.line", {"name": {"say": self.id(place, question) + ".short"}, "answer": self.told(place, question)}, line=follows)

    def numbers(self, place: _Place, group: Step) -> list[int]:
        """The rounds that were answered."""
        first = self.id(place, group, group.steps[0])
        return sorted(int(round_) for question, round_ in self.answers.now if question == first)

    def rounds(self, place: _Place, group: Step) -> Fact:
        names = [self.id(place, group, inner) for inner in group.steps]
        told_ = [[self.told_of(*each, str(number)) for each in zip(group.steps, names, strict=True)] for number in self.numbers(place, group)]
        return {"list": [{"pair": [first, *(fact for fact in rest if fact != NOTHING)]} for first, *rest in told_]}

    def told_of(self, step: Step, name: str, round_: str) -> Fact:
        fact = told(step, name, self.answers.now.get((name, round_)))
        if round_ and step.ask in {"date", "month"} and fact != NOTHING:  # of two dates in a row, which is which?
            return {"say": "common.line", "with": {"name": {"say": name + ".short"}, "answer": fact}}
        return fact


def told(step: Step, name: str, answer: Answer | None) -> Fact:
    """An answer as a fact: codes as references to their labels, the person's own words as they are."""
    if answer is None or answer.kind == "skipped":
        return NOTHING
    if answer.kind != "given":
        return {"say": f"common.{answer.kind}"}
    if step.ask and step.ask in KINDS:
        return KINDS[step.ask].told(answer.value)
    if step.ask == "rating":
        return "\u2b50" * int(answer.value[1:])
    if step.ask not in CODED or step.ask == "brought":
        return answer.value
    if answer.words and step.other:
        return answer.words
    of = "common" if step.ask == "yes-no" else name
    labels: list[Fact] = [{"from": step.from_, "code": code} if step.from_ else {"say": f"{of}.{code}"} for code in answer.value.split()]
    return labels[0] if len(labels) == 1 else {"list": labels}


_NAVIGATION: dict[str, Callable[[_Walk, _Place, Step], None]] = {
    SKIP: _Walk.skip,
    DECLINE: _Walk.decline,
    UNKNOWN: _Walk.know_not,
    EARLIER: _Walk.earlier,
    LATER: _Walk.later,
    ALL: _Walk.show_all,
    KEEP: _Walk.keep,
    CLOSE: _Walk.close,
    MORE: _Walk.tell_more,
    AGAIN: _Walk.one_more,
    ENOUGH: _Walk.enough,
    BACK: _Walk.back,
}
_CHOICES: dict[str, Callable[[_Walk, _Place, Step, str], None]] = {
    "choice": _Walk.take,
    "rating": _Walk.take,
    "choices": _Walk.toggle,
    "yes-no": _Walk.pass_gate,
    "consent": _Walk.decide,
    "withdrawal": _Walk.withdraw,
    "dialog": _Walk.open_chosen,
    "summary": _Walk.change,
}
