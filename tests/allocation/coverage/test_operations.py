"""Attribution on recorded usage: what places a record, what a proposal would move, how much is attributed."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from allocation.attribution.models import AttributionRuleSet
from allocation.usage.models import UsageRecord
from governance.errors import DomainError
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.attribution_rules import (
    BATCH,
    KEYED,
    RULES,
    SEARCH,
    UNTIL,
    apply_rules,
    movements,
    preview,
    rules,
    use,
)


def test_a_preview_says_what_would_move_and_writes_nothing(acme: Scope) -> None:
    use(acme, SEARCH, SEARCH, BATCH, KEYED, {"scope": "acme/ads", **SEARCH}, {"cost": Decimal(5)})
    before = (list(UsageRecord.objects.values()), DecisionRecord.objects.count())
    found = preview()
    assert movements(found) == [
        ("acme/unattributed", "acme/search", 2, Decimal(2)),
        ("acme/unattributed", "acme/search/ranker", 1, Decimal(1)),
        ("acme/unattributed", "acme/ads", 1, Decimal(1)),
    ]
    moves = found.moves
    assert (moves.used.records, moves.used.cost, moves.moved.records) == (6, Decimal(10), 4)
    assert (moves.newly_attributed, moves.newly_unattributed.records) == (moves.moved, 0)
    assert (moves.before.cost_ratio, moves.after.cost_ratio, moves.moved_ratio) == (
        Decimal("0.1"), Decimal("0.5"), Decimal("0.4"),
    )  # fmt: skip
    assert moves.unused == ("acme:never",)
    assert [(change.name, change.action) for change in found.changes] == [("acme", "create")]
    assert (list(UsageRecord.objects.values()), DecisionRecord.objects.count()) == before
    assert AttributionRuleSet.objects.count() == 0


def test_a_preview_takes_the_place_of_the_set_of_its_name_beside_the_others(acme: Scope) -> None:
    apply_rules()
    apply_rules(RULES.replace("name: acme", "name: b").replace("team: never", "team: other"))
    use(acme, SEARCH, {"attributes": {"team": "other"}})
    assert movements(preview(None, organisation="acme")) == []
    found = preview(RULES.replace("when: {team: search}, scope: acme/search}", "when: {team: x}, scope: acme/search}"))
    assert movements(found) == []  # the set b still places team search
    found = preview(RULES.replace("{team: search}, scope: acme/search}", "{team: search}, scope: acme/unattributed}"))
    assert movements(found) == [("acme/search", "acme/unattributed", 1, Decimal(1))]
    assert found.moves.newly_unattributed.cost == 1


def test_a_preview_knows_the_days_of_dated_rules(acme: Scope) -> None:
    use(acme, {**SEARCH, "occurred_at": "2026-11-20T23:59:59Z"}, {**SEARCH, "occurred_at": "2026-11-21T00:00:00Z"})
    found = preview(RULES.replace("{team: search}, scope", "{team: search}, effective_from: 2026-11-21, scope"))
    assert movements(found) == [("acme/unattributed", "acme/search", 1, Decimal(1))]
    assert movements(preview(until=datetime(2026, 11, 21, tzinfo=UTC))) == [
        ("acme/unattributed", "acme/search", 1, Decimal(1))
    ]


def test_a_preview_reads_any_attribute_where_a_rule_does(acme: Scope) -> None:
    use(acme, SEARCH, {"attributes": {"unit": "search"}}, {"attributes": {"unit": "ads"}})
    anywhere = RULES.replace("when: {team: search}", "if: 'attributes.exists(a, attributes[a] == \"search\")'")
    assert movements(preview(anywhere)) == [("acme/unattributed", "acme/search", 2, Decimal(2))]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"documents": []}, "name one, or give documents of one"),
        ({"organisation": "globex"}, "of one organisation"),
        ({"since": UNTIL}, "The period is empty"),
        ({"documents": [], "organisation": "acme/search"}, "no organisation acme/search"),
        ({"documents": [rules(RULES.replace("acme/ads", "acme/none"))]}, "no scope acme/none; apply its Scope"),
    ],
)
def test_a_preview_that_cannot_be_made(acme: Scope, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(DomainError, match=words):
        preview(**changes)
