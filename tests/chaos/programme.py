"""One scenario through every workflow: parties come in, are judged, stand, fall and come back, under two books.

In the first book nothing runs out by itself: people, runs over everybody and the ledger move what moves. Under the
second, which two people bring into force on the way, what nobody does in time runs out. What happens to each party is a
story of its own; stories run side by side, and an act ends when all of its stories have.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from fastbrand.service import cases, clawing, deliveries, grants, pools, rulebooks, runs, standings
from fastbrand.service.office import Office
from fastbrand.store import audit, decisions
from tests.chaos.cast import Cast
from tests.chaos.chain import Standing, standing
from tests.chaos.coming_in import STORIES
from tests.workflows.given import AMOUNT, FAST_BRAND, UNREMARKABLE, Facts, without
from tests.workflows.variants import BONUS, KEPT, PROGRAMME, REVIEW, Edits
from tests.workflows.variants import BRAND as BRAND_FILE
from workflows.document_watch import DocumentWatch
from workflows.ledger_reconcile import LedgerReconcile
from workflows.messages import RunInput, WatchInput
from workflows.reassessment import Reassessment

PATIENT: Edits = {
    **KEPT,
    PROGRAMME: {**KEPT[PROGRAMME], "pools/brand/budget": AMOUNT},
    BRAND_FILE: {"in_flight": "reevaluate"},
}
"""Nothing runs out by itself; the brands' pool holds one grant: with two in its line, who is first would be chance."""

HASTY: Edits = {
    PROGRAMME: {
        "version": "2022.3",
        "review/rfi_deadline": "1 second",
        "standing/suspension": "1 second",
        "endorsement/term": "4 seconds",
        "endorsement/renewal": "2 seconds",
    },
    REVIEW: {"version": "2022.3", "rows/3/then/sla": "1 second"},
    BONUS: {
        "version": "2022.3",
        "tranches/1/after": "0.3 seconds",
        "tranches/2/after": "0.6 seconds",
        "expires_after": "1 second",
    },
    BRAND_FILE: {"version": "2022.3", "criteria/trust.reviews/require/review_score/at_least": "3.5"},
    "fast-brand.maintenance.yaml": {"version": "2022.3", "outcomes/1/when/streak/at_least": 1},
}
"""What nobody does in time runs out, a month in limit suspends, and brands need not be as loved."""

UNWANTED: Edits = {BRAND_FILE: {"version": "2022.4"}}
"""A book that is released and taken back."""

IN_LIMIT: Facts = {"experience_score": "55.0"}
MENDED: Facts = {"experience_score": "90.0"}
WARNING: Facts = {"experience_score": "70.0"}
COUNTERFEIT: Facts = {"counterfeit_confirmed_90d": "1"}

FIRST, SECOND, THIRD, LONG_AGO = "2030-01", "2030-02", "2030-03", "2022-06"
"""Months of runs over everybody."""


async def perform(cast: Cast, hasty: Path, unwanted: Path) -> None:
    """All acts, with the directories of the book that comes into force and of the one that does not."""
    await asyncio.gather(*(story(cast) for story in STORIES))
    await _standing(cast)
    await _money(cast)
    await _change_of_book(cast, hasty, unwanted)
    await _running_out(cast)
    await _closing(cast)


# --- standing -------------------------------------------------------------------------------------------------------


async def _standing(cast: Cast) -> None:
    """Two months of upkeep, and what people do about standings."""
    await asyncio.gather(
        *(cast.learn(party, IN_LIMIT) for party in ("slipping", "planner", "demoted")),
        cast.learn("cheat", COUNTERFEIT),
        cast.learn("warned", WARNING),
    )
    await _upkeep(cast, FIRST)
    await asyncio.gather(
        *(cast.until_stage(party, "watch") for party in ("slipping", "planner", "demoted")),
        cast.until_stage("cheat", "revoked"),
        cast.until(lambda: cast.seen("warned", FIRST), "warned"),
    )
    await asyncio.gather(cast.learn("slipping", MENDED, 2), _plan(cast), _reviewed(cast), _ended(cast))
    await _upkeep(cast, SECOND)
    await asyncio.gather(
        cast.until_stage("slipping", "endorsed"),
        cast.until_stage("demoted", "demoted"),
        cast.until(lambda: cast.seen("planner", SECOND), "the planner is seen"),
    )


async def _upkeep(cast: Cast, period: str) -> None:
    key = f"upkeep/{period}"
    await cast.run(Reassessment.run, RunInput(period=period, key=key), workflow_id=f"reassessment/{period}")


