"""Who may release a constraint."""

from __future__ import annotations

from governance.people.rules import Actor
from governance.scopes.models import Scope


def may_release_constraint(actor: Actor, scope: Scope) -> bool:
    """Only a person releases a constraint: an API key names nobody who answers for it."""
    return actor.user is not None and actor.may("constrain_demand", scope)
