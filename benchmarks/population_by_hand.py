"""The policy of ``population_book`` as somebody who knows Polars would write it by hand, once, for an afternoon's use.

Every threshold is copied out of the book, every unit is worked out on paper, and 64 bits are trusted to do. It is as
fast as its writer could make it: no join for a table, no text for a verdict, nothing computed twice.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

PERCENT = 10**7
YUAN = 100
VERDICT = pl.Enum(["fail", "pass", "unknown", "not_applicable"])
OUTCOME = pl.Enum(["ineligible", "refer", "eligible"])
GRANT = pl.Enum(["no_grant", "grant"])
CAP = pl.Enum(["single_grant", "party_per_year", "category_per_month"])
MONTHLY = (
    *("live_days_30d", "self_live_share_30d", "content_score", "gmv_30d", "refund_rate_90d", "first_reply_30d"),
    *("buyers_90d", "repurchase_90d", "returning_share_90d", "followers", "private_share_30d", "group_members"),
    *("counterfeits_90d", "rights_score", "experience_score", "aesthetic_score", "price_to_category"),
)
REJECT = ("ladder.brand", "ladder.unknown", "content.days", "private.sales", "trust.counterfeits", "trust.rights")
NOTE = ("business.service", "private.groups")


def query(sellers: pl.LazyFrame, as_of: datetime) -> pl.LazyFrame:
    """Verdicts, outcome, score and bonus of ``sellers`` at ``as_of``."""
    oldest = int(as_of.timestamp() * 10**6) - 35 * 86_400 * 10**6
    stale = pl.col("observed_at").to_physical() < oldest
    today = as_of.astimezone(ZoneInfo("Asia/Shanghai")).date()
    sellers = sellers.with_columns(pl.when(stale).then(None).otherwise(pl.col(MONTHLY)).name.keep())
    sellers = sellers.with_columns(felt=pl.col("experience_score") + pl.col("aesthetic_score"))
    value = pl.col("felt") * 10**9 // pl.col("price_to_category")
    sellers = sellers.with_columns(
        value=pl.when(value <= 20_000).then(value),
        days_here=(pl.lit(today) - pl.col("first_sale_on")).dt.total_days(),
    )
    return _bonus(_outcome(sellers.with_columns(trust=_trust(), **_criteria())))


def _criteria() -> dict[str, pl.Expr]:
    """Criterion -> whether it is met; null is unknown, or not applicable."""
    col, category = pl.col, pl.col("category")
    sales = (
        pl.when(category == "apparel").then(3_000_000 * YUAN)
        .when(category == "jewellery").then(5_000_000 * YUAN)
        .when(category.is_in(["appliances", "electronics"])).then(4_000_000 * YUAN)
        .when(category == "books").then(800_000 * YUAN)
        .when(category == "pet").then(1_000_000 * YUAN)
        .when(category.is_not_null()).then(2_000_000 * YUAN)
    )  # fmt: skip
    refunds = (
        pl.when(category == "apparel").then(40 * PERCENT)
        .when(category == "shoes").then(35 * PERCENT)
        .when(category == "jewellery").then(30 * PERCENT)
        .when(category.is_not_null()).then(20 * PERCENT)
    )  # fmt: skip
    again = (
        pl.when(category == "apparel").then(15 * PERCENT)
        .when(category.is_in(["jewellery", "appliances"])).then(8 * PERCENT)
        .when(category.is_in(["food", "fresh_food"])).then(25 * PERCENT)
        .when(category.is_not_null()).then(18 * PERCENT)
    )  # fmt: skip
    enough_buyers = col("buyers_90d") >= 30
    followed = (col("followers") >= 500_000) & (col("repurchase_90d") >= 20 * PERCENT)
    here = col("sales_share_here")
    return {
        "ladder.brand": col("owns_brand"),
        "ladder.unknown": col("mass_awareness") < 30 * PERCENT,
        "content.days": col("live_days_30d") >= 8,
        "content.own": col("self_live_share_30d") >= 30 * PERCENT,
        "content.quality": col("content_score") >= 600,
        "business.sales": col("gmv_90d") >= sales,
        "business.orders": col("orders_90d") >= 1_000,
        "business.delivery": pl.when(col("delivered_90d") >= 30).then(col("late_rate_90d") <= 8 * PERCENT),
        "business.refunds": pl.when(col("orders_90d") >= 100).then(col("refund_rate_90d") <= refunds),
        "business.service": col("first_reply_30d") <= 5 * 60_000,
        "repurchase.rate": pl.when(enough_buyers).then(col("repurchase_90d") >= again),
        "repurchase.sales": pl.when(enough_buyers).then(col("returning_share_90d") >= 20 * PERCENT),
        "private.sales": pl.when(category != "fresh_food").then((col("private_share_30d") >= 30 * PERCENT) | followed),
        "private.groups": col("group_members") >= 2_000,
        "commitment.here": (here >= 50 * PERCENT) | (col("industrial_belt") & (here >= 30 * PERCENT)),
        "commitment.long_term": (col("months_active") >= 6) | (col("days_here") >= 180),
        "commitment.supply": col("sourcing").is_in(["own_factory", "partner_factory"]),
        "trust.counterfeits": col("counterfeits_90d") <= 0,
        "trust.rights": col("rights_score") >= 600,
        "trust.value": col("value") >= 1_200,
    }


def _trust() -> pl.Expr:
    """40 for repurchase up to 40%, 30 for consumer rights, 30 for value for money; in tenths, floored once."""
    again, value = pl.col("repurchase_90d"), pl.col("value")
    # in millionths of a tenth: 40 x 10 tenths over 40% is 1 for each part per billion
    repurchase = pl.when(again <= 40 * PERCENT).then(again).when(again.is_not_null()).then(400_000_000)
    rights = pl.col("rights_score") * 300_000
    worth = (
        pl.when(value <= 800).then(0)
        .when(value <= 1_600).then((value - 800) * 225_000)
        .when(value <= 2_200).then(180_000_000 + (value - 1_600) * 200_000)
        .when(value.is_not_null()).then(300_000_000)
    )  # fmt: skip
    return (repurchase + rights + worth) // 10**6


def _outcome(sellers: pl.LazyFrame) -> pl.LazyFrame:
    criteria = list(_criteria())
    refer = [name for name in criteria if name not in (*REJECT, *NOTE)]
    unknown = [
        pl.col(name).is_null() & (pl.col("category") != "fresh_food").fill_null(True)
        if name == "private.sales"
        else pl.col(name).is_null()
        for name in criteria
        if name not in NOTE
    ]
    ineligible, referred, eligible = (pl.lit(word, OUTCOME) for word in OUTCOME.categories)
    return sellers.with_columns(
        outcome=pl.when(pl.any_horizontal(~pl.col(name) for name in REJECT)).then(ineligible)
        .when(pl.any_horizontal(~pl.col(name) for name in refer)).then(referred)
        .when(pl.any_horizontal(unknown)).then(referred)
        .when(pl.col("trust") >= 600).then(eligible)
        .otherwise(referred)
    )  # fmt: skip


def _bonus(sellers: pl.LazyFrame) -> pl.LazyFrame:
    sales, trust = pl.col("gmv_30d"), pl.col("trust")
    # base in fifths of a fen's impression, multiplier in 6,000ths: the product stays far below 2^63
    base = (
        pl.when(sales <= 1_000_000 * YUAN).then(sales * 10)
        .when(sales <= 10_000_000 * YUAN).then(sales * 5 + 500_000_000)
        .otherwise(sales * 2 + 3_500_000_000)
    )  # fmt: skip
    multiplier = pl.when(trust <= 600).then(3_000 + trust * 5).otherwise(600 + trust * 9)
    granted = (pl.col("counterfeits_90d") <= 0) & (pl.col("violations_365d") <= 0) & pl.col("category").is_not_null()
    sellers = sellers.with_columns(uncapped=pl.when(granted).then(base * multiplier // (10 * 100 * 6_000)))
    cap = pl.when(pl.col("category") == "jewellery").then(2_000_000).otherwise(3_000_000)
    by = pl.when(pl.col("category") == "jewellery").then(pl.lit("category_per_month", CAP))
    sellers = sellers.with_columns(amount=pl.min_horizontal("uncapped", cap).fill_null(0))
    sellers = sellers.with_columns(amount=pl.when(pl.col("uncapped").is_not_null()).then("amount").otherwise(0))
    capped_by = pl.when(pl.col("uncapped") > cap).then(by.otherwise(pl.lit("single_grant", CAP)))
    grant = pl.when(pl.col("amount") > 0).then(pl.lit("grant", GRANT)).otherwise(pl.lit("no_grant", GRANT))
    return sellers.select(
        "party_id",
        "outcome",
        "trust",
        *(_verdict(name) for name in _criteria()),
        pl.col("amount"),
        pl.col("uncapped"),
        capped_by.alias("capped_by"),
        grant.alias("grant"),
    )


def _verdict(name: str) -> pl.Expr:
    met = pl.col(name)
    words = {word: pl.lit(word, VERDICT) for word in VERDICT.categories}
    told = pl.when(met).then(words["pass"]).when(~met).then(words["fail"])
    if name == "private.sales":
        told = told.when(pl.col("category") == "fresh_food").then(words["not_applicable"])
    return told.otherwise(words["unknown"]).alias(name)
