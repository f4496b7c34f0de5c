"""Whom parties reach, as sketches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fastbrand.store.columns import UtcTime

revision = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add one table."""
    op.create_table(
        "audience",
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("period", sa.String(7), nullable=False),
        sa.Column("sketch", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.String(120), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.party_id"], name=op.f("fk_audience_party_id")),
        sa.PrimaryKeyConstraint("party_id", "period", name=op.f("pk_audience")),
    )
