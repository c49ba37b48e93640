"""What an operator writes of the identity provider by which people sign in, and what it says of a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

PERSONAS = ("engineering", "finance", "finops", "platform")
SUPERUSER = "superuser"
# As long as the name of a group may be that is made for it.
GROUP_LENGTH_MAX = 120
SUBJECT_LENGTH_MAX = 255
NAME_LENGTH_MAX = 150
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class GroupGives:
    """Who is in `group` at the provider has `persona` at the scope with the path `scope`; a superuser has no path."""

    group: str
    persona: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """One OpenID Connect provider; without a secret Weir is a public client. `vouching` are values of `amr` or `acr` by
    which it says that it asked for a second factor.
    """

    issuer: str
    client_id: str
    client_secret: str
    name: str
    scopes: tuple[str, ...]
    groups_claim: str
    groups: tuple[GroupGives, ...]
    vouching: frozenset[str]

    def given_to(self, groups: Iterable[str]) -> tuple[GroupGives, ...]:
        """What somebody has who is in these groups."""
        known = frozenset(groups)
        return tuple(one for one in self.groups if one.group in known)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A person as the provider vouches for them; known again by issuer and subject, by nothing else."""

    issuer: str
    subject: str
    email: str
    first_name: str
    last_name: str
    groups: frozenset[str]
    has_second_factor: bool


def is_safe_address(url: str) -> bool:
    """Whether nobody between reads or changes what is sent there: by TLS, or to this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) if parts.scheme == "https" else parts.scheme == "http" and host in LOOPBACK


def parse_groups(text: str) -> tuple[GroupGives, ...]:
    """Of `GROUP=PERSONA@SCOPE; GROUP=superuser`. A group's own name may hold `=`, `,` and `@`. ValueError, with what is
    wrong.
    """
    return tuple(_parse_group(entry.strip()) for entry in text.split(";") if entry.strip())


def _parse_group(entry: str) -> GroupGives:
    group, equals, given = (part.strip() for part in entry.rpartition("="))
    if not equals or not group:
        raise ValueError(f"must be GROUP=PERSONA@SCOPE, separated by semicolons, not {entry!r}")
    if len(group) > GROUP_LENGTH_MAX:
        raise ValueError(f"must name groups by at most {GROUP_LENGTH_MAX} characters, not {group!r}")
    if given == SUPERUSER:
        return GroupGives(group, SUPERUSER)
    persona, _, scope = (part.strip() for part in given.partition("@"))
    if persona not in PERSONAS:
        raise ValueError(f"must give {', '.join(PERSONAS)} or {SUPERUSER} to {group!r}, not {persona!r}")
    if not scope:
        raise ValueError(f"must say at which scope {group!r} is {persona}, such as {group}={persona}@acme")
    return GroupGives(group, persona, scope)


def arrival_of(claims: Mapping[str, object], provider: IdentityProvider) -> Arrival:
    """The person of whom a token's claims are, which have been checked. ValueError, with what is wrong."""
    email = claims.get("email")
    if not isinstance(email, str) or not email.strip():
        raise ValueError(
            "its token has no claim 'email': let the provider add it, or add its scope to WEIR_OIDC_SCOPES"
        )
    if claims.get("email_verified", True) not in (True, "true"):
        raise ValueError("it does not vouch for the email address (email_verified)")
    return Arrival(
        issuer=provider.issuer,
        subject=str(claims["sub"]),
        email=email.strip().lower(),
        first_name=_name(claims, "given_name"),
        last_name=_name(claims, "family_name"),
        groups=frozenset(_words(_found(claims, provider.groups_claim), provider.groups_claim)),
        has_second_factor=not provider.vouching.isdisjoint(
            {*_words(claims.get("amr"), "amr"), *_words(claims.get("acr"), "acr")}
        ),
    )


def _found(claims: Mapping[str, object], name: str) -> object:
    """The claim of that name; else a path of names with dots between, as in `realm_access.roles`."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _words(value: object, name: str) -> list[str]:
    """None where there is none: who is in no group often has no such claim."""
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return value
    raise ValueError(f"its claim {name!r} is no list of texts")


def _name(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name)
    return value[:NAME_LENGTH_MAX].replace("\0", "") if isinstance(value, str) else ""
