from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.policies.commands import run
from tests.policies.conftest import MONTHLY_BUDGET


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "budget.yaml"
    path.write_text(MONTHLY_BUDGET.replace("LEVEL", "hard_mandatory"))
    return path


def test_validate_and_test_need_no_database(file: Path) -> None:
    assert "monthly-budget is valid" in run("validate", str(file))
    assert "monthly-budget: has no tests" in run("test", str(file))


def test_a_typo_is_an_error_with_its_place(file: Path) -> None:
    file.write_text("# A comment\n\n" + file.read_text().replace("used >= amount", "usde >= amount"))
    out = StringIO()
    with pytest.raises(CommandError, match=r"1 document\(s\) are not valid"):
        call_command("guardrails", "validate", str(file), stdout=out, stderr=out)
    line = file.read_text().splitlines().index("      when: usde >= amount") + 1
    assert out.getvalue().startswith(f"{file}:{line}: spec.steps[1].when: ")


def test_a_warning_names_its_line(file: Path) -> None:
    file.write_text(file.read_text().replace("  facts:\n", "  facts:\n    calls: {fact: requests, window: 24h}\n"))
    line = file.read_text().splitlines().index("    calls: {fact: requests, window: 24h}") + 1
    assert f"{file}:{line}: warning: spec.facts.calls: is never read" in run("validate", str(file))


@pytest.mark.django_db
def test_apply_names_the_line_of_each_fault(file: Path) -> None:
    file.write_text(file.read_text().replace("used >= amount", "usde >= amount").replace("0.8 *", "0.8 +* "))
    warn, block = (
        next(number for number, text in enumerate(file.read_text().splitlines(), 1) if part in text)
        for part in ("0.8 +*", "usde >=")
    )
    with pytest.raises(CommandError) as refused:
        run("apply", str(file))
    assert f"{file}:{warn}: spec.steps[0].when: " in str(refused.value)
    assert f"\n{file}:{block}: spec.steps[1].when: " in str(refused.value)
    with pytest.raises(CommandError, match=f"{file}:{warn}: "):
        call_command("apply", str(file))
