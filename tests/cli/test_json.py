"""What scripts may rely on: keys, types and exit codes of ``--json``, over one walk through every staff verb."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import pytest

from tests.cli import shapes
from tests.cli.driver import CANDIDATES, Cli, Ran
from tests.cli.shapes import Shape, among, integer, maybe, misfits, text

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.xdist_group("cli-json")]

APPLIED = {
    "party_id": text,
    "stage": text,
    "screening": among("eligible", "refer", "ineligible"),
    "case_id": maybe(text),
}
WITHDRAWN = {"party_id": text, "stage": among("withdrawn"), "case_id": maybe(text)}
FACTS_SET = {"party_id": text, "facts": [text], "stage": text, "revision": integer}
CONFIRMED = {**shapes.STEERED, "state": among("closed"), "stage": among("endorsed")}
ERROR = {"error": {"code": text, "message": text, "hint": text}}

REJECT = ("--outcome", "reject", "--reason", "judgement")
HEXI = "party/hexi-outdoor/vetting/1"
TEA = "shanlan-tea"


BY_SCRIPT = {"refused", "four eyes", "case list", "confirm own", "confirm", "pool status", "audit list", "replay"}
"""Steps that go through the script itself; the others through a process that has imported everything."""


@pytest.fixture(scope="module")
def walk(served: Cli) -> dict[str, Ran]:
    """Every verb once, in an order that a day could have."""
    script = Cli(served.state)
    said: dict[str, Ran] = {}

    def run(name: str, *argv: str) -> None:
        said[name] = (script if name in BY_SCRIPT else served)(*argv, "--json")

    def apply(name: str, party: str, track: str, *more: str) -> None:
        run(name, "party", "apply", "--id", party, "--track", track, "--as", "mei", *more)

    apply("refused", TEA, "M", "--facts", str(CANDIDATES))
    apply("papers missing", "yunqi-ceramics", "M", "--facts", str(CANDIDATES))
    apply("four eyes", "hexi-outdoor", "M", "--facts", str(CANDIDATES))
    apply("brand", "changhe-appliances", "S", "--facts", str(CANDIDATES))
    run("case list", "case", "list")
    run("case show", "case", "show", "yunqi-ceramics")
    run("next", "case", "next", "--queue", "documents", "--as", "lan", "--command-id", "next-1")
    run("release", "case", "release", "yunqi-ceramics", "--as", "qiang", "--note", "lan is ill")
    run("next again", "case", "next", "--queue", "documents", "--as", "lan", "--command-id", "next-1")
    run("next of nothing", "case", "next", "--queue", "nobody", "--as", "lan")
    run("claim", "case", "claim", "yunqi-ceramics", "--as", "lan")
    run("mine", "case", "list", "--mine", "--as", "lan", "--kind", "vetting")
    run("request info", "case", "request-info", "yunqi-ceramics", "--as", "lan", "--item", "consumer_rights_score")
    run("answer", "case", "answer", "yunqi-ceramics", "counterfeit_confirmed_90d=0", "consumer_rights_score=86")
    run("no override", "case", "override", HEXI, *REJECT, "--as", "lan", "--note", "no")
    run("propose", "case", "propose", HEXI, "--outcome", "approve", "--reason", "mended", "--as", "lan")
    run("confirm own", "case", "confirm", HEXI, "--as", "lan")
    run("return", "case", "return", HEXI, "--as", "qiang")
    run("propose again", "case", "propose", HEXI, "--outcome", "approve", "--reason", "mended", "--as", "lan")
    run("confirm", "case", "confirm", HEXI, "--as", "qiang", "--command-id", "confirm-hexi")
    run("confirm again", "case", "confirm", HEXI, "--as", "qiang", "--command-id", "confirm-hexi")
    run("facts set", "facts", "set", TEA, "private_gmv_share_30d=34%")
    apply("endorsed", TEA, "M", "--revision", "3")
    run("stale", "party", "withdraw", "yunqi-ceramics", "--revision", "1")
    run("invite", "party", "invite", "--id", "nanfeng-sports")
    run("withdraw", "party", "withdraw", "nanfeng-sports")
    run("party show", "party", "show", TEA)
    run("party list", "party", "list")
    run("facts show", "facts", "show", TEA, "--history")
    known = served.state.parent / "known.csv"
    known.write_text(f"party_id,users_reached_90d\n{TEA},1200000\n", encoding="utf-8")
    run("facts import", "facts", "import", str(known), "--as", "mei")
    run("grant list", "grant", "list", "--party", TEA)
    grant = said["grant list"].fine().json()[0]["grant_id"]
    run("grant show", "grant", "show", grant)
    run("grant confirm", "grant", "confirm", grant, "--as", "jun")
    run("pool status", "pool", "status")
    run("pool reconcile", "pool", "reconcile")
    run("audit list", "audit", "list", "--party", TEA)
    run("final", "party", "apply", "--id", "yunqi-two", "--track", "M", "--as", "mei")
    run("propose final", "case", "propose", "yunqi-two", *REJECT, "--final", "--as", "lan")
    run("confirm final", "case", "confirm", "yunqi-two", "--as", "qiang")
    run("apply again", "party", "apply", "--id", "yunqi-two", "--track", "M", "--as", "mei")
    run("appeal", "party", "appeal", "yunqi-two", "--as", "mei", "--note", "it was not so")
    run("appeal case", "case", "show", "yunqi-two")
    run("judge of oneself", "case", "propose", "yunqi-two", *REJECT, "--as", "lan")
    run("letter", "party", "letter", "yunqi-two", "--lang", "zh")
    run("refusals", "audit", "list", "--verb", "command:refused")
    run("rules list", "rules", "list")
    run("replay", "rules", "replay", "--all")
    return said


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("refused", APPLIED),
        ("papers missing", APPLIED),
        ("four eyes", APPLIED),
        ("brand", APPLIED),
        ("case list", [shapes.CASE]),
        ("case show", {**shapes.CASE, "decision": shapes.DECISION, "summary": [shapes.any_text]}),
        ("next", shapes.STEERED),
        ("release", shapes.STEERED),
        ("next again", shapes.STEERED),
        ("claim", shapes.STEERED),
        ("mine", [shapes.CASE]),
        ("confirm final", {**shapes.STEERED, "stage": among("rejected")}),
        ("appeal", {**APPLIED, "stage": among("appealing")}),
        ("appeal case", {**shapes.CASE, "kind": among("appeal"), "excluded": [text], "may_decide": [text]}),
        ("letter", {"party_id": text, "stage": among("appealing"), "paragraphs": [text]}),
        ("request info", shapes.STEERED),
        ("answer", shapes.STEERED),
        ("propose", shapes.STEERED),
        ("return", shapes.STEERED),
        ("confirm", CONFIRMED),
        ("confirm again", CONFIRMED),
        ("facts set", FACTS_SET),
        ("endorsed", APPLIED),
        ("invite", {"party_id": text, "stage": among("invited")}),
        ("withdraw", WITHDRAWN),
        ("party show", {**shapes.PARTY, "endorsement": shapes.ENDORSEMENT, "grants": [shapes.GRANT]}),
        ("party list", [{"party_id": text, "kind": among("M", "S"), "stage": text, "revision": integer}]),
        ("facts show", [shapes.SHOWN_FACT]),
        ("facts import", shapes.IMPORTED_FACTS),
        ("grant list", [shapes.GRANT]),
        ("grant show", {**shapes.GRANT, "steps": [shapes.any_text]}),
        ("pool status", [shapes.POOL]),
        ("pool reconcile", {"balanced": lambda value: value is True, "differences": lambda value: value == []}),
        ("rules list", [shapes.BOOK]),
        ("replay", {"decisions": integer, "identical": integer, "changed": lambda value: value == []}),
    ],
)
def test_document(walk: dict[str, Ran], name: str, shape: Shape) -> None:
    """One JSON document of the shape that scripts rely on, and nothing else on either stream."""
    ran = walk[name].fine()
    assert misfits(ran.json(), shape) == []
    assert ran.err == ""


@pytest.mark.parametrize("name", ["audit list", "refusals"])
def test_events_are_a_document_a_line(walk: dict[str, Ran], name: str) -> None:
    events = walk[name].fine().jsonl()
    assert misfits(events, [shapes.EVENT]) == []
    assert [event["seq"] for event in events] == sorted({event["seq"] for event in events})


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("confirm own", "four_eyes"),
        ("judge of oneself", "four_eyes"),
        ("no override", "refused"),
        ("apply again", "refused"),
        ("stale", "stale_revision"),
        ("grant confirm", "refused"),
    ],
)
def test_refusal_is_a_document_too(walk: dict[str, Ran], name: str, code: str) -> None:
    walk[name].failed(3, code)
    document = walk[name].json()
    assert misfits(document, ERROR) == []
    assert document["error"]["code"] == code


def test_refusals_are_audited_with_who_and_why(walk: dict[str, Ran]) -> None:
    refusals = [(event["after"]["code"], event["actor"], event["subject"]["id"]) for event in walk["refusals"].jsonl()]
    lan = {"kind": "human", "id": "lan", "role": "reviewer"}
    assert ("four_eyes", lan, HEXI) in refusals
    assert ("four_eyes", lan, "party/yunqi-two/vetting/2") in refusals
    assert "stale_revision" in {code for code, _, _ in refusals}


def test_next_is_the_same_case_for_the_same_command_and_says_when_there_is_none(walk: dict[str, Ran]) -> None:
    assert walk["next"].json()["case_id"] == "party/yunqi-ceramics/vetting/1"
    assert walk["next again"].json() == walk["next"].json()
    assert walk["next of nothing"].fine().json()["case_id"] is None
    assert [each["case_id"] for each in walk["mine"].json()] == ["party/yunqi-ceramics/vetting/1"]


def test_where_everybody_ended(walk: dict[str, Ran]) -> None:
    stages = {row["party_id"]: (row["kind"], row["stage"]) for row in walk["party list"].json()}
    assert stages == {
        TEA: ("M", "endorsed"),
        "yunqi-ceramics": ("M", "endorsed"),
        "hexi-outdoor": ("M", "endorsed"),
        "changhe-appliances": ("S", "active"),
        "nanfeng-sports": ("S", "withdrawn"),
    }
    assert walk["refused"].json()["stage"] == "rejected"
    assert walk["papers missing"].json()["case_id"] == "party/yunqi-ceramics/vetting/1"


def test_repeated_command_gives_the_same_and_changes_nothing(walk: dict[str, Ran]) -> None:
    assert walk["confirm again"].json() == walk["confirm"].json()
    shown = [event for event in walk["refusals"].jsonl() if event["after"]["command_id"] == "confirm-hexi"]
    assert shown == []


def test_stages_chain_from_before_to_after(walk: dict[str, Ran]) -> None:
    steps = [event for event in walk["audit list"].jsonl() if event["verb"] == "party:stage_changed"]
    assert steps[0]["before"]["stage"] == "none"
    assert steps[-1]["after"]["stage"] == "endorsed"
    for earlier, later in pairwise(steps):
        assert earlier["after"]["stage"] == later["before"]["stage"]
        assert earlier["after"]["revision"] == later["before"]["revision"]


def test_amounts_add_up(walk: dict[str, Ran]) -> None:
    grant = walk["grant show"].json()
    assert sum(tranche["amount"] for tranche in grant["tranches"]) == grant["amount"]
    for pool in walk["pool status"].json():
        held = ("available", "reserved", "released_unspent", "consumed", "clawed_back")
        assert sum(pool[part] for part in held) == pool["budget"]
    assert {pool["pool_id"] for pool in walk["pool status"].json() if pool["available"] < pool["budget"]} == {
        "fast-brand",
        "brand",
    }


def test_decision_holds_what_it_saw(walk: dict[str, Ran]) -> None:
    """Amounts are integers, ratios and scores decimals as text, flags flags; the failed criterion says how far."""
    decisions = walk["party show"].json()["decisions"]
    refused: dict[str, Any] = next(each for each in decisions if each["outcome"] == "ineligible")
    assert misfits(refused, {**shapes.DECISION, "findings": [{**shapes.FINDING, "leaves": [shapes.LEAF]}]}) == []
    assert [reason["criterion"] for reason in refused["reasons"]] == ["private_domain.sales"]
    leaves = {leaf["fact"]: leaf for finding in refused["findings"] for leaf in finding["leaves"]}
    assert leaves["gmv_90d"]["observed"] == 9_600_000_00
    assert leaves["private_gmv_share_30d"]["observed"] == "0.22"
    assert leaves["private_gmv_share_30d"]["distance_to_pass"] == "0.08"
    assert leaves["owns_brand"]["observed"] is True
    assert leaves["follower_count"]["distance_to_pass"] == 190_000


def test_people_read_it_as_well(walk: dict[str, Ran], served: Cli) -> None:
    """The same without ``--json``: the reason, with the file and line of its rule; in Chinese too."""
    assert walk
    shown = served("case", "show", HEXI).fine().out
    assert "business.delivery" in shown
    assert re.search(r"fast-brand\.eligibility\.yaml:\d+", shown)
    zh = served("party", "show", TEA, "--lang", "zh").fine().out
    assert "快品牌" in zh or "复购" in zh or "符合" in zh, zh
    assert "923,340" in served("grant", "list", "--party", TEA).fine().out


def test_words_for_the_record(walk: dict[str, Ran], served: Cli) -> None:
    """A reason is a code, a source one line: both are searched for and shown for years."""
    assert walk
    propose = ("case", "propose", "yunqi-ceramics", "--outcome", "approve", "--reason")
    served(*propose, "looks good to me").failed(2, "reason_code", "`looks good to me` is not a reason code")
    fact = ("facts", "set", TEA, "brand_team_size=23", "--source")
    served(*fact, "a\x1b[31mb").failed(2, "label", "cannot be a source")
    assert "23" not in {row["value"] for row in served.json("facts", "show", TEA, "--history")}


def test_namespace_that_the_server_lacks(walk: dict[str, Ran], served: Cli) -> None:
    """Told as that, not as a party that is not there; and nothing is stored."""
    assert walk
    address = json.loads((served.state / "run.json").read_text(encoding="utf-8"))["address"]
    more = {"TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": "elsewhere"}
    before = len(served.jsonl("audit", "list"))
    again = ("party", "apply", "--id", "yunqi-ceramics", "--track", "M", "--facts", str(CANDIDATES))
    served(*again, more=more).failed(2, "temporal_namespace", "`elsewhere`")
    assert len(served.jsonl("audit", "list")) == before
