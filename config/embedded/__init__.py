"""The embedded PostgreSQL: installed from a wheel, with its data in the data folder, on a Unix socket only.

    python -m config.embedded start|stop|status|run FOLDER

The wheel's own Python code is not used: as root it opens every parent folder of its data to all users, it keeps one
lock file for all users of the machine, and it stops the server when the last process that started it exits.
"""

from config.embedded.errors import EmbeddedPostgresError
from config.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]
