"""Who may do what with alerts, constraints and guardrails."""

from __future__ import annotations

from governance.models import Scope
from governance.rules import Actor


def may_acknowledge(actor: Actor, scope: Scope) -> bool:
    return actor.may("acknowledge", scope)


def may_release_constraint(actor: Actor, scope: Scope) -> bool:
    """Only a person lifts a limit by hand: a key has no name to sign with."""
    return actor.user is not None and actor.may("constrain_demand", scope)


def may_change_guardrails(actor: Actor) -> bool:
    """Guardrails speak of the whole installation, so changing one needs the installation or a signed-in superuser."""
    return actor.sees_everything
