"""`/numbers`: how many began, said yes and finished; where people stop. Staff only; nothing in it points at anybody."""

from __future__ import annotations

from collections.abc import Mapping

from bot.effects.nouns import Context, Outcome, said
from bot.letters import pack
from bot.rights import may
from dialogs.model import Scripts
from dialogs.nouns import Fact, Message, Say
from storage import numbers
from storage.numbers import Row, Shown
from translations.words import Words

HIDDEN: Fact = {"say": "numbers.hidden"}


async def tell(context: Context) -> Outcome:
    """Counted just now."""
    if not may(context.staff, "numbers"):
        return said("common.unknown-command")
    await context.write()
    found = await numbers.read(context.unit)
    roles = {code: _label(context.scripts, "role", code) for code in found.roles}
    regions = {code: _label(context.scripts, "region", code) for code in found.regions}
    languages: dict[str, Fact] = {code: {"from": "languages", "code": code} for code in found.languages}
    parts = [
        Say("numbers.all"),
        _line("numbers.begun", found.begun),
        _line("numbers.agreed", found.agreed),
        _line("numbers.finished", found.finished),
        *_table("numbers.roles", found.roles, roles),
        *_table("numbers.languages", found.languages, languages),
        *_table("numbers.regions", found.regions, regions),
        *_stops(found.stops, context.words),
        Say("numbers.heard"),
        *(_line(name, number) for name, number in zip(("numbers.day", "numbers.week", "numbers.month"), found.heard, strict=True)),
        _line("numbers.calls", found.calls),
        Say("numbers.footnote", {"few": numbers.FEW}),
    ]
    return Outcome((pack(Message(tuple(parts))),))


def _line(name: str, number: Shown) -> Say:
    return Say("common.line", {"name": {"say": name}, "answer": _number(number)}, line=True)


def _number(number: Shown) -> Fact:
    return HIDDEN if number is None else number


def _table(title: str, rows: Mapping[str, Row], labels: Mapping[str, Fact]) -> list[Say]:
    """Nothing at all where there are no rows."""
    lines = []
    for code, row in rows.items():
        name = labels[code] if code else {"say": "numbers.unknown"}
        lines.append(Say("numbers.row", {"name": name, "there": _number(row.there), "finished": _number(row.finished)}, line=True))
    return [Say(title), *lines] if lines else []


def _stops(stops: Mapping[str, int], words: Words) -> list[Say]:
    lines = []
    for question, count in stops.items():
        name: Fact = {"say": f"{question}.short"} if words.exists(f"{question}.short") else question
        lines.append(Say("common.line", {"name": name, "answer": count}, line=True))
    return [Say("numbers.stops"), *lines] if lines else []


def _label(scripts: Scripts, facet: str, code: str) -> Fact:
    """As the question that feeds the facet calls it."""
    for dialog in scripts.values():
        for step in dialog.steps:
            if step.facet == facet and (step.from_ or code in step.choices):
                return {"from": step.from_, "code": code} if step.from_ else {"say": f"{dialog.dialog}.{step.id}.{code}"}
    return code
