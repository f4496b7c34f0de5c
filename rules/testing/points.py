"""One thing that a rule test can show of a rule book, and how it is called where none does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """One thing to be seen: of ``what`` ``name``, seen as ``seen``.

    ``what``: criterion, gate, band, row, tier, cap, confirm, requirement, preference, type or outcome.
    ``name`` is an id, or a number from 1; ``seen`` is a verdict, a band's level, ``taken``, or how much was given.
    """

    rulebook: str
    what: str
    name: str
    seen: str

    def __str__(self) -> str:
        """What is lacking, in words."""
        match self.what:
            case "criterion" | "gate":
                verb = {"pass": "passes", "fail": "fails", "unknown": "is unknown"}[self.seen]
                return f"no case in which the {self.what} `{self.name}` {verb}"
            case "band":
                where = {"clear": "is clear", "unknown": "is unknown"}.get(self.seen, f"is in {self.seen}")
                return f"no case in which the band `{self.name}` {where}"
            case "row":
                return f"no case that row {self.name} decides"
            case "tier":
                return f"no case whose base reaches tier {self.name}"
            case "cap":
                return f"no case in which `{self.name}` caps the bonus"
            case "requirement":
                verb = {"pass": "meets", "fail": "does not meet", "unknown": "may meet (it is unknown)"}[self.seen]
                return f"no case in which a provider {verb} requirement {self.name}"
            case "preference":
                much = "some" if self.seen == "some" else "none"
                return f"no case in which a provider gets {much} of the weight of preference {self.name}"
            case "type":
                return f"no case in which a provider of type `{self.name}` is proposed"
            case "outcome":
                return "no case in which no provider is proposed"
            case _:
                done = "is confirmed by a person" if self.seen == "yes" else "needs no confirmation"
                return f"no case in which a grant {done}"
