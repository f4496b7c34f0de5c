"""What a rule book says about one party at one moment: outcome and findings, always both.

Everything in here is codes and numbers, no prose, so that the canonical bytes (RFC 8785) of a decision are the same
whoever evaluates it. Values stand as in ``--json``: money in integer minor units, ratios and scores as decimal
strings (scores with all declared digits), durations in integer milliseconds, dates as ISO text, unknown as null.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from fastbrand.domain.canonical import canonical

Verdict = Literal["pass", "fail", "unknown", "not_applicable"]
Effect = Literal["none", "reject", "refer", "note", "alert", "limit"]  # alert and limit: where a band stands
JsonValue = str | int | bool | list[str] | None


class LeafFinding(NamedTuple):
    """One comparison: what was observed, what was asked for, and the least change that would pass.

    ``distance_to_pass`` is what has to be added to ``observed`` (negative: taken away) in the fact's own notation, days
    for dates; 0 for a pass, None where there is no such number. In a maintenance band it leads out of the band.
    ``why`` says why it is unknown: ``missing``, ``stale``, ``small_sample``, ``sample_unknown``, ``table_key_unknown``,
    ``out_of_range``, ``division_by_zero`` or ``input_unknown`` (a derived fact lacks one of its own).
    """

    fact: str
    op: str
    observed: JsonValue
    threshold: Any
    distance_to_pass: JsonValue
    verdict: Verdict
    why: str | None = None

    def core(self) -> dict[str, Any]:
        """The finding as JSON data."""
        return _core(self)


LeafTold = tuple[str, str, JsonValue, Any, JsonValue, Verdict, str | None]
"""A ``LeafFinding`` as a plain tuple of its fields."""


def _core(told: LeafTold) -> dict[str, Any]:
    fact, op, observed, threshold, distance_to_pass, verdict, why = told
    return {
        "fact": fact,
        "op": op,
        "observed": observed,
        "threshold": list(threshold) if isinstance(threshold, tuple) else threshold,
        "distance_to_pass": distance_to_pass,
        "verdict": verdict,
        "why": why,
    }


@dataclass(slots=True)  # not frozen: a frozen one costs four times as much to make, twenty times a decision
class Finding:
    """One criterion (or gate, or band): its verdict, the effect it has on the outcome, and its leaves in file order.

    A decision tells of dozens of leaves, and most are only stored: they are kept as plain tuples (``told``, and
    ``told_when`` for those that say whether the criterion applies at all), and are findings where somebody reads them.
    """

    criterion: str
    verdict: Verdict
    effect: Effect
    told: tuple[LeafTold, ...] = ()
    told_when: tuple[LeafTold, ...] = ()

    @property
    def leaves(self) -> tuple[LeafFinding, ...]:
        """What its leaves say."""
        return tuple(map(LeafFinding._make, self.told))

    @property
    def when(self) -> tuple[LeafFinding, ...]:
        """What those leaves say that decide whether it applies."""
        return tuple(map(LeafFinding._make, self.told_when))

    def core(self) -> dict[str, Any]:
        """The finding as JSON data."""
        return {
            "criterion": self.criterion,
            "verdict": self.verdict,
            "effect": self.effect,
            "leaves": list(map(_core, self.told)),
            "when": list(map(_core, self.told_when)),
        }


@dataclass(slots=True)  # not frozen: a frozen one costs four times as much to make, twenty times a decision
class ScoreFinding:
    """A score and its parts: ``value`` is None where any part is unknown."""

    score: str
    value: str | None
    parts: tuple[dict[str, Any], ...] = ()


@dataclass(slots=True)  # not frozen, like its findings; nobody changes one
class Decision:
    """One evaluation of one rule book. ``result`` carries what a kind has beyond the outcome:

    routing ``{by, queue, role, sla_ms, sla_business_days, four_eyes, ...}`` as the row's ``then`` says; maintenance
    ``{cause, bands, ...}``; incentive ``{pool, period, amount, uncapped, tranches, next_tier, ...}``.
    """

    rulebook: str
    version: str
    sha256: str
    engine: str
    kind: str
    party: str
    as_of: str
    outcome: str
    reasons: tuple[dict[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    scores: tuple[ScoreFinding, ...] = ()
    steps: tuple[dict[str, Any], ...] = ()
    warnings: tuple[dict[str, Any], ...] = ()
    result: dict[str, Any] = field(default_factory=dict)

    def core(self) -> dict[str, Any]:
        """The decision as JSON data, without its id. Not to be changed: parts of it are the decision's own."""
        return {
            "rulebook": self.rulebook,
            "version": self.version,
            "sha256": self.sha256,
            "engine": self.engine,
            "kind": self.kind,
            "party": self.party,
            "as_of": self.as_of,
            "outcome": self.outcome,
            "reasons": list(self.reasons),
            "findings": [finding.core() for finding in self.findings],
            "scores": [{"score": each.score, "value": each.value, "parts": list(each.parts)} for each in self.scores],
            "steps": list(self.steps),
            "warnings": list(self.warnings),
            "result": self.result,
        }

    def canonical(self) -> bytes:
        """RFC 8785 bytes of ``core()``: what is stored, hashed and compared in replay."""
        return canonical(self.core())

    @property
    def id(self) -> str:
        """``decision_id`` of the canonical bytes: same decision, same id."""
        return decision_id(self.canonical())

    def as_json(self) -> dict[str, Any]:
        """Id and core: what ``rules decide`` prints."""
        return {"id": self.id, **self.core()}


def decision_id(core: bytes) -> str:
    """``d-`` and the first 32 hex digits of the sha256 of a decision's canonical bytes."""
    return "d-" + hashlib.sha256(core).hexdigest()[:32]
