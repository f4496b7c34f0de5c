"""Ledger entries: append-only movements between accounts, each under a business key that can be used once.

An entry moves ``amount`` units from ``source_account`` to ``target_account`` (double entry). Accounts of a pool:
``budget`` (where units come from when the pool is opened or topped up), ``available``, ``reserved``, ``unspent``
(released and not spent), ``consumed``; and outside that sum, as a memo, ``claim`` and ``debt``: what parties owe for
units that were spent and then clawed back. ``cap_delta`` is what the entry adds to the caps of the party's year and the
category's month.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Connection, UniqueConstraint, bindparam, select
from sqlmodel import Field

from fastbrand.domain.errors import LedgerConflict
from fastbrand.store.columns import SequenceId, StoreTable, UtcTime, canonical_json, enum_text
from fastbrand.store.once import InsertOnce
from fastbrand.store.rows import RowReader


class EntryKind(StrEnum):
    """What an entry does; its accounts follow from it."""

    OPEN = "open"
    TOP_UP = "top_up"
    RESERVE = "reserve"
    COMMIT = "commit"
    VOID = "void"
    CONSUME = "consume"
    EXPIRE = "expire"
    CLAWBACK = "clawback"
    LATE_AFTER_EXPIRY = "late_after_expiry"  # spent before it expired, reported after it had
    LATE_AFTER_CLAWBACK = "late_after_clawback"  # likewise for what was clawed back
    OWE = "owe"
    SET_OFF = "set_off"
    RESTORE = "restore"  # a set-off is undone: the grant it was taken from was given up whole
    FORGIVE = "forgive"  # a debt is undone: the decision that made it fell
    GIVE_BACK = "give_back"  # likewise what was not spent, while it still can be


class Account(StrEnum):
    """Accounts that entries move units between."""

    BUDGET = "budget"
    AVAILABLE = "available"
    RESERVED = "reserved"
    UNSPENT = "unspent"
    CONSUMED = "consumed"
    CLAIM = "claim"
    DEBT = "debt"


MOVES: dict[EntryKind, tuple[Account, Account]] = {
    EntryKind.OPEN: (Account.BUDGET, Account.AVAILABLE),
    EntryKind.RESERVE: (Account.AVAILABLE, Account.RESERVED),
    EntryKind.COMMIT: (Account.RESERVED, Account.UNSPENT),
    EntryKind.VOID: (Account.RESERVED, Account.AVAILABLE),
    EntryKind.CONSUME: (Account.UNSPENT, Account.CONSUMED),
    EntryKind.EXPIRE: (Account.UNSPENT, Account.AVAILABLE),
    EntryKind.CLAWBACK: (Account.UNSPENT, Account.AVAILABLE),
    EntryKind.LATE_AFTER_EXPIRY: (Account.AVAILABLE, Account.CONSUMED),
    EntryKind.LATE_AFTER_CLAWBACK: (Account.AVAILABLE, Account.CONSUMED),
    EntryKind.OWE: (Account.CLAIM, Account.DEBT),
    EntryKind.SET_OFF: (Account.DEBT, Account.CLAIM),
    EntryKind.RESTORE: (Account.CLAIM, Account.DEBT),
    EntryKind.FORGIVE: (Account.DEBT, Account.CLAIM),
    EntryKind.GIVE_BACK: (Account.AVAILABLE, Account.UNSPENT),
    EntryKind.TOP_UP: (Account.BUDGET, Account.AVAILABLE),
}
"""Kind -> from where to where."""

CONSTANT = "-"
"""``source_ref`` of entries that can happen once for their grant and tranche."""


class EntryRow(StoreTable, table=True):
    """One movement. ``grant_id`` is empty and ``source_ref`` names the shard where it belongs to no grant."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        UniqueConstraint("grant_id", "tranche_no", "entry_kind", "source_ref"),
        CheckConstraint("amount > 0", name="moves_something"),
    )

    seq: int | None = Field(default=None, primary_key=True, sa_type=SequenceId)
    grant_id: str = Field(max_length=96)
    tranche_no: int
    entry_kind: EntryKind = Field(sa_type=enum_text(EntryKind))
    source_ref: str = Field(max_length=120)
    params_hash: str = Field(max_length=64)
    pool_id: str = Field(max_length=64)
    shard: int
    party_id: str | None = Field(default=None, max_length=64)
    source_account: Account = Field(sa_type=enum_text(Account))
    target_account: Account = Field(sa_type=enum_text(Account))
    amount: int = Field(sa_type=BigInteger)
    cap_delta: int = Field(sa_type=BigInteger)
    party_account: str | None = Field(default=None, max_length=120)
    category_account: str | None = Field(default=None, max_length=120)
    at: datetime = Field(sa_type=UtcTime)


