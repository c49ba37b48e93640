"""How often a password of an account may be tried. A try is counted before a password is hashed, in one statement, so
that any number of web processes together let no more through, and one that is refused costs no hashing.

Who tries is a browser that the account was signed in with before, or else an address: whoever guesses from elsewhere
does not keep the owner out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from governance.people.models import User
from governance.people.rules import Actor
from governance.records.operations import record_decision
from governance.sign_in.models import SignInTries

WITHIN = timedelta(minutes=15)
# By one browser or address.
FAILURES_MAX = 5
# By all addresses together; from then on they wait for one another.
STRANGERS_MAX = 20
STRANGERS_PAUSE = timedelta(seconds=10)
FORGOTTEN_AT_ONCE = 100
ACCOUNT_LENGTH_MAX = 254

_COUNT = """
INSERT INTO governance_signintries AS known (account, lane, since, last_at, count)
VALUES (%(account)s, %(lane)s, %(at)s, %(at)s, 1)
ON CONFLICT (account, lane) DO UPDATE SET
    since = CASE WHEN known.since <= %(window)s THEN %(at)s ELSE known.since END,
    count = CASE WHEN known.since <= %(window)s THEN 1 ELSE known.count + 1 END,
    last_at = %(at)s
WHERE known.since <= %(window)s OR known.count < %(most)s OR known.last_at <= %(pause)s
RETURNING count
"""
_FORGET = """
DELETE FROM governance_signintries WHERE id IN (
    SELECT id FROM governance_signintries WHERE last_at <= %s ORDER BY last_at LIMIT %s FOR UPDATE SKIP LOCKED
)
"""


@dataclass(frozen=True, slots=True)
class Lane:
    """Who tries: `is_known` is a browser that signed in to this account before."""

    name: str
    address: str
    is_known: bool


@dataclass(frozen=True, slots=True)
class Try:
    """A try that was let through; the counts are of the lane and of all strangers, itself among them."""

    account: str
    lane: Lane
    count: int
    of_strangers: int


@dataclass(frozen=True, slots=True)
class TooMany:
    """No password is looked at before `again_at`."""

    again_at: datetime


def account_of(name: str) -> str:
    """The account that a name given at sign-in is counted for."""
    return name.strip().lower().replace("\0", "")[:ACCOUNT_LENGTH_MAX]


def begin_try(*, account: str, lane: Lane, at: datetime) -> Try | TooMany:
    """Counts the try as one that failed, until `note_success`; nothing is counted of one that is refused."""
    with transaction.atomic():
        count = _counted(account, lane.name, FAILURES_MAX, None, at)
        if count is None:
            return TooMany(_again_at(account, lane.name, at))
        of_strangers = 0 if lane.is_known else _counted(account, "", STRANGERS_MAX, STRANGERS_PAUSE, at)
        if of_strangers is not None:
            _forget_old(at)
            return Try(account, lane, count, of_strangers)
        # It was not looked at, so it does not count against its lane either.
        transaction.set_rollback(True)
    return TooMany(_again_at(account, "", at))


def note_failure(tried: Try, *, at: datetime) -> None:
    """The password was wrong. The last try for now is recorded, where there is such an account."""
    is_last = tried.count == FAILURES_MAX
    is_slowed = not tried.lane.is_known and tried.of_strangers == STRANGERS_MAX
    user = User.objects.filter(email__iexact=tried.account).first() if is_last or is_slowed else None
    if user is None:
        return
    minutes = f"{WITHIN.total_seconds() / 60:.0f} minutes"
    who = "from one browser" if tried.lane.is_known else "from one address"
    reasons = [f"{FAILURES_MAX} passwords were wrong within {minutes}, {who}"] if is_last else []
    if is_slowed:
        reasons.append(
            f"{STRANGERS_MAX} passwords were wrong within {minutes}, from several addresses: one is tried every"
            f" {STRANGERS_PAUSE.total_seconds():.0f} s"
        )
    record_decision(
        actor=Actor.system(),
        action="sign_in.throttle",
        scope=None,
        subject=f"user:{user.pk}",
        reason="; ".join(reasons),
        evidence={"address": tried.lane.address},
        at=at,
    )


@transaction.atomic
def note_success(tried: Try) -> None:
    """It is the owner: what they mistyped is forgotten. What others tried is not."""
    SignInTries.objects.filter(account=tried.account, lane=tried.lane.name).delete()
    if not tried.lane.is_known:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE governance_signintries SET count = greatest(count - %s, 0) WHERE account = %s AND lane = ''",
                [tried.count, tried.account],
            )


def _counted(account: str, lane: str, most: int, pause: timedelta | None, at: datetime) -> int | None:
    """How many there are now, this one among them; None, and not counted, when it is one too many."""
    values: dict[str, str | int | datetime | None] = {
        "account": account, "lane": lane, "at": at, "window": at - WITHIN, "most": most,
        "pause": None if pause is None else at - pause,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values)
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def _again_at(account: str, lane: str, at: datetime) -> datetime:
    tries = SignInTries.objects.filter(account=account, lane=lane).first()
    if tries is None:
        # Its owner has just signed in.
        return at
    over = tries.since + WITHIN
    return over if lane else min(over, tries.last_at + STRANGERS_PAUSE)


def _forget_old(at: datetime) -> None:
    """Some of what is too old to count, with every try: names that nobody has fill no table."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [at - WITHIN, FORGOTTEN_AT_ONCE])
