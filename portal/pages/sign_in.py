"""The door: sign in and sign out."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.errors import PortalError
from accounts.models.user import LONGEST_USERNAME
from portal import log_lines
from portal.pages.errors import log_refusal
from portal.pages.opening import SeeOther, go_on_to_launch
from portal.pages.visitor import caller, signed_in_user
from portal.pages.wording import sentence
from portal.preferences import follow
from portal.signin import arrivals, known_browser
from portal.signin import sign_in as door
from portal.signin.next_step import NextStep


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Show the form and take it; whoever is signed in already is sent on."""
    fields = request.POST if request.method == "POST" else request.GET
    step = NextStep.of(fields.get("next", ""))
    if request.method == "POST":
        return _try(request, step)
    if step.launch:
        arrivals.keep_unknown(request, step.launch)
    if request.user.is_authenticated:
        return HttpResponseRedirect(step.address)
    return _form(request, step, has_left="signed-out" in request.GET)


def _try(request: HttpRequest, step: NextStep) -> HttpResponse:
    username = request.POST.get("username", "")
    answer = door.sign_in(request, caller(request), username, request.POST.get("password", ""))
    if isinstance(answer, PortalError):
        if not isinstance(answer, door.WrongPassword):
            log_refusal(request, answer)
        return _form(request, step, username=username, refusal=answer)
    follow(request, answer)
    if step.launch:
        # Another tab's launch may have been kept since the form was shown.
        arrivals.keep_unknown(request, step.launch)
        response = go_on_to_launch(request, step.address)
    else:
        response = SeeOther(step.address)
    known_browser.remember(request, response, answer)
    return response


def _form(
    request: HttpRequest,
    step: NextStep,
    *,
    username: str = "",
    refusal: PortalError | None = None,
    has_left: bool = False,
) -> HttpResponse:
    is_wrong = isinstance(refusal, door.WrongPassword)
    context = {
        "step": step,
        "username": username[:LONGEST_USERNAME],
        "has_left": has_left,
        "is_wrong": is_wrong,
        "reference": log_lines.request_id.get() if refusal and not is_wrong else "",
        "message": sentence(refusal.message, refusal.params) if refusal else "",
        "what_now": sentence(refusal.next_step, refusal.params) if refusal else "",
    }
    status = refusal.status if refusal else 200
    response = render(request, "portal/sign_in.html", context, status=status)
    if refusal and refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign_out(request: HttpRequest) -> HttpResponse:
    """Ask by GET, end the session by POST."""
    if not request.user.is_authenticated:
        return redirect("sign-in")
    if request.method != "POST":
        return render(request, "portal/sign_out.html")
    door.sign_out(request, caller(request), signed_in_user(request))
    return SeeOther(f"{reverse('sign-in')}?signed-out")
