"""The admin of unit economics."""

from allocation.unit_economics.admin import scopes

__all__ = ["scopes"]
