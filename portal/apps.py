"""The portal as a Django app."""

from django.apps import AppConfig
from django.core.checks import Tags, register

from portal import checks


class PortalConfig(AppConfig):
    """How a person gets in: sign-in, pages, the broker."""

    name = "portal"
    verbose_name = "Portal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let ``manage.py check`` know what must not be."""
        register(checks.requests_are_not_atomic)
        register(checks.database_objects_are_there, Tags.database)
        register(checks.database_is_verified, checks.SETTINGS)
        register(checks.directory_is_set_safely, checks.SETTINGS)
        register(checks.settings_are_known, checks.SETTINGS)
