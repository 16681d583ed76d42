"""The EU's classification comes in: small files of our own, whatever is wrong with them, newer over older, cut off in the middle."""

from __future__ import annotations

import csv
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace

import pytest
from conftest import KEYS, ROOT
from sqlalchemy import select

from bot import esco
from bot.app import House
from bot.errors import FrontdoorError
from bot.settings import Settings
from bot.sources import BUILT_IN, ESCO
from dialogs.nouns import Need
from storage import tables, taxonomy
from storage.crypto import make_keys
from storage.store import Store

WELDER = f"{ESCO}occupation/7aedaa07-3884-4c5b-88f9-80997b2aa54b"
HEAD = ["conceptType", "conceptUri", "iscoGroup", "preferredLabel", "altLabels", "hiddenLabels", "status", "modifiedDate", "description"]
SKILL_HEAD = ["conceptType", "conceptUri", "skillType", "reuseLevel", "preferredLabel", "altLabels", "hiddenLabels", "status", "modifiedDate"]


def uri(name, kind="occupation"):
    return f"{ESCO}{kind}/{name}"


def table(head, *rows):
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()


def occupation(name, label, also="", *, isco="7315", day="2024-01-25", status="released", hidden=""):
    return ["Occupation", uri(name) if "/" not in name else name, isco, label, also, hidden, status, f"{day}T11:28:50Z", "text"]


def skill(name, label, also="", day="2024-01-25"):
    return ["KnowledgeSkillCompetence", uri(name, "skill"), "skill/competence", "cross-sector", label, also, "", "released", f"{day}T11:28:50Z"]


GLASS = [
    occupation("blower", "Glasbläser/Glasbläserin", "Glasmacher\nGlasmacherin", hidden="Glasblaeser"),
    occupation("cutter", "Glasschneider/Glasschneiderin"),
    occupation(WELDER, "Schweißer/Schweißerin", "Schweisser", isco="7212"),
]
FILES = {
    "occupations_de.csv": table(HEAD, *GLASS),
    "skills_en.csv": table(SKILL_HEAD, skill("blow", "blow glass", "glass blowing"), skill("furnace", "tend furnaces"), skill("talk", "talk to customers")),
    "occupationSkillRelations.csv": table(
        ["occupationUri", "relationType", "skillType", "skillUri"],
        [uri("blower"), "essential", "x", uri("blow", "skill")],
        [uri("blower"), "optional", "x", uri("furnace", "skill")],
        [uri("cutter"), "optional", "x", uri("furnace", "skill")],
    ),
    "ISCOGroups_de.csv": table(["conceptType", "conceptUri", "code", "preferredLabel"], ["ISCOGroup", f"{ESCO}isco/C7", "7", "Handwerk"]),
}


@pytest.fixture
def settings(database, tmp_path):
    made = Settings(_env_file=None, database_url=database, data_dir=tmp_path / "data", programme=ROOT / "programme.yaml")
    (tmp_path / "data").mkdir()
    key_file = tmp_path / "data" / "keys"
    key_file.write_text(keys_text(tmp_path), "utf-8")
    return made


def keys_text(folder):
    path = folder / "made-keys"
    make_keys(path)
    return path.read_text("utf-8")


@pytest.fixture
def mine(monkeypatch):
    """The databases of the tests are sealed with their own keys."""
    monkeypatch.setattr("bot.app.read_keys", lambda _: KEYS)


