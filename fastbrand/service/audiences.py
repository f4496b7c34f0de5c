"""Users reached: files of user ids or of sketches come in, and are counted without doubles.

Ids are folded into sketches as they are read and never kept. Two sellers who reach the same user count it once.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastbrand.domain import names
from fastbrand.domain.errors import InputError
from fastbrand.domain.people import Action
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.office import Office
from fastbrand.service.who import Asker
from fastbrand.store import audiences, parties

if TYPE_CHECKING:
    from datasketches import hll_sketch

LG_K = 14
"""Size of sketches: 2^14 registers count within about 0.8% (one standard error) and take 16 KB."""

_SLICE = 200_000


@dataclass(frozen=True, slots=True)
class Users:
    """How many users, and between which bounds with 95% confidence."""

    estimate: int
    low: int
    high: int


async def bring_in(office: Office, file: Path, *, period: str, who: Asker) -> dict[str, Any]:
    """Read a file with the columns ``party_id`` and ``user_id`` (a line a user) or ``sketch`` (base64, a line a party).

    Gives ``period, parties, rows, unknown[]`` (parties that are not here, left out). Raises ``InputError`` on a file
    that cannot be read.
    """
    month = names.check_period(period)
    sketches, rows = _read(file)
    with office.db.read() as conn:
        here = {row.party_id for row in parties.by_ids(conn, list(sketches))}
    unknown = sorted(set(sketches) - here)
    order = Order(Action.AUDIENCE_IMPORT, "audience", month, {"file": file.name, "rows": rows}, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        known = [(party_id, sketch) for party_id, sketch in sketches.items() if party_id in here]
        with office.db.write() as conn:
            audiences.record(
                conn,
                known,
                period=month,
                source=f"file:{file.name}"[:120],
                actor=envelope.who(),
                at=office.now(),
                reason=envelope.order.reason or None,
            )
        told = {"period": month, "parties": len(known), "rows": rows, "unknown": unknown}
        return {**told, "command_id": envelope.command_id}

    return await carry_out(office, order, send)


def count(sketches: Iterable[bytes]) -> Users:
    """Users of all the sketches together, each once."""
    from datasketches import hll_sketch, hll_union

    union = hll_union(LG_K)
    for sketch in sketches:
        union.update(hll_sketch.deserialize(sketch))
    return Users(*(round(each) for each in (union.get_estimate(), union.get_lower_bound(2), union.get_upper_bound(2))))


def _read(file: Path) -> tuple[dict[str, bytes], int]:
    """Party -> sketch, and how many rows the file has."""
    import polars as pl
    from polars.exceptions import PolarsError

    try:
        lazy = pl.scan_parquet(file) if file.suffix == ".parquet" else pl.scan_csv(file, infer_schema=False)
        columns = set(lazy.collect_schema().names())
    except (OSError, PolarsError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"`{file}` cannot be read: {said}", hint="it is CSV or Parquet") from error
    if "party_id" not in columns or not columns & {"user_id", "sketch"}:
        raise InputError(
            f"`{file}` lacks columns", hint="it has `party_id`, and `user_id` (a line a user) or `sketch` (base64)"
        )
    if "sketch" in columns:
        return _given(lazy.select("party_id", "sketch").collect().iter_rows(), file)
    return _folded(lazy.select(pl.col("party_id"), pl.col("user_id").cast(pl.String)))


def _folded(lazy: Any) -> tuple[dict[str, bytes], int]:
    """Fold user ids into sketches, a slice at a time."""
    from datasketches import HLL_8, hll_sketch

    folded: dict[str, hll_sketch] = {}
    rows = 0
    for part in lazy.collect_batches(chunk_size=_SLICE):
        rows += part.height
        for (party_id,), mine in part.drop_nulls().group_by("party_id"):
            sketch = folded.setdefault(str(party_id), hll_sketch(LG_K, HLL_8))
            for user in mine.get_column("user_id").unique():
                sketch.update(user)
    return {party_id: sketch.serialize_compact() for party_id, sketch in folded.items()}, rows


def _given(rows: Iterator[tuple[Any, Any]], file: Path) -> tuple[dict[str, bytes], int]:
    """Sketches that somebody else made. Raises ``InputError`` on one that is none."""
    from datasketches import hll_sketch

    found: dict[str, bytes] = {}
    number = 0
    for number, (party_id, text) in enumerate(rows, 1):
        try:
            sketch = base64.b64decode(str(text), validate=True)
            hll_sketch.deserialize(sketch)
        except (binascii.Error, ValueError, RuntimeError, IndexError) as error:
            raise InputError(
                f"`{file}`: the sketch in row {number} cannot be read",
                hint="it is an HLL sketch of Apache DataSketches, compact, in base64",
            ) from error
        found[str(party_id)] = sketch
    return found, number
