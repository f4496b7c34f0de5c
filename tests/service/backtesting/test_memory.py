"""Parquet is read a part at a time: what is in memory does not grow with the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.service.backtesting import tried_books
from tests.workflows.variants import ROOT

# Reads every batch and keeps none; tells how many rows there were, and by how many MB the peak of memory grew.
READ = """
import re, sys
from datetime import UTC, datetime
from pathlib import Path
from fastbrand.service.backtesting.populations import FileSource, of_file
from tests.service.backtesting import tried_books

book = tried_books.shipped()
source = FileSource(Path(sys.argv[1]), now=datetime(2022, 8, 17, tzinfo=UTC))
def peak():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1])

rows, before = 0, peak()
for batch in of_file(source, {"live": book, "candidate": book}).batches():
    rows += batch.frames["live"].height
print(rows, (peak() - before) // 1024)
"""
ROWS = 1_500_000


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """All in one row group, as some writers make it."""
    facts = [fact.name for fact in tried_books.shipped().facts.values() if fact.type == "count" and not fact.derivation]
    columns = [pl.int_range(ROWS, dtype=pl.Int64).mod(4).alias(name) for name in facts]
    sellers = pl.LazyFrame({"seller": pl.int_range(ROWS, eager=True)}).select(
        pl.format("seller-number-{}", "seller").alias("party_id"), *columns
    )
    path = tmp_path / "many.parquet"
    sellers.sink_parquet(path, row_group_size=ROWS)
    assert ROWS * (len(facts) * 8 + 20) > 180_000_000  # once they are read
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True, cwd=ROOT)
    rows, grown = map(int, done.stdout.split())
    assert rows == ROWS
    assert grown < 130
