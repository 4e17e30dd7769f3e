"""What goes with things that are deleted, and why some of them cannot be.

A role or an account takes the grants and bookmarks with it that name it alone; a person or a group
those that are theirs. What the access file manages is not taken along silently.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Count, Model, Q, QuerySet

from accounts.administration.lifting import require_others_groups
from accounts.administration.people import require_superuser_left
from accounts.errors import NotAllowed, gettext_noop
from accounts.models import (
    DEFAULT_SOURCE,
    Account,
    Bookmark,
    CredentialSource,
    Grant,
    Group,
    Membership,
    Role,
    User,
)

MOST_AT_ONCE = 500
"""Things that are chosen."""

MOST_TOGETHER = 5000
"""Things that go, each a row of the record, while everybody else's rows wait."""


def what_goes_with(things: QuerySet) -> list[QuerySet]:
    """Return what is deleted together with some things of one kind, in the order of deleting."""
    if things.model in (User, Group):
        field = "user__in" if things.model is User else "group__in"
        return [model.objects.filter(**{field: things}) for model in (Grant, Bookmark, Membership)]
    if things.model is Account:
        return [model.objects.filter(account__in=things) for model in (Grant, Bookmark, Role)]
    return _of_roles(things) if things.model is Role else []


def _of_roles(roles: QuerySet) -> list[QuerySet]:
    names = Q(pk__in=[])
    for account_id, name in roles.values_list("account_id", "name")[: MOST_AT_ONCE + 1]:
        names |= Q(account_id=account_id, role_name=name)
    return [Grant.objects.filter(names), Bookmark.objects.filter(names)]


def require_removable(things: QuerySet, taken: Iterable[QuerySet], by: User) -> None:
    """Raise NotAllowed where some things must stay, or what would go with them must."""
    if things.all()[: MOST_AT_ONCE + 1].count() > MOST_AT_ONCE:
        raise _too_many()
    together = 0
    for rows in (things, *taken):
        look = rows.aggregate(**_looks(rows.model))
        if number := look.get("of_file"):
            raise _managed_by_file(plural_of(rows.model), number)
        together += look["told"]
    if together > MOST_TOGETHER:
        raise _too_many_together(together)
    if things.model is User:
        _require_people_removable(things, by)
    if things.model is Group:
        require_others_groups(by, things)
    if things.model is CredentialSource:
        _require_unused(things)


def remove(things: QuerySet, taken: Sequence[QuerySet]) -> None:
    """Delete things with what goes with them. Whoever calls has told the record of it."""
    for rows in taken:
        rows.delete()
    things.delete()


def plural_of(model: type[Model]) -> str:
    """Return what many things of a model are called."""
    return str(model._meta.verbose_name_plural)  # noqa: SLF001 Django's documented API


_TOLD_ONE_BY_ONE: Mapping[type[Model], Q] = {
    # People's own are told by their number, memberships with whose they are.
    Bookmark: Q(group__isnull=False),
    Membership: Q(pk__isnull=True),
}


def _looks(model: type[Model]) -> dict[str, Count]:
    """Count what is a row of the record each, and what the access file manages."""
    looks = {"told": Count("pk", filter=_TOLD_ONE_BY_ONE.get(model))}
    if hasattr(model, "from_file"):
        looks["of_file"] = Count("pk", filter=Q(from_file=True))
    return looks


def _require_people_removable(people: QuerySet, by: User) -> None:
    if people.filter(pk=by.pk).exists():
        raise NotAllowed(
            log="would delete themselves",
            message=gettext_noop("Nobody deletes themselves."),
            next_step=gettext_noop("Ask another superuser, if you should be gone."),
            code="DeletesThemselves",
        )
    require_superuser_left(without=people)


def _require_unused(sources: QuerySet) -> None:
    if sources.filter(pk=DEFAULT_SOURCE).exists():
        raise NotAllowed(
            log="the default source stays",
            message=gettext_noop("The source “default” is always there: it is the broker’s own."),
            next_step=gettext_noop("Make another source and choose it in the roles instead."),
            code="DefaultSource",
        )
    if number := Role.objects.filter(source__in=sources).count():
        raise NotAllowed(
            log=f"{number} roles get their credentials from it",
            message=gettext_noop("%(number)s roles still get their credentials from this source."),
            next_step=gettext_noop("Choose another source in these roles first."),
            params={"number": number},
            code="InUse",
        )


def _too_many() -> NotAllowed:
    return NotAllowed(
        log="too many at once",
        message=gettext_noop("More than %(most)s things are not deleted at once."),
        next_step=gettext_noop("Choose fewer, or take them out of the access file and prune."),
        params={"most": MOST_AT_ONCE},
        code="TooManyAtOnce",
    )


def _too_many_together(number: int) -> NotAllowed:
    return NotAllowed(
        log=f"{number} things would go together",
        message=gettext_noop(
            "%(number)s things would go together, and no more than %(most)s do at once."
        ),
        next_step=gettext_noop("Delete some of what would go along first."),
        params={"number": number, "most": MOST_TOGETHER},
        code="TooManyAtOnce",
    )


def _managed_by_file(what: str, number: int) -> NotAllowed:
    params: dict[str, Any] = {"what": what, "number": number}
    return NotAllowed(
        log=f"the access file manages {number} {what}",
        message=gettext_noop("The access file manages %(number)s of the %(what)s that would go."),
        next_step=gettext_noop("Take them out of the file and apply it with --prune first."),
        params=params,
        code="ManagedByFile",
    )
