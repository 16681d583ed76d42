"""Letters by e-mail, over a real mail server on this machine: what goes out is whole MIME, and what its links do is done once somebody presses."""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import asynccontextmanager
from email import message_from_bytes, policy

import icalendar
import pytest
from aiosmtpd.controller import Controller
from conftest import KEYS, until
from fair import LINK, Fair
from httpx import ASGITransport, AsyncClient

from bot.app import words_for
from bot.batches import Batches
from bot.channels.email import Email, Pressed, open_link, seal_link, subject_of
from bot.delivery import Delivery
from bot.errors import FrontdoorError, SendError
from bot.letters import pack, word
from bot.messages import Choice, Outgoing
from bot.settings import read_settings
from bot.web.health import application
from bot.web.mail import MailPages
from dialogs.nouns import Message, Say
from storage import tables
from storage.records import Address, Letter

ADDRESS, OURS, PUBLIC = "nobody.invented@mail.frontdoor.example", "events@frontdoor.example", "https://bot.frontdoor.example"


class Post:
    """A mail server that keeps what it takes; `refuse`: what it says to the next recipients."""

    def __init__(self):
        self.mails, self.refuse = [], []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.refuse:
            return self.refuse.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"

    def to(self, address=ADDRESS):
        return [mail for mail in self.mails if mail["To"] == address]


@pytest.fixture
def post():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    keeper = Post()
    controller = Controller(keeper, hostname="127.0.0.1", port=port)
    controller.start()
    keeper.url = f"smtp://127.0.0.1:{port}"
    yield keeper
    controller.stop()


@pytest.fixture
def mail_words(programme, scripts):
    return words_for(programme, scripts, mail=OURS)


@asynccontextmanager
async def office(store, clock, scripts, words, programme, post):
    """A fair whose letters to e-mail addresses really go out; and the pages that their links lead to."""
    fair = Fair(store, clock, scripts, words, programme)
    way = Email(post.url, OURS, words, store.cipher, PUBLIC, clock)
    delivery = Delivery(store, words, {"email": way}, limits=False)
    batches = Batches(fair.intake.handle)
    pages = MailPages(store, words, batches.take_in, asyncio.get_running_loop().time)
    running = [asyncio.create_task(each) for each in (delivery.run(), batches.run())]
    async with AsyncClient(transport=ASGITransport(application(store.is_reachable, pages.routes())), base_url=PUBLIC) as browser:
        fair.browser = browser
        yield fair
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


def text_of(mail):
    return mail.get_body(("plain",)).get_content()


def link_of(mail, label):
    return re.search(rf"{re.escape(label)}: {PUBLIC}(/mail/\S+)", text_of(mail))[1]


async def with_mail(fair, who, post, language="en", address=ADDRESS):
    """Somebody who gave an address and proved it."""
    await fair.command(who, "email")
    await fair.text(who, address)
    await until(lambda: post.to(address))
    code = re.search(r"\d{3} \d{3} \d{3} \d{3}", text_of(post.to(address)[-1]))[0]
    await fair.text(who, code)
    assert "email.done" in fair.ids(who)


async def test_an_address_is_proved_once_and_then_letters_about_events_come_there(store, clock, scripts, mail_words, programme, post):
    async with office(store, clock, scripts, mail_words, programme, post) as fair:
        event = await fair.event(days=10, link=LINK, link_days=1, capacity=5)
        await fair.arrive(1)
        await fair.command(1, "email")
        assert "email.nobody" in fair.ids(1), "nobody is kept without a yes"
        await fair.sign_up(1, event)
        await with_mail(fair, 1, post)
        other = await fair.event(days=12, title="Another; with \u202ea, trick\nand more", place="Invented Hall")
        await fair.sign_up(1, other)
        mail = (await until(lambda: [each for each in post.to() if "Another" in each["Subject"]]))[0]
        calendar = next(part for part in mail.iter_attachments() if part.get_content_type() == "text/calendar")
        assert calendar.get_filename() == f"{other.code}.ics"
        assert str(icalendar.Calendar.from_ical(calendar.get_content()).walk("VEVENT")[0]["UID"]) == f"{other.id}@frontdoor"
        since = len(fair.letters)
        await fair.pass_(days=9)
        subjects = await until(lambda: [each["Subject"] for each in post.to() if LINK in text_of(each)])
        assert len(subjects) == 1
        assert not [each for each in fair.letters[since:] if each.address.channel == "telegram"], "by mail instead of here, not beside it"


