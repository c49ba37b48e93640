"""One module per concept; Django registers what they hold."""

from allocation.admin import attribution, charges, declared, incoming, tasks, usage

__all__ = ["attribution", "charges", "declared", "incoming", "tasks", "usage"]
