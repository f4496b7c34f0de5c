"""The transition table, walked: every stage is reached, none is a dead end, nobody gets around a decision."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastbrand.domain.errors import IllegalTransition
from fastbrand.domain.lifecycle import (
    APPEALABLE,
    ENDED,
    KEPT,
    MARKED,
    NEWCOMERS,
    OPEN,
    STANDING,
    TRANSITIONS,
    Stage,
    Track,
    events_from,
    next_stage,
    upkeep_event,
)

FIRST = {Track.M: {"nominate", "apply"}, Track.S: {"nominate", "invite", "apply"}}
OUTCOMES = ("keep", "alert", "watch", "demote", "suspend", "revoke", "promote")


def reachable(track: Track, start: Stage = Stage.NONE) -> set[Stage]:
    """Stages that events lead to from ``start``."""
    found, waiting = {start}, deque([start])
    while waiting:
        stage = waiting.popleft()
        for event in events_from(stage, track):
            target = next_stage(stage, event, track)
            if target not in found:
                found.add(target)
                waiting.append(target)
    return found


@given(st.sampled_from(Track), st.lists(st.integers(0, 10**6), max_size=40))
@settings(max_examples=300)
def test_a_walk_stays_on_its_track_and_is_never_stuck(track: Track, choices: list[int]) -> None:
    stage, legal = Stage.NONE, {each for row in TRANSITIONS if track in row.tracks for each in (row.source, row.target)}
    for choice in choices:
        may = sorted(events_from(stage, track))
        # the one end of a track: a fast brand that graduated goes on as a brand
        assert may or (track is Track.M and stage is Stage.GRADUATED), f"stuck in {stage}"
        if not may:
            assert events_from(stage, Track.S) == {"apply"}
            return
        stage = next_stage(stage, may[choice % len(may)], track)
        assert stage in legal


def test_every_stage_can_be_reached_on_some_track() -> None:
    assert reachable(Track.M) | reachable(Track.S) == set(Stage)
    assert reachable(Track.M) - reachable(Track.S) == {
        Stage.NOMINATED,
        Stage.ENDORSEMENT_PROPOSED,
        Stage.ENDORSED,
        Stage.BENCHMARK,
        Stage.GRADUATED,
        Stage.DEMOTED,
        Stage.REVOKED,
    }


@pytest.mark.parametrize("track", Track)
def test_from_everywhere_a_standing_can_still_be_reached(track: Track) -> None:
    for stage in reachable(track):
        ways = reachable(Track.S if stage is Stage.GRADUATED else track, stage)
        assert ways & STANDING, f"no way from {stage} to a standing"


@pytest.mark.parametrize("track", Track)
def test_what_is_not_in_the_table_is_refused(track: Track) -> None:
    events = {row.event for row in TRANSITIONS}
    assert events_from(Stage.NONE, track) == FIRST[track]
    for stage in Stage:
        for event in events - events_from(stage, track):
            with pytest.raises(IllegalTransition):
                next_stage(stage, event, track)


def test_nobody_comes_into_standing_without_a_decision() -> None:
    into = {(row.source, row.event) for row in TRANSITIONS if row.target in STANDING and row.source not in STANDING}
    deciding = {"endorse", "activate", "clear", "reinstate", "overturn"}
    assert {event for _, event in into} == deciding
    assert all(source in {Stage.WATCH, Stage.DEMOTED} for source, event in into if event == "clear")


def test_the_sets_of_stages_fit_together() -> None:
    assert STANDING < MARKED < KEPT
    assert not KEPT & ENDED
    assert not OPEN & (KEPT | ENDED | NEWCOMERS)
    assert set(APPEALABLE) == {row.source for row in TRANSITIONS if row.event == "appeal"}
    for stage, upheld in APPEALABLE.items():
        tracks = {track for track in Track if "appeal" in events_from(stage, track)}
        assert all(next_stage(Stage.APPEALING, upheld, track) is stage for track in tracks)


@given(st.sampled_from(OUTCOMES), st.sampled_from(sorted(KEPT)), st.sampled_from(Track))
def test_upkeep_asks_only_for_what_the_table_has(outcome: str, stage: Stage, track: Track) -> None:
    event = upkeep_event(outcome, stage, track)
    if event is not None:
        assert event in events_from(stage, track)
    if outcome in {"keep", "alert"} or (track is Track.S and outcome in {"demote", "promote"}):
        assert event is None
