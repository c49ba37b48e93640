"""Scopes over the API."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

import governance.rest.api.schema  # noqa: F401  # Registers how keys appear in the API's description.
from governance.rest.api import Parameters, actor, pages_by, requires
from governance.scopes.models import Scope


class ScopeOut(serializers.ModelSerializer[Scope]):
    parent = serializers.CharField(source="parent.path", default=None, read_only=True, allow_null=True)  # type: ignore[assignment]  # Hides an attribute of DRF's own.
    labels = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Scope
        fields = (
            "path",
            "name",
            "kind",
            "practice",
            "environment",
            "criticality",
            "labels",
            "currency",
            "fiscal_year_starts",
            "parent",
            "is_unattributed",
        )
        read_only_fields = fields


@extend_schema(tags=["scopes"])
class ScopeViewSet(ReadOnlyModelViewSet[Scope]):
    """The scopes at or below the caller's own."""

    serializer_class = ScopeOut
    permission_classes = (requires("scopes:read"),)
    pagination_class = pages_by("path")
    queryset = Scope.objects.none()
    lookup_field = "path"
    lookup_value_regex = r"[a-z0-9._/-]+"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        Parameters.of(request)
        return super().list(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Scope]:
        return Scope.objects.visible_to(actor(self.request)).select_related("parent")
