import pytest

from allocation.usage.operations import record_usage
from governance.organisations.operations import create_api_key, create_scope
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from tests.allocation.conftest import AT, SYSTEM, event


def test_a_key_made_by_another_process_a_moment_ago_may_send(acme: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process still has its picture of the tree, a quarter of a second old."""
    old = scope_tree()
    fresh = create_scope(slug="fresh", kind="team", parent=acme, actor=SYSTEM, at=AT)
    create_api_key(scope=fresh, permissions=["usage:write"], actor=SYSTEM, at=AT)
    monkeypatch.setattr(
        "governance.scopes.queries.scope_tree", lambda max_age_s=0.0: old if max_age_s else scope_tree()
    )
    assert record_usage(events=[event(scope="acme/fresh")], key_scope_id=fresh.pk, at=AT).accepted == 1
