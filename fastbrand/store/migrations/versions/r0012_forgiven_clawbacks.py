"""Clawbacks of which a decision fell: what they made a debt is owed no more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fastbrand.store.columns import UtcTime

revision = "0012"
down_revision: str | None = "0011"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add a table; nothing that is there changes."""
    op.create_table(
        "clawback_forgiven",
        sa.Column("grant_id", sa.String(96), nullable=False),
        sa.Column("tranche_no", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(64), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.CheckConstraint("debt >= 0", name=op.f("ck_clawback_forgiven_not_negative")),
        sa.PrimaryKeyConstraint("grant_id", "tranche_no", "cause", name=op.f("pk_clawback_forgiven")),
    )
