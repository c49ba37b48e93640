"""Liveness and readiness. Plain views that anybody may ask: they must answer when everything else is broken."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from allocation.usage.engine.back_pressure import is_slowing
from allocation.usage.queries import waiting_for_fold
from config import apart, broker
from governance.messages.operations import holds_sealing_key
from governance.people.models import User
from governance.people.rules import Actor
from governance.work.models import DirtyScope, Heartbeat
from policies.evaluation.queries import set_back_by

logger = logging.getLogger(__name__)

OLDEST_BEAT = timedelta(seconds=60)
OLDEST_UNEVALUATED = timedelta(seconds=60)
OLDEST_UNFOLDED = timedelta(seconds=60)
# Leases and what is due by the clock end later by so much.
TOLD_SET_BACK, LONGEST_SET_BACK = timedelta(seconds=2), timedelta(seconds=60)
BROKER_CHECK_EVERY_S = 5.0
HEARTBEAT = "beat"

_broker_seen: tuple[float, str] = (float("-inf"), "")


def alive(_request: HttpRequest) -> JsonResponse:
    """200 while the process answers at all."""
    return JsonResponse({"status": "alive"})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when every check passes, 503 otherwise, with the names of those that do not. What each of them found speaks
    of all organisations together, and is told to who operates the installation.
    """
    now = timezone.now()
    checks: dict[str, Callable[[datetime], tuple[bool, str]]] = {
        "database": _database,
        "secrets": _secrets,
        "clock": _clock,
        "broker": _broker,
        "beat": _beat,
        "fold": _fold,
        "evaluation": _evaluation,
        "apart": _apart,
        "decisions": lambda _now: _decisions(request.headers.get("X-Weir-Decisions")),
    }
    results = {name: _tried(check, now) for name, check in checks.items()}
    failing = [name for name, (passed, _) in results.items() if not passed]
    told: dict[str, object] = {"status": "not ready" if failing else "ready", "failing": failing}
    if _is_of_an_operator(request):
        told["checks"] = {name: {"ok": passed, "detail": detail} for name, (passed, detail) in results.items()}
    answer = JsonResponse(told, status=503 if failing else 200, headers={"Cache-Control": "no-store"})
    patch_vary_headers(answer, ["Cookie"])
    return answer


def _is_of_an_operator(request: HttpRequest) -> bool:
    """A key is some scope's, so that none speaks for the installation."""
    try:
        return isinstance(request.user, User) and Actor.of_user(request.user).sees_everything
    except DatabaseError:
        return False


def _tried(check: Callable[[datetime], tuple[bool, str]], now: datetime) -> tuple[bool, str]:
    try:
        return check(now)
    except DatabaseError as problem:
        # The error names the database's address: that is for the log.
        logger.warning("readiness: %s", problem)
        return False, "the database does not answer"


def _database(_now: datetime) -> tuple[bool, str]:
    with connection.cursor() as cursor:
        cursor.execute("select 1")
    return True, "answers"


def _secrets(_now: datetime) -> tuple[bool, str]:
    if not settings.WEIR_SECRET_KEYS:
        return False, "there is no key to seal with"
    holds = holds_sealing_key()
    return holds, "are sealed with a key known here" if holds else "are sealed with a key that is not known here"


def _clock(now: datetime) -> tuple[bool, str]:
    back = set_back_by(now)
    if back < TOLD_SET_BACK:
        return True, "stands after all that was written"
    detail = f"was set back: it stands {back.total_seconds():.0f} s before what was written last"
    return back < LONGEST_SET_BACK, detail


def _broker(_now: datetime) -> tuple[bool, str]:
    global _broker_seen  # noqa: PLW0603  # a new connection for every probe would burden the broker
    checked_at, problem = _broker_seen
    if time.monotonic() - checked_at > BROKER_CHECK_EVERY_S:
        problem = ""
        try:
            broker.check()
        except Exception:  # each transport has errors of its own
            logger.warning("readiness: the broker does not answer", exc_info=settings.DEBUG)
            problem = "does not answer"
        _broker_seen = (time.monotonic(), problem)
    return not problem, problem or "answers"


def _beat(now: datetime) -> tuple[bool, str]:
    last = Heartbeat.objects.filter(name=HEARTBEAT).first()
    if last is None:
        return False, "has not ticked yet"
    age = now - last.beat_at
    return age < OLDEST_BEAT, f"ticked {age.total_seconds():.0f} s ago"


def _fold(now: datetime) -> tuple[bool, str]:
    waiting = waiting_for_fold()
    if waiting.charged_since is None:
        return True, "nothing waits"
    age, of_charges = (now - (since or now) for since in (waiting.since, waiting.charged_since))
    detail = f"the oldest usage that is in no sum yet is {age.total_seconds():.0f} s old"
    if is_slowing(age.total_seconds()):
        detail += ", batch posts are slowed"
    if of_charges >= OLDEST_UNFOLDED:
        detail += f"; the oldest that charge lines and tasks lack, {of_charges.total_seconds():.0f} s"
    return max(age, of_charges) < OLDEST_UNFOLDED, detail


def _evaluation(now: datetime) -> tuple[bool, str]:
    oldest = DirtyScope.objects.order_by("dirty_since").values_list("dirty_since", flat=True).first()
    if oldest is None:
        return True, "nothing waits"
    age = now - oldest
    return age < OLDEST_UNEVALUATED, f"the oldest unevaluated usage is {age.total_seconds():.0f} s old"


def _apart(_now: datetime) -> tuple[bool, str]:
    """What fails for some keeps nobody else from being served. `weir doctor` says of whom it is."""
    words = "something fails for some, and `weir doctor` names it"
    return True, words if apart.sentences() else "nothing fails for some alone"


def _decisions(stated: str | None) -> tuple[bool, str]:
    """The front states how old its snapshot is, and from when it is stale; it passes the header on from nobody else."""
    if stated is None:
        return True, "are answered by the web process"
    age, _, stale_after = stated.partition("/")
    try:
        is_current = float(age) <= float(stale_after)
    except ValueError:
        return False, "have not been read from the database yet"
    return is_current, f"are answered by what was known {age} s ago"
