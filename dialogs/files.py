"""Reads scripts: every scalar a string, no key twice, and every fault with its file and line.

Plain YAML turns the language `no` into False, `12:30` into 750 and `0677` into 447, and lets a key written twice win
silently. So we read strings only; the model gives the types back.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from dialogs.model import Dialog, Scripts

SCRIPTS = Path(__file__).parent / "scripts"


class ScriptError(Exception):
    """A script says something that it may not say; the message names the file and the line."""


class _Plain(yaml.BaseLoader):
    """BaseLoader (every scalar a string) that also refuses a key written twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} is written twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> tuple[Any, yaml.Node | None]:
    """The file's content as strings, lists and dicts, and the node tree that knows the lines. Raises ScriptError."""
    try:
        text = path.read_text("utf-8")
        return yaml.load(text, Loader=_Plain), yaml.compose(text, Loader=_Plain)  # noqa: S506 - _Plain is BaseLoader: it makes strings only
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ScriptError(f"{path}:{line}: {error.problem}.") from error
    except (yaml.YAMLError, RecursionError, TypeError, ValueError) as error:
        raise ScriptError(f"{path}: is no YAML that can be read ({type(error).__name__}).") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(f"{path}: can't be read ({type(error).__name__}): is it there, and UTF-8?") from error


def line_of(node: yaml.Node | None, place: Sequence[str | int]) -> int:
    """The line (from 1) of the innermost part of `place` that exists in the file."""
    for part in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == part]
            if not found:
                break
            node = found[0][1] if isinstance(found[0][1], yaml.SequenceNode | yaml.MappingNode) else found[0][0]
        else:
            break
    return node.start_mark.line + 1 if node else 1


def line_of_step(node: yaml.Node | None, name: str) -> int:
    """Where the step of that id begins; the first line if there is none."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == "id" and value.value == name:
                return int(key.start_mark.line) + 1
    children = [value for _, value in node.value] if isinstance(node, yaml.MappingNode) else node.value if isinstance(node, yaml.SequenceNode) else []
    return next((line for child in children if (line := line_of_step(child, name)) > 1), 1)


def explain(path: Path, node: yaml.Node | None, error: ValidationError) -> str:
    """One line per fault: file, line, what is wrong."""
    lines = []
    for fault in error.errors():
        place = fault["loc"]
        what = f"the key {place[-1]!r} is not known here" if fault["type"] == "extra_forbidden" else fault["msg"].removeprefix("Value error, ")
        name = ".".join(str(part) for part in place if isinstance(part, str))
        line = line_of(node, place) if place else line_of_step(node, what.partition(":")[0])
        lines.append(f"{path}:{line}: {name + ': ' if name else ''}{what}.")
    return "\n".join(lines)


def read_script(path: Path) -> Dialog:
    """One script, and the tables that are attached to it. Raises ScriptError with file and line."""
    data, node = read_yaml(path)
    try:
        dialog = Dialog.model_validate(data)
        return (
            dialog.model_copy(update={"attached": {name: _table(path.parent / "tables" / f"{name}.csv") for name in dialog.tables}})
            if dialog.tables
            else dialog
        )
    except ValidationError as error:
        raise ScriptError(explain(path, node, error)) from error


def _table(path: Path) -> tuple[dict[str, str], ...]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ScriptError(f"{path}: can't be read ({type(error).__name__}): is it there, and CSV in UTF-8?") from error


def form_folders(forms: Path) -> list[Path]:
    """Where imported forms live: each has a folder, with its script, its words in `locales`, and its tables."""
    return sorted(path for path in forms.glob("form-*") if path.is_dir())


def load_scripts(folder: Path = SCRIPTS, forms: Path | None = None) -> Scripts:
    """Every script of a folder, and of the folders of `forms`, checked against each other. Raises ScriptError."""
    paths = [*sorted(folder.glob("*.yaml")), *(each / f"{each.name}.yaml" for each in (form_folders(forms) if forms else ()))]
    dialogs = {path: read_script(path) for path in paths}
    for path, dialog in dialogs.items():
        if dialog.dialog != path.stem:
            raise ScriptError(f"{path}:1: the dialog is called {dialog.dialog!r}; name the file {dialog.dialog}.yaml.")
    try:
        return Scripts(dialogs.values())
    except ValueError as error:
        raise ScriptError(f"{folder}: {error}") from error
