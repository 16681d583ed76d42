"""Which language somebody writes: suggested, never decided; on lines that nothing was built from."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from test_intake import World

from bot import settings
from bot.languages import Languages
from bot.messages import Kind
from dialogs.nouns import State
from translations.catalogues import PLURALS
from translations.detect import BACKENDS, Detector, clean, closest, greetings, missing
from translations.profiles import SAME, Profiles

LINES = ROOT / "tests" / "languages"  # chat lines, written by somebody who saw neither the detector nor our catalogues; committed before it was tuned
TWENTY = sorted({*PLURALS} - {*SAME})


def lines(language):
    return (LINES / f"{language}.txt").read_text("utf-8").splitlines()


def samples(language):
    """Single words of three letters and more, word pairs, and sentences of four words and more."""
    words = sorted({word for line in lines(language) for word in clean(line).split() if len(word) >= 3})
    split = [clean(line).split() for line in lines(language)]
    pairs = [" ".join(each[at : at + 2]) for each in split for at in range(0, len(each) - 1, 2)]
    return words, pairs, [line for line in lines(language) if len(line.split()) >= 4]


@pytest.fixture(scope="module")
def detector():
    return Detector(PLURALS)


def client(language, rng):
    """What a channel says of somebody's language: right in 60 of 100, English in 25, anything in 15 (simulated, facts/languages.md A.5)."""
    chance = rng.random()
    return language if chance < 0.6 else "en" if chance < 0.85 else rng.choice(TWENTY)


def macro(detector, rng=None):
    """Shares of words, pairs and sentences that are told right, over all languages; `rng`: with a channel's hint."""
    shares = [0.0, 0.0, 0.0]
    for language in TWENTY:
        for at, texts in enumerate(samples(language)):
            right = sum((guess := detector.guess(text, [client(language, rng)] if rng else ())) is not None and guess.language == language for text in texts)
            shares[at] += right / len(texts) / len(TWENTY)
    return [round(share, 3) for share in shares]


def test_twenty_languages_are_told_apart_by_the_default_alone(detector, show):
    words, pairs, sentences = macro(detector)
    show("detection", f"py3langid, no hint: words={words} pairs={pairs} sentences={sentences}")
    assert words >= 0.71
    assert pairs >= 0.89
    assert sentences >= 0.99


@pytest.mark.skipif(bool(missing(["lingua"])), reason="the extra lingua is not installed")
def test_with_lingua_and_what_the_channel_says_single_words_are_too(show, request):
    rng = random.Random(request.config.seed)
    words, pairs, sentences = macro(Detector(PLURALS, ("py3langid", "lingua")), rng)
    show("detection", f"py3langid + lingua, a hint right in 60 %: words={words} pairs={pairs} sentences={sentences} seed={request.config.seed}")
    assert words >= 0.87
    assert pairs >= 0.95
    assert sentences >= 0.99


@pytest.mark.skipif(bool(missing(["langdetect"])), reason="the extra langdetect is not installed")
def test_langdetect_does_it_too_with_our_profiles_for_what_it_lacks(show):
    words, pairs, sentences = macro(Detector(PLURALS, ("langdetect",)))
    show("detection", f"langdetect, no hint: words={words} pairs={pairs} sentences={sentences}")
    assert sentences >= 0.97


def test_a_control_that_knows_no_letters_is_worse(detector):
    """Profiles of the wrong languages must be noticed."""
    turned = Detector(PLURALS)
    there = sorted(turned._own.languages)
    turned._own._counts = dict(zip(there, [turned._own._counts[each] for each in there[1:] + there[:1]], strict=True))
    assert macro(turned)[2] < 0.9


def test_what_counts_as_sure_is_right(detector):
    sure = [(language, guess) for language in TWENTY for line in lines(language) if (guess := detector.guess(line)) and guess.is_sure]
    right = sum(guess.language == language for language, guess in sure)
    assert right / len(sure) >= 0.99
    assert len(sure) >= 0.8 * sum(len(lines(language)) for language in TWENTY)


def test_a_message_takes_less_than_five_milliseconds(detector):
    texts = [line for language in TWENTY for line in lines(language)]
    begun = time.process_time()
    for text in texts:
        detector.guess(text)
    assert (time.process_time() - begun) / len(texts) < 0.005
    begun = time.process_time()
    for text in ("wort " * 800, "a" * 4096, "a@" * 2048, "١" * 4096, "\u0301" * 4096):
        detector.guess(text)
    assert (time.process_time() - begun) / 5 < 0.01


