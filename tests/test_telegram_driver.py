"""Telegram as it is on a bad day: the driver, the bot and the delivery over real HTTP, against a server that refuses, forgets
to answer, breaks the line, repeats itself. Time for delivery is virtual; no test waits for luck."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
import types
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
import small_api
from conftest import CANARIES, until
from small_api import Answer, SmallApi, server_error, too_many
from sqlalchemy import select

from bot.app import House
from bot.channels import telegram_aiogram, telegram_bot, telegram_ptb
from bot.channels.telegram_bot import TelegramBot
from bot.delivery import BURST, Delivery
from bot.errors import FrontdoorError
from bot.intake import Intake
from bot.languages import Languages
from bot.letters import pack
from bot.messages import Kind
from bot.taxonomy import Taxonomy
from dialogs.nouns import Message, Option, Say
from storage import chats, outbox, tables
from storage.errors import StoreAway
from storage.records import Address, Draft

TOKEN = CANARIES["token"]
BOT = TOKEN.partition(":")[0]
PAYLOADS = Path(__file__).parent / "payloads" / "telegram"
ANNA, BORYS, GROUP = 1001, 1002, -1001000000042


def payload(name, **changes):
    return json.loads((PAYLOADS / f"{name}.json").read_text("utf-8")) | changes


def text(number, words="Hello", chat=ANNA):
    user = {"id": chat, "is_bot": False, "first_name": CANARIES["name"], "language_code": "en"}
    message = {"message_id": number, "date": 1795262400, "chat": {"id": chat, "type": "private", "first_name": CANARIES["name"]}, "from": user, "text": words}
    return {"update_id": number, "message": message}


# ---- the workbench --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def running(*parts):
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        yield tasks
    finally:
        for task in tasks:  # one after the other: what comes later may be needed by what comes first
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def api():
    async with SmallApi(TOKEN) as api:
        yield api
    assert api.violations == []


@pytest.fixture(params=[telegram_aiogram.Driver, telegram_ptb.Driver], ids=["aiogram", "ptb"])
def library(request):
    return request.param


@pytest.fixture
async def bot(api, library):
    async with a_bot(api.base, library) as bot:
        yield bot


@asynccontextmanager
async def a_bot(base, library, token=TOKEN):
    driver = library(token, base)
    bot = TelegramBot(driver, BOT)
    yield bot
    if library is telegram_aiogram.Driver and (session := driver._bot.session._session):
        await session.close()  # aiogram's own way of closing sleeps a quarter of a second, for TLS
    await bot.close()


class Time:
    """A clock for delivery that jumps to the next alarm when every lane sleeps, and only then: no HTTP is under way."""

    def __init__(self):
        self.now, self.alarms, self.naps, self.numbers, self.held = 1000.0, [], [], itertools.count(), False

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        alarm = asyncio.get_running_loop().create_future()
        heapq.heappush(self.alarms, (self.now + seconds, next(self.numbers), alarm))
        self.naps.append(seconds)
        await alarm

    async def flow(self, delivery):
        while True:
            await asyncio.sleep(0.001)
            awake = sum(lane.task is not None for lane in delivery._lanes.values())
            if self.alarms and not self.held and awake == len(self.alarms):
                self.now = self.alarms[0][0]
                while self.alarms and self.alarms[0][0] <= self.now:
                    _, _, alarm = heapq.heappop(self.alarms)
                    if not alarm.done():
                        alarm.set_result(None)


class Delivering(Delivery):
    """Says when it has swept."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.swept = asyncio.Event()

    async def sweep(self):
        await super().sweep()
        self.swept.set()


