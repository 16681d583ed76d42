"""How somebody reads: their second language, and what a machine translated in the original."""

from __future__ import annotations

from collections.abc import Mapping

from bot.effects.nouns import Context, Outcome
from bot.letters import pack
from dialogs.nouns import Fact, Message, Say
from storage import calls

NONE = "none"


async def other_languages(context: Context) -> Mapping[str, Fact]:
    """Those offered, beside the one that they chose."""
    codes = [code for code in context.words.languages if code != context.chat.language]
    return {**{code: {"from": "languages", "code": code} for code in codes}, NONE: {"say": "reading.second.none"}}


async def show_original(context: Context) -> Outcome:
    """A line that the team wrote to them, in the words in which it was written; or what is asked just now, without what a machine made of it."""
    number = int(context.memo["which"])
    if number == 0:
        return Outcome(originals=True)
    line = await calls.line_for(context.unit, context.chat, number)
    if line is None:
        return Outcome()
    heading = Say("common.original", {"language": {"from": "spoken-languages", "code": line.language}})
    return Outcome((pack(Message((heading, Say("common.words", {"words": line.content.get("words", "")})))),))
