"""Canaries: a name, a phone, a text and the token leave no trace where they must not be."""

from __future__ import annotations

import gzip
import json
import logging
import re
from pathlib import Path

import pytest
from conftest import CANARIES, KEYS, LOG, NullCipher, secrets_in
from test_intake import World

from bot import logs
from bot.messages import Kind
from storage import backup
from storage.schema import prepare
from storage.store import Store

TOLD = [CANARIES["name"], CANARIES["phone"], CANARIES["text"]]


async def a_life(world):
    """Somebody who tells all three canaries, and looks at their data."""
    await world.onboard(1)
    await world.text(1, CANARIES["name"])
    await world.text(1, "Rostock")
    for code in (".skip", ".skip"):
        await world.press(1, code)
    await world.text(1, CANARIES["text"])
    for code in (".other", "alone", "to-10", "now", ".enough"):
        await world.press(1, code)
    await world.text(1, CANARIES["phone"])
    await world.press(1, ".skip")
    await world.text(1, f"{CANARIES['text']}, and {CANARIES['name']}")
    await world.command(1, "mydata")


def found(folder: Path) -> list[str]:
    """Canaries in any file of the folder: database, log, backup. Also as JSON would write them."""
    content = b"".join(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())
    return [canary for canary in TOLD if canary.encode() in content or json.dumps(canary).strip('"').encode() in content]


@pytest.fixture
def at(tmp_path, scripts, words, programme):
    async def build(cipher):
        store = Store.at(f"sqlite:///{tmp_path}/frontdoor.db", cipher)
        await prepare(store)
        return World(store, scripts, words, programme)

    return build


async def test_nothing_told_is_readable_in_database_log_or_backup(at, tmp_path):
    world = await at(KEYS)
    await a_life(world)
    await backup.save(world.store, tmp_path / "backup.gz")
    assert (tmp_path / "frontdoor.db-wal").stat().st_size > 0, "the log is searched too"
    assert found(tmp_path) == []
    await world.store.close()


async def test_after_forgetting_nothing_is_left_though_a_null_cipher_hid_nothing(at, tmp_path):
    world = await at(NullCipher())
    await a_life(world)
    assert found(tmp_path) == TOLD, "the control: unsealed, the search finds all of them"
    await world.command(1, "forget")
    await world.press(1, "yes")
    assert found(tmp_path) == []
    await world.store.close()


async def test_after_taking_the_consent_back_no_answer_is_left(at, tmp_path):
    world = await at(NullCipher())
    await a_life(world)
    await world.command(1, "stop")
    await world.press(1, "profile")
    async with world.store.begin() as unit:
        from sqlalchemy import delete

        from storage import tables

        await unit.connection.execute(delete(tables.outbox))  # letters on their way to the person herself
    await world.store.scrub()
    assert found(tmp_path) == []
    await world.store.close()


async def test_a_chat_id_is_in_no_export(at):
    world = await at(KEYS)
    await world.onboard(987654321)
    await world.command(987654321, "mydata")
    letter = next(letter for letter in reversed(world.letters) if "document" in letter.content)
    assert "987654321" not in json.dumps(letter.content)
    await world.store.close()


# ---- logs ----


@pytest.fixture
def logged():
    lines = []

    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    handler = Keep()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
    logging.getLogger().addHandler(handler)
    yield lines
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize("logger", ["bot.intake", "aiogram", "httpx", "anything"])
def test_whoever_logs_words_logs_none(logged, logger):
    log, secret = logging.getLogger(logger), CANARIES["name"]
    log.warning("plain %s and %r", secret, {"name": secret})
    log.warning("by name %(who)s", {"who": secret})
    try:
        raise ValueError(secret)
    except ValueError:
        log.exception("failed for %s", secret)
    if logger != "bot.intake":  # our own modules log constant sentences; test_house.py sees to it
        log.warning(f"formatted already: {secret}")  # noqa: G004 - that is what some library will do
    assert logged
    assert not [line for line in logged if secret in line]
    assert any("ValueError" in line for line in logged), "the kind of error and the place stay"


def test_ids_numbers_and_our_own_codes_stay(logged):
    logging.getLogger("bot.delivery").info("letter %s was not taken: %s", 17, logs.Code("blocked"))
    assert logged == ["INFO bot.delivery letter 17 was not taken: blocked"]


def test_a_percent_sign_in_a_foreign_template_does_not_break_the_log(logged):
    logging.getLogger("other").warning("%5.1f%% of %-10s", 3.0, "secret")
    assert len(logged) == 1
    assert "secret" not in logged[0]


def test_the_search_of_all_logs_at_the_end_would_find_a_canary():
    """The search itself runs when the last worker is done: pytest_sessionfinish() in conftest.py."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    assert len(LOG.read_text("utf-8")) > 1000, "the log is there"
    assert secrets_in("2026-11-21 DEBUG anything: hello") == []
    for canary in (*CANARIES.values(), "Nobody Invented"):
        assert secrets_in(f"2026-11-21 DEBUG anything: {canary}") != []


def test_our_own_logging_is_constant_sentences():
    """An f-string in a log call would slip words past the filter."""
    root = Path(__file__).parent.parent
    for path in [path for room in ("bot", "dialogs", "storage", "translations") for path in (root / room).rglob("*.py")]:
        assert not re.search(r"log\.(debug|info|warning|error|exception|critical)\(\s*f[\"']", path.read_text("utf-8")), path


async def test_a_press_of_an_unknown_kind_logs_nothing_of_it(at, logged):
    world = await at(KEYS)
    await world.intake.handle([world.update(1, Kind.PRESS, CANARIES["text"], prompt=3)])
    assert not [line for line in logged if CANARIES["text"] in line]
    await world.store.close()
