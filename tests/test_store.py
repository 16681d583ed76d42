"""What lasts, on both databases."""

from __future__ import annotations

import asyncio
import stat
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from conftest import KEYS, until
from sqlalchemy import func, insert, select, text, update

from storage import answers, backup, chats, erasure, outbox, people, schema, tables, updates
from storage.answers import PEOPLE
from storage.crypto import Keys, make_keys, read_keys
from storage.errors import SealBroken, StoreAway, StoreError
from storage.lease import Lease
from storage.records import Address, AnswerRow, ConsentRow, Draft
from storage.store import Store

HERE = Address("telegram", "77")


async def someone(store, *, name="Olena", where=HERE):
    """A person with a chat, an answer, a facet, a consent and a letter waiting."""
    async with store.begin() as unit:
        chat = (await chats.lock(unit, {where: "uk"}))[where]
        person = await people.begin(unit)
        await chats.save(unit, [replace(chat, state={"frames": []}, turn=1, person_id=person.id)])
        row = AnswerRow("newcomer.name", "", "given", None, {"value": name}, "uk", 1, unit.now)
        await answers.save(unit, PEOPLE, {person.id: [row]})
        await answers.set_facets(unit, PEOPLE, {(person.id, "wants"): ["job", "training"]})
        await people.decide(unit, [(person.id, ConsentRow("profile", 1, "given", "0" * 64, "uk", "telegram", unit.now))])
        await outbox.enqueue(unit, [Draft(f"{chat.id}.1.0", {"parts": [["x", {"name": name}, False, False]]}, chat)])
    return chat, person


async def count(store, table):
    async with store.read() as unit:
        return (await unit.connection.execute(select(func.count()).select_from(table))).scalar()


async def test_what_was_saved_comes_back(store):
    chat, person = await someone(store)
    async with store.begin() as unit:
        again = (await chats.lock(unit, {HERE: "en"}))[HERE]
        assert (again.id, again.language, again.person_id, again.state, again.turn) == (chat.id, "uk", person.id, {"frames": []}, 1)
        known = (await people.lock(unit, [person.id]))[person.id]
        assert known.answers["newcomer.name", ""].content == {"value": "Olena"}
        assert [row.verdict for row in known.consents] == ["given"]
        letters = await outbox.read(unit, await outbox.due(unit, ["telegram"]))
        assert [(letter.address, letter.language) for letter in letters] == [(HERE, "uk")]


async def test_a_unit_is_kept_whole_or_not_at_all(store):
    with pytest.raises(ZeroDivisionError):
        async with store.begin() as unit:
            await chats.lock(unit, {HERE: "en"})
            await people.begin(unit)
            raise ZeroDivisionError
    assert (await count(store, tables.chats), await count(store, tables.people)) == (0, 0)


async def test_an_update_is_seen_first_only_once(store):
    async with store.begin() as unit:
        assert await updates.first_sights(unit, [("t", "1"), ("t", "2"), ("t", "1")]) == {("t", "1"), ("t", "2")}
    async with store.begin() as unit:
        assert await updates.first_sights(unit, [("t", "2"), ("t", "3"), ("u", "2")]) == {("t", "3"), ("u", "2")}


async def test_updates_are_remembered_for_two_days(store, clock):
    async with store.begin() as unit:
        await updates.first_sights(unit, [("t", "1")])
    clock.turn(hours=47)
    async with store.begin() as unit:
        assert await updates.forget_old(unit) == 0
    clock.turn(hours=2)
    async with store.begin() as unit:
        assert await updates.forget_old(unit) == 1


async def test_twenty_one_turns_at_once_count_to_twenty_one(store):
    """With the driver's own transactions this ends between 4 and 11, without any error."""

    async def turn():
        async with store.begin() as unit:
            chat = (await chats.lock(unit, {HERE: "en"}))[HERE]
            await chats.save(unit, [replace(chat, state={}, turn=chat.turn + 1)])

    await asyncio.gather(*(turn() for _ in range(21)))
    async with store.begin() as unit:
        assert (await chats.lock(unit, {HERE: "en"}))[HERE].turn == 21


async def test_facets_are_replaced_name_by_name(store):
    _, person = await someone(store)
    async with store.begin() as unit:
        await answers.set_facets(unit, PEOPLE, {(person.id, "speaks"): ["uk", "uk"], (person.id, "wants"): ["volunteer"]})
    async with store.read() as unit:
        rows = (await unit.connection.execute(select(tables.facets.c.name, tables.facets.c.value))).all()
    assert sorted(map(tuple, rows)) == [("speaks", "uk"), ("wants", "volunteer")]


