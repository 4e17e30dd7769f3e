"""“Try this role”: asks first on a page of its own, or shows what AWS said and what mends it."""

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from accounts.models import Account, Method, Role
from portal.admin.catalogue.paste import paste_context
from portal.admin.catalogue.role_form import MethodChoice, RoleForm
from portal.admin.entering import length_text, pairs_text
from portal.pages.environments import environment
from portal.pages.visitor import visitor
from portal.pages.wording import sentence
from portal.try_role import LEAST_MAXIMUM_SECONDS, Finding, Trial, look_up, try_role

_TEMPLATE = "admin/accounts/role/try.html"


@require_http_methods(["GET", "HEAD", "POST"])
def view(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what a try would ask, or make it. For whoever may change roles, of the file's too."""
    if not request.user.has_perm("accounts.change_role"):
        raise PermissionDenied
    role = Role.objects.select_related("account", "source").filter(pk=pk).first()
    if role is None:
        raise Http404
    if request.method != "POST":
        look_up(role.source, role.account.partition)
    trial = try_role(visitor(request), role) if request.method == "POST" else None
    return render(request, _TEMPLATE, _context(request, role, trial))


def _context(request: HttpRequest, role: Role, trial: Trial | None) -> dict[str, Any]:
    context: dict[str, Any] = {
        "role": role,
        "opts": Role._meta,  # noqa: SLF001 Django's documented API
        "title": gettext("Try %(role)s in %(account)s")
        % {"role": role.shown_title, "account": role.account.title},
        "environment": environment(role.account.environment),
        "method": MethodChoice.titles[role.method],
        "trial": trial,
        "asks_longest": role.longest_seconds > LEAST_MAXIMUM_SECONDS
        and role.method == Method.ASSUME_ROLE,
        "change_url": reverse("admin:accounts_role_change", args=[role.pk]),
        **paste_context(role, trial.principal if trial else None),
    }
    if trial is None:
        return context
    found = _told(trial.finding, role, context) if trial.finding else {"policies": []}
    return {**context, **found, "calls": [_call(call) for call in trial.calls]}


def _call(call: Any) -> dict[str, Any]:
    return {
        "asked": call.asked,
        "seconds": call.seconds,
        "without": [_without(part) for part in call.without],
        "answer": call.answer,
    }


def _without(part: str) -> str:
    return gettext("source identity") if part == "source_identity" else gettext("session tags")


def _told(finding: Finding, role: Role, context: dict[str, Any]) -> dict[str, Any]:
    """Put a finding in a launch's own sentences, with what to paste or to look at first."""
    error = finding.error
    wanted = finding.remedy.policies
    known = [*context["policies"], *filter(None, [context["maximum"]])]
    to_paste = [policy for policy in known if policy["kind"] in wanted]
    return {
        "message": sentence(error.message, error.params),
        "causes": [sentence(cause, error.params) for cause in finding.proven or finding.causes],
        "policies": sorted(to_paste, key=lambda policy: wanted.index(policy["kind"])),
        "classic_mistake": context["classic_mistake"] if "trust" in wanted else "",
        "keys": [_field(key, role) for key in finding.remedy.keys if key != "account"],
        "move_url": _move_url(role, str(error.params.get("answered", "")))
        if "account" in finding.remedy.keys
        else "",
    }


def _field(key: str, role: Role) -> dict[str, str]:
    """A field of the role's form to look at."""
    label = RoleForm.base_fields[key].label if key in RoleForm.base_fields else key
    url = reverse("admin:accounts_role_change", args=[role.pk])
    return {"label": str(label), "url": f"{url}#id_{key}"}


def _move_url(role: Role, answered: str) -> str:
    """The form of a new role, filled with what this one has, in the account that AWS opened."""
    there = Account.objects.filter(pk=answered).first()
    values = {
        "account": there.account_id if there else "",
        "name": role.name,
        "method": role.method,
        "source": role.source_id,
        "title": role.title,
        "session_seconds": length_text(role.session_seconds),
        "max_session_seconds": length_text(role.longest_seconds),
        "session_tags": pairs_text(role.session_tags),
        "session_policy": role.session_policy,
        "policy_arns": "\n".join(role.policy_arns),
        "destination": role.destination,
        "region": role.region,
    }
    kept = {name: value for name, value in values.items() if value}
    return f"{reverse('admin:accounts_role_add')}?{urlencode(kept)}"
