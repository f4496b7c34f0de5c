"""The programme board: how far the programme is, against its targets, from the record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from fastbrand.domain.grant import GrantState
from fastbrand.domain.lifecycle import ENDED, KEPT, NEWCOMERS, STANDING, Stage, Track
from fastbrand.service import audiences, pools
from fastbrand.service.facts import live_book
from fastbrand.service.office import Office
from fastbrand.service.views import moment
from fastbrand.store import audiences as audience_rows
from fastbrand.store import cases, facts, grants, parties, providers
from fastbrand.store.cases import CaseKind, CaseRow
from fastbrand.store.facts import FactRow
from fastbrand.store.parties import PartyRow
from rules.model import Book
from rules.values import parse_fact

REACHED = "users_reached_90d"
YEAR = "gmv_365d"
"""Facts that the board reads: users a party reached (its own count), and its sales here in a year."""

_Known = Mapping[str, Mapping[str, FactRow]]


def board(office: Office) -> dict[str, Any]:
    """How the programme stands: ``at, version, funnel{track: {…}}, stages{track: {stage: n}}, targets[], baseline{},
    pools[], grants{}, cases{}, appeals{}``."""
    book, now = live_book(office), office.now()
    with office.db.read() as conn:
        everybody = parties.list_parties(conn)
        held = grants.of_parties(conn, [each.party_id for each in everybody])
        all_cases = cases.list_cases(conn)
        kept = [each for each in everybody if each.stage in KEPT]
        known = facts.latest_many(conn, [each.party_id for each in kept], now)
        targets = _targets(conn, book, kept, known)
        registered = {str(kind): seen.active for kind, seen in providers.counts(conn).items()}
    return {
        "at": moment(now),
        "version": book.programme.version,
        "funnel": {str(track): _funnel([each for each in everybody if each.track is track], held) for track in Track},
        "stages": _stages(everybody),
        "targets": targets,
        "baseline": _baseline(book, targets, registered, _sales_of(book, kept, known)),
        "pools": pools.status(office),
        "grants": _grants(held),
        "cases": _cases(all_cases, now),
        "appeals": _appeals(all_cases),
    }


def _funnel(mine: Sequence[PartyRow], held: Sequence[grants.GrantRow]) -> dict[str, int]:
    granted = {each.party_id for each in held if each.amount > 0 and each.state not in {"waiting", "none", "lapsed"}}
    return {
        "known": len(mine),
        "newcomers": sum(1 for each in mine if each.stage in NEWCOMERS),
        "applied": sum(1 for each in mine if each.application_no),
        "screened": sum(1 for each in mine if each.screening),
        "in_vetting": sum(1 for each in mine if each.stage in {Stage.VETTING, Stage.INFO_REQUESTED}),
        "standing": sum(1 for each in mine if each.stage in STANDING),
        "slipping": sum(1 for each in mine if each.stage in KEPT - STANDING),
        "ended": sum(1 for each in mine if each.stage in ENDED),
        "granted": sum(1 for each in mine if each.party_id in granted),
    }


def _stages(everybody: Sequence[PartyRow]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {str(track): Counter() for track in Track}
    for each in everybody:
        found[str(each.track)][str(each.stage)] += 1
    return {track: dict(sorted(stages.items())) for track, stages in found.items()}


# --- targets --------------------------------------------------------------------------------------------------------


def _targets(conn: Connection, book: Book, kept: Sequence[PartyRow], known: _Known) -> list[dict[str, Any]]:
    """Every target of the programme, with what is reached of it; null where this board cannot count it."""
    fast = [each for each in kept if each.track is Track.M]
    sales = _sales_of(book, kept, known)
    counted: dict[str, dict[str, Any]] = {
        "benchmark_fast_brands": {"actual": sum(1 for each in fast if each.stage is Stage.BENCHMARK)},
        "users_covered": _users(conn, book, fast, known),
        "brands_over_100m": _over(book, sales, 100_000_000),
        "brand_gmv": {"actual": sum(each for each in sales if each is not None), "unknown": sales.count(None)},
    }
    told = []
    for name, target in book.programme.targets.items():
        amount, currency = _amount(target)
        found = counted.get(name, {"actual": None})
        share = None if not amount or found["actual"] is None else f"{found['actual'] / amount:.4f}"
        told.append(
            {"name": name, "target": amount, **({"currency": currency} if currency else {}), **found, "share": share}
        )
    return told


def _amount(target: Any) -> tuple[int, str | None]:
    """A goal of the programme file: a number, or an amount in minor units with its currency."""
    if isinstance(target, Mapping):
        return int(target["amount"]), str(target["currency"])
    return int(target), None


def _sales_of(book: Book, kept: Sequence[PartyRow], known: _Known) -> list[int | None]:
    """Each brand's sales here in a year, in minor units; None where that is not known."""
    return [_number(book, YEAR, known[each.party_id].get(YEAR)) for each in kept if each.track is Track.S]


