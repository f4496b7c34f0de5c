"""Brings a derived fact to a value by moving one of the facts that it is computed from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rules.model import FactDef
from rules.situation import FactReader, Moment
from rules.testing.options import middling, span

Values = Mapping[str, Any]


class Mover:
    """Moves facts at one moment. ``Values`` have every fact of the vocabulary, in its own scale (None: unknown)."""

    def __init__(self, facts: Mapping[str, FactDef], reader: FactReader, moment: Moment) -> None:
        self._facts, self._reader, self._moment = facts, reader, moment

    def bases(self, name: str) -> list[str]:
        """The facts that ``name`` comes from and that are given: itself, unless it is derived."""
        derivation = self._facts[name].derivation
        if derivation is None:
            return [name]
        return list(dict.fromkeys(base for arg in derivation.args for base in self.bases(arg)))

    def given(self, values: Values, name: str) -> dict[str, int]:
        """Middling values for the facts that ``name`` needs and that are not known."""
        return {
            base: middling(self._facts[base], self._moment.day) for base in self.bases(name) if values[base] is None
        }

    def with_(self, values: Values, given: Mapping[str, int]) -> dict[str, Any]:
        """``values`` with these facts given, and what follows from them."""
        found = {**values, **given}
        self._reader.complete(found, self._moment)
        return found

    def moves(self, values: Values, name: str, target: int) -> Iterator[tuple[str, int]]:
        """(fact, value): each lone change of a base fact that brings ``name`` to ``target``, or right beyond it."""
        now = values[name]
        if now is None or now == target:
            return
        for base in self.bases(name):
            start = values[base]
            for end in span(self._facts[base]) if isinstance(start, int) else ():
                value = self._crossing(values, name, base, end, target)
                if value is not None:
                    yield base, value
                    break

    def _crossing(self, values: Values, name: str, base: str, end: int, target: int) -> int | None:
        """The value of ``base`` nearest to its own, on the way to ``end``, by which ``name`` reaches ``target``."""
        start, above = values[base], target > values[name]

        def reached(value: int) -> bool | None:
            found = self.with_(values, {base: value})[name]
            return None if found is None else bool(found >= target if above else found <= target)

        near = start
        for far in _waypoints(start, end):
            if reached(far):
                break
            near = far
        else:
            return None
        while abs(far - near) > 1:
            middle = (near + far) // 2
            if reached(middle):
                far = middle
            else:
                near = middle
        return int(far)


def _waypoints(start: int, end: int) -> list[int]:
    """Values on the way, denser at both ends: so far out a derived fact may be out of its own range, and not known."""
    way = end - start
    parts = {way * step // 16 for step in range(1, 17)}
    parts |= {way // 2**power for power in range(1, 40)} | {way - way // 2**power for power in range(1, 40)}
    return [start + part for part in sorted(parts, key=abs) if part]
