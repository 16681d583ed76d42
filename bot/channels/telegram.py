"""The Bot API's JSON (version 10.3), read and written. Pure: it knows no library, so that a second driver costs little."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.errors import SendError
from bot.messages import Incoming, Kind, Outgoing, clean, read_button, read_words, shape
from dialogs.model import LARGEST_FILE
from storage.records import Address

CHANNEL = "telegram"
ALLOWED_UPDATES = ["message", "edited_message", "callback_query", "my_chat_member"]
TEXT_LIMIT = 4096  # UTF-16 units, after entity parsing (we send no entities)
LABEL_LIMIT = 60  # characters of a button that a phone still shows in part

# Something happened to a private chat that is no message of the person.
_SERVICE = frozenset(
    "pinned_message message_auto_delete_timer_changed migrate_to_chat_id migrate_from_chat_id write_access_allowed "
    "chat_background_set boost_added forum_topic_created forum_topic_edited forum_topic_closed proximity_alert_triggered "
    "connected_website passport_data refunded_payment giveaway_created giveaway giveaway_winners giveaway_completed "
    "video_chat_scheduled video_chat_started video_chat_ended video_chat_participants_invited paid_message_price_changed "
    "checklist_tasks_done checklist_tasks_added gift_upgrade_sent unique_gift delete_chat_photo new_chat_photo new_chat_title".split()
)
_MEDIA = (
    "sticker voice photo video video_note audio document animation location venue poll dice game story checklist "
    "paid_media invoice successful_payment users_shared chat_shared web_app_data gift".split()
)


class Upload:
    """A file that goes along with a request; a driver knows how its library wants it."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name, self.content = name, content


# ---- in -------------------------------------------------------------------------------------------------------------


def read_update(update: Mapping[str, Any], bot: str) -> Incoming | None:
    """None for kinds of update that we don't serve. Whatever can't be read comes back as poison, never as an exception:
    one update that a parser refuses must not stop those behind it (TRUST.md, 3)."""
    source = f"{CHANNEL}/{bot}"
    try:
        key = str(int(update["update_id"]))
    except (KeyError, TypeError, ValueError):
        return None  # not even a number to confirm it by; Telegram never sends this
    try:
        return _read(update, source, key)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this update's own fault
        return Incoming(source, key, Kind.POISON, type(error).__name__, shape=shape(dict(update)))


def _read(update: Mapping[str, Any], source: str, key: str) -> Incoming | None:
    if query := update.get("callback_query"):
        return _read_press(query, source, key)
    if message := update.get("message"):
        return _read_message(message, source, key)
    if message := update.get("edited_message"):
        if message["chat"]["type"] != "private":
            return None
        return Incoming(source, key, Kind.UNREADABLE, "edited", address=_address(message), language_hint=_hint(message))
    if member := update.get("my_chat_member"):
        return _read_membership(member, source, key)
    return None


def _read_message(message: Mapping[str, Any], source: str, key: str) -> Incoming | None:
    address, hint = _address(message), _hint(message)
    if message["chat"]["type"] != "private":
        quiet = message["chat"]["type"] == "channel" or "left_chat_member" in message or _SERVICE & message.keys()
        return None if quiet else Incoming(source, key, Kind.GROUP, address=address, language_hint=hint)
    if message.get("from", {}).get("is_bot") or _SERVICE & message.keys():
        return None
    if contact := message.get("contact"):
        own = "user_id" in contact and contact["user_id"] == message["from"]["id"]
        number = "+" + clean(_string(contact["phone_number"])).lstrip("+") if own else ""  # somebody else's goes no further
        return Incoming(source, key, Kind.CONTACT, number, "own" if own else "other", address=address, language_hint=hint)
    if place := message.get("location"):
        point = f"{float(place['latitude']):.6f} {float(place['longitude']):.6f}"
        return Incoming(source, key, Kind.LOCATION, point, address=address, language_hint=hint)
    if file := _file(message):
        return Incoming(source, key, Kind.FILE, *file, address=address, language_hint=hint)
    if "text" not in message:
        kind = next((each for each in _MEDIA if each in message), "message")
        return Incoming(source, key, Kind.UNREADABLE, kind, address=address, language_hint=hint)
    kind, value, argument = read_words(clean(_string(message["text"])))
    return Incoming(source, key, kind, value, argument, address=address, language_hint=hint)


