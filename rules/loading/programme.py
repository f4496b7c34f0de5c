"""Kind ``programme``: currency, zone, calendar, pools, targets and the deadlines of the process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastbrand.domain.errors import InputError
from rules import programme_schema
from rules.currency import CURRENCIES
from rules.durations import parse_span
from rules.loading.desks import desk
from rules.loading.head import version
from rules.loading.reading import Fields, Reader
from rules.loading.scope import Scope
from rules.mistakes import shown
from rules.model import FactDef, Pool, Programme, Title
from rules.shape import Shape
from rules.values import parse_literal
from rules.words import STATUSES
from rules.yaml_guard import Mapping as MappingNode
from rules.yaml_guard import Node, Scalar

DAY_MS = 86_400_000
REVIEW_DEFAULTS: Mapping[str, int] = {
    "rfi_rounds": 3,
    "rfi_deadline_ms": 10 * DAY_MS,
    "appeal_window_ms": 30 * DAY_MS,
    "appeal_again_ms": 15 * DAY_MS,
    "appeals": 2,
    "endorsement_term_ms": 365 * DAY_MS,
    "endorsement_renews": 1,
    "endorsement_renewal_ms": 30 * DAY_MS,
    "lift_after": 1,
    "suspension_ms": 90 * DAY_MS,
    "cool_off_ms": 180 * DAY_MS,
    "plan_ms": 60 * DAY_MS,
    "waiting_retry_ms": DAY_MS,
    "frozen_recheck_ms": DAY_MS,
}
"""What ``Programme.review`` holds where the file says nothing; times in milliseconds, flags as 0 and 1."""
_SECTIONS: Mapping[str, tuple[Shape, Mapping[str, str], tuple[str, ...]]] = {
    "review": (
        programme_schema.REVIEW,
        {key: f"{key}_ms" for key in ("rfi_deadline", "appeal_window", "appeal_again")},
        ("rfi_rounds", "appeals"),
    ),
    "endorsement": (
        programme_schema.ENDORSEMENT,
        {"term": "endorsement_term_ms", "renewal": "endorsement_renewal_ms"},
        (),
    ),
    "standing": (
        programme_schema.STANDING,
        {key: f"{key}_ms" for key in ("suspension", "cool_off", "plan")},
        ("lift_after",),
    ),
}
"""Section -> its shape, the durations in it and the settings they fill, the counts in it."""
CASE_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "appeal": {"queue": "appeals", "role": "reviewer", "sla": {"business_days": 5}},
    "standing": {"queue": "standing", "role": "reviewer", "sla": {"business_days": 5}},
}
"""What ``Programme.cases`` holds where the file says nothing."""
LEAST_WAIT_MS = 1_000
USUAL_COUNTRIES = frozenset({"CN"})
"""Countries known to have a calendar without asking the package of calendars."""


def programme(reader: Reader, scope: Scope, node: Node) -> Programme | None:
    """The programme; its currency and pools go into ``scope`` even where other parts of it are broken."""
    fields = reader.fields(node, programme_schema.PROGRAMME)
    if fields is None:
        scope.pools_whole = False
        return None
    found_version = version(reader, fields)
    currency = _coded(reader, fields, "currency", CURRENCIES, "a currency", "write its ISO 4217 code: `CNY`")
    if currency is not None:
        scope.currency, scope.currency_decimals = currency, CURRENCIES[currency]
    zone = _zone(reader, fields)
    country = _country(reader, fields)
    unit = reader.title(fields.get("traffic_unit"), "the traffic unit")
    pools = _pools(reader, scope, fields)
    targets = _goals(reader, scope, fields.get("targets"), "`targets`", nested=False)
    baseline = _goals(reader, scope, fields.get("baseline"), "`baseline`", nested=True)
    review, cases = _review(reader, fields), _cases(reader, fields.get("cases"))
    if found_version is None or currency is None or zone is None or country is None or unit is None:
        return None
    if pools is None or targets is None or baseline is None or review is None or cases is None:
        return None
    decimals, mark = CURRENCIES[currency], reader.mark(fields.node)
    return Programme(
        found_version, currency, decimals, zone, country, unit, pools, targets, baseline, review, mark, cases
    )


def _coded(reader: Reader, fields: Fields, name: str, codes: Mapping[str, Any], label: str, hint: str) -> str | None:
    node = fields.get(name)
    text = reader.text(node, f"`{name}`") if node else None
    if node is None or text is None or text in codes:
        return text
    reader.wrong(node, "unknown_word", f"`{shown(text)}` is not {label}", hint)
    return None


def _zone(reader: Reader, fields: Fields) -> str | None:
    node = fields.get("time_zone")
    text = reader.text(node, "`time_zone`") if node else None
    if node is None or text is None:
        return None
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(text)
    except (ValueError, OSError, LookupError):  # what ZoneInfo raises depends on how far the name is from a path
        hint = "write an IANA name: `Asia/Shanghai`"
        reader.wrong(node, "unknown_word", f"`{shown(text)}` is not a time zone", hint)
        return None
    return text


def _country(reader: Reader, fields: Fields) -> str | None:
    node = fields.get("business_days")
    text = reader.text(node, "`business_days`") if node else None
    if node is None or text is None:
        return None
    if text in USUAL_COUNTRIES:
        return text
    from holidays.registry import COUNTRIES  # slow to load

    if any(text in entry for entry in COUNTRIES.values()) and text.isupper() and len(text) == 2:
        return text
    hint = "write the country's two letters: `CN`"
    reader.wrong(node, "unknown_word", f"`{shown(text)}` is not a country with a calendar", hint)
    return None


def _pools(reader: Reader, scope: Scope, fields: Fields) -> dict[str, Pool] | None:
    node = fields.get("pools")
    found = reader.mapping(node, "`pools`") if node else None
    if found is None:
        scope.pools_whole = False
        return None
    if not found.pairs:
        reader.wrong(found, "empty", "`pools` is empty", "write `name: {budget: ...}`")
    pools: dict[str, Pool] = {}
    for key, value in reader.named(found, "`pools`"):
        scope.pools.add(key.text)
        pool = _pool(reader, key, value)
        if pool is not None:
            pools[key.text] = pool
    return pools if pools and len(pools) == len(found.pairs) else None


def _pool(reader: Reader, key: Scalar, node: Node) -> Pool | None:
    fields = reader.fields(node, programme_schema.POOL)
    if fields is None:
        return None
    budget_node, status_node = fields.get("budget"), fields.get("status")
    budget = reader.whole(budget_node, "`budget`") if budget_node else None
    status = reader.word(status_node, "a status", STATUSES) if status_node else None
    if budget is None or (status_node is not None and status is None):
        return None
    return Pool(key.text, budget, status)


def _goals(reader: Reader, scope: Scope, node: Node | None, label: str, *, nested: bool) -> dict[str, Any] | None:
    """Names with whole numbers, or amounts as ``{amount: minor units, currency: code}``; ``nested``: a level more."""
    goals: dict[str, Any] = {}
    if node is None:
        return goals
    found = reader.mapping(node, label)
    if found is None:
        return None
    for key, value in reader.named(found, label):
        if nested and isinstance(value, MappingNode):
            goals[key.text] = _goals(reader, scope, value, f"`{key.text}`", nested=False)
        else:
            goals[key.text] = _goal(reader, scope, key, value)
    return goals if len(goals) == len(found.pairs) and all(goal is not None for goal in goals.values()) else None


def _goal(reader: Reader, scope: Scope, key: Scalar, node: Node) -> int | dict[str, Any] | None:
    label = f"`{key.text}`"
    if not (isinstance(node, Scalar) and node.text[-3:].isalpha() and " " in node.text):
        return reader.whole(node, label)
    money = FactDef(key.text, "money", Title("-", "-"), reader.mark(key), scope.currency_decimals, unit=scope.currency)
    amount = reader.take(lambda text: parse_literal(money, text), node, label)
    return None if amount is None else {"amount": amount, "currency": node.text[-3:]}


def _review(reader: Reader, fields: Fields) -> dict[str, int] | None:
    """The flat settings of the process, defaults filled in."""
    settings: dict[str, int | None] = dict(REVIEW_DEFAULTS)
    whole = True
    for name, (shape, waits, counts) in _SECTIONS.items():
        node = fields.get(name)
        if node is None:
            continue
        inner = reader.fields(node, shape)
        whole = whole and inner is not None
        for key, setting in waits.items() if inner else ():
            assert inner is not None
            _wait(reader, inner, key, setting, settings)
        for key in counts:
            number = inner.get(key) if inner else None
            if number is not None:
                settings[key] = reader.whole(number, f"`{key}`", 0, 20)
        renews = inner.get("renews") if inner else None
        if renews is not None:
            settings["endorsement_renews"] = reader.flag(renews, "`renews`")
    for key in ("waiting_retry", "frozen_recheck"):
        _wait(reader, fields, key, f"{key}_ms", settings)
    found = {key: value for key, value in settings.items() if value is not None}
    return found if whole and len(found) == len(settings) else None


def _cases(reader: Reader, node: Node | None) -> Mapping[str, Mapping[str, Any]] | None:
    """Where cases of each kind wait, defaults filled in."""
    fields = reader.fields(node, programme_schema.CASES) if node else None
    if fields is None:
        return CASE_DEFAULTS if node is None else None
    found: dict[str, Mapping[str, Any] | None] = dict(CASE_DEFAULTS)
    for kind in CASE_DEFAULTS:
        said = fields.get(kind)
        if said is not None:
            inner = reader.fields(said, programme_schema.CASE_DESK)
            found[kind] = desk(reader, inner) if inner is not None else None
    whole = {kind: value for kind, value in found.items() if value is not None}
    return whole if len(whole) == len(found) else None


def _wait(reader: Reader, fields: Fields, key: str, name: str, settings: dict[str, int | None]) -> None:
    """Put the duration under ``key`` into ``settings``: a second or more, so that nothing spins."""

    def parse(text: str) -> int:
        span = parse_span(text)
        if span < LEAST_WAIT_MS:
            raise InputError(f"`{key}` is shorter than a second", hint="write `1 second` or more", code="out_of_range")
        return span

    node = fields.get(key)
    if node is not None:
        settings[name] = reader.take(parse, node, f"`{key}`")
