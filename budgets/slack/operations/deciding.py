"""A press as a decision on a request: by the same operations, under the same rules, as on the page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation

from django.conf import settings
from django.db import transaction

from budgets.plans.engine.amounts import spoken
from budgets.requests.models import QuotaRequest
from budgets.requests.operations import Conditions, approve_request, ask_about_request, reject_request
from budgets.slack.engine.replies import decided_reply, private_reply
from budgets.slack.models import SlackPress
from governance.errors import DomainError, Invalid, NotFound
from governance.people.models import User
from governance.people.rules import Actor
from governance.records.operations import record_decision
from governance.scopes.engine import is_at_or_below
from governance.sign_in.operations.slack_accounts import link_address, person_in_slack

UNKNOWN = (
    "Weir does not know yet who you are in Slack, so nothing has happened. Link your account within ten minutes, then"
    " press again."
)


def decide_press(press: SlackPress, *, at: datetime) -> Mapping[str, object]:
    """What Slack is answered, after what was pressed has been done, by who pressed it; or why nothing was done."""
    try:
        person = person_in_slack(press.workspace, press.member)
        if person is None:
            return _invited(press)
        with transaction.atomic():
            return _done(press, person, at=at)
    except DomainError as refused:
        return private_reply(refused.detail, link=_page(press.request_id), label="Open in Weir")


def _invited(press: SlackPress) -> Mapping[str, object]:
    link = link_address(
        workspace=press.workspace, member=press.member, member_name=press.member_name, channel=press.channel
    )
    return private_reply(UNKNOWN, link=link, label="Link my Slack account")


def _done(press: SlackPress, person: User, *, at: datetime) -> Mapping[str, object]:
    _check_is_of_channel(press)
    actor, words = Actor.of_user(person), press.words
    if press.verb == "approve":
        done = approve_request(
            request_id=press.request_id, actor=actor, reason=words or "Approved in Slack.", at=at,
            expected_digest=press.expected_digest, conditions=Conditions(amount=_part(press.amount)),
        )  # fmt: skip
    elif not words:
        raise Invalid("Write your reason, or your question, in the line above the buttons first; then press again.")
    elif press.verb == "ask":
        done = ask_about_request(request_id=press.request_id, actor=actor, text=words, at=at)
    else:
        done = reject_request(request_id=press.request_id, actor=actor, reason=words, at=at)
    record_decision(
        actor=actor, action="quota_request.press", scope=done.scope, subject=f"quota_request:{done.pk}", reason=words,
        evidence={
            "verb": press.verb, "workspace": press.workspace, "member": press.member,
            "channel": str(press.channel), "pressed_at": press.received_at.isoformat(),
        },
        at=at,
    )  # fmt: skip
    return decided_reply(_told(done, press.verb, person, words), link=_page(done.pk))


def _check_is_of_channel(press: SlackPress) -> None:
    """NotFound for a request elsewhere: the secret of a channel speaks for what lies at or below its scope."""
    path = QuotaRequest.objects.filter(pk=press.request_id).values_list("scope__path", flat=True).first()
    if path is None or not is_at_or_below(path, press.channel.scope.path):
        raise NotFound(f"There is no quota request {press.request_id}.", code="request_unknown")


def _part(written: str) -> Decimal | None:
    """None for all of it."""
    if not written:
        return None
    try:
        part = Decimal(written.replace(",", ""))
    except InvalidOperation:
        part = Decimal("NaN")
    if not part.is_finite():
        raise Invalid(f"{written!r} is no amount: write a number such as 150.00, or leave the line empty for all.")
    return part


def _told(request: QuotaRequest, verb: str, person: User, words: str) -> str:
    """For all who read the channel."""
    asked = spoken(request.unit, request.amount, request.currency)
    what = f"{asked} more for {request.scope.path}"
    said = f"\n{words}" if words else ""
    if verb == "ask":
        return f"{person} asks about {what}:{said}"
    if verb == "reject":
        return f"{person} rejected {what}:{said}"
    if request.granted is None:
        agreed = request.agreements.order_by("pk").values_list("amount", flat=True).last()
        return f"{person} agrees to {_part_of(request, agreed, what)}. It waits for others still.{said}"
    return f"{person} approved {_part_of(request, request.granted, what)}. The money is there.{said}"


def _part_of(request: QuotaRequest, amount: Decimal | None, what: str) -> str:
    if amount is None or amount == request.amount:
        return what
    return f"{spoken(request.unit, amount, request.currency)} of {what}"


def _page(request_id: int) -> str:
    return f"{settings.PUBLIC_URL}/admin/budgets/quotarequest/{request_id}/change/"
