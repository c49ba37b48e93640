"""What each app lets a persona do: every app declares its own rights, and `governance.people.rules` gathers them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

ALL = "*"


@dataclass(frozen=True, slots=True)
class AppRights:
    """The `rights` of an AppConfig whose models personas may look at. By persona: `changes` are the models it may
    change in the admin, in lower case, or ALL; `api_writes` are the API's permissions it may use in a browser session.
    """

    changes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    api_writes: Mapping[str, frozenset[str]] = field(default_factory=dict)


def changes_of(apps: Mapping[str, AppRights], persona: str) -> frozenset[str]:
    """What the persona may change, as `app.model`; `apps` are the rights by the app's label."""
    return frozenset(
        f"{label}.{model}" for label, rights in apps.items() for model in rights.changes.get(persona, frozenset())
    )


def api_writes_of(apps: Mapping[str, AppRights], persona: str) -> frozenset[str]:
    """The API's permissions that the persona may use in a browser session."""
    return frozenset().union(*(rights.api_writes.get(persona, frozenset()) for rights in apps.values()))
