import pytest
from django.db import IntegrityError, transaction

from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM


def test_the_database_keeps_the_path_when_a_scope_is_renamed_or_moved(
    acme: Scope, search: Scope, ranker: Scope
) -> None:
    ads = create_scope(slug="ads", kind="team", parent=acme, actor=SYSTEM, at=AT)
    Scope.objects.filter(pk=search.pk).update(slug="find")
    assert Scope.objects.get(pk=ranker.pk).path == "acme/find/ranker"
    Scope.objects.filter(pk=acme.pk).update(slug="acme-inc")
    assert Scope.objects.get(pk=ranker.pk).path == "acme-inc/find/ranker"
    Scope.objects.filter(pk=search.pk).update(parent=ads)
    assert Scope.objects.get(pk=ranker.pk).path == "acme-inc/ads/find/ranker"


def test_nobody_can_write_a_path_by_hand(ranker: Scope) -> None:
    Scope.objects.filter(pk=ranker.pk).update(path="globex")
    assert Scope.objects.get(pk=ranker.pk).path == "acme/search/ranker"


def test_a_scope_cannot_lie_below_itself_nor_leave_its_organisation(
    acme: Scope, search: Scope, ranker: Scope, globex: Scope
) -> None:
    for parent in (search, ranker, globex):
        with pytest.raises(IntegrityError), transaction.atomic():
            Scope.objects.filter(pk=search.pk).update(parent=parent)
    assert Scope.objects.get(pk=ranker.pk).path == "acme/search/ranker"
