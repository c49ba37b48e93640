from rest_framework.test import APIClient

from allocation.corrections.models import Adjustment, AdjustmentRun
from governance.scopes.models import Scope
from tests.allocation.admin_people import person
from tests.allocation.attribution_rules import KEYED, SEARCH, apply_rules, use

# --- over HTTP and on the command line


PERIOD = {"organisation": "acme", "since": "2026-11-01", "until": "2026-12-01", "reason": "New rules."}


def test_over_http_by_a_person_of_finops_once(acme: Scope) -> None:
    use(acme, SEARCH, KEYED)
    apply_rules()
    http = APIClient()
    http.force_login(person("fin@acme.example", "finops", acme), backend="django.contrib.auth.backends.ModelBackend")
    path = "/api/v1/attribution/reapply"
    dry = http.post(path, {**PERIOD, "dry_run": True}, format="json").json()
    assert (dry["run"], dry["records"], dry["preview"]["moved"]["records"]) == (None, 0, 2)
    headers = {"Idempotency-Key": "one"}
    done = http.post(path, PERIOD, format="json", headers=headers)
    assert (done.status_code, done.json()["records"]) == (200, 2), done.content
    assert http.post(path, PERIOD, format="json", headers=headers).json() == done.json()
    assert http.post(path, PERIOD, format="json").json()["run"] is None
    assert AdjustmentRun.objects.get().made_by == "fin@acme.example"
    assert http.post(path, {**PERIOD, "until": "2026-11-01"}, format="json").status_code == 400


def test_over_http_not_by_who_only_looks_on(acme: Scope) -> None:
    use(acme, SEARCH)
    apply_rules()
    http = APIClient()
    http.force_login(person("pam@acme.example", "platform", acme), backend="django.contrib.auth.backends.ModelBackend")
    assert http.post("/api/v1/attribution/reapply", PERIOD, format="json").status_code == 403
    assert Adjustment.objects.count() == 0
