"""`frontdoor check`: everything that it must refuse, each with the place to look at."""

from __future__ import annotations

import shutil

import pytest

from bot.app import words_for
from bot.check import check
from bot.sources import NAMERS
from dialogs.files import SCRIPTS, ScriptError, load_scripts
from translations.catalogues import LOCALES
from translations.words import Words


@pytest.fixture
def complaints(tmp_path, programme):
    """What check says when these pieces of these files are others."""
    shutil.copytree(SCRIPTS, tmp_path / "scripts")
    shutil.copytree(LOCALES, tmp_path / "locales")

    def say(*changes, entrances=None):
        for file, old, new in changes:
            path = tmp_path / ("locales" if file.endswith(".po") else "scripts") / file
            text = path.read_text("utf-8") if path.exists() else ""
            assert old in text, "the test changes nothing"
            path.write_text(text.replace(old, new, 1), "utf-8")
        try:
            scripts = load_scripts(tmp_path / "scripts")
        except ScriptError as error:
            return str(error).split("\n")
        words = Words(programme.languages, constants=programme.constants, namers=NAMERS, legal=scripts.legal, folder=tmp_path / "locales")
        return check(scripts, words, programme.entrances if entrances is None else entrances)

    return say


def test_nothing_is_refused_of_what_is_shipped(complaints):
    assert complaints() == []


STAFF = (
    "dialog: desk\ncommand: desk\nstaff: coordinator\nsteps:\n  - id: what\n    ask: choice\n    choices: [one, two]\n  - id: one\n    when: ${what} = 'one'\n"
)


