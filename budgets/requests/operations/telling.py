"""Messages to the people of a request, by the organisation's channel `owners`."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from django.conf import settings

from budgets.approval_rules.engine.agreeing import next_addresses
from budgets.plans.engine.amounts import plain, spoken
from budgets.plans.models import Budget
from budgets.requests.models import QuotaRequest
from budgets.requests.operations.links import links_for
from budgets.requests.operations.steps import request_digest
from budgets.requests.queries import approval_case
from budgets.requests.rules import authors
from governance.errors import NotFound
from governance.messages.channels import DecisionForm, Message
from governance.messages.models import Channel, ChannelKind
from governance.messages.operations import Outgoing, queue_messages
from governance.messages.queries import OWNERS_CHANNEL, Destination, destinations_of, owner_emails
from governance.people.models import User
from governance.people.queries import deciders
from governance.scopes.queries import scope_tree

APPROVALS = "slack:approvals"
YOURS_ALONE = "The link is for you alone: it opens once, and asks you to sign in."
logger = logging.getLogger(__name__)


def tell_deciders(
    request: QuotaRequest, budget: Budget | None, title: str, text: str, *, key: str, at: datetime,
    to: Sequence[str] | None = None,
) -> None:  # fmt: skip
    """Those who may decide on it, but for who asked or answered; by the organisation's rules those who are next: by
    email, and in the organisation's Slack channel `approvals`, where there is one, with buttons while it waits.
    `to` are told instead of them.
    """
    scope_id = budget.scope_id if budget is not None else request.scope_id
    people = to
    if people is None:
        case = approval_case(request, budget, at=at)
        people = next_addresses(case) if case is not None else deciders(scope_id, without=authors(request))
    _tell(request, people, title, text, key=key, at=at, links=_links(request, people, key))
    _tell_slack(request, budget, title, text, key=key, at=at)


def tell_owners(request: QuotaRequest, budget: Budget, title: str, text: str, *, key: str, at: datetime) -> None:
    """Those who own the budget's scope, and who may decide on it: money has moved."""
    people = {*owner_emails(budget.scope_id), *deciders(budget.scope_id, without=authors(request))}
    _tell(request, sorted(people), title, text, key=key, at=at)
    _tell_slack(request, budget, title, text, key=key, at=at)


def _tell_slack(request: QuotaRequest, budget: Budget | None, title: str, text: str, *, key: str, at: datetime) -> None:
    scope_id = budget.scope_id if budget is not None else request.scope_id
    found = destinations_of(APPROVALS, [scope_id])[scope_id]
    if isinstance(found, NotFound):
        return
    message = _message(request, title, text, key)
    outgoing = [Outgoing(each, message.event_id, _with_form(message, request, budget, each)) for each in found]
    queue_messages(outgoing, at=at)


def _links(request: QuotaRequest, people: Iterable[str], key: str) -> Mapping[str, str]:
    return links_for(request, people, event=key) if request.is_waiting else {}


def _with_form(message: Message, request: QuotaRequest, budget: Budget | None, destination: Destination) -> Message:
    """What is pressed comes back with the digest of what is shown, and the channel that says who has signed it."""
    if not request.is_waiting:
        return message
    value = {
        "channel": str(destination.channel.pk), "request": request.pk, "digest": request_digest(request, budget)
    }  # fmt: skip
    return replace(message, form=DecisionForm(json.dumps(value), amount_of(request)))


def tell_authors(request: QuotaRequest, title: str, text: str, *, key: str, at: datetime) -> None:
    """Who asked, and who submitted it or answered for it."""
    people = User.objects.filter(pk__in=authors(request), is_active=True).order_by("email")
    _tell(request, people.values_list("email", flat=True), title, text, key=key, at=at)


def _tell(
    request: QuotaRequest, to: Iterable[str], title: str, text: str, *, key: str, at: datetime,
    links: Mapping[str, str] = MappingProxyType({}),
) -> None:  # fmt: skip
    """Each by a message of their own, with their own link where there is one."""
    root_id = scope_tree().by_id[request.scope_id].root_id
    channel = Channel.objects.filter(scope_id=root_id, kind=ChannelKind.EMAIL, name=OWNERS_CHANNEL).first()
    recipients = list(to)
    if channel is None or not recipients:
        logger.warning(
            "nobody can be told of quota request %s: %s", request.pk, "no channel" if recipients else "no one"
        )
        return
    message = _message(request, title, text, key)
    own = {email: replace(message, text=f"{text}\n\n{YOURS_ALONE}", link=link) for email, link in links.items()}
    outgoing = [
        Outgoing(Destination(channel, email), message.event_id, own.get(email, message)) for email in recipients
    ]
    queue_messages(outgoing, at=at)


def _message(request: QuotaRequest, title: str, text: str, key: str) -> Message:
    return Message(
        title=title,
        text=text,
        event_id=f"quota-request:{request.pk}:{key}",
        event_type=f"quota_request.{key.partition(':')[0]}",
        fields=(("Scope", request.scope.path), ("Asked by", request.requested_by.email)),
        link=f"{settings.PUBLIC_URL}/admin/budgets/quotarequest/{request.pk}/change/",
        data={"quota_request": request.pk, "scope": request.scope.path, "amount": plain(request.amount)},
    )


def amount_of(request: QuotaRequest) -> str:
    """What was asked for, with its unit."""
    return spoken(request.unit, request.amount, request.currency)
