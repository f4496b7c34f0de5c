"""A changed policy: checked and tried from the file at once, released by one person, approved by another."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.cli import shapes
from tests.cli.driver import CANDIDATES, ROOT, Cli
from tests.cli.shapes import among, integer, misfits

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.xdist_group("cli-release")]

THRESHOLD = "private_gmv_share_30d: {at_least: 30%}"
VERSION = 'version: "2022.2"'
TEA = "shanlan-tea"
WISH = """\
rulebook: fast-brand
cases:
  - {name: everybody is welcome, given: {}, expect: {outcome: eligible}}
"""


def rewrite(book: Path, old: str, new: str) -> None:
    """Change the fast-brand rules of ``book``."""
    file = book / "fast-brand.eligibility.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working copy of the shipped book, in which 20% of sales to followers are enough."""
    copy = tmp_path_factory.mktemp("policy") / "book"
    shutil.copytree(ROOT / "rules" / "book", copy)
    rewrite(copy, THRESHOLD, THRESHOLD.replace("30%", "20%"))
    return copy


def outcomes(cli: Cli, book: str | Path) -> dict[str, str]:
    """What ``rules decide`` says of the candidates of track M."""
    ran = cli("rules", "decide", "--book", book, "--facts", CANDIDATES, "--json").fine()
    assert misfits(ran.jsonl(), [shapes.DECISION]) == []
    return {each["party"]: each["outcome"] for each in ran.jsonl() if each["party"] != "changhe-appliances"}


def test_working_file_counts_at_once(tmp_path: Path, book: Path) -> None:
    """No server, no database, no release: what the file says is what is decided, and nothing is written anywhere."""
    cli = Cli(tmp_path / "state")
    assert outcomes(cli, "fast-brand") == {TEA: "ineligible", "yunqi-ceramics": "refer", "hexi-outdoor": "refer"}
    changed = {TEA: "eligible", "yunqi-ceramics": "refer", "hexi-outdoor": "refer"}
    assert outcomes(cli, book / "fast-brand.eligibility.yaml") == changed
    checked = cli("rules", "check", book, "--json").fine().json()
    assert misfits(checked, {"ok": among(True), "mistakes": lambda value: value == [], "criteria": integer}) == []  # type: ignore[arg-type]  # a check of its own
    assert not cli.state.exists()


def test_rows_that_cannot_be_decided_are_told(tmp_path: Path) -> None:
    """A wrong row is named and left out; the others are decided; the exit code says that not all went well."""
    facts = tmp_path / "facts.csv"
    facts.write_text("party_id,gmv_90d\ngood,5\nbad,plenty\n", encoding="utf-8")
    ran = Cli(tmp_path / "state")("rules", "decide", "--book", "fast-brand", "--facts", facts, "--json")
    assert ran.code == 1
    assert [each["party"] for each in ran.jsonl()] == ["good"]
    assert "row 2" in ran.err
    assert "`plenty`" in ran.err


