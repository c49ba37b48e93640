from decimal import Decimal

from django.conf import settings

from allocation.meters.documents import UsageEvent
from allocation.usage.operations import record_usage
from allocation.usage.queries import fine_from
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from policies.evaluation.queries.facts import CLOCK_AHEAD_MAX, load_facts
from policies.guardrails.engine.facts import WINDOWS, fact_key
from policies.guardrails.engine.types import FactValue
from tests.policies.conftest import AT


def test_what_waits_in_quarantine_is_a_fact_of_the_sender_and_of_those_above(acme: Scope, search: Scope) -> None:
    """Also where no usage has ever arrived: then everything else is not known."""
    late = UsageEvent.model_validate(
        {"id": "1", "source": "gateway", "occurred_at": AT, "scope": "acme/nowhere", "provider": "openai",
         "model": "gpt-4o", "cost": Decimal("310.2")}
    )  # fmt: skip
    record_usage(events=[late], key_scope_id=search.pk, at=AT)
    keys = [fact_key("quarantine.cost"), fact_key("quarantine.records"), fact_key("requests", "1h")]
    tree = scope_tree()
    other = tree.unattributed(acme.pk)
    facts = load_facts(keys_of=dict.fromkeys([acme.pk, search.pk, other], keys), tree=tree, at=AT).values
    waiting = [FactValue(310.2, AT, 0.0, Decimal("310.2")), FactValue(1.0, AT, 0.0, Decimal(1)), FactValue(None, AT)]
    nothing = [FactValue(0.0, AT, 0.0, Decimal(0)), FactValue(0.0, AT, 0.0, Decimal(0)), FactValue(None, AT)]
    assert [list(facts[scope_id].values()) for scope_id in (acme.pk, search.pk, other)] == [waiting, waiting, nothing]


def test_no_window_reaches_back_beyond_the_minutes_that_are_kept() -> None:
    assert settings.USAGE_MINUTES_DAYS == 31
    lengths = [length for length in WINDOWS.values() if length is not None]
    assert [length for length in lengths if AT - length < fine_from(AT + CLOCK_AHEAD_MAX)] == []
