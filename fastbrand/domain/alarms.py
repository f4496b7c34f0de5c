"""Who waits for a moment of a clock that leaps: nobody but whoever lets it leap knows when it will show it.

A worker keeps them in its memory, and tells each when its moment has come. They are no state of the programme: a worker
that starts tells all that wait to look, and each that still waits asks it to be told.
"""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Lock

_NEVER = datetime.max.replace(tzinfo=UTC)


class Alarms:
    """Workflows by id, each with the moment it waits for: one at a time, the newest. Any thread may use them."""

    def __init__(self) -> None:
        self._at: dict[str, datetime] = {}
        self._next = _NEVER
        """Nobody waits for less: whoever waited for it may be gone."""
        self._lock = Lock()

    def set(self, workflow_id: str, at: datetime) -> None:
        """It waits until the clock shows ``at``."""
        with self._lock:
            self._at[workflow_id] = at
            self._next = min(self._next, at)

    def clear(self, workflow_id: str) -> None:
        """It does not wait any more."""
        with self._lock:
            self._at.pop(workflow_id, None)

    def due(self, shows: datetime) -> list[str]:
        """Whoever waits for what the clock ``shows`` or less, the earliest first; they are told once."""
        if shows < self._next:  # asked many times a second
            return []
        with self._lock:
            due = sorted((at, workflow_id) for workflow_id, at in self._at.items() if at <= shows)
            for _, workflow_id in due:
                del self._at[workflow_id]
            self._next = min(self._at.values(), default=_NEVER)
        return [workflow_id for _, workflow_id in due]


ALARMS = Alarms()
"""Those of this process."""
