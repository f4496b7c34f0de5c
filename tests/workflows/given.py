"""Parties to test with: facts under which the demonstration's book decides one way or another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

Facts = dict[str, str]

_OPERATED_SINCE = (datetime.now(UTC) - timedelta(days=900)).date().isoformat()

FAST_BRAND: Facts = {
    "brand_name": "青禾记",
    "category": "food",
    "owns_brand": "true",
    "mass_awareness": "6%",
    "sales_all_channels_365d": "8000000",
    "live_days_30d": "24",
    "self_live_gmv_share_30d": "62%",
    "content_score": "81.5",
    "gmv_90d": "6000000",
    "orders_90d": "60000",
    "delivered_orders_90d": "58000",
    "late_delivery_rate_90d": "2%",
    "review_score": "4.8",
    "months_active": "31",
    "active_months_90d": "3",
    "gmv_30d": "400000",
    "refund_rate_90d": "4%",
    "first_reply_time_30d": "2",
    "buyers_90d": "40000",
    "repurchase_rate_90d": "40%",
    "returning_gmv_share_90d": "44%",
    "follower_count": "600000",
    "private_gmv_share_30d": "42%",
    "fan_group_members": "9800",
    "lifetime_sales_share_here": "78%",
    "industrial_belt": "true",
    "sales_share_here_90d": "71%",
    "first_sale_on": _OPERATED_SINCE,
    "planned_investment_365d": "1500000",
    "brand_team_size": "22",
    "sourcing": "own_factory",
    "counterfeit_confirmed_90d": "0",
    "severe_violations_365d": "0",
    "consumer_rights_score": "90.0",
    "experience_score": "90.0",
    "aesthetic_score": "86.0",
    "price_to_category": "80%",
}
"""A merchant that goes straight through: everything known, everything met, highly trusted.

Its score is 40 + 27 + 30 x 100% = 97.0, so its bonus is 400,000 x 155.5% = 622,000 impressions.
"""

AMOUNT = 622_000
"""The bonus of ``FAST_BRAND`` in impressions."""

BRAND: Facts = {
    **FAST_BRAND,
    "brand_name": "海棠造",
    "mass_awareness": "74%",
    "sales_all_channels_365d": "2600000000",
    "trademark_status": "registered",
    "trademark_filed_on": _OPERATED_SINCE,
    "authorisation_levels": "0",
    "documents": "business_licence|quality_report",
    "lower_tier_buyer_share_90d": "48%",
}
"""A well-known brand that goes straight through, with the same bonus."""

LARGE: Facts = {"gmv_30d": "60000000", "gmv_90d": "180000000"}
"""Sales whose bonus, (1,000,000 + 9,000,000 / 2 + 50,000,000 / 5) x 155.5%, takes a person of finance to confirm."""

LARGE_AMOUNT = 24_102_500

WHITE_LABEL: Facts = {"owns_brand": "false"}
"""Refused by the ladder."""

UNREMARKABLE: Facts = {"content_score": "50.0"}
"""A criterion that is not met and refers: a person of the vetting queue looks, four eyes."""

LESS_TRUSTED: Facts = {"category": "home", "repurchase_rate_90d": "20%"}
"""A trust score of 77: eligible, but not so trusted that the system decides."""

ON_WATCH: Facts = {"experience_score": "55.0", "aesthetic_score": "100.0"}
"""Good enough to come in, and in the limit of the maintenance rules: tranches that need good standing are frozen."""


def without(facts: Facts, *names: str) -> Facts:
    """``facts`` of which ``names`` are unknown."""
    return {name: text for name, text in facts.items() if name not in names}
