"""Gets the Temporal dev server: found on PATH, kept in the user's cache, downloaded, or built with Go.

What is got once is kept in the cache under its version, outside any clone, and serves every later run. What we build is
the official program with a newer SQLite driver: docs/decisions/server-driver.md says why.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastbrand import processes
from fastbrand.domain.errors import Unreachable

CLI_VERSION = "1.5.1"
"""The pinned version of Temporal's command line, which carries server 1.29.1 and web UI 2.42.1."""

DRIVER_VERSION = "1.51.0"
"""The version of ``modernc.org/sqlite`` that we build it with, the one of later official versions (from 1.9 on).

That of the pinned version (1.34.1) can break for good when a call is given up while its query runs.
"""

KEPT = f"temporal-{CLI_VERSION}-2"
"""Its name in the cache; the last number is raised when the same version is built in another way."""

GO_PACKAGE = "github.com/temporalio/cli/cmd/temporal"

GO_MOD = f"""module fastbrand/temporal

go 1.25.0

require (
	github.com/temporalio/cli v{CLI_VERSION}
	modernc.org/sqlite v{DRIVER_VERSION}
)
"""
"""What ``go build`` builds from; Go checks every module against the public checksum database."""

Tell = Callable[[str], None]
"""Takes one line for a person to read."""

_DOWNLOAD_S_MAX = 900
_GO_BUILD_S_MAX = 3600
_SETTINGS_OF_GO = ("GOOS", "GOARCH", "GOWORK")  # for other targets: with them `go build` builds something else


class _Failed(Exception):
    """One way of getting the server did not work; the text says why, in one line."""


def to_stderr(line: str) -> None:
    """Print ``line`` to stderr."""
    print(line, file=sys.stderr, flush=True)


def cache_directory() -> Path:
    """Where the server is kept: ``$XDG_CACHE_HOME/fastbrand/bin``, ``~/.cache/fastbrand/bin`` where that is unset."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    cache = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    return cache / "fastbrand" / "bin"


def find_or_get(*, cache: Path | None = None, tell: Tell = to_stderr) -> Path:
    """Path of a ``temporal`` program that runs here, got by the first of four ways that works.

    In order: PATH, our cache, the SDK's own download, ``go build``. Two processes at once get it once: one waits.
    ``tell`` hears what is done where it takes time. Raises ``Unreachable`` that names every way and why it failed.
    """
    place = (cache or cache_directory()) / KEPT
    tried: list[str] = []
    for way, get in (("`temporal` on PATH", _on_path), ("the cache", lambda: _in_cache(place))):
        try:
            return get()
        except _Failed as failed:
            tried.append(f"{way}: {failed}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(place, tell):
            got = _fill_cache(place, tell, tried)
    except OSError as error:
        tried.append(f"writing to `{place.parent}`: {(error.strerror or str(error)).lower()}")
        got = None
    if got is None:
        raise Unreachable(
            "no Temporal server could be got: " + "; ".join(tried),
            hint="set TEMPORAL_ADDRESS to a server of yours, put `temporal` on PATH, or install Go and try again",
            code="temporal_server_missing",
        )
    return got


def _fill_cache(place: Path, tell: Tell, tried: list[str]) -> Path | None:
    """Download or build into ``place``; what did not work is added to ``tried``, None where neither did."""
    if place.is_file():  # the process that we waited for has got it
        return place
    with tempfile.TemporaryDirectory(prefix=".getting-", dir=place.parent) as scratch:
        for way, get in (("the SDK's download", _download), ("`go build`", _go_build)):
            folder = Path(tempfile.mkdtemp(dir=scratch))
            try:
                got = get(folder, tell)
                _check_runs(got)
            except _Failed as failed:
                tell(f"  {way} did not work: {failed}")
                tried.append(f"{way}: {failed}")
                continue
            os.replace(got, place)
            tell(f"the Temporal server is kept in {place}")
            return place
    return None


def _on_path() -> Path:
    found = shutil.which("temporal")
    if found is None:
        raise _Failed("not there")
    _check_runs(Path(found))
    return Path(found)


def _in_cache(place: Path) -> Path:
    if not place.is_file():
        raise _Failed(f"`{place}` is not there")
    _check_runs(place)
    return place


def _check_runs(program: Path) -> None:
    """Raise ``_Failed`` unless ``program --version`` answers as Temporal's command line does."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _Failed(f"`{program}` does not run: {error}") from error
    if said.returncode != 0 or not said.stdout.startswith("temporal version"):
        raise _Failed(f"`{program} --version` does not answer as Temporal's command line does")


