"""A person at the web chat: a real browser, at a real Frontdoor in a process of its own."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from conftest import ROOT
from sqlalchemy import select

from bot.sources import SENTENCES
from dialogs.asking import short
from storage import tables
from storage.crypto import read_keys
from storage.people import get
from storage.store import Store

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update
    --disable-sync""".split()
PHONE = {"width": 360, "height": 640}
PATIENCE = 20_000  # ms for one reply, on a machine that runs other tests too
SHOTS = os.environ.get("SHOTS")  # a folder: pictures for looking at
PIECES = re.compile(r"\{[a-z_]+\}|\n|/[a-z]+")  # where invisible marks may stand in what is shown

ENTRIES = {sentence: short(code) for code, sentence in SENTENCES.items()}  # occupations.welder -> its button


def find_browser() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def until(true, seconds=PATIENCE / 1000):
    """Wait for a condition, not for a time."""
    end = time.monotonic() + seconds
    while not (result := true()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return result


class Frontdoor:
    """`frontdoor run` on SQLite, in an empty folder; it may be killed and started again at the same address."""

    def __init__(self, folder: Path, *, limits: str = "off") -> None:
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{free.getsockname()[1]}"
        self.folder, self.url, self.log = folder, f"http://{self.host}", folder / "log"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("FRONTDOOR_")} | {
            "PYTHONPATH": str(ROOT),
            "FRONTDOOR_DATA_DIR": str(folder),
            "FRONTDOOR_PROGRAMME": str(ROOT / "programme.yaml"),
            "FRONTDOOR_HTTP": self.host,
            "FRONTDOOR_TELEGRAM_API": "http://127.0.0.1:9",  # nobody: limits may only be off when it is not the real one
            "FRONTDOOR_LIMITS": limits,
        }

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "bot", "run"]
            self.process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self._is_ready, 60)

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text("utf-8", "replace")
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)

    def make_idle(self, seconds: int) -> None:
        """As if nobody had written for so long."""
        with closing(sqlite3.connect(self.folder / "frontdoor.db", timeout=20)) as database, database:
            kind = database.execute("SELECT typeof(heard_at) FROM chats").fetchone()[0]
            assert kind in {"text", "integer", "real"}
            back = f"strftime('%Y-%m-%d %H:%M:%f000', heard_at, '-{seconds} seconds')" if kind == "text" else f"heard_at - {seconds}"
            database.execute(f"UPDATE chats SET heard_at = {back}")

    def people(self) -> list[dict[str, str]]:
        """What is kept of each: question -> answer, as words."""
        with ThreadPoolExecutor(1) as aside:  # playwright's own loop runs in this thread
            return aside.submit(asyncio.run, self._people()).result()

    async def _people(self):
        store = Store.at(f"sqlite:///{self.folder / 'frontdoor.db'}", read_keys(self.folder / "keys"))
        try:
            async with store.read() as unit:
                ids = (await unit.connection.execute(select(tables.people.c.id))).scalars().all()
                people = [await get(unit, each) for each in ids]
        finally:
            await store.close()
        return [
            {
                "finished": "yes" if person.finished_at else "no",
                **{row.purpose: row.verdict for row in person.consents},
                **{".".join(filter(None, key)): str(row.content.get("words") or row.content.get("value") or row.kind) for key, row in person.answers.items()},
            }
            for person in people
        ]

    def updates(self) -> int:
        """How many were taken in, over all chats."""
        with closing(sqlite3.connect(self.folder / "frontdoor.db", timeout=20)) as database:
            return database.execute("SELECT count(*) FROM updates").fetchone()[0]

    def waiting(self) -> int:
        """Letters that no page has confirmed yet, of the newest chat: after a reload they would be shown again."""
        with closing(sqlite3.connect(self.folder / "frontdoor.db", timeout=20)) as database:
            return database.execute("SELECT count(*) FROM outbox WHERE chat_id = (SELECT max(id) FROM chats)").fetchone()[0]


