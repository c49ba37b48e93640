from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rest_framework import serializers

if TYPE_CHECKING:
    from django.http import QueryDict
    from rest_framework.request import Request

OF_EVERY_LIST = frozenset({"cursor", "limit"})


class Parameters(serializers.Serializer[Any]):
    """The query parameters of a GET. One that is not known is refused: a filter that is misspelt shows everything."""

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
        """What was asked for, typed. Raises ValidationError, which names the parameter."""
        asked = cls(data=request.query_params)
        asked.is_valid(raise_exception=True)
        values: dict[str, Any] = asked.validated_data
        return values


class ScopeParameters(Parameters):
    scope = serializers.CharField(required=False, help_text="Path: the scope and all below it.")


class DayParameters(Parameters):
    """`from` and `to`: UTC days, half-open. `from` is a word of Python's own, so that no class can declare it."""

    day_help: ClassVar[dict[str, str]] = {
        "from": "First UTC day; default: the month's first.",
        "to": "UTC day after the last; default: tomorrow.",
    }

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        days = {name: serializers.DateField(required=False, help_text=text) for name, text in self.day_help.items()}
        return {**super().get_fields(), **days}
