"""``rules test``, ``rules init`` and ``rules explain`` as policy people use them. Nothing runs here but the script."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fastbrand import wiring
from fastbrand.domain.audit import Actor
from fastbrand.domain.decision import Decision
from fastbrand.domain.lifecycle import Track
from fastbrand.store import decisions, parties
from rules.engine import RuleEngine, inputs_json
from rules.loader import load_directory
from rules.records import Context, Observed, Record
from tests.cli.driver import ROOT, SCRIPT, Cli, until
from tests.cli.shapes import Shape, any_text, flag, integer, maybe, misfits, number, text
from tests.signals import heard

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-rule-tests")]

SHIPPED = ROOT / "rules" / "book"
TEMPLATE = ROOT / "rules" / "templates" / "book"
BOOKS = [SHIPPED, ROOT / "examples" / "demo" / "book", ROOT / "examples" / "olist" / "book"]


def each(shape: Shape) -> Shape:
    """A list, empty or not, whose items are all of this shape."""
    return lambda value: isinstance(value, list) and not any(misfits(item, shape) for item in value)


PLACE = {"path": text, "line": integer, "column": integer}
MISSING = {
    **PLACE,
    **dict.fromkeys(("rulebook", "what", "name", "seen", "message"), text),
    "suggestion": maybe(text),
    "file_head": maybe(text),
}
COVERAGE = {
    "percent": number,
    "criteria": {"total": integer, "passed": integer, "failed": integer, "unknown": integer},
    "outcomes": {"total": integer, "taken": integer},
    "bands": {"total": integer, "clear": integer, "alert": integer, "limit": integer, "unknown": integer},
    "bonus": {"total": integer, "seen": integer},
    "missing": each(MISSING),
}
FAILURE = {"about": text, "expected": text, "got": text, "line": integer}
RUN = {
    "passed": integer,
    "failed": integer,
    "path": text,
    "files": each(text),
    "mistakes": each({**PLACE, "code": text, "message": text, "hint": any_text}),
    "failures": each({**PLACE, "name": text, "rulebook": text, "failures": each(FAILURE)}),
    "coverage": COVERAGE,
}


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A copy of the small book that a newcomer begins with."""
    return Path(shutil.copytree(TEMPLATE, tmp_path / "book"))


def rewrite(file: Path, old: str, new: str) -> int:
    """Replace ``old``, which stands once in the file; the line it stood in."""
    content = file.read_text(encoding="utf-8")
    assert content.count(old) == 1, f"`{old}` stands {content.count(old)} times"
    file.write_text(content.replace(old, new), encoding="utf-8")
    return content[: content.index(old)].count("\n") + 1


# --- rules test ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", BOOKS, ids=["shipped", "demo", "olist"])
def test_shipped_books_are_tested_in_full(tmp_path: Path, path: Path) -> None:
    """Every criterion seen pass, fail and unknown; every row, band, tier and cap seen at work; both engines agree."""
    run = Cli(tmp_path / "state")("rules", "test", path, "--coverage", "--json").fine().json()
    assert misfits(run, RUN) == []
    counts = run["coverage"]
    assert (run["failed"], counts["percent"], counts["missing"]) == (0, 100.0, [])
    criteria = counts["criteria"]
    assert criteria["passed"] == criteria["failed"] == criteria["unknown"] == criteria["total"] > 5
    assert counts["outcomes"]["taken"] == counts["outcomes"]["total"] > 10
    assert run["passed"] > 30
    assert not (tmp_path / "state").exists()


def test_the_demonstration_is_tested_as_what_is_shipped() -> None:
    """Its tests are those of the shipped book; only what is due in seconds there differs."""
    names = {path.name for path in (SHIPPED / "tests").glob("*.yaml")}
    assert {path.name for path in (BOOKS[1] / "tests").glob("*.yaml")} == names
    different = set()
    for name in names:
        ours, theirs = ((path / "tests" / name).read_text(encoding="utf-8").splitlines() for path in BOOKS[:2])
        assert len(ours) == len(theirs)
        different |= {(a, b) for a, b in zip(ours, theirs, strict=True) if a != b and not a.startswith("# yaml-")}
    assert {
        a.replace("3 business days", "60 seconds").replace("5 business days", "60 seconds") for a, _ in different
    } == {b for _, b in different}
    assert len(different) == 2


