"""Candidates for backtests: the shipped book with other rules in it."""

from __future__ import annotations

from pathlib import Path

from rules.loader import load_directory
from rules.model import Book
from tests.workflows.variants import BONUS, FAST_BRAND, REVIEW, ROOT, Edits, edited

SHIPPED = ROOT / "rules" / "book"
STRICTER: Edits = {
    FAST_BRAND: {"version": "9", "criteria/business.delivery/require/late_delivery_rate_90d/at_most": "2%"}
}
LOOSER: Edits = {FAST_BRAND: {"version": "9", "criteria/content.live_days/require/live_days_30d/at_least": 6}}

MANY_MEMBERS = """\
- id: new.groups
  group: private_domain
  title: {en: Many members, zh: 群成员众多}
  require: {fan_group_members: {at_least: 20_000}}
  otherwise: refer
  unknown: note
"""
"""A criterion that the shipped book does not have."""

MUCH: Edits = {
    FAST_BRAND: {
        "version": "9",
        "criteria/content.live_days/require/live_days_30d/at_least": 6,
        "criteria/business.delivery/require/late_delivery_rate_90d/at_most": "3%",
        "criteria/business.service/otherwise": "refer",
        "scores/trust/parts/0/weight": 50,
        "scores/trust/parts/1/weight": 20,
        "outcomes/3/when/score/trust/at_least": 85,
    },
    REVIEW: {"version": "9", "rows/0/when/score/trust/at_least": 90},
    BONUS: {
        "version": "9",
        "base/tiers/0/up_to": "900_000 CNY",
        "base/tiers/1/rate": "60%",
        "caps/single_grant": 8_000_000,
        "caps/party_per_year": 60_000_000,
        "caps/category_per_month/default": 30_000_000,
    },
}
"""Something of everything."""


def tried(folder: Path, edits: Edits) -> Path:
    """A directory with the shipped book after ``edits``."""
    return edited(SHIPPED, folder, edits)


def rewritten(folder: Path, file: str, *swaps: tuple[str, str]) -> Path:
    """The book in ``folder`` after replacing texts of one of its files; each must be there."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    for old, new in swaps:
        assert old in text, old
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    return folder


def shipped() -> Book:
    """The shipped book."""
    return load_directory(SHIPPED)


def much_changed(folder: Path) -> Path:
    """``MUCH``, one criterion gone, and one that is new."""
    tried(folder, MUCH)
    file = folder / FAST_BRAND
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    begins = next(number for number, line in enumerate(lines) if line.startswith("- id: trust.reviews"))
    ends = next(number for number in range(begins + 1, len(lines)) if lines[number].startswith(("- id:", "scores:")))
    file.write_text("".join([*lines[:begins], MANY_MEMBERS, "\n", *lines[ends:]]), encoding="utf-8")
    return folder
