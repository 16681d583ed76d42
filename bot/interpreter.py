"""What people wrote to each other, in each other's language: a machine's work, in a thread of its own, while nobody waits for it.

A letter with words that are to be translated is held in the outbox for a moment, and with it what belongs after it (the rest of that
turn's reply, of that call); everything else goes ahead. It goes out as soon as the translation is there, or without when that takes too long (a
crash, a queue), and then the translation follows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.letters import reader_of
from bot.logs import Code
from storage import chats, outbox, translations
from storage.calls import LETTERS as CALL
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
        self._has_held, self._called = False, asyncio.Event()

    async def prepare(self, unit: Unit, drafts: Sequence[Draft]) -> list[Draft]:
        """Each letter with the translations that are there; one that needs others is held, and so is what belongs after it."""
        wanted = {number: passages for number, draft in enumerate(drafts) if (passages := list(_passages(draft.content, _reads(draft))))}
        possible = {each for passages in wanted.values() for each in passages if self._machine.can(each.from_, each.to)}
        there = await translations.look(unit, possible)
        waits = await outbox.held_threads(unit, {draft.chat.id for draft in drafts if draft.chat and draft.key.startswith(CALL)})
        prepared = []
        for number, draft in enumerate(drafts):
            passages = wanted.get(number, [])
            known = {each: there.get(each) for each in passages if each in there or each not in possible}
            made = replace(draft, content=_with(draft.content, known)) if passages else draft
            thread = (draft.chat.id, outbox.thread_of(draft.key)) if draft.chat else None
            if len(known) < len({*passages}) or thread in waits:
                waits |= {thread} if thread else set()
                made = replace(made, due_at=max(draft.due_at or unit.now, unit.now + PATIENCE), held=True)
                self._has_held = True
            prepared.append(made)
        return prepared

    def wake(self) -> None:
        """What was held is on disk by now."""
        if self._has_held:
            self._has_held = False
            self._called.set()

    async def run(self) -> None:
        """Until cancelled. A package that is not what was installed is never run."""
        for said in await asyncio.to_thread(self._machine.refuse):
            log.error("%s", Code(said))
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN):
                    await self._called.wait()
            self._called.clear()
            try:
                while await self.work():
                    pass
            except StoreAway:
                await asyncio.sleep(LOOK_AGAIN)
            except Exception:  # whatever it is: what is held goes out by itself
                log.exception("translating failed")
                await asyncio.sleep(LOOK_AGAIN)

    async def work(self) -> int:
        """Translate what the letters wait for that were held first, and let them go; how many there were. Raises StoreAway."""
        async with self._store.read() as unit:
            letters = await outbox.read(unit, await outbox.held(unit, MOST))
        for letter in letters:
            wanted = list(dict.fromkeys(_passages(letter.content, reader_of(letter).language)))
            async with self._store.read() as unit:
                there: dict[Passage, str | None] = {**await translations.look(unit, wanted)}
                late = unit.now >= letter.due_at
            if late and not wanted:
                continue  # it is on its way
            made = {each: await self._translate(each) for each in wanted if each not in there}
            await undisturbed(self._let_go(letter, _with(letter.content, {**there, **made}), {each: text for each, text in made.items() if text}, wanted))
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

    async def _let_go(self, letter: Letter, content: Mapping[str, Any], made: Mapping[Passage, str], wanted: Sequence[Passage]) -> None:
        """With its translation. Whose words were erased meanwhile, nothing of them is said or kept; a letter that went out without is
        followed by one that has it."""
        late: list[Letter] = []
        async with self._store.begin() as unit:
            erased = {each.of for each in wanted} - await translations.owners(unit, wanted)
            if erased:
                await outbox.sent(unit, [letter.id])
            gone = erased or await outbox.release(unit, letter, content)
            await translations.keep(unit, made)
            if gone and made and not erased and letter.chat_id is not None and unit.now >= letter.due_at:  # it was not taken back
                late = await self._follow(unit, letter, content)
        self._hand_over(late if gone else [replace(letter, content=content)])

    async def _follow(self, unit: Unit, letter: Letter, content: Mapping[str, Any]) -> list[Letter]:
        chat = await chats.get(unit, letter.chat_id or 0)
        if chat is None or chat.unreachable:
            return []
        said = {name: value for name, value in content.items() if name in {"parts", "actions", "translated"}}
        return await outbox.enqueue(unit, [Draft(f"late.{letter.id}", said, chat)])


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
