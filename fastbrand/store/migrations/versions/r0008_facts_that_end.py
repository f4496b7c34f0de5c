"""Facts that say until when they hold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fastbrand.store.columns import UtcTime

revision = "0008"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add a column; every fact that is there holds until a newer one comes."""
    op.add_column("fact", sa.Column("valid_until", UtcTime(), nullable=True))
