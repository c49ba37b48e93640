"""Turns one usage event into a costed record, or into the fault that refuses it. Runs for every event: plain data, no
clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import NamedTuple, Protocol

from allocation.attribution.documents import Call
from allocation.attribution.engine import EXPLICIT, KEYS_OWN, UNATTRIBUTED, Matcher
from allocation.meters.documents import ATTRIBUTES_MAX, Fault, Money, Tokens, UsageEvent
from allocation.prices.engine.pricing import PriceList
from allocation.sources.documents import PriceFrom
from allocation.sources.engine import NOBODY, Senders
from allocation.usage.engine.agreed_prices import as_agreed, else_billed
from allocation.usage.engine.attributes import RESERVATION, RESERVATION_TAG, attributes_kept
from allocation.usage.engine.call_prices import DAY_S, FOCUS, PROVIDER, REGION, Priced, claimed_nanos, price_of
from governance.calendar.engine import first_of_month

# Whose the records of files are.
IMPORT = "import"
FUTURE_ALLOWED = timedelta(minutes=5)
NO_ATTRIBUTES: Mapping[str, str] = {}
NO_TOKENS = Tokens()
ORDINAL_OF_1970 = date(1970, 1, 1).toordinal()


class ScopedCall(Call, Protocol):
    """A usage event or an outcome: attributed to the scope it names, else by attribution rules."""

    @property
    def scope(self) -> str | None: ...


class CostedRecord(NamedTuple):
    """An event with its scope and cost. `id` is the hexadecimal identity, `at_s` seconds since 1970. The record counts
    at `booked_s`: at `at_s`, or at its arrival when its own billing period is closed. `claimed_nanos` is the cost that
    the sender claims, in 10^-9 of the organisation's currency, None without one. `sender` as of a Submission;
    `is_apart`: its identity holds the sender, since another's record has, or could have, the usual one (ADR 46).
    """

    id: str
    at_s: float
    booked_s: float
    event: UsageEvent
    scope_id: int
    root_id: int
    attribution: str
    price: Priced
    claimed_nanos: int | None = None
    sender: str = ""
    is_apart: bool = False

    @property
    def cost_nanos(self) -> int | None:
        """The cost in 10^-9 of the organisation's currency; None for an unpriced or failed call."""
        return self.price.cost_nanos

    @property
    def key(self) -> tuple[str, float]:
        """What it is found by in what was sent, whether or not it is kept apart."""
        shared = identity(self.root_id, self.event.source, self.event.id) if self.is_apart else self.id
        return shared, self.at_s

    def identity_of(self, event_id: str) -> str:
        """The identity of another id of its sender's."""
        return identity(self.root_id, self.event.source, event_id, self.sender if self.is_apart else "")


@dataclass(frozen=True, slots=True)
class Organisation:
    """Prices and rules of one organisation, and what was agreed on with senders. Its billing periods are closed up to
    `closed_until_s`, in seconds since 1970.
    """

    root_id: int
    unattributed_id: int
    prices: PriceList
    matcher: Matcher
    closed_until_s: float = 0.0
    senders: Senders = NOBODY


