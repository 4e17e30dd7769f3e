"""Bookmarks that a group shares, as administrators keep them.

A place in a role's console under a name that the group has once. What people keep for themselves
is nobody else's to see.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db.models import Max, QuerySet

from accounts import bookmarks
from accounts.bookmarks import Draft, tidy_name
from accounts.errors import InvalidRequest, gettext_noop
from accounts.models import Bookmark, Group, Role


def shared() -> "QuerySet[Bookmark]":
    """Return the bookmarks of all groups."""
    return Bookmark.objects.filter(group__isnull=False)


@dataclass(frozen=True)
class SharedDraft:
    """A group's bookmark as an administrator wrote it; an empty name is made of the place."""

    group: Group
    role: Role
    name: str = ""
    to: str = ""
    region: str = ""
    draft: Draft = field(init=False)

    def __post_init__(self) -> None:
        draft = Draft(self.role, self.name, self.to, self.region)
        object.__setattr__(self, "draft", draft)

    @property
    def shown_name(self) -> str:
        """The name that it will have."""
        return tidy_name(self.name) or bookmarks.suggested_name(self.draft)

    def problems(self, bookmark: Bookmark) -> Mapping[str, InvalidRequest]:
        """Return why it cannot be written into a bookmark, by field: name, to, region."""
        return {**self._problem_with_name(bookmark), **bookmarks.problems(self.draft)}

    def _problem_with_name(self, bookmark: Bookmark) -> Mapping[str, InvalidRequest]:
        others = shared().filter(group=self.group, name=self.shown_name).exclude(pk=bookmark.pk)
        return {"name": _name_is_taken(self.group, self.shown_name)} if others.exists() else {}

    def write(self, bookmark: Bookmark) -> None:
        """Put it into a bookmark without saving it. Raises InvalidRequest for what cannot be."""
        for error in self.problems(bookmark).values():
            raise error
        bookmark.group = self.group
        bookmarks.write(bookmark, self.draft)


def place_behind_the_others(bookmark: Bookmark) -> None:
    """Give a new bookmark its place at the end of its group's."""
    others = shared().filter(group=bookmark.group_id)
    bookmark.position = (others.aggregate(last=Max("position"))["last"] or 0) + 1


def _name_is_taken(group: Group, name: str) -> InvalidRequest:
    return InvalidRequest(
        log=f"{group.name!r} has a bookmark called {name!r}",
        message=gettext_noop("%(group)s has a bookmark called “%(name)s” already."),
        next_step=gettext_noop("Give this one another name, or change the other."),
        params={"group": group.name, "name": name},
    )