def test_the_default_needs_less_than_150_megabytes():
    look = "import resource; from translations.detect import Detector; from translations.catalogues import PLURALS; before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; Detector(PLURALS).guess('ich suche eine Wohnung'); print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)"
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 150


@pytest.mark.parametrize(
    "text", ["", " ", "1234", "👍👍", "https://x.example/hello", "@anna", "/start", "a", "!!!", "12:30", "+49 381 000000", "\u200f", "日本語"]
)
def test_what_tells_nothing_is_no_guess(detector, text):
    assert detector.guess(text) is None


@given(st.text(max_size=300))
def test_no_text_breaks_it(text):
    guess = WARM.guess(text)
    assert guess is None or (guess.language in TWENTY and 0 <= guess.confidence <= 1)


WARM = Detector(PLURALS)


def test_a_single_word_is_never_sure_unless_it_is_a_greeting(detector):
    assert not detector.guess("Fensterbrett").is_sure
    assert detector.guess("Danke!").is_sure
    assert detector.guess("дякую").language == "uk"
    assert detector.guess("mahadsanid").language == "so"
    assert detector.guess("የቐንየለይ").language == "ti"
    assert {*greetings()[clean("سلام")]} >= {"fa", "ar"}
    assert detector.guess("سلام", ["fa"]).language == "fa", "what the channel says decides between those who say so"


def test_a_hint_helps_and_never_overrules_a_sentence(detector):
    assert detector.guess("ich suche eine Wohnung mit zwei Zimmern", ["es"]).language == "de"
    assert detector.guess("trabajo", ["pt"]).language in {"es", "pt"}


@pytest.mark.parametrize(
    "text", ["Ищу работу в городе, у меня двое детей", "من در یک شهر کوچک زندگی می‌کنم", "Szukam pracy w mieście od wiosny", "Cerco lavoro in città da tre mesi"]
)
def test_what_is_not_offered_is_not_taken_for_what_is(text):
    languages = Languages(PLURALS, ("py3langid",))
    languages._detector = WARM
    guess, better = languages.offered(text, ("en", "de", "ar", "uk"))
    assert guess is not None
    assert better == []


@pytest.mark.parametrize(
    "text",
    [
        "Ik zoek een baan in de stad",
        "Hledám práci ve městě a byt pro rodinu",
        "Търся работа в града и жилище",
        "Добры дзень, мне патрэбна дапамога ў горадзе",
        "Naghahanap ako ng trabaho sa lungsod",
        "Munkát keresek a városban",
    ],
)
def test_languages_that_are_none_of_ours_are_never_sure(detector, text):
    guess = detector.guess(text)
    assert guess is None or not guess.is_sure, guess


def test_one_short_word_does_not_speak_against_what_is_known_of_somebody(detector):
    for word in ("nie", "jo", "na", "Maya", "Job", "po"):
        guess = detector.guess(word, ["de"])
        assert guess is None or guess.language == "de" or not guess.is_sure, (word, guess)


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("pt-br", "pt"),
        ("prs", "fa_AF"),
        ("fa-AF", "fa_AF"),
        ("fa", "fa"),
        ("pes", "fa"),
        ("kmr", "ku"),
        ("ku", "ku"),
        ("ckb", "ckb"),
        ("ku-IQ", "ckb"),
        ("apc", "ar"),
        ("arz", "ar"),
        ("als", "sq"),
        ("be", None),
        ("nl", None),
        ("", None),
        ("x" * 35, None),
    ],
)
def test_what_a_channel_calls_a_language_is_mapped(code, language):
    assert closest(code, tuple(PLURALS)) == language


def test_where_dari_is_not_offered_persian_is_closest():
    assert closest("prs", ("en", "fa")) == "fa"
    assert closest("fa", ("en", "fa_AF")) is None, "nobody is taken for an Afghan by a code that does not say so"


def test_every_language_has_a_profile_of_our_own():
    assert Profiles().languages == {*TWENTY}


def test_backends_that_are_not_there_are_named():
    assert missing(["py3langid", "no_such_backend"]) == ["no_such_backend"]
    assert BACKENDS.keys() == settings.BACKENDS, "a setting names those that there are"


