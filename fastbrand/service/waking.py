"""Telling grants' workflows, after a commit, that something changed for them.

Best effort: what is told here workflows find out by themselves a little later, so a server that does not answer takes
nothing back and fails nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from fastbrand.domain import names
from fastbrand.domain.errors import Unreachable
from fastbrand.service.office import Office

ROOM = "pool_has_room"
"""Signal to the first in line: units came to its pool."""

MOVED = "standing_changed"
"""Signal to a grant: its tranches may have been voided or clawed back."""


async def tell_grants(office: Office, grant_ids: Iterable[str], signal: str) -> list[str]:
    """Send ``signal`` to the workflows of these grants; those that were there."""
    wanted = list(grant_ids)
    if not wanted:
        return []
    from fastbrand.service.temporal_calls import signal_workflow

    told = []
    try:
        client = await office.connect()
        for grant_id in wanted:
            if await signal_workflow(client, names.grant_workflow_id(grant_id), signal):
                told.append(grant_id)
    except Unreachable:
        return told
    return told
