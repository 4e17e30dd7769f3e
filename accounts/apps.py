"""The domain as a Django app."""

from django.apps import AppConfig
from django.core.signals import request_started
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate, pre_migrate

from accounts import administrators
from accounts.database import file as database_file
from accounts.database import objects as database_objects


class AccountsConfig(AppConfig):
    """Which AWS accounts exist, who may enter them, and the record of who did."""

    name = "accounts"
    verbose_name = "AWS accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Keep what tables alone cannot hold in step with every migration."""
        pre_migrate.connect(database_objects.make_way, sender=self)
        post_migrate.connect(database_objects.install, sender=self)
        post_migrate.connect(administrators.install_after_auth)
        # It knows the models, which are not there before the apps are ready.
        from accounts import tally  # noqa: PLC0415

        post_migrate.connect(tally.catch_up_after_migration, sender=self)
        connection_created.connect(database_file.remember)
        request_started.connect(database_file.reopen_if_replaced)
