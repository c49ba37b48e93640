"""Who may change guardrails."""

from __future__ import annotations

from governance.people.rules import Actor


def may_change_guardrails(actor: Actor) -> bool:
    """A guardrail may match scopes of every organisation: only the installation and a superuser change one."""
    return actor.sees_everything
