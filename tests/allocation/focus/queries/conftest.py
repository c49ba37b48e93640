import pytest

from governance.scopes.models import Scope
from tests.allocation.focus.exported import use


@pytest.fixture
def used(acme: Scope) -> Scope:
    use(acme)
    return acme
