"""What the API's views of money have in common: how amounts are written, and what a command is."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from governance.errors import PersonRequired
from governance.people.models import ApiKey
from governance.rest.api import actor, requires


class AmountField(serializers.DecimalField):
    """A decimal as text: a JSON number would be a float on most sides of the wire."""

    default_error_messages = {"float": 'An amount is quoted, so that it is exact: "100.00".'}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=30, decimal_places=9, normalize_output=True, **kwargs)

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, float):
            self.fail("float")
        return super().to_internal_value(data)


class MoneyCommand(APIView):
    """One operation on one row. A decision needs a person who has signed in: a key is refused at once."""

    permission_classes = (requires("budgets:write"),)
    body: type[serializers.Serializer[Any]] | None = None
    is_decision = True
    operation: Callable[..., Any]

    def operate(self, request: Request, **row: int) -> Any:
        """What the operation returns for the row, `{"budget_id": 1}`, and what was sent."""
        if self.is_decision and isinstance(request.auth, ApiKey):
            raise PersonRequired("Money is decided by a person who has signed in, never by a key.")
        arguments: dict[str, Any] = {}
        if self.body is not None:
            body = self.body(data=request.data)
            body.is_valid(raise_exception=True)
            arguments = self.arguments(body.validated_data)
        return type(self).operation(**row, actor=actor(request), at=timezone.now(), **arguments)

    def arguments(self, sent: dict[str, Any]) -> dict[str, Any]:
        """What the operation takes of what was sent."""
        return sent
