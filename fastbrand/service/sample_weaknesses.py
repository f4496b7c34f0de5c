"""What is wrong with the parties of the sample that are not endorsed at once.

Each weakness makes a healthy profile miss one criterion of the shipped book, one time in three by the least step.
Those in ``*_REFUSED`` are met by a criterion that refuses, those in ``*_REFERRED`` by one that asks a person. A test
holds the lists and the book together: every criterion is missed by somebody.
"""

from __future__ import annotations

from fastbrand.service.sample_profiles import Draw, Facts, Weakness, percent, tenths, yuan


def _under(draw: Draw, limit: int, floor: int) -> int:
    """A value below ``limit``, down to ``floor``; one time in three the last one that fails."""
    return limit - 1 if draw.chance(33) else draw.between(floor, limit - 1)


def _over(draw: Draw, limit: int, ceiling: int) -> int:
    """A value above ``limit``, up to ``ceiling``; one time in three the first one that fails."""
    return limit + 1 if draw.chance(33) else draw.between(limit + 1, ceiling)


# --- refused ------------------------------------------------------------------------------------------------------


def white_label(_draw: Draw, facts: Facts) -> None:
    """Sells other people's goods."""
    facts |= {"owns_brand": "false", "brand_name": None, "sourcing": "market", "trademark_status": "none"}


def famous(draw: Draw, facts: Facts) -> None:
    """A merchant that everybody knows already: a brand, on the wrong track."""
    facts |= {"mass_awareness": "30%" if draw.chance(33) else percent(draw.between(30_00, 80_00))}


def rarely_live(draw: Draw, facts: Facts) -> None:
    """Hardly ever goes live."""
    facts["live_days_30d"] = str(_under(draw, 8, 0))


def no_private_domain(draw: Draw, facts: Facts) -> None:
    """Its followers are few and do not buy."""
    facts |= {
        "private_gmv_share_30d": percent(_under(draw, 30_00, 2_00)),
        "follower_count": str(_under(draw, 500_000, 800)),
    }
    if facts.get("category") == "fresh_food":
        facts["category"] = "food"


def counterfeit(draw: Draw, facts: Facts) -> None:
    """Sold counterfeits; everything else may shine."""
    facts["counterfeit_confirmed_90d"] = str(_over(draw, 0, 6))


def violations(draw: Draw, facts: Facts) -> None:
    """Broke the platform's rules badly."""
    facts["severe_violations_365d"] = str(_over(draw, 0, 4))


def wronged_consumers(draw: Draw, facts: Facts) -> None:
    """Disputes and complaints that it does not settle."""
    facts |= {
        "consumer_rights_score": tenths(_under(draw, 600, 120)),
        "first_reply_time_30d": str(draw.between(30, 900)),
    }


def little_known(draw: Draw, facts: Facts) -> None:
    """Calls itself a brand, and few have heard of it."""
    facts |= {
        "mass_awareness": percent(_under(draw, 30_00, 50)),
        "sales_all_channels_365d": yuan(_under(draw, 100_000_000_00, 2_000_000_00)),
    }


def no_trademark(draw: Draw, facts: Facts) -> None:
    """No trademark, or an application that has waited for more than a year."""
    facts["trademark_status"] = "none"
    if draw.chance(50):
        facts |= {"trademark_status": "pending", "trademark_filed_on": "2016-03-01"}


def far_from_owner(draw: Draw, facts: Facts) -> None:
    """An authorisation passed on too often."""
    facts |= {
        "authorisation_levels": str(_over(draw, 3, 9)),
        "documents": "brand_authorisation|business_licence|quality_report",
    }


# --- referred to a person -----------------------------------------------------------------------------------------


def borrowed_live_rooms(draw: Draw, facts: Facts) -> None:
    """Sells through other people's live rooms."""
    facts["self_live_gmv_share_30d"] = percent(_under(draw, 30_00, 1_00))


def dull_content(draw: Draw, facts: Facts) -> None:
    """Films that nobody watches to the end."""
    facts["content_score"] = tenths(_under(draw, 600, 150))


