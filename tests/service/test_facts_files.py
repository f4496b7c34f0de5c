"""Facts files are read exactly; what is wrong in one row is said of that row, what is wrong with the file ends it."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fastbrand.domain.errors import InputError
from fastbrand.service.facts_files import FactsFile, RowMistake, read_facts_file, write_errors
from tests.service.vocabulary import FACTS


def read(tmp_path: Path, name: str, content: str | bytes, **options: Any) -> FactsFile:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_facts_file(path, FACTS, time_zone="Asia/Shanghai", **options)


def test_csv_is_read_as_decimal_text(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "facts.csv",
        "party_id,gmv_90d,late_rate,orders,review,reply,own,category,papers,since,name\n"
        'a,392.59999999999997,0.2804232804232804,30,4.25,1.5,true,food,food|apparel,2022-05-13,"Ann, & ""Co"""\n'
        "b,0.125,8.33%,,4.35,,,,,,\n"
        "c,1e-05,1e-7,0,5,0,false,other,|,2022-05-13,NaN\n",
    )
    assert found.mistakes == []
    assert [row.party_id for row in found.rows] == ["a", "b", "c"]
    assert found.rows[0].facts == {
        "gmv_90d": "392.6",
        "late_rate": "0.28042328",
        "orders": "30",
        "review": "4.2",  # half to even
        "reply": "1.5",
        "own": "true",
        "category": "food",
        "papers": "apparel|food",
        "since": "2022-05-13",
        "name": 'Ann, & "Co"',
    }
    second = found.rows[1].facts
    assert (second["gmv_90d"], second["late_rate"], second["review"]) == ("0.12", "0.0833", "4.4")
    assert {name for name, text in second.items() if text is None} == {
        "orders",
        "reply",
        "own",
        "category",
        "papers",
        "since",
        "name",
    }
    third = found.rows[2].facts
    assert (third["gmv_90d"], third["late_rate"], third["papers"], third["name"]) == ("0", "0.0000001", "|", None)


def test_the_same_facts_in_every_format_give_the_same_rows(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {
            "party_id": "a",
            "gmv_90d": 392.59999999999997,
            "late_rate": 0.2804232804232804,
            "orders": 30,
            "own": True,
            "category": "food",
            "papers": ["food", "apparel"],
            "since": "2022-05-13",
            "name": "安",
        },
        {
            "party_id": "b",
            "gmv_90d": None,
            "late_rate": float("nan"),
            "orders": None,
            "own": None,
            "category": None,
            "papers": [],
            "since": None,
            "name": None,
        },
    ]
    cells = [
        "party_id,gmv_90d,late_rate,orders,own,category,papers,since,name",
        "a,392.59999999999997,0.2804232804232804,30,true,food,food|apparel,2022-05-13,安",
        "b,,NaN,,,,|,,",
    ]
    frame = pl.DataFrame(records).with_columns(pl.col("since").str.to_date(), pl.col("papers").cast(pl.List(pl.String)))
    frame.write_parquet(tmp_path / "p.parquet")
    found = [
        read(tmp_path, "f.json", json.dumps(records)),
        read(tmp_path, "f.jsonl", "\n".join(json.dumps(record) for record in records) + "\n"),
        read(tmp_path, "f.csv", "\ufeff" + "\r\n".join(cells)),
        read_facts_file(tmp_path / "p.parquet", FACTS),
    ]
    for other in found:
        assert other.mistakes == []
        assert other.rows == found[0].rows
    assert found[0].rows[0].facts["papers"] == "apparel|food"
    assert found[0].rows[1].facts["papers"] == "|"
    assert found[0].rows[1].facts["late_rate"] is None


def test_a_single_object_is_one_row_and_absent_is_not_empty(tmp_path: Path) -> None:
    found = read(tmp_path, "one.json", '{"orders": 30, "own": null}')
    assert [(row.row, row.party_id, dict(row.facts)) for row in found.rows] == [
        (1, None, {"orders": "30", "own": None})
    ]


