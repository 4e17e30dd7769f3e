"""Bookmarks that a group shares; people's own are nobody else's to see."""

from typing import Any, ClassVar

from django import forms
from django.contrib.admin import display, register
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.administration import sharing
from accounts.administration.lifting import require_known_members
from accounts.administration.sharing import SharedDraft
from accounts.errors import NotAllowed
from accounts.models import Bookmark, Group, Role, User
from portal.admin.autocomplete import NameField
from portal.admin.recorded import RecordedAdmin, Refused
from portal.admin.site import administrator, site
from portal.pages.role_rows import place_words
from portal.pages.wording import sentences

_FIELD_OF = {"to": "destination"}


class BookmarkForm(forms.ModelForm):
    """A group's bookmark: whose, under which name, where it leads."""

    administrator: ClassVar[User]

    group = NameField("group", label=_("group"), help_text=_("It cannot be changed later."))
    name = forms.CharField(
        label=_("name"), max_length=100, required=False, help_text=_("Empty: service and account.")
    )
    role = NameField(
        "role",
        label=_("role"),
        help_text=_("Account and role, such as payments-prod/Developer."),
    )
    destination = forms.CharField(
        label=_("page"),
        max_length=2048,
        required=False,
        widget=forms.TextInput(attrs={"spellcheck": "false"}),
        help_text=_(
            "A service such as s3, a console path, or a console URL: page, region and anchor are "
            "kept. Empty: where the role opens by itself."
        ),
    )
    region = forms.CharField(
        label=_("region"),
        max_length=32,
        required=False,
        help_text=_("Empty: the page’s own, or the role’s."),
    )
    position = forms.IntegerField(
        label=_("position"),
        min_value=0,
        max_value=30_000,
        required=False,
        help_text=_("Among the group’s: lower stands first. Empty: behind the others."),
    )

    class Meta:
        model = Bookmark
        fields = ("group", "name", "destination", "region", "position")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mark = self.instance
        if mark.pk is None:
            self.initial["position"] = None
        elif "role" in self.fields:
            self.initial["role"] = _role_of(mark)

    def clean_group(self) -> Group:
        """Refuse a group that the administrator may be in without the portal knowing it."""
        group: Group = self.cleaned_data["group"]
        try:
            require_known_members(self.administrator, [group])
        except NotAllowed as error:
            raise Refused(error) from None
        return group

    def clean(self) -> dict[str, Any]:
        """Refuse at its field what cannot be; the rules are the domain's."""
        values: dict[str, Any] = super().clean() or {}
        draft = self._draft(values)
        if draft is None:
            return values
        for name, error in draft.problems(self.instance).items():
            self.add_error(_FIELD_OF.get(name, name), sentences(error))
        return values

    def _draft(self, values: dict[str, Any]) -> SharedDraft | None:
        group = self.instance.group if self.instance.pk else values.get("group")
        role = values.get("role")
        if not isinstance(group, Group) or not isinstance(role, Role):
            return None
        texts = (values.get(name, "") for name in ("name", "destination", "region"))
        return SharedDraft(group, role, *texts)

    def _post_clean(self) -> None:
        """Write the draft instead of the fields one by one; what it lacks has been said."""
        draft = self._draft(self.cleaned_data) if not self.errors else None
        if draft is None:
            return
        mark = self.instance
        draft.write(mark)
        position = self.cleaned_data["position"]
        if position is not None:
            mark.position = position
        elif mark.pk is None:
            sharing.place_behind_the_others(mark)


@register(Bookmark, site=site)
class BookmarkAdmin(RecordedAdmin):
    """Bookmarks of groups."""

    kind = "bookmark"
    told_fields = (
        "group",
        "name",
        "account_id",
        "role_name",
        "destination",
        "region",
        "position",
        "made_by",
    )
    form = BookmarkForm
    identity_fields = ("group",)
    readonly_fields = ("made",)
    fieldsets = (
        (
            _("Whose"),
            {
                "fields": ("group", "name", "position", "made"),
                "description": _("Members of the group see it on their home, with who made it."),
            },
        ),
        (
            _("Where it leads"),
            {
                "fields": ("role", "destination", "region"),
                "description": _("Only who may enter the role sees it: it gives nobody access."),
            },
        ),
    )
    list_display = ("name", "whose", "where", "role_name", "leads_to", "made")
    list_filter = ("from_file",)
    list_select_related = ("group", "account")
    search_fields = ("name", "group__name", "account__name", "account__alias", "role_name")
    search_help_text = _("Name, group, account or role")
    ordering = ("group__name", "position", "id")

    def get_fieldsets(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """Say who made it where somebody has."""
        if obj is not None:
            return self.fieldsets
        whose, where = self.fieldsets
        return ((whose[0], {**whose[1], "fields": ("group", "name", "position")}), where)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Leave out what people keep for themselves."""
        return super().get_queryset(request).filter(group__isnull=False)

    def place(self, thing: Any) -> tuple[str, str]:
        """Find the row by what the bookmark enters."""
        return thing.account_id, thing.role_name

    def save_model(
        self, request: HttpRequest, obj: Any, form: forms.BaseForm, change: bool
    ) -> None:
        """Note who makes it, or who last said where it leads."""
        there = self.model.objects.filter(pk=obj.pk).first() if change else None
        # What is typed otherwise and means the same is no change.
        if there is None or self.facts(there) != self.facts(obj):
            obj.made_by = administrator(request).user.username
        super().save_model(request, obj, form, change)

    @display(description=_("role"))
    def role(self, bookmark: Bookmark) -> str:
        """Show the role where it cannot be chosen."""
        role = _role_of(bookmark)
        return str(role) if role else bookmark.role_name

    @display(description=_("group"), ordering="group__name")
    def whose(self, bookmark: Bookmark) -> str:
        """Show the group."""
        return bookmark.group.name if bookmark.group else ""

    @display(description=_("account"), ordering="account__name")
    def where(self, bookmark: Bookmark) -> str:
        """Show the account."""
        return bookmark.account.title

    @display(description=_("leads to"))
    def leads_to(self, bookmark: Bookmark) -> str:
        """Show service and region in few words."""
        return place_words(bookmark.destination, bookmark.region)

    @display(description=_("made by"))
    def made(self, bookmark: Bookmark) -> str:
        """Show who made it: an administrator or the access file."""
        return gettext("the access file") if bookmark.from_file else bookmark.made_by


def _role_of(bookmark: Bookmark) -> Role | None:
    roles = Role.objects.select_related("account")
    return roles.filter(account=bookmark.account_id, name=bookmark.role_name).first()
