"""Events, and who signed up for them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("code", sa.String(16), nullable=False, unique=True),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("begins", sa.String(16), nullable=False),
        sa.Column("ends", sa.String(16), nullable=False),
        sa.Column("zone", sa.String(40), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("place", sa.String(300), nullable=False),
        sa.Column("link", sa.LargeBinary()),
        sa.Column("link_days", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(12), nullable=False),
        sa.Column("interpretation", sa.String(80), nullable=False),
        sa.Column("capacity", sa.Integer()),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("shrink_to", sa.Integer()),
        sa.Column("opens_at", MOMENT),
        sa.Column("closes_at", MOMENT),
        sa.Column("roles", sa.String(80), nullable=False),
        sa.Column("regions", sa.String(400), nullable=False),
        sa.Column("topics", sa.String(200), nullable=False),
        sa.Column("asks", sa.String(80), nullable=False),
        sa.Column("form", sa.String(40), nullable=False),
        sa.Column("reminders", sa.String(80), nullable=False),
        sa.Column("offer_hours", sa.Integer(), nullable=False),
        sa.Column("cost", sa.String(120), nullable=False),
        sa.Column("organiser", sa.String(120), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("series", sa.Uuid(), index=True),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("warned", sa.String(80), nullable=False),
        sa.Column("spoken", sa.String(8), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("run_until", MOMENT),
        sa.Column("next_at", MOMENT, index=True),
        sa.Column("staff_id", sa.Uuid()),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("taken >= 0 AND (capacity IS NULL OR taken <= capacity)", name="no_seat_is_given_twice"),
        sa.Index("events_coming", "state", "starts_at"),
    )
    op.create_table(
        "event_texts",
        sa.Column("subject", sa.Uuid(), primary_key=True),
        sa.Column("language", sa.String(12), primary_key=True),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
    )
    op.create_table(
        "registrations",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("event_id", sa.Uuid(), sa.ForeignKey("events.id", ondelete="CASCADE"), nullable=False),
        sa.Column("person_id", sa.Uuid(), sa.ForeignKey("people.id", ondelete="CASCADE"), index=True),
        sa.Column("chat_id", sa.BigInteger(), sa.ForeignKey("chats.id", ondelete="SET NULL"), index=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("seats", sa.SmallInteger(), nullable=False),
        sa.Column("language", sa.String(12), nullable=False),
        sa.Column("zone", sa.String(40), nullable=False),
        sa.Column("interpreter", sa.String(12), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("region", sa.String(40), nullable=False),
        sa.Column("offered_until", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("attended_at", MOMENT),
        sa.Column("linked_at", MOMENT),
        sa.Column("still_at", MOMENT),
        sa.Column("was_there", sa.Boolean()),
        sa.Column("rating", sa.SmallInteger()),
        sa.Column("content", sa.LargeBinary()),
        sa.UniqueConstraint("event_id", "person_id", name="one_registration_each"),
        sa.CheckConstraint("seats > 0", name="seats_for_somebody"),
        sa.Index("registrations_in_order", "event_id", "state", "place"),
    )


def downgrade() -> None:
    op.drop_table("registrations")
    op.drop_table("event_texts")
    op.drop_table("events")
