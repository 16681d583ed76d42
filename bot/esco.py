"""`frontdoor esco`: the Commission's official download comes in, whatever is wrong with the file; and what is there.

ESCO: https://esco.ec.europa.eu (versions 1.0 to 1.2; CSV). Reuse under Commission Decision 2011/833/EU, which asks for the sentence
`help.esco`.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NoReturn

from babel import Locale

from bot.app import opened
from bot.errors import FrontdoorError
from bot.settings import Settings
from storage import taxonomy
from storage.taxonomy import ALSO, CALLED, HIDDEN, OCCUPATIONS, PART, RELATIONS, SKILLS, Brought, Release

URI = re.compile(r"http://data\.europa\.eu/esco/[\w/.:-]{1,90}", re.ASCII)
ISCO = re.compile(r"\d{1,4}", re.ASCII)
LARGEST_MEMBER = 150_000_000  # bytes unpacked; the relations, the largest file of version 1.2, have 21 MB
LARGEST_ARCHIVE = 400_000_000  # bytes of all that a zip unpacks to
MOST_MEMBERS = 200  # files in a zip; the official one has 19
MOST_IN_FILE = 500_000  # labels; English skills have 99,000
MOST_ROWS = 400_000  # the relations have 124,000
LONGEST_CELL = 1_000_000  # characters
LONGEST_LABEL = 300
MOST_LABELS = 400  # of one concept; 133 is the most that we met
LEAST = {OCCUPATIONS: 2_900, SKILLS: 13_000, RELATIONS: 100_000}  # fewer: not the whole of any version
NOT_NEEDED = frozenset(  # the first columns of files that come along in the same zip
    "conceptType,conceptSchemeUri|conceptType,conceptUri,broaderType|Level 0 URI|originalSkillUri|conceptType,conceptUri,code|conceptType,conceptUri,preferredLabel|"
    "conceptType,conceptUri,skillType,reuseLevel,preferredLabel,status".split("|")
)
COLUMNS = {
    OCCUPATIONS: {"conceptUri", "iscoGroup", "preferredLabel", "altLabels", "modifiedDate"},
    SKILLS: {"conceptUri", "skillType", "reuseLevel", "preferredLabel", "altLabels", "modifiedDate"},
    RELATIONS: {"occupationUri", "relationType", "skillUri"},
}
EXPECTED = (
    "expected the official download of ESCO (esco.ec.europa.eu, Download, CSV): its zip, or occupations_xx.csv, skills_xx.csv, occupationSkillRelations.csv"
)
Progress = Callable[[str, int, int], None]  # what, rows written, of how many


@dataclass(frozen=True, slots=True)
class Came:
    """What became of one file."""

    kind: str
    language: str
    day: str
    number: int
    brought: Brought | None  # None: an older release than what is there, left alone


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A CSV file, and where it was found."""

    where: str
    content: bytes


async def bring(settings: Settings, paths: Sequence[Path], *, part: bool = False, language: str = "", progress: Progress | None = None) -> list[Came]:
    """Every file is read and checked before the first row is written. Raises FrontdoorError: what is wrong, where, and what to do."""
    newest = dict[tuple[str, str], str]()
    for release in _releases(paths, part=part, language=language):
        what = (release.kind, release.language)
        newest[what] = max(release.day, newest.get(what, ""))
    done = list[Came]()
    async with opened(settings) as house:
        for release in _releases(paths, part=part, language=language):
            what, number = (release.kind, release.language), len(release.entries) or len(release.pairs)
            told = partial(progress or _quiet, " ".join(what).strip())
            older = release.day < max(newest[what], await taxonomy.day_of(house.store, *what))
            done.append(Came(*what, release.day, number, None if older else await taxonomy.bring(house.store, release, told)))
        await taxonomy.settle(house.store)
    return done


def _quiet(_what: str, _at: int, _of: int) -> None:
    """Nobody watches."""


async def status(settings: Settings) -> list[str]:
    """What is there, in lines."""
    async with opened(settings) as house:
        there = await taxonomy.imported(house.store)
        entries = {uri: entry async for uri, entry in taxonomy.entries(house.store)}
        used = await taxonomy.used(house.store)
    if not there:
        return ["Nothing was imported: the built-in list is what people find. frontdoor esco import FILE brings in the official download."]
    lines = []
    for each in there:
        labels = f", {each.labels:,} labels" if each.labels else ""
        note = {taxonomy.BEGUN: "; the import was cut off: start it again", PART: "; a part"}.get(each.state, "")
        lines.append(f"{each.kind:<12} {each.language or '-':<3} {each.number:>8,}{labels}{f', of {each.day}' if each.day else ''}{note}")
    obsolete = {uri: entry for uri, entry in entries.items() if entry.obsolete}
    if obsolete:
        heirs = sum(entry.replaced_by is not None for entry in obsolete.values())
        asked = sum(number for uri, number in used.items() if uri in obsolete)
        lines.append(f"{len(obsolete)} entries are obsolete (offered no more); {heirs} of them have a successor. {asked} answers name one of them.")
    return lines


