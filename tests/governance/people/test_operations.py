from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.organisations.operations import create_api_key
from governance.people.models import ApiKey
from governance.people.operations import authenticate_key
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM


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
