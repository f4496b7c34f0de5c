"""``rules diff``: the shipped book against changed copies, from directories, files and releases."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.cli.driver import ROOT, Cli
from tests.cli.shapes import among, integer, mapping, maybe, misfits, moment, sequence, sha256, text

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-diff")]

BOOK = ROOT / "rules" / "book"
RELATIONS = among("equivalent", "stricter", "looser", "incomparable", "undecided")
SAID = among("yes", "no", "undecided")
WITNESS = {
    "rulebook": text,
    "direction": among("stricter", "looser"),
    "facts": mapping,
    "old": text,
    "new": text,
    "as_of": moment,
    "observed_at": mapping,
    "why": sequence,
}
CHANGE = {
    "path": text,
    "line": integer,
    "what": text,
    "text": text,
    "rulebook": text,
    "old_path": maybe(text),
    "old_line": maybe(integer),
}
SIDE = {"source": text, "sha256": sha256}
DOCUMENT = {
    "relation": RELATIONS,
    "witnesses": [WITNESS],
    "changes": [CHANGE],
    "rulebooks": [{"rulebook": text, "relation": RELATIONS, "falls": SAID, "rises": SAID}],
    "bonus": [{"rulebook": text, "track": text, "relation": RELATIONS, "witnesses": sequence}],
    "notes": sequence,
    "old": SIDE,
    "new": SIDE,
}


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped book, in which customers of apparel must come back more often and the cap of a grant is lower."""
    copy = tmp_path_factory.mktemp("policy") / "book"
    shutil.copytree(BOOK, copy)
    for name, old, new in (
        ("fast-brand.eligibility.yaml", "apparel: 15%, jewellery", "apparel: 18%, jewellery"),
        ("traffic-bonus.incentive.yaml", "single_grant: 30_000_000", "single_grant: 25_000_000"),
    ):
        written = (copy / name).read_text(encoding="utf-8")
        assert written.count(old) == 1
        (copy / name).write_text(written.replace(old, new), encoding="utf-8")
    return copy


def test_as_data(warm: Cli, changed: Path) -> None:
    ran = warm("rules", "diff", BOOK, changed, "--json")
    found = ran.json()
    assert ran.code == 1
    assert misfits(found, DOCUMENT) == []
    assert found["relation"] == "stricter"
    assert {each["rulebook"]: each["relation"] for each in found["rulebooks"]} == {
        "brand": "equivalent",
        "fast-brand": "stricter",
    }
    assert [each["relation"] for each in found["bonus"]] == ["stricter", "stricter"]
    assert [(each["what"], each["old"], each["new"]) for each in found["changes"]] == [
        ("threshold", "15%", "18%"),
        ("single_grant", "30_000_000", "25_000_000"),
    ]
    (witness,) = found["witnesses"]
    assert (witness["old"], witness["new"], witness["direction"]) == ("eligible", "refer", "stricter")
    assert witness["facts"]["category"] == "apparel"
    assert 0.15 <= float(witness["facts"]["repurchase_rate_90d"]) < 0.18
    assert not warm.state.exists()


def test_a_witness_is_decided_as_told(warm: Cli, changed: Path, tmp_path: Path) -> None:
    """What is told of a party can be tried: its facts are what a facts file holds."""
    (witness,) = warm("rules", "diff", BOOK, changed, "--json").json()["witnesses"]
    facts = tmp_path / "witness.csv"
    facts.write_text(",".join(witness["facts"]) + "\n" + ",".join(witness["facts"].values()) + "\n", encoding="utf-8")
    for book, said in ((BOOK, "old"), (changed, "new")):
        file = book / "fast-brand.eligibility.yaml"
        decide = ("rules", "decide", "--book", file, "--facts", facts, "--as-of", witness["as_of"])
        assert [each["outcome"] for each in warm.jsonl(*decide)] == [witness[said]]


def test_a_party_is_told_as_a_rule_test_has_it_on_lines_that_fit(warm: Cli, changed: Path) -> None:
    lines = warm("rules", "diff", BOOK, changed).out.splitlines()
    begins = next(number for number, line in enumerate(lines) if line.startswith("        {"))
    ends = next(number for number, line in enumerate(lines) if line.endswith("}") and number >= begins)
    assert ends > begins
    assert max(map(len, lines[begins : ends + 1])) <= 120
    told = YAML(typ="safe").load("\n".join(lines[begins : ends + 1]))
    witness = warm("rules", "diff", BOOK, changed, "--json").json()["witnesses"][0]
    assert list(told) == list(witness["facts"])


