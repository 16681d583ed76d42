"""Questionnaires of the organisers: which are open, and handing one in without a name."""

from __future__ import annotations

from collections.abc import Mapping

from bot.effects.nouns import Context, Outcome, answer_of
from dialogs.filled import filled_of
from dialogs.nouns import Fact, Known
from storage import submissions


async def mine(context: Context) -> Mapping[str, Fact]:
    """Those that somebody may answer, in the order of their names."""
    return {name: {"say": f"open-forms.{name}"} for name in sorted(context.scripts.open_forms)}


async def hand_in(context: Context) -> Outcome:
    """What was answered becomes a submission of nobody's, and is the person's no more: both in the turn's own commit."""
    dialog, person = context.scripts[context.dialog], context.person
    if person is None:
        return Outcome()
    theirs = {question: row for question, row in person.answers.items() if question[0].startswith(f"{dialog.dialog}.")}
    now = context.unit.now.astimezone(context.programme.timezone)
    facts = {"today": now.date().isoformat(), "now": now.date().isoformat(), "channel": context.chat.channel}  # by the minute, somebody could be found
    filled = filled_of(context.scripts, dialog, Known({question: answer_of(row) for question, row in theirs.items()}, {}, facts), context.chat.language)
    await submissions.hand_in(context.unit, dialog.dialog, dialog.version, context.chat.language, facts["today"], filled.to_json())
    return Outcome(handed_in=frozenset(theirs))
