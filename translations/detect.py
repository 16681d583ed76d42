"""Which language is this? A suggestion, never a decision: whoever chose a language has chosen.

clean -> script -> letters -> backends, masked to the languages that are left -> what else is known of the person -> threshold. What is too
short or too doubtful is nothing, for asking costs less than answering somebody in a language that they don't read.
"""

from __future__ import annotations

import importlib.util
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from translations.profiles import Profiles, same
from translations.words import own_name

GREETINGS = Path(__file__).parent / "greetings.tsv"
NO_WORDS = re.compile(r"https?://\S+|www\.\S+|\S{1,64}@\S+|(?<!\w)[@/#]\w+|[\d_]+")
LOOKED_AT = 300  # characters of a text: whoever reads so far knows
SURE = 0.8  # of all that it could be; measured: of sentences that reach it, 997 of 1,000 are right
HINT = 12.0  # how many times likelier a language is that a channel or an earlier choice names; above 60 it spoils sentences
FEWEST = 2  # words, below which a guess is none (unless it is a greeting)
LETTERS = {  # that only one of the languages of a script has
    "ckb": "ێۆڕڵڤە",
    "ur": "ٹڈڑںےۂۓہ",
    "ps": "ټډړږښګڼېۍځڅۀ",
    "uk": "іїєґ",
    "ru": "ыэъё",
    "ti": "ቐቑቒቓቔቕቖቘቚቛቜቝኸኹኺኻኼኽኾዀዂዃዄዅ",
    "de": "ß",
    "pl": "łśżźćńęą",
    "es": "ñ¿¡",
    "pt": "ãõ",
    "tr": "ığ",
}
OF_OTHERS = frozenset("ўқғңұәөүђћџљњѓќѕ")  # letters of Cyrillic languages that are none of ours: Belarusian is not Russian
MEANT = {  # what channels and browsers call some languages -> what we do (ISO 639-3, and what is spoken where)
    "prs": "fa_AF",
    "pes": "fa",
    "kmr": "ku",
    "sdh": "ckb",
    "pbt": "ps",
    "pbu": "ps",
    "pst": "ps",
    "als": "sq",
    "aln": "sq",
    "tir": "ti",
    "amh": "am",
    "som": "so",
    "urd": "ur",
    **dict.fromkeys("ajp apc apd arb arq ary arz acm acw acx aeb afb ayl".split(), "ar"),
    "ku-iq": "ckb",
    "ku-ir": "ckb",
    "ku-arab": "ckb",
}


@dataclass(frozen=True, slots=True)
class Guess:
    """The likeliest language. `confidence`: 0 to 1, among those that it could be."""

    language: str
    confidence: float
    words: int

    @property
    def is_sure(self) -> bool:
        return self.confidence >= SURE


class Backend(Protocol):
    """What knows languages by their looks."""

    languages: frozenset[str]

    def scores(self, text: str, candidates: Collection[str]) -> Mapping[str, float]:
        """Logarithms of how likely each candidate is; only differences between them count."""

    def is_foreign(self, text: str, language: str) -> bool:
        """Is it more likely in a language that is none of ours?"""


class Py3langid:
    """The default: 140 languages in 4.6 MB, 100 MB in memory, tens of microseconds a text."""

    def __init__(self, languages: Iterable[str]) -> None:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - a second and 100 MB

        self._model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        self.languages = frozenset(languages) & frozenset(self._model.labels)

    def scores(self, text: str, candidates: Collection[str]) -> Mapping[str, float]:
        return {language: math.log(max(share, 1e-12)) for language, share in self._model.rank(text) if language in candidates}

    def is_foreign(self, text: str, language: str) -> bool:
        """Dutch must not be Somali only because it is none of the others. Of a language that the model does not know, it can't tell."""
        return language in self.languages and self._model.classify(text)[0] not in self.languages


