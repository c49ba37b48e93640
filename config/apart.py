"""What is done for one after the other, so that a fault in one stops no other, and how its faults are told."""

from collections.abc import Iterator, Mapping

from allocation.corrections.operations.repeated_calls import TAKING_BACK_HEARTBEAT
from allocation.replay.operations import REPLAY_HEARTBEAT
from allocation.shared_cost.operations.runs import SPLITTING_HEARTBEAT
from allocation.usage.operations.months import MONTHS_HEARTBEAT
from allocation.usage.operations.partitions import PARTITIONS_HEARTBEAT
from allocation.usage.queries import waiting_for_fold
from budgets.forecasts.queries import FORECASTS_HEARTBEAT
from budgets.ledger.operations.opening import OPENING_HEARTBEAT
from budgets.proof.queries import PROOF_HEARTBEAT
from budgets.requests.operations.expiry import EXPIRY_HEARTBEAT
from budgets.requests.operations.reminding import REMINDERS_HEARTBEAT
from budgets.slack.operations.answering import ANSWERS_HEARTBEAT
from governance.work.models import Heartbeat
from policies.evaluation.models import DataGap
from policies.evaluation.operations.evaluation import SWEEP_HEARTBEAT

# Beside anomalies, of which is told with their last run.
PARTS: Mapping[str, str] = {
    SWEEP_HEARTBEAT: "The sweep of guardrails fails for",
    OPENING_HEARTBEAT: "Accounts of budgets cannot be opened or ended for",
    EXPIRY_HEARTBEAT: "Requests that nobody decided on cannot be ended:",
    PROOF_HEARTBEAT: "The ledger is not proved, `weir ledger verify` says why, for",
    ANSWERS_HEARTBEAT: "What was pressed in Slack cannot be decided:",
    REMINDERS_HEARTBEAT: "Approvers cannot be reminded of:",
    FORECASTS_HEARTBEAT: "Forecasts cannot be made for",
    SPLITTING_HEARTBEAT: "Shared cost cannot be split for",
    TAKING_BACK_HEARTBEAT: "Calls that were repeated cannot be taken back for",
    PARTITIONS_HEARTBEAT: "Tables of usage are in use, or cannot be maintained:",
    MONTHS_HEARTBEAT: "Charges cannot be summed for the months",
    REPLAY_HEARTBEAT: "Outcomes in quarantine cannot be recorded:",
}


def faults() -> Iterator[str]:
    """A sentence for each part that failed for some when it last ran, and for each organisation of which guardrails
    fail.
    """
    details = dict(Heartbeat.objects.filter(name__in=PARTS).exclude(detail="").values_list("name", "detail"))
    for part, words in PARTS.items():
        if part in details:
            yield f"{words} {details[part]}: see the log; all others go on."
    failing = DataGap.objects.filter(ended_at=None, cause=DataGap.Cause.ERROR).select_related("organisation")
    for gap in failing.order_by("organisation__path"):
        yield f"Guardrails of {gap.organisation.path} are held on {gap.scopes_count} scope(s): {gap.reason}"


def set_aside() -> Iterator[str]:
    """A sentence about usage that could not be folded, when there is some."""
    if calls := waiting_for_fold().set_aside:
        yield (
            f"{calls:,} calls were charged and are in no roll-up, since they could not be folded:"
            " see the log of `fold`, mend the cause, then `weir fold-usage --again --once`."
        )


def sentences() -> list[str]:
    """All of it, for the first page of whoever sees the whole installation."""
    return [*faults(), *set_aside()]
