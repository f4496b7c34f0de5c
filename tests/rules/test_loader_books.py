"""What a sound book is loaded to."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from rules.loader import load_directory
from rules.loading.book import assemble
from rules.model import (
    MAX_INT,
    All,
    AnyOf,
    BandAtom,
    Book,
    Caps,
    ClearForAtom,
    Criterion,
    FactAtom,
    FailedAtom,
    Leaf,
    Mark,
    Not,
    ScoreAtom,
    ScreeningAtom,
    StreakAtom,
    Table,
    Title,
    UnknownAtom,
    WarningsAtom,
)
from tests.rules.small_book import ELIGIBILITY, FACTS, FILES, PROGRAMME, ROUTING, write

E = "fast.eligibility.yaml"


def load(**changed: str) -> Book:
    """The small book with some files of its kinds replaced."""
    names = {name.split(".")[-2] if name.count(".") > 1 else name.split(".")[0]: name for name in FILES}
    files = {**FILES, **{names.get(kind, f"{kind}.yaml"): text for kind, text in changed.items()}}
    book, mistakes = assemble({path: text.encode() for path, text in files.items()})
    assert book is not None, "\n".join(map(str, mistakes))
    return book


def required(require: str, **changed: str) -> Criterion:
    """The first criterion with another requirement."""
    text = ELIGIBILITY.replace("{owns_brand: {is: true}}", require)
    return load(eligibility=text, **changed).eligibility["fast"].criteria[0]


def test_facts_come_in_the_units_they_are_kept_in() -> None:
    facts = load().facts
    assert facts["repurchase"].range == (0, 10**9)
    assert facts["repurchase"].sample == "buyers"
    assert facts["repurchase"].max_age_ms == 35 * 86_400_000
    assert (facts["gmv"].decimals, facts["gmv"].unit, facts["gmv"].range) == (2, "CNY", (0, 10**11))
    assert (facts["profit"].range, facts["profit"].sample) == (None, None)
    assert (facts["experience"].decimals, facts["experience"].range) == (1, (0, 1000))
    assert facts["reply"].unit == "minutes"
    assert facts["first_sale"].range == (date(2015, 1, 1).toordinal(), date.max.toordinal())
    assert facts["category"].choices == {"food": Title("Food", "食品"), "toys": Title("Toys", "玩具")}
    assert facts["buyers"].mark == Mark("facts.yaml", 4, 3)
    days = facts["days_here"]
    assert days.derivation is not None
    assert (days.type, days.derivation.op, days.derivation.args) == ("count", "age_in_days", ("first_sale",))


def test_derived_facts_stand_behind_those_they_need() -> None:
    derived = (
        "  total: {sum: [first, second], type: count, range: [0, 10], title: {en: T, zh: 总}}\n"
        "  first: {minimum: [buyers, second], type: count, title: {en: F, zh: 一}}\n"
        "  second: {maximum: [buyers, buyers], type: count, title: {en: S, zh: 二}}\n"
    )
    facts = list(load(facts=FACTS + derived).facts)
    assert facts.index("buyers") < facts.index("second") < facts.index("first") < facts.index("total")


def test_the_currency_of_the_programme_gives_money_its_decimals() -> None:
    files = {path: text.replace("CNY", "JPY") for path, text in FILES.items()}
    book, mistakes = assemble({path: text.encode() for path, text in files.items()})
    assert book is not None, mistakes
    assert (book.programme.currency, book.programme.currency_decimals) == ("JPY", 0)
    assert book.facts["gmv"].range == (0, 10**9)
    assert book.incentive["bonus"].tiers[0].up_to == 1_000


def test_a_criterion_is_loaded_whole() -> None:
    own, rate = load().eligibility["fast"].criteria
    assert (own.id, own.group, own.otherwise, own.unknown) == ("ladder.own", "ladder", "reject", "refer")
    assert own.require == Leaf("owns_brand", "is", 1, Mark(E, 12, 15))
    assert (rate.group, rate.otherwise, rate.unknown, rate.min_sample) == ("repurchase", "refer", "note", 30)
    assert rate.when == Leaf("category", "is_not", "toys", Mark(E, 17, 12))
    assert isinstance(rate.require, AnyOf)
    first, second = rate.require.nodes
    assert isinstance(first, Leaf)
    assert first.operand == Table("category", {"food": 300_000_000}, 200_000_000)
    assert isinstance(second, All)
    money, slow = second.nodes
    assert isinstance(money, Leaf)
    assert (money.op, money.operand) == ("at_least", 100_000_000)
    assert isinstance(slow, Not)
    assert isinstance(slow.node, Leaf)
    assert slow.node.operand == 1_800_000


@pytest.mark.parametrize(
    ("require", "op", "operand"),
    [
        ("{buyers: {between: [3, 5]}}", "between", (3, 5)),
        ("{buyers: {is: 3}}", "is", 3),
        ("{first_sale: {within_days: 90}}", "within_days", 90),
        ("{first_sale: {after: 2022-01-01}}", "after", date(2022, 1, 1).toordinal()),
        ("{first_sale: {between: [2022-01-01, 2022-01-01]}}", "between", (date(2022, 1, 1).toordinal(),) * 2),
        ("{category: {one_of: [toys, food]}}", "one_of", ("food", "toys")),
        ("{papers: {one_of: [report]}}", "one_of", ("report",)),
        ("{papers: {is: [report, licence]}}", "is", ("licence", "report")),
        ("{papers: {is_not: report}}", "is_not", ("report",)),
        ("{brand: {matches: '^[一-龥]+$'}}", "matches", "^[一-龥]+$"),
        ("{brand: {is: '30'}}", "is", "30"),
        ("{brand: {none_of: [b, a]}}", "none_of", ("a", "b")),
        ("{owns_brand: {is_not: false}}", "is_not", 0),
        ("{experience: {less_than: 62.5}}", "less_than", 625),
        (
            "{buyers: {between: {by: category, food: [1, 2], toys: [3, 4]}}}",
            "between",
            Table("category", {"food": (1, 2), "toys": (3, 4)}, None),
        ),
        (
            "{papers: {one_of: {by: category, food: [report], default: [licence, report]}}}",
            "one_of",
            Table("category", {"food": ("report",)}, ("licence", "report")),
        ),
    ],
)
def test_operands_are_read_by_operator_and_type(require: str, op: str, operand: object) -> None:
    leaf = required(require).require
    assert isinstance(leaf, Leaf)
    assert (leaf.op, leaf.operand) == (op, operand)


def test_unknown_is_noted_where_a_fail_is_noted() -> None:
    text = ELIGIBILITY.replace("otherwise: reject", "otherwise: note")
    assert load(eligibility=text).eligibility["fast"].criteria[0].unknown == "note"


def test_scores_and_outcomes() -> None:
    book = load().eligibility["fast"]
    trust = book.scores["trust"]
    assert trust.decimals == 1
    assert [(part.fact, part.weight) for part in trust.parts] == [
        ("repurchase", Fraction(70)),
        ("experience", Fraction(30)),
    ]
    assert trust.parts[0].curve == ((Fraction(0), Fraction(0)), (Fraction(2, 5), Fraction(100)))
    assert trust.parts[1].curve is None
    assert [(row.when, dict(row.then)) for row in book.outcomes] == [
        ((FailedAtom("reject"),), {"outcome": "ineligible"}),
        ((UnknownAtom(True, group="repurchase"),), {"outcome": "refer"}),
        ((ScoreAtom("trust", "at_least", 600),), {"outcome": "eligible"}),
        ((), {"outcome": "refer"}),
    ]


def test_heads() -> None:
    book = load()
    head = book.eligibility["fast"].head
    assert (head.name, head.version, head.parties, head.in_flight) == ("fast", "2022.2", ("M",), "pin")
    assert (head.effective_from, head.effective_until, head.status) == (date(2022, 5, 13), None, "illustrative")
    assert (head.path, head.mark) == (E, Mark(E, 1, 1))
    other = book.routing["queues"].head
    assert (other.title, other.status, other.parties, other.effective_from) == (None, None, (), None)
    assert book.versions() == {
        "facts": "1",
        "programme": "1",
        "fast": "2022.2",
        "queues": "1",
        "tracks": "1",
        "upkeep": "1",
        "bonus": "1",
        "providers": "1",
    }


def test_routing() -> None:
    book = load()
    queues = book.routing["queues"]
    assert queues.decides == "queue"
    assert [row.when for row in queues.rows] == [
        (ScreeningAtom(("eligible",)), ScoreAtom("trust", "at_least", 800), WarningsAtom(False)),
        (FailedAtom("refer", criterion="rate"),),
        (),
    ]
    assert [dict(row.then) for row in queues.rows] == [
        {"by": "system"},
        {"queue": "money", "role": "finance", "sla": {"ms": 86_400_000}, "four_eyes": True},
        {"queue": "vetting", "role": "reviewer", "sla": {"business_days": 3}, "four_eyes": False},
    ]
    late = ROUTING.replace("sla: 24 hours}", "sla: 24 hours, escalate_to: {queue: heads, role: admin}}")
    assert load(**{"queues.routing": late}).routing["queues"].rows[1].then == {
        **queues.rows[1].then,
        "escalate_to": {"queue": "heads", "role": "admin"},
    }
    first = book.routing["tracks"].rows[0]
    assert first.when == (FactAtom(Leaf("owns_brand", "is", 0, Mark("tracks.routing.yaml", 6, 20))),)
    assert dict(first.then) == {"track": "merchant"}


def test_maintenance() -> None:
    upkeep = load().maintenance["upkeep"]
    assert upkeep.every_months == 1
    assert [(band.id, band.alert is None, band.limit is None) for band in upkeep.bands] == [
        ("come_back", False, False),
        ("angry", True, False),
    ]
    assert [dict(row.then) for row in upkeep.outcomes] == [
        {"outcome": "revoke", "cause": "anger"},
        {"outcome": "suspend"},
        {"outcome": "alert"},
        {"outcome": "promote"},
        {"outcome": "keep"},
    ]
    assert [row.when for row in upkeep.outcomes[:3]] == [
        (BandAtom("limit", "angry"),),
        (StreakAtom("at_least", 3, "come_back"),),
        (BandAtom("alert", None),),
    ]
    assert upkeep.outcomes[3].when[0] == ClearForAtom(6)


def test_incentive() -> None:
    bonus = load().incentive["bonus"]
    assert (bonus.pool, bonus.every_months, bonus.base_fact) == ({"M": "main"}, 1, "gmv")
    assert [(tier.up_to, tier.rate) for tier in bonus.tiers] == [(100_000, Fraction(1)), (None, Fraction(1, 2))]
    assert bonus.multiplier_score == "trust"
    assert bonus.multiplier_curve[2] == (Fraction(100), Fraction(8, 5))
    assert bonus.caps == Caps(30_000, None, Table("category", {"food": 500}, 200))
    assert [(t.share_ppb, t.after_ms, t.needs) for t in bonus.tranches] == [
        (300_000_000, 0, ()),
        (700_000_000, 864_000_000, ("keep", "alert")),
    ]
    assert (bonus.expires_after_ms, bonus.confirm_above) == (45 * 86_400_000, 20_000)
    (row,) = bonus.clawback
    assert (row.cause, row.within_ms, row.unspent_ppb, row.spent_ppb) == ("anger", 180 * 86_400_000, 10**9, 5 * 10**8)
    assert [(gate.id, gate.otherwise, gate.unknown) for gate in bonus.gates] == [("gate", "reject", "refer")]


def test_programme_and_its_defaults() -> None:
    programme = load().programme
    assert programme.targets == {"brands": 500, "sales": {"amount": 100_000_000, "currency": "CNY"}}
    assert programme.baseline == {"providers": {"mcn": 90}, "brands": 61}
    assert programme.pools["other"].status == "illustrative"
    day = 86_400_000
    assert programme.review == {
        "rfi_rounds": 2,
        "rfi_deadline_ms": 10 * day,
        "appeal_window_ms": 30 * day,
        "appeal_again_ms": 15 * day,
        "appeals": 2,
        "endorsement_term_ms": 365 * day,
        "endorsement_renews": 1,
        "endorsement_renewal_ms": 30 * day,
        "lift_after": 1,
        "suspension_ms": 90 * day,
        "cool_off_ms": 180 * day,
        "plan_ms": 60 * day,
        "waiting_retry_ms": day,
        "frozen_recheck_ms": day,
    }
    more = "endorsement: {term: 1 hour, renews: false}\nwaiting_retry: 2 seconds\nfrozen_recheck: 90 seconds\n"
    more += "standing: {lift_after: 3, cool_off: 1 day}\n"
    review = load(programme=PROGRAMME + more).programme.review
    assert (review["endorsement_term_ms"], review["endorsement_renews"]) == (3_600_000, 0)
    assert (review["lift_after"], review["cool_off_ms"], review["suspension_ms"]) == (3, day, 90 * day)
    assert (review["waiting_retry_ms"], review["frozen_recheck_ms"]) == (2_000, 90_000)


def test_where_cases_of_the_programme_wait() -> None:
    programme = load().programme
    usual = {"role": "reviewer", "sla": {"business_days": 5}}
    assert programme.cases == {
        "appeal": {"queue": "appeals", **usual},
        "standing": {"queue": "standing", **usual},
    }
    desk = "{queue: board, role: admin, sla: 2 hours, escalate_to: {queue: heads, role: reviewer}}"
    programme = load(programme=f"{PROGRAMME}cases: {{appeal: {desk}}}\n").programme
    assert programme.cases["appeal"] == {
        "queue": "board",
        "role": "admin",
        "sla": {"ms": 7_200_000},
        "escalate_to": {"queue": "heads", "role": "reviewer"},
    }
    assert programme.cases["standing"] == {"queue": "standing", **usual}


def test_open_ranges() -> None:
    facts = FACTS.replace("range: [0, 1_000_000]", "range: [0, null]")
    assert load(facts=facts).facts["buyers"].range == (0, MAX_INT)


def test_editions_of_a_rule_book_follow_each_other() -> None:
    ended = ELIGIBILITY.replace("{from: 2022-05-13}", "{from: 2022-05-13, until: 2023-01-01}")
    later = ELIGIBILITY.replace("2022-05-13", "2023-01-01").replace('"2022.2"', '"2023.1"')
    book = load(eligibility=ended, later=later)
    assert book.eligibility["fast"].head.version == "2023.1"
    assert [each.head.version for each in book.editions["fast"]] == ["2022.2", "2023.1"]

    def version_on(day: date) -> str | None:
        found = book.in_force("fast", day)
        return found.head.version if found else None

    assert version_on(date(2022, 5, 12)) is None
    assert version_on(date(2022, 5, 13)) == version_on(date(2022, 12, 31)) == "2022.2"
    assert version_on(date(2023, 1, 1)) == "2023.1"
    assert book.in_force("nothing", date(2023, 1, 1)) is None
    assert book.in_force("bonus", date.min) is book.incentive["bonus"]


def test_a_directory_gives_paths_as_they_were_asked_for(tmp_path: Path) -> None:
    book = load_directory(write(tmp_path))
    assert book.eligibility["fast"].head.path == f"{tmp_path}/{E}"
    assert book.facts["buyers"].mark.path == f"{tmp_path}/facts.yaml"
