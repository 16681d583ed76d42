"""The PO files: read, held against English, merged, written. The only file that knows PO.

A folder under `locales/` is a language; there is no list of languages to keep. English lives once, as `msgid` in `locales/en`;
`msgctxt` is the sentence id. What a language is besides its words stands in the headers of its `common.po`: `Plural-Forms`,
`X-Review` (who that speaks it has read it; `none`), `X-Fallback` (which languages its readers understand best after it).
"""

from __future__ import annotations

import gettext
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path

import polib

LOCALES = Path(__file__).parent / "locales"
PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")
URL, TAG, COMMANDS = re.compile(r"https?://[^\s،؟。]+"), re.compile(r"</?[a-z][^<>]*>"), re.compile(r"(?<![\w/])/[a-z]+")
DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # invisible; the bot sets its own
LINE = re.compile(r'\s*|\s*#.*|\s*(?:msgctxt|msgid|msgid_plural|msgstr(?:\[\d+\])?)?\s*"(?:[^"\\]|\\.)*"\s*')
WRITTEN_IN = re.compile(r"^in: ([A-Za-z_]+)$", re.MULTILINE)
BY_MACHINE = re.compile(r"^machine ([0-9a-f]{12})$", re.MULTILINE)
NOBODY = frozenset({"", "none", "no", "nobody"})
UNWRITTEN = "[{}]"  # the English of a sentence that is needed, and nobody has written yet

_ONE, _UP_TO_ONE = "nplurals=2; plural=(n != 1);", "nplurals=2; plural=(n > 1);"
_SLAVIC = "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);"
PLURALS = {  # what Weblate, GNU and CLDR agree on; Babel lacks seven of these and swaps two forms of Arabic (held against CLDR in tests/test_catalogues.py)
    **dict.fromkeys("ckb de en es it ku ps so sq tr ur".split(), _ONE),
    **dict.fromkeys("am fa fa_AF fr pt ti".split(), _UP_TO_ONE),
    **dict.fromkeys("ru uk".split(), _SLAVIC),
    "pl": "nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);",
    "ar": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);",
}

Text = str | tuple[str, ...]  # one text, or the plural forms


class WordsError(Exception):
    """A catalogue can't be used; the message names the file, the line and the remedy."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """One language's sentences: id -> text, or -> plural forms."""

    language: str
    texts: Mapping[str, Text]
    english: Mapping[str, Text]  # what each was translated from
    fuzzy: frozenset[str]  # English changed since
    machine: frozenset[str]  # translated by one, and not touched since
    files: Mapping[str, str]  # id -> where it is written, for complaints
    headers: Mapping[str, str] = field(default_factory=dict)
    source_of: Mapping[str, str] = field(default_factory=dict)  # of a form that has no English: the language in which its sentences were written

    @property
    def is_reviewed(self) -> bool:
        """By somebody who speaks it: the header X-Review of its common.po names them (English has its author)."""
        return self.headers.get("X-Review", "").strip().casefold() not in NOBODY

    @property
    def fallback(self) -> tuple[str, ...]:
        """What its readers understand best after it; English comes after these."""
        return tuple(self.headers.get("X-Fallback", "").replace(",", " ").split())

    @cached_property
    def plural(self) -> Callable[[int], int]:
        """Number -> which of the forms."""
        return rule_of(self.headers["Plural-Forms"])[1]


def languages(folder: Path = LOCALES) -> list[str]:
    """Those that have begun: with a common.po."""
    return sorted(path.parent.name for path in folder.glob("*/common.po"))


def rule_of(header: str) -> tuple[int, Callable[[int], int]]:
    """How many forms, and number -> which. Raises ValueError: it is none, or leads nowhere for some number."""
    match = re.fullmatch(r"\s*nplurals\s*=\s*(\d+)\s*;\s*plural\s*=\s*(.+?)\s*;?\s*", header)
    if not match:
        raise ValueError(header)
    count, rule = int(match[1]), gettext.c2py(match[2])
    try:
        if not all(0 <= rule(number) < count for number in range(201)):
            raise ValueError(header)
    except ArithmeticError as error:
        raise ValueError(header) from error
    return count, rule


