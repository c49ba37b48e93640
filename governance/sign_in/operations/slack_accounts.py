"""Who a person is in Slack: linked by themselves, from a press that only they can have made, in a session of theirs."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.urls import reverse

from governance.errors import Forbidden, Invalid
from governance.messages.channels import Message
from governance.messages.models import Channel, ChannelKind
from governance.messages.operations import Outgoing, queue_messages
from governance.messages.queries import OWNERS_CHANNEL, Destination
from governance.people.models import User
from governance.people.rules import Actor, check_manages
from governance.records.operations import record_decision
from governance.scopes.queries import scope_tree
from governance.sign_in.models import SlackAccount
from governance.sign_in.operations.second_factors import lacks_second_factor

SALT = "weir.slack-account"
LINK_WITHIN = timedelta(minutes=10)


def person_in_slack(workspace: str, member: str) -> User | None:
    """The active person who has linked the member, never one of the same name. Forbidden without a second factor that
    is demanded of them now.
    """
    found = SlackAccount.objects.select_related("user").filter(workspace=workspace, member=member).first()
    if found is None or not found.user.is_active:
        return None
    _check_second_factor(found.user, is_vouched=found.is_vouched)
    return found.user


def _check_second_factor(user: User, *, is_vouched: bool) -> None:
    if not is_vouched and lacks_second_factor(user):
        raise Forbidden("What you may decide needs a second factor: sign in to Weir and add one first.")


def link_address(*, workspace: str, member: str, member_name: str, channel: Channel) -> str:
    """Where the member links themselves, within ten minutes; shown to them alone. Whoever has signed in there and
    agrees is the member from then on.
    """
    token = signing.dumps([workspace, member, member_name[:100], str(channel.pk)], salt=SALT)
    return f"{settings.PUBLIC_URL}{reverse('slack_account_link', args=[token])}"


def read_link(token: str) -> SlackAccount:
    """The account that it would link, not saved, with its `channel_id`. Invalid (`link_expired`)."""
    try:
        workspace, member, member_name, channel_id = signing.loads(token, salt=SALT, max_age=LINK_WITHIN)
    except (signing.BadSignature, ValueError, TypeError):
        raise Invalid("This link is not good any more: press the button in Slack again.") from None
    account = SlackAccount(workspace=workspace, member=member, member_name=member_name)
    account.channel_id = channel_id
    return account


@transaction.atomic
def link_slack_account(*, token: str, user: User, is_vouched: bool, at: datetime) -> SlackAccount:
    """From now on what the member presses in Slack is the person's decision. They are told by email. One account for a
    person and workspace: the one before is unlinked. Invalid when the link is over; Forbidden for somebody else's,
    and without a second factor that is demanded, unless the provider vouched for one in this session.
    """
    account = read_link(token)
    _check_second_factor(user, is_vouched=is_vouched)
    SlackAccount.objects.filter(workspace=account.workspace, user=user).delete()
    account.user, account.linked_at, account.is_vouched = user, at, is_vouched
    try:
        with transaction.atomic():
            account.save()
    except IntegrityError:
        raise Forbidden("This Slack account is linked to somebody else. They unlink it first.") from None
    _tell(account, at=at)
    _record("link", account, actor=Actor.of_user(user), at=at)
    return account


@transaction.atomic
def unlink_slack_account(*, account: SlackAccount, actor: Actor, at: datetime) -> None:
    """By the person, or who manages them. Forbidden."""
    if actor.user is None or actor.user.pk != account.user_id:
        check_manages(actor, account.user)
    account.delete()
    _record("unlink", account, actor=actor, at=at)


def _tell(account: SlackAccount, *, at: datetime) -> None:
    named = Channel.objects.filter(pk=account.channel_id).values_list("scope_id", flat=True).first()
    if named is None:
        return
    root_id = scope_tree().by_id[named].root_id
    channel = Channel.objects.filter(scope_id=root_id, kind=ChannelKind.EMAIL, name=OWNERS_CHANNEL).first()
    if channel is None:
        return
    message = Message(
        title="A Slack account decides in your name",
        text=f"{account} is linked to you since {at:%d %B %Y, %H:%M} UTC: what it presses in Slack is your decision."
        " If that was not you, unlink it at once, and change your password.",
        event_id=f"slack-account:{account.pk}:linked",
        event_type="slack_account.linked",
        link=reverse("slack_accounts"),
    )
    queue_messages([Outgoing(Destination(channel, account.user.email), message.event_id, message)], at=at)


def _record(verb: str, account: SlackAccount, *, actor: Actor, at: datetime) -> None:
    record_decision(
        actor=actor, action=f"slack_account.{verb}", scope=None, subject=f"user:{account.user.email}", reason="",
        evidence={"workspace": account.workspace, "member": account.member}, at=at,
    )  # fmt: skip
