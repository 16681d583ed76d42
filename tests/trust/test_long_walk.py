"""The long walk: `make trust`. The quick one, with the controls that must be caught, is in tests/test_walk.py."""

from __future__ import annotations

import os
import time

import pytest
from test_walk import told, walk

pytestmark = [pytest.mark.trust, pytest.mark.skipif(not os.environ.get("TRUST"), reason="takes a minute: make trust")]
CONVERSATIONS = 10_000


def test_ten_thousand_conversations_find_a_way_on_and_lose_nothing(scripts, seed, capsys):
    began = time.perf_counter()
    seen = walk(scripts, seed, CONVERSATIONS)
    with capsys.disabled():
        print(f"\n  random walk: conversations={CONVERSATIONS} {told(seen)} seconds={time.perf_counter() - began:.0f} astray=0 seed={seed}")
