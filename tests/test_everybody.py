"""Everybody in their own language: a round trip at a real Bot API server in each of them, and how each of them is written."""

from __future__ import annotations

import re
import unicodedata

import pytest
from doors import Telegram, TelegramDoor
from test_conversations import talk
from test_intake import World

from bot.app import House
from bot.letters import pack, word
from bot.settings import Settings
from dialogs.nouns import Message, Option, Say
from storage.records import Address, Letter
from translations.catalogues import LOCALES, PLURALS
from translations.words import DIGITS, Reader, Words, is_right_to_left, usual_digits

EVERYBODY = sorted(PLURALS)
FROM_THE_RIGHT = [language for language in EVERYBODY if is_right_to_left(language)]


def other(language):
    """Somebody else's, to switch to."""
    return EVERYBODY[(EVERYBODY.index(language) + 7) % len(EVERYBODY)]


def round_trip(language):
    """Greeting, consent, three questions, a switch of language in the middle and back, and the summary."""
    there = other(language)
    return {
        "talk": [
            {"you": "/start"},
            {"bot": ["welcome.hello", "welcome.telegram-sees", "welcome.language"]},
            {"press": language},
            {"bot": ["join.age"]},
            {"press": "yes"},
            {"bot": ["join.keep"]},
            {"press": "yes"},
            {"bot": ["join.news"]},
            {"press": "no"},
            {"bot": ["join.role"]},
            {"press": "newcomer"},
            {"bot": ["newcomer.name"]},
            {"you": "Nobody Invented"},
            {"bot": ["newcomer.town"]},
            {"you": f"/language {there}"},
            {"language": there},
            {"bot": ["newcomer.town"]},
            {"you": "Rostock"},
            {"bot": ["newcomer.languages.language"]},
            {"you": "/language"},
            {"bot": ["language.choose"]},
            {"press": language},
            {"language": language},
            {"bot": ["newcomer.languages.language"]},
            {"press": "uk"},
            {"bot": ["newcomer.languages.level"]},
            {"type": "newcomer.languages.level.first"},
            {"bot": ["newcomer.languages.another"]},
            {"press": ".enough"},
            {"you": "/me"},
            {"bot": ["newcomer.name.short", "newcomer.town.short", "newcomer.languages.short"]},
        ]
    }


@pytest.mark.parametrize("language", EVERYBODY)
async def test_a_newcomer_is_at_home_in_their_language(everybody, sqlite_store, language):
    programme, scripts, words = everybody
    house = House(Settings(_env_file=None), programme, scripts, words, sqlite_store)
    async with Telegram(house) as telegram:
        door = TelegramDoor(telegram, {"fa_AF": "prs", "ku": "kmr"}.get(language, language))
        await talk(round_trip(language), language, door, house)
        assert telegram.emulator.violations == []
        for heard in door.heard:
            assert "🌐 This" not in heard.text
            assert not re.search(r"\{[a-z]+\}", heard.text), "a placeholder"
            assert all(len(label) <= 64 for label in heard.buttons.values())
        fell_back = words.tr("common.fell-back", language, {"language": "X"}).partition("X")[0][:12]
        assert not [heard.text for heard in door.heard if fell_back in heard.text]


def strong(line):
    return next((direction for each in line if (direction := unicodedata.bidirectional(each)) in {"L", "R", "AL"}), "")


@pytest.mark.parametrize("language", FROM_THE_RIGHT)
def test_every_line_of_everything_begins_from_the_right(everywhere, language):
    voice = everywhere.voice(language)
    for sentence in everywhere.catalogue("en").texts:
        if sentence.endswith(".also"):
            continue
        for line in voice.laid_out(voice.in_full(sentence)).split("\n"):
            english = line.startswith("\u200e")
            assert english or strong(line) in {"R", "AL", ""} or line.startswith("\u200f"), (sentence, line)
            assert english or not re.search(r"(?<!\u200e)(?<!\S)/[a-z]", line), (sentence, line)


def test_the_languages_that_run_from_the_right():
    assert FROM_THE_RIGHT == ["ar", "ckb", "fa", "fa_AF", "ps", "ur"]


# ---- digits ----


@pytest.mark.parametrize(
    ("language", "digits"),
    [("fa", "arabext"), ("fa_AF", "arabext"), ("ps", "arabext"), ("ckb", "arab"), ("ar", "latn"), ("ur", "latn"), ("de", "latn"), ("am", "latn")],
)
def test_digits_are_those_that_readers_expect(everywhere, language, digits):
    assert usual_digits(language) == digits
    shown = everywhere.tr("common.progress", language, {"at": 3, "of": 17})
    assert "".join(DIGITS[digits][int(each)] for each in "17") in shown
    assert DIGITS[digits][3] in shown


