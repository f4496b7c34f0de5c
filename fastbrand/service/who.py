"""Who asks for a use case: what every door hands over about the person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Asker:
    """``actor`` (None: the development identity), a command id (None: a new one), a remark, the revision seen."""

    actor: str | None = None
    command_id: str | None = None
    reason: str = ""
    revision: int | None = None

    def order(self) -> dict[str, Any]:
        """As keyword arguments of ``Order``."""
        return {
            "actor": self.actor,
            "command_id": self.command_id,
            "reason": self.reason,
            "expected_revision": self.revision,
        }
