"""Shapes of JSON documents: which keys must be there, and what their values are. More keys may be there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Shape = Callable[[Any], bool] | Mapping[str, Any] | list[Any]

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
_DECIMAL = re.compile(r"-?\d+(\.\d+)?")


def text(value: Any) -> bool:
    """A text that is not empty."""
    return isinstance(value, str) and bool(value)


def any_text(value: Any) -> bool:
    """A text, empty or not."""
    return isinstance(value, str)


def integer(value: Any) -> bool:
    """An integer (no float, no flag)."""
    return isinstance(value, int) and not isinstance(value, bool)


def flag(value: Any) -> bool:
    """true or false."""
    return isinstance(value, bool)


def number(value: Any) -> bool:
    """A measured number: seconds."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def moment(value: Any) -> bool:
    """RFC 3339 in UTC."""
    return isinstance(value, str) and _TIME.fullmatch(value) is not None


def sha256(value: Any) -> bool:
    """64 hex digits."""
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def decimal(value: Any) -> bool:
    """A decimal as text: ratios and scores pass through no float."""
    return isinstance(value, str) and _DECIMAL.fullmatch(value) is not None


def mapping(value: Any) -> bool:
    """An object, whatever its keys are."""
    return isinstance(value, dict)


def sequence(value: Any) -> bool:
    """A list, whatever is in it."""
    return isinstance(value, list)


def maybe(shape: Shape) -> Callable[[Any], bool]:
    """``shape``, or null."""
    return lambda value: value is None or not misfits(value, shape)


def among(*values: str) -> Callable[[Any], bool]:
    """One of ``values``."""
    return lambda value: value in values


def misfits(value: Any, shape: Shape, place: str = "$") -> list[str]:
    """Where ``value`` does not have ``shape``: empty when it has. ``[shape]`` is a list of it, with one at least."""
    if isinstance(shape, Mapping):
        if not isinstance(value, dict):
            return [f"{place} is no object: {value!r}"]
        missing = [f"{place}.{key} is missing" for key in shape if key not in value]
        there = [each for key in shape if key in value for each in misfits(value[key], shape[key], f"{place}.{key}")]
        return missing + there
    if isinstance(shape, list):
        if not isinstance(value, list) or not value:
            return [f"{place} is no list with something in it: {value!r}"]
        return [each for no, item in enumerate(value) for each in misfits(item, shape[0], f"{place}[{no}]")]
    return [] if shape(value) else [f"{place} is not {shape.__name__}: {value!r}"]


