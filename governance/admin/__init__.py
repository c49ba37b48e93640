"""The admin of scopes, people, keys, channels, deliveries, accepted unit costs and decision records."""

from governance.admin import channels, people, records, scopes, unit_cost

__all__ = ["channels", "people", "records", "scopes", "unit_cost"]
