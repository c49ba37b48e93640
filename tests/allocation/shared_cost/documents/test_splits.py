"""What a SharedCostSplit may not say, and what it says anew."""

from decimal import Decimal
from typing import get_args

import pytest

from allocation.shared_cost.documents.splits import ByMetric, Even, Fixed, Method, MethodSpec, Proportional
from allocation.shared_cost.models import SharedCostSplit
from governance.documents import Change, DocumentError
from governance.errors import DomainError
from governance.scopes.models import Scope
from tests.allocation.conftest import make_organisation
from tests.allocation.sharing import (
    AMOUNT,
    BY_TOKENS,
    LICENCE,
    LISTED,
    OF_NODE,
    RECIPIENTS,
    SPLIT,
    apply_split,
    split_document,
)

D = Decimal
THIRD, MORE = D("13.333333333"), D("13.333333334")


def test_every_method_has_a_name_and_every_name_a_method() -> None:
    specs = (Even, Proportional, Fixed, ByMetric)

    assert get_args(get_args(MethodSpec)[0]) == specs
    assert [get_args(spec.model_fields["how"].annotation) for spec in specs] == [(method,) for method in Method]


@pytest.fixture
def shared(sharing: Scope) -> Scope:
    apply_split()
    return sharing


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SPLIT.replace(LISTED, "[acme/search, acme/platform/gateway]"), "is the pool itself"),
        (SPLIT.replace(LISTED, "[acme/search, acme/search]"), "stands there twice"),
        (SPLIT.replace(LISTED, "[globex/search]"), "lies outside acme"),
        (SPLIT.replace(RECIPIENTS, "{}"), "give either scopes or matching"),
        (SPLIT.replace("2026-01-01", "2026-01-15"), "write the first day"),
        (SPLIT.replace("when_zero: fail", ""), "when_zero: is required"),
        (SPLIT.replace("departed: redistribute", "departed: forget"), "departed"),
        (
            SPLIT.replace(BY_TOKENS, "{how: fixed, percent: {acme/search: 33, acme/ads: 66.999}}"),
            "sums to 99.999; it must sum to exactly 100",
        ),
        (
            SPLIT.replace(BY_TOKENS, "{how: fixed, percent: {acme/search: 100}}"),
            "acme/ads is in one only",
        ),
        (LICENCE.replace('"100.00"', '"0"'), "greater than 0"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_split_is_named(text: str, words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        split_document(text)


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