def test_digits_can_be_chosen(everywhere):
    shown = [everywhere.tr("common.days", Reader.of("ar", {"digits": digits}), {"n": 12}) for digits in ("own", "latn", "arab", "arabext", "nonsense")]
    assert [each.partition(" ")[0] for each in shown] == ["12", "12", "١٢", "۱۲", "12"]
    assert everywhere.tr("common.days", Reader.of("fa", {"digits": "latn"}), {"n": 12}).startswith("12")


def test_what_must_be_typed_or_called_keeps_its_digits(everywhere):
    """A code, a telephone number, a postcode, an address: whoever copies them needs them as they are."""
    assert "123 456 789 012" in everywhere.tr("common.so-far", "fa", {"answer": "123 456 789 012"})
    assert "0381 000000" in everywhere.tr("common.so-far", "ckb", {"answer": "0381 000000"})


def test_dates_and_numbers_are_in_the_reader_s_digits(everywhere):
    assert everywhere.fact({"date": "2026-11-23"}, "fa") == "۲۳ نوامبر ۲۰۲۶"
    assert everywhere.fact({"date": "2026-11-23"}, "fa_AF") == "۲۳ نومبر ۲۰۲۶"
    assert everywhere.fact({"moment": "2026-11-23T09:05+01:00"}, "ps").endswith("۹:۰۵")
    assert everywhere.fact({"moment": "2026-11-23T09:05+01:00"}, Reader("fa", digits="latn")).endswith("9:05")


def test_the_days_of_a_month_are_on_its_buttons_in_those_digits(everywhere):
    letter = Letter(1, 1, Address("telegram", "1"), "fa", {**pack(Message((Say("newcomer.town"),), prompt=7, calendar="2026-11"))}, None)
    labels = [choice.label for row in word(letter, everywhere).calendar for choice in row]
    assert {"۱", "۳۰"} <= {*labels}
    assert not {"1", "30"} & {*labels}


# ---- moments ----


@pytest.mark.parametrize("language", EVERYBODY)
def test_a_moment_has_its_weekday_and_whose_time_it_is(everywhere, language):
    said = everywhere.fact({"moment": "2026-11-23T08:05+00:00", "zone": "Europe/Berlin"}, language)
    plain = everywhere.fact({"moment": "2026-11-23T09:05+01:00"}, language)
    assert plain.replace("\u2068", "").replace("\u2069", "") in said.replace("\u2068", "").replace("\u2069", ""), "at nine in Berlin"
    assert len(said) > len(plain) + 5, "and that it is Berlin's"
    assert "Monday" not in said or language == "en"
    assert "{" not in said


@pytest.mark.parametrize("language", EVERYBODY)
def test_lengths_of_time_are_said_in_words_of_our_own(everywhere, language):
    """CLDR says `+3 d` in Sorani and Kurmanji."""
    for seconds in (60 * 5, 3600 * 5, 86400 * 5):
        said = everywhere.fact({"lasts": seconds}, language)
        assert not re.search(r"\+|\bd\b|\bh\b", said)
        assert len(said) > 3


@pytest.mark.parametrize(
    ("number", "form"), [(0, "أقل من يوم"), (1, "يوم واحد"), (2, "يومان"), (3, "3 أيام"), (11, "11 يومًا"), (99, "99 يومًا"), (100, "100 يوم")]
)
def test_arabic_has_six_forms(everywhere, number, form):
    assert everywhere.tr("common.days", "ar", {"n": number}) == form


# ---- never a blank, and never a pretence ----


@pytest.fixture
def gaps(tmp_path):
    """Words for a language that has almost nothing: Pashto; what it lacks, Dari has, or Persian, or English."""
    import shutil

    for language in ("en", "fa", "fa_AF", "ps", "de"):
        shutil.copytree(LOCALES / language, tmp_path / language)

    def drop(language, *sentences):
        import polib

        for sentence in sentences:
            path = tmp_path / language / f"{sentence.partition('.')[0]}.po"
            file = polib.pofile(str(path), wrapwidth=0)
            file[:] = [entry for entry in file if entry.msgctxt != sentence]
            file.save()

    drop("ps", "common.skip", "common.back", "common.close", "join.keep", "join.keep.more")
    drop("fa_AF", "common.back", "common.close", "join.keep.more")
    drop("fa", "common.close", "join.keep.more")
    return Words(
        ("ps", "de", "en"),
        folder=tmp_path,
        legal={"join.keep", "join.keep.more"},
        constants={"controller": "C", "programme": "P", "months": "24", "privacy": "p"},
    )


