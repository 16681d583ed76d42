"""The engine read aloud: no database, no channel, no clock."""

from __future__ import annotations

import json

import pytest
from conftest import ROOT

from bot.invented import found
from bot.sources import SENTENCES, SOURCES
from dialogs.asking import code_of, short, told
from dialogs.expressions import ExpressionError, compile_expression
from dialogs.files import ScriptError, load_scripts, read_script
from dialogs.kinds import Fault, Here, looks_private, understand
from dialogs.model import Dialog, Scripts, Step
from dialogs.nouns import Answer, Command, Consent, Known, Press, State, Text, Unreadable
from dialogs.turn import take_turn

LANGUAGES = ("en", "de", "ar", "uk")
ENTRIES = {sentence: code for code, sentence in SENTENCES.items()}  # occupations.welder -> its code


class Person:
    """Talks to the pure engine, and remembers what the store would."""

    def __init__(self, scripts, channel="telegram"):
        self.scripts, self.state, self.answers, self.consents, self.channel, self.effects = scripts, State("en", 100), {}, {}, channel, []
        self.facts = {}

    def do(self, heard):
        known = Known(dict(self.answers), dict(self.consents), {"channel": self.channel, **self.facts})
        turn = take_turn(self.scripts, self.state, known, heard)
        looked_up = {}
        while turn.needs:
            looked_up |= {need: found(need) if need.source == "taxonomy" else SOURCES[need.source](LANGUAGES) for need in turn.needs}
            turn = take_turn(self.scripts, self.state, known, heard, looked_up)
        self.state = State.from_json(json.loads(json.dumps(turn.state.to_json())))
        for decision in turn.decided:
            self.consents[decision.purpose] = Consent(decision.version, decision.verdict == "given")
            if decision.verdict == "withdrawn":
                self.answers = {key: each for key, each in self.answers.items() if self.scripts.question(key[0]).purpose != decision.purpose}
        for question, answer in turn.answered.items():
            step = self.scripts.question(question[0])
            assert self.consents.get(step.purpose, Consent(0, False)).given, f"{question} was stored without its consent"
            if answer:
                self.answers[question] = answer
            else:
                self.answers.pop(question, None)
        self.effects += [effect.name for effect in turn.effects]
        self.last = turn.said[-1] if turn.said else None
        return turn

    def press(self, code):
        return self.do(Press(self.state.frames[-1].prompt, short(ENTRIES[code]) if code in ENTRIES else code))

    def talk(self, *lines):
        for line in lines:
            self.do(line) if not isinstance(line, str) else self.press(line)
        return self

    @property
    def asked(self):
        """The ids of what was last said."""
        return [part.id for part in self.last.parts]

    @property
    def codes(self):
        return [option.code for option in self.last.options]


ONBOARD = (Command("start"), "uk", "yes", "yes", "no", "newcomer")
ABLE = (Text("welder"), "occupations.welder", "alone", "to-10", "now", ".enough")
EIGHT = (Text("Olena"), Text("Rostock"), "uk", "first", ".enough", "job", ".done", *ABLE, "here", "evening", ".done", Text("thanks"))


@pytest.fixture
def person(scripts):
    return Person(scripts)


@pytest.mark.parametrize(("dialog", "most"), [("newcomer", 9), ("business", 11), ("partner", 9)])
def test_a_first_dialog_has_only_so_many_questions(scripts, dialog, most):
    assert len(scripts[dialog].questions) <= most


def test_nobody_is_asked_twice_after_coming_back(person):
    person.talk(*ONBOARD, *EIGHT, ".done", "join")
    assert "newcomer.summary" in person.asked


def test_a_question_that_a_new_script_adds_is_asked_of_those_who_are_done(person):
    person.talk(*ONBOARD, *EIGHT, ".done")
    person.scripts = changed(person.scripts, "newcomer", lambda steps: [*steps[:2], {"id": "hobby", "ask": "text", "purpose": "profile"}, *steps[2:]])
    person.talk("join")
    assert "newcomer.hobby" in person.asked
    person.talk(Text("chess"))
    assert "newcomer.summary" in person.asked


