"""`frontdoor check`: scripts and words agree. Nothing missing, nothing left over, nothing unreachable, nothing forbidden."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.effects import EFFECTS, LISTS
from bot.letters import LONGEST_LABEL
from bot.sources import BUILT_IN, NAMERS, SENTENCES, SOURCES
from dialogs.model import RANKS, RESERVED, Dialog, Scripts, Step
from storage.shared import ROUNDS, knows
from translations.words import Words

CODES = (
    Path(__file__).parent,
    Path(__file__).parent / "effects",
    Path(__file__).parent / "channels",
    Path(__file__).parent / "web",
    Path(__file__).parent.parent / "dialogs",
    Path(__file__).parent.parent / "translations",
)  # where sentences are named in Python
CONSENT_LIMIT = 800  # characters of a consent's first layer (TRUST.md, privacy 2)
CHANNELS = ("email", "telegram", "terminal", "web")
LABEL_LIMIT = LONGEST_LABEL
SAID_TO_OTHERS = frozenset({"fill", "staff"})  # dialogs of staff that say something to somebody else too
OF_FORMS = "form-"  # stands in the name of every sentence of a form
WEB = Path(__file__).parent / "web"
_IN_PAGE, _IN_SCRIPT = re.compile(r"\bw\[[\"']([a-z-]+)[\"']\]"), re.compile(r"[\"']([a-z-]+)[\"']")
_IN_CODE = re.compile(r"(\b(?:said|Say)\(\s*)?[\"'](([a-z-]+)\.[a-z-]+)[\"']")
_COMPARED = re.compile(  # ${begin} = 'found', the other way round, and selected(${wants}, 'job')
    r"""\$\{(?P<a>[a-z.-]+)\}\s*!?=\s*['"](?P<x>[^'"]*)['"]|['"](?P<y>[^'"]*)['"]\s*!?=\s*\$\{(?P<b>[a-z.-]+)\}|selected\(\s*\$\{(?P<c>[a-z.-]+)\}\s*,\s*['"](?P<z>[^'"]*)['"]"""
)


def check(scripts: Scripts, words: Words, entrances: Mapping[str, Mapping[str, str]] | None = None) -> list[str]:
    """Every complaint as one sentence; none: all is well. `entrances`: what a link may bring along."""
    needed = needed_sentences(scripts, words)
    complaints = [
        *_names(scripts),
        *_entrances(scripts, entrances or {}),
        *_reachable(scripts),
        *_ranks(scripts),
        *_typos(scripts, words),
        *_seals(scripts, words),
    ]
    complaints += _present(needed, words)
    for language in words.languages:
        complaints += _translated(needed, words, language, scripts)
    return complaints


def needed_sentences(scripts: Scripts, words: Words) -> dict[str, str]:
    """Every sentence that scripts, code, lists and pages may say -> what it is: sentence, optional (said if it is there), label."""
    return {**dict(_sentences(scripts)), **dict(_of_code(scripts, words)), **dict(_of_sources(words)), **dict(_of_page(words))}


def may_lack(scripts: Scripts) -> frozenset[str]:
    """Files that a language need not have: nobody but staff reads them, and staff read one of a few languages."""
    return frozenset(name for name, dialog in scripts.items() if dialog.staff) - SAID_TO_OTHERS


def _sentences(scripts: Scripts) -> Iterator[tuple[str, str]]:
    """Every sentence id that may be said, and what it is: sentence, optional, label."""
    for dialog in scripts.values():
        for step in dialog.every:
            yield from _of_step(dialog, step)
        for name, rows in dialog.lists.items():
            yield from ((f"{dialog.dialog}.lists.{name}.{row['name']}", "optional") for row in rows)  # a number needs no words
    for name in scripts.forms:
        yield f"open-forms.{name}", "label"
    for name in (
        "yes",
        "no",
        "skip",
        "decline",
        "unknown",
        "back",
        "keep",
        "close",
        "more",
        "earlier",
        "later",
        "all",
        "share-my-number",
        "month-before",
        "month-after",
    ):
        yield f"common.{name}", "label"
    for kind in ("declined", "unknown"):
        yield f"common.{kind}", "sentence"
    for verdict in ("given", "refused", "withdrawn"):
        yield f"mydata.{verdict}", "sentence"
    for purpose in scripts.consents:
        yield f"mydata.purpose-{purpose}", "sentence"
        yield f"stop.what.{purpose}", "label"
    for channel in CHANNELS:
        yield f"doors.channel-{channel}", "sentence"
    for command in scripts.menu:
        yield f"menu.command.{command}", "sentence"


def _of_code(scripts: Scripts, words: Words) -> Iterator[tuple[str, str]]:
    """What Python says: whatever is handed to Say() or said(), and every other literal that is called as sentences are (and
    is no step: their sentences are known from the scripts)."""
    known = {name.partition(".")[0] for name in words.catalogue("en").texts}
    for path in (path for room in CODES for path in sorted(room.glob("*.py"))):
        found = _IN_CODE.findall(path.read_text("utf-8"))
        yield from ((name, "sentence") for said, name, room in found if (said or room in known) and not scripts.question(name) and not name.endswith(".po"))


def _of_sources(words: Words) -> Iterator[tuple[str, str]]:
    """The codes of a list that has no namer."""
    for source in sorted(SOURCES.keys() - NAMERS.keys()):
        yield from ((f"{source}.{code}", "label") for code in SOURCES[source](words.languages))
    for sentence in SENTENCES.values():
        yield sentence, "label"
    for entry in BUILT_IN.values():
        yield f"{entry.sentence}.also", "sentence"


def _of_page(words: Words) -> Iterator[tuple[str, str]]:
    """What the page of the web chat says: its template names sentences as w["send"], its script as "send"."""
    for path in sorted(WEB.glob("pages/*.html")):
        yield from ((f"web.{name}", "sentence") for name in _IN_PAGE.findall(path.read_text("utf-8")))
    for path in sorted(WEB.glob("static/*.js")):
        names = (f"web.{name}" for name in _IN_SCRIPT.findall(path.read_text("utf-8")))
        yield from ((name, "sentence") for name in names if words.exists(name))


def _of_step(dialog: Dialog, step: Step) -> Iterator[tuple[str, str]]:
    name = dialog.names[step.id]
    flags = {"heading": step.heading, "wrong": step.wrong, "needed": step.needed}
    yield from ((f"{name}.{part}", "sentence") for part, there in flags.items() if there)
    if step.steps:
        yield f"{name}.another", "sentence"
    elif step.ask == "brought":
        yield f"{name}.short", "label"
        yield f"{name}.brought", "optional"
    elif step.calculate:
        if step.purpose:
            yield f"{name}.short", "label"  # in "my data"
    elif step.ask:
        yield name, "sentence"
        yield f"{name}.hint", "optional"
    else:
        yield name, "optional" if step.effect or step.goto else "sentence"
    if step.is_question:
        yield f"{name}.short", "label"
        yield f"{name}.brought", "optional"
    if step.gate:
        yield from ((f"{name}.yes", "label"), (f"{name}.no", "label"), (f"{name}.after-no", "sentence"))
    if step.more:
        yield f"{name}.more", "sentence"
    if step.ask == "consent":
        yield from ((f"{name}.after-yes", "optional"), (f"{name}.after-no", "optional"))
    if step.ask == "review":
        yield f"{name}.none", "sentence"
    if step.ask == "withdrawal":
        yield from ((f"{name}.everything", "label"), (f"{name}.none", "sentence"))
    if step.from_:
        yield f"{name}.none", "optional"
    yield from ((f"{name}.{choice}", "label") for choice in step.choices)


def _names(scripts: Scripts) -> Iterator[str]:
    for dialog in scripts.values():
        for step in dialog.every:
            if step.share and (step.share.partition(".")[0] in ROUNDS) is not bool(dialog.groups[step.id]):
                yield f"dialogs/scripts/{dialog.dialog}.yaml: {step.id}: {step.share} has one row per round, so the steps of a group feed it, and nothing else."
            if step.effect and step.effect not in EFFECTS:
                yield f"dialogs/scripts/{dialog.dialog}.yaml: {step.id}: there is no effect {step.effect!r} in bot/effects.py."
            if step.share and not knows(step.share):
                yield f"dialogs/scripts/{dialog.dialog}.yaml: {step.id}: there is no shared column {step.share!r} in storage/shared.py."
            if step.from_ and not step.own_list and step.from_ not in {*SOURCES, *LISTS}:
                yield f"dialogs/scripts/{dialog.dialog}.yaml: {step.id}: there is no source {step.from_!r} in bot/sources.py, and no list of that name in bot/effects."


def _entrances(scripts: Scripts, entrances: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for name, brought in entrances.items():
        for question, value in brought.items():
            step = scripts.question(question)
            if step is None or value not in step.choices:
                yield f"programme.yaml: the entrance {name} brings {question}: {value}, which is no choice of any question."


def _reachable(scripts: Scripts) -> Iterator[str]:
    reached, open_ = set[str](), ["welcome", "menu", *scripts.commands.values()]
    while open_:
        name = open_.pop()
        if name not in reached:
            reached.add(name)
            for step in scripts[name].steps:
                open_ += [target.partition(".")[0] for target in (step.goto, *(step.choices if step.ask in {"dialog", "review"} else ())) if target]
    for name in scripts.keys() - reached:
        yield f"dialogs/scripts/{name}.yaml: nothing leads to this dialog; give it a `command:`, or a `goto:` or a choice elsewhere."
    for dialog in scripts.values():
        for step, after in zip(dialog.steps, dialog.steps[1:], strict=False):
            if (step.goto or step.ends) and not step.when:
                yield f"dialogs/scripts/{dialog.dialog}.yaml: {after.id}: can't be reached, {step.id} always leads elsewhere."


def _ranks(scripts: Scripts) -> Iterator[str]:
    """Nobody is led into a dialog that is not for them."""
    for dialog in scripts.values():
        for step in dialog.steps:
            for name in (target.partition(".")[0] for target in (step.goto, *(step.choices if step.ask in {"dialog", "review"} else ())) if target):
                above = RANKS[RANKS.index(dialog.staff) : RANKS.index(scripts[name].staff)]
                if any(not _asks_for_rank(step, rank) for rank in above):
                    yield f"dialogs/scripts/{dialog.dialog}.yaml: {step.id}: leads to {name}, which is for staff ({scripts[name].staff}) only; this dialog is not."


def _asks_for_rank(step: Step, rank: str) -> bool:
    return step.when is not None and "staff" in step.when.questions and not step.when.holds({"staff": rank})


def _typos(scripts: Scripts, words: Words) -> Iterator[str]:
    """A condition that compares with what can never be answered never holds (or always)."""
    for dialog in (each for each in scripts.values() if not each.form):
        for step in (step for step in dialog.steps if step.when):
            for found in _COMPARED.finditer(step.when.source if step.when else ""):
                name, literal = found["a"] or found["b"] or found["c"], found["x"] or found["y"] or found["z"] or ""
                there = _answers(scripts, words, name if "." in name else f"{dialog.dialog}.{name}", name)
                for code in literal.split() if there is not None else ():
                    if code not in (there or ()):
                        yield f"dialogs/scripts/{dialog.dialog}.yaml: {step.id}: compares {name} with {code!r}, which it can never be; there are {', '.join(there or ()) or 'none'}."


def _answers(scripts: Scripts, words: Words, question: str, name: str) -> tuple[str, ...] | None:
    """The codes that a question, or a fact, may have; None: anything."""
    facts = {"channel": CHANNELS, "staff": RANKS[1:], "takes-files": ("yes",), "from-the-right": ("yes",)}
    step = scripts.question(question)
    if step is None or name in RESERVED:
        return facts.get(name)
    own = ("other",) if step.other else ()
    if step.ask in {"yes-no", "consent"}:
        return ("yes", "no")
    if step.ask in {"choice", "choices"} and step.choices:
        return (*step.choices, *own)
    if step.ask == "search":
        return None
    return (*SOURCES[step.from_](words.languages), *own) if step.from_ and step.from_ in SOURCES else None


def _seals(scripts: Scripts, words: Words) -> Iterator[str]:
    for dialog, step in scripts.consents.values():
        seal = words.seal(f"{dialog}.{step.id}")
        if step.seal != seal:
            was = f"its text changed since version {step.version}: raise `version:`, and write" if step.seal else "write"
            yield f"dialogs/scripts/{dialog}.yaml: {step.id}: {was} `seal: {seal}`."


def _present(needed: dict[str, str], words: Words) -> Iterator[str]:
    english = words.catalogue("en")
    for name, kind in needed.items():
        if kind != "optional" and name not in english.texts:
            yield f"translations/locales/en/{name.partition('.')[0]}.po: the sentence {name} is missing."
    for name, where in english.files.items():
        if name not in needed:
            yield f"{where}: nothing says the sentence {name}; delete it in every language."


def _translated(needed: dict[str, str], words: Words, language: str, scripts: Scripts) -> Iterator[str]:
    here, english, legal = words.catalogue(language), words.catalogue("en"), scripts.legal
    left_out = may_lack(scripts) - {name.partition(".")[0] for name in here.files}
    for name in english.texts:
        if (OF_FORMS in name and name not in legal) or name.partition(".")[0] in left_out:  # what a form lacks was said when it came in
            continue
        where = here.files.get(name, f"translations/locales/{language}/{name.partition('.')[0]}.po")
        text = here.texts.get(name)
        if text is None:
            yield f"{where}: the sentence {name} is not translated."
            continue
        if name in here.fuzzy and name in legal:
            yield f"{where}: {name} is a consent, and its translation is outdated (fuzzy); it is not shown until it is translated again."
        if name in here.fuzzy:
            yield f"{where}: {name} is outdated (fuzzy): English says something else by now. Translate it again, and delete the word fuzzy."
        elif here.english[name] != english.english[name]:
            yield f"{where}: {name} was translated from another English sentence; run `frontdoor words update`, and look at it again."
        yield from _well_formed(f"{where}: {name}", text, is_label=needed.get(name) == "label")
    for name, where in here.files.items():
        if name not in english.texts:
            yield f"{where}: English has no sentence {name}; delete it."
    for name in (each for each in needed if needed[each] == "sentence" and each in legal):
        length = len(words.tr(name, language))
        if length > CONSENT_LIMIT:
            yield f"translations/locales/{language}: {name} has {length} characters with this programme's names; a consent may have {CONSENT_LIMIT}."


def _well_formed(what: str, text: str | tuple[str, ...], *, is_label: bool) -> Iterator[str]:
    """What a catalogue may hold, and a screen may not. (Placeholders, addresses and the like are looked at when it is read.)"""
    for form in (text,) if isinstance(text, str) else text:
        if is_label and len(form) > LABEL_LIMIT:
            yield f"{what}: is a button, and longer than {LABEL_LIMIT} characters."
