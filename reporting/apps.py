"""Django's configuration of the app."""

from django.apps import AppConfig

from governance.people.engine import AppRights


class ReportingConfig(AppConfig):
    name = "reporting"
    verbose_name = "Reporting"
    rights = AppRights()
