"""Wrong input: one line that names it and says the mend, the right exit code, no trace. Nothing runs here."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.driver import CANDIDATES, ROOT, Cli
from tests.cli.shapes import MISTAKE, misfits

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-wrong")]

APPLY = ("party", "apply", "--id", "a", "--track", "M")
DECIDE = ("rules", "decide", "--book", "fast-brand", "--facts")
MAPPING = ROOT / "examples" / "olist" / "mapping.yaml"


def files(folder: Path) -> dict[str, str]:
    """Files that cannot be taken, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "directory.csv").mkdir(exist_ok=True)
    written = {
        "empty.csv": b"",
        "header.csv": b"party_id,gmv_90d\n",
        "wrong.csv": b"party_id,gmv_90d\na,1\nb,many\n",
        "keyless.csv": b"gmv_90d,shop\n1,a\n",
        "binary.csv": b"\xff\xfe\x00",
        "broken.json": b"{",
        "columns.csv": b"x,y\n1,2\n",
        "notes.txt": b"gmv_90d\n1\n",
        "broken.parquet": b"PAR1 no more",
        "sellers.csv": b"seller_id,quarter,gmv\ns1,2018Q2,10\n",
        "currency.yaml": b"kind: mapping\ntrack: M\nparty: {column: seller_id}\nfacts:\n"
        b"  gmv_90d: {column: gmv, unit: BRL}\n",
        "column.yaml": b"kind: mapping\ntrack: M\nparty: {column: seller_id}\nfacts:\n"
        b"  gmv_90d: {column: gvm, unit: CNY}\n",
        "people.yaml": b"people:\n  me: {name: Me, roles: [king]}\n",
    }
    for name, content in written.items():
        (folder / name).write_bytes(content)
    return {path.name: str(path) for path in folder.iterdir()}


@pytest.fixture(scope="module")
def wrong(warm: Cli) -> dict[str, str]:
    """Paths of files that cannot be taken."""
    return files(warm.state.parent / "files")


@pytest.mark.parametrize(
    ("file", "code", "said"),
    [
        ("not-there.csv", "unreadable", "there is no file"),
        ("directory.csv", "unreadable", "is a directory"),
        ("empty.csv", "empty", "is empty"),
        ("binary.csv", "not_utf8", "line 1"),
        ("broken.json", "broken_json", "line 1"),
        ("columns.csv", "no_facts", "no column of `columns.csv` is a fact"),
        ("notes.txt", "unknown_suffix", ".csv or .parquet"),
        ("broken.parquet", "broken_parquet", "is not a Parquet file"),
    ],
)
def test_facts_file_that_cannot_be_read(warm: Cli, wrong: dict[str, str], file: str, code: str, said: str) -> None:
    warm(*DECIDE, wrong.get(file, file)).failed(2, code, file, said)


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        ((*APPLY, "--facts", "wrong.csv"), "input", ["row 2", "`gmv_90d`", "`many`", "1234.56"]),
        ((*APPLY, "--facts", "header.csv"), "input", ["has no row for party `a`"]),
        (("demo", "--input", "header.csv"), "input", ["no row to bring in"]),
        (("demo", "--input", "sellers.csv", "--mapping", "column.yaml"), "unknown_column", ["`gvm`", "`gmv`"]),
        (("demo", "--input", "sellers.csv", "--mapping", "currency.yaml"), "", ["BRL", "CNY"]),
        (("demo", "--input", "sellers.csv", "--mapping", "not-there.yaml"), "", ["not-there.yaml"]),
        (("demo", "--input", "sellers.csv", "--where", "quarter=2018Q2"), "input", ["--mapping"]),
        (("demo", "--mapping", "column.yaml"), "input", ["--input"]),
        (("demo", "--input", str(CANDIDATES), "--track", "X"), "input", ["`X` is not a track"]),
        (("demo", "--input", "keyless.csv"), "unknown_column", ["`keyless.csv` has no column `party_id`", "--mapping"]),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else None,
)
def test_input_that_cannot_be_taken(
    warm: Cli, wrong: dict[str, str], argv: tuple[str, ...], code: str, said: list[str]
) -> None:
    ran = warm(*(wrong.get(word, word) for word in argv))
    told = ran.err.rsplit("error[", 1)[-1].split("]")[0]
    ran.failed(2, code or told, *said)


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (("party", "show", "nobody"), "not_found", "party `nobody` is not known"),
        (("case", "show", "nobody"), "not_found", "`nobody` has no case"),
        (("case", "claim", "party/nobody/vetting/1"), "not_found", "party/nobody/vetting/1"),
        (("case", "list", "--party", "nobody"), "not_found", "party `nobody` is not known"),
        (("grant", "list", "--party", "nobody"), "not_found", "party `nobody` is not known"),
        (("audit", "list", "--party", "nobody"), "not_found", "party `nobody` is not known"),
        (("grant", "show", "nobody/2022-08"), "not_found", "grant `nobody/2022-08` is not known"),
        (("facts", "set", "nobody", "gmv_90d=1"), "not_found", "party `nobody`"),
        (("rules", "approve", "abc", "--as", "ning"), "not_found", "book `abc`"),
        (("rules", "replay", "d-0"), "not_found", "decision `d-0`"),
        ((*DECIDE, str(CANDIDATES), "--book", "fast-brands"), "not_found", "did you mean `fast-brand`?"),
        ((*DECIDE, str(CANDIDATES), "--as-of", "tomorrow"), "input", "`tomorrow` is not a date"),
        ((*DECIDE, str(CANDIDATES), "--track", "Q"), "input", "`Q` is not a track"),
        ((*DECIDE, str(CANDIDATES), "--lang", "fr"), "input", "`fr`"),
        (("party", "list", "--stage", "gone"), "input", "`gone` is not a stage"),
        (("audit", "list", "--verb", "party:left"), "input", "`party:left` is not a verb"),
        (("grant", "list", "--in", "limbo"), "input", "`limbo` is not a grant's state"),
        (("rules", "check", "not-there"), "input", "`not-there` is not there"),
        (("demo", "--book", "not-there"), "usage", "is not a book directory"),
        (("demo", "--sellers", "0"), "usage", "`--sellers`"),
        (("party", "apply", "--track", "M"), "usage", "missing option `--id`"),
        (("party", "dance"), "usage", "no such command `dance`"),
        (("up", "--port", "99999"), "usage", "`--port`"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else None,
)
def test_what_is_not_there(warm: Cli, argv: tuple[str, ...], code: str, said: str) -> None:
    warm(*argv).failed(2, code, said)