def read_catalogue(language: str, folders: Iterable[Path], english: Catalogue | None = None) -> Catalogue:
    """Every PO file of one language, wherever there are any; its headers are those of the first folder's common.po. `english`: what
    it is held against. Raises WordsError with file, line and remedy."""
    texts, english_of, files = dict[str, Text](), dict[str, Text](), dict[str, str]()
    fuzzy, machine, source = set[str](), set[str](), dict[str, str]()
    headers: dict[str, str] | None = None
    first, *more = [folder / language for folder in folders]
    for path in (
        *sorted(first.glob("*.po"), key=lambda path: (path.stem != "common", path.stem)),
        *(path for folder in more for path in sorted(folder.glob("*.po"))),
    ):
        catalogue = read_file(path, "en")
        headers = dict(catalogue.metadata) if headers is None else headers
        for entry in catalogue:
            name, where = str(entry.msgctxt), f"{path}:{entry.linenum}"
            if entry.obsolete or not entry.msgctxt:
                continue
            if name in files:
                raise WordsError(f"{where}: the sentence {name} stands at {files[name]} already; delete one.")
            files[name], english_of[name] = where, source_of(entry)
            text = text_of(entry)
            if language == "en":
                text = source_of(entry) if text is None else text
                if (written_in := language_of(entry)) != "en":
                    source[name] = written_in
            if entry.fuzzy:
                fuzzy.add(name)
                text = text if text is not None and not any(broken(text, source_of(entry))) else None  # too old to be said
            if text is not None:
                texts[name] = text
            if is_by_machine(entry):
                machine.add(name)
    if not files:
        raise WordsError(f"{first}: holds no PO file; copy those of locales/en, or remove the folder.")
    found = Catalogue(language, texts, english_of, frozenset(fuzzy), frozenset(machine), files, headers or {}, source)
    if first.is_dir():
        for fault in chain(rule_faults(found, first), faults(found, english, first)):
            raise WordsError(fault)
    return found


def read_file(path: Path, instead: str = "en") -> polib.POFile:
    """Raises WordsError."""
    try:
        text = path.read_text("utf-8-sig")  # Notepad writes a mark in front
        for number, line in enumerate(text.splitlines(), 1):
            if not LINE.fullmatch(line):  # polib would make something of most of these
                raise WordsError(f'{path}:{number}: is no line of a PO file; a text begins and ends with a quotation mark, inside of it write \\".')
        return polib.pofile(text, wrapwidth=0)
    except (OSError, ValueError, IndexError, KeyError) as error:  # the last three are how polib trips over some broken files
        said = str(error).replace(str(path), "").strip() or type(error).__name__
        raise WordsError(f"{path}: is no PO file that can be read ({said}); compare it with locales/{instead}/{path.name}.") from error


def source_of(entry: polib.POEntry) -> Text:
    return (entry.msgid, entry.msgid_plural) if entry.msgid_plural else entry.msgid


def language_of(entry: polib.POEntry) -> str:
    """Of its msgid: English, but for a sentence of a form that nobody wrote in English."""
    match = WRITTEN_IN.search(entry.comment or "")
    return match[1] if match else "en"


def text_of(entry: polib.POEntry) -> Text | None:
    """None: it is not translated, or not in all its forms."""
    if entry.msgid_plural:
        forms = tuple(entry.msgstr_plural[index] for index in sorted(entry.msgstr_plural))
        return forms if forms and all(forms) else None
    return entry.msgstr or None


def is_by_machine(entry: polib.POEntry) -> bool:
    """The mark is a seal over the text: whoever mends the translation takes it off thereby, without knowing of it."""
    match = BY_MACHINE.search(entry.tcomment or "")
    return match is not None and match[1] == seal_of(entry.msgstr)


def mark_machine(entry: polib.POEntry) -> None:
    """Beside whatever a translator noted."""
    noted = [line for line in (entry.tcomment or "").splitlines() if not BY_MACHINE.fullmatch(line)]
    entry.tcomment = "\n".join([*noted, f"machine {seal_of(entry.msgstr)}"])


def add_by_machine(file: polib.POFile, original: polib.POEntry, text: str) -> None:
    """Where there is none yet; in English, beside what it was written in."""
    entry = next((each for each in file if each.msgctxt == original.msgctxt), None)
    if entry is None:
        entry = polib.POEntry(msgctxt=original.msgctxt, msgid=original.msgid, comment=original.comment)
        file.append(entry)
    entry.msgstr = text
    mark_machine(entry)


def seal_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


# ---- held against English ----


def rule_faults(here: Catalogue, folder: Path) -> Iterator[str]:
    where = folder / "common.po"
    wanted = PLURALS.get(here.language)
    header = here.headers.get("Plural-Forms", "")
    try:
        count, rule = rule_of(header)
    except ValueError:
        said = f"copy this line: {wanted}" if wanted else "Weblate and Poedit know it, and CONTRIBUTING.md says where to look."
        yield f"{where}: the header Plural-Forms is {'broken' if header else 'missing'}; {said}"
        return
    if wanted:
        pinned, known = rule_of(wanted)
        if count != pinned or any(rule(number) != known(number) for number in range(201)):
            yield f"{where}: the header Plural-Forms is not the one of this language (a tool wrote another); it is {wanted}"


