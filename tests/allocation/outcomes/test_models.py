import pytest
from django.db import Error, transaction

from allocation.outcomes.models import Outcome
from governance.scopes.models import Scope
from tests.allocation.outcomes.reported import record, typed


def test_the_database_keeps_outcomes_as_they_came(acme: Scope) -> None:
    record(acme, typed())
    with pytest.raises(Error), transaction.atomic():
        Outcome.objects.update(quantity=5)
    with pytest.raises(Error), transaction.atomic():
        Outcome.objects.all().delete()
    assert Outcome.objects.get().quantity == 1
