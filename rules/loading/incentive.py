"""Kind ``incentive``: gates, base, multiplier, caps, tranches and clawback of the traffic bonus."""

from __future__ import annotations

from fractions import Fraction

from fastbrand.domain.errors import InputError
from fastbrand.domain.grant import PPB
from rules import schema
from rules.decimals import exactly, fraction_text, read_literal
from rules.durations import parse_span
from rules.loading.conditions import literal, table
from rules.loading.criteria import criteria, optional_name, unique
from rules.loading.head import head
from rules.loading.maintenance import every_months
from rules.loading.reading import Fields, Reader
from rules.loading.scope import Scope
from rules.loading.scores import curve
from rules.mistakes import shown
from rules.model import MAX_INT, Caps, Clawback, Curve, FactDef, Incentive, Table, Tier, Tranche
from rules.words import MAINTENANCE_OUTCOMES, TRACKS
from rules.yaml_guard import Mapping, Node, Scalar

CATEGORY = "category"
"""The choice fact by which ``category_per_month`` is kept, unless the table says another."""


def incentive(reader: Reader, scope: Scope, node: Node) -> Incentive | None:
    """An incentive book."""
    fields = reader.fields(node, schema.INCENTIVE)
    if fields is None:
        return None
    found_head = head(reader, fields)
    pool = _pool(reader, scope, fields, found_head.parties if found_head else None)
    every = every_months(reader, fields)
    gates_node, confirm_node, expires_node = (
        fields.get("gates"),
        fields.get("confirm_above"),
        fields.get("expires_after"),
    )
    gates = criteria(reader, scope, gates_node, gates=True) if gates_node else ()
    base = _base(reader, scope, fields.get("base"))
    multiplier = _multiplier(reader, scope, fields.get("multiplier"))
    caps = _caps(reader, scope, fields.get("caps"))
    tranches = _tranches(reader, fields.get("tranches"))
    expires = reader.take(_some_time, expires_node, "`expires_after`") if expires_node else None
    confirm = reader.whole(confirm_node, "`confirm_above`") if confirm_node else None
    clawback = _clawback(reader, fields.get("clawback"))
    if base is not None and multiplier is not None:
        base_node = fields.get("base")
        assert base_node is not None
        _check_bound(reader, base_node, *base, multiplier[1])
    if found_head is None or pool is None or every is None or gates is None or base is None or multiplier is None:
        return None
    if caps is None or tranches is None or expires is None or clawback is None:
        return None
    if confirm_node is not None and confirm is None:
        return None
    fact, tiers = base
    terms = (pool, every, gates, fact.name, tiers, *multiplier, caps, tranches, expires, confirm, clawback)
    marks = {name: reader.mark(fields.key(name)) for name in ("base", "multiplier", "caps", "confirm_above")}
    return Incentive(found_head, *terms, marks)


def _pool(reader: Reader, scope: Scope, fields: Fields, parties: tuple[str, ...] | None) -> dict[str, str] | None:
    """Track -> pool: one for each party of the book, and no other."""
    node = fields.get("pool")
    found = reader.mapping(node, "`pool`", "write `{M: ..., S: ...}`") if node else None
    if found is None:
        return None
    pools: dict[str, str] = {}
    for key, value in found.pairs:
        track = reader.word(key, "a track", TRACKS)
        if reader.text(value, f"the pool of `{shown(key.text)}`") is None:
            continue
        assert isinstance(value, Scalar)
        pool = scope.known(reader, value, "pool", scope.pools, whole=scope.pools_whole)
        if track is not None and parties is not None and track not in parties:
            message = f"`{track}` is not among the book's parties"
            reader.wrong(key, "pool_parties", message, "take it away, or add it to `parties`")
        elif track is not None and pool is not None:
            pools[track] = pool
    written = {key.text for key, _ in found.pairs}
    for party in parties or ():
        if party not in written:
            message = f"`pool` has no pool for the party `{party}`"
            reader.wrong(found, "pool_parties", message, f"add `{party}: ...`")
    return pools if parties is not None and set(pools) == set(parties) else None


# --- base and multiplier ------------------------------------------------------------------------------------------


