"""Machine translation, always labelled as such: a port, and Argos behind it (the extra `mt`). Nothing here ever reaches for the network.

Packages are installed by an operator (`frontdoor mt install`), each pinned by the SHA-256 of the file that it came in and of what it was
unpacked to; one that changed since is not used. Texts go over English where no package leads directly. What must not change (placeholders,
addresses, @names, commands, numbers) is taken out before and put back after, and looked for.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import re
import shutil
import stat
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

log = logging.getLogger(__name__)

PIVOT = "en"
LONGEST = 2_000  # characters of a text; more goes to a human being
LARGEST, LARGEST_METADATA = 3_000_000_000, 1_000_000  # bytes of an unpacked package, and of what it says of itself
UNREADABLE = (OSError, ValueError, LookupError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)  # of a damaged zip
MASKED = re.compile(
    r"\{[A-Za-z_][A-Za-z0-9_-]*\}|(?i:https?://|www\.)\S+|[\w.+-]+@[\w-]+\.[\w.]+|(?<!\w)@\w+|(?<![\w/])/[a-z]\w*|(?<![\w.])(?:\w+\.)+[a-z]{2,}/\S*"
    r"|\+?\d[\d .,/:\u00a0\u066b\u066c-]*\d|\d"
)
SENTENCE_END = re.compile(r"(?:(?<=[^\d.][.!?؟۔።…])|(?<=[^\d.][.!?؟۔።…][\"'»”’)]))(?<!\b\w\.)\s+")  # not after "3." or "z."
HALF = ".half-"  # how a folder is called that something is just unpacked in
NEEDED = ("metadata.json", "model/model.bin", "model/config.json")
TOKENIZERS = ("sentencepiece.model", "bpe.model")
CODE = re.compile(r"[a-z]{2,3}")


class MachineError(Exception):
    """A package can't be used; the message names the file and the remedy."""


class Machine(Protocol):
    """What translates."""

    def can(self, from_: str, to: str) -> bool:
        """Is there a way from one language to the other?"""

    def refuse(self) -> list[str]:
        """Use no more what can't be trusted; what that is, and the remedy, a sentence each. Takes its time."""

    def translate(self, text: str, from_: str, to: str) -> str | None:
        """Takes its time, in a thread of its own. None: it could not, or lost something that must stay."""


@dataclass(frozen=True, slots=True)
class Pin:
    """An installed package, as it was when somebody installed it."""

    folder: str
    from_code: str
    to_code: str
    version: str
    file: str
    archive: str  # SHA-256 of the file that it came in
    content: str  # SHA-256 over everything that was unpacked


def is_there() -> bool:
    """Is the extra `mt` installed?"""
    return importlib.util.find_spec("argostranslate") is not None