def test_a_case_that_fails(warm: Cli, book: Path) -> None:
    tests = book / "tests" / "fast-brand.yaml"
    line = rewrite(tests, "expect: {outcome: refer, reasons: [], score: {trust: 58.0}}", "expect: {outcome: eligible}")
    run = warm("rules", "test", book)
    assert run.code == 1
    assert f"{tests}:{line - 2}:5: failed: meets everything" in run.out
    assert f"  line {line}: outcome: expected eligible, got refer" in run.out
    assert "38 of 39 cases pass" in run.out.splitlines()[-1]
    told = warm("rules", "test", book, "--json")
    assert told.code == 1
    assert misfits(told.json(), RUN) == []
    assert (told.json()["passed"], told.json()["failed"]) == (38, 1)
    assert told.json()["failures"][0]["failures"] == [
        {"about": "outcome", "expected": "eligible", "got": "refer", "line": line}
    ]


def test_a_changed_rule_fails_the_cases_that_mind(warm: Cli, book: Path) -> None:
    rewrite(book / "fast-brand.eligibility.yaml", "default: 15%", "default: 10%")
    run = warm("rules", "test", book)
    assert run.code == 1
    assert "failed: too few buyers come back" in run.out
    assert "reasons: expected [repurchase.rate], got []: `repurchase.rate` missing" in run.out


def test_mistakes_of_test_files_are_told_and_the_others_run(warm: Cli, book: Path) -> None:
    line = rewrite(book / "tests" / "track.yaml", "{track: merchant}", "{trak: merchant}")
    run = warm("rules", "test", book)
    assert run.code == 1
    assert f"{book}/tests/track.yaml:{line}:" in run.out
    assert "error[unknown_key]: an `expect` has no key `trak`\n  help: did you mean `track`?" in run.out
    assert "38 of 39 cases pass, 1 has mistakes" in run.out
    document = warm("rules", "test", book, "--json").json()
    assert misfits(document, RUN) == []
    assert (document["passed"], document["failed"], len(document["mistakes"])) == (38, 1, 1)


def test_a_book_with_mistakes_is_not_tested(warm: Cli, book: Path) -> None:
    rewrite(book / "track.routing.yaml", "track: S", "track: X")
    run = warm("rules", "test", book)
    run.failed(2, "rule_file", "track.routing.yaml:15")
    assert "error[unknown_word]" in run.err


def test_below_full_coverage(warm: Cli, book: Path) -> None:
    """Without ``--coverage`` it is told; with it, it is a failure that names a case to add, which mends it."""
    tests = book / "tests" / "track.yaml"
    rewrite(tests, "  - {name: known to everybody 大众知名, given: {mass_awareness: 30%}, expect: {track: S}}\n", "")
    plain = warm("rules", "test", book).fine()
    assert plain.out.count("\n") == 1
    assert "coverage 98.3%" in plain.out
    run = warm("rules", "test", book, "--coverage")
    assert run.code == 1
    assert f"{book}/track.routing.yaml:15:5: not covered: no case that row 2 decides" in run.out
    proposed = "- {name: row 2 of track-routing, given: {mass_awareness: 30%}, expect: {outcome: S}}"
    assert f"  try: {proposed}  # beside {tests}:6\n" in run.out
    document = warm("rules", "test", book, "--coverage", "--json")
    assert document.code == 1
    assert misfits(document.json(), RUN) == []
    assert [each["suggestion"] for each in document.json()["coverage"]["missing"]] == [proposed]
    with tests.open("a", encoding="utf-8") as file:
        file.write(f"  {proposed}\n")
    warm("rules", "test", book, "--coverage").fine()


