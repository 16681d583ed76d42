"""Everyday words find their occupation: ours without any import, and the real classification's where it is at hand.

The lists in tests/occupations/ were written before anybody tuned the search on them; each line names the ISCO-08 unit groups that are right.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from conftest import KEYS, ROOT, SHARED

from bot import esco
from bot.app import House
from bot.settings import Settings
from bot.sources import BUILT_IN, ESCO, SENTENCES
from bot.taxonomy import Taxonomy, _ours
from dialogs.nouns import Need
from storage.schema import prepare
from storage.store import Store

LISTS = Path(__file__).parent / "occupations"
OFFICIAL = SHARED / "data" / "esco"
LANGUAGES = ("ar", "de", "en", "es", "fr", "it", "pl", "pt")
NEEDS_OFFICIAL = pytest.mark.skipif(not OFFICIAL.exists(), reason="../shared/data/esco is absent: not tried with the real classification")


def lines(name):
    """(language, words, the groups that are right)."""
    for line in (LISTS / name).read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            language, *_, words, groups = line.split("\t")
            yield language, words, groups.split()


async def groups_of(taxonomy, words, language, source="occupations"):
    found = await taxonomy.search(Need("taxonomy", (("from", source), ("language", language), ("words", words))))
    return [about["isco"] for about in found.entries.values()], list(found.entries)


async def judged(taxonomy, name, languages):
    """(right, asked, misses)."""
    right, asked, misses = Counter(), Counter(), []
    for language, words, groups in lines(name):
        if language in languages:
            found, _ = await groups_of(taxonomy, words, language)
            asked[language] += 1
            right[language] += bool(set(found) & set(groups))
            misses += [] if set(found) & set(groups) else [(language, words)]
    return right, asked, misses


# ---- ours, without any import -------------------------------------------------------------------------------------------


@pytest.fixture
def ours(words):
    return Taxonomy(None, words)  # no database: nothing was imported


def mistaken(rnd, word):
    """One mistake of a tired thumb: a letter dropped, doubled, swapped with the next, or another one."""
    at = rnd.randrange(1, len(word) - 1)
    kind = rnd.choice(("dropped", "doubled", "swapped", "another"))
    if kind == "dropped":
        return word[:at] + word[at + 1 :]
    if kind == "doubled":
        return word[:at] + word[at] + word[at:]
    if kind == "swapped":
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + rnd.choice(word) + word[at + 1 :]


@pytest.mark.parametrize("kind", ["occupations", "skills"])
async def test_ours_are_found_in_all_their_languages_by_their_own_words(ours, kind, rnd, show):
    """At least 95 of 100 in the first five; one word of each entry and language, the same ones with a mistake in them beside."""
    labels = {}
    for code, language, label, _ in _ours(kind):
        labels.setdefault((code, language), []).append(label)
    tried, found, wrong = Counter(), Counter(), []
    for (code, language), texts in labels.items():
        text = rnd.choice(texts)
        longest = max(text.split(), key=len)
        for mistakes in ("none", "one"):
            if mistakes == "one" and len(longest) < 5:
                continue  # in four letters a mistake makes another word
            words = text if mistakes == "none" else text.replace(longest, mistaken(rnd, longest))
            groups, codes = await groups_of(ours, words, language, kind)
            tried[language, mistakes] += 1
            right = code in codes or BUILT_IN[code].isco in groups
            found[language, mistakes] += right
            wrong += [] if right else [(language, words, BUILT_IN[code].key)]
    show(kind, f"tried={tried.total()} found={found.total()} ({found.total() / tried.total():.1%}) languages={len({language for _, language in labels})}")
    assert {each for _, each in labels} >= {"en", "de", "ar", "uk"}
    assert found.total() / tried.total() >= 0.95, wrong[:40]
    worst = min(tried, key=lambda each: found[each] / tried[each])
    assert found[worst] / tried[worst] >= 0.9, (worst, [each for each in wrong if each[0] == worst[0]])


async def test_a_search_that_forgives_no_mistake_is_caught(ours, rnd, monkeypatch):
    """The positive control."""
    monkeypatch.setattr("bot.search.alike", lambda one, other: float(one == other))
    words = [(code, label) for code, language, label, _ in _ours("occupations") if language == "en" and len(label) >= 5 and " " not in label]
    found = [code in (await groups_of(ours, mistaken(rnd, label), "en"))[1] for code, label in words]
    assert sum(found) / len(found) < 0.5


async def test_everyday_words_are_found_without_any_import(ours, show):
    right, asked, misses = await judged(ours, "everyday.tsv", (*LANGUAGES, "uk"))
    show("everyday, ours", f"{right.total()} of {asked.total()} {misses}")
    assert right.total() / asked.total() >= 0.9


def test_every_entry_is_well_formed():
    """Distinct, with the group of its kind; the first five bytes of a URI are nobody's."""
    assert len({entry.sentence for entry in BUILT_IN.values()}) == len(BUILT_IN) == len(SENTENCES) - 53
    assert Counter(entry.kind for entry in BUILT_IN.values()) == {"occupations": 100, "skills": 103}
    for code, entry in BUILT_IN.items():
        assert code.startswith(f"{ESCO}{'occupation' if entry.kind == 'occupations' else 'skill'}/")
        assert len(entry.isco) == (4 if entry.kind == "occupations" else 2)
        assert f"http://data.europa.eu/esco/isco/C{entry.isco[:2]}" in SENTENCES


