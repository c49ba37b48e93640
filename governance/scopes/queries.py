"""The scope tree in memory."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from governance.memory.queries import VersionedMemory
from governance.scopes.models import Scope


@dataclass(frozen=True, slots=True)
class ScopeNode:
    """One scope of the tree in memory. `currency` is that of its organisation; `rank` its place among its siblings in
    the order in which they were made, from 0.
    """

    id: int
    parent_id: int | None
    root_id: int
    path: str
    slug: str
    name: str
    kind: str
    practice: str
    environment: str
    criticality: str
    labels: Mapping[str, str]
    currency: str
    is_unattributed: bool
    depth: int
    rank: int


@dataclass(frozen=True, slots=True, eq=False)
class ScopeTree:
    """Every scope at one version of the tree, compared by identity. What it returns is read-only."""

    version: UUID | None
    by_id: Mapping[int, ScopeNode]
    by_path: Mapping[str, ScopeNode]
    roots: tuple[int, ...]
    _ancestors: Mapping[int, tuple[int, ...]]
    _in_tree_order: tuple[int, ...]
    _span: Mapping[int, tuple[int, int]]
    _unattributed: Mapping[int, int]

    def ancestors(self, scope_id: int) -> tuple[int, ...]:
        """The scope itself first, then upwards to its organisation. KeyError for an unknown id."""
        return self._ancestors[scope_id]

    def descendants(self, scope_id: int) -> tuple[int, ...]:
        """The scope itself first, then all below it, parents before children. KeyError for an unknown id."""
        start, end = self._span[scope_id]
        return self._in_tree_order[start:end]

    def is_at_or_below(self, scope_id: int, top_id: int) -> bool:
        """KeyError for an unknown id."""
        return top_id in self._ancestors[scope_id]

    def unattributed(self, scope_id: int) -> int:
        """The unattributed scope of the organisation that `scope_id` belongs to."""
        return self._unattributed[self.by_id[scope_id].root_id]


COLUMNS = (
    "id", "parent_id", "path", "slug", "name", "kind", "practice", "environment", "criticality", "labels",
    "currency", "is_unattributed",
)  # fmt: skip


def build_tree(rows: Iterable[Mapping[str, Any]], version: UUID | None) -> ScopeTree:
    """`rows` hold COLUMNS, in any order; every parent is among them."""
    by_id: dict[int, ScopeNode] = {}
    ancestors: dict[int, tuple[int, ...]] = {}
    rows = list(rows)
    ranks = _ranks(rows)
    for row in sorted(rows, key=lambda row: row["path"].split("/")):
        parent = row["parent_id"]
        lineage = (row["id"], *(ancestors[parent] if parent else ()))
        ancestors[row["id"]] = lineage
        root = lineage[-1]
        currency = row["currency"] or by_id[root].currency
        by_id[row["id"]] = ScopeNode(
            **{**row, "currency": currency}, root_id=root, depth=len(lineage) - 1, rank=ranks[row["id"]]
        )
    order = tuple(by_id)
    sizes = dict.fromkeys(order, 0)
    for lineage in ancestors.values():
        for scope_id in lineage:
            sizes[scope_id] += 1
    return ScopeTree(
        version=version,
        by_id=by_id,
        by_path={node.path: node for node in by_id.values()},
        roots=tuple(scope_id for scope_id, node in by_id.items() if node.parent_id is None),
        _ancestors=ancestors,
        _in_tree_order=order,
        _span={scope_id: (start, start + sizes[scope_id]) for start, scope_id in enumerate(order)},
        _unattributed={node.root_id: node.id for node in by_id.values() if node.is_unattributed},
    )


def _ranks(rows: Iterable[Mapping[str, Any]]) -> dict[int, int]:
    """Of each scope among its siblings; the unattributed one, which every organisation has, comes after the others."""
    made: Counter[int | None] = Counter()
    ranks: dict[int, int] = {}
    for row in sorted(rows, key=lambda row: (row["is_unattributed"], row["id"])):
        ranks[row["id"]] = made[row["parent_id"]]
        made[row["parent_id"]] += 1
    return ranks


_trees: VersionedMemory[UUID | None, ScopeTree] = VersionedMemory()


def scope_tree(*, max_age_s: float = 0.0) -> ScopeTree:
    """Every scope, from memory while that is current: one small query checks; none within `max_age_s` of the last one,
    so that the tree is stale by at most that.

    Inside a transaction `max_age_s` has no effect: a transaction sees the tree it has just changed, and nobody else
    does before the commit.
    """
    recent = None if connection.in_atomic_block else _trees.within(max_age_s)
    if recent is not None:
        return recent
    now = time.monotonic()
    version, is_own_uncommitted = _tree_version()
    return _trees.of(
        version,
        lambda: build_tree(Scope.objects.order_by().values(*COLUMNS), version),
        read_at=now,
        keep=not is_own_uncommitted,
    )


def _tree_version() -> tuple[UUID | None, bool]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT version, transaction_id = pg_current_xact_id_if_assigned()::text::bigint"
            " FROM governance_scopetreeversion"
        )
        row = cursor.fetchone()
    return (row[0], bool(row[1])) if row else (None, False)


def forget_scope_tree() -> None:
    """For tests that replace the database: the next `scope_tree` reads it again."""
    _trees.forget()
