"""Service providers, talents, and offers; a decision may be about a talent, which is no party."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fastbrand.store.columns import JsonText, UtcTime

revision = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add three tables; decisions no longer belong to parties alone."""
    with op.batch_alter_table("decision") as decision:
        decision.drop_constraint(op.f("fk_decision_party_id"), type_="foreignkey")
    op.create_table(
        "provider",
        sa.Column("provider_id", sa.String(64), nullable=False),
        sa.Column("type", sa.String(24), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("categories", JsonText(), nullable=False),
        sa.Column("region", sa.String(64), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("load", sa.Integer(), nullable=False),
        sa.Column("track_record", sa.Integer(), nullable=True),
        sa.Column("capabilities", JsonText(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.CheckConstraint("load >= 0 AND load <= capacity", name=op.f("ck_provider_within_capacity")),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("pk_provider")),
    )
    op.create_index(op.f("ix_provider_type_provider_id"), "provider", ["type", "provider_id"])
    op.create_table(
        "talent",
        sa.Column("talent_id", sa.String(64), nullable=False),
        sa.Column("category", sa.String(64), nullable=True),
        sa.Column("region", sa.String(64), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("talent_id", name=op.f("pk_talent")),
    )
    _matches()


def _matches() -> None:
    op.create_table(
        "provider_match",
        sa.Column("match_id", sa.String(96), nullable=False),
        sa.Column("subject_kind", sa.String(8), nullable=False),
        sa.Column("subject_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("served", sa.String(24), nullable=False),
        sa.Column("provider_id", sa.String(64), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("score", sa.String(8), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("proposal", sa.String(200), nullable=False),
        sa.Column("decision_id", sa.String(34), nullable=False),
        sa.Column("proposed_at", UtcTime(), nullable=False),
        sa.Column("settled_at", UtcTime(), nullable=True),
        sa.Column("settled_by", sa.String(80), nullable=True),
        sa.Column("settled_key", sa.String(300), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.provider_id"], name=op.f("fk_provider_match_provider_id")),
        sa.PrimaryKeyConstraint("match_id", name=op.f("pk_provider_match")),
        sa.UniqueConstraint(
            "subject_kind", "subject_id", "number", name=op.f("uq_provider_match_subject_kind_subject_id_number")
        ),
        sa.UniqueConstraint("proposal", "provider_id", name=op.f("uq_provider_match_proposal_provider_id")),
    )
    op.create_index(op.f("ix_provider_match_provider_id_state"), "provider_match", ["provider_id", "state"])
