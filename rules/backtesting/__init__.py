"""Backtests: what a candidate book would have decided otherwise than the live one, about whom, and because of what.

``Trial`` is what a book decides the applicants of a track with; ``Tally`` counts what both books said about a
population; ``Blame`` names the criteria behind a flip; ``confirm`` asks the authoritative engine about some of those
whom the columnar one spoke about. Nothing in here reads files or tables: ``fastbrand.service.backtesting`` does.
"""

from rules.backtesting.blame import DIRECTIONS, Blame, Direction, Said, direction
from rules.backtesting.confirming import Claim, Confirmation, Mismatch, confirm
from rules.backtesting.tally import OUTCOMES, SIDES, Side, Tally
from rules.backtesting.trial import Trial, trial_of

__all__ = [
    "DIRECTIONS",
    "OUTCOMES",
    "SIDES",
    "Blame",
    "Claim",
    "Confirmation",
    "Direction",
    "Mismatch",
    "Said",
    "Side",
    "Tally",
    "Trial",
    "confirm",
    "direction",
    "trial_of",
]