@dataclass
class Post:
    """A post office: writes letters, has them delivered, and knows when each was handed over."""

    store: object
    words: object
    bot: TelegramBot
    time: Time = field(default_factory=Time)
    sends: list = field(default_factory=list)  # (virtual seconds since the start, chat, text)

    async def send(self, outgoing):
        """For delivery this is the channel."""
        self.sends.append((self.time.now - 1000, int(outgoing.address.address), outgoing.text))
        await self.bot.send(outgoing)

    async def commit(self, *texts, chat=ANNA, replaces="", document=None, later=None):
        """Into the outbox, and no further. An unknown sentence is said by its id, so any text is a sentence."""
        address = Address("telegram", str(chat))
        async with self.store.begin() as unit:
            there = (await chats.lock(unit, {address: "en"}))[address]
            contents = [pack(Message((Say(each),), edits=bool(replaces)), replaces=replaces, document=document) for each in texts]
            due = unit.now + later if later else None
            return await outbox.enqueue(
                unit, [Draft(f"test.{chat}.{id(content)}.{next(self.time.numbers)}", content, there, due_at=due) for content in contents]
            )

    async def write(self, *texts, **where):
        self.delivery.take(await self.commit(*texts, **where))

    async def rows(self):
        async with self.store.read() as unit:
            return (await unit.connection.execute(select(tables.outbox).order_by(tables.outbox.c.id))).all()

    async def through(self):
        """Nothing waits any more: what is left in the outbox has failed."""
        return self.delivery.is_idle() and all(row.state == "failed" for row in await self.rows())

    async def chat(self, number):
        address = Address("telegram", str(number))
        async with self.store.begin() as unit:
            return (await chats.lock(unit, {address: "en"}))[address]

    def times(self, chat):
        return [at for at, to, _ in self.sends if to == chat]

    @asynccontextmanager
    async def open(self):
        """Its first sweep is over when the test begins: letters come by hand, and the sweep has a test of its own."""
        self.delivery = Delivering(self.store, self.words, {"telegram": self}, clock=self.time, sleep=self.time.sleep)
        async with running(self.delivery.run(), self.time.flow(self.delivery)):
            await self.delivery.swept.wait()
            yield self


@pytest.fixture
def hurry(monkeypatch):
    """Of real seconds as few as can be, when a test ends with letters under way."""
    monkeypatch.setattr("bot.delivery.GRACE", 0.2)


@pytest.fixture
async def post(sqlite_store, words, bot, hurry):
    async with Post(sqlite_store, words, bot).open() as post:
        yield post


@pytest.fixture
async def any_post(store, words, bot, hurry):
    """On both databases: for what is a matter of rows."""
    async with Post(store, words, bot).open() as post:
        yield post


@pytest.fixture
def naps(monkeypatch):
    """The receiving loop naps without taking any time; how long it wanted to is noted."""
    naps = []

    async def nap(seconds):
        naps.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(telegram_bot, "asyncio", types.SimpleNamespace(**{**vars(asyncio), "sleep": nap}))
    return naps


def confirmed(api, number):
    return lambda: any(int(asked.get("offset", 0)) > number for asked in api.asked("getUpdates"))


async def alive(task, condition):
    """Wait for the condition; a task that ended instead says why."""
    await until(lambda: task.done() or condition())
    assert not task.done(), task.exception()


class Handler:
    """Stands in for the intake, and keeps what it was given."""

    def __init__(self, *trouble):
        self.batches, self.trouble = [], list(trouble)

    async def __call__(self, batch):
        self.batches.append([each.key for each in batch])
        if self.trouble:
            raise self.trouble.pop(0)

    @property
    def keys(self):
        return [key for batch in self.batches for key in batch]


# ---- receiving ------------------------------------------------------------------------------------------------------


async def test_an_update_is_confirmed_only_after_it_was_handled(api, bot):
    handled, began = asyncio.Event(), asyncio.Event()

    async def handle(_):
        began.set()
        await handled.wait()

    await api.put(text(5))
    async with running(bot.receive(handle)):
        await began.wait()
        await bot._driver.call("getMe", {})  # a whole round trip later there is still no word of it
        assert len(api.asked("getUpdates")) == 1
        assert api.updates
        handled.set()
        await until(lambda: not api.updates)
    assert api.asked("getUpdates")[1]["offset"] == "6"


async def test_while_the_database_is_away_nothing_is_confirmed_and_the_same_batch_comes_again(api, bot, naps):
    handle = Handler(StoreAway("away"), StoreAway("away"), StoreAway("away"))
    await api.put(text(5), text(6))
    async with running(bot.receive(handle)) as [receiving]:
        await alive(receiving, confirmed(api, 6))
    assert handle.batches[:4] == [["5", "6"]] * 4
    assert naps == sorted(set(naps)), "each wait is longer than the one before"
    assert [asked.get("offset") for asked in api.asked("getUpdates")][:2] == [None, "7"]


