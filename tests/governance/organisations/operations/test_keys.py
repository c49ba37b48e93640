import hashlib

import pytest

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
