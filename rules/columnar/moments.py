"""The moment a population is looked at: one for all, or one a row in a column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from fastbrand.domain.errors import InputError
from rules.columnar.bounds import Num
from rules.situation import Moment

EPOCH_ORDINAL = 719_163
"""Ordinal of 1970-01-01, the day that dates in columns count from."""
FIRST_DAY, LAST_DAY = 1, 3_652_059
"""Ordinals of the first and the last day that there is."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PER_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9}
_LONGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class AsOf:
    """``moment`` for all rows, or (where it is None) the moment in ``column``; ``zone`` is the programme's."""

    moment: Moment | None
    column: str
    zone: str

    @classmethod
    def of(cls, as_of: datetime | str, zone: str, schema: Mapping[str, pl.DataType]) -> AsOf:
        """``as_of`` as given: a moment with a zone, or the name of a column of such.

        Raises ``InputError`` where it is neither.
        """
        if isinstance(as_of, datetime):
            return cls(Moment.of(as_of, ZoneInfo(zone)), "", zone)
        check_moments(as_of, schema)
        return cls(None, as_of, zone)

    @property
    def day(self) -> Num:
        """The local day's ordinal."""
        if self.moment is not None:
            return Num(pl.lit(self.moment.day, dtype=pl.Int64), self.moment.day, self.moment.day)
        local = pl.col(self.column).dt.convert_time_zone(self.zone).dt.date()
        return Num(local.cast(pl.Int32).cast(pl.Int64) + EPOCH_ORDINAL, FIRST_DAY, LAST_DAY)

    def stale(self, observed: str, schema: Mapping[str, pl.DataType], max_age_ms: int) -> pl.Expr:
        """Whether what was observed at the moment in the column ``observed`` is older than that (null: no moment)."""
        kind = schema[observed]
        assert isinstance(kind, pl.Datetime)
        if self.moment is None:
            at, seen = (pl.col(name).cast(pl.Datetime("us", "UTC")).to_physical() for name in (self.column, observed))
            return at - seen > max_age_ms * 1_000
        least = (self.moment.at - _EPOCH) // _MICROSECOND - max_age_ms * 1_000
        # the first tick of the column's own clock that is not older
        first = -(-least * _PER_SECOND[kind.time_unit] // 10**6)
        return pl.col(observed).to_physical() < max(-_LONGEST, min(_LONGEST, first))


def check_moments(column: str, schema: Mapping[str, pl.DataType]) -> None:
    """Raise ``InputError`` unless there is a column of moments with a time zone of that name."""
    kind = schema.get(column)
    if kind is None:
        raise InputError(f"there is no column `{column}`", hint="name a column of moments", code="unknown_column")
    if not isinstance(kind, pl.Datetime) or kind.time_zone is None:
        raise InputError(
            f"the column `{column}` ({kind}) holds no moments with a time zone",
            hint="make it a Datetime with a zone, like UTC",
            code="wrong_type",
        )
