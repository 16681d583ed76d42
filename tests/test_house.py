"""The house is as its documents say: datasette's habit, tests that read the documentation."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from typing import get_args

from conftest import ROOT

from bot.effects import EFFECTS
from bot.settings import Settings
from bot.sources import NAMERS, SOURCES
from dialogs.model import Ask, Dialog, Step

ROOMS = ("bot", "dialogs", "storage", "translations")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")


def test_every_room_of_the_map_exists_and_every_file_is_on_the_map():
    on_the_map = set(re.findall(r"`((?:bot|dialogs|storage|translations)/[\w./]*)`", ARCHITECTURE.partition("## The path")[0]))
    for room in on_the_map:
        assert (ROOT / room).exists(), f"{room} is on the map, and not in the house"
    for path in [path for room in ROOMS for path in (ROOT / room).rglob("*.py") if path.name != "__init__.py"]:
        name = path.relative_to(ROOT).as_posix()
        assert name in on_the_map or any(room.endswith("/") and name.startswith(room) for room in on_the_map), f"{name} is not on the map"


def test_the_map_fits_in_the_head():
    assert ARCHITECTURE.count("\n") <= 150


def test_every_key_of_a_step_is_explained():
    for name, field in {**Step.model_fields, **Dialog.model_fields}.items():
        key = field.alias or name
        assert re.search(rf"`{key}`", CONTRIBUTING), f"CONTRIBUTING.md does not explain `{key}`"
    for kind in get_args(Ask):
        assert f"`{kind}`" in CONTRIBUTING, f"CONTRIBUTING.md does not explain `{kind}`"


def test_every_setting_is_explained_where_it_is_declared():
    for name, field in Settings.model_fields.items():
        assert field.description, name


def test_every_source_has_a_namer_or_sentences_and_every_verb_a_docstring(words):
    assert NAMERS.keys() <= SOURCES.keys()
    for source in SOURCES.keys() - NAMERS.keys():
        assert all(words.exists(f"{source}.{code}") for code in SOURCES[source](words.languages)), source
    for name, effect in EFFECTS.items():
        assert effect.__doc__, name


def test_every_command_in_the_readme_exists():
    source = (ROOT / "bot" / "__main__.py").read_text()
    for command in re.findall(r"frontdoor (\w+)", README):
        assert f"def {command}(" in source or f'name="{command}"' in source, command
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`?make (\w+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_arrows_point_down():
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(cache_dir=None))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_nothing_names_a_machine_or_a_package_index():
    for path in [ROOT / "requirements.lock", ROOT / "requirements-dev.lock"]:
        text = path.read_text()
        assert "://" not in text, path.name
        assert all(re.fullmatch(r"[\w.-]+==[\w.+!-]+", line) for line in text.split()), path.name


def test_a_public_function_that_raises_our_errors_says_so():
    for path in [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                raised = {ast.unparse(each.exc.func) for each in ast.walk(node) if isinstance(each, ast.Raise) and isinstance(each.exc, ast.Call)}
                for error in raised & {"StoreError", "FrontdoorError", "ScriptError", "WordsError", "ExpressionError", "SealBroken"}:
                    documented = (ast.get_docstring(node) or "") + path.read_text("utf-8").partition('"""')[2].partition('"""')[0]
                    assert error in documented or "Raises" in documented or path.name in {"expressions.py", "app.py", "__main__.py"}, (
                        f"{path.name}: {node.name} raises {error} and does not say so"
                    )


def test_starting_to_help_imports_nothing_heavy():
    """The price of `frontdoor --help` is what it imports (its time is for `make bench`)."""
    code = "import sys, bot.__main__; print([name for name in ('aiogram', 'sqlalchemy', 'pydantic', 'alembic', 'babel', 'uvicorn', 'cryptography') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
