from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from governance.scopes.models import Scope

pytestmark = pytest.mark.django_db


PRINTED = """\
acme, USD
Cost rose by 10.15 USD (+203.0 %), from 5.00 to 15.15: volume +10.34, tokens per request −4.33, mix +4.15.
requests: 1 to 3 (no request names its task).

                       2026-09  2026-10  change  volume  tokens per request    mix  price
gpt-4o                    5.00    15.00  +10.00  +10.28               −4.31  +4.03   0.00
gpt-4o-mini (entered)     0.00     0.15   +0.15   +0.06               −0.03  +0.12   0.00
all                       5.00    15.15  +10.15  +10.34               −4.33  +4.15   0.00
""".splitlines()


def test_the_command_prints_a_table(acme: Scope, usage: None) -> None:
    out = StringIO()
    call_command("moved", "--scope=acme", "--month=2026-10", "--against=2026-09", stdout=out)
    assert out.getvalue().splitlines() == PRINTED
    with pytest.raises(CommandError, match="is no month"):
        call_command("moved", "--scope=acme", "--month=October")
    with pytest.raises(CommandError, match="There is no scope nowhere"):
        call_command("moved", "--scope=nowhere")
