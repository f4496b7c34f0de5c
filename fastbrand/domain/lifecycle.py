"""Stages of a party and the one transition table: the only judge of what may follow what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fastbrand.domain.errors import IllegalTransition


class Track(StrEnum):
    """Which programme a party is in: S well-known brands, M merchants and the fast brands among them."""

    S = "S"
    M = "M"


class Stage(StrEnum):
    """Where a party stands. ``NONE`` is before the first event."""

    NONE = "none"
    NOMINATED = "nominated"
    LEAD = "lead"
    INVITED = "invited"
    APPLIED = "applied"
    SCREENING = "screening"
    VETTING = "vetting"
    INFO_REQUESTED = "info_requested"
    ENDORSEMENT_PROPOSED = "endorsement_proposed"
    APPROVAL_PROPOSED = "approval_proposed"
    ENDORSED = "endorsed"
    BENCHMARK = "benchmark"
    GRADUATED = "graduated"
    APPROVED = "approved"
    ACTIVE = "active"
    WATCH = "watch"
    DEMOTED = "demoted"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    TERMINATED = "terminated"
    APPEALING = "appealing"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed step: on ``tracks``, ``event`` moves a party from ``source`` to ``target``."""

    source: Stage
    event: str
    target: Stage
    tracks: frozenset[Track]


_BOTH = frozenset({Track.S, Track.M})
_S = frozenset({Track.S})
_M = frozenset({Track.M})


def _t(source: Stage, event: str, target: Stage, tracks: frozenset[Track] = _BOTH) -> Transition:
    return Transition(source, event, target, tracks)


def _from(sources: tuple[Stage, ...], event: str, target: Stage, tracks: frozenset[Track]) -> tuple[Transition, ...]:
    return tuple(Transition(source, event, target, tracks) for source in sources)


