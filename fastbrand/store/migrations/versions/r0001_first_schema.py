"""The first schema: parties, facts, decisions, cases, endorsements, grants, ledger, books and the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fastbrand.store.columns import JsonText, SequenceId, UtcTime

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Create every table; triggers follow after the last revision."""
    _record()
    _books()
    _parties()
    _decisions()
    _cases()
    _accounts()
    _ledger()
    _grants()


def _record() -> None:
    """Tables of audit log, commands."""
    op.create_table(
        "audit_event",
        sa.Column("seq", SequenceId(), nullable=False),
        sa.Column("event_id", sa.String(34), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("verb", sa.String(40), nullable=False),
        sa.Column("actor_id", sa.String(80), nullable=False),
        sa.Column("subject_kind", sa.String(40), nullable=False),
        sa.Column("subject_id", sa.String(200), nullable=False),
        sa.Column("party_id", sa.String(64), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_event")),
        sa.UniqueConstraint("event_id", name=op.f("uq_audit_event_event_id")),
    )
    op.create_index(op.f("ix_audit_event_party_id_seq"), "audit_event", ["party_id", "seq"])
    op.create_index(op.f("ix_audit_event_verb_seq"), "audit_event", ["verb", "seq"])
    op.create_table(
        "command",
        sa.Column("command_id", sa.String(300), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("params_hash", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("result", JsonText(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("command_id", name=op.f("pk_command")),
    )


def _books() -> None:
    """Tables of released books and their approvals."""
    op.create_table(
        "rulebook_release",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("closure", sa.LargeBinary(), nullable=False),
        sa.Column("versions", JsonText(), nullable=False),
        sa.Column("wanted_from", UtcTime(), nullable=True),
        sa.Column("released_by", sa.String(80), nullable=False),
        sa.Column("released_at", UtcTime(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("acknowledged", JsonText(), nullable=False),
        sa.Column("evidence", JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_rulebook_release")),
    )
    op.create_table(
        "rulebook_approval",
        sa.Column("seq", SequenceId(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("effective_from", UtcTime(), nullable=False),
        sa.Column("approved_by", sa.String(80), nullable=False),
        sa.Column("approved_at", UtcTime(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["sha256"], ["rulebook_release.sha256"], name=op.f("fk_rulebook_approval_sha256")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_rulebook_approval")),
        sa.UniqueConstraint("sha256", "effective_from", name=op.f("uq_rulebook_approval_sha256_effective_from")),
    )


def _parties() -> None:
    """Tables of parties, their steps and facts."""
    op.create_table(
        "party",
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("track", sa.String(24), nullable=False),
        sa.Column("stage", sa.String(24), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("application_no", sa.Integer(), nullable=False),
        sa.Column("case_no", sa.Integer(), nullable=False),
        sa.Column("endorsement_no", sa.Integer(), nullable=False),
        sa.Column("screening", sa.String(40), nullable=True),
        sa.Column("screening_no", sa.Integer(), nullable=False),
        sa.Column("decision_id", sa.String(34), nullable=True),
        sa.Column("book_sha256", sa.String(64), nullable=True),
        sa.Column("applied_at", UtcTime(), nullable=True),
        sa.Column("mark_due", sa.Boolean(), nullable=False),
        sa.Column("wants_endorsement", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("party_id", name=op.f("pk_party")),
    )
    op.create_index(op.f("ix_party_stage_party_id"), "party", ["stage", "party_id"])
    op.create_table(
        "stage_event",
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("source", sa.String(24), nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("target", sa.String(24), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.party_id"], name=op.f("fk_stage_event_party_id")),
        sa.PrimaryKeyConstraint("party_id", "revision", name=op.f("pk_stage_event")),
        sa.UniqueConstraint("party_id", "key", name=op.f("uq_stage_event_party_id_key")),
    )
    op.create_table(
        "fact",
        sa.Column("fact_id", SequenceId(), nullable=False),
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("source", sa.String(120), nullable=False),
        sa.Column("observed_at", UtcTime(), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=False),
        sa.Column("recorded_by", sa.String(80), nullable=False),
        sa.Column("batch", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.party_id"], name=op.f("fk_fact_party_id")),
        sa.PrimaryKeyConstraint("fact_id", name=op.f("pk_fact")),
        sa.UniqueConstraint("party_id", "batch", "name", name=op.f("uq_fact_party_id_batch_name")),
    )
    op.create_index(op.f("ix_fact_party_id_name_observed_at"), "fact", ["party_id", "name", "observed_at"])


def _decisions() -> None:
    """Tables of decisions."""
    op.create_table(
        "decision",
        sa.Column("seq", SequenceId(), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("decision_id", sa.String(34), nullable=False),
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("rulebook", sa.String(80), nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("book_sha256", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("outcome", sa.String(80), nullable=False),
        sa.Column("as_of", sa.String(40), nullable=False),
        sa.Column("core", sa.LargeBinary(), nullable=False),
        sa.Column("inputs", sa.LargeBinary(), nullable=False),
        sa.Column("engine", sa.String(80), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.party_id"], name=op.f("fk_decision_party_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_decision")),
        sa.UniqueConstraint("key", name=op.f("uq_decision_key")),
    )
    op.create_index(op.f("ix_decision_decision_id"), "decision", ["decision_id"])
    op.create_index(op.f("ix_decision_party_id_seq"), "decision", ["party_id", "seq"])


def _cases() -> None:
    """Tables of cases and endorsements."""
    op.create_table(
        "vetting_case",
        sa.Column("case_id", sa.String(96), nullable=False),
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("queue", sa.String(64), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("four_eyes", sa.Boolean(), nullable=False),
        sa.Column("assignee", sa.String(80), nullable=True),
        sa.Column("opened_at", UtcTime(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=True),
        sa.Column("sla_breached", sa.Boolean(), nullable=False),
        sa.Column("rounds", sa.Integer(), nullable=False),
        sa.Column("info_deadline", UtcTime(), nullable=True),
        sa.Column("proposal", JsonText(), nullable=True),
        sa.Column("outcome", sa.String(40), nullable=True),
        sa.Column("decision_id", sa.String(34), nullable=True),
        sa.Column("screening", sa.String(40), nullable=False),
        sa.Column("clean", sa.Boolean(), nullable=False),
        sa.Column("screening_no", sa.Integer(), nullable=False),
        sa.Column("closed_at", UtcTime(), nullable=True),
        sa.Column("close_reason", sa.String(), nullable=True),
        sa.Column("unknown", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.party_id"], name=op.f("fk_vetting_case_party_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_vetting_case")),
        sa.UniqueConstraint("party_id", "number", name=op.f("uq_vetting_case_party_id_number")),
    )
    op.create_index(op.f("ix_vetting_case_state_due_at"), "vetting_case", ["state", "due_at"])
    op.create_table(
        "endorsement",
        sa.Column("endorsement_id", sa.String(96), nullable=False),
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("public_number", sa.String(24), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("issued_at", UtcTime(), nullable=False),
        sa.Column("valid_until", UtcTime(), nullable=False),
        sa.Column("case_id", sa.String(96), nullable=True),
        sa.Column("decision_id", sa.String(34), nullable=True),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("cause", sa.String(80), nullable=True),
        sa.ForeignKeyConstraint(["party_id"], ["party.party_id"], name=op.f("fk_endorsement_party_id")),
        sa.PrimaryKeyConstraint("endorsement_id", name=op.f("pk_endorsement")),
        sa.UniqueConstraint("party_id", "number", name=op.f("uq_endorsement_party_id_number")),
        sa.UniqueConstraint("public_number", name=op.f("uq_endorsement_public_number")),
    )
    op.create_index(op.f("ix_endorsement_state_valid_until"), "endorsement", ["state", "valid_until"])


def _accounts() -> None:
    """Tables of accounts of the ledger."""
    op.create_table(
        "pool",
        sa.Column("pool_id", sa.String(64), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(64), nullable=False),
        sa.Column("budget", sa.BigInteger(), nullable=False),
        sa.Column("topped_up", sa.BigInteger(), nullable=False),
        sa.Column("pending", sa.BigInteger(), nullable=False),
        sa.Column("posted", sa.BigInteger(), nullable=False),
        sa.Column("consumed", sa.BigInteger(), nullable=False),
        sa.Column("clawed_back", sa.BigInteger(), nullable=False),
        sa.Column("debt", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", UtcTime(), nullable=False),
        sa.CheckConstraint(
            "budget >= 0 AND topped_up >= 0 AND clawed_back >= 0 AND debt >= 0", name=op.f("ck_pool_not_negative")
        ),
        sa.CheckConstraint("consumed >= 0 AND consumed <= posted", name=op.f("ck_pool_consumed_was_released")),
        sa.CheckConstraint(
            "pending >= 0 AND posted >= 0 AND pending + posted <= budget + topped_up",
            name=op.f("ck_pool_never_overspent"),
        ),
        sa.PrimaryKeyConstraint("pool_id", "shard", name=op.f("pk_pool")),
    )
    op.create_table(
        "cap_account",
        sa.Column("account", sa.String(120), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("ck_cap_account_not_negative")),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_cap_account")),
    )
    op.create_table(
        "grant_account",
        sa.Column("grant_id", sa.String(96), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("pool_id", sa.String(64), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("party_account", sa.String(120), nullable=False),
        sa.Column("category_account", sa.String(120), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("reserved >= 0", name=op.f("ck_grant_account_not_negative")),
        sa.PrimaryKeyConstraint("grant_id", name=op.f("pk_grant_account")),
    )
    op.create_table(
        "tranche_account",
        sa.Column("grant_id", sa.String(96), nullable=False),
        sa.Column("tranche_no", sa.Integer(), nullable=False),
        sa.Column("unspent", sa.BigInteger(), nullable=False),
        sa.Column("consumed", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("unspent >= 0 AND consumed >= 0", name=op.f("ck_tranche_account_not_negative")),
        sa.ForeignKeyConstraint(["grant_id"], ["grant_account.grant_id"], name=op.f("fk_tranche_account_grant_id")),
        sa.PrimaryKeyConstraint("grant_id", "tranche_no", name=op.f("pk_tranche_account")),
    )


def _ledger() -> None:
    """Tables of entries of the ledger, and refusals."""
    op.create_table(
        "ledger_entry",
        sa.Column("seq", SequenceId(), nullable=False),
        sa.Column("grant_id", sa.String(96), nullable=False),
        sa.Column("tranche_no", sa.Integer(), nullable=False),
        sa.Column("entry_kind", sa.String(24), nullable=False),
        sa.Column("source_ref", sa.String(120), nullable=False),
        sa.Column("params_hash", sa.String(64), nullable=False),
        sa.Column("pool_id", sa.String(64), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("party_id", sa.String(64), nullable=True),
        sa.Column("source_account", sa.String(24), nullable=False),
        sa.Column("target_account", sa.String(24), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("cap_delta", sa.BigInteger(), nullable=False),
        sa.Column("party_account", sa.String(120), nullable=True),
        sa.Column("category_account", sa.String(120), nullable=True),
        sa.Column("at", UtcTime(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_ledger_entry_moves_something")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint(
            "grant_id",
            "tranche_no",
            "entry_kind",
            "source_ref",
            name=op.f("uq_ledger_entry_grant_id_tranche_no_entry_kind_source_ref"),
        ),
    )
    op.create_table(
        "ledger_denial",
        sa.Column("grant_id", sa.String(96), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("params_hash", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("grant_id", "attempt", name=op.f("pk_ledger_denial")),
    )


def _grants() -> None:
    """Tables of grants, tranches and the waiting line."""
    op.create_table(
        "bonus_grant",
        sa.Column("grant_id", sa.String(96), nullable=False),
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("track", sa.String(24), nullable=False),
        sa.Column("pool_id", sa.String(64), nullable=False),
        sa.Column("period", sa.String(16), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("queue_position", sa.BigInteger(), nullable=True),
        sa.Column("decision_id", sa.String(34), nullable=True),
        sa.Column("confirmed_by", sa.String(80), nullable=True),
        sa.Column("cause", sa.String(80), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("closes_at", UtcTime(), nullable=True),
        sa.Column("next_event_at", UtcTime(), nullable=True),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_bonus_grant_not_negative")),
        sa.ForeignKeyConstraint(["party_id"], ["party.party_id"], name=op.f("fk_bonus_grant_party_id")),
        sa.PrimaryKeyConstraint("grant_id", name=op.f("pk_bonus_grant")),
        sa.UniqueConstraint("party_id", "period", name=op.f("uq_bonus_grant_party_id_period")),
        sa.UniqueConstraint("pool_id", "queue_position", name=op.f("uq_bonus_grant_pool_id_queue_position")),
    )
    op.create_index(
        op.f("ix_bonus_grant_pool_id_state_queue_position"), "bonus_grant", ["pool_id", "state", "queue_position"]
    )
    op.create_table(
        "tranche",
        sa.Column("grant_id", sa.String(96), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("released_at", UtcTime(), nullable=True),
        sa.Column("expires_at", UtcTime(), nullable=True),
        sa.Column("consumed", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "amount >= 0 AND consumed >= 0 AND consumed <= amount", name=op.f("ck_tranche_not_negative")
        ),
        sa.ForeignKeyConstraint(["grant_id"], ["bonus_grant.grant_id"], name=op.f("fk_tranche_grant_id")),
        sa.PrimaryKeyConstraint("grant_id", "no", name=op.f("pk_tranche")),
    )
    op.create_table(
        "waiting_line",
        sa.Column("pool_id", sa.String(64), nullable=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pool_id", name=op.f("pk_waiting_line")),
    )
