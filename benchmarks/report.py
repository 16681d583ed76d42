"""REPORT.md and report.svg from what run.py measured, and from nothing else."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Mapping, Sequence
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

PACKAGES = "frontdoor aiogram aiogram-dialog python-telegram-bot aiohttp httpx SQLAlchemy aiosqlite pydantic cryptography uvloop orjson".split()
QUIET = 0.1  # cores that others may use during the windows before the report says that it was no quiet machine
PROMPT, QUICK_START = 0.010, 5.0  # seconds that are promised: to the reply request (paced, median), and to the first reply of a new process
FRONTDOOR = ("frontdoor", "frontdoor-ptb")
ROW, BAR, LABEL, WIDTH = 34, 430, 290, 900  # of the picture

STYLE = """text{fill:#24292f}.peer{fill:#8c959f}.ours{fill:#1a7f64}.span{stroke:#24292f}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.peer{fill:#6e7681}.ours{fill:#3fb68b}.span{stroke:#e6edf3}}"""


def write(results: Any, bots: Mapping[str, Any], base: str, options: argparse.Namespace, **facts: Any) -> tuple[str, str]:
    """The text and the picture."""
    parts = (
        _head(results, options, facts),
        _table(results, bots, base, options),
        _reading(),
        _checks(results, bots),
        _web(facts),
        _fair(facts),
        _starting(facts),
        _machine(results, options, facts),
    )
    return "\n".join(parts), picture(results, bots)


def broken(results: Any) -> list[str]:
    """What must never be: a Frontdoor that lost an answer, said one twice, or mixed them up."""
    complaints = []
    for name in FRONTDOOR:
        if reckoning := results.reckonings.get(name):
            wrong = {what: reckoning[what] for what in ("doubled", "disorder", "missing") if reckoning[what]}
            lost = reckoning["answered"] != reckoning["answers on disk"] or reckoning["finished"] > reckoning["whole on disk"]
            complaints += [f"{name}: {wrong or ''} {'the database does not hold what was confirmed' if lost else ''}"] if wrong or lost else []
    return complaints


def _head(results: Any, options: argparse.Namespace, facts: Mapping[str, Any]) -> str:
    left_out = "".join(f"\nLeft out: **{name}** ({reason}).\n" for name, reason in results.left_out.items())
    return f"""# We and our peers, measured

Written by `make bench` on {facts["began"]:%Y-%m-%d} and by nobody else: every figure here was measured in that one run.

Every bot asks the same eight questions, answered by a button and by typing in turn, and says thank you. {options.people} emulated people
talk to it at once over a Bot API of our own, real HTTP on one machine, bot and people in two processes; each of them answers as
soon as they read a question, and then somebody new begins. The bots take turns, {options.rounds} rounds; a window has {options.seconds:g} s after {options.warm:g} s to warm up.

![answers a second](report.svg)
{left_out}"""


def _table(results: Any, bots: Mapping[str, Any], base: str, options: argparse.Namespace) -> str:
    lines = [
        f"| bot | answers/s | against aiogram | median, 99 % | at {options.rate:g} answers/s: median, 99 % | CPU per answer | memory | what `kill -9` leaves |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for name, modes in results.windows.items():
        full, paced = modes["saturated"], modes["paced"]
        rates, ratios = [each.rate for each in full], _ratios(results, name, base)
        lines.append(
            f"| {bots[name].title} | {_spread(rates, '{:,.0f}')} | {_spread(ratios, '{:.2f}') if ratios else '–'}"
            f" | {_ms(full, 'p50', 0)}, {_ms(full, 'p99', 0)} ms | {_ms(paced, 'p50')}, {_ms(paced, 'p99')} ms"
            f" | {median(each.cpu for each in full) * 1e3:.2f} ms | {median(each.rss for each in full) / 2**20:.0f} MiB | {bots[name].keeps} |"
        )
    return (
        "\n".join(lines)
        + f"\n\nMedians; in brackets the lowest and the highest round. A ratio is of two bots in the same round.\n{_promptness(results, options)}"
    )


def _promptness(results: Any, options: argparse.Namespace) -> str:
    ours = [f"{_ms(results.windows[name]['paced'], 'p50')} ms ({name})" for name in FRONTDOOR if name in results.windows]
    return f"Promised for Frontdoor: {PROMPT * 1e3:g} ms at {options.rate:g} answers/s, median. Measured: {', '.join(ours)}.\n" if ours else ""


def _ratios(results: Any, name: str, base: str) -> list[float]:
    """Round by round; none if the base was not measured."""
    ours, theirs = results.windows[name]["saturated"], results.windows.get(base, {}).get("saturated", [])
    return [mine.rate / other.rate for mine, other in zip(ours, theirs, strict=False) if other.rate]


def _spread(values: Sequence[float], shape: str) -> str:
    return f"{shape.format(median(values))} ({shape.format(min(values))} – {shape.format(max(values))})"


def _ms(windows: Sequence[Any], name: str, digits: int = 1) -> str:
    return f"{median(getattr(each, name) for each in windows) * 1e3:.{digits}f}"


def _reading() -> str:
    return """## How to read it

- **Answers/s** is what one process does with more people than it can serve; they wait for each other. **At a few answers/s**
  is what somebody would notice: from the moment an answer could be fetched to the moment the next question was on the wire.
- **The peers do less.** They keep answers in memory (pickle: the whole file is written anew, about once a second, without
  `fsync`); whatever ends the process ends the answers. They ask for no consent, encrypt nothing, and have no outbox. Frontdoor
  asks for a consent first (one update and one message more per conversation, which are not counted), and has each answer and
  each reply encrypted on disk before anything is said.
- **The limit** is what this machine could do with nothing but HTTP, JSON and one durable commit per batch.
- Each peer is written as its documentation shows it, with its defaults. aiogram handles updates side by side,
  python-telegram-bot one after the other (its conversations demand that). aiogram-dialog edits its messages, which is its nature.
- Frontdoor tells Python's garbage collector not to look again and again through what a start leaves (`gc.freeze()`); the peers, as
  their documentation shows them, don't.
- `FRONTDOOR_LIMITS=off`: with the limits that Telegram asks for, no bot could be measured at all.
- Memory is the process after the window. CPU is the bot's process with all its threads.
"""


def _checks(results: Any, bots: Mapping[str, Any]) -> str:
    lines = [
        "## Was it right?\n",
        "| bot | answers confirmed | conversations | out of order | doubled | unanswered | on disk |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for name, counted in results.reckonings.items():
        disk = f"{counted['answers on disk']:,} answers, {counted['whole on disk']:,} people with all eight" if bots[name].rows else "–"
        counts = " | ".join(f"{counted[what]:,}" for what in ("answered", "finished", "disorder", "doubled", "missing"))
        lines.append(f"| {bots[name].title} | {counts} | {disk} |")
    return "\n".join(lines) + "\n\nOf all rounds, warm-up included, as the people counted it; the databases were read after the bot had ended.\n"


def _web(facts: Mapping[str, Any]) -> str:
    return f"""## The web chat

{facts["chats"]}.

Promised: 99 % within 200 ms, at most 250 MB. The time is from sending an answer to the arrival of the next question, stream included;
the browsers share the two cores.
"""


def _fair(facts: Mapping[str, Any]) -> str:
    return f"""## Ten thousand events, a million sign-ups

From one more update at hand to its commit, in milliseconds, through the intake as it runs.

{facts["fair"]}
"""


def _starting(facts: Mapping[str, Any]) -> str:
    starts = facts["starts"]
    packages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in facts["imported"])
    worst = max(each.reply for kind in starts.values() for each in kind)
    return f"""## Starting

`python -m bot run` with a token, from exec to the first reply, in seconds: {_times(starts["empty"], "reply")} with an empty folder (keys and database are
made), {_times(starts["again"], "reply")} the next time. Until it says hello to Telegram: {_times(starts["empty"], "hello")} and {_times(starts["again"], "hello")}.
Promised: {QUICK_START:g} s; the slowest was {worst:.1f}: **{"kept" if worst <= QUICK_START else "broken"}**.

Imports, in seconds of each package's own modules (`-X importtime`, which itself costs): {packages}.
"""


def _times(starts: Sequence[Any], what: str) -> str:
    return ", ".join(f"{getattr(each, what):.1f}" for each in starts)


def _machine(results: Any, options: argparse.Namespace, facts: Mapping[str, Any]) -> str:
    windows = [window for modes in results.windows.values() for each in modes.values() for window in each]
    others = [each.others for each in windows]
    busy = " **It was not quiet: trust the ratios more than the figures, and both less than usual.**" if median(others) > QUIET else ""
    versions = ", ".join(f"{name} {number}" for name in PACKAGES if (number := _version(name)))
    return f"""## The machine

- {cpu()}, {os.cpu_count()} cores, shared by bot and people; load {facts["load"]:.2f} when the run began. The people used at most
  {max(each.town for each in windows):.2f} of a core; everything else on the machine {median(others):.2f} (median), at most {max(others):.2f}.{busy}
- {platform.system()}, {platform.python_implementation()} {platform.python_version()}; one `fsync` of 4 KiB: {facts["fsync"] * 1e6:.0f} µs.
- {versions}.
- {facts["engine"]}
- seeds {options.seed} to {options.seed + options.rounds - 1}; {facts["began"]:%Y-%m-%d %H:%M} UTC.
"""


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # then its bot was left out, and the report says so
        return None


def cpu() -> str:
    """The model's name; nothing that tells one machine from another."""
    info = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return models[0] if models else platform.machine()


def picture(results: Any, bots: Mapping[str, Any]) -> str:
    """Horizontal bars, legible on light and dark pages."""
    rates = {name: [each.rate for each in modes["saturated"]] for name, modes in results.windows.items()}
    longest = max(max(each) for each in rates.values())
    height = 50 + ROW * len(rates)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="14" role="img">',
        "<title>Answers a second: medians, and the lowest and highest round</title>",
        f"<style>{STYLE}</style>",
        '<text x="0" y="18" font-weight="600">Answers a second</text>',
    ]
    for number, (name, each) in enumerate(rates.items()):
        top, scale = 34 + ROW * number, BAR / longest
        low, middle, high = min(each) * scale, median(each) * scale, max(each) * scale
        centre = top + 10
        lines += [
            f'<text x="{LABEL - 10}" y="{top + 15}" text-anchor="end">{escape(bots[name].title.replace("**", ""))}</text>',
            f'<rect class="{"ours" if name in FRONTDOOR else "peer"}" x="{LABEL}" y="{top}" width="{middle:.1f}" height="20" rx="3"/>',
            f'<path class="span" d="M{LABEL + low:.1f} {centre}H{LABEL + high:.1f}" stroke-width="2"/>',
            f'<text x="{LABEL + max(middle, high) + 10:.1f}" y="{top + 15}">{median(each):,.0f}</text>',
        ]
    return "\n".join([*lines, "</svg>\n"])
