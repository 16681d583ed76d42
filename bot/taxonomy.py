"""Occupations and skills in everyone's words: what was written by us (bot/entries.tsv and the sentences `occupations.*`,
`skills.*`), and what was imported (`frontdoor esco`). Searched in memory, in a thread, never inside a transaction."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from bot import search
from bot.logs import Code
from bot.meaning import KNOWN, Meaning, Meanings
from bot.search import Index, fold, fused, parts_of, spoken
from bot.sources import BUILT_IN, ESCO, GROUPS, group_code
from dialogs.asking import PAGE
from dialogs.model import TAXONOMIES
from dialogs.nouns import Found, Need
from storage import taxonomy
from storage.errors import StoreAway
from storage.store import Store, Unit, undisturbed
from storage.taxonomy import CALLED, Entry
from translations.catalogues import words_of_entries
from translations.words import Words

log = logging.getLogger(__name__)

TAXONOMY = "taxonomy"  # how a need for any of this is called
OFFERED = 5  # entries
PROPOSED = PAGE  # skills that belong to an occupation
MOST_SCORED = 8  # parts of a text that are looked at, each for what "and" might part in it
MOST_PARTS = 6  # of what was written at once; whatever follows stays with the last one
# A language whose speakers may well write another one of these, or read its words; English comes always.
CLOSE = {
    "uk": ("ru", "pl", "bg"),
    "ru": ("uk", "bg"),
    "pl": ("uk", "cs", "sk"),
    "de": ("nl",),
    "es": ("pt", "it"),
    "pt": ("es", "it"),
    "it": ("es", "fr"),
    "fr": ("it", "es"),
    "fa": ("fa_AF", "ar"),
    "fa_AF": ("fa", "ar"),
    "ps": ("fa_AF", "fa"),
    "ur": ("fa", "ar"),
    "ckb": ("ar", "fa"),
    "ku": ("tr",),
}
# How much a label counts: what we wrote are the words that people use, and the jobs that most of them have.
BUILT_IN_CALLED, BUILT_IN_ALSO, IMPORTED_CALLED, IMPORTED_ALSO, COMMON = 1.06, 1.04, 1.0, 0.985, 1.06
ELSEWHERE, FAR = (
    0.95,
    0.8,
)  # of a score, in a language that they may know too; in one that nobody expects of them (a short word of one is the beginning of many in another)
MOST_RANKED = 20
MOST_MEANT = {"occupations": 3, "skills": 0}  # further English labels of an entry whose meaning is read
LOOK_AGAIN = 15.0  # seconds between two looks whether something was imported
PATIENCE = 0.3  # seconds that somebody waits for an index that is being built
KINDS = ("occupations", "skills")
JUST_SO = 0.97  # a score: the same words; all of these stay first
CERTAIN, MOST_CERTAIN = 0.8, 4  # beside something sure: what is written so much alike stays before what only means the same
SURE, CLEAR, FAINT = 0.9, 0.6, 0.3  # scores: nothing better is to be had; it is meant; nobody would see why


def is_slow(need: Need) -> bool:
    """Is it a search by words? The rest is looked up."""
    return need.source == TAXONOMY and any(name == "words" for name, _ in need.memo)


@dataclass(slots=True)
class _Loaded:
    """What was imported, as it was at one moment."""

    stamp: str = ""
    entries: dict[str, Entry] = field(default_factory=dict)
    languages: dict[str, tuple[str, ...]] = field(default_factory=dict)  # kind -> languages
    indexes: dict[tuple[str, str], Index] = field(default_factory=dict)  # of what was imported, by kind and language
    ours: dict[str, dict[str, Index]] = field(default_factory=dict)  # of what we wrote: kind -> language -> index
    meanings: dict[str, Meanings] = field(default_factory=dict)  # kind -> what its labels mean
    codes: list[str] = field(default_factory=lambda: list(BUILT_IN))  # number -> code; ours come first, always in the same order
    numbers: dict[str, int] = field(default_factory=lambda: {code: number for number, code in enumerate(BUILT_IN)})

    def number(self, code: str) -> int:
        number = self.numbers.setdefault(code, len(self.codes))
        if number == len(self.codes):
            self.codes.append(code)
        return number


class Taxonomy:
    def __init__(self, store: Store, words: Words, meaning: Meaning | None = None) -> None:
        """Knows our own entries at once; `refresh()` what was imported; `run()` keeps both ready. `meaning`: finds by what is meant too."""
        self._store, self._words, self._meaning, self._loaded = store, words, meaning, _Loaded()
        self._loading = defaultdict[tuple[str, str], asyncio.Lock](asyncio.Lock)  # kind and language
        self._making = set[asyncio.Task[None]]()

    async def run(self) -> None:
        """Until cancelled: what is imported while the bot runs is there a little later, and nobody waits for it to be read."""
        while True:
            try:
                if await undisturbed(self.refresh()):
                    log.info("what was imported of the taxonomy is there")
                await undisturbed(self.warm())
            except StoreAway:
                log.warning("the database is away; the taxonomy is not read again")
            await asyncio.sleep(LOOK_AGAIN)

    async def warm(self) -> None:
        """Everything that people search in, the languages offered first. Raises StoreAway."""
        await self._fill(self._loaded)

    async def _fill(self, loaded: _Loaded) -> None:
        offered = [each for language in self._words.languages for each in self._languages(language)]
        imported = sum(loaded.languages.values(), ())  # people write what they write: the others too, afterwards
        await self._make_ready(loaded, KINDS, list(dict.fromkeys([*offered, *imported])))
        if self._meaning:
            for kind in KINDS:
                if kind not in loaded.meanings:
                    loaded.meanings[kind] = await asyncio.to_thread(self._meaning.read, [label async for label in self._labels_to_mean(loaded, kind)])

    async def refresh(self) -> bool:
        """What was imported meanwhile is there from now on; was there anything? Raises StoreAway."""
        stamp = await taxonomy.stamp(self._store)
        if stamp == self._loaded.stamp:
            return False
        before, loaded = (
            self._loaded,
            _Loaded(stamp, {code: entry async for code, entry in taxonomy.entries(self._store)}, await taxonomy.languages(self._store)),
        )
        names = dict[str, dict[str, str]]()
        for language in {*self._words.languages, "en"} & {each for kind in loaded.languages.values() for each in kind}:
            names[language] = {code: label async for code, label, _ in taxonomy.labels_of(self._store, language, CALLED)}
        if before.indexes or before.ours:  # nobody waits for the new ones
            await self._fill(loaded)
        self._words.learn(names)
        self._loaded = loaded
        return True

    # ---- looking up -------------------------------------------------------------------------------------------------

    async def look_up(self, unit: Unit, need: Need) -> Found:
        """What is no search: a group's entries, or the skills that belong to an occupation. Quick enough for a transaction."""
        memo = dict(need.memo)
        if "under" in memo:
            return Found("", self._under(memo["under"], TAXONOMIES[memo["from"]], memo["language"]))
        codes = await taxonomy.skills_of(unit, memo["occupation"], essential=memo["relation"] == "essential")
        known = [code for code in codes if code in self._loaded.entries]
        ours = [code for code in BUILT_IN if code in known]
        if not codes:  # nothing was imported: ours of the same group
            group = self._isco(memo["occupation"])[:2]
            ours = [code for code, entry in BUILT_IN.items() if entry.kind == "skills" and entry.isco == group and memo["relation"] == "essential"]
        return Found("", {code: {"isco": self._isco(code)} for code in list(dict.fromkeys([*ours, *known]))[:PROPOSED]})

    def _under(self, group: str, kinds: Sequence[str], language: str) -> dict[str, dict[str, str]]:
        """Groups of a group, and at last its entries: ours first, then by the alphabet. ISCO-08 has ten major groups, and 43 below."""
        if len(group) < 2:
            below = [each for each in GROUPS if len(each) == len(group) + 1 and each.startswith(group)]
            return {group_code(each): {"isco": each, "opens": "yes"} for each in sorted(below, key=lambda each: (each[0] == "0", each))}
        ours = [code for code, entry in BUILT_IN.items() if entry.kind in kinds and entry.isco.startswith(group)]
        others = [code for code, entry in self._loaded.entries.items() if entry.kind in kinds and entry.isco.startswith(group) and not entry.obsolete]
        others = sorted(others, key=lambda code: fold(self._words.fact({"from": "occupations", "code": code}, language)))
        found = dict.fromkeys([*ours, *(code for code in others if len(self._isco(code)) == 4)])
        return {code: {"isco": self._isco(code)} for code in (*found, group_code(group))}

    def _isco(self, code: str) -> str:
        if entry := BUILT_IN.get(code):
            return entry.isco
        return (
            self._loaded.entries[code].isco if code in self._loaded.entries else code.removeprefix(f"{ESCO}isco/C") if code.startswith(f"{ESCO}isco/C") else ""
        )

    # ---- searching --------------------------------------------------------------------------------------------------

    async def search(self, need: Need) -> Found:
        """The entries that somebody's words mean, the closest first. Takes some milliseconds of another thread."""
        memo = dict(need.memo)
        kinds, language, words = TAXONOMIES[memo["from"]], memo["language"], memo["words"]
        loaded = self._loaded
        languages = self._languages(language)
        await self._make_ready(loaded, kinds, ())
        await self._perhaps_ready(loaded, kinds, languages)
        parts = await asyncio.to_thread(self._parts, loaded, words, kinds, languages) if "several" in memo else [words]
        first, *rest = parts
        found = await asyncio.to_thread(self._closest, loaded, first, kinds, languages)
        if not found or found[0][1] < CLEAR:  # perhaps in a language that nobody expects of them
            everywhere = (*sum(loaded.languages.values(), ()), *(language for kind in kinds for language in loaded.ours[kind]))
            others = tuple(each for each in dict.fromkeys(everywhere) if each not in languages)
            await self._perhaps_ready(loaded, kinds, others)
            found = await asyncio.to_thread(self._closest, loaded, first, kinds, (*languages, *others))
        about = {code: {"isco": self._isco(code), "score": str(min(100, round(score * 100)))} for code, score in found if score >= FAINT}
        return Found(first, about, tuple(rest))

    def _languages(self, language: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys([language, "en", *CLOSE.get(language, ())]))

    def _closest(self, loaded: _Loaded, words: str, kinds: Sequence[str], languages: Sequence[str]) -> list[tuple[str, float]]:
        best, near = dict[int, float](), self._languages(languages[0])
        for kind in kinds:
            for language, index in _indexes(loaded, kind, languages):
                counts = 1.0 if language == languages[0] else ELSEWHERE if language in near else FAR
                for hit in index.closest(words):
                    best[hit.number] = max(best.get(hit.number, 0.0), hit.score * counts)
        ranked = sorted(best.items(), key=lambda each: -each[1])[:MOST_RANKED]
        if self._meaning and (among := [loaded.meanings[kind] for kind in kinds if kind in loaded.meanings]):
            ranked = _fused(ranked, self._meaning.closest(words, among))
        return [(loaded.codes[number], score) for number, score in ranked[:OFFERED]]

    def _parts(self, loaded: _Loaded, words: str, kinds: Sequence[str], languages: Sequence[str]) -> list[str]:
        """Several at once, apart: only what means something of its own, so that no half of a sentence is asked about."""

        @cache
        def score(text: str) -> float:
            return max((score for _, score in self._closest_alike(loaded, text, kinds, languages[:2])), default=0.0)

        parts, apart = list[str](), parts_of(words)
        for pieces, whole in apart[:MOST_SCORED]:
            splits = 1 < len(pieces) <= MOST_SCORED and score(whole) < SURE and all(score(piece) >= CLEAR for piece in pieces)
            parts += pieces if splits else [whole]
        parts += [whole for _, whole in apart[MOST_SCORED:]]
        if len(apart) <= MOST_SCORED and any(search.is_said_around(part) and score(part) < CLEAR for part in parts):
            parts = [part for part in parts if score(part) >= CLEAR]  # a sentence with commas: only what it tells of work
            if len(parts) <= 1:
                return [words.strip()]
        return [*parts[: MOST_PARTS - 1], ", ".join(parts[MOST_PARTS - 1 :])] if len(parts) > MOST_PARTS else parts or [words.strip()]

    def _closest_alike(self, loaded: _Loaded, words: str, kinds: Sequence[str], languages: Sequence[str]) -> Iterator[tuple[int, float]]:
        for kind in kinds:
            theirs = (index for language in languages if (index := loaded.indexes.get((kind, language))))
            for index in (*loaded.ours.get(kind, {}).values(), *theirs):  # of what we wrote, in every language
                for hit in index.closest(words, 1):
                    yield hit.number, hit.score

    # ---- the indexes, and the meanings ------------------------------------------------------------------------------------------------

    async def _make_ready(self, loaded: _Loaded, kinds: Sequence[str], languages: Sequence[str]) -> None:
        """Read and built once, a second each; whoever needs the same one meanwhile waits for it."""
        for kind in kinds:
            async with self._loading[kind, ""]:
                if kind not in loaded.ours:
                    loaded.ours[kind] = await asyncio.to_thread(_our_indexes, kind)
            for language in (each for each in languages if each in loaded.languages.get(kind, ())):
                if (kind, language) in loaded.indexes:
                    continue
                async with self._loading[kind, language]:
                    if (kind, language) not in loaded.indexes:
                        loaded.indexes[kind, language] = await self._build(loaded, kind, language)

    async def _perhaps_ready(self, loaded: _Loaded, kinds: Sequence[str], languages: Sequence[str]) -> None:
        """Somebody asks before `warm()` is done: they find what is there by then, and everybody after them the rest."""
        task = asyncio.ensure_future(undisturbed(self._make_ready(loaded, kinds, languages)))
        self._making.add(task)
        task.add_done_callback(self._forget_task)
        await asyncio.wait([task], timeout=PATIENCE)

    def _forget_task(self, task: asyncio.Task[None]) -> None:
        self._making.discard(task)
        if not task.cancelled() and task.exception():
            log.warning("the taxonomy could not be read (%s)", Code(type(task.exception()).__name__))

    async def _build(self, loaded: _Loaded, kind: str, language: str) -> Index:
        rows = list[tuple[int, str, float]]()
        async for code, label, place in taxonomy.labels_of(self._store, language):
            entry = loaded.entries.get(code)
            if entry and entry.kind == kind and not entry.obsolete:
                counts = (IMPORTED_CALLED if place == CALLED else IMPORTED_ALSO) * (COMMON if code in BUILT_IN else 1.0)
                rows.append((loaded.number(code), label, counts))
        return await asyncio.to_thread(lambda: Index((number, said, counts) for number, label, counts in rows for said in spoken(label)))

    async def _labels_to_mean(self, loaded: _Loaded, kind: str) -> AsyncIterator[tuple[int, str]]:
        """Ours in the languages that the model knows, and the first few English ones of what was imported: it finds them from all the others."""
        for code, language, label, _ in await asyncio.to_thread(lambda: list(_ours(kind))):
            if language in KNOWN:
                yield loaded.number(code), label
        counted = dict[str, int]()
        async for code, label, place in taxonomy.labels_of(self._store, "en"):
            entry = loaded.entries.get(code)
            if entry and entry.kind == kind and not entry.obsolete and (place == CALLED or counted.get(code, 0) < MOST_MEANT[kind]):
                counted[code] = counted.get(code, 0) + 1
                yield loaded.number(code), label


