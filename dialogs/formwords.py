"""What an importer of forms says about one, and the words that it finds in it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dialogs.labels import code_of_language, readable
from dialogs.sheets import Finding

LONGEST_SENTENCE = 2_000  # characters


@dataclass(slots=True)
class Complaints:
    """What stops a form, and what is only said."""

    wrong: list[Finding] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def refuse(self, text: str, row: int, column: str = "", sheet: str = "survey") -> None:
        self.wrong.append(Finding(text, sheet, row, column))

    def say(self, text: str, row: int, column: str = "", sheet: str = "survey") -> None:
        self.findings.append(Finding(text, sheet, row, column))


@dataclass(slots=True)
class FormWords:
    """Sentences in all languages of a form; `default` is the language of what does not say its own."""

    default: str
    texts: defaultdict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))  # sentence id -> language -> text
    framed: dict[str, tuple[str, dict[str, dict[str, str]]]] = field(default_factory=dict)  # sentence id -> one of ours, and what stands in it
    languages: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)  # names of languages that nobody knows

    def by_language(self, words: Any) -> dict[str, str]:
        """What stands in one cell of each language's column; the same language may be written in several ways."""
        found = dict[str, str]()
        pairs = words.items() if isinstance(words, Mapping) else [("default", words)] if words is not None else []
        for called, text in sorted(pairs, key=lambda pair: pair[0] == "default"):
            code = self.default if called == "default" else code_of_language(str(called))
            if not code:
                self.unknown.add(str(called))
            elif (plain := readable(str(text))) and code not in found:
                found[code] = plain if len(plain) <= LONGEST_SENTENCE else re.sub(r"\$\{[^}]*$", "", plain[:LONGEST_SENTENCE]) + "…"
                if code not in self.languages:
                    self.languages.append(code)
        return found

    def put(self, name: str, texts: Mapping[str, str]) -> dict[str, str]:
        if texts:
            self.texts[name].update(texts)
        return self.texts[name] if texts else {}
