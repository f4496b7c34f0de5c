"""Which criteria are behind a flip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rules.backtesting.trial import Trial
from rules.model import ScoreAtom
from rules.versions import meaning

Direction = Literal["same", "stricter", "looser"]
DIRECTIONS: tuple[Direction, ...] = ("stricter", "looser")

_OUTCOME = {"ineligible": 0, "refer": 1, "eligible": 2}
_EFFECT = {"none": 0, "note": 1, "refer": 2, "reject": 3}
_CARRIES = {"refer": _EFFECT["refer"], "ineligible": _EFFECT["reject"]}
"""The least effect that brings a party down to an outcome."""
_FORBIDS = {"eligible": _EFFECT["refer"], "refer": _EFFECT["reject"]}
"""The least effect that keeps a party below an outcome."""

OUTCOME_ROWS = "outcomes"
"""What is named where no criterion and no score accounts for a flip: the outcome rows themselves."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one book said about a record: outcome, criterion -> verdict, score -> value (scaled; None: unknown)."""

    outcome: str
    verdicts: Mapping[str, str]
    scores: Mapping[str, int | None]


def direction(old: str, new: str) -> Direction:
    """``stricter`` where ``new`` is a lower outcome than ``old``, ``looser`` where it is a higher one."""
    if old == new:
        return "same"
    return "stricter" if _OUTCOME[new] < _OUTCOME[old] else "looser"


class Blame:
    """Names what is behind flips between two books."""

    def __init__(self, live: Trial, candidate: Trial) -> None:
        self._live, self._candidate = live.effects(), candidate.effects()
        self._criteria = list(dict.fromkeys([*self._candidate, *self._live]))
        old, new = _score_conditions(live), _score_conditions(candidate)
        self._scores = {name: old.get(name) != new.get(name) for name in dict.fromkeys([*new, *old])}

    def of(self, live: Said, candidate: Said) -> tuple[str, ...]:
        """What explains that ``candidate`` has another outcome than ``live``, in the order of the candidate's file.

        A stricter outcome: the criteria whose effect is heavier now and that carry the new outcome. A looser one: those
        whose effect is lighter now and that forbade the new outcome before. Where there is none, ``score.NAME`` for
        scores that outcomes look at and that differ, or whose threshold does; else all criteria whose effect differs;
        else ``outcomes``, the rows themselves.
        """
        old = {name: _effect(self._live, live, name) for name in self._criteria}
        new = {name: _effect(self._candidate, candidate, name) for name in self._criteria}
        if direction(live.outcome, candidate.outcome) == "stricter":
            least = _CARRIES[candidate.outcome]
            found = [name for name in self._criteria if new[name] > old[name] and new[name] >= least]
        else:
            least = _FORBIDS[candidate.outcome]
            found = [name for name in self._criteria if new[name] < old[name] and old[name] >= least]
        if not found:
            found = [
                f"score.{name}"
                for name, moved in self._scores.items()
                if moved or live.scores.get(name) != candidate.scores.get(name)
            ]
        found = found or [name for name in self._criteria if new[name] != old[name]]
        return tuple(found or [OUTCOME_ROWS])


def _effect(effects: Mapping[str, tuple[str, str]], said: Said, name: str) -> int:
    """How heavy a criterion weighs, from 0 (none); one that the book does not have weighs nothing."""
    if name not in effects:
        return 0
    on_fail, on_unknown = effects[name]
    verdict = said.verdicts.get(name)
    return _EFFECT[on_fail] if verdict == "fail" else _EFFECT[on_unknown] if verdict == "unknown" else 0


def _score_conditions(trial: Trial) -> dict[str, Any]:
    """Score -> what outcome rows ask of it, and what they say where it holds."""
    found: dict[str, list[Any]] = {}
    for row in trial.eligibility.outcomes:
        for atom in row.when:
            if isinstance(atom, ScoreAtom):
                found.setdefault(atom.score, []).append((meaning(atom), row.then.get("outcome")))
    return dict(found)