def test_a_missing_sentence_falls_back_along_the_readers_chain_and_says_so(gaps):
    assert [*gaps.chain(Reader("ps"))] == ["ps", "fa_AF", "fa", "en"]
    found = {sentence: gaps.find(f"common.{sentence}", Reader("ps")).language for sentence in ("yes", "skip", "back", "close")}
    assert found == {"yes": "ps", "skip": "fa_AF", "back": "fa", "close": "en"}
    voice = gaps.voice("ps")
    voice.tr("common.yes")
    assert voice.remarks() == []
    voice.tr("common.skip")
    (said,) = voice.remarks()
    assert said.startswith("🌐")


def test_the_second_language_comes_before_what_others_understand(gaps):
    reader = Reader.of("ps", {"second": "de"})
    assert [*gaps.chain(reader)] == ["ps", "de", "fa_AF", "fa", "en"]
    assert gaps.tr("common.skip", reader) == "\u200e" + gaps.tr("common.skip", "de"), "and reads from the left"
    assert [*gaps.chain(Reader.of("ps", {"second": "ps"}))] == ["ps", "fa_AF", "fa", "en"]
    assert [*gaps.chain(Reader.of("ps", {"second": "none"}))] == ["ps", "fa_AF", "fa", "en"]


def test_a_consent_falls_back_to_a_human_text_labelled_and_a_reviewed_one_beside_it(gaps):
    letter = Letter(1, 1, Address("telegram", "1"), "ps", pack(Message((Say("join.keep"),))), None)
    shown = word(letter, gaps).text
    dari, english = gaps.tr("join.keep", "fa_AF"), gaps.tr("join.keep", "en")
    plain = shown.translate(dict.fromkeys(map(ord, "\u2068\u2069\u200e\u200f")))
    assert plain.index(dari[:40].translate(dict.fromkeys(map(ord, "\u2068\u2069\u200e\u200f")))) < plain.index(english[:40]), "Dari, and English beside it"
    assert "🌐" in shown
    assert gaps.find("join.keep.more", Reader("ps")).language == "en"


def test_each_fallback_of_the_shipped_languages(everywhere):
    chains = {language: [*everywhere.chain(Reader(language))] for language in EVERYBODY}
    assert chains["ps"] == ["ps", "fa_AF", "fa", "en"]
    assert chains["ku"] == ["ku", "tr", "en"]
    assert chains["uk"] == ["uk", "en"], "nobody is answered in Russian who did not ask for it"
    assert all(chain[-1] == "en" for chain in chains.values())


def test_whose_phone_shows_boxes_is_sent_no_marks(everywhere):
    reader = Reader.of("ar", {"boxes": "yes"})
    shown = everywhere.tr("common.so-far", reader, {"answer": "Olena"})
    assert not {"\u2068", "\u2069"} & {*shown}
    assert "\u2068" in everywhere.tr("common.so-far", "ar", {"answer": "Olena"})


async def test_how_somebody_reads_is_asked_once_and_kept(store, everybody, clock):
    programme, scripts, words = everybody
    world = World(store, scripts, words, programme)
    await world.onboard(1)
    await world.command(1, "language", "ar")
    await world.command(1, "reading")
    for code in ("fr", "arab", "yes"):
        await world.press(1, code)
    assert dict((await world.chat(1)).reading) == {"second": "fr", "digits": "arab", "boxes": "yes"}
    letter = world.letters[-1]
    assert letter.content["reading"] == {"second": "fr", "digits": "arab", "boxes": "yes"}
    assert any(each in word(letter, words).text for each in "٠١٢٣٤٥٦٧٨٩")
    assert "\u2068" not in word(letter, words).text
    await world.command(1, "reading")
    await world.press(1, "none")
    await world.press(1, "own")
    assert (await world.chat(1)).reading["second"] == "none"
    await world.press(1, "no")
    await world.command(1, "language", "de")
    await world.command(1, "reading")
    assert "reading.second" in [part[0] for part in world.letters[-1].content["parts"]]
    before = len(world.letters)
    await world.press(1, "en")
    assert not [part for letter in world.letters[before:] for part in letter.content["parts"] if part[0] == "reading.digits"], "German has no other digits"


def test_option_labels_that_fall_back_are_said_too(gaps):
    letter = Letter(1, 1, Address("telegram", "1"), "ps", pack(Message((Say("common.yes"),), (Option("a", {"say": "common.close"}),), 1)), None)
    assert "🌐" in word(letter, gaps).text
