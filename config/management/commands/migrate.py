"""The command `weir migrate`: Django's own, as the owner of the tables, who then gives the application its rights."""

from typing import Any

from django.core.management.commands import migrate

from config.roles import as_owner, grant_application


class Command(migrate.Command):
    """Django's, with its options."""

    def handle(self, *args: Any, **options: Any) -> None:
        with as_owner():
            super().handle(*args, **options)
        grant_application()