@pytest.mark.parametrize("party", ["", "a/../../b", "a b", "x;y", "\x1b[31mred", "a\nb", "🙂", "n" * 65])
def test_hostile_party_id(warm: Cli, party: str) -> None:
    """Ids stand in workflow ids, URLs and events: only plain ones are let in, and none of them steers a terminal."""
    said = warm("party", "apply", f"--id={party}", "--track", "M").failed(2, "party_id", "is not a party id")
    assert said.isprintable()


@pytest.mark.parametrize(
    ("option", "text", "code"),
    [
        ("--command-id", "x" * 201, "label"),
        ("--command-id", "two\nlines", "label"),
        ("--note", "x" * 4_001, "input"),
    ],
)
def test_what_the_record_does_not_take(warm: Cli, option: str, text: str, code: str) -> None:
    assert len(warm(*APPLY, option, text).failed(2, code)) < 300


@pytest.mark.parametrize(
    ("actor", "said"),
    [("nobody", "`nobody` is not in `people.yaml`"), ("hua", "`hua` may not do `party:apply`")],
)
def test_somebody_who_may_not(warm: Cli, actor: str, said: str) -> None:
    """Refused before anything is asked of a server, and in the audit with the name that was given."""
    warm(*APPLY, "--as", actor).failed(3, "not_permitted", said)
    refusal = warm.jsonl("audit", "list", "--verb", "command:refused")[-1]
    assert (refusal["actor"]["id"], refusal["after"]["code"]) == (actor, "not_permitted")
    assert warm.json("party", "list") == []


def test_misuse_is_a_document_too(cli: Cli) -> None:
    ran = cli("party", "list", "--limit", "none", "--json")
    ran.failed(2, "usage", "`--limit`")
    assert set(ran.json()["error"]) == {"code", "message", "hint"}


@pytest.mark.parametrize("state", ["/proc/fastbrand", f"{ROOT}/pyproject.toml", f"{ROOT}/pyproject.toml/state"])
def test_state_directory_that_cannot_be_written(warm: Cli, state: str) -> None:
    for argv in (("up",), ("demo", "--sellers", "2"), ("pool", "status")):
        warm(*argv, "--state", state).failed(2, "state_directory", state, "--state DIR")


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("supervisor.lock", "file_system"),
        ("logs/temporal.log", "file_system"),
        ("temporal.db", "state_directory"),
    ],
)
def test_a_file_of_the_state_directory_that_cannot_be_written(tmp_path: Path, file: str, code: str) -> None:
    """One line and the mend, not a trace of ours or the server's. A directory in its place stops even the superuser."""
    cli = Cli(tmp_path / "state")
    (cli.state / file).mkdir(parents=True)
    cli("up").failed(2, code, str(cli.state / file))
    assert not (cli.state / "run.json").exists()


