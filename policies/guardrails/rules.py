from __future__ import annotations

from governance.people.rules import Actor


def may_change_guardrails(actor: Actor) -> bool:
    """Guardrails speak of the whole installation, so changing one needs the installation or a signed-in superuser."""
    return actor.sees_everything
