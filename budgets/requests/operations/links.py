"""Links in messages to those who decide: each for one person, opened once, and while the request waits."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.core import signing
from django.urls import reverse

from budgets.requests.models import DecisionLink, QuotaRequest
from governance.errors import NotFound
from governance.people.models import User

SALT = "weir.decision-link"


def links_for(request: QuotaRequest, emails: Iterable[str], *, event: str) -> Mapping[str, str]:
    """By email address where the person's link leads, from the root of this installation; made once per message."""
    people = list(User.objects.filter(email__in=list(emails)))
    rows = [DecisionLink(request=request, user=person, event=event) for person in people]
    DecisionLink.objects.bulk_create(rows, ignore_conflicts=True)
    made = DecisionLink.objects.filter(request=request, event=event, user__in=people).select_related("user")
    return {
        link.user.email: reverse("decision_link", args=[signing.dumps(link.pk, salt=SALT)]) for link in made
    }  # fmt: skip


def open_link(*, token: str, user: User, at: datetime) -> QuotaRequest:
    """The request that waits for this person, and the link is used. NotFound for everything else, in one sentence: a
    link that was never made, was sent to somebody else, was opened before, or whose request nobody decides on any more.
    """
    try:
        number = int(signing.loads(token, salt=SALT))
    except (signing.BadSignature, ValueError, TypeError):
        raise _not_good() from None
    links = DecisionLink.objects.filter(pk=number, user=user, opened_at=None, request__decide_by__gt=at)
    request = QuotaRequest.objects.waiting().filter(pk__in=links.values("request")).first()
    if request is None or not links.update(opened_at=at):
        raise _not_good()
    return request


def _not_good() -> NotFound:
    return NotFound(
        "This link is not good, or not any more: it opens once, for the person it was sent to, while the request waits."
        " What waits for you is in the inbox."
    )
