import pytest

from governance.scopes.models import Scope
from tests.allocation.sharing import apply_split


@pytest.fixture
def shared(sharing: Scope) -> Scope:
    apply_split()
    return sharing
