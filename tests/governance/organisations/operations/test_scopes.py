import pytest

from governance.errors import DomainError
from governance.messages.models import Channel
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM


def test_an_organisation_comes_with_its_unattributed_scope_and_its_channel_to_owners(acme: Scope) -> None:
    assert list(Scope.objects.order_by("path").values_list("path", "kind", "currency", "is_unattributed")) == [
        ("acme", "organisation", "USD", False),
        ("acme/unattributed", "business_unit", "", True),
    ]
    assert [str(channel) for channel in Channel.objects.all()] == ["email:owners"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"slug": "Search"}, "slug_invalid"),
        ({"slug": "a/b"}, "slug_invalid"),
        ({"slug": "sea\nrch"}, "slug_invalid"),
        ({"slug": "search\n"}, "slug_invalid"),
        ({"slug": "unattributed"}, "slug_reserved"),
        ({"slug": "x", "kind": "organisation"}, "kind_invalid"),
        ({"slug": "x", "currency": "EUR"}, "currency_not_at_root"),
        ({"slug": "search"}, "scope_exists"),
    ],
)
def test_what_is_no_scope_is_refused(search: Scope, wrong: dict[str, str], code: str) -> None:
    before = Scope.objects.count()
    with pytest.raises(DomainError) as refused:
        create_scope(**{"kind": "team", "parent": search.parent, "actor": SYSTEM, "at": AT, **wrong})
    assert (refused.value.code, Scope.objects.count()) == (code, before)


def test_a_deep_tree_is_recorded_and_a_bottomless_one_refused(acme: Scope) -> None:
    scope = acme
    for _ in range(15):
        scope = create_scope(slug="a" * 63, kind="team", parent=scope, actor=SYSTEM, at=AT)
    assert len(scope.path) == 4 + 15 * 64
    with pytest.raises(DomainError) as refused:
        create_scope(slug="a" * 63, kind="team", parent=scope, actor=SYSTEM, at=AT)
    assert refused.value.code == "path_too_long"