def test_a_question_that_was_removed_under_a_person_gives_way_to_the_next(person):
    person.talk(*ONBOARD, Text("Olena"))
    assert "newcomer.town" in person.asked
    person.scripts = changed(person.scripts, "newcomer", lambda steps: [step for step in steps if step["id"] != "town"])
    person.talk(Text("Rostock"))
    assert "newcomer.languages.language" in person.asked
    assert ("newcomer.town", "") not in person.answers


def test_a_dialog_that_was_removed_under_a_person_ends_in_the_menu(person):
    person.talk(*ONBOARD, Text("Olena"))
    dialogs = [dialog for dialog in person.scripts.values() if dialog.dialog not in {"newcomer", "join", "role", "menu", "me", "still"}]
    join = changed(person.scripts, "join", lambda steps: [step for step in steps if step["id"] != "newcomer"])["join"]
    menu = changed(person.scripts, "menu", lambda steps: [{**steps[0], "choices": ["language", "help"]}])["menu"]
    person.scripts = Scripts([*dialogs, join, menu])
    person.talk(Text("hello?"))
    assert "menu.choose" in person.asked


def test_a_consent_whose_text_changed_is_asked_again_before_the_next_question(person):
    person.talk(*ONBOARD, Text("Olena"))
    person.scripts = changed(person.scripts, "join", lambda steps: [{**step, "version": "2"} if step["id"] == "keep" else step for step in steps])
    person.talk(Text("Rostock"))
    assert "join.keep" in person.asked
    assert person.answers["newcomer.town", ""].value == "Rostock", "what was answered under the old text stays"
    person.talk("yes")
    assert "newcomer.languages.language" in person.asked


def test_who_refuses_the_new_text_loses_the_answers_and_keeps_the_menu(person):
    person.talk(*ONBOARD, Text("Olena"))
    person.scripts = changed(person.scripts, "join", lambda steps: [{**step, "version": "2"} if step["id"] == "keep" else step for step in steps])
    person.talk(Text("Rostock"), "no")
    assert "menu.choose" in person.asked
    assert not person.answers


def test_an_answer_of_the_summary_can_be_changed_and_leads_back_to_it(person):
    person.talk(*ONBOARD, *EIGHT, "town")
    assert {"newcomer.town", "common.so-far"} <= set(person.asked)
    person.talk(Text("Wismar"))
    assert "newcomer.summary" in person.asked
    assert person.answers["newcomer.town", ""].value == "Wismar"


def languages(person):
    return {f"{key[0].rpartition('.')[2]} {key[1]}".strip(): answer.value for key, answer in person.answers.items() if key[0].startswith("newcomer.languages")}


def test_a_language_can_be_added_and_changed_from_the_summary(person):
    person.talk(*ONBOARD, *EIGHT, "languages")
    assert "newcomer.languages.another" in person.asked
    person.talk(".again", "de", "fluent", ".back", ".back", ".back", "everyday", ".enough")
    assert "newcomer.summary" in person.asked
    assert languages(person) == {"languages": "2", "language 1": "uk", "level 1": "everyday", "language 2": "de", "level 2": "fluent"}


def test_another_language_asks_for_its_own_level(person):
    person.talk(*ONBOARD, Text("a"), Text("b"), "uk", "first", ".back", ".back", "de")
    assert "newcomer.languages.level" in person.asked
    assert languages(person) == {"language 1": "de"}


def test_a_round_that_is_taken_back_is_gone(person):
    person.talk(*ONBOARD, Text("a"), Text("b"), "uk", "first", ".again", "de", ".back", ".decline")
    assert "newcomer.wants" in person.asked
    assert languages(person) == {"languages": "1", "language 1": "uk", "level 1": "first"}


def test_keeping_inside_a_group_leads_to_its_last_round(person):
    person.talk(*ONBOARD, Text("a"), Text("b"), "uk", "first", ".again", "de", "fluent", ".again", ".back", ".back", ".keep")
    assert "newcomer.languages.another" in person.asked
    person.talk(".again", "en", "fluent", ".enough")
    assert languages(person)["language 3"] == "en"


