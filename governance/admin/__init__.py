"""The admin of scopes, people, keys, channels, deliveries and decision records."""

from governance.admin import channels, people, records, scopes

__all__ = ["channels", "people", "records", "scopes"]
