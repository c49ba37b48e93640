"""weir anomalies."""

from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command

from allocation.anomalies.models import Anomaly
from governance.scopes.models import Scope
from tests.allocation.anomalies.daily import AT, delivered, used

pytestmark = pytest.mark.django_db


def printed(*arguments: str) -> list[str]:
    out = StringIO()
    with time_machine.travel(AT, tick=False):
        call_command("anomalies", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_the_past_is_judged_and_each_anomaly_is_a_sentence(acme: Scope, search: Scope) -> None:
    used(search, {60: 800, 1: 700}, days=200)
    delivered(acme)
    assert printed("detect", "--scope=acme/search") == ["1 series judged: 1 anomalies opened, 0 changed, 0 closed."]
    assert printed("detect", "--since=2026-08-01") == ["1 series judged: 1 anomalies opened, 0 changed, 0 closed."]
    sentences = printed("list")
    assert [sentence.partition(" instead of ")[0].partition(": ")[2] for sentence in sentences] == [
        "acme/search used gpt-4o for 700.00 USD", "acme/search used gpt-4o for 800.00 USD",
    ]  # fmt: skip
    assert printed("list", "--status=open") == sentences[:1]
    assert Anomaly.objects.count() == 2


def test_what_is_no_day_or_scope_is_refused(acme: Scope) -> None:
    with pytest.raises(CommandError, match="'August' is no day"):
        call_command("anomalies", "detect", "--since=August")
    with pytest.raises(CommandError, match="There is no scope nowhere"):
        call_command("anomalies", "list", "--scope=nowhere")
