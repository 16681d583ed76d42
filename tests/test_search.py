"""Words that are written alike: the pure search, and what is made of a whole sentence."""

from __future__ import annotations

import random
import string

import pytest
from conftest import ROOT

from bot.search import Index, alike, fold, fused, is_said_around, parts_of, spoken


def said(index, labels, question):
    return [labels[hit.number] for hit in index.closest(question)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Schweißer", "SCHWEISSER"),
        ("Köchin", "kochin"),
        ("Żółty", "zolty"),
        ("لحّام", "لحام"),
        ("اللحام", "لحام"),
        ("قيادة", "قياده"),
        ("كهربائي", "كهرباىى"),
        ("طبـــاخ", "طباخ"),
        ("أعمال", "اعمال"),
        ("نجار، والنجارة", "نجار نجاره"),
        ("کارگر", "كارگر"),
        ("Зварювальник", "ЗВАРЮВАЛЬНИК"),
        ("комп'ютер", "комп’ютер"),
        ("водій", "водий"),
        ("İşçi", "isci"),
        ("Ｗｅｌｄｅｒ", "welder"),
    ],
)
def test_a_word_is_the_same_however_it_is_written(one, other):
    assert fold(one) == fold(other)


def test_folding_twice_is_folding_once_and_never_fails(request):
    rnd = random.Random(request.config.seed)
    letters = string.printable + "äßłøıİΣςأإآىةـءکیйїґ\u0640\u200c\u200d\u202e\x00\ud800🙂ﬁ①"
    for _ in range(2_000):
        text = "".join(rnd.choice(letters) for _ in range(rnd.randrange(40)))
        assert fold(fold(text)) == fold(text), repr(text)


@pytest.mark.parametrize(
    ("label", "forms"),
    [
        ("Schweißer/Schweißerin", ["Schweißer", "Schweißerin"]),
        ("Schweißer/in", ["Schweißer", "Schweißerin"]),
        ("لحام / لحامة", ["لحام", "لحامة"]),
        ("welder", ["welder"]),
        ("cook (kitchen)", ["cook  kitchen ", "cook"]),
        ("/", []),
        ("", []),
    ],
)
def test_a_label_with_both_genders_is_found_by_each(label, forms):
    assert spoken(label) == forms


LABELS = ["welder", "welding engineer", "pipe welder", "cook", "chef", "cooking teacher", "forklift driver", "truck driver", "social worker", "baker"]


@pytest.fixture(scope="module")
def index():
    return Index((number, label, 1.0) for number, label in enumerate(LABELS))


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("welder", "welder"),
        ("WELDER!", "welder"),
        ("wleder", "welder"),
        ("weldr", "welder"),
        ("I have worked as a welder for 12 years", "welder"),
        ("driver of a forklift", "forklift driver"),
        ("forkliftdriver", "forklift driver"),
        ("I know how to cook", "cook"),
    ],
)
def test_the_closest_comes_first(index, question, first):
    assert said(index, LABELS, question)[0] == first


def test_what_is_written_the_same_scores_one_and_words_around_cost_little(index):
    assert index.closest("welder")[0].score == 1.0
    assert index.closest("I was a welder for many years")[0].score > 0.9
    assert index.closest("I am 35 years old, and well") == [] or index.closest("I am 35 years old, and well")[0].score < 0.5


@pytest.mark.parametrize("question", ["", " ", "🙂", "?!", "\x00", "a" * 100_000, "ab " * 100_000, "ا" * 5_000, "%_'\";--", "\ud800", "x" * 300 + " welder"])
def test_hostile_words_find_something_or_nothing_quickly(index, question):
    assert len(index.closest(question)) <= 20


def test_an_empty_index_finds_nothing():
    assert Index([]).closest("welder") == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("welding, forklift and cooking", [["welding"], ["forklift", "cooking"]]),
        ("schweißen; kochen\nputzen", [["schweißen"], ["kochen"], ["putzen"]]),
        ("لحام، طبخ وتنظيف", [["لحام"], ["طبخ", "تنظيف"]]),
        ("зварювання та кухня", [["зварювання", "кухня"]]),
        ("soudure et cuisine", [["soudure", "cuisine"]]),
        ("research and development", [["research", "development"]]),
        ("a, , ;", [["a"]]),
        ("🙂", []),
    ],
)
def test_several_at_once_come_apart(text, parts):
    assert [pieces for pieces, _ in parts_of(text)] == parts


def test_a_piece_of_a_sentence_looks_like_one():
    assert is_said_around("and I have two children")
    assert is_said_around("Ich bin 35")
    assert not is_said_around("forklift driver")


def test_two_swapped_letters_are_one_mistake_and_a_word_inside_another_is_most_of_it():
    assert alike("wleder", "welder") > 0.8
    assert alike("stapler", "gabelstapler") > 0.8
    assert alike("cook", "bus") < 0.4


def test_what_stands_high_in_two_rankings_comes_first():
    assert fused([1, 2, 3], [4, 2, 5])[0] == 2


def test_only_words_are_weighed_and_no_order(index):
    assert said(index, LABELS, "driver truck")[0] == "truck driver"


def test_the_list_of_words_that_tell_nothing_holds_no_work():
    from bot.search import is_passing
    from translations.catalogues import words_of_entries

    for texts in words_of_entries("occupations").values():
        for sentence, text in texts.items():
            for label in spoken(text) if not sentence.endswith(".also") else text.split(","):
                assert not all(map(is_passing, fold(label).split())), f"{sentence}: {label}"
    assert ROOT
