"""The shape of mapping files, which bring a foreign file into facts: data only, like ``rules.schema``."""

from __future__ import annotations

from rules.shape import Shape, key, must

TIME_FORMATS = ("quarter_end", "date", "datetime")

MAPPING = Shape(
    "mapping",
    "a mapping",
    (
        must("kind", "words", "what this file is", "mapping"),
        must("track", "track", "what the parties of the file are"),
        must("party", "party_column", "which column names the party"),
        key(
            "observed_at",
            "time_column",
            "which column says when a row was true; without it, the moment of the decision",
        ),
        must("facts", "map of mapped_fact", "name of a fact -> where it comes from"),
    ),
)
PARTY = Shape(
    "party_column",
    "`party`",
    (must("column", "column", "its column"), key("prefix", "text", "goes before every id")),
)
TIME = Shape(
    "time_column",
    "`observed_at`",
    (must("column", "column", "its column"), must("format", "words", "how a time is written there", *TIME_FORMATS)),
)
FACT = Shape(
    "mapped_fact",
    "a mapped fact",
    (
        must("column", "column", "its column"),
        key("unit", "text", "money: the currency of the column, always given; ratio: `percent`; duration: its unit"),
        key("rate", "rate_of_exchange", "money: what one unit is in the programme's currency"),
        key("values", "translation", "their value -> ours; `unknown` as ours makes it unknown"),
        key("other", "literal", "what a value without a row becomes; without it, a mistake of its row"),
    ),
)
FORMS = {
    "column": "the name of a column",
    "rate_of_exchange": "an amount in the programme's currency, `1.35 CNY`",
    "translation": "`{their value: our value}`",
}
"""How a value of a key reads, beside the forms of rule files (``rules.words.FORMS``)."""

SHAPES = {shape.name: shape for shape in (MAPPING, PARTY, TIME, FACT)}
