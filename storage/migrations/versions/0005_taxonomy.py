"""Occupations and skills of an imported taxonomy."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "taxonomy_entries",
        sa.Column("uri", sa.String(120), primary_key=True),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("isco", sa.String(4), nullable=False, server_default=""),
        sa.Column("seen", sa.String(10), nullable=False),
        sa.Column("replaced_by", sa.String(120)),
    )
    op.create_table(
        "taxonomy_labels",
        sa.Column("language", sa.String(12), primary_key=True),
        sa.Column("uri", sa.String(120), primary_key=True),
        sa.Column("label", sa.String(500), primary_key=True),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "taxonomy_relations",
        sa.Column("occupation", sa.String(120), primary_key=True),
        sa.Column("skill", sa.String(120), primary_key=True, index=True),
        sa.Column("essential", sa.Boolean(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "taxonomy_releases",
        sa.Column("kind", sa.String(12), primary_key=True),
        sa.Column("language", sa.String(12), primary_key=True),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
    )


def downgrade() -> None:
    for table in ("taxonomy_releases", "taxonomy_relations", "taxonomy_labels", "taxonomy_entries"):
        op.drop_table(table)
