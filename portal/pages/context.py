"""What every page's frame needs; no query of its own."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static

from portal import log_lines


def portal(request: HttpRequest) -> dict[str, Any]:
    """Give pages the icon sprite's address and the reference number of this request."""
    return {"icons": static("icons.svg"), "reference": log_lines.request_id.get()}
