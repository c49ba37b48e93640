from allocation.shared_cost.admin import runs, splits

__all__ = ["runs", "splits"]
