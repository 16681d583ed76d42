"""Thousands of conversations at random, through the pure engine: answers, skips, the way back, changes, languages, new scripts in the
middle, several profiles on one phone, organisations. Whatever somebody does, there is a way on, and nothing is lost or mixed."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from test_engine import LANGUAGES, changed

from bot.invented import found
from bot.sources import SOURCES
from dialogs.asking import BACK, DONE, KEEP
from dialogs.model import TYPED
from dialogs.nouns import Answer, Command, Consent, Frame, Known, Press, Resume, State, Text, Unreadable
from dialogs.turn import take_turn

REAL = take_turn
QUICK = 300  # conversations; tests/trust walks 10,000
WORDS = ("Rostock", "12", "1.3.2027", "03/2015", "0381 498-0", "a@frontdoor.example", "de", "🎉", "٢٠", "x" * 4000, "-3", "", "welder", "Ukra", "zz")


@dataclass
class Profile:
    """What the store would know of one person, and where they stand."""

    answers: dict = field(default_factory=dict)
    consents: dict = field(default_factory=dict)
    state: State | None = None
    speaks_for: str = ""


class Astray(AssertionError):
    pass


@dataclass
class Phone:
    """One chat with its profiles; every effect that moves people is done as the front door does it, but for the database."""

    scripts: dict
    rnd: random.Random
    profiles: list = field(default_factory=list)
    organisations: dict = field(default_factory=dict)
    at: int = 0
    turns: int = 0
    seen: Counter = field(default_factory=Counter)  # so that a walk that stays at the door is noticed

    def __post_init__(self):
        self.profiles = [Profile(state=State("en", self.rnd.randrange(1000)))]

    @property
    def now(self) -> Profile:
        return self.profiles[self.at]

    def known(self) -> Known:
        me = self.now
        facts = {
            "channel": "telegram",
            "webchat": "",
            "staff": "",
            "speaks-for": me.speaks_for,
            "profile": f"№ {self.at}" if len(self.profiles) > 1 else "",
            "today": "2026-11-22",
        }
        return Known({**me.answers, **self.organisations.get(me.speaks_for, {})}, dict(me.consents), facts)

    def looked_up(self, need):
        source = need.source
        if source == "taxonomy":
            return found(need)
        if source == "my-profiles":
            return {f"p{number}": f"Profile {number}" for number in range(len(self.profiles)) if number != self.at}
        if source == "my-organisations":
            return {name: name for name in self.organisations}
        return SOURCES[source](LANGUAGES) if source in SOURCES else ("hie-ro",)

    def do(self, heard):
        while heard:
            self.turns += 1
            known = self.known()
            turn = take_turn(self.scripts, self.now.state, known, heard)
            looked_up = {}
            while turn.needs:
                looked_up |= {need: self.looked_up(need) for need in turn.needs}
                turn = take_turn(self.scripts, self.now.state, known, heard, looked_up)
            self.check(heard, turn)
            self.keep(turn)
            heard = self.carry_out(turn)

    def keep(self, turn):
        me = self.now
        me.state = turn.state
        for decision in turn.decided:
            me.consents[decision.purpose] = Consent(decision.version, decision.verdict == "given")
            if decision.verdict == "withdrawn":
                me.answers = {key: each for key, each in me.answers.items() if self.purpose_of(key) not in {decision.purpose, None}}
        self.seen["answers"] += len(turn.answered)
        for question, answer in turn.answered.items():
            dialog = self.scripts[question[0].partition(".")[0]]
            of = me.answers if dialog.of == "person" else self.organisations[me.speaks_for]
            of[question] = answer
            if answer is None:
                del of[question]

    def purpose_of(self, question):
        step = self.scripts.question(question[0])
        return step.purpose if step else None

    def carry_out(self, turn):
        """As bot/effects does; what comes back is heard next."""
        for effect in turn.effects:
            me, outcome = self.now, ""
            self.seen[effect.name] += 1
            match effect.name:
                case "erase":
                    del self.profiles[self.at]
                    self.profiles = self.profiles or [Profile(state=State("en", self.rnd.randrange(1000)))]
                    self.at = 0
                    return Resume() if self.now.state.frames else None
                case "add-profile" if me.consents and len(self.profiles) < 4:
                    self.profiles.append(Profile(state=State(me.state.language, me.state.prompts, shared=True, frames=(Frame("menu"), Frame("join")))))
                    self.at = len(self.profiles) - 1
                    return Resume()
                case "switch-profile" if effect.memo.get("whom"):
                    prompts, self.at = me.state.prompts, int(effect.memo["whom"][1:])
                    frames = tuple(replace(frame, prompt=0, offered=()) for frame in self.now.state.frames if frame.dialog != "family")
                    self.now.state = replace(self.now.state, prompts=max(prompts, self.now.state.prompts), frames=frames or (Frame("menu"),))
                    return Resume()
                case "found-organisation":
                    me.speaks_for, outcome = f"o{len(self.organisations)}", "founded"
                    self.organisations[me.speaks_for] = {}
                case "join-organisation" if self.organisations and self.rnd.random() < 0.5:
                    me.speaks_for, outcome = self.rnd.choice(list(self.organisations)), "joined"
                case "speak-for":
                    me.speaks_for, outcome = effect.memo["which"], "speaks"
                case "leave-organisation":
                    me.speaks_for = ""
                    return Resume()
                case _ if effect.awaited:
                    outcome = self.rnd.choice(outcomes(self.scripts[me.state.frames[-1].dialog], effect.awaited))
            if effect.awaited:
                me.state = me.state.after(effect.awaited, outcome)
                return Resume()
        return None

    def check(self, heard, turn):
        """The promises, turn by turn."""
        me = self.now
        given = {**me.consents, **{each.purpose: Consent(each.version, each.verdict == "given") for each in turn.decided}}
        for question, answer in turn.answered.items():
            must("join.age" in turn.state.passed, f"{question} was stored before the age gate")
            must(given.get(self.purpose_of(question), Consent(0, False)).given, f"{question} was stored without its consent")
            must(answer is not None or self.may_go(heard, question, turn), f"{question} was lost")
        if turn.effects and (turn.effects[-1].awaited or not turn.state.frames):
            return
        must(bool(turn.said and turn.said[-1].parts), "silence")
        if not turn.state.frames:
            return
        top = turn.state.frames[-1]
        asked = turn.said[-1]
        must(bool(top.prompt) and bool(asked.options or asked.typing), f"{top.dialog}.{top.step}: nothing can be answered")
        step = self.scripts[top.dialog].by_id[top.step]
        if settled(heard, me.state, turn) and step.is_question and not step.steps and not top.anew:
            must((f"{top.dialog}.{top.step}", "") not in {**self.known().answers, **turn.answered}, f"{top.dialog}.{top.step} is asked twice for nothing")

    def may_go(self, heard, question, turn):
        """An answer goes when its group is changed, when the summary was confirmed without it, or with its consent."""
        step = self.scripts.question(".".join(question[0].split(".")[:2]))
        confirmed = isinstance(heard, Press) and heard.code == DONE
        return bool(step and step.steps) or confirmed or bool(turn.decided)

    def press(self, code):
        self.do(Press(self.now.state.frames[-1].prompt, code))

    def options(self):
        """What could be pressed now."""
        turn = take_turn(self.scripts, self.now.state, self.known(), Resume(), {})
        looked_up = {}
        while turn.needs:
            looked_up |= {need: self.looked_up(need) for need in turn.needs}
            turn = take_turn(self.scripts, self.now.state, self.known(), Resume(), looked_up)
        return [option.code for option in turn.said[-1].options] if turn.said else []


def must(holds, what):
    if not holds:
        raise Astray(what)


def settled(heard, before, turn):
    """Was the pending question answered just now, by a press or by words, and nothing else asked for?"""
    if not before or not before.frames or not isinstance(heard, Press | Text) or not turn.answered:
        return False
    return not (isinstance(heard, Press) and heard.code in {BACK, KEEP}) and before.frames[-1].dialog == turn.state.frames[-1].dialog


def outcomes(dialog, step):
    """What a script expects of an effect."""
    sources = " ".join(each.when.source for each in dialog.steps if each.when)
    return re.findall(rf"\$\{{{step}\}} = '([a-z-]*)'", sources) or [""]


def wander(phone, length):
    """Somebody, for a while: mostly answers, sometimes anything."""
    rnd = phone.rnd
    phone.do(rnd.choice([Command("start"), Text("hi"), Unreadable("sticker"), Press(5, "yes"), Command("forget")]))
    for _ in range(length):
        chance = rnd.random()
        frame = phone.now.state.frames[-1] if phone.now.state.frames else None
        if frame is None:
            phone.do(Text("hello"))
        elif chance < 0.80:
            answer(phone, frame)
        elif chance < 0.90:
            often = ["family"] * 6 + ["me", "more", "team", "menu", "language"] * 2
            phone.do(
                Command(rnd.choice([*phone.scripts.commands, *often, "start", "back", "skip", "done", "nonsense"]), rnd.choice(["", "", "de", "yes", "1234"]))
            )
        elif chance < 0.95:
            phone.do(rnd.choice([Text(rnd.choice(WORDS)), Unreadable("voice"), Unreadable("edited"), Press(rnd.randrange(2000), "yes")]))
        else:
            phone.scripts = rnd.choice(phone.versions)


def answer(phone, frame):
    step = phone.scripts[frame.dialog].by_id.get(frame.step) if frame.dialog in phone.scripts else None
    inner = next((each for each in step.steps if each.id == frame.inner), step) if step else None
    if inner and inner.ask in TYPED and phone.rnd.random() < 0.7:
        phone.do(Text(phone.rnd.choice(WORDS)))
    else:
        options = phone.options() or ["yes"]
        usual = "no" if frame.dialog == "forget" else "yes"
        forward = [code for code in options if not code.startswith(".") or code in {DONE, ".enough"}] or options
        phone.press(usual if usual in options and phone.rnd.random() < 0.8 else phone.rnd.choice(forward if phone.rnd.random() < 0.8 else options))


def versions(scripts):
    """The scripts as they are, and as somebody may change them under people's feet."""
    hobby = {"id": "hobby", "ask": "text", "purpose": "profile"}
    newcomer = changed(scripts, "newcomer", lambda steps: [*steps[:1], hobby, *steps[2:]])
    consent = changed(scripts, "join", lambda steps: [{**each, "version": "2"} if each["id"] == "keep" else each for each in steps])
    choice = changed(scripts, "support", lambda steps: [{**steps[0], "choices": ["cv", "mentor"]}, *steps[1:]])
    business = changed(scripts, "business", lambda steps: [*steps[:2], hobby, *steps[3:]])
    return [scripts, scripts, scripts, newcomer, consent, choice, business]


