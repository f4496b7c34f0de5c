"""The register of providers and talents, and who serves whom, through the script; nothing runs here."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from fastbrand.domain.lifecycle import Stage, Track
from fastbrand.store import facts, parties
from fastbrand.store.database import Database
from fastbrand.store.facts import NewFact
from tests.cli import shapes
from tests.cli.driver import Cli
from tests.cli.shapes import misfits
from tests.store.given import NOW

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-providers")]

ROWS = [
    "provider_id,type,name,categories,region,capacity,track_record,content,business,active,remark",
    "belt-1,industrial_belt,Haining leather,apparel|shoes_bags,zhejiang,1,72.5,80,,,near",
    "shop-1,merchant,Shop service,apparel,,2,60,,40.5,true,",
    "shop-2,merchant,Other service,food|apparel,fujian,3,,,,,",
    "brand-1,brand,Brand service,apparel,shanghai,9,88,,,,",
    "mcn-1,mcn,Star house,apparel,zhejiang,1,50,,,,",
]


@pytest.fixture(scope="module")
def office(warm: Cli) -> Cli:
    """A register of five providers, a party in standing, one that is not, and a talent."""
    file = warm.state.parent / "providers.csv"
    file.write_text("\n".join(ROWS) + "\n", encoding="utf-8")
    warm("provider", "import", file, "--as", "mei").fine()
    warm("talent", "add", "ann", "--category", "apparel", "--region", "zhejiang", "--as", "mei").fine()
    db = Database(f"sqlite:///{warm.state / 'fastbrand.db'}")
    with db.write() as conn:
        for party, stage in (("acme", Stage.ENDORSED), ("both", Stage.ENDORSED), ("novice", Stage.VETTING)):
            parties.register(conn, party_id=party, track=Track.M, at=NOW)
            given = [NewFact("category", "apparel", NOW), NewFact("region", "zhejiang", NOW)]
            facts.record(conn, party, given, key="given", at=NOW)
            conn.execute(update(parties.PARTY).where(parties.PARTY.c.party_id == party).values(stage=stage))
    db.close()
    warm("talent", "add", "both", "--category", "food", "--as", "mei").fine()
    return warm


def provider(cli: Cli, name: str) -> Any:
    return cli.json("provider", "show", name)


def test_a_file_with_mistakes(warm: Cli, tmp_path: Path) -> None:
    """Rows with mistakes are left out and told, in a file too; the others are taken, once."""
    file, errors = tmp_path / "mixed.csv", tmp_path / "errors.csv"
    bad = [
        "ok-1,merchant,Fine,home,,1,,,,,",
        "bad-type,merchent,Typo,apparel,,1,,,,,",
        "bad-cat,merchant,Typo,aparel,,1,,,,,",
        "bad-region,merchant,Typo,apparel,zhejing,1,,,,,",
        "bad-capacity,merchant,Typo,apparel,,1.5,,,,,",
        "bad-score,merchant,Typo,apparel,,1,100.1,,,,",
        "bad-score-2,merchant,Typo,apparel,,1,,60.25,,,",
        "bad-flag,merchant,Typo,apparel,,1,,,,yes,",
        "no-category,merchant,Typo,,,1,,,,,",
        ",merchant,No id,apparel,,1,,,,,",
        "ok-1,merchant,Twice,apparel,,1,,,,,",
    ]
    file.write_text("\n".join([ROWS[0], *bad]) + "\n", encoding="utf-8")
    run = warm("provider", "import", file, "--errors", errors, "--as", "mei", "--json")
    assert run.code == 1
    told = run.json()
    assert misfits(told, shapes.PROVIDER_IMPORT) == []
    assert (told["rows"], told["added"], told["mistakes"], told["ignored_columns"]) == (11, 1, 10, ["remark"])
    with errors.open(encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert [(row["row"], row["column"]) for row in rows] == [
        ("2", "type"),
        ("3", "categories"),
        ("4", "region"),
        ("5", "capacity"),
        ("6", "track_record"),
        ("7", "content"),
        ("8", "active"),
        ("9", "categories"),
        ("10", "provider_id"),
        ("11", "provider_id"),
    ]
    assert "did you mean `merchant`?" in rows[0]["reason"]
    assert "did you mean `apparel`?" in rows[1]["reason"]
    again = warm("provider", "import", file, "--as", "mei", "--json").json()
    assert (again["added"], again["changed"], again["unchanged"]) == (0, 0, 1)
    assert provider(warm, "ok-1")["name"] == "Fine"


def test_a_row_that_the_register_refuses_leaves_nothing_behind(office: Cli, tmp_path: Path) -> None:
    file = tmp_path / "refused.json"
    rows = [
        {"provider_id": "shop-2", "type": "mcn"},
        {"provider_id": "shop-2", "capacity": 4},
        {"provider_id": "brand-1", "capacity": 10, "content": 70, "track_record": None},
    ]
    file.write_text(json.dumps(rows), encoding="utf-8")
    told = office("provider", "import", file, "--as", "mei", "--json").json()
    assert (told["changed"], told["mistakes"]) == (1, 2)
    assert "never changes" in told["errors"][0]
    assert "in row 1 already" in told["errors"][1]
    brand = provider(office, "brand-1")
    assert (brand["capacity"], brand["capabilities"]["content"], brand["track_record"]) == (10, "70.0", None)
    assert [event["verb"] for event in provider(office, "shop-2")["history"]] == ["provider:registered"]


def test_lists_shows_and_counts(office: Cli) -> None:
    rows = office.json("provider", "list")
    assert misfits(rows, [shapes.PROVIDER]) == []
    names = {row["provider_id"] for row in rows}
    assert names >= {"belt-1", "shop-1", "shop-2", "brand-1", "mcn-1"}
    assert [row["provider_id"] for row in office.json("provider", "list", "--type", "mcn")] == ["mcn-1"]
    assert "shop-2" in [row["provider_id"] for row in office.json("provider", "list", "--category", "food")]
    assert [row["provider_id"] for row in office.json("provider", "list", "--region", "fujian")] == ["shop-2"]
    belt = provider(office, "belt-1")
    assert belt["capabilities"] == {"content": "80.0", "business": None, "repurchase": None, "private_domain": None}
    counted = office.json("provider", "counts")
    assert misfits(counted["types"], [shapes.PROVIDER_COUNT]) == []
    baseline = {row["type"]: (row["serves"], row["baseline"]) for row in counted["types"]}
    assert baseline == {
        "mcn": ("K", 90),
        "industrial_belt": ("M", 30),
        "merchant": ("M", 500),
        "brand": ("S", 140),
    }
    registered = {row["type"]: row["registered"] for row in counted["types"]}
    assert registered["industrial_belt"] == 1
    assert counted["total"]["registered"] == len(names)
    assert counted["total"]["baseline"] == 760
    assert misfits(office.json("talent", "list"), [shapes.TALENT]) == []


def test_a_party_from_its_offers_to_the_end_of_a_match(office: Cli) -> None:
    found = office.json("provider", "match", "acme", "--as", "mei", "--command-id", "match-acme")
    assert misfits(found, shapes.PROVIDER_MATCH) == []
    assert misfits(found["offers"], [shapes.MATCH]) == []
    assert [(each["provider_id"], each["score"]) for each in found["offers"]] == [
        ("belt-1", "44.5"),
        ("shop-1", "12.0"),
        ("shop-2", "0.0"),
    ]
    again = office.json("provider", "match", "acme", "--as", "mei", "--command-id", "match-acme")
    assert again == found
    first, second, _ = (each["match_id"] for each in found["offers"])
    declined = office.json("provider", "decline", second, "--note", "too far", "--as", "bo")
    assert (declined["state"], declined["settled_by"], declined["reason"]) == ("declined", "bo", "too far")
    accepted = office.json("provider", "accept", first, "--as", "bo", "--command-id", "accept-1")
    assert accepted["state"] == "accepted"
    assert office.json("provider", "accept", first, "--as", "bo", "--command-id", "accept-1") == accepted
    assert (provider(office, "belt-1")["load"], provider(office, "belt-1")["free_capacity"]) == (1, 0)
    assert [each["state"] for each in office.json("provider", "offers", "acme")] == [
        "accepted",
        "declined",
        "superseded",
    ]
    # who serves it, and who was declined, is not proposed again; the latter only where it is asked for
    anew = office.json("provider", "match", "acme", "--as", "mei")
    assert [each["provider_id"] for each in anew["offers"]] == ["shop-2"]
    all_of_them = office.json("provider", "match", "acme", "--declined-too", "--as", "mei")
    assert [each["provider_id"] for each in all_of_them["offers"]] == ["shop-1", "shop-2"]
    ended = office.json("provider", "end", first, "--note", "season over", "--as", "mei")
    assert ended["state"] == "ended"
    assert provider(office, "belt-1")["load"] == 0
    told = [event["verb"] for event in office.jsonl("audit", "list", "--party", "acme")]
    assert told.count("match:proposed") == 6
    assert told.count("match:accepted") == told.count("match:declined") == told.count("match:ended") == 1


def test_the_decision_is_kept_explained_and_replayed(office: Cli) -> None:
    found = office.json("provider", "match", "both", "--kind", "party", "--as", "mei")
    decision = found["decision_id"]
    said = office.json("rules", "explain", decision)
    assert misfits(said["decision"], shapes.DECISION) == []
    assert said["decision"]["kind"] == "matching"
    assert said["lines"][1:] == found["lines"]
    in_chinese = office("rules", "explain", decision, "--lang", "zh").fine().out
    assert "服务对象：商家；能力短板未知" in in_chinese
    replayed = office.json("rules", "replay", decision)
    assert (replayed["decisions"], replayed["identical"]) == (1, 1)


def test_a_talent_and_its_mcn(office: Cli) -> None:
    found = office.json("provider", "match", "ann", "--as", "mei")
    assert [(each["match_id"], each["provider_id"]) for each in found["offers"]] == [("talent/ann/match/1", "mcn-1")]
    office.json("provider", "accept", "talent/ann/match/1", "--as", "mei")
    shown = office.json("talent", "show", "ann")
    assert [each["state"] for each in shown["matches"]] == ["accepted"]
    assert office.json("rules", "replay", "--all")["changed"] == []
    left_out = office.json("provider", "match", "both", "--kind", "talent", "--as", "mei")
    assert left_out["outcome"] == "no_offer"
    assert left_out["lines"][1] == "no offer: no provider meets every requirement"


@pytest.mark.parametrize(
    ("argv", "exit_code", "code", "said"),
    [
        (("provider", "match", "novice"), 3, "refused", "`novice` is in stage `vetting`"),
        (("provider", "match", "nobody"), 2, "not_found", "party or talent `nobody` is not known"),
        (("provider", "match", "both"), 2, "input", "is a party and a talent"),
        (("provider", "match", "acme", "--as", "hua"), 3, "not_permitted", "`hua` may not do `provider:match`"),
        (("provider", "accept", "acme/match/99"), 2, "not_found", "match `acme/match/99` is not known"),
        (("provider", "accept", "acme/match/2"), 3, "refused", "is declined"),
        (("provider", "decline", "acme/match/1"), 2, "input", "why is it declined?"),
        (("provider", "edit", "belt-1"), 2, "input", "nothing to change"),
        (("provider", "edit", "nobody", "--capacity", "1"), 2, "not_found", "provider `nobody` is not known"),
        (("provider", "edit", "belt-1", "--revision", "9", "--capacity", "4"), 3, "stale_revision", "revision 1"),
        (("provider", "edit", "belt-1", "--capability", "contents=5"), 2, "input", "did you mean `content`?"),
        (("provider", "edit", "belt-1", "--capacity", "-1"), 2, "input", "`-1` is not a capacity"),
        (("provider", "add", "x", "--type", "mcn"), 2, "input", "`name` is missing"),
        (("provider", "add", "a/b", "--type", "mcn"), 2, "provider_id", "is not a provider id"),
        (("provider", "list", "--type", "merchent"), 2, "unknown_type", "did you mean `merchant`?"),
        (("talent", "add", "bo", "--category", "apparell"), 2, "unknown_choice", "did you mean `apparel`?"),
        (("talent", "show", "zoe"), 2, "not_found", "talent `zoe` is not known"),
    ],
)
def test_wrong_input_and_refusals(office: Cli, argv: tuple[str, ...], exit_code: int, code: str, said: str) -> None:
    settle_offers(office)
    office(*argv).failed(exit_code, code, said)


def settle_offers(office: Cli) -> None:
    """See to it that what the refusals are about is there, whichever test runs first."""
    if len(office.json("provider", "offers", "acme")) < 2:
        office.json("provider", "match", "acme")
        office.json("provider", "decline", "acme/match/2", "--note", "no")


def test_refusals_are_audited(office: Cli) -> None:
    office("provider", "match", "novice", "--as", "mei").failed(3, "refused", "vetting")
    told = office.jsonl("audit", "list", "--party", "novice", "--verb", "command:refused")
    assert told[-1]["after"]["action"] == "provider:match"
    assert told[-1]["actor"]["id"] == "mei"


def test_a_command_id_is_for_one_command(office: Cli) -> None:
    office.json("provider", "edit", "shop-1", "--capacity", "5", "--command-id", "grow", "--as", "mei")
    again = office.json("provider", "edit", "shop-1", "--capacity", "5", "--command-id", "grow", "--as", "mei")
    assert again["revision"] == provider(office, "shop-1")["revision"]
    wrong = office("provider", "edit", "shop-1", "--capacity", "6", "--command-id", "grow", "--as", "mei")
    wrong.failed(3, "command_conflict", "`grow` was used before")


# --- the working book ---------------------------------------------------------------------------------------------


def test_a_matching_book_decides_on_files_alone(warm: Cli, tmp_path: Path) -> None:
    register, given = tmp_path / "register.csv", tmp_path / "parties.json"
    header, *rows = ROWS
    loads = ["1", "", "0", "", ""]
    text = [f"{header},load", *(f"{row},{load}" for row, load in zip(rows, loads, strict=True))]
    register.write_text("\n".join(text) + "\n", encoding="utf-8")
    given.write_text(json.dumps([{"party_id": "p", "category": "apparel", "region": "zhejiang"}]), encoding="utf-8")
    argv = ("rules", "decide", "--book", "provider-matching", "--facts", given, "--as-of", "2022-08-01")
    (decision,) = warm.jsonl(*argv, "--providers", register)
    assert misfits(decision, shapes.DECISION) == []
    result = decision["result"]
    assert result["gaps"] == ["content", "business", "repurchase", "private_domain"]  # nothing else is known of it
    assert [each["provider"] for each in result["offers"]] == ["shop-1", "shop-2"]
    assert result["left_out"] == [{"provider": "belt-1", "requirement": 1, "verdict": "fail"}]
    (talent,) = warm.jsonl(*argv, "--providers", register, "--track", "K")
    assert (talent["result"]["gaps"], [o["provider"] for o in talent["result"]["offers"]]) == (None, ["mcn-1"])
    out = warm(*argv, "--providers", register, "--lang", "zh").fine().out
    assert "服务对象：商家" in out
    warm(*argv).failed(2, "input", "chooses among providers", "--providers FILE")
    other = ("rules", "decide", "--book", "fast-brand", "--facts", given, "--providers", register)
    warm(*other).failed(2, "input", "does not match providers")