class Lingua:
    """The extra `lingua`: better on single words; 96 MB on disk, 400 in memory."""

    def __init__(self, languages: Iterable[str]) -> None:
        from lingua import Language, LanguageDetectorBuilder  # noqa: PLC0415 - an extra

        wanted = {code.upper() for code in languages}
        known = {each.iso_code_639_1.name.lower(): each for each in Language.all() if each.iso_code_639_1.name in wanted}
        self._names = {each: code for code, each in known.items()}
        self._model = LanguageDetectorBuilder.from_languages(*known.values()).build()
        self.languages = frozenset(known)

    def scores(self, text: str, candidates: Collection[str]) -> Mapping[str, float]:
        found = {self._names[each.language]: each.value for each in self._model.compute_language_confidence_values(text)}
        return {language: math.log(max(found.get(language, 0.0), 1e-6)) for language in candidates if language in self.languages}

    def is_foreign(self, text: str, language: str) -> bool:  # noqa: ARG002 - it knows no others: that is what makes it small
        return False


class Langdetect:
    """The extra `langdetect`: with the profiles of our languages only, and our own where it has none."""

    def __init__(self, languages: Iterable[str]) -> None:
        from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory  # noqa: PLC0415 - an extra
        from langdetect.lang_detect_exception import LangDetectException  # noqa: PLC0415

        DetectorFactory.seed = 0  # else it throws dice
        own, self.languages, self._no_features = Profiles(), frozenset(languages), LangDetectException
        self._factory = DetectorFactory()
        theirs = {path.name: path.read_text("utf-8") for path in Path(PROFILES_DIRECTORY).iterdir() if path.name in self.languages}
        made = {language: _as_langdetect_has_it(language, own) for language in (self.languages & own.languages) - theirs.keys()}
        self.languages = frozenset({*theirs, *made})
        self._factory.load_json_profile([text for _, text in sorted({**theirs, **made}.items())])

    def scores(self, text: str, candidates: Collection[str]) -> Mapping[str, float]:
        detector = self._factory.create()
        detector.set_prior_map({language: 1.0 for language in candidates if language in self.languages})
        detector.append(text)
        try:
            found = {each.lang: each.prob for each in detector.get_probabilities()}
        except self._no_features:
            found = {}
        return {language: math.log(max(found.get(language, 0.0), 1e-6)) for language in candidates if language in self.languages}

    def is_foreign(self, text: str, language: str) -> bool:  # noqa: ARG002 - as above
        return False


def _as_langdetect_has_it(language: str, own: Profiles) -> str:
    grams = own.of(language, 3)
    sums = [sum(count for gram, count in grams.items() if len(gram) == length) for length in (1, 2, 3)]
    return json.dumps({"freq": grams, "n_words": sums, "name": language})


BACKENDS: Mapping[str, Any] = {"py3langid": Py3langid, "lingua": Lingua, "langdetect": Langdetect}
WEIGHTS = {"py3langid": 1.0, "lingua": 2.0, "langdetect": 1.0}
OWN = 0.9  # the weight of our own profiles beside a backend


def missing(names: Sequence[str]) -> list[str]:
    """Backends that are not installed."""
    return [name for name in names if importlib.util.find_spec(name) is None]


class Detector:
    def __init__(self, languages: Iterable[str], backends: Sequence[str] = ("py3langid",)) -> None:
        """Loads the models: up to a second, in whichever thread. `languages`: those that it may say."""
        self._languages = {same(language) for language in languages}
        self._own = Profiles()
        self._backends: list[tuple[float, Backend]] = [(WEIGHTS[name], BACKENDS[name](self._languages)) for name in backends]  # ours comes beside these

    def guess(self, text: str, hints: Collection[str] = ()) -> Guess | None:
        """The likeliest language of a text. `hints`: what a channel says of the person, or they chose before. None: there is nothing to
        tell it by. Persian may be Dari: nobody can tell them apart. (Never masked to what is offered: then Russian would be Ukrainian.)"""
        cleaned = clean(text[:LOOKED_AT])
        words = len(cleaned.split())
        if sum(character.isalpha() for character in cleaned) < 2 or not OF_OTHERS.isdisjoint(cleaned):
            return None
        candidates = _of_script(cleaned, self._languages)
        greeted = [each for each in greetings().get(cleaned.strip(" .!?؟…,،።"), ()) if each in candidates]
        shares = self._shares(cleaned, by_letters(cleaned, greeted or candidates), {same(each) for each in hints})
        if not shares:
            return None
        best = max(shares, key=lambda each: shares[each])
        if len(greeted) == 1 and not self._speaks_against(hints, greeted[0]):
            return Guess(greeted[0], max(shares[best], 0.95), words)
        sure = (words >= FEWEST or (greeted and not self._speaks_against(hints, best))) and not any(
            backend.is_foreign(cleaned, best) for _, backend in self._backends
        )
        return Guess(best, shares[best] if sure else min(shares[best], SURE - 0.01), words)

    def _speaks_against(self, hints: Collection[str], language: str) -> bool:
        """Somebody of whom we know another language said one word that it may share."""
        return bool(hints) and language not in {same(each) for each in hints}

    def _shares(self, text: str, candidates: Collection[str], hints: Collection[str]) -> dict[str, float]:
        """Language -> its share of all that it could be: the weighted mean of what each backend that knows it says, and the hint."""
        if len(candidates) == 1:
            return dict.fromkeys(candidates, 1.0)
        total, weights = dict.fromkeys(candidates, 0.0), dict.fromkeys(candidates, 0.0)
        for weight, backend in ((OWN, self._own), *self._backends):
            known = [each for each in candidates if each in backend.languages]
            scores = backend.scores(text, known) if len(known) > 1 else {}
            whole = _log_of_sum(scores.values()) if scores else 0.0
            for language, score in scores.items():
                total[language] += weight * (score - whole)
                weights[language] += weight
        most = max(weights.values(), default=0.0)
        logs = {
            language: score * (most / weights[language]) + (math.log(HINT) if language in hints else 0.0)
            for language, score in total.items()
            if weights[language]
        }
        return {language: math.exp(score - _log_of_sum(logs.values())) for language, score in logs.items()}


