"""A book about which there is nothing to say, and ways to spoil one place of it so that there is."""

from __future__ import annotations

from dataclasses import dataclass

from fastbrand.domain.decision import JsonValue
from rules.lint.findings import warnings
from rules.loading.book import assemble
from rules.mistakes import WARNINGS, Mistake
from rules.model import Book
from tests.rules.small_book import FILES as SMALL

F, P, E = "facts.yaml", "programme.yaml", "fast.eligibility.yaml"
Q, T, M, B = "queues.routing.yaml", "tracks.routing.yaml", "upkeep.maintenance.yaml", "bonus.incentive.yaml"
MARK = "»"  # stands right before the place of a warning

FILES = {
    **SMALL,
    F: SMALL[F]
    .replace("profit: {", "profit: {kept_for: people, ")
    .replace("papers: {", "papers: {kept_for: people, ")
    .replace("brand: {type: text", "brand: {kept_for: people, type: text")
    .replace("value_for_money: {", "value_for_money: {kept_for: reports, ")
    .replace("days_here: {", "days_here: {kept_for: reports, "),
    E: SMALL[E].replace("    unknown: note\n", ""),
    B: SMALL[B].replace("confirm_above: 20_000", "confirm_above: 300"),
}
"""The small book, without what there is to say about it."""

Witness = dict[str, JsonValue] | None


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A change to one file (``old`` stands once in it) and the warning that it brings at each mark in ``new``.

    ``says`` is in the message of the first, ``witness`` is its witness; ``also`` are codes of what follows elsewhere.
    """

    file: str
    old: str
    new: str
    code: str
    says: str
    witness: Witness = None
    also: tuple[str, ...] = ()


def loaded(files: dict[str, str]) -> Book:
    """The book of ``files``, which has no errors."""
    book, mistakes = assemble({path: text.replace(MARK, "").encode() for path, text in files.items()})
    assert book is not None, "\n".join(map(str, mistakes))
    return book


def spoiled(case: Spoiled) -> dict[str, str]:
    """The files with the change of ``case``, marks and all."""
    text = FILES[case.file]
    assert text.count(case.old) == 1, f"`{case.old}` stands {text.count(case.old)} times in {case.file}"
    return {**FILES, case.file: text.replace(case.old, case.new)}


def places(files: dict[str, str]) -> list[tuple[str, int, int]]:
    """File, line and column of every mark, as they are once the marks are gone."""
    return [
        (path, number, column - before)
        for path, text in sorted(files.items())
        for number, line in enumerate(text.split("\n"), start=1)
        for before, column in enumerate(at + 1 for at, c in enumerate(line) if c == MARK)
    ]


def check(case: Spoiled) -> None:
    """The change brings warnings of its code at its marks, and nothing else."""
    files = spoiled(case)
    found = warnings(loaded(files))
    told = "\n".join(map(str, found))
    own = [each for each in found if each.code not in case.also]
    assert {each.code for each in found} == {case.code, *case.also} - {""}, told
    assert [(each.path, each.line, each.column) for each in own] == places(files), told
    assert case.says in own[0].message, told
    assert own[0].witness == case.witness, told
    for each in found:
        check_form(each)


def nothing(file: str, old: str, new: str) -> None:
    """The change brings no warning at all."""
    found = warnings(loaded(spoiled(Spoiled(file, old, new, "", ""))))
    assert found == [], "\n".join(map(str, found))


def check_form(mistake: Mistake) -> None:
    """A warning is told like every mistake."""
    assert mistake.grade == "warning"
    assert mistake.code in WARNINGS
    assert mistake.hint
    assert mistake.message[0] == mistake.message[0].lower()
