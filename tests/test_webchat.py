"""The web chat: who may speak, what is refused, and that no letter is lost on a bad line. (Pages in a real browser: test_browser.py.)"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import secrets
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession
from conftest import CANARIES, KEYS, until
from doors import Browser, Web
from sqlalchemy import func, select

from bot.app import House
from bot.settings import Settings
from bot.web.chat import Limits
from bot.web.requests import Buckets
from storage import chats, codes, outbox, people, sessions, tables
from storage.errors import StoreAway
from storage.records import Address, Draft
from storage.store import Store


@pytest.fixture
def house(scripts, words, programme, sqlite_store):
    return House(Settings(_env_file=None), programme, scripts, words, sqlite_store)


@pytest.fixture
async def web(house):
    async with Web(house) as web:
        yield web


@pytest.fixture
async def browser(web):
    async with Browser(web, "en") as browser:
        yield browser


async def count(store, *where):
    async with store.read() as unit:
        return sum([(await unit.connection.execute(select(func.count()).select_from(table))).scalar() for table in where])


ANYTHING = (tables.updates, tables.chats, tables.sessions, tables.outbox, tables.quarantine, tables.people)


def said(text="hello", **more):
    return {"id": secrets.token_hex(16), "kind": "text", "value": text, **more}


def greeting(**more):
    return {"id": secrets.token_hex(16), "lang": "en", "start": "", **more}


# ---- who may speak ----


@pytest.mark.parametrize("cookie", [None, "", "forged", "A" * 43, "x" * 5000, "\u00e9", "../../etc/passwd", "null"])
@pytest.mark.parametrize("path", ["say", "seen", "remember", "letters"])
async def test_without_a_cookie_of_ours_nobody_speaks_and_nothing_is_stored(web, house, cookie, path):
    headers = {"Origin": web.base} | ({} if cookie is None else {"Cookie": f"frontdoor={cookie}"})
    async with ClientSession(headers=headers) as client:
        request = client.get(f"{web.base}/chat/{path}") if path == "letters" else client.post(f"{web.base}/chat/{path}", json=said())
        async with request as answer:
            assert answer.status == 401
            assert (await answer.json())["error"] == "This chat is closed."
    assert await count(house.store, *ANYTHING) == 0


async def test_a_hello_with_a_forged_cookie_is_refused_and_the_cookie_taken_away(web, house):
    headers = {"Origin": web.base, "Cookie": "frontdoor=planted-by-somebody"}
    async with ClientSession(headers=headers) as client, client.post(f"{web.base}/chat/hello", json=greeting()) as answer:
        assert answer.status == 401
        assert 'frontdoor=""' in answer.headers["Set-Cookie"]
    assert await count(house.store, *ANYTHING) == 0


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "",
        "http://[",
        "http://[::1",
        "http://a]b",
        "http://evil.example",
        "https://127.0.0.1",
        "http://127.0.0.1:1",
        "http://127.0.0.1.evil.example",
    ],
)
async def test_another_page_can_not_speak_for_somebody(browser, web, house, origin):
    await browser.hello()
    before = await count(house.store, *ANYTHING)
    headers = {"Origin": origin} if origin is not None else {}
    async with ClientSession(cookie_jar=browser.client.cookie_jar, headers=headers) as client:
        for path in ("say", "hello", "seen", "remember", "leave"):
            async with client.post(f"{web.base}/chat/{path}", json=said()) as answer:
                assert answer.status == 403
        async with client.get(f"{web.base}/chat/letters", headers={"Sec-Fetch-Site": "cross-site"}) as answer:
            assert answer.status == 403
    assert await count(house.store, *ANYTHING) == before


async def test_with_a_public_address_only_its_own_pages_may_speak(house):
    async with Web(house, origin="https://bot.example.org") as web, ClientSession() as client:
        for origin, status in ((web.base, 403), ("https://bot.example.org.evil.example", 403), ("https://bot.example.org", 200)):
            async with client.post(f"{web.base}/chat/hello", json=greeting(), headers={"Origin": origin}) as answer:
                assert answer.status == status


async def test_the_cookie_is_out_of_reach_for_scripts_other_pages_and_open_lines(web):
    async with ClientSession(headers={"Origin": web.base}) as client, client.post(f"{web.base}/chat/hello", json=greeting()) as answer:
        cookie = answer.headers["Set-Cookie"]
        assert re.fullmatch(r"frontdoor=[\w-]{43}; HttpOnly; Path=/; SameSite=strict", cookie), "a session's: gone with the browser"
    secure = {"Origin": web.base.replace("http:", "https:"), "X-Forwarded-Proto": "https"}
    async with ClientSession(headers=secure) as client, client.post(f"{web.base}/chat/hello", json=greeting()) as answer:
        assert re.fullmatch(r"__Host-frontdoor=[\w-]{43}; HttpOnly; Path=/; SameSite=strict; Secure", answer.headers["Set-Cookie"])


async def test_the_database_holds_no_key_to_a_session(browser, house):
    await browser.hello()
    cookie = next(each.value for each in browser.client.cookie_jar)
    async with house.store.read() as unit:
        keys = (await unit.connection.execute(select(tables.sessions.c.key))).scalars().all()
    assert keys == [hashlib.sha256(cookie.encode()).digest()]
    assert cookie.encode() not in house.store.file.read_bytes() + house.store.file.with_name("frontdoor.db-wal").read_bytes()


# ---- what is refused ----


NO_MESSAGES = [
    ("say", b"", 400),
    ("say", b"hello", 400),
    ("say", b"[]", 400),
    ("say", b"null", 400),
    ("say", b"\xff\xfe", 400),
    ("say", b"[" * 60_000, 400),
    ("say", b"[" * 100_000, 413),
    ("say", b'{"a":' * 100_000, 413),
    ("say", b" " * 10_000_000, 413),
    ("hello", b" " * 10_000_000, 413),
    ("seen", b" " * 10_000_000, 413),
    ("say", json.dumps({**said(), "id": "7"}).encode(), 400),
    ("say", json.dumps({**said(), "id": 7}).encode(), 400),
    ("say", json.dumps({**said(), "id": "G" * 32}).encode(), 400),
    ("say", json.dumps({**said(), "kind": "shout"}).encode(), 400),
    ("say", json.dumps({**said(), "kind": ["text"]}).encode(), 400),
    ("say", json.dumps({**said(), "value": {"a": 1}}).encode(), 400),
    ("say", json.dumps({**said(), "kind": "press", "value": "q:1:yes", "message": "-1"}).encode(), 400),
    ("say", json.dumps({**said(), "kind": "press", "value": "q:1:yes", "message": "\u0663"}).encode(), 400),
    ("say", json.dumps({**said(), "seen": "all"}).encode(), 400),
    ("say", json.dumps({**said(), "seen": [True]}).encode(), 400),
    ("say", json.dumps({**said(), "seen": [10**30]}).encode(), 400),
    ("say", json.dumps({**said(), "seen": list(range(1, 1000))}).encode(), 400),
    ("hello", json.dumps({**greeting(), "start": 7}).encode(), 400),
    ("hello", json.dumps({**greeting(), "lang": None}).encode(), 400),
]


@pytest.mark.parametrize(("path", "body", "status"), NO_MESSAGES, ids=range(len(NO_MESSAGES)))
async def test_what_is_no_message_is_refused_with_a_sentence_and_leaves_nothing(browser, house, path, body, status):
    await browser.hello()
    before = await count(house.store, tables.updates, tables.chats, tables.quarantine)
    told = await browser.post(path, data=body)
    assert told[0] == status
    assert re.fullmatch(r"[A-Z`].+\.", told[1]["error"])
    assert await count(house.store, tables.updates, tables.chats, tables.quarantine) == before


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/chat/nothing", 404),
        ("GET", "/chat/static/../page.py", 404),
        ("GET", "/chat/static/..%2fpage.py", 404),
        ("GET", "/chat/say", 405),
        ("POST", "/chat", 405),
        ("POST", "/chat/letters", 405),
        ("DELETE", "/chat/hello", 405),
        ("GET", "/.env", 404),
    ],
)
async def test_unknown_paths_are_unknown(web, house, method, path, status):
    async with ClientSession() as client, client.request(method, web.base + path, headers={"Origin": web.base}) as answer:
        assert answer.status == status
    assert await count(house.store, *ANYTHING) == 0


async def test_a_replayed_message_is_told_so_and_changes_nothing(browser, house):
    await browser.hello()
    message = said("English")
    assert await browser.post("say", message) == (200, {"saved": True})
    turns = await turn(house)
    status, told = await browser.post("say", message)
    assert (status, told["saved"]) == (409, True), "to whom the first answer got lost, this one says the same: it is on disk"
    assert await turn(house) == turns


async def turn(house):
    async with house.store.read() as unit:
        return (await unit.connection.execute(select(func.max(tables.chats.c.turn)))).scalar()


async def test_a_message_of_somebody_else_under_the_same_id_is_another_message(web, house):
    message = said("English")
    async with Browser(web, "en") as one, Browser(web, "en") as other:
        for browser in (one, other):
            await browser.hello()
            assert (await browser.post("say", message))[0] == 200


async def test_words_of_any_kind_are_answered(browser, house):
    await browser.hello()
    for text in ("", " ", "\u0000", "\ud800", "🎉", "<script>alert(1)</script>", "x" * 5000, "/unknown", "\u202eevil", CANARIES["text"]):
        await browser._do(kind="text", value=text)
    for data in ("", "q:1:yes", "q:999999999999:yes", "q:0:.skip", "x" * 1000, "q:\u0661:yes"):
        await browser._do(kind="press", value=data, message="")
    assert await count(house.store, tables.quarantine) == 0


# ---- limits ----


async def test_limits_hold_before_anything_is_stored(house):
    now = [0.0]
    async with Web(house, limits=Limits(clock=lambda: now[0])) as web, ClientSession(headers={"Origin": web.base}) as client:

        async def hello(address):
            client.cookie_jar.clear()
            async with client.post(f"{web.base}/chat/hello", json=greeting(), headers={"X-Forwarded-For": address}) as answer:
                return answer.status, answer.headers.get("Retry-After")

        assert [(await hello("192.0.2.7"))[0] for _ in range(60)] == [200] * 60, "a workshop, all on one line"
        stored = await count(house.store, *ANYTHING)
        assert await hello("192.0.2.7") == (429, "5")
        assert await count(house.store, *ANYTHING) == stored
        assert (await hello("192.0.2.8"))[0] == 200, "others don't suffer"
        assert {(await hello(f"2001:db8::{number:x}"))[0] for number in range(1, 62)} == {200, 429}, "one household of IPv6 is one address"
        assert [(await hello(f"::ffff:198.51.100.{number % 250}"))[0] for number in range(62)] == [200] * 62, "IPv4 in IPv6's clothes is IPv4"
        now[0] += 5
        assert (await hello("192.0.2.7"))[0] == 200


async def test_who_writes_like_a_machine_is_slowed_down_alone(house):
    now = [0.0]
    async with Web(house, limits=Limits(clock=lambda: now[0])) as web, Browser(web, "en") as hasty, Browser(web, "en") as calm:
        await hasty.hello()
        await calm.hello()
        told = [await hasty.post("say", said()) for _ in range(25)]
        assert [status for status, _ in told] == [200] * 19 + [429] * 6  # and the hello
        assert "moment" in told[-1][1]["error"]
        assert (await calm.post("say", said()))[0] == 200
        now[0] += 2
        assert [(await hasty.post("say", said()))[0] for _ in range(3)] == [200, 200, 429]


def test_many_callers_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("bot.web.requests.MOST_CALLERS", 100)
    now = [0.0]
    buckets = Buckets(2, 1, lambda: now[0])
    assert sum(buckets.take(str(number)) == 0 for number in range(500)) == 100
    now[0] += 10
    assert buckets.take("another") == 0
    assert len(buckets._full_at) == 1


# ---- sessions ----


async def test_a_session_ends_after_half_an_hour_of_silence(browser, house, clock):
    await browser.hello()
    clock.turn(minutes=29)
    assert (await browser.post("say", said()))[0] == 200
    clock.turn(minutes=29)
    assert (await browser.post("say", said()))[0] == 200
    clock.turn(minutes=31)
    assert (await browser.post("say", said()))[0] == 401


async def test_who_asked_to_be_remembered_is_known_half_a_year_later(browser, house, clock):
    await browser.hello()
    assert await browser.post("remember", {"on": True}) == (200, {"remembered": True})
    clock.turn(days=179)
    assert (await browser.hello())["session"] == "known"
    clock.turn(days=181)
    assert (await browser.post("say", said()))[0] == 401


async def test_who_no_longer_wants_to_be_remembered_is_forgotten_after_half_an_hour(browser, clock):
    await browser.hello()
    await browser.post("remember", {"on": True})
    assert await browser.post("remember", {"on": False}) == (200, {"remembered": False})
    clock.turn(minutes=31)
    assert (await browser.post("say", said()))[0] == 401


async def test_the_quick_exit_ends_the_session_on_the_server_and_every_page_of_it(browser, web, house):
    await browser.hello()
    cookie = next(each.value for each in browser.client.cookie_jar)
    async with browser.client.post(f"{web.base}/chat/leave", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/calendar")
    await until(lambda: browser.ended == "left")
    assert await count(house.store, tables.chats, tables.sessions, tables.outbox) == 0
    headers = {"Origin": web.base, "Cookie": f"frontdoor={cookie}"}
    async with ClientSession(headers=headers) as thief, thief.post(f"{web.base}/chat/say", json=said()) as answer:
        assert answer.status == 401
    assert await count(house.store, tables.chats) == 0


async def test_what_was_answered_outlives_the_chat_it_was_answered_in(browser, web, house):
    await browser.hello()
    for code in ("en", "yes", "yes", "no", "newcomer"):
        await browser.press(code)
    await browser.say("Nobody Invented")
    await browser.post("leave")
    assert await count(house.store, tables.chats) == 0
    assert await count(house.store, tables.people) == 1


async def test_what_nobody_can_open_any_more_is_tidied_away(store, clock):
    async with store.begin() as unit:
        for key, remembered in ((b"a" * 32, False), (b"b" * 32, True)):
            await sessions.begin(unit, key, key.decode(), "en")
            await sessions.remember(unit, key, remembered=remembered)
        await chats.lock(unit, {Address("web", "its session ended meanwhile"): "en", Address("telegram", "5"): "en"})
    clock.turn(minutes=31)
    async with store.begin() as unit:
        await sessions.end_idle(unit)
        left = (await unit.connection.execute(select(tables.chats.c.channel).order_by(tables.chats.c.channel))).scalars().all()
        assert left == ["telegram", "web"]
        assert await sessions.look(unit, b"b" * 32)
    clock.turn(days=181)
    async with store.begin() as unit:
        await sessions.end_idle(unit)
    assert await count(store, tables.sessions) == 0
    assert await count(store, tables.chats) == 1


# ---- letters ----


async def test_what_a_broken_line_swallowed_is_handed_again_in_order_and_once(browser, house):
    await browser.hello()
    await browser.cut()
    messages = [said(text) for text in ("English", "hm", "hm?", "hm!")]
    assert [(await browser.post("say", each))[0] for each in messages] == [200] * 4
    await browser.come_back()
    assert len(browser.heard) == 5
    assert browser.shown == sorted(set(browser.shown))
    await until(lambda: nothing_waits(house))
    heard = len(browser.heard)
    await browser.cut()
    await browser.come_back()
    assert len(browser.heard) == heard, "what was confirmed is not said again"


async def nothing_waits(house):
    return await count(house.store, tables.outbox) == 0


async def test_what_the_page_did_not_confirm_is_handed_again_to_the_next_page(browser, house, monkeypatch):
    await browser.hello()

    async def lost(*_, **__):
        return 204, {}

    with monkeypatch.context() as patch:
        patch.setattr(browser, "post", lambda path, *rest, post=browser.post, **more: lost() if path == "seen" else post(path, *rest, **more))
        await browser.press("en")
    await browser.cut()
    browser.shown, before = [], len(browser.heard)
    await browser.come_back()
    assert [each.text for each in browser.heard[before:]] == [browser.heard[before - 1].text]


async def test_nobody_confirms_the_letters_of_somebody_else(web, house):
    async with Browser(web, "en") as one, Browser(web, "en") as other:
        await one.hello()
        await other.hello()
        await until(lambda: nothing_waits(house))
        await one.cut()
        await one.post("say", said())
        [letter] = await one.waiting()
        await other.post("seen", {"seen": [letter]})
        await other.press("en")
        await asyncio.sleep(0.3)  # longer than what was seen is gathered
        assert await one.waiting() == [letter]


async def test_nobody_keeps_the_letters_of_somebody_else_from_them(web, house):
    async with Browser(web, "en") as one, Browser(web, "en") as other:
        await one.hello()
        await other.hello()
        await one.cut()
        for text in ("English", "hm", "hm?"):
            await one.post("say", said(text))
        before = len(one.heard)
        await other.post("seen", {"seen": list(range(1, 200))})
        one.listening = asyncio.create_task(one._listen())
        await until(lambda: len(one.heard) == before + 3)


async def test_a_fifth_page_closes_the_oldest_and_pages_that_read_nothing_are_given_up(browser, web, monkeypatch):
    monkeypatch.setattr("bot.web.chat.UNREAD", 0.3)
    monkeypatch.setattr("bot.web.chat.HEARTBEAT", 0.01)
    await browser.hello()
    await browser.cut()
    cookie = next(each.value for each in browser.client.cookie_jar)
    where = urlsplit(web.base)
    request = f"GET /chat/letters HTTP/1.1\r\nHost: {where.netloc}\r\nCookie: frontdoor={cookie}\r\n\r\n".encode()
    lines = []
    for _ in range(12):
        reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=1)
        writer.write(request)
        lines.append((reader, writer))
    await until(lambda: web.chat._streams.total() <= 4)
    for _, writer in lines:
        writer.close()
    await until(lambda: web.chat._streams.total() == 0)


async def test_one_address_may_not_take_every_page_there_is(browser, web, monkeypatch):
    monkeypatch.setattr("bot.web.chat.MOST_OF_A_CALLER", 1)
    await browser.hello()
    await until(lambda: web.chat._streams.total() == 1)
    async with browser.client.get(f"{web.base}/chat/letters") as answer:
        assert answer.status == 503
    async with browser.client.get(f"{web.base}/chat/letters", headers={"X-Forwarded-For": "192.0.2.9"}) as answer:
        assert answer.status == 200


async def test_a_letter_that_can_not_be_worded_blocks_nobody(browser, house):
    await browser.hello()
    async with house.store.begin() as unit:
        chat = await chats.get(unit, (await unit.connection.execute(select(tables.chats.c.id))).scalar())
        broken = {"parts": [["common.so-far", {"answer": {"of no": "shape"}}, False, False]]}
        await outbox.enqueue(unit, [Draft("broken", broken, chat)])
    await browser.cut()
    await browser.post("say", said("English"))
    before = len(browser.heard)
    browser.listening = asyncio.create_task(browser._listen())
    await until(lambda: len(browser.heard) == before + 1)


async def test_a_farewell_that_nobody_can_be_shown_is_not_looked_at_for_ever(store, clock):
    async with store.begin() as unit:
        await outbox.enqueue(unit, [Draft("farewell", {"parts": []}, None, Address("web", "gone"), "en")])
        assert len(await outbox.waiting(unit, "web", ["somebody"])) == 1
    clock.turn(minutes=2)
    async with store.read() as unit:
        assert await outbox.waiting(unit, "web", ["somebody"]) == []


async def test_what_was_taken_in_does_not_tell_where_it_came_from(browser, web, house):
    await browser.hello()
    [address] = await browser._address()
    async with house.store.read() as unit:
        keys = (await unit.connection.execute(select(tables.updates.c.key))).scalars().all()
    assert keys
    assert not [key for key in keys if address in key]


@pytest.mark.parametrize("url", ["https://Bot.Example.org", "https://bot.example.org:443", "https://bot.example.org/"])
def test_a_public_address_is_the_origin_that_browsers_name(url, monkeypatch):
    assert Settings(_env_file=None, public_url=url).public_url == "https://bot.example.org"


async def test_a_page_that_is_open_hears_what_another_process_said(database, scripts, words, programme):
    one, other = (House(Settings(_env_file=None), programme, scripts, words, Store.at(database, KEYS)) for _ in range(2))
    async with Web(one) as here, Web(other) as there, Browser(here, "en") as browser:
        await browser.hello()
        browser.web = there  # its next requests go to the other replica, its stream stays
        browser.client.headers["Origin"] = there.base
        for text in ("English", "hm", "hm?", "hm!"):
            assert (await browser.post("say", said(text)))[0] == 200
        await until(lambda: len(browser.heard) == 5)
        assert browser.shown == sorted(browser.shown)
    await one.store.close()
    await other.store.close()


async def test_a_reminder_that_becomes_due_reaches_an_open_page(browser, house, clock):
    await browser.hello()
    async with house.store.begin() as unit:
        chat = await chats.get(unit, (await unit.connection.execute(select(tables.chats.c.id))).scalar())
        content = {"parts": [["help.text", {}, False, False]]}
        await outbox.enqueue(unit, [Draft("later", content, chat, due_at=unit.now + timedelta(hours=1))])
    await browser.press("en")
    assert len(browser.heard) == 2
    clock.turn(minutes=20)
    await browser.press("yes")
    clock.turn(minutes=41)
    await until(lambda: any("/mydata" in each.text for each in browser.heard))


async def test_while_the_database_is_away_nothing_is_called_saved(browser, web, house, monkeypatch):
    await browser.hello()
    message = said("English")

    async def away(_):
        raise StoreAway

    with monkeypatch.context() as patch:
        patch.setattr(web.batches, "_handle", away)
        status, told = await browser.post("say", message)
        assert (status, "saved" in told) == (503, False)
    assert await browser.post("say", message) == (200, {"saved": True})


# ---- pages ----


async def test_the_page_sets_no_cookie_loads_nothing_from_elsewhere_and_is_never_kept(web):
    async with ClientSession() as client, client.get(f"{web.base}/chat") as answer:
        page = await answer.text()
        assert answer.status == 200
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert not re.search(r"""(src|href)=["'](https?:)?//""", page)
        assert " style=" not in page
        assert not re.search(r"<script(?![^>]*(src=|application/json))", page)