# ---- reading ----------------------------------------------------------------------------------------------------


def _releases(paths: Sequence[Path], *, part: bool, language: str) -> Iterator[Release]:
    for path in paths:
        found = 0
        for sheet in _sheets(path):
            release = _release(sheet, language)
            if release is None:
                continue
            found += 1
            number = len(release.entries) or len(release.pairs)
            if number < LEAST[release.kind] and not part:
                raise FrontdoorError(
                    f"{sheet.where}: holds {number:,} {release.kind}, a whole release has at least {LEAST[release.kind]:,}. "
                    "Download it again; or, if it is meant to be a part, say --part."
                )
            yield replace(release, state=PART) if part else release
        if not found:
            _refuse(str(path), "holds nothing to import")


def _sheets(path: Path) -> Iterator[_Sheet]:
    try:
        if path.is_dir():
            for each in sorted(path.rglob("*")):
                if each.suffix.casefold() in {".csv", ".zip"} and each.is_file():
                    yield from _sheets(each)
            return
        if path.exists() and not path.is_file():
            _refuse(str(path), "is no file")
        with path.open("rb") as file:
            is_zip = file.read(2) == b"PK"
        if is_zip:
            yield from _unzipped(path)
        elif path.stat().st_size > LARGEST_MEMBER:
            _refuse(str(path), f"has more than {LARGEST_MEMBER:,} bytes")
        else:
            yield _Sheet(str(path), path.read_bytes())
    except OSError as error:
        raise FrontdoorError(f"{path} can't be read ({error.strerror or 'damaged'}). Is that its name, and may this user read it?") from error


def _unzipped(path: Path) -> Iterator[_Sheet]:
    with _whole(path), zipfile.ZipFile(path) as archive:
        members = [each for each in archive.infolist() if not each.is_dir()]
        if len(members) > MOST_MEMBERS:
            _refuse(str(path), f"holds {len(members)} files")
        unpacked = 0
        for member in (each for each in members if each.filename.casefold().endswith(".csv") and not _is_of_a_mac(each.filename)):
            where = f"{path}, {''.join(letter if letter.isprintable() else '?' for letter in member.filename)}"
            with archive.open(member) as file:  # not more than it says, whatever it says
                content = file.read(LARGEST_MEMBER + 1)
            unpacked += len(content)
            if len(content) > LARGEST_MEMBER or unpacked > LARGEST_ARCHIVE:
                _refuse(where, f"unpacks to more than {min(LARGEST_MEMBER, LARGEST_ARCHIVE):,} bytes")
            yield _Sheet(where, content)


