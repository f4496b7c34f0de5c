"""The ledger as plain arithmetic on dictionaries: what a reader can check by eye, and the real one must do too.

Days are whole numbers. Nothing here knows tables, transactions or keys.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from fastbrand.domain.grant import PPB, lessen_tranches

EXPIRES_AFTER = 10
SHARES = (30, 40, 30)
"""Of three tranches; amounts here are below their sum."""
PLANNED, RELEASED, EXPIRED, VOIDED, CLAWED = "planned", "released", "expired", "voided", "clawed_back"


class Terms(NamedTuple):
    """A row of clawback: days within reach, shares of unspent and spent units."""

    within: int
    unspent_ppb: int
    spent_ppb: int


TERMS = {
    "hard": Terms(20, PPB, PPB // 2),
    "soft": Terms(8, PPB // 2, 700_000_001),
    "default": Terms(4, PPB, 0),
}


class Clawback(NamedTuple):
    """What a clawback took of a tranche, on which day and terms."""

    day: int
    unspent: int
    spent_ppb: int


@dataclass
class Tranche:
    """A tranche of ``amount`` units."""

    amount: int
    state: str = PLANNED
    unspent: int = 0
    consumed: int = 0
    expired: int = 0
    clawed_back: int = 0
    owed: int = 0
    released_on: int | None = None
    clawbacks: dict[str, Clawback] = field(default_factory=dict)
    made: Counter[str] = field(default_factory=Counter)
    forgiven: dict[str, int] = field(default_factory=dict)
    """Cause that fell -> units given back."""
    reports: dict[str, int] = field(default_factory=dict)

    @property
    def spendable_until(self) -> int | None:
        """The last day on which it can be spent; None where it was never released."""
        return None if self.released_on is None else self.released_on + EXPIRES_AFTER

    def claw_back(self, cause: str, terms: Terms, day: int) -> tuple[int, int] | None:
        """Units back and owed by ``cause``; None where it took before."""
        if cause in self.clawbacks:
            return None
        back = self.unspent * terms.unspent_ppb // PPB
        debt = min(self.consumed * terms.spent_ppb // PPB, self.consumed - self.owed)
        self.clawbacks[cause] = Clawback(day, back, terms.spent_ppb)
        self.unspent -= back
        self.clawed_back += back
        self.owed += debt
        self.made[cause] += debt
        if self.state == RELEASED and self.clawed_back and not self.unspent:
            self.state = CLAWED
        return back, debt


@dataclass
class Grant:
    """A grant that was reserved: from which pool, how much is held, how much paid debts of which pools."""

    party: str
    month: str
    pool: str
    reserved: int
    paid: Counter[str]
    tranches: dict[int, Tranche]
    state: str = "reserved"

    @property
    def set_off(self) -> int:
        """Units that paid debts."""
        return self.paid.total()

    @property
    def caps(self) -> tuple[str, str]:
        """The cap accounts it draws on."""
        return f"party/{self.party}/2022", f"category/food/{self.month}"

    def unreleased(self) -> list[Tranche]:
        """Tranches that wait."""
        return [each for each in self.tranches.values() if each.state == PLANNED]

    def ever_released(self) -> bool:
        """Whether any of it was the party's to spend."""
        return any(each.released_on is not None for each in self.tranches.values())


