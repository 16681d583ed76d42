"""A photo that was asked for: fetched, cleaned, kept and forgotten; one that was not is never fetched. And what `clean` is sent."""

from __future__ import annotations

import base64
import io
import json
import struct
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import LOG, until
from doors import Browser, Telegram, TelegramDoor, TerminalDoor, Web
from PIL import Image, PngImagePlugin
from sqlalchemy import select
from test_intake import World

from bot.app import House
from bot.channels import telegram_aiogram, telegram_ptb
from bot.channels.telegram import read_update
from bot.channels.telegram_bot import TelegramBot
from bot.effects.nouns import name_of
from bot.errors import SendError
from bot.fetching import Fetcher
from bot.messages import Kind
from bot.pictures import BadPicture, clean
from bot.preview import screens_of
from bot.settings import Settings
from dialogs.model import Dialog, Scripts
from storage import backup, erasure, files, outbox, tables
from storage.errors import StoreAway

ROOM = 5_000_000
PHOTO = {"id": "name", "ask": "file", "types": ["photo"], "purpose": "profile", "class": "identity", "most": 500}  # where a name is asked for otherwise


# ---- what `clean` is sent ---------------------------------------------------------------------------------------------


def picture(kind="JPEG", size=(60, 40), mode="RGB", colour="red", **more):
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, kind, **more)
    return out.getvalue()


