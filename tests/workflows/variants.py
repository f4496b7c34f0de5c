"""Books to test with: the demonstration's book with other numbers."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "examples" / "demo" / "book"

Edits = Mapping[str, Mapping[str, Any]]
"""File name -> path of keys -> new value. In a list a key is a position or the ``id`` of the item."""

PROGRAMME = "programme.yaml"
BONUS = "traffic-bonus.incentive.yaml"
REVIEW = "review.routing.yaml"
FAST_BRAND = "fast-brand.eligibility.yaml"
BRAND = "brand.eligibility.yaml"

CALM: Edits = {
    PROGRAMME: {
        "review/rfi_rounds": 2,
        "review/rfi_deadline": "1 hour",
        "review/appeal_window": "1 hour",
        "frozen_recheck": "1 hour",
        "waiting_retry": "1 hour",
        "pools/fast-brand/budget": 20_000_000_000,
        "pools/brand/budget": 5_000_000_000,
    },
    REVIEW: {"rows/2/then/sla": "1 hour", "rows/3/then/sla": "1 hour"},
    BONUS: {
        "tranches/1/after": "0.3 seconds",
        "tranches/2/after": "1 hour",
        "expires_after": "1 hour",
    },
}
"""Nothing runs out by itself while a test looks."""

SWIFT: Edits = {
    REVIEW: {**CALM[REVIEW], "rows/3/then/four_eyes": False},
    PROGRAMME: {
        **CALM[PROGRAMME],
        "review/appeal_window": "1 second",
        "frozen_recheck": "1 second",
    },
    BONUS: {
        "tranches/1/after": "0.3 seconds",
        "tranches/2/after": "0.6 seconds",
        "expires_after": "3 seconds",
    },
}
"""A grant is over in four seconds, and one person decides where no rule is overridden."""

BRIEF: Edits = {
    PROGRAMME: {
        **CALM[PROGRAMME],
        "review/rfi_deadline": "1 second",
        "endorsement/term": "3 seconds",
        "endorsement/renews": False,
    },
    REVIEW: {"rows/2/then/sla": "2 seconds", "rows/3/then/sla": "2 seconds"},
    BONUS: CALM[BONUS],
}
"""Deadlines of people, and the endorsement's term, are over within three seconds."""


KEPT: Edits = {
    **CALM,
    PROGRAMME: {
        **CALM[PROGRAMME],
        "standing/suspension": "1 hour",
        "standing/cool_off": "1 hour",
        "standing/plan": "1 hour",
        "endorsement/renewal": "30 minutes",
    },
}
"""Standings move only by upkeep and by people."""

FLEETING: Edits = {
    **KEPT,
    PROGRAMME: {
        **KEPT[PROGRAMME],
        "standing/suspension": "3 seconds",
        "standing/cool_off": "1 second",
        "standing/plan": "2 seconds",
        "endorsement/term": "6 seconds",
        "endorsement/renewal": "1 second",
    },
}
"""Suspensions, cool-offs and terms are over within seconds."""


TIMED: Edits = {
    **CALM,
    PROGRAMME: {**CALM[PROGRAMME], "review/rfi_deadline": "30 seconds"},
    REVIEW: {
        "rows/2/then/sla": "1 hour",
        "rows/3/then/sla": "5 seconds",
        "rows/3/then/escalate_to": {"queue": "heads", "role": "admin"},
    },
}
"""A case is late after five seconds and goes to the heads; a question may be answered within thirty."""

JUDGED: Edits = {
    **KEPT,
    "fast-brand.maintenance.yaml": {"outcomes/1/when/streak/at_least": 1},
    "brand.maintenance.yaml": {"outcomes/1/when/streak/at_least": 1},
}
"""One month in limit suspends; people then decide."""

HASTY: Edits = {**JUDGED, PROGRAMME: {**KEPT[PROGRAMME], "standing/suspension": "5 seconds"}}
"""The same, and a suspension is over in five seconds."""


def edited(source: Path, target: Path, edits: Edits) -> Path:
    """Copy the book ``source`` to ``target`` with ``edits``; a way that leads nowhere is an error of the test."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("tests"))  # they try the book as it was
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    for name, changes in edits.items():
        file = target / name
        document = yaml.load(file.read_text(encoding="utf-8"))
        for path, value in changes.items():
            *way, last = path.split("/")
            place = document
            for key in way:
                place = place[_key(place, key)]
            place[_key(place, last)] = DoubleQuotedScalarString(value) if last == "version" else value
        with file.open("w", encoding="utf-8") as stream:
            yaml.dump(document, stream)
    return target


def _key(place: Any, key: str) -> Any:
    if isinstance(place, list):
        return int(key) if key.isdigit() else next(n for n, item in enumerate(place) if item.get("id") == key)
    return key
