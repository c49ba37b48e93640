"""The ledger and its reservations in a hundred lines: every figure is worked out anew from what was said so far."""

from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal(0)


@dataclass
class ModelAccount:
    funded: Decimal
    granted_out: Decimal = ZERO
    charged: Decimal = ZERO
    is_open: bool = True


@dataclass
class ModelReservation:
    account: str
    amount: Decimal
    parent: "ModelReservation | None"
    expires: int
    own: Decimal = ZERO
    stated: Decimal = ZERO
    backed: Decimal = ZERO
    status: str = "held"
    settled_with: Decimal | None = None
    is_lease: bool = False
    told: Decimal = ZERO
    children: "list[ModelReservation]" = field(default_factory=list)

    @property
    def spent(self) -> Decimal:
        return self.own + sum((child.spent for child in self.children), ZERO)

    @property
    def drawn(self) -> Decimal:
        return self.own + sum((child.taken for child in self.children), ZERO)

    @property
    def taken(self) -> Decimal:
        return max(self.amount, self.drawn) if self.status == "held" else self.spent

    @property
    def root(self) -> "ModelReservation":
        return self if self.parent is None else self.parent.root

    @property
    def gone(self) -> Decimal:
        return max(self.told, self.spent)


class Refused(Exception):
    """What the model does not allow."""


@dataclass
class LedgerModel:
    """Two accounts, the upper of which funds the lower, in one unit; the clock counts seconds."""

    accounts: dict[str, ModelAccount]
    rows: list[ModelReservation] = field(default_factory=list)
    now: int = 0

    def available(self, name: str) -> Decimal:
        account = self.accounts[name]
        held = sum((row.backed for row in self.rows if row.account == name), ZERO)
        return account.funded - account.granted_out - account.charged - held

    def hold(
        self, scope: str, amount: Decimal, seconds: int, parent: ModelReservation | None, *, lease: bool = False
    ) -> None:
        if parent is not None:
            if (
                parent.is_lease
                or parent.status != "held"
                or parent.expires <= self.now
                or parent.amount - parent.drawn < amount
            ):
                raise Refused
            row = ModelReservation(parent.account, amount, parent, min(self.now + seconds, parent.expires))
            parent.children.append(row)
        else:
            name = self._charged(scope)
            if self.available(name) < amount:
                raise Refused
            row = ModelReservation(name, amount, None, self.now + seconds, backed=amount)
        row.is_lease = lease
        self.rows.append(row)

    def use(self, row: ModelReservation, scope: str, cost: Decimal) -> None:
        is_task = row.is_lease or bool(row.children)
        replaced = min(row.stated, cost) if is_task else row.stated
        self.accounts[row.account].charged -= replaced
        self.accounts[self._charged(scope)].charged += cost
        row.own += cost - replaced
        row.stated -= replaced
        if not is_task and row.status == "held":
            self._end(row, "settled")
        self._back(row.root)

    def settle(self, row: ModelReservation, total: Decimal) -> None:
        if row.status == "released" or (row.status == "settled" and row.settled_with not in (None, total)):
            raise Refused
        if row.status == "settled":
            return
        for child in row.children:
            if child.status == "held":
                self._end(child, "settled" if child.gone > 0 else "released")
        self._charge(row, total - row.spent)
        self._end(row, "settled")
        row.settled_with = total
        self._back(row.root)

    def renew(self, row: ModelReservation, drawn: Decimal, capacity: Decimal, seconds: int) -> None:
        if not row.is_lease or row.status != "held" or row.expires <= self.now:
            raise Refused
        row.told = max(row.told, drawn)
        wanted = row.gone + capacity
        if is_more := wanted > row.amount:
            if row.parent is not None:
                at_most = row.taken + row.parent.amount - row.parent.drawn
            else:
                at_most = row.spent + row.backed + self.available(row.account)
            wanted = max(row.amount, min(wanted, at_most))
        row.amount = wanted
        lasts = self.now + seconds
        row.expires = max(row.expires, min(lasts, row.parent.expires if row.parent else lasts))
        if is_more and row.parent is None:
            row.backed = max(row.amount - row.spent, ZERO)
        self._back(row.root)

    def extend(self, row: ModelReservation, amount: Decimal, seconds: int) -> None:
        above = row.parent
        if row.status != "held" or row.expires <= self.now or amount < row.amount:
            raise Refused
        if above is not None and above.amount - above.drawn < amount - row.amount:
            raise Refused
        if above is None and self.available(row.account) < max(amount - row.spent - row.backed, ZERO):
            raise Refused
        row.expires = max(row.expires, min(self.now + seconds, above.expires if above else self.now + seconds))
        row.amount = amount
        if above is None:
            row.backed = max(row.amount - row.spent, ZERO)

    def release(self, row: ModelReservation) -> None:
        self._end(row, "released")
        self._back(row.root)

    def grant(self, amount: Decimal) -> None:
        if not self.accounts["lower"].is_open or self.available("upper") < amount:
            raise Refused
        self.accounts["upper"].granted_out += amount
        self.accounts["lower"].funded += amount

    def close(self) -> None:
        if not self.accounts["lower"].is_open:
            raise Refused
        left = max(self.available("lower"), ZERO)
        self.accounts["lower"].is_open = False
        self.accounts["lower"].funded -= left
        self.accounts["upper"].granted_out -= left

    def wait(self, seconds: int) -> None:
        self.now += seconds
        for row in self.rows:
            if row.status == "held" and row.expires <= self.now:
                self._end(row, "expired")
                self._back(row.root)

    def _charged(self, scope: str) -> str:
        return "lower" if scope == "lower" and self.accounts["lower"].is_open else "upper"

    def _charge(self, row: ModelReservation, more: Decimal) -> None:
        if more > 0:
            row.own += more
            row.stated += more
            self.accounts[row.account].charged += more

    def _end(self, row: ModelReservation, status: str) -> None:
        """Children first; one that has ended stays, but for one that expired and is settled late. A lease has used at
        least what its holder told.
        """
        for child in row.children:
            if child.status == "held":
                self._end(child, status if status == "expired" else "settled" if child.gone > 0 else "released")
        self._charge(row, row.told - row.spent)
        if row.status == "held" or (row.status == "expired" and status == "settled"):
            row.status = status

    def _back(self, root: ModelReservation) -> None:
        needed = max(root.amount - root.spent, ZERO) if root.status == "held" else ZERO
        root.backed = min(root.backed, needed)
