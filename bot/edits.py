"""`frontdoor check --against FOLDER` and `--running`: what an edit of the scripts means for conversations under way, and for
what is answered already. Each sentence says what `dialogs/turn.py` does; tests/test_edits.py holds them against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.app import explained
from bot.errors import FrontdoorError
from bot.settings import Settings
from dialogs.files import ScriptError, load_scripts
from dialogs.model import CODED, RANKS, Dialog, Scripts, Step
from storage.crypto import NO_KEYS
from storage.errors import StoreError
from storage.schema import HEAD, revision
from storage.standing import Standing, standing
from storage.store import Store

READ_AS_THEY_ARE = frozenset({"text", "number", "phone", "email", "web-address"})  # kinds that can show what another kind kept


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Counts, where a database could be asked; else the sentences do without."""

    known: Standing | None

    def answers(self, question: str) -> str:
        """Of the question, or of what is in its group."""
        if self.known is None:
            return "its answers are"
        return _many(max([self.known.answers.get(question, 0), *self.inside(question)]), "answer is", "answers are")

    def inside(self, question: str) -> Iterator[int]:
        assert self.known  # noqa: S101 - answers() has looked
        yield from (count for name, count in self.known.answers.items() if name.startswith(f"{question}."))

    def there(self, question: str) -> str:
        return (
            "whoever stands there goes"
            if self.known is None
            else _many(self.known.places.get(question, 0), "chat that stands there goes", "chats that stand there go")
        )

    def under_way(self, dialog: str) -> str:
        if self.known is None:
            return "whoever is in the dialog"
        return _many(sum(count for place, count in self.known.places.items() if place.partition(".")[0] == dialog), "chat in the dialog", "chats in the dialog")

    def told_before(self, dialog: str) -> str:
        return "whoever answered there before" if self.known is None else f"{self.known.dialogs.get(dialog, 0)} who answered there before"

    def holding(self, question: str, code: str) -> str:
        return "answers that hold it keep it" if self.known is None else _many(self.known.codes.get((question, code), 0), "answer keeps it", "answers keep it")

    def agreed(self, purpose: str, version: int) -> str:
        if self.known is None:
            return "everybody who said yes to an older one is"
        older = sum(count for (each, given), count in self.known.consents.items() if each == purpose and given != version)
        return _many(older, "person who said yes to an older one is", "people who said yes to an older one are")


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def edits(old: Scripts, new: Scripts, known: Standing | None = None) -> list[str]:
    """What changed from `old` to `new` and what it means, one sentence each, dialog by dialog. `known`: with how many people."""
    numbers = _Numbers(known)
    said: list[str] = []
    for name in (*old, *(name for name in new if name not in old)):
        if name not in new:
            said.append(f"the dialog {name} was removed: {_kept_in(name, known)}; whoever is in it goes back to what lay below it, or to the menu.")
        elif name not in old:
            said.append(f"the dialog {name} is new: nobody is led there but by what leads to it.")
        else:
            said += _of_dialog(old[name], new[name], numbers)
    return said


def running(scripts: Scripts, known: Standing) -> list[str]:
    """The same, of what a database holds and these scripts no longer know (or not yet)."""
    numbers, said = _Numbers(known), list[str]()
    for question in sorted(known.answers):
        step = scripts.question(question)
        if step is None:
            said.append(f"{question} is not in the scripts (any more; last in version {known.versions[question]}): {numbers.answers(question)} kept aside.")
        elif not step.from_:
            gone = sorted(code for each, code in known.codes if each == question and code not in _codes(step))
            said += [_without_choice(question, code, numbers) for code in gone]
    for place in sorted(place for place in known.places if not scripts.question(place)):
        said.append(f"{place} is not in the scripts (any more): {numbers.there(place)} on with whatever is open in {place.partition('.')[0]}, or to the menu.")
    for name in sorted(known.dialogs.keys() & scripts.keys()):
        fresh = [step for step in scripts[name].questions if not known.answers.get(f"{name}.{step.id}") and not any(numbers.inside(f"{name}.{step.id}"))]
        said += [f"{_new(scripts[name], step, numbers)[:-1]}; nobody has answered it yet." for step in fresh]
    for purpose, (dialog, step) in scripts.consents.items():
        if any(each == purpose and version != step.version for each, version in known.consents):
            said.append(_asked_again(f"{dialog}.{step.id}", step, numbers))
    return said


