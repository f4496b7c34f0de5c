"""Runs the official Temporal dev server as a child on loopback, and asks any Temporal server whether it is ready.

The server keeps its state in a SQLite file, dies with this process, and comes up again on the same port and file.
Temporal's client library is imported only where a server is asked.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastbrand import processes
from fastbrand.domain import names
from fastbrand.domain.errors import Unreachable, UsageError
from fastbrand.temporal_binary import Tell, find_or_get, run_apart, to_stderr

if TYPE_CHECKING:
    from temporalio.client import Client

SEARCH_ATTRIBUTES: dict[str, str] = {
    names.SA_PARTY_KIND: "Keyword",
    names.SA_STAGE: "Keyword",
    names.SA_AWAITING_ROLE: "Keyword",
    names.SA_ASSIGNEE: "Keyword",
    names.SA_SLA_DUE_AT: "Datetime",
    names.SA_NEXT_TRANCHE_AT: "Datetime",
    names.SA_SLA_BREACHED: "Bool",
}
"""Our search attributes and their types, as Temporal's command line names types."""

PROMPT_TIMERS = ("--dynamic-config-value", 'history.timerProcessorMaxTimeShift="10ms"')
"""Options of a dev server whose short timers fire when they are over.

As it is configured otherwise, a server takes no timer that is over within a second before that second is: it allows for
clocks of several machines that differ so much. Every command of a person waits for a timer of a millisecond.
"""

HOST = "127.0.0.1"
USUAL_PORT = 7233
_START_S_MAX = 60.0
_PORT_TRIES = 3
_LET_GO_S_MAX = 1.0


