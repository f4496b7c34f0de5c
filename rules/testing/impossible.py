"""Expectations that cannot hold, whatever the party: no row says so, or one contradicts another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rules.durations import duration_text
from rules.loading.reading import Reader
from rules.model import Eligibility, Incentive, Maintenance, Mark, Matching, Routing, RuleBook
from rules.testing.cases import Expectation, sort_of
from rules.testing.shape import GRANT_OUTCOMES
from rules.words import MATCHING_OUTCOMES
from rules.yaml_guard import Node

_SAID = ("by", "queue", "role", "sla", "four_eyes", "track", "endorsement", "cause")
"""Keys that are what the row says."""


def check_possible(reader: Reader, rulebook: RuleBook, expected: Sequence[Expectation], node: Node) -> None:
    """Report every expectation that cannot hold. ``node`` is the whole ``expect``."""
    wanted = {(each.key, each.name): each for each in expected}
    if isinstance(rulebook, Incentive):
        _grant(reader, rulebook, wanted)
    elif isinstance(rulebook, Matching):
        _offers(reader, rulebook, wanted)
    else:
        _rows(reader, rulebook, wanted, node)
    _findings(reader, rulebook, expected)


def says(rulebook: RuleBook) -> list[dict[str, Any]]:
    """What each row of a rule book says: its ``then``, with the outcome of the decision."""
    if isinstance(rulebook, Routing):
        sort = sort_of(rulebook)
        return [{**row.then, "outcome": row.then.get(sort) or row.then.get("by")} for row in rulebook.rows]
    if isinstance(rulebook, Incentive):
        return [{"outcome": outcome} for outcome in GRANT_OUTCOMES]
    if isinstance(rulebook, Matching):
        return [{"outcome": outcome} for outcome in MATCHING_OUTCOMES]
    return [dict(row.then) for row in rulebook.outcomes]


def value_text(value: Any) -> str:
    """A value of an expectation or a decision as a case writes it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        ((unit, count),) = value.items()
        if unit == "ms":
            return duration_text(count)
        return f"{count} {unit.replace('_', ' ')}"
    if isinstance(value, int):
        return f"{value:_}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    return str(value)


def _rows(reader: Reader, rulebook: RuleBook, wanted: Mapping[tuple[str, str], Expectation], node: Node) -> None:
    """Some row must say all that is expected of it."""
    asked = [wanted[key, ""] for key in ("outcome", *_SAID) if (key, "") in wanted]
    rows = says(rulebook)
    for each in asked:
        if not any(row.get(each.key) == each.wanted for row in rows):
            there = dict.fromkeys(value_text(row.get(each.key)) for row in rows if row.get(each.key) is not None)
            message = f"no row of `{rulebook.head.name}` says `{each.key}: {value_text(each.wanted)}`"
            hint = f"its rows say {', '.join(f'`{value}`' for value in there)}" if there else "no row says that at all"
            _wrong(reader, each.mark, message, hint)
            return
    if asked and not any(all(row.get(each.key) == each.wanted for each in asked) for row in rows):
        told = ", ".join(f"`{each.key}: {value_text(each.wanted)}`" for each in asked)
        message = f"no row of `{rulebook.head.name}` says {told} together"
        _wrong(reader, reader.mark(node), message, "one row decides: expect what that row says")


def _findings(reader: Reader, rulebook: RuleBook, expected: Sequence[Expectation]) -> None:
    """Verdicts that are not there to have, and reasons that say otherwise."""
    applies = set()
    if isinstance(rulebook, Eligibility):
        applies = {criterion.id for criterion in rulebook.criteria if criterion.when is None}
    elif isinstance(rulebook, Incentive):
        applies = {gate.id for gate in rulebook.gates if gate.when is None}
    elif isinstance(rulebook, Maintenance):
        applies = {band.id for band in rulebook.bands}
    exact = next((each.wanted for each in expected if each.key == "reasons"), None)
    least = next((each.wanted for each in expected if each.key == "includes"), ())
    for each in expected:
        if each.key != "verdicts":
            continue
        met = each.wanted in ("pass", "not_applicable")
        if each.wanted == "not_applicable" and each.name in applies:
            message = f"`{each.name}` always applies: it has no `when`"
            _wrong(reader, each.mark, message, "expect `pass`, `fail` or `unknown`")
        elif met and each.name in (*least, *(exact or ())):
            message = f"`{each.name}` cannot be `{each.wanted}` and a reason"
            _wrong(reader, each.mark, message, "a reason fails or is unknown: mend one of both")
        elif not met and exact is not None and each.name not in exact:
            message = f"`{each.name}` cannot be `{each.wanted}` and no reason"
            _wrong(reader, each.mark, message, "add it to `reasons`, or write `reasons: {includes: [...]}`")


