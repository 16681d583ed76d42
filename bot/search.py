"""What somebody means by their own words: labels that are written alike. Pure; the only file that knows rapidfuzz.

Words are compared, not lines: the words of a question with the vocabulary of the labels (some thousand words a language, found by
the groups of three letters that they share), and then labels by how much of them, and of the question, was found. So a sentence
finds what a word finds, a hundred thousand labels are no slower than their vocabulary, and no label is kept as text.
"""

from __future__ import annotations

import math
import re
import unicodedata
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nlargest

from rapidfuzz.distance import OSA, Indel

LONGEST_QUESTION = 300  # characters that are looked at
MOST_WORDS = 24  # of a question
ALIKE = 0.62  # words that are less alike are different words
MOST_ALIKE = 30  # words of the vocabulary for one word of the question
PASSING = 0.12  # how much a word of a label counts that stands in every sentence (I, have, worked, as); in a question it counts not at all,
NO_WORK = 0.5  # unless there is no other: then whatever is found is hardly meant

_LETTERS = str.maketrans(
    {
        "ł": "l",
        "đ": "d",
        "ø": "o",
        "ı": "i",
        "æ": "ae",
        "œ": "oe",
        "ß": "ss",
        "ð": "d",
        "þ": "th",
        # Arabic, Persian, Sorani and Urdu keyboards have their own alef, ya, kaf and ha; hamza is left out as often as not.
        "أ": "ا",
        "إ": "ا",
        "آ": "ا",
        **dict.fromkeys("ۍےۓ", "ي"),  # Pashto, Urdu
        **dict.fromkeys("ھۂە", "ه"),
        "ځ": "ز",
        **dict.fromkeys("ڕړڑ", "ر"),  # Sorani, Pashto, Urdu: what phones without their keyboard write instead
        **dict.fromkeys("ډڈ", "د"),
        **dict.fromkeys("ټٹ", "ت"),
        "ڵ": "ل",
        "ۆ": "و",
        "ێ": "ي",
        "ڼ": "ن",
        "ں": "ن",
        **dict(zip("ሠሡሢሣሤሥሦ", "ሰሱሲሳሴስሶ", strict=True)),  # Ethiopic: letters that sound the same, and are written for each other
        **dict(zip("ፀፁፂፃፄፅፆ", "ጸጹጺጻጼጽጾ", strict=True)),
        **dict(zip("ዐዑዒዓዔዕዖ", "አኡኢኣኤእኦ", strict=True)),
        **dict(zip("ኀኁኂኃኄኅኆ", "ሀሁሂሃሄህሆ", strict=True)),
        **dict(zip("ሐሑሒሓሔሕሖ", "ሀሁሂሃሄህሆ", strict=True)),
        "ٱ": "ا",
        "ى": "ي",
        "ی": "ي",
        "ې": "ي",
        "ئ": "ي",
        "ؤ": "و",
        "ة": "ه",
        "ۀ": "ه",
        "ہ": "ه",
        "ک": "ك",
        "ګ": "گ",
        "ـ": None,
        "ء": None,
        # What Ukrainian and Russian write differently, and what is typed on the other's keyboard.
        "ё": "е",
        "є": "е",
        "э": "е",
        "і": "и",
        "ї": "и",
        "ы": "и",
        "й": "и",
        "ґ": "г",
        "ъ": None,
        "ь": None,
        "'": None,
        "’": None,
        "ʼ": None,
    }
)


_NO_LETTERS = re.compile(r"[^a-z0-9+#']+")


def fold(text: str) -> str:
    """The same word, however it is written: case, accents, ß and ł, the Arabic alef, ya, ta marbuta, tatweel and article."""
    if text.isascii():  # most labels are English: four times as fast
        return " ".join(_NO_LETTERS.sub(" ", text.lower()).replace("'", "").split())
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS)
    plain = "".join(each for each in unicodedata.normalize("NFD", plain) if unicodedata.category(each) != "Mn").translate(_LETTERS)
    plain = "".join(each if each.isalnum() or each in "+#" else " " for each in plain)
    return " ".join(map(_without_article, plain.split()))


