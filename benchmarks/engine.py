"""How many turns a second the engine takes on one core, without words, database or channel.

    python benchmarks/engine.py

A conversation from the first hello to "saved" again and again, as JSON between the turns as in real life (and without).
"""

from __future__ import annotations

import json
import time

from bot.invented import found
from bot.sources import BUILT_IN, SOURCES
from dialogs.asking import short
from dialogs.files import load_scripts
from dialogs.nouns import Answer, Command, Consent, Heard, Known, Press, Question, State, Text
from dialogs.turn import take_turn

OFFERED = ("en", "de", "ar", "uk")
WELDER = short(next(iter(BUILT_IN)))
TALK: tuple[str | Heard, ...] = (
    *(Command("start"), "uk", "yes", "yes", "no", "newcomer", Text("Olena"), Text("Rostock"), "uk", "first", ".again", "de", "a-little", ".enough"),
    *("job", "training", ".done", Text("welder"), WELDER, "alone", "to-10", "now", ".enough", "here", "evening", ".done", ".skip", ".done"),
)


def conversation(*, through_json: bool) -> int:
    """Returns the turns taken."""
    state, answers, consents = State("en"), dict[Question, Answer](), dict[str, Consent]()
    for line in TALK:
        heard = Press(state.frames[-1].prompt, line) if isinstance(line, str) else line
        known = Known(answers, consents, {"channel": "telegram"})
        turn = take_turn(SCRIPTS, state, known, heard)
        if turn.needs:
            looked_up = {need: found(need) if need.source == "taxonomy" else SOURCES[need.source](OFFERED) for need in turn.needs}
            turn = take_turn(SCRIPTS, state, known, heard, looked_up)
        answers |= {question: answer for question, answer in turn.answered.items() if answer}
        consents |= {decision.purpose: Consent(decision.version, decision.verdict == "given") for decision in turn.decided}
        state = State.from_json(json.loads(json.dumps(turn.state.to_json()))) if through_json else turn.state
    assert state.frames[-1].dialog == "menu"
    return len(TALK)


def measure(seconds: float = 3, *, through_json: bool) -> float:
    """Turns a second."""
    turns, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        turns += conversation(through_json=through_json)
    return turns / (time.perf_counter() - start)


SCRIPTS = load_scripts()

if __name__ == "__main__":
    rounds = sorted((measure(1, through_json=False), measure(1, through_json=True)) for _ in range(5))
    print(f"engine alone: {rounds[2][0]:,.0f} turns/s; with the state through JSON: {rounds[2][1]:,.0f} turns/s (median of 5, one core)")
