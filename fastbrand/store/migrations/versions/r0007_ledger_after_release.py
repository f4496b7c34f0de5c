"""What happens to units after their release: consumed, expired, clawed back, owed and set off; proposals of finance."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fastbrand.store.columns import UtcTime

revision = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add columns, checks and tables; tell apart what had expired already."""
    _grant_accounts()
    _tranche_accounts()
    _debts()
    _proposals()


def _grant_accounts() -> None:
    with op.batch_alter_table("grant_account") as batch:
        batch.add_column(sa.Column("set_off", sa.BigInteger(), nullable=False, server_default="0"))
        batch.drop_constraint(op.f("ck_grant_account_not_negative"), type_="check")
        batch.create_check_constraint(op.f("ck_grant_account_not_negative"), "reserved >= 0 AND set_off >= 0")


def _tranche_accounts() -> None:
    with op.batch_alter_table("tranche_account") as batch:
        for name in ("expired", "clawed_back", "owed"):
            batch.add_column(sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
        batch.drop_constraint(op.f("ck_tranche_account_not_negative"), type_="check")
        batch.create_check_constraint(
            op.f("ck_tranche_account_not_negative"),
            "unspent >= 0 AND consumed >= 0 AND expired >= 0 AND clawed_back >= 0",
        )
        batch.create_check_constraint(op.f("ck_tranche_account_owed_was_spent"), "owed >= 0 AND owed <= consumed")
    op.execute(
        "UPDATE tranche_account SET expired = COALESCE((SELECT SUM(amount) FROM ledger_entry"
        " WHERE ledger_entry.grant_id = tranche_account.grant_id"
        " AND ledger_entry.tranche_no = tranche_account.tranche_no AND ledger_entry.entry_kind = 'expire'), 0)"
    )


def _debts() -> None:
    op.create_table(
        "debt_account",
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("pool_id", sa.String(64), nullable=False),
        sa.Column("owed", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("owed >= 0", name=op.f("ck_debt_account_not_negative")),
        sa.PrimaryKeyConstraint("party_id", "pool_id", name=op.f("pk_debt_account")),
    )
    op.create_table(
        "clawback",
        sa.Column("grant_id", sa.String(96), nullable=False),
        sa.Column("tranche_no", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(64), nullable=False),
        sa.Column("unspent_ppb", sa.BigInteger(), nullable=False),
        sa.Column("spent_ppb", sa.BigInteger(), nullable=False),
        sa.Column("unspent", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.CheckConstraint(
            "unspent >= 0 AND spent >= 0 AND debt >= 0 AND debt <= spent", name=op.f("ck_clawback_in_range")
        ),
        sa.PrimaryKeyConstraint("grant_id", "tranche_no", "cause", name=op.f("pk_clawback")),
    )


def _proposals() -> None:
    op.create_table(
        "finance_proposal",
        sa.Column("proposal_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("subject", sa.String(96), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.String(64), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(80), nullable=False),
        sa.Column("proposed_at", UtcTime(), nullable=False),
        sa.Column("valid_until", UtcTime(), nullable=False),
        sa.CheckConstraint("amount IS NULL OR amount > 0", name=op.f("ck_finance_proposal_amount_is_one")),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("pk_finance_proposal")),
    )
    op.create_index(op.f("ix_finance_proposal_kind_proposed_at"), "finance_proposal", ["kind", "proposed_at"])
    op.create_table(
        "finance_answer",
        sa.Column("proposal_id", sa.String(40), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("answered_by", sa.String(80), nullable=False),
        sa.Column("answered_at", UtcTime(), nullable=False),
        sa.Column("answer_reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["finance_proposal.proposal_id"], name=op.f("fk_finance_answer_proposal_id")
        ),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("pk_finance_answer")),
    )
