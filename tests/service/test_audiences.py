"""Users reached are counted once, whoever reached them; nobody can be read back from what is kept."""

from __future__ import annotations

import base64
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastbrand.domain.errors import InputError
from fastbrand.service.audiences import _read, count


def ids(path: Path, reached: dict[str, list[str]]) -> Path:
    """A file with a line a user."""
    rows = [(party, user) for party, users in reached.items() for user in users]
    frame = pl.DataFrame({"party_id": [row[0] for row in rows], "user_id": [row[1] for row in rows]})
    frame.write_parquet(path) if path.suffix == ".parquet" else frame.write_csv(path)
    return path


@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c", "d"]), st.lists(st.integers(0, 400), min_size=1, max_size=300), min_size=1
    )
)
@settings(max_examples=40, deadline=None)
def test_a_user_of_several_parties_counts_once(
    tmp_path_factory: pytest.TempPathFactory, reached: dict[str, list[int]]
) -> None:
    named = {party: [f"u{user}" for user in users] for party, users in reached.items()}
    sketches, rows = _read(ids(tmp_path_factory.mktemp("ids") / "users.parquet", named))
    assert rows == sum(map(len, named.values()))
    once = len({user for users in named.values() for user in users})
    found = count(sketches.values())
    assert found.low <= once <= found.high
    assert abs(found.estimate - once) <= max(1, once * 3 // 100)


def test_counting_is_close_for_many(tmp_path: Path) -> None:
    """Two sellers with 150,000 users each, of whom 100,000 are the same."""
    reached = {"one": [f"u{n}" for n in range(150_000)], "other": [f"u{n}" for n in range(50_000, 200_000)]}
    sketches, _ = _read(ids(tmp_path / "users.csv", reached))
    found = count(sketches.values())
    assert abs(found.estimate - 200_000) < 200_000 * 3 // 100
    assert all(len(sketch) < 20_000 for sketch in sketches.values())
    assert b"u149999" not in sketches["one"]


def test_sketches_of_others_are_taken_as_they_are(tmp_path: Path) -> None:
    made, _ = _read(ids(tmp_path / "users.csv", {"one": ["u1", "u2"], "other": ["u2", "u3"]}))
    file = tmp_path / "sketches.csv"
    lines = [f"{party},{base64.b64encode(sketch).decode()}" for party, sketch in made.items()]
    file.write_text("party_id,sketch\n" + "\n".join(lines) + "\n", encoding="utf-8")
    again, rows = _read(file)
    assert (again, rows) == (made, 2)
    assert count(again.values()).estimate == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("party_id,users\na,1\n", "lacks columns"),
        ("party_id,sketch\na,!!!\n", "the sketch in row 1"),
        ("party_id,sketch\na,AAAA\n", "the sketch in row 1"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "wrong.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        _read(file)
    with pytest.raises(InputError, match="cannot be read"):
        _read(tmp_path / "absent.csv")
