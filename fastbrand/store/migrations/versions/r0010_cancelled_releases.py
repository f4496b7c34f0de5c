"""Releases of rule books that were cancelled before their date."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fastbrand.store.columns import UtcTime

revision = "0010"
down_revision: str | None = "0009"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add a table; nothing that is there changes."""
    op.create_table(
        "rulebook_cancellation",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("cancelled_by", sa.String(80), nullable=False),
        sa.Column("cancelled_at", UtcTime(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["sha256"], ["rulebook_release.sha256"], name=op.f("fk_rulebook_cancellation_sha256")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_rulebook_cancellation")),
    )
