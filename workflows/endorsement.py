"""The mark itself: it runs its term, is renewed where the rules still see the party fit, and ends."""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow
from temporalio.common import VersioningBehavior

with workflow.unsafe.imports_passed_through():
    from activities.parties import PartyActivities
    from activities.payloads import EndorsementEnd, RenewalRequest
    from activities.standing import StandingActivities
    from fastbrand.domain import names
    from workflows.messages import EndorsementEnded, EndorsementInput
    from workflows.steps import came, now, step, tell


@workflow.defn(name="Endorsement", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Endorsement:
    """Waits for the end of the term (or an earlier end that somebody signals) and records it."""

    @workflow.init
    def __init__(self, start: EndorsementInput) -> None:
        self._valid_until = start.valid_until
        self._renew_at = start.renew_at
        self._cause: str | None = None

    @workflow.run
    async def run(self, start: EndorsementInput) -> str:
        """Run the term, and the terms after it; the cause of the end is the result."""
        while self._cause is None:
            moment = self._renew_at or self._valid_until
            if not await self._ended_before(moment):
                if self._renew_at is None:
                    break
                await self._ask(start, moment)
        if self._cause is not None:
            return self._cause  # whoever ended it has written that down
        moved = await step(
            PartyActivities.end_endorsement,
            EndorsementEnd(endorsement_id=start.endorsement_id, party_id=start.party_id, at=now(), cause="term"),
            "end the endorsement: term",
        )
        ended = EndorsementEnded(party=moved.party, cause="term", closed_case_id=moved.closed_case_id)
        await tell(names.lifecycle_id(start.party_id), "endorsement_ended", ended)
        return "term"

    @workflow.signal(name="end")
    def end(self, message: EndorsementEnded) -> None:
        """The endorsement is no more: the standing behind it was lost."""
        self._cause = self._cause or message.cause

    async def _ask(self, start: EndorsementInput, moment: datetime) -> None:
        """Ask the rules for another term."""
        request = RenewalRequest(
            endorsement_id=start.endorsement_id,
            party_id=start.party_id,
            at=max(now(), moment),
            valid_until=self._valid_until,
        )
        renewed = await step(StandingActivities.renew, request, "renew the endorsement if the rules allow")
        self._valid_until, self._renew_at = renewed.valid_until, renewed.ask_at

    async def _ended_before(self, moment: datetime) -> bool:
        until = f"term until {self._valid_until:%Y-%m-%d}"
        return await came(lambda: self._cause is not None, before=moment, summary=until)