def test_two_people_bring_a_change_in(served: Cli, book: Path) -> None:
    """Release and approval by two people; the server that runs decides by it from then on, without a restart."""

    def apply(party: str) -> str:
        facts = served.state.parent / f"{party}.csv"
        rows = CANDIDATES.read_text(encoding="utf-8").splitlines()
        facts.write_text("\n".join([rows[0], rows[1].replace(TEA, party)]), encoding="utf-8")
        answer = served.json("party", "apply", "--id", party, "--track", "M", "--facts", facts)
        return str(answer["stage"])

    assert apply("before") == "rejected"

    ran = served("rules", "release", book, "--as", "yu")
    ran.failed(2, "rule_file", "raise `version`")
    line = (book / "fast-brand.eligibility.yaml").read_text(encoding="utf-8").splitlines().index(VERSION) + 1
    assert re.search(rf"fast-brand\.eligibility\.yaml:{line}:\d+: error\[version_not_raised\]", ran.err)

    rewrite(book, VERSION, 'version: "2022.3"')
    served("rules", "release", book, "--as", "mei").failed(3, "not_permitted", "`policy_editor`")
    (book / "tests" / "wishes.yaml").write_text(WISH, encoding="utf-8")
    served("rules", "release", book, "--as", "dev").failed(3, "tests", "1 of", "`everybody is welcome`")
    shutil.rmtree(book / "tests")
    served("rules", "release", book, "--as", "dev").failed(3, "warnings", "`--acknowledge REASON`")
    asked = ("rules", "release", book, "--as", "dev", "--acknowledge", "its tests follow", "--note", "a slow winter")
    proposed = served.json(*asked)
    assert misfits(proposed, {**shapes.BOOK, "state": among("proposed")}) == []
    assert proposed["versions"]["fast-brand"] == "2022.3"
    evidence = proposed["evidence"]
    assert (evidence["backtest"]["records"], evidence["backtest"]["flips"]) == (1, 1)  # `before` would be let in
    assert evidence["check"]["acknowledged_because"] == "its tests follow"
    sha = proposed["sha256"]
    assert apply("meanwhile") == "rejected"

    served("rules", "approve", sha, "--as", "dev").failed(3, "four_eyes", "`dev` released this book")
    served("rules", "approve", sha, "--as", "yu").failed(3, "not_permitted", "`policy_approver`")
    listed = served("rules", "list").fine().out
    assert re.search(rf"{sha[:16]} +proposed +its approval +dev +- +fast-brand 2022\.3", listed)
    assert re.search(r"live +the beginning +system:bootstrap", listed)
    live = served.json("rules", "approve", sha[:12], "--as", "ning")
    assert misfits(live, {**shapes.BOOK, "state": among("live"), "effective_from": shapes.moment}) == []
    assert (live["released_by"], live["approved_by"]) == ("dev", "ning")
    assert apply("after") == "endorsed"

    served("rules", "approve", sha, "--as", "ning").failed(3, "refused", "is live")
    served("rules", "release", book, "--as", "yu").failed(3, "refused", "is live", "nothing to do")
    books = {each["sha256"]: each["state"] for each in served.json("rules", "list")}
    assert sorted(books.values()) == ["live", "superseded"]
    replayed = Cli(served.state).json("rules", "replay", "--all")
    assert (replayed["identical"], replayed["changed"]) == (replayed["decisions"], [])
    verbs = [event["verb"] for event in served.jsonl("audit", "list")]
    assert verbs.count("rulebook:released") == 1
    assert verbs.count("rulebook:approved") == 1
    assert verbs.count("command:refused") == 7

    old = next(sha for sha, state in books.items() if state == "superseded")
    served("rules", "rollback", old, "--as", "ning").failed(2, "input", "`--note TEXT`")
    back = served.json("rules", "rollback", old, "--as", "ning", "--note", "too mild after all")
    assert (back["sha256"], back["state"]) == (old, "live")
    assert apply("rolled-back") == "rejected"


def test_a_release_is_cancelled_before_its_date(served: Cli, tmp_path: Path) -> None:
    """By who released it or by an approver; what is in force is rolled back instead."""
    book = tmp_path / "book"
    shutil.copytree(ROOT / "rules" / "book", book)
    rewrite(book, VERSION, 'version: "2022.4"')
    dated = served.json("rules", "release", book, "--as", "dev", "--effective", "2099-01-01")
    assert served.json("rules", "approve", dated["sha256"], "--as", "ning")["state"] == "approved"
    live = next(each for each in served.json("rules", "list") if each["state"] == "live")
    served("rules", "cancel", live["sha256"], "--as", "ning").failed(3, "refused", "use `fastbrand rules rollback`")
    served("rules", "cancel", dated["sha256"], "--as", "yu").failed(
        3, "not_permitted", "`yu` did not release this book"
    )
    again = ("rules", "cancel", dated["sha256"][:12], "--as", "dev", "--command-id", "not-this-winter")
    cancelled = served.json(*again)
    assert misfits(cancelled, {**shapes.BOOK, "state": among("cancelled"), "cancelled_by": among("dev")}) == []
    assert served.json(*again) == cancelled
    assert "cancelled" in served("rules", "list").fine().out
    assert [event["verb"] for event in served.jsonl("audit", "list")].count("rulebook:cancelled") == 1
