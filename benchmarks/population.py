"""How fast a book decides about millions of sellers, beside the same policy written in Polars by hand, in one run.

    .venv/bin/python -m benchmarks.population --sellers 5000000 --rounds 5

**Ours**: ``population_book`` compiled by ``rules.columnar``: 20 criteria of every shape, a trust score, the outcome and
the bonus with its caps. Compiling and planning are in the time; loading the book from YAML is not (it is printed).

**By hand**: ``population_by_hand``, the same answers to the same questions.

Both read the same Parquet file with the streaming engine and write all their answers to another: a verdict a criterion,
outcome, score, amount, uncapped amount and cap. Each measurement is a process of its own, so that peak memory is its
own (read from ``/proc``: Linux only). Rounds alternate in who begins. What is compared are ratios of two measurements
seconds apart, of the clock's time and of processor time; absolute times are the machine's. The answers are compared row
by row and must be equal.

``--in-memory N`` decides about N sellers that are in memory, which leaves reading and writing out of it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.population_by_hand import query
from rules.columnar import compile_book
from rules.loader import load_directory

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "benchmarks" / "population_book"
AS_OF = datetime(2022, 8, 1, 4, tzinfo=UTC)
SIDES = ("ours", "by hand")
MISSING_OF_100 = 3
_YUAN = 100


def sellers(count: int) -> pl.LazyFrame:
    """So many sellers with facts spread round the thresholds of the book; of each fact some are missing."""
    place = pl.int_range(0, count, dtype=pl.Int64)
    before = pl.duration(hours=_drawn("observed_at", 40 * 24))
    return pl.LazyFrame().select(place.alias("n")).select(
        pl.format("p{}", pl.col("n")).alias("party_id"),
        (pl.lit(AS_OF).dt.cast_time_unit("us") - before).alias("observed_at"),
        *(_known(name, expr).alias(name) for name, expr in _facts().items()),
    )  # fmt: skip


def _facts() -> dict[str, pl.Expr]:
    """Fact -> how it is drawn."""
    categories = ["apparel", "shoes", "jewellery", "beauty", "food", "fresh_food", "home", "appliances", "electronics"]
    categories += ["baby", "sports", "pet", "books", "auto", "other"]
    sourcing = ["own_factory", "partner_factory", "market", "agency"]
    # fact -> below which number, and where it begins
    numbers = {
        **dict.fromkeys(("private_share_30d", "sales_share_here", "returning_share_90d"), (8 * 10**8, 2 * 10**8)),
        "self_live_share_30d": (7 * 10**8, 25 * 10**7),
        "repurchase_90d": (5 * 10**8, 10**8),
        "late_rate_90d": (10**8, 0),
        "refund_rate_90d": (3 * 10**8, 0),
        "mass_awareness": (32 * 10**7, 0),
        "price_to_category": (15 * 10**8, 3 * 10**8),
        "live_days_30d": (26, 5),
        "gmv_90d": (5 * 10**7 * _YUAN, 10**6 * _YUAN),
        "gmv_30d": (2 * 10**7 * _YUAN, 0),
        "orders_90d": (10**5, 50),
        "delivered_90d": (10**5, 10),
        "buyers_90d": (10**4, 10),
        "first_reply_30d": (6 * 60_000, 0),
        "followers": (10**6, 0),
        "group_members": (10**4, 500),
        "months_active": (60, 1),
        **dict.fromkeys(("content_score", "experience_score", "aesthetic_score"), (500, 501)),
        "rights_score": (430, 571),
    }
    found = {name: _drawn(name, below) + begins for name, (below, begins) in numbers.items()}
    found["counterfeits_90d"] = (_drawn("counterfeits_90d", 30) == 0).cast(pl.Int64)
    found["violations_365d"] = (_drawn("violations_365d", 20) == 0).cast(pl.Int64)
    found["owns_brand"] = _drawn("owns_brand", 20) > 0
    found["industrial_belt"] = _drawn("industrial_belt", 3) == 0
    found["category"] = _drawn("category", len(categories)).cast(pl.UInt8).cat.to(pl.Enum(categories))
    found["sourcing"] = _drawn("sourcing", len(sourcing)).cast(pl.UInt8).cat.to(pl.Enum(sourcing))
    found["first_sale_on"] = (_drawn("first_sale_on", 2_000) + 17_200).cast(pl.Int32).cast(pl.Date)
    return found


def _drawn(name: str, below: int) -> pl.Expr:
    """A whole number from 0 to ``below`` - 1, the same in every run."""
    return (pl.concat_str(pl.lit(name), "n").hash(7) % below).cast(pl.Int64)


def _known(name: str, value: pl.Expr) -> pl.Expr:
    return pl.when(_drawn(f"{name} missing", 100) >= MISSING_OF_100).then(value)


# --- one measurement, in a process of its own ---------------------------------------------------------------------


def answers(side: str, frame: pl.LazyFrame) -> pl.LazyFrame:
    """What one side says about the sellers in ``frame``, in columns of the same names."""
    if side == "by hand":
        return query(frame, AS_OF)
    started = time.perf_counter()
    book = load_directory(BOOK)
    _loading.append(time.perf_counter() - started)
    compiled = compile_book(book)
    questions = {"": compiled.eligibility("sellers").ask(), "bonus": compiled.incentive("bonus").ask()}
    found = compiled.evaluate(frame, AS_OF, questions, observed_at="observed_at")
    criteria = [criterion.id for criterion in book.eligibility["sellers"].criteria]
    return found.select(
        "party_id",
        "outcome",
        pl.col("score.trust").alias("trust"),
        *(pl.col(f"verdict.{name}").alias(name) for name in criteria),
        *(pl.col(f"bonus.{name}").alias(name) for name in ("amount", "uncapped", "capped_by")),
        pl.col("bonus.outcome").alias("grant"),
    )


_loading: list[float] = []
"""Seconds that the book took to load, which are not in the time."""


def measure(side: str, source: Path, target: Path | None) -> dict[str, float]:
    """Seconds, seconds of processor time, those of loading the book, and the peak memory of this process in MB.

    ``target`` None: the sellers are read before the clock starts, and nothing is written.
    """
    frame = pl.scan_parquet(source) if target is not None else pl.read_parquet(source).lazy()
    started, worked = time.perf_counter(), time.process_time()
    found = answers(side, frame)
    if target is not None:
        found.sink_parquet(target)
    else:
        found.collect(engine="streaming")
    took, work = time.perf_counter() - started, time.process_time() - worked
    loading = sum(_loading)
    return {
        "seconds": took - loading,
        "processor": work - loading,
        "loading": loading,
        "megabytes": _peak_megabytes(),
    }


def _peak_megabytes() -> float:
    """The most memory that this process ever held. (``getrusage`` would count that of its parent before ``exec``.)"""
    told = Path("/proc/self/status").read_text(encoding="ascii")
    return int(told.partition("VmHWM:")[2].split()[0]) / 1024


# --- the run ------------------------------------------------------------------------------------------------------


def run(source: Path, count: int, rounds: int, *, stream: bool) -> dict[str, Any]:
    """Interleaved rounds of both sides: median times, ratios round by round, and peak memory."""
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    targets = {side: source.with_name(f"{side.replace(' ', '-')}.parquet") for side in SIDES}
    for number in range(rounds):
        for side in SIDES if number % 2 == 0 else reversed(SIDES):
            found[side].append(_apart(side, source, targets[side] if stream else None))
    ratios = {
        unit: [round(ours[unit] / other[unit], 2) for ours, other in zip(*found.values(), strict=True)]
        for unit in ("seconds", "processor")
    }
    return {
        "sellers": count,
        "how": "Parquet to Parquet, streamed" if stream else "in memory",
        "ratio": statistics.median(ratios["seconds"]),
        "ratios": ratios["seconds"],
        "ratio of the fastest rounds": round(_least(found["ours"]) / _least(found["by hand"]), 2),
        "ratio of processor time": statistics.median(ratios["processor"]),
        "ratios of processor time": ratios["processor"],
        **{f"{side}, seconds": _median(told, "seconds") for side, told in found.items()},
        **{f"{side}, processor seconds": _median(told, "processor") for side, told in found.items()},
        **{f"{side}, peak MB": round(max(one["megabytes"] for one in told)) for side, told in found.items()},
        "loading the book, seconds": _median(found["ours"], "loading"),
        **({"answers": _compared(*targets.values())} if stream else {}),
    }


def _least(told: Sequence[dict[str, float]]) -> float:
    return min(one["seconds"] for one in told)


def _median(told: Sequence[dict[str, float]], unit: str) -> float:
    return round(statistics.median(one[unit] for one in told), 3)


def _apart(side: str, source: Path, target: Path | None) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.population", "--measure", side, "--source", str(source)]
    command += [] if target is None else ["--target", str(target)]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(told)
    return found


def _compared(first: Path, second: Path) -> dict[str, int]:
    """Outcome -> sellers, once all answers of both are found equal, row by row."""
    one, other = pl.scan_parquet(first), pl.scan_parquet(second)
    columns = one.collect_schema().names()
    if columns != other.collect_schema().names():
        raise SystemExit("the two do not answer the same questions")
    unequal = [pl.col(name).ne_missing(pl.col(f"{name} by hand")).any().alias(name) for name in columns]
    beside = pl.concat([one, other.rename(lambda name: f"{name} by hand")], how="horizontal")
    differing = beside.select(unequal).collect(engine="streaming").row(0, named=True)
    if any(differing.values()):
        raise SystemExit(f"the answers differ in {[name for name, differs in differing.items() if differs]}")
    counted = one.group_by("outcome", "grant").len().sort("outcome", "grant").collect(engine="streaming")
    return {f"{outcome}, {grant}": count for outcome, grant, count in counted.iter_rows()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print what it found as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sellers", type=int, default=5_000_000)
    parser.add_argument("--in-memory", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--source", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--target", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.measure:
        print(json.dumps(measure(given.measure, given.source, given.target)))
        return
    with tempfile.TemporaryDirectory() as directory:
        for count, stream in ((given.sellers, True), (given.in_memory, False)):
            if not count:
                continue
            source = Path(directory) / "sellers.parquet"
            sellers(count).sink_parquet(source)
            print(f"{count:,} sellers, {source.stat().st_size // 2**20:,} MB of Parquet", file=sys.stderr)
            print(json.dumps(run(source, count, given.rounds, stream=stream), indent=2))


if __name__ == "__main__":
    main()
