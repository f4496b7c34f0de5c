"""Random changes of random books: what a policy person might do to a file, one or a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any

from rules.model import (
    All,
    AnyOf,
    Book,
    Criterion,
    Derivation,
    Eligibility,
    FactDef,
    Incentive,
    Leaf,
    Not,
    Row,
    Score,
    ScoreAtom,
    Table,
)
from tests.property import random_books, random_kinds

Facts = dict[str, FactDef]


def changed(rng: Random, made: Facts, rulebook: Eligibility) -> tuple[Facts, Eligibility]:
    """Facts and rule book after one to three changes."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        if rng.randint(0, 4) == 0:
            made = change_facts(rng, made)
        else:
            rulebook = rng.choice(CHANGES)(rng, made, rulebook)
    return made, rulebook


# --- the rule book ------------------------------------------------------------------------------------------------


def with_criterion(rng: Random, rulebook: Eligibility, change: Callable[[Criterion], Criterion]) -> Eligibility:
    place = rng.randrange(len(rulebook.criteria))
    criteria = [change(each) if number == place else each for number, each in enumerate(rulebook.criteria)]
    return replace(rulebook, criteria=tuple(criteria))


def change_effect(rng: Random, _made: Facts, rulebook: Eligibility) -> Eligibility:
    effects: Any = ("reject", "refer", "note")
    key = rng.choice(["otherwise", "unknown"])
    return with_criterion(rng, rulebook, lambda each: replace(each, **{key: rng.choice(effects)}))


def change_threshold(rng: Random, made: Facts, rulebook: Eligibility) -> Eligibility:
    return with_criterion(rng, rulebook, lambda each: replace(each, require=shifted(rng, made, each.require)))


def shifted(rng: Random, made: Facts, node: Any) -> Any:
    """The same condition with other operands here and there."""
    if isinstance(node, Not):
        return replace(node, node=shifted(rng, made, node.node))
    if isinstance(node, All | AnyOf):
        return replace(node, nodes=tuple(shifted(rng, made, child) for child in node.nodes))
    if rng.choice((True, False)):
        return node
    if isinstance(node.operand, Table):
        rows = {code: other_operand(rng, made, node, operand) for code, operand in node.operand.rows.items()}
        return replace(node, operand=replace(node.operand, rows=rows))
    return replace(node, operand=other_operand(rng, made, node, node.operand))


def other_operand(rng: Random, made: Facts, leaf: Leaf, operand: Any) -> Any:
    """An operand a little, or entirely, different."""
    fact = made[leaf.fact]
    if isinstance(operand, int) and fact.type != "flag" and leaf.op != "within_days":
        low, high = fact.range or (-(2**53) + 1, 2**53 - 1)
        far = 400 if fact.type == "date" else 10**6
        return max(low, min(high, operand + rng.choice([-1, 1, 10, -far, far])))
    return random_books._operand(rng, fact, leaf.op)


def reorder(rng: Random, _made: Facts, rulebook: Eligibility) -> Eligibility:
    criteria = list(rulebook.criteria)
    rng.shuffle(criteria)
    return replace(rulebook, criteria=tuple(criteria))


def remove(rng: Random, _made: Facts, rulebook: Eligibility) -> Eligibility:
    if len(rulebook.criteria) == 1:
        return rulebook
    gone = rng.choice(rulebook.criteria)
    return replace(rulebook, criteria=tuple(each for each in rulebook.criteria if each is not gone))


def add(rng: Random, made: Facts, rulebook: Eligibility) -> Eligibility:
    name = f"new{len(rulebook.criteria)}"
    return replace(rulebook, criteria=(*rulebook.criteria, random_books.criterion(rng, made, name)))


def double(rng: Random, _made: Facts, rulebook: Eligibility) -> Eligibility:
    """A criterion once more, or one that only demands what another does already: changes nothing."""
    first = rng.choice(rulebook.criteria)
    return replace(rulebook, criteria=(*rulebook.criteria, replace(first, id=f"again{len(rulebook.criteria)}")))


def change_sample(rng: Random, _made: Facts, rulebook: Eligibility) -> Eligibility:
    return with_criterion(rng, rulebook, lambda each: replace(each, min_sample=rng.choice([None, 1, 30, 31])))


def change_when(rng: Random, made: Facts, rulebook: Eligibility) -> Eligibility:
    when = rng.choice([None, random_books.node(rng, made, 1)])
    return with_criterion(rng, rulebook, lambda each: replace(each, when=when))


def turn_round(rng: Random, _made: Facts, rulebook: Eligibility) -> Eligibility:
    """Not not: changes nothing."""
    return with_criterion(
        rng, rulebook, lambda each: replace(each, require=Not(Not(each.require, each.mark), each.mark))
    )


def change_rows(rng: Random, _made: Facts, rulebook: Eligibility) -> Eligibility:
    rows = list(rulebook.outcomes[:-1])
    last = rulebook.outcomes[-1]
    match rng.choice(["shuffle", "drop", "then", "score"]):
        case "shuffle":
            rng.shuffle(rows)
        case "drop" if rows:
            rows.pop(rng.randrange(len(rows)))
        case "then":
            last = replace(last, then=random_kinds._outcome(rng))
        case _:
            rows = [with_other_score(rng, row) for row in rows]
    return replace(rulebook, outcomes=(*rows, last))


