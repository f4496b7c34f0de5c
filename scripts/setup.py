"""Makes ``.venv``: the right Python, a compiler, uv, and exactly the packages of the lock. Called by the Makefile.

``setup.py run`` installs what the product needs, ``setup.py test`` the tools for working on it as well; an environment
that has them keeps them. When nothing has changed it does nothing. ``setup.py bench`` adds what benchmarks compare us
with, ``setup.py lock`` refreshes the lock files.
It needs only the standard library, and any Python from 3.8 on to say what is wrong with the others.
"""

from __future__ import annotations

import fcntl
import glob
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
CACHE = ROOT / ".cache"
STAMP = VENV / ".fastbrand-setup.json"
BUILD_LOCK = ROOT / "requirements-build.lock"
BENCH_LOCK = ROOT / "requirements-bench.lock"
LOCKS = {"run": ROOT / "requirements.lock", "test": ROOT / "requirements-dev.lock"}
GOOD = ((3, 11), (3, 12))
OLDEST_UV = (0, 6)
PROBE = """
import json, os, sys, sysconfig
print(json.dumps({
    "version": list(sys.version_info[:3]),
    "executable": sys.executable,
    "header": os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")),
    "compiler": (sysconfig.get_config_var("CC") or "cc").split()[0],
}))
"""
INSTALL_PYTHON = "install Python 3.12 or 3.11, or name one: `make PYTHON=/path/to/python3.12 ...`"


class Trouble(Exception):
    """What is wrong and the mend, in one line."""


def main(arguments: list[str]) -> int:
    """Do what is asked (``run``, ``test``, ``bench`` or ``lock``); returns the exit code."""
    os.chdir(ROOT)
    try:
        if arguments == ["lock"] or arguments == ["lock", "--upgrade"]:
            refresh_locks(upgrade=len(arguments) == 2)
        elif arguments in (["run"], ["test"], ["bench"]):
            CACHE.mkdir(exist_ok=True)
            with (CACHE / "setup.lock").open("w") as lock:  # `make run` and `make test` at once: one waits
                fcntl.flock(lock, fcntl.LOCK_EX)
                make_environment("test" if arguments == ["bench"] else arguments[0])
                if arguments == ["bench"]:
                    add_peers()
        else:
            raise Trouble("use `setup.py run`, `setup.py test`, `setup.py bench` or `setup.py lock [--upgrade]`")
    except Trouble as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: `{error.filename or ROOT}`: {(error.strerror or str(error)).lower()}", file=sys.stderr)
        return 2
    return 0


def tell(line: str) -> None:
    """Print one line of progress to stderr."""
    print(line, file=sys.stderr, flush=True)


# -- the environment


def make_environment(profile: str) -> None:
    """Bring ``.venv`` to what ``profile`` needs, or leave it as it is where it has that already."""
    stamp = read_stamp()
    if stamp.get("profile") == "test":
        profile = "test"  # an environment never shrinks
    named = os.environ.get("PYTHON", "")
    python = find_python(named) if named else probe(venv_python())
    there = python is not None and same_version(python)
    if there and stamp == {"profile": profile, "digest": digest(profile)}:
        return
    if python is None or not is_good(python):
        python = find_python("")
    # bytecode is made now: containers often forbid it later, and then every process would compile every module it loads
    ours = {"UV_PYTHON_DOWNLOADS": "never", "UV_COMPILE_BYTECODE": "1"}
    environment = {**os.environ, **ours, **compiler(python), **index_environment(python)}
    uv = find_uv(python)
    if not same_version(python):
        tell(f"making .venv with Python {dotted(python)} ({python['executable']})")
        remove_venv()
        run([uv, "venv", "-q", "--python", python["executable"], str(VENV)], environment)
    STAMP.unlink(missing_ok=True)
    tell("installing the locked packages (the first time, one of them is compiled: a minute or two)")
    target = ["--python", str(venv_python()), "--build-constraints", str(BUILD_LOCK)]
    run([uv, "pip", "sync", "-q", "--require-hashes", *target, str(LOCKS[profile])], environment)
    run([uv, "pip", "install", "-q", "--no-deps", *target, "--editable", str(ROOT)], environment)
    STAMP.write_text(json.dumps({"profile": profile, "digest": digest(profile)}), encoding="utf-8")
    tell("the environment is ready: .venv")


def add_peers() -> None:
    """Install the engines that benchmarks compare ours with; whatever is installed anew next takes them away again."""
    python = probe(venv_python())
    if python is None:
        raise Trouble(f"`{venv_python()}` does not run: remove `{VENV}` and try again")
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", **index_environment(python)}
    command = [find_uv(python), "pip", "install", "-q", "--no-deps", "--require-hashes", "--python", str(venv_python())]
    run([*command, "-r", str(BENCH_LOCK)], environment)


