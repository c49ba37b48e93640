"""Reservations over REST: an amount is held, settled, extended and given back."""

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

from allocation.meters.documents import IDENTIFIER_MAX, NAME_MAX
from budgets.plans.api import AmountField
from budgets.plans.models import Unit
from budgets.reservations import operations
from budgets.reservations.engine import trees
from budgets.reservations.models import Reservation
from budgets.reservations.operations.sizing import PERCENTILE, Call, sized
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

RELATED = ("scope", "account__scope", "account__budget")
EXPIRES_IN_S, EXPIRES_IN_S_MAX = 600, 7 * 24 * 3600


class TokensIn(serializers.Serializer[Any]):
    input = serializers.IntegerField(min_value=0, max_value=10**12, default=0)
    cached_input = serializers.IntegerField(min_value=0, max_value=10**12, default=0, help_text="A part of input.")
    output = serializers.IntegerField(
        min_value=0, max_value=10**12, default=0, help_text="Expected; `max_tokens` is the most."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["cached_input"] > attrs["input"]:
            raise serializers.ValidationError({"cached_input": "It is a part of input."})
        return attrs


class ReservationIn(serializers.Serializer[Any]):
    id = serializers.UUIDField(required=False, help_text="Chosen by the caller: asked for again, it is held once.")
    scope = serializers.CharField(help_text="Path of the scope that the calls will be attributed to.")
    unit = serializers.ChoiceField(choices=Unit.choices, default=Unit.MONEY)
    amount = AmountField(required=False, help_text="Else what `model` and `tokens` come to.")
    provider = serializers.CharField(required=False, default="", allow_blank=True, max_length=NAME_MAX)
    model = serializers.CharField(required=False, default="", allow_blank=True, max_length=NAME_MAX)
    operation = serializers.CharField(required=False, default="chat", max_length=NAME_MAX)
    tokens = TokensIn(required=False)
    percentile = serializers.IntegerField(
        default=PERCENTILE, min_value=50, max_value=99,
        help_text="Of the scope's calls of that model and operation, where the output is not stated: of its tokens, or"
        " of what they cost where no input is either.",
    )  # fmt: skip
    parent = serializers.UUIDField(  # type: ignore[assignment]  # the wire's word, and of a field its serializer
        required=False, allow_null=True, help_text="The reservation that it is a part of."
    )
    covers_task = serializers.BooleanField(
        default=False, help_text="For many calls: usage draws it down, and does not settle it. Set by the first child."
    )
    task_id = serializers.CharField(required=False, default="", allow_blank=True, max_length=IDENTIFIER_MAX)
    expires_in = serializers.IntegerField(
        default=EXPIRES_IN_S, min_value=1, max_value=EXPIRES_IN_S_MAX, help_text="Seconds; no longer than its parent."
    )


class SettlingIn(serializers.Serializer[Any]):
    amount = AmountField(
        required=False, min_value=Decimal(0),
        help_text="What it cost in all, more or less than was held; else what usage that names it has told of.",
    )  # fmt: skip


class ExtensionIn(serializers.Serializer[Any]):
    expires_in = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=EXPIRES_IN_S_MAX,
        help_text="Seconds from now; no longer than its parent.",
    )
    amount = AmountField(required=False, help_text="To be held in all, not less than before.")


class AccountNamedOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    scope = serializers.CharField(source="scope.path")
    budget = serializers.CharField(source="budget.name")
    period_start = serializers.DateField()
    period_end = serializers.DateField()


class ReservationOut(serializers.ModelSerializer[Reservation]):
    scope = serializers.CharField(source="scope.path")
    parent = serializers.UUIDField(source="parent_id", allow_null=True)  # type: ignore[assignment]  # as above
    ended_by = serializers.CharField(help_text="usage, caller, parent or clock; empty while it is held.")
    account = AccountNamedOut(
        allow_null=True, help_text="The budget that it is held on; null where none covers the scope: nothing limits it."
    )
    amount = serializers.SerializerMethodField(help_text="Held in all.")
    spent = serializers.SerializerMethodField(help_text="Used of it, with all below it.")
    free = serializers.SerializerMethodField(help_text="Neither used nor held by its children.")

    class Meta:
        model = Reservation
        fields = (
            *(
                "id",
                "kind",
                "scope",
                "unit",
                "amount",
                "spent",
                "free",
                "status",
                "ended_by",
                "parent",
                "tree",
                "covers_task",
            ),
            *("account", "sized_by", "provider", "model", "task_id", "requested_by"),
            *("created_at", "expires_at", "ended_at"),
        )
        read_only_fields = fields

    def get_amount(self, row: Reservation) -> str:
        return amount_shown(row, row.amount)

    def get_spent(self, row: Reservation) -> str:
        return amount_shown(row, row.spent)

    def get_free(self, row: Reservation) -> str:
        return amount_shown(row, trees.free(row) if row.is_open else Decimal(0))


def amount_shown(row: Reservation, quantity: Decimal) -> str:
    """A quantity of the ledger in the budget's unit, as text."""
    return f"{row.in_unit(quantity).normalize():f}"


