"""The pages on which grants are ended, given another end, or deleted: one or many at once."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from accounts.administration import grant_steps
from accounts.administration.changing import changing
from accounts.administration.grant_plan import MOST_AT_ONCE
from accounts.administration.grant_steps import Step, StepPlan
from accounts.errors import NotAllowed
from portal.admin.grants.effects import Shown
from portal.admin.grants.forms import EndForm
from portal.admin.grants.pages import MOST_NAMED, Moved, frame, is_key, list_address
from portal.admin.grants.words import grant_words
from portal.admin.site import administrator, refuse
from portal.pages.visitor import signed_in_user
from portal.pages.wording import sentences

_PERMISSIONS = {Step.END: "change", Step.OTHER_END: "change", Step.DELETE: "delete"}


def step_view(admin: ModelAdmin, which: Step) -> Callable[[HttpRequest], HttpResponse]:
    """Return the page of one step."""

    def view(request: HttpRequest) -> HttpResponse:
        return step(request, admin, which)

    return view


def step(request: HttpRequest, admin: ModelAdmin, which: Step) -> HttpResponse:
    """Say what ending, deleting or another end of grants would mean, then do it."""
    if not _may_take(request, admin, which):
        raise PermissionDenied
    keys = _keys(request)
    now = timezone.now()
    form = EndForm(_end_of(request), now=now) if which is Step.OTHER_END else None
    is_asked = form is None or form.is_bound
    expires = None
    if form is not None and form.is_bound:
        is_asked = form.is_valid()
        expires = form.cleaned_data.get("expires")
    plan = grant_steps.plan_step(which, keys, now, expires=expires)
    if form is not None and is_asked:
        is_asked = _may_have(request, form, plan)
    if request.method != "POST" or not is_asked:
        return _step_page(request, admin, plan, form, is_asked=is_asked)
    try:
        done = _take(request, which, keys, expires)
    except Moved as moved:
        return _step_page(request, admin, moved.now_shown, form, is_asked=True, has_moved=True)
    messages.success(request, _done(which, done))
    return HttpResponseRedirect(list_address())


def _may_take(request: HttpRequest, admin: ModelAdmin, which: Step) -> bool:
    if _PERMISSIONS[which] == "delete":
        return admin.has_delete_permission(request)
    return admin.has_change_permission(request)


def _keys(request: HttpRequest) -> list[int]:
    sent = request.POST if request.method == "POST" else request.GET
    # As one field they fit into a form and into an address, however many may be chosen.
    texts = ",".join(sent.getlist("grant")).split(",")
    keys = [int(key) for key in texts if is_key(key)]
    if not keys:
        raise Http404
    return keys[:MOST_AT_ONCE]


def _end_of(request: HttpRequest) -> Any:
    sent = request.POST if request.method == "POST" else request.GET
    return sent if "end" in sent else None


def _may_have(request: HttpRequest, form: EndForm, plan: StepPlan) -> bool:
    try:
        grant_steps.require_may_have(signed_in_user(request), plan.grants, plan.expires)
    except NotAllowed as error:
        if request.method == "POST":
            refuse(request, error)
        form.add_error("end", sentences(error))
        return False
    return True


def _take(
    request: HttpRequest, which: Step, keys: Sequence[int], expires: datetime | None
) -> StepPlan:
    with changing(administrator(request)) as changes:
        plan = grant_steps.plan_step(which, keys, timezone.now(), expires=expires)
        if plan.stamp != request.POST.get("stamp"):
            raise Moved(plan)
        grant_steps.take_step(plan, changes)
    return plan


def _step_page(
    request: HttpRequest,
    admin: ModelAdmin,
    plan: StepPlan,
    form: EndForm | None,
    *,
    is_asked: bool,
    has_moved: bool = False,
) -> HttpResponse:
    titles = {
        Step.END: gettext("End grants now"),
        Step.OTHER_END: gettext("Give grants another end"),
        Step.DELETE: gettext("Delete grants"),
    }
    context = {
        **frame(request, admin, titles[plan.step]),
        "plan": plan,
        "step": plan.step.value,
        "form": form,
        "is_asked": is_asked,
        "has_moved": has_moved,
        "named": [(grant_words(grant), grant) for grant in plan.grants[:MOST_NAMED]],
        "more": max(0, len(plan.grants) - MOST_NAMED),
        "keys": ",".join(map(str, _keys(request))),
        "shown": Shown(plan.difference) if is_asked else None,
        "list": list_address(),
    }
    return render(request, "admin/accounts/grant/step.html", context)


def _done(which: Step, plan: StepPlan) -> str:
    count = len(plan.grants)
    texts = {
        Step.END: ngettext("One grant ended.", "%(count)d grants ended.", count),
        Step.OTHER_END: ngettext("One grant has another end.", "%(count)d grants have another end.",
                              count),
        Step.DELETE: ngettext("One grant deleted.", "%(count)d grants deleted.", count),
    }  # fmt: skip
    return texts[which] % {"count": count}
