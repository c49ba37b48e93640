"""One module per concept; Django registers what they hold."""

from allocation.admin import (
    anomalies,
    attribution,
    charges,
    commitments,
    declared,
    focus,
    incoming,
    movement,
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
    "focus",
    "incoming",
    "movement",
    "prices",
    "shared_cost",
    "tasks",
    "usage",
]
