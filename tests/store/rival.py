"""A process that wants grants from a pool that others want too: ``python -m tests.store.rival URL NAME COUNT``.

Asks for ``shared/N`` (which every rival asks for) and ``NAME/N`` in turn, 7 units each, and prints a line an answer.
"""

from __future__ import annotations

import sys

from fastbrand.store import ledger
from fastbrand.store.database import Database
from tests.store.given import NOW

UNITS = 7


def ask(db: Database, grant_id: str) -> bool:
    """Reserve for one grant; whether it got the units just now."""
    with db.write() as conn:
        answer = ledger.reserve(
            conn,
            grant_id=grant_id,
            attempt=1,
            pool_id="fast-brand",
            amount=UNITS,
            party_id=grant_id.partition("/")[0],
            year=2022,
            category="food",
            month="2022-05",
            cap_limits=ledger.CapLimits(),
            at=NOW,
        )
    return isinstance(answer, ledger.Reserved) and answer.first


def main(url: str, name: str, count: str) -> None:
    """Ask for everything there is to ask for."""
    db = Database(url)
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(count)):
        for grant_id in (f"shared/{number}", f"{name}/{number}"):
            print(grant_id, ask(db, grant_id), flush=True)
    db.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
