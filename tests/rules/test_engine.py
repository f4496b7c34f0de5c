"""The engine's child processes: they may crash, hang, lie or be missing, and nobody is ever let through by that."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import EngineFault, EngineMissing, FastbrandError, InputError, NotFound, RuleFileError
from fastbrand.processes import alive
from rules.child import Reply, Task
from rules.engine import RuleEngine, Screening, _Slot
from rules.records import Observed, Record
from tests.rules import engine_faults
from tests.rules.stand_ins import PASSES_EVERYTHING
from tests.rules.vector_cases import book_of

ROOT = Path(__file__).parents[2]
AT = datetime(2022, 6, 1, tzinfo=UTC)
GOOD = {"owns_brand": "true", "buyers": "30", "rights": "80", "experience": "50", "price": "1"}


def party(name: str, **facts: str) -> Record:
    return Record(name, {fact: Observed(text) for fact, text in {**GOOD, **facts}.items()})


def closure() -> bytes:
    return book_of("routing").closure


def decide(engine: RuleEngine, *records: Record) -> list[Decision | FastbrandError]:
    return engine.decide(closure(), "e", records, as_of=AT)


def test_a_batch_is_answered_in_order_and_a_bad_record_stands_for_itself_only() -> None:
    with RuleEngine() as engine:
        names = [f"party-{number}" for number in range(450)]
        records = [party(name, **({"buyers": "30.0"} if name == "party-7" else {})) for name in names]
        answers = decide(engine, *records)
        assert len(answers) == 450
        for name, answer in zip(names, answers, strict=True):
            if name == "party-7":
                assert isinstance(answer, InputError)
                assert "`30.0`" in answer.message
            else:
                assert isinstance(answer, Decision)
                assert (answer.party, answer.outcome) == (name, "eligible")
        assert decide(engine) == []


def test_what_concerns_all_records_is_raised() -> None:
    with RuleEngine() as engine:
        with pytest.raises(NotFound, match="`nobody`"):
            engine.decide(closure(), "nobody", [party("a")], as_of=AT)
        with pytest.raises(InputError, match="not in force"):
            engine.decide(closure(), "e", [party("a")], as_of=AT.replace(year=2021))
        with pytest.raises(InputError, match="track `K`"):
            engine.screen(closure(), party("a"), track="K", as_of=AT)
        with pytest.raises(InputError):
            engine.decide(b"no closure", "e", [party("a")], as_of=AT)
        broken = closure().replace(b"kind: eligibility", b"kind: eligibillity")
        with pytest.raises(RuleFileError):
            engine.decide(broken, "e", [party("a")], as_of=AT)
        with pytest.raises(InputError, match="time zone"):
            engine.decide(closure(), "e", [party("a")], as_of=AT.replace(tzinfo=None))
        assert isinstance(decide(engine, party("a"))[0], Decision)


def test_a_book_that_was_in_force_then_may_decide_on_facts_of_now() -> None:
    with RuleEngine() as engine:
        book = book_of("freshness").closure
        later = datetime(2022, 9, 1, tzinfo=UTC)
        record = Record("a", {"repurchase": Observed("0.2"), "gmv": Observed("1")})
        with pytest.raises(InputError, match="not in force"):
            engine.decide(book, "e", [record], as_of=later)
        answer = engine.decide(book, "e", [record], as_of=later, effective_at=AT)[0]
        assert isinstance(answer, Decision)
        assert answer.as_of == "2022-09-01T00:00:00Z"


LIES: list[tuple[Callable[..., Any], str]] = [
    (engine_faults.crash, "exit code -11"),
    (engine_faults.exit_quietly, ""),
    (engine_faults.somebody_else, "something else than it was asked"),
    (engine_faults.another_day, "something else than it was asked"),
    (engine_faults.one_short, "0 answers to 1 records"),
    (engine_faults.nonsense, "something else than an answer"),
    (engine_faults.not_packed, "something else than an answer"),
    (engine_faults.raise_something, "nobody foresaw this"),
]


@pytest.mark.parametrize(("work", "says"), LIES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_failing_child_is_a_fault(work: Callable[..., Any], says: str) -> None:
    with RuleEngine(timeout_s=0.5 if work is engine_faults.exit_quietly else 10.0, work=work) as engine:
        answer = decide(engine, party("a"))[0]
        assert isinstance(answer, EngineFault)
        assert says in answer.message


def test_a_screening_is_no_less_careful() -> None:
    with RuleEngine(work=engine_faults.another_day) as engine, pytest.raises(EngineFault, match="was asked"):
        engine.screen(closure(), party("a"), track="M", as_of=AT)


def test_a_fault_is_tried_once_more_on_a_fresh_process(tmp_path: Path) -> None:
    with RuleEngine(work=engine_faults.crash_first) as engine:
        answer = decide(engine, party("a", slogan=str(tmp_path / "was-here")))[0]
        assert isinstance(answer, Decision)
        assert answer.outcome == "eligible"


@pytest.mark.parametrize("work", [engine_faults.crash_on_poison, engine_faults.fault_at_first])
def test_one_poisonous_record_does_not_cost_the_others(work: Callable[..., Any]) -> None:
    with RuleEngine(work=work) as engine:
        answers = decide(engine, party("a"), party("poison"), party("b"))
        assert [type(answer) for answer in answers] == [Decision, EngineFault, Decision]


def test_an_engine_that_is_not_there_is_not_started_for_every_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand parties without an engine are told so at once; one that was installed meanwhile is found."""
    log = tmp_path / "started"
    with RuleEngine(work=engine_faults.missing) as engine:
        for number in range(20):
            answers = decide(engine, party("a", slogan=str(log)), party(f"b{number}"))
            assert [type(answer) for answer in answers] == [EngineMissing, EngineMissing]
        assert len(log.read_text().splitlines()) == 2
        monkeypatch.setattr("rules.engine._MISSING_S", 0.0)
        decide(engine, party("a", slogan=str(log)))
        assert len(log.read_text().splitlines()) == 4


