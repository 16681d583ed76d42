"""`frontdoor preview`: every screen of a dialog in one language, as one page to look at. No database, no network.

Nothing is worded here: somebody is invented who stands where the engine asks just this step, the engine says what it says
to them, and `bot/letters.py` puts it into words as delivery does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import groupby
from types import CodeType, FunctionType, ModuleType
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from bot import effects
from bot.check import CONSENT_LIMIT, LABEL_LIMIT, WEB
from bot.effects import EFFECTS
from bot.errors import FrontdoorError
from bot.invented import FIRMS, Inventor, Moment
from bot.letters import OPEN, PICKED, STEERING, pack, word
from bot.messages import Choice, Outgoing
from bot.settings import Programme
from bot.sources import NAMERS, SOURCES, searched
from dialogs.asking import AGAIN, BLANK, DONE, GROUPS, LATER, MORE, OTHER, in_round
from dialogs.expressions import Expression
from dialogs.model import TYPED, Scripts, Step
from dialogs.nouns import Answer, Fact, Fetched, Message, Resume, Say, Text
from dialogs.turn import FILE_FAULTS, offered
from storage.records import Address, Letter
from translations.catalogues import PLACEHOLDER
from translations.words import Words, is_right_to_left, own_name

NOT_FOUND, SEARCHED = "xyzxyz", "welding, cooking"
NO_WORDS, PRIVATE, OUT_OF_BOUNDS = "🙂", "0381 555 123 45", ("999999999", "0")  # what may not count as an answer
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
EXAMPLE_FACTS: dict[str, Fact] = {"code": "123 456 789", "n": 7, "name": "Olena", "list": {"list": ["Telegram", "Web"]}, "date": {"date": "2026-11-21"}}


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
    more: tuple[str, ...] = ()  # further messages

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


class _Tour(Inventor):
    """Leads somebody invented through every state of a dialog, and looks at what they are shown."""

    def screens(self) -> Iterator[Screen]:
        asks = next((step for step in self.dialog.steps if (step.ask or step.steps) and not step.gate and step.ask != "consent"), None)
        tells = next((step for step in self.dialog.steps if step.is_question), None)
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
                yield from self.of_act(step, begin)
            if begin and begin.known.consents and step is asks:
                yield self.screen(step, "in a chat that a family shares", self.act(self.with_facts(begin, profile="Olena"), Resume()))
            if begin and step is tells and self.dialog.of == "organisation":
                yield self.screen(step, "they speak for no organisation yet", self.act(self.with_facts(begin, speaks_for=""), Resume()))
            if begin and self.words.exists(f"{self.dialog.dialog}.{step.id}.brought"):
                yield self.came_with_a_link(step, begin)

    def of_act(self, step: Step, begin: Moment) -> Iterator[Screen]:
        """What is said or done on the way; of an effect also what it may say, and what follows when the script asks how it went."""
        there = self.act(begin, Resume())
        yield self.screen(step, self.leads(step), there, note=f"The effect {step.effect} may say something before this." if step.effect else "")
        if sentences := self.of_effect(step.effect or ""):
            yield self.screen(step, "what the effect may say, as it goes", *(replace(there, said=Message((said,))) for said in sentences))
        for outcome in self.outcomes(step) if step.effect else ():
            after = self.act(replace(there, state=there.state.after(step.id, outcome)), Resume())
            yield self.screen(step, f"after it went: {outcome}" if outcome else "after it went in another way", after)

    def of_effect(self, name: str) -> list[Say]:
        """The sentences that its code may say; what they are about is invented."""
        known = [each for each in _constants(EFFECTS[name]) if self.words.exists(each) and not each.startswith("common.")] if name in EFFECTS else []
        english = self.words.catalogue("en").texts
        invented = {each: {fact for fact in PLACEHOLDER.findall("".join(english[each])) if not self.words.constant(fact)} for each in known}
        firm = {"name": FIRMS["one"]} if {"team", "organisation"} & {each.partition(".")[0] for each in known} else {}
        return [Say(each, {fact: (EXAMPLE_FACTS | firm).get(fact, "…") for fact in facts}) for each, facts in invented.items()]

    def of_group(self, group: Step, begin: Moment) -> Iterator[Screen]:
        name, around = self.dialog.names[group.id], (*self.dialog.groups[group.id], group)
        moment = begin
        for inner in group.steps:
            if inner.steps and not self.dialog.form:
                yield from self.of_group(inner, moment)
                moment = self.with_answers(moment, {(f"{name}.{inner.id}", in_round((1,) * len(around))): Answer("skipped")})
                continue
            if not inner.ask:
                yield Screen(
                    f"{name}.{inner.id}", "within the round", inner.when.source if inner.when else "", "A form's notes, calculations and inner repeats."
                )
                continue
            yield from self.of_question(inner, moment, name, group)
            moment = self.with_answers(moment, {(f"{name}.{inner.id}", in_round((1,) * len(around))): self.sample(inner)})
        if group.count:
            return
        another = self.act(moment, Resume())
        yield self.screen(group, "another?", another, of=name.rpartition(".")[0])
        if another.offers(AGAIN):
            once_more = self.act(another, another.press(AGAIN))
            first = next((inner for inner in group.steps if inner.ask), group)
            yield self.screen(first, "asked for one more", once_more, of=name, when=group.when, heard=self.label(another, AGAIN))

    def of_question(self, step: Step, begin: Moment, of: str, group: Step | None = None) -> Iterator[Screen]:
        def shown(state: str, moment: Moment, heard: str = "", note: str = "") -> Screen:
            return self.screen(step, state, moment, of=of, when=(group or step).when, heard=heard, note=note)

        name, asked = f"{of}.{step.id}", self.act(begin, Resume())
        around = self.dialog.groups[step.id]
        if not asked.waits_for(self.dialog.dialog, *((around[0].id, step.id) if around else (step.id, ""))):
            yield shown("never reached", asked, note="Something else is said here: there is nothing to ask after all.")
            return
        yield shown("asked for the first time", asked)
        if asked.offers(LATER) and not asked.said.calendar:
            yield from self.of_long_list(step, asked, shown)
        if step.purpose and step.ask not in {"consent", "withdrawal"}:
            rounds = (1,) * len(around)
            answers = {(name, in_round(rounds)): self.sample(step)}
            frame = replace(begin.state.frames[-1], step=around[0].id if around else step.id, inner=step.id if around else "", rounds=rounds, anew=True)
            again = self.with_answers(replace(begin, state=replace(begin.state, frames=(*begin.state.frames[:-1], frame))), answers)
            yield shown("asked again, with an answer", self.act(again, Resume()))
        for text, moment in self.faults(step, asked):
            yield shown("that does not count", moment, text)
        if step.ask == "search":
            searching = self.act(asked, Text(SEARCHED))
            groups = self.act(searching, searching.press(GROUPS))
            yield shown("searched", searching, SEARCHED)
            yield shown("looking in the groups", groups, self.label(searching, GROUPS))
            first = next(option.code for option in groups.said.options if option.code[0] != ".")
            yield shown("in a group", self.act(groups, groups.press(first)), self.label(groups, first))
            yield shown("none of these", self.act(searching, searching.press(OTHER)), self.label(searching, OTHER))
        if step.ask == "file":
            yield shown("where no file can be sent", self.act(self.with_facts(begin, takes_files=""), Resume()))
            for fault in FILE_FAULTS:
                yield shown(f"what was sent is {fault}", self.act(asked, Fetched(asked.prompt, "", fault)))
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
        if step.ask == "summary" and (aside := self.put_aside(step)):
            yield shown("an answer no longer fits, and goes when this is confirmed", self.act(aside, Resume()))
        if step.ask == "withdrawal" or self.words.exists(f"{name}.none"):
            known = replace(begin.known, answers={}) if step.ask == "review" else replace(begin.known, consents={})
            nobody = replace(begin, known=known)
            yield shown("there is nothing to choose from", self.act(nobody, Resume(), nothing=True))

    def of_long_list(self, step: Step, asked: Moment, shown: Callable[..., Screen]) -> Iterator[Screen]:
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

    def faults(self, step: Step, asked: Moment) -> Iterator[tuple[str, Moment]]:
        """Each sentence that a typed answer may meet, once."""
        if not (step.ask in TYPED or step.ask == "search" or (step.other and step.ask == "choice")):
            return
        seen = set[str]()
        for text in (NO_WORDS, "many words " * step.most, PRIVATE, *(OUT_OF_BOUNDS if step.check else ())):
            moment = self.act(asked, Text(text))
            first = moment.said.parts[0].id if moment.said.parts else ""
            if moment.prompt == asked.prompt and first != asked.said.parts[0].id and first not in seen:
                seen.add(first)
                yield text, moment

    def came_with_a_link(self, step: Step, begin: Moment) -> Screen:
        name = f"{self.dialog.dialog}.{step.id}"
        state = replace(begin.state, brought={name: self.sample(step).value})
        return self.screen(step, "its answer came with a link", self.act(replace(begin, state=state), Resume()))

    def leads(self, step: Step) -> str:
        if step.ends:
            return "said; the conversation ends"
        return f"leads to {step.goto}" if step.goto else "said on the way"

    def blank(self, step: Step, state: str, note: str) -> Screen:
        return Screen(f"{self.dialog.dialog}.{step.id}", state, step.when.source if step.when else "", note)

    def screen(
        self, step: Step, state: str, moment: Moment, *later: Moment, of: str = "", when: Expression | None = None, heard: str = "", note: str = ""
    ) -> Screen:
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
                *(tuple(next(buttons) if choice.data.startswith("q:") else Button(choice.label, "", None, ()) for choice in row) for row in outgoing.rows),
            ),
            outgoing.typing,
            len(self.words.tr(name, self.language)) if step.ask == "consent" and any(part.id == name for part in said.parts) else 0,
            tuple(self.marks([part for each in (moment, *later) for part in each.said.parts if not part.optional or self.words.exists(part.id)])),
            tuple(self.word(each.said).text for each in later),
        )

    def word(self, message: Message) -> Outgoing:
        return word(Letter(1, None, Address("web", "preview"), self.language, pack(message), LONG_AGO), self.words)

    def button(self, code: str, label: Any, words: str) -> Button:
        picked = True if words.startswith(PICKED) else False if words.startswith(OPEN) else None
        words = words if picked is None else words[len(PICKED) :]
        looks = "box" if picked is not None else "steering" if code in STEERING else "primary" if code == DONE else ""
        too_long = [f"{len(words)} characters, a button has room for {LABEL_LIMIT}"] if len(words) > LABEL_LIMIT else []
        return Button(words, looks, picked, (*too_long, *self.marks([label])))

    def label(self, moment: Moment, code: str) -> str:
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


def _flat(outgoing: Outgoing) -> list[Choice]:
    """The question's own buttons, without those that are in order at any time."""
    return [choice for row in outgoing.rows for choice in row if choice.data.startswith("q:")]


