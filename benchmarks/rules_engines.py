"""How fast one decision is made and explained, beside other rule engines with the same policy, in one run.

    make bench                                   # installs the peers (requirements-bench.lock) and runs this
    .venv/bin/python -m benchmarks.rules_engines --rounds 9
    .venv/bin/python -m benchmarks.rules_engines --show cedarpy --policy nested    # the policy as that engine has it

Two policies of 20 criteria (``rules_book``): ``flat``, one comparison a criterion, two of them by a table and two with
a least sample; and ``nested``, with ``all``, ``any``, ``not`` down to three levels and ``when``. Both have a score of
three parts and outcome rows, and parties of whom something is not known. Every engine is given the same parties, and
what they say must agree, outcome, failed and unknown criteria (and the score, where an engine tells it), party by
party, before anything is timed.

**Ours** is asked in this process, from the texts that facts are stored as to the decision with all its findings
(observed, threshold, distance to pass, verdict of each comparison); from facts that are read already, as all others are
given them; and in a child process, as the product does, in batches, pickling and all. The others tell less: see
``tells``; ``zen-engine with trace and findings`` is made to tell as much of each comparison as ours does.

Rounds are interleaved and rotate in who begins. Of single decisions the median time is told, which a busy machine
disturbs least; of throughput decisions a second of *processor* time (all threads and children). Compared are ratios of
one round.

``--population`` parties are also decided at once in columns: by ours, and by Polars written for this policy.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks import processor_time, rules_polars
from benchmarks.rules_cedar import Cedar
from benchmarks.rules_jsonlogic import Datalogic
from benchmarks.rules_parties import Party, parties
from benchmarks.rules_policy import Answer, Engine, Policy, policy
from benchmarks.rules_rego import Rego
from benchmarks.rules_zen import Zen
from fastbrand.domain.decision import Decision
from rules.engine import RuleEngine
from rules.evaluate import CompiledBook
from rules.loader import load_directory
from rules.model import Book

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "benchmarks" / "rules_book"
POLICIES = ("flat", "nested")
AS_OF = datetime(2022, 8, 1, 4, tzinfo=UTC)
OURS = "ours"
BATCH = 1_000
FEWEST = 10
_NEW_OBJECTS = 50_000  # as seldom as the product's child process looks for cycles; answers of nobody have any
SLOW_S = 0.005  # an engine slower than this a decision gets batches a hundredth of the size


class Ours:
    """The authoritative engine in this process: facts read from texts, decision with findings."""

    name = OURS
    tells = "observed, threshold, distance and verdict of every comparison; score by parts; rows"
    tells_score = True

    def __init__(self, book: Book, rulebook: str) -> None:
        self._book, self._rulebook = CompiledBook(book), rulebook
        self._moment = self._book.moment(AS_OF)

    def given(self, party: Party) -> Any:
        """The facts as texts, as they are stored."""
        return party.record

    def decide(self, given: Any) -> Any:
        """A decision with its findings."""
        return self._book.decide(self._rulebook, self._book.ask(given, self._moment))

    def decide_many(self, many: Sequence[Any]) -> Sequence[Any]:
        """One after another."""
        return [self.decide(each) for each in many]

    def answer(self, decided: Any) -> Answer:
        """What was decided."""
        return _answer(decided)


class OursFromValues(Ours):
    """The same from facts that are read already, as all others are given them."""

    name = "ours, facts read already"

    def given(self, party: Party) -> Any:
        """The facts as values."""
        return self._book.ask(party.record, self._moment)

    def decide(self, given: Any) -> Any:
        """A decision with its findings."""
        return self._book.decide(self._rulebook, given)


class OursInChild(Ours):
    """The same as the product runs it: batches to a child process that may crash."""

    name = "ours, child process"

    def __init__(self, book: Book, rulebook: str) -> None:
        super().__init__(book, rulebook)
        self._closure = book.closure
        self._engine = RuleEngine()

    def decide(self, given: Any) -> Any:
        """A batch of one."""
        return self.decide_many([given])[0]

    def decide_many(self, many: Sequence[Any]) -> Sequence[Any]:
        """Batches as large as the product makes them."""
        return self._engine.decide(self._closure, self._rulebook, many, as_of=AS_OF)

    def close(self) -> None:
        """End the child process."""
        self._engine.close()


def _answer(decision: Decision) -> Answer:
    failed, unknown = (
        tuple(finding.criterion for finding in decision.findings if finding.verdict == verdict)
        for verdict in ("fail", "unknown")
    )
    value = decision.scores[0].value
    return Answer(decision.outcome, failed, unknown, None if value is None else int(value.replace(".", "")))


def engines(book: Book, name: str) -> tuple[list[Engine], dict[str, str]]:
    """The engines that are here, ours first, and those that are not, with the reason."""
    asked = policy(book, name)
    found: list[Engine] = [Ours(book, name), OursFromValues(book, name), OursInChild(book, name)]
    absent: dict[str, str] = {}
    makers: Mapping[str, Callable[[], Engine]] = {
        "zen-engine with trace": lambda: Zen(asked, trace=True),
        "zen-engine with trace and findings": lambda: Zen(asked, trace=True, findings=True),
        "zen-engine without trace": lambda: Zen(asked, trace=False),
        "cedarpy": lambda: Cedar(asked),
        "datalogic-py": lambda: Datalogic(asked),
        "regopy": lambda: Rego(asked),
    }
    for each, make in makers.items():
        try:
            found.append(make())
        except ImportError as error:
            absent[each] = f"not installed ({error}): `make bench` installs it"
    return found, absent


def agree(many: Sequence[Engine], given: Mapping[str, Sequence[Any]]) -> Counter[str]:
    """Outcome -> parties, once every engine has said the same about each. Ends the program where one does not."""
    first, *others = many
    wanted = [first.answer(first.decide(each)) for each in given[first.name]]
    for engine in others:
        # an engine of 15 ms a decision is asked about fewer
        started, asked = time.perf_counter(), 0
        for place, each in enumerate(given[engine.name]):
            told, want = engine.answer(engine.decide(each)), wanted[place]
            if not engine.tells_score:
                want = Answer(want.outcome, want.failed, want.unknown)
            if told != want:
                raise SystemExit(f"{engine.name} says otherwise about party {place}: {told} instead of {want}")
            asked = place + 1
            if asked >= 200 and time.perf_counter() - started > 10:
                break
        print(f"  {engine.name}: the same about {asked:,} parties", file=sys.stderr)
    return Counter(answer.outcome for answer in wanted)


# --- measuring ----------------------------------------------------------------------------------------------------


def one_by_one(engine: Engine, given: Sequence[Any], start: int, seconds: float) -> dict[str, float]:
    """Median microseconds of a decision, and decisions a second of processor time, for so many ``seconds``."""
    took: list[int] = []

    def decide() -> int:
        ends = time.perf_counter() + seconds
        while time.perf_counter() < ends or len(took) < FEWEST:
            each = given[(start + len(took)) % len(given)]
            began = time.perf_counter_ns()
            engine.decide(each)
            took.append(time.perf_counter_ns() - began)
        return len(took)

    rate = _rate(decide)
    return {"median": statistics.median(took) / 1000, "a second": rate}


def in_batches(engine: Engine, given: Sequence[Any], slow: bool, seconds: float) -> float:
    """Decisions a second of processor time, in one call after another of ``BATCH``."""
    many = given[: BATCH // 100 if slow else BATCH]

    def decide() -> int:
        done, ends = 0, time.perf_counter() + seconds
        while done == 0 or time.perf_counter() < ends:
            engine.decide_many(many)
            done += len(many)
        return done

    return _rate(decide)


def _rate(decide: Callable[[], int]) -> float:
    """Decisions a second of processor time, of this process with all its threads, and of its children."""
    children, own = processor_time.children_seconds(os.getpid()), time.process_time()
    done = decide()
    own = time.process_time() - own
    return done / (own + processor_time.children_seconds(os.getpid()) - children)


def run(book: Book, name: str, count: int, rounds: int, seconds: float) -> dict[str, Any]:
    """The figures of one policy: medians over rounds, and of ratios to ours in this process."""
    many, absent = engines(book, name)
    drawn = parties(book, count)
    given = {engine.name: [engine.given(party) for party in drawn] for engine in many}
    gc.set_threshold(_NEW_OBJECTS)
    print(f"{name}:", file=sys.stderr)
    outcomes = agree(many, given)
    found: dict[str, list[dict[str, float]]] = {engine.name: [] for engine in many}
    for number in range(rounds):
        turn = number % len(many)
        for engine in [*many[turn:], *many[:turn]]:
            told = one_by_one(engine, given[engine.name], number * 131, seconds)
            slow = told["median"] / 1e6 > SLOW_S
            told["in batches"] = in_batches(engine, given[engine.name], slow, seconds)
            found[engine.name].append(told)
    for engine in many:
        if isinstance(engine, OursInChild):
            engine.close()
    return {
        "policy": name,
        "outcomes": dict(outcomes),
        "engines": [{"engine": each.name, **_told(found, each.name), "tells": each.tells} for each in many],
        **({"absent": absent} if absent else {}),
    }


def _told(found: Mapping[str, Sequence[Mapping[str, float]]], name: str) -> dict[str, float]:
    def ratio(unit: str) -> float:
        pairs = zip(found[name], found[OURS], strict=True)
        return round(statistics.median(one[unit] / ours[unit] for one, ours in pairs), 2)

    def middle(unit: str) -> float:
        return statistics.median(one[unit] for one in found[name])

    return {
        "median us": round(middle("median"), 1),
        "median, to ours": ratio("median"),
        "a processor second, one by one": round(middle("a second")),
        "a processor second, in batches": round(middle("in batches")),
        "in batches, to ours": ratio("in batches"),
    }


# --- populations --------------------------------------------------------------------------------------------------


def population(book: Book, name: str, count: int, rounds: int) -> dict[str, Any]:
    """Ours in columns beside Polars written for the policy: seconds, processor seconds, and their ratios."""
    from rules.columnar import compile_book

    asked = policy(book, name)
    drawn = parties(book, 10_000)
    frame = rules_polars.frame(book, drawn, max(1, count // len(drawn)))
    criteria = [rule.id for rule in asked.rules]

    def ours() -> Any:
        compiled = compile_book(book)
        told = compiled.evaluate(frame.lazy(), AS_OF, {"": compiled.eligibility(name).ask()})
        verdicts = {f"verdict.{each}": each for each in criteria}
        kept = told.select("party_id", *verdicts, "score.trust", "outcome")
        return kept.rename({**verdicts, "score.trust": "score"}).collect(engine="streaming")

    def by_hand() -> Any:
        return rules_polars.query(asked, frame.lazy()).collect(engine="streaming")

    sides = {"ours": ours, "Polars": by_hand}
    _compare(book, name, drawn[:500], ours(), by_hand(), asked)
    found: dict[str, list[tuple[float, float]]] = {side: [] for side in sides}
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            began, worked = time.perf_counter(), time.process_time()
            sides[side]()
            found[side].append((time.perf_counter() - began, time.process_time() - worked))
    pairs = list(zip(found["ours"], found["Polars"], strict=True))
    return {
        "policy": name,
        "parties": len(frame),
        "ratio": round(statistics.median(one[0] / other[0] for one, other in pairs), 2),
        "ratio of processor time": round(statistics.median(one[1] / other[1] for one, other in pairs), 2),
        **{f"{side}, seconds": round(statistics.median(one[0] for one in took), 3) for side, took in found.items()},
    }


def _compare(book: Book, name: str, drawn: Sequence[Party], one: Any, other: Any, asked: Policy) -> None:
    """All answers in columns are equal, and the first are those of the authoritative engine."""
    import polars as pl

    columns = ["party_id", *(rule.id for rule in asked.rules), "outcome", "score"]
    same = [one.get_column(each).cast(pl.String).equals(other.get_column(each).cast(pl.String)) for each in columns]
    if not all(same):
        differing = [each for each, equal in zip(columns, same, strict=True) if not equal]
        raise SystemExit(f"Polars and ours differ in {differing}")
    engine = Ours(book, name)
    for party, row in zip(drawn, one.iter_rows(named=True), strict=False):
        want = engine.answer(engine.decide(party.record))
        failed, unknown = (
            tuple(rule.id for rule in asked.rules if row[rule.id] == verdict) for verdict in ("fail", "unknown")
        )
        if want != Answer(row["outcome"], failed, unknown, row["score"]):
            raise SystemExit(f"the columns say otherwise about party {row['party_id']}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print what it found as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--policy", choices=POLICIES, action="append", help="only this policy")
    parser.add_argument("--parties", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.4, help="so long with each engine in each round")
    parser.add_argument("--population", type=int, default=500_000, help="so many in columns (0: none)")
    parser.add_argument("--show", metavar="ENGINE", help="print the policy as this engine has it, and do nothing else")
    given = parser.parse_args(arguments)
    book = load_directory(BOOK)
    for name in given.policy or POLICIES:
        if given.show:
            found, _ = engines(book, name)
            texts = [getattr(each, "text", "") for each in found if each.name.startswith(given.show)]
            print(texts[0] if texts else f"no engine `{given.show}` is installed")
            continue
        print(json.dumps(run(book, name, given.parties, given.rounds, given.seconds), indent=2))
        if given.population:
            print(json.dumps(population(book, name, given.population, given.rounds), indent=2))
    if not given.show:
        print(json.dumps({"versions": _versions()}, indent=2))


def _versions() -> dict[str, str]:
    found = {}
    for name in ("durable_rules", "zen-engine", "cedarpy", "datalogic-py", "regopy", "polars"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


if __name__ == "__main__":
    main()
