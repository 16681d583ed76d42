"""What was answered to a form, in the form's own shape. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dialogs.asking import Asking, Place, Rounds
from dialogs.model import Dialog, Scripts, Step
from dialogs.nouns import Frame, Known, State


@dataclass(slots=True)
class Record:
    """Columns and values, and of every repeat its rounds. What does not apply, or was not answered, is not in it."""

    values: dict[str, str] = field(default_factory=dict)  # column (house/rooms/size) -> value
    rounds: dict[str, list[Record]] = field(default_factory=dict)  # column of the repeat -> its rounds

    def to_json(self) -> dict[str, object]:
        return {"values": self.values, "rounds": {name: [each.to_json() for each in there] for name, there in self.rounds.items()}}

    @classmethod
    def from_json(cls, data: dict[str, dict[str, object]]) -> Record:
        rounds = {name: [cls.from_json(each) for each in there] for name, there in data["rounds"].items()}  # type: ignore[attr-defined]  # reason: as to_json() wrote it
        return cls({name: str(value) for name, value in data["values"].items()}, rounds)


def record_of(scripts: Scripts, dialog: Dialog, known: Known, language: str) -> Record:
    """Calculations are worked out as of now, in `language` where they tell what a choice is called."""
    asking = Asking(scripts, State(language), known, {})
    place = Place.of(Frame(dialog.dialog), dialog)
    asking.prepare(place)
    return _record(asking, place, dialog.steps, ())


def _record(asking: Asking, place: Place, steps: Sequence[Step], rounds: Rounds) -> Record:
    record = Record()
    for step in steps:
        if step.column is None or not asking.applies(place, step, rounds):
            continue
        if step.steps:
            last = asking.last_round(place, step, rounds)
            record.rounds[step.column] = [_record(asking, place, step.steps, (*rounds, number)) for number in range(1, last + 1)]
        elif value := asking.value_of(place, step, rounds):
            record.values[step.column] = value
    return record