def _log_of_sum(logs: Collection[float]) -> float:
    top = max(logs)
    return top + math.log(sum(math.exp(each - top) for each in logs))


def clean(text: str) -> str:
    """Without addresses, @names, /commands and digits; in lower case (some detectors skip shouting)."""
    letters = "".join(
        character if character.isalpha() or character in "'’-¿¡" or unicodedata.category(character)[0] == "M" else " " for character in NO_WORDS.sub(" ", text)
    )
    return unicodedata.normalize("NFC", " ".join(letters.split())).lower()


def by_letters(text: str, candidates: Collection[str]) -> Collection[str]:
    """Those that some letters leave: each that only one of them has counts."""
    counts = {language: sum(text.count(letter) for letter in LETTERS[language]) for language in candidates if language in LETTERS}
    most = max(counts.values(), default=0)
    if not most:
        return candidates
    first = [language for language, count in counts.items() if count == most]
    return first if len(first) == 1 else candidates


def _of_script(text: str, candidates: Collection[str]) -> Collection[str]:
    script = script_of(text)
    return {each for each in candidates if _script_of_language(each) == script}


@cache
def _script_of_language(language: str) -> str | None:
    return script_of(own_name(language))


@cache
def greetings() -> Mapping[str, tuple[str, ...]]:
    """What is said -> the languages that say so."""
    found: dict[str, tuple[str, ...]] = {}
    for line in GREETINGS.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            language, _, there = line.partition("\t")
            for word in map(clean, there.split("|")):
                if language not in found.get(word, ()):
                    found[word] = (*found.get(word, ()), language)
    return found


def closest(code: str, offered: Sequence[str]) -> str | None:
    """The offered language that a channel's IETF tag (`de`, `pt-br`, `fa-AF`, `prs`) means, if there is one. A close relative is none:
    Belarusian is not Russian."""
    tag = code.replace("_", "-").lower()
    base = tag.partition("-")[0]
    meant = MEANT.get(tag) or MEANT.get(base) or ""
    for candidate in (meant.replace("_", "-").lower(), tag, base, meant.partition("_")[0]):
        for language in offered:
            if candidate and language.replace("_", "-").lower() == candidate:
                return language
    return None


def script_of(text: str) -> str | None:
    """LATIN, CYRILLIC, ARABIC, ...: the script of most letters; None without letters."""
    names = Counter(unicodedata.name(character, "?").split()[0] for character in text if character.isalpha())
    return names.most_common(1)[0][0] if names else None


def by_script(text: str, offered: Sequence[str]) -> str | None:
    """The only offered language written in the script of `text`; None when several are, or none. Latin letters say
    nothing: everybody with a borrowed phone has them."""
    script = script_of(text)
    if script in {None, "LATIN"}:
        return None
    fitting = [language for language in offered if _script_of_language(language) == script]
    return fitting[0] if len(fitting) == 1 else None
