"""The set-up script: which Python it takes, what it says where something is missing, and that it does work once."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from scripts import setup
from tests.ops.waiting import HERE

ROOT = HERE.parents[1]
_PYTHON = """#!/bin/sh
case "$*" in
    *sysconfig*) echo '{told}' ;;
    "-m venv"*) echo "The virtual environment was not created: ensurepip is not available" >&2; exit 1 ;;
    "-m pip"*) exit 1 ;;
    *) exec {real} "$@" ;;
esac
"""
# notes what it is asked; `uv venv` makes an interpreter of the version that it is given
_UV = """#!/bin/sh
[ "$1" = --version ] && echo uv 0.13.9 && exit
echo "$@" >> "$NOTED"
[ "$1" = venv ] && mkdir -p .venv/bin && touch .venv/pyvenv.cfg && cp "$4" .venv/bin/python
[ "$2" = "$FAILS" ] && echo "no such package" >&2 && exit 1
exit 0
"""


def put(path: Path, text: str) -> Path:
    """Write a program."""
    path.write_text(text)
    path.chmod(0o755)
    return path


def python(path: Path, version: list[int], *, header: bool = True) -> Path:
    """A Python that says it is of ``version``."""
    told = {"version": version, "executable": str(path), "header": header, "compiler": "no-such-compiler"}
    return put(path, _PYTHON.replace("{told}", json.dumps(told)).replace("{real}", sys.executable))


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder that is all of PATH: a shell, and what a test puts there."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("sh", "make", "mkdir", "touch", "cp"):
        (folder / name).symlink_to(shutil.which(name) or name)
    return folder


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a clone has of files that set it up."""
    folder = tmp_path / "clone"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "setup.py", folder / "scripts")
    for name in ("Makefile", "pyproject.toml", *(path.name for path in ROOT.glob("requirements*.lock"))):
        shutil.copy(ROOT / name, folder)
    return folder


