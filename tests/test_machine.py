"""Machine translation: the real Argos on a small model of our own, always labelled, never waited for, never over the network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from conftest import ROOT, SHARED
from sqlalchemy import update
from test_staff import Office

from bot import forms
from bot.app import words_for
from bot.errors import FrontdoorError
from bot.interpreter import PATIENCE
from bot.letters import word
from bot.settings import Settings
from dialogs.files import load_scripts
from dialogs.xlsform import Wishes
from storage import outbox, tables, translations
from storage.records import Passage
from translations import machine
from translations.machine import Argos, MachineError, install, kept, packages, pins, sentences_of, strangers

MODEL = ROOT / "tests" / "machine" / "translate-de_en-tiny-0_1.argosmodel"  # trained by us on sentences of ours (DE -> EN, 628 KB)
GERMAN = "Guten Tag! Ich brauche einen Sprachkurs in Köln. Wo finde ich morgen einen Arzt in Bonn?"
ENGLISH = "Good day! I need a language course in Cologne. Where do I find a doctor in Bonn tomorrow?"
pytestmark = pytest.mark.skipif(not machine.is_there(), reason="the extra mt is not installed")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mt")
    assert [pin.folder for pin in install(folder, [MODEL])] == ["translate-de_en"]
    return folder


@pytest.fixture
def folder(installed, tmp_path):
    """A copy, to be broken."""
    shutil.copytree(installed, tmp_path / "mt")
    return tmp_path / "mt"


@pytest.fixture(scope="module")
def argos(installed):
    return Argos(installed)


def broken_package(tmp_path, change, name="translate-de_en-1_0.argosmodel"):
    """The real one, with its entries changed: {path: content} -> the same."""
    with zipfile.ZipFile(MODEL) as archive:
        entries = {each.filename: archive.read(each) for each in archive.infolist()}
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        for path, content in change(entries).items():
            archive.writestr(path, content)
    return tmp_path / name


TOP = "translate-de_en-0_1"


# ---- packages ----


def test_a_package_is_installed_with_its_hash_and_translates(argos, installed):
    (pin,) = pins(installed)
    assert (pin.from_code, pin.to_code, pin.file, len(pin.archive), len(pin.content)) == ("de", "en", MODEL.name, 64, 64)
    assert argos.translate(GERMAN, "de", "en") == ENGLISH
    assert argos.refuse() == []
    assert strangers(installed) == []


def test_it_is_the_model_that_came_with_the_issue():
    if not SHARED.exists():
        pytest.skip("there is no shared folder beside this clone")
    assert (SHARED / "data" / "argos" / MODEL.name).read_bytes() == MODEL.read_bytes()


def test_dari_is_persian_to_a_machine_and_what_has_no_way_is_said_so(argos):
    assert argos.can("de", "en")
    assert not any(argos.can("de", to) or argos.can(to, "en") for to in ("ps", "ku", "ckb", "ti", "so", "am", "fa_AF"))
    assert argos.translate("Hallo", "de", "uk") is None
    assert machine.code_of("fa_AF") == "fa"


def test_two_packages_lead_over_english(folder, tmp_path):
    (packages(folder) / "translate-en_fr").mkdir()
    there = json.loads((folder / "packages.json").read_text())
    (folder / "packages.json").write_text(json.dumps([*there, {**there[0], "folder": "translate-en_fr", "from_code": "en", "to_code": "fr"}]))
    both = Argos(folder)
    said = []
    both._say = lambda text, step: said.append(step) or f"<{text}>"
    assert both.can("de", "fr")
    assert both.translate("Hallo.", "de", "fr") == "<<Hallo.>>"
    assert said == [("de", "en"), ("en", "fr")]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(lambda there: {path: content for path, content in there.items() if "model.bin" not in path}, "lacks model/model.bin", id="no model"),
        pytest.param(
            lambda there: {path: content for path, content in there.items() if "sentencepiece" not in path}, "lacks sentencepiece.model", id="no tokenizer"
        ),
        pytest.param(lambda there: {**there, "other/metadata.json": b"{}"}, "must hold one folder, and holds 2", id="two folders"),
        pytest.param(lambda there: {**there, "../evil": b"x"}, "would lie outside", id="climbs out"),
        pytest.param(lambda there: {**there, "/etc/evil": b"x"}, "would lie outside", id="absolute"),
        pytest.param(lambda there: {**there, f"{TOP}/metadata.json": b"{}"}, "does not say from and to which language", id="no languages"),
        pytest.param(lambda there: {**there, f"{TOP}/metadata.json": b'{"from_code": "../x", "to_code": "en"}'}, "does not say", id="a path as a language"),
        pytest.param(lambda there: {**there, f"{TOP}/metadata.json": b"{"}, "can be read", id="no JSON"),
        pytest.param(lambda _: {}, "must hold one folder, and holds 0", id="empty"),
    ],
)
def test_a_wrong_package_is_refused_in_one_sentence_and_nothing_comes_in(folder, tmp_path, change, says):
    before = sorted(path.name for path in folder.rglob("*"))
    with pytest.raises(MachineError, match="argosmodel") as caught:
        list(install(folder, [broken_package(tmp_path, change)]))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in folder.rglob("*")) == before
    assert not (tmp_path / "evil").exists()


def test_a_link_inside_of_a_package_is_refused(folder, tmp_path):
    path = broken_package(tmp_path, lambda there: there)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo(f"{TOP}/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(MachineError, match="would lie outside"):
        list(install(folder, [path]))


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 broken"])
def test_a_file_that_is_no_package_is_refused(folder, tmp_path, content):
    (tmp_path / "x.argosmodel").write_bytes(content)
    with pytest.raises(MachineError, match="get it again"):
        list(install(folder, [tmp_path / "x.argosmodel"]))


def test_a_hash_that_was_named_must_be_right(folder):
    (pin,) = pins(folder)
    assert list(install(folder, [MODEL], pin.archive.upper())) == [pin], "again is the same"
    with pytest.raises(MachineError, match="its SHA-256 is"):
        list(install(folder, [MODEL], "0" * 64))


@pytest.mark.parametrize("what", ["changed", "more", "gone"])
def test_a_package_that_changed_since_is_not_used_and_check_says_so(folder, what, monkeypatch):
    home = packages(folder) / "translate-de_en"
    match what:
        case "changed":
            (home / "model" / "model.bin").write_bytes(b"x" + (home / "model" / "model.bin").read_bytes()[1:])
        case "more":
            (home / "code.py").write_text("")
        case "gone":
            shutil.rmtree(home)
    there = Argos(folder)
    (said,) = there.refuse()
    assert str(home) in said
    assert "install" in said
    assert not there.can("de", "en")
    done = subprocess.run(
        [sys.executable, "-m", "bot", "check"],
        cwd=ROOT,
        env={**os.environ, "FRONTDOOR_DATA_DIR": str(folder.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert str(home) in done.stdout


def test_nothing_runs_that_was_not_pinned_whatever_lies_beside_it(folder):
    home = packages(folder)
    shutil.copytree(home / "translate-de_en", home / "a-stranger")
    (home / "a-stranger" / "model" / "model.bin").write_bytes(b"garbage")
    (home / "empty").mkdir()
    there = Argos(folder)
    assert there.translate(GERMAN, "de", "en") == ENGLISH
    assert [each.rpartition("/")[2].partition(":")[0] for each in strangers(folder)] == ["a-stranger", "empty"]


def test_a_package_that_does_not_open_is_given_up_and_the_others_go_on(folder):
    there = Argos(folder)
    there._pins["xx", "en"] = there._pins["de", "en"].__class__("no-such-folder", "xx", "en", "1", "x", "x", "x")
    assert there.translate(GERMAN, "de", "en") == ENGLISH
    assert not there.can("xx", "en")


def test_a_damaged_list_is_begun_anew_by_the_next_install(folder):
    (folder / "packages.json").write_text("[{]")
    list(install(folder, [MODEL]))
    assert Argos(folder).can("de", "en")


def test_a_model_that_does_not_run_is_refused(folder, tmp_path):
    path = broken_package(tmp_path, lambda there: {**there, f"{TOP}/model/model.bin": b"garbage"})
    before = pins(folder)
    with pytest.raises(MachineError, match="can't be unpacked and run"):
        list(install(folder, [path]))
    assert pins(folder) == before
    assert Argos(folder).translate(GERMAN, "de", "en") == ENGLISH


def test_a_flipped_byte_is_refused(folder, tmp_path):
    content = bytearray(MODEL.read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "x.argosmodel").write_bytes(content)
    with pytest.raises(MachineError, match="get it again"):
        list(install(folder, [tmp_path / "x.argosmodel"]))


def test_several_installs_at_once_keep_every_pin(tmp_path):
    """Each of another pair; and what a killed one left half-unpacked goes."""
    (tmp_path / ".half-left").mkdir()
    run = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom pathlib import Path\nfrom translations.machine import install\nlist(install(Path(sys.argv[1]), [Path(sys.argv[2])]))"
    made = []
    for code in ("xa", "xb", "xc"):
        (tmp_path / code).mkdir()
        metadata = json.dumps({"from_code": code, "to_code": "en", "package_version": "1"}).encode()
        made.append(broken_package(tmp_path / code, lambda there, metadata=metadata: {**there, f"{TOP}/metadata.json": metadata}))
    running = [subprocess.Popen([sys.executable, "-c", run, str(tmp_path / "mt"), str(path)]) for path in made]
    assert [each.wait(60) for each in running] == [0, 0, 0]
    assert {pin.from_code for pin in pins(tmp_path / "mt")} == {"xa", "xb", "xc"}
    assert not list((tmp_path / "mt").glob(".half-*"))


def test_what_was_not_installed_by_us_is_named(folder):
    (packages(folder) / "stray").mkdir()
    assert "stray: was not installed" in strangers(folder)[0]


def test_a_list_of_packages_that_can_not_be_read_is_named(folder):
    (folder / "packages.json").write_text("[{]")
    with pytest.raises(MachineError, match=r"packages\.json: can't be read"):
        Argos(folder)


# ---- what must stay ----


def test_sentences_end_as_in_every_script():
    assert sentences_of("Eins. Zwei! Drei? ثلاثة؟ چار۔ አምስት። Sechs… sieben") == ["Eins.", "Zwei!", "Drei?", "ثلاثة؟", "چار۔", "አምስት።", "Sechs…", "sieben"]
    assert sentences_of("At 9.30 in St.Georg am 3. 4. 2025, z. B. um 9") == ["At 9.30 in St.Georg am 3. 4. 2025, z. B. um 9"]
    assert sentences_of('(Das ist wichtig.) Bitte "Hallo." Dann') == ["(Das ist wichtig.)", 'Bitte "Hallo."', "Dann"], "nothing is lost"
    assert sentences_of("ich suche arbeit. wo finde ich sie?") == ["ich suche arbeit.", "wo finde ich sie?"]


@pytest.mark.parametrize(
    "say",
    [
        pytest.param(str.upper, id="keeps stand-ins"),
        pytest.param(lambda text: "".join(each for each in text if not each.isdigit()), id="loses them"),
        pytest.param(lambda text: text + " 707", id="invents one"),
        pytest.param(lambda text: text.replace("101", "202"), id="doubles one"),
        pytest.param(lambda text: text.replace("101", "1013"), id="glues a digit to one"),
    ],
)
def test_what_must_not_change_is_there_afterwards_whatever_the_machine_does(say):
    stays = ["{first_name}", "https://x.example/a_b?c=1", "HTTPS://X.example", "www.x.example", "t.me/help", "@anna_b", "/human", "anna@x.example"]
    stays += ["+49 381 000000", "1.000,50", "17"]
    said = kept(f"Hello {' and '.join(stays)} too", say)
    assert [each for each in stays if each not in said] == []


@pytest.mark.parametrize("text", ["🙂", "17", "...", "/menu", "https://x.example"])
def test_what_holds_no_words_is_not_made_up(text):
    assert kept(text, lambda _: "I look for a room in Munich.") == text


def test_the_real_machine_keeps_names_and_addresses(argos):
    said = argos.translate("Ich suche {name} Arbeit in Berlin. Danke @anna_b! https://x.example/a_b", "de", "en")
    assert all(each in said for each in ("{name}", "@anna_b", "https://x.example/a_b"))


def test_a_text_that_is_too_long_is_for_a_human_being(argos):
    assert argos.translate("Ja. " * 1000, "de", "en") is None


# ---- no network ----


PROGRAMME = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from translations.machine import Argos, install
folder = Path(sys.argv[1])
list(install(folder, [Path({str(MODEL)!r})]))
assert Argos(folder).translate({GERMAN!r}, "de", "en") == {ENGLISH!r}
"""


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_nothing_reaches_for_the_network(tmp_path):
    """Installed and translated while every system call is watched; and a look that must be seen is seen."""
    watched = ["strace", "-f", "-qq", "-e", "trace=socket,connect,sendto", "-o"]
    subprocess.run([*watched, str(tmp_path / "calls"), sys.executable, "-c", PROGRAMME, str(tmp_path)], check=True, env=_without_telemetry())
    assert "AF_INET" not in (tmp_path / "calls").read_text()
    look = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('127.0.0.1', 9))"
    subprocess.run([*watched, str(tmp_path / "control"), sys.executable, "-c", look], check=False)
    assert "AF_INET" in (tmp_path / "control").read_text()


