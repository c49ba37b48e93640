"""Links from a figure to the usage records behind it."""

from datetime import date
from urllib.parse import urlencode

from django.urls import reverse
from rest_framework.request import Request

from governance.calendar.engine import midnight


def records_link(
    request: Request, *, scope: str, since: date, until: date, model: str = "", provider: str = "", below: bool = True
) -> str:
    """Address of GET /api/v1/usage for the UTC days [since, until); an empty model or provider is not asked for.
    Without `below` only the records of the scope itself.
    """
    parameters = {
        "below": "" if below else "false",
        "scope": scope,
        "since": _instant(since),
        "until": _instant(until),
        "provider": provider,
        "model": model,
    }
    return request.build_absolute_uri(
        f"{reverse('usage')}?{urlencode({name: value for name, value in parameters.items() if value})}"
    )


def _instant(day: date) -> str:
    return f"{midnight(day):%Y-%m-%dT%H:%M:%SZ}"