@pytest.mark.parametrize(
    ("query", "accept", "language", "direction"),
    [("?lang=ar", "de", "ar", "rtl"), ("", "uk-UA,uk;q=0.9,en;q=0.8", "uk", "ltr"), ("", "xx, ar;q=0.5", "ar", "rtl"), ("?lang=xx", "", "en", "ltr")],
)
async def test_the_page_speaks_the_language_of_the_link_or_of_the_browser(web, query, accept, language, direction):
    async with ClientSession(headers={"Accept-Language": accept}) as client, client.get(f"{web.base}/chat{query}") as answer:
        assert f'lang="{language}" dir="{direction}"' in await answer.text()


async def test_what_a_link_brings_can_not_become_part_of_the_page(web):
    async with (
        ClientSession() as client,
        client.get(f"{web.base}/chat", params={"start": "</script><script>alert(1)</script>", "lang": '"><img src=x>'}) as answer,
    ):
        page = await answer.text()
        assert "<script>alert" not in page
        assert "<img src=x" not in page


async def test_the_calendar_tells_nothing_of_us(web, programme):
    for language, weekday in (("de", "Mo"), ("ar", "الاثنين"), ("en", "Mon")):
        async with ClientSession(headers={"Accept-Language": language}) as client, client.get(f"{web.base}/calendar") as answer:
            page = await answer.text()
            assert answer.status == 200
            assert weekday in page
            assert "2026" in page or "٢٠٢٦" in page
            assert not any(word in page for word in (programme.name, programme.controller, "Frontdoor", "HIE-RO"))


