"""May this user enter this role now, and through which grant; which roles may they enter.

The only place that answers it. Both answers are one query over the view ``GrantedRole``, which
works out who reaches what; what is valid at a moment is judged here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    Aggregate,
    BooleanField,
    CharField,
    Exists,
    ExpressionWrapper,
    F,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.sql.compiler import SQLCompiler

from accounts.aws_rules.destinations import Place
from accounts.errors import Moment, NotGranted, NotNow, gettext_noop
from accounts.models import (
    KNOWN_ENVIRONMENTS,
    Bookmark,
    Grant,
    GrantedRole,
    Membership,
    Role,
    User,
    holds,
)

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

# No name may hold it.
_BETWEEN_NAMES = "\x1f"
# PostgreSQL's text cannot.
_NUL = "\0"
# The grant that ends last counts, then a direct one, then the oldest.
_STRONGEST_FIRST = (
    F("grant__expires").desc(nulls_first=True),
    F("grant__user_id").asc(nulls_last=True),
    "grant__made",
    "grant_id",
)


@dataclass(frozen=True)
class Entitlement:
    """A role that a user may enter, and the grant that lets them in.

    ``group_names`` are the user's groups and ``place_is_bookmarked`` tells whether the place
    that was asked about is a bookmark of theirs or of their groups; both only where one role
    was asked for.
    """

    role: Role
    grant: Grant
    group_names: tuple[str, ...] = ()
    place_is_bookmarked: bool = False

    @property
    def ends(self) -> datetime | None:
        """When the grant ends; None: it does not."""
        return self.grant.expires


def require_entry(
    user: User, account: str, role: str, now: datetime, place: Place | None = None
) -> Entitlement:
    """Return the user's way into a role at a moment, in one query.

    ``account`` is an alias or 12 digits, ``role`` the name with its path. Raises NotGranted for
    what was never granted or is not there, NotNow for a grant of theirs that is not valid now
    and for a disabled role or account.
    """
    if place is not None and _NUL in place.to + place.region:
        place = None
    is_possible = _NUL not in account + role
    rows = list(_of_one_role(user, account, role, now, place)) if is_possible else []
    if not rows:
        raise _not_granted(user, account, role)
    best = next((row for row in rows if row.is_valid), None)
    if best is None:
        raise _not_now(rows, now)
    _require_enabled(best.role)
    return Entitlement(
        role=best.role,
        grant=best.grant,
        group_names=_names(best.group_names),
        place_is_bookmarked=best.place_is_bookmarked,
    )


class WayIn(NamedTuple):
    """A role that a user may enter now, light enough to list thousands of them.

    ``ends`` is when the grant that lets them in ends; None: it does not. Lengths are in seconds.
    """

    account_id: str
    account_alias: str | None
    account_name: str
    partition: str
    environment: str
    colour: str
    tags: Mapping[str, str]
    role_name: str
    title: str
    method: str
    source: str
    source_profile: str
    session_seconds: int
    max_session_seconds: int | None
    console_seconds: int | None
    region: str
    destination: str
    require_reason: bool
    external_id: str
    ends: datetime | None

    @property
    def entitlement(self) -> Entitlement:
        """The same as one role's answer, as far as the session's lengths depend on it."""
        role = Role(
            name=self.role_name,
            title=self.title,
            method=self.method,
            session_seconds=self.session_seconds,
            max_session_seconds=self.max_session_seconds,
            console_seconds=self.console_seconds,
        )
        return Entitlement(role=role, grant=Grant(expires=self.ends))

    @property
    def shown_title(self) -> str:
        """What a person calls the role: its title, else the name's last part."""
        return self.title or self.role_name.rsplit("/", 1)[-1]

    @property
    def account_title(self) -> str:
        """What a person calls the account: its name, else its alias, else its id."""
        return self.account_name or self.account_alias or self.account_id

    @property
    def account_key(self) -> str:
        """What links call the account: its alias, else its id."""
        return self.account_alias or self.account_id

    @property
    def key(self) -> str:
        """What a form calls the way in: the account's key, a slash, the role's name."""
        return f"{self.account_key}/{self.role_name}"


_WAY_IN_COLUMNS = (
    "account_id",
    "account_alias",
    "role__account__name",
    "role__account__partition",
    "role__account__environment",
    "role__account__colour",
    "role__account__tags",
    "role_name",
    "role__title",
    "role__method",
    "role__source_id",
    "role__source__profile",
    "role__session_seconds",
    "role__max_session_seconds",
    "role__console_seconds",
    "role__region",
    "role__destination",
    "role__require_reason",
    "role__external_id",
    "grant__expires",
)


def granted_roles(user: User, now: datetime) -> list[WayIn]:
    """Return every role that the user may enter now, in one query.

    Production first, then by account and role as a person reads them.
    """
    rows = (
        GrantedRole.objects.filter(user=user)
        .filter(holds(now, "grant__"))
        .filter(role__disabled=False, role__account__disabled=False)
        .order_by(*_STRONGEST_FIRST)
        .values_list(*_WAY_IN_COLUMNS)
    )
    by_role: dict[tuple[str, str], WayIn] = {}
    for way in map(WayIn._make, rows):
        by_role.setdefault((way.account_id, way.role_name), way)
    return sorted(by_role.values(), key=_reading_order)


def first_start(user: User, now: datetime) -> datetime | None:
    """Return when the first of the user's grants begins that have not begun yet."""
    coming = GrantedRole.objects.filter(user=user, grant__starts__gt=now)
    open_roles = coming.filter(role__disabled=False, role__account__disabled=False)
    found: datetime | None = open_roles.aggregate(first=Min("grant__starts"))["first"]
    return found


