"""What the engine says, as a row of the outbox (sentence ids and facts), and later in words."""

from __future__ import annotations

import base64
from calendar import Calendar
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import groupby
from typing import Any

from bot.messages import Choice, Outgoing
from dialogs.asking import BACK, BLANK, CLOSE, DECLINE, EARLIER, KEEP, LATER, SKIP, UNKNOWN
from dialogs.nouns import Fact, Message
from storage.records import Letter
from translations.words import Reader, Translated, Voice, Words, week_of

HELPLESS = frozenset(  # sentences of somebody who does not get on with the bot: a human being is one press away
    "common.unreadable common.press-a-button common.none-found common.trouble common.unknown-command common.not-a-number common.not-a-decimal "
    "common.not-a-date common.not-a-month common.not-a-phone common.not-an-email common.not-a-web-address common.not-possible".split()
)
PICKED, OPEN = "☑ ", "☐ "
LONGEST_LABEL = 40  # characters of a button: more is cut off on a small phone
INDENT = "– "  # before a second line; blanks would be swallowed by a browser
NO_DAY = "·"  # a button without words is refused


Action = tuple[str, str, Fact]  # a button that is in order at any time: a command, what follows it, the label


def pack(
    message: Message,
    *,
    replaces: str = "",
    document: tuple[str, str | bytes] | None = None,
    private_chat: bool = False,
    actions: Sequence[Action] = (),
    until: str = "",
) -> dict[str, Any]:
    """Ready for JSON; nothing that can be left out is in it. `until`: it is not said later than that."""
    content: dict[str, Any] = {
        "parts": [[part.id, dict(part.facts), part.optional, part.line] for part in message.parts],
        "options": [[option.code, option.label, option.picked, *([option.detail] if option.detail else [])] for option in message.options],
        "prompt": message.prompt,
        "columns": message.columns,
        "calendar": message.calendar,
        "typing": message.typing,
        "replaces": replaces if message.edits else "",
        "picture": message.picture if not (replaces and message.edits) else "",  # it stands there already
        "contact": message.contact,
        "document": _packed(*document) if document else None,
        "private_chat": private_chat,
        "actions": [list(action) for action in actions],
        "until": until,
    }
    return {name: value for name, value in content.items() if value}


def _packed(name: str, content: str | bytes) -> tuple[str, ...]:
    """A text as it is, anything else in base64."""
    return (name, content) if isinstance(content, str) else (name, base64.b64encode(content).decode(), "base64")


def _unpacked(name: str, content: str, form: str = "") -> tuple[str, str | bytes]:
    return (name, base64.b64decode(content) if form else content)


def is_too_late(letter: Letter, now: Callable[[], datetime]) -> bool:
    """A reminder that was held up until night is not said any more."""
    return "until" in letter.content and datetime.fromisoformat(letter.content["until"]) <= now()


def reader_of(letter: Letter) -> Reader:
    """As they read now; or, of a letter in another language (`in`), as its words ask for."""
    reader = Reader.of(letter.content.get("in") or letter.language, letter.content.get("reading"))
    return replace(reader, wants_originals=True) if letter.content.get("originals") else reader


