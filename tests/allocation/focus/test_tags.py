"""A tag places its charge wherever it stands among the others, and however its cloud writes tags."""

import json
from pathlib import Path

import pytest

from allocation.usage.models import UsageRecord
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.allocation.attribution_rules import apply_rules
from tests.allocation.conftest import AT, SHARED, SYSTEM, make_organisation, needs_shared_data
from tests.allocation.focus.brought_in import ai_row, bring_in, rows_of, write

RULES = """
apiVersion: weir/v1
kind: AttributionRules
metadata: {name: acme}
spec:
  organisation: acme
  rules:
    - {name: by-centre, when: {tag.Cost Center: "70*"}, scope: acme/ads}
"""
OTHERS = {f"owner of {number}": "somebody" for number in range(50)}


@pytest.mark.parametrize(
    ("tags", "mended"),
    [
        pytest.param(json.dumps(OTHERS | {"Cost Center": "7001"}), "attributes: 20 left out", id="the 51st"),
        pytest.param('"env": "prod","Cost Center": "7001"', "", id="Azure's, without braces"),
        pytest.param('[{"Key": "Cost Center", "Value": "7001"}]', "", id="AWS's list"),
        pytest.param(json.dumps({"Cost Center": "7001" + "x" * 300}), "attributes", id="longer than an attribute"),
    ],
)
def test_a_tag_of_a_cloud_places_its_charge(acme: Scope, tmp_path: Path, tags: str, mended: str) -> None:
    apply_rules(RULES)
    run = bring_in(write(tmp_path / "tags.csv", ai_row("500", "Tokens", "Input Tokens", tags=tags)), acme)
    (row,), record = rows_of(run), UsageRecord.objects.get()
    assert (row.scope.path, row.attribution) == ("acme/ads", "acme:by-centre")
    assert (record.scope.path, record.attribution, record.mended) == ("acme/ads", "acme:by-centre", mended)
    assert record.attributes["tag.Cost Center"].startswith("7001")


@needs_shared_data
def test_the_last_of_46_tags_is_read(db: None) -> None:
    case = SHARED / "cases" / "fail" / "22-focus-more-than-32-attributes"
    root = make_organisation("kase")
    create_scope(slug="team", kind="team", parent=root, actor=SYSTEM, at=AT)
    apply_rules((case / "rules.yaml").read_text())
    run = bring_in(case / "charge.csv", root)
    (row,), record = rows_of(run), UsageRecord.objects.get()
    assert (row.scope.path, record.scope.path) == ("kase/team", "kase/team")
    assert (record.attributes["tag.CostCenter"], record.mended) == ("cc-1", "attributes: 22 left out")
