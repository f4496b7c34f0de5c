"""Facts files and mappings that nobody should have written: read, or refused in one clear line, and nothing else.

2,000 mutations of CSV, JSON, JSONL, Parquet and mapping files; 100,000 in a soak. What is read is decided, too.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from fastbrand.domain.errors import FastbrandError, InputError, RuleFileError
from fastbrand.service.backtesting.populations import FileSource, of_file
from fastbrand.service.facts_files import FactsFile, read_facts_file, write_errors
from fastbrand.service.mapping import load_mapping, read_mapped
from rules.backtesting import Side
from rules.evaluate import CompiledBook
from rules.loader import load_directory
from rules.mistakes import CODES, MAPPING_CODES, Mistake
from rules.model import Book
from rules.records import Observed, Record
from tests.hostile.mutations import ROOT, SHARDS, Hang, check_place, check_text, mutated, no_hang, seeds

BOOK = load_directory(ROOT / "rules" / "book")
COMPILED = CompiledBook(BOOK)
BOTH: dict[Side, Book] = {"live": BOOK, "candidate": BOOK}
CANDIDATES = ROOT / "examples" / "first-steps" / "candidates.csv"
MAPPING = (ROOT / "examples" / "olist" / "mapping.yaml").read_bytes()
FOREIGN = (
    b"seller_id,quarter,gmv,orders,delivered_orders,late_delivery_rate,median_review_score,months_active,"
    b"months_active_in_quarter,business_segment,business_type\n"
    b"a1,2018Q2,2685.0,20,18,0.05555555555555555,4.5,7,3,food_drink,manufacturer\n"
    b"b2,2018Q1,0.0,1,0,,,1,1,,\n"
)
NOW = datetime(2022, 8, 1, tzinfo=UTC)


def typed_rows() -> list[dict[str, Any]]:
    """The candidates as JSON has them: numbers, flags and lists instead of text."""
    read: dict[str, Callable[[str], Any]] = {
        "flag": lambda text: text == "true",
        "choices": lambda text: text.split("|"),
    }
    read |= dict.fromkeys(("choice", "date", "text"), str) | {"count": int}
    rows = []
    for row in read_facts_file(CANDIDATES, BOOK.facts).rows:
        facts = {
            name: None if text is None else read.get(BOOK.facts[name].type, float)(text)
            for name, text in row.facts.items()
        }
        rows.append({"party_id": row.party_id, "observed_at": "2022-07-01T08:00:00+08:00", **facts})
    return rows


def sources() -> dict[str, bytes]:
    """Ending -> a sound file."""
    rows = typed_rows()
    parquet = io.BytesIO()
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(parquet)
    return {
        ".csv": CANDIDATES.read_bytes(),
        ".json": json.dumps(rows, ensure_ascii=False, indent=1).encode(),
        ".jsonl": "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode(),
        ".parquet": parquet.getvalue(),
    }


SOURCES = sources()


@pytest.mark.parametrize("ending", SOURCES)
def test_the_files_that_are_mutated_are_sound(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"facts{ending}"
    path.write_bytes(SOURCES[ending])
    found = read_facts_file(path, BOOK.facts)
    assert (len(found.rows), found.mistakes) == (4, [])


def read(rng: Random, place: Path) -> FactsFile | None:
    """Read one mutated file in one of the ways there are; None where it was read for a backtest."""
    way = rng.choice((*(".csv", ".json", ".jsonl") * 8, *("mapping", "mapped") * 8, ".parquet"))
    mapping = place / "mapping.yaml"
    if way in ("mapping", "mapped"):
        mapping.write_bytes(mutated(MAPPING, rng) if way == "mapping" else MAPPING)
        (place / "foreign.csv").write_bytes(mutated(FOREIGN, rng) if way == "mapped" else FOREIGN)
        return read_mapped(place / "foreign.csv", load_mapping(mapping, BOOK))
    path = place / f"facts{way}"
    path.write_bytes(mutated(SOURCES[way], rng))
    if rng.random() < 0.7:
        return read_facts_file(path, BOOK.facts, time_zone="Asia/Shanghai")
    population = of_file(FileSource(path, NOW), BOTH)
    for notice in population.notices:
        check_text(notice, 5_000)
    for batch in population.batches():
        for mistake in batch.mistakes:
            check_text(str(mistake), 1_000)
    return None


def check(seed: int, place: Path) -> int:
    """One mutation; how many rows could be decided."""
    rng = Random(seed)
    try:
        with no_hang():
            file = read(rng, place)
    except RuleFileError as error:
        check_mapping(error, (place / "mapping.yaml").read_bytes())
        return 0
    except FastbrandError as error:
        check_refusal(error)
        return 0
    return 0 if file is None else decide(file, place)


def check_refusal(error: FastbrandError) -> None:
    """A file that cannot be read is one clear line with the mend."""
    assert error.exit_code == 2
    check_text(error.message)
    check_text(error.hint, 1_500)


def check_mapping(error: RuleFileError, content: bytes) -> None:
    """The mistakes of a mapping have codes and places."""
    assert error.mistakes
    for mistake in error.mistakes:
        assert isinstance(mistake, Mistake)
        assert mistake.code in {*CODES, *MAPPING_CODES}
        check_text(mistake.message)
        check_text(mistake.hint, 700)
        check_place(mistake.line, mistake.column, content)


def decide(file: FactsFile, place: Path) -> int:
    """Decide every row that was read, and write what is wrong with the others."""
    write_errors(place / "errors.csv", file.mistakes)
    for mistake in file.mistakes:
        check_text(str(mistake), 1_000)
    for notice in file.notices:
        check_text(notice, 5_000)
    decided = 0
    for row in file.rows:
        facts = {name: Observed(text, row.observed_at) for name, text in row.facts.items()}
        try:
            asked = COMPILED.ask(Record(row.party_id or "nobody", facts), COMPILED.moment(NOW))
        except InputError as error:
            check_text(error.message)
            continue
        assert COMPILED.decide("fast-brand", asked).outcome in ("eligible", "refer", "ineligible")
        decided += 1
    return decided


@pytest.mark.soak
@pytest.mark.parametrize("shard", range(SHARDS))
def test_mutated_facts_are_read_or_refused_and_nothing_else(shard: int, tmp_path: Path) -> None:
    decided = 0
    for seed in seeds(shard, 2_000, 100_000):
        try:
            decided += check(seed, tmp_path)
        except (Exception, Hang) as error:
            raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error
    assert decided > 100


# --- made on purpose ----------------------------------------------------------------------------------------------


def wide(columns: int) -> bytes:
    """A JSON file of one row with ``columns`` columns, one of them a fact."""
    return b'[{"gmv_30d": 1' + b"".join(b', "k%d": 1' % number for number in range(columns - 1)) + b"}]"


def long_parquet(rows: int) -> bytes:
    """A Parquet file of ``rows`` rows in some kilobytes."""
    made = io.BytesIO()
    pl.select(gmv_30d=pl.repeat(1, rows, dtype=pl.Int64)).write_parquet(made)
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("deep.json", b"[" * 1_000_000, "broken_json"),
        ("twice.json", b'[{"gmv_30d": 1, "gmv_30d": 2}]', "broken_json"),
        ("wide.json", wide(5_001), "too_large"),
        ("wide.csv", b"gmv_30d," + b",".join(b"k%d" % n for n in range(5_001)) + b"\n", "too_large"),
        ("long.csv", b"gmv_30d,party_id\n1," + b"x" * 10_000_000 + b"\n", "broken_csv"),
        ("wide characters.csv", "gmv_30d\n1\n".encode("utf-16"), "not_utf8"),
        ("gbk.csv", "gmv_30d,店铺\n1,茶\n".encode("gbk"), "not_utf8"),
        ("bomb.parquet", long_parquet(20_000_000), "too_large"),
        ("cut.parquet", SOURCES[".parquet"][:-20], "broken_parquet"),
        ("text.parquet", b"gmv_30d\n1\n", "broken_parquet"),
        ("empty.parquet", b" ", "empty"),
    ],
)
def test_files_that_nobody_gets_through(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with no_hang(), pytest.raises(InputError) as told:
        read_facts_file(path, BOOK.facts)
    assert told.value.instance_code == code
    assert told.value.hint


@pytest.mark.parametrize(
    "content",
    [
        b'[{"gmv_30d": 1e99999999999999999999999}]',
        b'[{"gmv_30d": -1e-99999999999999999999999}]',
        b'[{"gmv_30d": ' + b"9" * 1_000_000 + b"}]",
        b'[{"gmv_30d": ' + b"[" * 900 + b"]" * 900 + b"}]",
        b'[{"gmv_30d": ' + b'{"a": ' * 900 + b"1" + b"}" * 901 + b"]",
        b"[" + b"[" * 900 + b"]" * 900 + b"]",
        b'[{"party_id": "\\ud800", "gmv_30d": 1}]',
        b'[{"brand_name": "\\ud800", "gmv_30d": "\\u001b[2J"}]',
    ],
    ids=lambda content: ascii(content[:30]),
)
def test_rows_that_are_told_and_left_out(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "facts.json"
    path.write_bytes(content if b"gmv_30d" in content else content[:-1] + b', {"gmv_30d": 5}]')
    found = read_facts_file(path, BOOK.facts)
    assert [mistake.row for mistake in found.mistakes] == [1] * len(found.mistakes)
    assert found.mistakes
    decide(found, tmp_path)


def test_what_ends_its_reader_does_not_end_us(tmp_path: Path) -> None:
    """A page that says that it holds -63 values: native code aborts, and does so in a process of its own."""
    made = io.BytesIO()
    pl.DataFrame({"gmv_30d": [1.0, None, 2.0, 3.0]}).write_parquet(made, compression="uncompressed")
    four, less = b"\x15\x08\x15", b"\x15\x7d\x15"  # Thrift: the number of values, zigzag, and what follows
    content = made.getvalue()
    assert content.count(four) == 1
    path = tmp_path / "facts.parquet"
    path.write_bytes(content.replace(four, less))
    for act in (lambda: read_facts_file(path, BOOK.facts), lambda: of_file(FileSource(path, NOW), BOTH)):
        with no_hang(), pytest.raises(InputError, match="its reader was ended by SIGABRT") as told:
            act()
        assert told.value.instance_code == "broken_parquet"
    path.write_bytes(content)
    assert len(read_facts_file(path, BOOK.facts).rows) == 3


def test_a_reader_that_loses_rows_is_told(tmp_path: Path) -> None:
    """Where a page's column breaks its reader's threads, what comes in batches just ends; all at once, it panics."""
    made = io.BytesIO()
    rows = {"party_id": ["a", "b", "c", "d"], "experience_score": [80.0, None, 70.0, 60.0]}
    pl.DataFrame(rows).write_parquet(made, compression="uncompressed", statistics=False)
    path = tmp_path / "facts.parquet"
    said = set()
    for place in (47, 54, 60, 61, 105, 116):
        content = bytearray(made.getvalue())
        content[place] ^= 1 if place < 54 else 2 if place < 60 else 128
        path.write_bytes(content)
        ways: list[Callable[[], int]] = [
            lambda: len(read_facts_file(path, BOOK.facts).rows),
            lambda: sum(batch.read for batch in of_file(FileSource(path, NOW), BOTH).batches()),
        ]
        for way in ways:
            try:
                assert way() == 4
            except InputError as error:
                said.add((error.instance_code, error.message.rpartition(": ")[2]))
    assert ("broken_parquet", "0 of its 4 rows can be read") in said
    assert {code for code, _ in said} == {"broken_parquet"}
