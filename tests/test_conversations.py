"""Every transcript in tests/conversations/ holds in each of its languages, at every door, with every line sent twice."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest
from conftest import ROOT, SHARED, TRUST, until
from doors import Browser, Telegram, TelegramDoor, TerminalDoor, Web
from sqlalchemy import func, select

from bot.app import House, furnish, refurnish
from bot.channels import telegram_aiogram, telegram_ptb
from bot.effects.staff import invite
from bot.forms import import_form
from bot.settings import Settings
from bot.sources import SENTENCES
from dialogs.asking import short
from dialogs.files import read_yaml
from dialogs.xlsform import Wishes
from storage import answers, submissions, tables
from storage.answers import ORGANISATIONS
from storage.people import get
from storage.store import Store

TRANSCRIPTS = {path.stem: read_yaml(path)[0] for path in sorted((Path(__file__).parent / "conversations").glob("*.yaml"))}


# `make trust` runs every transcript in every language at every place. `make test` takes all languages at the first place only, SQLite, and at
# each other one every transcript in one language, dealt out in turn: so every place meets every transcript and every language.
PLACES = [
    ("terminal", "sqlite"),
    ("terminal", "postgres"),
    ("http", "aiogram"),
    ("http", "ptb"),
    ("web", "browser"),
    ("webhook", "aiogram"),
    ("webhook", "ptb"),
]
TOGETHER = [("several doors", "sqlite"), ("several doors", "postgres")]


def deal(door):
    """(place, transcript, language) for a test of this door: those of `make test`, and marked in `make trust` the rest."""
    runs, places = [], TOGETHER if (door, "sqlite") in TOGETHER else PLACES
    chosen = {name: script for name, script in TRANSCRIPTS.items() if ("doors" in script) is (places is TOGETHER)}
    for turn, place in [(turn, place) for turn, (at, place) in enumerate(places) if at == door]:
        for number, (name, script) in enumerate(chosen.items()):
            languages = script["languages"]
            dealt = languages if turn == 0 else [languages[(number + turn) % len(languages)]]
            runs += [
                pytest.param(place, script, language, id=f"{place}-{name}-{language}", marks=() if language in dealt else pytest.mark.trust)
                for language in (languages if TRUST else dealt)
            ]
    return runs


ENTRIES = {sentence: short(code) for code, sentence in SENTENCES.items()}  # how a transcript calls an entry's button: occupations.welder
LIBRARIES = {"aiogram": telegram_aiogram.Driver, "ptb": telegram_ptb.Driver}
FORMS = Path(__file__).parent / "forms"


@pytest.fixture
def house(scripts, words, programme, tmp_path, request):
    """The same house for everybody in a test; with the forms of its transcript, if it has any."""
    built = {}

    def build(store: Store) -> House:
        forms = request.node.callspec.params["script"].get("forms", ())
        if store not in built:
            built[store] = with_forms(store, forms, tmp_path) if forms else House(Settings(_env_file=None), programme, scripts, words, store)
        return built[store]

    return build


def with_forms(store, forms, folder) -> House:
    settings = Settings(_env_file=None, data_dir=folder / "data", programme=ROOT / "programme.yaml")
    for name in forms:
        import_form(settings, FORMS / name, Wishes())
    return House(settings, *furnish(settings), store)


@pytest.mark.parametrize(("database", "script", "language"), deal("terminal"), indirect=["database"])
async def test_a_conversation_holds_in_the_terminal(script, language, store, house):
    async with TerminalDoor(house(store), language) as door:
        await talk(script, language, door, house(store))
    await check_what_it_leaves(script, language, store, "terminal")


@pytest.mark.parametrize(("library", "script", "language"), deal("http"))
async def test_a_conversation_holds_over_real_http(library, script, language, sqlite_store, house):
    async with Telegram(house(sqlite_store), LIBRARIES[library]) as telegram:
        await talk(script, language, TelegramDoor(telegram, language), house(sqlite_store))
        assert telegram.emulator.violations == []
        assert all(request["status"] == 200 for request in telegram.emulator.requests)
    await check_what_it_leaves(script, language, sqlite_store, "telegram")


@pytest.mark.parametrize(("door", "script", "language"), deal("web"))
async def test_a_conversation_holds_in_the_web_chat(door, script, language, sqlite_store, house):
    async with Web(house(sqlite_store)) as web, Browser(web, language) as browser:
        await talk(script, language, browser, house(sqlite_store))
    await check_what_it_leaves(script, language, sqlite_store, "web")


@pytest.mark.parametrize(("database", "script", "language"), deal("several doors"), indirect=["database"])
async def test_a_conversation_holds_over_several_doors(script, language, store, house):
    async with Telegram(house(store)) as telegram, Web(house(store)) as web, Browser(web, language) as browser:
        web.also.append(telegram.delivery.take)
        telegram.also.append(web.boxes.take)
        await talk(script, language, {"web": browser, "telegram": TelegramDoor(telegram, language)}, house(store))
        assert telegram.emulator.violations == []
        await browser.read_everything()
    await check_what_it_leaves(script, language, store, "telegram")


@pytest.mark.parametrize(("door", "place"), [*PLACES, *TOGETHER])
def test_every_place_meets_every_transcript_and_every_language(door, place):
    """In `make test`. When a new transcript misses this, the order of PLACES is another deal."""
    dealt = [param.values for param in deal(door) if not param.marks and param.values[0] == place]
    there = [script for script in TRANSCRIPTS.values() if ("doors" in script) is ((door, place) in TOGETHER)]
    assert [script for script in there if not any(each is script for _, each, _ in dealt)] == []
    assert {language for _, _, language in dealt} == {language for script in there for language in script["languages"]}


def test_outgoing_requests_are_held_against_the_bot_api():
    """Not a promise by itself: says aloud when the description is not there to hold them against."""
    if not (SHARED / "data" / "botapi").exists():
        pytest.skip("../shared/data/botapi is absent: requests were not checked against the Bot API's description")


async def talk(script, language, doors, house):
    """`doors`: one, or channel -> door where the transcript is of several."""
    now, door, remembered = language, doors, ""
    for number, line in enumerate(script["talk"], 1):
        where = f"line {number}: {line}"
        heard = 0 if isinstance(door, dict) else len(door.heard)
        match line:
            case {"at": channel} if isinstance(doors, dict):
                door = doors[channel]
                await until(lambda door=door: door.is_quiet())
                continue
            case {"at": channel} if channel != door.channel:
                continue
            case {"remember": pattern}:  # what the bot said, to be said later
                remembered = next(match[0] for each in reversed(door.heard) if (match := re.search(pattern, each.text)))
                continue
            case {"invite": rank}:  # as `frontdoor staff invite` does
                async with house.store.begin() as unit:
                    _, remembered = await invite(unit, "Anna Example", rank)
                continue
            case {"import": name}:  # while somebody is in the middle of it
                import_form(house.settings, FORMS / name, Wishes())
                await refurnish(house)
                continue
            case {"you": text}:
                text = text.get(language, text.get("en")) if isinstance(text, dict) else text
                await door.say(text.replace("$remembered", remembered))
            case {"type": sentence}:  # the label of a button, typed instead of pressed
                await door.say(house.words.tr(sentence, now))
            case {"press": code}:
                await door.press(chosen(door) if code == "$other" else ENTRIES.get(code) or code.replace("$language", language))
            case {"press-old": code}:
                old = next(each for each in door.heard if code in each.buttons)
                if door.channel == "terminal":
                    continue  # it has no old buttons
                await door.press(code, old)
            case {"send": kind}:
                if kind == "own-contact":
                    await door.message(contact={**UNREADABLE["contact"]["contact"], "phone_number": "493814980", "user_id": door.id})
                elif door.channel == "telegram":
                    await door.message(**UNREADABLE[kind])
                else:
                    await door.say("/nonsense")
            case {"language": code}:
                now = code.replace("$language", language)
                continue
            case {"bot": sentences}:
                hears(house, now, door.heard[-1], sentences, where)
                continue
            case {"bot-before": sentences}:
                hears(house, now, door.heard[-2], sentences, where)
                continue
            case {"buttons": codes}:
                assert list(door.heard[-1].buttons) == codes.replace("$other", chosen(door) if "$other" in codes else "").split(), where
                continue
            case {"picture": there}:
                assert bool(door.heard[-1].picture) is (there == "yes"), where
                continue
            case {"file-holds": words}:
                document = next(each.document for each in reversed(door.heard) if each.document)
                assert all(word in document for word in words), where
                continue
            case _:
                raise ValueError(where)
        assert len(door.heard) > heard or door.channel == "telegram", f"{where}: silence"


def chosen(door):
    """The first button of a list whose codes nobody knows before."""
    return next(code for code in door.heard[-1].buttons if not code.startswith("."))


UNREADABLE = {
    "sticker": {"sticker": {"file_id": "f", "file_unique_id": "u", "type": "regular", "width": 1, "height": 1, "is_animated": False, "is_video": False}},
    "voice": {"voice": {"file_id": "f", "file_unique_id": "u", "duration": 1}},
    "photo": {"photo": [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}], "caption": "my passport"},
    "contact": {"contact": {"phone_number": "+49 381 55512345", "first_name": "Somebody Else"}},
}


PLAIN = {**dict.fromkeys(map(ord, "\u2068\u2069\u200e\u200f")), **{ord(digit): str(at % 10) for at, digit in enumerate("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹")}}


def hears(house, language, heard, sentences, where):
    """The sentences stand in the message, in this order; what is filled in may be anything."""
    at = 0
    plain = heard.text.translate(PLAIN)
    for sentence in [sentences] if isinstance(sentences, str) else sentences:
        text = house.words.catalogue(language).texts.get(sentence) or house.words.catalogue("en").texts[sentence]
        template = text if isinstance(text, str) else text[-1]
        pattern = (
            re.sub(r"\\\{[A-Za-z0-9_\\-]+\\\}", ".+?", re.escape(template))
            if isinstance(text, str)
            else "|".join(re.sub(r"\\\{[a-z_\\-]+\\\}", ".+?", re.escape(each)) for each in text)
        )
        found = re.compile(pattern, re.DOTALL).search(plain, at)
        assert found, f"{where}: {sentence} ({template!r}) is not in {plain[at:]!r}"
        at = found.end()


async def check_what_it_leaves(script, language, store, channel):
    leaves = script["leaves"]
    async with store.read() as unit:

        async def count(table):
            return (await unit.connection.execute(select(func.count()).select_from(table))).scalar()

        assert await count(tables.outbox) == 0
        assert await count(tables.quarantine) == 0
        assert await count(tables.people) == int(leaves["people"])
        if "chats" in leaves:
            assert await count(tables.chats) == int(leaves["chats"])
        ids = (await unit.connection.execute(select(tables.people.c.id))).scalars().all()
        verdicts, told = set(), defaultdict(set)
        for person in [await get(unit, each) for each in ids]:
            verdicts.add(frozenset({row.purpose: row.verdict for row in person.consents}.items()))
            told_by(person.answers, told)
        organisations = (await unit.connection.execute(select(tables.organisations.c.id))).scalars().all()
        assert len(organisations) == int(leaves.get("organisations", 0))
        for each in (await answers.read(unit, ORGANISATIONS, organisations)).values():
            told_by(each, told)
        assert verdicts == ({frozenset(leaves.get("consents", {}).items())} if ids else set())
        wanted = {
            key: (value.get(language, value.get("en")) if isinstance(value, dict) else value.replace("$language", language))
            for key, value in leaves.get("answers", {}).items()
        }
        assert {question: " | ".join(sorted(values)) for question, values in told.items()} == wanted
        forms = await submissions.counted(unit)
        handed_in = [each for form in forms for each in await submissions.of_form(unit, form)]
        assert [whole(each, language) for each in handed_in] == [expected(each, language) for each in leaves.get("submissions", ())]


def whole(submission, language):
    """What was handed in, as a transcript writes it; values alone where there are no rounds in the rounds."""
    record = submission.filled
    rounds = {name: [each["values"] for each in there] for name, there in record["rounds"].items()}
    aside = {"aside": record["aside"]} if "aside" in record else {}
    return {"language": submission.language, "values": record["values"], "rounds": rounds, **aside}


def expected(written, language):
    return {"rounds": {}, **written, "language": written["language"].replace("$language", language)}


def told_by(rows, told):
    """Question and round -> every answer to it, of people and of organisations."""
    for key, row in rows.items():
        said = SENTENCES.get(row.code) or row.content.get("words") or row.content.get("value", "")
        told[".".join(filter(None, key))].add(f"{row.kind}:{said}".removeprefix("given:"))
