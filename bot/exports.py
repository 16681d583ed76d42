"""`frontdoor dialog export`: the answers to a form in the form's own shape, as ODK Central and Kobo hand them out."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import count
from pathlib import Path
from typing import Any

from bot.app import opened
from bot.effects.nouns import answer_of
from bot.errors import FrontdoorError
from bot.settings import Settings
from dialogs.filled import Filled, filled_of
from dialogs.model import KEPT, Dialog
from dialogs.nouns import Known
from storage import files, staff, submissions
from storage.records import KeptFile

Row = tuple[Mapping[str, str], Mapping[str, str]]  # what was answered, and what is said about it; questions may be called KEY too


async def export_form(settings: Settings, dialog: str, folder: Path) -> list[str]:
    """The answers as ODK's own tools hand them out: FORM.csv, a CSV for every repeat, and FORM.json. Names what it wrote. Raises FrontdoorError."""
    async with opened(settings) as house, house.store.begin() as unit:
        if dialog not in house.scripts.forms:
            raise FrontdoorError(f"There is no form {dialog!r}; there are {', '.join(house.scripts.forms) or 'none'}.")
        script = house.scripts[dialog]
        assert script.form  # noqa: S101 - that is what `forms` are
        photos, asks_for_photos = list[KeptFile](), any(step.ask == "file" for step in script.every)
        rows = [(_about(f"uuid:{each.id}", each.day, each.language), Filled.from_json(each.filled)) for each in await submissions.of_form(unit, dialog)]
        async for person, answers in submissions.of_people(unit, dialog, f"{dialog}{KEPT}") if not script.form.anonymous else _nobody():
            known = {question: answer_of(row) for question, row in answers.items()}
            latest = max(answers.values(), key=lambda row: row.at)
            at = latest.at.astimezone(house.programme.timezone).isoformat(timespec="milliseconds")
            filled = filled_of(house.scripts, script, Known(known, {}, {"today": at[:10], "now": at}), latest.language)
            rows.append((_about(f"uuid:{person}", at, latest.language), filled))
            photos += [file for file in await files.of_person(unit, person) if file.question.startswith(f"{dialog}.")] if asks_for_photos else []
        await staff.write_down(unit, None, "export", None, dialog[:20])
    return [*write_export(script, rows, folder), *_write_photos(folder / "media", photos)]


def _write_photos(folder: Path, photos: Sequence[KeptFile]) -> list[str]:
    try:
        for photo in photos:
            folder.mkdir(parents=True, exist_ok=True)
            _private(folder / _photo(str(photo.id)), photo.content)
    except OSError as error:
        raise FrontdoorError(f"{folder} can't be written ({error.strerror}). May this user write there?") from error
    return [str(folder)] if photos else []


