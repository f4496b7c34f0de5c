"""Criteria, gates and their effects as columns, in strong Kleene logic, which is that of Polars' Booleans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from rules.columnar.leaves import passes
from rules.columnar.situation import Situation
from rules.model import AnyOf, Criterion, Leaf, Node, Not, Otherwise

VERDICTS = pl.Enum(["fail", "pass", "unknown", "not_applicable"])
EFFECTS = pl.Enum(["note", "refer", "reject", "alert", "limit"])
REASON = pl.Struct({"criterion": pl.String(), "verdict": VERDICTS, "effect": EFFECTS})


@dataclass(frozen=True, slots=True)
class Judged:
    """A criterion. ``passed``: true passes, false fails, null is unknown or not applicable; ``exempt``: it is certain
    that it does not apply (None: it always applies)."""

    criterion: Criterion
    passed: pl.Expr
    exempt: pl.Expr | None

    @property
    def failed(self) -> pl.Expr:
        """True where it failed, otherwise false or null."""
        return ~self.passed

    @property
    def unknown(self) -> pl.Expr:
        """Whether it is unknown; never null."""
        missing = self.passed.is_null()
        return missing if self.exempt is None else missing & ~self.exempt.fill_null(False)

    @property
    def met(self) -> pl.Expr:
        """True where it passed or does not apply, otherwise false or null."""
        return self.passed if self.exempt is None else self.passed | self.exempt

    @property
    def verdict(self) -> pl.Expr:
        """Its verdict."""
        known = pl.when(self.passed).then(_verdict("pass")).when(~self.passed).then(_verdict("fail"))
        if self.exempt is not None:
            known = known.when(self.exempt).then(_verdict("not_applicable"))
        return known.otherwise(_verdict("unknown"))

    @property
    def reason(self) -> pl.Expr:
        """Its reason: null where it has no effect."""
        return (
            pl.when(~self.passed)
            .then(reason(self.criterion.id, "fail", self.criterion.otherwise))
            .when(self.unknown)
            .then(reason(self.criterion.id, "unknown", self.criterion.unknown))
        )


def judge(criterion: Criterion, situation: Situation) -> Judged:
    """The criterion's columns."""
    found = _node(criterion.require, situation, criterion.min_sample)
    exempt = None
    if criterion.when is not None:
        when = situation.stages.put(object(), _node(criterion.when, situation, None))
        found, exempt = pl.when(when).then(found), ~when
    return Judged(criterion, situation.stages.put(object(), found), exempt)


def some_failed(judged: Sequence[Judged], effect: Otherwise) -> pl.Expr:
    """Whether some criterion has ``effect`` by a fail, or reject by an unknown; false or null where none has."""
    hits = [one.failed for one in judged if one.criterion.otherwise == effect]
    if effect == "reject":
        hits += [one.unknown for one in judged if one.criterion.unknown == "reject"]
    return any_of(hits)


def some_unknown(judged: Sequence[Judged]) -> pl.Expr:
    """Whether some unknown criterion has the effect refer; never null."""
    return any_of(one.unknown for one in judged if one.criterion.unknown == "refer")


def some_noted(judged: Sequence[Judged]) -> pl.Expr:
    """Whether some criterion has the effect note; false or null where none has."""
    hits = [one.failed for one in judged if one.criterion.otherwise == "note"]
    return any_of([*hits, *(one.unknown for one in judged if one.criterion.unknown == "note")])


def any_of(hits: Iterable[pl.Expr]) -> pl.Expr:
    """Whether any holds; false where there is none."""
    found = list(hits)
    return pl.any_horizontal(found) if found else pl.lit(False)


def reason(criterion: str, verdict: str, effect: str) -> pl.Expr:
    """One reason, as decisions give it."""
    effects = pl.lit(effect, EFFECTS)
    return pl.struct(
        [pl.lit(criterion).alias("criterion"), _verdict(verdict).alias("verdict"), effects.alias("effect")]
    )


def reasons(found: Sequence[pl.Expr]) -> pl.Expr:
    """The list of those reasons that are there, in this order."""
    if not found:
        return pl.lit([], dtype=pl.List(REASON))
    return pl.concat_list([one.cast(REASON) for one in found]).list.drop_nulls()


def _verdict(verdict: str) -> pl.Expr:
    return pl.lit(verdict, VERDICTS)


def _node(node: Node, situation: Situation, min_sample: int | None) -> pl.Expr:
    if isinstance(node, Leaf):
        return passes(node, situation, min_sample)
    if isinstance(node, Not):
        return ~_node(node.node, situation, min_sample)
    children = [_node(child, situation, min_sample) for child in node.nodes]
    if len(children) == 1:
        return children[0]
    return pl.any_horizontal(children) if isinstance(node, AnyOf) else pl.all_horizontal(children)
