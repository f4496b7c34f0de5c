"""Mistakes in rule files: where, what, and the mend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fastbrand.domain.decision import JsonValue
from fastbrand.domain.errors import shown

__all__ = ["CODES", "MAPPING_CODES", "WARNINGS", "Mistake", "shown"]

CODES: dict[str, str] = {
    # the file
    "file_unreadable": "the file cannot be opened",
    "file_name": "a rule file that does not end in `.yaml` would be passed over",
    "file_size": "the file is larger than a rule file may be",
    "file_encoding": "the file is not UTF-8",
    "file_empty": "the file holds nothing",
    "book_size": "the directory holds more than a book may",
    "too_many": "the file has more mistakes than are told at once",
    # YAML
    "bad_character": "a control character, written or escaped",
    "tab": "a tab where YAML wants spaces",
    "yaml_syntax": "the text is not YAML",
    "yaml_depth": "brackets or indentation nest too deep",
    "yaml_anchor": "anchors and aliases are no part of the language",
    "yaml_tag": "tags are no part of the language",
    "yaml_directive": "`%` directives are no part of the language",
    "yaml_documents": "a file is one document",
    "bad_key": "a key is a word",
    "duplicate_key": "a key stands twice in one mapping",
    # the shape
    "unknown_kind": "no such kind of rule file",
    "unsupported_kind": "a kind that cannot stand in a book's directory",
    "duplicate_kind": "a book has one file of facts and one programme",
    "no_facts": "the book has no file of facts",
    "no_programme": "the book has no programme",
    "wrong_shape": "a mapping, a list or a single value stands where another of them belongs",
    "unknown_key": "no such key here",
    "missing_key": "a key, or its value, is not there",
    "missing_title": "a title, or one of its languages, is not there",
    "empty": "a list or mapping needs entries",
    "two_keys": "two conditions, operators or derivations stand where one belongs",
    "not_here": "a key that means nothing in this place",
    # names
    "bad_name": "not a name",
    "reserved_name": "a name that the language uses itself",
    "duplicate_id": "a name is used twice",
    "unknown_fact": "no such fact",
    "unknown_operator": "no such operator",
    "unknown_attribute": "a provider has no such attribute",
    "unknown_choice": "no such choice of the fact",
    "unknown_score": "no such score",
    "unknown_criterion": "no such criterion",
    "unknown_group": "no such group of criteria",
    "unknown_band": "no such band, or not at this level",
    "unknown_pool": "no such pool",
    "unknown_word": "not one of the words that can stand here",
    # values
    "wrong_type": "a value of another type",
    "wrong_unit": "a unit is missing, or another",
    "too_fine": "more digits than the value is kept with",
    "out_of_range": "outside the range of the fact or setting",
    "bad_range": "a range that ends before it begins",
    "bad_pattern": "a pattern that RE2 cannot use",
    "operator_type": "an operator that does not fit the fact's type",
    "table_by": "a table that is not by a choice fact",
    "table_default": "a table without default that does not have every choice",
    "bad_version": "a version that cannot be compared",
    # what goes together
    "min_sample": "`min_sample` without a fact that has a sample",
    "bad_sample": "a sample that is no count",
    "cycle": "derived facts that need each other",
    "derivation": "facts that cannot be computed together",
    "arithmetic": "numbers that could leave 2^53",
    "weights": "weights that do not sum to 100",
    "curve": "a curve whose x does not rise",
    "curve_missing": "a fact that does not range from 0 to 100 and has no curve",
    "score_conflict": "one score with different decimals in two books",
    "narrowing": "`group` or `criterion` with nothing to narrow",
    "last_row": "the last row has a `when`",
    "row_order": "a row before the last has none",
    "effective": "a period that ends before it begins",
    "effective_overlap": "two versions of a rule book in force at once",
    "same_duty": "two rule books that do the same for one party",
    "pool_parties": "pools and parties of an incentive book differ",
    "base_range": "a base fact that may be negative",
    "tiers": "tiers that do not follow each other",
    "falling_bonus": "a bonus that falls as trust rises",
    "shares": "shares that do not sum to 100%",
    "tranche_order": "tranches that do not follow each other",
    "version_not_raised": "a changed file whose version was not raised",
    # rule tests
    "unknown_rulebook": "no such rule book",
    "derived_given": "a derived fact among the given ones",
    "not_in_force": "a test for a day on which its rule book is not in force",
    "cannot_hold": "an expectation that no party can meet",
}
"""Code of a mistake -> what it stands for. Stable: scripts may rely on the codes."""

MAPPING_CODES: dict[str, str] = {
    "wrong_kind": "a mapping file of another kind",
    "wrong_track": "no such track",
    "unknown_format": "no such format of a time",
    "derived_fact": "a fact that the book computes is read from a column",
    "missing_unit": "a column of money without its currency",
    "wrong_rate": "a rate that is no amount for one unit",
    "rate_without_money": "a rate for something that is no money",
    "values_and_unit": "a table of values and a unit for one column",
    "other_alone": "`other` without the table of values that it goes with",
}
"""Code of a mistake in a mapping -> what it stands for, beside those that mappings share with rule files."""

WARNINGS: dict[str, str] = {
    # facts
    "unused_fact": "nothing in the book asks for the fact, and it does not say who else needs it",
    "unused_derived_fact": "nothing in the book asks for the derived fact",
    "always_unknown": "a derived fact, criterion or band that is unknown whatever the party",
    # criteria, gates and their conditions
    "never_passes": "a criterion that no party can pass",
    "never_fails": "a criterion that no party can fail",
    "never_applies": "a criterion whose `when` never holds",
    "constant_condition": "a part of a condition that always holds, or never",
    "conflicting_criteria": "two criteria that reject, and no party can meet both",
    "untested": "a criterion that no rule test sees failing",
    # tables
    "unused_default": "a `default` in a table that has every choice",
    "unused_table_row": "a row of a table for a choice that the criterion is not about",
    # rows
    "dead_row": "a row whose conditions never hold together",
    "shadowed_row": "a row that rows above take every party of",
    "never_eligible": "an eligibility book by which no party can be eligible",
    "unreachable_streak": "a streak that an outcome of an earlier month never lets happen",
    # bands
    "silent_alert": "a band whose `limit` takes every value of its `alert`",
    # scores and bonus
    "flat_curve": "a curve that gives the same for every value it can meet",
    "falling_amount": "a bonus that falls as trust rises",
    "unreachable_tier": "a tier that begins above every value of the base",
    "never_confirmed": "`confirm_above` is above every amount that can be granted",
    # matching
    "serves_other": "a type of provider serves others than in the programme",
    "never_offers": "requirements that no provider can meet together",
    "full_providers": "a provider without free capacity can be proposed",
    "constant_preference": "a preference that is the same for every provider that is proposed",
    "falling_points": "a preference for the worse provider",
}
"""Code of a warning -> what it stands for. Stable like ``CODES``, and none of them is one of those."""


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake at ``path:line:column`` (from 1). ``code`` is stable; ``grade`` error makes the book unusable.

    ``witness`` (warnings) is a party that shows it: fact -> value, as a rule file writes it (counts and flags as JSON
    has them); a fact that is not named is unknown. Other names in it say what follows. None: there is no such party.
    """

    path: str
    line: int
    column: int
    code: str
    message: str
    hint: str = ""
    grade: Literal["error", "warning"] = "error"
    witness: Mapping[str, JsonValue] | None = field(default=None, compare=False)

    def __str__(self) -> str:
        """``file:line:column: error[code]: message``, the hint and the witness each on a line of its own."""
        lines = [f"{self.path}:{self.line}:{self.column}: {self.grade}[{self.code}]: {self.message}"]
        if self.hint:
            lines.append(f"  help: {self.hint}")
        if self.witness is not None:
            told = ", ".join(f"{name}={_text(value)}" for name, value in self.witness.items())
            lines.append(f"  witness: {told or 'a party of whom nothing is known'}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, JsonValue | dict[str, JsonValue]]:
        """The JSON shape of ``rules check --json``."""
        return {
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "grade": self.grade,
            "witness": None if self.witness is None else dict(self.witness),
        }


def _text(value: JsonValue) -> str:
    """A value of a witness on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return "unknown" if value is None else f"{value:_}" if isinstance(value, int) else shown(value)