def located(orientation=6):
    """A photo that says where it was taken, by which phone, and that it lies on its side."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x9286] = orientation, "CANARYPHONE", "CANARYCOMMENT"
    exif.get_ifd(0x8825).update({1: "N", 2: (54.0, 5.0, 0.0), 3: "E", 4: (12.0, 8.0, 0.0)})
    profile = b"CANARYPROFILE" * 20
    return picture(exif=exif.tobytes(), comment=b"CANARYREMARK", icc_profile=profile, xmp=b"<x:xmpmeta>CANARYXMP</x:xmpmeta>")


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, *chunks, bits=8, colour=2):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IEND", b"")


def squeezed(megabytes):
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(bytes(1_000_000)) for _ in range(megabytes)), packer.flush()])


def lines(count, width):
    """What a PNG of nothing but zeros holds."""
    packer, line = zlib.compressobj(1), bytes(width + 1)
    return b"".join([*(packer.compress(line) for _ in range(count)), packer.flush()])


def jpeg_claiming(width, height, marker=b"\xff\xc0"):
    """A real one whose header says another size."""
    data = bytearray(picture(progressive=marker == b"\xff\xc2"))
    at = data.index(marker) + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def webp_claiming(width, height):
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x00\x00\x00\x00" + canvas + b"VP8L" + struct.pack("<I", 6) + b"\x2f\xff\xff\xff\x0f\x00"
    return b"RIFF" + struct.pack("<I", len(body)) + body


def zipped():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", bytes(10_000_000))
    return out.getvalue()


def animated(kind):
    out = io.BytesIO()
    frames = [Image.new("RGB", (50, 50), colour) for colour in ("red", "green", "blue")]
    frames[0].save(out, kind, save_all=True, append_images=frames[1:], duration=10)
    return out.getvalue()


def scans():
    """A small progressive JPEG with thousands of passes."""
    data = picture(progressive=True)
    at = data.rindex(b"\xff\xda")
    return data[:at] + data[at:-2] * 5000 + data[-2:]


def hostile():
    """Name -> (what is sent, the reason why it is refused; none: it is cleaned)."""
    jpeg, small_png, webp = picture(), picture("PNG"), picture("WEBP")
    rows = b"\x00" + bytes(60 * 3)
    bomb = squeezed(100)
    nobody = {
        "empty": b"",
        "one-byte": b"\xff",
        "text": b"hello",
        "html": b"<!doctype html><script>alert(1)</script>",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "svg-with-entities": b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaa">]><svg>&a;</svg>',
        "zip-called-jpg": zipped(),
        "gzip": b"\x1f\x8b" + bomb[:1000],
        "gif": animated("GIF"),
        "gif-bomb": b"GIF89a\xff\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x00;",
        "bmp": picture("BMP"),
        "tiff": picture("TIFF"),
        "pdf": b"%PDF-1.7\n1 0 obj <</JS (app.alert(1))>>",
        "pdf-then-jpeg": b"%PDF-1.4\n" + jpeg,
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nquit",
        "icon": picture("ICO"),
        "php": b"<?php system($_GET['c']); ?>",
        "elf": b"\x7fELF" + bytes(100),
        "mp4": b"\x00\x00\x00\x18ftypmp42" + bytes(100),
        "heic": b"\x00\x00\x00\x18ftypheic" + bytes(100),
        "wav": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(30),
        "html-then-png": b"<html>" + small_png,
        "nul-bytes": bytes(1000),
        "bom-then-jpeg": b"\xef\xbb\xbf" + jpeg,
        "jpeg-2000": b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(50),
    }
    big = {
        "png-of-100-bytes-50000-x-50000": png(50_000, 50_000, chunk(b"IDAT", zlib.compress(b"\x00"))),
        "png-2-billion-wide": png(2**31 - 1, 2**31 - 1),
        "png-just-too-big": png(8000, 5001, chunk(b"IDAT", zlib.compress(b""))),
        "png-one-line-too-wide": png(40_000_001, 1),
        "jpeg-65535-x-65535": jpeg_claiming(65_535, 65_535),
        "jpeg-9000-x-9000": jpeg_claiming(9000, 9000),
        "jpeg-progressive-6000-x-6000": jpeg_claiming(6000, 6000, b"\xff\xc2"),
        "webp-16384-x-16384": webp_claiming(16_384, 16_384),
        "webp-claims-16-million": webp_claiming(2**24, 2**24),
        "ten-megabytes-behind-a-jpeg": jpeg + bytes(10_000_000),
        "six-megabytes-of-png": png(10, 10, chunk(b"tEXt", b"a\x00" + b"b" * 6_000_000)),
    }
    broken = {
        "jpeg-magic-alone": b"\xff\xd8\xff",
        "jpeg-head-alone": jpeg[:200],
        "jpeg-truncated": picture(size=(900, 900))[:-3000],
        "jpeg-0-x-0": jpeg_claiming(0, 0),
        "jpeg-5000-scans": scans(),
        "jpeg-endless-markers": b"\xff\xd8" + b"\xff" * 100_000,
        "png-magic-alone": b"\x89PNG\r\n\x1a\n",
        "png-truncated": small_png[:-40],
        "png-0-x-0": png(0, 0),
        "png-without-pixels": png(10, 10),
        "png-bad-checksum": small_png[:23] + b"\x29" + small_png[24:],
        "png-text-of-100-megabytes": png(60, 40, chunk(b"zTXt", b"a\x00\x00" + bomb), chunk(b"IDAT", zlib.compress(rows * 40))),
        "png-profile-of-100-megabytes": png(60, 40, chunk(b"iCCP", b"a\x00\x00" + bomb), chunk(b"IDAT", zlib.compress(rows * 40)), bits=3),
        "webp-magic-alone": b"RIFF\x00\x00\x00\x00WEBP",
        "webp-truncated": webp[: len(webp) // 2],
        "webp-of-an-unknown-kind": b"RIFF\x20\x00\x00\x00WEBPVP9 " + bytes(40),
        "webp-claims-1000-x-1000": webp_claiming(1000, 1000),
    }
    fine = {
        "jpeg-then-zip": jpeg + zipped(),
        "jpeg-then-html": jpeg + b"<script>CANARY</script>",
        "jpeg-with-everything-hidden": located(),
        "png-of-38-million-pixels": png(6200, 6200, chunk(b"IDAT", lines(6200, 6200 * 3))),
        "png-of-38-million-transparent-pixels": png(6200, 6200, chunk(b"IDAT", lines(6200, 6200 * 4)), colour=6),
        "png-pixels-and-100-megabytes-more": png(60, 40, chunk(b"IDAT", zlib.compress(rows * 40 + bytes(10)))),
        "png-chunk-longer-than-the-file": small_png[:33] + struct.pack(">I", 2**31 - 1) + b"IDAT" + small_png[41:],
        "png-animated": animated("PNG"),
        "webp-animated": animated("WEBP"),
        "png-transparent": picture("PNG", mode="RGBA", colour=(255, 0, 0, 0)),
        "png-palette": picture("PNG", mode="P", colour=1),
        "png-one-bit": picture("PNG", mode="1", colour=1),
        "jpeg-cmyk": picture(mode="CMYK", colour=(0, 0, 0, 0)),
        "jpeg-grey": picture(mode="L", colour=9),
        "jpeg-with-broken-exif": picture(exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff" + bytes(30)),
        "jpeg-of-one-pixel": picture(size=(1, 1)),
        "jpeg-very-long": picture(size=(60_000, 2)),
    }
    told = {"not-a-photo": nobody, "too-big": big, "broken": broken, "": fine}
    return {name: (data, reason) for reason, inputs in told.items() for name, data in inputs.items()}


HOSTILE = hostile()


MEASURING = """
import pathlib, sys
from bot.pictures import BadPicture, clean
for path in pathlib.Path(sys.argv[1]).iterdir():
    try:
        clean(path.read_bytes(), 5_000_000)
    except BadPicture:
        pass
