"""weir commitments."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from governance.scopes.models import Scope


def test_without_a_commitment_that_is_said(acme: Scope) -> None:
    out = StringIO()
    call_command("commitments", f"--organisation={acme.path}", "--month=2026-10", stdout=out)
    assert out.getvalue() == "acme has no commitment in force in 2026-10.\n"


def test_a_month_is_written_as_year_and_month(acme: Scope) -> None:
    with pytest.raises(CommandError, match="is no month; write one such as 2026-10"):
        call_command("commitments", f"--organisation={acme.path}", "--month=October")
