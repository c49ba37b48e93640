from datetime import date

import pytest
from django.db.models import DateField, Value

from governance.calendar.engine import is_in_force
from governance.calendar.queries import in_force
from governance.scopes.models import Scope

SINCE = date(2026, 11, 24)


@pytest.mark.parametrize("until", [None, date(2026, 11, 24), date(2026, 11, 25), date(2026, 11, 26)])
def test_rows_are_in_force_when_the_engine_says_so(acme: Scope, until: date | None) -> None:
    rows = Scope.objects.filter(pk=acme.pk).annotate(
        since=Value(SINCE, DateField()), until=Value(until, DateField(null=True))
    )
    days = [date(2026, 11, day) for day in (23, 24, 25, 26)]
    assert [rows.filter(in_force(day, since="since", until="until")).exists() for day in days] == [
        is_in_force(SINCE, until, day) for day in days
    ]
