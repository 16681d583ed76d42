"""Finding people: by coded answers, in groups large enough; by name, for those who may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from bot.effects import person
from bot.effects.nouns import Context, Outcome, said
from bot.effects.staff import refused
from bot.letters import Action, pack
from bot.rights import FEW, may
from bot.sources import ordered
from dialogs.asking import NOTHING
from dialogs.nouns import Fact, Message, Say
from storage import finding, people, staff
from storage.answers import ORGANISATIONS, PEOPLE

MOST = 20  # results that are shown at once
STEPS = (("facet", "value"), ("facet-two", "value-two"), ("facet-three", "value-three"))


async def facets(context: Context) -> Mapping[str, Fact]:
    """What can be asked for, among those found so far."""
    if not may(context.staff, "find"):
        return {}
    chosen = _chosen(context)
    there = {name for name, _ in await finding.counts(context.unit, chosen)} - {name for name, _ in chosen}
    return {name: {"say": f"{question}.short"} for name, question in _questions(context).items() if name in there}


async def values(context: Context) -> Mapping[str, Fact]:
    """The answers of one facet, and how many gave each; a few are not counted for a viewer."""
    if not may(context.staff, "find"):
        return {}
    chosen, wanted = _chosen(context), _wanted(context)
    counted = {value: number for (name, value), number in (await finding.counts(context.unit, chosen)).items() if name == wanted}
    labels = {value: _label(context, wanted, value) for value in counted}
    return {value: {"pair": [labels[value], _many(context, counted[value])]} for value in sorted(counted, key=lambda value: (-counted[value], value))}


async def by_answers(context: Context) -> Outcome:
    """Numbers with a masked line each."""
    if not may(context.staff, "find"):
        return refused(context, "find")
    await context.write()
    found = await finding.people(context.unit, _chosen(context))
    if len(found) < FEW and not may(context.staff, "find-few"):
        return said("find.too-few", n=FEW)
    return await _listed(context, found)


async def by_name(context: Context) -> Outcome:
    """Names are sealed: every one is opened and compared, case and accents away. That somebody searched is written down."""
    if not may(context.staff, "find-name"):
        return refused(context, "find-name")
    assert context.staff  # noqa: S101 - may() has looked
    await context.write()
    await staff.write_down(context.unit, context.staff.id, "search", None)
    wanted = ordered(context.memo.get("name", ""))
    names = {
        f"{name}.{step.id}"
        for name, dialog in context.scripts.items()
        for step in dialog.steps
        if step.purpose and step.class_ == "identity" and step.ask != "file"
    }
    given = [each for owners in (PEOPLE, ORGANISATIONS) for each in await finding.said_by(context.unit, owners, names)]
    found = [person_id for person_id, name in given if wanted and f" {wanted}" in f" {ordered(name)}"]
    return await _listed(context, list(dict.fromkeys(found)))


async def _listed(context: Context, found: Sequence[UUID]) -> Outcome:
    assert context.staff  # noqa: S101 - the caller has asked may()
    if not found:
        return said("find.nobody")
    lines, actions = list[Say](), list[Action]()
    for each in [there for person_id in found[:MOST] if (there := await people.get(context.unit, person_id))]:
        record = await person.record_of(context, context.staff, each)
        told = [person.told(context, record.answers, facet) for facet in ("role", "speaks")]
        answer: Fact = {"list": [fact for fact in told if fact != NOTHING]}
        lines.append(Say("common.line", {"name": f"№ {each.number}", "answer": answer}, line=True))
        actions.append(("person", str(each.number), f"№ {each.number}"))
    more = [Say("find.more", {"n": len(found) - MOST})] if len(found) > MOST else []
    return Outcome((pack(Message((Say("find.found", {"n": len(found)}), *lines, *more)), actions=actions),))


def _questions(context: Context) -> Mapping[str, str]:
    """Facet -> the first question that feeds it."""
    found: dict[str, str] = {}
    for name, dialog in context.scripts.items():
        for step in dialog.steps:
            for each, question in ((step, f"{name}.{step.id}"), *((inner, f"{name}.{step.id}.{inner.id}") for inner in step.steps)):
                if each.facet:
                    found.setdefault(each.facet, question)
    return found


def _label(context: Context, facet: str, value: str) -> Fact:
    """By whichever question that feeds the facet has such an answer."""
    for name, dialog in context.scripts.items():
        for step in dialog.steps:
            for each, question in ((step, f"{name}.{step.id}"), *((inner, f"{name}.{step.id}.{inner.id}") for inner in step.steps)):
                if each.facet == facet and (each.from_ or value in each.choices):
                    return person.label_of(context, question, value)
    return value


def _many(context: Context, number: int) -> Fact:
    return str(number) if number >= FEW or may(context.staff, "find-few") else {"say": "find.few"}


def _chosen(context: Context) -> Sequence[tuple[str, str]]:
    return [(context.memo[facet], context.memo[value]) for facet, value in STEPS if context.memo.get(facet) and context.memo.get(value)]


def _wanted(context: Context) -> str:
    """The facet whose answers are asked for just now."""
    return next((context.memo[facet] for facet, value in STEPS if context.memo.get(facet) and not context.memo.get(value)), "")
