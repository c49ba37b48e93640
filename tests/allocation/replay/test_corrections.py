"""A record in quarantine is corrected by somebody who says why, and counts; or it is set aside."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from allocation.quarantine.models import QuarantinedUsage
from allocation.quarantine.queries import waiting_in_quarantine
from allocation.replay.operations import correct_quarantined, set_aside_quarantined
from allocation.usage.importers.incoming import Incoming
from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.errors import DomainError
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.admin_people import person, signed_in
from tests.allocation.conftest import AT, SYSTEM, Client, document, make_organisation


def refused(sender: Scope, *, at: Any = AT, **changes: Any) -> QuarantinedUsage:
    incoming = Incoming()
    incoming.take_data(0, document(**{"occurred_at": at.isoformat(), **changes}))
    record_usage(
        events=incoming.events, indexes=incoming.indexes, refused=incoming.refused, key_scope_id=sender.pk, at=at
    )
    return QuarantinedUsage.objects.latest("pk")


@pytest.mark.parametrize(
    ("refused_for", "changes", "cost"),
    [
        pytest.param({"scope": "acme/serach"}, {"scope": "acme/search"}, Decimal("0.0035"), id="scope_unknown"),
        pytest.param(
            {"tokens": {"input": 10, "cached_input": 20}}, {"tokens": {"input": 1000}}, Decimal("0.0025"),
            id="tokens_inconsistent",
        ),
        pytest.param({"cost": "NaN"}, {"cost": None}, Decimal("0.0035"), id="out_of_range"),
        pytest.param({"note": "x"}, {"operation": "chat"}, Decimal("0.0035"), id="unknown_field"),
        pytest.param({"model": ""}, {"model": "gpt-4o"}, Decimal("0.0035"), id="empty"),
    ],
)  # fmt: skip
def test_a_corrected_record_counts_and_says_who_changed_what_and_why(
    acme: Scope, request: Any, refused_for: dict[str, Any], changes: dict[str, Any], cost: Decimal
) -> None:
    row = refused(acme, **refused_for)
    assert row.code == request.node.callspec.id
    flo = Actor.of_user(person("flo@example.com", "finops", acme))
    result = correct_quarantined(record_id=row.pk, changes=changes, reason=" The sender erred. ", actor=flo, at=AT)
    assert (result.accepted, result.duplicate, result.remaining) == (1, 0, {})
    assert UsageRecord.objects.get().cost == cost
    row.refresh_from_db()
    assert (row.replayed_at, waiting_in_quarantine(QuarantinedUsage.objects.all())) == (AT, None)
    said = DecisionRecord.objects.get(action="usage.correct")
    before = {name: refused_for.get(name) for name in changes} if "note" not in refused_for else {"operation": None}
    assert (said.actor, said.reason, said.scope_path) == ("flo@example.com", "The sender erred.", "acme")
    assert said.evidence == {
        "refused_for": row.code, "changed": {name: [before[name], changes[name]] for name in changes},
    }  # fmt: skip


def test_what_would_be_refused_again_is_left_as_it_was(acme: Scope) -> None:
    row = refused(acme, scope="acme/serach")
    with pytest.raises(DomainError) as still:
        correct_quarantined(record_id=row.pk, changes={"scope": "acme/nowhere"}, reason="Why.", actor=SYSTEM, at=AT)
    assert (still.value.code, still.value.status, still.value.extra) == (
        "still_refused", 422, {"fault": "scope_unknown", "field": "scope"},
    )  # fmt: skip
    sentence = "There is no scope of this path that the sender may write to."
    assert still.value.detail == f"It would be refused again: {sentence}"
    kept = QuarantinedUsage.objects.get()
    assert (kept.payload, kept.replayed_at) == (row.payload, None)
    assert not DecisionRecord.objects.filter(action="usage.correct").exists()


def test_of_a_digest_nothing_can_be_corrected_and_it_says_so(acme: Scope) -> None:
    incoming = Incoming()
    incoming.take_json(0, b"{not json")
    record_usage(events=[], refused=incoming.refused, key_scope_id=acme.pk, at=AT)
    row = QuarantinedUsage.objects.get()
    with pytest.raises(DomainError, match="only a digest was kept") as refusal:
        correct_quarantined(record_id=row.pk, changes={"id": "1"}, reason="Why.", actor=SYSTEM, at=AT)
    assert (refusal.value.code, refusal.value.status) == ("record_not_kept", 409)
    set_aside_quarantined(record_id=row.pk, reason="Sent again since.", actor=SYSTEM, at=AT)
    assert waiting_in_quarantine(QuarantinedUsage.objects.all()) is None
    said = DecisionRecord.objects.get(action="usage.set_aside")
    assert (said.reason, said.evidence) == ("Sent again since.", {"refused_for": "malformed_json", "amount": None})


@pytest.mark.parametrize(
    ("who", "reason", "code"),
    [
        ("engineering", "Why.", "permission_denied"),
        ("finops", "  ", "reason_missing"),
        ("elsewhere", "Why.", "not_found"),
        ("twice", "Why.", "record_not_waiting"),
    ],
)
def test_who_may_not_correct_changes_nothing(acme: Scope, who: str, reason: str, code: str) -> None:
    row = refused(acme, scope="acme/serach")
    if who == "twice":
        set_aside_quarantined(record_id=row.pk, reason="Done.", actor=SYSTEM, at=AT)
    home = make_organisation("globex") if who == "elsewhere" else acme
    persona = who if who in {"engineering", "finops"} else "finops"
    actor = Actor.of_user(person("ada@example.com", persona, home))
    for refusing in (
        lambda: correct_quarantined(record_id=row.pk, changes={"scope": None}, reason=reason, actor=actor, at=AT),
        lambda: set_aside_quarantined(record_id=row.pk, reason=reason, actor=actor, at=AT),
    ):
        with pytest.raises(DomainError) as refusal:
            refusing()
        assert refusal.value.code == code
    assert not UsageRecord.objects.exists()


def test_a_record_that_came_in_another_way_meanwhile_counts_once(acme: Scope) -> None:
    row = refused(acme, id="same", scope="acme/serach")
    refused(acme, id="same", scope="acme/search")
    result = correct_quarantined(record_id=row.pk, changes={"scope": "acme/search"}, reason="Why.", actor=SYSTEM, at=AT)
    assert (result.accepted, result.duplicate, UsageRecord.objects.count()) == (0, 1, 1)


def test_over_http(acme: Scope, client_of: Client) -> None:
    row = refused(acme, at=timezone.now(), scope="acme/serach", cost="12.5")
    other = refused(acme, at=timezone.now(), scope="acme/nowhere")
    reader = client_of(acme, "usage:read")
    shown = {one["id"]: one for one in reader.get("/api/v1/quarantine").json()["results"]}
    assert {name: shown[row.pk][name] for name in ("amount", "currency", "is_estimate")} == {
        "amount": "12.500000000", "currency": "USD", "is_estimate": False,
    }  # fmt: skip
    flo = signed_in(person("flo@example.com", "finops", acme))
    sent = json.dumps({"changes": {"scope": "acme/search"}, "reason": "A typing error."})
    kind = "application/json"
    refusal = client_of(acme, "usage:write").post(f"/api/v1/quarantine/{row.pk}/correct", sent, content_type=kind)
    assert (refusal.status_code, refusal.json()["code"]) == (403, "permission_denied")
    answer = flo.post(f"/api/v1/quarantine/{row.pk}/correct", sent, content_type=kind)
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "duplicate": 0, "remaining": {}})
    answer = flo.post(f"/api/v1/quarantine/{other.pk}/replay")
    assert answer.json() == {"accepted": 0, "duplicate": 0, "remaining": {"scope_unknown": 1}}
    answer = flo.post(f"/api/v1/quarantine/{other.pk}/set-aside", json.dumps({"reason": "A test."}), content_type=kind)
    assert (answer.status_code, answer.json()["set_aside_at"] is not None) == (200, True)
    assert UsageRecord.objects.get().cost == Decimal("12.5")
    assert reader.get("/api/v1/quarantine").json()["results"] == []


def test_in_the_admin_a_refused_correction_keeps_what_was_typed(acme: Scope) -> None:
    row = refused(acme, at=timezone.now(), scope="acme/serach")
    flo = signed_in(person("flo@example.com", "finops", acme))
    page = f"/admin/allocation/quarantinedusage/{row.pk}/correct/"
    assert "There is no scope of this path that the sender may write to." in flo.get(page).content.decode()
    typed = json.dumps({**(row.payload or {}), "scope": "acme/elsewhere"})
    again = flo.post(page, {"record": typed, "reason": "A typing error."}).content.decode()
    assert "It would be refused again: There is no scope of this path that the sender may write to." in again
    assert "acme/elsewhere" in again
    assert "A typing error." in again
    typed = json.dumps({**(row.payload or {}), "scope": "acme/search"})
    assert flo.post(page, {"record": typed, "reason": "A typing error."}).status_code == 302
    assert UsageRecord.objects.count() == 1
    page = f"/admin/allocation/quarantinedusage/{refused(acme, scope='acme/x').pk}/set-aside/"
    assert "about 0.0035 USD will never count" in flo.get(page).content.decode()
    assert flo.post(page, {"reason": "A test."}).status_code == 302
    assert not QuarantinedUsage.objects.waiting().exists()
