"""In which language somebody writes, as far as one can tell: the detector, loaded once and not by whoever waits for an answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence

from translations.detect import Detector, Guess, missing
from translations.profiles import same

log = logging.getLogger(__name__)


class Languages:
    """Says nothing until it is warm."""

    def __init__(self, known: Collection[str], backends: Sequence[str]) -> None:
        """`known`: the languages that it may say. `backends`: none is silence."""
        self._known, self._backends = tuple(known), tuple(backends)
        self._detector: Detector | None = None

    def warm(self) -> None:
        """A second of work, and memory that nobody needs who never writes."""
        if self._detector is None and self._backends and not missing(self._backends):
            self._detector = Detector(self._known, self._backends)

    async def run(self) -> None:
        """Until cancelled."""
        if absent := missing(self._backends):
            log.warning("languages are not detected: %s is not installed", ", ".join(absent))
        await asyncio.to_thread(self.warm)
        await asyncio.Event().wait()

    def surely(self, text: str, hints: Collection[str] = ()) -> Guess | None:
        """A guess that one may act upon, or none."""
        guess = self._detector.guess(text, hints) if self._detector else None
        return guess if guess and guess.is_sure else None

    def offered(self, text: str, there: Sequence[str], hints: Collection[str] = ()) -> tuple[Guess | None, list[str]]:
        """The same, and which of the languages offered it is; Persian may be Dari."""
        guess = self.surely(text, hints)
        return guess, [each for each in there if guess and same(each) == guess.language]

    def of(self, text: str, chosen: str) -> str:
        """The language of what somebody wrote who chose `chosen`: that one, unless it is surely another."""
        guess = self.surely(text, (chosen,))
        return chosen if guess is None or guess.language == same(chosen) else guess.language
