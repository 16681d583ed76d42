"""The long crash proofs: `make trust`. The quick ones, with the control that must lose, are in tests/test_crash.py."""

from __future__ import annotations

import os

import pytest
from crash import migrated, outage, stopped, write_locked
from test_crash import prove_kills
from test_replicas import prove_takeovers

pytestmark = [pytest.mark.trust, pytest.mark.skipif(not os.environ.get("TRUST"), reason="takes minutes: make trust")]


async def test_a_thousand_crashes_on_sqlite_lose_nothing(sqlite, nursery, rnd, show):
    await prove_kills(nursery, sqlite(), rnd, 1000, show)


async def test_three_hundred_crashes_on_postgres_lose_nothing(postgres, nursery, rnd, show):
    await prove_kills(nursery, postgres(), rnd, 300, show)


@pytest.mark.parametrize(("library", "webhook"), [("aiogram", True), ("ptb", False), ("ptb", True)])
async def test_two_hundred_crashes_of_every_other_bot_lose_nothing(library, webhook, database, nursery, rnd, show):
    await prove_kills(nursery, database, rnd, 200, show, library=library, webhook=webhook)


async def test_a_hundred_takeovers_lose_nothing(postgres, nursery, rnd, show):
    await prove_takeovers(nursery, postgres(), rnd, 100, show)


async def prove_outage(url, rnd, away, show):
    report = await outage(url, rnd, away, 30)
    show(f"outage of {url.partition(':')[0]}", report)
    assert not report.faults
    assert report.extra_copies == 0


async def test_sqlite_may_be_locked_for_half_a_minute(tmp_path, rnd, show):
    url = await migrated(f"sqlite:///{tmp_path / 'away.db'}")
    await prove_outage(url, rnd, write_locked(url), show)


async def test_postgres_may_be_down_for_half_a_minute(postgres, rnd, show):
    await prove_outage(postgres(), rnd, stopped(postgres.server), show)
