"""Any XLSForm is a dialog: whatever an organiser brings becomes one, or is refused with sheet, row and remedy."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import shutil
import zipfile
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path

import openpyxl
import pytest
from conftest import ROOT, SHARED, until
from doors import TerminalDoor
from forms_walk import Filler, instance_of, judged
from sqlalchemy import select

from bot.app import House, _watch, furnish, refurnish, stamp
from bot.effects.staff import invite
from bot.errors import FrontdoorError
from bot.exports import export_form, write_export
from bot.forms import close_form, import_form, list_forms
from bot.settings import Settings
from dialogs.asking import Asking, short
from dialogs.filled import Filled, filled_of
from dialogs.functions import OF_LISTS
from dialogs.labels import code_of_language, readable
from dialogs.model import Dialog, Scripts
from dialogs.nouns import Answer, Command, Frame, Known, Need, Press, Resume, State, Text
from dialogs.sheets import FormError, read_form
from dialogs.turn import take_turn
from dialogs.xlsform import Wishes, dialog_name, form_of
from storage import submissions, tables

FORMS = Path(__file__).parent / "forms"
OURS = sorted(path for path in FORMS.glob("*.md") if path.name != "README.md")
REAL = sorted((SHARED / "data" / "xlsforms").glob("*.xls*")) if (SHARED / "data" / "xlsforms").exists() else []
ALL_ALLOWED = Wishes(anonymous=False, dpia="2026-1")
EXPECTED_REFUSALS = {"or_other.xlsx": "its list has no column 'yes'"}  # `pastel=yes` without quotes: ODK offers nothing there either


def form(markdown, wishes=ALL_ALLOWED, attached=None):
    return form_of(read_form(markdown.encode(), "form.md"), wishes, attached)


def refused(markdown, wishes=ALL_ALLOWED):
    with pytest.raises(FormError) as refusal:
        form(markdown, wishes)
    return [str(finding) for finding in refusal.value.findings]


def with_form(scripts, made):
    dialog = Dialog.model_validate(made.script).model_copy(update={"attached": {name: tuple(rows) for name, rows in made.tables.items()}})
    return Scripts([*scripts.values(), dialog]), dialog


def attached_to(path):
    return {each.name: each.read_bytes() for each in (path.parent / f"{path.stem}-media").glob("*")}


def xform_of(path):
    pytest.importorskip("rxeval", reason="an oracle, where it is at hand: pip install rxeval")
    from pyxform.xls2xform import convert

    return convert(xlsform=io.BytesIO(path.read_bytes()), validate=False, file_type=".md" if path.suffix == ".md" else path.suffix).xform


# ---- filled in by chance, to the end, beside an independent judge ----------------------------------------------------------


@pytest.mark.filterwarnings("ignore")  # openpyxl's, about styles
@pytest.mark.parametrize("path", [*OURS, *REAL], ids=lambda path: path.name)
def test_a_form_is_filled_in_to_the_end_in_each_of_its_languages_and_nothing_is_left_open(path, scripts, rnd, show):
    rxeval = pytest.importorskip("rxeval", reason="an oracle, where it is at hand: pip install rxeval")
    try:
        made = form_of(read_form(path.read_bytes(), path.name), ALL_ALLOWED, attached_to(path))
    except FormError as refusal:
        assert EXPECTED_REFUSALS.get(path.name, "nothing") in str(refusal)
        show("forms", f"{path.name}: refused for a listed reason")
        return
    everything, dialog = with_form(scripts, made)
    xform, left, compared, filled, reasons = xform_of(path), [], 0, 0, Counter()
    for language in made.languages:
        for _ in range(2):
            filler = Filler(everything, dialog, rnd, language).fill()
            filled += 1
            count, differ = judged(filler, xform, rxeval)
            compared += count
            reasons.update(reason for _, reason in differ if reason)
            left += [each for each, reason in differ if not reason]
    show(
        "forms", f"{path.name}: languages={len(made.languages)} filled={filled} compared={compared} disagreements={len(left)} reasoned={sum(reasons.values())}"
    )
    assert compared
    assert left == []


def test_what_the_judge_is_asked_would_notice_an_answer_that_is_missing(scripts, rnd):
    """The control: a question that was wrongly left out, an answer that breaks its rule."""
    rxeval = pytest.importorskip("rxeval", reason="an oracle, where it is at hand: pip install rxeval")
    markdown = """
