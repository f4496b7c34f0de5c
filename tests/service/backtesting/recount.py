"""A backtest counted a second time, party by party, by the engine that decides about one: slow, and nothing shared
with the run over columns but the books."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from rules.evaluate import CompiledBook
from rules.model import Book
from rules.records import Context, Record

OUTCOMES = ("eligible", "refer", "ineligible")
TRACK = "M"


@dataclass(slots=True)
class Side:
    """What one book says about everybody."""

    outcome: dict[str, str] = field(default_factory=dict)
    sent: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    scores: dict[str, list[Decimal | None]] = field(default_factory=lambda: defaultdict(list))
    grants: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    tiers: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    amount: dict[str, int] = field(default_factory=dict)
    referred: int = 0
    capped: Counter[str] = field(default_factory=Counter)


def counted(book: Book, records: Iterable[Record], at: datetime) -> Side:
    """Decide about each record at ``at``."""
    compiled, side = CompiledBook(book), Side()
    paying = next(each for each in book.incentive.values() if TRACK in each.head.parties)
    for record in records:
        asked = compiled.ask(record, compiled.moment(at))
        screened = compiled.screen(asked, TRACK)
        bonus = compiled.decide(paying.head.name, asked, Context(track=TRACK, period=f"{at:%Y-%m}"))
        outcome = side.outcome[record.party] = screened.eligibility.outcome
        by_system = screened.queue.result.get("by") == "system"
        on_track = screened.track is None or screened.track.outcome == TRACK
        if by_system and outcome == "eligible" and on_track:
            side.sent["approved"] += 1
        elif by_system and outcome == "ineligible":
            side.sent["refused"] += 1
        else:
            side.sent["vetting" if by_system else screened.queue.result["queue"]] += 1
        for finding in screened.eligibility.findings:
            side.verdicts[finding.criterion, finding.verdict] += 1
        for score in screened.eligibility.scores:
            side.scores[score.score].append(None if score.value is None else Decimal(score.value))
        amount = side.amount[record.party] = bonus.result["amount"]
        if amount and outcome == "refer":
            side.referred += amount
        if amount and outcome == "eligible":
            side.grants[record.facts["category"].text or ""].append(amount)
            side.tiers[sum(step["step"] == "tier" for step in bonus.steps)].append(amount)
            side.capped.update(step["by"] for step in bonus.steps if step["step"] == "cap")
    return side


def matrix(live: Side, candidate: Side) -> dict[str, dict[str, int]]:
    """Live outcome -> candidate outcome -> records."""
    pairs = Counter((old, candidate.outcome[party]) for party, old in live.outcome.items())
    return {old: {new: pairs[old, new] for new in OUTCOMES} for old in OUTCOMES}


def reasons(side: Side, criterion: str) -> dict[str, int]:
    """How often a criterion failed and was unknown."""
    return {"failed": side.verdicts[criterion, "fail"], "unknown": side.verdicts[criterion, "unknown"]}


def by_category(side: Side, cap: int) -> dict[str, dict[str, int]]:
    """Category -> grants and their sum, which a cap a month cuts."""
    return {
        category: {"grants": len(amounts), "amount": min(cap, sum(amounts))}
        for category, amounts in side.grants.items()
    }


def histogram(values: list[Decimal | None], told: Mapping[str, Any], buckets: int) -> list[int]:
    """The values in the buckets that a result names."""
    low, width = Decimal(told["from"]), Decimal(told["width"])
    counts = [0] * buckets
    for value in values:
        if value is not None:
            counts[min(buckets - 1, int((value - low) // width))] += 1
    return counts
