"""We and our peers in one run: the same people, real HTTP, turn about. Writes REPORT.md and report.svg.

    python benchmarks/run.py [--seconds 10] [--rounds 3] [--only NAME ...] [--quick]

A run with --quick or --only prints its report and leaves the files alone.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import report

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TOKEN = "4242:measured-here-and-never-anywhere-else"
BASE = "aiogram"
LAST_WORDS = 20  # seconds that a bot has to end after SIGTERM
IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")


@dataclass(frozen=True)
class Bot:
    title: str
    module: str
    keeps: str  # of the answers, when the process is killed
    arguments: tuple[str, ...] = ()
    rows: tuple[str, str] | None = None  # a database and the column that tells people apart, where answers can be counted


BOTS = {
    "aiogram": Bot("aiogram, FSM in memory", "peers.aiogram_fsm", "nothing"),
    "aiogram-dialog": Bot("aiogram-dialog, in memory", "peers.aiogram_dialogs", "nothing"),
    "ptb": Bot("python-telegram-bot, in memory", "peers.ptb", "nothing"),
    "ptb-pickle": Bot("python-telegram-bot, PicklePersistence", "peers.ptb", "the last write, if it was finished", ("pickle",)),
    "bare": Bot("the limit: a bare loop with SQLite", "peers.bare", "every confirmed answer", (), ("limit.db", "chat")),
    "frontdoor": Bot("**Frontdoor** with aiogram", "peers.frontdoor", "every confirmed answer", (), ("frontdoor.db", "person_id")),
    "frontdoor-ptb": Bot("**Frontdoor** with python-telegram-bot", "peers.frontdoor", "every confirmed answer", ("ptb",), ("frontdoor.db", "person_id")),
}


@dataclass
class Window:
    """One bot, one mode, one round."""

    rate: float  # answers a second
    p50: float  # seconds
    p99: float
    cpu: float  # the bot's CPU seconds per answer
    rss: int  # bytes
    town: float  # the town's own use of a core
    others: float  # cores that everything else on this machine used


@dataclass
class Results:
    windows: dict[str, dict[str, list[Window]]] = field(default_factory=dict)  # bot -> mode -> a window per round
    reckonings: dict[str, Counter[str]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


class LeftOut(Exception):
    """The bot can't take part; the message says why."""


# ---- processes --------------------------------------------------------------------------------------------------------


