"""`frontdoor dialog`: XLSForms come in as dialogs, and go again."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from bot.app import opened, words_for
from bot.errors import FrontdoorError
from bot.settings import Programme, Settings, read_programme
from dialogs.files import ScriptError, form_folders, load_scripts, read_script, read_yaml
from dialogs.labels import code_of_language
from dialogs.model import KEPT, Dialog, Scripts
from dialogs.sheets import LARGEST_FORM, Finding, FormError, read_form
from dialogs.xlsform import CONSENT, Converted, Wishes, dialog_name, form_of
from storage import submissions
from translations import machine
from translations.catalogues import WordsError, add_by_machine, begin_file, language_of, read_file, save_file, seal_of, write_catalogue
from translations.words import Words

ATTACHED = frozenset({".csv", ".jpg", ".jpeg", ".png", ".webp"})  # files that a form may name
WIDEST_PICTURE = 1000  # pixels of the longer side: sharp on a phone, some 100 kilobytes


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a form, for whoever brought it."""

    dialog: str
    version: int
    questions: int
    before: int  # its version until now; 0: it is new
    coverage: Mapping[str, tuple[int, int]]  # language -> sentences that it has, of how many
    findings: Sequence[Finding]


def import_form(settings: Settings, file: Path, wishes: Wishes, *, anonymous: bool | None = None) -> Imported:
    """The form becomes a script with its words under the data folder, whole or not at all. `anonymous`: None leaves it as it was.
    Raises FrontdoorError with everything that is wrong, a line each."""
    content, attached = _read(file)
    if not code_of_language(wishes.language):
        raise FrontdoorError(f"{wishes.language!r} is no language; an example is --language de.")
    programme = read_programme(settings.programme)
    try:
        sheets = read_form(content, file.name)
        before = _before(settings, dialog_name(sheets.tree, wishes))
        if anonymous is None:
            anonymous = before.form.anonymous if before and before.form else True
        form = form_of(sheets, replace(wishes, anonymous=anonymous), attached)
    except FormError as error:
        raise FrontdoorError("\n".join(f"{file.name}: {finding}" for finding in error.findings)) from error
    if before and before.form and before.form.id != form.script["form"]["id"]:
        raise FrontdoorError(f"{before.dialog} is another form already ({before.form.id}). Give this one a name of its own: --name NAME")
    texts = {name: dict(each) for name, each in form.texts.items()} | dict(framed(form, words_for(programme, load_scripts())))
    pictures, findings = _pictures(form, attached)
    if unreached := [language for language in form.languages if language not in programme.languages]:
        findings.append(
            Finding(f"nobody can choose {', '.join(unreached)} here yet: the programme does not offer it, so its texts wait (languages: in programme.yaml).")
        )
    made = _Made(form, _numbered(form.script, before, texts), texts, pictures)
    _put_down(settings, programme, made, content, file.suffix)
    return _told(made, before.version if before else 0, findings)


@dataclass(frozen=True, slots=True)
class _Made:
    """Everything that is written down of a form."""

    form: Converted
    script: Mapping[str, Any]
    texts: Mapping[str, Mapping[str, str]]
    pictures: Mapping[str, bytes]

    @property
    def name(self) -> str:
        return str(self.script["dialog"])

    @property
    def version(self) -> int:
        return int(self.script["version"])


def _pictures(form: Converted, attached: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[Finding]]:
    """Each written anew, small enough for a phone, and with nothing beside its pixels."""
    from bot.pictures import BadPicture, clean  # noqa: PLC0415 - few forms have any

    found, findings = dict[str, bytes](), list(form.findings)
    files = {name.casefold(): content for name, content in attached.items()}
    for name, file in form.pictures.items():
        try:
            found[name] = clean(files[file], LARGEST_FORM, (WIDEST_PICTURE,))
        except BadPicture as error:
            findings.append(Finding(f"the picture {file} is not shown ({error.reason}): save it as JPEG or PNG again.", "survey", 0, "media"))
    return found, findings


def _read(file: Path) -> tuple[bytes, dict[str, bytes]]:
    """The form, and the files that lie beside it or in the folder FORM-media."""
    try:
        content = file.read_bytes()[: LARGEST_FORM + 1]
        beside = [each for folder in (file.parent, file.parent / f"{file.stem}-media") if folder.is_dir() for each in sorted(folder.iterdir())]
        wanted = [each for each in beside if each != file and each.is_file() and each.suffix.casefold() in ATTACHED and each.stat().st_size <= LARGEST_FORM]
        return content, {each.name: each.read_bytes() for each in wanted}
    except OSError as error:
        raise FrontdoorError(f"{file} can't be read ({error.strerror}). Is that its name, and may this user read it?") from error


