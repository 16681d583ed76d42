"""The PO files: what is refused with its file and line, how they follow scripts and English, and that they are whole."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest
from babel import Locale
from conftest import ROOT

from bot import app
from bot import catalogues as tools
from bot.app import House
from bot.check import may_lack, needed_sentences
from bot.settings import Settings
from dialogs.files import load_scripts
from translations.catalogues import LOCALES, PLURALS, WordsError, is_by_machine, mark_machine, merge, read_catalogue, read_file, rule_of, source_of
from translations.words import Words

EVERYBODY = "de en ar fa fa_AF ps uk ru tr ku ckb ti so fr pl it es pt am ur sq".split()
FOR_STAFF = "de en pl fr it es".split()


@pytest.fixture
def folder(tmp_path):
    """English and German, to be broken."""
    for language in ("en", "de"):
        shutil.copytree(LOCALES / language, tmp_path / language)
    return tmp_path


def change(path: Path, old: str, new: str) -> int:
    """In the first place where it stands; its line."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    return text[: text.index(old)].count("\n") + 1


# ---- whole ----


@pytest.mark.parametrize("language", EVERYBODY)
def test_everything_that_a_participant_meets_is_there_in_every_language(everywhere, scripts, language):
    here, left_out = everywhere.catalogue(language), may_lack(scripts)
    needed = [name for name in everywhere.catalogue("en").texts if name.partition(".")[0] not in left_out]
    assert len(needed) > 1100
    assert [name for name in needed if name not in here.texts] == []
    assert not here.fuzzy
    assert not here.machine


@pytest.mark.parametrize("language", FOR_STAFF)
def test_staff_have_their_texts_in_six_languages(everywhere, language):
    here, english = everywhere.catalogue(language), everywhere.catalogue("en")
    assert [name for name in english.texts if name not in here.texts] == []


def test_no_catalogue_has_a_fault(everywhere, scripts, programme):
    assert tools.faults(scripts, everywhere, programme.entrances) == []


def test_a_language_that_nobody_reviewed_says_so(everywhere, scripts):
    standing = {each.language: each for each in tools.standing(scripts, everywhere)}
    assert {*EVERYBODY} <= standing.keys()
    assert standing["en"].review == "author"
    assert standing["ti"].review == "none"
    assert "review: none" in standing["ti"].line()
    assert "100 %" in standing["ti"].line()


@pytest.mark.parametrize("language", EVERYBODY)
def test_a_glossary_says_which_word_is_used_for_what_matters(language):
    if language == "en":
        pytest.skip("the terms are English")
    there = polib.pofile(str(LOCALES.parent / "glossary" / f"{language}.po"))
    assert len([entry for entry in there if entry.msgstr]) >= 30


# ---- plurals ----


def cldr_form(language: str, number: int) -> str:
    return str(Locale.parse(language).plural_form(number))


@pytest.mark.parametrize("language", sorted(PLURALS))
def test_the_plural_rules_are_those_of_cldr(language):
    """Each gettext form stands for one CLDR category, and the other way round, from 0 to 1000 (whole numbers; CLDR's `many` of French is for millions)."""
    count, rule = rule_of(PLURALS[language])
    forms: dict[str, set[int]] = {}
    for number in range(1001):
        forms.setdefault(cldr_form(language, number), set()).add(rule(number))
    assert all(len(there) == 1 for there in forms.values()), forms
    assert len({next(iter(there)) for there in forms.values()}) == len(forms) == count
    assert {*EVERYBODY} == PLURALS.keys()


def test_a_rule_that_says_something_else_is_told_from_cldr():
    swapped = PLURALS["ar"].replace("? 3 : n%100>=11 ? 4 : 5", "? 3 : n%100>=11 ? 5 : 4")  # as Babel's own table has it
    _, wrong = rule_of(swapped)
    _, right = rule_of(PLURALS["ar"])
    assert [number for number in range(1001) if wrong(number) != right(number)][:2] == [11, 12]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("", "the header Plural-Forms is missing; copy this line: nplurals=2"),
        ("nplurals=two", "the header Plural-Forms is broken"),
        ("nplurals=3; plural=(n==1 ? 0 : n==2 ? 1 : 2);", "is not the one of this language"),
        ("nplurals=2; plural=(n > 1);", "is not the one of this language"),
    ],
)
def test_a_wrong_plural_rule_is_refused_with_the_right_one(folder, header, says):
    line = '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n'
    change(folder / "de" / "common.po", line, f'"Plural-Forms: {header}\\n"\n' if header else "")
    with pytest.raises(WordsError, match=r"de/common\.po") as caught:
        Words(("en", "de"), folder=folder)
    assert says in str(caught.value)


