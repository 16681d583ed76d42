"""The command line: `frontdoor`, the same as `python -m bot`. Heavy imports stay inside the commands: `--help` is instant."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from bot.settings import Settings
    from dialogs.model import Scripts

cli = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help="Frontdoor: welcomes, asks, remembers, and loses nothing.")


def _settings() -> Settings:
    from bot import logs  # noqa: PLC0415
    from bot.settings import read_settings  # noqa: PLC0415

    settings = read_settings()
    logs.install(settings.log_level)
    return settings


def go(coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        from uvloop import new_event_loop  # noqa: PLC0415
    except ImportError:  # Windows
        return asyncio.run(coroutine)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(coroutine)


@cli.command()
def run() -> None:
    """Start everything. Without a Telegram token: a chat in this terminal."""
    from bot import app  # noqa: PLC0415

    go(app.run(_settings()))


@cli.command()
def chat() -> None:
    """Talk to the bot in this terminal; a bot running beside it does not mind."""
    from bot import app  # noqa: PLC0415

    go(app.chat(_settings()))


@cli.command()
def check(running: bool = False, against: Path | None = None) -> None:
    """Do scripts and words agree? Says what is missing, left over, unreachable or forbidden.

    --running: and what the scripts mean for the conversations that the database holds.
    --against FOLDER: and what changed since that older version of the scripts, with numbers if there is a database.
    """
    from bot.app import furnish  # noqa: PLC0415
    from bot.check import check as complaints_of  # noqa: PLC0415
    from bot.errors import FrontdoorError  # noqa: PLC0415
    from dialogs.files import ScriptError  # noqa: PLC0415
    from translations.catalogues import WordsError  # noqa: PLC0415

    try:
        settings = _settings()
        programme, scripts, words = furnish(settings)
        complaints = complaints_of(scripts, words, programme.entrances)
    except (ScriptError, WordsError) as error:
        raise FrontdoorError(str(error)) from error
    if running or against:
        _tell_edits(settings, scripts, against, running=running)
    complaints += _packages(settings)
    for complaint in complaints:
        print(complaint)
    if complaints:
        raise typer.Exit(1)
    print(f"All is well: {len(words.catalogue('en').texts)} sentences in {len(words.languages)} languages.")


def _packages(settings: Settings) -> list[str]:
    """What is wrong with those for machine translation."""
    from translations import machine  # noqa: PLC0415

    complaints: list[str] = _of_machine(lambda: machine.Argos(settings.machine).faults())
    return complaints


def _tell_edits(settings: Settings, scripts: Scripts, against: Path | None, *, running: bool) -> None:
    """What the scripts as they are now mean for whoever is in the middle of them."""
    from bot import edits  # noqa: PLC0415
    from storage.standing import Standing  # noqa: PLC0415

    old = edits.scripts_of(against, settings.forms) if against else None
    known = go(edits.look(settings))
    if not isinstance(known, Standing):
        print(f"Without numbers: {known}.")
    counted = known if isinstance(known, Standing) else None
    said = edits.edits(old, scripts, counted) if old else []
    said += [each for each in edits.running(scripts, counted) if each not in said] if running and counted else []
    for sentence in said:
        print(sentence)
    if not said and (old or counted):
        print("Nothing changes for conversations under way.")


@cli.command()
def preview(dialog: str, lang: str = "", out: Path | None = None) -> None:
    """Write every screen of a dialog into one page to look at: frontdoor preview newcomer --lang ar"""
    from datetime import datetime  # noqa: PLC0415

    from bot.app import words_for  # noqa: PLC0415
    from bot.errors import FrontdoorError  # noqa: PLC0415
    from bot.invented import EXAMPLE_ADDRESS  # noqa: PLC0415
    from bot.preview import preview as page_of  # noqa: PLC0415
    from bot.settings import read_programme  # noqa: PLC0415
    from dialogs.files import ScriptError, load_scripts  # noqa: PLC0415
    from translations.catalogues import WordsError, languages  # noqa: PLC0415

    try:
        settings = _settings()
        scripts, programme = load_scripts(forms=settings.forms), read_programme(settings.programme)
        language = lang or programme.languages[0]
        if language in languages():  # whoever translates looks at it before anybody offers it
            programme = programme.model_copy(update={"languages": tuple(dict.fromkeys([*programme.languages, language]))})
        today = datetime.now(programme.timezone).date()
        page = page_of(scripts, words_for(programme, scripts, EXAMPLE_ADDRESS, settings.forms), programme, dialog, language, today)
        path = out or Path(f"preview-{dialog}-{language}.html")
        path.write_text(page, "utf-8")
    except (ScriptError, WordsError) as error:
        raise FrontdoorError(str(error)) from error
    except OSError as error:
        raise FrontdoorError(f"{error.filename} can't be written ({error.strerror}). Is there such a folder, and may this user write there?") from error
    print(path)


@cli.command()
def doctor() -> None:
    """Say what is set, what is missing, and what to do."""
    from bot.doctor import examine  # noqa: PLC0415

    healthy = go(examine())
    raise typer.Exit(0 if healthy else 1)


@cli.command()
def backup(file: Path) -> None:
    """Write everything into FILE, while the bot runs. The key file is not in it: keep that apart."""
    from bot.doctor import save_backup  # noqa: PLC0415

    go(save_backup(_settings(), file))


@cli.command()
def restore(file: Path) -> None:
    """Read a backup into a new, empty database. Nothing is ever overwritten."""
    from bot.doctor import load_backup  # noqa: PLC0415

    go(load_backup(_settings(), file))


@cli.command()
def link(entrance: str, campaign: str = "", language: str = "", bot: str = "", folder: Path = Path("links")) -> None:
    """Print the links for a poster, and draw their QR codes: frontdoor link sme --campaign hanse, or the name of a form"""
    from bot.app import bot_name  # noqa: PLC0415
    from bot.errors import FrontdoorError  # noqa: PLC0415
    from bot.links import draw, links_of, payload_of  # noqa: PLC0415
    from bot.settings import read_programme  # noqa: PLC0415
    from dialogs.files import ScriptError, load_scripts  # noqa: PLC0415

    settings = _settings()
    try:
        forms = [each.replace("-", "_") for each in load_scripts(forms=settings.forms).open_forms]
    except ScriptError as error:
        raise FrontdoorError(str(error)) from error
    payload = payload_of(
        read_programme(settings.programme), entrance.replace("-", "_") if entrance.startswith("form-") else entrance, campaign, language, forms
    )
    name = bot or (go(bot_name(settings)) if settings.telegram_token else "")
    for door, address in links_of(payload, name, settings.public_url).items():
        print(f"{address}\n  {draw(address, folder / f'{payload}.{door}.svg')}")


fair = typer.Typer(
    no_args_is_help=True, help="Events: what is coming, and drafts from a calendar file. Everything else is done in the chat (/newevent, /manage)."
)
cli.add_typer(fair, name="events")


@fair.command("list")
def events_list() -> None:
    """What is coming, and what is a draft."""
    from bot.imports import list_events  # noqa: PLC0415

    for line in go(list_events(_settings())):
        print(line)


@fair.command("import")
def events_import(file: Path, language: Annotated[str, typer.Option(help="that is spoken there, and of the texts")] = "en") -> None:
    """Take events from an iCalendar file, as drafts: frontdoor events import calendar.ics --language de"""
    from bot.imports import import_events  # noqa: PLC0415

    for line in go(import_events(_settings(), file, language)):
        print(line)


team = typer.Typer(no_args_is_help=True, help="Those who help: invite the first one here, everybody else in the chat by /staff.")
cli.add_typer(team, name="staff")


@team.command("invite")
def staff_invite(name: Annotated[str, typer.Option(help="as the team knows them")], rank: str = "viewer", bot: str = "") -> None:
    """Print a one-time code that makes somebody staff: frontdoor staff invite --rank admin --name Anna"""
    from bot.app import bot_name  # noqa: PLC0415
    from bot.team import invite  # noqa: PLC0415

    settings = _settings()
    called = bot or (go(bot_name(settings)) if settings.telegram_token else "")
    for line in go(invite(settings, name, rank, called)):
        print(line)


@team.command("list")
def staff_list() -> None:
    """Who helps here, and what they may do."""
    from bot.team import listed  # noqa: PLC0415

    for line in go(listed(_settings())):
        print(line)


forms = typer.Typer(no_args_is_help=True, help="Questionnaires: any XLSForm (Excel, CSV, Markdown) becomes a dialog.")
cli.add_typer(forms, name="dialog")


@forms.command("import")
def dialog_import(
    file: Path,
    name: Annotated[str, typer.Option(help="of the dialog; else the form's own id")] = "",
    profile: Annotated[
        bool | None, typer.Option("--profile/--anonymous", help="keep the answers with the profile, or hand them in without a name (the default)")
    ] = None,
    dpia: Annotated[str, typer.Option(help="the impact assessment that allows delicate questions and exact places")] = "",
    language: Annotated[str, typer.Option(help="of what the form does not say the language of")] = "en",
) -> None:
    """Make a dialog of an XLSForm, in all its languages; a bot that runs has it at once. A newer version replaces the older one."""
    from bot.forms import import_form  # noqa: PLC0415
    from dialogs.xlsform import Wishes  # noqa: PLC0415

    made = import_form(_settings(), file, Wishes(name, dpia=dpia, language=language), anonymous=None if profile is None else not profile)
    was = f"replaces version {made.before}" if made.before not in {0, made.version} else "nothing changed" if made.before else "new"
    print(
        f"{made.dialog}, version {made.version} ({was}): {made.questions} questions. People find it under /forms, by /{made.dialog.replace('-', '_')}, or by a link (frontdoor link)."
    )
    for code, (there, whole) in made.coverage.items():
        print(f"  {code:<6} {there * 100 // max(whole, 1):>3} % of {whole} sentences")
    for finding in made.findings:
        print(f"  {finding}")


@forms.command("list")
def dialog_list() -> None:
    """The forms that are open, and how many answered."""
    from bot.forms import list_forms  # noqa: PLC0415

    for line in go(list_forms(_settings())):
        print(line)


@forms.command("export")
def dialog_export(dialog: str, folder: Path = Path("export")) -> None:
    """Write the answers in the form's own shape: CSV, one for each repeat, and JSON, as ODK and Kobo hand them out."""
    from bot.exports import export_form  # noqa: PLC0415

    for path in go(export_form(_settings(), dialog, folder)):
        print(path)


