"""Bulk intake: files that came, and their rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fastbrand.store.columns import UtcTime

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add two tables."""
    op.create_table(
        "intake",
        sa.Column("intake_id", sa.String(64), nullable=False),
        sa.Column("source", sa.String(120), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("mistakes", sa.Integer(), nullable=False),
        sa.Column("brought_by", sa.String(80), nullable=False),
        sa.Column("brought_at", UtcTime(), nullable=False),
        sa.Column("stored_at", UtcTime(), nullable=True),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("intake_id", name=op.f("pk_intake")),
    )
    op.create_table(
        "intake_row",
        sa.Column("intake_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("track", sa.String(24), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.ForeignKeyConstraint(["intake_id"], ["intake.intake_id"], name=op.f("fk_intake_row_intake_id")),
        sa.ForeignKeyConstraint(["party_id"], ["party.party_id"], name=op.f("fk_intake_row_party_id")),
        sa.PrimaryKeyConstraint("intake_id", "number", name=op.f("pk_intake_row")),
        sa.UniqueConstraint("intake_id", "party_id", name=op.f("uq_intake_row_intake_id_party_id")),
    )
