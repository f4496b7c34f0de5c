"""The examples, run as their pages say: on fewer sellers, and on made ones where the real file is not there."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.driver import ROOT, Cli
from tests.docs.console import commands, linked
from tests.hostile.mutations import files_of

EXAMPLES = ROOT / "examples"
SELLERS = """\
seller_id,quarter,gmv,orders,delivered_orders,late_delivery_rate,median_review_score,months_active,\
months_active_in_quarter,business_segment,business_type
strong,2018Q2,22000.10,240,231,0.013,5.0,14,3,pet,manufacturer
small,2018Q2,90.55,2,2,0,5.0,2,1,,
gone,2018Q1,50000,900,890,0.01,5.0,20,3,toys,reseller
"""


def test_every_example_is_listed_and_is_there() -> None:
    index = EXAMPLES / "README.md"
    listed = {path.parent.name for path in linked(index.read_text(encoding="utf-8"), index) if path.name == "README.md"}
    assert listed >= {path.name for path in EXAMPLES.iterdir() if path.is_dir()}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A directory that looks like a clone, with the file that `examples/olist` asks for."""
    for name in ("examples", "rules", "people.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "seller_quarters.csv").write_text(SELLERS, encoding="utf-8")
    return tmp_path


def runs() -> Iterator[tuple[str, list[str]]]:
    """Example and argv of each of its commands that need nothing that runs already."""
    for example in ("demo", "olist"):
        for shown in commands((EXAMPLES / example / "README.md").read_text(encoding="utf-8")):
            program, *argv = shlex.split(shown.command)
            assert program == "fastbrand", shown.command
            yield example, argv


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.xdist_group("readme")
@pytest.mark.parametrize(("example", "argv"), list(runs()))
def test_an_example_runs(clone: Path, example: str, argv: list[str]) -> None:
    fewer = [] if "--input" in argv else ["--sellers", "12"]
    cli = Cli(clone / "var")
    assert "Ledger: reconciled" in cli(*argv, *fewer, cwd=clone).fine().out
    parties = cli.json("party", "list", "--state", clone / argv[argv.index("--state") + 1])
    assert len(parties) == (12 if fewer else 2)
    if example == "olist":
        assert {each["party_id"] for each in parties} == {"olist-strong", "olist-small"}


def test_books_of_examples_have_tests() -> None:
    """That they pass and see everything is in `tests/cli/test_rule_tests.py`."""
    for book in EXAMPLES.glob("*/book"):
        assert files_of(book / "tests"), book
