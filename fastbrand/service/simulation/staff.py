"""The people of a simulation: they decide cases by what they see, two by two, and let some lie.

They go through the same use cases as real people do; nothing is decided past the doors.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fastbrand.domain.errors import FastbrandError
from fastbrand.domain.grant import GrantState, TrancheState
from fastbrand.service import cases, deliveries, facts, grants, standings
from fastbrand.service import parties as service_parties
from fastbrand.service.office import Office
from fastbrand.service.sample_profiles import Draw
from fastbrand.service.simulation.sellers import Seller
from fastbrand.service.who import Asker
from fastbrand.store import grants as grant_rows
from fastbrand.store import parties

PEOPLE = """\
# The people of a simulation: invented.
people:
  intake:  {name: Intake, roles: [staff]}
  ana:     {name: Ana, roles: [staff, reviewer]}
  ben:     {name: Ben, roles: [staff, reviewer]}
  chen:    {name: Chen, roles: [staff, reviewer]}
  dai:     {name: Dai, roles: [staff, reviewer]}
  eva:     {name: Eva, roles: [staff, reviewer]}
  feng:    {name: Feng, roles: [staff, reviewer]}
  gao:     {name: Gao, roles: [finance]}
  hui:     {name: Hui, roles: [finance]}
  robot:   {name: Calendar, roles: [admin]}
