"""What in a scope's variance is worth a sentence: what is new or ended, cheaper models, and caching."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from allocation.variance.engine.decomposition import SIDES, Pair
from allocation.variance.engine.figures import CacheShare, Cheaper, Entry, Findings, ModelVariance, UsageLine

INPUT, CACHED_INPUT = "input", "cached_input"
# A change in the cached share of input is told of from so many points of it, and so much of the scope's cost.
SHARE_MIN = Fraction(1, 20)
COST_MIN = Fraction(1, 100)
ModelKey = tuple[str, str]
KEPT, ENTERED, LEFT, ADJUSTED = "kept", "entered", "left", "adjusted"


def status_of(own: Iterable[UsageLine]) -> str:
    """Of a model: kept, entered (not used before), left (not used after) or adjusted (never used)."""
    before, after = False, False
    for line in own:
        before |= line.used[0] > 0
        after |= line.used[1] > 0
    return KEPT if before and after else ENTERED if after else LEFT if before else ADJUSTED


def may_have_become_cheaper(line: UsageLine) -> bool:
    """Whether more of it was used at a lower price, or as much."""
    (before, after), (cost_before, cost_after) = line.used, line.cost
    return before > 0 and after > 0 and cost_after * before < cost_before * after


def findings_of(
    by_key: Mapping[ModelKey, Sequence[UsageLine]],
    statuses: Mapping[ModelKey, str],
    models: Iterable[ModelVariance],
    *,
    scope: str,
    cost: Pair,
) -> Findings:
    """Those of one scope's own use, each kind in the order of provider and model: what is told is the same in
    whatever order the lines came.
    """
    keys = sorted(by_key)
    return Findings(
        new=_entries(ENTERED, keys, by_key, statuses, scope),
        ended=_entries(LEFT, keys, by_key, statuses, scope),
        cheaper=tuple(cheaper for model in models if (cheaper := _cheaper(model, scope)) is not None),
        cache=tuple(
            share
            for key in keys
            if statuses[key] == KEPT and (share := _cache_share(key, by_key[key], scope, cost)) is not None
        ),
    )


def _entries(
    status: str,
    keys: Iterable[ModelKey],
    by_key: Mapping[ModelKey, Sequence[UsageLine]],
    statuses: Mapping[ModelKey, str],
    scope: str,
) -> tuple[Entry, ...]:
    entries = [
        Entry(scope, key[1], sum(line.cost[1] - line.cost[0] for line in by_key[key] if max(line.used) > 0))
        for key in keys
        if statuses[key] == status
    ]
    if scope and entries and all(of_model in {status, ADJUSTED} for of_model in statuses.values()):
        return (Entry(scope, "", sum(entry.amount for entry in entries)),)
    return tuple(entry for entry in entries if entry.amount)


def _cheaper(model: ModelVariance, scope: str) -> Cheaper | None:
    if model.status != KEPT or model.effects.price >= 0:
        return None
    grew = any(before < after for before, after in model.used.values())
    return Cheaper(scope, model.model, -model.effects.price, model.effects.volume + model.effects.intensity, grew)


def _cache_share(key: ModelKey, own: Sequence[UsageLine], scope: str, cost: Pair) -> CacheShare | None:
    """What the change in the share cost: at the mean input of both periods, and the mean of what caching saves."""
    plain = cached = None
    for line in own:
        if line.kind == INPUT:
            plain = line
        elif line.kind == CACHED_INPUT:
            cached = line
    if plain is None or cached is None or not any(cached.used):
        return None
    totals = [max(plain.used[side], 0) + max(cached.used[side], 0) for side in SIDES]
    # Most shares hardly change: whole numbers say so sooner than fractions.
    moved = abs(max(cached.used[0], 0) * totals[1] - max(cached.used[1], 0) * totals[0])
    if not all(totals) or moved * SHARE_MIN.denominator < SHARE_MIN.numerator * totals[0] * totals[1]:
        return None
    before, after = (Fraction(max(cached.used[side], 0), totals[side]) for side in SIDES)
    dearer = _mean_price(plain) - _mean_price(cached)
    extra = round((before - after) * Fraction(sum(totals), 2) * dearer)
    if abs(extra) < COST_MIN * max(cost[0], 0):
        return None
    return CacheShare(scope, key[1], before, after, extra)


def _mean_price(line: UsageLine) -> Fraction:
    prices = [Fraction(line.cost[side], line.used[side]) for side in SIDES if line.used[side] > 0]
    return sum(prices, Fraction(0)) / len(prices) if prices else Fraction(0)