async def test_one_press_in_a_mail_gives_the_seat_back_and_opening_the_link_does_nothing(store, clock, scripts, mail_words, programme, post):
    async with office(store, clock, scripts, mail_words, programme, post) as fair:
        event = await fair.event(days=10, capacity=5)
        await fair.arrive(1)
        await fair.sign_up(1, await fair.event(days=20))
        await with_mail(fair, 1, post)
        await fair.sign_up(1, event)
        mail = await until(lambda: next((each for each in post.to() if "signed up" in each["Subject"]), None))
        path = link_of(mail, "❌ I can't come")
        assert (await fair.browser.get(path)).status_code == 200
        assert (await fair.states(event)) == {1: "confirmed"}, "programs open links, people press"
        assert (await fair.browser.post(path)).status_code == 200
        assert (await fair.states(event)) == {1: "cancelled"}
        await until(lambda: [each for each in post.to() if "signed off" in text_of(each)])
        assert not [each for each in post.to() if "What would you like to do" in text_of(each)], "a mail asks nothing"
        for wrong in (path[:-4] + "AAAA", "/mail/x", "/mail/" + "A" * 3000):
            assert (await fair.browser.post(wrong)).status_code in {410, 404}


async def test_unsubscribing_is_one_press_of_the_mail_program_and_erases_the_address(store, clock, scripts, mail_words, programme, post):
    async with office(store, clock, scripts, mail_words, programme, post) as fair:
        event = await fair.event(days=10, capacity=5)
        await fair.arrive(1)
        await fair.sign_up(1, event)
        await with_mail(fair, 1, post)
        await fair.pass_(days=3)
        mail = await until(lambda: next((each for each in post.to() if "Soon" in each["Subject"]), None))
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        stop = mail["List-Unsubscribe"].strip("<>")
        answer = await fair.browser.post(stop, content="List-Unsubscribe=One-Click", headers={"content-type": "application/x-www-form-urlencoded"})
        assert answer.status_code == 200
        assert await fair.count(tables.chats.select().where(tables.chats.c.channel == "email").subquery()) == 0
        heard = await fair.pass_(days=7, hours=1)
        assert (1, ["event.reminder"]) in [(who, ids) for _, who, ids in heard], "and letters come here again"
        assert (await fair.browser.post(stop)).status_code == 410


async def test_a_wrong_code_proves_nothing_and_a_taken_address_stays_its_owners(store, clock, scripts, mail_words, programme, post):
    async with office(store, clock, scripts, mail_words, programme, post) as fair:
        for who in (1, 2):
            await fair.arrive(who)
            await fair.sign_up(who, await fair.event())
        await with_mail(fair, 1, post)
        await fair.command(2, "email")
        mails = len(post.to())
        await fair.text(2, ADDRESS)
        await until(lambda: len(post.to()) > mails)
        await fair.text(2, "000 000 000 000")
        assert "email.wrong" in fair.ids(2)
        clock.turn(minutes=4)
        mails = len(post.to())
        await fair.command(2, "email")
        await fair.text(2, ADDRESS)
        await until(lambda: len(post.to()) > mails)
        await fair.text(2, re.search(r"\d{3} \d{3} \d{3} \d{3}", text_of(post.to()[-1]))[0])
        assert "email.taken" in fair.ids(2)


async def test_forgetting_somebody_forgets_their_address(store, clock, scripts, mail_words, programme, post):
    async with office(store, clock, scripts, mail_words, programme, post) as fair:
        await fair.arrive(1)
        await fair.sign_up(1, await fair.event())
        await with_mail(fair, 1, post)
        await fair.command(1, "forget")
        await fair.press(1, "yes")
        assert await fair.count(tables.chats.select().where(tables.chats.c.channel == "email").subquery()) == 0


