from allocation.importers.otlp.reading import Encoding, read_traces

__all__ = ["Encoding", "read_traces"]
