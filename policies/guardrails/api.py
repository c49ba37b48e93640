from __future__ import annotations

from typing import ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from governance.rest.api import CursorPagination, actor, requires
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


class ByName(CursorPagination):
    ordering = ("name", "-number")  # type: ignore[assignment]  # DRF takes several; its stubs know one


class Guardrails(mixins.ListModelMixin, viewsets.GenericViewSet[GuardrailVersion]):
    """The guardrails in force that may concern the reader: all but those for other organisations only."""

    permission_classes = (requires("guardrails:read"),)
    pagination_class = ByName
    serializer_class = GuardrailOut
    queryset = GuardrailVersion.objects.none()

    @override
    def get_queryset(self) -> QuerySet[GuardrailVersion]:
        return GuardrailVersion.objects.visible_to(actor(self.request)).filter(is_active=True)

    @extend_schema(responses=GuardrailDetailOut)
    def retrieve(self, request: Request, name: str) -> Response:
        versions = GuardrailVersion.objects.visible_to(actor(request)).filter(name=name)
        found = versions.order_by("-is_active", "-number").first()
        if found is None:
            raise NotFound
        return Response(GuardrailDetailOut(found).data)


class GuardrailVersions(mixins.ListModelMixin, viewsets.GenericViewSet[GuardrailVersion]):
    """Every version of one guardrail, newest first."""

    permission_classes = (requires("guardrails:read"),)
    pagination_class = ByName
    serializer_class = GuardrailDetailOut
    queryset = GuardrailVersion.objects.none()

    @override
    def get_queryset(self) -> QuerySet[GuardrailVersion]:
        return GuardrailVersion.objects.visible_to(actor(self.request)).filter(name=self.kwargs.get("name"))
