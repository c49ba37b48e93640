from allocation.usage.admin import charges, imports, tasks, usage

__all__ = ["charges", "imports", "tasks", "usage"]