def faults(here: Catalogue, english: Catalogue | None, folder: Path) -> Iterator[str]:
    """What a translator may have broken by mistake, in the files of this folder. Each with its file, line and remedy."""
    forms = rule_of(here.headers["Plural-Forms"])[0]  # rule_faults() has looked
    for name, text in here.texts.items():
        where = f"{here.files[name]}: {name}"
        if not where.startswith(str(folder)):
            continue
        original = english.texts.get(name, here.english[name]) if english else here.english[name]
        if isinstance(text, tuple) and len(text) != forms:
            yield f"{where}: needs {forms} plural forms, has {len(text)}."
        yield from (f"{where}: {said}" for said in broken(text, original))


def broken(text: Text, original: Text) -> Iterator[str]:
    """What must be the same in every language, and is not."""
    english = original if isinstance(original, str) else original[-1]
    if isinstance(text, tuple):
        yield from (said for form in text for said in _broken(form, english, frozenset("n")))  # "two answers" may be one word
    else:
        yield from _broken(text, english, frozenset())


def _broken(text: str, english: str, may_lack: frozenset[str]) -> Iterator[str]:
    strange = (set(PLACEHOLDER.findall(text)) ^ set(PLACEHOLDER.findall(english))) - may_lack
    if strange:
        yield f"the placeholders differ from the English ones: {', '.join(sorted(strange))}."
    if sorted(URL.findall(text)) != sorted(URL.findall(english)):
        yield "the web addresses differ from the English ones; copy them as they are."
    if sorted(TAG.findall(text)) != sorted(TAG.findall(english)):
        yield "the tags differ from the English ones; copy them as they are."
    if not may_lack and set(COMMANDS.findall(PLACEHOLDER.sub("", text))) != set(COMMANDS.findall(PLACEHOLDER.sub("", english))):
        yield "the /commands differ from the English ones; they are the same in every language."
    if DIRECTIONS.search(text):
        yield "holds an invisible writing-direction character; delete it, the bot sets them itself."


# ---- written and merged ----


def write_catalogue(path: Path, language: str, originals: Mapping[str, tuple[str, str]], texts: Mapping[str, str], source: str = "en") -> None:
    """A PO file of a form. `originals`: each sentence in English, or in the language that it was written in, and that language, in order;
    `texts`: in this one. `source`: the form's own language."""
    file = begin_file(language, source, path.stem)
    for name, (original, written_in) in originals.items():
        if language == "en" or name in texts:
            comment = "" if written_in == "en" else f"in: {written_in}"
            file.append(polib.POEntry(msgctxt=name, msgid=original, msgstr="" if language == "en" else texts[name], comment=comment))
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save(str(path))


def headers_of(language: str, project: str = "frontdoor") -> dict[str, str]:
    return {
        "Project-Id-Version": project,
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": PLURALS.get(language, _ONE),
        "X-Review": "none",
    }


def extract(needed: Iterable[str], optional: Iterable[str] = (), folder: Path = LOCALES) -> dict[str, list[str]]:
    """English gets an entry for each sentence that scripts and code need and nobody wrote (to be written: `[newcomer.hobby]`); what nothing
    says is kept as obsolete (`#~`), and comes back when it is needed again. `optional`: may be there, and need not. What was done: added,
    deleted. Raises WordsError."""
    done: dict[str, list[str]] = {"added": [], "deleted": []}
    wanted, may_be = dict[str, list[str]](), set(optional)
    for name in needed:
        wanted.setdefault(name.partition(".")[0], []).append(name)
    if lost := sorted({path.name for path in folder.glob("*/*.po") if path.stem in wanted} - {path.name for path in (folder / "en").glob("*.po")}):
        raise WordsError(f"{folder / 'en' / lost[0]}: is missing, and other languages have it; put it back, or they would lose what was translated.")
    for stem in sorted({*wanted, *(path.stem for path in (folder / "en").glob("*.po"))}):
        path = folder / "en" / f"{stem}.po"
        file = read_file(path) if path.exists() else begin_file("en")
        entries = {str(entry.msgctxt): entry for entry in file if entry.msgctxt}
        for name in wanted.get(stem, ()):
            if name not in entries:
                file.append(polib.POEntry(msgctxt=name, msgid=UNWRITTEN.format(name)))
            if name not in entries or entries[name].obsolete:
                done["added"].append(name)
        for name, entry in entries.items():
            is_wanted = name in {*wanted.get(stem, ()), *may_be}
            if not is_wanted and not entry.obsolete:
                done["deleted"].append(name)
            stays_away = bool(entry.obsolete) and name not in wanted.get(stem, ())
            entry.obsolete = stays_away or not is_wanted
        save_file(file, path)
    return done


