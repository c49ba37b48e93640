"""One module per concept; Django registers what they hold."""

from allocation.admin import charges, declared, focus, incoming, tasks, usage

__all__ = ["charges", "declared", "focus", "incoming", "tasks", "usage"]
