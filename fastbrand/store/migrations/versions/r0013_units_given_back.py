"""Units that could be spent again when the decision behind their clawback fell."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision: str | None = "0012"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add a column: nothing was given back before."""
    op.add_column("clawback_forgiven", sa.Column("returned", sa.BigInteger(), nullable=False, server_default="0"))