def walk(scripts, seed, conversations):
    """Turns, answers, effects: how much happened."""
    known, seen = versions(scripts), Counter()
    for number in range(conversations):
        phone = Phone(scripts, random.Random(f"{seed}/{number}"))
        phone.versions = known
        try:
            wander(phone, phone.rnd.randrange(10, 70))
        except Exception as error:
            raise Astray(f"conversation {seed}/{number}, turn {phone.turns}: {error}") from error
        seen.update({"turns": phone.turns, "finished": sum("newcomer" in str(each.answers) for each in phone.profiles), **phone.seen})
    return seen


def told(seen):
    return " ".join(
        f"{name}={seen[name]}" for name in ("turns", "answers", "switch-profile", "found-organisation", "join-organisation", "finish-profile", "erase")
    )


def test_whatever_people_do_there_is_a_way_on_and_nothing_is_lost(scripts, seed, capsys):
    seen = walk(scripts, seed, QUICK)
    assert min(seen[each] for each in ("switch-profile", "found-organisation", "finish-profile")) > 0, f"the walk stays at the door: {seen}"
    with capsys.disabled():
        print(f"\n  random walk: conversations={QUICK} {told(seen)} stuck=0 lost=0 asked_twice=0 without_consent=0 before_the_gate=0 seed={seed}")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda turn: replace(turn, answered={**turn.answered, ("newcomer.town", ""): Answer("given", "x")}, state=replace(turn.state, passed=())), "age gate"),
        (lambda turn: replace(turn, answered={**turn.answered, ("newcomer.town", ""): None}), "was lost|age gate|without its consent"),
        (lambda turn: replace(turn, said=()), "silence"),
    ],
)
def test_a_broken_engine_is_caught(scripts, seed, monkeypatch, spoil, says):
    """The positive control."""
    monkeypatch.setitem(globals(), "take_turn", lambda *given: turn if (turn := REAL(*given)).needs else spoil(turn))
    with pytest.raises(Astray, match=says):
        walk(scripts, seed, 50)