| survey |
| | type | name | label | required | constraint | relevant |
| | integer | a | A | yes | . < 10 | |
| | text | b | B | yes | | ${a} > 2 |
"""
    made = form(markdown)
    everything, dialog = with_form(scripts, made)
    filler = Filler(everything, dialog, rnd)
    filler.answers = {("form-form.a", ""): Answer("given", "12")}
    from pyxform.xls2xform import convert

    xform = convert(xlsform=markdown, validate=False).xform
    kinds = {each["kind"] for each in rxeval.submission_findings(xform, instance_of(xform, filler))}
    assert kinds == {"constraint", "required"}


@pytest.mark.parametrize("broken", ["conditions", "checks", "sums"])
def test_a_broken_engine_is_caught_by_the_judge(broken, scripts, rnd, monkeypatch):
    rxeval = pytest.importorskip("rxeval", reason="an oracle, where it is at hand: pip install rxeval")
    if broken == "conditions":
        monkeypatch.setattr(Asking, "applies", lambda *_: True)
    elif broken == "checks":
        monkeypatch.setattr(Asking, "fits", lambda *_: True)
    else:
        monkeypatch.setitem(OF_LISTS, "sum", (1, 1_000, lambda values: float(len(values))))
    path = FORMS / ("pantry.md" if broken == "sums" else "neighbours-1.md")
    everything, dialog = with_form(scripts, form_of(read_form(path.read_bytes(), path.name), ALL_ALLOWED))
    left = []
    for _ in range(40):
        left += [each for each, reason in judged(Filler(everything, dialog, rnd).fill(), xform_of(path), rxeval)[1] if not reason]
    assert left


# ---- what becomes of a form ------------------------------------------------------------------------------------------------


def test_languages_are_known_by_whatever_name_people_write():
    for called, code in {
        "English (EN)": "en",
        "english": "en",
        "en": "en",
        "العربية (ar)": "ar",
        "العربية": "ar",
        "Arabic": "ar",
        "Dari": "fa_AF",
        "Dari (prs)": "fa_AF",
        "Deutsch": "de",
        "German": "de",
        "Français": "fr",
        "francais": "fr",
        "Українська (uk)": "uk",
        "ukrainian": "uk",
        "Kurmanji": "ku",
        "Polski": "pl",
        "Klingonese of Nowhere": "",
    }.items():
        assert code_of_language(called) == code, called


def test_labels_lose_their_markdown_and_html_and_keep_their_words():
    assert readable("# Title\n**Bold** and <span style='color:red'>red</span>, 2 * 3 * 4 &lt; 30<br>[here](https://example.org)") == (
        "Title\nBold and red, 2 * 3 * 4 < 30\nhere (https://example.org)"
    )
    assert readable("snake_case_name and __init__ of a\tform") == "snake_case_name and init of a form"


def test_an_organiser_hears_what_is_different_in_a_chat_what_is_left_out_and_what_is_missing():
    told = "\n".join(
        map(
            str,
            form(
                """
| survey |
| | type | name | label::English (en) | label::Deutsch (de) | appearance |
| | rank l | order | Order | | |
| | barcode | code | Code | Code | |
| | image | sign | Sign here | Hier unterschreiben | signature |
| | audio | voice | Say it | Sag es | |
| | deviceid | device | | | |
| choices |
| | list_name | name | label::English (en) | label::Deutsch (de) |
| | l | a | A | A |
| | l | b | B | B |
"""
            ).findings,
        )
    )
    for wanted in (
        "survey, row 2, type: order: the choices are pressed in order",
        "survey, row 3, type: code: the code is typed in",
        "survey, row 4, appearance: sign: a photo is sent instead.",
        "survey, row 5, type: voice asks for a voice message, which can't be sent here; it is left out.",
        "survey, row 6, type: device is not taken",
    ):
        assert wanted in told


def test_what_is_required_and_can_not_be_done_is_refused_with_its_row_and_a_remedy():
    markdown = """
| survey |
| | type | name | label | required |
| | text | a | A | |
| | video | v | V | yes |
| | geopoint | g | G | yes |
"""
    assert refused(markdown, Wishes(anonymous=False)) == [
        "survey, row 3, type: v asks for a video, which can't be sent here, and it is required. Make it optional, or ask in another way.",
        "survey, row 4, type: g asks for an exact place, which could lead somebody to a person's door, and it is required. Ask for the town instead; or name its impact assessment: --dpia ID",
    ]


def test_a_name_that_is_taken_too_long_or_in_another_script_becomes_an_id_and_keeps_its_column():
    made = form(
        """
| survey |
| | type | name | label | relevant |
| | text | today | When? | |
| | text | Votre.nom | Your name | |
| | text | a_name_that_goes_on_and_on_as_kobo_makes_them_from_whole_labels | Long | ${Votre.nom} = 'x' |
| | begin group | g | | |
| | text | today | Again? | |
| | end group | | | |
| | text | ім_я | Name | |
"""
    )
    columns = {step["column"]: step["id"] for step in made.script["steps"] if "column" in step}
    assert set(columns) == {"today", "Votre.nom", "a_name_that_goes_on_and_on_as_kobo_makes_them_from_whole_labels", "g/today", "ім_я"}
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,31}", each) for each in columns.values())
    assert len(set(columns.values())) == 5


def test_a_reference_to_what_is_left_out_counts_as_empty_and_is_said():
    made = form(
        """
