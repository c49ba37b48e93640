"""Where the records lie that a figure was made of."""

from datetime import date
from urllib.parse import urlencode

from django.urls import reverse
from rest_framework.request import Request

from governance.calendar.engine import midnight


def records_link(
    request: Request, *, scope: str, since: date, until: date, model: str = "", provider: str = "", below: bool = True
) -> str:
    """GET /api/v1/usage of whole UTC days, `since` to before `until`; of all models without one. Of the scope itself
    alone where not `below`.
    """
    asked = {
        "below": "" if below else "false",
        "scope": scope,
        "since": _instant(since),
        "until": _instant(until),
        "provider": provider,
        "model": model,
    }
    return request.build_absolute_uri(f"{reverse('usage')}?{urlencode({k: v for k, v in asked.items() if v})}")


def _instant(day: date) -> str:
    return f"{midnight(day):%Y-%m-%dT%H:%M:%SZ}"
