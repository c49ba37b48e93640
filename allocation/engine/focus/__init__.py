"""FOCUS Cost and Usage, 1.0 to 1.4: its columns and rules, reading a row, writing a charge line. Pure."""

from allocation.engine.focus.check import Finding, check
from allocation.engine.focus.columns import VERSIONS, Version, columns_of, recognise

__all__ = ["VERSIONS", "Finding", "Version", "check", "columns_of", "recognise"]