def _without_article(word: str) -> str:
    """Arabic writes "the", "and the", "with the" in front of the word, in one piece."""
    for start, least in (("ال", 5), ("وال", 6), ("بال", 6), ("كال", 6), ("لل", 5)):
        if word.startswith(start) and len(word) >= least:
            return word[len(start) :]
    return word


def spoken(label: str) -> list[str]:
    """A label as people say it: both genders of `Schweißer/Schweißerin`, `Koch/Köchin`, `Schweißer/in`, `مساعد / مساعدة`; and without
    what stands in brackets."""
    if "(" in label and (bare := re.sub(r"\s*\([^)]*\)", "", label).strip()):
        return [label.replace("(", " ").replace(")", " "), *spoken(bare)]
    parts = [part.strip(" -") for part in label.split("/")]
    parts = [part for part in parts if part]
    if len(parts) < 2:
        return parts
    first = parts[0]
    return [first, *(first + part if len(part) <= 4 and part.islower() and " " not in part else part for part in parts[1:])]  # Schweißer/in


_PASSING = """
i me my am is are many several was were have has had been be as a an the and or of in on at for with to by from do did does can could job work worked working works
years year long very good well also some would like want looking used know how people person experience profession all kind home
ich bin war habe hatte als und oder mit in im am an auf bei der die das den dem des ein eine einen einem einer für von zu zum zur kann konnte
gearbeitet arbeite arbeitet arbeiten arbeit gelernt beruf jahre jahren jahr lange gut gerne auch sehr früher gewesen suche möchte will wir man etwas
je suis ai j ai été comme et ou avec dans en au aux à le la les l un une des de du d pour par sur travaillé travaille travail travailler métier ans an
peux sais faire fais bien aussi très pendant chez mon ma mes dans une cherche voudrais était
sono stato stata ho come e o con nel nella in il lo la i gli le un uno una di del della dei delle da per a al alla lavorato lavoro lavorare facevo faccio
anni anno so fare bene anche molto presso mio mia mi cerco vorrei ero fatto
soy he sido como y o con en el la los las un una de del al para por a trabajado trabajo trabajar trabajaba años año puedo sé hacer bien también muy
mi durante he sido busco quiero era hago
sou fui como e ou com em no na nos nas o a os as um uma de do da dos das para por ao à trabalhei trabalho trabalhar trabalhava anos ano posso sei fazer
bem também muito minha meu durante faço procuro quero era já
jestem byłem byłam mam jako i lub albo z ze w we na do od po za dla przez o u pracowałem pracowałam pracuję praca pracy pracować zawód lat lata rok umiem
potrafię dobrze też bardzo moja mój przy szukam chcę się
я є був була маю як і й та або з із зі в у на до від по за для через про працював працювала працюю робота роботи роботу працювати років роки рік
умію вмію можу знаю добре також дуже моя мій при шукаю хочу досвід професія
был была есть как и или с со в во на до от по за для через про работал работала работаю работа работу работать лет года год умею могу знаю хорошо тоже
очень моя мой при ищу хочу опыт профессия
انا أنا كنت كان عملت اعمل أعمل اشتغلت اشتغل شغل عندي لدي خبرة في من على الى إلى مع عن و او أو هو هي مدة منذ سنة سنوات سنين جيد جيدا ايضا أيضا كل
لي بشكل أبحث ابحث عمل اريد أريد مهنتي مهنة وظيفة استطيع أستطيع اعرف أعرف كعامل
من به در با از را که و یا سال کار کردم میکنم هستم بودم دارم تجربه خوب هم برای
ben bir ve veya ile olarak çalıştım çalışıyorum çalışmak iş yıl yıldır iyi de da için biliyorum
زه یم وم د په کې چې او یا سره کار کوم کړی کولی شم کال کاله ښه تجربه
من لە بۆ و یان کار کارم دەکەم کردووە ساڵ ساڵە باش دەتوانم ئەزموون هەیە
میں ہوں تھا تھی کا کی کے کو سے نے اور یا بطور کام کرتا کرتی کیا سال اچھا سکتا سکتی تجربہ ہے
ez im bûm û an ji di de bi wek kar kiriye kirin sal salan dikarim ezmûn heye
waxaan ahay ahaa iyo ka ku oo sida shaqo shaqeeyay shaqeeyey shaqeeyaa sano sannad fiican karaa khibrad leeyahay
unë une jam isha kam dhe ose me në ne si për per nga punuar punoj vite vjet mirë mire mund di përvojë
ኣነ እየ ነይረ ናይ ኣብ ካብ ምስ ከም ስራሕ እሰርሕ ሰሪሐ ዓመት ጽቡቕ ይኽእል ተመክሮ ኣለኒ
እኔ ነኝ ነበርኩ እና ወይም ከ በ እንደ ሥራ ስራ እሰራለሁ ሰርቻለሁ ዓመት አመት ጥሩ እችላለሁ ልምድ አለኝ
"""
PASSING_WORDS = frozenset(word for each in _PASSING.split() for word in fold(each).split())

