"""What every evaluation of a rule book has in common: who asks, for which moment, and the decision's outer fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from fastbrand.domain.decision import Decision, Finding, ScoreFinding
from fastbrand.domain.errors import InputError
from rules.model import Book, Head
from rules.rete import engine_version
from rules.situation import Facts, Moment

EVALUATOR_VERSION = 1
"""Raised when the same inputs give another decision than before, in whatever detail."""


def engine_name() -> str:
    """What a decision says about who evaluated it: the engine, its version, and the version of this evaluator."""
    return f"durable_rules {engine_version()} / {EVALUATOR_VERSION}"


@dataclass(slots=True)  # not frozen, like its facts
class Asked:
    """One party at one moment."""

    party: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class Frame:
    """The outer fields of the decisions of one rule book."""

    head: Head
    sha256: str
    engine: str
    used: frozenset[str]  # facts that this rule book reads, at any depth: whose warnings are told

    @classmethod
    def of(cls, book: Book, head: Head, used: frozenset[str]) -> Frame:
        """The frame of the rule book with this ``head`` in ``book``."""
        return cls(head, book.sha256, engine_name(), used)

    def warnings(self, facts: Facts) -> tuple[dict[str, Any], ...]:
        """The warnings about facts that this rule book reads."""
        if not facts.warnings:
            return ()
        return tuple([dict(warning) for warning in facts.warnings if warning["fact"] in self.used])

    def decision(
        self,
        asked: Asked,
        outcome: str,
        *,
        reasons: Sequence[dict[str, str]] = (),
        findings: Sequence[Finding] = (),
        scores: Sequence[ScoreFinding] = (),
        steps: Sequence[dict[str, Any]] = (),
        result: dict[str, Any] | None = None,
    ) -> Decision:
        """The decision of this rule book about ``asked``."""
        return Decision(
            self.head.name,
            self.head.version,
            self.sha256,
            self.engine,
            self.head.kind,
            asked.party,
            asked.facts.moment.text,
            outcome,
            tuple(reasons),
            tuple(findings),
            tuple(scores),
            tuple(steps),
            self.warnings(asked.facts),
            {} if result is None else result,
        )


def check_in_force(head: Head, moment: Moment) -> None:
    """Raise ``InputError`` unless ``head`` is in force on the local day of ``moment`` (until is exclusive)."""
    if in_force(head, moment):
        return
    since = f" from {head.effective_from}" if head.effective_from else ""
    until = f" until {head.effective_until}" if head.effective_until else ""
    raise InputError(
        f"`{head.name}` {head.version} is not in force on {date.fromordinal(moment.day)}: it is{since}{until}",
        hint="decide for a moment at which it is, or release a version that is",
        code="not_in_force",
    )


def in_force(head: Head, moment: Moment) -> bool:
    """Whether ``head`` is in force on the local day of ``moment``."""
    begun = head.effective_from is None or head.effective_from.toordinal() <= moment.day
    return begun and (head.effective_until is None or moment.day < head.effective_until.toordinal())
