"""Every table, once. Each column has a class, from which encryption, export, erasure and (later) retention follow:

identity, contact, profile: of a person; operational: what the machine needs; secret: never leaves.
A `sealed` column is encrypted (storage/crypto.py); tests refuse an identity or contact column that is not.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
)

metadata = MetaData()


class Moment(TypeDecorator[datetime]):
    """A moment in UTC, aware in Python; SQLite, which knows no zones, keeps it as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


Serial = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER


def _column(name: str, kind: Any, class_: str, *more: Any, sealed: bool = False, **options: Any) -> Column[Any]:
    return Column(name, kind, *more, info={"class": class_, "sealed": sealed}, **options)


meta = Table(
    "meta",
    metadata,
    _column("name", String(40), "operational", primary_key=True),
    _column("value", Text, "operational", nullable=False),
)

updates = Table(  # what was taken in: the second copy of an update is dropped
    "updates",
    metadata,
    _column("source", String(60), "operational", primary_key=True),
    _column("key", String(120), "operational", primary_key=True),
    _column("at", Moment, "operational", nullable=False, index=True),
)

people = Table(
    "people",
    metadata,
    _column("id", Uuid, "operational", primary_key=True),
    _column("number", Integer, "operational", nullable=False, unique=True),
    _column("created_at", Moment, "operational", nullable=False),
    _column("heard_at", Moment, "operational", nullable=False, index=True),
    _column("finished_at", Moment, "operational"),
)

chats = Table(
    "chats",
    metadata,
    _column("id", Serial, "operational", primary_key=True),
    _column("channel", String(20), "operational", nullable=False),
    _column("address_key", LargeBinary(32), "operational", nullable=False),  # a keyed hash; without the key file it leads to nobody
    _column("address", LargeBinary, "contact", nullable=False, sealed=True),
    _column("language", String(12), "profile", nullable=False),
    _column("person_id", Uuid, "operational", ForeignKey("people.id", ondelete="SET NULL"), index=True),
    _column("state", LargeBinary, "profile", sealed=True),
    _column("turn", Integer, "operational", nullable=False),
    _column("unreachable", String(20), "operational"),  # why the channel no longer takes messages for this chat
    _column("created_at", Moment, "operational", nullable=False),
    _column("heard_at", Moment, "operational", nullable=False, index=True),
    UniqueConstraint("channel", "address_key", name="one_chat_per_address"),
    sqlite_autoincrement=True,  # an id is never used twice: a late "done with 5" must not meet another 5
)

sessions = Table(  # browsers that may speak in a web chat; it ends with the chat
    "sessions",
    metadata,
    _column("key", LargeBinary(32), "operational", primary_key=True),  # a hash of what the cookie holds
    _column("chat_id", BigInteger, "operational", ForeignKey("chats.id", ondelete="CASCADE"), nullable=False, index=True),
    _column("remembered", Boolean, "operational", nullable=False),
)

codes = Table(  # one-time codes that connect another chat to the person of this one
    "codes",
    metadata,
    _column("key", LargeBinary(32), "operational", primary_key=True),  # a keyed hash of the code
    _column("chat_id", BigInteger, "operational", ForeignKey("chats.id", ondelete="CASCADE"), nullable=False, index=True),
    _column("until", Moment, "operational", nullable=False),
)

answers = Table(  # one row per person, question and round of its group; the last write wins
    "answers",
    metadata,
    _column("person_id", Uuid, "operational", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    _column("question", String(120), "operational", primary_key=True),
    _column("round", String(20), "operational", primary_key=True),
    _column("kind", String(10), "profile", nullable=False),  # given, skipped, declined
    _column("code", Text, "profile"),  # of a coded answer: match on this, never on labels
    _column("content", LargeBinary, "identity", nullable=False, sealed=True),  # value, own words, the label that was shown
    _column("language", String(12), "profile", nullable=False),
    _column("given_by", String(20), "operational", nullable=False),  # person (later: staff, import)
    _column("version", Integer, "operational", nullable=False),  # of the script
    _column("at", Moment, "operational", nullable=False),
)

facets = Table(  # coded answers that may select an audience
    "facets",
    metadata,
    _column("person_id", Uuid, "operational", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    _column("name", String(40), "profile", primary_key=True),
    _column("value", String(80), "profile", primary_key=True),
    Index("facets_by_value", "name", "value"),
)

consents = Table(  # every decision, none overwritten; the newest of a purpose counts
    "consents",
    metadata,
    _column("id", Serial, "operational", primary_key=True),
    _column("person_id", Uuid, "operational", ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),
    _column("purpose", String(40), "profile", nullable=False),
    _column("version", Integer, "profile", nullable=False),
    _column("verdict", String(10), "profile", nullable=False),  # given, refused, withdrawn
    _column("text_hash", String(64), "profile", nullable=False),
    _column("language", String(12), "profile", nullable=False),
    _column("channel", String(20), "profile", nullable=False),
    _column("at", Moment, "profile", nullable=False),
)

outbox = Table(  # everything that is to be said
    "outbox",
    metadata,
    _column("id", Serial, "operational", primary_key=True),
    _column("channel", String(20), "operational", nullable=False),
    _column("chat_id", BigInteger, "operational", ForeignKey("chats.id", ondelete="CASCADE"), index=True),  # none: a farewell
    _column("key", String(120), "operational", nullable=False, unique=True),  # what it is for, so that it is said once
    _column("state", String(10), "operational", nullable=False),  # queued, failed
    _column("due_at", Moment, "operational", nullable=False),
    _column("reason", String(20), "operational"),
    _column("content", LargeBinary, "identity", nullable=False, sealed=True),
    Index("outbox_due", "state", "due_at"),
    sqlite_autoincrement=True,  # an id is never used twice: a late "done with 5" must not meet another 5
)

quarantine = Table(  # updates that could not be taken in: their structure, never their words
    "quarantine",
    metadata,
    _column("id", Serial, "operational", primary_key=True),
    _column("source", String(60), "operational", nullable=False),
    _column("key", String(120), "operational", nullable=False),
    _column("shape", Text, "operational", nullable=False),
    _column("error", String(200), "operational", nullable=False),
    _column("at", Moment, "operational", nullable=False),
)

changes = Table(  # what the shared database must look at again: rows, not a numbered log (DESIGN: commits don't come in id order)
    "changes",
    metadata,
    _column("id", Serial, "operational", primary_key=True),
    _column("entity", String(40), "operational", nullable=False),
    _column("entity_id", Uuid, "operational", nullable=False),
    sqlite_autoincrement=True,  # an id is never used twice: a late "done with 5" must not meet another 5
)

erasures = Table(  # all that stays of somebody who asked to be forgotten, for as long as backups are kept
    "erasures",
    metadata,
    _column("person_id", Uuid, "operational", primary_key=True),
    _column("at", Moment, "operational", nullable=False),
)
