"""What a SharedCostSplit may not say, and what it says anew."""

from decimal import Decimal
from typing import get_args

import pytest

from allocation.shared_cost.documents.splits import ByMetric, Even, Fixed, Method, MethodSpec, Proportional
from governance.documents import DocumentError
from tests.allocation.sharing import BY_TOKENS, LICENCE, LISTED, RECIPIENTS, SPLIT, split_document

D = Decimal


THIRD, MORE = D("13.333333333"), D("13.333333334")


def test_every_method_has_a_name_and_every_name_a_method() -> None:
    specs = (Even, Proportional, Fixed, ByMetric)

    assert get_args(get_args(MethodSpec)[0]) == specs
    assert [get_args(spec.model_fields["how"].annotation) for spec in specs] == [(method,) for method in Method]


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