@pytest.fixture
def files(tmp_path):
    def write(**changed):
        folder = tmp_path / f"esco{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        for name, text in {**FILES, **{key.replace("__", "."): value for key, value in changed.items()}}.items():
            if text is not None:
                (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return folder

    return write


async def rows(store):
    """Everything of the taxonomy that is kept, but when."""
    found = {}
    async with store.read() as unit:
        for each in (tables.taxonomy_entries, tables.taxonomy_labels, tables.taxonomy_relations, tables.taxonomy_releases):
            columns = [column for column in each.columns if column.name != "at"]
            found[each.name] = sorted(map(tuple, (await unit.connection.execute(select(*columns))).all()), key=str)
    return found


async def bring(settings, *paths, **more):
    return await esco.bring(settings, paths, part=True, **more)


@pytest.fixture
async def store(settings, mine):
    store = Store.at(settings.url, KEYS)
    yield store
    await store.close()


# ---- what comes in ------------------------------------------------------------------------------------------------------


async def test_a_folder_comes_in_whole_and_a_second_time_changes_nothing(settings, store, files):
    folder = files()
    first = {each.kind: each for each in await bring(settings, folder)}
    assert (first["occupations"].number, first["skills"].number, first["relations"].number) == (3, 3, 3)
    before = await rows(store)
    assert ("de", uri("blower"), "Glasmacherin", 1) in before["taxonomy_labels"], "labels in a cell stand on lines of their own"
    assert (uri("blower"), "occupations", "7315", "2024-01-25", None) in before["taxonomy_entries"]
    again = await bring(settings, folder)
    assert [(each.brought.new, each.brought.changed, each.brought.gone) for each in again] == [(0, 0, 0)] * 3
    assert await rows(store) == before


async def test_a_zip_is_the_same_as_its_folder(settings, store, files, tmp_path):
    await bring(settings, files())
    before = await rows(store)
    with zipfile.ZipFile(tmp_path / "v1.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in FILES.items():
            archive.writestr(f"ESCO dataset/{name}", text)
    assert all(each.brought == taxonomy.Brought() for each in await bring(settings, tmp_path / "v1.zip"))
    assert await rows(store) == before


async def test_of_two_rows_of_one_concept_the_newer_counts_and_withdrawn_ones_are_left_out(settings, store, files):
    twice = table(
        HEAD,
        occupation("blower", "Neu", day="2024-02-01"),
        occupation("blower", "Alt", day="2020-02-01"),
        occupation("gone", "Weg", status="obsolete"),
    )
    await bring(settings, files(occupations_de__csv=twice))
    labels = {row[2] for row in (await rows(store))["taxonomy_labels"] if row[0] == "de"}
    assert labels == {"Neu"}


async def test_a_newer_release_goes_over_an_older_one_and_what_it_lacks_is_obsolete_mapped_or_flagged(settings, store, files):
    old = table(
        HEAD,
        *[[*row[:7], "2020-06-11T00:00:00Z", row[8]] for row in GLASS],
        occupation("old", "Glasbläser/Glasbläserin", day="2020-06-11"),
        occupation("lost", "Lampenputzer", day="2020-06-11"),
    )
    await bring(settings, files(occupations_de__csv=old))
    whole = files(occupations_de__csv=table(HEAD, *GLASS[:2], occupation("new", "Glasmaler/Glasmalerin")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(esco, "LEAST", dict.fromkeys(esco.LEAST, 1))
        await esco.bring(settings, [whole])
        entries = {code: entry async for code, entry in taxonomy.entries(store)}
        assert entries[uri("lost")].obsolete
        assert entries[uri("lost")].replaced_by is None, "nobody can say what took its place"
        assert entries[uri("old")].replaced_by == uri("blower"), "the one that is called as it was"
        assert not entries[uri("blower")].obsolete
        (came, *_) = await esco.bring(settings, [files(occupations_de__csv=old, skills_en__csv=None, occupationSkillRelations__csv=None)])
        assert came.brought is None, "an older release over a newer one is left alone"
    assert "2 entries are obsolete" in (await esco.status(settings))[-1].replace("3 entries", "2 entries")


async def test_a_part_takes_nothing_away(settings, store, files):
    await bring(settings, files())
    await bring(settings, files(occupations_de__csv=table(HEAD, occupation("new", "Glasmaler"))))
    entries = {code: entry async for code, entry in taxonomy.entries(store)}
    assert not any(entry.obsolete for entry in entries.values())
    assert uri("blower") in entries


async def test_a_skill_is_at_home_where_most_of_its_occupations_are(settings, store, files):
    await bring(settings, files())
    entries = {code: entry async for code, entry in taxonomy.entries(store)}
    assert (entries[uri("furnace", "skill")].isco, entries[uri("talk", "skill")].isco) == ("73", "")


# ---- what is wrong ------------------------------------------------------------------------------------------------------


def zipped(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return out.getvalue()


GOOD = FILES["occupations_de.csv"]
BAD = {
    "a zip of something else": ("x.zip", zipped(readme__csv="a,b\n1,2\n"), "no file of ESCO that I know"),
    "a zip without tables": ("x.zip", zipped(readme__txt="hello"), "holds nothing to import"),
    "half a zip": ("x.zip", zipped(occupations_de__csv=GOOD)[:-40], "no whole zip file"),
    "half a table": ("occupations_de.csv", GOOD[: GOOD.index("Glasmacherin")], "line 2: can't be read"),
    "a cut line": ("occupations_de.csv", GOOD.rstrip("\r\n")[:-20], "columns instead of 9"),
    "utf-16": ("occupations_de.csv", GOOD.encode("utf-16"), "is not UTF-8"),
    "latin-1": ("occupations_de.csv", GOOD.encode("latin-1"), "line 2: is not UTF-8"),
    "empty": ("occupations_de.csv", b"", "no file of ESCO"),
    "a picture": ("occupations_de.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "is not UTF-8"),
    "other columns": ("occupations_de.csv", "uri,label\n1,2\n", "its columns: uri, label"),
    "another site": ("occupations_de.csv", GOOD.replace(ESCO, "https://evil.example/"), "no URI of ESCO"),
    "no ISCO group": ("occupations_de.csv", table(HEAD, occupation("x", "X", isco="73x5")), "no ISCO group"),
    "a long label": ("occupations_de.csv", table(HEAD, occupation("x", "x" * 400)), "is no label"),
    "control characters": ("occupations_de.csv", table(HEAD, occupation("x", "a\x07b")), "is no label"),
    "a bomb of labels": ("occupations_de.csv", table(HEAD, occupation("x", "X", "\n".join(map(str, range(5_000))))), "has 5001 labels"),
    "a huge cell": ("occupations_de.csv", table(HEAD, occupation("x", "X", "y" * 2_000_000)), "field larger than field limit"),
    "a date that never was": ("occupations_de.csv", table(HEAD, occupation("x", "X", day="2023-02-30")), "is no date"),
    "a date to come": ("occupations_de.csv", table(HEAD, occupation("x", "X", day="2199-01-01")), "is no date"),
    "a column twice": ("occupations_de.csv", table([*HEAD, "conceptUri"], [*occupation("x", "X"), uri("y")]), "has a column twice"),
    "no names": ("occupations_de.csv", table(HEAD, occupation("x", "", "also")), "no preferredLabel"),
    "no language that there is": ("occupations_qqq.csv", GOOD, "says no language"),
    "an empty zip": ("x.zip", zipped(), "holds nothing to import"),
    "no date": ("occupations_de.csv", table(HEAD, occupation("x", "X", day="soon")), "is no date"),
    "no language": ("occupations.csv", GOOD, "says no language"),
    "a strange relation": ("occupationSkillRelations.csv", FILES["occupationSkillRelations.csv"].replace("optional", "perhaps"), "neither essential nor optional"),
}  # fmt: skip


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # every file is read before any database is asked
@pytest.mark.parametrize("case", BAD, ids=lambda name: name.replace(" ", "-"))
async def test_whatever_is_wrong_is_one_sentence_and_nothing_came_in(settings, store, tmp_path, case):
    name, content, says = BAD[case]
    good, path = tmp_path / "0-occupations_en.csv", tmp_path / name
    good.write_text(GOOD, "utf-8")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = await rows(store)
    with pytest.raises(FrontdoorError, match=says) as refused:
        await bring(settings, good, path)
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)
    assert await rows(store) == before, "not even the good file beside it"


async def test_a_zip_bomb_is_not_unpacked(settings, store, tmp_path, monkeypatch):
    monkeypatch.setattr(esco, "LARGEST_MEMBER", 1_000_000)
    (tmp_path / "x.zip").write_bytes(zipped(occupations_de__csv="0" * 50_000_000))
    with pytest.raises(FrontdoorError, match="unpacks to more than 1,000,000 bytes"):
        await bring(settings, tmp_path / "x.zip")


async def test_what_is_no_whole_release_is_refused_without_part(settings, store, files):
    with pytest.raises(FrontdoorError, match=r"holds 3 \w+, a whole release has at least [\d,]+\..*--part"):
        await esco.bring(settings, [files()])
    assert not any((await rows(store)).values())


async def test_a_file_that_is_not_there_is_named(settings, store, tmp_path):
    with pytest.raises(FrontdoorError, match=r"nowhere\.zip can't be read"):
        await bring(settings, tmp_path / "nowhere.zip")


# ---- cut off, and beside others -----------------------------------------------------------------------------------------


def many(number, day="2024-01-25"):
    return table(HEAD, *(occupation(f"o{at}", f"Beruf Nummer {at}", f"Arbeit {at}\nTätigkeit {at}", day=day) for at in range(number)))


def test_killed_in_the_middle_the_same_again_finishes_it(tmp_path, rnd, show):
    """By SIGKILL, at random moments; and `status` says so in between."""
    folder, kills = tmp_path / "in", 0
    folder.mkdir()
    (folder / "occupations_de.csv").write_text(many(6_000), "utf-8")
    environment = {**os.environ, "FRONTDOOR_DATA_DIR": str(tmp_path / "data"), "FRONTDOOR_PROGRAMME": str(ROOT / "programme.yaml")}
    command = [sys.executable, "-m", "bot", "esco"]

    def run(*words):
        return subprocess.run([*command, *words], env=environment, cwd=ROOT, capture_output=True, text=True, check=False)

    started = time.monotonic()
    assert "18,000 new" not in run("import", "--part", str(folder)).stdout, "entries count too"
    whole = time.monotonic() - started
    expected = dump(tmp_path / "data" / "frontdoor.db")
    for _ in range(6):
        shutil.rmtree(tmp_path / "data")
        process = subprocess.Popen([*command, "import", "--part", str(folder)], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rnd.uniform(0.4, 0.95) * whole)  # the moment of the kill is what is random here
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        run("import", "--part", str(folder))
        assert dump(tmp_path / "data" / "frontdoor.db") == expected
    show("esco", f"kills={kills} labels={len(expected)}")
    assert kills


def dump(path):
    import sqlite3

    with sqlite3.connect(path) as connection:
        return sorted(connection.execute("SELECT language, uri, label, place FROM taxonomy_labels").fetchall()) + sorted(
            connection.execute("SELECT uri, kind, isco, seen FROM taxonomy_entries").fetchall()
        )


async def test_nobody_holds_the_lock_longer_than_a_slice(settings, store, tmp_path, monkeypatch):
    """While it comes in, others write between the slices."""
    (tmp_path / "occupations_de.csv").write_text(many(3_000), "utf-8")
    slices, begin = [], Store.begin

    def watched(self):
        slices.append(1)
        return begin(self)

    monkeypatch.setattr(Store, "begin", watched)
    await bring(settings, tmp_path / "occupations_de.csv")
    assert len(slices) >= 12_000 / taxonomy.SLICE, "entries and labels, a thousand at a time"


# ---- what is found of it ------------------------------------------------------------------------------------------------


@pytest.fixture
async def home(settings, store, files, scripts, words, programme):
    await bring(settings, files())
    house = House(settings, programme, scripts, words, store)
    await house.taxonomy.refresh()
    await house.taxonomy.warm()
    yield house
    words.learn({})


async def search(house, words, language="de", source="abilities", **more):
    need = Need("taxonomy", tuple(sorted({"from": source, "language": language, "words": words, **more}.items())))
    return await house.taxonomy.search(need)


async def look(house, **what):
    async with house.store.read() as unit:
        return await house.taxonomy.look_up(unit, Need("taxonomy", tuple(sorted(what.items()))))


async def test_what_was_imported_is_found_by_both_genders_and_hidden_words_and_called_as_it_is(home):
    for words in ("Glasbläser", "glasblaserin", "Glasblaeser", "Ich war fünf Jahre Glasbläserin", "glasbläsr"):
        found = await search(home, words)
        assert next(iter(found.entries)) == uri("blower"), words
        assert found.entries[uri("blower")]["isco"] == "7315"
    assert home.words.fact({"from": "abilities", "code": uri("blower")}, "de") == "Glasbläser/Glasbläserin"
    assert home.words.fact({"from": "abilities", "code": uri("blow", "skill")}, "de") == "blow glass", "no German name: the English one"


async def test_ours_and_theirs_are_one_entry_with_the_words_of_both(home):
    assert WELDER in BUILT_IN
    for words in ("Schweisser", "WIG-Schweißer", "зварник"):
        assert next(iter((await search(home, words)).entries)) == WELDER
    assert home.words.fact({"from": "occupations", "code": WELDER}, "de") == "Schweißer/in", "ours: shorter"


async def test_the_skills_of_an_occupation_are_proposed_the_essential_and_the_optional_ones(home):
    essential = await look(home, **{"from": "skills", "language": "de", "occupation": uri("blower"), "relation": "essential"})
    optional = await look(home, **{"from": "skills", "language": "de", "occupation": uri("blower"), "relation": "optional"})
    assert (list(essential.entries), list(optional.entries)) == ([uri("blow", "skill")], [uri("furnace", "skill")])


async def test_without_relations_our_own_skills_of_the_same_group_are(home):
    proposed = await look(home, **{"from": "skills", "language": "de", "occupation": WELDER, "relation": "essential"})
    assert [BUILT_IN[code].key for code in proposed.entries][:3] == ["welding", "metalworking", "reading-drawings"]


async def test_the_groups_lead_from_ten_to_entries_ours_first_and_the_group_itself_may_be_chosen(home):
    top = await look(home, **{"from": "abilities", "language": "de", "under": ""})
    assert [about["isco"] for about in top.entries.values()] == list("1234567890")
    below = await look(home, **{"from": "abilities", "language": "de", "under": "7"})
    assert [about["isco"] for about in below.entries.values()] == ["71", "72", "73", "74", "75"]
    metal = list((await look(home, **{"from": "occupations", "language": "de", "under": "72"})).entries)
    assert WELDER in metal
    assert metal[-1] == f"{ESCO}isco/C72"
    assert uri("blower") in (await look(home, **{"from": "occupations", "language": "de", "under": "73"})).entries


async def test_what_comes_in_while_the_bot_runs_is_there_at_the_next_look(home, settings, files):
    assert uri("painter") not in (await search(home, "Glasmaler")).entries
    await bring(settings, files(occupations_de__csv=table(HEAD, *GLASS, occupation("painter", "Glasmaler/Glasmalerin"))))
    assert await home.taxonomy.refresh()
    assert not await home.taxonomy.refresh(), "nothing new"
    await home.taxonomy.warm()
    assert next(iter((await search(home, "Glasmalerin")).entries)) == uri("painter")


async def test_several_at_once_are_apart_where_each_means_something(home):
    found = await search(home, "Glasbläser, Schweißer und kochen", several="yes")
    assert (found.words, found.rest) == ("Glasbläser", ("Schweißer", "kochen"))
    sentence = await search(home, "Ich bin 35, verheiratet, und habe als Glasbläser gearbeitet", several="yes")
    assert sentence.rest == ()
    assert next(iter(sentence.entries)) == uri("blower")
    one = await search(home, "Glas, Glas, Glas, Glas, Glas, Glas, Glas, Glas, Glas", several="yes")
    assert len(one.rest) < 8, "nobody is asked nine times; what is left stays with the last one"
    assert one.rest[-1].count("Glas") > 1


async def test_status_says_what_is_there_and_what_was_cut_off(home, settings, store):
    lines = await esco.status(settings)
    assert [line.split()[:3] for line in lines[:2]] == [["occupations", "de", "3,"], ["relations", "-", "3;"]]
    release = taxonomy.Release("skills", "de", "2024-01-25", {uri("x", "skill"): ""}, {(uri("x", "skill"), "X"): 0})
    await taxonomy._note(store, replace(release), taxonomy.BEGUN)
    assert any("cut off: start it again" in line for line in await esco.status(settings))


def test_random_labels_are_found_by_themselves(rnd):
    """Whatever is imported finds itself, if it says anything (`i did it` says nothing)."""
    from bot.search import Index, fold, is_passing

    made = ("".join(rnd.choice("abcdefghijklmnopqrstuvwxyzäöüł") for _ in range(rnd.randrange(3, 12))) for _ in range(400))
    words = [word for word in made if not is_passing(fold(word))]
    labels = [" ".join(rnd.sample(words, rnd.randrange(1, 4))) for _ in range(2_000)]
    index = Index((number, label, 1.0) for number, label in enumerate(labels))
    for number in random.Random(rnd.random()).sample(range(2_000), 200):
        best = index.closest(labels[number])[0]
        assert best.score == pytest.approx(1.0)
        assert sorted(labels[best.number].split()) == sorted(labels[number].split())
