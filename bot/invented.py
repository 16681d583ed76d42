"""Somebody invented, who stands where the engine asks just one step of a dialog: what they answered before, and what is
known of them, so that every condition on the way is true. `bot/preview.py` looks at what they are told there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice, product

from bot.effects import LISTS
from bot.settings import Programme
from bot.sources import BUILT_IN, GROUPS, group_code, listed
from bot.taxonomy import OFFERED, TAXONOMY
from dialogs.asking import OWN_WORDS
from dialogs.expressions import Expression
from dialogs.model import RANKS, RESERVED, SEVERAL, TAXONOMIES, TYPED, Dialog, Scripts, Step
from dialogs.nouns import Answer, Consent, Fact, Found, Frame, Heard, Known, Message, Need, Press, Question, State, Turn
from dialogs.turn import take_turn
from translations.words import Words, is_right_to_left

TRIES = 100_000  # ways to answer that are tried to make a condition true
EXAMPLE_ADDRESS = "https://bot.example.org/chat"  # of the web chat
NUMBERS = ("12", "1", "100", "2020", "0.5")
EXAMPLES: Mapping[str, str] = {
    "phone": "+4930123456",
    "email": "name@example.org",
    "web-address": "https://www.example.org",
    "time": "14:30:00.000",
    "date-time": "2026-11-28T14:30:00.000",
    "span": "2027-03-18T13:00/2027-03-18T15:15",
    "place": "54.09 12.13 0 0",
    "places": "54.09 12.13 0 0;54.1 12.15 0 0;54.09 12.13 0 0",
}
NAMES: Mapping[str, Fact] = {"one": "Olena", "two": "Invented Amina", "three": "مثال"}  # what lists of somebody's own may hold: people,
FORMS: Mapping[str, Fact] = {"one": "Your first weeks", "two": "How was the course?", "three": "مثال"}  # questionnaires,
WRITTEN: Mapping[str, Fact] = {  # words that nothing fits,
    code: {"say": "uncoded.line", "with": {"words": words, "language": {"from": "languages", "code": "en"}, "n": 2}}
    for code, words in (("one", "to embroider towels"), ("two", "example"))
}
FIRMS: Mapping[str, Fact] = {"one": "Example Bakery", "two": "Invented Steel Ltd", "three": "مثال"}  # and whatever else
HELD: Mapping[str, Fact] = {  # events,
    code: {"say": "events.label", "with": {"title": title, "day": {"day": day}}}
    for code, title, day in (("one", "Round table", "2027-03-18"), ("two", "Invented fair", "2027-04-01"), ("three", "مثال", "2027-05-05"))
}
MADE_UP: Mapping[str, Mapping[str, Fact]] = {
    "my-uncoded": WRITTEN,
    "my-profiles": NAMES,
    "my-people": NAMES,
    "my-forms": FORMS,
    "my-events": HELD,
    "my-signups": HELD,
    "open-events": {**HELD, "everything": {"say": "events.show-everything"}},
}
STATES: Mapping[str, tuple[str, ...]] = {"speaks-for": ("one", ""), "profile": ("", "Olena"), "staff": RANKS}  # what these facts may be
SILENCE = Message(())

Listed = Sequence[str] | Mapping[str, Fact]
Rule = tuple[str, Expression, bool]  # a condition, whether it is to hold, and for which answer ("": in any case)


@dataclass(frozen=True, slots=True)
class Moment:
    """Where somebody stands, and what they were told last."""

    state: State
    known: Known
    said: Message = SILENCE

    @property
    def prompt(self) -> int:
        return self.state.frames[-1].prompt if self.state.frames else 0

    def press(self, code: str) -> Press:
        return Press(self.prompt, code)

    def waits_for(self, dialog: str, step: str, inner: str) -> bool:
        top = self.state.frames[-1] if self.state.frames else Frame("")
        return (top.dialog, top.step, top.inner) == (dialog, step, inner)

    def offers(self, code: str) -> bool:
        return any(option.code == code for option in self.said.options)


class Inventor:
    def __init__(self, scripts: Scripts, words: Words, programme: Programme, dialog: Dialog, language: str, today: date) -> None:
        self.scripts, self.words, self.programme, self.dialog, self.language, self.today = scripts, words, programme, dialog, language, today
        self.facts = {
            "channel": "web",
            "webchat": words.constant("webchat"),
            "today": today.isoformat(),
            "home-country": programme.country,
            "staff": dialog.staff,
            "speaks-for": "one" if dialog.of == "organisation" else "",
            "profile": "",
            "takes-files": "yes",
            "from-the-right": "yes" if is_right_to_left(language) else "",
            "forms": "yes",
        }

    def act(self, moment: Moment, heard: Heard, *, nothing: bool = False) -> Moment:
        """A turn, and what the store would keep of it. `nothing`: every list is empty."""
        looked_up: dict[Need, Listed | Found] = {}
        turn = take_turn(self.scripts, moment.state, moment.known, heard)
        while turn.needs:
            looked_up |= {need: found(need) if need.source == TAXONOMY else () if nothing else self.listed(need.source) for need in turn.needs}
            turn = take_turn(self.scripts, moment.state, moment.known, heard, looked_up)
        return Moment(turn.state, _kept(moment.known, turn), turn.said[0] if turn.said else SILENCE)

    def listed(self, source: str) -> Listed:
        if source == "portals":
            return tuple(self.programme.portals) or ("example-portal",)
        if source in LISTS:
            return MADE_UP.get(source, FIRMS)
        return listed(source, self.language, self.words)

    def led_to(self, step: Step, *rules: Rule) -> Moment | None:
        """Somebody who answered everything before, in a way that makes the conditions (and these `rules`) true. None: there is
        no such way."""
        wanted = self.wanted(step, rules)
        if wanted is None:
            return None
        name, begins = self.dialog.dialog, self.dialog.dialog == "welcome"  # nobody has agreed to anything before hello
        before = self.dialog.steps[: self.dialog.steps.index(step)]
        strangers = {id(each) for each in self.dialog.steps if each not in before}
        gates = [(each, each.gate_of(f"{dialog.dialog}.{each.id}")) for dialog in self.scripts.values() for each in dialog.steps if each.gate]
        passed = sorted({gate for _, gate in gates} - {gate for each, gate in gates if id(each) in strangers})
        consents = {purpose: Consent(each.version, given=True) for purpose, (_, each) in self.scripts.consents.items() if id(each) not in strangers}
        facts = self.facts | {each: value for each, value in wanted.items() if each in RESERVED}
        answers: dict[Question, Answer] = {
            (each, ""): self.sample(question, value) for each, value in wanted.items() if "." in each and (question := self.scripts.question(each))
        }
        memo, values, done, said = dict[str, str](), facts | wanted, list[str](), list[str]()
        for earlier in before:
            if earlier.when is not None and not earlier.when.holds(values):
                continue
            if not (earlier.ask or earlier.steps):
                said.append(earlier.id)
                if earlier.id in self.dialog.awaited:
                    memo[earlier.id] = wanted.get(earlier.id, "")
                    done, said = [*done, *said], []
                continue
            done, said = [*done, *said], []
            if earlier.ask == "summary":
                done.append(earlier.id)
            elif earlier.steps or (earlier.purpose and earlier.ask not in {"consent", "brought"}):
                answers |= self.settled(f"{name}.{earlier.id}", earlier, wanted)
                values[earlier.id] = answers[f"{name}.{earlier.id}", ""].value
            elif not earlier.gate and earlier.ask not in {"consent", "brought"}:
                memo[earlier.id] = values[earlier.id] = self.sample(earlier, wanted.get(earlier.id)).value
        for told in step.choices if step.ask == "review" else ():
            for question in self.scripts[told].questions:
                answers |= self.settled(f"{told}.{question.id}", question, {})
        below = (Frame("menu"),) if self.dialog.command and name != "menu" else ()  # a command interrupts, if only the menu
        state = State(self.language, passed=() if begins else tuple(passed), frames=(*below, Frame(name, done=tuple(done), memo=memo)))
        return Moment(state, Known(answers, {} if begins else consents, facts))

    def settled(self, name: str, step: Step, wanted: Mapping[str, str]) -> dict[Question, Answer]:
        if not step.steps:
            return {(name, ""): self.sample(step, wanted.get(step.id))}
        rounds = range(min(2, step.most))
        inside = {(f"{name}.{inner.id}", str(number + 1)): self.sample(inner, nth=number) for number in rounds for inner in step.steps if inner.ask}
        inside |= {(f"{name}.{inner.id}", str(number + 1)): Answer("skipped") for number in rounds for inner in step.steps if inner.steps}
        return {(name, ""): Answer("given", str(len(rounds))), **inside}

    def put_aside(self, summary: Step) -> Moment | None:
        """Somebody who took an answer back on which others hung: these are kept until the summary is confirmed."""
        for question in self.dialog.questions:
            if question.when and (moment := self.led_to(summary, ("", question.when, False))):
                hung = [each for each in self.dialog.questions if each.when and (f"{self.dialog.dialog}.{each.id}", "") not in moment.known.answers]
                return self.with_answers(moment, {key: one for each in hung for key, one in self.settled(f"{self.dialog.dialog}.{each.id}", each, {}).items()})
        return None

    def with_facts(self, moment: Moment, **facts: str) -> Moment:
        named = {name.replace("_", "-"): value for name, value in facts.items()}
        return replace(moment, known=replace(moment.known, facts={**moment.known.facts, **named}))

    def outcomes(self, step: Step) -> list[str]:
        """How an effect may go, as far as a later condition asks; "": in another way than those it names."""
        conditions = [each.when.source for each in self.dialog.steps if each.when and step.id in each.when.questions]
        compared = [match for source in conditions for match in re.findall(rf"""\$\{{{step.id}\}}\s*(!?=)\s*['"]([^'"]*)""", source)]
        of_several = [code for source in conditions for code in re.findall(rf"""selected\(\s*\$\{{{step.id}\}},\s*['"]([^'"]+)""", source)]
        together = [" ".join(dict.fromkeys(of_several))] if of_several else []
        named = list(dict.fromkeys([*(code for _, code in compared if code), *together]))
        return [*named, *([""] if any(sign == "!=" for sign, _ in compared) else [])]

    def with_answers(self, moment: Moment, answers: Mapping[Question, Answer]) -> Moment:
        return replace(moment, known=replace(moment.known, answers={**moment.known.answers, **answers}))

    def sample(self, step: Step, wanted: str | None = None, nth: int = 0) -> Answer:
        """An answer. `wanted`: this one, so that a condition becomes true; `nth`: not the same every time."""
        if wanted is not None:
            return Answer("given", wanted) if wanted else Answer("skipped")
        there = self.plain(step)
        if step.ask in SEVERAL:
            return Answer("given", " ".join(there if step.ask == "rank" else there[:2]))
        return Answer("given", there[nth % len(there)])

    def plain(self, step: Step) -> Sequence[str]:
        """Values that an answer to it may have."""
        match step.ask:
            case "yes-no":
                return ("yes", "no")
            case "rating":
                return ("r4", "r5", "r1")
            case "file":
                return ("00000000-0000-4000-8000-000000000000",)
            case "withdrawal":
                return (*self.scripts.consents, "everything")
            case "date":
                return (self.today.isoformat(),)
            case "month":
                return (f"{self.today:%Y-%m}",)
            case "choice" | "choices" | "rank" if step.own_list:
                return tuple(self.dialog.rows[step.own_list])
            case "choice" | "choices" | "rank" | "dialog" | "review":
                return tuple(self.listed(step.from_)) if step.from_ else step.choices
            case "search":
                return [*list(entries_of(str(step.from_)))[:3], OWN_WORDS]
            case "number" | "integer" | "decimal":
                return [each for each in NUMBERS if not step.check or step.check.holds({}, each)] or NUMBERS
        if step.ask in EXAMPLES:
            return (EXAMPLES[str(step.ask)],)
        return ("Olena",) if step.class_ == "identity" else ("name@example.org",) if step.class_ == "contact" else ("their own words",)

    def wanted(self, step: Step, also: Sequence[Rule] = ()) -> dict[str, str] | None:
        """Answers and facts with which the script comes to this step: its condition holds, and those that lead elsewhere before
        do not. Of all such ways one on which much is asked, so that a summary has much to show."""
        before = self.dialog.steps[: self.dialog.steps.index(step)]
        away = [each.when for each in before if each.goto or each.ends]
        if None in away:
            return None
        rules: list[Rule] = [*also, *([("", step.when, True)] if step.when else [])]
        rules += [("", condition, False) for condition in away if condition]
        chosen = self.solved(rules)
        for condition in [each.when for each in before if each.when and each.is_question] if chosen is not None else ():
            if (fuller := self.solved([*rules, ("", condition, True)])) is not None:
                rules, chosen = [*rules, ("", condition, True)], fuller
        return chosen

    def solved(self, rules: Sequence[Rule]) -> dict[str, str] | None:
        """What makes all of these true, and whatever is answered can be asked."""
        rules, names = list(rules), list[str]()
        for _, condition, _ in rules:  # grows while we walk
            for name in sorted(condition.questions - set(names)):
                names.append(name)
                question = self.dialog.by_id.get(name)
                rules += [(name, question.when, True)] if question and question.when else []
        literals = [each for _, condition, _ in rules for each in _literals(condition.source)]
        for values in islice(product(*(self.candidates(name, literals) for name in names)), TRIES):
            chosen = dict(zip(names, values, strict=True))
            if all(condition.holds(chosen) is holds for name, condition, holds in rules if not name or chosen[name]):
                return chosen
        return None

    def candidates(self, name: str, literals: Sequence[str]) -> list[str]:
        step = self.dialog.by_id.get(name) or (self.scripts.question(name) if "." in name else None)
        if step is None:
            there = [each for each in STATES.get(name, ()) if name != "staff" or RANKS.index(each) >= RANKS.index(self.dialog.staff)]
            return list(dict.fromkeys([self.facts.get(name, ""), *(there or [*literals, EXAMPLE_ADDRESS, ""])]))
        if step.effect:
            return [*self.outcomes(step), ""]
        there = list(self.plain(step))
        if step.ask == "choices":
            return [" ".join(there[:2]), *there, " ".join(there), ""]
        return [*there, *(literals if step.ask in TYPED else ()), ""]