def set_up(clone: Path, tools: Path, profile: str = "run", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the clone's script with ``tools`` as PATH."""
    return subprocess.run(
        [sys.executable, str(clone / "scripts" / "setup.py"), profile],
        env={"PATH": str(tools), "PYENV_ROOT": "/nowhere", "HOME": str(clone), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def error(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a failed set-up says."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


def test_only_a_python_that_is_too_new(clone: Path, tools: Path) -> None:
    python(tools / "python3", [3, 13, 0])
    said = error(set_up(clone, tools))
    assert "Python 3.13.0 is too new: durable-rules does not build on it" in said
    assert "install Python 3.12 or 3.11" in said
    assert not (clone / ".venv").exists()


def test_make_says_the_same(clone: Path, tools: Path) -> None:
    python(tools / "python3", [3, 13, 0])
    environment = {"PATH": str(tools), "PYENV_ROOT": "/nowhere", "HOME": str(clone)}
    done = subprocess.run(["make", "run"], cwd=clone, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: Python 3.13.0 is too new")


def test_make_without_any_python(clone: Path, tools: Path) -> None:
    done = subprocess.run(["make", "run"], cwd=clone, env={"PATH": str(tools)}, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: no Python was found: install Python 3.12 or 3.11")


def test_only_a_python_that_is_too_old(clone: Path, tools: Path) -> None:
    python(tools / "python3", [3, 9, 2])
    assert "no Python 3.11 or 3.12 was found (there is: 3.9.2)" in error(set_up(clone, tools))


def test_shim_that_fails_is_passed_over(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tools / "python3.12", "#!/bin/sh\necho 'pyenv: python3.12: command not found' >&2\nexit 127\n")
    python(tools / "python3.11", [3, 11, 7])
    monkeypatch.setenv("PATH", str(tools))
    assert setup.find_python("")["version"] == [3, 11, 7]


def test_same_name_further_on_path_is_seen(tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tools / "python3", "#!/bin/sh\nexit 127\n")
    (tmp_path / "more").mkdir()
    python(tmp_path / "more" / "python3", [3, 12, 4])
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{tmp_path / 'more'}")
    assert setup.find_python("")["version"] == [3, 12, 4]


def test_python_of_pyenv_is_seen(tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ([3, 10, 1], [3, 11, 2], [3, 13, 0]):
        folder = tmp_path / "versions" / ".".join(map(str, version)) / "bin"
        folder.mkdir(parents=True)
        python(folder / "python", version)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert setup.find_python("")["version"] == [3, 11, 2]


def test_headers_decide_between_two(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python(tools / "python3.12", [3, 12, 4], header=False)
    python(tools / "python3.11", [3, 11, 7])
    monkeypatch.setenv("PATH", str(tools))
    assert setup.find_python("")["version"] == [3, 11, 7]


def test_no_headers(clone: Path, tools: Path) -> None:
    python(tools / "python3", [3, 12, 4], header=False)
    said = error(set_up(clone, tools))
    assert "has no headers (Python.h)" in said
    assert "apt install python3.12-dev" in said


def test_no_compiler(clone: Path, tools: Path) -> None:
    python(tools / "python3", [3, 12, 4])
    said = error(set_up(clone, tools))
    assert "no C compiler was found" in said
    assert "install gcc" in said


@pytest.mark.parametrize(
    ("version", "what"), [([3, 13, 1], "is Python 3.13.1"), ([3, 10, 9], "is Python 3.10.9"), (None, "does not run")]
)
def test_named_python_is_the_only_one(clone: Path, tools: Path, version: list[int] | None, what: str) -> None:
    python(tools / "python3", [3, 12, 4])
    if version:
        python(tools / "mine", version)
    said = error(set_up(clone, tools, PYTHON=str(tools / "mine")))
    assert f"PYTHON=`{tools / 'mine'}` {what}: Python 3.11 or 3.12 is needed" in said


def test_venv_module_that_is_missing(clone: Path, tools: Path) -> None:
    python(tools / "python3", [3, 12, 4])
    put(tools / "gcc", "#!/bin/sh\n")
    done = set_up(clone, tools)
    assert done.returncode == 2
    said = done.stderr.splitlines()[-1]
    assert "`apt install python3.12-venv`), or install uv" in said
    assert "ensurepip is not available" in said


def test_folder_that_is_no_environment_is_left_alone(clone: Path, tools: Path) -> None:
    python(tools / "python3", [3, 12, 4])
    put(tools / "gcc", "#!/bin/sh\n")
    put(tools / "uv", _UV)
    (clone / ".venv").mkdir()
    (clone / ".venv" / "diary.txt").write_text("dear diary")
    done = set_up(clone, tools, NOTED=str(clone / "noted"), FAILS="nothing")
    assert done.returncode == 2
    assert "is not a virtual environment: move it away" in done.stderr
    assert (clone / ".venv" / "diary.txt").exists()


class Installing:
    """A clone, a uv that notes what it is asked, and the running of it."""

    def __init__(self, clone: Path, tools: Path) -> None:
        self.clone, self.tools = clone, tools
        python(tools / "python3", [3, 12, 4])
        put(tools / "gcc", "#!/bin/sh\n")
        put(tools / "uv", _UV)

    def noted(self, profile: str, *, fails: str = "nothing", **environment: str) -> list[str]:
        """What uv is asked in one run."""
        note = self.clone / "noted"
        note.write_text("")
        done = set_up(self.clone, self.tools, profile, NOTED=str(note), FAILS=fails, **environment)
        assert done.returncode == (2 if fails != "nothing" else 0), done.stderr
        return note.read_text().splitlines()


def test_installs_what_is_locked_and_then_nothing(clone: Path, tools: Path) -> None:
    installing = Installing(clone, tools)
    venv, sync, editable = installing.noted("run")
    assert venv.startswith("venv -q --python ")
    assert "--require-hashes" in sync
    assert sync.endswith(str(clone / "requirements.lock"))
    assert f"--build-constraints {clone / 'requirements-build.lock'}" in sync
    assert editable.endswith(f"--editable {clone}")
    assert "--no-deps" in editable
    assert installing.noted("run") == []


def test_environment_grows_and_never_shrinks(clone: Path, tools: Path) -> None:
    installing = Installing(clone, tools)
    installing.noted("run")
    sync, _ = installing.noted("test")
    assert sync.endswith("requirements-dev.lock")
    assert installing.noted("run") == []
    with (clone / "requirements-dev.lock").open("a") as lock:
        lock.write("# changed\n")
    sync, _ = installing.noted("run")
    assert sync.endswith("requirements-dev.lock")


def test_peers_of_benchmarks_come_on_top_of_the_tools_for_working(clone: Path, tools: Path) -> None:
    installing = Installing(clone, tools)
    *_, sync, _, peers = installing.noted("bench")
    assert sync.endswith("requirements-dev.lock")
    assert "--require-hashes" in peers
    assert peers.endswith(f"-r {clone / 'requirements-bench.lock'}")
    assert installing.noted("test") == []


def test_failed_install_is_done_again(clone: Path, tools: Path) -> None:
    installing = Installing(clone, tools)
    assert [line.split()[1] for line in installing.noted("run", fails="sync")] == ["-q", "sync"]
    assert [line.split()[1] for line in installing.noted("run")] == ["sync", "install"]
    assert installing.noted("run") == []


def test_other_python_makes_another_environment(clone: Path, tools: Path) -> None:
    installing = Installing(clone, tools)
    installing.noted("run")
    other = python(tools / "other", [3, 11, 9])
    venv, *_ = installing.noted("run", PYTHON=str(other))
    assert venv.startswith(f"venv -q --python {other}")
    assert installing.noted("run", PYTHON=str(other)) == []
    assert installing.noted("run") == []


def test_index_of_pip_is_told_to_uv() -> None:
    listed = "\n".join(
        [
            "global.index-url='https://global.example/simple'",
            "install.index-url='https://install.example/simple'",
            "global.extra-index-url='\\nhttps://a.example/simple\\nhttps://b.example/simple'",
            ":env:.find-links='/wheels /more'",
            "global.cert='/ca.pem'",
            "global.timeout='60'",
        ]
    )
    assert setup.translate_pip(listed, {"SSL_CERT_FILE": "/mine.pem"}) == {
        "UV_DEFAULT_INDEX": "https://install.example/simple",
        "UV_INDEX": "https://a.example/simple https://b.example/simple",
        "UV_FIND_LINKS": "/wheels,/more",
    }
    assert setup.translate_pip("", {}) == {}


def test_uv_that_is_told_itself_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.example/simple")
    teller = put(tmp_path / "python", "#!/bin/sh\necho \":env:.index-url='$PIP_INDEX_URL'\"\n")
    assert setup.index_environment({"executable": str(teller)}) == {"UV_DEFAULT_INDEX": "https://pip.example/simple"}
    monkeypatch.setenv("UV_INDEX_URL", "https://uv.example/simple")
    assert setup.index_environment({"executable": str(teller)}) == {}
    monkeypatch.delenv("UV_INDEX_URL")
    (tmp_path / ".config" / "uv").mkdir(parents=True)
    (tmp_path / ".config" / "uv" / "uv.toml").write_text("")
    assert setup.index_environment({"executable": str(teller)}) == {}


def test_wrong_use_and_old_uv(clone: Path, tools: Path) -> None:
    assert "use `setup.py run`" in error(set_up(clone, tools, "everything"))
    put(tools / "uv", "#!/bin/sh\necho uv 0.1.2\n")
    assert setup.uv_version(str(tools / "uv")) == (0, 1, 2) < setup.OLDEST_UV
    assert setup.uv_version(str(tools / "nothing")) == ()


def test_script_is_found_wherever_the_clone_is(clone: Path) -> None:
    spec = importlib.util.spec_from_file_location("copied_setup", clone / "scripts" / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    copied: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copied)
    assert clone == copied.ROOT
    assert copied.digest("run") != setup.digest("run"), "an environment that was moved is made anew"