status = pathlib.Path("/proc/self/status").read_text()  # getrusage() would tell the parent's mark, if that is higher
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


def outcome(data, most=ROOM):
    try:
        return clean(data, most), ""
    except BadPicture as error:
        return b"", error.reason


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_is_sent_is_cleaned_or_refused_before_anybody_waits(name):
    data, reason = HOSTILE[name]
    began = time.process_time()
    cleaned, why = outcome(data)
    assert time.process_time() - began < 5  # seconds of CPU; about one on a quiet machine, what never ends takes far more
    assert why == reason
    assert not cleaned or (cleaned.startswith(b"\xff\xd8\xff") and b"CANARY" not in cleaned)


def test_there_are_more_than_fifty_of_them():
    assert len(HOSTILE) > 50


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells")
def test_none_of_them_takes_300_megabytes(tmp_path):
    """In a process of its own, where the high-water mark is theirs alone."""
    for number, (data, _) in enumerate(HOSTILE.values()):
        (tmp_path / f"{number}").write_bytes(data)
    told = subprocess.run([sys.executable, "-c", MEASURING, tmp_path], capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent)
    assert int(told.stdout) < 300_000


def test_place_device_comments_and_profile_are_gone_and_the_photo_stands_upright():
    data = located(orientation=6)
    for hidden in (b"CANARYPHONE", b"CANARYREMARK", b"CANARYPROFILE", b"CANARYXMP"):
        assert hidden in data, "the control: it was there"
    assert dict(Image.open(io.BytesIO(data)).getexif().get_ifd(0x8825))
    cleaned = clean(data, ROOM)
    image = Image.open(io.BytesIO(cleaned))
    assert image.size == (40, 60), "turned as the camera was held"
    assert not image.getexif() and not image.getexif().get_ifd(0x8825)
    assert {*image.info} <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert not any(hidden in cleaned for hidden in (b"CANARY", b"Exif", b"ICC_PROFILE", b"http://ns.adobe.com"))


def test_words_in_a_png_are_gone():
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Author", "CANARY")
    notes.add_itxt("XML:com.adobe.xmp", "CANARY")
    assert b"CANARY" not in clean(picture("PNG", pnginfo=notes), ROOM)


def test_what_is_transparent_becomes_white():
    assert Image.open(io.BytesIO(clean(picture("PNG", mode="RGBA", colour=(255, 0, 0, 0)), ROOM))).getpixel((5, 5)) == (255, 255, 255)


def test_a_large_photo_is_made_smaller_until_it_fits():
    noise = Image.effect_noise((2500, 2500), 90).convert("RGB")
    out = io.BytesIO()
    noise.save(out, "JPEG", quality=30)
    cleaned = clean(out.getvalue(), 2_600_000)
    assert len(cleaned) <= 2_600_000
    assert max(Image.open(io.BytesIO(cleaned)).size) < 2500
    with pytest.raises(BadPicture, match="too-big"):
        clean(picture(), 300)


# ---- the whole path ---------------------------------------------------------------------------------------------------


