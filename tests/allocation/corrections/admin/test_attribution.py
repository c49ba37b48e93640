"""Attribution in the admin: who previews, who saves, what the coverage page says."""

from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from allocation.attribution.models import AttributionRuleSet
from allocation.corrections.models import Adjustment, AdjustmentRun
from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.admin_people import person, signed_in
from tests.allocation.attribution_rules import KEYED, SEARCH, apply_rules, use
from tests.allocation.conftest import AT, event, make_organisation

DOCUMENT = """
apiVersion: weir/v1
kind: AttributionRules
metadata: {name: acme}
spec:
  organisation: acme
  rules: [{name: search, if: 'attributes.team == "search"', scope: acme/ads}]
"""
PAGE = "/admin/allocation/attributionruleset"


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(AT, tick=False):
        yield


def asked(**changes: str) -> dict[str, str]:
    return {"document": DOCUMENT, "since": "2026-11-01", "until": "2026-12-01"} | changes


def preview_page() -> str:
    return f"{PAGE}/{AttributionRuleSet.objects.get(is_current=True).pk}/preview/"


@pytest.fixture
def finops(acme: Scope) -> Client:
    apply_rules()
    use(acme, SEARCH, KEYED, {"cost": Decimal("0.5")})
    return signed_in(person("fin@acme.example", "finops", acme))


def test_a_preview_shows_what_would_move_and_saves_nothing(finops: Client) -> None:
    first = finops.get(preview_page()).content.decode()
    assert "key_alias: ranker-7" in first
    assert "What would move" not in first
    page = finops.post(preview_page(), asked()).content.decode()
    assert "80.0 %" in page  # two of two and a half dollars
    assert "acme/search/ranker" in page
    assert "Save as a new version" in page
    assert AttributionRuleSet.objects.count() == 1


def test_finops_saves_what_it_has_previewed(finops: Client) -> None:
    answer = finops.post(preview_page(), asked(save="1"))
    newest = AttributionRuleSet.objects.get(is_current=True)
    assert (answer.status_code, answer["Location"]) == (302, f"{PAGE}/{newest.pk}/change/")
    assert (newest.version, newest.applied_by) == (2, "fin@acme.example")
    record = DecisionRecord.objects.filter(action="attribution_rules.apply").latest("pk")
    assert record.subject == "attribution_rules:acme"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"document": DOCUMENT.replace("attributes.team", "team")}, "`team` is not declared"),
        ({"document": DOCUMENT.replace("name: acme", "name: other")}, "its name and organisation stay"),
        ({"document": DOCUMENT + "---" + DOCUMENT}, "exactly one document"),
        ({"until": "2026-11-01"}, "The period is empty"),
    ],
)
def test_a_mistake_is_told_above_the_form_and_nothing_is_saved(
    finops: Client, changes: dict[str, str], words: str
) -> None:
    page = finops.post(preview_page(), asked(**changes)).content.decode()
    assert words in page
    assert AttributionRuleSet.objects.count() == 1


def test_who_only_looks_on_previews_and_does_not_save(acme: Scope, finops: Client) -> None:
    looker = signed_in(person("eng@acme.example", "engineering", acme))
    page = looker.post(preview_page(), asked()).content.decode()
    assert "What would move" in page
    assert "Save as a new version" not in page
    assert "has no say over acme" in looker.post(preview_page(), asked(save="1")).content.decode()
    assert AttributionRuleSet.objects.count() == 1


def test_another_organisation_opens_no_preview(finops: Client) -> None:
    foreign = signed_in(person("eve@globex.example", "finops", make_organisation("globex")))
    assert foreign.get(preview_page()).status_code in {302, 403, 404}
    assert b"ranker" not in foreign.post(preview_page(), asked()).content
    assert AttributionRuleSet.objects.count() == 1


def test_the_coverage_page_names_share_maturity_and_what_places_nothing(acme: Scope, finops: Client) -> None:
    globex = make_organisation("globex")
    record_usage(events=[event(scope="globex/ads", cost=Decimal(7))], key_scope_id=globex.pk, at=AT)
    page = finops.get(f"{PAGE}/coverage/").content.decode()
    assert "80.0 % of 2.50 USD" in page
    assert "crawl (80 % or more)" in page
    assert "acme:key_alias ranker-7" in page
    assert "acme:batch, acme:never" in page
    assert "globex" not in page
    assert UsageRecord.objects.count() == 4


def test_finops_looks_and_then_attributes_again(acme: Scope, finops: Client) -> None:
    apply_rules(DOCUMENT)
    page = f"{PAGE}/{AttributionRuleSet.objects.get(is_current=True).pk}/reapply/"
    period = {"since": "2026-11-01", "until": "2026-12-01", "reason": "Ads pays."}
    looked = finops.post(page, period).content.decode()
    assert "acme/search/ranker" in looked
    assert "Attribute again" in looked
    assert '<input type="hidden" name="apply"' not in looked  # to look again is not to apply
    assert Adjustment.objects.count() == 0
    assert finops.post(page, {**period, "apply": "1"}).status_code == 302
    run = AdjustmentRun.objects.get()
    assert (run.records, run.made_by, run.reason) == (2, "fin@acme.example", "Ads pays.")
    assert "Nothing would move" in finops.post(page, {**period, "apply": "1"}).content.decode()
    assert "This field is required" in finops.post(page, {**period, "reason": ""}).content.decode()


def test_who_only_looks_on_does_not_attribute_again(acme: Scope, finops: Client) -> None:
    page = f"{PAGE}/{AttributionRuleSet.objects.get(is_current=True).pk}/reapply/"
    looker = signed_in(person("eng@acme.example", "engineering", acme))
    period = {"since": "2026-11-01", "until": "2026-12-01", "reason": "Why not.", "apply": "1"}
    assert looker.post(page, period).status_code == 403
    assert AdjustmentRun.objects.count() == 0


def test_a_part_of_an_organisation_has_no_coverage(search: Scope, finops: Client) -> None:
    part = signed_in(person("sue@acme.example", "finops", search))
    page = part.get(f"{PAGE}/coverage/").content.decode()
    assert "You see no organisation as a whole" in page
    assert "unattributed</td>" not in page