@dataclass
class Model:
    """Pools, caps, debts and grants."""

    available: Counter[str] = field(default_factory=Counter)
    topped_up: Counter[str] = field(default_factory=Counter)
    limits: dict[str, int | None] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)
    debts: Counter[tuple[str, str]] = field(default_factory=Counter)
    grants: dict[str, Grant] = field(default_factory=dict)
    day: int = 0

    def owed_by(self, party: str) -> dict[str, int]:
        """What a party owes, by pool."""
        return {pool: owed for (who, pool), owed in sorted(self.debts.items()) if who == party and owed}

    def limit(self, account: str) -> int | None:
        """The limit of a cap account."""
        return self.limits[account.partition("/")[0]]

    def left(self, account: str) -> int | None:
        """What a cap still leaves."""
        limit = self.limit(account)
        return None if limit is None else max(0, limit - self.used[account])

    def reserve(self, grant: str, pool: str, amount: int) -> str:
        """Hold a grant's amount less its party's debts; or why not."""
        party, _, month = grant.partition("/")
        left, paid = amount, Counter[str]()
        for owed_to in sorted(self.owed_by(party), key=lambda each: (each != pool, each)):
            paid[owed_to] = min(left, self.debts[party, owed_to])
            left -= paid[owed_to]
        made = Grant(party, month, pool, left, +paid, {})
        if left:
            for account, reason in zip(made.caps, ("party_per_year", "category_per_month"), strict=True):
                remains = self.left(account)
                if remains is not None and left > remains:
                    return reason
            if left > self.available[pool]:
                return "pool_dry"
        parts = lessen_tranches(SHARES, left)
        made.tranches = {no: Tranche(part) for no, part in enumerate(parts, 1) if part}
        made.state = "reserved" if left else "closed"
        self.available[pool] -= left
        for account in made.caps:
            self.used[account] += left
        for owed_to, units in made.paid.items():
            self.debts[party, owed_to] -= units
        self.grants[grant] = made
        return ""

    def commit(self, grant: Grant, no: int) -> None:
        """A tranche becomes the party's to spend."""
        tranche = grant.tranches[no]
        grant.reserved -= tranche.amount
        tranche.state, tranche.unspent, tranche.released_on = RELEASED, tranche.amount, self.day
        self._settle(grant)

    def void(self, grant: Grant, no: int | None = None) -> int:
        """One tranche, or all that wait, are given up; how many units that was."""
        gone = grant.unreleased() if no is None else [grant.tranches[no]]
        amount = sum(each.amount for each in gone)
        grant.reserved -= amount
        self.available[grant.pool] += amount
        for account in grant.caps:
            self.used[account] -= amount
        for each in gone:
            each.state = VOIDED
        if gone and not grant.reserved and not grant.ever_released():
            for owed_to, units in grant.paid.items():
                self.debts[grant.party, owed_to] += units
            grant.paid.clear()
        self._settle(grant)
        return amount

    def expire(self, grant: Grant, no: int) -> int:
        """What is not spent goes back; how many units that was."""
        tranche = grant.tranches[no]
        amount, tranche.unspent = tranche.unspent, 0
        tranche.expired += amount
        tranche.state = EXPIRED
        self.available[grant.pool] += amount
        return amount

    def consume(self, grant: Grant, no: int, report: str, units: int, until: int) -> tuple[str, int]:
        """Book a report: empty and the debt it makes, or why not and how many units it could have told."""
        tranche = grant.tranches[no]
        if report in tranche.reports:
            known = tranche.reports[report]
            return ("repeated" if known == units else "report_differs", known)
        if tranche.spendable_until is None:
            return "not_released", 0
        if until > tranche.spendable_until:
            return "after_expiry", 0
        before = [each for each in tranche.clawbacks.values() if until <= each.day]
        back = sum(tranche.forgiven.get(cause, 0) for cause, each in tranche.clawbacks.items() if each in before)
        clawed = min(tranche.clawed_back, sum(each.unspent for each in before) - back)
        free = tranche.unspent + tranche.expired + clawed
        if units > free:
            return "beyond_released", free
        late = max(0, units - tranche.unspent)
        if late > self.available[grant.pool]:
            return "pool_dry", late
        from_expired = min(late, tranche.expired)
        tranche.unspent -= units - late
        tranche.expired -= from_expired
        tranche.clawed_back -= late - from_expired
        tranche.consumed += units
        tranche.reports[report] = units
        self.available[grant.pool] -= late
        debt = 0
        for each in sorted(tranche.clawbacks.items(), key=lambda item: (item[1].day, item[0])):
            if each[1] in before and each[0] not in tranche.forgiven:
                part = min(units * each[1].spent_ppb // PPB, tranche.consumed - tranche.owed - debt)
                tranche.made[each[0]] += part
                debt += part
        tranche.owed += debt
        self.debts[grant.party, grant.pool] += debt
        return "", debt

    def claw_back(self, grant: Grant, cause: str) -> tuple[int, list[tuple[int, int, int]]]:
        """Voided units, and number, units back, units owed of each tranche that lost something just now."""
        voided = self.void(grant) if grant.unreleased() else 0
        terms = TERMS.get(cause, TERMS["default"])
        took = []
        for no, tranche in grant.tranches.items():
            if tranche.released_on is None or self.day - tranche.released_on > terms.within:
                continue
            found = tranche.claw_back(cause, terms, self.day)
            if found is not None:
                took.append((no, *found))
                self.available[grant.pool] += found[0]
                self.debts[grant.party, grant.pool] += found[1]
        if grant.state in {"reserved", "released"}:
            running = any(each.state == RELEASED for each in grant.tranches.values())
            grant.state = "released" if running else "closed" if grant.ever_released() else "voided"
        return voided, took

    def forgive(self, party: str, day: int) -> list[tuple[str, int, str, int, int, int]]:
        """Grant, number, cause, units owed no more, paid before and given back, of the clawbacks of a day that fell."""
        fallen = [
            (name, grant, no, tranche, cause)
            for name, grant in sorted(self.grants.items())
            for no, tranche in grant.tranches.items()
            for cause, clawback in sorted(tranche.clawbacks.items())
            if grant.party == party and clawback.day == day and cause not in tranche.forgiven
        ]
        given, left = [], {(name, no): tranche.clawed_back for name, _, no, tranche, _ in fallen}
        for name, _, no, tranche, cause in fallen:
            runs = tranche.state in {RELEASED, CLAWED} and self.day < (tranche.spendable_until or 0)
            given.append(min(tranche.clawbacks[cause].unspent, left[name, no]) if runs else 0)
            left[name, no] -= given[-1]
        wanted = Counter[str]()
        for (_, grant, *_), back in zip(fallen, given, strict=True):
            wanted[grant.pool] += back
        if any(units > self.available[pool] for pool, units in wanted.items()):
            given = [0] * len(fallen)
        done = []
        for (name, grant, no, tranche, cause), back in zip(fallen, given, strict=True):
            debt = min(tranche.made[cause], self.debts[party, grant.pool])
            tranche.forgiven[cause] = back
            tranche.owed -= debt
            self.debts[party, grant.pool] -= debt
            if back:
                tranche.clawed_back -= back
                tranche.unspent += back
                self.available[grant.pool] -= back
                tranche.state, grant.state = RELEASED, "released"
            done.append((name, no, cause, debt, tranche.made[cause] - debt, back))
        return done

    def _settle(self, grant: Grant) -> None:
        if not grant.unreleased() and grant.state in {"reserved", "released"}:
            grant.state = "released" if grant.ever_released() else "voided"
