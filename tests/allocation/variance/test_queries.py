"""Variances, from usage as it is recorded to what API, page and command show."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client

from allocation.usage.operations import record_usage
from allocation.variance import queries
from allocation.variance.engine.drivers import Driver
from allocation.variance.engine.periods import ComparedPeriod, ComparedPeriods, month, period_before
from allocation.variance.engine.variance import Effects
from allocation.variance.queries import ScopeVariance
from governance.errors import Invalid
from governance.people.models import Ownership, User
from governance.scopes.models import Scope
from tests.allocation.conftest import SYSTEM, event, make_organisation

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
SEPTEMBER, OCTOBER = month(date(2026, 9, 1)), month(date(2026, 10, 1))
PERIODS = ComparedPeriods(SEPTEMBER, OCTOBER)
M = 1_000_000


def use(acme: Scope, *calls: tuple[int, dict[str, Any]]) -> None:
    """Each call: the month it was made in, and how it differs from a call of acme/search."""
    events = [event(occurred_at=datetime(2026, number, 15, 12, tzinfo=UTC), **changes) for number, changes in calls]
    result = record_usage(events=events, key_scope_id=acme.pk, at=AT)
    assert (result.accepted, result.rejected) == (len(events), ())


def call(inward: int = 0, outward: int = 0, **changes: Any) -> dict[str, Any]:
    """In millions of tokens."""
    return {"tokens": {"input": inward * M, "output": outward * M}, **changes}


def variance_between(path: str = "acme", **changes: Any) -> ScopeVariance:
    return queries.scope_variance(scope_id=Scope.objects.get(path=path).pk, periods=PERIODS, **changes)


def shown(effects: Effects) -> dict[str, Decimal]:
    return {name: queries.money_of(part) for name, part in effects._asdict().items() if part}


def test_more_calls_of_the_same_model_are_volume(acme: Scope) -> None:
    use(acme, (9, call(1, 1)), (10, call(1, 1)), (10, call(1, 1)))
    compared = variance_between()
    assert (compared.variance.driver, compared.currency) == (Driver.REQUESTS, "USD")
    assert compared.variance.driver_reason == "no request names its task"
    assert shown(compared.variance.effects) == {"volume": Decimal("12.5")}


def test_tasks_that_take_more_tokens(acme: Scope) -> None:
    use(
        acme,
        (9, call(1, task_id="a")), (9, call(1, task_id="b")),
        (10, call(1, task_id="c")), (10, call(2, task_id="c")), (10, call(1, task_id="d")),
    )  # fmt: skip
    variance = variance_between().variance
    assert (variance.driver, variance.activity.tasks, variance.activity.requests) == (Driver.TASKS, (2, 2), (2, 3))
    assert shown(variance.effects) == {"intensity": Decimal(5)}
    assert shown(variance_between(driver=Driver.TOKENS).variance.effects) == {"volume": Decimal(5)}


def test_a_dearer_model_and_more_cached_input_are_mix(acme: Scope) -> None:
    """gpt-4o: $2.50 in, half of that cached; gpt-4o-mini $0.15 and $0.075."""
    use(acme, (9, call(4)), (10, call(2)), (10, call(2, model="gpt-4o-mini")))
    variance = variance_between().variance
    assert shown(variance.effects)["mix"] + shown(variance.effects).get("volume", 0) + shown(variance.effects)[
        "intensity"
    ] == (queries.money_of(variance.change))
    assert {model.model: model.status for model in variance.models} == {"gpt-4o": "kept", "gpt-4o-mini": "entered"}


def test_cached_input_is_a_kind_of_its_own(acme: Scope) -> None:
    cached = {"tokens": {"input": M, "cached_input": M}}
    use(acme, (9, call(1)), (10, cached))
    variance = variance_between().variance
    assert shown(variance.effects) == {"mix": Decimal("-1.25")}
    assert variance.kind_mix == variance.effects.mix


def test_a_new_price_book_is_price(acme: Scope) -> None:
    from tests.allocation.prices.operations.test_price_books import apply_book

    apply_book(
        """
