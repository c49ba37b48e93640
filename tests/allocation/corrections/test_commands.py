from allocation.corrections.models import AdjustmentRun
from governance.scopes.models import Scope
from tests.allocation.attribution_rules import SEARCH, apply_rules, use
from tests.allocation.coverage.test_commands import command


def test_on_the_command_line(acme: Scope) -> None:
    use(acme, SEARCH)
    apply_rules()
    words = ("reapply", "--organisation", "acme", "--since", "2026-11-01", "--until", "2026-12-01", "--reason", "Why.")
    assert command(*words, "--dry-run").endswith("Nothing was written.\n")
    said = command(*words)
    assert "acme/unattributed -> acme/search: 1 records" in said
    assert said.endswith(f"1 records moved; adjustment run {AdjustmentRun.objects.get().pk}.\n")
    assert command(*words).endswith("Nothing was written.\n")