def test_a_hang_in_c_is_a_fault_and_its_process_is_gone(tmp_path: Path) -> None:
    where = tmp_path / "pid"
    with RuleEngine(timeout_s=0.5, work=engine_faults.hang) as engine:
        answer = decide(engine, party("a", slogan=str(where)))[0]
        assert isinstance(answer, EngineFault)
        assert "no answer within 0.5 s" in answer.message
        assert not alive(int(where.read_text()))


def test_closing_wakes_who_waits() -> None:
    engine = RuleEngine(timeout_s=60.0, work=engine_faults.slow)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(decide, engine, party("a"))
        while not any(slot._future is not None for slot in engine._slots):
            time.sleep(0.01)
        engine.close()
        found = waiting.exception(timeout=30) or waiting.result()[0]
        assert isinstance(found, EngineFault)
    with pytest.raises(EngineFault, match="closed"):
        decide(engine, party("a"))


def test_who_is_on_its_way_when_it_is_closed_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is started while its parent ends has nothing to read, and complains on the caller's stderr."""
    engine = RuleEngine()
    on_its_way, closed = threading.Event(), threading.Event()
    real = _Slot.run

    def late(slot: _Slot, task: Task) -> Reply:
        on_its_way.set()
        assert closed.wait(30)
        return real(slot, task)

    monkeypatch.setattr(_Slot, "run", late)
    before = set(multiprocessing.active_children())
    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(decide, engine, party("a"))
        assert on_its_way.wait(30)
        engine.close()
        closed.set()
        with pytest.raises(EngineFault, match="closed"):
            asking.result(timeout=30)
    assert set(multiprocessing.active_children()) <= before


def test_many_threads_share_a_few_processes() -> None:
    with RuleEngine(processes=2) as engine, ThreadPoolExecutor(8) as threads:
        records = [party(f"p{number}", rights=str(number % 100)) for number in range(64)]
        found = list(threads.map(lambda record: engine.screen(closure(), record, track="M", as_of=AT), records))
        for record, screening in zip(records, found, strict=True):
            assert isinstance(screening, Screening)
            assert screening.eligibility.party == record.party
            assert screening.queue.outcome == ("system" if int(record.party[1:]) % 100 >= 80 else "vetting")


