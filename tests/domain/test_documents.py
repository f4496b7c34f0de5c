"""Records of papers: what is taken, what is not, until when they count, and which way a brand comes to a party."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbrand.domain.documents import (
    FIELDS,
    Chain,
    Details,
    DocumentKind,
    Paper,
    chain_of,
    ends_at,
    names_of,
    read_details,
    read_uscc,
    same_holder,
)
from fastbrand.domain.errors import InputError

TODAY = date(2022, 8, 1)
NOW = datetime(2022, 8, 1, 4, tzinfo=UTC)
USCC = "91110000600037341L"
"""The example of python-stdnum: its check digit is right."""

GOOD: dict[str, dict[str, str]] = {
    "trademark": {"number": "12345678", "class": "25", "status": "registered", "owner": "青禾服饰有限公司"},
    "business_licence": {"uscc": USCC, "name": "青禾服饰有限公司"},
    "brand_authorisation": {"trademark": "12345678", "from": "青禾服饰有限公司", "to": "acme"},
    "quality_report": {"lab": "CTI 华测检测", "result": "pass", "score": "92.5"},
    "contract": {"number": "KS-2022-17"},
}


def read(kind: str, expires: str | None = "2030-01-01", issued: str | None = "2020-01-01", **more: str) -> Details:
    fields = {name.rstrip("_"): text for name, text in {**GOOD.get(kind, {}), **more}.items()}
    return read_details(kind, fields, issued=issued, expires=expires, today=TODAY)


@pytest.mark.parametrize("kind", list(GOOD))
def test_a_record_of_each_kind_is_read_as_it_is(kind: str) -> None:
    found = read(kind)
    assert found.fields == GOOD[kind]
    assert (found.kind, found.issued_on, found.expires_on) == (kind, date(2020, 1, 1), date(2030, 1, 1))
    assert ends_at(found, "Asia/Shanghai") == datetime(2030, 1, 1, 16, tzinfo=UTC)  # its last day counts, there


def test_every_kind_is_tried_here() -> None:
    assert set(GOOD) == {str(kind) for kind in DocumentKind} == {str(kind) for kind in FIELDS}


@pytest.mark.parametrize("kind", list(GOOD))
def test_what_must_be_there_must_be_there(kind: str) -> None:
    for field in FIELDS[DocumentKind(kind)]:
        if field.required:
            with pytest.raises(InputError, match=f"needs `{field.name}`"):
                read(kind, **{field.name: "  "})


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        ("trade_mark", {}, "did you mean `trademark`"),
        ("passport", {}, "kinds are trademark, business_licence"),
        ("trademark", {"numbr": "1"}, "did you mean `number`"),
        ("trademark", {"class_": "46"}, "`46` is not a trademark class"),
        ("trademark", {"class_": "²"}, "is not a trademark class"),
        ("trademark", {"status": "granted"}, "`granted` is none of registered, pending"),
        ("trademark", {"filed": "2022-13-01"}, "`2022-13-01` is not a day"),
        ("trademark", {"filed": "2022-08-02"}, "cannot be filed on `2022-08-02`, which is to come"),
        ("trademark", {"owner": "a\nb"}, "cannot be a name or number"),
        ("trademark", {"owner": "x" * 121}, "cannot be a name or number"),
        ("quality_report", {"score": "100.1"}, "is not a score"),
        ("quality_report", {"score": "1e2"}, "is not a score"),
        ("quality_report", {"score": "92.55"}, "is not a score"),
        ("quality_report", {"score": " ", "result": ""}, "needs `score` or `result`"),
        ("brand_authorisation", {"exclusive": "yes"}, "`yes` is none of true, false"),
    ],
)
def test_what_cannot_be_is_told_with_the_mend(kind: str, more: dict[str, str], said: str) -> None:
    with pytest.raises(InputError) as refused:
        read(kind, **more)
    assert said in f"{refused.value.message} ({refused.value.hint})"
    assert refused.value.hint


@pytest.mark.parametrize(
    ("kind", "issued", "expires", "said"),
    [
        ("trademark", "2022-08-02", "2030-01-01", "cannot be issued on `2022-08-02`"),
        ("trademark", "2020-01-02", "2020-01-01", "cannot expire on `2020-01-01`"),
        ("trademark", None, "2030-01-01", "needs the day it was issued"),
        ("trademark", "2020-01-01", None, "needs the day it expires"),
        ("quality_report", "2020-01-01", None, "needs the day it expires"),
        ("brand_authorisation", "2020-01-01", None, "needs the day it expires"),
        ("contract", "20-01-01", None, "`20-01-01` is not a day"),
        ("contract", "2020-01-01", "9999-12-31", "`9999-12-31` is not a day"),
    ],
)
def test_days_that_cannot_be(kind: str, issued: str | None, expires: str | None, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(kind, expires, issued)


@pytest.mark.parametrize("kind", ["business_licence", "contract"])
def test_what_may_have_no_end(kind: str) -> None:
    assert ends_at(read(kind, None), "Asia/Shanghai") is None


def test_a_pending_trademark_counts_for_a_year_from_its_filing() -> None:
    pending = read("trademark", None, None, status="pending", filed="2022-01-01")
    assert pending.issued_on == date(2022, 1, 1)
    end = ends_at(pending, "Asia/Shanghai")
    assert end == datetime(2023, 1, 1, 16, tzinfo=UTC)  # 365 days after 1 January is 1 January; that day counts
    with pytest.raises(InputError, match="needs `filed`"):
        read("trademark", None, status="pending")
    with pytest.raises(InputError, match="has no day on which it expires"):
        read("trademark", "2023-01-01", None, status="pending", filed="2022-01-01")


@pytest.mark.parametrize("text", [USCC, "91 110000 600037341L", "91110000-600037341l", "９" + USCC[1:]])
def test_a_credit_code_is_read_with_its_separators(text: str) -> None:
    assert read_uscc(text) == USCC


def test_a_credit_code_with_one_wrong_character_is_found() -> None:
    for place, right in enumerate(USCC):
        for wrong in "0123456789ABCDEFGHJKLMNPQRTUWXY":
            if wrong != right:
                with pytest.raises(InputError, match="is not a credit code"):
                    read_uscc(USCC[:place] + wrong + USCC[place + 1 :])


@pytest.mark.parametrize("text", ["", "9111", USCC + "0", "I" + USCC[1:], "x" * 500])
def test_what_is_no_credit_code(text: str) -> None:
    with pytest.raises(InputError) as refused:
        read_uscc(text)
    assert len(refused.value.message) < 200


# --- who may use a brand ------------------------------------------------------------------------------------------


def mark(owner: str = "o") -> Paper:
    fields = {"number": "1", "class": "25", "status": "registered", "owner": owner}
    return Paper("mark", DocumentKind.TRADEMARK, fields, TODAY, None, None)


def letter(giver: str, taker: str, *, days: int | None = None, sole: bool = False, number: str = "1") -> Paper:
    fields = {"trademark": number, "from": giver, "to": taker, "exclusive": str(sole).lower()}
    end = None if days is None else NOW + timedelta(days=days)
    return Paper(f"{giver}>{taker}/{days}", DocumentKind.BRAND_AUTHORISATION, fields, TODAY, None, end)


def found(letters: list[Paper], *, exclusive: bool = False) -> Chain | None:
    return chain_of(mark(), letters, {"p"}, NOW, exclusive=exclusive)


def test_the_owner_needs_no_letter() -> None:
    chain = chain_of(mark("P "), [], {"p"}, NOW)
    assert chain is not None
    assert (chain.levels, chain.ends_at, chain.exclusive) == (0, None, True)


def test_a_party_is_its_id_and_whatever_its_licence_calls_it() -> None:
    licence = Paper("l", DocumentKind.BUSINESS_LICENCE, {"uscc": USCC, "name": "青禾 服饰"}, TODAY, None, NOW)
    names = names_of("Acme-1", [licence])
    assert all(same_holder(each) in names for each in ("acme-1", "青禾服饰", USCC, USCC.lower(), "ＡＣＭＥ-1"))
    assert same_holder("acme") not in names


def test_the_shortest_way_then_the_one_that_holds_longest() -> None:
    long_way = [letter("o", "a"), letter("a", "b"), letter("b", "p")]
    short = [letter("o", "c", days=9), letter("c", "p", days=30)]
    longer = [letter("o", "d", days=20), letter("d", "p", days=15)]
    chain = found([*long_way, *short, *longer])
    assert chain is not None
    assert [each.document_id for each in chain.letters] == ["o>d/20", "d>p/15"]
    assert chain.ends_at == NOW + timedelta(days=15)
    only = found(long_way)
    assert only is not None
    assert (only.levels, only.ends_at) == (3, None)


def test_letters_that_ended_that_are_about_another_mark_or_lead_elsewhere_are_no_way() -> None:
    assert found([letter("o", "p", days=0)]) is None
    assert found([letter("o", "p", number="2")]) is None
    assert found([letter("x", "p")]) is None
    assert found([letter("o", "a"), letter("a", "o"), letter("b", "p")]) is None


def test_a_sole_licence_all_the_way() -> None:
    mixed = [letter("o", "p"), letter("o", "a", sole=True), letter("a", "p", sole=True)]
    chain, sole = found(mixed), found(mixed, exclusive=True)
    assert chain is not None
    assert sole is not None
    assert (chain.levels, chain.exclusive) == (1, False)
    assert (sole.levels, sole.exclusive) == (2, True)


_HOLDERS = "oabp"
_LETTERS = st.lists(
    st.builds(
        letter,
        st.sampled_from(_HOLDERS),
        st.sampled_from(_HOLDERS),
        days=st.none() | st.integers(-1, 3),
        sole=st.booleans(),
    ),
    max_size=8,
)


@given(letters=_LETTERS, exclusive=st.booleans())
def test_no_way_is_shorter_and_none_as_short_holds_longer(letters: list[Paper], exclusive: bool) -> None:
    """Against every way there is, tried one by one."""
    never = datetime.max.replace(tzinfo=UTC)
    ways: list[tuple[int, datetime]] = []
    for length in range(len(_HOLDERS) - 1):
        for between in permutations("ab", length):
            steps = list(pairwise(["o", *between, "p"]))
            until = never
            for giver, taker in steps:
                usable = [
                    each.ends_at or never
                    for each in letters
                    if (each.fields["from"], each.fields["to"]) == (giver, taker)
                    and (each.ends_at is None or each.ends_at > NOW)
                    and (not exclusive or each.fields["exclusive"] == "true")
                ]
                until = min(until, max(usable, default=NOW))
            if until > NOW:
                ways.append((len(steps), until))
    chain = found(letters, exclusive=exclusive)
    if not ways:
        assert chain is None
        return
    shortest = min(steps for steps, _ in ways)
    assert chain is not None
    assert chain.levels == shortest
    assert (chain.ends_at or never) == max(until for steps, until in ways if steps == shortest)
    assert [chain.letters[0].fields["from"], chain.letters[-1].fields["to"]] == ["o", "p"]
    assert all(one.fields["to"] == two.fields["from"] for one, two in pairwise(chain.letters))