def _of_dialog(old: Dialog, new: Dialog, numbers: _Numbers) -> Iterator[str]:
    name = new.dialog
    if old.command != new.command:
        yield f"{name}: the command {_slash(old.command)} became {_slash(new.command)}: who sends the old one is told that it is unknown."
    if old.of != new.of:
        yield f"{name}: its answers were of each {old.of} and are of each {new.of} now: everything is asked again; what was answered is kept aside."
    if old.staff != new.staff:
        whom = f"staff from {new.staff} on" if new.staff else "everybody"
        narrower = RANKS.index(new.staff) > RANKS.index(old.staff)
        yield f"{name} is for {whom} now" + ("; whoever is in it without that rank leaves it at the next message." if narrower else ".")
    for step in old.steps:
        if step.id not in new.by_id:
            yield _removed(old, new, step, numbers)
    for step in new.steps:
        before = old.by_id.get(step.id)
        if before is None:
            yield _new(new, step, numbers)
        else:
            yield from _of_step(f"{name}.{step.id}", before, step, numbers)


def _of_step(question: str, old: Step, new: Step, numbers: _Numbers) -> Iterator[str]:
    if old.steps and new.steps:
        yield from _of_group(question, old, new, numbers)
        return
    if _kind(old) != _kind(new):
        yield _other_kind(question, old, new, numbers)
        return
    if new.ask == "consent" and (old.version, old.purpose) != (new.version, new.purpose):
        yield _asked_again(question, new, numbers)
    if new.ask != "consent" and old.purpose != new.purpose:
        yield _other_purpose(question, old, new, numbers)
    if old.from_ != new.from_:
        yield f"{question} offers {new.from_ or 'choices of its own'} instead of {old.from_ or 'choices of its own'}: {numbers.answers(question)} kept as given."
    yield from (_without_choice(question, code, numbers) for code in old.choices if code not in new.choices and not new.from_ and _is_kept(new))
    fresh = [code for code in new.choices if code not in old.choices and not old.from_]
    if fresh:
        yield f"{question}: the choice {', '.join(fresh)} is new: it is offered from now on; who has answered already is not asked again."
    if _source(old.when) != _source(new.when):
        aside = "; answers that no longer fit are put aside, and go when somebody confirms the summary" if _is_kept(new) else ""
        yield f"{question}: the condition changed to {_source(new.when) or 'none'}: it counts at the next message{aside}."
    if _source(old.check) != _source(new.check):
        yield f"{question}: the check changed to {_source(new.check) or 'none'}: new answers must satisfy it, {numbers.answers(question)} not looked at again."


def _of_group(question: str, old: Step, new: Step, numbers: _Numbers) -> Iterator[str]:
    before, after = ({inner.id: inner for inner in each.steps} for each in (old, new))
    for inner in old.steps:
        if inner.id not in after:
            yield f"{question}.{inner.id} was removed: {numbers.answers(f'{question}.{inner.id}')} kept aside; a round that waits for it goes on."
    for inner in new.steps:
        if inner.id in before:
            yield from _of_step(f"{question}.{inner.id}", before[inner.id], inner, numbers)
        else:
            yield f"{question}.{inner.id} is new: it is asked in every round from now on; finished rounds stay without it until somebody opens them again."


def _removed(old: Dialog, new: Dialog, step: Step, numbers: _Numbers) -> str:
    question = f"{old.dialog}.{step.id}"
    if not step.ask and not step.steps:
        return f"{question} was removed: it is no longer {'done' if step.effect or step.goto else 'said'}."
    kept = f"{numbers.answers(question)} kept aside, " if _is_kept(step) else ""
    after = _first_after(old, new, step)
    return f"{question} was removed: {kept}{numbers.there(question)} on with {f'what is open, as a rule {after}' if after else 'whatever is open, or the dialog ends'}."


def _first_after(old: Dialog, new: Dialog, step: Step) -> str:
    """The question that somebody who stood at `step` comes to, having settled everything before it."""
    settled = {each.id for each in old.steps[: old.steps.index(step)]}
    asking = (each for each in new.steps if (each.ask or each.steps) and not each.when and each.ask != "brought" and each.id not in settled)
    return next((f"{new.dialog}.{each.id}" for each in asking), "")


