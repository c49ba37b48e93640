from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from governance.errors import DomainError
from governance.scopes.models import Scope
from governance.unit_costs.operations import accept_unit_cost
from tests.allocation.conftest import AT, SYSTEM, Client
from tests.allocation.sharing import NODE, apply_node
from tests.allocation.unit_figures import NOVEMBER, line, of, report, use


def test_without_use_there_is_a_reason_and_no_figure(acme: Scope) -> None:
    economics = of(acme)
    figures = [*economics.unit_costs, *economics.efficiency, *economics.shares, *economics.coverage]
    assert {figure.ratio.value for figure in figures} == {None}
    assert all(figure.ratio.reason.endswith(".") for figure in figures)
    assert economics.figure("inference").ratio.reason == "No priced inference."
    assert economics.figure("gpu_utilisation").ratio.reason == "No GPU capacity is stated."


def test_every_unit_is_counted_from_what_belongs_to_it(acme: Scope) -> None:
    use(
        acme,
        {"cost": Decimal(6), "requests": 4, "tokens": {"input": 900, "cached_input": 300, "output": 100}},
        {"cost": Decimal(1), "operation": "embeddings", "tokens": {"input": 500}},
        {"cost": Decimal(1), "operation": "rerank", "model": "by-the-search", "tokens": {}},
        {"status": "error", "tokens": {"input": 100}},
        {"provider": "in-house", "model": "nobody-prices-this", "requests": 5, "tokens": {"input": 5000}},
        {"cost": Decimal(2), "operation": "fine_tuning", "tokens": {}, "gpu_seconds": Decimal(5400)},
        {"cost": Decimal(90), "scope": "acme/ads"},
    )
    report(acme, quantity=3)
    report(acme, success=False)
    report(acme, name="sale")
    report(acme, kind="action", name="refund_issued", quantity=2)
    search = Scope.objects.get(path="acme/search")
    economics = of(search)
    assert line(economics, "inference") == (6, 4, Decimal("1.5"))
    assert line(economics, "1k_tokens") == (7, Decimal("1.6"), Decimal("4.375"))
    assert line(economics, "outcome", "ticket_resolved") == (10, 4, Decimal("2.5"))
    assert line(economics, "successful_outcome", "ticket_resolved") == (10, 3, Decimal("3.333333333"))
    assert line(economics, "outcome") == (10, 5, 2)
    assert line(economics, "action", "refund_issued") == (10, 2, 5)
    assert line(economics, "gpu_hour") == (2, Decimal("1.5"), Decimal("1.333333333"))
    assert line(economics, "cache_hit_ratio") == (300, 6500, Decimal("0.046153846"))
    assert line(economics, "unpriced_share") == (5, 12, Decimal("0.416666667"))
    activities = ("inference", "retrieval", "training", "orchestration")
    assert [line(economics, "cost_share", name)[0] for name in activities] == [6, 2, 2, 0]
    assert line(of(acme), "outcome") == (100, 5, 20)


def test_gpu_utilisation_is_of_the_hours_that_are_reserved(acme: Scope) -> None:
    """720 hours a month, from mid-November on: 360 hours, of which nine were used."""
    apply_node(NODE.replace("starts_on: 2026-01-01", "starts_on: 2026-11-16"))
    use(acme, {"provider": "self", "model": "llama", "gpu_seconds": Decimal(9 * 3600)})
    assert line(of(acme), "gpu_utilisation") == (9 * 3600, 360 * 3600, Decimal("0.025"))
    # The commitment is the organisation's: a team has nothing of its own reserved.
    assert of(Scope.objects.get(path="acme/ads")).figure("gpu_utilisation").ratio.value is None


def test_the_unattributed_share_is_shown_for_every_scope_of_the_organisation(acme: Scope) -> None:
    use(acme, {"cost": Decimal(3)}, {"cost": Decimal(1), "scope": None})
    for scope in (acme, Scope.objects.get(path="acme/ads")):
        assert line(of(scope), "unattributed_share") == (1, 4, Decimal("0.25"))


