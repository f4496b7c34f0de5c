"""Which leaves of a failed criterion would have to change: the branch with the fewest of them, ties in file order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rules.model import All, Leaf, Node, Not


@dataclass(frozen=True, slots=True)
class Mend:
    """A leaf to mend: its place among the leaves in file order, and whether it must fail (it stands under a `not`)."""

    place: int
    must_fail: bool


def leaves_to_mend(node: Node, verdicts: Sequence[str]) -> list[Mend]:
    """The leaves that must change for ``node`` to pass, given the verdicts of all its leaves in file order."""
    return _mend(node, iter(range(len(verdicts))), verdicts, must_fail=False)


def _mend(node: Node, places: Iterator[int], verdicts: Sequence[str], *, must_fail: bool) -> list[Mend]:
    if isinstance(node, Leaf):
        place = next(places)
        return [] if verdicts[place] == ("fail" if must_fail else "pass") else [Mend(place, must_fail)]
    if isinstance(node, Not):
        return _mend(node.node, places, verdicts, must_fail=not must_fail)
    branches = [_mend(child, places, verdicts, must_fail=must_fail) for child in node.nodes]
    if isinstance(node, All) != must_fail:
        return [mend for branch in branches for mend in branch]
    return min(branches, key=len)
