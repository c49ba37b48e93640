from reporting.overview.admin import overview, scopes

__all__ = ["overview", "scopes"]
