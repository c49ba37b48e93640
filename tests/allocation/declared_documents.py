from pydantic import TypeAdapter

from allocation.attribution.documents import AttributionRulesDocument
from allocation.prices.documents import PriceBookDocument
from governance.documents import load_documents, parse_document

RULES = """
apiVersion: weir/v1
kind: AttributionRules
metadata: {name: acme}
spec:
  organisation: acme
  keys:
    - {key_alias: ranker-7, scope: acme/search/ranker}
  rules:
    - {name: production, when: {team: search, "tag.env": prod*}, scope: acme/search/ranker}
    - {when: {team: search}, scope: acme/search}
    - {when: {team: old}, scope: acme/ads, effective_to: 2026-11-24}
"""


BOOK = """
apiVersion: weir/v1
kind: PriceBook
metadata: {name: contract}
spec:
  organisation: acme
  prices:
    - {provider: openai, model: gpt-4o, effective_from: 2026-01-01, input: "2.00", output: 8}
    - {provider: openai, model: gpt-mock, effective_from: 2026-11-24T12:00:00Z, request: "0.01"}
    - {provider: self, model: "llama-*", effective_from: 2026-01-01, gpu_hour: "3.6"}
    - {provider: openai, model: gpt-4o, service_tier: flex, effective_from: 2026-01-01, input: 1, output: 4}
"""


def rules(text: str = RULES) -> AttributionRulesDocument:
    return parse_document(TypeAdapter(AttributionRulesDocument), load_documents(text, source="rules.yaml")[0])


def book(text: str = BOOK) -> PriceBookDocument:
    return parse_document(TypeAdapter(PriceBookDocument), load_documents(text, source="book.yaml")[0])
