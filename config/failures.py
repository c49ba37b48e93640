"""What a page answers when it fails; views of the API answer by themselves, in problem+json."""

import sys

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.defaults import server_error

from governance.rest.api.problems import RETRY_AFTER_S, unavailable
from governance.rest.engine.problems import CONTENT_TYPE
from governance.work.operations import is_of_the_database

SENTENCE = "The database is not available. Nothing of what you did was lost: try again shortly."

BEYOND = "A date or number lies at the end of the calendar, or is too large: go back and choose another."


def answered(request: HttpRequest) -> HttpResponseBase:
    """Of a page 400 for what was asked beyond the calendar; 503 with `Retry-After` where the database as it is now is
    the matter, else 500. Django calls it while it handles the error.
    """
    problem = sys.exc_info()[1]
    is_of_the_api = request.path.startswith("/api/")
    if isinstance(problem, OverflowError) and not is_of_the_api:
        return HttpResponseBadRequest(f"<!doctype html><title>Out of range</title><p>{BEYOND}")
    if problem is None or not is_of_the_database(problem):
        return server_error(request)
    if is_of_the_api:
        answer = unavailable(request.path)
        headers = {name: value for name, value in answer.headers.items() if name != "Content-Type"}
        return JsonResponse(answer.data, status=answer.status_code, headers=headers, content_type=CONTENT_TYPE)
    return HttpResponse(
        f"<!doctype html><title>Try again shortly</title><p>{SENTENCE}", status=503,
        headers={"Retry-After": RETRY_AFTER_S, "Cache-Control": "no-store"},
    )  # fmt: skip
