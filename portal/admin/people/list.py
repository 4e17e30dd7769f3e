"""People in the administration: who they are, and what a superuser lets them do here."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.admin import SimpleListFilter, display, register
from django.db.models import Count, Model, QuerySet, prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import local_people
from accounts.administration import people
from accounts.administration.attention import PEOPLE_MATTERS, Kind, people_with
from accounts.models import DirectoryState, Grant, Membership, Origin, User
from portal.admin.counted import CountedList
from portal.admin.entering import ChosenField
from portal.admin.people.forms import LONGEST_PASSWORD, NewPersonForm, PersonForm
from portal.admin.people.pages import done_to_person_urls
from portal.admin.recorded import RecordedAdmin, changes_of, seen_columns
from portal.admin.site import site
from portal.admin.who import may_enter, person_urls
from portal.pages.visitor import signed_in_user
from portal.pages.wording import moment_words
from portal.signin.ending import end_sessions
from portal.signin.hashing import hashing

_HASHED = "portal.admin.hashed"


class NeverSignedIn(SimpleListFilter):
    """People who were named and never came."""

    title = _("signed in")
    parameter_name = "seen"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer both."""
        return [("yes", _("at least once")), ("never", _("never"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Look at the last sign-in."""
        if self.value() not in {"yes", "never"}:
            return queryset
        return queryset.filter(last_login__isnull=self.value() == "never")


class Rank(SimpleListFilter):
    """Who of them administers."""

    title = _("rights")
    parameter_name = "rank"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer those who come into the administration, and who may do everything."""
        return [
            ("superuser", _("superusers")),
            ("staff", _("in the administration")),
            ("none", _("neither")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Look at both marks."""
        conditions: dict[str | None, dict[str, bool]] = {
            "superuser": {"is_superuser": True},
            "staff": {"is_staff": True},
            "none": {"is_staff": False, "is_superuser": False},
        }
        return queryset.filter(**conditions.get(self.value(), {}))


class Matter(SimpleListFilter):
    """People who have grants and let nobody in, as the start page tells of them."""

    title = _("needs attention")
    parameter_name = "matter"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer what may be the matter, to whoever may see grants."""
        if not request.user.has_perm("accounts.view_grant"):
            return []
        titles = {
            Kind.OFF: _("switched off, with grants"),
            Kind.GONE: _("out of the directory, with grants"),
            Kind.WAITING: _("never came, with grants"),
        }
        return [(kind.name.lower(), title) for kind, title in titles.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Return those whom the start page counts."""
        value = self.value()
        kind = next((kind for kind in PEOPLE_MATTERS if kind.name.lower() == value), None)
        if kind is None:
            return queryset
        return queryset.filter(pk__in=people_with(kind, timezone.now()).values("pk"))


def rank_words(person: User) -> str:
    """Return by which permission sets somebody comes in; empty for who does not."""
    if person.is_superuser:
        return gettext("superuser")
    if not person.is_staff:
        return ""
    names = sorted(permission_set.name for permission_set in person.groups.all())
    return ", ".join(names) or gettext("administration")


class PeopleList(CountedList):
    """A page of people with the number of their own grants, in one query for the page."""

    def get_results(self, request: HttpRequest) -> None:
        """Count for the people of this page alone."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        rows = Grant.objects.filter(user__in=[person.pk for person in self.result_list])
        numbers = dict(rows.values_list("user").annotate(n=Count("pk")).order_by())
        prefetch_related_objects(self.result_list, "groups")
        for person in self.result_list:
            person.number_of_grants = numbers.get(person.pk, 0)


@register(User, site=site)
class UserAdmin(RecordedAdmin):
    """People. Superusers alone change them; other administrators may end somebody's access."""

    kind = "user"
    told_fields = ("username", "name", "email", "origin", "is_active", "is_staff", "is_superuser")
    identity_fields = ("username",)
    form = PersonForm
    change_form_template = "admin/accounts/user/change_form.html"
    search_fields = ("username", "name", "email")
    search_help_text = _("User name, name or e-mail address")
    list_display = (
        "username",
        "name",
        "origin_shown",
        "is_active",
        "rank_shown",
        "last_seen",
        "grants_shown",
    )
    list_filter = (
        "origin",
        "directory_state",
        NeverSignedIn,
        "is_active",
        Rank,
        Matter,
    )
    ordering = ("username",)

    # --- lists ---

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CountedList]:
        """Count what a page shows."""
        return PeopleList

    def get_list_display(self, request: HttpRequest) -> Any:
        """Leave out the grants for who may not see them."""
        return seen_columns(request, self.list_display)

    @display(description=_("origin"), ordering="origin")
    def origin_shown(self, person: User) -> str:
        """Show where somebody is known from, and what the directory says where it says no."""
        if person.directory_state in {
            DirectoryState.NOT_A_DIRECTORY_PERSON,
            DirectoryState.PRESENT,
        }:
            return str(person.get_origin_display())
        return str(person.get_directory_state_display())

    @display(description=_("rights"))
    def rank_shown(self, person: User) -> str:
        """Show who comes into the administration, by what."""
        return rank_words(person)

    @display(description=_("last sign-in"), ordering="last_login")
    def last_seen(self, person: User) -> str:
        """Show when somebody came in last."""
        return moment_words(person.last_login) if person.last_login else gettext("never")

    @display(description=_("own grants"))
    def grants_shown(self, person: Any) -> int:
        """Show how many grants name them."""
        number: int = person.number_of_grants
        return number

    # --- who may what ---

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let superusers make people."""
        return signed_in_user(request).is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let superusers change people."""
        return signed_in_user(request).is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let superusers delete people."""
        return signed_in_user(request).is_superuser

    # --- the form ---

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Ask a password of a new person only."""
        if obj is None:
            kwargs["form"] = NewPersonForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """Group what is decided: who somebody is, and what they may do here.

        Access has a page of its own: a form of before it was ended would give it back.
        """
        rights = {"fields": ("is_staff", "is_superuser", "groups")}
        if obj is None:
            who: tuple[Any, ...] = (("username", "name"), "email", "password", "is_active")
            return [
                (_("A local person"), {"fields": who}),
                (_("In the administration"), rights),
            ]
        known: tuple[str, ...] = ("origin", "directory_state", "directory_read")
        known = (*known, "last_seen", "date_joined")
        if obj.origin != Origin.DIRECTORY:
            known = ("origin", "last_seen", "date_joined")
        return [
            (_("Who"), {"fields": (("username", "name"), "email")}),
            (_("Known"), {"fields": (known,)}),
            (_("In the administration"), rights),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Leave to the directory what it says of its people."""
        known = ("origin", "directory_state", "directory_read", "last_seen", "date_joined")
        of_directory = isinstance(obj, User) and obj.origin == Origin.DIRECTORY
        own = ("name", "email") if of_directory else ()
        return (*super().get_readonly_fields(request, obj), *known, *own)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the permission sets as boxes: there are a few."""
        kwargs |= {"widget": forms.CheckboxSelectMultiple, "form_class": ChosenField}
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Hash a new person's password before the change begins, not while others wait for it."""
        if object_id is None and request.method == "POST" and self.has_add_permission(request):
            with hashing():
                typed = request.POST.get("password", "")[:LONGEST_PASSWORD]
                request.META[_HASHED] = local_people.hashed(typed)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a person with what they may enter, and what may be done to them."""
        person = self.get_object(request, object_id)
        context = {**(extra_context or {})}
        if isinstance(person, User):
            context["rank"] = rank_words(person)
        if isinstance(person, User) and request.method != "POST":
            me = signed_in_user(request)
            context["may_enter"] = may_enter(request, person)
            context["may_switch"] = people.may_switch(me, person)
            context["may_have_password"] = me.is_superuser and person.origin != Origin.DIRECTORY
        return super().change_view(request, object_id, form_url, context)

    def facts(self, thing: Model) -> Mapping[str, Any]:
        """Tell the permission sets too."""
        sets = thing.groups.order_by("name")  # type: ignore[attr-defined]
        return {**super().facts(thing), "permission_sets": [str(one) for one in sets]}

    def last_facts(self, thing: Model) -> Mapping[str, Any]:
        """Tell what somebody who goes was in."""
        rows = Membership.objects.filter(user=thing.pk).order_by("group__name")
        names = list(rows.values_list("group__name", flat=True)[:200])
        return {**super().last_facts(thing), "groups": names}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Make a new person local; whoever gets more rights signs in anew for them."""
        if not change:
            obj.origin = Origin.LOCAL
        super().save_model(request, obj, form, change)
        rights = {"is_staff", "is_superuser", "groups"}
        if change and rights & set(form.changed_data) and obj != request.user:
            end_sessions([obj.pk])

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Give a new person their password as it is given later, too."""
        super().save_related(request, form, formsets, change)
        if not change:
            local_people.give_password(changes_of(request), form.instance, request.META[_HASHED])

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of what is done to one person, and of what they see."""
        return [*done_to_person_urls(self), *person_urls(self), *super().get_urls()]
