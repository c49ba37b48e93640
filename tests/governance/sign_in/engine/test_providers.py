import re
from dataclasses import replace

import pytest

from governance.people.models import Persona
from governance.sign_in.engine.providers import (
    PERSONAS,
    Arrival,
    GroupGives,
    IdentityProvider,
    arrival_of,
    is_safe_address,
    parse_groups,
)

PROVIDER = IdentityProvider(
    issuer="https://id.example.com", client_id="weir", client_secret="", name="Acme", scopes=("openid",),
    groups_claim="groups", groups=parse_groups("a=finance@acme; b=superuser"), vouching=frozenset({"mfa", "urn:two"}),
)  # fmt: skip
CLAIMS = {"sub": "1", "email": "Ada@Example.com", "groups": ["a", "c"]}


def test_groups_are_given_personas_at_scopes() -> None:
    assert parse_groups("a = finance@acme ; CN=Search, OU=x=engineering@acme/search;a=superuser;") == (
        GroupGives("a", "finance", "acme"),
        GroupGives("CN=Search, OU=x", "engineering", "acme/search"),
        GroupGives("a", "superuser", ""),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("finance", "must be GROUP=PERSONA@SCOPE, separated by semicolons, not 'finance'"),
        ("=finance@acme", "must be GROUP=PERSONA@SCOPE, separated by semicolons, not '=finance@acme'"),
        ("a=boss@acme", "must give engineering, finance, finops, platform or superuser to 'a', not 'boss'"),
        ("a=finance", "must say at which scope 'a' is finance, such as a=finance@acme"),
        (f"{'a' * 121}=superuser", f"must name groups by at most 120 characters, not '{'a' * 121}'"),
    ],
)
def test_what_cannot_be_meant_is_said(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        parse_groups(text)


def test_personas_are_those_of_people() -> None:
    assert list(PERSONAS) == Persona.values


def test_a_person_is_read_of_claims() -> None:
    assert arrival_of(CLAIMS, PROVIDER) == Arrival(
        issuer="https://id.example.com", subject="1", email="ada@example.com", first_name="", last_name="",
        groups=frozenset({"a", "c"}), has_second_factor=False,
    )  # fmt: skip
    assert PROVIDER.given_to({"a", "c"}) == (GroupGives("a", "finance", "acme"),)


def test_groups_may_be_elsewhere_or_missing() -> None:
    by_path = replace(PROVIDER, groups_claim="realm_access.roles")
    assert arrival_of({**CLAIMS, "realm_access": {"roles": ["b"]}}, by_path).groups == {"b"}
    assert arrival_of({**CLAIMS, "realm_access.roles": "b"}, by_path).groups == {"b"}
    assert arrival_of(CLAIMS, by_path).groups == frozenset()


@pytest.mark.parametrize(
    ("claims", "has_one"), [({"amr": ["pwd", "mfa"]}, True), ({"acr": "urn:two"}, True), ({}, False)]
)
def test_the_provider_vouches_for_a_second_factor(claims: dict[str, object], has_one: bool) -> None:
    assert arrival_of({**CLAIMS, **claims}, PROVIDER).has_second_factor is has_one


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        (
            {"email": None},
            "its token has no claim 'email': let the provider add it, or add its scope to WEIR_OIDC_SCOPES",
        ),
        ({"email_verified": False}, "it does not vouch for the email address (email_verified)"),
        ({"email_verified": []}, "it does not vouch for the email address (email_verified)"),
        ({"groups": {"a": 1}}, "its claim 'groups' is no list of texts"),
        ({"groups": ["a", 1]}, "its claim 'groups' is no list of texts"),
    ],
)
def test_what_is_missing_is_said(claims: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        arrival_of({**CLAIMS, **claims}, PROVIDER)


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://id.example.com/realms/a", True), ("http://127.0.0.1:8080", True), ("http://[::1]:1", True),
        ("http://id.example.com", False), ("https://", False), ("ftp://localhost", False), ("https://[::1", False),
        ("http://localhost.example.com", False),
    ],
)  # fmt: skip
def test_tokens_come_by_tls_or_from_this_machine(url: str, is_safe: bool) -> None:
    assert is_safe_address(url) is is_safe
