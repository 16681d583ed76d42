"""Reads an XLSForm (xlsx, xls, Markdown, CSV) with pyxform, the only file that knows it. Whatever somebody uploads, what comes back
is a tree, or sentences that say sheet, row, column and remedy; never a crash, and never a machine without memory.
"""

from __future__ import annotations

import difflib
import io
import re
import warnings
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dialogs.expressions import ExpressionError, compile_expression

LARGEST_FORM = 10_000_000  # bytes of the file; the largest real form that we met has 0.3 MB
LARGEST_UNPACKED = 100_000_000  # bytes of what an xlsx holds
MOST_ROWS = 20_000  # of a sheet
_BIFF, _ZIP = b"\xd0\xcf\x11\xe0", b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to say about a form: where in it, what, and what to do."""

    text: str
    sheet: str = ""
    row: int = 0
    column: str = ""

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.sheet, f"row {self.row}" if self.row else "", self.column) if part)
        return f"{where}: {self.text}" if where else self.text


class FormError(Exception):
    """A form that can't become a dialog: everything that is wrong with it."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = tuple(findings)


@dataclass(frozen=True, slots=True)
class Sheets:
    """A form as pyxform understands it, and where everything stands."""

    tree: Mapping[str, Any]
    rows: Mapping[str, Sequence[int]]  # question name -> rows of the survey sheet, in order
    choice_rows: Mapping[tuple[str, str], int]  # list and code -> row of the choices sheet
    warnings: Sequence[str]

    def row(self, name: str, nth: int = 0) -> int:
        there = self.rows.get(name, ())
        return there[min(nth, len(there) - 1)] if there else 0