@pytest.fixture
def asking(scripts):
    """The shipped scripts, with a photo where the name was asked for."""
    newcomer = scripts["newcomer"].model_dump(by_alias=True, exclude_unset=True)
    steps = [PHOTO if step["id"] == "name" else step for step in newcomer["steps"]]
    return Scripts([*(each for name, each in scripts.items() if name != "newcomer"), Dialog.model_validate({**newcomer, "steps": steps})])


@pytest.fixture
def house(asking, words, programme):
    return lambda store: House(Settings(_env_file=None), programme, asking, words, store)


def sizes(*named):
    return [{"file_id": name, "file_unique_id": name, "width": width, "height": width, "file_size": size} for name, width, size in named]


ONE = sizes(("small", 90, 1000), ("photo", 800, 90_000))
ONBOARD = ("en", "yes", "yes", "no", "newcomer")


async def onboard(door):
    await door.say("/start")
    for code in ONBOARD:
        await door.press(code)


async def rows(store, table=tables.files):
    async with store.read() as unit:
        return (await unit.connection.execute(select(table))).all()


def fetches(telegram):
    return [fields for method, fields in telegram.emulator.calls if method == "getFile"]


LIBRARIES = pytest.mark.parametrize("library", [telegram_aiogram.Driver, telegram_ptb.Driver], ids=["aiogram", "ptb"])


@LIBRARIES
async def test_a_photo_that_was_asked_for_is_kept_once_clean_and_sealed(library, store, house):
    async with Telegram(house(store), library) as telegram:
        telegram.emulator.assets["photo"] = {"data": located()}
        door = TelegramDoor(telegram, "en")
        await onboard(door)
        assert "take one with your phone" in door.heard[-1].text
        await door.message(photo=ONE, caption="zz-kanarienvogel-quittengelee")
        assert "Thank you, I have your photo" in door.heard[-1].text
        assert len(fetches(telegram)) == 1, "sent twice, fetched once"
        assert telegram.emulator.violations == []
        (row,) = await rows(store)
        assert not row.content.startswith(b"\xff\xd8") and b"JFIF" not in row.content, "sealed"
        async with store.read() as unit:
            (file,) = await files.of_person(unit, row.person_id)
        assert Image.open(io.BytesIO(file.content)).size == (40, 60)
        assert b"CANARY" not in file.content
        await door.say("/mydata")
        told = next(each for each in reversed(door.heard) if each.document)
        assert "a photo, 1 KB" in told.text.replace("\u2068", "").replace("\u2069", "")
        (named,) = json.loads(told.document)["files"]
        assert base64.b64decode(named["jpeg in base64"]) == file.content

        async def everything_is_said():
            return await rows(store, tables.outbox) == []

        await until(everything_is_said)


async def test_a_picture_sent_as_a_document_counts_too(store, house):
    async with Telegram(house(store)) as telegram:
        telegram.emulator.assets["d"] = {"data": picture("PNG")}
        door = TelegramDoor(telegram, "en")
        await onboard(door)
        await door.message(document={"file_id": "d", "file_unique_id": "d", "mime_type": "image/png", "file_size": 900})
        assert len(await rows(store)) == 1


async def test_a_photo_that_nobody_asked_for_is_never_fetched(store, house):
    async with Telegram(house(store)) as telegram:
        telegram.emulator.assets["photo"] = {"data": picture()}
        door = TelegramDoor(telegram, "en")
        await door.message(photo=ONE)
        await onboard(door)
        await door.press(".skip")
        await door.message(photo=ONE, caption="my passport")
        assert "I can only read text and buttons" in door.heard[-1].text
        await door.message(document={"file_id": "photo", "file_unique_id": "u", "mime_type": "image/jpeg", "file_size": 9})
        assert "I can only read text and buttons" in door.heard[-1].text
        assert fetches(telegram) == []
        assert await rows(store) == []


