"""One module per concept; Django registers what they hold."""

from allocation.admin import charges, declared, incoming, prices, tasks, usage

__all__ = ["charges", "declared", "incoming", "prices", "tasks", "usage"]
