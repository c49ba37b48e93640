from decimal import Decimal

from allocation.shared_cost.models import AllocatedCharge
from allocation.shared_cost.queries import fully_loaded, shared_cost
from governance.organisations.operations import create_api_key
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM
from tests.allocation.sharing import LICENCE, NOVEMBER, apply_split, run

D = Decimal


def test_fully_loaded_is_direct_and_shared_in_less_shared_away(shared: Scope) -> None:
    apply_split(LICENCE)
    run(shared)
    loaded = {
        Scope.objects.get(pk=scope_id).path: (one.direct, one.external, one.shared_in, one.shared_out, one.total)
        for scope_id, one in fully_loaded(shared.pk, NOVEMBER).items()
    }
    assert loaded == {
        "acme": (0, 100, 0, 100, 0),
        "acme/platform": (10, 0, 0, 40, -30),
        "acme/platform/gateway": (30, 0, 0, 0, 30),
        "acme/search": (8, 0, 80, 0, 88),
        "acme/search/ranker": (4, 0, 0, 0, 4),
        "acme/ads": (2, 0, 60, 0, 62),
    }
    # 54 of usage, and the licence exactly once.
    assert sum(one[4] for one in loaded.values()) == 54 + 100


def test_what_was_shared_to_a_scope_says_from_where_and_why(shared: Scope) -> None:
    made = run(shared)
    found = shared_cost(actor=SYSTEM, scope_id=Scope.objects.get(path="acme/search").pk, month=NOVEMBER)
    assert (found.run, found.direct, found.external, found.fully_loaded) == (made, 12, 0, 42)
    (line,) = found.shared_in
    assert (line.pool, line.origin, line.method, line.ratio, line.amount) == (
        "platform-team", "acme/platform", "proportional", D("0.75"), 30,
    )  # fmt: skip
    assert line.why == (
        "acme/search bears 75.0 % of platform-team (40.00 USD of acme/platform), by Tokens: 3000 of 4000."
    )
    assert line.records == (
        "/api/v1/usage?scope=acme%2Fplatform&since=2026-11-01T00%3A00%3A00Z&until=2026-12-01T00%3A00%3A00Z"
    )
    platform = shared_cost(actor=SYSTEM, scope_id=Scope.objects.get(path="acme/platform").pk, month=NOVEMBER)
    assert (platform.direct, platform.shared_out_total, platform.fully_loaded) == (40, 40, 0)
    whole = shared_cost(actor=SYSTEM, scope_id=shared.pk, month=NOVEMBER)
    assert (whole.shared_in, whole.shared_out, whole.fully_loaded) == ((), (), 54)


def test_who_does_not_see_the_pool_gets_no_way_to_its_records(shared: Scope) -> None:
    run(shared)
    search = Scope.objects.get(path="acme/search")
    key, _ = create_api_key(scope=search, permissions=["usage:read"], actor=SYSTEM, at=AT)
    found = shared_cost(actor=Actor.of_key(key), scope_id=search.pk, month=NOVEMBER)
    assert [(line.origin, line.amount, line.records) for line in found.shared_in] == [("acme/platform", 30, "")]
    seen = AllocatedCharge.objects.visible_to(Actor.of_key(key)).values_list("target__path", flat=True)
    assert list(seen) == ["acme/search"]
