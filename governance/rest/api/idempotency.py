"""Commands that are sent again with the same `Idempotency-Key` have one effect."""

from __future__ import annotations

import json
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from governance.rest.api.authentication import actor
from governance.work import operations

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.request import Request

HEADER = "Idempotency-Key"


def idempotent(handler: Callable[..., Response]) -> Callable[..., Response]:
    """Wraps a command's method (`post`, …). With an `Idempotency-Key` its effect happens once: the response is kept in
    the transaction of the effect and sent again; 409 while it is still running, 422 for another payload. A refused
    command is not kept: it may be sent again when the reason has gone.
    """

    @wraps(handler)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER, "")
        if not key:
            return handler(view, request, *args, **kwargs)
        caller = operations.caller_of(actor(request))
        payload = json.dumps(request.data, sort_keys=True, default=str)
        fingerprint = operations.fingerprint(request.method or "", request.get_full_path(), payload)
        with transaction.atomic():
            known = operations.begin_command(caller=caller, key=key, fingerprint=fingerprint)
            if known is not None:
                return Response(known.body, status=known.status, headers={"Idempotency-Replayed": "true"})
            response = handler(view, request, *args, **kwargs)
            body = json.loads(JSONRenderer().render(response.data) or b"null")
            operations.finish_command(
                caller=caller,
                key=key,
                fingerprint=fingerprint,
                status=response.status_code,
                body=body,
                at=timezone.now(),
            )
        return response

    return once
