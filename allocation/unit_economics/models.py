from __future__ import annotations

from governance.scopes.models import Scope


class ScopeEconomics(Scope):
    """A scope, looked at for what its units cost."""

    class Meta:
        proxy = True
        verbose_name = "unit economics of a scope"
        verbose_name_plural = "unit economics"