def test_tasks_are_measured_against_a_single_shot_and_their_own_past(acme: Scope) -> None:
    def call(task: str, at: str, tokens: int) -> dict[str, Any]:
        return {"task_id": task, "occurred_at": at, "tokens": {"input": tokens}, "cost": Decimal(1)}

    use(
        acme,
        call("before", "2026-10-20T10:00:00Z", 400),
        call("long before", "2026-10-01T10:00:00Z", 9_999),
        call("a", "2026-11-02T10:00:00Z", 100),
        call("a", "2026-11-02T10:01:00Z", 500),
        call("b", "2026-11-20T10:00:00Z", 200),
        {"cost": Decimal(70)},
    )
    economics = of(Scope.objects.get(path="acme/search"), trend="week")
    assert line(economics, "action") == (3, 2, Decimal("1.5"))
    assert line(economics, "tokens_per_task") == (800, 2, 400)
    assert line(economics, "token_multiplier") == (800, 300, Decimal("2.666666667"))
    assert line(economics, "tokens_per_task_against_baseline") == (400, 400, 1)
    weeks = [(start.day, end.day) for start, end in economics.trend_periods]
    assert weeks == [(1, 2), (2, 9), (9, 16), (16, 23), (23, 30), (30, 1)]
    assert [ratio.value for ratio in economics.figure("token_multiplier").trend] == [None, 6, None, 1, None, None]
    young = of(Scope.objects.get(path="acme/search"), since=date(2026, 10, 1)).figure(
        "tokens_per_task_against_baseline"
    )
    assert (young.ratio.value, young.ratio.reason) == (None, "No task in the 28 days before.")


def test_the_trend_adds_up_to_the_whole_and_periods_are_half_open(acme: Scope) -> None:
    use(
        acme,
        *({"cost": Decimal(day), "occurred_at": f"2026-11-{day:02}T00:00:00Z"} for day in (1, 2, 15, 24)),
        {"cost": Decimal(500), "occurred_at": "2026-10-31T23:59:59Z"},
    )
    for trend in ("day", "week", "month"):
        figure = of(acme, trend=trend).figure("inference")
        assert (figure.ratio.numerator, figure.ratio.denominator) == (42, 4)
        assert sum(ratio.numerator for ratio in figure.trend) == 42
        assert sum(ratio.denominator for ratio in figure.trend) == 4


def test_an_accepted_cost_stands_beside_with_the_deviation(acme: Scope) -> None:
    use(acme, {"cost": Decimal(6), "requests": 4})
    accept_unit_cost(
        scope=acme, unit="inference", amount=Decimal(2), reason="As planned.", effective_from=date(2026, 11, 5),
        actor=SYSTEM, at=AT,
    )  # fmt: skip
    figure = of(Scope.objects.get(path="acme/search")).figure("inference")
    assert figure.target is not None
    assert (figure.target.scope, figure.deviation) == (acme, Decimal("-0.25"))
    assert of(acme, until=date(2026, 11, 5)).figure("inference").target is None


@pytest.mark.parametrize(
    ("period", "code"),
    [
        pytest.param((date(2026, 11, 2), date(2026, 11, 2)), "period_empty", id="empty"),
        pytest.param((date(2026, 11, 2), date(2026, 11, 1)), "period_empty", id="backwards"),
        pytest.param((date(2020, 1, 1), date(2026, 1, 1)), "period_too_long", id="six years"),
    ],
)
def test_a_wrong_period_is_refused(acme: Scope, period: tuple[date, date], code: str) -> None:
    with pytest.raises(DomainError) as refused:
        of(acme, since=period[0], until=period[1])
    assert refused.value.code == code


# --- over HTTP


@pytest.fixture
def http(acme: Scope, client_of: Client) -> APIClient:
    return client_of(acme)


def unit_economics_response(http: APIClient, **parameters: str) -> Any:
    return http.get("/api/v1/unit-economics", {"from": "2026-11-01", "to": "2026-12-01", **parameters})


def test_every_figure_leads_to_the_records_that_made_it(acme: Scope, http: APIClient) -> None:
    use(
        acme,
        {"cost": Decimal(6), "task_id": "t1"},
        {"cost": Decimal(1), "operation": "embeddings"},
        {"provider": "in-house", "model": "nobody-prices-this"},
        {"cost": Decimal(1), "scope": None},
        {"cost": Decimal(9), "occurred_at": "2026-10-31T12:00:00Z"},
    )
    report(acme)
    report(acme, success=False)
    body = unit_economics_response(http, scope="acme/search").json()
    figures = [*body["unit_costs"], *body["efficiency"], *body["shares"], *body["coverage"]]
    counts = {}
    for figure in figures:
        answer = http.get(figure["records"])
        assert answer.status_code == 200, answer.content
        counts[figure["unit"], figure["name"]] = len(answer.json()["results"])
    assert counts["inference", ""] == 2
    assert counts["action", ""] == 1
    assert (counts["outcome", "ticket_resolved"], counts["successful_outcome", ""]) == (2, 1)
    assert (counts["cost_share", "retrieval"], counts["cost_share", "other"]) == (1, 0)
    assert (counts["unpriced_share", ""], counts["unattributed_share", ""]) == (1, 1)
    assert counts["1k_tokens", ""] == 3