def merge(language: str, folder: Path = LOCALES, may_lack: Iterable[str] = ()) -> dict[str, int]:
    """A language follows English, sentence by sentence, by the id and never by what looks alike: new ones stand there empty, a changed
    English makes the translation fuzzy (with what it was before), what English has no more is kept as obsolete and comes back with it.
    `may_lack`: files that are not begun for it. What was done: new, fuzzy, gone. Raises WordsError."""
    done, skipped = dict.fromkeys(("new", "fuzzy", "gone"), 0), set(may_lack)
    for path in sorted((folder / "en").glob("*.po")):
        theirs = folder / language / path.name
        if not theirs.exists() and path.stem in skipped:
            continue
        file = read_file(theirs) if theirs.exists() else begin_file(language)
        there = {
            str(entry.msgctxt): entry for entry in sorted(file, key=lambda entry: not entry.obsolete) if entry.msgctxt
        }  # one that is said before one that was
        forms = _forms_of(language, file, theirs)
        merged = []
        for original in (each for each in read_file(path) if each.msgctxt and not each.obsolete):
            entry = there.pop(str(original.msgctxt), None)
            done["new"] += entry is None or entry.obsolete
            entry = entry or polib.POEntry(msgctxt=original.msgctxt, msgid=original.msgid)
            entry.obsolete = False
            if source_of(entry) != source_of(original) and _is_begun(entry):
                done["fuzzy"] += not entry.fuzzy
                if not entry.fuzzy:  # else it is older still
                    entry.previous_msgid, entry.previous_msgid_plural = entry.msgid, entry.msgid_plural or None
                entry.flags = sorted({*entry.flags, "fuzzy"})
            _turn_into(entry, original, forms)
            merged.append(entry)
        done["gone"] += sum(not entry.obsolete for entry in there.values())
        for entry in there.values():
            entry.obsolete = True
        file[:] = [*merged, *(entry for entry in there.values() if _is_begun(entry))]
        save_file(file, theirs)
    return done


def _forms_of(language: str, file: polib.POFile, path: Path) -> int:
    try:
        return rule_of(PLURALS.get(language) or file.metadata.get("Plural-Forms", _ONE))[0]
    except ValueError as error:
        raise WordsError(f"{path}: the header Plural-Forms is broken; copy the one of {language}/common.po.") from error


def _is_begun(entry: polib.POEntry) -> bool:
    return bool(entry.msgstr or any(entry.msgstr_plural.values()))


def _turn_into(entry: polib.POEntry, original: polib.POEntry, forms: int) -> None:
    """The entry with the English of today."""
    if original.msgid_plural and not entry.msgid_plural:
        entry.msgstr_plural, entry.msgstr = dict.fromkeys(range(forms), entry.msgstr), ""
    elif entry.msgid_plural and not original.msgid_plural:
        entry.msgstr, entry.msgstr_plural = entry.msgstr_plural.get(max(entry.msgstr_plural, default=0), ""), {}
    entry.msgid, entry.msgid_plural, entry.comment = original.msgid, original.msgid_plural, original.comment


def begin_file(language: str, source: str = "en", project: str = "frontdoor") -> polib.POFile:
    """One without entries. `source`: the language of its msgids."""
    file = polib.POFile(wrapwidth=0)
    file.metadata = headers_of(language, project) | ({"X-Source-Language": source} if source != "en" or project != "frontdoor" else {})
    return file


def save_file(file: polib.POFile, path: Path) -> None:
    """All of it or nothing, and only if it changed: a file half-written must not stop a bot that starts just now."""
    text = str(file)
    if path.exists() and path.read_text("utf-8").strip() == text.strip():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(".po.new")
    file.save(str(whole))
    whole.replace(path)


def words_of_entries(kind: str, folder: Path = LOCALES) -> dict[str, dict[str, str]]:
    """Of occupations or skills what each language calls them, languages that nobody offers yet included: people write what they
    write. Language -> sentence id -> text. Raises WordsError."""
    found = {}
    for path in sorted(folder.glob(f"*/{kind}.po")):
        language = path.parent.name
        found[language] = {str(entry.msgctxt): entry.msgid if language == "en" else entry.msgstr for entry in read_file(path)}
    return found
