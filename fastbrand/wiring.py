"""The one composition root: settings in, an ``Office`` out. Nothing else puts parts together."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastbrand.domain import clock, names
from fastbrand.domain.errors import Unreachable, UsageError
from fastbrand.settings import Settings, load_settings, prepare_state, shipped_book

if TYPE_CHECKING:
    from temporalio.client import Client
    from temporalio.worker import Worker

    from fastbrand.service.office import Office
    from fastbrand.store.database import Database
    from rules.engine import RuleEngine


def settings_for(state: Path | None, book: Path | None = None) -> Settings:
    """Settings for a command. A book other than the shipped one gets a state directory of its own."""
    base = load_settings()
    chosen = (book or base.book).resolve()
    if not chosen.is_dir():  # before a state directory is made for it
        raise UsageError(f"`{chosen}` is not a book directory", hint="name one with `--book DIR` or `FASTBRAND_BOOK`")
    given: dict[str, Path] = {"book": chosen}
    if state is not None:
        given["state"] = state
    elif chosen != shipped_book().resolve():
        given["state"] = base.state / "books" / "-".join(chosen.parts[-3:]).replace("/", "")
    settings = load_settings(**given)
    kept = settings.state / clock.CLOCK_FILE
    if not settings.clock and kept.is_file():  # a simulation's directory goes by the simulation's clock for ever
        return settings.model_copy(update={"clock": str(kept)})
    return settings


@contextmanager
def office(settings: Settings) -> Iterator[Office]:
    """An office on the state directory of ``settings``: migrated, with a released book and open pools."""
    from fastbrand.service.office import Office
    from fastbrand.service.people import load_people
    from fastbrand.store.files import DiskFiles

    people = load_people(settings.people)
    db = open_database(settings)
    engines: list[RuleEngine] = []
    clients: list[Client] = []

    def engine() -> RuleEngine:
        if not engines:
            engines.append(build_engine(settings))
        return engines[0]

    async def connect() -> Client:
        if not clients:
            clients.append(await connect_client(settings))
        return clients[0]

    try:
        files = DiskFiles(settings.files, settings.max_file_mb * 1_000_000)
        yield Office(settings=settings, db=db, people=people, files=files, engine=engine, connect=connect)
    finally:
        for each in engines:
            each.close()
        db.close()


def build_engine(settings: Settings) -> RuleEngine:
    """The rules engine in child processes."""
    from rules.engine import RuleEngine

    return RuleEngine(processes=settings.engine_processes, timeout_s=float(settings.engine_timeout_s))


def open_database(settings: Settings) -> Database:
    """The database of ``settings``: made, migrated and checked; an empty one is given the book and its pools."""
    from fastbrand.service.bootstrap import bootstrap
    from fastbrand.store.database import Database

    clock.use(clock.clock_at(settings.clock))
    prepare_state(settings)
    db = Database(settings.database)
    try:
        db.migrate()
        db.check()
        bootstrap(db, settings.book)
    except BaseException:
        db.close()
        raise
    return db


async def connect_client(settings: Settings) -> Client:
    """A client of the Temporal server: the one of TEMPORAL_ADDRESS, or the one that ``fastbrand up`` runs here."""
    from fastbrand import supervisor

    address = settings.temporal_address
    if not address:
        info = supervisor.running(settings.state)
        if info is None:
            raise Unreachable(
                f"nothing runs for state directory `{settings.state}`",
                hint="start server and worker with `fastbrand up` (in another terminal), or set TEMPORAL_ADDRESS",
            )
        return await connect_address(info.address, settings.temporal_namespace)
    client = await connect_address(address, settings.temporal_namespace)
    await _check_namespace(client, address)
    return client


async def _check_namespace(client: Client, address: str) -> None:
    """A server of yours may lack the namespace, which calls would tell as a workflow that is not there."""
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
    from temporalio.service import RPCError, RPCStatusCode

    from fastbrand.temporal_server import no_namespace

    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise no_namespace(address, client.namespace) from error


async def connect_address(address: str, namespace: str) -> Client:
    """A client of the Temporal server at ``host:port``. Raises ``Unreachable``."""
    import asyncio

    from temporalio.client import Client
    from temporalio.service import RPCError

    from fastbrand import processes
    from fastbrand.payload_converter import DATA_CONVERTER

    processes.settle_at_exit()
    try:
        return await asyncio.wait_for(
            Client.connect(address, namespace=namespace, data_converter=DATA_CONVERTER), timeout=15
        )
    except (RuntimeError, RPCError, TimeoutError, ValueError) as error:
        raise Unreachable(
            f"no Temporal server answers at `{address}`",
            hint="check TEMPORAL_ADDRESS, or unset it and start one with `fastbrand up`",
        ) from error


def configure_logging(settings: Settings) -> None:
    """Structured logs on stderr, one JSON object a line, from the level of the settings on."""
    import logging

    import structlog

    level = getattr(logging, settings.log_level.upper())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    """A running Temporal worker with every workflow and activity; leaving drains it."""
    from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
    from temporalio.worker import Worker, WorkerDeploymentConfig

    from activities.failures import FailureInterceptor
    from activities.heartbeats import HeartbeatInterceptor
    from fastbrand.polling import polling
    from fastbrand.workflow_runner import workflow_runner
    from workflows.registry import WORKFLOWS

    db = open_database(settings)
    engine = build_engine(settings)
    threads = ThreadPoolExecutor(settings.max_activities + settings.max_local_activities, "activity")
    try:
        client = await connect_client(settings)
        running = Worker(
            client,
            task_queue=settings.task_queue,
            workflows=WORKFLOWS,
            workflow_runner=workflow_runner(strict=settings.strict_workflows),
            activities=activity_methods(db, engine),
            activity_executor=threads,
            interceptors=[FailureInterceptor(), HeartbeatInterceptor()],
            max_cached_workflows=settings.max_cached_workflows,
            max_concurrent_workflow_tasks=settings.max_workflow_tasks,
            max_concurrent_activities=settings.max_activities,
            max_concurrent_local_activities=settings.max_local_activities,
            # we have no external storage: with more than one at a time the SDK makes a task for each payload
            max_workflow_task_external_storage_concurrency=1,
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=settings.sticky_timeout_s),
            graceful_shutdown_timeout=timedelta(seconds=settings.graceful_shutdown_s),
            deployment_config=WorkerDeploymentConfig(
                version=WorkerDeploymentVersion(deployment_name=names.DEPLOYMENT, build_id=build_id()),
                use_worker_versioning=True,
                default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
            ),
        )
        async with polling(running, client, build_id()):
            if settings.schedules:
                await _schedule(client, db, settings)
            async with _alarms(client, settings.task_queue):
                yield running
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        engine.close()
        db.close()


@asynccontextmanager
async def _alarms(client: Client, task_queue: str) -> AsyncIterator[None]:
    """While open, workflows are told what the clock shows, where it is one that leaps."""
    import asyncio

    from fastbrand.domain.alarms import ALARMS
    from fastbrand.ringing import keep_ringing

    kept = clock.in_use()
    ringing = None
    if kept.leaps:
        ringing = asyncio.create_task(keep_ringing(client, kept, ALARMS, task_queue=task_queue))
    try:
        yield
    finally:
        if ringing is not None:
            ringing.cancel()


async def _schedule(client: Client, db: Database, settings: Settings) -> None:
    """See to the schedules, in the zone of the programme that is in force."""
    from datetime import UTC, datetime

    from activities.shelf import in_force
    from fastbrand.service import schedules

    with db.read() as conn:
        zone = in_force(conn, clock.in_use().time(datetime.now(UTC))).book.programme.time_zone
    await schedules.ensure(client, task_queue=settings.task_queue, zone=zone)


def activity_methods(db: Database, engine: RuleEngine) -> list[Callable[..., Any]]:
    """Every activity, with its dependencies in it."""
    return [*_of_parties(db, engine), *_of_the_programme(db, engine)]


def _of_parties(db: Database, engine: RuleEngine) -> list[Callable[..., Any]]:
    """What is done for one party: its application, its cases, its standing, its grants."""
    from activities.bonus import BonusActivities
    from activities.cases import CaseActivities
    from activities.parties import PartyActivities
    from activities.screening import ScreeningActivities
    from activities.standing import StandingActivities
    from activities.tranches import TrancheActivities
    from activities.upkeep import UpkeepActivities

    screening = ScreeningActivities(db, engine)
    parties = PartyActivities(db)
    cases = CaseActivities(db)
    bonus = BonusActivities(db, engine)
    tranches = TrancheActivities(db, engine)
    standing = StandingActivities(db, engine)
    upkeep = UpkeepActivities(db, engine)
    return [
        screening.screen,
        screening.rescreen,
        screening.endorse,
        parties.load,
        parties.nominate,
        parties.invite,
        parties.withdraw,
        parties.end_endorsement,
        cases.claim,
        cases.release,
        cases.request_info,
        cases.answer,
        cases.propose,
        cases.confirm,
        cases.return_,
        cases.expire,
        cases.warn,
        cases.breach,
        bonus.reserve,
        bonus.confirm,
        bonus.lapse,
        bonus.void,
        bonus.close,
        tranches.release,
        tranches.expire,
        tranches.look,
        standing.move,
        standing.appeal,
        standing.review,
        standing.renew,
        upkeep.assess,
        upkeep.propose_plan,
        upkeep.settle_plan,
    ]


def _of_the_programme(db: Database, engine: RuleEngine) -> list[Callable[..., Any]]:
    """What is done about everybody at once, or beside the parties: runs, intake, the ledger, providers, rule books."""
    from activities.documents import DocumentActivities
    from activities.intakes import IntakeActivities
    from activities.ledgers import LedgerActivities
    from activities.matching import MatchingActivities
    from activities.releases import ReleaseActivities
    from activities.surveys import SurveyActivities

    surveys = SurveyActivities(db, engine)
    ledgers = LedgerActivities(db)
    intakes = IntakeActivities(db)
    papers = DocumentActivities(db)
    matching = MatchingActivities(db, engine)
    releases = ReleaseActivities(db)
    return [
        surveys.begin,
        surveys.survey,
        surveys.bonuses,
        surveys.close,
        ledgers.reconcile,
        intakes.next,
        intakes.end,
        papers.ended,
        papers.check,
        matching.propose,
        matching.close,
        releases.load,
        releases.approve,
        releases.reinstate,
        releases.cancel,
        releases.activate,
        releases.in_flight,
    ]


def build_id() -> str:
    """What runs: the package's version. A deployment that builds images sets FASTBRAND_BUILD_ID."""
    import os

    return os.environ.get("FASTBRAND_BUILD_ID") or version("fastbrand")