def _file(message: Mapping[str, Any]) -> tuple[str, str] | None:
    """A photo: how Telegram calls it, and its size. Of the sizes that there are, the largest that we ever take; nothing is fetched here."""
    largest: Mapping[str, Any]
    match message:
        case {"photo": [*sizes]}:
            fitting = [each for each in sizes if int(each.get("file_size", 0)) <= LARGEST_FILE]
            largest = max(fitting or sizes, key=lambda each: int(each["width"]) * int(each["height"]), default={})
        case {"document": {"mime_type": str(kind)} as largest} if kind.startswith("image/") and "animation" not in message:
            pass
        case _:
            return None
    reference = largest.get("file_id")
    return (reference, str(int(largest.get("file_size", 0)))) if isinstance(reference, str) and 0 < len(reference) <= 200 else None


def _read_press(query: Mapping[str, Any], source: str, key: str) -> Incoming:
    message = query.get("message")
    chat = message["chat"]["id"] if message else query["from"]["id"]
    kind, value, argument, prompt = read_button(_string(query.get("data", "")))
    if message and message["chat"].get("type", "private") != "private":
        return Incoming(source, key, Kind.GROUP, address=Address(CHANNEL, str(int(chat))))
    reference = str(int(message["message_id"])) if message else ""
    return Incoming(source, key, kind, value, argument, prompt, Address(CHANNEL, str(int(chat))), _hint(query), reference)


def _read_membership(member: Mapping[str, Any], source: str, key: str) -> Incoming:
    address = Address(CHANNEL, str(int(member["chat"]["id"])))
    there = member["new_chat_member"]["status"] not in {"kicked", "left"}
    if member["chat"]["type"] == "private":
        return Incoming(source, key, Kind.STATUS, "reachable" if there else "blocked", address=address, language_hint=_hint(member))
    if there:
        return Incoming(source, key, Kind.GROUP, address=address, language_hint=_hint(member))
    return Incoming(source, key, Kind.STATUS, "kicked", address=address)


def receipt(update: Mapping[str, Any]) -> str | None:
    """The id by which a button press is acknowledged, so that the button stops spinning."""
    query = update.get("callback_query")
    return str(query["id"]) if isinstance(query, Mapping) and "id" in query else None


def _address(message: Mapping[str, Any]) -> Address:
    return Address(CHANNEL, str(int(message["chat"]["id"])))


def _hint(carrier: Mapping[str, Any]) -> str:
    return str((carrier.get("from") or {}).get("language_code") or "")[:35]


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is no text")
    return value


# ---- out ------------------------------------------------------------------------------------------------------------


def write(outgoing: Outgoing, bot_name: str | None, picture: bytes | None = None) -> list[tuple[str, dict[str, Any]]]:
    """The requests that carry a message: one, or several where the text is too long for one, or a picture stands above it."""
    chat = int(outgoing.address.address)
    markup = _keyboard(outgoing, bot_name)
    *heads, last = _split(outgoing.text)
    requests: list[tuple[str, dict[str, Any]]] = []
    if picture:
        requests.append(("sendPhoto", {"chat_id": chat, "photo": Upload("picture.jpg", picture)}))
    if outgoing.contact:  # a message has buttons of its own or a keyboard below, never both; the question stays the last one
        requests.append(("sendMessage", {"chat_id": chat, "text": outgoing.contact[0], "reply_markup": _keyboard_below(outgoing.contact[1])}))
    requests += [("sendMessage", {"chat_id": chat, "text": text}) for text in heads]
    keys = {"reply_markup": markup} if markup else {}
    if outgoing.replaces and not heads:
        requests.append(("editMessageText", {"chat_id": chat, "message_id": int(outgoing.replaces), "text": last, **keys}))
    else:
        requests.append(("sendMessage", {"chat_id": chat, "text": last, **keys}))
    if outgoing.document:
        name, content = outgoing.document
        requests.append(("sendDocument", {"chat_id": chat, "document": Upload(name, content.encode() if isinstance(content, str) else content)}))
    return requests