def test_a_rule_that_a_tool_wrote_in_other_words_is_as_good(folder):
    change(folder / "de" / "common.po", "nplurals=2; plural=(n != 1);", "nplurals=2; plural=n != 1;")
    assert Words(("en", "de"), folder=folder).tr("common.days", "de", {"n": 2}) == "2 Tage"


def test_a_language_that_we_do_not_know_brings_its_own_rule(folder):
    shutil.copytree(folder / "de", folder / "nds")
    assert Words(("en", "nds"), folder=folder).tr("common.days", "nds", {"n": 2}) == "2 Tage"
    change(folder / "nds" / "common.po", '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n', "")
    with pytest.raises(WordsError, match="missing"):
        Words(("en", "nds"), folder=folder)


# ---- broken ----


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('msgstr "Frage {at} von {of}"', 'msgstr "Frage {at} von {off}"', "common.progress: the placeholders differ from the English ones: of, off."),
        ('msgstr "Frage {at} von {of}"', 'msgstr "Frage {at}"', "common.progress: the placeholders differ from the English ones: of."),
        ('msgstr "Frage {at} von {of}"', 'msgstr "Frage {at} von {of} http://x.example"', "the web addresses differ"),
        ('msgstr "Frage {at} von {of}"', 'msgstr "Frage {at} von <b>{of}</b>"', "the tags differ"),
        ('msgstr "Frage {at} von {of}"', 'msgstr "Frage {at} von {of} /hilfe"', "the /commands differ"),
        ('msgstr "Frage {at} von {of}"', 'msgstr "Frage \u202e{at} von {of}"', "invisible writing-direction character"),
        ('msgstr[1] "{n} Tage"', 'msgstr[1] "{n} Tage"\nmsgstr[2] "{n} Tage"', "needs 2 plural forms, has 3."),
        ('msgid "Question {at} of {of}"\nmsgstr "Frage', 'msgid "Question {at} of {of}\nmsgstr "Frage', "is no line of a PO file"),
    ],
)
def test_what_a_translator_broke_is_refused_with_file_line_and_remedy(folder, old, new, says):
    line = change(folder / "de" / "common.po", old, new)
    with pytest.raises(WordsError) as caught:
        Words(("en", "de"), folder=folder)
    assert f"{folder}/de/common.po" in str(caught.value)
    assert says in str(caught.value)
    place = int(
        "".join(filter(str.isdecimal, str(caught.value).partition("common.po")[2].partition("ine")[2][:6]))
        or str(caught.value).split("common.po:")[1].split(":")[0]
    )
    assert abs(place - line) <= 4


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00m", b"msgid", b'msgctxt "a"\nmsgid "b"\nmsgstr[x] "c"\n', b"nur Text"])
def test_a_file_that_is_no_catalogue_is_refused(folder, content):
    (folder / "de" / "common.po").write_bytes(content)
    with pytest.raises(WordsError, match=r"common\.po"):
        Words(("en", "de"), folder=folder)


def test_an_outdated_translation_that_lost_a_fact_is_not_said_and_the_others_are(folder):
    change(folder / "en" / "common.po", 'msgid "Question {at} of {of}"', 'msgid "Question number {at}"')
    change(folder / "en" / "common.po", 'msgid "Yes"', 'msgid "Yes indeed"')
    assert merge("de", folder)["fuzzy"] == 2
    words = Words(("en", "de"), folder=folder)
    voice = words.voice("de")
    assert voice.tr("common.progress", {"at": 1}) == "Question number 1", "the German one wants {of}"
    assert voice.tr("common.yes") == "Ja"
    assert [each.partition(" ")[0] for each in voice.remarks()] == ["🌐", "⏳"]


# ---- following ----


