"""`frontdoor doctor`, `backup` and `restore`: what an operator does when something is wrong, or might be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.app import explained, has_begun, keys_for, opened
from bot.errors import FrontdoorError
from bot.settings import Programme, Settings, read_programme, read_settings
from storage import backup, outbox
from storage.crypto import read_keys
from storage.errors import StoreAway, StoreError
from storage.schema import HEAD, revision
from storage.store import Store
from translations import machine


async def examine() -> bool:
    """Print one line a matter; is all well?"""
    try:
        settings = read_settings()
    except FrontdoorError as error:
        _say(False, "settings", str(error))
        return False
    healthy = _programme(settings)
    healthy &= await _keys(settings)
    healthy &= await _database(settings)
    healthy &= _machine(settings)
    _say(
        None if not settings.telegram_token else True,
        "telegram",
        "a token is set" if settings.telegram_token else "no token: put FRONTDOOR_TELEGRAM_TOKEN=... into .env (from @BotFather)",
    )
    print("\nEvery setting (FRONTDOOR_...), now:")
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        secret = name in {"telegram_token", "database_url", "smtp_url"}  # an address may hold a password
        shown = "-" if value in {None, ""} else "(set)" if secret else value
        print(f"  {name.upper():18} {shown!s:28} {field.description}")
    return healthy


def _programme(settings: Settings) -> bool:
    try:
        programme: Programme = read_programme(settings.programme)
    except FrontdoorError as error:
        return _say(False, "programme", str(error))
    if "Example" in programme.controller:
        _say(None, "programme", f"{settings.programme} still holds the example; write who you are")
        return True
    return _say(True, "programme", f"{programme.name}, by {programme.controller}")


def _machine(settings: Settings) -> bool:
    try:
        argos = machine.Argos(settings.machine)
        wrong = argos.faults()
    except machine.MachineError as error:
        wrong = [str(error)]
    if wrong:
        for each in wrong:
            _say(False, "machine", each)
        return False
    if not argos.pairs:
        _say(None, "machine", "no package for machine translation is installed (frontdoor mt install); what people write is not translated")
    elif not machine.is_there():
        _say(None, "machine", "packages are there, and nothing that runs them: pip install 'frontdoor[mt]'")
    else:
        _say(True, "machine", ", ".join(f"{from_} -> {to}" for from_, to in argos.pairs))
    return True


async def _keys(settings: Settings) -> bool:
    try:
        if not settings.keys.exists() and not await has_begun(settings):
            _say(None, "keys", f"{settings.keys} is not there yet; the first start makes it")
            return True
        keys_for(settings, begun=True)
    except (StoreError, FrontdoorError) as error:
        return _say(False, "keys", str(error))
    return _say(True, "keys", f"{settings.keys} (have you a copy in a safe place?)")


async def _database(settings: Settings) -> bool:
    if not settings.keys.exists():
        return True
    try:
        async with _looked_at(settings) as store:
            if store.file and not store.file.exists():
                return bool(_say(None, "database", f"{store.file} is not there yet; the first start makes it")) or True
            now = await revision(store)
            if now != HEAD:
                return _say(now is None or now < HEAD, "database", f"schema {now or 'none yet'}, this code has {HEAD}; the next start brings it up to date")
            async with store.read() as unit:
                waiting, since = await outbox.backlog(unit)
            return _say(True, "database", f"schema {now}; {waiting} letters wait" + (f", the oldest since {since:%Y-%m-%d %H:%M} UTC" if since else ""))
    except StoreAway:
        return _say(False, "database", "can't be reached; is it running, and is FRONTDOOR_DATABASE_URL right?")
    except StoreError as error:
        return _say(False, "database", str(error))


@asynccontextmanager
async def _looked_at(settings: Settings) -> AsyncIterator[Store]:
    store = Store.at(settings.url, read_keys(settings.keys))
    try:
        yield store
    finally:
        await store.close()


def _say(good: bool | None, matter: str, sentence: str) -> bool:
    print(f"{'ok  ' if good else 'todo' if good is None else 'BAD '}  {matter:10} {sentence}")
    return bool(good)


async def save_backup(settings: Settings, file: Path) -> None:
    """Raises FrontdoorError."""
    try:
        with explained():
            async with _looked_at(settings) as store:
                counts = await backup.save(store, file)
    except FileExistsError as error:
        raise FrontdoorError(f"{file} exists already; a backup never overwrites anything. Choose another name.") from error
    except OSError as error:
        raise FrontdoorError(f"{file} can't be written: {error.strerror}.") from error
    print(f"{sum(counts.values())} rows are in {file}. It can only be read with the key file {settings.keys}: keep a copy of that apart.")


async def load_backup(settings: Settings, file: Path) -> None:
    """Raises FrontdoorError."""
    if not file.exists():
        raise FrontdoorError(f"{file} does not exist.")
    if not settings.keys.exists():
        raise FrontdoorError(f"The key file {settings.keys} is missing. Put back the copy that belongs to this backup; without it the backup can't be read.")
    async with opened(settings) as house:
        counts = await backup.load(house.store, file)
    print(f"{sum(counts.values())} rows are back.")