def _base(reader: Reader, scope: Scope, node: Node | None) -> tuple[FactDef, tuple[Tier, ...]] | None:
    fields = reader.fields(node, schema.BASE) if node else None
    if fields is None:
        return None
    fact_node, tiers_node = fields.get("fact"), fields.get("tiers")
    fact = scope.fact(reader, fact_node) if fact_node else None
    if fact is not None and fact.type not in ("money", "count"):
        assert fact_node is not None
        message = f"`{fact.name}` is a {fact.type}: a base is money or a count"
        reader.wrong(fact_node, "wrong_type", message, "name a money or count fact")
        return None
    if fact is not None and (fact.range is None or fact.range[0] < 0):
        assert fact_node is not None
        message = f"the range of `{fact.name}` does not begin at 0 or above"
        reader.wrong(fact_node, "base_range", message, "declare it in facts.yaml: `range: [0, ...]`")
        return None
    items = reader.items(tiers_node, "`tiers`") if tiers_node else None
    read = [_tier(reader, fact, item, last=item is (items or [])[-1]) for item in items or ()]
    tiers = tuple(tier for tier in read if tier is not None)
    if fact is None or items is None or len(tiers) < len(read):
        return None
    for before, tier, item in zip(tiers, tiers[1:], items[1:], strict=False):
        if tier.up_to is not None and before.up_to is not None and tier.up_to <= before.up_to:
            reader.wrong(item, "tiers", "the tier does not end above the one before", "order tiers by `up_to`")
            return None
    return fact, tiers


def _tier(reader: Reader, fact: FactDef | None, node: Node, *, last: bool) -> Tier | None:
    fields = reader.fields(node, schema.TIER)
    if fields is None:
        return None
    up_to_node, rate_node = fields.get("up_to"), fields.get("rate")
    rate = reader.rate(rate_node, "`rate`") if rate_node else None
    if last and up_to_node is not None:
        hint = "end with a tier that has only `rate`"
        reader.wrong(fields.key("up_to"), "tiers", "the last tier has an end: what comes above it?", hint)
        return None
    if not last and up_to_node is None:
        reader.wrong(fields.node, "tiers", "a tier before the last needs `up_to`", "add `up_to: ...`")
        return None
    up_to = literal(reader, fact, up_to_node) if fact and up_to_node else None
    if up_to_node is not None and isinstance(up_to, int) and up_to <= 0:
        reader.wrong(up_to_node, "tiers", "a tier ends above 0", "write where it ends")
        return None
    if rate is None or (up_to_node is not None and not isinstance(up_to, int)):
        return None
    return Tier(up_to if isinstance(up_to, int) else None, rate, reader.mark(fields.node))


def _multiplier(reader: Reader, scope: Scope, node: Node | None) -> tuple[str, Curve] | None:
    fields = reader.fields(node, schema.MULTIPLIER) if node else None
    if fields is None:
        return None
    score_node, curve_node = fields.get("score"), fields.get("curve")
    score = None
    if score_node is not None and reader.text(score_node, "`score`") is not None:
        assert isinstance(score_node, Scalar)
        score = scope.known(reader, score_node, "score", set(scope.scores), whole=scope.eligibility_whole)
    places: list[Node] = []

    def y(point: Node) -> Fraction | None:
        places.append(point)
        return reader.rate(point, "y")

    points = curve(reader, curve_node, lambda point: reader.number(point, "x"), y) if curve_node else None
    if points is not None:
        for (_, before), (_, value), place in zip(points, points[1:], places[1:], strict=False):
            if value < before:
                message = "the bonus falls here as trust rises"
                reader.wrong(place, "falling_bonus", message, f"write {fraction_text(before * 100)}% or more")
                return None
    return None if score is None or points is None else (score, points)


def _check_bound(reader: Reader, node: Node, fact: FactDef, tiers: tuple[Tier, ...], points: Curve) -> None:
    """Report where base x multiplier can leave 2^53 (every cap comes after it)."""
    assert fact.range is not None
    scale = 10**fact.decimals
    total, below = Fraction(0), 0
    for tier in tiers:
        top = min(fact.range[1], tier.up_to) if tier.up_to is not None else fact.range[1]
        total += Fraction(max(0, top - below), scale) * tier.rate
        below = max(below, top)
    if total * max(y for _, y in points) > MAX_INT:
        message = f"the bonus on the greatest `{fact.name}` can leave 2^53"
        reader.wrong(node, "arithmetic", message, "narrow the fact's range, or lower the rates")


# --- caps, tranches, clawback -------------------------------------------------------------------------------------


def _caps(reader: Reader, scope: Scope, node: Node | None) -> Caps | None:
    if node is None:
        return Caps(None, None, None)
    fields = reader.fields(node, schema.CAPS)
    if fields is None:
        return None
    read: dict[str, int | None] = {}
    whole = True
    for name in ("single_grant", "party_per_year"):
        value = fields.get(name)
        read[name] = reader.whole(value, f"`{name}`", 1) if value else None
        whole = whole and (read[name] is not None or value is None)
    table_node = fields.get("category_per_month")
    by_category = _category_caps(reader, scope, table_node) if table_node else None
    if not whole or (table_node is not None and by_category is None):
        return None
    return Caps(read["single_grant"], read["party_per_year"], by_category)


