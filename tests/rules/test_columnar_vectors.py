"""The test vectors by the engine for populations: the columns that it tells are those of the expected decisions."""

from __future__ import annotations

import pytest

from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import InputError
from rules.columnar import ColumnarBook, Left, compile_book
from rules.columnar.book import Question
from rules.evaluate import CompiledBook
from rules.model import Book
from tests.rules.columnar_agreement import Population, differences, population, told
from tests.rules.vector_cases import Case, book_of, cases

CASES = [case for case in cases() if case.file != "matching"]  # populations are not matched
BAD_VALUE = ("wrong_type", "out_of_range", "unknown_choice")


def decided(case: Case, book: Book) -> dict[str, Decision]:
    """What the authority decides: the decision of the case, or all those of a screening."""
    compiled = CompiledBook(book)
    asked = compiled.ask(case.record, compiled.moment(case.as_of))
    if case.rulebook is not None:
        return {"decision": compiled.decide(case.rulebook, asked, case.context)}
    screening = compiled.screen(asked, case.track)
    made = {"eligibility": screening.eligibility, "queue": screening.queue}
    made |= {} if screening.track is None else {"track": screening.track}
    return made | ({} if screening.endorsement is None else {"endorsement": screening.endorsement})


def question(columnar: ColumnarBook, name: str, case: Case, people: Population, screening: str | None) -> Question:
    """What has to be asked to hear of the rule book ``name``."""
    book = columnar.book
    if name in book.eligibility:
        return columnar.eligibility(name).ask(reasons=True)
    if name in book.routing:
        return columnar.routing(name).ask(screening=screening)
    if name in book.maintenance:
        bands = [band.id for band in book.maintenance[name].bands]
        streaks = {band: people.streaks[band] for band in bands}
        return columnar.maintenance(name).ask(streaks=streaks, clear_months=people.clear_months, reasons=True)
    left = Left(case.context.remainders.party_year, people.category_month)
    return columnar.incentive(name).ask(track=case.track, remainders=left, tranches=True, reasons=True)


@pytest.mark.parametrize("case", [case for case in CASES if case.error is None], ids=lambda case: case.id)
def test_vector(case: Case) -> None:
    book = book_of(case.file)
    columnar = compile_book(book)
    people = population(book, [case.record], [case.context])
    decisions = decided(case, book)
    screening = decisions["eligibility"].rulebook if "eligibility" in decisions else None
    questions: dict[str, Question] = {}
    for name, decision in decisions.items():
        over = None if name == "track" else screening
        questions[name] = question(columnar, decision.rulebook, case, people, over)
    reading = columnar.read(people.frame, text=True)
    assert reading.errors.collect().is_empty()
    found = columnar.evaluate(reading.frame, case.as_of, questions, observed_at=people.observed_at).collect()
    assert found.height == 1
    for name, decision in decisions.items():
        assert differences(told(decision, book), found.row(0, named=True), f"{name}.") == []


@pytest.mark.parametrize("case", [case for case in CASES if case.error in BAD_VALUE], ids=lambda case: case.id)
def test_vector_of_a_value_that_cannot_be_taken(case: Case) -> None:
    book = book_of(case.file)
    reading = compile_book(book).read(population(book, [case.record]).frame, text=True)
    assert reading.frame.collect().is_empty()
    assert case.error in reading.errors.collect()["code"].to_list()


@pytest.mark.parametrize("case", [case for case in CASES if case.error == "not_in_force"], ids=lambda case: case.id)
def test_vector_of_a_rule_book_that_is_not_in_force(case: Case) -> None:
    with pytest.raises(InputError) as caught:
        ask_in_force(case)
    assert caught.value.instance_code == "not_in_force"


def ask_in_force(case: Case) -> None:
    book, name = book_of(case.file), case.rulebook or ""
    columnar = compile_book(book)
    if name in book.eligibility:
        columnar.eligibility(name, effective=case.as_of)
    frame = columnar.read(population(book, [case.record], [case.context]).frame, text=True).frame
    columnar.incentive(name, effective=case.as_of).evaluate(frame, case.as_of, track=case.track)


def test_every_vector_is_tried() -> None:
    tried = [case for case in CASES if case.error is None or case.error in (*BAD_VALUE, "not_in_force")]
    assert tried == CASES
    assert len(CASES) > 60
