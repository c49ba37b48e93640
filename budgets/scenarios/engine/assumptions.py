"""What a scenario assumes: written as a person writes it, read exactly."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

EVERY = ""
PERCENT = re.compile(r"[+-]?[0-9]{1,6}(\.[0-9]{1,6})?")
FACTOR = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Assumptions:
    """`prices`: factors by provider; `subsidies`: the share of what a provider's use costs in the long run that its
    price leaves out today; EVERY stands for all providers not named. `replaced`: the (provider, model) that does the
    work of a model. `tokens`: how many times as many tokens each task takes.
    """

    prices: Mapping[str, Decimal] = field(default_factory=dict)
    subsidies: Mapping[str, Decimal] = field(default_factory=dict)
    replaced: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    tokens: Decimal = Decimal(1)

    def price_factor(self, provider: str) -> Decimal:
        """What a provider's prices are multiplied by."""
        return self.prices.get(provider, self.prices.get(EVERY, Decimal(1)))

    def paid_share(self, provider: str) -> Decimal:
        """The share of the long-run cost that is paid today, above 0."""
        return 1 - self.subsidies.get(provider, self.subsidies.get(EVERY, Decimal(0)))


def assumptions_of(
    *,
    prices: Iterable[str] = (),
    subsidies: Iterable[str] = (),
    replaced: Iterable[str] = (),
    tokens: str = "1",
) -> Assumptions:
    """From `30` or `openai=30` (per cent), `openai=25` (per cent), `gpt-4o=anthropic/claude-haiku-4-5` and `2`.
    ValueError, a sentence, for what is written otherwise.
    """
    by_price = {name: 1 + percent for name, percent in map(_percent, prices)}
    if any(factor < 0 for factor in by_price.values()):
        raise ValueError("prices fall by 100 per cent at most")
    by_subsidy = dict(map(_percent, subsidies))
    if any(not 0 <= share < 1 for share in by_subsidy.values()):
        raise ValueError("a subsidy is from 0 to less than 100 per cent of the long-run cost")
    if not FACTOR.fullmatch(tokens):
        raise ValueError(f"tokens per task are a factor such as 2 or 1.5, not {tokens!r}")
    return Assumptions(by_price, by_subsidy, dict(map(_replacement, replaced)), Decimal(tokens))


def _percent(text: str) -> tuple[str, Decimal]:
    name, _, number = text.rpartition("=")
    if not PERCENT.fullmatch(number):
        raise ValueError(f"{text!r} is no per cent: write 30, or openai=30 for one provider")
    return name, Decimal(number) / HUNDRED


def _replacement(text: str) -> tuple[str, tuple[str, str]]:
    model, _, by = text.partition("=")
    provider, _, name = by.partition("/")
    if not (model and provider and name):
        raise ValueError(f"{text!r} replaces nothing: write gpt-4o=anthropic/claude-haiku-4-5")
    return model, (provider, name)