async def test_a_bot_that_dies_while_it_handles_is_given_the_same_updates_in_its_next_life(api, bot, library):
    await api.put(text(5), text(6))
    with pytest.raises(MemoryError):
        await bot.receive(Handler(MemoryError()))
    handle = Handler()
    async with a_bot(api.base, library) as again, running(again.receive(handle)):
        await until(confirmed(api, 6))
    assert handle.batches == [["5", "6"]]


async def test_updates_out_of_order_are_all_handled_and_confirmed(api, bot):
    handle = Handler()
    await api.put(text(9), text(7), text(8), text(7))
    async with running(bot.receive(handle)):
        await until(lambda: not api.updates)
    assert handle.keys == ["9", "7", "8", "7"]


async def test_a_poison_update_does_not_stop_those_behind_it(api, bot):
    poison = [payload(path.stem) for path in sorted(PAYLOADS.glob("broken-*.json"))]
    handle, seen = Handler(), []

    async def look(batch):
        seen.extend(each.kind for each in batch)
        await handle(batch)

    await api.put(*poison, text(800_000, "still here"))
    async with running(bot.receive(look)) as [receiving]:
        await alive(receiving, confirmed(api, 800_000))
    assert seen == [Kind.POISON] * len(poison) + [Kind.TEXT]


async def test_kinds_that_we_do_not_serve_are_confirmed_without_a_word(api, bot):
    await api.put(payload("channel-post", update_id=3), payload("poll-answer", update_id=4))
    async with running(bot.receive(Handler())):
        await until(confirmed(api, 4))


async def test_a_second_poller_makes_us_wait_and_go_on(api, bot, naps, library):
    handle = Handler()
    async with running(bot.receive(handle)) as [receiving]:
        await until(lambda: api.asked("getUpdates"))
        async with a_bot(api.base, library) as other:
            with suppress(telegram_bot.Refused):  # whoever polled first is sent away; then we come again and send the other away
                await other._driver.fetch(None, 5)
            await alive(receiving, lambda: naps)
            await api.put(text(5))
            await alive(receiving, confirmed(api, 5))
    assert "5" in handle.keys
    assert naps[0] == 5, "seconds: two bots that fight for one token must not do it a thousand times a second"


