"""The nouns that every channel shares: what comes in and what goes out. Start here; then dialogs/turn.py; then bot/intake.py."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from storage.records import Address

LONGEST_TEXT = 4096  # characters; Telegram sends no more, and nobody answers a question with more


class Kind(StrEnum):
    TEXT = "text"  # value: the words
    PRESS = "press"  # value: the option's code; prompt: the number on the button
    COMMAND = "command"  # value: its name; argument: what follows
    CONTACT = "contact"  # argument: own or other; value: the number, if it is their own
    LOCATION = "location"  # value: latitude and longitude, as 54.09 12.13
    FILE = "file"  # value: how the channel calls it; argument: its size in bytes
    FETCHED = "fetched"  # a file that we fetched; value: why it can't be kept; argument: whose it is; content: what is kept
    UNREADABLE = "unreadable"  # value: sticker, voice, edited, ...
    GROUP = "group"  # something in a group chat
    DUE = "due"  # an act of our own whose time has come; value: its name
    STATUS = "status"  # value: reachable, or why the chat no longer is
    POISON = "poison"  # value: the error; shape: its structure without any string


@dataclass(frozen=True, slots=True)
class Incoming:
    """One update, stripped of its channel's dialect. (source, key) is unique: the second copy is dropped."""

    source: str  # the channel and the bot, as in telegram/42
    key: str
    kind: Kind
    value: str = ""
    argument: str = ""
    prompt: int = 0
    address: Address | None = None  # None only for poison
    language_hint: str = ""  # what the channel says of the person's language
    message: str = ""  # the message whose button was pressed, as the channel calls it
    shape: Any = field(default=None, repr=False)
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Choice:
    data: str  # what the button sends back: at most 64 bytes
    label: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to a person, in words, ready for any channel."""

    address: Address
    text: str
    rows: tuple[tuple[Choice, ...], ...] = ()  # the buttons, as they are laid out
    calendar: tuple[tuple[Choice, ...], ...] = ()  # more buttons above these, for channels that show a month: seven days a row
    typing: bool = False  # a typed answer is expected
    replaces: str = ""  # the message that it takes the place of, where the channel can
    document: tuple[str, str | bytes] | None = None  # name and content of a file that comes with it
    contact: tuple[str, str] | None = None  # what is said about sharing one's number, and the button's label ("": it goes away), where the channel can
    private_chat: str = ""  # the label of a button that leads to a private chat
    picture: str = ""  # of a form, as form-arrival/house: shown above the text, where the channel can
    language: str = ""  # that it is in
    taken: int = 0  # so many of the requests that carry it were taken already: only the rest is sent


def clean(text: str) -> str:
    """The one boundary for text from outside (TRUST.md, 10): lone surrogates replaced, control characters dropped (newline
    and tab kept as blank space), bidi overrides and embeddings dropped, ZWJ and ZWNJ kept, NFC, at most 4,096 characters."""
    text = text[:LONGEST_TEXT].encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    kept = (character for character in text if character == "\n" or (unicodedata.category(character) != "Cc" and character not in _BIDI))
    return unicodedata.normalize("NFC", "".join(kept)).strip()[:LONGEST_TEXT].rstrip()


_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def read_words(text: str) -> tuple[Kind, str, str]:
    """What somebody typed, cleaned: kind, value and argument of a text or a /command."""
    if match := _COMMAND.match(text):
        return Kind.COMMAND, match[1].lower(), (match[2] or "").strip()[:64]
    return Kind.TEXT, text, ""


def read_button(data: str) -> tuple[Kind, str, str, int]:
    """Kind, value, argument and prompt of a button: of a question (`q:7:yes`), or a command that is in order at any time
    (`c:answer:17`; what it may do is looked at when it is done). One that no version of ours made is an old one."""
    if pressed := _PRESSED.fullmatch(data):
        return Kind.PRESS, pressed[2], "", int(pressed[1])
    if command := _COMMANDED.fullmatch(data):
        return Kind.COMMAND, command[1], command[2], 0
    return Kind.PRESS, "?", "", -1


def language_of(payload: str) -> str:
    """The language that a link asks for, as in `sme_c-hanse_l-de`; empty: none."""
    return next((part[2:] for part in payload.split("_") if part.startswith("l-")), "")


_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@\w+)?(?:\s+(.*))?$", re.DOTALL)
_COMMANDED = re.compile(r"c:([a-z][a-z0-9_]{0,31}):([A-Za-z0-9-]{0,24})")
_PRESSED = re.compile(r"q:(\d{1,12}):([A-Za-z_.~][A-Za-z0-9_-]{0,31})")  # sources bring codes like fa_AF and UA


def shape(value: Any, depth: int = 0) -> Any:
    """The structure of an update, with every string and number taken out: all that quarantine may keep."""
    if depth > 20:
        return "..."
    match value:
        case dict():
            return {
                key if isinstance(key, str) and key.isascii() and key.replace("_", "").isalpha() and len(key) < 40 else "?": shape(each, depth + 1)
                for key, each in value.items()
            }
        case list():
            return [shape(each, depth + 1) for each in value[:20]]
    return type(value).__name__
