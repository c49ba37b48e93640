from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command

from governance.scopes.models import Scope
from tests.allocation.variance.used import AT, M, call, use

pytestmark = pytest.mark.django_db


PRINTED = """\
acme, USD
Cost rose by 10.15 USD (+203.0 %), from 5.00 to 15.15: new +0.15, volume +6.46, tokens per request −2.92, mix +6.46.
0.15 USD is new, not used before: acme/ads +0.15. Check that it was planned.
requests: 1 to 3 (no request names its task).

                       2026-09  2026-10  change    new  volume  tokens per request    mix  price
gpt-4o                    5.00    15.00  +10.00   0.00   +6.46               −2.92  +6.46   0.00
gpt-4o-mini (entered)     0.00     0.15   +0.15  +0.15    0.00                0.00   0.00   0.00
all                       5.00    15.15  +10.15  +0.15   +6.46               −2.92  +6.46   0.00
""".splitlines()


def test_the_command_prints_a_table(acme: Scope, usage: None) -> None:
    out = StringIO()
    call_command("moved", "--scope=acme", "--month=2026-10", "--against=2026-09", stdout=out)
    assert out.getvalue().splitlines() == PRINTED
    with pytest.raises(CommandError, match="is no month"):
        call_command("moved", "--scope=acme", "--month=October")
    with pytest.raises(CommandError, match="There is no scope nowhere"):
        call_command("moved", "--scope=nowhere")


def test_a_month_that_runs_is_compared_pro_rata(acme: Scope) -> None:
    use(acme, (10, call(1)), (11, call(2)))
    out = StringIO()
    with time_machine.travel(AT, tick=False):
        call_command("moved", "--scope=acme", "--month=2026-11", stdout=out)
        with pytest.raises(CommandError, match="No whole day of 2026-12 is over"):
            call_command("moved", "--scope=acme", "--month=2026-12")
    assert out.getvalue().splitlines()[1:3] == [
        "Cost rose by 2.50 USD (+100.0 %), from 2.50 to 5.00: tokens per request +2.50.",
        "2026-11 still runs: its first 23 days so far, until 2026-11-23, against the first 23 days of 2026-10.",
    ]


def test_a_cache_regression_is_named_on_the_terminal(acme: Scope) -> None:
    cached = {"tokens": {"input": 10 * M, "cached_input": 8 * M}}
    use(acme, (9, cached), (10, {"tokens": {"input": 10 * M, "cached_input": 1 * M}}))
    out = StringIO()
    call_command("moved", "--scope=acme", "--month=2026-10", "--against=2026-09", stdout=out)
    assert out.getvalue().splitlines()[2] == (
        "8.75 USD more for less caching: of the input of gpt-4o in acme/search, the cached share fell from 80.0 % to"
        " 10.0 %. Look for a changed start of its prompts."
    )
