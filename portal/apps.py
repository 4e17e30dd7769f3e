"""The portal as a Django app."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """How a person gets in: sign-in, pages, the broker."""

    name = "portal"
    verbose_name = "Portal"
    default_auto_field = "django.db.models.BigAutoField"