class Argos:
    """Packages of Argos Translate, run by its own code (or that of its light distribution: the same module)."""

    def __init__(self, folder: Path) -> None:
        """`folder`: DATA_DIR/mt. Reads which packages there are; their models are loaded by the first text."""
        self._folder = folder
        self._pins = {(pin.from_code, pin.to_code): pin for pin in pins(folder)}
        self._ready: dict[tuple[str, str], Any] | None = None

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """(from, to) of each package."""
        return sorted(self._pins)

    def can(self, from_: str, to: str) -> bool:
        return bool(self._way(code_of(from_), code_of(to)))

    def _way(self, from_: str, to: str) -> list[tuple[str, str]]:
        """Directly, else over English; empty: there is none."""
        if (from_, to) in self._pins:
            return [(from_, to)]
        over = [(from_, PIVOT), (PIVOT, to)]
        return over if all(step in self._pins for step in over) else []

    def refuse(self) -> list[str]:
        """Packages that are not what was installed are used no more; what is wrong, and the remedy, a sentence each. Reads every byte of them."""
        said = []
        for key, pin in list(self._pins.items()):
            if wrong := fault_of(self._folder, pin):
                said.append(wrong)
                del self._pins[key]
        return said

    def faults(self) -> list[str]:
        """The same, and what lies among them that was never installed."""
        return [*self.refuse(), *strangers(self._folder)]

    def translate(self, text: str, from_: str, to: str) -> str | None:
        way = self._way(code_of(from_), code_of(to))
        if not way or len(text) > LONGEST:
            return None
        for step in way:
            text = "\n".join(self._line(line, step) for line in text.split("\n"))
        return text

    def _line(self, line: str, step: tuple[str, str]) -> str:
        return " ".join(kept(sentence, lambda piece: self._say(piece, step)) for sentence in sentences_of(line)) if line.strip() else line

    def _say(self, text: str, step: tuple[str, str]) -> str:
        if self._ready is None:
            self._ready = self._load()
        return str(self._ready[step].translate(text)).strip()  # a pair that does not load raises KeyError, once; then `can()` knows

    def _load(self) -> dict[tuple[str, str], Any]:
        """Argos as it must be run: its folders inside ours, no telemetry, our own splitter (its own would download a model), and only what
        was pinned: by itself it would take whatever lies there."""
        argos, ready = imported(self._folder), {}
        for (from_, to), pin in list(self._pins.items()):
            try:
                ready[from_, to] = translation_of(argos, packages(self._folder) / pin.folder)
            except Exception:  # one that does not open must not take the others along
                log.exception("a package can't be used")
                del self._pins[from_, to]
        return ready


def translation_of(argos: Any, home: Path) -> Any:
    """A package, ready to translate. Raises whatever is wrong with it."""
    package = argos.package.Package(home)
    languages = [argos.translate.Language(code, code) for code in (package.from_code, package.to_code)]
    made = argos.translate.PackageTranslation(*languages, package)
    made.sentencizer = _Splitter()
    return made


class _Splitter:
    """Argos asks for sentences; it is given one at a time already."""

    def split_sentences(self, text: str) -> list[str]:
        return [text]


def imported(folder: Path) -> Any:
    """The module `argostranslate`, told where everything is before it looks. Raises MachineError."""
    if not is_there():
        raise MachineError("Machine translation needs the extra `mt`: pip install 'frontdoor[mt]'.")
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime reports to its vendor otherwise, from its import on
    homes = {"XDG_DATA_HOME": "data", "XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache"}
    wanted = {**{name: str(folder / "argos" / part) for name, part in homes.items()}, "ARGOS_PACKAGES_DIR": str(packages(folder)), "ARGOS_DEVICE_TYPE": "cpu"}
    before = {name: os.environ.get(name) for name in wanted}
    packages(folder).mkdir(parents=True, exist_ok=True)
    os.environ.update(wanted)
    try:
        import argostranslate.package  # noqa: PLC0415 - heavy, and an extra
        import argostranslate.translate  # noqa: PLC0415
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    settings = argostranslate.settings  # read once at import: of another folder, in the same process, it must be told again
    settings.package_data_dir, settings.package_dirs = packages(folder), [packages(folder)]
    return sys.modules["argostranslate"]


# ---- what must stay ----


def sentences_of(line: str) -> list[str]:
    """Our own splitter: at . ! ? ؟ ۔ ። and … followed by a blank."""
    return [part for part in SENTENCE_END.split(line.strip()) if part]


def kept(sentence: str, say: Callable[[str], str]) -> str:
    """A sentence translated, with what must stay as it was. A model may lose a stand-in; then what stands between is translated piece by piece."""
    stays = MASKED.findall(sentence)
    if not any(character.isalpha() for character in MASKED.sub("", sentence)):
        return sentence
    if not stays:
        return say(sentence)
    names = {f"{number}0{number}": each for number, each in enumerate(stays, 1)}
    order = iter(names)
    said = say(MASKED.sub(lambda _: next(order), sentence))
    if sorted(re.findall(r"\d+", said)) == sorted(names):
        return re.sub(r"\d+", lambda match: names[match[0]], said)
    pieces, at = [], 0
    for match in MASKED.finditer(sentence):
        pieces += [_between(sentence[at : match.start()], say), match[0]]
        at = match.end()
    return "".join([*pieces, _between(sentence[at:], say)])


