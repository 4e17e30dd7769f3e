"""Groups of people, and who is in them: local ones are kept here, the directory's only shown."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib.admin import SimpleListFilter, display, register
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Exists, Model, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.administration import naming
from accounts.administration.attention import empty_groups
from accounts.administration.groups import (
    change_members,
    check_group_name,
    require_not_own_name,
)
from accounts.errors import NotAllowed
from accounts.models import (
    Grant,
    Group,
    Membership,
    Origin,
    User,
    check_person_name,
    normal_username,
)
from portal.admin.autocomplete import NamesField, require_one_a_line
from portal.admin.counted import CountedList
from portal.admin.recorded import RecordedAdmin, Refused, changes_of, seen_columns
from portal.admin.site import site
from portal.pages.history_filters import number
from portal.pages.visitor import signed_in_user

_MEMBERS_A_PAGE = 50
_MEMBERS_TOLD = 200
_LEAVING = "leave"


class GroupForm(forms.ModelForm):
    """A group's name, chosen once, and who is to be let in. ``administrator`` fills it in."""

    administrator: ClassVar[User]

    add_members = NamesField(
        "user",
        required=False,
        label=_("Let people in"),
        help_text=_("User names. A name that nobody has yet waits until its person signs in."),
    )

    class Meta:
        model = Group
        fields = ("name",)

    def clean_add_members(self) -> list[str]:
        """Refuse what can be nobody's name, and the administrator's own."""
        names: list[str] = self.cleaned_data["add_members"]
        for name in names:
            check_person_name(name)
        require_one_a_line(names)
        try:
            require_not_own_name(self.administrator, names)
        except NotAllowed as error:
            raise Refused(error) from None
        return names

    def clean_name(self) -> str:
        """Take a name in the one form in which groups are compared, without blanks around it."""
        name = normal_username(self.cleaned_data["name"].strip())
        check_group_name(name)
        if there := naming.named("group", name):
            taken = _("There is a group of that name already: %(name)s.")
            raise ValidationError(taken, params={"name": there.name})
        return name


class GroupList(CountedList):
    """A page of groups with how many are in each and what each was granted, in two queries."""

    def get_results(self, request: HttpRequest) -> None:
        """Count for the groups of this page alone."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        keys = [group.pk for group in self.result_list]
        members, grants = (
            dict(rows.values_list("group").annotate(n=Count("pk")).order_by())
            for rows in (
                Membership.objects.filter(group__in=keys),
                Grant.objects.filter(group__in=keys),
            )
        )
        for group in self.result_list:
            group.number_of_members = members.get(group.pk, 0)
            group.number_of_grants = grants.get(group.pk, 0)


class Members(SimpleListFilter):
    """Groups in which nobody is known to be: a name typed wrong, often."""

    title = _("members")
    parameter_name = "members"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        """Return the choices; the second is what the start page tells of."""
        return [("nobody", _("nobody known here")), ("missing", _("nobody, and named"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Group]) -> QuerySet[Group]:
        """Return the groups without anybody; "missing" are those that grants or bookmarks name."""
        if self.value() == "missing":
            return queryset.filter(pk__in=empty_groups(timezone.now()).values("pk"))
        if self.value() != "nobody":
            return queryset
        return queryset.exclude(Exists(Membership.objects.filter(group=OuterRef("pk"))))


@register(Group, site=site)
class GroupAdmin(RecordedAdmin):
    """Groups."""

    kind = "group"
    told_fields = ("name", "origin")
    identity_fields = ("name",)
    form = GroupForm
    change_form_template = "admin/accounts/group/change_form.html"
    search_fields = ("name",)
    search_help_text = _("Name")
    list_display = ("name", "origin", "members_shown", "grants_shown", "from_file")
    list_filter = ("origin", Members, "from_file")
    ordering = ("name",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CountedList]:
        """Count what a page shows."""
        return GroupList

    def get_list_display(self, request: HttpRequest) -> Any:
        """Leave out the grants for who may not see them."""
        return seen_columns(request, self.list_display)

    @display(description=_("members known here"))
    def members_shown(self, group: Any) -> int:
        """Show how many are in it."""
        number: int = group.number_of_members
        return number

    @display(description=_("grants"))
    def grants_shown(self, group: Any) -> int:
        """Show how many grants name it."""
        number: int = group.number_of_grants
        return number

    def last_facts(self, thing: Model) -> Mapping[str, Any]:
        """Tell who was in a group that goes; of a change who came and went is told on its own."""
        rows = Membership.objects.filter(group=thing.pk)
        names = rows.order_by("user__username").values_list("user__username", flat=True)
        counted = {"members": list(names[:_MEMBERS_TOLD]), "number_of_members": rows.count()}
        return {**super().last_facts(thing), **counted}

    def get_fieldsets(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """Show what there is to decide; a directory group has nothing."""
        if obj is None:
            description = _("A local group is kept here. The directory’s come by being granted to.")
            return [(_("Group"), {"fields": ("name", "add_members"), "description": description})]
        shown: list[Any] = [(_("Group"), {"fields": (("name", "origin"),)})]
        if self.has_change_permission(request, obj):
            shown.append((_("New members"), {"fields": ("add_members",)}))
        return shown

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Where a group comes from is not chosen."""
        return (*super().get_readonly_fields(request, obj), "origin")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let local groups have members, the access file's too; the directory keeps its own."""
        is_ours = not isinstance(obj, Group) or obj.origin == Origin.LOCAL
        # The group itself never changes, so the file's mark is looked at where members leave.
        return is_ours and super().has_change_permission(request)

    def further_posted_fields(self, request: HttpRequest) -> Iterable[str]:
        """Let the boxes beside the members be posted."""
        return (_LEAVING,)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the group with a page of its members."""
        members = Membership.objects.filter(group_id=number(object_id) or 0)
        ordered = members.select_related("user").order_by("user__username")
        page = Paginator(ordered, _MEMBERS_A_PAGE).get_page(request.GET.get("m"))
        me = signed_in_user(request)
        own = None if me.is_superuser else me.pk
        context = {"members": page, "leaving": _LEAVING, "own": own, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """What is made here is local."""
        if not change:
            obj.origin = Origin.LOCAL
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Let people in and out, and tell who."""
        super().save_related(request, form, formsets, change)
        group: Group = form.instance
        leaving = [key for text in request.POST.getlist(_LEAVING) if (key := number(text))]
        names = form.cleaned_data.get("add_members", [])
        changed = change_members(group, signed_in_user(request), names, leaving)
        for told in changed.told(group):
            changes_of(request).tell(told)
