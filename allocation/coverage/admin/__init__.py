from allocation.coverage.admin import attribution

__all__ = ["attribution"]