FACT = {"name": text, "value": maybe(any_text), "source": text, "observed_at": moment}
SHOWN_FACT = {**FACT, "valid_until": maybe(moment), "age_s": integer, "state": text}
DOCUMENT = {
    "document_id": text,
    "party_id": text,
    "kind": text,
    "state": among("counts", "ended", "failed", "superseded", "withdrawn"),
    "revision": integer,
    "supersedes": maybe(text),
    "superseded_by": maybe(text),
    "fields": mapping,
    "issued_on": text,
    "expires_on": maybe(text),
    "ends_at": maybe(moment),
    "file_sha256": maybe(sha256),
    "file_bytes": maybe(integer),
}
VERIFIED = {"documents": integer, "sound": integer, "findings": sequence}
GOT_FILE = {"document_id": text, "path": text, "file_sha256": sha256, "file_bytes": integer, "command_id": text}
IMPORTED_FACTS = {
    "file": text,
    "rows": integer,
    "recorded": integer,
    "facts": integer,
    "known": integer,
    "skipped": integer,
    "unknown_parties": integer,
    "rescreened": integer,
    "command_id": text,
}
ENDORSEMENT = {"number": text, "state": text, "issued_at": moment, "valid_until": moment}
TRANCHE = {"no": integer, "amount": integer, "due_at": moment, "state": text, "consumed": integer}
GRANT = {
    "grant_id": text,
    "party_id": text,
    "pool": text,
    "period": text,
    "amount": integer,
    "set_off": integer,
    "reserved": integer,
    "state": text,
    "attempt": integer,
    "decision_id": text,
    "tranches": [TRANCHE],
    "debt": integer,
}
CASE = {
    "case_id": text,
    "party_id": text,
    "stage": text,
    "queue": text,
    "assignee": maybe(text),
    "due_at": moment,
    "state": text,
}
STEERED = {"case_id": text, "state": text, "stage": text, "command_id": text}
DECISION = {
    "id": text,
    "rulebook": text,
    "version": text,
    "sha256": sha256,
    "engine": text,
    "kind": among("eligibility", "routing", "maintenance", "incentive", "matching"),
    "party": text,
    "as_of": moment,
    "outcome": text,
    "reasons": sequence,
    "findings": sequence,
    "scores": sequence,
    "steps": sequence,
    "warnings": sequence,
    "result": mapping,
}
FINDING = {"criterion": text, "verdict": among("pass", "fail", "unknown", "not_applicable"), "effect": text}
LEAF = {"fact": text, "op": text, "verdict": among("pass", "fail", "unknown")}
PARTY = {
    "party_id": text,
    "kind": among("M", "S"),
    "stage": text,
    "revision": integer,
    "facts": [FACT],
    "decisions": [mapping],
    "grants": sequence,
    "cases": sequence,
    "debt": integer,
    "debts": sequence,
}
EVENT = {
    "event_id": text,
    "at": moment,
    "actor": {"kind": among("human", "service", "system"), "id": text, "role": text},
    "verb": text,
    "subject": {"kind": text, "id": text},
    "before": maybe(mapping),
    "after": maybe(mapping),
    "reason": maybe(any_text),
    "decision_id": maybe(text),
    "rulebook_sha256": maybe(sha256),
    "workflow_id": any_text,
    "run_id": any_text,
}
POOL = {
    "pool_id": text,
    "unit": text,
    "budget": integer,
    "top_ups": integer,
    "available": integer,
    "reserved": integer,
    "released_unspent": integer,
    "consumed": integer,
    "clawed_back": integer,
    "debt": integer,
}
MATCH = {
    "match_id": text,
    "subject_kind": among("party", "talent"),
    "subject_id": text,
    "served": among("K", "M", "S"),
    "provider_id": text,
    "rank": integer,
    "score": decimal,
    "state": among("proposed", "accepted", "declined", "superseded", "ended"),
    "decision_id": text,
    "proposed_at": moment,
    "settled_at": maybe(moment),
    "settled_by": maybe(text),
    "reason": maybe(text),
}
PROVIDER = {
    "provider_id": text,
    "type": among("mcn", "industrial_belt", "merchant", "brand"),
    "name": text,
    "categories": [text],
    "region": maybe(text),
    "capacity": integer,
    "load": integer,
    "free_capacity": integer,
    "track_record": maybe(decimal),
    "capabilities": mapping,
    "active": flag,
    "revision": integer,
}
PROVIDER_IMPORT = {
    "rows": integer,
    "added": integer,
    "changed": integer,
    "unchanged": integer,
    "mistakes": integer,
    "errors": sequence,
    "ignored_columns": sequence,
}
PROVIDER_COUNT = {
    "type": text,
    "serves": text,
    "baseline": maybe(integer),
    "registered": integer,
    "active": integer,
    "capacity": integer,
    "load": integer,
}
PROVIDER_MATCH = {
    "subject_kind": text,
    "subject_id": text,
    "outcome": among("offers", "no_offer"),
    "decision_id": text,
    "offers": sequence,
    "lines": [text],
}
TALENT = {
    "talent_id": text,
    "category": maybe(text),
    "region": maybe(text),
    "active": flag,
    "revision": integer,
}
BOOK = {"sha256": sha256, "versions": mapping, "state": text, "effective_from": maybe(moment)}
MISTAKE = {"path": text, "line": integer, "column": integer, "code": text, "message": text, "hint": any_text}
_PROPOSAL = {
    "state": among("proposed", "confirmed", "refused", "expired"),
    "reason": text,
    "proposed_by": text,
    "proposed_at": moment,
    "valid_until": moment,
    "answered_by": maybe(text),
    "answered_at": maybe(moment),
    "answer_reason": maybe(text),
}
TOP_UP = {"top_up_id": text, "pool": text, "amount": integer, **_PROPOSAL}
LISTED_CLAWBACK = {"clawback_id": text, "grant_id": text, "cause": text, **_PROPOSAL}
CLAWBACK = {
    **LISTED_CLAWBACK,
    "terms": maybe(text),
    "voided": integer,
    "unspent": integer,
    "debt": integer,
    "tranches": sequence,
}
REPORTED = {
    "grant_id": text,
    "tranche": integer,
    "report_id": text,
    "units": integer,
    "state": among("booked", "repeated"),
    "consumed": integer,
    "late": integer,
    "debt": integer,
}
REPORTS = {
    "file": text,
    "rows": integer,
    "booked": integer,
    "repeated": integer,
    "refused": integer,
    "mistakes": integer,
    "units": integer,
    "late": integer,
    "debt": integer,
    "problems": sequence,
    "ignored_columns": sequence,
    "errors": maybe(text),
}
DEMO = {
    "run_id": text,
    "candidates": integer,
    "stages": mapping,
    "screening": {"eligible": integer, "ineligible": integer, "refer": integer},
    "reasons": [{"criterion": text, "failed": integer, "unknown": integer}],
    "grants": {"count": integer, "amount": integer},
    "pool": mapping,
    "reconciled": flag,
    "audit": {"events": integer, "verified": lambda value: value is None},
    "open_cases": integer,
    "waiting_for_pool": integer,
    "elapsed_s": number,
}
