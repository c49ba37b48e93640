"""Django's PostgreSQL, with connections that the threads of a web process share."""
