"""What the directory says of a person, compared with what is known here, and what that changes.

Only the directory's own groups are mirrored, and only those that a grant or a bookmark names. A
change and its row in the record are one transaction: no row, no change.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from accounts import record
from accounts.administrators import ADMINISTRATORS, built_in_set
from accounts.directory import names
from accounts.directory.groups import DirectoryGroup, GroupKey, group_key
from accounts.models import (
    Action,
    Bookmark,
    DirectoryState,
    Entry,
    Grant,
    Group,
    Membership,
    Origin,
    Outcome,
    User,
)

_LONGEST_NAME = 150
_LONGEST_EMAIL = 254
_WITHHELD = "NameWithheld"
_TOLD_AGAIN = timedelta(days=1)


@dataclass(frozen=True)
class DirectoryPerson:
    """A person as the directory knows them at a moment.

    ``username`` is in the form of ``normal_username``. ``is_outside``: not in the group that is
    required, or in the one that is denied.
    """

    directory_id: str
    username: str
    name: str = ""
    email: str = ""
    is_disabled: bool = False
    is_outside: bool = False
    is_administrator: bool = False
    groups: frozenset[DirectoryGroup] = frozenset()

    @property
    def state(self) -> DirectoryState:
        """Whether they may come in."""
        if self.is_disabled:
            return DirectoryState.DISABLED
        return DirectoryState.OUTSIDE if self.is_outside else DirectoryState.PRESENT


def mirrored_groups() -> "QuerySet[Group]":
    """Return the directory's groups that a grant or a bookmark names; of others nothing is kept."""
    is_named = Exists(Grant.objects.filter(group=OuterRef("pk"))) | Exists(
        Bookmark.objects.filter(group=OuterRef("pk"))
    )
    return Group.objects.filter(is_named, origin=Origin.DIRECTORY)


@dataclass(frozen=True)
class Mirror:
    """The groups that are mirrored: keys and names of the directory's that something names.

    By the form in which names are compared; what differs in case only is the same group there.
    """

    groups: Mapping[GroupKey, Mapping[int, str]]

    @classmethod
    def read(cls) -> Self:
        """Read which groups are mirrored."""
        groups: dict[GroupKey, dict[int, str]] = {}
        for pk, name in mirrored_groups().values_list("pk", "name"):
            groups.setdefault(group_key(name), {})[pk] = name
        return cls(groups)

    def of(self, groups: Iterable[DirectoryGroup]) -> dict[int, str]:
        """Return which of them somebody in these groups of the directory is in."""
        keys = {key for group in groups for key in group.keys}
        found = (self.groups.get(key, {}) for key in keys)
        return {pk: name for groups in found for pk, name in groups.items()}


@dataclass(frozen=True)
class Known:
    """What is known here of people: their groups of the directory, and who are administrators.

    By the users' keys; a group is its key and name.
    """

    groups: Mapping[int, Mapping[int, str]]
    administrators: frozenset[int]

    @classmethod
    def of(cls, users: "QuerySet[User]") -> Self:
        """Read it for many people in two queries."""
        groups: dict[int, dict[int, str]] = {}
        rows = Membership.objects.filter(user__in=users, group__origin=Origin.DIRECTORY)
        for user_id, group_id, name in rows.values_list("user_id", "group_id", "group__name"):
            groups.setdefault(user_id, {})[group_id] = name
        administrators = users.filter(groups__name=ADMINISTRATORS).values_list("pk", flat=True)
        return cls(groups, frozenset(administrators))


