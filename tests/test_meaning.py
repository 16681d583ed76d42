"""By what is meant: the extra `semantic`. A few labels here; the whole classification in `make trust`."""

from __future__ import annotations

import pytest
from conftest import TRUST
from test_occupations import LANGUAGES, LISTS, NEEDS_OFFICIAL, groups_of, judged, kept, official, real  # noqa: F401 - fixtures

from bot.meaning import Meaning, is_there
from bot.taxonomy import _fused

LABELS = [(0, "welder"), (1, "cook"), (1, "kitchen chef"), (2, "nurse"), (3, "truck driver"), (4, "software developer")]

pytestmark = pytest.mark.skipif(not is_there(), reason="the extra `semantic` is not installed")


@pytest.mark.parametrize(
    ("words", "entry"),
    [("Ich habe in einem Restaurant gekocht", 1), ("سائق شاحنة", 3), ("Naprawiam programy komputerowe", 4), ("soudeur", 0), ("медсестра", 2)],
)
def test_what_means_the_same_is_found_across_languages(tmp_path, words, entry):
    meaning = Meaning(tmp_path)
    assert meaning.closest(words, [meaning.read(LABELS)])[0][0] == entry


def test_vectors_are_kept_and_a_damaged_file_is_made_again(tmp_path, monkeypatch):
    first = Meaning(tmp_path).read(LABELS)
    (file,) = (tmp_path / "meanings").iterdir()
    again = Meaning(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(again, "_encoded", None)  # nothing is encoded a second time
        assert (again.read(LABELS).vectors == first.vectors).all()
    file.write_bytes(file.read_bytes()[:200])
    assert (Meaning(tmp_path).read(LABELS).vectors == first.vectors).all()


def test_other_labels_are_another_file(tmp_path):
    Meaning(tmp_path).read(LABELS)
    Meaning(tmp_path).read(LABELS[:3])
    assert len(list((tmp_path / "meanings").iterdir())) == 2


def test_what_is_written_just_so_stays_before_what_only_means_the_same():
    written = [(1, 1.0), (2, 0.99), (3, 0.5)]
    assert [number for number, _ in _fused(written, [(9, 0.9), (3, 0.8)])][:2] == [1, 2]
    assert _fused([], [(9, 0.9)])[0][0] == 9
    assert _fused(written, [])[0][0] == 1


if TRUST:

    @pytest.mark.trust
    @NEEDS_OFFICIAL
    async def test_everyday_words_are_found_by_what_they_mean(real, tmp_path, show):
        real.taxonomy._meaning = Meaning(tmp_path)
        await real.taxonomy.warm()
        for name in sorted(path.name for path in LISTS.glob("*.tsv")):
            right, asked, misses = await judged(real.taxonomy, name, LANGUAGES)
            show(f"{name}, semantic", f"{right.total()} of {asked.total()}, {dict(right)} {misses}")
            assert right.total() / asked.total() >= 0.92
