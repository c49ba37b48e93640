import hashlib
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.errors import DomainError
from governance.organisations.operations import create_api_key, revoke_api_key
from governance.people.models import ApiKey
from governance.people.operations import authenticate_key
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM, Person


def test_only_a_digest_of_a_key_is_kept(search: Scope) -> None:
    key, plaintext = create_api_key(scope=search, permissions=["usage:write"], actor=SYSTEM, at=AT)
    assert plaintext.startswith(f"weir_{key.prefix}_")
    assert key.digest == hashlib.sha256(plaintext.encode()).hexdigest()
    stored = repr(ApiKey.objects.values().get()) + repr(list(DecisionRecord.objects.values()))
    assert plaintext.rsplit("_", 1)[1] not in stored


def test_a_key_is_found_with_one_query_and_its_use_is_noted_once_a_minute(search: Scope) -> None:
    key, plaintext = create_api_key(scope=search, permissions=["usage:write"], actor=SYSTEM, at=AT)
    assert authenticate_key(plaintext, at=AT) == key
    with CaptureQueriesContext(connection) as queries:
        key_in_use = authenticate_key(plaintext, at=AT + timedelta(seconds=59))
        assert key_in_use is not None
        assert key_in_use.scope.path == "acme/search"
    assert len(queries) == 1
    assert ApiKey.objects.get().last_used_at == AT
    authenticate_key(plaintext, at=AT + timedelta(seconds=60))
    assert ApiKey.objects.get().last_used_at == AT + timedelta(seconds=60)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: key + "x",
        lambda key: key[:-1],
        lambda key: key.upper(),
        lambda key: key.replace("weir_", "weyr_"),
        lambda key: "weir_" + "0" * 10 + key[15:],
        lambda key: key[:16],
        lambda key: f"{key} ",
        lambda key: f"{key}é",
        lambda _: "",
        lambda _: "weir__",
        lambda _: "weir_" * 10_000,
    ],
)
def test_what_is_not_the_key_is_nobody(search: Scope, spoil: object) -> None:
    _, plaintext = create_api_key(scope=search, permissions=["usage:write"], actor=SYSTEM, at=AT)
    assert authenticate_key(spoil(plaintext), at=AT) is None  # type: ignore[operator]


def test_an_expired_key_is_nobody_from_that_instant(search: Scope) -> None:
    end = AT + timedelta(days=90)
    _, plaintext = create_api_key(scope=search, permissions=["usage:write"], actor=SYSTEM, at=AT, expires_at=end)
    assert authenticate_key(plaintext, at=end - timedelta(microseconds=1)) is not None
    assert authenticate_key(plaintext, at=end) is None


def test_a_revoked_key_is_nobody_at_once_and_is_revoked_once(search: Scope) -> None:
    key, plaintext = create_api_key(scope=search, permissions=["usage:write"], actor=SYSTEM, at=AT)
    revoke_api_key(key_id=key.pk, actor=SYSTEM, at=AT, reason="leaked")
    assert authenticate_key(plaintext, at=AT) is None
    with pytest.raises(DomainError, match="was revoked"):
        revoke_api_key(key_id=key.pk, actor=SYSTEM, at=AT)
    assert list(DecisionRecord.objects.order_by("seq").values_list("action", "reason"))[-2:] == [
        ("api_key.create", ""), ("api_key.revoke", "leaked"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"permissions": []}, "permission_unknown"),
        ({"permissions": ["usage:write", "everything"]}, "permission_unknown"),
        ({"permissions": ["admin"], "expires_at": AT}, "expiry_in_the_past"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(search: Scope, wrong: dict[str, object], code: str) -> None:
    with pytest.raises(DomainError) as refused:
        create_api_key(**{"scope": search, "actor": SYSTEM, "at": AT, **wrong})
    assert (refused.value.code, ApiKey.objects.count()) == (code, 0)


def test_nobody_makes_or_revokes_keys_outside_their_scopes(acme: Scope, search: Scope, person: Person) -> None:
    ada = Actor.of_user(person("ada@example.com", search, "platform"))
    with pytest.raises(DomainError, match="no say over acme"):
        create_api_key(scope=acme, permissions=["admin"], actor=ada, at=AT)
    key, _ = create_api_key(scope=acme, permissions=["admin"], actor=SYSTEM, at=AT)
    with pytest.raises(DomainError, match="no say over acme"):
        revoke_api_key(key_id=key.pk, actor=ada, at=AT)