@dataclass(frozen=True)
class Change:
    """What reading a person again changes. ``groups`` are numbers and names of groups here.

    ``username`` is their name in the directory; the one they have where it is somebody else's here.
    ``withheld`` is the name that they do not get for what waits under it, as long as that is to be
    told.
    """

    user: User
    username: str
    state: DirectoryState
    name: str
    email: str
    groups_before: Mapping[int, str]
    groups: Mapping[int, str]
    was_administrator: bool
    is_administrator: bool
    withheld: str = ""

    @classmethod
    def of(
        cls,
        user: User,
        person: DirectoryPerson | None,
        mirror: Mirror,
        known: Known | None = None,
        username: str = "",
    ) -> Self:
        """Compare what is known of a person with what the directory says; None: nobody.

        ``username`` is the name that they get, where it is known already.
        """
        known = known or Known.of(User.objects.filter(pk=user.pk))
        state = state_of(user, person)
        present = person if state == DirectoryState.PRESENT else None
        return cls(
            user=user,
            username=username or _new_name(user, person),
            state=state,
            name=_shown_name(present.name) if present else user.name,
            email=_right_email(present.email) if present else user.email,
            groups_before=known.groups.get(user.pk, {}),
            groups=mirror.of(present.groups) if present else {},
            was_administrator=user.pk in known.administrators,
            is_administrator=present is not None and present.is_administrator,
            withheld=_withheld(user, person),
        )

    @property
    def before(self) -> dict[str, Any]:
        """What was known, as the record keeps it."""
        return {
            "origin": str(self.user.origin),
            "state": str(self.user.directory_state),
            "name": self.user.name,
            "email": self.user.email,
            "groups": sorted(self.groups_before.values()),
            "administrator": self.was_administrator,
        }

    @property
    def after(self) -> dict[str, Any]:
        """What is known now, as the record keeps it."""
        return {
            "origin": str(Origin.DIRECTORY),
            "state": str(self.state),
            "name": self.name,
            "email": self.email,
            "groups": sorted(self.groups.values()),
            "administrator": self.is_administrator,
        }

    @property
    def is_none(self) -> bool:
        """Whether nothing has changed."""
        return self.before == self.after and not self.is_renamed and not self.withheld

    @property
    def is_renamed(self) -> bool:
        """Whether the person gets another name."""
        return self.username != self.user.username

    @property
    def takes_access(self) -> bool:
        """Whether the person loses something: their way in, a group, the administration."""
        was_present = self.user.directory_state == DirectoryState.PRESENT
        has_left = bool(self.groups_before.keys() - self.groups.keys())
        no_longer_administers = self.was_administrator and not self.is_administrator
        return was_present and (
            self.state != DirectoryState.PRESENT or has_left or no_longer_administers
        )

    def apply(self, read: datetime, actor: str) -> None:
        """Write it, and its rows where there is anything to tell.

        Must stand in ``record.recording``. Raises RecordUnavailable, IntegrityError where somebody
        else has taken the new name meanwhile.
        """
        rows, left, is_renamed = self.rows(), self.user.username, self.is_renamed
        self.write(read)
        if is_renamed:
            names.hold(left)
        for before, after in rows:
            tell(actor, "directory", self.username, before, after)
        self.tell_withheld()

    def tell_withheld(self) -> None:
        """Write the row of a name that they did not get, if any. Raises RecordUnavailable."""
        if self.withheld:
            after = {"username": self.withheld, **names.what_waits(self.withheld)}
            details = {
                "change": "directory",
                "user": self.username,
                "before": {"username": self.username},
                "after": after,
            }
            act = record.Act(
                action=Action.ADMIN_CHANGE,
                actor=self.user.username,
                actor_key=self.user.record_key,
                details=details,
            )
            record.write(act, Outcome.DENIED, _WITHHELD)

    def rows(self) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """Return what is to be told, before and after; to be asked for before it is written."""
        told = [(self.before, self.after)]
        if self.is_renamed:
            after = {"username": self.username, **names.what_waits(self.username)}
            told.insert(0, ({"username": self.user.username}, after))
        return [(before, after) for before, after in told if before != after]

    def write(self, read: datetime) -> None:
        """Write it without its row, for whoever writes the rows of many together.

        The name that the person left is to be held then.
        """
        user = self.user
        user.origin, user.directory_state, user.directory_read = Origin.DIRECTORY, self.state, read
        user.name, user.email = self.name, self.email
        leaving = self.groups_before.keys() - self.groups.keys()
        Membership.objects.filter(user=user, group__in=leaving).delete()
        joining = self.groups.keys() - self.groups_before.keys()
        Membership.objects.bulk_create(Membership(group_id=pk, user=user) for pk in joining)
        self._write_administrator()
        if self._ends_sessions:
            # A session is bound to the password's text, usable or not.
            user.set_unusable_password()
        if self.is_renamed:
            names.take(user, self.username)
        user.save()

    def _write_administrator(self) -> None:
        user = self.user
        if self.is_administrator and not self.was_administrator:
            user.groups.add(built_in_set())
            user.is_staff = True
        elif self.was_administrator and not self.is_administrator:
            user.groups.remove(built_in_set())
            user.is_staff = (
                user.is_superuser or user.groups.exists() or user.user_permissions.exists()
            )

    @property
    def _ends_sessions(self) -> bool:
        """Whoever is no longer let in has none; more rights need a new one."""
        rises = self.is_administrator and not self.was_administrator
        return rises or self.state != DirectoryState.PRESENT


def state_of(user: User, person: DirectoryPerson | None) -> DirectoryState:
    """Return how somebody known here is now, by who has their id, or else their name."""
    if person is None:
        return DirectoryState.GONE
    if person.directory_id != user.directory_id:
        return DirectoryState.REPLACED
    return person.state


def wish_of(user: User, person: DirectoryPerson | None) -> names.Wish | None:
    """Return which other name a person has in the directory now."""
    is_theirs = person is not None and person.directory_id == user.directory_id
    if person is None or not is_theirs or person.username == user.username:
        return None
    return names.Wish(user, person.username, state_of(user, person))


def _new_name(user: User, person: DirectoryPerson | None) -> str:
    """Return the name that a person gets who is read alone: their own where the new one is taken.

    An entry of somebody else's name is read as well, and then the two may trade.
    """
    wish = wish_of(user, person)
    if wish is None:
        return user.username
    holder = User.objects.filter(username=wish.name).first()
    return wish.name if names.may_take(wish, holder) else user.username


def _withheld(user: User, person: DirectoryPerson | None) -> str:
    """Return the name that a person does not get for what waits under it, told once a day."""
    wish = wish_of(user, person)
    if wish is None or not names.is_withheld(wish):
        return ""
    lately = record.moment_text(timezone.now() - _TOLD_AGAIN)
    told = Entry.objects.filter(actor_key=user.record_key, time__gte=lately, error=_WITHHELD)
    return "" if told.exists() else wish.name


def _shown_name(name: str) -> str:
    readable = "".join(c for c in name if unicodedata.category(c)[0] != "C")
    return readable.strip()[:_LONGEST_NAME]


def _right_email(email: str) -> str:
    try:
        validate_email(email)
    except ValidationError:
        return ""
    return email if len(email) <= _LONGEST_EMAIL else ""


def is_known_better(user: User, read: datetime) -> bool:
    """Tell whether the person was read after that moment; a clock that ran ahead does not count."""
    known = user.directory_read
    return known is not None and read < known <= timezone.now()


def tell(
    actor: str,
    change: str,
    username: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    """Write the row of a change. Raises RecordUnavailable."""
    details = {"change": change, "user": username, "before": before, "after": after}
    act = record.Act(action=Action.ADMIN_CHANGE, actor=actor, details=details)
    record.write(act, Outcome.SUCCEEDED)
