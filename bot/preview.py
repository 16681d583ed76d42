"""`frontdoor preview`: every screen of a dialog in one language, as one page to look at. No database, no network.

Nothing is worded here: somebody is invented who stands where the engine asks just this step, the engine says what it says
to them, and `bot/letters.py` puts it into words as delivery does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import groupby, islice, product
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from bot.check import CONSENT_LIMIT, LABEL_LIMIT, WEB
from bot.effects import LISTS
from bot.errors import FrontdoorError
from bot.letters import OPEN, PICKED, STEERING, pack, word
from bot.messages import Choice, Outgoing
from bot.settings import Programme
from bot.sources import listed, searched
from dialogs.asking import AGAIN, BLANK, DONE, LATER, MORE
from dialogs.expressions import Expression
from dialogs.model import RESERVED, TYPED, Dialog, Scripts, Step
from dialogs.nouns import Answer, Consent, Fact, Frame, Heard, Known, Message, Need, Press, Question, Resume, Say, State, Text, Turn
from dialogs.turn import offered, take_turn
from storage.records import Address, Letter
from translations.words import Words, is_right_to_left, own_name

TRIES = 100_000  # ways to answer that are tried to make a condition true
EXAMPLE_ADDRESS = "https://bot.example.org/chat"  # of the web chat
NOT_FOUND = "xyzxyz"
NO_WORDS, PRIVATE, OUT_OF_BOUNDS = "🙂", "0381 555 123 45", ("999999999", "0")  # what may not count as an answer
NUMBERS = ("12", "1", "100", "2020", "0.5")
EXAMPLES: Mapping[str, str] = {"phone": "+4930123456", "email": "name@example.org", "web-address": "https://www.example.org"}
OF_THEIR_OWN: Mapping[str, Fact] = {"one": "Example Bakery", "two": "Invented Steel Ltd", "three": "مثال"}  # what lists of somebody's own may hold
SILENCE = Message(())
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


Listed = Sequence[str] | Mapping[str, Fact]
_Rule = tuple[str, Expression, bool]  # a condition, whether it is to hold, and for which answer ("": in any case)


@dataclass(frozen=True, slots=True)
class Button:
    label: str
    looks: str  # "box", "steering", "primary" or "", as the web chat calls them
    picked: bool | None
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Screen:
    """What stands on somebody's phone in one state of a step, and what a reviewer is to see of it."""

    step: str  # its whole id, as in newcomer.languages.level
    state: str
    when: str
    note: str = ""  # instead of a message, or beside it
    heard: str = ""  # what was written or pressed just before
    text: str = ""
    rows: tuple[tuple[Button, ...], ...] = ()
    typing: bool = False
    first_layer: int = 0  # of a consent: characters
    marks: tuple[str, ...] = ()

    @property
    def complaints(self) -> tuple[str, ...]:
        too_long = [f"{self.step} has {self.first_layer} characters, a consent may have {CONSENT_LIMIT}"] if self.first_layer > CONSENT_LIMIT else []
        return (*too_long, *self.marks, *(f"{button.label}: {mark}" for row in self.rows for button in row for mark in button.marks))


