"""Grants of bonus traffic and their tranches, in integer pool units."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class GrantState(StrEnum):
    """Where a grant stands."""

    WAITING = "waiting"  # pool dry, or others are before it in line
    AWAITING_CONFIRMATION = "awaiting_confirmation"  # reserved, above the limit: a person of finance confirms
    RESERVED = "reserved"  # tranches not all released yet
    RELEASED = "released"  # every tranche is out (released, voided) and some are not yet expired
    CLOSED = "closed"  # nothing left to happen
    LAPSED = "lapsed"  # its period ended before the pool had room
    VOIDED = "voided"  # given up: standing lost, confirmation missing
    NONE = "none"  # decided, and the amount is 0


class TrancheState(StrEnum):
    """Where a tranche stands."""

    PLANNED = "planned"
    RELEASED = "released"
    FROZEN = "frozen"
    EXPIRED = "expired"
    VOIDED = "voided"
    CLAWED_BACK = "clawed_back"  # released, and nothing is left to spend: a clawback took what was


PPB = 1_000_000_000


def split_tranches(amount: int, shares_ppb: Sequence[int]) -> tuple[int, ...]:
    """Split ``amount`` units by ``shares_ppb`` (parts per billion, 1e9 in all): T_k = floor(G S_k) - floor(G S_(k-1)).

    The tranches sum to ``amount``. Raises ``ValueError`` where the shares do not sum to 100%.
    """
    if sum(shares_ppb) != PPB:
        raise ValueError("shares must sum to 100%")
    parts: list[int] = []
    cumulative = before = 0
    for share in shares_ppb:
        cumulative += share
        upto = amount * cumulative // PPB
        parts.append(upto - before)
        before = upto
    return tuple(parts)


def lessen_tranches(amounts: Sequence[int], net: int) -> tuple[int, ...]:
    """Tranches of ``amounts`` units lessened in proportion, so that they sum to ``net`` (0 up to their sum).

    T_k = floor(N A_k / A) - floor(N A_(k-1) / A), where A_k is the sum up to k, A that of all and N is ``net``.
    """
    whole = sum(amounts)
    if not 0 <= net <= whole:
        raise ValueError("tranches are only lessened")
    parts: list[int] = []
    cumulative = before = 0
    for amount in amounts:
        cumulative += amount
        upto = net * cumulative // whole if whole else 0
        parts.append(upto - before)
        before = upto
    return tuple(parts)
