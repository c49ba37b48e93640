"""Experiments that once broke an installation. The fixtures are those of the tests of policies."""

from tests.governance.conftest import person
from tests.policies.conftest import apply, author, budget, finance, finops_channel, spend

__all__ = ["apply", "author", "budget", "finance", "finops_channel", "person", "spend"]
