"""Accounts, and how the broker itself gets credentials."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import register
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.access_file.state import ACCOUNT_COLUMNS
from accounts.models import DEFAULT_SOURCE, Account, CredentialSource, Role
from accounts.role_rules import complaints_about_source
from portal.admin.catalogue.account_form import AccountForm
from portal.admin.catalogue.filters import EnvironmentFilter, PartitionFilter
from portal.admin.catalogue.marks import (
    ShownInWords,
    environment_label,
    lines,
    state_label,
    yes_or_no,
)
from portal.admin.entering import add_complaints, pairs_text
from portal.admin.recorded import RecordedAdmin
from portal.admin.site import site
from portal.pages.environments import environment

SHOWN_ROLES = 25


@register(Account, site=site)
class AccountAdmin(ShownInWords):
    """AWS accounts."""

    kind = "account"
    told_fields = ACCOUNT_COLUMNS
    identity_fields = ("account_id",)
    is_known_by_place = True
    shown_instead = {"tags": "shown_tags", "disabled": "shown_disabled"}
    form = AccountForm
    change_form_template = "admin/accounts/account/change_form.html"
    search_fields = ("account_id", "alias", "name")
    search_help_text = _("Name, alias or number")
    ordering = ("account_id",)
    list_display = (
        "called",
        "account_id",
        "alias",
        "environment_label",
        "partition",
        "role_count",
        "state",
    )
    list_filter = (EnvironmentFilter, PartitionFilter, "disabled", "from_file")
    fieldsets = (
        (
            _("In AWS"),
            {
                "description": _("Which AWS account this is."),
                "fields": (("account_id", "partition"),),
            },
        ),
        (
            _("What people see"),
            {
                "description": _("What it is called in lists and links, and how it looks."),
                "fields": (("name", "alias"), ("environment", "colour"), "disabled"),
            },
        ),
        (
            _("For grants"),
            {
                "description": _("A grant may be for all accounts that have a tag."),
                "fields": ("tags",),
            },
        ),
    )

    def place(self, thing: Model) -> tuple[str, str]:
        """Return the account's number."""
        return str(thing.pk), ""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        """Count the roles of the accounts that are shown, of no others."""
        roles = Role.objects.filter(account=OuterRef("pk")).order_by().values("account")
        count = Subquery(roles.annotate(number=Count("pk")).values("number"))
        accounts: QuerySet[Account] = super().get_queryset(request)
        return accounts.annotate(role_number=Coalesce(count, 0))

    @admin.display(description=_("account"), ordering="name")
    def called(self, account: Account) -> str:
        """Show what people call it."""
        return account.title

    @admin.display(description=_("environment"))
    def environment_label(self, account: Account) -> SafeString:
        """Show the environment's shape and word."""
        return environment_label(account.environment)

    @admin.display(description=_("roles"))
    def role_count(self, account: Account) -> int:
        """Show how many roles it has."""
        number: int = account.role_number  # type: ignore[attr-defined]
        return number

    @admin.display(description=_("state"))
    def state(self, account: Account) -> SafeString:
        """Show what is special about it."""
        return state_label(account)

    @admin.display(description=_("tags"))
    def shown_tags(self, account: Account) -> SafeString:
        """Show the tags, one a line."""
        return lines(pairs_text(account.tags))

    @admin.display(description=_("switched off"))
    def shown_disabled(self, account: Account) -> str:
        """Show whether nobody may enter."""
        return yes_or_no(account.disabled)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any | None = None,
    ) -> HttpResponse:
        """Show an account with its first roles; the others are in the list of roles."""
        if obj is not None:
            context |= {
                "environment": environment(obj.environment),
                "roles": obj.roles.order_by("name")[:SHOWN_ROLES],
                "roles_number": obj.role_number,
                "may_add_role": request.user.has_perm("accounts.add_role"),
            }
        return super().render_change_form(request, context, add, change, form_url, obj)


class SourceForm(forms.ModelForm):
    """A credential source as an administrator enters it."""

    class Meta:
        model = CredentialSource
        fields = ("name", "profile")
        error_messages = {
            "name": {
                "unique": _(
                    "There is a credential source of that name already: choose another name."
                )
            }
        }

    def clean(self) -> dict[str, Any]:
        """Judge the values by the rules of the access file."""
        cleaned = super().clean() or self.cleaned_data
        name, profile = cleaned.get("name") or "", cleaned.get("profile") or ""
        add_complaints(self, complaints_about_source(name, profile))
        return cleaned


@register(CredentialSource, site=site)
class CredentialSourceAdmin(RecordedAdmin):
    """Credential sources: ``default`` is the broker's own chain and always there."""

    kind = "source"
    told_fields = ("name", "profile")
    identity_fields = ("name",)
    form = SourceForm
    fieldsets = (
        (
            _("Where the broker’s own credentials come from"),
            {
                "fields": ("name", "profile"),
                "description": _(
                    "A named profile of the portal’s AWS configuration file; without one, the "
                    "default chain of the AWS tools."
                ),
            },
        ),
    )
    search_fields = ("name", "profile")
    search_help_text = _("Name or profile")
    list_display = ("name", "profile", "from_file")
    ordering = ("name",)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Keep ``default``."""
        is_default = obj is not None and obj.pk == DEFAULT_SOURCE
        return not is_default and super().has_delete_permission(request, obj)
