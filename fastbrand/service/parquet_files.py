"""Parquet files, read by a process of their own before anybody relies on them.

A damaged Parquet file can end the process that reads it: the reader is native code that aborts where a page says that
it holds 2^60 values, and no ``except`` sees that. So somebody else reads it first. What that process survives, it did
to the last page; what it does not survive is one clear error.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from fastbrand.domain.errors import InputError, shown

LOOKS_FOR_S = 120
"""Seconds that looking through a file may take, and one more for each ``_BYTES_A_SECOND``."""
_BYTES_A_SECOND = 2_000_000

# Nothing but Polars, so that it begins in a quarter of a second. Where memory runs out, it is the first to go.
_LOOK = """
import io, json, sys
import polars as pl

try:
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
except OSError:
    pass
asked = json.loads(sys.argv[1])
try:
    source = io.BytesIO(sys.stdin.buffer.read()) if asked["path"] is None else asked["path"]
    scan = pl.scan_parquet(source, glob=False)
    columns = scan.collect_schema().names()
    rows = scan.select(pl.len()).collect().item()
    wanted = columns if asked["wanted"] is None else [name for name in columns if name in set(asked["wanted"])]
    read = rows
    if wanted and (asked["most_rows"] is None or rows <= asked["most_rows"]):
        read = sum(part.height for part in scan.select(wanted).collect_batches(chunk_size=50_000))
except (pl.exceptions.PolarsError, OSError) as error:
    told = {"error": str(error) or type(error).__name__}
else:
    told = {"rows": rows, "columns": columns}
    if read != rows:  # a thread of the reader broke: the batches just end
        told = {"error": f"{read} of its {rows} rows can be read"}
json.dump(told, sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class ParquetFile:
    """What is known of a Parquet file that can be read."""

    rows: int
    columns: tuple[str, ...]


def look_through(
    path: Path, content: bytes | None = None, *, wanted: Collection[str] | None = None, most_rows: int | None = None
) -> ParquetFile:
    """Read the file at ``path`` (or its ``content``) once, in another process, and say what is in it.

    ``wanted``: only these columns are read to their end; without it, all. A file of more than ``most_rows`` is not
    read to its end. Raises ``InputError`` where it is no Parquet file, is damaged, or is not there.
    """
    if content is None and not path.is_file():
        raise InputError(f"there is no file `{path}`", hint="check the path", code="unreadable")
    asked = {
        "path": str(path) if content is None else None,
        "wanted": None if wanted is None else sorted(wanted),
        "most_rows": most_rows,
    }
    size = path.stat().st_size if content is None else len(content)
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _LOOK, json.dumps(asked)],
            input=content or b"",
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=LOOKS_FOR_S + size / _BYTES_A_SECOND,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise broken(path, "its reader did not come to an end") from None
    if done.returncode != 0:
        raise broken(path, f"its reader {_ended(done.returncode)}")
    told = json.loads(done.stdout)
    if "error" in told:
        raise broken(path, told["error"])
    return ParquetFile(told["rows"], tuple(told["columns"]))


def broken(path: Path, reason: str) -> InputError:
    """The error of a file that is no Parquet file, with the first line of the ``reason``."""
    first = next(iter(reason.splitlines()), "it cannot be read")
    message = f"`{path}` is not a Parquet file: {shown(first, 200)}"
    return InputError(message, hint="export it again", code="broken_parquet")


def _ended(code: int) -> str:
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"failed (exit code {code})"
