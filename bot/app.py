"""The composition root: the only file that knows every other."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from bot.batches import Batches
from bot.calendars import qr_picture
from bot.channels.telegram_bot import Driver, TelegramBot
from bot.clock import Clock
from bot.delivery import Channel, Delivery
from bot.effects.nouns import private_questions
from bot.errors import FrontdoorError
from bot.fetching import Fetcher
from bot.intake import HandOver, Intake
from bot.interpreter import Interpreter
from bot.languages import Languages
from bot.logs import Code
from bot.meaning import Meaning, is_there
from bot.messages import Incoming, clean
from bot.settings import Programme, Settings, read_programme
from bot.sources import NAMERS, SENTENCES
from bot.taxonomy import Taxonomy
from dialogs.files import ScriptError, form_folders, load_scripts
from dialogs.model import Scripts
from storage import calls, codes, erasure, outbox, sessions, submissions, translations, updates
from storage.crypto import NO_KEYS, Keys, make_keys, read_keys
from storage.errors import StoreAway, StoreError
from storage.lease import Lease
from storage.records import Letter
from storage.schema import prepare, revision
from storage.store import Store, undisturbed
from translations.catalogues import LOCALES, PLURALS, WordsError
from translations.machine import Argos, MachineError
from translations.machine import is_there as machine_is_there
from translations.words import Namer, Words

log = logging.getLogger(__name__)

TIDY = 3600  # seconds between two rounds of throwing away what nobody needs any more
LOOK_AGAIN = 2  # seconds between two looks at the folder of the forms
SCRUB = 5  # seconds between two tries to empty the database's log after an erasure
STOP_AT_ONCE = 7.5  # seconds after a signal: whatever still hangs is not confirmed to anybody, so nothing is lost

Part = Callable[[], Coroutine[Any, Any, None]]  # something that runs until it is cancelled


@dataclass(frozen=True, slots=True)
class House:
    """Everything that a running Frontdoor is made of."""

    settings: Settings
    programme: Programme
    scripts: Scripts
    words: Words
    store: Store
    bots: dict[str, str] = field(default_factory=dict)  # channel -> how our bot is called there, once we know
    taxonomy: Taxonomy = field(init=False)
    languages: Languages = field(init=False)

    def __post_init__(self) -> None:
        meaning = Meaning(self.settings.data_dir) if self.settings and self.settings.semantic == "on" and is_there() else None
        backends = self.settings.backends if self.settings else ()
        object.__setattr__(self, "taxonomy", Taxonomy(self.store, self.words, meaning))  # frozen, but this follows from the rest
        object.__setattr__(self, "languages", Languages((*PLURALS, *self.words.languages), backends))

    def intake(self, hand_over: HandOver, interpreter: Interpreter | None = None) -> Intake:
        return Intake(self.store, self.scripts, self.words, self.programme, self.taxonomy, self.languages, hand_over, interpreter)

    def interpreter(self, hand_over: HandOver) -> Interpreter | None:
        """None: there is nothing that could translate. Raises FrontdoorError."""
        try:
            machine = Argos(self.settings.machine)
        except MachineError as error:
            raise FrontdoorError(str(error)) from error
        if machine.pairs and not machine_is_there():
            log.warning("there are packages for machine translation, and nothing that runs them: pip install 'frontdoor[mt]'")
        return Interpreter(self.store, machine, hand_over) if machine.pairs and machine_is_there() else None

    def delivery(self, channels: Mapping[str, Channel], bring: Callable[[Letter], Awaitable[None]] | None = None) -> Delivery:
        leases = {channel: Lease(self.store, channel) for channel in channels}
        return Delivery(self.store, self.words, channels, limits=self.settings.limits == "on", leases=leases, bring=bring)

    def clock(self, intake: Intake) -> Clock:
        return Clock(self.store, intake.handle, self.programme, lease=Lease(self.store, "clock"))

    def commands(self) -> dict[str | None, dict[str, str]]:
        """The menu of commands per two-letter language; None: for everybody else. What is for staff is not in it."""
        forms = {"forms": "yes" if self.scripts.open_forms else ""}
        wanted = {
            name: f"menu.command.{name}" for name in self.scripts.menu if (when := self.scripts[self.scripts.commands[name]].when) is None or when.holds(forms)
        }
        languages: dict[str | None, str] = {None: "en"} | {language: language for language in self.words.languages if len(language) == 2}
        return {code: {name: self.words.tr(sentence, language) for name, sentence in wanted.items()} for code, language in languages.items()}


def keys_for(settings: Settings, *, begun: bool) -> Keys:
    """Those of the key file; an installation that has not begun yet gets new ones. Raises StoreError, FrontdoorError."""
    if settings.keys.exists() or begun:
        return read_keys(settings.keys)  # or says that they are missing: new ones could not open what is there
    try:
        keys = make_keys(settings.keys)
    except OSError as error:
        raise FrontdoorError(
            f"{settings.keys} can't be written ({error.strerror}). May this user write there? (FRONTDOOR_DATA_DIR, FRONTDOOR_KEY_FILE)"
        ) from error
    print(f"New keys are in {settings.keys}. Copy that file to a safe place: without it nobody can read the database again.", file=sys.stderr)
    return keys


def words_for(programme: Programme, scripts: Scripts, webchat: str = "", forms: Path | None = None, mail: str = "") -> Words:
    """`webchat`: its address, if the world can reach it; `forms`: where imported forms live; `mail`: the address that we write from. Raises
    WordsError."""
    constants = {name: clean(value) if isinstance(value, str) else value for name, value in programme.constants.items()} | {"webchat": webchat, "mail": mail}
    namers: dict[str, Namer] = {**NAMERS, "portals": lambda code, _: str(programme.portals.get(code, code))}
    more = [each / "locales" for each in form_folders(forms)] if forms else []
    words = Words(programme.languages, constants=constants, namers=namers, sentences=SENTENCES, legal=scripts.legal, more=more)
    scripts.label = words.fact
    return words


def furnish(settings: Settings) -> tuple[Programme, Scripts, Words]:
    """What is read from files: who runs this, what is asked, how it is said. Raises ScriptError, WordsError, FrontdoorError."""
    programme, scripts = read_programme(settings.programme), load_scripts(forms=settings.forms)
    webchat = f"{settings.public_url}/chat" if settings.public_url and settings.http != "off" else ""
    return programme, scripts, words_for(programme, scripts, webchat, settings.forms, settings.mail_from if settings.smtp_url else "")


def build(settings: Settings, *, begun: bool) -> House:
    """`begun`: does the database hold something already? Raises FrontdoorError. Touches no database."""
    try:
        programme, scripts, words = furnish(settings)
        store = Store.at(settings.url, keys_for(settings, begun=begun))
        return House(settings, programme, scripts, words, store)
    except (ScriptError, WordsError, StoreError) as error:
        raise FrontdoorError(str(error)) from error


async def has_begun(settings: Settings) -> bool:
    """Is there a database with a schema of ours? Raises FrontdoorError."""
    with explained():
        store = Store.at(settings.url, read_keys(settings.keys) if settings.keys.exists() else NO_KEYS)
        try:
            return (store.file is None or store.file.exists()) and await revision(store) is not None
        finally:
            await store.close()


@contextmanager
def explained() -> Iterator[None]:
    """What the store says, for an operator."""
    try:
        yield
    except StoreAway as error:
        raise FrontdoorError("The database can't be reached. Is it running, and is FRONTDOOR_DATABASE_URL right?") from error
    except StoreError as error:
        raise FrontdoorError(str(error)) from error


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[House]:
    """A house whose database is there and up to date. Raises FrontdoorError."""
    house = build(settings, begun=await has_begun(settings))
    with explained():
        try:
            await prepare(house.store)
            yield house
        finally:
            await house.store.close()


async def run(settings: Settings) -> None:
    """Everything, until SIGTERM or SIGINT: the web chat, and Telegram when there is a token. Raises FrontdoorError."""
    if settings.http == "off" and not settings.telegram_token:
        raise FrontdoorError(
            "No FRONTDOOR_TELEGRAM_TOKEN is set and FRONTDOOR_HTTP is `off`, so nobody could talk to the bot. Put a token into .env, or remove FRONTDOOR_HTTP."
        )
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(opened(settings))
        ways_out: list[HandOver] = []

        def hand_over(letters: Sequence[Letter]) -> None:
            for take in ways_out:
                take(letters)

        await house.taxonomy.refresh()  # so that no entry stands as its code in the first letter
        interpreter = house.interpreter(hand_over)
        intake = house.intake(hand_over, interpreter)
        batches = Batches(intake.handle)  # of what arrives one by one: webhooks, the web chat
        parts: list[Part] = [partial(_tidy, house), partial(_watch, house), house.taxonomy.run, house.languages.run, batches.run, house.clock(intake).run]
        if interpreter:
            parts.append(interpreter.run)
        routes: list[Any] = []
        if settings.telegram_token:
            _telegram(house, stack, intake, batches, ways_out, parts, routes)
        if settings.smtp_url:
            _mail(house, ways_out, parts)
        if settings.http != "off":
            _web(house, batches, ways_out, parts, routes)
        gc.collect()
        gc.freeze()  # what a start leaves (a hundred thousand objects of libraries) need not be looked through again and again
        await _until_stopped(parts)


async def bot_name(settings: Settings) -> str:
    """How the bot is called at Telegram, without the @. Raises FrontdoorError."""
    assert settings.telegram_token  # noqa: S101 - the caller has looked
    token = settings.telegram_token.get_secret_value()
    bot = TelegramBot(_driver(settings.telegram_library, token, settings.telegram_api), token.partition(":")[0])
    try:
        return await bot.ask_name()
    finally:
        await bot.close()


async def chat(settings: Settings) -> None:
    """The terminal chat alone; a running bot beside it does not mind."""
    async with opened(settings) as house:
        await house.taxonomy.refresh()
        await _until_stopped(_terminal(house))


def _telegram(house: House, stack: AsyncExitStack, intake: Intake, batches: Batches, ways_out: list[HandOver], parts: list[Part], routes: list[Any]) -> None:
    settings = house.settings
    assert settings.telegram_token  # noqa: S101 - the caller has looked
    token = settings.telegram_token.get_secret_value()
    bot = TelegramBot(_driver(settings.telegram_library, token, settings.telegram_api), token.partition(":")[0], partial(picture_of, house))
    stack.push_async_callback(bot.close)
    delivery = house.delivery({"telegram": bot}, Fetcher(bot, intake.handle).bring)
    ways_out.append(delivery.take)

    async def poll() -> None:
        await bot.introduce(house.commands())
        house.bots["telegram"] = bot.name
        with suppress(StoreAway):
            await undisturbed(delivery.sweep())  # so that we know whether it is ours to poll
        print("Telegram: listening.", file=sys.stderr)
        await bot.receive(intake.handle, delivery.may_send)

    async def be_called() -> None:
        await bot.introduce(house.commands(), (settings.public_url + PATH, secret))
        house.bots["telegram"] = bot.name
        print("Telegram: taking webhooks.", file=sys.stderr)
        await asyncio.Event().wait()

    if settings.public_url:
        from bot.web.webhook import PATH, route  # noqa: PLC0415 - only who takes webhooks needs it

        assert settings.webhook_secret  # noqa: S101 - read_settings() has looked
        secret = settings.webhook_secret.get_secret_value()
        routes.append(route(secret, partial(bot.hand_in, take_in=batches.take_in)))
    parts += [be_called if settings.public_url else poll, delivery.run]


def _mail(house: House, ways_out: list[HandOver], parts: list[Part]) -> None:
    """Letters by e-mail."""
    from bot.channels.email import CHANNEL, Email  # noqa: PLC0415 - only who sends mail needs it

    settings = house.settings
    assert settings.smtp_url  # noqa: S101 - the caller has looked
    way = Email(settings.smtp_url.get_secret_value(), settings.mail_from, house.words, house.store.cipher, settings.public_url)
    delivery = house.delivery({CHANNEL: way})
    ways_out.append(delivery.take)
    parts.append(delivery.run)


def _web(house: House, batches: Batches, ways_out: list[HandOver], parts: list[Part], routes: list[Any]) -> None:
    """The web chat, and whatever else answers over HTTP. Raises FrontdoorError when the port is taken."""
    from bot.web.chat import Limits, WebChat  # noqa: PLC0415 - not needed by the other commands
    from bot.web.feeds import Feeds  # noqa: PLC0415
    from bot.web.health import application, listen, serve  # noqa: PLC0415
    from bot.web.mail import MailPages  # noqa: PLC0415
    from bot.web.mailboxes import Mailboxes  # noqa: PLC0415
    from bot.web.page import Page  # noqa: PLC0415

    settings, boxes = house.settings, Mailboxes(house.store)
    page = Page(house.words, house.programme.name, lambda: datetime.now(house.programme.timezone), partial(picture_of, house))
    limits = Limits(on=settings.limits == "on")
    chat = WebChat(house.store, house.words, boxes, batches.take_in, page, limits, origin=settings.public_url)
    door = listen(settings.http)
    feeds = Feeds(house.store, house.programme.name, house.words.languages, lambda event: link_to(house, f"event_{event.code}"))
    mail = MailPages(house.store, house.words, batches.take_in, time.monotonic)
    app = application(house.store.is_reachable, [*routes, *chat.routes(), *feeds.routes(), *mail.routes()])
    ways_out.append(boxes.take)
    parts += [boxes.run, partial(serve, app, door, settings.proxies)]
    print(f"Web chat: {settings.public_url or 'http://' + settings.http}/chat", file=sys.stderr)


def _driver(library: str, token: str, api: str) -> Driver:
    """Imported only when used: aiogram takes seconds on a small machine."""
    if library == "aiogram":
        from bot.channels.telegram_aiogram import Driver as Aiogram  # noqa: PLC0415

        return Aiogram(token, api)
    try:
        from bot.channels.telegram_ptb import Driver as Ptb  # noqa: PLC0415
    except ImportError as error:
        raise FrontdoorError("FRONTDOOR_TELEGRAM_LIBRARY=ptb needs python-telegram-bot: pip install 'frontdoor[ptb]'") from error
    return Ptb(token, api)


def _terminal(house: House) -> list[Part]:
    from bot.channels.terminal import Terminal  # noqa: PLC0415 - not needed by a server

    terminal = Terminal(language_hint=os.environ.get("LANG", "").partition(".")[0])
    delivery = house.delivery({"terminal": terminal})

    interpreter = house.interpreter(delivery.take)
    intake = house.intake(delivery.take, interpreter)

    async def take_in(batch: Sequence[Incoming]) -> None:
        """One line, and its answer: what is typed next may be the number of a button in it."""
        await intake.handle(batch)
        while not delivery.is_idle():  # noqa: ASYNC110 - a terminal, and a person who reads
            await asyncio.sleep(0.02)

    async def talk() -> None:
        await undisturbed(delivery.sweep())
        if not delivery.may_send():
            raise FrontdoorError("Another terminal chat is open on this database; close it first.")
        await terminal.receive(take_in)

    parts: list[Part] = [talk, delivery.run, house.taxonomy.run, house.languages.run]
    return [*parts, interpreter.run] if interpreter else parts


async def tidy(store: Store, scripts: Scripts) -> None:
    """Throw away what nobody needs any more."""
    dropped = updates.SLICE
    while dropped == updates.SLICE:
        async with store.begin() as unit:
            dropped = await updates.forget_old(unit)
    async with store.begin() as unit:
        await outbox.forget_old(unit)
        await translations.forget_old(unit)
        await sessions.end_idle(unit)
        await codes.forget_old(unit)
        await calls.forget_old(unit)
    async with store.begin() as unit:
        await submissions.mix(unit)
    async with store.begin() as unit:
        erased = await erasure.of_unclaimed(unit, private_questions(scripts))
    if erased:
        log.info("%s profiles that nobody claimed were erased", erased)
        await store.scrub()


async def _tidy(house: House) -> None:
    store, rounds = house.store, 0
    while True:
        with suppress(StoreAway):
            if rounds % (TIDY // SCRUB) == 0:
                await undisturbed(tidy(store, house.scripts))
            if store.unscrubbed:
                await undisturbed(store.scrub())
        rounds += 1
        await asyncio.sleep(SCRUB)


async def _watch(house: House) -> None:
    """A form that is imported, or taken away, and a catalogue that somebody mends, while the bot runs, is there for the next message."""
    seen = stamp(house.settings.forms)
    while True:
        await asyncio.sleep(LOOK_AGAIN)
        now = await asyncio.to_thread(stamp, house.settings.forms)
        if now not in {seen, None}:
            seen = now
            await refurnish(house)


def stamp(forms: Path, locales: Path = LOCALES) -> tuple[tuple[str, int], ...] | None:
    """What changes when a form or a catalogue does: a form's folder is put in its place whole, a file may be edited by hand. None: it changes just now."""
    try:
        files = [path for each in form_folders(forms) for path in (each, *sorted(each.glob("*.yaml")), *sorted(each.glob("locales/*/*.po")))]
        files += sorted(locales.glob("*/*.po"))
        return tuple((str(path), path.stat().st_mtime_ns) for path in files)
    except OSError:
        return None