def _sentences(said: Any) -> Iterator[str]:
    """The ids of all sentences in something said, or in a fact."""
    match said:
        case Say():
            yield said.id
            yield from (each for fact in said.facts.values() for each in _sentences(fact))
        case {"say": sentence}:
            yield sentence
            yield from (each for fact in said.get("with", {}).values() for each in _sentences(fact))
        case {"from": source, "code": code} if source in SOURCES and source not in NAMERS:
            yield f"{source}.{code}"
        case {"list": facts} | {"pair": facts}:
            yield from (each for fact in facts for each in _sentences(fact))


def _constants(function: FunctionType | Any) -> Iterator[str]:
    """Every text in a function's code, and in the code of those rooms of `bot/effects` that it calls."""
    seen, open_ = set[FunctionType](), [function]
    while open_:
        function = open_.pop(0)
        if isinstance(function, FunctionType) and function not in seen and function.__module__.startswith(effects.__name__):
            seen.add(function)
            codes = [function.__code__]
            for code in codes:  # grows: what is written inside
                yield from (each for each in code.co_consts if isinstance(each, str))
                codes += [each for each in code.co_consts if isinstance(each, CodeType)]
                named = [function.__globals__.get(name) for name in code.co_names]
                rooms = [each for each in named if isinstance(each, ModuleType) and each.__name__.startswith(effects.__name__)]
                open_ += [*named, *(getattr(room, name, None) for room in rooms for name in code.co_names)]


_SPECIAL = re.compile(r"(https?://[^\s\u2066-\u2069]*[^\s\u2066-\u2069.,;:!?)])|(?<![^\s\u200e\u200f\u2068])(/[a-z]{2,32})(?![\w/])")


def _linked(text: str) -> Markup:
    """Addresses and /commands look as the web chat shows them."""
    return Markup(_SPECIAL.sub(lambda match: f'<span class="{"link" if match[1] else "command"}" dir="ltr">{match[0]}</span>', escape(text)))  # noqa: S704 - escaped
