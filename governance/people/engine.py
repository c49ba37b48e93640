"""What the apps let each persona do: every app declares its own, `governance.people.rules` gathers them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

ALL = "*"


@dataclass(frozen=True, slots=True)
class AppRights:
    """Stands as `rights` on the AppConfig of an app whose models personas may look at. By persona: `changes` are the
    models it may change in the admin, lower case, ALL of them or one by one; `api_writes` are the permissions of the
    API that it may use with a browser session.
    """

    changes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    api_writes: Mapping[str, frozenset[str]] = field(default_factory=dict)


def changes_of(apps: Mapping[str, AppRights], persona: str) -> frozenset[str]:
    """As `app.model`; `apps` are the rights by the app's label."""
    return frozenset(
        f"{label}.{model}" for label, rights in apps.items() for model in rights.changes.get(persona, frozenset())
    )


def api_writes_of(apps: Mapping[str, AppRights], persona: str) -> frozenset[str]:
    return frozenset().union(*(rights.api_writes.get(persona, frozenset()) for rights in apps.values()))
