"""What columns are made of: the base of every table, and how times, codes and ids lie in the database.

Decided once: a time is a zone-aware ``datetime`` in UTC on both sides of this room. SQLite has no such type, so there
it is text of fixed width (``2022-05-13T08:00:00.000000Z``), which sorts as the times do and reads well in the shell;
PostgreSQL keeps ``TIMESTAMPTZ``.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, MetaData, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import SQLModel

from fastbrand.domain.canonical import canonical
from fastbrand.domain.errors import InputError

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}
"""Every constraint has a name, so that a later migration can find and replace it on both databases."""

_SQLITE_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


class StoreTable(SQLModel):
    """Base of every table. The row classes that functions return are frozen dataclasses, never these."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)


def utc(value: datetime) -> datetime:
    """``value`` in UTC. Raises ``ValueError`` on a time without a zone: nobody may guess which one was meant."""
    if value.tzinfo is None:
        raise ValueError(f"a time without a zone cannot be stored: {value!r}")
    return value.astimezone(UTC)


def rfc3339(value: datetime) -> str:
    """``value`` as fixed-width RFC 3339 text in UTC, with microseconds."""
    return utc(value).isoformat(timespec="microseconds").replace("+00:00", "Z")


class UtcTime(TypeDecorator[datetime]):
    """A zone-aware time: fixed-width text on SQLite, TIMESTAMPTZ elsewhere; always UTC on the way out."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text on SQLite, the native type elsewhere."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuses times without a zone (``ValueError``)."""
        if value is None:
            return None
        return rfc3339(value) if dialect.name == "sqlite" else utc(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """A UTC-aware time."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return datetime.fromisoformat(value)
        return utc(value)


class SequenceId(TypeDecorator[int]):
    """A row number that the database counts up: SQLite wants exactly INTEGER for it, PostgreSQL gives BIGSERIAL."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """INTEGER on SQLite, BIGINT elsewhere."""
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())


class JsonText(TypeDecorator[Any]):
    """JSON as RFC 8785 canonical text: the same value is the same text, on both databases. None is NULL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Canonical text. Raises ``InputError`` on what is not JSON."""
        return None if value is None else canonical_json(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        """The parsed value."""
        return None if value is None else json.loads(value)


class AnswerText(JsonText):
    """JSON whose keys stay in their order: an answer that is given again reads as it did the first time."""

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Text. Raises ``InputError`` on what is not JSON."""
        canonical_json(value)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def enum_text(enum: type[StrEnum]) -> type[TypeDecorator[Any]]:
    """A column type for the values of ``enum``: plain text in the database, members on the way out.

    No database enum and no CHECK: which code may follow which is judged in one place, the domain's tables, and a new
    code then needs no migration.
    """

    class EnumText(TypeDecorator[StrEnum]):
        impl = String
        cache_ok = True

        def __init__(self) -> None:
            super().__init__(length=24)

        def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
            return None if value is None else enum(value).value

        def process_result_value(self, value: Any, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002
            return None if value is None else enum(value)

    EnumText.__name__ = EnumText.__qualname__ = f"{enum.__name__}Text"
    return EnumText


def canonical_json(value: Any) -> bytes:
    """RFC 8785 bytes of ``value``. Raises ``InputError`` on what is not JSON: lone surrogates, integers past 2^53."""
    try:
        return canonical(value)
    except ValueError as error:
        raise InputError(
            f"a value cannot be stored as JSON: {error}",
            hint="use text in UTF-8, and integers below 2^53",
            code="not_json",
        ) from None
