"""Random rule books of each kind over the facts of ``random_books``."""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any

from rules.model import (
    Band,
    BandAtom,
    Caps,
    ClearForAtom,
    Eligibility,
    FactAtom,
    FactDef,
    FailedAtom,
    Incentive,
    Leaf,
    Maintenance,
    Routing,
    Row,
    Score,
    ScoreAtom,
    ScreeningAtom,
    StreakAtom,
    Table,
    Tier,
    Tranche,
    UnknownAtom,
    WarningsAtom,
)
from tests.property.random_books import CODES, MARK, TITLE, criterion, head, leaf, pool, score, some

_GROUPS = (None, None, "g1", "g2")


def eligibility(rng: Random, made: dict[str, FactDef]) -> Eligibility:
    criteria = tuple(criterion(rng, made, f"c{n}") for n in range(rng.randint(1, 5)))
    scores = {name: score(rng, made, name) for name in ("trust", "reach")}
    names = [each.id for each in criteria]
    rows = [_row([_screened_atom(rng, scores, names)], _outcome(rng)) for _ in range(rng.randint(0, 4))]
    return Eligibility(head("e", "eligibility"), criteria, scores, (*rows, Row((), _outcome(rng), MARK)))


def routing(rng: Random, made: dict[str, FactDef], screened: Eligibility) -> Routing:
    names = [each.id for each in screened.criteria]
    rows = []
    for number in range(rng.randint(1, 5)):
        atoms = [_routed_atom(rng, made, screened.scores, names) for _ in range(rng.randint(1, 3))]
        rows.append(_row(atoms, {"queue": f"q{number}"}))
    return Routing(head("q", "routing"), "queue", (*rows, Row((), {"by": "system"}, MARK)))


def maintenance(rng: Random, made: dict[str, FactDef]) -> Maintenance:
    bands = []
    for number in range(rng.randint(1, 4)):
        limit = leaf(rng, made)
        alert = None
        if rng.choice((True, False)):
            other = leaf(rng, {limit.fact: made[limit.fact]})
            alert = Leaf(limit.fact, other.op, other.operand, MARK)
        kept = limit if alert is None or rng.choice((True, False)) else None
        bands.append(Band(f"b{number}", limit.fact, TITLE, alert, kept, rng.choice([None, 1, 30]), MARK))
    names = [None, *(band.id for band in bands)]
    rows = []
    for number in range(rng.randint(1, 5)):
        atom: Any = rng.choice(
            [
                BandAtom(rng.choice(["alert", "limit"]), rng.choice(names)),
                StreakAtom(rng.choice(["at_least", "is", "less_than"]), rng.randint(0, 3), rng.choice(names)),
                ClearForAtom(rng.randint(0, 3)),
                FactAtom(leaf(rng, made)),
            ]
        )
        rows.append(_row([atom], {"outcome": f"o{number}", "cause": "x"}))
    return Maintenance(head("m", "maintenance"), 1, tuple(bands), (*rows, Row((), {"outcome": "keep"}, MARK)))


def incentive(rng: Random, made: dict[str, FactDef]) -> Incentive:
    gates = tuple(criterion(rng, made, f"gate{n}") for n in range(rng.randint(0, 2)))
    ends = some(rng, sorted({value for value in pool(made["base_a"]) if value > 0}), 0)[:3]
    rates = (Fraction(1), Fraction(1, 2), Fraction(1, 3), Fraction(0), Fraction(7, 100))
    tiers = tuple(Tier(end, rng.choice(rates), MARK) for end in [*ends, None])
    curve = ((Fraction(0), Fraction(1, 2)), (Fraction(60), Fraction(1)), (Fraction(100), rng.choice(rates) + 1))
    caps = (None, 0, 1, 20, 500, 10**9)
    category = None
    if rng.choice((True, False)):
        rows = {code: 10 * place for place, code in enumerate(some(rng, CODES, 0))}
        category = Table("choice_a", rows, 40)
    shares = rng.choice([(10**9,), (3 * 10**8, 4 * 10**8, 3 * 10**8), (1, 10**9 - 1)])
    return Incentive(
        head("i", "incentive"),
        {"M": "pool"},
        1,
        gates,
        "base_a",
        tiers,
        "trust",
        curve,
        Caps(rng.choice(caps), rng.choice(caps), category),
        tuple(Tranche(share, place, ("keep",)) for place, share in enumerate(shares)),
        1000,
        rng.choice([None, 0, 10, 10**6]),
        (),
    )


def _outcome(rng: Random) -> dict[str, str]:
    return {"outcome": rng.choice(["eligible", "refer", "ineligible"])}


def _row(atoms: list[Any], then: dict[str, str]) -> Row:
    return Row(tuple(atoms), then, MARK)


def _screened_atom(rng: Random, scores: dict[str, Score], names: list[str]) -> Any:
    narrow = rng.choice(_GROUPS), rng.choice([None, None, *names])
    return rng.choice(
        [
            FailedAtom(rng.choice(["reject", "refer", "note"]), *narrow),
            UnknownAtom(rng.choice((True, False)), *narrow),
            _score_atom(rng, scores),
        ]
    )


def _score_atom(rng: Random, scores: dict[str, Score]) -> ScoreAtom:
    name = rng.choice(list(scores))
    op: Any = rng.choice(["at_least", "at_most", "more_than", "less_than", "between"])
    values = [value * 10 ** scores[name].decimals for value in (-20, 0, 7, 28, 60, 100)]
    operand: Any = rng.choice(values)
    if op == "between":
        operand = tuple(sorted((operand, rng.choice(values))))
    return ScoreAtom(name, op, operand)


def _routed_atom(rng: Random, made: dict[str, FactDef], scores: Any, names: list[str]) -> Any:
    outcomes = some(rng, ["eligible", "refer", "ineligible"])
    return rng.choice(
        [
            ScreeningAtom(tuple(sorted(outcomes))),
            WarningsAtom(rng.choice((True, False))),
            FactAtom(leaf(rng, made)),
            _screened_atom(rng, scores, names),
        ]
    )
