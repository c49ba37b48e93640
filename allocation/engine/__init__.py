from allocation.engine.rollup import UsagePosting

__all__ = ["UsagePosting"]
