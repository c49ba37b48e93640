from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from budgets.requests.models import QuotaRequest
from budgets.requests.operations import Case, request_digest, request_more
from budgets.requests.queries import budgets_raised
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, person

WHY = Case("The launch doubles the calls.", expected_outcome="5,000 tickets resolved", outcome_value=Decimal(9000))
Asks = Callable[..., QuotaRequest]


@pytest.fixture
def developer(search: Scope) -> Actor:
    return person("dev@example.com", search, "engineering", "")


@pytest.fixture
def asks(developer: Actor) -> Asks:
    def asked(scope: Scope, amount: str, **terms: Any) -> QuotaRequest:
        values = {"unit": "money", "case": WHY, "actor": developer, "at": AT, **terms}
        return request_more(scope=scope, amount=Decimal(amount), **values)

    return asked


def shown(request: QuotaRequest) -> str:
    """The digest of what the request is shown with."""
    stored = QuotaRequest.objects.get(pk=request.pk)
    return request_digest(stored, budgets_raised([stored], day=AT.date()).get(stored.pk))