async def _plan(cast: Cast) -> None:
    """One undertakes to mend, another accepts it."""
    office, due = cast.office, (cast.office.now() + timedelta(minutes=50)).isoformat()
    await cast.say(
        lambda who: standings.propose_plan(office, party_id="planner", measures="a second courier", due=due, who=who),
        "lan",
        "planner/plan",
    )
    await cast.say(
        lambda who: standings.settle_plan(office, party_id="planner", accept=True, who=who), "qiang", "planner/settle"
    )


async def _reviewed(cast: Cast) -> None:
    """A review that finds nothing."""
    await _review(cast, "reviewed")
    await cast.decide("reviewed", "approve", "lan", "qiang")


async def _ended(cast: Cast) -> None:
    """A review that ends a standing, and an appeal that gives it back."""
    await _review(cast, "ended")
    await cast.decide("ended", "reject", "lan", "qiang", code="counterfeit")
    await cast.until_stage("ended", "revoked")
    await cast.appeal("ended")
    await cast.until_case("ended", kind="appeal", state="open")
    await cast.decide("ended", "approve", "xin", "tao")
    await cast.until_stage("ended", "endorsed")


async def _review(cast: Cast, party: str) -> None:
    await cast.say(
        lambda who: standings.review(cast.office, party_id=party, who=who), "mei", f"{party}/review", "complaints"
    )
    await cast.until_case(party, kind="standing", state="open")


# --- money ----------------------------------------------------------------------------------------------------------


async def _money(cast: Cast) -> None:
    """Reports, a clawback by two, a period's grants, a dry pool that two top up, a period that was over long ago."""
    await _spent(cast)
    await _bonus(cast, SECOND)
    await cast.until(lambda: cast.grant_of(f"brand/{SECOND}").get("state") == "waiting", "the brand waits in line")
    await _confirm(cast, f"large/{SECOND}")
    # which of its grants pays what the spender owes would else be chance
    await cast.until(lambda: cast.grant_of(f"spender/{SECOND}"), "the spender's debt is paid")
    await _bonus(cast, LONG_AGO)
    await cast.until(lambda: cast.grant_of(f"brand/{LONG_AGO}").get("state") == "lapsed", "the brand came too late")
    await _confirm(cast, f"large/{LONG_AGO}")
    office = cast.office
    more = await cast.say(
        lambda who: pools.propose_top_up(office, "brand", 20 * AMOUNT, who=who), "jun", "top-up/propose", "dry"
    )
    await cast.say(lambda who: pools.confirm_top_up(office, more["top_up_id"], who=who), "ping", "top-up/confirm")
    await _settled(cast)


async def _spent(cast: Cast) -> None:
    """Traffic is spent and told twice; a clawback leaves a debt, which the next grant pays."""
    office, grant = cast.office, str(cast.grant("spender")["grant_id"])
    for number in (1, 2):
        await cast.say(
            lambda who: deliveries.consume(
                office, grant, tranche=1, units=1_001, report_id="r1", reported_at=None, who=who
            ),
            "jun",
            f"spender/report/{number}",
        )
    taken = await cast.say(
        lambda who: clawing.propose(office, grant, "counterfeit", who=who), "jun", "spender/clawback", "bought orders"
    )
    await cast.say(lambda who: clawing.confirm(office, taken["clawback_id"], who=who), "ping", "spender/clawback/yes")


async def _bonus(cast: Cast, period: str) -> None:
    await cast.say(lambda who: runs.run_bonus(cast.office, period=period, who=who), "jun", f"bonus/{period}")


async def _confirm(cast: Cast, grant: str) -> None:
    """A person of finance confirms a grant above the limit."""
    await cast.until(lambda: cast.grant_of(grant).get("state") == "awaiting_confirmation", f"`{grant}` above the limit")
    await cast.say(lambda who: grants.confirm(cast.office, grant, who=who), "jun", f"{grant}/confirm")


async def _settled(cast: Cast) -> None:
    """Wait until no grant waits for anything but its dates."""

    def so() -> bool:
        held = grants.list_grants(cast.office, party_id=None, state=None, limit=1000)
        moving = {"waiting", "awaiting_confirmation"}
        plans = [[each["state"] for each in grant["tranches"]] for grant in held if grant["state"] == "reserved"]
        return not any(grant["state"] in moving for grant in held) and all("planned" not in plan[:2] for plan in plans)

    await cast.until(so, "grants are settled")


# --- under the second book ------------------------------------------------------------------------------------------


