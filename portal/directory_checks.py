"""What ``manage.py check`` says of a directory that works but should not stay as it is."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks

from portal.directory_settings import warnings


def directory_is_set_safely(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[checks.CheckMessage]:
    """Warn of passwords that travel in the clear, and of settings that nothing reads."""
    return [
        checks.Warning(line, hint="See docs/directory.md.", id="portal.W002")
        for line in warnings(settings.DIRECTORY)
    ]
