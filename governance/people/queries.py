"""Scopes that an actor may see."""

from __future__ import annotations

from governance.people.rules import Actor
from governance.scopes.queries import scope_tree


def visible_scope_paths(actor: Actor) -> tuple[str, ...]:
    """The tops of the subtrees that `actor` may see; every organisation for one who sees everything."""
    if not actor.sees_everything:
        return actor.visible_paths
    tree = scope_tree()
    return tuple(tree.by_id[root].path for root in tree.roots)
