"""Records of which something did not fit and was mended so that they count."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from allocation.usage.models import UsageRecord
from governance.people.rules import Actor


@dataclass(frozen=True, slots=True)
class MendedField:
    """How many records of one sender had this field mended."""

    source: str
    field: str
    records: int


def mended_fields(*, actor: Actor, since: datetime, until: datetime) -> list[MendedField]:
    """Of records of [since, until) that `actor` sees, the most frequent first; one that had two fields mended counts
    under each. One query, over mended records alone.
    """
    records = UsageRecord.objects.visible_to(actor).exclude(mended="")
    groups = records.filter(occurred_at__gte=since, occurred_at__lt=until).order_by().values_list("source", "mended")
    counts: Counter[tuple[str, str]] = Counter()
    for source, mended, number in groups.annotate(number=Count("pk")):
        # "attributes: 14 left out" is the attributes' too, and counts once.
        for name in {part.partition(":")[0] for part in mended.split(", ")}:
            counts[source, name] += number
    return [
        MendedField(source, name, number)
        for (source, name), number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
