"""Who may enter a role and what a person may enter, as parts of their pages; the page as they see
it."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts.administration import who
from accounts.models import Role, User
from portal.pages import home

_SEES_GRANTS = "accounts.view_grant"
# The page as they see it tells what they opened lately, too.
_SEES_AS_THEY_DO = (_SEES_GRANTS, "accounts.view_entry")


def who_context(request: HttpRequest, role: Role) -> dict[str, Any] | None:
    """Return what ``admin/accounts/role/who.html`` shows of a role: its grants, its people.

    None for whom grants are not to see.
    """
    if not request.user.has_perm(_SEES_GRANTS):
        return None
    now = timezone.now()
    page = who.who_may_enter(role, now, _number(request))
    count, grants = who.grants_of_role(role, now)
    key = f"{role.account.key}/{role.name}"
    return {
        "now": now,
        "page": page,
        "grants": grants,
        "grants_count": count,
        "list": f"{reverse('admin:accounts_grant_changelist')}?{urlencode({'role': role.pk})}",
        "let_in": f"{reverse('admin:accounts_grant_add')}?{urlencode({'role': key})}",
        "may_add": request.user.has_perm("accounts.add_grant"),
        "may_change": request.user.has_perm("accounts.change_grant"),
    }


def may_enter(request: HttpRequest, user: User) -> dict[str, Any] | None:
    """Return what ``admin/accounts/user/may_enter.html`` shows of a person: their roles.

    None for whom grants are not to see.
    """
    if not request.user.has_perm(_SEES_GRANTS):
        return None
    now = timezone.now()
    add = reverse("admin:accounts_grant_add")
    return {
        "now": now,
        "user": user,
        "page": who.what_may_enter(user, now, _number(request)),
        "as_they_do": _as_they_do(request, user),
        "let_in": f"{add}?{urlencode({'user': user.username})}",
        "may_add": request.user.has_perm("accounts.add_grant"),
        "may_change": request.user.has_perm("accounts.change_grant"),
    }


def person_urls(admin: ModelAdmin) -> list[URLPattern]:
    """Return the address of the home page as one person sees it."""

    @require_safe
    def as_they_do(request: HttpRequest, key: int) -> HttpResponse:
        may_look = admin.has_view_permission(request) and request.user.has_perms(_SEES_AS_THEY_DO)
        if not may_look:
            raise PermissionDenied
        user = User.objects.filter(pk=key).first()
        if user is None:
            raise Http404
        context = {
            **admin.admin_site.each_context(request),
            "opts": admin.opts,
            "title": user.get_full_name(),
            "person": user,
            **home.contents(request, user, is_for_another=True),
        }
        return render(request, "admin/accounts/user/as.html", context)

    view = admin.admin_site.admin_view(as_they_do)
    return [path("<int:key>/as/", view, name="accounts_user_as")]


def _as_they_do(request: HttpRequest, user: User) -> str:
    if not request.user.has_perms(_SEES_AS_THEY_DO):
        return ""
    return reverse("admin:accounts_user_as", args=[user.pk])


def _number(request: HttpRequest) -> int:
    text = request.GET.get("p", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1