async def _change_of_book(cast: Cast, hasty: Path, unwanted: Path) -> None:
    """One is released and taken back, another approved; a brand that waited is decided anew."""
    office = cast.office
    other = await _release(cast, unwanted)
    await cast.say(lambda who: rulebooks.cancel(office, other, who=who), "yu", "book/cancel", "a mistake")
    new = await _release(cast, hasty)
    await cast.say(lambda who: rulebooks.approve(office, new, who=who), "ning", "book/approve")
    await cast.ended(rulebooks.workflow_of(rulebooks.find(office, new)))
    await cast.until_stage("unloved", "active")


async def _release(cast: Cast, book: Path) -> str:
    """Somebody puts a book up; its sha256."""
    put_up = await cast.say(
        lambda who: rulebooks.release(cast.office, book, effective=None, acknowledge="tried here", who=who),
        "yu",
        f"book/release/{book.name}",
        "too strict",
    )
    return str(put_up["sha256"])


async def _running_out(cast: Cast) -> None:
    """What nobody does in time."""
    await asyncio.gather(_silent(cast), _late(cast), _renewed(cast), cast.learn("reviewed", IN_LIMIT, 2))
    await _upkeep(cast, THIRD)
    for party in ("reviewed", "demoted"):
        await cast.until_stage(party, "revoked")
    await _bonus(cast, THIRD)
    await cast.until(lambda: cast.grant_of(f"large/{THIRD}").get("state") == "voided", "not confirmed in time")
    await cast.until(lambda: not _open_of(cast, THIRD), "the month's grants are expired and closed")
    await _settled(cast)


def _open_of(cast: Cast, period: str) -> list[str]:
    """The grants of ``period`` with which something is still to happen."""
    held = grants.list_grants(cast.office, party_id=None, state=None, limit=1000)
    over = {"closed", "voided", "lapsed"}
    return [each["grant_id"] for each in held if each["period"] == period and each["state"] not in over]


async def _silent(cast: Cast) -> None:
    """Asked, and never heard of again."""
    await cast.apply("silent", without(FAST_BRAND, "sourcing"))
    await cast.until_case("silent", state="open")
    case = cast.case("silent")["case_id"]
    await cast.say(lambda who: cases.request_info(cast.office, case, [], who=who), "lan", f"{case}/ask")
    await cast.until_stage("silent", "expired")


async def _late(cast: Cast) -> None:
    """A case that nobody takes: warned of, then late."""
    await cast.apply("late", {**FAST_BRAND, **UNREMARKABLE})
    await cast.until(lambda: cast.case("late").get("sla_breached"), "the case is late")


async def _renewed(cast: Cast) -> None:
    """Renewed until it is no longer fit, then the term ends."""
    await cast.apply("renewed", FAST_BRAND)
    await cast.until_grant("renewed", "closed")
    await cast.until(lambda: cast.told("renewed", "endorsement:renewed"), "asked for another term")
    await cast.learn("renewed", {"owns_brand": "false"})
    await cast.until_stage("renewed", "expired")


async def _closing(cast: Cast) -> None:
    """Back to the first book; the nightly looks at the ledger and at documents."""
    office = cast.office
    first = rulebooks.list_books(office)[-1]["sha256"]
    await cast.say(lambda who: rulebooks.rollback(office, first, who=who), "ning", "book/rollback", "too hasty")
    await cast.ended(rulebooks.workflow_of(rulebooks.find(office, first)))
    await cast.run(LedgerReconcile.run, workflow_id="reconcile/chaos")
    seen = cast.told("papers", "case:rescreened")
    await cast.run(DocumentWatch.run, WatchInput(key="documents/chaos"), workflow_id="documents/chaos")
    await cast.until(lambda: cast.told("papers", "case:rescreened") > seen, "the ended paper is looked at")


_TIMED = ("renewed", "brand")
"""Parties of which time says how often they are decided about."""


def end(office: Office) -> Standing:
    """How everything stands at the end of the programme: equal for two performances, whatever died on the way.

    How often a term of seconds is renewed until somebody reports what ends it, and how often a grant in line looks
    whether there is room, depends on time: once counts, and so it does for the decisions about these two.
    """
    with office.db.read() as conn:
        events = [*audit.list_events(conn)]
        timed = {row.decision_id: party for party in _TIMED for row in decisions.for_party(conn, party)}
    told: Counter[tuple[str, str]] = Counter()
    for event in events:
        kind, subject = event["subject"]["kind"], event["subject"]["id"]
        if kind == "decision":  # its id hangs on the time
            subject = timed.get(subject, "others")
        told[event["verb"], f"{kind}/{subject}"] += 1
    for verb, subject in [*told]:
        if subject.removeprefix("decision/") in _TIMED or verb in {"endorsement:renewed", "grant:waiting"}:
            told[verb, subject] = 1
    return replace(standing(office), audit=told)
