from __future__ import annotations

from governance.people.rules import Actor
from governance.scopes.models import Scope


def may_release_constraint(actor: Actor, scope: Scope) -> bool:
    """Only a person lifts a limit by hand: a key has no name to sign with."""
    return actor.user is not None and actor.may("constrain_demand", scope)
