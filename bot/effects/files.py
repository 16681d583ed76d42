"""A file that was asked for: what is to be fetched goes into the outbox with the turn's own commit, so that no crash loses it."""

from __future__ import annotations

from bot.effects.nouns import Context, Outcome
from storage.records import Draft


async def fetch(context: Context) -> Outcome:
    """A letter without words, for delivery: bot/fetching.py fetches the file, and the conversation goes on from there."""
    wanted = {
        "file": context.memo["file"],
        "prompt": int(context.memo["prompt"]),
        "most": int(context.memo["most"]),
        "person": str(context.person.id) if context.person else "",
    }
    return Outcome(notices=(Draft(f"fetch.{context.chat.id}.{context.chat.turn}", {"parts": [], "fetch": wanted}, context.chat),))
