"""What one criterion can come to, part by part."""

from __future__ import annotations

from dataclasses import dataclass, field

from rules.lint.cells import FAIL, PASS, UNKNOWN
from rules.lint.possible import Conditions, Part
from rules.lint.vocabulary import Vocabulary
from rules.model import Criterion


@dataclass(slots=True)
class Survey:
    """What a criterion can come to: its ``when``, and its ``require`` where it applies, each with all its parts."""

    when: int = 0
    require: int = 0
    when_parts: dict[int, int] = field(default_factory=dict)
    require_parts: dict[int, int] = field(default_factory=dict)

    @property
    def says_something(self) -> bool:
        """Whether some party can pass and another fail."""
        return bool(self.require & PASS and self.require & FAIL)

    def verdicts(self) -> frozenset[str]:
        """The verdicts that a party can get."""
        found = {
            "not_applicable": self.when & FAIL,
            "unknown": self.when & UNKNOWN or self.require & UNKNOWN,
            "pass": self.require & PASS,
            "fail": self.require & FAIL,
        }
        return frozenset(verdict for verdict, possible in found.items() if possible)


def survey(criterion: Criterion, vocabulary: Vocabulary) -> Survey:
    """What ``criterion`` can come to over all parties."""
    found = Survey()
    require = Part(criterion.require, criterion.min_sample)
    when = None if criterion.when is None else Part(criterion.when)
    conditions = Conditions([require] if when is None else [require, when], vocabulary)
    for env in conditions.cases():
        applies = PASS if when is None else conditions.mask(when, env, found.when_parts)
        found.when |= applies
        if applies & PASS:
            found.require |= conditions.mask(require, env, found.require_parts)
    return found