@LIBRARIES
@pytest.mark.parametrize(
    ("data", "size", "sentence"),
    [
        (b"<svg/>", 6, "no photo that I can open"),
        (picture()[:300], 300, "damaged"),
        (bytes(600_000), 600_000, "too big"),
        (b"\xff\xd8\xff" + bytes(600_000), 5, "too big"),  # more comes than was said
        (None, 5, "could not get this photo"),
    ],
)
async def test_whoever_sends_what_cannot_be_kept_is_told_how_and_asked_again(data, size, sentence, library, sqlite_store, house):
    async with Telegram(house(sqlite_store), library) as telegram:
        if data:
            telegram.emulator.assets["photo"] = {"data": data}
        door = TelegramDoor(telegram, "en")
        await onboard(door)
        await door.message(photo=sizes(("photo", 800, size)))
        assert sentence in door.heard[-1].text
        assert "0.5" in door.heard[-1].text, "the remedy has a size"
        assert ".skip" in door.heard[-1].buttons, "and the question comes again"
        telegram.emulator.assets["good"] = {"data": picture()}
        await door.message(photo=sizes(("good", 800, 900)))
        assert len(await rows(sqlite_store)) == 1


@pytest.mark.parametrize("language", ["en", "de", "ar", "uk"])
async def test_the_question_and_its_thanks_are_said_in_four_languages(language, sqlite_store, house):
    home = house(sqlite_store)
    async with Telegram(home) as telegram:
        telegram.emulator.assets["photo"] = {"data": picture()}
        door = TelegramDoor(telegram, language)
        await door.say("/start")
        for code in (language, *ONBOARD[1:]):
            await door.press(code)
        await door.say("?")
        assert home.words.tr("common.not-a-photo", language, {"most": {"decimal": "0.5"}})[:30] in door.heard[-1].text
        await door.message(photo=ONE)
        assert home.words.tr("common.photo-kept", language) in door.heard[-1].text


async def test_where_no_file_can_be_sent_that_is_said_and_the_question_can_be_skipped(sqlite_store, house):
    async with TerminalDoor(house(sqlite_store), "en") as door:
        await onboard(door)
        assert "can't be sent here yet" in door.heard[-1].text
        await door.say("here it is")
        assert "can't be sent here yet" in door.heard[-1].text
        await door.press(".skip")
        assert "can't be sent here yet" not in door.heard[-1].text


async def test_the_web_chat_says_so_too(sqlite_store, house):
    async with Web(house(sqlite_store)) as web, Browser(web, "en") as door:
        await onboard(door)
        assert "can't be sent here yet" in door.heard[-1].text


async def test_another_photo_takes_the_place_of_the_first_and_a_withdrawal_takes_it_away(store, house):
    async with Telegram(house(store)) as telegram:
        telegram.emulator.assets |= {"photo": {"data": picture()}, "other": {"data": picture(colour="blue")}}
        door = TelegramDoor(telegram, "en")
        await onboard(door)
        await door.message(photo=ONE)
        (first,) = await rows(store)
        await door.press(".back")
        assert "a photo" in door.heard[-1].text
        await door.message(photo=sizes(("other", 800, 900)))
        (second,) = await rows(store)
        assert second.id != first.id
        await door.say("/stop")
        await door.press("profile")
        assert await rows(store) == []


def test_the_preview_shows_every_state_of_the_question(asking, words, programme):
    states = {each.state: each.text for each in screens_of(asking, words, programme, "newcomer", "en", date(2026, 11, 21)) if each.step == "newcomer.name"}
    assert "take one with your phone" in states["asked for the first time"]
    assert "a photo" in states["asked again, with an answer"]
    assert "can't be sent here yet" in states["where no file can be sent"]
    for fault, part in {"not-a-photo": "no photo that I can open", "too-big": "too big", "broken": "damaged", "gone": "from Telegram"}.items():
        assert part in states[f"what was sent is {fault}"]


async def test_a_photo_says_nobody_s_name(sent, store, asking):
    (letter,) = await waiting(store)
    await Fetcher(Shelf(picture()), sent.intake.handle).bring(letter)
    person = await sent.person(1)
    assert name_of(person, asking) == f"№ {person.number}"


class Shelf:
    """A channel that has one file, or is away."""

    def __init__(self, data=b"", error=None):
        self.data, self.error, self.asked = data, error, []

    async def fetch(self, reference, most):
        self.asked.append(reference)
        if self.error:
            raise self.error
        return self.data


