from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError

from budgets.ledger.models import WatchedLine
from policies.evaluation.operations import sweep
from policies.guardrails.models import GuardrailVersion
from policies.guardrails.operations import watch_lines_again
from tests.policies.commands import run
from tests.policies.conftest import AT, MONTHLY_BUDGET


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


def shares() -> set[Decimal]:
    return set(WatchedLine.objects.filter(amount=0, share__gt=0).values_list("share", flat=True))


@pytest.mark.django_db
def test_charges_watch_the_lines_of_what_is_in_force(file: Path) -> None:
    run("apply", str(file))
    before = shares()
    assert before
    file.write_text(file.read_text().replace("0.8", "0.61"))
    run("apply", str(file))
    assert Decimal("0.61") in shares()
    assert not watch_lines_again()
    run("retire", "monthly-budget", "--reason", "Over.")
    assert shares() == set()


@pytest.mark.django_db
def test_lines_that_are_not_watched_are_put_right_by_the_sweep(file: Path) -> None:
    run("apply", str(file))
    before = shares()
    WatchedLine.objects.all().delete()
    sweep(at=AT)
    assert shares() == before
