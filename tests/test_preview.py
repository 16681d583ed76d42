"""`frontdoor preview`: a page on which every screen of a dialog can be looked at, and nothing stands that nobody should read."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import date
from functools import cache
from html.parser import HTMLParser
from importlib import util

import pytest
from browser import BROWSERS, FLAGS, PIECES, find_browser
from conftest import ROOT, TRUST

from bot.app import words_for
from bot.check import _of_step
from bot.errors import FrontdoorError
from bot.preview import preview, screens_of
from bot.settings import read_programme
from bot.sources import NAMERS
from dialogs.files import load_scripts
from dialogs.model import Dialog, Scripts
from translations.catalogues import LOCALES, PLURALS
from translations.words import Words, is_right_to_left

LANGUAGES, DIALOGS = ("en", "de", "ar", "uk"), sorted(load_scripts())
EVERYWHERE = [pytest.param(dialog, language, id=f"{dialog}-{language}") for dialog in DIALOGS for language in LANGUAGES]
TODAY = date(2026, 11, 21)
MARKS = re.compile("[\u200e\u200f\u2066-\u2069]")  # writing directions, invisible


class Page(HTMLParser):
    """What a reader sees of it: phones (language, direction, words), and everything beside them."""

    VOID = frozenset({"meta", "link"})

    def __init__(self, html):
        super().__init__()
        self.phones, self.beside, self.open, self.attributes, self.code = [], "", [], {}, ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        if tag == "html":
            self.attributes = named
        if tag not in self.VOID:
            self.open.append((tag, named.get("class", "")))
        if "phone" in named.get("class", "").split():
            self.phones.append([named.get("lang"), named.get("dir"), ""])
        for name in ("href", "src"):
            assert named.get(name, "#")[0] == "#" or named[name] == "data:,", "asks the network"

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if any(tag in {"style", "title"} for tag, _ in self.open):
            self.code += data
        elif any("phone" in classes.split() for _, classes in self.open):
            self.phones[-1][2] += data
        else:
            self.beside += data

    @property
    def said(self):
        return MARKS.sub("", "\n".join(words for *_, words in self.phones))


@cache
def house():
    scripts, programme = load_scripts(), read_programme(ROOT / "programme.yaml")
    return scripts, words_for(programme, scripts), programme


@cache
def page_of(dialog, language):
    return preview(*house(), dialog, language, TODAY)


def shown(words, sentence, language):
    """The longest piece of a sentence that stands there as it is."""
    text = MARKS.sub("", words.tr(sentence, language))
    return max((piece.strip() for piece in PIECES.split(text)), key=len)


@pytest.mark.parametrize(("dialog", "language"), EVERYWHERE)
def test_every_step_every_choice_and_whatever_may_be_said_is_on_the_page(scripts, words, dialog, language):
    page = Page(page_of(dialog, language))
    lines = [step.id for step in scripts[dialog].questions if any(each.ask == "summary" for each in scripts[dialog].steps)]
    unsaid = {sentence for sentence in words.catalogue("en").texts if sentence.endswith(".short")} - {
        f"{dialog}.{line}.short" for line in lines
    }  # /mydata says them
    for step in scripts[dialog].steps:
        assert f"{dialog}.{step.id}" in page.beside
        for sentence, _ in _of_step(scripts[dialog], step):
            if words.exists(sentence) and sentence not in unsaid:
                assert shown(words, sentence, language) in page.said, sentence
        for inner in (step, *step.steps):
            if inner.when:
                assert inner.when.source in page.beside
            for code in ("yes", "no") if inner.ask in {"consent", "yes-no"} and not inner.gate else ():
                assert words.tr(f"common.{code}", language) in page.said
    assert "never reached" not in page.beside


@pytest.mark.parametrize(("dialog", "language"), EVERYWHERE)
def test_no_screen_shows_a_sentence_id_or_a_placeholder(scripts, dialog, language):
    page = Page(page_of(dialog, language))
    assert not re.search(rf"\b({'|'.join([*scripts, 'common', 'doors'])})\.[a-z]", page.said)
    assert not re.search(r"[{}]", page.said)
    assert " None" not in page.beside
    assert page.phones


@pytest.mark.parametrize(("dialog", "language"), EVERYWHERE)
def test_every_screen_has_its_language_and_direction_and_the_page_its_own(dialog, language):
    page = Page(page_of(dialog, language))
    assert page.attributes["lang"] == "en"
    assert "dir" not in page.attributes
    assert {(lang, direction) for lang, direction, _ in page.phones} == {(language, "rtl" if is_right_to_left(language) else "ltr")}


def states(screens, step):
    return [screen.state for screen in screens if screen.step == step]


def test_every_state_of_a_question_is_shown(scripts, words, programme):
    def of(dialog):
        return screens_of(scripts, words, programme, dialog, "de", TODAY)

    newcomer, join, work = of("newcomer"), of("join"), of("work")
    assert states(newcomer, "newcomer.name") == [
        "asked for the first time",
        "asked again, with an answer",
        *["that does not count"] * 3,
        "in a chat that a family shares",
    ]
    assert states(newcomer, "newcomer.can.what")[-5:] == ["searched", "looking in the groups", "in a group", "none of these", "asked for one more"]
    assert states(newcomer, "newcomer.times")[2:] == ["some are picked", "done, and nothing is picked"]
    assert states(newcomer, "newcomer.languages") == ["another?"]
    assert states(newcomer, "newcomer.languages.language")[-1] == "asked for one more"
    assert "searched" not in states(newcomer, "newcomer.languages.language")  # long, but not so long
    assert states(join, "join.keep") == ["asked for the first time", "after “tell me more”", "after yes", "after no"]
    assert states(join, "join.age") == ["asked for the first time", "after yes", "after no"]
    assert states(work, "work.jobs.country") == ["asked for the first time", "searched", "searched in vain", "asked again, with an answer"]
    picked = next(screen for screen in newcomer if screen.state == "some are picked")
    assert [button.picked for row in picked.rows for button in row if button.looks == "box"] == [True, False, True, *[False] * 4]
    consent = next(screen for screen in join if screen.step == "join.keep")
    assert 0 < consent.first_layer <= 800
    again = next(screen for screen in newcomer if screen.state == "asked again, with an answer")
    assert words.tr("common.so-far", "de", {"answer": "Olena"}) in again.text
    assert any(button.label == words.tr("common.keep", "de") for row in again.rows for button in row)


def test_the_buttons_are_laid_out_as_delivery_lays_them_out(scripts, words, programme):
    screens = screens_of(scripts, words, programme, "welcome", "ar", TODAY)
    assert [[button.label for button in row] for row in screens[0].rows] == [["English", "Deutsch"], ["العربية", "Українська"]]


def screens(scripts, words, programme, dialog, step, state, language="de"):
    """Those of one step in one state."""
    return [each for each in screens_of(scripts, words, programme, dialog, language, TODAY) if (each.step, each.state) == (f"{dialog}.{step}", state)]


def test_a_review_shows_every_dialog_that_something_was_told_in_and_that_nothing_was(scripts, words, programme):
    (told,) = screens(scripts, words, programme, "me", "what", "asked for the first time")
    for dialog in scripts["me"].steps[0].choices:
        assert words.tr(f"me.what.{dialog}", "de") in told.text
        assert words.tr(f"{dialog}.{scripts[dialog].questions[-1].id}.short", "de") in told.text
    (nothing,) = screens(scripts, words, programme, "me", "what", "there is nothing to choose from")
    assert words.tr("me.what.none", "de") in nothing.text


def test_each_outcome_that_a_condition_asks_about_is_shown_with_what_follows(scripts, words, programme):
    def after(step, outcome):
        return screens(scripts, words, programme, "organisation", step, outcome)[0].text

    assert words.tr("organisation.joined", "de") in after("join", "after it went: joined")
    assert words.tr("organisation.begin", "de") in after("join", "after it went: wrong")
    assert words.tr("organisation.founded", "de") in after("found", "after it went: founded")
    assert words.tr("organisation.begin", "de") not in after("speak", "after it went: speaks")
    assert words.tr("organisation.begin", "de") in after("speak", "after it went in another way")


@pytest.mark.parametrize(
    ("dialog", "step", "said"),
    [
        ("team", "invite", {"team.none", "team.code-is"}),
        ("team", "leave", {"team.none", "team.left", "team.left-last"}),
        ("family", "switch", {"family.nobody", "family.now"}),  # said by what the effect calls
        ("organisation", "join", {"organisation.wrong-code"}),
        ("forget", "done", {"family.forgotten", "family.nobody", "family.now"}),  # from another room
        ("mydata", "send", {"mydata.intro", "mydata.rights"}),
    ],
)
def test_what_an_effect_may_say_is_shown_with_invented_facts(scripts, words, programme, dialog, step, said):
    (shows,) = screens(scripts, words, programme, dialog, step, "what the effect may say, as it goes")
    there = "\n".join((shows.text, *shows.more))
    for sentence in said:
        assert shown(words, sentence, "de") in there, sentence
    assert "{" not in there


def test_an_effect_without_words_of_its_own_shows_none(scripts, words, programme):
    assert screens(scripts, words, programme, "organisation", "found", "what the effect may say, as it goes") == []


@pytest.mark.parametrize("dialog", ["business", "partner", "request", "network"])
def test_of_an_organisation_the_first_question_is_also_shown_to_who_speaks_for_none(scripts, words, programme, dialog):
    shows = [each for each in screens_of(scripts, words, programme, dialog, "de", TODAY) if each.state == "they speak for no organisation yet"]
    assert [words.tr("organisation.begin", "de") in each.text for each in shows] == [True]


@pytest.mark.parametrize("dialog", ["newcomer", "join", "team", "menu", "me"])
def test_a_family_chat_says_whose_turn_it_is(scripts, words, programme, dialog):
    shows = [each for each in screens_of(scripts, words, programme, dialog, "de", TODAY) if each.state == "in a chat that a family shares"]
    assert [each.text.startswith(words.tr("common.for", "de", {"name": "Olena"})) for each in shows] == [True]


def test_nobody_has_a_family_before_the_welcome(scripts, words, programme):
    assert "in a chat that a family shares" not in {each.state for each in screens_of(scripts, words, programme, "welcome", "de", TODAY)}


def test_what_no_longer_fits_is_shown_as_put_aside_in_the_summary(scripts, words, programme):
    (shows,) = screens(scripts, words, programme, "education", "summary", "an answer no longer fits, and goes when this is confirmed")
    assert words.tr("common.put-aside", "de", {"list": {"list": [{"say": "education.subject.short"}]}}) in shows.text
    (before,) = screens(scripts, words, programme, "education", "summary", "asked for the first time")
    assert words.tr("education.subject.short", "de") in before.text


def test_where_nothing_need_be_picked_done_leads_on(scripts, words, programme):
    (shows,) = screens(scripts, words, programme, "business", "portals", "done, and nothing is picked")
    assert words.tr("business.summary", "de") in shows.text
    assert "HIE-RO Portal" in screens(scripts, words, programme, "business", "portals", "asked for the first time")[0].rows[0][0].label


def test_lists_of_somebodys_own_hold_names(scripts, words, programme):
    (people,) = screens(scripts, words, programme, "family", "whom", "asked for the first time")
    (firms,) = screens(scripts, words, programme, "organisation", "which", "asked for the first time")
    assert people.rows[0][0].label == "Olena"
    assert firms.rows[0][0].label == "Example Bakery"


def with_dialog(scripts, name, steps, **more):
    there = [each for each in scripts.values() if each.dialog != name]
    return Scripts([*there, Dialog.model_validate({"dialog": name, "steps": steps, **more})])


def test_a_dialog_for_staff_is_shown_to_somebody_of_that_rank_and_above(scripts, words, programme):
    steps = [{"id": "text"}, {"id": "more", "when": "${staff} = 'admin'"}, {"id": "sure", "ask": "yes-no"}]
    changed = with_dialog(scripts, "help", steps, command="help", staff="coordinator")
    states = [(each.step, each.state) for each in screens_of(changed, words, programme, "help", "de", TODAY)]
    assert states[:3] == [("help.text", "said on the way"), ("help.more", "said on the way"), ("help.sure", "asked for the first time")]
    never = with_dialog(scripts, "help", [{"id": "text", "when": "${staff} = 'viewer'"}], command="help", staff="coordinator")
    assert [each.state for each in screens_of(never, words, programme, "help", "de", TODAY)] == ["never reached"]


@pytest.mark.parametrize("fact", ["profile", "speaks-for", "staff"])
def test_each_state_of_a_fact_is_shown_where_a_condition_asks_for_it(scripts, words, programme, fact):
    steps = [{"id": "text", "when": f"${{{fact}}} = ''"}, {"id": "more", "when": f"${{{fact}}} != ''"}]
    changed = with_dialog(scripts, "help", steps, command="help")
    assert [each.state for each in screens_of(changed, words, programme, "help", "de", TODAY)] == ["said on the way"] * 2


# ---- what is to be mended ---------------------------------------------------------------------------------------------


@pytest.fixture
def unfinished(tmp_path, scripts, programme):
    """German words with a hole, an outdated sentence and a label that no small phone has room for."""
    shutil.copytree(LOCALES, tmp_path / "locales")
    path = tmp_path / "locales" / "de" / "newcomer.po"
    text = path.read_text("utf-8")
    text = re.sub(r'(msgctxt "newcomer.town"\n(?:msgid (?:".*"\n)+))msgstr (?:".*"\n)+', r'\1msgstr ""\n', text)
    text = re.sub(r'(msgctxt "newcomer.wants.job"\nmsgid ".*"\n)msgstr ".*"', rf'\1msgstr "{"Arbeit " * 7}"', text)
    text = text.replace('msgctxt "newcomer.name"', '#, fuzzy\nmsgctxt "newcomer.name"')
    path.write_text(text, "utf-8")
    return Words(programme.languages, constants=programme.constants, namers=NAMERS, legal=scripts.legal, folder=tmp_path / "locales")


def test_what_is_not_translated_outdated_or_too_long_is_marked_where_it_stands(scripts, unfinished, programme):
    screens = screens_of(scripts, unfinished, programme, "newcomer", "de", TODAY)
    first = {screen.step: screen for screen in reversed(screens)}
    assert first["newcomer.town"].marks == ("newcomer.town is not translated",)
    assert unfinished.tr("newcomer.town", "en") in first["newcomer.town"].text
    assert first["newcomer.name"].marks == ("newcomer.name: the English has changed since",)
    assert first["newcomer.more"].marks == ()
    marked = [button for row in first["newcomer.wants"].rows for button in row if button.marks]
    assert [button.marks[0][:2] for button in marked] == ["52"], "with its number"
    page = Page(preview(scripts, unfinished, programme, "newcomer", "de", TODAY))
    assert "to mend" in page.beside
    assert "newcomer.town is not translated" in page.beside
    assert page_of("newcomer", "de").count("marked") < preview(scripts, unfinished, programme, "newcomer", "de", TODAY).count("marked")


def test_a_code_of_a_list_that_is_not_translated_is_marked_too(tmp_path, scripts, programme):
    shutil.copytree(LOCALES, tmp_path / "locales")
    path = tmp_path / "locales" / "de" / "sectors.po"
    path.write_text(re.sub(r'(msgctxt "sectors.c28"\nmsgid ".*"\n)msgstr ".*"', r'\1msgstr ""', path.read_text("utf-8")), "utf-8")
    words = Words(programme.languages, constants=programme.constants, namers=NAMERS, legal=scripts.legal, folder=tmp_path / "locales")
    (asked,) = screens(scripts, words, programme, "business", "sector", "asked for the first time")
    marked = [button.marks for row in asked.rows for button in row if button.marks]
    assert marked == [("sectors.c28 is not translated",)]
    (again,) = screens(scripts, words, programme, "business", "sector", "asked again, with an answer")
    assert again.marks == ("sectors.c28 is not translated",)


def test_a_question_without_words_shows_its_id_and_says_so(scripts, words, programme):
    steps = [
        *(step.model_dump(by_alias=True, exclude_defaults=True) for step in scripts["business"].steps),
        {"id": "hobby", "ask": "text", "purpose": "profile"},
    ]
    changed = Scripts([*(scripts[name] for name in scripts if name != "business"), Dialog.model_validate({"dialog": "business", "steps": steps})])
    screens = screens_of(changed, words, programme, "business", "de", TODAY)
    assert "business.hobby is missing: no language has it" in next(screen for screen in screens if screen.step == "business.hobby").complaints


def test_a_step_that_nobody_comes_to_is_said_to_be_one(scripts, words, programme):
    steps = [{"id": "text"}, {"id": "never", "when": "${today} = '' and ${today} != ''"}]
    changed = Scripts([*(scripts[name] for name in scripts if name != "help"), Dialog.model_validate({"dialog": "help", "command": "help", "steps": steps})])
    assert [screen.state for screen in screens_of(changed, words, programme, "help", "de", TODAY)] == ["said on the way", "never reached"]


@pytest.mark.parametrize(("dialog", "language", "there"), [("nobody", "de", "answer, business"), ("join", "tlh", "en, de, ar, uk")])
def test_an_unknown_dialog_or_language_is_refused_in_one_sentence_that_lists_what_there_is(scripts, words, programme, dialog, language, there):
    with pytest.raises(FrontdoorError, match=there) as refusal:
        preview(scripts, words, programme, dialog, language, TODAY)
    assert str(refusal.value).count(".") <= 2  # programme.yaml has one too
    assert "\n" not in str(refusal.value)


# ---- the command ------------------------------------------------------------------------------------------------------


def test_the_command_writes_a_file_says_where_and_needs_no_database(tmp_path):
    shutil.copy(ROOT / "programme.yaml", tmp_path)

    def frontdoor(*arguments):
        command = [sys.executable, "-m", "bot", "preview", *arguments]
        return subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}, capture_output=True, text=True, check=False, timeout=60)

    done = frontdoor("newcomer", "--lang", "ar")
    assert (done.returncode, done.stdout, done.stderr) == (0, "preview-newcomer-ar.html\n", "")
    assert 'dir="rtl"' in (tmp_path / "preview-newcomer-ar.html").read_text("utf-8")
    assert frontdoor("help", "--out", "x.html").stdout == "x.html\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["preview-newcomer-ar.html", "programme.yaml", "x.html"]
    for wrong in (["nobody"], ["help", "--lang", "tlh"], ["help", "--out", "no/such/folder.html"]):
        refused = frontdoor(*wrong)
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1), refused.stderr


# ---- in a real browser ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    if util.find_spec("playwright") is None:
        pytest.skip("playwright is not installed: pip install -e '.[dev]'")
    if (path := find_browser()) is None:
        pytest.skip(f"no browser found ({', '.join(BROWSERS)}): apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def dealt(number, language):
    """`make trust` looks at every dialog in every language; `make test` at all of them in two, and in each other one at every fifth."""
    return language in {"de", "ar"} or number % 5 == sorted(PLURALS).index(language) % 5


@pytest.mark.parametrize("language", [pytest.param(each, marks=pytest.mark.trust) for each in sorted(PLURALS)] if TRUST else sorted(PLURALS))
def test_nothing_sticks_out_on_a_small_phone_in_any_language(browser, everybody, tmp_path, language):
    programme, scripts, words = everybody
    page = browser.new_page(viewport={"width": 360, "height": 640})
    complaints, asked = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    for dialog in (dialog for number, dialog in enumerate(DIALOGS) if TRUST or dealt(number, language)):
        path = tmp_path / f"{dialog}.html"
        path.write_text(preview(scripts, words, programme, dialog, language, TODAY), "utf-8")
        page.goto(path.as_uri())
        outside = """all => all.map(one => [one.outerHTML, one.getBoundingClientRect()])
            .filter(([_, box]) => box.width > 0 && (box.left < -1 || box.right > innerWidth + 1)).map(([html]) => html)"""
        assert page.eval_on_selector_all("body *", outside) == [], dialog
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), dialog
        assert page.eval_on_selector_all(".phone", "all => all.length") >= len([each for each in scripts[dialog].steps if each.ask]), dialog
        spilled = "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"
        assert page.eval_on_selector_all(".phone button, .phone .words", spilled) == [], dialog
        directions = page.eval_on_selector_all(".phone", "all => all.map(one => [one.lang, getComputedStyle(one).direction])")
        assert {tuple(each) for each in directions} == {(language.replace("_", "-"), "rtl" if is_right_to_left(language) else "ltr")}, dialog
    page.close()
    assert complaints == []
    assert all(url.startswith(("file:", "data:")) for url in asked)
