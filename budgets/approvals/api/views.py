"""Budgets over the API: lists, one budget, its transfers, and one command for each operation."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from budgets.approvals import operations
from budgets.approvals.api.serializers import (
    ApprovalIn,
    BudgetFilterIn,
    BudgetIn,
    BudgetOut,
    DecisionIn,
    EndIn,
    GrantApprovalIn,
    GrantIn,
    TransferOut,
)
from budgets.approvals.models import SecondPerson
from budgets.approvals.queries import waiting_ends, waiting_grants, with_waiting
from budgets.forecasts.queries import outlook_on, pro_rata_on, runs_out_on, with_forecast
from budgets.ledger.models import Account, Transfer
from budgets.ledger.queries import facts_by_budget
from budgets.plans.api import MoneyCommand
from budgets.plans.models import Budget
from budgets.reservations.queries.overshoot import overshoot_bounds
from governance.calendar.engine import day_of
from governance.rest.api import (
    IDEMPOTENCY_KEY,
    Parameters,
    actor,
    idempotent,
    narrowed,
    pages_by,
    requires,
    requires_either,
    row_asked,
    visible_scope,
)

RELATED = ("scope", "created_by", "submitted_by", "decided_by")


def budget_response(budget: Budget, *, status: int = 200) -> Response:
    """The budget as it is stored now, with the facts of its current period."""
    at = timezone.now()
    stored = with_forecast(Budget.objects.select_related(*RELATED), day=day_of(at)).get(pk=budget.pk)
    context = {
        **_facts_of([stored], at),
        "grants": waiting_grants([stored]),
        "ends": waiting_ends([stored], at=at),
    }
    return Response(BudgetOut(stored, context=context).data, status=status)


def _facts_of(budgets: Sequence[Budget], at: datetime) -> dict[str, Any]:
    """In words of the serializer, of rows of `with_forecast`."""
    facts, today = facts_by_budget(budgets, at=at), day_of(at)
    outlooks = {each.pk: outlook_on(today, each, facts[each.pk]) for each in budgets if each.pk in facts}
    bounds = overshoot_bounds((each.account_id for each in facts.values()), at=at)
    return {"facts": facts, "outlooks": outlooks, "bounds": bounds}


def budget_asked(request: Request, budget_id: int) -> Budget:
    """The budget, if the caller may see it; NotFound (`budget_unknown`) otherwise."""
    return row_asked(Budget.objects.visible_to(actor(request)), "budget", code="budget_unknown", pk=budget_id)


# No two rows are equal, and none is null: a page begins where the one before ended.
RUNS_OUT_FIRST = ("runs_out_sort", "-pro_rata_sort", "-id")


class BudgetPages(pages_by("-id")):  # type: ignore[misc]  # a class made by a function
    """In the order that was asked for."""

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        del queryset, view
        return RUNS_OUT_FIRST if request.query_params.get("order") == "runs_out" else ("-id",)


@extend_schema(tags=["budgets"])
class Budgets(ListAPIView[Budget]):
    serializer_class = BudgetOut
    pagination_class = BudgetPages
    queryset = Budget.objects.none()

    def get_permissions(self) -> list[BasePermission]:
        return requires_either(self.request, reading="budgets:read", writing="budgets:write")

    def get_queryset(self) -> QuerySet[Budget]:
        wanted = BudgetFilterIn.of(self.request)
        path, order = wanted.pop("scope", None), wanted.pop("order")
        rows = Budget.objects.visible_to(actor(self.request)).filter(**wanted).select_related(*RELATED)
        now = timezone.now()
        today = day_of(now)
        if order == "runs_out":
            rows = rows.annotate(
                runs_out_sort=Coalesce(runs_out_on(today), Value(date.max)),
                pro_rata_sort=Coalesce(pro_rata_on(today), Value(Decimal(-1))),
            )
        return narrowed(with_forecast(with_waiting(rows, at=now), day=today), self.request, path)

    def paginate_queryset(self, queryset: Any) -> Any:
        self.on_page = super().paginate_queryset(queryset) or []
        return self.on_page

    def get_serializer_context(self) -> dict[str, Any]:
        shown = getattr(self, "on_page", [])
        now = timezone.now()
        return {
            **super().get_serializer_context(),
            **_facts_of(shown, now),
            "grants": waiting_grants(budget for budget in shown if budget.grant_waits),
            "ends": waiting_ends((budget for budget in shown if budget.end_waits), at=now),
        }

    @extend_schema(parameters=[BudgetFilterIn], responses=BudgetOut(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The budgets at or below the caller's scopes: the newest first, or what runs out first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(request=BudgetIn, responses={201: BudgetOut}, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request) -> Response:
        """A draft, to be submitted and then decided on by somebody else."""
        body = BudgetIn(data=request.data)
        body.is_valid(raise_exception=True)
        terms, by = dict(body.validated_data), actor(request)
        scope = visible_scope(request, terms.pop("scope"))
        return budget_response(
            operations.create_budget(scope=scope, actor=by, at=timezone.now(), source="api", **terms), status=201
        )


@extend_schema(tags=["budgets"])
class BudgetDetail(APIView):
    permission_classes = (requires("budgets:read"),)

    @extend_schema(responses=BudgetOut)
    def get(self, request: Request, budget_id: int) -> Response:
        """With what is used and left in the current period."""
        return budget_response(budget_asked(request, budget_id))


@extend_schema(tags=["budgets"])
class BudgetLedger(ListAPIView[Transfer]):
    """Every movement in and out of the budget's accounts, newest first."""

    serializer_class = TransferOut
    pagination_class = pages_by("-id")
    permission_classes = (requires("budgets:read"),)
    queryset = Transfer.objects.none()

    def get_queryset(self) -> QuerySet[Transfer]:
        Parameters.of(self.request)
        budget = budget_asked(self.request, self.kwargs["budget_id"])
        accounts = Account.objects.filter(budget=budget).values_list("pk", flat=True)
        return Transfer.objects.of(accounts).select_related("debit_account__scope", "credit_account__scope", "by")

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "budget_id": self.kwargs.get("budget_id")}