def _grant(reader: Reader, rulebook: Incentive, wanted: Mapping[tuple[str, str], Expectation]) -> None:
    outcome, bonus = wanted.get(("outcome", "")), wanted.get(("bonus", ""))
    if outcome is not None and outcome.wanted not in GRANT_OUTCOMES:
        message = f"`{outcome.wanted}` is not an outcome of a bonus"
        _wrong(reader, outcome.mark, message, "expect `grant` or `no_grant`")
        return
    granted = None if outcome is None else outcome.wanted == "grant"
    if bonus is not None and granted is not None and granted != (bonus.wanted > 0):
        message = f"the outcome is `{outcome.wanted if outcome else ''}`, and a bonus of {bonus.wanted:_} is expected"
        _wrong(reader, bonus.mark, message, "a grant is above 0: mend one of both")
    most = rulebook.caps.single_grant
    if bonus is not None and most is not None and bonus.wanted > most:
        message = f"no grant is above {most:_}: that is the cap of a single grant"
        _wrong(reader, bonus.mark, message, f"expect at most {most:_}")
    _parts(reader, rulebook, wanted)
    reasons = wanted.get(("reasons", "")) or wanted.get(("includes", ""))
    if reasons is not None and reasons.wanted and (granted or (bonus is not None and bonus.wanted > 0)):
        message = "a grant has no reasons: they say why there is none"
        _wrong(reader, reasons.mark, message, "expect `no_grant`, or take the reasons away")


def _parts(reader: Reader, rulebook: Incentive, wanted: Mapping[tuple[str, str], Expectation]) -> None:
    """The cap, the pool and the tranches of a grant."""
    bonus, tranches = wanted.get(("bonus", "")), wanted.get(("tranches", ""))
    cap, pool = wanted.get(("capped_by", "")), wanted.get(("pool", ""))
    if cap is not None and cap.wanted is not None and getattr(rulebook.caps, cap.wanted) is None:
        message = f"`{rulebook.head.name}` has no cap `{cap.wanted}`"
        _wrong(reader, cap.mark, message, "expect one of its `caps`, or `none`")
    if pool is not None and pool.wanted not in rulebook.pool.values():
        there = ", ".join(f"`{name}`" for name in rulebook.pool.values())
        message = f"`{rulebook.head.name}` never pays from the pool `{pool.wanted}`"
        _wrong(reader, pool.mark, message, f"it pays from {there}")
    if tranches is None:
        return
    if tranches.wanted and len(tranches.wanted) != len(rulebook.tranches):
        message = f"a grant has {len(rulebook.tranches)} tranches, not {len(tranches.wanted)}"
        _wrong(reader, tranches.mark, message, "write the amount of each, or `[]` for no grant")
    elif bonus is not None and sum(tranches.wanted) != bonus.wanted:
        message = f"the tranches sum to {sum(tranches.wanted):_}, and the bonus is {bonus.wanted:_}"
        _wrong(reader, tranches.mark, message, "they sum to the grant: mend one of both")


def _offers(reader: Reader, rulebook: Matching, wanted: Mapping[tuple[str, str], Expectation]) -> None:
    """Who is proposed, against the outcome and how many there can be."""
    outcome, offers = wanted.get(("outcome", "")), wanted.get(("offers", ""))
    if outcome is not None and outcome.wanted not in MATCHING_OUTCOMES:
        message = f"`{outcome.wanted}` is not an outcome of a matching"
        _wrong(reader, outcome.mark, message, "expect `offers` or `no_offer`")
        return
    if offers is None:
        return
    if outcome is not None and (outcome.wanted == "offers") != bool(offers.wanted):
        count = len(offers.wanted)
        message = (
            f"the outcome is `{outcome.wanted}`, and {count} {'offer is' if count == 1 else 'offers are'} expected"
        )
        _wrong(reader, offers.mark, message, "mend one of both")
    if len(offers.wanted) > rulebook.offers:
        message = f"`{rulebook.head.name}` proposes at most {rulebook.offers}, not {len(offers.wanted)}"
        _wrong(reader, offers.mark, message, "take some away")
    if len(set(offers.wanted)) < len(offers.wanted):
        _wrong(reader, offers.mark, "a provider is expected twice", "keep one")


def _wrong(reader: Reader, mark: Mark, message: str, hint: str) -> None:
    reader.wrong(Node(mark.line, mark.column), "cannot_hold", message, hint)