# ---- in a conversation ----


@pytest.fixture
def world(store, scripts, programme, everywhere):
    languages = Languages(PLURALS, ("py3langid",))
    languages._detector = WARM
    return World(store, scripts, everywhere, programme, languages)


def offers(world, person, since=0):
    """Languages that somebody was offered to go on in."""
    letters = [letter for letter in world.letters[since:] if letter.address.address == str(person)]
    return [[action[1] for action in letter.content["actions"]] for letter in letters if any(part[0] == "language.offer" for part in letter.content["parts"])]


async def state(world, person):
    return State.from_json((await world.chat(person)).state)


@pytest.mark.parametrize(
    ("hint", "text", "argument", "language"),
    [
        ("", "шукаю роботу зварником", "", "uk"),
        ("de", "шукаю роботу зварником", "", "de"),
        ("uk", "", "l-pl", "pl"),
        ("prs", "سلام", "", "fa_AF"),
        ("kmr", "", "", "ku"),
        ("be", "добры дзень", "", None),
        ("", "ስራሕ እደሊ ኣለኹ ኣብ ሃምቡርግ", "", "ti"),
        ("", "xyz", "", None),
    ],
)
async def test_the_first_message_is_understood(world, hint, text, argument, language):
    if text:
        await world.text(1, text, language_hint=hint)
    else:
        await world.intake.handle([world.update(1, Kind.COMMAND, "start", argument=argument, language_hint=hint)])
    chosen = (await state(world, 1)).language
    assert chosen == language if language else chosen != "ru"


async def test_two_messages_in_a_row_in_another_language_are_one_offer_once(world):
    await world.onboard(1)
    before = len(world.letters)
    await world.text(1, "мене звати як квітку")
    assert offers(world, 1, before) == []
    await world.text(1, "я живу біля великого парку")
    assert offers(world, 1, before) == [["uk", "en"]]
    assert world.words.tr("language.offer", "uk") in "\n".join(_read(world, before))
    for _ in range(3):
        await world.text(1, "тут дуже багато людей сьогодні")
    assert len(offers(world, 1, before)) == 1
    assert (await state(world, 1)).language == "en", "it was only offered"


async def test_one_word_in_between_and_it_was_not_in_a_row(world):
    await world.onboard(1)
    for text in ("мене звати як квітку", "Rostock", "я живу біля великого парку", "I live near the big park"):
        await world.text(1, text)
    assert offers(world, 1) == []


async def test_persian_may_be_dari_so_both_are_offered(world):
    await world.onboard(1)
    for text in ("من در یک شهر کوچک زندگی می‌کنم", "دنبال کار خوب می‌گردم"):
        await world.text(1, text)
    (offered,) = offers(world, 1)
    assert {*offered} == {"fa", "fa_AF", "en"}


async def test_who_takes_the_offer_goes_on_where_they_were_in_their_language(world):
    await world.onboard(1)
    await world.text(1, "мене звати як квітку")
    await world.text(1, "я живу біля великого парку")
    before, asked = len(world.letters), (await state(world, 1)).stands_at
    await world.command(1, "language", "uk")
    after = await state(world, 1)
    assert (after.language, after.stands_at) == ("uk", asked)
    assert world.words.tr(asked if not asked.endswith("languages") else "newcomer.languages.language", "uk") in "\n".join(_read(world, before))


def _read(world, since):
    from bot.letters import word

    return [word(letter, world.words).text for letter in world.letters[since:]]


async def test_nothing_is_detected_where_it_is_switched_off(store, scripts, programme, everywhere):
    world = World(store, scripts, everywhere, programme, Languages(PLURALS, ()))
    await world.onboard(1)
    for text in ("мене звати як квітку", "я живу біля великого парку"):
        await world.text(1, text)
    assert offers(world, 1) == []


def test_it_is_warm_only_when_it_was_asked_to_be():
    languages = Languages(PLURALS, ("py3langid",))
    assert languages.surely("ich suche eine Wohnung in der Stadt") is None
    assert languages.of("ich suche eine Wohnung in der Stadt", "uk") == "uk"
    languages.warm()
    assert languages.of("ich suche eine Wohnung in der Stadt", "uk") == "de"
    assert languages.of("من در یک شهر کوچک زندگی می‌کنم", "fa_AF") == "fa_AF", "as good"