async def test_what_is_due_later_waits(store, clock):
    chat, _ = await someone(store)
    async with store.begin() as unit:
        await outbox.enqueue(unit, [Draft("later", {"parts": []}, chat, due_at=clock.now + timedelta(hours=1))])
    async with store.read() as unit:
        assert len(await outbox.due(unit, ["telegram"])) == 1
    clock.turn(hours=2)
    async with store.read() as unit:
        assert len(await outbox.due(unit, ["telegram"])) == 2


async def test_the_same_thing_is_not_said_twice(store):
    chat, _ = await someone(store)
    with pytest.raises(Exception, match=r"(?i)unique"):
        async with store.begin() as unit:
            await outbox.enqueue(unit, [Draft(f"{chat.id}.1.0", {"parts": []}, chat)])


async def test_a_failed_letter_keeps_no_words_and_goes_after_two_days(store, clock):
    await someone(store)
    async with store.begin() as unit:
        (letter_id,) = await outbox.due(unit, ["telegram"])
        await outbox.failed(unit, letter_id, "too-large")
    async with store.read() as unit:
        row = (await unit.connection.execute(select(tables.outbox))).one()
        assert (row.state, row.reason, bytes(row.content)) == ("failed", "too-large", b"")
    clock.turn(hours=49)
    async with store.begin() as unit:
        await outbox.forget_old(unit)
    assert await count(store, tables.outbox) == 0


async def test_erasing_leaves_only_a_tombstone_and_a_change(store):
    _, person = await someone(store)
    await someone(store, where=Address("telegram", "78"), name="Somebody Else")
    async with store.begin() as unit:
        await erasure.of_person(unit, person.id)
    for table, left in (
        (tables.people, 1),
        (tables.chats, 1),
        (tables.answers, 1),
        (tables.consents, 1),
        (tables.facets, 2),
        (tables.outbox, 1),
        (tables.erasures, 1),
        (tables.changes, 1),
    ):
        assert await count(store, table) == left, table.name


# ---- schema ----


async def test_the_migrations_lead_to_what_the_tables_say(store):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    async with store.read() as unit:
        differences = await unit.connection.run_sync(lambda connection: compare_metadata(MigrationContext.configure(connection), tables.metadata))
    assert differences == []


async def test_the_newest_revision_is_the_one_that_the_code_names(store):
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD
    assert await schema.revision(store) == schema.HEAD


async def test_a_newer_database_is_refused_and_left_alone(store):
    async with store.begin() as unit:
        await unit.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer than this code"):
        await schema.prepare(store)


async def test_another_key_file_is_refused(database):
    store = Store.at(database, Keys(b"x" * 32, {1: b"y" * 32}))
    with pytest.raises(StoreError, match="does not belong"):
        await schema.prepare(store)
    await store.close()


async def test_a_database_of_something_else_is_refused(tmp_path):
    store = Store.at(f"sqlite:///{tmp_path}/other.db", KEYS)
    async with store.begin() as unit:
        await unit.connection.execute(text("CREATE TABLE shopping (item TEXT)"))
    with pytest.raises(StoreError, match="something else"):
        await schema.prepare(store)
    await store.close()


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/none", "sqlite:////nonexistent/folder/x.db"])
async def test_a_database_that_is_not_there_is_away(url):
    store = Store.at(url, KEYS)
    with pytest.raises(StoreAway):
        async with store.begin():
            pass
    await store.close()
    await until(lambda: not [thread for thread in threading.enumerate() if "_connection_worker" in thread.name])  # or it speaks to a closed loop


@pytest.mark.parametrize("url", ["", "oracle://x", "sqlite://", "sqlite:///:memory:", "what"])
def test_an_address_that_is_none_is_refused_by_the_name_of_its_setting(url):
    with pytest.raises(StoreError, match="FRONTDOOR_DATABASE_URL"):
        Store.at(url, KEYS)


# ---- sealing ----


def test_every_column_has_a_class_and_whoever_is_told_by_it_is_sealed():
    for table in tables.metadata.tables.values():
        for column in table.columns:
            assert column.info.get("class") in {"identity", "contact", "profile", "operational", "secret"}, f"{table.name}.{column.name} has no class"
            if column.info["class"] in {"identity", "contact", "secret"}:
                assert column.info["sealed"], f"{table.name}.{column.name} is {column.info['class']}, and not sealed"


async def test_a_sealed_value_moved_to_another_row_does_not_open(store):
    await someone(store)
    _, other = await someone(store, where=Address("telegram", "78"), name="Somebody Else")
    async with store.begin() as unit:
        stolen = (await unit.connection.execute(select(tables.answers.c.content).where(tables.answers.c.person_id != other.id))).scalar()
        await unit.connection.execute(update(tables.answers).where(tables.answers.c.person_id == other.id).values(content=stolen))
    async with store.read() as unit:
        assert (await people.get(unit, other.id)).answers == {}, "refused; it is asked again"


