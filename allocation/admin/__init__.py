"""One module per concept; Django registers what they hold."""

from allocation.admin import charges, declared, economics, incoming, outcomes, tasks, usage

__all__ = ["charges", "declared", "economics", "incoming", "outcomes", "tasks", "usage"]