| survey |
| | type | name | label | relevant |
| | text | b | B | ${voice} = '' |
| | audio | voice | Say it | |
"""
    )
    assert next(step for step in made.script["steps"] if step["id"] == "b")["when"] == "'' = ''"
    assert any("b asks about voice, which is left out" in str(each) for each in made.findings)


def survey(*rows, choices=(), head="type | name | label | relevant | calculation | constraint | required | choice_filter | default | read_only | repeat_count"):
    width = head.count("|") + 1
    lines = [f"| | {' | '.join([*row, *[''] * (width - len(row))])} |" for row in rows]
    listed = "\n".join(f"| | {' | '.join(row)} |" for row in choices)
    return f"| survey |\n| | {head} |\n" + "\n".join(lines) + (f"\n| choices |\n{listed}\n" if choices else "\n")


def test_two_lists_never_become_one_and_a_column_may_be_called_code():
    year = "main_source_of_income_for_household_"
    made = form(
        survey(
            (f"select_one {year}2024", "a", "A"),
            (f"select_one {year}2025", "b", "B"),
            ("range", "c", "C"),
            ("select_one town", "d", "D"),
            choices=(("list_name", "name", "label", "code"), (f"{year}2024", "x", "X", ""), (f"{year}2025", "y", "Y", ""), ("town", "kyiv", "Kyiv", "UA30")),
        )
    )
    offered = {
        step["id"]: [row["name"] for row in made.script["lists"][step["from"].removeprefix("lists.")]] for step in made.script["steps"] if "from" in step
    }
    assert (offered["a"], offered["b"], offered["d"]) == (["x"], ["y"], ["kyiv"])
    assert made.script["lists"]["town"] == [{"name": "kyiv", "code": "UA30"}]


def test_a_country_in_brackets_is_no_language():
    wanted = {
        "English (UK)": "en",
        "Ukrainian (UA)": "uk",
        "Dari (AF)": "fa_AF",
        "Portuguese (BR)": "pt",
        "Arabic (SA)": "ar",
        "Mine (tr)": "tr",
        "Swedish (SE)": "sv",
    }
    assert {called: code_of_language(called) for called in wanted} == wanted


def filled(scripts, rnd, markdown, *heard):
    everything, dialog = with_form(scripts, form(markdown))
    filler = Filler(everything, dialog, rnd)
    filler.hear(Resume())
    for each in heard:
        filler.hear(Press(filler.state.frames[-1].prompt, each[1:]) if each.startswith("#") else Text(each))
    return filler


def test_a_constraint_may_call_its_own_question_by_name(scripts, rnd):
    filler = filled(scripts, rnd, survey(("integer", "age", "Age", "", "", "${age} < 120", "yes"), ("text", "more", "More")), "130", "30")
    assert filler.answers["form-form.age", ""].value == "30"


def test_what_was_passed_over_unasked_is_asked_when_there_is_something_to_choose(scripts, rnd):
    rows = (
        ("select_one region", "region", "Region"),
        ("select_one town", "town", "Town", "", "", "", "", "region = ${region}"),
        ("text", "more", "More"),
    )
    listed = (("list_name", "name", "label", "region"), ("region", "a", "A", ""), ("region", "b", "B", ""), ("town", "x", "X", "b"))
    filler = filled(scripts, rnd, survey(*rows, choices=listed), "#a", "enough", "#region", "#b")
    assert filler.state.frames[-1].step == "town"


def test_the_rounds_of_a_repeat_see_each_other_by_number(scripts, rnd):
    rows = (
        ("begin repeat", "r", "R", "", "", "", "", "", "", "", "3"),
        ("integer", "x", "X"),
        ("calculate", "first", "", "", "indexed-repeat(${x}, ${r}, 1)"),
        ("calculate", "before", "", "", "indexed-repeat(${x}, ${r}, position(..) - 1)"),
        ("calculate", "all", "", "", "count(${r})"),
        ("end repeat",),
        ("text", "last", "Last"),
    )
    filler = filled(scripts, rnd, survey(*rows), "10", "20", "30")
    made = filled_of(filler.scripts, filler.dialog, filler.known, "en")
    assert [(each.values["r/first"], each.values.get("r/before"), each.values["r/all"]) for each in made.rounds["r"]] == [
        ("10", None, "3"),
        ("10", "10", "3"),
        ("10", "20", "3"),
    ]


def test_a_round_that_was_begun_by_mistake_is_undone_whatever_stands_first_in_it(scripts, rnd):
    rows = (
        ("begin repeat", "r", "R"),
        ("note", "hello", "Hello"),
        ("calculate", "n", "", "", "position(..)"),
        ("text", "x", "X", "", "", "", "yes"),
        ("end repeat",),
    )
    filler = filled(scripts, rnd, survey(*rows, ("text", "last", "Last")), "#.again", "#.back", "#.enough")
    assert filler.state.frames[-1].step == "last"


def test_names_and_texts_that_trip_nobody_up(scripts, rnd):
    made = form(
        survey(
            ("begin repeat", "child", "Child"),
            ("text", "child", "Name"),
            ("end repeat",),
            ("text", "city", "City", "", "", "", "", "", "Berlin", "yes"),
            ("calculate", "told", "", "", "concat(' /x/b ', ${city})"),
            ("text", "form-age", "&nbsp;"),
            ("select_one dots", "d", "Please\u00a0choose", "${city} = 'Berlin'"),
            ("integer", "n", "<br>", "", "1 + 1"),
            choices=(("list_name", "name", "label"), ("dots", "." + "x" * 60, "Long"), ("dots", ".skip", "Skip it")),
        )
    )
    everything, dialog = with_form(scripts, made)
    assert {step.id for step in dialog.every} >= {"child", "child-2", "city", "city-shown", "age"}
    filler = Filler(everything, dialog, rnd).fill()
    assert filled_of(everything, dialog, filler.known, "en").values["told"] == " /x/b Berlin"
    data = [option.code for message in filler.said for option in message.options]
    assert all(len(f"q:123456789012:{code}".encode()) <= 64 for code in data)
    assert all(
        name in made.texts or name in made.framed or part.optional for message in filler.said for part in message.parts if (name := part.id).startswith("form-")
    )


def test_a_question_that_a_new_version_has_no_more_is_no_fault_in_the_summary(scripts, rnd):
    filler = filled(scripts, rnd, survey(("text", "a", "A"), ("text", "b", "B")), "one", "two")
    filler.scripts, filler.dialog = with_form(scripts, form(survey(("text", "a", "A"), ("text", "c", "C"))))
    filler.hear(Press(filler.state.frames[-1].prompt, "b"))
    assert filler.state.frames[-1].step == "c"


# ---- bad input: one readable list, nothing half-imported ---------------------------------------------------------------------

HEAD = ("type", "name", "label", "relevant", "calculation", "constraint")


def book(survey, choices=(), names=("survey", "choices")):
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in zip(names, (survey, choices), strict=False):
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def packed(**parts):
    """A workbook whose parts are other than they should be."""
    file, good = io.BytesIO(), zipfile.ZipFile(io.BytesIO(book([HEAD, ("text", "a", "A")])))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name in good.namelist():
            made.writestr(name, parts.get(Path(name).stem, good.read(name)))
    return file.getvalue()


def many_rows(number):
    made = openpyxl.Workbook(write_only=True)
    sheet = made.create_sheet("survey")
    sheet.append(HEAD)
    for at in range(number):
        sheet.append(("text", f"q{at}", "Q"))
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def markdown_of(condition):
    return f"| survey |\n| | type | name | label | relevant |\n| | text | a | A | |\n| | text | b | B | {condition} |\n".encode()


BOMB = (
    b"<!DOCTYPE x ["
    + b"".join(b'<!ENTITY a%d "%s">' % (at, b"&a%d;" % (at - 1) * 10 if at else b"a" * 40) for at in range(10))
    + b"]><worksheet>&a9;</worksheet>"
)
BAD = {
    "wrong sheet names": (lambda: book([HEAD, ("text", "a", "A")], names=("Sheet1", "Sheet2")), ["no sheet called `survey`", "Sheet1"]),
    "a cyclic calculation": (
        lambda: book([HEAD, ("calculate", "a", "", "", "${b}+1"), ("calculate", "b", "", "", "${a}+1"), ("text", "t", "T")]),
        ["survey, row 2, calculation", "a needs b needs a"],
    ),
    "conditions in a circle": (lambda: book([HEAD, ("text", "a", "A", "${b}='x'"), ("text", "b", "B", "${a}='x'")]), ["survey, row 2, relevant", "needs"]),
    "an unknown type": (lambda: book([HEAD, ("texxt", "a", "A"), ("select_one", "b", "B")]), ["row 2, type", "is it text?", "row 3, type", "select_one towns"]),
    "a list that is not there": (lambda: book([HEAD, ("select_one nolist", "a", "A")], [("list_name", "name", "label")]), ["row 2, type", "'nolist'"]),
    "other content under the name": (lambda: b"<html><body>survey</body></html>", ["no XLSForm"]),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(2000), ["no spreadsheet"]),
    "nothing": (lambda: b"", ["empty"]),
    "another zip": (lambda: _zip(), ["no Excel workbook"]),
    "a file cut off": (lambda: book([HEAD, ("text", "a", "A")])[:2000], ["damaged"]),
    "an old Excel file that is none": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(5000), ["damaged"]),
    "a zip bomb": (lambda: packed(sheet1=b" " * 200_000_000), ["far larger than any form"]),
    "an XML bomb": (lambda: packed(sheet1=BOMB), ["damaged"]),
    "100,000 rows": (lambda: many_rows(100_000), ["100001 rows", "may have 20000"]),
    "5,000 questions": (lambda: many_rows(5_000), ["5000 questions", "may have 2000"]),
    "an evil pattern": (lambda: book([HEAD, ("text", "a", "A", "", "", "regex(., '(a+)+(?=b)')")]), ["row 2, constraint", "regex()"]),
    "a condition of a megabyte": (lambda: markdown_of(" or ".join(["${a} = 'x'"] * 80_000)), ["row 3, relevant", "at most 20000 characters"]),
    "brackets without end": (lambda: markdown_of("(" * 5_000 + "${a} = 'x'" + ")" * 5_000), ["row 3, relevant", "nested deeper"]),
    "many faults at once": (
        lambda: book([HEAD, ("text", "a", "Hello ${nobody}", "${nothing} > 1"), ("text", "b", "B", "foo(${a})"), ("text", "c", "C", "${a} =")]),
        ["row 2", "'nobody'", "${nothing}", "row 3, relevant", "foo()", "row 4, relevant"],
    ),
    "a group without end": (lambda: book([HEAD, ("begin group", "g", "G"), ("text", "a", "A")]), ["row 2", "begin_group"]),
    "osm questions": (lambda: book([HEAD, ("osm tags", "a", "A")], [("list_name", "name", "label"), ("tags", "b", "B")]), ["OpenStreetMap"]),
    "repeats 30 deep": (
        lambda: book([HEAD, *(("begin repeat", f"r{at}", "R") for at in range(30)), ("text", "t", "T"), *(("end repeat",) for _ in range(30))]),
        ["row 6, type", "4 deep"],
    ),
    "letters of another age": (lambda: "survey,,\n,type,name,label\n,text,a,Größe\n".encode("latin-1"), ["UTF-8"]),
    "no questions": (lambda: book([HEAD, ("note", "a", "A")]), ["no question"]),
}


def _zip():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("letter.txt", "hello")
    return file.getvalue()


@pytest.mark.parametrize("what", BAD)
def test_a_broken_spreadsheet_gets_one_readable_list_and_leaves_nothing_behind(what, tmp_path):
    make, wanted = BAD[what]
    (tmp_path / "form.xlsx").write_bytes(make())
    with pytest.raises(FrontdoorError) as refusal:
        import_form(settings_at(tmp_path), tmp_path / "form.xlsx", Wishes())
    for part in wanted:
        assert part in str(refusal.value), str(refusal.value)[:500]
    assert "Traceback" not in str(refusal.value)
    assert max(len(line) for line in str(refusal.value).splitlines()) < 700
    assert not (tmp_path / "forms").exists() or list((tmp_path / "forms").iterdir()) == []


@pytest.mark.parametrize("condition", ["${c1499}", "${c199}"], ids=["a chain of 1,500", "a tree of 2 to the 200th"])
def test_chains_of_calculations_cost_neither_the_stack_nor_the_age_of_the_universe(condition, scripts, rnd):
    if condition == "${c1499}":
        rows = [("integer", "c0", "Start"), *(("calculate", f"c{at}", "", "", f"${{c{at - 1}}}+1") for at in range(1, 1500))]
    else:
        rows = [("integer", "c0", "0"), ("integer", "c1", "1"), *(("calculate", f"c{at}", "", "", f"${{c{at - 1}}}+${{c{at - 2}}}") for at in range(2, 200))]
    made = form_of(read_form(book([HEAD, *rows, ("text", "last", f"It is {condition}", f"{condition} != ''")]), "chain.xlsx"), ALL_ALLOWED)
    everything, dialog = with_form(scripts, made)
    filler = Filler(everything, dialog, rnd)
    filler.hear(Resume())
    for _ in range(2 if condition == "${c199}" else 1):
        filler.hear(Text("1"))
    assert filler.state.frames[-1].step == "last"


# ---- in an installation ------------------------------------------------------------------------------------------------------


def settings_at(folder):
    return Settings(_env_file=None, data_dir=folder, programme=ROOT / "programme.yaml", key_file=folder / "keys", telegram_token=None, database_url="")


HOUSEHOLD = """
| survey |
| | type | name | label::English (en) | label::Deutsch (de) | required |
| | text | quarter | Which part of town? | Welcher Stadtteil? | |
| | begin repeat | member | Person | Person | |
| | text | name | First name | Vorname | |
| | begin group | work | Work | Arbeit | |
| | integer | hours | Hours of work a week | Arbeitsstunden pro Woche | |
| | end group | | | | |
| | end repeat | | | | |
| | select_multiple wish | wishes | What would help? | Was würde helfen? | |
| choices |
| | list_name | name | label::English (en) | label::Deutsch (de) |
| | wish | course | A language course | Ein Sprachkurs |
| | wish | job.1 | A job | Eine Arbeit |
| settings |
| | form_title | form_id | version |
| | Household | household_2026 | 2026-11 |
"""


def import_(folder, markdown=HOUSEHOLD, wishes=None, **options):
    (folder / "form.md").write_text(markdown, "utf-8")
    return import_form(settings_at(folder), folder / "form.md", wishes or Wishes(), **options)


def test_the_same_form_again_changes_nothing_and_a_changed_one_is_a_new_version(tmp_path):
    first = import_(tmp_path)
    before = stamp(settings_at(tmp_path).forms)
    again = import_(tmp_path)
    assert (first.version, again.version, again.before, stamp(settings_at(tmp_path).forms)) == (1, 1, 1, before)
    changed = import_(tmp_path, HOUSEHOLD.replace("Which part of town?", "Where in town?"))
    assert (changed.version, changed.before) == (1, 1), "another wording is no other question"
    assert stamp(settings_at(tmp_path).forms) != before
    longer = import_(tmp_path, HOUSEHOLD.replace("| | select_multiple", "| | text | more | More? | Mehr? | |\n| | select_multiple"))
    assert (longer.version, longer.before) == (2, 1)


def test_a_yes_to_answers_without_a_name_is_none_to_answers_with_one(tmp_path):
    def consents():
        return {purpose: step.version for purpose, (_, step) in furnish(settings_at(tmp_path))[1].consents.items() if purpose.startswith("form-")}

    import_(tmp_path)
    before = consents()
    import_(tmp_path, anonymous=False)
    assert consents().keys() == {"form-household-2026-kept"}
    shutil.rmtree(settings_at(tmp_path).forms)
    import_(tmp_path, anonymous=True)
    assert consents() == before, "the same text is the same consent, whatever became of the files"
    import_(tmp_path, HOUSEHOLD.replace("| Household |", "| Your household |"))
    assert consents() != before, "another text is another one"


async def test_a_running_house_has_a_form_without_a_restart_and_keeps_what_it_had_when_the_files_are_broken(tmp_path, store):
    settings = settings_at(tmp_path)
    house = House(settings, *furnish(settings), store)
    assert not house.scripts.forms
    import_(tmp_path)
    await refurnish(house)
    assert house.scripts.forms == ("form-household-2026",)
    assert house.words.tr("form-household-2026.quarter", "de") == "Welcher Stadtteil?"
    script = settings.forms / "form-household-2026" / "form-household-2026.yaml"
    script.write_text(script.read_text("utf-8").replace("ask: text", "ask: nonsense"), "utf-8")
    await refurnish(house)
    assert house.scripts.forms == ("form-household-2026",)
    for broken in ("a: \x01", "? [a, b]\n: c", "[" * 3_000, "\ud800".encode("utf-16", "surrogatepass")):
        script.write_bytes(broken if isinstance(broken, bytes) else broken.encode())
        await refurnish(house)
        assert house.scripts.forms == ("form-household-2026",), broken
    shutil.rmtree(script.parent)
    await refurnish(house)
    assert not house.scripts.forms


async def test_the_bot_itself_looks_for_new_forms(tmp_path, store, monkeypatch):
    settings = settings_at(tmp_path)
    house = House(settings, *furnish(settings), store)
    monkeypatch.setattr("bot.app.LOOK_AGAIN", 0.01)
    looking = asyncio.create_task(_watch(house))
    await asyncio.sleep(0)
    import_(tmp_path)
    await until(lambda: house.scripts.forms)
    looking.cancel()


def test_an_import_that_fails_at_its_last_step_leaves_the_old_form_as_it_was(tmp_path, monkeypatch):
    import_(tmp_path)
    before = stamp(settings_at(tmp_path).forms)
    rename = Path.rename

    def fails(path, target):
        if ".import-" in str(path) and "form-household-2026" in str(path):
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(FrontdoorError, match="No space left"):
        import_(tmp_path, HOUSEHOLD.replace("Which part of town?", "Where in town?"))
    assert [name for name, _ in stamp(settings_at(tmp_path).forms)] == [name for name, _ in before]
    assert furnish(settings_at(tmp_path))[2].tr("form-household-2026.quarter", "en") == "Which part of town?"


def test_two_forms_never_become_one(tmp_path):
    names = [
        dialog_name({"id_string": each}, Wishes())
        for each in ("household_survey_rostock_2026_spring", "household_survey_rostock_2026_autumn", "استبيان", "анкета", "form", "a-kept", "a")
    ]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"form-[a-z0-9-]{1,22}", each) for each in names), names
    import_(tmp_path)
    with pytest.raises(FrontdoorError, match="another form already"):
        import_(tmp_path, HOUSEHOLD.replace("household_2026 ", "household-2026 "))


def test_a_closed_form_is_asked_of_nobody_and_opens_again(tmp_path):
    with pytest.raises(FrontdoorError, match="frontdoor dialog list"):
        close_form(settings_at(tmp_path), "form-nothing")
    import_(tmp_path)
    close_form(settings_at(tmp_path), "form-household-2026")
    assert furnish(settings_at(tmp_path))[1].open_forms == ()
    close_form(settings_at(tmp_path), "form-household-2026", closed=False)
    assert furnish(settings_at(tmp_path))[1].open_forms == ("form-household-2026",)


# ---- in a conversation -------------------------------------------------------------------------------------------------------


def house_at(folder, store, markdown=HOUSEHOLD, **options):
    import_(folder, markdown, **options)
    settings = settings_at(folder)
    return House(settings, *furnish(settings), store)


async def fill_in(door, *before):
    for line in (*(before or ("/start", "#1", "/form_household_2026", "#1")), "#1", "Zzkanarek Quarter"):
        await door.say(line)
    for press in (".again", None, None, ".again", None, None, ".enough", "course", short("job.1"), ".done", ".done"):
        if press:
            await door.press(press)
        else:
            await door.say("Amina Zzkanarek" if "first name" in door.heard[-1].text.casefold() else "12")


async def test_what_is_handed_in_leads_to_nobody(tmp_path, store):
    async with TerminalDoor(house_at(tmp_path, store), "en") as door:
        await fill_in(door)
        async with store.read() as unit:
            assert len((await unit.connection.execute(select(tables.answers))).all()) == 7, "until then they are theirs: /mydata shows them, /stop erases them"
        await door.press("send")
        assert "Thank you" in door.heard[-2].text + door.heard[-1].text
        async with store.read() as unit:
            assert (await unit.connection.execute(select(tables.answers))).all() == []
            (row,) = (await unit.connection.execute(select(tables.submissions))).all()
            people = [str(each).replace("-", "") for each in (await unit.connection.execute(select(tables.people.c.id))).scalars()]
            assert not any(person in str(value).replace("-", "") for value in row for person in people)
            assert row.day == "2026-11-21", "the day, and no time"
            assert b"Zzkanarek" not in row.content
            (kept,) = await submissions.of_form(unit, "form-household-2026")
            assert "2026-11-21T" not in json.dumps(kept.filled), "no minute in what was answered either"
            assert [each["values"] for each in kept.filled["rounds"]["member"]] == [{"member/name": "Amina Zzkanarek", "member/work/hours": "12"}] * 2
            assert kept.filled["values"]["wishes"] == "course job.1"
        await door.say("/form_household_2026")  # once more: nothing is known of the first time
        assert "Which part of town?" in door.heard[-1].text


async def test_who_changes_their_mind_before_handing_in_leaves_nothing(tmp_path, store):
    async with TerminalDoor(house_at(tmp_path, store), "en") as door:
        await fill_in(door)
        await door.say("/stop")
        await door.press("form-household-2026")
        async with store.read() as unit:
            assert (await unit.connection.execute(select(tables.answers))).all() == []
            assert (await unit.connection.execute(select(tables.submissions))).all() == []


async def test_without_a_yes_nothing_is_asked_and_nothing_kept(tmp_path, store):
    async with TerminalDoor(house_at(tmp_path, store), "en") as door:
        for line in ("/start", "#1", "/form_household_2026", "#1", "#2"):
            await door.say(line)
        assert "Nothing was kept" in door.heard[-1].text
        async with store.read() as unit:
            assert (await unit.connection.execute(select(tables.people))).all() == []


async def test_answers_that_are_bound_to_the_profile_stay_theirs_and_are_exported_with_their_id(tmp_path, store, monkeypatch):
    house = house_at(tmp_path, store, anonymous=False)
    async with TerminalDoor(house, "en") as door:
        await fill_in(door)
        assert "saved" in "".join(each.text for each in door.heard[-2:])
        async with store.read() as unit:
            (person,) = (await unit.connection.execute(select(tables.people.c.id))).scalars()
            assert (await unit.connection.execute(select(tables.submissions))).all() == []
        monkeypatch.setattr("bot.exports.opened", lambda _: already(house))
        await export_form(house.settings, "form-household-2026", tmp_path / "out")
        (row,) = rows_of(tmp_path / "out" / "household_2026.csv")
        assert (row["KEY"], row["wishes"], row["FormVersion"]) == (f"uuid:{person}", "course job.1", "2026-11")
        assert [each["PARENT_KEY"] for each in rows_of(tmp_path / "out" / "household_2026-member.csv")] == [f"uuid:{person}"] * 2
        await door.say("/stop")
        await door.press("form-household-2026-kept")
        async with store.read() as unit:
            assert (await unit.connection.execute(select(tables.answers))).all() == []


@asynccontextmanager
async def already(house):
    yield house


def rows_of(path):
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))


MOMENTS = """
| survey |
| | type | name | label | calculation |
| | start | began | | |
| | calculate | at | | once(now()) |
| | calculate | clock | | once(format-date-time(now(), '%H:%M:%S')) |
| | text | mood | How are you? | |
| | text | more | And else? | |
| settings |
| | form_title | form_id |
| | Moments | moments |
"""


async def test_no_minute_gets_into_what_is_handed_in(tmp_path, store):
    async with TerminalDoor(house_at(tmp_path, store, MOMENTS), "en") as door:
        for line in ("/start", "#1", "/form_moments", "#1", "#1", "fine", "nothing"):
            await door.say(line)
        await door.press(".done")
        await door.press("send")
        async with store.read() as unit:
            (kept,) = await submissions.of_form(unit, "form-moments")
        assert kept.filled["values"] == {"began": "2026-11-21", "at": "2026-11-21", "clock": "00:00:00", "mood": "fine", "more": "nothing"}


async def test_neither_the_log_of_the_database_nor_its_order_leads_from_a_submission_to_anybody(tmp_path, sqlite_store, monkeypatch):
    house, scrubbed = house_at(tmp_path, sqlite_store, MOMENTS), []
    scrub = sqlite_store.scrub

    async def noted():
        scrubbed.append(1)
        await scrub()

    monkeypatch.setattr(sqlite_store, "scrub", noted)
    async with TerminalDoor(house, "en") as door:
        for line in ("/start", "#1", "/form_moments", "#1", "#1"):
            await door.say(line)
        async with sqlite_store.read() as unit:
            before = len((await unit.connection.execute(select(tables.changes))).all())
        for number in range(12):
            await door.say(f"fine {number}")
            await door.say("nothing")
            await door.press(".done")
            await door.press("send")
            await door.say("/form_moments")
    assert len(scrubbed) == 12, "after each the log is emptied"
    async with sqlite_store.read() as unit:
        assert len((await unit.connection.execute(select(tables.changes))).all()) == before, "no row says who it was that handed something in"
        ids = list((await unit.connection.execute(select(tables.submissions.c.id))).scalars())
        assert ids == sorted(ids, key=lambda each: each.hex), "in the order of ids that are chance"
        assert all(each.version == 4 for each in ids), "and not of time"
        moods = [each.filled["values"]["mood"] for each in await submissions.of_form(unit, "form-moments")]
    assert sorted(moods) == sorted(f"fine {number}" for number in range(12))
    assert moods != [f"fine {number}" for number in range(12)]
    async with sqlite_store.begin() as unit:
        assert await submissions.mix(unit) == 12
    async with sqlite_store.begin() as unit:
        assert await submissions.mix(unit) == 0
        assert len(await submissions.of_form(unit, "form-moments")) == 12


async def test_taking_a_forms_consent_back_takes_nothing_else(tmp_path, store):
    async with TerminalDoor(house_at(tmp_path, store), "en") as door:
        for line in ("/start", "#1", "#1", "#1", "#2", "#2", "#1", "Example Bakery"):  # a business, and its name
            await door.say(line)
        for line in ("/form_household_2026", "#1", "Zzkanarek Quarter"):
            await door.say(line)
        async with store.read() as unit:
            there = len((await unit.connection.execute(select(tables.organisation_answers))).all())
        assert there
        await door.say("/stop")
        await door.press("form-household-2026")
        async with store.read() as unit:
            assert len((await unit.connection.execute(select(tables.organisation_answers))).all()) == there
            assert len((await unit.connection.execute(select(tables.members))).all()) == 1
            assert not [row for row in (await unit.connection.execute(select(tables.answers))).all() if row.question.startswith("form-")]


async def test_the_team_does_not_see_what_waits_to_be_handed_in_without_a_name(tmp_path, store):
    house = house_at(tmp_path, store)
    async with TerminalDoor(house, "en", "somebody") as door:
        await fill_in(door, "/start", "#1", "#1", "#1", "#2", "#1", "Amina Example", "/form_household_2026")
    async with store.begin() as unit:
        number = (await unit.connection.execute(select(tables.people.c.number))).scalar()
        _, code = await invite(unit, "Anna Example", "admin")
    async with TerminalDoor(house, "en", "team") as door:
        for line in ("/start", "#1", f"/enter {code}", f"/person {number}"):
            await door.say(line)
        await door.press("open")
        reason = next(each for each in door.heard[-1].buttons if not each.startswith("."))
        await door.press(reason)
        assert "Amina Example" in door.heard[-1].text + door.heard[-2].text
        assert not any("Zzkanarek" in each.text or "language course" in each.text for each in door.heard)


async def test_a_new_question_is_asked_before_anything_is_handed_in(tmp_path, store):
    house = house_at(tmp_path, store)
    async with TerminalDoor(house, "en") as door:
        await fill_in(door)
        import_(tmp_path, HOUSEHOLD.replace("| | select_multiple", "| | text | more | More to tell? | Mehr? | |\n| | select_multiple"))
        await refurnish(house)
        await door.press("send")
        assert "More to tell?" in door.heard[-1].text
        await door.say("a little")
        assert ".done" in door.heard[-1].buttons, "all is looked over again"
        async with store.read() as unit:
            assert await submissions.counted(unit) == {}
        await door.press(".done")
        await door.press("send")
        async with store.read() as unit:
            (kept,) = await submissions.of_form(unit, "form-household-2026")
            assert kept.filled["values"]["more"] == "a little"


async def test_a_form_that_is_closed_while_its_button_is_there_is_no_fault(tmp_path, store):
    house = house_at(tmp_path, store)
    import_(tmp_path, MOMENTS)
    await refurnish(house)
    async with TerminalDoor(house, "en") as door:
        for line in ("/start", "#1", "#1", "/forms"):
            await door.say(line)
        close_form(house.settings, "form-moments")
        await refurnish(house)
        await door.press("form-moments")
        async with store.read() as unit:
            assert (await unit.connection.execute(select(tables.quarantine))).all() == []
        shutil.rmtree(house.settings.forms)
        await refurnish(house)
        await door.say("/stop")
        async with store.read() as unit:
            assert (await unit.connection.execute(select(tables.quarantine))).all() == []


def test_a_counted_repeat_is_looked_through_from_the_summary(scripts, rnd):
    path = FORMS / "neighbours-1.md"
    everything, dialog = with_form(scripts, form_of(read_form(path.read_bytes(), path.name)))
    filler = Filler(everything, dialog, rnd)
    filler.hear(Resume())
    for heard in ("2", "Amina", "tea", "Olena", "coffee"):
        top = filler.state.frames[-1]
        filler.hear(Press(top.prompt, heard) if heard in {"tea", "coffee"} else Text(heard))
    press = lambda code: filler.hear(Press(filler.state.frames[-1].prompt, code))
    press(".skip")
    assert filler.state.frames[-1].step == "form-summary"
    press("guest")
    seen = []
    while filler.state.frames[-1].step == "guest":
        top = filler.state.frames[-1]
        seen.append((top.inner, top.rounds))
        press("tea" if seen[-1] == ("drink", (2,)) else ".keep")
    assert seen == [("name", (1,)), ("drink", (1,)), ("name", (2,)), ("drink", (2,))]
    assert filler.state.frames[-1].step == "form-summary"
    assert filler.answers["form-neighbours.guest.drink", "2"].value == "tea"


def test_a_link_that_is_opened_twice_opens_one_form(scripts, rnd):
    path = FORMS / "one.md"
    everything, _ = with_form(scripts, form_of(read_form(path.read_bytes(), path.name)))
    state = State("en", frames=(Frame("welcome"),))
    for _ in range(2):
        state = take_turn(everything, state, Known({}, {}, {"channel": "web", "forms": "yes"}), Command("form_one"), {Need("languages"): ("en", "de")}).state
    assert [frame.dialog for frame in state.frames] == ["form-one", "welcome"]


# ---- export ------------------------------------------------------------------------------------------------------------------


def test_an_export_has_the_columns_and_tables_of_odk_and_no_live_formula(tmp_path):
    made = form(
        """
