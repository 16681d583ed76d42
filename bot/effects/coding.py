"""Words that no entry fitted: which there are, and the entry that staff give them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from bot.effects.nouns import ABOUT, Context, Outcome, agreed, said
from bot.effects.staff import refused
from bot.rights import may
from bot.search import fold
from bot.sources import group_code
from dialogs.asking import OWN_WORDS
from dialogs.model import TAXONOMIES, Scripts, Step
from dialogs.nouns import Fact, Question
from storage import answers, organisations, people, staff
from storage.answers import ORGANISATIONS, PEOPLE, Owners
from storage.records import AnswerRow

MOST = 60  # different words that are listed; whoever has coded these sees the next
MOST_ROWS = 500  # answers that are opened for it, the oldest first: a few milliseconds


@dataclass(frozen=True, slots=True)
class _Told:
    """Somebody's own words, without an entry."""

    owner: UUID
    row: AnswerRow
    step: Step

    @property
    def words(self) -> str:
        """As they were written; an older version kept them as the value."""
        value = str(self.row.content.get("value", ""))
        return str(self.row.content.get("words", "")) or ("" if value == OWN_WORDS else value)


async def uncoded(context: Context) -> Mapping[str, Fact]:
    """Everybody's own words that have no entry yet, by language, what most people wrote first."""
    if not may(context.staff, "code"):
        return {}
    await context.write()
    told = defaultdict[str, list[_Told]](list)
    for owners in (PEOPLE, ORGANISATIONS):
        async for each in _told(context, owners):
            told[_code(context, each)].append(each)
    often = sorted(told.items(), key=lambda each: (-len(each[1]), each[1][0].words))[:MOST]
    return {code: _line(each) for code, each in often}


def _line(told: Sequence[_Told]) -> Fact:
    language: Fact = {"from": "languages", "code": told[0].row.language}
    return {"say": "uncoded.line", "with": {"words": told[0].words, "language": language, "n": len(told)}}


def _code(context: Context, told: _Told) -> str:
    """The same for the same words in a language, and it tells nobody which: it stays in a conversation of staff's, and they may be forgotten."""
    return f"w{context.unit.cipher.index(f'{told.row.language}/{fold(told.words)}').hex()[:20]}"


async def code_words(context: Context) -> Outcome:
    """Every answer in these words has this entry from now on, where one of its kind was asked for; the words stay beside it."""
    if not may(context.staff, "code"):
        return refused(context, "code")
    await context.write()
    about = {name: context.memo[f"entry.{name}"] for name in ABOUT if f"entry.{name}" in context.memo}
    coded, words = dict[Owners, set[UUID]](), ""
    number = 0
    for owners in (PEOPLE, ORGANISATIONS):
        wanted = [each async for each in _told(context, owners) if _code(context, each) == context.memo["which"] and _fits(each.step, context.memo["entry"])]
        now = await _now(context, owners, {each.owner for each in wanted})
        still = [each for each in wanted if _is_still_told(each, now.get(each.owner, {}))]
        await _write(context, owners, still, about)
        coded[owners] = {each.owner for each in still}
        number, words = number + len(still), still[0].words if still else words
    entry: Fact = {"from": "abilities", "code": context.memo["entry"]}
    outcome = said("uncoded.coded", "coded", words=words or "…", entry=entry, n=number)
    return replace(outcome, changed=frozenset().union(*coded.values()))


def _fits(step: Step, entry: str) -> bool:
    """No skill where an occupation was asked for."""
    kind = "skills" if "/skill/" in entry else "occupations"
    return kind in TAXONOMIES[str(step.from_)]


async def _now(context: Context, owners: Owners, ids: Collection[UUID]) -> dict[UUID, Mapping[Question, AnswerRow]]:
    """What they have answered, locked until the commit: they may be answering something else just now, or have taken their yes back."""
    if owners is ORGANISATIONS:
        return {each.id: each.answers for each in (await organisations.lock(context.unit, ids)).values()}
    return {each.id: each.answers for each in (await people.lock(context.unit, ids, ids)).values() if agreed(each)}


def _is_still_told(told: _Told, now: Mapping[Question, AnswerRow]) -> bool:
    row = now.get((told.row.question, told.row.round))
    return row is not None and row.code is None and row.content == told.row.content


async def _write(context: Context, owners: Owners, coded: Iterable[_Told], about: Mapping[str, str]) -> None:
    assert context.staff  # noqa: S101 - may() has looked
    entry = context.memo["entry"]
    rows, facets = defaultdict[UUID, list[AnswerRow]](list), set[tuple[UUID, str, str]]()
    for each in coded:
        label = context.words.fact({"from": "abilities", "code": entry}, each.row.language)
        content = {"value": entry, "words": each.words, "label": label, "chosen": "staff", **about}
        rows[each.owner].append(replace(each.row, code=entry, content=content))
        facets |= {(each.owner, each.step.facet, code) for code in (entry, *_group(about)) if each.step.facet}
    for owner in rows:
        await staff.write_down(context.unit, context.staff.id, "code", owner)
    await answers.save(context.unit, owners, rows)
    await answers.add_facets(context.unit, owners, facets)
    await (people if owners is PEOPLE else organisations).changed(context.unit, rows.keys())


def _group(about: Mapping[str, str]) -> tuple[str, ...]:
    return (group_code(about["isco"][:2]),) if about.get("isco") else ()


async def _told(context: Context, owners: Owners) -> AsyncIterator[_Told]:
    searches = dict(_searches(context.scripts))
    for owner, rows in (await answers.uncoded(context.unit, owners, list(searches), MOST_ROWS)).items():
        for row in rows:
            if (told := _Told(owner, row, searches[row.question])).words:
                yield told


def _searches(scripts: Scripts) -> Iterable[tuple[str, Step]]:
    for dialog in scripts.values():
        yield from ((dialog.names[step.id], step) for step in dialog.every if step.ask == "search" and step.purpose)