def read_form(content: bytes, name: str) -> Sheets:
    """`name`: of the file, for those who read what is wrong with it; its ending does not count. Raises FormError."""
    kind = _sniffed(content)
    if kind == ".xlsx":
        _weigh(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl's, about styles
            return _understood(content, kind, name)
    except (FormError, MemoryError):
        raise
    except Exception as error:  # pyxform has errors of its own, and crashes with others (osm questions, for one)
        raise FormError(list(_explained(error))) from error


def _sniffed(content: bytes) -> str:
    """By what is in it: half of the .xlsx files on people's disks are something else."""
    if not content.strip():
        raise FormError([Finding("the file is empty.")])
    if len(content) > LARGEST_FORM:
        raise FormError(
            [
                Finding(
                    f"the file has {len(content) // 1_000_000} MB; a form may have {LARGEST_FORM // 1_000_000}. Pictures and other sheets don't belong into it."
                )
            ]
        )
    if content.startswith(_ZIP):
        return ".xlsx"
    if content.startswith(_BIFF):
        return ".xls"
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FormError([Finding("this is no spreadsheet, and no text in UTF-8. Save it as .xlsx, or as CSV in UTF-8.")]) from None
    if "\0" in text:
        raise FormError([Finding("this is no spreadsheet: save it as .xlsx.")])
    if text.count("\n") > MOST_ROWS:
        raise FormError([Finding(_too_many(text.count("\n")))])
    if re.search(r"^\s*\|\s*survey\s*\|", text, re.IGNORECASE | re.MULTILINE):
        return ".md"
    if re.match(r"\s*\"?survey\"?\s*,", text, re.IGNORECASE):
        return ".csv"
    raise FormError([Finding("this is no XLSForm: it has no sheet called `survey`. A form has the sheets survey, choices and settings.")])


def _weigh(content: bytes) -> None:
    """Before anything is unpacked into memory: a zip of a few kilobytes may hold gigabytes, a sheet a hundred thousand rows."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if "xl/workbook.xml" not in archive.namelist():
                raise FormError([Finding("this is a zip file, but no Excel workbook: save the form as .xlsx.")])
            if sum(part.file_size for part in parts) > LARGEST_UNPACKED or len(parts) > 2_000:
                raise FormError([Finding("unpacked, this file is far larger than any form; it is not opened.")])
            for part in parts:
                if part.filename.startswith("xl/worksheets/") and (rows := _count_rows(archive, part)) > MOST_ROWS:
                    raise FormError([Finding(_too_many(rows))])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:  # broken, encrypted, cut off
        raise FormError([Finding("the file is damaged, or protected with a password: open it and save it as .xlsx again.")]) from error


def _count_rows(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> int:
    """With something in them. What is in a zip may be longer than it says, so it is read in pieces."""
    rows, read, rest = 0, 0, b""
    with archive.open(part) as stream:
        while piece := stream.read(1 << 20):
            read += len(piece)
            if read > LARGEST_UNPACKED:
                raise FormError([Finding("unpacked, this file is far larger than any form; it is not opened.")])
            rows += (rest + piece).count(b"<row") - rest.count(b"<row")
            rest = piece[-3:]
    return rows


def _too_many(rows: int) -> str:
    return f"a sheet has {rows} rows; a form may have {MOST_ROWS}. Long lists belong into a CSV file (select_one_from_file)."


def _understood(content: bytes, kind: str, name: str) -> Sheets:
    from pyxform.xls2json import workbook_to_json  # noqa: PLC0415 - half a second, for whoever imports a form
    from pyxform.xls2json_backends import get_xlsform  # noqa: PLC0415

    book = get_xlsform(xlsform=io.BytesIO(content.removeprefix(b"\xef\xbb\xbf")), file_type=kind)
    if not book.survey:
        found = ", ".join(map(str, book.sheet_names or ())) or "none"
        raise FormError([Finding(f"there is no sheet called `survey` with questions in it; there are: {found}.")])
    said, fallback = list[str](), re.sub(r"\W+", "_", name.rpartition(".")[0] or name) or "form"
    survey, listed = list(book.survey), list(book.choices or ())  # workbook_to_json() changes its rows
    try:
        tree = workbook_to_json(workbook_dict=book, fallback_form_name=fallback, warnings=said)
    except Exception as error:
        first, more = list(_explained(error)), list(_looked_through(survey, listed))  # it tells the first fault only
        raise FormError([*first, *(each for each in more if not any(_says_so(one, each) for one in first))]) from error
    rows, choices = defaultdict[str, list[int]](list), dict[tuple[str, str], int]()
    for number, row in enumerate(book.survey, 2):
        rows[_cell(row, "name")].append(number)
    for number, row in enumerate(book.choices or (), 2):
        choices.setdefault((_cell(row, "list_name", "list name"), _cell(row, "name", "value")), number)
    return Sheets(tree, rows, choices, said)


def _cell(row: Mapping[str, Any], *names: str) -> str:
    """Headers are written as people like."""
    return next((str(value) for key, value in row.items() if str(key).strip().casefold() in names), "")


def _says_so(first: Finding, other: Finding) -> bool:
    """Is it the same fault, of the same row?"""
    about = re.search(r"[$'\"{]+([^'\"}]+)", other.text)
    return (first.sheet, first.row) == (other.sheet, other.row) and (
        about is None or about[1] in first.text or first.text in about[1] or "name" in other.column
    )


_NAME = re.compile(r"[^\W\d][\w.-]*")
_EXPRESSIONS = ("relevant", "relevance", "constraint", "calculation", "choice_filter", "repeat_count", "required")
_LOGIC = ("label", "hint", "relevant", "relevance", "constraint", "calculation", "choice_filter", "repeat_count", "required", "default")


def _looked_through(survey: Sequence[Mapping[str, Any]], choices: Sequence[Mapping[str, Any]]) -> Iterable[Finding]:
    """What else is wrong with the rows, so that whoever mends one fault does not meet the next one only then."""
    names = {_cell(row, "name") for row in survey} - {""}
    lists = {_cell(row, "list_name", "list name") for row in choices}
    for number, row in enumerate(survey, 2):
        kind, name = _cell(row, "type").strip(), _cell(row, "name").strip()
        if not row or kind.startswith("end"):
            continue
        if not kind:
            yield Finding("this row has no type; write one, or delete it.", "survey", number, "type")
        if not _NAME.fullmatch(name) and kind != "note":
            yield Finding(f"{name[:40]!r} can't be a name: it begins with a letter, and has letters, digits, _ and - only.", "survey", number, "name")
        chooses = re.fullmatch(r"(select_one|select_multiple|rank|select one|select multiple)(?: from)?(?:\s+(\S+))?(?:\s+or[_ ]other)?", kind)
        if chooses and not (chooses[2] or "").strip():
            yield Finding(f"{kind} needs the name of its list, as in {kind} towns.", "survey", number, "type")
        elif chooses and chooses[2] not in lists and "." not in chooses[2] and "$" not in chooses[2]:
            yield Finding(f"there is no list {chooses[2][:40]!r} in the sheet choices.", "survey", number, "type")
        for column, cell in row.items():
            if str(column).partition("::")[0].strip().casefold() in _LOGIC:
                for asked in dict.fromkeys(re.findall(r"\$\{\s*([^{}]*?)\s*\}", str(cell)[:20_000])):
                    if asked not in names and not asked.startswith("last-saved#"):
                        near = difflib.get_close_matches(asked, names, 1)
                        yield Finding(f"there is no question ${{{asked[:40]}}}" + (f"; is it ${{{near[0]}}}?" if near else "."), "survey", number, str(column))
                yield from _not_understood(str(cell).strip(), str(column), number)
    for number, row in enumerate(choices, 2):
        if row and (not (code := _cell(row, "name", "value").strip()) or re.search(r"\s", code)):
            yield Finding(f"the choice {code[:40]!r} needs a name without blanks.", "choices", number, "name")


def _not_understood(source: str, column: str, row: int) -> Iterable[Finding]:
    if column.strip().casefold() not in _EXPRESSIONS or source.casefold() in {"yes", "no", "true", "false"}:
        return
    try:
        compile_expression(source, of_form=True, of_rows=column.strip().casefold() == "choice_filter")
    except ExpressionError as error:
        if "/" not in source:  # a path may still become something that is understood
            yield Finding(f"{error}.", "survey", row, column)


_PLACE = re.compile(r"\[row ?: ?(\d+)\]\s*|\[name ?: ?\S*\]\s*")
_SHEET = re.compile(r"\b(?:[Oo]n the |the )?'?(survey|choices|settings|entities)'? sheet", re.IGNORECASE)


def _explained(error: Exception) -> Iterable[Finding]:
    """What pyxform, openpyxl or xlrd say, as far as it is for people."""
    kind, text = type(error).__name__, " ".join(str(error).split())
    if "osm" in text.casefold() or "Osm" in text:
        yield Finding("questions of the type `osm` can't be asked in a chat: ask with a list instead.", "survey")
    elif kind in {"PyXFormError", "PyXFormReadError", "ValidationError"} or type(error).__module__.startswith("pyxform"):
        row, sheet = re.search(r"\[row ?: ?(\d+)\]", text), _SHEET.search(text)
        yield Finding(_PLACE.sub("", text)[:500], sheet[1].lower() if sheet else "survey" if row else "", int(row[1]) if row else 0)
    elif kind == "IndexError":
        yield Finding("a row has more cells than there are headings above it.")
    elif kind == "Error" and "field" in text:  # csv's
        yield Finding("a cell has more than 131,072 characters; no question or condition needs so many.")
    elif "Unable to read workbook" in text or kind in {
        "XLRDError",
        "BadZipFile",
        "InvalidFileException",
        "CompDocError",
        "ParseError",
        "KeyError",
        "EntitiesForbidden",
        "DTDForbidden",
    }:
        yield Finding("the file is damaged, or no spreadsheet: open it, and save it as .xlsx again.")
    else:
        yield Finding(f"the form can't be read ({kind}: {text[:200]}). Check the names of sheets and columns, and save it as .xlsx again.")
