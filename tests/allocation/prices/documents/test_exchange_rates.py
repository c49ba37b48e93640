import pytest
from pydantic import TypeAdapter

from allocation.prices.documents import ExchangeRatesDocument
from governance.documents import DocumentError, load_documents, parse_document
from tests.allocation.prices.exchange_rates import RATES


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (RATES.replace("to: USD", "to: EUR"), "the same currency"),
        (RATES.replace('"1.08"', '"0"'), "greater than 0"),
        (RATES.replace("2026-11-20", "2026-11-24"), "a second time"),
        (RATES.replace('"1.08"', '"1.000000001"'), "no more than 8 decimal places"),
        (RATES.replace("from: EUR", "from: Euro"), "should match pattern"),
    ],
)
def test_a_mistake_in_a_document_is_named(text: str, words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        parse_document(TypeAdapter(ExchangeRatesDocument), load_documents(text, source="rates.yaml")[0])