def test_parquet_floats_are_the_shortest_decimal_of_their_width(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "late_rate": pl.Series([0.1], dtype=pl.Float32),
            "gmv_90d": pl.Series([Decimal("2.50")], dtype=pl.Decimal(9, 2)),
        }
    )
    frame.write_parquet(tmp_path / "f.parquet")
    assert dict(read_facts_file(tmp_path / "f.parquet", FACTS).rows[0].facts) == {"late_rate": "0.1", "gmv_90d": "2.5"}


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("orders", "30.0"),
        ("orders", "3e1"),
        ("orders", "abc"),
        ("orders", "-1"),
        ("orders", "1000001"),
        ("late_rate", "1.0000000006"),
        ("late_rate", "15 %%"),
        ("gmv_90d", "1000 CNY"),
        ("gmv_90d", "inf"),
        ("gmv_90d", "1e400"),
        ("review", "0.94"),
        ("own", "yes"),
        ("own", "1"),
        ("category", "Food"),
        ("papers", "food|shoes"),
        ("since", "2022-02-30"),
        ("since", "20220228"),
        ("name", "\x00"),
    ],
)
def test_a_wrong_cell_is_a_mistake_of_its_row_and_the_others_go_on(tmp_path: Path, column: str, cell: str) -> None:
    found = read(tmp_path, "f.csv", f'party_id,{column}\na,\nb,"{cell}"\nc,\n')
    assert [row.party_id for row in found.rows] == ["a", "c"]
    (mistake,) = found.mistakes
    assert (mistake.row, mistake.column, mistake.value) == (2, column, cell)
    assert mistake.message
    assert mistake.hint


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("orders", '"30"'),
        ("orders", "30.0"),
        ("orders", "true"),
        ("orders", "[1]"),
        ("orders", "{}"),
        ("orders", "1" * 5_000),
        ("gmv_90d", "Infinity"),
        ("own", '"true"'),
        ("own", "1"),
        ("category", "3"),
        ("papers", '"food"'),
        ("papers", "[1]"),
        ("since", "20220513"),
        ("name", '"\\ud800"'),
        ("name", "5"),
    ],
)
def test_json_values_are_never_coerced(tmp_path: Path, column: str, value: str) -> None:
    found = read(
        tmp_path, "f.jsonl", f'{{"party_id": "a", "{column}": null}}\n{{"party_id": "b", "{column}": {value}}}\n'
    )
    assert [row.party_id for row in found.rows] == ["a"]
    assert [(mistake.row, mistake.column) for mistake in found.mistakes] == [(2, column)]


def test_every_mistake_of_a_row_is_reported(tmp_path: Path) -> None:
    found = read(tmp_path, "f.csv", "party_id,orders,own\n/x,a,b\n")
    assert [mistake.column for mistake in found.mistakes] == ["party_id", "orders", "own"]
    assert str(found.mistakes[1]).startswith("row 1, column `orders`: `a` is not")


def test_a_number_in_json_is_exact_beyond_a_float(tmp_path: Path) -> None:
    found = read(tmp_path, "f.json", '[{"gmv_90d": 90071992.545000000000000001, "late_rate": "8.33%"}]')
    assert dict(found.rows[0].facts) == {"gmv_90d": "90071992.55", "late_rate": "0.0833"}


def test_party_ids(tmp_path: Path) -> None:
    found = read(tmp_path, "f.csv", "party_id,orders\na,1\n,2\na b,3\na,4\nd,5\n")
    assert [row.party_id for row in found.rows] == ["a", "d"]
    assert [(mistake.row, mistake.column) for mistake in found.mistakes] == [
        (2, "party_id"),
        (3, "party_id"),
        (4, "party_id"),
    ]
    assert "row 1 already" in found.mistakes[2].message
    numbers = read(tmp_path, "f.json", '[{"party_id": 17, "orders": 1}, {"party_id": 1.5, "orders": 1}]')
    assert [row.party_id for row in numbers.rows] == ["17"]
    assert [mistake.row for mistake in numbers.mistakes] == [2]


def test_observed_at(tmp_path: Path) -> None:
    content = (
        "party_id,orders,observed_at\na,1,2022-07-01\nb,2,2022-07-01T08:00:00+08:00\nc,3,\nd,4,2022-07-01T08:00:00\n"
        "e,5,yesterday\nf,6,0001-01-01\n"
    )
    found = read(tmp_path, "f.csv", content)
    assert [(row.party_id, row.observed_at) for row in found.rows] == [
        ("a", datetime(2022, 6, 30, 16, tzinfo=UTC)),
        ("b", datetime(2022, 7, 1, 0, tzinfo=UTC)),
        ("c", None),
    ]
    assert [(mistake.row, mistake.column) for mistake in found.mistakes] == [
        (4, "observed_at"),
        (5, "observed_at"),
        (6, "observed_at"),
    ]
    frame = pl.DataFrame({"orders": [1, 2], "observed_at": [date(2022, 7, 1), None]})
    frame.write_parquet(tmp_path / "f.parquet")
    rows = read_facts_file(tmp_path / "f.parquet", FACTS).rows
    assert [row.observed_at for row in rows] == [datetime(2022, 7, 1, tzinfo=UTC), None]