@dataclass(frozen=True, slots=True)
class PricingContext:
    """What a batch is priced and attributed by. `open_scopes` maps the paths that the sender may write to onto (scope
    id, root id); `home` is the sender's own organisation, None for an operator without
    one. `billed_by` is the price source of costs that events state themselves, `price` whose price was asked for and
    `weir_key` the prefix of the sender's key, for what was agreed on with it. `dropped` are the first days of the
    months whose records are gone. A stated cost `held_ratio` times off the price list's is held; 0 holds none.
    `sender` as of a Submission. `narrow_scope_id` is the scope of a key bound to less than its organisation. `version`
    is that of all that was declared.
    """

    open_scopes: Mapping[str, tuple[int, int]]
    open_scope_ids: Mapping[int, int]
    organisations: Mapping[int, Organisation]
    home: Organisation | None
    earliest_s: float
    latest_s: float
    at_s: float
    billed_by: str = PROVIDER
    held_ratio: int = 0
    price: PriceFrom | None = None
    weir_key: str = ""
    sender: str = ""
    dropped: frozenset[date] = frozenset()
    narrow_scope_id: int | None = None
    version: tuple[str, ...] = ()

    def cost(self, event: UsageEvent) -> CostedRecord | Fault:
        """The event with its scope and cost, or the fault that refuses it."""
        at_s = event.occurred_at.timestamp()
        attributed = self.time_fault(at_s) or self.attributed_scope(event, at_s)
        if isinstance(attributed, Fault):
            return attributed
        if event.cost is not None and is_credit(event.cost):
            event = money_alone(event)
        scope_id, organisation, attribution = attributed
        if event.attributes is not None and len(event.attributes) > ATTRIBUTES_MAX:
            event = attributes_kept(
                event, (REGION, RESERVATION, RESERVATION_TAG, *(organisation.matcher.reads.attributes or ()))
            )
        event, price_from = self._as_agreed(event, organisation)
        price = price_of(event, organisation.prices, at_s, self.billed_by, self.held_ratio)
        if price_from == "catalogue_else_billed" and not isinstance(price, Fault):
            price = else_billed(event, price, organisation.prices, at_s, self.billed_by)
        if isinstance(price, Fault):
            return price
        # What a bill counted is found again by the identity of its charge, which nobody with a key can have taken.
        is_apart = event.source == FOCUS and self.sender not in {"", IMPORT}
        return CostedRecord(
            identity(organisation.root_id, event.source, event.id, self.sender if is_apart else ""),
            at_s,
            at_s if at_s >= organisation.closed_until_s else self.at_s,
            event,
            scope_id,
            organisation.root_id,
            EXPLICIT if attribution == KEYS_OWN else attribution,
            price,
            None if event.claimed_cost is None else claimed_nanos(event.claimed_cost, organisation.prices, at_s),
            self.sender,
            is_apart,
        )

    def _as_agreed(self, event: UsageEvent, organisation: Organisation) -> tuple[UsageEvent, PriceFrom | None]:
        """The event as its sender's terms have it, and whose price it has; None: as it states."""
        price_from = self.price
        if organisation.senders is not NOBODY:
            terms = organisation.senders.terms_of(event.source, self.weir_key)
            price_from = price_from or terms.price
            if terms.ids_are_unique and event.identity != "id":
                event = event.model_copy(update={"identity": "id"})
        return (event if price_from is None else as_agreed(event, price_from)), price_from

    def time_fault(self, at_s: float) -> Fault | None:
        """`occurred_too_early` or `occurred_in_future` for a time not accepted; `at_s` in seconds since 1970."""
        if at_s < self.earliest_s or (self.dropped and _month_of(at_s) in self.dropped):
            return Fault("occurred_too_early", "occurred_at is earlier than usage is accepted.", "occurred_at")
        if at_s > self.latest_s:
            return Fault("occurred_in_future", "occurred_at is in the future.", "occurred_at")
        return None

    def attributed_scope(self, event: ScopedCall, at_s: float) -> tuple[int, Organisation, str] | Fault:
        """(scope id, organisation, how it was attributed): the scope the event names, else that of the key or rule that
        matches, else a narrow key's own, else the organisation's unattributed scope. A Fault is `scope_required`,
        `scope_unknown`.
        """
        if event.scope is not None:
            return self.explicit_scope(event.scope)
        home = self.home
        if home is None:
            return Fault("scope_required", "Without a key's organisation a record must name its scope.", "scope")
        matcher = home.matcher
        if event.attributes or not matcher.needs_attributes:
            placement = matcher.first_match(event, date.fromordinal(int(at_s // DAY_S) + ORDINAL_OF_1970))
            if placement is not None:
                if placement.scope_id not in self.open_scope_ids:
                    return Fault(
                        "scope_unknown",
                        "Its attributes lead to a scope outside what the key may write to.",
                        "attributes",
                    )
                return placement.scope_id, home, placement.name
        if self.narrow_scope_id is not None:
            return self.narrow_scope_id, home, KEYS_OWN
        return home.unattributed_id, home, UNATTRIBUTED

    def explicit_scope(self, path: str) -> tuple[int, Organisation, str] | Fault:
        """As `attributed_scope`, for an event that names the scope at `path`."""
        ids = self.open_scopes.get(path)
        if ids is not None:
            return ids[0], self.organisations[ids[1]], EXPLICIT
        # Whether it is another's or nobody's is not the sender's to learn.
        return Fault("scope_unknown", "There is no scope of this path that the sender may write to.", "scope")


def _month_of(at_s: float) -> date:
    return first_of_month(date.fromordinal(int(at_s // DAY_S) + ORDINAL_OF_1970))


def identity(root_id: int, source: str, event_id: str, sender: str = "") -> str:
    """32 hexadecimal digits. The organisation is part of them, so that records of different organisations never
    collide; with a `sender`, nobody else's record has them.
    """
    named = f"{root_id}\0{source}\0{event_id}\0{sender}" if sender else f"{root_id}\0{source}\0{event_id}"
    return blake2b(named.encode(), digest_size=16).hexdigest()


def is_credit(cost: Decimal | Money) -> bool:
    """Whether the sender gives money back."""
    return (cost.amount if isinstance(cost, Money) else cost) < 0


def money_alone(event: UsageEvent) -> UsageEvent:
    """The event as a credit or adjustment: it counts its cost, and neither a call nor what one used. What it names the
    money for was used, and counted, before, and it is a call of no task.
    """
    nothing = {"requests": 0, "tokens": NO_TOKENS, "gpu_seconds": None, "quantities": None}
    return event.model_copy(update={**nothing, "status": "success", "task_id": "", "cached_response": False})


def acceptance_window(at: datetime, past_days: int) -> tuple[float, float]:
    """The earliest and the latest accepted occurrence, in seconds since 1970."""
    return (at - timedelta(days=past_days)).timestamp(), (at + FUTURE_ALLOWED).timestamp()
