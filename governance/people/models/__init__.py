from governance.people.models.ownership import (
    DecisionRight,
    Ownership,
    Persona,
)
from governance.people.models.people import (
    ApiKey,
    KeyPermission,
    User,
    UserManager,
)

__all__ = [
    "ApiKey",
    "DecisionRight",
    "KeyPermission",
    "Ownership",
    "Persona",
    "User",
    "UserManager",
]
