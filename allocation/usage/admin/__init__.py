from allocation.usage.admin import charges, tasks, usage

__all__ = ["charges", "tasks", "usage"]