def _over(book: Book, sales: Sequence[int | None], major: int) -> dict[str, Any]:
    limit = major * 10**book.programme.currency_decimals
    return {"actual": sum(1 for each in sales if each is not None and each > limit), "unknown": sales.count(None)}


def _users(conn: Connection, book: Book, fast: Sequence[PartyRow], known: _Known) -> dict[str, Any]:
    """Users that fast brands cover: each once where ids or sketches were given; else at most so many."""
    sketched = {each.party_id: each.sketch for each in audience_rows.newest(conn, [each.party_id for each in fast])}
    others = [each for each in fast if each.party_id not in sketched]
    own = [_number(book, REACHED, known[each.party_id].get(REACHED)) for each in others]
    most = sum(each for each in own if each is not None)
    once = audiences.count(sketched.values())
    how = (
        "deduplicated"
        if sketched and not others
        else "upper_bound"
        if not sketched
        else "part_deduplicated_upper_bound"
    )
    return {
        "actual": once.estimate + most,
        "how": how,
        "between": [once.low + most, once.high + most],
        "with_ids": len(sketched),
        "without_ids": len(others) - own.count(None),
        "unknown": own.count(None),
    }


def _number(book: Book, name: str, row: FactRow | None) -> int | None:
    fact = book.facts.get(name)
    value = None if fact is None or row is None or row.text is None else parse_fact(fact, row.text)
    return value if isinstance(value, int) else None


def _baseline(
    book: Book, targets: Sequence[dict[str, Any]], registered: Mapping[str, int], sales: Sequence[int | None]
) -> dict[str, Any]:
    """What the programme began with, beside what there is now (null: not counted here). Bands of sales are disjoint."""
    now = {each["name"]: each["actual"] for each in targets}
    fifty = _over(book, sales, 50_000_000)["actual"] - _over(book, sales, 100_000_000)["actual"]
    now |= {"brands_over_50m": fifty, "brands_introduced": len(sales)}
    told: dict[str, Any] = {}
    for name, was in book.programme.baseline.items():
        if isinstance(was, Mapping) and "amount" not in was:
            seen = registered if name == "providers" else {}
            told[name] = {key: {"baseline": number, "now": seen.get(key)} for key, number in was.items()}
        else:
            told[name] = {"baseline": was, "now": now.get(name)}
    return told


# --- money, people --------------------------------------------------------------------------------------------------


def _grants(held: Sequence[grants.GrantRow]) -> dict[str, Any]:
    given = [each for each in held if each.amount > 0 and each.state not in {GrantState.NONE, GrantState.LAPSED}]
    return {
        "count": len(given),
        "amount": sum(each.amount for each in given),
        "states": dict(sorted(Counter(str(each.state) for each in held).items())),
    }


def _cases(rows: Sequence[CaseRow], now: datetime) -> dict[str, Any]:
    """How people do: SLA of what is closed, what is overdue, how often the rules were overruled."""
    ended = [each for each in rows if each.closed_at is not None]
    timed = [each for each in ended if each.due_at is not None]
    decided = [each for each in ended if each.kind is CaseKind.VETTING and each.proposal is not None]
    decided = [each for each in decided if each.outcome in {"approve", "reject"}]  # what people said took effect
    overruled = [each for each in decided if each.overridden]
    waiting = [each for each in rows if each.state not in cases.ENDED]
    in_time = sum(1 for each in timed if not each.sla_breached)
    return {
        "open": len(waiting),
        "overdue": sum(1 for each in waiting if _late(each, now)),
        "stopped": sum(1 for each in waiting if each.paused_at is not None),
        "escalated": sum(1 for each in waiting if each.escalated_at is not None),
        "closed": len(ended),
        "timed": len(timed),
        "in_time": in_time,
        "sla_hit_rate": _rate(in_time, len(timed)),
        "decided_by_people": len(decided),
        "overrides": len(overruled),
        "waivers": sum(1 for each in decided if each.proposal is not None and each.proposal.get("waived")),
        "override_rate": _rate(len(overruled), len(decided)),
    }


def _late(case: CaseRow, now: datetime) -> bool:
    """Late by now, on a clock that runs: one that stands still waits for the merchant."""
    return case.due_at is not None and case.due_at < now and case.paused_at is None


def _appeals(rows: Sequence[CaseRow]) -> dict[str, Any]:
    """How often a decision that was appealed against turned out wrong."""
    appeals = [each for each in rows if each.kind is CaseKind.APPEAL]
    won = sum(1 for each in appeals if each.outcome == "approve")
    lost = sum(1 for each in appeals if each.outcome == "reject")
    return {"made": len(appeals), "upheld": won, "dismissed": lost, "upheld_rate": _rate(won, won + lost)}


def _rate(part: int, whole: int) -> str | None:
    """A decimal with four digits; None of nothing."""
    return f"{part / whole:.4f}" if whole else None
