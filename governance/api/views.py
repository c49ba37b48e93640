from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.viewsets import ReadOnlyModelViewSet

import governance.api.schema  # noqa: F401  # Registers how keys appear in the API's description.
from governance.api.authentication import actor
from governance.api.pagination import CursorPagination
from governance.api.permissions import requires
from governance.api.serializers import ScopeOut
from governance.models import Scope


class ByPath(CursorPagination):
    ordering = "path"


@extend_schema(tags=["scopes"])
class ScopeViewSet(ReadOnlyModelViewSet[Scope]):
    """The scopes at or below the caller's own."""

    serializer_class = ScopeOut
    permission_classes = (requires("scopes:read"),)
    pagination_class = ByPath
    queryset = Scope.objects.none()
    lookup_field = "path"
    lookup_value_regex = r"[a-z0-9._/-]+"

    def get_queryset(self) -> QuerySet[Scope]:
        return Scope.objects.visible_to(actor(self.request)).select_related("parent")
