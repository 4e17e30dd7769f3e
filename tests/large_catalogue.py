"""A big organisation in whatever database is set: the same shape at any size.

People, groups, accounts, roles, grants, bookmarks and the record of their launches, laid in bulk
past the models. The record's chain is not one that verifies, only its head is, so that more rows
can follow. To have the sizes that are promised, in a file to look at::

    DATABASE_URL=sqlite:////tmp/large.sqlite3 python -m tests.large_catalogue
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()

# A run as a program has no settings before.
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group as PermissionSet
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import Max, Model

from accounts import record
from accounts.models import (
    Account,
    Action,
    Bookmark,
    CredentialSource,
    DirectoryState,
    Entry,
    Grant,
    Group,
    Membership,
    Origin,
    Outcome,
    Phase,
    RecordHead,
    Role,
    User,
)

ENVIRONMENTS = ("production", "staging", "development", "sandbox", "research")
FIRST_ACCOUNT = 100_000_000_000
GROUPS_EACH = 4
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Size:
    """How much there is of everything; ``rows`` are the record's."""

    people: int
    accounts: int
    roles_each: int
    groups: int
    grants: int
    bookmarks: int
    rows: int


SMALL = Size(people=150, accounts=60, roles_each=4, groups=60, grants=600, bookmarks=150, rows=900)
LARGE = Size(
    people=20_000,
    accounts=1000,
    roles_each=50,
    groups=2000,
    grants=200_000,
    bookmarks=24_000,
    rows=100_000,
)
PROMISED = Size(**{**vars(LARGE), "rows": 1_000_000})


def fill(size: Size, now: datetime | None = None) -> None:
    """Lay an organisation of that size into an empty database.

    ``dana`` is a superuser, ``person-3`` an administrator, ``person-4`` an auditor, ``person-5``
    the one with the longest history.
    """
    now = now or datetime.now(UTC)
    with transaction.atomic():
        CredentialSource.objects.get_or_create(name="default")
        CredentialSource.objects.get_or_create(name="hub", defaults={"profile": "hub-profile"})
        User.objects.get_or_create(
            username="dana",
            defaults={"is_staff": True, "is_superuser": True, "origin": Origin.LOCAL},
        )
        first_user = _after(User)
        _lay_people(size, first_user, now)
        _lay_accounts(size)
        first_group = _after(Group)
        _lay_groups(size, first_group, first_user)
        _lay_grants(size, first_group, first_user, now)
        _lay_bookmarks(size, first_group, first_user)
        _lay_record(size, now)
        _give_rights(size)
        _let_sequences_follow()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


# --- who --------------------------------------------------------------------------------------


def key_of(person: int) -> str:
    """Return the record key of a person by number."""
    return f"{person:032x}"


def _lay_people(size: Size, first: int, now: datetime) -> None:
    unusable = make_password(None)
    columns = (
        "id",
        "username",
        "name",
        "email",
        "origin",
        "directory_id",
        "directory_state",
        "record_key",
        "is_active",
        "date_joined",
        "last_login",
        "password",
    )

    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(size.people):
            origin = _origin(number)
            is_theirs = origin == Origin.DIRECTORY
            seen = None if origin == Origin.NONE_YET else now - timedelta(days=number % 200)
            yield (
                first + number,
                f"person-{number}",
                f"Person {number}",
                f"person-{number}@example.com",
                origin,
                f"id-{number}" if is_theirs else None,
                _state(number) if is_theirs else "",
                key_of(number),
                number % 100 != 97,
                _moment(now - YEAR),
                _moment(seen),
                unusable,
            )

    _insert(User, columns, rows())


def _origin(number: int) -> Origin:
    if number % 50 == 49:
        return Origin.NONE_YET
    return Origin.LOCAL if number % 50 in (3, 4) else Origin.DIRECTORY


def _state(number: int) -> DirectoryState:
    return DirectoryState.GONE if number % 100 == 98 else DirectoryState.PRESENT


def _lay_groups(size: Size, first: int, first_user: int) -> None:
    def groups() -> Iterator[tuple[Any, ...]]:
        for number in range(size.groups):
            origin = Origin.LOCAL if number % 2 else Origin.DIRECTORY
            yield first + number, f"team-{number}", origin, bool(number % 4 == 1)

    # One group in ten has nobody.
    inhabited = [number for number in range(size.groups) if number % 10 != 9]

    def members() -> Iterator[tuple[Any, ...]]:
        for person in range(size.people):
            places = {(person * 7 + step * 31) % len(inhabited) for step in range(GROUPS_EACH)}
            # And the first has a tenth of everybody.
            theirs = {inhabited[place] for place in places} | ({0} if person % 10 == 0 else set())
            for group in sorted(theirs):
                yield first + group, first_user + person

    _insert(Group, ("id", "name", "origin", "from_file"), groups())
    _insert(Membership, ("group_id", "user_id"), members())


