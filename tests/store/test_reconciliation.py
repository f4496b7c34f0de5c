"""Whatever somebody changes by hand, reconciling names the account and both numbers."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from fastbrand.store import clawbacks, proposals
from fastbrand.store.database import Database
from fastbrand.store.entries import (
    Clawback,
    Entry,
    EntryKind,
    Fallen,
    Key,
    clawbacks_of,
    write,
    write_clawback,
    write_forgiven,
)
from fastbrand.store.ledger import top_up
from fastbrand.store.proposals import ProposalKind, ProposalState
from tests.store.given import (
    NOW,
    a_reserved_grant,
    an_event,
    differences,
    expire,
    later,
    open_pool,
    release,
    report,
)

MAY, JUNE = "acme/2022-05", "acme/2022-06"


def _topped_up(db: Database, amount: int = 50) -> None:
    with db.write() as conn:
        proposals.propose(
            conn,
            an_event("t1"),
            NOW,
            proposal_id="t1",
            kind=ProposalKind.TOP_UP,
            subject="fast-brand",
            amount=amount,
            reason="r",
            proposed_by="jun",
        )
        proposals.answer(conn, None, NOW, proposal_id="t1", state=ProposalState.CONFIRMED, answered_by="ping")
        top_up(conn, pool_id="fast-brand", top_up_id="t1", amount=50, at=NOW)


@pytest.fixture
def lived(db: Database) -> Database:
    """A ledger in which everything happened once: a debt, a set-off, a late report of each kind, a clawback
    that fell, a top-up."""
    open_pool(db, 1_000)
    _topped_up(db)
    a_reserved_grant(db, MAY)
    release(db, MAY, 1, 2)
    report(db, MAY, 1, 10, "r1")
    report(db, MAY, 2, 5, "r1")
    with db.write() as conn:
        clawbacks.clawback_grant(conn, MAY, "soft", at=later(days=10))
        forgiven = clawbacks.forgive_party(conn, "acme", later(days=10), at=later(days=11))
    assert [(each.debt, each.returned) for each in forgiven] == [(3, 10), (1, 17)]
    expire(db, MAY, 2, later(days=45))
    report(db, MAY, 2, 5, "late", counted_until=later(days=2))
    with db.write() as conn:
        clawbacks.clawback_grant(conn, MAY, "counterfeit", at=later(days=50))
    report(db, MAY, 1, 4, "late", counted_until=later(days=3))
    a_reserved_grant(db, JUNE, (7, 6))
    with db.read() as conn:
        kinds = set(conn.execute(text("SELECT DISTINCT entry_kind FROM ledger_entry")).scalars())
    assert kinds == {str(kind) for kind in EntryKind} - {"restore"}
    assert differences(db) == []
    return db


def _found(db: Database) -> dict[str, tuple[int, int]]:
    return {each["account"]: (each["kept"], each["booked"]) for each in differences(db)}


@pytest.mark.parametrize(
    ("change", "account", "by"),
    [
        ("debt_account SET owed = owed + 1", "debt/acme/fast-brand", 1),
        ("pool SET debt = debt + 1", "pool/fast-brand/0/debt", 1),
        ("pool SET clawed_back = clawed_back + 2", "pool/fast-brand/0/clawed_back", 2),
        ("pool SET topped_up = topped_up + 3, budget = budget - 3", "pool/fast-brand/0/topped_up", 3),
        ("tranche_account SET expired = expired + 1 WHERE tranche_no = 2", f"grant/{MAY}/2/expired", 1),
        ("tranche_account SET owed = owed + 1 WHERE tranche_no = 1", f"grant/{MAY}/1/owed", 1),
        ("tranche_account SET clawed_back = clawed_back + 1 WHERE tranche_no = 1", f"grant/{MAY}/1/clawed_back", 1),
        ("grant_account SET set_off = set_off + 1 WHERE set_off > 0", f"grant/{JUNE}/set_off", 1),
        ("grant_account SET reserved = reserved + 1 WHERE set_off > 0", f"grant/{JUNE}/reserved", 1),
        ("cap_account SET used = used - 1 WHERE account = 'party/acme/2022'", "party/acme/2022", -1),
        ("tranche SET consumed = consumed + 1 WHERE no = 1 AND consumed > 0", f"plan/{MAY}/1/consumed", 1),
    ],
)
def test_a_sum_that_somebody_changed(lived: Database, change: str, account: str, by: int) -> None:
    table, _, rest = change.partition(" ")
    with lived.write() as conn:
        assert conn.execute(text(f"UPDATE {table} {rest}")).rowcount == 1
    found = _found(lived)
    kept, booked = found[account]
    assert kept - booked == by
    assert all(name.split("/")[0] in {account.split("/")[0], "plan"} for name in found), found


def _rogue(kind: EntryKind, ref: str, **more: Any) -> Entry:
    key = Key(more.pop("grant_id", MAY), more.pop("tranche_no", 1), kind, ref)
    made = Entry.under(key, {}, "fast-brand", 0, 1, NOW)
    return Entry(**{**{name: getattr(made, name) for name in Entry.__slots__}, "party_id": "acme", **more})


@pytest.mark.parametrize(
    ("entry", "accounts"),
    [
        (
            _rogue(EntryKind.CONSUME, "r9"),
            {f"grant/{MAY}/1/consumed": (14, 15), "pool/fast-brand/0/consumed": (24, 25)},
        ),
        (_rogue(EntryKind.OWE, "other"), {"debt/acme/fast-brand": (0, 1), f"clawback/{MAY}/1/other/debt": (0, 1)}),
        (_rogue(EntryKind.TOP_UP, "t9", grant_id="", tranche_no=0, party_id=None), {"top_up/t9": (0, 1)}),
        (_rogue(EntryKind.SET_OFF, "1/brand", tranche_no=0), {f"grant/{MAY}/set_off": (0, 1)}),
    ],
    ids=lambda value: value.entry_kind if isinstance(value, Entry) else None,
)
def test_an_entry_that_belongs_to_nothing(lived: Database, entry: Entry, accounts: dict[str, tuple[int, int]]) -> None:
    with lived.write() as conn:
        assert write(conn, entry)
    found = _found(lived)
    assert {name: found.get(name) for name in accounts} == accounts


def test_a_clawback_that_took_nothing_it_says(lived: Database) -> None:
    told = Clawback(JUNE, 1, "made.up", 10**9, 10**9, 3, 2, 1, NOW)
    with lived.write() as conn:
        assert write_clawback(conn, told)
    assert _found(lived) == {
        f"clawback/{JUNE}/1/made.up/unspent": (3, 0),
        f"clawback/{JUNE}/1/made.up/debt": (1, 0),
    }


def test_a_debt_that_was_not_forgiven_though_it_says_so(lived: Database) -> None:
    with lived.write() as conn:
        (fallen, *_) = [each for each in clawbacks_of(conn, MAY) if each.cause == "counterfeit"]
        assert write_forgiven(conn, fallen, Fallen(5, 2), NOW)
    told = f"clawback/{MAY}/1/counterfeit"
    assert _found(lived) == {f"{told}/forgiven": (5, 0), f"{told}/returned": (2, 0)}


def test_a_top_up_of_another_amount_than_was_confirmed(db: Database) -> None:
    open_pool(db, 100)
    _topped_up(db, amount=60)
    assert _found(db) == {"top_up/t1": (60, 50)}
