"""Which instrumentation a record's span came from."""

from allocation.usage.engine.traced_calls import span_key
from allocation.usage.models import TracedSpan, UsageRecord
from governance.scopes.queries import scope_tree

# Spans that an operator told of are kept under this number.
NO_SCOPE = 0


def instrumentation_of(record: UsageRecord) -> str:
    """The name of the instrumentation whose span the record is; empty where it is no span's, or that is forgotten.
    One query, by key.
    """
    trace, _, span = record.event_id.rpartition("-")
    roots = (*scope_tree().ancestors(record.scope_id), NO_SCOPE)
    told = TracedSpan.objects.filter(root_id__in=roots, id=span_key(trace, span), record_id=record.pk).first()
    return "" if told is None else told.instrumentation_name
