"""The domain as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class AccountsConfig(AppConfig):
    """Which AWS accounts exist, who may enter them, and the record of who did."""

    name = "accounts"
    verbose_name = "AWS accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Keep what tables alone cannot hold in step with every migration."""
        pre_migrate.connect(database_objects.remove, sender=self)
        post_migrate.connect(database_objects.install, sender=self)


# After the class: the module reads models, which need the app registry's name above.
from accounts import database_objects  # noqa: E402