class DevServer:
    """One dev server process. ``start`` makes it, ``restart`` brings it up again on the same port and file.

    ``address`` is ``host:port``; ``ui`` is the URL of its web pages, empty without them; ``pid`` changes on restart.
    """

    def __init__(
        self, program: Path, database: Path, log: Path, *, port: int, ui_port: int | None, namespace: str
    ) -> None:
        self._program, self._database, self._log, self._namespace = program, database, log, namespace
        self.port = port
        self.ui_port = ui_port
        self._log_since = 0
        self._process = self._spawn()

    @classmethod
    def start(
        cls,
        *,
        database: Path,
        log: Path,
        port: int = 0,
        ui_port: int = 0,
        ui: bool = True,
        namespace: str = names.NAMESPACE,
        tell: Tell = to_stderr,
    ) -> DevServer:
        """Get the program where needed, start it, and return when it serves ``namespace`` and our search attributes.

        ``port`` and ``ui_port`` 0: 7233 and 8233 where free, else free ones. The directory of ``database`` and ``log``
        must exist. Raises ``UsageError`` where a port asked for is busy, ``Unreachable`` where no server comes up.
        """
        program = find_or_get(tell=tell)
        for name, asked in (("port", port), ("UI port", ui_port if ui else 0)):
            if asked and not _becomes_free(asked):
                raise busy_port(asked, name)
        tries = 1 if port and (ui_port or not ui) else _PORT_TRIES
        for left in reversed(range(tries)):
            chosen = port or _usual_or_free(USUAL_PORT)
            chosen_ui = (ui_port or _usual_or_free(chosen + 1000, but=(chosen,))) if ui else None
            server = cls(program, database, log, port=chosen, ui_port=chosen_ui, namespace=namespace)
            try:
                server.wait_until_ready()
            except BaseException as error:
                may_have_lost_a_race = isinstance(error, Unreachable) and server.ended()
                server.kill()
                if may_have_lost_a_race and left:
                    continue  # somebody may have taken the port that we found free
                raise
            return server
        raise AssertionError("the last try returns or raises")

    @property
    def address(self) -> str:
        """``host:port`` of the server's gRPC frontend."""
        return f"{HOST}:{self.port}"

    @property
    def ui(self) -> str:
        """URL of the server's web pages, empty where they are off."""
        return f"http://{HOST}:{self.ui_port}" if self.ui_port else ""

    @property
    def pid(self) -> int:
        """Process id of the running (or last) server process."""
        return self._process.pid

    def ended(self) -> bool:
        """Whether the process has ended."""
        return processes.ended(self._process)

    def restart(self) -> None:
        """Start the server again on the same port and file, without waiting until it is ready."""
        self.kill()
        self._process = self._spawn()

    def wait_until_ready(self, *, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Return when the server serves the namespace with our search attributes, or ``cancelled`` says True.

        Raises ``Unreachable``, with the last lines of its log, where it ends or is not ready within a minute.
        """
        deadline = time.monotonic() + _START_S_MAX
        while not _listens(self.pid, self.port):
            if cancelled():
                return
            if self.ended() or time.monotonic() > deadline:
                raise self._not_up()
            time.sleep(0.02)
        left_s = max(1.0, deadline - time.monotonic())
        run_apart(lambda: connect_when_ready(self.address, self._namespace, within_s=left_s, prepare=True))

    def stop(self, *, grace_s: float = 10.0, hurry: Callable[[], bool] = lambda: False) -> None:
        """Ask the server to end, wait up to ``grace_s`` seconds, then kill it. Nothing of it is left afterwards."""
        processes.stop(self._process, grace_s=grace_s, hurry=hurry)

    def kill(self) -> None:
        """Kill the server at once; its state is in its file."""
        processes.kill(self._process)

    def last_words(self) -> str:
        """The last lines of the server's log, since its last start."""
        return processes.tail(self._log, since=self._log_since)

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._log_since = processes.turn_over(self._log)
        ours = ("--db-filename", str(self._database), "--log-level", "warn")
        pragmas = ("--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal")
        attributes = (f"--search-attribute={name}={kind}" for name, kind in SEARCH_ATTRIBUTES.items())
        pages = ("--headless",) if self.ui_port is None else ("--ui-port", str(self.ui_port))
        place = ("--ip", HOST, "--port", str(self.port), "--namespace", self._namespace)
        # settings of Temporal's clients must not reach the server
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
        argv = [str(self._program), "server", "start-dev", *place, *pages, *ours, *pragmas, *PROMPT_TIMERS, *attributes]
        return processes.spawn(argv, log=self._log, environment=environment)

    def _not_up(self) -> Unreachable:
        said = processes.tail(self._log, since=self._log_since, lines=1000)
        told = re.findall(r'level=ERROR msg="(.*)"|^(panic: .*)', said, re.MULTILINE)
        why = "".join(told[-1]) if told else (said.splitlines() or ["it said nothing"])[-1]
        return Unreachable(
            f"the Temporal server did not come up on port {self.port}: {why}",
            hint=f"its log is `{self._log}`; set FASTBRAND_TEMPORAL_PORT where the port is the trouble",
            code="temporal_server",
        )


def busy_port(port: int, name: str = "port") -> UsageError:
    """The error for a port that was asked for by number and is taken."""
    option = "FASTBRAND_TEMPORAL_UI_PORT" if name == "UI port" else "--port` or `FASTBRAND_TEMPORAL_PORT"
    return UsageError(
        f"{name} `{port}` is busy: another program listens there",
        hint=f"choose another with `{option}`, leave it out for a free one, or stop that program",
        code="busy_port",
    )


def port_is_free(port: int) -> bool:
    """Whether a program could listen on ``port`` of loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _becomes_free(port: int) -> bool:
    """Whether ``port`` is free within a second: who was killed keeps it until the last of its threads is gone."""
    deadline = time.monotonic() + _LET_GO_S_MAX
    while not port_is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def free_port(*, but: Iterable[int] = ()) -> int:
    """A port of loopback on which nobody listens now, none of ``but``."""
    taken = set(but)
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port


def _usual_or_free(usual: int, *, but: Iterable[int] = ()) -> int:
    return usual if usual < 65536 and port_is_free(usual) else free_port(but=but)


def _listens(pid: int, port: int) -> bool:
    """Whether process ``pid`` itself listens on ``port`` (where /proc cannot tell: whether anybody does)."""
    try:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        inodes = {row[9] for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port}
        files = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return not Path("/proc/net/tcp").exists() and not port_is_free(port)
    return any(_target(file) in {f"socket:[{inode}]" for inode in inodes} for file in files)


def _target(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


async def connect_when_ready(address: str, namespace: str, *, within_s: float = 10.0, prepare: bool = False) -> None:
    """Return when the server at ``address`` serves ``namespace``; with ``prepare``, our search attributes too.

    Raises ``Unreachable`` where nobody answers within ``within_s`` seconds, ``UsageError`` for an unknown namespace.
    """
    from temporalio.client import Client
    from temporalio.service import RPCError, RPCStatusCode

    processes.settle_at_exit()
    deadline = time.monotonic() + within_s
    while True:
        last = time.monotonic() > deadline
        try:
            client = await asyncio.wait_for(Client.connect(address, namespace=namespace), timeout=within_s + 1)
            await _describe(client)
            if prepare:
                await ensure_search_attributes(client)
            return
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and last:
                raise no_namespace(address, namespace) from error
            failure: Exception = error
        except (RuntimeError, TimeoutError) as error:
            failure = error
        if last:
            raise Unreachable(
                f"no Temporal server answers at `{address}`",
                hint="start it, mend TEMPORAL_ADDRESS, or unset TEMPORAL_ADDRESS to run a server of our own",
                code="temporal_unreachable",
            ) from failure
        await asyncio.sleep(0.05)


def no_namespace(address: str, namespace: str) -> UsageError:
    """The error for a namespace that the server does not have."""
    return UsageError(
        f"the Temporal server at `{address}` has no namespace `{namespace}`",
        hint="create it there, or set TEMPORAL_NAMESPACE to one that it has",
        code="temporal_namespace",
    )


async def _describe(client: Client) -> None:
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

    await client.service_client.check_health(timeout=timedelta(seconds=5))
    request = DescribeNamespaceRequest(namespace=client.namespace)
    await client.workflow_service.describe_namespace(request, timeout=timedelta(seconds=5))


async def ensure_search_attributes(client: Client) -> list[str]:
    """Register those of our search attributes that the namespace of ``client`` lacks; return their names.

    Raises ``UsageError`` where one is there with another type, or where this client may not register them.
    """
    from temporalio.api.enums.v1 import IndexedValueType
    from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
    from temporalio.service import RPCError, RPCStatusCode

    wanted = {name: _indexed(kind) for name, kind in SEARCH_ATTRIBUTES.items()}
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    there = {**listed.custom_attributes, **listed.system_attributes}
    for name, kind in wanted.items():
        if there.get(name, kind) != kind:
            raise UsageError(
                f"search attribute `{name}` of namespace `{client.namespace}` has type"
                f" {IndexedValueType.Name(there[name])}, not {SEARCH_ATTRIBUTES[name]}",
                hint="use a namespace of its own: set TEMPORAL_NAMESPACE",
                code="search_attribute",
            )
    missing = {name: kind for name, kind in wanted.items() if name not in there}
    if missing:
        request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        try:
            await client.operator_service.add_search_attributes(request)
        except RPCError as error:
            if error.status is not RPCStatusCode.ALREADY_EXISTS:
                flags = " ".join(f"--name {name} --type {SEARCH_ATTRIBUTES[name]}" for name in missing)
                raise UsageError(
                    f"search attributes cannot be registered in namespace `{client.namespace}`: {error.message}",
                    hint=f"let somebody who may run `temporal operator search-attribute create {flags}`",
                    code="search_attribute",
                ) from error
    return sorted(missing)


def _indexed(kind: str) -> Any:
    """Temporal's enum value of a type as the command line names it: ``Keyword`` -> ``INDEXED_VALUE_TYPE_KEYWORD``."""
    from temporalio.api.enums.v1 import IndexedValueType

    return IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{kind.upper()}")
