"""Papers of parties on the real server: facts come of them at once, end with them, and people hear of it."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fastbrand.domain.errors import CommandConflict, InputError, NotFound, NotPermitted, Refused
from fastbrand.service import documents, facts, parties, standings
from fastbrand.service.who import Asker
from fastbrand.store import decisions
from fastbrand.store import documents as rows
from fastbrand.store import facts as fact_rows
from fastbrand.store.facts import NewFact
from tests.workflows.desk import Desk, until
from tests.workflows.given import BRAND, FAST_BRAND, Facts, without
from workflows.document_watch import DocumentWatch
from workflows.messages import WatchInput, WatchView

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-people")]

USCC = "91110000600037341L"
NAME = "海棠造物有限公司"
UNPAPERED: Facts = without(BRAND, "trademark_status", "trademark_filed_on", "authorisation_levels", "documents")
"""A well-known brand of which nobody has seen a paper."""


def day(desk: Desk, **by: int) -> str:
    """A day from today."""
    return (desk.office.now().date() + timedelta(**by)).isoformat()


async def add(desk: Desk, party: str, kind: str, *, who: str = "mei", note: str = "", **given: Any) -> dict[str, Any]:
    """Add a document; fields end with an underscore where Python has the word."""
    options = {name: given.pop(name, None) for name in ("issued", "expires", "file", "supersedes", "command_id")}
    asker = Asker(who, command_id=options.pop("command_id"), reason=note)
    options["issued"] = options["issued"] or "2020-01-01"
    fields = [f"{name.rstrip('_')}={text}" for name, text in given.items()]
    return await documents.add(desk.office, party, kind, fields, who=asker, **options)


async def licence(desk: Desk, party: str, **more: Any) -> dict[str, Any]:
    return await add(desk, party, "business_licence", uscc=USCC, name=NAME, **more)


async def trademark(desk: Desk, party: str, *, owner: str = NAME, **more: Any) -> dict[str, Any]:
    return await add(
        desk,
        party,
        "trademark",
        **{
            "number": "12345678",
            "class_": "25",
            "status": "registered",
            "owner": owner,
            "expires": "2099-01-01",
            **more,
        },
    )


async def report(desk: Desk, party: str, **more: Any) -> dict[str, Any]:
    given = {"lab": "华测检测", "result": "pass", "score": "92.5", "expires": "2099-01-01", **more}
    return await add(desk, party, "quality_report", **given)


async def watch(desk: Desk, **start: Any) -> WatchView:
    """Look at all documents, as the schedule does each night."""
    view: WatchView = await desk.client.execute_workflow(
        DocumentWatch.run,
        WatchInput(**start),
        id=f"documents/{desk.name}/{desk.numbers()}",
        task_queue=desk.settings.task_queue,
    )
    return view


def shown(desk: Desk, party: str) -> dict[str, dict[str, Any]]:
    """What is known, with source and state."""
    return {each["name"]: each for each in facts.show_facts(desk.office, party, history=False, lang="en")}


def end_now(desk: Desk, document_id: str) -> None:
    """Make the end of a document, and of what it proves, a moment that has just passed: time is not waited for."""
    with desk.office.db.read() as conn:
        row = rows.get(conn, document_id)
    over = (desk.office.now() - timedelta(seconds=1)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    with desk.office.db.write() as conn:
        for table in ("document", "fact"):
            conn.exec_driver_sql(f"DROP TRIGGER tr_{table}_no_update")
        conn.exec_driver_sql("UPDATE document SET ends_at = ? WHERE document_id = ?", (over, document_id))
        conn.exec_driver_sql(
            "UPDATE fact SET valid_until = ? WHERE party_id = ? AND source LIKE ? AND valid_until IS NOT NULL",
            (over, row.party_id, f"%{document_id}%"),
        )
    desk.office.db.protect()


async def test_papers_make_facts_and_a_case_that_waited_for_them_goes_on(calm: Desk) -> None:
    party = await calm.apply(UNPAPERED, track="S")
    assert calm.stage(party) == "vetting"
    first = await licence(calm, party, expires=None)
    assert (first["state"], first["facts"], first["stage"]) == ("counts", ["documents"], "vetting")
    assert (await report(calm, party))["facts"] == ["documents", "quality_report_score"]
    last = await trademark(calm, party)
    assert sorted(last["facts"]) == ["authorisation_levels", "owns_brand", "trademark_status"]
    assert (last["stage"], last["findings"]) == ("active", [])

    known = shown(calm, party)
    assert known["documents"]["value"] == "business_licence|quality_report"
    assert known["trademark_status"]["source"] == f"document:{last['document_id']}"
    assert known["authorisation_levels"]["value"] == "0"
    assert known["trademark_status"]["valid_until"] == "2099-01-01T16:00:00Z"
    inputs = [json.loads(each.inputs) for each in _decisions(calm, party)]
    assert inputs[-1]["facts"]["trademark_status"]["source"] == f"document:{last['document_id']}"
    assert [each["kind"] for each in parties.show(calm.office, party)["documents"]] == [
        "business_licence",
        "quality_report",
        "trademark",
    ]
    assert NAME not in json.dumps(calm.audit(party), ensure_ascii=False)
    assert USCC not in json.dumps(calm.audit(party))


def _decisions(desk: Desk, party: str) -> list[Any]:
    with desk.office.db.read() as conn:
        return [each for each in decisions.for_party(conn, party) if each.kind == "eligibility"]


async def test_letters_lead_from_the_owner_to_the_party(calm: Desk) -> None:
    party = await calm.apply(UNPAPERED, track="S")
    await licence(calm, party, expires=None)
    await report(calm, party)
    mark = await trademark(calm, party, owner="Owner Ltd")
    assert [each["code"] for each in mark["findings"]] == ["no_chain"]
    assert "authorisation_levels" not in calm.known(party)

    for giver, taker, end in (("Owner  LTD", "A", 30), ("A", "B", 20), ("B", NAME, 40)):
        last = await add(
            calm,
            party,
            "brand_authorisation",
            trademark="12345678",
            **{"from": giver},
            to=taker,
            expires=day(calm, days=end),
        )
    assert last["stage"] == "active"
    levels = shown(calm, party)["authorisation_levels"]
    assert (levels["value"], levels["valid_until"][:10]) == ("3", day(calm, days=20))
    assert levels["source"].count(",") == 3
    assert documents.show(calm.office, mark["document_id"])["findings"] == []


async def test_a_paper_ends_and_no_decision_after_it_uses_it(calm: Desk) -> None:
    """Whether anybody looked or not."""
    party = await calm.apply(without(BRAND, "trademark_status", "trademark_filed_on"), track="S")
    assert calm.stage(party) == "vetting"
    party = calm.new_party()
    await standings.nominate(calm.office, party_id=party, track="S", who=Asker("mei"))
    mark = await trademark(calm, party, owner=party)
    end_now(calm, mark["document_id"])
    known = shown(calm, party)
    assert (known["trademark_status"]["value"], known["trademark_status"]["state"]) == (None, "expired")

    await calm.apply(
        without(BRAND, "trademark_status", "trademark_filed_on", "authorisation_levels"), party=party, track="S"
    )
    assert calm.stage(party) == "vetting"
    used = json.loads(_decisions(calm, party)[-1].inputs)["facts"]
    assert used["trademark_status"]["value"] is None
    assert used["authorisation_levels"]["value"] is None
    assert documents.verify(calm.office, None, party_id=party)["findings"][0]["code"] == "expired"


async def test_the_watch_tells_people_what_ended(calm: Desk) -> None:
    party = await calm.apply(without(UNPAPERED, "review_score"), track="S")
    await licence(calm, party, expires=None)
    paper = await report(calm, party)
    await trademark(calm, party)
    case = calm.case(party)
    assert (calm.stage(party), case["state"]) == ("vetting", "open")
    assert [each["criterion"] for each in case["unknown"]] == ["trust.reviews"]

    end_now(calm, paper["document_id"])
    view = await watch(calm)
    assert view.ended >= 1
    assert view.rescreened >= 1
    await until(lambda: len(calm.case(party)["unknown"]) == 1 and _failed(calm, party), "screened again")
    assert _failed(calm, party) == ["qualification.documents"]
    assert calm.known(party)["documents"] == "business_licence"
    (told,) = calm.audit(party, "document:ended")
    assert (told["actor"]["kind"], told["subject"]["id"]) == ("system", paper["document_id"])

    again = await watch(calm)
    assert (again.ended, again.rescreened) == (0, 0)
    assert len(calm.audit(party, "document:ended")) == 1


def _failed(desk: Desk, party: str) -> list[str]:
    last = desk.decisions(party, "eligibility")[-1]
    return [each["criterion"] for each in last["findings"] if each["verdict"] == "fail"]


async def test_the_watch_goes_on_in_new_runs(calm: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from activities import documents as activity

    monkeypatch.setattr(activity, "PAGE", 1)
    ended = []
    for _ in range(3):
        party = calm.new_party()
        await standings.nominate(calm.office, party_id=party, track="M", who=Asker("mei"))
        paper = await add(calm, party, "contract", number="1", expires="2020-06-30")
        assert paper["state"] == "ended"
        ended.append(party)
    view = await watch(calm, page_limit=1)
    assert view.ended == 3
    assert all(len(calm.audit(party, "document:ended")) == 1 for party in ended)


async def test_a_newer_paper_takes_the_place_of_one_and_a_withdrawn_one_proves_nothing(calm: Desk) -> None:
    party = await calm.apply(without(UNPAPERED, "review_score"), track="S")
    pending = await trademark(
        calm, party, owner=party, status="pending", filed=day(calm, days=-30), expires=None, issued=day(calm, days=-30)
    )
    assert calm.known(party)["trademark_status"] == "pending"
    registered = await trademark(calm, party, owner=party, supersedes=pending["document_id"])
    assert (registered["revision"], calm.known(party)["trademark_status"]) == (2, "registered")
    assert calm.known(party)["trademark_filed_on"] is None  # the newer record does not say it
    seen = documents.show(calm.office, registered["document_id"])
    assert [(each["document_id"], each["state"]) for each in seen["history"]] == [
        (pending["document_id"], "superseded")
    ]
    with pytest.raises(Refused, match="is superseded already"):
        await trademark(calm, party, owner=party, supersedes=pending["document_id"])

    with pytest.raises(InputError, match="says why"):
        await documents.withdraw(calm.office, registered["document_id"], who=Asker("lan"))
    with pytest.raises(NotPermitted):
        await documents.withdraw(calm.office, registered["document_id"], who=Asker("mei", reason="forged"))
    gone = await documents.withdraw(calm.office, registered["document_id"], who=Asker("lan", reason="forged"))
    assert gone["state"] == "withdrawn"
    known = shown(calm, party)
    assert [known[name]["state"] for name in ("trademark_status", "owns_brand", "authorisation_levels")] == [
        "unknown"
    ] * 3
    assert known["owns_brand"]["source"] == "document:none"
    assert documents.list_documents(calm.office, party, kind=None, every=False, limit=9) == []
    listed = documents.list_documents(calm.office, party, kind="trademark", every=True, limit=9)
    assert [each["state"] for each in listed] == ["superseded", "withdrawn", "withdrawn"]


async def test_what_somebody_says_later_stands_until_a_paper_says_something_else(calm: Desk) -> None:
    party = await calm.apply(without(UNPAPERED, "review_score"), track="S")
    mark = await trademark(calm, party, owner=party)
    await calm.set_facts(party, {"trademark_status": "none"})
    await report(calm, party)  # the trademark's record says what it said before
    assert calm.known(party)["trademark_status"] == "none"
    await documents.withdraw(calm.office, mark["document_id"], who=Asker("lan", reason="cancelled"))
    assert calm.known(party)["trademark_status"] == "none"
    await trademark(calm, party, owner=party, number="2")
    assert calm.known(party)["trademark_status"] == "registered"


async def test_said_twice_is_done_once(calm: Desk, tmp_path: Path) -> None:
    party, other = await calm.apply(without(UNPAPERED, "review_score"), track="S"), calm.new_party()
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(b"%PDF-1.7 a licence")
    said = {"expires": None, "file": scan, "command_id": f"{party}/licence"}
    one, two = await asyncio.gather(licence(calm, party, **said), licence(calm, party, **said))
    assert one == two == await licence(calm, party, **said)
    assert len(calm.audit(party, "document:added")) == 1
    assert len(documents.list_documents(calm.office, party, kind=None, every=True, limit=9)) == 1
    scan.write_bytes(b"%PDF-1.7 another licence")
    with pytest.raises(CommandConflict):
        await licence(calm, party, **said)
    with pytest.raises(NotFound, match=other):
        await licence(calm, other)
    with pytest.raises(NotPermitted):
        await licence(calm, party, who="jun", expires=None)
    with pytest.raises(InputError, match="check digit is wrong"):
        await add(calm, party, "business_licence", uscc=USCC[:-1] + "M", name=NAME, expires=None)


async def test_a_file_is_kept_compared_and_its_readers_are_known(calm: Desk, tmp_path: Path) -> None:
    party = await calm.apply(without(UNPAPERED, "review_score"), track="S")
    scan, out = tmp_path / "scan.pdf", tmp_path / "out.pdf"
    scan.write_bytes(b"%PDF-1.7 " + party.encode())
    paper = await report(calm, party, file=scan)
    the_id = paper["document_id"]
    got = await documents.get(calm.office, the_id, out, who=Asker("lan"))
    assert out.read_bytes() == scan.read_bytes()
    assert got["file_sha256"] == paper["file_sha256"]
    (read,) = calm.audit(party, "document:read")
    assert read["actor"]["id"] == "lan"
    with pytest.raises(NotPermitted):
        await documents.get(calm.office, the_id, tmp_path / "other.pdf", who=Asker("jun"))
    assert documents.verify(calm.office, the_id, party_id=None) == {"documents": 1, "sound": 1, "findings": []}

    place = calm.settings.files / paper["file_sha256"][:2] / paper["file_sha256"]
    place.chmod(0o600)
    place.write_bytes(b"something else")
    (wrong,) = documents.verify(calm.office, the_id, party_id=None)["findings"]
    assert (wrong["code"], wrong["document_id"]) == ("damaged_file", the_id)
    place.unlink()
    assert documents.verify(calm.office, None, party_id=party)["findings"][0]["code"] == "missing_file"
    bare = await licence(calm, party, expires=None)
    with pytest.raises(NotFound, match="has no file"):
        await documents.get(calm.office, bare["document_id"], tmp_path / "x", who=Asker("lan"))


async def test_what_ends_soon_is_listed_first_to_last(calm: Desk) -> None:
    party = await calm.apply(FAST_BRAND)
    assert calm.stage(party) == "endorsed"
    for number, end in (("c", 40), ("a", 3), ("b", 20)):
        await add(calm, party, "contract", number=number, expires=day(calm, days=end))
    listed = documents.expiring(calm.office, within=30, party_id=party, limit=9)
    assert [(each["fields"]["number"], each["days_left"] in {each["days_left"], 3}) for each in listed] == [
        ("a", True),
        ("b", True),
    ]
    assert all(0 <= each["days_left"] <= 30 for each in listed)
    assert len(documents.expiring(calm.office, within=60, party_id=party, limit=9)) == 3
    with pytest.raises(InputError, match="is not a number of days"):
        documents.expiring(calm.office, within=-1, party_id=None, limit=9)


async def test_facts_the_book_does_not_have_are_left_out(calm: Desk) -> None:
    """A book may know nothing of trademarks; its parties have documents all the same."""
    party = await calm.apply(FAST_BRAND)
    with calm.office.db.write() as conn:
        at = calm.office.now()
        fact_rows.record(conn, party, [NewFact("documents", "import_papers", at, "staff")], key="x", at=at)
    await add(calm, party, "contract", number="1", expires=None)
    assert calm.known(party)["documents"] in {"contract|import_papers", "import_papers"}
