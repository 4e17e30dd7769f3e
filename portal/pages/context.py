"""What every page's frame needs; no query of its own."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.utils import timezone

from portal import log_lines
from portal.preferences import theme_of, zone_words


def portal(request: HttpRequest) -> dict[str, Any]:
    """Give pages the icon sprite's address, this request's reference number, theme and zone."""
    return {
        "icons": static("icons.svg"),
        "reference": log_lines.request_id.get(),
        "theme": theme_of(request),
        "zone": zone_words(timezone.now()),
    }
