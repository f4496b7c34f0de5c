"""The one error hierarchy: a stable code, a sentence that names the input, and the mend.

Presenters turn an error into a CLI line with an exit code, or into an ``ApplicationError`` whose type is the code.
Messages are lowercase, name the input in backticks and say what to do.
"""

from __future__ import annotations

from typing import ClassVar


def shown(text: str, length: int = 60) -> str:
    """``text`` fit for a message: at most ``length`` characters, what cannot be printed escaped."""
    clipped = text if len(text) <= length else text[: length - 3] + "..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in clipped)


class FastbrandError(Exception):
    """Base of every error of ours.

    ``code`` is stable (scripts may rely on it), ``hint`` says the mend, ``exit_code`` is what the CLI ends with:
    1 findings, 2 wrong use or unreadable input, 3 refused by a rule of the business, 4 a dependency is not reachable,
    70 our own fault.
    """

    code: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.instance_code = code or self.code

    def as_dict(self) -> dict[str, str]:
        """``{code, message, hint}``: the one JSON shape of an error."""
        return {"code": self.instance_code, "message": self.message, "hint": self.hint}


class UsageError(FastbrandError):
    """Wrong use or unreadable input (exit code 2)."""

    code = "usage"
    exit_code = 2


class InputError(UsageError):
    """A value, row or file that cannot be taken as it is."""

    code = "input"


class NotFound(UsageError):
    """A party, case, grant, book or decision that is not there."""

    code = "not_found"


class RuleFileError(UsageError):
    """A rule book with mistakes; ``mistakes`` holds them all (``rules.mistakes.Mistake``)."""

    code = "rule_file"

    def __init__(self, message: str, *, mistakes: tuple[object, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.mistakes = mistakes


class Refused(FastbrandError):
    """Refused by a rule of the business: wrong stage, role, four eyes, stale revision (exit code 3). Always audited."""

    code = "refused"
    exit_code = 3


class NotPermitted(Refused):
    """The actor is unknown, or none of the actor's roles may do this."""

    code = "not_permitted"


class FourEyes(Refused):
    """The same person cannot propose and confirm."""

    code = "four_eyes"


class StaleRevision(Refused):
    """Somebody was first: the expected revision is not the current one."""

    code = "stale_revision"


class IllegalTransition(Refused):
    """The transition table does not let this stage follow that one."""

    code = "illegal_transition"


class CommandConflict(Refused):
    """The same command id was used before with other parameters."""

    code = "command_conflict"


class Unreachable(FastbrandError):
    """A dependency (Temporal server, database) is not reachable (exit code 4)."""

    code = "unreachable"
    exit_code = 4


class Busy(FastbrandError):
    """Others were quicker again and again: the same is tried once more, a little later."""

    code = "busy"
    exit_code = 4


class EngineFault(FastbrandError):
    """The rules engine crashed, hung, is absent or contradicted itself. Never a pass."""

    code = "engine_fault"


class EngineMissing(EngineFault):
    """The rules engine cannot be loaded: asking again at once would fail for the same reason."""


class LedgerConflict(FastbrandError):
    """The same ledger business key with other parameters: a defect upstream, never silently accepted."""

    code = "ledger_conflict"
