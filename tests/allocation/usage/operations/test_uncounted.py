"""What came and did not count is summed up in a few rows."""

from datetime import timedelta

from allocation.usage.models import UncountedTelemetry
from allocation.usage.operations import note_uncounted
from allocation.usage.operations.uncounted import ROWS_MAX
from governance.scopes.models import Scope
from tests.allocation.conftest import AT


def rows() -> list[tuple[object, ...]]:
    return list(
        UncountedTelemetry.objects.order_by("emitter", "reason").values_list(
            "signal", "emitter", "reason", "items_count", "requests_count", "first_received_at", "last_received_at"
        )
    )


def test_requests_of_one_emitter_and_reason_are_one_row(acme: Scope) -> None:
    later = AT + timedelta(minutes=1)
    told = {("django", "no_model_call"): 3, ("agents", "orchestration"): 1}
    note_uncounted(authority_id=acme.pk, signal="traces", uncounted=told, at=AT)
    note_uncounted(authority_id=acme.pk, signal="traces", uncounted={("django", "no_model_call"): 4}, at=later)

    assert rows() == [
        ("traces", "agents", "orchestration", 1, 1, AT, AT),
        ("traces", "django", "no_model_call", 7, 2, AT, later),
    ]


def test_senders_and_signals_are_apart(acme: Scope, search: Scope) -> None:
    for authority, signal in (
        (acme.pk, "logs"),
        (search.pk, "logs"),
        (acme.pk, "metrics"),
        (None, "logs"),
        (None, "logs"),
    ):
        note_uncounted(authority_id=authority, signal=signal, uncounted={("x", "metric"): 1}, at=AT)

    assert UncountedTelemetry.objects.count() == 4


def test_a_sender_that_invents_names_fills_no_table(acme: Scope) -> None:
    many = {(f"made-up-{number}", "no_model_call"): 1 for number in range(ROWS_MAX + 30)}
    note_uncounted(authority_id=acme.pk, signal="traces", uncounted=many, at=AT)
    more = {(f"another-{number}", "no_model_call"): 2 for number in range(50)} | {("made-up-7", "no_model_call"): 1}
    note_uncounted(authority_id=acme.pk, signal="traces", uncounted=more, at=AT)

    assert UncountedTelemetry.objects.count() == ROWS_MAX + 1
    assert [row[3] for row in rows() if row[1] in ("", "made-up-7")] == [130, 2]


def test_a_name_is_kept_as_it_can_be_stored(acme: Scope) -> None:
    note_uncounted(authority_id=acme.pk, signal="logs", uncounted={("a\0b\ud83d" + "x" * 200, "metric"): 1}, at=AT)

    assert [row[1] for row in rows()] == ["a?b?" + "x" * 96]
