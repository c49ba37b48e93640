"""Guardrails in force and their versions, read over HTTP."""

from __future__ import annotations

from typing import ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from governance.rest.api import Parameters, actor, pages_by, requires, row_asked
from policies.guardrails.models import GuardrailVersion


class GuardrailOut(serializers.ModelSerializer[GuardrailVersion]):
    class Meta:
        model = GuardrailVersion
        fields: ClassVar[list[str]] = [
            "name", "number", "digest", "level", "is_active", "source", "applied_at", "applied_by", "retired_at",
            "retired_by", "retire_reason",
        ]  # fmt: skip
        read_only_fields = fields


class GuardrailDetailOut(GuardrailOut):
    class Meta(GuardrailOut.Meta):
        fields: ClassVar[list[str]] = [*GuardrailOut.Meta.fields, "text", "document", "test_results"]
        read_only_fields = fields


BY_NAME = pages_by("name", "-number")


class Guardrails(generics.ListAPIView[GuardrailVersion]):
    """The guardrails in force that may concern the reader: all but those for other organisations only."""

    permission_classes = (requires("guardrails:read"),)
    pagination_class = BY_NAME
    serializer_class = GuardrailOut
    queryset = GuardrailVersion.objects.none()

    @override
    def get_queryset(self) -> QuerySet[GuardrailVersion]:
        Parameters.of(self.request)
        return GuardrailVersion.objects.visible_to(actor(self.request)).filter(is_active=True)


class GuardrailDetail(APIView):
    """The guardrails in force that may concern the reader: all but those for other organisations only."""

    permission_classes = (requires("guardrails:read"),)

    @extend_schema(responses=GuardrailDetailOut)
    def get(self, request: Request, name: str) -> Response:
        versions = GuardrailVersion.objects.visible_to(actor(request)).order_by("-is_active", "-number")
        return Response(GuardrailDetailOut(row_asked(versions, "guardrail", name=name)).data)


class GuardrailVersions(generics.ListAPIView[GuardrailVersion]):
    """Every version of one guardrail, newest first."""

    permission_classes = (requires("guardrails:read"),)
    pagination_class = BY_NAME
    serializer_class = GuardrailDetailOut
    queryset = GuardrailVersion.objects.none()

    @override
    def get_queryset(self) -> QuerySet[GuardrailVersion]:
        Parameters.of(self.request)
        return GuardrailVersion.objects.visible_to(actor(self.request)).filter(name=self.kwargs.get("name"))