@pytest.fixture
async def sent(store, asking, words, programme):
    """Somebody was asked for a photo, and sent it; then the process was killed."""
    world = World(store, asking, words, programme)
    await world.onboard(1)
    await world.intake.handle([world.update(1, Kind.FILE, "photo", argument="900")])
    world.letters.clear()
    return world


async def waiting(store):
    async with store.read() as unit:
        ids = await outbox.due(unit, {"telegram"})
        return [letter for letter in await outbox.read(unit, ids) if "fetch" in letter.content]


async def test_what_was_to_be_fetched_survives_a_kill_and_is_kept_once_however_often_it_is_brought(sent, store):
    (letter,) = await waiting(store)
    shelf = Shelf(picture())
    for _ in range(2):  # the second: killed after the commit, before the letter was marked
        await Fetcher(shelf, sent.intake.handle).bring(letter)
    assert shelf.asked == ["photo", "photo"]
    assert await sent.count(tables.files) == 1
    assert sent.letters[-1].content["parts"][0][0] == "common.photo-kept"


async def test_a_new_process_fetches_what_a_killed_one_left(sent, store, house):
    async with Telegram(house(store)) as telegram:
        telegram.emulator.assets["photo"] = {"data": picture()}
        await until(lambda: telegram.emulator.chats.get(1) and "Thank you, I have your photo" in telegram.emulator.chats[1][-1].text)
        assert len(fetches(telegram)) == 1
        assert len(await rows(store)) == 1


async def test_a_photo_that_takes_too_long_to_clean_is_refused_and_nobody_waits_for_it(sent, store, monkeypatch):
    (letter,) = await waiting(store)
    over = threading.Event()
    monkeypatch.setattr("bot.fetching.LONGEST_CLEANING", 0.01)
    monkeypatch.setattr("bot.pictures.clean", lambda data, most: over.wait(20))
    try:
        await Fetcher(Shelf(picture()), sent.intake.handle).bring(letter)
    finally:
        over.set()
    assert sent.letters[-1].content["parts"][0][0] == "common.photo-broken"


async def test_words_that_look_like_a_file_of_somebody_else_do_it_no_harm(sent, store):
    (letter,) = await waiting(store)
    await Fetcher(Shelf(picture()), sent.intake.handle).bring(letter)
    (file,) = await rows(store)
    await sent.onboard(2)
    await sent.command(2, "skip")
    for town in (str(file.id), "Rostock"):
        async with store.begin() as unit:
            person = (await sent.chat_in(unit, 2)).person_id
            await files.drop(unit, {(person, file.id)})
        await sent.text(2, town)
    assert len(await rows(store)) == 1


async def test_while_the_channel_or_the_database_is_away_it_waits_and_at_last_the_person_is_told(sent, store):
    (letter,) = await waiting(store)
    for reason in ("unreachable", "server", "limited"):
        with pytest.raises(SendError, match=reason):
            await Fetcher(Shelf(error=SendError(reason)), sent.intake.handle).bring(letter)

    async def away(_):
        raise StoreAway

    with pytest.raises(SendError, match="unreachable"):
        await Fetcher(Shelf(picture()), away).bring(letter)
    assert sent.letters == []
    tired = SimpleNamespace(id=letter.id, content=letter.content, address=letter.address, tries=4)
    await Fetcher(Shelf(error=SendError("unreachable")), sent.intake.handle).bring(tired)
    assert sent.letters[-1].content["parts"][0][0] == "common.photo-gone"


async def test_who_was_forgotten_meanwhile_stays_forgotten(sent, store):
    (letter,) = await waiting(store)
    async with store.begin() as unit:
        await erasure.of_person(unit, (await sent.chat_in(unit, 1)).person_id)
    await Fetcher(Shelf(picture()), sent.intake.handle).bring(letter)
    assert [await sent.count(table) for table in (tables.files, tables.chats, tables.people)] == [0, 0, 0]
    assert sent.letters == []


async def test_a_forgotten_person_leaves_no_file(sent, store):
    (letter,) = await waiting(store)
    await Fetcher(Shelf(picture()), sent.intake.handle).bring(letter)
    assert await sent.count(tables.files) == 1
    await sent.command(1, "forget")
    await sent.press(1, "yes")
    assert await sent.count(tables.files) == 0