def _private(path: Path, content: bytes) -> None:
    """Nobody else on this machine may read what people answered."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)


def _photo(value: str) -> str:
    """How a photo is called in the export, as ODK does: its answer names a file of the folder `media`."""
    return f"{value}.jpg"


async def _nobody() -> Any:
    return
    yield


def _about(key: str, at: str, language: str) -> dict[str, str]:
    return {"SubmissionDate": at, "meta-instanceID": key, "Language": language, "KEY": key}


def write_export(script: Dialog, rows: Sequence[tuple[Mapping[str, str], Filled]], folder: Path) -> list[str]:
    """Columns as ODK Central names them: groups with dashes, PARENT_KEY and KEY in the tables of repeats. Raises FrontdoorError."""
    assert script.form  # noqa: S101 - the caller has looked
    name = "".join(each if each.isalnum() or each in "-_." else "_" for each in script.form.id) or script.dialog
    tables = dict(_tables(script))
    lines: dict[str, list[Row]] = {table: [] for table in tables}
    pictures = {str(step.column) for step in script.every if step.ask == "file"}
    for about, filled in rows:
        _name_photos(filled, pictures)
        _fill(lines, "", filled, {**about, "FormVersion": filled.version, "Complete": "yes" if filled.complete else "no"}, about["KEY"])
    tables |= {table: [] for table in lines if table not in tables}  # repeats that an older version had
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = list[Path]()
        for table, columns in tables.items():
            called = f"{name}-{table.replace('/', '-')}" if table else name
            path = next(each for number in count(1) if (each := folder / f"{called}{f'-{number}' if number > 1 else ''}.csv") not in written)
            head = ["SubmissionDate"] if not table else []
            tail = ["meta-instanceID", "FormVersion", "Language", "Complete", "KEY"] if not table else ["PARENT_KEY", "KEY"]
            own = [*columns, *sorted({column for values, _ in lines[table] for column in values} - {*columns})]  # what an older version asked
            with io.StringIO(newline="") as file:
                writer = csv.writer(file)
                writer.writerow([*head, *(_dashed(column, table) for column in own), *tail])
                for values, about in lines[table]:
                    row = [*(about.get(each, "") for each in head), *(values.get(each, "") for each in own), *(about.get(each, "") for each in tail)]
                    writer.writerow(map(_harmless, row))
                _private(path, file.getvalue().encode("utf-8-sig"))
            written.append(path)
        path = folder / f"{name}.json"
        _private(path, json.dumps([_nested(about, filled) for about, filled in rows], ensure_ascii=False, indent=1).encode())
    except OSError as error:
        raise FrontdoorError(f"{folder} can't be written ({error.strerror}). May this user write there?") from error
    return [*map(str, written), str(path)]


def _name_photos(filled: Filled, columns: AbstractSet[str]) -> None:
    filled.values.update({column: _photo(filled.values[column]) for column in columns & filled.values.keys()})
    for inner in (each for rounds in filled.rounds.values() for each in rounds):
        _name_photos(inner, columns)


def _tables(script: Dialog) -> Iterator[tuple[str, list[str]]]:
    """The main table "", and one for every repeat: its columns, in the form's order."""

    def columns(steps: Sequence[Any]) -> list[str]:
        return [step.column for step in steps if step.column and not step.steps]

    yield "", columns(script.steps)
    for step in script.every:
        if step.steps and step.column:
            yield step.column, columns(step.steps)


def _fill(tables: dict[str, list[Row]], table: str, filled: Filled, about: Mapping[str, str], key: str) -> None:
    tables.setdefault(table, []).append((filled.values, about))
    for repeat, rounds in filled.rounds.items():
        for number, inner in enumerate(rounds, 1):
            own = f"{key}/{_dashed(repeat, table)}[{number}]"
            _fill(tables, repeat, inner, {"PARENT_KEY": key, "KEY": own}, own)


def _dashed(column: str, table: str) -> str:
    return column.removeprefix(f"{table}/").replace("/", "-")


def _harmless(value: str) -> str:
    """A spreadsheet takes what begins so for a formula (OWASP, CSV injection); a number stays one."""
    if value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        try:
            float(value)
        except ValueError:
            return f"'{value}"
    return value


def _nested(about: Mapping[str, str], filled: Filled, table: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {}
    for column, value in filled.values.items():
        _put(made, column.removeprefix(f"{table}/" if table else "").split("/"), value)
    for repeat, rounds in filled.rounds.items():
        _put(made, repeat.removeprefix(f"{table}/" if table else "").split("/"), [_nested({}, each, repeat) for each in rounds])
    return _headed(about, filled) | made if about else made


def _headed(about: Mapping[str, str], filled: Filled) -> dict[str, Any]:
    """As Central's OData has it; `__aside`: answers to questions that the form has no more."""
    system = {"submissionDate": about["SubmissionDate"], "formVersion": filled.version, "language": about["Language"]}
    return {"__id": about["KEY"], "__system": system} | ({"__aside": filled.aside} if filled.aside else {})


def _put(into: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for part in path[:-1]:
        into = into.setdefault(part, {})
    into[path[-1]] = value
