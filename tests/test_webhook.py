"""Updates that are handed in: 200 only after the commit, and nothing else gets in."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from conftest import CANARIES, until
from doors import SECRET, Telegram, TelegramDoor
from sqlalchemy import func, select
from test_conversations import LIBRARIES, check_what_it_leaves, deal, talk, with_forms

from bot.app import House
from bot.batches import WAITING, Batches, Full
from bot.messages import Incoming, Kind
from bot.settings import Settings
from storage import tables
from storage.errors import StoreAway


@pytest.fixture
def house(scripts, words, programme, sqlite_store):
    return House(Settings(_env_file=None), programme, scripts, words, sqlite_store)


@pytest.fixture
async def telegram(house):
    async with Telegram(house, webhook=True) as telegram:
        yield telegram


def hello(number=7, text="hello"):
    user = {"id": 5, "is_bot": False, "first_name": CANARIES["name"], "language_code": "en"}
    return {"update_id": number, "message": {"message_id": number, "date": 1795000000, "from": user, "chat": {"id": 5, "type": "private"}, "text": text}}


@pytest.mark.parametrize(("library", "script", "language"), deal("webhook"))
async def test_a_conversation_holds_by_webhook(library, script, language, house, tmp_path):
    house = with_forms(house.store, script["forms"], tmp_path) if "forms" in script else house
    async with Telegram(house, LIBRARIES[library], webhook=True) as telegram:
        await talk(script, language, TelegramDoor(telegram, language), house)
        assert telegram.emulator.violations == []
    await check_what_it_leaves(script, language, house.store, "telegram")


async def count(house, table):
    async with house.store.read() as unit:
        return (await unit.connection.execute(select(func.count()).select_from(table))).scalar()


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET + "x", SECRET.upper(), "gehe\u00efm", "\u5bc6"])
async def test_who_does_not_know_the_secret_is_not_heard(telegram, house, secret):
    assert await telegram.post(hello(), secret=secret) == 401
    assert await count(house, tables.updates) == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"hello", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"update_id": "7"}', 400),
        (b'{"update_id": true}', 400),
        (b"[" * 100_000, 400),
        (b"\xff\xfe", 400),
        (b" " * 10_000_000, 413),
    ],
    ids=["empty", "words", "list", "nothing", "a word for a number", "a truth", "100,000 deep", "no UTF-8", "10 MB"],
)
async def test_what_is_no_update_is_refused_and_leaves_nothing(telegram, house, body, status):
    assert await telegram.post(body=body) == status
    assert await count(house, tables.updates) == await count(house, tables.quarantine) == 0


async def test_a_poisoned_update_is_confirmed_and_set_apart(telegram, house):
    assert await telegram.post({"update_id": 7, "callback_query": {"id": "x"}}) == 200
    assert await count(house, tables.quarantine) == 1
    assert await telegram.post(hello(8)) == 200
    await until(lambda: telegram.emulator.chats.get(5))


async def test_while_the_database_is_away_telegram_is_asked_to_come_again(telegram, house, monkeypatch):
    async def away(_):
        raise StoreAway

    with monkeypatch.context() as patch:
        patch.setattr(telegram.batches, "_handle", away)
        assert await telegram.post(hello()) == 503
    assert await telegram.post(hello()) == 200
    assert await count(house, tables.updates) == 1


async def test_a_dropped_connection_cancels_no_commit(telegram, house, monkeypatch):
    began, go_on = asyncio.Event(), asyncio.Event()
    handle = telegram.batches._handle

    async def slow(batch):
        began.set()
        await go_on.wait()
        await handle(batch)

    monkeypatch.setattr(telegram.batches, "_handle", slow)
    posting = asyncio.create_task(telegram.post(hello()))
    await began.wait()
    posting.cancel()
    await asyncio.gather(posting, return_exceptions=True)
    go_on.set()
    await until(lambda: telegram.emulator.chats.get(5))
    assert await count(house, tables.updates) == 1


async def test_a_text_and_a_press_of_one_person_at_the_same_moment_are_two_turns(telegram, house):
    door = TelegramDoor(telegram, "en")
    await door.say("/start")
    await door.press("en")
    heard = door.heard[-1]
    message = {"message_id": heard.message, "date": 1795000000, "chat": door.chat}
    press = {"update_id": 100, "callback_query": {"id": "1", "from": door.user, "chat_instance": "c", "data": heard.data["yes"], "message": message}}
    text = {"update_id": 101, "message": {"message_id": 50, "date": 1795000000, "from": door.user, "chat": door.chat, "text": "hm"}}
    assert await asyncio.gather(telegram.post(press), telegram.post(text)) == [200, 200]
    await until(telegram.delivery.is_idle)
    assert sum(telegram.house.words.tr("join.keep", "en") in each.text for each in door.heard) >= 1, "the press counted, whichever came first"
    async with house.store.read() as unit:
        assert (await unit.connection.execute(select(tables.chats.c.turn))).scalar() == 4


async def test_other_paths_and_methods_are_refused(telegram):
    where = urlsplit(telegram.url)
    for request, status in ((b"GET /telegram/webhook HTTP/1.0\r\n\r\n", b" 405 "), (b"POST /telegram/other HTTP/1.0\r\nContent-Length: 0\r\n\r\n", b" 404 ")):
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        writer.write(request)
        assert status in await reader.readline()
        writer.close()
        await writer.wait_closed()


# ---- batches ----


def update(number):
    return Incoming("t", str(number), Kind.TEXT, "x")


async def test_what_queued_while_the_last_commit_ran_is_one_batch():
    sizes, go_on = [], asyncio.Event()

    async def handle(batch):
        sizes.append(len(batch))
        await go_on.wait()

    batches = Batches(handle)
    running = asyncio.create_task(batches.run())
    waiting = [asyncio.create_task(batches.take_in(update(number))) for number in range(251)]
    await until(lambda: sizes)
    go_on.set()
    await asyncio.gather(*waiting)
    assert sizes == [100, 100, 51]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_when_too_much_waits_or_we_are_about_to_stop_nothing_new_is_taken():
    batches = Batches(lambda _: asyncio.sleep(0))
    waiting = [asyncio.create_task(batches.take_in(update(number))) for number in range(WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Full):
        await batches.take_in(update(-1))
    running = asyncio.create_task(batches.run())
    await asyncio.gather(*waiting)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    with pytest.raises(Full):
        await batches.take_in(update(-2))
