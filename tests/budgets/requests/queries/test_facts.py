from datetime import timedelta
from decimal import Decimal

from budgets.forecasts.models import Forecast
from budgets.requests.models import QuotaRequest
from budgets.requests.operations import Conditions, approve_request, reject_request
from budgets.requests.queries import beside
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.unit_costs.operations import accept_unit_cost
from tests.budgets.conftest import AT, SYSTEM, Propose, account_of, use
from tests.budgets.requests.conftest import Asks, shown


def given(request: QuotaRequest, finance: Actor, amount: str) -> None:
    approve_request(
        request_id=request.pk, actor=finance, reason="It pays.", expected_digest=shown(request), at=AT,
        conditions=Conditions(Decimal(amount)),
    )  # fmt: skip


def test_an_approver_sees_money_work_and_what_came_of_the_last_request(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, finance: Actor
) -> None:
    approve(acme, "1000")
    approve(search, "100")
    accept_unit_cost(
        scope=search, unit="inference", amount=Decimal("0.5"), reason="planned", effective_from=AT.date(), actor=SYSTEM,
        at=AT,
    )  # fmt: skip
    period = account_of(search).interval
    Forecast.objects.create(
        scope=search, unit="money", currency="USD", made_on=AT.date(), made_at=AT, starts_on=period.start,
        ends_on=period.end, booked=0, low=110, mid=120, high=150, words="It will not do.",
    )  # fmt: skip
    given(asks(search, "20"), finance, "15")
    use(search, "33")

    facts = beside(asks(search, "50", at=AT + timedelta(minutes=1)), actor=finance, at=AT + timedelta(minutes=1))

    assert facts.limit is not None
    assert facts.limit.facts is not None
    assert (facts.limit.facts.amount, facts.limit.facts.used, facts.limit.facts.available) == (115, 33, 82)
    assert facts.limit.forecast is not None
    assert facts.limit.forecast.mid == Decimal(120)
    assert facts.above is not None
    assert (facts.above.account.scope, facts.above.available, facts.is_topmost) == (acme, Decimal(885), False)
    assert [(each.title, each.cost, each.accepted) for each in facts.unit_costs] == [
        ("Cost per inference", None, Decimal("0.5"))
    ]
    assert facts.before is not None
    assert (facts.before.request.granted, facts.before.used, facts.before.achieved) == (Decimal(15), Decimal(33), ())


def test_a_first_request_and_one_of_a_top_budget_say_so(
    search: Scope, approve: Propose, asks: Asks, finance: Actor, developer: Actor
) -> None:
    approve(search, "100")
    first = beside(asks(search, "50"), actor=developer, at=AT)
    assert (first.above, first.is_topmost, first.before) == (None, True, None)


def test_what_lies_above_is_not_told_to_who_does_not_see_it(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose, asks: Asks, developer: Actor, finance: Actor
) -> None:
    approve(acme, "1000")
    approve(search, "100")
    rejected = asks(search, "20")
    reject_request(request_id=rejected.pk, actor=finance, reason="no", at=AT)
    facts = beside(asks(search, "50", at=AT + timedelta(minutes=1)), actor=developer, at=AT + timedelta(minutes=1))
    assert (facts.above, facts.is_topmost) == (None, False)
    assert facts.before is not None
    assert (facts.before.request, facts.before.request.granted) == (rejected, None)
    own = beside(asks(ranker, "5", term="standing"), actor=developer, at=AT)
    assert own.limit is None
    assert own.above is not None
    assert own.above.account.scope == search
