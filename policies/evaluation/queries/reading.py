"""What evaluations are made of, read for many scopes in a handful of queries."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from governance.scopes.queries import ScopeTree, scope_tree
from policies.evaluation.queries.facts import LoadedFacts, load_facts
from policies.evaluation.queries.matching import matches_of, scope_views_of
from policies.evaluation.queries.states import Remembered, remembered_states
from policies.guardrails.engine.types import FactKey, ScopeView
from policies.guardrails.queries import ActiveGuardrail, ActiveGuardrails, active_guardrails


@dataclass(frozen=True, slots=True)
class Reading:
    """By scope id: which guardrails match, what they remember by their name, and the facts. ``unclear`` says why it
    cannot be said whether a guardrail version matches a scope.
    """

    active: ActiveGuardrails
    tree: ScopeTree
    views: Sequence[ScopeView]
    matches: Mapping[int, Sequence[ActiveGuardrail]]
    unclear: Mapping[tuple[int, int], Exception]
    remembered: Mapping[int, Mapping[str, Remembered]]
    facts: LoadedFacts


def read(
    *,
    at: datetime,
    scope_ids: Collection[int] | None,
    guardrails: ActiveGuardrails | None = None,
    tree: ScopeTree | None = None,
) -> Reading:
    """Of these scopes (None: of every scope) and these guardrails (by default all in force)."""
    active = guardrails or active_guardrails()
    tree = tree or scope_tree()
    ids = sorted(tree.by_id if scope_ids is None else tree.by_id.keys() & set(scope_ids))
    scope_views = scope_views_of(tree, ids)
    remembered = remembered_states(scope_ids)
    matches = matches_of(active, scope_views, ids)
    facts = load_facts(keys_of=_keys_of(matches), tree=tree, at=at)
    views = [scope_views.views[scope_id] for scope_id in ids]
    return Reading(active, tree, views, matches, scope_views.unclear, remembered, facts)


def _keys_of(matches: Mapping[int, Sequence[ActiveGuardrail]]) -> dict[int, frozenset[FactKey]]:
    """What is read of each scope. Most scopes are matched by the same guardrails as another."""
    known: dict[tuple[int, ...], frozenset[FactKey]] = {}
    keys_of = {}
    for scope_id, matched in matches.items():
        versions = tuple(guardrail.version_id for guardrail in matched)
        if versions not in known:
            known[versions] = frozenset().union(*(guardrail.compiled.fact_keys for guardrail in matched))
        keys_of[scope_id] = known[versions]
    return keys_of
