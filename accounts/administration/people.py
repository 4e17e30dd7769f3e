"""What administrators do to people: rights, passwords, the end of somebody's access.

Superusers alone touch staff, superusers, permission sets and passwords. Other administrators may
end the access of ordinary people and give it back, and nothing else. One superuser is always left.
"""

from django.db import connection
from django.db.models import Q, QuerySet

from accounts import local_people
from accounts.administration.changing import Administrator, Changes, Told, changing
from accounts.errors import NotAllowed, gettext_noop
from accounts.models import DirectoryState, Origin, User

_MAY_SIGN_IN = Q(origin=Origin.LOCAL) | Q(
    origin=Origin.DIRECTORY, directory_state=DirectoryState.PRESENT
)


def may_switch(administrator: User, person: User) -> bool:
    """Tell whether an administrator may end or give back somebody's access."""
    if administrator.pk == person.pk:
        return False
    if administrator.is_superuser:
        return True
    is_ordinary = not (person.is_staff or person.is_superuser)
    return is_ordinary and administrator.has_perm("accounts.change_grant")


def switch(administrator: Administrator, person: User, *, is_active: bool) -> bool:
    """Let somebody in no more, or again; their sessions end with their next request.

    Returns whether anything changed. Raises NotAllowed, RecordUnavailable.
    """
    with changing(administrator) as changes:
        # As they are at this moment: they may have become staff since the page was shown.
        person = User.objects.select_for_update().get(pk=person.pk)
        if not may_switch(administrator.user, person):
            raise not_theirs(f"{person.username!r} is not theirs to switch off or on")
        if person.is_active == is_active:
            return False
        if not is_active:
            require_superuser_left(without=User.objects.filter(pk=person.pk))
        User.objects.filter(pk=person.pk).update(is_active=is_active)
        before, after = {"is_active": person.is_active}, {"is_active": is_active}
        changes.tell(Told("change", "user", person.username, before, after))
    return True


def give_password(administrator: Administrator, person: User, password: str) -> None:
    """Give a local person another password, or a name that waits its first: then it is local.

    Their sessions end with their next request. Raises NotAllowed, RecordUnavailable.
    """
    require_superuser(administrator.user)
    local_people.require_password_of_ours(person)
    password_hash = local_people.hashed(password)
    with changing(administrator) as changes:
        local_people.give_password(changes, person, password_hash)


def require_superuser(user: User) -> None:
    """Raise NotAllowed for everybody else."""
    if not user.is_superuser:
        raise not_theirs(f"{user.username!r} is no superuser")


def require_superuser_left(without: QuerySet) -> None:
    """Raise NotAllowed unless a superuser who comes into the administration is left without some.

    Two who take each other's rights at one moment wait for each other, inside ``changing``.
    """
    superusers = User.objects.filter(_MAY_SIGN_IN, is_superuser=True, is_staff=True, is_active=True)
    if connection.in_atomic_block:
        superusers = superusers.select_for_update()
    there = set(superusers.order_by("pk").values_list("pk", flat=True))
    going = set(without.filter(pk__in=there).values_list("pk", flat=True))
    if going and going == there:
        raise NotAllowed(
            log="no superuser would be left",
            message=gettext_noop("This is the last superuser, and one must be left."),
            next_step=gettext_noop("Make somebody else a superuser first."),
            code="LastSuperuser",
        )


def tell_sessions_ended(changes: Changes, person: User, number: int) -> None:
    """Tell that somebody was signed out everywhere."""
    before, after = {"sessions": number}, {"sessions": 0}
    changes.tell(Told("end-sessions", "user", person.username, before, after))


def not_theirs(log: str) -> NotAllowed:
    """Return the refusal of what only a superuser, or nobody, does to a person."""
    return NotAllowed(
        log=log,
        message=gettext_noop("This person’s rights are not yours to change."),
        next_step=gettext_noop("Ask a superuser; this try is in the record."),
    )