@forms.command("close")
def dialog_close(dialog: str, again: Annotated[bool, typer.Option("--open", help="open it again")] = False) -> None:
    """Nobody is asked this form any more. What was answered stays, and can be exported."""
    from bot.forms import close_form  # noqa: PLC0415

    close_form(_settings(), dialog, closed=not again)
    print(f"{dialog} is {'open' if again else 'closed'}.")


catalogues = typer.Typer(no_args_is_help=True, help="Translations: the PO files in translations/locales, one folder a language.")
cli.add_typer(catalogues, name="words")


@catalogues.command("update")
def words_update(languages: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """After a change of scripts or English: new sentences stand in every language, empty; changed ones are marked (fuzzy)."""
    from bot import catalogues as tools  # noqa: PLC0415

    _, scripts, words = _every_language()
    said = _of_words(lambda: tools.update(scripts, words, only=languages or ()))
    print("\n".join(said) or "Nothing to do: every language follows English.")


@catalogues.command("status")
def words_status() -> None:
    """How far each language is, and whether anybody who speaks it has read it."""
    from bot import catalogues as tools  # noqa: PLC0415

    _, scripts, words = _every_language()
    for standing in tools.standing(scripts, words):
        print(standing.line())


@catalogues.command("check")
def words_check(languages: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Is anything wrong with a catalogue: missing, broken, too long, still English? With every language, offered or not."""
    from bot import catalogues as tools  # noqa: PLC0415

    programme, scripts, words = _every_language()
    complaints: list[str] = _of_words(lambda: tools.faults(scripts, words, programme.entrances, languages or ()))
    for complaint in complaints:
        print(complaint)
    if complaints:
        raise typer.Exit(1)
    print(f"All is well: {len(words.catalogue('en').texts)} sentences in {len(languages or words.languages)} languages.")


def _every_language() -> Any:
    from bot.app import words_for  # noqa: PLC0415
    from bot.invented import EXAMPLE_ADDRESS  # noqa: PLC0415
    from bot.settings import read_programme  # noqa: PLC0415
    from dialogs.files import load_scripts  # noqa: PLC0415
    from translations.catalogues import languages  # noqa: PLC0415

    def read() -> Any:
        programme, scripts = read_programme(_settings().programme), load_scripts()
        everywhere = programme.model_copy(update={"languages": tuple(languages())})
        return programme, scripts, words_for(everywhere, scripts, EXAMPLE_ADDRESS)

    return _of_words(read)


def _of_words(do: Callable[[], Any]) -> Any:
    from bot.errors import FrontdoorError  # noqa: PLC0415
    from dialogs.files import ScriptError  # noqa: PLC0415
    from translations.catalogues import WordsError  # noqa: PLC0415

    try:
        return do()
    except (ScriptError, WordsError) as error:
        raise FrontdoorError(str(error)) from error


mt = typer.Typer(no_args_is_help=True, help="Machine translation: packages of Argos Translate, installed by you; nothing is ever fetched.")
cli.add_typer(mt, name="mt")


@mt.command("install")
def mt_install(files: list[Path], sha256: Annotated[str, typer.Option(help="what the one file must have; else it is shown, for you to compare")] = "") -> None:
    """Bring in .argosmodel files, or folders of them. Each is pinned: one that changes later is not used."""
    from translations import machine  # noqa: PLC0415

    folder = _settings().machine
    folder.mkdir(parents=True, exist_ok=True)

    def one_by_one() -> None:
        for pin in machine.install(folder, files, sha256):
            print(f"{pin.from_code} -> {pin.to_code}, version {pin.version}, from {pin.file}\n  SHA-256 {pin.archive}")

    _of_machine(one_by_one)
    print("A bot that runs has them when it starts again.")


@mt.command("status")
def mt_status() -> None:
    """What is installed, whether it is as it was, and which offered languages no machine can translate."""
    from bot.settings import read_programme  # noqa: PLC0415
    from translations import machine  # noqa: PLC0415

    settings = _settings()
    argos = _of_machine(lambda: machine.Argos(settings.machine))
    wrong = argos.faults()
    print("\n".join(f"{from_} -> {to}" for from_, to in argos.pairs) or "No package is installed: frontdoor mt install FILE")
    alone = [each for each in read_programme(settings.programme).languages if each != machine.PIVOT and not (argos.can(each, "en") and argos.can("en", each))]
    if argos.pairs and alone:
        print(f"Not both from and into English: {', '.join(alone)}. Such texts go to a human being, with the original.")
    if not machine.is_there():
        print("The extra is missing: pip install 'frontdoor[mt]'")
    for each in wrong:
        print(each)
    if wrong:
        raise typer.Exit(1)


@mt.command("remove")
def mt_remove(pair: str) -> None:
    """Take a package away: frontdoor mt remove de_en"""
    from translations import machine  # noqa: PLC0415

    pin = _of_machine(lambda: machine.remove(_settings().machine, pair))
    print(f"{pin.folder} is gone.")


@mt.command("words")
def mt_words(language: str) -> None:
    """Translate what forms (frontdoor dialog) lack in a language, marked as a machine's. Never a consent."""
    from bot.forms import translate_forms  # noqa: PLC0415

    for line in _of_words(lambda: _of_machine(lambda: translate_forms(_settings(), language))):
        print(line)


def _of_machine(do: Callable[[], Any]) -> Any:
    from bot.errors import FrontdoorError  # noqa: PLC0415
    from translations.machine import MachineError  # noqa: PLC0415

    try:
        return do()
    except MachineError as error:
        raise FrontdoorError(str(error)) from error


esco = typer.Typer(no_args_is_help=True, help="Occupations and skills: the EU's classification, in all its languages.")
cli.add_typer(esco, name="esco")


@esco.command("import")
def esco_import(
    files: list[Path],
    language: Annotated[str, typer.Option(help="of a file whose name does not say it")] = "",
    part: Annotated[bool, typer.Option("--part", help="the files hold only a part: nothing follows from what is not in them")] = False,
) -> None:
    """Bring in the official download: zips, CSV files or folders of them. While the bot runs; again whenever there is a newer release."""
    from bot.esco import bring  # noqa: PLC0415

    bars: dict[str, Any] = {}

    def progress(name: str, at: int, of: int) -> None:
        if name not in bars:
            bars[name] = typer.progressbar(length=of, label=f"{name:<16}", file=sys.stderr)
        bars[name].update(at - bars[name].pos)
        if at == of:
            bars[name].render_finish()

    for came in go(bring(_settings(), files, part=part, language=language, progress=progress)):
        what = f"{came.kind:<12} {came.language or '-':<3} {came.number:>8,}{f', of {came.day}' if came.day else ''}"
        if came.brought is None:
            print(f"{what}: an older release than what is there; left as it is")
        elif came.brought.new or came.brought.changed or came.brought.gone:
            print(f"{what}: {came.brought.new:,} new, {came.brought.changed:,} changed, {came.brought.gone:,} gone")
        else:
            print(f"{what}: nothing changed")


@esco.command("status")
def esco_status() -> None:
    """What was imported, in which languages, and of which release."""
    from bot.esco import status  # noqa: PLC0415

    for line in go(status(_settings())):
        print(line)


def main() -> None:
    """Whatever an operator can mend is one sentence and exit code 2, never a traceback."""
    from bot.errors import FrontdoorError  # noqa: PLC0415

    try:
        cli()
    except FrontdoorError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        import logging  # noqa: PLC0415

        from bot import logs  # noqa: PLC0415

        logs.install()
        logging.getLogger("bot").critical("Frontdoor stopped by a fault of its own; please report this", exc_info=error)
        sys.exit(1)


if __name__ == "__main__":
    main()
