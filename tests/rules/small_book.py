"""A small complete book, file by file, for tests that spoil one place of it."""

from __future__ import annotations

from pathlib import Path

FACTS = """\
kind: facts
version: "1"
facts:
  buyers: {type: count, range: [0, 1_000_000], title: {en: Buyers, zh: 买家}}
  repurchase: {type: ratio, range: [0%, 100%], sample: buyers, max_age: 35 days, title: {en: Repurchase, zh: 复购}}
  gmv: {type: money, range: [0 CNY, 1_000_000_000 CNY], title: {en: Sales, zh: 成交额}}
  profit: {type: money, title: {en: Profit, zh: 利润}}
  experience: {type: score, decimals: 1, range: [0, 100], title: {en: Experience, zh: 体验}}
  price: {type: ratio, range: [1%, 500%], title: {en: Price, zh: 价格}}
  reply: {type: duration, unit: minutes, title: {en: Reply, zh: 回复}}
  owns_brand: {type: flag, title: {en: Own brand, zh: 自有品牌}}
  category: {type: choice, choices: {food: {en: Food, zh: 食品}, toys: {en: Toys, zh: 玩具}}, title: {en: C, zh: 类}}
  papers: {type: choices, choices: {licence: {en: L, zh: 照}, report: {en: R, zh: 报}}, title: {en: Papers, zh: 证}}
  first_sale: {type: date, range: [2015-01-01, null], title: {en: First sale, zh: 首单}}
  brand: {type: text, title: {en: Brand, zh: 品牌}}
derived:
  value_for_money: {quotient: {of: experience, by: price}, type: score, range: [0, 1_000], title: {en: V, zh: 值}}
  days_here: {age_in_days: first_sale, title: {en: Days, zh: 天数}}
"""

PROGRAMME = """\
kind: programme
version: "1"
currency: CNY
time_zone: Asia/Shanghai
business_days: CN
traffic_unit: {en: impressions, zh: 次曝光}
pools: {main: {budget: 1_000_000}, other: {budget: 500, status: illustrative}}
review: {rfi_rounds: 2, rfi_deadline: 10 days}
targets: {brands: 500, sales: 1_000_000 CNY}
baseline: {providers: {mcn: 90}, brands: 61}
"""

ELIGIBILITY = """\
rulebook: fast
kind: eligibility
version: "2022.2"
effective: {from: 2022-05-13}
parties: [M]
in_flight: pin
title: {en: Fast, zh: 快}
status: illustrative
criteria:
  - id: ladder.own
    title: {en: Own brand, zh: 自有品牌}
    require: {owns_brand: {is: true}}
    otherwise: reject
  - id: rate
    group: repurchase
    title: {en: Come back, zh: 复购}
    when: {category: {is_not: toys}}
    require:
      any:
        - repurchase: {at_least: {by: category, food: 30%, default: 20%}}
        - all:
            - gmv: {at_least: 1_000_000 CNY}
            - not: {reply: {more_than: 30 minutes}}
    min_sample: 30
    otherwise: refer
    unknown: note
scores:
  trust:
    title: {en: Trust, zh: 信任}
    decimals: 1
    parts:
      - {fact: repurchase, weight: 70, curve: [[0%, 0], [40%, 100]]}
      - {fact: experience, weight: 30}
outcomes:
  - {when: {failed: reject}, then: ineligible}
  - {when: {unknown: true, group: repurchase}, then: refer}
  - {when: {score: {trust: {at_least: 60}}}, then: eligible}
  - {then: refer}
"""

ROUTING = """\
rulebook: queues
kind: routing
decides: queue
version: "1"
rows:
  - {when: {screening: eligible, score: {trust: {at_least: 80}}, warnings: none}, then: {by: system}}
  - {when: {failed: refer, criterion: rate}, then: {queue: money, role: finance, sla: 24 hours}}
  - {then: {queue: vetting, role: reviewer, sla: 3 business days, four_eyes: false}}
"""

TRACK = """\
rulebook: tracks
kind: routing
decides: track
version: "1"
rows:
  - {when: {fact: {owns_brand: {is: false}}}, then: {track: merchant}}
  - {then: {track: M}}
"""

MAINTENANCE = """\
rulebook: upkeep
kind: maintenance
version: "1"
parties: [M]
every: 1 month
bands:
  - {id: come_back, fact: repurchase, title: {en: Back, zh: 回}, alert: {less_than: 20%}, limit: {less_than: 10%}}
  - {id: angry, fact: experience, title: {en: Angry, zh: 怒}, limit: {less_than: 60}}
outcomes:
  - {when: {limit: angry}, then: revoke, cause: anger}
  - {when: {streak: {at_least: 3, band: come_back}}, then: suspend}
  - {when: {alert: any}, then: alert}
  - {when: {clear_for: 6 months, fact: {gmv: {at_least: 10 CNY}}}, then: promote}
  - {then: keep}
"""

INCENTIVE = """\
rulebook: bonus
kind: incentive
version: "1"
parties: [M]
pool: {M: main}
every: 1 month
gates:
  - {id: gate, title: {en: Gate, zh: 门}, require: {experience: {at_least: 50}}}
base:
  fact: gmv
  tiers: [{up_to: 1_000 CNY, rate: 100%}, {rate: 0.5}]
multiplier: {score: trust, curve: [[0, 50%], [60, 100%], [100, 160%]]}
caps: {single_grant: 30_000, category_per_month: {food: 500, default: 200}}
tranches: [{share: 30%, after: 0 seconds}, {share: 70%, after: 10 days, needs: [keep, alert]}]
expires_after: 45 days
confirm_above: 20_000
clawback:
  - {cause: anger, within: 180 days, unspent: 100%, spent: 50%}
"""

MATCHING = """\
rulebook: providers
kind: matching
version: "1"
serves: {mcn: [K], industrial_belt: [M], merchant: [M], brand: [S]}
require:
  - {provider: {free_capacity: {at_least: 1}}}
  - {same: category}
prefer:
  - {weight: 50, covers: capability_gaps}
  - {weight: 30, provider: {content: {at_least: {by: type, mcn: 60, default: 40}}}}
  - {weight: 20, provider: {track_record: {curve: [[0, 0], [100, 100]]}}}
offers: 3
"""

FILES: dict[str, str] = {
    "facts.yaml": FACTS,
    "programme.yaml": PROGRAMME,
    "fast.eligibility.yaml": ELIGIBILITY,
    "queues.routing.yaml": ROUTING,
    "tracks.routing.yaml": TRACK,
    "upkeep.maintenance.yaml": MAINTENANCE,
    "bonus.incentive.yaml": INCENTIVE,
    "providers.matching.yaml": MATCHING,
}
"""Path in the book -> text."""


def write(directory: Path, files: dict[str, str] | None = None) -> Path:
    """Write ``files`` (default: the small book) below ``directory``; the directory."""
    for name, text in (FILES if files is None else files).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory
