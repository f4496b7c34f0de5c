"""Whole numbers in columns: every operation against Python's integers, at the very ends of what is proven to fit."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, product

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.columnar import bounds
from rules.columnar.bounds import Num, TooWide
from rules.columnar.curves import Piecewise, common, of_curve, of_tiers
from rules.model import Mark, Tier
from rules.scores import curve_at

RUN = settings(max_examples=120, deadline=None)
ENDS = st.integers(-(2**53), 2**53)
FACTORS = st.one_of(st.integers(-20, 20), st.integers(-(2**70), 2**70))
MARK = Mark("a.yaml", 1, 1)


def column(values: Sequence[int | None], name: str = "a") -> Num:
    known = [value for value in values if value is not None] or [0]
    return Num(pl.col(name), min(known), max(known))


def computed(number: Num, **values: Sequence[int | None]) -> list[int | None]:
    """The column's values; the bounds that were proven must hold, and its type must be what it says."""
    found = pl.DataFrame(values, schema=dict.fromkeys(values, pl.Int64)).select(number.expr.alias("found"))["found"]
    assert found.dtype == (pl.Int128 if number.wide else pl.Int64)
    told = found.to_list()
    assert all(number.low <= value <= number.high for value in told if value is not None)
    return told


@RUN
@given(st.lists(st.one_of(st.none(), ENDS), min_size=1), FACTORS, st.integers(1, 2**60))
def test_times_and_floor(values: list[int | None], factor: int, divisor: int) -> None:
    number = bounds.floored(bounds.times(column(values), factor), divisor)
    assert computed(number, a=values) == [None if value is None else value * factor // divisor for value in values]


@RUN
@given(st.lists(st.tuples(ENDS, ENDS), min_size=1), st.integers(1, 10**18), st.integers(1, 10**18))
def test_quotients_round_toward_minus_infinity(pairs: list[tuple[int, int]], of: int, by: int) -> None:
    over, under = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    number = bounds.quotient(bounds.times(column(over), of), bounds.times(column(under, "b"), by))
    assert computed(number, a=over, b=under) == [None if two == 0 else one * of // (two * by) for one, two in pairs]


@RUN
@given(st.lists(st.tuples(ENDS, ENDS), min_size=1), FACTORS, FACTORS)
def test_sums_and_products(pairs: list[tuple[int, int]], one: int, two: int) -> None:
    first, second = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    a, b = bounds.times(column(first), one), bounds.times(column(second, "b"), two)
    assert computed(bounds.total([a, b]), a=first, b=second) == [x * one + y * two for x, y in pairs]
    try:
        times = bounds.product(a, b)
    except TooWide:
        corners = [x * one * y * two for x, y in product((min(first), max(first)), (min(second), max(second)))]
        assert max(abs(corner) for corner in corners) >= 2**127
    else:
        assert computed(times, a=first, b=second) == [x * one * y * two for x, y in pairs]


@RUN
@given(st.lists(st.tuples(st.none() | ENDS, st.none() | ENDS), min_size=1), FACTORS)
def test_extremes_are_unknown_where_a_part_is(pairs: list[tuple[int | None, int | None]], factor: int) -> None:
    first, second = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    even = [bounds.times(column(first), factor), column(second, "b")]
    for greatest, pick in ((True, max), (False, min)):
        expected = [None if x is None or y is None else pick(x * factor, y) for x, y in pairs]
        assert computed(bounds.extreme(even, greatest=greatest), a=first, b=second) == expected


@pytest.mark.parametrize(
    ("value", "factor", "wide"),
    [
        (2**53, 2**9, False),  # 2^62
        (2**53, 2**10, True),  # 2^63 itself is one too many
        (-(2**53), 2**10, False),  # and -2^63 is not
        (2**53, 2**73, True),
        (-(2**53), 2**74, True),
        (1, 2**63, True),
    ],
)
def test_the_type_widens_exactly_where_it_must(value: int, factor: int, wide: bool) -> None:
    number = bounds.times(column([value]), factor)
    assert number.wide is wide
    assert computed(number, a=[value]) == [value * factor]


@pytest.mark.parametrize(("value", "factor"), [(2**53, 2**74), (-(2**53), 2**74 + 1), (1, 2**127)])
def test_what_fits_no_type_is_refused_before_a_row_is_read(value: int, factor: int) -> None:
    with pytest.raises(TooWide):
        bounds.times(column([value]), factor)


def test_values_outside_are_null_and_told() -> None:
    values = [None, -6, -5, 0, 3, 5, 6]
    number, outside = bounds.within(column(values), -5, 5, but=3)
    assert computed(number, a=values) == [None, None, -5, 0, None, 5, None]
    assert outside is not None
    found = pl.DataFrame({"a": values}).select(outside.alias("found"))["found"].to_list()
    assert found == [None, True, False, False, True, False, True]
    assert bounds.within(column(values), -6, 6)[1] is None


# --- curves -------------------------------------------------------------------------------------------------------

RATIONALS = st.fractions(-50, 50, max_denominator=300)
CURVES = st.lists(st.tuples(RATIONALS, RATIONALS), min_size=2, max_size=5, unique_by=lambda point: point[0])


@RUN
@given(CURVES, st.sampled_from([1, 10, 1000]), RATIONALS, ENDS, ENDS)
def test_curves_are_exact_at_and_beside_every_point(
    points: list[tuple[Fraction, Fraction]], scale: int, factor: Fraction, low: int, high: int
) -> None:
    curve = tuple(sorted(points))
    compiled = of_curve(curve, scale, factor)
    near = {int(x * scale) + step for x, _ in curve for step in (-1, 0, 1, 2)}
    low, high = sorted((max(-(10**6), low), min(10**6, high)))
    values = sorted({low, high, *(value for value in near if low <= value <= high)})
    exact = [curve_at(curve, Fraction(value, scale)) * factor for value in values]
    assert [Fraction(compiled.numerator(value), compiled.denominator) for value in values] == exact
    narrow = compiled.ranging(low, high)
    assert [Fraction(narrow.numerator(value), narrow.denominator) for value in values] == exact
    found = compiled.of(column(values))
    told = computed(found, a=values)
    assert [Fraction(value or 0, compiled.denominator) for value in told] == exact
    assert computed(found, a=[None]) == [None]


def test_only_pieces_that_are_needed_are_kept() -> None:
    curve = of_curve(((Fraction(0), Fraction(0)), (Fraction(2, 5), Fraction(100)), (Fraction(1), Fraction(100))), 10**9)
    assert len(curve.lines) == 4
    kept = curve.ranging(0, 10**9)
    assert (kept.ends, len(kept.lines)) == ((4 * 10**8,), 2)
    assert curve.ranging(1, 10**8).ends == ()


@pytest.mark.parametrize("value", [0, 1, 99, 100, 101, 250, 251, 10**15])
def test_tiers_are_marginal(value: int) -> None:
    tiers = (Tier(100, Fraction(1), MARK), Tier(250, Fraction(1, 3), MARK), Tier(None, Fraction(7, 100), MARK))
    expected = Fraction(0)
    for (begins, ends), tier in zip(pairwise((0, 100, 250, 10**18)), tiers, strict=True):
        expected += max(0, min(value, ends) - begins) * tier.rate / 100
    compiled = of_tiers(tiers, 100)
    assert Fraction(compiled.numerator(value), compiled.denominator) == expected
    assert computed(compiled.of(Num(pl.col("a"), 0, 10**15)), a=[value]) == [expected * compiled.denominator]


def test_one_denominator_for_all() -> None:
    curves = [Piecewise((), ((1, 0),), 6), Piecewise((), ((0, 5),), 4)]
    even, denominator = common(curves)
    assert (denominator, [curve.lines for curve in even]) == (12, [((2, 0),), ((0, 15),)])


def test_python_takes_over_where_no_type_does() -> None:
    huge = 10**60
    found = bounds.exactly([pl.col("a"), pl.col("b")], lambda one, two: (one * huge + two) // huge)
    frame = pl.DataFrame({"a": [3, None, -3, 4], "b": [5, 5, -1, None]})
    assert frame.lazy().select(found.alias("found")).collect(engine="streaming")["found"].to_list() == [
        3,
        None,
        -4,
        None,
    ]
