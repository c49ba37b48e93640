"""Which lines on budgets are watched by every charge."""

from collections.abc import Collection

from django.db import transaction

from budgets.ledger.engine.lines import Line
from budgets.ledger.models import WatchedLine


@transaction.atomic
def watch_lines(lines: Collection[Line]) -> bool:
    """Watch these and no others; none: every whole per cent of every budget. Returns whether that changed anything. Two
    must not do it at once: the caller holds a lock.
    """
    wanted = set(lines)
    watched = {Line(line.unit, line.share, line.amount): line.pk for line in WatchedLine.objects.all()}
    WatchedLine.objects.filter(pk__in=[watched[line] for line in watched.keys() - wanted]).delete()
    WatchedLine.objects.bulk_create(
        WatchedLine(unit=line.unit, share=line.share, amount=line.amount) for line in sorted(wanted - watched.keys())
    )
    return wanted != watched.keys()