def with_other_score(rng: Random, row: Row) -> Row:
    """A row whose score thresholds moved by one step of the score."""
    atoms = [
        replace(atom, operand=atom.operand + rng.choice([-1, 1, 5]))
        if isinstance(atom, ScoreAtom) and isinstance(atom.operand, int)
        else atom
        for atom in row.when
    ]
    return replace(row, when=tuple(atoms))


def change_score(rng: Random, made: Facts, rulebook: Eligibility) -> Eligibility:
    name = rng.choice(list(rulebook.scores))
    own = rulebook.scores[name]
    other: Score = replace(random_books.score(rng, made, name), decimals=own.decimals)
    if rng.choice((True, False)):
        first, second = own.parts
        shift = min(first.weight, second.weight) / 2
        parts = (replace(first, weight=first.weight + shift), replace(second, weight=second.weight - shift))
        other = replace(own, parts=parts)
    return replace(rulebook, scores={**rulebook.scores, name: other})


CHANGES: tuple[Callable[[Random, Facts, Eligibility], Eligibility], ...] = (
    change_effect,
    change_effect,
    change_threshold,
    change_threshold,
    reorder,
    remove,
    add,
    double,
    change_sample,
    change_when,
    turn_round,
    change_rows,
    change_score,
)


# --- the vocabulary -----------------------------------------------------------------------------------------------


def change_facts(rng: Random, made: Facts) -> Facts:
    """The vocabulary with one fact declared otherwise."""
    name = rng.choice([name for name, fact in made.items() if fact.type not in ("flag", "choice", "text")])
    fact = made[name]
    changes: list[Mapping[str, Any]] = [{"max_age_ms": rng.choice([None, 86_400_000, 3_024_000_000])}]
    if fact.derivation is not None:
        changes = [{"range": rng.choice([None, (0, 500), (-100, 10**7)])}, *derivations(rng, fact.derivation)]
    elif fact.range is not None:
        low, high = fact.range
        changes.append({"range": (low, high - rng.randint(0, 1))})
    if fact.type == "score" and fact.derivation is None and fact.range is not None:
        # another scale for the same range
        scale = rng.choice([0, 1])
        low, high = (round(end * 10.0 ** (scale - fact.decimals)) for end in fact.range)
        changes.append({"decimals": scale, "range": (low, high)})
    elif fact.type == "duration":
        changes.append({"unit": rng.choice(["minutes", "hours", "days"])})
    return {**made, name: replace(fact, **rng.choice(changes))}


def derivations(rng: Random, old: Derivation) -> list[Mapping[str, Any]]:
    """Other ways to compute a fact."""
    swapped = replace(old, args=tuple(reversed(old.args)))
    if old.op in ("minimum", "maximum", "sum"):
        other: Any = rng.choice(["minimum", "maximum", "sum"])
        return [{"derivation": replace(old, op=other)}, {"derivation": swapped}]
    return [{"derivation": swapped}] if old.op == "difference" else []


def pair(rng: Random) -> tuple[Book, Book]:
    """A random book with one eligibility rule book `e`, and what became of it."""
    made = random_books.facts(rng)
    old = random_kinds.eligibility(rng, made)
    after, new = changed(rng, made, old)
    return random_books.book(made, eligibility={"e": old}), random_books.book(after, eligibility={"e": new})


# --- bonuses ------------------------------------------------------------------------------------------------------


def paid_pair(rng: Random) -> tuple[Book, Book]:
    """A random book with an incentive rule book `i`, and what became of it."""
    made = random_books.facts(rng)
    screened, paid = random_kinds.eligibility(rng, made), random_kinds.incentive(rng, made)
    after, changed_screened, changed_paid = made, screened, paid
    match rng.choice(["facts", "screened", "paid", "paid", "paid"]):
        case "facts":
            after = change_facts(rng, made)
        case "screened":
            changed_screened = change_score(rng, made, screened)
        case _:
            changed_paid = change_paid(rng, made, paid)
    return (
        random_books.book(made, eligibility={"e": screened}, incentive={"i": paid}),
        random_books.book(after, eligibility={"e": changed_screened}, incentive={"i": changed_paid}),
    )


def change_paid(rng: Random, made: Facts, paid: Incentive) -> Incentive:
    """Other terms of a bonus."""
    other = random_kinds.incentive(rng, made)
    key = rng.choice(["gates", "tiers", "multiplier_curve", "caps", "tranches"])
    if key == "tiers":
        rates = [tier.rate + Fraction(rng.choice([0, 0, 1]), 7) for tier in paid.tiers]
        tiers = tuple(replace(tier, rate=rate) for tier, rate in zip(paid.tiers, rates, strict=True))
        return replace(paid, tiers=rng.choice([tiers, other.tiers]))
    return replace(paid, **{key: getattr(other, key)})