def _keyboard(outgoing: Outgoing, bot_name: str | None) -> dict[str, Any] | None:
    rows = [[{"text": _short(choice.label), "callback_data": choice.data} for choice in row] for row in (*outgoing.calendar, *outgoing.rows)]
    if outgoing.private_chat and bot_name:
        rows.append([{"text": outgoing.private_chat, "url": f"https://t.me/{bot_name}?start=group"}])
    return {"inline_keyboard": rows} if rows else None


def _keyboard_below(label: str) -> dict[str, Any]:
    """One button that shares their own number; without a label, it goes away again."""
    if not label:
        return {"remove_keyboard": True}
    return {"keyboard": [[{"text": label, "request_contact": True}]], "resize_keyboard": True, "one_time_keyboard": True}


def _short(label: str) -> str:
    return label if len(label) <= LABEL_LIMIT else label[: LABEL_LIMIT - 1] + "…"


def _split(text: str) -> list[str]:
    """At line ends where it can be, never within a pair of surrogates."""
    pieces = []
    while units(text) > TEXT_LIMIT:
        end = TEXT_LIMIT
        while units(text[:end]) > TEXT_LIMIT:
            end -= max(1, (units(text[:end]) - TEXT_LIMIT) // 2)
        cut = text.rfind("\n", end // 2, end)
        cut = cut if cut > 0 else end
        pieces.append(text[:cut])
        text = text[cut:].lstrip("\n")
    return [*pieces, text]


def units(text: str) -> int:
    """Length as Telegram counts it: UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def commands(names: Mapping[str, str]) -> list[dict[str, str]]:
    """For setMyCommands: name -> description (at most 256 characters)."""
    return [{"command": name, "description": description[:256]} for name, description in names.items()]


# ---- how it failed ----------------------------------------------------------------------------------------------------

_FAULTS = (  # (status, part of the description, reason), first match; texts as in the server's source
    (401, "", "unauthorised"),
    (404, "not found", "unauthorised"),  # of the whole method: a malformed token
    (403, "user is deactivated", "deactivated"),
    (403, "kicked", "kicked"),
    (403, "not a member", "kicked"),
    (403, "", "blocked"),
    (400, "upgraded to a supergroup", "migrated"),
    (400, "chat not found", "chat-not-found"),
    (400, "peer_id_invalid", "chat-not-found"),
    (400, "user not found", "chat-not-found"),
    (400, "deactivated", "deactivated"),
    (400, "too long", "too-large"),
    (400, "too big", "too-large"),
    (413, "", "too-large"),
    (429, "", "limited"),
    (400, "", "bad-request"),
    (409, "", "limited"),
)
_FINE = ("message is not modified", "query is too old", "query id is invalid")
_NO_EDIT = ("message to edit not found", "message can't be edited", "message_id_invalid")


def is_fine(description: str) -> bool:
    """A refusal that says: it is so already, or it does not matter any more."""
    return any(part in description.lower() for part in _FINE)


def cannot_edit(description: str) -> bool:
    """The message is gone or too old: say it anew."""
    return any(part in description.lower() for part in _NO_EDIT)


def classify(status: int, description: str, retry_after: float | None = None) -> SendError:
    """What a refusal means for delivery."""
    text = description.lower()
    reason = next((reason for code, part, reason in _FAULTS if code == status and part in text), "server" if status >= 500 else "bad-request")
    if reason == "limited":
        return SendError(reason, retry_after=max(1.0, retry_after if retry_after is not None else 5.0))
    return SendError(reason)
