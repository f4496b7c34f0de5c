"""Cases as YAML on one line: what a proposal is told as."""

from __future__ import annotations

from fastbrand.domain.decision import Decision
from fastbrand.domain.provider import SCORE_DECIMALS
from rules.decimals import plain_text
from rules.model import Book, FactDef, Matching, RuleBook, Value
from rules.records import Candidate, Observed
from rules.testing.cases import Case
from rules.testing.points import Point
from rules.values import parse_fact, to_literal


def head_text(book: Book, rulebook: RuleBook, case: Case) -> str:
    """How a new test file begins."""
    facts = {name: fact_text(book.facts[name], observed) for name, observed in case.given.items()}
    defaults = "".join(f"\n  {name}: {text}" for name, text in facts.items())
    return f"rulebook: {rulebook.head.name}\ndefaults:{defaults or ' {}'}\ncases:"


def point_name(point: Point) -> str:
    """What a case that shows ``point`` is called."""
    match point.what:
        case "requirement" | "preference":
            return f"{point.what} {point.name} {point.seen}"
        case "outcome":
            return point.name
        case "criterion" | "gate" | "band":
            return f"{point.name} {point.seen}"
        case "cap" | "confirm":
            return f"{point.name} {point.seen}".removesuffix(" taken")
        case _:
            return f"{point.what} {point.name} of {point.rulebook}"


def fact_text(fact: FactDef, observed: Observed) -> str:
    """A fact as a case gives it."""
    text = _value_text(fact, None if observed.text is None else parse_fact(fact, observed.text))
    if observed.observed_at is None:
        return text
    return f"{{value: {text}, observed_at: {observed.observed_at.isoformat()}}}"


def _value_text(fact: FactDef, value: Value | None) -> str:
    if value is None:
        return "null"
    return _quoted(str(value)) if fact.type == "text" else to_literal(fact, value)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def case_text(name: str, facts: str, context: str, expect: str) -> str:
    """A whole case; ``facts`` and ``context`` may be empty."""
    parts = [f"name: {name}"]
    parts += [f"given: {{{facts}}}"] if facts else []
    parts += [f"context: {{{context}}}"] if context else []
    return f"- {{{', '.join([*parts, f'expect: {{{expect}}}'])}}}"


def context_text(case: Case, rulebook: RuleBook) -> str:
    """What a case is given besides facts."""
    context, parts = case.context, []
    if context.streaks:
        parts.append(f"streaks: {{{', '.join(f'{band}: {months}' for band, months in context.streaks.items())}}}")
    if context.clear_months:
        parts.append(f"clear_months: {context.clear_months}")
    left = {"party_year": context.remainders.party_year, "category_month": context.remainders.category_month}
    known = [f"{name}: {amount}" for name, amount in left.items() if amount is not None]
    parts += [f"remainders: {{{', '.join(known)}}}"] if known else []
    default = rulebook.head.parties[0] if rulebook.head.parties else "M"
    matched = isinstance(rulebook, Matching)  # all of it is stated, whatever the file says for all cases
    if matched or context.track != default:
        parts.append(f"track: {context.track}")
    if context.gaps is not None:
        parts.append(f"gaps: [{', '.join(context.gaps)}]")
    if matched:
        parts.append(f"providers: [{', '.join(map(_provider_text, context.candidates))}]")
    return ", ".join(parts)


def _provider_text(candidate: Candidate) -> str:
    parts = [f"id: {candidate.provider}", f"type: {candidate.type}"]
    parts += [f"categories: [{', '.join(candidate.categories)}]"] if candidate.categories else []
    parts += [f"region: {candidate.region}"] if candidate.region is not None else []
    parts += [f"capacity: {candidate.capacity}"] if candidate.capacity != 1 else []
    parts += [f"load: {candidate.load}"] if candidate.load else []
    scores = {"track_record": candidate.track_record, **candidate.capabilities}
    known = {name: score for name, score in scores.items() if score is not None}
    parts += [f"{name}: {plain_text(score, SCORE_DECIMALS)}" for name, score in known.items()]
    return f"{{{', '.join(parts)}}}"


def expect_text(decision: Decision) -> str:
    """What came out, as an expectation: for a person to agree with, or not."""
    parts = [f"outcome: {decision.outcome}"]
    if decision.kind == "incentive" and decision.outcome == "grant":
        parts.append(f"bonus: {decision.result['amount']}")
        if decision.result["capped_by"]:
            parts.append(f"capped_by: {decision.result['capped_by']}")
    elif decision.kind == "matching":
        offers, left_out = (
            ", ".join(each["provider"] for each in decision.result[key]) for key in ("offers", "left_out")
        )
        parts.append(f"offers: [{offers}]")
        parts += [f"left_out: [{left_out}]"] if left_out else []
    elif decision.kind != "routing":
        parts.append(f"reasons: [{', '.join(reason['criterion'] for reason in decision.reasons)}]")
    return ", ".join(parts)
