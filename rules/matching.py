"""Which provider for whom: who may serve, who meets every requirement, and who of these is preferred.

Every comparison of a provider is the network's; which gaps it covers, curves and sums are exact arithmetic. A score is
floored once to one decimal, and that shown value ranks; of equal ones the lesser provider id comes first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from fastbrand.domain.decision import Decision, LeafFinding
from fastbrand.domain.errors import InputError
from fastbrand.domain.provider import SCORE_DECIMALS, SCORE_MAX
from rules.comparisons import PASS
from rules.decimals import scaled_text
from rules.frame import Asked, Frame
from rules.leaves import LeafPlan, plan_leaf, shower
from rules.model import Book, Covers, FactDef, Leaf, Matching, Preference, ProviderCurve, Requirement, Same
from rules.network import VERDICTS, NetworkBuilder
from rules.providers import candidate_facts, common_leaf, provider_facts
from rules.records import Candidate, Context
from rules.scores import curve_at, exact_text
from rules.situation import Facts, facts_behind
from rules.words import CAPABILITIES, GAPS, SHARED

NOBODY_SERVES = "nobody_serves"
"""Reason for no offer: the register has no provider for such a party."""
NOBODY_FITS = "nobody_fits"
"""Reason for no offer: no provider meets every requirement."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One candidate before the network: its facts, and the answers about them."""

    candidate: Candidate
    facts: Facts
    answers: Sequence[int]


Share = tuple[Fraction, dict[str, Any]]
"""How much of a preference's weight a candidate gets (0 to 1), and what that rests on, as decisions tell it."""

Weigh = Callable[[_Seen, Sequence[str] | None], Share]
"""From a candidate and the party's gaps (None: not known) to its share."""


@dataclass(frozen=True, slots=True)
class _Fit:
    """A candidate that meets every requirement, with its score in tenths."""

    seen: _Seen
    score: int
    parts: tuple[dict[str, Any], ...]

    @property
    def place(self) -> tuple[int, str]:
        """What it is ranked by."""
        return -self.score, self.seen.candidate.provider


