"""Grants: who may enter what, until when; the list, its filters and what is done to many."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import ModelAdmin, SimpleListFilter, action, display, register
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.administration import granting, naming
from accounts.administration.attention import ENDING_DAYS
from accounts.administration.changing import Told
from accounts.administration.grant_plan import MOST_AT_ONCE
from accounts.administration.grant_steps import Step
from accounts.administration.who import (
    MOST_LOOKED_AT,
    UNUSED_DAYS,
    ends_within,
    leading_to,
    unused_among,
)
from accounts.models import ANY_ROLE, Account, Grant, Group, Role, User
from portal.admin.grants.change import change as change_page
from portal.admin.grants.new import add as add_page
from portal.admin.grants.pages import is_key
from portal.admin.grants.step_pages import step_view
from portal.admin.grants.words import grant_words
from portal.admin.recorded import RecordedAdmin
from portal.admin.site import site
from portal.pages.wording import moment_words


class StateFilter(SimpleListFilter):
    """By when a grant holds."""

    title = _("when")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Sequence[tuple[str, Any]]:
        """Return what there is to choose, and how many of all grants each is."""
        now = timezone.now()
        counts = Grant.objects.aggregate(
            **{key.replace("-", "_"): Count("pk", filter=q) for key, q in _states(now).items()}
        )
        return [
            (key, f"{title} ({counts[key.replace('-', '_')]})") for key, title in _STATES.items()
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Grant]) -> QuerySet[Grant]:
        """Return the grants of that state."""
        return queryset.filter(_states(timezone.now()).get(self.value() or "", Q()))


_STATES = {
    "ends-7": _("Ends within 7 days"),
    "ends-30": _("Ends within 30 days"),
    "ended": _("Ended"),
    "coming": _("Not yet started"),
    "endless": _("Without end"),
}


def _states(now: datetime) -> Mapping[str, Q]:
    return {
        "ends-7": ends_within(now, ENDING_DAYS),
        "ends-30": ends_within(now, 30),
        "ended": Q(expires__lte=now),
        "coming": Q(starts__gt=now),
        "endless": Q(expires__isnull=True),
    }


class UseFilter(SimpleListFilter):
    """By whether anybody used it."""

    title = _("use")
    parameter_name = "use"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Sequence[tuple[str, Any]]:
        """Return what there is to choose."""
        choices = (("unused", _("Not used for 90 days")), ("never", _("Never used")))
        return choices if _may_see_use(request) else ()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Grant]) -> QuerySet[Grant]:
        """Leave it to ``GrantAdmin.get_search_results``: it is asked of what all else leaves."""
        return queryset


class MadeFilter(SimpleListFilter):
    """By who keeps it."""

    title = _("made in")
    parameter_name = "made"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Sequence[tuple[str, Any]]:
        """Return what there is to choose."""
        return (("file", _("The access file")), ("admin", _("The administration")))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Grant]) -> QuerySet[Grant]:
        """Return the grants of the file, or the others."""
        if self.value() in {"file", "admin"}:
            return queryset.filter(from_file=self.value() == "file")
        return queryset


class SubjectFilter(SimpleListFilter):
    """By whom it is for."""

    title = _("for")
    parameter_name = "for"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Sequence[tuple[str, Any]]:
        """Return what there is to choose."""
        return (("people", _("A person")), ("groups", _("A group")))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Grant]) -> QuerySet[Grant]:
        """Return the grants to people, or to groups."""
        if self.value() in {"people", "groups"}:
            return queryset.filter(user__isnull=self.value() == "groups")
        return queryset


class RoleFilter(SimpleListFilter):
    """Grants that lead to a role; it comes from the role's page and offers nothing by itself."""

    title = _("role")
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Sequence[tuple[str, Any]]:
        """Return the role that was asked for, if there is one."""
        role = _role(request.GET.get(self.parameter_name, ""))
        return [(str(role.pk), f"{role.shown_title} · {role.account.title}")] if role else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Grant]) -> QuerySet[Grant]:
        """Return the grants by which somebody may enter it, now or later."""
        role = _role(self.value() or "")
        return queryset.filter(pk__in=leading_to(role, timezone.now())) if role else queryset


