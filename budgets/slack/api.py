"""Where Slack sends what is pressed: the Request URL of the app's interactivity. It is not of the API, since Slack has
no key: its signature stands for one.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from budgets.slack.operations import NotSigned, receive_press
from governance.rest.engine.problems import CONTENT_TYPE, problem

# Slack sends the message along; ours have a tenth of this. The front takes no more of strangers either.
BODY_BYTES_MAX = 64 * 1024


@csrf_exempt
@require_POST
def interactions(request: HttpRequest) -> HttpResponse:
    """200 without a body once it is kept: what came of it is told in Slack. 401 for what Slack has not signed."""
    stated = request.headers.get("Content-Length", "")
    if not stated.isdecimal() or int(stated) > BODY_BYTES_MAX:
        return _problem(status=413, code="body_too_large", detail=f"At most {BODY_BYTES_MAX} bytes.")
    try:
        receive_press(
            body=request.body, timestamp=request.headers.get("X-Slack-Request-Timestamp", ""),
            signature=request.headers.get("X-Slack-Signature", ""), at=timezone.now(),
        )  # fmt: skip
    except NotSigned as refused:
        return _problem(status=refused.status, code=refused.code, detail=refused.detail)
    return HttpResponse()


def _problem(*, status: int, code: str, detail: str) -> HttpResponse:
    body = problem(status=status, code=code, detail=detail, instance="/slack/interactions")
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)