@pytest.mark.parametrize(
    ("changes", "where", "says"),
    [
        pytest.param([("team.yaml", "ask: choice", "aks: choice")], "team.yaml:10", "'aks' is not known here", id="an unknown key"),
        pytest.param([("team.yaml", "ask: choice\n", "ask: choise\n")], "team.yaml:10", "choise|Input should be", id="an unknown kind"),
        pytest.param([("team.yaml", "ask: choice\n", "ask: choice\n    ask: text\n")], "team.yaml:11", "written twice", id="a key written twice"),
        pytest.param([("team.yaml", "${sure} = 'yes'", "${sure} = ")], "team.yaml:22", "a value is missing", id="a broken condition"),
        pytest.param(
            [("team.yaml", "when: ${what} = 'invite'", "when: ${sure} = 'yes'")],
            "team.yaml:12",
            "which no earlier step of this dialog asks",
            id="a later answer",
        ),
        pytest.param(
            [("help.yaml", "id: text", "id: text\n    when: ${work.nowhere} = 'x'")], "help.yaml: text", "no question of any dialog", id="nobody's answer"
        ),
        pytest.param(
            [("team.yaml", "goto: organisation", "goto: organization")], "team.yaml: other", "no dialog or question 'organization'", id="goto nowhere"
        ),
        pytest.param([("menu.yaml", "role, family", "roles, family")], "menu.yaml: choose", "no dialog or question 'roles'", id="a choice of a dialog nowhere"),
        pytest.param([("me.yaml", "idea, support", "ideas, support")], "me.yaml: what", "no dialog or question 'ideas'", id="a review of nothing"),
        pytest.param(
            [("role.yaml", "goto: join.role", "goto: join.role\n  - id: after")],
            "role.yaml: after",
            "can't be reached, again always leads elsewhere",
            id="after a goto",
        ),
        pytest.param(
            [("modules.yaml", "idea, support]", "support]"), ("me.yaml", "idea, ", "")], "idea.yaml", "nothing leads to this dialog", id="no way there"
        ),
        pytest.param(
            [("organisation.yaml", "${begin} = 'found'", "${begin} = 'fuond'")],
            "organisation.yaml: found",
            "compares begin with 'fuond'",
            id="a typo in a condition",
        ),
        pytest.param([("organisation.yaml", "${begin} = 'found'", "('fuond' = ${begin})")], "organisation.yaml: found", "'fuond'", id="a typo, turned round"),
        pytest.param([("team.yaml", "${sure} = 'yes'", "${sure} = 'Yes'")], "team.yaml: leave", "there are yes, no", id="a typo in a yes"),
        pytest.param([("modules.yaml", "= 'business'", "= 'busines'")], "modules.yaml: business", "compares join.role with 'busines'", id="a typo elsewhere"),
        pytest.param(
            [("education.yaml", "when: ${recognition} = 'yes'", "when: selected(${level}, 'jobb')")],
            "education.yaml: country",
            "compares level with 'jobb'",
            id="a typo among several",
        ),
        pytest.param(
            [("welcome.yaml", "= 'telegram'", "= 'telegraf'")], "welcome.yaml: telegram-sees", "there are email, telegram, terminal, web", id="a typo in a fact"
        ),
        pytest.param([("newcomer.yaml", "id: town", "id: religion")], "newcomer.yaml:11", "no dialog may ask", id="a forbidden question"),
        pytest.param(
            [("newcomer.yaml", "id: town", "id: date-of-birth")], "newcomer.yaml:11", "name its impact assessment", id="a forbidden one of three words"
        ),
        pytest.param([("newcomer.yaml", "share: newcomers.town", "share: newcomers.twon")], "newcomer.yaml: town", "no shared column", id="an unknown column"),
        pytest.param(
            [("newcomer.yaml", "share: newcomers.town", "share: languages.level")], "newcomer.yaml: town", "one row per round", id="a column of rounds"
        ),
        pytest.param(
            [("newcomer.yaml", "purpose: profile", "purpose: profit")], "newcomer.yaml: name", "no dialog asks for the consent 'profit'", id="no consent"
        ),
        pytest.param([("team.yaml", "effect: invite-colleague", "effect: invite")], "team.yaml: invite", "no effect 'invite'", id="an unknown effect"),
        pytest.param([("business.yaml", "from: sectors", "from: sektors")], "business.yaml: sector", "no source 'sektors'", id="an unknown source"),
        pytest.param(
            [("family.yaml", "from: my-profiles", "from: my-profils")], "family.yaml: whom", "no source 'my-profils'", id="an unknown list of one's own"
        ),
        pytest.param(
            [("desk.yaml", "", STAFF), ("menu.yaml", " join,", " desk, join,")], "menu.yaml: choose", "is for staff (coordinator)", id="staff's, by a choice"
        ),
        pytest.param(
            [("desk.yaml", "", STAFF), ("role.yaml", "goto: join.role", "goto: desk.what")],
            "role.yaml: again",
            "desk, which is for staff",
            id="staff's, by goto",
        ),
        pytest.param([("desk.yaml", "", STAFF.replace(": coordinator", ": boss"))], "desk.yaml:3", "Input should be", id="an unknown rank"),
        pytest.param([("join.yaml", "seal: bea27b82282e", "seal: 000000000000")], "join.yaml: keep", "raise `version:`", id="a changed consent"),
        pytest.param([("en/team.po", '"team.sure"', '"team.shure"')], "locales/en/team.po", "the sentence team.sure is missing", id="no English"),
        pytest.param([("en/team.po", '"team.sure"', '"team.shure"')], "en/team.po:", "nothing says the sentence team.shure", id="English too much"),
        pytest.param([("uk/team.po", '"team.sure"', '"team.shure"')], "locales/uk/team.po", "team.sure is not translated", id="no Ukrainian"),
        pytest.param([("uk/team.po", '"team.sure"', '"team.shure"')], "uk/team.po:", "English has no sentence team.shure", id="Ukrainian too much"),
        pytest.param([("en/team.po", '"team.code-is"', '"team.kode-is"')], "locales/en/team.po", "team.code-is is missing", id="a sentence of Python"),
        pytest.param([("de/team.po", "Jemanden einladen", "Jemanden einladen" * 3)], "de/team.po:", "longer than 40", id="a button too long"),
        pytest.param(
            [("de/team.po", "➕ Invite a colleague", "➕ Invite someone")],
            "de/team.po:",
            "translated from another English sentence",
            id="an outdated translation",
        ),
    ],
)
def test_is_refused_with_the_place_to_look_at(complaints, changes, where, says):
    import re

    there = complaints(*changes)
    assert any(where in each and re.search(says if "|" in says else re.escape(says), each) for each in there), there
    assert all(each.endswith(".") for each in there)


def test_an_entrance_that_brings_what_nobody_can_answer_is_refused(complaints):
    assert "the entrance sme brings join.role: shop" in complaints(entrances={"sme": {"join.role": "shop"}})[0]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param([("organisation.yaml", "${join} = 'wrong'", "${join} = 'worn-out'")], id="an outcome that the effect never gives"),
        pytest.param([("family.yaml", "${whom} != ''", "${whom} != 'anybody'")], id="a list that only the database knows"),
        pytest.param([("find.yaml", "${name} != ''", "${name} != 'none'")], id="words"),
        pytest.param([("education.yaml", "${level} != 'none'", "not(${level} = 'none')")], id="another way to say it"),
    ],
)
def test_what_may_be_right_is_not_refused(complaints, changes):
    assert complaints(*changes) == []


def test_a_door_to_staff_that_asks_for_the_rank_itself_is_not_refused(complaints):
    goto = "  - id: desk\n    when: ${staff} = 'coordinator' or ${staff} = 'admin'\n    goto: desk\n"
    there = complaints(("desk.yaml", "", STAFF), ("help.yaml", "steps:\n", "steps:\n" + goto))
    assert there
    assert not any("for staff" in each for each in there)


def test_the_words_of_every_language_are_looked_at(scripts, programme, words):
    assert {*words.languages} == {*programme.languages}
    assert check(scripts, words_for(programme, scripts)) == []
