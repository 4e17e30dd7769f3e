"""The person's own record: plain lines by day, filters as addresses, export of what is shown.

What everybody's record has in common with it stands in ``history_parts``.
"""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.history import Filters, History
from accounts.history_year import year_of
from portal.pages.history_filters import WHAT_TITLES, own_chips, read_own
from portal.pages.history_parts import exported, lines_and_plots
from portal.pages.visitor import signed_in_user

_HIDDEN = ("environment", "action", "outcome")
"""Filters that have no field of their own: addresses set them, a form keeps them."""


@require_safe
def history(request: HttpRequest) -> HttpResponse:
    """Show the person's own acts, as many as fit, with a way to older ones."""
    own = History.of(signed_in_user(request), read_own(request.GET))
    filters = own.filters
    year = year_of(own, timezone.localdate())
    context = {
        "here": "history",
        "filters": filters,
        "words": " ".join(filters.words),
        "accounts": _to_choose(year.accounts, filters.account),
        "what": WHAT_TITLES,
        "hidden": {name: value for name in _HIDDEN if (value := getattr(filters, name))},
        "chips": own_chips(filters),
        "is_filtered": filters != Filters(),
        **lines_and_plots(request, own, year, is_own=True),
    }
    return render(request, "portal/history.html", context)


def _to_choose(accounts: list[tuple[str, str]], chosen: str) -> list[tuple[str, str]]:
    """Return the accounts of the year, and one that is filtered by whatever it is."""
    is_known = not chosen or any(account == chosen for account, _ in accounts)
    return accounts if is_known else [*accounts, (chosen, chosen)]


@require_safe
def export(request: HttpRequest, form: str) -> StreamingHttpResponse:
    """Download exactly the acts that the filters leave, all of them, as CSV or JSON."""
    own = History.of(signed_in_user(request), read_own(request.GET))
    return exported(own, form, "history")
