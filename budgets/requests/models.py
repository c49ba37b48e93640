"""Requests for more, and what was said about each."""

from __future__ import annotations

from typing import Self

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from budgets.approval_rules.models import ApprovalRules
from budgets.plans.engine.amounts import spoken
from budgets.plans.models import Budget, Unit, changed
from budgets.requests.engine.states import DECIDED, GIVEN, TO_REVIEW, TRANSITIONS, WAITING
from governance.scopes.models import Scope, ScopedQuerySet

ASKED = (
    "scope", "unit", "currency", "amount", "term", "period", "starts_on", "ends_on", "justification",
    "expected_outcome", "outcome_value", "link", "estimate", "requested_by", "created_at",
)  # fmt: skip
# What a draft keeps, whoever edits it.
OF_A_DRAFT = ("scope", "unit", "currency", "requested_by", "created_at")
GRANT = ("granted", "granted_until", "for_models", "budget", "digest")
DECISION = ("decided_by", "decided_at", "decision_reason", "granted", "granted_until", "for_models", "budget", "digest")


class QuotaRequestQuerySet(ScopedQuerySet["QuotaRequest"]):
    """Requests, visible by their scope."""

    def waiting(self) -> Self:
        """Those that somebody may still decide on."""
        return self.filter(status__in=WAITING)

    def to_review(self) -> Self:
        """What was granted in an emergency, and nobody has confirmed or disputed yet."""
        return self.filter(status__in=TO_REVIEW)


