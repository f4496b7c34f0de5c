"""Service providers: their types, whom they serve, the capabilities they help with, and what becomes of an offer."""

from __future__ import annotations

import re
from enum import StrEnum

from fastbrand.domain.errors import InputError


class ProviderType(StrEnum):
    """What a service provider is."""

    MCN = "mcn"
    INDUSTRIAL_BELT = "industrial_belt"
    MERCHANT = "merchant"
    BRAND = "brand"


class Served(StrEnum):
    """Who is served: K talents, M merchants (the fast brands among them), S brands."""

    K = "K"
    M = "M"
    S = "S"


class Capability(StrEnum):
    """The four capabilities that a fast brand is screened for, and that a provider can help with."""

    CONTENT = "content"
    BUSINESS = "business"
    REPURCHASE = "repurchase"
    PRIVATE_DOMAIN = "private_domain"


class MatchState(StrEnum):
    """What became of an offer. ``ENDED``: it was accepted, and the provider no longer serves."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    SUPERSEDED = "superseded"
    ENDED = "ended"


SERVES: dict[ProviderType, Served] = {
    ProviderType.MCN: Served.K,
    ProviderType.INDUSTRIAL_BELT: Served.M,
    ProviderType.MERCHANT: Served.M,
    ProviderType.BRAND: Served.S,
}
"""Whom each type serves in the programme. That merchant providers serve M is our assumption; the others are public."""

SCORE_DECIMALS = 1
"""Track records and capability scores are 0 to 100 with one decimal, kept as tenths: 725 is 72.5."""

SCORE_MAX = 1_000
"""The greatest score, in tenths."""

CAPACITY_MAX = 1_000_000
"""The most parties that one provider can serve at once."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def check_provider_id(text: str, what: str = "provider") -> str:
    """Return ``text`` where it can be the id of a ``what`` (provider, talent). Raises ``InputError``.

    The same form as a party id: ids stand in audit events and decide ties.
    """
    if not _ID.fullmatch(text):
        raise InputError(
            f"`{text[:80]}` is not a {what} id",
            hint="use 1 to 64 letters, digits, `-`, `_` or `.`, beginning with a letter or digit",
            code=f"{what}_id",
        )
    return text


def match_id(subject_kind: str, subject_id: str, number: int) -> str:
    """Id of the n-th offer ever made to a party or a talent, whose ids may be the same."""
    whose = subject_id if subject_kind == "party" else f"{subject_kind}/{subject_id}"
    return f"{whose}/match/{number}"
