import pytest
from django.test import Client
from django.utils import timezone

from allocation.usage.operations import note_uncounted, record_usage
from budgets.plans.models import Budget
from governance.people.models import User
from governance.people.rules import Actor
from policies.alerts.models import Alert
from policies.constraints.models import Constraint
from policies.evaluation.models import EvaluationRun
from policies.guardrails.models import GuardrailVersion
from tests.allocation.conftest import event
from tests.policies.conftest import Apply, Spend, evaluate


@pytest.fixture
def blocked(apply: Apply, spend: Spend, budget: Budget) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    Constraint.objects.update(starts_at="2026-01-01T00:00:00Z", expires_at="2100-01-01T00:00:00Z")


@pytest.fixture
def admin(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("root@example.com", "a long password"))
    return client


@pytest.mark.usefixtures("blocked")
def test_the_dashboard_shows_what_a_newcomer_asks_first(admin: Client) -> None:
    page = admin.get("/admin/").content.decode()
    assert "Held back now" in page
    assert "acme/search" in page
    assert "104.0 %" in page


@pytest.mark.usefixtures("blocked")
def test_every_page_opens(admin: Client) -> None:
    pages = [
        ("guardrailversion", GuardrailVersion.objects.get().pk),
        ("alert", Alert.objects.get().pk),
        ("constraint", Constraint.objects.get().pk),
        ("evaluationrun", EvaluationRun.objects.latest("id").pk),
    ]
    for model, pk in pages:
        assert admin.get(f"/admin/policies/{model}/").status_code == 200
        assert admin.get(f"/admin/policies/{model}/{pk}/change/").status_code == 200
        assert admin.post(f"/admin/policies/{model}/{pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.usefixtures("blocked")
def test_a_constraint_is_released_with_a_reason(client: Client, team_lead: Actor) -> None:
    assert team_lead.user is not None
    client.force_login(team_lead.user)
    constraint = Constraint.objects.get()
    path = f"/admin/policies/constraint/{constraint.pk}/release/"
    assert "Release the constraint" in client.get(path).content.decode()
    asked = client.get(path).content.decode()
    assert "The limit comes back only after a new crossing." in asked
    assert "Goes on record with your name." in asked
    assert f'href="{path.removesuffix("release/")}change/"' in asked
    client.post(path, {"reason": ""})
    constraint.refresh_from_db()
    assert constraint.status == "active"
    client.post(path, {"reason": "Launch night."})
    constraint.refresh_from_db()
    assert (constraint.status, constraint.released_by, constraint.release_reason) == (
        "released", "sam@example.com", "Launch night.",
    )  # fmt: skip


@pytest.mark.usefixtures("blocked")
def test_who_has_no_right_does_not_release(client: Client, finance: Actor) -> None:
    assert finance.user is not None
    client.force_login(finance.user)
    constraint = Constraint.objects.get()
    client.post(f"/admin/policies/constraint/{constraint.pk}/release/", {"reason": "Please."})
    constraint.refresh_from_db()
    assert constraint.status == "active"


def test_data_gaps_show_what_came_and_does_not_count(admin: Client, budget: Budget) -> None:
    """By emitter and reason, with how many; and the calls of which nobody states what they used."""
    before = admin.get("/admin/policies/datagap/").content.decode()
    assert ("Received, not counted" in before, "No gap: every guardrail was evaluated." in before) == (False, True)
    now = timezone.now()
    for _ in range(2):
        note_uncounted(
            authority_id=budget.scope_id, signal="metrics", uncounted={("claude_code", "metric"): 750}, at=now
        )
    silent = event(id="silent", occurred_at=now.isoformat(), model="gpt-silent", tokens={})
    record_usage(events=[silent], key_scope_id=None, at=now)

    page = " ".join(admin.get("/admin/policies/datagap/").content.decode().split())
    for cell in ("claude_code", "metrics", "1,500", "sums up calls: send spans or log events", "gpt-silent"):
        assert f">{cell}<" in page
    assert "Received, not counted." in page
    assert "Unmeasured." in page


def test_data_gaps_of_another_part_are_not_shown(client: Client, team_lead: Actor, budget: Budget) -> None:
    above = budget.scope.parent_id
    for scope_id, emitter in ((budget.scope_id, "ours"), (above, "from-above")):
        note_uncounted(
            authority_id=scope_id, signal="logs", uncounted={(emitter, "no_model_call"): 1}, at=timezone.now()
        )
    assert team_lead.user is not None
    client.force_login(team_lead.user)

    page = client.get("/admin/policies/datagap/").content.decode()
    assert (">ours<" in page, ">from-above<" in page) == (True, False)
