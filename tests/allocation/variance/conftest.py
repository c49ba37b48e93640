import pytest

from governance.scopes.models import Scope
from tests.allocation.variance.used import call, use

# --- what is shown --------------------------------------------------------------------------------------------------


@pytest.fixture
def usage(acme: Scope) -> None:
    use(acme, (9, call(2)), (10, call(1)), (10, call(1, 1)), (10, call(1, model="gpt-4o-mini", scope="acme/ads")))
