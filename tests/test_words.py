"""How it is said: catalogues, plural rules, directions, likeliest languages."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.check import check
from bot.letters import pack, word
from bot.sources import COUNTRIES, NAMERS, SECTORS, SPOKEN, listed, searched
from dialogs.model import Dialog, Scripts
from dialogs.nouns import Message, Option, Say
from dialogs.turn import LONG
from storage.records import Address, Letter
from translations.catalogues import LOCALES, WordsError
from translations.detect import by_script, closest, script_of
from translations.words import Words, is_right_to_left, language_name, own_name

LANGUAGES = ("en", "de", "ar", "uk")


def test_scripts_and_words_agree(scripts, words):
    assert check(scripts, words) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.skipif(not shutil.which("msgfmt"), reason="msgfmt (gettext) is not installed")
def test_msgfmt_finds_no_fault(language, tmp_path):
    for path in sorted((LOCALES / language).glob("*.po")):
        done = subprocess.run(["msgfmt", "-c", "-o", str(tmp_path / "x.mo"), str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("language", "number", "form"),
    [("ar", 0, "لا"), ("ar", 2, "إجابتين"), ("ar", 3, "3"), ("uk", 1, "1"), ("uk", 3, "3"), ("uk", 11, "11"), ("de", 1, "1 Antwort"), ("en", 2, "2 answers")],
)
def test_plurals_follow_the_language(words, language, number, form):
    text = words.tr("mydata.answers", language, {"n": number})
    forms = {words.tr("mydata.answers", language, {"n": each}).replace(str(each), "") for each in (0, 1, 2, 3, 11, 100)}
    assert len(forms) == {"ar": 5, "uk": 3, "de": 2, "en": 2}[language]
    assert form in text.replace("\u2068", "").replace("\u2069", "")


@given(st.text(max_size=200))
def test_a_fact_never_turns_into_a_placeholder(text):
    words = WORDS
    assert words.tr("common.so-far", "en", {"answer": text}).endswith(words.fact(text, "en"))


def test_a_latin_name_in_an_arabic_sentence_is_kept_apart(words):
    assert "\u2068Olena\u2069" in words.tr("common.so-far", "ar", {"answer": "Olena"})
    assert "\u2068" not in words.tr("common.so-far", "de", {"answer": "Olena"})
    assert "\u2068ليلى\u2069" in words.tr("common.so-far", "de", {"answer": "ليلى"})


def test_every_line_of_an_arabic_message_begins_from_the_right(words):
    parts = tuple(Say(sentence) for sentence in ("join.keep", "join.keep.more", "help.text", "mydata.rights"))
    letter = Letter(1, 1, Address("telegram", "1"), "ar", pack(Message(parts)), None)
    for line in word(letter, words).text.split("\n"):
        import unicodedata

        strong = [unicodedata.bidirectional(character) for character in line if unicodedata.bidirectional(character) in {"L", "R", "AL"}]
        english = "\u200e" + line.lstrip("\u200e") == line and line.lstrip("\u200e") in words.in_full("join.keep", "ar").replace("\u200e", "")
        assert not strong or english or strong[0] in {"R", "AL"}, line


@pytest.mark.parametrize("language", [*LANGUAGES, *SPOKEN])
def test_lists_of_any_length_can_be_said_in_every_language(words, language):
    for count in (0, 1, 2, 3, 4):
        said = words.fact({"list": [f"x{number}" for number in range(count)]}, language)
        assert all(f"x{number}" in said for number in range(count))


def test_a_consent_that_nobody_reviewed_says_so_and_has_the_reviewed_text_beside_it(words):
    shown = words.in_full("join.keep", "uk")
    assert words.tr("common.not-reviewed", "uk") in shown
    assert words.tr("join.keep", "en") in shown
    assert words.in_full("join.keep", "en") == words.tr("join.keep", "en")
    assert words.in_full("join.role", "uk") == words.tr("join.role", "uk")


def test_an_outdated_consent_is_not_shown_and_check_says_so(tmp_path, scripts, programme):
    shutil.copytree(LOCALES, tmp_path / "locales")
    path = tmp_path / "locales" / "de" / "join.po"
    path.write_text(path.read_text("utf-8").replace('msgctxt "join.keep"', '#, fuzzy\nmsgctxt "join.keep"'), "utf-8")
    words = Words(LANGUAGES, constants=programme.constants, legal=scripts.legal, folder=tmp_path / "locales")
    assert words.in_full("join.keep", "de") == words.tr("join.keep", "en")
    assert any("join.keep is a consent, and its translation is outdated" in complaint for complaint in check(scripts, words))


def test_the_slash_of_a_command_stays_on_its_left():
    assert WORDS.voice("ar").laid_out("القائمة: /menu") == "القائمة: \u200e/menu"
    assert WORDS.voice("de").laid_out("see /menu") == "see /menu"


def test_a_missing_sentence_falls_back_to_english_and_an_unknown_one_to_its_id(tmp_path):
    shutil.copytree(LOCALES / "en", tmp_path / "en")
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "common.po").write_text(
        'msgid ""\nmsgstr ""\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\nmsgctxt "common.yes"\nmsgid "Yes"\nmsgstr "Ja"\n'
    )
    words = Words(("en", "de"), folder=tmp_path)
    assert [words.tr(sentence, "de") for sentence in ("common.yes", "common.no", "no.such")] == ["Ja", "No", "no.such"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("no po file at all", "can't be read|holds no PO|PO file"),
        ('msgctxt "a"\nmsgid "x"\nmsgstr "y"\n\nmsgctxt "a"\nmsgid "z"\nmsgstr "y"\n', "stands at"),
    ],
)
def test_a_broken_catalogue_is_refused_with_file_and_line(tmp_path, content, says):
    shutil.copytree(LOCALES / "en", tmp_path / "en")
    (tmp_path / "xx").mkdir()
    (tmp_path / "xx" / "common.po").write_text(content)
    with pytest.raises(WordsError, match=says) as caught:
        Words(("xx",), folder=tmp_path)
    assert "common.po" in str(caught.value)


def test_a_language_that_has_no_folder_is_refused(tmp_path):
    shutil.copytree(LOCALES / "en", tmp_path / "en")
    with pytest.raises(WordsError, match="'fa'"):
        Words(("en", "fa"), folder=tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('msgctxt "newcomer.town"', 'msgctxt "newcomer.tawn"'), "newcomer.town is missing"),
        (('msgctxt "join.keep"\nmsgid ""\n"🔒 May we keep', 'msgctxt "join.keep"\nmsgid ""\n"🔒 May we really keep'), "raise `version:`"),
    ],
)
def test_check_names_what_does_not_agree(tmp_path, scripts, programme, change, says):
    shutil.copytree(LOCALES, tmp_path / "locales")
    for path in (tmp_path / "locales" / "en").glob("*.po"):
        path.write_text(path.read_text("utf-8").replace(*change), "utf-8")
    complaints = check(scripts, Words(LANGUAGES, constants=programme.constants, folder=tmp_path / "locales"))
    assert any(says in complaint for complaint in complaints), complaints


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('msgctxt "join.age"', 'msgctxt "join.old"'), "join.age is not translated"),
        (("Rostock", "Rostock"), None),
    ],
)
def test_check_names_the_language_and_the_file(tmp_path, scripts, programme, change, says):
    shutil.copytree(LOCALES, tmp_path / "locales")
    for path in (tmp_path / "locales" / "uk").glob("*.po"):
        path.write_text(path.read_text("utf-8").replace(*change), "utf-8")
    complaints = check(scripts, Words(LANGUAGES, constants=programme.constants, folder=tmp_path / "locales"))
    assert (any(says in each and "/uk/" in each for each in complaints)) if says else complaints == []


def test_no_consent_is_longer_than_a_tired_person_reads(words):
    for language in LANGUAGES:
        for sentence in ("join.keep", "join.news"):
            assert len(words.tr(sentence, language)) <= 800


def test_languages_are_called_by_their_own_names():
    assert [own_name(language) for language in LANGUAGES] == ["English", "Deutsch", "العربية", "Українська"]
    assert language_name("uk", "de") == "Ukrainisch"
    assert [is_right_to_left(language) for language in LANGUAGES] == [False, False, True, False]


@pytest.mark.parametrize(("code", "language"), [("de", "de"), ("de-AT", "de"), ("DE_ch", "de"), ("ar-arz", "ar"), ("be", None), ("", None), ("xx", None)])
def test_a_channels_language_code_means_an_offered_language_or_none(code, language):
    assert closest(code, LANGUAGES) == language


@pytest.mark.parametrize(("text", "language"), [("Привіт", "uk"), ("مرحبا", "ar"), ("Hello", None), ("12 🎉", None), ("ሰላም", None)])
def test_the_script_suggests_a_language_only_where_it_can(text, language):
    assert by_script(text, LANGUAGES) == language


def test_a_script_that_two_offered_languages_share_suggests_none():
    assert by_script("Привіт", ("uk", "ru")) is None
    assert script_of("Привіт hi") == "CYRILLIC"


def test_buttons_stand_in_their_columns_and_the_way_on_below(words):
    options = (
        *(Option(code, {"say": "common.yes"}) for code in "abc"),
        Option(".done", {"say": "common.done"}),
        *(Option(code, {"say": "common.back"}) for code in (".skip", ".decline", ".back")),
    )
    letter = Letter(1, 1, Address("telegram", "1"), "en", pack(Message((Say("common.yes"),), options, 7, 2)), None)
    assert [len(row) for row in word(letter, words).rows] == [2, 1, 1, 2, 1]
    assert word(letter, words).rows[0][0].data == "q:7:a"


WORDS = Words(LANGUAGES, namers=NAMERS)


def test_what_a_step_shares_must_be_a_column_that_is_declared(scripts, words):
    def complaint(**change):
        newcomer = scripts["newcomer"].model_dump(by_alias=True, exclude_defaults=True)
        newcomer["steps"] = [{**each, **(change if each["id"] == "town" else {})} for each in newcomer["steps"]]
        return check(Scripts([*(each for each in scripts.values() if each.dialog != "newcomer"), Dialog.model_validate(newcomer)]), words)

    assert complaint() == []
    assert "there is no shared column 'newcomers.twon'" in complaint(share="newcomers.twon")[0]
    assert "one row per round" in complaint(share="languages.level")[0]


def test_a_code_without_a_namer_is_called_by_its_sentence_or_stands_as_it_is(words):
    assert words.fact({"from": "sectors", "code": "c28"}, "de") == words.tr("sectors.c28", "de")
    assert words.fact({"from": "sectors", "code": "c99"}, "de") == "c99"
    assert words.fact({"from": "nowhere", "code": "c28"}, "ar") == "\u2068c28\u2069"
    assert words.fact({"from": "countries", "code": "UA"}, "de") == "Ukraine"


def test_sectors_fit_on_one_page_and_the_four_of_the_projects_come_first():
    assert SECTORS[:4] == ("c28", "a01", "d35", "f")
    assert len(set(SECTORS)) == len(SECTORS) <= LONG


def test_check_asks_for_the_name_of_every_code(tmp_path, scripts, programme):
    shutil.copytree(LOCALES, tmp_path / "locales")
    path = tmp_path / "locales" / "en" / "sectors.po"
    path.write_text(path.read_text("utf-8").replace('"sectors.c28"', '"sectors.c29"'), "utf-8")
    complaints = check(scripts, Words(LANGUAGES, constants=programme.constants, folder=tmp_path / "locales"))
    assert any("the sentence sectors.c28 is missing" in each for each in complaints)
    assert any("nothing says the sentence sectors.c29" in each for each in complaints)


def test_countries_stand_where_a_dictionary_of_the_language_has_them(words):
    def names(language):
        return [words.fact({"from": "countries", "code": code}, language) for code in listed("countries", language, words)]

    german, ukrainian = names("de"), names("uk")
    assert german.index("Afghanistan") < german.index("Ägypten") < german.index("Albanien") < german.index("Österreich") < german.index("Polen")
    assert ukrainian.index("Замбія") < ukrainian.index("Індія") < ukrainian.index("Йорданія") < ukrainian.index("Камбоджа")


@pytest.mark.parametrize(
    ("typed", "language", "found"),
    [("osterr", "de", "AT"), ("ÖSTER", "de", "AT"), ("ukra", "en", "UA"), ("Укра", "uk", "UA"), ("سور", "ar", "SY"), ("germ", "uk", "DE")],
)
def test_a_country_is_found_by_its_first_letters_with_and_without_marks(typed, language, found, words):
    options = [Option(code, {"from": "countries", "code": code}) for code in COUNTRIES]
    assert found in searched(typed, options, language, words)[:3]


def test_the_english_beside_an_arabic_consent_reads_from_the_left(words):
    shown = words.voice("ar").laid_out(words.in_full("join.keep", "ar")).split("\n")
    english = [line for line in shown if line and line.lstrip("\u200e\u200f")[:1].isascii() and line.lstrip("\u200e\u200f")[:1].isalpha()]
    assert english
    assert all(line.startswith("\u200e") for line in english)