BROKEN = {  # what proxies, captive portals and bad days make of an answer
    "a page of a proxy": Answer(502, body=b"<html><h1>502 Bad Gateway</h1></html>"),
    "a page that says fine": Answer(200, body=b"<html>Please log in to this network</html>"),
    "nothing": Answer(200, body=b""),
    "half of it": Answer(200, body=b'{"ok": true, "resu'),
    "another JSON": Answer(200, body=b"[]"),
    "no UTF-8": Answer(502, body=b"\xff\xfe\x00 Bad Gateway"),
    "an error without a word": Answer(500, body=b'{"ok": false, "error_code": 500}'),
    "an error of the server": server_error(),
    "a line cut before": small_api.CUT_BEFORE,
    "a line cut after": small_api.CUT_AFTER,
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
async def test_whatever_comes_instead_of_updates_polling_goes_on(api, bot, naps, answer):
    handle = Handler()
    api.script("getUpdates", answer, answer)
    await api.put(text(5))
    async with running(bot.receive(handle)) as [receiving]:
        await alive(receiving, confirmed(api, 5))
    assert handle.keys == ["5"]
    assert naps == [0.5, 1.0]


async def test_a_limit_on_polling_is_kept_to(api, bot, naps):
    api.script("getUpdates", too_many(17))
    await api.put(text(5))
    async with running(bot.receive(Handler())):
        await until(confirmed(api, 5))
    assert naps == [17]


async def test_a_press_is_acknowledged_after_it_was_handled(api, bot):
    order = []

    async def handle(batch):
        await asyncio.sleep(0)
        order.append(len(api.asked("answerCallbackQuery")))

    await api.put(payload("press"))
    async with running(bot.receive(handle)):
        await until(lambda: api.asked("answerCallbackQuery"))
    assert order == [0]
    assert api.asked("answerCallbackQuery") == [{"callback_query_id": "430000000000000001"}]


@pytest.mark.parametrize("answer", [small_api.TOO_OLD, server_error(), small_api.CUT_AFTER, too_many(9)], ids=["too old", "500", "cut", "429"])
async def test_nothing_depends_on_an_acknowledgement(api, bot, answer):
    handle = Handler()
    api.script("answerCallbackQuery", answer)
    await api.put(payload("press"))
    async with running(bot.receive(handle)) as [receiving]:
        await alive(receiving, lambda: api.asked("answerCallbackQuery") and not api.updates)
        await api.put(text(700_999))
        await alive(receiving, confirmed(api, 700_999))
    assert handle.keys == ["700022", "700999"]


async def test_whose_turn_it_is_not_does_not_poll(api, bot, naps):
    turn = []
    async with running(bot.receive(Handler(), lambda: bool(turn))):
        await bot._driver.call("getMe", {})
        assert not api.asked("getUpdates")
        turn.append(True)
        await until(lambda: api.asked("getUpdates"))


# ---- receiving, and taking in ---------------------------------------------------------------------------------------


@asynccontextmanager
async def working(post, scripts, programme):
    """The whole path of a message: poll, take in, deliver."""
    intake = Intake(post.store, scripts, post.words, programme, Taxonomy(post.store, post.words), Languages((), ()), post.delivery.take)
    async with running(post.bot.receive(intake.handle)) as [receiving]:
        yield receiving


async def test_every_payload_goes_the_whole_way_and_only_the_broken_are_set_apart(api, any_post, scripts, programme):
    updates = [payload(path.stem) for path in sorted(PAYLOADS.glob("*.json"))]
    await api.put(*updates, text(800_000, "/start", BORYS))
    async with working(any_post, scripts, programme) as receiving:
        await alive(receiving, confirmed(api, 800_000))
        await until(any_post.through)
    async with any_post.store.read() as unit:
        quarantine = (await unit.connection.execute(select(tables.quarantine))).all()
    assert sorted(int(row.key) for row in quarantine) == sorted(payload(path.stem)["update_id"] for path in PAYLOADS.glob("broken-*.json"))
    assert not any(canary in str(quarantine) for canary in ("Zzkanarek", "kanarienvogel", "55512345"))
    assert api.said(BORYS)


async def test_an_update_that_comes_five_times_is_answered_once(api, post, scripts, programme, library):
    await api.put(text(5, "/help"), text(5, "/help"))
    async with working(post, scripts, programme):
        await until(confirmed(api, 5))
        await until(post.through)
    answers = api.said(ANNA)
    async with a_bot(api.base, library) as again, working(replace_bot(post, again), scripts, programme):
        asked = len(api.asked("getUpdates"))
        await api.put(text(5, "/help"), text(5, "/help"), text(5, "/help"))
        await until(lambda: not api.updates and len(api.asked("getUpdates")) > asked)
        await until(post.through)
    assert api.said(ANNA) == answers


def replace_bot(post, bot):
    again = replace(post, bot=bot)
    again.delivery = post.delivery
    return again


async def test_in_a_group_there_is_one_sentence_with_a_way_to_a_private_chat_and_then_silence(api, post, scripts, programme):
    await post.bot.introduce({})
    await api.put(payload("group-bot-added"), payload("group-bot-added-service"), payload("group-text"), payload("group-command"), payload("press-in-group"))
    async with working(post, scripts, programme):
        await until(lambda: not api.updates)
        await api.put(payload("group-text", update_id=800_000))
        await until(confirmed(api, 800_000))
        await until(post.through)
    [(_, message)] = api.messages[GROUP].items()
    assert message["text"] == post.words.tr("common.group", "de")
    assert message["buttons"] == [[{"text": post.words.tr("common.private-chat", "de"), "url": f"https://t.me/{small_api.NAME}?start=group"}]]
    assert CANARIES["name"] not in message["text"]


@pytest.mark.parametrize("sign", ["a message", "my_chat_member"])
async def test_who_blocked_us_can_be_reached_again_when_they_come_back(api, any_post, scripts, programme, sign):
    api.script("sendMessage", small_api.BLOCKED)
    await any_post.write("goodbye")
    await until(any_post.through)
    assert (await any_post.chat(ANNA)).unreachable == "blocked"
    await api.put(text(5, "/help") if sign == "a message" else payload("private-unblocked", update_id=5))
    async with working(any_post, scripts, programme):
        await until(confirmed(api, 5))
    assert (await any_post.chat(ANNA)).unreachable is None
    await any_post.write("welcome back")
    await until(any_post.through)
    assert api.said(ANNA)[-1] == "welcome back"


async def test_who_blocks_us_is_known_to_be_out_of_reach_by_the_channels_own_word(api, post, scripts, programme):
    await api.put(payload("text-uk"))
    await api.put(payload("private-blocked"))
    async with working(post, scripts, programme):
        await until(lambda: not api.updates)
    assert (await post.chat(ANNA)).unreachable == "blocked"


# ---- the beginning --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [small_api.UNAUTHORISED, Answer(404, "Not Found")], ids=["401", "404"])
async def test_a_refused_token_is_one_sentence_that_names_the_setting(api, bot, answer):
    api.script("getMe", answer)
    with pytest.raises(FrontdoorError, match=r"FRONTDOOR_TELEGRAM_TOKEN.*@BotFather") as caught:
        await bot.introduce({})
    assert TOKEN not in str(caught.value)


async def test_the_token_of_another_bot_is_refused(api, library):
    async with a_bot(api.base, library, "77:another") as bot:
        with pytest.raises(FrontdoorError, match="FRONTDOOR_TELEGRAM_TOKEN"):
            await bot.introduce({})


@pytest.mark.parametrize("token", ["", "abc", ":abc", "42:", "42 :abc", "42:a bc", "forty-two:abc", "https://t.me/bot"])
async def test_what_has_not_the_shape_of_a_token_is_one_sentence_that_names_the_setting(library, token):
    with pytest.raises(FrontdoorError, match=r"FRONTDOOR_TELEGRAM_TOKEN.*@BotFather"):
        library(token, "http://127.0.0.1:1")


async def test_the_commands_are_registered_for_everybody_and_for_each_language(api, bot, programme, scripts, words):
    await bot.introduce(House(None, programme, scripts, words, None).commands())
    registered = {
        asked.get("language_code"): {each["command"]: each["description"] for each in json.loads(asked["commands"])} for asked in api.asked("setMyCommands")
    }
    assert registered.keys() == {None, *words.languages}
    assert all(len(language) == 2 for language in registered if language), "Telegram takes two letters only"
    for language, commands in registered.items():
        there = [name for name in scripts.menu if name != "forms"]  # as long as there are none
        assert commands == {name: words.tr(f"menu.command.{name}", language or "en") for name in there}


async def test_a_bot_whose_commands_are_refused_starts_all_the_same(api, bot):
    api.script("setMyCommands", small_api.BAD_REQUEST, too_many(60), small_api.CUT_BEFORE)
    await bot.introduce({language: {"help": "Help"} for language in (None, "de", "uk", "ar")})
    assert len(api.asked("setMyCommands")) == 4


# ---- sending: not now -----------------------------------------------------------------------------------------------


async def test_after_a_429_nothing_is_sent_to_anybody_before_the_time_is_over(api, post):
    api.script("sendMessage", too_many(30))
    post.time.held = True
    await post.write("one", "two", "three")
    await until(lambda: post.time.alarms)
    await post.write("four", "five", chat=BORYS)
    await post.write("six", chat=1003)
    await until(lambda: len(post.time.alarms) == 3)
    assert len(api.asked("sendMessage")) == 1
    post.time.held = False
    await until(post.through)
    assert all(at >= 30 for at, _, _ in post.sends[1:])
    assert (api.said(ANNA), api.said(BORYS), api.said(1003)) == (["one", "two", "three"], ["four", "five"], ["six"])


async def test_a_429_also_binds_who_only_waited_for_the_limit_of_their_own_chat(api, post):
    post.time.held = True
    await post.write(*map(str, range(BURST + 1)))
    await until(lambda: len(api.said(ANNA)) == BURST and post.time.alarms)
    api.script("sendMessage", too_many(30), chat=BORYS)
    await post.write("limited", chat=BORYS)
    await until(lambda: len(post.time.alarms) == 2)
    post.time.held = False
    await until(post.through)
    assert api.said(BORYS) == ["limited"]
    assert post.times(ANNA)[-1] >= 30


@pytest.mark.parametrize(
    "answer", [Answer(429, "Too Many Requests: retry later"), Answer(429, "Too Many Requests: retry after 0", {"retry_after": 0})], ids=["unsaid", "zero"]
)
async def test_a_429_that_does_not_say_how_long_costs_no_letter(api, post, answer):
    api.script("sendMessage", answer)
    await post.write("one", "two")
    await until(post.through)
    assert api.said(ANNA) == ["one", "two"]
    assert await post.rows() == []


@pytest.mark.parametrize("answer", [too_many(3), server_error(), small_api.CUT_BEFORE], ids=["429", "500", "cut"])
async def test_what_was_said_of_a_long_letter_is_not_repeated_with_the_rest(api, post, answer):
    api.script("sendMessage", small_api.FINE, answer)
    await post.write("a" * 4000 + "\n" + "b" * 4000)
    await until(post.through)
    assert [each[:1] for each in api.said(ANNA)] == ["a", "b"]


async def test_words_are_not_repeated_because_their_file_must_wait(api, post):
    api.script("sendDocument", too_many(3))
    await post.write("here it is", document=("mydata.json", '{"name": "Zzkanarek Юнікод"}'))
    await until(post.through)
    assert [(each["text"], each["files"]) for each in api.messages[ANNA].values()] == [
        ("here it is", {}),
        ("", {"mydata.json": '{"name": "Zzkanarek Юнікод"}'.encode()}),
    ]


async def test_a_token_that_is_refused_later_on_costs_no_letter(api, post):
    api.script("sendMessage", small_api.UNAUTHORISED)
    await post.write("one", "two")
    await until(post.through)
    assert api.said(ANNA) == ["one", "two"]
    assert post.times(ANNA)[1] >= 60, "an operator mends a token in minutes, not in milliseconds"


@pytest.mark.parametrize("answer", [server_error(), server_error(502, "Bad Gateway"), server_error(504, "Gateway Timeout")], ids=["500", "502", "504"])
async def test_a_server_in_trouble_is_tried_again_with_growing_waits_and_costs_no_letter(api, post, answer):
    api.script("sendMessage", *[answer] * 8)
    await post.write("first", "second")
    await until(post.through)
    assert api.said(ANNA) == ["first", "second"]
    gaps = [after - before for before, after in itertools.pairwise(post.times(ANNA)[:7])]
    assert gaps == sorted(set(gaps)), "each wait is longer than the one before"
    assert gaps[0] <= 1
    assert gaps[-1] >= 30


async def test_a_server_that_recovers_gets_everything_once_and_in_order(api, post):
    api.script("sendMessage", *[server_error()] * 3)
    await post.write("one", "two", "three")
    await until(post.through)
    assert api.said(ANNA) == ["one", "two", "three"]


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
async def test_whatever_comes_instead_of_an_answer_no_letter_is_lost(api, post, answer):
    api.script("sendMessage", answer, answer, chat=ANNA)
    await post.write("one", "two")
    await until(post.through)
    assert [each for each, _ in itertools.groupby(api.said(ANNA))] == ["one", "two"]
    assert await post.rows() == []


@pytest.mark.parametrize("silent", [False, True], ids=["cut", "silent"])
async def test_when_the_answer_is_lost_after_delivery_there_is_one_copy_more_and_nothing_is_lost(api, post, monkeypatch, silent):
    monkeypatch.setattr(post.bot._driver, "_patience", 0.3)  # not the thirty real seconds
    api.script("sendMessage", small_api.FINE, Answer(delivered=True, cut=not silent, gate=asyncio.Event() if silent else None))
    await post.write("one", "two", "three")
    await until(post.through)
    assert api.said(ANNA) == ["one", "two", "two", "three"]


async def test_an_answer_that_says_ok_in_a_new_way_is_an_ok(api, post):
    """The next Bot API may describe a message in a way that our library can't read. It was sent: who sends again, sends for ever."""
    api.script("sendMessage", *[Answer(delivered=True, body=b'{"ok": true, "result": {"message_id": "seven"}}')] * 3)
    await post.write("one", "two")
    await until(post.through)
    assert api.said(ANNA) == ["one", "two"]


async def test_a_server_that_is_not_there_costs_no_letter(api, post):
    await api.__aexit__()
    await post.write("one", "two")
    await until(lambda: len(post.sends) >= 3)
    later = SmallApi(TOKEN)
    later.port = api.port
    async with later:
        await until(post.through)
    assert later.said(ANNA) == ["one", "two"]


# ---- sending: never -------------------------------------------------------------------------------------------------

GONE = {
    "blocked": small_api.BLOCKED,
    "deactivated": small_api.DEACTIVATED,
    "kicked": small_api.KICKED,
    "chat-not-found": small_api.NOT_FOUND,
    "migrated": small_api.MIGRATED,
}


@pytest.mark.parametrize("reason", GONE)
async def test_where_nothing_more_can_be_said_there_is_one_attempt_and_no_other_chat_suffers(api, any_post, reason):
    api.script("sendMessage", chat=ANNA, then=GONE[reason])
    await any_post.commit("a reminder for tomorrow", later=timedelta(days=1))
    await any_post.write("one", "two", "three")
    await any_post.write("for somebody else", "and more", chat=BORYS)
    await until(any_post.through)
    assert len(api.asked("sendMessage", ANNA)) == 1
    assert (await any_post.chat(ANNA)).unreachable == reason
    assert (await any_post.chat(BORYS)).unreachable is None
    assert api.said(BORYS) == ["for somebody else", "and more"]
    assert await any_post.rows() == [], "the letters of a chat that is gone are gone too"


REFUSED = {
    "a bad request": (small_api.BAD_REQUEST, "bad-request"),
    "too long": (small_api.TOO_LONG, "too-large"),
    "too large": (small_api.TOO_LARGE, "too-large"),
    "too large for a proxy": (Answer(413, body=b"<html><h1>413 Request Entity Too Large</h1></html>"), "too-large"),
}


@pytest.mark.parametrize(("answer", "reason"), REFUSED.values(), ids=REFUSED)
async def test_a_letter_that_is_refused_fails_alone_and_its_words_go(api, any_post, answer, reason):
    api.script("sendMessage", answer)
    await any_post.write("refused", "behind it")
    await until(any_post.through)
    assert api.said(ANNA) == ["behind it"]
    [row] = await any_post.rows()
    assert (row.state, row.reason, row.content) == ("failed", reason, b"")
    assert (await any_post.chat(ANNA)).unreachable is None


async def test_a_letter_that_we_ourselves_can_not_put_into_words_does_not_stop_those_behind_it(api, post):
    address = Address("telegram", str(ANNA))
    async with post.store.begin() as unit:
        chat = (await chats.lock(unit, {address: "en"}))[address]
        broken = pack(Message((Say("common.line", {"name": {"no": "known shape"}, "answer": "-"}),), (Option("x", {"no": "known shape"}),), 1))
        post.delivery.take(await outbox.enqueue(unit, [Draft("test.broken", broken, chat)]))
    await post.write("behind it")
    await until(post.through)
    assert api.said(ANNA) == ["behind it"]


# ---- editing --------------------------------------------------------------------------------------------------------


def stands(api, number, words):
    api.messages[ANNA][number] = {"text": words, "buttons": [], "files": {}}


async def test_an_edit_changes_the_message_in_its_place(api, post):
    stands(api, 77, "before")
    await post.write("after", replaces="77")
    await until(post.through)
    assert api.said(ANNA) == ["after"]


async def test_an_edit_that_changes_nothing_is_done(api, post):
    stands(api, 77, "the same")
    await post.write("the same", replaces="77")
    await post.write("behind it")
    await until(post.through)
    assert api.said(ANNA) == ["the same", "behind it"]
    assert len(api.asked("editMessageText")) == 1
    assert await post.rows() == []


@pytest.mark.parametrize("refusal", ["message to edit not found", "message can't be edited", "MESSAGE_ID_INVALID"])
async def test_what_can_no_longer_be_edited_is_said_anew(api, post, refusal):
    stands(api, 77, "before")
    api.script("editMessageText", Answer(400, f"Bad Request: {refusal}"))
    await post.write("after", replaces="77")
    await until(post.through)
    assert api.said(ANNA) == ["before", "after"]


async def test_an_edit_in_a_chat_that_blocked_us_is_the_end_like_any_other(api, post):
    stands(api, 77, "before")
    api.script("editMessageText", small_api.BLOCKED)
    await post.write("after", replaces="77")
    await until(post.through)
    assert (await post.chat(ANNA)).unreachable == "blocked"
    assert len(api.asked("editMessageText")) == 1


async def test_of_three_toggles_behind_a_slow_letter_one_edit_is_sent_the_last(api, post):
    stands(api, 77, "☐ ☐ ☐")
    gate = asyncio.Event()
    api.script("sendMessage", Answer(delivered=True, gate=gate))
    await post.write("slow")
    await until(lambda: api.asked("sendMessage"))
    for toggled in ("☑ ☐ ☐", "☑ ☑ ☐", "☑ ☑ ☑"):
        await post.write(toggled, replaces="77")
    gate.set()
    await until(post.through)
    assert [asked["text"] for asked in api.asked("editMessageText")] == ["☑ ☑ ☑"]
    assert await post.rows() == []


async def test_toggles_of_two_messages_do_not_push_each_other_out(api, post):
    stands(api, 77, "before")
    stands(api, 78, "before")
    gate = asyncio.Event()
    api.script("editMessageText", Answer(delivered=True, gate=gate))
    await post.write("first of 77", replaces="77")
    await until(lambda: api.asked("editMessageText"))
    await post.write("second of 77", "last of 77", replaces="77")
    await post.write("only one of 78", replaces="78")
    gate.set()
    await until(post.through)
    assert [asked["text"] for asked in api.asked("editMessageText")] == ["first of 77", "last of 77", "only one of 78"]


# ---- keeping the pace -----------------------------------------------------------------------------------------------


async def test_five_replies_go_at_once_and_then_one_a_second(post):
    await post.write(*map(str, range(9)))
    await until(post.through)
    assert post.times(ANNA) == [0, 0, 0, 0, 0, 1, 2, 3, 4]


async def test_a_chat_that_was_quiet_may_hear_five_at_once_again(post):
    await post.write(*map(str, range(6)))
    await until(post.through)
    post.time.now += 60
    await post.write(*map(str, range(6)))
    await until(post.through)
    assert post.times(ANNA)[6:] == [61, 61, 61, 61, 61, 62]


async def test_a_chat_keeps_its_pace_though_all_its_letters_were_through_in_between(post):
    """As when somebody presses as fast as they can: each answer is on its way before the next press."""
    for number in range(8):
        await post.write(str(number))
        await until(post.delivery.is_idle)
    assert post.times(ANNA) == [0, 0, 0, 0, 0, 1, 2, 3]


async def test_the_pace_of_one_chat_is_not_that_of_another(post):
    for chat in range(ANNA, ANNA + 20):
        await post.write("one", "two", chat=chat)
    await until(post.through)
    assert {at for at, _, _ in post.sends} == {0}


async def test_a_chat_for_which_telegram_never_answers_delays_no_other(api, post):
    gate = asyncio.Event()
    api.script("sendMessage", Answer(delivered=True, gate=gate), chat=ANNA)
    await post.write("stalled", "behind it")
    await until(lambda: api.asked("sendMessage", ANNA))
    for chat in range(BORYS, BORYS + 30):
        await post.write("one", "two", "three", chat=chat)
    await until(lambda: all(api.said(chat) == ["one", "two", "three"] for chat in range(BORYS, BORYS + 30)))
    assert len(api.asked("sendMessage", ANNA)) == 1
    gate.set()
    await until(post.through)
    assert api.said(ANNA) == ["stalled", "behind it"]


class SlowToLook:
    """A store whose looks can be held up at both ends: what was seen may be done by the time that it is reported."""

    def __init__(self, store):
        self._store, self.looking, self.looks = store, False, 0
        self.may_look, self.looked, self.may_report = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.may_look.set()
        self.may_report.set()

    def __getattr__(self, name):
        return getattr(self._store, name)

    @asynccontextmanager
    async def read(self):
        await self.may_look.wait()
        self.looking = True
        async with self._store.read() as unit:
            yield unit
        self.looked.set()
        await self.may_report.wait()
        self.looking, self.looks = False, self.looks + 1


async def test_a_letter_that_was_sent_while_the_sweep_looked_is_not_sent_again(api, bot, store, words, monkeypatch):
    monkeypatch.setattr("bot.delivery.SWEEP", 0.01)  # real seconds between two looks
    slow = SlowToLook(store)
    async with Post(slow, words, bot).open() as post:
        post.store = store  # only the sweep is slow
        slow.may_look.clear()
        await until(lambda: not slow.looking)
        letters = await post.commit("once")
        slow.may_report.clear()
        slow.looked.clear()
        slow.may_look.set()
        await slow.looked.wait()  # the sweep has seen it, and not yet said so
        post.delivery.take(letters)
        await until(post.through)
        slow.may_report.set()
        looks = slow.looks
        await until(lambda: slow.looks >= looks + 2 and post.delivery.is_idle())
    assert api.said(ANNA) == ["once"]