class ReservationFilterIn(ScopeParameters):
    unit = serializers.ChoiceField(choices=Unit.choices, required=False)
    status = serializers.ChoiceField(choices=Reservation.Status.choices, required=False)
    kind = serializers.ChoiceField(choices=Reservation.Kind.choices, required=False)
    task_id = serializers.CharField(required=False)
    tree = serializers.UUIDField(required=False, help_text="The root's id: it and all below it.")


def answer(row: Reservation, *, status: int = 200) -> Response:
    """The reservation as it is stored now."""
    stored = Reservation.objects.select_related(*RELATED).get(pk=row.pk)
    return Response(ReservationOut(stored).data, status=status)


@extend_schema(tags=["budgets"])
class Reservations(ListAPIView[Reservation]):
    serializer_class = ReservationOut
    pagination_class = pages_by("-created_at", "id")
    queryset = Reservation.objects.none()

    def get_permissions(self) -> list[BasePermission]:
        return requires_either(self.request, reading="budgets:read", writing="reservations:write")

    def get_queryset(self) -> QuerySet[Reservation]:
        wanted = ReservationFilterIn.of(self.request)
        path = wanted.pop("scope", None)
        rows = Reservation.objects.visible_to(actor(self.request)).filter(**wanted).select_related(*RELATED)
        return narrowed(rows, self.request, path)

    @extend_schema(parameters=[ReservationFilterIn], responses=ReservationOut(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Those at or below the caller's scopes, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        request=ReservationIn, responses={200: ReservationOut, 201: ReservationOut}, parameters=[IDEMPOTENCY_KEY]
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Holds an amount before it is spent. 409 `reservation_refused` names the account, or the parent, that has too
        little, what is left, when it resets and what would fit. Usage settles it that names its id: as the attribute
        `reservation`, of a span `weir.reservation`, as a LiteLLM tag `reservation:ID`. 200 for an id that is held
        already.
        """
        body = ReservationIn(data=request.data)
        body.is_valid(raise_exception=True)
        asked, by, at = body.validated_data, actor(request), timezone.now()
        scope = visible_scope(request, asked["scope"])
        call = Call(
            provider=asked["provider"], model=asked["model"], operation=asked["operation"],
            tokens=asked.get("tokens"), percentile=asked["percentile"],
        )  # fmt: skip
        amount, sized_by = sized(scope=scope, unit=asked["unit"], amount=asked.get("amount"), call=call, at=at)
        terms = operations.Terms(
            unit=asked["unit"], amount=amount, expires_in=timedelta(seconds=asked["expires_in"]),
            parent_id=asked.get("parent"), covers_task=asked["covers_task"], sized_by=sized_by,
            provider=asked["provider"], model=asked["model"], task_id=asked["task_id"],
        )  # fmt: skip
        row, is_new = operations.hold(scope=scope, terms=terms, actor=by, at=at, reservation_id=asked.get("id"))
        return answer(row, status=201 if is_new else 200)


@extend_schema(tags=["budgets"])
class ReservationDetail(APIView):
    permission_classes = (requires("budgets:read"),)

    @extend_schema(responses=ReservationOut)
    def get(self, request: Request, reservation_id: Any) -> Response:
        """What it holds, what was used of it, and how it ended."""
        Parameters.of(request)
        rows = Reservation.objects.visible_to(actor(request))
        return answer(row_asked(rows, "reservation", code="reservation_unknown", pk=reservation_id))


@extend_schema(tags=["budgets"])
class SettleReservation(APIView):
    permission_classes = (requires("reservations:write"),)

    @extend_schema(request=SettlingIn, responses=ReservationOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, reservation_id: Any) -> Response:
        """Replaced by what it cost. That is charged now, and taken back when usage that names it tells of it: usage of
        the same calls that does not name it counts beside it. Its children are settled with what they used.
        """
        body = SettlingIn(data=request.data)
        body.is_valid(raise_exception=True)
        amount = body.validated_data.get("amount")
        return answer(
            operations.settle(reservation_id=reservation_id, amount=amount, actor=actor(request), at=timezone.now())
        )


@extend_schema(tags=["budgets"])
class ExtendReservation(APIView):
    permission_classes = (requires("reservations:write"),)

    @extend_schema(request=ExtensionIn, responses=ReservationOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, reservation_id: Any) -> Response:
        """Held for longer, or more of it."""
        body = ExtensionIn(data=request.data)
        body.is_valid(raise_exception=True)
        seconds, amount = body.validated_data.get("expires_in"), body.validated_data.get("amount")
        longer = timedelta(seconds=seconds) if seconds is not None else None
        row = operations.extend(
            reservation_id=reservation_id, expires_in=longer, amount=amount, actor=actor(request), at=timezone.now()
        )
        return answer(row)


@extend_schema(tags=["budgets"])
class ReleaseReservation(APIView):
    permission_classes = (requires("reservations:write"),)

    @extend_schema(request=None, responses=ReservationOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, reservation_id: Any) -> Response:
        """Given back, with all below it. One that has ended is answered as it is."""
        return answer(operations.release(reservation_id=reservation_id, actor=actor(request), at=timezone.now()))