"""
PAIRS = (("ana", "ben"), ("chen", "dai"), ("eva", "feng"))
"""Who proposes and who confirms: for an application, for a standing, for an appeal."""
_LET_LIE = 10
"""Percent of the cases that somebody lets lie, for longer than any of them may take."""
_LIES = (15, 27)
"""For so many days, from when a round of the people finds it: from, to."""
_ASKS = (60, 20, 0)
"""Percent of the cases with something unknown in which they ask for it: at first, once more, and then no more."""
_ANSWER = 80
"""Percent of the questions that a merchant answers, within eight days; the others run out."""
_NEVER = datetime.max.replace(tzinfo=UTC)
_AT_ONCE = 8


class Staff:
    """Everybody who works in the programme.

    They make their rounds while the clock stands: what they find they do at once, but for the cases that they let lie.
    So how many cases are late, and which ones, is the scenario's matter and not the machine's.
    """

    def __init__(self, office: Office, seed: int, sellers: Mapping[str, Seller]) -> None:
        self._office, self._seed, self._sellers = office, seed, sellers
        self._taken_up: dict[str, datetime] = {}
        """By case: from when on somebody works at it."""
        self.let_lie: set[str] = set()
        """Cases that somebody let lie."""
        self._done: set[tuple[str, str, str]] = set()
        self.refused = 0
        """Commands that a rule of the business refused: cases move on while people look at them."""

    async def work(self) -> bool:
        """A round: cases, then large grants. Whether there was anything to do."""
        now = self._office.now()
        mine = [each for each in cases.list_cases(self._office, limit=1_000_000) if self._takes_up(each, now)]
        large = grants.list_grants(
            self._office, party_id=None, state=str(GrantState.AWAITING_CONFIRMATION), limit=1_000_000
        )
        large = [each for each in large if self._new("grant", each["grant_id"], "")]
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(work: Awaitable[Any]) -> None:
            async with gate:
                await self._try(work)

        confirmed = (grants.confirm(self._office, each["grant_id"], who=Asker("gao")) for each in large)
        await asyncio.gather(*(one(self._decide(each)) for each in mine), *(one(each) for each in confirmed))
        return bool(mine or large)

    def _takes_up(self, case: Mapping[str, Any], now: datetime) -> bool:
        """Whether somebody does something about a case in this round: once a day in each of its states."""
        case_id, state, asked = case["case_id"], case["state"], f"{case['case_id']}/{case['rounds']}"
        waits_for = asked if state == "info_requested" else case_id
        if waits_for not in self._taken_up:
            draw = self._draw_of(waits_for)
            if state == "info_requested":
                self._taken_up[asked] = now + timedelta(days=draw.below(9)) if draw.chance(_ANSWER) else _NEVER
            elif draw.chance(_LET_LIE):
                self._taken_up[case_id] = now + timedelta(days=draw.between(*_LIES))
                self.let_lie.add(case_id)
            else:
                self._taken_up[case_id] = now
        return now >= self._taken_up[waits_for] and self._new(asked, state, f"{now.date()}")

    def _new(self, what: str, state: str, when: str) -> bool:
        seen = (what, state, when)
        new = seen not in self._done
        self._done.add(seen)
        return new

    def _draw_of(self, what: str) -> Draw:
        """Draws of its own for each thing: what people do does not hang on the order in which things come."""
        return Draw(self._seed * 1_000_003 + zlib.crc32(what.encode()))

    async def apply(self, seller: Seller) -> None:
        """An application on the facts that are stored."""
        await self._try(
            service_parties.apply(
                self._office,
                party_id=seller.party_id,
                track=seller.track,
                facts_file=None,
                with_endorsement=self._draw_of(seller.party_id).chance(50),
                who=Asker("intake"),
            )
        )

    async def tell(self, seller: Seller, month: int) -> None:
        """An open case looks at the month's facts."""
        pair = [f"{name}={text}" for name, text in seller.facts.items() if text is not None and text.isdigit()][:1]
        if not pair:
            return  # nothing is known of it
        await self._try(
            facts.set_facts(
                self._office,
                seller.party_id,
                pair,
                facts_file=None,
                source=f"month {month}",
                observed_at=None,
                who=Asker("intake"),
            )
        )

    async def deliver(self, month: int) -> None:
        """Traffic is spent: a report for each released tranche, some of them twice."""
        with self._office.db.read() as conn:
            held = [each.grant_id for each in grant_rows.list_grants(conn)]
            plans = grant_rows.tranches_of_many(conn, held)
        for grant_id, plan in sorted(plans.items()):
            for tranche in plan:
                if tranche.state is not TrancheState.RELEASED or tranche.consumed:
                    continue
                draw = self._draw_of(f"{grant_id}/{tranche.no}")
                units = tranche.amount * draw.between(40, 100) // 100
                counted = self._office.now().isoformat()
                for _ in range(1 + draw.chance(10) if units else 0):
                    booked = deliveries.consume(
                        self._office,
                        grant_id,
                        tranche=tranche.no,
                        units=units,
                        report_id=f"{month}/{tranche.no}",
                        reported_at=counted,
                        who=Asker("gao"),
                    )
                    await self._try(booked)

    async def _decide(self, case: Mapping[str, Any]) -> None:
        maker, checker = _pair(case)
        state, draw = case["state"], self._draw_of(f"{case['case_id']}/{case['state']}/{case['rounds']}")
        asks = draw.chance(_ASKS[min(case["rounds"], len(_ASKS) - 1)])
        if state in {"open", "claimed"} and case["kind"] == "vetting" and case["unknown"] and asks:
            await cases.request_info(self._office, case["case_id"], [], who=Asker(maker))
            return
        if state == "info_requested":
            await self._answer(case)
            return
        if state in {"open", "claimed"}:
            outcome = "approve" if self._approves(case, draw) else "reject"
            done = await cases.propose(
                self._office, case["case_id"], outcome=outcome, reason_code="judgement", who=Asker(maker)
            )
            state = done["state"]
        if state == "proposed":
            await cases.confirm(self._office, case["case_id"], who=Asker(checker))

    def _approves(self, case: Mapping[str, Any], draw: Draw) -> bool:
        """People are kind to those who are good on the whole, and not to cheats."""
        facts = self._sellers[case["party_id"]].facts
        if (facts.get("counterfeit_confirmed_90d") or "0") != "0" or facts.get("owns_brand") == "false":
            return False
        return float(facts.get("experience_score") or 0) >= 60 and draw.chance(75)

    async def _answer(self, case: Mapping[str, Any]) -> None:
        """The merchant sends what was missing, where it has it."""
        facts = self._sellers[case["party_id"]].facts
        wanted = sorted({fact for each in case["unknown"] for fact in each["facts"]})
        given = [f"{name}={facts[name]}" for name in wanted if facts.get(name) is not None]
        await cases.answer(self._office, case["case_id"], given, facts_file=None, who=Asker("intake"))

    async def stand_up(self, month: int) -> None:
        """Some appeal, some promise to mend."""
        with self._office.db.read() as conn:
            everybody = parties.list_parties(conn)
        for party in everybody:
            stage, draw = str(party.stage), self._draw_of(f"{party.party_id}/{month}")
            if stage in {"rejected", "suspended", "revoked", "terminated"} and draw.chance(10):
                who = Asker("intake", reason="it was not so")
                await self._try(standings.appeal(self._office, party_id=party.party_id, who=who))
            elif stage in {"watch", "demoted"} and draw.chance(15):
                await self._try(self._plan(party.party_id))

    async def _plan(self, party_id: str) -> None:
        due = (self._office.now() + timedelta(days=45)).isoformat()
        await standings.propose_plan(
            self._office, party_id=party_id, measures="a second courier", due=due, who=Asker("ana")
        )
        await standings.settle_plan(self._office, party_id=party_id, accept=True, who=Asker("ben"))

    async def _try(self, work: Any) -> None:
        try:
            await work
        except FastbrandError as error:
            if error.exit_code != 3:
                raise
            self.refused += 1


def _pair(case: Mapping[str, Any]) -> tuple[str, str]:
    """Who decides a case of its kind; of an appeal, the first pair that had no part in what it is about."""
    first = {"vetting": 0, "standing": 1, "appeal": 2}[case["kind"]]
    pairs = [PAIRS[first], *(pair for pair in PAIRS if pair is not PAIRS[first])]
    return next((pair for pair in pairs if not set(pair) & set(case["excluded"])), PAIRS[first])