class DenialRow(StoreTable, table=True):
    """An attempt to reserve that was refused: asked again, it gets the same answer."""

    __tablename__ = "ledger_denial"

    grant_id: str = Field(primary_key=True, max_length=96)
    attempt: int = Field(primary_key=True)
    params_hash: str = Field(max_length=64)
    reason: str = Field(max_length=40)
    amount: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=UtcTime)


class ClawbackRow(StoreTable, table=True):
    """What a clawback took of one tranche, and on which terms: done once for a cause.

    ``unspent`` went back to the pool; of ``spent`` units, ``debt`` are owed. Shares are parts per billion.
    """

    __tablename__ = "clawback"
    __table_args__ = (CheckConstraint("unspent >= 0 AND spent >= 0 AND debt >= 0 AND debt <= spent", name="in_range"),)

    grant_id: str = Field(primary_key=True, max_length=96)
    tranche_no: int = Field(primary_key=True)
    cause: str = Field(primary_key=True, max_length=64)
    unspent_ppb: int = Field(sa_type=BigInteger)
    spent_ppb: int = Field(sa_type=BigInteger)
    unspent: int = Field(sa_type=BigInteger)
    spent: int = Field(sa_type=BigInteger)
    debt: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=UtcTime)


class ForgivenRow(StoreTable, table=True):
    """That the decision by which a clawback took from a tranche fell: ``debt`` units of it are owed no more.

    Nor will those be that are reported later. ``returned`` units can be spent again.
    """

    __tablename__ = "clawback_forgiven"
    __table_args__ = (CheckConstraint("debt >= 0", name="not_negative"),)

    grant_id: str = Field(primary_key=True, max_length=96)
    tranche_no: int = Field(primary_key=True)
    cause: str = Field(primary_key=True, max_length=64)
    debt: int = Field(sa_type=BigInteger)
    returned: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    at: datetime = Field(sa_type=UtcTime)


ENTRY = StoreTable.metadata.tables["ledger_entry"]
DENIAL = StoreTable.metadata.tables["ledger_denial"]
CLAWBACK = StoreTable.metadata.tables["clawback"]
FORGIVEN = StoreTable.metadata.tables["clawback_forgiven"]


@dataclass(frozen=True, slots=True)
class Key:
    """The business key of an entry."""

    grant_id: str
    tranche_no: int
    kind: EntryKind
    source_ref: str = CONSTANT

    def __str__(self) -> str:
        return f"{self.kind} of tranche {self.tranche_no} of grant `{self.grant_id}` ({self.source_ref})"


@dataclass(frozen=True, slots=True)
class Clawback:
    """What a clawback took of one tranche (see ``ClawbackRow``)."""

    grant_id: str
    tranche_no: int
    cause: str
    unspent_ppb: int
    spent_ppb: int
    unspent: int
    spent: int
    debt: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Fallen:
    """A clawback whose decision fell: units owed no more, and units that could be spent again."""

    debt: int
    returned: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement of the ledger."""

    grant_id: str
    tranche_no: int
    entry_kind: EntryKind
    source_ref: str
    params_hash: str
    pool_id: str
    shard: int
    party_id: str | None
    amount: int
    cap_delta: int
    party_account: str | None
    category_account: str | None
    at: datetime

    @classmethod
    def under(cls, key: Key, params: Mapping[str, Any], pool_id: str, shard: int, amount: int, at: datetime) -> Entry:
        """An entry under ``key`` that touches no cap and is no party's; ``params`` are what a repeat must match."""
        return cls(
            grant_id=key.grant_id,
            tranche_no=key.tranche_no,
            entry_kind=key.kind,
            source_ref=key.source_ref,
            params_hash=params_hash(params),
            pool_id=pool_id,
            shard=shard,
            party_id=None,
            amount=amount,
            cap_delta=0,
            party_account=None,
            category_account=None,
            at=at,
        )

    @property
    def key(self) -> Key:
        """The business key."""
        return Key(self.grant_id, self.tranche_no, self.entry_kind, self.source_ref)


_READER = RowReader(ENTRY, Entry)
_WRITE = InsertOnce(ENTRY, ("grant_id", "tranche_no", "entry_kind", "source_ref"), generated=("seq",))
_DENY = InsertOnce(DENIAL, ("grant_id", "attempt"))
_FIND = _READER.select.where(
    ENTRY.c.grant_id == bindparam("grant"),
    ENTRY.c.tranche_no == bindparam("tranche"),
    ENTRY.c.entry_kind == bindparam("kind"),
    ENTRY.c.source_ref == bindparam("ref"),
)
_OF_TRANCHE = _READER.select.where(
    ENTRY.c.grant_id == bindparam("grant"),
    ENTRY.c.tranche_no == bindparam("tranche"),
    ENTRY.c.entry_kind.in_(bindparam("kinds", expanding=True)),
).order_by(ENTRY.c.seq)
_OF_GRANT = _READER.select.where(ENTRY.c.grant_id == bindparam("grant")).order_by(ENTRY.c.seq)
_CLAWBACKS = RowReader(CLAWBACK, Clawback)
_CLAW_BACK = InsertOnce(CLAWBACK, ("grant_id", "tranche_no", "cause"))
_CLAWBACKS_OF = _CLAWBACKS.select.where(CLAWBACK.c.grant_id == bindparam("grant")).order_by(
    CLAWBACK.c.tranche_no, CLAWBACK.c.at, CLAWBACK.c.cause
)
_FORGIVE = InsertOnce(FORGIVEN, ("grant_id", "tranche_no", "cause"))
_FORGIVEN_OF = select(FORGIVEN.c.tranche_no, FORGIVEN.c.cause, FORGIVEN.c.debt, FORGIVEN.c.returned).where(
    FORGIVEN.c.grant_id == bindparam("grant")
)
_FIND_DENIAL = select(DENIAL.c.params_hash, DENIAL.c.reason).where(
    DENIAL.c.grant_id == bindparam("grant"), DENIAL.c.attempt == bindparam("number")
)


