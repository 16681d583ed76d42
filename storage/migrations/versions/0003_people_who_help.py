"""Organisations, several profiles in a chat, staff and what they did, calls for a human being, reminders, files."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
INDEXED = ("staff_id", "organisation_id", "stands_at")  # of chats
MADE = ("files", "call_lines", "calls", "notes", "audit", "organisation_facets", "organisation_answers", "members", "seats")


def upgrade() -> None:
    for column in (
        sa.Column("paused_at", MOMENT),
        sa.Column("asked_at", MOMENT),
        sa.Column("reminded", sa.String(400), nullable=False, server_default=""),
        sa.Column("quiet", sa.String(80), nullable=False, server_default=""),
    ):
        op.add_column("people", column)
    op.create_table(
        "staff",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("rank", sa.String(12), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("removed_at", MOMENT),
    )
    op.create_table(
        "organisations",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.UniqueConstraint("number"),
    )
    op.add_column("chats", sa.Column("staff_id", sa.Uuid()))
    op.add_column("chats", sa.Column("organisation_id", sa.Uuid()))
    op.add_column("chats", sa.Column("stands_at", sa.String(80), nullable=False, server_default=""))
    for name in INDEXED:
        op.create_index(f"ix_chats_{name}", "chats", [name])
    op.drop_table("codes")  # those in it would have lasted ten minutes
    op.create_table(
        "codes",
        sa.Column("key", sa.LargeBinary(32), primary_key=True),
        sa.Column("kind", sa.String(12), nullable=False, server_default="door"),
        sa.Column("chat_id", sa.BigInteger(), sa.ForeignKey("chats.id", ondelete="CASCADE"), index=True),
        sa.Column("subject", sa.Uuid(), index=True),
        sa.Column("until", MOMENT, nullable=False),
    )
    with op.batch_alter_table("answers") as answers:  # nothing refers to it, so SQLite may make it anew
        answers.alter_column("given_by", type_=sa.String(60), existing_type=sa.String(20), existing_nullable=False)
    _make()
    _protect()


def _make() -> None:
    op.create_table(
        "seats",
        sa.Column("chat_id", sa.BigInteger(), sa.ForeignKey("chats.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("person_id", sa.Uuid(), sa.ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, index=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisations.id", ondelete="SET NULL")),
        sa.Column("state", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "members",
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("person_id", sa.Uuid(), sa.ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, index=True),
        sa.Column("since", MOMENT, nullable=False),
    )
    op.create_table(
        "organisation_answers",
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("question", sa.String(120), primary_key=True),
        sa.Column("round", sa.String(20), primary_key=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("code", sa.Text()),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.String(12), nullable=False),
        sa.Column("given_by", sa.String(60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
    )
    op.create_table(
        "organisation_facets",
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("value", sa.String(80), primary_key=True),
    )
    op.create_index("organisation_facets_by_value", "organisation_facets", ["name", "value"])
    op.create_table(
        "audit",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("staff_id", sa.Uuid(), index=True),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("subject", sa.Uuid(), index=True),
        sa.Column("reason", sa.String(20), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "notes",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("person_id", sa.Uuid(), sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("staff_id", sa.Uuid(), sa.ForeignKey("staff.id"), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "files",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("person_id", sa.Uuid(), sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("question", sa.String(120), nullable=False),
        sa.Column("round", sa.String(20), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
    )
    op.create_table(
        "calls",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("chat_id", sa.BigInteger(), sa.ForeignKey("chats.id", ondelete="SET NULL"), index=True),
        sa.Column("person_id", sa.Uuid(), sa.ForeignKey("people.id", ondelete="CASCADE"), index=True),
        sa.Column("staff_id", sa.Uuid(), sa.ForeignKey("staff.id")),
        sa.Column("wish", sa.String(10), nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("answered_at", MOMENT),
        sa.Column("told_at", MOMENT),
        sa.Column("closed_at", MOMENT, index=True),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "call_lines",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("call_id", sa.BigInteger(), sa.ForeignKey("calls.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("staff_id", sa.Uuid(), sa.ForeignKey("staff.id")),
        sa.Column("language", sa.String(12), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sqlite_autoincrement=True,
    )


def _protect() -> None:
    """The audit log is append-only, whoever holds the connection."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END")
    else:
        op.execute("CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$")
        op.execute("CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit EXECUTE FUNCTION audit_is_append_only()")


def downgrade() -> None:
    for table in MADE:
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION audit_is_append_only()")
    with op.batch_alter_table("answers") as answers:
        answers.alter_column("given_by", type_=sa.String(20), existing_type=sa.String(60), existing_nullable=False)
    op.drop_table("codes")
    op.create_table(
        "codes",
        sa.Column("key", sa.LargeBinary(32), primary_key=True),
        sa.Column("chat_id", sa.BigInteger(), sa.ForeignKey("chats.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("until", MOMENT, nullable=False),
    )
    for name in INDEXED:
        op.drop_index(f"ix_chats_{name}", "chats")
        op.drop_column("chats", name)
    op.drop_table("organisations")
    op.drop_table("staff")
    for name in ("paused_at", "asked_at", "reminded", "quiet"):
        op.drop_column("people", name)
