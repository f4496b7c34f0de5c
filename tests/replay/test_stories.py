"""The stories that must be among the recorded histories are, and each holds what its name says."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.replay import golden

STORIES: dict[str, dict[str, set[str]]] = {
    "happy path": {
        "BrandLifecycle.fast-brand-endorsed": {"screen", "endorse"},
        "BrandLifecycle.brand-invited-and-active": {"party_invite", "screen", "endorse"},
        "TrafficBonus.released-and-expired": {"grant_reserve", "tranche_release", "tranche_expire", "grant_close"},
    },
    "request for information": {
        "VettingCase.questions-four-eyes-override": {"case_claim", "case_request_info", "case_answer", "case_return"},
        "VettingCase.never-answered": {"case_request_info", "case_expire"},
        "VettingCase.asked-then-escalated": {"case_answer", "case_warn", "case_breach"},
    },
    "override": {"VettingCase.overridden": {"case_propose", "case_confirm"}},
    "appeal": {
        "BrandLifecycle.rejected-appealed-twice": {"standing_appeal"},
        "VettingCase.appeal-lost": {"case_propose", "case_confirm"},
        "VettingCase.appeal-won": {"case_propose", "case_confirm"},
    },
    "revocation": {
        "BrandLifecycle.revoked": {"upkeep_assess", "match_close"},
        "BrandLifecycle.revoked-and-overturned": {"upkeep_assess", "standing_appeal"},
        "BrandLifecycle.suspended-and-terminated": {"standing_move"},
    },
    "clawback": {
        "TrafficBonus.clawed-back": {"tranche_release", "grant_look"},
        "TrafficBonus.voided-by-revocation": {"tranche_release", "grant_look"},
        "TrafficBonus.given-back": {"grant_look"},
    },
    "release": {
        "RulebookRelease.approved-for-later": {"load_release", "approve_release", "activate_release", "in_flight"},
        "RulebookRelease.brought-back": {"reinstate_release", "activate_release"},
        "BrandLifecycle.decided-anew-by-a-new-book": {"rescreen"},
    },
    "new run": {"BrandLifecycle.carried-on-next-run": {"rescreen"}},
}
"""Story -> the histories that tell it -> the steps that must be in each. That all replay is tested beside this."""


@pytest.mark.parametrize(
    ("title", "wanted"),
    [each for histories in STORIES.values() for each in histories.items()],
    ids=[f"{story}-{title}" for story, histories in STORIES.items() for title in histories],
)
def test_a_required_story_is_recorded(title: str, wanted: set[str]) -> None:
    file = golden.HISTORIES / f"{title}.json"
    assert file in golden.files(), f"`{title}` is not recorded"
    assert wanted <= _steps(json.loads(file.read_text(encoding="utf-8"))["events"])


def test_an_override_was_one() -> None:
    """A proposal that says that it is against the rules, confirmed by another person."""
    file = golden.HISTORIES / "VettingCase.overridden.json"
    said = [_said(event) for event in json.loads(file.read_text(encoding="utf-8"))["events"]]
    proposed, confirmed = [each for each in said if each]
    assert (proposed["override"], proposed["outcome"]) == (True, "reject")
    assert confirmed["actor"] != proposed["actor"]


def test_whose_documents_ended_is_written_down_before_anybody_is_looked_at() -> None:
    """Who was looked at is not named again: a page that a dead worker forgot would leave its parties untold."""
    file = golden.HISTORIES / "DocumentWatch.a-document-ended.json"
    kinds = [event["eventType"] for event in json.loads(file.read_text(encoding="utf-8"))["events"]]
    assert kinds.index("EVENT_TYPE_ACTIVITY_TASK_COMPLETED") < kinds.index("EVENT_TYPE_MARKER_RECORDED")


def _steps(events: list[dict[str, Any]]) -> set[str]:
    """The steps that a history tells of: local activities are markers, the others are scheduled."""
    names = set()
    for event in events:
        details = event.get("markerRecordedEventAttributes", {}).get("details", {})
        for payload in details.get("data", {}).get("payloads", []):
            names.add(_decoded(payload)["activity_type"])
        scheduled = event.get("activityTaskScheduledEventAttributes")
        if scheduled:
            names.add(scheduled["activityType"]["name"])
    return names


def _said(event: dict[str, Any]) -> dict[str, Any]:
    """The command that an event accepted, empty where it is another event."""
    accepted = event.get("workflowExecutionUpdateAcceptedEventAttributes")
    if not accepted:
        return {}
    (payload,) = accepted["acceptedRequest"]["input"]["args"]["payloads"]
    return _decoded(payload)


def _decoded(payload: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(payload["data"]))
    return found