def test_the_answer_holds_numbers_reasons_and_targets(acme: Scope, http: APIClient) -> None:
    use(acme, {"cost": Decimal(6), "requests": 4})
    accept_unit_cost(
        scope=acme, unit="inference", amount=Decimal(1), reason="As planned.", effective_from=NOVEMBER[0],
        actor=SYSTEM, at=AT,
    )  # fmt: skip
    body = unit_economics_response(http, scope="acme/search", trend="week").json()
    assert (body["scope"], body["from"], body["to"], body["currency"], body["cost"]) == (
        "acme/search", "2026-11-01", "2026-12-01", "USD", "6.000000000",
    )  # fmt: skip
    inference = body["unit_costs"][0]
    assert {name: inference[name] for name in ("unit", "value", "numerator", "denominator", "deviation", "reason")} == {
        "unit": "inference", "value": "1.500000000", "numerator": "6.000000000", "denominator": "4.000000000",
        "deviation": "0.500000000", "reason": "",
    }  # fmt: skip
    assert (inference["target"]["scope"], inference["target"]["amount"]) == ("acme", "1.000000000")
    assert [(point["from"], point["value"]) for point in inference["trend"]][-2:] == [
        ("2026-11-23", "1.500000000"),
        ("2026-11-30", None),
    ]
    task = next(figure for figure in body["unit_costs"] if figure["unit"] == "action")
    assert (task["value"], task["reason"]) == (None, "No task began.")


def test_a_bad_question_is_refused(http: APIClient) -> None:
    assert unit_economics_response(http).status_code == 400
    assert unit_economics_response(http, scope="acme/nowhere").status_code == 404
    assert unit_economics_response(http, scope="acme", trend="year").status_code == 400
    assert unit_economics_response(http, scope="acme", to="2026-11-01").json()["code"] == "period_empty"


def test_tasks_are_listed(acme: Scope, http: APIClient) -> None:
    use(acme, {"task_id": "t1", "cost": Decimal(2)}, {"task_id": "t1"}, {"task_id": "t2", "scope": "acme/ads"})
    rows = http.get("/api/v1/tasks?scope=acme/search&from=2026-11-24&to=2026-11-25").json()["results"]
    assert [(row["task_id"], row["requests"], row["tokens"], row["first_call_tokens"]) for row in rows] == [
        ("t1", 2, 2200, 1100)
    ]
    assert http.get("/api/v1/tasks?to=2026-11-24").json()["results"] == []


# --- on the command line


def test_the_command_prints_a_table(acme: Scope, capsys: pytest.CaptureFixture[str]) -> None:
    use(acme, {"cost": Decimal(6), "requests": 4})
    report(acme, quality_score=Decimal("0.5"))
    accept_unit_cost(
        scope=acme, unit="inference", amount=Decimal(1), reason="As planned.", effective_from=NOVEMBER[0],
        actor=SYSTEM, at=AT,
    )  # fmt: skip
    call_command("unit_economics", "--scope", "acme/search", "--month", "2026-11", "--trend", "week")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "acme/search, 2026-11-01 to 2026-11-30: 6.00 USD"
    assert lines[2].split("  ")[0] == "Cost per inference"
    assert lines[2].split()[3:] == ["1.50", "USD", "6.00", "4", "1", "+50.0", "%"]
    assert "No task began." in lines[4]
    assert "outcome ticket_resolved: 1, 1 successful, 0 flagged, mean quality 0.500" in lines
    assert lines[-9].split() == ["from", "2026-11-01", "2026-11-02", *[f"2026-11-{day}" for day in ("09", 16, 23, 30)]]


@pytest.mark.parametrize("wrong", [["--month", "November"], ["--from", "2026-11-31"], ["--to", "2020-01-01"]])
def test_the_command_refuses_what_is_no_period(acme: Scope, wrong: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("unit_economics", "--scope", "acme", *wrong)