def _indexes(loaded: _Loaded, kind: str, languages: Sequence[str]) -> Iterator[tuple[str, Index]]:
    """Those that are ready: ours and the imported ones of each language."""
    for language in languages:
        for index in (loaded.ours.get(kind, {}).get(language), loaded.indexes.get((kind, language))):
            if index:
                yield language, index


@cache
def _our_indexes(kind: str) -> dict[str, Index]:
    """Of what we wrote, by language: a short word of one is the beginning of many in another. The numbers are those of BUILT_IN."""
    numbers = {code: number for number, code in enumerate(BUILT_IN)}
    rows: dict[str, list[tuple[int, str, float]]] = {}
    for code, language, label, called in _ours(kind):
        rows.setdefault(language, []).append((numbers[code], label, BUILT_IN_CALLED if called else BUILT_IN_ALSO))
    return {language: Index(there) for language, there in rows.items()}


def _ours(kind: str) -> Iterator[tuple[str, str, str, bool]]:
    """(code, language, label, is it what the entry is called?) of what we wrote, in every language that has any."""
    for language, texts in words_of_entries(kind).items():
        for code, entry in BUILT_IN.items():
            if entry.kind == kind and entry.sentence in texts:
                yield from ((code, language, said, True) for said in spoken(texts[entry.sentence]))
                also = texts.get(f"{entry.sentence}.also", "").replace("،", ",")
                yield from ((code, language, said.strip(), False) for said in also.split(",") if said.strip())


def _fused(written: Sequence[tuple[int, float]], meant: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """What is written alike and what means the same, by rank; what is written just so stays first."""
    scores = dict(meant) | dict(written)
    order = fused([number for number, _ in written], [number for number, _ in meant])
    if written and written[0][1] >= SURE:
        certain = [number for at, (number, score) in enumerate(written) if score >= JUST_SO or (at < MOST_CERTAIN and score >= CERTAIN)]
        order = [*certain, *(number for number in order if number not in certain)]
    return [(number, scores[number]) for number in order]
