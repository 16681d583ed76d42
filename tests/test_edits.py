"""What an edit of the scripts means for those in the middle of them: the sentences, and that the engine does just that."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys

import pytest
from conftest import KEYS, ROOT
from test_engine import EIGHT, ONBOARD, Person, changed
from test_intake import World

from bot import edits
from bot.settings import Settings
from dialogs.files import SCRIPTS, load_scripts
from dialogs.model import Dialog, Scripts
from dialogs.nouns import Command, Text
from storage.standing import Standing, standing
from storage.store import Store

HOBBY = {"id": "hobby", "ask": "text", "purpose": "profile"}


def without(step):
    return lambda steps: [each for each in steps if each["id"] != step]


def having(step, **change):
    return lambda steps: [{**each, **change} if each["id"] == step else each for each in steps]


def after(step, new):
    return lambda steps: [every for each in steps for every in ((each, new) if each["id"] == step else (each,))]


REMOVED = without("town")
ADDED, ADDED_BEFORE = after("town", HOBBY), after("name", HOBBY)
FEWER = having("wants", choices=["job", "internship", "training", "language-course", "found-a-business", "people"])
TEXT = having("times", ask="text", choices=None, columns=None)
DATE = having("more", ask="date", most=None)
NEWER = having("keep", version=2)
DEAF = having("town", when="${name} = 'Nobody'")


def only_set(steps):
    """None leaves a key out."""
    return [{key: value for key, value in each.items() if value is not None} for each in steps]


@pytest.fixture
def person(scripts):
    return Person(scripts)


def edit(scripts, dialog, change):
    return changed(scripts, dialog, lambda steps: only_set(change(steps)))


# ---- the engine does what the sentences say ----


def test_who_stands_at_a_removed_question_goes_on_with_the_one_that_the_sentence_names(person, scripts):
    person.talk(*ONBOARD, Text("Olena"))
    assert person.state.stands_at == "newcomer.town"
    person.scripts = edit(scripts, "newcomer", REMOVED)
    (sentence,) = edits.edits(scripts, person.scripts)
    person.talk(Text("hello?"))
    assert person.state.stands_at == "newcomer.languages"
    assert "newcomer.languages" in sentence


def test_an_answer_to_a_removed_question_is_kept_aside_and_shown_nowhere(person, scripts):
    person.talk(*ONBOARD, *EIGHT)
    person.scripts = edit(scripts, "newcomer", REMOVED)
    person.talk(".done", "join")
    assert person.answers["newcomer.town", ""].value == "Rostock"
    assert "Rostock" not in str(person.last)
    person.scripts = scripts
    person.talk(".done", "join")
    assert "Rostock" in str(person.last), "and it is there again when the question is"


@pytest.mark.parametrize("done", [0, 1, 4, len(EIGHT)])
def test_a_new_question_is_asked_of_everybody_and_what_is_answered_stays(person, scripts, done):
    person.talk(*ONBOARD, *EIGHT[:done])
    before = dict(person.answers)
    person.scripts = edit(scripts, "newcomer", ADDED)
    for heard in (*EIGHT[done:], ".done", "join"):
        if "newcomer.hobby" in person.asked:
            break
        person.talk(heard)
    assert "newcomer.hobby" in person.asked
    person.talk(Text("chess"))
    assert before.items() <= person.answers.items()


def test_a_new_part_of_a_group_is_asked_in_new_rounds_and_of_old_ones_when_they_are_opened_again(person, scripts):
    person.talk(*ONBOARD, *EIGHT[:5])
    since = {"id": "since", "ask": "number", "purpose": "profile"}
    person.scripts = edit(
        scripts, "newcomer", lambda steps: [{**each, "steps": [*each["steps"], since]} if each["id"] == "languages" else each for each in steps]
    )
    (sentence,) = edits.edits(scripts, person.scripts)
    assert "finished rounds stay without it" in sentence
    person.talk(*EIGHT[5:])
    assert "newcomer.summary" in person.asked
    person.talk("languages")
    assert "newcomer.languages.since" in person.asked


def test_a_choice_that_was_removed_is_kept_until_the_question_is_answered_again(person, scripts):
    person.talk(*ONBOARD, *EIGHT[:5], "volunteer", "job", ".done")
    person.scripts = edit(scripts, "newcomer", FEWER)
    person.talk(Text("welder"))
    assert person.answers["newcomer.wants", ""].value == "job volunteer"
    person.talk(".back", ".done")
    assert person.answers["newcomer.wants", ""].value == "job"


def test_an_answer_of_another_kind_stays_and_is_not_asked_again(person, scripts):
    person.talk(*ONBOARD, *EIGHT)
    person.scripts = edit(scripts, "newcomer", TEXT)
    person.talk(".done", "join")
    assert "newcomer.summary" in person.asked
    assert "evening" in str(person.last)


def test_what_is_said_to_be_unreadable_as_the_new_kind_is(person, scripts, words):
    person.talk(*ONBOARD, *EIGHT)
    person.scripts = edit(scripts, "newcomer", DATE)
    assert "another id" in edits.edits(scripts, person.scripts)[0]
    person.talk(".done", "join")
    line = next(part for part in person.last.parts if part.facts.get("answer") == "thanks")
    assert words.fact(line.facts["answer"], "de") == "thanks", "and is told as it is"


def test_a_newer_consent_is_asked_of_everybody_before_the_next_question_that_needs_it(person, scripts):
    person.talk(*ONBOARD, Text("Olena"))
    person.scripts = edit(scripts, "join", NEWER)
    assert "before the next question that needs it" in edits.edits(scripts, person.scripts)[0]
    person.talk(Text("Rostock"))
    assert "join.keep" in person.asked


def test_an_answer_whose_condition_no_longer_holds_is_put_aside_and_goes_with_the_summary(person, scripts):
    person.talk(*ONBOARD, *EIGHT)
    person.scripts = edit(scripts, "newcomer", DEAF)
    assert "put aside" in edits.edits(scripts, person.scripts)[0]
    person.talk(Command("menu"), "join")
    assert "common.put-aside" in person.asked
    assert ("newcomer.town", "") in person.answers
    person.talk(".done")
    assert ("newcomer.town", "") not in person.answers


def test_a_dialog_that_was_removed_gives_way_to_what_lay_below(person, scripts):
    person.talk(*ONBOARD, *EIGHT, ".done", Command("more"), "idea")
    assert person.state.stands_at == "idea.what"
    modules = edit(scripts, "modules", having("choose", choices=["work", "education", "support"]))
    me = edit(modules, "me", having("what", choices=["newcomer", "work"]))
    person.scripts = Scripts(dialog for name, dialog in me.items() if name != "idea")
    assert edits.edits(scripts, person.scripts)[0].startswith("the dialog idea was removed: its answers are kept aside")
    person.talk(Text("hello?"))
    assert "menu.choose" in person.asked


# ---- the sentences ----


@pytest.mark.parametrize(
    ("dialog", "change", "says"),
    [
        (
            "newcomer",
            REMOVED,
            "newcomer.town was removed: 12 answers are kept aside, 3 chats that stand there go on with what is open, as a rule newcomer.languages.",
        ),
        ("newcomer", ADDED, "newcomer.hobby is new: it is asked of 5 chats in the dialog, and of 14 who answered there before, when they open newcomer again."),
        ("newcomer", FEWER, "newcomer.wants: the choice volunteer was removed: 5 answers keep it, until the question is answered again."),
        ("newcomer", TEXT, "the kind of newcomer.times changed from choices to text: 1 answer is kept, but can't be read as that kind."),
        ("newcomer", DATE, "the kind of newcomer.more changed from text to date: 1 answer is kept, but can't be read as that kind."),
        ("newcomer", DEAF, "newcomer.town: the condition changed to ${name} = 'Nobody': it counts at the next message; answers that no longer fit"),
        (
            "newcomer",
            having("more", check=". != 'no'"),
            "newcomer.more: the check changed to . != 'no': new answers must satisfy it, 1 answer is not looked at again.",
        ),
        (
            "newcomer",
            without("reach"),
            "newcomer.reach was removed: 0 answers are kept aside, 0 chats that stand there go on with what is open, as a rule newcomer.times.",
        ),
        ("newcomer", without("done"), "newcomer.done was removed: it is no longer done."),
        ("join", NEWER, "the consent join.keep has another version (2): 9 people who said yes to an older one are asked again before the next question"),
        ("help", after("text", {"id": "more"}), "help.more is new: it is said from now on; 0 chats in the dialog may still come by."),
        ("team", having("what", choices=["invite", "leave"]), None),
    ],
)
def test_each_change_is_one_sentence_with_its_numbers(scripts, dialog, change, says):
    known = Standing(
        answers={"newcomer.town": 12, "newcomer.times": 1, "newcomer.more": 1},
        codes={("newcomer.wants", "volunteer"): 5},
        dialogs={"newcomer": 14},
        places={"newcomer.town": 3, "newcomer.name": 2},
        consents={("profile", 1): 9, ("profile", 2): 4},
    )
    new = edit(scripts, dialog, change)
    with_numbers, without_numbers = edits.edits(scripts, new, known), edits.edits(scripts, new)
    assert [each for each in with_numbers if says and each.startswith(says)] or not says, with_numbers
    assert len(with_numbers) == len(without_numbers) == (1 if says else 0)
    assert not any(
        character.isdigit() for each in without_numbers for character in each.partition(":")[2] if says and "version" not in says and "check" not in says
    )


def test_scripts_that_are_the_same_change_nothing(scripts):
    assert edits.edits(scripts, scripts) == []


def test_commands_owners_and_ranks_are_compared_too(scripts):
    def of(**change):
        data = scripts["help"].model_dump(by_alias=True, exclude_defaults=True) | change
        return edits.edits(scripts, Scripts([*(each for name, each in scripts.items() if name != "help"), Dialog.model_validate(data)]))[0]

    assert of(command="aid") == "help: the command /help became /aid: who sends the old one is told that it is unknown."
    assert "staff from viewer on" in of(staff="viewer")
    assert "everything is asked again" in of(of="organisation")


# ---- with a database ----


async def answered(store, scripts, words, programme):
    """Two newcomers: one is through, one stands at the town."""
    world = World(store, scripts, words, programme)
    for number, lines in ((1, (*EIGHT, ".done")), (2, EIGHT[:1])):
        await world.onboard(number)
        for line in lines:
            await (world.press(number, line) if isinstance(line, str) else world.text(number, line.text))


async def test_the_database_is_counted(store, scripts, words, programme):
    await answered(store, scripts, words, programme)
    async with store.read() as unit:
        known = await standing(unit)
    assert (known.answers["newcomer.name"], known.answers["newcomer.town"], known.answers["newcomer.languages.level"]) == (2, 1, 1)
    assert known.codes["newcomer.wants", "job"] == 1
    assert known.dialogs == {"join": 2, "newcomer": 2}
    assert known.places == {"newcomer.town": 1}
    assert known.consents == {("profile", 1): 2}
    assert known.versions["newcomer.name"] == scripts["newcomer"].version
    assert edits.running(scripts, known) == []
    fewer = edit(edit(edit(scripts, "newcomer", REMOVED), "newcomer", ADDED_BEFORE), "join", NEWER)
    said = edits.running(edit(fewer, "newcomer", having("wants", choices=["people", "training"])), known)
    assert said == [
        "newcomer.town is not in the scripts (any more; last in version 2): 1 answer is kept aside.",
        "newcomer.wants: the choice job was removed: 1 answer keeps it, until the question is answered again.",
        "newcomer.town is not in the scripts (any more): 1 chat that stands there goes on with whatever is open in newcomer, or to the menu.",
        "newcomer.hobby is new: it is asked of 1 chat in the dialog, and of 2 who answered there before, when they open newcomer again; nobody has answered it yet.",
        "the consent join.keep has another version (2): 2 people who said yes to an older one are asked again before the next question that needs it.",
    ]


async def test_an_empty_database_has_nothing_to_say(store, scripts):
    async with store.read() as unit:
        known = await standing(unit)
    assert known == Standing()
    assert edits.running(scripts, known) == []


async def test_a_database_that_is_not_there_or_is_another_ones_is_said_to_be(tmp_path):
    import sqlite3

    missing = await edits.look(Settings(data_dir=tmp_path, _env_file=None))
    assert missing.endswith("frontdoor.db is not there yet")
    connection = sqlite3.connect(tmp_path / "frontdoor.db")
    connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    connection.execute("INSERT INTO alembic_version VALUES ('0001')")
    connection.commit()
    connection.close()
    assert "has schema 0001" in await edits.look(Settings(data_dir=tmp_path, _env_file=None))
    (tmp_path / "frontdoor.db").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    assert "no database of ours" in await edits.look(Settings(data_dir=tmp_path, _env_file=None))
    assert "." in await edits.look(Settings(database_url="postgresql://nobody@127.0.0.1:1/none", _env_file=None))


# ---- the command ----


def test_the_command_compares_with_an_older_folder_and_says_when_it_cannot_count(tmp_path):
    shutil.copytree(SCRIPTS, tmp_path / "old" / "dialogs" / "scripts")
    older = tmp_path / "old" / "dialogs" / "scripts" / "help.yaml"
    older.write_text(older.read_text("utf-8") + "  - id: gone\n", "utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FRONTDOOR_")}
    environment |= {"PYTHONPATH": str(ROOT), "FRONTDOOR_PROGRAMME": str(ROOT / "programme.yaml"), "FRONTDOOR_DATA_DIR": str(tmp_path / "var")}

    def frontdoor(*arguments):
        command = [sys.executable, "-m", "bot", "check", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60)

    done = frontdoor("--against", "old")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Without numbers: ")
    assert lines[1] == "help.gone was removed: it is no longer said."
    assert lines[2].startswith("All is well")
    assert frontdoor("--against", "old/dialogs/scripts").stdout == done.stdout
    assert frontdoor("--running").stdout.splitlines()[0].startswith("Without numbers: ")
    assert not (tmp_path / "var").exists(), "looking makes nothing"
    for wrong in ("nowhere", "."):
        refused = frontdoor("--against", wrong)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "holds no scripts" in refused.stderr


async def test_the_command_counts_what_the_database_holds(database, clock, scripts, words, programme, tmp_path):
    store = Store.at(database, KEYS, clock)
    await answered(store, scripts, words, programme)
    await store.close()
    shutil.copytree(SCRIPTS, tmp_path / "old")
    path = tmp_path / "old" / "newcomer.yaml"
    path.write_text(path.read_text("utf-8").replace("  - id: town\n", "  - id: place\n").replace("    version: 1\n", "    version: 2\n"), "utf-8")
    known = await edits.look(Settings(database_url=database, data_dir=tmp_path, _env_file=None))
    said = edits.edits(edits.scripts_of(tmp_path / "old"), scripts, known)
    assert said == [
        "newcomer.place was removed: 0 answers are kept aside, 0 chats that stand there go on with what is open, as a rule newcomer.town.",
        "newcomer.town is new: it is asked of 1 chat in the dialog, and of 2 who answered there before, when they open newcomer again.",
    ]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FRONTDOOR_")}
    environment |= {"PYTHONPATH": str(ROOT), "FRONTDOOR_PROGRAMME": str(ROOT / "programme.yaml"), "FRONTDOOR_DATABASE_URL": database}
    command = [sys.executable, "-m", "bot", "check", "--running", "--against", "old"]
    done = await asyncio.to_thread(subprocess.run, command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:-1] == said


def test_a_folder_of_scripts_that_do_not_load_is_refused_with_file_and_line(tmp_path):
    shutil.copytree(SCRIPTS, tmp_path / "scripts")
    (tmp_path / "scripts" / "help.yaml").write_text("dialog: help\nsteps:\n  - id: a\n    aks: text\n", "utf-8")
    with pytest.raises(edits.FrontdoorError, match=r"help\.yaml:4"):
        edits.scripts_of(tmp_path / "scripts")
    assert {*load_scripts()} == {*edits.scripts_of(SCRIPTS)}
