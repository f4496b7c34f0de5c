"""Kind ``eligibility``: may this party in? Criteria, scores, and the outcome rows over both."""

from __future__ import annotations

from typing import Any

from rules import schema
from rules.loading.criteria import criteria, declared
from rules.loading.head import head
from rules.loading.reading import Fields, Reader
from rules.loading.rows import collected, failed_atoms, rows, score_atoms, when_fields
from rules.loading.scope import Scope
from rules.loading.scores import score_range, scores
from rules.model import Atom, Eligibility
from rules.words import ELIGIBILITY_OUTCOMES
from rules.yaml_guard import Node, Sequence


def eligibility(reader: Reader, scope: Scope, node: Node) -> Eligibility | None:
    """An eligibility book; its criteria, groups and scores go into ``scope`` for the books that speak of them."""
    fields = reader.fields(node, schema.ELIGIBILITY)
    if fields is None:
        scope.eligibility_whole = False
        return None
    found_head = head(reader, fields)
    criteria_node, outcomes_node = fields.get("criteria"), fields.get("outcomes")
    found_criteria = criteria(reader, scope, criteria_node) if criteria_node else None
    found_scores = scores(reader, scope, fields.get("scores"))
    own = Scope(facts=scope.facts, broken_facts=scope.broken_facts, facts_whole=scope.facts_whole)
    own.eligibility_whole = found_criteria is not None and found_scores is not None
    for ident, group in declared(criteria_node.items if isinstance(criteria_node, Sequence) else []):
        own.criteria.add(ident.text)
        own.groups.add(group or ident.text.partition(".")[0])
    own.scores = {name: score_range(score) for name, score in (found_scores or {}).items()}
    outcomes = None
    if outcomes_node is not None:
        outcomes = rows(
            reader,
            outcomes_node,
            "`outcomes`",
            schema.ELIGIBILITY_ROW,
            lambda when: _when(reader, own, when),
            lambda row: _then(reader, row),
        )
    _share(reader, scope, own, fields)
    if found_head is None or found_criteria is None or found_scores is None or outcomes is None:
        return None
    return Eligibility(found_head, found_criteria, found_scores, outcomes)


def _when(reader: Reader, scope: Scope, node: Node) -> tuple[Atom, ...] | None:
    fields = when_fields(reader, node, schema.ELIGIBILITY_WHEN)
    if fields is None:
        return None
    return collected(failed_atoms(reader, scope, fields), score_atoms(reader, scope, fields))


def _then(reader: Reader, row: Fields) -> dict[str, Any] | None:
    node = row.get("then")
    outcome = reader.word(node, "an outcome", ELIGIBILITY_OUTCOMES) if node else None
    return None if outcome is None else {"outcome": outcome}


def _share(reader: Reader, scope: Scope, own: Scope, fields: Fields) -> None:
    """Let other books see this one's names; a score of the same name has the same decimals in every book."""
    scope.criteria |= own.criteria
    scope.groups |= own.groups
    scope.eligibility_whole = scope.eligibility_whole and own.eligibility_whole
    for name, bounds in own.scores.items():
        known = scope.scores.get(name)
        if known is None:
            scope.scores[name] = bounds
            continue
        if known.decimals != bounds.decimals:
            hint = "give it the same decimals in every book: other books compare it"
            message = f"the score `{name}` has {known.decimals} decimals in another eligibility book"
            reader.wrong(fields.key("scores"), "score_conflict", message, hint)
        known.low, known.high = min(known.low, bounds.low), max(known.high, bounds.high)