def _give_rights(size: Size) -> None:
    for person, name in ((3, "Administrators"), (4, "Auditors")):
        permission_set = PermissionSet.objects.filter(name=name).first()
        user = User.objects.get(username=f"person-{person}")
        User.objects.filter(pk=user.pk).update(is_staff=True)
        if permission_set:
            user.groups.add(permission_set)


# --- what -------------------------------------------------------------------------------------


def account_id(number: int) -> str:
    """Return the twelve digits of an account by number."""
    return str(FIRST_ACCOUNT + number)


def _lay_accounts(size: Size) -> None:
    accounts = (
        (
            account_id(number),
            f"account-{number}",
            f"Account {number}",
            ENVIRONMENTS[number % len(ENVIRONMENTS)],
            json.dumps({"team": f"team-{number % 50}"}),
            number % 2 == 0,
        )
        for number in range(size.accounts)
    )
    columns = ("account_id", "alias", "name", "environment", "tags", "from_file")
    _insert(Account, columns, accounts)
    roles = (
        (
            account_id(number),
            f"Role{role}",
            f"Role {role}",
            "default" if role else "hub",
            number % 2 == 0,
        )
        for number in range(size.accounts)
        for role in range(size.roles_each)
    )
    _insert(Role, ("account_id", "name", "title", "source_id", "from_file"), roles)


# --- who may enter what ------------------------------------------------------------------------


