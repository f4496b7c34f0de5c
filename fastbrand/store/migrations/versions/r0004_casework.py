"""What casework needs: a clock that is warned of, stops and goes on; where late cases go; who may not decide."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fastbrand.store.columns import JsonText, UtcTime

revision = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add columns; nothing that is there changes."""
    for name in ("warn_at", "paused_at", "escalated_at"):
        op.add_column("vetting_case", sa.Column(name, UtcTime(), nullable=True))
    for name in ("sla_business", "sla_warned", "overridden"):
        op.add_column("vetting_case", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("vetting_case", sa.Column("escalate_to", JsonText(), nullable=True))
    op.add_column("vetting_case", sa.Column("excluded", JsonText(), nullable=False, server_default="[]"))