def _before(settings: Settings, dialog: str) -> Dialog | None:
    path = settings.forms / dialog / f"{dialog}.yaml"
    if not path.exists():
        return None
    try:
        return read_script(path)
    except ScriptError as error:
        raise FrontdoorError(f"{error} Mend it, or take the folder {path.parent} away.") from error


def framed(form: Converted, words: Words) -> Iterator[tuple[str, dict[str, str]]]:
    """Sentences of ours around the form's own words, in every language that either of us has."""
    for name, (template, parts) in form.framed.items():
        found = dict[str, str]()
        for language in dict.fromkeys(("en", *words.languages)):
            here = words.catalogue(language).texts.get(template) or words.catalogue("en").texts[template]
            text = here if isinstance(here, str) else here[-1]
            for part, texts in parts.items():
                text = text.replace(f"{{{part}}}", texts.get(language) or texts.get(form.source) or next(iter(texts.values())))
            found[language] = text
        yield name, found


def _numbered(script: Mapping[str, Any], before: Dialog | None, texts: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """With the version after the one before. The consent's own follows from its text, so that another text is asked anew and the
    same never is, whatever became of the files meanwhile."""
    seal = seal_of(texts[f"{script['dialog']}.{CONSENT}"]["en"])
    steps = [{**step, "version": str(int(seal[:7], 16)), "seal": seal} if step["id"] == CONSENT else step for step in script["steps"]]
    made = {**script, "steps": steps}
    if before and Dialog.model_validate({**made, "version": str(before.version)}).model_dump() == before.model_dump():
        return {**made, "version": str(before.version)}
    return {**made, "version": str(before.version + 1 if before else 1)}


def _originals(texts: Mapping[str, Mapping[str, str]], source: str) -> dict[str, tuple[str, str]]:
    """Each sentence as it falls back, and in which language that is: in English, else in the form's own language, else in any."""
    best = {name: next(each for each in ("en", source, *there) if there.get(each)) for name, there in texts.items() if any(there.values())}
    return {name: (texts[name][language], language) for name, language in best.items()}


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _write(folder: Path, made: _Made) -> None:
    name, originals = made.name, _originals(made.texts, made.form.source)
    head = f"# Made from the XLSForm {made.script['form']['id']}: frontdoor dialog import. A new version of the form replaces it.\n"
    (folder / f"{name}.yaml").write_text(head + yaml.safe_dump(dict(made.script), allow_unicode=True, sort_keys=False, width=140), "utf-8")
    for language in dict.fromkeys(("en", *(language for each in made.texts.values() for language in each))):
        there = {sentence: each[language] for sentence, each in made.texts.items() if language in each}
        write_catalogue(folder / "locales" / language / f"{name}.po", language, originals, there, made.form.source)
    for part in ("tables", "pictures"):
        if made.form.tables if part == "tables" else made.pictures:
            (folder / part).mkdir()
    for table, rows in made.form.tables.items():
        with (folder / "tables" / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]) if rows else ["name"])
            writer.writeheader()
            writer.writerows(rows)
    for picture, content in made.pictures.items():
        (folder / "pictures" / f"{picture}.jpg").write_bytes(content)


def _put_down(settings: Settings, programme: Programme, made: _Made, content: bytes, ending: str) -> None:
    """Beside its place first, and looked at there; then it takes its place in one step. Raises FrontdoorError, and nothing changed."""
    try:
        settings.forms.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".import-", dir=settings.forms) as other:
            there = Path(other) / made.name
            there.mkdir()
            _write(there, made)
            place, old = settings.forms / made.name, Path(other) / "old"
            _carry_over(place, there)
            if place.exists() and _contents(there) == {name: each for name, each in _contents(place).items() if not name.startswith("source.")}:
                return
            (there / f"source{ending.lower() or '.xlsx'}").write_bytes(content)
            _look_at(settings, programme, there)
            if place.exists():
                place.rename(old)
            try:
                there.rename(place)
            except OSError:
                if old.exists():
                    old.rename(place)
                raise
            os.utime(place)
    except OSError as error:
        raise FrontdoorError(f"{settings.forms} can't be written ({error.strerror}). May this user write there? (FRONTDOOR_DATA_DIR)") from error


def _carry_over(before: Path, there: Path) -> None:
    """What was translated since: of every sentence that is still the same, and that the form itself does not have in that language."""
    for old in sorted(before.glob("locales/*/*.po")):
        new, language = there / "locales" / old.parent.name / old.name, old.parent.name
        source = read_file(there / "locales" / "en" / old.name)
        originals = {str(entry.msgctxt): entry.msgid for entry in source}
        file = read_file(new) if new.exists() else begin_file(language, source.metadata.get("X-Source-Language", "en"), old.stem)
        here = {str(entry.msgctxt): entry for entry in file}
        for entry in read_file(old):
            name = str(entry.msgctxt)
            if entry.msgstr and originals.get(name) == entry.msgid and not (name in here and (here[name].msgstr or language != "en")):
                if name in here:
                    here[name].msgstr, here[name].tcomment = entry.msgstr, entry.tcomment
                else:
                    file.append(entry)
        if file:
            save_file(file, new)