def _new(dialog: Dialog, step: Step, numbers: _Numbers) -> str:
    question, only = f"{dialog.dialog}.{step.id}", f" where {step.when.source}" if step.when else ""
    if not step.ask and not step.steps:
        return f"{question} is new: it is {'done' if step.effect or step.goto else 'said'} from now on{only}; {numbers.under_way(dialog.dialog)} may still come by."
    if step.ask == "consent":
        return f"{question} is new: everybody is asked for this consent before the first question that needs it."
    if not _is_kept(step):
        return f"{question} is new: it is asked from now on{only}."
    later = f"{numbers.told_before(dialog.dialog)}, when they open {dialog.dialog} again"
    return f"{question} is new: it is asked{only} of {numbers.under_way(dialog.dialog)}, and of {later}."


def _other_kind(question: str, old: Step, new: Step, numbers: _Numbers) -> str:
    changed = f"the kind of {question} changed from {_kind(old)} to {_kind(new)}"
    if not _is_kept(old) or not _is_kept(new):
        return f"{changed}: whoever stands there is asked anew."
    if new.ask in READ_AS_THEY_ARE and old.ask not in CODED and not old.steps:
        return f"{changed}: {numbers.answers(question)} kept as given, and not asked again."
    return f"{changed}: {numbers.answers(question)} kept, but can't be read as that kind. Give the question another id, so that it is asked anew."


def _other_purpose(question: str, old: Step, new: Step, numbers: _Numbers) -> str:
    if new.purpose is None:
        return f"{question} needs no consent any more, so its answer goes with the dialog: {numbers.answers(question)} kept aside, and it is asked again each time."
    if old.purpose is None:
        return f"{question} is kept from now on, under the consent {new.purpose}: it is asked again of everybody who comes by."
    return f"{question} needs the consent {new.purpose} now, not {old.purpose}: who takes {old.purpose} back keeps this answer, who takes {new.purpose} back loses it."


def _asked_again(question: str, step: Step, numbers: _Numbers) -> str:
    what = "before the next question that needs it" if step.required else "when they come by"
    return f"the consent {question} has another version ({step.version}): {numbers.agreed(str(step.purpose), step.version)} asked again {what}."


def _without_choice(question: str, code: str, numbers: _Numbers) -> str:
    return f"{question}: the choice {code} was removed: {numbers.holding(question, code)}, until the question is answered again."


def _kept_in(dialog: str, known: Standing | None) -> str:
    return "its answers are kept aside" if known is None else f"what {_many(known.dialogs.get(dialog, 0), 'person', 'people')} answered there is kept aside"


def _codes(step: Step) -> tuple[str, ...]:
    return ("yes", "no") if step.ask == "yes-no" else tuple(f"r{number + 1}" for number in range(10)) if step.ask == "rating" else (*step.choices, "other")


def _kind(step: Step) -> str:
    return "a group" if step.steps else step.ask or ("an act" if step.effect or step.goto else "a sentence")


def _is_kept(step: Step) -> bool:
    return step.is_question


def _source(condition: object) -> str:
    return str(getattr(condition, "source", ""))


def _slash(command: str | None) -> str:
    return f"/{command}" if command else "(none)"


# ---- where the other version, and the numbers, come from ----------------------------------------------------------


def scripts_of(folder: Path, forms: Path | None = None) -> Scripts:
    """Of a folder of scripts, or of a whole checkout; `forms`: imported ones beside them, then as now. Raises FrontdoorError."""
    inside = folder / "dialogs" / "scripts"
    try:
        if not any(any(each.glob("*.yaml")) for each in (folder, inside) if each.is_dir()):
            raise FrontdoorError(f"{folder} holds no scripts; give the folder of an older version, or its dialogs/scripts.")
        return load_scripts(inside if inside.is_dir() else folder, forms)
    except ScriptError as error:
        raise FrontdoorError(str(error)) from error


async def look(settings: Settings) -> Standing | str:
    """What stands in the database; or why it can't be asked, as one sentence."""
    try:
        with explained():
            store = Store.at(settings.url, NO_KEYS)  # counts only: nothing sealed is opened
            try:
                if store.file and not store.file.exists():
                    return f"{store.file} is not there yet"
                there = await revision(store)
                if there != HEAD:
                    return f"the database has schema {there or 'none yet'}, this code has {HEAD}; the next start brings it up to date"
                async with store.read() as unit:
                    return await standing(unit)
            finally:
                await store.close()
    except (FrontdoorError, StoreError) as error:
        return str(error).rstrip(".")
