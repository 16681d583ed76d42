"""What the web chat's page sends and gets, as JSON <-> our nouns. Pure; bot/web/chat.py carries it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from bot.letters import reader_of
from bot.messages import Incoming, Kind, Outgoing, clean, read_button, read_words
from storage.records import Address, Letter
from translations.words import is_right_to_left

CHANNEL = "web"
ID = re.compile(r"[0-9a-f]{32}")  # made by the page, the same at every try


class BadMessage(Exception):
    """What was sent is no message; says why in one sentence."""


def read_hello(body: Mapping[str, Any], address: Address) -> Incoming:
    """A page was opened: the bot begins, or says again where it stands. Raises BadMessage."""
    argument = clean(_text(body, "start"))[:64]
    return Incoming(CHANNEL, _key(body, address), Kind.COMMAND, "start", argument, address=address, language_hint=_text(body, "lang")[:35])


def read_said(body: Mapping[str, Any], address: Address) -> Incoming:
    """Words, or the press of a button. Raises BadMessage."""
    key, value = _key(body, address), _text(body, "value")
    match body.get("kind"):
        case "text":
            kind, words, argument = read_words(clean(value))
            return Incoming(CHANNEL, key, kind, words, argument, address=address)
        case "press":
            kind, words, argument, prompt = read_button(value)
            message = _text(body, "message")
            if not re.fullmatch(r"\d{0,18}", message, re.ASCII):
                raise BadMessage("The message of this button has no such name.")
            return Incoming(CHANNEL, key, kind, words, argument, prompt, address, message=message)
    raise BadMessage("This is neither a text nor a press.")


def read_seen(body: Mapping[str, Any]) -> list[int]:
    """The letters that stand on the page by now. Raises BadMessage."""
    seen = body.get("seen", [])
    if not isinstance(seen, list) or len(seen) > 200 or not all(type(each) is int and 0 < each < 2**63 for each in seen):
        raise BadMessage("What was seen is a list of letters.")
    return seen


def write(letter: Letter, outgoing: Outgoing) -> dict[str, Any]:
    """One letter, for the page."""
    return {
        "id": letter.id,
        "text": outgoing.text,
        "language": (language := reader_of(letter).language),
        "dir": "rtl" if is_right_to_left(language) else "ltr",
        "rows": [[{"data": choice.data, "label": choice.label} for choice in row] for row in (*outgoing.calendar, *outgoing.rows)],
        "typing": outgoing.typing,
        "replaces": outgoing.replaces,
        "picture": f"/chat/pictures/{outgoing.picture}" if outgoing.picture else None,
        "document": _document(*outgoing.document) if outgoing.document else None,
    }


def _document(name: str, content: str | bytes) -> dict[str, str]:
    return {"name": name, "text": content} if isinstance(content, str) else {"name": name, "base64": base64.b64encode(content).decode()}


def _key(body: Mapping[str, Any], address: Address) -> str:
    name = _text(body, "id")
    if not ID.fullmatch(name):
        raise BadMessage("A message needs an id of 32 hexadecimal digits.")
    return hashlib.sha256(f"{address.address}/{name}".encode()).hexdigest()  # the address itself must not outlive its chat


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise BadMessage(f"`{name}` is a text.")
    return value
