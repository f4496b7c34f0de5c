"""Directories, single files, stored closures, and files that nobody should have written."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from fastbrand.domain.errors import InputError, NotFound, RuleFileError
from rules import loader, yaml_guard
from rules.loader import check_directory, load_closure, load_directory
from rules.loading.book import MAX_MISTAKES, assemble
from rules.mistakes import CODES
from rules.yaml_guard import MAX_BYTES, MAX_DEPTH, read_yaml
from tests.rules.small_book import ELIGIBILITY, FILES, write

E = "fast.eligibility.yaml"


def codes(data: bytes) -> list[str]:
    """The codes of the mistakes of one file, as YAML alone."""
    return [mistake.code for mistake in read_yaml("x.yaml", data)[2]]


# --- directories --------------------------------------------------------------------------------------------------


def test_a_missing_path_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        check_directory(tmp_path / "nothing")


def test_an_unusable_book_raises_with_all_its_mistakes(tmp_path: Path) -> None:
    files = {**FILES, E: ELIGIBILITY.replace("weight: 70", "weight: 60").replace("{is: true}", "{is: yes}")}
    with pytest.raises(RuleFileError) as told:
        load_directory(write(tmp_path, files))
    assert len(told.value.mistakes) == 2
    assert f"2 mistakes, the first at {tmp_path}/{E}:12:32" in told.value.message
    assert "rules check" in told.value.hint


def test_tests_and_hidden_files_are_no_part_of_a_book_and_subdirectories_are(tmp_path: Path) -> None:
    write(tmp_path, {path: text for path, text in FILES.items() if path != E})
    write(tmp_path, {f"in/{E}": ELIGIBILITY, "tests/cases.yaml": "]", ".hidden.yaml": "]", ".git/a.yaml": "]"})
    book = load_directory(tmp_path)
    assert book.eligibility["fast"].head.path == f"{tmp_path}/in/{E}"
    assert f"in/{E}" in json.loads(book.closure)["files"]
    assert len(json.loads(book.closure)["files"]) == len(FILES)


def test_files_that_would_be_passed_over_are_told(tmp_path: Path) -> None:
    write(tmp_path, {**FILES, "more.yml": "kind: facts", "notes.txt": "x"})
    _, mistakes = check_directory(tmp_path)
    assert [(m.path, m.code) for m in mistakes] == [(f"{tmp_path}/more.yml", "file_name")]


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    _, mistakes = check_directory(tmp_path)
    assert [(Path(m.path).name, m.code) for m in mistakes] == [
        ("gone.yaml", "file_unreadable"),
        ("pipe.yaml", "file_unreadable"),
    ]


def test_a_file_that_cannot_be_opened_is_not_called_missing(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "facts.yaml").unlink()
    (tmp_path / "facts.yaml").symlink_to(tmp_path / "nowhere")
    book, mistakes = check_directory(tmp_path)
    assert book is None
    assert [(Path(m.path).name, m.code) for m in mistakes] == [("facts.yaml", "file_unreadable")]


def test_a_directory_that_is_no_book_is_not_read_to_its_end(tmp_path: Path) -> None:
    write(tmp_path, {f"{i:03}.yaml": "kind: facts" for i in range(loader.MAX_FILES + 50)})
    book, mistakes = check_directory(tmp_path)
    assert book is None
    assert (str(tmp_path), "book_size") in [(m.path, m.code) for m in mistakes]
    assert len([m for m in mistakes if m.code == "duplicate_kind"]) == loader.MAX_FILES - 1


def test_one_file_is_checked_with_the_facts_and_programme_beside_it(tmp_path: Path) -> None:
    spoiled = FILES["upkeep.maintenance.yaml"].replace("then: keep", "then: kept")
    write(tmp_path, {**FILES, "upkeep.maintenance.yaml": spoiled})
    book, mistakes = check_directory(tmp_path / E)
    assert mistakes == []
    assert book is not None
    assert "fast" in book.eligibility
    assert "upkeep" not in book.maintenance
    assert "upkeep.maintenance.yaml" not in json.loads(book.closure)["files"]
    book, mistakes = check_directory(tmp_path / "upkeep.maintenance.yaml")
    assert book is None
    assert [m.code for m in mistakes] == ["unknown_word"]


def test_one_file_without_facts_beside_it_is_told(tmp_path: Path) -> None:
    write(tmp_path, {E: ELIGIBILITY})
    book, mistakes = check_directory(tmp_path / E)
    assert book is None
    assert [m.code for m in mistakes] == ["no_facts", "no_programme"]


# --- closures -----------------------------------------------------------------------------------------------------


def test_the_closure_is_canonical_json_of_the_files_as_they_are(tmp_path: Path) -> None:
    files = {
        **FILES,
        E: "# why\r\n" + ELIGIBILITY.replace("\n", "\r\n"),
        "programme.yaml": "\ufeff" + FILES["programme.yaml"],
    }
    for name, text in files.items():
        (tmp_path / name).write_bytes(text.encode())
    book = load_directory(tmp_path)
    assert json.loads(book.closure) == {"format": 1, "files": files}
    assert book.closure == rfc8785.dumps({"format": 1, "files": files})
    assert book.sha256 == hashlib.sha256(book.closure).hexdigest()
    again = load_closure(book.closure)
    assert (again.sha256, again.closure) == (book.sha256, book.closure)
    assert again.eligibility["fast"].head.path == E
    assert (
        again.eligibility["fast"].scores["trust"].parts[0].curve
        == book.eligibility["fast"].scores["trust"].parts[0].curve
    )


def test_books_of_closures_are_kept_parsed_up_to_a_few(tmp_path: Path) -> None:
    closures = []
    for i in range(loader.CACHED_BOOKS + 1):
        programme = FILES["programme.yaml"].replace("budget: 500", f"budget: {500 + i}")
        closures.append(load_directory(write(tmp_path, {**FILES, "programme.yaml": programme})).closure)
    first = load_closure(closures[0])
    assert load_closure(bytes(bytearray(closures[0]))) is first
    for closure in closures[1:]:
        load_closure(closure)
    assert load_closure(closures[-1]) is load_closure(closures[-1])
    assert load_closure(closures[0]) is not first


@pytest.mark.parametrize(
    "spoil",
    [
        lambda closure: closure[:-1],
        lambda _: b"",
        lambda _: b"\xff",
        lambda _: b"[]",
        lambda _: b'{"format": 1}',
        lambda _: b'{"format": 1, "files": {"a": 1}}',
        lambda closure: closure.replace(b'"format":1', b'"format":2'),
        lambda closure: closure.replace(b'"format":1', b'"format": 1'),  # the same, not canonical
        lambda _: b"[" * 100_000,
    ],
)
def test_what_is_no_closure_is_an_input_error(tmp_path: Path, spoil: object) -> None:
    closure = load_directory(write(tmp_path)).closure
    assert callable(spoil)
    with pytest.raises(InputError, match="the stored book"):
        load_closure(spoil(closure))


def test_a_closure_with_mistakes_raises_them(tmp_path: Path) -> None:
    closure = load_directory(write(tmp_path)).closure.replace(b"weight: 70", b"weight: 60")
    with pytest.raises(RuleFileError) as told:
        load_closure(closure)
    assert [mistake.code for mistake in told.value.mistakes if hasattr(mistake, "code")] == ["weights"]


# --- hostile files ------------------------------------------------------------------------------------------------


def test_limits_of_a_file() -> None:
    assert codes(b"#" * (MAX_BYTES + 1)) == ["file_size"]
    assert codes(b"a: " + b"x" * (MAX_BYTES - 3)) == []
    assert codes(b"[" * 5_000) == ["yaml_depth"]
    assert codes(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) == []
    assert codes(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1)) == ["yaml_depth"]
    assert codes(b"".join(b" " * i + b"a:\n" for i in range(1_300))) == ["yaml_depth"]
    assert codes(b"- " * 100_000) == ["yaml_depth"]


def test_the_number_of_values_in_a_file_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_guard, "MAX_NODES", 1_000)
    assert codes(b"[" + b"1," * 999 + b"]") == []
    assert codes(b"[" + b"1," * 1_000 + b"]") == ["file_size"]
    assert codes(b"".join(b"k%d: 1\n" % i for i in range(500))) == ["file_size"]


def test_fifty_megabytes_are_not_read(tmp_path: Path) -> None:
    write(tmp_path)
    with (tmp_path / "big.yaml").open("wb") as file:
        file.truncate(50_000_000)
    book, mistakes = check_directory(tmp_path)
    assert book is None
    assert [(m.code, m.line, m.column) for m in mistakes] == [("file_size", 1, 1)]


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    bomb = b"a: &a [x, x]\n" + b"".join(b"%c: &%c [*%c, *%c]\n" % (c, c, c - 1, c - 1) for c in range(98, 122))
    assert set(codes(bomb)) == {"yaml_anchor"}


@pytest.mark.parametrize(
    ("data", "code", "line", "column"),
    [
        ("a: 快品牌".encode("gbk"), "file_encoding", 1, 4),
        ("a: 1\nb: 快".encode("utf-16"), "file_encoding", 1, 1),
        (b"a: 1\nb: caf\xe9\n", "file_encoding", 2, 7),
        ("快: 1\nb: 快\n".encode() + b"\xff", "file_encoding", 3, 1),
        (b"a: 1\r\nb: \x00", "bad_character", 2, 4),
        (b"", "file_empty", 1, 1),
        (b"# nothing\n", "file_empty", 1, 1),
        (b"a: 1\n---\nb: 1\n", "yaml_documents", 2, 1),
        (b'a: "\\UFFFFFFFF"', "yaml_syntax", 1, 1),
        (b"a: 'x", "yaml_syntax", 1, 6),
    ],
)
def test_files_that_cannot_be_read_have_a_place_too(data: bytes, code: str, line: int, column: int) -> None:
    _, _, mistakes = read_yaml("x.yaml", data)
    assert [(m.code, m.line, m.column) for m in mistakes] == [(code, line, column)]


def test_a_file_full_of_mistakes_tells_the_first_thousand() -> None:
    files = {**FILES, E: ELIGIBILITY + "".join(f"k{i}: 1\n" for i in range(2 * MAX_MISTAKES))}
    _, mistakes = assemble({path: text.encode() for path, text in files.items()})
    assert [m.code for m in mistakes] == ["unknown_key"] * MAX_MISTAKES + ["too_many"]


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text(alphabet="ab:-[]{},&*!|>'\"%@` \n\t#?~\\\u0085\u2028", max_size=60)))
def test_any_bytes_are_read_or_have_a_mistake(data: bytes | str) -> None:
    content = data if isinstance(data, bytes) else data.encode()
    tree, _, mistakes = read_yaml("x.yaml", content)
    assert tree is not None or mistakes
    book, found = assemble({"x.yaml": content})
    assert book is None
    assert {"no_facts", "no_programme"} <= {mistake.code for mistake in found} <= set(CODES)
