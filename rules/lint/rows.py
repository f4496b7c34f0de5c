"""Warnings about rows that nobody reaches: their conditions never hold together, or rows above take everybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from fastbrand.domain.decision import JsonValue
from rules.lint import wordings
from rules.lint.states import Space, fates
from rules.lint.study import Study, warning
from rules.mistakes import Mistake
from rules.model import Row

Shadowed = Callable[[int], "dict[str, JsonValue] | None"]
"""From the place of a row: a confirmed party for whom it holds and an earlier one is taken."""


def row_mistakes(study: Study, spaces: Sequence[Space], rows: Sequence[Row], shadowed: Shadowed) -> Iterator[Mistake]:
    """The warnings about ``rows``. A shadowed row is told only with a witness; of a dead one there is none."""
    for place, (row, fate) in enumerate(zip(rows, fates(spaces, rows), strict=True)):
        if fate.reached:
            continue
        if not fate.may_hold:
            message = f"no party ever meets the conditions of this row: {_why_dead(study, spaces, row)}"
            yield warning(row.mark, "dead_row", message, "mend a condition, or take the row away")
            continue
        witness = shadowed(place)
        if witness is None:
            continue
        takers = fate.shadowed_by(place)
        lines = ", ".join(str(rows[taker].mark.line) for taker in takers)
        by = f"the row on line {lines} takes" if len(takers) == 1 else f"the rows on lines {lines} take"
        hint = "move it up, or take it away"
        if not row.when:
            hint = "take the `when` of the row above away, or a row"
        yield warning(row.mark, "shadowed_row", f"this row is never reached: {by} everybody it is for", hint, witness)


def _why_dead(study: Study, spaces: Sequence[Space], row: Row) -> str:
    """The first condition that never holds, or that they exclude each other."""
    for atom in row.when:
        (alone,) = fates(spaces, [Row((atom,), {}, row.mark)])
        if not alone.may_hold:
            return f"{wordings.condition(study, atom)} never holds"
    return "they exclude each other"
