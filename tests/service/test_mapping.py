"""Foreign files become facts by a mapping: exact arithmetic, every mistake with its place, nothing guessed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fastbrand.domain.errors import InputError, RuleFileError, UsageError
from fastbrand.service.facts_files import FactsFile
from fastbrand.service.mapping import load_mapping, read_mapped
from rules.loader import load_directory
from rules.mistakes import CODES, MAPPING_CODES, Mistake
from tests.service.vocabulary import book

HEAD = "kind: mapping\ntrack: M\nparty: {column: seller, prefix: x-}\n"


ROOT = Path(__file__).parents[2]


def load(tmp_path: Path, text: str, **options: str) -> Any:
    path = tmp_path / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    return load_mapping(path, book(**options))


def mapped(
    tmp_path: Path, facts: str, content: str, *, head: str = HEAD, currency: str = "CNY", **more: Any
) -> FactsFile:
    """``content`` as CSV read by a mapping of ``facts`` (lines of ``fact: {...}``)."""
    lines = "".join(f"  {line}\n" for line in facts.splitlines())
    path = tmp_path / "in.csv"
    path.write_text(content, encoding="utf-8")
    return read_mapped(path, load(tmp_path, f"{head}facts:\n{lines}", currency=currency), **more)


def texts(found: FactsFile, fact: str) -> list[str | None]:
    assert found.mistakes == []
    return [row.facts[fact] for row in found.rows]


def mistakes(tmp_path: Path, text: str, **options: str) -> list[Mistake]:
    with pytest.raises(RuleFileError) as caught:
        load(tmp_path, text, **options)
    found = [item for item in caught.value.mistakes if isinstance(item, Mistake)]
    assert len(found) == len(caught.value.mistakes)
    assert all(item.hint for item in found)
    return found


def test_rows_become_facts(tmp_path: Path) -> None:
    found = mapped(
        tmp_path,
        "orders: {column: n}\nlate_rate: {column: late}\nown: {column: own}",
        "seller,n,late,own,town\na,3,0.5,true,Y\nb,,,,Z\n",
    )
    assert [(row.party_id, dict(row.facts)) for row in found.rows] == [
        ("x-a", {"orders": "3", "late_rate": "0.5", "own": "true"}),
        ("x-b", {"orders": None, "late_rate": None, "own": None}),
    ]
    assert found.track == "M"
    assert found.ignored_columns == ["town"]


def test_the_rate_counts_only_in_another_currency(tmp_path: Path) -> None:
    fact = "gmv_90d: {column: gmv, unit: BRL, rate: 1.35 CNY}"
    # 0.30 x 1.35 = 0.405 and 0.10 x 1.35 = 0.135, both halves: to the even neighbour
    content = "seller,gmv\na,392.59999999999997\nb,0.30\nc,0.10\nd,\ne,1e2\n"
    assert texts(mapped(tmp_path, fact, content), "gmv_90d") == ["530.01", "0.4", "0.14", None, "135"]
    in_reais = mapped(tmp_path, fact, content, currency="BRL")
    assert texts(in_reais, "gmv_90d") == ["392.6", "0.3", "0.1", None, "100"]


def test_money_is_rounded_once_after_the_rate(tmp_path: Path) -> None:
    # 0.005 rounded first would be 0.00
    fact = "gmv_90d: {column: gmv, unit: BRL, rate: 100 CNY}"
    assert texts(mapped(tmp_path, fact, "seller,gmv\na,0.005\n"), "gmv_90d") == ["0.5"]


def test_units_of_ratios_and_durations(tmp_path: Path) -> None:
    facts = "late_rate: {column: late, unit: percent}\nreply: {column: wait, unit: seconds}"
    found = mapped(tmp_path, facts, "seller,late,wait\na,8.33,90\nb,100,1\nc,,\n")
    assert texts(found, "late_rate") == ["0.0833", "1", None]
    assert texts(found, "reply") == ["1.5", "0.016666666667", None]


def test_values_are_translated(tmp_path: Path) -> None:
    content = "seller,kind,made\na,clothes,Y\nb,toys,N\nc,,\nd,?,maybe\n"
    facts = "category: {column: kind, values: {clothes: apparel, '?': unknown}, other: other}\n"
    facts += "own: {column: made, values: {Y: true, N: false}, other: unknown}"
    found = mapped(tmp_path, facts, content)
    assert texts(found, "category") == ["apparel", "other", None, None]
    assert texts(found, "own") == ["true", "false", None, None]


def test_a_value_without_a_row_is_a_mistake_of_its_row(tmp_path: Path) -> None:
    found = mapped(tmp_path, "category: {column: kind, values: {clothes: apparel}}", "seller,kind\na,toys\nb,clothes\n")
    assert [row.party_id for row in found.rows] == ["x-b"]
    assert [(item.row, item.column, item.value) for item in found.mistakes] == [(1, "kind", "toys")]


@pytest.mark.parametrize(
    ("fact", "cell"),
    [
        ("gmv_90d: {column: v, unit: BRL, rate: 1.35 CNY}", "R$ 5"),
        ("gmv_90d: {column: v, unit: BRL, rate: 1.35 CNY}", "1.234,50"),
        ("gmv_90d: {column: v, unit: BRL, rate: 1.35 CNY}", "-0.01"),
        ("gmv_90d: {column: v, unit: BRL, rate: 1.35 CNY}", "740740741"),
        ("gmv_90d: {column: v, unit: BRL, rate: 1.35 CNY}", "1e90000"),
        ("late_rate: {column: v, unit: percent}", "100.1"),
        ("late_rate: {column: v, unit: percent}", "5%"),
        ("reply: {column: v, unit: hours}", "soon"),
        ("reply: {column: v, unit: hours}", "1e30"),
        ("orders: {column: v}", "3.0"),
    ],
)
def test_a_wrong_cell_is_a_mistake_of_its_row(tmp_path: Path, fact: str, cell: str) -> None:
    found = mapped(tmp_path, fact, f'seller,v\na,"{cell}"\nb,\n')
    assert [row.party_id for row in found.rows] == ["x-b"]
    assert [(item.row, item.column, item.value) for item in found.mistakes] == [(1, "v", cell)]


def test_typed_files(tmp_path: Path) -> None:
    facts = "  gmv_90d: {column: gmv, unit: BRL, rate: 1.35 CNY}\n  orders: {column: n}\n"
    facts += "  since: {column: day}\n  own: {column: made, values: {'1': true, '0': false}}\n"
    mapping = load(tmp_path, f"{HEAD}facts:\n{facts}")
    records = [
        {"seller": "a", "gmv": 0.3, "n": 5, "day": "2022-05-13", "made": 1},
        {"seller": "b", "gmv": None, "n": None, "day": None, "made": 0},
    ]
    (tmp_path / "in.json").write_text(json.dumps(records))
    pl.DataFrame(records).with_columns(pl.col("day").str.to_date()).write_parquet(tmp_path / "in.parquet")
    for name in ("in.json", "in.parquet"):
        found = read_mapped(tmp_path / name, mapping)
        assert found.mistakes == []
        assert [dict(row.facts) for row in found.rows] == [
            {"gmv_90d": "0.4", "orders": "5", "since": "2022-05-13", "own": "true"},
            {"gmv_90d": None, "orders": None, "since": None, "own": "false"},
        ]
    (tmp_path / "in.json").write_text('[{"seller": "a", "gmv": "0.3", "n": 1, "day": null, "made": 1}]')
    assert [item.column for item in read_mapped(tmp_path / "in.json", mapping).mistakes] == ["gmv"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2018Q2", datetime(2018, 6, 30, 16, tzinfo=UTC)),
        ("2018-Q4", datetime(2018, 12, 31, 16, tzinfo=UTC)),
        ("2018q1", datetime(2018, 3, 31, 16, tzinfo=UTC)),
    ],
)
def test_a_quarter_is_observed_at_its_end(tmp_path: Path, text: str, moment: datetime) -> None:
    head = HEAD + "observed_at: {column: quarter, format: quarter_end}\n"
    found = mapped(tmp_path, "orders: {column: n}", f"seller,n,quarter\na,1,{text}\nb,2,2018Q5\nc,3,\n", head=head)
    assert [row.observed_at for row in found.rows] == [moment, None]
    assert [(item.row, item.column) for item in found.mistakes] == [(2, "quarter")]


def test_a_day_is_observed_at_its_local_midnight(tmp_path: Path) -> None:
    head = HEAD + "observed_at: {column: day, format: date}\n"
    found = mapped(tmp_path, "orders: {column: n}", "seller,n,day\na,1,2018-06-30\n", head=head)
    assert found.rows[0].observed_at == datetime(2018, 6, 29, 16, tzinfo=UTC)


def test_where_keeps_rows(tmp_path: Path) -> None:
    content = "seller,n,q,town\na,1,1,X\nb,2,2,X\na,3,2,Y\nc,4,3,X\n"
    fact = "orders: {column: n}"
    assert [row.row for row in mapped(tmp_path, fact, content, where=["q=2"]).rows] == [2, 3]
    both = mapped(tmp_path, fact, content, where=["q=2", "q=3", "town=X"])
    assert [row.row for row in both.rows] == [2, 4]
    assert both.ignored_columns == []
    assert [item.row for item in mapped(tmp_path, fact, content).mistakes] == [3]
    with pytest.raises(InputError, match="no column `towm`") as caught:
        mapped(tmp_path, fact, content, where=["towm=X"])
    assert caught.value.hint == "did you mean `town`?"
    with pytest.raises(InputError, match=r"no row of `in\.csv` has `q=9`") as caught:
        mapped(tmp_path, fact, content, where=["q=9"])
    assert "`1`, `2`, `3`" in caught.value.hint
    with pytest.raises(UsageError, match="is no condition"):
        mapped(tmp_path, fact, content, where=["q"])


def test_a_named_column_that_is_missing_is_an_error(tmp_path: Path) -> None:
    for fact in ("orders: {column: orders_n}", "orders: {column: n}"):
        content = "seller,order_n,n\n" if "orders_n" in fact else "seler,n\n"
        with pytest.raises(InputError, match="has no column") as caught:
            mapped(tmp_path, fact, content + "a,1\n")
        assert caught.value.hint.startswith("did you mean")


MISTAKES: list[tuple[str, int, int, str]] = [
    ("kind: mapping\ntrack: M\nparty: {column: a}\n", 1, 1, "missing_key"),
    ("kind: mapping\ntrack: X\nparty: {column: a}\nfacts: {orders: {column: n}}\n", 2, 8, "wrong_track"),
    ("kind: facts\ntrack: M\nparty: {column: a}\nfacts: {orders: {column: n}}\n", 1, 7, "wrong_kind"),
    ("kind: mapping\ntrack: M\nparty: {colum: a}\nfacts: {orders: {column: n}}\n", 3, 9, "unknown_key"),
    (HEAD + "facts: {order: {column: n}}\n", 4, 9, "unknown_fact"),
    (HEAD + "facts: {days: {column: n}}\n", 4, 9, "derived_fact"),
    (HEAD + "facts: {orders: {}}\n", 4, 17, "missing_key"),
    (HEAD + "facts: {orders: n}\n", 4, 17, "wrong_shape"),
    (HEAD + "facts: {}\n", 4, 8, "wrong_shape"),
    (HEAD + "facts: {orders: {column: n, unit: BRL}}\n", 4, 35, "wrong_unit"),
    (HEAD + "facts: {gmv_90d: {column: n}}\n", 4, 9, "missing_unit"),
    (HEAD + "facts: {gmv_90d: {column: n, unit: BRL}}\n", 4, 36, "wrong_unit"),
    (HEAD + "facts: {gmv_90d: {column: n, unit: BRL, rate: 2 USD}}\n", 4, 47, "wrong_unit"),
    (HEAD + "facts: {gmv_90d: {column: n, unit: BRL, rate: '1.35'}}\n", 4, 47, "wrong_rate"),
    (HEAD + "facts: {gmv_90d: {column: n, unit: BRL, rate: 0 CNY}}\n", 4, 47, "wrong_rate"),
    (HEAD + "facts: {orders: {column: n, rate: 2 CNY}}\n", 4, 35, "rate_without_money"),
    (HEAD + "facts: {late_rate: {column: n, unit: minutes}}\n", 4, 38, "wrong_unit"),
    (HEAD + "facts: {category: {column: n, values: {a: shoes}}}\n", 4, 43, "unknown_choice"),
    (HEAD + "facts: {category: {column: n, other: food}}\n", 4, 38, "other_alone"),
    (HEAD + "facts: {category: {column: n, values: {a: food, a: food}}}\n", 4, 49, "duplicate_key"),
    (HEAD + "facts: {gmv_90d: {column: n, unit: CNY, values: {a: 1}}}\n", 4, 36, "values_and_unit"),
    (HEAD + "observed_at: {column: q, format: half}\nfacts: {orders: {column: n}}\n", 4, 34, "unknown_format"),
    (HEAD + "facts: {orders: {column: n\n", 5, 1, "yaml_syntax"),
]
"""A mapping, the place of its mistake and the code."""


@pytest.mark.parametrize(("text", "line", "column", "code"), MISTAKES)
def test_a_mistake_in_a_mapping_has_its_place(tmp_path: Path, text: str, line: int, column: int, code: str) -> None:
    found = mistakes(tmp_path, text)
    assert (found[0].code, found[0].line, found[0].column) == (code, line, column)


def test_every_code_of_a_mapping_has_a_test() -> None:
    used = {code for *_, code in MISTAKES}
    assert used <= {*CODES, *MAPPING_CODES}
    assert set(MAPPING_CODES) <= used


def test_all_mistakes_of_a_mapping_are_reported(tmp_path: Path) -> None:
    text = HEAD + "facts:\n  order: {column: n}\n  gmv_90d: {column: n}\n  orders: {colum: n}\n"
    found = mistakes(tmp_path, text)
    assert [item.code for item in found] == ["unknown_fact", "missing_unit", "unknown_key"]
    assert found[0].hint == "did you mean `orders`?"


def test_a_mapping_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_mapping(tmp_path / "none.yaml", book())


OLIST_COLUMNS = (
    "seller_id,quarter,gmv,orders,delivered_orders,late_delivery_rate,median_review_score,months_active,"
    "months_active_in_quarter,business_segment,business_type"
)


@pytest.mark.parametrize(("where", "sales"), [("examples/olist/book", "2685"), ("rules/book", "3624.75")])
def test_the_example_mapping_serves_both_books(tmp_path: Path, where: str, sales: str) -> None:
    """The rows are made up; the columns are those of the Olist file."""
    path = tmp_path / "sellers.csv"
    rows = "a1,2018Q2,2685.0,20,18,0.05555555555555555,4.5,7,3,food_drink,manufacturer\nb2,2018Q2,0.0,1,0,,,1,1,,\n"
    path.write_text(f"{OLIST_COLUMNS}\n{rows}", encoding="utf-8")
    mapping = load_mapping(ROOT / "examples" / "olist" / "mapping.yaml", load_directory(ROOT / where))
    found = read_mapped(path, mapping, where=["quarter=2018Q2"])
    assert (found.mistakes, found.ignored_columns, found.track) == ([], [], "M")
    first, second = found.rows
    assert first.party_id == "olist-a1"
    assert first.facts == {
        "gmv_90d": sales,
        "orders_90d": "20",
        "delivered_orders_90d": "18",
        "late_delivery_rate_90d": "0.055555556",
        "review_score": "4.5",
        "months_active": "7",
        "active_months_90d": "3",
        "category": "food",
        "sourcing": "own_factory",
    }
    unknown = {name for name, text in second.facts.items() if text is None}
    assert unknown == {"late_delivery_rate_90d", "review_score", "category", "sourcing"}
