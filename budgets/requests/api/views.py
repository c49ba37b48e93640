"""Requests over the API: a list, one request, and one command for each step."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from budgets.plans.api import MoneyCommand
from budgets.requests import operations
from budgets.requests.api.serializers import (
    EmergencyIn,
    QuotaRequestEditIn,
    QuotaRequestFilterIn,
    QuotaRequestIn,
    QuotaRequestOut,
    RequestApprovalIn,
    RequestDecisionIn,
    TextIn,
)
from budgets.requests.models import Agreement, QuotaRequest, QuotaRequestEntry
from budgets.requests.operations import Case, Conditions
from budgets.requests.queries import approval_cases, budgets_raised
from governance.errors import PersonRequired
from governance.people.models import ApiKey
from governance.rest.api import (
    IDEMPOTENCY_KEY,
    actor,
    idempotent,
    narrowed,
    pages_by,
    requires,
    requires_either,
    row_asked,
    visible_scope,
)

CASE = ("justification", "expected_outcome", "outcome_value", "link", "estimate")


def with_thread(rows: QuerySet[QuotaRequest]) -> QuerySet[QuotaRequest]:
    """The rows, with all that is shown of each."""
    said = Prefetch("thread", QuotaRequestEntry.objects.select_related("by").order_by("pk"))
    agreed = Prefetch("agreements", Agreement.objects.select_related("by", "instead_of").order_by("pk"))
    return rows.select_related("scope", "requested_by", "decided_by", "budget__scope").prefetch_related(said, agreed)


def shown(requests: Iterable[QuotaRequest]) -> dict[str, Any]:
    """What the serializer needs beside the rows."""
    at, asked = timezone.now(), list(requests)
    budgets = budgets_raised(asked, day=at.date())
    waiting = [each for each in asked if each.is_waiting or each.status == QuotaRequest.Status.DRAFT]
    return {"budgets": budgets, "cases": approval_cases(waiting, budgets, at=at)}


def request_response(request_id: int, *, status: int = 200) -> Response:
    """The request as it is stored now."""
    stored = with_thread(QuotaRequest.objects.all()).get(pk=request_id)
    return Response(QuotaRequestOut(stored, context=shown([stored])).data, status=status)


@extend_schema(tags=["budgets"])
class QuotaRequests(ListAPIView[QuotaRequest]):
    serializer_class = QuotaRequestOut
    pagination_class = pages_by("-id")
    queryset = QuotaRequest.objects.none()

    def get_permissions(self) -> list[BasePermission]:
        return requires_either(self.request, reading="budgets:read", writing="budgets:write")

    def get_queryset(self) -> QuerySet[QuotaRequest]:
        wanted = QuotaRequestFilterIn.of(self.request)
        path = wanted.pop("scope", None)
        rows = QuotaRequest.objects.visible_to(actor(self.request)).filter(**wanted)
        return narrowed(with_thread(rows), self.request, path)

    def paginate_queryset(self, queryset: Any) -> Any:
        on_page = super().paginate_queryset(queryset) or []
        self.beside_page = shown(on_page)
        return on_page

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), **getattr(self, "beside_page", {})}

    @extend_schema(parameters=[QuotaRequestFilterIn], responses=QuotaRequestOut(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Requests for more at or below the caller's scopes, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(request=QuotaRequestIn, responses={201: QuotaRequestOut}, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request) -> Response:
        """Asks for more: somebody else with the right decides. A key asks for its owner."""
        body = QuotaRequestIn(data=request.data)
        body.is_valid(raise_exception=True)
        asked, by = dict(body.validated_data), actor(request)
        case = Case(**{name: asked.pop(name) for name in CASE})
        scope = visible_scope(request, asked.pop("scope"))
        made = operations.request_more(scope=scope, case=case, actor=by, at=timezone.now(), **asked)
        return request_response(made.pk, status=201)


@extend_schema(tags=["budgets"])
class QuotaRequestDetail(APIView):
    def get_permissions(self) -> list[BasePermission]:
        return requires_either(self.request, reading="budgets:read", writing="budgets:write")

    @extend_schema(responses=QuotaRequestOut)
    def get(self, request: Request, request_id: int) -> Response:
        """With its thread, and the digest that an approval sends back."""
        visible = QuotaRequest.objects.visible_to(actor(request))
        found = row_asked(visible, "quota request", code="request_unknown", pk=request_id)
        return request_response(found.pk)

    @extend_schema(request=QuotaRequestEditIn, responses=QuotaRequestOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def patch(self, request: Request, request_id: int) -> Response:
        """Edits a draft: what is left out stays, and so do scope and unit. Who edits it stands behind it."""
        body = QuotaRequestEditIn(data=request.data)
        body.is_valid(raise_exception=True)
        changes = dict(body.validated_data)
        operations.edit_draft(request_id=request_id, actor=actor(request), at=timezone.now(), changes=changes)
        return request_response(request_id)


@extend_schema(tags=["budgets"])
class GrantInEmergency(APIView):
    permission_classes = (requires("budgets:write"),)

    @extend_schema(request=EmergencyIn, responses={201: QuotaRequestOut}, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request) -> Response:
        """A little more at once, by a person with the right `grant_in_emergency`, within the caps of the installation;
        a second person confirms or disputes it within three days.
        """
        if isinstance(request.auth, ApiKey):
            raise PersonRequired("Money is decided by a person who has signed in, never by a key.")
        body = EmergencyIn(data=request.data)
        body.is_valid(raise_exception=True)
        asked = dict(body.validated_data)
        scope = visible_scope(request, asked.pop("scope"))
        made = operations.grant_in_emergency(scope=scope, actor=actor(request), at=timezone.now(), **asked)
        return request_response(made.pk, status=201)


class RequestCommand(MoneyCommand):
    """One step of one request."""

    def run(self, request: Request, request_id: int) -> Response:
        self.operate(request, request_id=request_id)
        return request_response(request_id)


@extend_schema(tags=["budgets"])
class SubmitRequest(RequestCommand):
    is_decision = False
    operation = staticmethod(operations.submit_request)

    @extend_schema(request=None, responses=QuotaRequestOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, request_id: int) -> Response:
        """A draft, to those who may decide."""
        return self.run(request, request_id)


@extend_schema(tags=["budgets"])
class AnswerRequest(RequestCommand):
    is_decision = False
    body = TextIn
    operation = staticmethod(operations.answer_request)

    @extend_schema(request=TextIn, responses=QuotaRequestOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, request_id: int) -> Response:
        """What the approver asked. Who answers stands behind the request, and does not decide on it."""
        return self.run(request, request_id)


@extend_schema(tags=["budgets"])
class AskAboutRequest(RequestCommand):
    body = TextIn
    operation = staticmethod(operations.ask_about_request)

    @extend_schema(request=TextIn, responses=QuotaRequestOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, request_id: int) -> Response:
        """A question to the team, by who may decide."""
        return self.run(request, request_id)


@extend_schema(tags=["budgets"])
class ApproveRequest(RequestCommand):
    body = RequestApprovalIn
    operation = staticmethod(operations.approve_request)

    def arguments(self, sent: dict[str, Any]) -> dict[str, Any]:
        rest = dict(sent)
        conditions = Conditions(amount=rest.pop("amount"), until=rest.pop("until"), models=rest.pop("models"))
        return {**rest, "conditions": conditions}

    @extend_schema(request=RequestApprovalIn, responses=QuotaRequestOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, request_id: int) -> Response:
        """In whole or in part, by a person with the right over the budget who neither asked nor answered; by the
        organisation's approval rules, by who is next: all agreements but the last are recorded, and the request waits
        on. The last moves the money at once, out of the budget above; where that has too little, the answer says what
        is `missing`, where money is (`elsewhere`) and who `could_move` it.
        """
        return self.run(request, request_id)


@extend_schema(tags=["budgets"])
class RejectRequest(RequestCommand):
    body = RequestDecisionIn
    operation = staticmethod(operations.reject_request)

    @extend_schema(request=RequestDecisionIn, responses=QuotaRequestOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, request_id: int) -> Response:
        """By who might approve it; who asked reads the reason."""
        return self.run(request, request_id)


@extend_schema(tags=["budgets"])
class WithdrawRequest(RequestCommand):
    is_decision = False
    body = RequestDecisionIn
    operation = staticmethod(operations.withdraw_request)

    @extend_schema(request=RequestDecisionIn, responses=QuotaRequestOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, request_id: int) -> Response:
        """By who asked or answered, or who may decide."""
        return self.run(request, request_id)


@extend_schema(tags=["budgets"])
class ConfirmEmergency(RequestCommand):
    body = RequestDecisionIn
    operation = staticmethod(operations.confirm_emergency)

    @extend_schema(request=RequestDecisionIn, responses=QuotaRequestOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, request_id: int) -> Response:
        """What was granted in an emergency stays, by a person with the right over the budget who neither granted it nor
        uses it.
        """
        return self.run(request, request_id)


@extend_schema(tags=["budgets"])
class DisputeEmergency(RequestCommand):
    body = RequestDecisionIn
    operation = staticmethod(operations.dispute_emergency)

    @extend_schema(request=RequestDecisionIn, responses=QuotaRequestOut, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request, request_id: int) -> Response:
        """As confirming; what is left of it goes back to the budget above."""
        return self.run(request, request_id)
