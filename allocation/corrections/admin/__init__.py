from allocation.corrections.admin import attribution, corrections, imports

__all__ = ["attribution", "corrections", "imports"]