class MatchingPlan:
    """A matching rule book, compiled."""

    def __init__(self, rulebook: Matching, book: Book) -> None:
        self.rulebook = rulebook
        self._vocabulary = provider_facts(book.facts)
        builder = NetworkBuilder()
        self._require = tuple(_plan_leaf(each, book.facts, self._vocabulary, builder) for each in rulebook.require)
        self._prefer = tuple(_plan_preference(each, book.facts, self._vocabulary, builder) for each in rulebook.prefer)
        self._network = builder.build()
        self.frame = Frame.of(book, rulebook.head, facts_behind(book.facts, facts_shared(rulebook)))

    def decide(self, asked: Asked, context: Context) -> Decision:
        """The decision about one party or talent: ``context`` has its kind (``track``), its gaps and the register.

        Raises ``InputError`` where a provider stands twice in the register, ``EngineFault``.
        """
        _check_once(context.candidates)
        fits, left_out = self._sorted(asked, context)
        first = fits[: self.rulebook.offers]
        considered = len(fits) + len(left_out)
        reasons = [] if fits else [_reason(NOBODY_FITS if considered else NOBODY_SERVES)]
        return self.frame.decision(
            asked,
            "offers" if fits else "no_offer",
            reasons=reasons,
            steps=[self._step(number, fit) for number, fit in enumerate(first, 1)],
            result={
                "served": context.track,
                "gaps": None if context.gaps is None else list(context.gaps),
                "considered": considered,
                "offers": [
                    {
                        "rank": number,
                        "provider": fit.seen.candidate.provider,
                        "type": fit.seen.candidate.type,
                        "score": scaled_text(fit.score, SCORE_DECIMALS),
                    }
                    for number, fit in enumerate(first, 1)
                ],
                "behind": [
                    {"provider": fit.seen.candidate.provider, "score": scaled_text(fit.score, SCORE_DECIMALS)}
                    for fit in fits[self.rulebook.offers :]
                ],
                "left_out": left_out,
            },
        )

    def _sorted(self, asked: Asked, context: Context) -> tuple[list[_Fit], list[dict[str, Any]]]:
        """Who meets every requirement, best first, and of the others the first requirement that each does not."""
        fits: list[_Fit] = []
        left_out: list[dict[str, Any]] = []
        for candidate in sorted(context.candidates, key=lambda each: each.provider):
            if context.track not in self.rulebook.serves.get(candidate.type, ()):
                continue
            facts = candidate_facts(candidate, asked.facts, self._vocabulary)
            seen = _Seen(candidate, facts, self._network.ask(facts))
            lacking = next((n for n, each in enumerate(self._require) if each.answer(seen.answers) != PASS), None)
            if lacking is None:
                fits.append(self._weighed(seen, context.gaps))
            else:
                verdict = VERDICTS[self._require[lacking].answer(seen.answers)]
                left_out.append({"provider": candidate.provider, "requirement": lacking + 1, "verdict": verdict})
        return sorted(fits, key=lambda fit: fit.place), left_out

    def _weighed(self, seen: _Seen, gaps: Sequence[str] | None) -> _Fit:
        total = Fraction(0)
        parts = []
        for number, (preference, weigh) in enumerate(zip(self.rulebook.prefer, self._prefer, strict=True), 1):
            share, told = weigh(seen, gaps)
            points = preference.weight * share
            total += points
            parts.append({"n": number, "weight": exact_text(preference.weight), "points": exact_text(points), **told})
        scaled = total * 10**SCORE_DECIMALS
        return _Fit(seen, scaled.numerator // scaled.denominator, tuple(parts))

    def _step(self, number: int, fit: _Fit) -> dict[str, Any]:
        """One offer: what was asked of the provider, and what its score is made of."""
        seen = fit.seen
        return {
            "step": "offer",
            "rank": number,
            "provider": seen.candidate.provider,
            "require": [LeafFinding(*plan.told(seen.facts, seen.answers)).core() for plan in self._require],
            "prefer": list(fit.parts),
        }


def facts_shared(rulebook: Matching) -> set[str]:
    """The facts of the party that ``rulebook`` reads."""
    whats = [*rulebook.require, *(each.what for each in rulebook.prefer)]
    return {each.fact for each in whats if isinstance(each, Same) and each.fact in SHARED}


def _reason(code: str) -> dict[str, str]:
    return {"criterion": code, "verdict": "fail", "effect": "refer"}


def _check_once(candidates: Sequence[Candidate]) -> None:
    twice = [name for name, count in Counter(each.provider for each in candidates).items() if count > 1]
    if twice:
        raise InputError(f"provider `{twice[0]}` stands twice in the register", hint="give each provider once")


# --- requirements and preferences ---------------------------------------------------------------------------------


def _plan_leaf(
    what: Requirement, facts: Mapping[str, FactDef], vocabulary: Mapping[str, FactDef], builder: NetworkBuilder
) -> LeafPlan:
    leaf: Leaf = common_leaf(what, facts) if isinstance(what, Same) else what
    return plan_leaf(leaf, vocabulary, builder)


def _plan_preference(
    preference: Preference, facts: Mapping[str, FactDef], vocabulary: Mapping[str, FactDef], builder: NetworkBuilder
) -> Weigh:
    what = preference.what
    if isinstance(what, Covers):
        return _covers
    if isinstance(what, ProviderCurve):
        return _on_curve(what, vocabulary[what.attribute])
    plan = _plan_leaf(what, facts, vocabulary, builder)

    def holds(seen: _Seen, _gaps: Sequence[str] | None) -> Share:
        met = plan.answer(seen.answers) == PASS
        return Fraction(int(met)), {"leaf": LeafFinding(*plan.told(seen.facts, seen.answers)).core()}

    return holds


def _covers(seen: _Seen, gaps: Sequence[str] | None) -> Share:
    """The mean of the provider's scores for the capabilities that the party lacks; one not known counts as 0.

    Gaps that are not known give nobody points; where there are none, there is nothing that is not covered.
    """
    if gaps is None:
        return Fraction(0), {"covers": GAPS, "gaps": None}
    scores = {name: seen.candidate.capabilities.get(name) for name in CAPABILITIES if name in gaps}
    told = {name: None if score is None else scaled_text(score, SCORE_DECIMALS) for name, score in scores.items()}
    if not scores:
        return Fraction(1), {"covers": GAPS, "gaps": told}
    return Fraction(sum(score or 0 for score in scores.values()), SCORE_MAX * len(scores)), {
        "covers": GAPS,
        "gaps": told,
    }


def _on_curve(what: ProviderCurve, fact: FactDef) -> Weigh:
    show, scale = shower(fact), 10**fact.decimals

    def weigh(seen: _Seen, _gaps: Sequence[str] | None) -> Share:
        value = seen.facts.values[what.attribute]
        told = {"attribute": what.attribute, "observed": None if value is None else show(value)}
        if value is None:
            return Fraction(0), told
        return curve_at(what.curve, Fraction(value, scale)) / 100, told

    return weigh


# --- gaps ---------------------------------------------------------------------------------------------------------


def capability_gaps(book: Book, core: Mapping[str, Any]) -> tuple[str, ...]:
    """The capabilities in which a party was not found whole, from its eligibility decision's core.

    A capability is a group of criteria; it is a gap where one of them failed or is unknown. One that did not apply says
    nothing. Criteria that ``book`` no longer has belong to the group that their id begins with.
    """
    rulebook = book.eligibility.get(str(core["rulebook"]))
    groups = {} if rulebook is None else {criterion.id: criterion.group for criterion in rulebook.criteria}
    lacking = {
        groups.get(finding["criterion"], str(finding["criterion"]).partition(".")[0])
        for finding in core["findings"]
        if finding["verdict"] in ("fail", "unknown")
    }
    return tuple(name for name in CAPABILITIES if name in lacking)
