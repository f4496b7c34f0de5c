"""What a backtest found, and the same as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from fastbrand.domain.errors import InputError
from fastbrand.service.backtesting.bonus import bonus_of, pool_effect, ratio_text
from fastbrand.service.table_files import RowMistake
from fastbrand.service.views import moment
from rules.backtesting import OUTCOMES, SIDES, Claim, Confirmation, Side, Tally, Trial, direction
from rules.backtesting.tally import APPROVED, REFUSED, Account, Histogram
from rules.decimals import scaled_text
from rules.model import Book

SHOWN_MISTAKES = 20
"""Most mistakes of rows in a document."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One of the two books. ``label`` is where it comes from: a directory, or the beginning of a released sha256."""

    book: Book
    label: str

    def as_json(self) -> dict[str, Any]:
        """``sha256, label, versions{}``."""
        return {"sha256": self.book.sha256, "label": self.label, "versions": self.book.versions()}


@dataclass(frozen=True, slots=True)
class Flip:
    """A record whose outcome differs. ``bonus`` is what one period gives it where it is eligible, in pool units (None:
    cannot be decided); ``row`` its place in the population."""

    row: int
    id: str
    track: str
    old: str
    new: str
    criteria: tuple[str, ...]
    bonus_live: int | None
    bonus_candidate: int | None
    category: str | None

    def as_json(self) -> dict[str, Any]:
        """``row, id, track, old, new, direction, criteria[], bonus{live, candidate}, category``."""
        return {
            "row": self.row,
            "id": self.id,
            "track": self.track,
            "old": self.old,
            "new": self.new,
            "direction": direction(self.old, self.new),
            "criteria": list(self.criteria),
            "bonus": {"live": self.bonus_live, "candidate": self.bonus_candidate},
            "category": self.category,
        }


