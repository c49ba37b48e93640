"""Where a link in a message leads, after sign-in."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from budgets.requests.operations.links import open_link
from governance.errors import DomainError
from governance.people.models import User


@never_cache
@login_required
@require_GET
def decide_by_link(request: HttpRequest, token: str) -> HttpResponse:
    """To the page on which it is decided; to the overview with a sentence, where the link is not good."""
    assert isinstance(request.user, User)  # noqa: S101  # signed in
    try:
        found = open_link(token=token, user=request.user, at=timezone.now())
    except DomainError as refused:
        messages.error(request, refused.detail)
        return redirect("admin:index")
    return redirect("admin:budgets_quotarequest_decide", found.pk)
