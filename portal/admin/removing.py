"""Asking before something is deleted: what it is, how many, and what goes with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from django.contrib.admin import action
from django.contrib.messages import success
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, QueryDict
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.administration.removal import MOST_AT_ONCE, require_removable, what_goes_with
from accounts.errors import NotAllowed
from accounts.models import Bookmark, Grant, Membership, Role, User
from portal.admin.asking import Part
from portal.admin.site import site
from portal.pages.visitor import signed_in_user
from portal.pages.wording import sentence

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin


READ_WITH: Mapping[type[Model], tuple[str, ...]] = {
    Grant: ("user", "group", "account"),
    Bookmark: ("user", "group", "account"),
    Membership: ("user", "group"),
    Role: ("account", "source"),
}
"""What is read with things that go, so that naming and telling each takes no query of its own."""

_KEYS = "keys"
STAMP = "stamp"
"""What the page that asks posts to say of what it asked."""


@dataclass(frozen=True)
class Obstacle:
    """Why it cannot be, in sentences."""

    message: str
    next_step: str


@dataclass(frozen=True)
class Removal:
    """What the page that asks has to say.

    ``stamp`` is another word where anything was added to what goes, or is gone already;
    ``has_moved``: that happened while somebody looked.
    """

    itself: Part
    takes: Sequence[Part]
    obstacle: Obstacle | None
    stamp: str
    has_moved: bool

    @classmethod
    def of(cls, things: QuerySet, request: HttpRequest) -> Self:
        """Look at what would go with some things of one kind, if it may."""
        taken = what_goes_with(things)
        itself, *takes = map(_part, (things, *taken))
        obstacle = _obstacle(things, taken, signed_in_user(request))
        stamp = " ".join(f"{part.number}/{part.newest}" for part in (itself, *takes))
        has_moved = request.POST.get(STAMP, stamp) != stamp
        return cls(itself, [part for part in takes if part.number], obstacle, stamp, has_moved)

    @property
    def number(self) -> int:
        """How many things were chosen."""
        return self.itself.number


def chosen_keys(posted: QueryDict) -> list[str]:
    """Return which things the page that asked was about."""
    return posted.get(_KEYS, "").splitlines()


def _part(rows: QuerySet) -> Part:
    """Say what goes; what people keep for themselves is counted and not named."""
    rows = rows.select_related(*READ_WITH.get(rows.model, ())).order_by("pk")
    if rows.model is Bookmark:
        return Part.of(rows, shown=rows.filter(group__isnull=False))
    words = getattr(site.pages_of(rows.model), "words", str)
    return Part.of(rows, words=words)


def _obstacle(things: QuerySet, taken: Sequence[QuerySet], by: User) -> Obstacle | None:
    try:
        require_removable(things, taken, by)
    except NotAllowed as error:
        return Obstacle(
            sentence(error.message, error.params), sentence(error.next_step, error.params)
        )
    return None


@action(permissions=["delete"], description=_("Delete"))
def delete_selected(
    pages: "ModelAdmin", request: HttpRequest, queryset: QuerySet
) -> TemplateResponse | None:
    """Ask first, then delete what was chosen; in the end the list is shown again."""
    things: QuerySet = QuerySet(pages.model).filter(pk__in=queryset.values("pk"))
    removal = Removal.of(things, request)
    if request.POST.get("post") and not removal.has_moved:
        *_others, lacking, _protected = pages.get_deleted_objects(things, request)
        if lacking:
            raise PermissionDenied
        number = things.count()
        pages.delete_queryset(request, things)
        success(request, ngettext("%(n)s deleted.", "%(n)s deleted.", number) % {"n": number})
        return None
    context = {
        **pages.admin_site.each_context(request),
        "title": _("Delete"),
        "opts": pages.opts,
        "removal": removal,
        "is_list": True,
        # One field, however many they are: a form holds only so many. No name has two lines.
        "keys": "\n".join(map(str, things.values_list("pk", flat=True)[:MOST_AT_ONCE])),
    }
    return TemplateResponse(request, "admin/delete_selected_confirmation.html", context)
