"""What the installation as a whole counts is for its operators."""

from __future__ import annotations

from datetime import timedelta

import pytest

from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.work.models import DirtyScope
from policies.evaluation.queries import evaluation_lag
from tests.conftest import AT
from tests.governance.conftest import Person

pytestmark = pytest.mark.adversary("what is not yours")


def test_who_sees_one_organisation_learns_nothing_of_what_waits_in_another(acme: Scope, person: Person) -> None:
    globex = create_scope(slug="globex", kind="organisation", actor=Actor.system(), at=AT)
    DirtyScope.objects.all().delete()
    DirtyScope.objects.create(scope=globex, dirty_since=AT - timedelta(hours=1))
    seen = evaluation_lag(at=AT, actor=Actor.of_user(person("ada@example.com", acme)))
    assert (seen.dirty_count, seen.oldest_dirty_since, seen.organisation_ids, seen.is_stalled) == (0, None, (), False)
    assert evaluation_lag(at=AT).dirty_count == 1
