"""The command line as an operator meets it: real processes, real files, and one sentence for whatever can be mended."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request

import pytest
from conftest import CANARIES, ROOT

from storage.schema import HEAD

FRONTDOOR = [sys.executable, "-m", "bot"]


@pytest.fixture
def home(tmp_path):
    """A place of one's own: no settings but those that a test gives."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FRONTDOOR_")}
    environment |= {
        "FRONTDOOR_DATA_DIR": str(tmp_path / "var"),
        "FRONTDOOR_PROGRAMME": str(ROOT / "programme.yaml"),
        "FRONTDOOR_SEMANTIC": "off",
        "FRONTDOOR_DETECTION": "off",
        "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8",
    }

    def run(*arguments, stdin="", wait=60, **settings):
        return subprocess.run(
            [*FRONTDOOR, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=wait,
            cwd=tmp_path,
            check=False,
            env=environment | {f"FRONTDOOR_{key}": value for key, value in settings.items()},
        )

    run.environment, run.folder = environment, tmp_path
    return run


def refused(done, *words):
    """Exit code 2, one sentence or a few, no traceback, each word in it."""
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    return True


def test_the_terminal_chat_talks_remembers_and_goes_on_after_a_restart(home):
    first = home("chat", stdin="hello\nEnglish\nYes, 16 or older\nyes\nno\n#1\nOlena\n")
    assert first.returncode == 0, first.stderr
    assert "What shall we call you?" in first.stdout
    assert "In which town" in first.stdout
    second = home("chat", stdin="Rostock\n/mydata\n")
    assert "Which language do you speak?" in second.stdout
    assert "Rostock" in second.stdout.rpartition("This is everything")[2]


def test_check_finds_nothing_to_complain_about(home):
    done = home("check")
    assert (done.returncode, done.stdout[:11]) == (0, "All is well")


def test_doctor_says_what_is_set_and_missing_and_shows_no_secret(home):
    before = home("doctor")
    assert before.returncode == 0
    assert "no token" in before.stdout
    home("chat", stdin="hello\n")
    after = home("doctor", TELEGRAM_TOKEN=CANARIES["token"], DATABASE_URL="")
    assert f"schema {HEAD}" in after.stdout
    assert CANARIES["token"] not in after.stdout
    for name in ("TELEGRAM_TOKEN", "DATABASE_URL", "KEY_FILE", "DATA_DIR", "PROGRAMME", "HTTP", "LOG_LEVEL", "LIMITS"):
        assert name in after.stdout


def test_backup_and_restore_bring_everything_back_and_overwrite_nothing(home):
    home("chat", stdin="hello\nEnglish\nYes, 16 or older\nyes\nno\n#1\nOlena\n")
    assert home("backup", "b.gz").returncode == 0
    assert refused(home("backup", "b.gz"), "exists already")
    assert refused(home("restore", "b.gz"), "not empty")
    database = home.folder / "var" / "frontdoor.db"
    for path in database.parent.glob("frontdoor.db*"):
        path.unlink()
    assert home("restore", "b.gz").returncode == 0
    assert "Olena" in home("chat", stdin="/mydata\n").stdout


def test_help_is_there(home):
    done = home("--help")
    assert done.returncode == 0
    for command in ("run", "chat", "check", "doctor", "backup", "restore"):
        assert command in done.stdout


def test_a_new_installation_gets_a_key_file_of_its_own_and_is_told_to_copy_it(home):
    done = home("chat", stdin="")
    assert "Copy that file" in done.stderr
    assert (home.folder / "var" / "keys").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"LOG_LEVEL": "LOUD"}, ["FRONTDOOR_LOG_LEVEL"]),
        ({"HTTP": "here"}, ["FRONTDOOR_HTTP", "host:port"]),
        ({"PROGRAMME": "nowhere.yaml"}, ["nowhere.yaml", "FRONTDOOR_PROGRAMME"]),
        ({"DATABASE_URL": "oracle://x/y"}, ["FRONTDOOR_DATABASE_URL", "oracle"]),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, ["can't be reached", "FRONTDOOR_DATABASE_URL"]),
        ({"KEY_FILE": "/dev/null"}, ["FRONTDOOR_KEY_FILE"]),
        ({"LIMITS": "off"}, ["FRONTDOOR_LIMITS", "emulator"]),
        ({"PUBLIC_URL": "https://bot.frontdoor.example", "TELEGRAM_TOKEN": "42:abc"}, ["FRONTDOOR_PUBLIC_URL", "FRONTDOOR_WEBHOOK_SECRET"]),
        ({"PUBLIC_URL": "https://bot.frontdoor.example", "TELEGRAM_TOKEN": "42:abc", "WEBHOOK_SECRET": "a b"}, ["FRONTDOOR_WEBHOOK_SECRET"]),
        ({"PUBLIC_URL": "bot.frontdoor.example"}, ["FRONTDOOR_PUBLIC_URL", "https://"]),
        ({"PUBLIC_URL": "https://bot.frontdoor.example", "WEBHOOK_SECRET": "abc", "TELEGRAM_TOKEN": "42:abc", "HTTP": "off"}, ["FRONTDOOR_HTTP"]),
        ({"TELEGRAM_API": "localhost:8081"}, ["FRONTDOOR_TELEGRAM_API", "https://"]),
        ({"TELEGRAMTOKEN": "x"}, ["FRONTDOOR_TELEGRAMTOKEN", "no setting"]),
        ({"DATABASE_URL": "postgresql://u@h:port/x"}, ["FRONTDOOR_DATABASE_URL"]),
        ({"HTTP": "off"}, ["FRONTDOOR_TELEGRAM_TOKEN", "FRONTDOOR_HTTP"]),
        ({"TELEGRAM_TOKEN": "not a token", "HTTP": "off"}, ["FRONTDOOR_TELEGRAM_TOKEN", "@BotFather"]),
    ],
)
def test_a_wrong_setting_is_one_sentence_with_its_name(home, settings, words):
    assert refused(home("run", **settings), *words)


