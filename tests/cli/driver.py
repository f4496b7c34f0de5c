"""The real ``fastbrand`` script in processes of its own, on state directories of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from fastbrand.temporal_server import free_port

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(sys.executable).parent / "fastbrand"
CANDIDATES = ROOT / "examples" / "first-steps" / "candidates.csv"
ERROR = re.compile(r"fastbrand: error\[([a-z0-9_]+)\]: (.+)")


def clean_environment(**more: str) -> dict[str, str]:
    """The environment of the test run without what would steer Fastbrand, with compiled modules kept for the next."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FASTBRAND_", "TEMPORAL_")) and name not in {"PYTHONDONTWRITEBYTECODE", "COLUMNS"}
    }
    return {**kept, "PYTHONPYCACHEPREFIX": str(ROOT / ".cache" / "pycache"), **more}


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command said and how it ended."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Its one JSON document; fails where stdout holds anything else."""
        return json.loads(self.out)

    def jsonl(self) -> list[Any]:
        """Its JSON documents, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    def fine(self) -> Ran:
        """Itself, when it ended well."""
        assert self.code == 0, (self.argv, self.code, self.err)
        return self

    def failed(self, exit_code: int, code: str, *said: str) -> str:
        """The one line of its error; fails unless it ended as told, in one line, with the mend and without a trace.

        ``said``: what the line must contain.
        """
        assert self.code == exit_code, (self.argv, self.code, self.out, self.err)
        assert "Traceback" not in self.err, self.err
        lines = [line for line in self.err.splitlines() if line.startswith("fastbrand: error")]
        assert len(lines) == 1, self.err
        told = ERROR.fullmatch(lines[0])
        assert told is not None, lines[0]
        assert told[1] == code, lines[0]
        assert re.search(r"\(.+\)$", told[2]), f"says no mend: {lines[0]}"
        for part in said:
            assert part in told[2], lines[0]
        return told[2]


class Warm:
    """A process that has imported everything and forks for each command: quick, where many short ones are run."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.warm"],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, argv: Sequence[str], cwd: Path, environment: Mapping[str, str], folder: Path) -> Ran:
        """Run one command; what it says goes through files in ``folder``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        out, err = folder / "out", folder / "err"
        order = {
            "argv": list(argv),
            "cwd": str(cwd),
            "environment": dict(environment),
            "out": str(out),
            "err": str(err),
        }
        print(json.dumps(order), file=self._process.stdin, flush=True)
        code = int(self._process.stdout.readline())
        return Ran(tuple(argv), code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=30)


@dataclass(slots=True)
class Cli:
    """The command line on one state directory; through ``warm`` where it is given, else by the script itself."""

    state: Path
    more: dict[str, str] = field(default_factory=dict)
    warm: Warm | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What its processes get."""
        return clean_environment(FASTBRAND_STATE=str(self.state), FASTBRAND_TEMPORAL_UI="false", **self.more)

    def __call__(self, *argv: str | Path, cwd: Path = ROOT, more: Mapping[str, str] | None = None) -> Ran:
        """Run ``fastbrand ARGV`` to its end, with ``more`` in its environment."""
        words = tuple(str(word) for word in argv)
        environment = {**self.environment, **(more or {})}
        if self.warm is not None:
            return self.warm.run(words, cwd, environment, self.state.parent)
        done = subprocess.run(
            [str(SCRIPT), *words],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=200,
            check=False,
        )
        return Ran(words, done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))

    def json(self, *argv: str | Path) -> Any:
        """The JSON document of a command that ends well."""
        return self(*argv, "--json").fine().json()

    def jsonl(self, *argv: str | Path) -> list[Any]:
        """The JSON lines of a command that ends well."""
        return self(*argv, "--json").fine().jsonl()


class Up:
    """``fastbrand up`` on the state directory of ``cli``, from entering (it serves) to leaving (it is gone)."""

    def __init__(self, cli: Cli) -> None:
        self.cli = cli
        self.port = free_port()
        self._log = cli.state.parent / f"{cli.state.name}.up.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Up:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(SCRIPT), "up", "--port", str(self.port)],
                cwd=ROOT,
                env=self.cli.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(lambda: (self.cli.state / "run.json").exists() or self.ended(), self.said)
        assert not self.ended(), self.said()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        code = self.stop(signal.SIGTERM)
        assert code == 0 or error is not None, self.said()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process is not None
        return self.process.pid

    def ended(self) -> bool:
        """Whether the process is gone."""
        return self.process is None or self.process.poll() is not None

    def said(self) -> str:
        """What it printed."""
        return self._log.read_text(encoding="utf-8")

    def stop(self, number: signal.Signals) -> int:
        """Send it a signal, wait for its end, give its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()


def until(true: Callable[[], object], told: Callable[[], object] = str, *, within_s: float = 90.0) -> None:
    """Return when ``true()`` is; fail with what ``told()`` says where it is not within a long time."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, f"did not happen: {told()}"
        time.sleep(0.05)
