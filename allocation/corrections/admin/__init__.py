from allocation.corrections.admin import attribution, corrections

__all__ = ["attribution", "corrections"]
