"""What may be chosen in a form: its lists, and the files that are attached to it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from itertools import chain, count
from typing import Any

from dialogs.expressions import ExpressionError
from dialogs.formwords import Complaints, FormWords
from dialogs.labels import code_of_language, slug
from dialogs.sheets import Sheets

LONGEST_NAME = 32  # of a step, and of a list: steps travel in a button's data
MOST_CHOICES, MOST_ROWS = 3_000, 100_000


class FormLists:
    def __init__(self, sheets: Sheets, attached: Mapping[str, bytes], words: FormWords, complaints: Complaints, dialog: str) -> None:
        """`attached`: files by name, in small letters."""
        self.sheets, self.attached, self.dialog = sheets, attached, dialog
        self.tree, self.words, self.refuse, self.say = sheets.tree, words, complaints.refuse, complaints.say
        self.lists, self.tables = dict[str, list[dict[str, str]]](), dict[str, list[dict[str, str]]]()
        self.names = dict[str, str]()  # how the form calls a list, a file or a table -> how the script does

    def of_form(self, called: str, rows: Sequence[Mapping[str, Any]]) -> tuple[str, set[str]]:
        """Of the sheet `choices`: its name among the script's lists, and the columns to choose by."""
        name = self.name_of(called)
        if name not in self.lists:
            self.lists[name] = self.rows_of(called, name, rows)
        return name, {key for row in self.lists[name] for key in row} | {"name"}

    def rows_of(self, called: str, name: str, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
        made = list[dict[str, str]]()
        if len(rows) > MOST_CHOICES:
            self.refuse(f"the list {called} has {len(rows)} choices; a list may have {MOST_CHOICES}.", 0, "list_name", "choices")
            return made
        for row in rows:
            code = str(row.get("name", ""))
            where = self.sheets.choice_rows.get((called, code), 0)
            if not code or re.search(r"\s", code) or len(code) > 200:
                self.refuse(f"the choice {code[:60]!r} of {called} needs a name without blanks, of at most 200 characters.", where, "name", "choices")
                continue
            label = self.words.by_language(row.get("label"))
            if any("${" in text for text in label.values()):
                label = {language: re.sub(r"\$\{[^}]*\}", "…", text) for language, text in label.items()}
                self.say(f"{code}: an answer in the label of a choice is not shown.", where, "label", "choices")
            if not any(each["name"] == code for each in made):
                self.words.put(f"{self.dialog}.lists.{name}.{code}", label)
            columns = {key: str(value) for key, value in row.items() if key not in {"name", "label", "media"} and not isinstance(value, Mapping)}
            made.append({"name": code, **columns})
        if made and made[-1]["name"] == "other" and set(self.words.by_language(rows[-1].get("label")).values()) == {"Other"}:
            self.words.texts.pop(f"{self.dialog}.lists.{name}.other", None)  # pyxform's own word for or_other
            self.words.framed[f"{self.dialog}.lists.{name}.other"] = ("forms.other", {})
        return made

    def of_file(self, called: str, parameters: Any, asked: str, at: int) -> tuple[str, set[str]] | None:
        """The same of a CSV file; `asked`, `at`: the question that chooses from it, and its row. None: it was refused."""
        rows = self.read_table(called, MOST_CHOICES, asked, at)
        if rows is None:
            return None
        told = parameters if isinstance(parameters, Mapping) else {}
        value, label = str(told.get("value", "name")), str(told.get("label", "label"))
        if rows and value not in rows[0]:
            self.refuse(f"{called} has no column {value!r}; it has {', '.join(rows[0])}.", at, "type")
            return None
        name = self.name_of(called)
        if name not in self.lists:
            self.lists[name] = []
            for row in rows:
                code = row[value].strip()
                if not code or re.search(r"\s", code):
                    self.refuse(f"{called}: {code[:60]!r} in the column {value} needs to be a name without blanks.", at, "type")
                    return None
                self.lists[name].append({"name": code, **{key: text for key, text in row.items() if key and text and key != "name"}})
                labels = {
                    code_of_language(key.partition("::")[2]) or self.words.default: text
                    for key, text in row.items()
                    if key == label or key.startswith(f"{label}::")
                }
                self.words.put(f"{self.dialog}.lists.{name}.{code}", labels)
        return name, {*rows[0], "name"} if rows else set()

    def read_table(self, called: str, most: int, asked: str, at: int) -> list[dict[str, str]] | None:
        content = self.attached.get(called.casefold())
        if content is None:
            self.refuse(f"{asked} needs the file {called}: put it beside the form, or into the folder FORM-media.", at, "type")
            return None
        try:
            lines = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
        except (UnicodeDecodeError, csv.Error) as error:
            self.refuse(f"{called} can't be read ({error}): save it as CSV in UTF-8.", at, "type")
            return None
        if len(lines) > most:
            self.refuse(f"{called} has {len(lines)} rows; it may have {most}.", at, "type")
            return None
        return [{str(key): (value or "").strip() for key, value in line.items() if key and not isinstance(value, list)} for line in lines]

    def attach(self, name: str, asked: str, at: int) -> None:
        """A file that pulldata() looks into, by its name in the script."""
        called = next((each.removeprefix("table:") for each, given in self.names.items() if given == name), name)
        if name in self.lists:  # instance() looks into a list of the form
            return
        if name not in self.tables and (rows := self.read_table(f"{called.removesuffix('.csv')}.csv", MOST_ROWS, asked, at)) is not None:
            self.tables[name] = rows

    def name_of(self, called: str) -> str:
        """How the script calls a list, a file (`towns.csv`) or a table (`table:towns`); two never have one name."""
        if called not in self.names:
            wanted = list_name(called.removeprefix("table:"))
            candidates = chain([wanted], (f"{wanted[: LONGEST_NAME - 4]}-{number}" for number in count(2)))
            taken = {*self.names.values(), "form-ok"}
            self.names[called] = next(each for each in candidates if each not in taken)
        return self.names[called]

    def looked_up(self, found: re.Match[str]) -> str:
        """What a path like instance('towns')/root/item[name = ${town}]/region comes to. Raises ExpressionError."""
        table, key, value, column = found["table"], found["key"], found["value"].strip(), found["column"]
        if column == "label":
            raise ExpressionError("a label is looked up with jr:choice-name()")
        called = self.name_of(table)
        if called not in self.lists and table in (self.tree.get("choices") or {}):
            self.lists[called] = self.rows_of(table, called, self.tree["choices"][table])
        return f"pulldata('{called}', '{column}', '{key}', {value})"


def list_name(called: str) -> str:
    """How a script calls a list, or a table."""
    name = called.removesuffix(".csv")
    return name if re.fullmatch(rf"[A-Za-z_][A-Za-z0-9_-]{{0,{LONGEST_NAME - 1}}}", name) else slug(name, LONGEST_NAME - 5) or "list"
