"""Tables: defaults and rows that no party ever gets."""

from __future__ import annotations

from collections.abc import Iterator

from rules.criteria import leaves_of
from rules.lint.bench import Bench
from rules.lint.cells import PASS
from rules.lint.goals import Answers, Verdict
from rules.lint.possible import Conditions, Part
from rules.lint.seeking import Seeker
from rules.lint.study import Study, warning
from rules.mistakes import Mistake
from rules.model import Criterion, Head, Leaf, Mark, Table


def check_tables(study: Study, bench: Bench, head: Head, criterion: Criterion) -> Iterator[Mistake]:
    """The warnings about the tables of one criterion or gate."""
    for leaf in leaves_of(criterion.require):
        if isinstance(leaf.operand, Table):
            yield from check_default(study, leaf.mark, f"in `{criterion.id}` the table for `{leaf.fact}`", leaf.operand)
            yield from _unused_rows(study, bench, head, criterion, leaf, leaf.operand)
    for leaf in leaves_of(criterion.when) if criterion.when is not None else ():
        if isinstance(leaf.operand, Table):
            yield from check_default(study, leaf.mark, f"in `{criterion.id}` the table for `{leaf.fact}`", leaf.operand)


def check_default(study: Study, mark: Mark, label: str, table: Table) -> Iterator[Mistake]:
    """A default beside a row for every choice."""
    if table.default is not None and set(table.rows) >= set(study.facts[table.by].choices or ()):
        message = f"{label} never takes its `default`: every `{table.by}` has a row"
        yield warning(mark, "unused_default", message, "take the `default` away, or a row that equals it")


def _unused_rows(
    study: Study, bench: Bench, head: Head, criterion: Criterion, leaf: Leaf, table: Table
) -> Iterator[Mistake]:
    """Rows for choices that the criterion's ``when`` keeps out."""
    if criterion.when is None or not any(_asks_for(each, table.by) for each in leaves_of(criterion.when)):
        return
    when = Part(criterion.when)
    conditions = Conditions([when], study.vocabulary, hold=[table.by])
    concerned: set[str] = set()
    for env in conditions.cases():
        cell = env.get(table.by)
        if cell is None:
            return
        if conditions.mask(when, env) & PASS:
            concerned.update(cell.codes)
    kept_out = [code for code in table.rows if code not in concerned]
    if not concerned or not kept_out:
        return  # about nobody at all: that is told of the criterion
    told = ", ".join(f"`{code}`" for code in kept_out)
    message = f"in `{criterion.id}` the table for `{leaf.fact}` has a row for {told}, whom its `when` keeps out"
    is_kept_out = Answers(study, Leaf(table.by, "is", kept_out[0], leaf.mark), PASS)
    party = Seeker(study, study.moment(head), {}).find([is_kept_out, Verdict(study, criterion, "not_applicable")])
    if party is not None and bench.verdicts(head, [criterion], party) == ["not_applicable"]:
        hint = "take the row away, or mend the `when`"
        yield warning(leaf.mark, "unused_table_row", message, hint, bench.shown(party))


def _asks_for(leaf: Leaf, name: str) -> bool:
    return leaf.fact == name or (isinstance(leaf.operand, Table) and leaf.operand.by == name)
