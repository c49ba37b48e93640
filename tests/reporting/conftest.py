"""An organisation with a budget and a guardrail, as the tests of policies have it."""

from tests.policies.conftest import (
    apply,
    author,
    budget,
    finance,
    finops_channel,
    key,
    spend,
    team_lead,
)

__all__ = ["apply", "author", "budget", "finance", "finops_channel", "key", "spend", "team_lead"]
