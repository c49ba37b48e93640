"""Django's configuration of the app."""

from django.apps import AppConfig, apps
from django.db.models.signals import pre_migrate

from config.celery import app as celery_app

__all__ = ["ConfigConfig", "celery_app"]


class ConfigConfig(AppConfig):
    name = "config"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from config import statements  # noqa: PLC0415  # settings are loaded by now
        from config.backwards import refuse_to_empty  # noqa: PLC0415  # models are loaded by now

        pre_migrate.connect(refuse_to_empty, sender=apps.get_app_config("governance"), dispatch_uid="backwards")
        if statements.own_program:
            statements.limit(statements.own_program)
