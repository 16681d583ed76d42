"""What counts as an answer to a question that is typed. Raw words in, an Answer or a Fault out."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from dialogs.model import Step
from dialogs.nouns import Answer, Facts

YEARS = re.compile(r"\b(19|20)\d\d ?[-–/] ?(19|20)\d\d\b")  # "2015-2020, welder" is private to nobody
LONGEST_NUMBER = 12  # digits: no count of years or people has more, and int() of a million digits takes seconds


@dataclass(frozen=True, slots=True)
class Fault:
    """Why it does not count: a sentence id with its facts."""

    sentence: str
    facts: Facts = field(default_factory=dict)


def understand(step: Step, text: str, *, insisted: bool = False) -> Answer | Fault:
    """`insisted`: the person was warned that the text looks private, and sent one again."""
    if step.ask == "number":
        return _number(step, text)
    words = " ".join(text.split()) if step.most <= 200 else text.strip()
    if not any(unicodedata.category(character)[0] in "LN" for character in words):
        return Fault("common.no-words")
    if len(words) > step.most:
        return Fault("common.too-long", {"most": step.most, "length": len(words)})
    if step.class_ != "contact" and not insisted and looks_private(words):
        return Fault("common.looks-private")
    return _checked(step, Answer("given", "other", words) if step.other else Answer("given", words))


def _number(step: Step, text: str) -> Answer | Fault:
    """Digits of every script count: ١٢, ۱۲ and 12 are twelve."""
    digits = "".join(str(unicodedata.decimal(character)) if character.isdecimal() else character for character in text)
    found = re.findall(r"\d+", digits)
    if len(found) != 1 or len(found[0]) > LONGEST_NUMBER or "-" in digits:
        return Fault("common.not-a-number")
    return _checked(step, Answer("given", str(int(found[0])), text.strip()[:200]))


def _checked(step: Step, answer: Answer) -> Answer | Fault:
    if step.check and not step.check.holds({}, answer.value):
        return Fault("common.not-possible")
    return answer


def looks_private(text: str) -> bool:
    """A phone, card or document number: seven digits or more in one run (blanks, dots, dashes, slashes between allowed),
    or letters and digits mixed as on a passport."""
    plain = "".join(str(unicodedata.decimal(character)) if character.isdecimal() else character for character in text)
    plain = YEARS.sub("", plain)
    runs = re.findall(r"\d(?:[ ./()-]{0,2}\d)*", plain)
    return any(sum(map(str.isdigit, run)) >= 7 for run in runs) or bool(re.search(r"\b[A-Z]{1,3} ?\d{6,}\b|\b[A-Z]\d[A-Z0-9]{7}\b", plain))
