from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter

from allocation.attribution.documents import AttributionRulesDocument
from allocation.attribution.operations import apply_attribution_rules
from allocation.coverage.operations import Preview, preview_attribution
from allocation.usage.operations import record_usage
from governance.documents import load_documents, parse_document
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event

SINCE, UNTIL = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


RULES = """
apiVersion: weir/v1
kind: AttributionRules
metadata: {name: acme}
spec:
  organisation: acme
  keys:
    - {key_alias: ranker-7, scope: acme/search/ranker}
  rules:
    - {name: batch, if: 'service_tier == "batch" && attributes.team == "search"', scope: acme/ads}
    - {name: search, when: {team: search}, scope: acme/search}
    - {name: never, when: {team: never}, scope: acme/ads}
"""


def rules(text: str = RULES) -> AttributionRulesDocument:
    return parse_document(TypeAdapter(AttributionRulesDocument), load_documents(text, source="rules.yaml")[0])


def apply_rules(text: str = RULES) -> None:
    apply_attribution_rules(rules(text), actor=SYSTEM, at=AT)


def use(acme: Scope, *changes: dict[str, Any]) -> None:
    """A dollar each, unless said otherwise."""
    events = [event(**{"scope": None, "cost": Decimal(1), **each}) for each in changes]
    assert record_usage(events=events, key_scope_id=acme.pk, at=AT).rejected == ()


def preview(text: str | None = RULES, **changes: Any) -> Preview:
    documents = [] if text is None else [rules(text)]
    asked = {"documents": documents, "since": SINCE, "until": UNTIL, "actor": SYSTEM, "at": AT}
    return preview_attribution(**{**asked, **changes})


def movements(found: Preview) -> list[tuple[str, str, int, Decimal]]:
    return [(one.from_scope, one.to_scope, one.used.records, one.used.cost) for one in found.movements]


SEARCH = {"attributes": {"team": "search", "end_user": "u1"}}


BATCH = {"attributes": {"team": "search"}, "service_tier": "batch"}


KEYED = {"attributes": {"team": "search", "key_alias": "ranker-7"}}