def _download(folder: Path, tell: Tell) -> Path:
    """Let the SDK download the program into ``folder``: it does so on the way to starting a server, which we stop."""
    from temporalio.testing import WorkflowEnvironment

    processes.settle_at_exit()
    tell(f"getting the Temporal server {CLI_VERSION} (download, once) ...")

    async def start_and_stop() -> None:
        environment = await WorkflowEnvironment.start_local(
            download_dest_dir=str(folder), dev_server_download_version=f"v{CLI_VERSION}"
        )
        await environment.shutdown()

    failure: Exception | None = None
    try:
        run_apart(lambda: asyncio.wait_for(start_and_stop(), _DOWNLOAD_S_MAX))
    except Exception as error:  # whatever it is, the next way is tried
        failure = error
    got = [path for path in folder.iterdir() if path.is_file() and os.access(path, os.X_OK)]
    if len(got) == 1:
        return got[0]
    raise _Failed(_one_line(failure) if failure else f"left {len(got)} programs where 1 was expected")


def run_apart(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run the coroutine function ``main`` to its end in a thread with a loop of its own; its error becomes ours.

    For callers who may themselves be inside a running loop.
    """
    failure: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, name="fastbrand-apart")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]


def _go_build(folder: Path, tell: Tell) -> Path:
    """Build the pinned program with Go from PATH into ``folder``, from a module that names what it is made of."""
    go = shutil.which("go")
    if go is None:
        raise _Failed("Go is not on PATH")
    tell(f"building the Temporal server {CLI_VERSION} with Go (three to four minutes, once) ...")
    environment = {name: value for name, value in os.environ.items() if name not in _SETTINGS_OF_GO}
    environment["GOWORK"] = "off"
    (folder / "go.mod").write_text(GO_MOD, encoding="utf-8")
    log, built = folder / "go.log", folder / "temporal"
    # -mod=mod: the checksums of what is fetched are written down on the way
    options = ["-C", str(folder), "-mod=mod", "-buildvcs=false", "-ldflags", "-s -w", "-o", str(built)]
    build = processes.spawn([go, "build", *options, GO_PACKAGE], log=log, environment=environment)
    code = _wait_telling(build, tell)
    if code != 0:
        raise _Failed(f"ended with {code}: {_one_line(log.read_text(errors='replace'))}")
    return built


def _wait_telling(build: subprocess.Popen[bytes], tell: Tell) -> int:
    """Wait for ``build``, telling twice a minute that it goes on; it ends with us, or after an hour."""
    begun = time.monotonic()
    try:
        while True:
            try:
                return build.wait(timeout=30)
            except subprocess.TimeoutExpired:
                elapsed_s = int(time.monotonic() - begun)
                tell(f"  still building: {elapsed_s // 60} min {elapsed_s % 60:02} s")
                if elapsed_s > _GO_BUILD_S_MAX:
                    raise _Failed("took more than an hour") from None
    finally:
        processes.kill(build)


def _one_line(problem: object) -> str:
    """The last line of a text or an error that says something, short enough for a message."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(problem).__name__


@contextmanager
def _one_at_a_time(place: Path, tell: Tell) -> Iterator[None]:
    """Hold the lock file of ``place``; the kernel frees it when its holder dies."""
    with place.with_name(f".{place.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("another process is getting the Temporal server: waiting for it ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    try:
        find_or_get()
    except Unreachable as missing:
        sys.exit(f"error: {missing.message}; {missing.hint}")