def test_one_file_at_a_time(warm: Cli, book: Path) -> None:
    """A test file, or a rule file: its cases, and the coverage of its rule book."""
    rewrite(book / "tests" / "track.yaml", "expect: {track: S}", "expect: {track: M}")
    for path in ("tests/upkeep.yaml", "fast-brand.maintenance.yaml"):
        run = warm("rules", "test", book / path, "--coverage").fine()
        assert "7 of 7 cases pass; coverage 100%" in run.out
    assert warm("rules", "test", book / "track.routing.yaml").code == 1
    warm("rules", "test", book / "facts.yaml").failed(2, "input", "facts.yaml", "decides nothing")
    warm("rules", "test", book / "nothing").failed(2, "input", "is not there")


def test_a_book_without_tests(warm: Cli, book: Path) -> None:
    shutil.rmtree(book / "tests")
    assert "no tests" in warm("rules", "test", book).fine().out
    run = warm("rules", "test", book, "--coverage")
    assert run.code == 1
    assert f"a new file {book}/tests/fast-brand.yaml that begins so" in run.out
    checked = warm("rules", "check", book).fine()
    assert "warning[untested]: the book has no tests" in checked.out


def test_check_warns_of_what_no_test_fails(warm: Cli, book: Path) -> None:
    assert "no mistakes" in warm("rules", "check", book).fine().out
    rewrite(
        book / "tests" / "bonus.yaml",
        "given: {counterfeit_confirmed_90d: 1}\n    expect: {outcome: no_grant, bonus: 0, reasons: [no_counterfeit]}",
        "expect: {outcome: grant}",
    )
    mistakes = warm("rules", "check", book, "--json").fine().json()["mistakes"]
    assert [(Path(each["path"]).name, each["line"], each["code"], each["grade"]) for each in mistakes] == [
        ("traffic-bonus.incentive.yaml", 17, "untested", "warning")
    ]
    only = warm("rules", "check", book / "traffic-bonus.incentive.yaml", "--json").fine().json()["mistakes"]
    assert [each["code"] for each in only] == ["untested"]
    assert warm("rules", "check", book / "review.routing.yaml", "--json").fine().json()["mistakes"] == []


# --- --watch ------------------------------------------------------------------------------------------------------


