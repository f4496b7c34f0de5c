"""What a decision used, stored and read back; and values shown alike wherever they are shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbrand.domain.errors import EngineFault, InputError
from rules.engine import RuleEngine
from rules.evaluate import CompiledBook
from rules.inputs import decision_of, from_inputs, inputs_json
from rules.leaves import shower
from rules.model import FactDef, Mark, Title
from rules.packing import pack, unpack
from rules.records import Context, Observed, Record, Remainders
from rules.values import render
from tests.rules.vector_cases import book_of

AT = datetime(2022, 6, 1, tzinfo=UTC)
FACTS = {"owns_brand": Observed("true"), "rights": Observed("80", AT, "import"), "buyers": Observed(None)}


def screened() -> Any:
    compiled = CompiledBook(book_of("routing"))
    return compiled.screen(compiled.ask(Record("a", FACTS), compiled.moment(AT)), "M")


def test_inputs_come_back_as_they_were() -> None:
    screening = screened().eligibility
    context = Context(screening, {"rights": 2}, 3, Remainders(5, None), "S", "2022-06")
    stored = json.loads(json.dumps(inputs_json(Record("a", FACTS), context)))
    record, back = from_inputs(stored)
    assert record == Record("a", FACTS)
    assert back == context
    assert back.screening is not None
    assert back.screening.canonical() == screening.canonical()
    assert inputs_json(record, back) == stored


def test_times_are_stored_in_utc() -> None:
    shanghai = timezone(timedelta(hours=8))
    record = Record("a", {"rights": Observed("1", datetime(2022, 6, 1, 8, tzinfo=shanghai))})
    assert inputs_json(record, Context())["facts"]["rights"]["observed_at"] == "2022-06-01T00:00:00Z"


@pytest.mark.parametrize("damage", ["facts", "context", "party"])
def test_damaged_inputs_are_an_input_error(damage: str) -> None:
    stored = inputs_json(Record("a", FACTS), Context())
    del stored[damage]
    with pytest.raises(InputError, match="cannot be read"):
        from_inputs(stored)
    with pytest.raises(InputError, match="cannot be read"), RuleEngine() as engine:
        engine.replay(b"", screened().eligibility.canonical(), stored)


def test_a_damaged_decision_is_an_input_error() -> None:
    with pytest.raises(InputError, match="stored decision"), RuleEngine() as engine:
        engine.replay(b"", b"{}", inputs_json(Record("a", FACTS), Context()))


def test_decisions_are_rebuilt_from_their_core_and_from_the_way_between_processes() -> None:
    screening = screened()
    for decision in (screening.track, screening.eligibility, screening.queue, screening.endorsement):
        assert decision_of(json.loads(decision.canonical())).canonical() == decision.canonical()
        assert unpack(pack(decision), screening=False) == decision
    assert unpack(pack(screening), screening=True) == screening
    fault = InputError("no")
    assert unpack(pack(fault), screening=True) is fault
    for nonsense in (("eligible",), None, 7, {"outcome": "eligible"}):
        with pytest.raises(EngineFault):
            unpack(nonsense, screening=False)
        with pytest.raises(EngineFault):
            unpack(nonsense, screening=True)


@given(
    st.sampled_from(["money", "ratio", "count", "score", "duration"]), st.integers(0, 6), st.integers(-(2**53), 2**53)
)
def test_numbers_are_shown_as_they_are_rendered(type_: Any, decimals: int, value: int) -> None:
    scale = {"money": 2, "ratio": 9, "score": decimals}.get(type_, 0)
    fact = FactDef("x", type_, Title("x", "x"), Mark("x", 1, 1), scale)
    assert shower(fact)(value) == render(fact, value)


@pytest.mark.parametrize(
    ("type_", "value"),
    [("flag", 0), ("flag", 1), ("choice", "a"), ("choices", ("a", "b")), ("date", 738_000), ("text", "é")],
)
def test_everything_else_is_shown_as_it_is_rendered(type_: Any, value: Any) -> None:
    fact = FactDef("x", type_, Title("x", "x"), Mark("x", 1, 1))
    assert shower(fact)(value) == render(fact, value)
