"""Files by their content: whole or not there, compared whenever they are read."""

from __future__ import annotations

import hashlib
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastbrand.domain.errors import FastbrandError, InputError, NotFound, Unreachable
from fastbrand.store.files import DiskFiles, StoredFile


@pytest.fixture
def files(tmp_path: Path) -> DiskFiles:
    """An empty store that takes a megabyte a file."""
    return DiskFiles(tmp_path / "files", 1_000_000)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A scanned paper."""
    path = tmp_path / "scan.pdf"
    path.write_bytes(b"%PDF-1.7 " + bytes(range(256)) * 1_000)
    return path


def kept(root: Path) -> list[Path]:
    return sorted(each for each in (root / "files").rglob("*") if each.is_file())


def test_what_is_put_comes_back_unchanged(files: DiskFiles, scan: Path, tmp_path: Path) -> None:
    stored = files.put(scan)
    assert stored == StoredFile(hashlib.sha256(scan.read_bytes()).hexdigest(), scan.stat().st_size)
    assert files.look(scan) == files.check(stored.sha256) == stored
    scan.unlink()
    out = tmp_path / "out.pdf"
    assert files.copy_to(stored.sha256, out) == stored
    assert hashlib.sha256(out.read_bytes()).hexdigest() == stored.sha256


def test_the_same_file_is_kept_once_for_the_owners_eyes(files: DiskFiles, scan: Path, tmp_path: Path) -> None:
    again = tmp_path / "another name"
    again.write_bytes(scan.read_bytes())
    assert files.put(scan) == files.put(again) == files.put(scan)
    (place,) = kept(tmp_path)
    assert stat.S_IMODE(place.stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE(place.parent.stat().st_mode) & 0o077 == 0


def test_looking_keeps_nothing(files: DiskFiles, scan: Path, tmp_path: Path) -> None:
    files.look(scan)
    assert not (tmp_path / "files").exists()


def test_a_file_that_was_changed_is_never_handed_out(files: DiskFiles, scan: Path, tmp_path: Path) -> None:
    stored = files.put(scan)
    (place,) = kept(tmp_path)
    place.chmod(0o600)
    damaged = bytearray(place.read_bytes())
    damaged[-1] ^= 1
    place.write_bytes(damaged)
    out = tmp_path / "out.pdf"
    with pytest.raises(Unreachable, match="is not what was brought in") as told:
        files.check(stored.sha256)
    assert told.value.instance_code == "damaged_file"
    with pytest.raises(Unreachable, match="is not what was brought in"):
        files.copy_to(stored.sha256, out)
    assert not out.exists()
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []
    assert files.put(scan) == files.check(stored.sha256)  # bringing it in again heals it


def test_a_file_that_is_missing_says_so(files: DiskFiles, scan: Path, tmp_path: Path) -> None:
    stored = files.put(scan)
    kept(tmp_path)[0].unlink()
    with pytest.raises(NotFound, match="is missing from"):
        files.check(stored.sha256)


def test_what_is_there_is_not_written_over(files: DiskFiles, scan: Path, tmp_path: Path) -> None:
    stored = files.put(scan)
    out = tmp_path / "out.pdf"
    out.write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        files.copy_to(stored.sha256, out)
    assert out.read_text() == "mine"
    with pytest.raises(InputError, match="cannot be written"):
        files.copy_to(stored.sha256, tmp_path / "no" / "such" / "place")


def test_what_cannot_be_taken_in_leaves_nothing(files: DiskFiles, tmp_path: Path) -> None:
    large, empty, pipe = tmp_path / "large", tmp_path / "empty", tmp_path / "pipe"
    large.write_bytes(b"x" * 1_000_001)
    empty.touch()
    os.mkfifo(pipe)
    for source, said in (
        (large, "1,000,001 bytes; the limit is 1,000,000"),
        (empty, "is empty"),
        (pipe, "is not a file"),
        (tmp_path, "is not a file"),
        (tmp_path / "nothing", "cannot be read: no such file"),
    ):
        for take in (files.put, files.look):
            with pytest.raises(InputError, match=said) as refused:
                take(source)
            assert refused.value.hint
    assert not (tmp_path / "files").exists()
    large.write_bytes(b"x" * 1_000_000)
    assert files.put(large).bytes == 1_000_000


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "a" * 63, "a" * 65])
def test_only_a_hash_names_a_file(files: DiskFiles, name: str) -> None:
    with pytest.raises(InputError, match="is not a sha256"):
        files.check(name)


def test_a_store_that_cannot_be_written_says_so(scan: Path, tmp_path: Path) -> None:
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(Unreachable, match="cannot be used"):
        DiskFiles(tmp_path / "files", 1_000_000).put(scan)


def test_many_at_once_are_whole(files: DiskFiles, scan: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        stored = set(pool.map(files.put, [scan] * 24))
    assert len(stored) == 1
    assert files.check(stored.pop().sha256).bytes == scan.stat().st_size
    assert len(kept(tmp_path)) == 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(min_size=1, max_size=400), flip=st.integers(0, 10**6))
def test_no_single_changed_byte_goes_unseen(files: DiskFiles, tmp_path: Path, content: bytes, flip: int) -> None:
    source = tmp_path / "source"
    source.write_bytes(content)
    stored = files.put(source)
    place = tmp_path / "files" / stored.sha256[:2] / stored.sha256
    place.chmod(0o600)
    changed = bytearray(content)
    changed[flip % len(content)] ^= 1 + flip % 255
    place.write_bytes(changed)
    with pytest.raises(FastbrandError):
        files.check(stored.sha256)
    place.write_bytes(content)
    assert files.check(stored.sha256) == stored
