"""What a party's facts are worth at one moment: parsed, aged and derived; unknown is None, and why is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastbrand.domain.errors import InputError
from rules.comparisons import UNKNOWN_VALUE
from rules.fact_texts import ReadText, text_reader
from rules.model import MAX_INT, Book, FactDef, Value
from rules.records import Observed, Record
from rules.values import render

LARGEST = MAX_INT - 1
"""Largest integer that the canonical form of a decision can carry."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The moment a decision is made for: ``text`` is RFC 3339 in UTC, ``day`` the local day's ordinal."""

    at: datetime
    text: str
    day: int

    @classmethod
    def of(cls, as_of: datetime, zone: ZoneInfo) -> Moment:
        """The moment ``as_of`` in the programme's time zone. Raises ``InputError`` where it has no zone of its own."""
        if as_of.tzinfo is None:
            raise InputError(f"the moment `{as_of.isoformat()}` has no time zone", hint="give an offset, like `Z`")
        text = as_of.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return cls(as_of, text, as_of.astimezone(zone).toordinal())


@dataclass(slots=True)  # not frozen: a frozen one costs several times as much to make
class Facts:
    """The facts of one party at one moment.

    ``values`` has every fact of the vocabulary (a ``rules.model.Value`` by the fact's type, None: unknown), ``causes``
    says why for the unknown ones, ``warnings`` are ``{code, fact, value}`` of derived facts that left their range.
    """

    moment: Moment
    values: Mapping[str, Any]
    causes: Mapping[str, str]
    warnings: tuple[dict[str, str], ...]


Derive = Callable[[Mapping[str, Value | None], int], int | str]
"""From values and the local day to the derived value, or to the cause why it is unknown."""

_Compute = Callable[[list[int], list[int], int, int], int | str]
"""From the arguments, their scales, the scale of the result and the local day to the same."""


class FactReader:
    """Reads records by the vocabulary of one book."""

    def __init__(self, book: Book) -> None:
        self._texts = {name: _usable_reader(fact) for name, fact in book.facts.items() if fact.derivation is None}
        self._unknown: dict[str, Value | None] = dict.fromkeys(book.facts)
        self._ages = {
            name: timedelta(milliseconds=fact.max_age_ms)
            for name, fact in book.facts.items()
            if fact.max_age_ms is not None
        }
        self._derived = tuple((book.facts[name], _deriver(book.facts, name)) for name in _in_order(book.facts))

    def read(self, record: Record, moment: Moment) -> Facts:
        """The facts of ``record`` at ``moment``. Raises ``InputError`` where one cannot be taken as it is.

        What is no fact of the vocabulary is left out; so is what somebody gave for a derived fact.
        """
        values = self._unknown.copy()
        causes: dict[str, str] = {}
        reader_of = self._texts.get
        for name, observed in record.facts.items():
            text, read = observed.text, reader_of(name)
            if text is None or read is None:
                continue
            value = read(text)
            if value is not None and observed.observed_at is not None and self._stale(name, observed, moment):
                causes[name] = "stale"
            else:
                values[name] = value
        warnings = self._derive(values, causes, moment) if self._derived else ()
        return Facts(moment, values, causes, warnings)

    def complete(self, values: dict[str, Value | None], moment: Moment) -> None:
        """Put every derived fact into ``values``, which has every other fact of the vocabulary."""
        values.update((fact.name, None) for fact, _ in self._derived)
        self._derive(values, {}, moment)

    def _stale(self, name: str, observed: Observed, moment: Moment) -> bool:
        at = observed.observed_at
        assert at is not None
        if at.tzinfo is None:
            raise InputError(
                f"`{name}` was observed at `{at.isoformat()}`, which has no time zone", hint="give an offset"
            )
        age = self._ages.get(name)
        return age is not None and moment.at - at > age

    def _derive(
        self, values: dict[str, Value | None], causes: dict[str, str], moment: Moment
    ) -> tuple[dict[str, str], ...]:
        warnings: list[dict[str, str]] = []
        for fact, derive in self._derived:
            value = derive(values, moment.day)
            if isinstance(value, str):
                causes[fact.name] = value
                continue
            low, high = fact.range or (-LARGEST, LARGEST)
            if low <= value <= high and abs(value) <= LARGEST and value != UNKNOWN_VALUE:
                values[fact.name] = value
            else:
                causes[fact.name] = "out_of_range"
                shown = str(render(fact, value)) if fact.type != "date" else str(value)
                warnings.append({"code": "derived_out_of_range", "fact": fact.name, "value": shown})
        return tuple(warnings)


