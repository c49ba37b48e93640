import pytest

from allocation.attribution.models import AttributionRuleSet
from allocation.attribution.operations import apply_attribution_rules
from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.documents import Change
from governance.errors import DomainError
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event
from tests.allocation.declared_documents import RULES, rules


def apply_rules(text: str = RULES) -> Change:
    return apply_attribution_rules(rules(text), actor=SYSTEM, at=AT)


@pytest.mark.parametrize(
    ("attributes", "occurred_at", "place"),
    [
        (
            {"team": "search", "tag.env": "production"},
            "2026-11-24T12:00:00Z",
            ("acme/search/ranker", "acme:production"),
        ),
        ({"team": "search", "tag.env": "dev"}, "2026-11-24T12:00:00Z", ("acme/search", "acme:rule 2")),
        ({"team": "old"}, "2026-11-23T23:59:59Z", ("acme/ads", "acme:rule 3")),
        ({"team": "old"}, "2026-11-24T00:00:00Z", ("acme/unattributed", "unattributed")),
        ({}, "2026-11-24T12:00:00Z", ("acme/unattributed", "unattributed")),
    ],
)
def test_the_first_rule_that_matches_wins(
    acme: Scope, attributes: dict[str, str], occurred_at: str, place: tuple[str, str]
) -> None:
    apply_rules()
    record_usage(
        events=[event(scope=None, attributes=attributes, occurred_at=occurred_at)], key_scope_id=acme.pk, at=AT
    )
    record = UsageRecord.objects.get()
    assert (record.scope.path, record.attribution) == place


def test_rules_do_not_lead_out_of_the_keys_subtree(search: Scope) -> None:
    apply_rules()
    result = record_usage(
        events=[event(scope=None, attributes={"team": "old"}, occurred_at="2026-11-20T00:00:00Z")],
        key_scope_id=search.pk,
        at=AT,
    )
    assert [one.code for one in result.rejected] == ["scope_unknown"]


def test_a_scope_that_is_not_there(acme: Scope) -> None:
    with pytest.raises(DomainError, match="There is no scope acme/none"):
        apply_rules(RULES.replace("acme/ads", "acme/none"))
    assert AttributionRuleSet.objects.count() == 0