def test_the_menu_comes_after_the_welcome(person):
    person.talk(Command("menu"))
    assert {"welcome.hello", "welcome.telegram-sees", "welcome.language"} <= set(person.asked)
    person.talk(Command("menu"))
    assert "welcome.language" in person.asked


def test_a_language_given_with_the_first_command_is_not_asked_for_again(person):
    person.talk(Command("language", "de"))
    assert person.state.language == "de"
    assert "join.age" in person.asked


def test_forgetting_asks_even_when_yes_was_typed_along(person):
    person.talk(*ONBOARD, Text("Olena"), Command("forget", "yes"))
    assert "forget.sure" in person.asked
    assert not person.effects


def test_an_answer_that_no_longer_applies_goes_when_the_summary_is_confirmed(person):
    person.talk(*ONBOARD, *EIGHT, ".done", Command("more"), "education", "vocational", Text("cooking"), ".skip", ".skip", "level", "none")
    assert ("education.subject", "") in person.answers
    person.talk(".done")
    assert ("education.subject", "") not in person.answers


def test_a_consent_that_interrupts_offers_no_way_around(person):
    person.talk(*ONBOARD, Text("Olena"))
    person.scripts = changed(person.scripts, "join", lambda steps: [{**step, "version": "2"} if step["id"] == "keep" else step for step in steps])
    person.talk(Text("Rostock"))
    assert person.codes == ["yes", "no", ".more"]


def test_news_that_were_refused_can_be_had_later(person):
    person.talk(*ONBOARD, *EIGHT, ".done", "news")
    assert "join.news" in person.asked
    person.talk("yes")
    assert person.consents["announcements"].given


def test_news_are_not_offered_to_somebody_whose_age_is_unknown(person):
    person.talk(Command("start"), "uk", "no", "news")
    assert "join.age" in person.asked


def test_a_group_takes_only_so_many_rounds(person):
    person.talk(*ONBOARD, Text("a"), Text("b"))
    for _ in range(7):
        person.talk("de", "first", ".again")
    person.talk("de", "first")
    assert ".again" not in person.codes


def test_skip_and_rather_not_say_are_on_every_question_of_the_shipped_dialogs_and_are_different(scripts):
    for dialog in ("newcomer", "business", "partner", "request", "network"):
        for question in scripts[dialog].questions:
            assert not question.required, f"{dialog}.{question.id}"
    person = Person(scripts).talk(*ONBOARD, ".skip", ".decline")
    assert person.answers["newcomer.name", ""].kind == "skipped"
    assert person.answers["newcomer.town", ""].kind == "declined"


def test_the_progress_counts_what_may_still_be_asked(person):
    person.talk(*ONBOARD)
    progress = next(part for part in person.last.parts if part.id == "common.progress")
    assert progress.facts == {"at": 1, "of": 8}


def test_nothing_more_is_asked_of_their_work_by_somebody_who_skipped_it(person):
    person.talk(*ONBOARD, ".skip", ".skip", ".skip", ".skip", ".skip")
    assert "newcomer.reach" in person.asked


def test_a_language_switch_asks_the_pending_question_again_with_the_same_buttons(person):
    person.talk(*ONBOARD, Text("Olena"), Text("Rostock"))
    before = (person.state.frames[-1].prompt, person.codes)
    person.talk(Command("language"), "ar")
    assert person.state.language == "ar"
    assert (person.state.frames[-1].prompt, person.codes) == before


def test_an_old_button_answers_nothing(person):
    person.talk(*ONBOARD)
    turn = person.do(Press(person.state.frames[-1].prompt - 1, "business"))
    assert "common.old-button" in person.asked
    assert not turn.answered


def test_a_double_press_of_a_choice_counts_once(person):
    person.talk(Command("start"), "uk", "yes", "yes", "no")
    prompt = person.state.frames[-1].prompt
    person.do(Press(prompt, "newcomer"))
    person.do(Press(prompt, "newcomer"))
    assert "common.old-button" in person.asked
    assert "newcomer.name" in person.asked


@pytest.mark.parametrize("kind", ["sticker", "voice", "edited", "contact", "whatever"])
def test_what_cannot_be_read_gets_a_sentence_and_the_question_again(person, kind):
    person.talk(*ONBOARD, Unreadable(kind))
    assert person.asked[0] in {"common.unreadable", "common.edited"}
    assert "newcomer.name" in person.asked