def test_for_people(warm: Cli, changed: Path) -> None:
    english, chinese = (warm("rules", "diff", BOOK, changed, "--lang", lang).out.splitlines() for lang in ("en", "zh"))
    assert english[0] == "`repurchase.rate`: `repurchase_rate_90d` at least 15% -> 18% for apparel"
    assert chinese[0] == "`repurchase.rate`：`repurchase_rate_90d` 不低于 15% -> 18%（apparel）"
    assert "fast-brand: stricter: outcomes fall for some, and rise for nobody" in english
    assert "        `repurchase.rate`: pass -> fail (needs a person)" in english
    assert "fast-brand: 更严：部分商家结果变差，无人变好" in chinese
    place = f"{changed}/fast-brand.eligibility.yaml:"
    line = next(line for line in english if place in line)
    number = int(line.partition(place)[2])
    assert (
        "apparel: 18%" in (changed / "fast-brand.eligibility.yaml").read_text(encoding="utf-8").splitlines()[number - 1]
    )


def test_single_files(warm: Cli, changed: Path) -> None:
    """Two versions of one file, side by side in one directory as well."""
    beside = changed.parent / "beside"
    shutil.copytree(BOOK, beside, dirs_exist_ok=True)
    other = beside / "fast-brand.next.yaml"
    shutil.copy(changed / "fast-brand.eligibility.yaml", other)
    for new in (changed / "fast-brand.eligibility.yaml", other):
        found = warm("rules", "diff", beside / "fast-brand.eligibility.yaml", new, "--json").json()
        assert (found["relation"], len(found["changes"]), found["bonus"]) == ("stricter", 1, [])
        assert [each["rulebook"] for each in found["rulebooks"]] == ["fast-brand"]
    one = warm("rules", "diff", BOOK / "brand.eligibility.yaml", changed, "--json")
    assert (one.code, one.json()["relation"], one.json()["changes"]) == (0, "equivalent", [])


def test_the_same_book(warm: Cli, tmp_path: Path) -> None:
    shutil.copytree(BOOK, tmp_path / "book")
    ran = warm("rules", "diff", BOOK, tmp_path / "book", "--json").fine()
    assert (
        misfits(ran.json(), {"relation": RELATIONS, "rulebooks": DOCUMENT["rulebooks"], "old": SIDE, "new": SIDE}) == []
    )
    for key in ("changes", "witnesses", "bonus", "notes"):
        assert ran.json()[key] == []
    assert ran.json()["relation"] == "equivalent"


def test_releases(cli: Cli, changed: Path) -> None:
    """The book in force, by its name and by the beginning of its sha256, and where it is compared with a file."""
    live = cli.json("rules", "diff", "live", BOOK)
    assert live["relation"] == "equivalent"
    assert live["old"]["source"] == "live"
    (released,) = cli.json("rules", "list")
    assert released["sha256"] == live["old"]["sha256"]
    by_sha = cli("rules", "diff", released["sha256"][:12], changed, "--json").json()
    assert by_sha["relation"] == "stricter"
    assert by_sha["changes"][0]["old_path"] == "fast-brand.eligibility.yaml"
    cli("rules", "diff", "live", "0123456789ab").failed(2, "not_found", "`0123456789ab`")
    one = cli("rules", "diff", "live", changed / "fast-brand.eligibility.yaml", "--json").json()
    assert ([each["rulebook"] for each in one["rulebooks"]], one["relation"]) == (["fast-brand"], "stricter")


def test_without_time_it_says_so(warm: Cli, changed: Path) -> None:
    ran = warm("rules", "diff", BOOK, changed, "--limit", "0.000001", "--json")
    assert ran.code == 1
    assert ran.json()["relation"] == "undecided"
    assert {each["undecided"] for each in ran.json()["rulebooks"]} == {"the limit was reached; `--limit` gives more"}


def test_wrong_use(warm: Cli, changed: Path, tmp_path: Path) -> None:
    warm("rules", "diff", BOOK, tmp_path / "nowhere").failed(2, "not_found", "nowhere")
    warm("rules", "diff", BOOK, changed, "--limit", "0").failed(2, "input", "`0`")
    warm("rules", "diff", BOOK, changed, "--lang", "fr").failed(2, "input", "`fr`")
    file = BOOK / "brand.eligibility.yaml"
    warm("rules", "diff", file, BOOK / "traffic-bonus.incentive.yaml").failed(2, "input", "of kind")
    shutil.copytree(BOOK, tmp_path / "broken")
    (tmp_path / "broken" / "brand.eligibility.yaml").write_text("kind: eligibility\n", encoding="utf-8")
    warm("rules", "diff", BOOK, tmp_path / "broken").failed(2, "rule_file", "mistakes")