def preview(scripts: Scripts, words: Words, programme: Programme, name: str, language: str, today: date) -> str:
    """The page, as HTML. Raises FrontdoorError."""
    screens = screens_of(scripts, words, programme, name, language, today)
    templates = Environment(loader=FileSystemLoader(WEB / "pages"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    templates.filters["linked"] = _linked
    facts = {
        "dialog": name,
        "language": language,
        "lang": language.replace("_", "-"),
        "own_name": own_name(language),
        "dir": "rtl" if is_right_to_left(language) else "ltr",
        "sections": {name: list(each) for name, each in groupby(screens, lambda screen: ".".join(screen.step.split(".")[:2]))},
        "steps": scripts[name].by_id,
        "complaints": list(dict.fromkeys(each for screen in screens for each in screen.complaints)),
        "consent_limit": CONSENT_LIMIT,
        "style": Markup((WEB / "static" / "chat.css").read_text("utf-8")),  # noqa: S704 - our own file
    }
    return templates.get_template("preview.html").render(facts)


def screens_of(scripts: Scripts, words: Words, programme: Programme, name: str, language: str, today: date) -> list[Screen]:
    """Every screen of the dialog, in its order. Raises FrontdoorError."""
    if name not in scripts:
        raise FrontdoorError(f"There is no dialog {name!r}; there are {', '.join(sorted(scripts))}.")
    if language not in words.languages:
        raise FrontdoorError(f"{language!r} is no language of programme.yaml; there are {', '.join(words.languages)}.")
    return list(_Tour(scripts, words, programme, scripts[name], language, today).screens())


@dataclass(frozen=True, slots=True)
class _Moment:
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


class _Tour:
    def __init__(self, scripts: Scripts, words: Words, programme: Programme, dialog: Dialog, language: str, today: date) -> None:
        self.scripts, self.words, self.dialog, self.language, self.today = scripts, words, dialog, language, today
        self.facts = {"channel": "web", "webchat": words.constant("webchat"), "today": today.isoformat(), "home-country": programme.country}

    # ---- what is shown ----

    def screens(self) -> Iterator[Screen]:
        for step in self.dialog.steps:
            begin = self.led_to(step)
            if begin is None:
                yield self.blank(step, "never reached", "No answer leads here: look at `when:`, and at the steps above that lead elsewhere.")
            elif step.ask == "brought":
                yield self.blank(step, "never asked", "A link brings this answer (frontdoor link).")
            elif step.calculate:
                yield self.blank(step, "never asked", "It is calculated from other answers.")
            elif step.steps:
                yield from self.of_group(step, begin)
            elif step.ask:
                yield from self.of_question(step, begin, self.dialog.dialog)
            else:
                yield self.screen(step, self.leads(step), self.act(begin, Resume()), note=self.beside(step))
            if begin and self.words.exists(f"{self.dialog.dialog}.{step.id}.brought"):
                yield self.came_with_a_link(step, begin)

    def of_group(self, group: Step, begin: _Moment) -> Iterator[Screen]:
        name = f"{self.dialog.dialog}.{group.id}"
        moment = begin
        for inner in group.steps:
            yield from self.of_question(inner, moment, name, group)
            moment = self.with_answers(moment, {(f"{name}.{inner.id}", "1"): self.sample(inner)})
        another = self.act(moment, Resume())
        yield self.screen(group, "another?", another)
        if another.offers(AGAIN):
            once_more = self.act(another, another.press(AGAIN))
            yield self.screen(group.steps[0], "asked for one more", once_more, of=name, when=group.when, heard=self.label(another, AGAIN))

    def of_question(self, step: Step, begin: _Moment, of: str, group: Step | None = None) -> Iterator[Screen]:
        def shown(state: str, moment: _Moment, heard: str = "", note: str = "") -> Screen:
            return self.screen(step, state, moment, of=of, when=(group or step).when, heard=heard, note=note)

        name, asked = f"{of}.{step.id}", self.act(begin, Resume())
        if not asked.waits_for(self.dialog.dialog, *((group.id, step.id) if group else (step.id, ""))):
            yield shown("never reached", asked, note="Something else is said here: there is nothing to ask after all.")
            return
        yield shown("asked for the first time", asked)
        if asked.offers(LATER) and not asked.said.calendar:
            yield from self.of_long_list(step, asked, shown)
        if step.purpose and step.ask not in {"consent", "withdrawal"}:
            answers = {(name, "1" if group else ""): self.sample(step)}
            frame = replace(begin.state.frames[-1], step=group.id if group else step.id, inner=step.id if group else "", anew=True)
            again = self.with_answers(replace(begin, state=replace(begin.state, frames=(*begin.state.frames[:-1], frame))), answers)
            yield shown("asked again, with an answer", self.act(again, Resume()))
        for text, moment in self.faults(step, asked):
            yield shown("that does not count", moment, text)
        if step.ask == "choices":
            picked = asked
            for option in [option for option in asked.said.options if option.picked is not None][:3:2]:
                picked = self.act(picked, picked.press(option.code))
            yield shown("some are picked", picked)
            yield shown("done, and nothing is picked", self.act(asked, asked.press(DONE)), self.label(asked, DONE))
        if step.more:
            yield shown("after “tell me more”", self.act(asked, asked.press(MORE)), self.label(asked, MORE))
        if step.gate or step.ask == "consent":
            for code in ("yes", "no"):
                yield shown(f"after {code}", self.act(asked, asked.press(code)), self.label(asked, code))
        if step.ask == "withdrawal" or self.words.exists(f"{name}.none"):
            nobody = replace(begin, known=replace(begin.known, consents={}))
            yield shown("there is nothing to choose from", self.act(nobody, Resume(), nothing=True))

    def of_long_list(self, step: Step, asked: _Moment, shown: Callable[..., Screen]) -> Iterator[Screen]:
        table = offered(self.scripts, asked.state, asked.known)
        options = [option for option in table.options if option.code[0] != "."] if isinstance(table, Message) else []
        page, number = asked, 1
        while step.choices and page.offers(LATER):  # the script's own labels: all of them; those of a source are CLDR's
            page, number = self.act(page, page.press(LATER)), number + 1
            yield shown(f"page {number}", page)
        text = self.words.fact(options[len(options) // 2].label, self.language)[:2]
        yield shown("searched", self.act(asked, Text(text, searched(text, options, self.language, self.words))), text)
        if not step.other:
            yield shown("searched in vain", self.act(asked, Text(NOT_FOUND)), NOT_FOUND)

    def faults(self, step: Step, asked: _Moment) -> Iterator[tuple[str, _Moment]]:
        """Each sentence that a typed answer may meet, once."""
        if not (step.ask in TYPED or (step.other and step.ask == "choice")):
            return
        seen = set[str]()
        for text in (NO_WORDS, "many words " * step.most, PRIVATE, *(OUT_OF_BOUNDS if step.check else ())):
            moment = self.act(asked, Text(text))
            first = moment.said.parts[0].id if moment.said.parts else ""
            if moment.prompt == asked.prompt and first != asked.said.parts[0].id and first not in seen:
                seen.add(first)
                yield text, moment

    def came_with_a_link(self, step: Step, begin: _Moment) -> Screen:
        name = f"{self.dialog.dialog}.{step.id}"
        state = replace(begin.state, brought={name: self.sample(step).value})
        return self.screen(step, "its answer came with a link", self.act(replace(begin, state=state), Resume()))

    def leads(self, step: Step) -> str:
        if step.ends:
            return "said; the conversation ends"
        return f"leads to {step.goto}" if step.goto else "said on the way"

    def beside(self, step: Step) -> str:
        return f"The effect {step.effect} may say something before this; that is not shown here." if step.effect else ""

    def blank(self, step: Step, state: str, note: str) -> Screen:
        return Screen(f"{self.dialog.dialog}.{step.id}", state, step.when.source if step.when else "", note)

    def screen(self, step: Step, state: str, moment: _Moment, *, of: str = "", when: Expression | None = None, heard: str = "", note: str = "") -> Screen:
        name, said = f"{of or self.dialog.dialog}.{step.id}", moment.said
        when = when or step.when
        outgoing = self.word(said)
        buttons = iter([self.button(option.code, option.label, choice.label) for option, choice in zip(said.options, _flat(outgoing), strict=True)])
        return Screen(
            name,
            state,
            when.source if when else "",
            note,
            heard if len(heard) <= 60 else f"{heard[:40]}…",
            outgoing.text,
            (
                *(tuple(Button(choice.label, "cell" if choice.data.endswith(BLANK) else "", None, ()) for choice in row) for row in outgoing.calendar),
                *(tuple(next(buttons) for _ in row) for row in outgoing.rows),
            ),
            outgoing.typing,
            len(self.words.tr(name, self.language)) if step.ask == "consent" and any(part.id == name for part in said.parts) else 0,
            tuple(self.marks([part for part in said.parts if not part.optional or self.words.exists(part.id)])),
        )

    def word(self, message: Message) -> Outgoing:
        return word(Letter(1, None, Address("web", "preview"), self.language, pack(message), LONG_AGO), self.words)

    def button(self, code: str, label: Any, words: str) -> Button:
        picked = True if words.startswith(PICKED) else False if words.startswith(OPEN) else None
        words = words if picked is None else words[len(PICKED) :]
        looks = "box" if picked is not None else "steering" if code in STEERING else "primary" if code == DONE else ""
        too_long = [f"{len(words)} characters, a button has room for {LABEL_LIMIT}"] if len(words) > LABEL_LIMIT else []
        return Button(words, looks, picked, (*too_long, *self.marks([label])))

    def label(self, moment: _Moment, code: str) -> str:
        """What stands on a button of theirs."""
        return next(self.words.fact(option.label, self.language) for option in moment.said.options if option.code == code)

    def marks(self, said: Sequence[Any]) -> Iterator[str]:
        """What of this is not as it should be in this language."""
        english, here = self.words.catalogue("en"), self.words.catalogue(self.language)
        for sentence in dict.fromkeys(each for fact in said for each in _sentences(fact)):
            if sentence not in english.texts:
                yield f"{sentence} is missing: no language has it"
            elif sentence not in here.texts:
                yield f"{sentence} is not translated"
            elif sentence in here.fuzzy or here.english[sentence] != english.english[sentence]:
                yield f"{sentence}: the English has changed since"

    # ---- who is led there ----

    def act(self, moment: _Moment, heard: Heard, *, nothing: bool = False) -> _Moment:
        """A turn, and what the store would keep of it. `nothing`: every list is empty."""
        looked_up: dict[Need, Listed] = {}
        turn = take_turn(self.scripts, moment.state, moment.known, heard)
        while turn.needs:
            looked_up |= {need: () if nothing else self.listed(need.source) for need in turn.needs}
            turn = take_turn(self.scripts, moment.state, moment.known, heard, looked_up)
        return _Moment(turn.state, _kept(moment.known, turn), turn.said[0] if turn.said else SILENCE)

    def listed(self, source: str) -> Listed:
        return OF_THEIR_OWN if source in LISTS else listed(source, self.language, self.words)

    def led_to(self, step: Step) -> _Moment | None:
        """Somebody who answered everything before, in a way that makes the conditions true. None: there is no such way."""
        wanted = self.wanted(step)
        if wanted is None:
            return None
        name, begins = self.dialog.dialog, self.dialog.dialog == "welcome"  # nobody has agreed to anything before hello
        before = self.dialog.steps[: self.dialog.steps.index(step)]
        strangers = {id(each) for each in self.dialog.steps if each not in before}
        passed = [f"{dialog.dialog}.{each.id}" for dialog in self.scripts.values() for each in dialog.steps if each.gate and id(each) not in strangers]
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
                continue
            done, said = [*done, *said], []
            if earlier.ask == "summary":
                done.append(earlier.id)
            elif earlier.steps or (earlier.purpose and earlier.ask not in {"consent", "brought"}):
                answers |= self.settled(f"{name}.{earlier.id}", earlier, wanted)
                values[earlier.id] = answers[f"{name}.{earlier.id}", ""].value
            elif not earlier.gate and earlier.ask not in {"consent", "brought"}:
                memo[earlier.id] = values[earlier.id] = self.sample(earlier, wanted.get(earlier.id)).value
        below = (Frame("menu"),) if self.dialog.command and name != "menu" else ()  # a command interrupts, if only the menu
        state = State(self.language, passed=() if begins else tuple(passed), frames=(*below, Frame(name, done=tuple(done), memo=memo)))
        return _Moment(state, Known(answers, {} if begins else consents, facts))

    def settled(self, name: str, step: Step, wanted: Mapping[str, str]) -> dict[Question, Answer]:
        if not step.steps:
            return {(name, ""): self.sample(step, wanted.get(step.id))}
        rounds = range(min(2, step.most))
        inside = {(f"{name}.{inner.id}", str(number + 1)): self.sample(inner, nth=number) for number in rounds for inner in step.steps}
        return {(name, ""): Answer("given", str(len(rounds))), **inside}

    def with_answers(self, moment: _Moment, answers: Mapping[Question, Answer]) -> _Moment:
        return replace(moment, known=replace(moment.known, answers={**moment.known.answers, **answers}))

    def sample(self, step: Step, wanted: str | None = None, nth: int = 0) -> Answer:
        """An answer. `wanted`: this one, so that a condition becomes true; `nth`: not the same every time."""
        if wanted is not None:
            return Answer("given", wanted) if wanted else Answer("skipped")
        there = self.plain(step)
        if step.ask == "choices":
            return Answer("given", " ".join(there[:2]))
        return Answer("given", there[nth % len(there)])

    def plain(self, step: Step) -> Sequence[str]:
        """Values that an answer to it may have."""
        match step.ask:
            case "yes-no":
                return ("yes", "no")
            case "rating":
                return ("r4", "r5", "r1")
            case "withdrawal":
                return (*self.scripts.consents, "everything")
            case "date":
                return (self.today.isoformat(),)
            case "month":
                return (f"{self.today:%Y-%m}",)
            case "choice" | "choices" | "dialog":
                return tuple(self.listed(step.from_)) if step.from_ else step.choices
            case "number" | "decimal":
                return [each for each in NUMBERS if not step.check or step.check.holds({}, each)] or NUMBERS
        if step.ask in EXAMPLES:
            return (EXAMPLES[str(step.ask)],)
        return ("Olena",) if step.class_ == "identity" else ("name@example.org",) if step.class_ == "contact" else ("their own words",)

    def wanted(self, step: Step) -> dict[str, str] | None:
        """Answers and facts with which the script comes to this step: its condition holds, and those that lead elsewhere before
        do not. Of all such ways one on which much is asked, so that a summary has much to show."""
        before = self.dialog.steps[: self.dialog.steps.index(step)]
        away = [each.when for each in before if each.goto or each.ends]
        if None in away:
            return None
        rules: list[_Rule] = [("", step.when, True)] if step.when else []
        rules += [("", condition, False) for condition in away if condition]
        chosen = self.solved(rules)
        for condition in [each.when for each in before if each.when and each.is_question] if chosen is not None else ():
            if (fuller := self.solved([*rules, ("", condition, True)])) is not None:
                rules, chosen = [*rules, ("", condition, True)], fuller
        return chosen

    def solved(self, rules: Sequence[_Rule]) -> dict[str, str] | None:
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
            return list(dict.fromkeys([self.facts.get(name, ""), *literals, EXAMPLE_ADDRESS, ""]))
        there = list(self.plain(step))
        if step.ask == "choices":
            return [" ".join(there[:2]), *there, " ".join(there), ""]
        return [*there, *(literals if step.ask in TYPED else ()), ""]


def _kept(known: Known, turn: Turn) -> Known:
    answers = {question: answer for question, answer in {**known.answers, **turn.answered}.items() if answer}
    return replace(
        known, answers=answers, consents={**known.consents, **{each.purpose: Consent(each.version, each.verdict == "given") for each in turn.decided}}
    )


def _flat(outgoing: Outgoing) -> list[Choice]:
    return [choice for row in outgoing.rows for choice in row]


def _sentences(said: Any) -> Iterator[str]:
    """The ids of all sentences in something said, or in a fact."""
    match said:
        case Say():
            yield said.id
            yield from (each for fact in said.facts.values() for each in _sentences(fact))
        case {"say": sentence}:
            yield sentence
        case {"list": facts} | {"pair": facts}:
            yield from (each for fact in facts for each in _sentences(fact))


def _literals(condition: str) -> Iterator[str]:
    """What a condition compares with; of a number also its neighbours."""
    for single, double, number in re.findall(r"""'([^']*)'|"([^"]*)"|(\d+(?:\.\d+)?)""", condition):
        yield from (str(float(number) + by).removesuffix(".0") for by in (0, 1, -1)) if number else (single or double,)


_SPECIAL = re.compile(r"(https?://[^\s\u2066-\u2069]*[^\s\u2066-\u2069.,;:!?)])|(?<![^\s\u200e\u200f\u2068])(/[a-z]{2,32})(?![\w/])")


def _linked(text: str) -> Markup:
    """Addresses and /commands look as the web chat shows them."""
    return Markup(_SPECIAL.sub(lambda match: f'<span class="{"link" if match[1] else "command"}" dir="ltr">{match[0]}</span>', escape(text)))  # noqa: S704 - escaped