def _usable_reader(fact: FactDef) -> ReadText:
    """How a text of ``fact`` is read; what cannot be told from unknown, or not be written down again, is refused."""
    read = text_reader(fact)
    low, high = fact.range or (-MAX_INT, MAX_INT)
    numbers = fact.type in ("money", "ratio", "count", "score", "duration")
    if not numbers or (low >= -LARGEST and high <= LARGEST and not low <= UNKNOWN_VALUE <= high):
        return read

    def usable(text: str) -> Value | None:
        value = read(text)
        if type(value) is int and not (-LARGEST <= value <= LARGEST and value != UNKNOWN_VALUE):
            raise InputError(
                f"`{text[:60]}` cannot be used for the fact `{fact.name}`",
                hint="give a smaller number",
                code="out_of_range",
            )
        return value

    return usable


def facts_behind(facts: Mapping[str, FactDef], names: set[str]) -> frozenset[str]:
    """``names`` and every fact they are derived from, at any depth."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found or name not in facts:
            continue
        found.add(name)
        derivation = facts[name].derivation
        waiting += derivation.args if derivation else ()
    return frozenset(found)


def _in_order(facts: Mapping[str, FactDef]) -> list[str]:
    """Derived facts, each behind those it is derived from (the loader lets no cycle in)."""
    done: dict[str, None] = {}

    def visit(name: str) -> None:
        derivation = facts[name].derivation
        if derivation is None or name in done:
            return
        for arg in derivation.args:
            visit(arg)
        done[name] = None

    for name in facts:
        visit(name)
    return list(done)


def _deriver(facts: Mapping[str, FactDef], name: str) -> Derive:
    """How ``name`` is computed: exact, floored once to its own scale."""
    fact = facts[name]
    derivation = fact.derivation
    assert derivation is not None
    args = derivation.args
    scales = [10 ** facts[arg].decimals for arg in args]
    scale = 10**fact.decimals
    compute = _COMPUTE[derivation.op]

    def derive(values: Mapping[str, Value | None], day: int) -> int | str:
        given = [values[arg] for arg in args]
        if None in given:
            return "input_unknown"
        return compute([int(value) for value in given if isinstance(value, int)], scales, scale, day)

    return derive


def _quotient(given: list[int], scales: list[int], scale: int, _day: int) -> int | str:
    over, under = given
    if under == 0:
        return "division_by_zero"
    return over * scales[1] * scale // (scales[0] * under)


def _age_in_days(given: list[int], _scales: list[int], scale: int, day: int) -> int | str:
    return (day - given[0]) * scale


def _of_one_scale(combine: Callable[[list[int]], int]) -> _Compute:
    def compute(given: list[int], scales: list[int], scale: int, _day: int) -> int | str:
        finest = max(scales)
        return combine([value * (finest // own) for value, own in zip(given, scales, strict=True)]) * scale // finest

    return compute


def _difference(values: list[int]) -> int:
    return values[0] - values[1]


_COMPUTE: dict[str, _Compute] = {
    "quotient": _quotient,
    "age_in_days": _age_in_days,
    "difference": _of_one_scale(_difference),
    "sum": _of_one_scale(sum),
    "minimum": _of_one_scale(min),
    "maximum": _of_one_scale(max),
}