def test_a_text_that_looks_private_is_kept_only_when_it_is_sent_again(person):
    person.talk(*ONBOARD, Text("Olena 0381 1234567"))
    assert "common.looks-private" in person.asked
    assert not [answer for key, answer in person.answers.items() if key[0] == "newcomer.name"]
    assert "1234567" not in json.dumps(person.state.to_json())
    person.talk(Text("Olena 0381 1234567"))
    assert person.answers["newcomer.name", ""].value == "Olena 0381 1234567"


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("DE89 3704 0044 0532 0130 00", True),
        ("+49 (381) 123-4567", True),
        ("C01X00T47", True),
        ("٠٣٨١١٢٣٤٥٦٧", True),
        ("12 years, 3 ships", False),
        ("2019-2024", False),
        ("Born to weld", False),
    ],
)
def test_phones_cards_and_documents_are_noticed(text, private):
    assert looks_private(text) is private


def test_commands_interrupt_each_other_without_piling_up(person):
    person.talk(*ONBOARD)
    for _ in range(30):
        person.talk(Command("menu"), Command("language"), Command("forget"), Command("stop"))
    assert len(person.state.frames) <= len(person.scripts)
    while len(person.state.frames) > 1:
        person.press(".close")
    assert "newcomer.name" in person.asked


# ---- modules, long lists, other kinds of answer ----

AT_A_COUNTRY = (*ONBOARD, *EIGHT, ".done", Command("more"), "work", Text("welder"), "occupations.welder")


@pytest.mark.parametrize(
    ("role", "asked", "offered"),
    [
        ("newcomer", "modules.choose", ["work", "education", "idea", "support"]),
        ("business", "modules.business", ["request"]),
        ("partner", "modules.partner", ["network"]),
    ],
)
def test_everybody_is_offered_the_modules_of_their_role(person, role, asked, offered):
    person.talk(*ONBOARD[:-1], role, Command("more"))
    assert asked in person.asked
    assert person.codes == [*offered, ".close"]


def test_who_did_not_say_who_they_are_is_told_where_to(person):
    person.talk(*ONBOARD[:-1], Command("more"))
    assert "modules.not-yet" in person.asked


def test_a_long_list_comes_in_pages_and_its_buttons_lead_on_and_back(person):
    person.talk(*AT_A_COUNTRY)
    assert "common.search" in person.asked
    assert person.last.typing
    first = person.codes
    assert first[10:] == [".later", ".skip", ".decline", ".back"]
    person.talk(".later")
    second = person.codes
    assert person.last.edits
    assert second[10:12] == [".earlier", ".later"]
    assert not set(first[:10]) & set(second[:10])
    person.talk(".earlier")
    assert person.codes == first
    for _ in range(40):
        if ".later" in person.codes:
            person.talk(".later")
    assert person.codes[-4:] == [".earlier", ".skip", ".decline", ".back"]
    person.talk(first[0])  # a button of an older page is a button of this question
    assert person.answers["work.jobs.country", "1"].value == first[0]


def test_a_long_list_is_searched_by_typing(person):
    person.talk(*AT_A_COUNTRY, Text("uk", ("UA", "GB", "XX-no-such")))
    assert person.codes == ["UA", "GB", ".all", ".skip", ".decline", ".back"]
    person.talk(Text("xyz"))
    assert person.asked[0] == "common.none-found"
    person.talk(".all")
    assert len([code for code in person.codes if code[0] != "."]) == 10
    person.talk(Text("uk", ("UA", "GB")), "UA")
    assert person.answers["work.jobs.country", "1"].value == "UA"


def test_a_short_list_is_not_searched(person):
    person.talk(*ONBOARD, *EIGHT, ".done", Command("more"), "idea", Text("a bakery"), Text("plan", ("plan",)))
    assert person.asked[0] == "common.press-a-button"


