"""How a person wants to see the portal: in which language, in whose time, in which colours."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings

from accounts.errors import gettext_noop
from accounts.models import Theme, User

_NO_PLACES = frozenset({"Factory", "localtime"})
"""Names in the tables that say nothing about a place."""


@dataclass(frozen=True)
class Preferences:
    """``language`` empty: as the browser asks. ``time_zone`` empty: UTC."""

    language: str = ""
    time_zone: str = ""
    theme: str = Theme.AUTO

    @classmethod
    def of(cls, user: User) -> "Preferences":
        """Return what a person has chosen."""
        return cls(user.language, user.time_zone, user.theme)

    def problems(self) -> Mapping[str, str]:
        """Return for each field that cannot be why not, as a message id."""
        checks = {
            "language": (
                self.language in {"", *dict(settings.LANGUAGES)},
                gettext_noop("Choose one of the languages."),
            ),
            "time_zone": (
                not self.time_zone or self.time_zone in time_zones(),
                gettext_noop("There is no such time zone. Choose one of the list."),
            ),
            "theme": (self.theme in Theme.values, gettext_noop("Choose one of the themes.")),
        }
        return {name: words for name, (is_right, words) in checks.items() if not is_right}


def keep(user: User, wanted: Preferences) -> None:
    """Keep what a person has chosen; it has no ``problems``."""
    user.language, user.time_zone, user.theme = wanted.language, wanted.time_zone, wanted.theme
    user.save(update_fields=("language", "time_zone", "theme"))


@functools.cache
def time_zones() -> frozenset[str]:
    """Return the names of all time zones that this machine knows."""
    return frozenset(available_timezones() - _NO_PLACES)


def zone_of(user: User) -> ZoneInfo | None:
    """Return the person's time zone; None where they chose none, or the machine lost its table."""
    name = user.time_zone
    return ZoneInfo(name) if name and name in time_zones() else None
