"""The page on which grants are made: the form, what would come of it, then it is done."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from accounts.administration import grant_plan, granting
from accounts.administration.changing import changing
from accounts.administration.ends import End
from accounts.administration.grant_plan import Planned, Preview, State
from accounts.administration.lifting import require_not_own
from accounts.errors import NotAllowed
from portal.admin.autocomplete import offer_names
from portal.admin.grants.effects import Shown
from portal.admin.grants.forms import GrantForm
from portal.admin.grants.pages import MOST_NAMED, Moved, frame, list_address
from portal.admin.grants.words import account_titles, planned_words
from portal.admin.recorded import require_known_fields
from portal.admin.site import administrator, refuse
from portal.pages.visitor import signed_in_user
from portal.pages.wording import sentences

_BUTTONS = ("save", "back")


def add(request: HttpRequest, admin: ModelAdmin) -> HttpResponse:
    """Show the form, then what would come of it, then do it."""
    if not admin.has_add_permission(request):
        raise PermissionDenied
    now = timezone.now()
    if request.method != "POST":
        return _form_page(request, admin, GrantForm(now=now, initial=_asked_for(request)))
    require_known_fields(request, (*GrantForm.base_fields, *_BUTTONS))
    form = GrantForm(request.POST, now=now)
    preview = _looked_at(request, form, now)
    if preview is None or "back" in request.POST:
        return _form_page(request, admin, form)
    if "save" not in request.POST:
        return _preview_page(request, admin, form, preview)
    try:
        _save(request, form, request.POST.get("stamp", ""), now)
    except Moved as moved:
        return _preview_page(request, admin, form, moved.now_shown, has_moved=True)
    messages.success(request, _made(preview))
    return HttpResponseRedirect(list_address())


def _asked_for(request: HttpRequest) -> dict[str, Any]:
    named = {"roles": "role", "people": "user", "groups": "group"}
    typed = {name: "\n".join(request.GET.getlist(key)) for name, key in named.items()}
    end = request.GET.get("end", "")
    return {**typed, "end": end if end in End.values else End.DAYS_90}


def _looked_at(request: HttpRequest, form: GrantForm, now: datetime) -> Preview | None:
    """Return what would come of the form; None where it says at its fields what will not do."""
    preview = grant_plan.preview(form.wish, now) if form.is_valid() else None
    _refuse_own(request, form)
    if preview is None:
        return None
    _refuse_files(form, preview)
    if (
        not form.errors
        and preview.plan.of(State.OTHERWISE)
        and not form.cleaned_data["also_change"]
    ):
        form.add_error("also_change", _already_there(preview))
    if not form.errors and not preview.plan.does_something:
        form.add_error("roles", gettext("All of this is granted already, until the same end."))
    return None if form.errors else preview


def _refuse_own(request: HttpRequest, form: GrantForm) -> None:
    """Say at its field what nobody grants to themselves, whatever else is wrong with the form."""
    people, groups = (form.cleaned_data.get(name, ()) for name in ("people", "groups"))
    try:
        require_not_own(signed_in_user(request), grant_plan.named(people, groups))
    except NotAllowed as error:
        refuse(request, error)
        is_groups = error.code == "UnknownMembers" or not people
        form.add_error("groups" if groups and is_groups else "people", sentences(error))


def _refuse_files(form: GrantForm, preview: Preview) -> None:
    for planned in preview.plan.of(State.FILE_HOLDS_IT_OTHERWISE)[:MOST_NAMED]:
        text = gettext("%(grant)s: the access file has this grant, with another end or note.")
        form.add_error("roles", text % {"grant": planned_words(planned)})


def _already_there(preview: Preview) -> str:
    others = preview.plan.of(State.OTHERWISE)
    text = ngettext(
        "One of these is there already, with another end or note: %(names)s.",
        "%(count)d of these are there already, with another end or note: %(names)s.",
        len(others),
    )
    names = [planned_words(planned) for planned in others[:MOST_NAMED]]
    more = ["…"] if len(others) > MOST_NAMED else []
    return text % {"count": len(others), "names": "; ".join(names + more)}


def _save(request: HttpRequest, form: GrantForm, stamp: str, now: datetime) -> None:
    with changing(administrator(request)) as changes:
        preview = grant_plan.preview(form.wish, now)
        if preview.stamp != stamp:
            raise Moved(preview)
        granting.save(preview.plan, changes)


def _made(preview: Preview) -> str:
    new, changed = preview.plan.of(State.NEW), preview.plan.of(State.OTHERWISE)
    made = ngettext("One grant made.", "%(count)d grants made.", len(new)) % {"count": len(new)}
    other = ngettext("One given another end or note.", "%(count)d given another end or note.",
                     len(changed)) % {"count": len(changed)}  # fmt: skip
    return " ".join(text for text, grants in ((made, new), (other, changed)) if grants)


def _form_page(request: HttpRequest, admin: ModelAdmin, form: GrantForm) -> HttpResponse:
    offer_names(form, to=signed_in_user(request))
    context = {**frame(request, admin, gettext("New grant")), "form": form}
    context["asks_also_change"] = "also_change" in form.errors or form["also_change"].data
    return render(request, "admin/accounts/grant/form.html", context)


def _preview_page(
    request: HttpRequest,
    admin: ModelAdmin,
    form: GrantForm,
    preview: Preview,
    *,
    has_moved: bool = False,
) -> HttpResponse:
    plan = preview.plan
    titles = account_titles(planned.pattern for planned in plan.grants)
    context = {
        **frame(request, admin, gettext("New grant")),
        "form": form,
        "preview": preview,
        "wish": plan.wish,
        "has_moved": has_moved,
        "new": _named(plan.of(State.NEW), titles),
        "changed": _named(plan.of(State.OTHERWISE), titles),
        "unchanged": _named(plan.of(State.THERE, State.FILE_HOLDS_IT), titles),
        "shown": Shown(preview.difference),
    }
    return render(request, "admin/accounts/grant/preview.html", context)


def _named(
    grants: Sequence[Planned], titles: Mapping[str, str]
) -> tuple[list[tuple[str, Planned]], int]:
    """Return the first grants with their names, and how many more there are."""
    shown = [(planned_words(planned, titles), planned) for planned in grants[:MOST_NAMED]]
    return shown, len(grants) - len(shown)
