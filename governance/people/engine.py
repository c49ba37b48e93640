"""What each app lets a persona do, as every app declares it; and how an API key is written."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

ALL = "*"
SCHEME = "weir_"
KEY_PREFIX_BYTES = 5


@dataclass(frozen=True, slots=True)
class AppRights:
    """The `rights` of an AppConfig whose models personas may look at. By persona: `changes` are the models it may
    change in the admin, in lower case, or ALL; `api_writes` are the API's permissions it may use in a browser session.
    `operated` are models of the installation as a whole, which no persona looks at.
    """

    changes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    api_writes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    operated: frozenset[str] = frozenset()


def changes_of(apps: Mapping[str, AppRights], persona: str) -> frozenset[str]:
    """What the persona may change, as `app.model`; `apps` are the rights by the app's label."""
    return frozenset(
        f"{label}.{model}" for label, rights in apps.items() for model in rights.changes.get(persona, frozenset())
    )


def api_writes_of(apps: Mapping[str, AppRights], persona: str) -> frozenset[str]:
    """The API's permissions that the persona may use in a browser session."""
    return frozenset().union(*(rights.api_writes.get(persona, frozenset()) for rights in apps.values()))


def key_digest(plaintext: str) -> str:
    """SHA-256 of the whole key in hexadecimal: all that is stored of its secret."""
    return hashlib.sha256(plaintext.encode()).hexdigest()


def key_identity(plaintext: str) -> tuple[str, str] | None:
    """The prefix that finds the key's row and the digest it must have; None for a text that cannot be a key."""
    scheme, _, rest = plaintext.partition("_")
    prefix, _, secret = rest.partition("_")
    if scheme != "weir" or len(prefix) != 2 * KEY_PREFIX_BYTES or not secret or not plaintext.isascii():
        return None
    return prefix, key_digest(plaintext)