def digest(profile: str) -> str:
    """What decides how ``.venv`` must be: locks, project file and this script, and where the clone is."""
    told = hashlib.sha256(str(ROOT).encode())
    for path in (LOCKS[profile], BUILD_LOCK, ROOT / "pyproject.toml", Path(__file__)):
        told.update(path.read_bytes())
    return told.hexdigest()


def read_stamp() -> dict[str, str]:
    """What the last set-up wrote; empty where there was none."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def venv_python() -> Path:
    """The environment's interpreter."""
    return VENV / "bin" / "python"


def same_version(python: dict[str, Any]) -> bool:
    """Whether the environment has the version of ``python``."""
    there = probe(venv_python())
    return there is not None and there["version"][:2] == python["version"][:2]


def remove_venv() -> None:
    """Remove an environment that is of no use; anything else under that name is left alone."""
    if VENV.exists():
        if not (VENV / "pyvenv.cfg").is_file() and any(VENV.iterdir()):
            raise Trouble(f"`{VENV}` is not a virtual environment: move it away")
        shutil.rmtree(VENV)


# -- Python and compiler


def find_python(named: str) -> dict[str, Any]:
    """A Python 3.11 or 3.12 with headers, as ``probe`` tells it; where ``named`` (PYTHON=), no other is tried."""
    seen = []
    for candidate in [named] if named else candidates():
        python = probe(candidate)
        if python is None:
            continue
        if is_good(python) and python["header"]:
            return python
        seen.append(python)
    good = [python for python in seen if is_good(python)]
    if good:
        short = ".".join(map(str, good[0]["version"][:2]))
        raise Trouble(
            f"`{good[0]['executable']}` has no headers (Python.h), which durable-rules is compiled with: "
            f"install them (Debian, Ubuntu: `apt install python{short}-dev`; Fedora: `dnf install python3-devel`)"
        )
    if named:
        what = f"is Python {dotted(seen[0])}" if seen else "does not run"
        raise Trouble(f"PYTHON=`{named}` {what}: Python 3.11 or 3.12 is needed; {INSTALL_PYTHON}")
    if any(python["version"][:2] > [3, 12] for python in seen):
        newest = max(seen, key=lambda python: list(python["version"]))
        raise Trouble(f"Python {dotted(newest)} is too new: durable-rules does not build on it; {INSTALL_PYTHON}")
    versions = ", ".join(sorted({dotted(python) for python in seen})) or "none"
    raise Trouble(f"no Python 3.11 or 3.12 was found (there is: {versions}); {INSTALL_PYTHON}")


def candidates() -> list[str]:
    """Interpreters on PATH, every one of a name, then those that pyenv keeps off PATH."""
    folders = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    names = ("python3.12", "python3.11", "python3", "python")
    found = [os.path.join(folder, name) for name in names for folder in folders]
    pyenv = os.environ.get("PYENV_ROOT") or os.path.join(os.path.expanduser("~"), ".pyenv")
    for minor in ("12", "11"):
        found += sorted(glob.glob(os.path.join(pyenv, "versions", f"3.{minor}.*", "bin", "python")), reverse=True)
    return [path for path in found if os.access(path, os.X_OK)]


