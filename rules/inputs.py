"""Exactly what a decision used, as plain JSON data, and back: so that it can be decided again to the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastbrand.domain.decision import Decision, Finding, LeafFinding, LeafTold, ScoreFinding
from fastbrand.domain.errors import InputError
from rules.records import Candidate, Context, Observed, Record, Remainders


def inputs_json(record: Record, context: Context) -> dict[str, Any]:
    """``record`` and ``context`` as JSON data: facts with time and source, and the screening's whole core."""
    return {
        "party": record.party,
        "facts": {
            name: {"value": fact.text, "observed_at": _text_of(fact.observed_at), "source": fact.source}
            for name, fact in sorted(record.facts.items())
        },
        "context": {
            "screening": None if context.screening is None else context.screening.core(),
            "streaks": dict(context.streaks),
            "clear_months": context.clear_months,
            "remainders": {
                "party_year": context.remainders.party_year,
                "category_month": context.remainders.category_month,
            },
            "track": context.track,
            "period": context.period,
            **_matched(context),
        },
    }


def _matched(context: Context) -> dict[str, Any]:
    """What only a matching book sees; decisions of other kinds do not carry it."""
    found: dict[str, Any] = {}
    if context.gaps is not None:
        found["gaps"] = list(context.gaps)
    if context.candidates:
        found["candidates"] = [
            {
                "provider": each.provider,
                "type": each.type,
                "categories": list(each.categories),
                "region": each.region,
                "capacity": each.capacity,
                "load": each.load,
                "track_record": each.track_record,
                "capabilities": dict(each.capabilities),
            }
            for each in context.candidates
        ]
    return found


def _candidate(given: Mapping[str, Any]) -> Candidate:
    return Candidate(**{**given, "categories": tuple(given["categories"])})


def from_inputs(inputs: Mapping[str, Any]) -> tuple[Record, Context]:
    """What ``inputs_json`` was given. Raises ``InputError`` where ``inputs`` are none of its making."""
    try:
        facts = {
            name: Observed(fact["value"], _time_of(fact["observed_at"]), fact["source"])
            for name, fact in inputs["facts"].items()
        }
        given = inputs["context"]
        left = given["remainders"]
        context = Context(
            None if given["screening"] is None else decision_of(given["screening"]),
            dict(given["streaks"]),
            given["clear_months"],
            Remainders(left["party_year"], left["category_month"]),
            given["track"],
            given["period"],
            None if given.get("gaps") is None else tuple(given["gaps"]),
            tuple(_candidate(each) for each in given.get("candidates", ())),
        )
        return Record(inputs["party"], facts), context
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            f"the stored inputs cannot be read: {type(error).__name__}: {error}", hint="they were damaged"
        ) from error


def decision_of(core: Mapping[str, Any]) -> Decision:
    """The decision whose ``core()`` this is, as read from JSON. Raises ``KeyError``, ``TypeError`` on anything else."""
    return Decision(
        **{
            **core,
            "reasons": tuple(core["reasons"]),
            "findings": tuple(
                Finding(each["criterion"], each["verdict"], each["effect"], _told(each["leaves"]), _told(each["when"]))
                for each in core["findings"]
            ),
            "scores": tuple(ScoreFinding(**{**score, "parts": tuple(score["parts"])}) for score in core["scores"]),
            "steps": tuple(core["steps"]),
            "warnings": tuple(core["warnings"]),
        }
    )


def _told(leaves: list[dict[str, Any]]) -> tuple[LeafTold, ...]:
    return tuple([LeafFinding(**leaf) for leaf in leaves])


def _text_of(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _time_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