def test_nothing_runs(cli: Cli) -> None:
    cli(*APPLY).failed(4, "unreachable", "nothing runs", "fastbrand up")
    assert cli.json("party", "list") == []  # and nothing was stored


@pytest.mark.parametrize("argv", [APPLY, ("up",), ("demo", "--sellers", "2")], ids=" ".join)
def test_no_temporal_at_the_address(tmp_path: Path, argv: tuple[str, ...]) -> None:
    with socket.socket() as taken:  # bound, not listening: whoever connects is refused
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ran = Cli(tmp_path / "state")(*argv, more={"TEMPORAL_ADDRESS": address})
    assert address in ran.failed(4, ran.err.rsplit("error[", 1)[-1].split("]")[0], "TEMPORAL_ADDRESS")
    assert not (tmp_path / "state" / "run.json").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("TEMPORAL_ADDRESS", "nowhere"), ("FASTBRAND_WORKERS", "many"), ("FASTBRAND_BOOK", "/not/there")],
)
def test_wrong_setting(warm: Cli, name: str, value: str) -> None:
    ran = warm("pool", "status", more={name: value})
    assert value in ran.failed(2, ran.err.rsplit("error[", 1)[-1].split("]")[0], name)


def test_wrong_people(warm: Cli, wrong: dict[str, str]) -> None:
    warm(*APPLY, more={"FASTBRAND_PEOPLE": wrong["people.yaml"]}).failed(2, "input", "`king`", "is not a role")


def test_busy_port(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        cli = Cli(tmp_path / "state")
        cli("up", "--port", str(port)).failed(2, "busy_port", f"`{port}` is busy", "`--port`")


def spoil(book: Path, change: Callable[[str], str]) -> Path:
    """A copy of the shipped book whose fast-brand rules went through ``change``."""
    shutil.copytree(ROOT / "rules" / "book", book)
    rules = book / "fast-brand.eligibility.yaml"
    rules.write_text(change(rules.read_text(encoding="utf-8")), encoding="utf-8")
    return book


def test_broken_book(tmp_path: Path) -> None:
    """Every mistake with file, line and column; nothing is started, nothing kept."""
    book = spoil(tmp_path / "book", lambda text: text.replace("{owns_brand: {is: true}}", "{owns_brands: {is: true}}"))
    lines = (book / "fast-brand.eligibility.yaml").read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "owns_brands" in text)
    column = lines[line - 1].index("owns_brands") + 1
    cli = Cli(tmp_path / "state")
    ran = cli("demo", "--book", book, "--sellers", "2")
    ran.failed(2, "rule_file", f"fast-brand.eligibility.yaml:{line}:{column}")
    assert "did you mean `owns_brand`?" in ran.err
    assert not (tmp_path / "state" / "run.json").exists()
    checked = cli("rules", "check", book, "--json")
    assert (checked.code, checked.json()["ok"]) == (1, False)
    mistake = next(each for each in checked.json()["mistakes"] if each["grade"] == "error")
    assert misfits(mistake, MISTAKE) == []
    assert (mistake["code"], mistake["line"], mistake["column"]) == ("unknown_fact", line, column)


def test_state_directory_of_another_book(warm: Cli) -> None:
    warm.json("pool", "status")  # it has the shipped book now
    ran = warm("demo", "--book", ROOT / "examples" / "demo" / "book", "--state", warm.state, "--sellers", "2")
    ran.failed(2, "usage", "are not a book released in", "`--state DIR`")


def test_track_that_the_book_does_not_judge(tmp_path: Path, warm: Cli) -> None:
    """Refused, and in the audit: no case could be decided by rules."""
    cli = Cli(tmp_path / "state", {"FASTBRAND_BOOK": str(ROOT / "examples" / "olist" / "book")}, warm.warm)
    for argv in (
        ("apply", "--id", "a", "--track", "S"),
        ("invite", "--id", "a"),
        ("nominate", "--id", "a", "--track", "S"),
    ):
        cli("party", *argv).failed(3, "refused", "no eligibility rules for track `S`", "it judges track M")
    assert len(cli.jsonl("audit", "list", "--party", "a", "--verb", "command:refused")) == 3
    cli("demo", "--input", CANDIDATES, "--track", "S").failed(2, "input", "track `S`")