def test_not_knowing_skipping_and_not_saying_are_three_answers(person):
    person.talk(*AT_A_COUNTRY, "UA", ".unknown", ".skip", ".enough")
    assert [person.answers[f"work.jobs.{each}", "1"].kind for each in ("country", "since", "until")] == ["given", "unknown", "skipped"]
    person.talk(".decline")
    assert person.answers["work.best", ""].kind == "declined"


def test_a_rating_is_pressed_as_stars(person):
    person.talk(*ONBOARD, *EIGHT, ".done", Command("more"), "idea", Text("a bakery"), "plan", "no")
    assert [option.label for option in person.last.options[:5]] == ["\u2b50" * number for number in range(1, 6)]
    person.talk("r4")
    assert person.answers["idea.sure", ""].value == "r4"


def test_what_hung_on_an_answer_goes_when_that_answer_changes_and_is_confirmed(person):
    person.talk(*ONBOARD, *EIGHT, ".done", Command("more"), "education", "master", Text("physics"), "yes", Text("uk", ("UA",)), "UA", ".skip")
    assert ("education.country", "") in person.answers
    person.talk("level", "none", ".done")
    assert {question for question, _ in person.answers if question.startswith("education.")} == {"education.level", "education.certificates"}


def test_a_condition_on_a_question_of_another_dialog_must_find_it(scripts):
    with pytest.raises(ValueError, match=r"work\.nowhere"):
        changed(scripts, "help", lambda steps: [{**steps[0], "when": "${work.nowhere} = 'x'"}])


# ---- scripts ----


def changed(scripts, name, change):
    """The same scripts with one dialog's steps changed."""
    steps = [step.model_dump(by_alias=True, exclude_defaults=True) for step in scripts[name].steps]
    data = {**scripts[name].model_dump(by_alias=True, exclude_defaults=True), "steps": change(steps)}
    return Scripts([dialog if dialog.dialog != name else Dialog.model_validate(data) for dialog in scripts.values()])


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("dialog: x\nsteps:\n  - id: a\n    aks: text\n", 4, "'aks' is not known"),
        ("dialog: x\nsteps:\n  - id: a\n    ask: text\n    ask: number\n", 5, "written twice"),
        ("dialog: x\nsteps:\n  - id: a.b\n", 3, "id"),
        ("dialog: x\nsteps:\n  - id: a\n    when: ${b} = 'x'\n", 3, "no earlier step"),
        ("dialog: x\nsteps:\n  - id: a\n    ask: number\n    check: . > (\n", 5, "missing"),
        ("dialog: x\nsteps:\n  - id: religion\n    ask: text\n", 3, "impact assessment"),
        ("dialog: x\nsteps:\n  - id: a\n    ask: choice\n", 3, "choices"),
        ("dialog: x\nsteps:\n  - id: a\n   ask: choice\n", 4, ""),
    ],
)
def test_a_wrong_script_is_refused_with_file_and_line(tmp_path, text, line, says):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ScriptError) as caught:
        read_script(path)
    assert says in str(caught.value)
    assert f"x.yaml:{line}:" in str(caught.value)


def test_yaml_keeps_no_on_and_times_as_they_are_written(tmp_path):
    (tmp_path / "x.yaml").write_text("dialog: x\nsteps:\n  - id: a\n    ask: choice\n    choices: [no, on, yes]\n")
    assert read_script(tmp_path / "x.yaml").steps[0].choices == ("no", "on", "yes")


def test_the_shipped_scripts_are_found_and_agree():
    assert {"welcome", "join", "newcomer", "menu", "forget"} <= set(load_scripts(ROOT / "dialogs" / "scripts"))


# ---- conditions ----