# ---- codes ----


async def someone(store, address):
    async with store.begin() as unit:
        chat = (await chats.lock(unit, {Address("telegram", address): "en"}))[Address("telegram", address)]
        person = await people.begin(unit)
        await chats.save(unit, [replace(chat, state={"frames": []}, turn=1, person_id=person.id)])
    return chat.id


async def test_a_code_works_once_for_ten_minutes_and_not_where_it_was_made(store, clock):
    here, there = await someone(store, "1"), await someone(store, "2")
    async with store.begin() as unit:
        code = await codes.make(unit, here)
        assert re.fullmatch(r"\d{12}", code)
        assert await codes.redeem(unit, code, here) is None
        assert await codes.redeem(unit, code[::-1] + "1", there) is None
        assert await codes.redeem(unit, code, there) == (here, None)
        assert await codes.redeem(unit, code, there) is None
        older, newer = await codes.make(unit, here), await codes.make(unit, here)
        assert await codes.redeem(unit, older, there) is None
    clock.turn(minutes=10)
    async with store.begin() as unit:
        assert await codes.redeem(unit, newer, there) is None
        await codes.forget_old(unit)
    assert await count(store, tables.codes) == 0


async def test_a_code_ends_when_its_chat_is_parted_and_so_does_what_was_to_be_said_there(store):
    here, there = await someone(store, "1"), await someone(store, "2")
    async with store.begin() as unit:
        code = await codes.make(unit, here)
        await outbox.enqueue(unit, [Draft("private", {"parts": []}, await chats.get(unit, here))])
        await chats.part(unit, [here])
        assert await codes.redeem(unit, code, there) is None
    assert await count(store, tables.outbox) == 0


async def test_of_two_who_type_the_same_code_at_once_one_gets_in(database):
    stores = [Store.at(database, KEYS) for _ in range(4)]
    giver, *takers = [await someone(stores[0], str(number)) for number in range(5)]
    for _ in range(10):
        async with stores[0].begin() as unit:
            code = await codes.make(unit, giver)

        async def redeem(store, taker, code=code):
            async with store.begin() as unit:
                return await codes.redeem(unit, code, taker)

        got = await asyncio.gather(*(redeem(*each) for each in zip(stores, takers, strict=True)))
        assert sorted(got, key=str) == [(giver, None), None, None, None]
    for store in stores:
        await store.close()