@dataclass(slots=True)
class Skipped:
    """Rows that were not compared: those with mistakes, and those on a track that a book does not decide."""

    rows: int = 0
    mistakes: list[RowMistake] = field(default_factory=list)
    tracks: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Track -> how many records, and why."""

    def add(self, rows: int, mistakes: Sequence[RowMistake], kept: int) -> None:
        """Rows with mistakes; of the mistakes that are told as many as there is room for are kept."""
        self.rows += rows
        self.mistakes += mistakes[: max(0, kept - len(self.mistakes))]

    def leave_out(self, track: str, records: int, error: InputError) -> None:
        """Records on a track that a book does not decide."""
        before, _ = self.tracks.get(track, (0, ""))
        self.tracks[track] = before + records, error.message

    def as_json(self) -> dict[str, Any]:
        """``rows, mistakes[{row, column, value, message, hint}], tracks[{track, records, why}]``."""
        return {
            "rows": self.rows,
            "mistakes": [
                {name: getattr(each, name) for name in ("row", "column", "value", "message", "hint")}
                for each in self.mistakes[:SHOWN_MISTAKES]
            ],
            "tracks": [
                {"track": track, "records": records, "why": why} for track, (records, why) in self.tracks.items()
            ],
        }


@dataclass(slots=True)
class BacktestResult:
    """What a candidate book would have decided otherwise than the live one."""

    population: str
    name: str
    notices: list[str]
    books: dict[Side, Compared]
    trials: dict[str, Mapping[Side, Trial]]
    """Track -> what each book decides it with."""
    tally: Tally
    flips: list[Flip]
    flips_file: Path | None
    claims: list[Claim]
    """The records that were asked about again."""
    confirmation: Confirmation
    skipped: Skipped
    at: datetime
    available: dict[str, int] = field(default_factory=dict)
    """Pool -> units that are neither granted nor reserved, where a ledger knows."""

    @property
    def stricter(self) -> int:
        """Flips to a lower outcome."""
        return self._directed("stricter")

    @property
    def looser(self) -> int:
        """Flips to a higher outcome."""
        return self._directed("looser")

    def _directed(self, wanted: str) -> int:
        return sum(count for (old, new), count in self.tally.matrix.items() if direction(old, new) == wanted)

    def exit_code(self) -> int:
        """70 where the engines do not agree, 1 where rows were left out, otherwise 0."""
        if self.confirmation.mismatches:
            return 70
        return 1 if self.skipped.rows or self.skipped.tracks else 0

    def as_json(self) -> dict[str, Any]:
        """The result in small, as it is kept with a release: ``over, at, records, skipped, matrix{old: {new: n}},
        flips, stricter, looser, bonus{live, candidate, period_months, unit}, pool_effect, engine_mismatches``, and the
        books ``live`` and ``candidate`` by their sha256."""
        bonus = bonus_of(self.tally, self.trials)
        return {
            "over": self.population,
            "at": moment(self.at),
            "records": self.tally.records,
            "skipped": self.skipped.rows + sum(count for count, _ in self.skipped.tracks.values()),
            "matrix": self.matrix(),
            "flips": self.tally.flips,
            "stricter": self.stricter,
            "looser": self.looser,
            "bonus": {name: bonus[name] for name in ("live", "candidate", "period_months", "unit")},
            "pool_effect": pool_effect(self.tally, self.trials, self.available),
            "engine_mismatches": len(self.confirmation.mismatches),
            **{side: compared.book.sha256 for side, compared in self.books.items()},
        }

    def document(self) -> dict[str, Any]:
        """Everything: what ``rules backtest --json`` prints."""
        findings = self.confirmation.findings
        return {
            "records": self.tally.records,
            "matrix": self.matrix(),
            "flips": [
                {**flip.as_json(), **({"findings": findings[flip.row]} if flip.row in findings else {})}
                for flip in self.flips
            ],
            "flip_count": {"total": self.tally.flips, "stricter": self.stricter, "looser": self.looser},
            "flips_file": None if self.flips_file is None else str(self.flips_file),
            "causes": self.causes(),
            "funnel": {side: self.funnel(side) for side in SIDES},
            "reasons": self.reasons(),
            "bonus": bonus_of(self.tally, self.trials),
            "pool_effect": pool_effect(self.tally, self.trials, self.available),
            "scores": self.scores(),
            "confirmed": {
                "flips": self.confirmation.flips,
                "others": self.confirmation.others,
                "mismatches": len(self.confirmation.mismatches),
            },
            "engine_mismatch": [mismatch.as_json() for mismatch in self.confirmation.mismatches],
            "skipped": self.skipped.as_json(),
            "over": {"kind": self.population, "name": self.name, "tracks": sorted(self.trials)},
            "at": moment(self.at),
            **{side: compared.as_json() for side, compared in self.books.items()},
        }

    def matrix(self) -> dict[str, dict[str, int]]:
        """Live outcome -> candidate outcome -> records."""
        return {old: {new: self.tally.matrix[old, new] for new in OUTCOMES} for old in OUTCOMES}

    def causes(self) -> list[dict[str, Any]]:
        """What is behind the flips, the most frequent first: ``criteria[], old, new, direction, flips``."""
        ordered = sorted(self.tally.causes.items(), key=lambda item: (-item[1], item[0]))
        return [
            {"criteria": list(criteria), "old": old, "new": new, "direction": direction(old, new), "flips": count}
            for (old, new, criteria), count in ordered
        ]

    def funnel(self, side: Side) -> dict[str, Any]:
        """``screened, approved, people{queue: n}, refused``: who goes straight through, to whom, and who is refused."""
        sent = self.tally.sides[side].funnel
        queues = {name: count for name, count in sorted(sent.items()) if name not in (APPROVED, REFUSED)}
        return {
            "screened": self.tally.records,
            "approved": sent[APPROVED],
            "people": queues,
            "refused": sent[REFUSED],
        }

    def reasons(self) -> list[dict[str, Any]]:
        """``criterion, live{failed, unknown}|null, candidate{...}|null``, in the order of the candidate's files."""
        criteria: dict[str, set[Side]] = {}
        for side in reversed(SIDES):
            for trials in self.trials.values():
                for criterion in trials[side].eligibility.criteria:
                    criteria.setdefault(criterion.id, set()).add(side)
        return [
            {"criterion": name, **{side: self._counts(side, name) if side in sides else None for side in SIDES}}
            for name, sides in criteria.items()
        ]

    def _counts(self, side: Side, criterion: str) -> dict[str, int]:
        account = self.tally.sides[side]
        return {"failed": account.failed[criterion], "unknown": account.unknown[criterion]}

    def scores(self) -> dict[str, Any]:
        """Score -> ``from`` (decimal text), ``width``, and for each book ``counts[], unknown, mean`` or null."""
        names = dict.fromkeys(name for side in SIDES for name in self.tally.sides[side].scores)
        return {name: dict(self._score(name)) for name in names}

    def _score(self, name: str) -> Iterator[tuple[str, Any]]:
        both: dict[Side, Histogram | None] = {side: self.tally.sides[side].scores.get(name) for side in SIDES}
        layout = next(each for each in both.values() if each is not None)
        yield "from", scaled_text(layout.low, layout.decimals)
        yield "width", scaled_text(layout.width, layout.decimals)
        for side, histogram in both.items():
            if histogram is None:
                yield side, None
                continue
            mean = None
            if histogram.known:
                mean = ratio_text(Fraction(histogram.total, histogram.known * 10**histogram.decimals), 2)
            yield side, {"counts": list(histogram.counts), "unknown": histogram.unknown, "mean": mean}

    def account(self, side: Side) -> Account:
        """What one book said, counted."""
        return self.tally.sides[side]
