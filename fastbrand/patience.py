"""How often a child process may die before its supervisor gives up, and how long a server may be silent."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a child may die: ``deaths_max`` times in a row within ``quick_s`` seconds of its start.

    Before the n-th new start of such a row we wait the n-th of ``delays_s`` (the last one from then on). A server that
    has answered nothing for ``silent_s`` seconds counts as dead.
    """

    quick_s: float = 10.0
    deaths_max: int = 5
    delays_s: tuple[float, ...] = (0.0, 0.2, 0.5, 1.0, 2.0)
    silent_s: float = 15.0


class Deaths:
    """Counts the quick deaths in a row of one child."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._born = time.monotonic()
        self.in_a_row = 0

    def died(self) -> float | None:
        """Count a death; seconds to wait before the next start, or None: no more."""
        quick = time.monotonic() - self._born < self._patience.quick_s
        self.in_a_row = self.in_a_row + 1 if quick else 1
        if self.in_a_row > self._patience.deaths_max:
            return None
        return self._patience.delays_s[min(self.in_a_row, len(self._patience.delays_s)) - 1]

    def born(self) -> None:
        """Remember that the child has been started."""
        self._born = time.monotonic()
