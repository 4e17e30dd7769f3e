"""The demo's people, what they were granted, and what they did in the last days."""

import hashlib
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from accounts import local_people, record
from accounts.models import Action, Entry, Origin, Outcome, Role, User
from accounts.record import Act
from demo.standin.organisation import ACCESS_FILE
from portal.session_plan import session_name


@dataclass(frozen=True)
class Person:
    """Somebody to sign in as; the password is no secret, as the demo listens on loopback only."""

    name: str
    password: str
    full_name: str
    may: str


CAST = (
    Person("ann", "ann-enters-here", "Ann", "engineer: many roles, bookmarks, some history"),
    Person("bob", "bob-enters-here", "Bob", "engineer: one role"),
    Person("carol", "carol-waits-here", "Carol", "new here: no role yet"),
    Person("dana", "dana-keeps-watch", "Dana", "administrator: accounts, roles, grants, /admin/"),
)
ADMINISTRATORS = {"dana"}


def settle_if_changed() -> None:
    """Settle when the organisation is not the one of the last time, noted beside the database."""
    stamp = _stamp()
    digest = hashlib.sha256(ACCESS_FILE.read_bytes()).hexdigest()
    if stamp and stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        return
    settle()
    if stamp:
        stamp.write_text(digest, encoding="utf-8")


def _stamp() -> Path | None:
    """Return the file beside the database that says which organisation it holds."""
    path = settings.DATABASE.path
    return Path(path).with_name("organisation.sha256") if path else None


def settle() -> None:
    """Bring the organisation up to date; at the first time also the people and their past."""
    words = ("apply", str(ACCESS_FILE), "--prune", "--yes")
    call_command("access", *words, stdout=io.StringIO())
    for person in CAST:
        _let_in(person)
    if not Entry.objects.filter(action=Action.LAUNCH).exists():
        _remember_the_past()


def _let_in(person: Person) -> None:
    user = local_people.find(person.name)
    if user is not None and user.origin == Origin.LOCAL:
        return
    if person.name in ADMINISTRATORS:
        local_people.make_superuser(person.name, person.password, email="")
    else:
        local_people.change_password(person.name, person.password)
    User.objects.filter(username=person.name).update(name=person.full_name)


@dataclass(frozen=True)
class Memory:
    """One launch of the past: how long ago, where, for how long."""

    days_ago: int
    time: str
    account: str
    role: str
    seconds: int
    reason: str = ""
    action: Action = Action.LAUNCH
    error: str = ""


PAST = (
    Memory(6, "09:12", "payments-staging", "Developer", 28800),
    Memory(6, "13:40", "payments-prod", "ReadOnly", 28800),
    Memory(5, "10:05", "payments-dev", "Developer", 43200, action=Action.CREDENTIALS),
    Memory(4, "08:55", "datalake-dev", "Analyst", 14400),
    Memory(4, "15:31", "storefront-prod", "Deployer", 3600, error="AccessDenied"),
    Memory(3, "09:20", "payments-prod", "Developer", 3600),
    Memory(3, "11:02", "payments-prod", "ReadOnly", 28800),
    Memory(2, "09:01", "payments-staging", "Developer", 28800),
    Memory(2, "16:47", "payments-prod", "incident/IncidentLead", 3600, "Refunds stuck since noon"),
    Memory(1, "09:15", "payments-dev", "Developer", 43200),
    Memory(1, "14:20", "payments-prod", "Developer", 3600),
    Memory(1, "17:45", "log-archive", "Auditor", 3600),
)


def _remember_the_past() -> None:
    """Give ann some history. What is written says when it was written; only acts lie back."""
    ann = User.objects.get(username="ann")
    today = datetime.now(UTC).replace(second=8, microsecond=0)
    roles = {
        (role.account.key, role.name): role
        for role in Role.objects.select_related("account", "source")
    }
    for memory in PAST:
        hour, minute = map(int, memory.time.split(":"))
        began = (today - timedelta(days=memory.days_ago)).replace(hour=hour, minute=minute)
        _remember(memory, began, ann, roles[memory.account, memory.role])


def _remember(memory: Memory, began: datetime, user: User, role: Role) -> None:
    succeeded = not memory.error
    act = Act(
        action=memory.action,
        actor=user.username,
        actor_key=user.record_key,
        session_name=session_name(user, role),
        region=role.region,
        duration_seconds=memory.seconds,
        expires=record.moment_text(began + timedelta(seconds=memory.seconds)) if succeeded else "",
        reason=memory.reason,
        ip="127.0.0.1",
        time=record.moment_text(began),
        details={"made_up": "by the demo"},
    )
    act = record.about(act, role)
    outcome = Outcome.SUCCEEDED if succeeded else Outcome.FAILED
    record.open_act(act)
    record.close_act(act, outcome, memory.error)
