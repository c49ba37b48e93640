"""What is agreed on with a sender holds for the records that come in from then on."""

from decimal import Decimal
from typing import Any

import pytest
import yaml

from allocation.meters.documents import Money
from allocation.sources.documents import UsageSourceDocument
from allocation.sources.models import UsageSource
from allocation.sources.operations import SourceDeclared, apply_usage_source
from allocation.usage.models import UsageRecord
from allocation.usage.operations import IngestResult, record_usage
from governance.errors import NotFound
from governance.people.models import ApiKey
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, Client, event, make_organisation

DOCUMENT = """
apiVersion: weir/v1
kind: UsageSource
metadata: {name: NAME}
spec: {organisation: acme, SPEC}
"""


def declare(spec: str, name: str = "acme-sender") -> str:
    document = yaml.safe_load(DOCUMENT.replace("NAME", name).replace("SPEC", spec))
    return apply_usage_source(UsageSourceDocument.model_validate(document), actor=SYSTEM, at=AT).action


def prices_of(*events: Any, key: str = "", **asked: Any) -> dict[str, tuple[Decimal | None, str, Decimal | None]]:
    scope = Scope.objects.get(path="acme")
    assert record_usage(events=events, key_scope_id=scope.pk, weir_key=key, at=AT, **asked).rejected == ()
    rows = UsageRecord.objects.filter(event_id__in=[each.id for each in events])
    return {row.event_id: (row.cost, row.price_source, row.claimed_cost) for row in rows}


def claiming(name: str, **changes: Any) -> Any:
    return event(id=name, claimed_cost=Money(amount=Decimal("0.9"), currency="USD"), **changes)


LISTED, CLAIM = Decimal("0.0035"), Decimal("0.9")


def test_a_sources_ids_are_used_once(acme: Scope) -> None:
    later = {"occurred_at": AT}
    assert declare("source: gateway, identity: id") == "create"
    events = [
        event(id="a"),
        event(id="a", **later),
        event(id="a", source="other"),
        event(id="a", source="other", **later),
    ]
    assert record_usage(events=events, key_scope_id=acme.pk, at=AT) == IngestResult(3, 1, ())
    assert record_usage(events=events, key_scope_id=acme.pk, at=AT) == IngestResult(0, 4, ())


@pytest.mark.parametrize(
    ("price", "listed", "unlisted", "stated"),
    [
        ("catalogue", LISTED, None, LISTED),
        ("billed", CLAIM, CLAIM, Decimal("0.5")),
        ("catalogue_else_billed", LISTED, CLAIM, LISTED),
    ],
)
@pytest.mark.parametrize("way", ["source", "key", "request"])
def test_whose_price(
    acme: Scope, client_of: Client, price: str, listed: Decimal, unlisted: Decimal | None, stated: Decimal, way: str
) -> None:
    client_of(acme)
    key = ApiKey.objects.get().prefix
    asked: dict[str, Any] = {"price": price} if way == "request" else {}
    if way != "request":
        declare(f"source: gateway, price: {price}" if way == "source" else f'weir_key: "{key}", price: {price}')
    found = prices_of(
        claiming("listed"), claiming("unlisted", model="gpt-mock"), event(id="stated", cost=Decimal("0.5")),
        claiming("failed", status="error"), event(id="free", model="gpt-mock", cost=Decimal(0)), key=key, **asked,
    )  # fmt: skip
    assert [found[name][0] for name in ("listed", "unlisted", "stated", "failed", "free")] == [
        listed, unlisted, stated, None, 0,
    ]  # fmt: skip
    assert found["listed"][2] == CLAIM
    assert found["unlisted"][1] == ("none" if unlisted is None else "provider")


def test_the_key_goes_before_the_source_and_the_request_before_both(acme: Scope, client_of: Client) -> None:
    client_of(acme)
    key = ApiKey.objects.get().prefix
    declare("source: gateway, price: catalogue", "a-source")
    declare(f'weir_key: "{key}", price: billed', "a-key")
    assert prices_of(claiming("by-source"))["by-source"][0] == LISTED
    assert prices_of(claiming("by-key"), key=key)["by-key"][0] == CLAIM
    assert prices_of(claiming("asked"), key=key, price="catalogue")["asked"][0] == LISTED


def test_another_organisation_agreed_on_nothing(acme: Scope) -> None:
    globex = make_organisation("globex")
    declare("source: gateway, price: billed")
    theirs = claiming("theirs", scope="globex/search")
    record_usage(events=[theirs], key_scope_id=globex.pk, at=AT)
    assert UsageRecord.objects.get().cost == LISTED


def test_a_changed_document_is_a_version_and_on_the_record(acme: Scope) -> None:
    assert [declare("source: gateway, price: billed") for _ in range(2)] == ["create", "unchanged"]
    assert declare("source: gateway, identity: id") == "update"
    assert list(UsageSource.objects.order_by("version").values_list("ids_are_unique", "price", "is_current")) == [
        (False, "billed", False), (True, "", True),
    ]  # fmt: skip
    assert DecisionRecord.objects.filter(action="usage_source.apply").count() == 2


def test_two_documents_of_one_sender_are_refused(acme: Scope) -> None:
    declare("source: gateway, price: billed")
    with pytest.raises(SourceDeclared, match="acme-sender"):
        declare("source: gateway, identity: id", "another")


def test_a_key_is_the_organisations_own(acme: Scope) -> None:
    with pytest.raises(NotFound) as refused:
        declare('weir_key: "0123456789", price: billed')
    assert refused.value.code == "key_unknown"