@pytest.mark.parametrize(
    ("source", "answers", "itself", "holds"),
    [
        ("${a} = 'x'", {"a": "x"}, "", True),
        ("${a} = 'x'", {}, "", False),
        ("${a} != ''", {}, "", False),
        ("selected(${a}, 'b')", {"a": "a b c"}, "", True),
        ("selected(${a}, 'b')", {"a": "bb"}, "", False),
        ("not(selected(${a}, 'b')) and ${c} > 3", {"a": "a", "c": "4"}, "", True),
        ("${a} = 1 or ${b} = '2'", {"a": "1.0"}, "", True),
        (". >= 0 and . <= 60", {}, "60", True),
        (". >= 0 and . <= 60", {}, "", False),
        ("${a} < 5", {"a": "many"}, "", False),
        ("not(${a} < 5)", {"a": "many"}, "", True),
        ("(${a} = 'x' or ${a} = 'y') and true()", {"a": "y"}, "", True),
        ("count-selected(${a}) = 2", {"a": "x y"}, "", True),
        ("string-length(.) <= 3", {}, "abcd", False),
        ("${a}", {"a": "0"}, "", True),
    ],
)
def test_conditions_mean_what_xforms_says(source, answers, itself, holds):
    assert compile_expression(source).holds(answers, itself) is holds


@pytest.mark.parametrize("source", ["", "${a", "a =", "${a} == 1", "unknown(1)", "not()", "1 2", "(" * 50 + "1" + ")" * 50, "'a", "x" * 3000, "${a} = 'x') "])
def test_a_condition_that_makes_no_sense_is_refused(source):
    with pytest.raises(ExpressionError):
        compile_expression(source)


# ---- answers ----


@pytest.mark.parametrize(("text", "value"), [("12", "12"), ("١٢", "12"), ("۱۲ سال", "12"), ("about 7 years", "7"), ("007", "7"), ("１２", "12")])
def test_numbers_are_understood_in_every_script(text, value):
    answer = understand(Step(id="n", ask="number"), text, Here())
    assert isinstance(answer, Answer)
    assert answer.value == value


@pytest.mark.parametrize("text", ["", "many", "1 or 2", "-5", "9" * 5000, "½", "²"])
def test_what_is_no_single_number_is_a_fault(text):
    assert isinstance(understand(Step(id="n", ask="number"), text, Here()), Fault)


def test_a_text_longer_than_asked_for_is_a_fault_that_names_both_lengths():
    fault = understand(Step(id="t", ask="text", most=10), "x" * 11, Here())
    assert isinstance(fault, Fault)
    assert fault.facts == {"most": 10, "length": 11}


@pytest.mark.parametrize("ask", ["date", "month", "decimal", "phone", "rating", "number", "choice", "choices", "yes-no", "email", "web-address", "town"])
def test_what_was_kept_while_the_question_was_another_is_told_as_it_is(words, ask):
    more = {"choices": ("a",)} if ask in {"choice", "choices"} else {}
    step = Step(id="x", ask=ask, purpose="profile", class_="contact", **more)
    for value in ("something else", "2026-13-45", "٣", "9" * 400, "nan"):
        for language in LANGUAGES:
            assert words.fact(told(step, "newcomer.x", Answer("given", value)), language)


# ---- occupations and skills, in their own words -------------------------------------------------------------------------

AT_WORK = (*ONBOARD, *EIGHT[:7])


def test_several_that_were_written_at_once_are_asked_one_after_the_other_without_another_between(person):
    person.talk(*AT_WORK, Text("welding, forklift, cooking"), "occupations.welder", "alone", "to-10")
    assert person.state.frames[-1].waiting == {"what": ["forklift", "cooking"]}
    person.talk("now")
    assert "common.closest" in person.asked
    assert person.last.parts[-1].facts == {"words": "forklift"}
    person.talk(".other", "alone", "to-10", "now")
    assert person.last.parts[-1].facts == {"words": "cooking"}
    person.talk(".other", "alone", "to-10", "now")
    assert "newcomer.can.another" in person.asked
    assert [person.answers["newcomer.can.what", each].words for each in "123"] == ["welding", "forklift", "cooking"]


def test_an_entry_is_kept_with_their_words_its_group_and_how_close_they_came(person):
    person.talk(*AT_WORK, Text("welding"), "occupations.welder")
    answer = person.answers["newcomer.can.what", "1"]
    assert (answer.value, answer.words, answer.about) == (ENTRIES["occupations.welder"], "welding", {"isco": "7212", "score": "90"})


def test_none_of_these_keeps_their_words_and_no_code(person, scripts):
    person.talk(*AT_WORK, Text("embroidering towels"), ".other")
    answer = person.answers["newcomer.can.what", "1"]
    assert (answer.value, answer.words) == ("other", "embroidering towels")
    assert code_of(scripts.question("newcomer.can.what"), answer) is None
    assert told(scripts.question("newcomer.can.what"), "newcomer.can.what", answer) == "embroidering towels"


