"""What every use case works with. ``fastbrand.wiring`` builds it; nothing else does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from fastbrand.domain import clock
from fastbrand.service.people import People

if TYPE_CHECKING:
    from temporalio.client import Client

    from fastbrand.settings import Settings
    from fastbrand.store.database import Database
    from fastbrand.store.files import FileStore
    from rules.engine import RuleEngine


@dataclass(slots=True)
class Office:
    """Database, engine, people, files and the way to Temporal; ``engine`` and ``connect`` cost only when called."""

    settings: Settings
    db: Database
    people: People
    engine: Callable[[], RuleEngine]
    connect: Callable[[], Awaitable[Client]]
    files: FileStore
    answer_within: timedelta = timedelta(seconds=60)

    def now(self) -> datetime:
        """The programme's time, in UTC."""
        return clock.in_use().time(datetime.now(UTC))
