"""Everything that a backtest counts is counted again, party by party, by the authoritative engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fastbrand.service import backtesting
from fastbrand.service.backtesting import Compared, FileSource, Options
from rules.backtesting import SIDES
from rules.engine import RuleEngine
from rules.loader import load_directory
from rules.model import Book
from rules.records import Observed, Record
from rules.values import to_text
from tests.service.backtesting import recount, tried_books
from tests.service.backtesting.recount import Side

AT = datetime(2022, 8, 17, tzinfo=UTC)
CAP = 30_000_000
"""Of each category in each month under the candidate."""


class Tried:
    """A run, and the same counted again."""

    def __init__(self, live: Book, candidate: Book, sellers: Path, engine: RuleEngine) -> None:
        self.books = {"live": live, "candidate": candidate}
        compared = {side: Compared(book, side) for side, book in self.books.items()}
        source = FileSource(sellers, now=AT, as_of=AT)
        options = Options(confirm=40, hold_all=True)
        self.result = backtesting.over_file(compared["live"], compared["candidate"], source, engine, options=options)
        self.document: dict[str, Any] = json.loads(json.dumps(self.result.document()))
        records = list(_records(live, sellers))
        self.again = {side: recount.counted(book, records, AT) for side, book in self.books.items()}
        self.live: Side = self.again["live"]
        self.candidate: Side = self.again["candidate"]


_STORED: dict[str, Callable[[Any], Any]] = {"flag": int, "choices": tuple, "date": lambda day: day.toordinal()}


def _records(book: Book, sellers: Path) -> Any:
    """The rows of the file as the engine for one party is given them, read by other means."""
    for row in pl.read_parquet(sellers).iter_rows(named=True):
        facts = {}
        for name, fact in book.facts.items():
            cell = row.get(name)
            if cell is None:
                facts[name] = Observed(None)
            elif isinstance(cell, float):
                facts[name] = Observed(str(Decimal(repr(cell))))
            elif fact.type in {"flag", "choices", "date"}:
                facts[name] = Observed(to_text(fact, _STORED[fact.type](cell)))
            else:
                facts[name] = Observed(str(cell))
        yield Record(
            row["party_id"], {name: each for name, each in facts.items() if book.facts[name].derivation is None}
        )


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory, sellers: Path, engine: RuleEngine) -> Tried:
    """The shipped book against one in which something of everything is changed."""
    folder = tried_books.much_changed(tmp_path_factory.mktemp("candidate") / "book")
    return Tried(tried_books.shipped(), load_directory(folder), sellers, engine)


def test_the_matrix_and_the_flips(tried: Tried) -> None:
    told, matrix = tried.document, recount.matrix(tried.live, tried.candidate)
    assert told["matrix"] == matrix
    assert told["records"] == len(tried.live.outcome) == sum(sum(row.values()) for row in matrix.values())
    flips = {each["id"]: (each["old"], each["new"]) for each in told["flips"]}
    assert flips == {
        party: (old, tried.candidate.outcome[party])
        for party, old in tried.live.outcome.items()
        if old != tried.candidate.outcome[party]
    }
    count = told["flip_count"]
    assert count["total"] == len(flips) == count["stricter"] + count["looser"]
    assert count["looser"] == sum(order(new) > order(old) for old, new in flips.values())
    assert min(count.values()) > 10  # there is something to be wrong about


def order(outcome: str) -> int:
    return ("ineligible", "refer", "eligible").index(outcome)


def test_the_funnel(tried: Tried) -> None:
    for side in SIDES:
        told, sent = tried.document["funnel"][side], dict(tried.again[side].sent)
        assert told["screened"] == sum(sent.values())
        assert {"approved": told["approved"], "refused": told["refused"], **told["people"]} == sent
    assert tried.document["funnel"]["live"] != tried.document["funnel"]["candidate"]


def test_every_criterion_and_those_that_one_book_has_only(tried: Tried) -> None:
    told = {each["criterion"]: each for each in tried.document["reasons"]}
    for side in SIDES:
        known = {each.id for each in tried.books[side].eligibility["fast-brand"].criteria}
        for name, each in told.items():
            assert each[side] == (recount.reasons(tried.again[side], name) if name in known else None), name
    assert told["new.groups"]["live"] is None
    assert told["trust.reviews"]["candidate"] is None


def test_what_is_behind_a_flip_changed_its_effect_or_is_a_score(tried: Tried) -> None:
    causes = {tuple(each["criteria"]): each["flips"] for each in tried.document["causes"]}
    assert sum(each["flips"] for each in tried.document["causes"]) == tried.document["flip_count"]["total"]
    named = {name for names in causes for name in names}
    assert {"content.live_days", "business.delivery", "business.service", "new.groups", "score.trust"} <= named
    # nothing that is the same in both books is blamed
    same = {"content.live_days", "business.delivery", "business.service", "trust.reviews", "new.groups", "score.trust"}
    assert named <= same


def test_scores_are_distributed_as_they_are(tried: Tried) -> None:
    told = tried.document["scores"]["trust"]
    for side in SIDES:
        values = tried.again[side].scores["trust"]
        known = [value for value in values if value is not None]
        counts = told[side]["counts"]
        assert counts == recount.histogram(values, told, len(counts))
        assert told[side]["unknown"] == len(values) - len(known)
        assert abs(Decimal(told[side]["mean"]) - sum(known, Decimal(0)) / len(known)) < Decimal("0.01")
    assert told["live"]["counts"] != told["candidate"]["counts"]


def test_the_bonus_by_category_with_its_cap(tried: Tried) -> None:
    bonus = tried.document["bonus"]
    caps = {"live": 2_000_000_000, "candidate": CAP}
    for side in SIDES:
        expected = recount.by_category(tried.again[side], caps[side])
        told = {each["category"] or "": each[side] for each in bonus["by_category"] if each[side]["grants"]}
        assert told == expected
        assert bonus[side] == sum(each["amount"] for each in expected.values())
        assert bonus["grants"][side] == sum(each["grants"] for each in expected.values())
        assert bonus["referred"][side] == tried.again[side].referred
    assert any(each["candidate"]["amount"] == CAP for each in bonus["by_category"])
    assert bonus["change"] == bonus["candidate"] - bonus["live"] == sum(bonus["parts"].values())
    assert Decimal(bonus["change_ratio"]) == round(Decimal(bonus["change"]) / bonus["live"], 4)


def test_the_parts_of_the_change_add_up_from_each_party(tried: Tried) -> None:
    admitted = repriced = 0
    for party, old in tried.live.outcome.items():
        now, was = tried.candidate.outcome[party] == "eligible", old == "eligible"
        admitted += tried.live.amount[party] * (now - was)
        repriced += (tried.candidate.amount[party] - tried.live.amount[party]) * now
    parts = tried.document["bonus"]["parts"]
    assert (parts["eligibility"], parts["amounts"]) == (admitted, repriced)
    assert parts["category_caps"] < 0


def test_the_bonus_by_tier_and_what_is_cut(tried: Tried) -> None:
    bonus = tried.document["bonus"]
    for side in SIDES:
        told = {each["tier"]: (each[side]["grants"], each[side]["amount"]) for each in bonus["by_tier"]}
        expected = tried.again[side].tiers
        assert told == {tier: (len(expected[tier]), sum(expected[tier])) for tier in told}
        assert sum(count for count, _ in told.values()) == bonus["grants"][side]
        cut = {each["cap"]: each[side] for each in bonus["capped"] if each[side]}
        assert cut == dict(tried.again[side].capped)
    terms = bonus["by_tier"][0]
    assert (terms["live"]["up_to"], terms["candidate"]["up_to"]) == ("1_000_000 CNY", "900_000 CNY")


def test_what_it_does_to_the_pool(tried: Tried) -> None:
    pool = tried.document["pool_effect"]["fast-brand"]
    for side, cap, most in (("live", 2_000_000_000, 200_000_000), ("candidate", CAP, 60_000_000)):
        year = 0
        for amounts in tried.again[side].grants.values():
            year += min(cap * 12, sum(min(most, amount * 12) for amount in amounts))
        assert pool[side]["year"] == year
        assert pool[side]["months"] == 23_000_000_000 * 12 // year
        assert Decimal(pool[side]["share"]) == round(Decimal(year) / 23_000_000_000, 4)


def test_a_sample_is_confirmed_by_the_authoritative_engine(tried: Tried) -> None:
    told = tried.document["confirmed"]
    assert told == {"flips": 40, "others": 4, "mismatches": 0}
    shown = [each for each in tried.document["flips"] if "findings" in each]
    assert len(shown) == 40
    for flip in shown:
        for side in SIDES:
            known = {each.id for each in tried.books[side].eligibility["fast-brand"].criteria}
            asked = {each["criterion"] for each in flip["findings"][side]}
            assert asked == known & set(flip["criteria"])
