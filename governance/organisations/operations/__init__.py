from governance.organisations.operations.declared_scopes import (
    apply_scope,
    plan_scope,
)
from governance.organisations.operations.keys import (
    create_api_key,
    revoke_api_key,
)
from governance.organisations.operations.many_scopes import (
    ScopeApplication,
)
from governance.organisations.operations.people import (
    create_user,
)
from governance.organisations.operations.scopes import (
    change_scope,
    check_labels,
    create_scope,
)

__all__ = [
    "ScopeApplication",
    "apply_scope",
    "change_scope",
    "check_labels",
    "create_api_key",
    "create_scope",
    "create_user",
    "plan_scope",
    "revoke_api_key",
]