def small(draw: Draw, facts: Facts) -> None:
    """Good, and still small."""
    gmv_90d = draw.between(90_000_00, 790_000_00)
    orders = draw.between(400, 999)
    facts |= {
        "gmv_90d": yuan(gmv_90d),
        "gmv_30d": yuan(gmv_90d * draw.between(30, 38) // 100),
        "orders_90d": str(orders),
        "delivered_orders_90d": str(orders * 96 // 100),
        "buyers_90d": str(orders * 70 // 100),
    }


def few_orders(draw: Draw, facts: Facts) -> None:
    """Expensive goods, few orders."""
    orders = _under(draw, 1_000, 200)
    facts |= {
        "orders_90d": str(orders),
        "delivered_orders_90d": str(orders * 95 // 100),
        "buyers_90d": str(orders * 80 // 100),
    }


def late(draw: Draw, facts: Facts) -> None:
    """Delivers later than it promises."""
    facts["late_delivery_rate_90d"] = percent(_over(draw, 8_00, 45_00))


def returned_goods(draw: Draw, facts: Facts) -> None:
    """Much comes back."""
    facts["refund_rate_90d"] = percent(draw.between(40_01, 68_00))


def slow_service(draw: Draw, facts: Facts) -> None:
    """Answers late (only noted)."""
    facts["first_reply_time_30d"] = str(_over(draw, 5, 240))


def few_come_back(draw: Draw, facts: Facts) -> None:
    """Customers buy once."""
    facts |= {
        "repurchase_rate_90d": percent(draw.between(1_00, 7_99)),
        "returning_gmv_share_90d": percent(draw.between(4_00, 19_00)),
    }


def returning_sales_low(draw: Draw, facts: Facts) -> None:
    """Customers come back, and spend little."""
    facts["returning_gmv_share_90d"] = percent(_under(draw, 20_00, 3_00))


def no_groups(draw: Draw, facts: Facts) -> None:
    """No fan groups to speak of (only noted)."""
    facts["fan_group_members"] = str(_under(draw, 2_000, 0))


def grown_elsewhere(draw: Draw, facts: Facts) -> None:
    """Came here after it had grown elsewhere."""
    facts |= {
        "lifetime_sales_share_here": percent(_under(draw, 50_00, 3_00)),
        "industrial_belt": "false",
    }


def side_channel(draw: Draw, facts: Facts) -> None:
    """Sells mostly elsewhere."""
    facts["sales_share_here_90d"] = percent(_under(draw, 50_00, 4_00))


def newcomer(draw: Draw, facts: Facts) -> None:
    """Not here long enough to tell."""
    months = draw.between(1, 5)
    facts |= {"months_active": str(months), "active_months_90d": str(min(3, months)), "first_sale_on": "recent"}


def will_not_invest(draw: Draw, facts: Facts) -> None:
    """Plans to spend little, and has nobody for it."""
    facts |= {
        "planned_investment_365d": yuan(_under(draw, 500_000_00, 0)),
        "brand_team_size": str(_under(draw, 10, 0)),
    }


def buys_on_the_market(_draw: Draw, facts: Facts) -> None:
    """Its brand, other people's goods."""
    facts["sourcing"] = "market"


def dear_for_what_it_is(draw: Draw, facts: Facts) -> None:
    """Asks more than the experience is worth."""
    facts |= {
        "price_to_category": percent(draw.between(135_00, 260_00)),
        "experience_score": tenths(draw.between(500, 780)),
        "aesthetic_score": tenths(draw.between(500, 780)),
    }


def poorly_reviewed(draw: Draw, facts: Facts) -> None:
    """Buyers are not happy."""
    facts["review_score"] = tenths(_under(draw, 40, 12))


def middling_trust(draw: Draw, facts: Facts) -> None:
    """Meets everything, and is trusted less than goes straight through."""
    facts |= {
        "repurchase_rate_90d": percent(draw.between(25_00, 29_00)),
        "consumer_rights_score": tenths(draw.between(720, 800)),
        "price_to_category": percent(draw.between(104_00, 112_00)),
    }


def low_trust(draw: Draw, facts: Facts) -> None:
    """Just meets everything; its trust is below what makes eligible."""
    facts |= {
        "repurchase_rate_90d": percent(draw.between(25_00, 26_00)),
        "consumer_rights_score": tenths(draw.between(600, 630)),
        "experience_score": tenths(draw.between(640, 680)),
        "aesthetic_score": tenths(draw.between(640, 680)),
        "price_to_category": percent(draw.between(100_00, 105_00)),
    }


def papers_missing(draw: Draw, facts: Facts) -> None:
    """A licence or a quality report is not on file."""
    facts["documents"] = draw.pick(("brand_authorisation|business_licence", "brand_authorisation|quality_report"))


def letter_missing(draw: Draw, facts: Facts) -> None:
    """Sells somebody else's brand without the letter that allows it."""
    facts |= {"authorisation_levels": str(draw.between(1, 3)), "documents": "business_licence|quality_report"}


def big_cities_only(draw: Draw, facts: Facts) -> None:
    """Has few buyers in lower-tier cities (only noted)."""
    facts["lower_tier_buyer_share_90d"] = percent(_under(draw, 30_00, 2_00))


def facts_missing(draw: Draw, facts: Facts) -> None:
    """Nobody has brought some facts yet: left out, or there and empty."""
    for name in draw.shuffled(sorted(facts))[: draw.between(2, 8)]:
        if draw.chance(50):
            facts[name] = None
        else:
            del facts[name]
    facts.pop(draw.pick(("consumer_rights_score", "repurchase_rate_90d", "late_delivery_rate_90d")), None)


def too_few_to_tell(draw: Draw, facts: Facts) -> None:
    """So few buyers that a rate says nothing."""
    orders = draw.between(5, 28)
    facts |= {"orders_90d": str(orders), "delivered_orders_90d": str(orders), "buyers_90d": str(orders)}


def bare(_draw: Draw, facts: Facts) -> None:
    """A name and a category: everything else is unknown."""
    for name in sorted(facts):
        if name not in ("brand_name", "category"):
            del facts[name]


def next_to_nothing_in_price(_draw: Draw, facts: Facts) -> None:
    """A price so low that the index leaves its range."""
    facts["price_to_category"] = "1%"


def enormous(_draw: Draw, facts: Facts) -> None:
    """Numbers at the upper end of what is possible."""
    facts |= {
        "gmv_30d": "10000000000",
        "gmv_90d": "30000000000",
        "follower_count": "2000000000",
        "users_reached_90d": "2000000000",
        "planned_investment_365d": "100000000000",
        "brand_team_size": "100000",
    }


M_REFUSED: tuple[Weakness, ...] = (
    white_label,
    famous,
    rarely_live,
    no_private_domain,
    counterfeit,
    violations,
    wronged_consumers,
)
M_REFERRED: tuple[Weakness, ...] = (
    borrowed_live_rooms,
    dull_content,
    small,
    few_orders,
    late,
    returned_goods,
    slow_service,
    few_come_back,
    returning_sales_low,
    no_groups,
    grown_elsewhere,
    side_channel,
    newcomer,
    will_not_invest,
    buys_on_the_market,
    dear_for_what_it_is,
    poorly_reviewed,
    middling_trust,
    low_trust,
    facts_missing,
    facts_missing,
    facts_missing,
    facts_missing,
    too_few_to_tell,
    bare,
    next_to_nothing_in_price,
)
S_REFUSED: tuple[Weakness, ...] = (
    little_known,
    no_trademark,
    far_from_owner,
    counterfeit,
    violations,
    wronged_consumers,
)
S_REFERRED: tuple[Weakness, ...] = (
    papers_missing,
    letter_missing,
    big_cities_only,
    late,
    dear_for_what_it_is,
    poorly_reviewed,
    middling_trust,
    facts_missing,
    low_trust,
    facts_missing,
    bare,
)
