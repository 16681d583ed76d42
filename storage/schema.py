"""Bringing a database to the schema of this code: empty, older, current; a newer one is refused."""

from __future__ import annotations

import uuid
from pathlib import Path

from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.exc import DBAPIError

from storage import tables
from storage.connect import is_sqlite
from storage.errors import StoreError
from storage.store import Store

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "0007"  # the newest revision; a test keeps it true, and reading it here saves importing alembic at every start
_LOCK = 7_033_101  # any number; two processes that start at once migrate one after the other


async def prepare(store: Store) -> None:
    """Create or migrate the tables in one transaction, and check that the key file belongs to this database.

    Raises StoreError (newer database, foreign database, other key) or StoreAway.
    """
    if store.file:
        try:
            store.file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"The folder {store.file.parent} can't be made ({error.strerror}). May this user write there? (FRONTDOOR_DATA_DIR)") from error
    try:
        async with store.begin() as unit:
            if not is_sqlite(store.engine):
                await unit.connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            await unit.connection.run_sync(_migrate)
            await unit.connection.run_sync(_claim, store.cipher.fingerprint)
    except DBAPIError as error:
        raise StoreError(f"The database can't be set up ({type(error.orig).__name__}). Is it ours, and may this user create tables?") from error


async def revision(store: Store) -> str | None:
    """The schema's revision; None for an empty database. Raises StoreAway, and StoreError for what is no database."""
    try:
        async with store.read() as unit:
            return await unit.connection.run_sync(_revision)
    except DBAPIError as error:
        raise StoreError(f"FRONTDOOR_DATABASE_URL leads to something that is no database of ours ({type(error.orig).__name__}).") from error


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(connection: Connection) -> None:
    current = _revision(connection)
    if current == HEAD:
        return
    if current is not None and current > HEAD:
        raise StoreError(
            f"The database has schema {current}, newer than this code ({HEAD}). Start the newer version of Frontdoor, or restore a backup of this one."
        )
    if current is None and inspect(connection).get_table_names():
        raise StoreError("The database holds tables of something else. Give Frontdoor a database of its own (FRONTDOOR_DATABASE_URL).")
    from alembic import command  # noqa: PLC0415 - half a second, needed once per version
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _claim(connection: Connection, fingerprint: str) -> None:
    """The database remembers which key file opens it, and which life of it this is (a restored one begins another)."""
    known = dict(connection.execute(select(tables.meta.c.name, tables.meta.c.value)).all())
    if "key" not in known:
        connection.execute(tables.meta.insert(), [{"name": "key", "value": fingerprint}, {"name": "epoch", "value": str(uuid.uuid4())}])
    elif known["key"] != fingerprint:
        raise StoreError("This key file does not belong to this database. Put the right one back (FRONTDOOR_KEY_FILE); nothing was changed.")
