import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from governance.people.models import Ownership
from governance.scopes.models import Scope
from tests.governance.conftest import Person


def test_ownership_is_of_exactly_one(search: Scope, person: Person) -> None:
    user, group = person("ada@example.com", search), Group.objects.create(name="finance")
    for holders in ({}, {"user": user, "group": group}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Ownership.objects.create(scope=search, persona="finance", **holders)