async def test_a_photo_whose_question_was_skipped_meanwhile_is_not_kept(sent, store):
    (letter,) = await waiting(store)
    await sent.intake.handle([sent.update(1, Kind.COMMAND, "skip")])
    await Fetcher(Shelf(picture()), sent.intake.handle).bring(letter)
    assert await sent.count(tables.files) == 0
    assert sent.letters[-1].content["parts"][0][0] == "common.photo-late"


async def test_a_photo_is_not_kept_for_whoever_else_speaks_in_the_chat_by_now(sent, store):
    (letter,) = await waiting(store)
    other = SimpleNamespace(id=letter.id, content={"fetch": {**letter.content["fetch"], "person": "somebody-else"}}, address=letter.address, tries=0)
    await Fetcher(Shelf(picture()), sent.intake.handle).bring(other)
    assert await sent.count(tables.files) == 0


async def test_of_an_album_the_first_photo_counts(sent, store):
    await sent.intake.handle([sent.update(1, Kind.FILE, "second", argument="900")])
    first, second = await waiting(store)
    for letter in (first, second):
        await Fetcher(Shelf(picture()), sent.intake.handle).bring(letter)
    assert await sent.count(tables.files) == 1


async def test_a_backup_holds_the_photo(sent, store, tmp_path):
    (letter,) = await waiting(store)
    await Fetcher(Shelf(picture()), sent.intake.handle).bring(letter)
    assert (await backup.save(store, tmp_path / "b.gz"))["files"] == 1


class Refusing:
    """A driver that names any path."""

    def __init__(self, path):
        self.path, self.asked = path, []

    async def call(self, method, parameters):
        return {"file_path": self.path}

    async def download(self, path, most):
        self.asked.append(path)
        return b""


@pytest.mark.parametrize("path", [None, "", "/var/lib/secret", "../../bot4242:x/getMe", "http://elsewhere.example/x", "a?b", "a\nb", "a" * 400])
async def test_a_path_that_leads_elsewhere_is_not_followed(path):
    driver = Refusing(path)
    with pytest.raises(SendError, match="bad-request"):
        await TelegramBot(driver, "42").fetch("f", 100)
    assert driver.asked == []


def test_of_the_sizes_of_a_photo_the_largest_that_fits_is_taken():
    named = sizes(("s", 90, 900), ("l", 2000, 9_000_000), ("xl", 4000, 11_000_000))
    message = {"message_id": 1, "date": 1, "chat": {"id": 5, "type": "private"}, "from": {"id": 5, "is_bot": False}, "photo": named}
    incoming = read_update({"update_id": 1, "message": message}, "42")
    assert (incoming.kind, incoming.value, incoming.argument) == (Kind.FILE, "l", "9000000")
    for odd in ([], [{}], [{"file_id": 7, "width": 1, "height": 1}]):
        told = read_update({"update_id": 1, "message": {**message, "photo": odd}}, "42")
        assert told.kind in {Kind.UNREADABLE, Kind.POISON}


@pytest.mark.parametrize(
    "change",
    [{"purpose": None}, {"class": "profile"}, {"types": []}, {"types": ["pdf"]}, {"most": 10_001}, {"most": 0}, {"required": True}, {"ask": "text"}],
)
def test_a_file_question_that_makes_no_sense_is_refused(change):
    with pytest.raises(ValueError, match=r"file|types"):
        Dialog.model_validate({"dialog": "d", "steps": [{**PHOTO, **change}]})


def test_an_organisation_is_asked_for_no_file():
    with pytest.raises(ValueError, match="person's own"):
        Dialog.model_validate({"dialog": "d", "of": "organisation", "steps": [PHOTO]})


async def test_nothing_of_a_photo_and_no_token_stands_in_the_log(sent, store):
    (letter,) = await waiting(store)
    await Fetcher(Shelf(located()), sent.intake.handle).bring(letter)
    logged = LOG.read_text("utf-8", "replace")
    assert not [each for each in ("CANARYPHONE", "CANARYREMARK", "file/bot4242") if each in logged]
