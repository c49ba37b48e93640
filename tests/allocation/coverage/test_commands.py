from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from governance.scopes.models import Scope
from tests.allocation.attribution_rules import BATCH, KEYED, RULES, SEARCH, apply_rules, use


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("attribution", *arguments, stdout=out)
    return out.getvalue()


def test_a_preview_on_the_command_line(acme: Scope, tmp_path: Path) -> None:
    use(acme, SEARCH, BATCH, KEYED, {"cost": Decimal("0.5")})
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    assert command("preview", str(file), "--since", "2026-11-01", "--until", "2026-12-01", "--limit", "2") == (
        "AttributionRules acme: create\n"
        "acme 2026-11-01 to 2026-12-01: 3 records, 3,300 tokens, 3.00 USD of 4 records, 4,400 tokens, 3.50 USD would"
        " move (85.7 % of cost).\n"
        "Attributed before: 0.0 % of 3.50 USD, 0.0 % of 4 requests (below_crawl)\n"
        "Attributed after:  85.7 % of 3.50 USD, 75.0 % of 4 requests (crawl)\n"
        "  acme/unattributed -> acme/search: 1 records, 1,100 tokens, 1.00 USD, 28.6 %\n"
        "  acme/unattributed -> acme/search/ranker: 1 records, 1,100 tokens, 1.00 USD, 28.6 %\n"
        "  … and 1 more movements\n"
        "Would place no record: acme:never\n"
    )
    file.write_text("kind: Scope")
    with pytest.raises(CommandError, match="holds no document of kind AttributionRules"):
        command("preview", str(file))


def test_documents_are_validated_without_a_database(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(RULES)
    bad.write_text(RULES.replace("service_tier ==", "service_teir =="))
    assert command("validate", str(good)) == f"{good}: acme is valid: 1 keys, 3 rules\n"
    with pytest.raises(CommandError, match=r"1 file\(s\) are not valid"):
        command("validate", str(good), str(bad))


def test_coverage_on_the_command_line(acme: Scope) -> None:
    apply_rules()
    use(acme, SEARCH, {"cost": Decimal(3)})
    assert command("coverage", "--since", "2026-11-01", "--until", "2026-12-01", "--by", "rule") == (
        "acme 2026-11-01 to 2026-12-01: 25.0 % of 4.00 USD, 50.0 % of 2 requests (below_crawl)\n"
        "  unattributed: 0.0 % of 3.00 USD, 0.0 % of 1 requests (below_crawl), 75.0 % of it\n"
        "  acme:search: 100.0 % of 1.00 USD, 100.0 % of 1 requests (run), 25.0 % of it\n"
    )
    with pytest.raises(CommandError, match="There is no organisation globex"):
        command("coverage", "--organisation", "globex")
