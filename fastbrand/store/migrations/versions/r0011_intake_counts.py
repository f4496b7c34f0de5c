"""How many rows of a file are in which state, kept as they change; and the next rows that wait, by an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision: str | None = "0010"
branch_labels: str | None = None
depends_on: str | None = None

_STATES = ("waiting", "started", "screened", "known")


def upgrade() -> None:
    """Add the counts, true of what is there, and the index."""
    for state in _STATES:
        op.add_column("intake", sa.Column(state, sa.Integer(), nullable=False, server_default="0"))
        counted = f"SELECT count(*) FROM intake_row WHERE intake_row.intake_id = intake.intake_id AND state = '{state}'"
        op.execute(f"UPDATE intake SET {state} = ({counted})")
    op.create_index(op.f("ix_intake_row_intake_id_state_number"), "intake_row", ["intake_id", "state", "number"])
