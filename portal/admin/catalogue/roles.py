"""Roles: what may be entered, how, for how long, and what has to stand in AWS for it."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib import admin
from django.contrib.admin import register
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.access_file.state import ROLE_COLUMNS
from accounts.administration import naming
from accounts.aws_rules.limits import role_arn
from accounts.aws_rules.method_advice import DIFFERENCES
from accounts.aws_rules.policy_text import readable_policy
from accounts.models import Account, Method, Role
from accounts.role_in_aws import method_advice, role_values
from portal.admin.catalogue import try_role
from portal.admin.catalogue.filters import (
    AccountFilter,
    EnvironmentFilter,
    FailingFilter,
    PartitionFilter,
)
from portal.admin.catalogue.marks import (
    ShownInWords,
    environment_label,
    lines,
    state_label,
    yes_or_no,
)
from portal.admin.catalogue.paste import paste_context
from portal.admin.catalogue.role_form import CHECK, MethodChoice, RoleForm
from portal.admin.entering import length_text, pairs_text
from portal.admin.site import site
from portal.admin.who import who_context
from portal.pages.environments import environment
from portal.pages.history_filters import number
from portal.pages.wording import duration_words, sentence
from portal.try_role import known_broker, look_up


@register(Role, site=site)
class RoleAdmin(ShownInWords):
    """Roles."""

    kind = "role"
    told_fields = ("account_id", "name", *ROLE_COLUMNS)
    identity_fields = ("account", "name")
    is_known_by_place = True
    form = RoleForm
    change_form_template = "admin/accounts/role/change_form.html"
    readonly_fields = ("fitting_method",)
    search_fields = ("name", "title", "account__name", "account__alias", "account__account_id")
    search_help_text = _("Name, title, account")
    ordering = ("account_id", "name")
    list_select_related = ("account",)
    list_display = ("name", "account_title", "environment", "method_title", "length", "state")
    list_filter = (
        EnvironmentFilter,
        PartitionFilter,
        "method",
        "disabled",
        "from_file",
        FailingFilter,
        AccountFilter,
    )
    fieldsets = (
        (
            _("In AWS"),
            {
                "description": _("Which IAM role this is, and how the portal gets there."),
                "fields": (
                    ("account", "name"),
                    "method",
                    "fitting_method",
                    ("source", "external_id"),
                    "set_source_identity",
                    "session_tags",
                ),
            },
        ),
        (
            _("What people see"),
            {
                "description": _("What it is called, and where in the console a click lands."),
                "fields": (("title", "destination", "region"), "disabled"),
            },
        ),
        (
            _("How long"),
            {
                "description": _("Written as 1 h, 90 min or 3600."),
                "fields": (("session_seconds", "max_session_seconds"), "console_seconds"),
            },
        ),
        (
            _("Before the door opens"),
            {
                "description": _("What a person gives before they go in."),
                "fields": ("require_reason",),
            },
        ),
        (
            _("Narrower than the role"),
            {
                "description": _(
                    "A session policy can only take away. A federation token needs one."
                ),
                "fields": ("session_policy", "policy_arns"),
            },
        ),
    )

    shown_instead = {
        "method": "shown_method",
        "session_seconds": "shown_session",
        "max_session_seconds": "shown_longest",
        "console_seconds": "shown_console",
        "session_tags": "shown_tags",
        "session_policy": "shown_policy",
        "policy_arns": "shown_arns",
        "set_source_identity": "shown_source_identity",
        "require_reason": "shown_reason",
        "disabled": "shown_disabled",
    }

    def words(self, thing: Any) -> str:
        """Return its title and its account's, by the names people use."""
        places = {"role": thing.shown_title, "account": thing.account.title}
        return gettext("%(role)s in %(account)s") % places

    def place(self, thing: Model) -> tuple[str, str]:
        """Return the role's account and name."""
        role: Any = thing
        return role.account_id, role.name

    # --- the list ---

    @admin.display(description=_("account"), ordering="account_id")
    def account_title(self, role: Role) -> str:
        """Show the account as people call it."""
        return role.account.title

    @admin.display(description=_("environment"))
    def environment(self, role: Role) -> SafeString:
        """Show the environment's shape and word."""
        return environment_label(role.account.environment)

    @admin.display(description=_("method"), ordering="method")
    def method_title(self, role: Role) -> str:
        """Show the method as AWS calls it."""
        return MethodChoice.titles[role.method]

    @admin.display(description=_("length"))
    def length(self, role: Role) -> str:
        """Show what a click gives."""
        return duration_words(role.console_seconds or role.session_seconds)

    @admin.display(description=_("state"))
    def state(self, role: Role) -> SafeString:
        """Show what is special about it."""
        return state_label(role)

    # --- what is only shown, in words ---

    @admin.display(description=_("method"))
    def shown_method(self, role: Role) -> str:
        """Show the method as AWS calls it."""
        return MethodChoice.titles[role.method]

    @admin.display(description=_("usual session"))
    def shown_session(self, role: Role) -> str:
        """Show what a click gives."""
        return length_text(role.session_seconds)

    @admin.display(description=_("longest session"))
    def shown_longest(self, role: Role) -> str:
        """Show the most that a person may choose."""
        return length_text(role.longest_seconds)

    @admin.display(description=_("console session"))
    def shown_console(self, role: Role) -> str:
        """Show the console session's own length."""
        return length_text(role.console_seconds) if role.console_seconds else ""

    @admin.display(description=_("session tags"))
    def shown_tags(self, role: Role) -> SafeString:
        """Show the tags, one a line."""
        return lines(pairs_text(role.session_tags))

    @admin.display(description=_("session policy"))
    def shown_policy(self, role: Role) -> SafeString:
        """Show the policy with a line for each value."""
        return lines(readable_policy(role.session_policy))

    @admin.display(description=_("managed policies"))
    def shown_arns(self, role: Role) -> SafeString:
        """Show the ARNs, one a line."""
        return lines("\n".join(role.policy_arns))

    @admin.display(description=_("source identity"))
    def shown_source_identity(self, role: Role) -> str:
        """Show whether it is set."""
        return yes_or_no(role.set_source_identity)

    @admin.display(description=_("ask for a reason"))
    def shown_reason(self, role: Role) -> str:
        """Show whether a reason is asked for."""
        return yes_or_no(role.require_reason)

    @admin.display(description=_("switched off"))
    def shown_disabled(self, role: Role) -> str:
        """Show whether nobody may enter."""
        return yes_or_no(role.disabled)

    # --- the page ---

    def get_urls(self) -> list[URLPattern]:
        """Add the page that tries a role."""
        tried = path(
            "<int:pk>/try/",
            self.admin_site.admin_view(try_role.view),
            name="accounts_role_try",
        )
        return [tried, *super().get_urls()]

    def further_posted_fields(self, request: HttpRequest) -> Iterable[str]:
        """Let the button pass that judges without saving."""
        return (CHECK,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Role]:
        """Read a role with its account and source: every page shows them."""
        return super().get_queryset(request).select_related("account", "source")

    @admin.display(description=_("which method fits"))
    def fitting_method(self, role: Role) -> SafeString:
        """Say which of the two methods fits what is entered, and why."""
        knows = bool(role.account_id and role.source_id)
        broker = known_broker(role.source, role.account.partition) if knows else None
        advice = method_advice(role_values(role), broker)
        context = {
            "icons": static("icons.svg"),
            "advice": advice,
            "method": MethodChoice.titles[advice.method],
            "reasons": [sentence(reason.message, reason.params) for reason in advice.reasons],
            "differences": [tuple(map(_translated, vars(row).values())) for row in DIFFERENCES],
        }
        return SafeString(render_to_string("admin/accounts/role/method.html", context))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Ask AWS who the portal is before the change begins, not while others wait for it."""
        may = self.has_change_permission if object_id else self.has_add_permission
        if request.method == "POST" and may(request):
            self._look_up_posted(request.POST, number(object_id or "") or 0)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _look_up_posted(self, posted: Mapping[str, str], pk: int) -> None:
        role = Role.objects.select_related("account").filter(pk=pk).first()
        account = role.account if role else naming.named("account", posted.get("account", ""))
        if isinstance(account, Account):
            look_up(naming.named("source", posted.get("source", "")), account.partition)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any | None = None,
    ) -> HttpResponse:
        """Show what has to stand in AWS for what is entered, and who may enter."""
        form = context["adminform"].form
        role: Role = form.instance
        if request.method != "POST" and role.account_id and role.source_id:
            look_up(role.source, role.account.partition)
        context["is_checked"] = getattr(form, "is_check", False) and not form.errors
        if role.account_id and role.name:
            context |= paste_context(role)
            context["arn"] = _arn(role)
        if obj is not None:
            context["who"] = who_context(request, obj)
            context["environment"] = environment(obj.account.environment)
            context["may_try"] = may_try(request)
        return super().render_change_form(request, context, add, change, form_url, obj)


def may_try(request: HttpRequest) -> bool:
    """Say whether somebody may try roles: who may change some, also those of the access file."""
    return request.user.has_perm("accounts.change_role")


def _arn(role: Role) -> str:
    if role.method == Method.FEDERATION_TOKEN:
        return ""
    return role_arn(role.account.partition, role.account_id, role.name)


def _translated(text: str) -> str:
    return sentence(text, {})