class QuotaRequest(models.Model):
    """A team's wish for `amount` more, in the budget's unit. `period`: of the budget that its use is charged to, for
    the period it was asked in. `dates` and `standing`: of the scope's own budget, which is made where it has none.
    """

    class Term(models.TextChoices):
        PERIOD = "period", "this period"
        DATES = "dates", "from, until"
        STANDING = "standing", "from now on"

    class Status(models.TextChoices):
        DRAFT = "draft"
        SUBMITTED = "submitted"
        QUESTIONED = "questioned"
        ANSWERED = "answered"
        APPROVED = "approved"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"
        EXPIRED = "expired"
        EMERGENCY = "emergency", "granted in an emergency, to be reviewed"
        CONFIRMED = "confirmed", "emergency confirmed"
        DISPUTED = "disputed", "emergency disputed"

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="quota_requests", editable=False)
    unit = models.CharField(max_length=16, choices=Unit.choices, editable=False)
    currency = models.CharField(max_length=3, blank=True, default="", editable=False)
    amount = models.DecimalField(max_digits=24, decimal_places=9, editable=False)
    term = models.CharField(max_length=16, choices=Term.choices, editable=False)
    period = models.CharField(max_length=16, choices=Budget.Period.choices, editable=False)
    starts_on = models.DateField(editable=False)
    ends_on = models.DateField(null=True, editable=False)
    justification = models.TextField(editable=False)
    expected_outcome = models.TextField(blank=True, default="", editable=False)
    outcome_value = models.DecimalField(
        max_digits=24, decimal_places=9, null=True, editable=False, help_text="In the organisation's currency."
    )
    link = models.CharField(max_length=1000, blank=True, default="", editable=False)
    estimate = models.DecimalField(max_digits=24, decimal_places=9, null=True, editable=False)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.DRAFT, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False
    )
    created_at = models.DateTimeField(editable=False)
    submitted_at = models.DateTimeField(null=True, editable=False)
    decide_by = models.DateTimeField(editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    decided_at = models.DateTimeField(null=True, editable=False)
    decision_reason = models.TextField(blank=True, default="", editable=False)
    granted = models.DecimalField(max_digits=24, decimal_places=9, null=True, editable=False)
    granted_until = models.DateField(null=True, editable=False)
    for_models = ArrayField(models.CharField(max_length=200), default=list, editable=False)
    budget = models.ForeignKey(
        Budget, on_delete=models.PROTECT, null=True, related_name="quota_requests", editable=False
    )
    digest = models.CharField(max_length=64, blank=True, default="", editable=False)
    # Of a disputed emergency grant, what was left of it.
    taken_back = models.DecimalField(max_digits=24, decimal_places=9, null=True, editable=False)

    objects = QuotaRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="quota_request_amount_is_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="quota_request_ends_after_it_starts", condition=Q(ends_on=None) | Q(ends_on__gt=F("starts_on"))
            ),
            models.CheckConstraint(
                name="quota_request_submission_complete",
                condition=Q(status__in=("draft", "withdrawn")) | Q(submitted_at__isnull=False),
            ),
            models.CheckConstraint(
                name="quota_request_decision_complete",
                condition=(
                    Q(status__in=DECIDED, decided_by__isnull=False, decided_at__isnull=False) & ~Q(decision_reason="")
                )
                | (~Q(status__in=DECIDED) & Q(decided_by=None, decided_at=None, decision_reason="")),
            ),
            models.CheckConstraint(
                name="quota_request_grant_complete",
                condition=Q(
                    status__in=GIVEN, granted__gt=0, granted__lte=F("amount"), budget__isnull=False,
                    digest__regex="^[0-9a-f]{64}$",
                )
                | (~Q(status__in=GIVEN) & Q(granted=None, granted_until=None, budget=None, digest="")),
            ),
            models.CheckConstraint(
                name="quota_request_takes_back_what_was_disputed",
                condition=Q(taken_back=None)
                | Q(status="disputed", taken_back__gte=0, taken_back__lte=F("granted")),
            ),
            models.CheckConstraint(
                name="quota_request_decided_by_another_person",
                condition=Q(decided_by=None) | ~Q(decided_by=F("requested_by")),
                violation_error_message="A request is decided by someone other than who asked.",
            ),
        ]  # fmt: skip
        indexes = [
            # Read by the inbox and by the sweep of what has waited past its deadline.
            models.Index(name="quota_request_waits", fields=["decide_by"], condition=Q(status__in=WAITING)),
        ]
        triggers = [
            pgtrigger.FSM(name="quota_request_status_steps", field="status", transitions=list(TRANSITIONS)),
            pgtrigger.Trigger(
                name="quota_request_is_fixed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=changed(*OF_A_DRAFT)
                | (~pgtrigger.Q(old__status="draft") & changed(*ASKED))
                | (~pgtrigger.Q(old__status__in=(*WAITING, *TO_REVIEW)) & changed(*DECISION, "taken_back"))
                | (pgtrigger.Q(old__status__in=TO_REVIEW) & changed(*GRANT)),
                func="RAISE EXCEPTION 'quota request %: what was asked for and decided is not edited', OLD.id"
                " USING ERRCODE = 'integrity_constraint_violation';",
            ),
            pgtrigger.Protect(name="quota_request_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{spoken(self.unit, self.amount, self.currency)} more for {self.scope}"

    @property
    def is_waiting(self) -> bool:
        """Whether somebody may still decide on it."""
        return self.status in WAITING

    @property
    def is_to_review(self) -> bool:
        """Whether it was granted in an emergency, and nobody has reviewed that yet."""
        return self.status in TO_REVIEW


class QuotaRequestEntry(models.Model):
    """One step of a request, with what was said: the thread that both sides read."""

    class Kind(models.TextChoices):
        SUBMITTED = "submitted"
        QUESTION = "question"
        ANSWER = "answer"
        AGREED = "agreed"
        APPROVED = "approved"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"
        EXPIRED = "expired"
        EDITED = "edited"
        EMERGENCY = "emergency", "granted in an emergency"
        OVERDUE = "overdue", "not reviewed in time"
        CONFIRMED = "confirmed"
        DISPUTED = "disputed"
        REMINDED = "reminded"
        ESCALATED = "escalated"

    request = models.ForeignKey(QuotaRequest, on_delete=models.PROTECT, related_name="thread", editable=False)
    kind = models.CharField(max_length=16, choices=Kind.choices, editable=False)
    text = models.TextField(editable=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    at = models.DateTimeField(editable=False)

    objects = models.Manager()

    class Meta:
        triggers = [
            pgtrigger.Protect(name="quota_request_entry_is_immutable", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.by or 'weir'}"


class Agreement(models.Model):
    """One person's agreement to a request, at the step of the rule that was in force: to `amount` until `until`, for
    `for_models`. `instead_of` had handed their approvals to them. `basis` is the digest of the steps and of the
    budget's terms, and `digest` that of what was shown.
    """

    request = models.ForeignKey(QuotaRequest, on_delete=models.PROTECT, related_name="agreements", editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False)
    instead_of = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    at = models.DateTimeField(editable=False)
    rule = models.CharField(max_length=63, blank=True, default="", editable=False)
    rules_version = models.ForeignKey(
        ApprovalRules, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    step = models.PositiveSmallIntegerField(editable=False)
    amount = models.DecimalField(max_digits=24, decimal_places=9, editable=False)
    until = models.DateField(null=True, editable=False)
    for_models = ArrayField(models.CharField(max_length=200), default=list, editable=False)
    reason = models.TextField(editable=False)
    basis = models.CharField(max_length=64, editable=False)
    digest = models.CharField(max_length=64, editable=False)

    objects = models.Manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="agreement_amount_is_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="agreement_is_not_for_oneself", condition=Q(instead_of=None) | ~Q(instead_of=F("by"))
            ),
            models.CheckConstraint(
                name="agreement_is_to_what_was_shown",
                condition=Q(digest__regex="^[0-9a-f]{64}$", basis__regex="^[0-9a-f]{64}$"),
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="agreement_is_immutable", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="agreement_is_by_another_person",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="IF EXISTS (SELECT FROM budgets_quotarequest WHERE id = NEW.request_id"
                " AND requested_by_id IN (NEW.by_id, NEW.instead_of_id)) THEN"
                " RAISE EXCEPTION 'quota request %: who asked does not agree', NEW.request_id"
                " USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW;",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} at step {self.step}"

    @property
    def name(self) -> str:
        """Who agreed, and for whom: both are on record."""
        return f"{self.by.email} for {self.instead_of.email}" if self.instead_of is not None else self.by.email


class DecisionLink(models.Model):
    """A link in a message to one person who may decide: it leads them, signed in, to the request, once. The address
    holds the number of this row, signed.
    """

    request = models.ForeignKey(QuotaRequest, on_delete=models.PROTECT, related_name="+", editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", editable=False)
    # Which message it stands in.
    event = models.CharField(max_length=100, editable=False)
    opened_at = models.DateTimeField(null=True, editable=False)

    objects = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "user", "event"], name="decision_link_once_per_message"),
        ]

    def __str__(self) -> str:
        return f"to {self.user} for quota request {self.request_id}"