def test_history_keeps_one_row_a_party_and_time(tmp_path: Path) -> None:
    content = "party_id,orders,observed_at\na,1,2022-07-01\na,2,2022-08-01\na,3,2022-07-01T00:00:00+08:00\n"
    assert len(read(tmp_path, "f.csv", content).rows) == 1
    found = read(tmp_path, "f.csv", content, history=True)
    assert [row.row for row in found.rows] == [1, 2]
    assert [mistake.row for mistake in found.mistakes] == [3]


def test_columns_that_are_no_fact_are_listed_once(tmp_path: Path) -> None:
    found = read(tmp_path, "f.csv", "party_id,order,days,town,own\na,1,2,x,true\nb,1,2,y,false\n")
    assert found.ignored_columns == ["order", "days", "town"]
    assert found.suggestions == {"order": "orders"}
    assert [dict(row.facts) for row in found.rows] == [{"own": "true"}, {"own": "false"}]


def test_rows_of_the_wrong_width_are_mistakes(tmp_path: Path) -> None:
    found = read(tmp_path, "f.csv", 'party_id,orders,gmv_90d\na,1,2\nb,1\n\nc,1,2,50\nd,3,4\n"e\ne",1,1\nf,1,1\n')
    assert [row.party_id for row in found.rows] == ["a", "d", "f"]
    assert [row.row for row in found.rows] == [1, 5, 7]
    assert [mistake.row for mistake in found.mistakes] == [2, 4, 6]
    assert found.mistakes[1].message == "4 cells where the header has 3"


def test_a_broken_line_of_jsonl_is_a_mistake_of_that_line(tmp_path: Path) -> None:
    deep = "[" * 100_000
    content = '{"orders": 1}\n\n{"orders": \n[1]\n{"orders": 1, "orders": 2}\n' + deep + '\n{"orders": 2}\n'
    found = read(tmp_path, "f.jsonl", content)
    assert [row.row for row in found.rows] == [1, 7]
    assert [mistake.row for mistake in found.mistakes] == [3, 4, 5, 6]


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("f.json", '[{"orders": 1},\n{"orders": }]', "at line 2"),
        ("f.json", "[" * 100_000, "nested too deeply"),
        ("f.json", '{"orders": 1, "orders": 2}', "twice"),
        ("f.json", "3", "no objects"),
        ("f.json", '{"order": 1}', "no column"),
        ("f.json", b'{"orders": "\xff"}', "not UTF-8"),
        ("f.json", "", "is empty"),
        ("f.csv", "  \n", "is empty"),
        ("f.csv", b"orders\n1\n\xff\n", "not UTF-8 text (line 3)"),
        ("f.csv", "orders\n1\n".encode("utf-16"), "not UTF-8"),
        ("f.csv", "orders,orders\n1,2\n", "twice"),
        ("f.csv", "orders,,own\n1,2,true\n", "column 2"),
        ("f.csv", "orders;own\n1;true\n", "no column"),
        ("f.csv", "orders,own\n1,true\n", ""),
        ("f.csv", 'orders,name\n1,"x\n2,y\n', "not a CSV file"),
        ("f.parquet", "PAR1 is not enough", "not a Parquet file"),
        ("f.xlsx", "PK", "no kind that can be read"),
        ("facts", "{}", "no kind that can be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(
    tmp_path: Path, name: str, content: str | bytes, part: str
) -> None:
    if not part:
        assert len(read(tmp_path, name, content).rows) == 1
        return
    with pytest.raises(InputError) as caught:
        read(tmp_path, name, content)
    assert part in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_no_file_and_a_directory(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_facts_file(tmp_path / "none.csv", FACTS)
    (tmp_path / "dir.csv").mkdir()
    with pytest.raises(InputError, match="is a directory"):
        read_facts_file(tmp_path / "dir.csv", FACTS)


def test_a_header_alone_is_no_rows(tmp_path: Path) -> None:
    assert read(tmp_path, "f.csv", "party_id,orders\n").rows == []


def test_error_file(tmp_path: Path) -> None:
    path = tmp_path / "errors.csv"
    write_errors(
        path, [RowMistake(2, "orders", 'a,"b"\n', "`a` is wrong", "write a number"), RowMistake(3, "", "", "x")]
    )
    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["row", "column", "value", "reason"],
            ["2", "orders", 'a,"b"\n', "`a` is wrong; write a number"],
            ["3", "", "", "x"],
        ]
    with pytest.raises(InputError, match="cannot be written"):
        write_errors(tmp_path / "no" / "errors.csv", [])
