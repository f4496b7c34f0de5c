"""The bonus: that it never falls as trust rises, tiers that nobody reaches, and what is never asked about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from fastbrand.domain.decision import Decision, JsonValue, ScoreFinding
from rules.decimals import scaled_text
from rules.lint.bench import Bench
from rules.lint.goals import Known, Verdict
from rules.lint.screened import score_span
from rules.lint.seeking import Goal, Party, Seeker
from rules.lint.study import Study, warning
from rules.lint.tables import check_default
from rules.mistakes import Mistake
from rules.model import Incentive, Score
from rules.scores import ScoreSeen, curve_at, exact_text

MAX_BASES = 80
"""Most amounts of the base at which a bonus is looked at that could not be proven to rise."""
MAX_SCORES = 60
"""Most scores at which it is."""


def check_bonus(study: Study, bench: Bench, book: Incentive) -> Iterator[Mistake]:
    """The warnings about the amounts of ``book``."""
    if book.caps.category_per_month is not None:
        mark = book.marks.get("caps", book.head.mark)
        yield from check_default(study, mark, "the table of caps", book.caps.category_per_month)
    grants = _Grants(study, bench, book)
    if not grants.scores:
        return  # no score, no grant: the loader's mistake
    yield from _falling(grants)
    yield from _flat(grants)
    yield from _tiers(grants)
    yield from _confirmation(grants)


@dataclass(slots=True)
class _Grants:
    """Grants of one book by base and score, of a party whom nothing else keeps from one."""

    study: Study
    bench: Bench
    book: Incentive

    @property
    def scores(self) -> list[Score]:
        """The scores that the multiplier may take, one a party's eligibility book."""
        parties, name = set(self.book.head.parties), self.book.multiplier_score
        books = [each for each in self.study.eligibility() if parties & set(each.head.parties)]
        return [each.scores[name] for each in books if name in each.scores]

    @property
    def base_span(self) -> tuple[int, int]:
        """What the base can be; nothing is granted for a base that is never known."""
        return self.study.spans.get(self.book.base_fact) or (0, 0)

    def score_span(self) -> tuple[int, int] | None:
        """What the multiplier's score can be over all its books, scaled; None where it is never known."""
        spans = [span for span in (score_span(self.study, score) for score in self.scores) if span is not None]
        return (min(low for low, _ in spans), max(high for _, high in spans)) if spans else None

    def party(self, base: int) -> Party | None:
        """A party with this base whom no gate holds up."""
        table = self.book.caps.category_per_month
        goals: list[Goal] = [Verdict(self.study, gate, "pass") for gate in self.book.gates]
        goals.append(Known(self.study, [] if table is None else [table.by]))
        seeker = Seeker(self.study, self.study.moment(self.book.head), {})
        found = seeker.find(goals)
        if found is None:
            return None
        party = seeker.party({**seeker.given(found), self.book.base_fact: base}, {})
        return party if party.facts[self.book.base_fact] == base and not any(g.distance(party) for g in goals) else None

    def at(self, party: Party, score: int) -> Decision | None:
        """What ``party`` is granted at this score (scaled)."""
        decimals = self.scores[0].decimals
        text = scaled_text(score, decimals)
        seen = ScoreSeen(score, 10**decimals, ScoreFinding(self.book.multiplier_score, text, ()))
        return self.bench.grant(self.book, party, seen)

    def score_text(self, score: int) -> str:
        """A scaled score as it is shown."""
        return scaled_text(score, self.scores[0].decimals)

    def multipliers(self, span: tuple[int, int]) -> list[tuple[int, Fraction]]:
        """Scores within ``span``, its ends and those beside the corners of the curve, each with its multiplier."""
        scale = 10 ** self.scores[0].decimals
        corners = {span[0], span[1]}
        for x, _ in self.book.multiplier_curve:
            corners |= {x.numerator * scale // x.denominator, -(-x.numerator * scale // x.denominator)}
        inside = sorted(score for score in corners if span[0] <= score <= span[1])
        return [(score, curve_at(self.book.multiplier_curve, Fraction(score, scale))) for score in inside]


def _falling(grants: _Grants) -> Iterator[Mistake]:
    """A base and two scores, the higher of which is granted less.

    The multiplier does not fall, no rate and no base is below zero: then base x multiplier does not fall, the floor and
    the least of it and the caps (which no score moves) do not either. Only where that cannot be said is it tried out.
    """
    book, span = grants.book, grants.score_span()
    if span is None:
        return
    multipliers = grants.multipliers(span)
    rises = all(before[1] <= after[1] for before, after in pairwise(multipliers))
    if rises and all(tier.rate >= 0 for tier in book.tiers) and grants.base_span[0] >= 0:
        return
    for base in _bases(grants):
        party = grants.party(base)
        if party is None:
            continue
        seen: tuple[int, int] | None = None
        for score, _ in multipliers[:MAX_SCORES]:
            decision = grants.at(party, score)
            if decision is None:
                continue
            amount = int(decision.result["amount"])
            if seen is not None and amount < seen[1]:
                more: dict[str, JsonValue] = {
                    book.multiplier_score: [grants.score_text(seen[0]), grants.score_text(score)],
                    "amount": [f"{seen[1]:_}", f"{amount:_}"],
                }
                message = f"the bonus falls as `{book.multiplier_score}` rises"
                mark = book.marks.get("multiplier", book.head.mark)
                hint = "let the multiplier rise, and no rate be below zero"
                yield warning(mark, "falling_amount", message, hint, grants.bench.shown(party, **more))
                return
            seen = (score, amount)


def _bases(grants: _Grants) -> Sequence[int]:
    """The ends of tiers, and the range halved again and again: a cap hides on large bases what small ones show."""
    low, high = grants.base_span
    ends = {low, high, *(tier.up_to for tier in grants.book.tiers if tier.up_to is not None)}
    halved = [high >> times for times in range(1, high.bit_length())]
    return list(dict.fromkeys(end for end in [*sorted(ends), *halved] if low <= end <= high))[:MAX_BASES]


def _flat(grants: _Grants) -> Iterator[Mistake]:
    """A multiplier that is the same for every score."""
    book, span = grants.book, grants.score_span()
    if span is None or len({by for _, by in grants.multipliers(span)}) > 1:
        return
    party = grants.party(grants.base_span[1])
    if party is None:
        return
    steps = [_step(grants.at(party, score), "multiply") for score in span]
    if any(step is None or step["by"] != (steps[0] or {})["by"] for step in steps):
        return
    by = exact_text(grants.multipliers(span)[0][1])
    message = f"trust decides nothing about the bonus: its multiplier is {by} for every `{book.multiplier_score}`"
    witness: dict[str, JsonValue] = {
        book.multiplier_score: [grants.score_text(score) for score in span],
        "multiplier": by,
    }
    yield warning(book.marks.get("multiplier", book.head.mark), "flat_curve", message, "mend the curve", witness)


def _step(decision: Decision | None, name: str) -> dict[str, JsonValue] | None:
    return next((step for step in (decision.steps if decision is not None else ()) if step["step"] == name), None)


def _tiers(grants: _Grants) -> Iterator[Mistake]:
    """Tiers that begin at the end of the base's range or above it."""
    book, (_, most) = grants.book, grants.base_span
    beyond = [place for place, tier in enumerate(book.tiers[:-1], 1) if tier.up_to is not None and tier.up_to >= most]
    span = grants.score_span()
    party = grants.party(most) if beyond else None
    decision = None if party is None or span is None else grants.at(party, span[1])
    if party is None or decision is None or not any(step["step"] == "tier" for step in decision.steps):
        return
    if any(step["step"] == "tier" and step["n"] > beyond[0] for step in decision.steps):
        return
    for place in beyond:
        message = f"no base gets to tier {place + 1}: `{book.base_fact}` is at most {_literal(grants, most)}"
        hint = "take the tier away, or mend the range in facts.yaml"
        witness = grants.bench.shown(party)
        yield warning(book.tiers[place].mark, "unreachable_tier", message, hint, witness)


def _confirmation(grants: _Grants) -> Iterator[Mistake]:
    """``confirm_above`` that is not below the greatest grant."""
    book, span = grants.book, grants.score_span()
    if book.confirm_above is None or span is None:
        return
    most = _greatest(grants, span)
    party = grants.party(grants.base_span[1]) if most <= book.confirm_above else None
    decision = None if party is None else grants.at(party, span[1])
    if party is None or decision is None or decision.result["confirm"]:
        return
    message = f"no grant is ever confirmed: none can be above {most:_}"
    hint = "lower `confirm_above`, or take it away"
    more: dict[str, JsonValue] = {book.multiplier_score: grants.score_text(span[1])}
    witness = grants.bench.shown(party, **more, amount=int(decision.result["amount"]))
    yield warning(book.marks.get("confirm_above", book.head.mark), "never_confirmed", message, hint, witness)


def _greatest(grants: _Grants, span: tuple[int, int]) -> int:
    """What no grant exceeds: the greatest base at the greatest multiplier, or a cap that comes before it."""
    book, (_, most) = grants.book, grants.base_span
    base = grants.study.facts[book.base_fact]
    unit = 10**base.decimals if base.type == "money" else 1
    total, below = Fraction(0), 0
    for tier in book.tiers:
        top = most if tier.up_to is None else min(most, tier.up_to)
        total += Fraction(max(0, top - below), unit) * max(Fraction(0), tier.rate)
        below = max(below, top)
    amount = total * max(by for _, by in grants.multipliers(span))
    by_category = book.caps.category_per_month
    caps = [cap for cap in (book.caps.single_grant, book.caps.party_per_year) if cap is not None]
    if by_category is not None:
        caps.append(max([*by_category.rows.values(), *([] if by_category.default is None else [by_category.default])]))
    return min([amount.numerator // amount.denominator, *caps])


def _literal(grants: _Grants, value: int) -> str:
    return str(grants.study.literal(grants.book.base_fact, value))
