"""Who was first: a command that says which revision it was made for is refused at another one."""

from __future__ import annotations

from activities.payloads import By
from fastbrand.domain.errors import StaleRevision
from fastbrand.store.parties import PartyRow


def check_revision(by: By, party: PartyRow) -> None:
    """Raises ``StaleRevision`` where the party is not at the revision that the command was made for."""
    if by.expected_revision is not None and by.expected_revision != party.revision:
        raise StaleRevision(
            f"revision {by.expected_revision} is not the current one, {party.revision}",
            hint="look at the party again, somebody was first",
        )
