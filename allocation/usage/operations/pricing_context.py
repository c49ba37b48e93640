"""The pricing context of a batch, kept in memory and rebuilt when scopes, prices, rules or closed periods change."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db import connection

from allocation.attribution.queries import matcher_of, rule_sets_in_force
from allocation.billing_periods.operations import HeldBooks, ask_to_hold_books, hold_books
from allocation.billing_periods.queries import closed_until
from allocation.prices.queries import price_lists
from allocation.sources.engine import NOBODY
from allocation.sources.queries import senders_in_force
from allocation.usage.engine.costing import Organisation, PricingContext, acceptance_window
from allocation.usage.models import DroppedMonth
from governance.memory.queries import VersionedMemory
from governance.scopes.queries import ScopeTree, scope_tree
from governance.statements.operations import Message

TREE_MAX_AGE_S = 0.25


class _OpenPaths(Mapping[str, tuple[int, int]]):
    """The paths at or below `top_id`, all with None, onto (scope id, root id): a look into the tree and no copy."""

    def __init__(self, tree: ScopeTree, top_id: int | None) -> None:
        self._tree, self._top_id = tree, top_id

    def __getitem__(self, path: str) -> tuple[int, int]:
        node = self._tree.by_path[path]
        if self._top_id is not None and not self._tree.is_at_or_below(node.id, self._top_id):
            raise KeyError(path)
        return node.id, node.root_id

    def __iter__(self) -> Iterator[str]:
        return (self._tree.by_id[scope_id].path for scope_id in _at_or_below(self._tree, self._top_id))

    def __len__(self) -> int:
        return len(_at_or_below(self._tree, self._top_id))


class _OpenIds(Mapping[int, int]):
    """As `_OpenPaths`, the scopes' ids onto those of their roots."""

    def __init__(self, tree: ScopeTree, top_id: int | None) -> None:
        self._tree, self._top_id = tree, top_id

    def __getitem__(self, scope_id: int) -> int:
        if self._top_id is not None and not self._tree.is_at_or_below(scope_id, self._top_id):
            raise KeyError(scope_id)
        return self._tree.by_id[scope_id].root_id

    def __iter__(self) -> Iterator[int]:
        return iter(_at_or_below(self._tree, self._top_id))

    def __len__(self) -> int:
        return len(_at_or_below(self._tree, self._top_id))


def _at_or_below(tree: ScopeTree, top_id: int | None) -> Collection[int]:
    return tree.by_id.keys() if top_id is None else tree.descendants(top_id)


# An organisation, its currency and its unattributed scope.
_Root = tuple[int, str, int]


@dataclass(frozen=True, slots=True)
class _Declared:
    """`version` and `roots` are what it was read at."""

    version: tuple[str, ...]
    roots: tuple[_Root, ...]
    organisations: dict[int, Organisation]
    dropped: frozenset[date]


_declared: VersionedMemory[tuple[object, ...], _Declared] = VersionedMemory()


def pricing_context_for(*, key_scope_id: int | None, at: datetime) -> PricingContext:
    """`key_scope_id` is the top of the subtree that the sender may write to; None is an operator, who may write
    everywhere but has no organisation to attribute to. Scopes may be 0.25 s old; prices, rules and closed periods are
    current.
    """
    return pricing_contexts_for(key_scope_ids={key_scope_id}, at=at)[key_scope_id]


def pricing_contexts_for(
    *, key_scope_ids: AbstractSet[int | None], at: datetime, as_last_known: bool = False
) -> dict[int | None, PricingContext]:
    """As `pricing_context_for`, of several senders by one look at what is declared. `as_last_known`: by none, for who
    asks `ask_whether_changed` before anything comes of it.
    """
    tree = scope_tree(max_age_s=TREE_MAX_AGE_S)
    if any(scope_id is not None and scope_id not in tree.by_id for scope_id in key_scope_ids):
        # The scope and its key are newer than this process's copy of the tree.
        tree = scope_tree()
    roots = tuple((root, tree.by_id[root].currency, tree.unattributed(root)) for root in tree.roots)
    known = _declared.last_known() if as_last_known else None
    declared = known if known is not None and known.roots == roots else _declared_now(roots)
    # Records that retention would drop the next night are not accepted.
    past_days = min(settings.USAGE_ACCEPT_PAST_DAYS, settings.USAGE_RETENTION_DAYS)
    window = acceptance_window(at, past_days)
    return {scope_id: _context(scope_id, tree, declared, window, at) for scope_id in key_scope_ids}


