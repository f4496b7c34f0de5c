"""What documents prove, and that no proof outlasts what it rests on."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fastbrand.domain.documents import CHAIN_MOST, DocumentKind, Paper
from fastbrand.domain.proofs import PROVEN, Proof, examine, prove
from tests.domain.test_documents import NOW, TODAY, letter

ALL = frozenset(DocumentKind)


def paper(kind: str, days: int | None = None, the_id: str = "", issued: date = TODAY, **fields: str) -> Paper:
    fields = {key.rstrip("_"): text for key, text in fields.items()}
    end = None if days is None else NOW + timedelta(days=days)
    return Paper(the_id or kind, DocumentKind(kind), fields, issued, None, end)


def mark(days: int | None = 100, status: str = "registered", owner: str = "p", name: str = "mark") -> Paper:
    return paper("trademark", days, name, number="1", class_="25", status=status, owner=owner, filed="2022-01-01")


def texts(papers: list[Paper], at: datetime = NOW) -> dict[str, str]:
    return {name: proof.text for name, proof in prove(papers, "p", at, of_record=ALL).items()}


LICENCE = paper("business_licence", 50, uscc="u", name="n")
REPORT = paper("quality_report", 10, "report", lab="l", result="pass", score="92.5")


def test_the_owner_of_a_registered_trademark() -> None:
    proven = prove([mark(), LICENCE, REPORT], "p", NOW, of_record=ALL)
    assert {name: (proof.text, proof.ends_at, proof.papers) for name, proof in proven.items()} == {
        "trademark_status": ("registered", NOW + timedelta(days=100), ("mark",)),
        "trademark_filed_on": ("2022-01-01", NOW + timedelta(days=100), ("mark",)),
        "authorisation_levels": ("0", NOW + timedelta(days=100), ("mark",)),
        "owns_brand": ("true", NOW + timedelta(days=100), ("mark",)),
        "documents": ("business_licence|quality_report", NOW + timedelta(days=10), ("business_licence", "report")),
        "quality_report_score": ("92.5", NOW + timedelta(days=10), ("report",)),
    }
    assert set(proven) == set(PROVEN)


def test_what_has_ended_proves_nothing() -> None:
    later = NOW + timedelta(days=100)
    assert texts([mark(), LICENCE, REPORT], later) == {"documents": "|"}
    assert texts([LICENCE, REPORT], NOW + timedelta(days=10)) == {"documents": "business_licence"}


def test_a_pending_one_stays_pending_after_its_year_and_owns_nothing_any_more() -> None:
    young, old = mark(30, "pending"), mark(-1, "pending")
    assert texts([young])["owns_brand"] == "true"
    proven = prove([old], "p", NOW, of_record=ALL)
    assert (proven["trademark_status"].text, proven["trademark_status"].ends_at) == ("pending", None)
    assert "owns_brand" not in proven
    assert [each.code for each in examine(old, [old], "p", NOW)] == ["pending_too_long"]


def test_a_registered_one_says_more_than_a_pending_one_and_a_near_one_more_than_a_far_one() -> None:
    assert texts([mark(30, "pending", name="z"), mark(20)])["trademark_status"] == "registered"
    far = [mark(owner="x", name="z"), letter("x", "p", number="1")]
    assert texts([*far, mark()])["authorisation_levels"] == "0"
    assert texts(far)["authorisation_levels"] == "1"


def test_steps_from_the_owner_are_counted_and_too_many_give_no_brand_of_ones_own() -> None:
    chain = [letter(one, two, sole=True, days=40) for one, two in ("xa", "ab", "bc", "cp")]
    mine = mark(owner="x")
    assert texts([mine, *chain])["authorisation_levels"] == "4"
    assert "owns_brand" not in texts([mine, *chain])
    assert [each.code for each in examine(mine, [mine, *chain], "p", NOW)] == ["long_chain"]
    shorter = [*chain[1:], mark(owner="a")]
    proven = prove(shorter, "p", NOW, of_record=ALL)
    assert (proven["authorisation_levels"].text, CHAIN_MOST) == ("3", 3)
    assert proven["owns_brand"] == Proof("true", NOW + timedelta(days=40), ("mark", "a>b/40", "b>c/40", "c>p/40"))
    assert "owns_brand" not in texts([mine, letter("x", "p")])  # allowed, but not alone
    assert [each.code for each in examine(mine, [mine], "p", NOW)] == ["no_chain"]


def test_a_report_of_a_failure_is_no_report_on_file() -> None:
    failed = paper("quality_report", 10, "failed", lab="l", result="fail", score="12.0")
    assert texts([failed]) == {"documents": "|"}
    assert [each.code for each in examine(failed, [failed], "p", NOW)] == ["failed"]
    assert texts([failed, REPORT])["quality_report_score"] == "92.5"


def test_the_newest_report_gives_the_score() -> None:
    older = paper("quality_report", 99, "older", date(2020, 1, 1), lab="l", score="99.0")
    assert texts([older, REPORT])["quality_report_score"] == "92.5"


def test_a_letter_to_somebody_else_is_not_this_partys_authorisation() -> None:
    assert texts([letter("x", "a")])["documents"] == "|"
    assert texts([letter("x", "p")])["documents"] == "brand_authorisation"


def test_what_was_said_stays_of_kinds_of_which_there_never_was_a_record() -> None:
    said = ["business_licence", "import_papers", "quality_report"]
    on_file = prove([REPORT], "p", NOW, said=said, of_record={DocumentKind.QUALITY_REPORT})["documents"]
    assert on_file.text == "business_licence|import_papers|quality_report"
    later = prove([REPORT], "p", NOW + timedelta(days=10), said=said, of_record={DocumentKind.QUALITY_REPORT})
    assert later["documents"] == Proof("business_licence|import_papers", None, ())
    assert prove([], "p", NOW, said=said) == {}
    assert prove([mark()], "p", NOW, said=said, of_record={DocumentKind.TRADEMARK}).keys() & {"documents"} == set()


_DAYS = st.none() | st.integers(-2, 4)
_PAPERS = st.one_of(
    st.builds(
        mark,
        st.integers(-2, 4),
        st.sampled_from(["registered", "pending"]),
        st.sampled_from("px"),
        st.sampled_from("mn"),
    ),
    st.builds(letter, st.sampled_from("xa"), st.sampled_from("ap"), days=st.integers(-2, 4), sole=st.booleans()),
    st.builds(lambda days: paper("business_licence", days, uscc="u", name="n"), _DAYS),
    st.builds(
        lambda days, result: paper("quality_report", days, lab="l", result=result, score="1.0"),
        st.integers(-2, 4),
        st.sampled_from(["pass", "fail"]),
    ),
    st.builds(lambda days: paper("contract", days, number="1"), _DAYS),
)


@given(papers=st.lists(_PAPERS, max_size=6), day=st.integers(-1, 4))
def test_no_proof_outlasts_a_paper_it_rests_on(papers: list[Paper], day: int) -> None:
    named = [
        Paper(str(number), each.kind, each.fields, each.issued_on, None, each.ends_at)
        for number, each in enumerate(papers)
    ]
    at = NOW + timedelta(days=day)
    for name, proof in prove(named, "p", at, of_record=ALL).items():
        assert proof.ends_at is None or proof.ends_at > at
        rested = [named[int(number)] for number in proof.papers]
        for each in rested:
            if name in {"trademark_status", "trademark_filed_on", "authorisation_levels"} and (
                each.fields.get("status") == "pending"
            ):
                continue  # the rules see the filing's day, and say what it is worth
            assert each.counts(at)
            assert each.ends_at is None or (proof.ends_at is not None and proof.ends_at <= each.ends_at)
        assert rested or name == "documents"


@given(papers=st.lists(_PAPERS, max_size=6), day=st.integers(-1, 3))
def test_a_proof_holds_until_it_ends(papers: list[Paper], day: int) -> None:
    """Nobody has to look in between: what was proven is proven still, a moment before its end."""
    at = NOW + timedelta(days=day)
    for name, proof in prove(papers, "p", at, of_record=ALL).items():
        if name in {"documents", "quality_report_score"} or proof.ends_at is None:
            continue
        then = prove(papers, "p", proof.ends_at - timedelta(microseconds=1), of_record=ALL)
        assert name in then
