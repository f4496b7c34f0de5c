"""What a lifecycle starts and whom it tells: cases, endorsements and grants, each under its business id, once."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.matching import MatchingActivities
    from activities.matching_payloads import MatchClose, MatchRequest
    from activities.payloads import By, CaseFile, Moved, PartyState, Standing
    from fastbrand.domain import names
    from workflows.endorsement import Endorsement
    from workflows.messages import BonusInput, CaseUpdate, EndorsementEnded, EndorsementInput
    from workflows.steps import now, start_once, step, tell
    from workflows.traffic_bonus import TrafficBonus
    from workflows.vetting_case import VettingCase, first_shown


async def open_case(case: CaseFile) -> None:
    """A person is needed."""
    await start_once(
        VettingCase.run,
        case,
        workflow_id=case.case_id,
        summary=f"case in queue {case.queue}",
        shown=first_shown(case),
    )


async def stand(party: PartyState, standing: Standing) -> None:
    """A party came into standing: its mark runs, and its first grant is due."""
    if standing.endorsement_id is not None and standing.valid_until is not None:
        await start_once(
            Endorsement.run,
            EndorsementInput(
                endorsement_id=standing.endorsement_id,
                party_id=party.party_id,
                valid_until=standing.valid_until,
                renew_at=standing.renew_at,
            ),
            workflow_id=standing.endorsement_id,
            summary=f"endorsed until {standing.valid_until:%Y-%m-%d}",
        )
    await start_once(
        TrafficBonus.run,
        BonusInput(grant_id=standing.grant_id, party_id=party.party_id, track=party.track, period=standing.period),
        workflow_id=names.grant_workflow_id(standing.grant_id),
        summary=f"traffic bonus for {standing.period}",
    )
    matched = MatchRequest(
        subject_id=party.party_id,
        key=standing.endorsement_id or f"application/{party.application_no}",
        at=now(),
        by=By.system(f"party/{party.party_id}/match/{party.application_no}/{party.revision}"),
    )
    await step(MatchingActivities.propose, matched, "propose service providers")


async def leave(party: PartyState, cause: str, key: str) -> None:
    """The standing is over: providers get their places back."""
    closed = MatchClose(subject_id=party.party_id, cause=cause, at=now(), by=By.system(f"{key}/leave"))
    await step(MatchingActivities.close, closed, "end what providers do for it")


async def follow(moved: Moved, key: str) -> None:
    """Tell whom it concerns what became of a standing, and start what it calls for."""
    if moved.closed_case_id is not None:
        await tell(moved.closed_case_id, "case_updated", CaseUpdate(closed=True, key=key))
    if moved.ended_endorsement is not None:
        await tell(moved.ended_endorsement, "end", EndorsementEnded(party=moved.party, cause=moved.event))
    for grant in moved.resumed:
        await start_once(
            TrafficBonus.run,
            BonusInput(**grant.model_dump(), resumed=key),
            workflow_id=names.grant_workflow_id(grant.grant_id),
            summary=f"traffic bonus for {grant.period}, given back",
            again=True,
        )
    for grant_id in (*moved.grants, *(grant.grant_id for grant in moved.resumed)):
        await tell(names.grant_workflow_id(grant_id), "standing_changed")
    for grant_id in moved.wake:
        await tell(names.grant_workflow_id(grant_id), "pool_has_room")
    if moved.event in {"revoke", "terminate"}:
        await leave(moved.party, moved.event, key)
    if moved.case is not None:
        await open_case(moved.case)
    if moved.standing is not None:
        await stand(moved.party, moved.standing)
