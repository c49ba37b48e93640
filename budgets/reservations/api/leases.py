"""Leases over REST: a client takes a large hold, draws it down by itself, renews it early and gives the rest back."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.meters.documents import IDENTIFIER_MAX
from budgets.plans.api import AmountField
from budgets.plans.models import Unit
from budgets.reservations import operations
from budgets.reservations.api.views import EXPIRES_IN_S, EXPIRES_IN_S_MAX, RELATED, AccountNamedOut, amount_shown
from budgets.reservations.models import Reservation
from governance.rest.api import (
    IDEMPOTENCY_KEY,
    Parameters,
    ScopeParameters,
    actor,
    idempotent,
    narrowed,
    pages_by,
    requires,
    requires_either,
    row_asked,
    visible_scope,
)

DRAWN = "What was drawn in all, since it was leased."


class LeaseIn(serializers.Serializer[Any]):
    id = serializers.UUIDField(required=False, help_text="Chosen by the caller: asked for again, it is leased once.")
    scope = serializers.CharField(help_text="Path of the scope that the calls will be attributed to.")
    unit = serializers.ChoiceField(choices=Unit.choices, default=Unit.MONEY)
    amount = AmountField(help_text="What is to be drawn before it is renewed.")
    parent = serializers.UUIDField(  # type: ignore[assignment]  # the wire's word, and of a field its serializer
        required=False, allow_null=True, help_text="The reservation that it is a part of."
    )
    task_id = serializers.CharField(required=False, default="", allow_blank=True, max_length=IDENTIFIER_MAX)
    expires_in = serializers.IntegerField(
        default=EXPIRES_IN_S, min_value=1, max_value=EXPIRES_IN_S_MAX, help_text="Seconds; no longer than its parent."
    )


class RenewalIn(serializers.Serializer[Any]):
    drawn = AmountField(min_value=Decimal(0), help_text=DRAWN)
    capacity = AmountField(
        required=False,
        help_text="To be drawn from now on; left out: as much as at first. What it holds beyond that is given back.",
    )
    expires_in = serializers.IntegerField(
        default=EXPIRES_IN_S, min_value=1, max_value=EXPIRES_IN_S_MAX,
        help_text="Seconds from now; no longer than its parent, and no shorter than it lasts already.",
    )  # fmt: skip


class ReturnIn(serializers.Serializer[Any]):
    drawn = AmountField(required=False, min_value=Decimal(0), help_text=f"{DRAWN} Left out: what was told last.")


class LeaseOut(serializers.ModelSerializer[Reservation]):
    scope = serializers.CharField(source="scope.path")
    parent = serializers.UUIDField(source="parent_id", allow_null=True)  # type: ignore[assignment]  # as above
    ended_by = serializers.CharField(help_text="caller, parent or clock; empty while it is open.")
    account = AccountNamedOut(allow_null=True, help_text="That it is held on; null where no budget covers the scope.")
    amount = serializers.SerializerMethodField(help_text="Leased in all, with what is drawn of it.")
    drawn = serializers.SerializerMethodField(help_text="Of it, by the holder's word or by usage, whichever is more.")
    reported = serializers.SerializerMethodField(help_text="By usage that names the lease; charged.")
    safe_capacity = serializers.SerializerMethodField(
        help_text="What the holder may still draw, also while Weir is away, less what was drawn since `drawn` was told."
        " Until `expires_at`, and nothing after."
    )
    expires_in = serializers.SerializerMethodField(help_text="Seconds from this answer.")
    renew_in = serializers.SerializerMethodField(
        help_text="Seconds from this answer after which to renew it: half of what it lasts."
    )

    class Meta:
        model = Reservation
        fields = (
            *("id", "scope", "unit", "amount", "drawn", "reported", "safe_capacity", "status", "ended_by"),
            *("expires_in", "renew_in", "parent", "tree", "account", "task_id", "requested_by"),
            *("created_at", "expires_at", "ended_at"),
        )
        read_only_fields = fields

    def get_amount(self, row: Reservation) -> str:
        return amount_shown(row, row.amount)

    def get_drawn(self, row: Reservation) -> str:
        return amount_shown(row, row.gone)

    def get_reported(self, row: Reservation) -> str:
        return amount_shown(row, row.spent - row.stated)

    def get_safe_capacity(self, row: Reservation) -> str:
        return amount_shown(row, row.safe_capacity if self._lasts(row) else Decimal(0))

    def get_expires_in(self, row: Reservation) -> int:
        return self._lasts(row)

    def get_renew_in(self, row: Reservation) -> int:
        return self._lasts(row) // 2

    def _lasts(self, row: Reservation) -> int:
        left = row.expires_at - self.context["at"]
        return max(int(left.total_seconds()), 0) if row.is_open else 0


class LeaseFilterIn(ScopeParameters):
    unit = serializers.ChoiceField(choices=Unit.choices, required=False)
    status = serializers.ChoiceField(choices=Reservation.Status.choices, required=False)
    task_id = serializers.CharField(required=False)


def lease_answer(row: Reservation, *, status: int = 200) -> Response:
    """The lease as it is stored now."""
    stored = Reservation.objects.select_related(*RELATED).get(pk=row.pk)
    return Response(LeaseOut(stored, context={"at": timezone.now()}).data, status=status)


@extend_schema(tags=["budgets"])
class Leases(ListAPIView[Reservation]):
    serializer_class = LeaseOut
    pagination_class = pages_by("-created_at", "id")
    queryset = Reservation.objects.none()

    def get_permissions(self) -> list[BasePermission]:
        return requires_either(self.request, reading="budgets:read", writing="reservations:write")

    def get_queryset(self) -> QuerySet[Reservation]:
        wanted = LeaseFilterIn.of(self.request)
        path = wanted.pop("scope", None)
        rows = Reservation.objects.visible_to(actor(self.request)).leases().filter(**wanted)
        return narrowed(rows.select_related(*RELATED), self.request, path)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "at": timezone.now()}

    @extend_schema(parameters=[LeaseFilterIn], responses=LeaseOut(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Those at or below the caller's scopes, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(request=LeaseIn, responses={200: LeaseOut, 201: LeaseOut}, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request) -> Response:
        """A hold that its holder draws down without asking, call by call. 409 `reservation_refused` as of reservations.
        Usage names it as it names a reservation, and draws it down. It ends when it is given back; when its time is
        over, with what was drawn as far as was told. 200 for an id that is leased already.
        """
        body = LeaseIn(data=request.data)
        body.is_valid(raise_exception=True)
        asked, by, at = body.validated_data, actor(request), timezone.now()
        terms = operations.Terms(
            kind=Reservation.Kind.LEASE, unit=asked["unit"], amount=asked["amount"],
            expires_in=timedelta(seconds=asked["expires_in"]), parent_id=asked.get("parent"), task_id=asked["task_id"],
        )  # fmt: skip
        scope = visible_scope(request, asked["scope"])
        row, is_new = operations.hold(scope=scope, terms=terms, actor=by, at=at, reservation_id=asked.get("id"))
        return lease_answer(row, status=201 if is_new else 200)


@extend_schema(tags=["budgets"])
class LeaseDetail(APIView):
    permission_classes = (requires("budgets:read"),)

    @extend_schema(responses=LeaseOut)
    def get(self, request: Request, lease_id: Any) -> Response:
        """What is leased, what was drawn of it as far as is known, and how it ended."""
        Parameters.of(request)
        rows = Reservation.objects.visible_to(actor(request)).leases()
        return lease_answer(row_asked(rows, "lease", code="lease_unknown", pk=lease_id))


@extend_schema(tags=["budgets"])
class RenewLease(APIView):
    permission_classes = (requires("reservations:write"),)

    @extend_schema(request=RenewalIn, responses=LeaseOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, lease_id: Any) -> Response:
        """Tells what was drawn, and tops the lease up as far as there is money: `safe_capacity` says how far. Never
        refused for lack of it.
        """
        body = RenewalIn(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        row = operations.renew_lease(
            lease_id=lease_id, drawn=asked["drawn"], capacity=asked.get("capacity"),
            expires_in=timedelta(seconds=asked["expires_in"]), actor=actor(request), at=timezone.now(),
        )  # fmt: skip
        return lease_answer(row)


@extend_schema(tags=["budgets"])
class ReturnLease(APIView):
    permission_classes = (requires("reservations:write"),)

    @extend_schema(request=ReturnIn, responses=LeaseOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, lease_id: Any) -> Response:
        """Gives back what was not drawn. What was drawn is charged now, until usage that names the lease tells of it.
        One whose time is over may still tell; one that was returned is answered as it is.
        """
        body = ReturnIn(data=request.data)
        body.is_valid(raise_exception=True)
        drawn = body.validated_data.get("drawn")
        return lease_answer(
            operations.return_lease(lease_id=lease_id, drawn=drawn, actor=actor(request), at=timezone.now())
        )
