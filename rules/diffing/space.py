"""The records that two books can both be given: their facts, computed ones included, as terms of the solver."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import z3

from rules.comparisons import UNKNOWN_VALUE
from rules.diffing.numbers import Number, Quotient, Term, floored, greatest, least
from rules.diffing.patterns import Sorts, sorts_of
from rules.diffing.variables import NEW, OLD, Model, Seen, Variable, variable
from rules.model import Book, FactDef, Head
from rules.records import Observed, Record
from rules.situation import LARGEST

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
"""Days of decision that are looked at where a rule book does not say when it is in force."""

Days = tuple[date, date]
"""The first and the last day of decision."""

Texts = Mapping[str, tuple[set[str], set[str]]]
"""Text fact -> the literals and the patterns that it is compared with."""


class Space:
    """Variables of the facts of two books, made as they are asked for.

    ``axioms`` is what holds of every record; it grows. ``wider`` is a flag of the solver: false, every model is a
    record that both books take; true, there may be models that are none, but no record is missing. ``reasons`` says of
    which facts that is so; without any the flag makes no difference.
    """

    def __init__(self, books: tuple[Book, Book], days: Days, texts: Texts) -> None:
        self.books = books
        self.axioms: list[Term] = []
        self.wider: Term = z3.Bool("wider")
        self.reasons: dict[str, str] = {}
        self.quotients: list[Quotient] = []
        self._texts = texts
        self._variables: dict[str, Variable] = {}
        self._computed: dict[Any, Number] = {}
        self._days = self._days_of(days)

    def tell(self, axiom: Term) -> None:
        """Let ``axiom`` hold of every record."""
        self.axioms.append(axiom)

    def widen(self, name: str, why: str) -> None:
        """Note that ``wider`` makes a difference for ``name``."""
        self.reasons.setdefault(name, why)

    def sorts(self, name: str) -> Sorts:
        """The sorts of texts of a text fact."""
        return sorts_of(*self._texts.get(name, (set(), set())))

    def day(self, side: int) -> Term:
        """The local day of decision as the book of that side sees it."""
        return self._days[side]

    def base(self, name: str, side: int) -> Seen:
        """The base fact ``name`` as the book of that side sees it."""
        if name not in self._variables:
            self._variables[name] = variable(self, name, *(_base(book, name) for book in self.books))
        seen = self._variables[name].sides[side]
        assert seen is not None  # the book has the fact, or nobody would ask
        return seen

    def computed(self, key: Any, make: Any) -> Number:
        """What both books compute in the same way from the same terms is one number."""
        if key not in self._computed:
            self._computed[key] = make()
        return self._computed[key]

    def record(self, model: Model) -> tuple[Record, datetime]:
        """The record and the moment that ``model`` stands for."""
        at = self._moment(model)
        given: dict[str, Observed] = {}
        for name, each in sorted(self._variables.items()):
            observed = each.observed(model, at)
            if observed is not None:
                given[name] = observed
        return Record("witness", given), at

    def refine(self, model: Model) -> bool:
        """Sharpen what is only approximated, where ``model`` makes use of that. False: it does not."""
        refined = [quotient.refine(model) for quotient in self.quotients]
        return any(refined)

    def exact(self) -> Term | None:
        """A condition under which nothing is approximated that was refined before; None where nothing was."""
        plain = [each for each in (quotient.plain() for quotient in self.quotients) if each is not None]
        return z3.And(plain) if plain else None

    def _moment(self, model: Model) -> datetime:
        """Noon of the model's day, or the nearest hour that is of the right day in both time zones."""
        zones = [ZoneInfo(book.programme.time_zone) for book in self.books]
        days = [date.fromordinal(int(model(day))) for day in self._days]
        noon = datetime.combine(days[NEW], time(12), tzinfo=zones[NEW]).astimezone(UTC)
        for hours in sorted(range(-12, 12), key=abs):
            at = noon + timedelta(hours=hours)
            if [at.astimezone(zone).date() for zone in zones] == days:
                return at
        return noon

    def _days_of(self, days: Days) -> tuple[Term, Term]:
        day = z3.Int("day")
        self.tell(z3.And(day >= days[0].toordinal(), day <= days[1].toordinal()))
        if len({book.programme.time_zone for book in self.books}) == 1:
            return day, day
        before = z3.Int("day of the old book")
        self.widen("as_of", "the two books are of different time zones, so a moment may be of two days")
        self.tell(z3.And(before - day >= -2, before - day <= 2))
        self.tell(z3.Or(before == day, self.wider))
        return before, day


