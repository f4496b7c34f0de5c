"""Scores and curves: weighted sums of facts, exact."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from rules import schema
from rules.decimals import fraction_text
from rules.loading.reading import Reader
from rules.loading.scope import Scope, ScoreRange
from rules.mistakes import shown
from rules.model import MAX_INT, Curve, FactDef, Score, ScorePart
from rules.values import parse_literal
from rules.words import NUMERIC_TYPES
from rules.yaml_guard import Node, Scalar

MAX_DECIMALS = 6
"""Most digits after the point of a score."""


def scores(reader: Reader, scope: Scope, node: Node | None) -> dict[str, Score] | None:
    """All scores of an eligibility book, by name in file order."""
    read: dict[str, Score] = {}
    if node is None:
        return read
    found = reader.mapping(node, "`scores`")
    for key, value in reader.named(found, "`scores`") if found else ():
        score = _score(reader, scope, key, value)
        if score is not None:
            read[key.text] = score
    return read if found is not None and len(read) == len(found.pairs) else None


def score_range(score: Score) -> ScoreRange:
    """The least and greatest display value that ``score`` can have."""
    low = high = Fraction(0)
    for part in score.parts:
        ys = [y for _, y in part.curve] if part.curve else [Fraction(0), Fraction(100)]
        low += part.weight * min(ys) / 100
        high += part.weight * max(ys) / 100
    return ScoreRange(score.decimals, low, high)


def _score(reader: Reader, scope: Scope, key: Scalar, node: Node) -> Score | None:
    fields = reader.fields(node, schema.SCORE)
    if fields is None:
        return None
    title = reader.title(fields.get("title"), "the title")
    decimals_node, parts_node = fields.get("decimals"), fields.get("parts")
    decimals = reader.whole(decimals_node, "`decimals`", 0, MAX_DECIMALS) if decimals_node else 0
    items = reader.items(parts_node, "`parts`") if parts_node else None
    read = [_part(reader, scope, item) for item in items or ()]
    parts = tuple(part for part in read if part is not None)
    if items is None or len(parts) < len(read):
        return None
    total = sum((part.weight for part in parts), Fraction(0))
    if total != 100:
        assert parts_node is not None
        message = f"the weights of `{shown(key.text)}` sum to {fraction_text(total)}, not 100"
        reader.wrong(parts_node, "weights", message, "weights are points of 100")
        return None
    if title is None or decimals is None:
        return None
    score = Score(key.text, title, decimals, parts, reader.mark(key))
    bounds = score_range(score)
    if max(abs(bounds.low), abs(bounds.high)) * 10**decimals > MAX_INT:
        reader.wrong(
            key, "arithmetic", f"the score `{shown(key.text)}` can leave 2^53", "lower the curves or `decimals`"
        )
        return None
    return score


def _part(reader: Reader, scope: Scope, node: Node) -> ScorePart | None:
    fields = reader.fields(node, schema.SCORE_PART)
    if fields is None:
        return None
    fact_node, weight_node, curve_node = fields.get("fact"), fields.get("weight"), fields.get("curve")
    weight = reader.number(weight_node, "`weight`") if weight_node else None
    if weight_node and weight is not None and weight <= 0:
        reader.wrong(weight_node, "out_of_range", "a weight is above 0", "write points of 100")
        weight = None
    fact = scope.fact(reader, fact_node) if fact_node else None
    if fact is None or fact_node is None:
        return None
    if fact.type not in NUMERIC_TYPES:
        message = f"`{fact.name}` is a {fact.type}: a score is made of numbers"
        reader.wrong(fact_node, "wrong_type", message, "use a money, ratio, count, score or duration fact")
        return None
    read: Curve | None = None
    if curve_node is not None:
        read = fact_curve(reader, fact, curve_node)
    elif fact.range != (0, 100 * 10**fact.decimals):
        message = f"`{fact.name}` does not range from 0 to 100"
        reader.wrong(fact_node, "curve_missing", message, "add `curve: [[value, points], ...]`")
        return None
    if weight is None or (curve_node is not None and read is None):
        return None
    return ScorePart(fact.name, weight, read, reader.mark(fields.node))


# --- curves -------------------------------------------------------------------------------------------------------


def fact_curve(reader: Reader, fact: FactDef, node: Node) -> Curve | None:
    """A curve over the display values of ``fact`` (a duration's are milliseconds); y are points."""

    def x(point: Node) -> Fraction | None:
        value = reader.take(lambda text: parse_literal(fact, text), point, "x")
        return Fraction(value, 10**fact.decimals) if isinstance(value, int) else None

    return curve(reader, node, x, lambda point: reader.number(point, "y"))


def curve(
    reader: Reader,
    node: Node,
    x: Callable[[Node], Fraction | None],
    y: Callable[[Node], Fraction | None],
) -> Curve | None:
    """The points of a curve, two or more, x rising strictly; ``x`` and ``y`` read the coordinates."""
    items = reader.items(node, "`curve`", least=2)
    if items is None:
        return None
    points: list[tuple[Fraction, Fraction]] = []
    whole = True
    for item in items:
        pair = reader.items(item, "a point", least=2)
        if pair is None:
            whole = False
            continue
        if len(pair) > 2:
            reader.wrong(pair[2], "wrong_shape", "the point has a third number", "write `[x, y]`")
            whole = False
            continue
        at, value = x(pair[0]), y(pair[1])
        if at is None or value is None:
            whole = False
        elif points and at <= points[-1][0]:
            reader.wrong(pair[0], "curve", "x does not rise here", "order the points by x, each x once")
            whole = False
        else:
            points.append((at, value))
    return tuple(points) if whole else None