TRANSITIONS: tuple[Transition, ...] = (
    # --- coming in
    _t(Stage.NONE, "nominate", Stage.NOMINATED, _M),
    _t(Stage.NONE, "nominate", Stage.LEAD, _S),
    _t(Stage.NONE, "invite", Stage.INVITED, _S),
    _t(Stage.LEAD, "invite", Stage.INVITED, _S),
    _t(Stage.NONE, "apply", Stage.APPLIED),
    _t(Stage.NOMINATED, "apply", Stage.APPLIED, _M),
    _t(Stage.LEAD, "apply", Stage.APPLIED, _S),
    _t(Stage.INVITED, "apply", Stage.APPLIED, _S),
    # --- screening and vetting
    _t(Stage.APPLIED, "screen", Stage.SCREENING),
    _t(Stage.SCREENING, "refer", Stage.VETTING),
    _t(Stage.SCREENING, "reject", Stage.REJECTED),
    _t(Stage.SCREENING, "propose", Stage.ENDORSEMENT_PROPOSED, _M),
    _t(Stage.SCREENING, "propose", Stage.APPROVAL_PROPOSED, _S),
    _t(Stage.VETTING, "request_info", Stage.INFO_REQUESTED),
    _t(Stage.INFO_REQUESTED, "answer", Stage.VETTING),
    _t(Stage.INFO_REQUESTED, "expire", Stage.EXPIRED),
    _t(Stage.VETTING, "propose", Stage.ENDORSEMENT_PROPOSED, _M),
    _t(Stage.VETTING, "propose", Stage.APPROVAL_PROPOSED, _S),
    _t(Stage.INFO_REQUESTED, "propose", Stage.ENDORSEMENT_PROPOSED, _M),
    _t(Stage.INFO_REQUESTED, "propose", Stage.APPROVAL_PROPOSED, _S),
    _t(Stage.VETTING, "reject", Stage.REJECTED),
    _t(Stage.INFO_REQUESTED, "reject", Stage.REJECTED),
    _t(Stage.ENDORSEMENT_PROPOSED, "return", Stage.VETTING, _M),
    _t(Stage.APPROVAL_PROPOSED, "return", Stage.VETTING, _S),
    _t(Stage.ENDORSEMENT_PROPOSED, "reject", Stage.REJECTED, _M),
    _t(Stage.APPROVAL_PROPOSED, "reject", Stage.REJECTED, _S),
    _t(Stage.ENDORSEMENT_PROPOSED, "endorse", Stage.ENDORSED, _M),
    _t(Stage.APPROVAL_PROPOSED, "approve", Stage.APPROVED, _S),
    _t(Stage.APPROVED, "activate", Stage.ACTIVE, _S),
    # --- up: a benchmark for the others, and in the end a brand
    _t(Stage.ENDORSED, "promote", Stage.BENCHMARK, _M),
    *_from((Stage.ENDORSED, Stage.BENCHMARK), "graduate", Stage.GRADUATED, _M),
    # --- down: each step loses more than the one before
    *_from((Stage.ENDORSED, Stage.BENCHMARK), "watch", Stage.WATCH, _M),
    _t(Stage.ACTIVE, "watch", Stage.WATCH, _S),
    *_from((Stage.ENDORSED, Stage.BENCHMARK, Stage.WATCH), "demote", Stage.DEMOTED, _M),
    *_from((Stage.ENDORSED, Stage.BENCHMARK, Stage.WATCH, Stage.DEMOTED), "suspend", Stage.SUSPENDED, _M),
    *_from((Stage.ACTIVE, Stage.WATCH), "suspend", Stage.SUSPENDED, _S),
    *_from((Stage.ENDORSED, Stage.BENCHMARK, Stage.WATCH, Stage.DEMOTED, Stage.SUSPENDED), "revoke", Stage.REVOKED, _M),
    *_from((Stage.ACTIVE, Stage.WATCH, Stage.SUSPENDED), "terminate", Stage.TERMINATED, _S),
    # --- and back
    *_from((Stage.WATCH, Stage.DEMOTED), "clear", Stage.ENDORSED, _M),
    _t(Stage.WATCH, "clear", Stage.ACTIVE, _S),
    _t(Stage.SUSPENDED, "reinstate", Stage.ENDORSED, _M),
    _t(Stage.SUSPENDED, "reinstate", Stage.ACTIVE, _S),
    # --- the end of an endorsement's term
    *_from((Stage.ENDORSED, Stage.BENCHMARK, Stage.WATCH, Stage.DEMOTED, Stage.SUSPENDED), "expire", Stage.EXPIRED, _M),
    # --- taken back before it is decided
    _t(Stage.NOMINATED, "withdraw", Stage.WITHDRAWN, _M),
    *_from((Stage.LEAD, Stage.INVITED), "withdraw", Stage.WITHDRAWN, _S),
    *_from((Stage.APPLIED, Stage.SCREENING, Stage.VETTING, Stage.INFO_REQUESTED), "withdraw", Stage.WITHDRAWN, _BOTH),
    _t(Stage.ENDORSEMENT_PROPOSED, "withdraw", Stage.WITHDRAWN, _M),
    _t(Stage.APPROVAL_PROPOSED, "withdraw", Stage.WITHDRAWN, _S),
    # --- appeals: decided by somebody who had no part; what is appealed against comes back where the appeal fails
    *_from((Stage.REJECTED, Stage.SUSPENDED), "appeal", Stage.APPEALING, _BOTH),
    _t(Stage.REVOKED, "appeal", Stage.APPEALING, _M),
    _t(Stage.TERMINATED, "appeal", Stage.APPEALING, _S),
    _t(Stage.APPEALING, "uphold_rejected", Stage.REJECTED),
    _t(Stage.APPEALING, "uphold_suspended", Stage.SUSPENDED),
    _t(Stage.APPEALING, "uphold_revoked", Stage.REVOKED, _M),
    _t(Stage.APPEALING, "uphold_terminated", Stage.TERMINATED, _S),
    _t(Stage.APPEALING, "overturn", Stage.ENDORSED, _M),
    _t(Stage.APPEALING, "overturn", Stage.ACTIVE, _S),
    # --- a new application after an end: the party may come back with other facts (revoked: after the cool-off)
    *_from((Stage.REJECTED, Stage.WITHDRAWN, Stage.EXPIRED), "apply", Stage.APPLIED, _BOTH),
    _t(Stage.REVOKED, "apply", Stage.APPLIED, _M),
    _t(Stage.TERMINATED, "apply", Stage.APPLIED, _S),
    _t(Stage.GRADUATED, "apply", Stage.APPLIED, _S),
)

