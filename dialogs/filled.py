"""What was answered to a form, in the form's own shape. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dialogs.asking import Asking, Place, Rounds
from dialogs.model import Dialog, Scripts, Step
from dialogs.nouns import Frame, Known, State


@dataclass(slots=True)
class Filled:
    """Columns and values, and of every repeat its rounds. What does not apply, or was not answered, is not in it."""

    values: dict[str, str] = field(default_factory=dict)  # column (house/rooms/size) -> value
    rounds: dict[str, list[Filled]] = field(default_factory=dict)  # column of the repeat -> its rounds
    version: str = ""  # of the form; of the whole form only
    complete: bool = True  # is everything answered, or passed over? Of the whole form only
    aside: dict[str, str] = field(default_factory=dict)  # of questions that a newer version has no more: id and round -> value

    def to_json(self) -> dict[str, Any]:
        rounds = {name: [each.to_json() for each in there] for name, there in self.rounds.items()}
        more = {"version": self.version, "aside": self.aside}
        return {"values": self.values, "rounds": rounds} | {name: value for name, value in more.items() if value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Filled:
        rounds = {name: [cls.from_json(each) for each in there] for name, there in data["rounds"].items()}
        return cls(dict(data["values"]), rounds, data.get("version", ""), aside=dict(data.get("aside", {})))


def filled_of(scripts: Scripts, dialog: Dialog, known: Known, language: str) -> Filled:
    """Calculations are worked out as of now, in `language` where they tell what a choice is called."""
    asking = Asking(scripts, State(language), known, {})
    place = Place.of(Frame(dialog.dialog), dialog)
    asking.prepare(place)
    filled = _filled(asking, place, dialog.steps, ())
    filled.version = dialog.form.version if dialog.form else ""
    for (question, round_), answer in known.answers.items():
        if question.startswith(f"{dialog.dialog}.") and answer.kind == "given" and scripts.question(question) is None:
            filled.aside[f"{question.partition('.')[2]}{f'[{round_}]' if round_ else ''}"] = answer.value
    return filled


def _filled(asking: Asking, place: Place, steps: Sequence[Step], rounds: Rounds) -> Filled:
    filled = Filled()
    for step in steps:
        if step.column is None or not asking.applies(place, step, rounds):
            continue
        if step.steps:
            last = asking.last_round(place, step, rounds)
            filled.rounds[step.column] = [_filled(asking, place, step.steps, (*rounds, number)) for number in range(1, last + 1)]
            filled.complete &= all(inner.complete for inner in filled.rounds[step.column]) and (bool(step.count) or asking.is_finished(place, step, rounds))
        elif value := asking.value_of(place, step, rounds):
            filled.values[step.column] = value
        elif step.ask and asking.kept(place, step, rounds) is None:
            filled.complete = False
    return filled
