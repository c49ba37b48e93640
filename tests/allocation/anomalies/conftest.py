"""The organisation of these tests has a second team."""

import pytest

from governance.scopes.models import Scope


@pytest.fixture
def ads(acme: Scope) -> Scope:
    return Scope.objects.get(path="acme/ads")
