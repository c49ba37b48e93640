"""Deciding what was pressed, once, and answering in Slack."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from budgets.slack.models import SlackPress
from budgets.slack.operations.deciding import decide_press
from budgets.slack.operations.receiving import reply_identity
from governance.messages.channels import Outcome, Refused, Sent, slack
from governance.messages.engine.sealing import SealBroken, unseal
from governance.messages.operations.channels import key_ring
from governance.work.operations import each_apart, tell_faults

logger = logging.getLogger(__name__)
ANSWERS_HEARTBEAT = "budgets.answer_slack"
# For so long Slack takes an answer; nothing is decided later either, since nobody would be told.
ANSWERED_WITHIN = timedelta(minutes=30)
# Of one answer, shorter than the next attempt: two processes do not send it at the same time.
TIMEOUT_S, NEXT_ATTEMPT = 5, timedelta(seconds=20)
KEPT_FOR = timedelta(days=1)
BATCH_MAX = 100
STATUS = SlackPress.Status


def answer_presses(*, at: datetime) -> int:
    """Decides what has been pressed, and sends the answers that are due; how many. A fault in one stops no other, and
    it is tried again.
    """
    SlackPress.objects.filter(received_at__lt=at - KEPT_FOR).delete()
    waiting = SlackPress.objects.filter(status__in=(STATUS.RECEIVED, STATUS.DECIDED), next_attempt_at__lte=at)
    due = list(waiting.order_by("next_attempt_at", "pk").values_list("pk", flat=True)[:BATCH_MAX])
    done = each_apart(due, partial(_answer, at=at), named=lambda pk: f"press {pk}")
    tell_faults(ANSWERS_HEARTBEAT, done.faults, at=at, sentence="%s in Slack could not be decided")
    return sum(done.results)


def _answer(press_id: int, *, at: datetime) -> int:
    press = _decided(press_id, at=at)
    if press is None:
        return 0
    _settle(press, _sent(press, at=at))
    return 1


@transaction.atomic
def _decided(press_id: int, *, at: datetime) -> SlackPress | None:
    """The press with its answer, leased for one attempt; None where another process has it, or it came too late."""
    due = Q(status__in=(STATUS.RECEIVED, STATUS.DECIDED), next_attempt_at__lte=at)
    rows = SlackPress.objects.select_for_update(of=("self",), skip_locked=True).select_related("channel__scope")
    press = rows.filter(due, pk=press_id).first()
    if press is None:
        return None
    if press.received_at <= at - ANSWERED_WITHIN:
        _give_up(press, "it waited for more than half an hour")
        return None
    if press.status == STATUS.RECEIVED:
        press.reply, press.status = decide_press(press, at=at), STATUS.DECIDED
    press.next_attempt_at = at + NEXT_ATTEMPT
    press.save(update_fields=["reply", "status", "next_attempt_at"])
    return press


def _sent(press: SlackPress, *, at: datetime) -> Outcome:
    """The network call, outside any transaction."""
    try:
        url = unseal(bytes(press.sealed_reply_url), identity=reply_identity(press.digest), ring=key_ring()).decode()
    except SealBroken as broken:
        return Refused(broken.detail)
    loopback: bool = settings.WEIR_ALLOW_LOOPBACK_WEBHOOKS
    return slack.post(press.reply or {}, url=url, allow_loopback=loopback, at=at, timeout_s=TIMEOUT_S)


def _settle(press: SlackPress, outcome: Outcome) -> None:
    match outcome:
        case Sent():
            SlackPress.objects.filter(pk=press.pk).update(status=STATUS.ANSWERED, sealed_reply_url=b"")
        case Refused(reason=reason):
            _give_up(press, reason)
        case _:
            logger.warning("the answer to %s is sent again: %s", press, outcome.reason)


def _give_up(press: SlackPress, reason: str) -> None:
    logger.error("%s in Slack is not answered: %s", press, reason)
    SlackPress.objects.filter(pk=press.pk).update(status=STATUS.GIVEN_UP, sealed_reply_url=b"")
