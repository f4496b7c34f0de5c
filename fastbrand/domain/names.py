"""Task queues, workflow ids, search attributes and signal names: named once, here."""

from __future__ import annotations

import re
from datetime import datetime

from fastbrand.domain.errors import InputError, shown

TASK_QUEUE = "fastbrand"
NAMESPACE = "default"
DEPLOYMENT = "fastbrand"
SCHEDULE_UPKEEP = "upkeep"
SCHEDULE_BONUS = "bonus"
SCHEDULE_RECONCILE = "reconcile"
SCHEDULE_DOCUMENTS = "documents"

# search attributes (no personal data)
SA_PARTY_KIND = "PartyKind"
SA_STAGE = "Stage"
SA_AWAITING_ROLE = "AwaitingRole"
SA_ASSIGNEE = "Assignee"
SA_SLA_DUE_AT = "SlaDueAt"
SA_NEXT_TRANCHE_AT = "NextTrancheAt"
SA_SLA_BREACHED = "SlaBreached"

CLOCK_MOVED = "clock_moved"
"""The signal to who waits on a clock that leaps."""

_PARTY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def check_party_id(party_id: str) -> str:
    """Return ``party_id`` when it is 1 to 64 of ``A-Z a-z 0-9 _ . -`` and starts with a letter or digit.

    Party ids stand in workflow ids, URLs and audit events, so nothing else is let in. Raises ``InputError``.
    """
    if not _PARTY_ID.fullmatch(party_id):
        raise InputError(
            f"`{shown(party_id)}` is not a party id",
            hint="use 1 to 64 letters, digits, `-`, `_` or `.`, beginning with a letter or digit",
            code="party_id",
        )
    return party_id


def check_label(text: str, what: str, length: int) -> str:
    """Return ``text``, a label for ``what``, when it is 1 to ``length`` printable characters. Raises ``InputError``."""
    if not (text.isprintable() and text.strip() and len(text) <= length):
        raise InputError(
            f"`{shown(text)}` cannot be a {what}",
            hint=f"use 1 to {length} printable characters on one line",
            code="label",
        )
    return text


def check_code(code: str) -> str:
    """Return ``code``, a reason code, when it is a word like ``business.delivery``. Raises ``InputError``."""
    if not _PARTY_ID.fullmatch(code):
        raise InputError(
            f"`{shown(code)}` is not a reason code",
            hint="name a criterion, or use a word of 1 to 64 letters, digits, `_`, `-` or `.`; say the rest in a note",
            code="reason_code",
        )
    return code


def lifecycle_id(party_id: str) -> str:
    """Workflow id of a party's ``BrandLifecycle``."""
    return f"party/{party_id}"


def case_id(party_id: str, number: int) -> str:
    """Id of a party's n-th vetting case; it is the ``VettingCase`` workflow id too."""
    return f"party/{party_id}/vetting/{number}"


def endorsement_id(party_id: str, number: int) -> str:
    """Id of a party's n-th endorsement; it is the ``Endorsement`` workflow id too."""
    return f"party/{party_id}/endorsement/{number}"


def grant_id(party_id: str, period: str) -> str:
    """Id of a party's grant for a period (``2022-08``): one grant a party and period, ever."""
    return f"{party_id}/{period}"


def grant_workflow_id(grant: str) -> str:
    """Workflow id of a ``TrafficBonus``."""
    return f"grant/{grant}"


def release_id(rulebook: str, sha256: str) -> str:
    """Workflow id of the release of the book ``sha256``; ``rulebook`` is what it changes (``book``: several things)."""
    return f"release/{rulebook}/{sha256}"


def intake_id(sha256: str) -> str:
    """Workflow id of an ``Intake``: one for a file, ever."""
    return f"intake/{sha256}"


def reassessment_id(at: datetime) -> str:
    """Workflow id of a ``Reassessment``: one look at everybody, named after its moment."""
    return f"reassessment/{at:%Y-%m-%dT%H:%M:%SZ}"


def bonus_run_id(period: str) -> str:
    """Workflow id of a ``BonusRun``: ``bonus/2022-08``."""
    return f"bonus/{period}"


def check_period(period: str) -> str:
    """Return ``period`` when it is a month like ``2022-08``. Raises ``InputError``."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", period):
        raise InputError(f"`{period[:40]}` is not a month", hint="write it like `2022-08`", code="period")
    return period


def party_of_case(case: str) -> str:
    """The party id inside a case id (``party/{id}/vetting/{n}``). Raises ``InputError`` on anything else."""
    parts = case.split("/")
    if len(parts) != 4 or parts[0] != "party" or parts[2] != "vetting" or not parts[3].isdigit():
        raise InputError(
            f"`{shown(case)}` is not a case id", hint="a case id looks like `party/ID/vetting/1`", code="case_id"
        )
    return parts[1]