@contextmanager
def watching(cli: Cli, book: Path, *more: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """``rules test BOOK --watch`` in the background, and the file that holds what it says."""
    said = book.parent / "said.txt"
    with said.open("wb") as out, heard(signal.SIGINT):
        process = subprocess.Popen(
            [str(SCRIPT), "rules", "test", str(book), "--watch", *more],
            cwd=ROOT,
            env=cli.environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process, said
    finally:
        process.kill()
        process.wait(30)


def test_watching_runs_again_on_every_change_until_interrupted(tmp_path: Path, book: Path) -> None:
    cli = Cli(tmp_path / "state")
    rules = book / "fast-brand.eligibility.yaml"
    with watching(cli, book) as (process, said):
        until(lambda: "39 of 39 cases pass" in said.read_text(encoding="utf-8"), said.read_text)
        rewrite(rules, "default: 15%", "default: 10%")
        until(lambda: "38 of 39 cases pass" in said.read_text(encoding="utf-8"), said.read_text)
        rewrite(rules, "default: 10%", "default: ten")
        until(lambda: "error[rule_file]" in said.read_text(encoding="utf-8"), said.read_text)
        rewrite(rules, "default: ten", "default: 15%")
        until(lambda: said.read_text(encoding="utf-8").count("39 of 39 cases pass") == 2, said.read_text)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert "Traceback" not in said.read_text(encoding="utf-8")


def test_watching_with_json_is_a_document_a_line(tmp_path: Path, book: Path) -> None:
    with watching(Cli(tmp_path / "state"), book, "--json") as (process, said):
        until(lambda: said.read_text(encoding="utf-8").count("\n") == 1, said.read_text)
        (book / "tests" / "track.yaml").unlink()
        until(lambda: said.read_text(encoding="utf-8").count("\n") == 2, said.read_text)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    documents = [json.loads(line) for line in said.read_text(encoding="utf-8").splitlines()]
    assert [document["passed"] for document in documents] == [39, 36]
    assert all(misfits(document, RUN) == [] for document in documents)


# --- rules init ---------------------------------------------------------------------------------------------------


def test_a_newcomer_gets_a_book_that_passes(warm: Cli, tmp_path: Path) -> None:
    directory = tmp_path / "mine"
    made = warm("rules", "init", directory).fine()
    files = {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}
    assert files >= {
        "facts.yaml",
        "programme.yaml",
        "fast-brand.eligibility.yaml",
        "fast-brand.maintenance.yaml",
        "traffic-bonus.incentive.yaml",
        *(f"{name}.routing.yaml" for name in ("review", "track", "endorsement")),
        *(f"tests/{name}.yaml" for name in ("fast-brand", "routing", "track", "endorsement", "upkeep", "bonus")),
        "schema/eligibility.schema.json",
        "schema/tests.schema.json",
    }
    assert set(made.out.splitlines()[:-1]) == {str(directory / name) for name in files}
    assert "no mistakes" in warm("rules", "check", directory).fine().out
    assert "39 of 39 cases pass; coverage 100%" in warm("rules", "test", directory, "--coverage").fine().out


def test_every_file_of_the_new_book_speaks_both_languages_and_names_its_schema(warm: Cli, tmp_path: Path) -> None:
    directory = tmp_path / "mine"
    warm.json("rules", "init", directory)
    for file in directory.rglob("*.yaml"):
        content = file.read_text(encoding="utf-8")
        first, *_ = content.splitlines()
        schema = (file.parent / first.removeprefix("# yaml-language-server: $schema=")).resolve()
        assert json.loads(schema.read_text(encoding="utf-8"))["$schema"], file
        assert any("一" <= char <= "鿿" for char in content), file


def test_nothing_is_overwritten(warm: Cli, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "notes.txt").write_text("mine")
    warm("rules", "init", full).failed(2, "not_empty", "is not empty")
    assert [path.name for path in full.iterdir()] == ["notes.txt"]
    warm("rules", "init", full / "notes.txt").failed(2, "not_empty", "is not empty")
    empty = tmp_path / "empty"
    empty.mkdir()
    warm("rules", "init", empty).fine()
    warm("rules", "init", empty).failed(2, "not_empty", "is not empty")


# --- rules explain ------------------------------------------------------------------------------------------------

AT = datetime(2022, 8, 1, 4, tzinfo=UTC)
SELLER = {
    "owns_brand": "true",
    "mass_awareness": "0.05",
    "live_days_30d": "4",
    "counterfeit_confirmed_90d": "0",
    "severe_violations_365d": "0",
    "consumer_rights_score": "80",
    "repurchase_rate_90d": "0.3",
    "experience_score": "80",
    "aesthetic_score": "80",
    "price_to_category": "1",
    "gmv_30d": "2000000",
    "category": "apparel",
}


@pytest.fixture(scope="module")
def stored(warm: Cli) -> dict[str, str]:
    """Kind -> id of a decision that is kept in the state directory."""
    warm.json("pool", "status")  # a new database has the shipped book
    book = load_directory(SHIPPED)
    record = Record("shanlan-tea", {name: Observed(value) for name, value in SELLER.items()})
    context = Context(track="M", period="2022-08")
    with RuleEngine() as engine:
        screening = engine.screen(book.closure, record, track="M", as_of=AT)
        made: list[Decision] = [screening.eligibility, screening.queue]
        for name in ("fast-brand-upkeep", "traffic-bonus"):
            (found,) = engine.decide(book.closure, name, [record], as_of=AT, context=context)
            assert isinstance(found, Decision)
            made.append(found)
    actor = Actor("system", "test", "system")
    with wiring.office(wiring.settings_for(warm.state)) as office, office.db.write() as conn:
        parties.register(conn, party_id=record.party, track=Track.M, at=AT, actor=actor)
        for decision in made:
            key = f"test/{decision.kind}"
            decisions.store(conn, decision, key, inputs_json(record, context), at=AT, actor=actor)
    return {decision.kind: decision.id for decision in made}


def test_a_decision_in_words(warm: Cli, stored: dict[str, str]) -> None:
    told = warm("rules", "explain", stored["eligibility"]).fine().out.splitlines()
    assert told[0].startswith("fast-brand 2022.2 [illustrative]: not eligible (as of 2022-08-01")
    assert any("Days with a live session in 30 days is 4, asked for is at least 8 (4 short)" in line for line in told)
    line = next(
        n
        for n, text in enumerate((SHIPPED / "fast-brand.eligibility.yaml").read_text().splitlines(), 1)
        if "content.live_days" in text
    )
    assert any(f"leads to a refusal; fast-brand.eligibility.yaml:{line}" in each for each in told)
    assert told[-3].startswith(
        "row 1 decides: failed criteria with the effect `reject`: 1, asked for: some (fast-brand."
    )


def test_a_decision_in_chinese(warm: Cli, stored: dict[str, str]) -> None:
    told = warm("rules", "explain", stored["eligibility"], "--lang", "zh").fine().out.splitlines()
    assert told[0].startswith("fast-brand 2022.2【示例】：不符合")
    assert any("近30天开播天数为 4，要求不低于 8" in line for line in told)
    assert told[-3].startswith("第 1 行生效：未通过且后果为“拒绝”的指标：1，要求：有")


def test_rows_that_did_not_hold_say_why(warm: Cli, stored: dict[str, str]) -> None:
    told = warm("rules", "explain", stored["routing"]).fine().out.splitlines()
    assert told[0].startswith("review-routing 2022.2 [illustrative]: system")
    assert "the screening: not eligible, asked for: eligible" in told[1]
    assert told[1].startswith("row 1 does not hold: ")
    assert "trust: 72.0, asked for: at least 80.0" in told[1]
    assert told[2].startswith(
        "row 2 decides: the screening: not eligible, asked for: not eligible (review.routing.yaml:"
    )
    kept = warm("rules", "explain", stored["maintenance"]).fine().out
    assert "row 1 does not hold: the band `counterfeit`: clear, asked for: in limit" in kept
    assert "row 7 decides (fast-brand.maintenance.yaml:" in kept


def test_a_bonus_step_by_step(warm: Cli, stored: dict[str, str]) -> None:
    told = warm("rules", "explain", stored["incentive"]).fine().out
    assert "tier 1: 1,000,000.00 CNY x 100% = 1,000,000\ntier 2: 1,000,000.00 CNY x 50% = 500,000\n" in told
    assert "tier 3 begins 8,000,000.00 CNY further up" in told
    assert "Sales in 30 days of 2,000,000.00 CNY counts as 1,500,000, and is multiplied by " in told


def test_an_explanation_as_json(warm: Cli, stored: dict[str, str]) -> None:
    document = warm.json("rules", "explain", stored["incentive"])
    assert (
        misfits(document, {"decision": {"id": text, "outcome": text, "steps": [{"step": text}]}, "lines": [text]}) == []
    )
    assert document["decision"]["id"] == stored["incentive"]
    assert document["summary"].startswith("You are granted ")
    assert warm.json("rules", "explain", stored["routing"])["summary"] == ""
    assert flag(document["decision"]["result"]["confirm"])


def test_what_cannot_be_explained(warm: Cli, stored: dict[str, str]) -> None:
    warm("rules", "explain", "d-0").failed(2, "not_found", "decision `d-0` is not known")
    warm("rules", "explain", stored["routing"], "--lang", "fr").failed(2, "input", "`fr`")
