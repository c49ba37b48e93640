"""How much is held where no amount is stated: what the call is expected to use."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from allocation.usage.engine.estimates import estimated_cost
from allocation.usage.operations import pricing_context_for
from budgets.plans.models import Unit
from budgets.reservations.engine.quantiles import percentile
from budgets.reservations.errors import UnsizedReservation
from budgets.reservations.models import Reservation
from budgets.reservations.queries.observed import CALLS_MIN, ObservedCall, observed_calls
from governance.scopes.models import Scope

PERCENTILE = 90
NOTHING_STATED = "State an amount, or a model with the tokens that are expected or of which calls were seen."


@dataclass(frozen=True, slots=True)
class Call:
    """The call that is held for, as far as it is known: `tokens` by meter as of a usage event, the output where it is
    bounded. What is not stated is sized by the percentile of those before it.
    """

    provider: str = ""
    model: str = ""
    operation: str = "chat"
    tokens: Mapping[str, int] | None = None
    percentile: int = PERCENTILE


def sized(*, scope: Scope, unit: str, amount: Decimal | None, call: Call, at: datetime) -> tuple[Decimal, str]:
    """The amount in the budget's unit, and what it is of: stated; what the expected tokens come to at the prices of the
    scope's organisation; or, where no output is expected, what the scope's calls of that model and operation came to.
    UnsizedReservation where nothing tells.
    """
    if amount is not None:
        return amount, Reservation.SizedBy.AMOUNT
    if not call.model or unit == Unit.GPU_HOURS:
        raise UnsizedReservation(NOTHING_STATED)
    if unit == Unit.REQUESTS:
        return Decimal(1), Reservation.SizedBy.TOKENS
    tokens = dict(call.tokens or {})
    if tokens.get("output"):
        return _of_tokens(scope, unit, call, tokens, at), Reservation.SizedBy.TOKENS
    seen = observed_calls(scope_id=scope.pk, provider=call.provider, model=call.model, operation=call.operation, at=at)
    if len(seen) < CALLS_MIN:
        raise UnsizedReservation(
            f"Of {call.model} {len(seen)} calls were seen in the last 30 days, and {CALLS_MIN} are needed to size a"
            " hold by them: state an amount, or the tokens that are expected."
        )
    if tokens.get("input"):
        tokens["output"] = int(_percentile(call, [Decimal(each.output) for each in seen]))
        return _of_tokens(scope, unit, call, tokens, at), Reservation.SizedBy.QUANTILE
    usual = _percentile(call, [_whole(each, unit) for each in seen])
    if not usual:
        raise UnsizedReservation(f"Calls of {call.model} cost nothing here: there is nothing to hold.")
    return usual, Reservation.SizedBy.QUANTILE


def _whole(call: ObservedCall, unit: str) -> Decimal:
    return Decimal(call.input + call.output) if unit == Unit.TOKENS else call.cost


def _percentile(call: Call, values: list[Decimal]) -> Decimal:
    return percentile(values, call.percentile)


def _of_tokens(scope: Scope, unit: str, call: Call, tokens: dict[str, int], at: datetime) -> Decimal:
    if unit == Unit.TOKENS:
        return Decimal(tokens.get("input", 0) + tokens.get("output", 0))
    if not call.provider:
        raise UnsizedReservation("State the provider too: without it tokens have no price.")
    context = pricing_context_for(key_scope_id=scope.pk, at=at)
    cost = estimated_cost({"provider": call.provider, "model": call.model, "tokens": tokens}, context)
    if not cost:
        raise UnsizedReservation(f"{call.model} of {call.provider} has no price here: state an amount.")
    return cost