def test_a_new_question_stands_in_every_language_to_be_written(folder, scripts, words, monkeypatch):
    wanted = {**needed_sentences(scripts, words), "newcomer.hobby": "sentence", "newcomer.hobby.short": "label"}
    monkeypatch.setattr(tools, "needed_sentences", lambda *_: wanted)
    assert tools.update(scripts, words, folder) == ["en: added newcomer.hobby", "en: added newcomer.hobby.short", "de: 2 new"]
    assert tools.update(scripts, words, folder) == [], "once is enough"
    assert read_catalogue("en", [folder]).texts["newcomer.hobby"] == "[newcomer.hobby]"
    change(folder / "en" / "newcomer.po", 'msgid "[newcomer.hobby]"', 'msgid "What do you like to do?"')
    assert tools.update(scripts, words, folder) == [], "an empty translation can't be outdated"
    entry = next(each for each in read_file(folder / "de" / "newcomer.po") if each.msgctxt == "newcomer.hobby")
    assert (entry.msgid, entry.msgstr, entry.fuzzy) == ("What do you like to do?", "", False)


def test_a_sentence_that_nothing_says_any_more_goes_everywhere(folder, scripts, words, monkeypatch):
    wanted = {name: kind for name, kind in needed_sentences(scripts, words).items() if not name.startswith("quiet.")}
    monkeypatch.setattr(tools, "needed_sentences", lambda *_: wanted)
    tools.update(scripts, words, folder)
    assert not [name for language in ("en", "de") for name in read_catalogue(language, [folder]).files if name.startswith("quiet.")]


def test_a_changed_english_sentence_makes_translations_outdated_and_keeps_them(folder):
    change(folder / "en" / "common.po", 'msgid "Yes"', 'msgid "Yes, please"')
    assert merge("de", folder) == {"new": 0, "fuzzy": 1, "gone": 0}
    entry = next(each for each in read_file(folder / "de" / "common.po") if each.msgctxt == "common.yes")
    assert (entry.msgstr, entry.msgid, entry.previous_msgid, entry.fuzzy) == ("Ja", "Yes, please", "Yes", True)
    assert merge("de", folder) == {"new": 0, "fuzzy": 0, "gone": 0}


def test_a_half_translated_plural_is_outdated_too(folder):
    change(folder / "de" / "common.po", 'msgstr[0] "{n} Tag"', 'msgstr[0] ""')
    change(folder / "en" / "common.po", 'msgid "{n} day"\nmsgid_plural "{n} days"\nmsgstr[0] ""\nmsgstr[1] ""', 'msgid "{n} weeks or so"\nmsgstr ""')
    assert merge("de", folder)["fuzzy"] == 1
    assert "weeks" in Words(("en", "de"), folder=folder).tr("common.days", "en", {"n": 5})


def test_what_was_deleted_comes_back_with_its_translation(folder, scripts, words, monkeypatch):
    every = needed_sentences(scripts, words)
    for wanted in ({name: kind for name, kind in every.items() if name != "common.yes"}, every):
        monkeypatch.setattr(tools, "needed_sentences", lambda *_, wanted=wanted: wanted)
        tools.update(scripts, words, folder)
    assert Words(("en", "de"), folder=folder).tr("common.yes", "de") == "Ja"
    assert Words(("en", "de"), folder=folder).tr("common.yes", "en") == "Yes"


def test_a_lost_english_file_takes_nothing_from_the_others(folder, scripts, words):
    (folder / "en" / "common.po").unlink()
    with pytest.raises(WordsError, match="put it back"):
        tools.update(scripts, words, folder)
    assert "Ja" in (folder / "de" / "common.po").read_text("utf-8")


@pytest.mark.parametrize("review", ["", "none", "None", "no"])
def test_nobody_has_reviewed_what_names_nobody(folder, review):
    change(folder / "de" / "common.po", '"X-Review: none\\n"', f'"X-Review: {review}\\n"')
    assert not read_catalogue("de", [folder]).is_reviewed
    change(folder / "de" / "common.po", f'"X-Review: {review}\\n"', '"X-Review: Somebody Invented, 2026-12-01\\n"')
    assert read_catalogue("de", [folder]).is_reviewed


@pytest.mark.parametrize("rule", ["nplurals=2; plural=(n/0);", "nplurals=2; plural=(n-100);", "nplurals=2; plural=n;"])
def test_a_rule_that_leads_nowhere_is_refused(folder, rule):
    shutil.copytree(folder / "de", folder / "nds")
    change(folder / "nds" / "common.po", "nplurals=2; plural=(n != 1);", rule)
    with pytest.raises(WordsError, match="broken"):
        Words(("en", "nds"), folder=folder)


