from datetime import timedelta
from decimal import Decimal

from budgets.forecasts.models import Forecast
from budgets.requests.queries import limits_of
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, TODAY, Propose, account_of, person, use


def test_the_nearest_budget_is_charged_and_those_above_are_told_where_they_are_seen(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose
) -> None:
    approve(acme, "1000")
    approve(search, "100")
    use(ranker, "30")
    of_ranker = person("rob@example.com", ranker, "engineering", "")

    told = {
        actor.label: [
            (each.budget.scope, each.is_charged, each.facts and each.facts.available)
            for each in limits_of([ranker.pk], actor=actor, at=AT)[ranker.pk]
        ]
        for actor in (SYSTEM, of_ranker)
    }

    assert told == {
        "weir": [(search, True, Decimal(70)), (acme, False, Decimal(900))],
        "rob@example.com": [(search, True, None)],
    }
    assert limits_of([search.pk], actor=SYSTEM, at=AT, unit="tokens") == {search.pk: []}


def test_a_forecast_is_of_this_period_and_no_older_than_yesterday(
    search: Scope, approve: Propose, finance: Actor
) -> None:
    approve(search, "100")
    period = account_of(search).interval
    made = {"scope": search, "unit": "money", "currency": "USD", "made_at": AT, "booked": 0, "reason": "few days"}
    Forecast.objects.create(**made, made_on=TODAY - timedelta(days=2), starts_on=period.start, ends_on=period.end)
    Forecast.objects.create(**made, made_on=TODAY, starts_on=period.end, ends_on=period.end + timedelta(days=31))
    assert limits_of([search.pk], actor=finance, at=AT)[search.pk][0].forecast is None
    fresh = Forecast.objects.create(
        **made, made_on=TODAY - timedelta(days=1), starts_on=period.start, ends_on=period.end
    )
    assert limits_of([search.pk], actor=finance, at=AT)[search.pk][0].forecast == fresh
