"""Importing the modules registers the pages."""

from reporting.overview.admin import overview, scopes

__all__ = ["overview", "scopes"]
