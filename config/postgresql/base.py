"""The module that Django looks for in an engine of databases."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.backends.postgresql import base

from config.postgresql.pools import SharedConnections


class DatabaseWrapper(base.DatabaseWrapper):
    """Where `pool` is set, connections are `SharedConnections`; Django would wait as long for a database that is away
    as for a connection that is in use.
    """

    # Of Django's, which its types leave out.
    _connection_pools: ClassVar[dict[str, Any]]
    _configure_connection: Any

    @property
    def pool(self) -> Any:
        options = self.settings_dict["OPTIONS"].get("pool")
        if not options:
            return None
        if self.alias not in self._connection_pools:
            made = SharedConnections(
                kwargs=self.get_connection_params() | {"autocommit": True},
                open=False,
                configure=self._configure_connection,
                is_checked=self.settings_dict["CONN_HEALTH_CHECKS"],
                **options,
            )
            # Of two threads that make one at the same time the first wins; neither is open yet.
            self._connection_pools.setdefault(self.alias, made)
        return self._connection_pools[self.alias]