def _between(piece: str, say: Callable[[str], str]) -> str:
    if not any(character.isalpha() for character in piece):
        return piece
    before, after = piece[: len(piece) - len(piece.lstrip())], piece[len(piece.rstrip()) :]
    return before + say(piece.strip()) + after


def code_of(language: str) -> str:
    """As packages call it: Dari is Persian to them."""
    return language.partition("_")[0]


# ---- packages ----


def packages(folder: Path) -> Path:
    return folder / "packages"


def pins(folder: Path) -> list[Pin]:
    """What is installed. Raises MachineError."""
    path = folder / "packages.json"
    try:
        return [Pin(**each) for each in json.loads(path.read_text("utf-8"))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        raise MachineError(f"{path}: can't be read ({error}); install the packages again: frontdoor mt install.") from error


def install(folder: Path, files: Iterable[Path], sha256: str = "") -> Iterator[Pin]:
    """Packages (files, or folders of them) come in, each whole or not at all. `sha256`: what the one file must have. Raises MachineError."""
    found = [each for path in files for each in (sorted(path.glob("*.argosmodel")) if path.is_dir() else [path])]
    if not found:
        raise MachineError("There is no .argosmodel file; those of Argos Translate are called translate-de_en-1_9.argosmodel.")
    if sha256 and len(found) > 1:
        raise MachineError("--sha256 is of one file; install the files one by one.")
    argos = imported(folder)
    for path in found:
        with _alone(folder):
            yield _install(folder, path, sha256.lower(), argos)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One installs or removes at a time; what a killed one left half-unpacked goes."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            import fcntl  # noqa: PLC0415 - Windows has none; there nobody installs twice at once
        except ImportError:
            yield
            return
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(f"{HALF}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _install(folder: Path, path: Path, sha256: str, argos: Any) -> Pin:
    try:
        archive = _digest(path)
    except OSError as error:
        raise MachineError(f"{path}: can't be read ({error.strerror}).") from error
    if sha256 and archive != sha256:
        raise MachineError(f"{path}: its SHA-256 is {archive}, not {sha256}. It is damaged, or another file; get it again.")
    top, metadata = _looked_at(path)
    others = [each for each in _pins_or_none(folder) if (each.from_code, each.to_code) != (metadata["from_code"], metadata["to_code"])]
    with tempfile.TemporaryDirectory(dir=folder, prefix=HALF) as room:
        argos.settings.package_data_dir = Path(room)
        try:
            argos.package.install_from_path(path)
            translation_of(argos, Path(room) / top).translate("Ja.")
        except Exception as error:
            raise MachineError(f"{path}: can't be unpacked and run ({type(error).__name__}: {str(error)[:100]}); get it again.") from error
        finally:
            argos.settings.package_data_dir = packages(folder)
        pin = Pin(
            f"translate-{metadata['from_code']}_{metadata['to_code']}",
            metadata["from_code"],
            metadata["to_code"],
            str(metadata.get("package_version", "?"))[:20],
            path.name,
            archive,
            _digest_of(Path(room) / top),
        )
        home = packages(folder) / pin.folder
        shutil.rmtree(home, ignore_errors=True)
        (Path(room) / top).rename(home)
    _write_pins(folder, [*others, pin])
    return pin


def _pins_or_none(folder: Path) -> list[Pin]:
    """Where the list is damaged a new one begins; `strangers()` names what it does not know."""
    try:
        return pins(folder)
    except MachineError:
        return []


def _looked_at(path: Path) -> tuple[str, dict[str, Any]]:
    """The one folder in it, and what it says of itself; nothing was unpacked. Raises MachineError."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            tops = {PurePosixPath(each.filename).parts[0] for each in entries if PurePosixPath(each.filename).parts}
            strange = next((each.filename for each in entries if not _is_harmless(each)), None)
            if strange is not None:
                raise MachineError(f"{path}: holds {strange!r}, which would lie outside of its folder; don't use this file.")
            if len(tops) != 1:
                raise MachineError(f"{path}: must hold one folder, and holds {len(tops)}; it is no package of Argos Translate.")
            if sum(each.file_size for each in entries) > LARGEST:
                raise MachineError(f"{path}: unpacks to more than {LARGEST // 10**9} GB; don't use this file.")
            top, names = tops.pop(), {each.filename for each in entries}
            missing = [name for name in NEEDED if f"{top}/{name}" not in names]
            if missing or not any(f"{top}/{name}" in names for name in TOKENIZERS):
                raise MachineError(f"{path}: lacks {missing[0] if missing else TOKENIZERS[0]}; it is no whole translation package, get it again.")
            if archive.getinfo(f"{top}/metadata.json").file_size > LARGEST_METADATA:
                raise MachineError(f"{path}: {top}/metadata.json is far too large; don't use this file.")
            metadata = json.loads(archive.read(f"{top}/metadata.json"))
    except UNREADABLE as error:
        raise MachineError(f"{path}: is no .argosmodel file that can be read ({error}); get it again.") from error
    codes = [metadata.get(name) for name in ("from_code", "to_code")] if isinstance(metadata, dict) else []
    if (
        len(codes) != 2
        or metadata.get("type", "translate") != "translate"
        or not all(isinstance(code, str) and CODE.fullmatch(code) for code in codes)
        or codes[0] == codes[1]
    ):
        raise MachineError(f"{path}: {top}/metadata.json does not say from and to which language; get the file again.")
    return top, metadata


def _is_harmless(entry: zipfile.ZipInfo) -> bool:
    """Inside of its folder, and no link to somewhere else."""
    path = PurePosixPath(entry.filename)
    return not (path.is_absolute() or ".." in path.parts or "\\" in entry.filename or stat.S_ISLNK(entry.external_attr >> 16))


def remove(folder: Path, pair: str) -> Pin:
    """`pair`: as de_en. Raises MachineError."""
    there = pins(folder)
    pin = next((each for each in there if f"{each.from_code}_{each.to_code}" == pair), None)
    if pin is None:
        raise MachineError(f"There is no package {pair!r}; there are {', '.join(f'{each.from_code}_{each.to_code}' for each in there) or 'none'}.")
    with _alone(folder):
        _write_pins(folder, [each for each in pins(folder) if each != pin])
        shutil.rmtree(packages(folder) / pin.folder, ignore_errors=True)
    return pin


def fault_of(folder: Path, pin: Pin) -> str:
    """What is wrong with an installed package, in one sentence; empty: nothing."""
    home = packages(folder) / pin.folder
    try:
        content = _digest_of(home)
    except OSError as error:
        return f"{home}: can't be read ({error.strerror}); install {pin.file} again, or remove it: frontdoor mt remove {pin.from_code}_{pin.to_code}."
    if content == pin.content:
        return ""
    return f"{home}: is not what was installed (SHA-256 {content[:12]} instead of {pin.content[:12]}), and is not used. Install {pin.file} again."


def strangers(folder: Path) -> list[str]:
    """What lies among the packages and was not installed by us; Argos would trip over it."""
    known = {pin.folder for pin in pins(folder)}
    there: Collection[Path] = sorted(packages(folder).iterdir()) if packages(folder).is_dir() else ()
    return [
        f"{path}: was not installed by `frontdoor mt install`; move it away, or install the file that it came from." for path in there if path.name not in known
    ]


def _write_pins(folder: Path, there: Sequence[Pin]) -> None:
    whole = folder / "packages.json.new"
    whole.write_text(json.dumps([asdict(each) for each in there], indent=1) + "\n", "utf-8")
    whole.replace(folder / "packages.json")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_of(home: Path) -> str:
    """Over the names and contents of all files."""
    if not home.is_dir():
        raise FileNotFoundError(2, "there is no such folder")
    lines = (f"{path.relative_to(home).as_posix()} {_digest(path)}\n" for path in sorted(home.rglob("*")) if path.is_file())
    return hashlib.sha256("".join(lines).encode()).hexdigest()