def params_hash(params: Mapping[str, Any]) -> str:
    """sha256 (hex) of the canonical JSON of ``params``."""
    return hashlib.sha256(canonical_json(dict(params))).hexdigest()


def find(conn: Connection, key: Key, digest: str) -> Entry | None:
    """The entry under ``key``, or None. Raises ``LedgerConflict`` where it was made with other parameters."""
    values = {"grant": key.grant_id, "tranche": key.tranche_no, "kind": key.kind, "ref": key.source_ref}
    entry = _READER.first(conn, _FIND, values)
    if entry is not None:
        check_same(entry, digest)
    return entry


def check_same(entry: Entry, digest: str) -> None:
    """Raise ``LedgerConflict`` where ``entry`` was made with other parameters."""
    if entry.params_hash != digest:
        raise _other_parameters(str(entry.key))


def of_tranche(conn: Connection, grant_id: str, tranche_no: int, kinds: Collection[EntryKind]) -> list[Entry]:
    """The entries of these kinds for one tranche (0: for the grant as a whole), in the order of booking."""
    wanted = {"grant": grant_id, "tranche": tranche_no, "kinds": list(kinds)}
    return _READER.all(conn, _OF_TRANCHE, wanted)


def of_grant(conn: Connection, grant_id: str) -> list[Entry]:
    """Every entry of a grant, in the order of booking."""
    return _READER.all(conn, _OF_GRANT, {"grant": grant_id})


def clawbacks_of(conn: Connection, grant_id: str) -> list[Clawback]:
    """What clawbacks took of a grant, by tranche."""
    return _CLAWBACKS.all(conn, _CLAWBACKS_OF, {"grant": grant_id})


def write_clawback(conn: Connection, clawback: Clawback) -> bool:
    """Keep what a clawback took; False where that was kept before for this tranche and cause."""
    return _CLAW_BACK(conn, {name: getattr(clawback, name) for name in Clawback.__slots__})


def forgiven_of(conn: Connection, grant_id: str) -> dict[tuple[int, str], Fallen]:
    """The clawbacks of a grant whose decision fell, by tranche and cause."""
    rows = conn.execute(_FORGIVEN_OF, {"grant": grant_id})
    return {(int(no), str(cause)): Fallen(int(debt), int(returned)) for no, cause, debt, returned in rows}


def write_forgiven(conn: Connection, clawback: Clawback, fallen: Fallen, at: datetime) -> bool:
    """Keep that the decision behind ``clawback`` fell; False where that was kept before."""
    row = {name: getattr(clawback, name) for name in ("grant_id", "tranche_no", "cause")}
    return _FORGIVE(conn, {**row, "debt": fallen.debt, "returned": fallen.returned, "at": at})


def find_denial(conn: Connection, grant_id: str, attempt: int, digest: str) -> str | None:
    """Why this attempt was refused, or None. Raises ``LedgerConflict`` where it was made with other parameters."""
    row = conn.execute(_FIND_DENIAL, {"grant": grant_id, "number": attempt}).first()
    if row is None:
        return None
    if row[0] != digest:
        raise _other_parameters(f"attempt {attempt} of `{grant_id}`")
    return str(row[1])


def write(conn: Connection, entry: Entry) -> bool:
    """Append ``entry``; False where its key is taken."""
    source, target = MOVES[entry.entry_kind]
    row = {name: getattr(entry, name) for name in Entry.__slots__}
    return _WRITE(conn, {**row, "source_account": source, "target_account": target})


def deny(conn: Connection, entry: Entry, attempt: int, reason: str) -> bool:
    """Keep that ``entry`` was refused as this attempt; False where that was kept before."""
    row = {name: getattr(entry, name) for name in ("grant_id", "params_hash", "amount", "at")}
    return _DENY(conn, {**row, "attempt": attempt, "reason": reason})


def _other_parameters(what: str) -> LedgerConflict:
    return LedgerConflict(
        f"{what} was booked before with other parameters", hint="a booking is repeated as it was, or gets its own key"
    )
