"""Django finds this app's pages here; each concept holds its own."""

from reporting.overview import admin as overview

__all__ = ["overview"]
