"""The scope tree in memory."""

from __future__ import annotations

import sys
import time
from array import array
from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import IntegerField, QuerySet
from django.db.models.expressions import RawSQL

from governance.memory.queries import VersionedMemory
from governance.scopes.models import Scope


@dataclass(frozen=True, slots=True)
class ScopeNode:
    """One scope of the tree in memory. `currency` is that of its organisation."""

    id: int
    parent_id: int | None
    root_id: int
    path: str
    name: str
    kind: str
    practice: str
    environment: str
    criticality: str
    labels: Mapping[str, str]
    currency: str
    is_unattributed: bool

    @property
    def slug(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def depth(self) -> int:
        """0 for an organisation."""
        return self.path.count("/")


@dataclass(frozen=True, slots=True, eq=False)
class ScopeTree:
    """Every scope at one version of the tree, compared by identity. What it returns is read-only. `oldest_open` is the
    oldest transaction that had not ended when it was read: what it does not show was written by that one or later.
    """

    version: UUID | None
    by_id: Mapping[int, ScopeNode]
    by_path: Mapping[str, ScopeNode]
    roots: tuple[int, ...]
    oldest_open: str | None
    _in_tree_order: array[int]
    _unattributed: Mapping[int, int]
    _ranks: dict[int, int] = field(default_factory=dict)

    def ancestors(self, scope_id: int) -> tuple[int, ...]:
        """The scope itself first, then upwards to its organisation. KeyError for an unknown id."""
        lineage = [scope_id]
        while (parent_id := self.by_id[lineage[-1]].parent_id) is not None:
            lineage.append(parent_id)
        return tuple(lineage)

    def descendants(self, scope_id: int) -> tuple[int, ...]:
        """The scope itself first, then all below it, parents before children. KeyError for an unknown id."""
        parts = self.by_id[scope_id].path.split("/")
        start = bisect_left(self._in_tree_order, parts, key=self._place)
        end = bisect_left(self._in_tree_order, [*parts, AFTER_ANY_SLUG], lo=start, key=self._place)
        return tuple(self._in_tree_order[start:end])

    def is_at_or_below(self, scope_id: int, top_id: int) -> bool:
        """KeyError for an unknown id."""
        if top_id == self.by_id[scope_id].root_id:
            return True
        return top_id in self.ancestors(scope_id)

    def unattributed(self, scope_id: int) -> int:
        """The unattributed scope of the organisation that `scope_id` belongs to."""
        return self._unattributed[self.by_id[scope_id].root_id]

    def rank(self, scope_id: int) -> int:
        """Its place among its siblings in the order in which they were made, from 0; the unattributed one, which every
        organisation has, comes after the others. KeyError for an unknown id.
        """
        if scope_id not in self._ranks:
            parent_id = self.by_id[scope_id].parent_id
            among = self.roots if parent_id is None else self.descendants(parent_id)
            siblings = [node for node in map(self.by_id.__getitem__, among) if node.parent_id == parent_id]
            siblings.sort(key=lambda node: (node.is_unattributed, node.id))
            self._ranks.update((node.id, rank) for rank, node in enumerate(siblings))
        return self._ranks[scope_id]

    def _place(self, scope_id: int) -> list[str]:
        return self.by_id[scope_id].path.split("/")


COLUMNS = (
    "id", "parent_id", "path", "name", "kind", "practice", "environment", "criticality", "labels", "currency",
    "is_unattributed",
)  # fmt: skip
AFTER_ANY_SLUG = "\x7f"
SORTED_FROM = 0.02
"""From this part of the tree on, putting scopes in their places one by one costs more than sorting all."""
EMPTY = ScopeTree(None, {}, {}, (), None, array("q"), {})


def build_tree(rows: Iterable[Mapping[str, Any]], version: UUID | None, *, oldest_open: str | None = None) -> ScopeTree:
    """`rows` hold COLUMNS, in any order; every parent is among them."""
    return tree_with(EMPTY, rows, version, oldest_open=oldest_open)


def tree_with(
    tree: ScopeTree,
    rows: Iterable[Mapping[str, Any]],
    version: UUID | None,
    *,
    oldest_open: str | None,
    gone: Collection[int] = (),
) -> ScopeTree:
    """The tree with the scopes of `rows`, new and changed, and without those that are `gone`. A scope whose path
    changed is among `rows` with all below it. Not for another currency of an organisation: see `changes_currency`.
    """
    by_id, by_path, order = dict(tree.by_id), dict(tree.by_path), tree._in_tree_order[:]  # noqa: SLF001  # its maker
    rows = sorted(rows, key=lambda row: row["path"].split("/"))
    elsewhere = {row["id"] for row in rows if row["id"] in by_id and by_id[row["id"]].path != row["path"]} | {*gone}
    for scope_id in elsewhere:
        before = by_id.pop(scope_id)
        # Its path may be that of another scope by now.
        if by_path[before.path] is before:
            del by_path[before.path]
    if elsewhere:
        order = array("q", (scope_id for scope_id in order if scope_id not in elsewhere))
    added = [row["id"] for row in rows if row["id"] not in by_id]
    labels: dict[str, Mapping[str, str]] = {}
    for row in rows:
        node = _node(row, by_id, labels)
        held = by_id.get(node.id)
        if held is not None and held == node:
            # While a transaction is open elsewhere, rows are read that nobody has written since.
            node = held
        by_id[node.id] = by_path[node.path] = node
    changed = ScopeTree(version, by_id, by_path, (), oldest_open, order, {})
    place = changed._place  # noqa: SLF001  # as above
    if len(added) > SORTED_FROM * len(by_id):
        order[:] = array("q", sorted(by_id, key=place))
    else:
        for scope_id in added:
            insort(order, scope_id, key=place)
    tops = {*tree.roots, *(node.id for node in map(by_id.__getitem__, added) if node.parent_id is None)} - {*gone}
    unattributed = {node.root_id: node.id for node in map(by_id.__getitem__, added) if node.is_unattributed}
    return ScopeTree(
        version, by_id, by_path, tuple(sorted(tops, key=place)), oldest_open, order,
        {**tree._unattributed, **unattributed},  # noqa: SLF001  # as above
    )  # fmt: skip


def changes_currency(tree: ScopeTree, rows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether `rows` give an organisation of the tree another currency, which every scope below it has."""
    return any(
        row["parent_id"] is None and row["id"] in tree.by_id and row["currency"] != tree.by_id[row["id"]].currency
        for row in rows
    )


def _node(row: Mapping[str, Any], by_id: Mapping[int, ScopeNode], labels: dict[str, Mapping[str, str]]) -> ScopeNode:
    """The row's node; its parent's is in `by_id`. What thousands of scopes have in common is one object, of `labels`
    among those of these rows.
    """
    parent = None if row["parent_id"] is None else by_id[row["parent_id"]]
    return ScopeNode(
        id=row["id"],
        parent_id=None if parent is None else parent.id,
        root_id=row["id"] if parent is None else parent.root_id,
        path=row["path"],
        labels=labels.setdefault(str(row["labels"]), row["labels"]),
        currency=row["currency"] if parent is None else parent.currency,
        is_unattributed=row["is_unattributed"],
        **{name: sys.intern(row[name]) for name in ("name", "kind", "practice", "environment", "criticality")},
    )


_trees: VersionedMemory[UUID | None, ScopeTree] = VersionedMemory()


def scope_tree(*, max_age_s: float = 0.0) -> ScopeTree:
    """Every scope, from memory while that is current: one small query checks; none within `max_age_s` of the last one,
    so that the tree is stale by at most that. After a change the scopes that were written since are read, and no other.

    Inside a transaction `max_age_s` has no effect: a transaction sees the tree it has just changed, and nobody else
    does before the commit.
    """
    recent = None if connection.in_atomic_block else _trees.within(max_age_s)
    if recent is not None:
        return recent
    now = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(TREE_STATE)
        return tree_in_state(cursor.fetchall(), read_at=now)


# What `tree_in_state` is told, for who asks it in one message with something else.
TREE_STATE = (
    "SELECT version, transaction_id = pg_current_xact_id_if_assigned()::text::bigint,"
    " pg_snapshot_xmin(pg_current_snapshot())::text,"
    " current_setting('transaction_isolation') = 'read committed' FROM governance_scopetreeversion"
)


def tree_in_state(rows: Sequence[Sequence[Any]], *, read_at: float) -> ScopeTree:
    """The tree that `TREE_STATE` told of in these rows, asked at `read_at` or later, in seconds of `time.monotonic`."""
    state = _TreeState(rows[0][0], bool(rows[0][1]), *rows[0][2:]) if rows else _TreeState(None)
    return _trees.of(state.version, lambda: _tree_at(state), read_at=read_at, keep=not state.is_own_uncommitted)


@dataclass(frozen=True, slots=True)
class _TreeState:
    """`sees_newest`: each statement sees what was committed before it, so that a tree read before can be added to."""

    version: UUID | None
    is_own_uncommitted: bool = False
    oldest_open: str | None = None
    sees_newest: bool = False


def _tree_at(state: _TreeState) -> ScopeTree:
    held = _trees.last_known()
    scopes = Scope.objects.order_by().values(*COLUMNS)
    if held is not None and held.oldest_open is not None and state.sees_newest:
        rows = list(_written_since(scopes, held.oldest_open))
        if not changes_currency(held, rows):
            tree = tree_with(held, rows, state.version, oldest_open=state.oldest_open)
            if Scope.objects.count() == len(tree.by_id):
                return tree
            gone = tree.by_id.keys() - set(Scope.objects.order_by().values_list("pk", flat=True))
            return tree_with(tree, (), state.version, oldest_open=state.oldest_open, gone=gone)
    return build_tree(scopes, state.version, oldest_open=state.oldest_open)


def _written_since(scopes: QuerySet[Any, dict[str, Any]], oldest_open: str) -> QuerySet[Any, dict[str, Any]]:
    """Rows that the transaction `oldest_open` or a later one wrote."""
    written = RawSQL("age(governance_scope.xmin)", (), output_field=IntegerField())
    since = RawSQL("age(%s::text::xid8::xid)", (oldest_open,), output_field=IntegerField())
    rows: QuerySet[Any, dict[str, Any]] = scopes.alias(written=written).filter(written__lte=since)
    return rows


def forget_scope_tree() -> None:
    """For tests that replace the database: the next `scope_tree` reads it again."""
    _trees.forget()