def roles_into(user: User, account_ids: Iterable[str], now: datetime) -> Mapping[str, list[str]]:
    """Return the names of the roles that the user may enter now in each of some accounts."""
    rows = (
        GrantedRole.objects.filter(user=user, account_id__in=set(account_ids))
        .filter(holds(now, "grant__"))
        .filter(role__disabled=False, role__account__disabled=False)
        .order_by("account_id", "role_name")
        .values_list("account_id", "role_name")
        .distinct()
    )
    found: dict[str, list[str]] = {}
    for account_id, role_name in rows:
        found.setdefault(account_id, []).append(role_name)
    return found


_ENVIRONMENT_ORDER = {name: order for order, name in enumerate(KNOWN_ENVIRONMENTS)}


def _reading_order(way: WayIn) -> tuple[int, str, str, str]:
    environment = _ENVIRONMENT_ORDER.get(way.environment, len(KNOWN_ENVIRONMENTS))
    return environment, way.account_title.casefold(), way.account_id, way.shown_title.casefold()


class _Asked(TypedDict):
    is_valid: bool
    group_names: str | None
    place_is_bookmarked: bool


def _of_one_role(
    user: User, account: str, role: str, now: datetime, place: Place | None
) -> "QuerySet[WithAnnotations[GrantedRole, _Asked]]":
    if len(account) == 12 and account.isascii() and account.isdigit():
        rows = GrantedRole.objects.filter(user=user, account_id=account, role_name=role)
    else:
        rows = GrantedRole.objects.filter(user=user, account_alias=account, role_name=role)
    return (
        rows.select_related("grant__group", "grant__user", "role__account", "role__source")
        .annotate(
            is_valid=ExpressionWrapper(holds(now, "grant__"), BooleanField()),
            group_names=_group_names(user),
            place_is_bookmarked=_is_bookmarked(user, place),
        )
        .order_by(*_STRONGEST_FIRST)
    )


class _Joined(Aggregate):
    """All values of a group in one text, ``_BETWEEN_NAMES`` between them."""

    output_field = CharField()

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **words: Any
    ) -> Any:
        template = f"GROUP_CONCAT(%(expressions)s, char({ord(_BETWEEN_NAMES)}))"
        return self.as_sql(compiler, connection, template=template, **words)

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **words: Any
    ) -> Any:
        template = f"STRING_AGG(%(expressions)s, chr({ord(_BETWEEN_NAMES)}))"
        return self.as_sql(compiler, connection, template=template, **words)


def _group_names(user: User) -> Subquery:
    joined = (
        Membership.objects.filter(user=user)
        .order_by()
        .values("user")
        .annotate(names=_Joined("group__name"))
        .values("names")
    )
    return Subquery(joined)


def _names(joined: str | None) -> tuple[str, ...]:
    return tuple(sorted(joined.split(_BETWEEN_NAMES))) if joined else ()


def _is_bookmarked(user: User, place: Place | None) -> Exists:
    bookmarks = Bookmark.objects.none()
    if place is not None:
        bookmarks = bookmarks_of(user).filter(
            account=OuterRef("account_id"),
            role_name=OuterRef("role_name"),
            destination=place.to,
            region=place.region,
        )
    return Exists(bookmarks)


def bookmarks_of(user: User) -> "QuerySet[Bookmark]":
    """Return the user's own bookmarks and those of their groups."""
    groups = Membership.objects.filter(user=user).values("group")
    return Bookmark.objects.filter(Q(user=user) | Q(group__in=groups))


def _require_enabled(role: Role) -> None:
    if role.account.disabled:
        raise NotNow(
            log=f"account {role.account_id} is disabled",
            message=gettext_noop("%(account)s is closed at the moment: nobody can enter it."),
            next_step=gettext_noop("Ask an administrator when it opens again."),
            params={"account": role.account.title},
            account_id=role.account_id,
            role_name=role.name,
            known_as=role.known_as,
        )
    if role.disabled:
        raise NotNow(
            log=f"role {role.name} in {role.account_id} is disabled",
            message=gettext_noop("%(role)s in %(account)s is closed at the moment."),
            next_step=gettext_noop("Ask an administrator when it opens again."),
            params={"role": role.shown_title, "account": role.account.title},
            account_id=role.account_id,
            role_name=role.name,
            known_as=role.known_as,
        )


def _not_now(rows: Sequence[GrantedRole], now: datetime) -> NotNow:
    role = rows[0].role
    params = {"role": role.shown_title, "account": role.account.title}
    coming = [row.grant.starts for row in rows if row.grant.starts and row.grant.starts > now]
    if coming:
        return NotNow(
            log=f"the grant for {role.name} in {role.account_id} begins at {min(coming)}",
            message=gettext_noop("Your way into %(account)s as %(role)s begins on %(moment)s."),
            next_step=gettext_noop("Come back then, or ask an administrator for an earlier start."),
            params={**params, "moment": Moment(min(coming).timestamp())},
            account_id=role.account_id,
            role_name=role.name,
            known_as=role.known_as,
        )
    ended = max(row.grant.expires for row in rows if row.grant.expires)
    return NotNow(
        log=f"the grant for {role.name} in {role.account_id} ended at {ended}",
        message=gettext_noop("Your way into %(account)s as %(role)s ended on %(moment)s."),
        next_step=gettext_noop("Ask an administrator to extend the grant."),
        params={**params, "moment": Moment(ended.timestamp())},
        account_id=role.account_id,
        role_name=role.name,
        known_as=role.known_as,
    )


def _not_granted(user: User, account: str, role: str) -> NotGranted:
    return NotGranted(
        log=f"{user.username!r} has no grant for {role!r} in {account!r}",
        message=gettext_noop("There is no such way in for you."),
        next_step=gettext_noop(
            "Check the link. If you should have access, ask an administrator for a grant and give "
            "them the reference number below."
        ),
    )
