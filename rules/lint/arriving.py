"""Base facts that make a fact come to a value: the derivations read backwards."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice

from rules.lint.study import Study
from rules.model import Derivation, Value

MAX_WAYS = 12
"""Most ways to one value that are offered."""

Known = Mapping[str, Value | None]
Change = dict[str, Value | None]


def arrivals(study: Study, known: Known, day: int, name: str, target: Value) -> Iterator[Change]:
    """Changes of base facts after which ``name`` may well be ``target``; facts in ``known`` may be left as they are."""
    return islice(_ways(study, known, day, name, target), MAX_WAYS)


def _ways(study: Study, known: Known, day: int, name: str, target: Value) -> Iterator[Change]:
    span = study.spans.get(name)
    if isinstance(target, int) and span is not None and not span[0] <= target <= span[1]:
        return
    derivation = study.facts[name].derivation
    if derivation is None:
        yield {name: target}
        return
    assert isinstance(target, int)
    for wanted in _arguments(study, known, day, derivation, Fraction(target, 10 ** study.facts[name].decimals)):
        yield from _together(study, known, day, wanted)


def _together(study: Study, known: Known, day: int, wanted: dict[str, int]) -> Iterator[Change]:
    """Changes that bring every one of ``wanted`` about, the first way of each but the last."""
    change: Change = {}
    names = list(wanted)
    for name in names[:-1]:
        first = next(_ways(study, {**known, **change}, day, name, wanted[name]), None)
        if first is None:
            return
        change.update(first)
    for last in _ways(study, {**known, **change}, day, names[-1], wanted[names[-1]]):
        yield {**change, **last}


def _arguments(study: Study, known: Known, day: int, how: Derivation, target: Fraction) -> Iterator[dict[str, int]]:
    """Stored values of the arguments for which the derivation gives ``target``, a display value."""
    scales = [10 ** study.facts[arg].decimals for arg in how.args]
    spans = [study.spans.get(arg) or (0, 0) for arg in how.args]
    shown = [
        Fraction(value, scale) for value, scale in zip(map(_number, map(known.get, how.args)), scales, strict=True)
    ]
    match how.op:
        case "age_in_days":
            yield {how.args[0]: day - int(target)}
        case "quotient":
            yield from _quotients(how.args, target, shown, spans, scales)
        case "difference":
            of, by = how.args
            for other in (shown[1], Fraction(spans[1][0], scales[1]), Fraction(spans[1][1], scales[1])):
                yield {by: _stored(other, scales[1]), of: _stored(target + other, scales[0])}
            yield {of: _stored(shown[0], scales[0]), by: _stored(shown[0] - target, scales[1])}
        case "sum":
            rest = sum(shown, Fraction(0))
            for arg, own, scale in zip(how.args, shown, scales, strict=True):
                yield {arg: _stored(target - (rest - own), scale)}
            yield _filled(how.args, target, spans, scales)
        case _:
            yield {arg: _stored(target, scale) for arg, scale in zip(how.args, scales, strict=True)}
            for arg, scale in zip(how.args, scales, strict=True):
                yield {arg: _stored(target, scale)}


def _quotients(
    args: Sequence[str],
    target: Fraction,
    shown: Sequence[Fraction],
    spans: Sequence[tuple[int, int]],
    scales: list[int],
) -> Iterator[dict[str, int]]:
    of, by = args
    divisors = [shown[1], Fraction(1), Fraction(spans[1][1], scales[1]), Fraction(max(1, spans[1][0]), scales[1])]
    for divisor in divisors:
        if divisor and of != by:
            yield {by: _stored(divisor, scales[1]), of: _stored(target * divisor, scales[0])}
    if target and shown[0]:
        yield {of: _stored(shown[0], scales[0]), by: math.floor(shown[0] / target * scales[1])}


def _filled(
    args: Sequence[str], target: Fraction, spans: Sequence[tuple[int, int]], scales: Sequence[int]
) -> dict[str, int]:
    """Arguments that sum to ``target``: each as much as is left, as far as its span and those behind it allow."""
    wanted: dict[str, int] = {}
    left = target
    for place, arg in enumerate(args):
        behind = sum(
            (Fraction(span[0], scale) for span, scale in zip(spans[place + 1 :], scales[place + 1 :], strict=True)),
            Fraction(0),
        )
        low, high = spans[place]
        wanted[arg] = max(low, min(high, _stored(left - behind, scales[place])))
        left -= Fraction(wanted[arg], scales[place])
    return wanted


def _number(value: Value | None) -> int:
    return value if isinstance(value, int) else 0


def _stored(value: Fraction, scale: int) -> int:
    return math.ceil(value * scale)
