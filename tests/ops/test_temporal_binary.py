"""Getting the server: the order of the ways, what is kept, and what is said where none works."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fastbrand.temporal_binary import CLI_VERSION, DRIVER_VERSION, KEPT, cache_directory, find_or_get
from fastbrand.temporal_server import free_port
from tests.ops.waiting import HERE

_GET = """
from fastbrand.domain.errors import Unreachable
from fastbrand.temporal_binary import find_or_get
try:
    print(find_or_get())
except Unreachable as error:
    print(error.message, error.hint, sep="\\n")
"""
_ANSWERS = "#!/bin/sh\necho temporal version 0.0.0\n"
# a Go that takes a while and notes each build; what it builds answers as Temporal's command line does
_GO = """#!/bin/sh
test "$1 $2" = "build -C" && cd "$3" || exit 2
echo "$@" >> "$BUILDS"
while read -r line; do echo "$line"; done < go.mod >> "$BUILDS"
while test "$1" != -o; do shift; done
sleep 1
printf '#!/bin/sh\\necho temporal version built\\n' > "$2"
chmod +x "$2"
"""


def program(path: Path, text: str) -> Path:
    """Write ``text`` as a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str]:
    """An environment with an empty cache, a PATH of our own, and no way to the internet."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "sleep", "chmod"):
        (tools / name).symlink_to(shutil.which(name) or name)
    nobody = f"http://127.0.0.1:{free_port()}"
    return {
        "PATH": str(tools),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "HTTPS_PROXY": nobody,
        "https_proxy": nobody,
        "BUILDS": str(tmp_path / "builds"),
        "PYTHONPATH": str(HERE.parents[1]),
        "HOME": str(tmp_path),
    }


def get(environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start a process that gets the server in ``environment``."""
    argv = [sys.executable, "-c", "import sys" + _GET]
    return subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_every_way_that_failed_is_named(alone: dict[str, str]) -> None:
    said, progress = get(alone).communicate(timeout=120)
    message, hint = said.splitlines()
    for way in ("`temporal` on PATH: not there", "the cache: `", "the SDK's download: ", "`go build`: Go is not on"):
        assert way in message
    assert "TEMPORAL_ADDRESS" in hint
    assert "getting the Temporal server" in progress


@pytest.mark.slow
def test_two_at_once_build_once(alone: dict[str, str], tmp_path: Path) -> None:
    program(tmp_path / "tools" / "go", _GO)
    kept = tmp_path / "cache" / "fastbrand" / "bin" / KEPT
    both = [get(alone), get(alone)]
    assert [each.communicate(timeout=120)[0].strip() for each in both] == [str(kept)] * 2
    build, *module = (tmp_path / "builds").read_text().splitlines()
    assert build.startswith("build -C")
    assert build.endswith("/temporal github.com/temporalio/cli/cmd/temporal")
    assert module.count("module fastbrand/temporal") == 1
    assert f"github.com/temporalio/cli v{CLI_VERSION}" in module
    assert f"modernc.org/sqlite v{DRIVER_VERSION}" in module
    assert sorted(path.name for path in kept.parent.iterdir()) == [f".{kept.name}.lock", kept.name]


@pytest.mark.slow
def test_failed_build_says_why_and_leaves_nothing(alone: dict[str, str], tmp_path: Path) -> None:
    program(tmp_path / "tools" / "go", "#!/bin/sh\necho first\necho no disk left >&2\nexit 3\n")
    said, _ = get(alone).communicate(timeout=120)
    assert "`go build`: ended with 3: no disk left" in said
    assert [path.suffix for path in (tmp_path / "cache" / "fastbrand" / "bin").iterdir()] == [".lock"]


def test_path_comes_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = program(tmp_path / "cache" / KEPT, _ANSWERS)
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    assert find_or_get(cache=cached.parent) == cached
    installed = program(tmp_path / "tools" / "temporal", _ANSWERS)
    monkeypatch.setenv("PATH", f"{installed.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
    assert find_or_get(cache=cached.parent) == installed


def test_another_program_of_that_name_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = program(tmp_path / "cache" / KEPT, _ANSWERS)
    other = program(tmp_path / "tools" / "temporal", "#!/bin/sh\necho a clock\n")
    monkeypatch.setenv("PATH", f"{other.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
    assert find_or_get(cache=cached.parent) == cached


def test_cache_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "fastbrand" / "bin"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_directory() == tmp_path / ".cache" / "fastbrand" / "bin"
