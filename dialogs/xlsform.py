"""Any XLSForm becomes a script and its words: one mechanism, nothing else to learn. Pure; `dialogs/sheets.py` has read the form.

What a chat can't do is left out and said, or, where the form can't do without it, refused with sheet, row and reason. Groups are
taken apart (their condition goes to their questions), repeats become groups of rounds, lists keep their columns for choice_filter.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import chain, count
from typing import Any

from pydantic import ValidationError

from dialogs.expressions import ExpressionError, compile_expression
from dialogs.formlists import LONGEST_NAME, FormLists
from dialogs.formwords import Complaints, FormWords
from dialogs.kinds import TYPED, Here
from dialogs.labels import code_of_language, slug
from dialogs.model import FORM, KEPT, OWN_SENTENCES, RESERVED, Dialog, Step
from dialogs.nouns import Answer
from dialogs.sheets import Finding, FormError, Sheets

LONGEST_SLUG = LONGEST_NAME - len(FORM) - len(KEPT)  # of a form's own name, in the names of its dialog and its consent
MOST_STEPS, DEEPEST = 2_000, 4
LONGEST_RANGE = 60  # numbers of a range that are offered to press; a longer one is typed
SUMMED_UP = 20  # questions: so many answers can be looked over in one message
LONGEST_TITLE = 120  # characters: it stands in the consent, which may have 800
LONGEST_TEXT, LONGEST_SHORT = 4_000, 40  # characters of an answer, of a question's name
AGE, CONSENT, SUMMARY, SEND, LATER, SENT = "form-age", "form-consent", "form-summary", "form-send", "form-later", "form-sent"  # steps that every form gets

_TYPED = {
    "text": "text", "string": "text", "barcode": "text", "integer": "integer", "int": "integer", "decimal": "decimal", "date": "date", "time": "time",
    "dateTime": "date-time", "datetime": "date-time", "geopoint": "place", "geotrace": "places", "geoshape": "places",
}  # fmt: skip
_PLACES = {"place", "places"}
_CHOSEN = {"select one": "choice", "select all that apply": "choices", "rank": "rank"}
_AUTOMATIC = {  # asked of nobody: what a device tells of its owner is not taken
    "deviceid", "device id", "simserial", "sim id", "subscriberid", "subscriber id", "phonenumber", "phone number", "username", "email", "audit",
    "start-geopoint", "background-audio", "background-geopoint", "imei", "get device id", "get subscriber id", "get sim id", "get phone number",
}  # fmt: skip
_MOMENTS = {"start": "once(now())", "end": "now()", "today": "once(today())", "start time": "once(now())", "end time": "now()"}
_DAYS = {
    "start": "once(today())",
    "end": "today()",
    "today": "once(today())",
    "start time": "once(today())",
    "end time": "today()",
}  # nobody is found by the minute
_CANT = {"audio": "a voice message", "video": "a video", "file": "a file", "osm": "a piece of OpenStreetMap", "xml-external": "", "csv-external": ""}
_DIFFERENT = {
    "rank": "the choices are pressed in order, the first one first",
    "barcode": "the code is typed in",
    "geotrace": "the places are typed, one a line",
    "geoshape": "the places are typed, one a line",
    "geopoint": "the place is shared or typed",
    "signature": "a photo is sent instead",
    "draw": "a photo is sent instead",
    "annotate": "a photo is sent instead",
    "table-list": "its questions are asked one by one",
    "list-nolabel": "the questions of the table are asked one by one",
}
_CONSTANTS = {"yes": "true()", "true": "true()", "no": "false()", "false": "false()"}  # as people and Excel write them


@dataclass(slots=True)
class Converted:
    """A script that is ready to be written down, its sentences, and what is to be said about it."""

    script: dict[str, Any]
    texts: Mapping[str, Mapping[str, str]]  # sentence id -> language -> text
    framed: Mapping[
        str, tuple[str, Mapping[str, Mapping[str, str]]]
    ]  # sentence id -> one of ours that frames it, and what stands in it: name -> language -> text
    source: str  # the language that a sentence falls back to
    languages: Sequence[str]
    tables: Mapping[str, Sequence[Mapping[str, str]]]  # attached: name -> rows
    pictures: Mapping[str, str]  # name of a picture in the script -> the attached file
    findings: Sequence[Finding]  # nothing that stops it


@dataclass(frozen=True, slots=True)
class Wishes:
    """How an organiser wants the form."""

    name: str = ""  # of the dialog; else by the form's id
    anonymous: bool = True
    dpia: str = ""  # the impact assessment that allows delicate questions and exact places
    language: str = "en"  # of what the form does not say the language of


def form_of(sheets: Sheets, wishes: Wishes = Wishes(), attached: Mapping[str, bytes] | None = None) -> Converted:
    """`attached`: files that lie beside the form, by name. Raises FormError with everything that is wrong, not only the first."""
    first = _Builder(sheets, wishes, attached or {})
    try:
        form = first.build()
    except FormError:
        if not first.left_out:
            raise
    else:
        if not first.left_out:
            return form
    return _Builder(sheets, wishes, attached or {}, first.left_out).build()  # now it is known what is left out, wherever it is asked about


def dialog_name(tree: Mapping[str, Any], wishes: Wishes) -> str:
    """How the dialog of a form is called."""
    called = wishes.name or _form_id(tree)
    short = slug(called, LONGEST_SLUG)
    whole = re.sub(r"[^a-z0-9]+", "-", called.casefold()).strip("-") == short and short and not short.endswith(KEPT)
    if not whole:  # what was cut off, or is in another script, must not make two forms one
        short = f"{short[: LONGEST_SLUG - 7]}-{hashlib.sha256(called.encode()).hexdigest()[:6]}".strip("-")
    return f"{FORM}{short}"


def _form_id(tree: Mapping[str, Any]) -> str:
    return str(tree.get("id_string") or tree.get("name") or "form")


@dataclass(slots=True)
class _Spot:
    """Where in the form we are."""

    node: Mapping[str, Any]
    row: int
    around: tuple[Mapping[str, Any], ...]  # groups and repeats, from the outermost on
    when: str  # what the groups around ask for, since the innermost repeat
    path: tuple[str, ...]  # names of the groups around
    depth: int  # repeats around

    @property
    def name(self) -> str:
        return str(self.node.get("name", ""))

    @property
    def kind(self) -> str:
        return str(self.node.get("type", ""))

    @property
    def bind(self) -> Mapping[str, Any]:
        return self.node.get("bind") or {}

    @property
    def appearance(self) -> str:
        return str((self.node.get("control") or {}).get("appearance", ""))


class _Builder:
    def __init__(self, sheets: Sheets, wishes: Wishes, attached: Mapping[str, bytes], left_out: AbstractSet[str] = frozenset()) -> None:
        self.sheets, self.wishes, self.tree = sheets, wishes, sheets.tree
        self.attached = {name.casefold(): content for name, content in attached.items()}
        self.complaints = Complaints()
        self.refuse, self.say = self.complaints.refuse, self.complaints.say
        self.ids, self.taken, self.left_out = dict[str, list[str]](), {*RESERVED, "lists"}, set(left_out)
        self.pictures, self.seen, self.questions = dict[str, str](), defaultdict[str, int](int), 0
        self.entered = dict[int, str]()  # groups and repeats that we are in, or were -> their ids
        self.form_id, self.dialog = _form_id(self.tree), dialog_name(self.tree, wishes)
        self.purpose = self.dialog if wishes.anonymous else f"{self.dialog}{KEPT}"  # a yes to the one is no yes to the other
        default = str(self.tree.get("default_language", "default"))
        self.words = FormWords((code_of_language(default) if default != "default" else "") or wishes.language)
        self.texts, self.framed, self.put, self.by_language = self.words.texts, self.words.framed, self.words.put, self.words.by_language
        self.lists = FormLists(sheets, self.attached, self.words, self.complaints, self.dialog)

    def build(self) -> Converted:
        for problem in self.sheets.warnings:
            if found := re.search(r"\[row ?: ?(\d+)\] On the 'choices' sheet, the 'label' value is invalid", problem):
                self.say("a choice without a label shows its name.", int(found[1]), "label", "choices")
        if (there := _count(self.tree)) > MOST_STEPS:
            raise FormError([Finding(f"the form has {there} questions; a form may have {MOST_STEPS}. Make several of it.", "survey")])
        self.name_all(self.tree.get("children", ()), ())
        steps = list(self.steps_of(self.tree.get("children", ()), (), "", (), 0))
        if not self.questions and not self.complaints.wrong:
            self.complaints.wrong += [*self.complaints.findings, Finding("there is no question in this form that a chat could ask.", "survey")]
        self.title()
        script: dict[str, Any] = {
            "dialog": self.dialog,
            "version": "1",
            "command": self.dialog.replace("-", "_"),
            "listed": "false",
            "form": {"id": self.form_id, "version": str(self.tree.get("version", "")), "anonymous": str(self.wishes.anonymous).lower()},
            **({"lists": self.lists.lists} if self.lists.lists else {}),
            **({"tables": sorted(self.lists.tables)} if self.lists.tables else {}),
            "steps": [self.gate(), self.consent(), *steps, *self.end(steps)],
        }
        if not self.complaints.wrong:
            self.prove(script)
        if self.complaints.wrong:
            raise FormError(_in_order(self.complaints.wrong))
        if self.words.unknown:
            self.say(f"the language {', '.join(sorted(self.words.unknown))} is not known, so its texts are left out: write it as `label::Name (code)`.", 1)
        source = (
            "en"
            if "en" in self.words.languages
            else self.words.default
            if self.words.default in self.words.languages
            else (self.words.languages or [self.words.default])[0]
        )
        return Converted(script, self.texts, self.framed, source, self.words.languages, self.lists.tables, self.pictures, _in_order(self.complaints.findings))

    # ---- names ----

    def name_all(self, nodes: Sequence[Mapping[str, Any]], inside: tuple[str, ...]) -> None:
        """Every question gets an id before any condition is read: XLSForm lets one ask about what comes later."""
        for node in nodes:
            name = str(node.get("name", ""))
            if not _is_meta(node):
                self.ids.setdefault(name, []).append(self.give_id(name, in_group=bool(inside)))
                self.name_all(node.get("children", ()), (*inside, name) if node.get("type") == "repeat" else inside)

    def give_id(self, name: str, *, in_group: bool = False) -> str:
        fits = re.fullmatch(rf"[A-Za-z_][A-Za-z0-9_-]{{0,{LONGEST_NAME - 1}}}", name) and not name.startswith(FORM)
        wanted = name if fits else slug(name.removeprefix(FORM), LONGEST_NAME - 4, keep_case=True) or f"q{len(self.taken)}"
        candidates = chain([wanted], (f"{wanted[: LONGEST_NAME - 5]}-{number}" for number in count(2)))
        chosen = next(each for each in candidates if each not in self.taken and not (in_group and each in OWN_SENTENCES))
        self.taken.add(chosen)
        return chosen

    def id_of(self, spot: _Spot) -> str:
        """Of the node at hand; a name that stands in several groups has several."""
        return self.ids[spot.name][min(self.seen[spot.name], len(self.ids[spot.name])) - 1]

    # ---- steps ----

    def steps_of(
        self, nodes: Sequence[Mapping[str, Any]], around: tuple[Mapping[str, Any], ...], when: str, path: tuple[str, ...], depth: int
    ) -> Iterator[dict[str, Any]]:
        for node in nodes:
            if _is_meta(node):
                yield from self.instance_name(node)
                continue
            name = str(node.get("name", ""))
            spot = _Spot(node, self.sheets.row(name, self.seen[name]), around, when, path, depth)
            self.seen[name] += 1
            yield from self.step_of(spot)

    def step_of(self, spot: _Spot) -> Iterator[dict[str, Any]]:
        kind, appearance = spot.kind, spot.appearance
        self.entered[id(spot.node)] = self.id_of(spot)
        for word in appearance.split():
            if word in _DIFFERENT:
                self.say(f"{spot.name}: {_DIFFERENT[word]}.", spot.row, "appearance")
        if kind in {"group", "survey"}:
            yield from self.group(spot)
        elif kind == "repeat":
            yield from self.repeat(spot)
        elif kind == "note" or (_is_yes(spot.bind.get("readonly")) and not spot.bind.get("calculate") and not spot.node.get("default")):
            yield from self.note(spot)
        elif kind in _MOMENTS:
            yield from self.moment(spot)
        elif kind in _AUTOMATIC:
            self.leave_out(spot, "is not taken: what a device tells of its owner is theirs", needed=False)
        elif kind in _CANT:
            self.leave_out(
                spot, f"asks for {_CANT[kind]}, which can't be sent here" if _CANT[kind] else "is a file of its own, and no question", needed=bool(_CANT[kind])
            )
        elif kind in {"calculate", "hidden"} or spot.bind.get("calculate") or _is_yes(spot.bind.get("readonly")):
            yield from self.calculation(spot)
        elif "external" in kind:
            self.leave_out(spot, "chooses from an external list, which is not known here", needed=True, remedy="Use select_one_from_file.")
        elif appearance.startswith("ex:") or "printer" in appearance:
            self.leave_out(spot, "is answered by another program, which does not run here", needed=True)
        elif kind == "photo":
            yield from self.photo(spot)
        elif kind in _CHOSEN and "label" in appearance.split():
            return  # the head of a table: it shows its labels, and nobody answers it
        elif kind in _CHOSEN:
            yield from self.chosen(spot)
        elif kind == "range":
            yield from self.range(spot)
        elif kind in {"trigger", "acknowledge"}:
            yield self.question(spot, {"ask": "choice", "from": "lists.form-ok"})
            self.lists.lists["form-ok"] = [{"name": "OK"}]
            self.framed[f"{self.dialog}.lists.form-ok.OK"] = ("forms.acknowledge", {})
        elif kind in _TYPED:
            yield from self.typed(spot)
        else:
            if kind in {"select_one", "select_multiple", "rank"}:
                return self.refuse(f"{kind} needs the name of its list, as in {kind} towns.", spot.row, "type")
            near = difflib.get_close_matches(kind, [*_TYPED, *_CHOSEN, "select_one towns", "note", "calculate", "range"], 1)
            self.refuse(f"{spot.name} has the type {kind!r}, which is not known" + (f"; is it {near[0]}?" if near else "."), spot.row, "type")

    def leave_out(self, spot: _Spot, why: str, *, needed: bool, remedy: str = "") -> None:
        """What a chat can't ask is left out where the form lets one skip it."""
        required = str(spot.bind.get("required", "no"))
        self.left_out.add(spot.name)
        if needed and not _is_no(required):
            self.refuse(f"{spot.name} {why}, and it is required. {remedy or 'Make it optional, or ask in another way.'}", spot.row, "type")
        else:
            self.say(f"{spot.name} {why}; it is left out.{' ' + remedy if remedy else ''}", spot.row, "type")

    def question(self, spot: _Spot, keys: Mapping[str, Any]) -> dict[str, Any]:
        """A step that is asked, with everything that any question may have."""
        self.questions += 1
        step_id, bind = self.id_of(spot), spot.bind
        step: dict[str, Any] = {"id": step_id, **keys, "purpose": self.purpose}
        if _is_delicate(step_id) and not self.wishes.dpia:
            if self.wishes.anonymous:
                self.say(f"{spot.name} asks for something that could harm people if it became known; nobody's name stands beside it.", spot.row, "name")
            else:
                self.refuse(f"{spot.name} asks for something that could harm people. If it must be, name its impact assessment: --dpia ID", spot.row, "name")
        elif self.wishes.dpia:
            step["dpia"] = self.wishes.dpia
        when = self.condition(spot, bind.get("relevant"), "relevant", also=spot.when)
        check = self.condition(spot, bind.get("constraint"), "constraint").replace(f"${{{step_id}}}", ".")  # the answer that is looked at
        required = self.condition(spot, bind.get("required"), "required")
        step |= {"when": when} if when else {}
        step |= {"check": check} if check else {}
        step |= {"required": "true" if required == "true()" else required} if required and required != "false()" else {}
        if (default := self.default_of(spot)) and self.may_be(spot, step, default):
            step["default"] = default
        name = self.sentence(spot, step_id)
        tells = self.text(spot, "label", name) | self.text(spot, "hint", f"{name}.hint")
        if name not in self.texts and name not in self.framed:
            self.put(name, {self.words.default: spot.name})
            self.say(f"{spot.name} has no label, so its name is asked.", spot.row, "label")
        if spot.node.get("guidance_hint"):
            tells |= self.text(spot, "guidance_hint", f"{name}.more")
        if check and bind.get("jr:constraintMsg"):
            tells |= self.text(spot, bind["jr:constraintMsg"], f"{name}.wrong", "constraint_message")
        if required and required != "false()" and bind.get("jr:requiredMsg"):
            tells |= self.text(spot, bind["jr:requiredMsg"], f"{name}.needed", "required_message")
        self.shorten(name, step_id, spot.name)
        step |= {part: "true" for part in ("more", "wrong", "needed") if f"{name}.{part}" in self.texts}
        step |= _told(tells) | self.picture(spot)
        step["column"] = "/".join((*spot.path, spot.name))
        return step

    def may_be(self, spot: _Spot, step: Mapping[str, Any], default: str) -> bool:
        """Could anybody give this answer? What is worked out is not known yet."""
        written = str(spot.node.get("default"))
        if default != _quoted(written):
            return True
        match step["ask"]:
            case "choice" | "choices" | "rank":
                codes = {row["name"] for row in self.lists.lists.get(str(step["from"]).removeprefix("lists."), ())}
                fits = {*written.split()} <= codes
            case "integer":
                fits = bool(re.fullmatch(r"-?\d{1,12}", written))
            case "decimal":
                fits = bool(re.fullmatch(r"-?\d{1,12}(\.\d{1,12})?", written))
            case "date":
                fits = isinstance(TYPED["date"].read(Step.model_construct(id="x"), written, Here()), Answer)
            case _:
                fits = True
        if not fits:
            self.say(f"{spot.name}: its default {written[:40]!r} is no answer to it; it is left out.", spot.row, "default")
        return fits

    def picture(self, spot: _Spot) -> dict[str, str]:
        """What is drawn above a question, if the file is there; in one language, that of the form's first."""
        media = spot.node.get("media") or {}
        images = media.get("image") or media.get("big-image")
        called = str(next(iter(images.values()), "") if isinstance(images, Mapping) else images or "")
        if set(media) - {"image", "big-image"}:
            self.say(f"{spot.name}: its sounds and films are not played.", spot.row, "media")
        if not called:
            return {}
        if not re.search(r"\.(jpe?g|png|webp)$", called.casefold()) or called.casefold() not in self.attached:
            self.say(
                f"{spot.name}: its picture {called} is not shown: put it beside the form or into the folder FORM-media, as JPEG, PNG or WebP.",
                spot.row,
                "media",
            )
            return {}
        name = slug(called.rpartition(".")[0], LONGEST_NAME) or "picture"
        self.pictures[name] = called.casefold()
        return {"picture": name}

    def shorten(self, name: str, step_id: str, called: str) -> None:
        """What a question is called in the summary and in "my data"."""
        if name in self.framed:
            self.framed[f"{name}.short"] = ("forms.other-short", {})
            return
        for language, text in (self.texts.get(name) or {self.words.default: called}).items():
            line = _without_answers(text.split("\n")[0]).strip().rstrip(" ?:*\u061f\uff1f")
            self.texts[f"{name}.short"][language] = (line if len(line) <= LONGEST_SHORT else f"{line[: LONGEST_SHORT - 1].rstrip()}…") or step_id

    def sentence(self, spot: _Spot, step_id: str) -> str:
        """The id of a step's sentence: `form-flats.floor.flats`."""
        return ".".join([self.dialog, *(self.last_id(each) for each in spot.around if each.get("type") == "repeat"), step_id])

    def last_id(self, node: Mapping[str, Any]) -> str:
        return self.entered[id(node)]

    # ---- groups ----

    def group(self, spot: _Spot) -> Iterator[dict[str, Any]]:
        when = self.condition(spot, spot.bind.get("relevant"), "relevant", also=spot.when)
        if spot.node.get("label") and (heading := self.said(spot, when, "label")):
            yield heading
        yield from self.steps_of(spot.node.get("children", ()), (*spot.around, spot.node), when, (*spot.path, spot.name), spot.depth)

    def repeat(self, spot: _Spot) -> Iterator[dict[str, Any]]:
        step_id = self.id_of(spot)
        if spot.depth >= DEEPEST:
            return self.refuse(f"{spot.name}: repeats stand in repeats more than {DEEPEST} deep; ask part of it in another form.", spot.row, "type")
        when = self.condition(spot, spot.bind.get("relevant"), "relevant", also=spot.when)
        rounds = self.condition(spot, (spot.node.get("control") or {}).get("jr:count"), "repeat_count")
        name = self.sentence(spot, step_id)
        label, tells = self.worded(spot, "label")
        inner = list(self.steps_of(spot.node.get("children", ()), (*spot.around, spot.node), "", (*spot.path, spot.name), spot.depth + 1))
        if not any(each.get("ask") or each.get("steps") or (rounds and each.get("calculate")) for each in inner):
            self.left_out |= {spot.name, *_names(spot.node)}
            for sentence in [each for each in (*self.texts, *self.framed) if each.startswith(f"{name}.")]:
                self.texts.pop(sentence, None)
                self.framed.pop(sentence, None)
            return self.say(f"{spot.name}: nothing in this repeat can be asked; it is left out.", spot.row, "type")
        another, heading = ("forms.another", "forms.round") if label else ("forms.another-unnamed", "forms.round-unnamed")
        self.framed |= {f"{name}.another": (another, {"group": label} if label else {}), f"{name}.heading": (heading, {"group": label} if label else {})}
        self.put(
            f"{name}.short",
            {language: _without_answers(text)[:LONGEST_SHORT] for language, text in label.items()} or {self.words.default: spot.name},
        )
        step: dict[str, Any] = {"id": step_id, "purpose": self.purpose, "heading": "true"}
        step |= {"when": when} if when else {}
        step |= {"count": rounds} if rounds else {"least": "0", "most": "100"}
        yield {**step, **_told(tells), "column": "/".join((*spot.path, spot.name)), "steps": inner}
        return None

    def note(self, spot: _Spot) -> Iterator[dict[str, Any]]:
        when = self.condition(spot, spot.bind.get("relevant"), "relevant", also=spot.when)
        self.left_out.add(spot.name)
        if (spot.node.get("label") or spot.node.get("hint")) and (note := self.said(spot, when, "label" if spot.node.get("label") else "hint")):
            yield note

    def said(self, spot: _Spot, when: str, column: str, step_id: str = "") -> dict[str, Any]:
        step_id = step_id or self.id_of(spot)
        name = self.sentence(spot, step_id)
        tells = self.text(spot, column, name)
        if name not in self.texts:
            return {}  # nothing of it can be read
        if column == "label" and spot.node.get("hint") and spot.kind == "note":
            hint, more = self.worded(spot, "hint")
            tells |= more
            label = dict(self.texts[name])
            for language, text in hint.items():
                self.texts[name][language] = "\n".join((label.get(language) or label.get(self.words.default) or next(iter(label.values())), text))
        step = {"id": step_id} | ({"when": when} if when else {}) | (self.picture(spot) if spot.kind == "note" else {})
        return step | _told(tells)

    # ---- what is worked out ----

    def moment(self, spot: _Spot) -> Iterator[dict[str, Any]]:
        worked_out = (_DAYS if self.wishes.anonymous else _MOMENTS)[spot.kind]
        if self.wishes.anonymous and worked_out != _MOMENTS[spot.kind]:
            self.say(f"{spot.name} tells the day only: by the minute, somebody could be found.", spot.row, "type")
        yield self.worked_out(spot, worked_out, when="")

    def calculation(self, spot: _Spot) -> Iterator[dict[str, Any]]:
        source = spot.bind.get("calculate")
        column = "calculation" if source else "default"
        default = spot.node.get("default")
        made = self.condition(spot, source, column, optional=True) if source else self.default_of(spot) if default else ""
        if not made:
            self.left_out.add(spot.name)
            return
        when = self.condition(spot, spot.bind.get("relevant"), "relevant", also=spot.when)
        yield self.worked_out(spot, made, when)
        if spot.kind not in {"calculate", "hidden"} and spot.node.get("label"):
            if not _is_yes(spot.bind.get("readonly")):
                self.say(f"{spot.name} is worked out and shown; nobody can overwrite it.", spot.row, "calculation")
            shown = self.give_id(f"{self.id_of(spot)[: LONGEST_NAME - 9]}-shown", in_group=bool(spot.depth))
            step, value = self.said(spot, when, "label", shown), self.id_of(spot)
            name = self.sentence(spot, shown)
            for language, text in self.texts.get(name, {}).items():
                self.texts[name][language] = f"{text} {{{value}}}"
            if step:
                yield step | _told({*step.get("tells", ()), value})

    def worked_out(self, spot: _Spot, source: str, when: str) -> dict[str, Any]:
        step: dict[str, Any] = {"id": self.id_of(spot), "calculate": source} | ({"when": when} if when else {})
        if re.search(r"\bonce\(", source):  # what it came to the first time has to be known
            step["purpose"] = self.purpose
            name = self.sentence(spot, step["id"])
            self.put(f"{name}.short", {self.words.default: spot.name[:LONGEST_SHORT]})
        return {**step, "column": "/".join((*spot.path, spot.name))}

    def instance_name(self, meta: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """How a form calls one of its submissions (settings, instance_name)."""
        for node in meta.get("children", ()):
            source = (node.get("bind") or {}).get("calculate")
            if node.get("name") == "instanceName" and source:
                spot = _Spot(node, 2, (), "", (), 0)
                if made := self.condition(spot, source, "instance_name", optional=True, sheet="settings"):
                    yield {"id": self.give_id("instanceName"), "calculate": made, "column": "meta/instanceName"}

    # ---- questions ----

    def typed(self, spot: _Spot) -> Iterator[dict[str, Any]]:
        ask = _TYPED[spot.kind]
        if ask in _PLACES and not self.wishes.dpia:
            self.leave_out(
                spot,
                "asks for an exact place, which could lead somebody to a person's door",
                needed=True,
                remedy="Ask for the town instead; or name its impact assessment: --dpia ID",
            )
            return
        if spot.kind in _DIFFERENT:
            self.say(f"{spot.name}: {_DIFFERENT[spot.kind]}.", spot.row, "type")
        keys = {"ask": ask}
        if ask == "text":
            keys["most"] = str(LONGEST_TEXT)
            if "regex" in str(spot.bind.get("constraint", "")) or "numbers" in spot.appearance or spot.kind == "barcode":
                keys["class"] = "contact"  # the form wants a number that looks private, so nobody is warned of it
        if spot.kind == "geotrace":
            keys["least"] = "0"
        yield self.question(spot, keys)

    def photo(self, spot: _Spot) -> Iterator[dict[str, Any]]:
        if self.wishes.anonymous:
            self.leave_out(spot, "asks for a photo, which tells whose it is", needed=True, remedy="Bind the form to the profile: --profile")
            return
        if not _is_no(str(spot.bind.get("required", "no"))):
            self.say(f"{spot.name}: where no photo can be sent (the web chat), it can be skipped.", spot.row, "type")
        yield self.question(spot, {"ask": "file", "types": ["photo"], "class": "identity"})

    def chosen(self, spot: _Spot) -> Iterator[dict[str, Any]]:
        if spot.kind == "rank":
            self.say(f"{spot.name}: {_DIFFERENT['rank']}.", spot.row, "type")
        if "search(" in spot.appearance or spot.node.get("query"):
            self.leave_out(spot, "looks its choices up in a way that is not known here", needed=True, remedy="Use select_one_from_file and choice_filter.")
            return
        listed = self.list_of(spot)
        if listed is None:
            return
        name, columns = listed
        keys = {"ask": _CHOSEN[spot.kind], "from": f"lists.{name}"}
        if chooses := self.condition(spot, spot.node.get("choice_filter"), "choice_filter", columns=columns):
            keys["filter"] = chooses
        yield self.question(spot, keys)

    def range(self, spot: _Spot) -> Iterator[dict[str, Any]]:
        given = spot.node.get("parameters")
        told = given if isinstance(given, Mapping) else {}
        try:
            start, end, by = (Decimal(str(told.get(key, default))) for key, default in (("start", "1"), ("end", "10"), ("step", "1")))
            numbers = int((end - start) / by) + 1
        except (InvalidOperation, ArithmeticError, ValueError):
            return self.refuse(f"{spot.name}: start, end and step must be numbers, as in start=1 end=10 step=1.", spot.row, "parameters")
        if not 1 <= numbers <= 10**6:
            return self.refuse(f"{spot.name}: from {start} to {end} by {by} there is nothing to choose.", spot.row, "parameters")
        whole = all(each == each.to_integral_value() for each in (start, by))
        if numbers > LONGEST_RANGE:
            low, high = min(start, end), max(start, end)
            stepped = f" and (. - {start}) mod {abs(by)} = 0" if whole else ""
            step = self.question(spot, {"ask": "integer" if whole else "decimal"})
            bounds = f". >= {low} and . <= {high}{stepped}"
            yield step | {"check": f"({step['check']}) and {bounds}" if "check" in step else bounds}
            return None
        name = self.lists.name_of(f"range {start} {end} {by}")
        self.lists.lists[name] = [{"name": _plain_number(start + at * by)} for at in range(numbers)]
        yield self.question(spot, {"ask": "choice", "from": f"lists.{name}", "columns": "2"})
        return None

    def list_of(self, spot: _Spot) -> tuple[str, set[str]] | None:
        """Its name among the script's lists, and the columns to choose by. None: it can't be asked."""
        called = str(spot.node.get("itemset") or spot.node.get("list_name") or "")
        rows = (self.tree.get("choices") or {}).get(called) or spot.node.get("choices") or ()
        if called.endswith(".csv"):
            return self.lists.of_file(called, spot.node.get("parameters"), spot.name, spot.row)
        if called.startswith("${"):
            self.leave_out(spot, "chooses among answers of a repeat, which is not known here", needed=True)
        elif re.search(r"\.(xml|geojson)$", called):
            self.leave_out(spot, f"chooses from {called}, which is no CSV file", needed=True)
        elif not rows:
            self.leave_out(spot, f"has no list {called!r}", needed=True)
        else:
            return self.lists.of_form(called, rows)
        return None

    # ---- words ----

    def worded(self, spot: _Spot, cell: Any, column: str = "") -> tuple[dict[str, str], set[str]]:
        """Texts in all languages, and the questions whose answers stand in them as {name}."""
        words = spot.node.get(cell) if isinstance(cell, str) and not column else cell
        tells = set[str]()

        def named(found: re.Match[str]) -> str:
            step = self.resolve(found[1].strip(), spot)
            if step is None:
                self.refuse(f"${{{found[1][:40]}}}: there is no question of that name{self.near(found[1])}.", spot.row, column or str(cell))
            if not step:
                return "…"  # it is left out
            tells.add(step)
            return f"{{{step}}}"

        texts = {language: re.sub(r"\$\{([^{}]*)\}", named, text) for language, text in self.by_language(words).items()}
        return texts, tells

    def text(self, spot: _Spot, cell: Any, name: str, column: str = "") -> set[str]:
        """Kept under a sentence's name; the questions whose answers stand in it."""
        texts, tells = self.worded(spot, cell, column)
        if texts == {self.words.default: "Specify other."}:  # pyxform's own words for or_other
            self.framed[name] = ("forms.specify-other", {})
        else:
            self.put(name, texts)
        return tells

    def title(self) -> None:
        title = {language: text[:LONGEST_TITLE] for language, text in self.by_language(self.tree.get("title")).items()} or {
            self.words.default: self.form_id[:LONGEST_TITLE]
        }
        self.put(f"open-forms.{self.dialog}", title)
        self.framed[f"{self.dialog}.{CONSENT}"] = ("forms.anonymous" if self.wishes.anonymous else "forms.profile", {"title": title})
        self.framed[f"{self.dialog}.{CONSENT}.after-no"] = ("forms.refused", {})
        for name in (f"mydata.purpose-{self.purpose}", f"stop.what.{self.purpose}"):
            self.framed[name] = ("forms.purpose", {"title": title})

    # ---- conditions ----

    def default_of(self, spot: _Spot) -> str:
        default = spot.node.get("default")
        if default in {None, ""}:
            return ""
        if spot.node.get("_dynamic_default") or re.search(r"\$\{|\w\(.*\)", str(default)):
            return self.condition(spot, default, "default", optional=True)
        return _quoted(str(default))

    def condition(
        self, spot: _Spot, source: Any, column: str, *, also: str = "", columns: set[str] | None = None, optional: bool = False, sheet: str = "survey"
    ) -> str:
        """An expression of the form as our scripts have it: names as ids. Empty where there is none, or it was refused. `optional`:
        what can't be understood is left out."""
        written = str(source).strip() if source is not None else ""
        made = _CONSTANTS.get(written.casefold(), written)
        try:
            made = self.rewritten(made, spot)
            compiled = compile_expression(made, of_form=True, of_rows=columns is not None) if made else None
        except ExpressionError as error:
            told = f"{spot.name}: {column}: {error}"
            if optional and not self.is_asked_about(spot.name):
                self.say(f"{told}; it is left out.", spot.row, column, sheet)
            else:
                self.refuse(f"{told}.", spot.row, column, sheet)
            return ""
        if compiled and columns is not None and (strange := compiled.columns - columns):
            self.refuse(
                f"{spot.name}: its list has no column {min(strange)!r}; it has {', '.join(sorted(columns - {'label', 'code'}))}. A text stands in quotes, as in 'yes'.",
                spot.row,
                column,
            )
            return ""
        for table in compiled.tables if compiled else ():
            self.lists.attach(table, spot.name, spot.row)
        if not (made and also):
            return made or also
        return made if made == also else f"({also}) and ({made})"

    def is_asked_about(self, name: str) -> bool:
        """Does anything in the form hang on it?"""
        needle = re.compile(rf"\$\{{\s*{re.escape(name)}\s*\}}")

        def asked(node: Mapping[str, Any]) -> bool:
            logic = [
                *(node.get("bind") or {}).values(),
                node.get("choice_filter"),
                node.get("default"),
                *(node.get("control") or {}).values(),
                node.get("label"),
                node.get("hint"),
            ]
            return any(needle.search(str(each)) for each in logic if each) or any(asked(child) for child in node.get("children", ()))

        return asked(self.tree)

    def rewritten(self, source: str, spot: _Spot) -> str:
        """Names as ids, and the few paths that people write as what they mean. Raises ExpressionError."""
        source = re.sub(r"(pulldata\(\s*)(['\"])([\w.-]+)\2", lambda found: f"{found[1]}'{self.lists.name_of('table:' + found[3])}'", source)
        source = _INSTANCE.sub(self.lists.looked_up, source)
        source = _POSITION.sub(lambda found: self.position(found[0].count(".."), spot), source)
        parts = re.split(r"('[^']*'|\"[^\"]*\")", source)  # what stands in quotes is no path
        parts[::2] = [_PATH.sub(lambda found: f"${{{found[1] or found[2]}}}", part) for part in parts[::2]]
        source = "".join(parts)

        def named(found: re.Match[str]) -> str:
            """Raises ExpressionError."""
            name = found[1].strip()
            step = self.resolve(name, spot)
            if step is None:
                raise ExpressionError(f"${{{name[:40]}}}: there is no question of that name{self.near(name)}")
            if not step:
                self.say(f"{spot.name} asks about {name}, which is left out: it counts as empty.", spot.row)
            return f"${{{step}}}" if step else "''"

        return re.sub(r"\$\{([^{}]*)\}", named, source)

    def resolve(self, name: str, spot: _Spot) -> str | None:
        """The id of a question; "" if it is left out, None if there is none. Raises ExpressionError for what no form can know."""
        if name.startswith("last-saved#"):
            raise ExpressionError(f"${{{name[:40]}}}: what was answered in an earlier form is not at hand")
        if name in self.left_out and name not in {each.get("name") for each in spot.around}:
            return ""
        there = self.ids.get(name)
        return there[min(max(self.seen[name], 1), len(there)) - 1] if there else None

    def near(self, name: str) -> str:
        close = difflib.get_close_matches(name, self.ids, 1)
        return f"; is it ${{{close[0]}}}" if close else ""

    def position(self, ups: int, spot: _Spot) -> str:
        """Of a repeat its rounds are counted, of a group nothing."""
        if len(spot.around) < ups or spot.around[-ups].get("type") != "repeat":
            return "1"
        inside = len([each for each in spot.around[-ups:] if each.get("type") == "repeat"])
        return f"position({'/'.join(['..'] * inside)})"

    # ---- what every form gets ----

    def gate(self) -> dict[str, Any]:
        """Who is too young is asked nothing (TRUST.md, privacy 12); whoever said their age elsewhere is not asked again."""
        name = f"{self.dialog}.{AGE}"
        self.framed |= {f"{name}{part}": (f"join.age{part}", {}) for part in ("", ".yes", ".no", ".after-no")}
        return {"id": AGE, "ask": "yes-no", "gate": "join.age"}

    def consent(self) -> dict[str, Any]:
        return {"id": CONSENT, "ask": "consent", "purpose": self.purpose, "required": "true", "version": "1"}

    def end(self, steps: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        name = self.dialog
        if len([step for step in steps if step.get("ask") or step.get("steps")]) <= SUMMED_UP and self.questions > 1:
            yield {"id": SUMMARY, "ask": "summary"}
            self.framed[f"{name}.{SUMMARY}"] = ("forms.summary", {})
        if self.wishes.anonymous:
            yield {"id": SEND, "ask": "choice", "choices": ["send", "later"]}
            yield {"id": LATER, "when": f"${{{SEND}}} = 'later'", "goto": "menu"}
            yield {"id": SENT, "effect": "hand-in"}
            self.framed |= {f"{name}.{SEND}": ("forms.send", {}), f"{name}.{LATER}": ("forms.waits", {}), f"{name}.{SENT}": ("forms.sent", {})}
            self.framed |= {f"{name}.{SEND}.send": ("forms.send-now", {}), f"{name}.{SEND}.later": ("forms.send-later", {})}
        else:
            yield {"id": SENT}
            self.framed[f"{name}.{SENT}"] = ("forms.kept", {})

    def prove(self, script: Mapping[str, Any]) -> None:
        """The script is held against what a script may say; what it says then is the form's fault, and told by its rows."""
        try:
            dialog = Dialog.model_validate(script)
        except ValidationError as error:
            for fault in error.errors():
                what = str(fault["msg"]).removeprefix("Value error, ")
                step = what.partition(":")[0]
                name = next((name for name, ids in self.ids.items() if step in ids), "")
                column = "calculation" if dialog_step(script, step).get("calculate") else "relevant" if " needs " in what else ""
                self.refuse(what if what.endswith(".") else f"{what}.", self.sheets.row(name) if name else 0, column)
            return
        if long := next((name for name in dialog.names.values() if len(name) > 110), ""):
            self.refuse(f"{long.rpartition('.')[2]}: the names of its groups are too long together; shorten them.", 0, "name")


_INSTANCE = re.compile(
    r"instance\(\s*['\"](?P<table>[\w.-]+)['\"]\s*\)/root/item\[\s*(?P<key>[\w.-]+)\s*=\s*(?P<value>\$\{[^{}]*\}|'[^']*'|\"[^\"]*\")\s*\]/(?P<column>[\w.:-]+)"
)
_PATH = re.compile(r"(?:\.\./)+([^\W\d][\w.-]*)|(?<![\w/)\]}])/(?:[^\W\d][\w.-]*/)+([^\W\d][\w.-]*)")
_POSITION = re.compile(r"position\(\s*\.\.(?:/\.\.)*\s*\)")


def dialog_step(script: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The step of that id, wherever it stands; nothing if there is none."""
    open_: list[Mapping[str, Any]] = list(script["steps"])
    for step in open_:  # grows while we walk
        if step.get("id") == name:
            return step
        open_ += step.get("steps", ())
    return {}


def _told(tells: AbstractSet[str]) -> dict[str, list[str]]:
    return {"tells": sorted(tells)} if tells else {}


def _without_answers(text: str) -> str:
    """Where nobody's answer is at hand."""
    return re.sub(r"\{[A-Za-z_][\w-]*\}", "…", text)


def _is_meta(node: Mapping[str, Any]) -> bool:
    return node.get("name") == "meta" and bool((node.get("control") or {}).get("bodyless"))


def _names(node: Mapping[str, Any]) -> Iterator[str]:
    for child in node.get("children", ()):
        yield str(child.get("name", ""))
        yield from _names(child)


def _count(node: Mapping[str, Any]) -> int:
    return sum(1 + _count(child) for child in node.get("children", ()) if not _is_meta(child))


def _is_yes(value: Any) -> bool:
    return _CONSTANTS.get(str(value).strip().casefold(), str(value).strip()) == "true()"


def _is_no(value: Any) -> bool:
    return _CONSTANTS.get(str(value).strip().casefold(), str(value).strip()) in {"false()", ""}


def _is_delicate(step_id: str) -> bool:
    return Step.model_construct(id=step_id, ask="text").is_delicate


def _quoted(text: str) -> str:
    """As a text of an expression, whatever quotes are in it."""
    if "'" not in text:
        return f"'{text}'"
    if '"' not in text:
        return f'"{text}"'
    return "concat(" + ', "\'", '.join(f"'{part}'" for part in text.split("'")) + ")"


def _plain_number(amount: Decimal) -> str:
    return f"{amount.normalize():f}" if amount else "0"


def _in_order(findings: Sequence[Finding]) -> list[Finding]:
    """By sheet and row, each once."""
    sheets = ["", "survey", "choices", "settings"]
    there = dict.fromkeys(findings)
    return sorted(there, key=lambda each: (sheets.index(each.sheet) if each.sheet in sheets else len(sheets), each.row))
