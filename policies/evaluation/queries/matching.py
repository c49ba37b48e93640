"""Which guardrails speak to which scopes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from governance.memory.queries import VersionedMemory
from governance.scopes.queries import ScopeNode, ScopeTree, scope_tree
from policies.guardrails.engine.types import ScopeView
from policies.guardrails.queries import ActiveGuardrail, ActiveGuardrails, active_guardrails

FEW = 20

FEW = 20


@dataclass(frozen=True, slots=True)
class ScopeViews:
    """Scopes as guardrails see them, and the ids each guardrail version matches, for one version of the scope tree."""

    views: dict[int, ScopeView]
    matched: dict[int, frozenset[int]] = field(default_factory=dict)
    unclear: dict[tuple[int, int], Exception] = field(default_factory=dict)
    """Why it cannot be said whether a guardrail version matches a scope; it counts as matched, and is held."""

    def matched_by(self, guardrail: ActiveGuardrail) -> frozenset[int]:
        matched = self.matched.get(guardrail.version_id)
        if matched is None:
            matched = frozenset(view.id for view in self.views.values() if self._matches(guardrail, view))
            self.matched[guardrail.version_id] = matched
        return matched

    def _matches(self, guardrail: ActiveGuardrail, view: ScopeView) -> bool:
        try:
            return guardrail.compiled.matches(view)
        except Exception as problem:  # noqa: BLE001  # told of where the pair is assessed
            self.unclear[guardrail.version_id, view.id] = problem
            return True


_scope_views: VersionedMemory[UUID | None, ScopeViews] = VersionedMemory()


def view_of(node: ScopeNode) -> ScopeView:
    """The scope as guardrails see it."""
    return ScopeView(
        node.id,
        node.path,
        node.kind,
        node.labels,
        node.environment,
        node.criticality,
        node.practice,
        node.currency,
    )


def scope_views_of(tree: ScopeTree, scope_ids: Collection[int]) -> ScopeViews:
    """Of these scopes of the tree, and perhaps of others, as stale as the tree is. The views of many are kept; of few,
    every scope is not looked at for their sake.
    """
    are_few = len(scope_ids) <= FEW
    wanted = scope_ids if are_few else tree.by_id
    return _scope_views.of(
        tree.version,
        lambda: ScopeViews({scope_id: view_of(tree.by_id[scope_id]) for scope_id in wanted}),
        # A tree without a version belongs to a database without scopes.
        keep=not are_few and tree.version is not None,
    )


def matches_of(
    guardrails: ActiveGuardrails, scope_views: ScopeViews, scope_ids: Collection[int]
) -> dict[int, list[ActiveGuardrail]]:
    matches: dict[int, list[ActiveGuardrail]] = {scope_id: [] for scope_id in scope_ids}
    for guardrail in guardrails.guardrails:
        for scope_id in scope_views.matched_by(guardrail).intersection(matches):
            matches[scope_id].append(guardrail)
    return matches


def guardrails_by_scope(scope_ids: Collection[int]) -> dict[int, int]:
    """How many guardrails speak to each of these scopes; unknown ones are left out."""
    tree = scope_tree()
    known = [scope_id for scope_id in scope_ids if scope_id in tree.by_id]
    matches = matches_of(active_guardrails(), scope_views_of(tree, known), known)
    return {scope_id: len(matched) for scope_id, matched in matches.items()}


def guardrails_on(scope_ids: Collection[int]) -> list[tuple[ScopeView, ActiveGuardrail]]:
    """Each of these scopes with each guardrail that speaks to it; unknown ones are left out."""
    tree = scope_tree()
    known = [scope_id for scope_id in scope_ids if scope_id in tree.by_id]
    scope_views = scope_views_of(tree, known)
    matches = matches_of(active_guardrails(), scope_views, known)
    return [(scope_views.views[scope_id], guardrail) for scope_id, matched in matches.items() for guardrail in matched]
