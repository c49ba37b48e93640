"""One module per concept; Django registers what they hold."""

from allocation.admin import (
    attribution,
    charges,
    commitments,
    declared,
    focus,
    incoming,
    prices,
    shared_cost,
    tasks,
    usage,
)

__all__ = [
    "attribution",
    "charges",
    "commitments",
    "declared",
    "focus",
    "incoming",
    "prices",
    "shared_cost",
    "tasks",
    "usage",
]
