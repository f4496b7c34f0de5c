"""What a standing needs: appeals, bars and suspensions of a party, kinds of cases, observations, action plans."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fastbrand.store.columns import JsonText, UtcTime

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add columns and tables; nothing that is there changes."""
    for name in ("appeal_until", "barred_until", "suspended_until"):
        op.add_column("party", sa.Column(name, UtcTime(), nullable=True))
    op.add_column("party", sa.Column("appeals", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("party", sa.Column("appealed_from", sa.String(24), nullable=True))
    op.add_column("party", sa.Column("upkeep", sa.String(40), nullable=True))
    op.add_column("party", sa.Column("recommended", sa.String(24), nullable=True))
    op.add_column("vetting_case", sa.Column("kind", sa.String(24), nullable=False, server_default="vetting"))
    _observations()
    _plans()


def _observations() -> None:
    op.create_table(
        "upkeep_observation",
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("period", sa.String(7), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("cause", sa.String(80), nullable=True),
        sa.Column("bands", JsonText(), nullable=False),
        sa.Column("streaks", JsonText(), nullable=False),
        sa.Column("clear_months", sa.Integer(), nullable=False),
        sa.Column("rulebook_sha256", sa.String(64), nullable=False),
        sa.Column("decision_id", sa.String(34), nullable=True),
        sa.ForeignKeyConstraint(["party_id"], ["party.party_id"], name=op.f("fk_upkeep_observation_party_id")),
        sa.PrimaryKeyConstraint("party_id", "period", name=op.f("pk_upkeep_observation")),
    )
    op.create_index(op.f("ix_upkeep_observation_period_outcome"), "upkeep_observation", ["period", "outcome"])


def _plans() -> None:
    op.create_table(
        "action_plan",
        sa.Column("plan_id", sa.String(96), nullable=False),
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("measures", sa.String(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("proposed_by", sa.String(80), nullable=False),
        sa.Column("proposed_at", UtcTime(), nullable=False),
        sa.Column("settled_by", sa.String(80), nullable=True),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["party_id"], ["party.party_id"], name=op.f("fk_action_plan_party_id")),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_action_plan")),
    )
    op.create_index(op.f("ix_action_plan_party_id"), "action_plan", ["party_id"])
