"""Somebody who fills a form in at random, to the end; and an independent judge of what came of it."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from xml.etree import ElementTree as ET

from dialogs.asking import AGAIN, BACK, DECLINE, DONE, ENOUGH, KEEP, SKIP, Asking, Place
from dialogs.filled import filled_of
from dialogs.model import SEVERAL, TYPED, Dialog, Scripts
from dialogs.nouns import Consent, Frame, Known, Message, Press, Resume, State, Text
from dialogs.turn import take_turn

TODAY = date(2026, 11, 28)
FACTS = {"today": TODAY.isoformat(), "now": f"{TODAY}T10:00:00.000+01:00", "home-country": "DE", "channel": "telegram", "takes-files": "yes"}
MOST_TURNS = 4_000
XF = "{http://www.w3.org/2002/xforms}"


class Stuck(AssertionError):
    """Nobody could get on with the form."""


@dataclass
class Filler:
    scripts: Scripts
    dialog: Dialog
    rnd: random.Random
    language: str = "en"
    answers: dict = field(default_factory=dict)
    state: State = None
    said: list = field(default_factory=list)  # every message
    turns: int = 0
    handed_in: bool = False

    def __post_init__(self):
        self.consents = {purpose: Consent(step.version, given=True) for purpose, (_, step) in self.scripts.consents.items()}
        self.state = self.state or State(self.language, passed=("join.age",), frames=(Frame("menu"), Frame(self.dialog.dialog)))

    @property
    def known(self):
        return Known(self.answers, self.consents, FACTS)

    def hear(self, heard):
        turn = take_turn(self.scripts, self.state, self.known, heard)
        assert not turn.needs or turn.needs[0].source == "languages", turn.needs
        self.turns += 1
        for question, answer in turn.answered.items():
            if answer:
                self.answers[question] = answer
            else:
                self.answers.pop(question, None)
        self.state, self.said = turn.state, [*self.said, *turn.said]
        for effect in turn.effects:
            assert effect.name == "hand-in"
            self.handed_in = True
        return turn

    def fill(self, most_rounds=3):
        turn, tries = self.hear(Resume()), {}
        while self.state.frames and self.state.frames[-1].dialog == self.dialog.dialog and self.turns < MOST_TURNS:
            top = self.state.frames[-1]
            step = self.dialog.find(top.inner or top.step)
            message = turn.said[-1] if turn.said else Message(())
            at = (step.id, top.rounds)
            tries[at] = tries.get(at, 0) + 1
            if tries[at] > 300:
                raise Stuck(f"{self.dialog.dialog}.{step.id} {step.check and step.check.source}: {[part.id for part in message.parts]}")
            turn = self.hear(self.answer(step, message, top, tries[at], most_rounds))
        if self.turns >= MOST_TURNS:
            raise Stuck(f"{self.dialog.dialog}: {MOST_TURNS} turns")
        return self

    def answer(self, step, message, top, tries, most_rounds):
        codes = [option.code for option in message.options]
        offered = [code for code in codes if code[0] != "."]
        press = lambda code: Press(top.prompt, code)
        if step.steps:
            return press(AGAIN if AGAIN in codes and top.rounds[-1] < most_rounds and self.rnd.random() < 0.6 else ENOUGH)
        if step.id == "form-send":
            return press("send")
        if step.ask == "summary":
            return press(DONE if self.rnd.random() < 0.7 or not offered else self.rnd.choice(offered))
        lost = tries > 100  # after a start at 23:59 no end is later: people go back too
        if BACK in codes and self.rnd.random() < (0.03 if tries < 6 else 0.1 if lost else 0):
            return press(BACK)
        if SKIP in codes and self.rnd.random() < (0.12 if tries < 20 else 0.9):
            return press(self.rnd.choice([SKIP, DECLINE]))
        if KEEP in codes and self.rnd.random() < 0.3:
            return press(KEEP)
        if step.ask in SEVERAL:
            options = [option for option in message.options if option.picked is not None]
            wanted = len(options) if step.ask == "rank" else self.rnd.choice([1, 1, 2, 3])
            open_ = [option.code for option in options if not option.picked]
            picked = [option.code for option in options if option.picked]
            later = [code for code in codes if code in {".later", ".all"}]
            if picked and len(picked) > 1 and step.ask != "rank" and tries > 3 and self.rnd.random() < 0.4:
                return press(self.rnd.choice(picked))  # taken back, so that two that exclude each other part
            if open_ and len(picked) < wanted and (step.ask == "rank" or not picked or self.rnd.random() < 0.5):
                return press(self.rnd.choice(open_))
            return press(DONE if picked or not later else self.rnd.choice(later))
        if step.ask in TYPED:
            return self.typed(step, tries)
        if step.ask == "file":
            return press(SKIP if SKIP in codes else KEEP)
        more = [code for code in codes if code in {".later", ".earlier"}]
        return press(self.rnd.choice(offered + more[:1])) if offered else press(self.rnd.choice(codes))

    def typed(self, step, tries):
        literals = re.findall(r"\d+(?:\.\d+)?", step.check.source) if step.check else []
        near = [float(each) + by for each in literals for by in (-1, 0, 1)] or [1.0]
        rnd = self.rnd
        match step.ask:
            case "integer" | "number":
                return Text(str(int(rnd.choice([*near, rnd.randint(0, 20), rnd.randint(0, 120), rnd.randint(-5, 3), rnd.randint(0, 10**6)]))))
            case "decimal":
                return Text(f"{rnd.choice([*near, rnd.random() * 30, rnd.random() * 300]):.2f}")
            case "date":
                return Text((TODAY + timedelta(days=rnd.choice([0, 1, -1, rnd.randint(-900, 900), rnd.randint(-30_000, 0)]))).isoformat())
            case "time":
                return Text(f"{rnd.randint(0, 23)}:{rnd.randint(0, 59):02}")
            case "date-time":
                return Text(f"{TODAY + timedelta(days=rnd.randint(-900, 900))} {rnd.randint(0, 23)}:{rnd.randint(0, 59):02}")
            case "place":
                return Text(f"{rnd.uniform(-90, 90):.4f}, {rnd.uniform(-180, 180):.4f}")
            case "places":
                return Text("\n".join(f"{rnd.uniform(-90, 90):.4f}, {rnd.uniform(-180, 180):.4f}" for _ in range(rnd.randint(3, 5))))
        pattern = re.search(r"regex\(\s*\.\s*,\s*(['\"])(.*?)\1\s*\)", step.check.source) if step.check else None
        if pattern and rnd.random() < 0.8:
            return Text(like(pattern[2], rnd))
        quoted = re.findall(r"'([^']{1,60})'", step.check.source) if step.check else []
        return Text(rnd.choice(["an answer", "Example Bakery", "جواب", "відповідь", "A1", "5", "x", *quoted]))


def like(pattern, rnd):
    """A text of simple patterns: classes, counts, dots, groups of alternatives."""
    made, at = "", 0
    pattern = pattern.strip("^$")
    while at < len(pattern):
        if pattern[at] == "[":
            end = pattern.index("]", at + 1)
            letters, at = expand(pattern[at + 1 : end]), end + 1
        elif pattern[at] == "\\":
            letters, at = {"d": "0123456789", "w": "abc1", "s": " "}.get(pattern[at + 1], pattern[at + 1]), at + 2
        elif pattern[at] == "(":
            end = pattern.index(")", at)
            made, at = made + like(rnd.choice(pattern[at + 1 : end].removeprefix("?:").split("|")), rnd), end + 1
            continue
        else:
            letters, at = ("abc" if pattern[at] == "." else pattern[at]), at + 1
        count = 1
        if at < len(pattern) and pattern[at] in "*+?":
            count, at = rnd.randint(1, 3) if pattern[at] != "?" else 1, at + 1
        elif at < len(pattern) and pattern[at] == "{":
            end = pattern.index("}", at)
            low, _, high = pattern[at + 1 : end].partition(",")
            count, at = rnd.randint(int(low), int(high or low)), end + 1
        made += "".join(rnd.choice(letters) for _ in range(count))
    return made


def expand(inside):
    letters, at = "", 0
    while at < len(inside):
        if inside[at] == "\\":
            letters, at = letters + {"d": "0123456789", "s": " "}.get(inside[at + 1], inside[at + 1]), at + 2
        elif at + 2 < len(inside) and inside[at + 1] == "-":
            letters, at = letters + "".join(map(chr, range(ord(inside[at]), ord(inside[at + 2]) + 1))), at + 3
        else:
            letters, at = letters + inside[at], at + 1
    return letters or "a"


# ---- the judge ----------------------------------------------------------------------------------------------------------


def instance_of(xform: str, filler: Filler) -> str:
    """The submission that ODK would make of these answers."""
    filled = filled_of(filler.scripts, filler.dialog, filler.known, filler.language)
    data = next(iter(ET.fromstring(xform).find(f".//{XF}model").find(f"{XF}instance")))
    put(data, filled, "", [step.column for step in filler.dialog.every if step.steps])
    return ET.tostring(data, encoding="unicode")


def put(parent, filled, prefix, repeats):
    for column, value in filled.values.items():
        node = reach(parent, column.removeprefix(prefix))
        if node is not None:
            node.text = value
    inside = [column for column in repeats if column.startswith(prefix)]
    for column in inside:
        if any(column.startswith(f"{other}/") for other in inside):
            continue  # comes with the rounds of that one
        path = column.removeprefix(prefix).split("/")
        holder = reach(parent, "/".join(path[:-1])) if path[:-1] else parent
        templates = [each for each in holder if local(each) == path[-1]] if holder is not None else []
        if not templates:
            continue
        blank = ET.fromstring(ET.tostring(templates[-1]))
        blank.attrib.pop("{http://openrosa.org/javarosa}template", None)
        place = list(holder).index(templates[0])
        for each in templates:
            holder.remove(each)
        for number, inner in enumerate(filled.rounds.get(column, ())):
            copy = ET.fromstring(ET.tostring(blank))
            put(copy, inner, f"{column}/", repeats)
            holder.insert(place + number, copy)


def reach(parent, path):
    for part in path.split("/"):
        parent = next((each for each in parent if local(each) == part), None)
        if parent is None:
            return None
    return parent


def local(element):
    return element.tag.rpartition("}")[2]


def judged(filler, xform, rxeval):
    """Both judges look at the form as it stands: how many comparisons, and what they disagree about, each with the reason if there is one."""
    instance = instance_of(xform, filler)
    session = rxeval.Session(xform, instance=instance, today=FACTS["today"], now=FACTS["now"])
    theirs = session.recompute()
    invalid = {each if isinstance(each, str) else each[0] for each in theirs["invalid"]}
    asking = Asking(filler.scripts, State(filler.language), filler.known, {})
    place = Place.of(Frame(filler.dialog.dialog), filler.dialog)
    count, differ, steps = 0, [], {}
    for step in filler.dialog.every:
        for rounds in asking.rounds_seen(place, step, step, ()) if step.column and not step.steps else ():
            path = path_of(filler.dialog, step, rounds)
            applies, value = asking.applies_there(place, step, rounds), asking.value_of(place, step, rounds)
            steps[path] = steps[re.sub(r"\[\d+\]", "", path)] = step
            if (relevant := theirs["relevant"].get(path)) is not None:
                count += 1
                if relevant is not applies:
                    differ.append((f"{path}: relevant {relevant}: {step.when and step.when.source}", reason_of(filler.dialog, step)))
            if step.calculate and applies:
                count += 1
                if not same(session.get(path), value):
                    differ.append((f"{path}: {session.get(path)!r}, not {value!r}: {step.calculate.source}", reason_of(filler.dialog, step)))
            elif step.check and value and applies:
                count += 1
                ours = asking.fits(place, step.model_copy(update={"filter": None}), rounds, value)
                if ours is (path in invalid):
                    differ.append((f"{path} = {value!r}: it is {'' if ours else 'not '}valid here: {step.check.source}", reason_of(filler.dialog, step)))
    for finding in rxeval.submission_findings(xform, instance, today=FACTS["today"]):
        if finding["kind"] == "calculation":
            continue  # compared above; it holds "NaN" where we hold nothing
        step = steps.get(re.sub(r"\[\d+\]", "", finding["path"]))
        reason = reason_of(filler.dialog, step) if step else "a note can't be answered, whatever it requires" if finding["kind"] == "required" else None
        differ.append((finding["says"], reason or ("rxeval does not know the function" if finding["kind"] == "not-evaluated" else None)))
    return count, differ


REASONS = {
    "rxeval takes a date for no number, so that comparing and counting days fails there": re.compile(r"today\(|now\(|date\("),
    "the choices' names are the form's own in rxeval, the language of the conversation's here": re.compile(r"choice-name"),
    "rxeval has no attached tables": re.compile(r"pulldata"),
    "position(..) is not known in rxeval": re.compile(r"position\("),
}


def reason_of(dialog, step, seen=()):
    """Why the two judges may disagree about a step, or about one that it hangs on."""
    sources = " ".join(each.source for each in (step.when, step.check, step.calculate) if each)
    asked = [each for name in sorted(step.asks_about | {inner.id for inner in step.steps}) if (each := dialog.find(name)) and name not in seen]
    if any(each.ask in {"date", "time", "date-time"} for each in (step, *asked)) and sources:
        return next(iter(REASONS))
    own = next((reason for reason, pattern in REASONS.items() if pattern.search(sources)), None)
    return own or next((reason for each in (*asked, *dialog.groups[step.id]) if (reason := reason_of(dialog, each, (*seen, step.id, each.id)))), None)


def path_of(dialog, step, rounds):
    """As /data/house/rooms[2]/size."""
    path, depth = "/data/" + step.column, 0
    for group in dialog.groups[step.id]:
        prefix = "/data/" + group.column
        numbered = prefix_of(path, prefix.count("/")) + f"[{rounds[depth]}]"
        path, depth = numbered + path[len(prefix_of(path, prefix.count("/"))) :], depth + 1
    return path


def prefix_of(path, parts):
    return "/".join(path.split("/")[: parts + 1])


def same(one, other):
    try:
        return abs(float(one) - float(other)) < 1e-9
    except (TypeError, ValueError):
        return (one or "") == other or {one, other} == {"NaN", ""}