def _is_of_a_mac(name: str) -> bool:
    """What its zip program puts beside every file."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith("._")


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """A zip that is cut off, damaged or encrypted fails in many ways."""
    try:
        yield
    except (FrontdoorError, OSError):
        raise
    except Exception as error:
        raise FrontdoorError(f"{path}: is no whole zip file ({type(error).__name__}). Was the download interrupted? Download it again.") from error


def _refuse(where: str, what: str) -> NoReturn:
    raise FrontdoorError(f"{where}: {what}; {EXPECTED}.")


def _release(sheet: _Sheet, language: str) -> Release | None:
    """None: a file of the same download that nothing is needed of."""
    rows = _rows(sheet)
    _, header = next(rows, (0, []))
    if len(set(header)) < len(header):
        _refuse(sheet.where, "has a column twice")
    kind = next((kind for kind, columns in COLUMNS.items() if columns <= set(header)), "")
    if not kind:
        if any(",".join(header).startswith(start) for start in NOT_NEEDED):
            return None
        _refuse(sheet.where, f"is no file of ESCO that I know (its columns: {', '.join(header)[:100] or 'none'})")
    cells = ((line, dict(zip(header, row, strict=True))) for line, row in _even(sheet, len(header), rows))
    if kind == RELATIONS:
        return _relations(sheet, cells)
    named = re.search(r"_([a-z]{2,3})(?:\.csv)?$", sheet.where.casefold())
    of = named[1] if named else language
    if of not in Locale("en").languages:
        raise FrontdoorError(f"{sheet.where}: says no language that I know. Call it {kind}_xx.csv as in the official download, or say --language xx.")
    return _concepts(sheet, kind, of, cells)


def _rows(sheet: _Sheet) -> Iterator[tuple[int, list[str]]]:
    """(line, cells). Raises FrontdoorError for what is no CSV in UTF-8."""
    try:
        text = sheet.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = sheet.content[: error.start].count(b"\n") + 1
        raise FrontdoorError(f"{sheet.where}, line {line}: is not UTF-8. Take the file as it was downloaded, not as a spreadsheet program saved it.") from error
    first = text[: text.find("\n")]
    delimiter = max(",;\t", key=first.count)
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        for number, row in enumerate(reader):
            if number > MOST_ROWS:
                _refuse(sheet.where, f"has more than {MOST_ROWS:,} rows")
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise FrontdoorError(f"{sheet.where}, line {reader.line_num}: can't be read ({error}). Was the download interrupted? Download it again.") from error
    finally:
        csv.field_size_limit(before)


def _even(sheet: _Sheet, width: int, rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    for line, row in rows:
        if len(row) != width:
            raise FrontdoorError(f"{sheet.where}, line {line}: has {len(row)} columns instead of {width}. Was the download interrupted? Download it again.")
        yield line, row


def _uri(sheet: _Sheet, line: int, uri: str) -> str:
    if not URI.fullmatch(uri.strip()):
        _refuse(f"{sheet.where}, line {line}", f"{uri[:60]!r} is no URI of ESCO")
    return uri.strip()


def _concepts(sheet: _Sheet, kind: str, language: str, rows: Iterator[tuple[int, Mapping[str, str]]]) -> Release:
    changed, entries, labels, day, number = dict[str, str](), dict[str, str](), dict[str, dict[str, int]](), "", 0
    for line, row in rows:
        uri, at = _uri(sheet, line, row["conceptUri"]), row["modifiedDate"].strip()
        if row.get("status", "").strip() not in {"", "released"} or at < changed.get(uri, ""):
            continue  # withdrawn; or the older one of two
        isco = row.get("iscoGroup", "").strip().removeprefix("C")
        if kind == OCCUPATIONS and not ISCO.fullmatch(isco):
            _refuse(f"{sheet.where}, line {line}", f"{isco[:20]!r} is no ISCO group")
        changed[uri], entries[uri], labels[uri] = at, isco, _labels(sheet, line, row)
        day = max(day, at[:10])
        number += len(labels[uri])
        if number > MOST_IN_FILE:
            _refuse(f"{sheet.where}, line {line}", f"has more than {MOST_IN_FILE:,} labels up to here")
    if entries and sum(CALLED in each.values() for each in labels.values()) < len(entries) / 2:
        _refuse(sheet.where, "has no preferredLabel in most of its rows")
    if entries and not _is_day(day):
        _refuse(sheet.where, f"its modifiedDate is no date ({day[:20]!r}), so nobody can tell which release it is")
    return Release(kind, language, day, entries, {(uri, label): place for uri, each in labels.items() for label, place in each.items()})


def _is_day(text: str) -> bool:
    """One that has been: what comes from the future could never be replaced."""
    try:
        return text == date.fromisoformat(text).isoformat() and date.fromisoformat(text) <= datetime.now(UTC).date() + timedelta(days=1)
    except ValueError:
        return False


def _labels(sheet: _Sheet, line: int, row: Mapping[str, str]) -> dict[str, int]:
    """Label -> place; a label that stands in two places has the better one."""
    found = dict[str, int]()
    for column, place in (("preferredLabel", CALLED), ("altLabels", ALSO), ("hiddenLabels", HIDDEN)):
        for text in row.get(column, "").splitlines():
            # What turns a line around, or is not seen, would stand on somebody's button; Persian needs its joiners.
            label = " ".join("".join(each for each in text if unicodedata.category(each) != "Cf" or each in "\u200c\u200d").split())
            if any(unicodedata.category(each) == "Cc" for each in label) or len(label) > LONGEST_LABEL:
                _refuse(f"{sheet.where}, line {line}, {column}", f"{label[:40]!r} ... is no label")
            if label:
                found.setdefault(label, place)
    if len(found) > MOST_LABELS:
        _refuse(f"{sheet.where}, line {line}", f"has {len(found)} labels")
    return found


def _relations(sheet: _Sheet, rows: Iterator[tuple[int, Mapping[str, str]]]) -> Release:
    pairs = dict[tuple[str, str], bool]()
    for line, row in rows:
        if (which := row["relationType"].strip()) not in {"essential", "optional"}:
            _refuse(f"{sheet.where}, line {line}", f"{which[:20]!r} is neither essential nor optional")
        pair = (_uri(sheet, line, row["occupationUri"]), _uri(sheet, line, row["skillUri"]))
        pairs[pair] = pairs.get(pair, False) or which == "essential"
    return Release(RELATIONS, "", "", pairs=pairs)
