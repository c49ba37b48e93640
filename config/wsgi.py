"""The WSGI application that granian serves."""

import logging
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config.alone import only_from_here
from config.logs import LineFormatter
from config.statements import limit
from governance.memory.engine import collect_cycles_seldom

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Most of the web program's threads wait for one that records their usage: a connection of its own for each would be
# many megabytes of PostgreSQL that nobody uses.
# Where none can be made, who asks is told so soon, and each of them tries anew: `reconnect_timeout` is how long one try
# goes on by itself, longer and longer apart.
CONNECTIONS = {"min_size": 1, "max_size": 6, "timeout": 10, "reconnect_timeout": 1}
settings.DATABASES["default"]["ENGINE"] = "config.postgresql"
settings.DATABASES["default"]["CONN_MAX_AGE"] = 0
settings.DATABASES["default"]["OPTIONS"]["pool"] = CONNECTIONS
limit("web")
application = only_from_here(get_wsgi_application())
# Granian writes of what fails while an answer is sent.
for handler in logging.getLogger("_granian").handlers:
    handler.setFormatter(LineFormatter())

collect_cycles_seldom()