class BudgetCommand(MoneyCommand):
    """One operation on one budget."""

    def run(self, request: Request, budget_id: int) -> Response:
        result = self.operate(request, budget_id=budget_id)
        waits = isinstance(result, SecondPerson) and result.waits
        return budget_response(Budget.objects.get(pk=budget_id), status=202 if waits else 200)


@extend_schema(tags=["budgets"])
class SubmitBudget(BudgetCommand):
    is_decision = False
    operation = staticmethod(operations.submit_budget)

    @extend_schema(request=None, responses=BudgetOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, budget_id: int) -> Response:
        """To those who may decide."""
        return self.run(request, budget_id)


@extend_schema(tags=["budgets"])
class WithdrawBudget(BudgetCommand):
    is_decision = False
    body = DecisionIn
    operation = staticmethod(operations.withdraw_budget)

    @extend_schema(request=DecisionIn, responses=BudgetOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, budget_id: int) -> Response:
        """A draft or a proposal, by its author."""
        return self.run(request, budget_id)


@extend_schema(tags=["budgets"])
class ApproveBudget(BudgetCommand):
    body = ApprovalIn
    operation = staticmethod(operations.approve_budget)

    @extend_schema(request=ApprovalIn, responses=BudgetOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, budget_id: int) -> Response:
        """By a person with the right who did not propose it; funds the current period at once."""
        return self.run(request, budget_id)


@extend_schema(tags=["budgets"])
class RejectBudget(BudgetCommand):
    body = DecisionIn
    operation = staticmethod(operations.reject_budget)

    @extend_schema(request=DecisionIn, responses=BudgetOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, budget_id: int) -> Response:
        """By a person with the right who did not propose it."""
        return self.run(request, budget_id)


@extend_schema(tags=["budgets"])
class GrantMore(BudgetCommand):
    body = GrantIn
    operation = staticmethod(operations.grant_more)

    @extend_schema(request=GrantIn, responses={200: BudgetOut, 202: BudgetOut}, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, budget_id: int) -> Response:
        """More for the current period, out of the budget above. 202 where it raises a ceiling: nothing has moved, and
        `waiting_grant` waits for a second person.
        """
        return self.run(request, budget_id)


@extend_schema(tags=["budgets"])
class ApproveGrant(BudgetCommand):
    body = GrantApprovalIn
    operation = staticmethod(operations.approve_grant)

    @extend_schema(request=GrantApprovalIn, responses=BudgetOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, budget_id: int) -> Response:
        """The grant that waits, by a person with the right who neither asked for it nor proposed the budget."""
        return self.run(request, budget_id)


@extend_schema(tags=["budgets"])
class RejectGrant(BudgetCommand):
    body = DecisionIn
    operation = staticmethod(operations.reject_grant)

    @extend_schema(request=DecisionIn, responses=BudgetOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, budget_id: int) -> Response:
        """The grant that waits, by who might approve it."""
        return self.run(request, budget_id)


@extend_schema(tags=["budgets"])
class WithdrawGrant(BudgetCommand):
    body = DecisionIn
    operation = staticmethod(operations.withdraw_grant)

    @extend_schema(request=DecisionIn, responses=BudgetOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, budget_id: int) -> Response:
        """The grant that waits, by who asked for it or may decide."""
        return self.run(request, budget_id)


@extend_schema(tags=["budgets"])
class GiveBack(BudgetCommand):
    body = GrantIn
    operation = staticmethod(operations.give_back)

    @extend_schema(request=GrantIn, responses=BudgetOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, budget_id: int) -> Response:
        """Less for the current period: back to the budget above."""
        return self.run(request, budget_id)


@extend_schema(tags=["budgets"])
class EndBudget(BudgetCommand):
    body = EndIn
    operation = staticmethod(operations.end_budget)

    @extend_schema(request=EndIn, responses={200: BudgetOut, 202: BudgetOut}, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, budget_id: int) -> Response:
        """From today on; what is left goes back to the budget above. 202 where none above is in force: nothing has
        ended, and `waiting_end` waits seven days for a second person to ask for the same.
        """
        return self.run(request, budget_id)


@extend_schema(tags=["budgets"])
class WithdrawEnd(BudgetCommand):
    body = DecisionIn
    operation = staticmethod(operations.withdraw_end)

    @extend_schema(request=DecisionIn, responses=BudgetOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, budget_id: int) -> Response:
        """The end that waits, by who asked for it or might complete it."""
        return self.run(request, budget_id)
