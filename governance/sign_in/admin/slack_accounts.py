"""One's own accounts in Slack: linking one that has pressed a button, and unlinking."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from governance.errors import DomainError
from governance.pages.admin.base import acting
from governance.people.models import User
from governance.sign_in.admin.provider import VOUCHED
from governance.sign_in.models import SlackAccount
from governance.sign_in.operations.slack_accounts import link_slack_account, read_link, unlink_slack_account


@never_cache
@login_required
@require_GET
def slack_accounts(request: HttpRequest) -> HttpResponse:
    """Those that decide in one's name."""
    mine = SlackAccount.objects.filter(user=acting(request).user).order_by("linked_at")
    return TemplateResponse(request, "governance/slack_accounts.html", {"accounts": mine})


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Shows whose account it is, and links it when that is agreed to."""
    assert isinstance(request.user, User)  # noqa: S101  # signed in
    try:
        account = read_link(token)
        if request.method == "POST":
            vouched = bool(request.session.get(VOUCHED))
            account = link_slack_account(token=token, user=request.user, is_vouched=vouched, at=timezone.now())
            messages.success(request, f"{account} is linked. Press the button in Slack again to decide.")
            return redirect("slack_accounts")
    except DomainError as refused:
        messages.error(request, refused.detail)
        return redirect("slack_accounts")
    return TemplateResponse(request, "governance/slack_account_link.html", {"account": account})


@login_required
@require_POST
def unlink(request: HttpRequest, account_id: int) -> HttpResponse:
    """One's own; 404 for others'."""
    account = get_object_or_404(SlackAccount, pk=account_id, user=acting(request).user)
    unlink_slack_account(account=account, actor=acting(request), at=timezone.now())
    messages.success(request, f"{account} decides nothing in your name any more.")
    return redirect("slack_accounts")