def _declared_now(roots: tuple[_Root, ...]) -> _Declared:
    version = _declared_version()
    return _declared.of(
        (roots, *version), lambda: _Declared(version, roots, _organisations(roots, version), _dropped())
    )


def _context(
    key_scope_id: int | None, tree: ScopeTree, declared: _Declared, window: tuple[float, float], at: datetime
) -> PricingContext:
    organisations = declared.organisations
    home = None if key_scope_id is None else organisations[tree.by_id[key_scope_id].root_id]
    is_narrow = home is not None and key_scope_id != home.root_id
    return PricingContext(
        _OpenPaths(tree, key_scope_id), _OpenIds(tree, key_scope_id), organisations, home, *window,
        at.timestamp(), dropped=declared.dropped, narrow_scope_id=key_scope_id if is_narrow else None,
        version=declared.version,
    )  # fmt: skip


_VERSION = (
    "SELECT (SELECT (max(id), count(*))::text FROM allocation_pricebook),"
    " (SELECT (max(id), count(*))::text FROM allocation_attributionruleset),"
    " (SELECT coalesce(max(id), 0)::text FROM allocation_exchangerate),"
    " (SELECT coalesce(max(id), 0)::text FROM allocation_cataloguesnapshot),"
    " (SELECT (max(id), count(*))::text FROM allocation_billingperiod),"
    " (SELECT (max(id), count(*))::text FROM allocation_droppedmonth),"
    " (SELECT (max(id), count(*))::text FROM allocation_usagesource)"
)


def _declared_version() -> tuple[str, ...]:
    """Price books, rule sets, senders, closed periods and dropped months are only ever added, so that highest key and
    count together tell of a change; the highest key alone would miss a row that commits late. Exchange rates, of which
    there may be a hundred thousand, and snapshots of the catalogue are added one transaction at a time, so that their
    highest key is enough.
    """
    with connection.cursor() as cursor:
        cursor.execute(_VERSION)
        return tuple(cursor.fetchone())


def _dropped() -> frozenset[date]:
    return frozenset(DroppedMonth.objects.values_list("month", flat=True))


def _organisations(roots: Sequence[tuple[int, str, int]], declared: Sequence[str]) -> dict[int, Organisation]:
    """`roots` are the organisations with their currencies and their unattributed scopes."""
    books_version, _, rates_version, snapshots_version, *_ = declared
    currencies = {root: currency for root, currency, _ in roots}
    prices = price_lists(
        currencies, books_version=books_version, rates_version=rates_version, snapshots_version=snapshots_version
    )
    sets = rule_sets_in_force()
    closed = closed_until(tuple(currencies))
    senders = senders_in_force()
    return {
        root: Organisation(
            root_id=root,
            unattributed_id=unattributed_id,
            prices=prices[root],
            matcher=matcher_of(sets.get(root, {})),
            closed_until_s=closed[root].timestamp() if root in closed else 0.0,
            senders=senders.get(root, NOBODY),
        )
        for root, _, unattributed_id in roots
    }


def ask_whether_changed(message: Message, context: PricingContext, root_ids: Iterable[int]) -> Callable[[], bool]:
    """As `closed_meanwhile`, or whether prices, rules or senders are others by now than those of the context; known
    when the message is answered.
    """
    roots = sorted(root_ids)
    books = ask_to_hold_books(message, roots) if roots else dict
    version = message.ask(_VERSION)
    return lambda: tuple(version.rows()[0]) != context.version or _are_others(books(), context.organisations)


def closed_meanwhile(organisations: Mapping[int, Organisation], root_ids: Iterable[int]) -> bool:
    """Whether a period was closed, or a currency changed, since these `organisations` were read. Until the end of the
    transaction neither happens: both wait for the same lock.
    """
    roots = sorted(root_ids)
    if not roots:
        return False
    return _are_others(hold_books(roots), organisations)


def _are_others(books: Mapping[int, HeldBooks], organisations: Mapping[int, Organisation]) -> bool:
    return any(
        held.currency != organisations[root].prices.currency
        or (held.closed_until is not None and held.closed_until.timestamp() > organisations[root].closed_until_s)
        for root, held in books.items()
    )
