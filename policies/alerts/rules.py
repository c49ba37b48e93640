"""Who may do what with alerts, constraints and guardrails."""

from __future__ import annotations

from governance.people.rules import Actor
from governance.scopes.models import Scope


def may_acknowledge(actor: Actor, scope: Scope) -> bool:
    return actor.may("acknowledge", scope)
