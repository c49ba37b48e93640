from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

if TYPE_CHECKING:
    from django.http import QueryDict
    from rest_framework.request import Request

OF_EVERY_LIST = frozenset({"cursor", "limit"})


class Parameters(serializers.Serializer[Any]):
    """The query parameters of a GET. One that is not known is refused: a filter that is misspelt shows everything."""

    def to_internal_value(self, data: QueryDict) -> dict[str, Any]:
        values: dict[str, Any] = super().to_internal_value(data)
        unknown = sorted(data.keys() - self.fields.keys() - OF_EVERY_LIST)
        if unknown:
            raise serializers.ValidationError(
                {name: serializers.ErrorDetail("There is no such parameter.", "unknown_parameter") for name in unknown}
            )
        return values

    @classmethod
    def of(cls, request: Request) -> dict[str, Any]:
        """What was asked for, typed. Raises ValidationError, which names the parameter."""
        asked = cls(data=request.query_params)
        asked.is_valid(raise_exception=True)
        values: dict[str, Any] = asked.validated_data
        return values
