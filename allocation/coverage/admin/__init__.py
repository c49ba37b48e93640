from allocation.coverage.admin import attribution, prices

__all__ = ["attribution", "prices"]