def probe(python: str | Path) -> dict[str, Any] | None:
    """Version, path, headers and compiler of an interpreter; None where it does not run (a shim of pyenv, say)."""
    try:
        said = subprocess.run([str(python), "-c", PROBE], capture_output=True, text=True, timeout=60, check=False)
        told = json.loads(said.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return told if said.returncode == 0 and isinstance(told, dict) else None


def is_good(python: dict[str, Any]) -> bool:
    """Whether it is of a version that we run on."""
    return tuple(python["version"][:2]) in GOOD


def dotted(python: dict[str, Any]) -> str:
    """``3.11.7``."""
    return ".".join(str(part) for part in python["version"])


def compiler(python: dict[str, Any]) -> dict[str, str]:
    """Environment that names a C compiler, where Python's own choice is not there. Raises ``Trouble`` without any."""
    chosen = shlex.split(os.environ.get("CC", "")) or [python["compiler"]]
    if shutil.which(chosen[0]):
        return {}
    for name in ("gcc", "cc", "clang"):
        if shutil.which(name):
            return {"CC": name}
    raise Trouble(
        "no C compiler was found, and durable-rules is compiled here: "
        "install gcc (Debian, Ubuntu: `apt install gcc`; Fedora: `dnf install gcc`) and try again"
    )


# -- uv


def find_uv(python: dict[str, Any]) -> str:
    """uv of PATH where it is new enough, else the pinned one, installed into ``.cache`` (once)."""
    on_path = shutil.which("uv")
    if on_path is not None and uv_version(on_path) >= OLDEST_UV:
        return on_path
    home = CACHE / ("uv-" + hashlib.sha256(BUILD_LOCK.read_bytes()).hexdigest()[:12])
    uv = str(home / "bin" / "uv")
    if uv_version(uv) >= OLDEST_UV:
        return uv
    tell("getting uv")
    shutil.rmtree(home, ignore_errors=True)
    made = subprocess.run([python["executable"], "-m", "venv", str(home)], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        shutil.rmtree(home, ignore_errors=True)
        short = ".".join(map(str, python["version"][:2]))
        raise Trouble(
            f"`{python['executable']} -m venv` does not work ({last_line(made.stdout + made.stderr)}): "
            f"install it (Debian, Ubuntu: `apt install python{short}-venv`), or install uv"
        )
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    run([*pip, "--require-hashes", "-r", str(BUILD_LOCK)], dict(os.environ))
    return uv


def uv_version(uv: str) -> tuple[int, ...]:
    """``(0, 13, 9)``; empty where it does not run."""
    try:
        said = subprocess.run([uv, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.match(r"uv (\d+)\.(\d+)\.(\d+)", said.stdout)
    return tuple(int(part) for part in found.groups()) if found else ()


def index_environment(python: dict[str, Any]) -> dict[str, str]:
    """What only pip is told about where packages are, for uv; empty where uv is told something itself."""
    told_uv = any(name in os.environ for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_CONFIG_FILE"))
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    if told_uv or any(os.path.exists(os.path.join(place, "uv", "uv.toml")) for place in (config, "/etc")):
        return {}
    said = subprocess.run(
        [python["executable"], "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    return translate_pip(said.stdout if said.returncode == 0 else "", dict(os.environ))


def translate_pip(listed: str, environment: dict[str, str]) -> dict[str, str]:
    """``pip config list`` in uv's words. Of one option, the environment wins over ``[install]`` over ``[global]``."""
    options: dict[str, str] = {}
    for section in ("global", "install", ":env:"):
        for line in listed.splitlines():
            name, equals, value = line.partition("=")
            if equals and name.startswith(section + "."):
                options[name[len(section) + 1 :]] = " ".join(value.strip().strip("'\"").replace("\\n", " ").split())
    out = {}
    for option, variable, separator in (
        ("index-url", "UV_DEFAULT_INDEX", " "),
        ("extra-index-url", "UV_INDEX", " "),
        ("find-links", "UV_FIND_LINKS", ","),
        ("trusted-host", "UV_INSECURE_HOST", " "),
        ("no-index", "UV_NO_INDEX", " "),
        ("cert", "SSL_CERT_FILE", " "),
    ):
        if options.get(option) and variable not in environment:
            out[variable] = separator.join(options[option].split())
    return out


# -- the lock


def refresh_locks(*, upgrade: bool) -> None:
    """Write the lock files for every Python we run on and every system, with hashes, without addresses."""
    python = find_python(os.environ.get("PYTHON", ""))
    CACHE.mkdir(exist_ok=True)
    uv = find_uv(python)
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", **index_environment(python)}
    command = [
        uv,
        "pip",
        "compile",
        "-q",
        "--universal",
        "--python-version",
        "3.11",
        "--generate-hashes",
        "--no-header",
    ]
    command += ["--python", python["executable"], *(["--upgrade"] if upgrade else [])]
    same = ["-c", LOCKS["run"].name]  # what both install is the same in both
    for sources, lock in (
        (["pyproject.toml"], LOCKS["run"]),
        (["pyproject.toml", "--group", "dev", *same], LOCKS["test"]),
        (["--group", "build"], BUILD_LOCK),
        (["--group", "bench", "-c", LOCKS["test"].name], BENCH_LOCK),
    ):
        tell(f"{'upgrading' if upgrade else 'refreshing'} {lock.name}")
        run([*command, *sources, "-o", lock.name], environment)
        text = lock.read_text(encoding="utf-8")
        if "://" in text:
            raise Trouble(f"`{lock.name}` records a download address: a lock must not")
        lock.write_text(f"{lock_mark(python)}\n{text}", encoding="utf-8")


def lock_mark(python: dict[str, Any]) -> str:
    """First line of a lock: by which a test sees that the project file has changed since."""
    say = "import json, sys, tomllib; print(json.dumps(tomllib.load(open('pyproject.toml', 'rb'))))"
    said = subprocess.run([python["executable"], "-c", say], capture_output=True, text=True, check=True)
    return f"# made by `make lock` from dependencies with sha256 {dependencies_digest(json.loads(said.stdout))}"


def dependencies_digest(project: dict[str, Any]) -> str:
    """sha256 over everything in pyproject.toml that decides the locks."""
    about = project["project"]
    told = {
        "requires-python": about.get("requires-python"),
        "dependencies": about.get("dependencies"),
        "optional-dependencies": about.get("optional-dependencies"),
        "dependency-groups": project.get("dependency-groups"),
        "build-system": project.get("build-system"),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


# -- running


def run(command: list[str], environment: dict[str, str]) -> None:
    """Run a program; its errors are shown, and it must succeed."""
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        shown = " ".join([os.path.basename(command[0]), *command[1:3]])
        raise Trouble(f"`{shown}` ended with {done.returncode}; what it said is above")


def last_line(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
