"""Documents of parties, and which of them have been seen to have ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from fastbrand.store.columns import JsonText, UtcTime

revision = "0009"
down_revision: str | None = "0008"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Add tables; nothing that is there changes."""
    op.create_table(
        "document",
        sa.Column("document_id", sa.String(24), nullable=False),
        sa.Column("party_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("supersedes", sa.String(24), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("fields", JsonText(), nullable=False),
        sa.Column("issued_on", sa.String(10), nullable=False),
        sa.Column("expires_on", sa.String(10), nullable=True),
        sa.Column("ends_at", UtcTime(), nullable=True),
        sa.Column("file_sha256", sa.String(64), nullable=True),
        sa.Column("file_bytes", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", UtcTime(), nullable=False),
        sa.Column("recorded_by", sa.String(80), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.party_id"], name=op.f("fk_document_party_id")),
        sa.ForeignKeyConstraint(["supersedes"], ["document.document_id"], name=op.f("fk_document_supersedes")),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_document")),
        sa.UniqueConstraint("supersedes", name=op.f("uq_document_supersedes")),
    )
    op.create_index(op.f("ix_document_party_id_kind"), "document", ["party_id", "kind"])
    op.create_index(op.f("ix_document_ends_at"), "document", ["ends_at"])
    op.create_table(
        "document_end",
        sa.Column("document_id", sa.String(24), nullable=False),
        sa.Column("seen_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.document_id"], name=op.f("fk_document_end_document_id")),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_document_end")),
    )