def test_an_unknown_setting_in_the_env_file_is_named(home):
    (home.folder / ".env").write_text("FRONTDOOR_TELEGRAMTOKEN=x\n")
    assert refused(home("check"), "FRONTDOOR_TELEGRAMTOKEN", "no setting")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("zone: Europe/Rostock\n", ["programme.yaml:", "zone", "Europe/Rostock"]),
        ("name: X\nname: Y\n", ["written twice"]),
        ("colour: red\n", ["colour", "not known"]),
        ("languages: [en, tlh]\n", ["tlh", "folder"]),
    ],
)
def test_a_wrong_programme_is_named_with_its_line(home, line, words):
    key = line.partition(":")[0]
    kept = [each for each in (ROOT / "programme.yaml").read_text().splitlines() if not each.startswith(f"{key}:")]
    (home.folder / "programme.yaml").write_text("\n".join([*kept, line]))
    assert refused(home("chat", PROGRAMME=str(home.folder / "programme.yaml")), *words)


def test_a_newer_database_is_refused_and_left_as_it_is(home):
    home("chat", stdin="hello\n")
    with sqlite3.connect(home.folder / "var" / "frontdoor.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    assert refused(home("chat"), "newer than this code")


def test_a_lost_key_file_is_not_replaced_by_a_new_one(home):
    home("chat", stdin="hello\n")
    (home.folder / "var" / "keys").unlink()
    assert refused(home("chat"), "missing", "Put your copy back")
    assert not (home.folder / "var" / "keys").exists()


def test_a_port_in_use_is_named(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert refused(home("run", HTTP=address, TELEGRAM_TOKEN=CANARIES["token"], TELEGRAM_API="http://127.0.0.1:1"), "FRONTDOOR_HTTP", address)


def test_a_token_that_telegram_refuses_is_named_and_not_repeated(home, tmp_path):
    server = subprocess.Popen([sys.executable, "-c", REFUSING], stdout=subprocess.PIPE, text=True)
    try:
        done = home("run", HTTP="off", TELEGRAM_TOKEN=CANARIES["token"], TELEGRAM_API=server.stdout.readline().strip())
        assert refused(done, "FRONTDOOR_TELEGRAM_TOKEN", "refuses")
        assert CANARIES["token"] not in done.stderr
    finally:
        server.kill()
        server.communicate()


REFUSING = """
import http.server, json
class Api(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.dumps({"ok": False, "error_code": 401, "description": "Unauthorized"}).encode()
        self.send_response(401); self.send_header("Content-Type", "application/json"); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Api)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""


def test_telegram_away_at_the_start_is_waited_for_and_a_stop_is_heard(home):
    settings = {"FRONTDOOR_HTTP": "off", "FRONTDOOR_TELEGRAM_TOKEN": CANARIES["token"], "FRONTDOOR_TELEGRAM_API": "http://127.0.0.1:1"}
    bot = subprocess.Popen([*FRONTDOOR, "run"], cwd=home.folder, env=home.environment | settings, stderr=subprocess.PIPE, text=True)
    try:
        for line in bot.stderr:
            assert "Traceback" not in line
            if "trying again" in line:
                break
        bot.send_signal(signal.SIGTERM)
        assert bot.wait(timeout=8) == 0
    finally:
        bot.kill()
        assert CANARIES["token"] not in bot.communicate()[1]


def test_a_fault_of_our_own_is_told_without_quoting_anything(home):
    code = f"import bot.__main__ as m\ndef broken(): raise ValueError({CANARIES['name']!r})\nm.cli = broken\nm.main()"
    done = subprocess.run([sys.executable, "-c", code], env=home.environment, cwd=home.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ValueError" in done.stderr
    assert "in broken" in done.stderr
    assert CANARIES["name"] not in done.stderr


def test_doctor_sees_that_the_key_file_of_a_database_is_lost(home):
    home("chat", stdin="hello\n")
    (home.folder / "var" / "keys").unlink()
    done = home("doctor")
    assert done.returncode == 1
    assert "Put your copy back" in done.stdout


def test_an_address_that_leads_to_no_database_is_one_sentence(home):
    (home.folder / "letter.txt").write_text("Dear Sir or Madam, " * 500)
    assert refused(home("chat", DATABASE_URL=f"sqlite:///{home.folder}/letter.txt"), "no database of ours")
    assert refused(home("chat", DATA_DIR="/dev/null/var"), "FRONTDOOR_DATA_DIR")


EMULATOR = """
import asyncio, sys
from aiohttp import web
from lo_bot_api_emulator import LoBotApiEmulator
async def main():
    runner = web.AppRunner(LoBotApiEmulator(enable_control=True, journal=sys.argv[1]).app(), access_log=None); await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0); await site.start()
    print(f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def test_a_running_bot_is_alive_ready_answers_telegram_and_ends_within_eight_seconds(home):
    journal = home.folder / "journal"
    emulator = subprocess.Popen([sys.executable, "-c", EMULATOR, str(journal)], stdout=subprocess.PIPE, text=True)
    api = emulator.stdout.readline().strip()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    settings = {"FRONTDOOR_HTTP": address, "FRONTDOOR_TELEGRAM_TOKEN": CANARIES["token"], "FRONTDOOR_TELEGRAM_API": api, "FRONTDOOR_LOG_LEVEL": "DEBUG"}
    bot = subprocess.Popen([*FRONTDOOR, "run"], cwd=home.folder, env=home.environment | settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: get(f"http://{address}/readyz") == (200, "ready\n"))
        assert get(f"http://{address}/healthz") == (200, "alive\n")
        user = {"id": 5, "is_bot": False, "first_name": CANARIES["name"], "language_code": "de"}
        post(
            f"{api}/__fixture/updates",
            {
                "token": CANARIES["token"],
                "update": {"message": {"message_id": 1, "date": 1795000000, "from": user, "chat": {"id": 5, "type": "private"}, "text": CANARIES["text"]}},
            },
        )
        wait_for(lambda: '"sendMessage"' in journal.read_text())
        begun = time.monotonic()
        bot.send_signal(signal.SIGTERM)
        bot.wait(timeout=8)
        assert time.monotonic() - begun < 8
    finally:
        bot.kill()
        output, log = bot.communicate()
        emulator.kill()
        emulator.communicate()
    assert bot.returncode == 0, log
    for canary in CANARIES.values():
        assert canary not in output + log
    with sqlite3.connect(home.folder / "var" / "frontdoor.db") as database:
        assert database.execute("SELECT count(*) FROM chats").fetchone() == (1,)
        assert database.execute("SELECT count(*) FROM outbox").fetchone() == (0,)


def wait_for(true, seconds=30):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except OSError:
        return None


def post(url, data):
    request = urllib.request.Request(url, json.dumps(data).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)
