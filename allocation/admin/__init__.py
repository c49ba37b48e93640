"""One module per concept; Django registers what they hold."""

from allocation.admin import declared, incoming, usage

__all__ = ["declared", "incoming", "usage"]
