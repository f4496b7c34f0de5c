"""Delivery reports: what traffic delivery says was spent, booked in the ledger and on the tranche, or refused whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Unpack

from sqlalchemy import Connection

from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import NotFound, Refused
from fastbrand.store import audit, grants, ledger
from fastbrand.store.audit import Grounds
from fastbrand.store.grants import GrantRow, TrancheRow


@dataclass(frozen=True, slots=True)
class Report:
    """``units`` of a tranche were spent, as report ``report_id`` counted them until ``counted_until``.

    A report may tell of many tranches; it tells of each once.
    """

    grant_id: str
    tranche_no: int
    units: int
    report_id: str
    counted_until: datetime


@dataclass(frozen=True, slots=True)
class Booked:
    """A report's units are booked; ``consumed`` is the tranche's sum now. See ``ledger.Consumed`` for the others."""

    units: int
    first: bool
    late: int
    debt: int
    consumed: int


def book(conn: Connection, report: Report, **grounds: Unpack[Grounds]) -> Booked | Refused:
    """Book a report whole, or refuse it whole, which is audited (TRANCHE_REPORT_REFUSED) and given back as the error.

    A report that was refused may come again: nothing of it was booked. Raises ``NotFound`` on a grant or tranche that
    is not there, ``InputError`` on less than 1 unit.
    """
    ledger.take_turns(conn, [report.grant_id])
    grant, tranche = _tranche(conn, report)
    answer = ledger.consume(
        conn,
        grant_id=report.grant_id,
        tranche_no=report.tranche_no,
        units=report.units,
        report_id=report.report_id,
        counted_until=report.counted_until,
        expires_at=tranche.expires_at,
        **grounds,
    )
    if isinstance(answer, ledger.NotConsumed):
        return _refuse(conn, grant, tranche, report, answer, grounds)
    consumed = tranche.consumed
    if answer.first:
        consumed += answer.units
        grants.update_tranche(conn, report.grant_id, report.tranche_no, None, grounds["at"], consumed=consumed)
    return Booked(answer.units, answer.first, answer.late, answer.debt, consumed)


def _tranche(conn: Connection, report: Report) -> tuple[GrantRow, TrancheRow]:
    grant = grants.get(conn, report.grant_id)
    if grant is None:
        raise NotFound(f"grant `{report.grant_id}` is not known", hint="see `fastbrand grant list`")
    for tranche in grants.tranches_of(conn, report.grant_id):
        if tranche.no == report.tranche_no:
            return grant, tranche
    raise NotFound(
        f"grant `{report.grant_id}` has no tranche {report.tranche_no}",
        hint=f"see `fastbrand grant show {report.grant_id}`",
    )


def _refuse(
    conn: Connection,
    grant: GrantRow,
    tranche: TrancheRow,
    report: Report,
    answer: ledger.NotConsumed,
    grounds: Grounds,
) -> Refused:
    error = _error(tranche, report, answer)
    told = {
        "tranche_no": report.tranche_no,
        "report_id": report.report_id,
        "units": report.units,
        "code": error.instance_code,
        "free": answer.free,
    }
    # the same report refused for the same reason is one event, however often it is sent
    what = f"grant/{report.grant_id}/report/{report.tranche_no}/{report.report_id}/{report.units}"
    audit.note(
        conn,
        Verb.TRANCHE_REPORT_REFUSED,
        f"{what}/{error.instance_code}/{answer.free}",
        ("grant", report.grant_id),
        {**grounds, "reason": error.message},
        party_id=grant.party_id,
        after=told,
    )
    return error


def _error(tranche: TrancheRow, report: Report, answer: ledger.NotConsumed) -> Refused:
    """What is wrong with a report, and the mend."""
    what = f"report `{report.report_id}` on tranche {report.tranche_no} of `{report.grant_id}`"
    if answer.why == "other_units":
        return Refused(
            f"{what} told {answer.free:,} units before and {report.units:,} now",
            hint="give what was counted since then its own report id; a wrong report is settled with finance",
            code="report_differs",
        )
    if answer.why == "not_released":
        return Refused(
            f"{what}: the tranche is `{tranche.state}` and was never released",
            hint="see `fastbrand grant show`: is it the tranche that was meant?",
            code="not_released",
        )
    if answer.why == "after_expiry":
        until = f"{tranche.expires_at:%Y-%m-%dT%H:%M:%SZ}"
        return Refused(
            f"{what} counts beyond {until}, when the tranche expires",
            hint="report what was spent until then, with `reported_at` not after it",
            code="after_expiry",
        )
    if answer.why == "pool_dry":
        return Refused(
            f"{what} came late: {answer.free:,} of its units went back to the pool and were given to others",
            hint="send it again when the pool has room: `fastbrand pool status`, `fastbrand pool top-up`",
            code="pool_dry",
        )
    return Refused(
        f"{what} tells {report.units:,} units, {report.units - answer.free:,} more than there are to spend",
        hint=f"{answer.free:,} can be reported: `fastbrand grant show {report.grant_id}`",
        code="beyond_released",
    )
