"""Decides cases with the authoritative engine, in batches, and holds the columnar one against it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from threading import Thread
from typing import Any

from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import EngineFault, EngineMissing, FastbrandError
from rules.engine import RuleEngine, Screening
from rules.model import Book
from rules.records import Context, Record
from rules.testing.cases import Case, CaseResult, Failure, rule_books
from rules.testing.comparing import failures
from rules.testing.loading import first_day

_Batch = tuple[str, bool, datetime, Any]
"""What records of one call share: rule book, whether the screening decides too, moment and context."""


def warm(book: Book, engine: RuleEngine) -> None:
    """Let the engine's process start and read ``book`` while the caller does something else."""

    def ask() -> None:
        with suppress(FastbrandError):  # whoever asks in earnest is told
            for name in rule_books(book):
                engine.decide(book.closure, name, [Record("nobody", {})], as_of=first_day(book))
                return

    Thread(target=ask, daemon=True).start()


def run_cases(book: Book, cases: Sequence[Case], engine: RuleEngine, *, columnar: bool = True) -> list[CaseResult]:
    """The result of every case, in order; ``columnar``: the columnar engine must agree.

    Raises what concerns all cases: ``RuleFileError``, and ``EngineFault`` where the engine is absent or broken.
    """
    if columnar:  # slow to load, and the child process has the work for now
        Thread(target=import_module, args=("rules.columnar.agreement",), daemon=True).start()
    results = [_result(case, answer) for case, answer in zip(cases, decide_cases(book, cases, engine), strict=True)]
    if not columnar:
        return results
    from rules.columnar.agreement import Decided, disagreements

    places, decided = [], []
    for place, result in enumerate(results):
        decision, case = result.decision, result.case
        if decision is not None and decision.kind != "matching":  # populations are not matched
            places.append(place)
            decided.append(Decided(decision, Record("", case.given), case.context, case.as_of))
    for place, said in disagreements(book, decided):
        result = results[places[place]]
        got = f"the columnar engine says otherwise: {'; '.join(said)}"
        failure = Failure("engines", "one decision by both engines", got, result.case.mark)
        results[places[place]] = replace(result, failures=(*result.failures, failure))
    return results


def decide_cases(book: Book, cases: Sequence[Case], engine: RuleEngine) -> list[Decision | FastbrandError]:
    """What the authoritative engine decides about each case: one call for all that share moment and context.

    An error that concerns a whole call stands in place of each of its cases' decisions. Raises ``EngineMissing``.
    """
    batches: dict[_Batch, list[int]] = {}
    for place, case in enumerate(cases):
        batches.setdefault(_batch(case), []).append(place)
    found: dict[int, Decision | FastbrandError] = {}
    for (rulebook, screened, as_of, _), places in batches.items():
        records = [Record(f"case-{place + 1}", cases[place].given) for place in places]
        context = cases[places[0]].context
        answers: Sequence[Decision | Screening | FastbrandError]
        try:
            if screened:
                answers = engine.screen_many(book.closure, records, track=context.track, as_of=as_of)
            else:
                answers = engine.decide(book.closure, rulebook, records, as_of=as_of, context=context)
        except EngineFault:
            raise
        except FastbrandError as error:
            answers = [error] * len(records)
        for answer in answers:
            if isinstance(answer, EngineMissing):
                raise answer
        found.update(zip(places, (_of(rulebook, answer) for answer in answers), strict=True))
    return [found[place] for place in range(len(cases))]


def _batch(case: Case) -> _Batch:
    context = case.context
    if case.kind in ("queue", "endorsement"):
        return case.rulebook, True, case.as_of, context.track
    return case.rulebook, False, case.as_of, _key(context)


def _key(context: Context) -> Any:
    streaks = tuple(sorted(context.streaks.items()))
    register = repr(context.candidates)  # capabilities are mappings, which have no hash
    return streaks, context.clear_months, context.remainders, context.track, context.period, context.gaps, register


def _of(rulebook: str, answer: Decision | Screening | FastbrandError) -> Decision | FastbrandError:
    """The decision of ``rulebook``, which routes what is screened."""
    if not isinstance(answer, Screening):
        return answer
    routed = (answer.queue, answer.endorsement)
    found = next((each for each in routed if each is not None and each.rulebook == rulebook), None)
    return found or EngineFault(f"the screening was not routed by `{rulebook}`")


def _result(case: Case, answer: Decision | FastbrandError) -> CaseResult:
    if isinstance(answer, Decision):
        return CaseResult(case, answer, failures=failures(case, answer))
    mend = f" ({answer.hint})" if answer.hint else ""
    got = f"error[{answer.instance_code}]: {answer.message}{mend}"
    return CaseResult(case, error=answer, failures=(Failure("decision", "a decision", got, case.mark),))
