"""Who is in a local group, as administrators say. Members that the access file names stay.

The members of a directory group are the directory's to say. Nobody puts themselves into a group or
takes themselves out of one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.administration import naming
from accounts.administration.changing import Told
from accounts.administration.lifting import changes_own_groups
from accounts.errors import NotAllowed, gettext_noop
from accounts.models import Group, Membership, Origin, User, check_person_name
from accounts.role_rules import BETWEEN_GROUPS


@dataclass(frozen=True)
class MembersChanged:
    """Names of who came and who went, and of those who came without being here yet."""

    added: Sequence[str]
    removed: Sequence[str]
    made: Sequence[str] = ()

    def told(self, group: Group) -> Iterator[Told]:
        """Put it in the record's words: each name that was made for it, then the group."""
        for name in self.made:
            yield Told("add", "user", name, None, {"origin": str(Origin.NONE_YET)})
        if self.added or self.removed:
            before, after = {"members": list(self.removed)}, {"members": list(self.added)}
            yield Told("members", "group", group.name, before, after)


def change_members(
    group: Group, by: User, add: Iterable[str], remove: Iterable[int]
) -> MembersChanged:
    """Let people in by their names and take memberships away by their numbers.

    Names that nobody has yet wait for their person. Inside ``changing``. Raises NotAllowed,
    ValidationError for what can be nobody's name.
    """
    _require_local(group)
    names = [naming.normal("user", name) for name in add]
    require_not_own_name(by, names)
    leaving = group.memberships.filter(pk__in=list(remove), from_file=False)
    _require_not_own_membership(by, leaving)
    removed = _remove(leaving)
    made = _make_names(names)
    return MembersChanged(_add(group, names), removed, made)


def check_group_name(name: str) -> None:
    """Raise ValidationError for what no group that is made here can be called."""
    if not name.isprintable():
        raise ValidationError(_("A group’s name has no control characters."))
    if BETWEEN_GROUPS in name:
        # With one it could be taken for two groups where a session tag names them.
        raise ValidationError(_("A group’s name has no colon. Write a hyphen, for example."))


def require_not_own_name(by: User, names: Iterable[str]) -> None:
    """Raise NotAllowed where somebody who is no superuser would let themselves into a group."""
    if not by.is_superuser and by.username in {naming.normal("user", name) for name in names}:
        raise changes_own_groups(f"{by.username!r} would join a group")


def _require_not_own_membership(by: User, leaving: QuerySet[Membership]) -> None:
    if not by.is_superuser and leaving.filter(user=by).exists():
        raise changes_own_groups(f"{by.username!r} would leave a group")


def _make_names(texts: Iterable[str]) -> list[str]:
    """Let names wait that nobody has yet."""
    known = naming.named_all("user", texts)
    made = [text for text in texts if text not in known]
    for text in made:
        check_person_name(text)
        User.objects.create_placeholder(text)
    return made


def _add(group: Group, texts: Sequence[str]) -> list[str]:
    known = naming.named_all("user", texts)
    there = set(group.memberships.filter(user__in=known.values()).values_list("user", flat=True))
    new = [user for user in known.values() if user.pk not in there]
    Membership.objects.bulk_create(Membership(group=group, user=user) for user in new)
    return sorted(user.username for user in new)


def _remove(leaving: QuerySet[Membership]) -> list[str]:
    names = sorted(leaving.values_list("user__username", flat=True))
    leaving.delete()
    return names


def _require_local(group: Group) -> None:
    if group.origin != Origin.LOCAL:
        raise NotAllowed(
            log=f"{group.name!r} is the directory's",
            message=gettext_noop("Who is in this group is the directory’s to say."),
            next_step=gettext_noop("Change it in the directory; it is read again before a launch."),
            code="DirectoryGroup",
        )