def _category_caps(reader: Reader, scope: Scope, node: Node) -> Table | None:
    found = reader.mapping(node, "`category_per_month`", "write `{default: ...}`")
    if found is None:
        return None
    by = scope.facts.get(CATEGORY)
    by = by if by is not None and by.type == "choice" else None
    names_its_fact = any(key.text == "by" for key, _ in found.pairs)
    if by is None and not names_its_fact and (CATEGORY in scope.broken_facts or not scope.facts_whole):
        return None
    return table(reader, scope, found, lambda value: reader.whole(value, "a cap", 1), by=by)


def _tranches(reader: Reader, node: Node | None) -> tuple[Tranche, ...] | None:
    items = reader.items(node, "`tranches`") if node else None
    if items is None or node is None:
        return None
    read = [_tranche(reader, item) for item in items]
    tranches = tuple(tranche for tranche in read if tranche is not None)
    if len(tranches) < len(read):
        return None
    total = sum(tranche.share_ppb for tranche in tranches)
    if total != PPB:
        message = f"the shares sum to {fraction_text(Fraction(total, PPB // 100))}%, not 100%"
        reader.wrong(node, "shares", message, "mend the shares")
        return None
    for before, tranche, item in zip(tranches, tranches[1:], items[1:], strict=False):
        if tranche.after_ms < before.after_ms:
            reader.wrong(item, "tranche_order", "the tranche comes before the one above", "order tranches by `after`")
            return None
    return tranches


def _tranche(reader: Reader, node: Node) -> Tranche | None:
    fields = reader.fields(node, schema.TRANCHE)
    if fields is None:
        return None
    share = _share(reader, fields, "share", least=1)
    after_node, needs_node = fields.get("after"), fields.get("needs")
    after = reader.take(parse_span, after_node, "`after`") if after_node else None
    items = reader.items(needs_node, "`needs`") if needs_node else []
    needs = [reader.word(item, "a maintenance outcome", MAINTENANCE_OUTCOMES) for item in items or ()]
    whole = tuple(need for need in needs if need is not None)
    if share is None or after is None or items is None or len(whole) < len(needs):
        return None
    return Tranche(share, after, whole)


def _clawback(reader: Reader, node: Node | None) -> tuple[Clawback, ...] | None:
    if node is None:
        return ()
    items = reader.items(node, "`clawback`")
    if items is None:
        return None
    causes = [value for item in items if isinstance(item, Mapping) for key, value in item.pairs if key.text == "cause"]
    unique(reader, (cause for cause in causes if isinstance(cause, Scalar)), "cause")
    read = [_clawback_row(reader, item) for item in items]
    rows = tuple(row for row in read if row is not None)
    return rows if len(rows) == len(read) else None


def _clawback_row(reader: Reader, node: Node) -> Clawback | None:
    fields = reader.fields(node, schema.CLAWBACK)
    if fields is None:
        return None
    cause = optional_name(reader, fields, "cause")
    within_node = fields.get("within")
    within = reader.take(parse_span, within_node, "`within`") if within_node else None
    unspent, spent = _share(reader, fields, "unspent"), _share(reader, fields, "spent")
    if cause is None or within is None or unspent is None or spent is None:
        return None
    return Clawback(cause, within, unspent, spent)


def _share(reader: Reader, fields: Fields, name: str, *, least: int = 0) -> int | None:
    """The percentage under ``name`` in parts per billion, at most 100%."""

    def parse(text: str) -> int:
        parts = read_literal(text.removesuffix("%").rstrip())
        if parts is None or not text.endswith("%"):
            code = "wrong_type" if parts is None else "wrong_unit"
            raise InputError(f"`{shown(text)}` is not a percentage", hint="write it like `30%`", code=code)
        ppb = exactly(parts[0], parts[1], PPB // 100)
        if ppb is None:
            raise InputError(f"`{shown(text)}` is too fine", hint="at most 7 digits after the point", code="too_fine")
        if not least <= ppb <= PPB:
            hint = f"write {'more than 0%' if least else '0%'} to 100%"
            raise InputError(f"`{shown(text)}` is out of range", hint=hint, code="out_of_range")
        return ppb

    node = fields.get(name)
    return reader.take(parse, node, f"`{name}`") if node else None


def _some_time(text: str) -> int:
    span = parse_span(text)
    if span == 0:
        raise InputError("the tranches would expire at once", hint="write `45 days`, or another", code="out_of_range")
    return span