def test_a_file_that_notepad_saved_is_read(folder):
    path = folder / "de" / "common.po"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert Words(("en", "de"), folder=folder).tr("common.yes", "de") == "Ja"


def test_nothing_is_taken_from_what_looks_alike(folder):
    english = folder / "en" / "common.po"
    english.write_text(english.read_text("utf-8") + '\nmsgctxt "common.yes-too"\nmsgid "Yes"\nmsgstr ""\n', "utf-8")
    merge("de", folder)
    entry = next(each for each in read_file(folder / "de" / "common.po") if each.msgctxt == "common.yes-too")
    assert (entry.msgstr, entry.fuzzy) == ("", False)


def test_a_sentence_that_gets_a_plural_keeps_what_there_was(folder):
    change(folder / "en" / "common.po", 'msgid "Yes"\nmsgstr ""', 'msgid "Yes"\nmsgid_plural "Yes, {n} times"\nmsgstr[0] ""\nmsgstr[1] ""')
    merge("de", folder)
    entry = next(each for each in read_file(folder / "de" / "common.po") if each.msgctxt == "common.yes")
    assert (source_of(entry), entry.msgstr_plural, entry.fuzzy) == (("Yes", "Yes, {n} times"), {0: "Ja", 1: "Ja"}, True)


def test_what_a_machine_translated_is_known_until_somebody_touches_it():
    entry = polib.POEntry(msgctxt="a", msgid="Yes", msgstr="Ja")
    mark_machine(entry)
    assert is_by_machine(entry)
    entry.msgstr = "Jawohl"
    assert not is_by_machine(entry)


# ---- tools around ----


def test_weblate_knows_every_file():
    components = json.loads((LOCALES.parent / "weblate.json").read_text("utf-8"))
    assert {each["filemask"] for each in components if not each.get("is_glossary")} == {
        f"translations/locales/*/{path.name}" for path in (LOCALES / "en").glob("*.po")
    }
    assert all((ROOT / each["new_base"]).exists() for each in components)
    assert len({each["slug"] for each in components}) == len(components)


def test_the_second_reader_s_list_speaks_of_every_language():
    text = (LOCALES.parent / "REVIEW.md").read_text("utf-8")
    assert [language for language in EVERYBODY if language != "en" and f"(`{language}`)" not in text] == []


async def test_a_catalogue_that_is_mended_while_the_bot_runs_is_there_and_a_broken_one_is_not(folder, scripts, programme, sqlite_store, monkeypatch, caplog):
    house = House(Settings(_env_file=None), programme, load_scripts(), Words(("en", "de"), folder=folder), sqlite_store)
    monkeypatch.setattr(app, "furnish", lambda _: (programme, load_scripts(), Words(("en", "de"), folder=folder)))
    before = app.stamp(Path("nowhere"), folder)
    change(folder / "de" / "common.po", 'msgstr "Ja"', 'msgstr "Jawohl"')
    assert app.stamp(Path("nowhere"), folder) != before
    await app.refurnish(house)
    assert house.words.tr("common.yes", "de") == "Jawohl"
    change(folder / "de" / "common.po", 'msgstr "Jawohl"', 'msgstr "Jawohl {sir}"')
    await app.refurnish(house)
    assert house.words.tr("common.yes", "de") == "Jawohl", "the last good one"
    assert "stay as they were (WordsError)" in caplog.text


def frontdoor(*arguments):
    return subprocess.run([sys.executable, "-m", "bot", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_line_tells_how_far_each_language_is_and_whether_all_is_well():
    done = frontdoor("words", "status")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == sorted(EVERYBODY)
    assert all("100 %" in line and "review: " in line for line in done.stdout.splitlines())
    assert "no such language yet" in frontdoor("words", "check", "xx").stderr
    done = frontdoor("words", "check", "ti", "am")
    assert (done.returncode, "in 2 languages" in done.stdout) == (0, True), done.stdout


def test_a_language_that_is_not_offered_can_be_looked_at(tmp_path):
    done = frontdoor("preview", "language", "--lang", "ti", "--out", str(tmp_path / "x.html"))
    assert done.returncode == 0, done.stderr
    assert 'lang="ti"' in (tmp_path / "x.html").read_text("utf-8")