def _without_telemetry():
    """Nobody has switched anything off for us."""
    return {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}


# ---- without the extra ----


def test_without_the_extra_the_bot_works_and_says_what_is_missing(installed, tmp_path, monkeypatch):
    shutil.copytree(installed, tmp_path / "mt")
    hidden = "import sys\nsys.modules['argostranslate'] = None\nimport importlib.util as u\nold = u.find_spec\nu.find_spec = lambda name, *a: None if name == 'argostranslate' else old(name, *a)\n"
    run = hidden + "import sys\nfrom bot.__main__ import main\nsys.argv[0] = 'frontdoor'\nmain()\n"
    environment = {**os.environ, "FRONTDOOR_DATA_DIR": str(tmp_path)}

    def frontdoor(*arguments):
        return subprocess.run([sys.executable, "-c", run, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert "pip install 'frontdoor[mt]'" in frontdoor("mt", "install", str(MODEL)).stderr
    assert "pip install 'frontdoor[mt]'" in frontdoor("mt", "status").stdout
    assert frontdoor("check").returncode == 0
    assert "todo  machine" in frontdoor("doctor").stdout


# ---- what people write to each other ----


@pytest.fixture
def office(store, scripts, words, programme, argos):
    return Office(store, scripts, words, programme, machine=argos)


async def asked(office, language, text):
    """Somebody asks the team, in their language; Anna reads English."""
    await office.hire(100, "coordinator")
    await office.onboard(1)
    await office.command(1, "language", language)
    await office.command(1, "human")
    await office.text(1, text)


async def asked_and_answered(office, answer=GERMAN):
    """Somebody who reads English asks, and Anna answers in German."""
    await office.hire(100, "coordinator")
    await office.command(100, "language", "de")
    await office.onboard(1)
    await office.command(1, "human")
    await office.text(1, "Where is a language course?")
    await office.command(100, "answer", "1")
    await office.text(100, answer)


async def record_opened(office):
    """Anna opens the record of somebody who wrote of their idea in German; how many letters there were before."""
    await office.onboard(1)
    await office.command(1, "language", "de")
    await office.command(1, "more")
    await office.press(1, "idea")
    await office.text(1, GERMAN)
    number = (await office.person(1)).number
    await office.hire(100, "coordinator")
    await office.command(100, "person", str(number))
    before = len(office.letters)
    await office.press(100, "open")
    await office.press(100, "matching")
    return before


async def held(office):
    async with office.store.read() as unit:
        return await outbox.held(unit, 10)


def to_anna(office, since=0):
    return office.read(100, since)


async def test_an_answer_arrives_translated_and_labelled_with_the_original_a_tap_away(office):
    await asked_and_answered(office)
    assert len(await held(office)) == 1, "nobody waits for it"
    before = len(office.letters)
    assert await office.interpreter.work() == 1
    (letter,) = office.letters[before:]
    shown = word(letter, office.words)
    assert ENGLISH in shown.text
    assert GERMAN not in shown.text
    assert office.words.tr("common.by-machine", "en") in shown.text
    button = next(choice for row in shown.rows for choice in row if choice.label == office.words.tr("common.show-original", "en"))
    _, command, argument = button.data.split(":")
    await office.command(1, command, argument)
    assert "original.which" not in office.ids(1, before)
    assert GERMAN in office.read(1, before).replace("\u2068", "")
    assert "The original, in German:" in office.read(1, before)


async def test_somebody_elses_original_is_shown_to_nobody(office):
    await asked_and_answered(office)
    await office.interpreter.work()
    await office.onboard(2)
    before = len(office.letters)
    await office.command(2, "original", "2")
    await office.command(2, "original", "1")
    assert GERMAN not in office.read(2, before)


async def test_staff_see_the_original_and_beside_it_that_no_machine_can(office):
    await asked(office, "uk", "Де тут курс німецької?")
    assert "Де тут курс німецької?" in to_anna(office)
    assert "No machine here can translate from Ukrainian into English." in to_anna(office).replace("\u2068", "").replace("\u2069", "")
    assert await held(office) == []


async def test_staff_see_the_original_and_the_translation(office):
    await asked(office, "de", GERMAN)
    assert GERMAN not in to_anna(office)
    await office.interpreter.work()
    shown = to_anna(office)
    assert shown.index(GERMAN) < shown.index(office.words.tr("common.machine-says", "en", {"language": "English"})) < shown.index(ENGLISH)
    before = len(office.letters)
    await office.command(100, "answer", "1")
    assert ENGLISH in to_anna(office, before), "what is translated already is there at once"


async def test_what_they_wrote_about_themselves_has_its_translation_in_their_record(office):
    before = await record_opened(office)
    await office.interpreter.work()
    assert GERMAN in to_anna(office, before)
    assert ENGLISH in to_anna(office, before)


async def test_while_one_letter_is_translated_the_chat_goes_on(office):
    await asked_and_answered(office)
    before = len(office.letters)
    await office.command(1, "help")
    assert office.ids(1, before)
    assert len(await held(office)) == 1


async def test_a_letter_that_nobody_translates_in_time_goes_out_with_the_original(store, clock, scripts, words, programme, argos):
    office = Office(store, scripts, words, programme, machine=argos)
    await asked_and_answered(office)
    (number,) = await held(office)
    async with store.read() as unit:
        assert number not in await outbox.due(unit, ["telegram"])
    clock.turn(seconds=PATIENCE.seconds + 1)
    async with store.read() as unit:
        assert number in await outbox.due(unit, ["telegram"])
        (letter,) = await outbox.read(unit, [number])
    assert GERMAN in word(letter, words).text
    assert words.tr("common.machine-works", "en") in word(letter, words).text
    assert await office.interpreter.work() == 0, "too late: it is on its way"


async def test_a_machine_that_breaks_down_loses_nothing(store, scripts, words, programme):
    class Broken:
        def can(self, *_):
            return True

        def translate(self, *_):
            raise RuntimeError("out of memory")

        def refuse(self):
            return []

    office = Office(store, scripts, words, programme, machine=Broken())
    await asked_and_answered(office)
    before = len(office.letters)
    await office.interpreter.work()
    assert GERMAN in office.read(1, before)
    assert "No machine here can translate" in office.read(1, before)


async def test_translations_are_kept_sealed_and_go_with_the_person(office):
    await asked(office, "de", GERMAN)
    await office.interpreter.work()
    person = await office.person(1)
    (row,) = await office.rows(tables.translations)
    assert ENGLISH.encode() not in row.content
    async with office.store.read() as unit:
        assert await translations.look(unit, [Passage(GERMAN, "de", "en", f"person/{person.id}")])
        assert not await translations.look(unit, [Passage(GERMAN, "de", "en", "chat/1")])
    await office.command(1, "forget")
    await office.press(1, "yes")
    assert await office.rows(tables.translations) == []


async def test_translations_go_after_a_month(office, clock):
    await office.onboard(1)
    whose = f"person/{(await office.person(1)).id}"
    async with office.store.begin() as unit:
        await translations.keep(
            unit, {Passage("Ja", "de", "en", whose): "Yes", Passage("Ja", "de", "en", "person/00000000-0000-0000-0000-000000000000"): "Yes"}
        )
    assert len(await office.rows(tables.translations)) == 1, "nothing is kept of somebody who is not there"
    clock.turn(days=29)
    async with office.store.begin() as unit:
        await translations.forget_old(unit)
        assert await translations.look(unit, [Passage("Ja", "de", "en", whose)])
    clock.turn(days=2)
    async with office.store.begin() as unit:
        await translations.forget_old(unit)
        assert not await translations.look(unit, [Passage("Ja", "de", "en", whose)])


async def test_a_damaged_translation_costs_another_look_and_nothing_else(office):
    await asked_and_answered(office)
    await office.interpreter.work()
    async with office.store.begin() as unit:
        await unit.connection.execute(update(tables.translations).values(content=b"damaged"))
    before = len(office.letters)
    await office.command(100, "answer", "1")
    await office.text(100, GERMAN)
    await office.interpreter.work()
    assert ENGLISH in office.read(1, before)
    assert await office.count(tables.quarantine) == 0


async def test_whose_words_were_erased_while_they_were_translated_is_not_read_any_more(office):
    before = await record_opened(office)
    assert await held(office)
    await office.command(1, "forget")
    await office.press(1, "yes")
    await office.interpreter.work()
    assert GERMAN not in to_anna(office, before)
    assert await office.rows(tables.translations) == []
    assert await held(office) == []


async def test_what_belongs_after_a_held_letter_waits_with_it(office):
    await asked_and_answered(office)
    await office.command(100, "close", "1")
    assert "human.was-closed" not in office.ids(1)
    before = len(office.letters)
    await office.interpreter.work()
    assert [each for each in office.ids(1, before) if each in {"human.answer", "human.was-closed"}] == ["human.answer", "human.was-closed"]


async def test_a_translation_that_comes_too_late_follows(store, clock, scripts, words, programme, argos):
    class Slow:
        def can(self, from_, to):
            return argos.can(from_, to)

        def translate(self, *passage):
            clock.turn(seconds=PATIENCE.seconds + 5)
            return argos.translate(*passage)

    office = Office(store, scripts, words, programme, machine=Slow())
    await asked_and_answered(office)
    (number,) = await held(office)
    real = outbox.release

    async def meanwhile_sent(unit, letter, content):
        await outbox.sent(unit, [letter.id])
        return await real(unit, letter, content)

    outbox.release = meanwhile_sent
    try:
        before = len(office.letters)
        await office.interpreter.work()
    finally:
        outbox.release = real
    (letter,) = office.letters[before:]
    assert letter.id != number
    assert ENGLISH in word(letter, words).text


async def test_without_packages_everything_is_as_it_was(store, scripts, words, programme):
    office = Office(store, scripts, words, programme)
    await asked_and_answered(office)
    assert GERMAN in office.read(1)
    assert "🤖" not in office.read(1)


# ---- forms ----

FORM = """\
| survey |
| | type | name | label::Deutsch (de) |
| | text | where | Ich suche Arbeit in Berlin. |
| | select_one yn | helps | Wo finde ich einen Arzt in Bonn? |
| choices |
| | list_name | name | label::Deutsch (de) |
| | yn | a | Danke. |
| | yn | b | Ich verstehe nicht. |
| settings |
| | form_title | form_id | default_language |
| | Hilfe | hilfe | Deutsch (de) |
"""


@pytest.fixture
def form(tmp_path, installed):
    settings = Settings(_env_file=None, data_dir=tmp_path)
    shutil.copytree(installed, tmp_path / "mt")
    (tmp_path / "hilfe.md").write_text(FORM)
    forms.import_form(settings, tmp_path / "hilfe.md", Wishes("", language="de"))
    return settings


def words_of(form, programme):
    scripts = load_scripts(forms=form.forms)
    return scripts, words_for(programme, scripts, forms=form.forms)


def shown(words, sentence, reader):
    voice = words.voice(reader)
    return "\n".join([voice.in_full(sentence), *voice.remarks()])


def test_a_form_that_nobody_translated_says_so_and_one_that_a_machine_did_says_that(form, programme):
    _, words = words_of(form, programme)
    assert shown(words, "form-hilfe.where", "en") == f"Ich suche Arbeit in Berlin.\n{words.tr('common.fell-back', 'en', {'language': 'German'})}"
    assert shown(words, "form-hilfe.where", "de") == "Ich suche Arbeit in Berlin."
    (said,) = forms.translate_forms(form, "en")
    assert "from de into en, each marked as a machine's" in said
    assert "in this language" in forms.translate_forms(form, "en")[0] or "0 of" in forms.translate_forms(form, "en")[0], "once is enough"
    scripts, words = words_of(form, programme)
    assert shown(words, "form-hilfe.where", "en") == f"I look for work in Berlin.\n{words.tr('common.by-machine', 'en')}"
    assert shown(words, "form-hilfe.where", "de") == "Ich suche Arbeit in Berlin."
    legal = [sentence for sentence in scripts.legal if sentence.startswith("form-hilfe")]
    assert legal
    assert not {*legal} & words.catalogue("en").machine, "a consent is never a machine's"


async def test_the_question_of_a_form_has_its_original_a_tap_away(form, store, programme):
    forms.translate_forms(form, "en")
    scripts, words = words_of(form, programme)
    office = Office(store, scripts, words, programme)
    await office.onboard(1)
    await office.command(1, "form_hilfe")
    await office.press(1, "yes")
    letter = office.letters[-1]
    assert "I look for work in Berlin." in word(letter, words).text
    assert [choice.data for row in word(letter, words).rows for choice in row if "original" in choice.data] == ["c:original:0"]
    before = len(office.letters)
    await office.command(1, "original", "0")
    (letter,) = office.letters[before:]
    assert "Ich suche Arbeit in Berlin." in word(letter, words).text
    assert "🤖" not in word(letter, words).text
    assert letter.content["prompt"], "and it can be answered there"
    await office.text(1, "Yes")
    assert "Where do I find a doctor in Bonn?" in word(office.letters[-1], words).text, "from then on as before"


def test_the_same_form_again_keeps_what_was_translated_since(form, tmp_path, programme):
    forms.translate_forms(form, "en")
    path = form.forms / "form-hilfe" / "locales" / "en" / "form-hilfe.po"
    path.write_text(path.read_text("utf-8").replace("I look for work in Berlin.", "I am looking for work in Berlin."), "utf-8")
    forms.import_form(form, tmp_path / "hilfe.md", Wishes("", language="de"))
    _, words = words_of(form, programme)
    assert shown(words, "form-hilfe.where", "en") == "I am looking for work in Berlin.", "mended by hand, so the mark is gone"
    assert "🤖" in shown(words, "form-hilfe.helps", "en")
    (tmp_path / "hilfe.md").write_text(FORM.replace("Ich suche Arbeit in Berlin.", "Ich suche Arbeit in Bonn."))
    forms.import_form(form, tmp_path / "hilfe.md", Wishes("", language="de"))
    _, words = words_of(form, programme)
    assert "Ich suche Arbeit in Bonn." in shown(words, "form-hilfe.where", "en"), "another sentence"
    assert "🤖" in shown(words, "form-hilfe.helps", "en")


def test_a_package_that_changed_translates_no_form(form):
    (form.machine / "packages" / "translate-de_en" / "README.md").write_text("x")
    with pytest.raises(FrontdoorError, match="is not what was installed"):
        forms.translate_forms(form, "en")


def test_a_language_without_a_model_is_said_so(form):
    (said,) = forms.translate_forms(form, "ti")
    assert "are left for a human being" in said