def _role(key: str) -> Role | None:
    return Role.objects.select_related("account").filter(pk=key).first() if is_key(key) else None


@register(Grant, site=site)
class GrantAdmin(RecordedAdmin):
    """Grants. They are made, changed, ended and deleted on pages of their own."""

    kind = "grant"
    list_display = ("whom", "role", "where", "until", "shown_note", "maker")
    empty_value_display = ""
    list_display_links = ("whom",)
    list_select_related = ("user", "group", "account")
    list_filter = (RoleFilter, StateFilter, UseFilter, SubjectFilter, MadeFilter)
    search_fields = ("role_name",)
    search_help_text = _("Person, group, account, role or note")
    # By what other tables say, 200,000 rows cannot be put in order while somebody waits.
    sortable_by = ()
    actions = ("end", "other_end", "delete_chosen")

    # --- what the record is told ---

    def words(self, thing: Any) -> str:
        """Return whose it is, which role and where, by the names people use."""
        return grant_words(thing)

    def recorded_name(self, thing: Any) -> str:
        """Return it with its start: that makes it another grant."""
        return granting.recorded_name(thing)

    def facts(self, thing: Model) -> Mapping[str, Any]:
        """Return what the record keeps of a grant."""
        return granting.facts(thing) if isinstance(thing, Grant) else {}

    def told(
        self,
        change: str,
        thing: Model,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
    ) -> Told:
        """Put a change in the record's words."""
        if not isinstance(thing, Grant):
            raise TypeError(thing)
        return granting.told(change, thing, before, after)

    # --- pages ---

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of the steps."""
        steps = [
            path(
                f"{step.value}/",
                self.admin_site.admin_view(step_view(self, step)),
                name=f"accounts_grant_{step.value}",
            )
            for step in Step
        ]
        return [*steps, *super().get_urls()]

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Show what ends next first where that was asked for, else the newest."""
        is_ending = request.GET.get("state", "").startswith("ends-")
        return ("expires", "pk") if is_ending else ("-pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Grant], search_term: str
    ) -> tuple[QuerySet[Grant], bool]:
        """Find grants by words about whom, where, which role or the note; then by their use."""
        for word in search_term.split()[: naming.MOST_WORDS]:
            queryset = queryset.filter(_mentions(word))
        use = request.GET.get("use", "")
        if use in _UNUSED_DAYS and _may_see_use(request):
            unused = unused_among(queryset, timezone.now(), _UNUSED_DAYS[use])
            # Asked once: the list counts and reads what it is given.
            queryset = queryset.filter(pk__in=list(unused.values_list("pk", flat=True)))
        return queryset, False

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Make many at once."""
        return add_page(request, self)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one, and change its end and note."""
        return change_page(request, self, object_id)

    @method_decorator(require_safe)
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Delete one as many are deleted."""
        return HttpResponseRedirect(_step_address(Step.DELETE, [object_id]))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, str] | None = None
    ) -> HttpResponse:
        """Say that not every grant is looked at where their use was asked for."""
        is_compared = request.GET.get("use") in _UNUSED_DAYS and _may_see_use(request)
        is_part = is_compared and Grant.objects.all()[MOST_LOOKED_AT:].exists()
        most = number_format(MOST_LOOKED_AT, force_grouping=True) if is_part else ""
        return super().changelist_view(request, {**(extra_context or {}), "most": most})

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Leave out Django's own deletion: ours says first who loses what."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    # --- what is done to many ---

    @action(description=_("End now"), permissions=["change"])
    def end(self, request: HttpRequest, queryset: QuerySet[Grant]) -> HttpResponse | None:
        """Go to the page that says who would lose what."""
        return self._step(request, Step.END, queryset)

    @action(description=_("Give another end"), permissions=["change"])
    def other_end(self, request: HttpRequest, queryset: QuerySet[Grant]) -> HttpResponse | None:
        """Go to the page that asks for the end and says what it means."""
        return self._step(request, Step.OTHER_END, queryset)

    @action(description=_("Delete"), permissions=["delete"])
    def delete_chosen(self, request: HttpRequest, queryset: QuerySet[Grant]) -> HttpResponse | None:
        """Go to the page that says who would lose what."""
        return self._step(request, Step.DELETE, queryset)

    def _step(
        self, request: HttpRequest, step: Step, queryset: QuerySet[Grant]
    ) -> HttpResponse | None:
        keys = list(queryset.order_by("pk").values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
        if len(keys) > MOST_AT_ONCE:
            text = gettext("At most %(most)d grants at once: choose fewer, or filter the list.")
            messages.error(request, text % {"most": MOST_AT_ONCE})
            return None
        return HttpResponseRedirect(_step_address(step, keys))

    # --- columns ---

    @display(description=_("whom"))
    def whom(self, grant: Grant) -> str:
        """The person or the group."""
        icon, name = ("group", grant.group) if grant.group else ("user", grant.user)
        return format_html(
            '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>'
            '<span class="vh">{} </span>{}',
            static("icons.svg"), icon, _KINDS[icon], name,
        )  # fmt: skip

    @display(description=_("role"))
    def role(self, grant: Grant) -> str:
        """The role's name, or every role."""
        return gettext("every role") if grant.role_name == ANY_ROLE else grant.role_name

    @display(description=_("where"))
    def where(self, grant: Grant) -> str:
        """The account, every account, or the tags that choose accounts."""
        if grant.account is not None:
            return grant.account.title
        return grant.place if grant.account_tags else gettext("every account")

    @display(description=_("until"))
    def until(self, grant: Grant) -> str:
        """When it ends, told by word and colour where that is soon, over or still to come."""
        now = timezone.now()
        ends = _until(grant.expires, now)
        if grant.starts is None or grant.has_begun(now):
            return ends
        begins = gettext("from %(moment)s") % {"moment": moment_words(grant.starts)}
        return format_html('<span class="status">{}</span> {}', begins, ends)

    @display(description=_("note"))
    def shown_note(self, grant: Grant) -> str:
        """The note's first words."""
        return grant.note if len(grant.note) <= 60 else f"{grant.note[:59]}…"

    @display(description=_("made by"))
    def maker(self, grant: Grant) -> str:
        """The access file, or who made it in the administration."""
        if not grant.from_file:
            return grant.made_by
        return format_html('<span class="quiet nowrap">{}</span>', gettext("access file"))