class View:
    """The facts of a space as one of the two books sees them."""

    def __init__(self, space: Space, side: int) -> None:
        self.space, self.side = space, side
        self.facts = space.books[side].facts
        self._seen: dict[str, Seen] = {}

    def seen(self, name: str) -> Seen:
        """The fact ``name``."""
        if name not in self._seen:
            fact = self.facts[name]
            self._seen[name] = self.space.base(name, self.side) if fact.derivation is None else self._derived(fact)
        return self._seen[name]

    def number(self, name: str) -> Number:
        """The number of the fact ``name``, which is one."""
        found = self.seen(name).number
        assert found is not None
        return found

    def _derived(self, fact: FactDef) -> Seen:
        derivation = fact.derivation
        assert derivation is not None
        known = [self.seen(arg).known for arg in derivation.args]
        args = [self.number(arg) for arg in derivation.args]
        if derivation.op == "quotient":
            known.append(args[1].term() != 0)
        value = self._computed(fact, args)
        low, high = fact.range or (-LARGEST, LARGEST)
        low, high = max(low, -LARGEST), min(high, LARGEST)
        known.append(value.within(low, high))
        if low <= UNKNOWN_VALUE <= high:
            known.append(z3.Not(value.equals(UNKNOWN_VALUE)))
        return Seen(z3.And(known), value)

    def _computed(self, fact: FactDef, args: list[Number]) -> Number:
        """What is computed, floored once to the fact's own scale, before its range is looked at."""
        assert fact.derivation is not None
        op = fact.derivation.op
        scales = [10 ** self.facts[arg].decimals for arg in fact.derivation.args]
        scale = 10**fact.decimals
        space = self.space
        if op == "age_in_days":
            return Number((space.day(self.side) - args[0].term()) * scale)
        terms = [arg.term() for arg in args]
        if op == "quotient":
            by, over = _lowest(scales[0], scales[1] * scale)
            key = (op, *(term.get_id() for term in terms), over, by)
            return space.computed(key, lambda: self._quotient(args, over, by))
        finest = max(scales)
        even = [term * (finest // own) if finest > own else term for term, own in zip(terms, scales, strict=True)]
        match op:
            case "difference":
                found = even[0] - even[1]
            case "sum":
                found = z3.Sum(sorted(even, key=_place))
            case "minimum":
                found = least(sorted(even, key=_place))
            case _:
                found = greatest(sorted(even, key=_place))
        times, by = _lowest(scale, finest)
        key = (found.get_id(), times, by)
        return space.computed(key, lambda: Number(floored(found * times if times > 1 else found, by)))

    def _quotient(self, args: list[Number], over: int, by: int) -> Number:
        # named by its place, so that it has the same name whatever else the process compared
        name = f"quotient {len(self.space.quotients)}"
        quotient = Quotient(args[0], args[1], over, by, self.space.tell, name)
        self.space.quotients.append(quotient)
        return quotient


def days_of(heads: Iterable[Head]) -> Days:
    """The days on which all rule books with these heads are in force."""
    found = list(heads)
    first = max((head.effective_from for head in found if head.effective_from), default=FIRST_DAY)
    ends = [head.effective_until for head in found if head.effective_until]
    return first, min(ends) - timedelta(days=1) if ends else max(LAST_DAY, first)


def texts_of(leaves: Iterable[tuple[str, str, object]]) -> Texts:
    """What text facts are compared with, from (fact, operator, operand) of every leaf over one."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for name, op, operand in leaves:
        literals, patterns = found.setdefault(name, (set(), set()))
        items = operand if isinstance(operand, tuple) else (operand,)
        (patterns if op == "matches" else literals).update(str(item) for item in items)
    return found


def _base(book: Book, name: str) -> FactDef | None:
    """The fact as a record gives it: what somebody gives for a derived fact is not read."""
    fact = book.facts.get(name)
    return None if fact is None or fact.derivation is not None else fact


def _lowest(one: int, other: int) -> tuple[int, int]:
    by = math.gcd(one, other)
    return one // by, other // by


def _place(term: Term) -> int:
    """Where a term was made: an order in which the same terms are always the same sum."""
    return int(term.get_id())


__all__ = ["NEW", "OLD", "Space", "View", "days_of", "texts_of"]