def word(letter: Letter, words: Words) -> Outgoing:
    """In the language that the chat has now, which may not be the one it had when this was written."""
    content = letter.content
    voice = words.voice(reader_of(letter), _translated(content))
    options = content.get("options", ())
    labels = [(code, voice.fact(label), picked) for code, label, picked, *_ in options]
    offered = [label for code, label, _ in labels if not code.startswith(".")]
    details = ["".join(voice.fact(each) for each in detail) for code, _, _, *detail in options if not code.startswith(".")]
    text = _text(content, voice)
    if any(details) or any(len(label) > LONGEST_LABEL for label in offered):  # a button would cut it off: it stands in the message, under a number
        told = zip(offered, details, strict=True)
        text += "\n\n" + "\n".join(f"{number}. {label}" + (f"\n{INDENT}{detail}" if detail else "") for number, (label, detail) in enumerate(told, 1))
        numbers = iter(range(1, len(offered) + 1))
        labels = [(code, label if code.startswith(".") else f"{next(numbers)}. {label}", picked) for code, label, picked in labels]
    choices = [(code, Choice(f"q:{content['prompt']}:{code}", _mark(picked) + label)) for code, label, picked in labels]
    actions = [(Choice(f"c:{command}:{argument}", voice.fact(label)),) for command, argument, label in content.get("actions", ())]
    human = ((Choice("c:human:", voice.tr("common.human")),),) if _is_lost(content, words) else ()
    original = ((Choice(f"c:original:{voice.original}", voice.tr("common.show-original")),),) if voice.by_machine else ()
    if "in" not in content:
        text = "\n\n".join([text, *voice.remarks()])
    return Outgoing(
        letter.address,
        voice.laid_out(text),
        (*actions, *_rows(choices, content.get("columns", 1)), *original, *human),
        _calendar(content["calendar"], content["prompt"], voice) if "calendar" in content else (),
        content.get("typing", False),
        content.get("replaces", ""),
        _unpacked(*content["document"]) if "document" in content else None,
        _contact(content.get("contact", ""), voice),
        voice.tr("common.private-chat") if content.get("private_chat") else "",
        content.get("picture", ""),
        voice.language,
    )


def _translated(content: Mapping[str, Any]) -> Translated | None:
    """What a machine made of the free text in it; None: there is no machine."""
    return {(text, from_, to): made for text, from_, to, made in content["translated"]} if "translated" in content else None


def _is_lost(content: Mapping[str, Any], words: Words) -> bool:
    """Does somebody not get on with the bot, where there is a human being to turn to?"""
    return words.exists("common.human") and any(part[0] in HELPLESS for part in content["parts"])


def _calendar(month: str, prompt: int, voice: Voice) -> tuple[tuple[Choice, ...], ...]:
    """The month's name, the names of the days, and a row for each week; what is no day of the month does nothing."""
    first, week = date.fromisoformat(f"{month}-01"), week_of(voice.language)
    nothing = f"q:{prompt}:{BLANK}"
    days = [
        tuple(Choice(f"q:{prompt}:d{day.isoformat()}", voice.number(day.day)) if day.month == first.month else Choice(nothing, NO_DAY) for day in row)
        for row in Calendar(week[0][0]).monthdatescalendar(first.year, first.month)
    ]
    return ((Choice(nothing, voice.fact({"month": month})),), tuple(Choice(nothing, name) for _, name in week), *days)


def _contact(stage: str, voice: Voice) -> tuple[str, str] | None:
    match stage:
        case "offered":
            return voice.laid_out(voice.tr("common.share-number")), voice.tr("common.share-my-number")
        case "over":
            return voice.tr("common.noted"), ""
    return None


def _text(content: Mapping[str, Any], voice: Voice) -> str:
    text = ""
    for sentence, facts, optional, line in content["parts"]:
        if optional and not voice.words.exists(sentence):
            continue
        text += ("" if not text else "\n" if line or sentence.endswith(".hint") else "\n\n") + voice.in_full(sentence, facts)
    return text


def _mark(picked: bool | None) -> str:
    return "" if picked is None else PICKED if picked else OPEN


STEERING = frozenset(
    {SKIP, DECLINE, UNKNOWN, BACK, KEEP, CLOSE, EARLIER, LATER}
)  # two in a row, below; every other button of the engine's own has a row for itself


def _rows(choices: Sequence[tuple[str, Choice]], columns: int) -> tuple[tuple[Choice, ...], ...]:
    rows: list[tuple[Choice, ...]] = []
    for alike, group in groupby(choices, lambda each: "steering" if each[0] in STEERING else "own" if each[0].startswith(".") else "offered"):
        wide = {"steering": 2, "own": 1, "offered": columns}[alike]
        buttons = [choice for _, choice in group]
        rows += [tuple(buttons[at : at + wide]) for at in range(0, len(buttons), wide)]
    return tuple(rows)
