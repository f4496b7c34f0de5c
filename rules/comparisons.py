"""One integer of a record against others: what the rules engine is asked, and how it answers.

A whole policy is made of these; trees, rows and effects are combined from their answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from rules.terms import MAX_INT

FAIL: Final = 0
UNKNOWN: Final = 1
PASS: Final = 2
"""Answers. Ordered so that strong Kleene logic is arithmetic: all is the least, any the greatest, not is 2 - x."""

UNKNOWN_VALUE: Final = -(2**52)
"""What stands for an unknown value. No known value may be this number."""

MAX_MEMBERS = 16
"""Most members that a comparison of relation ``in`` or ``not_in`` may have."""

Relation = Literal["ge", "le", "gt", "lt", "eq", "ne", "between", "in", "not_in"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One integer of a record against ``operands`` (low and high for ``between``, members for ``in`` and ``not_in``).

    ``by_record``: the operands come with each record, as further slots behind the value (so that a threshold that
    depends on the record is still one flat comparison); ``operands`` is empty then. Not for ``in`` and ``not_in``.
    """

    relation: Relation
    operands: tuple[int, ...] = ()
    by_record: bool = False

    def __post_init__(self) -> None:
        wanted = 0 if self.by_record else 2 if self.relation == "between" else 1
        if self.relation in ("in", "not_in"):
            if self.by_record or not 1 <= len(set(self.operands)) <= MAX_MEMBERS:
                raise ValueError(f"a comparison `{self.relation}` takes 1 to {MAX_MEMBERS} members, not by record")
        elif len(self.operands) != wanted:
            raise ValueError(f"a comparison `{self.relation}` takes {wanted} operands, not {len(self.operands)}")
        if any(abs(operand) > MAX_INT or operand == UNKNOWN_VALUE for operand in self.operands):
            raise ValueError("operands must be within 2^53 and may not be the number that stands for unknown")

    @property
    def slots(self) -> int:
        """How many integers of a record this comparison reads."""
        return 1 if not self.by_record else 3 if self.relation == "between" else 2

    def spans(self) -> tuple[tuple[int | None, int | None], ...]:
        """Where a known value passes, as spans from the first value to behind the last (None: no end there).

        Not for comparisons whose operands come with the record.
        """
        first, last = self.operands[0], self.operands[-1]
        match self.relation:
            case "ge":
                return ((first, None),)
            case "gt":
                return ((first + 1, None),)
            case "le":
                return ((None, first + 1),)
            case "lt":
                return ((None, first),)
            case "between":
                return ((first, last + 1),)
            case "eq" | "in":
                return tuple([(member, member + 1) for member in sorted(set(self.operands))])
            case _:
                members = sorted(set(self.operands))
                ends = zip([None, *(member + 1 for member in members)], [*members, None], strict=True)
                return tuple(ends)
