"""One module per concept; Django registers what they hold."""

from allocation.admin import (
    anomalies,
    attribution,
    charges,
    commitments,
    declared,
    economics,
    focus,
    incoming,
    movement,
    outcomes,
    prices,
    shared_cost,
    tasks,
    usage,
)

__all__ = [
    "anomalies",
    "attribution",
    "charges",
    "commitments",
    "declared",
    "economics",
    "focus",
    "incoming",
    "movement",
    "outcomes",
    "prices",
    "shared_cost",
    "tasks",
    "usage",
]