def test_other_words_are_another_search_and_the_old_buttons_are_old(person):
    person.talk(*AT_WORK, Text("welding"))
    before = person.state.frames[-1].prompt
    person.talk(Text("cooking"))
    assert person.last.parts[-1].facts == {"words": "cooking"}
    person.do(Press(before, short(ENTRIES["occupations.welder"])))
    assert "common.old-button" in person.asked
    assert ("newcomer.can.what", "1") not in person.answers


def test_the_groups_are_looked_through_with_and_without_words_and_a_group_itself_may_be_chosen(person):
    person.talk(*AT_WORK, ".groups")
    assert "common.which-group" in person.asked
    assert ".other" not in person.codes, "nothing was written that could be kept"
    person.talk("groups.7", "groups.72", "occupations.lathe-operator")
    assert person.answers["newcomer.can.what", "1"].value == ENTRIES["occupations.lathe-operator"]
    person.talk("alone", "to-10", "now", ".again", Text("turning"), ".groups")
    assert ".other" in person.codes
    person.talk("groups.7", "groups.72", ".groups")
    assert "common.which-group" in person.asked, "and back up again"


def test_skipping_one_of_several_goes_on_with_the_next(person):
    person.talk(*AT_WORK, Text("welding, forklift, cooking"), "occupations.welder", "alone", "to-10", "now", ".skip")
    assert person.last.parts[-1].facts == {"words": "cooking"}
    person.talk(".other", "alone", "to-10", "now", ".enough")
    assert [key for key in person.answers if key[0] == "newcomer.can.what"] == [("newcomer.can.what", "1"), ("newcomer.can.what", "2")]


def test_skipping_the_first_of_several_goes_on_too(person):
    person.talk(*AT_WORK, Text("welding, forklift"), ".skip")
    assert person.last.parts[-1].facts == {"words": "forklift"}
    person.talk(".other", "alone", "to-10", "now", ".enough")
    assert person.answers["newcomer.can.what", "1"].words == "forklift"


def test_declining_the_first_declines_all_of_it(person):
    person.talk(*AT_WORK, Text("welding, forklift"), ".decline")
    assert person.answers["newcomer.can", ""].kind == "declined"
    assert "newcomer.reach" in person.asked
    assert not any(person.state.frames[-1].waiting.values())


def test_going_back_offers_what_their_words_offered_and_keeps_what_else_they_wrote(person):
    person.talk(*AT_WORK, Text("welding, cooking"), "occupations.welder", ".back")
    assert "common.closest" in person.asked
    assert ".keep" in person.codes
    person.talk(".keep", "alone", "to-10", "now")
    assert person.last.parts[-1].facts == {"words": "cooking"}


def test_another_entry_has_another_level(person):
    person.talk(*AT_WORK, Text("welding"), "occupations.welder", "alone", ".back", ".back", "occupations.sheet-metal-worker")
    assert ("newcomer.can.how-well", "1") not in person.answers
    assert "newcomer.can.how-well" in person.asked


def test_a_language_switch_offers_the_same_entries_in_the_other_language(person):
    person.talk(*AT_WORK, Text("welding"))
    before = (person.state.frames[-1].prompt, person.codes)
    person.talk(Command("language"), "ar")
    assert (person.state.frames[-1].prompt, person.codes) == before
    assert person.state.language == "ar"


def test_what_looks_private_is_asked_about_before_anything_is_searched(person):
    person.talk(*AT_WORK, Text("call me: 0381 555 123 45"))
    assert "common.looks-private" in person.asked
    assert person.state.frames[-1].words == ""


def test_a_full_group_says_so_and_forgets_what_waits(scripts):
    few = changed(scripts, "newcomer", lambda steps: [{**each, "most": 2} if each["id"] == "can" else each for each in steps])
    person = Person(few).talk(*AT_WORK, Text("a1, b2, c3"), ".other", "alone", "to-10", "now", ".other", "alone", "to-10", "now")
    assert "common.no-more-rounds" in person.asked
    assert ".again" not in person.codes