apiVersion: weir/v1
kind: PriceBook
metadata: {name: contract}
spec:
  organisation: acme
  currency: USD
  prices:
    - {provider: openai, model: gpt-4o, input: "10", output: "10", effective_from: 2026-01-01T00:00:00Z,
       effective_to: 2026-10-01T00:00:00Z}
    - {provider: openai, model: gpt-4o, input: "5", output: "5", effective_from: 2026-10-01T00:00:00Z}
"""
    )
    use(acme, (9, call(100)), *((10, call(100)),) * 3)
    variance = variance_between().variance
    assert shown(variance.effects) == {"volume": 1500, "price": -1000}
    assert (variance.rebound_ratio, variance.is_jevons) == (Decimal("1.5"), True)


def test_unpriced_usage_is_counted_apart(acme: Scope) -> None:
    use(acme, (9, call(1)), (10, call(1)), (10, call(7, model="home-made")))
    compared = variance_between()
    assert (compared.variance.change, compared.variance.effects.volume > 0) == (0, True)
    assert (compared.unpriced_requests, compared.unpriced_tokens) == ((0, 1), (0, 7 * M))
    assert [model.model for model in compared.variance.models] == ["gpt-4o"]


def test_what_failed_is_no_volume(acme: Scope) -> None:
    use(acme, (9, call(1)), (10, call(1)), (10, call(0, status="error")))
    assert variance_between().variance.activity.requests == (1, 1)


def test_a_bill_without_a_known_price_is_spread_over_its_tokens(acme: Scope) -> None:
    use(
        acme,
        (9, call(1, model="own", cost=Decimal(4))), (10, call(1, model="own", cost=Decimal(2))),
        (10, call(1, model="own", cost=Decimal(2))),
    )  # fmt: skip
    variance = variance_between().variance
    assert shown(variance.effects) == {"volume": 3, "price": -3}
    assert [line.kind for line in variance.models[0].lines] == ["billed"]


def test_the_gateways_own_cache_is_a_kind_that_costs_nothing(acme: Scope) -> None:
    use(acme, (9, call(2)), (10, call(1)), (10, call(1, cached_response=True)))
    variance = variance_between().variance
    assert variance.effects.price == 0
    assert variance.kind_mix < 0


def test_a_scope_counts_with_all_below_it(acme: Scope) -> None:
    use(acme, (9, call(1)), (10, call(1)), (10, call(3, scope="acme/search/ranker")), (10, call(1, scope="acme/ads")))
    rows = queries.scope_variances(actor=SYSTEM, scope_id=None, periods=PERIODS)
    assert [(row.path, queries.money_of(row.variance.change)) for row in rows] == [
        ("acme", Decimal(10)), ("acme/search", Decimal("7.5")), ("acme/search/ranker", Decimal("7.5")),
        ("acme/ads", Decimal("2.5")),
    ]  # fmt: skip
    assert [row.variance.status for row in rows] == ["kept", "kept", "new", "new"]
    for row in rows:
        assert row.variance.effects == variance_between(row.path).variance.effects


@pytest.mark.parametrize("count", [1, 3])
def test_many_scopes_take_two_queries(acme: Scope, django_assert_num_queries: Any, count: int) -> None:
    use(acme, *((10, call(1, scope=path)) for path in ("acme/search", "acme/ads", "acme/search/ranker")[:count]))
    queries.scope_variances(actor=SYSTEM, scope_id=None, periods=PERIODS)
    # Two of what was used; the others read the scope tree, which this transaction has changed.
    with django_assert_num_queries(6):
        queries.scope_variances(actor=SYSTEM, scope_id=None, periods=PERIODS)


def test_periods_may_overlap_and_be_of_any_length(acme: Scope) -> None:
    use(acme, (9, call(1)), (10, call(1)))
    both = ComparedPeriod(SEPTEMBER.since, OCTOBER.until)
    variance = queries.scope_variance(scope_id=acme.pk, periods=ComparedPeriods(both, OCTOBER)).variance
    assert queries.money_of(variance.change) == Decimal("-2.5")


# --- which periods --------------------------------------------------------------------------------------------------


def periods_given(**given: date) -> ComparedPeriods:
    nothing = dict.fromkeys(("since", "until", "against_since", "against_until"))
    return queries.compared_periods(**{**nothing, **given}, today=date(2026, 11, 24))  # type: ignore[arg-type]


def test_what_is_left_out_is_the_last_whole_month_and_the_one_before() -> None:
    assert periods_given() == PERIODS
    week = {"since": date(2026, 11, 9), "until": date(2026, 11, 16)}
    assert periods_given(**week).before == ComparedPeriod(date(2026, 11, 2), date(2026, 11, 9))
    assert period_before(month(date(2026, 1, 5))) == month(date(2025, 12, 1))
    assert periods_given(against_since=date(2026, 1, 1), against_until=date(2026, 2, 1)).after == OCTOBER


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"since": date(2026, 11, 9)}, "period_open"),
        ({"since": date(2026, 11, 9), "until": date(2026, 11, 9)}, "period_empty"),
        ({"against_since": date(2026, 11, 9), "against_until": date(2026, 11, 8)}, "period_empty"),
    ],
)
def test_periods_that_are_none(given: dict[str, date], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        periods_given(**given)
    assert refused.value.code == code


# --- what is shown --------------------------------------------------------------------------------------------------


@pytest.fixture
def usage(acme: Scope) -> None:
    use(acme, (9, call(2)), (10, call(1)), (10, call(1, 1)), (10, call(1, model="gpt-4o-mini", scope="acme/ads")))


ASKED = "from=2026-10-01&to=2026-11-01&against_from=2026-09-01&against_to=2026-10-01"


def test_the_api_shows_every_figure_with_its_records(acme: Scope, usage: None, client_of: Any) -> None:
    http = client_of(acme, "usage:read")
    answer = http.get(f"/api/v1/movement?scope=acme&{ASKED}").json()
    assert (answer["before"]["cost"], answer["after"]["cost"], answer["change"]) == (
        "5.000000000", "15.150000000", "10.150000000",
    )  # fmt: skip
    assert sum(Decimal(effect["amount"]) for effect in answer["effects"]) == Decimal(answer["change"])
    assert sum(map(Decimal, answer["mix"].values())) == Decimal(
        next(effect["amount"] for effect in answer["effects"] if effect["name"] == "mix")
    )
    for row in answer["models"]:
        names = ("volume", "intensity", "mix", "price", "adjustments")
        assert sum(Decimal(row[name]) for name in names) == Decimal(row["change"])
        for side in ("before", "after"):
            records = http.get(row[side]["records"]).json()["results"]
            assert sum(Decimal(record["cost"]) for record in records) == Decimal(row[side]["cost"])
            assert {record["model"] for record in records} <= {row["model"]}
    assert answer["summary"][0].startswith("Cost rose by 10.15 USD (+203.0 %), from 5.00 to 15.15: ")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "validation_failed"),
        ("?scope=acme/nowhere", 404, "scope_unknown"),
        ("?scope=globex", 404, "scope_unknown"),
        ("?scope=acme&form=2026-10-01", 400, "validation_failed"),
        ("?scope=acme&from=2026-10-01", 422, "period_open"),
        ("?scope=acme&from=2026-10-01&to=2026-10-01", 422, "period_empty"),
        ("?scope=acme&driver=hours", 400, "validation_failed"),
    ],
)
def test_wrong_parameters_are_refused(acme: Scope, client_of: Any, query: str, status: int, code: str) -> None:
    make_organisation("globex")
    answer = client_of(acme, "usage:read").get(f"/api/v1/movement{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_ranking_has_pages_and_leads_to_each_scope(acme: Scope, usage: None, client_of: Any) -> None:
    http = client_of(acme, "usage:read")
    page, paths = f"/api/v1/movement/scopes?{ASKED}&limit=2", []
    while page:
        answer = http.get(page).json()
        paths += [row["scope"] for row in answer["results"]]
        page = answer["next"]
    assert paths == ["acme", "acme/search", "acme/ads"]
    back = http.get(answer["previous"]).json()
    assert [row["scope"] for row in back["results"]] == ["acme", "acme/search"]
    assert back["previous"] is None
    row = back["results"][1]
    assert http.get(row["movement"]).json()["change"] == row["change"]
    assert parse_qs(urlsplit(row["records_after"]).query)["until"] == ["2026-11-01T00:00:00Z"]
    assert http.get("/api/v1/movement/scopes?cursor=nonsense").status_code == 400
    assert [row["scope"] for row in http.get(f"/api/v1/movement/scopes?{ASKED}&scope=acme/ads").json()["results"]] == [
        "acme/ads"
    ]


def finance(*scopes: Scope) -> Client:
    user = User.objects.create_user("fay@acme.example", "a long password", is_staff=True)
    for scope in scopes:
        Ownership.objects.create(scope=scope, user=user, persona="finance")
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


PAGE = "/admin/allocation/usageday/what-moved/"


def test_the_page_shows_the_waterfall_the_models_and_the_scopes(acme: Scope, usage: None) -> None:
    make_organisation("globex")
    with time_machine.travel(AT):
        page = finance(acme).get(PAGE).content.decode()
    for sentence in (
        "Cost rose by 10.15 USD (+203.0 %), from 5.00 to 15.15",
        "Before (2026-09): 5.00 USD. ",
        "After (2026-10): 15.15 USD. ",
        "gpt-4o-mini",
        "entered",
        "acme/search",
        "Tokens per request",
        "<dt>Requests</dt>",
        "Volume is counted in requests: ",
    ):
        assert sentence in page
    assert "globex" not in page
    [records] = [link for link in links(page) if "gpt-4o-mini" in link and "gte=2026-10-01" in link]
    assert finance_again().get(records).context["cl"].result_count == 1


def test_a_scopes_page_leads_to_it(acme: Scope, usage: None) -> None:
    client = finance(acme)
    search = Scope.objects.get(path="acme/search")
    assert "what-moved" in client.get(f"/admin/governance/scope/{search.pk}/change/").content.decode()
    page = client.get(f"/admin/governance/scope/{search.pk}/what-moved/")
    assert page["Location"] == f"{PAGE}?scope=acme%2Fsearch"
    assert client.get(page["Location"]).status_code == 200


def finance_again() -> Client:
    client = Client()
    client.force_login(User.objects.get(email="fay@acme.example"), backend="django.contrib.auth.backends.ModelBackend")
    return client


def links(page: str) -> Sequence[str]:
    import re
    from html import unescape

    return [unescape(link) for link in re.findall(r'href="([^"]*)"', page)]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?scope=globex", "is not one of the available choices"),
        ("?first=2026-10-09&last=2026-10-01", "The last day comes before the first."),
        ("?first=x", "Enter a valid date."),
        ("?first=2026-01-01&last=2026-01-31&against_first=2025-12-01&against_last=2025-12-31", "Nothing was used"),
    ],
)
def test_the_page_says_what_is_wrong(acme: Scope, usage: None, query: str, sentence: str) -> None:
    make_organisation("globex")
    page = finance(acme).get(f"{PAGE}{query}")
    assert page.status_code == 200
    assert sentence in page.content.decode()


def test_who_has_no_scope_sees_no_page(acme: Scope) -> None:
    assert finance().get(PAGE).status_code == 403


PRINTED = """\
acme, USD
Cost rose by 10.15 USD (+203.0 %), from 5.00 to 15.15: volume +10.34, tokens per request −4.33, mix +4.15.
requests: 1 to 3 (no request names its task).

                       2026-09  2026-10  change  volume  tokens per request    mix  price
gpt-4o                    5.00    15.00  +10.00  +10.28               −4.31  +4.03   0.00
gpt-4o-mini (entered)     0.00     0.15   +0.15   +0.06               −0.03  +0.12   0.00
all                       5.00    15.15  +10.15  +10.34               −4.33  +4.15   0.00
""".splitlines()


def test_the_command_prints_a_table(acme: Scope, usage: None) -> None:
    out = StringIO()
    call_command("moved", "--scope=acme", "--month=2026-10", "--against=2026-09", stdout=out)
    assert out.getvalue().splitlines() == PRINTED
    with pytest.raises(CommandError, match="is no month"):
        call_command("moved", "--scope=acme", "--month=October")
    with pytest.raises(CommandError, match="There is no scope nowhere"):
        call_command("moved", "--scope=nowhere")
