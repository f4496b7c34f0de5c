"""Every table of this room in one place: what migrations compare with and triggers are made from."""

from __future__ import annotations

from sqlalchemy import MetaData, Table

from fastbrand.store.accounts import CAP_ACCOUNT, DEBT_ACCOUNT, GRANT_ACCOUNT, POOL, TRANCHE_ACCOUNT
from fastbrand.store.audiences import AUDIENCE
from fastbrand.store.audit import AUDIT
from fastbrand.store.books import APPROVAL, BOOK, CANCELLATION
from fastbrand.store.cases import CASE
from fastbrand.store.columns import StoreTable
from fastbrand.store.commands import COMMAND
from fastbrand.store.decisions import DECISION
from fastbrand.store.documents import DOCUMENT, DOCUMENT_END
from fastbrand.store.endorsements import ENDORSEMENT
from fastbrand.store.entries import CLAWBACK, DENIAL, ENTRY, FORGIVEN
from fastbrand.store.facts import FACT
from fastbrand.store.grants import GRANT, TRANCHE, WAITING_LINE
from fastbrand.store.intakes import INTAKE, INTAKE_ROW
from fastbrand.store.matches import MATCH
from fastbrand.store.observations import OBSERVATION
from fastbrand.store.parties import PARTY, STAGE_EVENT
from fastbrand.store.plans import PLAN
from fastbrand.store.proposals import ANSWER, PROPOSAL
from fastbrand.store.providers import PROVIDER
from fastbrand.store.talents import TALENT

METADATA: MetaData = StoreTable.metadata

APPEND_ONLY: tuple[Table, ...] = (
    *(AUDIT, BOOK, APPROVAL, CANCELLATION, STAGE_EVENT, FACT, DECISION, DOCUMENT, DOCUMENT_END),
    *(ENTRY, DENIAL, CLAWBACK, FORGIVEN, PROPOSAL, ANSWER),
)
"""Tables whose rows are never changed nor deleted; triggers see to it."""

CHANGING: tuple[Table, ...] = (
    POOL,
    CAP_ACCOUNT,
    GRANT_ACCOUNT,
    TRANCHE_ACCOUNT,
    DEBT_ACCOUNT,
    PARTY,
    CASE,
    ENDORSEMENT,
    GRANT,
    TRANCHE,
    WAITING_LINE,
    COMMAND,
    OBSERVATION,
    PLAN,
    INTAKE,
    INTAKE_ROW,
    AUDIENCE,
    PROVIDER,
    TALENT,
    MATCH,
)
"""Tables that hold how things stand now; what led there is in the append-only ones."""
