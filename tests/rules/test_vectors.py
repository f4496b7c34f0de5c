"""The test vectors, decided in this process and by the engine's child process, to the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import FastbrandError
from rules.engine import RuleEngine, Screening, inputs_json
from rules.evaluate import CompiledBook
from rules.model import Atom, Leaf, Node, Not, Preferred, Table
from rules.records import Context
from rules.words import ALL_OPERATORS, DERIVATIONS
from tests.rules.vector_cases import Case, book_of, cases, mismatches

CASES = list(cases())


@pytest.fixture(scope="module")
def engine() -> Iterator[RuleEngine]:
    with RuleEngine() as made:
        yield made


def decide(case: Case) -> Decision | Screening:
    """The decision in this process. Raises what the case's error says."""
    compiled = CompiledBook(book_of(case.file))
    moment = compiled.moment(case.as_of)
    asked = compiled.ask(case.record, moment)
    if case.rulebook is None:
        return compiled.screen(asked, case.track)
    return compiled.decide(case.rulebook, asked, case.context, moment)


def decide_in_child(engine: RuleEngine, case: Case) -> Decision | Screening:
    closure = book_of(case.file).closure
    if case.rulebook is None:
        return engine.screen(closure, case.record, track=case.track, as_of=case.as_of)
    answer = engine.decide(closure, case.rulebook, [case.record], as_of=case.as_of, context=case.context)[0]
    if isinstance(answer, FastbrandError):
        raise answer
    return answer


def parts(answer: Decision | Screening) -> dict[str, Decision]:
    """Name -> decision; a decision alone is called ``decision``."""
    if isinstance(answer, Decision):
        return {"decision": answer}
    made = {"track": answer.track, "eligibility": answer.eligibility, "queue": answer.queue}
    made["endorsement"] = answer.endorsement
    return {name: decision for name, decision in made.items() if decision is not None}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_vector(engine: RuleEngine, case: Case) -> None:
    if case.error is not None:
        with pytest.raises(FastbrandError) as caught:
            decide(case)
        assert caught.value.instance_code == case.error
        with pytest.raises(FastbrandError) as caught:
            decide_in_child(engine, case)
        assert caught.value.instance_code == case.error
        return
    answer = decide(case)
    found = {name: json.loads(decision.canonical()) for name, decision in parts(answer).items()}
    assert mismatches(case.expect, found if case.rulebook is None else found["decision"]) == []
    again = parts(decide_in_child(engine, case))
    assert {name: decision.canonical() for name, decision in again.items()} == {
        name: decision.canonical() for name, decision in parts(answer).items()
    }


@pytest.mark.parametrize("case", [case for case in CASES if case.error is None], ids=lambda case: case.id)
def test_what_was_decided_replays_to_the_same_bytes(engine: RuleEngine, case: Case) -> None:
    answer = decide(case)
    context = case.context
    if isinstance(answer, Screening):
        context = Context(screening=answer.eligibility, track=case.track)
    inputs = json.loads(json.dumps(inputs_json(case.record, context)))
    for decision in parts(answer).values():
        core = decision.canonical()
        assert engine.replay(book_of(case.file).closure, core, inputs) == core


def test_every_construct_of_the_language_is_in_a_vector() -> None:
    """Operators, derivations, connectives and conditions: what the vectors' books use is all there is."""
    leaves: list[Leaf] = []
    atoms: list[Any] = []
    nodes: set[str] = set()
    derivations = set()
    wanted: set[Any] = set()
    for file in {case.file for case in CASES}:
        book = book_of(file)
        derivations |= {fact.derivation.op for fact in book.facts.values() if fact.derivation is not None}
        criteria = [each for kind in book.eligibility.values() for each in kind.criteria]
        criteria += [each for kind in book.incentive.values() for each in kind.gates]
        for criterion in criteria:
            for node in (criterion.require, criterion.when):
                _walk(node, leaves, nodes)
        for matching in book.matching.values():
            asked = [*matching.require, *(preference.what for preference in matching.prefer)]
            wanted |= {type(each) for each in asked}
        for row in [
            *(row for kind in book.eligibility.values() for row in kind.outcomes),
            *(row for kind in book.routing.values() for row in kind.rows),
            *(row for kind in book.maintenance.values() for row in kind.outcomes),
        ]:
            atoms += row.when
    assert derivations == set(DERIVATIONS)
    assert nodes == {"Leaf", "All", "AnyOf", "Not"}
    assert {leaf.op for leaf in leaves} == set(ALL_OPERATORS)
    assert {type(leaf.operand) for leaf in leaves} >= {Table, tuple, int, str}
    assert {type(atom) for atom in atoms} == set(get_args(Atom))
    assert wanted == set(get_args(Preferred))


def _walk(node: Node | None, leaves: list[Leaf], nodes: set[str]) -> None:
    if node is None:
        return
    nodes.add(type(node).__name__)
    if isinstance(node, Leaf):
        leaves.append(node)
        return
    for child in (node.node,) if isinstance(node, Not) else node.nodes:
        _walk(child, leaves, nodes)
