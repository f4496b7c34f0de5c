"""What a case expects: each key of an ``expect`` read for the rule book that it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastbrand.domain.provider import SCORE_DECIMALS, SCORE_MAX
from rules.decimals import fraction_text, scaled_text
from rules.durations import parse_deadline
from rules.loading.reading import Reader
from rules.loading.scores import score_range
from rules.mistakes import shown
from rules.model import Book, Eligibility, Incentive, Maintenance, Matching, RuleBook, Score
from rules.testing import shape
from rules.testing.cases import Expectation, sort_of
from rules.testing.given import MAX_STREAK, band_known
from rules.testing.impossible import check_possible
from rules.words import ENDORSEMENTS, ROLES, ROUTING_TRACKS
from rules.yaml_guard import Mapping as MappingNode
from rules.yaml_guard import Node, Scalar

CLOSED = ("base_unknown", "score_unknown", "category_unknown", "zero", *shape.CAPS)
"""Reasons for no grant that are no gates."""


def expectations(reader: Reader, book: Book, rulebook: RuleBook, node: Node) -> tuple[Expectation, ...] | None:
    """Everything that an ``expect`` asks for, in its order; None where it has a mistake."""
    fields = reader.fields(node, shape.EXPECT, "write `{outcome: ...}`")
    if fields is None:
        return None
    before = len(reader.report.mistakes)
    if not fields.node.pairs:
        reader.wrong(node, "empty", "the `expect` is empty", "write what must come out: `{outcome: ...}`")
    reading = _Reading(reader, book, rulebook)
    found: list[Expectation] = []
    for key, _ in fields.node.pairs:
        value = fields.get(key.text)
        if value is not None:
            found += reading.read(key, value)
    if len(reader.report.mistakes) > before or any(key.text not in fields for key, _ in fields.node.pairs):
        return None
    check_possible(reader, rulebook, found, node)
    return tuple(found) if len(reader.report.mistakes) == before else None


class _Reading:
    """Reads the expectations of one case."""

    def __init__(self, reader: Reader, book: Book, rulebook: RuleBook) -> None:
        self._reader, self._book, self._rulebook = reader, book, rulebook
        self._sort = sort_of(rulebook)

    def read(self, key: Scalar, node: Node) -> list[Expectation]:
        """The expectations under ``key``; none where there is a mistake."""
        name = key.text
        if name not in shape.EXPECTED[self._sort]:
            message = f"`{name}` is nothing that `{self._rulebook.head.name}` decides"
            hint = f"expect {', '.join(f'`{each}`' for each in shape.EXPECTED[self._sort])}"
            self._reader.wrong(key, "not_here", message, hint)
            return []
        many: dict[str, Callable[[Node], list[Expectation]]] = {
            "reasons": self._reasons,
            "verdicts": self._verdicts,
            "score": self._scores,
            "bands": self._bands,
            "streaks": self._streaks,
        }
        if name in many:
            return many[name](node)
        wanted = self._one(name, node)
        return [] if wanted is None else [Expectation(name, "", _nothing(name, wanted), self._reader.mark(node))]

    def _one(self, name: str, node: Node) -> Any:
        """The value under a key that has one; None where it is none."""
        reader = self._reader
        match name:
            case "by":
                return reader.word(node, "`system`", ("system",))
            case "role":
                return reader.word(node, "a role", ROLES)
            case "track":
                return reader.word(node, "a track", ROUTING_TRACKS)
            case "endorsement":
                return reader.word(node, "`required`, `optional` or `none`", ENDORSEMENTS)
            case "sla":
                return reader.take(parse_deadline, node, "`sla`")
            case "four_eyes" | "confirm":
                return reader.flag(node, f"`{name}`")
            case "clear_months":
                return reader.whole(node, "`clear_months`", 0, MAX_STREAK)
            case "bonus" | "uncapped":
                return reader.whole(node, f"`{name}`")
            case "capped_by":
                return reader.word(node, "a cap, or `none`", (*shape.CAPS, shape.NONE))
            case "pool":
                return reader.word(node, "a pool", tuple(self._book.programme.pools), "unknown_pool")
            case "offers" | "left_out":
                named = [reader.name(item, "a provider") for item in reader.items(node, f"`{name}`", least=0) or ()]
                return None if None in named else named
            case "tranches":
                amounts = [reader.whole(item, "a tranche") for item in reader.items(node, "`tranches`", least=0) or ()]
                return None if None in amounts else amounts
            case _:
                return reader.name(node, f"`{name}`")

    # --- findings -------------------------------------------------------------------------------------------------

    def _ids(self) -> tuple[list[str], str]:
        """What findings are about, and what that is called."""
        book = self._rulebook
        if isinstance(book, Maintenance):
            return [band.id for band in book.bands], "band"
        if isinstance(book, Incentive):
            return [gate.id for gate in book.gates], "criterion"
        assert isinstance(book, Eligibility)
        return [criterion.id for criterion in book.criteria], "criterion"

    def _known(self, node: Scalar, names: list[str], what: str) -> bool:
        if node.text in names:
            return True
        hint = self._reader.report.nearest(node.text, names)
        label = "criterion or gate" if self._sort == "incentive" else what
        self._reader.wrong(node, f"unknown_{what}", f"there is no {label} `{shown(node.text)}`", hint)
        return False

    def _reasons(self, node: Node) -> list[Expectation]:
        reader, key, listed = self._reader, "reasons", node
        if isinstance(node, MappingNode):
            fields = reader.fields(node, shape.INCLUDES, "write `{includes: [...]}`, or a list of all of them")
            inner = fields.get("includes") if fields else None
            if inner is None:
                return []
            key, listed = "includes", inner
        items = reader.items(listed, "`reasons`", least=0 if key == "reasons" else 1)
        names, what = self._ids()
        names = [*names, *CLOSED] if self._sort == "incentive" else names
        wanted: list[str] = []
        for item in items or ():
            text = reader.text(item, "a reason")
            if text is None:
                continue
            assert isinstance(item, Scalar)
            if text in wanted:
                reader.wrong(item, "duplicate_id", f"`{shown(text)}` is listed twice", "keep one")
            elif self._known(item, names, what):
                wanted.append(text)
        return [Expectation(key, "", tuple(sorted(wanted)), reader.mark(node))]

    def _verdicts(self, node: Node) -> list[Expectation]:
        names, what = self._ids()

        def read(key: Scalar, value: Node) -> Any:
            known = self._known(key, names, what)
            return self._reader.word(value, "a verdict", shape.VERDICTS) if known else None

        return self._each("verdicts", node, read)

    def _bands(self, node: Node) -> list[Expectation]:
        def read(key: Scalar, value: Node) -> Any:
            known = band_known(self._reader, self._rulebook, key)
            return self._reader.word(value, "where a band stands", shape.LEVELS) if known else None

        return self._each("bands", node, read)

    def _streaks(self, node: Node) -> list[Expectation]:
        def read(key: Scalar, value: Node) -> Any:
            known = band_known(self._reader, self._rulebook, key)
            return self._reader.whole(value, "a streak", 0, MAX_STREAK) if known else None

        return self._each("streaks", node, read)

    def _each(self, name: str, node: Node, read: Callable[[Scalar, Node], Any]) -> list[Expectation]:
        found = self._reader.mapping(node, f"`{name}`")
        if found is not None and not found.pairs:
            self._reader.wrong(found, "empty", f"`{name}` is empty", "write one, or take the key away")
        read_ones = [(key, value, read(key, value)) for key, value in (found.pairs if found else ())]
        mark = self._reader.mark
        return [Expectation(name, key.text, one, mark(value)) for key, value, one in read_ones if one is not None]

    # --- scores ---------------------------------------------------------------------------------------------------

    def _scores(self, node: Node) -> list[Expectation]:
        if isinstance(self._rulebook, Matching):
            return self._each("score", node, lambda _key, value: self._tenths(value))
        scores = scores_of(self._book, self._rulebook)
        found = self._reader.mapping(node, "`score`", "write `{trust: 62.5}`")
        read: list[Expectation] = []
        for key, value in found.pairs if found else ():
            score = scores.get(key.text)
            if score is None:
                hint = self._reader.report.nearest(key.text, scores)
                self._reader.wrong(key, "unknown_score", f"there is no score `{shown(key.text)}`", hint)
                continue
            sound, wanted = self._score(score, value)
            if sound:
                read.append(Expectation("score", key.text, wanted, self._reader.mark(value)))
        return read

    def _tenths(self, node: Node) -> str | None:
        """The score of a provider, as decisions show it."""
        number = self._reader.number(node, "the score of a provider")
        scaled = None if number is None else number * 10**SCORE_DECIMALS
        if scaled is None:
            return None
        if scaled.denominator != 1:
            message = f"the score of a provider has {SCORE_DECIMALS} digit after the point"
            self._reader.wrong(node, "too_fine", message, "use fewer digits")
        elif not 0 <= scaled <= SCORE_MAX:
            self._reader.wrong(
                node, "out_of_range", "the score of a provider is never there", "it ranges from 0 to 100"
            )
        else:
            return scaled_text(int(scaled), SCORE_DECIMALS)
        return None

    def _score(self, score: Score, node: Node) -> tuple[bool, str | None]:
        """(sound, the score as decisions show it; None: unknown)."""
        if isinstance(node, Scalar) and (node.is_null or node.text == shape.UNKNOWN):
            return True, None
        number = self._reader.number(node, f"the score `{score.id}`")
        if number is None:
            return False, None
        scaled = number * 10**score.decimals
        if scaled.denominator != 1:
            message = f"the score `{score.id}` has {score.decimals} digits after the point"
            self._reader.wrong(node, "too_fine", message, "use fewer digits")
            return False, None
        bounds = score_range(score)
        if not bounds.low * 10**score.decimals - 1 < scaled <= bounds.high * 10**score.decimals:
            ends = f"{fraction_text(bounds.low)} to {fraction_text(bounds.high)}"
            message = f"the score `{score.id}` is never there"
            self._reader.wrong(node, "out_of_range", message, f"it ranges from {ends}")
            return False, None
        return True, scaled_text(int(scaled), score.decimals)


def scores_of(book: Book, rulebook: RuleBook) -> Mapping[str, Score]:
    """The scores that decisions of ``rulebook`` show."""
    if isinstance(rulebook, Eligibility):
        return rulebook.scores
    if isinstance(rulebook, Incentive):
        having = [each for each in book.eligibility.values() if set(each.head.parties) & set(rulebook.head.parties)]
        name = rulebook.multiplier_score
        found = next((each.scores[name] for each in having if name in each.scores), None)
        return {} if found is None else {name: found}
    return {}


def _nothing(name: str, wanted: Any) -> Any:
    """``none`` stands for nothing where a name could stand."""
    return None if name in ("cause", "capped_by") and wanted == shape.NONE else wanted
