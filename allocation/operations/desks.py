"""What a batch is judged by, kept in memory and rebuilt when scopes, prices or rules change."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from threading import Lock

from django.conf import settings
from django.db import connection

from allocation.engine.costing import Desk, Organisation, acceptance_window
from allocation.engine.pricebook import BookEntry
from allocation.engine.pricing import PriceList
from allocation.engine.rates import RateCard, TokenPrices, rate_card
from allocation.models import Meter, Price
from allocation.queries.periods import closed_until
from allocation.queries.rules import matcher_of, sets_in_force
from governance.queries import ScopeTree, scope_tree

TREE_MAX_AGE_S = 0.25
OpenScopes = tuple[dict[str, tuple[int, int]], dict[int, int]]


@dataclass(slots=True)
class _Memory:
    version: object = None
    organisations: dict[int, Organisation] = field(default_factory=dict)
    open_scopes: dict[int | None, OpenScopes] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


_memory = _Memory()


def desk_for(*, key_scope_id: int | None, at: datetime) -> Desk:
    """`key_scope_id` is the top of the subtree the sender may write to; None for an operator, who may write anywhere
    but has no organisation to attribute to.
    """
    tree = scope_tree(max_age_s=TREE_MAX_AGE_S)
    if key_scope_id is not None and key_scope_id not in tree.by_id:
        # Made, with its key, since this process last looked.
        tree = scope_tree()
    version = (tree.version, *_declared_version())
    with _memory.lock:
        if _memory.version != version:
            _memory.organisations = _organisations(tree)
            _memory.open_scopes = {}
            _memory.version = version
        organisations = _memory.organisations
        if key_scope_id not in _memory.open_scopes:
            _memory.open_scopes[key_scope_id] = _open_scopes(tree, key_scope_id)
        paths, ids = _memory.open_scopes[key_scope_id]
    home = None if key_scope_id is None else organisations[tree.by_id[key_scope_id].root_id]
    # What retention would drop the next night is not taken in.
    past_days = min(settings.USAGE_ACCEPT_PAST_DAYS, settings.USAGE_RETENTION_DAYS)
    earliest_s, latest_s = acceptance_window(at, past_days)
    return Desk(paths, ids, tree.by_path, organisations, home, earliest_s, latest_s, at.timestamp())


def _declared_version() -> tuple[str, ...]:
    """Price books, rule sets and closed periods are only ever added, so their numbers tell whether any came; the
    highest keys alone would miss one that commits late.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT (max(id), count(*))::text FROM allocation_pricebook),"
            " (SELECT (max(id), count(*))::text FROM allocation_attributionruleset),"
            " (SELECT (max(id), count(*))::text FROM allocation_billingperiod)"
        )
        return tuple(cursor.fetchone())


def _open_scopes(tree: ScopeTree, key_scope_id: int | None) -> OpenScopes:
    ids = tuple(tree.by_id) if key_scope_id is None else tree.descendants(key_scope_id)
    nodes = [tree.by_id[scope_id] for scope_id in ids]
    return {node.path: (node.id, node.root_id) for node in nodes}, {node.id: node.root_id for node in nodes}


def _organisations(tree: ScopeTree) -> dict[int, Organisation]:
    entries = _book_entries()
    sets = sets_in_force()
    closed = closed_until(tree.roots)
    return {
        root: Organisation(
            root_id=root,
            unattributed_id=tree.unattributed(root),
            prices=PriceList(
                currency=tree.by_id[root].currency,
                entries=entries.get((root, tree.by_id[root].currency), ()),
            ),
            matcher=matcher_of(sets.get(root, {})),
            closed_until_s=closed[root].timestamp() if root in closed else 0.0,
        )
        for root in tree.roots
    }


def _book_entries() -> dict[tuple[int, str], tuple[BookEntry, ...]]:
    """By organisation and currency, in the order of book name and position."""
    prices = (
        Price.objects.filter(book__is_current=True)
        .select_related("book")
        .order_by("book__organisation_id", "book__name", "position")
    )
    entries: dict[tuple[int, str], list[BookEntry]] = {}
    for _, grouped in groupby(_by_identity(prices), key=_identity):
        rows = list(grouped)
        first, book = rows[0], rows[0].book
        entry = BookEntry(
            provider=first.provider,
            model=first.model,
            service_tier=first.service_tier,
            effective_from=first.effective_from,
            effective_to=first.effective_to,
            card=_card(f"pricebook:{book.name}", str(book.version), rows),
        )
        entries.setdefault((book.organisation_id, book.currency), []).append(entry)
    return {key: tuple(found) for key, found in entries.items()}


def _by_identity(prices: Iterable[Price]) -> list[Price]:
    """Rows of one entry side by side, entries in the order in which the document first names them."""
    rows = list(prices)
    first: dict[tuple[object, ...], int] = {}
    for place, row in enumerate(rows):
        first.setdefault(_identity(row), place)
    return sorted(rows, key=lambda row: first[_identity(row)])


def _identity(row: Price) -> tuple[object, ...]:
    return (row.book_id, row.provider, row.model, row.service_tier, row.effective_from, row.effective_to)


def _card(source: str, version: str, rows: list[Price]) -> RateCard:
    gpu_hour = next((row.unit_price for row in rows if row.meter == Meter.GPU_HOUR), None)
    tiers = {
        bound: TokenPrices(**{
            row.meter: row.unit_price
            for row in rows if row.above_input_tokens == bound and row.meter != Meter.GPU_HOUR
        })
        for bound in sorted({row.above_input_tokens for row in rows} | {0})
    }  # fmt: skip
    return rate_card(source, version, tiers, gpu_hour)
