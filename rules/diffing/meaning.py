"""What a change means: whether what parties get can fall, and whether it can rise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from rules.diffing.witness import Witness

Found = TypeVar("Found")
Said = Literal["yes", "no", "undecided"]
Relation = Literal["equivalent", "stricter", "looser", "incomparable", "undecided"]


@dataclass(frozen=True, slots=True)
class Answer(Generic[Found]):
    """``yes`` with what was found, ``no`` (there is no such record), or ``undecided`` and why."""

    said: Said
    found: Found | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Meaning:
    """How a rule book changed: whether what it gives (an outcome, an amount) can fall, and whether it can rise.

    ``names``: what it is called in the old and in the new book.
    """

    names: tuple[str, str]
    falls: Answer[Witness]
    rises: Answer[Witness]

    @property
    def relation(self) -> Relation:
        """Stricter: nothing rises; looser: nothing falls."""
        return relation(self.falls.said, self.rises.said)


def relation(falls: Said, rises: Said) -> Relation:
    """The relation from whether something can fall and rise."""
    if (falls, rises) == ("yes", "yes"):
        return "incomparable"
    if "undecided" in (falls, rises):
        return "undecided"
    if falls == "yes":
        return "stricter"
    return "looser" if rises == "yes" else "equivalent"
