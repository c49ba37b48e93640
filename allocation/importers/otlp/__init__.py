from allocation.importers.otlp.answer import as_json, as_message, status_message
from allocation.importers.otlp.reading import Encoding, read_traces

__all__ = ["Encoding", "as_json", "as_message", "read_traces", "status_message"]