def test_labels_fit_on_buttons_and_hold_nothing_that_turns_a_line_around():
    for kind in ("occupations", "skills"):
        for code, language, label, called in _ours(kind):
            assert not (called and len(label) > 40), (language, label)
            assert all(unicodedata.category(each) != "Cf" or each in "\u200c\u200d" for each in label), (language, BUILT_IN[code].key, label)


# ---- the real classification --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """A database with everything of ../shared/data/esco, and what the two imports of it said."""
    import asyncio

    folder = tmp_path_factory.mktemp("official")
    settings = Settings(_env_file=None, data_dir=folder, programme=ROOT / "programme.yaml")

    async def bring():
        store = Store.at(settings.url, KEYS)
        await prepare(store)
        await store.close()
        first = await esco.bring(settings, [OFFICIAL])
        again = [OFFICIAL / f"esco-{name}.zip" for name in ("1.2.0-de", "1.0-ar", "1.1.1-relations-csv")]
        return first, await esco.bring(settings, again)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bot.app.read_keys", lambda _: KEYS)
        patch.setattr("bot.app.keys_for", lambda *_, **__: KEYS)
        first, second = asyncio.run(bring())
    return settings, first, second


@pytest.fixture(scope="module")
def kept():
    """What the first test has read and built: ten seconds."""
    return {}


@pytest.fixture
async def real(official, kept, programme, scripts, words):
    settings, _, _ = official
    store = Store.at(settings.url, KEYS)
    house = House(settings, programme, scripts, words, store)
    if not kept:
        await house.taxonomy.refresh()
        await house.taxonomy._make_ready(house.taxonomy._loaded, ("occupations", "skills"), LANGUAGES)
        kept.update(loaded=house.taxonomy._loaded, names=words.learned)
    house.taxonomy._loaded = kept["loaded"]
    words.learn(kept["names"])
    yield house
    words.learn({})
    await store.close()


@NEEDS_OFFICIAL
def test_the_official_files_come_in_and_a_second_time_change_nothing(official):
    _, first, second = official
    assert {(each.kind, each.language) for each in first} == {("relations", ""), ("skills", "en"), *(("occupations", each) for each in LANGUAGES)}
    assert sum(each.brought.new for each in first if each.brought) > 350_000
    older = [each for each in first if each.brought is None]
    assert [(each.kind, each.language, each.day) for each in older] == [("occupations", "en", "2022-07-27")], "1.1.1 beside 1.2.0"
    assert all(each.brought is None or (each.brought.new, each.brought.changed, each.brought.gone) == (0, 0, 0) for each in second)


@NEEDS_OFFICIAL
async def test_everyday_words_are_found_in_the_official_classification(real, show):
    """By how they are written alone: at least nine of ten in the first five, in every language."""
    for name in sorted(path.name for path in LISTS.glob("*.tsv")):
        right, asked, misses = await judged(real.taxonomy, name, LANGUAGES)
        show(f"{name}, official", f"{right.total()} of {asked.total()}, {dict(right)} {misses}")
        assert right.total() / asked.total() >= 0.9
        assert all(right[each] / asked[each] >= 0.8 for each in asked), misses


@NEEDS_OFFICIAL
async def test_a_language_that_nobody_offers_is_understood_too(real):
    groups, codes = await groups_of(real.taxonomy, "spawacz podwodny", "de")
    assert "7212" in groups or "7541" in groups
    assert not real.words.fact({"from": "occupations", "code": codes[0]}, "de").startswith("http")


@NEEDS_OFFICIAL
async def test_the_essential_skills_of_a_welder_are_proposed(real):
    welder = next(code for code, entry in BUILT_IN.items() if entry.key == "welder")
    async with real.store.read() as unit:
        need = Need("taxonomy", (("from", "skills"), ("language", "en"), ("occupation", welder), ("relation", "essential")))
        found = await real.taxonomy.look_up(unit, need)
    names = [real.words.fact({"from": "skills", "code": code}, "en") for code in found.entries]
    assert any("weld" in name.casefold() for name in names), names
    assert len(names) == 10


@NEEDS_OFFICIAL
async def test_hostile_words_find_something_or_nothing(real, rnd):
    letters = "abcdefghijklmnopqrstuvwxyzäöüßаежийклмноптуфاأإبتثجحخ ,.;'\"%_\\\u200f\u202e\x00\ud800🙂"
    for _ in range(100):
        words = "".join(rnd.choice(letters) for _ in range(rnd.choice((1, 3, 10, 80, 500))))
        found = await real.taxonomy.search(Need("taxonomy", (("from", "abilities"), ("language", "de"), ("several", "yes"), ("words", words))))
        assert len(found.entries) <= 5
