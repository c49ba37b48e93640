"""The admin's view of a scope as an object of unit economics."""

from __future__ import annotations

from governance.scopes.models import Scope


class ScopeEconomics(Scope):
    """A scope in the admin's list of unit economics."""

    class Meta:
        proxy = True
        verbose_name = "unit economics of a scope"
        verbose_name_plural = "unit economics"
