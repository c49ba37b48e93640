import pytest

from governance.documents import DocumentError
from tests.budgets.plans.declared_budgets import TEXT, document


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"100.00"', "100.00", r'quote it: amount: "100\.00"'),
        ('"100.00"', "100", r'amount: "100"'),
        ('"100.00"', '"1e3"', "amount"),
        ('"100.00"', '"-5"', "amount"),
        ('"100.00"', '"0"', "greater than zero"),
        ("period: month", "period: week", "'month', 'quarter' or 'year'"),
        ("period: month", "unit: tokens\n  currency: USD", "currency belongs to a budget in money"),
        ("period: month", "periods: month", "periods.*is not a field here"),
        ("acme/search", "Acme", "scope"),
        ("period: month", "carry_over: all", "'none', 'unspent', 'overspend' or 'both'"),
        ("period: month", 'carry_over_max: "5"', "carry_over_max belongs to a budget that carries over"),
        ("period: month", 'carry_over: both\n  carry_over_max: "0"', "carry_over_max must be greater than zero"),
        ("period: month", "starts_on: 2026-12-01\n  ends_on: 2026-11-01", "ends_on must lie after starts_on"),
    ],
)
def test_a_document_is_refused_with_the_fix(old: str, new: str, sentence: str) -> None:
    with pytest.raises(DocumentError, match=sentence):
        document(TEXT.replace(old, new))