@pytest.mark.parametrize("language", ["ar", "uk", "de", "en"])
def test_a_mail_is_whole_in_plain_text_and_as_a_page(store_cipher, mail_words, language, clock):
    way = Email("smtp://nowhere", OURS, mail_words, store_cipher, PUBLIC, clock)
    content = pack(
        Message((Say("event.reminder", {"title": "<b>Runder & Tisch</b>", "moment": {"moment": "2027-03-18T13:00+01:00"}, "until": "15:15"}),)),
        actions=[("cantcome", "k7m2qx", {"say": "event.cant-come"})],
        document=("k7m2qx.ics", "BEGIN:VCALENDAR\r\nMETHOD:PUBLISH\r\nEND:VCALENDAR\r\n"),
    )
    mail = way.write(word(Letter(1, 1, Address("email", ADDRESS), language, content, clock()), mail_words))
    again = message_from_bytes(mail.as_bytes(policy=policy.SMTP), policy=policy.default)
    page = again.get_body(("html",)).get_content()
    assert f'dir="{"rtl" if language == "ar" else "ltr"}"' in page
    assert "&lt;b&gt;Runder &amp; Tisch&lt;/b&gt;" in page
    assert "http" not in page.replace(PUBLIC, ""), "nothing is loaded from anywhere"
    assert again["To"] == ADDRESS
    assert again["Auto-Submitted"] == "auto-generated"
    assert "<b>Runder & Tisch</b>" in again["Subject"] or "Runder" in again["Subject"]
    assert len(list(again.iter_attachments())) == 1
    assert ADDRESS not in text_of(again), "no address stands in a link to be read"
    pressed = open_link(store_cipher, re.search(r"/mail/(\S+)", text_of(again))[1])
    assert pressed == Pressed(ADDRESS, "cantcome", "k7m2qx")


@pytest.fixture
def store_cipher():
    return KEYS


def test_a_link_is_made_by_nobody_else(store_cipher):
    token = seal_link(store_cipher, Pressed(ADDRESS, "cantcome", "k7m2qx"))
    assert open_link(store_cipher, token) == Pressed(ADDRESS, "cantcome", "k7m2qx")
    for at in range(0, len(token), 7):
        assert open_link(store_cipher, token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]) is None
    assert open_link(store_cipher, "") is open_link(store_cipher, "ä" * 40) is None


@pytest.mark.parametrize(("answer", "reason"), [("550 No such user", "chat-not-found"), ("450 Busy", "server"), ("421 Later", "server")])
async def test_what_a_mail_server_refuses_is_told_apart(post, store_cipher, mail_words, clock, answer, reason):
    way = Email(post.url, OURS, mail_words, store_cipher, PUBLIC, clock)
    post.refuse.append(answer)
    with pytest.raises(SendError) as error:
        await way.send(Outgoing(Address("email", ADDRESS), "Hello", language="en"))
    assert error.value.reason == reason


async def test_a_mail_server_that_is_away_is_asked_again_later(store_cipher, mail_words, clock):
    way = Email("smtp://127.0.0.1:9", OURS, mail_words, store_cipher, PUBLIC, clock)
    with pytest.raises(SendError) as error:
        await way.send(Outgoing(Address("email", ADDRESS), "Hello", language="en"))
    assert error.value.reason == "unreachable"


async def test_a_question_of_a_dialog_is_never_mailed(post, store_cipher, mail_words, clock):
    way = Email(post.url, OURS, mail_words, store_cipher, PUBLIC, clock)
    await way.send(Outgoing(Address("email", ADDRESS), "Which?", ((Choice("q:1:yes", "Yes"),),), language="en"))
    assert post.mails == []


def test_a_subject_is_the_first_line_without_its_picture():
    assert subject_of("⏰ Soon: “Round table”\n🗓 Thursday") == "Soon: “Round table”"
    assert subject_of("📅 «Круглий стіл»") == "«Круглий стіл»"
    assert subject_of("🙂") == "…"


@pytest.mark.parametrize(("url", "sender"), [("http://x", OURS), ("smtp://", OURS), ("smtp://mail.example", ""), ("smtp://mail.example", "nobody")])
def test_a_wrong_mail_setting_is_refused_in_one_sentence(monkeypatch, url, sender, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRONTDOOR_SMTP_URL", url)
    monkeypatch.setenv("FRONTDOOR_MAIL_FROM", sender)
    with pytest.raises(FrontdoorError, match="FRONTDOOR_SMTP_URL"):
        read_settings()
