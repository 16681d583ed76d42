"""Links and their QR codes for posters: what is printed there says who comes, from where, and in which language."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import segno

from bot.errors import FrontdoorError
from bot.settings import CAMPAIGN, Programme

LONGEST = 64  # characters of A-Z a-z 0-9 _ - that Telegram lets a link carry

EVENT = re.compile(r"event_[a-z][a-z0-9]{3,15}")


def payload_of(programme: Programme, entrance: str, campaign: str = "", language: str = "", forms: Collection[str] = ()) -> str:
    """As in `sme_c-hanse_l-de`; `forms`: commands that a link may lead to as well; and every event, as `event_k7m2qx`. Raises FrontdoorError."""
    if entrance not in (*programme.entrances, *forms) and not EVENT.fullmatch(entrance):
        raise FrontdoorError(
            f"{entrance!r} is no entrance of programme.yaml, no event (event_CODE) and no form; there are {', '.join((*programme.entrances, *forms))}."
        )
    if campaign and not CAMPAIGN.fullmatch(campaign):
        raise FrontdoorError("A campaign's name has at most 30 of a-z 0-9 and -, as in hanse-2027.")
    if language and language not in programme.languages:
        raise FrontdoorError(f"{language!r} is no language of programme.yaml; there are {', '.join(programme.languages)}.")
    payload = "_".join([entrance, *([f"c-{campaign}"] if campaign else []), *([f"l-{language.replace('_', '-')}"] if language else [])])
    if len(payload) > LONGEST:
        raise FrontdoorError(f"The link would be too long for Telegram by {len(payload) - LONGEST} characters; choose a shorter name for the campaign.")
    return payload


def links_of(payload: str, bot: str, public_url: str) -> dict[str, str]:
    """Door -> link. `bot`: its @username, without the @; `public_url`: where the web chat is. Raises FrontdoorError when there is neither."""
    if bot and not re.fullmatch(r"[A-Za-z0-9_]{4,32}", bot):
        raise FrontdoorError(f"{bot!r} is no name of a Telegram bot; it looks like example_bot.")
    links = ({"telegram": f"https://t.me/{bot}?start={payload}"} if bot else {}) | ({"web": f"{public_url}/chat?start={payload}"} if public_url else {})
    if not links:
        raise FrontdoorError("There is no door that a link could lead to: set FRONTDOOR_TELEGRAM_TOKEN or FRONTDOOR_PUBLIC_URL.")
    return links


def draw(link: str, path: Path) -> Path:
    """Its QR code as SVG (prints at any size), readable with a quarter of it torn away. Raises FrontdoorError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        code: Any = segno.make(link, error="q", micro=False)
        code.save(str(path), kind="svg", scale=10, border=4, xmldecl=False, title=link)
    except OSError as error:
        raise FrontdoorError(f"{path} can't be written ({error.strerror}). May this user write there?") from error
    return path
