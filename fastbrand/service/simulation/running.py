"""The year itself: months on the programme's clock, on a real server, in a state directory of its own."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from fastbrand.domain import clock
from fastbrand.domain.errors import UsageError
from fastbrand.domain.lifecycle import ENDED, OPEN, Track
from fastbrand.service import runs
from fastbrand.service.board import board
from fastbrand.service.facts import live_book
from fastbrand.service.office import Office
from fastbrand.service.sample_profiles import Draw
from fastbrand.service.simulation import invariants
from fastbrand.service.simulation.sellers import Seller, cast, evolve
from fastbrand.service.simulation.staff import PEOPLE, Staff
from fastbrand.service.who import Asker
from fastbrand.store import audit, facts, parties
from fastbrand.store.facts import NewFact

if TYPE_CHECKING:
    from fastbrand.service.demo import Watcher
    from fastbrand.settings import Settings

BEGINS = datetime(2022, 6, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
"""The first day of every simulation."""

MONTH = timedelta(days=30, hours=12)
"""What a month of the clock is taken for, on the average."""

ROUND = timedelta(days=5)
"""Between two rounds of the people, at most: no case waits longer for somebody to look at it."""

_AT_ONCE = 16
_OPEN = 4  # workflows of a party that wait at the same time, about: kept in memory, none is read anew for each step
_PATIENCE_S, _PATIENCE_EACH_S = 90.0, 0.3  # for what does not end by itself, and more the more sellers there are


@dataclass(frozen=True, slots=True)
class Simulation:
    """How a simulation went: what was asked for, the months that were lived, what must hold."""

    parties: int
    months: int
    seed: int
    months_lived: tuple[str, ...]
    stages: dict[str, dict[str, int]]
    moves: dict[str, int]
    invariants: tuple[invariants.Invariant, ...]
    trust_and_bonus: tuple[dict[str, Any], ...]
    board: dict[str, Any]
    refused: int
    elapsed_s: float
    processor_s: float

    def holds(self) -> bool:
        """Whether every invariant does."""
        return all(not each.violations for each in self.invariants)

    def as_json(self) -> dict[str, Any]:
        """``parties, months, seed, months_lived[], stages{track: {stage: n}}, moves{event: n}, invariants[],
        trust_and_bonus[], board{}, refused_commands, elapsed_s, processor_s``; ``programme status`` gives the board."""
        return {
            "parties": self.parties,
            "months": self.months,
            "seed": self.seed,
            "months_lived": list(self.months_lived),
            "stages": self.stages,
            "moves": self.moves,
            "invariants": [each.as_json() for each in self.invariants],
            "trust_and_bonus": list(self.trust_and_bonus),
            "board": self.board,
            "refused_commands": self.refused,
            "elapsed_s": round(self.elapsed_s, 1),
            "processor_s": round(self.processor_s, 1),
        }


def settings_of(base: Settings, state: Path, count: int, month_s: float) -> Settings:
    """Settings for a simulation of ``count`` sellers in ``state``, a new directory: its clock, its people.

    Raises ``UsageError`` where something is in the directory already: a simulation begins from nothing.
    """
    if state.exists() and any(state.iterdir()):
        raise UsageError(f"`{state}` is not empty", hint="name a new directory with `--state DIR`", code="not_empty")
    state.mkdir(parents=True, exist_ok=True)
    people = state / "people.yaml"
    people.write_text(PEOPLE, encoding="utf-8")
    kept = state / clock.CLOCK_FILE
    clock.make_clock(kept, BEGINS, max(2, int(MONTH.total_seconds() / month_s)))
    return base.model_copy(
        update={
            "state": state,
            "people": people,
            "clock": str(kept),
            "schedules": False,
            "actor": "",
            "max_cached_workflows": max(base.max_cached_workflows, _OPEN * count),
            "sticky_timeout_s": 60,  # everything comes due at the same moment: who waits for a worker is not lost
        }
    )


def simulate(office: Office, *, count: int, months: int, seed: int, progress: Watcher) -> Simulation:
    """Live ``months`` months with ``count`` sellers on the settings of ``office``; see ``settings_of``."""
    from fastbrand.supervisor import Supervisor

    started = time.monotonic()
    book = live_book(office)
    sellers = cast(count, seed, book.facts, today=office.now().astimezone(BEGINS.tzinfo).date(), months=months)
    office.answer_within = timedelta(minutes=10)  # thousands are told something at the same moment
    year = _Year(office, sellers, seed, months, progress)
    with Supervisor(office.settings):
        asyncio.run(year.live())
    return Simulation(
        parties=count,
        months=months,
        seed=seed,
        months_lived=tuple(year.lived),
        stages=_stages(office),
        moves=_moves(office),
        invariants=(*invariants.check(office), invariants.lateness(office, year.staff.let_lie)),
        trust_and_bonus=tuple(invariants.trust_and_bonus(office)),
        board=board(office),
        refused=year.staff.refused,
        elapsed_s=time.monotonic() - started,
        processor_s=sum(os.times()[:4]),  # of this process, server and workers
    )


class _Year:
    """The months, one after the other."""

    def __init__(self, office: Office, sellers: Sequence[Seller], seed: int, months: int, progress: Watcher) -> None:
        self._office, self._sellers, self._months, self._progress = office, sellers, months, progress
        self._book = live_book(office)
        self._draw = Draw(seed * 104_729 + 3)
        self._zone = ZoneInfo(self._book.programme.time_zone)
        self.staff = Staff(office, seed + 17, {each.party_id: each for each in sellers})
        self._clock = clock.LeapingClock(Path(office.settings.clock))
        self.lived: list[str] = []

    async def live(self) -> None:
        """Every month, then until the last one is over."""
        # the client leaves a future of its own with an error that it raises as well: asyncio would print a trace for it
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        self._progress.phase("months", self._months)
        for month in range(self._months):
            begins = self._office.now()
            await self._month(month)
            await self._go_on(begins)
            self.lived.append(f"{begins.astimezone(self._zone):%Y-%m}")
            self._progress.done(month + 1)

    async def _month(self, month: int) -> None:
        """Facts come, newcomers apply, upkeep and bonus run, people work, traffic is delivered."""
        evolve(self._sellers, month, self._draw, self._book.facts)
        here = [each for each in self._sellers if each.comes <= month]
        self._record(here, month)
        await self._come_in(here, month)
        await runs.run_upkeep(self._office, who=Asker("robot"))
        await runs.run_bonus(self._office, period=None, who=Asker("robot"))
        await self._settle()  # a command behind thousands of grants would wait for them all
        await self.staff.stand_up(month)
        await self.staff.deliver(month)
        await self._work()

    def _record(self, here: Sequence[Seller], month: int) -> None:
        """This month's facts of everybody, observed now."""
        for start in range(0, len(here), 200):
            part, at = here[start : start + 200], self._office.now()
            with self._office.db.write() as conn:
                parties.register_many(conn, [(each.party_id, Track(each.track)) for each in part], at=at)
                news = [
                    (each.party_id, [NewFact(name, text, at, "simulation") for name, text in each.facts.items()])
                    for each in part
                ]
                facts.record_many(conn, news, key=f"simulation/{month}", at=at)

    async def _come_in(self, here: Sequence[Seller], month: int) -> None:
        """Newcomers apply, whoever was refused tries again after some months, open cases see the newer facts."""
        with self._office.db.read() as conn:
            known = {row.party_id: row for row in parties.by_ids(conn, [each.party_id for each in here])}
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(seller: Seller) -> None:
            stage = known[seller.party_id].stage
            async with gate:
                if stage == "none" or (stage in ENDED and (month - seller.comes) % 4 == 3):
                    await self.staff.apply(seller)
                elif stage in OPEN:
                    await self.staff.tell(seller, month)

        await asyncio.gather(*(one(seller) for seller in here))

    async def _work(self) -> None:
        """A round of the people, until nothing is left for them; the clock does not leap meanwhile."""
        await self._settle()
        while await self.staff.work():
            await self._settle()

    async def _settle(self) -> None:
        """Until nothing happens any more: workflows that were told of something have done what follows from it."""
        count, begun = len(self._sellers), time.monotonic()
        quiet_s, patience_s = 0.2 + count / 2_000, _PATIENCE_S + count * _PATIENCE_EACH_S
        seen = -1
        while (now := self._events()) != seen and time.monotonic() - begun < patience_s:
            seen = now
            await asyncio.sleep(quiet_s)

    def _events(self) -> int:
        with self._office.db.read() as conn:
            return audit.count(conn)

    async def _go_on(self, begins: datetime) -> None:
        """To the first of the next month, leap by leap, with a round of the people after each."""
        local = begins.astimezone(self._zone)
        year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
        first = local.replace(year=year, month=month, day=1, hour=0, minute=0, second=0, microsecond=0)
        while (now := self._office.now()) < first:
            there = self._clock.leap(min(now + ROUND, first))
            while (left := (there - datetime.now(UTC)).total_seconds()) > 0:
                await asyncio.sleep(left)
            await self._work()


def _stages(office: Office) -> dict[str, dict[str, int]]:
    with office.db.read() as conn:
        found = parties.funnel(conn)
    stages: dict[str, dict[str, int]] = {}
    for (track, stage), number in sorted(found.items()):
        stages.setdefault(str(track), {})[str(stage)] = number
    return stages


def _moves(office: Office) -> dict[str, int]:
    """How often parties moved by each event, the most frequent first."""
    with office.db.read() as conn:
        told = Counter(
            event.event for party in parties.list_parties(conn) for event in parties.stage_events(conn, party.party_id)
        )
    return dict(told.most_common())