def test_a_child_imports_nothing_heavy_and_not_the_callers_main(tmp_path: Path) -> None:
    where = tmp_path / "modules"
    with RuleEngine(work=engine_faults.tell_modules) as engine:
        assert isinstance(decide(engine, party("a", slogan=str(where)))[0], Decision)
    modules = where.read_text().splitlines()
    assert "durable_rules_engine" in modules
    heavy = {"polars", "sqlalchemy", "sqlmodel", "temporalio", "pytest", "typer", "fastbrand.cli"}
    assert not heavy & set(modules)


SCRIPT = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from rules.engine import RuleEngine
from rules.records import Observed, Record
from tests.rules import engine_faults

work = getattr(engine_faults, sys.argv[3], None)
engine = RuleEngine(**({"work": work, "timeout_s": 600.0} if work else {}))
record = Record("a", {name: Observed(text) for name, text in {facts!r}.items()} | {"slogan": Observed(sys.argv[2])})
screening = engine.screen(Path(sys.argv[1]).read_bytes(), record, track="M", as_of=datetime(2022, 6, 1, tzinfo=UTC))
print(screening.eligibility.outcome)
"""


def run(tmp_path: Path, *, work: str = "-", path: Path | None = None) -> subprocess.Popen[str]:
    """A program of its own, without a guard around its main part, that screens one good party."""
    (tmp_path / "closure").write_bytes(closure())
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace("{facts!r}", repr(GOOD)))
    paths = [str(place) for place in (path, ROOT) if place is not None]
    return subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "closure"), str(tmp_path / "pid"), work],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_script_without_a_guard_does_not_start_itself(tmp_path: Path) -> None:
    program = run(tmp_path)
    out, err = program.communicate(timeout=60)
    assert (program.returncode, out.split(), err) == (0, ["eligible"], "")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's signal at a parent's death is Linux's")
def test_a_hung_child_dies_with_its_parent(tmp_path: Path) -> None:
    program = run(tmp_path, work="hang")
    where = tmp_path / "pid"
    until = time.monotonic() + 60
    while not (where.exists() and where.read_text()) and time.monotonic() < until:
        time.sleep(0.02)
    child_pid = int(where.read_text())
    assert alive(child_pid)
    program.send_signal(signal.SIGKILL)
    program.communicate(timeout=60)
    while alive(child_pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not alive(child_pid)


STAND_INS = {
    "raises-at-import": ("raise ImportError('not here')", "not here"),
    "exits-at-import": ("raise SystemExit(0)", "SystemExit"),
    "has-nothing": ("", "AttributeError"),
    "raises-when-used": (
        "def __getattr__(name):\n    def f(*args): raise RuntimeError('no engine')\n    return f",
        "no engine",
    ),
    "fires-nothing": (
        """
def create_ruleset(*_): return 1
def assert_fact(*_): return (0, 1)
def start_action_for_state(*_): return None
def complete_and_start_action(*_): return None
def retract_fact(*_): return (0, 1)
""",
        "no rule of a comparison fired",
    ),
    "passes-everything": (
        PASSES_EVERYTHING,
        "has an answer where nothing is known",
    ),
}
"""What stands in for the engine's C module, and what the error says of it."""


@pytest.mark.parametrize(("stand_in", "says"), STAND_INS.values(), ids=STAND_INS.keys())
def test_without_the_c_engine_nobody_is_let_through(tmp_path: Path, stand_in: str, says: str) -> None:
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "durable_rules_engine.py").write_text(stand_in)
    program = run(tmp_path, path=tmp_path / "path")
    out, err = program.communicate(timeout=60)
    assert program.returncode != 0
    assert out == ""
    assert "errors.Engine" in err  # EngineFault or EngineMissing
    assert says in err
