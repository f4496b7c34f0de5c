"""What an installation can be told, by environment or by the caller: where things are kept, how long things may take.

Every setting is read once, by ``load_settings``, and handed down by value: no room below ``wiring`` reads them.
Importing this module costs what importing pydantic costs: a door imports it when a command needs it.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from fastbrand.domain import names
from fastbrand.domain.errors import UsageError

PREFIX = "FASTBRAND_"
_PACKAGE = Path(__file__).resolve().parent


def shipped_book() -> Path:
    """The book directory that comes with the product: ``book`` beside the ``rules`` package, in a clone or a wheel."""
    spec = importlib.util.find_spec("rules")
    if spec is None or not spec.submodule_search_locations:
        raise UsageError("the package `rules` is not installed", hint="run `make setup`, or install fastbrand again")
    return Path(next(iter(spec.submodule_search_locations))).resolve() / "book"


def default_people() -> Path:
    """``people.yaml`` of the working directory, else the one that comes with the product (clone or wheel)."""
    for place in (Path("people.yaml").resolve(), _PACKAGE / "people.yaml"):
        if place.is_file():
            return place
    return _PACKAGE.parent / "people.yaml"


class Settings(BaseSettings):
    """Settings of one process. Names in the environment: ``FASTBRAND_`` and the field's name in capitals, and
    ``TEMPORAL_ADDRESS``, ``TEMPORAL_NAMESPACE`` as Temporal's own tools have them. Paths become absolute.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", populate_by_name=True, env_ignore_empty=True
    )

    state: Path = Path("var")
    """Directory for everything this installation keeps: databases, logs, who runs. One supervisor a directory."""

    database_url: str = Field(default="", repr=False)
    """SQLAlchemy URL of the ledger, audit and parties; empty means ``fastbrand.db`` (SQLite) in the state directory."""

    book: Path = Field(default_factory=shipped_book)
    """Book directory, complete in itself: facts, programme and rule books."""

    people: Path = Field(default_factory=default_people)
    """File that names who may act, and in which roles."""

    actor: str = ""
    """Who acts where the command line does not say (``--as``); empty means the development identity of ``people``."""

    temporal_address: str = Field(default="", validation_alias=AliasChoices("TEMPORAL_ADDRESS", "temporal_address"))
    """``host:port`` of a Temporal cluster of yours; empty means that we get and run the dev server ourselves."""

    temporal_namespace: str = Field(
        default=names.NAMESPACE, min_length=1, validation_alias=AliasChoices("TEMPORAL_NAMESPACE", "temporal_namespace")
    )
    """Temporal namespace, which must exist on a cluster of yours."""

    temporal_port: int = Field(default=0, ge=0, le=65535)
    """Port of our own dev server; 0 means 7233 where it is free, else any free port."""

    temporal_ui_port: int = Field(default=0, ge=0, le=65535)
    """Port of the dev server's web pages; 0 means its own port plus 1000 where that is free, else any free port."""

    temporal_ui: bool = True
    """Whether our own dev server shows its web pages."""

    task_queue: str = Field(default=names.TASK_QUEUE, min_length=1)
    """Task queue on which workers and clients meet."""

    workers: int = Field(default=1, ge=1, le=64)
    """Worker processes that ``fastbrand up`` and ``fastbrand demo`` keep running."""

    workflow_task_timeout_s: int = Field(default=10, ge=1, le=120)
    """Seconds after which the server gives a workflow task of a dead worker to another one."""

    sticky_timeout_s: int = Field(default=5, ge=1, le=120)
    """Seconds for which a workflow task waits for the worker that has the workflow in its cache."""

    graceful_shutdown_s: int = Field(default=20, ge=1, le=600)
    """Seconds that a worker asked to stop may take to finish the activities it has begun."""

    worker_ready_s: int = Field(default=60, ge=1, le=600)
    """Seconds that a worker process may take from its start until it polls."""

    max_cached_workflows: int = Field(default=1000, ge=1)
    """Workflows that a worker keeps in memory."""

    max_workflow_tasks: int = Field(default=32, ge=2)
    """Workflow tasks that a worker runs at once (Temporal asks for at least 2)."""

    max_activities: int = Field(default=16, ge=1)
    """Server activities that a worker runs at once; as many threads."""

    max_local_activities: int = Field(default=32, ge=1)
    """Local activities that a worker runs at once; they share the threads of server activities."""

    strict_workflows: bool = False
    """Whether every workflow has its modules to itself and is refused clocks, chance and files: slower, for tests."""

    engine_processes: int = Field(default=1, ge=1, le=64)
    """Child processes of a worker that evaluate rules."""

    engine_timeout_s: int = Field(default=10, ge=1, le=600)
    """Seconds that the evaluation of one batch of records may take before its process is thrown away."""

    schedules: bool = True
    """Whether a worker that starts sees to the schedules of documents, upkeep, bonus and reconciliation."""

    max_file_mb: int = Field(default=20, ge=1, le=2_000)
    """Largest file of a document that is taken in, in megabytes (1,000,000 bytes)."""

    clock: str = ""
    """File of the clock of a simulation, as `fastbrand simulate` keeps it; empty is the real clock."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least level that workers log."""

    @field_validator("state", "book", "people")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        """Children may run elsewhere: a path means the same to all of them."""
        return path.expanduser().resolve()

    @field_validator("temporal_address")
    @classmethod
    def _host_and_port(cls, address: str) -> str:
        host, colon, port = address.rpartition(":")
        if address and not (colon and host and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError("is not `host:port`")
        return address

    @property
    def database(self) -> str:
        """SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{self.state / 'fastbrand.db'}"

    @property
    def files(self) -> Path:
        """Directory of the files of documents, by their sha256."""
        return self.state / "files"

    @property
    def logs(self) -> Path:
        """Directory of the logs of server and workers."""
        return self.state / "logs"

    def environment(self) -> dict[str, str]:
        """These settings as environment variables: a child that reads them has the same settings."""
        return {variable(name): _text(value) for name, value in self.model_dump().items()}


def variable(name: str) -> str:
    """The environment variable of the setting ``name``: ``state`` -> ``FASTBRAND_STATE``."""
    if name in ("temporal_address", "temporal_namespace"):
        return name.upper()
    return PREFIX + name.upper()


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def load_settings(**given: Any) -> Settings:
    """Settings from the environment; ``given`` wins, where it is not None.

    Raises ``UsageError`` that names the variable, its value and what it takes.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = variable(str(first["loc"][0]).lower())
        said = first["msg"].removeprefix("Value error, ")
        raise UsageError(
            f"`{name}` cannot be `{first['input']}`: {said[:1].lower()}{said[1:]}",
            hint=f"mend `{name}` in the environment, or the option that sets it",
            code="settings",
        ) from error


def prepare_state(settings: Settings) -> Path:
    """Make the state directory and its ``logs``, check that it can be written, and return it.

    Raises ``UsageError`` where it cannot be made or written.
    """
    try:
        settings.logs.mkdir(parents=True, exist_ok=True)
        probe = settings.state / f".write-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"`{settings.state}` cannot be written: {(error.strerror or str(error)).lower()}",
            hint="choose another directory with `--state DIR` or `FASTBRAND_STATE`",
            code="state_directory",
        ) from error
    return settings.state


def prepare_to_run(settings: Settings) -> Path:
    """As ``prepare_state``, where something will run: a database that cannot be written is an error now, not later.

    Asked, not tried: to close a second handle of an open SQLite file would give up the locks of the first.
    """
    state = prepare_state(settings)
    for path in sorted(state.glob("*.db*")):
        if not path.is_file() or not os.access(path, os.R_OK | os.W_OK):
            why = "permission denied" if path.is_file() else "it is not a file"
            raise UsageError(
                f"`{path}` cannot be written: {why}",
                hint="mend its permissions, or choose another directory with `--state DIR`",
                code="state_directory",
            )
    return state
