"""Permission sets: what those who come into the administration may do there."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from django import forms
from django.contrib.admin import display, register
from django.contrib.auth.models import Group as PermissionSet
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.administration.removal import plural_of
from accounts.administrators import BUILT_IN
from accounts.models import Entry, User
from portal.admin.entering import ChosenField
from portal.admin.recorded import RecordedAdmin
from portal.admin.site import site
from portal.pages.visitor import signed_in_user
from portal.signin.ending import end_sessions

_ORDER = ("content_type__model", "codename")
_PEOPLE_TOLD = 200
_VERBS: Mapping[str, Any] = {
    "view": _("see"),
    "add": _("make"),
    "change": _("change"),
    "delete": _("delete"),
}


def _things(right: Permission) -> str:
    model = right.content_type.model_class()
    if model is Entry:
        return gettext("Record")
    return plural_of(model) if model else right.content_type.model


def _verb(right: Permission) -> str:
    return str(_VERBS.get(right.codename.split("_")[0], right.name))


def _place(right: Permission) -> int:
    verbs = list(_VERBS)
    verb = right.codename.split("_")[0]
    return verbs.index(verb) if verb in verbs else len(verbs)


def _in_words(rights: Iterable[Permission]) -> SafeString:
    """Return a line for each kind of thing, with what may be done to it."""
    lines = (
        (capfirst(things), ", ".join(map(_verb, sorted(those, key=_place))))
        for things, those in groupby(rights, _things)
    )
    return format_html_join("", "<li>{}: {}</li>", lines)


class PermissionSetForm(forms.ModelForm):
    """A set's name and what it allows."""

    class Meta:
        model = PermissionSet
        fields = ("name", "permissions")


@register(PermissionSet, site=site)
class PermissionSetAdmin(RecordedAdmin):
    """Sets of permissions. Superusers alone see and keep them; the built-in ones stay as laid."""

    kind = "permission set"
    form = PermissionSetForm
    identity_fields = ("name",)
    search_fields = ("name",)
    search_help_text = _("Name")
    list_display = ("name",)
    ordering = ("name",)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Show what it allows in words where it is only read."""
        return ("name", "permissions" if self.has_change_permission(request, obj) else "allowed")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Have the words, too."""
        return (*super().get_readonly_fields(request, obj), "allowed")

    @display(description=_("allows"))
    def allowed(self, permission_set: PermissionSet) -> SafeString:
        """Show what may be done to which things."""
        rights = permission_set.permissions.select_related("content_type").order_by(*_ORDER)
        return format_html("<ul>{}</ul>", _in_words(rights))

    def facts(self, thing: Model) -> Mapping[str, Any]:
        """Tell what it allows."""
        rights = thing.permissions.order_by("codename")  # type: ignore[attr-defined]
        return {"name": str(thing), "permissions": [right.codename for right in rights]}

    def last_facts(self, thing: Model) -> Mapping[str, Any]:
        """Tell who had a set that goes."""
        rows = User.objects.filter(groups=thing.pk).order_by("username")
        names = list(rows.values_list("username", flat=True)[:_PEOPLE_TOLD])
        return {**super().last_facts(thing), "people": names, "number_of_people": rows.count()}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Whoever has other rights by it signs in anew for them."""
        super().save_model(request, obj, form, change)
        if change and "permissions" in form.changed_data:
            others = obj.user_set.exclude(pk=request.user.pk)
            end_sessions(others.values_list("pk", flat=True))

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer what concerns the portal: people and the record are only ever seen by it."""
        rights = Permission.objects.filter(content_type__app_label="accounts")
        seen = ("entry", "recordhead", "user", "grantedrole")
        offered = rights.exclude(content_type__model__in=seen) | rights.filter(
            codename__in=("view_entry", "view_user")
        )
        kwargs["queryset"] = offered.select_related("content_type").order_by(*_ORDER)
        kwargs |= {"widget": forms.CheckboxSelectMultiple, "form_class": ChosenField}
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        field.help_text = ""
        field.label_from_instance = lambda right: f"{capfirst(_things(right))}: {_verb(right)}"
        return field

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Let superusers see them."""
        return signed_in_user(request).is_superuser

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let superusers see them."""
        return signed_in_user(request).is_superuser

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let superusers make them."""
        return signed_in_user(request).is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let superusers change all but the built-in ones."""
        return signed_in_user(request).is_superuser and str(obj) not in BUILT_IN

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let superusers delete all but the built-in ones."""
        return signed_in_user(request).is_superuser and str(obj) not in BUILT_IN
