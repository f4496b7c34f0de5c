"""Rule books for populations: the same books compiled to Polars expressions, verdict for verdict and unit for unit.

The engine behind ``rules.evaluate`` decides about one party and is the authority. This one decides about millions, for
backtests, reassessment and shadow runs, and never for the record. Both are held together by tests over random books.
"""

from rules.columnar.book import ColumnarBook, compile_book
from rules.columnar.incentive import Left
from rules.columnar.reading import Reading
from rules.columnar.single import amount_of, outcome_of
from rules.columnar.situation import Observed, column_type

__all__ = ["ColumnarBook", "Left", "Observed", "Reading", "amount_of", "column_type", "compile_book", "outcome_of"]