@contextmanager
def town(**options: Any) -> Iterator[subprocess.Popen[str]]:
    """A town of its own for each turn; it ends with its stdin."""
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    with subprocess.Popen(
        [sys.executable, "-m", "town", *arguments], cwd=HERE, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.stdin.close()
        process.wait(LAST_WORDS)


@contextmanager
def living(command: list[str], folder: Path, said: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A bot, until SIGTERM; `said` is given its stderr."""
    with said.open("wb") as stderr, subprocess.Popen(command, cwd=folder, env=environment(**more), stdout=subprocess.DEVNULL, stderr=stderr) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(LAST_WORDS)
            except subprocess.TimeoutExpired:
                process.kill()


def environment(**more: str) -> dict[str, str]:
    """Ours without any setting of Frontdoor, so that nobody's own bot is measured by accident."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FRONTDOOR_")} | more


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    line = process.stdout.readline()
    if not line:
        raise SystemExit("The town broke down; its complaint stands above.")
    return json.loads(line)


def last_line(said: Path) -> str:
    lines = said.read_text("utf-8", "replace").strip().splitlines()
    return lines[-1].replace(str(ROOT), "") if lines else "ended without a word"


# ---- measuring --------------------------------------------------------------------------------------------------------


def turn(bot: Bot, options: argparse.Namespace, seed: int) -> tuple[dict[str, Window], Counter[str]]:
    """One bot's turn: its windows, and the town's reckoning with it. Raises LeftOut."""
    pace = {"people": options.people, "warm": options.warm, "seconds": options.seconds, "rate": options.rate, "seed": seed}
    with tempfile.TemporaryDirectory(prefix=".run-", dir=HERE) as name, town(**pace) as people:
        folder, said = Path(name), Path(name) / "stderr"
        api = f"http://127.0.0.1:{told(people)['port']}"
        with living([sys.executable, "-m", bot.module, api, TOKEN, str(folder), *bot.arguments], HERE, said) as process:
            if "silent" in (news := told(people)):
                raise LeftOut(last_line(said) if process.poll() is not None else f"did not answer within {news['silent']:.0f} s")
            windows, reckoning = watch(people, psutil.Process(process.pid))
        if bot.rows:
            reckoning.update(count_rows(folder / bot.rows[0], bot.rows[1]))
        return windows, reckoning


def watch(people: subprocess.Popen[str], bot: psutil.Process) -> tuple[dict[str, Window], Counter[str]]:
    """The town has the clock; we look at the bot when a window begins and ends."""
    windows = {}
    before = spent = 0.0
    while "reckoning" not in (news := told(people)):
        if "begin" in news:
            before, spent = everybody(), sum(bot.cpu_times()[:2])
        else:
            cpu, busy, answers = sum(bot.cpu_times()[:2]) - spent, everybody() - before, max(news["answers"], 1)
            others = max(0.0, (busy - cpu) / news["seconds"] - news["town_cpu"])
            late = float("inf")
            windows[news["end"]] = Window(
                news["rate"], news["p50"] or late, news["p99"] or late, cpu / answers, bot.memory_info().rss, news["town_cpu"], others
            )
    return windows, Counter(news["reckoning"])


def everybody() -> float:
    """CPU seconds of the whole machine so far."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)


def count_rows(file: Path, person: str) -> Counter[str]:
    """What is really on disk: answers, and people who have all eight."""
    database = sqlite3.connect(file)
    try:
        answers = database.execute("SELECT count(*) FROM answers").fetchone()[0]
        whole = database.execute(f"SELECT count(*) FROM (SELECT 1 FROM answers GROUP BY {person} HAVING count(*) = 8)").fetchone()[0]
    finally:
        database.close()
    return Counter({"answers on disk": answers, "whole on disk": whole})


def compare(names: list[str], options: argparse.Namespace) -> Results:
    results = Results()
    for number in range(options.rounds):
        for name in [each for each in names if each not in results.left_out]:
            try:
                windows, reckoning = turn(BOTS[name], options, options.seed + number)
            except LeftOut as reason:
                results.left_out[name] = str(reason)
                print(f"{name}: left out: {reason}", flush=True)
                continue
            for mode, window in windows.items():
                results.windows.setdefault(name, {}).setdefault(mode, []).append(window)
            results.reckonings.setdefault(name, Counter()).update(reckoning)
            paced, full = windows["paced"], windows["saturated"]
            print(
                f"round {number + 1} {name:15} {full.rate:7.0f}/s {full.cpu * 1e6:6.0f} us CPU; paced p50 {paced.p50 * 1000:.1f} ms"
                f" p99 {paced.p99 * 1000:.1f} ms; others {full.others:.2f} cores; {dict(reckoning)}",
                flush=True,
            )
    return results


# ---- starting ---------------------------------------------------------------------------------------------------------


@dataclass
class Start:
    """Seconds since exec."""

    hello: float  # getMe: everything is imported, read and migrated
    reply: float  # the first message to somebody


def cold_starts(times: int) -> dict[str, list[Start]]:
    """`python -m bot run` as it is installed: into an empty folder, and once more into the same."""
    starts: dict[str, list[Start]] = {"empty": [], "again": []}
    for number in range(times):
        with tempfile.TemporaryDirectory(prefix=".run-", dir=HERE) as name:
            for more, begun in enumerate(starts.values()):
                begun.append(start(Path(name), 2 * number + more)[0])
    return starts


def start(folder: Path, seed: int, *flags: str) -> tuple[Start, Path]:
    """One start, and what it said."""
    said = folder / "stderr"
    with town(people=1, seconds=0, rate=0, seed=seed) as people:
        settings = {
            "FRONTDOOR_TELEGRAM_TOKEN": TOKEN,
            "FRONTDOOR_TELEGRAM_API": f"http://127.0.0.1:{told(people)['port']}",
            "FRONTDOOR_DATA_DIR": str(folder),
            "FRONTDOOR_PROGRAMME": str(ROOT / "programme.yaml"),
            "FRONTDOOR_HTTP": "127.0.0.1:0",
        }
        began = time.monotonic()
        with living([sys.executable, *flags, "-m", "bot", "run"], folder, said, **settings):
            if "silent" in (news := told(people)):
                raise SystemExit(f"Frontdoor did not start: {last_line(said)}")
    return Start(news["firsts"]["getMe"] - began, news["firsts"]["sendMessage"] - began), said


def imports(most: int = 8) -> list[tuple[str, float]]:
    """Seconds that each package's own modules took to import in one start, the longest first."""
    with tempfile.TemporaryDirectory(prefix=".run-", dir=HERE) as name:
        start(Path(name), 1)
        _, said = start(Path(name), 2, "-X", "importtime")
        packages: Counter[str] = Counter()
        for microseconds, module in IMPORT.findall(said.read_text("utf-8", "replace")):
            package = module.partition(".")[0]
            packages["Python's own" if package in sys.stdlib_module_names else package] += int(microseconds)
    return [(package, spent / 1e6) for package, spent in packages.most_common(most)]


def output_of(script: str, *arguments: str) -> str:
    command = [sys.executable, HERE / script, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True).stdout.strip()


def commit_time() -> float:
    """Seconds that this disk takes to make a page last: the floor under every durable answer here."""
    times = []
    with tempfile.NamedTemporaryFile(prefix=".run-", dir=HERE) as file:
        for _ in range(200):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def main(options: argparse.Namespace) -> None:
    names = [name for name in BOTS if not options.only or name in options.only]
    began, load = datetime.now(UTC), os.getloadavg()[0]
    minutes = len(names) * options.rounds * 2 * (options.warm + options.seconds) / 60
    print(
        f"{len(names)} bots, {options.rounds} rounds, seeds {options.seed} to {options.seed + options.rounds - 1}: about {minutes:.0f} minutes, and fifteen for the rest"
    )
    results = compare(names, options)
    if not results.windows:
        raise SystemExit("No bot could be measured.")
    engine = output_of("engine.py")
    chats = output_of("webchats.py", "--seconds", "5" if options.quick else "60")
    fair = output_of("fair.py", *(["--quick"] if options.quick else []))
    starts, imported = cold_starts(1 if options.quick else 3), imports()
    text, picture = report.write(
        results, BOTS, BASE, options, began=began, load=load, fsync=commit_time(), engine=engine, chats=chats, fair=fair, starts=starts, imported=imported
    )
    if options.quick or options.only:
        print(text)
    else:
        (HERE / "REPORT.md").write_text(text, "utf-8")
        (HERE / "report.svg").write_text(picture, "utf-8")
        print("benchmarks/REPORT.md and benchmarks/report.svg are written.")
    if broken := report.broken(results):
        raise SystemExit("\n".join(broken))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10, help="of a window")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=BOTS, metavar="NAME", help=", ".join(BOTS))
    parser.add_argument("--quick", action="store_true", help="one round of two seconds, to see that everything works")
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--rate", type=float, default=30, help="answers a second in the paced window")
    parser.add_argument("--warm", type=float, default=3, help="seconds before each window")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.seconds, chosen.rounds, chosen.warm = 2, 1, 1
    main(chosen)
