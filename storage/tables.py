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
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
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
    _column("paused_at", Moment, "operational"),  # silent for so long that nobody is shown to others
    _column("asked_at", Moment, "operational"),  # when "still looking?" was asked
    _column("reminded", String(400), "operational", nullable=False, server_default=""),  # dialogs left half-way that were recalled once
    _column("quiet", String(80), "profile", nullable=False, server_default=""),  # reminders that they want no more
)

staff = Table(  # those who help; a row stays after its end, so that the audit log can be read
    "staff",
    metadata,
    _column("id", Uuid, "operational", primary_key=True),
    _column("name", LargeBinary, "identity", nullable=False, sealed=True),
    _column("rank", String(12), "operational", nullable=False),  # viewer, coordinator, admin
    _column("created_at", Moment, "operational", nullable=False),
    _column("removed_at", Moment, "operational"),
)

organisations = Table(  # somebody speaks for one: a business, a network partner
    "organisations",
    metadata,
    _column("id", Uuid, "operational", primary_key=True),
    _column("number", Integer, "operational", nullable=False, unique=True),
    _column("created_at", Moment, "operational", nullable=False),
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
    _column("staff_id", Uuid, "operational", index=True),  # who helps from here (no foreign keys: SQLite can't add them to a table that others refer to)
    _column("organisation_id", Uuid, "operational", index=True),  # for which they speak here
    _column("stands_at", String(80), "operational", nullable=False, server_default="", index=True),  # the pending question; "": at rest
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

codes = Table(  # one-time codes: another chat of the same person, a colleague in an organisation, a new member of staff, ...
    "codes",
    metadata,
    _column("key", LargeBinary(32), "operational", primary_key=True),  # a keyed hash of the code
    _column("kind", String(12), "operational", nullable=False, server_default="door"),
    _column("chat_id", BigInteger, "operational", ForeignKey("chats.id", ondelete="CASCADE"), index=True),  # where it was made
    _column("subject", Uuid, "operational", index=True),  # the organisation, the member of staff, ...
    _column("until", Moment, "operational", nullable=False),
)

seats = Table(  # families share phones: whoever else has a profile in a chat, and where they stand
    "seats",
    metadata,
    _column("chat_id", BigInteger, "operational", ForeignKey("chats.id", ondelete="CASCADE"), primary_key=True),
    _column("person_id", Uuid, "operational", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, index=True),
    _column("organisation_id", Uuid, "operational", ForeignKey("organisations.id", ondelete="SET NULL")),
    _column("state", LargeBinary, "profile", nullable=False, sealed=True),
)

members = Table(  # who speaks for which organisation
    "members",
    metadata,
    _column("organisation_id", Uuid, "operational", ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True),
    _column("person_id", Uuid, "operational", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, index=True),
    _column("since", Moment, "operational", nullable=False),
)


def _answers(name: str, owner: str, key: str) -> Table:
    """One row per owner, question and round of its group; the last write wins."""
    return Table(
        name,
        metadata,
        _column(owner, Uuid, "operational", ForeignKey(key, ondelete="CASCADE"), primary_key=True),
        _column("question", String(120), "operational", primary_key=True),
        _column("round", String(20), "operational", primary_key=True),
        _column("kind", String(10), "profile", nullable=False),  # given, skipped, declined, unknown
        _column("code", Text, "profile"),  # of a coded answer: match on this, never on labels
        _column("content", LargeBinary, "identity", nullable=False, sealed=True),  # value, own words, the label that was shown
        _column("language", String(12), "profile", nullable=False),
        _column("given_by", String(60), "operational", nullable=False),  # person, staff:ID, import; of an organisation: its member's id
        _column("version", Integer, "operational", nullable=False),  # of the script
        _column("at", Moment, "operational", nullable=False),
    )


def _facets(name: str, owner: str, key: str) -> Table:
    """Coded answers that may select an audience."""
    return Table(
        name,
        metadata,
        _column(owner, Uuid, "operational", ForeignKey(key, ondelete="CASCADE"), primary_key=True),
        _column("name", String(40), "profile", primary_key=True),
        _column("value", String(80), "profile", primary_key=True),
        Index(f"{name}_by_value", "name", "value"),
    )


answers = _answers("answers", "person_id", "people.id")
organisation_answers = _answers("organisation_answers", "organisation_id", "organisations.id")
facets = _facets("facets", "person_id", "people.id")
organisation_facets = _facets("organisation_facets", "organisation_id", "organisations.id")

files = Table(  # what somebody sent as an answer, whose value is the file's id; cleaned of everything but the picture
    "files",
    metadata,
    _column("id", Uuid, "operational", primary_key=True),
    _column("person_id", Uuid, "operational", ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),
    _column("question", String(120), "operational", nullable=False),
    _column("round", String(20), "operational", nullable=False),
    _column("content", LargeBinary, "identity", nullable=False, sealed=True),
    _column("kind", String(10), "profile", nullable=False),  # photo
    _column("size", Integer, "operational", nullable=False),  # bytes
    _column("at", Moment, "operational", nullable=False),
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
    _column("state", String(10), "operational", nullable=False),  # queued, held (until it is translated), failed
    _column("due_at", Moment, "operational", nullable=False),
    _column("reason", String(20), "operational"),
    _column("content", LargeBinary, "identity", nullable=False, sealed=True),
    Index("outbox_due", "state", "due_at"),
    sqlite_autoincrement=True,  # an id is never used twice: a late "done with 5" must not meet another 5
)

translations = Table(  # what a machine made of somebody's words; gone with them, or after a month
    "translations",
    metadata,
    _column("key", LargeBinary(32), "operational", primary_key=True),  # a keyed hash of text and languages
    _column("person_id", Uuid, "operational", ForeignKey("people.id", ondelete="CASCADE"), index=True),  # whose words they are; of somebody
    _column("chat_id", BigInteger, "operational", ForeignKey("chats.id", ondelete="CASCADE"), index=True),  # we don't know yet: their chat
    _column("content", LargeBinary, "identity", nullable=False, sealed=True),
    _column("at", Moment, "operational", nullable=False, index=True),
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

audit = Table(  # who of the staff did what to whom, when and why; append-only, the database itself sees to it
    "audit",
    metadata,
    _column("id", Serial, "operational", primary_key=True),
    _column("at", Moment, "operational", nullable=False),
    _column("staff_id", Uuid, "operational", index=True),  # none: the command line
    _column("action", String(20), "operational", nullable=False),
    _column("subject", Uuid, "operational", index=True),  # the person or member of staff it was about; all that stays when they are forgotten
    _column("reason", String(20), "operational", nullable=False),  # a code, never words: somebody may be forgotten, a log may not
    sqlite_autoincrement=True,
)

notes = Table(  # what staff wrote down about somebody; the person may read it
    "notes",
    metadata,
    _column("id", Serial, "operational", primary_key=True),
    _column("person_id", Uuid, "operational", ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),
    _column("staff_id", Uuid, "operational", ForeignKey("staff.id"), nullable=False),
    _column("content", LargeBinary, "identity", nullable=False, sealed=True),
    _column("at", Moment, "operational", nullable=False),
    sqlite_autoincrement=True,
)

calls = Table(  # somebody asked for a human being
    "calls",
    metadata,
    _column("id", Serial, "operational", primary_key=True),
    _column(
        "chat_id", BigInteger, "operational", ForeignKey("chats.id", ondelete="SET NULL"), index=True
    ),  # none: a browser that was closed, "call me back" stays
    _column("person_id", Uuid, "operational", ForeignKey("people.id", ondelete="CASCADE"), index=True),  # none: nobody we know yet
    _column("staff_id", Uuid, "operational", ForeignKey("staff.id")),  # who took it
    _column("wish", String(10), "operational", nullable=False),  # write, phone
    _column("opened_at", Moment, "operational", nullable=False),
    _column("answered_at", Moment, "operational"),  # the first answer
    _column("told_at", Moment, "operational"),  # that nobody has answered yet
    _column("closed_at", Moment, "operational", index=True),
    sqlite_autoincrement=True,
)

call_lines = Table(  # what was written to and fro, until it is closed and a while after
    "call_lines",
    metadata,
    _column("id", Serial, "operational", primary_key=True),
    _column("call_id", BigInteger, "operational", ForeignKey("calls.id", ondelete="CASCADE"), nullable=False, index=True),
    _column("staff_id", Uuid, "operational", ForeignKey("staff.id")),  # none: the person
    _column("language", String(12), "profile", nullable=False),
    _column("content", LargeBinary, "identity", nullable=False, sealed=True),
    _column("at", Moment, "operational", nullable=False),
    sqlite_autoincrement=True,
)

submissions = Table(  # answers to a form that were handed in without a name: nothing leads from here to anybody
    "submissions",
    metadata,
    _column("id", Uuid, "operational", primary_key=True),  # by chance, so that their order tells nothing either
    _column("form", String(40), "operational", nullable=False, index=True),
    _column("version", Integer, "operational", nullable=False),  # of the script
    _column("language", String(12), "operational", nullable=False),
    _column("day", String(10), "operational", nullable=False),  # no time: by the minute, somebody could be found
    _column("mixed", Boolean, "operational", nullable=False),  # written anew among others: nothing tells any more when it came
    _column("content", LargeBinary, "identity", nullable=False, sealed=True),
    sqlite_with_rowid=False,  # kept in the order of the ids, not of their coming
)

taxonomy_entries = Table(  # of the imported taxonomy: an occupation or a skill, whatever it is called
    "taxonomy_entries",
    metadata,
    _column("uri", String(120), "operational", primary_key=True),
    _column("kind", String(12), "operational", nullable=False),  # occupations, skills
    _column("isco", String(4), "operational", nullable=False, server_default=""),  # ISCO-08: of an occupation its unit group, of a skill where it is used most
    _column("seen", String(10), "operational", nullable=False),  # the day of the newest release that has it; older than that of its kind: obsolete
    _column("replaced_by", String(120), "operational"),
)

taxonomy_labels = Table(  # what the imported taxonomy calls its entries
    "taxonomy_labels",
    metadata,
    _column("language", String(12), "operational", primary_key=True),
    _column("uri", String(120), "operational", primary_key=True),
    _column("label", String(500), "operational", primary_key=True),
    _column("place", SmallInteger, "operational", nullable=False),  # 0: what it is called; 1: also; 2: hidden, to be found by only
    sqlite_with_rowid=False,
)

taxonomy_relations = Table(  # skills that belong to an occupation
    "taxonomy_relations",
    metadata,
    _column("occupation", String(120), "operational", primary_key=True),
    _column("skill", String(120), "operational", primary_key=True, index=True),
    _column("essential", Boolean, "operational", nullable=False),
    sqlite_with_rowid=False,
)

taxonomy_releases = Table(  # what was imported
    "taxonomy_releases",
    metadata,
    _column("kind", String(12), "operational", primary_key=True),  # occupations, skills, relations
    _column("language", String(12), "operational", primary_key=True),  # "": of none
    _column("day", String(10), "operational", nullable=False),  # of the newest concept in it: that is how a release is known
    _column("number", Integer, "operational", nullable=False),  # concepts, or relations
    _column("at", Moment, "operational", nullable=False),
    _column("state", String(8), "operational", nullable=False),  # whole, part (nothing follows from what is not in it), begun (the import was cut off)
)

events = Table(  # what people sign up for
    "events",
    metadata,
    _column("id", Uuid, "operational", primary_key=True),
    _column("code", String(16), "operational", nullable=False, unique=True),
    _column("state", String(12), "operational", nullable=False),  # draft, published, cancelled
    _column("begins", String(16), "operational", nullable=False),  # local: 2027-03-18T13:00
    _column("ends", String(16), "operational", nullable=False),
    _column("zone", String(40), "operational", nullable=False),
    _column("starts_at", Moment, "operational", nullable=False),  # follow from these
    _column("ends_at", Moment, "operational", nullable=False),
    _column("place", String(300), "operational", nullable=False),
    _column("link", LargeBinary, "secret", sealed=True),  # to join; only confirmed people may ever see it
    _column("link_days", Integer, "operational", nullable=False),
    _column("language", String(12), "operational", nullable=False),
    _column("interpretation", String(80), "operational", nullable=False),
    _column("capacity", Integer, "operational"),
    _column("taken", Integer, "operational", nullable=False),
    _column("shrink_to", Integer, "operational"),  # the capacity that staff want, when more seats were given already
    _column("opens_at", Moment, "operational"),
    _column("closes_at", Moment, "operational"),
    _column("roles", String(80), "operational", nullable=False),
    _column("regions", String(400), "operational", nullable=False),
    _column("topics", String(200), "operational", nullable=False),
    _column("asks", String(80), "operational", nullable=False),
    _column("form", String(40), "operational", nullable=False),
    _column("reminders", String(80), "operational", nullable=False),  # minutes before
    _column("offer_hours", Integer, "operational", nullable=False),
    _column("cost", String(120), "operational", nullable=False),
    _column("organiser", String(120), "operational", nullable=False),
    _column("listed", Boolean, "operational", nullable=False),
    _column("series", Uuid, "operational", index=True),
    _column("threshold", Integer, "operational", nullable=False),
    _column("warned", String(80), "operational", nullable=False),
    _column("spoken", String(8), "operational", nullable=False),
    _column("sequence", Integer, "operational", nullable=False),
    _column("run_until", Moment, "operational"),
    _column("next_at", Moment, "operational", index=True),
    _column("staff_id", Uuid, "operational"),
    _column("created_at", Moment, "operational", nullable=False),
    CheckConstraint("taken >= 0 AND (capacity IS NULL OR taken <= capacity)", name="no_seat_is_given_twice"),  # the last word, whatever the code does
    Index("events_coming", "state", "starts_at"),
)

event_texts = Table(  # titles and texts, of an event or of a whole series
    "event_texts",
    metadata,
    _column("subject", Uuid, "operational", primary_key=True),
    _column("language", String(12), "operational", primary_key=True),
    _column("title", String(200), "operational", nullable=False),
    _column("about", Text, "operational", nullable=False),
    _column("state", String(10), "operational", nullable=False),  # original, human, machine, outdated
)

registrations = Table(  # who signed up, and what became of it
    "registrations",
    metadata,
    _column("id", Uuid, "operational", primary_key=True),
    _column("event_id", Uuid, "operational", ForeignKey("events.id", ondelete="CASCADE"), nullable=False),
    _column("person_id", Uuid, "operational", ForeignKey("people.id", ondelete="CASCADE"), index=True),  # none: nobody knows any more who it was
    _column("chat_id", BigInteger, "operational", ForeignKey("chats.id", ondelete="SET NULL"), index=True),
    _column("state", String(10), "operational", nullable=False),  # confirmed, waiting, offered, expired, cancelled
    _column("place", Integer, "operational", nullable=False),  # in the order of coming
    _column("seats", SmallInteger, "operational", nullable=False),
    _column("language", String(12), "profile", nullable=False),
    _column("zone", String(40), "profile", nullable=False),
    _column("interpreter", String(12), "profile", nullable=False),
    _column("role", String(40), "profile", nullable=False),
    _column("region", String(40), "profile", nullable=False),
    _column("offered_until", Moment, "operational"),
    _column("created_at", Moment, "operational", nullable=False),
    _column("changed_at", Moment, "operational", nullable=False),
    _column("attended_at", Moment, "profile"),
    _column("linked_at", Moment, "operational"),  # when they were given the link to join
    _column("still_at", Moment, "profile"),  # when they said that they come, after a change
    _column("was_there", Boolean, "profile"),
    _column("rating", SmallInteger, "profile"),
    _column("content", LargeBinary, "identity", sealed=True),  # name, access, words
    UniqueConstraint("event_id", "person_id", name="one_registration_each"),
    CheckConstraint("seats > 0", name="seats_for_somebody"),
    Index("registrations_in_order", "event_id", "state", "place"),
)
