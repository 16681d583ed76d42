"""What people wrote to each other, in each other's language: a machine's work, in a thread of its own, while nobody waits for it.

A letter with words that are to be translated is held in the outbox for a moment; everything behind it goes ahead. It goes out as soon as the
translation is there, or without it when that takes too long (a crash, a queue): late, but never lost, and never in place of the original.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.letters import reader_of
from bot.logs import Code
from storage import outbox, translations
from storage.errors import StoreAway
from storage.records import Draft, Letter, Passage
from storage.store import Store, Unit, undisturbed
from translations.machine import Machine
from translations.words import is_as_good

log = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=20)  # then a letter goes out without
MOST = 20  # letters looked at in one go
LOOK_AGAIN = 5.0  # seconds, for letters that another process held and did not come to

HandOver = Callable[[Sequence[Letter]], None]


class Interpreter:
    def __init__(self, store: Store, machine: Machine, hand_over: HandOver) -> None:
        """`hand_over` is given the letters that need to wait no longer."""
        self._store, self._machine, self._hand_over = store, machine, hand_over
        self._thread = ThreadPoolExecutor(1, "interpreter")  # one text at a time: the models take what they get of the processors
        self._held = asyncio.Event()

    async def prepare(self, unit: Unit, drafts: Sequence[Draft]) -> list[Draft]:
        """Each letter with the translations that are there; one that needs others is held."""
        wanted = {number: passages for number, draft in enumerate(drafts) if (passages := list(_passages(draft.content, _reads(draft))))}
        if not wanted:
            return list(drafts)
        possible = {each for passages in wanted.values() for each in passages if self._machine.can(each.from_, each.to)}
        there = await translations.look(unit, possible)
        prepared = list(drafts)
        for number, passages in wanted.items():
            draft = drafts[number]
            known = {each: there.get(each) for each in passages if each in there or each not in possible}
            prepared[number] = replace(draft, content=_with(draft.content, known))
            if len(known) < len({*passages}):
                prepared[number] = replace(prepared[number], due_at=max(draft.due_at or unit.now, unit.now + PATIENCE), held=True)
                self._held.set()
        return prepared

    async def run(self) -> None:
        """Until cancelled. A package that is not what was installed is never run."""
        for said in await asyncio.to_thread(self._machine.refuse):
            log.error("%s", Code(said))
        while True:
            try:
                async with asyncio.timeout(LOOK_AGAIN):
                    await self._held.wait()
            except TimeoutError:
                pass
            self._held.clear()
            try:
                while await self.work():
                    pass
            except StoreAway:
                await asyncio.sleep(LOOK_AGAIN)

    async def work(self) -> int:
        """Translate what letters wait for, and let them go; how many there were. Raises StoreAway."""
        async with self._store.read() as unit:
            letters = await outbox.read(unit, await outbox.held(unit, MOST))
            wanted = {letter.id: list(_passages(letter.content, reader_of(letter).language)) for letter in letters}
            there: dict[Passage, str | None] = {**await translations.look(unit, {each for passages in wanted.values() for each in passages})}
        for letter in letters:
            made = {each: await self._translate(each) for each in dict.fromkeys(wanted[letter.id]) if each not in there}
            there |= made
            content = _with(letter.content, {each: there[each] for each in wanted[letter.id]})
            await undisturbed(self._let_go(letter, content, {each: text for each, text in made.items() if text is not None}))
        return len(letters)

    async def _translate(self, passage: Passage) -> str | None:
        """None: no machine can, or it failed; then there is the original."""
        if not self._machine.can(passage.from_, passage.to):
            return None
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._machine.translate, passage.text, passage.from_, passage.to)
        except Exception:  # whatever a model does, the letter must go out
            log.exception("the machine failed")
            return None

    async def _let_go(self, letter: Letter, content: Mapping[str, Any], made: Mapping[Passage, str]) -> None:
        async with self._store.begin() as unit:
            gone = await outbox.release(unit, letter, content)  # sent meanwhile, or erased: then nothing of it is kept either
            if not gone:
                await translations.keep(unit, made)
        if not gone:
            self._hand_over([replace(letter, content=content)])


def _reads(draft: Draft) -> str:
    return str(draft.content.get("in") or (draft.chat.language if draft.chat else draft.language))


def _passages(content: Mapping[str, Any], to: str) -> Iterator[Passage]:
    """What in a letter somebody wrote in a language that its reader did not choose, and is not translated yet."""
    done = {(text, from_) for text, from_, *_ in content.get("translated", ())}
    for part in content["parts"]:
        for fact in _free(part[1]):
            text, from_ = str(fact["free"]), str(fact["in"])
            if from_ and not is_as_good(from_, to) and (text, from_) not in done:
                yield Passage(text, from_, to, str(fact.get("of", "")))


def _free(value: Any) -> Iterator[Mapping[str, Any]]:
    """Facts of that shape, however deep."""
    if isinstance(value, Mapping):
        if "free" in value:
            yield value
        for each in value.values():
            yield from _free(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _free(each)


def _with(content: Mapping[str, Any], known: Mapping[Passage, str | None]) -> dict[str, Any]:
    return {**content, "translated": [*content.get("translated", ()), *([each.text, each.from_, each.to, text] for each, text in known.items())]}
