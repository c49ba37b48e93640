from pathlib import Path

import pytest
from django.core.management import CommandError

from policies.guardrails.models import GuardrailVersion
from tests.policies.commands import run
from tests.policies.conftest import MONTHLY_BUDGET


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "budget.yaml"
    path.write_text(MONTHLY_BUDGET.replace("LEVEL", "hard_mandatory"))
    return path


@pytest.mark.django_db
def test_apply_shows_what_changes_and_is_idempotent(file: Path) -> None:
    assert run("apply", str(file), "--dry-run").split() == ["create", "monthly-budget"]
    assert GuardrailVersion.objects.count() == 0
    assert run("apply", str(file)).split() == ["create", "monthly-budget"]
    assert run("apply", str(file)).split() == ["unchanged", "monthly-budget"]
    file.write_text(file.read_text().replace("severity: high", "severity: low"))
    assert 'spec.severity: "high" → "low"' in run("apply", str(file))
    file.write_text(file.read_text().replace("severity: low", "severity: high"))
    run("apply", str(file))
    assert list(GuardrailVersion.objects.order_by("number").values_list("number", "is_active")) == [
        (1, True), (2, False),
    ]  # fmt: skip
    assert "monthly-budget" in run("list")
    assert "is retired" in run("retire", "monthly-budget", "--reason", "No longer wanted.")
    assert run("list") == ""


@pytest.mark.django_db
def test_failing_tests_refuse_to_apply(file: Path) -> None:
    file.write_text(
        file.read_text()
        + """  tests:
    - name: blocks too early
      scope: {kind: team, path: acme/search}
      every: 5m
      series: {used: "10", amount: "100"}
      expect: [{at: 0m, step: block, state: firing}]
"""
    )
    with pytest.raises(CommandError, match="1 of 1 tests fail"):
        run("apply", str(file))
    assert GuardrailVersion.objects.count() == 0
