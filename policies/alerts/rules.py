"""Who may do what with alerts."""

from __future__ import annotations

from governance.people.rules import Actor
from governance.scopes.models import Scope


def may_acknowledge(actor: Actor, scope: Scope) -> bool:
    """Whoever holds the decision right `acknowledge` at the scope or above it."""
    return actor.may("acknowledge", scope)
