"""Whether a bonus can fall or rise with a changed book: amounts of an incentive rule book, on one track.

The amount is a product of two things that vary, sales and trust, which the solver cannot reason about as a whole. At a
single score it is linear in the sales, and it never falls with the score. So scores are taken together in ranges: where
even the best score of a range in the one book gives no more than the worst in the other, there is nothing to find;
otherwise the range is halved. There are finitely many scores, so this ends; where time is up before, the answer is
``undecided``. Most changes are proven harmless at once, part by part: gates, tiers, multiplier, score and caps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from itertools import pairwise, product
from math import floor, lcm

import z3

from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import EngineFault
from rules.diffing.logic import Sum, judge, score_of
from rules.diffing.meaning import Answer, Meaning
from rules.diffing.numbers import Term
from rules.diffing.relation import leaves, text_uses
from rules.diffing.solving import Budget, Solver
from rules.diffing.space import NEW, OLD, Space, View, days_of
from rules.diffing.witness import Judges, Witness, constants_of
from rules.evaluate import CompiledBook
from rules.model import Book, Eligibility, Incentive, Score, Tier
from rules.records import Context, Record
from rules.scores import curve_at

Scores = tuple[int, int]
"""The least and the greatest of a range of scores, scaled."""
Box = tuple[Scores | None, Scores | None]
"""A range of scores in each book; None: whoever gets nothing there, whatever the score."""


@dataclass(frozen=True, slots=True)
class Side:
    """An incentive rule book of one of the books, with the eligibility book whose score it multiplies by."""

    incentive: Incentive
    eligibility: Eligibility
    view: View

    @property
    def by(self) -> str | None:
        """The fact by which there are caps."""
        table = self.incentive.caps.category_per_month
        return None if table is None else table.by

    @property
    def score(self) -> Score:
        """The score that multiplies."""
        return self.eligibility.scores[self.incentive.multiplier_score]


@dataclass(frozen=True, slots=True)
class Terms:
    """A side as terms of the solver: whether there may be a grant at all, and the score."""

    open: Term
    score: Sum


def bonus_meaning(books: tuple[Book, Book], names: tuple[str, str], track: str, budget: Budget) -> Meaning | None:
    """Whether the amounts of an incentive rule book, called ``names`` in the books, can fall and rise on ``track``.

    None where there is no day on which all the rule books that it takes are in force.
    """
    rulebooks = [book.incentive[name] for book, name in zip(books, names, strict=True)]
    screening = [each for each in (_eligibility(book, track) for book in books) if each is not None]
    days = days_of([*(each.head for each in rulebooks), *(each.head for each in screening)])
    if len(screening) < 2 or days[0] > days[1]:
        return None
    space = Space(books, days, text_uses(books, [rulebook.gates for rulebook in rulebooks]))
    sides = [
        Side(rulebook, eligibility, View(space, side))
        for side, (rulebook, eligibility) in enumerate(zip(rulebooks, screening, strict=True))
    ]
    comparison = _Comparison((sides[OLD], sides[NEW]), Solver(space, budget), _Amounts(books, names, track, days[0]))
    return Meaning(names, comparison.moves(rises=False), comparison.moves(rises=True))


def _eligibility(book: Book, track: str) -> Eligibility | None:
    return next((each for each in book.eligibility.values() if track in each.head.parties), None)


class _Comparison:
    """Both sides, asked in both directions."""

    def __init__(self, sides: tuple[Side, Side], solver: Solver, judges: Judges) -> None:
        self._sides, self._solver, self._judges = sides, solver, judges
        self._terms = tuple(_terms(side) for side in sides)
        self._scores = tuple(_ranges(side) for side in sides)
        old, new = (terms.score for terms in self._terms)
        same_scale = sides[OLD].score.decimals == sides[NEW].score.decimals
        self._tied = same_scale and old.unit == new.unit and old.total.eq(new.total)

    def moves(self, *, rises: bool) -> Answer[Witness]:
        """Whether an amount can rise (or fall)."""
        way = _Way(OLD, NEW) if not rises else _Way(NEW, OLD)
        harmless = self._harmless(way)
        waiting = deque(box for box in self._boxes(way) if not harmless(box))
        while waiting:
            box = waiting.popleft()
            goal = self._may_move(box, rises=rises)
            answer = self._solver.first(goal, lambda record, at: self._judges.witness(record, at, rises=rises))
            if answer is None:
                waiting += [half for half in self._halves(box) if not harmless(half)]
            elif answer.said != "no":
                return answer
        why = self._solver.reasons()
        return Answer("undecided", why=why) if why and not self._surely(way) else Answer("no")

    def _may_move(self, box: Box, *, rises: bool) -> Term:
        """Whether, by the least that the one side gives in its range of scores and the most that the other does, an
        amount may rise (or fall). Without a range: there is no grant."""
        end = (0, 1) if rises else (1, 0)
        amounts = [
            z3.IntVal(0) if scores is None else _amount(side, scores[end[place]])
            for place, (side, scores) in enumerate(zip(self._sides, box, strict=True))
        ]
        where = [
            z3.Not(terms.open) if scores is None else z3.And(terms.open, _between(terms.score, scores))
            for terms, scores in zip(self._terms, box, strict=True)
        ]
        return z3.And(*where, amounts[NEW] > amounts[OLD] if rises else amounts[NEW] < amounts[OLD])

    # --- ranges of scores

    def _boxes(self, way: _Way) -> Iterator[Box]:
        """All there is to look at: grants that only one book gives, single scores at which a curve bends, then ranges.
        Where both scores are one and the same, both books' ranges are, too."""
        if not self._solver.none(z3.And(self._terms[way.low].open, z3.Not(self._terms[way.high].open))):
            alone = [(None, scores) if way.low == NEW else (scores, None) for scores in self._scores[way.low]]
            yield from alone
        if self._tied:
            ranges = _cut(self._scores[OLD], self._scores[NEW])
            yield from (((end, end), (end, end)) for end in dict.fromkeys(end for each in ranges for end in each))
            yield from ((each, each) for each in ranges)
        else:
            yield from product(*self._scores)

    def _halves(self, box: Box) -> list[Box]:
        """The box in two, along its longer side. Raises ``EngineFault`` for single scores: amounts are exact there."""
        sizes = [-1 if scores is None else scores[1] - scores[0] for scores in box]
        if max(sizes) == 0:
            raise EngineFault("the solver and the evaluator do not agree about a record", hint="report both books")
        side = sizes.index(max(sizes))
        whole = box[side]
        assert whole is not None
        middle = (whole[0] + whole[1]) // 2
        halves = [(whole[0], middle), (middle + 1, whole[1])]
        if self._tied and None not in box:
            return [(half, half) for half in halves]
        return [(half, box[NEW]) if side == OLD else (box[OLD], half) for half in halves]

    def _harmless(self, way: _Way) -> Callable[[Box], bool]:
        """What tells of a box, without the solver, that the low side gives no more in it than the high one."""
        less, more = self._sides[way.low], self._sides[way.high]
        parts = (
            _same_scale(less, more)
            and _tiers_at_most(less, more)
            and _caps_at_most(less, more)
            and self._solver.none(z3.And(self._terms[way.low].open, _base(less) > _base(more)))
        )
        ordered = parts and (self._tied or self._solver.none(self._scores_above(way), share=4))

        def harmless(box: Box) -> bool:
            low, high = box[way.low], box[way.high]
            if not parts or low is None or high is None:
                return False
            if ordered and _curve_at_most(less, more, (min(low[0], high[0]), max(low[1], high[1]))):
                return True
            return _multiplier(less, low[1]) <= _multiplier(more, high[0])

        return harmless

    def _scores_above(self, way: _Way) -> Term:
        """Where both books give something, the score of the low side, as shown, is above that of the high one."""
        terms = [self._terms[side] for side in (way.low, way.high)]
        scales = [10 ** self._sides[side].score.decimals for side in (way.low, way.high)]
        low, high = (
            each.score.total / each.score.unit * (max(scales) // scale)
            for each, scale in zip(terms, scales, strict=True)
        )
        return z3.And(*(each.open for each in terms), low > high)

    def _surely(self, way: _Way) -> bool:
        """Whether the low side never gives more, whatever the scores are, records included that nobody can write."""
        harmless = self._harmless(way)
        here, apart = self._terms[way.low].open, z3.Not(self._terms[way.high].open)
        ranges = _cut(*self._scores)
        return self._solver.none(z3.And(here, apart)) and all(harmless((each, each)) for each in ranges)


@dataclass(frozen=True, slots=True)
class _Way:
    """Which side is asked to give more (``low``: it should not) than the other."""

    low: int
    high: int


def _terms(side: Side) -> Terms:
    view, incentive = side.view, side.incentive
    score = score_of(side.score, view)
    shut = [z3.Or(each.fails, each.unknown) for each in (judge(gate, view) for gate in incentive.gates)]
    known = [view.seen(incentive.base_fact).known, score.known]
    if incentive.caps.category_per_month is not None:
        known.append(view.seen(incentive.caps.category_per_month.by).known)
    return Terms(z3.And(*known, z3.Not(z3.Or(shut))), score)


def _base(side: Side) -> Term:
    return side.view.number(side.incentive.base_fact).term()


def _same_scale(one: Side, other: Side) -> bool:
    """Whether the stored values of both bases count the same."""
    facts = [side.view.facts[side.incentive.base_fact] for side in (one, other)]
    return facts[0].type == facts[1].type and facts[0].decimals == facts[1].decimals


def _between(score: Sum, scores: Scores) -> Term:
    return z3.And(score.at_least(scores[0]), z3.Not(score.at_least(scores[1] + 1)))


def _amount(side: Side, score: int) -> Term:
    """The amount at a score: the floor of a linear function of the base, and the caps."""
    multiplier = _multiplier(side, score)
    pieces = _pieces(side)
    common = multiplier.denominator * lcm(*(number.denominator for piece in pieces for number in piece[1:]))
    base = side.view.number(side.incentive.base_fact)
    total: Term = z3.IntVal(0)
    for begins, rate, offset in pieces:
        here = base.term() * int(rate * multiplier * common) + int(offset * multiplier * common)
        total = here if begins == 0 else z3.If(base.at_least(begins + 1), here, total)
    amount = total / common
    for cap in _caps(side):
        amount = z3.If(amount > cap, cap, amount)
    return amount


def _pieces(side: Side) -> list[tuple[int, Fraction, Fraction]]:
    """Where each tier begins (a stored value), and the line over it: units for each stored unit, and an offset."""
    fact = side.view.facts[side.incentive.base_fact]
    unit = 10**fact.decimals if fact.type == "money" else 1
    found: list[tuple[int, Fraction, Fraction]] = []
    begins, reached = 0, Fraction(0)
    for tier in side.incentive.tiers:
        rate = tier.rate / unit
        found.append((begins, rate, reached - rate * begins))
        if tier.up_to is not None:
            reached += rate * (tier.up_to - begins)
            begins = tier.up_to
    return found


def _caps(side: Side) -> Iterator[Term]:
    """Caps of the book, by the party's category where they are."""
    caps = side.incentive.caps
    yield from (z3.IntVal(cap) for cap in (caps.single_grant, caps.party_per_year) if cap is not None)
    table = caps.category_per_month
    if table is not None:
        codes = side.view.seen(table.by).codes or {}
        found: Term = z3.IntVal(table.default or 0)
        for code, flag in codes.items():
            if code in table.rows:
                found = z3.If(flag, table.rows[code], found)
        yield found


# --- which scores there are, and what is never more ---------------------------------------------------------------


def _ranges(side: Side) -> list[Scores]:
    """What the score can be, scaled, cut where the multiplier bends."""
    scale = 10**side.score.decimals
    ys = [[y for _, y in part.curve] if part.curve else [Fraction(0), Fraction(100)] for part in side.score.parts]
    low, high = (
        floor(sum(part.weight * end(own) for part, own in zip(side.score.parts, ys, strict=True)) * scale / 100)
        for end in (min, max)
    )
    bends = [floor(x * scale) for x, _ in side.incentive.multiplier_curve]
    cuts = sorted({low, *(bend + 1 for bend in bends if low <= bend < high)})
    return [(begin, after - 1) for begin, after in pairwise([*cuts, high + 1])]


def _tiers_at_most(less: Side, more: Side) -> bool:
    """Whether the tiers of ``less`` give no base more units than those of ``more``: at every bend, and beyond."""
    own, other = _pieces(less), _pieces(more)
    bends = sorted({begins for begins, _, _ in (*own, *other)})
    at_bends = all(_units(own, bend) <= _units(other, bend) for bend in bends)
    return at_bends and own[-1][1] <= other[-1][1]


def _units(pieces: list[tuple[int, Fraction, Fraction]], base: int) -> Fraction:
    rate, offset = next((rate, offset) for begins, rate, offset in reversed(pieces) if begins <= base)
    return rate * base + offset


def _multiplier(side: Side, score: int) -> Fraction:
    return curve_at(side.incentive.multiplier_curve, Fraction(score, 10**side.score.decimals))


def _curve_at_most(less: Side, more: Side, scores: Scores) -> bool:
    """Whether one multiplier is nowhere in a range above the other: both are lines between all their bends."""
    bends = {floor(x * 10**side.score.decimals) for side in (less, more) for x, _ in side.incentive.multiplier_curve}
    beside = {bend + step for bend in bends for step in (0, 1)}
    wanted = {*scores, *(bend for bend in beside if scores[0] <= bend <= scores[1])}
    return all(_multiplier(less, score) <= _multiplier(more, score) for score in wanted)


def _cut(one: list[Scores], other: list[Scores]) -> list[Scores]:
    """The same scores, cut where either list cuts them."""
    begins = sorted({begin for begin, _ in (*one, *other)})
    last = max(end for _, end in (*one, *other))
    return [(begin, after - 1) for begin, after in pairwise([*begins, last + 1])]


def _caps_at_most(less: Side, more: Side) -> bool:
    """Whether the least of all caps is never more, whatever the category."""
    own, theirs = _least_caps(less), _least_caps(more)
    if less.by == more.by:
        return all(_at_most(own[code], theirs[code]) for code in own if code in theirs)
    return all(_at_most(low, high) for low in own.values() for high in theirs.values())


def _least_caps(side: Side) -> dict[str | None, int | None]:
    """Category (None: of whatever one) -> the least cap, or None where there is none."""
    caps = side.incentive.caps
    fixed = [cap for cap in (caps.single_grant, caps.party_per_year) if cap is not None]
    table = caps.category_per_month
    if table is None:
        return {None: min(fixed, default=None)}
    codes = side.view.facts[table.by].choices or {}
    return {code: min([*fixed, table.rows.get(code, table.default) or 0]) for code in codes}


def _at_most(low: int | None, high: int | None) -> bool:
    return high is None or (low is not None and low <= high)


class _Amounts(Judges):
    """Amounts of an incentive rule book on one track."""

    def __init__(self, books: tuple[Book, Book], names: tuple[str, str], track: str, day: date) -> None:
        super().__init__(books, day)
        self._names = names
        self._context = Context(track=track)
        self._track = track

    def decided(self, side: int, book: CompiledBook, record: Record, at: datetime) -> Decision:
        return book.decide(self._names[side], book.ask(record, book.moment(at)), self._context)

    def weight(self, decision: Decision) -> int:
        return int(decision.result["amount"])

    def columnar(self, side: int, record: Record, at: datetime) -> int:
        from rules.columnar import amount_of

        return amount_of(self.books[side], self._names[side], record, at, self._track)

    def constants(self) -> dict[str, set[int]]:
        rulebooks = [book.incentive[name] for book, name in zip(self.books, self._names, strict=True)]
        found = constants_of(leaf for rulebook in rulebooks for gate in rulebook.gates for leaf in leaves(gate))
        for rulebook in rulebooks:
            found.setdefault(rulebook.base_fact, set()).update(_ends(rulebook.tiers))
        return found

    def still(self, before: tuple[int, int], after: tuple[int, int]) -> bool:
        return (after[NEW] - after[OLD]) * (before[NEW] - before[OLD]) > 0


def _ends(tiers: tuple[Tier, ...]) -> set[int]:
    return {tier.up_to for tier in tiers if tier.up_to is not None}