_TABLE: dict[tuple[Stage, str, Track], Stage] = {
    (t.source, t.event, track): t.target for t in TRANSITIONS for track in t.tracks
}

ENDED: frozenset[Stage] = frozenset(
    {Stage.REJECTED, Stage.WITHDRAWN, Stage.EXPIRED, Stage.REVOKED, Stage.TERMINATED, Stage.GRADUATED}
)
"""Stages in which an application or a standing is over (a new application may follow)."""

STANDING: frozenset[Stage] = frozenset({Stage.ENDORSED, Stage.BENCHMARK, Stage.ACTIVE})
"""Stages in which a party may get grants and have tranches released."""

KEPT: frozenset[Stage] = STANDING | {Stage.WATCH, Stage.DEMOTED, Stage.SUSPENDED}
"""Stages that upkeep looks at: standing, and what it can lose of it."""

MARKED: frozenset[Stage] = KEPT - {Stage.SUSPENDED}
"""Stages in which an endorsement is valid."""

OPEN: frozenset[Stage] = frozenset(
    {Stage.VETTING, Stage.INFO_REQUESTED, Stage.ENDORSEMENT_PROPOSED, Stage.APPROVAL_PROPOSED}
)
"""Stages in which an application is open with people, and is screened again by newer facts."""

NEWCOMERS: frozenset[Stage] = frozenset({Stage.NOMINATED, Stage.LEAD, Stage.INVITED})
"""Stages of a party that is known and has not applied yet."""

APPEALABLE: dict[Stage, str] = {
    Stage.REJECTED: "uphold_rejected",
    Stage.SUSPENDED: "uphold_suspended",
    Stage.REVOKED: "uphold_revoked",
    Stage.TERMINATED: "uphold_terminated",
}
"""Stage that may be appealed against -> the event by which it comes back when the appeal fails."""

_UPKEEP: dict[tuple[str, Track], str] = {
    ("watch", Track.M): "watch",
    ("watch", Track.S): "watch",
    ("demote", Track.M): "demote",
    ("suspend", Track.M): "suspend",
    ("suspend", Track.S): "suspend",
    ("revoke", Track.M): "revoke",
    ("revoke", Track.S): "terminate",
    ("promote", Track.M): "promote",
}


def upkeep_event(outcome: str, stage: Stage, track: Track) -> str | None:
    """The event that a maintenance outcome asks for from ``stage``, or None where it changes nothing there.

    ``keep`` and ``alert`` move nobody by themselves; a brand (track S) is neither demoted nor promoted; who is lower
    already is not moved up by a milder outcome.
    """
    event = _UPKEEP.get((outcome, track))
    return event if event is not None and (stage, event, track) in _TABLE else None


def next_stage(source: Stage, event: str, track: Track) -> Stage:
    """The stage after ``event``. Raises ``IllegalTransition`` where the table has no such row."""
    target = _TABLE.get((source, event, track))
    if target is None:
        may = ", ".join(sorted(events_from(source, track))) or "nothing"
        raise IllegalTransition(
            f"`{event}` is not possible in stage `{source}`", hint=f"from `{source}` on track {track}: {may}"
        )
    return target


def events_from(source: Stage, track: Track) -> frozenset[str]:
    """Events that may follow ``source`` on ``track``."""
    return frozenset(event for (stage, event, kind) in _TABLE if stage is source and kind is track)
