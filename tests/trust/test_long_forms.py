"""Every form, filled in a hundred times by chance in each of its languages, beside an independent judge."""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest
from forms_walk import Filler, judged
from test_forms import ALL_ALLOWED, OURS, REAL, attached_to, with_form, xform_of

from dialogs.sheets import FormError, read_form
from dialogs.xlsform import form_of

pytestmark = [
    pytest.mark.trust,
    pytest.mark.skipif(not os.environ.get("TRUST"), reason="takes minutes: make trust"),
    pytest.mark.filterwarnings("ignore"),
]  # openpyxl's, about styles
TIMES = 100


def test_a_hundred_people_a_form_and_nothing_is_left_open(scripts, seed, show):
    rxeval = pytest.importorskip("rxeval", reason="an oracle, where it is at hand: pip install rxeval")
    rnd, total, reasons, left = random.Random(seed), Counter(), Counter(), []
    for path in (*OURS, *REAL):
        try:
            made = form_of(read_form(path.read_bytes(), path.name), ALL_ALLOWED, attached_to(path))
        except FormError:
            total["refused"] += 1
            continue
        everything, dialog = with_form(scripts, made)
        xform = xform_of(path)
        for language in made.languages:
            for _ in range(TIMES):
                filler = Filler(everything, dialog, rnd, language).fill()
                count, differ = judged(filler, xform, rxeval)
                total += Counter(filled=1, turns=filler.turns, compared=count)
                reasons.update(reason for _, reason in differ if reason)
                left += [f"{path.name}: {each}" for each, reason in differ if not reason]
    show("forms", f"{' '.join(f'{name}={number}' for name, number in total.items())} disagreements={len(left)} reasoned={sum(reasons.values())}")
    assert left == []
