"""Who flips and why, in words: grouped by what is behind it, with what was observed and what each book asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from fastbrand.service.backtest_report.words import DIRECTIONS, OUTCOME_ROWS, OUTCOMES, score_title, word
from fastbrand.service.backtesting import BacktestResult, Flip
from rules.backtesting import SIDES, Claim, Side, direction
from rules.decimals import plain_text, scaled_text
from rules.model import Book, Criterion, Mark, Score, ScoreAtom
from rules.wording import demand_text, distance_text, pick, value_text, why_text

_SHOWN_CHANGES = 3
_SCORE = "score."
_ORDERED = frozenset({"at_least", "at_most", "more_than", "less_than", "before", "after"})


@dataclass(frozen=True, slots=True)
class FlipLine:
    """One flip in words. ``observed``, ``asked`` and ``distance`` are empty where it was not asked about again."""

    id: str
    category: str
    old: str
    new: str
    old_word: str
    new_word: str
    observed: str
    asked: str
    distance: str
    bonus: int


@dataclass(frozen=True, slots=True)
class Cause:
    """What is behind some flips. ``place`` is the file and line of its first criterion; ``changes`` say what was
    changed there, as far as the shown flips tell; ``tone`` is stricter or looser."""

    title: str
    changes: tuple[str, ...]
    place: str
    tone: str
    tone_word: str
    flips: int
    lines: tuple[FlipLine, ...]


def causes(result: BacktestResult, lang: str, *, groups: int, lines: int) -> list[Cause]:
    """The most frequent causes, at most ``groups``, each with at most ``lines`` of its flips."""
    counts: dict[tuple[tuple[str, ...], str], int] = {}
    for (old, new, criteria), count in result.tally.causes.items():
        key = criteria, direction(old, new)
        counts[key] = counts.get(key, 0) + count
    flips: dict[tuple[tuple[str, ...], str], list[Flip]] = {}
    for flip in result.flips:
        flips.setdefault((flip.criteria, direction(flip.old, flip.new)), []).append(flip)
    ordered = sorted(counts, key=lambda key: (-counts[key], key))
    teller = _Teller(result, lang)
    return [
        teller.cause(criteria, tone, counts[criteria, tone], flips.get((criteria, tone), []), lines)
        for criteria, tone in ordered[:groups]
    ]


def _difference(flip: Flip) -> int:
    return (flip.bonus_candidate or 0) - (flip.bonus_live or 0)


class _Teller:
    """Tells flips in one language."""

    def __init__(self, result: BacktestResult, lang: str) -> None:
        self._result = result
        self._lang = lang
        self._claims: Mapping[int, Claim] = {claim.row: claim for claim in result.claims}
        self._books: dict[Side, Book] = {side: result.books[side].book for side in SIDES}
        self._criteria: dict[Side, dict[str, Criterion]] = {side: {} for side in SIDES}
        for trials in result.trials.values():
            for side in SIDES:
                for criterion in trials[side].eligibility.criteria:
                    self._criteria[side].setdefault(criterion.id, criterion)

    def cause(self, criteria: Sequence[str], tone: str, count: int, flips: Sequence[Flip], lines: int) -> Cause:
        # those that were asked about again come first: of them it is known what was observed
        shown = sorted(flips, key=lambda flip: flip.row not in self._result.confirmation.findings)[:lines]
        told = [self._line(flip) for flip in sorted(shown, key=lambda flip: flip.row)]
        changes = dict.fromkeys(change for flip in shown for change in self._changes(flip))
        return Cause(
            title=pick((" and ", "、"), self._lang).join(self.title(name) for name in criteria),
            changes=tuple(changes)[:_SHOWN_CHANGES],
            place=self._place(criteria[0]),
            tone=tone,
            tone_word=word(DIRECTIONS, tone, self._lang),
            flips=count,
            lines=tuple(told),
        )

    def title(self, name: str) -> str:
        """The title of a criterion, or of a score."""
        for side in reversed(SIDES):
            criterion = self._criteria[side].get(name)
            if criterion is not None:
                return pick((criterion.title.en, criterion.title.zh), self._lang)
        if name.startswith(_SCORE):
            name = name.removeprefix(_SCORE)
            score = next((found for found in self._scores(name) if found is not None), None)
            return score_title(
                name if score is None else pick((score.title.en, score.title.zh), self._lang), self._lang
            )
        return pick(OUTCOME_ROWS, self._lang)

    def _scores(self, name: str) -> Iterator[Score | None]:
        for side in reversed(SIDES):
            for both in self._result.trials.values():
                yield both[side].eligibility.scores.get(name)

    def _place(self, name: str) -> str:
        """File and line of a criterion; of a score the row that asks for it, where the rows ask for another value."""
        for side in reversed(SIDES):
            criterion = self._criteria[side].get(name)
            if criterion is not None:
                return _at(criterion.mark)
        score = name.removeprefix(_SCORE)
        for track in self._result.trials:
            old, new = (self._score_atoms(track, side, score) for side in SIDES)
            if old != new:
                rows = self._result.trials[track]["candidate" if new else "live"].eligibility.outcomes
                return next(_at(row.mark) for row in rows if any(_asks_for(atom, score) for atom in row.when))
        found = next((each for each in self._scores(score) if each is not None), None)
        return "" if found is None else _at(found.mark)

    def _line(self, flip: Flip) -> FlipLine:
        observed, asked, distance = "", "", ""
        leaves = self._leaves(flip)
        if leaves is not None:
            observed, asked, distance = self._compared(*leaves)
        elif flip.criteria[0].startswith(_SCORE):
            name = flip.criteria[0].removeprefix(_SCORE)
            observed, asked = self._score(flip, name), self._score_demand(flip.track, name)
            distance = self._score_distance(flip, name)
        return FlipLine(
            id=flip.id,
            category=self._category(flip),
            old=flip.old,
            new=flip.new,
            old_word=word(OUTCOMES, flip.old, self._lang),
            new_word=word(OUTCOMES, flip.new, self._lang),
            observed=observed,
            asked=asked,
            distance=distance,
            bonus=_difference(flip),
        )

    def _category(self, flip: Flip) -> str:
        if flip.category is None:
            return ""
        fact = self._books["candidate"].facts.get("category")
        title = None if fact is None or fact.choices is None else fact.choices.get(flip.category)
        return flip.category if title is None else pick((title.en, title.zh), self._lang)

    def _leaves(self, flip: Flip) -> tuple[dict[str, Any] | None, dict[str, Any] | None] | None:
        """The leaf of the first criterion behind a flip that tells best, under both books; None where that is not
        known."""
        findings = self._result.confirmation.findings.get(flip.row)
        if findings is None:
            return None
        old, new = (
            [each for each in findings.get(side, []) if each["criterion"] == flip.criteria[0]] for side in SIDES
        )
        before, after = (found[0]["leaves"] or found[0]["when"] if found else [] for found in (old, new))
        if not before and not after:
            return None
        pairs = list(_paired(before, after))
        return next((pair for pair in pairs if _verdict(pair[0]) != _verdict(pair[1])), pairs[0])

    def _compared(self, old: dict[str, Any] | None, new: dict[str, Any] | None) -> tuple[str, str, str]:
        """What was observed, what is asked for (before and now), and how far away that is."""
        asked = self._moved(old, new) or self._demand("candidate", new)
        # how far it is from passing: now, or, where it passes now, how far it was
        side: Side = "live" if new is None or (new["verdict"] == "pass" and old is not None) else "candidate"
        leaf = old if side == "live" else new
        assert leaf is not None
        fact, currency = self._books[side].facts.get(leaf["fact"]), self._books[side].programme.currency
        if leaf["verdict"] == "unknown":
            return pick(("not known", "未知"), self._lang), asked, why_text(leaf["why"], self._lang)
        observed = value_text(fact, leaf["observed"], self._lang, currency)
        away = distance_text(fact, leaf["op"], leaf["distance_to_pass"], self._lang, currency)
        if away and side == "live":
            away = pick((f"was {away}", f"原{away}"), self._lang)
        return observed, asked, away

    def _demand(self, side: Side, leaf: dict[str, Any] | None) -> str:
        if leaf is None:
            return pick(("not asked", "未要求"), self._lang)
        book = self._books[side]
        fact = book.facts.get(leaf["fact"])
        return demand_text(fact, leaf["op"], leaf["threshold"], self._lang, book.programme.currency)

    def _moved(self, old: dict[str, Any] | None, new: dict[str, Any] | None) -> str:
        """What is asked for, before and now: ``at least 8 → 6``; empty where it is the same."""
        was, now = self._demand("live", old), self._demand("candidate", new)
        if was == now:
            return ""
        if old is not None and new is not None and old["op"] == new["op"] and old["op"] in _ORDERED:
            book = self._books["candidate"]
            now = value_text(book.facts.get(new["fact"]), new["threshold"], self._lang, book.programme.currency)
        return f"{was} → {now}"

    def _changes(self, flip: Flip) -> Iterator[str]:
        """What was changed in the criteria behind a flip: the leaves that ask for something else now."""
        findings = self._result.confirmation.findings.get(flip.row, {})
        for name in flip.criteria:
            if name.startswith(_SCORE):
                asked = self._score_demand(flip.track, name.removeprefix(_SCORE))
                if "→" in asked:
                    yield f"{self.title(name)}: {asked}"
            old, new = ([each for each in findings.get(side, []) if each["criterion"] == name] for side in SIDES)
            if not old and not new:
                continue
            if not old or not new:
                yield pick(("a new criterion", "新增指标") if new else ("no longer asked for", "不再要求"), self._lang)
                continue
            for before, after in _paired(old[0]["leaves"], new[0]["leaves"]):
                moved = self._moved(before, after)
                if moved:
                    yield f"{self._fact(before or after)}: {moved}"

    def _fact(self, leaf: dict[str, Any] | None) -> str:
        assert leaf is not None
        for side in reversed(SIDES):
            fact = self._books[side].facts.get(leaf["fact"])
            if fact is not None:
                return pick((fact.title.en, fact.title.zh), self._lang)
        return str(leaf["fact"])

    def _score(self, flip: Flip, name: str) -> str:
        """A score under both books, where the record was asked about again."""
        claim = self._claims.get(flip.row)
        if claim is None:
            return ""
        shown = []
        for side in SIDES:
            value = claim.answers[side].said.scores.get(name)
            shown.append("-" if value is None else scaled_text(value, self._decimals(flip.track, side, name)))
        return shown[0] if shown[0] == shown[1] else " → ".join(shown)

    def _score_demand(self, track: str, name: str) -> str:
        """What outcome rows ask of a score, before and now: ``at least 60 → 66``."""
        old, new = (self._score_atoms(track, side, name) for side in SIDES)
        was, now = (", ".join(text for _, _, text in atoms) for atoms in (old, new))
        if was == now:
            return was
        if len(old) == len(new) == 1 and old[0][0] == new[0][0] and old[0][0] in _ORDERED:
            return f"{was} → {plain_text(new[0][1], self._decimals(track, 'candidate', name))}"
        missing = pick(("not asked", "未要求"), self._lang)
        return f"{was or missing} → {now or missing}"

    def _score_atoms(self, track: str, side: Side, name: str) -> list[tuple[str, Any, str]]:
        """What outcome rows of one book ask of a score: operator, operand (scaled), in words."""
        rows = self._result.trials[track][side].eligibility.outcomes
        found: list[tuple[str, Any, str]] = []
        for atom in (atom for row in rows for atom in row.when):
            if not _asks_for(atom, name):
                continue
            operands = atom.operand if isinstance(atom.operand, tuple) else (atom.operand,)
            shown = [plain_text(each, self._decimals(track, side, name)) for each in operands]
            asked = demand_text(None, atom.op, shown if atom.op == "between" else shown[0], self._lang)
            found.append((atom.op, atom.operand, asked))
        return found

    def _score_distance(self, flip: Flip, name: str) -> str:
        """How far a score is from what the candidate asks for, where it asks for one least value."""
        claim, atoms = self._claims.get(flip.row), self._score_atoms(flip.track, "candidate", name)
        value = None if claim is None else claim.answers["candidate"].said.scores.get(name)
        if value is None or len(atoms) != 1 or atoms[0][0] != "at_least" or value >= atoms[0][1]:
            return ""
        short = scaled_text(atoms[0][1] - value, self._decimals(flip.track, "candidate", name))
        return distance_text(None, "at_least", short, self._lang)

    def _decimals(self, track: str, side: Side, name: str) -> int:
        score = self._result.trials[track][side].eligibility.scores.get(name)
        return 0 if score is None else score.decimals


def _at(mark: Mark) -> str:
    return f"{Path(mark.path).name}:{mark.line}"


def _asks_for(atom: object, score: str) -> TypeGuard[ScoreAtom]:
    return isinstance(atom, ScoreAtom) and atom.score == score


def _paired(
    before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]
) -> Iterator[tuple[dict[str, Any] | None, dict[str, Any] | None]]:
    """Leaves over the same fact, in the order of the candidate's file; what one book does not have is None."""
    rest = list(before)
    for leaf in after:
        same = next((each for each in rest if each["fact"] == leaf["fact"]), None)
        if same is not None:
            rest.remove(same)
        yield same, leaf
    for each in rest:
        yield each, None


def _verdict(leaf: dict[str, Any] | None) -> str | None:
    return None if leaf is None else str(leaf["verdict"])
