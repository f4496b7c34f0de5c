"""``rules backtest``: a candidate book against the live one, over a file or over everybody who ever applied."""

from fastbrand.service.backtesting.books import find_candidate, find_live
from fastbrand.service.backtesting.populations import FileSource
from fastbrand.service.backtesting.result import BacktestResult, Compared, Flip
from fastbrand.service.backtesting.running import Options, Progress
from fastbrand.service.backtesting.trying import over_file, over_history

__all__ = [
    "BacktestResult",
    "Compared",
    "FileSource",
    "Flip",
    "Options",
    "Progress",
    "find_candidate",
    "find_live",
    "over_file",
    "over_history",
]
