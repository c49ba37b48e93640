"""Names inside the embedded PostgreSQL, and the same database for what reaches it past Django."""

from collections.abc import Mapping
from typing import Any

from psycopg.conninfo import make_conninfo

DATABASE = "weir"
# Who made the cluster, and owns and migrates the tables.
OWNER = "weir"
# As whom everything else connects.
APPLICATION = "weir_app"


def conninfo(main: Mapping[str, Any], application: str, session: str) -> str:
    """The database of Django's settings `main`; `session` are settings of its sessions."""
    options = main["OPTIONS"] | {"application_name": application}
    options["options"] = f"{options.get('options', '')} {session}".strip()
    named = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    return make_conninfo("", **options, **{word: main[name] or None for word, name in named.items()})
