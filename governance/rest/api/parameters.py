"""Query parameters: typed, and refused when unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rest_framework import serializers

if TYPE_CHECKING:
    from django.http import QueryDict
    from rest_framework.request import Request

OF_EVERY_LIST = frozenset({"cursor", "limit"})


class Parameters(serializers.Serializer[Any]):
    """The query parameters of a GET. An unknown one is refused: a misspelt filter would otherwise show everything."""

    def to_internal_value(self, data: QueryDict) -> dict[str, Any]:
        unknown = sorted(data.keys() - self.fields.keys() - OF_EVERY_LIST)
        refusal = serializers.ErrorDetail("There is no such parameter.", code="parameter_unknown")
        refused: dict[str, Any] = dict.fromkeys(unknown, refusal)
        values: dict[str, Any] = {}
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as problem:
            if not isinstance(problem.detail, dict):
                raise
            refused |= problem.detail
        if refused:
            raise serializers.ValidationError(refused)
        return values

    @classmethod
    def of(cls, request: Request) -> dict[str, Any]:
        """The parameters, typed. ValidationError names each that is wrong or unknown (`parameter_unknown`)."""
        parameters = cls(data=request.query_params)
        parameters.is_valid(raise_exception=True)
        values: dict[str, Any] = parameters.validated_data
        return values


class ScopeParameters(Parameters):
    scope = serializers.CharField(required=False, help_text="Path: the scope and all below it.")


class DayParameters(Parameters):
    """`from` and `to`: UTC days, half-open. Added by `get_fields`, because `from` is a keyword of Python."""

    day_help: ClassVar[dict[str, str]] = {
        "from": "First UTC day; default: the month's first.",
        "to": "UTC day after the last; default: tomorrow.",
    }

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        days = {name: serializers.DateField(required=False, help_text=text) for name, text in self.day_help.items()}
        return {**super().get_fields(), **days}
