"""The rules engine is not there, crashes, hangs or lies: nobody becomes eligible, a person is told, and it shows.

Or the book is not the one that was released: then nobody is decided until it is.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import rules.engine
from fastbrand.store import books
from tests.rules.stand_ins import PASSES_EVERYTHING
from tests.workflows.desk import open_desk, until
from tests.workflows.given import BRAND, FAST_BRAND
from tests.workflows.variants import CALM, DEMO, edited

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-line")]


async def test_without_the_engine_nobody_is_eligible_and_it_mends_when_it_is_back(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "durable_rules_engine.py").write_text("raise ImportError('the rules engine is not installed')\n")
    async with open_desk("faulty", address, tmp_path / "state", edited(DEMO, tmp_path / "book", CALM)) as desk:
        with monkeypatch.context() as absent:
            absent.syspath_prepend(str(broken))
            merchant = await desk.apply(FAST_BRAND)
            brand = await desk.apply(BRAND, track="S")
            again = await desk.set_facts(merchant, {"brand_team_size": "23"})

        for party in (merchant, brand):
            case = desk.case(party)
            assert (desk.stage(party), case["state"], case["screening"]) == ("vetting", "open", "refer")
            assert (case["queue"], case["four_eyes"], case["decision_id"]) == ("vetting", True, None)
            assert case["unknown"] == [{"criterion": "engine_fault", "facts": []}]
            assert desk.decisions(party) == []
            assert desk.grant(party) == {}
            fault = desk.audit(party, "engine:fault")[0]
            assert (fault["actor"]["id"], fault["after"]) == ("system:programme", {"fault": "engine_fault"})
            assert "rules engine" in fault["reason"]
        assert again["stage"] == "vetting"
        monkeypatch.setattr(
            rules.engine, "_MISSING_S", 0.0
        )  # it is installed again; seconds later this would be noticed
        assert len(desk.audit(merchant, "engine:fault")) == 2
        # an approval in the dark is an override: it takes two
        made = await desk.propose(brand)
        assert (made["state"], desk.case(brand)["proposal"]["second"]) == ("proposed", True)

        done = await desk.set_facts(merchant, {"brand_team_size": "24"})
        assert (done["stage"], done["screening"]) == ("endorsed", "eligible")


STAND_INS = {
    "crashes": ("import os, signal\ndef create_ruleset(*_): os.kill(os.getpid(), signal.SIGSEGV)", "exit code -11"),
    # in C, with the interpreter's lock held: no signal handler of Python runs
    "hangs": ("import ctypes\ndef create_ruleset(*_): ctypes.PyDLL(None).sleep(600)", "no answer within 3 s"),
    "lies": (
        PASSES_EVERYTHING,
        "has an answer where nothing is known",
    ),
}
"""What stands in for the engine's C module, and what the fault says of it."""


async def test_an_engine_that_crashes_hangs_or_lies_lets_nobody_through(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTBRAND_ENGINE_TIMEOUT_S", "3")
    async with open_desk("ill", address, tmp_path / "state", edited(DEMO, tmp_path / "book", CALM)) as desk:
        for name, (module, says) in STAND_INS.items():
            broken = tmp_path / name
            broken.mkdir()
            (broken / "durable_rules_engine.py").write_text(module + "\n")
            with monkeypatch.context() as ill:
                ill.syspath_prepend(str(broken))
                party = await desk.apply(FAST_BRAND)
            case = desk.case(party)
            assert (desk.stage(party), case["screening"], case["four_eyes"]) == ("vetting", "refer", True), name
            assert (desk.decisions(party), desk.grant(party)) == ([], {})
            (fault,) = desk.audit(party, "engine:fault")
            assert says in fault["reason"], fault["reason"]
        after = await desk.apply(FAST_BRAND)
        assert desk.stage(after) == "endorsed"


async def test_a_tampered_book_decides_nobody_and_who_waits_goes_on_when_it_is_restored(
    address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_desk("tampered", address, tmp_path / "state", edited(DEMO, tmp_path / "book", CALM)) as desk:

        def put(closure: bytes) -> None:
            """Change what the triggers guard, as somebody with the file could who removes them; then put them back."""
            with closing(sqlite3.connect(desk.settings.state / "fastbrand.db")) as raw, raw:
                for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                    raw.execute(f'DROP TRIGGER "{name}"')
                assert raw.execute("UPDATE rulebook_release SET closure = ?", (closure,)).rowcount == 1
            desk.office.db.protect()

        with desk.office.db.read() as conn:
            (released,) = books.list_books(conn, desk.office.now())
        put(released.closure.replace(b"at_least", b"at_most"))
        asked = asyncio.create_task(desk.apply(FAST_BRAND))
        await until(lambda: "was tampered with" in caplog.text, "the step said why it waits")
        assert not asked.done()
        put(released.closure)
        assert desk.stage(await asked) == "endorsed"
