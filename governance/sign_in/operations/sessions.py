"""Where people are signed in: kept beside Django's sessions, and ended with them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction

from governance.people.models import User
from governance.people.rules import Actor, check_ends_session, has_finance_rights
from governance.records.operations import record_decision
from governance.sign_in.models import SignedIn

SEEN_RESOLUTION = timedelta(minutes=1)


def longest(user: User) -> timedelta:
    """How long the person may be signed in, by what they may do now."""
    hours = settings.SESSION_FINANCE_HOURS if has_finance_rights(user) else settings.SESSION_HOURS
    return timedelta(hours=hours)


def longest_idle(user: User) -> timedelta:
    """How long the person may do nothing, by what they may do now."""
    is_finance = has_finance_rights(user)
    return timedelta(minutes=settings.SESSION_FINANCE_IDLE_MINUTES if is_finance else settings.SESSION_IDLE_MINUTES)


def note_session(
    *, session_key: str, user: User, began_at: datetime, address: str, user_agent: str, at: datetime
) -> SignedIn:
    """The row of the session, made when there is none."""
    signed_in, is_new = SignedIn.objects.get_or_create(
        session_key=session_key,
        defaults={
            "user": user, "began_at": began_at, "last_seen_at": at, "address": address[:45],
            "user_agent": user_agent[:300],
        },
    )  # fmt: skip
    if is_new:
        # Those that have ended meanwhile are nobody's any more.
        lasting = SignedIn.objects.filter(user=user).lasting(at)
        SignedIn.objects.filter(user=user).exclude(pk__in=lasting.values("pk")).exclude(pk=signed_in.pk).delete()
    else:
        signed_in.user, signed_in.last_seen_at, signed_in.address = user, at, address[:45]
        signed_in.save(update_fields=["user", "last_seen_at", "address"])
    return signed_in


@transaction.atomic
def end_session(*, signed_in: SignedIn, actor: Actor, at: datetime) -> None:
    """Signs the person out there. Forbidden."""
    check_ends_session(actor, signed_in.user)
    Session.objects.filter(session_key=signed_in.session_key).delete()
    signed_in.delete()
    record_decision(
        actor=actor,
        action="session.end",
        scope=None,
        subject=f"user:{signed_in.user.email}",
        reason="",
        evidence={"address": signed_in.address, "since": signed_in.began_at.isoformat()},
        at=at,
    )
