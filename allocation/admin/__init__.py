"""One module per concept; Django registers what they hold."""

from allocation.admin import anomalies, charges, declared, incoming, movement, tasks, usage

__all__ = ["anomalies", "charges", "declared", "incoming", "movement", "tasks", "usage"]
