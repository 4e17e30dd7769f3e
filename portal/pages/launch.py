"""The launch: at once, after a question, or never; and the page with a launch's options."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Action
from accounts.record import LONGEST_REASON
from portal import launch_link
from portal.launch import Launch, Wish, objection, open_console, prepare_console, preview
from portal.launch_rule import UNKNOWN_ARRIVAL, Arrival, Verdict, judge
from portal.pages.errors import errors_concern, may_be_tried_again
from portal.pages.launch_facts import (
    LaunchFacts,
    bookmark_query,
    goes_somewhere_familiar,
    wish_query,
)
from portal.pages.launch_options import options_page
from portal.pages.opening import go_on_to_launch
from portal.pages.visitor import visitor
from portal.pages.visitor import wish as read_wish
from portal.signin import arrivals


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def launch(request: HttpRequest, account: str, role: str) -> HttpResponse:
    """Open a console, or ask first, as the launch rule has it.

    Open to nobody who is not signed in: how they arrived is kept while they sign in.
    """
    arrival = Arrival.of(request.method or "", request.headers)
    if not arrival.is_visit:
        return HttpResponse(status=204)
    if not request.user.is_authenticated:
        return _sign_in_first(request, arrival, account, role)
    if request.method == "POST":
        return _answered(request, read_wish(account, role, request.POST))
    kept = arrivals.take(request, _address_as_read(request))
    seen = (arrival,) if kept is None else (arrival, kept)
    return _judged(request, read_wish(account, role, request.GET), seen)


@require_safe
def options(request: HttpRequest, account: str, role: str) -> HttpResponse:
    """Show what can be chosen for a session, filled in from the query where we wrote it."""
    is_ours = Arrival.of(request.method or "", request.headers).site in {"", "same-origin"}
    return options_page(request, read_wish(account, role, request.GET if is_ours else {}))


def _judged(request: HttpRequest, wish: Wish, seen: tuple[Arrival, ...]) -> HttpResponse:
    prepared = prepare_console(visitor(request), wish)
    errors_concern(request, prepared.role)
    verdict = judge(
        seen,
        place_is_familiar=goes_somewhere_familiar(prepared, wish),
        is_confirmed=launch_link.is_confirmed(request),
        reason_is_missing=prepared.reason_is_missing,
    )
    if verdict is Verdict.AT_ONCE:
        may_be_tried_again(request)
        return _enter(prepared)
    return _question(request, prepared, wish, seen)


def _enter(prepared: Launch) -> HttpResponse:
    """Send the browser to AWS; the address it is sent to is a secret for a quarter of an hour."""
    response = HttpResponseRedirect(open_console(prepared).url)
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


def _address_as_read(request: HttpRequest) -> str:
    return launch_link.as_read(request.path, request.META.get("QUERY_STRING", ""))


# --- signed out ------------------------------------------------------------------------------


def _sign_in_first(request: HttpRequest, arrival: Arrival, account: str, role: str) -> HttpResponse:
    address = launch_link.address_without_confirm(request)
    if request.method == "POST":
        # Their session ended while a form was open: what they typed goes into the address.
        wish = read_wish(account, role, request.POST)
        address, arrival = _address_of(wish), UNKNOWN_ARRIVAL
    arrivals.keep(request, launch_link.as_written(address), arrival)
    return HttpResponseRedirect(f"{reverse('sign-in')}?{urlencode({'next': address})}")


def _address_of(wish: Wish) -> str:
    return launch_link.launch_path(
        wish.account,
        wish.role,
        to=wish.to,
        region=wish.region,
        seconds=wish.seconds,
        reason=wish.reason,
    )


# --- the question ----------------------------------------------------------------------------


def _question(
    request: HttpRequest, prepared: Launch, wish: Wish, seen: tuple[Arrival, ...]
) -> HttpResponse:
    others = [arrival for arrival in seen if arrival.is_sent_by_others]
    address = launch_link.address_without_confirm(request)
    facts = LaunchFacts.of(prepared, wish)
    context = {
        "facts": facts,
        "wish": wish,
        "wish_query": wish_query(wish),
        "bookmark_query": bookmark_query(facts, wish),
        "longest_reason": LONGEST_REASON,
        "is_sent_by_others": bool(others),
        "sender": next((arrival.sender for arrival in others if arrival.sender), ""),
        "nobody_saw": UNKNOWN_ARRIVAL in seen,
        "is_unfamiliar": not goes_somewhere_familiar(prepared, wish),
        "reason_is_missing": prepared.reason_is_missing,
        "confirmed": launch_link.confirmed(request, address),
    }
    return render(request, "portal/question.html", context)


def _answered(request: HttpRequest, wish: Wish) -> HttpResponse:
    """Take a form's values: go on to the launch, or show the form again and what is wrong."""
    theirs = Wish(wish.account, wish.role, reason=wish.reason)
    is_incomplete = preview(visitor(request), theirs, Action.LAUNCH).reason_is_missing
    if is_incomplete or objection(visitor(request), wish, Action.LAUNCH):
        return options_page(request, wish, is_sent=True)
    return go_on_to_launch(request, launch_link.confirmed(request, _address_of(wish)))