_ALWAYS = re.compile(r"[,،;؛\n•·|+&]|\s[-–—/]\s|\.\s")
_PERHAPS = re.compile(r"\s+(?:and|und|sowie|et|e|ed|y|i|oraz|та|і|й|и|و|و(?=\w{3})|ve|or|oder|ou|o|lub|або|или|أو|او)\s*(?<=[\sو])", re.IGNORECASE)


def parts_of(text: str) -> list[tuple[list[str], str]]:
    """Several at once, apart: whatever a comma or a line parts, as the words for "and" might part it further, and as it stands."""
    sure = [part.strip(" .!?-–") for part in _ALWAYS.split(text)]
    return [([each.strip() for each in _PERHAPS.split(part) if each.strip()], part) for part in sure if any(map(str.isalnum, part))]


def is_said_around(text: str) -> bool:
    """Does it look like a piece of a sentence, and not like the name of a work?"""
    words = fold(text).split()
    return len(words) > 4 or any(map(is_passing, words))


def is_passing(word: str) -> bool:
    """A word that tells nothing of a work; folded."""
    return word in PASSING_WORDS or word.isdecimal()


@dataclass(frozen=True, slots=True)
class Hit:
    number: int  # of the entry
    score: float  # 0 to 1: 1 is written the same


class Index:
    """The labels of some entries, to be found by words that are alike. About 30 bytes a label, 600 a word."""

    def __init__(self, labels: Iterable[tuple[int, str, float]]) -> None:
        """(number of the entry, label, how much it counts: 1, or a little more or less)."""
        self._words: dict[str, int] = {}
        self._labels_with: list[array[int]] = []
        self._entry, self._counts = array("I"), array("f")
        seen: set[tuple[int, str]] = set()
        words_of: list[array[int]] = []
        for entry, label, counts in labels:
            folded = fold(label)
            if not folded or (entry, folded) in seen:
                continue
            seen.add((entry, folded))
            words_of.append(self._take(folded, len(words_of)))
            self._entry.append(entry)
            self._counts.append(counts)
        number = len(words_of)
        self._alphabet = list(self._words)
        often = zip(self._alphabet, self._labels_with, strict=True)
        self._rare = array("f", (math.log(1 + number / len(labels)) * (PASSING if word in PASSING_WORDS else 1) for word, labels in often))  # how much it tells
        self._unknown = math.log(1 + number) * 0.6
        self._whole = array("f", (sum(self._rare[word] for word in each) for each in words_of))
        self._by_letters: dict[str, array[int]] = {}
        letters = defaultdict[str, list[int]](list)
        for at, word in enumerate(self._alphabet):
            for each in _threes(word):
                letters[each].append(at)
        self._by_letters = {each: array("I", words) for each, words in letters.items()}

    def _take(self, folded: str, label: int) -> array[int]:
        found = array("I")
        for word in dict.fromkeys(folded.split()):
            at = self._words.setdefault(word, len(self._words))
            if at == len(self._labels_with):
                self._labels_with.append(array("I"))
            self._labels_with[at].append(label)
            found.append(at)
        return found

    def __len__(self) -> int:
        return len(self._entry)

    def closest(self, question: str, most: int = 20) -> list[Hit]:
        """Entries, the closest first, each by its best label."""
        said = list(dict.fromkeys(fold(question[:LONGEST_QUESTION]).split()))
        telling = [word for word in said if not is_passing(word)]
        words, certainty = (telling or said)[:MOST_WORDS], 1.0 if telling else NO_WORK
        asked, found, covered = 0.0, defaultdict[int, float](float), defaultdict[int, float](float)
        for word in words:
            alike = self._alike(word)
            best = max(alike.items(), key=lambda each: each[1], default=(0, 0.0))
            weight = self._rare[best[0]] if best[1] > 0.9 else self._unknown
            asked += weight
            there: dict[int, tuple[float, int]] = {}
            for at, likeness in alike.items():
                for label in self._labels_with[at]:
                    if likeness > there.get(label, (0.0, 0))[0]:
                        there[label] = (likeness, at)
            for label, (likeness, at) in there.items():
                squared = likeness * likeness
                found[label] += weight * squared
                covered[label] += self._rare[at] * squared
        best_of: dict[int, float] = {}
        for label, weight in found.items():
            score = (weight / asked + min(1.0, covered[label] / self._whole[label])) / 2 * self._counts[label] * certainty
            entry = self._entry[label]
            if score > best_of.get(entry, 0.0):
                best_of[entry] = score
        return [Hit(entry, score) for entry, score in nlargest(most, best_of.items(), key=lambda each: each[1])]

    def _alike(self, word: str) -> dict[int, float]:
        """Words of the vocabulary -> how alike, from ALIKE to 1."""
        found = {self._words[word]: 1.0} if word in self._words else {}
        if len(word) < 3:
            return found
        shared = Counter[int]()
        for letters in _threes(word):
            shared.update(self._by_letters.get(letters, ()))
        least = max(1, (len(word) - 1) // 3)  # letters that a mistake touches are in three groups
        for at, number in shared.items():
            if number >= least and (likeness := alike(word, self._alphabet[at])) >= ALIKE:
                found[at] = max(likeness, found.get(at, 0.0))
        return dict(nlargest(MOST_ALIKE, found.items(), key=lambda each: each[1]))


def alike(one: str, other: str) -> float:
    """0 to 1. Two letters that changed places are one mistake; a word inside another one (Stapler, Gabelstapler) is most of it."""
    likeness = Indel.normalized_similarity(one, other)
    if likeness > 0.5 and abs(len(one) - len(other)) <= 1:  # letters that changed places are no other letters
        likeness = max(likeness, OSA.normalized_similarity(one, other))
    short, long = (one, other) if len(one) <= len(other) else (other, one)
    if len(short) >= 5 and short in long:
        likeness = max(likeness, 0.82 if long.startswith(short) or long.endswith(short) else 0.7)
    return likeness


def _threes(word: str) -> set[str]:
    padded = f"  {word} "
    return {padded[at : at + 3] for at in range(len(padded) - 2)}


def fused(*rankings: Sequence[int], most: int = 20) -> list[int]:
    """By rank (reciprocal rank fusion, Cormack et al. 2009): what stands high in any of them, highest in several."""
    points = defaultdict[int, float](float)
    for ranking in rankings:
        for rank, entry in enumerate(ranking):
            points[entry] += 1 / (10 + rank)
    return nlargest(most, points, key=points.__getitem__)