def test_a_new_key_seals_and_the_old_one_still_opens():
    old = Keys(b"i" * 32, {1: b"a" * 32})
    both = Keys(b"i" * 32, {1: b"a" * 32, 2: b"b" * 32})
    assert both.open(old.seal(b"x", "p"), "p") == b"x"
    with pytest.raises(SealBroken):
        old.open(both.seal(b"x", "p"), "p")


def test_a_key_file_is_for_its_owner_only_and_never_overwritten(tmp_path):
    path = tmp_path / "keys"
    keys = make_keys(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_keys(path).fingerprint == keys.fingerprint
    with pytest.raises(FileExistsError):
        make_keys(path)
    path.chmod(0o644)
    with pytest.raises(StoreError, match="chmod 600"):
        read_keys(path)


@pytest.mark.parametrize("content", ["", "index: x\n", "hello", "index: AAAA\n1: AAAA\n"])
def test_a_broken_key_file_is_refused(tmp_path, content):
    path = tmp_path / "keys"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(StoreError, match="FRONTDOOR_KEY_FILE"):
        read_keys(path)


# ---- backup, lease ----


async def test_a_backup_comes_back_in_either_kind_of_database(store, tmp_path, sqlite, postgres):
    await someone(store, name="Backup Invented")
    counts = await backup.save(store, tmp_path / "b.gz")
    assert counts["people"] == 1
    assert b"Backup Invented" not in (tmp_path / "b.gz").read_bytes()
    with pytest.raises(FileExistsError):
        await backup.save(store, tmp_path / "b.gz")
    (tmp_path / "new").mkdir()
    for url in (f"sqlite:///{tmp_path}/new/x.db", postgres(empty=True)):
        other = Store.at(url, KEYS)
        assert await backup.load(other, tmp_path / "b.gz") == counts
        async with other.begin() as unit:
            chat = (await chats.lock(unit, {HERE: "en"}))[HERE]
            assert (await people.get(unit, chat.person_id)).answers["newcomer.name", ""].content == {"value": "Backup Invented"}
            await outbox.enqueue(unit, [Draft("new", {"parts": []}, chat)])  # numbers go on after the restored ones
        with pytest.raises(StoreError, match="not empty"):
            await backup.load(other, tmp_path / "b.gz")
        await other.close()


async def test_a_backup_is_one_moment_while_the_bot_goes_on(store, tmp_path):
    """Every person in it has exactly one answer, though people arrive all the while."""
    stop = asyncio.Event()

    async def arrive():
        number = 100
        while not stop.is_set():
            number += 1
            await someone(store, where=Address("telegram", str(number)))

    arriving = asyncio.create_task(arrive())
    await until(lambda: count_now(store, 5))
    counts = await backup.save(store, tmp_path / "b.gz")
    stop.set()
    await arriving
    assert counts["people"] == counts["answers"] == counts["consents"] > 0


async def count_now(store, least):
    return await count(store, tables.people) >= least


@pytest.mark.parametrize("harm", [lambda data: data[: len(data) // 2], lambda data: b"no backup", lambda data: b""])
async def test_a_damaged_backup_is_refused_and_nothing_is_half_restored(sqlite_store, tmp_path, harm):
    await someone(sqlite_store)
    await backup.save(sqlite_store, tmp_path / "b.gz")
    (tmp_path / "b.gz").write_bytes(harm((tmp_path / "b.gz").read_bytes()))
    other = Store.at(f"sqlite:///{tmp_path}/x.db", KEYS)
    with pytest.raises(StoreError):
        await backup.load(other, tmp_path / "b.gz")
    assert await count(other, tables.people) == 0
    await other.close()


async def test_a_lease_has_one_holder_at_a_time(store):
    async with Lease(store, "telegram") as first, Lease(store, "telegram") as second, Lease(store, "terminal") as other:
        assert await first.take()
        assert not await second.take()
        assert await other.take()
        assert await first.take(), "it stays with its holder"
        await first.leave()
        assert await second.take()


async def test_sqlite_is_as_careful_as_it_must_be(sqlite_store):
    async with sqlite_store.read() as unit:
        for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1)):
            assert (await unit.connection.execute(text(f"PRAGMA {pragma}"))).scalar() == value, pragma


async def test_an_error_message_never_quotes_what_was_to_be_stored(store):
    with pytest.raises(Exception) as caught:
        async with store.begin() as unit:
            await unit.connection.execute(insert(tables.meta), [{"name": "x", "value": "Secret Invented"}, {"name": "x", "value": "Secret Invented"}])
    assert "Secret Invented" not in str(caught.value)
