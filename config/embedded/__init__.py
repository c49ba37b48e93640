"""The embedded PostgreSQL: from a wheel, in the data folder, reachable through a Unix socket only.

    python -m config.embedded start|stop|status|run FOLDER

The wheel's own Python is not used: as root it opens every folder above its data to all users, it keeps one lock
file for all users of the machine, and it stops the server when the last process that asked for it exits.
"""

from config.embedded.errors import EmbeddedPostgresError
from config.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]
