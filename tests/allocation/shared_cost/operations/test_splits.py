import pytest

from allocation.shared_cost.models import SharedCostSplit
from governance.documents import Change
from governance.errors import DomainError
from governance.scopes.models import Scope
from tests.allocation.conftest import make_organisation
from tests.allocation.sharing import AMOUNT, LICENCE, LISTED, OF_NODE, SPLIT, apply_split


@pytest.fixture
def shared(sharing: Scope) -> Scope:
    apply_split()
    return sharing


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SPLIT.replace("acme/ads]", "acme/nowhere]"), "There is no scope acme/nowhere"),
        (LICENCE.replace("currency: USD", "currency: EUR"), "acme reckons in USD, not EUR"),
        (
            SPLIT.replace("platform-team", "x").replace("scope: acme/platform", "scope: acme/platform/gateway"),
            "x: its usage of acme/platform/gateway is part of what platform-team shares",
        ),
        (
            SPLIT.replace("platform-team", "x").replace("scope: acme/platform", "scope: acme/ads")
            .replace(LISTED, "[acme/platform]"),
            "pools share in a circle: platform-team → x → platform-team",
        ),
        (
            LICENCE.replace(AMOUNT, OF_NODE),
            "acme has no commitment node",
        ),
    ],
)  # fmt: skip
def test_a_split_that_does_not_fit_is_refused_and_leaves_nothing(shared: Scope, text: str, words: str) -> None:
    with pytest.raises(DomainError, match=words):
        apply_split(text)
    assert SharedCostSplit.objects.count() == 1


def test_a_circle_is_no_circle_when_the_two_are_never_in_force_together(shared: Scope) -> None:
    apply_split(SPLIT.replace("  pool:", "  effective_to: 2026-12-01\n  pool:"))
    back = SPLIT.replace("platform-team", "x").replace("scope: acme/platform", "scope: acme/ads")
    apply_split(back.replace(LISTED, "[acme/platform]").replace("2026-01-01", "2026-12-01"))
    assert SharedCostSplit.objects.filter(is_current=True).count() == 2


def test_applying_the_same_again_changes_nothing(shared: Scope) -> None:
    assert apply_split() == Change(kind="SharedCostSplit", name="platform-team", action="unchanged")
    globex = make_organisation("globex")
    with pytest.raises(DomainError, match="belongs to acme"):
        apply_split(SPLIT.replace("acme", globex.path))
