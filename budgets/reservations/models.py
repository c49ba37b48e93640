"""Reservations: amounts that are held for calls before they are made."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from budgets.ledger.models import Account
from budgets.plans.engine.amounts import budget_quantity
from budgets.plans.models import Unit
from governance.scopes.models import Scope, ScopedQuerySet

if TYPE_CHECKING:
    from datetime import datetime

ZERO = Decimal(0)
FIXED = (
    "kind",
    "tree",
    "parent",
    "lineage",
    "scope",
    "unit",
    "account",
    "asked",
    "task_id",
    "requested_by",
    "created_at",
)


def _quantity(help_text: str = "") -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=30, decimal_places=9, default=0, editable=False, help_text=help_text)


class ReservationQuerySet(ScopedQuerySet["Reservation"]):
    """Reservations, visible by their scope."""

    def open(self) -> Self:
        """Those that still hold something."""
        return self.filter(status=Reservation.Status.HELD)

    def leases(self) -> Self:
        """Those that their holders draw down."""
        return self.filter(kind=Reservation.Kind.LEASE)

    def due(self, at: datetime) -> Self:
        """Open ones whose time is over."""
        return self.open().filter(expires_at__lte=at)


class Reservation(models.Model):
    """`amount` is held: by the account of a budget for a root, by its parent for every other. Quantities are those of
    the ledger. `spent` is what it and all below it have used, `drawn` what is gone of `amount`, `stated` what a caller
    settled it with that no usage has told of yet, `held` what the ledger holds for a root. A lease is drawn down by its
    holder, without a word to Weir: `drawn_told` is what they said, last, that they have drawn in all.
    """

    class Kind(models.TextChoices):
        HOLD = "hold"
        LEASE = "lease"

    class Status(models.TextChoices):
        HELD = "held"
        SETTLED = "settled"
        RELEASED = "released"
        EXPIRED = "expired"

    class EndedBy(models.TextChoices):
        USAGE = "usage"
        CALLER = "caller"
        PARENT = "parent"
        CLOCK = "clock"

    class SizedBy(models.TextChoices):
        AMOUNT = "amount"
        TOKENS = "tokens"
        QUANTILE = "quantile"

    id = models.UUIDField(primary_key=True, editable=False)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.HOLD, editable=False)
    tree = models.UUIDField(editable=False, help_text="The root's id.")
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children", editable=False)
    lineage = ArrayField(models.UUIDField(), default=list, editable=False, help_text="From the root to the parent.")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+", editable=False)
    unit = models.CharField(max_length=16, choices=Unit.choices, editable=False)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, null=True, related_name="reservations", editable=False,
        help_text="That the root holds on; empty where no budget covers the scope.",
    )  # fmt: skip
    amount = _quantity()
    asked = _quantity("The amount at first, before it was extended.")
    spent = _quantity("Used by it and all below it.")
    drawn = _quantity("Gone of the amount: its own use, and what children take.")
    stated = _quantity("Settled by a caller; no usage has told of it yet.")
    held = _quantity("What the ledger holds for it: of a root.")
    drawn_told = _quantity("Of a lease: what its holder said that was drawn, in all.")
    settled_with = models.DecimalField(
        max_digits=30, decimal_places=9, null=True, editable=False, help_text="What a caller said that it cost."
    )
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.HELD, editable=False)
    ended_by = models.CharField(max_length=8, choices=EndedBy.choices, blank=True, editable=False)
    covers_task = models.BooleanField(
        default=False, editable=False, help_text="It is for many calls: usage draws it down and does not end it."
    )
    sized_by = models.CharField(max_length=8, choices=SizedBy.choices, default=SizedBy.AMOUNT, editable=False)
    provider = models.CharField(max_length=128, blank=True, editable=False)
    model = models.CharField(max_length=128, blank=True, editable=False)
    task_id = models.CharField(max_length=200, blank=True, editable=False)
    requested_by = models.CharField(max_length=254, editable=False)
    created_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    objects = ReservationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="reservation_amount_is_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="reservation_held_by_root_only",
                condition=Q(held=0) | Q(parent=None, account__isnull=False, held__gt=0, held__lte=F("amount")),
            ),
            models.CheckConstraint(
                name="reservation_ended_holds_nothing",
                condition=Q(status="held", ended_at=None, ended_by="")
                | (~Q(status="held") & Q(held=0, ended_at__isnull=False) & ~Q(ended_by="")),
            ),
            models.CheckConstraint(name="reservation_stated_is_not_negative", condition=Q(stated__gte=0)),
            models.CheckConstraint(
                name="reservation_drawn_down_is_a_lease",
                condition=Q(kind="hold", drawn_told=0) | Q(kind="lease", covers_task=True, drawn_told__gte=0),
            ),
        ]
        indexes = [
            # Read by the clock.
            models.Index(name="reservation_due", fields=["expires_at"], condition=Q(status="held")),
            # Read whenever a tree changes: what is open of it.
            models.Index(name="reservation_open_of_tree", fields=["tree"], condition=Q(status="held")),
            # Read by the overshoot bound and where an account has too little: what is open of it.
            models.Index(name="reservation_open_of_account", fields=["account"], condition=Q(status="held")),
            # Read by the overshoot bound: what expired of late.
            models.Index(
                name="reservation_expired_of_late", fields=["account", "ended_at"], condition=Q(status="expired")
            ),
            # Read by lists.
            models.Index(name="reservation_of_scope", fields=["scope", "-created_at", "id"]),
            # Read by the clock: trees that ended long ago.
            models.Index(
                name="reservation_ended", fields=["ended_at"], condition=Q(parent=None, ended_at__isnull=False)
            ),
        ]
        triggers = [
            pgtrigger.FSM(
                name="reservation_status_steps",
                field="status",
                transitions=[
                    ("held", "settled"), ("held", "released"), ("held", "expired"), ("expired", "settled"),
                ],
            ),
            pgtrigger.Trigger(
                name="reservation_terms_are_fixed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.AnyChange(*FIXED),
                func="RAISE EXCEPTION 'reservation %: what it is of stands', OLD.id"
                " USING ERRCODE = 'integrity_constraint_violation';",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.scope}, {self.pk}"

    @property
    def is_lease(self) -> bool:
        """Whether its holder draws it down."""
        return self.kind == Reservation.Kind.LEASE

    @property
    def gone(self) -> Decimal:
        """Of a lease: what is drawn as far as is known, by its holder's word or by usage, whichever is more."""
        known: Decimal = max(self.drawn_told, self.spent)
        return known

    @property
    def safe_capacity(self) -> Decimal:
        """Of a lease: what its holder may still draw while Weir cannot be reached, less what they drew since they last
        told; nothing once it has ended.
        """
        return max(self.amount - self.gone, ZERO) if self.is_open else ZERO

    @property
    def is_open(self) -> bool:
        """Whether it still holds something."""
        return self.status == Reservation.Status.HELD

    def in_unit(self, quantity: Decimal) -> Decimal:
        """A quantity of the ledger in the budget's unit."""
        return budget_quantity(self.unit, quantity)
