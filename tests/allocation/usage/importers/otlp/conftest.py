import pytest
from rest_framework.test import APIClient

from governance.scopes.models import Scope
from tests.allocation.conftest import Client


@pytest.fixture
def sender(acme: Scope, client_of: Client) -> APIClient:
    return client_of(acme, "usage:write", "usage:read")