def test_proposed_skills_leave_out_those_that_are_taken(scripts):
    person = Person(scripts).talk(Command("start"), "en", "yes", "yes", "no", "business")
    person.facts = {"speaks-for": "one"}
    person.talk(Command("more"), "request", Text("welder"), "occupations.welder")
    assert "request.wanted.essential.must" in person.asked
    first = person.codes[0]
    person.talk(first, ".again")
    assert first not in person.codes


def test_a_state_of_before_searches_is_understood(person):
    """And one from a newer version leaves what this one does not know behind."""
    data = person.talk(*AT_WORK).state.to_json()
    old = json.loads(json.dumps(data))
    assert "waiting" not in old["frames"][-1], "what is empty does not travel"
    old["frames"][-1]["tomorrow"] = 1
    assert State.from_json(old).frames[-1].waiting == {}


def at_request(scripts):
    person = Person(scripts).talk(Command("start"), "en", "yes", "yes", "no", "business")
    person.facts = {"speaks-for": "one"}
    return person.talk(Command("more"), "request")


def test_own_words_are_told_as_they_are_in_the_questions_about_them(person):
    person.talk(*AT_WORK, Text("embroidery"), ".other")
    assert person.last.parts[-1].facts == {"what": "embroidery"}


def test_with_a_job_that_is_taken_back_go_the_skills_that_it_needs(scripts):
    person = at_request(scripts).talk(Text("welder"), "occupations.welder")
    person.talk(person.codes[0], ".enough", ".skip", ".back", ".back", ".back", ".back", Text("cook"), "occupations.sheet-metal-worker")
    assert not [key for key in person.answers if key[0].startswith("request.wanted.essential")], "another occupation needs others"
    assert "request.wanted.essential.must" in person.asked
    person.talk(".back", ".decline")
    assert [key for key in person.answers if key[0].startswith("request.wanted")] == [("request.wanted", "")]


def test_what_a_job_needs_stands_in_the_summary(scripts, words):
    person = at_request(scripts).talk(Text("welder"), "occupations.welder")
    person.talk(person.codes[0], ".enough", ".skip", ".skip", ".skip", ".skip", ".skip", ".skip", ".enough")
    assert "request.summary" in person.asked
    told_ = " ".join(words.fact(part.facts["answer"], "en") for part in person.last.parts if "answer" in part.facts)
    assert "Must be able to: Sheet metal worker" in told_ or "Must be able to: " in told_


def test_back_from_one_of_several_loses_none_of_them(person):
    person.talk(*AT_WORK, Text("welding, cooking, sewing"), "occupations.welder", "alone", "to-10", "now", ".back")
    assert "newcomer.can.another" in person.asked
    person.talk(".again")
    assert person.last.parts[-1].facts == {"words": "cooking"}
    person.talk(".back", ".enough")
    assert not person.state.frames[-1].waiting, "that is all: nothing waits any more"


def test_a_mistake_that_is_mended_is_not_asked_about_twice(person):
    person.talk(*AT_WORK, Text("weldng, cooking"), Text("welding, cooking"))
    assert person.state.frames[-1].waiting == {"what": ["cooking"]}


def test_each_text_that_looks_private_is_asked_about(person):
    person.talk(*AT_WORK, Text("0381 555 123 45"), Text("welding"), Text("0381 555 123 46"))
    assert "common.looks-private" in person.asked


def test_the_same_entry_in_other_words_keeps_what_was_told_of_it(person):
    person.talk(
        *AT_WORK, Text("welding"), "occupations.welder", "alone", "to-10", "now", ".back", ".back", ".back", ".back", Text("I weld"), "occupations.welder"
    )
    assert person.answers["newcomer.can.last-time", "1"].value == "now"


def test_what_was_a_text_before_is_told_as_it_was_written(scripts):
    step = scripts.question("work.jobs.job")
    assert told(step, "work.jobs.job", Answer("given", "I was a cook in Odesa")) == "I was a cook in Odesa"
    assert code_of(step, Answer("given", "I was a cook in Odesa")) is None
