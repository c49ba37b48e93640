"""How often passwords were tried, where people are signed in, and who they are to the identity provider."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import models
from django.db.models import Exists, OuterRef, Q

from governance.people.rules import Actor


class CacheEntry(models.Model):
    """Django's cache, where every web process sees it: codes that were used, and how often codes were tried."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "governance_cache"

    def __str__(self) -> str:
        return self.cache_key


class SignedInQuerySet(models.QuerySet["SignedIn"]):
    """Where people are signed in."""

    def visible_to(self, actor: Actor) -> Self:
        """One's own; of others for who manages people."""
        if actor.sees_everything:
            return self.filter()
        if actor.user is None:
            return self.none()
        if not actor.user.has_perm("governance.change_user"):
            return self.filter(user=actor.user)
        # Those whom they see otherwise: who owns something in a scope that they see.
        below = Q()
        for top in actor.visible_paths:
            for owned in ("user__ownerships__scope__path", "user__groups__ownerships__scope__path"):
                below |= Q(**{owned: top}) | Q(**{f"{owned}__startswith": f"{top}/"})
        theirs = SignedIn.objects.filter(below, user__is_superuser=False) if below else SignedIn.objects.none()
        return self.filter(Q(user=actor.user) | Q(pk__in=theirs.values("pk")))

    def lasting(self, at: datetime) -> Self:
        """Those whose session has neither ended nor expired."""
        return self.filter(Exists(Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=at)))


class SignInTries(models.Model):
    """Passwords of an account that were tried within a window and not found right, by one who tries. The row without a
    `lane` is of all who are not known to the account. An account is a name: there need be nobody who has it.
    """

    account = models.CharField(max_length=254)
    lane = models.CharField(max_length=80, blank=True)
    since = models.DateTimeField()
    last_at = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "sign in tries"
        constraints = [models.UniqueConstraint(fields=["account", "lane"], name="sign_in_tries_once_per_lane")]

    def __str__(self) -> str:
        return f"{self.account} {self.lane} {self.count}"


class SignedIn(models.Model):
    """A browser in which a person is signed in, for them to see and to end. It ends with Django's own session."""

    session_key = models.CharField(max_length=40, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", editable=False)
    began_at = models.DateTimeField(editable=False)
    last_seen_at = models.DateTimeField(editable=False)
    address = models.CharField(max_length=45, blank=True, editable=False)
    user_agent = models.CharField(max_length=300, blank=True, editable=False)

    objects = SignedInQuerySet.as_manager()

    class Meta:
        verbose_name = "sign-in"

    def __str__(self) -> str:
        return f"{self.user} since {self.began_at:%F %H:%M} UTC"


class ProviderIdentity(models.Model):
    """Who a person is to the identity provider. By this they are known again, never by their address."""

    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="provider_identities", editable=False
    )
    connected_at = models.DateTimeField(editable=False)
    # Whether the person is a superuser by a group of theirs, and ends to be one with it.
    gives_superuser = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name_plural = "provider identities"
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="provider_identity_is_of_one_person")]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"


class SlackAccount(models.Model):
    """Who a person is in a workspace of Slack. What the member presses there is the person's decision."""

    workspace = models.CharField(max_length=32)
    member = models.CharField(max_length=32)
    # As Slack called them then, to be known by; never looked up.
    member_name = models.CharField(max_length=100, blank=True, default="")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="slack_accounts", editable=False
    )
    linked_at = models.DateTimeField(editable=False)
    # Whether the identity provider had asked for a second factor in the session in which it was linked.
    is_vouched = models.BooleanField(default=False, editable=False)

    # Of the message that was pressed; not kept.
    channel_id: str = ""

    objects = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "member"], name="slack_account_is_of_one_person"),
            models.UniqueConstraint(fields=["workspace", "user"], name="slack_account_once_per_workspace"),
        ]

    def __str__(self) -> str:
        named = f"{self.member_name} ({self.member})" if self.member_name else self.member
        return f"{named} of the workspace {self.workspace}"