def _may_see_use(request: HttpRequest) -> bool:
    """Whether the record, which the use is read from, is theirs to see."""
    return request.user.has_perm("accounts.view_entry")


_UNUSED_DAYS: Mapping[str, int | None] = {"unused": UNUSED_DAYS, "never": None}


def _mentions(word: str) -> Q:
    """Find the few names first: joined to every grant they would be read as often."""
    if "\0" in word:
        return Q(pk__in=())
    users = User.objects.filter(Q(username__icontains=word) | Q(name__icontains=word))
    accounts = Account.objects.filter(
        Q(name__icontains=word) | Q(alias__icontains=word) | Q(account_id__icontains=word)
    )
    return (
        Q(user__in=users.values("pk"))
        | Q(group__in=Group.objects.filter(name__icontains=word).values("pk"))
        | Q(account__in=accounts.values("pk"))
        | Q(role_name__icontains=word)
        | Q(note__icontains=word)
    )


_KINDS = {"group": _("group"), "user": _("person")}


def _until(expires: datetime | None, now: datetime) -> str:
    if expires is None:
        return format_html('<span class="quiet">{}</span>', gettext("no end"))
    if expires <= now:
        words = gettext("ended %(moment)s") % {"moment": moment_words(expires)}
        return format_html('<span class="quiet">{}</span>', words)
    if (expires - now).days < ENDING_DAYS:
        return format_html(
            '<span class="status" data-state="warn">{}</span>', moment_words(expires)
        )
    return moment_words(expires)


def _step_address(step: Step, keys: Sequence[Any]) -> str:
    query = urlencode({"grant": ",".join(map(str, keys))}, safe=",")
    return f"{reverse(f'admin:accounts_grant_{step.value}')}?{query}"
