"""How parties come in: from a file, by themselves, by invitation; judged until they stand or are out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastbrand.domain.errors import IllegalTransition
from fastbrand.service import cases, documents, grants, intake, matching, parties, providers, standings
from fastbrand.service.candidates import CandidateSource
from tests.chaos.cast import Cast
from tests.workflows.given import BRAND, FAST_BRAND, LARGE, LESS_TRUSTED, ON_WATCH, UNREMARKABLE, WHITE_LABEL, without

OUT = ("released", "released", "planned")
"""Tranches of a grant under the first book, when nothing moves any more."""

STANDING = ("steady", "spender", "slipping", "planner", "demoted", "cheat", "warned", "reviewed", "ended")
"""Parties that go straight through, and of which something is told later."""

UNLOVED = {"review_score": "3.8"}

_KINDS = (FAST_BRAND, {**FAST_BRAND, **WHITE_LABEL}, {**FAST_BRAND, **UNREMARKABLE})
"""What the parties of the file are like: endorsed, refused, for a person to look at."""


async def _file(cast: Cast) -> None:
    """Bulk intake, a few at a time; two of those who wait are decided."""
    names = [f"file-{number:02}" for number in range(6)]
    source = CandidateSource(file=cast.write("file", {name: _KINDS[no % 3] for no, name in enumerate(names)}))
    await cast.say(
        lambda who: intake.bring_in(cast.office, source, who=who, progress=Unwatched(), window=3), "mei", "file/import"
    )
    for party in names[2::3]:
        await cast.until_stage(party, "vetting")
        await cast.decide(party, "approve" if party == names[2] else "reject", "lan", "qiang")
    await cast.until_stage(names[0], "endorsed")


async def _asked(cast: Cast) -> None:
    """Claimed, asked, answered, returned, confirmed."""
    party, office = "asked", cast.office
    await cast.apply(party, {**without(FAST_BRAND, "sourcing"), **UNREMARKABLE})
    await cast.until_case(party, state="open")
    case = cast.case(party)["case_id"]
    await cast.say(lambda who: cases.claim(office, case, who=who), "lan", f"{case}/claim")
    await cast.say(lambda who: cases.request_info(office, case, [], who=who), "lan", f"{case}/ask")
    await cast.say(
        lambda who: cases.answer(office, case, ["sourcing=own_factory"], facts_file=None, who=who),
        "mei",
        f"{case}/answer",
    )
    await cast.until_case(party, queue="vetting")
    await cast.propose(party, "reject", "lan")
    await cast.say(lambda who: cases.return_to_maker(office, case, who=who), "qiang", f"{case}/return", "look again")
    await cast.decide(party, "approve", "lan", "qiang")
    await cast.until_stage(party, "endorsed")


async def _overridden(cast: Cast) -> None:
    """Against the rules by two, then an appeal that is won."""
    party, office = "overridden", cast.office
    await cast.apply(party, {**FAST_BRAND, **LESS_TRUSTED})
    await cast.until_case(party, state="open")
    case = cast.case(party)["case_id"]
    await cast.say(
        lambda who: cases.override(office, case, outcome="reject", reason_code="manipulation", who=who),
        "lan",
        f"{case}/override",
        "bought reviews",
    )
    await cast.confirm(party, "qiang")
    await cast.until_stage(party, "rejected")
    await cast.appeal(party)
    await cast.until_case(party, kind="appeal", state="open")
    await cast.decide(party, "approve", "xin", "tao")
    await cast.until_stage(party, "endorsed")


async def _appealing(cast: Cast) -> None:
    """Two appeals, the first one lost."""
    party = "appealing"
    await cast.apply(party, {**FAST_BRAND, **UNREMARKABLE})
    await cast.until_case(party, state="open")
    for outcome, maker, checker in (("reject", "lan", "qiang"), ("reject", "xin", "tao")):
        await cast.decide(party, outcome, maker, checker)
        await cast.until_stage(party, "rejected")
        await cast.appeal(party, 1 if maker == "lan" else 2)
        await cast.until_case(party, kind="appeal", state="open")
    await cast.decide(party, "approve", "wen", "rui")
    await cast.until_stage(party, "endorsed")


async def _given_back(cast: Cast) -> None:
    """Claimed by one, given back by another, a criterion waived."""
    party, office = "given-back", cast.office
    await cast.apply(party, {**FAST_BRAND, **UNREMARKABLE})
    await cast.until_case(party, state="open")
    case = cast.case(party)["case_id"]
    await cast.say(lambda who: cases.claim(office, case, who=who), "xin", f"{case}/claim")
    await cast.say(lambda who: cases.release(office, case, who=who), "tao", f"{case}/release", "xin is ill")
    await cast.decide(party, "approve", "lan", "qiang", waive=["content.quality"])
    await cast.until_stage(party, "endorsed")


async def _withdrawn(cast: Cast) -> None:
    """Nominated, applied, taken back; what is taken back cannot be taken back again."""
    party, office = "withdrawn", cast.office
    await cast.say(lambda who: standings.nominate(office, party_id=party, track="M", who=who), "mei", f"{party}/named")
    await cast.apply(party, {**FAST_BRAND, **UNREMARKABLE})
    await cast.until_case(party, state="open")
    await cast.propose(party, "approve", "lan")
    await cast.say(lambda who: parties.withdraw(office, party_id=party, who=who), "mei", f"{party}/withdraw")
    await cast.ended(f"party/{party}")
    again = cast.say(lambda who: parties.withdraw(office, party_id=party, who=who), "mei", f"{party}/withdraw/again")
    try:
        await again
    except IllegalTransition:
        return
    raise AssertionError("an application was taken back twice")


async def _brand(cast: Cast) -> None:
    """Invited, applied, straight through with the mark; another one lacks a paper and is refused."""
    office = cast.office
    await cast.say(lambda who: parties.invite(office, party_id="brand", who=who), "mei", "brand/invite")
    await cast.apply("brand", BRAND, track="S", endorsed=True)
    await cast.until_stage("brand", "active")
    await cast.apply("paperless", without(BRAND, "documents"), track="S")
    await cast.until_case("paperless", state="open")
    await cast.propose("paperless", "reject", "lan")
    if cast.case("paperless")["state"] == "proposed":
        await cast.confirm("paperless", "qiang")
    await cast.until_stage("paperless", "rejected")


async def _straight(cast: Cast) -> None:
    """Those with nothing to remark, each to its grant."""
    await asyncio.gather(*(cast.apply(party, FAST_BRAND) for party in STANDING))
    for party in STANDING:
        await cast.until_tranches(party, *OUT)


async def _famous(cast: Cast) -> None:
    """Known to everybody: refused as a fast brand."""
    await cast.apply("famous", {**FAST_BRAND, "mass_awareness": "74%"})
    await cast.until_stage("famous", "rejected")


async def _rescreened(cast: Cast) -> None:
    """What was missing comes later, and nobody has to look any more."""
    await cast.apply("rescreened", without(FAST_BRAND, "sourcing"))
    await cast.until_case("rescreened", state="open")
    await cast.learn("rescreened", {"sourcing": "own_factory"})
    await cast.until_stage("rescreened", "endorsed")


async def _matched(cast: Cast) -> None:
    """One gap, for which a provider is proposed and accepted."""
    office, party = cast.office, "matched"
    cells = {
        "provider_id": "belt",
        "type": "industrial_belt",
        "name": "Belt",
        "categories": "food",
        "region": "zhejiang",
        "capacity": "50",
        "track_record": "100",
        "private_domain": "90",
    }
    await cast.say(lambda who: providers.add(office, cells, who=who), "mei", "belt/add")
    await cast.apply(party, {**FAST_BRAND, "region": "zhejiang", "fan_group_members": "10"})
    await cast.until_case(party, state="open")
    await cast.decide(party, "approve", "lan", "qiang")
    await cast.until(lambda: matching.offers_of(office, party, None), "providers are proposed")
    (offer,) = matching.offers_of(office, party, None)
    await cast.say(lambda who: matching.accept(office, offer["match_id"], who=who), "mei", f"{party}/accept")


async def _large(cast: Cast) -> None:
    """A grant above the limit: a person of finance confirms."""
    await cast.apply("large", {**FAST_BRAND, **LARGE})
    grant = await cast.until_grant("large", "awaiting_confirmation")
    await cast.say(lambda who: grants.confirm(cast.office, grant, who=who), "jun", "large/confirm")
    await cast.until_tranches("large", *OUT)


async def _frozen(cast: Cast) -> None:
    """A tranche is frozen on bad facts and released on better ones."""
    await cast.apply("frozen", {**FAST_BRAND, **ON_WATCH})
    await cast.until_tranches("frozen", "released", "frozen", "planned")
    await cast.learn("frozen", {"experience_score": "88.0"})
    await cast.until_tranches("frozen", *OUT)


async def _papers(cast: Cast) -> None:
    """A paper that ended long ago, of a party that waits for a person."""
    await cast.apply("papers", without(FAST_BRAND, "sourcing"))
    await cast.until_case("papers", state="open")
    await cast.say(
        lambda who: documents.add(
            cast.office,
            "papers",
            "contract",
            ["number=1"],
            issued="2020-01-01",
            expires="2020-12-31",
            file=None,
            supersedes=None,
            who=who,
        ),
        "mei",
        "papers/contract",
    )


async def _unloved(cast: Cast) -> None:
    """A brand for the next book."""
    await cast.apply("unloved", {**BRAND, **UNLOVED}, track="S")
    await cast.until_case("unloved", state="open")


class Unwatched:
    """Nobody wants to see how far it is."""

    def phase(self, name: str, total: int) -> None:
        """Nobody looks."""

    def done(self, count: int) -> None:
        """Nobody looks."""

    def say(self, text: str) -> None:
        """Nobody listens."""


STORIES: tuple[Callable[[Cast], Awaitable[None]], ...] = (
    _file,
    _asked,
    _overridden,
    _appealing,
    _given_back,
    _withdrawn,
    _brand,
    _straight,
    _famous,
    _rescreened,
    _matched,
    _large,
    _frozen,
    _papers,
    _unloved,
)
"""They run side by side."""
