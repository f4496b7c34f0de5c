"""Who the sample is made of: profiles of healthy parties, and what is wrong with the others.

A profile is a whole set of facts that hang together: sales, orders, buyers and followers of one size, scores of one
quality. A weakness changes a profile so that one criterion of the shipped book is missed, often by the least step.
Facts are texts in facts-file notation. Only ``random.Random.random`` and integers are used, so that a seed gives the
same bytes on every Python.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import TypeVar

T = TypeVar("T")
Facts = dict[str, str | None]
Weakness = Callable[["Draw", Facts], None]

# category -> average order in yuan, share of returned orders in basis points
CATEGORIES = {
    "apparel": (160, 2_200),
    "shoes_bags": (240, 1_900),
    "jewellery": (800, 1_500),
    "beauty": (140, 700),
    "food": (70, 300),
    "fresh_food": (80, 400),
    "home": (110, 800),
    "appliances": (420, 900),
    "electronics": (360, 900),
    "baby": (130, 700),
    "sports": (190, 1_100),
    "pet": (95, 400),
    "books": (60, 300),
    "auto": (150, 900),
    "other": (120, 800),
}
_NAMES = ("青禾", "山野", "棉语", "云织", "南岸", "小满", "百草", "果然", "木槿", "海棠", "稻田", "初见", "鹿鸣")
_ENDINGS = ("记", "坊", "里", "集", "社", "家", "匠", "原", "造", "物")
REGION_OF = {
    "海宁皮革": "zhejiang",
    "曹县汉服": "shandong",
    "义乌百货": "zhejiang",
    "景德镇陶瓷": "jiangxi",
    "南通家纺": "jiangsu",
    "安溪茶": "fujian",
    "诸暨珍珠": "zhejiang",
    "晋江鞋": "fujian",
}
"""Where the goods come from -> the region that is."""
_PLACES = tuple(REGION_OF)
WEIRD_TEXTS = (
    "'); DROP TABLE party; --",
    "<script>alert(1)</script>",
    "=1+1+cmd|' /C calc'!A0",
    "{{7*7}} ${7*7} %(name)s {0}",
    "../../../../etc/passwd",
    "\u202eعلامة\u202c \u200b\u200d",
    "𝕱𝖆𝖘𝖙 👩‍👩‍👧‍👦 ﷽",
    "长" * 3_000,
    "  spaces round it  ",
    "-1e400",
)


class Draw:
    """Random draws from one seed, by ``random()`` and integers alone."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def below(self, bound: int) -> int:
        """0 to ``bound`` - 1."""
        return int(self._random.random() * bound)

    def between(self, low: int, high: int) -> int:
        """``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """True in ``percent`` of 100."""
        return self.below(100) < percent

    def pick(self, items: Sequence[T]) -> T:
        """One of ``items``."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """``items`` in random order."""
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in range(len(left))]


# --- notation -----------------------------------------------------------------------------------------------------


def percent(basis_points: int) -> str:
    """A ratio in hundredths of a percent as facts files write it: 1525 is ``15.25%``."""
    return f"{basis_points // 100}.{basis_points % 100:02d}%"


def tenths(value: int) -> str:
    """A score in tenths: 625 is ``62.5``."""
    return f"{value // 10}.{value % 10}"


def yuan(fen: int) -> str:
    """An amount in fen as yuan: 12345 is ``123.45``."""
    return f"{fen // 100}.{fen % 100:02d}"


# --- healthy parties ----------------------------------------------------------------------------------------------


def merchant(draw: Draw, category: str, today: date) -> Facts:
    """A merchant that meets everything a fast brand is asked for, with high trust and nothing noted."""
    # many small ones, few large ones; the smallest still sells enough in every category
    size = draw.pick((22, 22, 22, 26, 26, 30, 30, 40, 40, 60, 90, 140, 220, 450))
    gmv_30d = size * 100_000_00 * draw.between(100, 140) // 100 + draw.below(100_000_00)
    here = draw.between(55_00, 95_00)
    months = draw.between(8, 45)
    facts = _shop(draw, category, gmv_30d, here)
    facts |= _trusted(draw)
    facts |= {
        "owns_brand": "true",
        "mass_awareness": percent(draw.between(1_00, 24_00)),
        "live_days_30d": str(draw.between(12, 30)),
        "self_live_gmv_share_30d": percent(draw.between(38_00, 92_00)),
        "content_score": tenths(draw.between(660, 960)),
        "months_active": str(months),
        "active_months_90d": "3",
        "first_sale_on": (today - timedelta(days=months * 30 + draw.below(25))).isoformat(),
        "private_gmv_share_30d": percent(draw.between(33_00, 70_00)),
        "lifetime_sales_share_here": percent(min(100_00, here + draw.between(-4_00, 12_00))),
        "industrial_belt": "true" if draw.chance(40) else "false",
        "planned_investment_365d": yuan(max(600_000_00, gmv_30d * draw.between(20, 60) // 100)),
        "brand_team_size": str(draw.between(10, 80)),
        "sourcing": draw.pick(("own_factory", "own_factory", "partner_factory")),
        "trademark_status": "registered" if draw.chance(80) else "pending",
        "trademark_filed_on": (today - timedelta(days=draw.between(40, 300))).isoformat(),
        "authorisation_levels": "0",
        "documents": "business_licence|quality_report",
    }
    return facts


def brand(draw: Draw, category: str, today: date) -> Facts:
    """A well-known brand with its papers in order, high trust and nothing noted."""
    size = draw.pick((80, 80, 100, 120, 160, 200, 300, 500, 900))
    gmv_30d = size * 100_000_00 * draw.between(100, 140) // 100 + draw.below(100_000_00)
    months = draw.between(1, 30)
    levels = draw.pick((0, 0, 1, 2, 3))
    facts = _shop(draw, category, gmv_30d, draw.between(3_00, 35_00))
    facts |= _trusted(draw)
    facts |= {
        "owns_brand": "true",
        "mass_awareness": percent(draw.between(32_00, 97_00)),
        "live_days_30d": str(draw.between(2, 30)),
        "self_live_gmv_share_30d": percent(draw.between(10_00, 90_00)),
        "content_score": tenths(draw.between(550, 970)),
        "months_active": str(months),
        "active_months_90d": str(min(3, months)),
        "first_sale_on": (today - timedelta(days=months * 30 + draw.below(25))).isoformat(),
        "private_gmv_share_30d": percent(draw.between(10_00, 50_00)),
        "lifetime_sales_share_here": percent(draw.between(1_00, 30_00)),
        "industrial_belt": "false",
        "planned_investment_365d": yuan(draw.between(2, 60) * 1_000_000_00),
        "brand_team_size": str(draw.between(8, 200)),
        "sourcing": draw.pick(("own_factory", "partner_factory")),
        "trademark_status": "registered",
        "trademark_filed_on": (today - timedelta(days=draw.between(900, 9_000))).isoformat(),
        "authorisation_levels": str(levels),
        "documents": "business_licence|quality_report" + ("|brand_authorisation" if levels else ""),
    }
    return facts


def _shop(draw: Draw, category: str, gmv_30d: int, here: int) -> Facts:
    """Sales, orders, buyers and followers of one size. ``here``: this platform's share of its sales, basis points."""
    order, refunds = CATEGORIES.get(category, CATEGORIES["other"])
    gmv_90d = gmv_30d * draw.between(245, 320) // 100
    orders = gmv_90d // (order * draw.between(80, 130))
    buyers = orders * draw.between(55, 85) // 100
    followers = max(520_000, buyers * draw.between(4, 30))
    return {
        "brand_name": draw.pick(_NAMES) + draw.pick(_ENDINGS),
        "origin_region": draw.pick(_PLACES),
        "category": category,
        "gmv_30d": yuan(gmv_30d),
        "gmv_90d": yuan(gmv_90d),
        "gmv_365d": yuan(gmv_90d * 4),
        "sales_all_channels_365d": yuan(gmv_90d * 4 * 100_00 // here),
        "sales_share_here_90d": percent(here),
        "orders_90d": str(orders),
        "delivered_orders_90d": str(orders * draw.between(93, 99) // 100),
        "refund_rate_90d": percent(refunds * draw.between(40, 100) // 100),
        "buyers_90d": str(buyers),
        "follower_count": str(followers),
        "fan_group_members": str(max(2_500, followers * draw.between(1, 6) // 100)),
        "users_reached_90d": str(followers * draw.between(2, 9)),
    }


def _trusted(draw: Draw) -> Facts:
    """Facts of trust that go together: who delivers well and answers soon is reviewed well and bought from again."""
    quality = draw.between(0, 100)
    return {
        "late_delivery_rate_90d": percent(60 + (100 - quality) * 4 + draw.below(150)),
        "first_reply_time_30d": f"{(100 - quality) // 40}.{draw.below(100):02d}",
        "review_score": tenths(43 + quality * 5 // 100 + draw.below(2)),
        "repurchase_rate_90d": percent(35_00 + quality * 10 + draw.below(500)),
        "returning_gmv_share_90d": percent(38_00 + quality * 15 + draw.below(900)),
        "counterfeit_confirmed_90d": "0",
        "severe_violations_365d": "0",
        "consumer_rights_score": tenths(845 + quality + draw.below(40)),
        "experience_score": tenths(840 + quality + draw.below(40)),
        "aesthetic_score": tenths(800 + quality + draw.below(80)),
        "price_to_category": percent(draw.between(68_00, 91_00)),
        "lower_tier_buyer_share_90d": percent(draw.between(32_00, 68_00)),
    }
