"""What the installation as a whole counts is for its operators."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from allocation.usage.operations import record_usage
from governance.organisations.operations import create_scope
from governance.people.models import User
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.work.models import DirtyScope
from policies.evaluation.models import EvaluationRun
from policies.evaluation.queries import evaluation_lag
from tests.allocation.conftest import event
from tests.conftest import AT
from tests.governance.conftest import Person

pytestmark = pytest.mark.adversary("what is not yours")
SYSTEM = Actor.system()


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def spend(root: Scope, path: str) -> None:
    assert record_usage(events=[event(scope=path, occurred_at=AT)], key_scope_id=root.pk, at=AT).accepted == 1


def statements(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as run:
        assert client.get(path).status_code == 200
    return len(run.captured_queries)


def test_who_sees_one_organisation_learns_nothing_of_what_waits_in_another(acme: Scope, person: Person) -> None:
    globex = create_scope(slug="globex", kind="organisation", actor=Actor.system(), at=AT)
    DirtyScope.objects.all().delete()
    DirtyScope.objects.create(scope=globex, dirty_since=AT - timedelta(hours=1))
    seen = evaluation_lag(at=AT, actor=Actor.of_user(person("ada@example.com", acme)))
    assert (seen.dirty_count, seen.oldest_dirty_since, seen.organisation_ids, seen.is_stalled) == (0, None, (), False)
    assert evaluation_lag(at=AT).dirty_count == 1


@pytest.mark.parametrize("persona", ["engineering", "finance", "finops", "platform"])
def test_what_was_evaluated_for_all_organisations_is_for_who_operates_them(
    search: Scope, person: Person, persona: str
) -> None:
    run = EvaluationRun.objects.create(cause="sweep", started_at=AT, errors=["globex/secret: no such fact"])
    client = signed_in(person("ada@example.com", search, persona))
    pages = ("", f"{run.pk}/change/", f"{run.pk}/history/")
    assert {client.get(f"/admin/policies/evaluationrun/{page}").status_code for page in pages} == {403}
    assert "/admin/policies/evaluationrun/" not in client.get("/admin/policies/").content.decode()


def test_who_checks_the_chain_is_not_told_how_many_records_others_have(search: Scope, person: Person) -> None:
    client = signed_in(person("ada@example.com", search))
    asked = "/admin/governance/decisionrecord/check-chain/"
    before = client.get(asked, follow=True).content.decode()
    assert "Every record holds, yours and all others." in before
    assert "records hold" not in before
    operator = signed_in(User.objects.create_superuser("root@example.com", "a long password"))
    assert "records hold; head" in operator.get(asked, follow=True).content.decode()