class Guest:
    """Somebody with a page open. Everything the browser complains of, and everybody it asked, is remembered."""

    def __init__(self, browser, frontdoor: Frontdoor, words, language: str, *, viewport=PHONE, dark: bool = False, touch: bool = True, **more) -> None:
        self.frontdoor, self.words, self.language = frontdoor, words, language
        self.context = browser.new_context(
            viewport=viewport, has_touch=touch, is_mobile=touch, color_scheme="dark" if dark else "light", locale=language, reduced_motion="reduce", **more
        )
        self.context.set_default_timeout(PATIENCE)
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.context.on("request", lambda request: self.hosts.add(request.url.split("/")[2] if request.url.startswith("http") else request.url[:5]))
        self.page = self.new_page()

    def new_page(self):
        page = self.context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text) if message.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def come(self, path: str = "") -> Guest:
        self.page.goto(f"{self.frontdoor.url}/chat{path or '?lang=' + self.language}")
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()

    # ---- looking ----

    @property
    def newest(self):
        return self.page.locator("#log > article").last

    @property
    def own(self):
        return self.page.locator(".me")

    @property
    def line(self):
        return self.page.locator("#line")

    def says(self, sentence: str) -> str:
        """A piece of the sentence that stands on the page as it is: no filled-in fact, no invisible mark."""
        text = self.words.catalogue(self.language).texts.get(sentence) or self.words.catalogue("en").texts[sentence]
        return max((piece.strip() for piece in PIECES.split(text if isinstance(text, str) else text[-1])), key=len)

    def hears(self, sentence: str) -> None:
        self.page.locator("#log > article:last-of-type .words", has_text=self.says(sentence)).wait_for()

    def states(self) -> list[str]:
        """Of each own message: sending, waiting, saved, refused."""
        return [each.split()[-1] for each in self.page.eval_on_selector_all(".me .state", "all => all.map(each => each.className)")]

    def shoot(self, name: str) -> None:
        if SHOTS:
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{SHOTS}/{name}.png")

    # ---- doing ----

    def button(self, code: str):
        return self.newest.locator(f'button[value$=":{code}"]')

    def press(self, code: str) -> None:
        self.button(code).click()

    def write(self, text: str) -> None:
        self.page.locator("#text").fill(text)
        self.page.locator(".send").click()

    def agrees(self) -> None:
        """From hello to the first question of a newcomer."""
        self.hears("welcome.language")
        self.press(self.language)
        self.hears("join.age")
        self.press("yes")
        self.hears("join.keep")
        self.press("yes")
        self.hears("join.news")
        self.press("no")
        self.hears("join.role")
        self.press("newcomer")
        self.hears("newcomer.name")

    def answers(self, name: str, town: str = "Rostock", work: str = "Schweißerin", look=lambda _: None) -> None:
        """The eight questions, up to the summary. `look` is called where something is to be seen."""
        self.write(name)
        self.hears("newcomer.town")
        self.write(town)
        self.hears("newcomer.languages.language")
        look("languages")
        self.press("uk")
        self.hears("newcomer.languages.level")
        self.press("first")
        self.hears("newcomer.languages.another")
        self.press(".enough")
        self.hears("newcomer.wants")
        self.press("job")
        self.press("training")
        self.newest.locator(".state.saved").wait_for()
        look("choices")
        self.press(".done")
        self.hears("newcomer.can.what")
        self.write(work)
        self.hears("common.closest")
        look("closest")
        self.press(ENTRIES["occupations.welder"])
        self.hears("newcomer.can.how-well")
        self.press("alone")
        self.hears("newcomer.can.how-long")
        self.press("to-10")
        self.hears("newcomer.can.last-time")
        self.press("now")
        self.hears("newcomer.can.another")
        self.press(".enough")
        self.hears("newcomer.reach")
        self.press("here")
        self.hears("newcomer.times")
        self.press(".decline")
        self.hears("newcomer.more")
        self.press(".skip")
        self.hears("newcomer.summary")
        look("summary")