def entries_of(source: str) -> dict[str, dict[str, str]]:
    """Our own entries of a search step's `from`, as a search tells of them."""
    return {code: {"isco": entry.isco, "score": "90"} for code, entry in BUILT_IN.items() if entry.kind in TAXONOMIES[source]}


def found(need: Need) -> Found:
    """What a search might find, without any search: enough to stand there and look around."""
    memo = dict(need.memo)
    first, *rest = memo.get("words", "").split(", ") if "several" in memo else [memo.get("words", "")]
    if "under" in memo and len(memo["under"]) < 2:
        below = [group for group in GROUPS if len(group) == len(memo["under"]) + 1 and group.startswith(memo["under"])]
        return Found("", {group_code(group): {"isco": group, "opens": "yes"} for group in below})
    there = entries_of(memo["from"])
    here = {code: about for code, about in there.items() if about["isco"].startswith(memo.get("under", ""))}
    return Found(first, dict(list(here.items())[: OFFERED if "words" in memo else None]), tuple(rest))


def _kept(known: Known, turn: Turn) -> Known:
    answers = {question: answer for question, answer in {**known.answers, **turn.answered}.items() if answer}
    return replace(
        known, answers=answers, consents={**known.consents, **{each.purpose: Consent(each.version, each.verdict == "given") for each in turn.decided}}
    )


def _literals(condition: str) -> Iterator[str]:
    """What a condition compares with; of a number also its neighbours."""
    for single, double, number in re.findall(r"""'([^']*)'|"([^"]*)"|(\d+(?:\.\d+)?)""", condition):
        yield from (str(float(number) + by).removesuffix(".0") for by in (0, 1, -1)) if number else (single or double,)