def _look_at(settings: Settings, programme: Programme, there: Path) -> None:
    """Does it go together with every other dialog?"""
    try:
        others = [read_script(each / f"{each.name}.yaml") for each in form_folders(settings.forms) if each.name != there.name]
        dialogs = {**load_scripts(), **{each.dialog: each for each in others}, there.name: read_script(there / f"{there.name}.yaml")}
        scripts = Scripts(dialogs.values())
        words_for(programme, scripts, forms=there.parent)
    except (ScriptError, WordsError, ValueError) as error:
        raise FrontdoorError(f"The form can't become a dialog: {error}") from error


def _told(made: _Made, before: int, findings: Sequence[Finding]) -> Imported:
    own = {name for name in made.form.texts if not name.endswith(".short")}
    coverage = {language: (sum(1 for name in own if language in made.texts[name]), len(own)) for language in made.form.languages}
    questions = sum(1 for step in _every(made.script["steps"]) if "column" in step and "ask" in step)
    return Imported(made.name, made.version, questions, before, coverage, findings)


def _every(steps: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for step in steps:
        yield step
        yield from _every(step.get("steps", ()))


def close_form(settings: Settings, dialog: str, *, closed: bool = True) -> None:
    """Nobody is asked it any more, or again. What was answered stays, and can be exported. Raises FrontdoorError."""
    path = settings.forms / dialog / f"{dialog}.yaml"
    if not path.exists():
        raise FrontdoorError(f"There is no form {dialog!r}; `frontdoor dialog list` names them.")
    try:
        script, _ = read_yaml(path)
        script["form"]["closed"] = str(closed).lower()
        half = path.with_suffix(".half")
        half.write_text(yaml.safe_dump(script, allow_unicode=True, sort_keys=False, width=140), "utf-8")
        half.replace(path)
    except (ScriptError, KeyError, TypeError) as error:
        raise FrontdoorError(f"{path} can't be read ({error}). Import the form again, or take the folder away.") from error
    except OSError as error:
        raise FrontdoorError(f"{path} can't be written ({error.strerror}). May this user write there?") from error


async def list_forms(settings: Settings) -> list[str]:
    """One line a form: its name, how many answered, its title. Raises FrontdoorError."""
    async with opened(settings) as house, house.store.read() as unit:
        handed_in = await submissions.counted(unit)
        lines = []
        for name in house.scripts.forms:
            form = house.scripts[name].form
            assert form  # noqa: S101 - that is what `forms` are
            number = handed_in.get(name, 0) if form.anonymous else len([each async for each in submissions.of_people(unit, name, f"{name}{KEPT}")])
            way = ("without names" if form.anonymous else "with the profile") + (", closed" if form.closed else "")
            lines.append(f"{name:<32} version {house.scripts[name].version:<3} {number:>6} answered, {way:<24} {house.words.tr(f'open-forms.{name}', 'en')}")
    return lines or ["There is no form yet: frontdoor dialog import FORM.xlsx"]


def translate_forms(settings: Settings, language: str) -> list[str]:
    """What forms lack in a language, by a machine and marked as such; a consent is left for a human being. A line for each form that got
    something. Raises FrontdoorError, MachineError."""
    if not machine.is_there():
        raise FrontdoorError("Machine translation needs the extra `mt`: pip install 'frontdoor[mt]'.")
    argos, scripts = machine.Argos(settings.machine), load_scripts(forms=settings.forms)
    if wrong := argos.refuse():
        raise FrontdoorError("\n".join(wrong))
    said = []
    for home in form_folders(settings.forms):
        originals = read_file(home / "locales" / "en" / f"{home.name}.po")
        path = home / "locales" / language / f"{home.name}.po"
        file = read_file(path) if path.exists() else begin_file(language, originals.metadata.get("X-Source-Language", "en"), home.name)
        there = {str(entry.msgctxt) for entry in file if entry.msgstr}
        wanted = [each for each in originals if str(each.msgctxt) not in there.union(scripts.legal) and language_of(each) != language]
        made = {str(each.msgctxt): text for each in wanted if (text := argos.translate(each.msgid, language_of(each), language))}
        for entry in (each for each in wanted if str(each.msgctxt) in made):
            add_by_machine(file, entry, made[str(entry.msgctxt)])
        if made:
            save_file(file, path)
            os.utime(home)
        if wanted:
            from_ = ", ".join(sorted({language_of(each) for each in wanted}))
            left = f", {len(wanted) - len(made)} are left for a human being" if len(made) < len(wanted) else ""
            said.append(f"{home.name}: {len(made)} of {len(wanted)} sentences from {from_} into {language}, each marked as a machine's{left}.")
    return said or ["There is no form that lacks anything in this language."]
