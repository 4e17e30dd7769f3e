"""The page of one grant: its end and note are changed there, saying first what that means."""

from datetime import datetime

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext

from accounts.administration import grant_steps
from accounts.administration.changing import changing
from accounts.administration.grant_plan import stamp
from accounts.errors import NotAllowed
from accounts.models import Grant
from portal.admin.grants.effects import Shown
from portal.admin.grants.forms import ChangeForm
from portal.admin.grants.pages import Moved, frame, is_key, list_address
from portal.admin.grants.words import grant_words
from portal.admin.recorded import RecordedAdmin, require_known_fields
from portal.admin.site import administrator, refuse
from portal.pages.visitor import signed_in_user
from portal.pages.wording import sentences


def change(request: HttpRequest, admin: RecordedAdmin, key: str) -> HttpResponse:
    """Show a grant; let its end and note be changed, saying first what that means."""
    grant = _grant(key)
    if not admin.has_view_or_change_permission(request, grant):
        raise PermissionDenied
    now = timezone.now()
    may_change = admin.has_change_permission(request, grant)
    if request.method != "POST":
        return _grant_page(request, admin, grant, ChangeForm.of(grant, None, now), may_change)
    if not may_change:
        raise PermissionDenied
    require_known_fields(request, (*ChangeForm.base_fields, "back"))
    form = ChangeForm.of(grant, request.POST, now)
    if not _will_do(request, form, grant) or "back" in request.POST:
        return _grant_page(request, admin, grant, form, may_change)
    looked_at = _change_stamp(grant, form, now)
    if form.cleaned_data["expires"] != grant.expires and request.POST.get("stamp") != looked_at:
        has_moved = "stamp" in request.POST
        return _change_preview_page(request, admin, grant, form, has_moved=has_moved)
    try:
        _save_change(request, admin, form, key, looked_at)
    except Moved as moved:
        return _moved_page(request, admin, moved.now_shown, form)
    messages.success(request, gettext("Saved."))
    return HttpResponseRedirect(list_address())


def _save_change(
    request: HttpRequest, admin: RecordedAdmin, form: ChangeForm, key: str, looked_at: str
) -> None:
    """Save what was judged, unless the grant is another one since, or not theirs to change."""
    with changing(administrator(request)) as changes:
        grant = _grant(key, is_to_change=True)
        if not admin.has_change_permission(request, grant):
            raise PermissionDenied
        if _change_stamp(grant, form, form.now) != looked_at:
            raise Moved(grant)
        values = {name: form.cleaned_data[name] for name in ("expires", "note")}
        grant_steps.change_one(grant, changes, **values)


def _change_stamp(grant: Grant, form: ChangeForm, now: datetime) -> str:
    expires = form.cleaned_data["expires"]
    seen = (grant.pk, grant.starts, grant.expires, grant.note, expires)
    return stamp(seen, grant_steps.preview_one(grant, expires, now))


def _moved_page(
    request: HttpRequest, admin: RecordedAdmin, grant: Grant, form: ChangeForm
) -> HttpResponse:
    """Show what the form means for a grant as it is by now."""
    if form.cleaned_data["expires"] != grant.expires:
        return _change_preview_page(request, admin, grant, form, has_moved=True)
    return _grant_page(request, admin, grant, form, may_change=True, has_moved=True)


def _change_preview_page(
    request: HttpRequest, admin: RecordedAdmin, grant: Grant, form: ChangeForm, *, has_moved: bool
) -> HttpResponse:
    expires = form.cleaned_data["expires"]
    page = {
        **frame(request, admin, grant_words(grant)),
        "form": form,
        "shown": Shown(grant_steps.preview_one(grant, expires, form.now)),
        "stamp": _change_stamp(grant, form, form.now),
        "grant": grant,
        "expires": expires,
        "has_moved": has_moved,
    }
    return render(request, "admin/accounts/grant/change_preview.html", page)


def _will_do(request: HttpRequest, form: ChangeForm, grant: Grant) -> bool:
    """Whether the form is right and its end theirs to give, whatever else is wrong with it."""
    if not form.is_valid() and "expires" not in form.cleaned_data:
        return False
    try:
        grant_steps.require_may_have(signed_in_user(request), [grant], form.cleaned_data["expires"])
    except NotAllowed as error:
        refuse(request, error)
        form.add_error("end", sentences(error))
    return not form.errors


def _grant_page(
    request: HttpRequest,
    admin: RecordedAdmin,
    grant: Grant,
    form: ChangeForm,
    may_change: bool,
    *,
    has_moved: bool = False,
) -> HttpResponse:
    now = timezone.now()
    context = {
        **frame(request, admin, grant_words(grant)),
        "grant": grant,
        "form": form,
        "may_change": may_change,
        "has_moved": has_moved,
        "may_delete": admin.has_delete_permission(request, grant),
        "may_end": may_change and not grant.is_over(now),
        "has_begun": grant.has_begun(now),
        "changes_url": _changes_url(request, admin, grant),
        "errors": form.errors,
    }
    return render(request, "admin/accounts/grant/change.html", context)


def _changes_url(request: HttpRequest, admin: RecordedAdmin, grant: Grant) -> str:
    return admin.changes_url(grant) if request.user.has_perm("accounts.view_entry") else ""


def _grant(key: str, *, is_to_change: bool = False) -> Grant:
    """Return a grant; one that is to be changed stays as it is until the transaction ends."""
    rows = Grant.objects.select_related("user", "group", "account")
    if is_to_change:
        rows = rows.select_for_update(of=("self",))
    grant = rows.filter(pk=key).first() if is_key(key) else None
    if grant is None:
        raise Http404
    return grant
