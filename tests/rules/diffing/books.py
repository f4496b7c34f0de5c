"""A book for two versions of it: eligibility and bonus, small enough to say by hand what a change means."""

from __future__ import annotations

from pathlib import Path

from rules.loader import load_directory
from rules.model import Book
from tests.rules.small_book import PROGRAMME, write

FACTS = """\
kind: facts
version: "1"
facts:
  buyers: {type: count, range: [0, 1_000], title: {en: Buyers, zh: 买家}}
  repurchase: {type: ratio, range: [0%, 100%], sample: buyers, max_age: 35 days, title: {en: Repurchase, zh: 复购}}
  gmv: {type: money, range: [0 CNY, 1_000_000 CNY], title: {en: Sales, zh: 成交额}}
  service: {type: score, decimals: 1, range: [0, 100], title: {en: Service, zh: 服务}}
  looks: {type: score, decimals: 1, range: [0, 100], title: {en: Looks, zh: 外观}}
  price: {type: ratio, range: [1%, 500%], title: {en: Price, zh: 价格}}
  reply: {type: duration, unit: minutes, range: [0 seconds, 10 days], title: {en: Reply, zh: 回复}}
  owns_brand: {type: flag, title: {en: Own brand, zh: 自有品牌}}
  category: {type: choice, choices: {food: {en: Food, zh: 食品}, toys: {en: Toys, zh: 玩具}}, title: {en: C, zh: 类}}
  papers: {type: choices, choices: {licence: {en: L, zh: 照}, report: {en: R, zh: 报}}, title: {en: Papers, zh: 证}}
  first_sale: {type: date, title: {en: First sale, zh: 首单}}
  region: {type: text, title: {en: Region, zh: 地区}}
derived:
  felt: {sum: [service, looks], type: score, decimals: 1, range: [0, 200], title: {en: Felt, zh: 体感}}
  worth: {quotient: {of: felt, by: price}, type: score, decimals: 1, range: [0, 1_000], title: {en: Worth, zh: 值}}
  days_here: {age_in_days: first_sale, title: {en: Days, zh: 天数}}
"""

ELIGIBILITY = """\
rulebook: fast
kind: eligibility
version: "1"  # fast
effective: {from: 2022-05-13}
parties: [M]
title: {en: Fast, zh: 快}
criteria:
  - id: ladder.own
    title: {en: Own brand, zh: 自有品牌}
    require: {owns_brand: {is: true}}
    otherwise: reject  # own
  - id: back.rate
    title: {en: Come back, zh: 复购}
    require: {repurchase: {at_least: {by: category, food: 30%, default: 20%}}}
    min_sample: 30
    otherwise: refer  # back
  - id: service.good
    title: {en: Good service, zh: 服务好}
    when: {category: {is_not: toys}}
    require:
      any:
        - service: {at_least: 60}
        - all:
            - reply: {at_most: 30 minutes}
            - worth: {at_least: 80}
    otherwise: refer
  - id: known.long
    title: {en: Known for long, zh: 经营已久}
    require: {days_here: {at_least: 180}}
    otherwise: note  # long
scores:
  trust:
    title: {en: Trust, zh: 信任}
    decimals: 1
    parts:
      - {fact: repurchase, weight: 60, curve: [[0%, 0], [40%, 100]]}
      - {fact: worth, weight: 40, curve: [[50, 0], [150, 100]]}
outcomes:
  - {when: {failed: reject}, then: ineligible}
  - {when: {failed: refer}, then: refer}
  - {when: {unknown: true}, then: refer}
  - {when: {score: {trust: {at_least: 60}}}, then: eligible}
  - {then: refer}
"""

BONUS = """\
rulebook: bonus
kind: incentive
version: "1"
parties: [M]
pool: {M: main}
every: 1 month
gates:
  - {id: licence, title: {en: Licence, zh: 执照}, require: {papers: {one_of: [licence]}}}
base:
  fact: gmv
  tiers: [{up_to: 10_000 CNY, rate: 100%}, {rate: 50%}]
multiplier: {score: trust, curve: [[0, 50%], [60, 100%], [100, 160%]]}
caps: {single_grant: 200_000, category_per_month: {food: 150_000, default: 180_000}}
tranches: [{share: 40%, after: 0 days}, {share: 60%, after: 10 days}]
expires_after: 45 days
"""

QUEUES = """\
rulebook: queues
kind: routing
decides: queue
version: "1"
rows:
  - {when: {screening: eligible}, then: {by: system}}
  - {then: {queue: vetting, role: reviewer, sla: 3 business days}}
"""

FILES = {
    "facts.yaml": FACTS,
    "programme.yaml": PROGRAMME,
    "fast.eligibility.yaml": ELIGIBILITY,
    "bonus.incentive.yaml": BONUS,
    "queues.routing.yaml": QUEUES,
}
Edit = tuple[str, str]
"""Text that stands once in one of the files, and what it becomes."""


def asks(require: str, otherwise: str, more: str = "") -> Edit:
    """A criterion more: what it requires, the effect of a fail, and other keys."""
    text = f"  - {{id: more, title: {{en: M, zh: 多}}, require: {require}, otherwise: {otherwise}{more}}}\n"
    return "scores:\n", f"{text}scores:\n"


def edited(*edits: Edit, drop: tuple[str, ...] = (), **more: str) -> dict[str, str]:
    """The files after ``edits``; without those of ``drop``, and with ``more`` (name with `__` for points -> text)."""
    files = {name: text for name, text in FILES.items() if name not in drop}
    files |= {name.replace("__", "."): text for name, text in more.items()}
    for old, new in edits:
        fitting = [name for name, text in files.items() if text.count(old) == 1]
        assert len(fitting) == 1, f"`{old}` stands in {fitting}"
        files[fitting[0]] = files[fitting[0]].replace(old, new)
    return files


def book(directory: Path, *edits: Edit, drop: tuple[str, ...] = (), **more: str) -> Book:
    """The book after ``edits``, loaded from a new folder below ``directory``."""
    place = directory / f"book{len(list(directory.iterdir()))}"
    place.mkdir()
    return load_directory(write(place, edited(*edits, drop=drop, **more)))