def _lay_grants(size: Size, first_group: int, first_user: int, now: datetime) -> None:
    columns = (
        "user_id",
        "group_id",
        "account_id",
        "role_name",
        "account_tags",
        "starts",
        "expires",
        "note",
        "made",
        "made_by",
        "from_file",
    )
    made = _moment(now - YEAR)
    # A handful reach everywhere, as they do in life.
    everywhere = [
        (None, first_group + 1, None, "Role0", "{}", None, None, "everywhere", made, "", True),
        (None, first_group + 2, None, "*", '{"team": "team-1"}', None, None, "", made, "", True),
        (
            None,
            first_group + 3,
            None,
            "Role1",
            '{"team": "team-2"}',
            None,
            None,
            "",
            made,
            "",
            True,
        ),
    ]

    def rows() -> Iterator[tuple[Any, ...]]:
        yield from everywhere
        for number in range(size.grants - len(everywhere)):
            is_personal = number % 4 == 0
            account = (number * 13) % size.accounts
            role = (number // 3) % size.roles_each
            is_any = number % 400 == 7
            from_file = number % 2 == 0
            yield (
                first_user + (number // 4) % size.people if is_personal else None,
                None if is_personal else first_group + (number * 3) % size.groups,
                account_id(account),
                "*" if is_any else f"Role{role}",
                "{}",
                None,
                _moment(_end(number, now)),
                f"review {number}",
                made,
                "" if from_file else "dana",
                from_file,
            )

    _insert(Grant, columns, rows())


def _end(number: int, now: datetime) -> datetime | None:
    if number % 200 == 11:
        return now + timedelta(days=1 + number % 5)
    if number % 20 == 13:
        return now - timedelta(days=1 + number % 90)
    return now + YEAR if number % 3 == 0 else None


def _lay_bookmarks(size: Size, first_group: int, first_user: int) -> None:
    columns = ("user_id", "group_id", "name", "account_id", "role_name", "destination", "position")

    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(size.bookmarks):
            is_shared = number % 6 == 0
            yield (
                None if is_shared else first_user + number % size.people,
                first_group + (number // 6) % size.groups if is_shared else None,
                f"Queues {number}",
                account_id(number % size.accounts),
                f"Role{number % size.roles_each}",
                "sqs",
                number,
            )

    _insert(Bookmark, columns, rows())


# --- what they did -----------------------------------------------------------------------------

_RECORD = (
    "id",
    "act_id",
    "phase",
    "time",
    "written",
    "actor",
    "actor_key",
    "action",
    "account",
    "role",
    "method",
    "source",
    "session_name",
    "access_key_id",
    "region",
    "duration_seconds",
    "expires",
    "reason",
    "ip",
    "outcome",
    "error",
    "details",
    "hash",
)


def _lay_record(size: Size, now: datetime) -> None:
    """Two years of launches (two rows each) and of the rest, the newest last."""
    assert not Entry.objects.exists(), "only an empty record can be filled"
    assert not RecordHead.objects.exists()
    begin = now - 2 * YEAR
    step = (now - begin) / size.rows
    _insert(Entry, _RECORD, _numbered(_rows_of_acts(size, begin, step), size.rows))
    head = RecordHead(count=size.rows, hash=f"{size.rows:064x}")
    head.key_id = record._key_id(record._writing_key())
    head.mac = record._head_mac(head)
    head.save(force_insert=True)


def _numbered(rows: Iterator[tuple[Any, ...]], most: int) -> Iterator[tuple[Any, ...]]:
    for number, row in zip(range(1, most + 1), rows, strict=False):
        yield number, *row, f"{number:064x}"


def _rows_of_acts(size: Size, begin: datetime, step: timedelta) -> Iterator[tuple[Any, ...]]:
    act = 0
    at = 0
    while True:
        when = begin + step * at
        left = size.rows - at
        rows = list(_act(size, act, when) if left > 20 else _newest(size, act, when, left))
        yield from rows
        act += 1
        at += len(rows)


def _act(size: Size, act: int, began: datetime) -> Iterator[tuple[Any, ...]]:
    kind = act % 10
    if kind < 7:
        yield from _launch(size, act, began)
    elif kind < 9:
        outcome = Outcome.DENIED if act % 200 == 7 else Outcome.SUCCEEDED
        yield _row(size, act, began, Phase.SINGLE, Action.SIGN_IN, outcome)
    elif act % 1000 == 9:
        details = {"sha256": f"{act:064x}", "file": "access.yaml", "summary": "", "changes": []}
        yield _row(
            size, act, began, Phase.SINGLE, Action.ACCESS_APPLY, Outcome.SUCCEEDED, details=details
        )
    elif act % 100 == 19:
        details = _change_of_role(act)
        yield _row(
            size, act, began, Phase.SINGLE, Action.ADMIN_CHANGE, Outcome.SUCCEEDED, details=details
        )
    else:
        yield _row(size, act, began, Phase.SINGLE, Action.SIGN_OUT, Outcome.SUCCEEDED)


def _change_of_role(act: int) -> dict[str, Any]:
    told = {"before": {"title": "A"}, "after": {"title": "B"}}
    return {"change": "change", "kind": "role", "name": f"Role in {act}", **told}


def _newest(size: Size, act: int, began: datetime, left: int) -> Iterator[tuple[Any, ...]]:
    """Whatever the size, ``Role1`` of the account 1 was entered lately, and failed since."""
    error = "AccessDenied" if left <= 10 else ""
    return _launch(size, act, began, number=size.roles_each + 1, error=error)


def _launch(
    size: Size, act: int, began: datetime, number: int | None = None, error: str = ""
) -> Iterator[tuple[Any, ...]]:
    action = Action.CREDENTIALS if act % 10 == 5 else Action.LAUNCH
    error = "AccessDenied" if act % 500 == 3 else error
    if number is None:
        number = (act * 7919) % (size.accounts * size.roles_each)
    account, role = divmod(number, size.roles_each)
    details = {
        "account_name": f"Account {account}",
        "alias": f"account-{account}",
        "environment": ENVIRONMENTS[account % len(ENVIRONMENTS)],
        "role_title": f"Role {role}",
    }
    place = (account_id(account), f"Role{role}")
    yield _row(size, act, began, Phase.OPENED, action, Outcome.STARTED, place, details=details)
    outcome = Outcome.FAILED if error else Outcome.SUCCEEDED
    yield _row(size, act, began, Phase.CLOSED, action, outcome, place, error, details)


def _row(
    size: Size,
    act: int,
    began: datetime,
    phase: Phase,
    action: Action,
    outcome: Outcome,
    place: tuple[str, str] = ("", ""),
    error: str = "",
    details: dict[str, Any] | None = None,
) -> tuple[Any, ...]:
    # Every twentieth act is one person's, so that somebody has a long history.
    person = 5 if act % 20 == 0 else (act * 31) % size.people
    time = record.moment_text(began)
    is_entering = bool(place[0])
    return (
        f"{act:032x}",
        phase,
        time,
        time,
        f"person-{person}",
        key_of(person),
        action,
        *place,
        "assume_role" if is_entering else "",
        "default" if is_entering else "",
        f"person-{person}" if is_entering else "",
        f"ASIA{act:016d}" if is_entering and outcome == Outcome.SUCCEEDED else "",
        "eu-west-1" if is_entering else "",
        3600 if is_entering else None,
        record.moment_text(began + timedelta(hours=1)) if is_entering else "",
        f"ticket {act}" if is_entering and act % 5 == 0 else "",
        f"192.0.2.{person % 250}",
        outcome,
        error,
        json.dumps(details or {}, sort_keys=True),
    )


# --- laying -----------------------------------------------------------------------------------


def _insert(model: type[Model], columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert rows of some columns; the others hold the model's own defaults."""
    others = {
        field.column: field.get_db_prep_save(field.get_default(), connection)
        for field in model._meta.concrete_fields
        if field.column not in columns
    }
    if model._meta.auto_field:
        others.pop(model._meta.auto_field.column, None)
    constants = tuple(_plain(value) for value in others.values())
    whole = ((*row, *constants) for row in rows)
    names = ", ".join(f'"{column}"' for column in (*columns, *others))
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in whole:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * (len(columns) + len(others)))
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", whole)  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    """Return what a driver writes without knowing the column: JSON as its text."""
    return json.dumps(value.obj) if hasattr(value, "obj") else value


def _moment(value: datetime | None) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if value else None


def _after(model: type[Model]) -> int:
    last = model._default_manager.aggregate(last=Max("pk"))["last"] or 0
    return int(last) + 1


def _let_sequences_follow() -> None:
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [User, Group]):
            cursor.execute(statement)


if __name__ == "__main__":
    fill(PROMISED)
