"""Tasks over HTTP: the calls an agent made for one piece of work, and what they cost."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.usage.models import Task
from allocation.usage.queries import tasks
from governance.rest.api import DayParameters, ScopeParameters, actor, listed, requires, scope_asked


class TaskOut(serializers.ModelSerializer[Task]):
    scope = serializers.CharField(source="scope.path", help_text="That of its first call.")

    class Meta:
        model = Task
        fields = (
            "id", "task_id", "scope", "began_on", "first_occurred_at", "last_occurred_at", "requests", "errors",
            "tokens", "first_call_tokens", "cost",
        )  # fmt: skip
        read_only_fields = fields


class TaskFilterIn(ScopeParameters, DayParameters):
    day_help: ClassVar = {"from": "First UTC day on which it began.", "to": "UTC day after the last."}


class Tasks(APIView):
    permission_classes = [requires("usage:read")]

    @extend_schema(operation_id="tasks_list", parameters=[TaskFilterIn], responses=TaskOut(many=True))
    def get(self, request: Request) -> Response:
        wanted = TaskFilterIn.of(request)
        rows = tasks(actor=actor(request), scope_id=scope_asked(request, wanted.get("scope")))
        bounds = {"began_on__gte": wanted.get("from"), "began_on__lt": wanted.get("to")}
        rows = rows.filter(**{name: value for name, value in bounds.items() if value})
        return listed(self, request, rows, TaskOut, ordering=("-first_occurred_at", "-id"))
