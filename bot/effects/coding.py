"""Words that no entry fitted: which there are, and the entry that staff give them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from bot.effects.nouns import ABOUT, Context, Outcome, said
from bot.rights import may
from bot.search import fold
from bot.sources import group_code
from dialogs.asking import OWN_WORDS
from dialogs.model import Scripts, Step
from dialogs.nouns import Fact
from storage import answers, organisations, people, staff
from storage.answers import ORGANISATIONS, PEOPLE, Owners
from storage.records import AnswerRow

MOST = 60  # different words that are listed; whoever has coded these sees the next
LONGEST = 120  # characters of a button's words; more is a sentence, which its first words tell apart


@dataclass(frozen=True, slots=True)
class _Told:
    """Somebody's own words, without an entry."""

    owners: Owners
    owner: UUID
    row: AnswerRow
    step: Step

    @property
    def words(self) -> str:
        return _words(self.row)


async def uncoded(context: Context) -> Mapping[str, Fact]:
    """Everybody's own words that have no entry yet, what most people wrote first."""
    if not may(context.staff, "code"):
        return {}
    await context.write()
    told = defaultdict[str, list[str]](list)
    async for each in _told(context):
        told[fold(each.words)].append(each.words)
    often = sorted(told.values(), key=lambda each: (-len(each), each[0]))[:MOST]
    return {each[0][:LONGEST]: {"say": "uncoded.line", "with": {"words": each[0][:LONGEST], "n": len(each)}} for each in often}


async def code_words(context: Context) -> Outcome:
    """Every answer in these words has this entry from now on; the words stay beside it."""
    if not may(context.staff, "code"):
        return said("common.old-button")
    assert context.staff  # noqa: S101 - may() has looked
    await context.write()
    words, entry = context.memo["which"], context.memo["entry"]
    about = {name: context.memo[f"entry.{name}"] for name in ABOUT if f"entry.{name}" in context.memo}
    fact: Fact = {"from": "abilities", "code": entry}
    coded = [each async for each in _told(context) if fold(each.words[:LONGEST]) == fold(words)]
    for owners in (PEOPLE, ORGANISATIONS):
        rows, facets = defaultdict[UUID, list[AnswerRow]](list), set[tuple[UUID, str, str]]()
        for each in coded:
            if each.owners is owners:
                label = context.words.fact(fact, each.row.language)
                content = {"value": entry, "words": each.words, "label": label, "chosen": "staff", **about}
                rows[each.owner].append(replace(each.row, code=entry, content=content))
                await staff.write_down(context.unit, context.staff.id, "code", each.owner)
                facets |= {(each.owner, each.step.facet, code) for code in (entry, *_group(about)) if each.step.facet}
        await answers.save(context.unit, owners, rows)
        await answers.add_facets(context.unit, owners, facets)
        await (people if owners is PEOPLE else organisations).changed(context.unit, rows.keys())
    return said("uncoded.coded", "coded", words=words, entry=fact, n=len(coded))


def _group(about: Mapping[str, str]) -> tuple[str, ...]:
    return (group_code(about["isco"][:2]),) if about.get("isco") else ()


async def _told(context: Context) -> AsyncIterator[_Told]:
    for owners in (PEOPLE, ORGANISATIONS):
        searched = dict(_searches(context.scripts))
        for owner, rows in (await answers.uncoded(context.unit, owners, list(searched))).items():
            for row in rows:
                if _words(row):
                    yield _Told(owners, owner, row, searched[row.question])


def _searches(scripts: Scripts) -> Iterator[tuple[str, Step]]:
    for dialog in scripts.values():
        yield from ((dialog.names[step.id], step) for step in dialog.every if step.ask == "search" and step.purpose)


def _words(row: AnswerRow) -> str:
    """As they were written; an older version kept them as the value."""
    value = str(row.content.get("value", ""))
    return str(row.content.get("words", "")) or ("" if value == OWN_WORDS else value)