def link_to(house: House, payload: str) -> str:
    """Where a phone that opens it meets us with this payload: at Telegram, else in the web chat; else the payload alone, to be typed."""
    if bot := house.bots.get("telegram"):
        return f"https://t.me/{bot}?start={payload}"
    return f"{house.settings.public_url}/chat?start={payload}" if house.settings.public_url else payload


def picture_of(house: House, name: str) -> bytes | None:
    """The picture of a form's question, as form-arrival/house, or a ticket's QR code; None if there is none of that name."""
    if re.fullmatch(r"ticket/[0-9a-f]{52}", name):
        return qr_picture(link_to(house, f"checkin_{name.partition('/')[2]}"))
    forms = house.settings.forms
    if not re.fullmatch(r"form-[a-z0-9-]{1,60}/[a-z][a-z0-9-]{0,40}", name):
        return None
    form, _, picture = name.partition("/")
    try:
        return (forms / form / "pictures" / f"{picture}.jpg").read_bytes()
    except OSError:
        return None


async def refurnish(house: House) -> None:
    """Scripts and words as the files have them now, read in a thread; a fault in them is logged, and everything stays as it was."""
    try:
        _, scripts, words = await asyncio.to_thread(furnish, house.settings)
    except Exception as error:  # noqa: BLE001 - whatever somebody put there, the bot goes on
        log.error("scripts and words were not read again, and stay as they were (%s); `frontdoor check` says more", Code(type(error).__name__))
        return
    house.words.become(words)
    house.scripts.become(scripts)
    house.scripts.label = house.words.fact
    log.info("%s forms are open", len(house.scripts.open_forms))


async def _until_stopped(parts: list[Part]) -> None:
    """Run the parts side by side; when the first one ends, or a signal comes, the others are asked to stop."""
    tasks = [asyncio.create_task(part()) for part in parts]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask_to_stop() -> None:
        stop.set()
        last_resort = threading.Timer(STOP_AT_ONCE, os._exit, (0,))  # a database or a network that hangs must not hold us
        last_resort.daemon = True
        last_resort.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows: Ctrl-C arrives as an exception instead
            loop.add_signal_handler(number, ask_to_stop)
    stopped = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
    for task in [*tasks, stopped]:
        task.cancel()
    await asyncio.gather(*tasks, stopped, return_exceptions=True)
    for task in done - {stopped}:
        task.result()