| survey |
| | type | name | label |
| | begin group | home | Home |
| | text | town | Town |
| | begin repeat | room | Room |
| | text | use | Use |
| | begin repeat | window | Window |
| | integer | width | Width |
| | end repeat | | |
| | end repeat | | |
| | end group | | |
| settings |
| | form_id | form_title |
| | homes | Homes |
"""
    )
    windows = [Filled({"home/room/window/width": "-3"}), Filled({"home/room/window/width": "4"})]
    filled = Filled(
        {"home/town": '=HYPERLINK("http://evil.example")'},
        {"home/room": [Filled({"home/room/use": "kitchen"}, {"home/room/window": windows}), Filled({"home/room/use": "@x"})]},
    )
    write_export(
        Dialog.model_validate(made.script),
        [({"SubmissionDate": "2026-11-28", "KEY": "uuid:1", "meta-instanceID": "uuid:1", "Language": "en"}, filled)],
        tmp_path,
    )
    (main,) = rows_of(tmp_path / "homes.csv")
    assert (main["home-town"], main["KEY"]) == ('\'=HYPERLINK("http://evil.example")', "uuid:1")
    rooms = rows_of(tmp_path / "homes-home-room.csv")
    assert [(each["use"], each["PARENT_KEY"], each["KEY"]) for each in rooms] == [
        ("kitchen", "uuid:1", "uuid:1/home-room[1]"),
        ("'@x", "uuid:1", "uuid:1/home-room[2]"),
    ]
    panes = rows_of(tmp_path / "homes-home-room-window.csv")
    assert [(each["width"], each["PARENT_KEY"]) for each in panes] == [("-3", "uuid:1/home-room[1]"), ("4", "uuid:1/home-room[1]")]
    (nested,) = json.loads((tmp_path / "homes.json").read_text("utf-8"))
    assert nested["home"]["town"] == '=HYPERLINK("http://evil.example")', "JSON is no spreadsheet"
    assert nested["home"]["room"][0] == {"use": "kitchen", "window": [{"width": "-3"}, {"width": "4"}]}


def test_the_list_of_forms_says_how_many_answered(tmp_path):
    settings = settings_at(tmp_path)
    assert asyncio.run(list_forms(settings)) == ["There is no form yet: frontdoor dialog import FORM.xlsx"]
    import_(tmp_path)
    (line,) = asyncio.run(list_forms(settings))
    assert "form-household-2026" in line
    assert "0 answered, without names" in line
